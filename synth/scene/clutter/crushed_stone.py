"""A bed of crushed stone: the visible part of each stone is a mesh, so that gravel looks right from the side, too."""

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.scene.ground_cover import BUDGET, Pieces, Site, free, placed

RING = 6  # points of a stone at the ground; half as many above


def crushed(
    rng: np.random.Generator, where: Site, *, size_m: tuple[float, float] = (0.025, 0.055), budget: int = BUDGET
) -> Pieces:
    """Make a bed of crushed stone, side by side around the centre and thinning out beyond.

    Of each stone, only the visible part is made: a few facets on a ring below the ground.

    Parameters
    ----------
    size_m : smallest and largest mean diameter; the larger the area that the budget has to cover, the larger.
    budget : most triangles.
    """
    faces = _cap()
    count = budget // len(faces)
    x0, x1, y0, y1 = where.area
    pitch = float(np.clip(0.87 * np.sqrt((x1 - x0) * (y1 - y0) / max(count, 1)), 0.78 * size_m[0], 0.78 * size_m[1]))
    reach = 0.5 * pitch * np.sqrt(count)  # half the side of a square that the budget fills
    x, y = (np.arange(-1.5 * reach, 1.5 * reach, pitch) for _ in range(2))
    grid = np.stack(np.meshgrid(x, y), -1) + np.stack([0.5 * pitch * (np.arange(len(y)) % 2), 0 * y], 1)[:, None]
    at = where.centre + (grid + rng.uniform(-0.38, 0.38, grid.shape) * pitch).reshape(-1, 2)
    distance = np.linalg.norm(at - where.centre, axis=1) / max(reach, 1e-9)
    shown = rng.random(len(at)) < np.clip(1.9 - 1.3 * distance, 0, 1)
    edge = 0.8 * pitch
    inside = (at > [x0 + edge, y0 + edge]).all(axis=1) & (at < [x1 - edge, y1 - edge]).all(axis=1)
    at = at[shown & inside & free(where, at)]
    at = rng.permutation(at)[:count]
    count = len(at)
    wide = pitch * rng.uniform(0.45, 0.9, (count, 1))
    step = (np.arange(RING) + rng.uniform(-0.3, 0.3, (count, RING))) / RING
    angle = 2 * np.pi * (rng.random((count, 1)) + step)
    stretch = rng.uniform(0.6, 1.0, (count, 1))
    out = wide * rng.uniform(0.8, 1.2, (count, RING))
    foot = np.stack([out * np.cos(angle), stretch * out * np.sin(angle), np.full_like(out, -0.004)], -1)
    top = angle[:, ::2] + rng.uniform(-0.4, 0.4, (count, 3))
    inner = wide * rng.uniform(0.4, 0.9, (count, 3))
    height = wide * rng.uniform(0.3, 0.85, (count, 1)) * rng.uniform(0.7, 1.25, (count, 3))
    peak = np.stack([inner * np.cos(top), stretch * inner * np.sin(top), height], -1)
    vertices = np.concatenate([foot, peak], 1)
    spin = rng.uniform(0, 2 * np.pi, (count, 1))
    x, y, cos, sin = vertices[..., 0], vertices[..., 1], np.cos(spin), np.sin(spin)
    turned = np.stack([x * cos - y * sin, x * sin + y * cos, vertices[..., 2]], -1)
    kept = np.zeros(count, bool)
    for size in (1.0, 0.5, 0.6):  # a stone shrinks where it would reach under an asset, or through it
        turned[~kept] *= size
        rim = (at[:, None] + turned[:, :RING, :2]).reshape(-1, 2)
        kept = free(where, rim).reshape(-1, RING).all(axis=1)
    tone = np.repeat(rng.beta(2.0, 2.4, count)[:, None], RING + 3, 1)
    return placed(where, turned[kept], faces, tone[kept], at[kept])


def _cap() -> NDArray[np.int64]:
    """Return the triangles between a ring of six points and three points above it, and the one between those three."""
    faces = []
    for number in range(3):
        a, b, c = 2 * number, 2 * number + 1, (2 * number + 2) % 6
        faces += [[a, b, 6 + number], [b, 6 + (number + 1) % 3, 6 + number], [b, c, 6 + (number + 1) % 3]]
    return np.array([*faces, [6, 7, 8]])
