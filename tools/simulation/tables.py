"""Tables of the simulated studies, as CSV rows and as Markdown."""

from collections.abc import Sequence
from dataclasses import asdict

from corrotwin.benchmarks.stats.equivalence import MARGIN
from corrotwin.twin.core.text import markdown_table
from tools.simulation import competing_tests
from tools.simulation.studies import Rates, SimulatedStudy

_COMPETITORS = {
    "backbones": (
        competing_tests.RANGE,
        competing_tests.PHOTOS,
        competing_tests.RUN_MEANS,
        competing_tests.POOLED,
        competing_tests.IMAGE_MEANS,
    ),
    "arms": (
        competing_tests.SATTERTHWAITE,
        competing_tests.PHOTOS,
        competing_tests.RUN_PAIRS,
        competing_tests.IMAGE_MEANS,
    ),
}


def rows(cell: SimulatedStudy, found: Sequence[Rates]) -> list[dict[str, object]]:
    """Return a row for each test, for a CSV file."""
    design = {**asdict(cell), "runs": _runs_of(cell, " "), "run_sd": " ".join(f"{sd:g}" for sd in cell.run_sd)}
    return [{**design, **asdict(result)} for result in found]


def markdown(found: Sequence[tuple[SimulatedStudy, Sequence[Rates]]]) -> str:
    """Return two tables, of backbones and of arms: the primary test in full, false alarms of the others."""
    sets = max(result.sets for _, tests in found for result in tests)
    text = [
        f"{sets} studies a row. False alarms: studies in which a test tells any of equal means apart. Wrongly equal: "
        f"studies in which any true difference of {MARGIN:g} is called equal within {MARGIN:g}. Found: differences of "
        f"{MARGIN:g} that are told apart. Rightly equal: equal means that are called so. Detectable: median of what "
        "the test says that it finds in 80 % of cases, in the first comparison; then found: studies in which it finds "
        "that, alone in its family. Run SD also states the SD of the gains between subsets of the photos and between "
        "draws of the renders.\n"
    ]
    for design, others in _COMPETITORS.items():
        chosen = [(cell, {result.test: result for result in tests}) for cell, tests in found if cell.design == design]
        if not chosen:
            continue
        headings = [
            f"{design}: runs",
            "spots",
            "run SD",
            "primary: false alarms",
            "wrongly equal",
            "found",
            "rightly equal",
            "detectable",
            "then found",
            *(f"false alarms: {name}" for name in others),
        ]
        rows = []
        for cell, by_name in chosen:
            primary = by_name[competing_tests.CROSSED]
            cells = [_runs_of(cell, ", "), _spots_of(cell), _run_sd_of(cell)]
            cells += [_percent(primary.false_alarms), _percent(primary.wrongly_equal), _percent(primary.found)]
            cells += [_percent(primary.rightly_equal), f"{primary.detectable:.3f}", _percent(primary.found_then)]
            cells += [_percent(by_name[name].false_alarms) if name in by_name else "" for name in others]
            rows.append(cells)
        text.append(markdown_table(headings, rows))
    return "\n".join(text)


def _runs_of(cell: SimulatedStudy, between: str) -> str:
    return str(cell.runs) if isinstance(cell.runs, int) else between.join(map(str, cell.runs))


def _spots_of(cell: SimulatedStudy) -> str:
    return f"{cell.spots} × {cell.photos_a_spot} photos" if cell.photos_a_spot > 1 else str(cell.spots)


def _run_sd_of(cell: SimulatedStudy) -> str:
    sds = dict.fromkeys(cell.run_sd)
    text = f"{cell.run_sd[0]:g}" if len(sds) == 1 else ", ".join(f"{sd:g}" for sd in cell.run_sd)
    if cell.subset_sd:
        text += f"; subset {cell.subset_sd:g}, {'one for all runs' if cell.fixed_subset else 'drawn each run'}"
    if cell.renders_sd:
        text += f"; renders {cell.renders_sd:g}, {'one draw for all runs' if cell.fixed_renders else 'a draw each run'}"
    return text + ("; skewed" if cell.skewed else "")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
