"""Dimensions of a pipe spool and checks that its parts fit; shared by builder and sampler."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corrotwin.twin.assets.piping.claims import AIR_M, Claim
from corrotwin.twin.assets.piping.flanges import check_end, end_length, joint_length
from corrotwin.twin.assets.piping.holder import SUPPORTS, Holder, holder
from corrotwin.twin.assets.piping.sizes import (
    FLANGES,
    OUTSIDE_MM,
    SAME_MM,
    WALLS_MM,
    bead_m,
    check_own,
    elbow_m,
    nominal_size,
)
from corrotwin.twin.assets.piping.tubes import Opening, fillet_leg
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError

PIECE_M = 0.02  # the shortest piece of pipe
LONGEST_M = 20.0  # longest leg, branch or post
LONGEST_RUN_M = 5000.0  # longest run: a section of a pipeline
MOST_PIECES = 20
MOST_SUPPORTS = 24
SIZES = tuple(OUTSIDE_MM)


@dataclass(frozen=True, kw_only=True)
class Spool:
    """Run and leg of a spool; parameters as in `pipe.pipe`, lengths in metres."""

    nps: str
    schedule: str
    run_m: float
    pieces: int
    flanged: bool
    start: str
    finish: str
    leg_m: float
    leg_degrees: float
    upright: bool
    od_mm: float = 0.0
    wall_mm: float = 0.0

    def __post_init__(self) -> None:
        if self.nps not in WALLS_MM or (self.schedule not in WALLS_MM[self.nps] and not self.wall_mm):
            valid = f"schedules {', '.join(WALLS_MM[self.nps])}" if self.nps in WALLS_MM else f"nps {', '.join(SIZES)}"
            raise InputError(f"pipe nps {self.nps!r} schedule {self.schedule!r}: choose from {valid}")
        check_own(self.od_mm, self.wall_mm, self.nps)
        flanges = self.size or f"od_mm {self.od_mm:g}"
        check_end("start", self.start, flanges)
        check_end("finish", self.finish, flanges)
        if self.flanged:
            check_end("joint", "flange", flanges)
        check_numbers("pipe", pieces=(self.pieces, range(2 if self.flanged else 1, MOST_PIECES + 1)))
        fits = self.piece >= PIECE_M and (self.leg_m == 0 or self.leg_m >= PIECE_M)
        if not (fits and 0 < self.run_m <= LONGEST_RUN_M and 0 <= self.leg_m <= LONGEST_M):
            raise InputError(
                f"pipe run {self.run_m} m, leg {self.leg_m} m: too short for {self.pieces} pieces and the flanges, "
                f"or over {LONGEST_RUN_M:g} m (leg {LONGEST_M:g} m)"
            )
        check_numbers("pipe", leg_degrees=(self.leg_degrees, -360, 360))
        if self.upright and self.start == "blind":
            raise InputError("pipe start 'blind': an upright run cannot stand on studs; choose cut or flange")

    @property
    def radius(self) -> float:
        """Outside radius."""
        return (self.od_mm or OUTSIDE_MM[self.nps]) / 2000

    @property
    def nominal_mm(self) -> float:
        """Nominal wall, mm: its own if one is given, else by the schedule."""
        return self.wall_mm or WALLS_MM[self.nps][self.schedule]

    @property
    def wall(self) -> float:
        """Nominal wall, metres."""
        return self.nominal_mm / 1000

    @property
    def size(self) -> str:
        """Nominal size of the outside diameter, whose flanges fit; empty if there is none."""
        return nominal_size(self.od_mm) if self.od_mm else self.nps

    @property
    def joint(self) -> float:
        """Length of the bolted joint, m; 0 without one."""
        return joint_length(self.size) if self.flanged else 0.0

    @property
    def finish_length(self) -> float:
        """Length of the flanges at the far end of the spool."""
        return end_length(self.size, self.finish)

    @property
    def body(self) -> tuple[float, float]:
        """Start and end of the pipe along the run, between its end flanges."""
        return end_length(self.size, self.start), self.run_m - (0.0 if self.leg_m else self.finish_length)

    @property
    def piece(self) -> float:
        """Length of each piece of the run."""
        return (self.body[1] - self.body[0] - self.joint) / self.pieces

    @property
    def bend(self) -> float:
        """Radius of the elbow."""
        return elbow_m(self.size, self.od_mm)

    @property
    def run_reach(self) -> float:
        """Greatest radius of the parts of the run."""
        ends = (self.start, "cut" if self.leg_m else self.finish, "flange" if self.flanged else "cut")
        return max(self.reach(end) for end in ends)

    @property
    def leg_reach(self) -> float:
        """Greatest radius of the leg."""
        return self.reach(self.finish)

    def reach(self, end: str) -> float:
        """Return the radius of the pipe with this end, m."""
        return self.radius if end == "cut" else widest(self.size, end)

    def welds(self) -> list[float]:
        """Places of the girth welds between plain pieces; the last is the elbow's, if there is a leg."""
        offset = self.body[0] + self.joint
        first = 2 if self.flanged else 1
        return [offset + number * self.piece for number in range(first, self.pieces + bool(self.leg_m))]

    def claims(self) -> list[Claim]:
        """Stretches that the ends, the welds, the joint and the leg occupy."""
        half = bead_m(self.wall)[0] / 2
        low, high = self.body
        begin = low + half if low > 0 else 0.0
        claims = [Claim(name="start", low=-np.inf, high=begin, air=(-np.inf, begin))]
        if self.flanged:
            at = low + self.piece
            span = at - half, at + self.joint + half
            claims.append(Claim(name="joint", low=span[0], high=span[1], air=span))
        claims += [
            Claim(name=f"weld at {x:.3f} m", low=x - half, high=x + half, air=None)
            for x in self.welds()[: -1 if self.leg_m else None]
        ]
        if self.leg_m:
            over = self.run_m + self.bend - self.leg_reach
            return [*claims, Claim(name="elbow", low=high - half, high=np.inf, air=(over, np.inf))]
        stop = high - half if self.finish != "cut" else self.run_m
        return [*claims, Claim(name="finish", low=stop, high=np.inf, air=(stop, np.inf))]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch on a run; parameters as in `pipe.pipe`, lengths in metres."""

    nps: str
    run: Spool
    at: float
    length: float
    degrees: float
    end: str

    def __post_init__(self) -> None:
        if self.nps not in SIZES or OUTSIDE_MM[self.nps] >= 2000 * self.run.radius - SAME_MM:
            run = f"{2000 * self.run.radius:g} mm" if self.run.od_mm else f"nps {self.run.nps!r}"
            raise InputError(f"pipe branch_nps {self.nps!r} on {run}: choose none or a smaller size")
        check_end("branch_end", self.end, self.nps)
        check_numbers("pipe", branch_degrees=(self.degrees, -360, 360))
        check_numbers("pipe", branch_m=(self.length, self.shortest(), LONGEST_M))
        check_place("branch_at_m", self.at, self.run)

    @property
    def wall(self) -> float:
        """Wall, m: that of the run's schedule if it exists in this size, else STD."""
        walls = WALLS_MM[self.nps]
        return walls.get(self.run.schedule, walls["STD"]) / 1000

    @property
    def opening(self) -> Opening:
        """Place on the run; the hole is a little narrower than its bore and the run's."""
        foot = OUTSIDE_MM[self.nps] / 2000
        return Opening(
            at=self.at,
            angle=np.pi / 2 + np.radians(self.degrees),
            foot=foot,
            bore=min(0.97 * (foot - self.wall), 0.9 * (self.run.radius - self.run.wall)),
            leg=fillet_leg(self.run.radius, self.wall),
        )

    @property
    def tube(self) -> float:
        """Height of the upper end of its pipe, below its end flanges, above the axis of the run."""
        return self.run.radius + self.length

    @property
    def height(self) -> float:
        """Height of its end above the axis of the run."""
        return self.tube + end_length(self.nps, self.end)

    def shortest(self) -> float:
        """Least length, m, with room for both welds."""
        return fillet_leg(self.run.radius, self.wall) + PIECE_M + bead_m(self.wall)[0] / 2

    def claim(self) -> Claim:
        """Stretch that it occupies on the run."""
        half, reach = self.opening.half_length(), widest(self.nps, self.end)
        wide = max(half, reach)
        air = self.at - wide, self.at + wide
        return Claim(name="branch", low=self.at - half, high=self.at + half, air=air)


def widest(nps: str, end: str) -> float:
    """Return the radius of a pipe with this end, m."""
    return OUTSIDE_MM[nps] / 2000 if end == "cut" else FLANGES[nps].outside / 2


def check_place(name: str, at: float, run: Spool) -> None:
    """Raise InputError if a place lies beyond the run."""
    if not 0 < at < run.run_m:
        raise InputError(f"pipe {name} {at}: must be within the run of {run.run_m} m")


def support_claim(own: Holder, number: int, at: float) -> Claim:
    """Return the stretch that a support occupies on the run."""
    skin, air = own.halves_m()
    return Claim(name=f"support {number + 1}", low=at - skin, high=at + skin, air=(at - air, at + air))


def check_supports(kind: str, places: Sequence[float], drop: float, run: Spool, branch: Branch | None) -> Holder:
    """Return the supports' dimensions; raise InputError if the spool cannot rest on them or on the ground."""
    check_choices("pipe", support=(kind, SUPPORTS))
    support = holder(kind, run.radius)
    if not places:
        if not run.upright and lowest(run, branch) < -max(run.run_reach, run.leg_reach) - 1e-6:
            raise InputError("pipe leg or branch reaches below the run: turn it up, or put the run on supports")
        return support
    if run.upright and kind == "saddle":
        raise InputError("pipe support 'saddle': an upright run needs ubolt or clamp")
    if len(places) > MOST_SUPPORTS:
        raise InputError(f"pipe with {len(places)} supports: give at most {MOST_SUPPORTS}")
    for at in places:
        check_place("supports_at_m", at, run)
    least = least_drop(support, run, branch)
    check_numbers("pipe", support_m=(drop, least, LONGEST_M))
    return support


def least_drop(own: Holder, run: Spool, branch: Branch | None) -> float:
    """Return the least distance from the pipe on supports to the ground, or to the column behind it, m."""
    reach = max(run.run_reach, -lowest(run, branch))
    if run.upright:
        reach = run.run_reach
        if branch:
            turn = np.radians(branch.degrees)
            back = -np.sin(turn) * (branch.tube if np.sin(turn) > 0 else branch.height)
            reach = max(reach, float(back + widest(branch.nps, branch.end) * abs(np.cos(turn))))
    return max(own.least_m(), reach - run.radius + AIR_M)


def lowest(run: Spool, branch: Branch | None) -> float:
    """Return the height of the lowest point of leg, branch and pipe over the axis of a lying run, m; negative."""
    parts = [(0.0, 90.0, run.radius)]
    if run.leg_m:
        parts.append((run.bend + run.leg_m + run.finish_length, run.leg_degrees, run.leg_reach))
    if branch:
        parts.append((branch.height, branch.degrees, widest(branch.nps, branch.end)))
    lengths, degrees, radii = np.array(parts).T
    turn = np.radians(degrees)
    return float((lengths * np.cos(turn) - radii * np.abs(np.sin(turn))).min())
