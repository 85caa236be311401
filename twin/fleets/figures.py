"""Pictures of a twin's page as SVG: the forecast of its weakest zone, and where its CML are."""

import io
from importlib.util import find_spec

import numpy as np

from corrotwin.twin.core.text import escape_mathtext
from corrotwin.twin.forecast import plots
from corrotwin.twin.forecast.result import Forecast

_DOTS = 6_000  # of the surface, behind the CML
_VIEWS = (("from above", 0, 1, "x, m", "y, m"), ("from the front", 0, 2, "x, m", "z, m"))
_MOST_NAMES = 60  # CML whose names are written beside them


def can_draw() -> bool:
    """Return whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def both(made: Forecast) -> tuple[bytes, bytes]:
    """Return the pictures of a forecast, empty where matplotlib is not installed or there is nothing to draw."""
    if not can_draw():
        return b"", b""
    stream = io.BytesIO()
    made.draw(stream)
    return stream.getvalue(), _places(made)


def _places(made: Forecast) -> bytes:
    """Return the surface of the asset from two sides, with its CML; empty where no position is known."""
    known = made.known
    where = {}
    for record in known.records:
        if record.kind == "ultrasonic" and record.place and record.uv is not None:
            where[record.zone, record.place] = record.uv
    where |= {(cml.zone, cml.id): cml.uv for cml in known.register.cmls.values() if cml.uv is not None}
    if not where:
        return b""
    points = known.texels.position_m[known.texels.area_mm2 > 0]
    dots = points[np.random.default_rng(0).permutation(len(points))[:_DOTS]]
    places = np.array([known.texels.position_m[known.asset.texel_at(uv)] for uv in where.values()])
    stream = io.BytesIO()
    with plots.sheet(stream, ".svg", 8.6, 5.2) as figure:
        for axes, (title, one, other, across, up) in zip(figure.subplots(2, 1), _VIEWS, strict=True):
            axes.plot(dots[:, one], dots[:, other], ",", color="#b4bcc4", rasterized=True)
            axes.plot(places[:, one], places[:, other], "o", ms=4.5, color=plots.RED)
            for (_, name), point in zip(where, places, strict=True):
                if len(where) <= _MOST_NAMES:
                    axes.annotate(
                        escape_mathtext(name), (point[one], point[other]), xytext=(4, 4), textcoords="offset points",
                        fontsize=8,
                    )  # fmt: skip
            axes.set(title=f"CML {title}", xlabel=across, ylabel=up)
            axes.set_aspect("equal", adjustable="datalim")
    return stream.getvalue()
