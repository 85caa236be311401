"""Supports of pressure vessels: saddles below a lying one; a skirt or legs under a standing one.

Each is built about the axis of the vessel, which runs along x from the lower tangent line, with the ground below or at
-x. Proportions are by eye, from drawings of fabricators.
"""

from dataclasses import dataclass, replace

import numpy as np

from corrotwin.twin.assets.piping import supports, tubes
from corrotwin.twin.assets.piping.holder import BASE_M, RIM_M, Holder
from corrotwin.twin.assets.piping.supports import BESIDE, SUNK_M
from corrotwin.twin.assets.vessels.heads import STRAIGHT_M, Head, ring_fillet
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import extrusion, profiles, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.section_sizes import ANGLES

SUPPORTS = ("saddles", "skirt", "legs")
ALONG = solids.axes([1, 0, 0], [0, 1, 0])
WRAP = np.radians(60.0)  # half of the arc of a saddle: the usual 120 degrees
LEG_OVERLAP_M = 0.25  # overlap of a leg on the shell
LAP_M = 0.025  # lap of a skirt over the straight flange
RING_M = 0.02  # thickness of the ring under a skirt
LEGS = {0.26: "L 60x6", 0.42: "L 80x8", 0.82: "L 100x10"}  # angle section of legs, by the greatest radius of the shell


@dataclass(frozen=True, kw_only=True)
class Saddle:
    """A saddle for a shell of this outside radius, m: pad, web, ribs and base plate."""

    radius: float

    @property
    def holder(self) -> Holder:
        """Dimensions, as for a pipe's saddle."""
        thick = float(np.clip(0.014 * self.radius, 0.006, 0.014))
        return Holder(
            kind="saddle",
            radius=self.radius,
            width=float(np.clip(0.3 * self.radius, 0.1, 0.4)),
            strap=thick,
            plate=float(np.clip(0.016 * self.radius, 0.008, 0.016)),
            bolt=0.016 if self.radius < 0.4 else 0.020 if self.radius < 0.8 else 0.024,
            angle=(0.06, 0.006, 0.008),
            post="",
        )

    def half_m(self) -> float:
        """Return half the length that it occupies on the skin."""
        return self.holder.width / 2 + RIM_M

    def least_m(self) -> float:
        """Return the least height of the shell above the ground."""
        return self.holder.strap + BASE_M + 0.06


def saddle(own: Holder, drop: float) -> list[Patch]:
    """Build a saddle about x = 0 whose foot is `drop` below the shell."""
    ground, outside = own.radius + drop, own.radius + own.strap
    seat = ground - BASE_M
    strip = supports.strap(supports.around(own.radius - SUNK_M, -np.pi / 2 + WRAP, -np.pi / 2 - WRAP, 48), own.strap, 0)
    parts = supports.bent("pad", strip, own)
    turn = 0.95 * WRAP
    arc = supports.around(outside - SUNK_M, -np.pi / 2 - turn, -np.pi / 2 + turn, 32)
    width = 2 * outside * np.sin(turn)
    line = np.column_stack([np.linspace(-width / 2, width / 2, len(arc)), np.full(len(arc), -seat)])
    edges = (solids.COVERED, solids.COVERED, "edge", "edge")
    parts += solids.place(
        steelwork.gusset("web", line, arc, own.plate, face="stiffener", edges=edges), BESIDE, (0, 0, 0)
    )
    for side in (-1, 1):
        face = side * own.plate / 2
        ends = (face, -width / 2 + 0.003, -seat), (face, width / 2 - 0.003, -seat)
        parts += steelwork.seam(f"seat weld {side:+d}", *ends, ((side, 0, 0), (0, 0, 1)), 0.7 * own.plate)
    long = own.width / 2 - own.plate / 2
    far = width / 2 - own.plate / 2
    for number, y in enumerate(np.linspace(-far, far, 3 + 2 * int(width / 1.2))):
        # Its top meets the pad at its farther side; the nearer side sinks into the pad.
        high = seat - np.sqrt(outside**2 - (abs(y) + own.plate / 2) ** 2) - SUNK_M
        size = (long, own.plate, high)
        for side in (-1, 1):
            hidden = {"face": solids.COVERED, "bottom": solids.COVERED}
            rib = solids.box(f"rib {number + 1} {side:+d}", size, 0.001, side="stiffener", **hidden)
            parts += solids.place(rib, np.eye(3), (side * (own.plate + long) / 2, y, -seat))
    parts = solids.thick(parts, 1000 * own.plate)
    base = supports.base_plate((own.width + own.bolt, width + 2 * own.bolt), own.bolt, anchored=True)
    return parts + solids.place(base, np.eye(3), (0, 0, -ground))


@dataclass(frozen=True, kw_only=True)
class Skirt:
    """A skirt lapped over the straight flange of the lower head, `height` m below the tangent line."""

    head: Head
    height: float

    @property
    def thickness(self) -> float:
        """Thickness of its plate, m."""
        return float(np.clip(0.9 * self.head.thickness, 0.006, 0.016))

    @property
    def radius(self) -> float:
        """Outside radius, m."""
        return self.head.radius + self.thickness

    def access(self) -> tubes.Opening | None:
        """Return the access opening towards the front, as large as fits; None if there is too little room."""
        clear = self.height - RING_M - 0.1
        foot = min(0.25, 0.3 * self.radius, 0.4 * clear)
        if foot < 0.06:
            return None
        at = -self.height + RING_M + 0.05 + foot + 0.3 * (clear - 2 * foot)
        return tubes.Opening(at=at, angle=np.pi, foot=foot, bore=0.97 * (foot - 0.008), leg=0.006)


def skirt(own: Skirt) -> list[Patch]:
    """Build a skirt with its access opening, the ring under it and its anchors."""
    low, opening, radius = -own.height + RING_M, own.access(), own.radius
    bands = []
    if opening is not None:
        half = opening.half_length()
        bands.append(tubes.Band(low=opening.at - half, high=opening.at + half, opening=opening))
    plate = tubes.run("skirt", low, LAP_M, radius, own.thickness, (solids.COVERED, "edge"), bands)
    patches: list[Patch] = []
    for patch in plate:
        zone = {"body": "skirt", "bore": "back"}.get(patch.zone, patch.zone)
        x = patch.points[..., 0]
        if patch.zone == "bore" and x.max() == LAP_M and len(x) == 2:  # rows from high to low
            tangent = patch.points[1] + (patch.points[0] - patch.points[1]) * (0.0 - x.min()) / (LAP_M - x.min())
            patches.append(replace(patch, zone=solids.COVERED, points=np.stack([patch.points[0], tangent])))
            patches.append(replace(patch, zone=zone, points=np.stack([tangent, patch.points[1]])))
        else:
            patches.append(replace(patch, zone=zone))
    if opening is not None:
        sleeve = tubes.branch(opening, radius + 0.05, radius, 0.008, "edge")
        renamed = {"body": "skirt", "bore": "back"}
        sleeve = [
            replace(part, zone=renamed.get(part.zone, part.zone), solid=part.solid.replace("branch", "access"))
            for part in sleeve
        ]
        turn: Floats = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
        patches += solids.place(sleeve, turn, (opening.at, 0, 0))
    leg, sunk = 0.8 * own.thickness, 0.0006 + 0.0004 * radius
    outwards, upwards = np.array([leg, -sunk]), np.array([-sunk, leg])
    for name, corner in (("lap weld", np.array([own.head.radius, LAP_M])), ("ring weld", np.array([radius, low]))):
        weld = ring_fillet(name, corner + outwards, corner + upwards, corner - sunk)
        patches += solids.place(weld, ALONG, (0, 0, 0))
    return solids.thick(patches, 1000 * own.thickness) + _ring(own)


def _ring(own: Skirt) -> list[Patch]:
    """Build the ring under a skirt and the anchors outside of it."""
    bolt = 0.020 if own.radius < 0.6 else 0.024
    inner, outer = own.radius - own.thickness - 2 * bolt, own.radius + 4.2 * bolt
    inside, outside = own.radius - own.thickness, own.radius
    outline = [(outer, 0.0), *((r, RING_M) for r in (outer, outside, inside, inner)), (inner, 0.0), (outer, 0.0)]
    pieces = solids.facets(outline, ["edge", "face", solids.COVERED, "face", "edge", solids.COVERED])
    ring = solids.thick(solids.revolve("base ring", pieces, tubes.segments(own.radius)), 1000 * RING_M)
    patches = solids.place(ring, ALONG, (-own.height, 0, 0))
    circle = own.radius + 2.4 * bolt
    count = 4 * max(2, int(np.ceil(2 * np.pi * circle / 1.8)))
    turn = 2 * np.pi * (np.arange(count) + 0.5) / count
    places = np.column_stack([np.full(count, RING_M - own.height), circle * np.cos(turn), circle * np.sin(turn)])
    return patches + steelwork.anchors(places, [1, 0, 0], bolt, 0.8 * bolt, "of the skirt")


def leg_size(radius: float) -> str:
    """Return the angle of the legs under a shell of this radius; raise InputError if none carries it."""
    size = next((name for most, name in LEGS.items() if radius <= most), "")
    if not size:
        raise InputError(f"vessel on legs: up to {2000 * max(LEGS):g} mm outside; choose a skirt or saddles")
    return size


def leg_angles(radius: float) -> Floats:
    """Return the directions of the legs round the axis, radians from y towards z: three, or four on a larger vessel."""
    count = 3 if radius < 0.35 else 4
    return np.asarray(np.pi / 4 + 2 * np.pi * np.arange(count) / count)


def leg_toe(radius: float) -> float:
    """Return the angle from the middle of a leg to where it touches a shell of this radius."""
    return float(np.arcsin(ANGLES[leg_size(radius)][0] / 1000 / np.sqrt(2) / radius))


def legs(radius: float, height: float, top: float) -> list[Patch]:
    """Build legs of angles whose toes are welded to the shell, from the ground at x = -height to x = top."""
    leg, thick, root = (value / 1000 for value in ANGLES[leg_size(radius)])
    section = profiles.angle(leg, thick, root)
    zones = {"flange": "post"}
    outline = np.concatenate([line for _, line in section.pieces])
    inward, aside = outline.sum(axis=1) / np.sqrt(2), (outline[:, 0] - outline[:, 1]) / np.sqrt(2)
    heel = float((inward + np.sqrt((radius - SUNK_M) ** 2 - aside**2)).max())
    touch = int(np.argmax(inward + np.sqrt((radius - SUNK_M) ** 2 - aside**2)))
    bar = extrusion.bar("leg", profiles.rezone(section, zones), BASE_M - height - SUNK_M, top, (solids.COVERED, "end"))
    bar = solids.thick(bar, 1000 * thick)
    bolt = 0.016
    side = 1.6 * leg + 5 * bolt
    plate = steelwork.pressed("leg base", (side, side, BASE_M))
    patches: list[Patch] = []
    for number, angle in enumerate(leg_angles(radius)):
        # From the heel the legs of the section spread towards the axis, 45 degrees to either side.
        spread = angle + np.pi - np.pi / 4
        cos, sin = np.cos(spread), np.sin(spread)
        out = np.array([0.0, np.cos(angle), np.sin(angle)])
        parts = solids.place(bar, [[1, 0, 0], [0, cos, -sin], [0, sin, cos]], heel * out)
        across = np.array([0.0, -np.sin(angle), np.cos(angle)])
        for hand in (-1, 1):
            corner = out * (heel - inward[touch]) + hand * abs(aside[touch]) * across
            normal = corner / np.linalg.norm(corner)
            beside = hand * np.cross([1.0, 0.0, 0.0], normal)
            start, stop = corner.copy(), corner.copy()
            start[0], stop[0] = top - LEG_OVERLAP_M + 0.01, top
            parts += steelwork.seam(f"leg weld {hand:+d}", start, stop, (normal, beside), 0.7 * thick)
        middle = out * (heel - 0.35 * leg)
        upwards = solids.axes([1, 0, 0], out)
        parts += solids.place(plate, upwards, middle - height * np.eye(3)[0])
        place = middle + out * (0.5 * side - 1.8 * bolt) + (BASE_M - height) * np.eye(3)[0]
        places = [place + hand * (0.5 * side - 1.8 * bolt) * across for hand in (-1, 1)]
        parts += steelwork.anchors(places, [1, 0, 0], bolt, 0.8 * bolt, "")
        patches += solids.named(parts, f"of leg {number + 1}")
    return solids.thick(patches, 1000 * thick)


def leg_bands(radius: float, low: float, high: float) -> list[tubes.Band]:
    """Return the zones of the skin behind legs, from `low` to `high`: crevices between their toes."""
    count = tubes.segments(radius)
    step, toe = 2 * np.pi / count, leg_toe(radius)
    sectors: list[tuple[str, int]] = []
    for angle in leg_angles(radius):
        sectors += [("crevice", int(np.rint((angle - toe) / step))), ("body", int(np.rint((angle + toe) / step)))]
    return [tubes.Band(low=low, high=high, sectors=tuple(sectors))]


def saddle_bands(own: Saddle, at: float) -> list[tubes.Band]:
    """Return the zones of the skin at a saddle: covered under the pad, contact at its rim."""
    count, half = tubes.segments(own.radius), own.holder.width / 2
    down, pad, rim = 3 * count // 4, count // 6, max(1, round(RIM_M * count / (2 * np.pi * own.radius)))
    beside = (("contact", down - pad - rim), ("body", down + pad + rim))
    under = (beside[0], (solids.COVERED, down - pad), ("contact", down + pad), beside[1])
    cuts = [at - half - RIM_M, at - half, at + half, at + half + RIM_M]
    return [
        tubes.Band(low=low, high=high, sectors=sectors)
        for low, high, sectors in zip(cuts, cuts[1:], (beside, under, beside), strict=False)
    ]


def lap_m(support: str) -> float:
    """Return the length of the lower head's straight flange that a skirt covers, m."""
    return min(LAP_M, STRAIGHT_M) if support == "skirt" else 0.0
