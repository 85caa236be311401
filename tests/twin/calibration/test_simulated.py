"""Simulated assets and inspectors: thickness through the wall, and truths that the twin's model lacks."""

from dataclasses import replace

import numpy as np
import pytest

from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.calibration import coverage
from corrotwin.twin.calibration.arms import ARMS, JUMP_YEARS
from corrotwin.twin.calibration.coverage import LARGEST, LEAST_LEFT, LIFE, PRESSURE, YEARS
from corrotwin.twin.calibration.simulated_assets import Truth, opposite_texel
from corrotwin.twin.calibration.simulated_inspections import Simulated, largest_first, simulate
from corrotwin.twin.forecast.failure import Pressure
from corrotwin.twin.forecast.projection import ALL, ZoneForecast
from corrotwin.twin.forecast.strength import flow_stress_mpa

PIPE, PLATE = 0, 1  # numbers of geometries


STEADY = Prior(place_spread=(0.0, 0.0), rate_drift=(0.0, 0.0))


def case(arm: str, number: int, prior: Prior = STEADY) -> Simulated:
    twin, asset, texels = coverage._geometry(number)
    return simulate(ARMS[arm], twin, asset, texels, prior, np.random.default_rng(5))


def test_what_lies_behind_a_plate_is_its_other_face() -> None:
    _, asset, texels = coverage._geometry(PLATE)
    behind = opposite_texel(asset, texels)
    zone, place = texels.zone.reshape(-1), texels.position_m.reshape(-1, 3)
    front = np.flatnonzero((zone == asset.zone_names.index("face")) & (behind >= 0))
    reached = np.array(asset.zone_names)[zone[behind[front]]]
    assert np.mean(reached == "back") > 0.9
    through = np.linalg.norm(place[front] - place[behind[front]], axis=1) * 1000
    sideways = np.hypot(through, 0) - texels.thickness_mm.reshape(-1)[front]
    assert np.median(np.abs(sideways)) < 1.5, "as far as the plate is thick, to a texel"
    assert np.mean(behind[behind[front]] == front) > 0.8, "and from there one looks back at the same texel"


def test_thickness_left_is_that_through_the_wall() -> None:
    """6 mm when new, 0.3 mm lost from one face and 0.5 from the other: 5.2; with a pit of 1 mm in the face: 4.2."""
    _, asset, texels = coverage._geometry(PLATE)
    grown = case("as assumed", PLATE).at_year(5.0)
    zone = texels.zone.reshape(-1)
    loss = np.where(zone == asset.zone_names.index("back"), 0.5, 0.3)
    at = int(np.flatnonzero((zone == asset.zone_names.index("face")) & (grown.behind >= 0))[7])
    pit = {"pit_texel": np.array([at]), "pit_zone": np.array([asset.zone_names.index("face")])}
    there = replace(
        grown, loss_mm=loss, new_mm=np.full(len(zone), 6.0), pit_depth_mm=np.array([1.0]), pit_loss_mm=np.array([1.3]),
        behind=np.where(np.isin(zone, [asset.zone_names.index(name) for name in ("face", "back")]), grown.behind, -1),
        **pit,
    )  # fmt: skip
    back = zone[grown.behind[at]] == asset.zone_names.index("back")
    assert back
    assert there.left_mm[at] == pytest.approx(5.2)
    assert there.least_left_mm("face") == there.least_left_mm("back") == there.least_left_mm() == pytest.approx(4.2)
    bare = replace(there, pit_texel=np.array([], int), pit_zone=np.array([], int), pit_loss_mm=np.array([]))
    assert bare.least_left_mm("face") == pytest.approx(5.2)


@pytest.mark.ci
def test_every_arm_can_be_simulated_and_differs_as_it_says() -> None:
    grown = {name: case(name, PIPE) for name in ARMS}
    last = {name: one.at_year(20.0) for name, one in grown.items()}
    loss = {name: float(there.loss_mm.mean()) for name, there in last.items()}
    plain = loss["gauge reads 0.3 mm thick"]
    assert loss["category C5, not C4"] > plain > loss["category C3, not C4"]
    assert loss["exponent 1"] > loss["exponent 0.15 higher"] > plain == loss["detection 0.6, not 0.9"]
    assert {record.kind for record in grown["as assumed"].records} == {"ultrasonic", "photo", "grade", "pit"}


def readings(one: Simulated) -> np.ndarray:
    """Return the thickness readings, (2 visits, places)."""
    values = [record.value for record in one.records if record.kind == "ultrasonic"]
    return np.array(values).reshape(2, -1)


def test_the_bias_of_a_gauge_is_one_for_a_visit_and_another_for_the_next() -> None:
    """With the same random numbers a bias of sd 0.3 mm less one of 0.1 mm is 0.2 mm times a normal number."""
    usual = readings(case("gauge reads 0.3 mm thick", PIPE)) - 0.3
    worse = readings(case("gauge off by 0.3 mm, not 0.1", PIPE))
    more = worse - usual
    assert more.shape == (2, 6)
    assert np.allclose(more, more[:, :1])
    assert abs(more[0, 0] - more[1, 0]) > 0.02


@pytest.mark.ci
def test_a_rate_inside_differs_from_cell_to_cell_and_wanders() -> None:
    """As the prior has it: logarithms of the loss in cells of 100 mm spread by 0.15 or so, and no metal comes back."""
    prior = replace(STEADY, place_spread=(0.15, 0.0))
    losses = []
    _, asset, texels = coverage._geometry(PIPE)
    bore = (texels.zone == asset.zone_names.index("bore")).reshape(-1) & (texels.area_mm2 > 0).reshape(-1)
    for own in (prior, STEADY, Prior()):
        one = case("pipes, as assumed", PIPE, own)
        losses.append([one.at_year(year).loss_mm[bore] for year in (5.0, 20.0)])
    values = np.unique(losses[0][0].round(9))
    assert np.std(np.log(values)) == pytest.approx(0.15, abs=0.06)
    assert len(values) > 10
    assert len(np.unique(losses[1][0].round(9))) == 1
    assert (losses[2][1] >= losses[2][0]).all()
    growth = losses[2][1] / losses[2][0]
    assert growth.std() > 0.01, "not all in proportion to time"


def test_the_rate_inside_jumps_after_the_owner_has_learned_it() -> None:
    """The same fluid, four times as fast from year 8: in year 20 rate x (20 + 3 x 12), in year 5 no difference."""
    steady = case("pipes, as assumed", PIPE)
    jumping = case("pipes, rate inside four times as high from year 8", PIPE)
    _, asset, texels = coverage._geometry(PIPE)
    bore = (texels.zone == asset.zone_names.index("bore")).reshape(-1) & (texels.area_mm2 > 0).reshape(-1)
    before, after = (one.at_year(5.0).loss_mm[bore].max() for one in (steady, jumping))
    assert before == pytest.approx(after)
    rate = before / 5
    thickness = texels.thickness_mm.reshape(-1)[bore].max()
    expected = min(rate * (20 + 3 * (20 - JUMP_YEARS)), thickness)
    assert jumping.at_year(20.0).loss_mm[bore].max() == pytest.approx(expected, rel=1e-5)


@pytest.mark.ci
def test_a_local_attack_is_where_nobody_measured() -> None:
    plain, attacked = case("exponent 0.15 higher", PLATE), case("local attack where nobody measured", PLATE)
    usual = case("gauge reads 0.3 mm thick", PLATE)
    more = attacked.at_year(20.0).loss_mm - usual.at_year(20.0).loss_mm
    spot = np.flatnonzero(more > 0.1)
    assert 20 < len(spot) < 200, "a round spot of 30 mm radius in texels of 4 mm"
    assert more[spot].max() <= 2.0 + 1e-6, "0.1 mm a year"
    assert np.median(more[spot]) == pytest.approx(2.0, abs=0.01)
    _, asset, texels = coverage._geometry(PLATE)
    name = largest_first(asset, texels)[0]
    assert set(np.array(asset.zone_names)[texels.zone.reshape(-1)[spot]]) == {name}
    height, width = asset.atlas_shape
    for record in attacked.records:
        if record.kind == "ultrasonic":
            assert record.uv is not None
            assert int(record.uv[1] * height) * width + int(record.uv[0] * width) not in spot
    assert plain.at_year(20.0).loss_mm.mean() > usual.at_year(20.0).loss_mm.mean()


def forecast_of(truths: list[Truth], zone: str, above_mm: float, off_mm: float) -> ZoneForecast:
    """Return a forecast that knows the truth to 0.1 mm, but for an error of `off_mm` on the bright side."""
    noise = 0.1 * np.random.default_rng(1).standard_normal((400, 1))

    def around(values: list[float], sign: float) -> np.ndarray:
        return np.maximum(np.array(values)[None] + sign * off_mm + noise, 0)

    share, mean, worst = zip(*(one.measured(zone) for one in truths), strict=True)
    return ZoneForecast(
        rusted_share=np.clip(around(list(share), 0), 0, 1),
        mean_loss_mm=around(list(mean), 0),
        max_loss_mm=around(list(worst), -1),
        least_left_mm=around([one.least_left_mm(zone) for one in truths], 1),
        judged_left_mm=around([one.least_left_mm(zone, above_mm) for one in truths], 1),
        general_left_mm=around([one.least_left_mm(zone) for one in truths], 1),
    )


@pytest.mark.ci
@pytest.mark.parametrize("off_mm", [0.0, 1.0])
def test_a_forecast_on_the_bright_side_is_found_out(off_mm: float) -> None:
    """One that knows the truth to 0.1 mm fails nowhere; one that is 1 mm too bright fails in all that is acted upon."""
    one = case("exponent 1", PLATE)
    _, asset, texels = coverage._geometry(PLATE)
    truths = [one.at_year(year) for year in YEARS]
    name = largest_first(asset, texels)[0]
    required = float(np.mean([there.least_left_mm(name) for there in truths[2:4]]))
    forecasts = {zone: forecast_of(truths, zone, required, off_mm) for zone in (ALL, name)}
    pairs = coverage.compare(forecasts, truths, asset, name, required, now_years=10.0)
    assert (ALL, PRESSURE) not in pairs, "a plate has none"
    for key in ((ALL, LEAST_LEFT), (LARGEST, LEAST_LEFT), (LARGEST, LIFE)):
        true, samples = pairs[key]
        assert (true < np.percentile(samples, 5)) == bool(off_mm), key
    assert 5 < pairs[LARGEST, LIFE][0] < 10, "between the years 15 and 20"


@pytest.mark.ci
def test_the_true_failure_pressure_is_b31g_of_the_wall_that_is_left() -> None:
    _, asset, texels = coverage._geometry(PIPE)
    there = case("exponent 1", PIPE).at_year(20.0)
    pressure = Pressure.of(asset, smys_mpa=241.0, length_mm=100.0, method="modified")
    flow = flow_stress_mpa(241.0, "modified")
    by_zone = []
    for zone in sorted(pressure.zones):
        general, least = there.general_left_mm(zone), there.least_left_mm(zone)
        assert 0 < least < general < 1.2 * texels.thickness_mm.max()
        whole = 2 * general * flow / pressure.outside_mm  # Barlow of the general wall: more no history may have
        z = 100.0**2 / (pressure.outside_mm * general)
        bulge = np.sqrt(1 + 0.6275 * z - 0.003375 * z**2) if z <= 50 else 0.032 * z + 3.3
        share = 0.85 * (general - least) / general
        by_zone.append(whole * (1 - share) / (1 - share / bulge) if general - least <= 0.8 * general else 0.0)
        assert by_zone[-1] < whole
    assert coverage.true_pressure_mpa(there, pressure) == pytest.approx(min(by_zone), rel=1e-6)
