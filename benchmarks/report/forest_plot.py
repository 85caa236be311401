"""A forest plot: one line per comparison, with its interval, the margin of equality and the verdict."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.formatting.inline_svg import tip
from corrotwin.benchmarks.formatting.style import Figure, name_rows
from corrotwin.benchmarks.formatting.table import p_value
from corrotwin.benchmarks.formatting.wording import interval
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.verdict import VERDICTS
from corrotwin.twin.core.text import counted, escape_mathtext

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

BETTER, WORSE, NEITHER, EQUAL = "#0072B2", "#D55E00", "#5a6875", "#009E73"
# How a verdict is drawn: colour, marker, whether the marker is filled.
LOOKS = {
    "better": (BETTER, "o", True),
    "worse": (WORSE, "o", True),
    "equal": (EQUAL, "s", True),
    "unsettled": (NEITHER, "o", False),
    "untested": (NEITHER, "x", True),
}
Group = tuple[str, Sequence[tuple[str, Comparison]]]


def forest(material: Material, name: str, title: str, caption: str, groups: Sequence[Group]) -> Figure:
    """Draw differences with 95 % intervals, from the top; each row shows all its values under the pointer.

    Parameters
    ----------
    groups : heading and rows of each group; a row is a label and its comparison.
    """
    rows = [(label, comparison) for _, members in groups for label, comparison in members]
    lines = sum(len(members) + bool(heading) for heading, members in groups)
    margin = rows[0][1].margin

    def draw(drawn: "Canvas") -> None:
        axis = drawn.subplots()
        axis.axvspan(-margin, margin, color="#e8f3ee", lw=0)
        axis.axvline(0, color="#1c2733", lw=0.8)
        height, ticks = 0, list[tuple[float, str]]()
        for heading, members in groups:
            if heading:
                axis.text(0, height, escape_mathtext(heading), fontsize=8.5, fontweight="bold", va="center",
                          transform=axis.get_yaxis_transform())  # fmt: skip
                height += 1
            for label, comparison in members:
                _row(axis, height, comparison, label)
                ticks.append((height, label))
                height += 1
        name_rows(axis, ticks, f"difference of mean F1 (shaded: equal within {margin:g})")
        axis.set_ylim(lines - 0.4, -0.6)
        axis.margins(x=0.08)

    return material.figure(name, title, caption, 0.95 + 0.31 * lines, draw)


def _row(axis: Any, place: int, each: Comparison, label: str) -> None:
    color, marker, filled = LOOKS[each.verdict]
    if each.difference is None:
        axis.text(0.5, place, "no pair of runs", fontsize=8, color=NEITHER, va="center", ha="center",
                  transform=axis.get_yaxis_transform())  # fmt: skip
        return
    if each.low is not None and each.high is not None:
        axis.plot([each.low, each.high], [place, place], color=color, lw=2, solid_capstyle="butt")
    axis.plot([each.difference], [place], marker, color=color, ms=6.5, mfc=color if filled else "white", mew=1.5)
    text = f"{each.difference:+.3f}".replace("-", "−")
    axis.annotate(f"{text}  {VERDICTS[each.verdict]}", (1.0, place), xycoords=axis.get_yaxis_transform(), xytext=(4, 0),
                  textcoords="offset points", va="center", fontsize=7.5, color=color,
                  annotation_clip=False)  # fmt: skip
    within = "" if each.low is None else f" ({interval(each.low, each.high)})"
    details = (
        f"{label}: {text}{within}, p = {p_value(each.p)}, {VERDICTS[each.verdict]}, {counted(each.runs[0], 'run')}"
    )
    axis.axhspan(place - 0.5, place + 0.5, alpha=0, lw=0, gid=tip(details), zorder=9)  # over and around the mark
