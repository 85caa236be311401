"""Tables of reports: raw values for CSV, and columns that format them for reading."""

import csv
import io
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from corrotwin.twin.core.text import escape_csv

Row = Mapping[str, Any]
NONE = "–"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column as people read it: heading, how a row's cell is formatted, and whether it is text (left) or numbers."""

    heading: str
    cell: Callable[[Row], str]
    text: bool = False


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table: its CSV file is `name`.csv with the keys of `rows`; pages show `columns`. Without a name it has no file.

    `command` reproduces its numbers, if that takes another command than the report's own. A long table is
    `files_only`: the page only links its files.
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    command: str = ""
    files_only: bool = False
    kind: ClassVar[str] = "table"

    @property
    def grouped(self) -> bool:
        """True if rows with the same first cell are grouped."""
        return self.columns[0].heading in ("Arm", "Arms", "Set")

    @property
    def cells(self) -> list[list[str]]:
        """The formatted cells, by row."""
        return [[column.cell(row) for column in self.columns] for row in self.rows]

    @property
    def csv(self) -> str:
        """The raw values as CSV; floats are exact when read back."""
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(self.rows[0]) if self.rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: escape_csv(value) for key, value in row.items()} for row in self.rows)
        return stream.getvalue()


def formatted_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], caption: str, *, words: Collection[str]
) -> ReportTable:
    """Return a table of formatted cells without a file of its own; columns in `words` align left, others right."""

    def column(heading: str) -> Column:
        return Column(heading=heading, cell=lambda row: str(row[heading]), text=heading in words)

    cells = tuple(dict(zip(headings, row, strict=True)) for row in rows)
    return ReportTable(name="", title=title, caption=caption, columns=tuple(map(column, headings)), rows=cells)


def write(value: float | Decimal, pattern: str) -> str:
    """Format a number with a true minus sign."""
    return format(value, pattern).replace("-", "−")


def number_column(heading: str, key: str, pattern: str) -> Column:
    """Return a column of single numbers."""
    return Column(heading=heading, cell=lambda row: NONE if row[key] is None else write(row[key], pattern))


def plus_minus_column(heading: str, key: str, pattern: str) -> Column:
    """Return a column of ``mean ± SD`` from the values `key`_mean and `key`_sd; without the SD of a single run."""

    def cell(row: Row) -> str:
        mean, sd = row[f"{key}_mean"], row[f"{key}_sd"]
        if mean is None:
            return NONE
        return write(mean, pattern) + ("" if sd is None else f" ± {write(sd, pattern)}")

    return Column(heading=heading, cell=cell)


def interval_column(heading: str, low: str, high: str, pattern: str) -> Column:
    """Return a column of intervals from the values `low` and `high`."""

    def cell(row: Row) -> str:
        return NONE if row[low] is None else f"{write(row[low], pattern)} to {write(row[high], pattern)}"

    return Column(heading=heading, cell=cell)


def p_value(value: float | None) -> str:
    """Format a p-value with four digits."""
    return NONE if value is None else "<0.0001" if value < 0.0001 else f"{value:.4f}"


def p_column(heading: str, key: str) -> Column:
    """Return a column of p-values with four digits."""
    return Column(heading=heading, cell=lambda row: p_value(row[key]))


def text_column(heading: str, key: str) -> Column:
    """Return a column of words."""
    return Column(heading=heading, cell=lambda row: NONE if row[key] is None else str(row[key]), text=True)


def yes_no_column(heading: str, key: str) -> Column:
    """Return a column of yes and no."""
    return Column(heading=heading, cell=lambda row: NONE if row[key] is None else "yes" if row[key] else "no")
