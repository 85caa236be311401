"""Connections of steelwork: bolts, anchors, fillet welds, cut plates, web stiffeners."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from corrotwin.twin.geometry import slabs, solids
from corrotwin.twin.geometry.atlas import Floats, Patch

WASHER = 0.925  # radius in bolt diameters: 37 mm across for M20 (EN 14399-6)
RIVET_HEAD = 0.65  # height of a round rivet head in diameters
STACK = 1.6  # greatest height of washer, nut and tip, in bolt diameters
SUNK_M = 0.0006  # how deep beads and the like reach into the steel under them

UPRIGHT = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # a bar along x, standing: its (y, z) is (x, y)
HANGING = np.diag([1.0, -1.0, -1.0])  # turns a part that stands on z = 0 to hang from it


def bolts(places: ArrayLike, outwards: ArrayLike, diameter: float, grip: float, tag: str) -> list[Patch]:
    """Build bolts through `grip` of steel: head and washer on the near face, washer, nut and tip on the far one.

    Parameters
    ----------
    places : (n, 3) metres, on the near face.
    outwards : (3,) from the near face towards the heads.
    """
    near = solids.named(_washer(diameter), "a")
    near += solids.place(
        solids.named(solids.nut("head", diameter, 0.63 * diameter), ""), np.eye(3), (0, 0, 0.2 * diameter)
    )
    far = _secured("nut", "b", diameter, 0.3 * diameter)
    parts = near + solids.place(far, np.diag([1.0, -1.0, -1.0]), (0, 0, -grip))
    return _spread(solids.thick(parts, 1000 * diameter), places, outwards, tag)


def rivets(places: ArrayLike, outwards: ArrayLike, diameter: float, grip: float, tag: str) -> list[Patch]:
    """Build the two round heads of rivets through `grip` of steel; arguments as for `bolts`. Heads by ISO 1051."""
    head = solids.dome("rivet", "rivet", 1.6 * diameter, 1.6 * diameter, RIVET_HEAD * diameter, 16, 4)
    far = solids.named(solids.place(head, HANGING, (0, 0, -grip)), "b")
    return _spread(solids.thick(solids.named(head, "a") + far, 1000 * diameter), places, outwards, tag)


def anchors(places: ArrayLike, outwards: ArrayLike, diameter: float, height: float, tag: str) -> list[Patch]:
    """Build nuts on washers with the ends of anchor rods that stand `height` above the nut."""
    return _spread(solids.thick(_secured("nut", "", diameter, height), 1000 * diameter), places, outwards, tag)


def _washer(diameter: float) -> list[Patch]:
    radius, height = WASHER * diameter, 0.2 * diameter
    seat = 0.75 * diameter + 0.0016  # half of the width of `solids.nut` across flats
    outside = np.array([[radius, 0.0], [radius, 0.9 * height], [radius - 0.1 * height, height]])
    return solids.revolve(
        "washer",
        [
            (solids.COVERED, np.array([[0.0, 0.0], outside[0]])),
            ("crevice", outside),
            ("bolt", np.array([outside[-1], [seat, height]])),
            (solids.COVERED, np.array([[seat, height], [0.0, height]])),
        ],
        24,
    )


def _secured(nut: str, tag: str, diameter: float, tip: float) -> list[Patch]:
    """Build a washer, a nut and the tip of the thread beyond it, on z = 0."""
    washer, height = 0.2 * diameter, 0.9 * diameter
    outside = np.array([[0.5, -0.03], [0.5, tip / diameter - 0.08], [0.42, tip / diameter]]) * diameter
    rod = [
        (solids.COVERED, np.array([[0.0, outside[0, 1]], outside[0]])),
        ("thread", outside),
        ("thread", np.array([outside[-1], [0.0, tip]])),
    ]
    parts = _washer(diameter)
    parts += solids.place(solids.nut(nut, diameter, height), np.eye(3), (0, 0, washer))
    parts += solids.place(solids.revolve("tip", rod, 24), np.eye(3), (0, 0, washer + height))
    return solids.named(parts, tag)


def _spread(parts: Sequence[Patch], places: ArrayLike, outwards: ArrayLike, tag: str) -> list[Patch]:
    """Copy `parts` with z along `outwards`, turned by the golden angle without a random draw."""
    axis = np.asarray(outwards, dtype=float)
    across = np.roll(axis, 1)
    patches: list[Patch] = []
    for number, place in enumerate(np.asarray(places, dtype=float)):
        angle = 2.4 * (number + 1)
        turn = solids.axes(axis, across) @ np.array(
            [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        )
        patches += solids.named(solids.place(parts, turn, place), f"{tag} {number + 1}")
    return patches


def fillet(leg: float, points: int = 6) -> Floats:
    """Return the exposed line of a fillet weld, (points, 2), in a corner along +y and +z; nearly flat."""
    turn = np.radians(np.linspace(0, 90, points))
    swell = (leg + SUNK_M) * (0.72 + 0.28 * np.abs(np.cos(2 * turn)))
    return np.column_stack([swell * np.cos(turn), swell * np.sin(turn)]) - SUNK_M


def seam(solid: str, start: ArrayLike, end: ArrayLike, faces: tuple[ArrayLike, ArrayLike], leg: float) -> list[Patch]:
    """Build a fillet weld from `start` to `end` along the corner of two faces, given by outward normals (3,)."""
    near, far = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    first, second = (np.asarray(face, dtype=float) for face in faces)
    if np.dot(np.cross(second, first), far - near) < 0:
        near, far = far, near
    length = float(np.linalg.norm(far - near))
    turn = np.column_stack([(far - near) / length, second, first])
    return solids.place(solids.bead(solid, length, fillet(leg)), turn, near)


def collar(
    solid: str,
    outline: Floats,
    leg: float,
    cylinder: float | None = None,
    tilt: float = 0.0,
    spacing: float = 0.0025,
) -> list[Patch]:
    """Build a fillet weld all around a bar that stands on a surface, z along the bar.

    Parameters
    ----------
    outline : (n + 1, 2) loop of the bar's section, counter-clockwise, closed.
    cylinder : radius of a round bar about the x axis on which it stands; None for the plane z = 0.
    tilt : radians by which the round bar's axis, or the plane, rises along x.
    spacing : distance between rows, metres; ripples are `solids.RIPPLE_M` long.
    """
    steps = np.linalg.norm(np.diff(outline, axis=0), axis=1)
    counts = np.maximum(1, np.ceil(steps / spacing - 1e-6).astype(int))
    lines = zip(outline[:-1], outline[1:], counts, strict=True)
    ring = np.concatenate([a + np.linspace(0, 1, n, endpoint=False)[:, None] * (b - a) for a, b, n in lines])
    ahead = np.roll(ring, -1, axis=0) - ring
    out = np.column_stack([ahead[:, 1], -ahead[:, 0]]) / np.linalg.norm(ahead, axis=1)[:, None]
    mitre = out + np.roll(out, 1, axis=0)
    mitre /= np.maximum(1 + (out * np.roll(out, 1, axis=0)).sum(axis=1), 0.6)[:, None]
    x, y = ring.T
    # Normal of the surface along the ring: of the round bar before it is tilted, then tilted with it.
    level = np.ones(len(ring)) if cylinder is None else saddle(cylinder, y)
    height = x * np.tan(tilt) + (0.0 if cylinder is None else level / np.cos(tilt))
    normal = _unit(np.column_stack([-np.sin(tilt) * level, 0 * y if cylinder is None else y, np.cos(tilt) * level]))
    side = _unit(np.column_stack([mitre, 0 * x]))
    root = np.column_stack([ring, height])
    along = _unit(np.roll(root, -1, axis=0) - np.roll(root, 1, axis=0))
    outwards = np.linalg.norm(mitre, axis=1)[:, None] * np.cross(along, normal)
    upwards = np.array([0.0, 0.0, 1.0])
    share = np.linspace(0, 1, 5)[:, None, None]
    far = np.concatenate([[0.0], np.cumsum(np.linalg.norm(ahead, axis=1))[:-1]]) / steps.sum()
    phase = 2 * np.pi * max(3, round(steps.sum() / solids.RIPPLE_M)) * far[:, None]
    smooth = np.maximum((normal * side).sum(axis=1), 0.0)[:, None]  # where the two surfaces run into each other
    size = np.full((len(ring), 1), leg)
    if cylinder is not None:  # a smaller weld where the round bar falls away
        size *= np.clip((cylinder - np.abs(y)) / leg, 0.5, 1.0)[:, None]
    crown = size * (0.14 + 0.35 * smooth + 0.12 * np.sin(phase + 4 * (share - 0.5) ** 2))
    bead = root + 4 * share * (1 - share) * crown * _unit(normal + side)
    bead = bead + (1 - share) * (size * outwards - SUNK_M * normal) + share * (size * upwards - SUNK_M * side)
    hidden = np.stack([bead[-1], root - SUNK_M * (normal + side), bead[0]])
    return [
        Patch(solid=solid, zone=zone, points=np.concatenate([points, points[:, :1]], axis=1), wrap_u=True)
        for zone, points in (("weld", bead), (solids.COVERED, hidden))
    ]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def saddle(radius: float, across: Floats) -> Floats:
    """Return the height of a round bar's surface over its axis at distances `across` from it; 0 beyond its sides."""
    return np.asarray(np.sqrt(np.maximum(radius**2 - across**2, 0.0)))


def stretches(zones: Sequence[str], line: Floats) -> list[tuple[str, Floats]]:
    """Divide a line of n + 1 points, with a zone for each of its n segments, where the zone changes."""
    ends = [0, *(n for n in range(1, len(zones)) if zones[n] != zones[n - 1]), len(zones)]
    return [(zones[first], line[first : last + 1]) for first, last in pairwise(ends)]


def gusset(
    solid: str,
    lower: ArrayLike,
    upper: ArrayLike,
    thickness: float,
    *,
    face: str,
    edges: tuple[str | Sequence[str], str | Sequence[str], str, str],
) -> list[Patch]:
    """Build a plate cut from a sheet: its outline in (x, z) lies between two lines of n points, thickness along y.

    Parameters
    ----------
    lower, upper : (n, 2) from left to right; where they meet at an end, there is no edge.
    edges : zones of the lower, upper, left and right edges; lower and upper also take one for each of n - 1 stretches.
    """
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    half = thickness / 2

    def at(line: Floats, y: float) -> Floats:
        return np.column_stack([line[:, 0], np.full(len(line), y), line[:, 1]])

    front = np.stack([at(low, -half), at(high, -half)])
    back = front * [1, -1, 1]
    patches = [
        Patch(solid=solid, zone=face, points=front),
        Patch(solid=solid, zone=face, points=back[:, ::-1]),
    ]
    for zones, strip in ((edges[0], np.stack([back[0], front[0]])), (edges[1], np.stack([front[1], back[1]]))):
        names = [zones] * (len(low) - 1) if isinstance(zones, str) else zones
        for zone, line in stretches(names, strip.transpose(1, 0, 2)):
            patches.append(Patch(solid=solid, zone=zone, points=line.transpose(1, 0, 2)))
    for zone, side in ((edges[2], [front[:, 0], back[:, 0]]), (edges[3], [back[:, -1], front[:, -1]])):
        if not np.allclose(side[0][0], side[0][1]):
            patches.append(Patch(solid=solid, zone=zone, points=np.stack(side)))
    return patches


def pressed(solid: str, size: ArrayLike) -> list[Patch]:
    """Build a plate on another solid at z = 0, centred: its lower face covered, the rim of the joint a crevice."""
    parts = slabs.slab(solid, size, cut="rolled", bottom=((np.inf, solids.COVERED),))
    return solids.thick(parts, 1000 * float(np.asarray(size)[2]))


Seat = tuple[tuple[float, float], tuple[float, float]]  # least and greatest x, and y, of the area pressed on a face
ALL: Seat = ((-np.inf, np.inf), (-np.inf, np.inf))


def seated(solid: str, size: ArrayLike, below: Seat | None, above: Seat | None) -> list[Patch]:
    """Build a plate on z = 0, centred, (3,) metres, with a covered rectangle on the face below and the one above.

    Seats that reach the edge of the plate end where its rounding begins; over `ALL` below, that rounding is a crevice.
    """
    half = np.asarray(size, dtype=float) * [0.5, 0.5, 1.0]
    r = min(0.002, half[2] / 4)
    rim = np.concatenate([solids.arc((-r, r), r, -90, 0, 4), solids.arc((-r, half[2] - r), r, 0, 90, 4)])
    lines = []
    for axis in (0, 1):
        limits = [-half[axis], half[axis], *(x for seat in (below, above) if seat for x in seat[axis])]
        lines.append(np.unique(np.clip(limits, r - half[axis], half[axis] - r)))
    patches: list[Patch] = []
    last = [len(line) - 1 for line in lines]
    for z, seat, zone in ((0.0, below, "back"), (half[2], above, "face")):
        grid = np.stack([*np.meshgrid(*lines), np.full((last[1] + 1, last[0] + 1), z)], axis=2)
        (a, b), (c, d) = (
            [int(np.searchsorted(line, x + 1e-9)) - 1 for x in np.clip(limits, line[0], line[-1])]
            for line, limits in zip(lines, seat or ((0, 0), (0, 0)), strict=True)
        )
        cells = [(0, a, 0, last[1], zone), (a, b, 0, c, zone), (a, b, c, d, solids.COVERED)]
        cells += [(a, b, d, last[1], zone), (b, last[0], 0, last[1], zone)]
        for i, j, k, m, name in cells:
            if i < j and k < m:
                points = grid[k : m + 1, i : j + 1]
                patches.append(Patch(solid=solid, zone=name, points=points if z else points[:, ::-1]))
    for side, forward in enumerate(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])):
        along = lines[side % 2] if side < 2 else -lines[side % 2][::-1]
        rows = np.tile(along, (len(rim), 1))
        rows[:, 0], rows[:, -1] = -half[side % 2] - rim[:, 0], half[side % 2] + rim[:, 0]
        away = np.broadcast_to((half[1 - side % 2] + rim[:, 0])[:, None], rows.shape)
        flat = rows[..., None] * forward + away[..., None] * [forward[1], -forward[0]]
        height = np.broadcast_to(rim[:, 1, None, None], (*rows.shape, 1))
        points = np.concatenate([flat, height], axis=2)
        patches.append(Patch(solid=solid, zone="crevice" if below == ALL else "edge", points=points[:5]))
        patches.append(Patch(solid=solid, zone="edge", points=points[4:]))
    return solids.thick(patches, 1000 * half[2])


def stiffeners(x: float, beam: Sequence[float], thickness: float, tag: str) -> list[Patch]:
    """Build a pair of web stiffeners across a beam of `profiles.i_section` along x, with their fillet welds.

    Parameters
    ----------
    x : where, metres.
    beam : h, b, tw, tf, r in metres.
    """
    h, b, tw, tf, r = beam
    snipe, leg = r + 0.006, max(0.003, 0.5 * thickness)
    wide, high = (b - tw) / 2 - max(0.002, 0.02 * b), h - 2 * tf
    lower = np.array([[0.0, snipe], [snipe, 0.0], [wide, 0.0]])
    upper = lower * [1, -1] + [0, high]
    hidden = ("edge", solids.COVERED)
    patches: list[Patch] = []
    for side, name in ((1, "left"), (-1, "right")):
        plate = gusset(
            "stiffener", lower, upper, thickness, face="stiffener", edges=(hidden, hidden, solids.COVERED, "edge")
        )
        turn = np.array([[0.0, -side, 0.0], [side, 0.0, 0.0], [0.0, 0.0, 1.0]])
        parts = solids.place(plate, turn, (x, side * tw / 2, tf))
        for along, end in ((-1.0, "near"), (1.0, "far")):
            face = x + along * thickness / 2
            lines = (
                ("web", (side * tw / 2, tf + snipe), (side * tw / 2, h - tf - snipe), (0, side, 0)),
                ("foot", (side * (tw / 2 + snipe), tf), (side * (tw / 2 + wide), tf), (0, 0, 1)),
                ("head", (side * (tw / 2 + snipe), h - tf), (side * (tw / 2 + wide), h - tf), (0, 0, -1)),
            )
            for which, start, stop, normal in lines:
                weld = f"{which} weld {end}"
                parts += seam(weld, (face, *start), (face, *stop), ((along, 0, 0), normal), leg)
        patches += solids.thick(solids.named(parts, f"{name} {tag}"), 1000 * thickness)
    return patches
