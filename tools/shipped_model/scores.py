"""Scores of the trainings on photos that they have not seen: a row for each photo, and the numbers of the card."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.evaluation.loading import load_run
from corrotwin.segmentation.prediction.measured import Measured, ShareTable
from corrotwin.segmentation.prediction.parts import FramedPart
from corrotwin.twin.core import tables

Mask = npt.NDArray[np.bool_]  # (h, w)
CHANCE = 0.9  # chance that a photo's share of corrosion lies in its interval
TAIL = (1 - CHANCE) / 2  # chance on each side of the interval
BINS = 6  # bins of predicted shares, each of equally many photos
LARGE = 0.01  # share of a photo above which a missed patch counts
RUSTED = 0.005  # share from which a photo has a recall of its own
FRAMES = 3  # frames of each photo
MISSED = 0.1  # share of a patch: it is found if more of it is called corrosion


@dataclass(frozen=True, kw_only=True)
class MeasuredPhoto:
    """A photo measured by a training: pixel counts at the network's size, patches above `LARGE`, and those missed."""

    training: str
    photo: str
    spot: str
    tp: int
    fp: int
    fn: int
    tn: int
    patches: int
    missed: int

    @property
    def f1(self) -> float:
        """F1 of the photo."""
        return float(evaluate.scores(*(np.array(n) for n in (self.tp, self.fp, self.fn, self.tn)))[0])

    @property
    def predicted(self) -> float:
        """The share that is called corrosion."""
        return (self.tp + self.fp) / (self.tp + self.fp + self.fn + self.tn)

    @property
    def true(self) -> float:
        """The share that people outlined."""
        return (self.tp + self.fn) / (self.tp + self.fp + self.fn + self.tn)


@dataclass(frozen=True, kw_only=True)
class FramedShare:
    """Shares of corrosion in a part of a photo: as a training predicts it, and as people outlined it."""

    training: str
    photo: str
    predicted: float
    true: float


MeasuredShare = MeasuredPhoto | FramedShare
COLUMNS = tuple(field.name for field in fields(MeasuredPhoto))


def measure(
    folder: Path, data: CocoDataset, names: Sequence[str], spot: Mapping[str, str], training: str
) -> list[MeasuredPhoto]:
    """Return a row for each of the named photos, at the threshold of the run."""
    rows = []
    for name, called, truth in _masks(folder, data, names):
        patches, missed = patches_of(called, truth)
        pairs = ((called, truth), (called, ~truth), (~called, truth), (~called, ~truth))
        tp, fp, fn, tn = (int((first & second).sum()) for first, second in pairs)
        rows.append(
            MeasuredPhoto(
                training=training, photo=name, spot=spot[name], tp=tp, fp=fp, fn=fn, tn=tn, patches=patches,
                missed=missed,
            )
        )  # fmt: skip
    return rows


def _masks(folder: Path, data: CocoDataset, names: Sequence[str]) -> Iterator[tuple[str, Mask, Mask]]:
    """Yield each of the named photos with what a run calls corrosion in it, and what people outlined."""
    from corrotwin.segmentation.models.network import torch_settings

    loaded = load_run(folder)
    config = loaded.config
    arrays = evaluate.decoded_arrays(data, config)
    with torch_settings(config.threads, config.precision):
        predicted = evaluate.probabilities(loaded.network, config, arrays, names)
        for name, (probability, truth) in zip(names, predicted, strict=True):
            yield name, probability > loaded.record.threshold, truth


def patches_of(called: Mask, truth: Mask) -> tuple[int, int]:
    """Return the number of connected patches of corrosion above `LARGE` of the photo, and of those that are missed."""
    import cv2

    count, labels = cv2.connectedComponents(truth.astype(np.uint8), connectivity=8)
    sizes = np.bincount(labels.ravel(), minlength=count)
    called_sizes = np.bincount(labels[called], minlength=count)
    large = sizes > LARGE * truth.size
    large[0] = False
    return int(large.sum()), int((large & (called_sizes <= MISSED * sizes)).sum())


def share_table(rows: Sequence[MeasuredShare]) -> ShareTable:
    """Return the interval of the true share by the predicted one, from quantiles of the error in bins.

    The quantiles are those of split conformal prediction (J. Lei et al., Journal of the American Statistical
    Association 113, 2018), taken separately in each bin of equally many photos. Between the medians of bins, the ends
    follow lines, about which that theory says nothing: `crossed` measures how often they hold the true share.
    """
    predicted, true = (np.array([getattr(row, name) for row in rows]) for name in ("predicted", "true"))
    middles, lowest, highest = [], [], []
    for members in np.array_split(np.argsort(predicted, kind="stable"), BINS):
        error, count = np.sort((true - predicted)[members]), len(members)
        first, last = math.floor((count + 1) * TAIL), math.ceil((count + 1) * (1 - TAIL))
        middles.append(float(np.median(predicted[members])))
        lowest.append(middles[-1] + float(error[first - 1]) if first >= 1 else 0.0)
        highest.append(middles[-1] + float(error[last - 1]) if last <= count else 1.0)
    knots, indices = np.unique([0.0, *middles, 1.0], return_index=True)
    # Ends rise with the predicted share; where they do not, they are moved outwards.
    low = np.minimum.accumulate(np.clip([0.0, *lowest, lowest[-1]], 0, 1)[::-1])[::-1]
    high = np.maximum.accumulate(np.clip([highest[0], *highest, 1.0], 0, 1))
    return ShareTable(
        chance=CHANCE, predicted=tuple(knots.tolist()), low=tuple(low[indices].round(5).tolist()),
        high=tuple(high[indices].round(5).tolist()),
    )  # fmt: skip


def coverage(rows: Sequence[MeasuredShare], table: ShareTable) -> float:
    """Return the share of photos whose true share lies in its interval."""
    inside = []
    for row in rows:
        low, high = table.interval(row.predicted)
        inside.append(low <= row.true <= high)
    return float(np.mean(inside))


def write(path: Path, rows: Sequence[MeasuredPhoto]) -> None:
    """Write the rows as a table."""
    tables.write_own(path, COLUMNS, (astuple(row) for row in rows))


def read(path: Path) -> list[MeasuredPhoto]:
    """Read the rows of a table."""
    columns = tables.read_own(path, COLUMNS)
    counts = {name: [int(value) for value in columns[name]] for name in COLUMNS[3:]}
    return [
        MeasuredPhoto(
            training=columns["training"][index], photo=columns["photo"][index], spot=columns["spot"][index],
            **{name: values[index] for name, values in counts.items()},
        )
        for index in range(len(columns["photo"]))
    ]  # fmt: skip


def missed(rows: Sequence[MeasuredPhoto]) -> str:
    """Return the share of patches above `LARGE` that are missed."""
    patches = sum(row.patches for row in rows)
    return f"{100 * sum(row.missed for row in rows) / patches:.0f} % of {patches}" if patches else "no such patch"


def crossed(rows: Sequence[MeasuredShare]) -> dict[str, float]:
    """Return how often the interval learned from one set that was left out holds the share of the other, by set."""
    by_set: dict[str, list[MeasuredShare]] = {}
    for row in rows:
        by_set.setdefault(row.photo.split("/")[0], []).append(row)
    (first_name, second_name), (first, second) = by_set, by_set.values()
    return {second_name: coverage(second, share_table(first)), first_name: coverage(first, share_table(second))}


def measurements(rows: Sequence[MeasuredPhoto], frames: Sequence[FramedShare]) -> Measured:
    """Return what the model that ships states about itself, from its twins on the sets that they left out."""
    tp, fp, fn, tn = (sum(getattr(row, name) for row in rows) for name in ("tp", "fp", "fn", "tn"))
    recalls = [row.tp / (row.tp + row.fn) for row in rows if row.true > RUSTED]
    return Measured(
        photos=len(rows), recall=round(tp / (tp + fn), 4), recall_sd=round(float(np.std(recalls, ddof=1)), 4),
        false_calls=round(fp / (fp + tn), 4),
        share=share_table(rows), held=round(min(crossed(rows).values()), 3),
        frame=share_table(frames), frame_held=round(min(crossed(frames).values()), 3),
    )  # fmt: skip


def framed(folder: Path, data: CocoDataset, names: Sequence[str], training: str) -> list[FramedShare]:
    """Return the shares in `FRAMES` random frames of each named photo, with sides of 0.25 to 0.75 of its own."""
    rng, shares = np.random.default_rng(0), []
    for name, called, truth in _masks(folder, data, names):
        for _ in range(FRAMES):
            width, height = rng.uniform(0.25, 0.75, 2)
            left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
            frame = FramedPart(left=left, top=top, right=left + width, bottom=top + height)
            predicted, true = (float(frame.cut(mask).mean()) for mask in (called, truth))
            shares.append(FramedShare(training=training, photo=name, predicted=predicted, true=true))
    return shares
