"""Equality within a margin, adjustment for a family, and detectable differences, from the primary test."""

from dataclasses import replace

import numpy as np

from corrotwin.benchmarks.stats.crossed_effects import FloatArray, MeanDifference, half_width, p_value

MARGIN = 0.01
"""Scores whose true means differ by less than this are equal for practical purposes."""

POWER = 0.8
_POINTS = {2: 12, 3: 8}  # along each part of the variance, by the number of parts
_HALVINGS = 20


def tost(contrast: MeanDifference, margin: float) -> FloatArray:
    """Return the (...) p of two one-sided tests: small where the true difference lies within plus or minus `margin`.

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
    S. Holm, Scandinavian Journal of Statistics 6, 1979; for one row the same as statsmodels' `multipletests`.
    """
    order = np.argsort(p, axis=-1)
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(p.shape[-1], 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1), axis=-1)
    return adjusted


def detectable(contrast: MeanDifference, p: float) -> FloatArray:
    """Return the (...) true difference that such a study finds, at error rate `p`, in 80 % of cases.

    Variances estimated from few runs are mostly too small, so each part is taken as so large that half of all
    estimates would be smaller: divided by the median of chi-square over its degrees of freedom. What another study
    would estimate scatters about that as chi-square does, and its half width with it: power is the mean over that, by
    Gauss-Legendre over the quantiles of each part.
    """
    from scipy.special import gammaincinv, ndtr, roots_sh_legendre

    parts = 2 if contrast.other_run is None else 3
    over = tuple(range(-parts, 0))
    points, weights = roots_sh_legendre(_POINTS[parts])

    def apart(values: FloatArray | float) -> FloatArray:
        """Append one axis per variance component."""
        return np.asarray(values)[(..., *[None] * parts)]

    def likely(variance: FloatArray, freedom: FloatArray | float) -> FloatArray:
        """Return the true variance that is as often under- as overestimated."""
        true: FloatArray = variance * (np.asarray(freedom) / 2) / gammaincinv(np.asarray(freedom) / 2, 0.5)
        return true

    def estimates(variance: FloatArray, freedom: FloatArray | float, axis: int) -> FloatArray:
        """Return what studies would estimate where it is the true variance, along an axis."""
        at = points.reshape([-1 if each == axis else 1 for each in range(parts)])
        found: FloatArray = apart(variance) * gammaincinv(apart(freedom) / 2, at) / (apart(freedom) / 2)
        return found

    freedoms = (contrast.run_freedom, contrast.unit_freedom, contrast.other_freedom)
    other = None if contrast.other_run is None else likely(contrast.other_run, freedoms[2])
    true = replace(
        contrast,
        run=likely(contrast.run, freedoms[0]),
        unit=likely(contrast.unit, freedoms[1]),
        unit_alone=likely(contrast.unit_alone, freedoms[1]),
        other_run=other,
    )
    again = replace(
        contrast,
        run=estimates(true.run, freedoms[0], 0),
        run_freedom=apart(contrast.run_freedom),
        unit=estimates(true.unit, freedoms[1], 1),
        unit_alone=estimates(true.unit_alone, freedoms[1], 1),
        other_run=None if other is None else estimates(other, freedoms[2], 2),
    )
    half, error = half_width(again, p), np.sqrt(true.variance)
    share = np.prod(np.meshgrid(*[weights] * parts, indexing="ij"), axis=0)
    low: FloatArray = np.zeros_like(error)
    high: FloatArray = half.max(axis=over) + 4 * error
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = ndtr((apart(middle) - half) / apart(error)) + ndtr((-apart(middle) - half) / apart(error))
        is_short = (found * share).sum(axis=over) < POWER
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return high
