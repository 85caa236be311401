"""Sizes of the photos to predict, compared with those of the training photos and with the memory that is there."""

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
PIXEL_BYTES = 24  # of a photo that is blended from tiles: itself, scaled and padded in 8 bits, three arrays of float32

NETWORK_BYTES = 800  # of a pixel that a network takes: 500 to 610 were measured of four U-Nets in float32 at 512 pixels


def photos_at_once(predictor: Predictor, photos: Mapping[str, Path]) -> int:
    """Return how many photos to predict at once: enough to keep all cores busy, few enough for the memory.

    They are `MOST_AT_ONCE` at most, and one at least. All count as large as the largest, at the scale of the network
    where that enlarges them.
    """
    count = min(MOST_AT_ONCE, available_cores() // predictor.threads)
    free = available_bytes()
    if count > 1 and free is not None:
        largest = max((width * height for width, height in _sizes(photos).values()), default=1)
        enlarged = largest * max(1.0, predictor.scale) ** 2
        taken: float = predictor.pixels_at_once
        if predictor.framing == "crop":
            taken = min(taken, max(enlarged, NATIVE_TILE**2))  # tiles are padded where a photo is smaller
        count = min(count, int(free / (PIXEL_BYTES * enlarged + NETWORK_BYTES * taken)))
    return max(1, count)


def _sizes(photos: Mapping[str, Path]) -> dict[Path, tuple[int, int]]:
    """Return width and height of the photos that can be read; the others will be left out."""
    sizes = {}
    for path in photos.values():
        with suppress(InputError):
            sizes[path] = image_io.size(path)
    return sizes


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
    for path, (width, height) in _sizes(photos).items():
        if (side := math.sqrt(width * height)) > MUCH_LARGER * predictor.photo_side:
            large[path] = side
    if not large:
        return
    side, before = median(large.values()), predictor.photo_side
    ways = ("`tiling` always", "`tiling` never")
    if predictor.framing == "crop":
        ways = ("`scale` 1", f"`scale` {before / side:.2g}")
    raise InputError(
        f"{len(large)} of {len(photos)} photos are much larger than those of training ({side:,.0f} pixels a side, "
        f"those of training {before:,.0f}; first: {next(iter(large))}): if they show a larger area, give {ways[0]}; if "
        f"the same area on more pixels, give {ways[1]}"
    )
