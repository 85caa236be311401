"""Plot of forecast coverage. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corrotwin.twin.calibration.coverage import LOSSES, CoverageSummary
from corrotwin.twin.forecast.plots import GREY, LOSS, RUST, canvas
from corrotwin.twin.forecast.projection import ALL


def coverage(path: Path, table: Sequence[CoverageSummary]) -> None:
    """Draw coverage of the 90 % interval by arm and quantity, and width and error by number of visits."""
    arms = list(dict.fromkeys(row.arm for row in table))
    quantities = [name for name in LOSSES if any(row.quantity == name for row in table)]
    whole = {(row.arm, row.quantity, row.visits): row for row in table if row.zone == ALL}
    last = max(row.visits for row in table)
    colours = dict(zip(quantities, (RUST, LOSS, "#2A7F62"), strict=False))
    with canvas(path, 9.4, 4.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        for shift, quantity in enumerate(quantities):
            cells = [whole[arm, quantity, last] for arm in arms]
            y = np.arange(len(arms)) + 0.2 * (shift - 1)
            spread = [2 * np.sqrt(max(row.coverage * (1 - row.coverage), 1e-4) / row.count) for row in cells]
            shown = [100 * row.coverage for row in cells]
            left.errorbar(
                shown, y, xerr=100 * np.array(spread), fmt="o", ms=5, lw=1, color=colours[quantity], label=quantity
            )
        left.axvspan(85, 95, color="#e8f0e8", zorder=0)
        left.axvline(90, color=GREY, lw=1)
        left.set_yticks(range(len(arms)), arms)
        left.invert_yaxis()
        left.set(
            title=f"Truths within P5 to P95 at year 20,\nafter {last} inspections",
            xlabel="% (± 2 SE)",
            xlim=(None, 101),
        )
        left.legend(loc="upper right", bbox_to_anchor=(1.0, -0.13), ncols=len(quantities), fontsize=9)
        first = arms[0]
        for quantity in quantities:
            rows = [whole[first, quantity, visits] for visits in range(last + 1)]
            for name, style in (("width", "-"), ("error", "--")):
                values = np.array([getattr(row, name) for row in rows])
                right.plot(range(last + 1), values / values[0], style, marker="o", ms=4, color=colours[quantity])
        right.plot([], [], "-", color=GREY, label="mean width P5 to P95")
        right.plot([], [], "--", color=GREY, label="mean error of P50")
        right.set(
            title=f"Each inspection narrows\n{first}",
            xlabel="inspections",
            ylabel="relative to no inspection",
            ylim=(0, None),
        )
        right.set_xticks(range(last + 1))
        right.legend(loc="upper right", bbox_to_anchor=(1.0, -0.13), fontsize=9)
