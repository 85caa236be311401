"""Monte Carlo error of the results that decisions rest on: the spread of independent runs of one calculation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from corrotwin.twin.geometry.atlas import Floats

LEFT_MM, LEFT_SHARE = 0.1, 0.02  # greatest error of the P5 of thickness: mm, or share of the nominal
CHANCE = 0.02  # greatest error of a chance
LIFE_YEARS, LIFE_SHARE = 1.0, 0.1  # greatest error of the P5 of remaining life: years, or share of it


@dataclass(frozen=True, kw_only=True)
class MonteCarloError:
    """Standard errors by the difference of independent runs; None where there is nothing to judge.

    Parameters
    ----------
    runs : number of runs.
    left_mm : of the P5 of the least thickness left, now or at the end of the years shown, the greater.
    chance : of the chance to be below the required thickness at the end of the years shown.
    life_years : of the P5 of remaining life; 0 if it lies beyond the years examined in all runs.
    within : whether all are within their bounds.
    """

    runs: int
    left_mm: float
    chance: float | None
    life_years: float | None
    within: bool


def standard_error(values: Floats, runs: int, estimate: Callable[[Floats], float], *, most: float = np.inf) -> float:
    """Return the standard error of an estimate from n values, by its difference between runs.

    Parameters
    ----------
    values : (n,), run after run.
    runs : number of runs, at least 2, of n / runs values each.
    estimate : function of the values of a run.
    most : greater estimates count as this.
    """
    estimates = np.array([min(estimate(part), most) for part in np.split(values, runs)])
    return float(estimates.std(ddof=1) / np.sqrt(runs))


def p5(values: Floats) -> float:
    """Return the 5th percentile of (n,) values; it is one of them."""
    return float(np.percentile(values, 5, method="closest_observation"))


def judge(
    runs: int, left_mm: Floats, nominal_mm: float, below: Floats | None, life_years: Floats | None, ahead_years: float
) -> MonteCarloError:
    """Return the errors of an asset's least thickness, chance below required and remaining life.

    Parameters
    ----------
    runs : number of independent runs, of n / runs histories each.
    left_mm : (n, 2) in each history, now and at the end of the years shown.
    below, life_years : (n,) in each history; None without a requirement.
    nominal_mm : thickness when new.
    ahead_years : years that were examined.
    """
    left = max(standard_error(values, runs, p5) for values in left_mm.T)
    chance = None if below is None else standard_error(below, runs, lambda part: float(part.mean()))
    life, bound = None, 0.0
    if life_years is not None:
        life = standard_error(life_years, runs, p5, most=ahead_years)
        bound = max(LIFE_YEARS, LIFE_SHARE * min(p5(life_years), ahead_years))
    within = left <= max(LEFT_MM, LEFT_SHARE * nominal_mm) and (chance or 0.0) <= CHANCE and (life or 0.0) <= bound
    return MonteCarloError(runs=runs, left_mm=left, chance=chance, life_years=life, within=bool(within))
