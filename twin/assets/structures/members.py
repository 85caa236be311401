"""Members of riveted steelwork: angles, channels, planks and lacing bars along x, their seams, and how they bend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from corrotwin.twin.geometry import profiles, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.profiles import Section
from corrotwin.twin.geometry.section_sizes import ANGLES, CHANNELS

Bands = Sequence[tuple[float, float, str]]  # stretches of a member: from x, to x, zone
EVERYWHERE = (-np.inf, np.inf)
BOW_ROWS = 16  # rows of the mesh along a bent stretch

# Pieces of `angle`, from the toe of the leg along y to that of the leg along z: k and 8 - k are alike. The back of a
# leg is divided where the root begins.
BACK_INNER, BACK_OUTER, TOE_FOOT, TOE, INSIDE = range(5)
OTHER_TOE_FOOT, OTHER_OUTER, OTHER_INNER = 6, 7, 8


@dataclass(frozen=True, kw_only=True)
class Angle:
    """An equal angle: leg, thickness and root radius in metres."""

    leg: float
    t: float
    r: float

    @classmethod
    def of(cls, name: str) -> "Angle":
        """Return an angle by its name in `ANGLES`."""
        return cls(**dict(zip(("leg", "t", "r"), (value / 1000 for value in ANGLES[name]), strict=True)))

    @property
    def rivet(self) -> float:
        """Diameter of rivets in a leg; by eye, near the greatest that tables allow."""
        return 0.014 if self.leg < 0.07 else 0.018 if self.leg < 0.09 else 0.022

    @property
    def gauge(self) -> float:
        """Distance of a row of rivets from the heel; the head clears the root."""
        return max(0.55 * self.leg, self.t + self.r + 0.85 * self.rivet)


def angle(size: Angle, zone: str, divided: float | None = None) -> Section:
    """Return an angle as `profiles.angle` does, in pieces of which some may be seams; its free faces are `zone`.

    `divided` is where the backs of its legs are divided, from the heel; by default where the root begins.
    """
    plain = profiles.angle(size.leg, size.t, size.r)
    lines = [line for _, line in plain.pieces]
    caps = list(plain.caps)
    root = 1
    if divided is not None:  # one more line of the mesh in each leg
        low, high = np.array([[divided, 0.0]]), np.array([[divided, size.t]])
        lines[0] = np.concatenate([lines[0][:2], low, lines[0][2:]])
        lines[2] = np.concatenate([lines[2][:1], high, lines[2][1:-1], high[:, ::-1], lines[2][-1:]])
        lines[4] = np.concatenate([lines[4][:1], low[:, ::-1], lines[4][1:]])
        cap = caps[0]
        cap = np.stack([cap[:, 0], np.column_stack([np.full(len(cap), divided), cap[:, 0, 1]]), cap[:, 1]], axis=1)
        caps[:2] = [cap, cap[:, ::-1, ::-1]]
        root = 2
    pieces = [(name if name == "edge" else zone, line) for (name, _), line in zip(plain.pieces, lines, strict=True)]
    split = [*_split(pieces[0], root), *_split(pieces[1], 1), pieces[2]]
    split += [*_split(pieces[3], len(lines[3]) - 2), *_split(pieces[4], 1)]
    return Section(pieces=tuple(split), caps=tuple(caps))


def _split(piece: tuple[str, Floats], vertex: int) -> list[tuple[str, Floats]]:
    zone, line = piece
    return [(zone, line[: vertex + 1]), (zone, line[vertex:])]


# Pieces of `channel`: its back, and where a flange meets it.
CHANNEL_BACK, LOWER_SEAM, UPPER_SEAM = 9, 0, 8


def channel(name: str, zone: str) -> Section:
    """Return a channel of `CHANNELS` as `profiles.channel` does, with the roots of its flanges as separate pieces."""
    section = profiles.channel(*(value / 1000 for value in CHANNELS[name]))
    pieces = [(zone if kind in ("flange", "web") else kind, line) for kind, line in section.pieces]
    split = [*_split(pieces[0], 1), *pieces[1:6], *_split(pieces[6], 1), pieces[7]]
    walls = section.thickness_mm
    return replace(section, pieces=tuple(split), thickness_mm=(walls[0], *walls[:6], walls[6], walls[6], walls[7]))


def plank(width: float, thickness: float, lines: Sequence[float], cuts: Sequence[float], zone: str) -> Section:
    """Return a flat bar: `width` along y, centred, `thickness` along z from 0.

    Parameters
    ----------
    lines : y of the lines of its mesh, increasing, clear of its rounded edges.
    cuts : those of these lines at which its faces are divided. The n pieces below, numbered from 0 at low y, are
        followed by the foot and the rest of the edge at high y, n pieces above from high y, and the rest and the foot
        of the edge at low y.
    """
    radius = min(0.0015, thickness / 4)
    low = solids.arc((width / 2 - radius, radius), radius, -90, 0, 2)
    toe = np.concatenate([low, low[::-1] * [1, -1] + [0, thickness]])
    inner = np.broadcast_to(np.asarray(lines, dtype=float)[:, None], (len(lines), len(toe)))
    across = np.concatenate([-toe[None, :, 0], inner, toe[None, :, 0]]).T
    cap = np.stack([across, np.broadcast_to(toe[:, 1:], across.shape)], axis=2)
    at = [0, *(1 + int(np.abs(np.asarray(lines) - cut).argmin()) for cut in cuts), len(lines) + 1]
    faces = [(a, b) for a, b in pairwise(at)]
    pieces = [(zone, cap[0, a : b + 1]) for a, b in faces]
    pieces += [("edge", toe[:3]), ("edge", toe[2:])]
    pieces += [(zone, cap[-1, a : b + 1][::-1]) for a, b in faces[::-1]]
    left = toe[::-1] * [-1, 1]
    pieces += [("edge", left[:4]), ("edge", left[3:])]
    return Section(pieces=tuple(pieces), caps=(cap,))


def member(
    solid: str,
    section: Section,
    rows: Sequence[float],
    pressed: Mapping[int, Bands],
    ends: tuple[str, str] = ("end", "end"),
) -> list[Patch]:
    """Build a bar along x whose pieces have other zones on some stretches.

    Parameters
    ----------
    rows : x of the rows of its mesh; the first and the last are its ends.
    pressed : stretches of another zone, by the number of the section's piece.
    ends : zones of the cut faces.
    """
    first, last = min(rows), max(rows)
    limits = [x for bands in pressed.values() for a, b, _ in bands for x in (a, b)]
    x = np.unique(np.round(np.clip([*rows, *limits], first, last), 7))
    middle = (x[:-1] + x[1:]) / 2
    patches = []
    for number, (zone, line, thickness_mm) in enumerate(section.skin):
        names = np.full(len(middle), zone, dtype=object)
        for a, b, name in pressed.get(number, ()):
            names[(middle > a) & (middle < b)] = name
        grid = np.concatenate(
            [np.broadcast_to(x[:, None, None], (len(x), len(line), 1)), np.broadcast_to(line, (len(x), *line.shape))],
            axis=2,
        )
        for name, points in steelwork.stretches(names.tolist(), grid):
            patches.append(Patch(solid=solid, zone=name, points=points, thickness_mm=thickness_mm))
    for cap in section.caps:
        for zone, place, grid in ((ends[0], x[0], cap[:, ::-1]), (ends[1], x[-1], cap)):
            points = np.concatenate([np.full((*grid.shape[:2], 1), place), grid], axis=2)
            patches.append(Patch(solid=solid, zone=zone, points=points, thickness_mm=section.least_mm))
    return patches


def lacing_bar(
    solid: str, length: float, width: float, t: float, below: Sequence[tuple[float, float]],
    above: Sequence[tuple[float, float]],
) -> list[Patch]:  # fmt: skip
    """Build a lacing bar on z = 0 along x, with round ends about the rivets at x = 0 and x = `length`.

    Parameters
    ----------
    below, above : stretches of the lower and of the upper face that are pressed on other steel.
    """
    half = width / 2
    turn = np.radians([0, 30, 60, 90])
    end = half * (1 - np.cos(turn))
    limits = [value for band in (*below, *above) for value in band]
    straight = [value for value in limits if 1e-6 < value < length - 1e-6]
    x = np.unique(np.round([*(end - half), *straight, *(length + half - end)], 7))
    reach = half - np.maximum(np.maximum(-x, x - length), 0.0)
    wide = np.sqrt(np.maximum(half**2 - (half - reach) ** 2, 0.0))
    wide[[0, -1]] = 0.0
    middle = (x[:-1] + x[1:]) / 2

    def line(side: float, z: float) -> Floats:
        return np.column_stack([x, side * wide, np.full(len(x), z)])

    def zones(bands: Sequence[tuple[float, float]], zone: str, other: str) -> list[str]:
        hit = np.any([(middle > a) & (middle < b) for a, b in bands], axis=0) if len(bands) else middle > np.inf
        return [other if pressed else zone for pressed in hit]

    grids = [
        (zones(below, "lacing", solids.COVERED), np.stack([line(-1, 0), line(1, 0)], axis=1)),
        (zones(above, "lacing", solids.COVERED), np.stack([line(1, t), line(-1, t)], axis=1)),
        (zones(below, "edge", "crevice"), np.stack([line(1, 0), line(1, t)], axis=1)),
        (zones(below, "edge", "crevice"), np.stack([line(-1, t), line(-1, 0)], axis=1)),
    ]
    patches = []
    for names, grid in grids:
        patches += [Patch(solid=solid, zone=name, points=part) for name, part in steelwork.stretches(names, grid)]
    return solids.thick(patches, 1000 * t)


def bowed(patches: Sequence[Patch], start: float, end: float, bow: float, axis: int) -> list[Patch]:
    """Bend members along x sideways, by up to `bow` along `axis`, between `start` and `end`; the rest stays straight.

    The deflection is a sine squared, as in a strut with held ends: there is no kink at either end.
    """
    moved = []
    for patch in patches:
        points = patch.points.copy()
        share = np.clip((points[..., 0] - start) / (end - start), 0, 1)
        points[..., axis] += bow * np.sin(np.pi * share) ** 2
        moved.append(replace(patch, points=points))
    return moved


def packing(solid: str, radius: float, thickness: float) -> list[Patch]:
    """Build a round packing between two plates, on z = 0."""
    outline = [(0.0, 0.0), (radius, 0.0), (radius, thickness), (0.0, thickness)]
    pieces = solids.facets(outline, [solids.COVERED, "crevice", solids.COVERED])
    return solids.thick(solids.revolve(solid, pieces, 16), 1000 * thickness)
