"""Cells of a row by their content: text, numbers with a decimal point or comma, and units of thickness."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import place_name
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection.records import UNITS_MM
from corrotwin.twin.workbooks.columns import ColumnMap, Header, canonical, names, unit_of
from corrotwin.twin.workbooks.sheets import SheetRow, Value

NOT_MEASURED = frozenset({"", "-", "–", "n/a", "na", "n.a.", "nm", "no access", "not measured", "nr", "x"})
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)")


@dataclass(frozen=True, kw_only=True)
class SourceCell:
    """A value, its location for error messages, and the unit in its heading."""

    value: Value
    where: str
    unit: str = ""


def cell_at(row: SheetRow, index: int) -> Value:
    """Return a cell of a row; None if the row ends before it."""
    return row.cells[index] if index < len(row.cells) else None


def cells_of(header: Header, row: SheetRow) -> dict[str, SourceCell]:
    """Return the filled cells of a row by the name of their column."""
    cells = {}
    for name, index in header.columns.items():
        value = cell_at(row, index)
        if value is not None:
            where = header.sheet.where(row.number, header.headings[index])
            cells[name] = SourceCell(value=value, where=where, unit=header.units.get(index, ""))
    return cells


def filled_rows(header: Header) -> Iterator[tuple[int, dict[str, SourceCell]]]:
    """Yield the number and cells of each row below a header that has filled cells in known columns."""
    for row in header.sheet.rows:
        if row.number > header.row and (cells := cells_of(header, row)):
            yield row.number, cells


def key_of(value: Value) -> str:
    """Return an id as text; the numbers 12 and 12.0, and the text 12, give the same."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return place_name(str(value))


def is_measured(value: Value) -> bool:
    """Return whether a cell is filled, other than with a word such as n/a."""
    return value is not None and not (isinstance(value, str) and value.casefold() in NOT_MEASURED)


def is_number(value: Value) -> bool:
    """Return whether a cell is a number, or text that `number_of` accepts, as in CSV files."""
    return isinstance(value, float) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None)


def number_of(cell: SourceCell) -> float:
    """Return a cell as a number.

    Raises
    ------
    InputError
        It is no number.
    """
    if isinstance(cell.value, float):
        return cell.value
    if isinstance(cell.value, str) and _NUMBER.fullmatch(cell.value):
        return float(cell.value.replace(",", "."))
    raise InputError(f"{cell.where}: {str(cell.value)!r:.60} is not a number; write it as 7.9, or leave it empty")


def ungrouped_number_of(cell: SourceCell, marks: str) -> float:
    """Return a cell as a number, and refuse text such as 1,234, in which the mark may separate thousands or decimals.

    Numbers of any size are allowed, so that no later check could detect the confusion.

    Parameters
    ----------
    cell : cell with a number.
    marks : marks that may separate thousands: a comma, a point or both.

    Raises
    ------
    InputError
        It is no number, or could be either of two.
    """
    if isinstance(cell.value, str) and (match := _GROUPED.fullmatch(cell.value)) and match[1] in marks:
        whole, thousandths = cell.value.split(match[1])
        raise InputError(
            f"{cell.where}: {cell.value!r} could be {whole}.{thousandths}0 or {whole}{thousandths}; write the one that "
            "you mean"
        )
    return number_of(cell)


def unit_in_row(cells: Mapping[str, SourceCell], of: SourceCell, given: ColumnMap, usual: str) -> str:
    """Return the unit of a thickness, from its row, its heading or the map, else `usual`.

    Raises
    ------
    InputError
        No unit is stated, or the stated one is not a unit of thickness.
    """
    if "unit" in cells:
        cell = cells["unit"]
        if not (unit := unit_of(key_of(cell.value))):
            raise InputError(f"{cell.where}: {key_of(cell.value)!r:.60} is not a unit; write mm, inch or mil")
        return unit
    unit = of.unit or given.unit or usual
    if not unit:
        raise InputError(f"{of.where}: no unit is stated; give `unit`: mm, inch or mil")
    return unit


def in_mm(cells: Mapping[str, SourceCell], of: SourceCell, given: ColumnMap, usual: str) -> float:
    """Return a thickness in mm; it must be above 0.

    Raises
    ------
    InputError
        It is not a number above 0, or its unit is not stated.
    """
    number = number_of(of)
    if number <= 0:
        raise InputError(f"{of.where}: {number:g} is not a thickness; leave the cell empty if none is known")
    return round(number * UNITS_MM[unit_in_row(cells, of, given, usual)], 9)


def check_asset(path: Path, asset: str, there: Sequence[str]) -> None:
    """Raise InputError if it is unclear which asset in a file is meant.

    Parameters
    ----------
    path : path of the file.
    asset : asset that is meant; empty if the file has at most one.
    there : assets that rows of the file name.

    Raises
    ------
    InputError
        The file has several assets and `asset` is empty, or it lacks `asset`.
    """
    if not asset and len(there) > 1:
        raise InputError(
            f"{path}: has rows of several assets, {names(there)}; give the one that is this twin as `asset`"
        )
    if asset and asset not in there:
        raise InputError(f"{path}: asset {asset!r:.60} not found; the file has {names(there) or 'no column of assets'}")


def zone_of(cell: SourceCell, given: ColumnMap, asset: AssetGeometry) -> str:
    """Return the zone that a cell means, by its name or by the translation in the map.

    Raises
    ------
    InputError
        The asset has no such zone.
    """
    zones = {canonical(name): name for name in asset.zone_names if name != COVERED}
    label = key_of(cell.value)
    zone = given.zones.get(canonical(label), "") or zones.get(canonical(label), "")
    if not zone:
        raise InputError(
            f"{cell.where}: {label!r:.60} is not a zone of this {asset.kind} ({names(zones.values())}); translate it "
            f'in a column map: {{"zones": {{"{label:.40}": "{asset.zone_names[0]}"}}}}'
        )
    return zone
