"""Corrosion of carbon steel under insulation by the table of API RP 581: by driver and operating temperature.

References
----------
API RP 581, Risk-based inspection methodology, 3rd ed. with addendum 2 (2020), part 2: drivers in 15.6.2, rates in Table
    16.2 (mil/year by °F). Read at yumpu.com, document 65109898, pages 142 and 161.
"""

from typing import Literal

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.mechanism import OUTSIDE, Mechanism

MM_PER_MIL = 0.0254
TEMPERATURES_C = tuple((fahrenheit - 32) / 1.8 for fahrenheit in (10, 18, 43, 90, 160, 225, 275, 325, 350))
MIL_PER_YEAR = {
    "severe": (0, 3, 10, 10, 20, 10, 10, 5, 0),
    "moderate": (0, 1, 5, 5, 10, 5, 2, 1, 0),
    "mild": (0, 0, 3, 3, 5, 1, 1, 0, 0),
    "dry": (0, 0, 1, 1, 2, 1, 0, 0, 0),
}
# P95 at 5.2 times the median: the driver is judged by eye, and one class is a factor of two; faults of design, an
# interface with soil or water, and poor insulation, for which API RP 581 has separate factors, are not in the table.
# Set by us.
SPREAD = 1.0


def insulation(
    zones: tuple[str, ...] = (OUTSIDE,),
    *,
    driver: Literal["severe", "moderate", "mild", "dry"],
    temperature_c: float,
    after_years: float = 0.0,
) -> Mechanism:
    """Return the loss under insulation, which is localised: scans find it, a few readings do not.

    Parameters
    ----------
    zones : zones on which it acts.
    driver : severe (wet more than 60 % of the time, deluge tests, very salty), moderate (30 to 60 %, near a cooling
        tower), mild (less) or dry (inside a building, dry or cold climate).
    temperature_c : operating temperature of the metal, -12.2 to 176.7.
    after_years : years of service before it begins: the life of the coating under the insulation.

    Raises
    ------
    InputError
        The temperature is outside the table, or the table has no loss there.
    """
    low, high = (round(bound, 1) for bound in (TEMPERATURES_C[0], TEMPERATURES_C[-1]))
    if not low <= temperature_c <= high:
        raise InputError(f"`mechanism` insulation: temperature_c {temperature_c:g}: API RP 581 covers {low} to {high}")
    rate = MM_PER_MIL * float(np.interp(temperature_c, TEMPERATURES_C, MIL_PER_YEAR[driver]))
    if rate == 0:
        raise InputError(
            f"`mechanism` insulation: API RP 581 gives no loss with driver {driver} at {temperature_c:g} °C; leave"
            " it out, or use the mechanism own with a rate"
        )
    return Mechanism(
        kind="insulation", zones=zones, rate_mm_year=rate, spread=SPREAD, localised=True, after_years=after_years,
        inputs={"driver": driver, "temperature_c": temperature_c}, source="API RP 581 (2020), part 2, Table 16.2",
    )  # fmt: skip
