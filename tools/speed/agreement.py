"""Agreement of the test scores of precision `fast` and `exact`: pairs of runs with the same seed, photos and steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import Precision, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.segmentation.training.train import train

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class PrecisionAgreement:
    """Mean F1 of the test photos in each run, and the difference between `fast` and `exact` with its interval."""

    seeds: tuple[int, ...]
    exact: tuple[float, ...]
    fast: tuple[float, ...]
    difference: float
    low: float
    high: float


def measure(
    folder: Path,
    data: coco.CocoDataset,
    *,
    backbone: str,
    seeds: Sequence[int],
    changes: dict[str, Any],
    on_run: Callable[[str], None],
) -> PrecisionAgreement:
    """Train the runs that the pairs in `folder` lack, each in a folder of its own, and compare the pairs.

    Parameters
    ----------
    changes : fields of `segmentation.config.TrainConfig` that differ from profile small.
    on_run : called with the name of each run before it begins.
    """
    split = splits.split(
        data, how="own" if {photo.split for photo in data.photos} == set(coco.SPLITS) else "published", seed=0
    )
    reached: dict[Precision, list[float]] = {"exact": [], "fast": []}
    for seed in seeds:
        for precision, values in reached.items():
            name = f"{precision}-{backbone}-{seed:02d}"
            on_run(name)
            config = configure("small", backbone=backbone, arm=REAL, seed=seed, precision=precision, **changes)
            train(folder / name, config, real=data, split=split, renders=None)
            table = runs.load(folder / name).per_image
            values.append(float(scores(table.tp, table.fp, table.fn, table.tn)[0].mean()))
    return compare(seeds, reached["exact"], reached["fast"])


def compare(seeds: Sequence[int], exact: Sequence[float], fast: Sequence[float]) -> PrecisionAgreement:
    """Return the mean of the paired differences and its t interval over runs; the photos are treated as fixed."""
    differences: npt.NDArray[np.float64] = np.subtract(fast, exact)
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(CONFIDENCE)
    return PrecisionAgreement(
        seeds=tuple(seeds),
        exact=tuple(exact),
        fast=tuple(fast),
        difference=float(differences.mean()),
        low=float(interval.low),
        high=float(interval.high),
    )
