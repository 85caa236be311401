"""Photos with truth and predictions: best, median and worst, a page of all, reliability."""

from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.formatting.style import Figure, look
from corrotwin.benchmarks.report import photo_page, words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.document import Block, Link, PhotoGrid, PhotoRow, ReportSection, Text
from corrotwin.benchmarks.report.overlays import SIDE, outlined, predictions, with_weights
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.pages import pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.segmentation.evaluation.curves import Calibration

EACH = 2  # photos shown of the best, the median and the worst


def section(material: Material) -> ReportSection:
    """Return pictures where photos and weights are there; the report names what is absent and continues."""
    blocks: list[Block] = []
    if address := photo_page.href(material):
        blocks.append(Link(text="All test photos", href=address, about=words.line("photos", "page")))
    if not material.results.smoke:  # a smoke run has them in its answer
        blocks += ranked(material)
    return ReportSection(key="photos", title="Photos and predicted masks", blocks=(*blocks, *_reliability(material)))


def ranked(material: Material) -> list[Block]:
    """Return best, median and worst photos, by arm for the leading backbone; nothing where photos cannot be read."""
    if not photo_page.has_photos(material):
        return []
    models = photo_page.models(material) or [
        (backbone, runs)
        for backbone in material.results.config.backbones
        if (runs := material.cell(material.reference, backbone))
    ]
    labels, shown = [label for label, _ in models], [with_weights(material, runs) or runs[0] for _, runs in models]
    means = np.mean([run.f1 for _, runs in models for run in runs], axis=0)
    order = np.argsort(-means, kind="stable")
    count = len(order)
    each = min(EACH, max(1, count // 3))
    middle = (count - each) // 2
    places = dict.fromkeys([*range(each), *range(middle, middle + each), *range(count - each, count)])
    names = [shown[0].images[order[place]] for place in places]
    try:
        masks = [predictions(material, run, names) for run in shown]
    except InputError as error:
        return [Text(text=words.line("photos", "no_predictions", error=error))]
    absent = [label for label, found in zip(labels, masks, strict=True) if found is None]
    if len(absent) == len(labels):
        caption = words.line("photos", "truth", each=each, count=count, columns=labels)
        cells = [[(f"F1 {means[order[place]]:.2f}", None)] for place in places]
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
    rows = tuple(
        PhotoRow(
            name=name,
            href=photo_page.href(material, name),
            cells=tuple((text, pictures.photo(outlined(material.photos[name], mask), SIDE)) for text, mask in of_photo),
        )
        for name, of_photo in zip(names, cells, strict=True)
    )
    title = f"Best, median and worst photos of {material.lead}"
    return [PhotoGrid(name="ranked", title=title, caption=caption, columns=tuple(labels), rows=rows)]


def _reliability(material: Material) -> list[Block]:
    """Return a reliability diagram for each backbone with weights."""
    from corrotwin.segmentation.evaluation import assessment, curves

    found: dict[str, tuple[Calibration, float]] = {}

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
        found[backbone] = (bins, curves.expected_calibration_error(bins))
    return [_diagram(material, found)] if found else absent("no run has its weights.")


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
