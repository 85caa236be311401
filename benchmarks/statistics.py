"""Statistics of a study, as the paper has them: mean ± SD over runs, and Tukey's HSD on the means of the runs.

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
    images : names of the test photos.
    f1, iou : (images,) per-image scores; 1 where neither truth nor prediction has any corrosion.
    train_minutes : wall time of its training.
    """

    id: str
    arm: str
    backbone: str
    run: int
    images: tuple[str, ...]
    f1: FloatArray
    iou: FloatArray
    train_minutes: float

    def mean(self, score: str) -> float:
        """Mean over the test photos of ``"f1"`` or ``"iou"``."""
        return float(np.mean(self.f1 if score == "f1" else self.iou))


@dataclass(frozen=True, kw_only=True)
class Summary:
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
        """Whether p is below 0.05; None without a p-value."""
        return None if self.p is None else self.p < 1 - CONFIDENCE


def summary(values: Sequence[float] | FloatArray) -> Summary:
    """Mean and sample standard deviation of `values`, which may be empty or single."""
    array = np.asarray(values, dtype=float)
    return Summary(
        n=array.size,
        mean=float(array.mean()) if array.size else None,
        sd=float(array.std(ddof=1)) if array.size > 1 else None,
    )


def run_means(scores: Sequence[RunScores], *, arm: str, score: str) -> dict[str, FloatArray]:
    """The mean of each run, (runs,) per backbone, for one arm and one score (``"f1"`` or ``"iou"``)."""
    backbones = dict.fromkeys(each.backbone for each in scores if each.arm == arm)
    return {
        name: np.array([each.mean(score) for each in scores if each.arm == arm and each.backbone == name])
        for name in backbones
    }


def tukey(groups: Mapping[str, Sequence[float] | FloatArray]) -> list[Pair]:
    """Tukey's HSD over all pairs of groups (Tukey-Kramer where the sizes differ), by statsmodels.

    A group of fewer than two values has no variance of its own and is left out of the test; so is everything where
    the values within all groups are equal. Such pairs keep their difference and say why they have no p-value.

    Parameters
    ----------
    groups : name of each group and its values: here the run means of one backbone.

    Returns
    -------
    All pairs in alphabetical order of the two names.
    """
    arrays = {name: np.asarray(groups[name], dtype=float) for name in sorted(groups)}
    tested = {name: array for name, array in arrays.items() if array.size > 1}
    spread = any(float(np.ptp(array)) > 0 for array in tested.values())
    found = _pairwise(tested) if len(tested) > 1 and spread else {}
    pairs = []
    for first, second in itertools.combinations(arrays, 2):
        if (first, second) in found:
            pairs.append(found[first, second])
            continue
        short = [name for name in (first, second) if name not in tested]
        if short:
            reason = " and ".join(f"{name} has {_runs(arrays[name].size)}" for name in short)
            reason += ": no p-value without at least two"
        else:
            reason = "the runs of every backbone are equal: zero variance, no p-value"
        exists = arrays[first].size and arrays[second].size
        difference = float(arrays[second].mean() - arrays[first].mean()) if exists else None
        pairs.append(Pair(first=first, second=second, difference=difference, reason=reason))
    return pairs


def _runs(count: int) -> str:
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


def tukey_from_summary(means: Mapping[str, float], sds: Mapping[str, float], n: int) -> list[Pair]:
    """Tukey's HSD from printed means and standard deviations of groups of `n` values each.

    The pooled variance is the mean of the squared SDs; q = |difference| / sqrt(variance / n) is referred to the
    studentized range of k groups with k (n - 1) degrees of freedom.

    References
    ----------
    J. W. Tukey, The Problem of Multiple Comparisons, 1953; the distribution: `scipy.stats.studentized_range`.
    """
    from scipy.stats import studentized_range

    names = sorted(means)
    if n < 2 or len(names) < 2:
        raise ValueError(f"Tukey's HSD needs at least two groups of two values, not {len(names)} of {n}")
    error = math.sqrt(sum(sds[name] ** 2 for name in names) / len(names) / n)
    freedom = len(names) * (n - 1)
    pairs = []
    for first, second in itertools.combinations(names, 2):
        difference = means[second] - means[first]
        if error == 0:
            reason = "all standard deviations are zero: no p-value"
            pairs.append(Pair(first=first, second=second, difference=difference, reason=reason))
            continue
        half = float(studentized_range.ppf(CONFIDENCE, len(names), freedom)) * error
        p = float(studentized_range.sf(abs(difference) / error, len(names), freedom))
        pairs.append(
            Pair(first=first, second=second, difference=difference, low=difference - half, high=difference + half, p=p)
        )
    return pairs


def gains(scores: Sequence[RunScores], *, backbone: str, arm: str, base: str, score: str) -> FloatArray:
    """Mean of a run in `arm` minus mean of the run with the same number (and seed) in `base`, (runs in both,)."""
    means = {
        name: {each.run: each.mean(score) for each in scores if each.arm == name and each.backbone == backbone}
        for name in (arm, base)
    }
    return np.array([means[arm][run] - means[base][run] for run in sorted(means[arm].keys() & means[base].keys())])
