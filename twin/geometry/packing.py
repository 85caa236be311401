"""Packing of an atlas: where the pieces of a surface lie, and whether there is memory for all texels."""

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import available_bytes

# At the peak of `twin new`, `inspect`, `forecast`, `show` and `export` a texel takes up to 120 bytes: `new` of bare
# steel that fills its atlas, 755 MiB at 5.9 million texels and 250 MiB at 1.5 million; with a margin of a third:
TEXEL_BYTES = 160
MOST_TEXELS = 64_000_000  # their four fields fit the 1 GiB of `core.opening.MOST_BYTES`


def check_memory(shape: tuple[int, int], texel_m: float) -> None:
    """Raise InputError if an atlas has more texels than there is memory for, or than its files may hold."""
    count, free = shape[0] * shape[1], available_bytes()
    begin = f"`texel_mm` {texel_m * 1000:g}: the atlas would have {shape[0]} x {shape[1]} texels"
    if count > MOST_TEXELS:
        raise InputError(f"{begin}, more than {MOST_TEXELS:,}; choose a larger texel")
    if free is not None and count * TEXEL_BYTES > free:
        needed = f"{count * TEXEL_BYTES / 1e9:.1f} GB of memory, but {free / 1e9:.1f} GB are available"
        raise InputError(f"{begin}, which need {needed}; choose a larger texel")


def pack(sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """Lay rectangles out on shelves, tallest first, in a nearly square atlas.

    Parameters
    ----------
    sizes : (n, 2) height and width of each, in texels.

    Returns
    -------
    The first row and column of each, (n, 2), and the shape of the atlas.
    """
    width = max(int(sizes[:, 1].max()), int(np.ceil(np.sqrt(sizes.prod(axis=1).sum()))))
    corner = np.zeros((len(sizes), 2), dtype=int)
    row = column = shelf = 0
    for index in np.lexsort((np.arange(len(sizes)), -sizes[:, 1], -sizes[:, 0])):
        if column + sizes[index, 1] > width:
            row, column, shelf = row + shelf, 0, 0
        corner[index] = row, column
        column += int(sizes[index, 1])
        shelf = max(shelf, int(sizes[index, 0]))
    return corner, (row + shelf, width)
