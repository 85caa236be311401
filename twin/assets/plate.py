"""Plates: flat or dented, stiffened, riveted, bolted, drilled, chequered, butt-welded or with an opening; cut edges."""

from typing import Any

import numpy as np

from corrotwin.twin.assets import plate_parts
from corrotwin.twin.assets.plate_parts import Layout
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import denting, solids
from corrotwin.twin.geometry.atlas import Patch
from corrotwin.twin.geometry.denting import Dent, dented, dents_rand
from corrotwin.twin.geometry.fasteners import hole_mm
from corrotwin.twin.geometry.slabs import CUTS, Hole, slab

STIFFENERS = ("flat", "tee")
FASTENERS = ("none", "rivets", "bolts", "holes", "chequer")
MOST_DENTS = 20
CHEQUER_M2 = 10  # largest chequer plate: it has thousands of tears


def plate(
    *,
    length_m: float,
    width_m: float,
    thickness_mm: float,
    edge: str,
    opening_mm: float,
    stiffeners: int,
    stiffener: str,
    stiffener_height_mm: float,
    fasteners: str,
    butt_weld: bool,
    upright: bool,
    dents: int = 0,
    dent_mm: float = 15.0,
    lay: int = 0,
) -> tuple[list[Patch], float]:
    """Build a plate; its worked face is up, or to the front (-y) if the plate stands.

    Parameters
    ----------
    length_m, width_m, thickness_mm : size of the plate along x, y, z while it lies.
    edge : how its edges were cut: "rolled" (rounded), "sheared" or "flame" (with drag lines).
    opening_mm : diameter of a flame-cut opening between ribs, 0 for none.
    stiffeners, stiffener, stiffener_height_mm : number of ribs along the length, "flat" bars or "tee", their height.
    fasteners : "rivets", "bolts" or open bolt "holes" in rows along the edges and beside the ribs, "chequer" tears all
        over, or "none".
    butt_weld : whether a weld crosses the plate at two fifths of its length.
    upright : whether the plate stands on a long edge.
    dents : number of dents, which bend all parts with the plate; those that reach an edge bend it.
    dent_mm : depth of the deepest dent.
    lay : seed of the dents.

    Returns
    -------
    Patches and the thickness in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    check_choices(
        "plate", stiffener=(stiffener, STIFFENERS), fasteners=(fasteners, FASTENERS), edge=(edge, CUTS)
    )  # fmt: skip
    check_numbers(
        "plate", length_m=(length_m, 0.05, 20), width_m=(width_m, 0.05, 20),
        thickness_mm=(thickness_mm, 2, 250 * min(length_m, width_m)), stiffeners=(stiffeners, range(21)),
    )  # fmt: skip
    thickness = thickness_mm / 1000
    if stiffeners and not width_m / stiffeners >= 0.1:
        raise InputError(f"plate with {stiffeners} stiffeners in {width_m} m: leave at least 0.1 m for each")
    if stiffeners:
        check_numbers("plate", stiffener_height_mm=(stiffener_height_mm, 20, 1000))
    if fasteners == "chequer" and length_m * width_m > CHEQUER_M2:
        raise InputError(f"plate of {length_m} x {width_m} m with chequer tears: give at most {CHEQUER_M2} m²")
    if dents and fasteners == "chequer":
        raise InputError("plate dents with chequer tears: choose one")
    denting.check("plate", dents, dent_mm, lay, most=MOST_DENTS, deepest_mm=100)
    layout = Layout(
        length=length_m,
        width=width_m,
        thickness=thickness,
        stiffeners=stiffeners,
        height=stiffener_height_mm / 1000,
        butt_weld=butt_weld,
    )
    widest = max(2 * layout.foot, layout.flange if stiffener == "tee" else 0.0) + 0.01
    if stiffeners and width_m / (stiffeners + 1) < widest:
        raise InputError(
            f"plate with {stiffeners} stiffeners {stiffener_height_mm} mm high in {width_m} m: "
            f"they would meet; leave {widest:.3f} m for each and for one more"
        )
    fastened = fasteners in ("rivets", "bolts", "holes")
    places = plate_parts.places(layout) if fastened else np.empty((0, 2))
    if fastened and not len(places):
        raise InputError(f"plate fasteners {fasteners!r}: no room for them on {length_m} x {width_m} m")
    middle_x, middle_y, room = plate_parts.opening(layout, places)
    if not (opening_mm == 0 or 40 <= opening_mm <= 1000 * room):
        allowed = f"0 for none, or 40 to {int(1000 * room)} mm" if room >= 0.04 else "0 (there is no room)"
        raise InputError(
            f"plate opening {opening_mm} mm: give {allowed}; it must be clear of ribs, weld, fasteners and edges"
        )
    holes = [Hole(x=middle_x, y=middle_y, diameter=opening_mm / 1000, flame=True)] if opening_mm else []
    if fasteners == "holes":
        holes += [Hole(x=float(x), y=float(y), diameter=hole_mm(layout.bolt) / 1000) for x, y in places]
    worked = plate_parts.ribs(layout, stiffener) + plate_parts.butt_weld(layout)
    if fasteners == "chequer":
        worked += plate_parts.tears(layout, (middle_x, middle_y, opening_mm / 1000))
    elif fasteners in ("rivets", "bolts"):
        worked += plate_parts.fastened(layout, places, fasteners)
    patches = slab("plate", (length_m, width_m, thickness), cut=edge, holes=holes)
    patches += solids.place(worked, np.eye(3), (0, 0, thickness))
    patches = dented(patches, _dents(layout, dents, dent_mm, lay))
    if upright:
        patches = solids.place(patches, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], (0, 0, 0))
    return patches, thickness_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random plate."""
    fasteners = str(rng.choice(FASTENERS, p=[0.2, 0.2, 0.2, 0.15, 0.25]))
    chequer = fasteners == "chequer"
    width_m = round(float(rng.uniform(0.4, 0.65 if chequer else 0.9)), 3)
    length_m = round(float(width_m * rng.uniform(1.0, 1.7)), 3)
    thickness_mm = float(rng.choice([5, 6, 8] if chequer else [6, 8, 10, 12, 16, 20, 25]))
    stiffeners = 0 if chequer else int(rng.integers(0, min(4, int(width_m / 0.15))))
    height_mm = float(rng.choice([60, 80, 100, 120]))
    butt_weld = bool(rng.random() < (0.15 if chequer else 0.4))
    layout = Layout(
        length=length_m,
        width=width_m,
        thickness=thickness_mm / 1000,
        stiffeners=stiffeners,
        height=height_mm / 1000,
        butt_weld=butt_weld,
    )
    places = np.empty((0, 2)) if fasteners in ("none", "chequer") else plate_parts.places(layout)
    room_mm = 1000 * plate_parts.opening(layout, places)[2]
    opening_mm = 0.0
    if rng.random() < (0.15 if chequer else 0.35) and room_mm > 70:
        opening_mm = float(5 * int(rng.uniform(60, min(room_mm, 450)) / 5))
    dent_rng = rng.spawn(1)[0]  # a separate stream, so that all other draws stay as they were
    dents = 0 if chequer or dent_rng.random() < 0.7 else int(dent_rng.integers(1, 4))
    return {
        "length_m": length_m,
        "width_m": width_m,
        "thickness_mm": thickness_mm,
        "edge": str(rng.choice(CUTS, p=[0.3, 0.3, 0.4])),
        "opening_mm": opening_mm,
        "stiffeners": stiffeners,
        "stiffener": str(rng.choice(STIFFENERS)),
        "stiffener_height_mm": height_mm,
        "fasteners": fasteners,
        "butt_weld": butt_weld,
        "upright": bool(rng.random() < (0.1 if chequer else 0.6)),
        "dents": dents,
        "dent_mm": round(float(dent_rng.uniform(6, 30)), 1),
        "lay": int(dent_rng.integers(2**16)),
    }


def _dents(layout: Layout, count: int, deepest: float, lay: int) -> list[Dent]:
    """Return dents pushed into the worked face, up to a third of the plate's width in radius."""
    half, least = np.array([layout.length, layout.width]) / 2, min(layout.length, layout.width)
    return dents_rand(
        np.random.default_rng(lay), count, low=(*-half, layout.thickness), high=(*half, layout.thickness),
        radius_m=(0.12 * least, 0.35 * least), depth_mm=(0.4 * deepest, deepest), direction=(0, 0, -1), creased=0.5,
    )  # fmt: skip
