"""Pipe supports: saddles, U-bolts on an angle and two-half clamps, on posts or on a rail.

Each is built about the axis of the pipe, which runs along x, with the ground or the rail below. The sizes follow the
usual catalogues by eye; sections are those of `profiles`.
"""

from dataclasses import replace

import numpy as np

from corrotwin.twin.assets.piping.holder import BASE_M, CAP_M, STUB_M, Holder, post_size
from corrotwin.twin.geometry import extrusion, profiles, slabs, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.section_sizes import BEAMS

SUNK_M = 0.0003
BESIDE = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # turns x along y
RAILS = {
    "": "IPE 120",
    "HEA 100": "HEA 120",
    "HEA 140": "HEA 160",
    "HEA 200": "HEA 220",
}  # wider than the posts on them
ZONES = {"flange": "post", "web": "post", "body": "post"}


def support(own: Holder, drop: float, *, rail: bool) -> list[Patch]:
    """Build a support whose foot is `drop` below the pipe, on a base plate or, without one, on a rail."""
    ground = own.radius + drop
    foot = 0.0 if rail else BASE_M
    seat = own.radius + own.carrier + (0.0 if own.kind == "ubolt" else 0.15 * own.radius)
    post = ground - foot - seat - CAP_M
    if own.kind != "ubolt" and post < STUB_M:  # the carrier reaches down to the base
        seat, post = ground - BASE_M, 0.0
    parts, size = _carrier(own, seat)
    shift = -own.offset / 2 if own.kind == "ubolt" else 0.0
    if post > 0:
        section, corner, wall = _post(own.post)
        size = max(size[0], corner[0] + 0.02), max(size[1], corner[1] + 0.02)
        below = [(-corner[0] / 2, "back"), (corner[0] / 2, solids.COVERED), (np.inf, "back")]
        cap = slabs.slab("cap", (*size, CAP_M), cut="rolled", bottom=below)
        parts += solids.place(solids.thick(cap, 1000 * CAP_M), np.eye(3), (shift, 0, -seat - CAP_M))
        bar = extrusion.bar("post", section, 0.0, post + 2 * SUNK_M, (solids.COVERED, solids.COVERED))
        low = -ground + foot
        stem = solids.place(bar, BESIDE @ steelwork.UPRIGHT, (shift, 0, low - SUNK_M))
        leg = 0.004 if corner[0] < 0.09 else 0.006
        for name, turn, z in (("foot", np.eye(3), low), ("head", steelwork.HANGING, -seat - CAP_M)):
            weld = steelwork.collar(f"{name} weld", profiles.outline(section), leg)
            stem += solids.place(weld, turn @ BESIDE, (shift, 0, z))
        parts += solids.thick(stem, 1000 * wall)
        size = corner
    if not rail or post == 0:
        parts += solids.place(base_plate(size, own.bolt, anchored=not rail), np.eye(3), (shift, 0, -ground))
    return parts


def rail(own: Holder, drop: float, length: float) -> list[Patch]:
    """Build a column beside a standing pipe, from x = 0 to `length`, to which its supports are welded."""
    h, b, *rest = (value / 1000 for value in BEAMS[RAILS[own.post]])
    section = profiles.rezone(profiles.i_section(h, b, *rest), ZONES)
    top = -own.radius - drop
    parts = solids.place(
        extrusion.bar("rail", section, BASE_M - SUNK_M, length, (solids.COVERED, "end")), np.eye(3), (0, 0, top - h)
    )
    upwards = solids.axes([1, 0, 0], [0, 1, 0])
    # The base plate is flush on the pipe's side: its flange may be near.
    margin = 3.4 * own.bolt
    plate = steelwork.pressed("rail base", (b + 2 * margin, h + margin, BASE_M))
    parts += solids.place(plate, upwards, (0, 0, top - (h + margin) / 2))
    places = [(BASE_M, side * (b / 2 + 1.8 * own.bolt), top - depth * h) for side in (-1, 1) for depth in (0.2, 0.85)]
    return parts + steelwork.anchors(places, [1, 0, 0], own.bolt, 0.8 * own.bolt, "of the rail")


def _carrier(own: Holder, seat: float) -> tuple[list[Patch], tuple[float, float]]:
    """Build the part that holds the pipe above the seat; also return the size of the plate that it needs there."""
    if own.kind == "ubolt":
        return _ubolt(own)
    half, outside = own.width / 2, own.radius + own.strap
    turn = np.radians(55.0 if own.kind == "saddle" else 40.0)
    if own.kind == "saddle":
        pad = np.radians(60.0)
        strip = strap(around(own.radius - SUNK_M, -np.pi / 2 + pad, -np.pi / 2 - pad, 32), own.strap, 0)
        parts = bent("pad", strip, own)
        places, stays = [-2 * half / 3, 2 * half / 3], [(0.0, 4 * half / 3 - own.plate)]
    else:
        parts = _clamp(own)
        long = half - own.plate / 2
        places, stays = [0.0], [(side * (own.plate + long) / 2, long) for side in (-1, 1)]
    arc = around(outside - SUNK_M, -np.pi / 2 - turn, -np.pi / 2 + turn, 24)
    width = 1.8 * outside * np.sin(turn)
    line = np.column_stack([np.linspace(-width / 2, width / 2, len(arc)), np.full(len(arc), -seat)])
    for number, x in enumerate(places):
        edges = (solids.COVERED, solids.COVERED, "edge", "edge")
        plate = steelwork.gusset("cradle", line, arc, own.plate, face="stiffener", edges=edges)
        welded = solids.place(plate, BESIDE, (x, 0, 0))
        for side in (-1, 1):
            face = x + side * own.plate / 2
            ends = (face, -width / 2 + 0.003, -seat), (face, width / 2 - 0.003, -seat)
            welded += steelwork.seam(f"seat weld {side:+d}", *ends, ((side, 0, 0), (0, 0, 1)), 0.7 * own.plate)
        parts += solids.named(welded, str(number + 1))
    for number, (x, length) in enumerate(stays):
        size = (length, own.plate, seat - outside + SUNK_M)
        hidden = {"face": solids.COVERED, "bottom": solids.COVERED}
        stay = solids.box(f"stay {number + 1}", size, 0.001, side="stiffener", **hidden)
        parts += solids.place(stay, np.eye(3), (x, 0, -seat))
    return solids.thick(parts, 1000 * own.plate), (own.width + own.bolt, width + 2 * own.bolt)


def _clamp(own: Holder) -> list[Patch]:
    """Build two half rings with ears, and the bolts that draw them together."""
    gap = float(np.clip(0.1 * own.radius, 0.005, 0.014))
    ear = 2.8 * own.bolt
    inner = own.radius - SUNK_M
    start = float(np.arcsin(gap / 2 / inner))
    arc = around(inner, np.pi - start, start, 48)
    far = own.radius + own.strap + ear
    line = np.concatenate([[[-far, gap / 2]], arc, [[far, gap / 2]]])
    half = bent("strap", strap(line, own.strap, 1), own)
    parts = solids.named(half, "upper")
    parts += solids.named(solids.place(half, np.diag([1.0, -1.0, -1.0]), (0, 0, 0)), "lower")
    top, y = gap / 2 + own.strap, far - 0.45 * ear
    places = [(0, side * y, top) for side in (-1, 1)]
    bolts = steelwork.bolts(places, [0, 0, 1], own.bolt, 2 * top, "of the clamp")
    levels = [(solids.COVERED, own.strap), ("bolt", own.strap + gap), (solids.COVERED, 2 * top)]
    shank = solids.cylinder("shank", own.bolt / 2, levels, 0.0005, solids.COVERED)
    bolts += solids.copies(shank, np.eye(3), [(x, side, -top) for x, side, _z in places])
    return parts + solids.thick(bolts, 1000 * own.bolt)


def _ubolt(own: Holder) -> tuple[list[Patch], tuple[float, float]]:
    """Build the bent rod over the pipe, the angle on which the pipe lies, and the nuts below."""
    leg, thickness, root = own.angle
    reach = own.radius + own.bolt / 2 - SUNK_M
    section = profiles.angle(leg, thickness, root)
    half = own.radius + 3.4 * own.bolt
    bar = extrusion.bar("angle", profiles.rezone(section, ZONES), -half, half)
    # It runs across the pipe; the y of its section goes along the pipe, the z down.
    turn = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    parts = solids.place(bar, turn, (-own.offset, 0, -own.radius))
    top, bottom = -own.radius, -own.radius - thickness - 0.001
    arch = around(reach, 0, np.pi, 64)
    lines = [
        (solids.COVERED, np.array([[reach, bottom], [reach, top]])),
        ("bolt", np.array([[reach, top], [reach, 0.0]])),
        ("bolt", arch),
        ("bolt", np.array([[-reach, 0.0], [-reach, top]])),
        (solids.COVERED, np.array([[-reach, top], [-reach, bottom]])),
    ]
    ring = solids.circle(own.bolt / 2, 24)
    rod = []
    for zone, line in lines:
        out = np.column_stack([line[:, 0], np.maximum(line[:, 1], 0.0)])
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        centres, normals = (np.column_stack([np.zeros(len(flat)), flat]) for flat in (line, out))
        points = solids.sweep(centres, normals, np.tile([-1.0, 0.0, 0.0], (len(line), 1)), ring)
        rod.append(Patch(solid="U-bolt", zone=zone, points=points, wrap_u=True))
    first, last = rod[0].points[0], rod[-1].points[-1]
    middles = [np.broadcast_to(points[:-1].mean(axis=0), points.shape) for points in (first, last)]
    rod.append(Patch(solid="U-bolt", zone=solids.COVERED, points=np.stack([middles[0], first]), wrap_u=True))
    rod.append(Patch(solid="U-bolt", zone=solids.COVERED, points=np.stack([last, middles[1]]), wrap_u=True))
    places = [(0, side * reach, -own.radius - thickness) for side in (-1, 1)]
    nuts = steelwork.anchors(places, [0, 0, -1], own.bolt, 0.8 * own.bolt, "of the U-bolt")
    parts = solids.thick(parts, 1000 * thickness) + solids.thick(rod, 1000 * own.bolt) + nuts
    return parts, (leg + 2 * own.bolt, max(0.1, 1.4 * own.radius))


def around(radius: float, start: float, end: float, parts: int) -> Floats:
    """Return points (parts + 1, 2) in (y, z) around the axis of the pipe; angles from y towards z."""
    angle = np.linspace(start, end, parts + 1)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def strap(line: Floats, thickness: float, free: int) -> profiles.Section:
    """Return a bent flat bar on a pipe: `line` on its inner face, clockwise; `free` stretches at each end are ears."""
    section = profiles.folded(line, thickness)
    (_, inner), tip, (_, outer), other_tip = section.pieces
    last = len(line) - 1 - free
    pieces: list[tuple[str, Floats]] = []
    for zone, face, end in ((solids.COVERED, inner, tip), ("clamp", outer, other_tip)):
        parts = [("clamp", face[: free + 1]), (zone, face[free : last + 1]), ("clamp", face[last:])]
        pieces += [*(part for part in parts if len(part[1]) > 1), ("clamp", end[1])]
    return replace(section, pieces=tuple(pieces))


def bent(solid: str, section: profiles.Section, own: Holder) -> list[Patch]:
    """Build a strap or pad of this section, as wide as the holder's."""
    bar = extrusion.bar(solid, section, -own.width / 2, own.width / 2, ("edge", "edge"))
    return solids.thick(bar, 1000 * own.strap)


def _post(post: str) -> tuple[profiles.Section, tuple[float, float], float]:
    """Return the section of a post about its own axis, its size, and its wall or web thickness, m; web along the pipe.

    It is a square tube if no section is named.
    """
    size, wall = post_size(post), 0.003
    if not post:
        section = profiles.square_tube(size[0], wall)
    else:
        h, b, wall, *rest = (value / 1000 for value in BEAMS[post])
        section = profiles.moved(profiles.i_section(h, b, wall, *rest), (0.0, -h / 2))
    return profiles.rezone(section, ZONES), size, wall


def base_plate(standing: tuple[float, float], bolt: float, *, anchored: bool) -> list[Patch]:
    """Build the base plate under a part of this size (along the pipe, across), with its anchors."""
    size = (max(standing[0] + 3 * bolt, 5.2 * bolt), standing[1] + (6.8 * bolt if anchored else 0.0))
    parts = steelwork.pressed("base", (*size, BASE_M))
    if anchored:
        x, y = size[0] / 2 - 1.5 * bolt, standing[1] / 2 + 1.8 * bolt
        places = [(side * x, way * y, BASE_M) for side in (-1, 1) for way in (-1, 1)]
        parts += steelwork.anchors(places, [0, 0, 1], bolt, 0.8 * bolt, "of the base")
    return parts
