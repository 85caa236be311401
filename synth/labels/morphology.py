"""Morphological closing with a disc, for annotators' masks and for label statistics."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def closed(mask: Mask, radius: int) -> Mask:
    """Close `mask` (H, W) with the disc x² + y² <= radius² px²; pixels outside the picture count as background.

    The result always contains `mask`.
    """
    import cv2  # slow to load

    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (y**2 + x**2 <= radius**2).astype(np.uint8)
    padded = np.pad(mask, radius).astype(np.uint8)
    height, width = mask.shape
    filled = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(filled[radius : radius + height, radius : radius + width], dtype=bool)
