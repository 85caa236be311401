"""Appearance of photographs and renders in numbers: of the whole picture, and of what its mask covers."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from corrotwin.synth.labels.morphology import Mask
from corrotwin.synth.textures.picture_files import LUMINANCE, linear

SIDE = 128  # pixels; all pictures are scaled to a square of this side for comparison, as for training
FEWEST = 30  # least pixels of rust, and of its surroundings, from which colours are measured
RING = (3, 10)  # pixels from a label: its surroundings, beyond its halo
HALO = (1, 3)

WHOLE = (
    "luminance, 5 %", "25 %", "50 %", "75 %", "95 %", "a*", "b*", "spread of a*", "spread of b*",
    "detail, 1 px", "2 px", "6 px", "middle over border", "black", "white",
)  # fmt: skip
ABOUT = (
    "share", "regions", "boundary over area", "largest region", "rust over ring", "rust over ring, 10 %",
    "rust over ring, 90 %", "red over green of rust", "blue over green of rust", "spread of rust",
    "red over green of the ring", "blue over green of the ring", "ring over picture", "warmth of the halo",
    "detail of rust over that of the rest",
)  # fmt: skip
HABITS = ABOUT[:4]  # the numbers that depend on the mask alone


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """A photograph or a render, (SIDE, SIDE, 3) sRGB, and its mask (SIDE, SIDE); None if it is unlabelled."""

    picture: NDArray[np.uint8]
    mask: Mask | None


def squeezed(picture: NDArray[np.uint8], mask: Mask | None) -> Shot:
    """Return a picture (H, W, 3) and its mask (H, W), scaled to `SIDE`, as a shot."""
    size = (SIDE, SIDE)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if mask is not None:
        mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    return Shot(picture=np.asarray(small, np.uint8), mask=mask)


def regions_of(shot: Shot) -> NDArray[np.float32]:
    """Return the regions of a shot as weights (3, SIDE, SIDE): the whole picture, its rust, and around its rust.

    The last two are all 0 if the shot has no mask.
    """
    whole = np.ones((SIDE, SIDE), np.float32)
    if shot.mask is None:
        return np.stack([whole, 0 * whole, 0 * whole])
    return np.stack([whole, shot.mask.astype(np.float32), _around(shot.mask, RING).astype(np.float32)])


def whole(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the numbers `WHOLE`, (15,), of a picture (SIDE, SIDE, 3)."""
    light = (picture / 255 @ LUMINANCE).astype(np.float32)
    ab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 1:].reshape(-1, 2)
    row, column = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    middle = row * row + column * column < 0.25
    border = np.maximum(np.abs(row), np.abs(column)) > 0.8
    detail = [np.abs(light - ndimage.gaussian_filter(light, sigma)).mean() for sigma in (1, 2, 6)]
    return np.array(
        [
            *np.percentile(light, (5, 25, 50, 75, 95)), *(ab.mean(axis=0) / 20), *(ab.std(axis=0) / 10),
            *np.log(np.array(detail) + 1e-3), np.log((light[middle].mean() + 0.02) / (light[border].mean() + 0.02)),
            (light < 8 / 255).mean(), (light > 250 / 255).mean(),
        ]
    )  # fmt: skip


def about(shot: Shot) -> NDArray[np.float64] | None:
    """Return the numbers `ABOUT`, (15,), of a shot; None if its rust or its surroundings have too few pixels."""
    mask = shot.mask
    if mask is None:
        return None
    ring, halo = _around(mask, RING), _around(mask, HALO)
    if min(mask.sum(), ring.sum(), halo.sum()) < FEWEST:
        return None
    light = linear(shot.picture)
    luminance = light @ LUMINANCE
    gray = (shot.picture / 255 @ LUMINANCE).astype(np.float32)
    ring_luminance = float(np.median(luminance[ring])) + 0.01
    dark, middle, bright = np.log((np.percentile(luminance[mask], (10, 50, 90)) + 0.002) / ring_luminance)
    detail = np.abs(gray - ndimage.gaussian_filter(gray, 1.4))
    return np.array(
        [
            *habits(mask), middle, dark, bright, *_tone(light[mask]), gray[mask].std() * 5, *_tone(light[ring]),
            np.log(ring_luminance / (np.median(luminance) + 0.01)), _warmth(light[halo]) - _warmth(light[ring]),
            np.log((detail[mask].mean() + 1e-3) / (detail[~mask].mean() + 1e-3)),
        ]
    )  # fmt: skip


def habits(mask: Mask) -> tuple[float, float, float, float]:
    """Return the logarithms of `HABITS` of a mask (H, W) with at least one pixel."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())[1:]
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    values = (mask.mean(), len(areas), (outline.sum() + 1) / mask.sum(), areas.max() / mask.size)
    return (
        float(np.log(values[0])), float(np.log(values[1])), float(np.log(values[2])), float(np.log(values[3]))
    )  # fmt: skip


def table(shots: Sequence[Shot]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `WHOLE` (n, 15) and `ABOUT` (n, 15) of all shots; `ABOUT` is NaN for shots that have none."""
    label_numbers = [about(shot) for shot in shots]
    absent = np.full(len(ABOUT), np.nan)
    return (
        np.array([whole(shot.picture) for shot in shots]),
        np.array([absent if numbers is None else numbers for numbers in label_numbers]),
    )


def _around(mask: Mask, within: tuple[int, int]) -> Mask:
    """Return the pixels (H, W) that are more than the first and at most the second of `within` pixels from the mask."""
    if not mask.any():
        return mask
    distance = ndimage.distance_transform_edt(~mask)
    return np.asarray((distance > within[0]) & (distance <= within[1]))


def _tone(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Return the logarithms of red over green and blue over green, in the median of pixels (n, 3) of linear light."""
    red, green, blue = np.median(pixels, axis=0) + 0.004
    return float(np.log(red / green)), float(np.log(blue / green))


def _warmth(pixels: NDArray[np.float32]) -> float:
    red, _, blue = pixels.mean(axis=0) + 0.004
    return float(np.log(red / blue))
