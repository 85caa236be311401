"""Meshes of many small pieces that cover a ground: stones, grass, fallen leaves, rubble.

Lengths are metres, z is up. Pieces are dense around a centre, where the asset stands and cameras look, and thin out
towards the edge, where the ground's own material must suffice. Every piece touches the ground; none floats.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

Array = NDArray[np.float64]
Area = tuple[float, float, float, float]  # x0, x1, y0, y1

BUDGET = 60_000  # most triangles of a mesh
_CELL = 0.04  # side of the squares that mark occupied ground


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """A mesh of many pieces: vertices (n, 3) float32, faces (m, 3) int32, tone (n,) float32 in [0, 1]."""

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    tone: NDArray[np.float32]

    @classmethod
    def of(
        cls, vertices: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]], tone: NDArray[np.floating[Any]]
    ) -> "Pieces":
        """Return the mesh of vertices (..., 3), faces (..., 3) and tone (...) of any precision."""
        return cls(
            vertices=vertices.reshape(-1, 3).astype(np.float32), faces=faces.reshape(-1, 3).astype(np.int32),
            tone=tone.reshape(-1).astype(np.float32),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """A rectangle at height z where pieces may lie, densest around a centre.

    `taken` lists the 4 cm squares, numbered by `_keys`, that stay empty. `relief` returns how far the ground rises
    above z, (n,), at points (n, 2); None for level ground.
    """

    area: Area
    z: float
    centre: tuple[float, float]
    taken: NDArray[np.int64]
    relief: Callable[[Array], Array] | None = None


def site(
    area: Area, *, z: float, centre: Sequence[float], occupied: Array | None = None,
    relief: Callable[[Array], Array] | None = None,
) -> Site:  # fmt: skip
    """Return the site for pieces in a rectangle (x0, x1, y0, y1) at height `z`.

    Parameters
    ----------
    centre : (x, y) around which pieces are densest.
    occupied : (n, 2) points where an object stands; no piece has its middle within about 4 cm of one.
    """
    points = np.zeros((0, 2)) if occupied is None else np.asarray(occupied, float)[:, :2]
    middle, taken = (float(centre[0]), float(centre[1])), np.unique(_keys(points))
    return Site(area=area, z=z, centre=middle, taken=taken, relief=relief)


def stones(
    rng: np.random.Generator, where: Site, *, size_m: tuple[float, float] = (0.006, 0.045), budget: int = BUDGET
) -> Pieces:
    """Make crushed stone in three size classes, mostly fine, sunk into the ground.

    Parameters
    ----------
    size_m : smallest and largest diameter.
    budget : most triangles.
    """
    low, high = size_m
    bounds = np.geomspace(low, high, 4)
    parts, remaining = [], budget
    for share, subdivisions, (least, most) in zip(
        (0.2, 0.35, 1.0), (1, 1, 0), zip(bounds[2::-1], bounds[:0:-1], strict=True), strict=True
    ):
        ball = trimesh.creation.icosphere(subdivisions)
        count = int(remaining * share) // len(ball.faces)
        diameter = rng.uniform(least, most, count)
        chips = _broken(rng, np.asarray(ball.vertices), count) * (diameter / 2)[:, None, None]
        sunk = rng.uniform(0.08, 0.5, count) * np.ptp(chips[..., 2], axis=1)
        chips[..., 2] -= (chips[..., 2].min(axis=1) + sunk)[:, None]
        tone = np.repeat(rng.beta(2.2, 2.2, count)[:, None], chips.shape[1], 1)
        pieces = _visible(_laid(rng, where, chips, np.asarray(ball.faces), tone), where.z)
        remaining -= len(pieces.faces)
        parts.append(pieces)
    return _joined(parts)


def blades(
    rng: np.random.Generator, where: Site, *, height_m: tuple[float, float] = (0.03, 0.16), width_m: float = 0.004,
    budget: int = BUDGET,
) -> Pieces:  # fmt: skip
    """Make grass in tufts of uneven height and density; each blade bends and tapers.

    Parameters
    ----------
    height_m : lengths of the shortest and the longest blade.
    width_m : width of a blade at its root; it varies by a factor of two.
    """
    parts = []
    for share, segments in ((0.55, 2), (0.3, 3), (0.15, 4)):
        count = int(budget * share) // (2 * segments - 1)
        tufts = max(1, count // 28)
        tuft = rng.integers(tufts, size=count)
        tall = rng.uniform(0, 1, tufts)[tuft] ** 1.5
        length = height_m[0] + (height_m[1] - height_m[0]) * tall * rng.uniform(0.35, 1, count)
        along = np.linspace(0, 1, segments + 1)
        lean, azimuth = rng.uniform(0.05, 0.9, count), rng.uniform(0, 2 * np.pi, count)
        out = length[:, None] * lean[:, None] * along**1.8
        up = length[:, None] * (along - 0.55 * lean[:, None] ** 2 * along**2)
        half = width_m / 2 * rng.uniform(0.5, 2, count)[:, None] * (1 - along**1.6)
        side = azimuth + np.pi / 2 + rng.uniform(-0.7, 0.7, count)
        middle = np.stack([out * np.cos(azimuth)[:, None], out * np.sin(azimuth)[:, None], up - 0.004], -1)
        wide = np.stack([half * np.cos(side)[:, None], half * np.sin(side)[:, None], np.zeros_like(half)], -1)
        vertices = np.concatenate([middle - wide, middle[:, :-1] + wide[:, :-1]], 1)  # the tip is one point
        steps, right = np.arange(segments), np.arange(segments) + segments + 1
        faces = np.concatenate(
            [
                np.stack([steps, right, steps + 1], 1),
                np.stack([right[:-1], right[1:], steps[1:]], 1),
            ]
        )
        tone = np.clip(0.15 + 0.5 * np.concatenate([along, along[:-1]]) + rng.normal(0, 0.16, count)[:, None], 0, 1)
        spread = 0.012 + 0.03 * rng.random(tufts)
        offset = rng.normal(size=(count, 2)) * spread[tuft][:, None]
        roots = _scatter(rng, where, tufts)[tuft] + offset
        kept = free(where, roots)
        parts.append(placed(where, vertices[kept], faces, tone[kept], roots[kept]))
    return _joined(parts)


def leaves(
    rng: np.random.Generator, where: Site, *, count: int = 400, size_m: tuple[float, float] = (0.025, 0.085),
    budget: int = BUDGET,
) -> Pieces:  # fmt: skip
    """Make fallen leaves, flat or curled: brown, orange and yellow, similar to rust."""
    stations = np.linspace(0, 1, 5)
    faces = _strip(5, 3)
    count = min(count, budget // len(faces))
    length = rng.uniform(*size_m, count)
    width = np.sin(np.pi * stations**0.8) * 0.5 + 0.02
    across = np.array([-1.0, 0.0, 1.0])
    ragged = rng.uniform(0.75, 1.25, (count, 5, 3))
    slender = rng.uniform(0.35, 0.95, count)[:, None, None]
    x = np.broadcast_to((stations - 0.5)[None, :, None], (count, 5, 3))
    y = width[None, :, None] * across * ragged * slender
    curl, roll = rng.uniform(-0.2, 1.4, count)[:, None, None] ** 3, rng.uniform(-0.1, 0.9, count)[:, None, None] ** 3
    z = curl * y**2 * 1.6 + roll * x**2 * 1.2 + 0.015 * rng.standard_normal((count, 5, 3))
    vertices = np.stack([x, y, z], -1) * length[:, None, None, None]
    vertices = _tilted(rng, vertices.reshape(count, 15, 3), 0.22)
    vertices[..., 2] -= vertices[..., 2].min(axis=1, keepdims=True) + 0.001
    tone = np.clip(rng.beta(1.3, 1.8, count)[:, None] + rng.normal(0, 0.05, (count, 15)), 0, 1)
    return _joined([_laid(rng, where, vertices, faces, tone)])


def rubble(
    rng: np.random.Generator, where: Site, *, count: int = 300, size_m: tuple[float, float] = (0.008, 0.07),
    budget: int = BUDGET,
) -> Pieces:  # fmt: skip
    """Make twigs (tone below 1/3), chips of concrete (up to 2/3) and of brick (above)."""
    count = min(count, budget // 60)
    low, high = size_m
    ball = trimesh.creation.icosphere(0)
    chips = 2 * count
    size = low + (high - low) * rng.beta(1, 4, chips)
    chip = _broken(rng, np.asarray(ball.vertices), chips) * (size / 2)[:, None, None]
    chip[..., 2] -= chip[..., 2].min(axis=1, keepdims=True) + rng.uniform(0.05, 0.3, chips)[:, None] * size[:, None]
    tone = np.where(rng.random(chips) < 0.55, rng.uniform(0.36, 0.63, chips), rng.uniform(0.7, 1, chips))
    stone = _visible(_laid(rng, where, chip, np.asarray(ball.faces), np.repeat(tone[:, None], 12, 1)), where.z)
    long, thick = rng.uniform(0.5, 2.5, count) * high, rng.uniform(0.001, 0.004, count)
    stations, round_ = np.linspace(-0.5, 0.5, 4), np.array([0, 2, 4, 0]) * np.pi / 3
    bend = rng.normal(0, 0.12, (count, 4)).cumsum(axis=1) * long[:, None] / 2
    taper = (thick[:, None] * np.array([1, 0.9, 0.75, 0.4]))[..., None]
    x = np.broadcast_to((long[:, None] * stations)[..., None], (count, 4, 4))
    twig = np.stack([x, bend[..., None] + taper * np.cos(round_), taper * np.sin(round_)], -1).reshape(count, 16, 3)
    twig = _tilted(rng, twig, 0.04)
    twig[..., 2] -= twig[..., 2].min(axis=1, keepdims=True) + 0.0005
    wood = np.repeat(rng.uniform(0, 0.3, count)[:, None], 16, 1)
    return _joined([stone, _laid(rng, where, twig, _strip(4, 4), wood)])


def _broken(rng: np.random.Generator, ball: Array, count: int) -> Array:
    """Return chips (count, n, 3) of a unit ball, stretched and cut by planes to give them facets and edges."""
    turned = trimesh.transformations.random_rotation_matrix  # each starts from another side of the ball
    turns = np.stack([turned(rng.random(3))[:3, :3] for _ in range(min(count, 64))]) if count else np.zeros((0, 3, 3))
    chips = ball @ turns[np.arange(count) % max(len(turns), 1)] * rng.uniform(0.5, 1, (count, 1, 3))
    chips *= rng.uniform(0.88, 1.08, (*chips.shape[:2], 1))
    for _ in range(5):
        normal = rng.normal(size=(count, 1, 3))
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        beyond = np.maximum((chips * normal).sum(-1, keepdims=True) - rng.uniform(0.3, 0.7, (count, 1, 1)), 0)
        chips = chips - beyond * normal
    return np.asarray(chips)


def _tilted(rng: np.random.Generator, made: Array, spread: float) -> Array:
    """Return pieces (count, n, 3) tilted slightly about x and y."""
    slope = rng.normal(0, spread, (len(made), 1, 2))
    tipped = made.copy()
    tipped[..., 2] += (made[..., :2] * slope).sum(-1)
    return tipped


def _strip(stations: int, across: int) -> NDArray[np.int64]:
    """Return the triangles of a grid of `stations` rows by `across` points."""
    row, column = np.mgrid[: stations - 1, : across - 1].reshape(2, -1)
    corner = row * across + column
    return np.concatenate(
        [
            np.stack([corner, corner + 1, corner + across + 1], 1),
            np.stack([corner, corner + across + 1, corner + across], 1),
        ]
    )


def _scatter(rng: np.random.Generator, where: Site, count: int) -> Array:
    """Draw points (count, 2) of the site: two thirds around the centre, the others anywhere."""
    x0, x1, y0, y1 = where.area
    low, size = np.array([x0, y0]), np.array([x1 - x0, y1 - y0])
    anywhere = low + size * rng.random((count, 2))
    crowded = where.centre + rng.normal(size=(count, 2)) * 0.22 * size
    inside = (crowded >= low).all(axis=1) & (crowded <= low + size).all(axis=1)
    return np.where((inside & (rng.random(count) < 0.67))[:, None], crowded, anywhere)


def _laid(rng: np.random.Generator, where: Site, made: Array, faces: NDArray[np.integer[Any]], tone: Array) -> Pieces:
    """Turn pieces (count, n, 3) about the vertical and lay them on free ground; drop those without room."""
    count = len(made)
    angle = rng.uniform(0, 2 * np.pi, count)[:, None]
    x, y = made[..., 0], made[..., 1]
    turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), made[..., 2]], -1)
    at = _scatter(rng, where, 2 * count)
    at = at[free(where, at)][:count]
    return placed(where, turned[: len(at)], faces, tone[: len(at)], at)


def placed(where: Site, made: Array, faces: NDArray[np.integer[Any]], tone: Array, at: Array) -> Pieces:
    """Move pieces (count, n, 3) to `at` (count, 2), kept inside the site's edge."""
    x0, x1, y0, y1 = where.area
    count, corners, _ = made.shape
    ground = np.full(count, where.z) if where.relief is None else where.z + where.relief(at)
    moved = made + np.concatenate([at, ground[:, None]], 1)[:, None]
    if count:
        flat = moved[..., :2]
        flat += np.maximum(np.array([x0, y0]) - flat.min(axis=1), 0)[:, None]
        flat -= np.maximum(flat.max(axis=1) - np.array([x1, y1]), 0)[:, None]
    all_faces = faces[None] + corners * np.arange(count)[:, None, None]
    return Pieces.of(moved, all_faces, np.clip(tone, 0, 1))


def _visible(pieces: Pieces, z: float) -> Pieces:
    """Return the pieces without triangles that lie entirely below the ground."""
    seen = (pieces.vertices[pieces.faces][..., 2] > z).any(axis=1)
    used, faces = np.unique(pieces.faces[seen], return_inverse=True)
    return Pieces.of(pieces.vertices[used], faces, pieces.tone[used])


def _joined(parts: Sequence[Pieces]) -> Pieces:
    first = np.cumsum([0, *(len(pieces.vertices) for pieces in parts[:-1])])
    return Pieces.of(
        np.concatenate([pieces.vertices for pieces in parts]),
        np.concatenate([pieces.faces + start for pieces, start in zip(parts, first, strict=True)]),
        np.concatenate([pieces.tone for pieces in parts]),
    )


def free(where: Site, points: Array) -> NDArray[np.bool_]:
    """Return for each point (n, 2) whether nothing stands there."""
    return np.asarray(~np.isin(_keys(points), where.taken))


def _keys(points: Array) -> NDArray[np.int64]:
    """Return the number (n,) of the 4 cm square in which each point (n, 2) lies."""
    column, row = np.floor(points / _CELL).astype(np.int64).T
    return np.asarray(column * 2**32 + row)
