"""Drivers, Ray's workers and nodes, and Blender: killed, stopped and hung in the midst of renders and of a study."""

import json
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import drill
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.blender]
RENDER = ["synth", "render", "--preset", "quick", "--size", 64, "--seed", 3, "--count", 9, "--out"]
VIEW = r"^open work/.*view-\d+\.npz"  # Blender, in the middle of its own file
IMAGE, PART = "^rename images/", "^rename parts/"


def finished(*line: object, **options: object) -> str:
    """Run a command to its good end; its stderr."""
    child = drill.start(*line, **options)
    _, errors = child.communicate(timeout=400)
    assert child.returncode == 0, errors
    return errors


def listed(out: Path) -> dict[Path, int]:
    """The images that parts say are done, and when each was written."""
    names = [
        image["file_name"] for path in out.glob("parts/*.json") for image in json.loads(path.read_text())["images"]
    ]
    return {out / "images" / name: (out / "images" / name).stat().st_mtime_ns for name in names}


def settled(out: Path) -> None:
    """Wait until nothing works for `out` any more."""
    drill.until(lambda: not drill.mentioning(out), seconds=30)
    assert not drill.mentioning(out)


def goes_on(out: Path, dataset: Path, *, least: int = 0) -> None:
    """The same command draws no listed image again, and ends as the one that was never disturbed."""
    settled(out)
    done = listed(out)
    assert len(done) >= least
    finished(*RENDER, out)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert drill.hashes(out) == drill.hashes(dataset)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("render") / "out"
    finished(*RENDER, out)
    return out


@pytest.mark.parametrize(
    ("match", "at"),
    [
        (VIEW, 3),  # Blender
        (IMAGE, 4),  # a worker, its image written and not yet named
        (PART, 4),  # a worker, its image named and not yet listed
    ],
    ids=["Blender in its file", "worker before the image", "worker before the part"],
)
def test_a_killed_part_of_a_render_is_started_again_by_itself(
    match: str, at: int, dataset: Path, tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    finished(*RENDER, out, drill={"below": str(out), "log": str(log), "match": match, "at": at, "trouble": "kill"})
    assert drill.hashes(out) == drill.hashes(dataset)
    met = log.read_text().splitlines()
    assert len(met) == 9 + 1 if match != VIEW else len(met) > 9  # but for the one that was cut off, each once


@pytest.mark.parametrize(
    ("match", "at"), [(VIEW, 4), (PART, 5), (r"^open \.annotations\.json", 1)], ids=["drawing", "parts", "assembly"]
)
def test_a_killed_driver_leaves_what_the_same_command_goes_on_from(
    match: str, at: int, dataset: Path, tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    child = drill.start(
        *RENDER, out, drill={"below": str(out), "log": str(log), "match": match, "at": at, "trouble": "driver"}
    )
    child.communicate(timeout=300)
    assert child.returncode == -signal.SIGKILL
    assert not (out / "dataset.json").exists()
    goes_on(out, dataset, least=at - 2)


def test_a_killed_ray_node_ends_the_render_and_the_same_command_goes_on(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    child = drill.start(*RENDER, out)
    drill.until(lambda: len(listed(out)) >= 2, seconds=200)
    [node] = [pid for pid in drill.descendants(child.pid) if drill.name_of(pid) == "raylet"]
    os.kill(node, signal.SIGKILL)
    _, errors = child.communicate(timeout=200)
    assert child.returncode not in (0, None)
    assert "Traceback" not in errors
    goes_on(out, dataset)


def test_a_hung_blender_is_killed_when_its_time_is_over_and_its_batch_drawn_again(
    dataset: Path, tmp_path: Path
) -> None:
    """Stopped once. Its time without use of the processor is divided by 20: from 600 s to 30 s."""
    out, log = tmp_path / "out", tmp_path / "log"
    hang = {"below": str(out), "log": str(log), "match": VIEW, "at": 3, "trouble": "stop", "shorten": 20}
    finished(*RENDER, out, drill=hang)
    assert len({Path(view).parent for view in log.read_text().splitlines()}) == 3  # it hung: one batch was begun twice
    assert drill.hashes(out) == drill.hashes(dataset)
    assert not drill.mentioning(out)


@pytest.mark.parametrize(
    ("match", "since", "least"),
    [("^open images/", 4, 3), (VIEW, 3, 1), ("^open parts/", 3, 2)],
    ids=["image", "view", "part"],
)
def test_a_disk_that_fills_up_in_a_render_is_one_line_and_the_same_command_goes_on_when_there_is_room(
    match: str, since: int, least: int, dataset: Path, tmp_path: Path
) -> None:
    """From then on there is room neither for a worker's image, nor for what Blender writes, nor for a part."""
    out, log = tmp_path / "out", tmp_path / "log"
    trouble = {"below": str(out), "log": str(log), "match": match, "since": since, "trouble": "full"}
    child = drill.start(*RENDER, out, drill=trouble)
    _, errors = child.communicate(timeout=400)
    assert child.returncode in (1, 2)
    last = errors.splitlines()[-1]
    assert last.startswith(f"corrotwin synth: error: {out}: images ")
    assert "No space left on device" in last
    assert "Traceback" not in errors
    assert not list(out.rglob("*.tmp"))
    assert not (out / "dataset.json").exists()
    for path in out.glob("images/*"):  # whole, as it will be
        assert path.read_bytes() == (dataset / "images" / path.name).read_bytes()
    goes_on(out, dataset, least=least)


def test_a_blender_that_hangs_each_time_is_reported_by_image_and_seed(tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    hang = {"below": str(out), "log": str(log), "match": VIEW, "at": "each", "trouble": "stop", "shorten": 30}
    child = drill.start(*RENDER[:-3], "--count", 2, "--out", out, drill=hang)
    _, errors = child.communicate(timeout=400)
    assert child.returncode == 1
    assert re.match(
        f"corrotwin synth: error: {out}: images 0 to 1 of seed 3 failed, tried 3 times, with RuntimeError: "
        r"Blender hung: idle for \d+ s: ",
        errors.splitlines()[-1],
    )
    assert log.read_text().count("\n") == 3  # tried three times
    assert not drill.mentioning(out)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_render_stops_within_five_seconds_and_leaves_no_process(
    how: signal.Signals, dataset: Path, tmp_path: Path
) -> None:
    """Ctrl-C reaches all processes of the terminal, SIGTERM the driver alone."""
    out = tmp_path / "out"
    child = drill.start(*RENDER, out)
    drill.until(lambda: len(listed(out)) >= 2, seconds=200)
    begun = time.monotonic()
    if how is signal.SIGINT:
        os.killpg(child.pid, how)
    else:
        child.send_signal(how)
    _, errors = child.communicate(timeout=60)
    assert time.monotonic() - begun < drill.patience(5)
    assert child.returncode == 130
    assert errors.splitlines()[-1] == "corrotwin synth: interrupted; the same command resumes where it can"
    assert "Traceback" not in errors
    goes_on(out, dataset)


class Study:
    """A study of two real runs of one network, and what it leaves undisturbed."""

    def __init__(self, photos: Path, home: Path) -> None:
        self.line = [
            "benchmarks", "run", "--profile", "quick", "--data", photos, "--split", "own", "--arms", "real",
            "--backbones", "mobilenet_v2", "--runs", 2, "--threads", 1, "--out",
        ]  # fmt: skip
        self.log = home / "log"
        whole = home / "whole"
        finished(*self.line, whole, drill={"below": str(whole), "log": str(self.log)})
        self.moments = self.log.read_text().splitlines()
        self.tables = self.tables_of(whole)

    @staticmethod
    def tables_of(out: Path) -> dict[str, bytes]:
        """Every table of counts and of the report that does not depend on time, as the minutes in table 1 do."""
        found = [*out.glob("runs/*/per_image.csv"), *out.glob("report/table[2-4].csv"), out / "split.json"]
        return {str(path.relative_to(out)): path.read_bytes() for path in found}

    def survives(self, out: Path, *, at: int, trouble: str, match: str = "") -> None:
        """Begin the study with trouble, and go on until it is whole; no finished run is trained again."""
        self.log.unlink()
        met = {"below": str(out), "log": str(self.log), "match": match, "at": at, "trouble": trouble}
        child = drill.start(*self.line, out, drill=met)
        _, errors = child.communicate(timeout=400)
        assert len(self.log.read_text().splitlines()) >= at  # the trouble came
        assert child.returncode == -signal.SIGKILL or trouble != "driver"
        settled(out)
        done = drill.times(out, "run.json")
        if child.returncode != 0:
            assert "Traceback" not in errors
            finished(*self.line, out)
        assert {path: path.stat().st_mtime_ns for path in done} == done
        assert self.tables_of(out) == self.tables
        assert not list(out.glob("runs/*/last*"))
        assert not list(out.rglob("*.tmp"))


@pytest.fixture(scope="module")
def study(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield Study(photos, tmp_path_factory.mktemp("study"))


@pytest.mark.parametrize(
    ("match", "at", "trouble"),
    [
        ("^rename study.json", 1, "driver"),
        ("^fsync runs/.*best.safetensors", 1, "torn"),
        ("^rename runs/.*run.json", 2, "driver"),
        ("^rename report/index.html", 1, "driver"),
    ],
    ids=["swap of study.json", "weights of a run", "last run", "report"],
)
def test_a_study_survives(match: str, at: int, trouble: str, study: Study, tmp_path: Path) -> None:
    study.survives(tmp_path / "out", match=match, at=at, trouble=trouble)


def test_a_study_survives_random_moments(study: Study, tmp_path: Path) -> None:
    """TORTURE_ROUNDS times, from a seed that a failure names; the writer or the driver is killed."""
    seed = int(os.environ.get("TORTURE_SEED", time.time_ns() % 10**6))
    rng = random.Random(seed)
    for number in range(int(os.environ.get("TORTURE_ROUNDS", "2"))):
        # The last moments might not come: how many there are depends a little on how fast the machine is.
        at, trouble = rng.randrange(1, len(study.moments) * 9 // 10), rng.choice(["torn", "driver"])
        try:
            study.survives(tmp_path / str(number), at=at, trouble=trouble)
        except AssertionError as error:
            raise AssertionError(f"TORTURE_SEED={seed}, round {number}: {trouble} at {at}: {error}") from error
