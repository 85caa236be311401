"""Blender images made from arrays."""

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

DATA, SRGB = "Non-Color", "sRGB"  # what an image's numbers mean


def of_rows_from_below(name: str, pixels: NDArray[np.float32], *, space: str, exact: bool = False) -> bpy.types.Image:
    """Return (H, W, 4) pixels, the lowest row first, as an image.

    Parameters
    ----------
    space : `DATA`, or `SRGB` for encoded colours. The alpha is a channel like the others.
    exact : use floating point in place of 8 bits.
    """
    height, width, _ = pixels.shape
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=exact, is_data=space == DATA)
    image.alpha_mode = "CHANNEL_PACKED"
    image.colorspace_settings.name = space
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    return image


def with_alpha(color: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return colours or numbers (H, W), (H, W, 1) or (H, W, 3) as (H, W, 4), with alpha 1."""
    pixels = np.ones((*color.shape[:2], 4), np.float32)
    pixels[..., :3] = color if color.ndim == 3 else color[..., None]
    return pixels
