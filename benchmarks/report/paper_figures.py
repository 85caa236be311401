"""The paper's figures 2 and 3 from our runs: curves over the epochs, and scores as boxes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.formatting.style import Figure, look
from corrotwin.benchmarks.formatting.wording import SCORES
from corrotwin.benchmarks.report import words
from corrotwin.benchmarks.report.context import Material

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

CURVES = {"train_loss": "Dice loss, training", "valid_f1": "F1, validation", "valid_iou": "IoU, validation"}
# The paper's names for the same panels.
LETTERS = ("(a)", "(b)", "(c)")


def curves(material: Material) -> Figure:
    """Draw figure 2: loss, F1 and IoU by epoch, as the mean over runs in a band that spans the runs."""
    backbones, arm = tuple(paper.TABLE_II), material.reference
    counts = [len(material.cell(arm, backbone)) for backbone in backbones]

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(3, 1, sharex=True)
        for axis, letter, (column, title) in zip(axes, LETTERS, CURVES.items(), strict=True):
            for backbone in backbones:
                runs = [material.results.runs[run.id] for run in material.cell(arm, backbone)]
                if not runs:
                    continue
                values = np.array([run.history[column] for run in runs])
                epochs = np.arange(1, values.shape[1] + 1)
                drawn_as = look(backbone, backbones)
                axis.fill_between(
                    epochs, values.min(axis=0), values.max(axis=0), color=drawn_as.color, alpha=0.15, lw=0
                )
                axis.plot(
                    epochs, values.mean(axis=0), color=drawn_as.color, linestyle=drawn_as.dash, lw=1.8, label=backbone
                )
            axis.set_title(f"{letter} {title}")
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, handlelength=2.6)

    return material.figure(
        "figure2",
        "Figure 2. Training, by epoch",
        words.line("paper", "figure2", arm=arm, counts=counts),
        6.2,
        draw,
    )


def boxes(material: Material) -> Figure:
    """Draw figure 3: by backbone, the loss of each run and F1 and IoU of each test photo, beside the paper's means."""
    backbones, arm = tuple(paper.TABLE_II), material.reference
    counts = [len(material.cell(arm, backbone)) for backbone in backbones]

    def draw(drawn: "Canvas") -> None:
        axes = drawn.subplots(3, 1, sharex=True)
        axes[0].set_title(f"{LETTERS[0]} Dice loss, validation, at the epoch evaluated")
        for position, backbone in enumerate(backbones):
            losses = [_loss(material, run.id) for run in material.cell(arm, backbone)]
            color = look(backbone, backbones).color
            axes[0].plot([position] * len(losses), losses, "o", color=color, alpha=0.7, ms=5, mec="none")
        for axis, letter, score in zip(axes[1:], LETTERS[1:], SCORES, strict=True):
            axis.set_title(f"{letter} {SCORES[score]} of each test photo, mean of its runs")
            for position, backbone in enumerate(backbones):
                _box(axis, material, backbone, score, position)
            axis.set_ylim(-0.03, 1.03)
        axes[-1].set_xticks(range(len(backbones)), backbones)
        axes[-1].set_xlim(-0.6, len(backbones) - 0.4)

    return material.figure(
        "figure3",
        "Figure 3. Scores, by backbone",
        words.line("paper", "figure3", arm=arm, counts=counts, units=material.units),
        7.2,
        draw,
    )


def _loss(material: Material, run: str) -> float:
    record = material.results.runs[run]
    return float(record.history["valid_loss"][int(record.manifest.get("best_epoch", 0)) - 1])


def _box(axis: Any, material: Material, backbone: str, score: str, place: int) -> None:
    runs = [getattr(run, score) for run in material.cell(material.reference, backbone)]
    if runs:
        axis.boxplot(
            [np.mean(runs, axis=0)],
            positions=[place],
            widths=0.5,
            manage_ticks=False,
            patch_artist=True,
            showmeans=True,
            boxprops={"facecolor": look(backbone, material.backbones).color, "alpha": 0.75},
            medianprops={"color": "black", "lw": 1.6},
            meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 4},
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": "#555555"},
        )
    published = getattr(paper.TABLE_II[backbone], score).mean
    axis.plot([place + 0.36], [published], "x", color="black", ms=6, mew=1.4)
