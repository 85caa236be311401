"""`Mechanism`: the prior of a loss of metal over the years on some zones of an asset, and where it acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.solids import COVERED

FACTOR_TWO = 0.4214  # ln 2 / 1.645: spread at which P95 is twice the median; the default for a rate that a user states
MOST_RATE_MM_YEAR = 100.0  # more than any model here gives in its range
MOST_SPREAD = 3.0
MOST_EXPONENT = 1.5
Z95 = 1.645  # 95th percentile of the standard normal distribution
OUTSIDE = "outside"  # stands for all zones but the bore, until the asset's zones are known
BORE = "bore"


@dataclass(frozen=True, kw_only=True)
class Mechanism:
    """The prior of a loss of metal: log-normal in its rate, with one law of time.

    The loss of one face after t years of exposure is rate t^exponent, whatever the coating; t counts from
    `after_years` of service. It adds to the loss in the air.

    Parameters
    ----------
    kind : key of `twin.mechanisms.catalogue.MECHANISMS`.
    zones : zones of the asset on which it acts, such as ("bore",); "outside" stands for all but the bore.
    rate_mm_year : median of the loss of one face in the first year, mm.
    spread : standard deviation of the natural logarithm of the rate; P95 is `rate_mm_year` exp(1.645 spread).
    exponent : exponent of time; 1 is a constant rate.
    localised : whether it attacks single places, so that readings at other places do not show the loss.
    heights_m : it acts only between these heights above the asset's lowest point; None for everywhere.
    after_years : years of service before it begins, such as the life of a coating under insulation.
    inputs : inputs that were stated, for the record.
    source : source of the law and its numbers, one line.

    Raises
    ------
    InputError
        A value is impossible.
    """

    kind: str
    zones: tuple[str, ...]
    rate_mm_year: float
    spread: float
    exponent: float = 1.0
    localised: bool = False
    heights_m: tuple[float, float] | None = None
    after_years: float = 0.0
    inputs: Mapping[str, float | str] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if not self.zones or not all(isinstance(zone, str) and zone for zone in self.zones):
            raise InputError(f"`mechanism` {self.kind}: give at least one zone on which it acts")
        if len(set(self.zones)) < len(self.zones):
            raise InputError(f"`mechanism` {self.kind}: a zone is given twice; give each zone once")
        _check(self.kind, "rate_mm_year", self.rate_mm_year, MOST_RATE_MM_YEAR)
        _check(self.kind, "spread", self.spread, MOST_SPREAD)
        _check(self.kind, "exponent", self.exponent, MOST_EXPONENT)
        if not 0 <= self.after_years < np.inf:
            raise InputError(
                f"`mechanism` {self.kind}: after_years {self.after_years:g}: must be a number of at least 0"
            )
        if self.heights_m is not None and not 0 <= self.heights_m[0] < self.heights_m[1] < np.inf:
            raise InputError(f"`mechanism` {self.kind}: heights_m {self.heights_m}: give two heights, the lower first")

    @property
    def rate_p95_mm_year(self) -> float:
        """The rate that is exceeded with a chance of 5 %, mm in the first year."""
        return float(self.rate_mm_year * np.exp(Z95 * self.spread))

    def __str__(self) -> str:
        """Describe the mechanism in one line."""
        law = "mm/year" if self.exponent == 1 else f"mm in the first year, growing as time^{self.exponent:g}"
        rates = f"P50 {self.rate_mm_year:.3g}, P95 {self.rate_p95_mm_year:.3g} {law}"
        text = f"{self.kind} on {', '.join(self.zones)}: {rates}"
        if self.heights_m is not None:
            text += " from {:g} to {:g} m".format(*self.heights_m)
        return text + (f", after {self.after_years:g} years" if self.after_years else "")


def _check(kind: str, name: str, value: float, most: float) -> None:
    if not 0 < value <= most:
        raise InputError(f"`mechanism` {kind}: {name} {value:g}: must be above 0 and at most {most:g}")


def loss_mm(mechanism: Mechanism, years: ArrayLike, rate_mm_year: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return the loss of one face where a mechanism acts, mm, in the shape of `years` and the rates.

    Parameters
    ----------
    mechanism : the law.
    years : years of service, any shape.
    rate_mm_year : rates that broadcast with `years`; by default the median of the prior.
    """
    rate = mechanism.rate_mm_year if rate_mm_year is None else np.asarray(rate_mm_year, dtype=float)
    exposed = np.maximum(np.asarray(years, dtype=float) - mechanism.after_years, 0)
    return np.asarray(rate * exposed**mechanism.exponent)


def acts_on(
    mechanism: Mechanism,
    zone_names: Sequence[str],
    zone: NDArray[np.integer[Any]],
    height_m: NDArray[np.floating[Any]],
) -> NDArray[np.bool_]:
    """Return whether a mechanism acts at each place, in the shape of `zone`.

    Parameters
    ----------
    mechanism : the law.
    zone_names : names of the asset's zones.
    zone : index into them; negative where there is no surface.
    height_m : heights above the asset's lowest point, in the shape of `zone`.
    """
    is_here = np.array([name in mechanism.zones for name in zone_names])[zone] & (zone >= 0)
    if mechanism.heights_m is not None:
        is_here &= (height_m >= mechanism.heights_m[0]) & (height_m < mechanism.heights_m[1])
    return np.asarray(is_here)


def check_zones(mechanisms: Sequence[Mechanism], zone_names: Sequence[str]) -> None:
    """Raise InputError, listing the zones of the asset, if a mechanism acts on a zone that the asset lacks."""
    open_zones = [name for name in zone_names if name != COVERED]
    for mechanism in mechanisms:
        for zone in mechanism.zones:
            if zone not in open_zones:
                raise InputError(
                    f"`mechanism` {mechanism.kind}: no zone {zone}; the asset has {', '.join(open_zones)}, and outside"
                    " stands for all but the bore"
                )
