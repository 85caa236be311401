"""Sentences for people about what an asset needs, and by when, from its forecast."""

from collections.abc import Iterable, Mapping, Sequence

from corrotwin.twin import twin_state
from corrotwin.twin.core.text import first_of
from corrotwin.twin.forecast.cml import CmlRow, assumed, assumed_at
from corrotwin.twin.forecast.due import not_listed
from corrotwin.twin.forecast.projection import PlaceForecast
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.inspection.records import UNITS_MM
from corrotwin.twin.inspection.register import Cml, Requirement


def tasks(made: Forecast, suspects: Mapping[str, str], look: str) -> list[str]:
    """Return what to do by when, the most urgent first.

    Parameters
    ----------
    made : forecast of the twin.
    suspects : readings that it leaves out, such as "in line 3", each with the reason.
    look : when to inspect visually, such as 2030-05-31; empty where no day is given.
    """
    known, plan = made.known, made.plan
    now = f"{twin_state.later(known.twin.built, known.now_years):%Y-%m-%d}"
    said = []
    if plan is None:
        said.append("state the required thickness: without it there is neither a remaining life nor a date")
    named = [row for row in made.cmls if row.place]
    below = [row for row in named if row.least_read_mm is not None and row.least_read_mm <= row.required_mm]
    unread = known.register.never_read(known.records, made.required)
    thin = [] if made.planned is None or plan is None else assumed_at(made.planned, plan)
    is_thin = {(place.zone, place.name) for place in thin}
    said += [
        f"{row.zone} {row.place}: read {_both(row.least_read_mm)}, required "
        f"{_needed(row.required_mm, (row.zone, row.place) in is_thin)}: assess its fitness for service now"
        for row in below
    ]
    said += [
        f"{zone}, {'a reading' if count == 1 else f'the worst of {count} such readings'} without a listed place: "
        f"{_both(read)}, required {_needed(*needed)}: assess its fitness for service now"
        for zone, read, needed, count in _below_not_listed(made)
    ]
    if unread:
        said.append(f"measure {first_of([f'{cml.zone} {cml.id}' for cml in unread], 6)}: never measured")
    overdue = [row for row in made.cmls if row.place and (row.api_measure_years or 0.0) < 0 and row not in below]
    if overdue:
        said.append(f"measure {_places(overdue)}: overdue by the codes")
    if plan is not None and plan.first_years is not None:
        by = f"{twin_state.later(known.twin.built, known.now_years + plan.first_years):%Y-%m-%d}"
        due = "now" if by <= now else f"by {by}"
        said.append(f"measure thickness {due}, first on {plan.due_zone} ({plan.because})")
    said += [f"{zone}: {why}" for zone, why in (plan.undated if plan is not None else {}).items()]
    said += _to_state(made, thin, unread)
    if renewed := [row for row in named if not row.readings]:
        said.append(f"measure {_places(renewed)}: not read since its wall was new")
    single = [row for row in named if row.readings and row.governing is None and row.api_life_years is None]
    if plan is not None and (single := [row for row in single if row.zone not in plan.undated]):
        said.append(f"measure {_places(single)} again: one survey gives no rate")
    said += [f"check the reading {which}, which the forecast ignores: {why}" for which, why in suspects.items()]
    said += [f"check {item.record} of {item.date}: it disagrees with what was known before" for item in known.conflicts]
    if look:
        said.append(f"inspect it visually from outside by {look}")
    return said


def requirement(
    made: Forecast, zone: str, uv: tuple[float, float] | None, place: str = ""
) -> tuple[float, Requirement]:
    """Return the thickness when new, mm, and the requirement of a place of a zone with one, named or not."""
    wall = made.known.asset.wall_mm(zone, uv)
    return wall, made.known.register.requirement(place, wall, made.required[zone], made.given)


def _to_state(made: Forecast, thin: Iterable[PlaceForecast], unread: Iterable[Cml]) -> list[str]:
    """Return which requirements are to be stated, since half of the wall when new is assumed in their place.

    `thin` are measured places of which that is so; of the CML that were never read it is found here.
    """
    said = []
    for place in thin:
        day = f"{twin_state.later(made.known.twin.built, place.known_years):%Y-%m-%d}"
        how = (
            f"name the place of {place.zone} that was read without a name (last read or renewed on {day}): withdraw "
            "its reading and enter it again with a place; "
        )
        which = f"{place.zone} {place.name}" if place.name else "it"
        said.append(f"{'' if place.name else how}{_ask_for(made, place.zone, which, place.nominal_mm)}")
    for cml in unread:
        wall, needed = requirement(made, cml.zone, cml.uv, cml.id)
        said += [_ask_for(made, cml.zone, f"{cml.zone} {cml.id}", wall)] if needed.is_assumed else []
    return said


def _ask_for(made: Forecast, zone: str, place: str, wall_mm: float) -> str:
    return f"state what {place} requires: {assumed(wall_mm, zone, made.required[zone])}"


def _below_not_listed(made: Forecast) -> list[tuple[str, float, Requirement, int]]:
    """Return the worst readings of no listed place that are below what is required there, and of how many each is.

    Of each zone that is one where the requirement is stated, and one where it is assumed: a header's and a branch's.
    """
    known = made.known
    found: dict[tuple[str, bool], list[tuple[float, Requirement]]] = {}
    for record in not_listed(made.cmls, known.twin, known.records, made.planned) if made.planned else ():
        if record.zone in made.required and not record.place:
            read, needed = max(record.read_mm, 0.0), requirement(made, record.zone, record.uv)[1]
            if read <= needed.mm:
                found.setdefault((record.zone, needed.is_assumed), []).append((read, needed))
    return [
        (zone, *min(own, key=lambda each: each[0] / each[1].mm), len(own)) for (zone, _), own in sorted(found.items())
    ]


def _needed(mm: float, is_assumed: bool) -> str:
    return f"{_both(mm)}{' (assumed)' if is_assumed else ''}"


def _both(mm: float | None) -> str:
    return "–" if mm is None else f"{mm:.2f} mm ({mm / UNITS_MM['inch']:.3f} inch)"


def _places(rows: Sequence[CmlRow]) -> str:
    names = [f"{row.zone} {row.place}" for row in rows]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
