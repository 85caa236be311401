"""Plates cut to a convex outline, such as gussets, parts of whose faces lie under other steel."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull

from corrotwin.twin.geometry import solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch

SNAP_M = 5e-5  # points on a vertical line nearer than this are one


def hull(points: ArrayLike) -> Floats:
    """Return the convex outline (n, 2) of points, counter-clockwise."""
    rounded = np.round(np.asarray(points, dtype=float), 6)
    return np.asarray(rounded[ConvexHull(rounded).vertices])


def clipped(polygon: Floats, height: float) -> Floats:
    """Return the part of a convex polygon (n, 2) below a height of its second coordinate."""
    kept = []
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if a[1] <= height:
            kept.append(a)
        if (a[1] - height) * (b[1] - height) < 0:
            kept.append(a + (height - a[1]) / (b[1] - a[1]) * (b - a))
    return np.array(kept)


def sheet(
    solid: str,
    outline: Floats,
    thickness: float,
    under: tuple[Sequence[Floats], Sequence[Floats]],
    *,
    face: str,
    edge: str,
    hidden_below: float,
) -> list[Patch]:
    """Build a plate in the plane of x and z, its thickness centred on y = 0.

    Both faces are divided into ribbons: strips between two lines that continue across the vertical lines through other
    corners. The pieces on both sides of a vertical line share all points on it.

    Parameters
    ----------
    outline : (n, 2) of x and z, convex, counter-clockwise.
    under : convex polygons (m, 2) of the front (-y) and of the rear face that are covered; none crosses another.
    face, edge : zones.
    hidden_below : z below which the edge lies between other plates, and is a crevice.
    """
    outline = np.round(outline, 6)
    polygons = [[np.round(polygon, 6) for polygon in side] for side in under]
    outlines = [outline, *polygons[0], *polygons[1]]
    xs = np.unique(np.concatenate(outlines)[:, 0])
    levels: list[list[float]] = [[] for _ in xs]  # canonical z on each vertical line

    def canonical(column: int, z: float) -> float:
        for level in levels[column]:
            if abs(level - z) < SNAP_M:
                return level
        levels[column].append(z)
        return z

    def segments(polygon: Floats) -> list[dict[int, float]]:
        """Return the edges of a polygon that are not upright: z by number of the vertical line."""
        edges = []
        for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            first, last = (int(np.searchsorted(xs, x)) for x in sorted((a[0], b[0])))
            if first == last:
                canonical(first, float(a[1]))
                canonical(first, float(b[1]))
                continue
            share = (xs[first : last + 1] - a[0]) / (b[0] - a[0])
            heights = a[1] + share * (b[1] - a[1])
            edges.append({first + k: canonical(first + k, float(z)) for k, z in enumerate(heights)})
        return edges

    boundary = segments(outline)
    inner = [[line for polygon in side for line in segments(polygon)] for side in polygons]
    patches = []
    for side, y in ((0, -thickness / 2), (1, thickness / 2)):
        for zone, grid in _ribbons(xs, levels, boundary + inner[side], polygons[side], face):
            points = np.stack([grid[..., 0], np.full(grid.shape[:2], y), grid[..., 1]], axis=2)
            patches.append(Patch(solid=solid, zone=zone, points=points if side == 0 else points[:, ::-1]))
    patches += _rim(solid, outline, thickness, xs, levels, canonical, edge, hidden_below)
    return solids.thick(patches, 1000 * thickness)


def _ribbons(
    xs: Floats, levels: list[list[float]], lines: list[dict[int, float]], covered: Sequence[Floats], face: str
) -> list[tuple[str, Floats]]:
    """Divide a face; return the zone and the grid (rows, columns, 2) of each ribbon, rows upwards."""
    running: dict[tuple[int, int], list[int]] = {}
    done: list[tuple[int, int, list[int]]] = []
    for column in range(len(xs) - 1):
        spanning = [number for number, line in enumerate(lines) if column in line and column + 1 in line]
        spanning.sort(key=lambda number: (lines[number][column] + lines[number][column + 1], number))
        distinct = spanning[:1]
        for number in spanning[1:]:
            below = lines[distinct[-1]]
            if any(abs(lines[number][k] - below[k]) > SNAP_M for k in (column, column + 1)):
                distinct.append(number)
        pairs = list(pairwise(distinct))
        done += [(*pair, running.pop(pair)) for pair in list(running) if pair not in pairs]
        for pair in pairs:
            running.setdefault(pair, [column]).append(column + 1)
    done += [(*pair, columns) for pair, columns in running.items()]
    ribbons = []
    for low, high, columns in done:
        sides = []
        for column in (columns[0], columns[-1]):
            a, b = lines[low][column], lines[high][column]
            sides.append(sorted(z for z in levels[column] if a <= z <= b))
        rows = max(2, *(len(side) for side in sides))
        heights = [np.array(side + side[-1:] * (rows - len(side))) for side in sides]
        between = [np.linspace(lines[low][k], lines[high][k], rows) for k in columns[1:-1]]
        z = np.column_stack([heights[0], *between, heights[1]])
        grid = np.stack([np.broadcast_to(xs[columns], z.shape), z], axis=2)
        k = columns[0]
        middle = [xs[k : k + 2].mean(), np.mean([line[c] for line in (lines[low], lines[high]) for c in (k, k + 1)])]
        hidden = any(_inside(polygon, np.array(middle)) for polygon in covered)
        ribbons.append((solids.COVERED if hidden else face, grid))
    return ribbons


def _inside(polygon: Floats, point: Floats) -> bool:
    along, to = np.roll(polygon, -1, axis=0) - polygon, point - polygon
    return bool((along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0] > 0).all())


def _rim(
    solid: str,
    outline: Floats,
    thickness: float,
    xs: Floats,
    levels: list[list[float]],
    canonical: Callable[[int, float], float],
    edge: str,
    hidden_below: float,
) -> list[Patch]:
    """Build the cut edges, each corner sharp."""
    patches = []
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        first, last = (int(np.searchsorted(xs, x)) for x in (a[0], b[0]))
        if first == last:
            z = sorted(z for z in levels[first] if min(a[1], b[1]) - SNAP_M <= z <= max(a[1], b[1]) + SNAP_M)
            line = np.column_stack([np.full(len(z), xs[first]), z])
            line = line if b[1] > a[1] else line[::-1]
        else:
            step = 1 if last > first else -1
            columns = list(range(first, last + step, step))
            z = [canonical(k, float(a[1] + (xs[k] - a[0]) / (b[0] - a[0]) * (b[1] - a[1]))) for k in columns]
            line = np.column_stack([xs[columns], z])
        names = ["crevice" if height < hidden_below else edge for height in (line[:-1, 1] + line[1:, 1]) / 2]
        for zone, piece in steelwork.stretches(names, line):
            back, front = (np.column_stack([piece[:, 0], np.full(len(piece), y), piece[:, 1]]) for y in (0.5, -0.5))
            back[:, 1] *= thickness
            front[:, 1] *= thickness
            patches.append(Patch(solid=solid, zone=zone, points=np.stack([back, front])))
    return patches
