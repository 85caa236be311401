"""Parts of storage tanks about z: bottom, curb angle, wind girder, roof, welded and riveted seams; sizes by eye."""

from dataclasses import replace

import numpy as np

from corrotwin.twin.assets.piping import tubes
from corrotwin.twin.assets.vessels.heads import ring_fillet
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.section_sizes import ANGLES
from corrotwin.twin.geometry.skins import skin

CHIME = 0.055  # width of the bottom beyond the shell
CURB = "L 60x6"
ROOF = (0.005, 1 / 6)  # thickness, and rise over run (API 650 allows supported cones from 1:16 on)
RIM = 0.008  # width of a crevice beside a lap
RIVET = (0.028, 0.011)  # width and height of a rivet's head
ROWS = 0.024  # distance of the rows of rivets from the middle of a seam
PITCH = 0.075  # pitch of the rivets
STRAP = 0.13  # width of a strap over a riveted joint
LONGER = 3.0  # how much longer ripples are in an upright seam than in a bead laid by hand


def bottom(radius: float, wall: float, thickness: float) -> list[Patch]:
    """Build the bottom plate with its chime on the ground, and the weld round the foot of the shell."""
    outside, leg = radius + CHIME, fillet_leg(wall)
    seat = radius - wall
    outline = [(0.0, 0.0), (radius / 2, 0.0), (outside, 0.0)]
    outline += [(r, thickness) for r in (outside, radius, seat, radius / 2, 0.0)]
    zones = [solids.COVERED, solids.COVERED, "edge", "crevice", solids.COVERED, "bore", "bore"]
    pieces = solids.facets(outline, zones)
    plate = solids.thick(solids.revolve("bottom", pieces, tubes.segments(radius)), 1000 * thickness)
    return plate + _fillet("chime weld", np.array([radius, thickness]), leg, wall)


def _fillet(solid: str, corner: Floats, leg: float, wall: float) -> list[Patch]:
    sunk = 0.0006 + 0.0004 * float(corner[0])
    face, under = ring_fillet(solid, corner + np.array([leg, -sunk]), corner + np.array([-sunk, leg]), corner - sunk)
    strips = [replace(under, points=under.points[row : row + 2]) for row in (0, 1)]  # no texel lies across the corner
    return solids.thick([face, *strips], 1000 * wall)


def fillet_leg(wall: float) -> float:
    """Return the leg of a fillet weld on a shell, m."""
    return max(0.005, 0.9 * wall)


def angle_ring(solid: str, radius: float, top: float, *, under_roof: bool = False) -> list[Patch]:
    """Build an angle round the shell: a leg on it, the other outwards at `top`, where a roof may cover it."""
    leg, thick, _ = (value / 1000 for value in ANGLES[CURB])
    outline = [(radius, top - leg), (radius + thick, top - leg), (radius + thick, top - thick)]
    outline += [(radius + leg, top - thick), (radius + leg, top), (radius, top), (radius, top - leg)]
    zones = ["edge", "flange", "flange", "edge", solids.COVERED if under_roof else "flange", solids.COVERED]
    return solids.thick(solids.revolve(solid, solids.facets(outline, zones), tubes.segments(radius)), 1000 * thick)


def roof(radius: float, top: float) -> list[Patch]:
    """Build a shallow cone of plate on the curb angle."""
    thick, slope = ROOF
    rise, seat = slope * radius, radius + ANGLES[CURB][0] / 1000
    half = radius / 2
    under = [(0.0, top + rise), (half, top + rise / 2), (radius, top), (seat, top)]
    zones = ["bore", "bore", solids.COVERED, "edge", "face", "face", "face"]
    pieces = solids.facets([*under, *((r, z + thick) for r, z in under[::-1])], zones)
    return solids.thick(solids.revolve("roof", pieces, tubes.segments(radius)), 1000 * thick)


def lap_bands(low: float, high: float, *, inner: bool, top: bool, bottom: bool) -> list[tubes.Band]:
    """Return bands of the outside of an inner course where its neighbours lap over it, above and below; else none."""
    bands: list[tubes.Band] = []
    if not inner:
        return bands
    covered, rim = ((solids.COVERED, 0),), (("crevice", 0),)
    if bottom:
        bands += [
            tubes.Band(low=low, high=low + STRAP, sectors=covered),
            tubes.Band(low=low + STRAP, high=low + STRAP + RIM, sectors=rim),
        ]
    if top:
        bands += [
            tubes.Band(low=high - STRAP - RIM, high=high - STRAP, sectors=rim),
            tubes.Band(low=high - STRAP, high=high, sectors=covered),
        ]
    return bands


def rivet() -> list[Patch]:
    """Build a rivet head on z = 0, with few triangles, since there are hundreds."""
    width, height = RIVET
    turn = np.linspace(0, np.pi / 2, 4)
    outside = np.column_stack([width / 2 * np.cos(turn), -0.001 + (height + 0.001) * np.sin(turn)])
    outside[-1, 0] = 0.0
    base = np.array([[0.0, -0.001], outside[0]])
    return solids.thick(solids.revolve("rivet", [(solids.COVERED, base), ("rivet", outside)], 12), 19.0)


def _at(radius: float, angle: float, z: float) -> tuple[Floats, Floats]:
    """Return the rotation and the place of a part on the shell that stands outwards at an angle from x towards y."""
    out = np.array([np.cos(angle), np.sin(angle), 0.0])
    return solids.axes(out, [0, 0, 1]), radius * out + [0, 0, z]


def girth_rivets(radius: float, z: float, name: str) -> list[Patch]:
    """Build two staggered rows of rivets round the shell about height z."""
    head, count = rivet(), round(2 * np.pi * radius / PITCH)
    inside = radius * np.cos(np.pi / tubes.segments(radius))
    patches: list[Patch] = []
    for row, sign in enumerate((-1, 1)):
        for number in range(count):
            turn, place = _at(inside, 2 * np.pi * (number + 0.5 * row) / count, z + sign * ROWS)
            patches += solids.named(solids.place(head, turn, place), f"{name} {row + 1} {number + 1}")
    return patches


def strap(radius: float, thickness: float, low: float, high: float, segment: int, name: str) -> list[Patch]:
    """Build a riveted strap over the upright joint of a course, from the facet that begins at `segment` on."""
    count = tubes.segments(radius)
    step = 2 * np.pi / count
    wide = max(2, round(STRAP / (step * radius)))
    angle = step * (segment + np.arange(wide + 1))
    turn = np.column_stack([np.cos(angle), np.sin(angle)])
    z = np.array([low, high])
    back, front = (
        np.concatenate(
            [np.broadcast_to(r * turn, (2, *turn.shape)), np.broadcast_to(z[:, None, None], (2, wide + 1, 1))], axis=2
        )
        for r in (radius, radius + thickness)
    )
    edges = ("crevice", "crevice", "crevice", "crevice")
    patches = skin(
        f"strap {name}", front, back, face="body", rear=solids.COVERED, edges=edges, thickness_mm=1000 * thickness
    )
    head, middle = rivet(), step * (segment + wide / 2)
    across = 0.25 * wide * step
    rows = np.linspace(low + 0.04, high - 0.04, max(2, round((high - low - 0.08) / PITCH) + 1))
    inside = (radius + thickness) * np.cos(step / 2)
    for side, sign in enumerate((-1, 1)):
        for number, height in enumerate(rows):
            placed = solids.place(head, *_at(inside, middle + sign * across, float(height)))
            patches += solids.named(placed, f"of strap {name} {side + 1} {number + 1}")
    return patches


def upright_seam(radius: float, wall: float, low: float, high: float, angle: float, name: str) -> list[Patch]:
    """Build the butt weld of a course's upright joint."""
    half, crown = 0.002 + 0.6 * wall, 0.001 + 0.15 * wall
    across = np.linspace(half, -half, 7)
    sunk = 0.0006 + radius * (1 - np.cos(np.pi / tubes.segments(radius)))
    line = np.column_stack([across, -sunk + (crown + sunk) * (1 - (across / half) ** 2)])
    bead = solids.bead(f"upright seam {name}", (high - low) / LONGER, line)
    bead = solids.place(bead, np.diag([LONGER, 1.0, 1.0]), (0, 0, 0))
    return solids.thick(solids.place(bead, *_at(radius, angle, low)), 1000 * wall)
