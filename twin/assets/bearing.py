"""Steel bridge bearings between a masonry plate and a girder's end: rocker, pinned, roller and sliding plates."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from corrotwin.twin.assets.pedestal import LEG, LENGTHWISE, pedestal, pin_with_caps, saddle_line
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import extrusion, profiles, slabs, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.section_sizes import BEAMS, PLATE_GIRDERS
from corrotwin.twin.geometry.steelwork import Seat

DESIGNS = {"rocker": (0.24, 0.6), "pinned": (0.3, 0.7), "rollers": (0.07, 0.2), "sliding": (0.06, 0.16)}  # heights, m
ROLLED = tuple(name for name, size in BEAMS.items() if size[0] >= 230 and size[1] >= 120)
GIRDERS = ("none", *ROLLED, *PLATE_GIRDERS)
# Proportions by eye, from photographs of road bridges; metres.
MASONRY = 0.045  # thickness of the plate on the masonry
PLATE = 0.03  # thickness of the plates on it and of the sole plate
ROD = 0.03  # diameter of anchor rods
OVERHANG = 0.2  # how far the girder's end reaches beyond the middle of the bearing
SPANS = (0.1, 4.0)  # limits of the girder's length on the other side
DEEP = 0.5  # a girder over this depth is stiffened along its length
PANEL = 1.2  # distance between these stiffeners, in depths
SWAY = 0.12  # greatest travel, as a share of the height
_SECTIONS = {**BEAMS, **PLATE_GIRDERS}


def bearing(
    *,
    design: str,
    height_m: float,
    width_m: float,
    travel_mm: float,
    ribs: int,
    anchors: int,
    girder: str,
    span_m: float = 1.6 * OVERHANG,
) -> tuple[list[Patch], float]:
    """Build a bearing; the girder runs along x, pins and rollers along y.

    Parameters
    ----------
    design : "rocker", an upright on a curved foot that turns about a pin under a shoe; "pinned", two webbed pedestals
        and a pin; "rollers", held by bars; "sliding", a plate with a curved underside on a flat one.
    height_m : height between the plates, within the limits of `DESIGNS`.
    width_m : width along the pin or the rollers.
    travel_mm : shift of the girder from its place over the masonry plate, at most 0.12 of the height; pinned: 0.
    ribs : upright plates of a rocker or a pedestal, 2 to 6.
    anchors : 2 or 4 rods.
    girder : "none", or the section of the girder's end, one of `GIRDERS`.
    span_m : length of the girder beyond the sole plate, 0.1 to 4 m; stiffened along it if deeper than 0.5 m.

    Returns
    -------
    Patches and the thickness of the ribs in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    check_choices("bearing", design=(design, DESIGNS), anchors=(anchors, (2, 4)))
    if girder not in GIRDERS:
        raise InputError(
            f"bearing girder {girder!r}: choose none, a section of at least 230 x 120 mm such as HEB 260, or a plate "
            "girder such as girder 800"
        )
    low, high = DESIGNS[design]
    sway_mm = 0.0 if design == "pinned" else 1000 * SWAY * height_m
    check_numbers(
        f"bearing {design}", span_m=(span_m, *SPANS), height_m=(height_m, low, high), width_m=(width_m, 0.15, 1),
        travel_mm=(travel_mm, 0 - sway_mm, sway_mm), ribs=(ribs, range(2, 7)),
    )  # fmt: skip
    if not width_m / ribs >= 0.055:
        raise InputError(f"bearing of {ribs} ribs in {width_m} m: leave 55 mm for each")
    travel = travel_mm / 1000
    makers = {"rocker": _rocker, "pinned": _pinned, "rollers": _rollers, "sliding": _sliding}
    body = makers[design](height_m, width_m, travel, ribs)
    patches = body.patches
    # The origin is under the middle of the sole plate, on the plate that the bearing stands on.
    top, seat = 0.0, body.rest
    length, wide = 2 * body.half + 0.06, width_m + 0.03
    size = (length + 0.05, wide + 0.2, MASONRY)
    if design in ("rocker", "pinned"):
        top, bed = -PLATE, steelwork.seated("bed plate", (length, wide, PLATE), steelwork.ALL, body.rest)
        patches += solids.place(bed, np.eye(3), (-travel, 0, top))
        seat = _around(length / 2, wide / 2)
    masonry = steelwork.seated("masonry plate", size, steelwork.ALL, seat)
    patches += solids.place(masonry, np.eye(3), (-travel, 0, top - MASONRY))
    along = [0.0] if anchors == 2 else [-size[0] / 2 + 0.05, size[0] / 2 - 0.05]
    places = [(x - travel, y, top) for x in along for y in (-wide / 2 - 0.05, wide / 2 + 0.05)]
    patches += steelwork.anchors(places, (0, 0, 1), ROD, 1.1 * ROD, "anchor")
    patches += _girder(girder, span_m, body, width_m, height_m)
    return patches, 1000 * PLATE


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random bearing."""
    design = str(rng.choice(list(DESIGNS), p=[0.35, 0.2, 0.15, 0.3]))
    low, high = DESIGNS[design]
    height_m = round(float(rng.uniform(low, low + 0.7 * (high - low))), 3)
    girder = "none"
    if rng.random() < 0.85:
        girder = str(rng.choice(list(PLATE_GIRDERS) if rng.random() < 0.6 else ROLLED))
    flange_m = 0.25 if girder == "none" else _SECTIONS[girder][1] / 1000
    width_m = round(float(max(0.2, flange_m * rng.uniform(0.9, 1.3))), 3)
    return {
        "design": design,
        "height_m": height_m,
        "width_m": width_m,
        "travel_mm": 0.0 if design == "pinned" else round(float(rng.uniform(-0.9, 0.9) * 1000 * SWAY * height_m), 1),
        "ribs": int(rng.integers(2, min(4 if design == "pinned" else 5, int(width_m / 0.055)) + 1)),
        "anchors": int(rng.choice([2, 4])),
        "girder": girder,
        "span_m": round(float(rng.uniform(0.3, 2.2 if girder in PLATE_GIRDERS else 0.6)), 3),
    }


@dataclass(frozen=True, kw_only=True)
class _Body:
    """The part between the plates: patches on z = 0, under the middle of the sole plate.

    Parameters
    ----------
    half : half of its length on the lower plate, metres.
    rest, block : areas pressed on the lower plate, about its middle, and on the sole plate; None if small.
    """

    patches: list[Patch]
    half: float
    rest: Seat | None = None
    block: Seat | None = None


def _around(x: float, y: float, middle: float = 0.0) -> Seat:
    return (middle - x, middle + x), (-y, y)


def _near(gap: Floats) -> list[str]:
    """Return zones of stretches of a curved face from the gaps, (n + 1,), at their ends, m: pressed, crevice, open."""
    widest = np.maximum(gap[:-1], gap[1:])
    return [solids.COVERED if width < 0.0015 else "crevice" if width < 0.003 else "contact" for width in widest]


def _rocker(height: float, width: float, travel: float, ribs: int) -> _Body:
    pin = 0.03 + 0.05 * height
    half = pin + 0.035
    level = height - pin - PLATE  # level of the pin's axis, the centre of the curved foot that rolls on the bed plate
    foot, reach = 1.15 * half, 1.15 * half + 0.03
    depth = float(np.sqrt(level**2 - reach**2)) - 0.025
    lean = travel / level
    x = np.linspace(-reach, reach, 41)
    lower = np.column_stack([x, -np.sqrt(level**2 - x**2)])
    upper = np.column_stack([x, np.full(len(x), -depth)])
    edges = (_near(level - level * np.cos(np.arcsin(x / level) - lean)), "rocker", "edge", "edge")
    segment = steelwork.gusset("rocker foot", lower, upper, width + 0.02, face="rocker", edges=edges)
    parts = solids.thick(segment, 40.0) + pedestal(pin, depth, width, (half, foot), ribs)
    # The girder has moved: the upright leans after it, and its foot has rolled as far.
    turn = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
    parts = solids.place(parts, turn, (0, 0, 0)) + pin_with_caps(pin, width, half, shod=True)
    lower = saddle_line(pin, half, 1.0)
    upper = np.column_stack([lower[:, 0] * 1.3, np.full(len(lower), height - level)])
    hollow = ["body", *[solids.COVERED] * (len(lower) - 3), "body"]
    shoe = steelwork.gusset("shoe", lower, upper, width, face="body", edges=(hollow, solids.COVERED, "body", "body"))
    patches = solids.place(parts + solids.thick(shoe, 60.0), np.eye(3), (0, 0, level))
    patches += _under_sole(1.3 * half, width, height)
    contact = float(np.sqrt(0.003 * level))  # half the length that lies within 1.5 mm
    rest = _around(contact, width / 2 + 0.01, travel)
    return _Body(patches=patches, half=reach, rest=rest, block=_around(1.3 * half, width / 2))


def _under_sole(half: float, width: float, height: float) -> list[Patch]:
    """Build the welds of a block to the underside of the sole plate, front and rear."""
    patches: list[Patch] = []
    for name, side in (("front", -1.0), ("rear", 1.0)):
        ends = ((-half, side * width / 2, height), (half, side * width / 2, height))
        patches += steelwork.seam(f"shoe weld {name}", *ends, ((0, side, 0), (0, 0, -1)), LEG)
    return patches


def _pinned(height: float, width: float, travel: float, ribs: int) -> _Body:
    pin = 0.028 + 0.04 * height
    half = pin + 0.035
    level = 0.55 * height
    foot = half + 0.3 * (level - 0.05)
    head = half + 0.15 * (height - level)
    lower = pedestal(pin, level, width, (half, foot), ribs)
    upper = pedestal(pin, height - level, width, (half, head), ribs)
    patches = solids.named(solids.place(lower, np.eye(3), (0, 0, level)), "lower")
    patches += solids.named(solids.place(upper, steelwork.HANGING, (0, 0, level)), "upper")
    patches += solids.place(pin_with_caps(pin, width, half, shod=False), np.eye(3), (0, 0, level))
    return _Body(patches=patches, half=foot + 0.01)


def _rollers(height: float, width: float, travel: float, ribs: int) -> _Body:
    count = 3 if height < 0.12 else 2
    pitch = 1.15 * height
    places = (np.arange(count) - (count - 1) / 2) * pitch - travel / 2  # rolled half as far as the girder moved
    angle = np.linspace(-90, 270, 49)
    loop = height / 2 * np.column_stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    zones = _near(height / 2 * (1 - np.abs(np.sin(np.radians(angle)))))
    pieces = steelwork.stretches(zones, loop)
    steel = profiles.Section(pieces=tuple(pieces), caps=(np.stack([loop, np.zeros_like(loop)]),))
    roller = solids.place(extrusion.bar("roller", steel, -width / 2, width / 2), LENGTHWISE, (0, 0, height / 2))
    bolt, thick, length = 0.016, 0.012, (count - 1) * pitch + 0.55 * height
    flat = profiles.covered(profiles.rezone(profiles.flat(0.42 * height, thick, 0.002), {"face": "bar"}), 0)
    bar = extrusion.bar("side bar", flat, -length / 2, length / 2)
    # Bolts are set into the ends of the rollers: no nut.
    head = solids.thick(solids.nut("side bolt", bolt, 0.63 * bolt), 1000 * bolt)
    patches = solids.thick(solids.copies(roller, np.eye(3), [(x, 0, 0) for x in places]), 1000 * height)
    for name, side in (("front", -1.0), ("rear", 1.0)):
        y = side * (width / 2 + thick / 2)
        turn = np.array([[-side, 0, 0], [0, 0, side], [0, 1.0, 0]])  # the covered side faces the rollers
        patches += solids.named(solids.place(solids.thick(bar, 12.0), turn, (-travel / 2, y, height / 2)), name)
        for number, x in enumerate(places):
            spin = solids.axes((0, side, 0), (np.cos(2.4 * number), 0, np.sin(2.4 * number)))
            parts = solids.place(head, spin, (x, y + side * thick / 2, height / 2))
            patches += solids.named(parts, f"{name} {number + 1}")
    return _Body(patches=patches, half=(count - 1) * pitch / 2 + 0.5 * height + abs(travel) / 2)


def _sliding(height: float, width: float, travel: float, ribs: int) -> _Body:
    low, half = 0.45 * height, 0.09 + 0.4 * height
    plate = slabs.slab("lower plate", (2 * half, width, low), cut="rolled", bottom=((np.inf, solids.COVERED),))
    patches = solids.thick(solids.place(plate, np.eye(3), (-travel, 0, 0)), 1000 * low)
    reach, radius = 0.85 * half, 0.22  # half length and radius of the curved underside
    x = np.linspace(-reach, reach, 41)
    lower = np.column_stack([x, radius + low - np.sqrt(radius**2 - x**2)])
    upper = np.column_stack([x, np.full(len(x), height)])
    edges = (_near(lower[:, 1] - low), solids.COVERED, "edge", "edge")
    upper_plate = steelwork.gusset("upper plate", lower, upper, width - 0.01, face="body", edges=edges)
    patches += solids.thick(upper_plate, 1000 * (height - low))
    patches += _under_sole(reach, width - 0.01, height)
    block = _around(reach, width / 2 - 0.005)
    return _Body(patches=patches, half=half, rest=_around(half, width / 2), block=block)


def _girder(girder: str, span: float, body: _Body, width: float, height: float) -> list[Patch]:
    """Build the sole plate on the bearing and the end of the girder on it, stiffened over the bearing."""
    length, wide = 2 * body.half + 0.03, width + 0.04
    if girder == "none":
        sole = steelwork.seated("sole plate", (length, wide, PLATE), body.block, None)
        return solids.place(sole, np.eye(3), (0, 0, height))
    steel = tuple(value / 1000 for value in _SECTIONS[girder])
    h, b, tw = steel[:3]
    if abs(wide - b) < 0.04:
        wide = b + 0.04
    sole = steelwork.seated("sole plate", (length, wide, PLATE), body.block, _around(length / 2, b / 2))
    patches = solids.place(sole, np.eye(3), (0, 0, height))
    top, start = height + PLATE, -max(OVERHANG, length / 2 + 0.02)
    end = length / 2 + span
    beam = extrusion.bar("girder", profiles.i_section(*steel, welded=girder in PLATE_GIRDERS), start, end)
    places = [-0.05, 0.05] if h > 0.28 else [0.0]
    if h > DEEP:
        places += np.arange(0.05 + PANEL * h, end - 0.05, PANEL * h).tolist()
    for number, x in enumerate(places):
        beam += steelwork.stiffeners(x, steel, max(0.012, 1.4 * tw), f"{number + 1}")
    patches += solids.place(beam, np.eye(3), (0, 0, top))
    for name, side in (("front", -1.0), ("rear", 1.0)):
        faces = ((0, side, 0), (0, 0, 1 if wide > b else -1))
        left, right = ((way * (length / 2 - 0.005), side * min(b, wide) / 2, top) for way in (-1.0, 1.0))
        patches += steelwork.seam(f"sole weld {name}", left, right, faces, LEG)
    return patches
