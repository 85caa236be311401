"""Scores of forecasts as functions on arrays: one-sided failures, interval score, Brier score and reliability."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

from corrotwin.twin.geometry.atlas import Floats

LEVEL = 5  # percentile that is acted upon
BIN_EDGES = (0.0, 0.05, 0.2, 0.5, 0.8, 1.0)  # of chances, for reliability: narrow where decisions are made


@dataclass(frozen=True, kw_only=True)
class FailureRate:
    """Frequency of failures.

    Parameters
    ----------
    failures, count : numbers of failures and of cases.
    share : failures over count; NaN where there is no case.
    low, high : 95 % confidence interval of Clopper and Pearson.
    """

    failures: int
    count: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Forecast chances within a range, and how often the event happened.

    Parameters
    ----------
    low, high : range of the chances; the upper bound belongs to it.
    predicted : mean chance; NaN without a forecast.
    happened : how often the event happened.
    """

    low: float
    high: float
    predicted: float
    happened: FailureRate


def failure_rate(failed: ArrayLike) -> FailureRate:
    """Return how often a forecast failed, with its confidence interval.

    Parameters
    ----------
    failed : (n,) bool.
    """
    cases = np.asarray(failed, dtype=bool).reshape(-1)
    failures, count = int(cases.sum()), len(cases)
    low = float(beta.ppf(0.025, failures, count - failures + 1)) if failures else 0.0
    high = float(beta.ppf(0.975, failures + 1, count - failures)) if failures < count else 1.0
    return FailureRate(
        failures=failures, count=count, share=failures / count if count else float("nan"), low=low, high=high
    )


def interval_score(truth: ArrayLike, low: ArrayLike, high: ArrayLike, outside: float = 2 * LEVEL / 100) -> Floats:
    """Return the interval score: width, plus a penalty for a truth outside; the smaller the better.

    Gneiting and Raftery, Strictly proper scoring rules, prediction, and estimation, J. Am. Stat. Assoc. 102 (2007) 359,
    equation 43: high - low + 2 / a (low - x) if x < low, + 2 / a (x - high) if x > high.

    Parameters
    ----------
    truth, low, high : (m,) in one unit, which is also that of the score.
    outside : a, the chance of a truth outside of the interval.
    """
    x, least, most = (np.asarray(values, dtype=float) for values in (truth, low, high))
    return np.asarray(most - least + 2 / outside * (np.maximum(least - x, 0) + np.maximum(x - most, 0)))


def brier(chance: ArrayLike, happened: ArrayLike) -> float:
    """Return the Brier score: mean squared difference of a chance and of what happened (0 or 1); 0 is best.

    Parameters
    ----------
    chance : (m,) from 0 to 1.
    happened : (m,) bool.
    """
    return float(np.mean((np.asarray(chance, dtype=float) - np.asarray(happened, dtype=float)) ** 2))


def reliability(chance: ArrayLike, happened: ArrayLike, edges: Sequence[float] = BIN_EDGES) -> list[ReliabilityBin]:
    """Return how often events happened, by range of their forecast chance.

    Parameters
    ----------
    chance : (m,) from 0 to 1.
    happened : (m,) bool.
    edges : of the ranges, ascending from 0 to 1.
    """
    chances, outcomes = np.asarray(chance, dtype=float), np.asarray(happened, dtype=bool)
    bin_index = np.clip(np.searchsorted(edges, chances, side="left") - 1, 0, len(edges) - 2)
    bins = []
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = bin_index == number
        bins.append(
            ReliabilityBin(
                low=low,
                high=high,
                predicted=float(chances[inside].mean()) if inside.any() else float("nan"),
                happened=failure_rate(outcomes[inside]),
            )
        )
    return bins
