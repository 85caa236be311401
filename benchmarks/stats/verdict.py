"""Words for a comparison, from the primary test alone."""

from corrotwin.benchmarks.formatting.table import NONE, write
from corrotwin.benchmarks.stats.crossed_effects import GREATEST

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
