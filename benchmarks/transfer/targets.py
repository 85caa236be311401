"""The arms of a transfer folder held against goals: differences and ratios with 95 % intervals.

Everything comes from the test of `benchmarks.stats.crossed_effects`: runs and spots are both samples. A ratio of two
means is tested as the difference "top minus rho times bottom"; its interval holds every rho that the test does not
refuse (Fieller, Journal of the Royal Statistical Society B 16, 1954).
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from corrotwin.benchmarks.formatting.table import NONE, p_value
from corrotwin.benchmarks.formatting.wording import interval
from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.comparison import ERROR, Comparison, arms
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.equivalence import MARGIN
from corrotwin.benchmarks.stats.power import FEWEST_RUNS, MOST_RUNS
from corrotwin.benchmarks.stats.subgroups import unit_names
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.stats.verdict import VERDICTS, detectable
from corrotwin.benchmarks.transfer.protocol import RENDERS, SHUFFLED, Mix, ProtocolSettings, compared_pairs

Verdict = Literal["reached", "reached, not yet surely", "missed, not yet surely", "missed", "not tested", "no goal"]
GAIN, LOSS = 0.02, -0.01  # of all photos with renders: the goal, and what the interval must exclude
FALSE_ALARMS = 0.02


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval; None where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A goal, the number that it is judged by, and the verdict."""

    question: str
    wanted: str
    estimate: Estimate
    percent: bool
    verdict: Verdict

    @property
    def number(self) -> str:
        """The formatted number."""
        return format_value(self.estimate.value, percent=self.percent)

    @property
    def between(self) -> str:
        """The formatted interval."""
        low, high = self.estimate.low, self.estimate.high
        if low is None or high is None:
            return "none"
        return f"{format_value(low, percent=self.percent)} to {format_value(high, percent=self.percent)}"


def format_spread(values: FloatArray) -> str:
    """Format the mean of (runs, units) scores, and ± the SD over runs where there are several."""
    means = values.mean(axis=1)
    return f"{means.mean():.3f}" + (f" ± {means.std(ddof=1):.3f}" if len(means) > 1 else "")


def format_value(value: float | None, *, percent: bool) -> str:
    """Format a share in per cent, or a difference of scores with its sign."""
    if value is None:
        return "–"
    return (f"{100 * value:.1f} %" if percent else f"{value:+.3f}").replace("-", "−")


def mean(values: FloatArray, least: float = 0.0) -> Estimate:
    """Return the mean of (runs, units) values in [`least`, 1], with runs and units both samples.

    Its interval stays within what they can be, `least` to 1.
    """
    if min(values.shape) < 2:
        return Estimate(value=float(values.mean()) if values.size else None)
    low, high = crossed_effects.interval(crossed_effects.paired(crossed_effects.moments(values)), ERROR)
    return Estimate(value=float(values.mean()), low=max(least, low), high=high)


def ratio(top: FloatArray, bottom: FloatArray, *, fewest_runs: int = 2) -> Estimate:
    """Return the ratio of the means of two (runs, units) tables of the same runs and units, with Fieller's interval.

    Where the bottom is not shown to be above zero the interval would have no end, or be no interval: there is none
    then, and no value either where the bottom is not above zero. Nor is there one of fewer runs than `fewest_runs`.
    """
    if not top.size or bottom.mean() <= 0:
        return Estimate(value=None)
    value = float(top.mean() / bottom.mean())

    def refused(rho: float, share: float) -> bool:
        """Return whether the test rejects that share * top minus rho * bottom is zero on average."""
        contrast = crossed_effects.paired(crossed_effects.moments(share * top - rho * bottom))
        return bool(abs(contrast.difference) > crossed_effects.half_width(contrast, ERROR))

    if min(top.shape) < 2 or len(top) < fewest_runs or not refused(1.0, 0.0):
        return Estimate(value=value)
    low = value - _reach(lambda away: refused(value - away, 1.0))
    high = value + _reach(lambda away: refused(value + away, 1.0))
    return Estimate(value=value, low=low, high=high)


def _reach(refused: Callable[[float], bool]) -> float:
    """Return the distance at which rejection begins, by doubling, then halving."""
    inside, outside = 0.0, 1e-3
    while not refused(outside):
        inside, outside = outside, 2 * outside
    for _ in range(40):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if refused(middle) else (middle, outside)
    return outside


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmResults:
    """The arms of one set and one set of renders, their comparisons, and the goals.

    `arms` holds for each arm (runs, units) scores: means of the photos of each spot. `wanted` is the mean score that an
    arm should reach, where the all-real one has a run.
    """

    arms: Mapping[str, FloatArray]
    comparisons: tuple[Comparison, ...]
    goals: tuple[Goal, ...]
    wanted: Mapping[str, float]
    photos: int
    units: int
    unit: str


def compare_arms(
    scores: Sequence[RunScores],
    *,
    settings: ProtocolSettings,
    mix: Mix,
    groups: Mapping[str, str] | None,
    renders_goal: float,
    floor: Mapping[str, float] | None = None,
) -> ArmResults:
    """Compare the arms and hold them against the goals; arms with fewer than `FEWEST_RUNS` in common are not tested.

    Parameters
    ----------
    floor : F1 of each photo where everything is called rust; the share that renders alone reach is then given above it,
        too.
    """
    small = settings.small
    real, few, pasted = "real", f"real{small}", f"copy-paste{small}"
    mixed, full, shuffled = f"{mix.name}{small}", mix.name, f"{SHUFFLED}{mix.name}{small}"
    found: dict[str, dict[int, RunScores]] = {}
    for each in scores:
        found.setdefault(each.arm, {})[each.run] = each
    images = scores[0].images if scores else ()
    units = unit_names(images, groups)

    def means(arm: str, runs: Sequence[int]) -> FloatArray:
        return crossed_effects.unit_means(np.array([found[arm][run].f1 for run in runs]), units)

    table = {arm: means(arm, sorted(of_run)) for arm, of_run in found.items()}
    pairs = compared_pairs(found, settings, mix)
    compared = arms(scores, pairs=pairs, score="f1", groups=groups, fewest_runs=FEWEST_RUNS) if pairs else []
    by_pair = {(each.first, each.second): each for each in compared}

    def shared(*names: str) -> list[FloatArray]:
        runs = sorted(set.intersection(*(set(found.get(name, {})) for name in names)))
        if not runs:
            return [np.empty((0, 0)) for _ in names]
        return [means(name, runs) for name in names]

    only, every = shared(RENDERS, real)
    goals = [
        at_least("renders only / all real", ratio(only, every, fewest_runs=FEWEST_RUNS), renders_goal),
    ]
    if floor is not None:
        least = crossed_effects.unit_means(np.array([floor[name] for name in images]), units)
        above = [table - least if table.size else table for table in (only, every)]
        goals.append(_share_above(ratio(*above, fewest_runs=FEWEST_RUNS)))
    some, little, most = shared(mixed, few, real)
    closed = ratio(some - little, most - little, fewest_runs=FEWEST_RUNS)
    goals.append(at_least(f"{mixed}: share of the gap {few} to {real} closed", closed, 1))
    goals.append(_difference(f"{mixed} − {real}", by_pair.get((real, mixed)), above=False))
    goals.append(_difference(f"{mixed} − {pasted}", by_pair.get((pasted, mixed)), above=True))
    gain = by_pair.get((real, full))
    goals.append(_gain(f"{full} − {real}", gain))
    goals.append(_none(f"{shuffled} − {few}", by_pair.get((few, shuffled))))

    def reference(arm: str) -> float:
        """Return the all-real score of the runs that an arm has, too, as its goals have it."""
        _, of_real = shared(arm, real)
        return float(of_real.mean()) if of_real.size else np.nan

    wanted = {RENDERS: renders_goal * reference(RENDERS), mixed: reference(mixed), full: reference(full) + GAIN}
    return ArmResults(
        wanted={arm: score for arm, score in wanted.items() if np.isfinite(score)},
        arms=table,
        comparisons=tuple(compared),
        goals=tuple(goals),
        photos=len(images),
        units=len(set(units)),
        unit="photo" if groups is None else "spot",
    )


def at_least(question: str, estimate: Estimate, wanted: float) -> Goal:
    """Return the goal of a share that should be at least so large."""
    return Goal(
        question=question,
        wanted=f"at least {100 * wanted:g} %",
        estimate=estimate,
        percent=True,
        verdict=_side(estimate, wanted),
    )


def _share_above(estimate: Estimate) -> Goal:
    """Return the share of renders alone above "everything called rust", which no goal was set for."""
    return Goal(
        question="the same above everything called rust",
        wanted="–",
        estimate=estimate,
        percent=True,
        verdict="no goal" if estimate.low is not None else "not tested",
    )


def under(question: str, estimate: Estimate, wanted: float) -> Goal:
    """Return the goal of a share that should stay below a limit."""
    turned = [None if each is None else -each for each in (estimate.value, estimate.high, estimate.low)]
    verdict = _side(Estimate(value=turned[0], low=turned[1], high=turned[2]), -wanted, above=True)
    return Goal(question=question, wanted=f"under {100 * wanted:g} %", estimate=estimate, percent=True, verdict=verdict)


def _side(estimate: Estimate, wanted: float, *, above: bool = False) -> Verdict:
    """Return the verdict on a number and its interval: at least `wanted`; or, with `above`, more."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "not tested"
    reaches = operator.gt if above else operator.ge
    if reaches(estimate.value, wanted):
        return "reached" if reaches(estimate.low, wanted) else "reached, not yet surely"
    return "missed, not yet surely" if reaches(estimate.high, wanted) else "missed"


def _estimate(comparison: Comparison | None) -> Estimate:
    if comparison is None:
        return Estimate(value=None)
    return Estimate(value=comparison.difference, low=comparison.low, high=comparison.high)


def _difference(question: str, comparison: Comparison | None, *, above: bool) -> Goal:
    """Return the goal of a difference that should be at least, or above, zero."""
    estimate, wanted = _estimate(comparison), "above 0" if above else "at least 0"
    verdict = _side(estimate, 0.0, above=above)
    return Goal(question=question, wanted=wanted, estimate=estimate, percent=False, verdict=verdict)


def _gain(question: str, comparison: Comparison | None) -> Goal:
    """Return the goal of a gain: enough by its estimate, no loss by its interval."""
    estimate = _estimate(comparison)
    verdict = _side(estimate, GAIN)
    if estimate.value is not None and estimate.low is not None and estimate.value >= GAIN and estimate.low > LOSS:
        verdict = "reached"
    wanted = f"{format_value(GAIN, percent=False)}, interval above {format_value(LOSS, percent=False)}"
    return Goal(question=question, wanted=wanted, estimate=estimate, percent=False, verdict=verdict)


def _none(question: str, comparison: Comparison | None) -> Goal:
    """Return the goal of a control, which must not gain: a shown gain misses, one within the margin does not."""
    estimate = _estimate(comparison)
    verdict: Verdict = "not tested"
    if estimate.value is not None and estimate.low is not None and estimate.high is not None:
        turned = Estimate(value=-estimate.value, low=-estimate.high, high=-estimate.low)
        verdict = "missed" if estimate.low > 0 else _side(turned, -MARGIN, above=True)
    wanted = f"no gain: below {format_value(MARGIN, percent=False)}"
    return Goal(question=question, wanted=wanted, estimate=estimate, percent=False, verdict=verdict)


def comparison_rows(found: Sequence[Comparison]) -> list[list[str]]:
    """Return rows: comparison, difference, interval, p alone, p by Holm, detectable, runs, more runs, verdict."""
    return [
        [
            f"{each.second} − {each.first}",
            format_value(each.difference, percent=False),
            interval(each.low, each.high),
            p_value(each.alone),
            p_value(each.p),
            detectable(each.detectable),
            str(each.runs[0]),
            NONE if each.p is None else f"over {MOST_RUNS}" if each.more_runs is None else str(each.more_runs),
            VERDICTS[each.verdict],
        ]
        for each in found
    ]
