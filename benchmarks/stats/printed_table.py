"""Tukey's HSD from printed means, standard deviations and sizes: the paper's table, or any other.

Printed numbers are rounded, so each p-value comes with the range that unrounded numbers allow.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.formatting.table import NONE, p_value, write
from corrotwin.benchmarks.stats.tukey import Pair, pooled_variance, range_error, range_p, tukey_from_summary
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.table_rows import Row
from corrotwin.twin.core.tables import read as read_table
from corrotwin.twin.core.text import markdown_table

COLUMNS = ("group", "mean", "sd", "n")
MOST_DIGITS = 30  # most digits of a number before or after the decimal point
MOST_VALUES = 10**9  # most values behind a mean
SCORE = "score"  # optional column: rows of one score make one table
PUBLISHED = {"F1": paper.TABLE_III, "IoU": paper.TABLE_IV}


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A printed number and half a unit of its last digit."""

    value: float
    half_step: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """A printed mean ± SD of `n` values; `sd` is None where n is 1."""

    name: str
    mean: Printed
    sd: Printed | None
    n: int


@dataclass(frozen=True, kw_only=True)
class RoundedPair:
    """A pair of Tukey's test and the range of p over all numbers that round to the printed ones; None without p."""

    pair: Pair
    lowest: float | None
    highest: float | None


def read(path: Path) -> dict[str, list[Group]]:
    """Read a CSV file of group, mean, sd, n and perhaps score.

    Returns
    -------
    The groups by score, or under "" without that column.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column, or holds an impossible number; the message names the line.
    """
    tables: dict[str, list[Group]] = {}
    for row in read_table(path, required=COLUMNS, optional=(SCORE,)).rows:
        groups = tables.setdefault(row[SCORE], [])
        group = _group(row)
        if group.name in {earlier.name for earlier in groups}:
            raise row.wrong("occurs twice; give one line for each group", "group")
        groups.append(group)
    for score, groups in tables.items():
        if len(groups) < 2:
            raise InputError(f"{path}: one group{f' of {score}' if score else ''}; a comparison needs at least two")
    if not tables:
        raise InputError(f"{path}: no rows; give a line for each group")
    return tables


def _group(row: Row) -> Group:
    name = row.text("group")
    n = row.whole("n", least=1, most=MOST_VALUES)
    sd = _printed(row, "sd") if n > 1 else None
    if sd is not None and sd.value < 0:
        raise row.wrong("is negative; a standard deviation is not", "sd")
    return Group(name=name, mean=_printed(row, "mean"), sd=sd, n=n)


def _printed(row: Row, column: str) -> Printed:
    number = row.decimal(column)
    exponent = int(number.as_tuple().exponent)  # a letter only where a number is not finite
    if abs(exponent) > MOST_DIGITS or abs(number) > 10**MOST_DIGITS:
        raise row.wrong(f"is out of bounds; give a number with at most {MOST_DIGITS} digits", column)
    return Printed(value=float(number), half_step=0.5 * 10.0**exponent)


def published() -> dict[str, list[Group]]:
    """Return Table II of the paper: means and SDs with three decimals, over ten runs."""

    def group(name: str, estimate: paper.PublishedEstimate) -> Group:
        mean, sd = (Printed(value=value, half_step=0.0005) for value in (estimate.mean, estimate.sd))
        return Group(name=name, mean=mean, sd=sd, n=paper.RUNS)

    return {
        "F1": [group(name, row.f1) for name, row in paper.TABLE_II.items()],
        "IoU": [group(name, row.iou) for name, row in paper.TABLE_II.items()],
    }


def compare(groups: Sequence[Group]) -> list[RoundedPair]:
    """Return Tukey's HSD of all pairs, in alphabetical order, with the range of each p.

    p is highest for the smallest difference and the largest SDs that round to the printed ones, and lowest for the
    largest difference and the smallest SDs.
    """
    named = {group.name: group for group in groups}
    sizes = {group.name: group.n for group in groups}
    sds = {group.name: group.sd for group in groups if group.sd is not None}
    tested = len(sds)
    pairs = tukey_from_summary(
        {name: group.mean.value for name, group in named.items()},
        {name: sd.value for name, sd in sds.items()},
        sizes,
    )
    low_variance, freedom = pooled_variance({name: max(sd.value - sd.half_step, 0) for name, sd in sds.items()}, sizes)
    high_variance, _ = pooled_variance({name: sd.value + sd.half_step for name, sd in sds.items()}, sizes)
    result = []
    for pair, (first, second) in zip(pairs, itertools.combinations(sorted(named), 2), strict=True):
        if pair.difference is None or pair.p is None:
            result.append(RoundedPair(pair=pair, lowest=None, highest=None))
            continue
        slack = named[first].mean.half_step + named[second].mean.half_step
        largest, smallest = abs(pair.difference) + slack, max(abs(pair.difference) - slack, 0.0)
        low, high = (range_error(variance, sizes[first], sizes[second]) for variance in (low_variance, high_variance))
        lowest, highest = range_p(largest, low, tested, freedom), range_p(smallest, high, tested, freedom)
        result.append(RoundedPair(pair=pair, lowest=lowest, highest=highest))
    return result


def markdown(pairs: Sequence[RoundedPair], printed: Mapping[tuple[str, str], paper.PublishedComparison]) -> str:
    """Return the comparisons as a Markdown table, with the p-values that a paper prints for them, if any."""
    headings = ["second − first", "difference", "95 % interval", "p", "p within rounding"]
    headings += ["printed p"] if printed else []
    rows = []
    for rounded in pairs:
        pair = rounded.pair
        cells = [f"{pair.second} − {pair.first}", write(pair.difference or 0.0, "+.4f")]
        if pair.p is None or pair.low is None or pair.high is None:
            cells += [NONE, NONE, pair.reason]
        else:
            cells += [f"{write(pair.low, '+.4f')} to {write(pair.high, '+.4f')}", p_value(pair.p)]
            cells += [f"{p_value(rounded.lowest or 0.0)} to {p_value(rounded.highest or 0.0)}"]
        if printed:
            cells.append(str(printed[pair.first, pair.second]))
        rows.append(cells)
    return markdown_table(headings, rows)


def repeated() -> str:
    """Return a sentence on the p-values that Table IV shares with Table III."""
    same = [pair for pair, row in paper.TABLE_IV.items() if row == paper.TABLE_III[pair]]
    return (
        f"{len(same)} of the {len(paper.TABLE_IV)} p-values of Table IV (IoU) equal those of Table III (F1), to all "
        "digits printed, although their means and SDs differ."
    )
