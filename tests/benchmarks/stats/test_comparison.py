from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.stats.comparison import Comparison, arms, backbones
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.twin.core.errors import InputError

PHOTOS = 60


def run(arm: str, backbone: str, number: int, f1: FloatArray, images: Sequence[str] | None = None) -> RunScores:
    names = tuple(images) if images is not None else tuple(f"photo-{i}" for i in range(len(f1)))
    return RunScores(
        id=f"{arm}-{backbone}-{number:02d}", arm=arm, backbone=backbone, run=number, images=names, f1=f1, iou=f1 / 2,
        train_minutes=1.0,
    )  # fmt: skip


def cell(
    arm: str, backbone: str, mean: float, *, runs: int, seed: int, run_sd: float = 0.004, noise: float = 0.02
) -> list[RunScores]:
    rng = np.random.default_rng(seed)
    easy = np.random.default_rng(99).normal(0, 0.1, PHOTOS)  # the same photos for all
    own = rng.normal(0, noise, PHOTOS)
    return [
        run(arm, backbone, number, mean + easy + own + rng.normal(0, run_sd) + rng.normal(0, noise, PHOTOS))
        for number in range(runs)
    ]


SPOTS = {f"photo-{i}": f"spot-{i // 2}" for i in range(PHOTOS)}


def study() -> list[RunScores]:
    means = {"inceptionv4": 0.70, "mobilenet_v2": 0.70, "vgg16": 0.80}
    return [
        each for seed, (name, mean) in enumerate(means.items()) for each in cell("real", name, mean, runs=5, seed=seed)
    ]


def named(found: Sequence[Comparison]) -> dict[tuple[str, str], Comparison]:
    return {(each.first, each.second): each for each in found}


def test_a_large_difference_is_told_and_a_small_one_is_not() -> None:
    found = named(backbones(study(), arm="real", score="f1", groups=SPOTS))
    assert list(found) == [("inceptionv4", "mobilenet_v2"), ("inceptionv4", "vgg16"), ("mobilenet_v2", "vgg16")]
    assert found["inceptionv4", "vgg16"].verdict == "better"
    assert found["inceptionv4", "mobilenet_v2"].verdict == "unsettled"
    pair = found["inceptionv4", "vgg16"]
    assert (pair.runs, pair.units, pair.unit, pair.photos) == ((5, 5), 30, "spot", PHOTOS)
    assert pair.family == "3 pairs of backbones of the arm real"
    assert pair.won is not None
    assert pair.won > 0.9
    half = named(backbones(study(), arm="real", score="iou", groups=SPOTS))["inceptionv4", "vgg16"]
    assert half.difference == pytest.approx((pair.difference or 0) / 2)


def test_pairs_of_backbones_have_p_and_intervals_that_agree_and_hold_for_the_family() -> None:
    runs = [each for seed in range(6) for each in cell("real", f"net{seed}", 0.7 + 0.01 * seed, runs=4, seed=seed)]
    found = backbones(runs, arm="real", score="f1", groups=None)
    assert len(found) == 15
    assert {each.verdict for each in found} >= {"better", "unsettled"}
    for each in found:
        assert each.p is not None
        assert each.alone is not None
        assert each.low is not None
        assert each.high is not None
        assert each.p == pytest.approx(min(1.0, 15 * each.alone))
        assert (each.p < 0.05) == (each.low > 0 or each.high < 0)
        assert each.low < (each.difference or 0) < each.high
        assert each.unit == "photo"
    two = [each for each in runs if each.backbone in {"net0", "net5"}]
    alone = backbones(two, arm="real", score="f1", groups=None)[0]
    wide = named(found)["net0", "net5"]
    assert alone.p == pytest.approx(alone.alone)
    assert (alone.high or 0) - (alone.low or 0) < (wide.high or 0) - (wide.low or 0)


def test_arms_are_compared_run_by_run_with_holm_over_the_family() -> None:
    runs = [
        *cell("real", "vgg16", 0.70, runs=5, seed=1),
        *cell("mixed", "vgg16", 0.75, runs=6, seed=2),
        *cell("real", "resnet152", 0.70, runs=4, seed=3),
        *cell("mixed", "resnet152", 0.705, runs=4, seed=4),
        *cell("real-10", "vgg16", 0.50, runs=3, seed=5),
    ]
    found = arms(runs, pairs=[("real", "mixed"), ("real-10", "mixed-10")], score="f1", groups=SPOTS)
    assert [(each.backbone, each.first, each.verdict) for each in found] == [
        ("vgg16", "real", "better"),
        ("resnet152", "real", "unsettled"),
        ("vgg16", "real-10", "untested"),
        ("resnet152", "real-10", "untested"),
    ]
    tested = found[:2]
    assert {each.members for each in found} == {2}
    assert "2 comparisons (mixed − real, mixed-10 − real-10" in found[0].family
    assert tested[0].runs == (5, 5)  # the sixth run of mixed has no partner
    low, high = sorted(each.alone or 0 for each in tested)
    assert sorted(each.p or 0 for each in tested) == pytest.approx([2 * low, max(2 * low, high)])
    assert "no run in common" in found[2].reason
    assert found[2].difference is None
    singly = [
        arms([r for r in runs if r.backbone == name], pairs=[("real", "mixed")], score="f1", groups=SPOTS)[0]
        for name in ("vgg16", "resnet152")
    ]
    for one, whole in zip(singly, tested, strict=True):
        assert (one.low, one.high, one.alone) == pytest.approx((whole.low, whole.high, whole.alone))
        assert (one.detectable or 0) < (whole.detectable or 0)  # a family must see through more chances of error
    least, most = sorted(each.equal_p or 0 for each in singly)
    assert sorted(each.equal_p or 0 for each in tested) == pytest.approx([min(2 * least, 1), max(2 * least, most)])


def test_a_difference_that_only_alone_would_count_is_not_settled_and_says_so() -> None:
    runs = [
        each
        for seed, name in enumerate("abcdefgh")
        for each in [*cell("real", name, 0.7, runs=5, seed=seed), *cell("mixed", name, 0.71, runs=5, seed=seed + 50)]
    ]
    found = arms(runs, pairs=[("real", "mixed")], score="f1", groups=None)
    alone = [each for each in found if (each.alone or 1) < 0.05 <= (each.p or 0)]
    assert alone
    for each in alone:
        assert each.verdict == "unsettled"


def test_runs_of_one_number_belong_together_whatever_their_order() -> None:
    real, mixed = cell("real", "vgg16", 0.7, runs=4, seed=1), cell("mixed", "vgg16", 0.71, runs=4, seed=2)
    kind = {"pairs": [("real", "mixed")], "score": "f1", "groups": SPOTS}
    one = arms([*real, *mixed], **kind)[0]  # type: ignore[arg-type]
    assert arms([*mixed[::-1], *real], **kind)[0] == one  # type: ignore[arg-type]
    apart = [run("mixed", "vgg16", (each.run + 1) % 4, each.f1) for each in mixed]
    other = arms([*real, *apart], **kind)[0]  # type: ignore[arg-type]
    assert other.difference == pytest.approx(one.difference)
    assert other.p != pytest.approx(one.p)


def test_equal_needs_proof_and_a_real_difference_within_the_margin_is_both() -> None:
    alike = [
        *cell("real", "a", 0.7, runs=8, seed=1, run_sd=0.001, noise=0.004),
        *cell("real", "b", 0.7, runs=8, seed=2, run_sd=0.001, noise=0.004),
    ]
    equal = backbones(alike, arm="real", score="f1", groups=None)[0]
    assert equal.verdict == "equal"
    strict = backbones(alike, arm="real", score="f1", groups=None, margin=0.0005)[0]
    assert strict.verdict == "unsettled"
    moved = [run(each.arm, each.backbone, each.run, each.f1 - 0.006 * (each.backbone == "b")) for each in alike]
    both = backbones(moved, arm="real", score="f1", groups=None)[0]
    assert (both.verdict, both.equal) == ("worse", True)


def test_no_interval_is_given_that_would_end_where_scores_do() -> None:
    runs = [*cell("real", "a", 0.5, runs=2, seed=1, run_sd=0.4), *cell("real", "b", 0.5, runs=2, seed=2, run_sd=0.4)]
    pair = backbones(runs, arm="real", score="f1", groups=None)[0]
    assert (pair.low, pair.high) == (None, None)
    assert pair.detectable is not None
    assert pair.detectable > 1


def test_one_run_gives_no_p_value_and_says_why() -> None:
    runs = [*study(), *cell("real", "resnet152", 0.6, runs=1, seed=7)]
    found = named(backbones(runs, arm="real", score="f1", groups=SPOTS))
    pair = found["inceptionv4", "resnet152"]
    assert (pair.p, pair.low, pair.detectable, pair.verdict) == (None, None, None, "untested")
    assert pair.reason == "resnet152 has one run: no test with fewer than 2 runs"
    assert pair.difference == pytest.approx(-0.1, abs=0.02)
    assert pair.members == 3
    assert found["inceptionv4", "vgg16"].p == named(backbones(study(), arm="real", score="f1", groups=SPOTS))[
        "inceptionv4", "vgg16"
    ].p  # fmt: skip
    single = [*cell("real", "a", 0.7, runs=1, seed=1), *cell("mixed", "a", 0.7, runs=1, seed=2)]
    (untested,) = arms(single, pairs=[("real", "mixed")], score="f1", groups=None)
    assert "one run in common" in untested.reason
    assert untested.members == 0


@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_zero_variance_and_a_single_spot_do_not_crash(gap: float) -> None:
    same = [run("real", name, r, np.full(4, 0.7 + gap * (name == "b"))) for name in "ab" for r in range(3)]
    pair = backbones(same, arm="real", score="f1", groups=None)[0]
    assert pair.difference == pytest.approx(gap)
    assert "zero variance" in pair.reason
    one_spot = backbones(same, arm="real", score="f1", groups={f"photo-{i}": "x" for i in range(4)})[0]
    assert "one spot" in one_spot.reason


def test_ties_and_wins_are_counted_on_photos() -> None:
    real = [run("real", "a", r, np.array([1.0, 0.5, 0.5, 0.2])) for r in range(2)]
    mixed = [run("mixed", "a", r, np.array([1.0, 0.6, 0.4, 0.2 + 0.1 * r])) for r in range(2)]
    found = arms([*real, *mixed], pairs=[("real", "mixed")], score="f1", groups=None)[0]
    assert (found.won, found.tied) == (0.5, 0.25)


def test_what_cannot_be_compared_is_refused_in_one_line() -> None:
    runs = study()
    images = [f"other-{i}" for i in range(PHOTOS)]
    mixed = [*runs, run("real", "vgg16", 9, runs[-1].f1, images)]
    with pytest.raises(InputError, match="real-vgg16-09: not scored on the same test photos as real-inceptionv4-00"):
        backbones(mixed, arm="real", score="f1", groups=None)
    with pytest.raises(InputError, match="photo-0: this test photo has no spot"):
        backbones(runs, arm="real", score="f1", groups={})
    for margin in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="margin"):
            backbones(runs, arm="real", score="f1", groups=None, margin=margin)
    assert backbones(runs, arm="mixed", score="f1", groups=None) == []


def test_a_difference_that_is_not_shown_comes_with_the_runs_that_would_show_it() -> None:
    def gain(runs: int, run_sd: float) -> Comparison:
        both = [
            each
            for seed, arm in enumerate(("real", "mixed"))
            for each in cell(arm, "vgg16", 0.7, runs=runs, seed=seed + 1, run_sd=run_sd)
        ]
        return arms(both, pairs=[("real", "mixed")], score="f1", groups=None)[0]

    def advice(found: Comparison) -> str:
        unsettled = replace(found, p=1.0, equal_p=1.0)
        return words.line("answer", "next_step", study=None, tested=[unsettled], controls=[])

    assert advice(gain(3, 0.004)) == "These runs would have found a difference of 0.02 four times in five."
    noisy = gain(4, 0.02)
    assert noisy.more_runs
    found = f"{noisy.more_runs} more runs of each arm would find a difference of 0.02 four times in five."
    assert advice(noisy) == found
    none = "No number of runs up to 100 would find a difference of 0.02 on 60 photos: test on more."
    assert advice(gain(2, 0.2)) == none


def test_no_test_is_made_of_fewer_runs_than_asked_for() -> None:
    both = [each for arm in ("real", "mixed") for each in cell(arm, "vgg16", 0.7, runs=2, seed=1)]
    found = arms(both, pairs=[("real", "mixed")], score="f1", groups=None, fewest_runs=3)[0]
    assert (found.verdict, found.reason) == (
        "untested", "mixed and real have 2 runs in common: no test with fewer than 3 runs",
    )  # fmt: skip
    pair = backbones(
        [*both, *cell("real", "a", 0.7, runs=3, seed=3)], arm="real", score="f1", groups=None, fewest_runs=3
    )[0]
    assert (pair.verdict, pair.reason) == ("untested", "vgg16 has 2 runs: no test with fewer than 3 runs")


def test_photos_that_a_run_does_not_test_are_left_out_of_what_both_arms_show() -> None:
    rng = np.random.default_rng(8)
    unknown = np.zeros((6, PHOTOS), dtype=bool)
    for row in unknown:  # whole spots, others of each run
        row.reshape(-1, 2)[rng.choice(PHOTOS // 2, 5, replace=False)] = True
    unknown[:, :2] = True  # no run tests the first spot
    both = [
        run(arm, "vgg16", each.run, np.where(unknown[each.run], np.nan, each.f1))
        for seed, (arm, mean) in enumerate({"real": 0.7, "mixed": 0.75}.items())
        for each in cell(arm, "vgg16", mean, runs=6, seed=seed)
    ]
    found = arms(both, pairs=[("real", "mixed")], score="f1", groups=SPOTS)[0]
    assert (found.units, found.photos, found.runs) == (PHOTOS // 2 - 1, PHOTOS - 2, (6, 6))
    assert found.verdict == "better"
    rows = [
        (name, each.run, SPOTS[photo], f1)
        for name, sign in (("real", -1), ("mixed", 1))
        for each in both
        if each.arm == name
        for photo, f1 in zip(each.images, sign * each.f1, strict=True)
        if np.isfinite(f1)
    ]
    gains = pd.DataFrame(rows, columns=["arm", "r", "i", "y"]).groupby(["r", "i"])["y"].sum().reset_index()
    fit = ols("y ~ C(r) + C(i)", gains.assign(y=gains["y"] / 2)).fit()  # of two photos
    grid = pd.DataFrame([(r, i) for r in gains["r"].unique() for i in gains["i"].unique()], columns=["r", "i"])
    assert found.difference == pytest.approx(fit.predict(grid).mean())
    known = [np.nanmean([each.f1[2:] for each in both if each.arm == arm], axis=0) for arm in ("real", "mixed")]
    assert found.won == pytest.approx(np.mean(known[1] > known[0]))


def test_runs_that_test_hardly_a_spot_in_common_give_a_difference_and_no_test() -> None:
    nothing = np.nan
    tests = [[0.5, 0.6, nothing, nothing], [nothing, nothing, 0.3, 0.4], [nothing, nothing, 0.4, 0.5]]
    both = [
        run(arm, "vgg16", number, np.array(each) + gain)
        for arm, gain in (("real", 0.0), ("mixed", 0.1))
        for number, each in enumerate(tests)
    ]
    found = arms(both, pairs=[("real", "mixed")], score="f1", groups=None)[0]
    assert (found.verdict, found.reason) == ("untested", "too few spots were tested in several runs: no p-value")
    assert found.difference == pytest.approx(0.1)
