"""Sheets that say more of what readings name: measurement locations, their groups, the assets of these."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import SourceCell, filled_rows, key_of
from corrotwin.twin.workbooks.columns import Header

KEYS = ("place", "group", "asset")  # by which sheets refer to one another, from the readings outwards
OWNERS = ("group", "asset")  # a row of another one does not apply to the reading
KEPT = ("group", "asset", "zone")  # what is taken from other sheets


class Links:
    """Content of the sheets without readings, by the key of their rows.

    A sheet is read, and checked, once a reading lacks what it has a column for.
    """

    def __init__(self, headers: Sequence[Header]) -> None:
        by_key = {key: [header for header in headers if _key_of(header) == key] for key in KEYS}
        self._tables = [_LinkedTable(key, header) for key, of_key in by_key.items() for header in of_key]

    def completed(self, cells: Mapping[str, SourceCell]) -> dict[str, SourceCell]:
        """Return the cells of a reading with what other sheets say of its place, the place's group, and its asset.

        Raises
        ------
        InputError
            A sheet that is needed hides content, or says different things in two rows of an id.
        """
        found = dict(cells)
        for table in self._tables:
            lacking = [name for name in KEPT if name in table.header.columns and name not in found]
            if lacking and table.key in found:
                found |= table.told(found, lacking)
        return found


class _LinkedTable:
    """A sheet whose rows are known by the column `key`."""

    def __init__(self, key: str, header: Header) -> None:
        self.key, self.header = key, header

    def told(self, reading: Mapping[str, SourceCell], lacking: Sequence[str]) -> dict[str, SourceCell]:
        """Return what the rows of a reading's id tell of what it lacks, unless they are of another group or asset."""
        name = key_of(reading[self.key].value)
        told: dict[str, SourceCell] | None = None
        for row in self._rows.get(name, ()):
            if any(_text(row, each) != _text(reading, each) for each in OWNERS if each in row and each in reading):
                continue
            here = {each: row[each] for each in lacking if each in row}
            told = here if told is None else told
            if any(_text(told, each) != _text(here, each) for each in lacking):
                raise InputError(f"{row[self.key].where}: {name!r} is in two rows; keep one")
        return told or {}

    @cached_property
    def _rows(self) -> Mapping[str, list[dict[str, SourceCell]]]:
        sheets.check(self.header.sheet, self.header.row)
        found: dict[str, list[dict[str, SourceCell]]] = {}
        for _, cells in filled_rows(self.header):
            if self.key in cells:
                found.setdefault(key_of(cells[self.key].value), []).append(cells)
        return found


def _text(cells: Mapping[str, SourceCell], name: str) -> str:
    return key_of(cells[name].value) if name in cells else ""


def _key_of(header: Header) -> str | None:
    return next((key for key in KEYS if key in header.columns), None)
