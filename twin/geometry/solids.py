"""Closed solids from which assets are put together, each a list of patches about its own origin."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from corrotwin.twin.geometry.atlas import Floats, Patch

COVERED = "covered"  # faces pressed on another solid: no air, no rust, never seen
RIPPLE_M = 0.006  # spacing of the ripples on a hand-laid weld bead


def place(patches: Sequence[Patch], rotation: ArrayLike, origin: ArrayLike) -> list[Patch]:
    """Rotate patches by `rotation` (3, 3), whose columns are the new axes, then move them to `origin` (3,) metres."""
    turn, shift = np.asarray(rotation, dtype=float), np.asarray(origin, dtype=float)
    return [replace(patch, points=patch.points @ turn.T + shift) for patch in patches]


def copies(part: Sequence[Patch], rotation: ArrayLike, origins: ArrayLike) -> list[Patch]:
    """Return copies of a part, placed as by `place` at each of the origins (n, 3), and named by their number from 1."""
    places = enumerate(np.asarray(origins, dtype=float), start=1)
    return [patch for number, origin in places for patch in named(place(part, rotation, origin), f"{number}")]


def named(patches: Sequence[Patch], name: str) -> list[Patch]:
    """Return the patches as a separate part: `name` follows the name of their solid, or replaces it."""
    return [replace(patch, solid=f"{patch.solid} {name}".strip()) for patch in patches]


def thick(patches: Sequence[Patch], thickness_mm: float) -> list[Patch]:
    """Return the patches with this thickness of metal, except for those that have their own."""
    return [patch if patch.thickness_mm is not None else replace(patch, thickness_mm=thickness_mm) for patch in patches]


def axes(z: ArrayLike, x: ArrayLike) -> Floats:
    """Return a rotation whose third column is along `z` and whose first lies in the plane of `z` and `x`."""
    third = np.asarray(z, dtype=float) / np.linalg.norm(z)
    first = np.asarray(x, dtype=float) - np.dot(x, third) * third
    first /= np.linalg.norm(first)
    return np.column_stack([first, np.cross(third, first), third])


def circle(radius: float, segments: int) -> Floats:
    """Return a counter-clockwise outline, (segments + 1, 2); the last point repeats the first exactly."""
    angle = 2 * np.pi * np.arange(segments) / segments
    ring = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.concatenate([ring, ring[:1]])


def hexagon(across_flats: float, rounding: float) -> Floats:
    """Return a counter-clockwise hexagon with rounded corners, (25, 2); the last point repeats the first exactly."""
    apothem = across_flats / 2 - rounding
    corner = np.pi / 3 * np.arange(6)
    centre = apothem / np.cos(np.pi / 6) * np.column_stack([np.cos(corner), np.sin(corner)])
    turn = corner[:, None] + np.linspace(-np.pi / 6, np.pi / 6, 4)
    ring = (centre[:, None, :] + rounding * np.stack([np.cos(turn), np.sin(turn)], axis=2)).reshape(-1, 2)
    return np.concatenate([ring, ring[:1]])


def arc(centre: ArrayLike, radius: float, start: float, end: float, segments: int) -> Floats:
    """Return points, (segments + 1, 2), on a circle from angle `start` to `end` in degrees."""
    angle = np.radians(np.linspace(start, end, segments + 1))
    return np.asarray(np.asarray(centre) + radius * np.column_stack([np.cos(angle), np.sin(angle)]))


def sweep(centres: Floats, normals: Floats, binormals: Floats, section: Floats) -> Floats:
    """Return the grid of a section carried along a line; (rows, points, 3).

    Parameters
    ----------
    centres, normals, binormals : (rows, 3); normal x binormal is the direction of travel.
    section : (points, 2) in (normal, binormal), counter-clockwise for a solid, or (rows, points, 2) if it changes.
    """
    shape = np.broadcast_to(section, (len(centres), *section.shape[-2:]))
    return (
        centres[:, None, :]
        + shape[:, :, :1] * np.asarray(normals)[:, None, :]
        + shape[:, :, 1:] * np.asarray(binormals)[:, None, :]
    )


def revolve(solid: str, pieces: Sequence[tuple[str, Floats]], segments: int) -> list[Patch]:
    """Build a solid of revolution about z.

    Parameters
    ----------
    solid : name of the solid.
    pieces : (zone, profile) in order; a profile is (n, 2) of radius and z, with the solid on its left when going up
        the outside. Together the profiles form a closed loop, or begin and end on the axis.
    segments : number of segments round the axis.
    """
    return revolve_columns(solid, pieces, circle(1.0, segments))


def revolve_columns(solid: str, pieces: Sequence[tuple[str, Floats]], turn: Floats) -> list[Patch]:
    """Build surfaces of revolution as in `revolve`, with given columns: points (n, 2) of the unit circle."""
    patches = []
    for zone, profile in pieces:
        ring = profile[:, None, :1] * turn[None, :, :]
        height = np.broadcast_to(profile[:, None, 1:], (*ring.shape[:2], 1))
        patches.append(Patch(solid=solid, zone=zone, points=np.concatenate([ring, height], axis=2), wrap_u=True))
    return patches


def facets(outline: Sequence[tuple[float, float]], zones: Sequence[str]) -> list[tuple[str, Floats]]:
    """Return pieces for `revolve`, one for each segment of an outline of (radius, z): texels keep to their facets."""
    return [(zone, np.array(ends)) for zone, ends in zip(zones, pairwise(outline), strict=True)]


def cylinder(solid: str, radius: float, pieces: Sequence[tuple[str, float]], bevel: float, tip: str) -> list[Patch]:
    """Build a bevelled cylinder along z from 0; `pieces` are (zone, top z) upwards, `tip` the zone of both ends."""
    top = pieces[-1][1]
    lower = [0.0, *(height for _, height in pieces[:-1])]
    upper = [height for _, height in pieces]
    lower[0], upper[-1] = bevel, top - bevel
    sides = [(zone, np.array([[radius, a], [radius, b]])) for (zone, _), a, b in zip(pieces, lower, upper, strict=True)]
    bottom = np.array([[0.0, 0.0], [radius - bevel, 0.0], [radius, bevel]])
    return revolve(solid, [(tip, bottom), *sides, (tip, bottom[::-1] * [1, -1] + [0, top])], 24)


def rings(solid: str, pieces: Sequence[tuple[str, Sequence[Floats]]]) -> list[Patch]:
    """Build a solid around z from closed rings of equally many points, (points, 3), the last repeating the first.

    Parameters
    ----------
    pieces : (zone, rings) in order, from the middle of the bottom up the outside to the middle of the top; a piece
        begins with the ring that ends the one before it. The first and the last ring are points on the axis.
    """
    return [Patch(solid=solid, zone=zone, points=np.stack(list(lines)), wrap_u=True) for zone, lines in pieces]


def spanner_flats(across_flats: float, rounding: float, parts: int) -> Floats:
    """Return a rounded hexagon, counter-clockwise, flats in `parts`, closer where a chamfer bends them most.

    Shape (6 (parts + 3) + 1, 2); the last point repeats the first exactly.
    """
    corners = hexagon(across_flats, rounding)[:-1].reshape(6, 4, 2)
    even = np.arange(1, parts)[:, None] / parts
    share = even - 0.12 * np.sin(2 * np.pi * even)
    flats = (1 - share) * corners[:, None, -1] + share * np.roll(corners, -1, axis=0)[:, None, 0]
    ring = np.concatenate([corners, flats], axis=1).reshape(-1, 2)
    return np.concatenate([ring, ring[:1]])


def chamfer(outline: Floats, seat: float) -> Floats:
    """Return the depth, (points,), to which a 30 degree cone from a circle of radius `seat` cuts an outline's edge."""
    return np.asarray(np.maximum(np.linalg.norm(outline, axis=1) - seat, 0.0) * np.tan(np.pi / 6))


def ring(outline: Floats, z: ArrayLike, radius: float | None = None) -> Floats:
    """Return the outline at height z, (points, 3), or the circle of `radius` (0 for the axis) along the same rays."""
    if radius is not None:
        outline = radius * outline / np.linalg.norm(outline, axis=1, keepdims=True)
    return np.column_stack([outline, np.broadcast_to(z, len(outline))])


def nut(solid: str, bolt_m: float, height_m: float) -> list[Patch]:
    """Build a hexagon nut or bolt head on z = 0; 1.5 bolt diameters and 3.2 mm across flats (ASME B18.2.2, heavy)."""
    across = 1.5 * bolt_m + 0.0032
    outline, seat = spanner_flats(across, 0.06 * across, 5), 0.475 * across
    sides = [ring(outline, 0.0), ring(outline, height_m - chamfer(outline, seat)), ring(outline, height_m, seat)]
    middle = [ring(outline, z, 0.0) for z in (0.0, height_m)]
    top = [("bolt", sides[1:]), ("bolt", [sides[2], middle[1]])]  # separate islands: texels keep to their facets
    return rings(solid, [(COVERED, [middle[0], sides[0]]), ("bolt", sides[:2]), *top])


def dome(
    solid: str, zone: str, length: float, width: float, height: float, segments: int = 24, rows: int = 6
) -> list[Patch]:
    """Build half an ellipsoid on z = 0 that reaches a little below it: a rivet head or a chequer tear."""
    angle = np.linspace(0, np.pi / 2, rows + 1)
    outside = np.column_stack([np.cos(angle), np.sin(angle)])
    outside[-1, 0] = 0.0
    patches = revolve(solid, [(COVERED, np.array([[0.0, 0.0], [1.0, 0.0]])), (zone, outside)], segments)
    sunk = 0.1 * height
    scale = np.array([length / 2, width / 2, height + sunk])
    return [replace(patch, points=patch.points * scale - [0, 0, sunk]) for patch in patches]


def tears(
    solid: str, length: float, width: float, pitch: float, clear: Callable[[float, float], bool] | None = None
) -> list[Patch]:
    """Build raised tears of chequer plate on z = 0 within `length` along x and `width` along y, all one solid.

    Tears of one direction stand on a square lattice of two `pitch`es, the others at the middle of its squares; they
    are 1.9 pitches long, 0.34 wide, 1.8 mm high and pointed (by eye, from photographs). `clear` says whether
    there may be a tear at an x and y.
    """
    long, wide, high, sunk = 1.9 * pitch, 0.34 * pitch, 0.0018, 0.0002
    along, across, rise = np.linspace(-1, 1, 7), np.array([-1.0, -0.45, 0.45, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
    top = np.stack(
        [
            np.broadcast_to(along * long / 2, (4, 7)),
            (1 - np.abs(along) ** 2.5) * across[:, None] * wide / 2,
            (1 - along**4) * rise[:, None] * (high + sunk) - sunk,
        ],
        axis=2,
    )
    reach = 0.36 * long + wide / 3  # reach of a tear at 45 degrees along x or y
    columns, rows = (int((side - 2 * reach) / pitch) + 1 for side in (length, width))
    patches: list[Patch] = []
    for row in range(max(rows, 0)):
        turned = top @ axes([0, 0, 1], [1, 1 if row % 2 else -1, 0]).T
        for column in range(row % 2, columns, 2):
            x, y = (column - (columns - 1) / 2) * pitch, (row - (rows - 1) / 2) * pitch
            if clear is not None and not clear(x, y):
                continue
            points = turned + np.array([x, y, 0.0])
            patches.append(Patch(solid=solid, zone="tear", points=points))
            patches.append(Patch(solid=solid, zone=COVERED, points=points[[-1, 0]]))
    return patches


def ring_bead(solid: str, radius: float, width: float, height: float, ripple_m: float = RIPPLE_M) -> list[Patch]:
    """Build a girth weld bead about z at z = 0 on a cylinder of this radius, with the ripples of weld passes."""
    segments = 4 * max(12, round(2 * np.pi * radius / ripple_m))
    across = np.linspace(-1.0, 1.0, 9)
    turn = circle(1.0, segments)
    ripple = 1 + 0.18 * np.sin(np.arange(segments + 1) * np.pi / 2 + 3.0 * across[:, None] ** 2)
    ripple[:, -1] = ripple[:, 0]
    sunk = 0.0006 + radius * (1 - np.cos(np.pi / 48))  # below the facets of the coarsest pipe
    crown = radius - sunk + (height + sunk) * np.sqrt(np.maximum(1 - across[:, None] ** 2, 0.0)) * ripple
    z = np.broadcast_to(across[:, None] * width / 2, crown.shape)
    outer = np.stack([crown * turn[:, 0], crown * turn[:, 1], z], axis=2)
    return [
        Patch(solid=solid, zone="weld", points=outer, wrap_u=True),
        Patch(solid=solid, zone=COVERED, points=outer[[-1, 0]], wrap_u=True),
    ]


def bead(solid: str, length: float, section: Floats) -> list[Patch]:
    """Build a straight weld bead along x from 0 on a corner or a plate.

    Parameters
    ----------
    section : (n, 2) in (y, z), counter-clockwise: the exposed line of the bead, whose ends lie within the parent
        metal; the chord between its ends closes it.
    """
    rows = 4 * max(2, round(length / RIPPLE_M)) + 1
    x = np.linspace(0, length, rows)
    across = np.linspace(-1.0, 1.0, len(section))
    middle = (section[0] + section[-1]) / 2
    ripple = 1 + 0.12 * np.sin(np.arange(rows)[:, None] * np.pi / 2 + 3.0 * across**2) * (1 - across**2)
    offsets = middle + (section - middle) * ripple[..., None]
    centres = np.column_stack([x, np.zeros(rows), np.zeros(rows)])
    y_axis, z_axis = np.tile([0.0, 1.0, 0.0], (rows, 1)), np.tile([0.0, 0.0, 1.0], (rows, 1))
    points = sweep(centres, y_axis, z_axis, offsets)
    ends = [np.broadcast_to(points[row].mean(axis=0), points[row].shape) for row in (0, -1)]
    patches = [
        Patch(solid=solid, zone="weld", points=points),
        Patch(solid=solid, zone="weld", points=np.stack([ends[0], points[0]])),
        Patch(solid=solid, zone="weld", points=np.stack([points[-1], ends[1]])),
    ]
    # The chord: a strip as long as the bead, and at each end the triangle that the fans leave open.
    chord = points[:, [-1, 0]]
    patches.append(Patch(solid=solid, zone=COVERED, points=chord))
    patches.append(Patch(solid=solid, zone=COVERED, points=np.stack([ends[0][:2], chord[0]])))
    patches.append(Patch(solid=solid, zone=COVERED, points=np.stack([chord[-1], ends[1][:2]])))
    return patches


def box(solid: str, size: ArrayLike, radius: float, *, face: str, side: str, bottom: str) -> list[Patch]:
    """Build a box with rounded long edges on z = 0, centred in x and y.

    Parameters
    ----------
    size : (3,) metres along x, y, z.
    radius : radius of the edges of top and bottom; the four upright corners stay sharp, as a saw leaves them.
    face, side, bottom : zones of the top, of the four sides with their rounded edges, and of the bottom.
    """
    length, width, height = np.asarray(size, dtype=float)
    inner = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) * [length / 2 - radius, width / 2 - radius]
    profile = np.concatenate([arc((0, radius), radius, -90, 0, 4), arc((0, height - radius), radius, 0, 90, 4)])
    profile[[0, -1], 0] = 0.0
    profile[[0, -1], 1] = 0.0, height
    corner = np.sign(inner)[:, None, :] * profile[None, :, :1] + inner[:, None, :]
    edges = np.concatenate([corner, np.broadcast_to(profile[None, :, 1:], (4, len(profile), 1))], axis=2)
    patches = [
        Patch(solid=solid, zone=side, points=np.stack([edges[index], edges[(index + 1) % 4]], axis=1))
        for index in range(4)
    ]
    for zone, level, order in ((face, -1, (3, 0, 2, 1)), (bottom, 0, (0, 3, 1, 2))):
        patches.append(Patch(solid=solid, zone=zone, points=edges[list(order), level].reshape(2, 2, 3)))
    return patches
