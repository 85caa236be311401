"""Comparisons as sentences and tables: every verdict of the report is worded here."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from corrotwin.benchmarks.formatting.table import (
    Column,
    ReportTable,
    Row,
    interval_column,
    number_column,
    p_column,
    percent_column,
    text_column,
)
from corrotwin.benchmarks.formatting.wording import count, in_arm, listed, percent
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, Text, items
from corrotwin.benchmarks.report.families import CONTRASTS
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.equivalence import MARGIN
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.stats.verdict import VERDICTS, detectable

# How to read the columns of both tables.
READING = (
    "p and verdict: the crossed test, runs and spots both random, adjusted for its family. Equal: p of two one-sided "
    f"tests that the true difference is within {MARGIN:g}. Detectable: the true difference that such a study finds in "
    "four cases of five. Won: share of test photos on which it scores higher, averaged over its runs."
)


def tally(found: Sequence[Comparison]) -> str:
    """Count the comparisons by verdict, in words."""
    counts = Counter(VERDICTS[each.verdict] for each in found)
    return ", ".join(f"{counts[name]} {name}" for name in VERDICTS.values() if counts[name])


def outcome(found: Sequence[Comparison]) -> str:
    """Return a heading's second half: how many comparisons there are, and their verdicts."""
    return f"{len(found)} compared: {tally(found)}" if found else "No run is complete yet"


def contrast_blocks(material: Material) -> list[Block]:
    """Return, for each contrast of arms, its question and a sentence per comparison; then one table of all."""
    families = material.f1
    blocks: list[Block] = []
    for contrast, found in families.contrasts.items():
        blocks += [
            Text(text=f"{contrast.question} {outcome(found)}", heading=True),
            Bullets(items=items(*(families.sentence(each) for each in found))),
        ]
    if not families.contrasts:
        pairs = listed([f"{each.kind} with {each.base}" for each in CONTRASTS])
        return [
            Text(text=f"Nothing is compared: at no backbone and part of the photos has this study the arms of {pairs}.")
        ]
    return [*blocks, _contrast_table(material)]


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
            text_column("Question", "question"),
            text_column("Backbone", "backbone"),
            Column(heading="Photos", cell=lambda row: percent(row["fraction"])),
            *_columns("Runs"),
        ),
        rows,
        READING,
        material.weighing,
        *_reasons([each for found in material.f1.contrasts.values() for each in found]),
    )


def backbone_sentences(material: Material) -> list[Block]:
    """Return one sentence per pair of backbones, by arm."""
    families = material.f1
    blocks: list[Block] = []
    for arm, found in families.backbones.items():
        where = in_arm(*families.place(arm))
        blocks += [
            Text(
                text=f"{where}, which backbone? {count(len(found), 'pair')}: {tally(found)}",
                heading=True,
            ),
            Bullets(items=items(*(families.sentence(each) for each in found))),
        ]
    if not families.backbones:
        blocks.append(Text(text="No arm has two backbones with complete runs: there is no pair to compare."))
    return blocks


def backbone_table(material: Material) -> list[Block]:
    """Return the pairs of backbones of every arm in one table."""
    rows: list[Row] = []
    for arm, found in material.f1.backbones.items():
        for each, other in zip(found, material.iou.backbones[arm], strict=True):
            rows.append({"arm": arm, "first": each.first, "second": each.second, **_values(each, other)})
    if not rows:
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
        *_reasons([each for found in material.f1.backbones.values() for each in found]),
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
        p_column("Equal: p", "equal_p"),
        Column(heading="Detectable", cell=lambda row: detectable(row["detectable"])),
        percent_column("Won", "won"),
        Column(heading=runs, cell=both),
        Column(heading="Units", cell=lambda row: f"{row['units']} {row['unit']}s"),
        number_column("IoU difference", "iou_difference", "+.3f"),
        interval_column("IoU, 95 % interval", "iou_low", "iou_high", "+.3f"),
    )


def _reasons(found: Sequence[Comparison]) -> list[str]:
    """Return why comparisons have no p-value, each reason once; the column of runs shows who has too few."""
    untested = [each for each in found if each.reason]
    few = [f"no test with fewer than {FEWEST_RUNS} runs"] * any(min(each.runs) < FEWEST_RUNS for each in untested)
    others = dict.fromkeys(each.reason for each in untested if min(each.runs) >= FEWEST_RUNS)
    return [f"No p-value: {reason}." for reason in (*few, *others)]
