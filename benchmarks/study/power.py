"""Power before a study: one line per fraction on the gain of renders that it would find in four of five cases."""

from typing import TYPE_CHECKING

from corrotwin.benchmarks.stats.power import describe_power

if TYPE_CHECKING:
    from corrotwin.benchmarks.study.grid import GridCell
    from corrotwin.benchmarks.study.sources import Study


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
            counts = [other.runs for other in config.cells if _is_pair(cell, other)]
            runs.setdefault(cell.real_fraction, []).extend(min(cell.runs, count) for count in counts)
    comparisons = sum(map(len, runs.values()))
    return [
        describe_power(runs=min(of_fraction), units=spots, unit=unit, real_fraction=fraction, comparisons=comparisons)
        for fraction, of_fraction in sorted(runs.items())
        if of_fraction
    ]


def _is_pair(mixed: "GridCell", other: "GridCell") -> bool:
    """Return whether `other` is the cell of photos alone that matches the mixed one."""
    return other.kind == "real" and (other.real_fraction, other.backbone) == (mixed.real_fraction, mixed.backbone)
