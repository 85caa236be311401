"""Coverage of forecast intervals: assets with a known future are inspected, forecast and compared with it.

Each asset's truth is grown by the twin's own model on all texels, with growth drawn from the prior; inspectors with
errors visit it twice. The forecast knows what an owner knows: geometry, category, kind of coating, and the readings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin import assets, twin_state
from corrotwin.twin.bayes.histories.ensemble import Bank, bank
from corrotwin.twin.bayes.likelihood import GRADE_EDGES
from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.bayes.session import DRAWS_SEEN
from corrotwin.twin.bayes.smc import WIDENINGS, learn
from corrotwin.twin.calibration.simulated_assets import CATEGORY, Truth, owner_twin, true_paint_and_pits, truth
from corrotwin.twin.export import SEEN
from corrotwin.twin.forecast.projection import ALL, forecast_zones, levels
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.inspection.readers import photo_records
from corrotwin.twin.inspection.records import KINDS, Record
from corrotwin.twin.model.corrosion import AS_STANDARD, Growth
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import TwinState

# Standard deviations of logarithms among assets in one category: of the rate, and of the speed of rust under paint.
RATE_WITHIN, FRONT_WITHIN = 0.2, 0.5
VISITS = (5.0, 10.0)  # years of the inspections
FORECAST = 20.0
READINGS = 6  # thickness readings at each visit, at the same places
KINDS_TRIED = ("pipe", "plate", "beam", "railing")
TEXEL_MM = 4.0
PARTICLES_EACH = 500
QUANTITIES = ("rusted share", "mean loss", "max loss")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A way in which the truth differs from the assumptions of the forecast.

    Parameters
    ----------
    rate_sd, front_sd : standard deviations of the logarithms of the rate and of the speed of rust under paint. Those of
        the prior allow for a category that is one off; the other arms keep only the scatter within one.
    category : true category of the assets.
    exponent : addition to the exponent of time.
    detection : true probability of detection of a photograph, less the one that the inspector states.
    bias_mm : bias of the thickness gauge beyond its stated bias.
    """

    rate_sd: float = RATE_WITHIN
    front_sd: float = FRONT_WITHIN
    category: str = CATEGORY
    exponent: float = 0.0
    detection: float = 0.0
    bias_mm: float = 0.0


ARMS = {
    "as assumed": Arm(rate_sd=Prior().rate[1], front_sd=Prior().front[1]),
    "category C5, not C4": Arm(category="C5"),
    "category C3, not C4": Arm(category="C3"),
    "category CX, not C4": Arm(category="CX"),  # two off: beyond what the prior allows for
    "exponent 0.15 higher": Arm(exponent=0.15),
    "detection 0.6, not 0.9": Arm(detection=-0.3),
    "gauge reads 0.3 mm thick": Arm(bias_mm=0.3),
}


@dataclass(frozen=True, kw_only=True)
class Score:
    """One forecast beside the truth."""

    arm: str
    asset: int
    zone: str  # "all", or "largest" for the largest zone
    quantity: str
    visits: int  # inspections before the forecast
    truth: float
    p5: float
    p50: float
    p95: float
    conflict: bool  # whether an inspection so far conflicted with earlier knowledge
    widening: float


@dataclass(frozen=True, kw_only=True)
class CoverageSummary:
    """Scores of one arm, zone, quantity and number of visits."""

    arm: str
    zone: str
    quantity: str
    visits: int
    count: int
    coverage: float  # share of truths from P5 to P95
    coverage_unflagged: float  # the same of those without a conflict; NaN if there are none
    width: float  # mean of P95 - P5
    error: float  # mean distance of P50 from the truth
    flagged: float  # share with a conflict so far


@cache
def _geometry(number: int) -> tuple[TwinState, AssetGeometry, Texels]:
    """Return a small asset of one of several kinds, as its owner knows it."""
    kind = KINDS_TRIED[number % len(KINDS_TRIED)]
    twin = owner_twin(kind, np.random.default_rng([number, 99]), texel_mm=TEXEL_MM)
    asset = twin_state.asset(twin)
    return twin, asset, assets.texels(asset)


@cache
def _bank(number: int, prior: Prior) -> Bank:
    twin, asset, texels = _geometry(number)
    return bank(twin, asset, texels, years=FORECAST, prior=prior, seed=number, draws=DRAWS_SEEN)


def scores(
    arm: str,
    count: int,
    *,
    seed: int,
    geometries: int = 8,
    particles: int = PARTICLES_EACH,
    widenings: Sequence[float] = WIDENINGS,
) -> Iterator[Score]:
    """Yield forecasts of `count` simulated assets beside their truths, before and after each visit.

    Parameters
    ----------
    arm : one of `ARMS`.
    count : number of assets, distributed over `geometries` shapes.
    seed : random seed of the truths.
    particles, widenings : as for `twin.bayes.smc.learn`.
    """
    prior = Prior()
    for number in range(count):
        twin, asset, texels = _geometry(number % geometries)
        histories = _bank(number % geometries, prior)
        rng = np.random.default_rng([seed, number])
        after, records, seen = _simulated(ARMS[arm], twin, asset, texels, prior, rng)
        known = learn(histories, asset, texels, records, seen, seed=number, particles=particles, widenings=widenings)
        largest = max(histories.zones, key=lambda zone: zone.area_mm2).name
        true_values = {zone: after.measured(zone) for zone in (ALL, largest)}
        for visits, particles_then in enumerate(known.particles):
            forecasts = forecast_zones(particles_then, [FORECAST])
            conflict = any(agreement in known.conflicts for agreement in known.agreement[:visits])
            for zone in (ALL, largest):
                values = (forecasts[zone].rusted_share, forecasts[zone].mean_loss_mm, forecasts[zone].max_loss_mm)
                for quantity, value, true in zip(QUANTITIES, values, true_values[zone], strict=True):
                    low, middle, high = levels(value[:, 0])
                    yield Score(
                        arm=arm, asset=number, zone=zone if zone == ALL else "largest", quantity=quantity,
                        visits=visits, truth=true, p5=low, p50=middle, p95=high,
                        conflict=conflict, widening=particles_then.widening,
                    )  # fmt: skip


def _simulated(
    arm: Arm, twin: TwinState, asset: AssetGeometry, texels: Texels, prior: Prior, rng: np.random.Generator
) -> tuple[Truth, list[Record], dict[str, NDArray[np.bool_]]]:
    """Return the truth in the year of the forecast, and the inspectors' records before it."""
    delay, rate, front, defects, pits = np.exp(
        np.array([prior.delay, arm.rate_sd, arm.front_sd, prior.defects, prior.pits]) * rng.standard_normal(5)
    )
    growth = Growth(
        rate=float(rate),
        exponent=AS_STANDARD.exponent + prior.exponent * float(rng.standard_normal()) + arm.exponent,
        front=float(front / delay),
    )
    coating, own_pits = true_paint_and_pits(float(delay), float(defects), float(pits))
    given: dict[str, Any] = {
        "exposure": at(arm.category), "coating": coating, "seed": int(rng.integers(2**31)), "growth": growth,
    }  # fmt: skip

    def grown(years: float) -> Truth:
        return truth(asset, texels, pits=own_pits, years=years, **given)

    gauge, camera, eye, pit_gauge = rng.standard_normal(4)
    pieces, piece = np.unique(texels.thickness_mm, return_inverse=True)
    new_mm = (pieces * np.exp(prior.new * rng.spawn(1)[0].standard_normal(len(pieces))))[piece.reshape(-1)]
    names = sorted(
        (name for name in asset.zone_names if name != "covered"),
        key=lambda name: -texels.area_mm2[texels.zone == asset.zone_names.index(name)].sum(),
    )
    air, chosen = (texels.area_mm2 > 0).reshape(-1), []
    for index in range(READINGS):
        own = np.flatnonzero(air & (texels.zone.reshape(-1) == asset.zone_names.index(names[index % 2])))
        chosen.append((int(rng.choice(own)), names[index % 2]))
    height, width = asset.atlas_shape
    records: list[Record] = []
    seen: dict[str, NDArray[np.bool_]] = {}
    for years in VISITS:
        date = f"{twin_state.later(twin.built, years):%Y-%m-%d}"
        there = grown(years)
        fields = there.fields
        left = new_mm - fields.wall_loss_mm.reshape(-1)
        error = KINDS["ultrasonic"]
        for index, (texel, zone) in enumerate(chosen):
            value = left[texel] + error.bias_sd * gauge + arm.bias_mm + error.scatter_sd * rng.standard_normal()
            uv = ((texel % width + 0.5) / width, (texel // width + 0.5) / height)
            records.append(
                Record(
                    date=date,
                    zone=zone,
                    kind="ultrasonic",
                    value=max(float(value), 0.0),
                    tool="UT",
                    place=f"P{index}",
                    uv=uv,
                )
            )
        looking = rng.standard_normal(3)
        view = (texels.normal @ looking > 0) & (texels.area_mm2 > 0)
        photo = Record(date=date, zone=ALL, kind="photo", value=0.0, tool="camera")
        detection = photo.detection + arm.detection + photo.bias_sd * camera
        detection = np.clip(detection * (1 + photo.scatter_sd * rng.standard_normal()), 0.02, 1)
        called = rng.random(view.shape) < np.where(fields.rust_cover > SEEN, detection, photo.false_calls)
        photos, _ = photo_records(photo, asset, texels, view, called)
        seen[photos[0].seen] = view
        records += photos
        share = there.measured(names[2])[0]
        error = KINDS["grade"]
        judged = np.log(max(share, 1e-9)) + error.bias_sd * eye + error.scatter_sd * rng.standard_normal()
        records.append(
            Record(
                date=date, zone=names[2], kind="grade", value=float(np.searchsorted(GRADE_EDGES, judged)), tool="eye"
            )
        )
    error = KINDS["pit"]
    deepest = float(there.pit_depth_mm[there.pits_in(names[0])].max(initial=0))
    value = deepest + error.bias_sd * pit_gauge + error.scatter_sd * rng.standard_normal()
    records.append(Record(date=date, zone=names[0], kind="pit", value=max(value, 0.0), tool="gauge"))
    return grown(FORECAST), records, seen
