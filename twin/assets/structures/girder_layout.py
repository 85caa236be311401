"""Dimensions of a built-up girder, and checks that its parts fit; shared by builder and sampler."""

from dataclasses import dataclass

import numpy as np

from corrotwin.twin.assets.structures.members import Angle
from corrotwin.twin.core.arguments import check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import Floats

FLANGES = ("L 80x8", "L 90x9", "L 100x10", "L 120x12", "L 150x15")
OVERHANG = 0.012  # overhang of cover plates beyond the angles; by eye
SECOND = (0.2, 0.8)  # stretch of the girder that has a second cover plate
PITCH = (3.0, 10.0)  # limits of the rivets' pitch in diameters; usual practice is 3 to 6 where a seam is to be tight
END = 2.0  # diameters from the last rivet to the end of a plate; usual practice is at least 1.5
PACK, DENT = 0.02, 0.06  # greatest opening of a seam, and greatest dent of a flange, metres
DENT_HALF = 0.3  # half of the length of a dent, at most


@dataclass(frozen=True, kw_only=True)
class GirderSize:
    """Dimensions of a girder, metres; `depth` is that over the backs of the flange angles."""

    length: float
    depth: float
    web: float
    flange: Angle
    covers: int
    cover: float
    pitch: float
    stiffeners: int
    pack: float
    dent: float

    @property
    def z(self) -> float:
        """Level of the lower angles' backs."""
        return self.covers * self.cover

    @property
    def rivet(self) -> float:
        """Diameter of the rivets in the flanges."""
        return self.flange.rivet

    @property
    def gauge(self) -> float:
        """Distance of the rivets' rows from the angles' heels."""
        return self.flange.gauge

    @property
    def wide(self) -> float:
        """Width of the cover plates."""
        return self.web + 2 * (self.flange.leg + OVERHANG)

    @property
    def root(self) -> float:
        """Distance from the middle at which the level legs of the flange angles begin."""
        return self.web / 2 + self.flange.t + self.flange.r

    @property
    def tight(self) -> float:
        """Distance from the heels of the angles up to which pack rust opens nothing: rivet heads hold there."""
        return self.gauge + 0.8 * self.rivet

    @property
    def parted(self) -> float:
        """Distance from the heels beyond which the seam gapes; nearer to the rivets it is closed, or nearly so."""
        share = float(np.clip(np.sqrt(0.0012 / max(self.pack, 0.001)), 0.3, 0.7))
        return self.tight + share * (self.flange.leg - self.tight)

    @property
    def seams(self) -> list[tuple[float, float]]:
        """Start and end, along the girder, of each opened stretch of a seam between two rivets."""
        if not self.pack:
            return []
        near = self.pitch * float(np.arcsin(np.sqrt(np.clip(0.0018 / self.pack, 0.2, 0.8)))) / np.pi
        return [(float(x) + near, float(x) + self.pitch - near) for x in self.rivets[:-1]]

    @property
    def rivets(self) -> Floats:
        """The x of the rivets in the flanges, evenly pitched about the middle."""
        count = int((self.length - 2 * END * self.rivet) / self.pitch + 1e-9) + 1
        return (np.arange(count) - (count - 1) / 2) * self.pitch + self.length / 2

    @property
    def posts(self) -> Floats:
        """The x of the stiffeners."""
        return (np.arange(self.stiffeners) + 0.5) / max(self.stiffeners, 1) * self.length

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """Start and end of each cover plate, the longest first; ends of short ones lie midway between rivets."""
        spans = [(0.0, self.length)] * min(self.covers, 1)
        if self.covers == 2:
            a, b = (float(np.abs(self.rivets / self.length - share).argmin()) for share in SECOND)
            spans.append((float(self.rivets[int(a)]) - self.pitch / 2, float(self.rivets[int(b)]) + self.pitch / 2))
        return spans

    @property
    def stiffener(self) -> Angle:
        """Size of the angles across the web."""
        return Angle.of("L 60x6" if self.flange.leg < 0.1 else "L 80x8")

    @property
    def dented(self) -> tuple[float, float]:
        """Middle of the dent, clear of the stiffeners, and half of its length."""
        bay = self.length / max(self.stiffeners, 1)
        middle, half = self.length / 2, bay / 2
        if self.stiffeners == 1:
            middle, half = 0.75 * self.length, bay / 4
        elif self.stiffeners % 2 == 1:
            middle += bay / 2
        return middle, min(DENT_HALF, half - self.stiffener.leg / 2 - 0.02)

    def check(self) -> None:
        """Raise InputError if the parts do not fit."""
        check_numbers(
            "girder", length_m=(self.length, 0.6, 20), depth_m=(self.depth, 0.3, 3), web_mm=(1000 * self.web, 5, 30),
            covers=(self.covers, range(3)), cover_mm=(1000 * self.cover, 6, 30),
            dent_mm=(1000 * self.dent, 0, 1000 * DENT),
        )  # fmt: skip
        if self.depth < 3 * self.flange.leg:
            raise InputError(
                f"girder {self.depth} m deep: needs at least three legs of its flange angles, {3 * self.flange.leg:g} m"
            )
        low, high = (1000 * times * self.rivet for times in PITCH)
        if not low - 1e-9 <= 1000 * self.pitch <= high + 1e-9:
            raise InputError(f"girder pitch_mm {1000 * self.pitch:g}: give {low:g} to {high:g} mm for its rivets")
        most = 1000 * PACK
        if not 0 <= 1000 * self.pack <= most or (self.pack and not self.covers):
            raise InputError(
                f"girder pack_rust_mm {1000 * self.pack:g} with {self.covers} covers: give 0 to {most:g} mm, and 0 "
                "without cover plates"
            )
        if not 0 <= self.stiffeners <= self.length / 0.3:
            raise InputError(f"girder with {self.stiffeners} stiffeners in {self.length} m: leave 0.3 m for each")
