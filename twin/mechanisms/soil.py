"""Loss of bare steel in soil by the guiding values of EN 1993-5 for piles.

References
----------
EN 1993-5:2007, Table 4-1 (loss of thickness in soils, with or without groundwater, after 5 to 100 years). Its
    values were read in the finite-element program XC (``xcfem/xc`` on GitHub, ``guia_micropilotes_oc.py``), which takes
    them from a guide for micropiles; their means over 100 years in a second program, which names EN 1993-5.
"""

from typing import Literal

from corrotwin.twin.mechanisms.mechanism import OUTSIDE, Mechanism

Soil = Literal["natural", "polluted", "aggressive", "fill", "aggressive_fill"]
# First-year loss in mm and exponent of time: the powers closest to the table's rows, within 6 %. The table has 0 after
# 5 years in natural soil, the law 0.06 mm.
LAWS: dict[str, tuple[float, float]] = {
    "natural": (0.0120, 1.0),
    "polluted": (0.0300, 1.0),
    "aggressive": (0.0472, 0.931),
    "fill": (0.0482, 0.826),
    "aggressive_fill": (0.1412, 0.811),
}
SPREAD = 0.8  # P95 is 3.7 times the median, more than the ratio of a class to the next but one; set by us


def soil(
    zones: tuple[str, ...] = (OUTSIDE,),
    *,
    soil: Soil,
    heights_m: tuple[float, float] | None = None,
    after_years: float = 0.0,
) -> Mechanism:
    """Return the loss of bare steel in soil without cathodic protection.

    Parameters
    ----------
    zones : zones on which it acts.
    soil : natural (undisturbed sand, silt, clay, schist), polluted (and industrial sites), aggressive (natural: swamp,
        marsh, peat), fill (non-compacted: clay, schist, sand, silt) or aggressive_fill (non-compacted: ashes, slag).
    heights_m : it acts only between these heights above the asset's lowest point.
    after_years : years of service before it begins: the life of the coating.

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
