"""Files in a watched folder: stored or in quarantine with the reason, whole, once, and whatever befalls the watcher."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import openpyxl
import pytest

from corrotwin.twin import store, twin_state
from corrotwin.twin.core import files, locks
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.incoming import storing, watch
from corrotwin.twin.incoming.bursts import Burst, Tally
from corrotwin.twin.incoming.inbox import Inbox
from corrotwin.twin.incoming.known_twins import known_twins
from corrotwin.twin.incoming.mqtt import BrokerMessage
from corrotwin.twin.incoming.storing import Checked, Intent, TwinReader
from corrotwin.twin.incoming.watch import Watch
from corrotwin.twin.inspection import log, register
from corrotwin.twin.workbooks.columns import ColumnMap
from corrotwin.twin.workbooks.readings import Defaults, intake

Command = Callable[..., subprocess.CompletedProcess[str]]
Stored = Callable[[Path], list[tuple[str, str, float]]]
HEADER = "asset,TML ID,Component,Inspection Date,Reading (mm)"
GOOD = f"{HEADER}\nspool,T1,body,2016-05-31,7.9\nP-101,T1,body,2016-05-31,7.8\nspool,T2,body,2016-05-31,7.7\n"
MESSAGE = {"twin": "SPOOL", "date": "2024-05-31T08:00:00Z", "zone": "body", "place": "T9", "value": "7,7", "unit": "mm"}
ONCE = ("--once", "--settle", "0")


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if not path.name.startswith("."))


def test_files_are_stored_in_their_twins_and_done(fleet: Path, inbox: Path, command: Command, stored: Stored) -> None:
    (inbox / "a.csv").write_text(GOOD)
    (inbox / "m.json").write_text(json.dumps(MESSAGE))
    book = openpyxl.Workbook()
    for row in (["Equipment", "CML", "Component", "20/05/2014", "21/05/2019"], ["P-101", "T3", "Body", 0.318, 0.307]):
        book.active.append(row)
    book.save(inbox / "b.xlsx")
    done = command("watch", fleet, inbox, *ONCE, "--unit", "inch")
    assert (done.returncode, done.stderr) == (0, "")
    assert "a.csv: 1 stored in P-101; 2 stored in spool\n" in done.stdout
    assert contents(inbox) == ["done"]
    assert contents(inbox / "done") == ["a.csv", "b.xlsx", "m.json"]
    expected = [("T1", "2016-05-31", 7.9), ("T2", "2016-05-31", 7.7), ("T9", "2024-05-31", 7.7)]
    assert sorted(stored(fleet / "spool")) == expected
    expected = [("T1", "2016-05-31", 7.8), ("T3", "2014-05-20", 8.077), ("T3", "2019-05-21", 7.798)]
    assert sorted(stored(fleet / "P-101")) == expected
    (inbox / "a.csv").write_text(GOOD)
    again = command("watch", fleet, inbox, *ONCE)
    assert "a.csv: 0 stored in P-101, 1 already stored; 0 stored in spool, 2 already stored" in again.stdout
    assert contents(inbox / "done") == ["a-2.csv", "a.csv", "b.xlsx", "m.json"]


def test_a_row_is_stored_as_twin_inspect_stores_it(fleet: Path, inbox: Path, command: Command) -> None:
    """``--readings`` takes in and appends; then it learns from what is new, which takes seconds."""
    header = f"{HEADER},Technician,Gauge ID,Echo,Through paint,Orientation"
    (inbox / "a.csv").write_text(f"{header}\nspool,T1,Body,31.05.2016,8.4,J. Doe,DMS-7,e-e,yes,12\n")
    other = shutil.copytree(fleet / "spool", fleet.parent / "other")
    asset = twin_state.asset(store.read(other))
    log.append(other, intake(inbox / "a.csv", ColumnMap(), Defaults(), asset).records)
    assert command("watch", fleet / "spool", inbox, *ONCE).returncode == 0
    line = (fleet / "spool" / "inspections.jsonl").read_text()
    assert line == (other / "inspections.jsonl").read_text()
    assert '"T1/12"' in line


def test_of_a_single_twin_no_asset_need_be_named(fleet: Path, inbox: Path, command: Command, stored: Stored) -> None:
    (inbox / "a.csv").write_text("TML,Date,Reading,Survey 3\nT1,05/06/2016,7.9,7.1\nT2,05/06/2016,11,7.2\n")
    (inbox / "b.csv").write_text(f"{HEADER}\n")
    given = ("--unit", "mm", "--zone", "body", "--dates", "day")
    done = command("watch", fleet / "spool", inbox, *ONCE, *given)
    assert done.returncode == 0, done.stderr
    assert "a.csv: 2 stored in spool; not used: 'Survey 3'\n" in done.stdout
    assert "b.csv: 0 stored in spool; the file has headings but no readings below them\n" in done.stdout
    assert [day for _, day, _ in stored(fleet / "spool")] == ["2016-06-05"] * 2
    assert "spool has 1 suspect reading; to list: corrotwin twin inspect" in done.stderr


def test_twins_of_one_name_are_told_apart_and_a_register_is_heeded(
    fleet: Path, inbox: Path, command: Command, stored: Stored
) -> None:
    shutil.copytree(fleet / "spool", fleet / "unit-2" / "spool")
    register.write(fleet / "P-101", register.Register(cmls={"T1": register.Cml(id="T1", zone="body")}))
    row = ("T1", "body", "2016-05-31", "7.9")
    for name, asset, place in (
        ("both", "spool", "T1"), ("nested", "unit-2/spool", "T1"), ("known", "p-101", "T1"), ("strange", "p-101", "T2"),
    ):  # fmt: skip
        (inbox / f"{name}.csv").write_text("\n".join((HEADER, ",".join((asset, place, *row[1:])))))
    done = command("watch", fleet, inbox, *ONCE)
    assert "several twins are called 'spool': 'spool', 'unit-2/spool'; give the path of one" in done.stderr
    assert "strange.csv: line 2" in done.stderr
    assert contents(inbox / "done") == ["known.csv", "nested.csv"]
    assert len(stored(fleet / "unit-2" / "spool")) == len(stored(fleet / "P-101")) == 1
    assert stored(fleet / "spool") == []


def test_of_a_revised_file_that_says_more_it_is_said_how_to_withdraw_the_first(
    fleet: Path, inbox: Path, command: Command, stored: Stored
) -> None:
    more = "\n".join(
        f"{line},{end}" for line, end in zip(GOOD.splitlines(), ["Echo,Coated", *["single,yes"] * 3], strict=True)
    )
    (inbox / "a.csv").write_text(GOOD)
    assert command("watch", fleet, inbox, *ONCE).stderr == ""
    (inbox / "a.csv").write_text(more)
    done = command("watch", fleet, inbox, *ONCE)
    given = "corrotwin twin inspect {} --withdraw {}".format
    said = "2 readings stored again with more detail, and both count; to withdraw those with less"
    assert f"spool: {said}: {given(fleet / 'spool', '1 2')}\n" in done.stderr
    assert said in command("inspect", fleet / "spool").stdout
    (inbox / "b.csv").write_text(f"{HEADER}\nspool,T7,body,2016-05-31,7.9\n")
    assert command("watch", fleet, inbox, *ONCE).stderr == ""  # it is said once
    command("inspect", fleet / "spool", "--withdraw", 1, 2)
    (inbox / "a.csv").write_text(more)
    assert "spool: " not in command("watch", fleet, inbox, *ONCE).stderr
    assert len(stored(fleet / "spool")) == 5  # lines, three of which count


REFUSED = {
    "inch.csv": (f"{HEADER}\nspool,T1,body,2016-05-31,7.9\nspool,T2,body,2016-05-31,0.31\n", "line 3, column 'Reading"),
    "absurd.csv": (f"{HEADER}\nspool,T2,body,2016-05-31,79\n", "79 mm on body is impossible"),
    "unknown.csv": (f"{GOOD}nobody,T2,body,2016-05-31,7.9\n", "no twin is called 'nobody'"),
    "unnamed.csv": ("TML,Component,Date,Reading (mm)\nT1,body,2016-05-31,7.9\n", "name the twin in a column 'asset'"),
    "escape.csv": (f"{HEADER}\n../fleet/spool,T2,body,2016-05-31,7.9\n", "no twin is called '../fleet/spool'"),
    "other.csv": (f"{GOOD}P-101,T2,body,2004-05-31,7.9\n", "the twin was built on 2005-06-01"),
    "pits.csv": (f"{HEADER},kind\nspool,T1,body,2016-05-31,1.9,pit\n", "'pit' is not a thickness"),
    "depths.csv": (f"{HEADER},Kind\nspool,T1,body,2016-05-31,1.9,Pits\n", "'Pits' is not a thickness"),
    "headings.csv": (f"{HEADER}\n", "has headings but no readings below them"),
    "report.pdf": ("%PDF-1.4", "not a workbook or a table"),
    "broken.xlsx": ("PK\3\4 but cut off", "is not a readable workbook"),
    "list.json": (json.dumps([MESSAGE]), "not a JSON object"),
    "cut.json": (json.dumps(MESSAGE)[:-9], "not JSON in UTF-8"),
    "deep.json": ("[" * 9999, "not JSON in UTF-8"),
    "twice.json": (json.dumps(MESSAGE)[:-1] + ', "value": 7.9}', "the key 'value' appears twice"),
    "nested.json": (json.dumps({**MESSAGE, "value": {"mm": 7.7}}), "'value': '(a list or an object)' is not a number"),
    "nan.json": (json.dumps({**MESSAGE, "value": float("nan")}), "must be a number of at least 0"),
    "huge.json": (json.dumps({**MESSAGE, "value": 10**400}), "too large a number"),
    "empty.json": (json.dumps({**MESSAGE, "value": None, "place": None}), "has a date but no value"),
    "pit.json": (json.dumps({**MESSAGE, "kind": "pit"}), "'pit' is not a thickness"),
    "loss.json": (json.dumps({**MESSAGE, "kind": "wall loss"}), "'wall loss' is not a thickness; write ultrasonic"),
    "other.json": (json.dumps({**MESSAGE, "kind": "other"}), "'other' is not a thickness"),
    "number.json": (json.dumps({**MESSAGE, "kind": 3}), "'3' is not a thickness"),
    "long.json": (json.dumps({**MESSAGE, "remark": "x" * 70_000}), "more than the limit of 64 KiB"),
    "order.json": (json.dumps({**MESSAGE, "date": "05/06/2016"}), "could be either of two dates"),
    "late.json": (json.dumps({**MESSAGE, "date": "2199-06-05"}), "is in the future"),
}


def test_what_is_refused_goes_to_quarantine_with_its_reason_and_hinders_nothing(
    fleet: Path, inbox: Path, command: Command, stored: Stored
) -> None:
    for name, (text, _) in REFUSED.items():
        (inbox / name).write_text(text)
    (inbox / "link.csv").symlink_to(fleet / "spool" / "twin.json")
    os.mkfifo(inbox / "pipe.csv")
    (inbox / "whole.csv").write_text(f"{HEADER}\nspool,T8,body,2016-05-31,7.9\n")
    done = command("watch", fleet, inbox, *ONCE)
    assert done.returncode == 2
    assert f"quarantine: {len(REFUSED) + 2} refused; the text file beside each says why" in done.stderr.splitlines()[-1]
    assert stored(fleet / "spool") == [("T8", "2016-05-31", 7.9)]
    assert stored(fleet / "P-101") == []
    reasons = {"link.csv": "is a link or not a file", "pipe.csv": "is a link or not a file"}
    reasons |= {name: reason for name, (_, reason) in REFUSED.items()}
    assert contents(inbox / "quarantine") == sorted([*reasons, *(f"{name}.txt" for name in reasons)])
    for name, reason in reasons.items():
        said = (inbox / "quarantine" / f"{name}.txt").read_text()
        assert said.startswith(f"{name} was refused:\n\n{name}: ")
        assert reason in said, said
        assert f"moved to quarantine: {name}: " in done.stderr
    (inbox / "quarantine" / "nan.json").rename(inbox / "nan.json")
    (inbox / "nan.json").write_text(json.dumps(MESSAGE))
    assert command("watch", fleet, inbox, *ONCE).returncode == 0
    assert len(stored(fleet / "spool")) == 2


@pytest.mark.parametrize("kind", ["file", "pipe", "link"])
def test_a_reason_replaces_no_file_in_quarantine(kind: str, fleet: Path, inbox: Path, command: Command) -> None:
    """Readings that a mail program saved as survey.csv.txt; then comes another file, survey.csv."""
    named = inbox / "survey.csv.txt"
    (inbox.parent / "else").write_text(GOOD)
    if kind == "file":
        named.write_text(GOOD)
    elif kind == "pipe":
        os.mkfifo(named)
    else:
        named.symlink_to(inbox.parent / "else")
    command("watch", fleet, inbox, *ONCE)
    (inbox / "survey.csv").write_text("no table")
    command("watch", fleet, inbox, *ONCE)
    kept = inbox / "quarantine"
    assert contents(kept) == ["survey-2.csv", "survey-2.csv.txt", "survey.csv.txt", "survey.csv.txt.txt"]
    assert (kept / "survey-2.csv.txt").read_text().startswith("survey.csv was refused:\n")
    assert (kept / "survey.csv.txt").is_fifo() if kind == "pipe" else (kept / "survey.csv.txt").read_text() == GOOD


def test_a_file_is_taken_once_it_is_whole(inbox: Path) -> None:
    watched = Inbox(inbox, settle_seconds=0.2)
    (inbox / "growing.csv").write_text("a")
    for name in ("a.csv.part", "b.xlsx.TMP", ".c.csv.3f", "~$d.xlsx"):
        (inbox / name).write_text("a")
    assert watched.look() == []
    time.sleep(0.25)
    with (inbox / "growing.csv").open("a") as stream:
        stream.write("b")
    assert watched.look() == []
    (inbox / "a.csv.part").rename(inbox / "a.csv")
    time.sleep(0.25)
    assert watched.look() == [inbox / "growing.csv"]
    assert watched.is_as_seen(inbox / "growing.csv")
    (inbox / "growing.csv").write_text("abc")
    assert not watched.is_as_seen(inbox / "growing.csv")
    time.sleep(0.25)
    assert watched.look() == [inbox / "a.csv"]


def test_a_fleet_that_may_not_be_read_is_named_with_the_cause(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twins = known_twins(fleet)
    monkeypatch.setattr(files, "below", Mock(side_effect=PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(InputError, match=r"fleet: its twins are missing \(Permission denied\); put them back"):
        twins.folder_of("spool")


def test_of_a_fleet_all_is_stored_before_it_is_remarked_on(
    fleet: Path, tmp_path: Path, command: Command, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    monkeypatch.setattr(storing, "remarks_on", Mock(side_effect=InputError("the register cannot be read")))
    assert "the register" in command("inspect", fleet, "--readings", tmp_path / "a.csv").stderr
    assert (len(stored(fleet / "spool")), len(stored(fleet / "P-101"))) == (2, 1)


@pytest.mark.ci
def test_killed_between_its_reason_and_its_move_a_file_is_refused_once(
    fleet: Path, inbox: Path, command: Command, start: Callable[..., object]
) -> None:
    (inbox / "a.csv").write_text("no readings")
    change = (
        "import os, sys\n"
        "def heard(event, given):\n"
        "    if event == 'os.rename' and os.path.basename(given[0]) == 'a.csv': os.kill(os.getpid(), 9)\n"
        "sys.addaudithook(heard)"
    )
    assert start(fleet, inbox, *ONCE, change=change).process.wait(timeout=60) == -signal.SIGKILL
    assert (contents(inbox), contents(inbox / "quarantine")) == (["a.csv", "quarantine"], ["a.csv.txt"])
    assert command("watch", fleet, inbox, *ONCE).returncode == 2
    assert (contents(inbox), contents(inbox / "quarantine")) == (["quarantine"], ["a.csv", "a.csv.txt"])


@pytest.mark.parametrize("at", [pytest.param("finish", marks=pytest.mark.slow), "append"])
def test_killed_in_the_middle_of_a_file_nothing_is_lost_and_nothing_twice(
    at: str, fleet: Path, inbox: Path, command: Command, stored: Stored, start: Callable[..., object]
) -> None:
    """Between the twins of a file, and between the last of them and the move to done."""
    change = {
        "finish": "import os; from corrotwin.twin.incoming.inbox import Inbox as of",
        "append": "import os; from corrotwin.twin.inspection import log as of; kept = of.append",
    }[at]
    kill = {
        "finish": "of.finish = lambda *_: os.kill(os.getpid(), 9)",
        "append": "of.append = lambda *given: (kept(*given), os.kill(os.getpid(), 9))",
    }[at]
    (inbox / "a.csv").write_text(GOOD)
    killed = start(fleet, inbox, *ONCE, change=f"{change}\n{kill}")
    assert killed.process.wait(timeout=60) == -signal.SIGKILL
    assert contents(inbox) == ["a.csv"]
    assert len(stored(fleet / "P-101")) == 1
    assert len(stored(fleet / "spool")) == {"finish": 2, "append": 0}[at]
    assert command("watch", fleet, inbox, *ONCE).returncode == 0
    assert contents(inbox / "done") == ["a.csv"]
    assert len(stored(fleet / "P-101")) == 1
    assert len(stored(fleet / "spool")) == 2


def test_a_folder_is_watched_by_one(fleet: Path, inbox: Path, command: Command) -> None:
    (inbox / "a.csv").write_text(GOOD)
    with Inbox(inbox, settle_seconds=0).held():
        done = command("watch", fleet, inbox, *ONCE)
    assert done.returncode == 2
    assert f"{inbox}: process {os.getpid()} is watching this folder; wait for it, or end it" in done.stderr
    assert contents(inbox) == ["a.csv"]


def test_a_twin_in_use_keeps_its_file_waiting_and_hinders_no_other(
    fleet: Path, inbox: Path, command: Command, stored: Stored
) -> None:
    (inbox / "a.csv").write_text(f"{HEADER}\nspool,T1,body,2016-05-31,7.9\n")
    (inbox / "b.csv").write_text(f"{HEADER}\nP-101,T1,body,2016-05-31,7.9\n")
    with locks.hold(fleet / "spool", "twin", {}):
        done = command("watch", fleet, inbox, *ONCE)
    assert done.returncode == 2
    assert f"{fleet / 'spool'}: process {os.getpid()} is writing here" in done.stderr
    assert contents(inbox) == ["a.csv", "done"]
    assert len(stored(fleet / "P-101")) == 1
    assert command("watch", fleet, inbox, *ONCE).returncode == 0
    assert len(stored(fleet / "spool")) == 1


def test_once_says_which_file_it_left(
    fleet: Path, inbox: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "a.csv").write_text(GOOD[:80])
    monkeypatch.setattr(watch.time, "sleep", lambda _: (inbox / "a.csv").write_text(GOOD))
    done = command("watch", fleet, inbox, "--once", "--settle", "60")
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"{inbox / 'a.csv'}: changed during the run and was left there; run the command again\n"
    )
    assert contents(inbox) == ["a.csv"]


def test_a_file_that_comes_late_is_for_the_next_time(
    fleet: Path, inbox: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "a.csv").write_text(GOOD)
    sleep = watch.time.sleep
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: (sleep(seconds), (inbox / "b.csv").write_text(GOOD)))
    done = command("watch", fleet, inbox, "--once", "--settle", "0.1")
    assert (done.returncode, done.stderr) == (0, "")
    assert (contents(inbox), contents(inbox / "done")) == (["b.csv", "done"], ["a.csv"])


def test_a_file_replaced_while_it_was_refused_is_read_again(
    fleet: Path, inbox: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(reader: TwinReader, path: Path) -> Checked:
        try:
            return kept(reader, path)
        finally:
            path.write_text(GOOD)

    (inbox / "a.csv").write_text("no table")
    with monkeypatch.context() as patch:
        kept = TwinReader.of_file
        patch.setattr(TwinReader, "of_file", read)
        done = command("watch", fleet, inbox, *ONCE)
    assert (done.returncode, done.stdout) == (2, "a.csv: changed while it was being read; it will be read again\n")
    assert contents(inbox) == ["a.csv"]
    assert command("watch", fleet, inbox, *ONCE).returncode == 0


def test_a_folder_in_the_folder_is_named_as_not_read(fleet: Path, inbox: Path, command: Command) -> None:
    (inbox / "a.csv").write_text(GOOD)
    (inbox / "march").mkdir()
    (inbox / "march" / "b.csv").write_text(GOOD)
    for _ in range(2):
        done = command("watch", fleet, inbox, *ONCE)
        assert (done.returncode, done.stderr.count("\n")) == (0, 1)
        assert f"{inbox / 'march'}: folders are not read; put the files beside it" in done.stderr


@pytest.mark.parametrize("of", ["fleet", "spool"])
@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
@pytest.mark.parametrize("when", ["before", "between"])
def test_files_and_messages_wait_while_their_twins_are_away(
    of: str, left: str, when: str, fleet: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a drive is lost: before anything is read, or between a twin's reading and the storing."""

    def lost() -> None:
        folder.rename(away)
        if left != "nothing":
            folder.mkdir()

    folder, away = fleet if of == "fleet" else fleet / "spool", fleet.parent / "away"
    intent, box = Intent(twins=known_twins(folder)), Inbox(inbox, settle_seconds=0)
    (inbox / "a.csv").write_text(f"{HEADER}\nspool,T1,body,2016-05-31,7.9\n")
    if when == "before":
        lost()
    else:
        append = log.append
        monkeypatch.setattr(log, "append", lambda *given: append(*given) if away.exists() else (lost(), append(*given)))
    message = BrokerMessage(topic="a", payload=json.dumps(MESSAGE).encode(), number=1, quality=1)
    for attempt in (lambda: Watch(intent, box).once(), lambda: Burst(intent, box, Tally()).store([message])):
        with pytest.raises(InputError, match="missing; put"):
            attempt()
    assert (contents(inbox), message.is_done) == (["a.csv"], False)
    if left != "nothing":
        folder.rmdir()
    away.rename(folder)
    monkeypatch.undo()
    Watch(intent, box).once()
    Burst(intent, box, Tally()).store([message])
    assert (contents(inbox / "done"), message.is_done) == (["a.csv"], True)


@pytest.mark.ci
def test_a_watcher_takes_what_comes_says_once_what_is_wrong_and_goes_on(
    fleet: Path, inbox: Path, stored: Stored, start: Callable[..., object]
) -> None:
    """The disk of its twins is full for a while; then its folder is away, as a drive is."""
    change = (
        "import errno, pathlib\nfrom corrotwin.twin.core import files\nkept = files.append\n"
        "def append(path, *given, **named):\n"
        f"    if pathlib.Path({str(inbox.parent / 'full')!r}).exists():\n"
        "        raise OSError(errno.ENOSPC, 'No space left on device', str(path))\n"
        "    kept(path, *given, **named)\n"
        "files.append = append"
    )
    (inbox.parent / "full").touch()
    watcher = start(fleet, inbox, "--settle", "0", change=change)
    watcher.wait_for("inbox: watching for readings of 2 twins; press Ctrl-C to stop")
    (inbox / "a.csv.part").write_text(GOOD)
    (inbox / "a.csv.part").rename(inbox / "a.csv")
    watcher.wait_for("a.csv: will be tried again: ")
    time.sleep(2.5)  # for a second attempt
    (inbox.parent / "full").unlink()
    watcher.wait_for("a.csv: 1 stored in P-101; 2 stored in spool")
    inbox.rename(inbox.parent / "away")
    watcher.wait_for("inbox: will be tried again: ")
    (inbox.parent / "away").rename(inbox)
    (inbox / "b.csv").write_text(f"{HEADER}\nspool,T5,body,2017-05-31,7.5\n")
    watcher.wait_for("b.csv: 1 stored in spool")
    watcher.process.send_signal(signal.SIGTERM)
    assert watcher.process.wait(timeout=60) == 130
    said = watcher.lines.read_text()
    assert said.count("will be tried again") == 2
    assert "No space left on device" in said
    assert "Traceback" not in said
    assert len(stored(fleet / "spool")) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{fleet}", "{inbox}/none"), "is not a folder; create it, or check that its drive is connected"),
        (("{inbox}", "{inbox}"), "contains no twin; create one with corrotwin twin new"),
        (("{fleet}", "{fleet}"), "holds twins; choose a separate folder"),
        (("{fleet}", "{fleet}/spool"), "holds twins; choose a separate folder"),
        (("{fleet}", "{inbox}", "--settle", "-1"), "--settle -1.0: give 0 to 3600 seconds"),
        (("{fleet}", "{inbox}", "--unit", "cm"), "--unit cm: give mm, inch or mil"),
        (("{fleet}", "{inbox}", "--topic", "a"), "--topic, --login, --tls and --ca require --mqtt"),
        (("{fleet}", "{inbox}", "--mqtt", "localhost"), "--mqtt: give a --topic"),
        (("{fleet}", "{inbox}", "--mqtt", "me:secret@host", "--topic", "a"), "give HOST or HOST:PORT"),
        (("{fleet}", "{inbox}", "--mqtt", "host:70000", "--topic", "a"), "give HOST or HOST:PORT"),
        (("{fleet}", "{inbox}", "--mqtt", "broker..plant", "--topic", "a"), "--mqtt 'broker..plant': give HOST or"),
        (("{fleet}", "{inbox}", "--mqtt", "h" * 64, "--topic", "a"), "give HOST or HOST:PORT"),
        (("{fleet}", "{inbox}", "--mqtt", "host", "--topic", "a/#/b"), "--topic 'a/#/b': not a topic"),
        (("{fleet}", "{inbox}", "--mqtt", "host", "--topic", "a", "--ca", "none.pem"), "none.pem: cannot be read"),
        (("{fleet}", "{inbox}", "--mqtt", "host", "--topic", "a", "--login", "{fleet}/spool/twin.json"), "two lines"),
    ],
)
def test_arguments_that_cannot_be(
    words: tuple[str, ...], said: str, fleet: Path, inbox: Path, command: Command
) -> None:
    done = command("watch", *(word.format(fleet=fleet, inbox=inbox) for word in words), "--once")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(inbox) == []


@pytest.mark.parametrize("own", ["done", "quarantine", ".watch"])
def test_nothing_is_moved_out_of_the_folder_through_a_link(
    own: str, fleet: Path, inbox: Path, tmp_path: Path, command: Command
) -> None:
    (tmp_path / "else").mkdir()
    (inbox / own).symlink_to(tmp_path / "else")
    (inbox / "bad.csv").write_text("no table")
    done = command("watch", fleet, inbox, *ONCE)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{own}: is a link or a file, but the watcher needs a folder" in done.stderr
    assert not list((tmp_path / "else").iterdir())


@pytest.mark.parametrize("name", [b"\xff.csv", b"n" * 250 + b".csv", b"n." + b"s" * 250, b"\x1b[2J\n.csv"])
def test_files_of_any_name_are_refused_with_their_reason(
    name: bytes, fleet: Path, inbox: Path, command: Command
) -> None:
    for count in (1, 2):  # the second of a name gets another
        (inbox / os.fsdecode(name)).write_text("no table")
        done = command("watch", fleet, inbox, *ONCE)
        assert (done.returncode, done.stderr.count("\n")) == (2, 2)
        assert "\x1b" not in done.stderr
        assert contents(inbox) == ["quarantine"]
        assert len(list((inbox / "quarantine").iterdir())) == 2 * count
    for path in (inbox / "quarantine").glob("*.txt"):
        assert "was refused" in path.read_text()


@pytest.mark.ci
def test_nothing_is_loaded_that_listens_unless_it_is_asked_for(fleet: Path, inbox: Path) -> None:
    line = [sys.executable, "-X", "importtime", "-m", "corrotwin", "twin", "watch", fleet, inbox, *ONCE]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "paho" not in done.stderr
