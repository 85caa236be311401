"""A row of a table and its cells as text, numbers and days, each refused with file, line, column and value.

Standard library only; every package may import it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from corrotwin.twin.core.errors import InputError

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")  # 1,234: with a decimal comma, or with one between thousands
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LOCAL_DAY = re.compile(r"([0-9]{1,2})([./])([0-9]{1,2})\2([0-9]{4})")


def canonical(name: str) -> str:
    """Return the name of a column without padding and capitals, with underscores for blanks: ``file_name``."""
    return "_".join(name.casefold().split())


def shortened(value: str) -> str:
    """Return a value quoted, with what is not printable escaped and what is past 40 characters left out."""
    return repr(value if len(value) <= 40 else f"{value[:37]}...")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table: its cells without padding, by canonical column name.

    Parameters
    ----------
    path : file of the table.
    line : first line of the row in the file, from 1.
    headings : columns as the file writes them, by canonical name.
    separator : one of `SEPARATORS`.
    cells : text of each named column; empty where the row ends before it.
    """

    path: Path
    line: int
    headings: Mapping[str, str]
    separator: str
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """Return the text of a cell; empty where the table does not have the column."""
        return self.cells.get(canonical(column), "")

    def wrong(self, problem: str, column: str = "") -> InputError:
        """Return the error for this row, or for one of its cells: file, line, column, value and the problem."""
        where = f"{self.path}: line {self.line}"
        if not column:
            return InputError(f"{where}: {problem}")
        heading = self.headings.get(canonical(column), column)
        value = f"{shortened(self[column])} " if self[column] else ""
        return InputError(f"{where}, column {shortened(heading)}: {value}{problem}")

    def text(self, column: str) -> str:
        """Return the text of a cell.

        Raises
        ------
        InputError
            The cell is empty.
        """
        if not self[column]:
            raise self.wrong("empty; fill it in", column)
        return self[column]

    def decimal(self, column: str) -> Decimal:
        """Return a finite number with the digits that are written.

        The decimal mark is a point or a comma. In a table separated by commas, ``"1,234"`` could be either of two
        numbers and is refused.

        Raises
        ------
        InputError
            The cell is empty, is not a number, or groups its thousands.
        """
        text = self.text(column)
        if not _NUMBER.fullmatch(text):
            raise self.wrong("is not a number; write it as 7.9 or 7,9, without a unit or thousands separators", column)
        if self.separator == "," and _GROUPED.fullmatch(text):
            point, whole = text.replace(",", "."), text.replace(",", "")
            raise self.wrong(f"could be {point} or {whole}; write the one that you mean", column)
        try:
            return Decimal(text.replace(",", "."))
        except InvalidOperation:  # an exponent of twenty digits
            raise self.wrong("is not a finite number; write it as 7.9", column) from None

    def number(self, column: str, *, least: float = -float("inf"), most: float = float("inf")) -> float:
        """Return a finite number within bounds, as `decimal` reads it.

        Raises
        ------
        InputError
            As for `decimal`, or the number is out of bounds or larger than any float.
        """
        value = float(self.decimal(column))
        if abs(value) == float("inf"):
            raise self.wrong("is not a finite number; write it as 7.9", column)
        if not least <= value <= most:
            raise self.wrong(f"is out of bounds; give a number {_span(least, most)}", column)
        return value

    def whole(self, column: str, *, least: int, most: int) -> int:
        """Return a whole number within bounds.

        Raises
        ------
        InputError
            The cell is empty, is not a whole number, or is out of bounds.
        """
        text = self.text(column)
        value = int(text) if _WHOLE.fullmatch(text) else None
        if value is None or not least <= value <= most:
            raise self.wrong(f"is not a whole number {_span(least, most)}; correct it", column)
        return value

    def date(self, column: str) -> date:
        """Return a day written as 2016-05-31, 31.05.2016 or 31/05/2016.

        With slashes some countries write the month first: 05/06/2016 is refused, since it could be either of two days.

        Raises
        ------
        InputError
            The cell is empty, is not a day, or could be either of two.
        """
        text = self.text(column)
        advice = "give a day such as 2016-05-31"
        if found := _ISO_DAY.fullmatch(text):
            year, month, day = found.groups()
        elif found := _LOCAL_DAY.fullmatch(text):
            day, mark, month, year = found.groups()
            first, second = int(day), int(month)
            if mark == "/" and first != second and 1 <= first <= 12 and 1 <= second <= 12:
                either = f"{year}-{second:02}-{first:02} or {year}-{first:02}-{second:02}"
                raise self.wrong(f"could be either of two days; write {either}", column)
        else:
            raise self.wrong(f"is not a day; {advice}", column)
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            raise self.wrong(f"is not a day; {advice}", column) from None


def _span(least: float, most: float) -> str:
    if most == float("inf"):
        return f"of at least {least:,}"
    return f"of at most {most:,}" if least == -float("inf") else f"from {least:,} to {most:,}"
