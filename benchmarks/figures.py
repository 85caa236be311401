"""The figures of a report. Every figure states its units, its n and, along its lower edge, whose data it shows."""

import numpy as np
import numpy.typing as npt

from benchmarks.drawing import COLORS, DASHES, Figure, canvas, plain, save
from benchmarks.overlays import overlays
from benchmarks.results import Results

SCORES = {"f1": "F1", "iou": "IoU"}
CURVES = {
    "train_loss": "Dice loss, training",
    "valid_loss": "Dice loss, validation",
    "valid_f1": "F1, validation",
    "valid_iou": "IoU, validation",
}


def draw(results: Results) -> tuple[list[Figure], list[str]]:
    """All figures that the complete runs allow, and a sentence for each that they do not.

    Curves and box plots need the runs alone; overlays need the photos and the weights, too.
    """
    if not results.runs:
        return [], ["There are no figures: no run is complete."]
    figures = [_curves(results, column) for column in CURVES]
    figures += [_boxes(results, score) for score in SCORES]
    photos, absent = overlays(results)
    return figures + photos, absent


def _curves(results: Results, column: str) -> Figure:
    """One panel an arm: mean over runs by epoch, and the range of the runs as a band."""
    from matplotlib.lines import Line2D

    with canvas(3.5 * len(results.arms), 3.4, results.label) as drawn:
        axes = drawn.subplots(1, len(results.arms), sharey=True, squeeze=False)[0]
        for axis, arm in zip(axes, results.arms, strict=True):
            counts = []
            for backbone in results.config.backbones:
                ids = [each.id for each in results.scores if (each.arm, each.backbone) == (arm.name, backbone)]
                counts.append(len(ids))
                if not ids:
                    continue
                curves = np.array([results.runs[key].history[column] for key in ids])
                epochs = np.arange(1, curves.shape[1] + 1)
                color = COLORS[backbone]
                axis.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.15, lw=0)
                axis.plot(epochs, curves.mean(axis=0), color=color, linestyle=DASHES[backbone], lw=1.8)
            axis.set_title(f"{plain(arm.name)} (n = {_count(counts)} runs)")
            axis.set_xlabel("epoch")
            axis.xaxis.get_major_locator().set_params(integer=True)
        lines = [
            Line2D([], [], color=COLORS[name], linestyle=DASHES[name], lw=1.8, label=name)
            for name in results.config.backbones
        ]
        drawn.legend(handles=lines, loc="outside upper center", ncols=len(lines), fontsize=9, handlelength=2.6)
        axes[0].set_ylabel(CURVES[column])
        return Figure(
            name=f"curve-{column.replace('_', '-')}",
            title=f"{CURVES[column]}, by epoch",
            caption=results.caption(
                f"{CURVES[column]} by epoch: mean over n runs (line) and range of the runs (band), by backbone and "
                "data arm.",
            ),
            kind="svg",
            content=save(drawn, "svg"),
        )


def _count(counts: list[int]) -> str:
    """A number of runs, or its range where cells differ."""
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def _boxes(results: Results, score: str) -> Figure:
    """Per-image scores, averaged over the runs of a cell, as boxes by backbone and arm."""
    with canvas(7.0, 3.4, results.label) as drawn:
        axis = drawn.subplots()
        arms, width = results.arms, 0.8 / len(results.arms)
        for column, arm in enumerate(arms):
            for place, backbone in enumerate(results.config.backbones):
                values = image_means(results, arm=arm.name, backbone=backbone, score=score)
                if not values.size:
                    continue
                at = place + (column - (len(arms) - 1) / 2) * width
                axis.boxplot(
                    [values],
                    positions=[at],
                    widths=width * 0.85,
                    manage_ticks=False,
                    patch_artist=True,
                    showmeans=True,
                    boxprops={
                        "facecolor": COLORS[backbone],
                        "alpha": 0.85 if column == 0 else 0.4,
                        "hatch": "" if column == 0 else "///",
                    },
                    medianprops={"color": "black", "lw": 1.6},
                    meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 4},
                    flierprops={"marker": ".", "markersize": 3, "markeredgecolor": "#555555"},
                )
                axis.annotate(
                    plain(arm.name), (at, 0), xycoords=("data", "axes fraction"), xytext=(0, -4),
                    textcoords="offset points", ha="center", va="top", fontsize=8,
                )  # fmt: skip
        axis.set_xticks(range(len(results.config.backbones)), results.config.backbones)
        axis.tick_params(axis="x", length=0, pad=17)
        axis.set_ylabel(f"{SCORES[score]} per test photo")
        axis.set_ylim(-0.03, 1.03)
        cells = [(arm.name, backbone) for arm in arms for backbone in results.config.backbones]
        count = _count([sum((each.arm, each.backbone) == cell for each in results.scores) for cell in cells])
        return Figure(
            name=f"box-{score}",
            title=f"{SCORES[score]} of each test photo",
            caption=results.caption(
                f"{SCORES[score]} of each of the {len(results.test_images)} test photos, averaged over the runs (n = "
                f"{count} a box): median (line), mean (diamond), quartiles (box), values within 1.5 interquartile "
                "ranges (whiskers), the rest as points.",
            ),
            kind="svg",
            content=save(drawn, "svg"),
        )


def image_means(results: Results, *, arm: str, backbone: str, score: str) -> npt.NDArray[np.float64]:
    """Mean score of each test photo over the complete runs of a cell, (images,); empty without runs."""
    found = [getattr(each, score) for each in results.scores if each.arm == arm and each.backbone == backbone]
    return np.mean(found, axis=0) if found else np.empty(0)
