"""Watertight bars made by running a section along a straight or bent line."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.profiles import Section

Cope = Callable[[Floats], Floats]  # maps places (..., 2) of a section to positions of the cut along the bar
Cut = float | Cope


def bar(
    solid: str,
    section: Section,
    start: Cut,
    end: Cut,
    ends: tuple[str, str] = ("end", "end"),
    seat: tuple[float, float] | None = None,
) -> list[Patch]:
    """Build a straight bar along x from `start` to `end`.

    Parameters
    ----------
    ends : zones of the two cut faces.
    seat : start and end in x of the first piece's contact with another solid.
    """

    def at(cut: Cut, points: Floats) -> Floats:
        x = cut(points) if callable(cut) else np.full(points.shape[:-1], float(cut))
        return np.concatenate([x[..., None], points], axis=-1)

    rows: list[Cut] = [start, *(seat or ()), end]
    patches = []
    for number, (zone, line, wall_mm) in enumerate(section.skin):
        points = np.stack([at(row, line) for row in rows])
        if seat is None or number:
            patches.append(Patch(solid=solid, zone=zone, points=points, wrap_u=_closed(line), thickness_mm=wall_mm))
            continue
        for row, strip_zone in enumerate((zone, solids.COVERED, zone)):
            patches.append(Patch(solid=solid, zone=strip_zone, points=points[row : row + 2], thickness_mm=wall_mm))
    for cap in section.caps:
        wrap = _wraps(cap)
        for zone, points in ((ends[0], at(start, cap)[:, ::-1]), (ends[1], at(end, cap))):
            patches.append(Patch(solid=solid, zone=zone, points=points, wrap_u=wrap, thickness_mm=section.least_mm))
    return patches


def run(
    solid: str,
    section: Section,
    line: Floats,
    side: ArrayLike,
    ends: tuple[str, str] = ("end", "end"),
    cuts: tuple[Cope | None, Cope | None] = (None, None),
) -> list[Patch]:
    """Build a bar along a plane line of points, mitred at each; the section's z is along `side`, normal to the plane.

    Parameters
    ----------
    line : (n, 3) metres.
    side : (3,) unit vector.
    cuts : extension of start and end beyond the first and the last point, at (..., 2) places of the section; None
        for a square cut there.
    """
    along = np.diff(line, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None]
    across = np.cross(np.asarray(side, dtype=float), along)
    before, after = np.concatenate([across[:1], across]), np.concatenate([across, across[-1:]])
    normals = (before + after) / (1 + (before * after).sum(axis=1))[:, None]
    binormals = np.tile(np.asarray(side, dtype=float), (len(line), 1))

    def moved(points: Floats, index: int, section_points: Floats) -> Floats:
        cut = cuts[index]
        return points if cut is None else points + cut(section_points)[..., None] * (along[-1] if index else -along[0])

    patches = []
    for zone, piece, wall_mm in section.skin:
        points = solids.sweep(line, normals, binormals, piece)
        points[0], points[-1] = moved(points[0], 0, piece), moved(points[-1], 1, piece)
        patches.append(Patch(solid=solid, zone=zone, points=points, wrap_u=_closed(piece), thickness_mm=wall_mm))
    for cap in section.caps:
        wrap = _wraps(cap)
        for index, grid in ((0, cap[:, ::-1]), (1, cap)):
            points = line[-index] + grid[..., :1] * normals[-index] + grid[..., 1:] * binormals[-index]
            points = moved(points, index, grid)
            patches.append(
                Patch(solid=solid, zone=ends[index], points=points, wrap_u=wrap, thickness_mm=section.least_mm)
            )
    return patches


def bend(corners: Sequence[ArrayLike], radius: float, segments: int = 8) -> Floats:
    """Return the line (n, 3) through `corners` with its inner corners rounded to arcs of `radius`."""
    points = [np.asarray(corner, dtype=float) for corner in corners]
    line = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        back = (before - corner) / np.linalg.norm(before - corner)
        ahead = (after - corner) / np.linalg.norm(after - corner)
        half = np.arccos(np.clip(back @ ahead, -1, 1)) / 2
        centre = corner + (back + ahead) / np.linalg.norm(back + ahead) * radius / np.sin(half)
        first = corner + back * radius / np.tan(half) - centre
        # The arc turns from one tangent point to the other in the plane of the two.
        second = -back * radius
        turn = np.linspace(0, np.pi - 2 * half, segments + 1)[:, None]
        line.extend(centre + np.cos(turn) * first + np.sin(turn) * second)
    return np.array([*line, points[-1]])


def _wraps(cap: Floats) -> bool:
    """Return True if a grid of a cut face returns to its start."""
    return cap.shape[1] > 2 and _closed(cap.transpose(1, 0, 2).reshape(cap.shape[1], -1))


def _closed(line: Floats) -> bool:
    return len(line) > 3 and np.array_equal(line[0], line[-1])
