"""Welding-neck and blind flanges with bolt holes, and the joints and ends made of them; along z from 0."""

from dataclasses import replace

import numpy as np

from corrotwin.twin.assets.piping.sizes import CLEARANCE_M, FLANGES, GASKET_M, RAISED_M, Flange
from corrotwin.twin.assets.piping.tubes import Opening, branch, girth_weld
from corrotwin.twin.core.arguments import check_choices
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch

ENDS = ("cut", "flange", "blind")
FLIP = np.diag([1.0, -1.0, -1.0])
EDGE_M = 0.0015  # radius of the rim's edges; by eye
ROUND_HOLE = 6  # columns of a flange that pass a bolt hole
ROWS = 6  # rows of a face from the inner to the outer edge of its drilled band


def check_end(name: str, end: str, size: str) -> None:
    """Raise InputError if an end is unknown or has no flange of this size, an NPS or "od_mm" with a number."""
    check_choices("pipe", **{name: (end, ENDS)})
    if end != "cut" and size not in FLANGES:
        nps = size if size.startswith("od_mm") else f"nps {size!r}"
        raise InputError(
            f"pipe {name} of {nps}: has no class 150 flange; choose cut, or a size of {', '.join(FLANGES)}"
        )


def end_length(nps: str, end: str) -> float:
    """Return the length of an end of the pipe, from its weld to its outer face, m."""
    if end == "cut":
        return 0.0
    return FLANGES[nps].through + (GASKET_M + FLANGES[nps].thickness if end == "blind" else 0.0)


def joint_length(nps: str) -> float:
    """Return the length of a bolted joint from weld to weld, m."""
    return 2 * FLANGES[nps].through + GASKET_M


def joint(nps: str, radius: float, wall: float) -> list[Patch]:
    """Build two flanges with gasket, studs and nuts, and their girth welds."""
    size, length = FLANGES[nps], joint_length(nps)
    parts = solids.named(_neck(size, radius, wall, mated=True), "a")
    parts += solids.named(solids.place(_neck(size, radius, wall, mated=True), FLIP, (0, 0, length)), "b")
    parts += solids.place(_gasket(size, radius - wall), np.eye(3), (0, 0, size.through))
    parts += _bolting(size)
    parts += girth_weld("flange weld a", radius, wall)
    return parts + solids.place(girth_weld("flange weld b", radius, wall), np.eye(3), (0, 0, length))


def end(nps: str, kind: str, radius: float, wall: float) -> list[Patch]:
    """Build a flange at the end of a pipe, open or closed by a blind flange, with its girth weld."""
    size = FLANGES[nps]
    parts = _neck(size, radius, wall, mated=kind == "blind")
    parts += girth_weld("flange weld", radius, wall)
    if kind == "blind":
        parts += solids.place(_gasket(size, radius - wall), np.eye(3), (0, 0, size.through))
        parts += solids.place(_blind(size), np.eye(3), (0, 0, size.through + GASKET_M))
        parts += _bolting(size)
    return parts


def stub(
    opening: Opening, nps: str, wall: float, end_kind: str, *, top: float, run: tuple[float, float]
) -> list[Patch]:
    """Build a pipe set on a run along x at an opening, with the weld round its foot and its end.

    The weld round the foot counts as thick as the thinner wall, the weld of the flange as thick as the pipe.

    Parameters
    ----------
    opening : where it stands, in the coordinates of the run.
    nps, wall : nominal size, and wall in m.
    end_kind : one of `ENDS`.
    top : height above the axis of the run of the upper end of its pipe, below its flanges, m.
    run : outside radius and wall of the run, m.
    """
    patches = branch(opening, top, run[0], wall, "end" if end_kind == "cut" else solids.COVERED)
    patches = solids.thick(patches, 1000 * min(wall, run[1]))
    if end_kind != "cut":
        parts = solids.thick(end(nps, end_kind, opening.foot, wall), 1000 * wall)
        patches += solids.place(solids.named(parts, "of the branch"), np.eye(3), (0, 0, top))
    cos, sin = np.cos(opening.angle), np.sin(opening.angle)
    turn: Floats = np.array([[0.0, 1.0, 0.0], [-sin, 0.0, cos], [cos, 0.0, sin]])
    return solids.place(patches, turn, (opening.at, 0, 0))


def _neck(size: Flange, radius: float, wall: float, *, mated: bool) -> list[Patch]:
    """Build a welding-neck flange; `mated` if its face is pressed on a gasket.

    Its neck and its bore count as thick as the pipe. The neck is that thick at the weld, and thicker towards the disc.
    """
    inner, outer = _drilled_band(size)
    back, front, bore = size.through - size.thickness, size.through - RAISED_M, radius - wall
    fillet = min(0.006, inner - size.hub / 2 - 0.0002)
    neck = np.concatenate(
        [
            [[radius, 0.0], [radius, 0.2 * size.through]],
            solids.arc((size.hub / 2 + fillet, back - fillet), fillet, 180, 90, 4),
            [[inner, back]],
        ]
    )
    step = np.array([[inner, front], [size.face / 2, front], [size.face / 2, size.through]])
    pieces = [
        ("flange", neck),
        ("flange", _rim(size, outer, back, front)),
        ("crevice" if mated else "flange", step),
        (solids.COVERED if mated else "face", np.array([step[-1], [bore, size.through]])),
        ("bore", np.array([[bore, size.through], [bore, 0.0]])),
        (solids.COVERED, np.array([[bore, 0.0], neck[0]])),
    ]
    patches = solids.revolve_columns("flange", pieces, _columns(size))
    for number in (0, 4):  # neck and bore
        patches[number] = replace(patches[number], thickness_mm=1000 * wall)
    patches += _drilled("flange", size, back, front, ("flange", "crevice" if mated else "flange"))
    return solids.thick(patches, 1000 * size.thickness)


def _blind(size: Flange) -> list[Patch]:
    """Build a blind flange, its raised face downwards at z = 0."""
    inner, outer = _drilled_band(size)
    face, top = size.face / 2, size.thickness
    pieces = [
        (solids.COVERED, np.array([[0.0, 0.0], [face, 0.0]])),
        ("crevice", np.array([[face, 0.0], [face, RAISED_M], [inner, RAISED_M]])),
        ("flange", _rim(size, outer, RAISED_M, top)),
        ("flange", np.column_stack([np.linspace(inner, 0.0, 4), np.full(4, top)])),
    ]
    patches = solids.revolve_columns("blind", pieces, _columns(size))
    patches += _drilled("blind", size, RAISED_M, top, ("crevice", "flange"))
    return solids.thick(patches, 1000 * size.thickness)


def _gasket(size: Flange, bore: float) -> list[Patch]:
    """Build a gasket on z = 0, set back a little from the edge of the raised face."""
    rim = size.face / 2 - 0.001
    outline = [(rim, 0.0), (rim, GASKET_M), (bore, GASKET_M), (bore, 0.0), (rim, 0.0)]
    return solids.revolve("gasket", solids.facets(outline, ["crevice", solids.COVERED, "bore", solids.COVERED]), 96)


def _bolting(size: Flange) -> list[Patch]:
    """Build studs with two nuts each, through two flanges; the gasket lies on the lower one."""
    middle = size.through + GASKET_M / 2
    grip = size.thickness + GASKET_M / 2  # from the middle to a nut
    half = size.stud / 2
    tip = half - grip - size.bolt
    hidden = tip + size.bolt + size.thickness - RAISED_M  # where the stud leaves the hole
    zones = ("thread", solids.COVERED, "thread", solids.COVERED, "thread")
    levels = list(zip(zones, (tip, hidden, size.stud - hidden, size.stud - tip, size.stud), strict=True))
    stud = solids.cylinder("stud", size.bolt / 2, levels, 0.1 * size.bolt, "thread")
    nut = solids.nut("nut", size.bolt, size.bolt)
    patches: list[Patch] = []
    for number, angle in enumerate(_bolt_angles(size)):
        place = size.circle / 2 * np.array([np.cos(angle), np.sin(angle)])
        flat = angle + np.pi / 6  # a flat of each nut faces the hub, where there is least room
        turn = solids.axes([0, 0, 1], [np.cos(flat), np.sin(flat), 0])
        for part, rotation, z, name in (
            (stud, turn, middle - half, ""),
            (nut, turn @ FLIP, middle - grip, "a"),
            (nut, turn, middle + grip, "b"),
        ):
            placed = solids.place(part, rotation, (*place, z))
            patches += solids.thick(solids.named(placed, f"{name} {number + 1}".strip()), 1000 * size.bolt)
    return patches


def _bolt_angles(size: Flange) -> Floats:
    """Return the angles of the bolts, which straddle the axes."""
    return np.asarray(2 * np.pi * (np.arange(size.bolts) + 0.5) / size.bolts)


def _drilled_band(size: Flange) -> tuple[float, float]:
    """Return the radii between which the flat faces of a flange are divided around its bolt holes."""
    hole = (size.bolt + CLEARANCE_M) / 2
    inside = size.circle / 2 - hole - max(size.hub, size.face) / 2
    outside = size.outside / 2 - EDGE_M - size.circle / 2 - hole
    margin = hole + 0.6 * min(inside, outside)
    return size.circle / 2 - margin, size.circle / 2 + margin


def _columns(size: Flange) -> Floats:
    """Return unit vectors (n + 1, 2) around a flange: ROUND_HOLE steps past each hole, then enough for a round rim."""
    pitch = 2 * np.pi / size.bolts
    inner, outer = _drilled_band(size)
    half = min((outer - inner) / size.circle, 0.4 * pitch)
    between = max(2, int(np.ceil((pitch - 2 * half) / np.radians(5))))
    steps = np.concatenate(
        [np.linspace(-half, half, ROUND_HOLE + 1)[:-1], np.linspace(half, pitch - half, between + 1)[:-1]]
    )
    angle = (_bolt_angles(size)[:, None] + steps).reshape(-1)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.concatenate([ring, ring[:1]])


def _rim(size: Flange, outer: float, back: float, front: float) -> Floats:
    """Return the profile around the rim of a flange, from back to front."""
    edge = size.outside / 2 - EDGE_M
    return np.concatenate(
        [
            [[outer, back]],
            solids.arc((edge, back + EDGE_M), EDGE_M, -90, 0, 2),
            solids.arc((edge, front - EDGE_M), EDGE_M, 0, 90, 2),
            [[outer, front]],
        ]
    )


def _drilled(solid: str, size: Flange, low: float, high: float, zones: tuple[str, str]) -> list[Patch]:
    """Build flat bands that face down at `low` and up at `high`, of these zones, with bolt holes through them."""
    turn = _columns(size)
    inner, outer = _drilled_band(size)
    period = (len(turn) - 1) // size.bolts
    band = np.linspace(outer, inner, ROWS + 1)[:, None, None] * turn[None, :, :]
    hole = (size.bolt + CLEARANCE_M) / 2
    patches: list[Patch] = []
    for number, angle in enumerate(_bolt_angles(size)):
        first, last = number * period, number * period + ROUND_HOLE
        out = np.array([np.cos(angle), np.sin(angle)])
        # Counter-clockwise round the hole: along the outer edge, in, back along the inner edge, out.
        path = np.concatenate(
            [
                band[0, first:last],
                band[:-1, last],
                band[-1, last:first:-1],
                band[:0:-1, first],
                band[:1, first],
            ]
        )
        edge = size.circle / 2 * out + hole * _towards(path - size.circle / 2 * out)
        ring = np.stack([path, edge])
        between = band[:, last : first + period + 1]
        for zone, z, side in ((zones[0], low, -1), (zones[1], high, 1)):
            patches.append(Patch(solid=solid, zone=zone, points=_at(ring[::side], z), wrap_u=True))
            patches.append(Patch(solid=solid, zone=zone, points=_at(between[::side], z)))
        wall = np.concatenate([_at(edge[None], high), _at(edge[None], low)])
        patches.append(Patch(solid=solid, zone="hole", points=wall, wrap_u=True))
    return patches


def _towards(path: Floats) -> Floats:
    """Return unit vectors towards the corners of a path around a drilled band's hole, and evenly between them."""
    counts = np.array([ROUND_HOLE, ROWS, ROUND_HOLE, ROWS])
    corners = np.concatenate([[0], np.cumsum(counts)])
    angle = np.unwrap(np.arctan2(path[corners, 1], path[corners, 0]))
    even = np.interp(np.arange(len(path)), corners, angle)
    unit = np.column_stack([np.cos(even), np.sin(even)])
    unit[-1] = unit[0]
    return unit


def _at(points: Floats, z: float) -> Floats:
    return np.concatenate([points, np.full((*points.shape[:-1], 1), z)], axis=-1)
