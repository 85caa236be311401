"""Photos with truth and predictions: best, median and worst photos, a page of all photos, reliability."""

from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.formatting.style import Figure, look
from corrotwin.benchmarks.report import photo_page, words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, PageLink, PhotoColumn, PhotoGrid, ReportSection, Text
from corrotwin.benchmarks.report.overlays import SIDE, Mask, outlined, predictions, with_weights
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.pages import pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.segmentation.evaluation.curves import Calibration


def section(material: Material) -> ReportSection:
    """Return pictures as far as photos and weights are available; the section names what is absent."""
    blocks: list[Block] = []
    if address := photo_page.href(material):
        blocks.append(PageLink(text="All test photos", href=address, about=words.line("photos", "page")))
    if not material.results.smoke:  # a smoke run has them in its answer
        blocks += ranked(material)
    return ReportSection(key="photos", title="Photos and predicted masks", blocks=(*blocks, *_reliability(material)))


def ranked(material: Material, each: int = 2) -> list[Block]:
    """Return best, median and worst photos, by arm for the leading backbone; nothing if photos cannot be read.

    Parameters
    ----------
    each : number of best, of median and of worst photos.
    """
    if not photo_page.has_photos(material):
        return []
    models = photo_page.models(material) or [
        (backbone, runs)
        for backbone in material.results.config.backbones
        if (runs := material.cell(material.reference, backbone))
    ]
    labels, shown = (
        [words.line("photos", "column", kind=kind) for kind, _ in models],
        [with_weights(material, runs) or runs[0] for _, runs in models],
    )
    means = np.mean([run.f1 for _, runs in models for run in runs], axis=0)
    order = np.argsort(-means, kind="stable")
    count = len(order)
    each = min(each, max(1, count // 3))
    middle = (count - each) // 2
    parts = {"best": range(each), "median": range(middle, middle + each), "worst": range(count - each, count)}
    shown_as = {rank: heading for heading, of_part in parts.items() for rank in of_part}
    ranks, headings = list(shown_as), list(shown_as.values())
    names = [shown[0].images[order[rank]] for rank in ranks]
    try:
        masks = [predictions(material, run, names) for run in shown]
    except InputError as error:
        return [Text(text=words.line("photos", "no_predictions", error=error))]
    absent = [label for label, predicted in zip(labels, masks, strict=True) if predicted is None]
    cells: list[list[tuple[str, Mask | None]]]
    if len(absent) == len(labels):
        caption = words.line("photos", "truth", each=each, count=count, columns=labels)
        cells = [[(f"F1 {means[order[rank]]:.2f}", None)] for rank in ranks]
        labels = ["truth"]
    else:
        caption = words.line("photos", "grid", each=each, count=count, columns=labels, names=names, absent=absent)
        cells = [
            [
                (f"F1 {run.f1[run.images.index(name)]:.2f}", None if of_run is None else of_run[row])
                for run, of_run in zip(shown, masks, strict=True)
            ]
            for row, name in enumerate(names)
        ]
    columns = tuple(
        PhotoColumn(
            heading=heading,
            name=name,
            href=photo_page.href(material, name),
            cells=tuple((text, pictures.photo(outlined(material.photos[name], mask), SIDE)) for text, mask in of_photo),
        )
        for heading, name, of_photo in zip(headings, names, cells, strict=True)
    )
    title = f"Best, median and worst photos of {material.lead}"
    return [PhotoGrid(name="ranked", title=title, caption=caption, columns=columns, rows=tuple(labels))]


def _reliability(material: Material) -> list[Block]:
    """Return a reliability diagram for each backbone with weights."""
    from corrotwin.segmentation.evaluation import assessment, curves

    calibrations: dict[str, tuple[Calibration, float]] = {}

    def absent(reason: str) -> list[Block]:
        return [Text(text=words.line("photos", "no_reliability", reason=reason))]

    if material.dataset is None:
        return absent(material.photos_absent)
    for backbone in material.results.config.backbones:
        run = with_weights(material, material.cell(material.reference, backbone))
        if run is None:
            continue
        try:
            assessed = assessment.assess(material.results.folder / "runs" / run.id, material.dataset, threshold=0.5)
        except InputError as error:
            return absent(f"{error}.")
        bins = curves.calibration(assessed.histograms)
        calibrations[backbone] = (bins, curves.expected_calibration_error(bins))
    return [_diagram(material, calibrations)] if calibrations else absent("the weights of all runs are missing.")


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

    caption = words.line("photos", "reliability", units=material.units, arm=material.reference)
    return material.figure("reliability", "Are the probabilities right?", caption, 3.9, draw)
