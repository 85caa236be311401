"""Thickness readings of a workbook or a table, as records of a twin: checked all together before any is stored."""

import contextlib
import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.text import counted, place_name
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.inspection import plausibility
from corrotwin.twin.inspection.records import ABOUT, UNITS_MM, Record, wall_mm
from corrotwin.twin.inspection.register import NO_REGISTER, Register
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import SourceCell, check_asset, is_measured, key_of, number_of, unit_in_row, zone_of
from corrotwin.twin.workbooks.columns import ColumnMap, described, given_unit, names, unused
from corrotwin.twin.workbooks.found import NO_READINGS, FoundReadings, find

GAUGE = "ultrasonic gauge"  # name of an instrument that no column states
UNNAMED = "unnamed"  # in place of the name of a place, in our own workbooks
ECHOES = {
    "single": "single", "multiple": "multiple", "echo to echo": "multiple", "echo-echo": "multiple", "e-e": "multiple",
}  # fmt: skip
ANSWERS = {"yes": "yes", "true": "yes", "y": "yes", "1": "yes", "no": "no", "false": "no", "n": "no", "0": "no"}


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Values that no column states: unit, zone, tool and asset of the file; empty where they are not needed."""

    unit: str = ""
    zone: str = ""
    tool: str = ""
    asset: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    """The zone of places that the twin knows."""
    register: Register = NO_REGISTER
    """The twin's CML; readings of other places are refused, where it has any."""

    @staticmethod
    def of(
        records: Iterable[Record], register: Register, *, unit: str = "", zone: str = "", tool: str = "",
        asset: str = "",
    ) -> "Defaults":  # fmt: skip
        """Return what a twin knows: its register, and the zones of the places of its records that count.

        Raises
        ------
        InputError
            The unit is none of thickness.
        """
        zones: dict[str, set[str]] = {}
        for record in records:
            zones.setdefault(place_name(record.place), set()).add(record.zone)
        places = {place: min(of_place) for place, of_place in zones.items() if place and len(of_place) == 1}
        return Defaults(
            unit=given_unit(unit), zone=zone, tool=tool, asset=asset, places=places, register=register
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The records of a file, how its columns were understood, and notes on what was left out, columns too."""

    records: tuple[Record, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def intake(path: Path, given: ColumnMap, defaults: Defaults, asset: AssetGeometry) -> Intake:
    """Read the thickness readings of a file: a row each, a row a place with a column a survey, or linked sheets.

    Parameters
    ----------
    path : workbook or CSV file.
    given : what the user says of its columns.
    defaults : what no column says.
    asset : geometry of the twin; zones are checked, and readings held against its nominal thickness.

    Raises
    ------
    InputError
        The file cannot be read, no sheet has readings, or a reading is wrong: file, sheet, row, column, value and what
        would be right. Nothing is returned then.
    """
    return records_in(find(path, sheets.read(path), given), given, defaults, asset)


def records_in(found: FoundReadings, given: ColumnMap, defaults: Defaults, asset: AssetGeometry) -> Intake:
    """Return the readings of one asset of a file as records.

    Parameters
    ----------
    found : the readings of the file.
    given, defaults, asset : as for `intake`.

    Raises
    ------
    InputError
        A reading is wrong, or it is not known of which asset it is.
    """
    wanted, notes = _of_asset(found, defaults.asset)
    if any("place" in header.columns for header in found.headers):
        for cells, _ in wanted:
            if "place" not in cells:
                raise InputError(
                    f"{cells['value'].where}: its row names no place; fill it in, write {UNNAMED}, or remove the row"
                )
    wanted = [({name: cell for name, cell in cells.items() if name != "place" or key_of(cell.value) != UNNAMED}, day)
              for cells, day in wanted]  # fmt: skip
    records, more = _records(wanted, given, defaults, asset)
    check_units(records, asset)
    columns = tuple(line for header in found.headers for line in described(header))
    ignored = [line for header in found.headers for line in unused(header)]
    return Intake(records=tuple(records), columns=columns, notes=(*ignored, *notes, *more))


def _of_asset(found: FoundReadings, asset: str) -> tuple[list[tuple[dict[str, SourceCell], datetime.date]], list[str]]:
    """Return the readings of one asset, and a note on those of others."""
    if not found.readings and not asset:
        return [], [f"the file {NO_READINGS}"]
    if not found.readings:
        raise InputError(f"{found.path}: {NO_READINGS}")
    check_asset(found.path, asset, found.assets)
    for cells, _ in found.readings:
        if asset and "asset" not in cells:
            raise InputError(f"{cells['value'].where}: says of no asset that it is its; fill it in")
    own = [(cells, day) for cells, day in found.readings if not asset or key_of(cells["asset"].value) == asset]
    others = len(found.readings) - len(own)
    return own, [f"{counted(others, 'reading')} of other assets left out"] if others else []


def _records(
    found: Sequence[tuple[dict[str, SourceCell], datetime.date]],
    given: ColumnMap,
    defaults: Defaults,
    asset: AssetGeometry,
) -> tuple[list[Record], list[str]]:
    """Return the records, and notes on what was not measured or appears twice."""
    records: list[Record] = []
    known: dict[tuple[str, ...], tuple[Record, str]] = {}
    groups: dict[str, set[str]] = {}
    for cells, _ in found:
        if "place" in cells and "group" in cells:
            groups.setdefault(key_of(cells["place"].value), set()).add(key_of(cells["group"].value))
    shared = {place for place, of_place in groups.items() if len(of_place) > 1}
    blank = twice = 0
    for cells, day in found:
        value = _number(cells["value"])
        if value is None:
            blank += 1
            continue
        record = _record(cells, day, value, given, defaults, asset, shared)
        key = (record.zone, record.place, record.date, record.tool)
        if record.place and key in known:
            other, where = known[key]
            if other.value != record.value:
                raise InputError(
                    f"{cells['value'].where}: {record.place} on {record.date} is {record.value:g} mm here and "
                    f"{other.value:g} mm in {where}; keep one, or tell points of a place apart by a column `point`"
                )
            twice += 1
            continue
        known[key] = record, cells["value"].where
        records.append(record)
    notes = [f"{counted(blank, 'cell')} of what was not measured left out"] if blank else []
    if shared:
        notes.append(f"places of several groups are called GROUP/PLACE: {names(sorted(shared))}")
    return records, notes + ([f"{counted(twice, 'reading')} that appear twice left out"] if twice else [])


def _number(cell: SourceCell) -> float | None:
    """Return a reading as a number; None where the cell says that nothing was measured."""
    if not is_measured(cell.value):
        return None
    number = number_of(cell)
    if number <= 0:
        raise InputError(f"{cell.where}: {number:g} is not a thickness; leave it empty where nothing was measured")
    return number


def _record(
    cells: Mapping[str, SourceCell], day: datetime.date, value: float, given: ColumnMap, defaults: Defaults,
    asset: AssetGeometry, shared: Collection[str],
) -> Record:  # fmt: skip
    where = cells["value"].where
    text = {name: key_of(cells[name].value) for name in ("place", "point", "instrument", *ABOUT) if name in cells}
    if "point" in text and "place" not in text:
        raise InputError(f"{where}: has a point and no place; fill it in")
    if text.get("place") in shared:
        text["place"] = f"{key_of(cells['group'].value)}/{text['place']}" if "group" in cells else text["place"]
    place = "/".join(text[name] for name in ("place", "point") if name in text)
    zone = _zone(cells.get("zone"), place, where, given, defaults, asset)
    unit = unit_in_row(cells, cells["value"], given, defaults.unit)
    errors: dict[str, Any] = {f"{name}_sd": _error(cells[name], unit) for name in ("scatter", "bias") if name in cells}
    if ("u" in cells) != ("v" in cells):
        raise InputError(f"{where}: its row has one of u and v; give both, or none")
    echo, coated = _word(cells.get("echo"), ECHOES), _word(cells.get("coated"), ANSWERS) == "yes"
    try:
        return Record(
            date=day.isoformat(), zone=zone, kind="ultrasonic", value=value, unit=unit, echo=echo, coated=coated,
            tool=text.get("instrument") or defaults.tool or GAUGE, place=place, source=where,
            technician=text.get("technician", ""), calibration=text.get("calibration", ""),
            procedure=text.get("procedure", ""),
            uv=(number_of(cells["u"]), number_of(cells["v"])) if "u" in cells else None, **errors,
        )  # fmt: skip
    except InputError as error:
        raise InputError(f"{where}: {as_read(error)}") from error


def _error(cell: SourceCell, unit: str) -> float:
    """Return a standard deviation in the unit of its reading."""
    return number_of(cell) * UNITS_MM[cell.unit or unit] / UNITS_MM[unit]


def _word(cell: SourceCell | None, known: Mapping[str, str]) -> str:
    if cell is None:
        return ""
    word = known.get(key_of(cell.value).casefold())
    if word is None:
        raise InputError(f"{cell.where}: {key_of(cell.value)!r:.60} is not known; write {' or '.join(sorted(known))}")
    return word


def _zone(
    cell: SourceCell | None, place: str, where: str, given: ColumnMap, defaults: Defaults, asset: AssetGeometry
) -> str:
    """Return the zone of a reading: of its CML, or what its row says, or of its place, or the command's."""
    if defaults.register and place:
        return _registered(cell, place, where, given, defaults.register, asset)
    if cell is not None:
        return zone_of(cell, given, asset)
    zone = defaults.places.get(place) or defaults.zone
    if not zone:
        raise InputError(f"{where}: no zone is stated, and {place or 'the place'} is not known; say it by `zone`")
    return zone


def _registered(
    cell: SourceCell | None, place: str, where: str, given: ColumnMap, register: Register, asset: AssetGeometry
) -> str:
    """Return the zone of a CML of the register, which the row may call by the name of a part."""
    cml = register.find(place)
    if cml is None:
        raise InputError(
            f"{where}: {place!r:.60} is not in the twin's register of CML{register.meant(place)}; correct the row, or "
            "add it by corrotwin twin register"
        )
    if cell is not None:
        zone = cml.zone
        with contextlib.suppress(InputError):  # a part of another name than that of a zone
            zone = zone_of(cell, given, asset)
        if zone != cml.zone:
            raise InputError(f"{cell.where}: {cml.id} is on {cml.zone} by the register, not on {zone}; correct either")
    return cml.zone


def check_units(records: Sequence[Record], asset: AssetGeometry) -> None:
    """Refuse a reading that is absurd in its own unit, and fits nominal in another alone: columns may mix units.

    A table is held to more than a single reading is, of which most of a tool must look so (`plausibility.check_units`).

    Raises
    ------
    InputError
        There is one.
    """
    for record in records:
        unit = plausibility.other_unit(record, asset) if record.zone in asset.zone_names else ""
        if unit:
            stated = record.stated.rpartition(" ")[2] or "mm"
            value, nominal = record.value / UNITS_MM[stated], wall_mm(record, asset)
            raise InputError(
                f"{record.source}: {value:.6g} {stated} is {100 * record.value / nominal:.3g} % of the nominal "
                f"{nominal:.4g} mm of {record.zone}; it looks like {unit}, {value * UNITS_MM[unit]:.4g} mm; state the "
                "unit, of each row where a column mixes them"
            )
