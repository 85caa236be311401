"""False alarms on clean metal: pixels called corrosion far from every annotated mask.

The counts of a run are in ``runs/<id>/clean.csv``, beside its other counts. They cover only pixels of its test photos
that are farther from every mask than `CLEAR` of the picture's side, so that imprecise outlines cause no false alarms.
Pictures without any corrosion, photos or renders, are measured as an external set (`benchmarks.data.external_sets`)
and need no file of their own.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data.external_sets import REMEDY
from corrotwin.benchmarks.stats.crossed_effects import FloatArray

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.runs import PerImage

TABLE = "clean.csv"
CLEAR = 1 / 16  # distance between a mask and clean pixels, as a share of the picture's side: 8 pixels of 128
LEAST = 1 / 64  # least clean share of a picture for which false alarms are stated: 16 by 16 pixels of 128


def far(mask: "npt.NDArray[np.bool_]") -> "npt.NDArray[np.bool_]":
    """Return the pixels, (h, w), that are farther from a picture's mask than `CLEAR` of its longer side."""
    import numpy as np
    from scipy import ndimage

    if not mask.any():
        return np.ones_like(mask)
    is_clear: npt.NDArray[np.bool_] = ndimage.distance_transform_edt(~mask) > CLEAR * max(mask.shape)
    return is_clear


def measure(run: Path, data: "CocoDataset") -> None:
    """Count a complete run's false alarms on the clean pixels of its test photos, and write `TABLE` into its folder.

    Does nothing if the table exists, or if the run no longer has weights.
    """
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.evaluation import evaluate
    from corrotwin.segmentation.evaluation.loading import load_run
    from corrotwin.segmentation.models.network import torch_settings

    table = run / TABLE
    if table.exists() or not (run / runs.WEIGHTS).is_file():
        return
    import numpy as np
    import torch

    loaded = load_run(run)
    network, config = loaded.network, loaded.config
    names = loaded.record.per_image.image
    fp, tn = [], []
    with torch_settings(config.threads, config.precision):
        for logits, masks in evaluate.predict(network, config, evaluate.decoded_arrays(data, config), names):
            is_called = (torch.sigmoid(logits[:, 0]) > evaluate.THRESHOLD).cpu().numpy()
            is_clear = np.stack([far(mask > 0) for mask in masks])
            fp += (is_called & is_clear).sum(axis=(1, 2)).tolist()
            tn += (~is_called & is_clear).sum(axis=(1, 2)).tolist()
    zeros = np.zeros(len(names), dtype=np.int64)
    runs.write_per_image(table, runs.PerImage(image=names, tp=zeros, fp=np.array(fp), fn=zeros, tn=np.array(tn)))


def read(run: Path) -> "PerImage | None":
    """Return the counts that `measure` wrote; None if it has not run."""
    from corrotwin.segmentation import runs

    return runs.read_per_image(run / TABLE, REMEDY) if (run / TABLE).exists() else None


def shares(counts: "PerImage", side: int) -> FloatArray:
    """Return the share of clean pixels called corrosion, by picture; NaN where a picture has hardly any.

    Parameters
    ----------
    counts : counts as `measure` writes them, or counts on pictures without corrosion.
    side : side of a picture as the run saw it, pixels.
    """
    import numpy as np

    clean_pixels = counts.fp + counts.tn
    too_few = clean_pixels < LEAST * side * side
    share: FloatArray = np.where(too_few, np.nan, counts.fp / np.maximum(clean_pixels, 1))
    return share
