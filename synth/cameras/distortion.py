"""Lenses that distort: a larger picture without distortion is rendered, and then warped.

The photograph is interpolated linearly. A label is that of the nearest pixel of a label pass that is several times as
fine: at 4 times, each is taken within an eighth of a pixel, across and down, of where the pixel's centre sees.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.cameras.camera_model import Array, Camera, from_pose, pixel_directions
from corrotwin.synth.spec import Lens
from corrotwin.twin.core.errors import InputError

FINEST = 4  # times that labels are finer
MOST_LABELS = 40_000_000  # pixels of a label pass; above that labels are less fine
MOST_GROWTH = 8  # times that the picture without distortion may be larger
SAME_SURFACE = 0.02  # greatest relative difference of depths of neighbouring samples on one surface
MARGIN = 2  # pixels about it
TRIED = 100  # points each way at which the lens is tried


@lru_cache(maxsize=100)
def frame(lens: Lens, distortion: tuple[float, ...]) -> tuple[Lens, int]:
    """Return the lens of the picture without distortion that shows all of the distorted one, and the finer labels.

    Raises
    ------
    InputError
        By these coefficients a pixel sees nothing, or the picture would grow beyond `MOST_GROWTH` times its size.
    """
    column = np.linspace(-0.5, lens.width - 0.5, TRIED)
    row = np.linspace(-0.5, lens.height - 0.5, TRIED)
    pixels = np.stack(np.meshgrid(column, row), axis=-1).reshape(-1, 2)
    directions, exists = pixel_directions(_camera(lens, distortion), pixels)
    if not exists.all():
        raise InputError(
            f"distortion: by these coefficients nothing is seen in {1 - exists.mean():.0%} of the picture; check them, "
            "the focal length, and the size of the picture"
        )
    slopes = directions[:, :2] / directions[:, 2:] * [lens.fx, lens.fy]
    low, high = np.floor(slopes.min(axis=0)) - MARGIN, np.ceil(slopes.max(axis=0)) + MARGIN
    width, height = (high - low + 1).astype(int).tolist()
    if width * height > MOST_GROWTH * lens.width * lens.height:
        raise InputError(
            f"distortion: to show all of it, a picture of {width} x {height} pixels would be rendered, over "
            f"{MOST_GROWTH} times its own size; check the coefficients, or give a narrower lens"
        )
    larger = Lens(width=width, height=height, fx=lens.fx, fy=lens.fy, cx=float(-low[0]), cy=float(-low[1]))
    finer = next((times for times in range(FINEST, 1, -1) if times**2 * width * height <= MOST_LABELS), 1)
    return larger, finer


@lru_cache(maxsize=2)  # of one camera after another
def places(lens: Lens, distortion: tuple[float, ...], larger: Lens) -> Array:
    """Return where in the larger picture each pixel of the distorted one looks, (height, width, 2) column and row."""
    row, column = np.indices((lens.height, lens.width))
    directions, _ = pixel_directions(_camera(lens, distortion), np.stack([column, row], axis=-1).reshape(-1, 2))
    found = directions[:, :2] / directions[:, 2:] * [larger.fx, larger.fy] + [larger.cx, larger.cy]
    return np.asarray(found.reshape(lens.height, lens.width, 2))


def warped(light: NDArray[np.float32], at: Array) -> NDArray[np.float32]:
    """Return the distorted photograph of a larger one, (H, W, 3); `at` is of `places`."""
    import cv2

    column, row = np.moveaxis(at.astype(np.float32), -1, 0)
    return np.asarray(cv2.remap(light, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def nearest(labels: NDArray[np.float32], at: Array, finer: int) -> NDArray[np.float32]:
    """Return the distorted picture of labels, (H * finer, W * finer) or with channels; `at` is of `places`."""
    column, row = np.rint((np.moveaxis(at, -1, 0) + 0.5) * finer - 0.5).astype(int)
    return np.asarray(labels[row.clip(0, len(labels) - 1), column.clip(0, labels.shape[1] - 1)])


def depth(finer_depth: NDArray[np.float32], at: Array, finer: int) -> NDArray[np.float32]:
    """Return the distorted picture of depths, (H * finer, W * finer) metres along the view axis; `at` is of `places`.

    Between samples of one surface the inverse of the depth is interpolated, which is exact on planes; where the samples
    about a place differ by more than `SAME_SURFACE`, the nearest is taken.
    """
    import cv2

    column, row = np.moveaxis((at + 0.5) * finer - 0.5, -1, 0).astype(np.float32)
    inverse = 1 / np.maximum(finer_depth, 1e-6)
    between = cv2.remap(inverse, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(finer_depth, kernel) / np.maximum(cv2.erode(finer_depth, kernel), 1e-6) - 1
    own = nearest(finer_depth, at, finer)
    return np.where(nearest(spread, at, finer) < SAME_SURFACE, 1 / between, own).astype(np.float32)


def _camera(lens: Lens, distortion: tuple[float, ...]) -> Camera:
    return from_pose(np.eye(4), lens, distortion=distortion)
