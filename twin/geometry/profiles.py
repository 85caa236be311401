"""Sections of steel bars: rolled, welded, folded, round; `extrusion` makes bars of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.geometry.section_sizes import ANGLES as ANGLES
from corrotwin.twin.geometry.section_sizes import BEAMS as BEAMS
from corrotwin.twin.geometry.section_sizes import CHANNELS as CHANNELS


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """Section of a bar that runs along x, in (y, z), metres.

    Parameters
    ----------
    pieces : (zone, (n, 2) line) in order, counter-clockwise round the steel; a closed line is a separate loop.
    caps : (rows, columns, 2) grids that fill the section between the points of the pieces, du x dv towards +x.
    thickness_mm : thickness of the metal behind each piece, where they differ; empty for the asset's nominal one.
    """

    pieces: tuple[tuple[str, Floats], ...]
    caps: tuple[Floats, ...]
    thickness_mm: tuple[float, ...] = ()

    @property
    def skin(self) -> list[tuple[str, Floats, float | None]]:
        """Zone, line and thickness of each piece."""
        thicknesses = self.thickness_mm or (None,) * len(self.pieces)
        return [(zone, line, thickness) for (zone, line), thickness in zip(self.pieces, thicknesses, strict=True)]

    @property
    def least_mm(self) -> float | None:
        """Thickness of its thinnest piece, which its ends take."""
        return min(self.thickness_mm, default=None)


def i_section(h: float, b: float, tw: float, tf: float, r: float, *, welded: bool = False) -> Section:
    """Return an I or H section on z = 0, web in the plane y = 0; toes rounded by up to 2 mm.

    `welded`: the roots of radius r are the welds of a plate girder.
    """
    toe = _toe(b / 2, tf)
    root = solids.arc((tw / 2 + r, tf + r), r, 270, 180, 6)
    head = (root * [1, -1] + [0, h])[::-1]
    web = np.concatenate([root, head])
    upper, left = toe[::-1] * [1, -1] + [0, h], np.array([-1.0, 1.0])
    foot = web[[0, -1]]
    side = [("weld", root), ("web", np.array([root[-1], head[0]])), ("weld", head)] if welded else [("web", web)]
    pieces = (
        ("flange", np.array([toe[0] * left, foot[0] * left * [1, 0], foot[0] * [1, 0], toe[0]])),
        ("edge", toe),
        ("flange", np.array([toe[-1], foot[0]])),
        *side,
        ("flange", np.array([foot[1], upper[0]])),
        ("edge", upper),
        ("flange", np.array([upper[-1], [foot[0, 0], h], [-foot[0, 0], h], upper[-1] * left])),
        ("edge", upper[::-1] * left),
        ("flange", np.array([upper[0], foot[1]]) * left),
        *((zone, line[::-1] * left) for zone, line in side[::-1]),
        ("flange", np.array([foot[0], toe[-1]]) * left),
        ("edge", toe[::-1] * left),
    )
    flanges = []
    for line in (toe, upper):
        inner = np.column_stack([np.full(len(line), foot[0, 0]), line[:, 1]])
        flanges.append(np.stack([line * left, inner * left, inner, line], axis=1))
    caps = (flanges[0], np.stack([web * left, web], axis=1), flanges[1])
    return Section(pieces=pieces, caps=caps, thickness_mm=_rolled(pieces, tw, tf))


def channel(h: float, b: float, tw: float, tf: float, r: float) -> Section:
    """Return a channel with parallel flanges on z = 0: back of the web at y = 0, toes at y = b."""
    toe = _toe(b, tf)
    root = solids.arc((tw + r, tf + r), r, 270, 180, 6)
    web = np.concatenate([root, (root * [1, -1] + [0, h])[::-1]])
    upper = toe[::-1] * [1, -1] + [0, h]
    inside = web[0, 0]
    heights = np.concatenate([toe[:, 1], web[1:-1, 1], upper[:, 1]])
    back = np.column_stack([np.zeros(len(heights)), heights])[::-1]
    pieces = (
        ("flange", np.array([[0, 0], [inside, 0], toe[0]])),
        ("edge", toe),
        ("flange", np.array([toe[-1], web[0]])),
        ("web", web),
        ("flange", np.array([web[-1], upper[0]])),
        ("edge", upper),
        ("flange", np.array([upper[-1], [inside, h], [0, h]])),
        ("web", back),
    )
    flanges = []
    for line in (toe, upper):
        column = np.column_stack([np.full(len(line), inside), line[:, 1]])
        flanges.append(np.stack([column * [0, 1], column, line], axis=1))
    caps = (flanges[0], np.stack([web * [0, 1], web], axis=1), flanges[1])
    return Section(pieces=pieces, caps=caps, thickness_mm=_rolled(pieces, tw, tf))


def angle(leg: float, t: float, r: float) -> Section:
    """Return an equal angle: heel at the origin, legs along +y and +z."""
    toe = np.concatenate([[[leg, 0.0]], solids.arc((leg - r / 2, t - r / 2), r / 2, 0, 90, 4)])
    root = solids.arc((t + r, t + r), r, 270, 180, 6)
    column = np.column_stack([np.full(len(toe), t + r), toe[:, 1]])
    upper_toe = toe[::-1, ::-1]
    pieces = (
        ("flange", np.array([[0, 0], [t + r, 0], toe[0]])),
        ("edge", toe),
        ("flange", np.concatenate([toe[-1:], root, upper_toe[:1]])),
        ("edge", upper_toe),
        ("flange", np.array([upper_toe[-1], [0, t + r], [0, 0]])),
    )
    corner = np.concatenate([column, root[1:-1], column[::-1, ::-1]])
    leg_cap = np.stack([column, toe], axis=1)
    return Section(pieces=pieces, caps=(leg_cap, leg_cap[:, ::-1, ::-1], np.stack([corner, np.zeros_like(corner)])))


def flat(width: float, thickness: float, radius: float, parts: int = 1) -> Section:
    """Return a flat or square bar about the origin: `width` along y, `thickness` along z, corners of `radius`.

    `parts` is the number of segments to a side, for ends that are cut to fit a round bar.
    """
    low = solids.arc((width / 2 - radius, radius - thickness / 2), radius, -90, 0, 4)
    side = np.linspace(low[-1], low[-1] * [1, -1], parts + 1)
    toe = np.concatenate([low, side[1:-1], low[::-1] * [1, -1]])
    left = toe * [-1, 1]
    cap = np.linspace(left, toe, parts + 1, axis=1)
    pieces = (("face", cap[0]), ("edge", toe), ("face", cap[-1, ::-1]), ("edge", left[::-1]))
    return Section(pieces=pieces, caps=(cap,))


def round_bar(diameter: float, segments: int, rings: int = 1) -> Section:
    """Return a round bar about the origin, or a tube closed at both ends; its ends have `rings` of triangles."""
    loop = solids.circle(diameter / 2, segments)
    radii = np.cos(np.linspace(0, np.pi / 2, rings + 1))
    radii[-1] = 0.0
    return Section(pieces=(("body", loop),), caps=(radii[:, None, None] * loop,))


def square_tube(side: float, wall: float) -> Section:
    """Return an open square tube about the origin; corner radii 2 walls outside, 1 inside (EN 10219-2, up to 6 mm).

    The first piece is the flat of its top.
    """
    outer, inner = (_square(side - 2 * inset, 2 * wall - inset) for inset in (0.0, wall))
    pieces = (("body", outer[:2]), ("body", outer[1:]), ("bore", inner[::-1]))
    return Section(pieces=pieces, caps=(np.stack([outer, inner]),))


def folded(line: ArrayLike, thickness: float) -> Section:
    """Return a bent plate: `line` (n, 2) runs along its right-hand face, the other lies `thickness` to the left."""
    points = np.asarray(line, dtype=float)
    along = np.diff(points, axis=0)
    left = np.column_stack([-along[:, 1], along[:, 0]]) / np.linalg.norm(along, axis=1)[:, None]
    before, after = np.concatenate([left[:1], left]), np.concatenate([left, left[-1:]])
    mitre = (before + after) / (1 + (before * after).sum(axis=1))[:, None]
    opposite = points + thickness * mitre
    pieces = (
        ("back", points),
        ("edge", np.stack([points[-1], opposite[-1]])),
        ("face", opposite[::-1]),
        ("edge", np.stack([opposite[0], points[0]])),
    )
    return Section(pieces=pieces, caps=(np.stack([points, opposite]),))


def rezone(section: Section, zones: Mapping[str, str]) -> Section:
    """Return the same section with other names for some of its zones."""
    return replace(section, pieces=tuple((zones.get(zone, zone), line) for zone, line in section.pieces))


def covered(section: Section, *numbers: int) -> Section:
    """Return the same section with some of its pieces, by number, pressed on another solid."""
    pieces = [(solids.COVERED if n in numbers else zone, line) for n, (zone, line) in enumerate(section.pieces)]
    return replace(section, pieces=tuple(pieces))


def moved(section: Section, shift: tuple[float, float]) -> Section:
    """Return the section about another origin."""
    return replace(
        section,
        pieces=tuple((zone, line + np.array(shift)) for zone, line in section.pieces),
        caps=tuple(cap + np.array(shift) for cap in section.caps),
    )


def split(section: Section, z: float) -> Section:
    """Return the section with points where the line at height z crosses it, so that a cut may have an edge there.

    This is for sections whose caps are filled in level rows there: beams, channels, flat bars.
    """

    def crossed(rows: Floats) -> Floats:
        parts = [rows[:1]]
        for before, after in pairwise(rows):
            low, high = before[..., 1], after[..., 1]
            if ((low - z) * (high - z) < -1e-12).all():
                share = ((z - low) / (high - low))[..., None]
                parts.append((before + share * (after - before))[None])
            parts.append(after[None])
        return np.concatenate(parts)

    return replace(
        section,
        pieces=tuple((zone, crossed(line)) for zone, line in section.pieces),
        caps=tuple(crossed(cap) for cap in section.caps),
    )


def outline(section: Section) -> Floats:
    """Return the outer loop of a section, (n + 1, 2), counter-clockwise, the last point repeating the first."""
    points = section.pieces[0][1]
    for _, line in section.pieces[1:]:
        if np.allclose(points[0], points[-1], atol=1e-9):
            break
        points = np.concatenate([points, line[1:]])
    return points


def _rolled(pieces: Sequence[tuple[str, Floats]], tw: float, tf: float) -> tuple[float, ...]:
    """Return the thickness, mm, behind each piece of a beam or channel: the flange on it and its toes, else the web."""
    return tuple(1000 * (tf if zone in ("flange", "edge") else tw) for zone, _ in pieces)


def _toe(y: float, thickness: float) -> Floats:
    """Return the end of a flange from its lower to its upper face, rounded by up to 2 mm."""
    radius = min(0.002, 0.2 * thickness)
    low = solids.arc((y - radius, radius), radius, -90, 0, 3)
    return np.concatenate([low, solids.arc((y - radius, thickness - radius), radius, 0, 90, 3)])


def _square(side: float, radius: float) -> Floats:
    corners = [
        solids.arc(np.array(sign) * (side / 2 - radius), radius, start, start + 90, 6)
        for sign, start in (((-1, 1), 90), ((-1, -1), 180), ((1, -1), 270), ((1, 1), 0))
    ]
    loop = np.concatenate(corners)
    return np.concatenate([loop[-1:], loop])
