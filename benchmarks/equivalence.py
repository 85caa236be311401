"""What follows from the primary test beside p: equality within a margin, adjustment for a family, what it can see."""

import numpy as np

from benchmarks.crossed import Contrast, FloatArray, half_width, p_value

MARGIN = 0.01
"""Scores whose true means differ by less than this are equal for practical purposes."""

POWER = 0.8


def tost(contrast: Contrast, margin: float) -> FloatArray:
    """(...) p of two one-sided tests: small where the true difference lies within plus or minus `margin`.

    Each side's p is half the two-sided p of the distance from the difference to that side; the larger of both counts.

    References
    ----------
    D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    inside = margin - np.abs(contrast.difference)
    half = p_value(contrast, np.abs(inside)) / 2
    return np.where(inside > 0, half, 1 - half)


def holm(p: FloatArray) -> FloatArray:
    """Holm's adjusted p-values over the last axis.

    References
    ----------
    S. Holm, Scandinavian Journal of Statistics 6, 1979; for one row the same as statsmodels' `multipletests`.
    """
    order = np.argsort(p, axis=-1)
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(p.shape[-1], 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1), axis=-1)
    return adjusted


def detectable(contrast: Contrast, p: float) -> FloatArray:
    """(...) true difference that such a study would find, at error rate `p`, in 80 % of cases.

    It is the half width of the interval plus that of the one-sided 80 % quantile: the sum rule of sample-size
    formulas (G. W. Snedecor, W. G. Cochran, Statistical Methods, section on sample size), with estimated variances.
    """
    return half_width(contrast, p) + half_width(contrast, 2 * (1 - POWER))
