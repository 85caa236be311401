"""Figures of the change by renders: gains, F1 of each run, F1 by the number of photos, gains by what photos show."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.formatting.inline_svg import tip
from corrotwin.benchmarks.formatting.style import KIND_COLORS, KIND_MARKERS, Figure, look, name_rows
from corrotwin.benchmarks.formatting.wording import percent, plain_number
from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.forest_plot import forest
from corrotwin.benchmarks.stats import subgroups
from corrotwin.benchmarks.stats.comparison import Comparison
from corrotwin.benchmarks.stats.subgroups import Gain
from corrotwin.twin.core.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


MOST_LINES = 18  # in a figure of all backbones


def gains(material: Material) -> Figure:
    """Draw the change by renders for each backbone and fraction of the photos."""
    comparisons = material.f1.contrast("real", "mixed")
    caption = words.line(
        "renders", "gains", runs=[comparison.runs[0] for comparison in comparisons], units=material.units
    )
    return forest(material, "gains", "What renders change in F1", caption, [("", _labelled(material, comparisons))])


def controls(material: Material) -> list[Figure]:
    """Draw the other tested contrasts; only those of the leading backbone if there are many."""
    contrasts = {
        f"{contrast.kind} − {contrast.base}": comparisons
        for contrast, comparisons in material.f1.contrasts.items()
        if (contrast.base, contrast.kind) != ("real", "mixed")
        and any(comparison.p is not None for comparison in comparisons)
    }
    title = "The controls"
    if sum(map(len, contrasts.values())) > MOST_LINES:  # the table has them all
        title = f"{title}, {material.lead}"
        contrasts = {
            name: [comparison for comparison in comparisons if comparison.backbone == material.lead]
            for name, comparisons in contrasts.items()
        }
    if not any(contrasts.values()):
        return []
    runs = [comparison.runs[0] for comparisons in contrasts.values() for comparison in comparisons]
    caption = words.line("renders", "controls", runs=runs, units=material.units)
    groups = [(name, _labelled(material, comparisons)) for name, comparisons in contrasts.items() if comparisons]
    return [forest(material, "controls", title, caption, groups)]


def _labelled(material: Material, found: Sequence[Comparison]) -> list[tuple[str, Comparison]]:
    return [
        (f"{comparison.backbone}, {percent(material.f1.real_fraction(comparison))} of photos", comparison)
        for comparison in found
    ]


def each_run(material: Material) -> list[Figure]:
    """Draw the F1 of each run, a line for each cell with complete runs; nothing if there is none."""
    rows = [
        (f"{cell.kind} {percent(cell.real_fraction)}, {cell.backbone}", cell.kind, values)
        for cell in material.results.cells
        if (values := [run.mean("f1") for run in material.cell(cell.arm.name, cell.backbone)])
    ]
    if not rows:
        return []

    def draw(drawn: "Canvas") -> None:
        axis = drawn.subplots()
        for height, (label, kind, values) in enumerate(rows):
            color, mean = KIND_COLORS.get(kind, "#777777"), float(np.mean(values))
            axis.plot(values, [height] * len(values), "|", color=color, ms=13)
            axis.plot([mean], [height], KIND_MARKERS.get(kind, "o"), color=color, ms=6.5)
            details = f"{label}: mean {mean:.3f}; runs {', '.join(f'{value:.3f}' for value in values)}"
            axis.axhspan(height - 0.5, height + 0.5, alpha=0, lw=0, gid=tip(details), zorder=9)
        name_rows(axis, [(height, label) for height, (label, _, _) in enumerate(rows)], "F1, higher is better")
        axis.set_ylim(len(rows) - 0.5, -0.5)

    caption = words.line("renders", "each_run", counts=[len(values) for *_, values in rows], units=material.units)
    return [material.figure("each-run", "F1 of each run", caption, 1.0 + 0.28 * len(rows), draw)]


def learning_curve(material: Material) -> list[Figure]:
    """Draw F1 against the number of real photos, by arm, for backbones with runs at two fractions or more."""
    results = material.results
    panels = [
        backbone
        for backbone in results.config.backbones
        if len({run.real_fraction for run in results.scores if run.backbone == backbone}) > 1
    ]
    if not panels:
        return []
    counts = [len(material.cell(cell.arm.name, cell.backbone)) for cell in results.cells if cell.backbone in panels]

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axis, backbone in zip(axes, panels, strict=True):
            for number, kind in enumerate(results.kinds):
                points = _points(material, kind, backbone)
                if not points:
                    continue
                shift = 1 + 0.035 * (number - (len(results.kinds) - 1) / 2)  # arms side by side, not on each other
                color = KIND_COLORS.get(kind, "#777777")
                for photos, values in points:
                    axis.plot([photos * shift] * len(values), values, "_", color=color, alpha=0.6, ms=6)
                means = [float(np.mean(values)) for _, values in points]
                axis.plot(
                    [photos * shift for photos, _ in points], means, marker=KIND_MARKERS.get(kind, "o"), color=color,
                    lw=1.5, ms=6, label=kind,
                )  # fmt: skip
                for (photos, values), mean in zip(points, means, strict=True):
                    details = f"{kind}, {photos:.0f} photos: mean F1 {mean:.3f} of {counted(len(values), 'run')}"
                    axis.plot([photos * shift], [mean], "o", color=color, ms=14, alpha=0, gid=tip(details), zorder=9)
            axis.set_xscale("log")
            axis.set_title(backbone)
            axis.set_ylabel("F1")
        ticks = sorted(
            {round(photos) for name in panels for kind in results.kinds for photos, _ in _points(material, kind, name)}
        )
        thinned = [tick for index, tick in enumerate(ticks) if index == 0 or tick > 1.15 * ticks[index - 1]]
        axes[-1].set_xticks(thinned, [str(tick) for tick in thinned])
        axes[-1].minorticks_off()
        axes[-1].set_xlabel("real training photos (logarithmic)")
        axes[-1].margins(x=0.12)
        handles = {
            label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        drawn.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=min(3, len(handles)))

    figure = material.figure(
        "photos",
        "F1 against the number of real photos",
        words.line("renders", "photos", counts=counts, units=material.units),
        1.0 + 2.1 * len(panels),
        draw,
    )
    return [figure]


def _points(material: Material, kind: str, backbone: str) -> list[tuple[float, list[float]]]:
    """Return the number of real photos and the F1 of each run, by fraction."""
    points = []
    total = int(material.results.manifest["data"]["counts"]["train"])
    for fraction in material.results.real_fractions:
        runs = [
            run
            for run in material.results.scores
            if (run.kind, run.real_fraction, run.backbone) == (kind, fraction, backbone)
        ]
        if runs:
            counts = [material.results.runs[run.id].manifest.get("counts", {}).get("train_photos") for run in runs]
            photos = [fraction * total if count is None else count for count in counts]
            points.append((float(np.mean(photos)), [run.mean("f1") for run in runs]))
    return points


def by_property(material: Material, bins: Mapping[tuple[Comparison, str], Sequence[Gain]]) -> Figure:
    """Draw the gain in each quarter of the test photos, a panel per property, a line per comparison."""
    comparisons = list(dict.fromkeys(comparison for comparison, _ in bins if comparison.backbone == material.lead))
    comparisons = comparisons or list(dict.fromkeys(comparison for comparison, _ in bins))
    panels = list(subgroups.PROPERTIES)

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(len(panels), 1)
        for axis, key in zip(axes, panels, strict=True):
            about = subgroups.PROPERTIES[key]
            axis.axhline(0, color="#1c2733", lw=0.8)
            for number, comparison in enumerate(comparisons):
                shift = 0.6 * ((number + 0.5) / len(comparisons) - 0.5)
                offsets = np.arange(len(bins[comparison, key])) + shift
                drawn_as = look(comparison.backbone or "", material.backbones)
                color, fraction = drawn_as.color, material.f1.real_fraction(comparison)
                for offset, gain in zip(offsets, bins[comparison, key], strict=True):
                    if gain.low is not None and gain.high is not None:
                        axis.plot([offset, offset], [gain.low, gain.high], color=color, lw=1.6, alpha=0.9)
                axis.plot(
                    offsets, [gain.difference for gain in bins[comparison, key]], drawn_as.marker, color=color, ms=5.5,
                    mfc=color if fraction == 1 else "white", mew=1.4, alpha=0.5 + 0.5 * (number + 1) / len(comparisons),
                    label=f"{comparison.backbone}, {percent(fraction)}",
                )  # fmt: skip
            first = bins[comparisons[0], key]
            unit = f" {about.unit}" if about.unit else ""
            labels = [
                f"{plain_number(gain.floor * about.scale)} to\n{plain_number(gain.ceiling * about.scale)}{unit}"
                for gain in first
            ]
            axis.set_xticks(range(len(first)), labels, fontsize=8)
            axis.set_xlim(-0.6, len(first) - 0.4)
            axis.set_title(about.name)
            axis.set_ylabel("F1 gain")
        handles, labels = axes[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside upper center", ncols=2)

    return material.figure(
        "where",
        "Gain by what the photos show",
        words.line(
            "renders",
            "where_figure",
            backbone=comparisons[0].backbone,
            runs=[comparison.runs[0] for comparison in comparisons],
            units=material.units,
        ),
        6.9,
        draw,
    )
