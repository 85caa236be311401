"""Regions of a picture that are not labelled and that a colour model calls rust."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tools.contradictions.color_model import ColorModel

RATIO = 3.0  # a pixel is called rust if its colour is this many times as frequent in rust as in all else
MARGIN = 0.025  # of the side: pixels this close to a labelled one are left out, since outlines are drawn loosely
SMALLEST = 0.0004  # of the picture's area


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """Connected pixels, `where` (H, W) bool, with their mean colour (sRGB, 0 to 255) and mean ratio of likelihoods."""

    where: NDArray[np.bool_]
    color: tuple[int, int, int]
    ratio: float

    @property
    def pixels(self) -> int:
        """The number of its pixels."""
        return int(self.where.sum())

    @property
    def middle(self) -> tuple[int, int]:
        """The row and column of the pixel of the region that is nearest to its centroid."""
        positions = np.argwhere(self.where)
        row, column = positions[np.argmin(((positions - positions.mean(axis=0)) ** 2).sum(axis=1))]
        return int(row), int(column)


def find(model: ColorModel, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> list[Region]:
    """Return the regions of an image (H, W, 3) RGB away from its mask (H, W) whose colours are those of rust."""
    side = max(mask.shape)
    ratio = model.of(image)
    away = ~mask if not mask.any() else ndimage.distance_transform_edt(~mask) > MARGIN * side
    called = ndimage.binary_opening((ratio >= RATIO) & away)
    numbers, count = ndimage.label(called)
    regions = []
    for number in range(1, count + 1):
        where = numbers == number
        if where.sum() >= SMALLEST * mask.size:
            red, green, blue = image[where].mean(axis=0).round().astype(int).tolist()
            regions.append(Region(where=where, color=(red, green, blue), ratio=float(np.median(ratio[where]))))
    return regions
