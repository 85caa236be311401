"""Ship plating, and parts on it: weld seams, frames behind it, bilge keel, fender bar, draught marks; sizes by eye."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.skins import skin

MARGIN = 0.12  # distance from the outer frames to the cut ends of the plating
TURN = float(np.radians(40))  # turn of the bilge at the lower edge
BEAD = (0.007, 0.0022)  # half width and height of a seam
RIPPLE = 0.02  # length of its ripples
SUNK = 0.0006
WEB, FLANGE = (0.14, 0.008), (0.06, 0.01)  # depth and thickness of a frame's web, width and thickness of its flange
KEEL = (0.16, 0.012)
FENDER = 0.07  # radius of the half-round bar
STROKE = (0.014, 0.006)  # width and thickness of the strips of a figure
FIGURE = (0.06, 0.1)  # width and height (a decimetre, as draught is read)
# The strips of each figure: top, upper and lower right, bottom, lower and upper left, middle.
STRIPS = {"0": "abcdef", "2": "abged", "4": "fgbc", "6": "afgedc", "8": "abcdefg"}


@dataclass(frozen=True, kw_only=True)
class Shell:
    """The outer face of plating, metres: x along the ship, s up its girth from the lower edge.

    Parameters
    ----------
    length, girth : size along x, and along s.
    thickness : thickness of the plating.
    bilge : radius of the turn of the bilge, whose lower edge is `TURN` from upright.
    sweep : radius of the curvature along the ship.
    flare : radians by which the upper part leans outwards.
    frames : number of frames.
    bow : how far the plating is bowed inwards in the middle of a bay.
    """

    length: float
    girth: float
    thickness: float
    bilge: float
    sweep: float
    flare: float
    frames: int
    bow: float

    @property
    def frame_x(self) -> Floats:
        """The x of the frames."""
        return np.linspace(MARGIN - self.length / 2, self.length / 2 - MARGIN, self.frames)

    @cached_property
    def girth_line(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Places up the girth, and there the height, the distance outwards and the normal's angle below horizontal."""
        s = np.linspace(0, self.girth, 2001)
        lean = np.maximum(TURN - s / self.bilge, -self.flare)
        middle, step = (lean[1:] + lean[:-1]) / 2, np.diff(s)
        rise, out = (np.concatenate([[0], np.cumsum(step * share)]) for share in (np.cos(middle), np.sin(middle)))
        return s, rise, out, lean

    def at(self, x: Floats, s: Floats) -> Floats:
        """Return points (..., 3) of the outer face, which faces -y, at places x and s of one shape."""
        fine, rise, out, lean = self.girth_line
        bay = (x - self.frame_x[0]) / (self.frame_x[1] - self.frame_x[0])
        wave = np.sin(np.pi * np.clip(bay, 0, self.frames - 1)) ** 2
        ends = np.clip(np.minimum(s, self.girth - s) / 0.25, 0, 1)
        inward, angle = self.bow * wave * ends**2 * (3 - 2 * ends), np.interp(s, fine, lean)
        y = x**2 / (2 * self.sweep) - np.interp(s, fine, out) + inward * np.cos(angle)
        return np.stack([x, y, np.interp(s, fine, rise) + inward * np.sin(angle)], axis=-1)


def _on(own: Shell, places: Floats) -> tuple[Floats, Floats]:
    """Return points of the outer face at places (n, 2) of x and s, and the normals there, (n, 3) each."""
    x, s, step = places[:, 0], places[:, 1], 0.002
    along, up = own.at(x + step, s) - own.at(x - step, s), own.at(x, s + step) - own.at(x, s - step)
    normal = np.cross(along, up)
    return own.at(x, s), normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _line(own: Shell, ends: Floats, rows: int) -> tuple[Floats, Floats, Floats]:
    """Return points, normals and directions to the left of travel along a line on the face, (rows, 3) each."""
    share = np.linspace(0, 1, rows)[:, None]
    points, normal = _on(own, ends[0] + share * (ends[1] - ends[0]))
    along = np.gradient(points, axis=0)
    left = np.cross(normal, along)
    return points, normal, left / np.linalg.norm(left, axis=1, keepdims=True)


def seam(own: Shell, solid: str, ends: Floats) -> list[Patch]:
    """Build a weld bead on the face between two places (2, 2) of x and s, with ripples."""
    length = float(np.linalg.norm(ends[1] - ends[0]))
    rows = 4 * round(length / RIPPLE) + 1
    points, normal, left = _line(own, ends, rows)
    half, crown = BEAD
    across = np.linspace(-1, 1, 7)
    ripple = 1 + 0.14 * np.sin(np.arange(rows)[:, None] * np.pi / 2 + 3 * across**2)
    rise = -SUNK + (crown + SUNK) * (1 - across**2) * ripple
    face = points[:, None] - (half * across)[:, None] * left[:, None] + rise[..., None] * normal[:, None]
    return _closed(solid, face)


def _closed(solid: str, face: Floats) -> list[Patch]:
    """Close a bead or a bar, a grid with its columns across, by the chord below it and flat ends."""
    below = face[:, [-1, 0]]
    ends = [
        np.stack([np.broadcast_to(face[row].mean(axis=0), face[row].shape), face[row]])[:: -1 if row else 1]
        for row in (0, -1)
    ]
    caps = [np.stack([ends[0][0][:2], below[0]]), np.stack([below[-1], ends[1][-1][:2]])]
    patches = [Patch(solid=solid, zone="weld", points=points) for points in (face, *ends)]
    return patches + [Patch(solid=solid, zone=solids.COVERED, points=points) for points in (below, *caps)]


def frame(own: Shell, name: str, x: float) -> list[Patch]:
    """Build a frame behind the plating: a web along the girth, a flange on it, a fillet weld on both sides."""
    depth, web = WEB
    s = np.linspace(0.03, own.girth - 0.03, 25)
    points, normal = _on(own, np.column_stack([np.full(len(s), x), s]))
    normal[:, 0] = 0.0
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    root = points - (own.thickness - SUNK) * normal
    head = points - (own.thickness + depth) * normal
    side = np.array([web, 0.0, 0.0])
    # Looking along x: columns from the root to the head, rows up the girth.
    face = np.stack([root, head], axis=1) + side / 2
    edges = ("edge", solids.COVERED, "edge", solids.COVERED)
    patches = skin(f"web {name}", face, face - side, face="web", rear="web", edges=edges, thickness_mm=1000 * web)
    width, thick = FLANGE
    outer = head - thick * normal
    half = np.array([width / 2, 0.0, 0.0])
    lower, upper = (np.stack([line + half, line - half], axis=1) for line in (head, outer))
    under = "stiffener"
    patches += skin(
        f"flange {name}", upper, lower, face=under, rear=under, thickness_mm=1000 * thick,
    )  # fmt: skip
    for hand in (-1.0, 1.0):
        patches += _fillet(f"fillet {name} {hand:+.0f}", root, normal, hand * np.array([1.0, 0, 0]), web / 2, 0.006)
    return patches


def _fillet(solid: str, root: Floats, normal: Floats, out: Floats, half: float, leg: float) -> list[Patch]:
    """Build a fillet weld between the back of the plating and the side of a web that `out` points away from."""
    rows = np.arange(4 * len(root)) / (4 * len(root) - 1) * (len(root) - 1)
    index = np.arange(len(root))
    corner, facing = (
        np.column_stack([np.interp(rows, index, line[:, axis]) for axis in range(3)]) for line in (root, normal)
    )
    turn = np.radians(np.linspace(0, 90, 5))
    size = leg * (0.75 + 0.25 * np.abs(np.cos(2 * turn)))
    reach = np.stack([half - SUNK + size * np.cos(turn), SUNK + size * np.sin(turn) - SUNK], axis=1)
    face = corner[:, None] + reach[:, :1] * out - reach[None, :, 1:] * facing[:, None]
    along = np.cross(out, -facing[0])
    if along @ (corner[-1] - corner[0]) < 0:
        face = face[::-1]
    return solids.thick(_closed(solid, face), 1000 * WEB[1])


def bilge_keel(own: Shell, s: float) -> list[Patch]:
    """Build a flat bar along the ship that stands on the turn of the bilge."""
    deep, thick = KEEL
    ends = np.array([[0.1 - own.length / 2, s], [own.length / 2 - 0.1, s]])
    points, normal, left = _line(own, ends, 33)
    taper = np.clip(np.minimum(np.arange(33), np.arange(33)[::-1]) / 4, 0.35, 1)[:, None]
    root, tip = points - SUNK * normal, points + deep * taper * normal
    face = np.stack([root, tip], axis=1)  # rows along the ship, columns outwards
    up, down = face + thick / 2 * left[:, None], face - thick / 2 * left[:, None]
    edges = ("edge", "edge", "edge", solids.COVERED)
    return skin("bilge keel", up, down, face="side", rear="side", edges=edges, thickness_mm=1000 * thick)


def fender(own: Shell, s: float) -> list[Patch]:
    """Build a half-round bar along the ship, a closed pipe halved, with its flat side on the plating."""
    ends = np.array([[0.05 - own.length / 2, s], [own.length / 2 - 0.05, s]])
    points, normal, left = _line(own, ends, 65)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 13)
    across, out = FENDER * np.sin(turn), FENDER * np.cos(turn) - SUNK
    out[[0, -1]] = -0.002
    face = points[:, None] - across[:, None] * left[:, None] + out[:, None] * normal[:, None]
    patches = []
    for patch in _closed("fender", face):
        zone = "rail" if patch.zone == "weld" else patch.zone
        patches.append(Patch(solid=patch.solid, zone=zone, points=patch.points, thickness_mm=8.0))
    return patches


def draught_mark(own: Shell, solid: str, figure: str, x: float, s: float) -> list[Patch]:
    """Build a figure of strips on the face, its lower left corner at x and s."""
    wide, high = FIGURE
    half, thick = STROKE[0] / 2, STROKE[1]
    corners = {
        "a": (0, high, wide, high), "b": (wide, high / 2, wide, high), "c": (wide, 0, wide, high / 2),
        "d": (0, 0, wide, 0), "e": (0, 0, 0, high / 2), "f": (0, high / 2, 0, high), "g": (0, high / 2, wide, high / 2),
    }  # fmt: skip
    patches: list[Patch] = []
    for strip in STRIPS[figure]:
        x0, s0, x1, s1 = corners[strip]
        level = x0 != x1
        end = half + 0.001  # upright strips end at the level ones
        across = np.linspace(x + x0 - half, x + x1 + half, 3)
        upwards = np.linspace(s + s0 - half, s + s0 + half, 3) if level else np.linspace(s + s0 + end, s + s1 - end, 3)
        points, normal = _on(own, np.stack(np.meshgrid(across, upwards), axis=2).reshape(-1, 2))
        base, top = ((points + rise * normal).reshape(3, 3, 3) for rise in (-SUNK, thick))
        patches += skin(f"{solid} {strip}", top, base, face="side", rear=solids.COVERED, thickness_mm=1000 * thick)
    return patches
