"""Corrosivity of the places where an asset has stood, by ISO 9223.

References
----------
ISO 9223:2012, Corrosivity of atmospheres: classification (categories, dose-response functions).
ISO 9224:2012, Corrosivity of atmospheres: guiding values (loss after t years).
EN 1993-5:2007, Table 4-2 (sea water, zone of high attack), by `twin.mechanisms.seawater`.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.seawater import SPLASH_MM

CATEGORIES = ("C1", "C2", "C3", "C4", "C5", "CX")
MOST_DEBRIS = 100.0


@dataclass(frozen=True, kw_only=True)
class Metal:
    """Properties of a metal in ISO 9223 and ISO 9224.

    Parameters
    ----------
    upper_um : upper bounds of the first-year loss in the six categories, µm.
    sulphur, salt : coefficients of the two terms of the dose-response function.
    cold, warm : temperature coefficient of the first term up to 10 °C and above.
    exponent : exponent of time.
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
    """Annual means for the dose-response functions of ISO 9223, within the ranges to which these were fitted."""

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
                    f"`climate`: {name} {getattr(self, name)}: ISO 9223's function is valid from {low} to {high}"
                )


@dataclass(frozen=True, kw_only=True)
class Period:
    """A stay at one place, from a number of years after the asset was built until the next period.

    Parameters
    ----------
    from_years : start of the stay, years since the asset was built.
    category, climate : its corrosivity, as an ISO 9223 category or as a climate; exactly one of the two.
    splash_m : lower and upper height above the asset's lowest point between which sea water splashes, or None.
    debris : factor on the number of paint defects on ledges, where dirt and water lie (`twin.model.deposits`); 1
        without debris.
    """

    from_years: float = 0.0
    category: str | None = None
    climate: Climate | None = None
    splash_m: tuple[float, float] | None = None
    debris: float = 1.0

    def __post_init__(self) -> None:
        if (self.category is None) == (self.climate is None):
            raise InputError("exposure: give either a `category` or a `climate`")
        if self.category is not None and self.category not in CATEGORIES:
            raise InputError(
                f"`category`: unknown corrosivity category {self.category!r}; choose from {', '.join(CATEGORIES)}"
            )
        if not (np.isfinite(self.from_years) and self.from_years >= 0):
            raise InputError(f"exposure from year {self.from_years}: must be a number, at least 0")
        if self.splash_m is not None and not 0 <= self.splash_m[0] < self.splash_m[1] < np.inf:
            raise InputError(f"`splash_m` {self.splash_m}: give two heights in metres, the lower first")
        if not 1 <= self.debris <= MOST_DEBRIS:
            raise InputError(f"`debris` {self.debris}: give a factor from 1 to {MOST_DEBRIS:g}")

    def first_year_um(self, metal: str = "steel") -> float:
        """Return the loss in a first year spent here, µm."""
        if self.category is not None:
            return category_um(self.category, metal)
        assert self.climate is not None  # noqa: S101  __post_init__ requires one of the two
        return dose_response_um(self.climate, metal)

    def __str__(self) -> str:
        text = self.category or f"climate with a first-year loss of {self.first_year_um():.3g} µm"
        if self.splash_m is not None:
            text += " with sea water splashing from {:g} to {:g} m".format(*self.splash_m)
        return text + (f" with {self.debris:g} times as many weak spots on ledges" if self.debris > 1 else "")


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The periods of an asset's life, first to last; the first begins at 0, the last has no end."""

    periods: tuple[Period, ...]

    def __post_init__(self) -> None:
        starts = [period.from_years for period in self.periods]
        if not starts or starts[0] != 0 or any(np.diff(starts) <= 0):
            raise InputError(f"exposure periods from years {starts}: must begin with 0 and increase")

    def starts(self) -> NDArray[np.float64]:
        """Return the years at which the periods begin, (n,)."""
        return np.array([period.from_years for period in self.periods])

    def since(self, years: float) -> "Exposure":
        """Return the exposure from `years` on, counted from that time: that of parts which are new then."""
        last = max(index for index, start in enumerate(self.starts()) if start <= years)
        current = replace(self.periods[last], from_years=0.0)
        later = (replace(period, from_years=period.from_years - years) for period in self.periods[last + 1 :])
        return Exposure(periods=(current, *later))

    def splashed(self, height_m: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Return whether heights above the lowest point, (q,), are in the splash zone of each period, (q, n)."""
        low, high = np.array([period.splash_m or (np.inf, np.inf) for period in self.periods], height_m.dtype).T
        return np.asarray((height_m[:, None] >= low) & (height_m[:, None] < high))

    def splash_patterns(self) -> NDArray[np.bool_]:
        """Return the distinct rows that `splashed` can have with splash in some period, (k, n)."""
        from_m = np.array([period.splash_m[0] for period in self.periods if period.splash_m is not None])
        until_m = np.array([period.splash_m[1] for period in self.periods if period.splash_m is not None])
        patterns = np.unique(self.splashed(np.concatenate([from_m, until_m])), axis=0)
        return np.asarray(patterns[patterns.any(axis=1)])

    def first_year_um(self, metal: str = "steel") -> NDArray[np.float64]:
        """Return the first-year loss to the air in each period, (n,) µm."""
        return np.array([period.first_year_um(metal) for period in self.periods])

    def zinc_um(self, splashed: ArrayLike) -> NDArray[np.float64]:
        """Return the first-year loss of zinc in each period, (n,) µm; at least that of CX where `splashed`, (n,)."""
        rates = self.first_year_um("zinc")
        return np.where(splashed, np.maximum(rates, category_um("CX", "zinc")), rates)

    def sea_um(self, splashed: ArrayLike) -> NDArray[np.float64]:
        """Return the first-year loss of steel by the law of the splash zone, (n,) µm, 0 where not `splashed`, (n,).

        Pass it to `twin.model.loss.loss_um` together with `first_year_um`.
        """
        return np.where(splashed, 1000 * SPLASH_MM, np.zeros(len(self.periods)))


def at(category: str, *, splash_m: tuple[float, float] | None = None, debris: float = 1.0) -> Exposure:
    """Return the exposure of a whole life in one corrosivity category; `splash_m` and `debris` as for `Period`."""
    return Exposure(periods=(Period(category=category, splash_m=splash_m, debris=debris),))


def category_um(category: str, metal: str = "steel") -> float:
    """Return the first-year loss in an ISO 9223 category, µm: the geometric mean of its bounds.

    The bounds of a category differ by a factor of two to nineteen; the geometric mean is its middle on the logarithmic
    scale on which they are set. (A design would take the upper bound.)
    """
    low, high = bounds_um(category, metal)
    return float(np.sqrt(low * high))


def bounds_um(category: str, metal: str = "steel") -> tuple[float, float]:
    """Return the bounds of the first-year loss in an ISO 9223 category, µm; in C1 the lower is a tenth of the upper."""
    upper = METALS[metal].upper_um
    index = CATEGORIES.index(category)
    return (upper[index - 1] if index else upper[0] / 10), upper[index]


def category_of(first_year_um: float, metal: str = "steel") -> str:
    """Return the ISO 9223 category of a first-year loss in µm; losses beyond the last bound are CX too."""
    index = int(np.searchsorted(METALS[metal].upper_um, first_year_um))
    return CATEGORIES[min(index, len(CATEGORIES) - 1)]


def dose_response_um(climate: Climate, metal: str = "steel") -> float:
    """Return the first-year loss by the dose-response function of ISO 9223, µm.

    r = a P^b exp(c H + k (T - 10)) + d S^e exp(g H + h T), T in °C, H relative humidity in %, P and S deposition of
    SO2 and chloride in mg/(m² d); k has one value up to 10 °C and another above.
    """
    law = METALS[metal]
    a, b, c = law.sulphur
    d, e, g, h = law.salt
    temperature, humidity = climate.temperature_c, climate.humidity_percent
    bend = (law.cold if temperature <= 10 else law.warm) * (temperature - 10)
    sulphur = a * climate.so2_mg_m2_d**b * np.exp(c * humidity + bend)
    return float(sulphur + d * climate.chloride_mg_m2_d**e * np.exp(g * humidity + h * temperature))
