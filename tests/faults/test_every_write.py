"""Every moment at which a command writes is one at which it is killed, torn, filled up, interrupted, robbed."""

import json
import struct
from pathlib import Path
from typing import Any

import drill
import pytest
from drill import Forge
from safetensors.numpy import load_file

from corrotwin.segmentation.runs import HISTORY_COLUMNS
from corrotwin.segmentation.training import events

pytestmark = pytest.mark.ci  # each test takes seconds

SLOWLY = pytest.param("train", marks=pytest.mark.slow)
CHEAP = ["grow", "inspect", pytest.param("watch", marks=pytest.mark.slow), "split", "assemble"]
CHEAPEST = ["grow", "split", *(pytest.param(name, marks=pytest.mark.slow) for name in ("watch", "assemble"))]


def steps(path: Path) -> list[int]:
    """Return the epochs in a file for TensorBoard, without a last record that is torn."""
    from tensorboardX.proto.event_pb2 import Event

    content, place, found = path.read_bytes(), 0, []
    while len(content) >= place + 12:
        (length,) = struct.unpack_from("<Q", content, place)
        if len(content) < place + 16 + length:
            break
        event = Event.FromString(content[place + 12 : place + 12 + length])
        if not event.file_version:
            found.append(event.step)
        place += 16 + length
    assert place
    return found


class Sweep:
    """A command, what it leaves undisturbed, and its moments."""

    def __init__(self, case: Any, forge: Forge, log: Path) -> None:
        self.case, self.forge, self.log = case, forge, log
        case.begin()
        self.before = drill.hashes(case.place) if case.place.exists() else {}
        status, errors = self.disturbed()
        assert status == 0, errors
        self.moments = dict(enumerate(log.read_text().splitlines(), start=1))
        assert len(self.moments) >= 3
        if case.costly:  # the last of each kind, and no openings: nothing has been written then
            last = {moment: number for number, moment in self.moments.items() if not moment.startswith("open")}
            self.moments = {number: moment for moment, number in last.items()}
        self.whole = case.result(case.place)
        self.after = drill.hashes(case.place)

    def disturbed(self, **trouble: object) -> tuple[int, str]:
        """Run the command from its beginning with trouble; its status and stderr."""
        self.case.begin()
        self.log.unlink(missing_ok=True)
        return self.forge.run(*self.case.line, drill={"below": str(self.case.place), "log": str(self.log), **trouble})

    def is_whole_or_unseen(self) -> None:
        """Each file that a reader looks at is as it was before or as it will be, never a part."""
        for name, found in drill.hashes(self.case.place).items():
            hidden = name.endswith((".tmp", ".lock")) or "inspections.jsonl" in name or "last.safetensors" in name
            if name == "best.safetensors":  # of an unfinished run those of an earlier epoch
                assert load_file(self.case.place / name)
            elif name in ("run.json", "unfinished.json"):  # it and the history hold seconds, which are others each time
                json.loads((self.case.place / name).read_text())
            elif name == "history.csv":
                header, *rows = (self.case.place / name).read_text().splitlines(keepends=True)
                assert header == ",".join(HISTORY_COLUMNS) + "\n"
                assert all(row.endswith("\n") and row.count(",") == header.count(",") for row in rows)
            elif name.startswith(events.PREFIX):  # is appended to; TensorBoard leaves out a last record that is torn
                found_steps = steps(self.case.place / name)
                assert found_steps == list(range(1, len(found_steps) + 1))
            elif not hidden and not name.startswith("work/"):
                assert found in (self.before.get(name), self.after.get(name)), name

    def resumes(self) -> None:
        """The same command, undisturbed, ends with the files of one that never was."""
        status, errors = self.forge.run(*self.case.line)
        assert status == 0, errors
        assert self.case.result(self.case.place) == self.whole
        assert not list(self.case.place.rglob("*.tmp"))


@pytest.fixture
def sweep(request: pytest.FixtureRequest, cases: dict[str, Any], tmp_path: Path) -> Sweep:
    forge = request.getfixturevalue("trainer" if request.param == "train" else "forge")
    return Sweep(cases[request.param], forge, tmp_path / "log")


@pytest.mark.parametrize("sweep", [*CHEAP, SLOWLY], indirect=True)
def test_killed_at_any_write_the_same_command_ends_as_if_undisturbed(sweep: Sweep) -> None:
    for number, moment in sweep.moments.items():
        status, _ = sweep.disturbed(at=number, trouble="torn")  # where it is no write, simply killed
        assert status == -9, moment
        sweep.is_whole_or_unseen()
        sweep.resumes()


def is_one_line(errors: str) -> bool:
    """Return True if one error was printed and nothing else."""
    return len(errors.splitlines()) == 1 and "error: " in errors


@pytest.mark.parametrize("sweep", [*CHEAPEST, SLOWLY], indirect=True)
def test_a_disk_that_is_full_at_any_write_is_one_line_and_loses_nothing(sweep: Sweep) -> None:
    for number, moment in sweep.moments.items():
        if moment.startswith(("remove", "rmdir", "mkdir")):  # needs no room; mkdir: of a folder that is there
            continue
        status, errors = sweep.disturbed(at=number, trouble="full")
        assert (status, is_one_line(errors)) == (2, True), f"{moment}: {errors}"
        assert "No space left on device" in errors
        sweep.is_whole_or_unseen()
        sweep.resumes()


@pytest.mark.parametrize("sweep", CHEAPEST, indirect=True)
def test_ctrl_c_at_any_write_ends_with_130_and_the_same_command_resumes(sweep: Sweep) -> None:
    for number, moment in sweep.moments.items():
        status, errors = sweep.disturbed(at=number, trouble="interrupt")
        assert status == 130, f"{moment}: {errors}"
        assert errors.endswith("interrupted; the same command resumes where it can\n")
        sweep.is_whole_or_unseen()
        sweep.resumes()


@pytest.mark.parametrize("sweep", CHEAPEST, indirect=True)
def test_a_folder_that_is_deleted_at_any_write_is_one_line(sweep: Sweep) -> None:
    for number, moment in sweep.moments.items():
        status, errors = sweep.disturbed(at=number, trouble="gone")
        assert (status in (1, 2), is_one_line(errors)) == (True, True), f"{moment}: {errors}"
