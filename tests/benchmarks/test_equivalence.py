import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from benchmarks.crossed import Contrast, FloatArray, half_width, moments, paired
from benchmarks.equivalence import detectable, holm, tost


def of_units(values: FloatArray) -> Contrast:
    """Two equal runs: the one-way special case, in which units alone vary."""
    return paired(moments(np.tile(values, (2, 1))))


@pytest.mark.parametrize("shift", [0.0, 0.004, 0.011, -0.03])
def test_equivalence_is_statsmodels_in_the_one_way_case(shift: float) -> None:
    values = np.random.default_rng(1).normal(shift, 0.02, 15)
    expected = DescrStatsW(values).ttost_mean(-0.01, 0.01)[0]
    assert tost(of_units(values), 0.01) == pytest.approx(expected, rel=1e-6)


def test_equal_at_five_percent_is_a_ninety_percent_interval_within_the_margin() -> None:
    values = np.random.default_rng(2).normal(0.003, 0.02, 40)
    contrast = of_units(values)
    end = float(abs(contrast.difference) + half_width(contrast, 0.1))
    assert tost(contrast, end * 1.001) < 0.05 < tost(contrast, end * 0.999)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_is_statsmodels(p: list[float]) -> None:
    table = np.array([p, p[::-1]])
    assert holm(table)[0] == pytest.approx(multipletests(p, method="holm")[1])
    assert holm(table)[1] == pytest.approx(holm(table)[0][::-1])


@pytest.mark.parametrize("count", [6, 20, 200])
def test_the_detectable_difference_is_found_in_four_cases_of_five(count: int) -> None:
    values = np.random.default_rng(3).normal(0, 0.05, count)
    contrast = of_units(values)
    power = TTestPower().power(float(detectable(contrast, 0.05)) / values.std(ddof=1), count, 0.05)
    assert power == pytest.approx(0.8, abs=0.02)
