"""Self-training: a teacher, the moving average of the network, labels pictures that nobody has labelled.

The teacher sees a picture as it is, turned and moved; the network learns from the same view in strong colours, with
rectangles of one picture laid over another, what the teacher said of it where it was sure. The loss comes in slowly
after a quarter of the steps, since the first teacher knows nothing.

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

REACH = (
    0.15  # fraction of the steps over which the teacher, the moving average, reaches back: no echo of the last steps
)
SURE = 0.95  # probability of corrosion, or of none, from which the teacher's word counts, as in FixMatch
BURN_IN = 0.25  # fraction of the steps before the pictures count: labels alone teach the first teacher
RAMP_UP = 0.25  # fraction of the steps, after these, until the loss of the pictures has its whole weight
CUT_MIXED = 0.5  # of the pictures get a rectangle of another
CUT_SHARE = (0.1, 0.5)  # of a picture's area that such a rectangle covers


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """Unlabelled pictures of one step: strong views (b, 3, s, s), not yet normalised, and the teacher's labels.

    `labels` are (b, 1, s, s) float32, 0 or 1, and `sure` likewise 1 where they count.
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
    """Draw the pictures of a step and let the teacher label them."""
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
    """Return the mean over pixels of the cross-entropy (b, 1, s, s) where the teacher was sure, 0 elsewhere."""
    each = functional.binary_cross_entropy_with_logits(logits, taught.labels, reduction="none")
    return (each * taught.sure).mean()


def rectangles(count: int, size: int, seed: int, step: int) -> torch.Tensor:
    """Return where each of `count` pictures shows the next one: (count, 1, size, size) bool."""
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
        """Take in a step: the loss of its pictures, the share of sure pixels, and of those called corrosion."""
        self._steps.append(torch.stack([value, taught.sure.mean(), taught.labels.mean()]))

    def epoch_ends(self, epochs: int, steps_per_epoch: int, steps: int) -> list[dict[str, float]]:
        """Return the means of an epoch, by `COLUMNS`, and begin the next; none where the teacher said nothing.

        `epochs` were over before it.
        """
        if not self._steps:
            return []
        means = torch.stack(self._steps).mean(dim=0).tolist()
        self._steps = []
        at_start = weight(epochs * steps_per_epoch, steps)
        return [dict(zip(COLUMNS, [epochs + 1, at_start, *means], strict=True))]


def report(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write ``teacher.csv``, a row an epoch, and say so where the teacher has just collapsed."""
    tables.write_own(folder / TABLE, COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
    if collapsed(rows) == rows[-1]["epoch"]:
        called = rows[-1]["called"]
        _log.warning(
            f"{folder}: in epoch {rows[-1]['epoch']:.0f} the teacher has collapsed: it calls {called:.1%} of the "
            "unlabelled pixels corrosion; take more labelled photos, renders, or leave the unlabelled ones out"
        )


def collapsed(rows: Sequence[Mapping[str, float]]) -> int | None:
    """Return the epoch from which on the teacher called nothing or everything corrosion; None if it did not.

    Epochs whose pictures hardly count yet are passed over.
    """
    least, most = COLLAPSED
    found = None
    for row in rows:
        if row["weight"] < COUNTS:
            continue
        is_out = not least <= row["called"] <= most
        found = (found or int(row["epoch"])) if is_out else None
    return found


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return what `run.json` says of a teacher: its last row, and the epoch of its collapse, if any."""
    return {**{name: rows[-1][name] for name in ("sure", "called")}, "collapsed": collapsed(rows)}


def checked_rows(rows: Any) -> list[dict[str, float]]:
    """Return the rows of a teacher from a checkpoint.

    Raises
    ------
    ValueError
        They are none.
    """
    is_whole = isinstance(rows, list) and all(
        isinstance(row, dict) and set(row) == set(COLUMNS) and all(isinstance(v, int | float) for v in row.values())
        for row in rows
    )
    if not is_whole:
        raise ValueError("no rows of a teacher")
    return list(rows)
