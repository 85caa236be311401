"""Polygons with more than three corners, cut into triangles that cover them, also where they are not convex."""

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import Floats, Integers

STRAIGHT = 1e-7  # sine of the turn up to which a corner is straight


def triangles(points: Floats, corners: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """Cut polygons into triangles.

    Parameters
    ----------
    points : (n, 3).
    corners : the numbers of the points of all polygons, one polygon after the other.
    counts : (m,) number of corners of each polygon, at least three.

    Returns
    -------
    The triangles (k, 3), wound as their polygons, and the polygon of each (k,), in the order of the polygons.

    Raises
    ------
    InputError
        A polygon crosses itself, or names a point that does not exist.
    """
    if len(corners) and not 0 <= corners.min() <= corners.max() < len(points):
        raise InputError("its faces refer to vertices that do not exist")
    begins = np.cumsum(counts) - counts
    faces, owners = [np.zeros((0, 3), dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for count in np.unique(counts).tolist():
        selected = np.flatnonzero(counts == count)
        rows = corners[begins[selected][:, None] + np.arange(count)]
        fan = np.stack([np.zeros(count - 2, dtype=int), np.arange(1, count - 1), np.arange(2, count)], axis=1)
        cut = rows[:, fan]  # (polygons, triangles, 3)
        for number in np.flatnonzero(_not_convex(points[rows])) if count > 3 else ():
            cut[number] = rows[number][_ears(points[rows[number]])]
        faces.append(cut.reshape(-1, 3))
        owners.append(np.repeat(selected, count - 2))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(faces)[order], owner[order]


def _normals(outlines: Floats) -> Floats:
    """Return the normals of polygons (m, n, 3), times twice their areas."""
    away = outlines - outlines[:, :1]
    return np.asarray(np.cross(away, np.roll(away, -1, axis=1)).sum(axis=1))


def _not_convex(outlines: Floats) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Return which polygons (m, n, 3) turn the wrong way, or not at all, at a corner; those without area do not."""
    normal = _normals(outlines)
    size = np.linalg.norm(normal, axis=1)
    to, onwards = outlines - np.roll(outlines, 1, axis=1), np.roll(outlines, -1, axis=1) - outlines
    turn = (np.cross(to, onwards) * normal[:, None]).sum(axis=2)
    least = STRAIGHT * np.linalg.norm(to, axis=2) * np.linalg.norm(onwards, axis=2) * size[:, None]
    return np.asarray((turn <= least).any(axis=1) & (size > 0))


def _ears(outline: Floats) -> Integers:
    """Return the triangles of a polygon (n, 3) as corners of it, (n - 2, 3), by cutting off ears."""
    normal = _normals(outline[None])[0]
    axes = np.delete([0, 1, 2], int(np.argmax(np.abs(normal))))
    flat = outline[:, axes] - outline[0, axes]
    flat = flat / np.abs(flat).max()
    sense = np.sign(_cross(flat, np.roll(flat, -1, axis=0)).sum())
    kept, ears = list(range(len(outline))), []
    while len(kept) > 3:
        candidates = (place for place in range(len(kept)) if _is_ear(flat[_around(kept, place)], flat[kept], sense))
        place = next(candidates, None)
        if place is None:
            break
        ears.append(_around(kept, place))
        del kept[place]
    a, b, c = flat[kept[:3]]
    if len(kept) > 3 or sense * _cross(b - a, c - a) < -STRAIGHT:
        raise InputError(f"has a face of {len(outline)} corners that crosses itself; export it as triangles")
    return np.array([*ears, kept], dtype=np.int64)


def _around(left: list[int], place: int) -> list[int]:
    return [left[place - 1], left[place], left[(place + 1) % len(left)]]


def _is_ear(ear: Floats, outline: Floats, sense: float) -> bool:
    """Return whether a triangle turns as its polygon does and holds no other corner of it, not even on its sides."""
    sides = np.roll(ear, -1, axis=0) - ear
    if sense * _cross(sides[0], sides[1]) <= STRAIGHT * np.linalg.norm(sides[0]) * np.linalg.norm(sides[1]):
        return False
    away = outline[:, None] - ear  # from each corner of the ear
    within = (sense * _cross(sides, away) >= -1e-12).all(axis=1)
    return not (within & (np.abs(away).max(axis=2) > 1e-12).all(axis=1)).any()


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
