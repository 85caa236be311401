"""One plain sentence for a comparison, from the primary test alone."""

from collections.abc import Mapping

from corrotwin.benchmarks.formatting.table import NONE, write
from corrotwin.benchmarks.formatting.wording import SCORES, count
from corrotwin.benchmarks.stats.comparison import ERROR, Comparison
from corrotwin.benchmarks.stats.crossed_effects import GREATEST

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
            text = f"{start}{'it' if start else 'It'} is not settled whether {second} is better or worse than {first}: "
            text += number
            if comparison.alone is not None and comparison.alone < ERROR:
                text += f", which alone would tell them apart, but not as one of {comparison.members} comparisons"
            if comparison.detectable is not None:
                if comparison.detectable < GREATEST:
                    seen = write(comparison.detectable, ".3f")
                    text += f"; a true difference of {seen} would be found four times in five"
                else:
                    text += "; so few runs would miss any difference more than once in five times"
        case "equal":
            text = f"{start}{second} and {first} are equal within {margin}: {number}"
        case verdict:
            text = f"{start}{second} is {verdict} than {first}: {number}"
            if comparison.equal:
                text += f"; the difference is real but smaller than {margin}"
    return f"{text[0].upper()}{text[1:]}." if names else f"{text}."


def number_of(comparison: Comparison) -> str:
    """Format the difference with its interval, runs and spots."""
    if comparison.difference is None:
        return "unknown"
    low, high = comparison.low, comparison.high
    interval = "" if low is None or high is None else f"95 % interval {write(low, '+.3f')} to {write(high, '+.3f')}; "
    one, other = comparison.runs
    runs = count(one, "run") if comparison.backbone else f"{other} and {one} runs"
    of_each = " of each" if comparison.backbone else ""
    units = count(comparison.units, comparison.unit)
    return f"{write(comparison.difference, '+.3f')} ({interval}{runs}{of_each}, {units})"


def detectable(difference: float | None) -> str:
    """Format the true difference that a study finds four times in five, for a table."""
    if difference is None:
        return NONE
    return f"over {GREATEST:g}" if difference >= GREATEST else write(difference, ".3f")
