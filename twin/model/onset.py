"""Start of corrosion at each place, by the coating there."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import AssetGeometry, Singles
from corrotwin.twin.model.coating import (
    ZINC_SPREAD,
    Coating,
    Defects,
    Paint,
    Zinc,
    arrival,
    front_clock,
    paint_defects,
    zinc_gone_years,
)
from corrotwin.twin.model.exposure import Exposure
from corrotwin.twin.model.noise import LIMIT, fractal

RAGGED = 0.55  # log-scale amplitude of the noise on distance
STREAK = 0.4  # factor on z in that noise, which draws streaks on steep faces, where water runs down
RAGGED_WAVELENGTHS_MM = (160.0, 80.0, 40.0, 20.0, 10.0, 5.0)


def onset_function(
    asset: AssetGeometry,
    exposure: Exposure,
    coating: Coating,
    years: float,
    front: float,
    *,
    ragged_seed: np.random.SeedSequence,
    defects_seed: np.random.SeedSequence,
) -> Callable[[Singles, Singles, NDArray[np.bool_]], Singles]:
    """Return a function of positions (H, W, 3), normals (H, W, 3) and presence (H, W) that returns `first_years`.

    Parameters
    ----------
    asset : the surface on which defects of the paint are drawn.
    exposure, coating, years, front : as for `first_years`.
    ragged_seed, defects_seed : random streams of the noise and of the defects.
    """
    defects = None
    if isinstance(coating, Paint):
        defects = paint_defects(asset, exposure, coating, defects_seed)

    def onset(position_m: Singles, normal: Singles, present: NDArray[np.bool_]) -> Singles:
        noise = np.zeros(0, dtype=np.float32)
        if coating is not None:
            noise = ragged_noise(position_m[present], ragged_seed)
        return first_years(position_m, normal, present, noise, defects, exposure, coating, years, front)

    return onset


def ragged_noise(position_m: Singles, seed: np.random.SeedSequence) -> Singles:
    """Return the noise at places (n, 3) that makes rust's outline ragged and a zinc coat uneven, (n,)."""
    return fractal(position_m * np.array([1, 1, STREAK], dtype=np.float32), RAGGED_WAVELENGTHS_MM, 0.72, seed)


def bare_lag(noise: Singles) -> Singles:
    """Return the lag before bare steel shows rust, by `ragged_noise`: 0 to 0.5 of the time to full cover."""
    return np.asarray(0.25 * (1 + noise / LIMIT), dtype=np.float32)


def first_years(
    position_m: Singles,
    normal: Singles,
    present: NDArray[np.bool_],
    noise: Singles,
    defects: Defects | None,
    exposure: Exposure,
    coating: Coating,
    years: float,
    front: float,
) -> Singles:
    """Return the start of corrosion at each place, (H, W) years: exact if before `years`, else any time from then on.

    Parameters
    ----------
    position_m, normal : (H, W, 3).
    present : (H, W) where there is a surface; the result is inf elsewhere.
    noise : (n,) `ragged_noise` at the places that are present; bare steel needs none.
    defects : defects of the paint, or None.
    exposure, coating, years : as for `twin.model.corrosion.grow`.
    front : factor on the speed of rust under paint.
    """
    start = np.full(present.shape, np.inf, dtype=np.float32)
    if defects is not None:
        clock = front_clock(exposure, front)
        ragged = np.full(present.shape, np.nan, dtype=np.float32)
        ragged[present] = np.exp(RAGGED * noise)
        reading = arrival(position_m, normal, ragged, defects, clock, years)[present]
        start[present] = clock.years(reading)
    elif isinstance(coating, Zinc):
        thickness = coating.thickness_um * (1 + ZINC_SPREAD * noise)
        start[present] = zinc_gone_years(thickness.astype(np.float32), position_m[present][:, 2], exposure)
    else:
        start[present] = 0
    return start
