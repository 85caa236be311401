"""Power before a study: the gain of renders that it would find in four cases of five, by committed variances."""

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from corrotwin.benchmarks.study.grid import GridCell
    from corrotwin.benchmarks.study.sources import Study

ERROR = 0.05
FEWEST_RUNS = 3  # two say too little of their spread for any test
BETWEEN_DRAWS = 0.0075  # SD of a gain between draws of renders, assumed between 0.005 and 0.010


@dataclass(frozen=True, kw_only=True)
class GainSpread:
    """Standard deviations behind the gain of one arm over another: of runs, of spots and of what is left."""

    run: float
    unit: float
    residual: float


# Of mixed minus real, root mean squares over both sets of docs/results/transfer (mobilenet_v2, five runs).
FEW_PHOTOS = GainSpread(run=0.015, unit=0.066, residual=0.154)
ALL_PHOTOS = GainSpread(run=0.004, unit=0.056, residual=0.093)


def lines(study: "Study") -> list[str]:
    """Return a line for each fraction of the photos with both arms; none for a smoke test or without photos."""
    config, split = study.config, study.split
    if split is None or config.profile == "quick":
        return []
    spots = len({split.group[name] for name in split.test})
    unit = "photo" if spots == len(split.test) else "spot"
    runs: dict[float, list[int]] = {}
    for cell in config.cells:
        if cell.kind == "mixed":
            others = [each.runs for each in config.cells if _is_pair(cell, each)]
            runs.setdefault(cell.real_fraction, []).extend(min(cell.runs, each) for each in others)
    comparisons = sum(map(len, runs.values()))
    return [
        describe(runs=min(of_fraction), units=spots, unit=unit, real_fraction=fraction, comparisons=comparisons)
        for fraction, of_fraction in sorted(runs.items())
        if of_fraction
    ]


def describe(*, runs: int, units: int, unit: str, real_fraction: float, comparisons: int) -> str:
    """Return the line of a plan on the gain of renders that so many runs would find.

    Parameters
    ----------
    runs : of each of both arms, in pairs.
    units, unit : number of spots of the test photos, and "spot", or "photo" where spots are not known.
    comparisons : of the family: the strictest step of Holm is taken.
    """
    at = "all photos" if real_fraction == 1 else f"{100 * real_fraction:g} % of the photos"
    if runs < FEWEST_RUNS or units < 2:
        return f"  power with {at}: none; a test needs at least {FEWEST_RUNS} runs and two {unit}s"
    found = detectable_gain(runs, units, ALL_PHOTOS if real_fraction == 1 else FEW_PHOTOS, comparisons)
    return f"  power with {at}: {runs} runs on {units} {unit}s find a gain of {found:.3f} F1 in 4 cases of 5"


def detectable_gain(runs: int, units: int, spread: GainSpread, comparisons: int) -> float:
    """Return the true gain that a study with these standard deviations finds in 80 % of cases."""
    from corrotwin.benchmarks.stats.crossed_effects import FEW_UNITS, MeanDifference
    from corrotwin.benchmarks.stats.equivalence import detectable

    rest = spread.residual**2 / (runs * units)
    alone = spread.unit**2 / units + rest
    expected = MeanDifference(
        difference=np.array(0.0),
        run=np.array(hypot(spread.run, BETWEEN_DRAWS) ** 2 / runs + rest),
        run_freedom=np.array(runs - 1.0),
        unit=np.array(alone if units < FEW_UNITS else alone - rest),
        unit_alone=np.array(alone),
        unit_freedom=units - 1,
    )
    return float(detectable(expected, ERROR / comparisons))


def _is_pair(mixed: "GridCell", other: "GridCell") -> bool:
    """Return whether a cell is that of photos alone beside a mixed one."""
    return other.kind == "real" and (other.real_fraction, other.backbone) == (mixed.real_fraction, mixed.backbone)
