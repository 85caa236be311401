"""Sizes of the photos to predict, compared with those of the training photos."""

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from corrotwin.segmentation.data import image_io
from corrotwin.segmentation.prediction.predictor import Predictor
from corrotwin.twin.core.errors import InputError

MUCH_LARGER = 1.5  # ratio of the sides of squares of the same areas


def check_sizes(predictor: Predictor, photos: Mapping[str, Path]) -> None:
    """Raise InputError if photos need a choice of how they are taken in: tiles, or whole.

    These are photos much larger than those of training, unless the settings say how. Nothing in a photo tells whether
    it shows a larger area than those did, which tiles suit, or the same area on more pixels, which they do not.

    Raises
    ------
    InputError
        The message names the choices.
    """
    if predictor.settings.tiling != "auto" or predictor.settings.scale is not None or predictor.photo_side is None:
        return
    large: dict[Path, float] = {}
    for path in photos.values():
        try:
            width, height = image_io.size(path)
        except InputError:  # it will be left out
            continue
        if (side := math.sqrt(width * height)) > MUCH_LARGER * predictor.photo_side:
            large[path] = side
    if not large:
        return
    side, before = median(large.values()), predictor.photo_side
    ways = ("`tiling` always", "`tiling` never")
    if predictor.config.framing == "crop":
        ways = ("`scale` 1", f"`scale` {before / side:.2g}")
    raise InputError(
        f"{len(large)} of {len(photos)} photos are much larger than those of training ({side:,.0f} pixels a side, "
        f"those of training {before:,.0f}; first: {next(iter(large))}): if they show a larger area, give {ways[0]}; if "
        f"the same area on more pixels, give {ways[1]}"
    )
