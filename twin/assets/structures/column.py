"""Laced columns of old bridges: two channels or four angles held together by lacing bars and batten plates, riveted."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from corrotwin.twin.assets.structures import members
from corrotwin.twin.assets.structures.members import Angle
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import slabs, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.section_sizes import ANGLES, CHANNELS

FORMS = ("channels", "box", "angles")
LACINGS = ("single", "double", "battens")
SECTIONS = (*CHANNELS, *ANGLES)
# Proportions by usual practice: bars at 60 degrees where single and at 45 degrees where double, three rivets wide;
# battens as long as the rows of rivets are apart. Sizes by eye where no proportion is named, metres.
SLOPE = {"single": np.tan(np.radians(60)), "double": 1.0}
BAR, BAR_T = 3.0, (0.008, 0.01)  # width in rivets; thickness, the second for wide columns
BATTEN_T = 0.01
EDGE = 1.75  # distance of rivets from the edge of a batten, in diameters
ROW = 5.0  # greatest distance between rivets of a batten, in diameters
BASE, ROD, SHOE, SHOE_PITCH = 0.025, 0.024, "L 100x10", 0.12
FREE = 0.03  # free length of the posts beyond their last batten
LEAST_GAP = 0.06  # least distance between the posts on a laced face


@dataclass(frozen=True, kw_only=True)
class _Size:
    """Dimensions of a column along x, metres: `y` and `z` are half of its outline, without bars and plates."""

    height: float
    form: str
    section: str
    lacing: str
    y: float
    z: float

    @property
    def angle(self) -> Angle | None:
        return Angle.of(self.section) if self.form == "angles" else None

    @property
    def rivet(self) -> float:
        return self.angle.rivet if self.angle else 0.016

    @property
    def flange(self) -> float:
        """Thickness of the steel on which bars and battens lie."""
        return self.angle.t if self.angle else CHANNELS[self.section][3] / 1000

    @property
    def leg(self) -> float:
        """Width of the steel on which they lie."""
        return self.angle.leg if self.angle else CHANNELS[self.section][1] / 1000

    @property
    def gauge(self) -> float:
        """Distance of a row of rivets from the outline of the column."""
        if self.angle:
            return self.angle.gauge
        _, b, tw, _, r = (value / 1000 for value in CHANNELS[self.section])
        from_back = max(0.58 * b, tw + r + 0.85 * self.rivet)
        return from_back if self.form == "box" else b - from_back

    def faces(self) -> list[tuple[str, Floats, float, float]]:
        """Return name, rotation, half width and distance of each face that is laced; a face's own z is outwards."""
        turned = [("front", -1.0), ("rear", 1.0)]
        laced = []
        for name, side in turned:
            laced.append((name, np.array([[1, 0, 0], [0, side, 0], [0, 0, side]]), self.y, self.z))
        if self.form == "angles":
            for name, side in (("left", -1.0), ("right", 1.0)):
                laced.append((name, np.array([[1, 0, 0], [0, 0, side], [0, -side, 0]]), self.z, self.y))
        return laced


def column(
    *,
    height_m: float,
    width_m: float,
    form: str,
    section: str,
    lacing: str,
    depth_m: float = 0.0,
    base: bool = True,
) -> tuple[list[Patch], float]:
    """Build a laced column, upright; its laced face is to the front.

    Parameters
    ----------
    height_m : length of its channels or angles.
    width_m : width of the laced face, over channels or angles.
    form : "channels", two of them, toes out; "box", two of them, toes in; "angles", four at the corners of a rectangle,
        laced on all sides.
    section : size of the channels, a key of `CHANNELS`, or of the angles, a key of `ANGLES`.
    lacing : "single" or "double" bars, or "battens" alone.
    depth_m : depth over the four angles; 0 for the same as the width. The depth over channels is their height.
    base : whether it stands on a base plate with anchors.

    Returns
    -------
    Patches and the thickness of the channels' flanges, or of the angles, in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    sections = ANGLES if form == "angles" else CHANNELS
    check_choices("column", form=(form, FORMS), lacing=(lacing, LACINGS), section=(section, sections))
    check_numbers(
        "column", height_m=(height_m, 0.8, 20), width_m=(width_m, 0.15, 1.2), depth_m=(depth_m or width_m, 0.15, 1.2)
    )  # fmt: skip
    deep = (depth_m or width_m) if form == "angles" else CHANNELS[section][0] / 1000
    size = _Size(height=height_m, form=form, section=section, lacing=lacing, y=width_m / 2, z=deep / 2)
    gap = min(2 * half for _, _, half, _ in size.faces()) - 2 * size.leg
    if gap < LEAST_GAP:
        least = 2 * size.leg + LEAST_GAP
        raise InputError(
            f"column of {width_m} m and {depth_m} m with {section}: needs at least {least:.3f} m on each laced side"
        )
    batten = max(0.12, *(1.8 * (half - size.gauge) for _, _, half, _ in size.faces()))
    least = 2 * max(batten, Angle.of(SHOE).leg + 0.1) + 2 * FREE + 0.1
    if height_m < least:
        raise InputError(f"column {height_m} m high: needs at least {least:.2f} m for its battens at this width")
    patches = _posts(size, base=base)
    for name, turn, half, away in size.faces():
        across = 2 * (half - size.gauge)
        face = _face(size, half, across, base=base, shod=base and name in ("front", "rear"))
        patches += solids.named(solids.place(face, turn, np.asarray(turn) @ [0.0, 0.0, away]), name)
    if base:
        patches += _base(size)
    return solids.place(patches, steelwork.UPRIGHT, (0, 0, 0)), 1000 * size.flange


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random column."""
    form = str(rng.choice(FORMS, p=[0.35, 0.3, 0.35]))
    if form == "angles":
        section = str(rng.choice(["L 70x7", "L 80x8", "L 90x9", "L 100x10"]))
        least = 2 * ANGLES[section][0] / 1000
    else:
        section = str(rng.choice(["UPE 160", "UPE 180", "UPE 200", "UPE 220", "UPE 240", "UPE 270"]))
        least = 2 * CHANNELS[section][1] / 1000
    return {
        "height_m": round(float(rng.uniform(1.5, 2.8)), 3),
        "width_m": round(least + float(rng.uniform(0.08, 0.28)), 3),
        "form": form,
        "section": section,
        "lacing": str(rng.choice(LACINGS, p=[0.45, 0.4, 0.15])),
        "depth_m": round(least + float(rng.uniform(0.08, 0.28)), 3) if form == "angles" else 0.0,
        "base": bool(rng.random() < 0.8),
    }


def _posts(size: _Size, *, base: bool) -> list[Patch]:
    """Build the channels or angles along x from 0."""
    cut = (solids.COVERED, "end") if base else ("end", "end")
    patches: list[Patch] = []
    if size.angle:
        steel = members.angle(size.angle, "flange")
        angle = solids.thick(members.member("angle", steel, (0.0, size.height), {}, cut), 1000 * size.angle.t)
        # A heel at each corner: quarter turns from the lower right one, whose legs run to -y and +z.
        for number, (y, z) in enumerate(((-1, -1), (1, -1), (1, 1), (-1, 1))):
            cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[number]
            turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
            patches += solids.named(solids.place(angle, turn, (0, y * size.y, z * size.z)), f"{number + 1}")
        return patches
    channel = members.member("channel", members.channel(size.section, "flange"), (0.0, size.height), {}, cut)
    back = size.y if size.form == "box" else size.y - size.leg
    for name, side in (("left", -1.0), ("right", 1.0)):
        out = side if size.form == "channels" else -side
        turn = np.array([[1, 0, 0], [0, out, 0], [0, 0, out]])
        patches += solids.named(solids.place(channel, turn, (0, side * back, -out * size.z)), name)
    return patches


def _face(size: _Size, half: float, across: float, *, base: bool, shod: bool) -> list[Patch]:
    """Build the battens and bars of a face on z = 0, along x from 0; rows of rivets are `across` apart along y.

    With `shod` an angle joins the lowest batten to the base plate.
    """
    shoe = Angle.of(SHOE).leg if shod else 0.0
    deep = max(0.12, round(0.9 * across, 3))
    first = max(deep, Angle.of(SHOE).leg + 0.1) if base else deep
    foot = 0.0 if base else FREE
    between = size.height - foot - first - deep - FREE
    count = 2 + (int(between / max(2.2 * deep, 0.45)) if size.lacing == "battens" else 0)
    starts = np.linspace(foot + first, size.height - FREE - deep, count)[1:]
    patches = solids.named(solids.place(_batten(size, half, across, first, shoe), np.eye(3), (foot, 0, 0)), "1")
    for number, x in enumerate(starts):
        parts = _batten(size, half, across, deep, 0.0)
        patches += solids.named(solids.place(parts, np.eye(3), (x, 0, 0)), f"{number + 2}")
    if shod:
        patches += _shoe(size, half, across)
    if size.lacing == "battens":
        return patches
    start = foot + first
    bars = _bars(size, half, across, float(starts[-1]) - start)
    return patches + solids.place(bars, np.eye(3), (start, 0, 0))


def _batten(size: _Size, half: float, across: float, deep: float, shoe: float) -> list[Patch]:
    """Build a batten plate on z = 0 from x = 0, with a row of rivets at either side that begins above a `shoe`."""
    d = size.rivet
    wide = 2 * half - 0.004
    on = half - size.leg
    under = ((-on, solids.COVERED), (on, "back"), (np.inf, solids.COVERED))
    plate = slabs.slab("batten", (wide, deep, BATTEN_T), cut="rolled", bottom=under)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    patches = solids.thick(solids.place(plate, turn, (deep / 2, 0, 0)), 1000 * BATTEN_T)
    low, high = shoe + EDGE * d, deep - EDGE * d
    rows = np.linspace(low, high, max(2, int(np.ceil((high - low) / (ROW * d))) + 1))
    places = [(x, side * across / 2, BATTEN_T) for side in (-1, 1) for x in rows]
    return patches + steelwork.rivets(places, (0, 0, 1), d, BATTEN_T + size.flange, "of a batten")


def _bars(size: _Size, half: float, across: float, room: float) -> list[Patch]:
    """Build the lacing bars of a face between x = 0 and `room`: a zigzag, every other bar over its neighbours.

    Where no bar lies below, a round packing lies under the end of the upper bar.
    """
    d, t = size.rivet, BAR_T[across > 0.3]
    wide = BAR * d
    margin = wide / 2 + 0.008
    steps = max(1, round((room - 2 * margin) / (across / SLOPE[size.lacing])))
    pitch = (room - 2 * margin) / steps
    length = float(np.hypot(pitch, across))
    lean = across / length  # sine of a bar's slope from the column's axis
    overlap = wide / 2 * min(1.0, 1 / (2 * lean * max(pitch / length, 0.35)))
    on_leg = (half - size.leg, across / 2)
    seat = (on_leg[1] - on_leg[0]) / lean  # from the rivet along a bar to where it leaves the leg
    edge = wide / 2
    middle = ((length - wide) / 2, (length + wide) / 2)
    patches: list[Patch] = []
    heads: dict[tuple[int, float], list[float]] = {}
    for way in (1.0, -1.0) if size.lacing == "double" else (1.0,):
        for step in range(steps):
            above = (step % 2 == 1) == (way > 0)
            y = way * (across / 2) * (-1) ** step
            low, up = [(-edge, overlap), (length - overlap, length + edge)], []
            if not above:
                low, up = [(-edge, seat), (length - seat, length + edge)], low
            crossing = [middle] if size.lacing == "double" else []
            below, over = (low + crossing, up) if above else (low, up + crossing)
            name = f"bar {step + 1}" if way > 0 else f"cross bar {step + 1}"
            bar = members.lacing_bar(name, length, wide, t, below, over)
            start = np.array([margin + step * pitch, y, t if above else 0.0])
            along = np.array([pitch, -2 * y, 0.0]) / length
            turn = np.column_stack([along, np.cross([0, 0, 1], along), [0, 0, 1]])
            patches += solids.place(bar, turn, start)
            for k, at in ((step, y), (step + 1, -y)):
                heads.setdefault((k, float(np.sign(at))), []).append(start[2])
    return patches + _heads(size, heads, (margin, pitch, across), t)


def _heads(
    size: _Size, heads: dict[tuple[int, float], list[float]], grid: tuple[float, float, float], t: float
) -> list[Patch]:
    """Build the rivets of lacing bars at their ends, and where they cross."""
    margin, pitch, across = grid
    patches: list[Patch] = []
    disc = members.packing("packing", BAR * size.rivet / 2, t)
    tops: dict[float, list[tuple[float, float, float]]] = {}
    for number, ((k, side), levels) in enumerate(heads.items()):
        x, y, top = margin + k * pitch, side * across / 2, max(levels) + t
        if min(levels) > 0:
            patches += solids.named(solids.place(disc, np.eye(3), (x, y, 0)), f"{number + 1}")
        tops.setdefault(top, []).append((x, y, top))
    for top, places in tops.items():
        tag = f"of a bar {round(top / t)}"
        patches += steelwork.rivets(places, (0, 0, 1), size.rivet, top + size.flange, tag)
    if size.lacing == "double":
        count = len({k for k, _ in heads}) - 1
        places = [(margin + (k + 0.5) * pitch, 0.0, 2 * t) for k in range(count)]
        patches += steelwork.rivets(places, (0, 0, 1), size.rivet, 2 * t, "of a crossing")
    return patches


def _shoe(size: _Size, half: float, across: float) -> list[Patch]:
    """Build the angle between the lowest batten, whose face is z = `BATTEN_T`, and the base plate at x = 0."""
    shoe, d = Angle.of(SHOE), size.rivet
    always, seam = [(*members.EVERYWHERE, solids.COVERED)], [(*members.EVERYWHERE, "crevice")]
    pressed: dict[int, members.Bands] = {
        members.BACK_INNER: always, members.BACK_OUTER: always, members.TOE_FOOT: seam,
        members.OTHER_INNER: always, members.OTHER_OUTER: always, members.OTHER_TOE_FOOT: seam,
    }  # fmt: skip
    bar = members.member("shoe", members.angle(shoe, "flange"), (0.004 - half, half - 0.004), pressed)
    # Its length along y, one leg up the batten, the other out on the base plate.
    turn = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) @ np.diag([-1.0, 1.0, 1.0])
    patches = solids.thick(solids.place(bar, turn, (0, 0, BATTEN_T)), 1000 * shoe.t)
    top, grip = BATTEN_T + shoe.t, shoe.t + BATTEN_T
    outer = [(shoe.gauge, y, top) for y in (-across / 2, across / 2)]
    patches += steelwork.rivets(outer, (0, 0, 1), d, grip + size.flange, "of the shoe")
    between = np.linspace(-across / 2, across / 2, 2 + int(across / SHOE_PITCH))[1:-1]
    inner = [(shoe.gauge, y, top) for y in between if abs(y) < half - size.leg - d]
    patches += steelwork.rivets(inner, (0, 0, 1), d, grip, "of shoe and batten")
    places = [(shoe.t, y, BATTEN_T + shoe.gauge) for y in (-across / 2 + 0.03, across / 2 - 0.03)]
    return patches + steelwork.anchors(places, (1, 0, 0), ROD, 1.2 * ROD, "anchor")


def _base(size: _Size) -> list[Patch]:
    """Build the base plate below x = 0."""
    wide, deep = 2 * size.y + 0.08, 2 * (size.z + BATTEN_T + Angle.of(SHOE).leg) + 0.03
    across = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return solids.place(steelwork.pressed("base plate", (wide, deep, BASE)), across, (-BASE, 0, 0))
