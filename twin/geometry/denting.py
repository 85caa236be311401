"""Smooth dents in steel: metal moved along a direction by a function of position alone, so that solids stay closed.

Sizes are by eye; only the geometry is modelled. Since every face of a solid moves by the same function, sheet keeps its
thickness along the direction of a dent, and a solid its volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import Floats, Integers, Patch, weld

Flags = NDArray[np.bool_]

FINENESS = 7  # lines of the mesh to the radius of a dent
HALVINGS = 12  # greatest number of halvings of a line of the mesh


@dataclass(frozen=True, kw_only=True)
class Dent:
    """A smooth dent: deepest at its place or all along a crease, and zero at its radius from there.

    Parameters
    ----------
    place_m : (3,) its middle.
    radius_m : distance from the place, or from the crease, seen along `direction`, at which it ends.
    depth_mm : how far the metal is pushed in the middle; negative if it is pulled the other way.
    direction : (3,) direction in which the metal is pushed.
    crease_m : (3,) vector from one end of the crease to the other, with the place in the middle; zero for a round dent.
    """

    place_m: tuple[float, float, float]
    radius_m: float
    depth_mm: float
    direction: tuple[float, float, float]
    crease_m: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def unit(self) -> Floats:
        """The direction as a unit vector, (3,)."""
        return np.asarray(np.asarray(self.direction, dtype=float) / np.linalg.norm(self.direction))

    def away(self, points: Floats) -> Floats:
        """Return the distances of points (..., 3) from the middle or the crease, seen along the direction, m."""
        crease, unit = np.asarray(self.crease_m, dtype=float), self.unit
        crease = crease - (crease @ unit) * unit
        offset = points - np.asarray(self.place_m)
        offset = offset - (offset @ unit)[..., None] * unit
        if crease.any():
            share = np.clip(offset @ crease / (crease @ crease), -0.5, 0.5)
            offset = offset - share[..., None] * crease
        return np.asarray(np.linalg.norm(offset, axis=-1))


def check(kind: str, dents: int, dent_mm: float, lay: int, *, most: int, deepest_mm: float) -> None:
    """Refuse parameters of an asset's dents that are out of range.

    Parameters
    ----------
    kind : kind of the asset, for the message.
    dents, dent_mm, lay : number of dents, depth of the deepest, and their seed.
    most, deepest_mm : the greatest number and depth.

    Raises
    ------
    InputError
        A parameter is out of range.
    """
    if not (0 <= dents <= most and 0 < dent_mm <= deepest_mm and lay >= 0):
        raise InputError(
            f"{kind} dents {dents} of {dent_mm} mm, lay {lay}: give up to {most} dents, up to {deepest_mm:g} mm, "
            "and lay >= 0"
        )


def displacement(points: Floats, dents: Sequence[Dent]) -> Floats:
    """Return how far dents move points, (..., 3) metres: each by (1 - (r / radius)²)² of its depth, 0 beyond."""
    moved = np.zeros(points.shape)
    for dent in dents:
        share = np.maximum(1 - (dent.away(points) / dent.radius_m) ** 2, 0.0) ** 2
        moved += (dent.depth_mm / 1000 * share)[..., None] * dent.unit
    return moved


def dented(patches: Sequence[Patch], dents: Sequence[Dent]) -> list[Patch]:
    """Return the patches with dents in them, their grids refined there first; solids that were closed stay closed."""
    if not dents:
        return list(patches)
    fine = refined(patches, dents)
    points = np.concatenate([patch.points.reshape(-1, 3) for patch in fine])
    points = points + displacement(points, dents)
    cuts = np.cumsum([patch.points.size // 3 for patch in fine])[:-1]
    parts = zip(fine, np.split(points, cuts), strict=True)
    return [replace(patch, points=moved.reshape(patch.points.shape)) for patch, moved in parts]


def refined(patches: Sequence[Patch], dents: Sequence[Dent]) -> list[Patch]:
    """Return the same surfaces with grids so fine at dents that these come out smooth.

    A grid line is halved where a segment of it is longer than a dent's radius over `FINENESS` and passes the dent.
    Patches of one solid that share a border are halved together, so that their points still meet.
    """
    by_solid: dict[str, list[int]] = {}
    for index, patch in enumerate(patches):
        by_solid.setdefault(patch.solid, []).append(index)
    done = list(patches)
    for members in by_solid.values():
        grids = [done[index].points for index in members]
        for _ in range(HALVINGS):
            coarse = [[_coarse(lines, dents) for lines in _lines(grid)] for grid in grids]
            if not any(flags.any() for both in coarse for flags in both):
                break
            for flags, both in zip(_together(grids, coarse), coarse, strict=True):
                both[:] = flags
            grids = [
                _halved(_halved(grid, rows), columns, 1) for grid, (rows, columns) in zip(grids, coarse, strict=True)
            ]
        for index, grid in zip(members, grids, strict=True):
            done[index] = replace(done[index], points=grid)
    return done


def dents_rand(
    rng: np.random.Generator,
    count: int,
    *,
    low: ArrayLike,
    high: ArrayLike,
    radius_m: tuple[float, float],
    depth_mm: tuple[float, float],
    direction: ArrayLike,
    creased: float = 0.3,
) -> list[Dent]:
    """Draw dents whose middles lie in a box.

    Parameters
    ----------
    count : number of dents.
    low, high : (3,) corners of the box, m.
    radius_m, depth_mm : ranges; a dent is at most a fifth as deep as its radius.
    direction : (3,) direction of all dents.
    creased : share of the dents that have a crease, up to three radii long and at right angles to the direction.
    """
    way = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    lowest, highest = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    dents = []
    for _ in range(count):
        share, turn, (size, deep, long) = rng.random(3), rng.normal(size=3), rng.random(3)
        radius = radius_m[0] + (radius_m[1] - radius_m[0]) * size**2  # small ones are more common
        along = np.cross(way, turn)
        along /= max(float(np.linalg.norm(along)), 1e-9)
        crease = along * radius * (1 + 2 * long) * (rng.random() < creased)
        dents.append(
            Dent(
                place_m=_triple(lowest + share * (highest - lowest)),
                radius_m=float(radius),
                depth_mm=float(min(depth_mm[0] + (depth_mm[1] - depth_mm[0]) * deep, 200 * radius)),
                direction=_triple(way),
                crease_m=_triple(crease),
            )
        )
    return dents


def _triple(values: Floats) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


def _lines(grid: Floats) -> tuple[Floats, Floats]:
    """Return the segments between rows, (rows - 1, columns, 2, 3), and between columns, (columns - 1, rows, 2, 3)."""
    turned = grid.transpose(1, 0, 2)
    return np.stack([grid[:-1], grid[1:]], axis=2), np.stack([turned[:-1], turned[1:]], axis=2)


def _coarse(lines: Floats, dents: Sequence[Dent]) -> Flags:
    """Return which intervals, (n,), have a segment, (n, m, 2, 3), that passes a dent and is too long for it."""
    long = np.linalg.norm(lines[:, :, 1] - lines[:, :, 0], axis=2)
    longest, coarse = long.max(axis=1), np.zeros(len(lines), dtype=bool)
    for dent in dents:
        candidates = np.flatnonzero(~coarse & (longest > dent.radius_m / FINENESS))
        nearest = dent.away(lines[candidates].mean(axis=2)) - 0.5 * long[candidates]
        coarse[candidates] = ((long[candidates] > dent.radius_m / FINENESS) & (nearest < dent.radius_m)).any(axis=1)
    return coarse


def _together(grids: Sequence[Floats], coarse: Sequence[Sequence[Flags]]) -> list[list[Flags]]:
    """Return which intervals of grids are halved: those that are coarse, and all that share a border segment."""
    from trimesh.graph import connected_component_labels

    points = np.concatenate([grid.reshape(-1, 3) for grid in grids])
    _, vertex = weld(points, np.zeros(len(points), dtype=np.int64))
    segments: list[Integers] = []
    owners: list[Integers] = []
    counts: list[int] = []
    start = 0
    for grid in grids:
        index = vertex[start : start + grid.shape[0] * grid.shape[1]].reshape(grid.shape[:2])
        start += index.size
        for lines in (index, index.T):
            number = sum(counts) + np.arange(len(lines) - 1)
            for border in (lines[:, 0], lines[:, -1]):
                segments.append(np.sort(np.stack([border[:-1], border[1:]], axis=1), axis=1))
                owners.append(number)
            counts.append(len(number))
    pairs, owner = np.concatenate(segments), np.concatenate(owners)
    real = pairs[:, 0] != pairs[:, 1]  # a row may collapse to a point
    _, segment = np.unique(pairs[real], axis=0, return_inverse=True)
    total, owner = sum(counts), owner[real]
    links = np.column_stack([owner, total + segment.reshape(-1)])
    group = connected_component_labels(links, total + len(owner))
    flagged = np.concatenate([flags for both in coarse for flags in both])
    marked = np.isin(group[:total], group[:total][flagged])
    parts = np.split(marked, np.cumsum(counts)[:-1])
    return [[parts[2 * number], parts[2 * number + 1]] for number in range(len(grids))]


def _halved(grid: Floats, flags: Flags, axis: int = 0) -> Floats:
    """Return a grid with one more line in the middle of some of its intervals."""
    at = np.flatnonzero(flags) + 1
    lines = np.moveaxis(grid, axis, 0)
    middles = (lines[at - 1] + lines[at]) / 2
    return np.moveaxis(np.insert(lines, at, middles, axis=0), 0, axis)
