"""One plain sentence for a comparison, from the primary test alone."""

from collections.abc import Mapping

from corrotwin.benchmarks.formatting.table import NONE, write
from corrotwin.benchmarks.formatting.wording import SCORES, count
from corrotwin.benchmarks.stats.comparison import ERROR, Comparison
from corrotwin.benchmarks.stats.crossed_effects import GREATEST
from corrotwin.benchmarks.stats.power import MOST_RUNS, TARGET

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "equal": "equal",
    "unsettled": "not settled",
    "untested": "not tested",
}


def sentence(comparison: Comparison, *, names: Mapping[str, str] | None = None, where: str = "") -> str:
    """Return a comparison in words, with its number, interval, runs and spots.

    Parameters
    ----------
    names : what its two sides are called; as they are without it.
    where : how the sentence begins, such as ``With vgg16``; by default the backbone of two arms.
    """
    first, second = ((names or {}).get(name, name) for name in (comparison.first, comparison.second))
    if not where and comparison.backbone:
        where = f"With {comparison.backbone}"
    start = f"{where}, " if where else ""
    number = f"{SCORES[comparison.score]} {number_of(comparison)}"
    margin = write(comparison.margin, ".3f")
    match comparison.verdict:
        case "untested":
            known = "" if comparison.difference is None else f", {number}"
            text = f"{start}{second} against {first} is not tested{known}: {comparison.reason}"
        case "unsettled":
            text = f"{start}{'no' if start else 'No'} difference is shown between {second} and {first}: {number}"
            if comparison.alone is not None and comparison.alone < ERROR:
                text += f", which alone would tell them apart, but not as one of {comparison.members} comparisons"
            text += f"; {recommendation(comparison)}"
        case "equal":
            text = f"{start}{second} and {first} are equal within {margin}: {number}"
        case verdict:
            text = f"{start}{second} is {verdict} than {first}: {number}"
            if comparison.equal:
                text += f"; the difference is real but smaller than {margin}"
    return f"{text[0].upper()}{text[1:]}." if names else f"{text}."


def recommendation(comparison: Comparison) -> str:
    """Return how many more runs would find a difference that matters, by the variances of these."""
    target = write(TARGET, ".2f")
    if comparison.more_runs is None:
        return f"no number of runs up to {MOST_RUNS} would find {target} on {units_of(comparison)}: test on more"
    if comparison.more_runs == 0:
        return f"{target} would have been found four times in five"
    return f"{count(comparison.more_runs, 'more run')} of each would find {target} four times in five"


def units_of(comparison: Comparison) -> str:
    """Return the number of spots or photos in words."""
    return count(comparison.units, comparison.unit)


def number_of(comparison: Comparison) -> str:
    """Format the difference with its interval, runs and spots."""
    if comparison.difference is None:
        return "unknown"
    low, high = comparison.low, comparison.high
    interval = "" if low is None or high is None else f"95 % interval {write(low, '+.3f')} to {write(high, '+.3f')}; "
    one, other = comparison.runs
    runs = count(one, "run") if comparison.backbone else f"{other} and {one} runs"
    of_each = " of each" if comparison.backbone else ""
    return f"{write(comparison.difference, '+.3f')} ({interval}{runs}{of_each}, {units_of(comparison)})"


def detectable(difference: float | None) -> str:
    """Format the true difference that a study finds four times in five, for a table."""
    if difference is None:
        return NONE
    return f"over {GREATEST:g}" if difference >= GREATEST else write(difference, ".3f")
