import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import tukey_hsd

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.report.sections.published import paper_tukey
from corrotwin.benchmarks.stats.tukey import RunScores, pooled_variance, run_means, summary, tukey, tukey_from_summary


def make(arm: str, backbone: str, run: int, f1: list[float]) -> RunScores:
    names = tuple(map(str, range(len(f1))))
    values = np.array(f1)
    return RunScores(
        id=f"{arm}-{backbone}-{run}", arm=arm, backbone=backbone, run=run, images=names, f1=values, iou=values / 2,
        train_minutes=1.0,
    )  # fmt: skip


@pytest.mark.parametrize("sizes", [(10, 10, 10, 10), (2, 2), (3, 7, 4)])
def test_tukey_agrees_with_scipy(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(sizes))
    names = ["vgg16", "inceptionv4", "resnet152", "mobilenet_v2"][: len(sizes)]
    groups = {
        name: rng.normal(0.8 + 0.01 * i, 0.01, size) for i, (name, size) in enumerate(zip(names, sizes, strict=True))
    }
    order = sorted(names)
    expected = tukey_hsd(*(groups[name] for name in order))
    interval = expected.confidence_interval(0.95)
    pairs = tukey(groups)
    assert len(pairs) == len(names) * (len(names) - 1) // 2
    for pair in pairs:
        i, j = order.index(pair.first), order.index(pair.second)
        assert i < j
        assert pair.p == pytest.approx(expected.pvalue[i, j], abs=1e-6)
        assert pair.difference == pytest.approx(groups[pair.second].mean() - groups[pair.first].mean())
        assert (pair.low, pair.high) == pytest.approx((-interval.high[i, j], -interval.low[i, j]), abs=1e-5)
        assert pair.significant == (expected.pvalue[i, j] < 0.05)


def test_the_summary_form_takes_groups_of_different_sizes() -> None:
    groups = {"a": [0.5, 0.6, 0.58], "b": [0.7, 0.72, 0.65, 0.66, 0.71], "c": [0.6, 0.63], "d": [0.9]}
    sums = {name: summary(values) for name, values in groups.items()}
    pairs = tukey_from_summary(
        {name: each.mean or 0.0 for name, each in sums.items()},
        {name: each.sd or 0.0 for name, each in sums.items()},
        {name: each.n for name, each in sums.items()},
    )
    for ours, whole in zip(pairs, tukey(groups), strict=True):
        assert (ours.p, ours.low, ours.high) == pytest.approx((whole.p, whole.low, whole.high), abs=1e-5)
        assert ours.reason == whole.reason


@pytest.mark.ci
@settings(max_examples=12)  # the studentized range takes a tenth of a second
@given(
    means=st.lists(st.floats(0.1, 0.9), min_size=2, max_size=4, unique=True),
    spread=st.floats(0.001, 0.2),
    n=st.integers(2, 12),
)
def test_the_summary_form_equals_the_test_on_values(means: list[float], spread: float, n: int) -> None:
    shape = np.linspace(-1, 1, n)
    shape /= shape.std(ddof=1)
    groups = {f"group{i}": mean + spread * (1 + i) * shape for i, mean in enumerate(means)}
    sums = {name: summary(values) for name, values in groups.items()}
    pairs = tukey_from_summary({k: v.mean for k, v in sums.items()}, {k: v.sd for k, v in sums.items()}, n)
    for ours, whole in zip(pairs, tukey(groups), strict=True):
        assert (ours.first, ours.second) == (whole.first, whole.second)
        assert ours.p == pytest.approx(whole.p, abs=2e-5)
        assert (ours.low, ours.high) == pytest.approx((whole.low, whole.high), abs=1e-3 * spread + 1e-6)


def test_the_papers_means_and_sds_give_its_p_values_within_their_rounding() -> None:
    f1, iou = paper_tukey("f1"), paper_tukey("iou")
    assert f1["inceptionv4", "mobilenet_v2"].p == pytest.approx(0.709, abs=5e-4)
    assert f1["mobilenet_v2", "vgg16"].p == pytest.approx(0.0007, abs=5e-5)
    assert iou["inceptionv4", "mobilenet_v2"].p == pytest.approx(0.393, abs=5e-4)
    for published, ours in ((paper.TABLE_III, f1), (paper.TABLE_IV, iou)):
        assert published.keys() == ours.keys()
        assert all(published[pair].significant == ours[pair].significant for pair in published)


def test_the_other_printed_sd_moves_p_as_far_as_rounding_does() -> None:
    sds = {name: row.f1.sd for name, row in paper.TABLE_II.items()} | {"inceptionv4": 0.011}
    pairs = tukey_from_summary({name: row.f1.mean for name, row in paper.TABLE_II.items()}, sds, paper.RUNS)
    found = {(pair.first, pair.second): pair.p for pair in pairs}
    assert found["inceptionv4", "mobilenet_v2"] == pytest.approx(0.747, abs=5e-4)
    assert found["mobilenet_v2", "vgg16"] == pytest.approx(0.0015, abs=5e-5)


def test_one_run_gives_no_p_value_and_says_why() -> None:
    pairs = {(p.first, p.second): p for p in tukey({"a": [0.5], "b": [0.6, 0.62], "c": [0.7, 0.72]})}
    assert pairs["a", "b"].p is None
    assert pairs["a", "b"].difference == pytest.approx(0.11)
    assert "a has one run" in pairs["a", "b"].reason
    assert pairs["b", "c"].p == pytest.approx(tukey_hsd([0.6, 0.62], [0.7, 0.72]).pvalue[0, 1], abs=1e-6)
    assert all(p.p is None and "one run" in p.reason for p in tukey({"a": [0.5], "b": [0.6]}))


def test_a_value_that_is_missing_is_no_test() -> None:
    with pytest.raises(ValueError, match="a: a value is missing"):
        tukey({"a": [0.5, float("nan")], "b": [0.6, 0.61]})


def test_no_run_and_zero_variance_do_not_crash() -> None:
    missing, same = tukey({"a": [], "b": [0.5, 0.6]})[0], tukey({"a": [0.5, 0.5], "b": [0.6, 0.6]})[0]
    assert missing.difference is None
    assert "a has no run" in missing.reason
    assert same.p is None
    assert "zero variance" in same.reason
    assert same.difference == pytest.approx(0.1)
    assert "zero" in tukey_from_summary({"a": 1.0, "b": 2.0}, {"a": 0.0, "b": 0.0}, 3)[0].reason
    single = tukey_from_summary({"a": 1.0, "b": 2.0}, {"a": 0.1, "b": 0.1}, 1)[0]
    assert single.p is None
    assert "a has one run and b has one run" in single.reason


def test_a_run_that_states_no_fraction_had_all_photos() -> None:
    assert make("real", "a", 0, [0.5]).real_fraction == 1


def test_two_runs_beside_a_single_one_leave_one_degree_of_freedom() -> None:
    assert pooled_variance({"a": 0.3, "b": 0.0}, {"a": 2, "b": 1}) == (pytest.approx(0.09), 1)


def test_summaries_of_few_values() -> None:
    assert summary([]).mean is None
    assert (summary([0.5]).mean, summary([0.5]).sd) == (0.5, None)
    assert summary([0.4, 0.6]).sd == pytest.approx(np.sqrt(0.02))


def test_the_mean_of_each_run_of_an_arm() -> None:
    scores = [
        make("real", "vgg16", 0, [0.5, 0.7]),
        make("real", "vgg16", 1, [0.6, 0.8]),
        make("mixed", "vgg16", 1, [0.7, 0.8]),
        make("mixed", "vgg16", 2, [1.0, 1.0]),
        make("mixed", "resnet152", 0, [0.0, 0.0]),
    ]
    assert run_means(scores, arm="real", score="f1")["vgg16"] == pytest.approx([0.6, 0.7])
    assert run_means(scores, arm="real", score="iou")["vgg16"] == pytest.approx([0.3, 0.35])
