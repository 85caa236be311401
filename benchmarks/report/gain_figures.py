"""Figures of what renders change: gains, F1 of each run, F1 by the number of photos, gains by what photos show."""

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


MOST_LINES = 18  # of a figure of all backbones


def gains(material: Material) -> Figure:
    """Draw what renders change in each backbone and part of the photos."""
    found = material.f1.contrast("real", "mixed")
    caption = words.line("renders", "gains", runs=[each.runs[0] for each in found], units=material.units)
    return forest(material, "gains", "What renders change in F1", caption, [("", _labelled(material, found))])


def controls(material: Material) -> list[Figure]:
    """Draw the other contrasts that are tested, of the leading backbone alone where there are many."""
    found = {
        f"{contrast.kind} − {contrast.base}": of_one
        for contrast, of_one in material.f1.contrasts.items()
        if (contrast.base, contrast.kind) != ("real", "mixed") and any(each.p is not None for each in of_one)
    }
    title = "The controls"
    if sum(map(len, found.values())) > MOST_LINES:  # the table has them all
        title = f"{title}, {material.lead}"
        found = {name: [each for each in of_one if each.backbone == material.lead] for name, of_one in found.items()}
    if not any(found.values()):
        return []
    runs = [each.runs[0] for of_one in found.values() for each in of_one]
    caption = words.line("renders", "controls", runs=runs, units=material.units)
    groups = [(name, _labelled(material, of_one)) for name, of_one in found.items() if of_one]
    return [forest(material, "controls", title, caption, groups)]


def _labelled(material: Material, found: Sequence[Comparison]) -> list[tuple[str, Comparison]]:
    return [(f"{each.backbone}, {percent(material.f1.real_fraction(each))} of photos", each) for each in found]


def each_run(material: Material) -> list[Figure]:
    """Draw F1 of each run, a line for each cell with complete runs; nothing without any."""
    rows = [
        (f"{cell.kind} {percent(cell.real_fraction)}, {cell.backbone}", cell.kind, values)
        for cell in material.results.cells
        if (values := [each.mean("f1") for each in material.cell(cell.arm.name, cell.backbone)])
    ]
    if not rows:
        return []

    def draw(drawn: "Canvas") -> None:
        axis = drawn.subplots()
        for place, (label, kind, values) in enumerate(rows):
            color, mean = KIND_COLORS.get(kind, "#777777"), float(np.mean(values))
            axis.plot(values, [place] * len(values), "|", color=color, ms=13)
            axis.plot([mean], [place], KIND_MARKERS.get(kind, "o"), color=color, ms=6.5)
            said = f"{label}: mean {mean:.3f}; runs {', '.join(f'{value:.3f}' for value in values)}"
            axis.axhspan(place - 0.5, place + 0.5, alpha=0, lw=0, gid=tip(said), zorder=9)
        name_rows(axis, [(place, label) for place, (label, _, _) in enumerate(rows)], "F1, higher is better")
        axis.set_ylim(len(rows) - 0.5, -0.5)

    caption = words.line("renders", "each_run", counts=[len(values) for *_, values in rows], units=material.units)
    return [material.figure("each-run", "F1 of each run", caption, 1.0 + 0.28 * len(rows), draw)]


def learning_curve(material: Material) -> list[Figure]:
    """Draw F1 against the number of real photos, by arm, for backbones with runs at two fractions or more."""
    results = material.results
    panels = [
        backbone
        for backbone in results.config.backbones
        if len({each.real_fraction for each in results.scores if each.backbone == backbone}) > 1
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
                    said = f"{kind}, {photos:.0f} photos: mean F1 {mean:.3f} of {counted(len(values), 'run')}"
                    axis.plot([photos * shift], [mean], "o", color=color, ms=14, alpha=0, gid=tip(said), zorder=9)
            axis.set_xscale("log")
            axis.set_title(backbone)
            axis.set_ylabel("F1")
        ticks = sorted(
            {round(photos) for name in panels for kind in results.kinds for photos, _ in _points(material, kind, name)}
        )
        thinned = [tick for place, tick in enumerate(ticks) if place == 0 or tick > 1.15 * ticks[place - 1]]
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
    """Return number of real photos and F1 of each run, by fraction."""
    found = []
    total = int(material.results.manifest["data"]["counts"]["train"])
    for fraction in material.results.real_fractions:
        runs = [
            each
            for each in material.results.scores
            if (each.kind, each.real_fraction, each.backbone) == (kind, fraction, backbone)
        ]
        if runs:
            counts = [material.results.runs[each.id].manifest.get("counts", {}).get("train_photos") for each in runs]
            photos = [fraction * total if count is None else count for count in counts]
            found.append((float(np.mean(photos)), [each.mean("f1") for each in runs]))
    return found


def by_property(material: Material, bins: Mapping[tuple[Comparison, str], Sequence[Gain]]) -> Figure:
    """Draw the gain in each quarter of the test photos, a panel per property, a line per comparison."""
    found = list(dict.fromkeys(each for each, _ in bins if each.backbone == material.lead))
    found = found or list(dict.fromkeys(each for each, _ in bins))
    panels = list(subgroups.PROPERTIES)

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(len(panels), 1)
        for axis, key in zip(axes, panels, strict=True):
            about = subgroups.PROPERTIES[key]
            axis.axhline(0, color="#1c2733", lw=0.8)
            for number, each in enumerate(found):
                shift = 0.6 * ((number + 0.5) / len(found) - 0.5)
                places = np.arange(len(bins[each, key])) + shift
                drawn_as = look(each.backbone or "", material.backbones)
                color, fraction = drawn_as.color, material.f1.real_fraction(each)
                for place, one in zip(places, bins[each, key], strict=True):
                    if one.low is not None and one.high is not None:
                        axis.plot([place, place], [one.low, one.high], color=color, lw=1.6, alpha=0.9)
                axis.plot(
                    places, [one.difference for one in bins[each, key]], drawn_as.marker, color=color, ms=5.5,
                    mfc=color if fraction == 1 else "white", mew=1.4, alpha=0.5 + 0.5 * (number + 1) / len(found),
                    label=f"{each.backbone}, {percent(fraction)}",
                )  # fmt: skip
            first = bins[found[0], key]
            unit = f" {about.unit}" if about.unit else ""
            labels = [
                f"{plain_number(one.floor * about.scale)} to\n{plain_number(one.ceiling * about.scale)}{unit}"
                for one in first
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
            backbone=found[0].backbone,
            runs=[each.runs[0] for each in found],
            units=material.units,
        ),
        6.9,
        draw,
    )
