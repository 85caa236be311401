"""Plot of a forecast with its readings. Needs matplotlib."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, writing
from corrotwin.twin.core.plotting import import_matplotlib, without_glyph_warnings
from corrotwin.twin.core.text import escape_mathtext, printable
from corrotwin.twin.forecast.projection import ALL, LEVELS, ZoneForecast
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.twin_state import TwinState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS, RUST, RED, GREY = "#0072B2", "#B3541E", "#C0392B", "#5B6770"
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
SUFFIXES = (".png", ".svg")
SIZE_IN = (8.6, 7.0)  # of the plot of a forecast


def check(path: Path) -> None:
    """Raise InputError if a file is neither .png nor .svg, or if matplotlib is not installed."""
    import importlib.util

    if path.suffix not in SUFFIXES:
        raise InputError(
            f"{path}: cannot draw {path.suffix or 'a name without suffix'!r}; choose {' or '.join(SUFFIXES)}"
        )
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError(f"{path}: drawing needs matplotlib; pip install 'corrotwin[study]'")


def forecast(
    figure: "Figure",
    twin: TwinState,
    forecasts: Mapping[str, ZoneForecast],
    years: Sequence[float],
    *,
    zone: str,
    nominal_mm: float,
    required_mm: float | None,
    chance: Floats | None,
    records: Sequence[Record],
    events: Sequence[Event] = (),
    next_years: float | None,
    now_years: float,
) -> None:
    """Draw a zone's least remaining thickness and the whole asset's rusted area over the years.

    Parameters
    ----------
    figure : empty, of about 8.6 by 7 inches.
    twin, forecasts, years : the twin, and the result of `twin.forecast.projection.forecast_zones` for T years.
    zone : zone to draw.
    nominal_mm : its least thickness when new, at the places that are drawn.
    required_mm, chance : thickness it must keep, and the chance, (T,), that it does not; None without a requirement.
        Only places that were thicker when new are drawn.
    records : all records; those of this zone are drawn.
    events : all events; those of this zone are drawn.
    next_years : years of service at the next thickness measurement of this zone, or None.
    now_years : years of service at which the forecast begins.
    """
    year = np.array(years)
    panels = 2 if chance is None else 3
    name = escape_mathtext(printable(twin.id))
    panel_axes = figure.subplots(panels, 1, sharex=True, height_ratios=(3, 2, 1)[:panels])
    upper, lower = panel_axes[0], panel_axes[1]
    _fan(upper, year, forecasts[zone].judged_left_mm, LOSS)
    upper.set(
        title=f"{name}, {zone}: least remaining thickness (new: {nominal_mm:.4g} mm at its thinnest)",
        ylabel="mm",
    )
    readings = [record for record in records if record.kind == "ultrasonic" and zone in (record.zone, ALL)]
    if readings:
        upper.errorbar(
            [record.years(twin) for record in readings], [record.read_mm for record in readings],
            yerr=[2 * float(np.hypot(record.scatter_sd, record.bias_sd)) for record in readings],
            fmt="o", ms=4, color=GREY, lw=1, label="readings ± 2 SD, all places",
        )  # fmt: skip
    if required_mm is not None:
        upper.axhline(required_mm, color=RED, lw=1.3, ls="--", label=f"required, {required_mm:g} mm")
    _fan(lower, year, 100 * forecasts[ALL].rusted_share, RUST)
    lower.plot([], [], "^", color="black", ms=7, label="inspections")
    lower.set(title="Rusted share of the whole surface", ylabel="%", ylim=(0, None))
    if chance is not None:
        panel_axes[2].plot(year, 100 * chance, color=RED, lw=1.8)
        panel_axes[2].set(title=f"Chance that {zone} is thinner than required", ylabel="%", ylim=(0, None))
    own_events = [event for event in events if ALL in (zone, event.zone) or event.zone == zone]
    soon = next_years is not None and next_years <= year[-1]
    for axes in panel_axes:
        labelled = axes is lower  # its legend names the lines of all panels, which may be near or the same
        axes.axvline(now_years, color=GREY, lw=1, label="now" if labelled else None)
        if soon:
            due = f"measure by year {next_years:.1f}" if labelled else None
            axes.axvline(next_years, color="black", lw=1.3, ls=":", label=due)
        for number, event in enumerate(own_events):
            named = "zone or place renewed" if labelled and not number else None
            axes.axvline(event.years(twin), color="#1E8449", lw=1.3, ls="-.", label=named)
        for shown in sorted({record.years(twin) for record in records}):
            axes.plot(shown, 0, "^", ms=7, color="black", transform=axes.get_xaxis_transform(), clip_on=False)
    for axes in (upper, lower):
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    panel_axes[-1].set(xlim=(year[0], year[-1]), xlabel="years of service")


def _fan(axes: "Axes", year: Floats, values: Floats, colour: str) -> None:
    """Draw the median and the band from P5 to P95 of (n, T) values."""
    low, middle, high = np.percentile(values, LEVELS, axis=0)
    axes.fill_between(year, low, high, color=colour, alpha=0.22, lw=0, label="P5 to P95")
    axes.plot(year, middle, color=colour, lw=1.8, label="P50")


@contextmanager
def canvas(path: Path, width_in: float, height_in: float) -> Iterator["Figure"]:
    """Yield a figure in the house style; it is written to `path` when the block succeeds."""
    check(path)
    content = io.BytesIO()
    with sheet(content, path.suffix, width_in, height_in) as figure:
        yield figure
    with writing(path), atomic_file(path) as stream:
        stream.write(content.getvalue())


@contextmanager
def sheet(stream: IO[bytes], suffix: str, width_in: float, height_in: float) -> Iterator["Figure"]:
    """Yield a figure in the house style; it is written to `stream` when the block succeeds, as .png or .svg."""
    import_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE), without_glyph_warnings():
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        metadata = {"Date": None} if suffix == ".svg" else {}
        figure.savefig(stream, format=suffix[1:], dpi=150, metadata=metadata)
