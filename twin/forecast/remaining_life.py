"""Remaining life and inspection intervals by the rules of the API codes for vessels and piping.

References
----------
API 510, Pressure vessel inspection code, and API 570, Piping inspection code: thickness is measured (a vessel inspected
inside) after half the remaining life, and no later than a bound; it is looked at from outside by another bound. As
public guides to them say, for the codes are not public.
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError

Rule = Literal["api510", "api570-class1", "api570-class2", "api570-class3"]
MOST_YEARS = {"api510": 10.0, "api570-class1": 5.0, "api570-class2": 10.0, "api570-class3": 10.0}
MOST_YEARS_UNSEEN = {"api510": 5.0, "api570-class1": 5.0, "api570-class2": 5.0, "api570-class3": 10.0}
SHORT_LIFE_YEARS = 4.0  # API 510: with less left, all of it
SHORT_LIFE_MOST_YEARS = 2.0  # but no more than this


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
    required_mm : inf is returned where it is not reached.
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


def interval_years(life_years: float, rule: Rule) -> float:
    """Return the longest time until thickness is measured: half the remaining life, at most the rule's bound.

    By API 510, with less than four years left: all that is left, at most two years.

    Raises
    ------
    InputError
        An unknown rule, or a life that is negative or no number.
    """
    if rule not in MOST_YEARS:
        raise InputError(f"rule {rule!r}: choose from {', '.join(get_args(Rule))}")
    if not life_years >= 0:
        raise InputError(f"remaining life of {life_years} years: must be at least 0")
    if rule == "api510" and life_years < SHORT_LIFE_YEARS:
        return min(life_years, SHORT_LIFE_MOST_YEARS)
    return min(life_years / 2, MOST_YEARS[rule])


def visual_years(measured_years: float, rule: Rule) -> float:
    """Return the longest time to the next external visual inspection, which is the rule's bound.

    By API 510 no longer than `measured_years`, the time until thickness is measured.
    """
    return min(MOST_YEARS_UNSEEN[rule], measured_years) if rule == "api510" else MOST_YEARS_UNSEEN[rule]
