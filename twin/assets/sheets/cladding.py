"""Cladding: corrugated or trapezoidal sheets side by side on purlins, or on rails as a wall or fence; screws; dents."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from corrotwin.twin.assets.sheets.profiled import PROFILES, Profile, screw
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import denting, extrusion, profiles, solids
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.denting import dented, dents_rand
from corrotwin.twin.geometry.profiles import Section
from corrotwin.twin.geometry.skins import skin

PURLINS = ("Z", "C", "tube")
STANCES = ("lying", "wall")
FIXINGS = ("crest", "trough")
MOST_SHEETS = 12
# By eye, metres.
GAUGE = 0.002  # thickness of purlins
FLANGE, WEB, LIP = 0.06, 0.12, 0.018
TUBE = 0.06  # side of square tubes
OVERHANG = 0.12  # overhang of sheets over the outer purlins
CLEAR = 0.0008  # clearance between sheet and purlin
RIM = 0.006  # width of the crevice beside a lap
GROUND = 0.05  # distance between a wall's sheets and the ground


@dataclass(frozen=True, kw_only=True)
class _Sheets:
    """Dimensions of the sheets, metres."""

    profile: Profile
    thickness: float
    count: int
    length: float

    @property
    def pitch(self) -> float:
        return self.profile.pitch / 1000

    @property
    def cover(self) -> float:
        """Width that each sheet adds."""
        return self.profile.ribs * self.pitch

    @property
    def width(self) -> float:
        """Width of all sheets: on either side half a pitch more than they cover."""
        return self.count * self.cover + self.pitch

    @property
    def lift(self) -> float:
        """Rise of a sheet at its right side, where it laps over the next one."""
        x, z = self.profile.period().T
        steepest = float((np.hypot(np.diff(x), np.diff(z)) / np.diff(x)).max())
        return self.thickness * steepest + 0.0001


def cladding(
    *,
    profile: str,
    thickness_mm: float,
    sheets: int,
    length_m: float,
    purlin: str = "Z",
    purlins: int = 2,
    fixing: str = "trough",
    every: int = 2,
    stance: str = "wall",
    dents: int = 0,
    dent_mm: float = 15.0,
    lay: int = 0,
) -> tuple[list[Patch], float]:
    """Build profiled sheets on purlins; their outer face is up, or to the front (-y) if they stand as a wall.

    Parameters
    ----------
    profile : a key of `PROFILES`, whose numbers are pitch and depth or depth and pitch in mm, as the trade names them.
    thickness_mm : thickness of the sheet.
    sheets : number of sheets side by side, each lapped over the next one by a rib.
    length_m : length of the sheets, along their ribs.
    purlin : "Z" or "C" sections folded of 2 mm plate, or square "tube".
    purlins : number of purlins, or of rails of a wall.
    fixing : whether screws sit on the "crest" of ribs or in the "trough" between them.
    every : there is a screw in every so many ribs; a rib at each lap has one in any case.
    stance : "lying" on purlins, or a "wall" on rails between two posts.
    dents : number of dents, between purlins.
    dent_mm : depth of the deepest dent.
    lay : seed of the dents.

    Returns
    -------
    Patches and the thickness of the sheet in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    check_choices(
        "cladding", profile=(profile, PROFILES), purlin=(purlin, PURLINS), fixing=(fixing, FIXINGS),
        stance=(stance, STANCES),
    )  # fmt: skip
    check_numbers(
        "cladding", thickness_mm=(thickness_mm, 0.4, 1.5), sheets=(sheets, range(1, MOST_SHEETS + 1)),
        every=(every, range(1, 11)), length_m=(length_m, 0.6, 8), purlins=(purlins, range(2, 9)),
    )  # fmt: skip
    if length_m / purlins < 0.25:
        raise InputError(f"cladding on {purlins} purlins in {length_m} m: leave at least 0.25 m for each")
    denting.check("cladding", dents, dent_mm, lay, most=20, deepest_mm=60)
    sheeting = _Sheets(profile=PROFILES[profile], thickness=thickness_mm / 1000, count=sheets, length=length_m)
    levels = np.linspace(OVERHANG, length_m - OVERHANG, purlins)
    skins: list[Patch] = []
    for number in range(sheets):
        skins += solids.place(_sheet(sheeting, number, levels), np.eye(3), (number * sheeting.cover, 0, 0))
    skins += _screws(sheeting, levels, fixing, every)
    skins = dented(skins, _dents(sheeting, levels, dents, dent_mm, lay))
    patches = skins + _purlins(sheeting, levels, purlin)
    if stance == "wall":
        patches += _posts(sheeting, purlin)
        patches = solids.place(patches, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], (0, 0, 0))
    return patches, thickness_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of random cladding, 0.9 to 3.5 m wide."""
    profile = str(rng.choice(list(PROFILES), p=[0.45, 0.12, 0.18, 0.25]))
    length_m = round(float(rng.uniform(1.2, 2.4)), 2)
    stance = str(rng.choice(STANCES, p=[0.3, 0.7]))
    dents = int(rng.choice([0, 1, 2, 3, 5], p=[0.35, 0.2, 0.2, 0.15, 0.1]))
    return {
        "profile": profile,
        "thickness_mm": float(rng.choice([0.5, 0.6, 0.7, 0.75, 0.9, 1.0])),
        "sheets": int(rng.integers(2, 4)),
        "length_m": length_m,
        "purlin": str(rng.choice(PURLINS, p=[0.45, 0.2, 0.35])),
        "purlins": 2 if length_m < 1.5 else int(rng.integers(2, 4)),
        "fixing": str(rng.choice(FIXINGS, p=[0.35, 0.65])),
        "every": int(rng.integers(1, 4)),
        "stance": stance,
        "dents": dents,
        "dent_mm": round(float(rng.uniform(6, 35)), 1),
        "lay": int(rng.integers(2**16)),
    }


def _line(own: _Sheets, number: int) -> tuple[Floats, Floats]:
    """Return the lower and the upper line of a sheet across its ribs, (n, 2), from its left lap to its right one."""
    period = own.profile.period()
    middle = period[len(period) // 2 : -1]
    spans = [period[:-1] + np.array([pitch * own.pitch, 0]) for pitch in range(own.profile.ribs)]
    line = np.concatenate([middle - [own.pitch, 0], *spans, period[: len(period) // 2 + 1] + np.array([own.cover, 0])])
    # Borders of the laps and of the crevices beside them, and for a trapezoidal profile the edge of a sheet on a crown.
    cuts = np.array([own.pitch / 2, own.pitch / 2 + RIM]) * [[1], [1]]
    cuts = np.concatenate([cuts[0], own.cover - cuts[1]])
    x = np.unique(np.concatenate([line[:, 0], cuts]).round(9))
    line = np.column_stack([x, np.interp(x, line[:, 0], line[:, 1])])
    section = profiles.folded(line, own.thickness)
    low, high = section.pieces[0][1], section.pieces[2][1][::-1]
    raised = own.lift * (line[:, 0] / own.cover)[:, None] * [0, 1]
    return low + raised, high + raised


def _sheet(own: _Sheets, number: int, levels: Floats) -> list[Patch]:
    """Build a sheet: its laps covered where it presses on its neighbours, crevices beside them and on purlins."""
    low, high = _line(own, number)
    half = FLANGE / 2
    y = np.unique(np.concatenate([[0.0], levels - half, levels + half, [own.length]]))
    lower, upper = (np.stack([_row(line, along) for along in y]) for line in (low, high))
    x, seat = (low[:-1, 0] + low[1:, 0]) / 2, (y[:-1] + y[1:]) / 2
    face = np.full((len(seat), len(x)), "face", dtype="<U8")
    rear = np.full(face.shape, "back", dtype="<U8")
    rear[np.abs(seat[:, None] - levels).min(axis=1) < half] = "crevice"
    if number > 0:  # the sheet on its left lies on it
        face[:, x < own.pitch / 2 + RIM] = "crevice"
        face[:, x < own.pitch / 2] = solids.COVERED
    if number < own.count - 1:
        rear[:, x > own.cover - own.pitch / 2 - RIM] = "crevice"
        rear[:, x > own.cover - own.pitch / 2] = solids.COVERED
    return skin(f"sheet {number + 1}", upper, lower, face=face, rear=rear, thickness_mm=1000 * own.thickness)


def _row(line: Floats, y: float) -> Floats:
    return np.column_stack([line[:, 0], np.full(len(line), y), line[:, 1]])


def _screws(own: _Sheets, levels: Floats, fixing: str, every: int) -> list[Patch]:
    """Build a screw over each purlin in ribs or troughs across all sheets."""
    at = own.pitch / 2 if fixing == "crest" else 0.0
    part = screw(own.profile, at)
    ribs = own.profile.ribs
    patches: list[Patch] = []
    for number in range(own.count):
        for rib in range(ribs):
            if rib % every and not (rib == ribs - 1 and fixing == "crest"):
                continue
            x = at + rib * own.pitch
            z = float(own.profile.height(np.array([x]))[0]) + own.lift * x / own.cover
            if own.count > 1 and number and x < own.pitch / 2 + RIM:  # on the sheet that lies on this one
                z += own.lift
            z += own.thickness
            for row, y in enumerate(levels):
                placed = solids.place(part, np.eye(3), (number * own.cover + x, y, z))
                patches += solids.named(placed, f"{number + 1} {rib + 1} {row + 1}")
    return patches


def _purlins(own: _Sheets, levels: Floats, kind: str) -> list[Patch]:
    """Build purlins along x, on which the sheets rest."""
    section, thickness_mm = _section(kind)
    start, end = -own.pitch / 2 - 0.05, own.width - own.pitch / 2 + 0.05
    bar = solids.thick(extrusion.bar("purlin", section, start, end), thickness_mm)
    return solids.copies(bar, np.eye(3), [(0, y, -CLEAR) for y in levels])


def _section(kind: str) -> tuple[Section, float]:
    """Return the section of a purlin whose top is z = 0, in (y, z), and its thickness in mm."""
    if kind == "tube":
        tube = profiles.moved(profiles.square_tube(TUBE, 0.003), (0.0, -TUBE / 2))
        named = zip(("crevice", "body", "bore"), tube.pieces, strict=True)
        pieces = tuple((zone, line) for zone, (_, line) in named)
        return Section(pieces=pieces, caps=tube.caps), 3.0
    half, lip = FLANGE / 2, LIP if kind == "C" else 0.8 * LIP
    if kind == "C":
        line = [(half, -lip), (half, 0), (-half, 0), (-half, -WEB), (half, -WEB), (half, lip - WEB)]
    else:  # the flanges of a Z point to either side of its web
        line = [(half, -lip), (half, 0), (-half, 0), (-half, -WEB), (-FLANGE - half, -WEB), (-FLANGE - half, lip - WEB)]
    section = profiles.folded(line, GAUGE)  # the right-hand face along the line is the outer one of the upper flange
    return profiles.rezone(section, {"back": "body", "face": "body"}), 1000 * GAUGE


def _posts(own: _Sheets, kind: str) -> list[Patch]:
    """Build two square posts behind the rails, down to the ground."""
    depth = {"tube": TUBE, "C": WEB, "Z": WEB + GAUGE}[kind]
    post = solids.thick(extrusion.bar("post", profiles.square_tube(TUBE, 0.003), -GROUND, own.length - 0.02), 3.0)
    places = [(x, 0, -CLEAR - depth - TUBE / 2 - 0.001) for x in (0.08, own.width - own.pitch - 0.08)]
    return solids.copies(post, [[0, 1, 0], [1, 0, 0], [0, 0, -1]], places)


def _dents(own: _Sheets, levels: Floats, count: int, deepest: float, lay: int) -> list[Any]:
    """Return dents in the bays between purlins, which they do not reach, and in the free ends."""
    rng = np.random.default_rng(lay)
    dents = []
    for _ in range(count):
        bay = int(rng.integers(len(levels) - 1))
        low, high = levels[bay] + FLANGE / 2, levels[bay + 1] - FLANGE / 2
        radius = min(0.22, 0.45 * (high - low))
        dents += dents_rand(
            rng, 1, low=(0, low + radius, 0), high=(own.count * own.cover, high - radius, 0), creased=0.0,
            radius_m=(0.4 * radius, radius), depth_mm=(0.3 * deepest, deepest), direction=(0, 0, -1),
        )  # fmt: skip
    return dents
