"""Commands that write, each with the folder that it starts from."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import drill
import numpy as np
import pytest
from photographs import picture, write_folder, write_parts


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command with what it starts from.

    Parameters
    ----------
    line : the words after ``corrotwin``.
    place : folder that it writes.
    begin : makes `place` what it is before the command.
    result : what the command decides, of a finished `place`; nothing that depends on time.
    costly : takes seconds.
    """

    line: list[object]
    place: Path
    begin: Callable[[], None]
    result: Callable[[Path], object]
    costly: bool = False


def files(place: Path) -> dict[str, str]:
    """Hashes of what a finished folder holds; locks are empty then."""
    return {name: value for name, value in drill.hashes(place).items() if not name.endswith(".lock")}


def trained(place: Path) -> object:
    """Return what the same configuration and data always give: no seconds, and no curves, which hold times."""
    rows = list(csv.DictReader((place / "history.csv").read_text().splitlines()))
    manifest = json.loads((place / "run.json").read_text())
    kept = {name: content for name, content in files(place).items() if "tfevents" not in name}
    found = {**kept, "history.csv": [{**row, "seconds": ""} for row in rows]}
    return {**found, "run.json": {**manifest, "train_seconds": ""}}


def copier(source: Path, place: Path) -> Callable[[], None]:
    def begin() -> None:
        shutil.rmtree(place, ignore_errors=True)
        if source.exists():
            shutil.copytree(source, place)

    return begin


@pytest.fixture(scope="session")
def forge() -> Iterator[drill.Forge]:
    with drill.forge(
        "histories",
        "corrotwin.twin.store",
        "corrotwin.twin.bayes.predictive_check",
        "rich.live",
        "corrotwin.segmentation.data.leakage",
        "corrotwin.synth.preview.card",
    ) as made:
        yield made


@pytest.fixture(scope="session")
def trainer() -> Iterator[drill.Forge]:
    """A forge that has torch, which takes seconds to import."""
    with drill.forge("corrotwin.segmentation.training.train", "corrotwin.segmentation.training.progress") as made:
        yield made


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="session")
def old_twin(home: Path, forge: drill.Forge) -> Path:
    """A rod of ten years with one reading: the twin that is made soonest."""
    folder = home / "old"
    made = "twin", "new", "bar", "--random", "--out", folder, "--seed", 1, "--built", "2004-05-31", "--years", 10
    assert forge.run(*made, "--texel-mm", 40, "--set", "count=1") == (0, "")
    reading = "--kind", "ultrasonic", "--zone", "bar", "--value", 13.8, "--tool", "UT-3"
    assert forge.run("twin", "inspect", folder, "--date", "2012-05-31", *reading) == (0, "")
    return folder


@pytest.fixture(scope="session")
def watched(home: Path, old_twin: Path) -> Path:
    """The twin, and a folder with two files of readings for it, one of which has all of the other."""
    folder = home / "watched"
    shutil.copytree(old_twin, folder / "twin")
    (folder / "inbox").mkdir()
    rows = "date,zone,value,tool,place,unit\n2013-05-31,bar,13.8,UT-3,A,mm\n2014-05-31,bar,13.7,UT-3,A,mm\n"
    (folder / "inbox" / "a.csv").write_text(rows)
    (folder / "inbox" / "b.csv").write_text(f"{rows}2014-05-31,bar,13.6,UT-3,B,mm\n")
    return folder


@pytest.fixture(scope="session")
def photos(home: Path) -> Path:
    """An export of 12 photos for training, 3 for validation and 3 for the test."""
    folder = home / "photos"
    for seed, (part, count) in enumerate({"train": 12, "valid": 3, "test": 3}.items()):
        write_folder(
            folder / part, count=count, seed=seed, size=(40, 40), json_name="_annotations.coco.json", images="."
        )
    return folder


@pytest.fixture(scope="session")
def rendered(home: Path) -> Path:
    """A dataset whose images and parts are all there, made of numbers, and not yet assembled."""
    from corrotwin.synth.config import RenderConfig
    from corrotwin.synth.rendering.job import Task
    from corrotwin.twin.core.files import write_json

    task = Task(config=RenderConfig(preset="quick", size=64, seed=3), shown=None, count=9)
    folder, rng = home / "rendered", np.random.default_rng(0)

    def draw(_: int) -> tuple[np.ndarray, list[np.ndarray]]:
        image, mask = picture(rng, 64, 64)
        return image, [mask]

    write_parts(folder, task, draw)
    write_json(folder / "work" / "000000" / "claim.json", {})
    return folder


@pytest.fixture(scope="session")
def cases(home: Path, old_twin: Path, watched: Path, photos: Path, rendered: Path) -> dict[str, Case]:
    """Cheap commands by their names."""
    work = home / "work"
    readings = home / "readings.csv"
    readings.write_text(
        "date,zone,kind,value,tool\n2013-05-31,bar,ultrasonic,13.8,UT-3\n2013-05-31,bar,ultrasonic,13.7,UT-4\n"
    )
    lines: dict[str, tuple[list[object], Path, Callable[[Path], object]]] = {
        "grow": (["twin", "grow", work, "--until", "2020-01-01"], old_twin, files),
        "inspect": (["twin", "inspect", work, "--csv", readings], old_twin, files),
        "watch": (["twin", "watch", work / "twin", work / "inbox", "--once", "--settle", 0], watched, files),
        "split": (
            ["segmentation", "split", "--data", photos, "--out", work / "split.json", "--by", "names"],
            home / "none", files,
        ),
        "assemble": (
            ["synth", "render", "--preset", "quick", "--size", 64, "--seed", 3, "--count", 9, "--out", work],
            rendered, files,
        ),
        "train": (
            ["segmentation", "train", "--data", photos, "--split", "own", "--profile", "quick", "--size", 32,
             "--epochs", 2, "--threads", 1, "--checkpoint-seconds", 0, "--out", work],
            home / "none", trained,
        ),
    }  # fmt: skip
    return {
        name: Case(line=line, place=work, begin=copier(source, work), result=result, costly=name == "train")
        for name, (line, source, result) in lines.items()
    }
