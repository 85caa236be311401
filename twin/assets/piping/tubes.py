"""Tubes whose outside is divided into zones, and branches set on them around an opening."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from corrotwin.twin.assets.piping.sizes import bead_m
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Integers, Patch

SUNK_M = 0.0004  # how deep a branch and its weld reach into the metal, below the facets


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Place of a branch on a run along x, in metres; `angle` in radians from y towards z."""

    at: float
    angle: float
    foot: float  # outside radius of the branch
    bore: float  # radius of the hole in the run
    leg: float  # leg of the weld round the foot

    def half_length(self) -> float:
        """Half the length of the run that the branch and its weld occupy."""
        return self.foot + self.leg + min(0.006, 0.3 * self.foot)


@dataclass(frozen=True, kw_only=True)
class Band:
    """A stretch of a run, from `low` to `high` along x, whose outside has zones of its own or an opening.

    `sectors` go once round the run: (zone, segment at which it begins), in order; segments may pass the last one.
    """

    low: float
    high: float
    sectors: tuple[tuple[str, int], ...] = ()
    opening: Opening | None = None


def segments(radius: float) -> int:
    """Return the number of segments around a tube, a multiple of 48; up to NPS 48 their chords are at most 14 mm."""
    limits = {0.04: 48, 0.2: 96, 0.32: 144, 0.8: 288, 1.6: 432}
    return next((count for most, count in limits.items() if radius < most), 576)


def sag(radius: float) -> float:
    """Return how far the middle of a tube's facet lies within its circle."""
    return float(radius * (1 - np.cos(np.pi / segments(radius))))


def fillet_leg(run_radius: float, branch_wall: float) -> float:
    """Return the weld leg around a branch: about 0.7 walls (ASME B31.3) plus 2 mm, less on a narrow run."""
    return float(min(0.7 * branch_wall + 0.002, 0.014, 0.12 * run_radius))


def ripple_m(radius: float) -> float:
    """Return the spacing of the ripples on a weld around a tube: wider on large ones, to save triangles."""
    return max(solids.RIPPLE_M, radius / 14)


def girth_weld(solid: str, radius: float, wall: float) -> list[Patch]:
    """Build a girth weld about z at z = 0."""
    return solids.ring_bead(solid, radius, *bead_m(wall), ripple_m(radius))


def tube(
    solid: str, zone: str, centres: Floats, normals: Floats, radius: float, wall: float, ends: tuple[str, str]
) -> list[Patch]:
    """Build a watertight tube along a line in the plane z = 0: outside, bore and two annular ends, each a zone."""
    binormals = np.tile([0.0, 0.0, 1.0], (len(centres), 1))
    ring = solids.circle(1.0, segments(radius))
    outer = solids.sweep(centres, normals, binormals, radius * ring)
    inner = solids.sweep(centres, normals, binormals, (radius - wall) * ring)
    return _shell(solid, zone, outer, inner, ends)


def run(
    solid: str, low: float, high: float, radius: float, wall: float, ends: tuple[str, str], bands: Sequence[Band]
) -> list[Patch]:
    """Build a straight tube along x from `low` to `high` with `bands` on it, in order."""
    count = segments(radius)
    patches: list[Patch] = []
    x = low
    for band in [*bands, Band(low=high, high=high)]:
        if band.low > x:
            patches.append(_sector(solid, "body", radius, count, np.array([x, band.low]), 0, count))
        for (zone, first), (_zone, last) in zip(
            band.sectors, [*band.sectors[1:], ("", band.sectors[0][1] + count)] if band.sectors else [], strict=True
        ):
            patches.append(_sector(solid, zone, radius, count, np.array([band.low, band.high]), first, last))
        if band.opening:
            patches += _opened(solid, band, band.opening, radius, wall)
        x = band.high
    # The bore is one zone, divided only at openings.
    x = low
    for band in [*(band for band in bands if band.opening), Band(low=high, high=high)]:
        bore = _sector(solid, "bore", radius - wall, count, np.array([x, band.low]), 0, count)
        patches.append(replace(bore, points=bore.points[::-1]))
        x = band.high
    turn = np.arange(count + 1)
    for x, zone, order in ((low, ends[0], 1), (high, ends[1], -1)):
        rings = [_on(r, x, 2 * np.pi * (turn % count) / count) for r in (radius - wall, radius)]
        patches.append(Patch(solid=solid, zone=zone, points=np.stack(rings[::order]), wrap_u=True))
    return patches


def branch(opening: Opening, height: float, run_radius: float, wall: float, end: str) -> list[Patch]:
    """Build a branch along z from the skin of a run along y to `height` above its axis, with the weld at its foot.

    The foot follows the run's surface a little below it, so that no light shows between them.

    Parameters
    ----------
    height, run_radius, wall : metres; the wall is the branch's.
    end : zone of its upper end.
    """
    seat = run_radius - sag(run_radius) - SUNK_M
    ring = solids.circle(1.0, segments(opening.foot))
    lines = []
    for radius in (opening.foot, opening.foot - wall):
        level = np.sqrt(seat**2 - (radius * ring[:, 0]) ** 2)
        levels = np.stack([level, np.full(len(ring), height)])
        flat = np.broadcast_to(radius * ring, (2, *ring.shape))
        lines.append(np.concatenate([flat, levels[..., None]], axis=2))
    shell = _shell("branch", "body", lines[0], lines[1], (solids.COVERED, end))
    return solids.thick(shell, 1000 * wall) + _saddle_bead(opening, run_radius)


def _saddle_bead(opening: Opening, run_radius: float) -> list[Patch]:
    """Build a fillet weld along the saddle curve of a branch along z on a run along y."""
    foot, leg = opening.foot, opening.leg
    columns = 4 * max(12, round(2.4 * np.pi * foot / ripple_m(foot)))
    turn = solids.circle(1.0, columns)
    zero = np.zeros(len(turn))
    corner = np.column_stack([foot * turn, np.sqrt(run_radius**2 - (foot * turn[:, 0]) ** 2)])
    out_of_branch = np.column_stack([turn, zero])
    out_of_run = np.column_stack([corner[:, 0], zero, corner[:, 2]]) / run_radius
    along = np.cross(out_of_run, out_of_branch)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    # The toes: a leg up the branch and a leg out over the run, each brought back to its curved surface.
    upper = corner + leg * np.cross(out_of_branch, along)
    upper[:, :2] = (foot - sag(foot) - SUNK_M) * turn
    lower = corner + leg * np.cross(along, out_of_run)
    round_run = lower[:, [0, 2]]
    lower[:, [0, 2]] = round_run * (
        (run_radius - sag(run_radius) - SUNK_M) / np.linalg.norm(round_run, axis=1, keepdims=True)
    )
    root = corner - 2 * SUNK_M * (out_of_branch + out_of_run)
    angle = np.linspace(0, np.pi / 2, 9)
    across = np.linspace(-1.0, 1.0, 9)[:, None]
    passes = np.sin(np.arange(len(turn)) % columns * np.pi / 2 + 3.0 * across**2) * (1 - across**2)
    swell = (0.78 + 0.22 * np.abs(np.cos(2 * angle)))[:, None] * (1 + 0.12 * passes)
    swell[[0, -1]] = 1.0
    weights = swell * np.cos(angle)[:, None], swell * np.sin(angle)[:, None]
    weights[0][-1] = 0.0
    face = corner + weights[0][..., None] * (lower - corner) + weights[1][..., None] * (upper - corner)
    return [
        Patch(solid="branch weld", zone="weld", points=face, wrap_u=True),
        Patch(solid="branch weld", zone=solids.COVERED, points=np.stack([upper, root, lower]), wrap_u=True),
    ]


def _shell(solid: str, zone: str, outer: Floats, inner: Floats, ends: tuple[str, str]) -> list[Patch]:
    """Build a closed tube from the grids of its outside and its inside."""
    return [
        Patch(solid=solid, zone=zone, points=outer, wrap_u=True),
        Patch(solid=solid, zone="bore", points=inner[::-1], wrap_u=True),
        Patch(solid=solid, zone=ends[0], points=np.stack([inner[0], outer[0]]), wrap_u=True),
        Patch(solid=solid, zone=ends[1], points=np.stack([outer[-1], inner[-1]]), wrap_u=True),
    ]


def _on(radius: float, x: Floats | float, angle: Floats) -> Floats:
    """Return points (..., 3) on a cylinder along x; angles from y towards z."""
    return np.stack(np.broadcast_arrays(x, radius * np.cos(angle), radius * np.sin(angle)), axis=-1)


def _sector(solid: str, zone: str, radius: float, count: int, x: Floats, first: int, last: int) -> Patch:
    """Build part of a cylinder's outside from segment `first` to `last`, with rows at `x`."""
    angle = 2 * np.pi * (np.arange(first, last + 1) % count) / count
    return Patch(
        solid=solid, zone=zone, points=_on(radius, x[:, None], angle[None, :]), wrap_u=last - first == count
    )  # fmt: skip


def _opened(solid: str, band: Band, opening: Opening, radius: float, wall: float) -> list[Patch]:
    """Build a band with a hole through the wall: skin and bore around it, and the wall of the hole.

    Rings of quads, straight in the unrolled surface, fill the space between the hole and the rectangle of segments that
    holds the opening.
    """
    count = segments(radius)
    step = 2 * np.pi / count
    reach = np.arcsin(opening.foot / radius) + 1.3 * opening.leg / radius + 0.5 * step
    first, last = (int(np.rint(bound / step)) for bound in (opening.angle - reach, opening.angle + reach))
    rows = max(12, int((band.high - band.low) / (2 * step * radius)))
    x = np.linspace(band.low, band.high, rows + 1)
    # Counter-clockwise seen from outside: with the segments, along x, back, and back along x.
    index: Integers = np.concatenate(
        [np.arange(first, last), np.full(rows, last), np.arange(last, first, -1), np.full(rows + 1, first)]
    )
    line = np.concatenate([np.full(last - first, x[0]), x[:-1], np.full(last - first, x[-1]), x[::-1]])
    turn = np.arctan2(line - opening.at, radius * (index * step - opening.angle))

    def curve(r: float, size: float, beyond: float) -> Floats:
        """Return angle and x of a circle of this size seen along the branch, or of one `beyond` it on the surface."""
        angle = opening.angle + np.arcsin(size * np.cos(turn) / r) + beyond * np.cos(turn) / r
        return np.stack([angle, opening.at + (size + beyond) * np.sin(turn)])

    def ring(zone: str, r: float, outside: Floats, inside: Floats, parts: int) -> Patch:
        share = np.linspace(0, 1, parts + 1)[:, None, None]
        angle, along = np.moveaxis((1 - share) * outside + share * inside, 1, 0)
        return Patch(solid=solid, zone=zone, points=_on(r, along, angle), wrap_u=True)

    bore = radius - wall
    rim = np.stack([index * step, line])
    toe, hole = curve(radius, opening.foot, 0.7 * opening.leg), curve(radius, opening.bore, 0.0)
    hole_in_bore = curve(bore, opening.bore, 0.0)
    bore_patches = [
        _sector(solid, "bore", bore, count, x, last, first + count),
        ring("bore", bore, rim, hole_in_bore, 6),
    ]
    return [
        _sector(solid, "body", radius, count, x, last, first + count),
        ring("body", radius, rim, toe, 3),
        ring(solids.COVERED, radius, toe, hole, 3),
        *(replace(patch, points=patch.points[::-1]) for patch in bore_patches),
        Patch(
            solid=solid,
            zone="bore",
            points=np.stack([_on(r, along, angle) for r, (angle, along) in ((radius, hole), (bore, hole_in_bore))]),
            wrap_u=True,
        ),
    ]
