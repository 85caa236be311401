"""Wording for fractions, numbers and lists in sentences, tables and figures."""

from collections.abc import Sequence
from decimal import Decimal

from corrotwin.benchmarks.formatting.table import NONE, write

SCORES = {"f1": "F1", "iou": "IoU"}


def plain_number(value: float, digits: int = 2) -> str:
    """Format a number with `digits` digits, or more if its whole part has more, and without a power of ten."""
    if abs(value) >= 10 ** (digits - 1):
        return write(value, ",.0f")
    return write(Decimal(format(value, f".{digits}g")), "f")


def mean_count(value: float) -> str:
    """Format a count, with one decimal where it is the mean of several."""
    return write(value, ",.0f" if value == round(value) else ",.1f")


def percent(fraction: float) -> str:
    """Format a fraction of the photos, such as ``10 %``."""
    return f"{100 * fraction:g} %"


def render_share(share: float | None) -> str:
    """Return the part of each batch that is renders, such as ``50 % renders``; None draws every image equally often."""
    return "as many renders as there are" if share is None else f"{percent(share)} renders"


def of_photos(fraction: float) -> str:
    """Name a part of the training photos in words."""
    return "all training photos" if fraction == 1 else f"{percent(fraction)} of the training photos"


def interval(low: float | None, high: float | None, pattern: str = "+.3f") -> str:
    """Format an interval for a table."""
    return NONE if low is None or high is None else f"{write(low, pattern)} to {write(high, pattern)}"


def span(numbers: Sequence[int]) -> str:
    """Format a number, or the range of several."""
    return str(min(numbers)) if len(set(numbers)) == 1 else f"{min(numbers)} to {max(numbers)}"


def listed(names: Sequence[str], word: str = "and") -> str:
    """Join names with commas and a last "and", or another word."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
