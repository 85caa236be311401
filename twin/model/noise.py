"""Smooth random numbers in space, a pure function of seed and position: no seams, no order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LATTICE = 64  # the pattern of an octave repeats after 64 wavelengths along its own axes
CHUNK = 1 << 14  # points at a time, so that intermediate arrays stay in the cache
LIMIT = 2.5  # greatest absolute value of the result, standard deviations


def fractal(
    position_m: NDArray[np.float32], wavelengths_mm: Sequence[float], gain: float, seed: np.random.SeedSequence
) -> NDArray[np.float32]:
    """Return value noise summed over octaves, mean 0, standard deviation 1, clipped to ± `LIMIT`.

    Parameters
    ----------
    position_m : (n, 3) places.
    wavelengths_mm : wavelengths of the octaves, longest first.
    gain : amplitude of each octave relative to the previous one.
    seed : seed of the pattern.

    Returns
    -------
    (n,) float32
    """
    total = np.zeros(len(position_m), dtype=np.float32)
    amplitudes = gain ** np.arange(len(wavelengths_mm))
    amplitudes /= np.sqrt((amplitudes**2).sum())
    rng = np.random.default_rng(seed)
    for wavelength, amplitude in zip(wavelengths_mm, amplitudes, strict=True):
        # Each octave is rotated and shifted, so that lattice planes never line up.
        rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        rotation = (rotation * (1000 / wavelength)).astype(np.float32)
        shift = rng.uniform(0, LATTICE, 3).astype(np.float32)
        # A point between lattice values averages them, which reduces the standard deviation over space to 0.64.
        values = (rng.standard_normal(LATTICE**3) * amplitude / 0.64).astype(np.float32)
        for start in range(0, len(position_m), CHUNK):
            part = slice(start, start + CHUNK)
            total[part] += _octave(position_m[part], rotation, shift, values)
    return total.clip(-LIMIT, LIMIT)


def _octave(
    position_m: NDArray[np.float32], turn: NDArray[np.float32], shift: NDArray[np.float32], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    corners: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
    weights: list[NDArray[np.float32]] = []
    for axis in range(3):
        # Sums are written out: a matrix product may round differently for another number of rows.
        place = (
            position_m[:, 0] * turn[0, axis] + position_m[:, 1] * turn[1, axis] + position_m[:, 2] * turn[2, axis]
        ) + shift[axis]
        floor = np.floor(place)
        fraction = place - floor
        weights.append(fraction * fraction * (3 - 2 * fraction))
        lower = floor.astype(np.int32) % LATTICE
        stride = LATTICE ** (2 - axis)
        corners.append((lower * stride, (lower + 1) % LATTICE * stride))
    lines: list[NDArray[Any]] = []
    for x in corners[0]:
        for y in corners[1]:
            plane = x + y
            low = values[plane + corners[2][0]]
            lines.append(low + weights[2] * (values[plane + corners[2][1]] - low))
    near = lines[0] + weights[1] * (lines[1] - lines[0])
    far = lines[2] + weights[1] * (lines[3] - lines[2])
    return np.asarray(near + weights[0] * (far - near))
