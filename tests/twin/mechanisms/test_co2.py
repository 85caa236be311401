"""Rates of carbonic acid corrosion against calculations by hand."""

import itertools
import math

import pytest

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.co2 import co2, de_waard_mm_year, fugacity_bar, norsok_mm_year

CONDITIONS = {"temperature_c": 60.0, "co2_bar": 2.0, "ph": 5.0}


def test_fugacity_by_hand() -> None:
    """At 60 °C and 40 bar: 10^(40 (0.0031 - 1.4 / 333.15)) = 10^-0.04409 = 0.90346; no higher than at 250 bar."""
    assert fugacity_bar(2.0, 40.0, 60.0) == pytest.approx(1.80692, rel=1e-4)
    assert fugacity_bar(2.0, 0.0, 60.0) == 2.0
    assert fugacity_bar(2.0, 400.0, 60.0) == fugacity_bar(2.0, 250.0, 60.0)


def test_de_waard_by_hand() -> None:
    """60 °C, 2 bar: log V = 5.8 - 5.13282 + 0.20169 = 0.86887, no scale: 7.394 mm/year.

    120 °C, 2 bar: log V = 5.8 - 4.34948 + 0.20169 = 1.65221; log F = 6.10454 - 0.18062 - 6.7 = -0.77608: 7.516 mm/year.
    """
    assert de_waard_mm_year(60.0, 2.0) == pytest.approx(7.394, rel=1e-3)
    assert de_waard_mm_year(120.0, 2.0) == pytest.approx(7.516, rel=1e-3)


@pytest.mark.parametrize(
    ("temperature_c", "ph", "shear_pa", "expected"),
    [
        # K f^0.62 F: 10.695 x 1.53688 x (15.444 - 30.6455 + 20.51 - 4.6375 = 0.671)
        (60.0, 5.0, 19.0, 11.029),
        # the same times (100/19)^(0.146 + 0.0324 x 0.30103 = 0.155753) = 1.29525
        (60.0, 5.0, 100.0, 14.285),
        # K f^0.36 F, no shear: 0.42 x 1.28343 x (4.342 - 5.255 + 1.77 = 0.857)
        (5.0, 5.0, 100.0, 0.46196),
        # K f^0.36 F: 1.59 x 1.28343 x (2.0676 - 0.2309 x 4 = 1.144)
        (15.0, 4.0, 19.0, 2.33449),
        # 9.949 x 1.53688 x 331.68 exp(-1.2618 x 6) (0.170887)
        (80.0, 6.0, 19.0, 2.61292),
        # 6.250 x 1.53688 x 21254 exp(-2.1811 x 5) (0.390299)
        (90.0, 5.0, 19.0, 3.74899),
        # 5.203 x 1.53688 x 0.037
        (150.0, 6.0, 19.0, 0.295868),
        # halfway between 8.927 x 1.53688 x (5.1885 - 6.1765 + 1.77 = 0.782) = 10.7288 at 40 °C and 11.029 at 60 °C
        (50.0, 5.0, 19.0, 10.879),
    ],
)
def test_norsok_by_hand(temperature_c: float, ph: float, shear_pa: float, expected: float) -> None:
    assert norsok_mm_year(temperature_c, 2.0, ph, shear_pa) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("temperature_c", [5.0, 15.0, 20.0, 40.0, 60.0, 80.0, 90.0, 120.0, 150.0])
def test_the_table_of_ph_has_no_step(temperature_c: float) -> None:
    """Pieces of the table meet within 6 % of its largest value: no sign or digit of it is wrong."""
    rates = [norsok_mm_year(temperature_c, 1.0, 3.5 + step / 1000, 19.0) for step in range(3001)]
    steps = [abs(later - before) for before, later in itertools.pairwise(rates)]
    assert max(steps) < 0.06 * max(rates)
    assert min(rates) > 0


@pytest.mark.parametrize("temperature_c", [5.0, 15.0])
def test_the_cold_pieces_meet_to_four_digits(temperature_c: float) -> None:
    """At pH 4.6: 2.0676 - 1.0621 = 1.0055, and so are 4.342 - 4.8346 + 1.4981 and 4.986 - 5.4786 + 1.4981."""
    below, above = (norsok_mm_year(temperature_c, 1.0, ph, 19.0) for ph in (4.6, 4.6 + 1e-9))
    assert above == pytest.approx(below, rel=2e-4)


def test_the_prior_is_a_factor_of_two_wide() -> None:
    found = co2(**CONDITIONS)  # type: ignore[arg-type]
    assert found.spread == pytest.approx(math.log(2), rel=1e-3)
    assert found.rate_p95_mm_year > 3 * found.rate_mm_year
    assert (found.zones, found.exponent, found.source) == (("bore",), 1.0, "NORSOK M-506")
    assert found.inputs == {**CONDITIONS, "shear_pa": 19.0}
    assert co2(temperature_c=60.0, co2_bar=2.0).rate_mm_year == pytest.approx(7.394, rel=1e-3)
    lower = co2(**CONDITIONS, pressure_bar=40.0)  # type: ignore[arg-type]
    assert lower.rate_mm_year < found.rate_mm_year


def test_the_whole_range_of_the_models_is_taken() -> None:
    """The worst corner is 80 °C, 10 bar, pH 3.5, 150 Pa: 9.949 x 4.16869 x 1.44565 x 1.4001."""
    worst = co2(temperature_c=80.0, co2_bar=10.0, ph=3.5, shear_pa=150.0)
    assert worst.rate_mm_year == pytest.approx(83.9, rel=2e-3)
    corners = [
        co2(temperature_c=temperature, co2_bar=pressure, ph=ph, shear_pa=shear).rate_mm_year
        for temperature in (5.0, 150.0)
        for pressure in (0.1, 10.0)
        for ph in (3.5, 6.5)
        for shear in (1.0, 150.0)
    ]
    assert 0 < min(corners) < max(corners) < worst.rate_mm_year


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"temperature_c": 4.9}, "temperature_c 4.9: the models are valid from 5 to 150"),
        ({"temperature_c": 151.0}, "from 5 to 150"),
        ({"co2_bar": 0.05}, "co2_bar 0.05: the models are valid from 0.1 to 10"),
        ({"co2_bar": 11.0}, "from 0.1 to 10"),
        ({"ph": 3.4}, "ph 3.4: the models are valid from 3.5 to 6.5"),
        ({"ph": 7.0}, "from 3.5 to 6.5"),
        ({"shear_pa": 0.0}, "from 1 to 150"),
        ({"ph": None, "shear_pa": 50.0}, "shear_pa 50 is used only by NORSOK M-506, which needs a pH; also give ph"),
        ({"h2s_bar": 0.06}, "h2s_bar 0.06: the models are valid from 0 to 0.05"),
        ({"co2_bar": 0.2, "h2s_bar": 0.02}, "from 0 to 0.01"),
        ({"pressure_bar": 1.0}, "the total cannot be below the pressure of CO2, 2"),
        ({"temperature_c": math.nan}, "from 5 to 150"),
    ],
)
def test_outside_the_range_the_models_are_refused(change: dict[str, float | None], part: str) -> None:
    with pytest.raises(InputError, match=part):
        co2(**{**CONDITIONS, **change})  # type: ignore[arg-type]
