"""Parts of bearings that turn about a pin: saddles, webbed pedestals, and the pin with its caps."""

from itertools import pairwise

import numpy as np

from corrotwin.twin.geometry import extrusion, profiles, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch

# Proportions by eye, from photographs of road bridges; metres.
GAP = 0.012  # distance between a saddle's lips and the level of the pin's axis
RIB = 0.03  # greatest thickness of ribs
LEG = 0.007  # leg of fillet welds

# Turns a bar along x to run along y.
LENGTHWISE = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def saddle_line(pin: float, half: float, sign: float) -> Floats:
    """Return the edge, (n, 2) in (x, z) about the pin, of a plate that holds it from below (-1) or above (1)."""
    reach = float(np.degrees(np.arccos(GAP / pin)))
    hollow = solids.arc((0, 0), pin, 90 + reach, 90 - reach, 12)
    line = np.concatenate([[[-half, hollow[0, 1]]], hollow, [[half, hollow[-1, 1]]]])
    return line * [1, sign]


def pedestal(pin: float, depth: float, width: float, halves: tuple[float, float], ribs: int) -> list[Patch]:
    """Build ribs across the pin and webs between them, from the pin's axis (the origin, along y) to z = -depth.

    Parameters
    ----------
    halves : half of the length of a rib along x, at its saddle and at its foot.
    """
    upper = saddle_line(pin, halves[0], -1.0)
    lower = np.column_stack([upper[:, 0] * halves[1] / halves[0], np.full(len(upper), -depth)])
    hollow = ["edge", *[solids.COVERED] * (len(upper) - 3), "edge"]
    thick = min(RIB, 0.4 * width / ribs)
    rib = steelwork.gusset("rib", lower, upper, thick, face="rocker", edges=(solids.COVERED, hollow, "edge", "edge"))
    middles = np.linspace(-1, 1, ribs) * (width - thick) / 2
    patches = solids.copies(rib, np.eye(3), [(0, y, 0) for y in middles])
    web = 0.5 * thick
    bay = middles[1] - middles[0] - thick
    crest = solids.arc((0, 0), pin, 270 - np.degrees(np.arcsin(web / pin)), 270 + np.degrees(np.arcsin(web / pin)), 4)
    foot = np.column_stack([crest[:, 0], np.full(len(crest), -depth)])
    covered = solids.COVERED
    plate = steelwork.gusset("web", foot, crest, bay, face=covered, edges=(covered, covered, "web", "web"))
    patches += solids.copies(plate, np.eye(3), [(0, y, 0) for y in middles[:-1] + thick / 2 + bay / 2])
    return solids.thick(patches + _welds(middles, thick, web, halves[1], (depth, pin)), 1000 * thick)


def _welds(middles: Floats, thick: float, web: float, half: float, levels: tuple[float, float]) -> list[Patch]:
    """Build the fillet welds of ribs and webs to the plate they stand on and to each other."""
    low, high = -levels[0], -levels[1] - 0.012
    up = (0.0, 0.0, 1.0)
    patches: list[Patch] = []
    for number, y in enumerate(middles):
        for side in (-1.0, 1.0):
            face, normal = y + side * thick / 2, (0.0, side, 0.0)
            name = f"{number + 1} {'front' if side < 0 else 'rear'}"
            if (number == 0 and side < 0) or (number == len(middles) - 1 and side > 0):
                ends = ((-half, face, low), (half, face, low))
                patches += steelwork.seam(f"foot weld {name}", *ends, (normal, up), LEG)
                continue
            for way, which in ((-1.0, "left"), (1.0, "right")):
                ends = ((way * web, face, low), (way * half, face, low))
                patches += steelwork.seam(f"foot weld {name} {which}", *ends, (normal, up), LEG)
                ends = ((way * web, face, low), (way * web, face, high))
                patches += steelwork.seam(f"web weld {name} {which}", *ends, (normal, (way, 0, 0)), LEG)
    for number, (near, far) in enumerate(pairwise(middles)):
        for way, which in ((-1.0, "left"), (1.0, "right")):
            ends = ((way * web, near + thick / 2, low), (way * web, far - thick / 2, low))
            patches += steelwork.seam(f"web foot weld {number + 1} {which}", *ends, ((way, 0, 0), up), LEG)
    return patches


def pin_with_caps(pin: float, width: float, half: float, *, shod: bool) -> list[Patch]:
    """Build a pin along y about the origin with a cap at either end, no wider than ribs of half length `half`.

    `shod` says whether a shoe covers its upper part over the whole length.
    """
    top = np.degrees(np.arcsin(GAP / pin)) if shod else 90.0
    lower = solids.arc((0, 0), pin, -180 - top, top, 40)
    loop, pieces = lower, [("contact", lower)]
    if shod:
        upper = solids.arc((0, 0), pin, top, 180 - top, 20)
        upper[[0, -1]] = lower[[-1, 0]]
        loop, pieces = np.concatenate([lower, upper[1:]]), [*pieces, (solids.COVERED, upper)]
    else:
        lower[-1] = lower[0]
    steel = profiles.Section(pieces=tuple(pieces), caps=(np.stack([loop, np.zeros_like(loop)]),))
    covered = (solids.COVERED, solids.COVERED)
    patches = solids.place(extrusion.bar("pin", steel, -width / 2, width / 2, covered), LENGTHWISE, (0, 0, 0))
    patches = solids.thick(patches, 2000 * pin)
    radius, height, r = min(half - 0.004, 1.5 * pin), 0.024, 0.005
    rim = np.concatenate([[[radius, 0.002]], solids.arc((radius - r, height - r), r, 0, 80, 5)])
    edge = rim[-1]
    outside = [
        (solids.COVERED, np.array([[0.0, 0.0], [radius, 0.0]])),
        ("crevice", np.array([[radius, 0.0], [radius, 0.002]])),
        ("rocker", rim),
        ("rocker", np.array([edge, [0.5 * edge[0], edge[1] + 0.003], [0.0, edge[1] + 0.004]])),
    ]
    cap = solids.thick(solids.revolve("pin cap", outside, 48), 1000 * height)
    for name, side in (("front", -1.0), ("rear", 1.0)):
        turn = solids.axes((0, side, 0), (1, 0, 0))
        patches += solids.named(solids.place(cap, turn, (0, side * width / 2, 0)), name)
    return patches
