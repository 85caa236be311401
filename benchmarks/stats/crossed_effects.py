"""The primary test: a comparison of mean scores with runs and units both treated as random effects.

A unit is a spot (all photos of one place), or a photo if every photo shows a different place. The score of run r of
backbone b on unit i is modelled as

    y_bri = mean_b + unit_i + (backbone x unit)_bi + run_br + residual_bri,

where all terms but the means are random and independent: another run or bridge would give other values. For two arms
the same holds for the differences d_ri between the arms of one run: mean + unit_i + run_r + residual_ri.

The variance of a difference of means is the sum of a run part and a unit part, each with its own degrees of freedom.
Both are estimated from the two sides compared, so a third with an unusual variance has no effect. With R runs of each
of two backbones and I units it is 2 V / (R I), V = MS_run + MS_backbone x unit - MS_residual, by the mean squares of
the analysis of variance. **A negative unit part counts as zero**, so V is at least MS_run. With fewer than ten units
the residual stays in the unit part: when it was subtracted, intervals missed in 8 % of sets with ten runs on two units
and in 6 % on five, at nominal 5 %. Backbones with unequal numbers of runs have two run parts, each with degrees of
freedom of its own: one part with Welch's combined degrees of freedom missed in 10 % with two runs against ten.

Intervals and p-values are Banerjee's: the half width at error rate p is sqrt(sum_k variance_k t_k(p)^2), with t_k the
two-sided quantile at the part's own degrees of freedom. As the distribution function of chi-square with one degree of
freedom is concave, the error is at most p whatever the true variances, with two exceptions: a unit part from which the
residual is subtracted, and one run part for two backbones with equally many runs. `tools.simulation` shows their
effect, for ten units and more. **No interval is narrower than Student's on the unit means alone**: MS_run includes the
residual, and is too small if few runs happen to agree, so that MS_run falls below MS_residual. Satterthwaite's single
number of degrees of freedom is too large in that case: at nominal 5 % it gave 9, 19 and 39 % false alarms in families
of arms with five, three and two runs, and with the studentized range 7, 11 and 19 % in families of backbones. The
studentized range also assumes one common variance, which pairs with their own variances do not have (Games and Howell
found it unsatisfactory below six values per group); so families are adjusted by Bonferroni and Holm.

**Scores may be missing** if runs are not tested on the spots that they train on, which each run draws for itself: they
are filled in by the additive model (unit plus run, least squares), so that means of runs and units are those of least
squares. The residual's degrees of freedom, and the number of scores that divides its mean square, count only scores
that are present (unweighted means: Searle, Casella, McCulloch, section 4.7). So a run does not gain from test spots
that happen to be easy. With a tenth or a fifth of the scores missing, tests found a difference in 2 to 5 % of 600 sets
without any, as with no score missing.

References
----------
S. K. Banerjee, Approximate confidence interval for linear functions of means of k populations when the population
variances are not equal, Sankhya 22, 1960. Mean squares and their expectations: S. R. Searle, G. Casella, C. E.
McCulloch, Variance Components, 1992, chapter 4. P. A. Games, J. F. Howell, Journal of Educational Statistics 1, 1976.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

FEW_UNITS = 10
"""With fewer units than this, the residual is not subtracted from the unit part."""

GREATEST = 1.0
"""Greatest difference that two scores can have; intervals end there."""

ZERO_VARIANCE = 1e-24
"""Variances of a difference of scores up to this are rounding errors: standard errors below 1e-12."""

_SMALLEST_LOG_P = float(np.log(1e-16))
_HALVINGS = 40  # bisections of the interval that contains log p: the error is below 1e-10


class TooFewScoresError(ValueError):
    """Too many scores are missing to fill them in, or to leave a residual."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Sufficient statistics of R runs on I units for the test; leading axes (...) hold many such tables.

    Parameters
    ----------
    runs : R.
    mean : (...) mean over runs and units.
    unit_means : (..., I) means over the runs.
    run : (...) variance of the run means over R: MS_run / (R I).
    residual : (...) MS_residual / (R I).
    """

    runs: int
    mean: FloatArray
    unit_means: FloatArray
    run: FloatArray
    residual: FloatArray

    def at(self, index: Any) -> "Moments":
        """Return the tables at `index` of the leading axes, indexed as in numpy."""
        return Moments(
            runs=self.runs,
            mean=self.mean[index],
            unit_means=self.unit_means[index],
            run=self.run[index],
            residual=self.residual[index],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanDifference:
    """An estimated difference of means, (...), and the parts of its variance with their degrees of freedom.

    `unit_alone` is the variance of the unit means divided by their number; `unit` is the same minus the residual. If
    two backbones have unequal numbers of runs, `run` is the run part of the first and `other_run` that of the second.
    """

    difference: FloatArray
    run: FloatArray
    run_freedom: FloatArray
    unit: FloatArray
    unit_alone: FloatArray
    unit_freedom: int
    other_run: FloatArray | None = None
    other_freedom: int = 1

    @property
    def variance(self) -> FloatArray:
        """Estimated variance of the difference, (...): no less than that of the unit means alone."""
        parts = self.run + self.unit if self.other_run is None else self.run + self.unit + self.other_run
        variance: FloatArray = np.maximum(parts, self.unit_alone)
        return variance


def unit_means(scores: FloatArray, groups: Sequence[Hashable]) -> FloatArray:
    """Return the mean score of each unit over its photos, so that a spot with many photos counts once.

    Parameters
    ----------
    scores : (..., photos), NaN where missing; the mean of a unit without any score is NaN.
    groups : (photos,) the unit of each photo.

    Returns
    -------
    (..., units), in order of first appearance.
    """
    column = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    member = np.zeros((len(groups), len(column)))
    member[np.arange(len(groups)), [column[group] for group in groups]] = 1
    present = np.isfinite(scores)
    counts = present @ member
    means: FloatArray = np.where(present, scores, 0.0) @ member / np.where(counts > 0, counts, np.nan)
    return means


def filled(scores: FloatArray) -> FloatArray:
    """Return (R, I) scores, with missing ones (NaN) filled in by the additive model of runs and units.

    Raises
    ------
    TooFewScoresError
        A run or a unit has no score, or runs and units fall into parts with no score in common.
    """
    present = np.isfinite(scores)
    if present.all():
        return scores
    if not (present.any(axis=0).all() and present.any(axis=1).all()):
        raise TooFewScoresError("a run or a unit has no score: leave it out")
    runs, units = scores.shape
    rows, columns = np.nonzero(present)
    design = np.zeros((len(rows), runs + units))
    design[np.arange(len(rows)), rows] = design[np.arange(len(rows)), runs + columns] = 1
    effects, _, rank, _ = np.linalg.lstsq(design, scores[present], rcond=None)
    if rank < runs + units - 1:
        raise TooFewScoresError("runs and units fall into parts that have no score in common")
    table: FloatArray = np.where(present, scores, effects[:runs, None] + effects[None, runs:])
    return table


def run_means(scores: FloatArray) -> FloatArray:
    """Return the means over units of (R, I) scores; missing ones are filled in or, if that is impossible, ignored."""
    try:
        means: FloatArray = filled(scores).mean(axis=1)
    except TooFewScoresError:
        means = np.nanmean(scores, axis=1)
    return means


def moments(scores: FloatArray) -> Moments:
    """Return means and mean squares of `scores`, (..., R, I); a single (R, I) table may have missing scores, NaN.

    Raises
    ------
    ValueError
        Fewer than two runs or two units, or a score that is not finite.
    TooFewScoresError
        No residual would be left, or `filled` raises it.
    """
    runs, units = scores.shape[-2:]
    if runs < 2 or units < 2:
        raise ValueError(f"{runs} runs on {units} units: variances need at least two of both")
    missing = int(np.isnan(scores).sum())
    if missing and scores.ndim > 2:
        raise ValueError("scores are missing in one of several tables")
    if missing:
        scores = filled(scores)
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite")
    freedom = (runs - 1) * (units - 1) - missing
    if freedom < 1:
        raise TooFewScoresError(f"{missing} of {runs * units} scores are missing: too few are left")
    run_means, means = scores.mean(axis=-1), scores.mean(axis=-2)
    mean = run_means.mean(axis=-1)
    residuals = scores - run_means[..., :, None] - means[..., None, :] + mean[..., None, None]
    return Moments(
        runs=runs,
        mean=mean,
        unit_means=means,
        run=run_means.var(axis=-1, ddof=1) / runs,
        residual=np.einsum("...ri,...ri->...", residuals, residuals) / (freedom * (runs * units - missing)),
    )


def between(first: Moments, second: Moments) -> MeanDifference:
    """Return mean of `second` minus mean of `first`: backbones, each with its own runs, on the same units.

    With equally many runs the run part is the sum of both run variances, with Welch's degrees of freedom; otherwise
    each is a part of its own.
    """
    differences = second.unit_means - first.unit_means
    unit, alone = _unit_parts(differences, first.residual, second.residual)
    difference, unit_freedom = second.mean - first.mean, differences.shape[-1] - 1
    if first.runs != second.runs:
        return MeanDifference(
            difference=difference,
            run=first.run,
            run_freedom=np.full_like(first.run, first.runs - 1),
            unit=unit,
            unit_alone=alone,
            unit_freedom=unit_freedom,
            other_run=second.run,
            other_freedom=second.runs - 1,
        )
    run = first.run + second.run
    share = np.divide(first.run, run, out=np.full_like(run, 0.5), where=run > 0)
    return MeanDifference(
        difference=difference,
        run=run,
        run_freedom=1 / (share**2 / (first.runs - 1) + (1 - share) ** 2 / (second.runs - 1)),
        unit=unit,
        unit_alone=alone,
        unit_freedom=unit_freedom,
    )


def paired(differences: Moments) -> MeanDifference:
    """Return the mean difference of two arms whose runs belong together (one seed, one subset of the real photos)."""
    means = differences.unit_means
    unit, alone = _unit_parts(means, differences.residual)
    return MeanDifference(
        difference=differences.mean,
        run=differences.run,
        run_freedom=np.full_like(differences.run, differences.runs - 1),
        unit=unit,
        unit_alone=alone,
        unit_freedom=means.shape[-1] - 1,
    )


def _unit_parts(means: FloatArray, *residuals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the (...) between-unit variance of a difference, (..., I), residual-corrected and uncorrected."""
    alone: FloatArray = means.var(axis=-1, ddof=1) / means.shape[-1]
    if means.shape[-1] < FEW_UNITS:
        return alone, alone
    reduced: FloatArray = np.maximum(alone - sum(residuals), 0)
    return reduced, alone


def half_width(contrast: MeanDifference, p: float | FloatArray) -> FloatArray:
    """Return the (...) half width of the interval that misses the true difference with probability at most `p`."""
    from scipy.special import stdtrit

    run, unit = (stdtrit(freedom, np.asarray(p) / 2) for freedom in (contrast.run_freedom, contrast.unit_freedom))
    square: FloatArray = contrast.run * run**2 + contrast.unit * unit**2
    if contrast.other_run is not None:
        square = square + contrast.other_run * stdtrit(contrast.other_freedom, np.asarray(p) / 2) ** 2
    width: FloatArray = np.sqrt(np.maximum(square, contrast.unit_alone * unit**2))
    return width


def interval(contrast: MeanDifference, p: float) -> tuple[float, float]:
    """Return the interval of one difference of scores that misses the true one with probability at most `p`."""
    difference, half = float(contrast.difference), float(half_width(contrast, p))
    return max(difference - half, -GREATEST), min(difference + half, GREATEST)


def p_value(contrast: MeanDifference, size: FloatArray | None = None) -> FloatArray:
    """Return the (...) two-sided p: the error rate whose half width is the difference, by bisection; at least 1e-16.

    Parameters
    ----------
    contrast : difference, with a variance above `ZERO_VARIANCE`.
    size : (...) value to use in place of the absolute difference.
    """
    size = np.abs(contrast.difference) if size is None else size
    low, high = np.full(np.shape(size), _SMALLEST_LOG_P), np.zeros(np.shape(size))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        wider = half_width(contrast, np.exp(middle)) > size
        low, high = np.where(wider, middle, low), np.where(wider, high, middle)
    p: FloatArray = np.exp(high)
    return p
