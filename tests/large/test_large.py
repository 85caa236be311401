"""What large work costs grows with its size and not with its square: the measure of docs/reliability.md, in small."""

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
MEASURE = runpy.run_path(str(Path(__file__).parent / "measure.py"))


@pytest.mark.parametrize(
    ("steps", "counts"),
    [(("write", "assemble", "read", "validate", "cache", "split"), (1000, 4000)), (("make", "report"), (80, 320))],
    ids=["dataset", "study"],
)
def test_time_is_linear_and_memory_no_more(steps: tuple[str, ...], counts: tuple[int, int]) -> None:
    for step, values in MEASURE["measured"](steps, counts).items():
        (seconds, memory) = zip(*values, strict=True)
        assert MEASURE["exponents"](counts, seconds)[0] < 1.25, step
        assert MEASURE["exponents"](counts, memory)[0] < 1.1, step
