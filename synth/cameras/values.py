"""Values of a camera file: numbers and arrays of them, refused by name."""

from typing import Any

import numpy as np

from corrotwin.synth.cameras.camera_model import Array
from corrotwin.twin.core.errors import InputError

LARGEST = 1e9  # largest number accepted: no pixel, metre or coefficient is larger


def whole(where: str, name: str, value: Any) -> int:
    """Return a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{where}: {name} {value!r:.40}: give a whole number")
    return value


def numbers(where: str, value: Any, shape: tuple[int, ...] | None) -> Array:
    """Return `value` as finite numbers of this shape, -1 for any length, or as a list if `shape` is None."""
    wanted = (-1,) if shape is None else shape
    try:
        found = np.array(value, dtype=float)
    except OverflowError:  # beyond every float
        found = np.array(np.inf)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} {value!r:.60}: give numbers") from error
    fits = found.ndim == len(wanted) and all(
        side in (-1, length) for side, length in zip(wanted, found.shape, strict=True)
    )
    if not fits or isinstance(value, bool) or not (np.abs(found) <= LARGEST).all():
        shape_wanted = " x ".join("n" if side < 0 else str(side) for side in wanted)
        shown = "a list of" if shape is None else shape_wanted or "one of"
        raise InputError(f"{where} {value!r:.60}: give {shown} finite numbers, at most {LARGEST:g}")
    return found
