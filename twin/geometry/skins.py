"""Sheet steel: closed solids between two faces a thickness apart, whose zones are given by cell of the grid."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import Floats, Patch

Zones = str | NDArray[np.str_]  # one for all cells of a grid, or (rows - 1, columns - 1) of them


def behind(front: Floats, thickness: float) -> Floats:
    """Return the face on the other side of a sheet, (rows, columns, 3), so that the metal is as thick everywhere.

    Each point moves along the mean normal of the cells about it, and farther the more these differ from that mean.
    """
    across = np.cross(front[:-1, 1:] - front[1:, :-1], front[1:, 1:] - front[:-1, :-1])
    unit = across / np.maximum(np.linalg.norm(across, axis=2, keepdims=True), 1e-30)
    around = np.zeros((4, *front.shape))
    for number, (row, column) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        around[number, row : row + len(unit), column : column + unit.shape[1]] = unit
    mean = around.sum(axis=0)
    mean /= np.linalg.norm(mean, axis=2, keepdims=True)
    count = (around != 0).any(axis=3).sum(axis=0)
    share = (around * mean).sum(axis=(0, 3)) / count
    return np.asarray(front - thickness / share[..., None] * mean)


def skin(
    solid: str,
    front: Floats,
    back: Floats,
    *,
    face: Zones = "face",
    rear: Zones = "back",
    edges: tuple[str, str, str, str] = ("edge", "edge", "edge", "edge"),
    thickness_mm: float,
) -> list[Patch]:
    """Build a sheet between two grids.

    Parameters
    ----------
    front, back : (rows, columns, 3); du x dv of the front points away from the back.
    face, rear : zones of the front and of the back, by cells of the front's grid where they differ.
    edges : zones along the first row, the last column, the last row and the first column.
    thickness_mm : thickness of the metal.
    """
    patches = []
    for grid, zones, flip in ((front, face, False), (back, rear, True)):
        names = np.broadcast_to(np.asarray(zones), (grid.shape[0] - 1, grid.shape[1] - 1))
        for zone, (r0, r1), (c0, c1) in _rectangles(names):
            points = grid[r0 : r1 + 1, c0 : c1 + 1]
            # Turned by swapping rows and columns, the back is cut into the same triangles as the front.
            patches.append((zone, points.transpose(1, 0, 2) if flip else points))
    low, high = (np.stack([back[row], front[row]]) for row in (0, -1))
    left, right = (np.stack([back[:, column], front[:, column]]) for column in (0, -1))
    patches += zip(edges, (low, right, high[:, ::-1], left[:, ::-1]), strict=True)
    return [Patch(solid=solid, zone=zone, points=points, thickness_mm=thickness_mm) for zone, points in patches]


def _rectangles(names: NDArray[np.str_]) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Return rectangles of cells of one zone each, with the grid lines at which they begin and end."""
    rectangles = []
    changes = np.flatnonzero((names[1:] != names[:-1]).any(axis=1)) + 1
    for r0, r1 in pairwise([0, *changes.tolist(), len(names)]):
        row = names[r0]
        for c0, c1 in pairwise([0, *(np.flatnonzero(row[1:] != row[:-1]) + 1).tolist(), len(row)]):
            rectangles.append((str(row[c0]), (r0, r1), (c0, c1)))
    return rectangles
