"""Car doors: a pressed skin hemmed round an inner panel, with swage line, handle, window frame and sill; dents."""

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from corrotwin.twin.assets.sheets.door_shape import RECESS, DoorShape, border
from corrotwin.twin.core.arguments import check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import denting, extrusion, profiles, solids
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.denting import Dent, Flags, dented, dents_rand
from corrotwin.twin.geometry.profiles import Section
from corrotwin.twin.geometry.skins import behind, skin

# By eye, metres.
FLANGE = 0.011  # width of the hem over the inner panel
INNER_MM = 0.7  # thickness of the inner panel
DEPTH = 0.07  # distance of the inner panel from the skin
WALL = (0.014, 0.05)  # from the edge: where the inner panel leaves the skin, and where it is deepest
PRESSED = 0.012  # depth of the field pressed into the inner panel
FRAME = (0.03, 0.02, 0.36)  # width, depth and height of the window frame
SILL_MM = 1.2
SILL = (0.1, 0.12, 0.022)  # depth and height of the sill, and of the flange below it
GAP = 0.006  # between sill and door


def panel(
    *,
    width_m: float,
    height_m: float,
    thickness_mm: float,
    arch_mm: float = 50.0,
    swage_mm: float = 6.0,
    swage_m: float = 0.7,
    window: bool = False,
    sill: bool = False,
    lean_degrees: float = 0.0,
    dents: int = 0,
    dent_mm: float = 8.0,
    lay: int = 0,
) -> tuple[list[Patch], float]:
    """Build a car door without glass and trim; its skin is to the front (-y).

    Parameters
    ----------
    width_m, height_m : size of the skin, below the window.
    thickness_mm : thickness of the skin, 0.6 to 1.2.
    arch_mm : radius of the lower rear corner: 40 or so, or 200 to 300 for a rear door that makes room for the wheel.
    swage_mm, swage_m : depth of the step at the swage line, and its height as a share of the door's.
    window : whether the frame of the window stands on it.
    sill : whether it hangs over a length of the car's sill; else it stands on its lower hem.
    lean_degrees : angle by which it leans backwards, without a sill.
    dents : number of dents in the skin.
    dent_mm : depth of the deepest dent.
    lay : seed of the dents.

    Returns
    -------
    Patches and the thickness of the skin in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    check_numbers(
        "panel", width_m=(width_m, 0.6, 1.5), height_m=(height_m, 0.4, 0.9), thickness_mm=(thickness_mm, 0.6, 1.2),
        arch_mm=(arch_mm, 40, 1000 * min(0.55 * height_m, 0.4 * width_m)), swage_mm=(swage_mm, 0, 15),
        lean_degrees=(lean_degrees, 0, 30),
    )  # fmt: skip
    if not 0.4 <= swage_m <= 0.72:
        raise InputError(f"panel swage_m {swage_m}: give 0.4 to 0.72 of the height")
    if lean_degrees and sill:
        raise InputError(f"panel lean_degrees {lean_degrees}: must be 0 over a sill")
    denting.check("panel", dents, dent_mm, lay, most=12, deepest_mm=30)
    shape = DoorShape(
        width=width_m, height=height_m, front=0.045, rear=arch_mm / 1000, swage=(swage_m * height_m, swage_mm / 1000),
        crease=0.3 * height_m,
    )  # fmt: skip
    patches = dented(_skin(shape, thickness_mm / 1000), _dents(shape, dents, dent_mm, lay))
    patches += _inner(shape, thickness_mm / 1000) + _handle(shape)
    if window:
        patches += _window(shape)
    if sill:
        patches = solids.place(patches, np.eye(3), (0, 0, SILL[1] + SILL[2] + GAP)) + _sill(shape)
    if lean_degrees:
        cos, sin = np.cos(np.radians(lean_degrees)), np.sin(np.radians(lean_degrees))
        patches = solids.place(patches, [[1, 0, 0], [0, cos, sin], [0, -sin, cos]], (0, 0, 0))
    return patches, thickness_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random door."""
    width_m, height_m = round(float(rng.uniform(0.8, 1.15)), 3), round(float(rng.uniform(0.56, 0.72)), 3)
    rear_door, over_sill = bool(rng.random() < 0.4), bool(rng.random() < 0.45)
    return {
        "width_m": width_m,
        "height_m": height_m,
        "thickness_mm": float(rng.choice([0.7, 0.75, 0.8, 0.9])),
        "arch_mm": float(round(rng.uniform(200, 290) if rear_door else rng.uniform(40, 80))),
        "swage_mm": round(float(rng.uniform(2, 9)), 1),
        "swage_m": round(float(rng.uniform(0.45, 0.72)), 2),
        "window": bool(rng.random() < 0.5),
        "sill": over_sill,
        "lean_degrees": 0.0 if over_sill else round(float(rng.uniform(4, 14)), 1),
        "dents": int(rng.choice([0, 1, 2, 4], p=[0.4, 0.3, 0.2, 0.1])),
        "dent_mm": round(float(rng.uniform(2, 14)), 1),
        "lay": int(rng.integers(2**16)),
    }


def _skin(shape: DoorShape, thickness: float) -> list[Patch]:
    """Build the outer skin: its face, its back, and the hem round the edge of the inner panel."""
    x, z = shape.grid
    front = shape.surface(x, z)
    back = behind(front, thickness)
    names = np.where(_in_hem(shape), solids.COVERED, "back")
    patches = skin("skin", front, back, rear=names, thickness_mm=1000 * thickness)[:-4]  # the edges are hemmed
    edge, inward, outward = _directions(front, back, thickness)
    half, inner = thickness + INNER_MM / 2000, INNER_MM / 2000
    turn = np.linspace(0, np.pi, 9)
    centre = edge + half * inward

    def bend(radius: float) -> Floats:
        cos, sin = (radius * share[:, None, None] for share in (np.cos(turn), np.sin(turn)))
        return np.asarray(centre - cos * inward + sin * outward)

    outer, inside = bend(half), bend(inner)
    ends = outer[-1] - FLANGE * outward, inside[-1] - FLANGE * outward
    strips = (
        ("edge", outer), ("edge", np.stack([outer[-1], ends[0]])), ("crevice", np.stack(ends)),
        (solids.COVERED, np.stack([ends[1], inside[-1]])), (solids.COVERED, inside[::-1]),
    )  # fmt: skip
    for zone, rows in strips:
        patches.append(Patch(solid="skin", zone=zone, points=rows[::-1], wrap_u=True, thickness_mm=1000 * thickness))
    return patches


def _directions(front: Floats, back: Floats, thickness: float) -> tuple[Floats, Floats, Floats]:
    """Return points on the border of the skin once round, and there the directions inwards and out of its edge."""
    edge, behind_it = border(front), border(back)
    inward = (behind_it - edge) / thickness
    ring = edge[:-1]
    onward = np.roll(ring, -1, axis=0) - ring
    after = np.linalg.norm(onward, axis=1, keepdims=True)
    arriving, before = np.roll(onward, 1, axis=0), np.roll(after, 1, axis=0)
    along = onward * before / after + arriving * after / before  # tangent of the circle through three points
    along = np.concatenate([along, along[:1]])
    outward = np.cross(inward, along)
    return edge, inward, outward / np.linalg.norm(outward, axis=1, keepdims=True)


def _from_edge(shape: DoorShape, places: Floats) -> Floats:
    """Return how far places (..., 2) of x and z lie from the edge, seen from the front, m."""
    loop = border(np.stack(shape.grid, axis=2))
    share = np.linspace(0, 1, 12)[:-1, None]
    fine = loop[:-1, None] + share * (loop[1:] - loop[:-1])[:, None]
    return np.asarray(cKDTree(fine.reshape(-1, 2)).query(places.reshape(-1, 2))[0].reshape(places.shape[:-1]))


def _in_hem(shape: DoorShape) -> Flags:
    """Return which cells of the grid lie within the hem."""
    places = np.stack(shape.grid, axis=2)
    return np.asarray(_from_edge(shape, (places[:-1, :-1] + places[1:, 1:]) / 2) < FLANGE)


def _inner(shape: DoorShape, thickness: float) -> list[Patch]:
    """Build the inner panel: its rim in the hem, a wall, and a field pressed into its floor."""
    x, z = shape.grid
    smooth = shape.surface(x, z, recessed=False)
    base = behind(smooth, thickness)
    away = _from_edge(shape, np.stack([x, z], axis=2))
    share = np.clip((away - WALL[0]) / (WALL[1] - WALL[0]), 0, 1)
    field = np.clip((away - 0.1) / 0.02, 0, 1)
    deep = DEPTH * share * share * (3 - 2 * share) - PRESSED * field * field * (3 - 2 * field)
    near = base + np.stack([0 * deep, deep, 0 * deep], axis=2)
    far = behind(near[:, ::-1], -INNER_MM / 1000)[:, ::-1]
    rear, face = (np.where(_in_hem(shape), solids.COVERED, zone)[:, ::-1] for zone in ("back", "face"))
    covered = (solids.COVERED,) * 4
    return skin("inner", far[:, ::-1], near[:, ::-1], face=face, rear=rear, edges=covered, thickness_mm=INNER_MM)


def _handle(shape: DoorShape) -> list[Patch]:
    """Build the handle, a strap over the recess, its ends on the skin."""
    x0, z0 = shape.handle
    long = RECESS[0] + 0.02
    across = np.concatenate([[-long, -RECESS[0]], np.linspace(-RECESS[0], RECESS[0], 9)[1:-1], [RECESS[0], long]])
    upwards = np.array([-0.011, -0.004, 0.004, 0.011])
    x, z = np.meshgrid(x0 + across, z0 + upwards)
    base = shape.surface(x, z, recessed=False)
    level = shape.surface(x * 0 + x0, z * 0 + z0, recessed=False)[..., 1]
    rise = 0.016 - 0.006 * np.abs(across / long) ** 3 - 0.002 * (np.abs(upwards[:, None]) > 0.01)
    front, rear = base.copy(), base.copy()
    front[..., 1] = np.minimum(base[..., 1], level) - rise
    rear[..., 1] += 0.0006 - 0.005 * (np.abs(across) < RECESS[0] - 0.001)
    middle = np.abs((across[1:] + across[:-1]) / 2) < RECESS[0]
    names = np.broadcast_to(np.where(middle, "back", solids.COVERED), (3, len(middle)))
    return skin("handle", front, rear, face="face", rear=names, thickness_mm=2.0)


def _window(shape: DoorShape) -> list[Patch]:
    """Build the frame of the window, a closed bar bent twice, its feet within the door."""
    width, depth, high = FRAME
    low, top = shape.height - 0.045, shape.height + high
    corners = [(0.05, low), (0.05 + 0.6 * high, top), (shape.width - 0.05, top), (shape.width - 0.05, low)]
    y = float(shape.surface(np.array(0.5 * shape.width), np.array(shape.height))[1]) + 0.024
    line = extrusion.bend([(x, y, z) for x, z in corners], 0.05)
    steel = profiles.rezone(profiles.flat(width, depth, 0.005, 2), {"face": "rail", "edge": "rail"})
    bar = extrusion.run("frame", steel, line, (0, 1, 0), (solids.COVERED, solids.COVERED))
    return solids.thick(bar, 1.0)


def _sill(shape: DoorShape) -> list[Patch]:
    """Build a length of the sill: a closed section of sheet, and the flange of its spot-welded seam below."""
    deep, high, flange = SILL
    thick, r = SILL_MM / 1000, 0.02
    y0 = float(shape.surface(np.array(0.5 * shape.width), np.array(0.0))[1])
    middle = np.array([deep / 2, flange + high / 2])
    corners = [np.array(sign) * (np.array([deep, high]) / 2 - r) for sign in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    loops = []
    for inset in (0.0, thick):
        arcs = [solids.arc(middle + c, r - inset, 90 * n, 90 * n + 90, 5) for n, c in enumerate(corners)]
        loop = np.concatenate(arcs)
        loops.append(np.concatenate([loop, loop[:1]]))
    section = Section(pieces=(("body", loops[0]), ("bore", loops[1][::-1])), caps=(np.stack(loops),))
    start, end = -0.04, shape.width + 0.04
    box = solids.thick(extrusion.bar("sill", section, start, end, ("edge", "edge")), SILL_MM)
    lip = profiles.rezone(profiles.flat(2 * thick + 0.0004, flange + 0.001, 0.0004), {"edge": "crevice"})
    bar = solids.thick(extrusion.bar("sill flange", lip, start, end, ("edge", "edge")), 2 * SILL_MM)
    patches = solids.place(bar, np.eye(3), (0, 0.3 * deep, (flange + 0.001) / 2))
    return solids.place(box + patches, np.eye(3), (0, y0 - 0.004, 0))


def _dents(shape: DoorShape, count: int, deepest: float, lay: int) -> list[Dent]:
    """Return dents in the skin, clear of its edges; not where the inner panel is near behind it."""
    clear = 0.07
    return dents_rand(
        np.random.default_rng(lay), count, low=(clear + 0.06, 0, clear + 0.06), radius_m=(0.03, 0.06),
        high=(shape.width - clear - 0.06, 0, shape.height - 0.2), depth_mm=(0.3 * deepest, deepest),
        direction=(0, 1, 0), creased=0.0,
    )  # fmt: skip
