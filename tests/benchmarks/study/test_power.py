"""The plan of a study says what difference it would find."""

from pathlib import Path
from typing import Any

import pytest

from corrotwin.benchmarks.stats.power import describe_power
from corrotwin.benchmarks.study import runner
from corrotwin.benchmarks.study.config import choose
from corrotwin.benchmarks.study.sources import Sources


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
        assert said == [
            f"  {describe_power(runs=10, units=3, unit='photo', real_fraction=fraction, comparisons=2)}"
            for fraction in (0.1, 1.0)
        ]
        assert "find a gain of 0." in said[1]
    else:
        none = "none, a test needs at least 3 runs and two photos"
        assert said == [f"  power with 10 % of the photos: {none}", f"  power with all photos: {none}"]
