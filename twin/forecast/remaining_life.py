"""Remaining life and inspection intervals by the rules of the API codes for vessels and piping.

References
----------
API 510, Pressure vessel inspection code, and API 570, Piping inspection code: thickness is measured (a vessel inspected
inside) after half the remaining life, and no later than a bound; the outside is inspected by another bound. The
codes are not public; their rules were read in public sources that quote them:

- Table 1 of API 570 (5 and 5, 10 and 5, 10 and 10 years for classes 1, 2 and 3; class 4 optional): San Joaquin County,
  https://lfweb.sjgov.org/EHD/0/doc/439397/Page21.aspx. Injection points (3 years) and soil-to-air interfaces (no bound
  of their own, looked at by class): a question sheet, https://www.stuvia.com/doc/7573359.
- API 510, 6.4.1 and 6.5.1 (half the life or 10 years; from outside 5 years, and no later than that): a calculation
  sheet, https://pdfcoffee.com/api-510-corr-rate-amp-rem-life-cal-pdf-free.html, and a table of intervals,
  https://www.scribd.com/document/604060692.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError

Rule = Literal["api510", "api570-class1", "api570-class2", "api570-class3"]
MOST_YEARS = {"api510": 10.0, "api570-class1": 5.0, "api570-class2": 10.0, "api570-class3": 10.0}
MOST_YEARS_UNSEEN = {"api510": 5.0, "api570-class1": 5.0, "api570-class2": 5.0, "api570-class3": 10.0}
MOST_YEARS_INJECTION = 3.0  # API 570, injection points of any class


def check_required(required: Mapping[str, float]) -> None:
    """Refuse a required thickness, mm by zone, that is not above 0.

    Raises
    ------
    InputError
        A thickness is not above 0 or not finite.
    """
    for zone, mm in required.items():
        if not 0 < mm < math.inf:
            raise InputError(f"`required` {zone}={mm:g}: give a thickness in mm above 0")


def remaining_life_years(actual_mm: ArrayLike, required_mm: ArrayLike, rate_mm_year: ArrayLike) -> NDArray[Any]:
    """Return (actual - required thickness) / rate: 0 where it is spent, inf where nothing is lost."""
    spare = np.maximum(np.asarray(actual_mm, dtype=float) - required_mm, 0)
    rate = np.asarray(rate_mm_year, dtype=float)
    spare, rate = np.broadcast_arrays(spare, rate)
    life = np.full(spare.shape, np.inf)
    np.divide(spare, rate, out=life, where=rate > 0)
    return np.where(spare > 0, life, 0.0)


def years_until_below(left_mm: ArrayLike, required_mm: float, years: ArrayLike) -> NDArray[Any]:
    """Return when a thickness that never grows falls to the required one, (n,): linear between the years.

    Parameters
    ----------
    left_mm : (n, T).
    required_mm : required thickness; the result is inf where it is not reached.
    years : (T,) increasing.
    """
    spare, when = np.asarray(left_mm, dtype=float) - required_mm, np.asarray(years, dtype=float)
    spent = spare <= 0
    after = np.argmax(spent, axis=1)  # the first of them
    before = np.maximum(after - 1, 0)
    row = np.arange(len(spare))
    lost = np.maximum(spare[row, before] - spare[row, after], 1e-12)
    passed = when[before] + (when[after] - when[before]) * np.clip(spare[row, before] / lost, 0, 1)
    return np.where(spent.any(axis=1), passed, np.inf)


def interval_years(life_years: float, rule: Rule, *, injection_point: bool = False) -> float:
    """Return the longest time until thickness is measured: half the remaining life, at most the rule's bound.

    With less than four years left both codes allow the full life, up to two years. That is for a person who
    knows the process; it is not used here, where the life may be a percentile or rest on two readings.

    Parameters
    ----------
    life_years : remaining life, from the day of the last measurement; inf where nothing is lost.
    rule : code, and for piping the class of the circuit. Class 4, for which the code leaves measurements open, is not
        offered. A soil-to-air interface has no bound of its own: it goes by its class.
    injection_point : the place is an injection point of process piping, whose bound is three years.

    Raises
    ------
    InputError
        An unknown rule, a life that is negative or no number, or an injection point of a vessel.
    """
    if rule not in MOST_YEARS:
        raise InputError(f"rule {rule!r}: choose from {', '.join(get_args(Rule))}")
    if not life_years >= 0:
        raise InputError(f"remaining life of {life_years} years: must be at least 0")
    if injection_point and rule == "api510":
        raise InputError(
            "`injection_point` applies only to piping: choose `rule` api570-class1, api570-class2 or api570-class3"
        )
    bound = min(MOST_YEARS[rule], MOST_YEARS_INJECTION) if injection_point else MOST_YEARS[rule]
    return min(life_years / 2, bound)


def visual_years(measured_years: float, rule: Rule) -> float:
    """Return the longest time to the next external visual inspection, which is the rule's bound.

    By API 510 it is no longer than `measured_years`, the time until thickness is measured.
    """
    return min(MOST_YEARS_UNSEEN[rule], measured_years) if rule == "api510" else MOST_YEARS_UNSEEN[rule]
