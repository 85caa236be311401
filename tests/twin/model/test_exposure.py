from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.model.exposure import (
    CATEGORIES,
    METALS,
    Climate,
    Exposure,
    Period,
    at,
    category_of,
    category_um,
    dose_response_um,
)

MILD = Climate(temperature_c=15, humidity_percent=70, so2_mg_m2_d=4, chloride_mg_m2_d=3)


@pytest.mark.parametrize(
    ("metal", "temperature_c", "expected"),
    [
        ("steel", 0, 5.32383), ("steel", 15, 14.96680), ("zinc", 0, 0.463649), ("zinc", 15, 0.621711),
    ],
)  # fmt: skip
def test_the_dose_response_function_has_the_published_values(metal: str, temperature_c: float, expected: float) -> None:
    """Worked out by hand from the formulas of ISO 9223, on both sides of their bend at 10 °C.

    Steel and zinc at 15 °C are also those of the tests of a public implementation.
    """
    assert dose_response_um(replace(MILD, temperature_c=temperature_c), metal) == pytest.approx(expected, rel=1e-5)


def test_categories_have_the_bounds_of_the_standard() -> None:
    """Table 2 of ISO 9223, µm in the first year."""
    assert METALS["steel"].upper_um == (1.3, 25, 50, 80, 200, 700)
    assert METALS["zinc"].upper_um == (0.1, 0.7, 2.1, 4.2, 8.4, 25)


@pytest.mark.parametrize("metal", METALS)
def test_dirt_and_salt_corrode_every_metal_more(metal: str) -> None:
    foul = Climate(temperature_c=15, humidity_percent=70, so2_mg_m2_d=40, chloride_mg_m2_d=3)
    salty = Climate(temperature_c=15, humidity_percent=70, so2_mg_m2_d=4, chloride_mg_m2_d=300)
    assert dose_response_um(MILD, metal) < min(dose_response_um(foul, metal), dose_response_um(salty, metal))


@pytest.mark.parametrize("metal", METALS)
def test_the_temperature_term_bends_at_ten_degrees_without_a_jump(metal: str) -> None:
    below, above = (
        dose_response_um(Climate(temperature_c=t, humidity_percent=70, so2_mg_m2_d=9, chloride_mg_m2_d=0.4), metal)
        for t in (10.0, 10.0 + 1e-9)
    )
    assert below == pytest.approx(above, rel=1e-6)


@pytest.mark.parametrize("metal", METALS)
def test_categories_grow_without_gaps_and_the_value_lies_inside(metal: str) -> None:
    upper = METALS[metal].upper_um
    assert all(low < high for low, high in pairwise(upper))
    for number, name in enumerate(CATEGORIES):
        assert (upper[number - 1] if number else 0) < category_um(name, metal) < upper[number]
        assert category_of(category_um(name, metal), metal) == name
        assert category_of(upper[number], metal) == name
    assert category_of(1e4, metal) == "CX"


def test_a_place_of_which_nothing_is_said_is_clean_and_dry() -> None:
    assert Period(category="C4") == at("C4", debris=1.0).periods[0]
    assert at("C4").sea_um([False]) == [0]


def test_unknown_category_lists_the_choices() -> None:
    with pytest.raises(InputError, match=r"'C9'.*C1, C2, C3, C4, C5, CX"):
        at("C9")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature_c": 40.0}, r"temperature_c 40\.0.*-17\.1 to 28\.7"),
        ({"humidity_percent": float("nan")}, "humidity_percent nan"),
        ({"so2_mg_m2_d": -1.0}, "so2_mg_m2_d"),
        ({"chloride_mg_m2_d": 1e4}, "chloride_mg_m2_d"),
    ],
)
def test_climates_beyond_the_function_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Climate(**{**MILD.__dict__, **change})


@pytest.mark.parametrize(
    "starts", [[], [1.0], [0.0, 5.0, 5.0], [0.0, 5.0, 2.0]], ids=["none", "late", "twice", "backwards"]
)
def test_periods_go_forward_from_zero(starts: list[float]) -> None:
    with pytest.raises(InputError, match="begin with 0"):
        Exposure(periods=tuple(Period(from_years=years, category="C3") for years in starts))


def test_a_place_is_a_category_or_a_climate() -> None:
    for wrong in ({}, {"category": "C3", "climate": MILD}):
        with pytest.raises(InputError, match="either"):
            Period(**wrong)
    with pytest.raises(InputError, match="splash"):
        Period(category="C3", splash_m=(1.0, 0.5))


def test_it_splashes_between_heights_while_it_stands_there() -> None:
    where = Exposure(
        periods=(
            Period(category="C3", splash_m=(0.5, 1.0)), Period(from_years=5, category="C1"),
            Period(from_years=6, category="C4", splash_m=(0.8, 2.0)),
        )
    )  # fmt: skip
    found = where.splashed(np.array([0.4, 0.5, 0.8, 1.0, 2.0]))
    assert found.tolist() == [[False] * 3, [True, False, False], [True, False, True], [False, False, True], [False] * 3]
    assert where.splash_patterns().tolist() == [[False, False, True], [True, False, False], [True, False, True]]
    assert where.zinc_um(found[1]) == pytest.approx([category_um(name, "zinc") for name in ("CX", "C1", "C4")])
    assert where.sea_um(found[2]).tolist() == [pytest.approx(124.6), 0.0, pytest.approx(124.6)]
    assert at("C5").splash_patterns().shape == (0, 1)
