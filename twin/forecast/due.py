"""Latest day for the next measurement by the codes, for places inside and outside the table of CML."""

from collections.abc import Iterable, Mapping, Sequence

from corrotwin.twin import twin_state
from corrotwin.twin.forecast.cml import CmlRow, unread_injection_points
from corrotwin.twin.forecast.lives import InspectionPlan
from corrotwin.twin.forecast.projection import Projection, levels
from corrotwin.twin.forecast.rates import ONE_SURVEY_YEARS
from corrotwin.twin.forecast.remaining_life import MOST_YEARS, MOST_YEARS_INJECTION, interval_years
from corrotwin.twin.forecast.renewals import renewed_years
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import Register
from corrotwin.twin.mechanisms.process import is_unknown
from corrotwin.twin.twin_state import TwinState

SINGLE = "only one survey, with an unknown fluid, at"


def not_listed(
    rows: Iterable[CmlRow], twin: TwinState, records: Iterable[Record], projection: Projection
) -> list[Record]:
    """Return the thickness readings of places without a row that are no older than their zone's metal."""
    listed = {(row.zone, row.place) for row in rows if row.place}
    return [
        record
        for record in records
        if record.kind == "ultrasonic" and (record.zone, record.place) not in listed
        and record.years(twin) >= renewed_years(projection.renewals.get(record.zone, ()))
    ]  # fmt: skip


def brought_forward(
    plan: InspectionPlan, rows: Sequence[CmlRow], twin: TwinState, records: Sequence[Record], projection: Projection,
    register: Register, required: Mapping[str, float], now_years: float,
) -> InspectionPlan:  # fmt: skip
    """Bring a plan's next measurement forward to the earliest that the codes ask for at any place, read or not.

    Parameters
    ----------
    plan : plan by the twin.
    rows : rows of all places that were read, from `cml_rows`.
    twin, records, projection, register : as `cml_rows` accepts them.
    required : thickness in mm, by zone.
    now_years : years of service now.
    """
    is_process_unknown = any(map(is_unknown, twin.mechanisms))
    for row in rows:
        where = f"{row.zone} {row.place}"
        if row.place and row.api_measure_years is not None:
            is_single = row.readings and row.governing is None and row.api_life_years is None and is_process_unknown
            by = SINGLE if is_single else "the codes at"
            plan = plan.no_later_than(row.api_measure_years, row.zone, f"{by} {where}")
    # The zone's life dates all other places, but not those that were no thicker than the zone requires.
    for place, life in zip(projection.places, plan.by_place, strict=True):
        if life is not None and place.nominal_mm <= required[place.zone]:
            due = place.known_years + interval_years(levels(life)[0] + now_years - place.known_years, plan.rule)
            bound = MOST_YEARS[plan.rule]
            is_half = due < place.known_years + bound
            by = "half of the P5 remaining life" if is_half else f"the bound of {plan.rule}, {bound:g} years,"
            where = f"{place.zone} {place.name}"
            if not place.name:  # it has no row that would say so
                day = twin_state.later(twin.built, place.known_years)
                where = f"an unnamed place on {place.zone}, last read or renewed on {day:%Y-%m-%d}"
                if is_process_unknown and due > (soon := place.known_years + ONE_SURVEY_YEARS):
                    due, by = soon, "the unknown fluid and the missing rate"
            plan = plan.no_later_than(due - now_years, place.zone, f"{by} of {where}")
    for cml, due in unread_injection_points(twin, records, projection, register, required, plan.rule):
        was = "not measured since it was new" if due > MOST_YEARS_INJECTION else "never measured"
        plan = plan.no_later_than(due - now_years, cml.zone, f"the injection point {cml.id} on {cml.zone} was {was}")
    return plan
