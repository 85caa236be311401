"""Dished heads of pressure vessels about z, their tangent line at z = 0, and nozzles in their middle."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from corrotwin.twin.assets.piping import flanges
from corrotwin.twin.assets.piping.sizes import OUTSIDE_MM
from corrotwin.twin.assets.piping.tubes import SUNK_M, fillet_leg, ripple_m, sag, segments
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch

HEADS = ("ellipsoidal", "torispherical")
KNUCKLE = 0.06  # least radius of the knuckle, as a share of the outside diameter
STEPS = 32  # steps of a head's profile, by equal turns of its normal
STRAIGHT_M = 0.04  # least straight flange, about that of ASME VIII-1 Fig. UW-13.1 for a thicker head: 38 mm
TAPER = 3.0  # length over height where walls of unequal thickness meet (ASME VIII-1 UW-9(c))


@dataclass(frozen=True, kw_only=True)
class Head:
    """A dished head and its straight flange, metres.

    "ellipsoidal": 2:1, half the minor axis is a quarter of the inside diameter (ASME VIII-1 UG-32). "torispherical":
    ASME flanged and dished: the inside crown radius is the outside diameter of the skirt, the inside knuckle radius
    6 % of it, and at least three times the thickness (UG-32(i): not greater than that, not less than these). The code
    is not public; its rules were read where it is quoted: UG-32 in scribd.com/document/366091873 and
    eng-tips.com/threads/interpretation-of-ug-32-i-asme-f-d-heads.565469, UW-13.1 in
    cis-inspector.com/asme-code-calculation-torispherical-head.html, UW-9 in
    weldfabworld.com/taper-transition-requirement-for-dissimilar-wall-thickness.

    Parameters
    ----------
    kind : one of `HEADS`.
    inside : inside diameter, that of the shell.
    thickness, shell : wall of the head, and of the shell that it is welded to.
    """

    kind: str
    inside: float
    thickness: float
    shell: float

    @property
    def radius(self) -> float:
        """Outside radius at the tangent line."""
        return self.inside / 2 + self.thickness

    @property
    def taper(self) -> float:
        """Length, from the seam on, over which the outside changes from the shell's radius to the head's."""
        return TAPER * abs(self.thickness - self.shell)

    @property
    def straight(self) -> float:
        """Length of the straight flange, from the seam to the tangent line."""
        return STRAIGHT_M + self.taper

    @property
    def depth(self) -> float:
        """Inside depth from the tangent line."""
        return float(self.inner[-1, 1])

    @property
    def knuckle(self) -> float:
        """Inside radius of a torispherical head's knuckle."""
        return max(KNUCKLE * 2 * self.radius, 3 * self.thickness)

    @cached_property
    def normals(self) -> Floats:
        """Outward normals along the profile, (n, 2) of radius and z, from the tangent line to the axis."""
        turn = np.linspace(0, np.pi / 2, STEPS + 1)
        if self.kind == "torispherical":  # a point where knuckle and crown meet
            turn = np.unique(np.append(turn, self._meeting()))
        unit = np.column_stack([np.cos(turn), np.sin(turn)])
        unit[-1] = 0.0, 1.0
        return unit

    @cached_property
    def inner(self) -> Floats:
        """Profile of the inside, (n, 2) of radius and z."""
        half = self.inside / 2
        if self.kind == "ellipsoidal":
            points = self.normals * [half**2, (half / 2) ** 2]
            return np.asarray(points / np.sqrt((self.normals**2) @ [half**2, (half / 2) ** 2])[:, None])
        crown = 2 * self.radius
        depth = torispherical_depth(self.inside, crown, self.knuckle)
        in_knuckle = self.normals[:, :1] >= np.cos(self._meeting()) - 1e-12
        centre = np.where(in_knuckle, [half - self.knuckle, 0.0], [0.0, depth - crown])
        return np.asarray(centre + np.where(in_knuckle, self.knuckle, crown) * self.normals)

    @cached_property
    def outer(self) -> Floats:
        """Profile of the outside, (n, 2): everywhere the thickness away from the inside, along the normal."""
        return self.inner + self.thickness * self.normals

    def height(self, radius: float) -> float:
        """Return the z of the outside at a distance from the axis."""
        line = self.outer[::-1]
        return float(np.interp(radius, line[:, 0], line[:, 1]))

    def _meeting(self) -> float:
        """Return the angle of the normal where knuckle and crown meet."""
        crown = 2 * self.radius
        return float(np.arccos((self.inside / 2 - self.knuckle) / (crown - self.knuckle)))


def torispherical_depth(inside: float, crown: float, knuckle: float) -> float:
    """Return the inside depth of a torispherical head from its tangent line, by the two circles that touch."""
    return float(crown - np.sqrt((crown - knuckle) ** 2 - (inside / 2 - knuckle) ** 2))


@dataclass(frozen=True, kw_only=True)
class AxialNozzle:
    """A nozzle in the middle of a head: nominal size, wall and length of its pipe in m, and its end."""

    nps: str
    wall: float
    length: float
    end: str

    @property
    def foot(self) -> float:
        """Outside radius of its pipe."""
        return OUTSIDE_MM[self.nps] / 2000

    def reach(self, head: Head) -> float:
        """Return the height of its outer face above the head's tangent line."""
        return head.height(0.0) + self.length + flanges.end_length(self.nps, self.end)


def head(solid: str, own: Head, nozzle: AxialNozzle | None, lap: float = 0.0) -> list[Patch]:
    """Build a head, with its nozzle if it has one; `lap` is the length above the tangent line that a skirt covers."""
    outside, inside = own.outer, own.inner
    seam = np.array([own.inside / 2 + own.shell, -own.straight])
    start = np.array([seam, [own.radius, -STRAIGHT_M], [own.radius, -lap]]) if own.taper else np.array([seam, seam])
    start[-1, 1] = -lap
    pieces = [("head", start)]
    if lap:
        pieces.append((solids.COVERED, np.array([start[-1], outside[0]])))
    hole = 0.0
    if nozzle is not None:
        hole = 0.97 * (nozzle.foot - nozzle.wall)
        rim = nozzle.foot + 0.7 * fillet_leg(own.radius, nozzle.wall)
        outside, under = _cut(outside, rim)
        under, _ = _cut(under, hole)
        inside, _ = _cut(inside, hole)
    bend = int(np.searchsorted(-own.normals[:, 0], -np.sqrt(0.5)))  # halves of a head, so that texels stretch less
    bend = min(max(bend, 1), len(outside) - 2)
    pieces += [("head", outside[: bend + 1]), ("head", outside[bend:])]
    if nozzle is not None:
        pieces += [(solids.COVERED, under), ("bore", np.array([under[-1], inside[-1]]))]
    back = inside[::-1]
    turn = len(back) - 1 - min(bend, len(inside) - 2)
    pieces += [("bore", back[: turn + 1]), ("bore", back[turn:])]
    pieces += [("bore", np.array([back[-1], [own.inside / 2, -own.straight]]))]
    pieces += [(solids.COVERED, np.array([[own.inside / 2, -own.straight], seam]))]
    patches = solids.thick(solids.revolve(solid, pieces, segments(own.radius)), 1000 * own.thickness)
    return patches if nozzle is None else patches + _nozzle(solid, own, nozzle)


def ring_fillet(solid: str, first: Floats, last: Floats, root: Floats) -> list[Patch]:
    """Build a fillet weld about z between two toes, with the ripples of weld passes.

    Parameters
    ----------
    first, last, root : (2,) radius and z of the lower and the upper toe, and of the corner, all within the metal.
    """
    columns = 4 * max(12, round(2.4 * np.pi * first[0] / ripple_m(float(first[0]))))
    turn = solids.circle(1.0, columns)
    angle, across = np.linspace(0, np.pi / 2, 9), np.linspace(-1.0, 1.0, 9)
    passes = (
        np.sin(np.arange(columns + 1) % columns * np.pi / 2 + 3.0 * across[:, None] ** 2) * (1 - across**2)[:, None]
    )
    swell = (0.78 + 0.22 * np.abs(np.cos(2 * angle)))[:, None] * (1 + 0.12 * passes)
    swell[[0, -1]] = 1.0
    low, high = swell * np.cos(angle)[:, None], swell * np.sin(angle)[:, None]
    low[-1] = 0.0
    line = root + low[..., None] * (first - root) + high[..., None] * (last - root)

    def about(profile: Floats) -> Floats:
        return np.concatenate([profile[..., :1] * turn, profile[..., 1:]], axis=2)

    under = np.broadcast_to(np.stack([last, root, first])[:, None, :], (3, columns + 1, 2))
    face = about(line)
    return [
        Patch(solid=solid, zone="weld", points=face, wrap_u=True),
        Patch(solid=solid, zone=solids.COVERED, points=np.stack([face[-1], about(under)[1], face[0]]), wrap_u=True),
    ]


def _cut(line: Floats, radius: float) -> tuple[Floats, Floats]:
    """Divide a profile that runs towards the axis, at a distance `radius` from the axis."""
    at = int(np.searchsorted(-line[:, 0], -radius))
    point = np.array([radius, np.interp(radius, line[::-1, 0], line[::-1, 1])])
    return np.vstack([line[:at], point]), np.vstack([point, line[at:]])


def _nozzle(solid: str, own: Head, nozzle: AxialNozzle) -> list[Patch]:
    """Build the pipe of a nozzle on a head, the weld round its foot, and its flange."""
    foot, bore, leg = nozzle.foot, nozzle.foot - nozzle.wall, fillet_leg(own.radius, nozzle.wall)
    sunk = SUNK_M + 0.0006 * own.radius  # below the facets of the head
    top = own.height(0.0) + nozzle.length
    seat = {radius: own.height(radius) - sunk for radius in (foot, bore, foot + leg)}
    outline = [(foot, seat[foot]), (foot, top), (bore, top), (bore, seat[bore]), (foot, seat[foot])]
    end = "end" if nozzle.end == "cut" else solids.COVERED
    pieces = solids.facets(outline, ["nozzle", end, "bore", solids.COVERED])
    patches = solids.thick(solids.revolve("nozzle", pieces, segments(foot)), 1000 * nozzle.wall)
    corner = np.array([foot, own.height(foot)])
    upper = np.array([foot - sag(foot) - SUNK_M, corner[1] + leg])
    weld = ring_fillet("nozzle weld", np.array([foot + leg, seat[foot + leg]]), upper, corner - 2 * sunk)
    patches += solids.thick(weld, 1000 * min(nozzle.wall, own.thickness))
    if nozzle.end != "cut":
        parts = solids.thick(flanges.end(nozzle.nps, nozzle.end, foot, nozzle.wall), 1000 * nozzle.wall)
        patches += solids.place(parts, np.eye(3), (0, 0, top))
    return solids.named(patches, f"of the {solid}")
