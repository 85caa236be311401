"""Sizes of the photos to predict, compared with those of the training photos and with the free memory."""

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median

from corrotwin.segmentation.data import image_io
from corrotwin.segmentation.evaluation.tiles import NATIVE_TILE
from corrotwin.segmentation.prediction.predictor import Predictor
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import available_bytes

MUCH_LARGER = 1.5  # ratio of the sides of squares of the same areas
MOST_AT_ONCE = 16  # photos in memory
PIXEL_BYTES = 24  # per pixel of a photo blended from tiles: itself, scaled and padded in 8 bits, three float32 arrays

NETWORK_BYTES = 800  # per pixel that a network takes; four U-Nets in float32 took 500 to 610 at 512 pixels


def photos_at_once(predictor: Predictor, photos: Mapping[str, Path]) -> int:
    """Return how many photos to predict at once: enough to keep all cores busy, few enough for the memory.

    The number is at least one and at most `MOST_AT_ONCE`. Each photo counts as large as the largest, at the scale of
    the network if that enlarges it.
    """
    count = min(MOST_AT_ONCE, available_cores() // predictor.threads)
    free = available_bytes()
    if count > 1 and free is not None:
        largest = max((width * height for width, height in _sizes(photos).values()), default=1)
        enlarged = largest * max(1.0, predictor.scale) ** 2
        network_pixels: float = predictor.pixels_at_once
        if predictor.framing == "crop":
            network_pixels = min(network_pixels, max(enlarged, NATIVE_TILE**2))  # tiles of small photos are padded
        count = min(count, int(free / (PIXEL_BYTES * enlarged + NETWORK_BYTES * network_pixels)))
    return max(1, count)


def _sizes(photos: Mapping[str, Path]) -> dict[Path, tuple[int, int]]:
    """Return the width and height of each photo that can be read; the others will be left out."""
    sizes = {}
    for path in photos.values():
        with suppress(InputError):
            sizes[path] = image_io.size(path)
    return sizes


def check_sizes(predictor: Predictor, photos: Mapping[str, Path]) -> None:
    """Raise InputError if the user must choose whether photos are cut into tiles or taken whole.

    Photos much larger than those of training need that choice, unless the settings make it. A photo does not reveal
    whether it shows a larger area than those did, which suits tiles, or the same area on more pixels, which does not.

    Raises
    ------
    InputError
        The message names the choices.
    """
    if predictor.settings.tiling != "auto" or predictor.settings.scale is not None or predictor.photo_side is None:
        return
    large: dict[Path, float] = {}
    for path, (width, height) in _sizes(photos).items():
        if (side := math.sqrt(width * height)) > MUCH_LARGER * predictor.photo_side:
            large[path] = side
    if not large:
        return
    side, training_side = median(large.values()), predictor.photo_side
    choices = ("`tiling` always", "`tiling` never")
    if predictor.framing == "crop":
        choices = ("`scale` 1", f"`scale` {training_side / side:.2g}")
    raise InputError(
        f"{len(large)} of {len(photos)} photos are much larger than those of training ({side:,.0f} pixels a side, "
        f"those of training {training_side:,.0f}; first: {next(iter(large))}): if they show a larger area, "
        f"give {choices[0]}; if the same area on more pixels, give {choices[1]}"
    )
