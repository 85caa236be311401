"""Rolled steel beams on blocks and columns on base plates, with end plates, splices, cleats and web stiffeners."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import extrusion, profiles, slabs, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.section_sizes import ANGLES, BEAMS

STANCES = ("beam", "column")
JOINTS = ("none", "end plates", "splice", "cleats")
BOLTS_M = (0.012, 0.016, 0.02, 0.024)
CLEATS = {0.012: "L 60x6", 0.016: "L 80x8", 0.02: "L 100x10"}  # angle for each bolt; by eye
MARGIN = 0.12  # share of a beam's length at either end that has no stiffeners
GAP_M = 0.004  # between the ends of spliced beams
BLOCK_M = 0.08  # side of the square tubes, of 4 mm wall, that carry a beam
FRAMED = ("IPE 220", "IPE 200", "IPE 180", "IPE 160", "IPE 140", "IPE 120", "IPE 100")  # beams that cleats carry


@dataclass(frozen=True, kw_only=True)
class _Size:
    """A beam's section and the dimensions that follow from it, metres."""

    h: float
    b: float
    tw: float
    tf: float
    r: float

    @property
    def values(self) -> tuple[float, float, float, float, float]:
        return self.h, self.b, self.tw, self.tf, self.r

    @property
    def bolt(self) -> float:
        """Largest bolt whose washer lies flat on a flange and that suits the depth."""
        room = min((self.b / 2 - self.tw / 2 - self.r) / (2 * steelwork.WASHER), 0.09 * self.h + 0.002)
        return max(bolt for bolt in BOLTS_M[:3] if bolt <= max(room, BOLTS_M[0]))

    @property
    def gauge(self) -> float:
        """Distance of a flange bolt from the middle of the web."""
        washer = steelwork.WASHER * self.bolt
        return max(self.tw / 2 + self.r + washer + 0.0005, 0.28 * self.b)

    @property
    def plate(self) -> float:
        """Thickness of end and splice plates."""
        return 0.001 * float(np.ceil(max(8.0, 1000 * self.tf + 2)))

    @property
    def leg(self) -> float:
        """Leg of the fillet weld around the end."""
        return min(0.8 * self.r, max(0.004, 0.7 * self.tw))


def beam(
    *,
    section: str,
    length_m: float,
    stance: str,
    joint: str,
    joint_m: float,
    stiffeners: int,
    end_plate: bool,
    blocks: bool = True,
) -> tuple[list[Patch], float]:
    """Build a beam along x on two square tubes, its web facing the front, or the same upright on a base plate.

    Parameters
    ----------
    section : a key of `BEAMS`.
    length_m : length of the beam, both lengths together where it is joined.
    stance : "beam" or "column".
    joint : "none"; "end plates", two lengths bolted together through plates; "splice", two lengths under bolted cover
        plates on flanges and web; "cleats", a smaller beam framed into the front of the web by two bolted angles.
    joint_m : position of the joint along the length, between 0.3 and 0.7 of it.
    stiffeners : pairs of web stiffeners.
    end_plate : whether the far end (the head of a column) carries a plate with open bolt holes.
    blocks : whether a beam lies on the two tubes; without them other parts carry it. A column has none.

    Returns
    -------
    Patches and the thickness of the web in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    if section not in BEAMS:
        raise InputError(f"beam section {section!r}: choose one of EN 10365 such as IPE 200 ({len(BEAMS)} known)")
    check_choices("beam", stance=(stance, STANCES), joint=(joint, JOINTS))
    check_numbers(
        "beam", length_m=(length_m, 0.3, 20), joint_m=(joint_m, 0.3 * length_m, 0.7 * length_m),
        stiffeners=(stiffeners, range(21)),
    )  # fmt: skip
    h, b, tw, tf, r = (value / 1000 for value in BEAMS[section])
    size = _Size(h=h, b=b, tw=tw, tf=tf, r=r)
    steel = profiles.i_section(*size.values)
    makers = {"none": _none, "end plates": _end_plates, "splice": _splice, "cleats": _cleats}
    patches, half, gap, middle = makers[joint](size, joint_m, section)
    margin = 0.06 if stance == "column" else MARGIN * length_m
    spans = np.array([[margin, joint_m - half], [joint_m + half, length_m - margin]])
    if half == 0:
        spans = np.array([[margin, length_m - margin]])
    free = spans[:, 1] - spans[:, 0]
    thickness = 0.001 * float(np.ceil(max(6.0, 1000 * tw)))
    if (free < 0).any() or (stiffeners and free.sum() / stiffeners < 8 * thickness + 0.02):
        raise InputError(
            f"beam {section} of {length_m} m: too short for its joint ({joint}) and {stiffeners} stiffeners"
        )
    bars = [(0.0, length_m)] if gap is None else [(0.0, joint_m - gap), (joint_m + gap, length_m)]
    for number, (start, end) in enumerate(bars):
        ends = ["end", "end"]
        if number == 0 and stance == "column":
            ends[0] = solids.COVERED
        if number == len(bars) - 1 and end_plate:
            ends[1] = solids.COVERED
        if len(bars) == 2:
            ends[1 - number] = middle
        patches += extrusion.bar(f"beam {number + 1}", steel, start, end, (ends[0], ends[1]))
    for number in range(stiffeners):
        along = free.sum() * (number + 0.5) / stiffeners
        x = spans[0, 0] + along if along <= free[0] else spans[-1, 0] + along - free[0]
        patches += steelwork.stiffeners(x, size.values, thickness, f"{number + 1}")
    if end_plate:
        patches += _open_plate(size, length_m)
    if stance == "column":
        patches += _base(size)
        return solids.place(patches, [[0, 0, -1], [0, 1, 0], [1, 0, 0]], (0, 0, 0)), 1000 * tw
    if not blocks:
        return patches, 1000 * tw
    hollow = profiles.square_tube(BLOCK_M, 0.004)
    tube = solids.thick(extrusion.bar("block", hollow, 0.0, b + 0.24, seat=(0.12, b + 0.12)), 4.0)
    places = [(x, -b / 2 - 0.12, -BLOCK_M / 2) for x in (0.09 * length_m, 0.91 * length_m)]
    return patches + solids.copies(tube, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], places), 1000 * tw


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random beam."""
    section = str(rng.choice(list(BEAMS)))
    h, b, tw, tf, r = BEAMS[section]
    joint = str(rng.choice(JOINTS, p=[0.25, 0.25, 0.25, 0.25]))
    if joint == "cleats" and h - 2 * (tf + r) < 104:
        joint = "end plates"
    if joint == "splice" and (b / 2 - tw / 2 - r < 22.5 or h < 110):  # no room for bolts on the flanges or the web
        joint = "none"
    length_m = round(float(h / 1000 * rng.uniform(2.5, 4.5) + 0.6), 3)
    return {
        "section": section,
        "length_m": length_m,
        "stance": str(rng.choice(STANCES, p=[0.65, 0.35])),
        "joint": joint,
        "joint_m": round(float(length_m * rng.uniform(0.42, 0.58)), 3),
        "stiffeners": int(rng.integers(0, 3)) if joint == "splice" else int(rng.integers(0, 4)),
        "end_plate": bool(rng.random() < 0.35),
        "blocks": True,
    }


_Joint = tuple[list[Patch], float, float | None, str]  # patches, half of its length, half of the gap, zone of the ends


def _none(size: _Size, x: float, section: str) -> _Joint:
    return [], 0.0, None, "end"


def _across(sign: float) -> Floats:
    """Return the rotation of a part on a cross plate: its z points along the beam, forwards or back."""
    return np.array([[0.0, 0.0, sign], [sign, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _rows(size: _Size, margin: float) -> list[float]:
    """Return heights of bolts between the flanges, at least `margin` from their inner faces."""
    low, high = size.tf + margin, size.h - size.tf - margin
    count = max(2, int((high - low) / (4.5 * size.bolt)) + 1)
    return [float(z) for z in np.linspace(low, high, count)]


def _plate_rows(size: _Size) -> list[float]:
    return _rows(size, max(size.leg, 0.003) + steelwork.WASHER * size.bolt + 0.002)


def _end_plates(size: _Size, x: float, section: str) -> _Joint:
    """Build two plates, each welded to one length and bolted together; deep beams have a row above the flange."""
    t, bolt = size.plate, size.bolt
    above = 2 * steelwork.WASHER * bolt + 2 * size.leg + 0.01 if size.h > 0.25 else 0.01
    low, high = -0.01, size.h + above
    rows = _plate_rows(size)
    if size.h > 0.25:
        rows.append(size.h + size.leg + steelwork.WASHER * bolt + 0.003)
    wide = max(size.b + 0.012, 2 * (size.gauge + 1.3 * bolt))
    plate = steelwork.pressed("end plate", (wide, high - low, t))
    weld = steelwork.collar("end weld", profiles.outline(profiles.i_section(*size.values)), size.leg)
    patches: list[Patch] = []
    for sign, name in ((-1.0, "a"), (1.0, "b")):
        patches += solids.named(solids.place(plate, _across(sign), (x, 0, (low + high) / 2)), name)
        patches += solids.named(solids.place(weld, _across(sign), (x + sign * t, 0, 0)), name)
    places = [(x - t, y, z) for z in rows for y in (-size.gauge, size.gauge)]
    patches += steelwork.bolts(places, (-1, 0, 0), bolt, 2 * t, "bolt")
    return patches, t + (steelwork.STACK + 0.3) * bolt + 0.02, t, solids.COVERED


def _splice(size: _Size, x: float, section: str) -> _Joint:
    """Build cover plates outside the flanges and on both sides of the web."""
    bolt, t, washer = size.bolt, size.plate, steelwork.WASHER * size.bolt
    if size.gauge + washer > size.b / 2:
        raise InputError(f"beam {section}: its flanges are too narrow for a bolted splice")
    steps = np.array([2.0, 5.0]) * bolt
    along = np.concatenate([-steps[::-1], steps])
    length = 2 * (steps[-1] + 2 * bolt)
    parts = steelwork.pressed("", (length, size.b, t))
    places = [(x + dx, y, t) for dx in along for y in (-size.gauge, size.gauge)]
    patches: list[Patch] = []
    for name, turn, z in (("top", np.eye(3), size.h), ("bottom", np.diag([1.0, -1.0, -1.0]), 0.0)):
        patches += solids.named(solids.place(parts, turn, (x, 0, z)), f"{name} cover")
        part = steelwork.bolts(np.array(places) - [x, 0, 0], (0, 0, 1), bolt, t + size.tf, f"bolt {name}")
        patches += solids.place(part, turn, (x, 0, z))
    rows = _rows(size, max(steelwork.STACK * bolt + 0.004, size.r) + washer)
    thin = max(0.006, size.tw)
    high = min(size.h - 2 * (size.tf + size.r) - 0.006, rows[-1] - rows[0] + 4 * bolt)
    if len(rows) < 2 or rows[1] - rows[0] < 2 * washer + 0.002 or high < rows[-1] - rows[0] + 2 * washer:
        raise InputError(f"beam {section}: not deep enough for a bolted splice of its web")
    parts = steelwork.pressed("", (length, high, thin))
    for name, side in (("front", -1.0), ("rear", 1.0)):
        turn = np.array([[-side, 0.0, 0.0], [0.0, 0.0, side], [0.0, 1.0, 0.0]])
        patches += solids.named(solids.place(parts, turn, (x, side * size.tw / 2, size.h / 2)), f"{name} cover")
    places = [(x + dx, -size.tw / 2 - thin, z) for dx in along for z in rows]
    patches += steelwork.bolts(places, (0, -1, 0), bolt, size.tw + 2 * thin, "web bolt")
    return patches, length / 2 + 0.02, GAP_M / 2, "crevice"


def _cleats(size: _Size, x: float, section: str) -> _Joint:
    """Build the stub of a smaller beam against the front of the web, held by an angle on each side of its own web."""
    inside = size.h - 2 * (size.tf + size.r)
    fitting = [name for name in FRAMED if BEAMS[name][0] / 1000 <= min(inside - 0.003, 0.75 * size.h)]
    if not fitting:
        raise InputError(f"beam {section}: not deep enough to frame a smaller beam between its flanges")
    h, b, tw, tf, r = (value / 1000 for value in BEAMS[fitting[0]])
    bolt = 0.012 if h < 0.17 else 0.016
    leg, t, root = (value / 1000 for value in ANGLES[CLEATS[bolt]])
    washer = steelwork.WASHER * bolt
    length = min(h - 2 * (tf + r) - 0.004, 12 * bolt)
    bottom = (size.h - h) / 2
    rows = np.linspace(-1, 1, 3 if length > 9 * bolt else 2) * (length / 2 - 1.5 * bolt) + size.h / 2
    reach = size.b / 2 + max(0.12, 0.6 * h)
    face = -size.tw / 2
    down = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    patches = extrusion.bar("framed beam", profiles.i_section(h, b, tw, tf, r), 0.01, reach + face)
    patches = solids.place(patches, down, (x, face, bottom))
    steel = profiles.angle(leg, t, root)
    cleat = solids.thick(extrusion.bar("cleat", profiles.covered(steel, 0, 4), 0.0, length), 1000 * t)
    line = max(0.55 * leg, t + root + washer)
    for sign, name, turn in (
        (1.0, "right", [[0, 1, 0], [0, 0, -1], [-1, 0, 0]]),
        (-1.0, "left", [[0, 0, -1], [0, -1, 0], [-1, 0, 0]]),
    ):
        at = x + sign * tw / 2
        patches += solids.named(solids.place(cleat, turn, (at, face, size.h / 2 + length / 2)), name)
        places = [(at + sign * line, face - t, z) for z in rows]
        patches += steelwork.bolts(places, (0, -1, 0), bolt, size.tw + t, f"bolt {name}")
    places = [(x + tw / 2 + t, face - line, z) for z in rows]
    patches += steelwork.bolts(places, (1, 0, 0), bolt, tw + 2 * t, "bolt through")
    return patches, leg + tw / 2 + 0.02, None, "end"


def _open_plate(size: _Size, x: float) -> list[Patch]:
    """Build a plate welded to the far end, with open bolt holes."""
    t = size.plate
    wide = max(size.b + 0.012, 2 * (size.gauge + 1.5 * size.bolt))
    hole = size.bolt + 0.002
    holes = [
        slabs.Hole(x=y, y=z - size.h / 2, diameter=hole) for z in _plate_rows(size) for y in (-size.gauge, size.gauge)
    ]
    plate = slabs.slab("head plate", (wide, size.h + 0.02, t), cut="rolled", holes=holes, bottom=((np.inf, "face"),))
    weld = steelwork.collar("head weld", profiles.outline(profiles.i_section(*size.values)), size.leg)
    patches = solids.thick(solids.place(plate, _across(1.0), (x, 0, size.h / 2)), 1000 * t)
    return patches + solids.place(weld, _across(-1.0), (x, 0, 0))


def _base(size: _Size) -> list[Patch]:
    """Build the base plate below the start, with four anchors outside the flanges; proportions by eye."""
    rod = min(BOLTS_M[3], size.bolt + 0.004)
    t, out = max(0.015, 1.6 * size.tf), size.leg + 1.6 * rod
    side = max(0.3 * size.b, 1.5 * rod)
    wide, high = max(size.b + 0.03, 2 * side + 4 * rod), size.h + 2 * out + 3.4 * rod
    patches = solids.place(steelwork.pressed("base plate", (wide, high, t)), _across(1.0), (-t, 0, size.h / 2))
    weld = steelwork.collar("base weld", profiles.outline(profiles.i_section(*size.values)), size.leg)
    patches += solids.place(weld, _across(1.0), (0, 0, 0))
    places = [(0, y, z) for y in (-side, side) for z in (-out, size.h + out)]
    return patches + steelwork.anchors(places, (1, 0, 0), rod, 1.2 * rod, "anchor")
