"""Verification of a trained run: its split, and its test photos measured again."""

from pathlib import Path

import numpy as np

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import from_json
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.data.splits import Split
from corrotwin.segmentation.evaluation.evaluate import measure_run, scores
from corrotwin.segmentation.sampling import thin
from corrotwin.twin.core.errors import InputError


def run_split(folder: Path, run: runs.RunRecord) -> Split:
    """Return the split that a run was trained, validated and tested on.

    Raises
    ------
    InputError
        The split is absent from the run's folder, or differs from the one that the run states.
    """
    path = folder / runs.SPLIT
    if not path.is_file():
        raise InputError(f"{path}: missing, so the photos of each part are unknown; put it back, or train again")
    split = splits.load(path)
    if split.digest != run.manifest["data"].get("split"):
        raise InputError(f"{path}: is not the split that the run was trained on; put that back, or train again")
    return split


def verify_run(folder: Path, data: coco.CocoDataset) -> str:
    """Measure a run's test photos again; return how they differ from its per_image.csv, empty if all counts agree.

    `data` is the dataset that the run was trained on.

    Raises
    ------
    InputError
        The folder holds no complete run, or no split.
    """
    run = runs.load(folder)
    stored = run.per_image
    test = thin(run_split(folder, run).test, from_json(run.manifest["config"]).max_eval_images)
    if sorted(stored.image) != sorted(test):
        return f"per_image.csv lists {len(stored.image)} photos, and not just the run's {len(test)} test photos"
    measured = measure_run(folder, data)
    differs = np.zeros(len(stored.image), dtype=np.bool_)
    for name in ("tp", "fp", "fn", "tn"):
        differs |= getattr(stored, name) != getattr(measured, name)
    if not differs.any():
        return ""
    (old, _), (new, _) = (scores(counts.tp, counts.fp, counts.fn, counts.tn) for counts in (stored, measured))
    return (
        f"{int(differs.sum())} of {len(differs)} photos have other counts than per_image.csv; mean F1 {old.mean():.6f} "
        f"there, {new.mean():.6f} now, at most {np.abs(new - old).max():.6f} apart on a photo"
    )
