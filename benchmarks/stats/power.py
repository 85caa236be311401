"""Power: the difference that a study can find, before and after it is run, and how many more runs it needs.

Before, the variances are those of earlier, committed runs (`assumed_spread`). After, they are those of the study.
"""

from dataclasses import dataclass, replace

import numpy as np

from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.crossed_effects import FEW_UNITS, FloatArray, MeanDifference, half_width

POWER = 0.8
TARGET = 0.02
"""Difference of F1 that is worth finding: the goal of renders beside all photos."""

FEWEST_RUNS = 3
"""With fewer runs a study reports means without a test: two runs would miss any difference that matters."""

MOST_RUNS = 100
"""Most runs that are ever recommended."""

_ERROR = 0.05
_POINTS = {2: 12, 3: 8}  # quadrature points along each part of the variance, by the number of parts
_HALVINGS = 20


@dataclass(frozen=True, kw_only=True)
class GainSpread:
    """Standard deviations of the gain of one arm over another: between runs, between units (spots), and residual."""

    run: float
    unit: float
    residual: float


FEW_PHOTOS = GainSpread(run=0.015, unit=0.066, residual=0.154)
ALL_PHOTOS = GainSpread(run=0.004, unit=0.056, residual=0.093)
"""Spread of mixed minus real at 10 % and at 100 % of the photos, by `gain_spread`: root mean squares over both sets of
the committed transfer (`docs/results/transfer`; mobilenet_v2, five runs)."""

BETWEEN_DRAWS = 0.0075
"""SD of a gain between draws of the renders, assumed between 0.005 and 0.010: all committed runs share one draw."""


def gain_spread(gains: FloatArray) -> GainSpread:
    """Return the standard deviations of (runs, units) gains, at least two of both, from their mean squares."""
    runs, units = gains.shape
    moments = crossed_effects.moments(gains)
    unit = float(np.var(moments.unit_means, ddof=1)) - float(moments.residual) * units
    return GainSpread(
        run=float(np.sqrt(max(float(moments.run - moments.residual) * runs, 0.0))),
        unit=float(np.sqrt(max(unit, 0.0))),
        residual=float(np.sqrt(moments.residual * runs * units)),
    )


def assumed_spread(real_fraction: float) -> GainSpread:
    """Return the standard deviations assumed before a study, for the gain of renders at a fraction of the photos."""
    observed = ALL_PHOTOS if real_fraction == 1 else FEW_PHOTOS
    return replace(observed, run=float(np.hypot(observed.run, BETWEEN_DRAWS)))


def detectable_difference(*, runs: int, units: int, spread: GainSpread, comparisons: int = 1) -> float | None:
    """Return the true gain that a planned study would find in 80 % of cases; None if it would make no test.

    Parameters
    ----------
    runs : number of runs of each of the two arms, paired.
    units : spots of the test photos, or photos where spots are not known.
    spread : standard deviations assumed, such as those from `assumed_spread`.
    comparisons : size of the family, over backbones and fractions; the strictest step of Holm is used.
    """
    if runs < FEWEST_RUNS or units < 2:
        return None
    residual = spread.residual**2 / (runs * units)
    alone = spread.unit**2 / units + residual
    true = MeanDifference(
        difference=np.array(0.0),
        run=np.array(spread.run**2 / runs + residual),
        run_freedom=np.array(runs - 1.0),
        unit=np.array(alone if units < FEW_UNITS else alone - residual),
        unit_alone=np.array(alone),
        unit_freedom=units - 1,
    )
    return float(_found_mostly(true, _ERROR / comparisons))


def describe_power(*, runs: int, units: int, unit: str, real_fraction: float, comparisons: int = 1) -> str:
    """Return a line for a plan: the gain of renders that this number of runs would find, with the assumed variances.

    Parameters
    ----------
    runs : number of runs of each arm.
    units : number of test spots, or of test photos.
    unit : "spot", or "photo" where spots are not known.
    real_fraction : share of the photos that trains; it selects the assumed variances.
    comparisons : number of comparisons that are adjusted together.
    """
    share_text = "with all photos" if real_fraction == 1 else f"with {100 * real_fraction:g} % of the photos"
    gain = detectable_difference(runs=runs, units=units, spread=assumed_spread(real_fraction), comparisons=comparisons)
    if gain is None:
        return f"power {share_text}: none, a test needs at least {FEWEST_RUNS} runs and two {unit}s"
    size = "no gain that F1 can have" if gain >= 1 else f"a gain of {gain:.3f} F1"
    return f"power {share_text}: {runs} runs on {units} {unit}s find {size} in 4 of 5 cases"


def more_runs(contrast: MeanDifference, runs: int, p: float, target: float = TARGET) -> int | None:
    """Return how many more runs of each side would find a difference of `target` in 80 % of cases.

    The run part of the variance and the residual in the unit part shrink with the number of runs; degrees of freedom
    grow with it.

    Returns
    -------
    0 if the present runs suffice; None for unequal numbers of runs, or if even `MOST_RUNS` runs do not suffice because
    there are too few units.
    """
    if contrast.other_run is not None:
        return None
    true = _likely(contrast)

    def detected(count: int) -> float:
        factor = runs / count
        scaled = replace(
            true,
            run=true.run * factor,
            run_freedom=true.run_freedom * (count - 1) / (runs - 1),
            unit_alone=true.unit + (true.unit_alone - true.unit) * factor,
        )
        return float(_found_mostly(scaled, p))

    if detected(MOST_RUNS) > target:
        return None
    least, most = runs - 1, MOST_RUNS  # more runs find smaller differences
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if detected(middle) <= target else (middle, most)
    return most - runs


def detectable(contrast: MeanDifference, p: float) -> FloatArray:
    """Return the (...) true difference that such a study finds, at error rate `p`, in 80 % of cases.

    Variances estimated from few runs are mostly too small, so each part is enlarged until half of all estimates would
    be smaller: it is divided by the median of chi-square over its degrees of freedom.
    """
    return _found_mostly(_likely(contrast), p)


def _likely(contrast: MeanDifference) -> MeanDifference:
    """Return the contrast with variances that are overestimated as often as underestimated."""
    from scipy.special import gammaincinv

    def likely(variance: FloatArray, freedom: FloatArray | float) -> FloatArray:
        true: FloatArray = variance * (np.asarray(freedom) / 2) / gammaincinv(np.asarray(freedom) / 2, 0.5)
        return true

    other_run = None if contrast.other_run is None else likely(contrast.other_run, contrast.other_freedom)
    return replace(
        contrast,
        run=likely(contrast.run, contrast.run_freedom),
        unit=likely(contrast.unit, contrast.unit_freedom),
        unit_alone=likely(contrast.unit_alone, contrast.unit_freedom),
        other_run=other_run,
    )


def _found_mostly(true: MeanDifference, p: float) -> FloatArray:
    """Return the (...) difference found in 80 % of cases if the variances are the true ones.

    The estimates of a study scatter about them as chi-square does, and its half width with them: power is the mean
    over that scatter, by Gauss-Legendre quadrature over the quantiles of each part.
    """
    from scipy.special import gammaincinv, ndtr, roots_sh_legendre

    parts = 2 if true.other_run is None else 3
    over = tuple(range(-parts, 0))
    points, weights = roots_sh_legendre(_POINTS[parts])

    def expand(values: FloatArray | float) -> FloatArray:
        """Append one axis per variance component."""
        return np.asarray(values)[(..., *[None] * parts)]

    def estimates(variance: FloatArray, freedom: FloatArray | float, axis: int) -> FloatArray:
        """Return the estimates, along an axis, of studies where `variance` is the true one."""
        quantiles = points.reshape([-1 if index == axis else 1 for index in range(parts)])
        variances: FloatArray = expand(variance) * gammaincinv(expand(freedom) / 2, quantiles) / (expand(freedom) / 2)
        return variances

    estimated = replace(
        true,
        run=estimates(true.run, true.run_freedom, 0),
        run_freedom=expand(true.run_freedom),
        unit=estimates(true.unit, true.unit_freedom, 1),
        unit_alone=estimates(true.unit_alone, true.unit_freedom, 1),
        other_run=None if true.other_run is None else estimates(true.other_run, true.other_freedom, 2),
    )
    half, error = half_width(estimated, p), np.sqrt(true.variance)
    share = np.prod(np.meshgrid(*[weights] * parts, indexing="ij"), axis=0)
    low: FloatArray = np.zeros_like(error)
    high: FloatArray = half.max(axis=over) + 4 * error
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        power = ndtr((expand(middle) - half) / expand(error)) + ndtr((-expand(middle) - half) / expand(error))
        is_too_weak = (power * share).sum(axis=over) < POWER
        low, high = np.where(is_too_weak, middle, low), np.where(is_too_weak, high, middle)
    return high
