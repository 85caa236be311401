"""Sheets that describe what readings name: measurement locations, their groups, and the assets of these groups."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import SourceCell, filled_rows, key_of
from corrotwin.twin.workbooks.columns import Header

KEYS = ("place", "group", "asset")  # columns by which sheets refer to one another, starting from the readings
OWNERS = ("group", "asset")  # a row with another group or asset does not apply to the reading
KEPT = ("group", "asset", "zone")  # columns that are taken from other sheets


class Links:
    """Content of the sheets without readings, by the key of their rows.

    A sheet is read and checked only when a reading lacks a value for which the sheet has a column.
    """

    def __init__(self, headers: Sequence[Header]) -> None:
        by_key = {key: [header for header in headers if _key_of(header) == key] for key in KEYS}
        self._tables = [_LinkedTable(key, header) for key, of_key in by_key.items() for header in of_key]

    def completed(self, cells: Mapping[str, SourceCell]) -> dict[str, SourceCell]:
        """Return the cells of a reading, completed from sheets on its place, the place's group, and its asset.

        Raises
        ------
        InputError
            A required sheet hides content, or has contradictory rows with the same id.
        """
        completed = dict(cells)
        for table in self._tables:
            lacking = [name for name in KEPT if name in table.header.columns and name not in completed]
            if lacking and table.key in completed:
                completed |= table.told(completed, lacking)
        return completed


class _LinkedTable:
    """A sheet with rows that are identified by the column `key`."""

    def __init__(self, key: str, header: Header) -> None:
        self.key, self.header = key, header

    def told(self, reading: Mapping[str, SourceCell], lacking: Sequence[str]) -> dict[str, SourceCell]:
        """Return the missing cells of a reading from the rows with its id, except rows of another group or asset."""
        name = key_of(reading[self.key].value)
        additions: dict[str, SourceCell] | None = None
        for row in self._rows.get(name, ()):
            if any(
                _text(row, column) != _text(reading, column) for column in OWNERS if column in row and column in reading
            ):
                continue
            row_cells = {column: row[column] for column in lacking if column in row}
            additions = row_cells if additions is None else additions
            if any(_text(additions, column) != _text(row_cells, column) for column in lacking):
                raise InputError(f"{row[self.key].where}: {name!r} is in two rows; keep one")
        return additions or {}

    @cached_property
    def _rows(self) -> Mapping[str, list[dict[str, SourceCell]]]:
        sheets.check(self.header.sheet, self.header.row)
        by_id: dict[str, list[dict[str, SourceCell]]] = {}
        for _, cells in filled_rows(self.header):
            if self.key in cells:
                by_id.setdefault(key_of(cells[self.key].value), []).append(cells)
        return by_id


def _text(cells: Mapping[str, SourceCell], name: str) -> str:
    return key_of(cells[name].value) if name in cells else ""


def _key_of(header: Header) -> str | None:
    return next((key for key in KEYS if key in header.columns), None)
