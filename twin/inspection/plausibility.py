"""Plausibility of readings: some are refused; suspect ones are stored, but a fit ignores them until they are accepted.

Refused are readings in a unit other than stated, impossible values, future days, and two values of a place on one day.
A reading is suspect, hence stored and flagged, if a gauge may show it although the wall cannot be so thick: above
nominal plus tolerance, or above an earlier reading. A reading is never changed to make it pass.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from corrotwin.twin import assets, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.inspection.dates import check_not_yet_to_come
from corrotwin.twin.inspection.events import Event, renewed_on
from corrotwin.twin.inspection.log_lines import with_usual_spaces
from corrotwin.twin.inspection.records import UNITS_MM, Record, check, most_mm, spoken, wall_mm
from corrotwin.twin.inspection.register import Register
from corrotwin.twin.twin_state import TwinState

ALLOWED_SD = 3.0  # combined standard deviations by which a later reading may exceed an earlier one
# Shares of the nominal wall. A reading fits another unit if it is within `FITS` in that unit and outside `ABSURD` as
# stated. An inch mistaken for a mm turns 25 to 122 % of a wall into 1 to 5 %.
FITS, ABSURD = (0.25, 1.225), (0.05, 2.0)
_OTHERS = ("inch", "mil", "mm")


def admit(
    records: Sequence[Record],
    there: Iterable[Record],
    in_force: Iterable[Record],
    twin: TwinState,
    register: Register,
    *,
    are_placed: bool = False,
) -> list[Record]:
    """Return the records that are not stored yet, oldest first, after checking that all are possible.

    Parameters
    ----------
    records : records of one inspection or one table, in any order.
    there : all stored records, withdrawn ones too; each absorbs one equal record.
    in_force : stored records that were not withdrawn; each absorbs one reading that adds nothing (`tells_no_more`).
    twin : twin that was inspected.
    register : register of its CML, with the present names by which places are compared.
    are_placed : True to skip the check against the register, since some `records` may be older than it.

    Raises
    ------
    InputError
        Most readings of a tool look like another unit; a record is impossible for this twin (`records.check`) or
        contradicts its register; a date is after both the twin's clock and tomorrow; or a place has another value of
        the same day, kind and tool.
    """
    asset, records = twin_state.asset(twin), [with_usual_spaces(record) for record in records]
    check_units(records, asset)
    texels = assets.texels(asset)
    for record in records:
        check(record, twin, asset, texels)
    unmatched, in_force = Counter(there), list(in_force)
    by_reading: dict[tuple[object, ...], list[Record]] = {}
    for other in register.applied(in_force):
        by_reading.setdefault(reading_of(other), []).append(other)
    new = []
    for record, named in sorted(zip(records, register.applied(records), strict=True), key=lambda pair: pair[0].date):
        alike = by_reading.get(reading_of(named), [])
        repeated = next((other for other in alike if tells_no_more(named, other)), None)
        if repeated is not None:
            alike.remove(repeated)
        if unmatched[record]:
            unmatched[record] -= 1
        elif repeated is None:
            new.append(record)
    if new:
        check_not_yet_to_come(new[-1].date, spoken(new[-1]), twin)
    if not are_placed:
        register.check(new)
    check_surveys([*in_force, *new], register)
    return new


def reading_of(record: Record) -> tuple[object, ...]:
    """Return the key of a reading: where and when it was taken, by which tool, and its value."""
    return record.zone, record.place, record.kind, record.tool, record.date, record.value


def tells_no_more(record: Record, other: Record) -> bool:
    """Return whether a reading with the same key (`reading_of`) as another adds nothing to it.

    Numbers are compared to the digits that a workbook keeps. At a named place, the reading may leave its position,
    errors, echo and paint unstated.
    """
    if record == other or record.kind != "ultrasonic":
        return record == other
    may_lack = bool(record.place)
    same_position = other.uv == record.uv or bool(
        record.uv and other.uv and np.allclose(record.uv, other.uv, rtol=0, atol=1e-9)
    )
    return (
        (same_position or (may_lack and record.uv is None))
        and (record.echo == other.echo or (may_lack and not record.echo))
        and (record.coated == other.coated or (may_lack and not record.coated))
        and all(
            math.isclose(getattr(record, name), getattr(other, name), abs_tol=1e-9)
            or (may_lack and getattr(record, name) == usual)
            for name, usual in record.usual_errors.items()
        )
    )


def check_units(records: Iterable[Record], asset: AssetGeometry) -> None:
    """Raise InputError if thickness readings look like a unit other than stated.

    They do if more than half of the readings of one tool, in one unit, fit the nominal wall only in another unit
    (`FITS`, `ABSURD`). Readings of a badly corroded wall among those of sounder places are accepted.

    Raises
    ------
    InputError
        Most readings of a tool look like another unit.
    """
    batches: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.kind == "ultrasonic" and record.zone in asset.zone_names:
            batches.setdefault((record.tool, record.stated.partition(" ")[2] or "mm"), []).append(record)
    for (tool, stated), batch in batches.items():
        for unit in _OTHERS:
            factor = UNITS_MM[unit] / UNITS_MM[stated]
            fitting = [record for record in batch if _fits(record.value, wall_mm(record, asset), factor)]
            if 2 * len(fitting) > len(batch):
                first, wall = fitting[0], wall_mm(fitting[0], asset)
                look = "looks" if len(fitting) == 1 else "look"
                raise InputError(
                    f"{spoken(first)}: {len(fitting)} of {counted(len(batch), 'thickness reading')} by {tool} {look} "
                    f"like {unit}, "
                    f"not {stated}: {first.value / UNITS_MM[stated]:.6g} {unit} would be {first.value * factor:.4g} mm "
                    f"of a nominal wall of {wall:g} mm; give their `unit`, or fill in the column unit of a table. "
                    f"Readings are refused if most of a tool's would be less than {ABSURD[0]:.0%} or more than "
                    f"{ABSURD[1]:.0%} of the wall; a badly corroded wall is accepted beside readings of sounder places"
                )


def other_unit(record: Record, asset: AssetGeometry) -> str:
    """Return the unit that fits a thickness reading instead of its own; empty if its own may be right."""
    stated = UNITS_MM[record.stated.partition(" ")[2] or "mm"]
    wall = wall_mm(record, asset)
    return next((unit for unit in _OTHERS if _fits(record.value, wall, UNITS_MM[unit] / stated)), "")


def _fits(value_mm: float, wall: float, times: float) -> bool:
    share = value_mm / wall
    return not ABSURD[0] <= share <= ABSURD[1] and FITS[0] <= share * times <= FITS[1]


def check_surveys(records: Sequence[Record], register: Register) -> None:
    """Raise InputError if one named place has two values on one day, of one kind and by one tool.

    Parameters
    ----------
    records : records in force.
    register : register of the twin, with the present names by which places are compared.

    Raises
    ------
    InputError
        There are two: one of them is wrong, or they belong to different places.
    """
    if pair := contradicting(records, register):
        first, record = pair
        same = "" if first.place == record.place else f" ({first.place} is the same place)"
        raise InputError(
            f"{spoken(record)}: {record.value:g} {record.unit} at {record.place} on {record.zone} by {record.tool}, "
            f"but also {first.value:g} {first.unit} there on that day{same}; correct the wrong one (if it is already "
            "stored, withdraw its line, which corrotwin twin inspect lists), or give the places different names"
        )


def contradicting(records: Sequence[Record], register: Register) -> tuple[Record, Record] | None:
    """Return the first two records with different values but the same named place, day, kind and tool, or None."""
    first_of_key: dict[tuple[str, ...], Record] = {}
    for record, named in zip(records, register.applied(records), strict=True):
        if named.place:
            first = first_of_key.setdefault((record.zone, named.place, record.kind, record.tool, record.date), record)
            if first.value != record.value:
                return first, record
    return None


def suspects(records: Mapping[int, Record], asset: AssetGeometry, events: Sequence[Event] = ()) -> dict[int, str]:
    """Return which thickness readings are suspect, with the reason for each.

    A reading is suspect if it is thicker than nominal plus tolerance (`records.most_mm`), or thicker than an earlier
    reading of the same zone and place by more than three standard deviations of both errors combined. Later readings
    are not compared with suspect ones. An accepted reading that is thicker than before replaces all earlier ones, and a
    wall that was made new is not compared with older readings. After a reading that is too thin by mistake, later ones
    are suspect until it is withdrawn: the safe side.

    Parameters
    ----------
    records : records in force, by line number.
    asset : geometry of the twin.
    events : events in force.
    """
    reasons = {}
    earlier: dict[tuple[str, ...], list[Record]] = {}
    for number, record in sorted(records.items(), key=lambda item: (item[1].date, item[0])):
        if record.kind != "ultrasonic" or record.zone not in asset.zone_names:  # `check` refuses unknown zones
            continue
        place = record.place or record.uv
        new = renewed_on(record.zone, record.place, events, record.date)
        previous = earlier.setdefault((record.zone, str(place), new), []) if place else []
        grown = _grown(record, previous)
        thick = ""
        if record.value > (limit_mm := most_mm(record, asset)):
            thick = (
                f"{record.value:g} mm is thicker than nominal, {wall_mm(record, asset):g} mm, plus tolerance "
                f"({limit_mm:.4g} mm)"
            )
        if (thick or grown) and not record.accepted:
            reasons[number] = "; ".join(filter(None, (thick, grown)))
            continue
        if grown:
            previous.clear()
        previous.append(record)
    return reasons


def _grown(record: Record, before: Sequence[Record]) -> str:
    """Return a text on how much a reading exceeds an earlier one beyond the errors of both; empty if it does not."""
    for other in before:
        growth_mm = record.read_mm - other.read_mm
        if growth_mm <= 0 or other.date >= record.date:
            continue
        allowed_mm = ALLOWED_SD * math.hypot(record.scatter_sd, record.bias_sd, other.scatter_sd, other.bias_sd)
        if growth_mm > allowed_mm:
            earlier = f"{other.value:g} mm on {other.date}"
            return f"{growth_mm:.3g} mm thicker than {earlier}; the errors of both explain at most {allowed_mm:.2g} mm"
    return ""
