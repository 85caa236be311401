"""The command as a user runs it: real Blender, killed, resumed, with other numbers of workers."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import drill
import numpy as np
import pytest
from drawn import assembled
from PIL import Image
from pycocotools.coco import COCO

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.labels import maps
from corrotwin.synth.presets.builtin import preset
from corrotwin.synth.presets.schema import departures
from corrotwin.synth.rendering import batch, dry_run, fanout, verify
from corrotwin.synth.rendering.dataset import render
from corrotwin.synth.rendering.job import CONTENT, Task
from corrotwin.synth.scene import sampling
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, write_json

BARE = [sys.executable, "-m", "corrotwin", "synth", "render", "--preset", "quick", "--size", "64", "--seed", "3"]
COMMAND = [*BARE, "--count", "9"]


def run(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, "--out", str(out), *options], capture_output=True, text=True, timeout=300)


def listed(folder: Path) -> list[Path]:
    """The images that the parts say are done."""
    parts = [json.loads(path.read_text()) for path in folder.glob("parts/*.json")]
    return [folder / "images" / image["file_name"] for part in parts for image in part["images"]]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("render") / "dataset"
    done = run(out, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.blender
def test_one_image_is_rendered_and_labelled(tmp_path: Path) -> None:
    """The one real render of the fast tests."""
    line = [*BARE, "--count", "1", "--out", str(tmp_path / "one")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    coco = COCO(tmp_path / "one" / "annotations.json")
    (picture,) = (tmp_path / "one" / "images").iterdir()
    (image,) = coco.loadImgs(coco.getImgIds())
    assert (image["file_name"], image["width"], image["height"]) == (picture.name, 64, 64)
    seen = np.asarray(Image.open(picture))
    assert seen.shape == (64, 64, 3)
    assert 15 < seen.mean() < 240
    masks = [coco.annToMask(annotation) for annotation in coco.loadAnns(coco.getAnnIds())]
    assert masks
    assert all(0 < mask.sum() == one["area"] for mask, one in zip(masks, coco.loadAnns(coco.getAnnIds()), strict=True))


@pytest.mark.ci
@pytest.mark.blender
def test_pycocotools_loads_and_decodes_everything(dataset: Path) -> None:
    coco = COCO(dataset / "annotations.json")
    assert coco.getImgIds() == list(range(1, 10))
    card = json.loads((dataset / "dataset.json").read_text())
    assert card["images"] == 9
    config = RenderConfig(preset="quick", size=64, seed=3)
    assert set(card["images_by_kind"]) == {sampling.kind_of(config, index) for index in range(5)}
    assert [image["asset_kind"] for image in coco.loadImgs(range(1, 10))] == [
        sampling.kind_of(config, index // 2) for index in range(9)
    ]
    assert "twin" not in card
    assert 0 < card["images_without_corrosion"] < 9
    for annotation in coco.loadAnns(coco.getAnnIds()):
        mask = coco.annToMask(annotation)
        assert mask.shape == (64, 64)
        assert mask.sum() == annotation["area"] > 0
    assert (dataset / "preview.jpg").stat().st_size > 0


@pytest.mark.ci
@pytest.mark.blender
def test_pictures_are_neither_black_nor_blank(dataset: Path) -> None:
    for path in (dataset / "images").iterdir():
        picture = np.asarray(Image.open(path))
        assert picture.shape == (64, 64, 3)
        assert 15 < picture.mean() < 240
        assert picture.std() > 5


@pytest.mark.ci
@pytest.mark.blender
def test_finished_folder_is_left_alone(dataset: Path) -> None:
    before = drill.times(dataset)
    assert run(dataset).returncode == 0
    assert drill.times(dataset) == before


@pytest.mark.slow
@pytest.mark.blender
def test_killed_then_resumed_and_appended_with_two_workers_gives_the_same_files(dataset: Path, tmp_path: Path) -> None:
    """The first command stops in the middle of a scene, as a worker gives the fourth of 7 images its name."""
    out = tmp_path / "killed"
    trouble = {"below": str(out), "log": str(tmp_path / "log"), "match": "^rename images/", "at": 4}
    child = drill.start(
        *COMMAND[3:], "--out", out, "--workers", 2, "--count", 7, drill={**trouble, "trouble": "driver"}
    )
    child.communicate(timeout=600)  # its workers live on for a moment, beside those of the next command
    assert child.returncode == -signal.SIGKILL
    assert not (out / "dataset.json").exists()
    done = {path: path.stat().st_mtime_ns for path in listed(out)}
    assert len(done) >= 2  # each of two workers may yet have to list one

    assert run(out, "--workers", "2", "--count", "9").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert drill.hashes(out) == drill.hashes(dataset)


@pytest.mark.slow
@pytest.mark.blender
def test_only_one_image_is_the_same_files(dataset: Path, tmp_path: Path) -> None:
    """The second of two views of a scene, in the middle of a batch."""
    out = tmp_path / "one"
    done = subprocess.run([*BARE, "--only", "3", "--out", str(out)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (out / "images").iterdir()] == ["000003.jpg"]
    assert (out / "images" / "000003.jpg").read_bytes() == (dataset / "images" / "000003.jpg").read_bytes()
    for name in ("annotations.json", "instances.json"):
        whole, one = (json.loads((folder / name).read_text()) for folder in (dataset, out))
        assert one["images"] == [image for image in whole["images"] if image["id"] == 4]
        numbers = {"id": 0}
        wanted = [each | numbers for each in whole["annotations"] if each["image_id"] == 4]
        assert [each | numbers for each in one["annotations"]] == wanted
    refused = run(out)
    assert refused.returncode == 2
    assert "only: 3 in the folder, None requested" in refused.stderr


@pytest.mark.slow
@pytest.mark.blender
def test_appended_in_the_middle_of_a_scene_is_the_same_dataset(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "appended"
    assert run(out, "--count", "7").returncode == 0
    assert json.loads((out / "dataset.json").read_text())["images"] == 7
    assert run(out, "--count", "9").returncode == 0
    assert drill.hashes(out) == drill.hashes(dataset)


FOUR_BATCHES = [*COMMAND[3:], "--count", "19"]
STAGES = [
    (r"^rename claim\.json", 1),  # as soon as it holds the folder
    (r"^rename work/.*/batch\.json", 1),  # as Blender is about to start
    ("^rename images/", 1),
    ("^rename images/", 4),  # in the middle of scenes
    (r"^open \.instances\.json", 1),  # as it assembles
]


@pytest.fixture(scope="module")
def four_batches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("four") / "dataset"
    done = run(out, "--workers", "1", "--count", "19")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
@pytest.mark.blender
@pytest.mark.parametrize("workers", [1, 4])
def test_killed_again_and_again_ends_as_the_undisturbed_dataset(
    four_batches: Path, tmp_path: Path, workers: int
) -> None:
    """The driver is killed at each stage; then it is left alone. Four batches, so that four workers have work."""
    out = tmp_path / "killed"
    line = [*FOUR_BATCHES, "--out", out, "--workers", workers]
    for number, (match, at) in enumerate(STAGES):
        trouble = {"below": str(out), "log": str(tmp_path / f"log-{number}"), "match": match, "at": at}
        child = drill.start(*line, drill={**trouble, "trouble": "driver"})
        child.communicate(timeout=600)
        assert child.returncode == -signal.SIGKILL, match
        assert not (out / "dataset.json").exists()
    done = {path: path.stat().st_mtime_ns for path in listed(out)}
    assert len(done) == 19
    assert run(out, "--workers", str(workers), "--count", "19").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert drill.hashes(out) == drill.hashes(four_batches)


@pytest.mark.slow
@pytest.mark.blender
def test_raylet_killed_half_way_costs_the_batch_in_flight(dataset: Path, tmp_path: Path) -> None:
    """A cluster of two nodes that render beside the head; one is killed while both do. The command goes on alone."""
    from ray.cluster_utils import Cluster

    out = tmp_path / "cluster"

    def working() -> int:
        return len(list(out.glob("work/*/*/batch.json")))

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [cluster.add_node(num_cpus=1, resources={"blender": 1}) for _ in range(2)]
        command = [*COMMAND, "--out", str(out), "--address", cluster.address]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
            drill.until(lambda: len(listed(out)) >= 2 and working() == 2, seconds=300)
            done = {path: path.stat().st_mtime_ns for path in listed(out)}
            assert working() == 2, "both nodes render"
            cluster.remove_node(nodes[0], allow_graceful=False)
            assert 2 <= len(done) < 9
            assert not (out / "annotations.json").exists()
            _, errors = child.communicate(timeout=600)
        assert child.returncode == 0, errors
        assert {path: path.stat().st_mtime_ns for path in done} == done, "none was drawn again"
        assert drill.hashes(out) == drill.hashes(dataset)
    finally:
        cluster.shutdown()


@pytest.mark.slow
@pytest.mark.blender
def test_terminated_ends_soon_with_130_and_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "out"
    child = subprocess.Popen([*COMMAND, "--out", str(out)], stderr=subprocess.PIPE, text=True)
    drill.until(lambda: any("corrotwin.synth.blender" in line for line in drill.mentioning(out)), seconds=300)
    begun = time.monotonic()
    child.terminate()
    _, errors = child.communicate(timeout=300)
    assert time.monotonic() - begun < drill.patience(10)
    assert child.returncode == 130
    assert errors.endswith("interrupted; the same command resumes where it can\n")
    drill.until(lambda: not drill.mentioning(out), seconds=30)
    assert not drill.mentioning(out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "0"], "--count 0: give at least 1 image"),
        (["--size", "0"], "--size 0"),
        (["--size", "8193"], "--size 8193: give a picture side of 1 to 8192 pixels"),
        (["--seed", "-1"], "--seed -1"),
        (["--workers", "0"], "--workers 0"),
        (["--only", "3"], "--only 3 with --count 9: give one of them"),
        (["--address", "127.0.0.1:1"], "--address 127.0.0.1:1: no Ray cluster answers there"),
        pytest.param(
            ["--address", "nowhere"], "--address nowhere: no Ray cluster answers there", marks=pytest.mark.slow
        ),
        (["--preset", "moon"], "unknown preset 'moon'; choose one of balanced, quick, "),
    ],
)
def test_bad_options_write_nothing(
    options: list[str],
    message: str,
    tmp_path: Path,
    run_module: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    if "--address" in options:  # Ray is left in a process of its own
        done = run(tmp_path / "out", *options)
    else:
        done = run_module(*COMMAND[3:], "--out", tmp_path / "out", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_only_below_the_first_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`only` -1: images are numbered from 0"):
        render(tmp_path / "out", RenderConfig(preset="quick", size=64, seed=3), count=1, only=-1)


@pytest.mark.ci
def test_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine")
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"corrotwin synth: error: {tmp_path}: holds something else and is not a dataset folder; choose another folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


@pytest.mark.slow
@pytest.mark.blender
def test_one_clean_image_of_one_pixel_is_a_dataset(tmp_path: Path) -> None:
    done = run(tmp_path / "out", "--count", "1", "--size", "1")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [(image["width"], image["height"]) for image in document["images"]] == [(1, 1)]


def changed_json(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)


def test_a_folder_from_before_a_field_was_added_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim has a digest of the whole preset of then, and no `polygons`; the card states no `heaps`."""
    out = tmp_path / "out"
    config = assembled(out, monkeypatch)

    def as_then(claim: Any) -> None:
        then = {name: value for name, value in asdict(preset("quick")).items() if name != "heaps"}
        claim["configuration"][CONTENT] = digest(then)
        del claim["configuration"]["polygons"]

    changed_json(out / "claim.json", as_then)
    changed_json(out / "dataset.json", lambda card: card["preset"].pop("heaps"))
    before = drill.times(out)
    assert render(out, config, count=2) == 2
    assert "nothing is left" in dry_run.estimate(out, Task(config=config, shown=None, count=1), workers=1, address=None)
    assert drill.times(out) == before
    assert verify._origin(out, None).config == config
    with pytest.raises(InputError, match=r"preset content: '.*' in the folder, '.*' requested"):
        render(out, config, count=3)
    with pytest.raises(InputError, match=r"other settings \(seed: 3 in the folder, 4 requested\)"):
        render(out, replace(config, seed=4), count=2)


def test_only_what_is_no_default_is_of_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = RenderConfig(preset="stress", size=16, seed=0).preset_stated()
    found = departures(stated)
    assert found["labels"] == {"smallest_region": 0.0001}
    assert found["sensor"]["jpeg_quality"] == [45, 80]
    assert "heaps" not in found
    assert departures({**stated, "heaps": 0.0, "sensor": {**stated["sensor"], "grain": [0.0, 0.0015]}}) == found
    assert departures({**stated, "heaps": 0.1}) != found
    assert departures({**stated, "unknown": 0}) != found


@pytest.mark.parametrize("what", ["image", "map"])
def test_a_lost_file_of_a_finished_folder_is_rendered_again(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where fewer images are asked for than the folder has, which then stay."""
    out = tmp_path / "out"
    config = assembled(out, monkeypatch, ("depth", "severity"))
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.parent.name != "parts"}
    lost = batch.image_file(out, 1) if what == "image" else maps.path(out, "severity", 1)
    lost.unlink()

    def drawn(task: object, items: list[fanout.Item], *, is_done: Any, **more: Any) -> list[fanout.Failure]:
        assert [item.key for item in items if not is_done(item.key)] == ["0"]
        assert batch.missing(out, 0, range(2), config.maps) == [1]
        lost.write_bytes(kept[lost])
        return []

    monkeypatch.setattr(fanout, "fan_out", drawn)
    assert render(out, config, count=1) == 2
    assert {path: path.read_bytes() for path in kept} == kept
    lost.unlink()
    part = batch.read_part(out, 0)
    write_json(batch.part_file(out, 0), {**part, "made_by": {"corrotwin": "0.0"}})
    with pytest.raises(InputError, match="started with another version of the program"):
        render(out, config, count=2)
