"""Remaining life of zones, measured places and the whole asset in each history, and when to inspect again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from corrotwin.twin.bayes.histories.zone_histories import ZoneHistories
from corrotwin.twin.forecast.projection import Levels, PlaceForecast, Projection, levels, to_scan
from corrotwin.twin.forecast.remaining_life import (
    MOST_YEARS,
    Rule,
    interval_years,
    remaining_life_years,
    visual_years,
    years_until_below,
)
from corrotwin.twin.forecast.renewals import ZoneRenewal, renewed_years
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.inspection.events import Event, renewed_on
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import NO_REGISTER, Register, Requirement
from corrotwin.twin.mechanisms.mechanism import Mechanism
from corrotwin.twin.twin_state import TwinState

LEAST_AHEAD_YEARS = 20.0  # that a plan examines, however few are shown
AHEAD = 20  # years, evenly spaced, that a plan examines


@dataclass(frozen=True, kw_only=True)
class LastKnown:
    """When the thickness of a zone was last known, in years of service, and what made it known, in words."""

    years: float
    what: str


class Due(NamedTuple):
    """Longest time from now until thickness is measured, below 0 where it is overdue, and what sets it, in words."""

    years: float
    because: str


@dataclass(frozen=True, kw_only=True, eq=False)
class InspectionPlan:
    """Remaining life and the time to the next inspections.

    Parameters
    ----------
    life_years : P5, P50, P95 of the remaining life of the asset, from now: in each history that of its weakest zone;
        inf beyond the years examined. None where no date can be given for some zone.
    zone : zone with the least P5 of remaining life.
    weakest_share : share of the histories in which it is the weakest.
    by_zone, by_place : (n,) remaining life in each history, of each zone and of each measured place, in years.
    required_by_place : requirement of each measured place; None if its zone has none.
    asset : (n,) the least of all zones in each history.
    ahead_years : years that were examined.
    dues : when the thickness of each zone with a date is to be measured.
    visual_years : longest time from now until the next external visual inspection by the rule.
    undated : zones for which no date can be given, and why.
    rule : rule that sets the bounds.
    """

    life_years: Levels | None
    zone: str
    weakest_share: float
    by_zone: Mapping[str, Floats]
    by_place: tuple[Floats | None, ...]
    required_by_place: tuple[Requirement | None, ...]
    asset: Floats
    ahead_years: float
    dues: Mapping[str, Due]
    visual_years: float
    undated: Mapping[str, str]
    rule: Rule

    @property
    def due_zone(self) -> str:
        """The zone to be measured first; without any date, the zone with the least life."""
        return min(self.dues, key=lambda name: (self.dues[name].years, name), default=self.zone)

    @property
    def due_years(self) -> float | None:
        """Longest time from now until the next thickness measurement, below 0 where it is overdue; None if undated."""
        return None if self.undated else self.dues[self.due_zone].years

    @property
    def because(self) -> str:
        """Reason for the first date of any zone; empty if none has a date."""
        return self.dues[self.due_zone].because if self.dues else ""

    @property
    def first_years(self) -> float | None:
        """Longest time until the first of the zones with a date is measured, 0 where overdue; None without one."""
        return max(self.dues[self.due_zone].years, 0.0) if self.dues else None

    @property
    def interval_years(self) -> float | None:
        """Longest time until the next thickness measurement, 0 where it is overdue; None if a zone has no date."""
        return None if self.undated else self.first_years

    def no_later_than(self, years: float, zone: str, because: str) -> "InspectionPlan":
        """Return the plan with the next thickness measurement of a zone no later than `years` from now.

        By API 510 the next external visual inspection is no later than that either.
        """
        if zone not in self.dues or years >= self.dues[zone].years:
            return self
        visual = min(self.visual_years, visual_years(max(years, 0.0), self.rule))
        return replace(self, dues={**self.dues, zone: Due(years, because)}, visual_years=visual)


def plan_years(now_years: float, until_years: float, renewed_years: Iterable[float] = ()) -> list[float]:
    """Return the years that a plan examines: new, renewals of parts, a year ago, now, and on to the end."""
    ahead = np.linspace(now_years, until_years, AHEAD) if until_years > now_years else np.array([now_years])
    return sorted({0.0, max(now_years - 1.0, 0.0), *renewed_years, *map(float, ahead)})


def plan_inspection(
    projection: Projection,
    required: Mapping[str, float],
    now_years: float,
    rule: Rule,
    undated: Mapping[str, str],
    *,
    known: Mapping[str, LastKnown],
    looked_years: float,
    register: Register = NO_REGISTER,
    given: Mapping[str, float] = MappingProxyType({}),
) -> InspectionPlan:
    """Return remaining life and the time to the next inspections.

    Life and the rule's bound both count from the day when a zone's thickness was last known, as the codes count them:
    thickness is measured when half of the P5 of life from that day is over, and no later than the bound. The zone that
    comes first decides.

    Parameters
    ----------
    projection : to `plan_years`, for the requirement.
    required : thickness in mm, by zone; at least one.
    now_years : after the asset was built.
    rule : one of those in `twin.forecast.remaining_life`.
    undated : zones for which no date can be given, and why, from `without_dates`.
    known : of each zone with a required thickness, from `last_known`.
    looked_years : when its surface was last looked at, from `last_looked_years`.
    register : register of CML, which may require another thickness than their zone.
    given : what the user asked for in `required`, also of CML that require less; "all" for the zones not named.
    """
    years, ahead = projection.years, max(projection.years[-1] - now_years, LEAST_AHEAD_YEARS)

    def life(left: Floats, value: float, since: Sequence[float]) -> Floats:
        remaining = life_years(left, value, years, now_years, since)
        return np.where(remaining > ahead, np.inf, remaining)

    by_zone = {
        name: life(projection.zones[name].judged_left_mm, value, rates_since(projection.renewals.get(name, ())))
        for name, value in required.items()
    }

    def life_of(place: PlaceForecast, needed: Requirement | None) -> Floats | None:
        return None if needed is None else life(place.left_mm, needed.mm, place.renewed_years[-1:] or (0.0,))

    required_by_place = tuple(
        register.requirement(cml.name, cml.nominal_mm, required[cml.zone], given) if cml.zone in required else None
        for cml in projection.places
    )
    by_place = tuple(map(life_of, projection.places, required_by_place))
    asset = np.min(list(by_zone.values()), axis=0)
    zone = min(by_zone, key=lambda name: (levels(by_zone[name]), name))
    hidden = {name: why for name, why in undated.items() if name in required}
    low, bound = levels(asset), MOST_YEARS[rule]
    lives = {name: levels(values)[0] for name, values in by_zone.items()} | {zone: low[0]}  # the asset's is the least
    if dated := {name: values for name, values in by_zone.items() if name not in hidden}:
        lives[min(dated, key=lambda name: (levels(dated[name]), name))] = levels(np.min([*dated.values()], axis=0))[0]
    dues = {
        name: known[name].years + interval_years(lives[name] + now_years - known[name].years, rule) for name in lives
    }
    looked_by = looked_years + visual_years(bound, rule)

    def because(name: str) -> str:
        is_half, since = dues[name] < known[name].years + bound, known[name].what
        by = "half of the P5 remaining life since" if is_half else f"the bound of {rule}, {bound:g} years after"
        return f"{by} {since}"

    return InspectionPlan(
        life_years=None if hidden else low, zone=zone, weakest_share=float(np.mean(by_zone[zone] <= asset)),
        by_zone=by_zone, by_place=by_place, required_by_place=required_by_place, asset=asset, ahead_years=ahead,
        dues={name: Due(due - now_years, because(name)) for name, due in dues.items() if name not in hidden},
        visual_years=max(min(visual_years(max(min(dues.values()) - now_years, 0.0), rule), looked_by - now_years), 0.0),
        undated=hidden, rule=rule,
    )  # fmt: skip


def last_looked_years(records: Iterable[Record], twin: TwinState) -> float:
    """Return the years of service after which the surface was last looked at; 0 where it never was.

    An ultrasonic reading shows the wall under its probe and is no visual inspection. Any other record counts for the
    whole asset: what else was seen on that day is not known.
    """
    return max((record.years(twin) for record in records if record.kind != "ultrasonic"), default=0.0)


def last_known(
    required: Iterable[str], zones: Iterable[ZoneHistories], records: Iterable[Record], twin: TwinState,
    renewals: Mapping[str, Sequence[ZoneRenewal]],
) -> dict[str, LastKnown]:  # fmt: skip
    """Return when the thickness of each zone was last known: at its last reading, or when all of it was new.

    A wall lies between two zones. A reading on one of them counts for both if each lies behind most of the other: the
    bore of a pipe and its body, but not the bore and a weld or an elbow, which is a small part of it.

    Parameters
    ----------
    required : names of the zones.
    zones : all zones of the asset.
    records, twin : the twin and its records in force.
    renewals : of each zone.
    """
    behind = {zone.name: zone.mostly_before for zone in zones}
    read: dict[str, float] = {}
    for record in records:
        if record.kind == "ultrasonic":
            opposite = behind.get(record.zone, "")
            for name in (record.zone, *([opposite] if behind.get(opposite) == record.zone else [])):
                read[name] = max(read.get(name, 0.0), record.years(twin))
    known = {}
    for name in required:
        new = renewed_years(renewals.get(name, ()))
        if read.get(name, 0.0) > new:
            known[name] = LastKnown(years=read[name], what=f"the last measurement of {name}")
        else:
            never = f"service began; {name} was never measured"
            known[name] = LastKnown(years=new, what=f"{name} was made new" if new else never)
    return known


def rates_since(renewals: Iterable[ZoneRenewal]) -> list[float]:
    """Return the years from which a zone's mean rates count: when all of it was new, and when parts of it were."""
    since = [0.0]
    for renewal in renewals:
        if renewal.metal:
            since = [renewal.years] if renewal.whole else [*since, renewal.years]
    return since


def life_years(
    left_mm: Floats,
    required_mm: float,
    years: Sequence[float],
    now_years: float,
    since_years: Sequence[float] = (0.0,),
) -> Floats:
    """Return the remaining life from now in each history, (n,) years.

    Life is (thickness - required) / rate; the rate is the mean since the asset was built or its metal was made new
    (long-term) or that of the past year (short-term), whichever is greater. If the history itself falls below the
    required thickness sooner, life ends there: paint that has not opened yet has no rate.

    Parameters
    ----------
    left_mm : (n, T) thickness left.
    required_mm : thickness that must be left.
    years : (T,) increasing, as `plan_years` gives them.
    now_years : one of them.
    since_years : those of `years` in which all or part of the metal was new, in order; a rate counts from each.
    """
    when = np.asarray(years)
    now = int(np.searchsorted(when, now_years))
    current = left_mm[:, now]
    rate = np.zeros(len(left_mm))
    for begin in {*since_years, max(now_years - 1.0, since_years[-1])}:
        at = int(np.searchsorted(when, begin))
        if at < now:
            rate = np.maximum(rate, (left_mm[:, at] - current) / (now_years - when[at]))
    by_rate = remaining_life_years(current, required_mm, rate)
    return np.minimum(by_rate, years_until_below(left_mm[:, now:], required_mm, when[now:] - now_years))


def without_dates(
    zones: Iterable[ZoneHistories],
    mechanisms: Sequence[Mechanism],
    records: Sequence[Record],
    twin: TwinState,
    now_years: float,
    rule: Rule,
    events: Sequence[Event] = (),
) -> dict[str, str]:
    """Return the zones for which no date can be given, and why.

    A localised mechanism attacks places that readings elsewhere do not show. They are known only if the deepest
    pit of the attacked surface was measured, within the rule's bound and since its zone was replaced.
    """
    scanned = {
        record.zone
        for record in records
        if record.kind == "pit" and now_years - record.years(twin) <= MOST_YEARS[rule]
        and renewed_on(record.zone, "", events) <= record.date
    }  # fmt: skip
    reasons = {}
    for zone in zones:
        for index, mechanism in enumerate(mechanisms):
            if unseen := to_scan(zone, index, mechanism, scanned):
                reasons[zone.name] = (
                    f"{mechanism.kind} attacks single places that readings elsewhere do not show; scan "
                    f"{', '.join(unseen)} and record the deepest pit"
                )
    return reasons
