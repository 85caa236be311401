"""Turn thickness readings of a workbook or a table into records of a twin; all are checked before any is stored."""

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

GAUGE = "ultrasonic gauge"  # name of the instrument if no column states it
UNNAMED = "unnamed"  # stands for the name of a place in workbooks that we write
ECHOES = {
    "single": "single", "multiple": "multiple", "echo to echo": "multiple", "echo-echo": "multiple", "e-e": "multiple",
}  # fmt: skip
ANSWERS = {"yes": "yes", "true": "yes", "y": "yes", "1": "yes", "no": "no", "false": "no", "n": "no", "0": "no"}


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Values that no column states: unit, zone, tool and asset of the file; empty if not needed."""

    unit: str = ""
    zone: str = ""
    tool: str = ""
    asset: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    """Zones of the places that the twin knows, by name of the place."""
    register: Register = NO_REGISTER
    """The twin's CML; if it has any, readings of other places are refused."""

    @staticmethod
    def of(
        records: Iterable[Record], register: Register, *, unit: str = "", zone: str = "", tool: str = "",
        asset: str = "",
    ) -> "Defaults":  # fmt: skip
        """Return the defaults of a twin, with its register and the zones of the places in its records.

        Raises
        ------
        InputError
            The unit is not a unit of thickness.
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
    """The records of a file, how its columns were understood, and notes on omitted readings and columns."""

    records: tuple[Record, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def intake(path: Path, given: ColumnMap, defaults: Defaults, asset: AssetGeometry) -> Intake:
    """Return the thickness readings of a file as records.

    The file has a row per reading, or a row per place and a column per survey; other sheets may describe the places.

    Parameters
    ----------
    path : workbook or CSV file.
    given : the user's description of its columns.
    defaults : values that no column states.
    asset : geometry of the twin, to check zones, and readings against the nominal thickness.

    Raises
    ------
    InputError
        The file cannot be read, no sheet has readings, or a reading is wrong (the message has file, sheet, row, column,
        value and remedy).
    """
    return records_in(find(path, sheets.read(path), given), given, defaults, asset)


def records_in(found: FoundReadings, given: ColumnMap, defaults: Defaults, asset: AssetGeometry) -> Intake:
    """Return the readings of one asset of a file as records.

    Parameters
    ----------
    found : readings of the file.
    given, defaults, asset : as for `intake`.

    Raises
    ------
    InputError
        A reading is wrong, or it is unclear to which asset it belongs.
    """
    wanted, notes = _of_asset(found, defaults.asset)
    if any("place" in header.columns for header in found.headers):
        for cells, _ in wanted:
            if "place" not in cells:
                raise InputError(
                    f"{cells['value'].where}: the row names no place; fill it in, write {UNNAMED}, or remove the row"
                )
    wanted = [({name: cell for name, cell in cells.items() if name != "place" or key_of(cell.value) != UNNAMED}, day)
              for cells, day in wanted]  # fmt: skip
    records, more_notes = _records(wanted, given, defaults, asset)
    check_units(records, asset)
    columns = tuple(line for header in found.headers for line in described(header))
    ignored = [line for header in found.headers for line in unused(header)]
    return Intake(records=tuple(records), columns=columns, notes=(*ignored, *notes, *more_notes))


def _of_asset(found: FoundReadings, asset: str) -> tuple[list[tuple[dict[str, SourceCell], datetime.date]], list[str]]:
    """Return the readings of one asset, and notes on omitted readings."""
    if not found.readings and not asset:
        return [], [f"the file {NO_READINGS}"]
    if not found.readings:
        raise InputError(f"{found.path}: {NO_READINGS}")
    check_asset(found.path, asset, found.assets)
    for cells, _ in found.readings:
        if asset and "asset" not in cells:
            raise InputError(f"{cells['value'].where}: the row names no asset; fill it in")
    readings = [(cells, day) for cells, day in found.readings if not asset or key_of(cells["asset"].value) == asset]
    omitted = len(found.readings) - len(readings)
    return readings, [f"{counted(omitted, 'reading')} of other assets left out"] if omitted else []


def _records(
    found: Sequence[tuple[dict[str, SourceCell], datetime.date]],
    given: ColumnMap,
    defaults: Defaults,
    asset: AssetGeometry,
) -> tuple[list[Record], list[str]]:
    """Return the records, and notes on cells without a measurement and on duplicates."""
    records: list[Record] = []
    first_of_key: dict[tuple[str, ...], tuple[Record, str]] = {}
    groups: dict[str, set[str]] = {}
    for cells, _ in found:
        if "place" in cells and "group" in cells:
            groups.setdefault(key_of(cells["place"].value), set()).add(key_of(cells["group"].value))
    shared = {place for place, of_place in groups.items() if len(of_place) > 1}
    unmeasured = repeats = 0
    for cells, day in found:
        value = _number(cells["value"])
        if value is None:
            unmeasured += 1
            continue
        record = _record(cells, day, value, given, defaults, asset, shared)
        key = (record.zone, record.place, record.date, record.tool)
        if record.place and key in first_of_key:
            other, where = first_of_key[key]
            if other.value != record.value:
                raise InputError(
                    f"{cells['value'].where}: {record.place} on {record.date} is {record.value:g} mm here and "
                    f"{other.value:g} mm in {where}; keep one, or distinguish points of a place in a column `point`"
                )
            repeats += 1
            continue
        first_of_key[key] = record, cells["value"].where
        records.append(record)
    notes = [f"{counted(unmeasured, 'cell')} without a measurement left out"] if unmeasured else []
    if shared:
        notes.append(f"places that occur in several groups are named GROUP/PLACE: {names(sorted(shared))}")
    return records, notes + ([f"{counted(repeats, 'duplicate reading')} left out"] if repeats else [])


def _number(cell: SourceCell) -> float | None:
    """Return a reading as a number; None if the cell says that nothing was measured."""
    if not is_measured(cell.value):
        return None
    number = number_of(cell)
    if number <= 0:
        raise InputError(f"{cell.where}: {number:g} is not a thickness; leave the cell empty if nothing was measured")
    return number


def _record(
    cells: Mapping[str, SourceCell], day: datetime.date, value: float, given: ColumnMap, defaults: Defaults,
    asset: AssetGeometry, shared: Collection[str],
) -> Record:  # fmt: skip
    where = cells["value"].where
    text = {name: key_of(cells[name].value) for name in ("place", "point", "instrument", *ABOUT) if name in cells}
    if "point" in text and "place" not in text:
        raise InputError(f"{where}: has a point but no place; fill in the place")
    if text.get("place") in shared:
        text["place"] = f"{key_of(cells['group'].value)}/{text['place']}" if "group" in cells else text["place"]
    place = "/".join(text[name] for name in ("place", "point") if name in text)
    zone = _zone(cells.get("zone"), place, where, given, defaults, asset)
    unit = unit_in_row(cells, cells["value"], given, defaults.unit)
    errors: dict[str, Any] = {f"{name}_sd": _error(cells[name], unit) for name in ("scatter", "bias") if name in cells}
    if ("u" in cells) != ("v" in cells):
        raise InputError(f"{where}: the row has only one of u and v; give both or neither")
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
    """Return a standard deviation, converted to the unit of its reading."""
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
    """Return the zone of a reading, from its CML, else its row, else its place, else the defaults."""
    if defaults.register and place:
        return _registered(cell, place, where, given, defaults.register, asset)
    if cell is not None:
        return zone_of(cell, given, asset)
    zone = defaults.places.get(place) or defaults.zone
    if not zone:
        raise InputError(f"{where}: no zone is stated, and {place or 'the place'} is unknown; give `zone`")
    return zone


def _registered(
    cell: SourceCell | None, place: str, where: str, given: ColumnMap, register: Register, asset: AssetGeometry
) -> str:
    """Return the zone of a CML of the register; a row may name a part instead of a zone."""
    cml = register.find(place)
    if cml is None:
        raise InputError(
            f"{where}: {place!r:.60} is not in the twin's register of CML{register.meant(place)}; correct the row, or "
            "add it with corrotwin twin register"
        )
    if cell is not None:
        zone = cml.zone
        with contextlib.suppress(InputError):  # the name of a part that is not translated to a zone
            zone = zone_of(cell, given, asset)
        if zone != cml.zone:
            raise InputError(f"{cell.where}: the register has {cml.id} on {cml.zone}, not on {zone}; correct one")
    return cml.zone


def check_units(records: Sequence[Record], asset: AssetGeometry) -> None:
    """Raise InputError if a reading is absurd in its own unit and fits the nominal thickness only in another.

    This is stricter than `plausibility.check_units`, which refuses only if most readings of a tool look so, because the
    columns of a table may mix units.

    Raises
    ------
    InputError
        There is such a reading.
    """
    for record in records:
        unit = plausibility.other_unit(record, asset) if record.zone in asset.zone_names else ""
        if unit:
            stated = record.stated.rpartition(" ")[2] or "mm"
            value, nominal = record.value / UNITS_MM[stated], wall_mm(record, asset)
            raise InputError(
                f"{record.source}: {value:.6g} {stated} is {100 * record.value / nominal:.3g} % of the nominal "
                f"{nominal:.4g} mm of {record.zone}; it looks like {unit}, {value * UNITS_MM[unit]:.4g} mm; state the "
                "unit, in each row if a column mixes units"
            )
