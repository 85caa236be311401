"""What large work costs grows with its size and not with its square: the measure of docs/reliability.md, in small."""

import runpy
from pathlib import Path

import pytest

MEASURE = runpy.run_path(str(Path(__file__).parent / "measure.py"))

# Most MB that 1,000 images or runs more may take: about twice what was measured, of the assembly 0.2.
GROWTH_MB = {
    "write": 20, "assemble": 2, "read": 25, "validate": 20, "cache": 25, "split": 25, "make": 150, "report": 150
}  # fmt: skip
STUDY_SECONDS = 15  # most processor seconds that 1,000 runs more may take; 4 were measured, beside 22 that are fixed


@pytest.mark.slow
def test_a_dataset_costs_time_in_proportion_and_bounded_memory() -> None:
    counts = (250, 1000, 4000)
    steps = ("write", "assemble", "read", "validate", "cache", "split")
    for step, values in MEASURE["measured"](steps, counts).items():
        seconds, memory = zip(*values, strict=True)
        assert MEASURE["exponent"](counts, seconds) < 1.25, (step, seconds)
        assert MEASURE["slope"](counts, memory) < GROWTH_MB[step], (step, memory)


@pytest.mark.slow
def test_a_study_costs_little_more_with_more_runs() -> None:
    """Its fixed cost, networks that are timed, is so large that an exponent says nothing."""
    counts = (80, 800)
    for step, values in MEASURE["measured"](("make", "report"), counts).items():
        seconds, memory = zip(*values, strict=True)
        assert MEASURE["slope"](counts, seconds) < STUDY_SECONDS, (step, seconds)
        assert MEASURE["slope"](counts, memory) < GROWTH_MB[step], (step, memory)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_a_large_fixed_cost_hides_no_growth(power: float) -> None:
    """Where the smallest count is small beside the others, the exponent is near the true one."""
    counts = (8, 1000, 4000)
    values = [22 + 1e-4 * count**power for count in counts]
    assert MEASURE["exponent"](counts, values) == pytest.approx(power, abs=0.02)
    assert MEASURE["slope"](counts, [1.0, 2.0, 8.0]) == pytest.approx(2.0)
