"""Dimensions of pipe supports, and the zones that they make on the skin of the pipe."""

from dataclasses import dataclass

import numpy as np

from corrotwin.twin.assets.piping.tubes import Band
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.section_sizes import ANGLES, BEAMS

SUPPORTS = ("saddle", "ubolt", "clamp")
CAP_M, BASE_M = 0.010, 0.012  # thickness of the plates on a post and under it
STUB_M = 0.02  # the shortest post
RIM_M = 0.008  # how far beside a holder the skin of the pipe counts as its rim


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Dimensions of a support for a pipe of this radius, in metres."""

    kind: str
    radius: float
    width: float  # width of strap or pad, along the pipe
    strap: float  # thickness of strap or pad
    plate: float  # thickness of the plates that carry it
    bolt: float
    angle: tuple[float, float, float]  # leg, thickness and root radius of a U-bolt's angle
    post: str

    @property
    def offset(self) -> float:
        """Distance from the heel of a U-bolt's angle to the U-bolt, which clears the root of the angle."""
        leg, thickness, root = self.angle
        return (thickness + root + leg) / 2

    @property
    def carrier(self) -> float:
        """Height between pipe and seat: at least (saddle, clamp) or exactly (U-bolt)."""
        return self.angle[0] if self.kind == "ubolt" else self.strap + 0.015 + 0.1 * self.radius

    def least_m(self) -> float:
        """Return the smallest distance from the pipe to the ground or rail."""
        return self.carrier + BASE_M + (CAP_M + STUB_M if self.kind == "ubolt" else 0.0)

    def halves_m(self) -> tuple[float, float]:
        """Return half the length that the support occupies on the skin of the pipe, and in the air below."""
        foot = max(post_size(self.post)[0] / 2 + 1.5 * self.bolt, 2.6 * self.bolt)
        if self.kind == "ubolt":
            skin = max(self.offset, self.angle[0] - self.offset) + RIM_M
            return skin, max(skin, max(foot, self.angle[0] / 2 + self.bolt) + self.offset / 2)
        skin = self.width / 2 + RIM_M
        return skin, max(skin, foot, self.width / 2 + 2 * self.bolt)


def holder(kind: str, radius: float) -> Holder:
    """Return the support of this kind for a pipe of this radius, m."""
    step = int(np.searchsorted([0.03, 0.07, 0.12, 0.2], radius))
    leg = ANGLES[("L 60x6", "L 80x8", "L 80x8", "L 100x10", "L 100x10")[step]]
    wide, slender = (0.06, 0.3), (0.03, 0.1)
    return Holder(
        kind=kind,
        radius=radius,
        width=float(np.clip(1.2 * radius, *wide) if kind == "saddle" else np.clip(0.7 * radius, *slender)),
        strap=float(np.clip(0.05 * radius, 0.004, 0.012)),
        plate=float(np.clip(0.06 * radius, 0.006, 0.014)),
        bolt=(0.010, 0.012, 0.016, 0.020, 0.024)[step],
        angle=(leg[0] / 1000, leg[1] / 1000, leg[2] / 1000),
        post=("", "HEA 100", "HEA 100", "HEA 140", "HEA 200")[step],
    )


def bands(own: Holder, at: float, down: int, count: int) -> list[Band]:
    """Return zones of the skin at a support: covered under strap or pad, crevice at its rim, contact at bearings.

    Parameters
    ----------
    at : place along the pipe, metres.
    down, count : the segment of the pipe that faces the ground or the rail, and the number of segments.
    """
    quarter, margin = count // 4, count // 48
    under: tuple[tuple[str, int], ...]
    half, bolt = own.width / 2, own.bolt / 2 + RIM_M
    sectors: list[tuple[tuple[str, int], ...]]
    if own.kind == "saddle":
        wide, pad = count // 6 + margin, count // 6
        beside = (("contact", down - wide), ("body", down + wide))
        under = (("contact", down - wide), (solids.COVERED, down - pad), ("contact", down + pad), ("body", down + wide))
        cuts = [-half - RIM_M, -half, half, half + RIM_M]
        sectors = [beside, under, beside]
    elif own.kind == "clamp":
        slits = down + quarter, down + 3 * quarter  # between the halves
        under = tuple(part for slit in slits for part in (("crevice", slit - 1), (solids.COVERED, slit + 1)))
        cuts = [-half - RIM_M, -half, half, half + RIM_M]
        sectors = [(("crevice", 0),), under, (("crevice", 0),)]
    else:
        line = (("contact", down - 2 * margin), ("body", down + 2 * margin))
        strapped = (*line, ("crevice", down + quarter), ("body", down + 3 * quarter))
        cuts = [-own.offset - RIM_M, -bolt, bolt, own.angle[0] - own.offset + RIM_M]
        sectors = [line, strapped, line]
    return [
        Band(low=at + low, high=at + high, sectors=parts)
        for low, high, parts in zip(cuts, cuts[1:], sectors, strict=False)
    ]


def post_size(post: str) -> tuple[float, float]:
    """Return depth and width of a post, along the pipe and across, m."""
    if not post:
        return 0.05, 0.05
    h, b, *_ = BEAMS[post]
    return h / 1000, b / 1000
