"""The plan of a study says what difference it would find."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.study import power, runner
from corrotwin.benchmarks.study.config import choose
from corrotwin.benchmarks.study.sources import Sources


def test_so_many_runs_find_the_gain_in_four_cases_of_five() -> None:
    """Against simulated studies with the stated variances."""
    runs, units, spread = 10, 60, power.ALL_PHOTOS
    gain = power.detectable_gain(runs, units, spread, comparisons=1)
    rng = np.random.default_rng(0)
    count = 2000
    scores = (
        gain
        + rng.normal(0, np.hypot(spread.run, power.BETWEEN_DRAWS), (count, runs, 1))
        + rng.normal(0, spread.unit, (count, 1, units))
        + rng.normal(0, spread.residual, (count, runs, units))
    )
    found = crossed_effects.p_value(crossed_effects.paired(crossed_effects.moments(scores))) < power.ERROR
    assert 0.77 < found.mean() < 0.87


def test_fewer_runs_fewer_spots_and_more_comparisons_find_less() -> None:
    usual = power.detectable_gain(10, 40, power.FEW_PHOTOS, 2)
    assert usual < power.detectable_gain(5, 40, power.FEW_PHOTOS, 2)
    assert usual < power.detectable_gain(10, 20, power.FEW_PHOTOS, 2)
    assert usual < power.detectable_gain(10, 40, power.FEW_PHOTOS, 8)
    assert power.detectable_gain(10, 40, power.ALL_PHOTOS, 2) < usual


@pytest.mark.parametrize(("profile", "runs", "found"), [("small", 10, True), ("small", 2, False), ("quick", 10, None)])
def test_a_dry_run_prints_the_gain_that_would_be_found(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str], profile: Any, runs: int,
    found: bool | None,
) -> None:  # fmt: skip
    assert runner.run(tmp_path / "out", choose(profile, runs=runs), Sources(data=data), dry_run=True) == []
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  power")]
    if found is None:  # a smoke test finds nothing
        assert said == []
    elif found:
        expected = [power.detectable_gain(10, 3, each, 2) for each in (power.FEW_PHOTOS, power.ALL_PHOTOS)]
        assert said == [
            f"  power with 10 % of the photos: 10 runs on 3 photos find a gain of {expected[0]:.3f} F1 in 4 cases of 5",
            f"  power with all photos: 10 runs on 3 photos find a gain of {expected[1]:.3f} F1 in 4 cases of 5",
        ]
    else:
        none = "none; a test needs at least 3 runs and two photos"
        assert said == [f"  power with 10 % of the photos: {none}", f"  power with all photos: {none}"]
