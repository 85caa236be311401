"""Statistical tests of a simulated study: the primary one and its competitors.

Each takes the scores of many made-up studies at once and answers, for any true difference that is added to them, which
comparisons it calls different and which equal within the margin.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.benchmarks.stats.comparison import ERROR
from corrotwin.benchmarks.stats.crossed_effects import (
    FloatArray,
    MeanDifference,
    between,
    half_width,
    moments,
    p_value,
    paired,
)
from corrotwin.benchmarks.stats.equivalence import MARGIN, holm, tost
from corrotwin.benchmarks.stats.power import detectable

BoolArray = npt.NDArray[np.bool_]

CROSSED = "crossed (primary)"
RANGE = "crossed, studentized range"
SATTERTHWAITE = "crossed, Satterthwaite, Holm"
PHOTOS = "crossed, photos as units"
RUN_MEANS = "Tukey on run means"
POOLED = "Tukey on pooled images"
IMAGE_MEANS = "paired image means, Holm"
RUN_PAIRS = "paired run means, Holm"


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The answers of a test to (sets, m) comparisons.

    Parameters
    ----------
    difference : (sets, m) estimated differences.
    different : takes differences, (sets, m), and returns which of them the test calls different.
    equal : takes differences and returns which it calls equal within the margin; None if the test makes no such claim.
    detectable : (sets, m) differences that it claims to find in 80 % of cases; None if it makes no such claim.
    """

    difference: FloatArray
    different: Callable[[FloatArray], BoolArray]
    equal: Callable[[FloatArray], BoolArray] | None = None
    detectable: FloatArray | None = None


def between_backbones(scores: FloatArray, photos_a_spot: int) -> dict[str, Answers]:
    """Apply every test to all pairs of backbones: (sets, B, R, photos) scores, photos of one spot side by side."""
    sets, count, runs, photos = scores.shape
    first, second = map(np.array, zip(*itertools.combinations(range(count), 2), strict=True))
    table = moments(_spots(scores, photos_a_spot))
    first_moments, second_moments = table.at((slice(None), first)), table.at((slice(None), second))
    contrast = between(first_moments, second_moments)
    residual = first_moments.residual + second_moments.residual
    freedom = (2 * (runs - 1), contrast.unit_freedom, 2 * (runs - 1) * contrast.unit_freedom)
    variance, effective = _satterthwaite(contrast.run, contrast.unit_alone, residual, freedom)
    image_means = scores.mean(axis=2)
    image_differences = image_means[:, second] - image_means[:, first]
    within = {
        RUN_MEANS: (scores.mean(axis=3), runs),
        POOLED: (scores.reshape(sets, count, runs * photos), runs * photos),
    }
    result = {
        CROSSED: _primary(contrast, is_simultaneous=True),
        RANGE: _studentized(contrast.difference, variance, count, effective),
        IMAGE_MEANS: _t_test(
            image_differences.mean(axis=-1), image_differences.var(axis=-1, ddof=1) / photos, photos - 1
        ),
    }
    for name, (values, size) in within.items():
        pooled = 2 * values.var(axis=-1, ddof=1).mean(axis=1, keepdims=True) / size
        result[name] = _studentized(image_differences.mean(axis=-1), pooled, count, np.array(count * (size - 1.0)))
    if photos_a_spot > 1:
        single = moments(scores)
        photo_contrast = between(single.at((slice(None), first)), single.at((slice(None), second)))
        result[PHOTOS] = _primary(photo_contrast, is_simultaneous=True)
    return result


def between_uneven_backbones(scores: Sequence[FloatArray], photos_a_spot: int) -> dict[str, Answers]:
    """Apply the primary test to backbones with unequal runs: (sets, R, photos) scores of each."""
    tables = [moments(_spots(backbone_scores, photos_a_spot)) for backbone_scores in scores]
    contrasts = [between(first, second) for first, second in itertools.combinations(tables, 2)]
    error = ERROR / len(contrasts)
    width = np.stack([half_width(contrast, error) for contrast in contrasts], axis=-1)

    def equal(values: FloatArray) -> BoolArray:
        shifted = [replace(contrast, difference=values[:, index]) for index, contrast in enumerate(contrasts)]
        return holm(np.stack([tost(shifted_contrast, MARGIN) for shifted_contrast in shifted], axis=-1)) < ERROR

    return {
        CROSSED: Answers(
            difference=np.stack([contrast.difference for contrast in contrasts], axis=-1),
            different=lambda values: np.abs(values) > width,
            equal=equal,
            detectable=np.stack([detectable(contrast, error) for contrast in contrasts], axis=-1),
        )
    }


def between_arms(differences: FloatArray, photos_a_spot: int) -> dict[str, Answers]:
    """Apply every test to an arm against its base: (sets, m, R, photos) differences of m comparisons."""
    _, _, runs, photos = differences.shape
    table = moments(_spots(differences, photos_a_spot))
    contrast = paired(table)
    spots = contrast.unit_freedom + 1
    freedom = (runs - 1, spots - 1, (runs - 1) * (spots - 1))
    image_means = differences.mean(axis=2)
    result = {
        CROSSED: _primary(contrast, is_simultaneous=False),
        SATTERTHWAITE: _t_test(table.mean, *_satterthwaite(table.run, contrast.unit_alone, table.residual, freedom)),
        RUN_PAIRS: _t_test(table.mean, table.run, runs - 1),
        IMAGE_MEANS: _t_test(table.mean, image_means.var(axis=-1, ddof=1) / photos, photos - 1),
    }
    if photos_a_spot > 1:
        result[PHOTOS] = _primary(paired(moments(differences)), is_simultaneous=False)
    return result


def _spots(scores: FloatArray, photos_a_spot: int) -> FloatArray:
    means: FloatArray = scores.reshape(*scores.shape[:-1], -1, photos_a_spot).mean(axis=-1)
    return means


def _primary(contrast: MeanDifference, *, is_simultaneous: bool) -> Answers:
    """Apply `benchmarks.stats.comparison` to many families at once."""
    members = contrast.difference.shape[-1]
    width = half_width(contrast, ERROR / members)

    def different(values: FloatArray) -> BoolArray:
        if is_simultaneous:
            return np.abs(values) > width
        return holm(p_value(contrast, np.abs(values))) < ERROR

    def equal(values: FloatArray) -> BoolArray:
        return holm(tost(replace(contrast, difference=values), MARGIN)) < ERROR

    return Answers(
        difference=contrast.difference,
        different=different,
        equal=equal,
        detectable=detectable(contrast, ERROR / members),
    )


def _t_test(difference: FloatArray, variance: FloatArray, freedom: float | FloatArray) -> Answers:
    """Apply Student's t with Holm over the family; equal by two one-sided tests, also with Holm."""
    from scipy.special import stdtr

    error = np.sqrt(variance)
    return Answers(
        difference=difference,
        different=lambda values: holm(2 * stdtr(freedom, -np.abs(values) / error)) < ERROR,
        equal=lambda values: holm(stdtr(freedom, (np.abs(values) - MARGIN) / error)) < ERROR,
    )


def _studentized(difference: FloatArray, variance: FloatArray, count: int, freedom: FloatArray) -> Answers:
    """Apply Tukey's test with a variance for the difference."""
    width = _critical_range(count)(freedom) * np.sqrt(variance / 2)
    return Answers(difference=difference, different=lambda values: np.abs(values) > width)


def _satterthwaite(
    run: FloatArray, unit: FloatArray, residual: FloatArray, freedom: tuple[float, float, float]
) -> tuple[FloatArray, FloatArray]:
    """Return the variance of a difference, infinite if not above 0, and Satterthwaite's degrees of freedom.

    References
    ----------
    F. E. Satterthwaite, Biometrics Bulletin 2, 1946.
    """
    variance = run + unit - residual
    components = zip((run, unit, residual), freedom, strict=True)
    effective = variance**2 / sum(component**2 / degrees for component, degrees in components)
    return np.where(variance > 0, variance, np.inf), effective


@cache
def _critical_range(count: int) -> Callable[[Any], Any]:
    """Return the 95 % quantile of the studentized range by degrees of freedom, from 0.63 up, within 0.1 %."""
    from scipy.interpolate import PchipInterpolator
    from scipy.stats import studentized_range

    inverse = np.concatenate([[1e-6], np.linspace(0.01, 0.06, 5), np.linspace(0.1, 0.5, 9), np.linspace(0.6, 1.6, 11)])
    quantiles = [studentized_range.ppf(1 - ERROR, count, 1 / value) for value in inverse]
    logarithm = PchipInterpolator(inverse, np.log(quantiles))
    return lambda freedom: np.exp(logarithm(np.clip(1 / np.maximum(freedom, 1e-9), inverse[0], inverse[-1])))
