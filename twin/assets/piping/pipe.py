"""Pipe spools: a run with girth welds, an elbow and a leg, a branch, flanges, supports; lying or standing."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from corrotwin.twin.assets.piping import flanges, holder, supports, tubes
from corrotwin.twin.assets.piping.claims import Claim, check_claims, free_place
from corrotwin.twin.assets.piping.layout import (
    Branch,
    Spool,
    check_supports,
    least_drop,
    lowest,
    support_claim,
)
from corrotwin.twin.assets.piping.sizes import FLANGES, OUTSIDE_MM, WALLS_MM, elbow_m
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Patch

SAMPLED = {
    "1": 0.4, "1-1/2": 0.6, "2": 1.2, "3": 1.2, "4": 1.5, "6": 1.5, "8": 1.2, "10": 0.8, "12": 0.6, "14": 0.3, "16": 0.3
}  # fmt: skip
ALONG = solids.axes([1, 0, 0], [0, 1, 0])  # turns parts built along z along the run
BACK = solids.axes([-1, 0, 0], [0, 1, 0])
BEHIND = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # turns parts below the run behind it
STANDING = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # turns the run upright, its upper side left


def pipe(
    *,
    nps: str,
    schedule: str,
    run_m: float,
    pieces: int,
    flanged: bool,
    start: str,
    finish: str,
    leg_m: float,
    leg_degrees: float,
    branch_nps: str,
    branch_at_m: float,
    branch_m: float,
    branch_degrees: float,
    branch_end: str,
    support: str,
    supports_at_m: Sequence[float],
    support_m: float,
    upright: bool,
    od_mm: float = 0.0,
    wall_mm: float = 0.0,
) -> tuple[list[Patch], float]:
    """Build a pipe spool.

    Directions round the run are in degrees from up towards the front, or from left towards the front if it stands.

    Parameters
    ----------
    nps, schedule : nominal size in inches and schedule (ASME B36.10M), keys of `sizes.WALLS_MM`.
    run_m : length of the straight run with its end flanges.
    pieces : lengths of pipe that make up the run, joined by girth welds.
    flanged : whether the first joint of the run is a bolted flange pair (needs two pieces).
    start, finish : the ends of the spool: "cut", "flange", or "blind" for a bolted blind flange.
    leg_m, leg_degrees : length of the pipe after a long-radius elbow, without its end flanges, and its direction; 0 m
        for no elbow.
    branch_nps : size of a branch set on the run, smaller than the run's, or "none". Its schedule is the run's if that
        exists, else STD.
    branch_at_m, branch_m, branch_degrees, branch_end : place of its axis on the run, length of its pipe above the run,
        its direction, and its end as for `start`.
    support : "saddle", "ubolt" on an angle, or two-half "clamp"; on posts, or on a column behind an upright run, which
        a saddle cannot hold.
    supports_at_m : places of supports on the run; none if empty.
    support_m : distance from the pipe to the ground or column that carries the supports.
    upright : whether the run stands on its start; otherwise it lies along x.
    od_mm, wall_mm : outside diameter and wall of the run in place of those of `nps` and `schedule`; 0 keeps those. With
        a diameter that no nominal size has, its ends are cut, and the radius of its elbow is 1.5 times it.

    Returns
    -------
    Patches and the nominal wall in mm.
    """
    run = Spool(
        nps=nps, schedule=schedule, run_m=run_m, pieces=pieces, flanged=flanged, start=start, finish=finish,
        leg_m=leg_m, leg_degrees=leg_degrees, upright=upright, od_mm=od_mm, wall_mm=wall_mm,
    )  # fmt: skip
    branch = None
    if branch_nps != "none":
        branch = Branch(
            nps=branch_nps, run=run, at=branch_at_m, length=branch_m, degrees=branch_degrees, end=branch_end
        )  # fmt: skip
    mount = check_supports(support, supports_at_m, support_m, run, branch)
    claims = [*run.claims(), *(support_claim(mount, number, at) for number, at in enumerate(supports_at_m))]
    check_claims("pipe", [*claims, branch.claim()] if branch else claims)

    count = tubes.segments(run.radius)
    bands = [band for at in supports_at_m for band in holder.bands(mount, at, 0 if upright else 3 * count // 4, count)]
    patches: list[Patch] = []
    if branch:
        claim = branch.claim()
        bands.append(tubes.Band(low=claim.low, high=claim.high, opening=branch.opening))
        size = branch.nps, branch.wall, branch.end
        patches += flanges.stub(branch.opening, *size, top=branch.tube, run=(run.radius, run.wall))
    patches += _run(run, sorted(bands, key=lambda band: band.low))
    if leg_m:
        patches += _leg(run)
    turn = BEHIND if upright else np.eye(3)
    for number, at in enumerate(supports_at_m):
        parts = solids.named(supports.support(mount, support_m, rail=upright), f"of support {number + 1}")
        patches += solids.place(parts, turn, (at, 0, 0))
    if upright and supports_at_m:
        top = max(supports_at_m) + mount.halves_m()[1]
        patches += solids.place(supports.rail(mount, support_m, top), turn, (0, 0, 0))
    return solids.place(patches, STANDING, (0, 0, 0)) if upright else patches, run.nominal_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random spool, 0.5 to 3 m along the run."""
    run = _sample_run(rng)
    claims = run.claims()
    branch = _sample_branch(rng, run, claims) if rng.random() < 0.55 else None
    kind = str(rng.choice(["ubolt", "clamp"] if run.upright else ["saddle", "ubolt", "clamp"]))
    mount = holder.holder(kind, run.radius)
    places: list[float] = []
    if rng.random() < 0.65:
        count = int(rng.integers(2, 4)) if run.run_m > 1.2 else 2
        for number in range(count):
            at = free_place(claims, mount.halves_m(), run.run_m * (number + rng.uniform(0.35, 0.65)) / count)
            if at is not None and all(abs(at - place) > 0.25 * run.run_m for place in places):
                places.append(at)
                claims.append(support_claim(mount, number, at))
        if len(places) < 2 and not run.upright:
            places = []
    if run.leg_m:
        sides = [0.0, 90.0, 180.0, 270.0] if run.upright else [0.0, 90.0, 270.0]
        if places and not run.upright and run.bend + run.leg_m + run.finish_length < 1.0:
            sides.append(180.0)
        run = replace(run, leg_degrees=float(rng.choice(sides)))
    if branch:
        turns = [0.0, 45.0, 90.0, 135.0, 180.0] if run.upright else [0.0, 30.0, 45.0, 90.0, -30.0, -90.0]
        placed = [replace(branch, run=run, degrees=turn) for turn in turns]
        if not (run.upright or places):
            ground = max(run.run_reach, run.leg_reach)
            placed = [candidate for candidate in placed if lowest(run, candidate) > -ground - 1e-6]
        branch = placed[int(rng.integers(len(placed)))]
    room = 0.1 * rng.random() if run.upright else 0.6 * rng.random() ** 2
    return {
        **{field.name: getattr(run, field.name) for field in fields(run)},
        "branch_nps": branch.nps if branch else "none",
        "branch_at_m": branch.at if branch else 0.0,
        "branch_m": branch.length if branch else 0.0,
        "branch_degrees": branch.degrees if branch else 0.0,
        "branch_end": branch.end if branch else "cut",
        "support": kind,
        "supports_at_m": places,
        "support_m": round(least_drop(mount, run, branch) + 0.0005 + room, 4) if places else 0.0,
    }


def _sample_run(rng: np.random.Generator) -> Spool:
    sizes, weights = list(SAMPLED), np.array(list(SAMPLED.values()))
    nps = str(rng.choice(sizes, p=weights / weights.sum()))
    walls = [name for name in ("10", "20", "30", "STD", "40", "40", "XS", "80", "80", "160") if name in WALLS_MM[nps]]
    outside = OUTSIDE_MM[nps] / 1000
    upright, flanged, elbow = (bool(rng.random() < share) for share in (0.3, 0.35, 0.45))
    start = str(rng.choice(flanges.ENDS, p=[0.5, 0.5, 0.0] if upright else [0.5, 0.35, 0.15]))
    finish = str(rng.choice(flanges.ENDS, p=[0.5, 0.35, 0.15]))
    fewest = 2 if flanged else 1
    ends = flanges.end_length(nps, start) + (flanges.joint_length(nps) if flanged else 0.0)
    last = flanges.end_length(nps, finish)
    ends += 0.0 if elbow else last
    shortest = max(0.15, outside)  # piece
    longest = 3.0 - (elbow_m(nps) + outside if elbow else 0.0)
    high = min(max(14 * outside, 0.9), longest)
    run_m = max(ends + fewest * shortest, 0.5, rng.uniform(min(5 * outside, high), high))
    pieces = int(min(rng.integers(fewest, 4), max(fewest, (run_m - ends) // (1.5 * shortest))))
    leg_m = max(0.06, outside * rng.uniform(0.8, 2.5)) if elbow else 0.0
    return Spool(
        nps=nps, schedule=str(rng.choice(walls)), run_m=round(float(run_m), 3), pieces=pieces, flanged=flanged,
        start=start, finish=finish, leg_m=round(float(leg_m), 3), leg_degrees=0.0, upright=upright,
    )  # fmt: skip


def _sample_branch(rng: np.random.Generator, run: Spool, claims: list[Claim]) -> Branch | None:
    """Draw a branch that points up and add its claim to `claims`; return None if there is no room."""
    outside = OUTSIDE_MM[run.nps]
    nps = str(rng.choice([size for size in FLANGES if 0.2 * outside < OUTSIDE_MM[size] < 0.85 * outside]))
    end = str(rng.choice(flanges.ENDS, p=[0.25, 0.45, 0.3]))
    branch = Branch(nps=nps, run=run, at=run.run_m / 2, length=1.0, degrees=0.0, end=end)
    claim = branch.claim()
    halves = (claim.high - branch.at, claim.air[1] - branch.at if claim.air else 0.0)
    at = free_place(claims, halves, run.run_m * rng.uniform(0.2, 0.8))
    if at is None:
        return None
    length = branch.shortest() + 0.01 + OUTSIDE_MM[nps] / 1000 * rng.uniform(0.2, 2.0)
    branch = replace(branch, at=at, length=round(float(length), 3))
    claims.append(branch.claim())
    return branch


def _run(run: Spool, bands: Sequence[tubes.Band]) -> list[Patch]:
    """Build the pieces of the run, their welds, the bolted joint, and the flanges at its ends."""
    covered = solids.COVERED
    first = "end" if run.start == "cut" and not run.upright else covered
    last = "end" if run.finish == "cut" and not run.leg_m else covered
    x, high = run.body
    patches: list[Patch] = []
    for number in range(run.pieces):
        end = x + run.piece if number < run.pieces - 1 else high
        in_piece = [band for band in bands if x <= band.low < end]
        zones = (first if number == 0 else covered, last if number == run.pieces - 1 else covered)
        patches += tubes.run(f"run {number + 1}", x, end, run.radius, run.wall, zones, in_piece)
        x = end
        if number == 0 and run.flanged:
            patches += solids.place(flanges.joint(run.size, run.radius, run.wall), ALONG, (x, 0, 0))
            x += run.joint
    for number, x in enumerate(run.welds()):
        weld = tubes.girth_weld(f"weld {number + 1}", run.radius, run.wall)
        patches += solids.place(weld, ALONG, (x, 0, 0))
    low, high = run.body
    if run.start != "cut":
        parts = solids.place(_end(run, run.start, "at the start"), BACK, (low, 0, 0))
        if run.upright:  # it stands on its face
            parts = [replace(patch, zone=covered) if patch.zone == "face" else patch for patch in parts]
        patches += parts
    if run.finish != "cut" and not run.leg_m:
        patches += solids.place(_end(run, run.finish, "at the finish"), ALONG, (high, 0, 0))
    return patches


def _end(run: Spool, end: str, name: str) -> list[Patch]:
    return solids.named(flanges.end(run.size, end, run.radius, run.wall), name)


def _leg(run: Spool) -> list[Patch]:
    """Build the long-radius elbow at the end of the run (ASME B16.9), its second weld, and the leg after it."""
    turn = np.linspace(0, np.pi / 2, 33)
    normals = np.column_stack([-np.sin(turn), np.cos(turn), np.zeros(33)])
    normals[-1] = -1.0, 0.0, 0.0
    centres = np.array([run.run_m, run.bend, 0.0]) - run.bend * normals
    size = run.radius, run.wall
    patches = tubes.tube("elbow", "elbow", centres, normals, *size, (solids.COVERED, solids.COVERED))
    corner = np.array([run.run_m + run.bend, run.bend, 0.0])
    far = corner + np.array([0.0, run.leg_m, 0.0])
    onwards = solids.axes([0, 1, 0], [1, 0, 0])
    patches += solids.place(tubes.girth_weld("elbow weld", run.radius, run.wall), onwards, corner)
    ends = (solids.COVERED, "end" if run.finish == "cut" else solids.COVERED)
    aside = np.tile([-1.0, 0.0, 0.0], (2, 1))
    patches += tubes.tube("leg", "body", np.stack([corner, far]), aside, *size, ends)
    if run.finish != "cut":
        patches += solids.place(_end(run, run.finish, "at the finish"), onwards, far)
    # Built towards +y, then turned round the run to its direction.
    angle = np.pi / 2 + np.radians(run.leg_degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return solids.place(patches, [[1, 0, 0], [0, cos, -sin], [0, sin, cos]], (0, 0, 0))
