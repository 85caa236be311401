import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError

HEADER = ("name", "value", "day")


@dataclass(frozen=True)
class Dialect:
    """How a program writes a table."""

    separator: str = ","
    mark: str = "."
    encoding: str = "utf-8"
    line_end: str = "\n"
    quoting: int = csv.QUOTE_MINIMAL
    padding: str = ""
    capitals: bool = False
    empty_columns: int = 0
    empty_rows: int = 0
    separator_line: bool = False

    def written(self, header: tuple[str, ...], rows: list[list[str]]) -> bytes:
        """A table whose numbers have been written with the decimal mark already."""
        text = io.StringIO()
        if self.separator_line:
            text.write(f"sep={self.separator}{self.line_end}")
        writer = csv.writer(text, delimiter=self.separator, lineterminator=self.line_end, quoting=self.quoting)
        names = [name.upper() if self.capitals else name for name in header]
        for row in [names, *rows]:
            writer.writerow([*(f"{self.padding}{cell}{self.padding}" for cell in row), *[""] * self.empty_columns])
        blank = self.separator * (len(header) + self.empty_columns - 1) + self.line_end
        text.write(blank * self.empty_rows)
        return text.getvalue().encode(self.encoding)


DIALECTS = st.builds(
    Dialect,
    separator=st.sampled_from(tables.SEPARATORS),
    mark=st.sampled_from(".,"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    padding=st.sampled_from(["", " ", "  "]),
    capitals=st.booleans(),
    empty_columns=st.integers(0, 3),
    empty_rows=st.integers(0, 3),
    separator_line=st.booleans(),
)
# Padding is taken off by design; a lone carriage return is a line end to whoever does not quote it.
TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r")).map(str.strip).filter(bool)
ROWS = st.lists(
    st.tuples(TEXTS, st.decimals(-1000, 1000, places=2), st.dates(min_value=date(1000, 1, 1))), min_size=1, max_size=5
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dialect=DIALECTS, rows=ROWS)
def test_a_table_in_any_dialect_reads_back_equal(
    tmp_path: Path, dialect: Dialect, rows: list[tuple[str, Decimal, date]]
) -> None:
    path = tmp_path / "table.csv"
    cells = [[name, str(value).replace(".", dialect.mark), day.isoformat()] for name, value, day in rows]
    path.write_bytes(dialect.written(HEADER, cells))
    table = tables.read(path, required=HEADER, others=False)
    assert [(row.text("name"), row.decimal("value"), row.date("day")) for row in table.rows] == rows
    assert [row.number("value") for row in table.rows] == [float(value) for _, value, _ in rows]
    assert [column.lower() for column in table.columns] == list(HEADER)


@pytest.mark.parametrize("separator", tables.SEPARATORS)
@pytest.mark.parametrize("text", ["file name", " File_Name ", "FILE_NAME"])
def test_headings_may_be_padded_capitalised_and_have_blanks(tmp_path: Path, separator: str, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(separator.join([text, "Value", "note", "note"]) + "\n" + separator.join("a1xy"))
    [row] = tables.read(path, required=("value",), optional=("file_name",)).rows
    assert (row["file_name"], row["Value"], row.whole("value", least=0, most=9)) == ("a", "1", 1)


def test_the_separator_is_that_of_the_header_whatever_is_in_the_cells(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("name;value\na,b,c,d\t;1,5\n")
    [row] = tables.read(path, required=("name", "value")).rows
    assert (row["name"], row.number("value")) == ("a,b,c,d", 1.5)


@pytest.mark.parametrize("line", ["a,7.9,", "a,7.9,,,", "a;7,9;", "12;7;"])
def test_lines_may_end_with_a_separator_more_than_the_header(line: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"name{line[-1]}value\n{line}\n")
    [row] = tables.read(path, required=("name", "value")).rows
    assert row.number("value") == (7 if "12" in line else 7.9)


def test_rows_are_named_by_their_first_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('\nname,value\n"a\nb",1\n\n,,\nc,x\n"d', encoding="utf-8")
    with pytest.raises(InputError, match=r"table\.csv: line 8: a quote is opened but not closed"):
        tables.read(path, required=("name", "value"))
    path.write_text(path.read_text().removesuffix('"d'))
    table = tables.read(path, required=("name", "value"))
    assert [row.line for row in table.rows] == [3, 7]
    assert table.rows[0]["name"] == "a\nb"
    with pytest.raises(InputError, match=r"table\.csv: line 7, column 'value': 'x' is not a number"):
        table.rows[1].number("value")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no column 'name'; it has no header; the first line must name name, value"),
        (b"\n\n", "no column 'name'; it has no header"),
        (b"name,price\n", "no column 'value'; it has name, price"),
        (b"name,value,colour\n", "unknown column 'colour'; the known columns are name, value, place"),
        (b"name,value,Value\n", "columns that appear twice: value"),
        (b"name,value\na,1,2\n", "line 2: more cells than columns, with '2'; quote a cell that holds a comma"),
        (b"name;value;\na;1;2\n", "line 2: more cells than columns, with '2'; quote a cell that holds a semicolon"),
        (
            b"name,place,value\na,7,9,\n",
            "line 2: more cells than columns, and '7,9' may be one number; quote it, or rem",
        ),
        (b"name,value\na\0,1\n", "line 2: holds a zero byte; save it as CSV UTF-8"),
        ("name,value\nPrüfer,1\n".encode("latin-1"), r"line 2: not a CSV file in UTF-8 \(.*\); save it as CSV UTF-8"),
        ("name,value\n".encode("utf-16-le"), "no column 'name'"),
        (b"\xff\xfe\0", "line 1: not a CSV file in UTF-8"),
        (b"PK\x03\x04rest", "is an Excel workbook or another archive, not a CSV file; save it as CSV UTF-8"),
        (b"name,value\n" + b"x" * 200_000, r"line 2: not a CSV file \(field larger than field limit"),
        (b'name,value\n"a,1\nb,2\n', "line 2: a quote is opened but not closed"),
    ],
)
def test_what_is_no_table_is_refused_by_file_and_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{path}: {problem}") as caught:
        tables.read(path, required=("name", "value"), optional=("place",), others=False)
    assert str(caught.value).isprintable()


def test_files_and_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    path.write_text("name,value\n" + "a,1\n" * 10)
    monkeypatch.setattr(tables, "MOST_ROWS", 10)
    assert len(tables.read(path, required=("name",)).rows) == 10
    path.write_text("name,value\n" + "a,1\n" * 11)
    with pytest.raises(InputError, match=r"table\.csv: over 10 rows"):
        tables.read(path, required=("name",))
    monkeypatch.setattr(tables, "MOST_BYTES", 2**20)
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(InputError, match=r"table\.csv: cannot be read \(is 1 MiB, more than the limit of 1 MiB"):
        tables.read(path, required=("name",))
    for absent in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            tables.read(absent, required=("name",))


def cell(folder: Path, text: str, separator: str) -> tables.Row:
    """A row with one cell besides its name."""
    path = folder / "table.csv"
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, lineterminator="\n").writerows([["name", "value"], ["a", text]])
    path.write_text(stream.getvalue(), encoding="utf-8")
    return tables.read(path, required=("name", "value")).rows[0]


@pytest.mark.parametrize("separator", tables.SEPARATORS)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9.8", 9.8),
        ("9,8", 9.8),
        (",5", 0.5),
        ("-1e-3", -0.001),
        ("+7,", 7.0),
        ("0,125", 0.125),
        ("12345,678", 12345.678),
    ],
)
def test_numbers_have_a_point_or_a_comma(tmp_path: Path, text: str, value: float, separator: str) -> None:
    assert cell(tmp_path, text, separator).number("value") == value


@pytest.mark.parametrize("separator", tables.SEPARATORS)
@pytest.mark.parametrize(
    "text",
    [
        "thin", "nan", "inf", "-Infinity", "1_000", "1e999", "1e" + "9" * 30, "0x10", "1.234,5", "1,234.5", "1 000",
        "٣", "9.8mm", "",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_cell(tmp_path: Path, text: str, separator: str) -> None:
    with pytest.raises(InputError, match=r"table\.csv: line 2, column 'value': ") as caught:
        cell(tmp_path, text, separator).number("value")
    assert text[:30] in str(caught.value)


def test_a_comma_that_may_part_thousands_is_refused_where_commas_part_cells(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'1,234' could be 1\.234 or 1234; write the one"):
        cell(tmp_path, "1,234", ",").number("value")
    assert cell(tmp_path, "1,234", ";").number("value") == 1.234


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2016-05-31", date(2016, 5, 31)), ("31.05.2016", date(2016, 5, 31)), ("1.2.2016", date(2016, 2, 1)),
        ("31/05/2016", date(2016, 5, 31)), ("5/5/2016", date(2016, 5, 5)), ("05/06/2016", None), ("05/31/2016", None),
        ("2016-02-30", None), ("31.02.2016", None), ("31.5/2016", None), ("1.2.16", None), ("20160531", None),
        ("0/3/2016", None), ("", None), ("yesterday", None),
    ],
)  # fmt: skip
def test_days_are_taken_where_they_can_be_one_day_alone(tmp_path: Path, text: str, day: date | None) -> None:
    row = cell(tmp_path, text, ",")
    if day is not None:
        assert row.date("value") == day
        return
    with pytest.raises(InputError, match=r"table\.csv: line 2, column 'value': ") as caught:
        row.date("value")
    assert text in str(caught.value)
    assert not text or "2016-0" in str(caught.value)  # how to write it


@pytest.mark.parametrize("text", ["0", "11", "2.5", "1e1", "x", "", "9" * 5000])
def test_whole_numbers_and_numbers_have_bounds(tmp_path: Path, text: str) -> None:
    row = cell(tmp_path, text, ",")
    with pytest.raises(InputError, match=r"line 2, column 'value': .*(from 1 to 10|empty)"):
        row.whole("value", least=1, most=10)
    if text in ("0", "11"):
        with pytest.raises(InputError, match=r"line 2, column 'value': .* out of bounds; give a number from 1 to 10"):
            row.number("value", least=1, most=10)


def test_our_own_tables_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text('a,b\n 1 ,"x,\ny"\n')
    assert tables.read_own(path, ("a", "b")) == {"a": [" 1 "], "b": ["x,\ny"]}
    for content in ("a;b\n1;2\n", "A,b\n1,2\n", "a,b\n1\n", "a,b\n1,2,\n", "a,b\n\n", ""):
        path.write_text(content)
        with pytest.raises(InputError, match=r"own\.csv: damaged; expected the columns a, b"):
            tables.read_own(path, ("a", "b"))
