from dataclasses import replace

import numpy as np
import pytest

from corrotwin.benchmarks.stats import power
from corrotwin.benchmarks.stats.crossed_effects import FloatArray, half_width, moments, paired

SPREAD = power.GainSpread(run=0.012, unit=0.04, residual=0.08)


def gains(rng: np.random.Generator, sets: int, runs: int, units: int, spread: power.GainSpread) -> FloatArray:
    drawn = rng.normal(0, spread.run, (sets, runs, 1)) + rng.normal(0, spread.unit, (sets, 1, units))
    return drawn + rng.normal(0, spread.residual, (sets, runs, units))


@pytest.mark.parametrize(("runs", "units"), [(3, 46), (10, 46), (5, 300), (10, 6)])
def test_what_is_said_before_is_found_in_four_studies_of_five(runs: int, units: int) -> None:
    said = power.detectable_difference(runs=runs, units=units, spread=SPREAD, comparisons=2)
    assert said is not None
    contrast = paired(moments(gains(np.random.default_rng(1), 3000, runs, units, SPREAD)))
    found = np.abs(contrast.difference + said) > half_width(contrast, 0.025)
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_no_power_is_stated_where_no_test_would_be_made() -> None:
    for runs, units in ((2, 46), (10, 1)):
        assert power.detectable_difference(runs=runs, units=units, spread=SPREAD) is None
    line = power.describe_power(runs=2, units=46, unit="spot", real_fraction=0.1)
    assert line == "power with 10 % of the photos: none, a test needs at least 3 runs and two spots"


def test_a_plan_states_the_gain_that_its_runs_find() -> None:
    few, many = (power.describe_power(runs=runs, units=46, unit="spot", real_fraction=1) for runs in (3, 10))
    assert many.startswith("power with all photos: 10 runs on 46 spots find a gain of 0.0")
    assert float(few.split()[-7]) > 1.5 * float(many.split()[-7])


def test_the_spread_of_gains_is_recovered() -> None:
    found = power.gain_spread(gains(np.random.default_rng(2), 1, 400, 500, SPREAD)[0])
    assert found.run == pytest.approx(SPREAD.run, rel=0.1)
    assert found.unit == pytest.approx(SPREAD.unit, rel=0.1)
    assert found.residual == pytest.approx(SPREAD.residual, rel=0.02)


@pytest.mark.ci
def test_so_many_more_runs_as_are_recommended_find_the_difference() -> None:
    """Of the median study; one run fewer does not."""
    runs, units = 5, 200
    drawn = gains(np.random.default_rng(3), 300, runs, units, SPREAD)
    said = [power.more_runs(paired(moments(each)), runs, 0.05) for each in drawn]
    known = [each for each in said if each is not None]
    assert len(known) > 250
    wanted = next(
        count for count in range(runs, 60)
        if (power.detectable_difference(runs=count, units=units, spread=SPREAD) or 1) <= power.TARGET
    )  # fmt: skip
    assert np.median(known) == pytest.approx(wanted - runs, abs=2)


def test_where_spots_are_too_few_no_number_of_runs_is_recommended() -> None:
    contrast = paired(moments(gains(np.random.default_rng(4), 1, 10, 12, replace(SPREAD, unit=0.1))[0]))
    assert power.more_runs(contrast, 10, 0.05) is None
    assert power.more_runs(contrast, 10, 0.05, target=0.9) == 0
