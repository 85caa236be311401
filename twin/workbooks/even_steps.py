"""Positions on the axis of a grid: in even steps but for rounding, perhaps with lines left out."""

import numpy as np
from numpy.typing import NDArray

_FEWEST = 3  # numbers whose steps can be compared
_LONGEST = 1e6  # steps between two lines; a grid of more is refused by its size


def is_even(values: NDArray[np.float64]) -> bool:
    """Return whether numbers rise or fall in steps that are even but for rounding, as positions do."""
    if len(values) < _FEWEST or not np.isfinite(values).all():
        return False
    steps = np.diff(values)
    if not ((steps > 0).all() or (steps < 0).all()):
        return False
    digits = next((count for count in range(6) if np.allclose(values, values.round(count), rtol=0, atol=1e-9)), 6)
    off = np.abs(values - np.linspace(values[0], values[-1], len(values))).max()
    return bool(off <= max(10.0**-digits, 1e-3 * abs(steps.mean())) * (1 + 1e-9))


def lines_of(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the line of an even grid, from 0, that each position is on; lines without a position count, too.

    Parameters
    ----------
    positions : (n,), finite, in any order and repeated; the shortest of their steps is that of the grid.
    """
    values, at = np.unique(positions.round(6), return_inverse=True)
    steps = np.diff(values)
    if not len(steps):
        return np.asarray(at, dtype=np.int64)
    step = steps[steps < 1.5 * steps.min()].mean()  # rounded steps differ
    between = np.minimum(np.round(steps / step), _LONGEST)
    lines: NDArray[np.int64] = np.concatenate([[0.0], between.cumsum()]).astype(np.int64)
    return lines[at]
