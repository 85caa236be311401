"""Plates: flat, stiffened, with rivets or bolts, chequered, butt-welded."""

from typing import Any

import numpy as np

from twin.assets import shapes
from twin.assets.surface import Patch
from twin.files import InputError

STIFFENERS = ("flat", "tee")
FASTENERS = ("none", "rivets", "bolts", "chequer")


def plate(
    *,
    length_m: float,
    width_m: float,
    thickness_mm: float,
    stiffeners: int,
    stiffener: str,
    stiffener_height_mm: float,
    fasteners: str,
    butt_weld: bool,
    upright: bool,
) -> tuple[list[Patch], float]:
    """Build a plate; its worked face is up, or to the front (-y) if the plate stands.

    Parameters
    ----------
    length_m, width_m, thickness_mm : of the plate; along x, y, z while it lies.
    stiffeners, stiffener, stiffener_height_mm : number of ribs along the length, "flat" bars or "tee", their height.
    fasteners : "rivets" or "bolts" in rows along the edges and beside the ribs, "chequer" tears all over, or "none".
    butt_weld : whether a weld crosses the plate at two fifths of its length.
    upright : whether the plate stands on a long edge.

    Returns
    -------
    Patches and the thickness in mm.
    """
    if stiffener not in STIFFENERS or fasteners not in FASTENERS:
        raise InputError(
            f"plate stiffener {stiffener!r}, fasteners {fasteners!r}: "
            f"choose from {', '.join(STIFFENERS)} and {', '.join(FASTENERS)}"
        )
    thickness = thickness_mm / 1000
    if not (
        0.05 <= length_m <= 20 and 0.05 <= width_m <= 20 and 2 <= thickness_mm <= 1000 * min(length_m, width_m) / 4
    ):
        raise InputError(
            f"plate of {length_m} x {width_m} m, {thickness_mm} mm: sides 0.05 to 20 m, 2 mm to a quarter side"
        )
    if not (0 <= stiffeners <= 20 and (stiffeners == 0 or width_m / stiffeners >= 0.1)):
        raise InputError(f"plate with {stiffeners} stiffeners in {width_m} m: leave at least 0.1 m for each")
    if stiffeners and not 20 <= stiffener_height_mm <= 1000:
        raise InputError(f"plate stiffener height {stiffener_height_mm} mm: 20 to 1000 mm")
    size = np.array([length_m, width_m, thickness])
    patches = shapes.box("plate", size, min(0.002, thickness / 4), face="face", side="edge", bottom="back")
    spaces = np.linspace(-width_m / 2, width_m / 2, stiffeners + 2)
    weld_x = -0.1 * length_m
    for number, y in enumerate(spaces[1:-1]):
        parts = _stiffener(number + 1, length_m - 0.02, stiffener, stiffener_height_mm / 1000)
        patches += shapes.place(parts, np.eye(3), (0, y, thickness))
    if butt_weld:
        half, height = 0.6 * thickness + 0.003, 0.0015 + 0.05 * thickness
        gap = width_m - 0.006
        across = np.linspace(-half, half, 9)
        line = np.column_stack([across[::-1], -0.0005 + (height + 0.0005) * (1 - (across / half) ** 2)])
        bead = shapes.bead("butt weld", gap, line)
        patches += shapes.place(bead, shapes.axes([0, 0, 1], [0, 1, 0]), (weld_x, -gap / 2, thickness))
    keep_clear = weld_x if butt_weld else None
    if fasteners == "chequer":
        patches += _tears(length_m, width_m, thickness, spaces[1:-1], keep_clear)
    elif fasteners != "none":
        patches += _rows(length_m, thickness, spaces, keep_clear, fasteners)
    if upright:
        patches = shapes.place(patches, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], (0, 0, 0))
    return patches, thickness_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Parameters of a random plate."""
    fasteners = str(rng.choice(FASTENERS, p=[0.3, 0.25, 0.25, 0.2]))
    width_m = round(float(rng.uniform(0.4, 0.9)), 3)
    chequer = fasteners == "chequer"
    return {
        "length_m": round(float(width_m * rng.uniform(1.0, 1.8)), 3),
        "width_m": width_m,
        "thickness_mm": float(rng.choice([6, 8, 10, 12, 16, 20])),
        "stiffeners": 0 if chequer else int(rng.integers(0, 4)),
        "stiffener": str(rng.choice(STIFFENERS)),
        "stiffener_height_mm": float(rng.choice([60, 80, 100, 120])),
        "fasteners": fasteners,
        "butt_weld": bool(rng.random() < (0.15 if chequer else 0.4)),
        "upright": bool(rng.random() < (0.1 if chequer else 0.6)),
    }


def _stiffener(number: int, length: float, kind: str, height: float) -> list[Patch]:
    """A rib along x standing on z = 0 with a fillet weld on both sides."""
    web = max(0.006, 0.1 * height)
    zones = {"face": "stiffener", "side": "stiffener"}
    size = np.array([length, web, height])
    patches = shapes.box(f"web {number}", size, 0.001, **zones, bottom=shapes.COVERED)
    if kind == "tee":
        size = np.array([length, max(0.04, 0.6 * height), web])
        flange = shapes.box(f"flange {number}", size, 0.0015, **zones, bottom="stiffener")
        patches += shapes.place(flange, np.eye(3), (0, 0, height - 0.0005))
    leg, sunk = 0.7 * web, 0.0005
    turn = np.radians(np.linspace(0, 90, 9))
    swell = (leg + sunk) * (0.72 + 0.28 * np.abs(np.cos(2 * turn)))  # nearly flat between the toes
    line = np.column_stack([swell * np.cos(turn), swell * np.sin(turn)]) - sunk
    for side, name in ((1, "left"), (-1, "right")):
        bead = shapes.bead(f"fillet {name} {number}", length, line)
        turned = np.eye(3) if side == 1 else np.diag([-1.0, -1.0, 1.0])
        patches += shapes.place(bead, turned, (-side * length / 2, side * web / 2, 0))
    return patches


def _rows(
    length: float, thickness: float, spaces: np.ndarray[Any, np.dtype[np.float64]], weld_x: float | None, kind: str
) -> list[Patch]:
    """Rivets or bolts in rows along the long edges and, where ribs divide the plate, on both sides of each."""
    bolt = 0.016 if thickness < 0.012 else 0.02
    margin = 2.2 * bolt
    count = max(2, round((length - 2 * margin) / (5 * bolt)) + 1)
    rows = [spaces[0] + margin, spaces[-1] - margin]
    clear = 0.06 + bolt
    rows += [y + side * clear for y in spaces[1:-1] for side in (-1, 1)]
    if kind == "rivets":
        head = shapes.dome("", "rivet", 1.6 * bolt, 1.6 * bolt, 0.65 * bolt)
    else:
        washer = shapes.cylinder("washer", 1.15 * bolt, [("bolt", 0.15 * bolt)], 0.02 * bolt, "bolt")
        head = washer + shapes.place(shapes.nut("", bolt, 0.63 * bolt), np.eye(3), (0, 0, 0.15 * bolt))
    patches: list[Patch] = []
    number = 0
    for y in rows:
        for x in np.linspace(-length / 2 + margin, length / 2 - margin, count):
            if weld_x is not None and abs(x - weld_x) < 0.02 + 1.2 * bolt:
                continue
            number += 1
            # Hexagons stop where the wrench left them: spread by the golden angle, without a random draw.
            turn = shapes.axes([0, 0, 1], [np.cos(2.4 * number), np.sin(2.4 * number), 0])
            patches += shapes.named(shapes.place(head, turn, (x, y, thickness)), f"{kind[:-1]} {number}")
    return patches


def _tears(
    length: float, width: float, thickness: float, ribs: np.ndarray[Any, np.dtype[np.float64]], weld_x: float | None
) -> list[Patch]:
    """Raised tears of chequer plate: 30 x 9 x 2 mm lenses, neighbours turned by 90 degrees."""
    pitch = 0.036
    tear = shapes.dome("tear", "tear", 0.03, 0.009, 0.002)
    columns, rows = int((length - 0.04) / pitch), int((width - 0.04) / pitch)
    patches: list[Patch] = []
    for row in range(rows):
        for column in range(columns):
            x = (column - (columns - 1) / 2) * pitch
            y = (row - (rows - 1) / 2) * pitch
            if (weld_x is not None and abs(x - weld_x) < 0.03) or (np.abs(ribs - y) < 0.04).any():
                continue
            angle = np.pi / 4 if (row + column) % 2 else -np.pi / 4
            turn = shapes.axes([0, 0, 1], [np.cos(angle), np.sin(angle), 0])
            patches += shapes.named(shapes.place(tear, turn, (x, y, thickness)), f"{row} {column}")
    return patches
