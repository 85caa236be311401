import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp, ttest_ind, ttest_rel
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from corrotwin.benchmarks.stats.crossed_effects import (
    FloatArray,
    MeanDifference,
    TooFewScoresError,
    between,
    filled,
    half_width,
    moments,
    p_value,
    paired,
    run_means,
    unit_means,
)


def scores(seed: int, runs: int, units: int, *, run_sd: float = 0.02, unit_sd: float = 0.05) -> FloatArray:
    rng = np.random.default_rng(seed)
    made = 0.8 + rng.normal(0, run_sd, (runs, 1)) + rng.normal(0, unit_sd, units) + rng.normal(0, 0.03, (runs, units))
    return np.asarray(made, dtype=np.float64)


def test_the_mean_squares_of_two_backbones_are_those_of_the_analysis_of_variance() -> None:
    runs, units = 3, 10
    tables = [scores(1, runs, units, run_sd=0.1), scores(2, runs, units, run_sd=0.1, unit_sd=0.1)]
    rows = [(b, r, i, tables[b][r, i]) for b in range(2) for r in range(runs) for i in range(units)]
    fit = ols("y ~ C(b) * C(i) + C(b):C(r)", pd.DataFrame(rows, columns=["b", "r", "i", "y"])).fit()
    square = anova_lm(fit).eval("sum_sq / df")
    freedom = anova_lm(fit)["df"]
    found = between(moments(tables[0]), moments(tables[1]))
    residual = square["Residual"]
    assert found.run * runs * units / 2 == pytest.approx(square["C(b):C(r)"])
    assert found.unit * runs * units / 2 == pytest.approx(square["C(b):C(i)"] - residual)
    v = square["C(b):C(r)"] + square["C(b):C(i)"] - residual
    assert found.variance == pytest.approx(2 * v / (runs * units))
    assert found.unit_freedom == freedom["C(b):C(i)"]
    assert found.difference == pytest.approx(tables[1].mean() - tables[0].mean())
    each = [moments(table) for table in tables]
    assert (each[0].residual + each[1].residual) * runs * units / 2 == pytest.approx(residual)


def test_the_mean_squares_of_paired_arms_are_those_of_the_analysis_of_variance() -> None:
    runs, units = 4, 11
    d = scores(3, runs, units)
    rows = [(r, i, d[r, i]) for r in range(runs) for i in range(units)]
    found = anova_lm(ols("y ~ C(r) + C(i)", pd.DataFrame(rows, columns=["r", "i", "y"])).fit())
    square = found["sum_sq"] / found["df"]
    contrast = paired(moments(d))
    assert contrast.run * runs * units == pytest.approx(square["C(r)"])
    assert contrast.unit * runs * units == pytest.approx(square["C(i)"] - square["Residual"])
    assert (contrast.run_freedom, contrast.unit_freedom) == (found["df"]["C(r)"], found["df"]["C(i)"])


@pytest.mark.parametrize(("units", "reduced"), [(2, False), (9, False), (10, True), (40, True)])
def test_the_residual_leaves_the_unit_part_from_ten_units_on(units: int, reduced: bool) -> None:
    """With fewer, intervals without it missed the truth too often (the module's docstring has the counts)."""
    found = moments(scores(5, 3, units, unit_sd=0.2))
    contrast = paired(found)
    expected = contrast.unit_alone - (found.residual if reduced else 0)
    assert contrast.unit == pytest.approx(expected)
    assert found.residual > 1e-3 * contrast.unit_alone


def test_without_a_unit_part_the_test_is_students_or_welchs_on_run_means() -> None:
    rng = np.random.default_rng(4)
    # Residuals that cancel in every unit leave less variance between units than their size lets expect.
    residual = np.kron([[0.05, -0.05], [-0.05, 0.05]], np.ones((2, 5)))
    one, other = (0.8 + rng.normal(0, 0.02, (4, 1)) + residual for _ in range(2))
    contrast = between(moments(one), moments(other))
    assert contrast.unit == 0
    assert contrast.variance == contrast.run  # the rule for a negative part
    welch = ttest_ind(other.mean(axis=1), one.mean(axis=1), equal_var=False)
    assert p_value(contrast) == pytest.approx(welch.pvalue, rel=1e-6)
    assert contrast.run_freedom == pytest.approx(welch.df)
    interval = welch.confidence_interval(0.95)
    assert contrast.difference - half_width(contrast, 0.05) == pytest.approx(interval.low)
    alone = paired(moments(one - 0.79))
    assert alone.unit == 0
    assert p_value(alone) == pytest.approx(ttest_1samp(one.mean(axis=1) - 0.79, 0).pvalue, rel=1e-6)


def test_without_a_run_part_the_test_is_paired_over_units() -> None:
    rng = np.random.default_rng(5)
    one, other = rng.normal(0.8, 0.1, 9), rng.normal(0.85, 0.1, 9)
    twice = [np.tile(table, (3, 1)) for table in (one, other)]  # three runs that are equal
    expected = ttest_rel(other, one).pvalue
    assert p_value(between(moments(twice[0]), moments(twice[1]))) == pytest.approx(expected, rel=1e-6)
    assert p_value(paired(moments(twice[1] - twice[0]))) == pytest.approx(expected, rel=1e-6)


def test_no_interval_is_narrower_than_of_the_units_alone() -> None:
    """Runs that happen to agree on average, however much they scatter on each unit."""
    rng = np.random.default_rng(9)
    table = 0.02 + rng.normal(0, 0.05, 40) + rng.normal(0, 0.1, (3, 40))
    table += table.mean() - table.mean(axis=1, keepdims=True)
    contrast = paired(moments(table))
    assert contrast.run < 1e-30
    low, high = ttest_1samp(table.mean(axis=0), 0).confidence_interval(0.95)
    assert (contrast.difference - half_width(contrast, 0.05), contrast.difference + half_width(contrast, 0.05)) == (
        pytest.approx(low), pytest.approx(high),
    )  # fmt: skip
    assert p_value(contrast) == pytest.approx(ttest_1samp(table.mean(axis=0), 0).pvalue, rel=1e-6)
    both = between(moments(np.zeros((3, 40)) + 0.5), moments(table))
    assert half_width(both, 0.05) == pytest.approx(half_width(contrast, 0.05))


@example(run=1.0, unit=1.0, more=0.0, freedom=1.0, units=5, d=1e-8)  # near p = 1 the quantiles are exact to 1e-8 only
@given(
    run=st.floats(1e-8, 1), unit=st.floats(0, 1), more=st.floats(0, 1), freedom=st.floats(1, 30),
    units=st.integers(2, 50), d=st.floats(-3, 3),
)  # fmt: skip
def test_the_p_value_is_the_error_rate_whose_interval_ends_at_zero(
    run: float, unit: float, more: float, freedom: float, units: int, d: float
) -> None:
    contrast = MeanDifference(
        difference=np.array(d),
        run=np.array(run),
        run_freedom=np.array(freedom),
        unit=np.array(unit),
        unit_alone=np.array(unit + more),
        unit_freedom=units - 1,
    )
    p = p_value(contrast)
    assert 0 < p <= 1
    if p > 1e-15:
        assert half_width(contrast, p) == pytest.approx(abs(d), rel=1e-6, abs=1e-7)
    assert half_width(contrast, 0.01) > half_width(contrast, 0.05)
    # Between the quantiles of the two parts alone, for one common standard error.
    ratio = half_width(contrast, 0.05) / np.sqrt(contrast.variance)
    ends = sorted((t.isf(0.025, freedom), t.isf(0.025, units - 1)))
    assert ends[0] * (1 - 1e-9) <= ratio <= ends[1] * (1 + 1e-9)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_the_interval_errs_no_more_than_it_says_whatever_the_true_variances(share: float) -> None:
    rng = np.random.default_rng(6)
    sets, runs, units = 40_000, 3, 20
    unit = (1 - share) * rng.chisquare(units - 1, sets) / (units - 1)
    contrast = MeanDifference(
        difference=rng.normal(0, 1, sets),
        run=share * rng.chisquare(runs - 1, sets) / (runs - 1),
        run_freedom=np.full(sets, runs - 1.0),
        unit=unit,
        unit_alone=unit,
        unit_freedom=units - 1,
    )
    misses = np.mean(np.abs(contrast.difference) > half_width(contrast, 0.05))
    assert misses < 0.05 + 3 * np.sqrt(0.05 * 0.95 / sets)
    assert misses > 0.02  # conservative, not useless


def made(rng: np.random.Generator, runs: int, units: int, run_sd: float, unit_sd: float) -> FloatArray:
    """4000 tables of equal true means."""
    sets = 4000
    noise = rng.normal(0, 0.03, (sets, runs, units)) + rng.normal(0, unit_sd, (sets, 1, units))
    return np.asarray(noise + rng.normal(0, run_sd, (sets, runs, 1)))


def erring(contrast: MeanDifference) -> float:
    return float(np.mean(np.abs(contrast.difference) > half_width(contrast, 0.05)))


@pytest.mark.parametrize(("first", "second"), [(0.02, 0.01), (0.01, 0.02)])
def test_unequal_numbers_of_runs_err_no_more_often_than_stated(first: float, second: float) -> None:
    rng = np.random.default_rng(21)
    one, other = moments(made(rng, 2, 20, first, 0.005)), moments(made(rng, 10, 20, second, 0.005))
    contrast, back = between(one, other), between(other, one)
    assert 0.005 < erring(contrast) < 0.06
    assert erring(back) == erring(contrast)


@pytest.mark.parametrize("units", [2, 5])
def test_few_units_err_no_more_often_than_stated(units: int) -> None:
    rng = np.random.default_rng(22)
    one, other = (moments(made(rng, 10, units, 0.0025, 0.01)) for _ in range(2))
    assert 0.005 < erring(paired(one)) < 0.055
    assert 0.005 < erring(between(one, other)) < 0.055


def test_what_both_share_does_not_count() -> None:
    one, other = scores(7, 4, 8), scores(8, 3, 8)
    hard = np.linspace(-0.3, 0.3, 8)
    before = between(moments(one), moments(other))
    after = between(moments(one + hard + 0.1), moments(other + hard + 0.1))
    assert after.difference == pytest.approx(before.difference)
    assert after.variance == pytest.approx(before.variance)
    back = between(moments(other), moments(one))
    assert back.difference == pytest.approx(-before.difference)
    assert p_value(back) == pytest.approx(p_value(before), rel=1e-6)
    again = between(moments(one[::-1, ::-1]), moments(other[::-1, ::-1]))
    assert (again.difference, again.variance) == pytest.approx((before.difference, before.variance))


def test_many_tables_at_once_are_each_as_alone() -> None:
    tables = np.array([[scores(seed, 3, 5) for seed in range(4)], [scores(seed, 3, 5) for seed in range(4, 8)]])
    whole = moments(tables)
    together = between(whole.at((slice(None), [0, 0, 1])), whole.at((slice(None), [1, 2, 3])))
    for row in range(2):
        for column, (i, j) in enumerate([(0, 1), (0, 2), (1, 3)]):
            alone = between(moments(tables[row, i]), moments(tables[row, j]))
            assert p_value(together)[row, column] == pytest.approx(p_value(alone), rel=1e-6)


def test_a_spot_counts_once_however_many_photos_it_has() -> None:
    photos = np.array([[0.2, 0.4, 0.9, 0.6], [0.0, 1.0, 0.5, 0.5]])
    assert unit_means(photos, ["b", "a", "b", "b"]) == pytest.approx(np.array([[1.7 / 3, 0.4], [1.0 / 3, 1.0]]))


def test_a_spot_has_the_mean_of_its_photos_with_a_score_and_none_without_any() -> None:
    photos = np.array([[0.2, np.nan, 0.4, np.nan], [np.nan, 1.0, 0.5, 0.5]])
    expected = np.array([[0.3, np.nan], [0.5, 0.75]])
    assert unit_means(photos, ["b", "a", "b", "a"]) == pytest.approx(expected, nan_ok=True)


def test_tables_without_variance_of_their_own_are_refused() -> None:
    for shape in ((1, 5), (5, 1)):
        with pytest.raises(ValueError, match="at least two"):
            moments(np.zeros(shape))
    with pytest.raises(ValueError, match="not finite"):
        moments(np.array([[0.1, 0.2], [0.3, np.inf]]))
    with pytest.raises(ValueError, match="missing in one of several tables"):
        moments(np.full((2, 3, 4), np.nan))


def holed(table: FloatArray, seed: int, share: float) -> FloatArray:
    """A copy in which each run lacks its own part of the units, at random; without units that all lack."""
    rng, left = np.random.default_rng(seed), table.copy()
    count = round(share * table.shape[1])
    for run in left:
        run[rng.choice(len(run), count, replace=False)] = np.nan
    return left[:, np.isfinite(left).any(axis=0)]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_missing_scores_are_those_of_least_squares(share: float) -> None:
    left = holed(scores(10, 5, 20, run_sd=0.1, unit_sd=0.2), 11, share)
    runs, units = left.shape
    rows = [(r, i, left[r, i]) for r in range(runs) for i in range(units)]
    table = pd.DataFrame(rows, columns=["r", "i", "y"])
    fit = ols("y ~ C(r) + C(i)", table.dropna()).fit()
    predicted = fit.predict(table).to_numpy().reshape(runs, units)
    whole = filled(left)
    assert whole == pytest.approx(np.where(np.isnan(left), predicted, left))
    found = moments(left)
    assert found.mean == pytest.approx(predicted.mean())  # the marginal means of the model
    assert found.unit_means == pytest.approx(predicted.mean(axis=0))
    assert run_means(left) == pytest.approx(predicted.mean(axis=1))
    assert found.residual * fit.nobs == pytest.approx(fit.mse_resid)
    assert found.run * runs == pytest.approx(predicted.mean(axis=1).var(ddof=1))


def test_scores_that_runs_and_units_add_up_to_are_filled_in_exactly() -> None:
    """So that a run that is tested on easy spots is no better for it."""
    whole = np.array([0.01, -0.02, 0.0])[:, None] + np.linspace(0.1, 0.9, 7)
    left = whole.copy()
    left[0, :3] = left[1, 4:] = left[2, ::3] = np.nan
    assert filled(left) == pytest.approx(whole)
    assert run_means(left) == pytest.approx(whole.mean(axis=1))
    assert np.nanmean(left, axis=1)[0] > np.nanmean(left, axis=1)[2]  # as they are, it would be
    assert filled(whole) is whole


def test_scores_in_parts_that_have_none_in_common_are_not_filled_in() -> None:
    apart = np.array([[0.1, 0.2, np.nan, np.nan], [np.nan, np.nan, 0.3, 0.5]])
    with pytest.raises(TooFewScoresError, match="no score in common"):
        filled(apart)
    assert run_means(apart) == pytest.approx(np.array([0.15, 0.4]))
    for empty in (np.array([[0.1, np.nan], [0.3, np.nan]]), np.array([[0.1, 0.2], [np.nan, np.nan]])):
        with pytest.raises(TooFewScoresError, match="a run or a unit has no score"):
            moments(empty)
    with pytest.raises(TooFewScoresError, match="1 of 4 scores are missing: too few are left"):
        moments(np.array([[0.1, 0.2], [0.3, np.nan]]))


@pytest.mark.ci
@pytest.mark.parametrize(("runs", "units", "share"), [(12, 30, 0.1), (12, 30, 0.2), (4, 40, 0.2), (6, 12, 0.17)])
@pytest.mark.parametrize(("run_sd", "unit_sd"), [(0.02, 0.05), (0.0, 0.0)])
def test_missing_scores_raise_no_false_alarms(
    runs: int, units: int, share: float, run_sd: float, unit_sd: float
) -> None:
    rng, found, sets = np.random.default_rng(12), 0, 400
    for seed in range(sets):
        table = rng.normal(0, run_sd, (runs, 1)) + rng.normal(0, unit_sd, units) + rng.normal(0, 0.03, (runs, units))
        contrast = paired(moments(holed(table, seed, share)))
        found += abs(contrast.difference) > half_width(contrast, 0.05)
    assert found / sets < 0.07


def test_missing_scores_hide_no_gain_that_whole_tables_show() -> None:
    rng, found = np.random.default_rng(13), {0.0: 0, 0.2: 0}
    for seed in range(200):
        table = 0.03 + rng.normal(0, 0.02, (12, 1)) + rng.normal(0, 0.03, 30) + rng.normal(0, 0.05, (12, 30))
        for share in found:
            contrast = paired(moments(holed(table, seed, share)))
            found[share] += contrast.difference > half_width(contrast, 0.05)
    assert found[0.0] > 150
    assert found[0.2] > 0.85 * found[0.0]
