"""Bolts and screws close up: single, in rows, grids and circles, through a plate, a lap joint or a base plate."""

from typing import Any

import numpy as np

from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import fasteners, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.fasteners import HEADS, SIZES, Size
from corrotwin.twin.geometry.slabs import CUTS, Hole, slab
from corrotwin.twin.geometry.solids import COVERED

SHOWN = ("head", "nut", "mixed")
PATTERNS = {"single": (1, 1), "row": (2, 12), "grid": (4, 24), "circle": (3, 24)}  # fewest and most bolts
JOINTS = ("plate", "lap", "base")
RIM_M = 0.006  # least steel between a washer or head and an edge, or between two of them
SEAM_M = 0.003  # a face this near to the end of the plate on top of it counts as the crevice between them
ARRIS_M = 0.001  # radius of the edges of rolled plates
FLIP = np.diag([1.0, -1.0, -1.0])


def bolt(
    *,
    size: str,
    head: str,
    shown: str,
    washers: bool,
    nuts: int,
    protrusion_mm: float,
    pattern: str,
    bolts: int,
    pitch_mm: float,
    missing: int,
    joint: str,
    length_m: float,
    width_m: float,
    thickness_mm: float,
    edge: str,
    post_mm: float,
    upright: bool,
) -> tuple[list[Patch], float]:
    """Build a bolted joint; its worked face is up, or to the front (-y) if it stands.

    Parameters
    ----------
    size : size of the thread, a key of `fasteners.SIZES`.
    head : "hexagon" (ISO 4014), "socket" (ISO 4762) or "cup" (DIN 603, to M20, without washer).
    shown : side of the bolts on the worked face: "head", "nut" or, in turns, "mixed". A base plate has nuts.
    washers : whether heads and nuts have washers.
    nuts : 1, or 2 that lock each other.
    protrusion_mm : length of thread beyond the nut, 1 pitch to 6 diameters; it differs a little from bolt to bolt.
    pattern, bolts, pitch_mm : "single", "row", "grid" (two rows) or "circle"; how many places; their distance. Rows run
        along the plate, but across it in a lap joint.
    missing : number of places with an empty hole; 0 beside a post.
    joint : a "plate", two plates that "lap", or a "base" plate on the ground.
    length_m, width_m, thickness_mm : size of the joint along x and y; thickness of each plate.
    edge : how the plates were cut: "rolled", "sheared" or "flame".
    post_mm : diameter of a post in the middle of a base plate, 0 for none.
    upright : whether the joint stands on a long edge; then the far ends of the bolts are built too.

    Returns
    -------
    Patches and the thickness of a plate in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    metric = _chosen(size, head, shown, pattern, joint, edge)
    _counted(metric, nuts, protrusion_mm, pattern, bolts, missing)
    check_numbers(
        "bolt", length_m=(length_m, 0.03, 5), width_m=(width_m, 0.03, 5),
        thickness_mm=(thickness_mm, 4, min(80, 250 * min(length_m, width_m))),
    )  # fmt: skip
    reach = fasteners.reach_m(metric, head, washers=washers)
    apart = 1000 * (2 * reach + RIM_M)
    if bolts > 1 and not apart <= pitch_mm <= 2000:
        raise InputError(
            f"bolt pitch_mm {pitch_mm}: give {int(np.ceil(apart))} to 2000 mm for {size} with heads and washers"
        )
    places = _places(pattern, bolts, pitch_mm / 1000, joint)
    half = np.abs(places).max(axis=0) + reach + RIM_M
    room = np.array([length_m, width_m]) / 2
    lap = 2 * float(half[0])
    if joint == "lap":
        room[0] = length_m / 2 - 0.03 if length_m - lap >= 0.06 else 0.0
    if (half > room).any():
        raise InputError(
            f"bolt pattern {pattern!r} of {bolts} {size} does not fit: it needs {2 * half[0]:.3f} x {2 * half[1]:.3f} m"
            f"{' for the lap and 0.06 m more' if joint == 'lap' else ''}, but has {length_m} x {width_m} m"
        )
    if joint == "base" and (upright or shown != "nut"):
        raise InputError(
            f"bolt joint 'base', shown {shown!r}, upright {upright}: a base lies on the ground and shows nuts"
        )
    clear = 2000 * min(float(np.hypot(*places.T).min()) - reach, float(room.min())) - 2 * _leg_mm(post_mm) - 6
    if not (post_mm == 0 or (joint == "base" and 20 <= post_mm <= clear)):
        allowed = f"0 for none, or 20 to {int(clear)} mm" if joint == "base" and clear >= 20 else "0"
        raise InputError(f"bolt post {post_mm} mm: give {allowed}, clear of the bolts of a base plate")
    if post_mm and missing:
        raise InputError(f"bolt post {post_mm} mm, {missing} missing: no bolt can be missing beside a post")
    kept, empty = _split(places, missing)
    thickness = thickness_mm / 1000
    holes = [Hole(x=float(x), y=float(y), diameter=fasteners.hole_mm(metric) / 1000) for x, y in empty]
    if post_mm:
        holes.append(Hole(x=0.0, y=0.0, diameter=post_mm / 1000, foot=True))
    patches, top = _plates(joint, (length_m, width_m, thickness), lap, edge, holes)
    for number, (x, y) in enumerate(kept):
        near_head = shown == "head" or (shown == "mixed" and number % 2 == 1)
        longer = max(protrusion_mm + 0.6 * metric.pitch * np.sin(2.4 * number), metric.pitch) / 1000
        for far in (False, True) if upright else (False,):
            if near_head != far:
                parts = fasteners.headed(metric, head, washers=washers)
            else:
                parts = fasteners.nutted(metric, nuts=nuts, washers=washers, protrusion_m=longer)
            # Hexagons stop where the wrench left them: spread by the golden angle, without a random draw.
            angle = 2.4 * (number + 1) + far
            turn = solids.axes([0, 0, 1], [np.cos(angle), np.sin(angle), 0])
            parts = solids.place(parts, FLIP @ turn if far else turn, (x, y, 0.0 if far else top))
            patches += solids.named(parts, f"{'far ' if far else ''}{number + 1}")
    if post_mm:
        patches += solids.place(_post(post_mm / 1000), np.eye(3), (0, 0, top))
    if upright:
        patches = solids.place(patches, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], (0, 0, 0))
    return patches, thickness_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random bolted joint."""
    joint = str(rng.choice(JOINTS, p=[0.4, 0.35, 0.25]))
    pattern = str(rng.choice(list(PATTERNS), p=[0.2, 0.25, 0.35, 0.2]))
    if joint == "lap" and pattern == "circle":
        pattern = "grid"
    size = str(rng.choice(list(SIZES)))
    metric = SIZES[size]
    head = str(rng.choice(HEADS if metric.cup and joint != "base" else HEADS[:2], p=None))
    if rng.random() < 0.6:
        head = "hexagon"
    bolts = {"single": 1, "row": int(rng.integers(2, 5)), "grid": 2 * int(rng.integers(2, 4))}.get(
        pattern, int(rng.choice([4, 6, 8]))
    )
    washers = bool(rng.random() < 0.75)
    reach = fasteners.reach_m(metric, head, washers=washers)
    pitch_m = max(float(rng.uniform(2.8, 5.0)) * metric.diameter / 1000, 2 * reach + RIM_M + 0.001)
    post_mm = 0.0
    if joint == "base" and pattern in ("grid", "circle") and rng.random() < 0.75:
        post_mm = float(rng.choice([60.3, 76.1, 88.9, 114.3]))  # tubes of EN 10210-2
        bolts = 4 if pattern == "grid" else bolts
        least = post_mm / 2000 + (_leg_mm(post_mm) + 4) / 1000 + reach
        pitch_m = max(pitch_m, least * (np.sqrt(2) if pattern == "grid" else 2 * np.sin(np.pi / bolts)))
    pitch_mm = float(np.ceil(1000 * pitch_m)) if bolts > 1 else 0.0
    half = np.abs(_places(pattern, bolts, pitch_mm / 1000, joint)).max(axis=0) + reach + RIM_M
    margin = rng.uniform(0.25, 1.6, 2) * metric.diameter / 1000
    length_m, width_m = 2 * (half + margin)
    if joint == "lap":
        length_m += rng.uniform(0.08, 0.25)
    length_m = max(length_m, rng.uniform(0.3, 0.36) if max(length_m, width_m) < 0.3 else 0.0)
    base = joint == "base"
    return {
        "size": size,
        "head": head,
        "shown": "nut" if base else str(rng.choice(SHOWN, p=[0.35, 0.45, 0.2])),
        "washers": washers,
        "nuts": 2 if rng.random() < (0.4 if base else 0.15) else 1,
        "protrusion_mm": round(float(metric.diameter * rng.uniform(0.3, 1.6 if base else 0.8)), 1),
        "pattern": pattern,
        "bolts": bolts,
        "pitch_mm": pitch_mm,
        "missing": int(bolts > 2 and not post_mm and rng.random() < 0.25),
        "joint": joint,
        "length_m": round(float(length_m) + 0.0005, 3),
        "width_m": round(float(max(width_m, 0.06)) + 0.0005, 3),
        "thickness_mm": float(rng.choice([6, 8, 10, 12, 15] if metric.diameter < 20 else [10, 12, 15])),
        "edge": str(rng.choice(CUTS)),
        "post_mm": post_mm,
        "upright": not base and bool(rng.random() < 0.5),
    }


def _chosen(size: str, head: str, shown: str, pattern: str, joint: str, edge: str) -> Size:
    """Return the size; raise InputError if a choice by name does not exist."""
    check_choices(
        "bolt", size=(size, SIZES), head=(head, HEADS), shown=(shown, SHOWN), pattern=(pattern, PATTERNS),
        joint=(joint, JOINTS), edge=(edge, CUTS),
    )  # fmt: skip
    if head == "cup" and SIZES[size].cup is None:
        raise InputError(f"bolt head 'cup' of {size}: choose from {', '.join(n for n, s in SIZES.items() if s.cup)}")
    return SIZES[size]


def _counted(size: Size, nuts: int, protrusion_mm: float, pattern: str, bolts: int, missing: int) -> None:
    fewest, most = PATTERNS[pattern]
    if not fewest <= bolts <= most or (pattern == "grid" and bolts % 2):
        raise InputError(
            f"bolt pattern {pattern!r} of {bolts}: give {fewest} to {most}{', even' if pattern == 'grid' else ''}"
        )
    check_numbers(
        "bolt", nuts=(nuts, range(1, 3)), protrusion_mm=(protrusion_mm, size.pitch, 6 * size.diameter),
        missing=(missing, range(bolts)),
    )  # fmt: skip


def _places(pattern: str, bolts: int, pitch: float, joint: str) -> Floats:
    """Return the places of the bolts about their middle, (n, 2) metres."""
    if pattern == "single":
        return np.zeros((1, 2))
    if pattern == "circle":
        return solids.circle(pitch / (2 * np.sin(np.pi / bolts)), bolts)[:-1]
    lines = 1 if pattern == "row" else 2
    count = bolts // lines
    grid = np.array([(x - (count - 1) / 2, y - (lines - 1) / 2) for y in range(lines) for x in range(count)]) * pitch
    return grid[:, ::-1] if joint == "lap" else grid


def _split(places: Floats, missing: int) -> tuple[Floats, Floats]:
    """Divide the places into those with a bolt and empty ones, spread by the golden ratio, without a random draw."""
    order = np.argsort(np.arange(1, len(places) + 1) * 0.618034 % 1.0)
    return places[np.sort(order[missing:])], places[np.sort(order[:missing])]


def _plates(
    joint: str, size: tuple[float, float, float], lap: float, edge: str, holes: list[Hole]
) -> tuple[list[Patch], float]:
    """Build the plates from z = 0, the bolts' middle over the origin; also return the height of the worked face."""
    length, width, t = size
    if joint != "lap":
        under = [(np.inf, COVERED)] if joint == "base" else []
        return slab("plate", size, cut=edge, radius=ARRIS_M, holes=holes, bottom=under), t
    # The lower plate lies to the left; holes and bands of each plate count from its own middle.
    plate_length = (length + lap) / 2
    shift = plate_length / 2 - lap / 2
    start = shift - lap / 2
    top = [(start - SEAM_M, "face"), (start + ARRIS_M, "crevice"), (np.inf, COVERED)]
    bottom = [(-x, zone) for (x, _), (_, zone) in zip(top[1::-1], [*top[:0:-1]], strict=True)] + [(np.inf, "back")]
    patches: list[Patch] = []
    for name, side, bands in (("lower", 1.0, {"top": top}), ("upper", -1.0, {"bottom": bottom})):
        shifted = [Hole(x=hole.x + side * shift, y=hole.y, diameter=hole.diameter) for hole in holes]
        plate = slab(f"{name} plate", (plate_length, width, t), cut=edge, radius=ARRIS_M, holes=shifted, **bands)
        patches += solids.place(plate, np.eye(3), (-side * shift, 0, 0.0 if side > 0 else t))
    return patches, 2 * t


def _leg_mm(post_mm: float) -> float:
    """Return the leg of the weld at the foot of a post; by eye."""
    return 3 + 0.03 * post_mm


def _post(diameter: float) -> list[Patch]:
    """Build the stub of a capped tube on z = 0, with its fillet weld."""
    radius, height, bevel = diameter / 2, 2 * diameter, 0.002
    side = np.array([[radius, 0.0], [radius, height - bevel]])
    cap = np.array([side[1], [radius - bevel, height], [0.0, height]])
    foot = np.array([[0.0, 0.0], side[0]])
    tube = solids.revolve("post", [(COVERED, foot), ("post", side), ("end", cap)], 64)
    weld = steelwork.collar("post weld", solids.circle(radius, 64), _leg_mm(1000 * diameter) / 1000)
    return solids.thick(tube + weld, 5.0)
