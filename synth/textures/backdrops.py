"""Put a photograph behind rendered assets, as scene-linear light."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.spec import Backdrop
from corrotwin.synth.textures import picture_files
from corrotwin.twin.core.errors import InputError

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LEAST_ALPHA = 1e-3  # share of the picture below which there is no asset whose light could be compared
_MOST_SIDE = 4096  # to which larger photographs are reduced
_DARKEST = 1e-3  # mean luminance of a photograph that is taken for black


def behind(
    light: NDArray[np.floating[Any]], alpha: NDArray[np.floating[Any]], backdrop: Backdrop
) -> NDArray[np.float32]:
    """Return the light of assets before a photograph.

    The photograph is made as bright as the assets: the mean luminances of both agree.

    Parameters
    ----------
    light : (H, W, 3) scene-linear, premultiplied by alpha.
    alpha : (H, W) share of each pixel that assets cover.

    Raises
    ------
    InputError
        The photograph has changed since it was chosen, or is damaged.
    """
    height, width = alpha.shape
    cover = np.clip(alpha.astype(np.float32), 0, 1)
    seen = np.where(cover[..., None] > 0, light.astype(np.float32), 0)  # the denoiser spreads some light beyond
    photo = part(backdrop, width, height)
    lit = float((seen @ _LUMINANCE).sum() / max(float(cover.sum()), 1e-9))
    gain = lit / max(float((photo @ _LUMINANCE).mean()), _DARKEST) if cover.mean() > _LEAST_ALPHA and lit > 0 else 1.0
    return np.asarray(seen + (1 - cover[..., None]) * np.float32(gain) * photo)


def part(backdrop: Backdrop, width: int, height: int) -> NDArray[np.float32]:
    """Return the part of a photograph that is shown, (height, width, 3) linear light in [0, 1].

    Raises
    ------
    InputError
        See `behind`.
    """
    place, _, digest = backdrop.photo.rpartition("#")
    whole = _photo(Path(place), digest)
    rows, columns = whole.shape[:2]
    scale = backdrop.zoom * min(columns / width, rows / height)
    across, down = max(1, int(scale * width)), max(1, int(scale * height))
    left, top = (int(share * room) for share, room in zip(backdrop.place, (columns - across, rows - down), strict=True))
    cut = np.ascontiguousarray(whole[top : top + down, left : left + across])
    method = cv2.INTER_AREA if across > width else cv2.INTER_CUBIC
    fitted: NDArray[np.uint8] = np.asarray(cv2.resize(cut, (width, height), interpolation=method), np.uint8)
    return picture_files.linear(fitted)


@lru_cache(maxsize=2)
def _photo(path: Path, digest: str) -> NDArray[np.uint8]:
    if picture_files.examined(path).digest != digest:
        raise InputError(f"{path}: has changed since this preset was made; give another `out`")
    return picture_files.in_color(path, _MOST_SIDE)
