"""Prior distribution of the growth parameters, by corrosivity category and coating."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms import seawater
from corrotwin.twin.model.coating import SPEED_MM, Zinc
from corrotwin.twin.model.exposure import CATEGORIES, bounds_um, category_of, category_um
from corrotwin.twin.twin_state import TwinState


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Prior standard deviations of an asset's growth parameters: of logarithms, except for `exponent`.

    Rate and front have two each, below and above the median, since steps between categories are unequal (a split
    log-normal, see `split`).

    Parameters
    ----------
    rate : loss over that of the corrosivity category: 0.3 within a category and 0.7 for an estimate that is one
        category off, together 0.75. This holds for C3 to C5; `prior_of` covers all.
    exponent : exponent of time. ISO 9224 gives a mean of 0.523, and 0.575 as mean plus two standard deviations.
        Published series of up to 16 years do not confirm so small a scatter: theirs is 0.29 from site to site
        (`twin.calibration.published`). Kept within `EXPONENTS`.
    delay : delay of every start of corrosion: life of the paint and time that rust takes to creep, or life of the zinc.
    front : speed of rust under paint at the same delay: 0.5 set by eye, 0.4 for a category more or less.
    defects : number of the paint's defects.
    pits : depth of pits over uniform loss.
    new : thickness when new over nominal, of each piece of metal. A seamless pipe may be up to 12.5 % too thin
        anywhere (ASTM A106, A530), which is three of these deviations; plates of 8 to 15 mm may be delivered 0.5 mm too
        thin and 1.2 mm too thick (EN 10029, class A).
    measured_rate : rate of a mechanism over the expected one, upwards, where thickness was read, so that a law never
        lowers what was measured. As wide as for an unknown process fluid (`twin.mechanisms.process`).
    place_spread : variation of a mechanism's rate from place to place: the standard deviation of its logarithm, given
        by median and log standard deviation. Readings at several places inform it. Set by judgement.
    rate_drift : change of a mechanism's rate with time: the standard deviation of the change in a year, over the rate,
        given by median and log standard deviation; once for all places together, and again for each place by itself.
        It grows with the square root of time. Readings in several years inform it. Set by judgement.
    """

    rate: tuple[float, float] = (0.75, 0.75)
    exponent: float = 0.29
    delay: float = 0.35
    front: tuple[float, float] = (0.65, 0.65)
    defects: float = 0.4
    pits: float = 0.3
    new: float = 0.045
    measured_rate: float = 1.2
    place_spread: tuple[float, float] = (0.15, 0.5)
    rate_drift: tuple[float, float] = (0.04, 1.0)

    def __post_init__(self) -> None:
        spreads = (
            *self.rate, self.exponent, self.delay, *self.front, self.defects, self.pits, self.new, self.measured_rate,
            *self.place_spread, *self.rate_drift,
        )  # fmt: skip
        if not all(0 <= spread < 3 for spread in spreads):
            raise InputError(f"prior {spreads}: standard deviations must be from 0 to 3")


EXPONENTS = (0.2, 1.0)  # of time; 1 is a constant rate


# For a corrosivity category that was measured on specimens (ISO 9226), not estimated.
CATEGORY_MEASURED = Prior(rate=(0.3, 0.3), front=(0.5, 0.5))
# Categories for which these two priors hold; the others are wider, or farther from their neighbours.
NARROW = ("C3", "C4", "C5")
# Delay of zinc: one category more or less changes the logarithm of its life by 0.8 to 1.1.
ZINC_DELAY, ZINC_DELAY_MEASURED = 0.85, 0.4


def prior_of(twin: TwinState, *, measured: bool) -> Prior:
    """Return the prior of an asset, by its corrosivity category and coating.

    Parameters
    ----------
    twin : the most corrosive of its places counts; a climate counts as the category that it corresponds to.
    measured : whether the category was measured on specimens (ISO 9226) rather than estimated.
    """
    usual = CATEGORY_MEASURED if measured else Prior()
    category = category_of(float(twin.exposure.first_year_um().max()))
    rate, front, delay = usual.rate, usual.front, usual.delay
    if category not in NARROW:
        low, high = bounds_um(category)
        within = max(CATEGORY_MEASURED.rate[0], float(np.log(high / low) / np.sqrt(12)))  # uniform within the category
        down, up = (0, 0) if measured else _steps(category, {name: category_um(name) for name in CATEGORIES})
        rate = max(within, down), max(within, up)
        if not measured:
            down, up = np.hypot(CATEGORY_MEASURED.front, _steps(category, SPEED_MM)).tolist()
            front = max(front[0], down), max(front[1], up)
    if any(period.splash_m is not None for period in twin.exposure.periods):
        rate = rate[0], max(rate[1], seawater.SPREAD)
    if isinstance(twin.coating, Zinc):
        delay = max(delay, ZINC_DELAY_MEASURED if measured else ZINC_DELAY)
    return replace(usual, rate=rate, front=front, delay=delay)


def _steps(category: str, values: Mapping[str, float]) -> tuple[float, float]:
    """Return the log steps from the middle of a category to those of its lower and upper neighbours; 0 without one."""
    number, last = CATEGORIES.index(category), len(CATEGORIES) - 1
    below, here, above = (values[CATEGORIES[min(max(index, 0), last)]] for index in (number - 1, number, number + 1))
    return float(np.log(here / below)), float(np.log(above / here))


def split(normal: NDArray[np.floating[Any]], spread: tuple[float, float]) -> NDArray[Any]:
    """Return split log-normal factors of median 1 from standard normal numbers of the same shape.

    Parameters
    ----------
    normal : any shape and precision.
    spread : standard deviations of the logarithm, below and above.
    """
    below, above = np.asarray(spread, dtype=normal.dtype)
    return np.asarray(np.exp(np.where(normal < 0, below, above) * normal))
