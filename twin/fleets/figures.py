"""Figures of a twin's page as SVG: the forecast of its weakest zone, and the positions of its CML."""

import io
from importlib.util import find_spec

import numpy as np

from corrotwin.twin.core.text import escape_mathtext
from corrotwin.twin.forecast import plots
from corrotwin.twin.forecast.result import Forecast

_DOTS = 6_000  # points of the surface, drawn behind the CML
_VIEWS = (("from above", 0, 1, "x, m", "y, m"), ("from the front", 0, 2, "x, m", "z, m"))
_MOST_NAMES = 60  # CML up to which their names are written beside them


def can_draw() -> bool:
    """Return whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def both(made: Forecast) -> tuple[bytes, bytes]:
    """Return both figures of a forecast as SVG; empty if matplotlib is not installed or there is nothing to draw."""
    if not can_draw():
        return b"", b""
    stream = io.BytesIO()
    made.draw(stream)
    return stream.getvalue(), _places(made)


def _places(made: Forecast) -> bytes:
    """Return a figure of the asset's surface from two sides, with its CML; empty if no position is known."""
    session = made.known
    positions = {}
    for record in session.records:
        if record.kind == "ultrasonic" and record.place and record.uv is not None:
            positions[record.zone, record.place] = record.uv
    positions |= {(cml.zone, cml.id): cml.uv for cml in session.register.cmls.values() if cml.uv is not None}
    if not positions:
        return b""
    points = session.texels.position_m[session.texels.area_mm2 > 0]
    dots = points[np.random.default_rng(0).permutation(len(points))[:_DOTS]]
    places = np.array([session.texels.position_m[session.asset.texel_at(uv)] for uv in positions.values()])
    stream = io.BytesIO()
    with plots.sheet(stream, ".svg", 8.6, 5.2) as figure:
        for axes, (title, x, y, x_label, y_label) in zip(figure.subplots(2, 1), _VIEWS, strict=True):
            axes.plot(dots[:, x], dots[:, y], ",", color="#b4bcc4", rasterized=True)
            axes.plot(places[:, x], places[:, y], "o", ms=4.5, color=plots.RED)
            for (_, name), point in zip(positions, places, strict=True):
                if len(positions) <= _MOST_NAMES:
                    axes.annotate(
                        escape_mathtext(name), (point[x], point[y]), xytext=(4, 4), textcoords="offset points",
                        fontsize=8,
                    )  # fmt: skip
            axes.set(title=f"CML {title}", xlabel=x_label, ylabel=y_label)
            axes.set_aspect("equal", adjustable="datalim")
    return stream.getvalue()
