"""Words for a comparison, from the primary test alone."""

from corrotwin.benchmarks.formatting.table import NONE, write
from corrotwin.benchmarks.formatting.wording import count
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.crossed_effects import GREATEST
from corrotwin.benchmarks.stats.power import MOST_RUNS, TARGET

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "equal": "equal",
    "unsettled": "not settled",
    "untested": "not tested",
}


def recommendation(comparison: Comparison) -> str:
    """Return how many more runs would find a difference that matters, by the variances of these."""
    target = write(TARGET, ".2f")
    if comparison.more_runs is None:
        units = count(comparison.units, comparison.unit)
        return f"no number of runs up to {MOST_RUNS} would find {target} on {units}: test on more"
    if comparison.more_runs == 0:
        return f"{target} would have been found four times in five"
    return f"{count(comparison.more_runs, 'more run')} of each would find {target} four times in five"


def detectable(difference: float | None) -> str:
    """Format the true difference that a study finds four times in five, for a table."""
    if difference is None:
        return NONE
    return f"over {GREATEST:g}" if difference >= GREATEST else write(difference, ".3f")
