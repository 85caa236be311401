"""The paper's statistics: mean ± SD over runs, and Tukey's HSD on the means of the runs.

Everything starts from the pixel counts per test photo (`per_image.csv` of each run).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class RunScores:
    """Scores of one training run on the test photos.

    Parameters
    ----------
    id : the run's folder name.
    arm, backbone, run : its cell in the grid and its number in the cell.
    kind, real_fraction : the arm's name in `segmentation.arms.ARMS`, and the fraction of the real training
        photos that it may use.
    images : names of the test photos.
    f1, iou : (images,) per-image scores; 1 where neither truth nor prediction has any corrosion.
    train_minutes : wall time of its training.
    """

    id: str
    arm: str
    backbone: str
    run: int
    kind: str = "real"
    real_fraction: float = 1.0
    images: tuple[str, ...]
    f1: FloatArray
    iou: FloatArray
    train_minutes: float

    def mean(self, score: str) -> float:
        """Return the mean over the test photos of ``"f1"`` or ``"iou"``."""
        return float(np.mean(self.f1 if score == "f1" else self.iou))


@dataclass(frozen=True, kw_only=True)
class MeanAndSd:
    """Mean and sample standard deviation (n - 1) of `n` values; None where they do not exist."""

    n: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One pairwise comparison of Tukey's HSD.

    `difference` is mean(second) - mean(first), `low` and `high` its simultaneous 95 % interval, `p` is adjusted for
    the family of all pairs tested. Where there is no p-value, `reason` says why.
    """

    first: str
    second: str
    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    reason: str = ""

    @property
    def significant(self) -> bool | None:
        """True if p is below 0.05; None without a p-value."""
        return None if self.p is None else self.p < 1 - CONFIDENCE


def summary(values: Sequence[float] | FloatArray) -> MeanAndSd:
    """Return mean and sample standard deviation of `values`, which may be empty or single."""
    array = np.asarray(values, dtype=float)
    return MeanAndSd(
        n=array.size,
        mean=float(array.mean()) if array.size else None,
        sd=float(array.std(ddof=1)) if array.size > 1 else None,
    )


def run_means(scores: Sequence[RunScores], *, arm: str, score: str) -> dict[str, FloatArray]:
    """Return the mean of each run, (runs,) per backbone, for one arm and one score (``"f1"`` or ``"iou"``)."""
    backbones = dict.fromkeys(run.backbone for run in scores if run.arm == arm)
    return {
        name: np.array([run.mean(score) for run in scores if run.arm == arm and run.backbone == name])
        for name in backbones
    }


def tukey(groups: Mapping[str, Sequence[float] | FloatArray]) -> list[Pair]:
    """Return Tukey's HSD over all pairs of groups (Tukey-Kramer where the sizes differ), by statsmodels.

    A group of fewer than two values has no variance of its own and is left out of the test. If the values within every
    group are equal, no group is tested. Pairs that are not tested state their difference and why there is no p-value.

    Parameters
    ----------
    groups : name of each group and its values: here the run means of one backbone.

    Returns
    -------
    All pairs in alphabetical order of the two names.

    Raises
    ------
    ValueError
        A value is missing or not finite.
    """
    arrays = {name: np.asarray(groups[name], dtype=float) for name in sorted(groups)}
    if wrong := [name for name, array in arrays.items() if not np.isfinite(array).all()]:
        raise ValueError(f"{wrong[0]}: a value is missing or not finite")
    tested = {name: array for name, array in arrays.items() if array.size > 1}
    has_variance = any(float(np.ptp(array)) > 0 for array in tested.values())
    compared = _pairwise(tested) if len(tested) > 1 and has_variance else {}
    pairs = []
    for first, second in itertools.combinations(arrays, 2):
        if (first, second) in compared:
            pairs.append(compared[first, second])
            continue
        short = [name for name in (first, second) if arrays[name].size < 2]
        if short:
            reason = " and ".join(f"{name} has {run_count(arrays[name].size)}" for name in short)
            reason += ": no p-value without at least two"
        else:
            reason = "the runs of every backbone are equal: zero variance, no p-value"
        exists = arrays[first].size and arrays[second].size
        difference = float(arrays[second].mean() - arrays[first].mean()) if exists else None
        pairs.append(Pair(first=first, second=second, difference=difference, reason=reason))
    return pairs


def run_count(count: int) -> str:
    """Return a number of runs in words."""
    return {0: "no run", 1: "one run"}.get(count, f"{count} runs")


def _pairwise(arrays: Mapping[str, FloatArray]) -> dict[tuple[str, str], Pair]:
    from statsmodels.stats.multicomp import pairwise_tukeyhsd

    labels = np.concatenate([np.full(array.size, name) for name, array in arrays.items()])
    result = pairwise_tukeyhsd(np.concatenate(list(arrays.values())), labels, alpha=1 - CONFIDENCE)
    names = [str(name) for name in result.groupsunique]
    return {
        (first, second): Pair(
            first=first,
            second=second,
            difference=float(result.meandiffs[index]),
            low=float(result.confint[index][0]),
            high=float(result.confint[index][1]),
            p=float(result.pvalues[index]),
        )
        for index, (first, second) in enumerate(itertools.combinations(names, 2))
    }


def tukey_from_summary(means: Mapping[str, float], sds: Mapping[str, float], n: int | Mapping[str, int]) -> list[Pair]:
    """Return Tukey's HSD (Tukey-Kramer where the sizes differ) from printed means, SDs and sizes of groups.

    The pooled variance is s² = sum((n_i - 1) sd_i²) / sum(n_i - 1); q = |difference| / sqrt(s² / 2 (1 / n_i + 1 / n_j))
    is referred to the studentized range of k groups with sum(n_i - 1) degrees of freedom. A group of one value is left
    out of the test, and its pairs give that as the reason.

    Parameters
    ----------
    means, sds : mean and standard deviation of each group; the latter is ignored for a group of one value.
    n : number of values, the same for all groups or by group.

    References
    ----------
    J. W. Tukey, The Problem of Multiple Comparisons, 1953; C. Y. Kramer, Biometrics 12, 1956; the distribution:
    `scipy.stats.studentized_range`.
    """
    from scipy.stats import studentized_range

    names = sorted(means)
    sizes = dict.fromkeys(names, n) if isinstance(n, int) else dict(n)
    tested = [name for name in names if sizes[name] > 1]
    variance, freedom = pooled_variance(sds, sizes)
    critical = float(studentized_range.ppf(CONFIDENCE, len(tested), freedom)) if len(tested) > 1 else math.nan
    pairs = []
    for first, second in itertools.combinations(names, 2):
        difference = means[second] - means[first]
        short = [name for name in (first, second) if name not in tested]
        if short or variance == 0:
            reason = "all standard deviations are zero: no p-value"
            if short:
                reason = " and ".join(f"{name} has {run_count(sizes[name])}" for name in short)
                reason += ": no p-value without at least two"
            pairs.append(Pair(first=first, second=second, difference=difference, reason=reason))
            continue
        error = range_error(variance, sizes[first], sizes[second])
        pairs.append(
            Pair(
                first=first,
                second=second,
                difference=difference,
                low=difference - critical * error,
                high=difference + critical * error,
                p=range_p(difference, error, len(tested), freedom),
            )
        )
    return pairs


def pooled_variance(sds: Mapping[str, float], sizes: Mapping[str, int]) -> tuple[float, int]:
    """Return the variance within groups, pooled over those of at least two values, and its degrees of freedom."""
    freedom = {name: size - 1 for name, size in sizes.items() if size > 1}
    total = sum(freedom.values())
    return sum(degrees * sds[name] ** 2 for name, degrees in freedom.items()) / max(total, 1), total


def range_error(variance: float, first: int, second: int) -> float:
    """Return the standard error of a difference of means of `first` and `second` values (Tukey-Kramer)."""
    return math.sqrt(variance / 2 * (1 / first + 1 / second))


def range_p(difference: float, error: float, groups: int, freedom: int) -> float:
    """Return p of a difference over its error by the studentized range; with zero error 0, or 1 if both are 0."""
    from scipy.stats import studentized_range

    if error == 0:
        return float(difference == 0)
    return float(studentized_range.sf(abs(difference) / error, groups, freedom))
