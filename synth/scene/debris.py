"""Heaps of dirt around the feet of steel, fallen from a bridge deck: as brown as rust, but not rust.

Lengths are metres, z is up. A heap is a surface of heights over a grid, highest against the steel and thinning
outward to a ragged rim. Stones, rubble and leaves lie on it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from corrotwin.synth.scene.ground import GROUND_COLORS, mix_colors, write_pieces
from corrotwin.synth.scene.ground_cover import Area, Array, Pieces, leaves, rubble, site, stones
from corrotwin.synth.scene.surroundings import vary
from corrotwin.synth.spec import Color, Prop

BUDGET = 40_000  # triangles of a heap
FINEST_M = 0.008  # smallest spacing of a heap's grid
HEIGHT_M, REACH_M = (0.02, 0.14), (0.08, 0.45)
# Two ends of a heap's colour, linear RGB: earth as brown as rust, and concrete dust.
BROWN: tuple[Color, Color] = ((0.060, 0.038, 0.024), (0.27, 0.155, 0.085))
GREY: tuple[Color, Color] = ((0.12, 0.10, 0.085), (0.32, 0.28, 0.235))


@dataclass(frozen=True, kw_only=True, eq=False)
class Heap:
    """Heights (m, n) above z = 0 on the grid `x` (m,) by `y` (n,), negative outside the heap, and `tone` (m, n)."""

    x: Array
    y: Array
    heights: Array
    tone: Array

    @property
    def area(self) -> Area:
        """The rectangle that the grid covers."""
        return float(self.x[0]), float(self.x[-1]), float(self.y[0]), float(self.y[-1])

    def relief(self, points: Array) -> Array:
        """Return the heights (n,) at `points` (n, 2); 0 outside the heap."""
        heights = RegularGridInterpolator((self.x, self.y), self.heights, bounds_error=False, fill_value=0.0)(points)
        return np.asarray(np.maximum(heights, 0))

    def surface(self) -> Pieces:
        """Return the mesh of the heap above z = 0, with its rim slightly below."""
        rows, columns = self.heights.shape
        number = np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])
        faces = np.concatenate([np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, c), (a, c, d))])
        flat = self.heights.reshape(-1)
        used, kept_faces = np.unique(faces[(flat[faces] > 0).any(axis=1)], return_inverse=True)
        points = np.stack([*np.meshgrid(self.x, self.y, indexing="ij"), np.maximum(self.heights, -0.004)], -1)
        return Pieces.of(points.reshape(-1, 3)[used], kept_faces, self.tone.reshape(-1)[used])


def heap(rng: np.random.Generator, within: Area, feet: Array, *, height_m: float, reach_m: float) -> Heap | None:
    """Make a heap around the points where objects stand, or return None if there is no room.

    Parameters
    ----------
    within : the rectangle that the heap stays inside.
    feet : (n, 2) points where objects stand.
    height_m : approximate greatest height, against the steel.
    reach_m : distance at which the height has fallen to about a third.
    """
    low = np.maximum(feet.min(axis=0) - 3 * reach_m, [within[0], within[2]])
    high = np.minimum(feet.max(axis=0) + 3 * reach_m, [within[1], within[3]])
    if (high - low < 10 * FINEST_M).any():
        return None
    cell = max(FINEST_M, float(np.sqrt(2 * np.prod(high - low) / BUDGET)))
    x, y = (np.linspace(low[axis], high[axis], int((high - low)[axis] / cell) + 1) for axis in (0, 1))
    points = np.stack(np.meshgrid(x, y, indexing="ij"), -1)
    distance, _ = KDTree(feet).query(points.reshape(-1, 2))
    coarse, middle, fine = (_noise(rng, (len(x), len(y)), size / cell) for size in (0.12, 0.03, 0.01))
    azimuth = rng.uniform(0, 2 * np.pi)  # the heap is deeper on one side
    side = ((points - (low + high) / 2) / (high - low)) @ np.array([np.cos(azimuth), np.sin(azimuth)])
    shape = np.exp(-distance.reshape(len(x), len(y)) / reach_m) * (0.8 + 0.8 * side + 0.35 * coarse + 0.1 * middle)
    heights = height_m * (shape - 0.12) + 0.0015 * fine
    tone = np.clip(0.5 + 0.18 * middle + 0.15 * fine, 0, 1)
    return Heap(x=x, y=y, heights=heights, tone=tone)


def heap_props(within: Area, feet: Array, folder: Path, prefix: str, rng: np.random.Generator) -> list[Prop]:
    """Write a heap and the pieces on it as meshes ``folder/<prefix>-*.npz`` and return their props, [] if none fits."""
    height, reach = (float(np.exp(rng.uniform(*np.log(ends)))) for ends in (HEIGHT_M, REACH_M))
    earth = heap(rng, within, feet, height_m=height, reach_m=reach) if len(feet) else None
    if earth is None or not (earth.heights > 0).any():
        return []
    x0, x1, y0, y1 = earth.area
    where = site(earth.area, z=0.0, centre=((x0 + x1) / 2, (y0 + y1) / 2), occupied=feet, relief=earth.relief)
    brown, grey = mix_colors(BROWN, rng), mix_colors(GREY, rng)
    color = vary(brown + (grey - brown) * rng.random() ** 2, rng)
    pebbles = vary(mix_colors(GROUND_COLORS["stone"], rng) if rng.random() < 0.5 else 1.3 * np.array(color), rng)
    stone_budget, leafy = int(BUDGET * rng.uniform(0.02, 0.2)), rng.random() < 0.3
    parts = [
        ("earth", color, earth.surface()),
        ("stone", pebbles, stones(rng, where, size_m=(0.004, 0.03), budget=stone_budget)),
        (
            "rubble",
            vary(mix_colors(GROUND_COLORS["rubble"], rng), rng),
            rubble(rng, where, count=int(rng.integers(2, 60))),
        ),
    ]
    if leafy:
        leaf = vary(mix_colors(GROUND_COLORS["leaf"], rng), rng)
        parts.append(("leaf", leaf, leaves(rng, where, count=int(rng.integers(3, 60)))))
    seed = float(rng.uniform(0, 100))
    return [
        write_pieces(pieces, material, tint, seed, folder, f"{prefix}-{number}-{material}.npz")
        for number, (material, tint, pieces) in enumerate(parts)
        if len(pieces.faces)
    ]


def _noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> NDArray[np.float64]:
    """Return smooth noise of mean 0 and standard deviation 1 with a width of `sigma` grid cells."""
    noise = gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-9))
