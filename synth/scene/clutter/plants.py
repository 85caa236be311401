"""Weeds, shrubs and trees of single leaves, each two triangles; open meshes, like blades of grass."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.scene.clutter import looks
from corrotwin.synth.scene.clutter.shapes import Array, Shape, tube
from corrotwin.synth.scene.ground_cover import Pieces

Rng = np.random.Generator


def shrubs(
    rng: Rng, places: Array, sizes: Array, *, leaf_m: float, budget: int, flat: float = 0.75, level: float = 0.0
) -> Pieces:
    """Make shrubs of leaves in clumps, dark inside and pale outside.

    Parameters
    ----------
    places : (k, 3) middles of the shrubs.
    sizes : (k,) their diameters, metres.
    leaf_m : length of a leaf; nearer shrubs need smaller ones.
    budget : most triangles in total.
    flat : height of a shrub over its width.
    level : height of the ground, below which no leaf reaches.
    """
    count, per_shrub = len(places), max(1, budget // (2 * max(len(places), 1)))
    share = sizes**2 / np.mean(sizes**2)
    owner = np.repeat(np.arange(count), np.maximum((per_shrub * share / max(share.mean(), 1e-9)).astype(int), 1))[
        : budget // 2
    ]
    clumps = rng.normal(size=(count, 14, 3))
    clumps *= (rng.uniform(0.3, 0.85, (count, 14)) / np.linalg.norm(clumps, axis=2))[..., None]
    middle = clumps[owner, rng.integers(14, size=len(owner))]
    direction = rng.normal(size=(len(owner), 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    local = middle + direction * rng.uniform(0.1, 0.42, len(owner))[:, None] ** 0.6
    stretch = np.stack([sizes, sizes, flat * sizes], 1)[owner] / 2
    at = places[owner] + local * stretch
    length = leaf_m * rng.uniform(0.5, 1.3, len(owner))
    along = direction + rng.normal(0, 0.7, direction.shape)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along, rng.normal(size=direction.shape))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    droop = np.array([0, 0, -0.25])
    corners = np.stack([
        at, at + length[:, None] * (0.5 * along + 0.24 * side), at + length[:, None] * (along + droop),
        at + length[:, None] * (0.5 * along - 0.24 * side),
    ], 1)  # fmt: skip
    corners[..., 2] = np.maximum(corners[..., 2], level + 0.002)
    outer = np.linalg.norm(local, axis=1)
    tone = np.clip(
        0.12 + 0.42 * outer + 0.12 * local[:, 2] + rng.normal(0, 0.13, len(owner)) + rng.normal(0, 0.06, count)[owner],
        0,
        0.85,
    )
    return leaves(corners, np.repeat(tone[:, None], 4, axis=1))


def leaves(corners: NDArray[np.floating[Any]], tone: NDArray[np.floating[Any]]) -> Pieces:
    """Return leaves of two triangles each, with corners (n, 4, 3) in order around each leaf and tones (n, 4)."""
    faces = np.array([[0, 1, 2], [0, 2, 3]])[None] + 4 * np.arange(len(corners))[:, None, None]
    return Pieces.of(corners, faces, tone)


def trees(
    rng: Rng, places: Array, heights: Array, *, leaf_m: float, budget: int, level: float = 0.0
) -> tuple[Pieces, list[Shape]]:
    """Make trees at `places` (k, 3) on ground at `level` with `heights` (k,): crowns of leaves, and trunks."""
    crowns, sizes, trunks = [], [], []
    for place, height in zip(places, heights, strict=True):
        lean = rng.normal(0, 0.04, 2) * height
        steps = np.linspace(0, 1, 5)[:, None]
        path = place + steps * [*lean, 0.75 * height] + rng.normal(0, 0.02 * height, (5, 3)) * steps * [1, 1, 0]
        trunks.append(tube(path, 0.022 * height, looks.draw("bark", rng), sides=7))
        for _ in range(4):
            aside, up = lean + rng.normal(0, 0.17, 2) * height, rng.uniform(0.5, 0.85) * height
            crowns.append(place + np.array([*aside, up]))
            sizes.append(rng.uniform(0.35, 0.6) * height)
    return shrubs(rng, np.array(crowns), np.array(sizes), leaf_m=leaf_m, budget=budget, level=level), trunks


def along_wall(rng: Rng, ends: Sequence[float], y: float, *, level: float, budget: int) -> Pieces:
    """Make weeds and small shrubs at the foot of a wall whose face is at `y`, between x `ends`."""
    count = int(rng.integers(3, 16))
    sizes = 0.1 + 0.45 * rng.beta(1.2, 4, count)
    flat = rng.uniform(0.6, 1.6)
    places = np.stack(
        [
            rng.uniform(ends[0], ends[1], count),
            y - 0.5 * sizes * rng.uniform(0.7, 1.1, count),
            level + 0.42 * flat * sizes,
        ],
        1,
    )
    return shrubs(rng, places, sizes, leaf_m=0.04, budget=budget, flat=flat, level=level)
