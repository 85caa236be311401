"""Unlabelled pictures of a run, without those that show what tests it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data import coco, groups, splits
from corrotwin.segmentation.data.perceptual_hash import hashes
from corrotwin.segmentation.unlabelled.pictures import Pictures, gather
from corrotwin.twin.core.machine import cache_folder


def gathered(
    given: Sequence[Path],
    config: TrainConfig,
    real: coco.CocoDataset,
    split: splits.Split,
    *,
    on_file: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Gather unlabelled pictures and leave out those that are test photos, or show their spots.

    Those are pictures with the content of a test photo, or of another photo of its spot that the split does not
    train or validate on (by `groups.SPOTS`, or by name where there is no such table), or alike to one of these by
    perceptual hash, in any orientation.

    Parameters
    ----------
    given : photos, videos, and folders or archives of them.
    on_file : called with the number of files done, and of all.

    Raises
    ------
    InputError
        See `segmentation.unlabelled.pictures.gather`; or the split or the table of spots does not fit the photos.
    """
    splits.check(split, real)
    pictures = gather(given, size=config.size, framing=config.framing, cache=cache_folder(), on_file=on_file)
    spot = groups.beside(real) or groups.by_source_name(real)
    tested, kept = {spot[name] for name in split.test}, {*split.train, *split.valid}
    held_out = [photo for photo in real.photos if photo.file_name not in kept and spot[photo.file_name] in tested]
    return pictures.apart_from(
        np.stack([hashes(coco.image(photo)) for photo in held_out]), {photo.sha256 for photo in held_out}
    )
