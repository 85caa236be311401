"""Section 5, photos with truth and predictions: best, median and worst, the worst by name, reliability."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.formatting.style import Figure, look
from corrotwin.benchmarks.formatting.table import ReportTable, Row, number_column, text_column
from corrotwin.benchmarks.formatting.wording import listed, of_photos
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, ReportSection, Text
from corrotwin.benchmarks.report.overlays import WORST, Shown, grid, predictions, with_weights
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.segmentation.evaluation.curves import Calibration

TITLE_CHARACTERS = 75  # that fit above all columns of a grid
EACH = 2  # photos shown of the best, the median and the worst


def section(material: Material) -> ReportSection:
    """Return pictures where photos and weights are there; the report names what is absent and continues."""
    return ReportSection(
        key="photos",
        title="Photos, truth and predictions",
        short="Photos",
        blocks=(*_ranked(material), *_worst(material), *_reliability(material)),
    )


def _ranked(material: Material) -> list[Block]:
    """Return best, median and worst photos: by backbone on photos alone, and by arm for the leading backbone."""
    results = material.results
    if not results.scores or not _have_photos(material):
        return []
    blocks: list[Block] = []
    columns = [(backbone, material.cell(material.reference, backbone)) for backbone in results.config.backbones]
    blocks += _comparison(material, "ranked", "Best, median and worst photos, by backbone", columns)
    fraction = results.real_fractions[0]
    arms = [
        (cell.kind, material.cell(cell.arm.name, cell.backbone))
        for cell in results.cells
        if (cell.backbone, cell.real_fraction) == (material.lead, fraction)
    ]
    if sum(with_weights(material, runs) is not None for _, runs in arms) > 1:
        title = f"The same for {material.lead}, by arm, at {of_photos(fraction)}"
        blocks += _comparison(material, "ranked-arms", title, arms)
    return blocks


def _comparison(
    material: Material, name: str, title: str, columns: Sequence[tuple[str, list[RunScores]]]
) -> list[Block]:
    """Return a grid with a row per photo and a column per model, whose first run with weights predicts."""
    shown_runs = [(label, with_weights(material, runs) or runs[0]) for label, runs in columns if runs]
    if not shown_runs:
        return []
    runs = [run for _, run in shown_runs]
    means = np.mean([run.f1 for _, found in columns for run in found], axis=0)
    order = np.argsort(-means, kind="stable")
    count = len(order)
    each = min(EACH, max(1, count // 3))
    middle = (count - each) // 2
    places = dict.fromkeys([*range(each), *range(middle, middle + each), *range(count - each, count)])
    names = [runs[0].images[order[place]] for place in places]
    try:
        masks = [predictions(material, run, names) for run in runs]
    except InputError as error:
        return [Text(text=f"There are no predictions beside the truth: {error}.")]
    shown = []
    for row, photo in enumerate(names):
        for (label, run), found in zip(shown_runs, masks, strict=True):
            f1 = run.f1[run.images.index(photo)]
            heading = f"{_wrapped(label, len(shown_runs))}\nF1 {f1:.2f}" if row == 0 else f"F1 {f1:.2f}"
            shown.append(
                Shown(photo=material.photos[photo], title=heading, prediction=None if found is None else found[row])
            )
    rows = f"the {each} best, {each} median and {each} worst of {count} test photos by mean F1 over all runs"
    if all(found is None for found in masks):
        shown = [
            Shown(photo=material.photos[photo], title=f"F1 {means[place]:.2f}")
            for photo, place in zip(names, (order[place] for place in places), strict=True)
        ]
        text = (
            f"From the top: {rows} of {listed([label for label, runs in columns if runs])} ({', '.join(names)}). "
            "No run has kept its weights, so the truth alone is outlined."
        )
        return [grid(material, name, title, text, shown, columns=each)]
    absent = [label for (label, _), found in zip(shown_runs, masks, strict=True) if found is None]
    text = (
        f"Rows: {rows} of the columns ({', '.join(names)}). Truth white and dashed, the prediction of one run "
        "blue, its F1 above."
    )
    if absent:
        text += f" Without weights, so without prediction: {', '.join(absent)}."
    return [grid(material, name, title, text, shown, columns=len(shown_runs))]


def _wrapped(label: str, columns: int) -> str:
    """Break a backbone's name at its underscores where it is wider than a column."""
    return textwrap.fill(label.replace("_", "_ "), TITLE_CHARACTERS // columns).replace("_ ", "_")


def _worst(material: Material) -> list[Block]:
    """Return the worst test photos: a grid for the leading backbone, and a table that names those of all."""
    results = material.results
    rows: list[Row] = []
    figures: list[Block] = []
    for backbone in results.config.backbones:
        runs = material.cell(material.reference, backbone)
        if not runs:
            continue
        means = np.mean([run.f1 for run in runs], axis=0)
        order = np.argsort(means, kind="stable")[:WORST]
        names = [runs[0].images[place] for place in order]
        for rank, place in enumerate(order, 1):
            tp = [results.runs[run.id].per_image for run in runs]
            rows.append(
                {
                    "backbone": backbone,
                    "rank": rank,
                    "photo": runs[0].images[place],
                    "spot": (results.groups or {}).get(runs[0].images[place]),
                    "f1": float(means[place]),
                    "missed": float(np.mean([one.fn[place] / max(1, one.tp[place] + one.fn[place]) for one in tp])),
                    "false": float(np.mean([one.fp[place] / max(1, one.tp[place] + one.fp[place]) for one in tp])),
                }
            )
        if backbone == material.lead and _have_photos(material):
            figures += _worst_grid(material, backbone, runs, names, [float(means[place]) for place in order])
    if not rows:
        return []
    heading = Text(text=f"The {min(WORST, len(results.test_images))} worst photos", heading=True)
    return [heading, *figures, _worst_table(material, rows)]


def _worst_grid(
    material: Material, backbone: str, runs: list[RunScores], names: list[str], means: list[float]
) -> list[Block]:
    run = with_weights(material, runs)
    try:
        masks = predictions(material, run, names) if run else None
    except InputError as error:
        return [Text(text=f"{backbone}: no predictions beside the truth: {error}.")]
    shown = [
        Shown(photo=material.photos[name], title=f"{mean:.2f}", prediction=None if masks is None else masks[place])
        for place, (name, mean) in enumerate(zip(names, means, strict=True))
    ]
    shown_runs = (
        "The weights are absent, so the truth alone is outlined." if run is None else "Prediction of one run in blue."
    )
    caption = (
        f"{backbone}, arm “{material.reference}”: worst first, the mean F1 over n = {len(runs)} runs above "
        f"each. {shown_runs}"
    )
    return [grid(material, f"worst-{backbone}", f"The worst photos of {backbone}", caption, shown)]


def _worst_table(material: Material, rows: Sequence[Row]) -> ReportTable:
    return material.table(
        "worst",
        "The worst photos by name",
        f"Arm “{material.reference}”: mean over runs of F1, of the missed part of the truth and of the wrong part of "
        "what was predicted.",
        (
            text_column("Backbone", "backbone"),
            number_column("Rank", "rank", "d"),
            text_column("Photo", "photo"),
            *([text_column("Spot", "spot")] if material.results.groups else []),
            number_column("F1", "f1", ".3f"),
            number_column("Missed", "missed", ".2f"),
            number_column("Wrong", "false", ".2f"),
        ),
        rows,
        files_only=True,
    )


def _reliability(material: Material) -> list[Block]:
    """Return a reliability diagram for each backbone with weights."""
    from corrotwin.segmentation.evaluation import assessment, curves

    found: dict[str, tuple[Calibration, float]] = {}
    heading = Text(text="Are the probabilities right?", heading=True)
    if material.dataset is None:
        return [heading, Text(text=f"There is no reliability diagram. {material.photos_absent}")]
    for backbone in material.results.config.backbones:
        run = with_weights(material, material.cell(material.reference, backbone))
        if run is None:
            continue
        try:
            assessed = assessment.assess(material.results.folder / "runs" / run.id, material.dataset, threshold=0.5)
        except InputError as error:
            return [heading, Text(text=f"There is no reliability diagram: {error}.")]
        bins = curves.calibration(assessed.histograms)
        found[backbone] = (bins, curves.expected_calibration_error(bins))
    if not found:
        return [heading, Text(text="There is no reliability diagram: no run has kept its weights.")]
    return [heading, _diagram(material, found)]


def _diagram(material: Material, found: "dict[str, tuple[Calibration, float]]") -> Figure:
    def draw(drawn: "Canvas") -> None:
        axis = drawn.subplots()
        axis.plot([0, 1], [0, 1], color="#9aa5b1", lw=1)
        for backbone, (bins, error) in found.items():
            drawn_as = look(backbone, material.backbones)
            axis.plot(
                bins.mean_predicted, bins.observed_share, marker=drawn_as.marker, ls=drawn_as.dash, ms=4, lw=1.4,
                color=drawn_as.color, label=f"{backbone} (ECE {error:.3f})",
            )  # fmt: skip
        axis.set_xlabel("predicted probability of corrosion")
        axis.set_ylabel("share of pixels that are corroded")
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1)
        axis.legend(loc="upper left")

    return material.figure(
        "reliability",
        "Reliability diagram",
        f"All pixels of the {material.units}, one run a backbone (n = 1), arm “{material.reference}”, in bins of equal "
        "width; on the grey line predictions are as right as they say. ECE: expected calibration error.",
        3.9,
        draw,
    )


def _have_photos(material: Material) -> bool:
    return all(name in material.photos for name in material.results.test_images)
