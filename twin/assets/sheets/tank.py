"""Flat-bottomed storage tanks: courses with welded or riveted seams, chime, curb angle, girder, nozzle, manhole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from corrotwin.twin.assets.piping import flanges, tubes
from corrotwin.twin.assets.piping.pipe import STANDING
from corrotwin.twin.assets.piping.sizes import FLANGES, OUTSIDE_MM, WALLS_MM
from corrotwin.twin.assets.sheets import tank_parts
from corrotwin.twin.assets.sheets.tank_parts import RIM, STRAP, fillet_leg
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Patch
from corrotwin.twin.geometry.section_sizes import ANGLES

SEAMS = ("welded", "riveted")
ROOFS = ("open", "cone")
MANHOLES = ("18", "20", "24")
NECK = 0.15  # length of a nozzle's pipe; by eye, as all here
OUTLET_M = 0.17  # height of the outlet
WIDEST_RIVETED = 3.5  # m: a larger one has too many rivets
GIRDER_M = 0.35  # distance of a wind girder below the top
TURNS = (50.0, -12.0, 28.0, -30.0, 44.0, 8.0)  # degrees from the manhole to the upright joint of each course


@dataclass(frozen=True, kw_only=True)
class _Course:
    """A ring of plate, metres: its ends and its outside radius; an inner one lies within its neighbours' laps."""

    low: float
    high: float
    radius: float
    inner: bool
    lap: float


def tank(
    *,
    diameter_m: float,
    height_m: float,
    shell_mm: float,
    bottom_mm: float,
    courses: int = 2,
    seams: str = "welded",
    roof: str = "open",
    girder: bool = False,
    outlet_nps: str = "none",
    manhole_nps: str = "none",
    manhole_degrees: float = 0.0,
) -> tuple[list[Patch], float]:
    """Build a flat-bottomed tank that stands on its bottom plate.

    Parameters
    ----------
    diameter_m, height_m : outside diameter, and height of the shell above the bottom.
    shell_mm, bottom_mm : thickness of the courses, and of the bottom, whose chime stands out 55 mm.
    courses : rings of plate.
    seams : "welded", butt welds, or "riveted", laps between courses and straps over their upright joints.
    roof : "open", with a curb angle, or a shallow "cone" on it.
    girder : whether a second angle goes round the shell 0.35 m below the top.
    outlet_nps : nominal size of a flanged nozzle at the foot of the shell, or "none".
    manhole_nps : nominal size of a manhole in the first course, "none" or one of `MANHOLES`.
    manhole_degrees : direction of the manhole from the front (-y) towards the right; the outlet is 40 degrees from it.

    Returns
    -------
    Patches and the thickness of the shell in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    check_choices(
        "tank", seams=(seams, SEAMS), roof=(roof, ROOFS), manhole_nps=(manhole_nps, ("none", *MANHOLES)),
        outlet_nps=(outlet_nps, ("none", *(size for size in FLANGES if OUTSIDE_MM[size] <= 170))),
    )  # fmt: skip
    check_numbers(
        "tank", diameter_m=(diameter_m, 1.2, 8), height_m=(height_m, 0.8, 8), shell_mm=(shell_mm, 3, 25),
        bottom_mm=(bottom_mm, 3, 25), courses=(courses, range(1, 7)), manhole_degrees=(manhole_degrees, -360, 360),
    )  # fmt: skip
    if height_m / courses < 0.6:
        raise InputError(f"tank of {courses} courses in {height_m} m: leave at least 0.6 m for each")
    if seams == "riveted" and diameter_m > WIDEST_RIVETED:
        raise InputError(f"tank of {diameter_m} m, riveted: must be at most {WIDEST_RIVETED} m; choose welded seams")
    radius, wall, floor = diameter_m / 2, shell_mm / 1000, bottom_mm / 1000
    top = floor + height_m
    rings = _courses(radius, wall, floor, top, courses, seams)
    if girder and courses == 1:
        raise InputError("tank girder: needs two courses or more")
    nozzles = _nozzles(rings[0], wall, outlet_nps, manhole_nps, manhole_degrees)
    patches = tank_parts.bottom(radius, wall, floor)
    for number, course in enumerate(rings):
        bands = tank_parts.lap_bands(
            course.low, course.high, inner=course.inner, bottom=number > 0, top=number < courses - 1
        )
        if number == 0:
            bands += [_band(opening) for opening, _, _ in nozzles]
        if number == courses - 1:
            bands += _angle_bands(top, girder=girder)
        patches += _shell(number, course, wall, bands, number == courses - 1)
    for number, (opening, nps, end) in enumerate(nozzles):
        patches += _stub(number, opening, nps, end, rings[0].radius, wall)
    leg = ANGLES[tank_parts.CURB][0] / 1000
    ceiling = top - leg - RIM - (GIRDER_M if girder else 0.0)
    patches += _seams(rings, wall, manhole_degrees, ceiling, riveted=seams == "riveted")
    top_radius = rings[-1].radius
    patches += tank_parts.angle_ring("curb angle", top_radius, top, under_roof=roof == "cone")
    if girder:
        patches += tank_parts.angle_ring("wind girder", top_radius, top - GIRDER_M)
    if roof == "cone":
        patches += tank_parts.roof(top_radius, top)
    return patches, shell_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random tank, 1.5 to 6 m in diameter."""
    riveted = bool(rng.random() < 0.25)
    diameter_m = round(float(rng.uniform(1.5, 3.0 if riveted else 6.0)), 2)
    courses = int(rng.integers(1, 4)) if not riveted else int(rng.integers(2, 4))
    height_m = round(float(courses * rng.uniform(1.2, 1.5)), 2)
    return {
        "diameter_m": diameter_m,
        "height_m": height_m,
        "shell_mm": float(rng.choice([5, 6, 7, 8])),
        "bottom_mm": float(rng.choice([6, 8, 10])),
        "courses": courses,
        "seams": SEAMS[riveted],
        "roof": str(rng.choice(ROOFS, p=[0.45, 0.55])),
        "girder": bool(rng.random() < 0.35) and courses > 1,
        "outlet_nps": str(rng.choice(["none", "2", "3", "4", "6"], p=[0.15, 0.15, 0.3, 0.25, 0.15])),
        "manhole_nps": str(rng.choice(["none", *MANHOLES], p=[0.35, 0.2, 0.2, 0.25])),
        "manhole_degrees": round(float(rng.uniform(-50, 50)), 1),
    }


def _courses(radius: float, wall: float, floor: float, top: float, count: int, seams: str) -> list[_Course]:
    """Return the courses from the foot up; of a riveted tank every other one is smaller by its wall and laps inside."""
    levels = np.linspace(floor, top, count + 1)
    lap = STRAP / 2 if seams == "riveted" else 0.0
    rings = []
    for number, (low, high) in enumerate(pairwise(levels)):
        inner = bool(seams == "riveted" and number % 2)
        rings.append(
            _Course(
                low=float(low) - (lap if number else 0.0), high=float(high) + (lap if number < count - 1 else 0.0),
                radius=radius - inner * (wall + 0.0001), inner=inner, lap=lap,
            )
        )  # fmt: skip
    return rings


def _nozzles(
    first: _Course, wall: float, outlet: str, manhole: str, degrees: float
) -> list[tuple[tubes.Opening, str, str]]:
    """Return opening, size and end of the outlet and of the manhole; raise InputError if there is no room."""
    nozzles = []
    level = first.low
    for nps, turn, end in ((outlet, degrees - 40.0, "flange"), (manhole, degrees, "blind")):
        if nps == "none":
            continue
        foot = OUTSIDE_MM[nps] / 2000
        if foot > 0.45 * first.radius:
            raise InputError(f"tank with a nozzle of nps {nps}: too wide for this diameter")
        pipe = _pipe(nps)
        leg = tubes.fillet_leg(first.radius, pipe)
        half = foot + leg + 0.01
        at = max(first.low + (OUTLET_M if end == "flange" else 0.62), level + half + 0.02, first.low + half + 0.03)
        opening = tubes.Opening(
            at=at, angle=np.pi + np.radians(turn), foot=foot, bore=0.97 * (foot - pipe), leg=leg
        )  # fmt: skip
        level = at + opening.half_length()
        if level > first.high - STRAP - RIM - 0.04:
            raise InputError(
                f"tank nozzles: no room in a first course of {first.high - first.low:.2f} m; leave out one"
            )
        nozzles.append((opening, nps, end))
    return nozzles


def _pipe(nps: str) -> float:
    """Return the wall of a nozzle's pipe, m: that of schedule STD, about what API 650 asks of small nozzles."""
    return WALLS_MM[nps]["STD"] / 1000


def _band(opening: tubes.Opening) -> tubes.Band:
    half = opening.half_length()
    return tubes.Band(low=opening.at - half, high=opening.at + half, opening=opening)


def _angle_bands(top: float, *, girder: bool) -> list[tubes.Band]:
    """Return the bands of the last course under its angles, with a crevice below each."""
    leg = ANGLES[tank_parts.CURB][0] / 1000
    bands = []
    for level in ([top - GIRDER_M] if girder else []) + [top]:
        bands.append(tubes.Band(low=level - leg - RIM, high=level - leg, sectors=(("crevice", 0),)))
        bands.append(tubes.Band(low=level - leg, high=level, sectors=((solids.COVERED, 0),)))
    return bands


def _shell(number: int, course: _Course, wall: float, bands: Sequence[tubes.Band], last: bool) -> list[Patch]:
    """Build a course; an outer one of a riveted tank covers its neighbours within its laps."""
    ends = [solids.COVERED, "edge" if last else solids.COVERED]
    if course.lap:
        ends = [solids.COVERED if number == 0 else "crevice", "edge" if last else "crevice"]
    patches = tubes.run(
        f"course {number + 1}", course.low, course.high, course.radius, wall, (ends[0], ends[1]),
        sorted(bands, key=lambda band: band.low),
    )  # fmt: skip
    patches = solids.place(patches, STANDING, (0, 0, 0))
    if course.lap and not course.inner:
        for low, high in ((course.low, course.low + STRAP), (course.high - STRAP, course.high)):
            if not (number == 0 and low == course.low) and not (last and high == course.high):
                patches = [part for patch in patches for part in _covered_within(patch, low, high)]
    return solids.thick(patches, 1000 * wall)


def _covered_within(patch: Patch, low: float, high: float) -> list[Patch]:
    """Divide the inside of a course, two level rows, so that it is covered from `low` to `high`, at one of its ends."""
    upper, lower = patch.points[0, 0, 2], patch.points[-1, 0, 2]
    if patch.zone != "bore" or len(patch.points) != 2 or not (lower <= low + 1e-9 and high <= upper + 1e-9):
        return [patch]
    rows = [patch.points[0], *(patch.points[0] * [1, 1, 0] + [0, 0, z] for z in (high, low)), patch.points[1]]
    parts = zip(rows[:-1], rows[1:], ("bore", solids.COVERED, "bore"), strict=True)
    return [
        replace(patch, zone=zone, points=np.stack([above, below]))
        for above, below, zone in parts
        if above[0, 2] - below[0, 2] > 1e-9
    ]


def _seams(rings: Sequence[_Course], wall: float, toward: float, ceiling: float, *, riveted: bool) -> list[Patch]:
    """Build the seams between courses, and the upright joint of each, beside its nozzles and below its angles."""
    patches: list[Patch] = []
    for number, (course, turn) in enumerate(zip(rings, TURNS, strict=False)):
        angle = np.radians(270 + toward + turn)
        first, last = number == 0, number == len(rings) - 1
        low = course.low + (fillet_leg(wall) + 0.004 if first else STRAP if riveted else 0.0)
        high = min(course.high - (STRAP if riveted and not last else 0.0), ceiling)
        name = f"{number + 1}"
        if not last:
            level = rings[number + 1].low + (STRAP / 2 if riveted else 0.0)
            if riveted:
                patches += tank_parts.girth_rivets(max(course.radius, rings[number + 1].radius), level, name)
            else:
                bead = solids.thick(tubes.girth_weld(f"seam {name}", course.radius, wall), 1000 * wall)
                patches += solids.place(bead, np.eye(3), (0, 0, level))
        if riveted:
            segment = round(angle / (2 * np.pi) * tubes.segments(course.radius))
            patches += tank_parts.strap(course.radius, wall, low + RIM, high - RIM, segment, name)
        else:
            patches += tank_parts.upright_seam(course.radius, wall, low, high, angle, name)
    return patches


def _stub(number: int, opening: tubes.Opening, nps: str, end: str, radius: float, wall: float) -> list[Patch]:
    parts = flanges.stub(opening, nps, _pipe(nps), end, top=radius + NECK, run=(radius, wall))
    name = f"nozzle {number + 1}"
    renamed = []
    for part in parts:
        zone = "nozzle" if part.solid == "branch" and part.zone == "body" else part.zone
        renamed.append(replace(part, zone=zone, solid=part.solid.replace("branch", name)))
    return solids.place(renamed, STANDING, (0, 0, 0))
