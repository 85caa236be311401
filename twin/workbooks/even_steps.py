"""Positions on the axis of a grid: even steps except for rounding, possibly with gaps."""

import numpy as np
from numpy.typing import NDArray

_FEWEST = 3  # numbers needed to compare steps
_LONGEST = 1e6  # steps between two lines; a larger grid is refused for its size


def is_even(values: NDArray[np.float64]) -> bool:
    """Return whether numbers, (n,), rise or fall in steps that are even except for rounding, as positions do."""
    if len(values) < _FEWEST or not np.isfinite(values).all():
        return False
    steps = np.diff(values)
    if not ((steps > 0).all() or (steps < 0).all()):
        return False
    digits = next((count for count in range(6) if np.allclose(values, values.round(count), rtol=0, atol=1e-9)), 6)
    deviation = np.abs(values - np.linspace(values[0], values[-1], len(values))).max()
    return bool(deviation <= max(10.0**-digits, 1e-3 * abs(steps.mean())) * (1 + 1e-9))


def lines_of(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the line of an even grid, from 0, on which each position lies, (n,); lines without a position count too.

    Parameters
    ----------
    positions : (n,), finite, in any order, possibly repeated; their shortest step is the step of the grid.
    """
    values, inverse = np.unique(positions.round(6), return_inverse=True)
    steps = np.diff(values)
    if not len(steps):
        return np.asarray(inverse, dtype=np.int64)
    step = steps[steps < 1.5 * steps.min()].mean()  # rounded steps differ
    line_steps = np.minimum(np.round(steps / step), _LONGEST)
    lines: NDArray[np.int64] = np.concatenate([[0.0], line_steps.cumsum()]).astype(np.int64)
    return lines[inverse]
