"""Thickness readings: the sum of both faces at a place, one bias a visit, mechanisms that wander."""

from dataclasses import replace

import numpy as np
import pytest
from process_pipe import process_pipe
from scipy.stats import multivariate_normal

from corrotwin.twin import assets, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.bayes.histories.ensemble import Bank, bank
from corrotwin.twin.bayes.histories.trajectories import LOCAL_NEW, Trajectory
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.prior import Prior, prior_of
from corrotwin.twin.bayes.sightings import Sighting, sighting, zone_of
from corrotwin.twin.bayes.smc import learn, prior_particles
from corrotwin.twin.bayes.thickness.model import ThicknessModel, brownian_integral
from corrotwin.twin.bayes.thickness.paths import draw_paths, replicate_thickness
from corrotwin.twin.bayes.thickness.readings import MOST_EARLIER, Readings, arrange, draw_spots
from corrotwin.twin.forecast import projection
from corrotwin.twin.forecast.lives import life_years, plan_years
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.mechanisms.process import process
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

STEADY, FASTER = (8.18, 7.38, 6.58, 5.78), (8.18, 7.98, 7.78, 5.78)  # every four years
NOISE_MM = 0.08


@pytest.fixture(scope="module")
def line() -> TwinState:
    return process_pipe(8.0)


@pytest.fixture(scope="module")
def surface(line: TwinState) -> tuple[AssetGeometry, Texels]:
    built = twin_state.asset(line)
    return built, assets.texels(built)


@pytest.fixture(scope="module")
def histories(line: TwinState, surface: tuple[AssetGeometry, Texels]) -> Bank:
    return bank(line, *surface, years=40, prior=prior_of(line, measured=False), seed=0)


def survey(values: tuple[float, ...], places: int, scatter: float = 0.0, seed: int = 5) -> list[Record]:
    rng = np.random.default_rng(seed)
    return [
        Record(
            date=f"{2000 + 4 * number}-01-02", zone="body", kind="ultrasonic", tool="UT", place=f"CML-{place}",
            value=float(value + scatter * rng.standard_normal()), scatter_sd=NOISE_MM,
        )
        for number, value in enumerate(values) for place in range(places)
    ]  # fmt: skip


def prepared(records: list[Record], histories: Bank, latest: int = 0) -> tuple[Readings, list[Sighting]]:
    items = [sighting(record, histories, 0) for record in records]
    cut = len(items) - latest
    return arrange(items[:cut], items[cut:], histories), items


@pytest.mark.ci
def test_the_covariance_of_an_integrated_walk_is_that_of_simulated_ones() -> None:
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((20000, 1000)) * np.sqrt(0.01)
    paths = np.cumsum(np.cumsum(steps, axis=1), axis=1) * 0.01
    years = np.array([2.0, 5.0, 10.0])
    drawn = paths[:, (years * 100).astype(int) - 1]
    np.testing.assert_allclose(np.cov(drawn.T), brownian_integral(years, years), rtol=0.06)


def test_the_likelihood_is_that_of_one_large_normal_distribution(histories: Bank) -> None:
    """Every covariance of every pair of readings by hand, without the shortcuts: two places, five visits, one gap."""
    records = [
        record for record in survey((*STEADY, 5.6), 2, 0.1) if (record.place, record.date[:4]) != ("CML-1", "2008")
    ]
    readings, items = prepared(records, histories)
    state = prior_particles(histories, 0, 3, 5, 1.0, frozenset())
    state = replace(state, readings=readings)
    spots = draw_spots(histories, readings.places, 5, np.random.default_rng(1))
    model = ThicknessModel(bank=histories, readings=readings, growth=state.growth(), spots=spots)
    growth, given = state.growth(), np.array([item.record.value for item in items])
    when, where = np.array([item.years for item in items]), np.array([item.record.place[-1] == "1" for item in items])
    visit = np.array([item.record.date for item in items])
    ours = model.log_likelihood()
    expected = []
    for number in range(5):
        rate = float(growth.mechanism_rate[number, 0])
        same_place, same_visit = where[:, None] == where, visit[:, None] == visit
        walk = np.array([[min(a, b) ** 2 * (3 * max(a, b) - min(a, b)) / 6 for b in when] for a in when])
        covariance = NOISE_MM**2 * np.eye(len(given)) + 0.1**2 * same_visit + (LOCAL_NEW * 8.18) ** 2 * same_place
        covariance += (rate * float(growth.shared_drift[number, 0])) ** 2 * walk
        covariance += (rate * float(growth.mechanism_spread[number, 0])) ** 2 * np.outer(when, when) * same_place
        covariance += (rate * float(growth.local_drift[number, 0])) ** 2 * walk * same_place
        slot = [int(np.argmin(np.abs(readings.years - year))) for year in when]
        air = np.array(
            [model.without_mechanisms_mm[number, int(row), column] for row, column in zip(where, slot, strict=True)]
        )
        expected.append(multivariate_normal(air - rate * when, covariance).logpdf(given))
    np.testing.assert_allclose(np.diff(ours), np.diff(expected), rtol=1e-4, atol=1e-3)  # but for a constant


def test_readings_are_taken_from_both_faces_at_their_place(line: TwinState) -> None:
    """A bare plate loses from face and back: at each place what is left is new, less one, less the other."""
    plate = twin_state.sample_twin("plate", np.random.default_rng(1), texel_mm=5.0)
    size = {"length_m": 0.5, "width_m": 0.4, "thickness_mm": 6.0, "opening_mm": 0.0, "stiffeners": 0,
            "fasteners": "none", "butt_weld": False, "upright": True}  # fmt: skip
    plate = replace(plate, parameters={**plate.parameters, **size}, exposure=at("C5"), coating=None, pits=None)
    asset = twin_state.asset(plate)
    texels = assets.texels(asset)
    known = Prior(rate=(0, 0), exponent=0, delay=0, front=(0, 0), defects=0, pits=0, new=0)
    found = bank(plate, asset, texels, years=20, prior=known, seed=0)
    zone = zone_of(found, "face")
    state = prior_particles(found, 0, 0, 8, 1.0, frozenset())
    trajectory = Trajectory(bank=found, zone=zone, growth=state.growth())
    own, behind = (trajectory.air_mm(20.0, face) for face in (zone.own, zone.behind))
    assert (behind > 0).all()
    left = trajectory.levels(20.0).least_left_mm
    expected = (trajectory.new_mm() - own - behind).min(axis=2)
    np.testing.assert_allclose(left, expected, rtol=1e-5)
    assert (left < (trajectory.new_mm() - own).min(axis=2)).all()
    assert (
        left
        >= (trajectory.new_mm() - own.max(axis=2, keepdims=True) - behind.max(axis=2, keepdims=True)).min(axis=2) - 1e-5
    ).all()
    # And of the twin's own fields: mean loss of both faces.
    fields = twin_state.fields(replace(plate, clock=later(EPOCH, 20)), asset, texels)
    mean = [float(fields.wall_loss_mm[texels.zone == asset.zone_names.index(name)].mean()) for name in ("face", "back")]
    place = float((6.0 - (own + behind)[..., : len(zone.texel)]).mean())
    assert place == pytest.approx(6 - sum(mean), abs=0.05)


def test_one_bias_a_visit_does_not_average_out_over_places(histories: Bank) -> None:
    """Sixty readings of one visit share its bias: what is left is known to no better than that."""
    records = survey((8.18,), 60, NOISE_MM)
    known = learn(histories, records, {}, seed=0, particles=400)
    left = draw_paths(known.now, 0.0, np.random.default_rng(0)).left_mm.mean(axis=1)
    assert 0.05 < float(left.std()) < 0.15
    twice = [*records, *(replace(record, date="2000-06-30", tool="UT-2") for record in records)]
    again = learn(histories, twice, {}, seed=0, particles=400)
    more = draw_paths(again.now, 0.0, np.random.default_rng(0)).left_mm.mean(axis=1)
    assert float(more.std()) < 0.9 * float(left.std())


def lives(state: Particles, required: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Remaining life of the measured places (n, J), and of the zone (n,)."""
    years = plan_years(12.0, 52.0)
    found = projection.project(state, years, {"body": required})
    places = np.stack([life_years(place.left_mm, required, years, 12.0) for place in found.places], axis=1)
    return places, life_years(found.zones["body"].judged_left_mm, required, years, 12.0)


@pytest.mark.ci
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_six_places_that_fall_steadily_live_as_api_570_says(histories: Bank, seed: int) -> None:
    """8.18 to 5.78 mm in twelve years, 4 mm required: 8.9 years by hand. A zone is as old as its thinnest place."""
    known = learn(histories, survey(STEADY, 6), {}, seed=seed, particles=400)
    assert known.conflicts == ()
    places, zone = lives(known.now)
    for place in places.T:
        low, middle, _ = np.percentile(place, (5, 50, 95), method="closest_observation")
        assert 8.0 <= middle <= 9.8
        assert 4.5 <= low <= 8.9
    assert (zone <= places.min(axis=1) + 1e-9).all()


@pytest.mark.ci
@pytest.mark.parametrize("places", [1, 6])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_a_wall_that_falls_faster_of_late_lives_by_the_short_term_rate(histories: Bank, places: int, seed: int) -> None:
    """0.05 mm a year for eight years, then 0.5: 3.6 years by API 570's short-term rate."""
    known = learn(histories, survey(FASTER, places), {}, seed=seed, particles=400)
    found, zone = lives(known.now)
    for place in found.T:
        assert 2.5 <= np.median(place) <= 4.5
    assert (zone <= found.min(axis=1) + 1e-9).all()
    assert [item.date for item in known.conflicts] == ["2012-01-02"]  # and it is named


@pytest.mark.ci
def test_places_that_agree_say_that_others_do(histories: Bank) -> None:
    """Six equal places: the unseen ones are like them. Six unequal ones: some unseen one is worse."""
    equal = learn(histories, survey(STEADY, 6), {}, seed=0, particles=400).now
    unequal = [
        replace(record, value=8.18 - (8.18 - record.value) * (0.4 + 0.24 * int(record.place[-1])))
        for record in survey(STEADY, 6)
    ]
    spread = learn(histories, unequal, {}, seed=0, particles=400).now
    assert np.median(spread.growth().mechanism_spread) > 2 * np.median(equal.growth().mechanism_spread)
    least = [projection.forecast_zones(state, [12.0])["body"].least_left_mm for state in (equal, spread)]
    assert np.median(least[1]) < np.median(least[0]) - 0.5


def test_replicates_are_what_the_model_expects(histories: Bank) -> None:
    """Each reading falls anywhere among its replicates, drawn from what the readings before it taught."""
    records = survey((*STEADY, 4.98), 3, NOISE_MM)
    known = learn(histories, records[:-3], {}, seed=0, particles=400)
    items = [sighting(record, histories, 0) for record in records]
    drawn = replicate_thickness(known.now, items[:-3], items[-3:], np.random.default_rng(0))
    assert drawn.shape == (400, 3)
    np.testing.assert_allclose(np.median(drawn, axis=0), 4.98, atol=0.25)
    spread = np.ptp(np.percentile(drawn, (5, 95), axis=0), axis=0)
    assert ((spread > 2 * NOISE_MM) & (spread < 1.5)).all()


def test_longer_paths_begin_with_the_same(histories: Bank) -> None:
    known = learn(histories, survey(STEADY, 2), {}, seed=0, particles=50).now
    short, long = (draw_paths(known, until, np.random.default_rng(3)) for until in (20.0, 45.0))
    np.testing.assert_allclose(long.left_mm[..., :21], short.left_mm, atol=1e-6)
    np.testing.assert_allclose(long.shared_mm[..., :21], short.shared_mm, atol=1e-6)
    assert (np.diff(long.left_mm, axis=2) <= 0).all()
    total = long.shared_mm[:, 0] + known.growth().mechanism_rate[:, :1] * long.years
    assert (np.diff(total, axis=1) >= -1e-9).all()


def test_many_visits_are_taken_together(histories: Bank) -> None:
    """Monthly readings of ten years say what their yearly means do, and no reading is lost."""
    records = [
        Record(date=f"{2000 + month // 12}-{month % 12 + 1:02d}-15", zone="body", kind="ultrasonic", tool="UT",
               place="CML-1", value=8.18 - 0.2 * month / 12, scatter_sd=NOISE_MM)
        for month in range(120)
    ]  # fmt: skip
    readings, _ = prepared(records, histories)
    assert readings.years.shape == (MOST_EARLIER,)
    assert (1 / readings.variance).sum() == pytest.approx(120 / NOISE_MM**2)
    np.testing.assert_allclose(readings.value_mm[0], 8.18 - 0.2 * (readings.at_years[0] - 0.04), atol=0.01)


@pytest.mark.ci
def test_a_stated_rate_does_not_lower_a_measured_one(line: TwinState, surface: tuple[AssetGeometry, Texels]) -> None:
    """A law that says a tenth of what is measured: the readings win."""
    stated = replace(line, mechanisms=(process(rate_mm_year=0.02),))
    found = bank(stated, *surface, years=40, prior=prior_of(stated, measured=False), seed=0)
    known = learn(found, survey(STEADY, 6), {}, seed=0, particles=400)
    places, _ = lives(known.now)
    assert 8.0 <= np.median(places) <= 9.8


def test_a_bias_of_one_day_is_no_smaller_for_other_days_of_its_visit(histories: Bank) -> None:
    """Six days taken together: places read on one day each have a bias of 0.1 mm, one read on all has 0.1 / sqrt(6)."""
    days = [f"2010-{month:02d}-02" for month in range(1, 7)]
    usual = {"zone": "body", "kind": "ultrasonic", "tool": "UT", "value": 7.0, "scatter_sd": NOISE_MM}
    apart = [Record(date=day, place=f"CML-{day}", **usual) for day in days]  # type: ignore[arg-type]
    often = [Record(date=day, place="CML-0", **usual) for day in days]  # type: ignore[arg-type]
    one_day = NOISE_MM**2 + 0.1**2
    once, _ = prepared(apart, histories, latest=len(apart))
    assert len(once.years) == 3
    np.testing.assert_allclose((once.variance + once.bias_variance)[once.read], one_day)
    each, _ = prepared(often, histories, latest=len(often))
    np.testing.assert_allclose((one_day / (each.variance + each.bias_variance)).sum(), len(often))  # days in all
    mixed, _ = prepared([*apart, *often], histories, latest=12)
    own = (mixed.variance + mixed.bias_variance)[:-1]
    np.testing.assert_allclose(own[mixed.read[:-1]], one_day)


def test_a_wall_that_loses_faster_than_ever_does_not_pass_for_a_bad_gauge(histories: Bank) -> None:
    """Six places read 6.6 mm after 7.78: a conflict, but what is left is what was read, whatever prior it widens."""
    records = survey((8.18, 7.98, 7.78, 6.6), 6)
    known = learn(histories, records, {}, seed=0, widenings=(4.0,)).now
    left = draw_paths(known, 12.0, np.random.default_rng(0)).left_at(12.0)
    np.testing.assert_allclose(np.median(left, axis=0), 6.6, atol=0.25)


def test_readings_through_paint_have_a_bias_of_their_own(histories: Bank) -> None:
    """Bare places tell nothing of how much the paint at others adds, nor does that paint blur the bare ones."""
    usual = {"date": "2010-01-02", "zone": "body", "kind": "ultrasonic", "tool": "UT", "value": 8.0}
    bare = Record(place="A", **usual)  # type: ignore[arg-type]
    painted = Record(place="B", echo="single", coated=True, **usual)  # type: ignore[arg-type]
    readings, _ = prepared([bare, painted], histories)
    np.testing.assert_allclose(np.sqrt(readings.bias_variance), [0.1, np.hypot(0.1, 0.264)], rtol=1e-2)
    np.testing.assert_allclose(readings.value_mm[readings.read], [8.0, 8.0 - 0.675])
