"""Corrosion rates, remaining life and next dates of a condition monitoring location (CML) by API 510 and 570.

References
----------
API 570, 7.1.1 and 7.2, and API 510, 7.1.1 and 7.2.1. The codes are not public; they were read in public sources:

- long- and short-term rate, that the two are compared for the shortest life, and that the inspector selects, with a
  corrosion specialist, the one that best reflects the current process: API 570, page 45, at
  https://fliphtml5.com/nkppv/oldl/API_570_code/53; API 510 in the sheet that `remaining_life` names;
- one survey in a service of which nothing is known, measured again within three months (7.1.2 c): question 1 of
  https://melakarnets.com/proxy/index.php?q=https%3A%2F%2Fwww.scribd.com%2Fdocument%2F339640286;
- that the rate is usually the greater of both: https://www.scribd.com/document/803087899;
- several readings on one day: Health and Safety Executive, "Guidelines for use of statistics for analysis of sample
  inspection of corrosion", 5.3.1: the greatest loss of the last inspection less the least loss of the one before "will,
  in most cases, lead to a conservative estimate" of the rate.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.remaining_life import Rule, interval_years, remaining_life_years, visual_years

RateBasis = Literal["long-term", "short-term"]
# Least time between the two surveys of a short-term rate, where there are such; by judgement. 365 days count as a year,
# although it has 365.25; the half day is for rounding.
LEAST_APART_YEARS = 364.5 / 365.25
ONE_SURVEY_YEARS = 0.25  # after which one survey of an unknown service is followed by another (API 570, 7.1.2 c)
# By judgement, readings within 75 days belong to one survey if they show no loss; the second survey after those three
# months counts as another, even a fortnight early.
LONGEST_SURVEY_YEARS = 75.5 / 365.25


@dataclass(frozen=True, kw_only=True)
class CmlRates:
    """Rates, remaining life and dates of a CML by the API codes; dates are in years, as those of its readings.

    Parameters
    ----------
    initial_at, previous_at, actual_at : days of the first survey, of the latest one at least `LEAST_APART_YEARS` before
        the last (else of the first), and of the last; `previous_at` and all rates are None if there was only one.
    initial_mm, previous_mm : greatest reading of that day.
    actual_mm : least reading up to the last day, since a wall does not grow.
    required_mm : required thickness.
    long_term_mm_year, short_term_mm_year : loss per year since the first and since the previous survey.
    long_term_life_years, short_term_life_years : remaining life by each, from `actual_at`; inf where nothing is lost.
    basis : rate that governs: the one with the shorter life, or the one that `chosen_by` chose; None where there is
        none.
    chosen_by : person who chose the rate; empty where the shorter life governs.
    rate_mm_year, life_years : governing rate and life; a wall at or below the required thickness has no life left,
        whatever the rate. None if there is only one survey, above that thickness.
    half_life_at, retire_at : when half of that life and all of it are over.
    measure_at : latest day for the next thickness measurement: `half_life_at`, or the bound of the rule if that comes
        first or there is no life.
    look_at : latest day for the next external visual inspection if the last was at `actual_at`.
    grew_mm : greatest increase of the mean reading from one survey to the next, beyond what the scatter of the gauge
        explains; 0 where there is none. Such a reading is suspect: another place, another instrument or setting, or a
        repair.
    surveys, readings : how many days and readings there are.
    """

    initial_at: float
    initial_mm: float
    previous_at: float | None
    previous_mm: float | None
    actual_at: float
    actual_mm: float
    required_mm: float
    long_term_mm_year: float | None
    short_term_mm_year: float | None
    long_term_life_years: float | None
    short_term_life_years: float | None
    basis: RateBasis | None
    chosen_by: str
    rate_mm_year: float | None
    life_years: float | None
    half_life_at: float | None
    retire_at: float | None
    measure_at: float
    look_at: float
    grew_mm: float
    surveys: int
    readings: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks for a reader of the numbers, a sentence each."""
        lines = []
        if self.actual_mm <= self.required_mm:
            lines.append("the wall is at or below the required thickness")
        elif self.rate_mm_year is None:
            lines.append(
                "one survey gives no rate: take one from similar service, or measure again within three months"
            )
        if self.grew_mm > 0:
            lines.append(f"a later survey reads {self.grew_mm:.2f} mm thicker: the least reading so far counts")
        if self.surveys > 1 and self.rate_mm_year == 0:
            lines.append("no loss was measured: the interval is the longest that the code allows")
        if self.chosen_by:
            longer = (self.life_years or 0) > min(self.long_term_life_years or 0, self.short_term_life_years or 0)
            remark = ", which does not give the shorter life" if longer else ""
            lines.append(f"{self.basis} rate chosen by {self.chosen_by}{remark}")
        return tuple(lines)


def cml_rates(
    years: ArrayLike,
    wall_mm: ArrayLike,
    *,
    required_mm: float,
    rule: Rule,
    injection_point: bool = False,
    scatter_mm: float = 0.0,
    basis: RateBasis | None = None,
    chosen_by: str = "",
) -> CmlRates:
    """Return rates, remaining life and next dates of a CML from its thickness readings.

    Rates are never negative. Of several readings on one day the greatest counts as the wall from which metal was lost,
    and the least as what is left. Surveys less than a year apart differ mostly by the scatter of the gauge: for the
    short-term rate the latest one at least a year before the last counts, if there is one. A nominal thickness given as
    the first reading makes the long-term rate too low where the pipe was delivered thicker than nominal.

    Parameters
    ----------
    years : (n,) days of the readings, in years after any one day, in any order.
    wall_mm : (n,) readings that count; suspect ones are left out until someone accepts them.
    required_mm : required thickness, the greater of that for pressure and the structural minimum.
    rule, injection_point : as `interval_years` accepts them.
    scatter_mm : standard deviation of a reading; a wall counts as grown beyond three of those of a difference.
    basis : rate that a person chose in place of the shorter life, which governs otherwise.
    chosen_by : name of that person; needed with `basis`.

    Raises
    ------
    InputError
        No readings, or not one day for each; a negative wall; a required thickness that is not positive; a chosen
        rate without a name, or a name without one; a rate chosen where one survey gives none; or an unknown rule.
    """
    days, wall = _checked(years, wall_mm)
    if not (np.isfinite(required_mm) and required_mm > 0):
        raise InputError(f"`required_mm` {required_mm:g}: must be positive")
    name = chosen_by.strip()
    if (basis is not None) != bool(name):
        raise InputError("`basis` and `chosen_by`: a rate is chosen by a named person; give both, or neither")
    at = np.unique(days)
    if basis is not None and not gives_rate(days, wall):
        raise InputError(f"`basis` {basis}: readings of one survey give no rate to choose")
    greatest = [float(wall[days == day].max()) for day in at]
    grew = float(np.diff([wall[days == day].mean() for day in at]).max(initial=0.0))
    now, actual = float(at[-1]), float(wall.min())
    before = max(int(np.searchsorted(at, now - LEAST_APART_YEARS, side="right")) - 1, 0)
    rates: dict[RateBasis, float] = {}
    if gives_rate(days, wall):
        rates["long-term"] = max(greatest[0] - actual, 0.0) / (now - float(at[0]))
        rates["short-term"] = max(greatest[before] - actual, 0.0) / (now - float(at[before]))
    lives = {kind: float(remaining_life_years(actual, required_mm, rate)) for kind, rate in rates.items()}
    governing: RateBasis | None = basis
    if lives and basis is None:
        governing = "short-term" if lives["short-term"] < lives["long-term"] else "long-term"
    life = lives[governing] if governing is not None else 0.0 if actual <= required_mm else None
    interval = interval_years(np.inf if life is None else life, rule, injection_point=injection_point)
    return CmlRates(
        initial_at=float(at[0]),
        initial_mm=greatest[0],
        previous_at=float(at[before]) if rates else None,
        previous_mm=greatest[before] if rates else None,
        actual_at=now,
        actual_mm=actual,
        required_mm=float(required_mm),
        long_term_mm_year=rates.get("long-term"),
        short_term_mm_year=rates.get("short-term"),
        long_term_life_years=lives.get("long-term"),
        short_term_life_years=lives.get("short-term"),
        basis=governing,
        chosen_by=name,
        rate_mm_year=None if governing is None else rates[governing],
        life_years=life,
        half_life_at=None if life is None else now + life / 2,
        retire_at=None if life is None else now + life,
        measure_at=now + interval,
        look_at=now + visual_years(interval, rule),
        grew_mm=grew if grew > 3 * np.sqrt(2) * scatter_mm else 0.0,
        surveys=len(at),
        readings=len(wall),
    )


def gives_rate(years: ArrayLike, wall_mm: ArrayLike) -> bool:
    """Return whether the readings of a place give a rate: two surveys do, an early repeat without loss does not.

    Any reading below all of the first day is a loss, though it may be scatter: the safe side.

    Parameters
    ----------
    years, wall_mm : (n,) as `cml_rates` accepts them.
    """
    days, wall = _checked(years, wall_mm)
    first = days == days.min()
    return float(np.ptp(days)) > LONGEST_SURVEY_YEARS or bool((wall[~first] < wall[first].min()).any())


def _checked(years: ArrayLike, wall_mm: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return days and readings as (n,) arrays of numbers."""
    days, wall = np.asarray(years, dtype=float), np.asarray(wall_mm, dtype=float)
    if days.ndim != 1 or days.shape != wall.shape or not len(days):
        raise InputError(
            f"`years` and `wall_mm` of shapes {days.shape} and {wall.shape}: give one day for each reading"
        )
    if not np.isfinite(days).all():
        raise InputError("`years`: the day of a reading is not a number")
    if not (np.isfinite(wall) & (wall >= 0)).all():  # 0 is a hole
        raise InputError("`wall_mm`: a thickness reading must be at least 0")
    return days, wall
