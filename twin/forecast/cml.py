"""Two answers side by side, by the API codes and by the twin, for condition monitoring locations (CML) and zones."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from corrotwin.twin import twin_state
from corrotwin.twin.core.text import printable
from corrotwin.twin.forecast.lives import InspectionPlan
from corrotwin.twin.forecast.projection import Levels, PlaceForecast, Projection, levels
from corrotwin.twin.forecast.rates import ONE_SURVEY_YEARS, CmlRates, RateBasis, cml_rates, gives_rate
from corrotwin.twin.forecast.remaining_life import MOST_YEARS_INJECTION, Rule, interval_years
from corrotwin.twin.forecast.renewals import renewed_years
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import INJECTION, NO_REGISTER, Cml, Register
from corrotwin.twin.mechanisms.process import is_unknown
from corrotwin.twin.twin_state import TwinState

if TYPE_CHECKING:
    from rich.table import Table

MOST_DATED_YEARS = 1000.0  # of service; a later date is of no use, and calendars end
UNDER_API_570 = "an injection point: API 570 requires a measurement within three years; choose its rule"


@dataclass(frozen=True, kw_only=True)
class CmlRow:
    """A CML by the codes and by the twin. Its fields are the columns of the table; levels become _p5, _p50, _p95.

    Lives are in years from now; dates of the codes that have passed are overdue. None stands for values that the
    readings or the requirement do not give. A row without a place is for a whole zone: by the codes, its CML with the
    shortest life and the earliest date of any CML; by the twin, its thinnest place, measured or not.
    """

    zone: str
    place: str
    readings: int
    last_date: str | None
    read_years_ago: float | None
    least_read_mm: float | None
    required_mm: float
    long_term_mm_year: float | None
    short_term_mm_year: float | None
    governing: str | None
    api_life_years: float | None
    api_half_life_date: str | None
    api_measure_by: str | None
    api_measure_years: float | None
    left_mm: Levels
    twin_life_years: Levels | None
    remarks: str


class Dated(NamedTuple):
    """A place, and when the codes ask for its measurement: years from now, and the day."""

    years: float
    day: str
    zone: str
    place: str


def cml_rows(
    twin: TwinState,
    records: Sequence[Record],
    projection: Projection,
    plan: InspectionPlan,
    required: Mapping[str, float],
    now_years: float,
    *,
    rule: Rule,
    register: Register = NO_REGISTER,
    basis: RateBasis | None = None,
    chosen_by: str = "",
) -> list[CmlRow]:
    """Return a row for each zone with a required thickness, and for each of its named places.

    Parameters
    ----------
    twin, records : the twin and its records in force.
    projection, plan : for the same years and the same requirement.
    required : thickness in mm, by zone.
    now_years : years of service now.
    register : states which CML are injection points.
    rule, basis, chosen_by : as `twin.forecast.rates.cml_rates` accepts them.
    """
    rows: list[CmlRow] = []
    thin = {(place.zone, place.name) for place in assumed_at(projection, plan)}
    of_piping = rule != "api510"  # API 510 has no injection points
    is_process_unknown = any(map(is_unknown, twin.mechanisms))
    now = projection.years.index(now_years)
    for place, life, needed in zip(projection.places, plan.by_place, plan.required_by_place, strict=True):
        if not place.name or life is None or needed is None:
            continue
        readings = _read_since_new(place, twin, records)
        is_injection_point = register.is_injection_point(place.name)
        left = levels(place.left_mm[:, now])
        remarks = [UNDER_API_570] if is_injection_point and not of_piping else []
        if needed.is_assumed:
            remarks.append(
                f"{assumed(place.nominal_mm, place.zone, required[place.zone])}: state its required thickness"
            )
        if not readings:
            since = max(place.renewed_years, default=0.0)
            why, new = plan.undated.get(place.zone, ""), twin_state.later(twin.built, since)
            remark = f"its wall was new on {new:%Y-%m-%d} and has not been read since, so the codes give no life"
            remark = "; ".join([why or remark, *remarks])
            row = _unread(place.zone, place.name, 0, needed.mm, left, None if why else levels(life), remark)
            due = since + interval_years(np.inf, rule, injection_point=is_injection_point and of_piping)
            by = f"{twin_state.later(twin.built, due):%Y-%m-%d}"
            rows.append(row if why else replace(row, api_measure_by=by, api_measure_years=due - now_years))
            continue
        days, walls = [record.years(twin) for record in readings], [max(record.read_mm, 0.0) for record in readings]
        has_rate = gives_rate(days, walls)  # otherwise there is no rate to choose
        rates = cml_rates(
            days, walls, required_mm=needed.mm, rule=rule, scatter_mm=max(record.scatter_sd for record in readings),
            injection_point=is_injection_point and of_piping,
            basis=basis if has_rate else None, chosen_by=chosen_by if has_rate else "",
        )  # fmt: skip
        if is_process_unknown and not has_rate:
            rates = replace(rates, measure_at=min(rates.measure_at, rates.initial_at + ONE_SURVEY_YEARS))
        rows.append(_row(twin, place, rates, left, levels(life), plan, now_years, remarks))
    unread = [
        Dated(due - now_years, f"{twin_state.later(twin.built, due):%Y-%m-%d}", cml.zone, cml.id)
        for cml, due in unread_injection_points(twin, records, projection, register, required, rule)
        if cml.zone not in plan.undated
    ]
    of_zones = [
        _zone_row(name, [row for row in rows if row.zone == name], thin, unread, value, projection, plan, now)
        for name, value in required.items()
    ]
    return [row for zone in of_zones for row in (zone, *(place for place in rows if place.zone == zone.zone))]


def assumed_at(projection: Projection, plan: InspectionPlan) -> list[PlaceForecast]:
    """Return the measured places, with and without a name, whose requirement is assumed."""
    places = zip(projection.places, plan.required_by_place, strict=True)
    return [place for place, needed in places if needed is not None and needed.is_assumed]


def assumed(nominal_mm: float, zone: str, required_mm: float) -> str:
    """Explain why the requirement of a place is assumed."""
    return (
        f"the {required_mm:.2f} mm required of {zone} are not less than its {nominal_mm:.2f} mm when new, so half of "
        "the latter is assumed"
    )


def unread_injection_points(
    twin: TwinState, records: Iterable[Record], projection: Projection, register: Register,
    required: Mapping[str, float], rule: Rule,
) -> list[tuple[Cml, float]]:  # fmt: skip
    """Return injection points not read since their zone was new, and the years of service when that was due.

    By API 570; API 510 has none.
    """
    if rule == "api510":
        return []
    new = {name: renewed_years(projection.renewals.get(name, ())) for name in required}
    since = [record for record in records if record.years(twin) >= new.get(record.zone, 0.0)]
    return [
        (cml, new[cml.zone] + MOST_YEARS_INJECTION)
        for cml in register.never_read(since, required)
        if cml.kind == INJECTION
    ]


def _read_since_new(place: PlaceForecast, twin: TwinState, records: Iterable[Record]) -> list[Record]:
    """Return the thickness readings of a place that are no older than its metal."""
    since = max(place.renewed_years, default=0.0)
    return [
        record
        for record in records
        if record.kind == "ultrasonic" and (record.zone, record.place) == (place.zone, place.name)
        and record.years(twin) >= since
    ]  # fmt: skip


def _zone_row(
    zone: str, places: Sequence[CmlRow], thin: Container[tuple[str, str]], unread: Sequence[Dated],
    required_mm: float, projection: Projection, plan: InspectionPlan, now: int,
) -> CmlRow:  # fmt: skip
    """Return the row of a whole zone.

    Parameters
    ----------
    places : rows of its places.
    thin : zones and names of places with an assumed requirement; their lives are not for what the zone requires.
    unread : injection points of all zones that were not read since their zone was new.
    """
    left = levels(projection.zones[zone].judged_left_mm[:, now])
    life = None if zone in plan.undated else levels(plan.by_zone[zone])
    count, why = sum(row.readings for row in places), plan.undated.get(zone, "")
    dated = [*(point for point in unread if point.zone == zone), *(
        Dated(row.api_measure_years, row.api_measure_by or "", zone, row.place)
        for row in places if row.api_measure_years is not None
    )]  # fmt: skip
    first = min(dated, default=None)
    by: dict[str, Any] = {} if first is None else {"api_measure_by": first.day, "api_measure_years": first.years}
    to_measure = "" if first is None else f"; measure {first.place} first"
    read = [row for row in places if row.api_life_years is not None and (zone, row.place) not in thin]
    if not read:
        which = " with a stated requirement" if any((zone, row.place) in thin for row in places) else ""
        remark = why or f"none of its named places{which} has two surveys, so the codes give no life{to_measure}"
        return replace(_unread(zone, "", count, required_mm, left, life, remark), **by)
    shortest = min(read, key=lambda row: (row.api_life_years, row.place))
    remark = _compared(shortest.api_life_years, life, plan.ahead_years) or f"by the codes, {shortest.place} governs"
    if first is None or first.place == shortest.place:
        to_measure = ""
    return replace(
        shortest, **by, place="", readings=count, required_mm=required_mm, left_mm=left, twin_life_years=life,
        remarks=f"{remark}{to_measure}",
    )  # fmt: skip


def _unread(
    zone: str, place: str, readings: int, required_mm: float, left: Levels, life: Levels | None, remarks: str
) -> CmlRow:
    """Return the row of a zone or place whose readings give no life by the codes."""
    return CmlRow(
        zone=zone, place=place, readings=readings, last_date=None, read_years_ago=None, least_read_mm=None,
        required_mm=required_mm, long_term_mm_year=None, short_term_mm_year=None, governing=None,
        api_life_years=None, api_half_life_date=None, api_measure_by=None, api_measure_years=None, left_mm=left,
        twin_life_years=life, remarks=remarks,
    )  # fmt: skip


def _compared(code_years: float | None, twin: Levels | None, ahead_years: float) -> str:
    """Describe how the lives by the codes and by the twin disagree; empty if they agree."""
    if code_years is None or twin is None:
        return ""
    if code_years < min(twin[0], ahead_years):
        return "the codes' life is shorter than the twin's P5: use that of the codes"
    if min(code_years, ahead_years) > twin[2]:
        return "the codes' life is longer than the twin's P95: use that of the twin"
    if code_years < min(twin[1], ahead_years) / 2:
        return "the codes' life is less than half of the twin's P50: a rate may have changed; use that of the codes"
    return ""


def _row(
    twin: TwinState, place: PlaceForecast, rates: CmlRates, left: Levels, life: Levels, plan: InspectionPlan,
    now_years: float, said: Sequence[str],
) -> CmlRow:  # fmt: skip
    """Return the row of a place; if its zone gets no date, neither answer gives one."""
    why = plan.undated.get(place.zone, "")

    def date(years: float | None) -> str | None:
        if years is None or years > MOST_DATED_YEARS:
            return None
        return f"{twin_state.later(twin.built, years):%Y-%m-%d}"

    from_now = None if rates.life_years is None else max(rates.actual_at + rates.life_years - now_years, 0.0)
    measure = rates.measure_at - now_years
    remarks = [*rates.remarks, *said]
    if measure < 0 and not why:
        remarks.append("measurement overdue")
    if compared := why or _compared(from_now, life, plan.ahead_years):
        remarks.append(compared)
    return CmlRow(
        zone=place.zone, place=place.name, readings=rates.readings, last_date=date(rates.actual_at),
        read_years_ago=now_years - rates.actual_at, least_read_mm=rates.actual_mm, required_mm=rates.required_mm,
        long_term_mm_year=rates.long_term_mm_year, short_term_mm_year=rates.short_term_mm_year,
        governing=rates.basis, api_life_years=None if why else from_now,
        api_half_life_date=None if why else date(rates.half_life_at),
        api_measure_by=None if why else date(rates.measure_at), api_measure_years=None if why else measure,
        left_mm=left, twin_life_years=None if why else life, remarks="; ".join(remarks),
    )  # fmt: skip


def shown(rows: Sequence[CmlRow], ahead_years: float) -> "Table":
    """Return the table for a terminal; numbers and dates fit into 80 columns, and long names are folded."""
    from rich.table import Table

    drawn = Table(title="By the API codes, and by the twin (P50, and below it P5 to P95)")
    drawn.add_column("zone, place", overflow="fold")
    for name, width in (
        ("read mm", 10), ("mm/y long, short", 6), ("API life y, measure by", 10), ("left mm", 11), ("twin life y", 9)
    ):  # fmt: skip
        drawn.add_column(name, justify="right", width=width, overflow="fold")
    for row in rows:
        rates = "\n".join("–" if rate is None else f"{rate:.3f}" for rate in _rates(row))
        code = "–" if row.api_life_years is None else _years(row.api_life_years, ahead_years)
        left, life = _spread(row.left_mm, 99), row.twin_life_years
        drawn.add_row(
            f"{printable(row.zone)}\n{printable(row.place)}", _read(row), rates, f"{code}\n{row.api_measure_by or '–'}",
            left, "no date" if life is None else _spread(life, ahead_years, 1),
        )  # fmt: skip
    return drawn


def _read(row: CmlRow) -> str:
    return "–" if row.least_read_mm is None else f"{row.least_read_mm:.2f}\n{row.last_date}"


def _rates(row: CmlRow) -> tuple[float | None, float | None]:
    return row.long_term_mm_year, row.short_term_mm_year


def _years(value: float, most: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}" if value <= most else f">{most:.3g}"


def _spread(values: Levels, most: float, digits: int = 2) -> str:
    low, middle, high = (_years(value, most, digits) for value in values)
    return middle if low == high else f"{middle}\n{low}–{high}"
