"""Test photos with the truth and each U-Net's prediction outlined."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.drawing import Figure, canvas, save
from benchmarks.results import Results
from twin.files import InputError

if TYPE_CHECKING:
    from segmentation.coco import Photo

TRUTH, PREDICTION = "#FFFFFF", "#56B4E9"
SHOWN_PHOTOS = 5


def shown(results: Results) -> list[tuple[str, float]]:
    """The photos of the overlays: from worst to best at even steps of the mean F1 over all runs, with that mean."""
    means = np.mean([each.f1 for each in results.scores], axis=0)
    order = np.argsort(means, kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, min(SHOWN_PHOTOS, len(order))).round().astype(int))
    return [(results.test_images[order[place]], float(means[order[place]])) for place in places]


def overlays(results: Results) -> tuple[list[Figure], list[str]]:
    """One grid an arm: test photos down, backbones across, the truth and the prediction of the first run outlined."""
    from segmentation import coco

    try:
        photos = {photo.file_name: photo for photo in coco.read(results.data_folder).photos}
    except InputError as error:
        return [], [f"There are no overlays: the photos cannot be read any more ({error})."]
    wanted = shown(results)
    if gone := [name for name, _ in wanted if name not in photos]:
        return [], [f"There are no overlays: {results.data_folder} no longer has the test photo {gone[0]}."]
    chosen = [(photos[name], mean) for name, mean in wanted]
    figures, absent = [], []
    for arm in results.arms:
        first = {each.backbone: each.id for each in reversed(results.scores) if each.arm == arm.name}
        columns = [(backbone, first[backbone]) for backbone in results.config.backbones if backbone in first]
        if not columns:
            continue
        try:
            figures.append(_overlay(results, arm.name, columns, chosen))
        except InputError as error:  # run folders may be kept without their weights
            absent.append(f"There are no overlays for the arm “{arm.name}”: {error}.")
    return figures, absent


def _overlay(
    results: Results, arm: str, columns: Sequence[tuple[str, str]], chosen: Sequence[tuple["Photo", float]]
) -> Figure:
    from matplotlib.lines import Line2D

    from segmentation import coco
    from segmentation.evaluate import predict_masks

    photos = [photo for photo, _ in chosen]
    predictions = {backbone: predict_masks(results.folder / "runs" / run, photos) for backbone, run in columns}
    by_id = {each.id: each for each in results.scores}
    with canvas(1.9 * len(columns) + 0.3, 1.95 * len(chosen) + 0.7, results.label) as drawn:
        axes = drawn.subplots(len(chosen), len(columns), squeeze=False)
        for row, (photo, _) in enumerate(chosen):
            picture, truth = coco.image(photo), coco.mask(photo)
            for column, (backbone, run) in enumerate(columns):
                axis = axes[row][column]
                axis.imshow(picture)
                _outline(axis, predictions[backbone][row], PREDICTION, "solid")
                _outline(axis, truth, TRUTH, "dashed")
                axis.set_axis_off()
                scores = by_id[run]
                f1 = scores.f1[scores.images.index(photo.file_name)]
                axis.set_title(f"{backbone}\nF1 {f1:.2f}" if row == 0 else f"F1 {f1:.2f}", fontsize=9)
        lines = [
            Line2D([], [], color=TRUTH, linestyle="dashed", lw=1.6, label="truth"),
            Line2D([], [], color=PREDICTION, lw=1.6, label="prediction"),
        ]
        drawn.legend(
            handles=lines, loc="outside upper left", ncols=2, labelcolor="white", frameon=True, facecolor="#444444",
            fontsize=8,
        )  # fmt: skip
        names = ", ".join(f"{photo.file_name} ({mean:.2f})" for photo, mean in chosen)
        return Figure(
            name=f"overlays-{arm}",
            title=f"Test photos with truth and prediction, arm {arm}",
            caption=results.caption(
                f"Arm “{arm}”: test photos with the truth (white, dashed) and the prediction of the first run (blue) "
                f"outlined, by backbone. Chosen at even steps from the worst to the best mean F1 over all runs, from "
                f"the top: {names}.",
            ),
            kind="png",
            content=save(drawn, "png"),
        )


def _outline(axis: Any, mask: npt.NDArray[np.bool_], color: str, style: str) -> None:
    """The border of a mask as a line with a dark halo, so that it shows on light and dark photos."""
    from matplotlib import patheffects

    if not mask.any() or mask.all():
        return
    padded = np.pad(mask.astype(float), 1)  # regions at the border get a closed outline
    extent = (-1.5, mask.shape[1] + 0.5, mask.shape[0] + 0.5, -1.5)
    contours = axis.contour(
        padded, levels=[0.5], colors=[color], linewidths=1.0, linestyles=[style], origin="upper", extent=extent
    )
    contours.set_path_effects([patheffects.withStroke(linewidth=2.0, foreground="black", alpha=0.7)])
    axis.set_xlim(-0.5, mask.shape[1] - 0.5)
    axis.set_ylim(mask.shape[0] - 0.5, -0.5)
