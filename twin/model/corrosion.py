"""Closed-form growth of corrosion on an asset's atlas.

Corrosion starts at a texel when the coating fails there, and progresses with the time since then. So no loss or cover
ever shrinks, and growing in ten steps equals growing in one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Singles, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.mechanisms.mechanism import Mechanism, acts_on, loss_mm
from corrotwin.twin.model import zones
from corrotwin.twin.model.coating import (
    Coating,
    Paint,
    Zinc,
    scale_with_category,
)
from corrotwin.twin.model.exposure import METALS, Exposure, at
from corrotwin.twin.model.loss import PiecewiseClock, loss_um
from corrotwin.twin.model.noise import LIMIT, fractal
from corrotwin.twin.model.onset import bare_lag, onset_function, ragged_noise
from corrotwin.twin.model.pits import PitPlaces, Pits, pit_loss_mm, pit_places

AnyFloat = TypeVar("AnyFloat", np.float32, np.float64)
MOST_YEARS = 1000.0
# Years from first rust to full cover in the middle of each corrosivity category, set by eye.
COVER_YEARS = {"C1": 6.0, "C2": 2.0, "C3": 1.0, "C4": 0.7, "C5": 0.5, "CX": 0.3}

LOCAL = 0.2  # amplitude of the noise on loss
LOCAL_WAVELENGTHS_MM = (8.0, 4.0, 2.0)
FINE_WAVELENGTHS_MM = (8.0, 4.0, 2.0)
FINE_LAG, COVER_RAMP = 0.7, 0.3  # shares of the time to full cover: greatest lag of a place, and its time to fill

# Shares of sampled assets that are bare and that are galvanised, for kinds that differ from the rest.
BARE_AND_GALVANISED = {
    "chain": (0.25, 0.15), "bar": (0.5, 0.05), "bolt": (0.15, 0.35), "railing": (0.02, 0.3), "stair": (0.02, 0.3),
    "cladding": (0.02, 0.6), "panel": (0.02, 0.05), "tank": (0.05, 0.05), "hull": (0.05, 0.0),
}  # fmt: skip

# Random streams: changing what one of them draws leaves the others as they are. Never renumber.
RAGGED_STREAM, DEFECTS_STREAM, LOCAL_STREAM, FINE_STREAM, PITS_STREAM, FILM_STREAM = range(6)


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Deviation of an asset from the law for its place.

    Parameters
    ----------
    rate : factor on every loss to air and splash.
    exponent : exponent of time in the air, in place of ISO 9224's mean for steel.
    front : factor on the speed of rust under paint.
    """

    rate: float = 1.0
    exponent: float = METALS["steel"].exponent
    front: float = 1.0


AS_STANDARD = Growth()


@dataclass(frozen=True, kw_only=True, eq=False)
class Fields:
    """State of corrosion: read-only (H, W) float32 arrays on the atlas.

    `start_years` is inf where corrosion has not started; `age_years` is the time since it did; `rust_cover` in [0, 1]
    is what the eye sees; `wall_loss_mm` never exceeds the thickness of the metal.
    """

    start_years: Singles
    age_years: Singles
    wall_loss_mm: Singles
    rust_cover: Singles

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).setflags(write=False)


def grow(
    asset: AssetGeometry,
    texels: Texels,
    *,
    exposure: Exposure,
    coating: Coating,
    years: float,
    seed: int,
    pits: Pits | None,
    by_zone: bool = True,
    growth: Growth = AS_STANDARD,
    mechanisms: Sequence[Mechanism] = (),
) -> Fields:
    """Return the state of a carbon steel asset after `years`.

    The value at a texel depends on seed, parameters and the texel's place, not on texel size, order or earlier calls.

    Parameters
    ----------
    asset, texels : the surface.
    exposure : places where the asset has stood.
    coating : paint, zinc, or None for bare steel.
    years : age, 0 to `MOST_YEARS`.
    seed : random seed of the whole history.
    pits : number and growth of pits, or None for no pits.
    by_zone : whether loss differs by zone and facing (`twin.model.zones`); if not, the mean loss by area is that of
        ISO 9224.
    growth : deviation of this asset from the law for its place.
    mechanisms : mechanisms of corrosion other than the open air, each at its median rate.

    Returns
    -------
    Fields on the atlas, (H, W) each.

    Raises
    ------
    InputError
        `years` is out of range.
    """
    if not 0 <= years <= MOST_YEARS:
        raise InputError(f"years {years}: must be a number from 0 to {MOST_YEARS:g}")
    streams = np.random.SeedSequence(seed).spawn(5)
    open_to_air = np.array([name != COVERED for name in asset.zone_names])
    present = (texels.zone >= 0) & open_to_air[texels.zone]
    onset = onset_function(
        asset, exposure, coating, years, growth.front,
        ragged_seed=streams[RAGGED_STREAM], defects_seed=streams[DEFECTS_STREAM],
    )  # fmt: skip
    start = np.full(texels.zone.shape, np.inf, dtype=np.float32)
    started = onset(texels.position_m, texels.normal, present)[present]
    start[present] = np.where(started < years, started, np.inf)
    rusted = np.isfinite(start)
    position = texels.position_m[rusted]

    uniform = _uniform_loss_mm(start[rusted], position[:, 2], exposure, years, growth)
    loss = np.zeros_like(start)
    loss[rusted] = uniform * (1 + LOCAL * fractal(position, LOCAL_WAVELENGTHS_MM, 0.7, streams[LOCAL_STREAM]))
    if pits is not None:
        places, depth = _middles(asset, exposure, years, pits, onset, streams[PITS_STREAM], growth)
        loss += pit_loss_mm(texels.position_m, texels.normal, rusted, places, depth)
    if by_zone:
        loss[rusted] *= zones.loss_factors(asset.zone_kinds, texels.zone[rusted], texels.normal[rusted])

    for mechanism in mechanisms:
        affected = present & acts_on(mechanism, asset.zone_names, texels.zone, texels.position_m[..., 2])
        loss[affected] += np.float32(loss_mm(mechanism, years))

    clock = cover_clock(exposure)
    progress = (clock.reading(years) - clock.reading(start[rusted])).astype(np.float32)
    for lag in _cover_lags(position, coating, streams):
        progress -= lag
    ramp = (progress / COVER_RAMP).clip(0, 1)
    cover = np.zeros_like(start)
    cover[rusted] = ramp * ramp * (3 - 2 * ramp)
    return Fields(
        start_years=start,
        age_years=np.maximum(np.float32(years) - start, 0),
        wall_loss_mm=np.minimum(loss, texels.thickness_mm),
        rust_cover=cover,
    )


def _cover_lags(position_m: Singles, coating: Coating, streams: Sequence[np.random.SeedSequence]) -> list[Singles]:
    """Return lags of rust cover at places, (n,) shares of the time to full cover: first rust shows as specks."""
    fine = 0.5 + fractal(position_m, FINE_WAVELENGTHS_MM, 0.8, streams[FINE_STREAM]) / (2 * LIMIT)
    bare = [bare_lag(ragged_noise(position_m, streams[RAGGED_STREAM]))] if coating is None else []
    return [*bare, np.asarray(FINE_LAG * fine, dtype=np.float32)]


def cover_begins(texels: Texels, start_years: Singles, *, exposure: Exposure, coating: Coating, seed: int) -> Singles:
    """Return the reading of `cover_clock` at which rust begins to cover each texel, (H, W); inf where it does not.

    The cover in every year follows from it: a smooth step from 0 to 1 over the next `COVER_RAMP` of the clock.

    Parameters
    ----------
    texels, exposure, coating, seed : as for `grow`.
    start_years : (H, W) of `Fields`.
    """
    rusted = np.isfinite(start_years)
    begins = np.full_like(start_years, np.inf)
    begins[rusted] = cover_clock(exposure).reading(start_years[rusted])
    for lag in _cover_lags(texels.position_m[rusted], coating, np.random.SeedSequence(seed).spawn(5)):
        begins[rusted] += lag
    return begins


def cover_clock(exposure: Exposure) -> PiecewiseClock:
    """Return a clock whose reading is the time since year 0 in units of the time to full cover."""
    return PiecewiseClock.of(exposure.starts(), 1 / scale_with_category(COVER_YEARS, exposure.first_year_um()))


def _uniform_loss_mm(
    start_years: NDArray[AnyFloat],
    height_m: NDArray[np.floating[Any]],
    exposure: Exposure,
    years: float,
    growth: Growth,
) -> NDArray[AnyFloat]:
    """Return the loss to air and splash, (n,) mm, of steel corroding since `start_years`, (n,), at heights (n,)."""
    rates = growth.rate * exposure.first_year_um() / 1000
    loss = loss_um(start_years, years, exposure.starts(), rates, growth.exponent)
    for splashed in exposure.splash_patterns():
        wet = (exposure.splashed(height_m) == splashed).all(axis=1)
        sea = growth.rate * exposure.sea_um(splashed) / 1000
        loss[wet] = loss_um(start_years[wet], years, exposure.starts(), rates, growth.exponent, sea)
    return np.asarray(loss)


def pit_middles(
    asset: AssetGeometry,
    *,
    exposure: Exposure,
    coating: Coating,
    years: float,
    seed: int,
    pits: Pits,
    growth: Growth = AS_STANDARD,
) -> tuple[PitPlaces, Floats]:
    """Return the pits of `grow` with the same parameters, and their depth below their surroundings, (n,) mm.

    A texel beside the exact middle of a pit shows less depth.
    """
    streams = np.random.SeedSequence(seed).spawn(5)
    onset = onset_function(
        asset, exposure, coating, years, growth.front,
        ragged_seed=streams[RAGGED_STREAM], defects_seed=streams[DEFECTS_STREAM],
    )  # fmt: skip
    places, depth = _middles(asset, exposure, years, pits, onset, streams[PITS_STREAM], growth)
    facing = places.normal.astype(np.float32)
    return places, depth * zones.loss_factors(asset.zone_kinds, asset.face_zone[places.face], facing)


def _middles(
    asset: AssetGeometry,
    exposure: Exposure,
    years: float,
    pits: Pits,
    begin: Callable[[Singles, Singles, NDArray[np.bool_]], Singles],
    seed: np.random.SeedSequence,
    growth: Growth,
) -> tuple[PitPlaces, Floats]:
    """Return pits and the depth of each in its middle, (n,) mm, without the factor of its zone."""
    places = pit_places(asset, pits, seed)
    # One row, sorted along x, so that pits share tiles with their neighbours.
    order = np.argsort(places.position_m[:, 0])
    shape = (1, len(order), 3)
    position = places.position_m[order].astype(np.float32).reshape(shape)
    start = np.empty(len(order))
    start[order] = begin(position, places.normal[order].astype(np.float32).reshape(shape), np.ones(shape[:2], bool))[0]
    birth = start + places.delay_years
    standard_growth = replace(growth, exponent=AS_STANDARD.exponent)  # `twin.model.pits` says why
    return places, places.factor * _uniform_loss_mm(birth, places.position_m[:, 2], exposure, years, standard_growth)


def sample_history(rng: np.random.Generator, kind: str) -> tuple[Exposure, Coating, float]:
    """Draw exposure, coating and years of service for a scene."""
    exposure = at(str(rng.choice(["C3", "C4", "C5"], p=[0.35, 0.35, 0.3])))
    bare, galvanised = BARE_AND_GALVANISED.get(kind, (0.04, 0.06))
    draw = rng.random()
    life = float(rng.uniform(5, 15))
    defects = float(np.exp(rng.uniform(np.log(8), np.log(30))))
    years = float(np.clip(life * rng.uniform(0.9, 2.6), 3, 25))
    if draw < bare:
        return exposure, None, round(years, 2)
    if draw < bare + galvanised:
        # In any exposure, a coat of a thickness that is used up in places by now.
        used_up_um = loss_um(0.0, years, exposure.starts(), exposure.first_year_um("zinc"), METALS["zinc"].exponent)
        return exposure, Zinc(thickness_um=round(float(used_up_um * rng.uniform(0.85, 1.2)), 1)), round(years, 2)
    return exposure, Paint(life_years=round(life, 2), defects_per_m2=round(defects, 1)), round(years, 2)
