import numpy as np
import pytest
from scipy.stats import tukey_hsd

from corrotwin.benchmarks.stats.robustness import (
    bootstrap_between,
    bootstrap_paired,
    games_howell,
    normal_quantiles,
    spread,
)

RUN_MEANS = {
    "a": [0.851, 0.862, 0.859, 0.866, 0.857],
    "b": [0.899, 0.884, 0.905, 0.893, 0.881, 0.902],
    "c": [0.879, 0.883, 0.880, 0.876],
}


def test_games_howell_gives_the_numbers_of_two_other_packages() -> None:
    # pingouin 0.7.0, pairwise_gameshowell
    pingouin = {("a", "b"): 0.000179705505, ("a", "c"): 0.000856191730, ("b", "c"): 0.031529733697}
    expected = tukey_hsd(*RUN_MEANS.values(), equal_var=False)
    interval = expected.confidence_interval(0.95)
    for pair in games_howell(RUN_MEANS):
        i, j = "abc".index(pair.first), "abc".index(pair.second)
        assert pair.p == pytest.approx(pingouin[pair.first, pair.second], rel=1e-5)
        assert pair.p == pytest.approx(expected.pvalue[i, j], rel=1e-5)
        assert (pair.low, pair.high) == pytest.approx((-interval.high[i, j], -interval.low[i, j]), abs=1e-5)


def test_games_howell_leaves_out_what_has_no_variance() -> None:
    pairs = games_howell({"a": [0.5, 0.5], "b": [0.6, 0.7], "c": [0.6, 0.61], "d": [0.5]})
    found = {(pair.first, pair.second): pair for pair in pairs}
    assert "the runs of a are equal" in found["a", "b"].reason
    assert "d has one run" in found["a", "d"].reason
    assert found["b", "c"].p is not None


def test_the_bootstrap_finds_the_spread_of_runs_and_of_units() -> None:
    rng = np.random.default_rng(1)
    runs, units = 20, 100
    parts = [(0.02, 0.0), (0.0, 0.1), (0.02, 0.1)]
    for run_sd, unit_sd in parts:
        d = 0.01 + rng.normal(0, run_sd, (runs, 1)) + rng.normal(0, unit_sd, units)
        d = np.broadcast_to(d, (runs, units))
        low, high = bootstrap_paired(d, rng=np.random.default_rng(2))
        expected = np.sqrt(d.mean(axis=1).var() / runs + d.mean(axis=0).var() / units)
        assert (high - low) / (2 * 1.96) == pytest.approx(expected, rel=0.08)
        assert low < d.mean() < high
        first = rng.normal(0.5, 0.1, units) + np.zeros((runs, 1))
        between = bootstrap_between(first, first + d, rng=np.random.default_rng(2))
        assert between == pytest.approx((low, high), abs=0.2 * (high - low))  # the units of both are drawn together


def test_the_bootstrap_of_constants_is_a_point() -> None:
    assert bootstrap_paired(np.full((3, 4), 0.25), rng=np.random.default_rng(1)) == pytest.approx((0.25, 0.25))


def test_spreads_are_those_that_scores_were_made_with() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(0, 0.03, (200, 1)) + rng.normal(0, 0.2, 300) + rng.normal(0, 0.06, (200, 300))
    found = spread(scores)
    assert (found.runs, found.units) == (200, 300)
    assert found.run == pytest.approx(0.03, rel=0.15)
    assert found.run_means == pytest.approx(scores.mean(axis=1).std(ddof=1))
    assert found.unit == pytest.approx(0.2, rel=0.1)
    assert found.residual == pytest.approx(0.06, rel=0.02)
    assert spread(np.array([[0.0, 1.0], [1.0, 0.0]])).run == 0


def test_normal_values_lie_on_the_line() -> None:
    theoretical, ordered = normal_quantiles(np.random.default_rng(4).normal(5, 2, 2000))
    assert np.corrcoef(theoretical, ordered)[0, 1] > 0.998
    assert np.abs(ordered - theoretical)[50:-50].max() < 0.2
    assert (normal_quantiles(np.ones(3))[1] == 0).all()
