"""Scores of forecasts: assets with a known future are inspected, forecast and compared with it.

Each asset's truth is grown by the twin's own model on all texels, with growth drawn from the prior, or with something
that the model lacks (`arms`); inspectors with errors visit it twice. The forecast knows what an owner knows: geometry,
category, kind of coating, and the readings. What an owner acts on is scored, too: P5 of the least remaining thickness,
the chance that it is below what is required, remaining life and, of a pipe, failure pressure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count as numbers
from itertools import islice

import numpy as np

from corrotwin.twin import assets, twin_state
from corrotwin.twin.bayes.agreement import conflicts, pooled
from corrotwin.twin.bayes.histories.ensemble import Bank, bank
from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.bayes.session import DRAWS_SEEN
from corrotwin.twin.bayes.smc import PARTICLES, WIDENINGS, LearningRun, learn_in_runs
from corrotwin.twin.calibration.arms import ARMS, KINDS_TRIED
from corrotwin.twin.calibration.simulated_assets import Truth, owner_twin
from corrotwin.twin.calibration.simulated_inspections import VISITS, largest_first, simulate
from corrotwin.twin.forecast.failure import Pressure
from corrotwin.twin.forecast.projection import ALL, ZoneForecast, forecast_zones, levels
from corrotwin.twin.forecast.remaining_life import years_until_below
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Texels
from corrotwin.twin.twin_state import TwinState

FORECAST = 20.0  # year of the forecast
YEARS = (*VISITS, 15.0, FORECAST, 30.0)  # in which thickness is forecast, for the remaining life
TEXEL_MM = 4.0
RUN_APART = 1000  # difference between the seeds of two runs: more than there are shapes, and usually assets
SPARE_MM, LEAST_REQUIRED = 1.0, 0.5  # required: nominal less this, but at least this share of nominal
SMYS_MPA, LENGTH_MM = 241.0, 100.0  # steel of a pipe (API 5L grade B), and length of the corroded area
LARGEST = "largest"  # stands for the largest zone of any asset
LOSSES = ("rusted share", "mean loss", "max loss")  # more is worse
LEAST_LEFT, LIFE, PRESSURE = "least left", "remaining life", "failure pressure"  # less is worse
QUANTITIES = (*LOSSES, LEAST_LEFT, LIFE, PRESSURE)


@dataclass(frozen=True, kw_only=True)
class Score:
    """One forecast beside the truth.

    Parameters
    ----------
    arm, asset : identify the history.
    zone : "all", or "largest" for the largest zone outside.
    quantity : one of `QUANTITIES`: shares, mm, years from the last visit (at most to the end of `YEARS`), MPa.
    visits : inspections before the forecast.
    truth, p5, p50, p95 : in the unit of the quantity.
    conflict : whether an inspection so far conflicted with earlier knowledge.
    widening : widening of the prior.
    required_mm : required thickness, for the least left in the largest zone; NaN otherwise.
    chance : forecast chance that less is left; NaN otherwise.
    """

    arm: str
    asset: int
    zone: str
    quantity: str
    visits: int
    truth: float
    p5: float
    p50: float
    p95: float
    conflict: bool
    widening: float
    required_mm: float = float("nan")
    chance: float = float("nan")

    @property
    def unsafe(self) -> bool:
        """True if the truth is worse than the percentile that a reader would act on."""
        return self.truth > self.p95 if self.quantity in LOSSES else self.truth < self.p5

    @property
    def happened(self) -> bool:
        """True if less is left than required."""
        return self.truth < self.required_mm


@dataclass(frozen=True, kw_only=True)
class CoverageSummary:
    """Scores of one arm, zone, quantity and number of visits.

    Parameters
    ----------
    coverage : share of truths from P5 to P95.
    coverage_unflagged : the same for those without a conflict; NaN if there are none.
    unsafe, unsafe_low, unsafe_high : share of truths worse than the percentile acted upon (P95 of a loss, P5 of a
        thickness, life or pressure), which is 5 % if all is as assumed, and its 95 % interval.
    width : mean of P95 - P5.
    error : mean distance of P50 from the truth.
    flagged : share with a conflict so far.
    chance, happened, brier : mean forecast chance that less is left than required, how often that happened, and the
        Brier score; NaN for other quantities.
    """

    arm: str
    zone: str
    quantity: str
    visits: int
    count: int
    coverage: float
    coverage_unflagged: float
    unsafe: float
    unsafe_low: float
    unsafe_high: float
    width: float
    error: float
    flagged: float
    chance: float
    happened: float
    brier: float


@cache
def _geometry(number: int) -> tuple[TwinState, AssetGeometry, Texels]:
    """Return a small asset of one of several kinds, as its owner knows it."""
    kind = KINDS_TRIED[number % len(KINDS_TRIED)]
    twin = owner_twin(kind, np.random.default_rng([number, 99]), texel_mm=TEXEL_MM)
    asset = twin_state.asset(twin)
    return twin, asset, assets.texels(asset)


@cache
def _bank(number: int, run: int, prior: Prior) -> Bank:
    twin, asset, texels = _geometry(number)
    return bank(twin, asset, texels, years=YEARS[-1], prior=prior, seed=number + RUN_APART * run, draws=DRAWS_SEEN)


def scores(
    arm: str,
    count: int,
    *,
    seed: int,
    runs: int = 1,
    geometries: int = 8,
    particles: int = PARTICLES,
    widenings: Sequence[float] = WIDENINGS,
) -> Iterator[Score]:
    """Yield forecasts of `count` simulated assets beside their truths, before and after each visit.

    Parameters
    ----------
    arm : one of `ARMS`.
    count : number of assets, distributed over `geometries` shapes.
    seed : random seed of the truths.
    runs : independent runs of each forecast, taken together.
    particles, widenings : as for `twin.bayes.smc.learn`.
    """
    prior = Prior()
    tried = (number for number in numbers() if KINDS_TRIED[number % len(KINDS_TRIED)] in ARMS[arm].kinds)
    shapes = list(islice(tried, geometries))
    for number in range(count):
        shape = shapes[number % geometries]
        twin, asset, texels = _geometry(shape)
        banks = [_bank(shape, run, prior) for run in range(runs)]
        case = simulate(ARMS[arm], twin, asset, texels, prior, np.random.default_rng([seed, number]))
        known = learn_in_runs(
            [LearningRun(histories=histories, seed=number + RUN_APART * run) for run, histories in enumerate(banks)],
            case.records, case.seen, particles=particles, widenings=widenings,
        )  # fmt: skip
        agreement = pooled([run.agreement for run in known])
        odd = conflicts(agreement)
        largest = largest_first(asset, texels)[0]
        nominal = float(next(zone for zone in banks[0].zones if zone.name == largest).thickness_mm.min())
        required = max(nominal - SPARE_MM, LEAST_REQUIRED * nominal)
        truths = [case.at_year(year) for year in YEARS]
        for visits, then in enumerate(zip(*((*run.particles[:-1], run.now) for run in known), strict=True)):
            forecasts = forecast_zones(then, YEARS, {largest: required})
            pairs = compare(forecasts, truths, asset, largest, required, now_years=(0.0, *VISITS)[visits])
            conflict = any(item in odd for item in agreement[:visits])
            for (zone, quantity), (true, samples) in pairs.items():
                low, middle, high = levels(samples)
                judged = quantity == LEAST_LEFT and zone == LARGEST
                yield Score(
                    arm=arm, asset=number, zone=zone, quantity=quantity, visits=visits, truth=true, p5=low, p50=middle,
                    p95=high, conflict=conflict, widening=max(state.widening for state in then),
                    required_mm=required if judged else float("nan"),
                    chance=float((samples < required).mean()) if judged else float("nan"),
                )  # fmt: skip


def compare(
    forecasts: Mapping[str, ZoneForecast],
    truths: Sequence[Truth],
    asset: AssetGeometry,
    largest: str,
    required_mm: float,
    *,
    now_years: float,
) -> dict[tuple[str, str], tuple[float, Floats]]:
    """Return the truth and the (n,) samples of each quantity, by zone and quantity.

    Parameters
    ----------
    forecasts, truths : in `YEARS`.
    asset : a pipe has a failure pressure.
    largest : name of the zone that is judged by `required_mm`.
    required_mm : thickness that must be left.
    now_years : year of the last visit, from which remaining life counts.
    """
    at = YEARS.index(FORECAST)
    pairs: dict[tuple[str, str], tuple[float, Floats]] = {}
    for zone, name in ((ALL, ALL), (LARGEST, largest)):
        forecast = forecasts[name]
        values = (forecast.rusted_share, forecast.mean_loss_mm, forecast.max_loss_mm)
        for quantity, true, samples in zip(LOSSES, truths[at].measured(name), values, strict=True):
            pairs[zone, quantity] = true, samples[:, at]
    pairs[ALL, LEAST_LEFT] = truths[at].least_left_mm(), forecasts[ALL].least_left_mm[:, at]
    true_left = np.array([[truth.least_left_mm(largest, required_mm) for truth in truths]])
    left = forecasts[largest].judged_left_mm
    pairs[LARGEST, LEAST_LEFT] = float(true_left[0, at]), left[:, at]
    pairs[LARGEST, LIFE] = (
        float(life_years(true_left, required_mm, now_years)[0]), life_years(left, required_mm, now_years)
    )  # fmt: skip
    if asset.kind == "pipe":
        pressure = Pressure.of(asset, smys_mpa=SMYS_MPA, length_mm=LENGTH_MM, method="modified")
        pairs[ALL, PRESSURE] = true_pressure_mpa(truths[at], pressure), pressure.failure_mpa(forecasts, at)
    return pairs


def life_years(left_mm: Floats, required_mm: float, now_years: float) -> Floats:
    """Return the years from now until less is left than required, (n,); at most to the end of `YEARS`.

    Parameters
    ----------
    left_mm : (n, T) in `YEARS`.
    required_mm : thickness that must be left.
    now_years : one of `YEARS`, or a year before the first, for which the thickness in the first counts.
    """
    from_now = np.maximum(np.array(YEARS) - now_years, 0)
    keep = np.array(YEARS) >= now_years
    life = years_until_below(left_mm[:, keep], required_mm, from_now[keep])
    return np.asarray(np.minimum(life, YEARS[-1] - now_years))


def true_pressure_mpa(there: Truth, pressure: Pressure) -> float:
    """Return the failure pressure of a pipe, MPa, from the general and the least wall of its weakest zone."""
    zones = sorted(pressure.zones & set(there.asset.zone_names))
    walls = [(there.general_left_mm(zone), there.least_left_mm(zone)) for zone in zones]
    return float(np.min([pressure.of_wall_mpa(*wall) for wall in walls]))
