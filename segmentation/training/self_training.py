"""Self-training: a teacher, the moving average of the network, labels unlabelled pictures.

The teacher sees a picture rotated, flipped and shifted, in its own colours. The network sees the same view in strong
colours, with rectangles of one picture laid over another, and learns the teacher's labels where the teacher was sure.
The loss fades in after a quarter of the steps, since the first teacher knows nothing.

References
----------
The moving average as a teacher: A. Tarvainen & H. Valpola, Mean teachers, NeurIPS 2017. A weak view that labels a
strong one, above a threshold: K. Sohn et al., FixMatch, NeurIPS 2020. Rectangles, in segmentation: G. French et al.,
Semi-supervised semantic segmentation needs strong, varied perturbations, BMVC 2020. The ramp: S. Laine & T. Aila,
Temporal ensembling, ICLR 2017.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from corrotwin.segmentation.augmentation import augment
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.models.network import autocast, memory_format, normalise
from corrotwin.segmentation.sampling import Stream, generator
from corrotwin.segmentation.training.batches import BatchLoader
from corrotwin.twin.core import tables

_log = logging.getLogger(__name__)

REACH = 0.15  # fraction of the steps over which the teacher averages: it does not just echo the last steps
SURE = 0.95  # probability of corrosion, or of none, from which a label of the teacher counts, as in FixMatch
BURN_IN = 0.25  # fraction of the steps before the pictures count: only labels train the first teacher
RAMP_UP = 0.25  # fraction of the steps after the burn-in until the loss of the pictures has its full weight
CUT_MIXED = 0.5  # fraction of the pictures that get a rectangle of another
CUT_SHARE = (0.1, 0.5)  # share of a picture's area that such a rectangle covers


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """Unlabelled pictures of one step: strong views (b, 3, s, s), not yet normalised, and the teacher's labels.

    `labels` are (b, 1, s, s) float32, 0 or 1; `sure` has the same shape and is 1 where they count, else 0.
    """

    images: torch.Tensor
    labels: torch.Tensor
    sure: torch.Tensor


def weight(step: int, steps: int) -> float:
    """Return the weight of the pictures' loss in a step: exp(-5 (1 - t)²), t from 0 to 1 over the ramp; 0 before."""
    after = step - BURN_IN * steps
    if after < 0:
        return 0.0
    return math.exp(-5 * (1 - min(1.0, after / max(1, RAMP_UP * steps))) ** 2)


def lesson(loader: BatchLoader, teacher: torch.nn.Module, config: TrainConfig, step: int) -> Lesson:
    """Return the pictures of a step with the labels of the teacher, both mixed by rectangles."""
    weak, strong = augment.views(loader.unlabelled(step), seed=config.seed, first=step * config.batch_size)
    weak, strong = (view.contiguous(memory_format=memory_format(config.precision)) for view in (weak, strong))
    teacher.eval()
    with torch.no_grad(), autocast(config.precision, weak.device.type):
        probability = teacher(normalise(weak, config.backbone)).float().sigmoid()
    labels = (probability > 0.5).float()
    sure = (torch.maximum(probability, 1 - probability) >= SURE).float()
    boxes = rectangles(len(strong), strong.shape[-1], config.seed, step).to(strong.device)
    return Lesson(images=_mixed(strong, boxes), labels=_mixed(labels, boxes), sure=_mixed(sure, boxes))


def loss(logits: torch.Tensor, taught: Lesson) -> torch.Tensor:
    """Return the mean cross-entropy of logits (b, 1, s, s) over all pixels, 0 where the teacher was not sure."""
    pixel_losses = functional.binary_cross_entropy_with_logits(logits, taught.labels, reduction="none")
    return (pixel_losses * taught.sure).mean()


def rectangles(count: int, size: int, seed: int, step: int) -> torch.Tensor:
    """Return where each of `count` pictures shows the next one instead: (count, 1, size, size) bool."""
    result = np.zeros((count, 1, size, size), dtype=np.bool_)
    for place in range(count):
        rng = generator(seed, Stream.CUT_MIX, step, place)
        if rng.random() >= CUT_MIXED:
            continue
        share, ratio = rng.uniform(*CUT_SHARE), math.exp(rng.uniform(-math.log(2), math.log(2)))
        height, width = (max(1, min(size, round(size * math.sqrt(part)))) for part in (share * ratio, share / ratio))
        top, left = (int(rng.integers(size - side + 1)) for side in (height, width))
        result[place, :, top : top + height, left : left + width] = True
    return torch.from_numpy(result)


def _mixed(values: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    return torch.where(boxes, values.roll(-1, dims=0), values)


COLUMNS = ("epoch", "weight", "loss", "sure", "called")
TABLE = "teacher.csv"
COUNTS = 0.1  # weight of the pictures' loss from which a teacher's failure matters
COLLAPSED = (0.001, 0.95)  # a teacher that calls less or more of all pixels corrosion has collapsed


class LessonRecord:
    """Running statistics of the teacher's labels over one epoch."""

    def __init__(self) -> None:
        self._steps: list[torch.Tensor] = []

    def add(self, value: torch.Tensor, taught: Lesson) -> None:
        """Add a step: the loss of its pictures, and the shares of pixels that are sure and called corrosion."""
        self._steps.append(torch.stack([value, taught.sure.mean(), taught.labels.mean()]))

    def epoch_ends(self, epochs: int, steps_per_epoch: int, steps: int) -> list[dict[str, float]]:
        """Return a row with the means of an epoch, by `COLUMNS`, and begin the next; no row if nothing was labelled.

        Parameters
        ----------
        epochs : number of epochs before this one.
        steps_per_epoch, steps : optimiser steps of an epoch, and of the whole run.
        """
        if not self._steps:
            return []
        means = torch.stack(self._steps).mean(dim=0).tolist()
        self._steps = []
        weight_at_start = weight(epochs * steps_per_epoch, steps)
        return [dict(zip(COLUMNS, [epochs + 1, weight_at_start, *means], strict=True))]


def report(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write ``teacher.csv``, one row per epoch, and warn if the teacher has just collapsed."""
    tables.write_own(folder / TABLE, COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
    if collapsed(rows) == rows[-1]["epoch"]:
        called = rows[-1]["called"]
        _log.warning(
            f"{folder}: in epoch {rows[-1]['epoch']:.0f} the teacher has collapsed: it calls {called:.1%} of the "
            "unlabelled pixels corrosion; use more labelled photos or renders, or leave the unlabelled ones out"
        )


def collapsed(rows: Sequence[Mapping[str, float]]) -> int | None:
    """Return the epoch since which the teacher calls hardly anything, or nearly everything, corrosion; else None.

    Epochs in which the pictures hardly count yet are skipped.
    """
    least, most = COLLAPSED
    since = None
    for row in rows:
        if row["weight"] < COUNTS:
            continue
        is_collapsed = not least <= row["called"] <= most
        since = (since or int(row["epoch"])) if is_collapsed else None
    return since


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the entry of a teacher in `run.json`: shares of its last row, and the epoch of its collapse or None."""
    return {**{name: rows[-1][name] for name in ("sure", "called")}, "collapsed": collapsed(rows)}


def checked_rows(rows: Any) -> list[dict[str, float]]:
    """Return the rows of a teacher, as read from a checkpoint.

    Raises
    ------
    ValueError
        They are not rows of a teacher.
    """
    is_valid = isinstance(rows, list) and all(
        isinstance(row, dict)
        and set(row) == set(COLUMNS)
        and all(isinstance(number, int | float) for number in row.values())
        for row in rows
    )
    if not is_valid:
        raise ValueError("no rows of a teacher")
    return list(rows)
