"""Projection: rusted area, wall loss and remaining thickness by zone and year, with their uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from corrotwin.twin.assets.piping.sizes import OUTSIDE_MM
from corrotwin.twin.bayes.ensemble import Bank
from corrotwin.twin.bayes.likelihood import zone_of
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.trajectories import Trajectory
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.remaining_life import (
    Rule,
    interval_years,
    remaining_life_years,
    visual_years,
    years_until_below,
)
from corrotwin.twin.forecast.strength import MOST_SMYS_MPA, Method, failure_pressure_mpa, flow_stress_mpa
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats
from corrotwin.twin.geometry.solids import COVERED

LEVELS = (5, 50, 95)  # percentiles
ALL = "all"  # name of the whole asset among the zones
LEAST_AHEAD_YEARS = 20.0  # that a plan examines, however few are shown
AHEAD = 20  # years, evenly spaced, that a plan examines
WALL = ("run", "elbow", "leg")  # solids, but for their numbers, that are a pipe's wall


@dataclass(frozen=True, kw_only=True, eq=False)
class ZoneForecast:
    """Forecast of a zone in n equally likely histories and T years."""

    rusted_share: Floats  # (n, T)
    mean_loss_mm: Floats  # (n, T)
    max_loss_mm: Floats  # (n, T)
    least_left_mm: Floats  # (n, T) least remaining thickness
    judged_left_mm: Floats  # (n, T) the same of places that were thicker when new than is required of the zone


Levels = tuple[float, float, float]  # P5, P50, P95


@dataclass(frozen=True, kw_only=True)
class InspectionPlan:
    """Remaining life and the time to the next inspections.

    Parameters
    ----------
    zone : zone with the least remaining life.
    life_years : P5, P50, P95 of its remaining life, from now; inf where nothing is lost yet and the requirement holds
        to the end of the years examined.
    interval_years : longest time until the next thickness measurement by the rule, from the P5.
    visual_years : longest time until the next external visual inspection by the rule.
    """

    zone: str
    life_years: Levels
    interval_years: float
    visual_years: float


@dataclass(frozen=True, kw_only=True)
class Pressure:
    """Failure pressure of a pipe by B31G (`strength`): depth of its deepest place, and a given length along it.

    `zones` are those of its wall, inside, outside and at supports. Other parts may share them, such as washers in a
    crevice, which is on the safe side.
    """

    outside_mm: float
    wall_mm: float
    smys_mpa: float
    length_mm: float
    method: Method
    zones: frozenset[str]

    @staticmethod
    def of(asset: AssetGeometry, *, smys_mpa: float, length_mm: float, method: Method) -> "Pressure":
        """Return the calculation for an asset that is a pipe.

        Raises
        ------
        InputError
            The asset is no pipe, a number is not positive, or the steel is stronger than the modified method allows.
        """
        if asset.kind != "pipe":
            raise InputError(f"B31G is for pipes; this is a {asset.kind}")
        if not (smys_mpa > 0 and length_mm > 0):
            raise InputError(f"B31G: `smys_mpa` {smys_mpa}, `length_mm` {length_mm}: must be positive")
        if method == "modified" and smys_mpa > MOST_SMYS_MPA:
            raise InputError(
                f"B31G: `smys_mpa` {smys_mpa:g}: modified holds up to {MOST_SMYS_MPA:g}; choose `method` original"
            )
        outside = OUTSIDE_MM[asset.parameters["nps"]]
        wall = asset.nominal_thickness_mm
        own = (island.patch for island in asset.islands if island.patch.solid.rstrip(" 0123456789") in WALL)
        return Pressure(
            outside_mm=outside, wall_mm=wall, smys_mpa=smys_mpa, length_mm=length_mm, method=method,
            zones=frozenset(patch.zone for patch in own) - {COVERED, "end"},
        )  # fmt: skip

    def failure_mpa(self, forecasts: Mapping[str, ZoneForecast], index: int) -> Floats:
        """Return the failure pressure in each history, (n,) MPa, in one year; 0 if the wall is too thin."""
        depth = np.max([forecasts[name].max_loss_mm[:, index] for name in forecasts if name in self.zones], axis=0)
        pressure = failure_pressure_mpa(
            depth, self.length_mm, outside_mm=self.outside_mm, wall_mm=self.wall_mm,
            flow_mpa=flow_stress_mpa(self.smys_mpa, self.method), method=self.method,
        )  # fmt: skip
        return np.nan_to_num(pressure)


def forecast_zones(
    particles: Particles, years: Sequence[float], required: Mapping[str, float] = MappingProxyType({})
) -> dict[str, ZoneForecast]:
    """Forecast each zone, and all of them together as zone "all".

    Parameters
    ----------
    particles : states of knowledge, n of them.
    years : (T,) after the asset was built.
    required : thickness in mm, by zone.

    Returns
    -------
    Forecasts by the name of the zone, arrays of (n, T).
    """
    forecasts: dict[str, ZoneForecast] = {}
    for zone in particles.bank.zones:
        trajectory = particles.trajectory(zone.name)
        columns = []
        for year in years:
            worst, left = trajectory.worst_mm(year)
            judged = trajectory.worst_mm(year, required[zone.name])[1] if zone.name in required else left
            share = np.minimum(trajectory.rusted(year) @ zone.weight, 1)  # the weights add up to 1 but for rounding
            # The mean has pits as they are on average; a small zone may happen to have fewer.
            mean = np.minimum(trajectory.mean_mm(year), worst)
            columns.append([share[:, 0], mean[:, 0], worst[:, 0], left[:, 0], judged[:, 0]])
        share, mean, worst, left, judged = np.array(columns, dtype=float).transpose(1, 2, 0)
        forecasts[zone.name] = ZoneForecast(
            rusted_share=share, mean_loss_mm=mean, max_loss_mm=worst, least_left_mm=left, judged_left_mm=judged
        )
    area = np.array([zone.area_mm2 for zone in particles.bank.zones])
    by_zone = list(forecasts.values())
    forecasts[ALL] = ZoneForecast(
        rusted_share=np.average([forecast.rusted_share for forecast in by_zone], axis=0, weights=area),
        mean_loss_mm=np.average([forecast.mean_loss_mm for forecast in by_zone], axis=0, weights=area),
        max_loss_mm=np.max([forecast.max_loss_mm for forecast in by_zone], axis=0),
        least_left_mm=np.min([forecast.least_left_mm for forecast in by_zone], axis=0),
        judged_left_mm=np.min([forecast.judged_left_mm for forecast in by_zone], axis=0),
    )
    return forecasts


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
        if not 0 < np.float32(value) < nominal:  # as `Trajectory.worst_mm` compares it
            raise InputError(
                f"`required`: {value:g} mm on {name}, which is at most {nominal:.4g} mm when new; name its zones"
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
    below = {name: forecasts[name].judged_left_mm < value for name, value in required.items()}
    if below:
        below[ALL] = np.any(list(below.values()), axis=0)
    return {name: values.mean(axis=0) for name, values in below.items()}


def levels(values: Floats) -> Levels:
    """Return P5, P50 and P95 of (n,) values; each is one of them, so none lies between a number and infinity."""
    low, middle, high = np.percentile(values, LEVELS, method="closest_observation")
    return float(low), float(middle), float(high)


def plan_inspection(
    particles: Particles, required: Mapping[str, float], now_years: float, until_years: float, rule: Rule
) -> InspectionPlan:
    """Return remaining life and time to the next inspection of the zone with the shortest life.

    Life is (least thickness - required) / rate in each history; the rate is the mean since the asset was built
    (long-term) or that of the past year (short-term), whichever is greater. If the history itself falls below the
    required thickness sooner, life ends there: paint that has not opened yet has no rate.

    Parameters
    ----------
    particles : states of knowledge.
    required : thickness in mm, by zone; at least one.
    now_years, until_years : now, and the end of the years examined, after the asset was built.
    rule : one of those in `twin.forecast.remaining_life`.
    """
    past = max(now_years - 1.0, 0.0)
    ahead = np.linspace(now_years, until_years, AHEAD) if until_years > now_years else np.array([now_years])
    lives = {}
    for name, value in required.items():
        lost, left = worst_by_year(particles.trajectory(name), [past, *ahead.tolist()], value)
        before, now = lost[:, :2].T
        rate = np.maximum(now / max(now_years, 1e-9), (now - before) / max(now_years - past, 1e-9))
        by_rate = remaining_life_years(left[:, 1], value, rate)
        lives[name] = levels(np.minimum(by_rate, years_until_below(left[:, 1:], value, ahead - now_years)))
    zone = min(lives, key=lambda name: lives[name])
    interval = interval_years(lives[zone][0], rule)
    return InspectionPlan(
        zone=zone, life_years=lives[zone], interval_years=interval, visual_years=visual_years(interval, rule)
    )  # fmt: skip


def worst_by_year(trajectory: Trajectory, years: Sequence[float], above_mm: float) -> tuple[Floats, Floats]:
    """Return `Trajectory.worst_mm` in T years, one seed each: greatest loss and least left, (n, T) mm."""
    worst = np.array([trajectory.worst_mm(year, above_mm) for year in years], dtype=float)
    lost, left = worst[..., 0].transpose(1, 2, 0)
    return lost, left
