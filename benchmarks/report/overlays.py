"""Test photos with the outlined truth and, if a run has its weights, its prediction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.stats.tukey import RunScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from corrotwin.segmentation.data.coco import Photo

Mask = npt.NDArray[np.bool_]
SIDE = 320  # pixels of a photo's longer side: the page stays small enough for a phone


def predictions(material: Material, run: RunScores | None, names: Sequence[str]) -> list[Mask] | None:
    """Return the masks that a run predicts for some photos; None if it has no weights."""
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.evaluation import evaluate

    if run is None:
        return None
    folder = material.results.folder / "runs" / run.id
    if not (folder / runs.WEIGHTS).is_file():
        return None
    return evaluate.predict_masks(folder, [material.photos[name] for name in names])


def with_weights(material: Material, found: Sequence[RunScores]) -> RunScores | None:
    """Return the first run that has its weights in its folder; None if there is none."""
    from corrotwin.segmentation import runs

    return next((run for run in found if (material.results.folder / "runs" / run.id / runs.WEIGHTS).is_file()), None)


def outlined(photo: "Photo", prediction: Mask | None, *, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Return a photo (h, w, 3) of at most `side` pixels, truth and prediction outlined."""
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.prediction.regions import overlay
    from corrotwin.segmentation.review.page import TRUE

    drawn = overlay(coco.image(photo), coco.mask(photo), side=side, colour=TRUE)
    return drawn if prediction is None else overlay(drawn, prediction, side=side)


def legend(drawn: "Canvas") -> None:
    """Add a legend for the outlines of `outlined` to a matplotlib figure."""
    from matplotlib.lines import Line2D

    from corrotwin.segmentation.review.page import PREDICTED, TRUE

    lines = [
        Line2D([], [], color="#{:02x}{:02x}{:02x}".format(*colour), lw=1.6, label=label)
        for colour, label in ((TRUE, "truth"), (PREDICTED, "prediction"))
    ]
    drawn.legend(handles=lines, loc="outside upper left", ncols=2, fontsize=7.5)
