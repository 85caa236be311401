"""Checks beside the primary test: a bootstrap, Games-Howell, and how far assumptions hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.tukey import CONFIDENCE, Pair, tukey

DRAWS = 2000


def games_howell(groups: Mapping[str, Sequence[float] | FloatArray]) -> list[Pair]:
    """Return Games and Howell's test of all pairs: Tukey's HSD without one common variance, by statsmodels."""
    return tukey(groups, equal_variances=False)


def bootstrap_between(
    first: FloatArray, second: FloatArray, *, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """Return the 95 % percentile interval of mean(second) - mean(first), with runs and units both drawn again.

    Rows (runs) are drawn for each backbone, columns (units) once for both: the pigeonhole bootstrap. It counts the
    residual variance up to three times, so it errs towards wide intervals where there are many runs; with two or three
    runs percentiles are too narrow.

    Parameters
    ----------
    first, second : (runs, units) scores, each with its own runs, on the same units.

    References
    ----------
    A. B. Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1, 2007.
    """
    units = _weights(first.shape[1], draws, rng)
    return _interval(_means(second, units, rng) - _means(first, units, rng))


def bootstrap_paired(differences: FloatArray, *, rng: np.random.Generator, draws: int = DRAWS) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of (runs, units) differences of two arms; otherwise as above."""
    return _interval(_means(differences, _weights(differences.shape[1], draws, rng), rng))


def _weights(count: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return the (draws, count) share of each in samples of `count` with replacement."""
    return rng.multinomial(count, np.full(count, 1 / count), size=draws) / count


def _means(scores: FloatArray, units: FloatArray, rng: np.random.Generator) -> FloatArray:
    means: FloatArray = np.einsum("du,du->d", _weights(len(scores), len(units), rng) @ scores, units)
    return means


def _interval(values: FloatArray) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class ScoreSpread:
    """Standard deviations behind the scores of one backbone, which the tests assume to be alike.

    Parameters
    ----------
    runs, units : how many.
    run_means : of the means of the runs, as Table II has it.
    run : of the run effect alone, without what the residual adds to a mean; 0 where that is all.
    unit : of the means of the units: easy and hard photos.
    residual : of the residual of run and unit.
    """

    runs: int
    units: int
    run_means: float
    run: float
    unit: float
    residual: float


def spread(scores: FloatArray) -> ScoreSpread:
    """Return the standard deviations of (runs, units) scores of at least two runs and units, from the mean squares."""
    runs, units = scores.shape
    found = crossed_effects.moments(scores)
    return ScoreSpread(
        runs=runs,
        units=units,
        run_means=float(np.sqrt(found.run * runs)),
        run=float(np.sqrt(max(float(found.run - found.residual) * runs, 0.0))),
        unit=float(np.std(found.unit_means, ddof=1)),
        residual=float(np.sqrt(found.residual * runs * units)),
    )


def normal_quantiles(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (n,) theoretical and (n,) sorted standardised quantiles of at least two values.

    For run means minus the mean of their backbone, or for differences of unit means of two backbones.
    """
    from scipy.stats import probplot

    spread_of = values.std(ddof=1)
    standardised = (values - values.mean()) / (spread_of if spread_of > 0 else 1.0)
    theoretical, ordered = probplot(standardised, fit=False)
    return theoretical, ordered
