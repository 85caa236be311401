"""Sheets that say more of what readings name: measurement locations, their groups, the assets of these."""

from collections.abc import Mapping, Sequence

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.workbooks.cells import SourceCell, filled_rows, key_of
from corrotwin.twin.workbooks.columns import Header

KEYS = ("place", "group", "asset")  # by which sheets refer to one another, from the readings outwards
KEPT = ("group", "asset", "zone")  # what is taken from other sheets


class Links:
    """Content of the sheets without readings, by the key of their rows."""

    def __init__(self, headers: Sequence[Header]) -> None:
        """Read the sheets.

        Raises
        ------
        InputError
            An id is in two rows of a sheet.
        """
        self._tables: list[tuple[str, Mapping[str, Mapping[str, SourceCell]]]] = []
        for key in KEYS:
            for header in headers:
                first = next((each for each in KEYS if each in header.columns), None)
                if first == key:
                    self._tables.append((key, _by_key(header, key)))

    def completed(self, cells: Mapping[str, SourceCell]) -> dict[str, SourceCell]:
        """Return the cells of a reading with what other sheets say of its place, the place's group, and its asset."""
        found = dict(cells)
        for key, table in self._tables:
            if key in found and (more := table.get(key_of(found[key].value))) is not None:
                found |= {name: cell for name, cell in more.items() if name in KEPT and name not in found}
        return found


def _by_key(header: Header, key: str) -> dict[str, dict[str, SourceCell]]:
    table: dict[str, dict[str, SourceCell]] = {}
    for _, cells in filled_rows(header):
        if key not in cells:
            continue
        name = key_of(cells[key].value)
        if name in table:
            raise InputError(f"{cells[key].where}: {name!r} is in two rows; keep one")
        table[name] = cells
    return table
