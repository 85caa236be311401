"""Estimates from (runs, units) tables with 95 % intervals: means, ratios of means, ratios of spreads.

Everything uses the test of `benchmarks.stats.crossed_effects`: runs and spots are both samples. A ratio of two means
is tested as the difference "top minus rho times bottom"; its interval contains every rho that the test does not reject
(Fieller, Journal of the Royal Statistical Society B 16, 1954).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.comparison import ERROR
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.power import FEWEST_RUNS


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval; None where it does not exist."""

    value: float | None
    low: float | None = None
    high: float | None = None


def tested(values: FloatArray) -> FloatArray:
    """Return (runs, units) scores, leaving out the units on which no run was tested."""
    return values[:, np.isfinite(values).any(axis=0)]


def mean(values: FloatArray, least: float = 0.0, *, fewest_runs: int = 2) -> Estimate:
    """Return the mean of (runs, units) values in [`least`, 1], with runs and units both samples.

    Its interval stays within `least` and 1. With fewer than `fewest_runs` runs there is no interval.
    """
    if not values.size:
        return Estimate(value=None)
    try:
        moments = crossed_effects.moments(values)
    except ValueError:  # one run or one unit only, or too few scores
        return Estimate(value=float(np.nanmean(values)))
    if len(values) < fewest_runs:
        return Estimate(value=float(moments.mean))
    low, high = crossed_effects.interval(crossed_effects.paired(moments), ERROR)
    return Estimate(value=float(moments.mean), low=max(least, low), high=high)


def spread(top: FloatArray, bottom: FloatArray) -> Estimate:
    """Return the ratio of the standard deviations over runs of two (runs, units) tables of the same runs and units.

    Its interval is Pitman's for two variances of paired values (Biometrika 31, 1939), exact for normal ones; with
    fewer than `power.FEWEST_RUNS` runs there is none. A percentile bootstrap of the runs ended below the true ratio in
    17 to 21 % of sets of three runs.
    """
    if len(top) < FEWEST_RUNS:
        return Estimate(value=None)
    try:
        above, below = (crossed_effects.filled(table).mean(axis=1) for table in (top, bottom))
    except crossed_effects.TooFewScoresError:
        return Estimate(value=None)
    if min(above.std(), below.std()) < 1e-9:
        return Estimate(value=None)
    from scipy.special import stdtrit

    freedom = len(top) - 2
    value = above.std(ddof=1) / below.std(ddof=1)
    unshared = max(0.0, 1 - np.corrcoef(above, below)[0, 1] ** 2)
    wide = 1 + 2 * unshared * stdtrit(freedom, ERROR / 2) ** 2 / freedom
    factor = np.sqrt(wide + np.sqrt(wide**2 - 1))
    return Estimate(value=float(value), low=float(value / factor), high=float(value * factor))


def ratio(top: FloatArray, bottom: FloatArray, *, fewest_runs: int = 2) -> Estimate:
    """Return the ratio of the means of two (runs, units) tables of the same runs and units, with Fieller's interval.

    There is an interval only if the test shows that the bottom is above zero (otherwise it would be unbounded, or no
    interval), and only with at least `fewest_runs` runs. There is no value if the bottom is not above zero, or if too
    many scores are missing (NaN) to fill them in.
    """
    if not top.size:
        return Estimate(value=None)
    try:
        above, below = (crossed_effects.filled(table).mean() for table in (top, bottom))
    except crossed_effects.TooFewScoresError:
        return Estimate(value=None)
    if below <= 0:
        return Estimate(value=None)
    value = float(above / below)

    def rejects(rho: float, share: float) -> bool:
        """Return whether the test rejects that share * top minus rho * bottom is zero on average."""
        contrast = crossed_effects.paired(crossed_effects.moments(share * top - rho * bottom))
        return bool(abs(contrast.difference) > crossed_effects.half_width(contrast, ERROR))

    try:
        if min(top.shape) < 2 or len(top) < fewest_runs or not rejects(1.0, 0.0):
            return Estimate(value=value)
        low = value - _reach(lambda distance: rejects(value - distance, 1.0))
        high = value + _reach(lambda distance: rejects(value + distance, 1.0))
    except crossed_effects.TooFewScoresError:
        return Estimate(value=value)
    return Estimate(value=value, low=low, high=high)


def _reach(refused: Callable[[float], bool]) -> float:
    """Return the distance at which the test begins to reject, by doubling, then bisection."""
    inside, outside = 0.0, 1e-3
    while not refused(outside):
        inside, outside = outside, 2 * outside
    for _ in range(40):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if refused(middle) else (middle, outside)
    return outside
