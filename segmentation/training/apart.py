"""Unlabelled pictures of a run, without those that show test photos or their spots."""

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

    A picture is left out if it equals one of the held-out photos byte for byte, or is like one by perceptual hash, in
    any orientation. These are the test photos and other photos of their spots on which the split neither trains nor
    validates. Spots are those of `groups.SPOTS`, or source names if there is no such table.

    Parameters
    ----------
    given : photos, videos, and folders or archives of them.
    on_file : called with the number of files done, and of all files.

    Raises
    ------
    InputError
        See `segmentation.unlabelled.pictures.gather`; or the split or the table of spots does not fit the photos.
    """
    splits.check(split, real)
    pictures = gather(given, size=config.size, framing=config.framing, cache=cache_folder(), on_file=on_file)
    spot = groups.beside(real) or groups.by_source_name(real)
    test_spots, train_or_valid = {spot[name] for name in split.test}, {*split.train, *split.valid}
    held_out = [
        photo for photo in real.photos if photo.file_name not in train_or_valid and spot[photo.file_name] in test_spots
    ]
    return pictures.apart_from(
        np.stack([hashes(coco.image(photo)) for photo in held_out]), {photo.sha256 for photo in held_out}
    )
