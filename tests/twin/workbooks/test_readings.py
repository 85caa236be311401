"""Thickness readings as contractors send them: three shapes, units, days, and every way in which they may be wrong."""

import datetime
import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from contractor import Rows, pipe, table, workbook

import corrotwin as ct
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.workbooks import days, sheets, xlsx

Command = Callable[..., subprocess.CompletedProcess[str]]
MM = 25.4


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A pipe of 8.18 mm with zone body, in service since 2005."""
    return pipe(tmp_path / "spool")


def taken(spool: Path) -> list[Record]:
    return list(log.read_log(spool).in_force.values())


def of(records: Sequence[Record]) -> list[tuple[str, str, float]]:
    return sorted((record.place, record.date, round(record.value, 3)) for record in records)


LONG: Rows = [
    ["TML ID", "Component", "Inspection Date", "Reading (in)", "Technician", "Instrument", "Cal. Block", "Procedure"],
    ["TML-1", "Body", datetime.date(2014, 5, 20), 0.318, "J. Doe", "DMS-7", "B-2", "UT-01"],
    ["TML-1", "Body", datetime.date(2019, 5, 21), 0.307, "J. Doe", "DMS-7", "B-2", "UT-01"],
    ["TML-2", "Body", datetime.date(2019, 5, 21), 0.311, "J. Doe", "DMS-7", "B-2", "UT-01"],
]
EXPECTED = [
    ("TML-1", "2014-05-20", round(0.318 * MM, 3)), ("TML-1", "2019-05-21", round(0.307 * MM, 3)),
    ("TML-2", "2019-05-21", round(0.311 * MM, 3)),
]  # fmt: skip


def test_a_row_a_reading(spool: Path, tmp_path: Path, command: Command) -> None:
    path = workbook(tmp_path / "ut.xlsx", UT=[["Contractor Ltd, report 17"], [], *LONG])
    dry = command("inspect", spool, "--readings", path, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "sheet 'UT': value from 'Reading (in)' (inch)" in dry.stdout
    assert "2019-05-21 body: 2 readings" in dry.stdout
    assert "TML-1 on body: 8.077 mm (0.318 inch) by DMS-7" in dry.stdout
    assert "would store 3 of 3 readings; nothing was stored" in dry.stdout
    assert taken(spool) == []
    done = command("inspect", spool, "--readings", path)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 records added" in done.stdout
    found = taken(spool)
    assert of(found) == EXPECTED
    first = found[0]
    assert (first.zone, first.tool, first.technician, first.calibration, first.procedure, first.stated) == (
        "body", "DMS-7", "J. Doe", "B-2", "UT-01", "0.318 inch"
    )  # fmt: skip
    again = command("inspect", spool, "--readings", path)
    assert "0 of 3 records added" in again.stdout


@pytest.mark.ci
def test_a_column_a_survey(spool: Path, tmp_path: Path, command: Command) -> None:
    rows = [
        ["CML", "20/05/2014", "21/05/2019", "Remarks"],
        ["TML-1", "8,077", "7,798", ""],
        ["TML-2", "n/a", "7,899", "no access in 2014"],
    ]
    path = table(tmp_path / "ut.csv", rows, separator=";", encoding="cp1252")
    bare = command("inspect", spool, "--readings", path, "--zone", "body")
    assert bare.returncode == 2
    assert "ut.csv: line 2, column '20/05/2014': no unit is stated; give --unit: mm, inch or mil" in bare.stderr
    done = command("inspect", spool, "--readings", path, "--zone", "body", "--unit", "mm")
    assert done.returncode == 0, done.stderr
    assert "surveys from '20/05/2014', '21/05/2019'" in done.stdout
    assert "not used: 'Remarks'" in done.stdout
    assert "1 cell without a measurement left out" in done.stdout
    assert [(place, date) for place, date, _ in of(taken(spool))] == [row[:2] for row in EXPECTED]


@pytest.mark.ci
def test_sheets_of_assets_groups_places_and_measurements(spool: Path, tmp_path: Path, command: Command) -> None:
    path = workbook(
        tmp_path / "plant.xlsx",
        Assets=[["Asset ID", "Description"], ["P-101", "crude"], ["P-102", "crude"]],
        Groups=[["TML Group ID", "Asset ID"], ["C1", "P-101"], ["C2", "P-102"]],
        TMLs=[
            ["TML ID", "TML Group ID", "Component Type", "Nominal Thickness"],
            ["TML-1", "C1", "Straight", 0.322], ["TML-2", "C1", "Straight", 0.322], ["TML-9", "C2", "Straight", 0.322],
        ],
        Measurements=[
            ["TML ID", "Measurement Date", "Measurement Value", "UOM"],
            ["TML-1", "2014-05-20", 318, "mil"], ["TML-1", "2019-05-21", 0.307, "in"],
            ["TML-2", "2019-05-21", 7.8994, "mm"], ["TML-9", "2019-05-21", 0.3, "in"],
        ],
    )  # fmt: skip
    mapped = tmp_path / "map.json"
    mapped.write_text('{"zones": {"straight": "body"}}')
    which = command("inspect", spool, "--readings", path, "--map", mapped)
    assert which.returncode == 2
    assert "has rows of several assets, 'P-101', 'P-102'; give the one that is this twin as --asset" in which.stderr
    done = command("inspect", spool, "--readings", path, "--map", mapped, "--asset", "P-101")
    assert done.returncode == 0, done.stderr
    assert "1 reading of other assets left out" in done.stdout
    assert of(taken(spool)) == EXPECTED
    untranslated = command("inspect", spool, "--readings", path, "--asset", "P-101")
    assert untranslated.returncode == 2
    assert "'Straight' is not a zone of this pipe" in untranslated.stderr


@pytest.mark.ci
def test_headings_of_ones_own_are_mapped(spool: Path, tmp_path: Path, command: Command) -> None:
    rows = [["Loc.", "When", "Rdg"], ["TML-1", "05/20/2014", "0.318"], ["TML-1", "05/21/2019", "0.307"]]
    path = table(tmp_path / "ut.csv", rows, separator="\t", encoding="utf-16")
    assert "no readings found" in command("inspect", spool, "--readings", path).stderr
    mapped = tmp_path / "map.json"
    mapped.write_text('{"place": "Loc.", "date": "When", "value": "Rdg", "unit": "inch"}')
    done = command("inspect", spool, "--readings", path, "--map", mapped, "--zone", "body")
    assert done.returncode == 0, done.stderr
    assert of(taken(spool)) == EXPECTED[:2]


def changed(row: int, column: int, value: object) -> Rows:
    rows = [list(each) for each in LONG]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (changed(2, 3, 7.8), (), "sheet 'UT', row 3, column 'Reading (in)': 7.8 inch is"),
        (changed(0, 3, "Reading (mm)"), (), "row 2, column 'Reading (mm)': 0.318 mm is 3.89 % of the nominal 8.18 mm "
         "of body; it looks like inch, 8.077 mm"),
        ([*changed(0, 3, "Reading (mm)")[:1], ["TML-1", "Body", "2014-05-20", 8.1, "", "D", "", ""],
          ["TML-1", "Body", "2019-05-21", 0.31, "", "D", "", ""],
          ["TML-2", "Body", "2019-05-21", 7.9, "", "D", "", ""]],
         (), "row 3, column 'Reading (mm)': 0.31 mm is 3.79 % of the nominal 8.18 mm of body; it looks like inch"),
        (changed(1, 2, "05/06/2014"), (), "row 2, column 'Inspection Date': '05/06/2014' could be either of two dates; "
         "state whether day or month comes first (--dates"),
        (changed(1, 2, "soon"), (), "row 2, column 'Inspection Date': 'soon' is not a date; write it as 2016-05-31"),
        ([LONG[0], ["T", "Body", "31/05/2014", 0.3], ["T", "Body", "05/31/2015", 0.3]], (),
         "row 1: dates in two orders, '31/05/2014' and '05/31/2015'"),
        (changed(1, 3, "thin"), (), "row 2, column 'Reading (in)': 'thin' is not a number; write it as 7.9"),
        (changed(1, 3, None), (), "row 2, column 'Reading (in)': is empty; fill it in, write n/a, or remove the row"),
        (changed(1, 2, None), (), "row 2, column 'Inspection Date': is empty; give the date"),
        (changed(1, 1, "Elbow"), (), "row 2, column 'Component': 'Elbow' is not a zone of this pipe ("),
        ([*LONG, ["TML-1", "Body", datetime.date(2014, 5, 20), 0.316, "", "DMS-7", "", ""]], (),
         "row 5, column 'Reading (in)': TML-1 on 2014-05-20 is 8.0264 mm here and 8.0772 mm in "),
        (changed(1, 3, 0), (), "row 2, column 'Reading (in)': 0 is not a thickness; leave the cell empty"),
        (changed(1, 0, None), (), "row 2, column 'Reading (in)': the row names no place"),
        (changed(1, 3, "#N/A"), (), "sheet 'UT': cell D2 has an error; open the workbook, fix or"),
        ([["CML", "2012-05-01", "UT 2016"], ["A", 7.9, 7.8]], (), "row 1: 'UT 2016' may be a survey but is not a date"),
        ([["CML", "2012-05-01", "UT 2016"], ["A", 7.9, "7,8"]], (), "row 1: 'UT 2016' may be a survey but is not a"),
        ([["CML", "2012-05-01", 43616], ["A", 7.9, 7.8]], (), "row 1: '43616.0' may be a survey but is not a date"),
        ([["CML", "Date", "Reading (mm)", "2012-05-01"], ["A", "2016-05-01", 7.9, 7.8]], (),
         "row 1: has both a column of readings and columns of surveys ('2012-05-01')"),
        ([["CML", "Inspection Date", "Reading (mm)"], ["A", datetime.date(2016, 6, 5), 7.9], ["A", "31/05/2016", 7.9]],
         (), "row 1: '31/05/2016' is text but 2016-06-05 is a date, so a spreadsheet may have swapped day and month"),
        ([["CML", "Point", "Inspection Date", "Reading (mm)"], [None, "N", "2016-05-31", 7.9]], (), "names no place"),
        (changed(0, 4, "Reading"), (), "columns 'Reading (in)' and 'Reading' could both be the value; say which"),
        (changed(1, 2, datetime.date(2031, 1, 1)), (), "is in the future"),
        (LONG, ("--unit", "cm"), "--unit cm: give mm, inch or mil"),
        (LONG, ("--asset", "P-7"), "asset 'P-7' not found; the file has no column of assets"),
        (LONG, ("--date", "2016-01-01"), "--readings can be combined only with --map"),
        ([["x", "y"], [1, 2]], (), "no readings found (no known heading)"),
        (LONG[:1], ("--asset", "P-7"), "ut.xlsx: has headings but no readings below them"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_nothing_is_stored(
    rows: Rows, options: tuple[str, ...], message: str, spool: Path, tmp_path: Path, command: Command
) -> None:
    before = {path: path.read_bytes() for path in spool.iterdir() if path.is_file()}
    done = command("inspect", spool, "--readings", workbook(tmp_path / "ut.xlsx", UT=rows), *options)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert message in line
    assert {path: path.read_bytes() for path in spool.iterdir() if path.is_file()} == before


@pytest.mark.ci
def test_equal_rows_are_one_reading_and_points_tell_places_apart(spool: Path, tmp_path: Path, command: Command) -> None:
    rows = [
        [*LONG[0], "Point"],
        *([*row, "A"] for row in LONG[1:]),
        [*LONG[1], "A"],
        [*LONG[1][:3], 0.31, *LONG[1][4:], "B"],
    ]
    done = command("inspect", spool, "--readings", workbook(tmp_path / "ut.xlsx", UT=rows))
    assert done.returncode == 0, done.stderr
    assert "1 duplicate reading left out" in done.stdout
    assert {record.place for record in taken(spool)} == {"TML-1/A", "TML-1/B", "TML-2/A"}


def test_hidden_sheets_merged_cells_and_formulas(spool: Path, tmp_path: Path, command: Command) -> None:
    path = workbook(tmp_path / "ut.xlsx", UT=LONG)
    book = openpyxl.load_workbook(path)
    hidden = book.create_sheet("draft")
    for row in LONG:
        hidden.append([*row[:3], 0.1, *row[4:]])
    hidden.sheet_state = "hidden"
    book.save(path)
    assert command("inspect", spool, "--readings", path).returncode == 0
    assert of(taken(spool)) == EXPECTED
    book["UT"].merge_cells("A3:A4")
    book.save(path)
    merged = command("inspect", spool, "--readings", path)
    assert merged.returncode == 2
    assert "sheet 'UT': cells A3:A4 are merged" in merged.stderr
    book["UT"].unmerge_cells("A3:A4")
    book["UT"]["D3"] = "=0.3+0.007"
    book.save(path)
    formula = command("inspect", spool, "--readings", path)
    assert formula.returncode == 2
    assert (
        "cell D3 has a formula without a value; open the workbook, fix or recalculate the cell, and save it"
        in formula.stderr
    )


@pytest.mark.ci
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sheet: sheet.merge_cells("B2:B3"), "sheet 'TMLs': cells B2:B3 are merged"),
        (lambda sheet: sheet.append(["Signed: J. Doe"]) or sheet.merge_cells("A4:C4"), ""),
        (lambda sheet: sheet.append(["Signed: J. Doe"]) or sheet.merge_cells("A4:B6"), ""),
        (lambda sheet: sheet.__setitem__("B2", "=Old!B2"), "sheet 'TMLs': cell B2 has a formula without a value"),
        (lambda sheet: sheet.append(["TML-1", "end"]), "sheet 'TMLs', row 4, column 'TML ID': 'TML-1' is in two rows"),
        (lambda sheet: sheet.append(["TML-1", "Body"]), ""),
        (lambda sheet: sheet.append(["TML-9", "end"]) or sheet.append(["TML-9", "bore"]), ""),
    ],
)
def test_a_sheet_of_places_is_held_to_what_readings_need_of_it(
    change: Callable[[Any], object], message: str, spool: Path, tmp_path: Path, command: Command
) -> None:
    places: Rows = [["TML ID", "Component"], ["TML-1", "Body"], ["TML-2", "Body"]]
    path = workbook(tmp_path / "ut.xlsx", TMLs=places, UT=[[row[0], *row[2:]] for row in LONG])
    book = openpyxl.load_workbook(path)
    change(book["TMLs"])
    book.save(path)
    done = command("inspect", spool, "--readings", path, "--zone", "body")
    assert done.returncode == (2 if message else 0), done.stderr
    assert message in done.stderr
    assert of(taken(spool)) == ([] if message else EXPECTED)


def test_a_file_that_is_no_workbook_is_one_line(spool: Path, tmp_path: Path, command: Command) -> None:
    for name, content, message in (
        ("a.xlsx", b"PK\x03\x04 and no more", "is not a readable workbook"),
        ("b.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is not a readable workbook"),
        ("c.xlsx", b"", "is not a readable workbook"),
        ("d.csv", b'CML,date\n"open', "a quote is opened but not closed"),
    ):
        (tmp_path / name).write_bytes(content)
        done = command("inspect", spool, "--readings", tmp_path / name)
        assert done.returncode == 2, name
        [line] = done.stderr.splitlines()
        assert message in line
    absent = command("inspect", spool, "--readings", tmp_path / "gone.xlsx")
    assert "gone.xlsx: cannot be read" in absent.stderr


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    spool: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "ut.xlsx", UT=LONG)
    monkeypatch.setattr(xlsx, "MOST_UNPACKED", 2000)
    assert "unpacks to over" in command("inspect", spool, "--readings", path).stderr
    monkeypatch.setattr(xlsx, "MOST_UNPACKED", 10**9)
    monkeypatch.setattr(sheets, "MOST_BYTES", 2000)
    assert "ut.xlsx: cannot be read" in command("inspect", spool, "--readings", path).stderr
    monkeypatch.setattr(sheets, "MOST_BYTES", 10**9)
    monkeypatch.setattr(sheets, "MOST_ROWS", 3)
    assert (
        "sheet 'UT': has a cell in row 4, column 1, beyond any table; split the sheet or remove the cell"
        in command("inspect", spool, "--readings", path).stderr
    )
    rows = table(tmp_path / "ut.csv", [*LONG, *LONG[1:]])
    assert "ut.csv: over 3 rows" in command("inspect", spool, "--readings", rows).stderr


@pytest.mark.ci
@pytest.mark.parametrize(
    ("heading", "kinds", "given"),
    [
        ("Kind", ["Ultrasonic", "", "ultrasonic"], {}),
        ("Kind", ["UT", "n/a", "Ultrasonic Thickness"], {}),
        ("kind", ["Elbow 90", "straight", "dead leg"], {}),
        ("Kind", ["lower body", "lower body", ""], {"zone": "Kind", "zones": {"lower body": "body"}}),
    ],
)
def test_a_column_kind_may_hold_the_kinds_of_places(
    heading: str, kinds: list[str], given: dict[str, object], spool: Path, tmp_path: Path, command: Command
) -> None:
    """A row of another kind, such as wall loss, is refused: it would be stored as remaining thickness."""
    (tmp_path / "map.json").write_text(json.dumps(given))
    rows = [[*LONG[0], heading], *([*row, kind] for row, kind in zip(LONG[1:], kinds, strict=True))]
    footer = ["Reported by", *[None] * (len(LONG[0]) - 1), "J. Smith"]
    path = table(tmp_path / "ut.csv", [*rows, footer])
    words = ("--readings", path, "--map", tmp_path / "map.json", "--zone", "body")
    assert command("inspect", spool, *words).returncode == 0
    assert of(taken(spool)) == EXPECTED


def test_macros_are_not_run_and_other_kinds_are_read(spool: Path, tmp_path: Path, command: Command) -> None:
    path = workbook(tmp_path / "ut.xlsx", UT=LONG)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"a macro")
    path.rename(tmp_path / "ut.xlsm")
    done = command("inspect", spool, "--readings", tmp_path / "ut.xlsm")
    assert done.returncode == 0, done.stderr
    assert of(taken(spool)) == EXPECTED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "give a JSON object"), ('{"colour": "x"}', "unknown key 'colour'; choose from asset, group, place"),
        ('{"value": 3}', "value 3: give text"), ('{"dates": "year"}', "give day or month, whichever comes first"),
        ('{"zones": []}', "zones: give a JSON object"), ('{"header": 0}', "header 0: give the number of the row"),
        ('{"sheet": "x"}', "no visible sheet 'x'; choose from 'UT'"),
        ('{"header": 9}', "row 9: is empty"),
        ('{"place": "Locc"}', "ut.xlsx: no column 'Locc', which the column map gives for place"),
        ('{"zones": {"Body 1": "body", "body-1": "bore"}}',
         "zones: 'body-1' is empty or, without case and punctuation, equals another name; rename it"),
        ("{", "map.json"),
    ],
)  # fmt: skip
def test_a_wrong_map_is_one_line(content: str, message: str, spool: Path, tmp_path: Path, command: Command) -> None:
    (tmp_path / "map.json").write_text(content)
    path = workbook(tmp_path / "ut.xlsx", UT=LONG)
    done = command("inspect", spool, "--readings", path, "--map", tmp_path / "map.json")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2016-05-31", None, (2016, 5, 31)), ("2016/5/3", None, (2016, 5, 3)), ("31.05.2016", None, (2016, 5, 31)),
        ("05.06.2016", None, (2016, 6, 5)), ("31/05/2016", None, (2016, 5, 31)), ("05/31/2016", None, (2016, 5, 31)),
        ("05/06/2016", "day", (2016, 6, 5)), ("05/06/2016", "month", (2016, 5, 6)), ("05/05/2016", None, (2016, 5, 5)),
        ("31-May-2016", None, (2016, 5, 31)), ("May 31, 2016", None, (2016, 5, 31)),
        ("3 June 2016", None, (2016, 6, 3)),
        ("2016-05-31 08:15:00", None, (2016, 5, 31)),
    ],
)  # fmt: skip
def test_days_are_read_as_people_write_them(
    text: str, order: days.Order | None, expected: tuple[int, int, int]
) -> None:
    assert days.day_of(text, order) == datetime.date(*expected)


@pytest.mark.parametrize(
    "rows",
    [
        "TML,Date,Reading (mm)\n1,2016-05-31,7,9\n",
        "CML,2012-05-01,2016-05-01\nA,7,9,7,8\n",
        "TML,Date,Reading (mm),Remark\n1,2016-05-31,7,9,\n",
        "CML,2012-05-01,2016-05-01\nA,7,9,\n",
        "TML,Date,Reading (mm),Remark,\n1,2016-05-31,7,9,,\n",
    ],
)
def test_decimal_commas_between_commas_are_refused(rows: str, spool: Path, tmp_path: Path, command: Command) -> None:
    (tmp_path / "ut.csv").write_text(rows)
    done = command("inspect", spool, "--readings", tmp_path / "ut.csv", "--zone", "body", "--unit", "mm")
    assert done.returncode == 2
    assert "ut.csv: line 2: more cells than columns" in done.stderr
    assert taken(spool) == []


@pytest.mark.parametrize("heading", ["Survey 2019", "2019", "43616", "31/05/19 (mm)", "UT 31-May-19", "May-19"])
def test_a_survey_of_a_csv_file_without_a_day_is_refused(
    heading: str, spool: Path, tmp_path: Path, command: Command
) -> None:
    """W1 went from 7.7 to 6.1 mm; its second survey would be passed over."""
    rows = [["CML", "Zone", "2016-05-31", heading], ["W1", "body", "7.7", "6.1"], ["W2", "body", "7.6", "n/a"]]
    (tmp_path / "map.json").write_text('{"sheet": "UT"}')  # of workbooks; a CSV file is the sheet
    words = (table(tmp_path / "y.csv", rows), "--unit", "mm", "--map", tmp_path / "map.json")
    done = command("inspect", spool, "--readings", *words)
    assert done.returncode == 2
    assert f"y.csv: line 1: '{heading}' may be a survey but is not a date; write it as 2016-05-31" in done.stderr
    assert taken(spool) == []


def test_long_numbers_and_groups_keep_places_apart(spool: Path, tmp_path: Path, command: Command) -> None:
    rows = [
        ["TML", "Circuit", "Date", "Thickness"],
        *([number, "C1", "2016-05-31", 7.9] for number in (1234567, 1234568)),
    ]
    rows += [[1, "C1", "2016-05-31", 7.9], [1, "C2", "2016-05-31", 7.9]]
    path = workbook(tmp_path / "ut.xlsx", UT=rows)
    done = command("inspect", spool, "--readings", path, "--zone", "body", "--unit", "mm")
    assert done.returncode == 0, done.stderr
    assert "places that occur in several groups are named GROUP/PLACE: '1'" in done.stdout
    assert {record.place for record in taken(spool)} == {"1234567", "1234568", "C1/1", "C2/1"}


def test_rows_have_the_numbers_of_the_sheet(spool: Path, tmp_path: Path, command: Command) -> None:
    rows = [[], [], [], *changed(1, 3, "thin")]
    done = command("inspect", spool, "--readings", workbook(tmp_path / "ut.xlsx", UT=rows))
    assert "row 5, column 'Reading (in)': 'thin' is not a number" in done.stderr


def rewritten(path: Path, sheet: int, change: Callable[[bytes], bytes]) -> None:
    """Change the XML of a sheet of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, change(content) if name.endswith(f"sheet{sheet}.xml") else content)


def test_other_sheets_may_be_merged_and_text_of_formulas_empty(spool: Path, tmp_path: Path, command: Command) -> None:
    path = workbook(tmp_path / "ut.xlsx", Cover=[["Report"], [""], ["of UT"]], UT=[["Report", None], ["17"], *LONG])
    book = openpyxl.load_workbook(path)
    book["Cover"].merge_cells("A1:C3")
    book["UT"].merge_cells("A1:B2")
    book["UT"]["I4"] = "placeholder"
    book.save(path)
    empty = b'<c r="I4" t="str"><f>IF(1&gt;2,"x","")</f><v></v></c>'
    rewritten(path, 2, lambda content: re.sub(rb'<c r="I4"[^>]*>.*?</c>', empty, content))
    done = command("inspect", spool, "--readings", path)
    assert done.returncode == 0, done.stderr
    assert of(taken(spool)) == EXPECTED


@pytest.mark.parametrize("address", ["XFD199000", "A1048576", "ZZZZZZZZZ99999999999999", "a1"])
def test_a_cell_far_off_is_refused_before_a_reader_takes_room_for_it(
    address: str, spool: Path, tmp_path: Path, command: Command
) -> None:
    path = workbook(tmp_path / "ut.xlsx", UT=LONG)
    extra = f'<row r="9"><c r="{address}" t="n"><v>1</v></c></row></sheetData>'.encode()
    rewritten(path, 1, lambda content: content.replace(b"</sheetData>", extra))
    done = command("inspect", spool, "--readings", path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "ut.xlsx: " in line


def test_one_workbook_for_many_twins(tmp_path: Path, command: Command) -> None:
    plant, rows = tmp_path / "plant", [["Asset ID", "TML ID", "Date", "Reading (mm)"]]
    twins = [pipe(plant / path) for path in ("unit-1/P-101", "unit-1/new/P-102")]  # at any depth, as `twin fleet`
    rows += [[twin.name, "TML-1", "2019-05-21", "7.9"] for twin in twins]
    path = table(tmp_path / "ut.csv", rows)
    unknown = table(tmp_path / "more.csv", [*rows, ["P-103", "TML-1", "2019-05-21", "7.9"]])
    words = ("--zone", "body")
    refused = command("inspect", plant, "--readings", unknown, *words)
    assert refused.returncode == 2
    assert "no twin is called 'P-103'" in refused.stderr
    dry = command("inspect", plant, "--readings", path, *words, "--dry-run")
    assert "P-102: would store 1 of 1 reading" in dry.stdout, dry.stderr
    assert [taken(twin) for twin in twins] == [[], []]
    done = command("inspect", plant, "--readings", path, *words)
    assert done.returncode == 0, done.stderr
    assert [len(taken(twin)) for twin in twins] == [1, 1]
    assert "--asset P-101: " in command("inspect", plant, "--readings", path, *words, "--asset", "P-101").stderr
    (tmp_path / "none").mkdir()
    assert "none: contains no twin" in command("inspect", tmp_path / "none", "--readings", path, *words).stderr


def test_a_value_of_more_digits_than_a_workbook_keeps_is_known_again(tmp_path: Path) -> None:
    twin = ct.Twin.load(pipe(tmp_path / "spool"))
    value = 7.3259045564185294
    twin.inspect(date="2015-05-31", kind="ultrasonic", zone="body", value=value, tool="UT", place="TML-1")
    rows = [["CML", "Zone", "Date", "Thickness (mm)", "Tool"], ["TML-1", "body", "2015-05-31", 7.32590455641853, "UT"]]
    path = workbook(tmp_path / "r.xlsx", Readings=rows)
    assert twin.import_readings(path) == ()
