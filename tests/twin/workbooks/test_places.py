"""Names of places: one in workbooks, in tables of either format and in logs of earlier versions."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contractor import Rows, pipe, table, workbook

import corrotwin as ct
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.columns import ColumnMap
from corrotwin.twin.workbooks.found import find

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A pipe of 8.18 mm with zone body, in service since 2005."""
    return pipe(tmp_path / "spool")


def places(spool: Path) -> list[str]:
    return [record.place for record in log.read_log(spool).in_force.values()]


@pytest.mark.parametrize(
    ("listed", "zones"),
    [
        ([["1", "C1", "body"], ["1", "C2", "end"]], ["body", "end"]),
        ([["1", "C1", "body"], ["1", "C2", None]], ["body", None]),
        ([["1", "C1", "body"]], ["body", None]),
        ([["1", None, "body"]], ["body", "body"]),
        ([["1", None, "body"], ["1", "C2", None]], None),
        ([["1", "C1", "body"], ["1", "C1", None], ["1", "C2", "end"]], None),
    ],
)
def test_a_reading_takes_its_zone_from_no_row_of_another_group(
    listed: Rows, zones: list[str | None] | None, tmp_path: Path
) -> None:
    readings: Rows = [["TML", "Circuit", "Date", "Reading (mm)"],
                      *(["1", circuit, "2016-05-31", 7.9] for circuit in ("C1", "C2"))]  # fmt: skip
    path = workbook(tmp_path / "ut.xlsx", Places=[["TML", "Circuit", "Component"], *listed], UT=readings)
    if zones is None:
        with pytest.raises(InputError, match="sheet 'Places', row 3, column 'TML': '1' is in two rows; keep one"):
            find(path, sheets.read(path), ColumnMap())
    else:
        found = find(path, sheets.read(path), ColumnMap()).readings
        assert [cells["zone"].value if "zone" in cells else None for cells, _ in found] == zones


def test_a_place_is_one_in_a_workbook_and_in_a_table(spool: Path, tmp_path: Path, command: Command) -> None:
    headings = ["TML", "Examined  on", "Thickness (mm)"]
    rows = [[name, "2016-05-31", 7.9] for name in ("TML  1", 12, "1.10", "O.0")]
    (tmp_path / "map.json").write_text('{"date": "Examined  on"}')
    words = ("--zone", "body", "--map", tmp_path / "map.json")
    book = workbook(tmp_path / "ut.xlsx", UT=[headings, *rows])
    assert "4 of 4 records added" in command("inspect", spool, "--readings", book, *words).stdout
    path = table(tmp_path / "ut.csv", [headings, *rows[:1], ["12.0", *rows[1][1:]], *rows[2:]])
    assert "0 of 4 records added" in command("inspect", spool, "--readings", path, *words).stdout
    assert set(places(spool)) == {"TML 1", "12", "1.10", "O.0"}
    own: Rows = [
        ["date", "zone", "kind", "value", "tool", "place"],
        ["2016-05-31", "body", "ultrasonic", 7.9, "ultrasonic  gauge", "TML  1"],
    ]
    assert "0 of 1 record added" in command("inspect", spool, "--csv", table(tmp_path / "own.csv", own)).stdout


@pytest.mark.ci
def test_a_place_is_one_by_whichever_way_it_comes(spool: Path, tmp_path: Path, command: Command) -> None:
    rows = [
        ["date", "zone", "kind", "value", "tool", "place", "unit"],
        *(["2016-05-31", "body", "ultrasonic", 7.9, "UT", place, "mm"] for place in ("12.0", "13.0/1.0", "T  1")),
    ]
    path = table(tmp_path / "own.csv", rows)
    stored = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    (spool / "inspections.jsonl").write_text("".join(json.dumps(line) + "\n" for line in stored))  # of an older version
    for way in ("--readings", "--csv"):
        assert "0 of 3 records added" in command("inspect", spool, way, path).stdout
    changed_value = table(tmp_path / "other.csv", [rows[0], [*rows[1][:3], 7.5, *rows[1][4:]]])
    assert "7.9 mm there on that day" in command("inspect", spool, "--csv", changed_value).stderr
    no_zone = table(tmp_path / "ut.csv", [["TML", "Date", "Reading (mm)"], ["12", "2018-05-31", 7.7]])
    assert "1 of 1 record added" in command("inspect", spool, "--readings", no_zone).stdout
    assert places(spool) == ["12.0", "13.0/1.0", "T  1", "12"]
    (spool / "inspections.jsonl").unlink()
    for way, added in (("--csv", 3), ("--readings", 0)):
        assert f"{added} of 3 records added" in command("inspect", spool, way, path).stdout
    assert places(spool) == ["12", "13/1", "T 1"]


def test_names_given_in_python_are_as_in_a_table(spool: Path) -> None:
    twin = ct.Twin.load(spool)
    given: dict[str, Any] = {"date": "2016-05-31", "zone": "body", "kind": "ultrasonic", "value": 7.9}
    [record] = twin.inspect(**given, tool=" UT  3", place=" TML  1 ")
    assert (record.tool, record.place) == ("UT 3", "TML 1")
    assert not twin.inspect(**given, tool="UT 3", place="TML 1")
    [record] = twin.inspect(**given, tool="UT 3", place="12.0")
    assert record.place == "12"


def test_spaces_that_older_versions_kept_in_the_name_of_a_tool_make_no_other_tool(
    spool: Path, tmp_path: Path, command: Command
) -> None:
    given: dict[str, Any] = {"date": "2016-05-31", "zone": "body", "kind": "ultrasonic", "place": "12"}
    line = json.dumps({**given, "value": 7.9, "tool": " UT  3 "}) + "\n"
    (spool / log.RECORDS).write_text(line)
    twin = ct.Twin.load(spool)
    for tool in (" UT  3 ", "UT 3"):
        assert not twin.inspect(**given, value=7.9, tool=tool)
        with pytest.raises(ct.InputError, match=r"7\.5 mm at 12 on body by UT 3, but also 7\.9 mm there on that day"):
            twin.inspect(**given, value=7.5, tool=tool)
        path = table(tmp_path / "ut.csv", [["TML", "Date", "Reading (mm)"], ["12", "2016-05-31", 7.9]])
        assert "0 of 1 record added" in command("inspect", spool, "--readings", path, "--tool", tool).stdout
    twin.save()
    assert (spool / log.RECORDS).read_text() == line
    for verb, left in (("withdraws", 0), ("restores", 1)):
        log.rule(spool, [1], verb)
        assert len(log.read_log(spool).in_force) == left


def test_two_names_of_one_place_are_both_said_where_their_readings_contradict(spool: Path) -> None:
    old = {"date": "2016-05-31", "zone": "body", "kind": "ultrasonic", "tool": "UT"}
    lines = [{**old, "place": place, "value": value} for place, value in (("12", 7.9), ("12.0", 7.5))]
    (spool / log.RECORDS).write_text("".join(json.dumps(line) + "\n" for line in lines))  # of an older version
    message = r"7\.5 mm at 12\.0 on body by UT, but also 7\.9 mm there on that day \(12 is the same place\); correct"
    with pytest.raises(ct.InputError, match=message):
        log.append(spool, [Record(date="2018-05-31", zone="body", kind="ultrasonic", value=7.4, tool="UT", place="44")])
