"""Loss of bare steel in sea water by EN 1993-5 for piles; P95 is at least the allowance of offshore design.

Rates are those of one face. Allowances for chains are of the diameter, which loses two faces: 0.4 mm/year of a chain is
0.2 mm/year here.

References
----------
EN 1993-5:2007, Table 4-2 (sea water in temperate climate, after 5 to 100 years; zone of high attack: 0.55, 1.90, 3.75,
    5.60, 7.50 mm; permanent immersion and intertidal zone: 0.25, 0.90, 1.75, 2.60, 3.50 mm). Read in an open-source
    program for the design of quay walls.
DNV-RP-0416, Corrosion protection for wind turbines: 0.30 mm/year a surface in the splash zone. The practice itself was
    not read; the UpWind design basis for the K13 site, as quoted in a public fatigue study of its jacket, has 0.3
    mm/year a surface and refers to DNV. 0.40 in tropical and subtropical climate is **unverified**.
BS 6349-1-4:2021: means of 4.5 mm in the splash zone and 2.5 mm in immersion after 50 years, read in the same program.
"""

from typing import Literal

from corrotwin.twin.mechanisms.mechanism import OUTSIDE, Mechanism

# First-year loss in mm and exponent of time: the powers closest to the rows of Table 4-2, within 9 % (splash) and 7 %.
SPLASH_MM, SPLASH_EXPONENT = 0.1246, 0.872
IMMERSION_MM, IMMERSION_EXPONENT = 0.0565, 0.881
TROPICAL = 4 / 3  # the ratio of the two allowances, 0.40 and 0.30 mm/year
SPREAD = 0.9  # P95 in the splash zone is at least 0.30 mm/year, in the tropics 0.40, over any life up to 100 years

SeaClimate = Literal["temperate", "tropical"]


def splash(
    zones: tuple[str, ...] = (OUTSIDE,),
    *,
    climate: SeaClimate = "temperate",
    heights_m: tuple[float, float] | None = None,
    after_years: float = 0.0,
) -> Mechanism:
    """Return the loss of bare steel in the splash and low water zones of the sea.

    Parameters
    ----------
    zones : zones on which it acts.
    climate : temperate, or tropical and subtropical.
    heights_m : it acts only between these heights above the asset's lowest point.
    after_years : years of service before it begins: the life of the coating.

    Raises
    ------
    InputError
        The heights are not in order.
    """
    return _in_sea("splash", SPLASH_MM, SPLASH_EXPONENT, zones, climate, heights_m, after_years)


def immersion(
    zones: tuple[str, ...] = (OUTSIDE,),
    *,
    climate: SeaClimate = "temperate",
    heights_m: tuple[float, float] | None = None,
    after_years: float = 0.0,
) -> Mechanism:
    """Return the loss of bare steel under sea water without cathodic protection; parameters as for `splash`.

    Raises
    ------
    InputError
        The heights are not in order.
    """
    return _in_sea("immersion", IMMERSION_MM, IMMERSION_EXPONENT, zones, climate, heights_m, after_years)


def _in_sea(
    kind: str,
    rate: float,
    exponent: float,
    zones: tuple[str, ...],
    climate: SeaClimate,
    heights_m: tuple[float, float] | None,
    after_years: float,
) -> Mechanism:
    return Mechanism(
        kind=kind, zones=zones, rate_mm_year=rate * (TROPICAL if climate == "tropical" else 1), spread=SPREAD,
        exponent=exponent, heights_m=heights_m, after_years=after_years, inputs={"climate": climate},
        source="EN 1993-5, Table 4-2; P95 at least the allowance of offshore design",
    )  # fmt: skip
