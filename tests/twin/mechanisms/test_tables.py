"""Laws of soil, sea water and insulation against the tables of their standards."""

import numpy as np
import pytest

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.insulation import insulation
from corrotwin.twin.mechanisms.mechanism import loss_mm
from corrotwin.twin.mechanisms.process import is_unknown, process
from corrotwin.twin.mechanisms.seawater import immersion, splash
from corrotwin.twin.mechanisms.soil import Soil, soil

YEARS = np.array([5.0, 25.0, 50.0, 75.0, 100.0])
SOILS: list[tuple[Soil, list[float]]] = [  # EN 1993-5, Table 4-1, mm
    ("natural", [0.00, 0.30, 0.60, 0.90, 1.20]),
    ("polluted", [0.15, 0.75, 1.50, 2.25, 3.00]),
    ("aggressive", [0.20, 1.00, 1.75, 2.50, 3.25]),
    ("fill", [0.18, 0.70, 1.20, 1.70, 2.20]),
    ("aggressive_fill", [0.50, 2.00, 3.25, 4.50, 5.75]),
]


@pytest.mark.parametrize(("name", "table_mm"), SOILS)
def test_soil_follows_en_1993_5(name: Soil, table_mm: list[float]) -> None:
    given = np.array(table_mm) > 0
    np.testing.assert_allclose(loss_mm(soil(soil=name), YEARS)[given], np.array(table_mm)[given], rtol=0.065)
    assert (loss_mm(soil(soil=name), YEARS[~given]) > 0).all()  # 0.00 of the table is not taken


def test_splash_and_immersion_follow_en_1993_5() -> None:
    """Table 4-2: high attack 0.55, 1.90, 3.75, 5.60, 7.50 mm; permanent immersion 0.25, 0.90, 1.75, 2.60, 3.50 mm."""
    np.testing.assert_allclose(loss_mm(splash(), YEARS), [0.55, 1.90, 3.75, 5.60, 7.50], rtol=0.09)
    np.testing.assert_allclose(loss_mm(immersion(), YEARS), [0.25, 0.90, 1.75, 2.60, 3.50], rtol=0.075)


@pytest.mark.parametrize(("climate", "allowance_mm"), [("temperate", 0.3), ("tropical", 0.4)])
def test_p95_of_splash_covers_the_allowance_of_offshore_design(climate: str, allowance_mm: float) -> None:
    law = splash(climate=climate)  # type: ignore[arg-type]
    years = np.arange(1.0, 101.0)
    assert (loss_mm(law, years, law.rate_p95_mm_year) >= allowance_mm * years).all()


def test_p95_of_immersion_is_twice_that_of_bs_6349() -> None:
    """BS 6349-1-4 has 2.5 mm a face after 50 years of continuous immersion as its mean, 0.05 mm/year."""
    assert loss_mm(immersion(), 50.0, immersion().rate_p95_mm_year) > 2 * 2.5


@pytest.mark.parametrize(
    ("driver", "fahrenheit", "mil_per_year"),
    [
        ("severe", 160, 20), ("severe", 43, 10), ("moderate", 225, 5), ("mild", 90, 3), ("dry", 160, 2),
        ("severe", 18, 3), ("moderate", 30.5, 3), ("severe", 275, 10), ("severe", 325, 5), ("moderate", 325, 1),
        ("severe", 66.5, 10), ("moderate", 125, 7.5), ("severe", 300, 7.5), ("mild", 300, 0.5),
    ],
)  # fmt: skip
def test_insulation_follows_api_581(driver: str, fahrenheit: float, mil_per_year: float) -> None:
    """Part 2, Table 16.2, at its temperatures and halfway between two of them; 20 mil/year are 0.508 mm."""
    law = insulation(driver=driver, temperature_c=(fahrenheit - 32) / 1.8)  # type: ignore[arg-type]
    assert law.rate_mm_year == pytest.approx(mil_per_year * 0.0254)
    assert law.localised


@pytest.mark.parametrize(
    ("driver", "temperature_c", "part"),
    [
        ("severe", -20.0, "covers -12.2 to 176.7"),
        ("severe", 180.0, "covers -12.2 to 176.7"),
        ("severe", 176.7, "gives no loss with driver severe at 176.7 °C"),  # the end of the table, 350 °F
        ("dry", 150.0, "gives no loss with driver dry at 150 °C"),
        ("severe", float("nan"), "API RP 581 covers"),
    ],
)
def test_insulation_outside_the_table_is_refused(driver: str, temperature_c: float, part: str) -> None:
    with pytest.raises(InputError, match=part):
        insulation(driver=driver, temperature_c=temperature_c)  # type: ignore[arg-type]


def test_an_unknown_fluid_spans_low_to_severe() -> None:
    """NACE SP0775: low below 0.025 mm/year, moderate to 0.13, severe above 0.25; the median is a moderate rate."""
    law = process()
    low = law.rate_mm_year**2 / law.rate_p95_mm_year
    assert low < 0.025 < law.rate_mm_year < 0.25 < law.rate_p95_mm_year < 0.5
    assert law.rate_mm_year == pytest.approx(np.sqrt(0.025 * 0.13), rel=0.2)
    assert is_unknown(law)
    assert not any(map(is_unknown, (process(rate_mm_year=0.1), splash(), immersion())))


def test_p95_is_as_far_as_classes_of_soil_and_insulation_may_be_mistaken() -> None:
    """By two classes, and not from the best to the worst: of 50 years of EN 1993-5, and of API RP 581 at 160 °F."""
    natural, aggressive, worst = 0.60, 1.75, 3.25
    law = soil(soil="natural")
    assert aggressive / natural < law.rate_p95_mm_year / law.rate_mm_year < worst / natural
    mild, dry, severe = 5, 2, 20
    law = insulation(driver="mild", temperature_c=(160 - 32) / 1.8)
    assert severe / mild < law.rate_p95_mm_year / law.rate_mm_year < severe / dry


def test_p95_of_splash_is_the_allowance_at_the_end_of_a_long_life() -> None:
    """0.30 mm/year over 100 years; a wider prior would say more than design does."""
    law = splash()
    assert loss_mm(law, 100.0, law.rate_p95_mm_year) < 1.2 * 0.3 * 100


def test_a_stated_rate_is_constant_from_the_first_day() -> None:
    law = process(rate_mm_year=0.1)
    assert law.after_years == 0
    np.testing.assert_allclose(loss_mm(law, YEARS), 0.1 * YEARS)
