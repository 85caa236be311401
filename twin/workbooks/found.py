"""Readings as they stand in the sheets of a file, before they are records of a twin."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import SourceCell, cell_at, is_measured, key_of
from corrotwin.twin.workbooks.columns import ColumnMap, Header, canonical, check_map, header_of, names
from corrotwin.twin.workbooks.linked import Links
from corrotwin.twin.workbooks.register_file import kind_of
from corrotwin.twin.workbooks.sheets import WorkbookSheet
from corrotwin.twin.workbooks.surveys import has_readings, readings_in

_THICKNESS = ("ultrasonic", "ut", "thickness", "ultrasonic thickness")  # what rows of thickness call their kind

NO_READINGS = "has headings and no readings below them"


@dataclass(frozen=True, kw_only=True)
class FoundReadings:
    """The readings of a file as they stand in it, of whatever assets, and the headers of the sheets that have them."""

    path: Path
    headers: tuple[Header, ...]
    readings: tuple[tuple[dict[str, SourceCell], datetime.date], ...]

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that readings name, sorted."""
        return tuple(sorted({key_of(cells["asset"].value) for cells, _ in self.readings if "asset" in cells}))

    def of(self, asset: str) -> "FoundReadings":
        """Return those of one asset, and those that name none."""
        own = (
            (cells, day)
            for cells, day in self.readings
            if "asset" not in cells or key_of(cells["asset"].value) == asset
        )
        return replace(self, readings=tuple(own))


def find(path: Path, read: Sequence[WorkbookSheet], given: ColumnMap, *, may_name_places: bool = True) -> FoundReadings:
    """Return the readings in the sheets of a file, completed by what its other sheets say of their places.

    Parameters
    ----------
    path : of the file, for errors.
    read : its sheets.
    given : what the user says of its columns.
    may_name_places : whether a column `kind` may hold the kinds of places, such as bend, as that of a register does.

    Raises
    ------
    InputError
        No sheet has readings, a column that the map names is absent, a sheet hides readings, or a row is of another
        kind than thickness.
    """
    if read and not any(given.is_of(sheet) for sheet in read):
        raise InputError(f"{path}: no visible sheet {given.sheet!r}; it has {names(sheet.name for sheet in read)}")
    read = [sheet for sheet in read if given.is_of(sheet)]
    headers = [header for sheet in read if (header := header_of(sheet, given)) is not None]
    check_map(path, headers, given)
    measured = [header for header in headers if has_readings(header)]
    if not measured:
        seen = "; ".join(names(header.headings.values()) for header in headers) or "no heading that is known"
        raise InputError(
            f"{path}: no readings found ({seen}): a sheet needs a date and a value in each row, or a place in each row "
            'and a column a survey; say which by a map: {"date": "...", "value": "...", "place": "..."}'
        )
    for header in measured:
        sheets.check(header.sheet, header.row)
        _check_kinds(header, may_name_places=may_name_places)
    links = Links([header for header in headers if header not in measured])
    found = [reading for header in measured for reading in readings_in(header, given)]
    return FoundReadings(
        path=path, headers=tuple(measured), readings=tuple((links.completed(cells), day) for cells, day in found)
    )


def _check_kinds(header: Header, *, may_name_places: bool) -> None:
    """Refuse readings of another kind than thickness in a column `kind` that the map does not take for another."""
    used = header.columns.values()
    kinds = [index for index, name in header.headings.items() if canonical(name) == "kind" and index not in used]
    values = (header.columns["value"],) if "value" in header.columns else tuple(header.surveys)
    for row in header.sheet.rows:
        if row.number <= header.row or not any(is_measured(cell_at(row, index)) for index in values):
            continue
        for index in kinds:
            cell = cell_at(row, index)
            kind = key_of(cell) if is_measured(cell) else "ultrasonic"
            if canonical(kind) not in _THICKNESS and not (may_name_places and kind_of(kind)):
                raise InputError(
                    f"{header.sheet.where(row.number, header.headings[index])}: {kind!r:.60} is not a thickness; write "
                    "ultrasonic where it is; record pits, grades and photos by the `csv` of corrotwin twin inspect, "
                    "and remove them here"
                )
