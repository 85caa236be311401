"""Handrail along a stair: posts on or beside a stringer, handrail, mid rail."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from corrotwin.twin.geometry import extrusion, profiles, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.profiles import Section
from corrotwin.twin.geometry.steelwork import HANGING, SUNK_M, UPRIGHT, saddle

TUBE, MID_TUBE, WALL_MM = 0.0424, 0.0337, 2.6  # diameters of handrail and posts, of the mid rail, m (EN 10219-2)
# By eye, metres.
HEIGHT, MID_HEIGHT = 0.9, 0.45  # heights over the line of nosings, plumb
OVER = 0.12  # overhang of the handrail beyond the outer posts
LAP = 0.16  # overlap of posts with the side of a flat stringer
SEGMENTS, RINGS = 48, 8
UPHILL = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # turns x uphill


@dataclass(frozen=True, kw_only=True)
class Line:
    """The line of nosings, y = 0 over the first, and the stringer's edge over it.

    Parameters
    ----------
    slope : radians.
    rise : height of the first nosing, metres.
    edge : height of the stringer's edge over the line, plumb, metres.
    """

    slope: float
    rise: float
    edge: float

    def at(self, y: float) -> float:
        """Return the height of the line at y, metres."""
        return float(self.rise + y * np.tan(self.slope))

    @property
    def turn(self) -> Floats:
        """Rotation of a bar along the slope: its y is up, square to the slope, its z to the right."""
        along = np.array([0.0, np.cos(self.slope), np.sin(self.slope)])
        up = np.array([0.0, -np.sin(self.slope), np.cos(self.slope)])
        return np.column_stack([along, up, np.cross(along, up)])


def handrail(line: Line, ends: tuple[float, float], x: float, side: float, flange: float | None) -> list[Patch]:
    """Build posts, handrail and mid rail on one side of a stair.

    Parameters
    ----------
    ends : y of the outer posts.
    x, side : position of the stringer's face or back on which the posts stand; -1 on the left, 1 on the right.
    flange : width of the flange on which they stand, outwards from `x`; None where they stand on the face.
    """
    places = np.linspace(*ends, 2 if ends[1] - ends[0] < 1.3 else 3)
    out = TUBE / 2 if flange is None else max(flange / 2, TUBE / 2 + 0.006)
    patches: list[Patch] = []
    for number, y in enumerate(places):
        post = _post(line, float(y), -side if flange is None else None)
        patches += solids.named(solids.place(post, np.eye(3), (0, y, 0)), f"{number + 1}")
    rail = _tube(TUBE, "rail")
    far = (places[-1] - places[0]) / np.cos(line.slope)
    top = extrusion.bar("handrail", rail, -OVER, far + OVER)
    cap = solids.dome("cap", "end", 0.97 * TUBE, 0.97 * TUBE, 0.12 * TUBE)
    for name, way, place in (("low", -1.0, -OVER), ("high", 1.0, far + OVER)):
        top += solids.named(solids.place(cap, solids.axes((way, 0, 0), (0, 1, 0)), (place, 0, 0)), name)
    patches += solids.place(top, line.turn, (0, places[0], line.at(places[0]) + HEIGHT))
    for number, (lower, upper) in enumerate(pairwise(places)):
        parts = solids.place(_mid_rail(line, upper - lower), line.turn, (0, lower, line.at(lower) + MID_HEIGHT))
        patches += solids.named(parts, f"{number + 1}")
    return solids.thick(solids.place(patches, np.eye(3), (x + side * out, 0, 0)), WALL_MM)


def _tube(diameter: float, zone: str) -> Section:
    return profiles.rezone(profiles.round_bar(diameter, SEGMENTS, RINGS), {"body": zone})


def _post(line: Line, y: float, face: float | None) -> list[Patch]:
    """Build a post about the z axis under the handrail.

    Parameters
    ----------
    y : position of the post, metres.
    face : direction along x in which the face is that it stands against; None if it stands on a flange.
    """
    radius, tangent = TUBE / 2, np.tan(line.slope)
    top, foot = line.at(y) + HEIGHT, line.at(y) + line.edge

    def under(section: Floats) -> Floats:
        depth = saddle(radius, section[..., 0]) / np.cos(line.slope)
        return np.asarray(top + section[..., 1] * tangent - depth + SUNK_M)

    def on_flange(section: Floats) -> Floats:
        return np.asarray(foot + section[..., 1] * tangent - SUNK_M)

    steel, covered = _tube(TUBE, "post"), solids.COVERED
    ring = profiles.outline(steel)
    weld = steelwork.collar("head weld", ring, 0.0035, radius, -line.slope)
    patches = solids.place(weld, UPHILL @ HANGING, (0, 0, top))
    if face is None:
        bar = extrusion.bar("post", steel, on_flange, under, (covered, covered))
        weld = steelwork.collar("foot weld", ring, 0.004, None, line.slope)
        patches += solids.place(weld, UPHILL, (0, 0, foot))
    else:
        bar = extrusion.bar("post", steel, foot - LAP, under, ("end", covered))
        for name, way in (("low", -1.0), ("high", 1.0)):
            corner = (face * radius, 0.35 * way * radius)
            ends = ((*corner, foot - LAP + 0.005), (*corner, foot - 0.02))
            patches += steelwork.seam(f"foot weld {name}", *ends, ((-face, 0, 0), (0, way, 0)), 0.005)
    return patches + solids.place(bar, UPRIGHT, (0, 0, 0))


def _mid_rail(line: Line, run: float) -> list[Patch]:
    """Build a rail along x between two posts that are `run` apart on the level, and its welds; its y is up."""
    radius, tangent, gap = TUBE / 2, np.tan(line.slope), run / np.cos(line.slope)
    steel = _tube(MID_TUBE, "rail")

    def face(section: Floats, sign: float) -> Floats:
        depth = saddle(radius, section[..., 1]) / np.cos(line.slope) - SUNK_M
        return np.asarray(section[..., 0] * tangent + sign * depth)

    covered = (solids.COVERED, solids.COVERED)
    patches = extrusion.bar("mid rail", steel, lambda s: face(s, 1.0), lambda s: gap + face(s, -1.0), covered)
    for name, way, place in (("low", 1.0, 0.0), ("high", -1.0, gap)):
        turn = np.array([[0.0, 0.0, way], [1.0, 0.0, 0.0], [0.0, way, 0.0]])
        weld = steelwork.collar("rail weld", profiles.outline(steel), 0.0035, radius, way * line.slope)
        patches += solids.named(solids.place(weld, turn, (place, 0, 0)), name)
    return patches
