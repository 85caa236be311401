"""Find the readings in the sheets of a file, before they become records of a twin."""

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

_THICKNESS = ("ultrasonic", "ut", "thickness", "ultrasonic thickness")  # names of the kind of rows with a thickness

NO_READINGS = "has headings but no readings below them"


@dataclass(frozen=True, kw_only=True)
class FoundReadings:
    """The unconverted readings of a file, of all its assets, and the headers of the sheets with readings."""

    path: Path
    headers: tuple[Header, ...]
    readings: tuple[tuple[dict[str, SourceCell], datetime.date], ...]

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that readings name, sorted."""
        return tuple(sorted({key_of(cells["asset"].value) for cells, _ in self.readings if "asset" in cells}))

    def of(self, asset: str) -> "FoundReadings":
        """Return the readings of one asset, with those that name no asset."""
        readings = (
            (cells, day)
            for cells, day in self.readings
            if "asset" not in cells or key_of(cells["asset"].value) == asset
        )
        return replace(self, readings=tuple(readings))


def find(path: Path, read: Sequence[WorkbookSheet], given: ColumnMap, *, may_name_places: bool = True) -> FoundReadings:
    """Return the readings in the sheets of a file, completed from the sheets that describe their places.

    Parameters
    ----------
    path : path of the file, for error messages.
    read : sheets of the file.
    given : the user's description of its columns.
    may_name_places : True if a column `kind` may hold kinds of places, such as bend, as in a register.

    Raises
    ------
    InputError
        No sheet has readings, a column that the map names is absent, a sheet hides readings, or a row is not a
        thickness.
    """
    if read and not any(given.is_of(sheet) for sheet in read):
        raise InputError(f"{path}: no visible sheet {given.sheet!r}; choose from {names(sheet.name for sheet in read)}")
    read = [sheet for sheet in read if given.is_of(sheet)]
    headers = [header for sheet in read if (header := header_of(sheet, given)) is not None]
    check_map(path, headers, given)
    measured = [header for header in headers if has_readings(header)]
    if not measured:
        headings = "; ".join(names(header.headings.values()) for header in headers) or "no known heading"
        raise InputError(
            f"{path}: no readings found ({headings}); give a date and a value in each row, or a place in each row and "
            'one column per survey, or name the columns in a map: {"date": "...", "value": "...", "place": "..."}'
        )
    for header in measured:
        sheets.check(header.sheet, header.row)
        _check_kinds(header, may_name_places=may_name_places)
    links = Links([header for header in headers if header not in measured])
    readings = [reading for header in measured for reading in readings_in(header, given)]
    return FoundReadings(
        path=path, headers=tuple(measured), readings=tuple((links.completed(cells), day) for cells, day in readings)
    )


def _check_kinds(header: Header, *, may_name_places: bool) -> None:
    """Raise InputError if a column `kind` names other readings than thickness, unless the map uses it otherwise."""
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
                    "ultrasonic if it is one; otherwise remove the row and record it with `csv` of corrotwin twin "
                    "inspect"
                )
