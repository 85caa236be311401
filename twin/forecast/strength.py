"""Remaining strength of a corroded pipe: ASME B31G, original and modified.

References
----------
ASME B31G, Manual for determining the remaining strength of corroded pipelines; Kiefner & Vieth, AGA PR 3-805 (1989),
for the modified form. The standard is not public; both were read in public sources that quote them.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError

Method = Literal["original", "modified"]
DEEPEST = 0.8  # depth over wall up to which the method holds
FLOW_MARGIN_MPA = 68.95  # 10 ksi
MOST_SMYS_MPA = 483.0  # 70 ksi, up to which that margin holds
LONG_ORIGINAL, LONG_MODIFIED = 20.0, 50.0  # L² / (D t) from which a defect counts as long


def flow_stress_mpa(smys_mpa: float, method: Method) -> float:
    """Return the flow stress, MPa, from the yield strength: 1.1 SMYS (original), SMYS + 68.95 MPa (modified)."""
    return 1.1 * smys_mpa if method == "original" else smys_mpa + FLOW_MARGIN_MPA


def failure_pressure_mpa(
    depth_mm: ArrayLike,
    length_mm: ArrayLike,
    *,
    outside_mm: float,
    wall_mm: float,
    flow_mpa: float,
    method: Method = "modified",
) -> NDArray[Any]:
    """Return the failure pressure of a pipe with one corroded area, MPa; NaN where it is too deep for the method.

    It is not one that is permitted: the standard divides it by a safety factor.

    With z = L² / (D t) and x = d / t, S = flow stress, the pressure is 2 t/D times

    - original, z <= 20: S (1 - 2/3 x) / (1 - 2/3 x / M), M = sqrt(1 + 0.8 z); else S (1 - x);
    - modified: S (1 - 0.85 x) / (1 - 0.85 x / M), M = sqrt(1 + 0.6275 z - 0.003375 z²) for z <= 50, else
      0.032 z + 3.3.

    Parameters
    ----------
    depth_mm, length_mm : depth and length along the pipe of the corroded area, any shapes that broadcast.
    outside_mm, wall_mm : outside diameter and nominal wall.
    flow_mpa : flow stress, such as `flow_stress_mpa` gives.
    method : "original" or "modified".

    Raises
    ------
    InputError
        An unknown method, a diameter, wall or stress that is not positive, or a negative depth or length.
    """
    if method not in ("original", "modified"):
        raise InputError(f"B31G method {method!r}: choose original or modified")
    if not (outside_mm > 2 * wall_mm > 0 and flow_mpa > 0):
        raise InputError(f"pipe of {outside_mm} x {wall_mm} mm, {flow_mpa} MPa: no pipe has these")
    depth, length = np.asarray(depth_mm, dtype=float), np.asarray(length_mm, dtype=float)
    if (depth < 0).any() or (length < 0).any():
        raise InputError("B31G: depth and length of a corroded area must not be negative")
    share, z = depth / wall_mm, length**2 / (outside_mm * wall_mm)
    if method == "original":
        bulge = np.sqrt(1 + 0.8 * z)
        left = np.where(z <= LONG_ORIGINAL, _left(2 / 3 * share, bulge), 1 - share)
    else:
        short = np.sqrt(1 + 0.6275 * z - 0.003375 * np.minimum(z, LONG_MODIFIED) ** 2)
        left = _left(0.85 * share, np.where(z <= LONG_MODIFIED, short, 0.032 * z + 3.3))
    return np.asarray(np.where(share <= DEEPEST, 2 * wall_mm / outside_mm * flow_mpa * left, np.nan))


def _left(lost: NDArray[Any], bulge: NDArray[Any]) -> NDArray[Any]:
    """Return the share of strength left: `lost` is the lost share of the section, `bulge` Folias' factor."""
    return np.asarray((1 - lost) / (1 - lost / bulge))
