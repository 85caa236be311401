"""One style for all figures: colours that colour-blind readers can tell apart, and the data's source along the foot.

Figures are narrow, so that their words can still be read on a phone 400 pixels wide.
"""

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from corrotwin.benchmarks.formatting.inline_svg import with_fonts
from corrotwin.twin.core.plotting import import_matplotlib, without_glyph_warnings
from corrotwin.twin.core.text import escape_mathtext

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

WIDTH_IN = 4.7
FOOT_CHARACTERS = 95  # per line along the foot; more would run out of the figure


@dataclass(frozen=True, kw_only=True)
class Look:
    """Colour, marker and line style of a backbone in figures."""

    color: str
    marker: str
    dash: Any


# Okabe & Ito, Color Universal Design, 2008: distinguishable with every common type of colour vision; line styles and
# markers differ as well.
LOOKS = {
    "inceptionv4": Look(color="#0072B2", marker="o", dash="-"),
    "mobilenet_v2": Look(color="#D55E00", marker="s", dash="--"),
    "resnet152": Look(color="#009E73", marker="^", dash="-."),
    "vgg16": Look(color="#CC79A7", marker="D", dash=":"),
}
OTHERS = (  # for backbones that are not in the paper, in their order in the study
    Look(color="#333333", marker="P", dash=(0, (3, 1, 1, 1))),
    Look(color="#56B4E9", marker="v", dash=(0, (5, 2))),
    Look(color="#E69F00", marker="X", dash=(0, (1, 1))),
    Look(color="#8a949e", marker="*", dash=(0, (7, 1, 1, 1))),
)
KIND_COLORS = {
    "real": "#333333", "mixed": "#D55E00", "copy-paste": "#0072B2", "strong": "#009E73", "shuffled": "#CC79A7",
}  # fmt: skip
KIND_MARKERS = {"real": "o", "mixed": "s", "copy-paste": "^", "strong": "D", "shuffled": "X"}
STYLE: Any = {
    "font.size": 9.5,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "text.color": "#1c2733",
    "axes.labelcolor": "#1c2733",
    "axes.edgecolor": "#8a949e",
    "xtick.color": "#3c4854",
    "ytick.color": "#3c4854",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e3e6ea",
    "axes.axisbelow": True,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "savefig.facecolor": "white",
    "svg.hashsalt": "corrotwin",
    "svg.fonttype": "none",  # text that can be searched and copied, and whose colour a page can choose
}


def look(backbone: str, backbones: Sequence[str]) -> Look:
    """Return the look of a backbone among all backbones of a study."""
    if backbone in LOOKS:
        return LOOKS[backbone]
    others = [name for name in backbones if name not in LOOKS]
    return OTHERS[others.index(backbone) % len(OTHERS)]


def name_rows(axis: Any, rows: Sequence[tuple[float, str]], measured: str) -> None:
    """Label the rows of a figure along its left edge, and their common quantity along its foot.

    Parameters
    ----------
    axis : matplotlib's axes, with a row at each height.
    rows : height and label of each row.
    measured : label of the horizontal axis.
    """
    axis.set_yticks([height for height, _ in rows], [escape_mathtext(label) for _, label in rows], fontsize=8.5)
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x")
    axis.spines["left"].set_visible(False)
    axis.set_xlabel(measured, fontsize=8.5)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure that is drawn when the report is written.

    Parameters
    ----------
    name : name of its files, without the ending.
    title, caption : what it shows; the caption states n.
    foot : source of its data, drawn along the lower edge so that the file alone shows it.
    height_in : its height; all figures have the same width.
    draw : function that fills a canvas; marks with an `inline_svg.tip` as `gid` show it under the pointer.
    """

    name: str
    title: str
    caption: str
    foot: str
    height_in: float
    draw: Callable[["Canvas"], None] = field(compare=False)
    kind: ClassVar[str] = "figure"


def files(figure: Figure) -> dict[str, bytes]:
    """Return the drawn figure as SVG and PNG; the same bytes each time."""
    import_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    encoded = {}
    with mpl.rc_context(STYLE), without_glyph_warnings():
        drawn = Canvas(figsize=(WIDTH_IN, figure.height_in), layout="constrained")
        FigureCanvasAgg(drawn)
        drawn.supxlabel(
            escape_mathtext(textwrap.fill(figure.foot, FOOT_CHARACTERS)),
            fontsize=6.5,
            color="#8a3b00",
            x=0.01,
            ha="left",
        )
        figure.draw(drawn)
        for kind in ("svg", "png"):
            stream = io.BytesIO()  # the date would make each file differ
            drawn.savefig(stream, format=kind, dpi=200, metadata={"Date": None} if kind == "svg" else None)
            encoded[kind] = stream.getvalue()
    return encoded | {"svg": with_fonts(encoded["svg"])}
