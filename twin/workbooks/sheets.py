"""Read the sheets of a workbook (XLSX, XLSM, XLS, XLSB, ODS), or a CSV file as one sheet, as rows of cells.

Macros are never run, formulas are read as their stored values, and links are not followed. Workbooks are read with
calamine (python-calamine).
"""

import datetime
import io
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes, reading
from corrotwin.twin.core.text import printable
from corrotwin.twin.workbooks import ods, xlsx
from corrotwin.twin.workbooks.xlsx import Flaw, Merged

Value = str | float | datetime.date | None
"""Text without padding, a number, a day, or None for an empty cell."""

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
MOST_BYTES = 64 * 1024**2  # of a file
MOST_ROWS = 200_000  # of a sheet
_XLSX = (".xlsx", ".xlsm")


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """A row with any content: its number in the file, from 1, and its cells."""

    number: int
    cells: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class WorkbookSheet:
    """The rows of a sheet; `name` is empty for a CSV file.

    `merged` has first row, first column, last row and last column of merged cells, from 1; `flaws` has cells that only
    seem to be empty. `separator` is the separator of a CSV file.
    """

    path: Path
    name: str
    rows: tuple[SheetRow, ...]
    merged: tuple[Merged, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    separator: str = ""

    def where(self, row: int, column: str = "") -> str:
        """Return the description of a place for error messages: file, sheet, row, column."""
        if not self.name:
            return f"{self.path}: line {row}" + (f", column {column!r}" if column else "")
        return f"{self.path}: sheet {self.name!r}, row {row}" + (f", column {column!r}" if column else "")


def read(path: Path) -> list[WorkbookSheet]:
    """Return the visible sheets with any content of a workbook, or the sheet of a CSV file.

    Raises
    ------
    InputError
        The file cannot be read, is too large, or is protected by a password.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        return [_of_csv(path)]
    with reading(path, "check the path"):
        content = read_bytes(path, most_bytes=MOST_BYTES)
    flaws: Mapping[str, Sequence[Flaw]] = {}
    merged: Mapping[str, Sequence[Merged]] = {}
    is_archive = content.startswith(b"PK")  # a workbook with a password is another kind of file
    try:
        if suffix in _XLSX and is_archive:
            flaws = xlsx.flaws(content, most_rows=MOST_ROWS)
        elif suffix == ".ods" and is_archive:
            flaws, merged = ods.flaws_and_merged(content)
        return list(_of_workbook(path, content, flaws, merged))
    except xlsx.WorkbookError as error:
        raise InputError(f"{path}: {error}") from error


def check(sheet: WorkbookSheet, header: int) -> None:
    """Raise InputError if a sheet may hide readings below the row `header`.

    Merged cells with nothing beside them, such as a line for a signature, are allowed.

    Raises
    ------
    InputError
        Cells beside filled ones are merged, cells only seem to be empty, or rows of a CSV file have more cells than
        the header.
    """
    numbers = [row.number for row in sheet.rows]
    for top, left, bottom, right in sheet.merged:
        rows = sheet.rows[bisect_right(numbers, max(header, top - 1)) : bisect_right(numbers, bottom)]
        if any(cell is not None for row in rows for cell in (*row.cells[: left - 1], *row.cells[right:])):
            cells = f"{column_letters(left)}{top}:{column_letters(right)}{bottom}"
            raise InputError(
                f"{sheet.path}: sheet {sheet.name!r}: cells {cells} are merged, so most of them are empty; unmerge "
                "them and fill in each"
            )
    for flaw in sheet.flaws:
        if flaw.row > header:
            cell = f"{column_letters(flaw.column)}{flaw.row}"
            raise InputError(
                f"{sheet.path}: sheet {sheet.name!r}: cell {cell} has {flaw.what}; open the workbook, fix or "
                "recalculate the cell, and save it"
            )
    if sheet.separator:
        headings = next((_texts(row) for row in sheet.rows if row.number == header), [])
        for row in sheet.rows:
            if row.number > header and (problem := tables.surplus(headings, _texts(row), sheet.separator)):
                raise InputError(f"{sheet.where(row.number)}: {problem}")


def _texts(row: SheetRow) -> list[str]:
    """Return the cells of a row of a CSV file, with empty text for empty cells."""
    return [str(cell or "") for cell in row.cells]


def _of_workbook(
    path: Path, content: bytes, flaws: Mapping[str, Sequence[Flaw]], merged: Mapping[str, Sequence[Merged]]
) -> Iterator[WorkbookSheet]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            visible_names = [
                metadata.name for metadata in book.sheets_metadata if metadata.visible == SheetVisibleEnum.Visible
            ]
            for name in visible_names:
                sheet = book.get_sheet_by_name(name)
                if sheet.end is not None and sheet.end[0] >= MOST_ROWS:
                    raise InputError(f"{path}: sheet {name!r}: has over {MOST_ROWS:,} rows; split it")
                visible_sheet = WorkbookSheet(
                    path=path, name=name, rows=tuple(_rows(sheet.to_python(skip_empty_area=False))),
                    merged=tuple(merged.get(name, ())) or tuple(
                        (top + 1, left + 1, bottom + 1, right + 1)
                        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
                    ),
                    flaws=tuple(flaws.get(name, ())),
                )  # fmt: skip
                if visible_sheet.rows:
                    yield visible_sheet
    except PasswordError as error:
        raise InputError(f"{path}: is protected by a password; save it without one") from error
    except CalamineError as error:
        raise InputError(f"{path}: is not a readable workbook ({error!s:.80}); save it again") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # an unforeseen error in Rust
            raise
        raise InputError(f"{path}: is not a readable workbook (damaged); save it again") from error


def _of_csv(path: Path) -> WorkbookSheet:
    separator, records = tables.cells_of(path, most_bytes=MOST_BYTES, most_rows=MOST_ROWS)
    rows = tuple(
        SheetRow(number=line, cells=tuple(" ".join(cell.split()) or None for cell in cells))
        for line, cells in records
        if any(cells)
    )
    return WorkbookSheet(path=path, name="", rows=rows, separator=separator)


def _rows(cells: Sequence[Sequence[object]]) -> Iterator[SheetRow]:
    """Yield the rows with any content, with their numbers in the sheet."""
    for number, row in enumerate(cells, start=1):
        values = tuple(value_of(cell) for cell in row)
        if any(value is not None for value in values):
            yield SheetRow(number=number, cells=values)


def value_of(cell: object) -> Value:
    """Return the value of a cell of a workbook or of JSON: text without padding, a number, a day, or None.

    A whole number that a float cannot represent exactly, such as a long id, becomes text.
    """
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return number if (number := float(cell)) == cell else str(cell)
    if isinstance(cell, float):
        return cell
    if isinstance(cell, datetime.datetime):
        return cell.date()
    if isinstance(cell, datetime.date):
        return cell
    return printable(str(cell)).strip() or None


def column_letters(number: int) -> str:
    """Return the letters of a column, A for 1."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
