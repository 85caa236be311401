"""Surface of a bar: its section, ribs and threads as relief, and the line along which it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.solids import COVERED

Pressed = tuple[int, float, float]  # a strip on which another bar lies, and where along it the contact starts and ends

# Pitch of ISO 261 coarse threads by diameter, mm.
PITCHES_MM = {16.0: 2.0, 20.0: 2.5, 24.0: 3.0, 30.0: 3.5, 36.0: 4.0, 42.0: 4.5, 48.0: 5.0}
SEGMENTS = 40  # round a plain bar
CUT_DEGREES = 3.0  # ends are out of square by up to this much; by eye


@dataclass(frozen=True, kw_only=True)
class Ribs:
    """Ribs of a reinforcing bar, in bar diameters; angles in degrees.

    Two longitudinal ribs lie on opposite sides; between them run the transverse ones, whose height falls to zero
    at `reach` from the middle of their side, along a parabola (crescents) or over the last `fade`.
    """

    height: float
    spacing: float
    slope: float  # angle between a transverse rib and the axis of the bar
    top: float  # width of a transverse rib's top, square to it
    reach: float
    fade: float | None
    side_height: float  # height of the longitudinal ribs


# EN 10080 allows heights of 0.03 to 0.15 and spacings of 0.4 to 1.2 diameters, slopes of 35 to 75 degrees, and gaps
# between rib ends of a quarter of the girth at most. These are the values of DIN 488-2, from memory: a relative rib
# area of 0.058 (EN 1992-1-1, table C.2N, asks for 0.056 over 12 mm).
# ASTM A615: spacing up to 0.7, height from 0.04 (to No. 13), 0.045 (No. 16) and 0.05 diameters, gaps up to 12.5 % of
# the girth; the height here is a tenth over the least.
RIBS = {
    "rebar": Ribs(height=0.065, spacing=0.6, slope=60.0, top=0.1, reach=72.0, fade=None, side_height=0.05),
    "deformed": Ribs(height=0.055, spacing=0.66, slope=90.0, top=0.13, reach=82.0, fade=8.0, side_height=0.055),
}
FLANK = np.tan(np.radians(50.0))  # slope of rib flanks; EN 10080 asks for at least 45 degrees
SIDE_RIB_DEGREES = (4.5, 8.0)  # half the angle of a longitudinal rib at its top and foot; by eye


@dataclass(frozen=True, kw_only=True, eq=False)
class Path:
    """A plane line of straight pieces and arcs: start, direction and curvature of each."""

    starts: Floats  # (pieces + 1,) lengths along the line at which pieces start; the last is its end
    corners: Floats  # (pieces, 2)
    angles: Floats  # (pieces,)
    curvatures: Floats  # (pieces,), 1/m, positive to the left

    @property
    def length(self) -> float:
        """Length of the whole line, m."""
        return float(self.starts[-1])

    @staticmethod
    def of(pieces: Sequence[float | tuple[float, float]], heading: float) -> "Path":
        """Make a line, centred on the origin, from lengths and arcs (radius, angle); it starts at `heading`."""
        starts, corners, angles, curvatures = [0.0], [np.zeros(2)], [heading], []
        for piece in pieces:
            radius, turn = piece if isinstance(piece, tuple) else (np.inf, 0.0)
            length = radius * abs(turn) if isinstance(piece, tuple) else piece
            curvatures.append(np.sign(turn) / radius)
            step, _ = _along(np.array(length), np.array(angles[-1]), np.array(curvatures[-1]))
            corners.append(corners[-1] + step)
            angles.append(angles[-1] + turn)
            starts.append(starts[-1] + length)
        path = Path(
            starts=np.array(starts),
            corners=np.array(corners[:-1]),
            angles=np.array(angles[:-1]),
            curvatures=np.array(curvatures),
        )
        line = path.at(np.linspace(0, path.length, 400))[0][:, :2]
        return replace(path, corners=path.corners - (line.min(axis=0) + line.max(axis=0)) / 2)

    def at(self, along: Floats) -> tuple[Floats, Floats]:
        """Return points, (..., 3), at lengths along the line, and unit normals, (..., 3), to its left."""
        piece = np.clip(np.searchsorted(self.starts, along, side="right") - 1, 0, len(self.corners) - 1)
        step, angle = _along(along - self.starts[piece], self.angles[piece], self.curvatures[piece])
        place = self.corners[piece] + step
        zero = np.zeros_like(along)
        return np.stack([place[..., 0], place[..., 1], zero], -1), np.stack([-np.sin(angle), np.cos(angle), zero], -1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Skin:
    """Strips of a bar's surface before it is rolled and laid along its line.

    A strip is a zone and the positions of its points: length along the bar, (rows, points), and (normal, upright)
    offsets, (rows, points, 2). `extent` is the width and height within which a bar lies, however it is turned.
    """

    strips: tuple[tuple[str, Floats, Floats], ...]
    extent: tuple[float, float]
    size: float


def skin(section: str, size: float, thickness: float, path: Path, rng: np.random.Generator) -> Skin:
    """Return the surface of a bar along a path; the ribs start at a random position."""
    if section in RIBS or section == "threaded":
        along, around, radius = _ribbed(RIBS[section], size, path, rng) if section in RIBS else _thread(size, path)
        ring = np.stack([radius * np.cos(around), radius * np.sin(around)], axis=-1)
        ring[:, -1] = ring[:, 0]
        widest = float(2 * radius.max())
        zone = "thread" if section == "threaded" else "bar"
        return Skin(strips=((zone, along, ring),), extent=(widest, widest), size=size)
    rows = _rows(path)[:, None]
    width, height = size, thickness if section == "flat" else size
    if section == "round":
        turn = 2 * np.pi * np.arange(SEGMENTS + 1) / SEGMENTS
        turn[-1] = 0.0
        sides = [("bar", size / 2 * np.column_stack([np.cos(turn), np.sin(turn)]))]
    else:
        # Rolled edges: radii by eye within the standards' limits.
        edge = {"square": 0.05 * size, "flat": min(0.001, thickness / 4), "hexagon": 0.03 * size}[section]
        corner = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) * [width / 2, height / 2]
        if section == "hexagon":
            turn = np.pi / 3 * np.arange(6)
            corner = size / np.sqrt(3) * np.column_stack([np.cos(turn), np.sin(turn)])
            width = 2 * size / np.sqrt(3)
        sides = _rounded(corner, edge)
        width -= 2 * (1 / np.cos(np.pi / 6) - 1) * edge if section == "hexagon" else 0.0
    strips = tuple(
        (zone, np.broadcast_to(rows, (len(rows), len(line))), np.broadcast_to(line, (len(rows), *line.shape)))
        for zone, line in sides
    )
    return Skin(strips=strips, extent=(width, height), size=size)


def solid(
    name: str, surface: Skin, path: Path, roll: float, pressed: Sequence[Pressed], rng: np.random.Generator
) -> list[Patch]:
    """Lay a bar along its path, rolled about its own axis, with its ends cut a little out of square."""
    cuts = np.tan(np.radians(rng.uniform(-CUT_DEGREES, CUT_DEGREES, (2, 2))))
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    breaks = [place for _, *ends in pressed for place in ends if 0 < place < path.length]
    patches, rings = [], []
    for number, (zone, along, offset) in enumerate(surface.strips):
        if breaks:  # rows where pressed faces begin and end, in all strips of this flat-sided bar
            rows = np.unique(np.concatenate([along[:, 0], breaks]))
            along = np.broadcast_to(rows[:, None], (len(rows), along.shape[1]))
            offset = np.broadcast_to(offset[0], (len(rows), *offset.shape[1:]))
        turned = offset @ turn
        near = np.clip(1 - np.stack([along, path.length - along]) / (1.5 * surface.size), 0, 1)
        place = along + near[0] * (turned @ cuts[0]) + near[1] * (turned @ cuts[1])
        centre, normal = path.at(place)
        points = centre + turned[..., :1] * normal
        points[..., 2] += turned[..., 1]
        wrap = len(surface.strips) == 1
        if wrap:
            points[:, -1] = points[:, 0]
        rings.append(points[[0, -1]] if wrap else points[[0, -1], :-1])
        ranges = sorted((low, high) for strip, low, high in pressed if strip == number)
        ends = [0, *np.searchsorted(along[:, 0], np.ravel(ranges)), len(along) - 1]
        for index, (first, last) in enumerate(pairwise(ends)):
            if first < last:
                strip_zone = COVERED if index % 2 else zone
                patches.append(Patch(solid=name, zone=strip_zone, points=points[first : last + 1], wrap_u=wrap))
    ring = np.concatenate(rings, axis=1)
    if len(surface.strips) > 1:
        ring = np.concatenate([ring, ring[:, :1]], axis=1)
    for row, order in ((0, 1), (1, -1)):
        middle = np.broadcast_to(ring[row, :-1].mean(axis=0), ring[row].shape)
        fan = np.stack([middle, (middle + ring[row]) / 2, ring[row]])[::order]
        patches.append(Patch(solid=name, zone="end", points=fan, wrap_u=True))
    return patches


def _along(length: Floats, angle: Floats, curvature: Floats) -> tuple[Floats, Floats]:
    """Return the step, (..., 2), and the direction after a length along an arc."""
    half = length * curvature / 2
    chord = length * np.sinc(half / np.pi)
    step = chord[..., None] * np.stack([np.cos(angle + half), np.sin(angle + half)], axis=-1)
    return step, angle + 2 * half


def _rows(path: Path) -> Floats:
    """Return where a plain bar needs points: at the ends of its pieces and every six degrees in bends."""
    rows = [path.starts]
    for start, end, curvature in zip(path.starts[:-1], path.starts[1:], path.curvatures, strict=True):
        count = int(np.ceil((end - start) * abs(curvature) / np.radians(6)))
        rows.append(np.linspace(start, end, count + 1)[1:-1] if count else np.zeros(0))
    return np.unique(np.concatenate(rows))


def _rounded(corners: Floats, radius: float) -> list[tuple[str, Floats]]:
    """Return the counter-clockwise outline of a rounded polygon: sides and edges in turn, each an open line."""
    lines = []
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    arcs = []
    for last, here, ahead in zip(before, corners, after, strict=True):
        into, out = (here - last) / np.linalg.norm(here - last), (ahead - here) / np.linalg.norm(ahead - here)
        turn = np.arctan2(into[0] * out[1] - into[1] * out[0], into @ out)
        centre = here + radius * (np.array([-into[1], into[0]]) - np.tan(turn / 2) * into)
        start = np.arctan2(-into[0], into[1])
        angle = start + turn * np.linspace(0, 1, 4)
        arcs.append(centre + radius * np.column_stack([np.cos(angle), np.sin(angle)]))
    for index, arc in enumerate(arcs):
        lines.append(("bar", np.stack([arcs[index - 1][-1], arc[0]])))
        lines.append(("edge", arc))
    return lines


def _ribbed(ribs: Ribs, size: float, path: Path, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return length along the bar, angle and radius, (rows, points), of a ribbed bar.

    Rows of points follow the ribs, but are square to the axis at the ends. The core is so thick that the mean
    section has the area of the nominal diameter.
    """
    top = ribs.top / np.sin(np.radians(ribs.slope)) / 2
    foot = top + ribs.height / FLANK / np.sin(np.radians(ribs.slope))
    spacing = ribs.spacing * size
    first = float(rng.uniform(0, spacing))
    middles = np.arange(first - spacing, path.length + spacing, spacing)
    profile = np.array([-foot, -top, top, foot, ribs.spacing / 2]) * size
    lines = (middles[:, None] + profile).ravel()
    heights = np.tile([0.0, 1.0, 1.0, 0.0, 0.0], len(middles))
    inside = (lines > 0.02 * size) & (lines < path.length - 0.02 * size)
    rows = np.concatenate([[0.0], lines[inside], [path.length]])
    across = np.interp(rows, lines, heights)
    peak, base = SIDE_RIB_DEGREES
    side = np.concatenate([[-peak, peak], np.linspace(base, 180 - base, 15)])
    angle = np.append(np.concatenate([side, side + 180]), 360 - peak)
    from_middle = np.abs((angle + 90) % 180 - 90)  # from the nearer longitudinal rib
    from_side = 90 - from_middle
    along_rib = np.clip(1 - (from_side / ribs.reach) ** 2, 0, 1)
    if ribs.fade is not None:
        along_rib = np.clip((ribs.reach - from_side) / ribs.fade, 0, 1)
    length_rib = np.where(from_middle <= peak + 1e-9, ribs.side_height, 0.0)
    relief = size * np.maximum(ribs.height * across[:, None] * along_rib, length_rib)
    core = 0.48 * size
    for _ in range(6):
        radius = core + relief
        area = (radius[:, :-1] * radius[:, 1:] * np.sin(np.radians(np.diff(angle)))).sum(axis=1) / 2
        mean = ((area[:-1] + area[1:]) / 2 * np.diff(rows)).sum() / path.length
        core += (np.pi / 4 * size**2 - mean) / (2 * np.pi * core)
    lean = size / 2 * np.radians(90 - np.abs(angle % 360 - 180)) / np.tan(np.radians(ribs.slope))
    straight = np.clip(np.minimum(rows, path.length - rows) / (1.5 * size), 0, 1)
    return rows[:, None] + straight[:, None] * lean, np.radians(angle), core + relief


def _thread(size: float, path: Path) -> tuple[Floats, Floats, Floats]:
    """Return what `_ribbed` does, for a threaded rod: the basic profile of ISO 68-1, chamfered at its ends."""
    pitch = PITCHES_MM[round(1000 * size, 3)] / 1000
    rows = np.linspace(0, path.length, 8 * int(np.ceil(path.length / pitch)) + 1)
    turn = np.arange(29) / 28
    phase = (rows[:, None] / pitch - turn) % 1
    # From the middle of a crest: half a crest P/16, a flank 5P/16, half the root P/8; 5/8 of 0.866 P deep.
    depth = np.clip((np.minimum(phase, 1 - phase) - 1 / 16) / (5 / 16), 0, 1) * 0.5413 * pitch
    end = np.minimum(rows, path.length - rows)[:, None]
    radius = np.minimum(size / 2 - depth, size / 2 - 0.6 * pitch + end)
    return np.broadcast_to(rows[:, None], radius.shape).copy(), 2 * np.pi * turn, radius
