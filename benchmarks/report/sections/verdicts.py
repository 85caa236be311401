"""Comparisons as tables."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from corrotwin.benchmarks.formatting.table import (
    Column,
    ReportTable,
    Row,
    interval_column,
    number_column,
    p_column,
    text_column,
)
from corrotwin.benchmarks.formatting.wording import listed, percent
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Text
from corrotwin.benchmarks.report.families import CONTRASTS
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.equivalence import MARGIN
from corrotwin.benchmarks.stats.power import FEWEST_RUNS, MOST_RUNS, TARGET
from corrotwin.benchmarks.stats.verdict import VERDICTS

# How to read the columns of both tables.
READING = (
    "p and verdict: the crossed test, runs and spots both random, adjusted for its family; equal: shown to be within "
    f"{MARGIN:g}. More runs: of each side, to find a difference of {TARGET:g} four times in five; 0 where these runs "
    f"would have, a dash where even {MOST_RUNS} would not. The file has IoU, photos won and detectable differences."
)


def tally(found: Sequence[Comparison]) -> str:
    """Count the comparisons by verdict, in words."""
    counts = Counter(VERDICTS[each.verdict] for each in found)
    return ", ".join(f"{counts[name]} {name}" for name in VERDICTS.values() if counts[name])


def tested(found: Iterable[Comparison]) -> bool:
    """Return whether any comparison has a test."""
    return any(each.p is not None for each in found)


def contrast_blocks(material: Material) -> list[Block]:
    """Return the table of all contrasts of arms, or why there is none."""
    families = material.f1
    if not families.contrasts:
        pairs = listed([f"{each.kind} with {each.base}" for each in CONTRASTS])
        return [
            Text(text=f"Nothing is compared: at no backbone and part of the photos has this study the arms of {pairs}.")
        ]
    found = [each for of_one in families.contrasts.values() for each in of_one]
    if not tested(found):
        return [Text(text=f"No difference is tested: {reason}.") for reason in _reasons(found)]
    return [_contrast_table(material)]


def _contrast_table(material: Material) -> ReportTable:
    rows: list[Row] = []
    for contrast, found in material.f1.contrasts.items():
        for each, other in zip(found, material.iou.contrasts[contrast], strict=True):
            row = {"question": f"{contrast.kind} − {contrast.base}", "fraction": material.f1.real_fraction(each)}
            rows.append({**row, "backbone": each.backbone, **_values(each, other)})
    return material.table(
        "contrasts",
        "Arms against arms",
        f"Differences of mean F1 and IoU between arms at equal parts of the training photos, on {material.units}. Each "
        "question is a family of its own (Holm over backbone and part); intervals are 95 % for each by itself.",
        (
            text_column("Arms", "question"),
            text_column("Backbone", "backbone"),
            Column(heading="Photos", cell=lambda row: percent(row["fraction"])),
            *_columns("Runs"),
        ),
        rows,
        READING,
        material.weighing,
        *_notes([each for found in material.f1.contrasts.values() for each in found]),
    )


def backbone_table(material: Material) -> list[Block]:
    """Return the pairs of backbones of every arm in one table; nothing where no pair is tested."""
    rows: list[Row] = []
    for arm, found in material.f1.backbones.items():
        for each, other in zip(found, material.iou.backbones[arm], strict=True):
            rows.append({"arm": arm, "first": each.first, "second": each.second, **_values(each, other)})
    if not tested(each for found in material.f1.backbones.values() for each in found):
        return []
    table = material.table(
        "backbones",
        "Backbones against backbones, by the crossed test",
        f"Differences of mean F1 and IoU (second minus first) on {material.units}. The pairs of an arm are a family "
        "(Bonferroni); its 95 % intervals hold for all of them at once.",
        (
            text_column("Arm", "arm"),
            text_column("First", "first"),
            text_column("Second", "second"),
            *_columns("Runs, first / second"),
        ),
        rows,
        READING,
        material.weighing,
        *_notes([each for found in material.f1.backbones.values() for each in found]),
    )
    return [table]


def _values(f1: Comparison, iou: Comparison) -> dict[str, Any]:
    return {
        "difference": f1.difference,
        "low": f1.low,
        "high": f1.high,
        "p": f1.p,
        "p_alone": f1.alone,
        "equal_p": f1.equal_p,
        "margin": f1.margin,
        "detectable": f1.detectable,
        "more_runs": f1.more_runs,
        "won": f1.won,
        "tied": f1.tied,
        "runs_first": f1.runs[0],
        "runs_second": f1.runs[1],
        "units": f1.units,
        "unit": f1.unit,
        "photos": f1.photos,
        "verdict": VERDICTS[f1.verdict],
        "iou_difference": iou.difference,
        "iou_low": iou.low,
        "iou_high": iou.high,
        "iou_p": iou.p,
    }


def _columns(runs: str) -> tuple[Column, ...]:
    def both(row: Row) -> str:
        first, second = row["runs_first"], row["runs_second"]
        return str(first) if first == second else f"{first} / {second}"

    return (
        text_column("Verdict", "verdict"),
        number_column("F1 difference", "difference", "+.3f"),
        interval_column("95 % interval", "low", "high", "+.3f"),
        p_column("p", "p"),
        Column(heading=runs, cell=both),
        number_column(f"More runs for {TARGET:g}", "more_runs", "d"),
    )


def _notes(found: Sequence[Comparison]) -> list[str]:
    return [f"No p-value: {reason}." for reason in _reasons(found)]


def _reasons(found: Sequence[Comparison]) -> list[str]:
    """Return why comparisons have no test, each reason once; the column of runs shows who has too few."""
    untested = [each for each in found if each.reason]
    few = [f"it takes {FEWEST_RUNS} complete runs of each, and more tell more"] * any(
        min(each.runs) < FEWEST_RUNS for each in untested
    )
    others = dict.fromkeys(each.reason for each in untested if min(each.runs) >= FEWEST_RUNS)
    return [*few, *others]
