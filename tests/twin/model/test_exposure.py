from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

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
from corrotwin.twin.model.loss import PiecewiseClock, loss_um, power_law, power_law_years, years_to_lose

MILD = Climate(temperature_c=15, humidity_percent=70, so2_mg_m2_d=4, chloride_mg_m2_d=3)


@pytest.mark.parametrize(
    ("first_year", "exponent", "years", "expected"),
    [
        (200, 0.523, 20, 958),  # ISO 9224 guiding values for steel at the upper bound of C5
        (200, 0.523, 50, 1710),
        (1, 0.813, 30, 16.06487),  # zinc, from the tests of a public implementation of ISO 9224
        (37, 0.523, 1, 37),
        (37, 0.523, 0, 0),
        (37, 0.523, -3, 0),
    ],
)
def test_loss_has_the_published_values(first_year: float, exponent: float, years: float, expected: float) -> None:
    assert first_year * power_law(years, exponent) == pytest.approx(expected, rel=6e-4)


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


def test_loss_is_smooth_at_twenty_years() -> None:
    before, knee, after = power_law(np.array([19.999, 20.0, 20.001]), 0.523)
    assert knee - before == pytest.approx(after - knee, rel=1e-3)


@given(years=st.floats(0, 200), exponent=st.sampled_from([law.exponent for law in METALS.values()]))
def test_the_inverse_gives_the_years_back(years: float, exponent: float) -> None:
    assert power_law_years(power_law(years, exponent), exponent) == pytest.approx(years, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("metal", METALS)
def test_categories_grow_without_gaps_and_the_value_lies_inside(metal: str) -> None:
    upper = METALS[metal].upper_um
    assert all(low < high for low, high in pairwise(upper))
    for number, name in enumerate(CATEGORIES):
        assert (upper[number - 1] if number else 0) < category_um(name, metal) < upper[number]
        assert category_of(category_um(name, metal), metal) == name
        assert category_of(upper[number], metal) == name
    assert category_of(1e4, metal) == "CX"


def derivative(loss: float, rate: float, exponent: float) -> float:
    """Speed of loss as a function of the loss alone, which is what equivalent time means."""
    t = max(float(power_law_years(loss / rate, exponent)), 1e-12)
    return rate * exponent * min(t, 20.0) ** (exponent - 1)


def test_a_change_of_place_follows_the_equivalent_time() -> None:
    """Against an integration of d(loss)/dt as a function of the loss, in small steps."""
    starts, rates, exponent = [0.0, 4.0, 9.0], [20.0, 126.0, 40.0], 0.523
    loss, t, step = float(loss_um(1.5, 2.0, starts, rates, exponent)), 2.0, 1e-3
    while t < 30:
        rate = rates[int(np.searchsorted(starts, t + step / 2, side="right")) - 1]
        middle = loss + derivative(loss, rate, exponent) * step / 2
        loss, t = loss + derivative(middle, rate, exponent) * step, t + step
    assert loss_um(1.5, 30.0, starts, rates, exponent) == pytest.approx(loss, rel=1e-3)


def test_periods_of_one_rate_are_one_period() -> None:
    years = np.array([0.0, 0.5, 3.0, 8.0, 24.0])
    whole = loss_um(years, 25.0, [0.0], [50.0], 0.523)
    parts = loss_um(years, 25.0, [0.0, 2.0, 7.0, 22.0], [50.0] * 4, 0.523)
    np.testing.assert_allclose(parts, whole, rtol=1e-9)


@given(
    rates=st.lists(st.floats(0.5, 700), min_size=1, max_size=4),
    gaps=st.lists(st.floats(0.1, 15), min_size=3, max_size=3),
    start=st.floats(0, 30),
    until=st.lists(st.floats(0, 60), min_size=2, max_size=2),
)
def test_loss_never_falls_whatever_the_places(
    rates: list[float], gaps: list[float], start: float, until: list[float]
) -> None:
    starts = np.concatenate([[0.0], np.cumsum(gaps)])[: len(rates)]
    single = np.array([start], dtype=np.float32)
    early, late = (loss_um(single, years, starts, rates, 0.523)[0] for years in sorted(until))
    assert 0 <= early <= late


@given(
    rates=st.lists(st.floats(0.1, 25), min_size=3, max_size=3),
    depth=st.floats(0.01, 500),
)
def test_time_to_lose_a_depth_is_the_inverse_of_the_loss(rates: list[float], depth: float) -> None:
    starts = [0.0, 3.0, 12.0]
    years = float(years_to_lose(np.array([depth]), starts, rates, 0.813)[0])
    assert loss_um(0.0, years, starts, rates, 0.813) == pytest.approx(depth, rel=1e-6)


def test_the_clock_is_the_integral_of_its_pace() -> None:
    clock = PiecewiseClock.of([0.0, 2.0, 5.0], [3.0, 0.5, 4.0])
    pace = lambda t: [3.0, 0.5, 4.0][int(np.searchsorted([0, 2, 5], t, side="right")) - 1]  # noqa: E731
    for years in (0.0, 1.0, 2.0, 4.5, 11.0):
        assert clock.reading(years) == pytest.approx(quad(pace, 0, years, points=[2, 5])[0], abs=1e-6)
        assert clock.years(clock.reading(years)) == pytest.approx(years)


def test_a_later_period_changes_no_bit_of_the_past() -> None:
    before, after = PiecewiseClock.of([0.0, 3.0], [1.7, 0.3]), PiecewiseClock.of([0.0, 3.0, 8.1], [1.7, 0.3, 5.5])
    years = np.linspace(0, 8.1, 1000)[:-1]
    np.testing.assert_array_equal(before.reading(years), after.reading(years))
    np.testing.assert_array_equal(before.years(before.reading(years)), after.years(before.reading(years)))


@pytest.mark.parametrize(("years", "table_mm", "above"), [(5, 0.55, 0.58), (25, 1.90, 0.07), (50, 3.75, -0.15)])
def test_the_splash_zone_is_as_far_off_en_1993_5_as_is_said(years: float, table_mm: float, above: float) -> None:
    """Table 4-2, zone of high attack: CX by the power law is on the safe side of it until 25 years, not at 50."""
    ours_mm = loss_um(0.0, years, [0.0], at("C3").first_year_um(splashed=True), 0.523) / 1000
    assert ours_mm / table_mm - 1 == pytest.approx(above, abs=0.01)


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
    assert where.first_year_um(splashed=found[1]) == pytest.approx([category_um(name) for name in ("CX", "C1", "C4")])
    assert at("C5").splash_patterns().shape == (0, 1)
