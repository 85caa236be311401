"""Plausibility of readings: those refused, and those kept but left out of the fit until somebody accepts them.

Refused are readings in another unit than stated, impossible ones, days to come, and two values of one place on one day.
Suspect, so stored and flagged, is what a gauge may show although the wall cannot have it: thicker than nominal plus
tolerance, or thicker than it was before. A reading is never changed to one that would pass.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from corrotwin.twin import assets, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.inspection.dates import check_not_yet_to_come
from corrotwin.twin.inspection.events import Event, renewed_on
from corrotwin.twin.inspection.log_lines import with_usual_spaces
from corrotwin.twin.inspection.records import UNITS_MM, Record, check, most_mm, spoken, wall_mm
from corrotwin.twin.inspection.register import Register
from corrotwin.twin.twin_state import TwinState

ALLOWED_SD = 3.0  # combined standard deviations by which a later reading may be thicker than an earlier one
# A reading fits another unit if in that unit it is between these shares of the nominal wall, and as stated either below
# the third or above the fourth. An inch taken for a mm makes 25 to 122 % of a wall into 1 to 5 %.
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
    """Return those of some records that are not there yet, oldest first, having refused what cannot be.

    Parameters
    ----------
    records : of one inspection or one table, in any order.
    there : all earlier records, withdrawn ones too; each absorbs one equal record.
    in_force : those of them that were not withdrawn; each absorbs one reading that tells no more (`tells_no_more`).
    twin : that was inspected.
    register : of its CML, by whose present names places are compared.
    are_placed : the register has nothing more to say of the places of `records`; some may be older than it.

    Raises
    ------
    InputError
        Most readings of a tool look like another unit; a record cannot be of this twin (`records.check`) or its
        register; a date is after both the twin's clock and today; or a place has another value of the same day, kind
        and tool.
    """
    asset, records = twin_state.asset(twin), [with_usual_spaces(record) for record in records]
    check_units(records, asset)
    texels = assets.texels(asset)
    for record in records:
        check(record, twin, asset, texels)
    left, in_force = Counter(there), list(in_force)
    known: dict[tuple[object, ...], list[Record]] = {}
    for other in register.applied(in_force):
        known.setdefault(reading_of(other), []).append(other)
    new = []
    for record, named in sorted(zip(records, register.applied(records), strict=True), key=lambda pair: pair[0].date):
        alike = known.get(reading_of(named), [])
        same = next((other for other in alike if tells_no_more(named, other)), None)
        if same is not None:
            alike.remove(same)
        if left[record]:
            left[record] -= 1
        elif same is None:
            new.append(record)
    if new:
        check_not_yet_to_come(new[-1].date, spoken(new[-1]), twin)
    if not are_placed:
        register.check(new)
    check_surveys([*in_force, *new], register)
    return new


def reading_of(record: Record) -> tuple[object, ...]:
    """Return what was read, where, by which tool and when."""
    return record.zone, record.place, record.kind, record.tool, record.date, record.value


def tells_no_more(record: Record, other: Record) -> bool:
    """Return whether a reading of the same value is another one, with the digits that a workbook keeps.

    At a named place it may leave its position, its errors, its echo and the paint unstated.
    """
    if record == other or record.kind != "ultrasonic":
        return record == other
    may_lack = bool(record.place)
    is_there = other.uv == record.uv or bool(
        record.uv and other.uv and np.allclose(record.uv, other.uv, rtol=0, atol=1e-9)
    )
    return (
        (is_there or (may_lack and record.uv is None))
        and (record.echo == other.echo or (may_lack and not record.echo))
        and (record.coated == other.coated or (may_lack and not record.coated))
        and all(
            math.isclose(getattr(record, name), getattr(other, name), abs_tol=1e-9)
            or (may_lack and getattr(record, name) == usual)
            for name, usual in record.usual_errors.items()
        )
    )


def check_units(records: Iterable[Record], asset: AssetGeometry) -> None:
    """Refuse thickness readings that look like another unit than the one in which they were stated.

    They do where more than half of the readings of one tool, in one unit, fit the nominal wall in another unit alone
    (`FITS`, `ABSURD`). A badly corroded wall among readings of sounder ones is no such case.

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
            times = UNITS_MM[unit] / UNITS_MM[stated]
            alike = [record for record in batch if _fits(record.value, wall_mm(record, asset), times)]
            if 2 * len(alike) > len(batch):
                first, wall = alike[0], wall_mm(alike[0], asset)
                raise InputError(
                    f"{spoken(first)}: {len(alike)} of {len(batch)} thickness readings by {tool} look like {unit}, not "
                    f"{stated}: {first.value / UNITS_MM[stated]:.6g} {unit} would be {first.value * times:.4g} mm of a "
                    f"nominal wall of {wall:g} mm; give their `unit`, in a table in its column unit. This is refused "
                    f"where most readings of a tool would be less than {ABSURD[0]:.0%} or more than {ABSURD[1]:.0%} of "
                    "the wall; a badly corroded wall is taken beside readings of sounder places"
                )


def other_unit(record: Record, asset: AssetGeometry) -> str:
    """Return the unit that fits a thickness reading in place of its own; empty where its own may be right."""
    stated = UNITS_MM[record.stated.partition(" ")[2] or "mm"]
    wall = wall_mm(record, asset)
    return next((unit for unit in _OTHERS if _fits(record.value, wall, UNITS_MM[unit] / stated)), "")


def _fits(value_mm: float, wall: float, times: float) -> bool:
    share = value_mm / wall
    return not ABSURD[0] <= share <= ABSURD[1] and FITS[0] <= share * times <= FITS[1]


def check_surveys(records: Sequence[Record], register: Register) -> None:
    """Refuse two values of one named place on one day, of one kind and by one tool.

    Parameters
    ----------
    records : that count.
    register : of the twin, by whose present names places are compared.

    Raises
    ------
    InputError
        There are two: one of them is wrong, or they are of different places.
    """
    if found := contradicting(records, register):
        first, record = found
        same = "" if first.place == record.place else f" ({first.place} is the same place)"
        raise InputError(
            f"{spoken(record)}: {record.value:g} {record.unit} at {record.place} on {record.zone} by {record.tool}, "
            f"which has {first.value:g} {first.unit} there on that day{same}; correct the wrong one, or, where it is "
            "stored already, withdraw it by its line, which corrotwin twin inspect lists; or name their places apart"
        )


def contradicting(records: Sequence[Record], register: Register) -> tuple[Record, Record] | None:
    """Return the first two records with different values of one named place, day, kind and tool, or None."""
    known: dict[tuple[str, ...], Record] = {}
    for record, named in zip(records, register.applied(records), strict=True):
        if named.place:
            first = known.setdefault((record.zone, named.place, record.kind, record.tool, record.date), record)
            if first.value != record.value:
                return first, record
    return None


def suspects(records: Mapping[int, Record], asset: AssetGeometry, events: Sequence[Event] = ()) -> dict[int, str]:
    """Return which thickness readings are suspect, with the reason of each.

    A reading is suspect if it is thicker than nominal plus tolerance (`records.most_mm`), or thicker than an earlier
    one of the same zone and place, by more than three standard deviations of both errors together. Readings that are
    suspect themselves are no measure for later ones; one that was accepted though thicker than before replaces those
    before it, and a wall that was made new is held against nothing older. Where a reading was too thin by mistake,
    those after it are suspect until it is withdrawn: the safe side.

    Parameters
    ----------
    records : that count, by number.
    asset : that they are of.
    events : that count.
    """
    found = {}
    earlier: dict[tuple[str, ...], list[Record]] = {}
    for number, record in sorted(records.items(), key=lambda item: (item[1].date, item[0])):
        if record.kind != "ultrasonic" or record.zone not in asset.zone_names:  # the latter `check` refuses
            continue
        place = record.place or record.uv
        new = renewed_on(record.zone, record.place, events, record.date)
        before = earlier.setdefault((record.zone, str(place), new), []) if place else []
        grown = _grown(record, before)
        thick = ""
        if record.value > (most := most_mm(record, asset)):
            thick = (
                f"{record.value:g} mm is thicker than nominal, {wall_mm(record, asset):g} mm, plus tolerance "
                f"({most:.4g} mm)"
            )
        if (thick or grown) and not record.accepted:
            found[number] = "; ".join(filter(None, (thick, grown)))
            continue
        if grown:
            before.clear()
        before.append(record)
    return found


def _grown(record: Record, before: Sequence[Record]) -> str:
    """Say by how much a reading is thicker than one before it, beyond the errors of both; empty if it is not."""
    for other in before:
        more = record.read_mm - other.read_mm
        if more <= 0 or other.date >= record.date:
            continue
        allowed = ALLOWED_SD * math.hypot(record.scatter_sd, record.bias_sd, other.scatter_sd, other.bias_sd)
        if more > allowed:
            was = f"{other.value:g} mm on {other.date}"
            return f"{more:.3g} mm thicker than {was}, where the errors of both allow {allowed:.2g} mm"
    return ""
