"""Overlapping tiles for large photos, and the blending of their predictions into one image."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Singles = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Predict = Callable[[Pixels], Singles]
LARGER = 1.5  # a photo more than this many times as long as a tile is cut into tiles
NATIVE_TILE = 1024  # pixels, for runs that were trained on crops at the photos' original scale
OVERLAP = 0.5  # of neighbouring tiles


def needs_tiles(height: float, width: float, tile: int) -> bool:
    """Return True if an image is so large that it is cut into tiles."""
    return max(height, width) > LARGER * tile


def starts(length: int, tile: int, overlap: float) -> list[int]:
    """Return the first pixels of evenly spaced tiles over `length` pixels; neighbours share at least `overlap`.

    Parameters
    ----------
    length : at least `tile`.
    overlap : from 0 to below 1.
    """
    stride = max(1, int(tile * (1 - overlap)))
    count = 1 + -(-(length - tile) // stride)
    return [int(start) for start in np.linspace(0, length - tile, count).round()]


def window(tile: int) -> Singles:
    """Return the weight of each pixel of a tile, (tile, tile): a raised cosine, above 0.

    The border of a tile, where the network sees least of the surroundings, has the lowest weight, so that seams vanish.
    """
    along = np.sin(np.pi * (np.arange(tile) + 0.5) / tile) ** 2
    return np.asarray(np.outer(along, along), dtype=np.float32)


def blended(image: Pixels, tile: int, overlap: float, pixels: int, predict: Predict) -> tuple[Singles, int]:
    """Blend the predictions on overlapping tiles by their weighted mean.

    Parameters
    ----------
    image : (h, w, 3) uint8. A side shorter than a tile is padded with its border pixels, and the result is cropped.
    tile : side of a tile, pixels.
    overlap : smallest fraction of a tile shared with its neighbour.
    pixels : number of pixels given to `predict` at once; at least one tile is.
    predict : function from (b, tile, tile, 3) uint8 to (b, tile, tile) float32.

    Returns
    -------
    (h, w) float32, and the number of tiles.
    """
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, max(tile - height, 0)), (0, max(tile - width, 0)), (0, 0)), mode="edge")
    total = np.zeros(padded.shape[:2], dtype=np.float32)
    weight, tile_weight = np.zeros_like(total), window(tile)
    corners = [(y, x) for y in starts(padded.shape[0], tile, overlap) for x in starts(padded.shape[1], tile, overlap)]
    batch = max(1, pixels // tile**2)
    for first in range(0, len(corners), batch):
        batch_corners = corners[first : first + batch]
        predictions = predict(np.stack([padded[y : y + tile, x : x + tile] for y, x in batch_corners]))
        for (y, x), values in zip(batch_corners, predictions, strict=True):
            total[y : y + tile, x : x + tile] += tile_weight * values
            weight[y : y + tile, x : x + tile] += tile_weight
    return (total / weight)[:height, :width], len(corners)
