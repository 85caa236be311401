"""Loss of steel in air at many places, and the time that a clock counts between two moments."""

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import Singles
from corrotwin.twin.model.loss import PiecewiseClock, loss_um
from corrotwin.twin.twin_state import TwinState


def air_loss_mm(
    twin: TwinState,
    start_years: Singles,
    wet: NDArray[np.bool_],
    years: float,
    rate: Singles,
    exponent: Singles,
) -> Singles:
    """Return the uniform loss of steel in air, mm, in the shape of `start_years`.

    Parameters
    ----------
    twin : the twin, with the places where it has stood.
    start_years : start of corrosion, any shape.
    wet : (..., T) whether the sea splashes a place in each period; broadcasts with `start_years`.
    years : now.
    rate, exponent : factor on the loss, and exponent of time; broadcast with `start_years`.
    """
    exposure = twin.exposure
    loss = loss_um(start_years, years, exposure.starts(), exposure.first_year_um(), exponent)
    if wet.any():
        for splashed in exposure.splash_patterns():
            here = (wet == splashed).all(axis=-1)
            if here.any():
                sea = exposure.sea_um(splashed)
                more = loss_um(start_years, years, exposure.starts(), exposure.first_year_um(), exponent, sea)
                loss = np.where(here, more, loss)
    return np.asarray(rate / np.float32(1000) * loss, dtype=np.float32)


def counted_between(clock: PiecewiseClock, start: Singles, until: float) -> Singles:
    """Return the time that a clock counts from `start`, any shape, to `until`; at most 0 if `until` is earlier."""
    if len(clock.starts) == 1:
        return np.asarray((np.float32(until) - start) * np.float32(clock.paces[0]))
    total = np.zeros_like(start)
    for begin, end, pace in zip(clock.starts, [*clock.starts[1:], np.inf], clock.paces, strict=True):
        stay = np.maximum(np.float32(min(end, until)) - np.maximum(start, np.float32(begin)), 0)
        total += np.float32(pace) * stay
    return total
