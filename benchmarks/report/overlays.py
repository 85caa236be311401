"""Test photos with the truth outlined and, where a run has its weights, its prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corrotwin.benchmarks.formatting.style import WIDTH_IN, Figure
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.twin.core.text import escape_mathtext

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.segmentation.data.coco import Photo

Mask = npt.NDArray[np.bool_]
TRUTH, PREDICTION = "#FFFFFF", "#56B4E9"
EXAMPLES, WORST, COLUMNS = 8, 20, 4
SIDE = 320  # pixels of a photo's longer side in a figure: the page stays small enough for a phone


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A photo in a grid, the title above it, and the prediction, None where there is none."""

    photo: "Photo"
    title: str
    prediction: Mask | None = None


def examples(material: Material) -> tuple[list[Figure], list[str]]:
    """Draw figure 1: test photos with their truth, chosen at even steps of the corroded share."""
    from corrotwin.segmentation.data import coco

    names = [name for name in material.results.test_images if name in material.photos]
    if not names:
        return [], [material.photos_absent or "There is no figure 1: no run is complete, so no photo was tested."]
    shares = {name: float(coco.mask(material.photos[name]).mean()) for name in names}
    ordered = sorted(names, key=lambda name: shares[name])
    chosen = coco.evenly(ordered, EXAMPLES)
    shown = [Shown(photo=material.photos[name], title=f"{100 * shares[name]:.1f} %") for name in chosen]
    figure = grid(
        material,
        "figure1",
        "Figure 1. Photos and their truth",
        f"{len(shown)} of {len(names)} test photos at even steps of their corroded share (in per cent above each), the "
        "truth outlined. The paper's figure 1 shows examples of its own photos.",
        shown,
    )
    return [figure], []


def grid(
    material: Material, name: str, title: str, caption: str, shown: Sequence[Shown], *, columns: int = COLUMNS
) -> Figure:
    """Draw a grid of photos, row by row, with truth (white, dashed) and prediction (blue) outlined."""
    rows = -(-len(shown) // columns)
    with_prediction = any(each.prediction is not None for each in shown)

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(rows, columns, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, each in zip(axes.flat, shown, strict=False):
            panel(axis, each)
        legend(drawn, with_prediction=with_prediction)

    return material.figure(name, title, caption, (WIDTH_IN / columns + 0.12) * rows + 0.55, draw, photos=True)


def panel(axis: Any, shown: Shown) -> None:
    """Draw a photo on an axis of matplotlib, truth and prediction outlined, its title above."""
    picture, truth, prediction = _small(shown.photo, shown.prediction)
    axis.imshow(picture)
    if prediction is not None:
        _outline(axis, prediction, PREDICTION, "solid")
    _outline(axis, truth, TRUTH, "dashed")
    axis.set_title(escape_mathtext(shown.title), fontsize=7.5, fontweight="normal", loc="center", pad=2)


def legend(drawn: "Canvas", *, with_prediction: bool) -> None:
    """Add a legend of the outlines of `panel`."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=TRUTH, linestyle="dashed", lw=1.6, label="truth")]
    if with_prediction:
        lines.append(Line2D([], [], color=PREDICTION, lw=1.6, label="prediction"))
    drawn.legend(
        handles=lines, loc="outside upper left", ncols=2, labelcolor="white", frameon=True, facecolor="#444444",
        fontsize=7.5,
    )  # fmt: skip


def predictions(material: Material, run: RunScores, names: Sequence[str]) -> list[Mask] | None:
    """Return the masks that a run predicts for some photos; None where it has no weights."""
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.evaluation import evaluate

    folder = material.results.folder / "runs" / run.id
    if not (folder / runs.WEIGHTS).is_file():
        return None
    return evaluate.predict_masks(folder, [material.photos[name] for name in names])


def with_weights(material: Material, found: Sequence[RunScores]) -> RunScores | None:
    """Return the first of some runs whose weights are in its folder."""
    from corrotwin.segmentation import runs

    return next((each for each in found if (material.results.folder / "runs" / each.id / runs.WEIGHTS).is_file()), None)


def _small(photo: "Photo", prediction: Mask | None) -> tuple[npt.NDArray[np.uint8], Mask, Mask | None]:
    """Return a photo, its truth and its prediction at the size of figures."""
    import cv2

    from corrotwin.segmentation.data import coco

    picture, truth = coco.image(photo), coco.mask(photo)
    scale = min(1.0, SIDE / max(photo.height, photo.width))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    masks = [
        None if each is None else cv2.resize(each.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        for each in (truth, prediction)
    ]
    assert masks[0] is not None  # noqa: S101  the truth is
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)), masks[0], masks[1]


def _outline(axis: Any, mask: Mask, color: str, style: str) -> None:
    """Draw the border of a mask as a line with a dark halo, visible on light and dark photos."""
    from matplotlib import patheffects

    if not mask.any() or mask.all():
        return
    padded = np.pad(mask.astype(float), 1)  # regions at the border get a closed outline
    extent = (-1.5, mask.shape[1] + 0.5, mask.shape[0] + 0.5, -1.5)
    contours = axis.contour(
        padded, levels=[0.5], colors=[color], linewidths=0.8, linestyles=[style], origin="upper", extent=extent
    )
    contours.set_path_effects([patheffects.withStroke(linewidth=1.7, foreground="black", alpha=0.7)])
    axis.set_xlim(-0.5, mask.shape[1] - 0.5)
    axis.set_ylim(mask.shape[0] - 0.5, -0.5)
