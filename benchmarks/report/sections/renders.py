"""Section 2, real against mixed: what renders and the controls change, by part of the photos and by photo."""

from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.formatting.style import Figure
from corrotwin.benchmarks.formatting.table import (
    Column,
    ReportTable,
    Row,
    interval_column,
    number_column,
    plus_minus_column,
    text_column,
)
from corrotwin.benchmarks.formatting.wording import KINDS, percent, render_share
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Bullets, ReportSection, Text
from corrotwin.benchmarks.report.families import Families
from corrotwin.benchmarks.report.forest_plot import forest
from corrotwin.benchmarks.report.gain_figures import by_property, learning_curve
from corrotwin.benchmarks.report.sections.verdicts import contrast_blocks, tested
from corrotwin.benchmarks.stats import subgroups
from corrotwin.benchmarks.stats.crossed_effects import unit_means
from corrotwin.benchmarks.stats.tukey import summary
from corrotwin.benchmarks.stats.verdict import VERDICTS
from corrotwin.benchmarks.study.results import Results

if TYPE_CHECKING:
    from corrotwin.benchmarks.stats.comparison import Comparison

MOST_LINES = 18  # of a figure of all backbones


def section(material: Material) -> ReportSection:
    """Return verdicts on arms with their figures, where the gain lies, and the same on other sets."""
    return ReportSection(
        key="renders",
        title="Real against mixed",
        short="Renders",
        blocks=(
            Text(text="Every arm takes the same number of optimiser steps; run r of every arm shares its real photos; "
                 "a part of the photos is drawn anew, by whole spots, for each run; validation and test are the same "
                 "photos in all."),
            Bullets(items=tuple((kind, _described(kind, material.results)) for kind in material.results.kinds)),
            *_forests(material),
            *contrast_blocks(material),
            *learning_curve(material),
            _scores(material),
            *_where(material),
            *_across(material),
        ),
    )  # fmt: skip


def _described(kind: str, results: Results) -> str:
    """Return what an arm is, with the part of each batch that is renders where it mixes them with photos."""
    cell = next(cell for cell in results.cells if cell.kind == kind)
    about = KINDS.get(kind, "an arm of its own")
    return f"{about} ({render_share(cell.arm.render_share)})" if cell.mixes else about


def _forests(material: Material) -> list[Figure]:
    """Draw the contrasts that are tested."""
    families, figures = material.f1, []
    gains = families.contrast("real", "mixed")
    if tested(gains):
        rows = [(f"{each.backbone}, {percent(families.real_fraction(each))}", each) for each in gains]
        figures.append(
            forest(material, "gains", "What renders change: F1 with renders minus F1 on photos alone", [("", rows)])
        )
    others = [
        (contrast, found)
        for contrast, found in families.contrasts.items()
        if (contrast.base, contrast.kind) != ("real", "mixed") and tested(found)
    ]
    title = "The controls: F1 of one arm minus F1 of the other"
    if sum(len(found) for _, found in others) > MOST_LINES:  # the table has them all
        title = f"{title}, {material.lead}"
        others = [(contrast, [each for each in found if each.backbone == material.lead]) for contrast, found in others]
    groups = [
        (
            f"{contrast.kind} − {contrast.base}",
            [(f"{each.backbone}, {percent(families.real_fraction(each))}", each) for each in found],
        )
        for contrast, found in others
        if found
    ]
    if groups:
        figures.append(forest(material, "controls", title, groups))
    return figures


def _scores(material: Material) -> ReportTable:
    rows: list[Row] = []
    for cell in material.results.cells:
        runs = material.cell(cell.arm.name, cell.backbone)
        values = {score: summary([each.mean(score) for each in runs]) for score in ("f1", "iou")}
        minutes = summary([each.train_minutes for each in runs])
        photos = [material.results.runs[each.id].manifest.get("counts", {}).get("train_photos") for each in runs]
        known = [count for count in photos if count is not None]
        row = {"arm": cell.kind, "fraction": cell.real_fraction, "backbone": cell.backbone}
        row |= {"runs": len(runs), "planned": cell.runs, "train_photos": float(np.mean(known)) if known else None}
        for score, value in values.items():
            row |= {f"{score}_mean": value.mean, f"{score}_sd": value.sd}
        rows.append({**row, "train_minutes_mean": minutes.mean, "train_minutes_sd": minutes.sd})
    return material.table(
        "scores",
        "Scores of every arm",
        f"Mean ± SD over runs on {material.units}; the training photos are the mean over runs, drawn by whole spots.",
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
        material.weighing,
    )


def _where(material: Material) -> list[Block]:
    """Return the gain by what the photos show, for each comparison of mixed with real that is tested."""
    title = Text(text="Where renders help", heading=True)
    found = [each for each in material.f1.contrast("real", "mixed") if each.p is not None]
    if not found:
        return []
    if absent := [name for name in material.results.test_images if name not in material.photos]:
        reason = material.photos_absent or f"the photos no longer have {absent[0]}."
        return [title, Text(text=f"What the photos show is not known here. {reason}")]
    said = [subgroups.describe(material.photos[name]) for name in material.results.test_images]
    units = subgroups.unit_names(material.results.test_images, material.results.groups)
    gains = {each: _gains(material, each) for each in found}
    rows: list[Row] = []
    bins = {}
    for each in found:
        for key, about in subgroups.PROPERTIES.items():
            values = np.array([one[key] for one in said])
            bins[each, key] = subgroups.by_quarter(gains[each], values, units)
            rows += [_where_row(material, each, about, one) for one in bins[each, key]]
    note = (
        "Quarters of the test photos; intervals by the crossed test on the photos of each quarter alone (runs and "
        "spots both random), adjusted for nothing. They suggest where to look; they settle nothing. The kind of asset "
        "is not recorded for these photos."
    )
    table = material.table(
        "where",
        "Gain of renders by what the photos show",
        f"F1 with renders minus F1 on photos alone, on quarters of the {material.units}, with 95 % intervals.",
        (
            text_column("Property", "property"),
            text_column("Backbone", "backbone"),
            Column(heading="Photos", cell=lambda row: percent(row["fraction"])),
            Column(heading="From to", cell=lambda row: f"{row['from']:.3g} to {row['to']:.3g} {row['unit']}".strip()),
            number_column("Test photos", "photos", "d"),
            number_column("Spots" if material.results.groups else "Units", "spots", "d"),
            number_column("Runs", "runs", "d"),
            number_column("F1 gain", "difference", "+.3f"),
            interval_column("95 % interval", "low", "high", "+.3f"),
        ),
        rows,
        files_only=True,
    )
    return [title, Text(text=note), by_property(material, bins), table]


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


def _gains(material: Material, found: "Comparison") -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return subgroups.differences(
        material.results.scores, base=found.first, arm=found.second, backbone=found.backbone or "", score="f1"
    )


def _across(material: Material) -> list[Block]:
    """Return scores of the same runs on other sets, and what renders change there."""
    results = material.results
    if not results.across:
        return []
    blocks: list[Block] = [Text(text="On other sets", heading=True)]
    rows: list[Row] = []
    for name, scores in results.across.items():
        if not scores:
            reasons = ", ".join(dict.fromkeys(results.across_missing[name].values())) or "no run is complete"
            blocks.append(Text(text=f"No run was measured on {name}: {reasons}."))
            continue
        families = Families(results=results, scores=scores, groups=material.spots_of(name), score="f1")
        for found in families.contrasts.values():
            known = [each for each in found if each.known]
            rows += [_across_row(name, families, each) for each in known]
        if missing := results.across_missing[name]:
            blocks.append(
                Text(text=f"{len(missing)} runs were not measured on {name}: {next(iter(missing.values()))}.")
            )
    if rows:
        blocks.append(
            material.table(
                "across",
                "Arms against arms, on other sets",
                "Differences of mean F1 between arms of the same runs, measured on all photos of another set.",
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
                "Means are over units. Spots of another set are read from spots.csv in its folder. Without it photos "
                "are the units, and intervals are narrower than they should be where photos share a spot.",
            )
        )
    return blocks


def _across_row(name: str, families: Families, each: "Comparison") -> Row:
    base = [one.f1 for one in families.scores if (one.arm, one.backbone) == (each.first, each.backbone)]
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
