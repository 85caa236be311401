"""Draw docs/images/loop.png: photographs of a hidden twin with their masks, and its forecast before and after."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from corrotwin.synth.cameras.texel_map import texel_map
from corrotwin.twin import assets, twin_state
from corrotwin.twin.core.plotting import import_matplotlib
from corrotwin.twin.forecast.projection import ALL, forecast_zones
from corrotwin.twin.twin_state import EPOCH, later
from tools.loop.hidden_twins import (
    PARTICLES,
    RENDERED,
    RENDERED_VISITS,
    SHARP,
    cameras,
    hidden_twin,
    known_twin,
    labelled,
    learned,
    measured,
    photographs,
)


def picture(seed: int, path: Path) -> None:
    """Draw photographs of one hidden twin with their masks, and its forecast before and after them."""
    import_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    known = known_twin(seed)
    hidden = hidden_twin(known, seed)
    asset = twin_state.asset(known)
    texels = assets.texels(asset)
    knowledge = learned(
        known, hidden, asset, texels, labelled,
        errors=SHARP, size=RENDERED, visits=RENDERED_VISITS, particles=PARTICLES,
    )  # fmt: skip
    figure = Figure(figsize=(9.4, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.25), squeeze=False)[:, 0]
    texel_maps = [texel_map(camera, asset) for camera in cameras(asset, RENDERED)]
    for axes, years in zip(upper.subplots(1, len(RENDERED_VISITS)), RENDERED_VISITS, strict=True):
        aged = replace(hidden, clock=later(EPOCH, years))
        folder = photographs(aged, RENDERED)
        mask = labelled(aged, twin_state.fields(aged, asset, texels), texel_maps)[1]
        axes.imshow(Image.open(folder / "images" / "000001.jpg"))
        axes.contour(mask, [0.5], colors="magenta", linewidths=0.8)
        axes.set_title(f"hidden twin, year {years:.0f}: photograph and mask", fontsize=9)
        axes.set_axis_off()
    grid = np.arange(0, 21.0)
    actual = np.array([measured(hidden, float(years), asset, texels) for years in grid]) * (100, 1)
    for axes, index, name in zip(lower.subplots(1, 2), (0, 1), ("rusted area, %", "worst loss, mm"), strict=True):
        for particles, colour, label in (
            (knowledge.particles[0], "#9aa3ab", "before the photographs"), (knowledge.now, "#0072B2", "after them")
        ):  # fmt: skip
            forecast = forecast_zones(particles, grid.tolist())[ALL]
            values = 100 * forecast.rusted_share if index == 0 else forecast.max_loss_mm
            low, middle, high = np.percentile(values, (5, 50, 95), axis=0)
            axes.fill_between(grid, low, high, color=colour, alpha=0.3, lw=0, label=f"P5 to P95 {label}")
            axes.plot(grid, middle, color=colour)
        axes.plot(grid, actual[:, index], "k--", lw=1.5, label="hidden truth")
        for years in RENDERED_VISITS:
            axes.axvline(years, color="#5B6770", lw=0.8, ls=":")
        axes.set(title=name, xlabel="years of service", xlim=(0, 20), ylim=(0, None))
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=130)
