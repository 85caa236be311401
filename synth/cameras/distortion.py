"""Lens distortion: a larger picture without distortion is rendered and then warped.

The photograph is interpolated linearly. A label is that of the nearest pixel of a finer label pass: if that is 4 times
as fine, each is taken within an eighth of a pixel, across and down, of the place that the pixel's centre sees; without
a finer one, within half a pixel.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.cameras.camera_model import Camera, from_pose, pixel_directions
from corrotwin.synth.spec import Lens
from corrotwin.twin.core.errors import InputError

FINEST = 4  # most times by which labels are finer
MOST_LABELS = 16_000_000  # pixels of a label pass, some 5 GB in Blender with all maps
MOST_SIDE = 32_000  # pixels: OpenCV's remap takes 32,766, Blender 65,536
# most times by which the larger picture has more pixels, if it has more than this many
MOST_GROWTH, SMALL = 8, 1_000_000
MARGIN = 2  # pixels around the larger picture
FLAT = 1e-3  # largest second difference of depth between neighbouring samples of one surface, over the depth
TRIED = 100  # points each way at which the lens is tested
BAND = 500_000  # pixels whose directions are computed at a time


@lru_cache(maxsize=100)
def frame(lens: Lens, distortion: tuple[float, ...]) -> tuple[Lens, int]:
    """Return the lens of an undistorted picture that shows all of the distorted one, and how much finer labels are.

    Raises
    ------
    InputError
        With these coefficients a pixel sees nothing, or the picture would grow beyond `MOST_GROWTH` times its size.
    """
    column = np.linspace(-0.5, lens.width - 0.5, TRIED)
    row = np.linspace(-0.5, lens.height - 0.5, TRIED)
    pixels = np.stack(np.meshgrid(column, row), axis=-1).reshape(-1, 2)
    directions, exists = pixel_directions(_camera(lens, distortion), pixels)
    if not exists.all():
        raise InputError(
            f"distortion: these coefficients fold the picture: a share of {1 - exists.mean():.2g} of it shows nothing; "
            "check them, the focal length, and the size of the picture"
        )
    slopes = directions[:, :2] / directions[:, 2:] * [lens.fx, lens.fy]
    low, high = np.floor(slopes.min(axis=0)) - MARGIN, np.ceil(slopes.max(axis=0)) + MARGIN
    width, height = (high - low + 1).astype(int).tolist()
    if width * height > max(MOST_GROWTH * lens.width * lens.height, SMALL) or width * height > MOST_LABELS:
        raise InputError(
            f"distortion: the whole picture would have to be rendered at {width} x {height} pixels; at most "
            f"{MOST_GROWTH} times its own pixels and {MOST_LABELS:,} in all are possible; check the "
            "coefficients or the size"
        )
    if max(width, height) > MOST_SIDE:
        raise InputError(
            f"distortion: the rendered picture would have a side of {max(width, height)} pixels; "
            f"at most {MOST_SIDE:,} are possible"
        )
    larger = Lens(width=width, height=height, fx=lens.fx, fy=lens.fy, cx=float(-low[0]), cy=float(-low[1]))
    finer = next(
        times
        for times in range(FINEST, 0, -1)
        if times == 1 or (times**2 * width * height <= MOST_LABELS and times * max(width, height) <= MOST_SIDE)
    )
    return larger, finer


@lru_cache(maxsize=1)  # cameras come one after another
def places(lens: Lens, distortion: tuple[float, ...], larger: Lens) -> NDArray[np.float32]:
    """Return where in the larger picture each pixel of the distorted one looks, (height, width, 2) column and row."""
    camera = _camera(lens, distortion)
    result = np.empty((lens.height * lens.width, 2), np.float32)
    for start in range(0, len(result), BAND):
        pixel = np.arange(start, min(start + BAND, len(result)))
        directions, _ = pixel_directions(camera, np.column_stack([pixel % lens.width, pixel // lens.width]))
        result[pixel] = directions[:, :2] / directions[:, 2:] * [larger.fx, larger.fy] + [larger.cx, larger.cy]
    return result.reshape(lens.height, lens.width, 2)


def warped(light: NDArray[np.float32], at: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distorted photograph of a larger one, (H, W) or with channels; `at` is the result of `places`."""
    import cv2

    column, row = np.moveaxis(at, -1, 0)
    return np.asarray(cv2.remap(light, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def nearest(labels: NDArray[np.float32], at: NDArray[np.float32], finer: int) -> NDArray[np.float32]:
    """Return the distorted picture of labels, (H * finer, W * finer) or with channels; `at` is from `places`."""
    column, row = np.rint((np.moveaxis(at, -1, 0) + 0.5) * finer - 0.5).astype(int)
    return np.asarray(labels[row.clip(0, len(labels) - 1), column.clip(0, labels.shape[1] - 1)])


def depth(samples: NDArray[np.float32], at: NDArray[np.float32], finer: int) -> NDArray[np.float32]:
    """Return the distorted picture of depths, (H * finer, W * finer) metres along the view axis; `at` is from `places`.

    On one surface the inverse of the depth is interpolated between samples, which is exact on planes; where neighbours
    show an edge, by a second difference above `FLAT`, the nearest sample is taken.
    """
    import cv2

    column, row = np.moveaxis((at + 0.5) * finer - 0.5, -1, 0)
    inverse = 1 / np.maximum(samples, 1e-6)
    interpolated = cv2.remap(inverse, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    bend = np.zeros_like(inverse)
    bend[1:-1] = np.abs(inverse[2:] - 2 * inverse[1:-1] + inverse[:-2])
    bend[:, 1:-1] = np.maximum(bend[:, 1:-1], np.abs(inverse[:, 2:] - 2 * inverse[:, 1:-1] + inverse[:, :-2]))
    # the largest bend of any sample used in the interpolation
    bent = np.asarray(cv2.dilate(bend / inverse, np.ones((3, 3), np.uint8)), np.float32)
    return np.where(nearest(bent, at, finer) < FLAT, 1 / interpolated, nearest(samples, at, finer)).astype(np.float32)


def _camera(lens: Lens, distortion: tuple[float, ...]) -> Camera:
    return from_pose(np.eye(4), lens, distortion=distortion)
