"""How corrosive a place is to carbon steel, and how much metal that costs over the years.

References
----------
ISO 9223:2012, Corrosivity of atmospheres: classification (bounds of the categories).
ISO 9224:2012, Corrosivity of atmospheres: guiding values (loss after t years).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.files import InputError

# Bounds of the first-year loss of carbon steel, µm. C1 has no lower bound; a tenth of its upper stands for it.
CATEGORIES = {
    "C1": (0.13, 1.3),
    "C2": (1.3, 25.0),
    "C3": (25.0, 50.0),
    "C4": (50.0, 80.0),
    "C5": (80.0, 200.0),
    "CX": (200.0, 700.0),
}
STEEL_EXPONENT = 0.523  # mean exponent of ISO 9224 for carbon steel
LINEAR_AFTER_YEARS = 20.0


def first_year_loss_um(category: str) -> float:
    """Loss of carbon steel in its first year, µm: the geometric mean of the category's bounds.

    A category is a range over a factor of two to nineteen; the geometric mean is its middle on the scale on which the
    bounds are set. (A design would take the upper bound.)

    Raises
    ------
    InputError
        Unknown category.
    """
    if category not in CATEGORIES:
        raise InputError(f"unknown corrosivity category {category!r}; choose from {', '.join(CATEGORIES)}")
    low, high = CATEGORIES[category]
    return float(np.sqrt(low * high))


def loss_um(years: ArrayLike, first_year_um: float, exponent: float = STEEL_EXPONENT) -> NDArray[Any]:
    """Loss after `years` of exposure, in the shape and precision of `years`, µm (ISO 9224).

    D = r t^b up to 20 years, then on along the tangent: D = r (20^b + b 20^(b - 1) (t - 20)). Nothing before t = 0.
    """
    time = np.asarray(years, dtype=None if isinstance(years, np.ndarray) else float)
    early = np.clip(time, 0, LINEAR_AFTER_YEARS) ** exponent
    late = exponent * LINEAR_AFTER_YEARS ** (exponent - 1) * np.maximum(time - LINEAR_AFTER_YEARS, 0)
    return np.asarray(first_year_um * (early + late))
