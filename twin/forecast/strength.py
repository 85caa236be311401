"""Remaining strength of a corroded pipe: ASME B31G, original and modified, and Barlow.

References
----------
ASME B31G, Manual for determining the remaining strength of corroded pipelines; Kiefner & Vieth, AGA PR 3-805 (1989),
for the modified form. The standard is not public; both were read in public sources that quote them.
Deeper than 80 % of the wall: 49 CFR 195.452 calls for immediate repair "regardless of dimensions" (frequently asked
questions of PHMSA, https://experts123.com/q/what-is-an-immediate-repair-condition.html), so no strength is credited.
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
NEGLIGIBLE_MM = 1e-6  # wall that counts as none, and by which the least may exceed the general one


def flow_stress_mpa(smys_mpa: float, method: Method) -> float:
    """Return the flow stress, MPa, from the yield strength: 1.1 SMYS (original), SMYS + 68.95 MPa (modified)."""
    return 1.1 * smys_mpa if method == "original" else smys_mpa + FLOW_MARGIN_MPA


def failure_pressure_mpa(
    general_mm: ArrayLike,
    least_mm: ArrayLike,
    length_mm: ArrayLike | None,
    *,
    outside_mm: float,
    flow_mpa: float,
    method: Method = "modified",
) -> NDArray[Any]:
    """Return the pressure at which a pipe with one corroded area fails, MPa; 0 where the method credits no strength.

    This is not a permitted pressure: divide it by a safety factor (`allowable_mpa`) before anyone acts on it.

    With t = general wall left beside the area, d = t - least wall left in it, x = d / t, z = L² / (D t) and S = flow
    stress, the pressure is 2 t/D times

    - original, z <= 20: S (1 - 2/3 x) / (1 - 2/3 x / M), M = sqrt(1 + 0.8 z); else S (1 - x);
    - modified: S (1 - 0.85 x) / (1 - 0.85 x / M), M = sqrt(1 + 0.6275 z - 0.003375 z²) for z <= 50, else
      0.032 z + 3.3;
    - length unknown: S (1 - x), which is 2 S least / D, Barlow's formula for the least wall.

    M is at least 1, so no pressure exceeds 2 S t / D, Barlow's formula for the wall beside the area. Where x > 0.8 the
    pressure is 0, whether the length is known or not.

    Parameters
    ----------
    general_mm : general wall left beside the corroded area, such as in each history in one year: neither the nominal
        wall nor that when new, but without the metal lost all over, on either face.
    least_mm : least wall left in the corroded area; equal to `general_mm` where the pipe thins evenly.
    length_mm : length of the area along the pipe; None if it was not measured. The three broadcast.
    outside_mm : outside diameter.
    flow_mpa : flow stress, such as `flow_stress_mpa` gives.
    method : "original" or "modified".

    Raises
    ------
    InputError
        An unknown method; a diameter or stress that is not positive; a wall that is negative, no number, or half of the
        diameter and more; a least wall above the general one; or a negative length.
    """
    if method not in ("original", "modified"):
        raise InputError(f"B31G method {method!r}: choose original or modified")
    general, least = np.broadcast_arrays(np.asarray(general_mm, dtype=float), np.asarray(least_mm, dtype=float))
    if not ((general >= 0) & (least >= 0)).all():
        raise InputError("B31G: `general_mm` and `least_mm`: wall left must be at least 0")
    if not (least <= general + NEGLIGIBLE_MM).all():
        raise InputError("B31G: `least_mm` above `general_mm`: the least wall left cannot exceed the wall beside it")
    if not (np.isfinite(outside_mm) and (outside_mm > 2 * general).all()):
        raise InputError(f"B31G: `outside_mm` {outside_mm:g}: must exceed twice the wall of {general.max():g} mm")
    if not (np.isfinite(flow_mpa) and flow_mpa > 0):
        raise InputError(f"B31G: `flow_mpa` {flow_mpa:g}: must be positive")
    wall = np.where(general > NEGLIGIBLE_MM, general, 1.0)  # no wall, any value: the pressure is next to 0
    share = np.maximum(general - least, 0) / wall
    if length_mm is None:
        left = 1 - share
    else:
        length = np.asarray(length_mm, dtype=float)
        if not (np.isfinite(length) & (length >= 0)).all():
            raise InputError("B31G: `length_mm`: the length of a corroded area must be at least 0")
        left = _left(share, length**2 / (outside_mm * wall), method)
    return np.asarray(np.where(share <= DEEPEST, 2 * flow_mpa * general / outside_mm * left, 0.0))


def allowable_mpa(failure_mpa: ArrayLike, safety_factor: float) -> NDArray[Any]:
    """Return the pressure that a safety factor permits, MPa: failure pressure / factor.

    The factor is stated by whoever answers for the pipe: the code of the pipeline, such as 1/0.72 = 1.39 where it
    was designed to 72 % of its yield strength. It is not a pressure at which equipment attached to the pipe may work.

    Raises
    ------
    InputError
        The factor is below 1 or no finite number.
    """
    if not (np.isfinite(safety_factor) and safety_factor >= 1):
        raise InputError(f"`safety_factor` {safety_factor:g}: must be at least 1")
    return np.asarray(np.asarray(failure_mpa, dtype=float) / safety_factor)


def _left(share: NDArray[Any], z: NDArray[Any], method: Method) -> NDArray[Any]:
    """Return the share of strength left from the depth over the wall and z = L² / (D t)."""
    if method == "original":
        return np.where(z <= LONG_ORIGINAL, _folias(2 / 3 * share, np.sqrt(1 + 0.8 * z)), 1 - share)
    short = np.sqrt(1 + 0.6275 * z - 0.003375 * np.minimum(z, LONG_MODIFIED) ** 2)
    return _folias(0.85 * share, np.where(z <= LONG_MODIFIED, short, 0.032 * z + 3.3))


def _folias(lost: NDArray[Any], bulge: NDArray[Any]) -> NDArray[Any]:
    """Return (1 - A) / (1 - A / M): A, `lost`, is the lost share of the section and M, `bulge`, Folias' factor."""
    return np.asarray((1 - lost) / (1 - lost / bulge))
