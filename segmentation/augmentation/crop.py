"""Random squares of a photo at its original scale."""

import cv2
import numpy as np
import numpy.typing as npt

_Arrays = npt.NDArray[np.uint8]
FOREGROUND = 1 / 3  # share of the crops that are made to hold corrosion, if the photo has any


def crop(
    image: _Arrays, mask: _Arrays, size: int, rng: np.random.Generator, foreground: float = FOREGROUND
) -> tuple[_Arrays, _Arrays]:
    """Crop a random square of `size` pixels from a photo and its mask; smaller photos are padded by reflection.

    A share of `foreground` of the squares holds a random pixel of the mask, if it has any; otherwise most squares of
    large photos would be clean. (F. Isensee et al., nnU-Net, Nature Methods 18, 2021, force a third of each batch.)

    Parameters
    ----------
    image, mask : (h, w, 3) and (h, w) uint8.
    foreground : share of squares that are made to hold corrosion; 0 cuts anywhere, bit for bit as in earlier versions.

    Returns
    -------
    Image (size, size, 3) and mask (size, size), uint8.
    """
    height, width = mask.shape
    below, right = max(0, size - height), max(0, size - width)
    if below or right:
        image, mask = (_reflected(array, below, right) for array in (image, mask))
    most_top, most_left = max(0, height - size), max(0, width - size)
    tops, lefts = (0, most_top), (0, most_left)
    if foreground and rng.random() < foreground and len(corroded := np.flatnonzero(mask)):
        row, column = divmod(int(corroded[rng.integers(len(corroded))]), mask.shape[1])
        tops = (max(0, row - size + 1), min(row, most_top))
        lefts = (max(0, column - size + 1), min(column, most_left))
    top, left = (int(rng.integers(low, high + 1)) for low, high in (tops, lefts))
    part = (slice(top, top + size), slice(left, left + size))
    return image[part], mask[part]


def _reflected(array: _Arrays, below: int, right: int) -> _Arrays:
    return np.asarray(cv2.copyMakeBorder(np.asarray(array), 0, below, 0, right, cv2.BORDER_REFLECT_101), dtype=np.uint8)
