"""The change by renders and by the controls, at each fraction of the photos and by what photos show."""

from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.formatting.table import (
    Column,
    ReportTable,
    Row,
    interval_column,
    number_column,
    plus_minus_column,
    text_column,
)
from corrotwin.benchmarks.formatting.wording import percent, plain_number
from corrotwin.benchmarks.report import gain_figures, words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, ReportSection, Text
from corrotwin.benchmarks.report.families import Families
from corrotwin.benchmarks.report.sections.verdicts import contrast_blocks, tested
from corrotwin.benchmarks.stats import subgroups
from corrotwin.benchmarks.stats.crossed_effects import unit_means
from corrotwin.benchmarks.stats.tukey import summary
from corrotwin.benchmarks.stats.verdict import VERDICTS

if TYPE_CHECKING:
    from corrotwin.benchmarks.stats.comparison import Comparison


def section(material: Material) -> ReportSection:
    """Return verdicts on arms with their figures, the photos that gain most, and the same on other sets."""
    cells = {cell.kind: cell for cell in reversed(material.results.cells)}
    arms = tuple((kind, words.line("renders", "arm", cell=cells[kind])) for kind in material.results.kinds)
    return ReportSection(
        key="renders",
        title="Renders against photos alone",
        blocks=(
            Text(text=words.line("renders", "intro")),
            Bullets(items=arms),
            *_tally(material),
            *contrast_blocks(material),
            *gain_figures.controls(material),
            *gain_figures.learning_curve(material),
            _scores(material),
            *_where(material),
            *_across(material),
        ),
    )


def _tally(material: Material) -> list[Block]:
    """Return a count of the verdicts on renders, if there are several backbones."""
    known = [comparison for comparison in material.f1.contrast("real", "mixed") if comparison.known]
    if not tested(known) or len({comparison.backbone for comparison in known}) < 2:
        return []
    return [Text(text=words.line("renders", "tally", found=known))]


def _scores(material: Material) -> ReportTable:
    rows: list[Row] = []
    for cell in material.results.cells:
        runs = material.cell(cell.arm.name, cell.backbone)
        values = {score: summary([run.mean(score) for run in runs]) for score in ("f1", "iou")}
        minutes = summary([run.train_minutes for run in runs])
        photos = [material.results.runs[run.id].manifest.get("counts", {}).get("train_photos") for run in runs]
        known = [count for count in photos if count is not None]
        row = {"arm": cell.kind, "fraction": cell.real_fraction, "backbone": cell.backbone}
        row |= {"runs": len(runs), "planned": cell.runs, "train_photos": float(np.mean(known)) if known else None}
        for score, value in values.items():
            row |= {f"{score}_mean": value.mean, f"{score}_sd": value.sd}
        rows.append({**row, "train_minutes_mean": minutes.mean, "train_minutes_sd": minutes.sd})
    return material.table(
        "scores",
        "Scores of every arm",
        words.line("renders", "scores", units=material.units),
        (
            text_column("Arm", "arm"),
            Column(heading="Photos", cell=lambda row: percent(row["fraction"])),
            text_column("Backbone", "backbone"),
            Column(heading="Runs", cell=lambda row: f"{row['runs']} of {row['planned']}"),
            number_column("Training photos", "train_photos", ".0f"),
            plus_minus_column("F1", "f1", ".3f"),
            plus_minus_column("IoU", "iou", ".3f"),
            plus_minus_column("Training, min", "train_minutes", ".1f"),
        ),
        rows,
    )


def _where(material: Material) -> list[Block]:
    """Return the gain by what the photos show, for each tested comparison of mixed with real."""
    title = Text(text="Where renders help", heading=True)
    comparisons = [comparison for comparison in material.f1.contrast("real", "mixed") if comparison.p is not None]
    if not comparisons:
        return []
    if absent := [name for name in material.results.test_images if name not in material.photos]:
        reason = material.photos_absent or f"the photos no longer have {absent[0]}."
        return [title, Text(text=words.line("renders", "where_unknown", reason=reason))]
    described = [subgroups.describe(material.photos[name]) for name in material.results.test_images]
    units = subgroups.unit_names(material.results.test_images, material.results.groups)
    rows: list[Row] = []
    bins = {}
    for comparison in comparisons:
        gains = subgroups.differences(
            material.results.scores,
            base=comparison.first,
            arm=comparison.second,
            backbone=comparison.backbone or "",
            score="f1",
        )
        for key, about in subgroups.PROPERTIES.items():
            values = np.array([photo[key] for photo in described])
            bins[comparison, key] = subgroups.by_quarter(gains, values, units)
            rows += [_where_row(material, comparison, about, gain) for gain in bins[comparison, key]]
    table = material.table(
        "where",
        "Gain of renders by what the photos show, all backbones",
        "",
        (
            text_column("Property", "property"),
            text_column("Backbone", "backbone"),
            Column(heading="Photos", cell=lambda row: percent(row["fraction"])),
            Column(heading="From to", cell=_span),
            number_column("Test photos", "photos", "d"),
            number_column("Spots" if material.results.groups else "Units", "spots", "d"),
            number_column("Runs", "runs", "d"),
            number_column("F1 gain", "difference", "+.3f"),
            interval_column("95 % interval", "low", "high", "+.3f"),
        ),
        rows,
        files_only=True,
    )
    return [title, Text(text=words.line("renders", "where")), gain_figures.by_property(material, bins), table]


def _span(row: Row) -> str:
    return f"{plain_number(row['from'], 3)} to {plain_number(row['to'], 3)} {row['unit']}".strip()


def _where_row(material: Material, each: "Comparison", about: subgroups.Property, one: subgroups.Gain) -> Row:
    return {
        "property": about.name,
        "backbone": each.backbone,
        "fraction": material.f1.real_fraction(each),
        "from": one.floor * about.scale,
        "to": one.ceiling * about.scale,
        "unit": about.unit,
        "photos": one.photos,
        "spots": one.units,
        "runs": one.runs,
        "difference": one.difference,
        "low": one.low,
        "high": one.high,
    }


def _across(material: Material) -> list[Block]:
    """Return scores of the same runs on other sets, and the change by renders there."""
    results = material.results
    if not results.across:
        return []
    blocks: list[Block] = [Text(text="On other sets", heading=True)]
    rows: list[Row] = []
    for name, scores in results.across.items():
        paragraphs = words.paragraphs(
            "renders", "not_across", name=name, missing=results.across_missing[name], scores=scores
        )
        blocks += [Text(text=text) for text in paragraphs]
        if not scores:
            continue
        families = Families(results=results, scores=scores, groups=material.spots_of(name), score="f1")
        for comparisons in families.contrasts.values():
            known = [comparison for comparison in comparisons if comparison.known]
            rows += [_across_row(name, families, comparison) for comparison in known]
    if rows:
        blocks.append(
            material.table(
                "across",
                "Arms against arms, on other sets",
                words.line("renders", "across"),
                (
                    text_column("Set", "set"),
                    text_column("Arms", "question"),
                    text_column("Backbone", "backbone"),
                    Column(heading="Photos", cell=lambda row: percent(row["fraction"])),
                    number_column("F1, first", "first_mean", ".3f"),
                    number_column("F1 difference", "difference", "+.3f"),
                    interval_column("95 % interval", "low", "high", "+.3f"),
                    text_column("Verdict", "verdict"),
                    number_column("Runs", "runs", "d"),
                    number_column("Photos there", "photos", "d"),
                    Column(heading="Units", cell=lambda row: f"{row['units']} {row['unit']}s"),
                ),
                rows,
            )
        )
    return blocks


def _across_row(name: str, families: Families, each: "Comparison") -> Row:
    base = [run.f1 for run in families.scores if (run.arm, run.backbone) == (each.first, each.backbone)]
    units = subgroups.unit_names(families.scores[0].images, families.groups)
    return {
        "set": name,
        "question": f"{families.place(each.second)[0]} − {families.place(each.first)[0]}",
        "backbone": each.backbone,
        "fraction": families.real_fraction(each),
        "first_mean": float(unit_means(np.array(base), units).mean()),
        "difference": each.difference,
        "low": each.low,
        "high": each.high,
        "p": each.p,
        "verdict": VERDICTS[each.verdict],
        "runs": each.runs[0],
        "photos": each.photos,
        "units": each.units,
        "unit": each.unit,
    }
