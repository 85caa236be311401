"""The threshold of a run: that of best smoothed mean F1 on its validation photos, if they can tell it from one half."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.config import THRESHOLD
from corrotwin.segmentation.evaluation.curves import STEPS, Histograms, counts
from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.twin.core.errors import InputError

CANDIDATES = np.arange(1, STEPS) / STEPS  # `curves.edges` holds them exactly
LOWEST, HIGHEST = 0.05, 0.95  # beyond these, the smoothed curve rests on the few thresholds at its end
WINDOW = 51  # candidates to which one parabola is fitted: a fifth of the range
FEWEST_GROUPS = 10
RESAMPLES = 1000


@dataclass(frozen=True, kw_only=True)
class ThresholdChoice:
    """A threshold on the corrosion probability, and how certain it is; `run.json` holds its fields.

    `value` is `THRESHOLD` if the photos are of fewer than `FEWEST_GROUPS` groups, or if `gain`, the smoothed mean F1 at
    the best threshold less that at `THRESHOLD`, is at most `gain_se`, its standard error by a bootstrap over groups.
    `best` is the best threshold and `low` to `high` its 95 % interval by the same bootstrap; these, `gain` and
    `gain_se` are None with too few groups.
    """

    value: float
    photos: int
    groups: int
    best: float | None = None
    low: float | None = None
    high: float | None = None
    gain: float | None = None
    gain_se: float | None = None


def choose(gathered: Histograms, groups: Sequence[str]) -> ThresholdChoice:
    """Choose the threshold of best mean F1 over photos, smoothed over thresholds.

    Mean F1 at each candidate is smoothed by parabolas fitted to `WINDOW` candidates around it (A. Savitzky, M. Golay,
    Analytical Chemistry 36, 1964): the maximum of the raw curve follows the accidents of a few photos.

    Parameters
    ----------
    gathered : histograms of n validation photos.
    groups : group of each photo; photos of one spot resemble each other, so they are drawn together.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    photos = len(gathered.image)
    if len(names) < FEWEST_GROUPS:
        return ThresholdChoice(value=THRESHOLD, photos=photos, groups=len(names))
    sums = np.zeros((len(names), len(CANDIDATES)))
    for place, f1 in zip(group, _f1(gathered), strict=True):
        sums[place] += f1
    sizes = np.bincount(group).astype(np.float64)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    resampled = _smoothed((drawn @ sums) / (drawn @ sizes)[:, None])
    mean_curve = _smoothed(sums.sum(axis=0) / sizes.sum())
    half = int(np.flatnonzero(CANDIDATES == THRESHOLD)[0])
    best = _best(mean_curve[None])[0]
    gains = resampled[:, best] - resampled[:, half]
    gain, gain_se = float(mean_curve[best] - mean_curve[half]), float(gains.std(ddof=1))
    low, high = np.percentile(CANDIDATES[_best(resampled)], (2.5, 97.5))
    return ThresholdChoice(
        value=float(CANDIDATES[best]) if gain > gain_se else THRESHOLD,
        photos=photos, groups=len(names), best=float(CANDIDATES[best]), low=float(low), high=float(high), gain=gain,
        gain_se=gain_se,
    )  # fmt: skip


def describe(stored: Mapping[str, Any] | None) -> str:
    """Describe where a threshold comes from, as a clause; empty if nothing chose it.

    Raises
    ------
    InputError
        The stored value is not a choice of a threshold.
    """
    if not stored:
        return ""
    try:
        choice = ThresholdChoice(**stored)
        photos = f"{choice.photos} validation photos"
        if choice.best is None:
            return f", since {photos} are too few to choose another"
        gain = f"gain over {THRESHOLD:g} {choice.gain:.3f} ± {choice.gain_se:.3f} F1"
        if choice.value == THRESHOLD:
            return f", since {photos} show no better one ({gain})"
        return f", of best smoothed mean F1 on {photos} (95 % {choice.low:.2f} to {choice.high:.2f}; {gain})"
    except (TypeError, ValueError) as error:
        raise InputError(f"run.json: damaged threshold ({error!s:.80}); train again") from error


def _f1(gathered: Histograms) -> npt.NDArray[np.float64]:
    """Return the F1 of each photo at each candidate, (n, c)."""
    places = np.searchsorted(gathered.edges, CANDIDATES.astype(np.float32))
    return np.stack([scores(*counts(cells))[0][places] for cells in gathered.cells])


def _smoothed(f1: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Smooth curves (..., c); values that differ only by rounding become equal."""
    from scipy.signal import savgol_filter

    return np.asarray(savgol_filter(f1, WINDOW, polyorder=2, axis=-1, mode="interp").round(9))


def _best(curves: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return the candidate from `LOWEST` to `HIGHEST` where each curve (k, c) is highest, nearest 0.5 if tied."""
    inside = (CANDIDATES >= LOWEST) & (CANDIDATES <= HIGHEST)
    order = np.argsort(np.abs(CANDIDATES - THRESHOLD), kind="stable")
    order = order[inside[order]]
    return np.asarray(order[curves[:, order].argmax(axis=1)])
