"""How corrosive a place is to a metal, and how much metal that costs over the years.

References
----------
ISO 9223:2012, Corrosivity of atmospheres: classification (categories, dose-response functions).
ISO 9224:2012, Corrosivity of atmospheres: guiding values (loss after t years).
EN 1993-5:2007, Table 4-2 (sea water, zone of high attack: 0.55 mm in 5 years, 1.90 mm in 25, 3.75 mm in 50).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError

CATEGORIES = ("C1", "C2", "C3", "C4", "C5", "CX")
LINEAR_AFTER_YEARS = 20.0
MOST_DEBRIS = 100.0


@dataclass(frozen=True, kw_only=True)
class Metal:
    """What ISO 9223 and ISO 9224 say of a metal.

    Parameters
    ----------
    upper_um : upper bounds of the first-year loss in the six categories, µm.
    sulphur, salt : coefficients of the two terms of the dose-response function.
    cold, warm : temperature coefficient of the first term up to 10 °C and above.
    exponent : of time.
    """

    upper_um: tuple[float, float, float, float, float, float]
    sulphur: tuple[float, float, float]
    cold: float
    warm: float
    salt: tuple[float, float, float, float]
    exponent: float


METALS = {
    "steel": Metal(
        upper_um=(1.3, 25, 50, 80, 200, 700),
        sulphur=(1.77, 0.52, 0.020), cold=0.150, warm=-0.054, salt=(0.102, 0.62, 0.033, 0.040),
        exponent=0.523,
    ),
    "zinc": Metal(
        upper_um=(0.1, 0.7, 2.1, 4.2, 8.4, 25),
        sulphur=(0.0129, 0.44, 0.046), cold=0.038, warm=-0.071, salt=(0.0175, 0.57, 0.008, 0.085),
        exponent=0.813,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Climate:
    """Annual means that the dose-response functions of ISO 9223 take, within the ranges they were fitted on."""

    temperature_c: float  # -17.1 to 28.7
    humidity_percent: float  # relative, 34 to 93
    so2_mg_m2_d: float  # deposition of sulphur dioxide, 0.7 to 150.4
    chloride_mg_m2_d: float  # deposition of chloride, 0.4 to 760.5

    def __post_init__(self) -> None:
        ranges = {
            "temperature_c": (-17.1, 28.7),
            "humidity_percent": (34.0, 93.0),
            "so2_mg_m2_d": (0.7, 150.4),
            "chloride_mg_m2_d": (0.4, 760.5),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(
                    f"climate {name} {getattr(self, name)}: ISO 9223's function holds from {low} to {high}"
                )


@dataclass(frozen=True, kw_only=True)
class Period:
    """A stay at one place: from so many years after the asset was built until the next period.

    Parameters
    ----------
    from_years : when it begins.
    category, climate : how corrosive it is: an ISO 9223 category, or a climate; exactly one of both.
    splash_m : heights above the asset's lowest point, from and to, between which sea water splashes; or None.
    debris : times as many defects of a paint on ledges, where dirt and water lie (`twin.model.deposits`); 1 where none
        does.
    """

    from_years: float = 0.0
    category: str | None = None
    climate: Climate | None = None
    splash_m: tuple[float, float] | None = None
    debris: float = 1.0

    def __post_init__(self) -> None:
        if (self.category is None) == (self.climate is None):
            raise InputError("exposure: give either a category or a climate")
        if self.category is not None and self.category not in CATEGORIES:
            raise InputError(f"unknown corrosivity category {self.category!r}; choose from {', '.join(CATEGORIES)}")
        if not (np.isfinite(self.from_years) and self.from_years >= 0):
            raise InputError(f"exposure from year {self.from_years}: must be a number, at least 0")
        if self.splash_m is not None and not 0 <= self.splash_m[0] < self.splash_m[1] < np.inf:
            raise InputError(f"exposure splash_m {self.splash_m}: give two heights in metres, the lower first")
        if not 1 <= self.debris <= MOST_DEBRIS:
            raise InputError(f"exposure debris {self.debris}: give a factor from 1 to {MOST_DEBRIS:g}")

    def first_year_um(self, metal: str = "steel") -> float:
        """Loss in a first year spent here, µm."""
        if self.category is not None:
            return category_um(self.category, metal)
        assert self.climate is not None  # noqa: S101  one of both is there
        return dose_response_um(self.climate, metal)

    def __str__(self) -> str:
        found = self.category or f"climate of {self.first_year_um():.3g} µm in the first year"
        if self.splash_m is not None:
            found += " with sea water splashing from {:g} to {:g} m".format(*self.splash_m)
        return found + (f" with {self.debris:g} times as many weak spots on ledges" if self.debris > 1 else "")


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Where an asset has stood: periods, first to last; the first begins at 0, the last goes on."""

    periods: tuple[Period, ...]

    def __post_init__(self) -> None:
        starts = [period.from_years for period in self.periods]
        if not starts or starts[0] != 0 or any(np.diff(starts) <= 0):
            raise InputError(f"exposure periods from years {starts}: begin with 0 and go forward")

    def starts(self) -> NDArray[np.float64]:
        """Years at which the periods begin, (n,)."""
        return np.array([period.from_years for period in self.periods])

    def splashed(self, height_m: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Whether heights above the lowest point, (q,), lie where sea water splashes in each period, (q, n)."""
        low, high = np.array([period.splash_m or (np.inf, np.inf) for period in self.periods], height_m.dtype).T
        return np.asarray((height_m[:, None] >= low) & (height_m[:, None] < high))

    def splash_patterns(self) -> NDArray[np.bool_]:
        """What `splashed` gives where sea water splashes in some period, each once, (k, n)."""
        from_m = np.array([period.splash_m[0] for period in self.periods if period.splash_m is not None])
        until_m = np.array([period.splash_m[1] for period in self.periods if period.splash_m is not None])
        found = np.unique(self.splashed(np.concatenate([from_m, until_m])), axis=0)
        return np.asarray(found[found.any(axis=1)])

    def first_year_um(self, metal: str = "steel", splashed: ArrayLike = False) -> NDArray[np.float64]:
        """First-year loss of each period, (n,) µm; in those in which it is `splashed`, (n,), at least that of CX.

        CX with the mean exponent gives 0.87 and 2.0 mm after 5 and 25 years, 58 and 7 % above Table 4-2 of EN 1993-5.
        Later it is below: 3.2 mm after 50 years, 15 % less than the table, and about a quarter less after 100.
        """
        rates = np.array([period.first_year_um(metal) for period in self.periods])
        return np.where(splashed, np.maximum(rates, category_um("CX", metal)), rates)


def at(category: str, *, splash_m: tuple[float, float] | None = None, debris: float = 1.0) -> Exposure:
    """A whole life in one corrosivity category; splash and debris as those of a `Period`."""
    return Exposure(periods=(Period(category=category, splash_m=splash_m, debris=debris),))


def category_um(category: str, metal: str = "steel") -> float:
    """First-year loss in an ISO 9223 category, µm: the geometric mean of its bounds.

    A category is a range over a factor of two to nineteen; the geometric mean is its middle on the scale on which the
    bounds are set. (A design would take the upper bound.)
    """
    low, high = bounds_um(category, metal)
    return float(np.sqrt(low * high))


def bounds_um(category: str, metal: str = "steel") -> tuple[float, float]:
    """Bounds of the first-year loss in an ISO 9223 category, µm; C1 has no lower one: a tenth of its upper is taken."""
    upper = METALS[metal].upper_um
    number = CATEGORIES.index(category)
    return (upper[number - 1] if number else upper[0] / 10), upper[number]


def category_of(first_year_um: float, metal: str = "steel") -> str:
    """ISO 9223 category of a first-year loss in µm; what passes the last bound is CX too."""
    number = int(np.searchsorted(METALS[metal].upper_um, first_year_um))
    return CATEGORIES[min(number, len(CATEGORIES) - 1)]


def dose_response_um(climate: Climate, metal: str = "steel") -> float:
    """First-year loss by the dose-response function of ISO 9223, µm.

    r = a P^b exp(c H + k (T - 10)) + d S^e exp(g H + h T), T in °C, H relative humidity in %, P and S deposition of
    SO2 and chloride in mg/(m² d); k is one number up to 10 °C and another above.
    """
    law = METALS[metal]
    a, b, c = law.sulphur
    d, e, g, h = law.salt
    warmth, humidity = climate.temperature_c, climate.humidity_percent
    bend = (law.cold if warmth <= 10 else law.warm) * (warmth - 10)
    sulphur = a * climate.so2_mg_m2_d**b * np.exp(c * humidity + bend)
    return float(sulphur + d * climate.chloride_mg_m2_d**e * np.exp(g * humidity + h * warmth))


def power_law(years: ArrayLike, exponent: float | NDArray[Any]) -> NDArray[Any]:
    """Loss after `years` over that of the first year (ISO 9224), in the shape and precision of `years`.

    t^b up to 20 years, then on along the tangent: 20^b + b 20^(b - 1) (t - 20). Nothing before t = 0.
    """
    time = np.asarray(years, dtype=None if isinstance(years, np.ndarray) else float)
    early = np.clip(time, 0, LINEAR_AFTER_YEARS) ** exponent
    late = exponent * LINEAR_AFTER_YEARS ** (exponent - 1) * np.maximum(time - LINEAR_AFTER_YEARS, 0)
    return np.asarray(early + late)


def power_law_years(loss: ArrayLike, exponent: float | NDArray[Any]) -> NDArray[Any]:
    """Inverse of `power_law`: years after which the loss is this multiple of the first year's."""
    value = np.asarray(loss, dtype=None if isinstance(loss, np.ndarray) else float)
    knee = LINEAR_AFTER_YEARS**exponent
    early = np.clip(value, 0, knee) ** (1 / exponent)
    late = np.maximum(value - knee, 0) / (exponent * LINEAR_AFTER_YEARS ** (exponent - 1))
    return np.asarray(early + late)


def loss_um(
    start_years: ArrayLike,
    until_years: float,
    starts: ArrayLike,
    rates_um: ArrayLike,
    exponent: float | NDArray[Any],
) -> NDArray[Any]:
    """Loss at `until_years` of metal that corrodes since `start_years`, µm, in the shape of `start_years`.

    Where the place changes, the loss so far counts as the equivalent time at the new place: the time in which that
    place alone would have caused it.

    Parameters
    ----------
    start_years : any shape; inf where corrosion has not begun.
    until_years : now.
    starts, rates_um : (n,) begin of each period, and first-year loss in it.
    exponent : of the metal; an array broadcasts with `start_years`.
    """
    start = np.asarray(start_years, dtype=None if isinstance(start_years, np.ndarray) else float)
    begins: list[float] = np.asarray(starts, dtype=float).tolist()
    rates: list[float] = np.asarray(rates_um, dtype=float).tolist()
    loss = np.zeros_like(start)
    for begin, end, rate in zip(begins, [*begins[1:], np.inf], rates, strict=True):
        if begin >= until_years:
            break
        stay = np.maximum(min(end, until_years) - np.maximum(start, begin), 0)
        if begin == 0:  # nothing to bring along
            loss = rate * power_law(stay, exponent)
            continue
        longer = rate * power_law(power_law_years(loss / rate, exponent) + stay, exponent)
        loss = np.where(stay > 0, np.maximum(longer, loss), loss)
    return np.asarray(loss)


def years_to_lose(depth_um: NDArray[Any], starts: ArrayLike, rates_um: ArrayLike, exponent: float) -> NDArray[Any]:
    """Years after which metal exposed from the beginning has lost `depth_um`; the inverse of `loss_um` at start 0."""
    begins: list[float] = np.asarray(starts, dtype=float).tolist()
    rates: list[float] = np.asarray(rates_um, dtype=float).tolist()
    found = np.zeros_like(depth_um)
    for begin, rate in zip(begins, rates, strict=True):
        before = float(loss_um(0.0, begin, begins, rates, exponent)) if begin > 0 else 0.0
        brought = float(power_law_years(before / rate, exponent))
        here = depth_um > before
        found = np.where(here, begin + power_law_years(depth_um / rate, exponent) - brought, found)
    return np.asarray(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Clock:
    """Time that runs at another pace in each period: reading r(t), piecewise linear, r(0) = 0.

    A later period changes no bit of what the clock shows before it.
    """

    starts: NDArray[np.float64]  # (n,) years
    paces: NDArray[np.float64]  # (n,) positive

    @staticmethod
    def of(starts: Sequence[float] | NDArray[np.float64], paces: Sequence[float] | NDArray[np.float64]) -> "Clock":
        """Clock from the begin of each period in years and its pace."""
        return Clock(starts=np.asarray(starts, dtype=float), paces=np.asarray(paces, dtype=float))

    def _readings(self) -> NDArray[np.float64]:
        return np.concatenate([[0.0], np.cumsum(np.diff(self.starts) * self.paces[:-1])])

    def reading(self, years: ArrayLike) -> NDArray[np.float64]:
        """What it shows at `years`."""
        time = np.asarray(years, dtype=float)
        period = (np.searchsorted(self.starts, time, side="right") - 1).clip(0)
        return np.asarray(self._readings()[period] + self.paces[period] * (time - self.starts[period]))

    def years(self, reading: ArrayLike) -> NDArray[np.float64]:
        """When it shows `reading`; the inverse of `reading`."""
        shown, knots = np.asarray(reading, dtype=float), self._readings()
        period = (np.searchsorted(knots, shown, side="right") - 1).clip(0)
        return np.asarray(self.starts[period] + (shown - knots[period]) / self.paces[period])
