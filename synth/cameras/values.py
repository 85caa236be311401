"""Values of a camera file: numbers and arrays of them, refused by name."""

from typing import Any

import numpy as np

from corrotwin.synth.cameras.camera_model import Array
from corrotwin.twin.core.errors import InputError

LARGEST = 1e9  # largest number accepted: no pixel, metre or coefficient is larger


def shown(value: Any, most: int = 60) -> str:
    """Return a value as an error shows it, cut to `most` characters."""
    try:
        return f"{value!r:.{most}}"
    except ValueError:  # Python does not write whole numbers of more than 4,300 digits
        return "a number of thousands of digits"


def whole(where: str, name: str, value: Any) -> int:
    """Return a whole number.

    Raises
    ------
    InputError
        The value is not a whole number, or beyond `LARGEST`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
        raise InputError(f"{where}: {name} {shown(value)}: give a whole number of at most {LARGEST:g}")
    return value


def numbers(where: str, value: Any, shape: tuple[int, ...] | None) -> Array:
    """Return `value` as finite numbers of this shape, -1 for any length, or as a list if `shape` is None.

    Raises
    ------
    InputError
        The value has another shape, or one of its numbers is not finite or is beyond `LARGEST`.
    """
    expected = (-1,) if shape is None else shape
    try:
        array = np.array(value)
        result = array.astype(float)
    except OverflowError:  # beyond every float
        array, result = np.zeros(0), np.array(np.inf)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} {shown(value)}: give numbers") from error
    if array.dtype.kind not in "iufO":  # texts and truth values are not numbers
        raise InputError(f"{where} {shown(value)}: give numbers")
    fits = result.ndim == len(expected) and all(
        side in (-1, length) for side, length in zip(expected, result.shape, strict=True)
    )
    if not fits or not (np.abs(result) <= LARGEST).all():
        sides = " x ".join("n" if side < 0 else str(side) for side in expected)
        count = "a list of" if shape is None else sides or "one of"
        raise InputError(f"{where} {shown(value)}: give {count} finite numbers, at most {LARGEST:g}")
    return result
