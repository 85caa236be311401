"""Test of equality within a margin, by the primary test, and adjustment of p-values for a family."""

import numpy as np

from corrotwin.benchmarks.stats.crossed_effects import FloatArray, MeanDifference, p_value

MARGIN = 0.01
"""Scores whose true means differ by less than this are equal for practical purposes."""


def tost(contrast: MeanDifference, margin: float) -> FloatArray:
    """Return the (...) p of two one-sided tests: small if the true difference lies within plus or minus `margin`.

    Each side's p is half the two-sided p of the distance from the difference to that side; the larger of both counts.

    References
    ----------
    D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    inside = margin - np.abs(contrast.difference)
    half = p_value(contrast, np.abs(inside)) / 2
    return np.where(inside > 0, half, 1 - half)


def holm(p: FloatArray) -> FloatArray:
    """Return Holm's adjusted p-values over the last axis.

    References
    ----------
    S. Holm, Scandinavian Journal of Statistics 6, 1979; a single row gives the same as statsmodels' `multipletests`.
    """
    order = np.argsort(p, axis=-1)
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(p.shape[-1], 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1), axis=-1)
    return adjusted
