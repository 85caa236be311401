"""Texts for a comparison, from the primary test alone."""

from corrotwin.benchmarks.formatting.table import NONE, write
from corrotwin.benchmarks.stats.crossed_effects import GREATEST
from corrotwin.benchmarks.stats.power import MOST_RUNS

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "equal": "equal",
    "unsettled": "not settled",
    "untested": "not tested",
}


def detectable(difference: float | None) -> str:
    """Format the true difference that a study finds four times in five, for a table."""
    if difference is None:
        return NONE
    return f"over {GREATEST:g}" if difference >= GREATEST else write(difference, ".3f")


def more_runs(count: int | None, *, p: float | None, runs: tuple[int, int]) -> str:
    """Format how many more runs each side needs to find `power.TARGET`, for a table.

    `count` is None if too many would be needed, or if it was not computed: without a test, or for unequal `runs`.
    """
    if count is not None:
        return str(count)
    return NONE if p is None or runs[0] != runs[1] else f"over {MOST_RUNS}"
