"""Built-up girders: a web plate, four flange angles and cover plates, riveted; pack rust in seams, a dented flange."""

from typing import Any

import numpy as np

from corrotwin.twin.assets.structures import flanges, members
from corrotwin.twin.assets.structures.girder_layout import FLANGES, GirderSize
from corrotwin.twin.assets.structures.members import Angle
from corrotwin.twin.core.arguments import check_choices
from corrotwin.twin.geometry import slabs, solids, steelwork
from corrotwin.twin.geometry.atlas import Patch
from corrotwin.twin.geometry.section_sizes import ANGLES

SHORT = 0.007  # distance from the edge of the web to the backs of the flange angles; by eye
STITCH = 0.15  # greatest distance between rivets of a stiffener
ALONG_WEB = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # a bar along x: its (y, z) is (z, -y)


def girder(
    *,
    length_m: float,
    depth_m: float,
    flange: str,
    web_mm: float,
    covers: int,
    cover_mm: float,
    pitch_mm: float,
    stiffeners: int,
    pack_rust_mm: float = 0.0,
    dent_mm: float = 0.0,
) -> tuple[list[Patch], float]:
    """Build a girder along x, its web facing the front.

    Parameters
    ----------
    length_m, depth_m : length, and depth over the backs of the flange angles.
    flange : size of the four flange angles, one of `FLANGES`.
    web_mm, cover_mm : thickness of the web, and of each cover plate.
    covers : cover plates on each flange, 0 to 2; the second covers the middle 60 %.
    pitch_mm : pitch of the rivets in the flanges, 3 to 10 diameters.
    stiffeners : pairs of angles across the web.
    pack_rust_mm : greatest distance by which rust between flange angles and cover plates has bent the plates' edges
        away between rivets; 0 for sound steel.
    dent_mm : how far the front edge of the lower flange is bent up, as by a vehicle that was too high; 0 for none.

    Returns
    -------
    Patches and the thickness of the web in mm.
    """
    check_choices("girder", flange=(flange, FLANGES))
    size = GirderSize(
        length=length_m, depth=depth_m, web=web_mm / 1000, flange=Angle.of(flange), covers=covers,
        cover=cover_mm / 1000, pitch=pitch_mm / 1000, stiffeners=stiffeners, pack=pack_rust_mm / 1000,
        dent=dent_mm / 1000,
    )  # fmt: skip
    size.check()
    patches = _web(size)
    for top, front in ((False, False), (False, True), (True, True), (True, False)):
        patches += flanges.flange_angle(size, top, front)
    for top in (False, True):
        patches += flanges.cover_plates(size, top)
    patches += _rivets(size)
    for number, x in enumerate(size.posts):
        patches += solids.named(_stiffener(size, float(x)), f"{number + 1}")
    return flanges.dented(patches, size) if size.dent else patches, web_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random girder."""
    flange = str(rng.choice(FLANGES))
    leg = ANGLES[flange][0] / 1000
    depth = round(float(rng.uniform(max(0.36, 3.2 * leg), 0.36 + 5 * leg)), 3)
    length = round(float(rng.uniform(1.2, 2.6)), 3)
    rivet_mm = 1000 * Angle.of(flange).rivet
    covers = int(rng.choice([0, 1, 1, 2]))
    packed = rng.random() < 0.6
    return {
        "length_m": length,
        "depth_m": depth,
        "flange": flange,
        "web_mm": float(rng.choice([8, 10, 12])),
        "covers": covers,
        "cover_mm": float(rng.choice([8, 10, 12, 15])),
        "pitch_mm": float(round(rng.uniform(3.6, 6.5) * rivet_mm)),
        "stiffeners": int(rng.integers(0, 1 + int(length / 0.6))),
        "pack_rust_mm": round(float(rng.uniform(3, 14)), 1) if covers and packed else 0.0,
        "dent_mm": round(float(rng.uniform(8, 45)), 1) if rng.random() < 0.2 else 0.0,
    }


def _web(size: GirderSize) -> list[Patch]:
    high, leg = size.depth - 2 * SHORT, size.flange.leg - SHORT
    line = high / 2 - leg
    steel = members.plank(high, size.web, (-line, line), (-line, line), "web")
    half = size.stiffener.leg / 2
    fillers = [(float(x) - half, float(x) + half, solids.COVERED) for x in size.posts]
    always = [(*members.EVERYWHERE, solids.COVERED)]
    rims = [(*members.EVERYWHERE, solids.COVERED if size.covers else "crevice")]
    pressed: dict[int, members.Bands] = {0: always, 2: always, 5: always, 7: always, 1: fillers, 6: fillers}
    pressed |= {3: rims, 4: rims, 8: rims, 9: rims}
    web = members.member("web", steel, (0.0, size.length), pressed)
    return solids.thick(solids.place(web, ALONG_WEB, (0, size.web / 2, size.z + size.depth / 2)), 1000 * size.web)


def _rivets(size: GirderSize) -> list[Patch]:
    """Build the rivets through web and angles, and, midway between them, those through angles and cover plates."""
    t, tw, d = size.flange.t, size.web, size.rivet
    clear = size.stiffener.leg / 2 + d
    between = size.rivets[:-1] + size.pitch / 2
    along = [x for x in between if not (np.abs(size.posts - x) < clear).any()]
    levels = (size.z + size.gauge, size.z + size.depth - size.gauge)
    places = [(x, -tw / 2 - t, z) for z in levels for x in along]
    patches = steelwork.rivets(places, (0, -1, 0), d, tw + 2 * t, "of the web")
    if not size.covers:
        return patches
    for name, way, level in (("upper", 1.0, size.z + size.depth), ("lower", -1.0, size.z)):
        places = []
        for x in size.rivets:
            plates = sum(a < x < b for a, b in size.stretches)
            places += [(float(x), side * (tw / 2 + size.gauge), plates) for side in (-1, 1)]
        for plates in sorted({count for *_, count in places}):
            at = [(x, y, level + way * plates * size.cover) for x, y, count in places if count == plates]
            grip = plates * size.cover + t
            patches += steelwork.rivets(at, (0, 0, way), d, grip, f"of the {name} flange {plates}")
    return patches


def _stiffener(size: GirderSize, x: float) -> list[Patch]:
    """Build a pair of angles across the web on fillers as thick as the flange angles, with their rivets."""
    post, t, tw = size.stiffener, size.flange.t, size.web
    clear = t + max(size.flange.r, steelwork.RIVET_HEAD * size.rivet) + 0.003
    low, high = size.z + clear, size.z + size.depth - clear
    between = size.depth - 2 * size.flange.leg - 0.002
    cover = ((np.inf, solids.COVERED),)
    filler = slabs.slab("filler", (post.leg, between, t), cut="rolled", radius=0.001, top=cover, bottom=cover)
    filler = solids.thick(filler, 1000 * t)
    always, seam = [(*members.EVERYWHERE, solids.COVERED)], [(*members.EVERYWHERE, "crevice")]
    pressed = {
        members.BACK_INNER: always,
        members.BACK_OUTER: always,
        members.TOE_FOOT: seam,
        members.OTHER_INNER: seam,
    }
    angle = members.member("stiffener", members.angle(post, "stiffener"), (0.0, high - low), pressed)
    angle = solids.thick(angle, 1000 * post.t)
    patches: list[Patch] = []
    for name, side in (("front", -1.0), ("rear", 1.0)):
        # On both sides the outstanding legs stand at the same x: one angle runs up, the other down.
        turn = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, side], [side, 0.0, 0.0]])
        place = (x - post.leg / 2, side * (tw / 2 + t), low if side > 0 else high)
        patches += solids.named(solids.place(angle, turn, place), name)
        flat = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, side], [0.0, -side, 0.0]])
        middle = (x, side * tw / 2, size.z + size.depth / 2)
        patches += solids.named(solids.place(filler, flat, middle), name)
    span = size.depth - 2 * size.gauge
    rows = np.linspace(size.z + size.gauge, size.z + size.depth - size.gauge, int(np.ceil(span / STITCH)) + 1)
    grip, gauge = tw + 2 * (t + post.t), post.gauge
    places = [(x - post.leg / 2 + gauge, -grip / 2, z) for z in rows]
    return patches + steelwork.rivets(places, (0, -1, 0), min(size.rivet, post.rivet), grip, "of a stiffener")
