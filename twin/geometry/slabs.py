"""Steel plates, each a watertight solid: cut edges, round holes, and bands of the faces that other parts cover."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from corrotwin.twin.geometry.atlas import Floats, Integers, Patch
from corrotwin.twin.geometry.solids import COVERED, arc

CUTS = ("rolled", "sheared", "flame")
DRAG_M = 0.003  # pitch of the drag lines of a rough flame cut; by eye, as are their depths
SAMPLES = 4  # columns of the mesh to a drag line
FADE_M = 0.004  # drag lines fade out this near to a corner

Bands = Sequence[tuple[float, str]]
Cell = tuple[int, int, int, int]  # grid lines: first and last along x, first and last along y


@dataclass(frozen=True, kw_only=True)
class Hole:
    """A round hole through a plate, metres; drilled, or flame-cut.

    With `foot` it is not a hole but the round foot of a part on the plate, under which the top face is covered.
    """

    x: float
    y: float
    diameter: float
    flame: bool = False
    foot: bool = False

    @property
    def half(self) -> float:
        """Half the side of the square of the face that is meshed around the hole; squares must not overlap."""
        return 0.5 * self.diameter + (0.003 if self.foot else min(0.25 * self.diameter, 0.03))


@dataclass(frozen=True, kw_only=True)
class _Wall:
    """Profile of a cut: (n, 2) offsets outwards from the nominal edge, with z, from the bottom to the top face."""

    profile: Floats
    rounded: tuple[int, int]  # segments of the profile that make the lower and the upper arris
    dragged: bool = False


def slab(
    solid: str,
    size: ArrayLike,
    *,
    cut: str,
    radius: float = 0.002,
    holes: Sequence[Hole] = (),
    top: Bands = (),
    bottom: Bands = (),
) -> list[Patch]:
    """Build a plate on z = 0, centred in x and y; its upright corners are sharp.

    Parameters
    ----------
    size : (3,) metres along x, y, z.
    cut : how its edges were made, one of `CUTS`.
    radius : greatest radius of the arrises of a rolled plate.
    holes : clear of each other, of the edges, and of the ends of bands.
    top, bottom : zones of the faces in bands across the plate, each (x at its far end, zone), from low x to high;
        "face" and "back" if empty. An arris along a covered band is a crevice.
    """
    length, width, height = np.asarray(size, dtype=float)
    wall = _wall(cut, height, radius)
    faces = (tuple(bottom) or ((np.inf, "back"),), tuple(top) or ((np.inf, "face"),))
    inset = -float(wall.profile[:, 0].min())
    # Between drag lines and face, triangles fan out; they stay short if the face has enough lines.
    step = max(0.008, (length + width) / 125) if wall.dragged else np.inf
    limits = [x for bands in faces for x, _ in bands[:-1]]
    xs = _lines(length / 2, inset, step, [(hole.x, hole) for hole in holes], limits)
    ys = _lines(width / 2, inset, step, [(hole.y, hole) for hole in holes], [])
    cells = [(*_span(xs, hole.x, hole.half), *_span(ys, hole.y, hole.half)) for hole in holes]
    patches: list[Patch] = []
    circles: list[list[Floats]] = []
    bore = _wall("flame", height, 0.0).profile
    for end, bands, flip in ((0, faces[0], True), (-1, faces[1], False)):
        offset, z = wall.profile[end]
        grid = np.stack([*np.meshgrid(_ended(xs, offset), _ended(ys, offset)), np.full((len(ys), len(xs)), z)], axis=2)
        ends = [*(_index(xs, x) for x, _ in bands[:-1]), len(xs) - 1]
        for (i0, i1, j0, j1), number in _plain(ends, cells, len(ys)):
            points = grid[j0 : j1 + 1, i0 : i1 + 1]
            patches.append(Patch(solid=solid, zone=bands[number][1], points=points[:, ::-1] if flip else points))
        circles.append([])
        for hole, (i0, i1, j0, j1) in zip(holes, cells, strict=True):
            ring = _ring(grid[j0 : j1 + 1, i0 : i1 + 1], hole, hole.diameter / 2 - hole.flame * bore[end, 0])
            zone = bands[int(np.searchsorted(ends, i1))][1]
            patches.append(Patch(solid=solid, zone=zone, points=ring if flip else ring[:, ::-1], wrap_u=True))
            circles[-1].append(ring[0])
            if hole.foot:
                disc = np.stack([np.broadcast_to([hole.x, hole.y, z], ring[0].shape), ring[0]])
                under = zone if flip else COVERED
                patches.append(Patch(solid=solid, zone=under, points=disc if flip else disc[:, ::-1], wrap_u=True))
    for hole, low, high in zip(holes, *circles, strict=True):
        if hole.foot:
            continue
        patches.append(Patch(solid=solid, zone="hole", points=_bore(hole, low, high, height), wrap_u=True))
    for side in range(4):
        patches += _edge(solid, wall, side, (xs, ys), faces)
    return patches


def _wall(cut: str, t: float, radius: float) -> _Wall:
    """Return the profile of an edge; burr and lean by eye."""
    if cut == "rolled":
        r = min(radius, t / 4)
        return _Wall(
            profile=np.concatenate([arc((-r, r), r, -90, 0, 4), arc((-r, t - r), r, 0, 90, 4)]), rounded=(4, 4)
        )
    if cut == "sheared":  # from above: rolled-over arris, burnished land, leaning fracture
        r = min(0.1 * t, 0.0015)
        over = arc((0, 0), 1.0, 0, 90, 4) * [r, 0.8 * r] + [-r, t - 0.8 * r]
        lower = [[-0.05 * t - 0.0001, 0.0], [-0.05 * t, 0.02 * t], [0.0, 0.6 * t]]
        return _Wall(profile=np.concatenate([lower, over]), rounded=(1, 4))
    r = min(0.0006, t / 10)
    wall = np.column_stack([np.zeros(5), np.linspace(r, t - r, 5)])
    return _Wall(profile=np.concatenate([[[-r / 2, 0.0]], wall, [[-r, t]]]), rounded=(1, 1), dragged=True)


def _lines(half: float, inset: float, step: float, holes: list[tuple[float, Hole]], limits: list[float]) -> Floats:
    """Return grid lines along one axis from -half to half, including borders of the holes' squares and of bands."""
    places = [np.asarray(limits, dtype=float)]
    for middle, hole in holes:
        # Rays at equal angles, which meet the circle 2 mm or 15 degrees apart.
        count = 2 * int(np.clip(np.ceil(np.pi * hole.diameter / 8 / 0.002), 3, 12))
        places.append(middle + hole.half * np.tan(np.linspace(-np.pi / 4, np.pi / 4, count + 1)))
    fixed = np.sort(np.concatenate(places))
    fixed = fixed[np.diff(fixed, prepend=-np.inf) > 1e-6]
    spread = np.empty(0)
    if np.isfinite(step):
        spread = np.linspace(-half + 1.05 * inset, half - 1.05 * inset, 1 + int(np.ceil(2 * half / step)))
        clear = np.abs(spread[:, None] - fixed).min(axis=1, initial=np.inf)
        spread = spread[clear > 0.25 * step]
    return np.concatenate([[-half], np.sort(np.concatenate([fixed, spread])), [half]])


def _index(lines: Floats, value: float) -> int:
    return int(np.abs(lines - value).argmin())


def _span(lines: Floats, middle: float, half: float) -> tuple[int, int]:
    return _index(lines, middle - half), _index(lines, middle + half)


def _ended(lines: Floats, offset: float) -> Floats:
    """Return the lines with both ends moved outwards."""
    return np.concatenate([[lines[0] - offset], lines[1:-1], [lines[-1] + offset]])


def _plain(ends: list[int], cells: list[Cell], rows: int) -> list[tuple[Cell, int]]:
    """Return rectangles, each with the number of its band, that cover a face except for the holes' squares."""
    levels = sorted({0, rows - 1, *(j for cell in cells for j in cell[2:])})
    rectangles = []
    for j0, j1 in pairwise(levels):
        start = 0
        for number, end in enumerate(ends):
            inside = sorted((i0, i1) for i0, i1, low, high in cells if low <= j0 < high and start <= i0 < end)
            for i0, i1 in [*inside, (end, end)]:
                if i0 > start:
                    rectangles.append(((start, i0, j0, j1), number))
                start = i1
    return rectangles


def _ring(square: Floats, hole: Hole, radius: float) -> Floats:
    """Return a counter-clockwise grid, (4, points, 3), along rays from the circle to the border of its square."""
    border = np.concatenate([square[0, :-1], square[:-1, -1], square[-1, :0:-1], square[::-1, 0]])
    middle = np.array([hole.x, hole.y, border[0, 2]])
    rays = border - middle
    circle = middle + radius * rays / np.linalg.norm(rays, axis=1, keepdims=True)
    share = np.linspace(0, 1, 4)[:, None, None]
    return np.asarray(circle + share * (border - circle))


def _bore(hole: Hole, low: Floats, high: Floats, t: float) -> Floats:
    """Build the wall of a hole from the circle in the top face down to that in the bottom face."""
    if not hole.flame:
        return np.stack([high, low])
    middle = np.array([hole.x, hole.y])
    coarse = np.unwrap(np.arctan2(high[:, 1] - hole.y, high[:, 0] - hole.x))
    count = SAMPLES * round(np.pi * hole.diameter / DRAG_M)
    dense = np.union1d(np.linspace(coarse[0], coarse[-1], count + 1), coarse)
    nearest = _nearest(coarse, dense)
    along = (dense - dense[0]) * hole.diameter / 2
    rows = [high[nearest]]
    for offset, z in _wall("flame", t, 0.0).profile[-2:0:-1]:
        radius = hole.diameter / 2 - offset + _drag(along, z / t, DRAG_M)
        turn = np.column_stack([np.cos(dense), np.sin(dense)])
        rows.append(np.column_stack([middle + radius[:, None] * turn, np.full(len(dense), z)]))
    return np.stack([*rows, low[nearest]])


def _edge(solid: str, wall: _Wall, side: int, lines: tuple[Floats, Floats], faces: tuple[Bands, Bands]) -> list[Patch]:
    """Build one edge, counter-clockwise: side 0 at low y, 1 at high x, 2 at high y, 3 at low x."""
    coarse = lines[side % 2] * (1 if side < 2 else -1)
    coarse = coarse if side < 2 else coarse[::-1]
    away = lines[1 - side % 2][-1]
    dense, pitch = coarse, DRAG_M
    if wall.dragged:
        pitch = max(DRAG_M, (coarse[-1] + away) / 250)  # coarser on a plate of many metres
        count = SAMPLES * max(16, round(2 * coarse[-1] / pitch))
        dense = np.union1d(np.linspace(coarse[1], coarse[-2], count + 1), coarse)
    nearest = _nearest(coarse, dense)
    rows = []
    for number, (offset, z) in enumerate(wall.profile):
        at_face = number in (0, len(wall.profile) - 1)
        along = _ended(coarse, offset)[nearest] if at_face else _ended(dense, offset)
        deep = 0.0 if at_face or not wall.dragged else _drag(dense - dense[0], z / wall.profile[-1, 1], pitch)
        rows.append(np.column_stack([along, away + offset - deep + 0 * along, np.full(len(dense), z)]))
    local = np.stack(rows)
    forward = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])[side]
    outward = np.array([forward[1], -forward[0]])
    grid = np.concatenate([local[..., :1] * forward + local[..., 1:2] * outward, local[..., 2:]], axis=2)
    if not any(zone == COVERED for bands in faces for _, zone in bands):
        return [Patch(solid=solid, zone="edge", points=grid)]
    patches = []
    last = len(grid) - 1
    for bands, first_row, last_row in (
        (faces[0], 0, wall.rounded[0]),
        (((np.inf, "edge"),), wall.rounded[0], last - wall.rounded[1]),
        (faces[1], last - wall.rounded[1], last),
    ):
        strip = local[0 if first_row == 0 else -1, :, 0]
        ends, zones = [x for x, _ in bands[:-1]], [zone for _, zone in bands]
        if side == 2:
            ends, zones = [-x for x in ends[::-1]], zones[::-1]
        elif side != 0:
            ends, zones = [], [zones[-1 if side == 1 else 0]]
        columns = [0, *(_index(strip, end) for end in ends), len(dense) - 1]
        for low, high, zone in zip(columns[:-1], columns[1:], zones, strict=True):
            name = "crevice" if zone == COVERED else "edge"
            patches.append(Patch(solid=solid, zone=name, points=grid[first_row : last_row + 1, low : high + 1]))
    return patches


def _nearest(coarse: Floats, dense: Floats) -> Integers:
    """Return the index of the coarse line nearest to each dense one; the dense lines include every coarse one."""
    middle = (coarse[:-1] + coarse[1:]) / 2
    return np.searchsorted(middle, dense).astype(np.int64)


def _drag(along: Floats, height: float, pitch: float) -> Floats:
    """Return the depth, m, of a flame cut's drag lines at places along it, at heights from 0 (bottom) to 1.

    The lines lag behind the flame towards the bottom and deepen there; the hand that led it was not steady.
    """
    below = 1 - height
    lag = 1.5 * pitch * below**2
    line = 0.5 - 0.5 * np.cos(2 * np.pi * (along - lag) / pitch)
    unsteady = 1 + 0.5 * np.sin(along / 0.0071) * np.sin(along / 0.0263)
    gouge = np.maximum(np.sin(along / 0.0113 + 1) * np.sin(along / 0.0317) - 0.8, 0) / 0.2
    depth = (0.00015 + 0.0003 * below) * unsteady * line + 0.0006 * gouge * (0.3 + 0.7 * below)
    return np.asarray(depth * np.clip(np.minimum(along, along[-1] - along) / FADE_M, 0, 1))
