from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from corrotwin.benchmarks.stats.crossed_effects import FloatArray, MeanDifference, between, half_width, moments, paired
from corrotwin.benchmarks.stats.equivalence import MARGIN, holm, tost
from corrotwin.benchmarks.stats.power import TARGET, detectable


def of_units(values: FloatArray) -> MeanDifference:
    """Two equal runs: the one-way special case, in which units alone vary."""
    return paired(moments(np.tile(values, (2, 1))))


@pytest.mark.parametrize("shift", [0.0, 0.004, 0.011, -0.03])
def test_equivalence_is_statsmodels_in_the_one_way_case(shift: float) -> None:
    values = np.random.default_rng(1).normal(shift, 0.02, 15)
    expected = DescrStatsW(values).ttost_mean(-0.01, 0.01)[0]
    assert tost(of_units(values), 0.01) == pytest.approx(expected, rel=1e-6)


def test_margin_and_target_are_those_that_the_page_states() -> None:
    """Readers of a report look up in docs/benchmarks.md what "equal" means, and what more runs would find."""
    page = " ".join((Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text().split())
    assert f"two one-sided tests with a margin of {MARGIN:g}." in page
    assert f"how many more runs of each arm would find {TARGET:g}, by the variances" in page


def test_equal_at_five_percent_is_a_ninety_percent_interval_within_the_margin() -> None:
    values = np.random.default_rng(2).normal(0.003, 0.02, 40)
    contrast = of_units(values)
    end = float(abs(contrast.difference) + half_width(contrast, 0.1))
    assert tost(contrast, end * 1.001) < 0.05 < tost(contrast, end * 0.999)


@pytest.mark.ci
@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_is_statsmodels(p: list[float]) -> None:
    table = np.array([p, p[::-1]])
    assert holm(table)[0] == pytest.approx(multipletests(p, method="holm")[1])
    assert holm(table)[1] == pytest.approx(holm(table)[0][::-1])


@pytest.mark.parametrize("p", [0.05, 0.005])
@pytest.mark.parametrize("count", [6, 20, 200])
def test_the_detectable_difference_is_that_of_the_t_test_where_units_alone_vary(count: int, p: float) -> None:
    """With a standard deviation that half of all such samples stay below."""
    values = np.random.default_rng(3).normal(0, 0.05, count)
    likely = values.std(ddof=1) / np.sqrt(chi2.median(count - 1) / (count - 1))
    power = TTestPower().power(float(detectable(of_units(values), p)) / likely, count, p)
    assert power == pytest.approx(0.8, abs=0.002)


@pytest.mark.ci
@pytest.mark.parametrize("runs", [2, 3, 5, 10])
@pytest.mark.parametrize("run_sd", [0.001, 0.015])
def test_the_difference_that_studies_state_is_found_in_four_cases_of_five(runs: int, run_sd: float) -> None:
    """Stated by the median study; with few runs the variance that a study estimates is mostly too small."""
    rng = np.random.default_rng(4)
    scores = rng.normal(0, run_sd, (3000, runs, 1)) + rng.normal(0, 0.05, (3000, 1, 40))
    contrast = paired(moments(scores + rng.normal(0, 0.08, (3000, runs, 40))))
    stated = np.median(detectable(contrast, 0.01))
    found = np.abs(contrast.difference + stated) > half_width(contrast, 0.01)
    assert found.mean() == pytest.approx(0.8, abs=0.04)


def test_the_detectable_difference_of_unequal_numbers_of_runs_is_found_in_four_cases_of_five() -> None:
    rng = np.random.default_rng(5)

    def backbone(runs: int) -> FloatArray:
        runs_alone = rng.normal(0, 0.015, (3000, runs, 1)) + rng.normal(0, 0.05, (3000, 1, 40))
        return runs_alone + rng.normal(0, 0.08, (3000, runs, 40))

    contrast = between(moments(backbone(3)), moments(backbone(6)))
    stated = np.median(detectable(contrast, 0.05))
    found = np.abs(contrast.difference + stated) > half_width(contrast, 0.05)
    assert found.mean() == pytest.approx(0.8, abs=0.06)
