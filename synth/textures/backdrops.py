"""Backdrops: photographs behind rendered assets, as scene-linear light."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.spec import Backdrop, Body
from corrotwin.synth.textures import picture_files
from corrotwin.twin.core.errors import InputError

MIDDLE_GREY = 0.18  # mean reflectance of what photographs show, as exposure meters assume
_RUST = 0.09  # reflectance of rust of average age, before an asset's `rust_tone`
_LEAST_ALPHA = 1e-3  # share of the picture below which too little of an asset is visible to compare its light
_MOST_SIDE = 4096  # longer side, in pixels, to which larger photographs are reduced
_DARKEST = 1e-3  # least mean luminance and reflectance assumed, so that nothing is divided by 0


def behind(
    light: NDArray[np.floating[Any]], alpha: NDArray[np.floating[Any]], backdrop: Backdrop, reflectance: float
) -> NDArray[np.float32]:
    """Return the light of assets in front of a photograph.

    The photograph is made as bright as surfaces of mean reflectance `MIDDLE_GREY` would be in the light that falls on
    the assets. Its brightness therefore does not depend on whether the assets are pale or dark with rust.

    Parameters
    ----------
    light : (H, W, 3) scene-linear light of the assets, premultiplied by alpha.
    alpha : (H, W) share of each pixel that assets cover.
    backdrop : photograph, and the part of it to show.
    reflectance : mean reflectance of the visible assets, in (0, 1].

    Returns
    -------
    (H, W, 3) scene-linear light.

    Raises
    ------
    InputError
        The photograph has changed since it was chosen, or is damaged.
    """
    height, width = alpha.shape
    cover = np.clip(alpha.astype(np.float32), 0, 1)
    light = np.nan_to_num(light.astype(np.float32), posinf=0.0, neginf=0.0)
    asset_light = np.where(cover[..., None] > 0, light, 0)  # the denoiser spreads some light beyond the assets
    photo = part(backdrop, width, height)
    gain = 1.0
    if cover.mean() > _LEAST_ALPHA:
        luminance = asset_light @ picture_files.LUMINANCE
        dull = np.minimum(luminance, np.quantile(luminance[cover > 0], 0.95))  # highlights say little about the light
        lit = float(dull.sum() / cover.sum()) / max(reflectance, _DARKEST)
        gain = MIDDLE_GREY * lit / max(float((photo @ picture_files.LUMINANCE).mean()), _DARKEST) if lit > 0 else 1.0
    return np.asarray(asset_light + (1 - cover[..., None]) * np.float32(gain) * photo)


def reflectance(label: NDArray[np.float32], bodies: Sequence[Body]) -> float:
    """Return the mean reflectance of the visible assets; `MIDDLE_GREY` if none is visible.

    Parameters
    ----------
    label : (H, W, 3 or more) label map, whose channels are rust cover, wall loss and instance.
    bodies : assets with their finishes.
    """
    pixels, total = 0, 0.0
    for body in bodies:
        cover = label[..., 0][label[..., 2] == body.instance]
        coat, tone = (float(np.dot(color, picture_files.LUMINANCE)) for color in (body.finish.color, body.finish.rust))
        total += float(np.where(cover > 0.5, _RUST * tone, coat).sum())
        pixels += cover.size
    return total / pixels if pixels else MIDDLE_GREY


def part(backdrop: Backdrop, width: int, height: int) -> NDArray[np.float32]:
    """Return the visible part of a photograph, (height, width, 3) linear light in [0, 1].

    Raises
    ------
    InputError
        See `behind`.
    """
    path, _, digest = backdrop.photo.rpartition("#")
    photo = _photo(Path(path), digest)
    rows, columns = photo.shape[:2]
    scale = backdrop.zoom * min(columns / width, rows / height)
    across, down = max(1, int(scale * width)), max(1, int(scale * height))
    left, top = (int(share * room) for share, room in zip(backdrop.place, (columns - across, rows - down), strict=True))
    cut = np.ascontiguousarray(photo[top : top + down, left : left + across])
    method = cv2.INTER_AREA if across > width else cv2.INTER_CUBIC
    fitted: NDArray[np.uint8] = np.asarray(cv2.resize(cut, (width, height), interpolation=method), np.uint8)
    return picture_files.linear(fitted)


@lru_cache(maxsize=2)
def _photo(path: Path, digest: str) -> NDArray[np.uint8]:
    """Read a photograph, (H, W, 3) sRGB; raise InputError if it has another digest."""
    if picture_files.examined(path).digest != digest:
        raise InputError(f"{path}: has changed since this preset was made; give another `out`")
    return picture_files.in_color(path, _MOST_SIDE)
