"""Metal loss over the years at changing places (ISO 9224, sea water), and clocks that change pace between periods.

References
----------
ISO 9224:2012, Corrosivity of atmospheres: guiding values (loss after t years).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.mechanisms.seawater import SPLASH_EXPONENT

LINEAR_AFTER_YEARS = 20.0


def power_law(years: ArrayLike, exponent: float | NDArray[Any]) -> NDArray[Any]:
    """Return the loss after `years` over that of the first year (ISO 9224), in the shape and precision of `years`.

    t^b up to 20 years, then on along the tangent: 20^b + b 20^(b - 1) (t - 20). 0 before t = 0.
    """
    time = np.asarray(years, dtype=None if isinstance(years, np.ndarray) else float)
    early = np.clip(time, 0, LINEAR_AFTER_YEARS) ** exponent
    late = exponent * LINEAR_AFTER_YEARS ** (exponent - 1) * np.maximum(time - LINEAR_AFTER_YEARS, 0)
    return np.asarray(early + late)


def power_law_years(loss: ArrayLike, exponent: float | NDArray[Any]) -> NDArray[Any]:
    """Return the years after which the loss is this multiple of the first year's; inverse of `power_law`."""
    value = np.asarray(loss, dtype=None if isinstance(loss, np.ndarray) else float)
    knee = LINEAR_AFTER_YEARS**exponent
    early = np.clip(value, 0, knee) ** (1 / exponent)
    late = np.maximum(value - knee, 0) / (exponent * LINEAR_AFTER_YEARS ** (exponent - 1))
    return np.asarray(early + late)


def loss_um(
    start_years: ArrayLike,
    until_years: float,
    starts: ArrayLike,
    rates_um: ArrayLike,
    exponent: float | NDArray[Any],
    sea_um: ArrayLike = 0.0,
) -> NDArray[Any]:
    """Return the loss at `until_years` of metal that corrodes from `start_years` on, µm, in the shape of `start_years`.

    Where the place changes, the loss so far counts as the equivalent time at the new place: the time in which that
    place alone would have caused it. Where sea water splashes, the greater of the losses by ISO 9224 and by the law of
    the splash zone counts.

    Parameters
    ----------
    start_years : start of corrosion, any shape; inf where it has not begun.
    until_years : time at which the loss is wanted.
    starts, rates_um : (n,) start of each period, years, and first-year loss in it, µm.
    exponent : exponent of time of the metal; an array broadcasts with `start_years`.
    sea_um : (n,) first-year loss by the law of the splash zone in each period, µm, or 0 where nothing splashes.
    """
    start = np.asarray(start_years, dtype=None if isinstance(start_years, np.ndarray) else float)
    begins: list[float] = np.asarray(starts, dtype=float).tolist()
    rates: list[float] = np.asarray(rates_um, dtype=float).tolist()
    sea: list[float] = np.broadcast_to(np.asarray(sea_um, dtype=float), len(begins)).tolist()
    loss = np.zeros_like(start)
    for begin, end, rate, sea_rate in zip(begins, [*begins[1:], np.inf], rates, sea, strict=True):
        if begin >= until_years:
            break
        stay = np.maximum(min(end, until_years) - np.maximum(start, begin), 0)
        if begin == 0:  # no earlier loss
            loss = _loss_here(stay, rate, exponent, sea_rate)
            continue
        continued = _loss_here(_years_here(loss, rate, exponent, sea_rate) + stay, rate, exponent, sea_rate)
        loss = np.where(stay > 0, np.maximum(continued, loss), loss)
    return np.asarray(loss)


def _loss_here(
    years: NDArray[Any], rate_um: float, exponent: float | NDArray[Any], sea_um: float
) -> NDArray[np.floating[Any]]:
    """Return the loss after years at one place, µm; the greater of air and sea."""
    air = rate_um * power_law(years, exponent)
    return np.asarray(np.maximum(air, sea_um * years**SPLASH_EXPONENT) if sea_um > 0 else air)


def _years_here(
    loss_um: NDArray[Any], rate_um: float, exponent: float | NDArray[Any], sea_um: float
) -> NDArray[np.floating[Any]]:
    """Return the years in which one place causes a loss in µm; inverse of `_loss_here`."""
    air = power_law_years(loss_um / rate_um, exponent)
    return np.asarray(np.minimum(air, (loss_um / sea_um) ** (1 / SPLASH_EXPONENT)) if sea_um > 0 else air)


def years_to_lose(depth_um: NDArray[Any], starts: ArrayLike, rates_um: ArrayLike, exponent: float) -> NDArray[Any]:
    """Return the years in which metal that corrodes from year 0 on loses `depth_um`; inverse of `loss_um`."""
    begins: list[float] = np.asarray(starts, dtype=float).tolist()
    rates: list[float] = np.asarray(rates_um, dtype=float).tolist()
    years = np.zeros_like(depth_um)
    for begin, rate in zip(begins, rates, strict=True):
        loss_before = float(loss_um(0.0, begin, begins, rates, exponent)) if begin > 0 else 0.0
        equivalent_years = float(power_law_years(loss_before / rate, exponent))
        is_deeper = depth_um > loss_before
        years = np.where(is_deeper, begin + power_law_years(depth_um / rate, exponent) - equivalent_years, years)
    return np.asarray(years)


@dataclass(frozen=True, kw_only=True, eq=False)
class PiecewiseClock:
    """A clock that runs at a different pace in each period: reading r(t), piecewise linear, r(0) = 0.

    A later period does not change any bit of earlier readings.
    """

    starts: NDArray[np.float64]  # (n,) years
    paces: NDArray[np.float64]  # (n,) readings per year, positive

    @staticmethod
    def of(
        starts: Sequence[float] | NDArray[np.float64], paces: Sequence[float] | NDArray[np.float64]
    ) -> "PiecewiseClock":
        """Return a clock from the start of each period, years, and its pace."""
        return PiecewiseClock(starts=np.asarray(starts, dtype=float), paces=np.asarray(paces, dtype=float))

    def _readings(self) -> NDArray[np.float64]:
        return np.concatenate([[0.0], np.cumsum(np.diff(self.starts) * self.paces[:-1])])

    def reading(self, years: ArrayLike) -> NDArray[np.float64]:
        """Return the reading at `years`, in their shape."""
        time = np.asarray(years, dtype=float)
        period = (np.searchsorted(self.starts, time, side="right") - 1).clip(0)
        return np.asarray(self._readings()[period] + self.paces[period] * (time - self.starts[period]))

    def years(self, reading: ArrayLike) -> NDArray[np.float64]:
        """Return the years at which the clock shows `reading`, in its shape; inverse of the method `reading`."""
        shown, knots = np.asarray(reading, dtype=float), self._readings()
        period = (np.searchsorted(knots, shown, side="right") - 1).clip(0)
        return np.asarray(self.starts[period] + (shown - knots[period]) / self.paces[period])
