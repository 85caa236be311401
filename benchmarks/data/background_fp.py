"""False alarms on clean metal: pixels called corrosion far from anything that people outlined.

The counts of a run are in ``runs/<id>/clean.csv``, beside its other counts. They cover only pixels of its test photos
that are farther from every mask than `CLEAR` of the picture's side, so that imprecise outlines cause no false alarms.
Pictures without any corrosion, photographs or renders, are another set (`benchmarks.data.external_sets`), and need no
file of their own.
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
CLEAR = 1 / 16  # of the picture's side, between a mask and what counts as clean: 8 pixels of 128
LEAST = 1 / 64  # of the picture must be clean for its share to mean anything: a patch of 16 by 16 pixels of 128


def far(mask: "npt.NDArray[np.bool_]") -> "npt.NDArray[np.bool_]":
    """Return the pixels of a picture (h, w) farther than `CLEAR` of its longer side from its mask."""
    import numpy as np
    from scipy import ndimage

    if not mask.any():
        return np.ones_like(mask)
    clear: npt.NDArray[np.bool_] = ndimage.distance_transform_edt(~mask) > CLEAR * max(mask.shape)
    return clear


def measure(run: Path, data: "CocoDataset") -> None:
    """Count the false alarms of a complete run on the clean pixels of its test photos, once, while it has weights."""
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
    false, true = [], []
    with torch_settings(config.threads, config.precision):
        for logits, masks in evaluate.predict(network, config, evaluate.decoded_arrays(data, config), names):
            called = (torch.sigmoid(logits[:, 0]) > evaluate.THRESHOLD).cpu().numpy()
            clear = np.stack([far(mask > 0) for mask in masks])
            false += (called & clear).sum(axis=(1, 2)).tolist()
            true += (~called & clear).sum(axis=(1, 2)).tolist()
    nothing = np.zeros(len(names), dtype=np.int64)
    runs.write_per_image(
        table, runs.PerImage(image=names, tp=nothing, fp=np.array(false), fn=nothing, tn=np.array(true))
    )


def read(run: Path) -> "PerImage | None":
    """Return the counts that `measure` wrote; None where it has not run."""
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

    clear = counts.fp + counts.tn
    few = clear < LEAST * side * side
    share: FloatArray = np.where(few, np.nan, counts.fp / np.maximum(clear, 1))
    return share
