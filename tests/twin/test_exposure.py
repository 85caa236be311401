from itertools import pairwise

import numpy as np
import pytest

from twin.exposure import CATEGORIES, first_year_loss_um, loss_um
from twin.files import InputError


@pytest.mark.parametrize(
    ("first_year", "exponent", "years", "expected"),
    [
        (200, 0.523, 20, 958),  # ISO 9224 worked values, steel and zinc
        (200, 0.523, 50, 1710),
        (1, 0.813, 30, 16.06487),
        (37, 0.523, 1, 37),
        (37, 0.523, 0, 0),
        (37, 0.523, -3, 0),
    ],
)
def test_loss_has_the_published_values(first_year: float, exponent: float, years: float, expected: float) -> None:
    assert loss_um(years, first_year, exponent) == pytest.approx(expected, rel=6e-4)


def test_loss_is_smooth_at_twenty_years() -> None:
    before, at, after = loss_um(np.array([19.999, 20.0, 20.001]), 100)
    assert at - before == pytest.approx(after - at, rel=1e-3)


def test_loss_never_falls() -> None:
    assert (np.diff(loss_um(np.linspace(0, 80, 500), 50)) > 0).all()


def test_categories_grow_without_gaps_and_the_value_lies_inside() -> None:
    bounds = list(CATEGORIES.values())
    assert all(low[1] == high[0] for low, high in pairwise(bounds))
    for name, (low, high) in CATEGORIES.items():
        assert low < first_year_loss_um(name) < high


def test_unknown_category_lists_the_choices() -> None:
    with pytest.raises(InputError, match=r"'C9'.*C1, C2, C3, C4, C5, CX"):
        first_year_loss_um("C9")
