"""Events: what is refused, how the log keeps them, what they make of readings; as command, as table, in Python."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import corrotwin as ct
from corrotwin.twin import store, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.model.coating import Coating, Paint, Zinc
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

Command = Callable[..., subprocess.CompletedProcess[str]]
SPOOL = {
    "nps": "8", "schedule": "40", "run_m": 1.0, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "branch_nps": "none", "support": "saddle", "supports_at_m": [], "upright": False,
}  # fmt: skip
REPLACED = Event(date="2010-05-31", kind="replacement", zone="body", why="thin")


def spool(coating: Coating = Paint(life_years=8.0)) -> TwinState:  # noqa: B008  frozen
    """A pipe, NPS 8 schedule 40: 8.18 mm, built in 2000, now of 20 years."""
    drawn = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=30.0)
    return replace(
        drawn, parameters={**drawn.parameters, **SPOOL}, exposure=at("C4"), coating=coating, clock=later(EPOCH, 20)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.save(spool(), tmp_path / "t")
    return tmp_path / "t"


def reading(value: float, date: str, place: str = "P1") -> Record:
    return Record(date=date, zone="body", kind="ultrasonic", value=value, tool="UT-1", place=place)


def event(kind: str = "replacement", date: str = "2010-05-31", zone: str = "body", place: str = "") -> Event:
    return Event(date=date, kind=kind, zone=zone, place=place)


# --- refused


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "repainting"}, "choose from replacement, recoating, repair"),
        ({"date": "31.05.2010"}, "give a day such as 2016-05-31"),
        ({"zone": ""}, "give the `zone`"),
        ({"place": "P1"}, "applies to a whole zone; leave `place` out, or enter a repair"),
        ({"kind": "repair"}, "a repair is at one place; give `zone`, and `place`"),
        ({"kind": "repair", "zone": "all", "place": "P1"}, "a repair is at one place"),
    ],
)
def test_what_is_no_event_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        event(**given)


@pytest.mark.parametrize(
    ("given", "coating", "message"),
    [
        ({"zone": "elbow"}, None, "no zone 'elbow'; choose from .*body.*, all"),
        ({"date": "1999-05-31"}, None, "the twin was built new on 2000-01-01; give a later day"),
        ({"date": "2000-01-01"}, None, "the twin was built new on 2000-01-01; give a later day"),
        ({"date": "2999-01-01"}, None, "is in the future .today is"),
        ({"kind": "recoating"}, None, "this twin is bare"),
        ({"kind": "recoating"}, Zinc(thickness_um=85.0), "this twin is galvanised"),
        ({"kind": "recoating", "zone": "bore"}, Paint(life_years=8.0), "bore is not exposed to the air"),
        ({"kind": "repair", "place": "P9"}, None, "no reading on body names that place"),
    ],
)
def test_what_cannot_have_happened_to_this_twin_is_refused(
    tmp_path: Path, given: dict[str, str], coating: Coating, message: str
) -> None:
    store.save(spool(coating), tmp_path / "t")
    log.append(tmp_path / "t", [reading(8.1, "2005-05-31")])
    before = (tmp_path / "t" / "inspections.jsonl").read_bytes()
    with pytest.raises(InputError, match=message):
        log.add(tmp_path / "t", [reading(8.0, "2006-05-31")], [event(**given)])
    assert (tmp_path / "t" / "inspections.jsonl").read_bytes() == before


@pytest.mark.parametrize("other", [event("recoating"), event(zone="all"), event("repair", place="P1")])
def test_two_events_of_the_same_metal_on_one_day_are_refused(folder: Path, other: Event) -> None:
    log.add(folder, [reading(8.1, "2005-05-31")], [REPLACED])
    with pytest.raises(InputError, match="there is also a replacement of body on that day; withdraw one of them"):
        log.add(folder, (), [other])
    assert log.add(folder, (), [event("recoating", zone="end")])[1]  # another zone's day
    log.rule(folder, [2], "withdraws")
    assert log.add(folder, (), [event("repair", place="P1", date="2010-06-01")])[1]


# --- kept


def test_events_are_lines_of_the_log_that_are_withdrawn_and_restored_as_records_are(folder: Path) -> None:
    log.add(folder, [reading(8.1, "2005-05-31")], [REPLACED])
    line = json.loads((folder / "inspections.jsonl").read_text().splitlines()[1])
    assert line == {"event": "replacement", "date": "2010-05-31", "zone": "body", "why": "thin"}
    assert log.add(folder, (), [REPLACED]) == ([], [])  # it was there
    assert log.read_log(folder).events_in_force == {2: REPLACED}
    assert log.rule(folder, [2], "withdraws", why="the wrong pipe") == {2: REPLACED}
    listed = log.read_log(folder)
    assert (listed.events, listed.events_in_force, listed.gone) == ({2: REPLACED}, {}, {})
    assert log.add(folder, (), [REPLACED]) == ([], [])  # a table that holds it does not bring it back
    log.add(folder, (), [event("recoating")])
    with pytest.raises(InputError, match="withdraw one of them"):
        log.rule(folder, [2], "restores")
    log.rule(folder, [4], "withdraws")
    assert log.rule(folder, [2], "restores") == {2: REPLACED}
    assert list(log.read_log(folder).events_in_force) == [2]


def test_a_log_whose_events_were_moved_by_hand_is_refused(folder: Path) -> None:
    log.add(folder, [reading(8.1, "2005-05-31")], [REPLACED])
    log.rule(folder, [2], "withdraws")
    path = folder / "inspections.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[1], lines[0], lines[2]]))
    with pytest.raises(InputError, match="line 3 refers to line 2, which does not hold its record"):
        log.read_log(folder)


# --- readings


@pytest.mark.parametrize(
    ("happened", "suspect"),
    [(None, {2, 3}), (event(), set()), (event("repair", place="P1"), {3}), (event("recoating"), {2, 3}),
     (event(zone="end"), {2, 3}), (event(zone="all"), set()), (event(date="2011-05-31"), {2, 3})],
)  # fmt: skip
def test_a_wall_that_was_made_new_may_be_thicker_than_before(
    folder: Path, happened: Event | None, suspect: set[int]
) -> None:
    """A reading of the day itself, and one after it, at two places that were thin; line 1 is of both."""
    old = [reading(6.0, "2005-05-31"), reading(6.0, "2005-05-31", "P2")]
    log.append(folder, [old[0]])
    log.append(folder, [reading(8.1, "2010-05-31")])
    log.append(folder, [reading(8.1, "2010-06-30", "P2")])
    log.append(folder, [old[1]])
    if happened is not None:
        log.add(folder, (), [happened])
    assert set(log.suspects(log.read_log(folder), folder)) == suspect


# --- tables, Python, the command

TABLE = """date,zone,kind,value,tool,place,why
2005-05-31,body,ultrasonic,6.0,UT-1,P1,
2010-05-31,body,Replacement,,,,corroded under the clamp
2012-05-31,body,repair,,,P1,
2012-06-01,body,ultrasonic,8.1,UT-1,P1,
"""


def test_a_table_holds_events_beside_readings(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    twin = ct.Twin.load(folder)
    assert len(twin.inspect(tmp_path / "a.csv")) == 2
    assert [(one.kind, one.date, one.place, one.why) for one in twin.events] == [
        ("replacement", "2010-05-31", "", "corroded under the clamp"), ("repair", "2012-05-31", "P1", "")
    ]  # fmt: skip
    assert twin.suspects == {}
    assert twin.record_event("replacement", date="2010-05-31", zone="body") in twin.events
    assert len(twin.events) == 2
    with pytest.raises(InputError, match=r"there is also a .* on that day"):
        twin.record_event("recoating", date="2012-05-31", zone="body")
    twin.save()
    assert ct.Twin.load(folder).events == twin.events


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2010-05-31,body,replacement,6.0,,,", "line 2.*value.*applies only to readings; leave it empty"),
        (",body,replacement,,,,", "line 2.*no date or no zone"),
        ("2010-05-31,body,repair,,,,", "line 2.*a repair is at one place"),
        ("2010-05-31,body,ultrasonic,6.0,UT-1,P1,thin", "line 2.*why.*applies only to events"),
        ("2010-05-31,body,renewal,,,,", "line 2.*choose from ultrasonic, .*replacement"),
    ],
)
def test_rows_that_are_neither_are_named(folder: Path, tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "a.csv").write_text("date,zone,kind,value,tool,place,why\n" + row + "\n")
    with pytest.raises(InputError, match=message):
        ct.Twin.load(folder).inspect(tmp_path / "a.csv")


def test_the_command_states_lists_and_withdraws_events(folder: Path, command: Command) -> None:
    wrong = command("inspect", folder, "--event", "replacement", "--date", "2010-05-31", "--zone", "body", "--value", 6)
    assert wrong.returncode == 2
    assert "--event can be combined only with --date, --zone, --place and --why" in wrong.stderr
    assert not (folder / "inspections.jsonl").exists()
    given = ("--event", "recoating", "--date", "2010-05-31", "--zone", "all", "--why", "blasted to Sa 2 1/2")
    done = command("inspect", folder, *given)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 event added" in done.stdout
    assert "recoating of all on 2010-05-31: the coating of a zone is new from that day" in done.stdout
    listed = command("inspect", folder).stdout
    assert "0 of 0 records in use, 1 event" in listed
    assert "recoating" in listed
    assert "blasted to Sa 2 1/2" in " ".join(listed.split())
    gone = command("inspect", folder, "--withdraw", 1, "--why", "the next spool")
    assert "line 1, recoating of 2010-05-31 on all: withdrawn" in gone.stdout
    assert log.read_log(folder).events_in_force == {}
