"""The command as a user runs it: real Blender, killed, resumed, with other numbers of workers."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from synth import render, scene
from synth.config import RenderConfig

COMMAND = [sys.executable, "-m", "synth", "render", "--preset", "quick", "--size", "64", "--seed", "3", "--count", "9"]


def run(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, "--out", str(out), *options], capture_output=True, text=True, timeout=300)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def listed(folder: Path) -> list[Path]:
    """The images that the parts say are done."""
    parts = [json.loads(path.read_text()) for path in folder.glob("parts/*.json")]
    return [folder / "images" / image["file_name"] for part in parts for image in part["images"]]


def processes() -> list[str]:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("render") / "dataset"
    done = run(out, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.blender
def test_pycocotools_loads_and_decodes_everything(dataset: Path) -> None:
    coco = COCO(dataset / "annotations.json")
    assert coco.getImgIds() == list(range(1, 10))
    card = json.loads((dataset / "dataset.json").read_text())
    assert card["images"] == 9
    config = RenderConfig(preset="quick", size=64, seed=3)
    assert set(card["images_by_kind"]) == {scene.kind_of(config, index) for index in range(5)}
    assert [image["asset_kind"] for image in coco.loadImgs(range(1, 10))] == [
        scene.kind_of(config, index // 2) for index in range(9)
    ]
    assert "twin" not in card
    assert 0 < card["images_without_corrosion"] < 9
    for annotation in coco.loadAnns(coco.getAnnIds()):
        mask = coco.annToMask(annotation)
        assert mask.shape == (64, 64)
        assert mask.sum() == annotation["area"] > 0
    assert (dataset / "preview.jpg").stat().st_size > 0


@pytest.mark.blender
def test_pictures_are_neither_black_nor_blank(dataset: Path) -> None:
    from PIL import Image

    for path in (dataset / "images").iterdir():
        picture = np.asarray(Image.open(path))
        assert picture.shape == (64, 64, 3)
        assert 15 < picture.mean() < 240
        assert picture.std() > 5


@pytest.mark.blender
def test_finished_folder_is_left_alone(dataset: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*") if path.name != ".lock"}
    assert run(dataset).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*") if path.name != ".lock"} == before


@pytest.mark.blender
def test_killed_then_resumed_and_appended_with_two_workers_gives_the_same_files(dataset: Path, tmp_path: Path) -> None:
    """The first command stops in the middle of a scene."""
    out = tmp_path / "killed"
    child = subprocess.Popen([*COMMAND, "--out", str(out), "--workers", "2", "--count", "7"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(listed(out)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()  # its workers live on for a moment, beside those of the next command
    assert not (out / "dataset.json").exists()
    done = {path: path.stat().st_mtime_ns for path in listed(out)}
    assert 4 <= len(done) < 7

    assert run(out, "--workers", "2", "--count", "9").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert hashes(out) == hashes(dataset)


@pytest.mark.slow
@pytest.mark.blender
def test_appended_in_the_middle_of_a_scene_is_the_same_dataset(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "appended"
    assert run(out, "--count", "7").returncode == 0
    assert json.loads((out / "dataset.json").read_text())["images"] == 7
    assert run(out, "--count", "9").returncode == 0
    assert hashes(out) == hashes(dataset)


@pytest.mark.blender
def test_terminated_ends_soon_with_130_and_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "out"
    child = subprocess.Popen([*COMMAND, "--out", str(out)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(out.glob("work/*/*/batch.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    child.terminate()
    _, errors = child.communicate(timeout=10)
    assert child.returncode == 130
    assert errors.endswith("interrupted; the same command resumes\n")
    time.sleep(1)
    assert not [line for line in processes() if str(out) in line]


@pytest.mark.blender
def test_crash_of_blender_is_reported_with_its_images_and_status_1(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "bpy").mkdir()
    (tmp_path / "bpy" / "__init__.py").write_text("raise SystemError('no display, no fun')")
    done = subprocess.run(
        [*COMMAND, "--out", str(out), "--count", "1"], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "images 0 to 0 with RuntimeError: Blender ended with status 1: SystemError: no display" in done.stderr
    assert not (out / "dataset.json").exists()


def test_hung_blender_is_stopped_and_what_it_had_finished_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Blender that finishes two views, each in over half the time it has, and then none."""
    (tmp_path / "bpy").mkdir()
    (tmp_path / "bpy" / "__init__.py").write_text(
        "import os, sys, time\n"
        "for view in b'4\\n', b'5\\n':\n    time.sleep(1.2)\n    os.write(3, view)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "print('still at it', file=sys.stderr, flush=True)\ntime.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    finished: list[int] = []
    with pytest.raises(RuntimeError, match=r"Blender hung: no view in 2 s: still at it"):
        finished.extend(render._blender(tmp_path, seconds=2))
    assert finished == [4, 5]
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "0"], "--count 0: give at least 1 image"),
        (["--size", "0"], "--size 0"),
        (["--seed", "-1"], "--seed -1"),
        (["--workers", "0"], "--workers 0"),
        (["--address", "127.0.0.1:1"], "--address 127.0.0.1:1: no Ray cluster answers there"),
        (["--address", "nowhere"], "--address nowhere: no Ray cluster answers there"),
        (["--preset", "moon"], "unknown preset 'moon'; choose one of balanced, quick, "),
    ],
)
def test_bad_options_write_nothing(options: list[str], message: str, tmp_path: Path) -> None:
    done = run(tmp_path / "out", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine")
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"python -m synth: error: {tmp_path}: holds something else and is not a dataset folder; choose another folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


@pytest.mark.blender
def test_one_clean_image_of_one_pixel_is_a_dataset(tmp_path: Path) -> None:
    done = run(tmp_path / "out", "--count", "1", "--size", "1")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [(image["width"], image["height"]) for image in document["images"]] == [(1, 1)]
