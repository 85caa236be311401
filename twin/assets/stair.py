"""Steel stairs: two stringers, treads of chequer plate, grating or smooth plate, a handrail on one side."""

from typing import Any

import numpy as np

from corrotwin.twin.assets import stair_rail
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import extrusion, profiles, slabs, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.profiles import Section
from corrotwin.twin.geometry.section_sizes import ANGLES, CHANNELS

STRINGERS = ("channel", "flat")
TREADS = ("chequer", "grating", "plate")
FIXINGS = ("bolted", "welded")
HANDRAILS = ("none", "left", "right")
# Sizes by eye, metres, where no standard is named.
FLAT = 0.01  # thickness of flat stringers
MARGIN = 0.02  # height of the stringers' top edge over the line of nosings
TIP = 0.07  # height of the stringers' blunt front
FOLD = 0.045  # depth of a bent nosing
CARRIER = (0.07, 0.006)  # depth and thickness of the plates at the ends of treads
BOLT = 0.012
CLEAT = "L 60x6"


def stair(
    *,
    treads: int,
    rise_mm: float,
    slope_degrees: float,
    width_m: float,
    stringer: str,
    tread: str,
    fixing: str,
    handrail: str,
) -> tuple[list[Patch], float]:
    """Build a stair that climbs away from the front, its stringers cut level on the ground and plumb at the top.

    Parameters
    ----------
    treads, rise_mm, slope_degrees : number of steps, height of each, pitch of the stair.
    width_m : width between the stringers.
    stringer : "channel" (UPE, toes out) or "flat" bar, as deep as the treads need.
    tread : "chequer" plate with a bent nosing, open "grating", or smooth "plate".
    fixing : treads "bolted" or "welded" to the stringers.
    handrail : "none", or the side, "left" or "right" as one climbs, that has posts, a handrail and a mid rail.

    Returns
    -------
    Patches and the thickness of the treads in mm.
    """
    check_choices(
        "stair", stringer=(stringer, STRINGERS), tread=(tread, TREADS), fixing=(fixing, FIXINGS),
        handrail=(handrail, HANDRAILS),
    )  # fmt: skip
    check_numbers(
        "stair", treads=(treads, range(2, 21)), rise_mm=(rise_mm, 140, 230), slope_degrees=(slope_degrees, 30, 45),
        width_m=(width_m, 0.3, 2),
    )  # fmt: skip
    slope, rise = np.radians(slope_degrees), rise_mm / 1000
    going = rise / np.tan(slope)
    deep = max(0.2, going + 0.025)
    steel, size = _stringer(stringer, slope, deep)
    patches: list[Patch] = []
    for side, name in ((-1.0, "left"), (1.0, "right")):
        parts = _placed(steel, size, slope, rise, ((treads - 1) * going + deep + 0.03, side * width_m / 2, side))
        parts += _foot(size, slope, rise, side * width_m / 2, side)
        patches += solids.named(parts, name)
    clear = width_m - 2 * (CARRIER[1] if tread == "grating" or fixing == "bolted" else 0.0)
    step = _grating(clear, deep) if tread == "grating" else _folded(clear, deep, tread)
    step += _fixed(width_m, deep, tread, fixing, size[1])
    patches += solids.copies(step, np.eye(3), [(0, n * going, (n + 1) * rise) for n in range(treads)])
    if handrail != "none":
        side = -1.0 if handrail == "left" else 1.0
        flange = None if stringer == "flat" else size[2]
        outer = side * (width_m / 2 + size[1] if flange is None else width_m / 2)
        line = stair_rail.Line(slope=slope, rise=rise, edge=MARGIN / np.cos(slope))
        patches += stair_rail.handrail(line, (deep / 2, (treads - 1) * going + deep / 2), outer, side, flange)
    return patches, 1000 * _thickness(tread)


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random stair."""
    tread = str(rng.choice(TREADS, p=[0.5, 0.3, 0.2]))
    return {
        "treads": int(rng.integers(3, 6 if tread == "chequer" else 9)),
        "rise_mm": float(rng.integers(160, 206)),
        "slope_degrees": round(float(rng.uniform(32, 45)), 1),
        "width_m": round(float(rng.uniform(0.55, 0.8 if tread == "chequer" else 1.0)), 3),
        "stringer": str(rng.choice(STRINGERS)),
        "tread": tread,
        "fixing": str(rng.choice(FIXINGS)),
        "handrail": str(rng.choice(HANDRAILS, p=[0.4, 0.3, 0.3])),
    }


_Size = tuple[float, float, float]  # depth of a stringer, thickness of its web, width of its flanges


def _thickness(tread: str) -> float:
    return {"chequer": 0.005, "grating": 0.003, "plate": 0.008}[tread]


def _stringer(kind: str, slope: float, deep: float) -> tuple[Section, _Size]:
    """Return the least section that covers the ends of the treads; its web along z, centred, its toes towards +y."""
    need = MARGIN + deep * np.sin(slope) + CARRIER[0] * np.cos(slope) + 0.005
    if kind == "flat":
        h = float(np.ceil(100 * need)) / 100
        strip = profiles.rezone(profiles.flat(FLAT, h, 0.0015), {"face": "edge", "edge": "stringer"})
        return profiles.moved(strip, (FLAT / 2, 0.0)), (h, FLAT, FLAT)
    fitting = [values for values in CHANNELS.values() if values[0] / 1000 >= need]
    if not fitting:
        raise InputError(
            f"stair at {np.degrees(slope):g} degrees with treads {deep:.3f} m deep: no channel is deep enough; "
            "choose a smaller rise or stringer 'flat'"
        )
    h, b, tw, tf, r = (value / 1000 for value in min(fitting))
    steel = profiles.rezone(profiles.channel(h, b, tw, tf, r), {"web": "stringer", "flange": "stringer"})
    return profiles.moved(steel, (0.0, -h / 2)), (h, tw, b)


def _middle(size: _Size, slope: float, rise: float) -> Floats:
    """Return a point, (y, z), on the middle line of a stringer: square below the first nosing."""
    down = MARGIN - size[0] / 2
    return np.asarray(np.array([0.0, rise]) + down * np.array([-np.sin(slope), np.cos(slope)]))


def _placed(steel: Section, size: _Size, slope: float, rise: float, end: tuple[float, float, float]) -> list[Patch]:
    """Build a stringer, its inner face at x; `end` holds the y of the plumb cut, that x, and the side."""
    y_end, x, side = end
    y0, z0 = _middle(size, slope, rise)
    along, up = np.array([0.0, np.cos(slope), np.sin(slope)]), np.array([0.0, -np.sin(slope), np.cos(slope)])
    # The tip that the level cut leaves is cut off plumb: `blunt` is how far above the middle line the two cuts meet.
    blunt = size[0] / 2 - TIP * np.cos(slope)
    front = y0 - z0 / np.tan(slope) - blunt / np.sin(slope)

    def plumb(section: Floats, y: float = y_end) -> Floats:
        return np.asarray((y - y0 - side * section[..., 1] * np.sin(slope)) / np.cos(slope))

    def foot(section: Floats) -> Floats:
        level = -(z0 - side * section[..., 1] * np.cos(slope)) / np.sin(slope)
        return np.asarray(np.maximum(level, plumb(section, front)))

    # The section's y points out; its z then points down on the right side and up on the left.
    turn = np.column_stack([along, [side, 0.0, 0.0], -side * up])
    bar = extrusion.bar("stringer", profiles.split(steel, -side * blunt), foot, plumb)
    return solids.thick(solids.place(bar, turn, (x, y0, z0)), 1000 * size[1])


def _foot(size: _Size, slope: float, rise: float, x: float, side: float) -> list[Patch]:
    """Build the angle on a stringer's inner face that bolts its foot to the ground."""
    leg, t, root = (value / 1000 for value in ANGLES[CLEAT])
    y0, z0 = _middle(size, slope, rise)
    line, length = t + root + steelwork.WASHER * BOLT, 0.13
    middle = y0 + (line - z0) / np.tan(slope)
    steel = profiles.covered(profiles.angle(leg, t, root), 4 if side < 0 else 0)
    cleat = extrusion.bar("cleat", steel, 0.0, length)
    first, second = ([1, 0, 0], [0, 0, 1]) if side < 0 else ([0, 0, 1], [-1, 0, 0])
    turn = np.column_stack([[0, -1, 0], first, second])
    patches = solids.thick(solids.place(cleat, turn, (x, middle + length / 2, 0)), 1000 * t)
    places = [(x - side * t, middle + dy, line) for dy in (-0.035, 0.035)]
    patches += steelwork.bolts(places, (-side, 0, 0), BOLT, t + size[1], "foot bolt")
    return patches + steelwork.anchors([(x - side * line, middle, t)], (0, 0, 1), BOLT, 0.6 * BOLT, "anchor")


def _folded(clear: float, deep: float, tread: str) -> list[Patch]:
    """Build a tread bent down at front and back, nosing at the origin; chequer plate has tears on top and nosing."""
    t = _thickness(tread)
    corners = [(t, -FOLD), (t, -t), (deep - t, -t), (deep - t, -FOLD)]
    line = extrusion.bend([(y, z, 0.0) for y, z in corners], 0.005, 5)[:, :2]
    steel = profiles.rezone(profiles.folded(line, t), {"face": "tread"})
    patches = extrusion.bar("tread", steel, -clear / 2, clear / 2, (solids.COVERED, solids.COVERED))
    if tread == "chequer":
        round_off, pitch = 0.005 + t, 0.0195
        top = solids.tears("tears", clear - 0.012, deep - 2 * round_off, pitch)
        patches += solids.place(top, np.eye(3), (0, deep / 2, 0))
        front = solids.tears("nosing tears", clear - 0.012, FOLD - round_off - 0.001, 0.013)
        turn = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
        patches += solids.place(front, turn, (0, 0, -(FOLD + round_off) / 2))
    return solids.thick(patches, 1000 * t)


def _grating(clear: float, deep: float) -> list[Patch]:
    """Build an open grating: bearing bars of 30 x 3 mm about 30 mm apart, cross rods pressed in, a bent nosing."""
    high, thin = 0.03, 0.003
    strip = profiles.rezone(profiles.flat(thin, high, 0.0004), {"face": "edge", "edge": "bar"})
    bar = extrusion.bar("bar", strip, -clear / 2, clear / 2, (solids.COVERED, solids.COVERED))
    count = round((deep - 0.036) / 0.031) + 1
    patches = solids.copies(bar, np.eye(3), [(0, y, -high / 2) for y in np.linspace(0.036, deep - thin / 2, count)])
    rod = profiles.rezone(profiles.flat(0.005, 0.005, 0.0008), {"face": "bar", "edge": "bar"})
    rods = solids.place(
        extrusion.bar("rod", rod, 0.036, deep - thin / 2), [[0, -1, 0], [1, 0, 0], [0, 0, 1]], (0, 0, 0)
    )
    across = np.linspace(-1, 1, round(clear / 0.06)) * (clear / 2 - 0.03)
    patches += solids.copies(rods, np.eye(3), [(x, 0, -0.003) for x in across])
    line = extrusion.bend([(thin, -high, 0.0), (thin, -thin, 0.0), (0.033, -thin, 0.0)], 0.003, 4)[:, :2]
    nose = profiles.rezone(profiles.folded(line, thin), {"face": "tread"})
    patches += extrusion.bar("nosing", nose, -clear / 2, clear / 2, (solids.COVERED, solids.COVERED))
    top = solids.tears("nosing tears", clear - 0.012, 0.026, 0.0125)
    return solids.thick(patches + solids.place(top, np.eye(3), (0, 0.0195, 0)), 1000 * thin)


def _fixed(width: float, deep: float, tread: str, fixing: str, web: float) -> list[Patch]:
    """Build the parts that hold a tread, nosing at the origin, to both stringers."""
    high, thin = CARRIER
    patches: list[Patch] = []
    for name, side in (("left", -1.0), ("right", 1.0)):
        x = side * width / 2
        inwards = (-side, 0.0, 0.0)
        if tread == "grating" or fixing == "bolted":
            plate = slabs.slab("carrier", (deep, high, thin), cut="rolled", bottom=((np.inf, solids.COVERED),))
            turn = np.column_stack([[0, -side, 0], [0, 0, 1], inwards])
            parts = solids.place(plate, turn, (x, deep / 2, -high / 2 - 0.0005))
            patches += solids.named(solids.thick(parts, 1000 * thin), name)
        if fixing == "bolted":
            places = [(x - side * thin, y, -high + 0.021) for y in (0.05, deep - 0.05)]
            patches += steelwork.bolts(places, inwards, BOLT, thin + web, f"bolt {name}")
        elif tread == "grating":
            ends = ((x, 0.004, -high - 0.0005), (x, deep - 0.004, -high - 0.0005))
            patches += steelwork.seam(f"weld {name}", *ends, (inwards, (0, 0, -1)), 0.004)
        else:
            for which, z, up in (("top", 0.0, 1.0), ("under", -_thickness(tread), -1.0)):
                ends = ((x, 0.014, z), (x, deep - 0.014, z))
                patches += steelwork.seam(f"weld {which} {name}", *ends, (inwards, (0, 0, up)), 0.004)
    return patches
