"""Remaining life of zones, measured places and the whole asset in each history, and when to look again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corrotwin.twin.bayes.histories.zone_histories import ZoneHistories
from corrotwin.twin.forecast.projection import Levels, Projection, levels
from corrotwin.twin.forecast.remaining_life import (
    Rule,
    interval_years,
    remaining_life_years,
    visual_years,
    years_until_below,
)
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.mechanisms.mechanism import Mechanism

LEAST_AHEAD_YEARS = 20.0  # that a plan examines, however few are shown
AHEAD = 20  # years, evenly spaced, that a plan examines


@dataclass(frozen=True, kw_only=True, eq=False)
class InspectionPlan:
    """Remaining life and the time to the next inspections.

    Parameters
    ----------
    life_years : P5, P50, P95 of the remaining life of the asset, from now: in each history that of its weakest zone;
        inf beyond the years examined.
    zone : zone with the least P5 of remaining life.
    weakest_share : in what share of the histories it is the weakest.
    by_zone, by_place : (n,) remaining life in each history, of each zone and of each measured place, in years.
    asset : (n,) the least of all zones in each history.
    interval_years : longest time until the next thickness measurement by the rule, from the P5; None where no date can
        be given.
    visual_years : longest time until the next external visual inspection by the rule.
    undated : zones for which no date can be given, and why.
    """

    life_years: Levels
    zone: str
    weakest_share: float
    by_zone: Mapping[str, Floats]
    by_place: tuple[Floats | None, ...]
    asset: Floats
    interval_years: float | None
    visual_years: float
    undated: Mapping[str, str]


def plan_years(now_years: float, until_years: float) -> list[float]:
    """Return the years of service that a plan examines: new, a year ago, now, and on to the end."""
    ahead = np.linspace(now_years, until_years, AHEAD) if until_years > now_years else np.array([now_years])
    return sorted({0.0, max(now_years - 1.0, 0.0), *map(float, ahead)})


def plan_inspection(
    projection: Projection,
    required: Mapping[str, float],
    now_years: float,
    rule: Rule,
    undated: Mapping[str, str],
) -> InspectionPlan:
    """Return remaining life and the time to the next inspections.

    Parameters
    ----------
    projection : to `plan_years`, for the requirement.
    required : thickness in mm, by zone; at least one.
    now_years : after the asset was built.
    rule : one of those in `twin.forecast.remaining_life`.
    undated : zones for which no date can be given, and why, from `without_dates`.
    """
    years, ahead = projection.years, projection.years[-1] - now_years

    def life(left: Floats, value: float) -> Floats:
        found = life_years(left, value, years, now_years)
        return np.where(found > max(ahead, LEAST_AHEAD_YEARS), np.inf, found)

    by_zone = {name: life(projection.zones[name].judged_left_mm, value) for name, value in required.items()}
    by_place = tuple(
        life(place.left_mm, required[place.zone])
        if place.zone in required and place.nominal_mm > required[place.zone]
        else None
        for place in projection.places
    )
    asset = np.min(list(by_zone.values()), axis=0)
    zone = min(by_zone, key=lambda name: (levels(by_zone[name]), name))
    weakest = float(np.mean(by_zone[zone] <= asset))
    low = levels(asset)
    hidden = {name: why for name, why in undated.items() if name in required}
    interval = interval_years(low[0], rule)
    return InspectionPlan(
        life_years=low, zone=zone, weakest_share=weakest, by_zone=by_zone, by_place=by_place, asset=asset,
        interval_years=None if hidden else interval, visual_years=visual_years(interval, rule), undated=hidden,
    )  # fmt: skip


def life_years(left_mm: Floats, required_mm: float, years: Sequence[float], now_years: float) -> Floats:
    """Return the remaining life from now in each history, (n,) years.

    Life is (thickness - required) / rate; the rate is the mean since the asset was built (long-term) or that of the
    past year (short-term), whichever is greater. If the history itself falls below the required thickness sooner, life
    ends there: paint that has not opened yet has no rate.

    Parameters
    ----------
    left_mm : (n, T) thickness left.
    required_mm : thickness that must be left.
    years : (T,) increasing, as `plan_years` gives them.
    now_years : one of them.
    """
    when = np.asarray(years)
    now = int(np.searchsorted(when, now_years))
    current = left_mm[:, now]
    rate = np.zeros(len(left_mm))
    if now:
        past = int(np.searchsorted(when, max(now_years - 1.0, 0.0)))
        rate = np.maximum(
            (left_mm[:, 0] - current) / now_years, (left_mm[:, past] - current) / (now_years - when[past])
        )
    by_rate = remaining_life_years(current, required_mm, rate)
    return np.minimum(by_rate, years_until_below(left_mm[:, now:], required_mm, when[now:] - now_years))


def without_dates(
    zones: Iterable[ZoneHistories], mechanisms: Sequence[Mechanism], records: Sequence[Record]
) -> dict[str, str]:
    """Return the zones for which no date can be given, and why.

    A localised mechanism attacks places that readings elsewhere do not show. Only where the deepest pit of the zone was
    looked for, or of the surface behind it, is something known of them.
    """
    scanned = {record.zone for record in records if record.kind == "pit"}
    found = {}
    for zone in zones:
        for index, mechanism in enumerate(mechanisms):
            reached = zone.own.acts[:, index].any() or zone.behind.acts[:, index].any()
            if mechanism.localised and reached and not scanned & {zone.name, *mechanism.zones}:
                found[zone.name] = (
                    f"{mechanism.kind} attacks single places that readings elsewhere do not show; scan the zone and "
                    "record its deepest pit"
                )
    return found
