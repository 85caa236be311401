"""Cylindrical pressure vessels with dished heads and nozzles, on saddles, a skirt or legs."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from corrotwin.twin.assets.piping import flanges, tubes
from corrotwin.twin.assets.piping.claims import check_claims, free_place
from corrotwin.twin.assets.piping.pipe import ALONG, BACK, STANDING
from corrotwin.twin.assets.vessels import vessel_supports
from corrotwin.twin.assets.vessels.heads import head as dished_head
from corrotwin.twin.assets.vessels.vessel_layout import (
    LONGEST_M,
    Nozzle,
    Vessel,
    closed,
    head_nozzles,
    least_height,
    shell_nozzles,
)
from corrotwin.twin.core.arguments import check_numbers
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Patch


def vessel(
    *,
    inside_mm: float,
    length_m: float,
    shell_mm: float,
    head_mm: float,
    head: str,
    courses: int,
    nozzles_nps: Sequence[float],
    nozzles_at_m: Sequence[float],
    nozzles_degrees: Sequence[float],
    head_nozzles_nps: Sequence[float],
    nozzle_schedule: str,
    nozzle_m: float,
    nozzle_end: str,
    support: str,
    support_m: float,
    saddle_m: float,
) -> tuple[list[Patch], float]:
    """Build a pressure vessel that lies along x on saddles, or stands on a skirt or legs.

    Shell and heads share their inside diameter; where their walls differ, the head tapers. Zones: "body" and "head"
    outside, "bore" inside (each face with the thickness of its own part), "weld", "nozzle" (necks), those of flanges,
    and those of the supports ("skirt", "post", "stiffener", "clamp").

    Parameters
    ----------
    inside_mm : inside diameter.
    length_m : from tangent line to tangent line: the shell and the straight flanges of both heads.
    shell_mm, head_mm : nominal walls.
    head : "ellipsoidal" (2:1: inside depth a quarter of the inside diameter) or "torispherical" (ASME flanged and
        dished: crown radius the outside diameter, knuckle radius 6 % of it and at least three walls); see
        `heads.Head`.
    courses : cylinders of plate that make up the shell, joined by girth seams.
    nozzles_nps, nozzles_at_m, nozzles_degrees : one value of each per nozzle on the shell: nominal size as a number,
        such as 1.5; distance of its axis from the first (lower) tangent line; direction from up towards the front, or
        from left towards the front if the vessel stands.
    head_nozzles_nps : nominal sizes of the nozzles in the middle of the first (lower) and of the second head; 0 for
        none.
    nozzle_schedule : schedule of all nozzles; STD for a size without it.
    nozzle_m : length of pipe of each nozzle, from shell or head to the weld of its flange.
    nozzle_end : "flange", "blind" or "cut"; from NPS 16 on a nozzle is a manway, always blind.
    support : "saddles", "skirt" or "legs" (up to 1.6 m outside).
    support_m : height above the ground of the shell on saddles, or of the lower tangent line.
    saddle_m : distance of each saddle from its tangent line; only for saddles.

    Returns
    -------
    Patches and the nominal wall of the shell in mm.
    """
    layout = Vessel(
        inside_mm=inside_mm, length_m=length_m, shell_mm=shell_mm, head_mm=head_mm, head=head, courses=courses,
        support=support, support_m=support_m, saddle_m=saddle_m,
    )  # fmt: skip
    nozzles = shell_nozzles(
        layout, nozzles_nps, nozzles_at_m, nozzles_degrees, nozzle_schedule, nozzle_m, nozzle_end
    )  # fmt: skip
    ends = head_nozzles(layout, head_nozzles_nps, nozzle_schedule, nozzle_m, nozzle_end)
    least = least_height(layout, ends[0])
    check_numbers("vessel", support_m=(support_m, least, LONGEST_M))
    check_claims("vessel", [*layout.claims(), *(nozzle.claim() for nozzle in nozzles)])
    patches = _shell(layout, nozzles)
    for nozzle, turn, x, name in ((ends[0], BACK, 0.0, "first"), (ends[1], ALONG, length_m, "second")):
        lap = vessel_supports.lap_m(support) if name == "first" else 0.0
        patches += solids.place(dished_head(f"{name} head", layout.end, nozzle, lap), turn, (x, 0, 0))
    patches += _supports(layout)
    return solids.place(patches, STANDING, (0, 0, 0)) if layout.upright else patches, shell_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random vessel, 0.4 to 1.6 m wide and up to 5 m long."""
    support = str(rng.choice(vessel_supports.SUPPORTS, p=[0.5, 0.3, 0.2]))
    inside_mm = 50.0 * int(rng.integers(8, 25 if support == "legs" else 33))
    inside = inside_mm / 1000
    longest = {"saddles": 4.5, "skirt": 3.5, "legs": 2.2}[support]
    length_m = round(float(np.clip(inside * rng.uniform(1.6, 3.6), 1.2, max(longest, 1.2 * inside))), 2)
    shell_mm = float(rng.choice([wall for wall in (5, 6, 8, 10, 12, 14) if 5 * inside <= wall <= 14 * inside]))
    layout = Vessel(
        inside_mm=inside_mm, length_m=length_m, shell_mm=shell_mm, head_mm=shell_mm + float(rng.choice([0, 0, 1, 2])),
        head=str(rng.choice(["ellipsoidal", "torispherical"], p=[0.6, 0.4])),
        courses=int(max(1, np.ceil(length_m / rng.uniform(1.2, 2.4)))), support="skirt", support_m=1.0, saddle_m=0.0,
    )  # fmt: skip
    layout = replace(layout, support=support, saddle_m=_saddle_place(layout, rng) if support == "saddles" else 0.0)
    schedule = str(rng.choice(["STD", "40", "XS", "80", "80"]))
    length = round(float(rng.uniform(0.1, 0.22)), 3)
    end = str(rng.choice(flanges.ENDS, p=[0.06, 0.7, 0.24]))
    claims, nozzles = layout.claims(), []
    drawn = [str(size) for size in rng.choice(["2", "2", "3", "3", "4", "6", "8"], int(rng.integers(2, 5)))]
    if inside > 0.85 and rng.random() < 0.6:
        drawn.insert(0, str(rng.choice(["18", "20", "24"] if inside > 1.1 else ["16", "18"])))
    turns = [0.0, 45.0, 90.0, 135.0, 180.0, -45.0] if layout.upright else [0.0, 0.0, 30.0, -30.0, 90.0]
    raised = replace(layout, support_m=LONGEST_M)
    for nps in drawn:
        nozzle = Nozzle(
            nps=nps, schedule=schedule, vessel=raised, at=length_m / 2, degrees=float(rng.choice(turns)), length=length,
            end=closed(nps, end),
        )  # fmt: skip
        at = free_place(claims, nozzle.halves_m(), length_m * rng.uniform(0.15, 0.85))
        if at is not None:
            nozzle = replace(nozzle, at=at)
            claims.append(nozzle.claim())
            nozzles.append(nozzle)
    sizes = [float(rng.choice([0, 2, 3, 4])), float(rng.choice([0, 0, 2, 4]))]
    least = least_height(layout, head_nozzles(layout, sizes, schedule, length, end)[0])
    if not layout.upright:
        least = max([least, *(-nozzle.lowest() - layout.radius + 0.031 for nozzle in nozzles)])
    room = rng.uniform(0.05, 0.5) * (1.0 if layout.upright else 0.8)
    return {
        **{field.name: getattr(layout, field.name) for field in fields(layout)},
        "support_m": round(float(least + 0.001 + room), 3),
        "nozzles_nps": [float(nozzle.nps) for nozzle in nozzles],
        "nozzles_at_m": [nozzle.at for nozzle in nozzles],
        "nozzles_degrees": [nozzle.degrees for nozzle in nozzles],
        "head_nozzles_nps": sizes,
        "nozzle_schedule": schedule,
        "nozzle_m": length,
        "nozzle_end": end,
    }


def _saddle_place(own: Vessel, rng: np.random.Generator) -> float:
    """Draw the distance of the saddles from their tangent lines, clear of the seams: about a fifth of the length."""
    claims = replace(own, support="skirt").claims()
    half = own.saddle.half_m()
    at = free_place(claims, (half, half), own.length_m * rng.uniform(0.17, 0.23))
    return at if at is not None and at < own.length_m / 2 - half - 0.01 else own.length_m / 5


def _shell(own: Vessel, nozzles: Sequence[Nozzle]) -> list[Patch]:
    """Build the courses of the shell, their seams, and the nozzles."""
    bands: list[tubes.Band] = []
    if own.support == "saddles":
        for x in (own.saddle_m, own.length_m - own.saddle_m):
            bands += vessel_supports.saddle_bands(own.saddle, x)
    if own.support == "legs":
        low = own.body[0]
        bands += vessel_supports.leg_bands(own.radius, low, low + vessel_supports.LEG_OVERLAP_M)
    patches: list[Patch] = []
    for number, nozzle in enumerate(nozzles):
        claim = nozzle.claim()
        bands.append(tubes.Band(low=claim.low, high=claim.high, opening=nozzle.opening))
        parts = flanges.stub(
            nozzle.opening, nozzle.nps, nozzle.wall, nozzle.end, top=nozzle.tube, run=(own.radius, own.wall)
        )  # fmt: skip
        for part in parts:
            zone = "nozzle" if part.solid == "branch" and part.zone == "body" else part.zone
            patches.append(replace(part, zone=zone, solid=part.solid.replace("branch", f"nozzle {number + 1}")))
    bands.sort(key=lambda band: band.low)
    covered = (solids.COVERED, solids.COVERED)
    for number, (low, high) in enumerate(zip(own.seams[:-1], own.seams[1:], strict=True)):
        in_course = [band for band in bands if low <= band.low < high]
        patches += tubes.run(f"shell {number + 1}", low, high, own.radius, own.wall, covered, in_course)
    for number, x in enumerate(own.seams):
        of_head = number in (0, own.courses)
        thinner = min(own.shell_mm, own.head_mm) if of_head else own.shell_mm
        seam = solids.thick(tubes.girth_weld(f"seam {number + 1}", own.radius, own.wall), thinner)
        patches += solids.place(seam, ALONG, (x, 0, 0))
    return patches


def _supports(own: Vessel) -> list[Patch]:
    if own.support == "skirt":
        return vessel_supports.skirt(own.skirt)
    if own.support == "legs":
        return vessel_supports.legs(own.radius, own.support_m, own.body[0] + vessel_supports.LEG_OVERLAP_M)
    patches: list[Patch] = []
    for name, x in (("first", own.saddle_m), ("second", own.length_m - own.saddle_m)):
        parts = solids.named(vessel_supports.saddle(own.saddle.holder, own.support_m), f"of the {name} saddle")
        patches += solids.place(parts, np.eye(3), (x, 0, 0))
    return patches
