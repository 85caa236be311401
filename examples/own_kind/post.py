"""A kind of asset of one's own: a sign post, an equal angle standing on a square base plate.

After ``pip install ./examples/own_kind`` it is one of all: ``corrotwin twin new post --set height_m=2.5 ...``,
``ct.Asset("post", height_m=2.5)``, and ``{"like": "balanced", "kinds": ["post"]}`` renders it.
"""

from typing import Any

import numpy as np

from corrotwin.twin.assets import AssetKind, Patch
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import extrusion, profiles, solids

PLATE_M, PLATE_MM = 0.25, 12.0
UPRIGHT = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]  # a bar along x stands up along z


def build(*, height_m: float, leg_mm: float = 60.0, thickness_mm: float = 6.0) -> tuple[list[Patch], float]:
    """Return the patches of a post, metres, z up, and its nominal thickness in mm."""
    if not (0.5 <= height_m <= 6 and 30 <= leg_mm <= 150 and 3 <= thickness_mm <= leg_mm / 5):
        raise InputError(f"post of {height_m} m, L {leg_mm} x {thickness_mm}: 0.5 to 6 m, 30 to 150 mm, from 3 mm")
    section = profiles.angle(leg_mm / 1000, thickness_mm / 1000, thickness_mm / 1000)
    angle = extrusion.bar("angle", section, 0.0, height_m, ends=(solids.COVERED, "end"))
    plate = solids.box("plate", (PLATE_M, PLATE_M, PLATE_MM / 1000), 0.002, face="face", side="edge", bottom="back")
    return [
        *solids.place(angle, UPRIGHT, (0, 0, PLATE_MM / 1000)),
        *solids.thick(plate, PLATE_MM),
    ], thickness_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the parameters of a post."""
    leg_mm = float(rng.choice([50, 60, 70, 80]))
    return {"height_m": round(float(rng.uniform(1, 3)), 2), "leg_mm": leg_mm, "thickness_mm": leg_mm / 10}


POST = AssetKind(build=build, sample=sample)
