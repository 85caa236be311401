"""Arrays packed into a page: whole numbers of 8 to 32 bits, compressed, as text."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.geometry.atlas import Floats, Singles

Numbers = dict[str, Any]  # an array: its type in JavaScript, its content, and how to read it


def packed(values: NDArray[Any], **how: object) -> Numbers:
    """Return whole numbers of 8, 16 or 32 bits as the page unpacks them."""
    kinds = {"uint8": "Uint8Array", "uint16": "Uint16Array", "uint32": "Uint32Array"}
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    content = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")
    return {"type": kinds[values.dtype.name], "data": content, **how}


def steps(values: ArrayLike, most: float, levels: int) -> NDArray[np.int64]:
    """Return values from 0 to `most` as whole numbers from 0 to `levels`."""
    share = np.nan_to_num(np.asarray(values, dtype=float) / max(most, 1e-9), posinf=1.0)
    return np.asarray(np.rint(share.clip(0, 1) * levels), dtype=np.int64)


def thickness(values_mm: Floats, most_mm: float) -> Numbers:
    """Return thicknesses in 65,535 steps from 0 to `most_mm`."""
    return packed(steps(values_mm, most_mm, 65535).astype(np.uint16), most=most_mm)


def loss(values_mm: Singles) -> Numbers:
    """Return losses in 255 steps of their square root, which are finest where little is lost."""
    most = max(float(values_mm.max(initial=0)), 1e-3)
    return packed(steps(np.sqrt(values_mm / most), 1.0, 255).astype(np.uint8), most=most)


def moments(values: Singles, most: float) -> Numbers:
    """Return moments from 0 to `most` in 65,534 steps; 65,535 stands for never."""
    never = ~np.isfinite(values)
    numbers = steps(np.where(never, 0, values), most, 65534)
    return packed(np.where(never, 65535, numbers).astype(np.uint16), most=most)
