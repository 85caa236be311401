"""What the system does to a command: a disk that is full, read-only or closed, no memory, another command, a signal."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import drill
import pytest
from drill import Forge

EPOCHS = 6  # of the training that is stopped after two
ROOT = os.geteuid() == 0
CLOSED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if ROOT else []  # root who heeds permissions


def shell(script: str, **variables: object) -> list[tuple[int, str]]:
    """Run a script in mount and user space of its own; the status and stderr of each ``try`` in it."""
    if not ROOT or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        if os.environ.get("ROOT_REQUIRED"):
            pytest.fail("only root may mount, and ROOT_REQUIRED is set")
        pytest.skip("only root may mount")
    head = """
    set -e
    errors=$(mktemp)
    try() { s=0; "$@" >/dev/null 2>"$errors" || s=$?; echo "$s"; cat "$errors"; echo ===; }
    """
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", head + script], capture_output=True, text=True, check=True,
        env={**os.environ, **{name: str(value) for name, value in variables.items()}, "PY": sys.executable},
    )  # fmt: skip
    tries = [each.lstrip("\n").partition("\n") for each in done.stdout.split("===\n") if each.strip()]
    return [(int(status), errors) for status, _, errors in tries]


def test_a_disk_that_fills_up_is_one_line_and_the_same_command_goes_on_when_there_is_room(
    old_twin: Path, tmp_path: Path, cases: dict[str, Any], forge: Forge
) -> None:
    """A file system of 1 MB, filled by something else."""
    script = """
    mount -t tmpfs -o size=1m tmpfs "$disk"
    cp -r "$old" "$disk/twin"
    cat /dev/zero >"$disk/other" 2>/dev/null || true
    try "$PY" -m corrotwin twin grow "$disk/twin" --until 2020-01-01
    rm "$disk/other"
    try "$PY" -m corrotwin twin grow "$disk/twin" --until 2020-01-01
    cp -r "$disk/twin" "$after"
    """
    (tmp_path / "disk").mkdir()
    full, done = shell(script, disk=tmp_path / "disk", old=old_twin, after=tmp_path / "after")
    assert full[0] == 2
    assert full[1].count("\n") == 1
    assert "No space left on device" in full[1]
    assert done == (0, "")
    case = cases["grow"]
    case.begin()
    assert forge.run(*case.line) == (0, "")
    assert case.result(tmp_path / "after") == case.result(case.place)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["read-only", "closed"])
def test_output_that_cannot_be_written_is_one_line_and_nothing_changes(
    how: str, home: Path, old_twin: Path, photos: Path, rendered: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(old_twin, out / "twin")
    shutil.copytree(rendered, out / "dataset")
    (out / "new").mkdir()
    lines = [
        ["twin", "grow", out / "twin", "--years", 1],
        ["twin", "inspect", out / "twin", "--date", "2014-05-31", "--kind", "ultrasonic", "--zone", "bar",
         "--value", 13, "--tool", "UT"],
        ["twin", "export", out / "twin", "--out", out / "new" / "twin.csv"],
        ["segmentation", "split", "--data", photos, "--out", out / "new" / "split.json", "--by", "names"],
        ["segmentation", "train", "--data", photos, "--split", "own", "--profile", "quick", "--size", 32, "--out",
         out / "new" / "run"],
        ["synth", "render", "--preset", "quick", "--size", 64, "--seed", 3, "--count", 9, "--out", out / "dataset"],
        ["synth", "render", "--preset", "quick", "--size", 64, "--out", out / "new" / "dataset"],
    ]  # fmt: skip
    before = drill.times(out)
    words = "\n".join(
        f'try {" ".join(CLOSED * (how == "closed"))} "$PY" -m corrotwin {" ".join(map(str, line))}' for line in lines
    )
    if how == "closed":
        for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
            folder.chmod(0o555)
        for path in before:
            path.chmod(0o444)
        script = f'cd "$code"\n{words}'
    else:
        script = f'mount --bind "$out" "$out"\nmount -o remount,bind,ro "$out"\n{words}'
    tries = shell(script, out=out, code=Path(__file__).parents[2])
    reason = {"read-only": "Read-only file system", "closed": "Permission denied"}[how]
    for line, (status, errors) in zip(lines, tries, strict=True):
        assert (status, errors.count("\n"), reason in errors) == (2, 1, True), (line, errors)
    assert drill.times(out) == before


@pytest.mark.ci
@pytest.mark.parametrize(("name", "other"), [("grow", "inspect"), ("assemble", "assemble")], ids=["twin", "render"])
def test_a_second_command_is_refused_and_the_first_ends_as_if_alone(
    name: str, other: str, cases: dict[str, Any], forge: Forge, tmp_path: Path
) -> None:
    """The first is stopped in the middle of its work while the second tries."""
    case = cases[name]
    case.begin()
    assert forge.run(*case.line) == (0, "")
    whole = case.result(case.place)
    case.begin()
    log = tmp_path / "log"
    first = drill.start(*case.line, drill={"below": str(case.place), "log": str(log), "at": 3, "trouble": "stop"})
    drill.until(lambda: log.exists() and len(log.read_text().splitlines()) == 3, seconds=60)
    for line in (case.line, cases[other].line):
        status, errors = forge.run(*line)
        assert (status, errors.count("\n")) == (2, 1)
        assert f"process {first.pid} is writing here" in errors
    os.kill(first.pid, signal.SIGCONT)
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert case.result(case.place) == whole


@pytest.mark.parametrize("what", ["twin", pytest.param("run", marks=pytest.mark.slow)])
def test_no_memory_is_one_line_and_status_1(
    what: str, request: pytest.FixtureRequest, photos: Path, tmp_path: Path
) -> None:
    """The address space is limited to what the program takes and a little more."""
    name, room_mb, *line = {
        "twin": ("forge", 140, "twin", "new", "pipe", "--random", "--texel-mm", 0.8),
        "run": ("trainer", 600, "segmentation", "train", "--data", photos, "--split", "own", "--profile", "quick",
                "--size", 1024, "--batch-size", 12, "--threads", 1),
    }[what]  # fmt: skip
    status, errors = request.getfixturevalue(name).run(*line, "--out", tmp_path / what, room_mb=room_mb)
    assert (status, errors.count("\n")) == (1, 1), errors
    assert "out of memory" in errors
    assert not (tmp_path / what / f"{what}.json").exists()


def epochs(run: Path) -> int:
    """How many epochs a run has behind it."""
    return len((run / "history.csv").read_text().splitlines()) - 1 if (run / "history.csv").exists() else 0


@pytest.mark.ci
@pytest.mark.parametrize(
    "how",
    [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT],
    ids=["SIGTERM", "Ctrl-C"],
)
def test_training_stops_within_five_seconds_with_130_and_resumes(
    how: signal.Signals, cases: dict[str, Any], trainer: Forge, tmp_path: Path
) -> None:
    """It ends as one that was never disturbed."""
    case, out = cases["train"], tmp_path / "run"
    line = [*case.line[:-1], out, "--epochs", EPOCHS]
    child = drill.start(*line, OMP_NUM_THREADS="1")
    drill.until(lambda: epochs(out) >= 2, seconds=120)
    begun = time.monotonic()
    os.killpg(child.pid, how)
    _, errors = child.communicate(timeout=60)
    assert time.monotonic() - begun < drill.patience(5)
    assert child.returncode == 130
    assert errors.endswith("interrupted; the same command resumes where it can\n")
    assert "Traceback" not in errors
    assert not drill.mentioning(out)
    assert (out / "last.safetensors").exists()
    assert 2 <= epochs(out) < EPOCHS
    whole = tmp_path / "whole"
    for place in (out, whole):
        status, errors = trainer.run(*case.line[:-1], place, "--epochs", EPOCHS)
        assert (status, epochs(place)) == (0, EPOCHS), errors
    assert case.result(out) == case.result(whole)
