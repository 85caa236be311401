"""Projection: rusted area, wall loss and remaining thickness, with uncertainty, by zone, measured place and in all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.histories.renewals import has_happened
from corrotwin.twin.bayes.histories.trajectories import GrowthSamples
from corrotwin.twin.bayes.histories.zone_histories import ZoneHistories
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.sightings import zone_of
from corrotwin.twin.bayes.thickness.paths import Paths, draw_paths, one_way
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.renewals import ZoneRenewal, new_metal_shared, renewals_by_zone
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.inspection import events
from corrotwin.twin.mechanisms.mechanism import Mechanism

LEVELS = (5, 50, 95)  # percentiles
ALL = events.ALL  # name of the whole asset among the zones
Levels = tuple[float, float, float]  # P5, P50, P95


@dataclass(frozen=True, kw_only=True, eq=False)
class ZoneForecast:
    """Forecast of a zone in n equally likely histories and T years, (n, T) each.

    Remaining thickness is that of the wall: thickness when new, less the loss of both faces and of a pit at a place.
    """

    rusted_share: Floats
    mean_loss_mm: Floats  # of its own face
    max_loss_mm: Floats  # of its own face
    least_left_mm: Floats  # least remaining thickness
    judged_left_mm: Floats  # the same, over places thicker when new than the zone requires
    general_left_mm: Floats  # remaining thickness at most places: median, without pits


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceForecast:
    """Forecast of a measured place (CML): its zone, its name or an empty one, and its remaining thickness, (n, T) mm.

    `known_years` is when its thickness was last read, or new; `renewed_years` are when its metal was made new.
    """

    zone: str
    name: str
    nominal_mm: float
    left_mm: Floats
    known_years: float
    renewed_years: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Zones by name, "all" among them, and measured places, in T years of service.

    `renewals` holds, for zones in which something was made new, what that was, oldest first.
    """

    years: tuple[float, ...]
    zones: Mapping[str, ZoneForecast]
    places: tuple[PlaceForecast, ...]
    renewals: Mapping[str, tuple[ZoneRenewal, ...]] = field(default_factory=dict)

    def at(self, years: Sequence[float]) -> "Projection":
        """Return the projection to some of its years; no wall grows from one to the next unless it is renewed."""
        columns = [self.years.index(year) for year in years]
        when = np.asarray(years, dtype=float)
        zones = {}
        for name, zone in self.zones.items():
            renewed = [renewal.years for renewal in self.renewals.get(name, ())]
            zones[name] = ZoneForecast(
                **{field.name: one_way(getattr(zone, field.name)[:, columns], when, renewed, _way(field.name))
                   for field in fields(zone)}
            )  # fmt: skip
        places = tuple(
            replace(place, left_mm=one_way(place.left_mm[:, columns], when, place.renewed_years, np.minimum))
            for place in self.places
        )
        return replace(self, years=tuple(years), zones=zones, places=places)


def _way(name: str) -> np.ufunc:
    """Return how values of a field change: remaining thickness only falls, all others only rise."""
    return np.minimum if name.endswith("left_mm") else np.maximum


def project(
    states: Particles | Sequence[Particles],
    years: Sequence[float],
    required: Mapping[str, float] = MappingProxyType({}),
) -> Projection:
    """Project states of knowledge to each of the given years.

    Parameters
    ----------
    states : states of knowledge, or several sets of them from independent runs, n in all.
    years : (T,) after the asset was built, increasing.
    required : thickness in mm, by zone.
    """
    runs = [states] if isinstance(states, Particles) else list(states)
    projections = [_project(run, years, required) for run in runs]
    zones = {
        name: ZoneForecast(**{
            field.name: np.concatenate([getattr(run.zones[name], field.name) for run in projections])
            for field in fields(ZoneForecast)
        })
        for name in projections[0].zones
    }  # fmt: skip
    places = tuple(
        replace(group[0], left_mm=np.concatenate([place.left_mm for place in group]))
        for group in zip(*(run.places for run in projections), strict=True)
    )
    return replace(projections[0], zones=zones, places=places).at(years)


def _project(particles: Particles, years: Sequence[float], required: Mapping[str, float]) -> Projection:
    bank = particles.bank
    paths = draw_paths(particles, max(years), np.random.default_rng([bank.seed, 20]))
    places = _places(particles, paths, years)
    zones = {zone.name: _zone(particles, zone.name, paths, places, years, required) for zone in bank.zones}

    def for_requirement_of(other: str, name: str) -> ZoneForecast:
        """Return the forecast of another zone, its places judged by the requirement of this one."""
        new = new_metal_shared(zone_of(bank, name), zone_of(bank, other))
        same = name not in required or required.get(other) == required[name]
        if same and new is None:
            return zones[other]
        return _zone(particles, other, paths, places, years, required if same else {other: required[name]}, new)

    zones = {
        name: _with_the_other_side(
            zones[name], [for_requirement_of(zone.name, name) for zone in bank.zones if zone.mostly_before == name]
        )
        for name in zones
    }
    area = np.array([zone.area_mm2 for zone in bank.zones])
    by_zone = list(zones.values())
    zones[ALL] = ZoneForecast(
        rusted_share=np.average([zone.rusted_share for zone in by_zone], axis=0, weights=area),
        mean_loss_mm=np.average([zone.mean_loss_mm for zone in by_zone], axis=0, weights=area),
        max_loss_mm=np.max([zone.max_loss_mm for zone in by_zone], axis=0),
        least_left_mm=np.min([zone.least_left_mm for zone in by_zone], axis=0),
        judged_left_mm=np.min([zone.judged_left_mm for zone in by_zone], axis=0),
        general_left_mm=np.min([zone.general_left_mm for zone in by_zone], axis=0),
    )
    return Projection(years=tuple(years), zones=zones, places=places, renewals=renewals_by_zone(bank))


def _places(particles: Particles, paths: Paths, years: Sequence[float]) -> tuple[PlaceForecast, ...]:
    model = particles.thickness_model()
    if model is None:
        return ()
    left = np.stack([paths.left_at(year) for year in years], axis=-1)
    # A place without coordinates may be of the zone's thickest metal, and is judged as such.
    greatest = {zone.name: float(zone.thickness_mm.max()) for zone in particles.bank.zones}
    return tuple(
        PlaceForecast(
            zone=place.zone, name=place.name, left_mm=left[:, row], renewed_years=place.renewed_years,
            nominal_mm=greatest[place.zone] if place.piece is None else place.nominal_mm,
            known_years=max((float(model.readings.last_years[row]), *place.renewed_years)),
        )
        for row, place in enumerate(model.readings.places)
    )  # fmt: skip


def _with_the_other_side(zone: ZoneForecast, others: Sequence[ZoneForecast]) -> ZoneForecast:
    """Return the forecast of a zone, with its wall's loss to pits and at places of the zones on its other side."""
    walls = [zone, *others]
    return replace(
        zone,
        least_left_mm=np.min([wall.least_left_mm for wall in walls], axis=0),
        judged_left_mm=np.min([wall.judged_left_mm for wall in walls], axis=0),
    )


def _zone(
    particles: Particles, name: str, paths: Paths, places: Sequence[PlaceForecast], years: Sequence[float],
    required: Mapping[str, float], new: tuple[float, NDArray[np.bool_]] | None = None,
) -> ZoneForecast:  # fmt: skip
    """Return the forecast of a zone: its measured places are among those that may be its thinnest.

    `new` is a year and a mask of places, (Q,): from that year on only those places count for remaining thickness.
    """
    trajectory = replace(particles.trajectory(name), growth=growth_of(particles, name))
    levels = [
        trajectory.levels(
            year, above_mm=required.get(name, 0.0), shared=paths.shared_at,
            among=new[1] if new is not None and has_happened(new[0], year) else None,
        )
        for year in years
    ]  # fmt: skip
    columns = {
        field.name: np.stack([getattr(level, field.name)[:, 0] for level in levels], axis=1).astype(float)
        for field in fields(ZoneForecast)
    }
    for place in places:
        if place.zone == name:
            left = place.left_mm
            if new is not None and new[0] not in place.renewed_years:
                left = np.where([has_happened(new[0], year) for year in years], np.inf, left)
            columns["least_left_mm"] = np.minimum(columns["least_left_mm"], left)
            if place.nominal_mm > required.get(name, 0.0):
                columns["judged_left_mm"] = np.minimum(columns["judged_left_mm"], left)
    # The mean has pits as they are on average; a small zone may happen to have fewer.
    columns["mean_loss_mm"] = np.minimum(columns["mean_loss_mm"], columns["max_loss_mm"])
    return ZoneForecast(**columns)


def growth_of(particles: Particles, name: str) -> GrowthSamples:
    """Return the growth of a zone; readings do not lower the rate of a mechanism that attacks unscanned places."""
    bank, growth = particles.bank, particles.growth()
    rates, rng = growth.mechanism_rate.copy(), np.random.default_rng([bank.seed, 21])
    for index, mechanism in enumerate(bank.twin.mechanisms):
        stated = mechanism.rate_mm_year * np.exp(mechanism.spread * rng.standard_normal(len(rates)))
        if to_scan(zone_of(bank, name), index, mechanism, bank.pitted):
            rates[:, index] = np.maximum(rates[:, index], stated)
    return replace(growth, mechanism_rate=rates)


def to_scan(zone: ZoneHistories, index: int, mechanism: Mechanism, scanned: Collection[str]) -> list[str]:
    """Return the zones from which a localised mechanism attacks a zone and whose deepest pit was not recorded.

    Parameters
    ----------
    zone : the zone attacked, on its own face or from behind.
    index, mechanism : one of the twin's mechanisms.
    scanned : zones whose deepest pit was recorded.
    """
    attacked = {zone.name} if zone.own.acts[:, index].any() else set()
    if zone.behind.acts[:, index].any():
        attacked |= zone.behind_zones & set(mechanism.zones)
    return sorted(attacked - {*scanned}) if mechanism.localised else []


def forecast_zones(
    states: Particles | Sequence[Particles],
    years: Sequence[float],
    required: Mapping[str, float] = MappingProxyType({}),
) -> Mapping[str, ZoneForecast]:
    """Forecast each zone, and all of them together as zone "all"; parameters as for `project`."""
    return project(states, years, required).zones


def required_by_zone(bank: Bank, given: Mapping[str, float]) -> dict[str, float]:
    """Return the required thickness of each zone, mm; "all" stands for the zones not named.

    Raises
    ------
    InputError
        An unknown zone, or a thickness that is not positive or that no place of the zone ever had.
    """
    names = [zone.name for zone in bank.zones]
    wrong = set(given) - {*names, ALL}
    if wrong:
        raise InputError(f"`required`: no zone {', '.join(sorted(wrong))}; choose from {', '.join([ALL, *names])}")
    by_name = {name: given.get(name, given.get(ALL)) for name in names}
    required = {name: value for name, value in by_name.items() if value is not None}
    for name, value in required.items():
        nominal = zone_of(bank, name).thickness_mm.max()
        if not 0 < np.float32(value) < nominal:  # as `Trajectory.levels` compares it
            raise InputError(
                f"`required`: {value:g} mm on {name}: give a value above 0 and below its {nominal:.4g} mm when new"
            )
    return required


def nominal_mm(bank: Bank, zone: str, above_mm: float = 0.0) -> float:
    """Return the least thickness when new of a zone, or of all, among places thicker than `above_mm`, mm."""
    chosen = bank.zones if zone == ALL else [zone_of(bank, zone)]
    return min(
        float(histories.thickness_mm.min(initial=np.inf, where=histories.thickness_mm > above_mm))
        for histories in chosen
    )


def not_judged_mm(bank: Bank, zone: str, required_mm: float) -> float:
    """Return the greatest thickness when new, mm, of places too thin for the requirement to judge; 0 if none."""
    thickness = zone_of(bank, zone).thickness_mm
    return float(thickness.max(initial=0.0, where=thickness <= required_mm))


def chance_below(forecasts: Mapping[str, ZoneForecast], required: Mapping[str, float]) -> dict[str, Floats]:
    """Return the chance that a place is thinner than required, (T,), by zone with a requirement, and for "all".

    `forecasts` must be for that requirement: places that were no thicker when new are not judged.
    """
    return {name: values.mean(axis=0) for name, values in is_below(forecasts, required).items()}


def is_below(forecasts: Mapping[str, ZoneForecast], required: Mapping[str, float]) -> dict[str, Floats]:
    """Return 1 where a history has a place thinner than required, else 0, (n, T); zones as for `chance_below`."""
    below = {name: forecasts[name].judged_left_mm < value for name, value in required.items()}
    if below:
        below[ALL] = np.any(list(below.values()), axis=0)
    return {name: values.astype(float) for name, values in below.items()}


def levels(values: Floats) -> Levels:
    """Return P5, P50 and P95 of (n,) values; each is one of them, so none lies between a number and infinity."""
    low, middle, high = np.percentile(values, LEVELS, method="closest_observation")
    return float(low), float(middle), float(high)
