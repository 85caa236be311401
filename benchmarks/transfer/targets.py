"""Comparison of the arms of a transfer folder with goals: differences and ratios with 95 % intervals."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from corrotwin.benchmarks.formatting.table import p_value
from corrotwin.benchmarks.formatting.wording import interval
from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.comparison import Comparison, arms
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.estimates import Estimate, ratio, spread, tested
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.stats.subgroups import unit_names
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.stats.verdict import VERDICTS, detectable, more_runs
from corrotwin.benchmarks.transfer.protocol import (
    FITTED,
    RENDERS,
    SHUFFLED,
    TAUGHT,
    Mix,
    ProtocolSettings,
    best_few,
    compared_pairs,
)

Verdict = Literal["reached", "reached, inconclusive", "missed, inconclusive", "missed", "not tested"]
ABOVE_FLOOR = "renders only / all real, above everything called rust"
LOSS = -0.01  # non-inferiority margin of F1 where renders are added to all photos
FEW_LOSS = -0.02  # the same where renders are added to few photos
FITTED_GAIN = 0.03  # least gain by renders of a preset fitted to the few photos; the interval must lie above 0
OTHER_SET_GAIN = 0.05  # least gain on another set where renders are added to all photos; the interval must lie above 0
GAP_CLOSED = 0.4  # least share of the gap from few to all labels that photos without labels and renders close
SPREAD = 2 / 3  # greatest ratio of the SD between redraws with renders to that without
SHUFFLED_GAIN = 0.03  # the interval of the control must end below this
FALSE_ALARMS = 0.02  # greatest share of pixels without rust that are called rust


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A goal, the number by which it is judged, and the verdict."""

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
    """Format the mean of (runs, units) scores, and ± the SD over runs if there are several."""
    means = crossed_effects.run_means(values)
    return f"{means.mean():.3f}" + (f" ± {means.std(ddof=1):.3f}" if len(means) > 1 else "")


def format_value(value: float | None, *, percent: bool) -> str:
    """Format a share in per cent, or a difference of scores with its sign."""
    if value is None:
        return "–"
    return (f"{100 * value:.1f} %" if percent else f"{value:+.3f}").replace("-", "−")


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmResults:
    """The arms of one set and one set of renders, their comparisons, and the goals.

    `arms` holds (runs, units) scores for each arm: means over the photos of each spot. `wanted` is the mean score that
    an arm should reach, if the arm of all photos has a run.
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
    is_other_set: bool = False,
) -> ArmResults:
    """Compare the arms with each other and with the goals; pairs with fewer than `FEWEST_RUNS` in common have no test.

    Parameters
    ----------
    scores : F1 of each photo, by run and arm.
    settings, mix : of the protocol; the way of mixing that is judged.
    groups : spot of each photo; None if every photo is a unit of its own.
    renders_goal : ratio of renders alone to all photos that should be reached.
    floor : F1 of each photo if every pixel is called rust, subtracted from both scores before their ratio is taken.
    is_other_set : whether the photos are of another set than the training photos.
    """
    small = settings.small
    real, few, pasted, best = "real", f"real{small}", f"copy-paste{small}", best_few(settings)
    mixed, full = f"{mix.name}{small}", mix.name
    by_run: dict[str, dict[int, RunScores]] = {}
    # A run without a score here has none of these photos in its test part.
    scores = [run_scores for run_scores in scores if np.isfinite(run_scores.f1).any()]
    for run_scores in scores:
        by_run.setdefault(run_scores.arm, {})[run_scores.run] = run_scores
    images = scores[0].images if scores else ()
    units = unit_names(images, groups)

    def means(arm: str, runs: Sequence[int]) -> FloatArray:
        return tested(crossed_effects.unit_means(np.array([by_run[arm][run].f1 for run in runs]), units))

    table = {arm: means(arm, sorted(of_run)) for arm, of_run in by_run.items()}
    pairs = compared_pairs(by_run, settings, mix)
    compared = arms(scores, pairs=pairs, score="f1", groups=groups, fewest_runs=FEWEST_RUNS) if pairs else []
    by_pair = {(comparison.first, comparison.second): comparison for comparison in compared}

    def shared(*names: str) -> list[FloatArray]:
        runs = sorted(set.intersection(*(set(by_run.get(name, {})) for name in names)))
        if not runs:
            return [np.empty((0, 0)) for _ in names]
        return [means(name, runs) for name in names]

    def gain(question: str, pair: tuple[str, str], wanted: float, *, above: bool = False) -> list[Goal]:
        return [_difference(question, by_pair[pair], wanted, above=above)] if pair in by_pair else []

    goals: list[Goal] = []
    if {RENDERS, real} & by_run.keys():
        only, every = shared(RENDERS, real)
        if floor is None:
            goals.append(at_least("renders only / all real", ratio(only, every, fewest_runs=FEWEST_RUNS), renders_goal))
        else:
            floor_scores = crossed_effects.unit_means(np.array([floor[name] for name in images]), units)
            above = [by_unit - floor_scores if by_unit.size else by_unit for by_unit in (only, every)]
            goals.append(at_least(ABOVE_FLOOR, ratio(*above, fewest_runs=FEWEST_RUNS), renders_goal))
        goals += gain(f"{full} − {real}", (real, full), LOSS)
    if is_other_set:
        goals = [_gain(f"{full} − {real}", by_pair[real, full], OTHER_SET_GAIN)] if (real, full) in by_pair else []
    goals += gain(f"{mixed} − {few}", (few, mixed), FEW_LOSS)
    if best != few:
        goals += gain(f"{mixed} − {best}, each after its best number of steps", (best, mixed), FEW_LOSS)
    goals += gain(f"{mixed} − {pasted}", (pasted, mixed), 0.0, above=True)
    of_fit = by_pair.get((few, f"{FITTED}{mixed}"))
    goals += [_gain(f"{FITTED}{mixed} − {few}", of_fit, FITTED_GAIN)] if of_fit else []
    for arm in (mixed, f"{FITTED}{mixed}"):
        if {few, arm} <= by_run.keys():
            goals.append(_at_most(f"SD between redraws, {arm} / {few}", spread(*shared(arm, few)), SPREAD))
    shuffled = by_pair.get((few, f"{SHUFFLED}{mixed}"))
    goals += [_no_gain(f"{SHUFFLED}{mixed} − {few}", shuffled)] if shuffled else []

    both = f"{TAUGHT}{mixed}"
    for arm in (f"{TAUGHT}{few}", both):
        if {few, arm, settings.labelled} <= by_run.keys():
            of_few, of_arm, of_all = shared(few, arm, settings.labelled)
            closed = ratio(of_arm - of_few, of_all - of_few, fewest_runs=FEWEST_RUNS)
            goals.append(
                at_least(f"share of the gap from {few} to {settings.labelled} that {arm} closes", closed, GAP_CLOSED)
            )

    def reference(arm: str) -> float:
        """Return the mean score of all photos over the runs that they share with an arm; NaN if there are none."""
        _, of_real = shared(arm, real)
        return float(of_real.mean()) if of_real.size else np.nan

    wanted = {full: reference(full) + LOSS}
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
    """Return the goal of a share that should be at least `wanted`."""
    return Goal(
        question=question,
        wanted=f"at least {100 * wanted:g} %",
        estimate=estimate,
        percent=True,
        verdict=_side(estimate, wanted),
    )


def under(question: str, estimate: Estimate, wanted: float) -> Goal:
    """Return the goal of a share that should stay below a limit."""
    verdict = _side(_negated(estimate), -wanted, above=True)
    return Goal(question=question, wanted=f"under {100 * wanted:g} %", estimate=estimate, percent=True, verdict=verdict)


def _negated(estimate: Estimate) -> Estimate:
    """Return an estimate with the opposite sign, so that "at most" becomes "at least"."""
    value, low, high = (None if number is None else -number for number in (estimate.value, estimate.high, estimate.low))
    return Estimate(value=value, low=low, high=high)


def _side(estimate: Estimate, wanted: float, *, above: bool = False) -> Verdict:
    """Return the verdict on an estimate that should be at least `wanted`, or with `above` greater than it."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "not tested"
    reaches = operator.gt if above else operator.ge
    if reaches(estimate.value, wanted):
        return "reached" if reaches(estimate.low, wanted) else "reached, inconclusive"
    return "missed, inconclusive" if reaches(estimate.high, wanted) else "missed"


def _difference(question: str, comparison: Comparison, wanted: float, *, above: bool = False) -> Goal:
    """Return the goal of a difference that should be at least, or above, `wanted`."""
    estimate = Estimate(value=comparison.difference, low=comparison.low, high=comparison.high)
    return Goal(
        question=question,
        wanted=f"{'above' if above else 'at least'} {format_value(wanted, percent=False) if wanted else '0'}",
        estimate=estimate,
        percent=False,
        verdict=_side(estimate, wanted, above=above),
    )


def _gain(question: str, comparison: Comparison, wanted: float) -> Goal:
    """Return the goal of a gain whose estimate should reach `wanted` and whose interval should lie above 0."""
    goal = _difference(question, comparison, wanted)
    low = goal.estimate.low
    is_shown = goal.estimate.value is not None and goal.estimate.value >= wanted and low is not None and low > 0
    text = f"at least {format_value(wanted, percent=False)}, interval above 0"
    return replace(goal, wanted=text, verdict="reached" if is_shown else goal.verdict)


def _at_most(question: str, estimate: Estimate, wanted: float) -> Goal:
    """Return the goal of a share that should be at most `wanted`."""
    verdict = _side(_negated(estimate), -wanted)
    return Goal(
        question=question, wanted=f"at most {100 * wanted:.0f} %", estimate=estimate, percent=True, verdict=verdict
    )


def _no_gain(question: str, comparison: Comparison) -> Goal:
    """Return the goal of a control, which must show no gain: its interval must end below `SHUFFLED_GAIN`."""
    estimate = Estimate(value=comparison.difference, low=comparison.low, high=comparison.high)
    verdict = _side(_negated(estimate), -SHUFFLED_GAIN, above=True)
    wanted = f"below {format_value(SHUFFLED_GAIN, percent=False)}"
    return Goal(question=question, wanted=wanted, estimate=estimate, percent=False, verdict=verdict)


def comparison_rows(found: Sequence[Comparison]) -> list[list[str]]:
    """Return rows: comparison, difference, interval, p alone, p by Holm, detectable, runs, more runs, verdict."""
    return [
        [
            f"{comparison.second} − {comparison.first}",
            format_value(comparison.difference, percent=False),
            interval(comparison.low, comparison.high),
            p_value(comparison.alone),
            p_value(comparison.p),
            detectable(comparison.detectable),
            str(comparison.runs[0]),
            more_runs(comparison.more_runs, p=comparison.p, runs=comparison.runs),
            VERDICTS[comparison.verdict],
        ]
        for comparison in found
    ]
