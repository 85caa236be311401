"""One style for all figures: colours that the colour-blind tell apart, and along the foot whose data it is."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# Okabe & Ito, Color Universal Design, 2008: told apart with every common colour vision; line styles differ as well.
COLORS = {"inceptionv4": "#0072B2", "mobilenet_v2": "#D55E00", "resnet152": "#009E73", "vgg16": "#CC79A7"}
DASHES: Any = {"inceptionv4": "-", "mobilenet_v2": "--", "resnet152": "-.", "vgg16": ":"}
STYLE: Any = {
    "font.size": 10,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e3e6ea",
    "axes.axisbelow": True,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "savefig.facecolor": "white",
    "svg.hashsalt": "corrotwin",
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawn figure: `name` of its file without the ending, title, caption, and bytes (`kind` is svg or png)."""

    name: str
    title: str
    caption: str
    kind: str
    content: bytes


@contextmanager
def canvas(width_in: float, height_in: float, label: str) -> Iterator["Canvas"]:
    """A figure in our style, with `label` along its lower edge so that the file alone says what it shows."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(STYLE):
        drawn = Canvas(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasAgg(drawn)
        drawn.supxlabel(plain(label), fontsize=8, color="#8a3b00", x=0.01, ha="left")
        yield drawn


def plain(text: str) -> str:
    """Text from data as it is: matplotlib would read a pair of dollar signs as mathematics."""
    return text.replace("$", r"\$")


def save(drawn: "Canvas", kind: str) -> bytes:
    """The bytes of a drawn figure as svg or png, the same each time."""
    import matplotlib as mpl

    stream = io.BytesIO()
    with mpl.rc_context(STYLE):  # the date would make each file differ
        drawn.savefig(stream, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else None)
    return stream.getvalue()
