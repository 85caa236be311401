"""Pipe spools: straight runs, long-radius elbow, bolted flange pair, girth welds."""

from typing import Any

import numpy as np

from twin.assets import shapes
from twin.assets.surface import Floats, Patch
from twin.files import InputError

# ASME B36.10M: outside diameter, and wall of schedules 40 and 80, mm.
SIZES = {
    "2": (60.3, {"40": 3.91, "80": 5.54}),
    "4": (114.3, {"40": 6.02, "80": 8.56}),
    "6": (168.3, {"40": 7.11, "80": 10.97}),
    "8": (219.1, {"40": 8.18, "80": 12.70}),
    "12": (323.8, {"40": 10.31, "80": 17.48}),
}

# ASME B16.5 class 150 weld-neck flanges, mm: outside diameter, thickness, hub diameter, length through hub, raised
# face diameter, bolt circle, number of bolts, bolt diameter.
FLANGES = {
    "2": (150, 17.5, 78, 62, 92.1, 120.7, 4, 15.9),
    "4": (230, 22.3, 135, 75, 157.2, 190.5, 8, 15.9),
    "6": (280, 23.9, 192, 87, 215.9, 241.3, 8, 19.1),
    "8": (345, 27.0, 246, 100, 269.9, 298.5, 8, 19.1),
    "12": (485, 30.2, 365, 113, 381.0, 431.8, 12, 22.2),
}
GASKET_M = 0.003


def pipe(
    *, nps: str, schedule: str, run_m: float, leg_m: float, pieces: int, flanged: bool, upright: bool
) -> tuple[list[Patch], float]:
    """Build a pipe spool.

    Parameters
    ----------
    nps, schedule : nominal size in inches and schedule, keys of `SIZES`.
    run_m : length of the straight run.
    leg_m : length of a second run behind a 90-degree long-radius elbow; 0 for no elbow.
    pieces : lengths of pipe that make up the run, joined by girth welds.
    flanged : whether the first joint of the run is a bolted flange pair (needs two pieces).
    upright : whether the run stands; otherwise the spool lies flat.

    Returns
    -------
    Patches and the nominal wall in mm.
    """
    if nps not in SIZES or schedule not in SIZES[nps][1]:
        raise InputError(f"pipe nps {nps!r} schedule {schedule!r}: choose nps from {', '.join(SIZES)} and 40 or 80")
    outside_mm, walls = SIZES[nps]
    wall_mm = walls[schedule]
    radius, wall = outside_mm / 2000, wall_mm / 1000
    joint = 2 * FLANGES[nps][3] / 1000 + GASKET_M if flanged else 0.0
    if pieces < 1 or (flanged and pieces < 2):
        raise InputError(f"pipe pieces {pieces}: needs at least {2 if flanged else 1}")
    length = (run_m - joint) / pieces
    if not length > 0.02 or not (leg_m == 0 or leg_m > 0.02):
        raise InputError(
            f"pipe run {run_m} m, leg {leg_m} m: too short for {pieces} pieces and {joint:.3f} m of flange"
        )
    segments = 48 if radius < 0.04 else 96
    bead = (1.2 * wall + 0.004, 0.15 * wall + 0.001)
    along = shapes.axes([1, 0, 0], [0, 1, 0])
    patches: list[Patch] = []
    x = 0.0
    for number in range(pieces):
        first, last = number == 0, number == pieces - 1 and leg_m == 0
        ends = ("end" if first else shapes.COVERED, "end" if last else shapes.COVERED)
        patches += _straight(f"run {number + 1}", (x, 0, 0), (1, 0, 0), length, radius, wall, segments, ends)
        x += length
        if number == 0 and flanged:
            patches += shapes.place(_flange_pair(nps, radius, wall, segments, bead), along, (x, 0, 0))
            x += joint
        elif number < pieces - 1 or leg_m > 0:
            patches += shapes.place(shapes.ring_bead(f"weld {number + 1}", radius, *bead), along, (x, 0, 0))
    if leg_m > 0:
        bend = 1.5 * float(nps) * 0.0254  # long radius, ASME B16.9
        turn = np.linspace(0, np.pi / 2, 33)
        normals = np.column_stack([-np.sin(turn), np.cos(turn), np.zeros(33)])
        normals[-1] = -1.0, 0.0, 0.0
        centres = np.array([x, bend, 0.0]) - bend * normals
        contact = (shapes.COVERED, shapes.COVERED)
        patches += _tube("elbow", "elbow", centres, normals, radius, wall, segments, contact)
        corner = (x + bend, bend, 0.0)
        upwards = shapes.axes([0, 1, 0], [1, 0, 0])
        patches += shapes.place(shapes.ring_bead("elbow weld", radius, *bead), upwards, corner)
        ends = (shapes.COVERED, "end")
        patches += _straight("leg", corner, (0, 1, 0), leg_m, radius, wall, segments, ends)
    if upright:
        patches = shapes.place(patches, [[0, 0, 1], [0, 1, 0], [-1, 0, 0]], (0, 0, 0))
    return patches, wall_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Parameters of a random spool."""
    nps = str(rng.choice(list(SIZES)))
    outside_m = SIZES[nps][0] / 1000
    flanged = bool(rng.random() < 0.5)
    joint_m = 2 * FLANGES[nps][3] / 1000 + GASKET_M if flanged else 0.0
    elbow = bool(rng.random() < 0.5)
    return {
        "nps": nps,
        "schedule": str(rng.choice(["40", "80"])),
        "run_m": round(float(joint_m + outside_m * rng.uniform(3, 6)), 4),
        "leg_m": round(float(outside_m * rng.uniform(0.8, 2.5)), 4) if elbow else 0.0,
        "pieces": int(rng.integers(2, 4)) if flanged else int(rng.integers(1, 4)),
        "flanged": flanged,
        "upright": bool(rng.random() < 0.3),
    }


def _straight(
    solid: str,
    start: tuple[float, float, float],
    direction: tuple[int, int, int],
    length: float,
    radius: float,
    wall: float,
    segments: int,
    ends: tuple[str, str],
) -> list[Patch]:
    centres = np.array([start, start + length * np.array(direction, dtype=float)])
    normals = np.tile(np.cross([0.0, 0.0, 1.0], direction), (2, 1))
    return _tube(solid, "body", centres, normals, radius, wall, segments, ends)


def _tube(
    solid: str,
    zone: str,
    centres: Floats,
    normals: Floats,
    radius: float,
    wall: float,
    segments: int,
    ends: tuple[str, str],
) -> list[Patch]:
    """Tube along a line in the plane z = 0, watertight: outside, bore and two annular ends."""
    binormals = np.tile([0.0, 0.0, 1.0], (len(centres), 1))
    outer = shapes.sweep(centres, normals, binormals, shapes.circle(radius, segments))
    inner = shapes.sweep(centres, normals, binormals, shapes.circle(radius - wall, segments))
    return [
        Patch(solid=solid, zone=zone, points=outer, wrap_u=True),
        Patch(solid=solid, zone="bore", points=inner[::-1], wrap_u=True),
        Patch(solid=solid, zone=ends[0], points=np.stack([inner[0], outer[0]]), wrap_u=True),
        Patch(solid=solid, zone=ends[1], points=np.stack([outer[-1], inner[-1]]), wrap_u=True),
    ]


def _flange_pair(nps: str, radius: float, wall: float, segments: int, bead: tuple[float, float]) -> list[Patch]:
    """Two weld-neck flanges along z from 0 with gasket, studs, nuts and their girth welds."""
    disc, thickness, hub, through, face, bolt_circle, bolts, bolt = (value / 1000 for value in FLANGES[nps])
    r, raised, edge = disc / 2, 0.0016, 0.0015
    back, front = through - thickness, through - raised
    outside = np.concatenate(
        [
            [[radius, 0.0], [radius, 0.2 * through]],
            shapes.arc((hub / 2 + 0.006, back - 0.006), 0.006, 180, 90, 4),
            shapes.arc((r - edge, back + edge), edge, -90, 0, 3),
            shapes.arc((r - edge, front - edge), edge, 0, 90, 3),
        ]
    )
    mating = np.array([outside[-1], [face / 2, front], [face / 2, through], [radius - wall, through]])
    bore = np.array([mating[-1], [radius - wall, 0.0]])
    neck = np.array([bore[-1], outside[0]])
    flange = shapes.revolve(
        "flange",
        [
            ("flange", outside),
            ("crevice", mating[:3]),
            (shapes.COVERED, mating[2:]),
            ("bore", bore),
            (shapes.COVERED, neck),
        ],
        segments,
    )
    length = 2 * through + GASKET_M
    flip = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    patches = shapes.named(flange, "a") + shapes.named(shapes.place(flange, flip, (0, 0, length)), "b")
    rim = np.array([[face / 2 - 0.002, through], [face / 2 - 0.002, through + GASKET_M]])
    hole = np.array([[radius - wall, through + GASKET_M], [radius - wall, through]])
    sides = [np.array([rim[1], hole[0]]), np.array([hole[1], rim[0]])]
    patches += shapes.revolve(
        "gasket", [("crevice", rim), (shapes.COVERED, sides[0]), ("bore", hole), (shapes.COVERED, sides[1])], segments
    )
    for name, z in (("a", 0.0), ("b", length)):
        patches += shapes.place(shapes.ring_bead(f"flange weld {name}", radius, *bead), np.eye(3), (0, 0, z))
    tip = 0.5 * bolt
    nuts = (back, length - back)
    start, end = nuts[0] - bolt - tip, nuts[1] + bolt + tip
    levels = [("bolt", tip), (shapes.COVERED, front - start), ("bolt", length - front - start)]
    levels += [(shapes.COVERED, end - start - tip), ("bolt", end - start)]
    stud = shapes.cylinder("", bolt / 2, levels, 0.1 * bolt, "bolt")
    head = shapes.nut("", bolt, bolt)
    for number in range(int(bolts * 1000)):
        angle = 2 * np.pi * (number + 0.5) / (bolts * 1000)
        x, y = bolt_circle / 2 * np.cos(angle), bolt_circle / 2 * np.sin(angle)
        spin = shapes.axes([0, 0, 1], [np.cos(angle), np.sin(angle), 0])
        parts = [(stud, spin, start, "stud"), (head, spin @ flip, nuts[0], "nut a"), (head, spin, nuts[1], "nut b")]
        for part, turn, z, name in parts:
            patches += shapes.named(shapes.place(part, turn, (x, y, z)), f"{name} {number + 1}")
    return patches
