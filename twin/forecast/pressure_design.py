"""Required thickness and maximum allowable working pressure (MAWP): ASME B31.3, API 570 and 574, ASME VIII-1.

Allowable stress S, joint efficiency E, weld joint strength reduction factor W and coefficient Y are the user's, from
the code of construction at the design temperature. Pressures are gauge pressures with the static head. Thicknesses have
no corrosion allowance and no mill tolerance in them. Only internal pressure is considered: not vacuum, bending or
wind, nor the strength of flanges and branches.

References
----------
The codes are not public; their formulas were read in public sources that quote them.

- ASME B31.3-2016, 304.1.1 and 304.1.2: https://dnrweblink.state.co.us/DRMSSearch/0/doc/1336347/Page76.aspx;
  https://gpamidstreamcal.com/17/Pipethickness.html; for t >= D/6 an interpretation of the committee,
  https://www.eng-tips.com/viewthread.cfm?qid=498113.
- API 570, Annex C, "Two examples of the calculation of MAWP illustrating the use of the corrosion half-life concept":
  https://www.scribd.com/document/863206440; an older edition, https://scribd.com/document/402197923.
- API RP 574, default minimum structural thickness: two tables of AndrewTrepagnier/tmin on GitHub, for the editions of
  2009 (`tmin/tmin/tables/api_574_2009.py`) and 2024 (`tmin/tables/api_574_2024.py`), in inches, and a third program in
  mm, agree. A table by pressure class in the same repository (`api_574_2025.py`) does not, and was replaced there.
- ASME VIII-1, UG-27 and UG-32: https://fliphtml5.com/zroi/gnce/Mechanical_Engineering_hand_book/225/;
  https://www.scribd.com/document/290142378.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError

THICKEST = 1 / 6  # wall over outside diameter from which B31.3 asks for special consideration
HIGHEST = 0.385  # P / (S E) from which B31.3 and UG-27 do
MOST_Y = 0.7  # coefficient Y, greatest of Table 304.1.1
# API 574: outside diameter up to NPS 2, 3, 4, 18 and 24, mm, and thickness in inches and in mm. Sizes that the table
# leaves out go with the next larger one.
_STRUCTURAL = ((60.4, 0.07, 1.8), (89.0, 0.08, 2.0), (114.4, 0.09, 2.3), (457.3, 0.11, 2.8), (610.1, 0.12, 3.1))


@dataclass(frozen=True, kw_only=True)
class RequiredThickness:
    """Thickness that a wall must have, mm: the greater of that for pressure and the structural minimum."""

    pressure_mm: float
    structural_mm: float

    @property
    def required_mm(self) -> float:
        """The greater of both."""
        return max(self.pressure_mm, self.structural_mm)


def required_pipe_mm(
    pressure_mpa: float,
    *,
    outside_mm: float,
    stress_mpa: float,
    efficiency: float,
    y: float = 0.0,
    weld_reduction: float = 1.0,
) -> float:
    """Return the pressure design thickness of straight pipe by B31.3, 304.1.2, eq. (3a): P D / (2 (S E W + P Y)), mm.

    Y = 0 is Barlow's formula, P D / (2 S E W), which is never thinner. An elbow needs more at its intrados (304.2.1).

    Parameters
    ----------
    pressure_mpa : design pressure P.
    outside_mm : outside diameter D.
    stress_mpa, efficiency : allowable stress S and quality factor E, above 0 and at most 1.
    y : coefficient Y of Table 304.1.1, 0 to 0.7; 0.4 for ferritic steel up to 482 °C.
    weld_reduction : factor W, above 0 and at most 1; below 1 in the creep range.

    Raises
    ------
    InputError
        A value that is not positive or beyond these bounds; or a pipe so thick, or a pressure so high, that the formula
        does not hold.
    """
    strength = _strength(stress_mpa, efficiency, weld_reduction)
    _positive(pressure_mpa=pressure_mpa, outside_mm=outside_mm)
    _check_y(y)
    thickness = pressure_mpa * outside_mm / (2 * (strength + pressure_mpa * y))
    if thickness >= THICKEST * outside_mm or pressure_mpa > HIGHEST * strength:
        raise InputError(
            f"`pressure_mpa` {pressure_mpa:g}: wall at least a sixth of the diameter, or P above 0.385 S E; "
            "B31.3 then requires special consideration; have the thickness calculated"
        )
    return float(thickness)


def structural_minimum_mm(outside_mm: float) -> float:
    """Return the default minimum structural thickness of carbon and low-alloy steel pipe by API RP 574, mm.

    The table goes by outside diameter, up to NPS 24 and 205 °C. Heavy valves, long spans and threads need more, which
    an engineer calculates.

    Raises
    ------
    InputError
        The diameter is not positive, or above NPS 24, where the table ends.
    """
    _positive(outside_mm=outside_mm)
    for most, inches, millimetres in _STRUCTURAL:
        if outside_mm <= most:
            return max(25.4 * inches, millimetres)  # the two units of the table round apart
    raise InputError(f"`outside_mm` {outside_mm:g}: API 574 lists pipe up to NPS 24; state the structural minimum")


def pipe_mawp_mpa(
    wall_mm: ArrayLike,
    *,
    outside_mm: float,
    stress_mpa: float,
    efficiency: float,
    y: float = 0.0,
    weld_reduction: float = 1.0,
) -> NDArray[Any]:
    """Return the MAWP of straight pipe by B31.3, eq. (3a) solved for P: 2 S E W t / (D - 2 Y t), MPa.

    Y = 0 is Barlow's formula, 2 S E W t / D, by which API 570 calculates its examples and which is never higher. A wall
    beyond a sixth of the diameter is credited as a sixth. What flanges, branches and the original design pressure allow
    may be less, and then governs.

    Parameters
    ----------
    wall_mm : wall left, any shape, at least 0; for the MAWP up to the next inspection that of `wall_for_mawp_mm`.
    outside_mm, stress_mpa, efficiency, y, weld_reduction : as for `required_pipe_mm`.

    Raises
    ------
    InputError
        A value that is not positive or out of its bounds, or a negative wall.
    """
    strength = _strength(stress_mpa, efficiency, weld_reduction)
    _positive(outside_mm=outside_mm)
    _check_y(y)
    wall = np.asarray(wall_mm, dtype=float)
    if not (np.isfinite(wall) & (wall >= 0)).all():
        raise InputError("`wall_mm`: wall left must be at least 0")
    credited = np.minimum(wall, THICKEST * outside_mm)
    return np.asarray(2 * strength * credited / (outside_mm - 2 * y * credited))


def wall_for_mawp_mm(actual_mm: ArrayLike, rate_mm_year: ArrayLike, interval_years: ArrayLike) -> NDArray[Any]:
    """Return the wall for the MAWP, mm: as measured, less twice the loss expected until the next inspection.

    API 570, Annex C: the corrosion half-life concept. At least 0.

    Parameters
    ----------
    actual_mm : wall measured, such as `CmlRates.actual_mm`.
    rate_mm_year : corrosion rate, at least 0.
    interval_years : from that measurement to the next planned inspection.

    Raises
    ------
    InputError
        A negative wall, rate or interval.
    """
    actual, rate, interval = (np.asarray(values, dtype=float) for values in (actual_mm, rate_mm_year, interval_years))
    for name, values in (("actual_mm", actual), ("rate_mm_year", rate), ("interval_years", interval)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise InputError(f"`{name}`: must be at least 0")
    return np.asarray(np.maximum(actual - 2 * rate * interval, 0))


def required_shell_mm(pressure_mpa: float, *, inside_radius_mm: float, stress_mpa: float, efficiency: float) -> float:
    """Return the required thickness of a cylindrical shell by UG-27(c)(1): P R / (S E - 0.6 P), mm.

    The longitudinal joint governs unless the circumferential one has less than half its efficiency; give the least.

    Parameters
    ----------
    pressure_mpa : internal design pressure P, up to 0.385 S E.
    inside_radius_mm : R of the corroded shell: R when new plus the loss inside.
    stress_mpa, efficiency : maximum allowable stress S and joint efficiency E.

    Raises
    ------
    InputError
        A value that is not positive or beyond these bounds.
    """
    strength = _strength(stress_mpa, efficiency)
    _positive(pressure_mpa=pressure_mpa, inside_radius_mm=inside_radius_mm)
    _check_pressure(pressure_mpa, strength, "UG-27")
    return float(pressure_mpa * inside_radius_mm / (strength - 0.6 * pressure_mpa))


def required_ellipsoidal_head_mm(
    pressure_mpa: float, *, inside_mm: float, stress_mpa: float, efficiency: float
) -> float:
    """Return the required thickness of a 2:1 ellipsoidal head by UG-32: P D / (2 S E - 0.2 P), mm.

    A head with t / L below 0.002 (L = 0.9 D) must also meet Mandatory Appendix 1-4(f), which is not included here.

    Parameters
    ----------
    pressure_mpa : internal design pressure P, up to 0.385 S E.
    inside_mm : inside diameter D of the skirt, corroded.
    stress_mpa, efficiency : as for `required_shell_mm`; least efficiency of any joint in the head.

    Raises
    ------
    InputError
        A value that is not positive or beyond these bounds.
    """
    strength = _strength(stress_mpa, efficiency)
    _positive(pressure_mpa=pressure_mpa, inside_mm=inside_mm)
    _check_pressure(pressure_mpa, strength, "UG-32")
    return float(pressure_mpa * inside_mm / (2 * strength - 0.2 * pressure_mpa))


def required_torispherical_head_mm(
    pressure_mpa: float, *, crown_radius_mm: float, stress_mpa: float, efficiency: float
) -> float:
    """Return the required thickness of a torispherical head by UG-32: 0.885 P L / (S E - 0.1 P), mm.

    For a head with a knuckle radius of 6 % of its crown radius L; sharper knuckles are not allowed, blunter ones need
    less. The bounds and the remark on thin heads are those of `required_ellipsoidal_head_mm`.
    """
    strength = _strength(stress_mpa, efficiency)
    _positive(pressure_mpa=pressure_mpa, crown_radius_mm=crown_radius_mm)
    _check_pressure(pressure_mpa, strength, "UG-32")
    return float(0.885 * pressure_mpa * crown_radius_mm / (strength - 0.1 * pressure_mpa))


def _strength(stress_mpa: float, efficiency: float, weld_reduction: float = 1.0) -> float:
    """Return S E W, MPa."""
    _positive(stress_mpa=stress_mpa)
    for name, value in (("efficiency", efficiency), ("weld_reduction", weld_reduction)):
        if not 0 < value <= 1:
            raise InputError(f"`{name}` {value:g}: must be above 0 and at most 1")
    return stress_mpa * efficiency * weld_reduction


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"`{name}` {value:g}: must be positive")


def _check_y(y: float) -> None:
    if not 0 <= y <= MOST_Y:
        raise InputError(f"`y` {y:g}: the coefficient Y of B31.3 must be 0 to {MOST_Y}")


def _check_pressure(pressure_mpa: float, strength_mpa: float, rule: str) -> None:
    if pressure_mpa > HIGHEST * strength_mpa:
        raise InputError(
            f"`pressure_mpa` {pressure_mpa:g}: {rule} applies up to 0.385 S E, here {HIGHEST * strength_mpa:.3g}; "
            "have the thickness calculated"
        )
