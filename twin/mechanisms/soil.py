"""Loss of bare steel in soil by the guiding values of EN 1993-5 for piles.

References
----------
EN 1993-5:2007, Table 4-1 (loss of thickness in soils, with or without groundwater, after 5 to 100 years). Its
    values were read in the finite-element program XC (``xcfem/xc`` on GitHub, ``guia_micropilotes_oc.py``), which has
    them from a guide for micropiles; their means over 100 years in a second program, under the name of EN 1993-5.
"""

from typing import Literal

from corrotwin.twin.mechanisms.mechanism import OUTSIDE, Mechanism

Soil = Literal["natural", "polluted", "aggressive", "fill", "aggressive_fill"]
# First-year loss in mm and exponent of time: powers that differ least from the table's rows, by at most 6 %. The
# table's 0 after 5 years in natural soil is 0.06 mm here.
LAWS: dict[str, tuple[float, float]] = {
    "natural": (0.0120, 1.0),
    "polluted": (0.0300, 1.0),
    "aggressive": (0.0472, 0.931),
    "fill": (0.0482, 0.826),
    "aggressive_fill": (0.1412, 0.811),
}
SPREAD = 0.8  # P95 at 3.7 times the median, more than from a class to the next but one; set by us


def soil(
    zones: tuple[str, ...] = (OUTSIDE,),
    *,
    soil: Soil,
    heights_m: tuple[float, float] | None = None,
    after_years: float = 0.0,
) -> Mechanism:
    """Return the loss in soil, of bare steel without cathodic protection.

    Parameters
    ----------
    zones : on which it acts.
    soil : natural (undisturbed sand, silt, clay, schist), polluted (and industrial sites), aggressive (natural: swamp,
        marsh, peat), fill (non-compacted: clay, schist, sand, silt) or aggressive_fill (non-compacted: ashes, slag).
    heights_m : it acts only between these heights above the asset's lowest point.
    after_years : of service before it begins: the life of the coating.

    Raises
    ------
    InputError
        The heights are not in order.
    """
    rate, exponent = LAWS[soil]
    return Mechanism(
        kind="soil", zones=zones, rate_mm_year=rate, spread=SPREAD, exponent=exponent, heights_m=heights_m,
        after_years=after_years, inputs={"soil": soil}, source="EN 1993-5, Table 4-1",
    )  # fmt: skip
