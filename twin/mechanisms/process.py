"""Loss to the process fluid inside, and laws that users state themselves.

References
----------
NACE SP0775 (RP0775), coupons in oilfield operations: carbon steel corrodes at a low rate below 1 mil/year (0.025 mm),
    at a moderate one up to 5 (0.13 mm), at a high one up to 10 (0.25 mm), and severely above. Read at
    oilauthority.com/glossary/corrosion-rate.
"""

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.mechanism import BORE, FACTOR_TWO, Mechanism

# Prior of an unknown fluid: moderate, with P5 at 0.007 mm/year, which is low, and P95 at 0.36 mm/year, which is severe.
UNKNOWN_RATE_MM_YEAR = 0.05
UNKNOWN_SPREAD = 1.2


def process(
    zones: tuple[str, ...] = (BORE,),
    *,
    rate_mm_year: float | None = None,
    diameter_rate_mm_year: float | None = None,
    spread: float | None = None,
    heights_m: tuple[float, float] | None = None,
) -> Mechanism:
    """Return the loss to a process fluid, at a constant rate.

    Parameters
    ----------
    zones : zones on which it acts.
    rate_mm_year : expected loss of one face, mm/year; by default unknown.
    diameter_rate_mm_year : instead, expected loss of the diameter, which loses two faces, mm/year.
    spread : standard deviation of the logarithm of a stated rate; by default `FACTOR_TWO`.
    heights_m : it acts only between these heights above the asset's lowest point.

    Raises
    ------
    InputError
        A value is impossible, or a spread is given without a rate.
    """
    rate, inputs = one_face("process", rate_mm_year, diameter_rate_mm_year)
    if rate is None:
        if spread is not None:
            raise InputError(
                f"`mechanism` process: spread {spread:g} applies only to a stated rate; also give rate_mm_year"
            )
        rate, default_spread = UNKNOWN_RATE_MM_YEAR, UNKNOWN_SPREAD
        source = "unknown: spans the classes of corrosion rate of NACE SP0775, low to severe"
    else:
        default_spread, source = FACTOR_TWO, "rate stated by the user"
    if spread is not None:
        inputs["spread"] = spread
    return Mechanism(
        kind="process", zones=zones, rate_mm_year=rate, spread=default_spread if spread is None else spread,
        heights_m=heights_m, inputs=inputs, source=source,
    )  # fmt: skip


def is_unknown(mechanism: Mechanism) -> bool:
    """Return whether a mechanism is a process fluid without a stated rate."""
    return mechanism.kind == "process" and mechanism.inputs.keys() <= {"spread"}


def own(
    zones: tuple[str, ...],
    *,
    rate_mm_year: float | None = None,
    diameter_rate_mm_year: float | None = None,
    spread: float = FACTOR_TWO,
    exponent: float = 1.0,
    localised: bool = False,
    heights_m: tuple[float, float] | None = None,
    after_years: float = 0.0,
) -> Mechanism:
    """Return a law that the user states: rate times time to a power.

    Parameters
    ----------
    zones, rate_mm_year, diameter_rate_mm_year, heights_m : as for `process`; one of the two rates is needed.
    spread : standard deviation of the logarithm of the rate.
    exponent : exponent of time, above 0, at most 1.5.
    localised : whether it attacks single places, so that readings at other places do not show the loss.
    after_years : years of service before it begins.

    Raises
    ------
    InputError
        A value is impossible, such as a negative rate.
    """
    rate, inputs = one_face("own", rate_mm_year, diameter_rate_mm_year)
    if rate is None:
        raise InputError("`mechanism` own: give rate_mm_year (of one face) or diameter_rate_mm_year (of both)")
    return Mechanism(
        kind="own", zones=zones, rate_mm_year=rate, spread=spread, exponent=exponent, localised=localised,
        heights_m=heights_m, after_years=after_years,
        inputs={**inputs, "spread": spread, "exponent": exponent}, source="law stated by the user",
    )  # fmt: skip


def one_face(
    kind: str, rate_mm_year: float | None, diameter_rate_mm_year: float | None
) -> tuple[float | None, dict[str, float | str]]:
    """Return the rate of one face, mm/year, or None if no rate is stated, and the inputs by name.

    Raises
    ------
    InputError
        Both are given.
    """
    if rate_mm_year is not None and diameter_rate_mm_year is not None:
        raise InputError(
            f"`mechanism` {kind}: give either rate_mm_year (of one face) or diameter_rate_mm_year (of both)"
        )
    if diameter_rate_mm_year is not None:
        return diameter_rate_mm_year / 2, {"diameter_rate_mm_year": diameter_rate_mm_year}
    return rate_mm_year, {} if rate_mm_year is None else {"rate_mm_year": rate_mm_year}
