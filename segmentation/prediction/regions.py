"""A predicted mask as COCO regions, and its outlines drawn on the photo."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco

OUTLINE = (255, 0, 200)  # a colour that neither rust nor paint has
OVERLAY = 1600  # pixels of an overlay's longer side, at most


def regions_of(mask: npt.NDArray[np.bool_], *, polygons: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the 8-connected regions of a mask in COCO form: compressed RLE (or polygons), area, bounding box."""
    import cv2

    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for number in range(1, count):
        x, y, width, height = (int(value) for value in boxes[number, :4])
        region = labels[y : y + height, x : x + width] == number
        yield coco.outlined(region, left=x, top=y) if polygons else coco.region(region, left=x, top=y, of=mask.shape)


def overlay(
    image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], *, side: int = OVERLAY,
    colour: tuple[int, int, int] = OUTLINE,
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """Draw the outlines of a mask on its photo (h, w, 3), reduced to at most `side` pixels on the longer side."""
    import cv2

    height, width = mask.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    drawn = np.array(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(small, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, contours, -1, colour, max(1, max(size) // 400))
    return np.asarray(drawn, dtype=np.uint8)
