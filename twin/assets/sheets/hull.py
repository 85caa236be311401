"""Ship plating: curved shell strakes bowed inwards between frames, weld seams, bilge keel, fender, draught marks."""

from typing import Any

import numpy as np

from corrotwin.twin.assets.sheets import hull_parts
from corrotwin.twin.assets.sheets.hull_parts import MARGIN, TURN, Shell
from corrotwin.twin.core.arguments import check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import denting
from corrotwin.twin.geometry.atlas import Patch
from corrotwin.twin.geometry.denting import Dent, dented, dents_rand
from corrotwin.twin.geometry.skins import behind, skin

STEP = 0.06  # step of the mesh along the plating; by eye, as all below
FINE = 8  # lines of the mesh to a bay
DENT_M = (0.08, 0.3)  # radius of dents


def hull(
    *,
    length_m: float,
    girth_m: float,
    thickness_mm: float,
    frames: int,
    bow_mm: float = 0.0,
    bilge_m: float = 1.2,
    sweep_m: float = 25.0,
    flare_degrees: float = 4.0,
    strakes: int = 2,
    butt: bool = True,
    keel: bool = False,
    fender_m: float = 0.0,
    marks: bool = False,
    dents: int = 0,
    dent_mm: float = 20.0,
    lay: int = 0,
) -> tuple[list[Patch], float]:
    """Build an area of a ship's shell; its outer face is to the front (-y), its frames behind.

    Parameters
    ----------
    length_m, girth_m : size along the ship, and up its side along the plating.
    thickness_mm : thickness of the plating.
    frames : number of frames, evenly spaced, 0.4 to 1 m.
    bow_mm : how far the plating is bowed inwards in the middle between frames ("hungry horse").
    bilge_m : radius of the turn of the bilge at the lower edge.
    sweep_m : radius of the curvature along the ship.
    flare_degrees : angle by which the upper part leans outwards.
    strakes : rows of plates, joined by seams along the ship.
    butt : whether a weld across the strakes joins two plates of each.
    keel : whether a bilge keel stands on the turn of the bilge.
    fender_m : height along the girth of a half-round fender bar, 0 for none.
    marks : whether draught marks, figures of welded-on strips, stand on it.
    dents : number of dents from fenders, quays and tugs.
    dent_mm : depth of the deepest dent.
    lay : seed of the dents.

    Returns
    -------
    Patches and the thickness of the plating in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    check_numbers(
        "hull", length_m=(length_m, 1, 8), girth_m=(girth_m, 1, 5), thickness_mm=(thickness_mm, 4, 40),
        bilge_m=(bilge_m, 0.5, 10), sweep_m=(sweep_m, 5, 1000), flare_degrees=(flare_degrees, 0, 25),
        strakes=(strakes, range(1, 6)),
    )  # fmt: skip
    spacing = (length_m - 2 * MARGIN) / max(frames - 1, 1)
    if frames not in range(2, 21) or not 0.35 <= spacing <= 1.05:
        raise InputError(f"hull with {frames} frames in {length_m} m: {spacing:.2f} m apart; choose 0.35 to 1.05 m")
    if not 0 <= bow_mm <= 60 * spacing:
        raise InputError(f"hull bow_mm {bow_mm}: give 0 to {60 * spacing:.0f} mm between frames {spacing:.2f} m apart")
    if girth_m / strakes < 0.4:
        raise InputError(f"hull of {strakes} strakes in {girth_m} m: leave at least 0.4 m for each")
    low, high = 0.8 * bilge_m + 0.15, girth_m - 0.12
    if not (fender_m == 0 or low <= fender_m <= high):
        room = f"or {low:.2f} to {high:.2f} m here" if low <= high else "since there is no room above the bilge"
        raise InputError(f"hull fender_m {fender_m}: give 0 for none, {room}")
    if keel and 0.5 * TURN * bilge_m > girth_m - 0.1:
        most = (girth_m - 0.1) / (0.5 * TURN)
        raise InputError(f"hull keel with bilge_m {bilge_m}: give at most {most:.2f} m in a girth of {girth_m} m")
    denting.check("hull", dents, dent_mm, lay, most=20, deepest_mm=80)
    shell = Shell(
        length=length_m, girth=girth_m, thickness=thickness_mm / 1000, bilge=bilge_m, sweep=sweep_m,
        flare=float(np.radians(flare_degrees)), frames=frames, bow=bow_mm / 1000,
    )  # fmt: skip
    patches = _plating(shell)
    levels = girth_m * np.arange(1, strakes) / strakes
    ends = (0.01 - length_m / 2, length_m / 2 - 0.01)
    for number, s in enumerate(levels):
        patches += hull_parts.seam(shell, f"seam {number + 1}", np.array([[ends[0], s], [ends[1], s]]))
    if butt:
        x = float(shell.frame_x[frames // 2 - 1] + 0.3 * spacing)
        patches += hull_parts.seam(shell, "butt", np.array([[x, 0.01], [x, girth_m - 0.01]]))
    for number, x in enumerate(shell.frame_x):
        patches += hull_parts.frame(shell, f"{number + 1}", float(x))
    if keel:
        patches += hull_parts.bilge_keel(shell, 0.5 * TURN * bilge_m)
    if fender_m:
        patches += hull_parts.fender(shell, fender_m)
    if marks:
        x = float(shell.frame_x[0] + 0.55 * spacing)
        for number, s in enumerate(np.arange(0.75 * bilge_m + 0.1, girth_m - 0.25, 0.2)):
            near = [abs(s + 0.05 - level) < 0.13 for level in (*levels, *([fender_m] if fender_m else []))]
            if not any(near):
                patches += hull_parts.draught_mark(shell, f"mark {number + 1}", str(2 * (number % 5)), x, float(s))
    return dented(patches, _dents(shell, dents, dent_mm, lay)), thickness_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random area of ship plating, 2.2 to 4.2 m long and 1.8 to 2.8 m high."""
    spacing, frames = float(rng.uniform(0.5, 0.75)), int(rng.integers(4, 7))
    girth_m = round(float(rng.uniform(1.8, 2.8)), 2)
    bilge_m = round(float(rng.uniform(0.7, 1.3)), 2)
    low = 0.8 * bilge_m + 0.16
    return {
        "length_m": round(spacing * (frames - 1) + 2 * MARGIN, 2),
        "girth_m": girth_m,
        "thickness_mm": float(rng.choice([6, 7, 8, 10, 12, 14])),
        "frames": frames,
        "bow_mm": round(float(rng.uniform(0, 22)), 1),
        "bilge_m": bilge_m,
        "sweep_m": round(float(rng.uniform(10, 60)), 1),
        "flare_degrees": round(float(rng.uniform(0, 10)), 1),
        "strakes": int(rng.integers(1, 4)),
        "butt": bool(rng.random() < 0.6),
        "keel": bool(rng.random() < 0.4),
        "fender_m": round(float(rng.uniform(low, girth_m - 0.13)), 2) if rng.random() < 0.4 else 0.0,
        "marks": bool(rng.random() < 0.4),
        "dents": int(rng.choice([0, 1, 2, 4], p=[0.4, 0.25, 0.2, 0.15])),
        "dent_mm": round(float(rng.uniform(10, 45)), 1),
        "lay": int(rng.integers(2**16)),
    }


def _plating(own: Shell) -> list[Patch]:
    bays = [np.linspace(a, b, FINE + 1)[:-1] for a, b in zip(own.frame_x[:-1], own.frame_x[1:], strict=True)]
    x = np.concatenate([[-own.length / 2], *bays, own.frame_x[-1:], [own.length / 2]])
    s = np.linspace(0, own.girth, round(own.girth / STEP) + 1)
    front = own.at(*np.meshgrid(x, s))
    return skin(
        "plating", front, behind(front, own.thickness), face="side", rear="back", thickness_mm=1000 * own.thickness
    )


def _dents(own: Shell, count: int, deepest: float, lay: int) -> list[Dent]:
    """Return dents in the upper part of the side; frames behind them are pushed in, too."""
    top = float(own.girth_line[1][-1])
    half = own.length / 2 - 0.1
    return dents_rand(
        np.random.default_rng(lay), count, low=(-half, 0, 0.35 * top), high=(half, 0, top), radius_m=DENT_M,
        depth_mm=(0.3 * deepest, deepest), direction=(0, 1, 0), creased=0.4,
    )  # fmt: skip
