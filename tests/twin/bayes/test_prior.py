from dataclasses import replace

import numpy as np
import pytest

from corrotwin.twin.bayes.prior import CATEGORY_MEASURED, EXPONENTS, Prior, prior_of, split
from corrotwin.twin.mechanisms import process
from corrotwin.twin.model.coating import Zinc
from corrotwin.twin.model.exposure import Climate, Exposure, Period, at, category_um
from corrotwin.twin.twin_state import TwinState


@pytest.mark.parametrize("category", ["C3", "C4", "C5"])
def test_the_prior_of_paint_is_the_calibrated_one(twin: TwinState, category: str) -> None:
    there = replace(twin, exposure=at(category))
    assert prior_of(there, measured=False) == Prior()
    assert prior_of(there, measured=True) == CATEGORY_MEASURED


def test_spreads_are_what_their_sources_say() -> None:
    """As `Prior` has them in words; bounds of ISO 9223, tolerance of ASTM A530."""
    widest = np.log(np.array([50 / 25, 80 / 50, 200 / 80])).max() / np.sqrt(12)  # of C3 to C5, as likely anywhere
    assert widest < CATEGORY_MEASURED.rate[0] < 1.25 * widest
    assert Prior().rate == pytest.approx([np.hypot(0.3, 0.7)] * 2, rel=0.02)
    assert Prior().front == pytest.approx([np.hypot(0.5, 0.4)] * 2, rel=0.02)
    assert 3 * Prior().new == pytest.approx(-np.log(1 - 0.125), rel=0.02)
    assert Prior().measured_rate == process.UNKNOWN_SPREAD
    # What the spread of `twin.calibration.published` leaves, around 0.523, of exponents that steel can have.
    assert EXPONENTS[0] < 0.523 - Prior().exponent < 0.523 + Prior().exponent < EXPONENTS[1] == 1


@pytest.mark.parametrize(
    ("category", "rate", "measured", "front"),
    [  # ln of 5.70 / 0.411, 35.4 / 5.70 and 374 / 126; of 10, 25 / 1.3 and 3.5 over sqrt 12; of 5 and 2.5 in speed
        ("C1", (0.66, 2.63), 0.66, (0.65, np.hypot(0.5, 1.61))),
        ("C2", (2.63, 1.82), 0.85, (np.hypot(0.5, 1.61), np.hypot(0.5, 0.92))),
        ("CX", (1.08, 0.36), 0.36, (0.65, 0.65)),
    ],
)
def test_of_a_wide_category_less_is_known(
    twin: TwinState, category: str, rate: tuple[float, float], measured: float, front: tuple[float, float]
) -> None:
    there = replace(twin, exposure=at(category))
    estimate, known = prior_of(there, measured=False), prior_of(there, measured=True)
    found, expected = (*estimate.rate, *known.rate, *estimate.front), (*rate, measured, measured, *front)
    assert found == pytest.approx(expected, abs=0.01)
    assert replace(estimate, rate=Prior().rate, front=Prior().front) == Prior()
    assert replace(known, rate=CATEGORY_MEASURED.rate) == CATEGORY_MEASURED


@pytest.mark.parametrize(("category", "least", "most"), [("C1", 0.13, 50), ("C2", 0.05, 200), ("CX", 50, 700)])
def test_the_first_year_is_that_of_a_category_no_more_than_two_off(
    twin: TwinState, category: str, least: float, most: float
) -> None:
    """P5 and P95 in µm; steps up and down are unequal, and there is none beyond CX."""
    prior = prior_of(replace(twin, exposure=at(category)), measured=False)
    low, middle, high = category_um(category) * split(np.array([-1.645, 0, 1.645]), prior.rate)
    assert least < low < middle < high < most
    assert middle == category_um(category)


def test_the_prior_goes_by_the_most_corrosive_place_and_by_zinc(twin: TwinState) -> None:
    mild = Climate(temperature_c=10.0, humidity_percent=60.0, so2_mg_m2_d=1.0, chloride_mg_m2_d=1.0)
    assert prior_of(replace(twin, exposure=Exposure(periods=(Period(climate=mild),))), measured=False) == prior_of(
        replace(twin, exposure=at("C2")), measured=False
    )
    moved = Exposure(periods=(Period(category="C1"), Period(from_years=2, category="C4")))
    assert prior_of(replace(twin, exposure=moved), measured=False) == Prior()
    zinc = replace(twin, coating=Zinc(thickness_um=60.0))
    assert prior_of(zinc, measured=False) == Prior(delay=0.85)
    assert prior_of(zinc, measured=True) == replace(CATEGORY_MEASURED, delay=0.4)
