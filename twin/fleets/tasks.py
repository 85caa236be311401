"""Sentences on what an asset needs, and by when, from its forecast."""

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
    suspects : suspect readings that the forecast leaves out, such as "in line 3", each with the reason.
    look : day of the next visual inspection, such as 2030-05-31; empty if there is none.
    """
    session, plan = made.known, made.plan
    now = f"{twin_state.later(session.twin.built, session.now_years):%Y-%m-%d}"
    sentences = []
    if plan is None:
        sentences.append("state the required thickness: without it, neither a remaining life nor a date can be given")
    place_rows = [row for row in made.cmls if row.place]
    too_thin = [row for row in place_rows if row.least_read_mm is not None and row.least_read_mm <= row.required_mm]
    unread = session.register.never_read(session.records, made.required)
    assumed_places = [] if made.planned is None or plan is None else assumed_at(made.planned, plan)
    is_assumed = {(place.zone, place.name) for place in assumed_places}
    sentences += [
        f"{row.zone} {row.place}: read {_both(row.least_read_mm)}, required "
        f"{_needed(row.required_mm, (row.zone, row.place) in is_assumed)}: assess its fitness for service now"
        for row in too_thin
    ]
    sentences += [
        f"{zone}, {'a reading' if count == 1 else f'the worst of {count} too-thin readings'} without a listed place: "
        f"{_both(read)}, required {_needed(*needed)}: assess its fitness for service now"
        for zone, read, needed, count in _below_not_listed(made)
    ]
    if unread:
        sentences.append(f"measure {first_of([f'{cml.zone} {cml.id}' for cml in unread], 6)}: never measured")
    overdue = [row for row in made.cmls if row.place and (row.api_measure_years or 0.0) < 0 and row not in too_thin]
    if overdue:
        sentences.append(f"measure {_places(overdue)}: overdue by the codes")
    if plan is not None and plan.first_years is not None:
        day = f"{twin_state.later(session.twin.built, session.now_years + plan.first_years):%Y-%m-%d}"
        when = "now" if day <= now else f"by {day}"
        sentences.append(f"measure thickness {when}, first on {plan.due_zone} ({plan.because})")
    sentences += [f"{zone}: {why}" for zone, why in (plan.undated if plan is not None else {}).items()]
    sentences += _to_state(made, assumed_places, unread)
    if renewed_rows := [row for row in place_rows if not row.readings]:
        sentences.append(f"measure {_places(renewed_rows)}: no reading since the wall was renewed")
    read_once = [row for row in place_rows if row.readings and row.governing is None and row.api_life_years is None]
    if plan is not None and (read_once := [row for row in read_once if row.zone not in plan.undated]):
        sentences.append(f"measure {_places(read_once)} again: one survey gives no rate")
    sentences += [
        f"check the reading {reading}, which the forecast ignores: {why}" for reading, why in suspects.items()
    ]
    sentences += [
        f"check {item.record} of {item.date}: it disagrees with what was known before" for item in session.conflicts
    ]
    if look:
        sentences.append(f"inspect the asset visually from outside by {look}")
    return sentences


def requirement(
    made: Forecast, zone: str, uv: tuple[float, float] | None, place: str = ""
) -> tuple[float, Requirement]:
    """Return the thickness when new, mm, and the requirement of a place, named or not, in a zone with a requirement."""
    wall = made.known.asset.wall_mm(zone, uv)
    return wall, made.known.register.requirement(place, wall, made.required[zone], made.given)


def _to_state(made: Forecast, thin: Iterable[PlaceForecast], unread: Iterable[Cml]) -> list[str]:
    """Return the requirements that should be stated, because half of the wall when new is assumed instead.

    `thin` are the measured places with such an assumption; `unread` are the CML without readings, which are checked for
    it here.
    """
    sentences = []
    for place in thin:
        day = f"{twin_state.later(made.known.twin.built, place.known_years):%Y-%m-%d}"
        naming = (
            f"name the unnamed place of {place.zone} (last read or renewed on {day}): withdraw "
            "its reading and enter it again with a place; "
        )
        name = f"{place.zone} {place.name}" if place.name else "this place"
        sentences.append(f"{'' if place.name else naming}{_ask_for(made, place.zone, name, place.nominal_mm)}")
    for cml in unread:
        wall, needed = requirement(made, cml.zone, cml.uv, cml.id)
        sentences += [_ask_for(made, cml.zone, f"{cml.zone} {cml.id}", wall)] if needed.is_assumed else []
    return sentences


def _ask_for(made: Forecast, zone: str, place: str, wall_mm: float) -> str:
    return f"state the required thickness of {place}: {assumed(wall_mm, zone, made.required[zone])}"


def _below_not_listed(made: Forecast) -> list[tuple[str, float, Requirement, int]]:
    """Return the worst reading without a listed place that is below the requirement, with the count of such readings.

    Each zone may have two: one with a stated requirement, for example on a header, and one with an assumed requirement,
    on a branch.
    """
    session = made.known
    by_zone: dict[tuple[str, bool], list[tuple[float, Requirement]]] = {}
    for record in not_listed(made.cmls, session.twin, session.records, made.planned) if made.planned else ():
        if record.zone in made.required and not record.place:
            read, needed = max(record.read_mm, 0.0), requirement(made, record.zone, record.uv)[1]
            if read <= needed.mm:
                by_zone.setdefault((record.zone, needed.is_assumed), []).append((read, needed))
    return [
        (zone, *min(readings, key=lambda reading: reading[0] / reading[1].mm), len(readings))
        for (zone, _), readings in sorted(by_zone.items())
    ]


def _needed(mm: float, is_assumed: bool) -> str:
    return f"{_both(mm)}{' (assumed)' if is_assumed else ''}"


def _both(mm: float | None) -> str:
    return "–" if mm is None else f"{mm:.2f} mm ({mm / UNITS_MM['inch']:.3f} inch)"


def _places(rows: Sequence[CmlRow]) -> str:
    names = [f"{row.zone} {row.place}" for row in rows]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
