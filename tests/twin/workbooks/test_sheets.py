"""Sheets and their cells as every reader of a workbook gets them."""

import datetime
import zipfile
from pathlib import Path

import pytest
from contractor import Rows, ods, table, workbook

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.workbooks import days, sheets, xlsx
from corrotwin.twin.workbooks.cells import key_of
from corrotwin.twin.workbooks.columns import ColumnMap
from corrotwin.twin.workbooks.found import find

BODY, REST = "<table:table-cell{}><text:p>body</text:p></table:table-cell>", "<table:covered-table-cell/>"


@pytest.mark.parametrize(
    ("zones", "value", "message"),
    [
        (("body", "body"), 7.7, ""),
        (("body", "body"), '<table:table-cell table:formula="of:=1" office:value-type="float" office:value="1"/>', ""),
        ((BODY.format(' table:number-rows-spanned="2"'), REST), 7.7, "sheet 'UT': cells B5:B6 are merged"),
        (("body", "body"), '<table:table-cell office:value-type="string" calcext:value-type="error"/>',
         "sheet 'UT': cell D5 has an error; open the workbook"),
        (("body", "body"), '<table:table-cell table:formula="of:=1"/>', "cell D5 has a formula without a value"),
    ],
)  # fmt: skip
def test_cells_of_ods_that_only_seem_empty(
    zones: tuple[str, str], value: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: Rows = [["TML", "Zone", "2016-05-31 (mm)", "2018-05-31 (mm)"], ["T1", zones[0], 7.9, value],
                  ["T2", zones[1], 7.9, 7.8]]  # fmt: skip
    path = ods(tmp_path / "ut.ods", rows, above=3)
    found = sheets.read(path)
    if message:
        with pytest.raises(InputError, match=message):
            find(path, found, ColumnMap())
    else:
        assert len(find(path, found, ColumnMap()).readings) == 4
    monkeypatch.setattr(xlsx, "MOST_UNPACKED", 200)
    with pytest.raises(InputError, match=r"ut\.ods: unpacks to over"):
        sheets.read(path)


def test_an_ods_workbook_with_a_password_is_told_as_one(tmp_path: Path) -> None:
    path, name = tmp_path / "ut.ods", "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", bytes(range(256)))
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{name}"><manifest:file-entry manifest:full-path="content.xml">'
            "<manifest:encryption-data/></manifest:file-entry></manifest:manifest>",
        )
    with pytest.raises(InputError, match="protected by a password"):
        sheets.read(path)


def test_an_xlsx_workbook_may_be_named_ods(tmp_path: Path) -> None:
    rows: Rows = [["TML", "Zone", "Date", "Reading (mm)"], ["T1", "body", "2016-05-31", 7.9]]
    path = workbook(tmp_path / "ut.xlsx", UT=rows).rename(tmp_path / "ut.ods")
    assert len(find(path, sheets.read(path), ColumnMap()).readings) == 1


def test_letters_of_columns() -> None:
    assert [sheets.column_letters(index) for index in (1, 26, 27, 702, 703)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_whole_numbers_of_json_keep_their_digits() -> None:
    numbers = (12, 2**53, 2**53 + 1, 2**53 + 2)
    assert [key_of(sheets.value_of(number)) for number in numbers] == list(map(str, numbers))


def test_a_day_with_more_behind_it_is_no_survey() -> None:
    for text in ("2016-05-01 Corr. rate", "01/05/2016 rate"):
        with pytest.raises(ValueError, match="is not a day"):
            days.day_of(text, "day")
    assert days.day_of("2016-05-01T08:15:00", None) == datetime.date(2016, 5, 1)


@pytest.mark.parametrize(
    ("headings", "is_refused"),
    [
        (("31/05/16", "5/31/16 (mm)", "UT 31-5-16", "31.05.16", "05/16", "May-16", "MAY-16 min", "Sept-16", "Sept. 16",
          "May '16", "16-May", "31May16", "May16", "May 16 (mm)", "43616.0"), True),
        (("MAR 10", "Section 3.1.10", "Row 1 2 10", "Dec 30 to 40", "Max 12", "Decay 12", "May 1", "Octave 10",
          "Ratio 45/10/16", "Code 40-10-16", "3/16", "Grid 12 10 20", "310516"), False),
    ],
)  # fmt: skip
def test_headings_with_a_year_of_two_digits(headings: tuple[str, ...], is_refused: bool, tmp_path: Path) -> None:
    for heading in headings:
        path = table(tmp_path / "ut.csv", [["TML", "Component", "2012-05-31", heading], ["T1", "body", "9.1", "3"]])
        if is_refused:
            with pytest.raises(InputError, match="may be a survey but is not a date"):
                find(path, sheets.read(path), ColumnMap(unit="mm"))
        else:
            assert len(find(path, sheets.read(path), ColumnMap(unit="mm")).readings) == 1, heading


def test_a_column_tells_the_order_of_its_days() -> None:
    assert days.order_of(["05/06/2016", "31/05/2016"]) == "day"
    assert days.order_of(["05/06/2016", "05/31/2016", 3.0, None]) == "month"
    assert days.order_of(["05/06/2016", "2016-05-31"]) is None
    with pytest.raises(days.AmbiguousDayError):
        days.day_of("05/06/2016", None)
    for wrong in ("31/31/2016", "2016-02-30", "x", 41234.0, "01/01/1066"):
        with pytest.raises(ValueError, match=r".+"):
            days.day_of(wrong, "day")


def test_trailing_empty_cells_are_no_decimals_of_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "ut.csv"
    path.write_text("TML,Nominal,Reading (mm),Date\nT1,12.0,9,2016-05-31,\n")
    [(cells, _)] = find(path, sheets.read(path), ColumnMap()).readings
    assert cells["value"].value == "9"
