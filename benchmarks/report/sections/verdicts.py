"""Tables of comparisons."""

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
from corrotwin.benchmarks.formatting.wording import percent
from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Text
from corrotwin.benchmarks.report.families import CONTRASTS
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.power import FEWEST_RUNS, TARGET
from corrotwin.benchmarks.stats.verdict import VERDICTS, more_runs


def tested(found: Iterable[Comparison]) -> bool:
    """Return whether any comparison has a test."""
    return any(comparison.p is not None for comparison in found)


def contrast_blocks(material: Material) -> list[Block]:
    """Return the table of all contrasts of arms, or the reason why there is none."""
    families = material.f1
    if not families.contrasts:
        pairs = [f"{contrast.kind} and {contrast.base}" for contrast in CONTRASTS]
        return [Text(text=words.line("renders", "nothing", pairs=pairs))]
    comparisons = [comparison for family in families.contrasts.values() for comparison in family]
    if not tested(comparisons):
        return [Text(text=words.line("renders", "untested", reasons=reasons(comparisons)))]
    return [_contrast_table(material)]


def _contrast_table(material: Material) -> ReportTable:
    rows: list[Row] = []
    for contrast, family in material.f1.contrasts.items():
        for f1, iou in zip(family, material.iou.contrasts[contrast], strict=True):
            row = {"question": f"{contrast.kind} − {contrast.base}", "fraction": material.f1.real_fraction(f1)}
            rows.append({**row, "backbone": f1.backbone, **_values(f1, iou)})
    return material.table(
        "contrasts",
        "Arms against arms",
        words.line("renders", "contrasts", units=material.units),
        (
            text_column("Arms", "question"),
            text_column("Backbone", "backbone"),
            Column(heading="Photos", cell=lambda row: percent(row["fraction"])),
            *_columns("Runs"),
        ),
        rows,
        *_notes(material, [comparison for family in material.f1.contrasts.values() for comparison in family]),
    )


def backbone_table(material: Material) -> list[Block]:
    """Return the pairs of backbones of every arm in one table; nothing if no pair is tested."""
    rows: list[Row] = []
    for arm, family in material.f1.backbones.items():
        for f1, iou in zip(family, material.iou.backbones[arm], strict=True):
            rows.append({"arm": arm, "first": f1.first, "second": f1.second, **_values(f1, iou)})
    comparisons = [comparison for family in material.f1.backbones.values() for comparison in family]
    if not tested(comparisons):
        return []
    table = material.table(
        "backbones",
        "Backbones against backbones, by the crossed test",
        words.line("paper", "backbones", units=material.units),
        (
            text_column("Arm", "arm"),
            text_column("First", "first"),
            text_column("Second", "second"),
            *_columns("Runs, first / second"),
        ),
        rows,
        *_notes(material, comparisons),
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

    def more(row: Row) -> str:
        return more_runs(row["more_runs"], p=row["p"], runs=(row["runs_first"], row["runs_second"]))

    return (
        text_column("Verdict", "verdict"),
        number_column("F1 difference", "difference", "+.3f"),
        interval_column("95 % interval", "low", "high", "+.3f"),
        p_column("p", "p"),
        Column(heading=runs, cell=both),
        Column(heading=f"More runs for {TARGET:g}", cell=more),
    )


def _notes(material: Material, found: Sequence[Comparison]) -> list[str]:
    """Return notes on how to read the columns, how differences are weighed, and why some have no p."""
    why = reasons(found)
    return [
        words.line("renders", "reading"), material.weighing,
        *([words.line("renders", "untested_rows", reasons=why)] if why else []),
    ]  # fmt: skip


def reasons(found: Sequence[Comparison]) -> list[str]:
    """Return why comparisons have no test, each reason once; the runs column shows which have too few."""
    untested = sorted(
        (comparison for comparison in found if comparison.reason), key=lambda each: not _has_few_runs(each)
    )
    few = {of_arms: words.line("renders", "few_runs", of_arms=of_arms) for of_arms in (True, False)}
    return [
        *dict.fromkeys(
            few[comparison.arm is None] if _has_few_runs(comparison) else comparison.reason for comparison in untested
        )
    ]


def _has_few_runs(found: Comparison) -> bool:
    return min(found.runs) < FEWEST_RUNS
