"""Numbers by which photographs and renders of one size are compared: of the whole picture, and about its labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from corrotwin.synth.labels.morphology import Mask
from corrotwin.synth.textures.picture_files import LUMINANCE, linear

SIDE = 128  # pixels of the square at which everything is compared, as training squeezes photographs
FEWEST = 30  # pixels of rust, and of what is around it, that colours are taken from
RING = (3, 10)  # pixels from a label: what is around it, beyond its halo
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
HABITS = ABOUT[:4]  # of these, what masks alone say


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """A photograph or a render, (SIDE, SIDE, 3) sRGB, and its mask (SIDE, SIDE); None where nobody has labelled it."""

    picture: NDArray[np.uint8]
    mask: Mask | None


def squeezed(picture: NDArray[np.uint8], mask: Mask | None) -> Shot:
    """Return a picture (H, W, 3) with its mask (H, W) as a shot."""
    size = (SIDE, SIDE)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if mask is not None:
        mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    return Shot(picture=np.asarray(small, np.uint8), mask=mask)


def regions_of(shot: Shot) -> NDArray[np.float32]:
    """Return the regions of a shot as weights (3, SIDE, SIDE): all of it, its rust, and what is around its rust.

    Of a shot without a mask the last two are empty.
    """
    whole = np.ones((SIDE, SIDE), np.float32)
    if shot.mask is None:
        return np.stack([whole, 0 * whole, 0 * whole])
    return np.stack([whole, shot.mask.astype(np.float32), _around(shot.mask, RING).astype(np.float32)])


def whole(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the numbers `WHOLE` of a picture (SIDE, SIDE, 3)."""
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
    """Return the numbers `ABOUT` of a shot; None where too little is labelled, or too little is not."""
    mask = shot.mask
    if mask is None:
        return None
    ring, halo = _around(mask, RING), _around(mask, HALO)
    if min(mask.sum(), ring.sum(), halo.sum()) < FEWEST:
        return None
    light = linear(shot.picture)
    luminance = light @ LUMINANCE
    gray = (shot.picture / 255 @ LUMINANCE).astype(np.float32)
    around = float(np.median(luminance[ring])) + 0.01
    dark, middle, bright = np.log((np.percentile(luminance[mask], (10, 50, 90)) + 0.002) / around)
    rough = np.abs(gray - ndimage.gaussian_filter(gray, 1.4))
    return np.array(
        [
            *habits(mask), middle, dark, bright, *_tone(light[mask]), gray[mask].std() * 5, *_tone(light[ring]),
            np.log(around / (np.median(luminance) + 0.01)), _warmth(light[halo]) - _warmth(light[ring]),
            np.log((rough[mask].mean() + 1e-3) / (rough[~mask].mean() + 1e-3)),
        ]
    )  # fmt: skip


def habits(mask: Mask) -> tuple[float, float, float, float]:
    """Return the logarithms `HABITS` of a mask with at least one pixel."""
    numbered, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(numbered.ravel())[1:]
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    numbers = (mask.mean(), len(areas), (outline.sum() + 1) / mask.sum(), areas.max() / mask.size)
    return (
        float(np.log(numbers[0])), float(np.log(numbers[1])), float(np.log(numbers[2])), float(np.log(numbers[3]))
    )  # fmt: skip


def table(shots: Sequence[Shot]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `WHOLE` (n, 15) of all shots, and `ABOUT` (n, 15), of NaN where a shot has none."""
    every = [about(shot) for shot in shots]
    absent = np.full(len(ABOUT), np.nan)
    return (
        np.array([whole(shot.picture) for shot in shots]),
        np.array([absent if one is None else one for one in every]),
    )


def _around(mask: Mask, within: tuple[int, int]) -> Mask:
    """Return the pixels (H, W) so far from the nearest of the mask."""
    if not mask.any():
        return mask
    away = ndimage.distance_transform_edt(~mask)
    return np.asarray((away > within[0]) & (away <= within[1]))


def _tone(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Return the logarithms of red over green and blue over green, medians over pixels (n, 3) of linear light."""
    red, green, blue = np.median(pixels, axis=0) + 0.004
    return float(np.log(red / green)), float(np.log(blue / green))


def _warmth(pixels: NDArray[np.float32]) -> float:
    red, _, blue = pixels.mean(axis=0) + 0.004
    return float(np.log(red / blue))
