"""Joint check of the p-values of one printed table, whose pairs all share one variance.

Tukey's q of a pair is |difference| / (s c), with s the pooled standard deviation and c = sqrt((1/n_i + 1/n_j) / 2).
With y = mean / s and t = 1 / s every rounded number is a linear bound: low t <= y_i <= high t for a mean, 1 / s_high <=
t <= 1 / s_low for the SDs, and q_low c <= y_i - y_j <= q_high c for a p-value. So all y and t that a table allows form
a polytope, and two linear programs give the range that it allows for one pair's q.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.stats.printed_table import Group, Printed
from corrotwin.benchmarks.stats.tukey import FloatArray, pooled_variance
from corrotwin.twin.core.text import markdown_table

TEST_PHOTOS = 742
"""Test photos of the paper: 15 % of 4,949."""

HALF_STEP = 0.00005  # of a p-value printed with four digits
_ROUNDING = 1e-9  # slack of the bounds in the linear programs
_UNBOUNDED = 3  # status of scipy's linprog

Bound = tuple[FloatArray, float]  # a row, and the greatest value of its product with the unknowns
PrintedTable = Mapping[tuple[str, str], paper.PublishedComparison]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """One interpretation of a printed table: the samples that its test may have used.

    `images` is the number of samples behind each value that a printed mean and SD summarise. Above 1, the SD of the
    samples is not printed, so it is free.
    """

    name: str
    images: int


RUN_MEANS = Samples(name="run means", images=1)
POOLED = Samples(name="pooled images", images=TEST_PHOTOS)


@dataclass(frozen=True, kw_only=True)
class JointPair:
    """A printed p-value, and the range that the means, SDs and all other p-values of its table allow for it.

    The range is None if the other values cannot all come from one test.
    """

    first: str
    second: str
    printed: paper.PublishedComparison
    lowest: float | None
    highest: float | None

    @property
    def consistent(self) -> bool | None:
        """True if the printed p lies in the range; None without a range."""
        if self.lowest is None or self.highest is None:
            return None
        low, high = _p_range(self.printed)
        return self.lowest <= high and low <= self.highest


def joint(groups: Sequence[Group], printed: PrintedTable, samples: Samples) -> list[JointPair]:
    """Return, for each pair of a printed table, the range of p-values that everything else printed allows.

    Parameters
    ----------
    groups : printed means and SDs, each of at least two values.
    printed : p-values of all pairs, in alphabetical order of the two names.
    samples : the samples that the test is assumed to have used.
    """
    from scipy.stats import studentized_range

    sizes = {group.name: group.n * samples.images for group in groups}
    means = {group.name: group.mean for group in groups}
    names = sorted(sizes)
    distribution = {"k": len(names), "df": sum(sizes.values()) - len(names)}
    bounds, inverse = _bounds_of_means([means[name] for name in names]), _inverse_sd(groups, samples)
    contrasts, bounds_of_pair = {}, {}
    for pair in itertools.combinations(names, 2):
        low, high = (float(studentized_range.ppf(1 - p, **distribution)) for p in _p_range(printed[pair])[::-1])
        row = np.zeros(len(names) + 1)
        first, second = sorted(pair, key=lambda name: means[name].value)
        row[names.index(second)] = 1 / math.sqrt((1 / sizes[first] + 1 / sizes[second]) / 2)
        row[names.index(first)] = -row[names.index(second)]
        contrasts[pair] = row
        bounds_of_pair[pair] = [(-row, -low)] + ([(row, high)] if math.isfinite(high) else [])
    result = []
    for pair, row in contrasts.items():
        others = [bound for other, other_bounds in bounds_of_pair.items() if other != pair for bound in other_bounds]
        low_q, high_q = (_least(sign * row, [*bounds, *others], inverse) for sign in (1, -1))
        lowest = highest = None
        if low_q is not None and high_q is not None:
            lowest, highest = (float(studentized_range.sf(q, **distribution)) for q in (-high_q, max(low_q, 0.0)))
        result.append(JointPair(first=pair[0], second=pair[1], printed=printed[pair], lowest=lowest, highest=highest))
    return result


def _bounds_of_means(means: Sequence[Printed]) -> list[Bound]:
    """Return the bounds that the printed means set for all y; columns are the y of each group, then t."""
    bounds = []
    for index, mean in enumerate(means):
        for sign in (1, -1):
            row = np.zeros(len(means) + 1)
            row[index], row[-1] = sign, -sign * (mean.value + sign * mean.half_step)
            bounds.append((row, 0.0))
    return bounds


def holds(pairs: Sequence[JointPair]) -> bool:
    """Return whether all p-values of a table can come from one test."""
    return all(pair.consistent for pair in pairs)


def markdown(groups: Sequence[Group], printed: PrintedTable) -> str:
    """Return a table of the range that everything else printed allows for each p-value, and an overall verdict."""
    by_samples = {samples.name: joint(groups, printed, samples) for samples in (RUN_MEANS, POOLED)}
    rows = []
    for index, pair in enumerate(by_samples[RUN_MEANS.name]):
        cells = [_range(pairs[index]) for pairs in by_samples.values()]
        rows.append([f"{pair.second} − {pair.first}", str(pair.printed), *cells])
    headings = ["second − first", "printed p", *(f"left for it if samples are {name}" for name in by_samples)]
    possible = [name for name, pairs in by_samples.items() if holds(pairs)]
    verdict = f"All {len(rows)} can be of one test with {' or '.join(possible)} as its samples"
    excluded = [name for name in by_samples if name not in possible]
    verdict += f", and cannot with {' or '.join(excluded)}." if excluded else "."
    if not possible:
        verdict = f"The {len(rows)} cannot be of one test, neither with {' nor with '.join(by_samples)} as its samples."
    return f"{markdown_table(headings, rows)}\n{verdict}\n"


def _range(pair: JointPair) -> str:
    if pair.lowest is None or pair.highest is None:
        return "nothing: the others cannot be of one test"
    return f"{_digits(pair.lowest)} to {_digits(pair.highest)}: {'fits' if pair.consistent else 'does not fit'}"


def _digits(p: float) -> str:
    return f"{p:.4f}" if p >= 0.001 else f"{p:.6f}" if p >= 1e-6 else "<0.000001"


def _p_range(printed: paper.PublishedComparison) -> tuple[float, float]:
    """Return the smallest and the largest p that would be printed in this way."""
    if printed.below:
        return 0.0, printed.p
    return max(printed.p - HALF_STEP, 0.0), min(printed.p + HALF_STEP, 1.0)


def _inverse_sd(groups: Sequence[Group], samples: Samples) -> tuple[float, float]:
    """Return the range of 1 / s that the printed SDs allow."""
    if samples.images > 1:
        return 0.0, math.inf
    sizes = {group.name: group.n for group in groups}
    ends = []
    for sign in (1, -1):
        sds = {group.name: max(group.sd.value + sign * group.sd.half_step, 0) for group in groups if group.sd}
        variance, _ = pooled_variance(sds, sizes)
        ends.append(1 / math.sqrt(variance) if variance > 0 else math.inf)
    return ends[0], ends[1]


def _least(objective: FloatArray, bounds: Sequence[Bound], inverse: tuple[float, float]) -> float | None:
    """Return the least value of a linear objective; None if no point satisfies all bounds, -inf if unbounded."""
    from scipy.optimize import linprog

    low, high = inverse
    solution = linprog(
        objective,
        A_ub=np.array([row for row, _ in bounds]),
        b_ub=np.array([most for _, most in bounds]) + _ROUNDING,
        bounds=[(None, None)] * (len(objective) - 1) + [(low, None if math.isinf(high) else high)],
    )
    if solution.status == _UNBOUNDED:
        return -math.inf
    return float(solution.fun) if solution.status == 0 else None
