"""Dimensions of a pressure vessel and checks that its parts fit; shared by builder and sampler."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from corrotwin.twin.assets.piping.claims import Claim
from corrotwin.twin.assets.piping.flanges import ENDS, end_length
from corrotwin.twin.assets.piping.layout import widest
from corrotwin.twin.assets.piping.sizes import FLANGES, OUTSIDE_MM, WALLS_MM, bead_m, inches
from corrotwin.twin.assets.piping.tubes import Opening, fillet_leg
from corrotwin.twin.assets.vessels.heads import HEADS, AxialNozzle, Head
from corrotwin.twin.assets.vessels.vessel_supports import LEG_OVERLAP_M, SUPPORTS, Saddle, Skirt, leg_size
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError

LEAST_INSIDE_MM, MOST_INSIDE_MM = 200.0, 6000.0
LONGEST_M = 60.0
MOST_COURSES, MOST_NOZZLES = 30, 12
COURSE_M = 0.1  # length of the shortest course
MANWAY = 16.0  # nominal size from which a nozzle is a manway, closed by a blind flange
WIDEST = 0.65  # greatest diameter of a nozzle, as a share of the vessel's
LEAST_NOZZLE_M = 0.02  # least length of bare pipe between a nozzle's welds
AIR_M = 0.03  # least clearance above the ground
BY_NUMBER = {inches(nps): nps for nps in OUTSIDE_MM}


@dataclass(frozen=True, kw_only=True)
class Vessel:
    """Shell, heads and supports of a vessel; parameters as in `vessel.vessel`."""

    inside_mm: float
    length_m: float
    shell_mm: float
    head_mm: float
    head: str
    courses: int
    support: str
    support_m: float
    saddle_m: float

    def __post_init__(self) -> None:
        check_choices("vessel", head=(self.head, HEADS), support=(self.support, SUPPORTS))
        tenth = 0.1 * self.inside_mm
        check_numbers(
            "vessel", inside_mm=(self.inside_mm, LEAST_INSIDE_MM, MOST_INSIDE_MM), shell_mm=(self.shell_mm, 2, tenth),
            head_mm=(self.head_mm, 2, tenth), courses=(self.courses, range(1, MOST_COURSES + 1)),
        )  # fmt: skip
        if not 0.5 <= self.head_mm / self.shell_mm <= 2.0:
            raise InputError(f"vessel head_mm {self.head_mm:g}: must be half to twice shell_mm, {self.shell_mm:g}")
        least = 2 * self.end.straight + self.courses * COURSE_M
        check_numbers("vessel", length_m=(self.length_m, least, LONGEST_M))
        if self.support == "legs":
            leg_size(self.radius)
        if self.support == "saddles":
            half = self.saddle.half_m()
            low, high = self.end.straight + bead_m(self.wall)[0] / 2 + half, self.length_m / 2 - half
            check_numbers("vessel", saddle_m=(self.saddle_m, low + 0.003, high - 0.003))

    @property
    def upright(self) -> bool:
        """True if the vessel is vertical."""
        return self.support != "saddles"

    @property
    def wall(self) -> float:
        """Nominal wall of the shell, m."""
        return self.shell_mm / 1000

    @property
    def radius(self) -> float:
        """Outside radius of the shell, m."""
        return self.inside_mm / 2000 + self.wall

    @cached_property
    def end(self) -> Head:
        """One of its heads."""
        return Head(
            kind=self.head, inside=self.inside_mm / 1000, thickness=self.head_mm / 1000, shell=self.shell_mm / 1000
        )

    @property
    def body(self) -> tuple[float, float]:
        """Start and end of the shell, metres from the first tangent line."""
        return self.end.straight, self.length_m - self.end.straight

    @property
    def seams(self) -> list[float]:
        """Places of the girth seams, those of the heads first and last."""
        return [float(x) for x in np.linspace(*self.body, self.courses + 1)]

    @property
    def saddle(self) -> Saddle:
        """One of its saddles."""
        return Saddle(radius=self.radius)

    @cached_property
    def skirt(self) -> Skirt:
        """Its skirt."""
        return Skirt(head=self.end, height=self.support_m)

    def claims(self) -> list[Claim]:
        """Stretches that seams, heads and supports occupy."""
        half = bead_m(self.wall)[0] / 2
        first, *between, last = self.seams
        start = first + half
        if self.support == "legs":
            start = max(start, self.body[0] + LEG_OVERLAP_M)
        claims = [Claim(name="head or legs at the start", low=-np.inf, high=start, air=(-np.inf, start))]
        claims += [Claim(name=f"seam at {x:.3f} m", low=x - half, high=x + half, air=None) for x in between]
        if self.support == "saddles":
            for name, x in (("first saddle", self.saddle_m), ("second saddle", self.length_m - self.saddle_m)):
                skin = self.saddle.half_m()
                claims.append(Claim(name=name, low=x - skin, high=x + skin, air=None))
        return [*claims, Claim(name="head at the finish", low=last - half, high=np.inf, air=(last, np.inf))]


@dataclass(frozen=True, kw_only=True)
class Nozzle:
    """A nozzle on the shell of a vessel: nominal size, schedule, place, direction, length of pipe, and end."""

    nps: str
    schedule: str
    vessel: Vessel
    at: float
    degrees: float
    length: float
    end: str

    def __post_init__(self) -> None:
        if OUTSIDE_MM[self.nps] > WIDEST * 2000 * self.vessel.radius:
            most = f"{WIDEST * 2000 * self.vessel.radius:.0f} mm"
            raise InputError(f"vessel nozzles_nps {self.nps}: too wide for this shell; outside diameters up to {most}")
        check_numbers("vessel", nozzles_degrees=(self.degrees, -360, 360))
        if not 0 < self.at < self.vessel.length_m:
            raise InputError(f"vessel nozzles_at_m {self.at}: must be within the length of {self.vessel.length_m} m")
        least = fillet_leg(self.vessel.radius, self.wall) + LEAST_NOZZLE_M + bead_m(self.wall)[0] / 2
        check_numbers("vessel", nozzle_m=(self.length, least, 3))
        if not self.vessel.upright and self.lowest() < -self.vessel.radius - self.vessel.support_m + AIR_M:
            raise InputError(
                f"vessel nozzle at {self.at:g} m: reaches the ground; raise support_m, or turn or shorten it"
            )

    @property
    def wall(self) -> float:
        """Wall of its pipe, m."""
        return wall_mm(self.nps, self.schedule) / 1000

    @property
    def opening(self) -> Opening:
        """Its place on the shell; the hole is a little narrower than its bore."""
        foot = OUTSIDE_MM[self.nps] / 2000
        return Opening(
            at=self.at,
            angle=np.pi / 2 + np.radians(self.degrees),
            foot=foot,
            bore=0.97 * (foot - self.wall),
            leg=fillet_leg(self.vessel.radius, self.wall),
        )

    @property
    def tube(self) -> float:
        """Height of the upper end of its pipe, below its flanges, above the axis of the shell."""
        return self.vessel.radius + self.length

    def halves_m(self) -> tuple[float, float]:
        """Return half the length that it occupies on the skin of the shell, and in the air."""
        half = self.opening.half_length()
        return half, max(half, widest(self.nps, self.end))

    def claim(self) -> Claim:
        """Stretch that it occupies."""
        skin, air = self.halves_m()
        return Claim(
            name=f"nozzle at {self.at:g} m", low=self.at - skin, high=self.at + skin, air=(self.at - air, self.at + air)
        )

    def lowest(self) -> float:
        """Return the height of its lowest point over the axis of a lying shell, m."""
        turn = np.radians(self.degrees)
        height = self.tube + end_length(self.nps, self.end)
        return float(
            min(np.cos(turn) * height, np.cos(turn) * self.tube) - widest(self.nps, self.end) * abs(np.sin(turn))
        )


def wall_mm(nps: str, schedule: str) -> float:
    """Return the wall of a nozzle's pipe, mm: by the schedule if the size has it, else by STD."""
    return WALLS_MM[nps].get(schedule, WALLS_MM[nps]["STD"])


def closed(nps: str, end: str) -> str:
    """Return the end of a nozzle: `end`, or a blind flange if it is a manway."""
    return "blind" if inches(nps) >= MANWAY else end


def size_of(number: float, name: str, end: str) -> str:
    """Return the nominal size that a number stands for; raise InputError if it has no pipe, or no flange."""
    nps = BY_NUMBER.get(float(number), "")
    if not nps or (closed(nps, end) != "cut" and nps not in FLANGES):
        valid = ", ".join(f"{size:g}" for size, label in BY_NUMBER.items() if label in FLANGES)
        raise InputError(f"vessel {name} {number:g}: choose nominal sizes from {valid}")
    return nps


def shell_nozzles(
    own: Vessel, numbers: Sequence[float], places: Sequence[float], degrees: Sequence[float], schedule: str,
    length: float, end: str,
) -> list[Nozzle]:  # fmt: skip
    """Return the nozzles on a shell; raise InputError for those that it cannot have."""
    if not len(numbers) == len(places) == len(degrees) <= MOST_NOZZLES:
        raise InputError(
            f"vessel nozzles_nps has {len(numbers)} values, nozzles_at_m {len(places)}, nozzles_degrees "
            f"{len(degrees)}: give one of each for every nozzle, at most {MOST_NOZZLES}"
        )
    if schedule not in WALLS_MM["4"] and schedule not in WALLS_MM["8"]:
        raise InputError(f"vessel nozzle_schedule {schedule!r}: choose from {', '.join(WALLS_MM['8'])}")
    check_choices("vessel", nozzle_end=(end, ENDS))
    nozzles = []
    for number, at, turn in zip(numbers, places, degrees, strict=True):
        nps = size_of(number, "nozzles_nps", end)
        nozzles.append(
            Nozzle(
                nps=nps, schedule=schedule, vessel=own, at=at, degrees=turn, length=length, end=closed(nps, end)
            )
        )  # fmt: skip
    return nozzles


def head_nozzles(
    own: Vessel, numbers: Sequence[float], schedule: str, length: float, end: str
) -> tuple[AxialNozzle | None, AxialNozzle | None]:
    """Return the nozzles in the middle of the first and of the second head; a size of 0 means none.

    Raises
    ------
    InputError
        There are not two sizes, or a size is unknown or too wide for a head.
    """
    if len(numbers) != 2:
        raise InputError(f"vessel head_nozzles_nps has {len(numbers)} values: give one for each head, 0 for none")
    nozzles: list[AxialNozzle | None] = []
    for number in numbers:
        if number == 0:
            nozzles.append(None)
            continue
        nps = size_of(number, "head_nozzles_nps", end)
        if OUTSIDE_MM[nps] > 0.4 * own.inside_mm:
            raise InputError(f"vessel head_nozzles_nps {number:g}: too wide for this head; up to 0.4 of inside_mm")
        wall = wall_mm(nps, schedule) / 1000
        nozzles.append(AxialNozzle(nps=nps, wall=wall, length=length, end=closed(nps, end)))
    return nozzles[0], nozzles[1]


def least_height(own: Vessel, lower: AxialNozzle | None) -> float:
    """Return the least `support_m`: height of the shell above the ground, or of the lower tangent line, m."""
    if own.support == "saddles":
        return own.saddle.least_m()
    return (own.end.height(0.0) if lower is None else lower.reach(own.end)) + AIR_M
