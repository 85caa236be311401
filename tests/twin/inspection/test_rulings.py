"""Records that were wrong: withdrawn and restored, and they stay in the file."""

import json
from dataclasses import replace
from pathlib import Path

import drill
import numpy as np
import pytest
from small_plate import READING, plate

from corrotwin.twin import assets, twin_state
from corrotwin.twin.commands import inspections
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection.records import Record


def test_a_withdrawn_record_stays_in_the_file_and_counts_no_more(folder: Path) -> None:
    wrong = replace(READING, date="2006-06-01", value=8.9)
    later_one = replace(READING, date="2007-05-31")
    log.append(folder, [READING, wrong])
    path = folder / "inspections.jsonl"
    before = path.read_bytes()
    assert log.rule(folder, [2], "withdraws", why="typed 8.9 for 9.8") == {2: wrong}
    assert path.read_bytes().startswith(before)
    assert log.read(folder) == ([READING], "")
    # An import that holds it does not bring it back.
    right = replace(wrong, date="2006-05-31", value=9.8, place="P2")
    assert log.append(folder, [READING, wrong, right, later_one]) == [right, later_one]
    assert log.read(folder) == ([READING, right, later_one], "")
    assert log.read_log(folder).withdrawn[2].why == "typed 8.9 for 9.8"
    assert log.rule(folder, [4, 5], "withdraws") == {4: right, 5: later_one}
    assert log.rule(folder, [2, 5], "restores") == {2: wrong, 5: later_one}
    assert log.rule(folder, [2, 5], "restores") == {}  # again: nothing to do
    assert list(log.read_log(folder).in_force.values()) == [READING, wrong, later_one]


def test_records_of_one_photograph_go_together(folder: Path) -> None:
    asset = twin_state.asset(plate())
    texels = assets.texels(asset)
    pattern = Record(date="2006-05-31", zone="all", kind="photo", value=0.0, tool="camera")
    everything = np.ones(asset.atlas_shape, dtype=bool)
    records, photo = readers.photo_records(pattern, asset, texels, everything, everything)
    assert len(records) > 1
    right = [replace(record, date="2007-05-31") for record in records]  # the same mask, at first entered of another day
    log.append(folder, [READING, *records], photo)
    log.append(folder, right, photo)
    assert list(log.rule(folder, [3], "withdraws")) == list(range(2, len(records) + 2))
    assert log.read(folder)[0] == [READING, *right]


def test_a_line_without_a_record_is_not_ruled_on(folder: Path) -> None:
    log.append(folder, [READING])
    log.rule(folder, [1], "withdraws")
    before = drill.hashes(folder)
    for line in (0, 2, 3):
        with pytest.raises(InputError, match=f"line {line} has no record"):
            log.rule(folder, [1, line], "restores")
    assert drill.hashes(folder) == before


def test_rulings_hold_for_the_record_that_they_were_made_on(folder: Path) -> None:
    """A line removed by hand makes no other record count or not."""
    second = replace(READING, date="2007-05-31")
    log.append(folder, [READING, second])
    log.rule(folder, [1], "withdraws")
    log.append(folder, [replace(READING, date="2008-05-31"), replace(READING, date="2009-05-31")])
    log.rule(folder, [4], "withdraws")
    path = folder / "inspections.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    of = json.loads(lines[2])["of"]
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(InputError, match="line 5 refers to line 4, which does not hold its record"):
        log.read(folder)
    for bad, message in (
        (f'{{"withdraws": 6, "of": "{of}", "date": "2026-01-01"}}', "line 6 refers to line 6"),
        (f'{{"withdraws": 3, "of": "{of}", "date": "2026-01-01"}}', "line 6 refers to line 3"),
        (f'{{"withdraws": "1", "of": "{of}", "date": "2026-01-01"}}', "line 6 is not a record"),
        (f'{{"restores": 1, "of": "{of}", "date": "now"}}', "line 6 is not a record"),
        (f'{{"withdraws": 1, "of": "{of}"}}', "line 6 is not a record"),
    ):
        path.write_bytes(b"".join(lines[:5]) + bad.encode() + b"\n")
        with pytest.raises(InputError, match=message):
            log.read(folder)


def test_a_ruling_that_is_torn_is_left_out_and_can_be_given_again(folder: Path) -> None:
    second = replace(READING, date="2007-05-31")
    log.append(folder, [READING, second])
    log.rule(folder, [1, 2], "withdraws", why="another asset")
    path = folder / "inspections.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    records, note = log.read(folder)
    assert records == [second]
    assert "line 4 is incomplete" in note
    assert log.rule(folder, [1, 2], "withdraws", why="another asset") == {2: second}
    assert path.read_bytes() == whole


def test_records_are_listed_withdrawn_and_restored_by_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    inspections.inspect(folder)
    assert "no inspection recorded" in capsys.readouterr().out
    log.append(folder, [READING, replace(READING, date="2006-06-01", tool="[red]eye\x1b[2J")])
    inspections.inspect(folder, withdraw=(1,), why="wrong spool")
    assert capsys.readouterr().out == "line 1, ultrasonic of 2006-05-31 on face, 9.8 mm: withdrawn\n"
    inspections.inspect(folder)
    listed = capsys.readouterr().out
    assert ": 1 of 2 records in use" in listed
    assert "wrong spool" in listed
    assert "\x1b" not in listed
    monkeypatch.setenv("COLUMNS", "80")  # of a terminal, and of a pipe: what tells records apart stays whole
    inspections.inspect(folder)
    narrow = capsys.readouterr().out
    assert all(
        whole in narrow
        for whole in ("date: 2006-05-31\n", "date: 2006-06-01\n", "kind: ultrasonic\n", "value: 9.8 mm\n")
    )
    inspections.inspect(folder, restore=(1,))
    assert capsys.readouterr().out == "line 1, ultrasonic of 2006-05-31 on face, 9.8 mm: counts again\n"
    inspections.inspect(folder, restore=(1,))
    assert "nothing changed" in capsys.readouterr().out
    with (folder / "inspections.jsonl").open("a") as stream:
        stream.write('{"withdraws": 2')
    inspections.inspect(folder, withdraw=(2,))
    assert "line 5 is incomplete" in capsys.readouterr().err
    for options in ({"date": "2006-05-31"}, {"csv": Path("r.csv")}):
        with pytest.raises(InputError, match="--accept and --why cannot be combined with other options"):
            inspections.inspect(folder, withdraw=(2,), **options)
    for options in ({"why": "wrong spool"}, {"withdraw": (1,), "restore": (2,)}):
        with pytest.raises(InputError, match="give one of --withdraw, --restore and --accept"):
            inspections.inspect(folder, **options)
