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

COMMAND = [sys.executable, "-m", "synth", "render", "--size", "64", "--seed", "3", "--count", "9"]


def run(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, "--out", str(out), *options], capture_output=True, text=True, timeout=300)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


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
    assert set(card["images_by_kind"]) == {"chain", "pipe", "plate"}
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
def test_killed_and_resumed_with_two_workers_gives_the_same_files(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    child = subprocess.Popen([*COMMAND, "--out", str(out), "--workers", "2"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(out.glob("parts/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    (kept,) = out.glob("parts/*.json")
    time.sleep(2)  # whatever the driver left running dies with it
    assert not (out / "dataset.json").exists()
    written = kept.stat().st_mtime_ns

    assert run(out, "--workers", "2").returncode == 0
    assert kept.stat().st_mtime_ns == written
    assert hashes(out) == hashes(dataset)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "0"], "--count 0: give at least 1 image"),
        (["--size", "0"], "--size 0"),
        (["--seed", "-1"], "--seed -1"),
        (["--workers", "0"], "--workers 0"),
        (["--preset", "moon"], "unknown preset 'moon'; choose one of balanced, standin"),
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
        f"python -m synth: error: {tmp_path}: holds something else and is not a dataset folder; choose another --out\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


@pytest.mark.blender
def test_one_clean_image_of_one_pixel_is_a_dataset(tmp_path: Path) -> None:
    done = run(tmp_path / "out", "--count", "1", "--size", "1")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [(image["width"], image["height"]) for image in document["images"]] == [(1, 1)]
