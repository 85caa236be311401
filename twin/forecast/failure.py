"""Failure pressure of a pipe in each history, from its remaining wall."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from corrotwin.twin.assets.piping import sizes
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.projection import ZoneForecast
from corrotwin.twin.forecast.strength import MOST_SMYS_MPA, Method, failure_pressure_mpa, flow_stress_mpa
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats
from corrotwin.twin.geometry.solids import COVERED

WALL = ("run", "elbow", "leg")  # names, without numbers, of the solids that form a pipe's wall


@dataclass(frozen=True, kw_only=True)
class Pressure:
    """Failure pressure of a pipe by B31G (`strength`), from its least and its general remaining wall.

    `zones` are those of its wall, inside, outside and at supports. Other parts may share them, such as washers in a
    crevice, which is on the safe side. Without a length the corrosion may be as long as the pipe.
    """

    outside_mm: float
    smys_mpa: float
    length_mm: float | None
    method: Method
    zones: frozenset[str]

    @staticmethod
    def of(asset: AssetGeometry, *, smys_mpa: float, length_mm: float | None, method: Method) -> "Pressure":
        """Return the calculation for an asset that is a pipe.

        Raises
        ------
        InputError
            The asset is not a pipe, a number is not positive, or the steel is stronger than the modified method allows.
        """
        if asset.kind != "pipe":
            raise InputError(f"B31G is for pipes; this is a {asset.kind}")
        if not (smys_mpa > 0 and (length_mm is None or length_mm > 0)):
            raise InputError(f"B31G: `smys_mpa` {smys_mpa}, `length_mm` {length_mm}: must be positive")
        if method == "modified" and smys_mpa > MOST_SMYS_MPA:
            raise InputError(
                f"B31G: `smys_mpa` {smys_mpa:g}: modified holds up to {MOST_SMYS_MPA:g}; choose `method` original"
            )
        return Pressure(
            outside_mm=outside_mm(asset), smys_mpa=smys_mpa, length_mm=length_mm, method=method,
            zones=wall_zones(asset),
        )  # fmt: skip

    def failure_mpa(self, forecasts: Mapping[str, ZoneForecast], index: int) -> Floats:
        """Return the failure pressure in each history, (n,) MPa, in one year: that of its wall's weakest zone."""
        walls = [forecasts[name] for name in sorted(self.zones & set(forecasts))]
        left = [(wall.general_left_mm[:, index], wall.least_left_mm[:, index]) for wall in walls]
        return np.asarray(np.min([self.of_wall_mpa(*both) for both in left], axis=0))

    def of_wall_mpa(self, general_mm: ArrayLike, least_mm: ArrayLike) -> Floats:
        """Return the failure pressure, MPa, from the remaining wall at most places and at the thinnest place."""
        return failure_pressure_mpa(
            np.maximum(general_mm, least_mm), least_mm, self.length_mm, outside_mm=self.outside_mm,
            flow_mpa=flow_stress_mpa(self.smys_mpa, self.method), method=self.method,
        )  # fmt: skip


def outside_mm(asset: AssetGeometry) -> float:
    """Return the outside diameter of a pipe's run, mm."""
    return float(sizes.outside_mm(asset.parameters))


def wall_zones(asset: AssetGeometry) -> frozenset[str]:
    """Return the zones of a pipe's wall, inside, outside and at supports, but not its cut ends."""
    patches = (island.patch for island in asset.islands if island.patch.solid.rstrip(" 0123456789") in WALL)
    return frozenset(patch.zone for patch in patches) - {COVERED, "end"}
