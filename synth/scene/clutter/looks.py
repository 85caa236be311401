"""Colours of things around the steel, measured on worn, dusty things: none is as saturated as a toy.

Each range has two ends, linear RGB; a piece mixes them and fades on its own.
"""

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.spec import Color

Array = NDArray[np.float64]
MOST_CHROMA = 42.0  # CIELAB (D65): worn plastic and paint; a new traffic cone has 90

COLORS: dict[str, tuple[Color, Color]] = {
    "timber": ((0.16, 0.115, 0.075), (0.36, 0.28, 0.19)),
    "old timber": ((0.12, 0.11, 0.10), (0.29, 0.275, 0.255)),
    "block": ((0.24, 0.235, 0.22), (0.40, 0.385, 0.35)),
    "fired clay": ((0.20, 0.105, 0.075), (0.33, 0.20, 0.145)),
    "black rubber": ((0.012, 0.012, 0.013), (0.06, 0.058, 0.056)),
    "grey plastic": ((0.16, 0.165, 0.17), (0.42, 0.42, 0.41)),
    "blue plastic": ((0.055, 0.095, 0.155), (0.16, 0.22, 0.28)),
    "green plastic": ((0.05, 0.085, 0.06), (0.17, 0.215, 0.165)),
    "orange plastic": ((0.33, 0.105, 0.045), (0.42, 0.235, 0.145)),
    "yellow plastic": ((0.30, 0.235, 0.09), (0.47, 0.41, 0.25)),
    "red plastic": ((0.17, 0.06, 0.05), (0.29, 0.15, 0.125)),
    "white plastic": ((0.40, 0.39, 0.36), (0.62, 0.61, 0.58)),
    "zinc": ((0.26, 0.27, 0.275), (0.42, 0.43, 0.435)),
    "card": ((0.24, 0.175, 0.11), (0.38, 0.30, 0.21)),
    "canvas": ((0.075, 0.085, 0.06), (0.21, 0.215, 0.165)),
    "tarpaulin": ((0.055, 0.10, 0.16), (0.17, 0.24, 0.30)),
    "sacking": ((0.30, 0.28, 0.235), (0.50, 0.48, 0.43)),
    "lagging": ((0.33, 0.335, 0.335), (0.52, 0.525, 0.52)),
    "dark": ((0.012, 0.012, 0.012), (0.04, 0.039, 0.037)),
    "glass": ((0.03, 0.035, 0.038), (0.11, 0.125, 0.13)),
    "render": ((0.32, 0.31, 0.285), (0.56, 0.545, 0.50)),
    "bark": ((0.05, 0.042, 0.034), (0.13, 0.11, 0.09)),
}
PLASTICS = ("grey plastic", "blue plastic", "green plastic", "orange plastic", "yellow plastic", "red plastic",
            "white plastic", "black rubber")  # fmt: skip


def draw(name: str, rng: np.random.Generator, count: int | None = None, *, spread: float = 0.1) -> Array:
    """Draw a colour, (3,), or `count` colours of pieces of one thing, (count, 3), which differ by about `spread`."""
    low, high = np.array(COLORS[name])
    base = low + (high - low) * rng.random()
    shades = base * np.exp(rng.normal(0, spread, (1 if count is None else count, 1)))
    shades = np.clip(shades * rng.uniform(0.97, 1.03, (len(shades), 3)), 0.004, 0.8)
    return np.asarray(shades[0] if count is None else shades)


def chroma(color: Array) -> Array:
    """Return CIELAB's chroma (D65) of linear RGB colours (..., 3)."""
    xyz = np.asarray(color) @ _XYZ.T / _WHITE
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.asarray(np.hypot(500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])))


_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # IEC 61966-2-1
_WHITE = _XYZ.sum(axis=1)
