"""Appendix: the two-way bootstrap beside the primary intervals, Games-Howell, and how far assumptions hold."""

from typing import TYPE_CHECKING, Any

import numpy as np

from corrotwin.benchmarks.formatting.style import COLORS, MARKERS, Figure
from corrotwin.benchmarks.formatting.table import (
    ReportTable,
    Row,
    interval_column,
    number_column,
    p_column,
    text_column,
)
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, ReportSection, Text
from corrotwin.benchmarks.stats import crossed_effects, robustness, subgroups
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.tukey import run_means

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def section(material: Material) -> ReportSection:
    """Return the appendix, which states no verdict."""
    blocks: list[Block] = [
        Text(text="For readers who want to see how much depends on the test chosen. No verdict is taken from here.")
    ]
    blocks += [*_bootstrap(material), *_games_howell(material), *_spreads(material)]
    if len(blocks) == 1:
        blocks.append(Text(text="There is nothing to show: it takes two runs of an arm and backbone."))
    return ReportSection(
        key="appendix", title="Appendix: other tests and assumptions", short="Appendix", blocks=tuple(blocks)
    )


def _units(material: Material, scores: FloatArray) -> FloatArray:
    return crossed_effects.unit_means(
        scores, subgroups.unit_names(material.results.test_images, material.results.groups)
    )


def _bootstrap(material: Material) -> list[Block]:
    """Return the pigeonhole bootstrap of every comparison of the primary test, from fixed seeds."""
    families = material.f1
    found = [each for one in (*families.contrasts.values(), *families.backbones.values()) for each in one]
    rows: list[Row] = []
    for each in found:
        if each.low is None:
            continue
        low, high = _drawn(material, each)
        rows.append(
            {
                "arm": each.arm or "",
                "backbone": each.backbone or "",
                "first": each.first,
                "second": each.second,
                "difference": each.difference,
                "low": each.low,
                "high": each.high,
                "bootstrap_low": low,
                "bootstrap_high": high,
                "runs": min(each.runs),
            }
        )
    if not rows:
        return []
    table = material.table(
        "bootstrap",
        "Two-way bootstrap",
        f"Differences of mean F1 with the primary 95 % interval and that of the bootstrap over runs and spots (Owen's "
        f"pigeonhole bootstrap, {robustness.DRAWS} draws, percentiles).",
        (
            text_column("Second − first", "pair"),
            text_column("In", "place"),
            number_column("Difference", "difference", "+.3f"),
            interval_column("Crossed test", "low", "high", "+.3f"),
            interval_column("Bootstrap", "bootstrap_low", "bootstrap_high", "+.3f"),
            number_column("Runs", "runs", "d"),
        ),
        [{**row, "pair": f"{row['second']} − {row['first']}", "place": row["arm"] or row["backbone"]} for row in rows],
        "With two or three runs the bootstrap's percentiles are too narrow; pairs of backbones have simultaneous "
        "primary intervals, which are wider by design.",
    )
    return [table]


def _drawn(material: Material, each: Comparison) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    if each.arm is None:
        gains = subgroups.differences(
            material.results.scores, base=each.first, arm=each.second, backbone=each.backbone or "", score="f1"
        )
        return robustness.bootstrap_paired(_units(material, gains), rng=rng)
    first, second = (
        _units(material, np.array([run.f1 for run in material.cell(each.arm, name)]))
        for name in (each.first, each.second)
    )
    return robustness.bootstrap_between(first, second, rng=rng)


def _games_howell(material: Material) -> list[Block]:
    means = run_means(material.results.scores, arm=material.reference, score="f1")
    if len(means) < 2:
        return []
    rows: list[Row] = [
        {
            "first": pair.first,
            "second": pair.second,
            "difference": pair.difference,
            "low": pair.low,
            "high": pair.high,
            "p": pair.p,
            "reason": pair.reason,
        }
        for pair in robustness.games_howell(means)
    ]
    table = material.table(
        "games-howell",
        "Games-Howell",
        f"Tukey's HSD on run means without one common variance, arm “{material.reference}”, F1.",
        (
            text_column("First", "first"),
            text_column("Second", "second"),
            number_column("Difference", "difference", "+.3f"),
            interval_column("95 % interval", "low", "high", "+.3f"),
            p_column("p", "p"),
        ),
        rows,
        *(f"No p-value: {reason}." for reason in dict.fromkeys(str(row["reason"]) for row in rows if row["reason"])),
    )
    return [table]


def _spreads(material: Material) -> list[Block]:
    """Return standard deviations of each arm and backbone, and quantile plots of what the test takes as normal."""
    rows: list[Row] = []
    for cell in material.results.cells:
        runs = material.cell(cell.arm.name, cell.backbone)
        units = len(set(subgroups.unit_names(material.results.test_images, material.results.groups)))
        if len(runs) < 2 or units < 2:
            continue
        found = robustness.spread(_units(material, np.array([run.f1 for run in runs])))
        rows.append({"arm": cell.arm.name, "backbone": cell.backbone, **vars(found)})
    if not rows:
        return []
    table: ReportTable = material.table(
        "spreads",
        "Standard deviations of F1",
        "Of run means; of runs alone, without what the residual adds; of spots (easy and hard ones); of the residual.",
        (
            text_column("Arm", "arm"),
            text_column("Backbone", "backbone"),
            number_column("Runs", "runs", "d"),
            number_column("Run means", "run_means", ".4f"),
            number_column("Runs alone", "run", ".4f"),
            number_column("Spots", "unit", ".3f"),
            number_column("Residual", "residual", ".3f"),
        ),
        rows,
    )
    return [table, _quantiles(material)]


def _quantiles(material: Material) -> Figure:
    def runs_of(backbone: str) -> FloatArray:
        parts = []
        for cell in material.results.cells:
            if cell.backbone == backbone:
                means = np.array([run.mean("f1") for run in material.cell(cell.arm.name, backbone)])
                if means.size > 1:
                    parts.append(means - means.mean())
        return np.concatenate(parts) if parts else np.empty(0)

    def units_of(backbone: str) -> FloatArray:
        runs = material.cell(material.reference, backbone)
        return _units(material, np.array([run.f1 for run in runs])).mean(axis=0) if runs else np.empty(0)

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(2, 1)
        for axis, values_of, title in zip(
            axes, (runs_of, units_of), ("Run means, less the mean of their cell", "Spot means"), strict=True
        ):
            axis.set_title(title)
            for backbone in material.results.config.backbones:
                values: Any = values_of(backbone)
                if values.size > 1 and np.ptp(values) > 0:
                    theory, found = robustness.normal_quantiles(values)
                    axis.plot(
                        theory, found, MARKERS[backbone], color=COLORS[backbone], ms=3.5, alpha=0.8, label=backbone
                    )
            axis.axline((0, 0), slope=1, color="#9aa5b1", lw=1)
            axis.set_ylabel("found, SDs")
        axes[-1].set_xlabel("expected of a normal distribution, SDs")
        handles = {
            label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        if handles:
            drawn.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=2)

    return material.figure(
        "quantiles",
        "Are runs and spots normal?",
        f"Normal quantile plots, standardised, F1; spots on the arm “{material.reference}”, {material.units}. On the "
        "line: as normal as the test takes them to be.",
        5.0,
        draw,
    )
