from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import pearsonr

from corrotwin.benchmarks.stats import crossed_effects, estimates
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.estimates import Estimate
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.transfer import cv_pooling, targets
from corrotwin.benchmarks.transfer.protocol import Mix, ProtocolSettings
from corrotwin.benchmarks.transfer.targets import comparison_rows
from corrotwin.segmentation.runs import PerImage

SPOTS, RUNS = 60, 5


def table(mean: float, *, seed: int, spot_sd: float = 0.15, run_sd: float = 0.004, noise: float = 0.05) -> np.ndarray:
    """(runs, spots) scores; spots are the same for all seeds."""
    rng = np.random.default_rng(seed)
    spots = np.random.default_rng(99).normal(0, spot_sd, SPOTS)
    spots -= spots.mean()
    return mean + spots + rng.normal(0, run_sd, (RUNS, 1)) + rng.normal(0, noise, (RUNS, SPOTS))


def scores(means: Mapping[str, float], runs: int = RUNS) -> list[RunScores]:
    """Two photos of each spot."""
    found = []
    for seed, (arm, mean) in enumerate(means.items()):
        values = np.repeat(table(mean, seed=seed, noise=0.02), 2, axis=1)
        found += [
            RunScores(
                id=f"{arm}-{run}", arm=arm, backbone="", run=run, f1=values[run], iou=values[run] / 2,
                images=tuple(f"{place:03d}" for place in range(2 * SPOTS)), train_minutes=0,
            )
            for run in range(runs)
        ]  # fmt: skip
    return found


GROUPS = {f"{place:03d}": f"spot-{place // 2}" for place in range(2 * SPOTS)}
ARMS = {
    "real": 0.6, "real-10pct": 0.5, "copy-paste-10pct": 0.51, "renders": 0.58, "mixed50-10pct": 0.55, "mixed50": 0.63,
    "shuffled-mixed50-10pct": 0.49, "renders (first 100)": 0.54,
}  # fmt: skip


def judged(
    means: Mapping[str, float] = ARMS, runs: int = RUNS, renders_goal: float = 0.95, **others: Any
) -> targets.ArmResults:
    return targets.compare_arms(
        scores(means, runs),
        **{"settings": ProtocolSettings(), "mix": Mix(), "groups": GROUPS, "renders_goal": renders_goal, **others},
    )


def verdicts(found: targets.ArmResults) -> dict[str, str]:
    return {goal.question: goal.verdict for goal in found.goals}


def test_a_ratio_with_an_exact_bottom_is_the_scaled_difference() -> None:
    top = table(0.55, seed=1)
    found = estimates.ratio(top, np.full_like(top, 0.5))
    contrast = crossed_effects.paired(crossed_effects.moments(top))
    half = float(crossed_effects.half_width(contrast, 0.05))
    assert found.value == pytest.approx(top.mean() / 0.5)
    assert found.low == pytest.approx((top.mean() - half) / 0.5, abs=1e-6)
    assert found.high == pytest.approx((top.mean() + half) / 0.5, abs=1e-6)


def test_a_ratio_of_independent_normal_means_has_fiellers_closed_interval() -> None:
    """With one run part alone, Fieller's quadratic."""
    rng = np.random.default_rng(3)
    runs = 6
    x, y = 2 + rng.normal(0, 0.1, runs), 4 + rng.normal(0, 0.1, runs)
    top, bottom = np.repeat(x[:, None], 5, axis=1), np.repeat(y[:, None], 5, axis=1)
    t = stdtrit(runs - 1, 0.975)
    (vxx, vxy), (_, vyy) = np.cov(x, y) / runs
    a, b, c = y.mean() ** 2 - t**2 * vyy, x.mean() * y.mean() - t**2 * vxy, x.mean() ** 2 - t**2 * vxx
    root = np.sqrt(b**2 - a * c)
    found = estimates.ratio(top, bottom)
    assert (found.low, found.high) == (pytest.approx((b - root) / a), pytest.approx((b + root) / a))


@pytest.mark.ci
def test_the_interval_of_a_ratio_misses_the_truth_seldom() -> None:
    missed = 0
    for seed in range(200):
        rng = np.random.default_rng(1000 + seed)
        spots = rng.normal(0, 0.15, SPOTS)
        own = rng.normal(0, 0.05, (2, SPOTS))
        top, bottom = (
            mean + spots + each + rng.normal(0, 0.01, (RUNS, 1)) + rng.normal(0, 0.05, (RUNS, SPOTS))
            for mean, each in zip((0.54, 0.6), own, strict=True)
        )
        found = estimates.ratio(top, bottom)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= 0.9 <= found.high
    assert missed <= 20  # 10 expected at most; 20 has a chance of about 1 in 1,000


def test_a_gap_that_is_not_shown_gives_no_share_of_it() -> None:
    few = table(0.6, seed=5)
    noisy = few + np.random.default_rng(6).normal(0, 0.05, (RUNS, 1))
    assert estimates.ratio(few, noisy - few).low is None
    assert estimates.ratio(few, -few) == Estimate(value=None)
    share = judged({**ARMS, "real": 0.501}, floor=dict.fromkeys(GROUPS, 0.5)).goals[0]
    assert share.question == "renders only / all real, above everything called rust"
    assert share.verdict == "not tested"
    assert share.between == "none"


def test_goals_are_held_against_their_numbers() -> None:
    found = {goal.question: goal for goal in judged().goals}
    assert found["renders only / all real"].estimate.value == pytest.approx(0.58 / 0.6, abs=0.02)
    assert found["mixed50 − real"].estimate.value == pytest.approx(0.03, abs=0.01)
    assert {(goal.question, goal.wanted, goal.verdict) for goal in found.values()} == {
        ("renders only / all real", "at least 95 %", "reached"),
        ("mixed50 − real", "at least −0.010", "reached"),
        ("mixed50-10pct − real-10pct", "at least −0.020", "reached"),
        ("mixed50-10pct − copy-paste-10pct", "above 0", "reached"),
        ("SD between redraws, mixed50-10pct / real-10pct", "at most 67 %", "missed, inconclusive"),
        ("shuffled-mixed50-10pct − real-10pct", "below +0.030", "reached"),
    }
    assert verdicts(judged(renders_goal=1.1))["renders only / all real"] == "missed"


@pytest.mark.parametrize(
    ("arm", "mean", "question"),
    [
        ("mixed50", 0.57, "mixed50 − real"),
        ("mixed50-10pct", 0.46, "mixed50-10pct − real-10pct"),
        ("mixed50-10pct", 0.49, "mixed50-10pct − copy-paste-10pct"),
        ("fitted-mixed50-10pct", 0.51, "fitted-mixed50-10pct − real-10pct"),
        ("shuffled-mixed50-10pct", 0.55, "shuffled-mixed50-10pct − real-10pct"),
    ],
)
def test_an_arm_on_the_other_side_of_its_goal_misses_it(arm: str, mean: float, question: str) -> None:
    assert verdicts(judged({**ARMS, "fitted-mixed50-10pct": 0.55}))[question] == "reached"
    assert verdicts(judged({**ARMS, "fitted-mixed50-10pct": 0.55, arm: mean}))[question] == "missed"


def test_few_photos_are_held_against_what_they_reach_at_their_own_number_of_steps_too() -> None:
    settings = ProtocolSettings(photo_steps=1000)
    best = "real-10pct-1000-steps"
    found = judged({**ARMS, best: 0.6}, settings=settings)
    question = f"mixed50-10pct − {best}, each after its best number of steps"
    assert verdicts(found)[question] == "missed"
    assert verdicts(found)["mixed50-10pct − real-10pct"] == "reached"
    pairs = {(each.first, each.second) for each in found.comparisons}
    assert {(best, "mixed50-10pct"), ("real-10pct", best)} <= pairs
    assert question not in verdicts(judged(settings=settings))  # before that arm is trained


def test_on_another_set_all_photos_with_renders_must_gain() -> None:
    found = judged(is_other_set=True)
    goals = {goal.question: goal for goal in found.goals}
    assert goals["mixed50 − real"].wanted == "at least +0.050, interval above 0"
    assert goals["mixed50 − real"].verdict == "missed"
    assert verdicts(judged({**ARMS, "mixed50": 0.67}, is_other_set=True))["mixed50 − real"] == "reached"
    assert not [question for question in goals if question.startswith("renders only")]
    here = verdicts(judged())
    few = {question: verdict for question, verdict in here.items() if "10pct" in question}
    assert {question: verdict for question, verdict in verdicts(found).items() if "10pct" in question} == few


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (0.06, 0.08, 0.1, "reached"),
        (0.01, 0.06, 0.11, "reached"),  # a gain is shown, and it is large enough by its estimate
        (-0.01, 0.06, 0.13, "reached, inconclusive"),
        (0.01, 0.04, 0.07, "missed, inconclusive"),
        (0.01, 0.02, 0.03, "missed"),
    ],
)
def test_a_gain_is_reached_by_its_estimate_where_its_interval_shows_one(
    low: float, value: float, high: float, verdict: str
) -> None:
    assert targets._gain("", replace(example(), low=low, difference=value, high=high), 0.05).verdict == verdict


def test_goals_are_of_the_arms_that_are_there() -> None:
    few = {arm: mean for arm, mean in ARMS.items() if "10pct" in arm}
    assert list(verdicts(judged(few))) == list(verdicts(judged()))[2:]
    whole = {arm: mean for arm, mean in ARMS.items() if arm not in few}
    assert list(verdicts(judged(whole))) == list(verdicts(judged()))[:2]
    assert verdicts(judged({"real-10pct": 0.5})) == {}


def test_renders_alone_are_held_against_what_all_photos_add_to_everything_called_rust() -> None:
    floor = {name: 0.3 + 0.001 * place for place, name in enumerate(GROUPS)}
    found = judged(floor=floor)
    above, *others = found.goals
    assert above.question == "renders only / all real, above everything called rust"
    least = np.mean(list(floor.values()))
    renders, real = found.arms["renders"].mean(), found.arms["real"].mean()
    assert above.estimate.value == pytest.approx((renders - least) / (real - least))
    plain, *same = judged().goals
    assert above.estimate.low < above.estimate.value < above.estimate.high < plain.estimate.high
    assert above.verdict == "missed, inconclusive"
    assert judged(floor=floor, renders_goal=0.8).goals[0].verdict == "reached"
    assert others == same
    (alone,) = judged({"real": 0.6}, floor=floor).goals
    assert (alone.question, alone.verdict) == (above.question, "not tested")


def test_no_difference_is_not_above_nothing() -> None:
    assert targets._side(Estimate(value=0, low=0, high=0), 0.0) == "reached"
    assert targets._side(Estimate(value=0, low=0, high=0), 0.0, above=True) == "missed"
    assert targets._side(Estimate(value=0.01, low=0, high=0.02), 0.0, above=True) == "reached, inconclusive"
    limit = Estimate(value=0.02, low=0.01, high=0.02)
    assert targets.under("false alarms", limit, 0.02).verdict == "missed, inconclusive"


def example() -> Comparison:
    (first, *_) = judged().comparisons
    return first


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (-0.02, -0.01, 0.005, "reached"),
        (-0.6, -0.1, 0.4, "reached, inconclusive"),  # nothing is shown by an interval that holds everything
        (-0.02, 0.005, 0.03, "reached, inconclusive"),
        (0.001, 0.014, 0.029, "reached"),  # a gain too small to matter
        (-0.02, 0.03, 0.08, "missed, inconclusive"),
        (0.02, 0.04, 0.06, "missed, inconclusive"),
        (0.03, 0.04, 0.05, "missed"),
    ],
)
def test_no_gain_is_shown_by_an_interval_below_one_that_matters(
    low: float, value: float, high: float, verdict: str
) -> None:
    assert targets._no_gain("", replace(example(), low=low, difference=value, high=high)).verdict == verdict


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (-0.009, 0.02, 0.05, "reached"),
        (-0.01, -0.005, 0.07, "reached"),
        (-0.02, 0.03, 0.08, "reached, inconclusive"),  # nothing shows that no more than a point is lost
        (-0.02, -0.011, 0.05, "missed, inconclusive"),
        (-0.05, -0.03, -0.011, "missed"),
    ],
)
def test_a_loss_too_large_must_lie_outside_the_interval(low: float, value: float, high: float, verdict: str) -> None:
    found = targets._difference("", replace(example(), low=low, difference=value, high=high), -0.01)
    assert (found.verdict, found.wanted) == (verdict, "at least −0.010")


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (0.3, 0.5, 0.6, "reached"),
        (0.3, 0.5, 0.9, "reached, inconclusive"),
        (0.5, 0.8, 1.3, "missed, inconclusive"),
        (0.7, 0.8, 0.9, "missed"),
    ],
)
def test_at_most_is_the_mirror_of_at_least(low: float, value: float, high: float, verdict: str) -> None:
    found = targets._at_most("", Estimate(value=value, low=low, high=high), 2 / 3)
    assert (found.verdict, found.wanted) == (verdict, "at most 67 %")
    assert targets._at_most("", Estimate(value=None), 2 / 3).verdict == "not tested"


def of_runs(means: FloatArray) -> FloatArray:
    """(runs, units) scores whose runs have these means."""
    return 0.5 + np.asarray(means)[:, None] + np.linspace(-0.2, 0.2, 7)


def test_the_spread_between_redraws_is_the_ratio_of_their_standard_deviations() -> None:
    """With Pitman's test: those ratios are in, at which sum and difference of the scaled means do not correlate."""
    rng = np.random.default_rng(14)
    shared = rng.normal(0, 0.01, 12)
    top, bottom = shared + rng.normal(0, 0.01, 12), shared + rng.normal(0, 0.03, 12)
    found = estimates.spread(of_runs(top), of_runs(bottom))
    assert found.value == pytest.approx(top.std(ddof=1) / bottom.std(ddof=1))
    assert found.low is not None
    assert found.high is not None
    for end in (found.low, found.high):
        assert pearsonr(top + end * bottom, top - end * bottom).pvalue == pytest.approx(0.05)
    back = estimates.spread(of_runs(bottom), of_runs(top))
    assert (back.low, back.value, back.high) == pytest.approx((1 / found.high, 1 / found.value, 1 / found.low))
    same = estimates.spread(of_runs(top), 0.2 + 3 * of_runs(top))
    assert (same.low, same.value, same.high) == pytest.approx((1 / 3,) * 3)


def test_the_spread_between_redraws_is_not_that_of_the_spots_that_they_test() -> None:
    rng = np.random.default_rng(15)
    means = rng.normal(0, 0.02, (2, 6))
    whole = [of_runs(each) for each in means]
    left = [each.copy() for each in whole]
    for run in range(6):
        for table in left:
            table[run, [run % 7, (run + 3) % 7]] = np.nan
    found, plain = estimates.spread(*left), estimates.spread(*whole)
    assert (found.low, found.value, found.high) == pytest.approx((plain.low, plain.value, plain.high))
    assert np.nanmean(left[0], axis=1).std() != pytest.approx(means[0].std(), rel=0.1)


def test_no_spread_is_given_of_too_few_redraws_nor_of_what_does_not_vary() -> None:
    rng = np.random.default_rng(16)
    top, bottom = (of_runs(rng.normal(0, 0.02, 4)) for _ in range(2))
    assert estimates.spread(top[:2], bottom[:2]) == Estimate(value=None)
    assert estimates.spread(np.empty((0, 0)), np.empty((0, 0))) == Estimate(value=None)
    assert estimates.spread(top, of_runs(np.zeros(4))) == Estimate(value=None)
    apart = top.copy()
    apart[:2, :4] = apart[2:, 4:] = np.nan  # no spot was tested by both halves
    assert estimates.spread(apart, apart) == Estimate(value=None)


@pytest.mark.parametrize("runs", [3, 12])
def test_the_interval_of_the_spread_misses_the_truth_seldom(runs: int) -> None:
    rng, missed, sets = np.random.default_rng(17), 0, 400
    for _ in range(sets):
        shared, one, other = rng.normal(0, 0.02, (3, runs))
        found = estimates.spread(of_runs(2 / 3 * (shared + one)), of_runs(shared + other))
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= 2 / 3 <= found.high
    assert 0.02 < missed / sets < 0.08


def test_what_all_photos_with_renders_should_reach_follows_from_all_photos() -> None:
    found = judged(renders_goal=0.8)
    assert found.wanted == pytest.approx({"mixed50": found.arms["real"].mean() - 0.01})
    assert judged({"renders": 0.5}).wanted == {}


def test_what_arms_should_reach_is_of_the_runs_that_they_have() -> None:
    """As their goals are: of other runs the number could lie on the other side of its verdict."""
    some = [each for each in scores(ARMS) if (each.arm, each.run) not in {("renders", 4), ("mixed50", 0)}]
    found = targets.compare_arms(some, settings=ProtocolSettings(), mix=Mix(), groups=GROUPS, renders_goal=0.95)
    real = found.arms["real"].mean(axis=1)
    assert len(real) == 5
    assert found.wanted == pytest.approx({"mixed50": real[1:].mean() - 0.01})


def test_a_spot_counts_once_however_many_photos_it_has() -> None:
    found = judged()
    assert (found.units, found.unit, found.photos) == (SPOTS, "spot", 2 * SPOTS)
    assert all(values.shape == (RUNS, SPOTS) for values in found.arms.values())
    assert {each.units for each in found.comparisons} == {SPOTS}


def test_what_the_renders_after_the_first_add_is_compared() -> None:
    pair = {(each.first, each.second): each for each in judged().comparisons}["renders (first 100)", "renders"]
    assert pair.difference == pytest.approx(0.04, abs=0.01)
    assert pair.detectable is not None


def test_what_no_score_can_differ_by_is_not_printed_as_detectable() -> None:
    pair = {(each.first, each.second): each for each in judged().comparisons}["real", "mixed50"]
    rows = comparison_rows([replace(pair, p=0.00001, detectable=12.87), replace(pair, p=None, detectable=None)])
    assert [row[4:6] for row in rows] == [["<0.0001", "over 1"], ["–", "–"]]


@pytest.mark.parametrize("runs", [1, 2])
def test_few_runs_and_missing_arms_give_numbers_without_verdicts(runs: int) -> None:
    found = judged(runs=runs)
    assert [goal.question for goal in found.goals if goal.estimate.value is None] == [
        "SD between redraws, mixed50-10pct / real-10pct"
    ]
    assert {goal.verdict for goal in found.goals} == {"not tested"}
    assert all(each.reason for each in found.comparisons)
    alone = judged({"renders": 0.5})
    assert {goal.verdict for goal in alone.goals} == {"not tested"}
    assert alone.comparisons == ()


def test_under_a_limit_is_the_mirror_of_at_least() -> None:
    assert targets.under("", Estimate(value=0.01, low=0.0, high=0.015), 0.02).verdict == "reached"
    assert targets.under("", Estimate(value=0.01, low=0.0, high=0.03), 0.02).verdict == "reached, inconclusive"
    assert targets.under("", Estimate(value=0.03, low=0.01, high=0.05), 0.02).verdict == "missed, inconclusive"
    assert targets.under("", Estimate(value=0.05, low=0.03, high=0.07), 0.02).verdict == "missed"


def test_tables_of_folds_are_joined_photo_by_photo() -> None:
    one, other = (
        PerImage(image=names, tp=np.array(tp), fp=np.array(tp), fn=np.array(tp), tn=np.array(tp))
        for names, tp in ((("c", "a"), [3, 1]), (("b",), [2]))
    )
    found = cv_pooling.joined([one, other])
    assert found.image == ("a", "b", "c")
    assert found.tp.tolist() == [1, 2, 3]


def test_everything_called_rust_scores_as_its_share_says() -> None:
    counts = PerImage(
        image=("a", "b"), tp=np.array([10, 0]), fp=np.array([5, 0]), fn=np.array([10, 0]), tn=np.array([75, 100])
    )
    share = 0.2
    assert cv_pooling.all_rust(counts).tolist() == pytest.approx([2 * share / (1 + share), 0])


def test_photos_that_screens_have_shown_can_be_left_out() -> None:
    found = cv_pooling.without(scores(ARMS), frozenset({"000", "001", "050"}))
    assert all(len(each.images) == len(each.f1) == len(each.iou) == 2 * SPOTS - 3 for each in found)
    assert not {"000", "001", "050"} & set(found[0].images)


def counts(names: str) -> PerImage:
    """Counts of photos that are called by one letter each, all of another F1."""
    tp = np.array([ord(name) - ord("a") + 1 for name in names])
    return PerImage(image=tuple(names), tp=tp, fp=np.full(len(names), 5), fn=np.full(len(names), 5), tn=100 - tp)


def test_photos_on_which_a_redraw_trains_have_no_score_there() -> None:
    found = cv_pooling.scores({("few", 0): counts("bdac"), ("few", 1): counts("cea"), ("real", 0): counts("abcde")})
    assert {each.images for each in found} == {("a", "b", "c", "d", "e")}
    f1 = [2 * tp / (2 * tp + 10) for tp in range(1, 6)]
    none = np.nan
    for each, expected in zip(found, ([*f1[:4], none], [f1[0], none, f1[2], none, f1[4]], f1), strict=True):
        assert each.f1 == pytest.approx(np.array(expected), nan_ok=True)
        assert np.isnan(each.iou).tolist() == np.isnan(each.f1).tolist()


def few_of(arms: Mapping[str, float], runs: int, *, seed: int = 1) -> list[RunScores]:
    """Redraws that each lack some spots, others in each; none tests the last."""
    rng = np.random.default_rng(seed)
    unknown = [np.repeat([*(rng.random(SPOTS - 1) < 0.15), True], 2) for _ in range(runs)]
    return [
        replace(each, f1=np.where(unknown[each.run], np.nan, each.f1), iou=np.full_like(each.iou, np.nan))
        for each in scores(arms, runs)
    ]


def test_redraws_are_compared_as_if_each_had_tested_all_spots() -> None:
    few = {arm: mean for arm, mean in ARMS.items() if "10pct" in arm}
    holed, whole = (
        targets.compare_arms(found, settings=ProtocolSettings(), mix=Mix(), groups=GROUPS, renders_goal=0.7)
        for found in (few_of(few, RUNS), scores(few))
    )
    assert verdicts(holed).keys() == verdicts(whole).keys()
    for one, other in zip(holed.comparisons, whole.comparisons, strict=True):
        assert one.difference == pytest.approx(other.difference, abs=0.004)
        assert one.verdict == other.verdict
        assert (one.units, one.photos) == (SPOTS - 1, 2 * SPOTS - 2)
    for arm, values in holed.arms.items():
        expected = whole.arms[arm][:, :-1].mean(axis=1)
        assert crossed_effects.run_means(values) == pytest.approx(expected, abs=0.006)
        assert np.nanmean(values, axis=1) != pytest.approx(expected, abs=0.01)


def test_a_redraw_that_trains_on_all_photos_that_are_left_is_left_out() -> None:
    few = few_of({"real-10pct": 0.5, "mixed50-10pct": 0.55}, RUNS)
    nothing = [replace(each, f1=np.full_like(each.f1, np.nan)) if each.run == 2 else each for each in few]
    found = targets.compare_arms(nothing, settings=ProtocolSettings(), mix=Mix(), groups=GROUPS, renders_goal=0.7)
    assert {arm: len(values) for arm, values in found.arms.items()} == {"real-10pct": 4, "mixed50-10pct": 4}
    assert [each.runs for each in found.comparisons] == [(4, 4)]


def test_false_alarms_of_redraws_have_an_interval_where_enough_spots_are_shared() -> None:
    shares = np.array([[0.01, 0.02, np.nan, 0.05], [0.03, np.nan, 0.01, 0.04], [np.nan, 0.02, 0.02, 0.06]])
    found = estimates.mean(shares)
    assert found.value == pytest.approx(crossed_effects.filled(shares).mean())
    assert found.low is not None
    apart = np.array([[0.01, 0.02, np.nan, np.nan], [np.nan, np.nan, 0.01, 0.04]])
    assert estimates.mean(apart) == Estimate(value=pytest.approx(0.02))
    assert estimates.mean(np.empty((0, 0))) == Estimate(value=None)


def false_alarms(sets: int, *, is_redealt: bool, fold_sd: float = 0.01, folds: int = 5) -> float:
    """How often a difference of nothing is found where the two arms' models of a fold differ by their photos."""
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(sets):
        spots = rng.normal(0, 0.05, 5 * SPOTS)
        fixed, effects = rng.integers(folds, size=5 * SPOTS), rng.normal(0, fold_sd, folds)
        rows = []
        for _ in range(RUNS):
            if is_redealt:
                fixed, effects = rng.integers(folds, size=5 * SPOTS), rng.normal(0, fold_sd, folds)
            noise = rng.normal(0, 0.004, folds)  # of the trainings
            rows.append(spots + (effects + noise)[fixed] + rng.normal(0, 0.05, 5 * SPOTS))
        estimate = crossed_effects.paired(crossed_effects.moments(np.array(rows)))
        found += float(crossed_effects.p_value(estimate)) < 0.05
    return found / sets


def test_folds_dealt_anew_for_each_run_keep_false_alarms_down_and_one_deal_for_all_does_not() -> None:
    assert false_alarms(400, is_redealt=True) < 0.07
    assert false_alarms(400, is_redealt=False) > 0.15
