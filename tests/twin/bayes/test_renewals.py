"""Replacement, recoating and repair: histories begin again where the asset was made new, and only there."""

from dataclasses import replace

import numpy as np
import pytest
from process_pipe import process_pipe
from scipy.stats import multivariate_normal

from corrotwin.twin import assets, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.bayes.histories.ensemble import Bank, bank
from corrotwin.twin.bayes.histories.renewals import drift_scale
from corrotwin.twin.bayes.histories.trajectories import LOCAL_NEW, GrowthSamples, Trajectory
from corrotwin.twin.bayes.histories.zone_histories import SPOTS
from corrotwin.twin.bayes.prior import prior_of
from corrotwin.twin.bayes.session import session_of
from corrotwin.twin.bayes.sightings import sighting, zone_of
from corrotwin.twin.bayes.smc import prior_particles
from corrotwin.twin.bayes.thickness.model import ThicknessModel
from corrotwin.twin.bayes.thickness.paths import draw_paths
from corrotwin.twin.bayes.thickness.readings import arrange, draw_spots
from corrotwin.twin.forecast import projection, result
from corrotwin.twin.forecast.lives import life_years, rates_since
from corrotwin.twin.forecast.renewals import ZoneRenewal
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.mechanisms.process import process
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import Exposure, Period, at, category_um
from corrotwin.twin.twin_state import EPOCH, TwinState, later

SIZE = {
    "length_m": 0.4, "width_m": 0.3, "thickness_mm": 10.0, "opening_mm": 0.0, "stiffeners": 0, "fasteners": "none",
    "butt_weld": False, "edge": "rolled", "upright": True,
}  # fmt: skip
MOVED = Exposure(periods=(Period(category="C3"), Period(from_years=7.0, category="C5")))


def plate(**changes: object) -> TwinState:
    drawn = twin_state.sample_twin("plate", np.random.default_rng(1), texel_mm=10.0)
    own = {**drawn.parameters, **SIZE}
    given = {"exposure": at("C4"), "coating": None, "mechanisms": (), "clock": later(EPOCH, 12), **changes}
    return replace(drawn, parameters=own, **given)  # type: ignore[arg-type]


def day(years: float) -> str:
    return f"{later(EPOCH, years):%Y-%m-%d}"


def event(kind: str, years: float, zone: str, place: str = "") -> Event:
    return Event(date=day(years), kind=kind, zone=zone, place=place)


def bank_of(twin: TwinState, events: tuple[Event, ...] = (), draws: int = 4) -> Bank:
    built = twin_state.asset(twin)
    prior = prior_of(twin, measured=False)
    return bank(
        twin, built, assets.texels(built), years=30, prior=prior, seed=0, draws=draws, seeds=4, events=events
    )  # fmt: skip


def growth_of(found: Bank, count: int = 6, **changes: object) -> GrowthSamples:
    """Samples of the prior; every new metal as thick when new as the first."""
    drawn = prior_particles(found, 0, 0, count, 1.0, frozenset()).growth()
    own = len(found.pieces_mm)
    rng = np.random.default_rng(3)
    new = np.exp(0.045 * rng.standard_normal((count, own))).astype(np.float32)
    mechanisms = {
        name: np.abs(rng.standard_normal((count, len(found.twin.mechanisms)))).astype(np.float32) * scale
        for name, scale in (
            ("mechanism_rate", 0.2), ("mechanism_spread", 0.2), ("shared_drift", 0.0), ("local_drift", 0.0)
        )
    }  # fmt: skip
    given = {"new": np.tile(new, 1 + len(found.renewed_years)), **mechanisms, **changes}
    return replace(drawn, **given)  # type: ignore[arg-type]


def trajectory(found: Bank, zone: str, growth: GrowthSamples) -> Trajectory:
    return Trajectory(bank=found, zone=zone_of(found, zone), growth=growth)


# --- the model


@pytest.mark.ci
@pytest.mark.parametrize("zone", ["all", "face"])
@pytest.mark.parametrize(
    ("coating", "exposure", "mechanisms"),
    [(None, at("C4"), ()), (None, MOVED, (process(zones=("face",), rate_mm_year=0.1),))],
)
def test_what_was_replaced_is_as_if_built_on_that_day(
    zone: str, coating: Paint | None, exposure: Exposure, mechanisms: tuple[object, ...]
) -> None:
    """Loss, rust and what is left 0, 3 and 11 years after: those of an asset built then that stands where this does."""
    first = plate(coating=coating, exposure=exposure, mechanisms=mechanisms)
    replaced = event("replacement", 5.0, zone)
    begun = replaced.years(first)
    late = replace(first, exposure=exposure.since(begun), built=later(EPOCH, begun))
    old, new = bank_of(first, (replaced,)), bank_of(late)
    growth = growth_of(new)
    ours = replace(growth, new=np.tile(growth.new, 2))
    for ahead in (0.0, 3.0, 11.0):
        here = trajectory(old, "face", ours).levels(begun + ahead)
        there = trajectory(new, "face", growth).levels(ahead)
        for name in ("rusted_share", "mean_loss_mm", "max_loss_mm", "least_left_mm", "general_left_mm"):
            np.testing.assert_allclose(getattr(here, name), getattr(there, name), atol=2e-4, err_msg=name)
    before = trajectory(old, "face", ours).levels(begun - 0.5)
    unchanged = trajectory(bank_of(first), "face", growth).levels(begun - 0.5)
    np.testing.assert_array_equal(before.least_left_mm, unchanged.least_left_mm)
    assert (before.least_left_mm < trajectory(old, "face", ours).levels(begun).least_left_mm).all()


@pytest.mark.ci
def test_new_paint_fails_as_paint_does() -> None:
    """In many histories what was replaced eight years ago rusts as what was built eight years ago, drawn again."""
    first = plate(coating=Paint(life_years=4.0, defects_per_m2=100.0), exposure=MOVED)
    replaced = event("replacement", 5.0, "all")
    begun = replaced.years(first)
    old = bank_of(first, (replaced,), draws=16)
    new = bank_of(replace(first, exposure=MOVED.since(begun), built=later(EPOCH, begun)), draws=16)
    growth = growth_of(new, 16, delay=np.ones(16, dtype=np.float32), number=np.arange(16))
    here = trajectory(old, "face", replace(growth, new=np.tile(growth.new, 2))).levels(begun + 8)
    there = trajectory(new, "face", growth).levels(8.0)
    assert here.rusted_share.mean() == pytest.approx(there.rusted_share.mean(), abs=0.06)
    assert here.max_loss_mm.mean() == pytest.approx(there.max_loss_mm.mean(), rel=0.1)
    assert here.least_left_mm.mean() == pytest.approx(there.least_left_mm.mean(), abs=0.1)
    assert there.rusted_share.mean() > 0.1


def test_loss_after_a_replacement_is_iso_9224_of_the_time_since() -> None:
    """By hand: r t^b of C4 for 8 years in place of 14 on the new face, still 14 on the edge, which was not replaced."""
    replaced = event("replacement", 6.0, "face")
    found = bank_of(plate(pits=None), (replaced,))
    one = np.ones(2, dtype=np.float32)
    growth = replace(growth_of(found, 2), rate=one, exponent=np.float32(0.523) * one, delay=one)
    years = replaced.years(found.twin) + 8.0
    for name, since in (("face", 8.0), ("edge", years)):
        history = trajectory(found, name, growth)
        face = history.zone.own
        uniform = (history.air_mm(years, face) / face.factor / face.local[None])[..., :-SPOTS]
        np.testing.assert_allclose(uniform, category_um("C4") / 1000 * since**0.523, rtol=1e-5)


def test_a_recoated_zone_keeps_its_loss_and_loses_no_more_until_the_new_paint_fails() -> None:
    first = plate(coating=Paint(life_years=4.0), clock=later(EPOCH, 20))
    painted = event("recoating", 10.0, "face")
    found, plain = bank_of(first, (painted,)), bank_of(first)
    growth = growth_of(plain, 8)
    begun = painted.years(first)
    ours, theirs = trajectory(found, "face", growth), trajectory(plain, "face", growth)
    kept = theirs.air_mm(begun, zone_of(plain, "face").own)
    np.testing.assert_array_equal(ours.air_mm(begun, zone_of(found, "face").own), kept)
    soon, late = (ours.air_mm(begun + ahead, zone_of(found, "face").own) for ahead in (0.3, 9.0))
    assert (soon >= kept).all()
    inner = np.s_[..., :-SPOTS]  # a first spot stands for rust that creeps in from older paint
    assert (soon[inner] == kept[inner]).mean() > 0.95
    again, once = (late > kept)[inner].mean(), (theirs.air_mm(9.0, zone_of(plain, "face").own) > 0)[inner].mean()
    assert again == pytest.approx(once, abs=0.12)  # the new paint fails as the first one did
    assert not ours.rusted(begun + 0.3)[inner].any()  # it was blasted
    assert theirs.rusted(begun)[inner].mean() > 0.1
    deeper = ours.pits_mm(begun + 9.0)
    assert (deeper >= ours.pits_mm(begun) - 1e-6).all()
    # The back was not recoated: its own face goes on as it was.
    back = [trajectory(bank_, "back", growth) for bank_ in (found, plain)]
    np.testing.assert_array_equal(*(one.air_mm(18.0, one.zone.own) for one in back))
    np.testing.assert_array_equal(*(one.rusted(18.0) for one in back))
    assert back[0].levels(begun + 1).least_left_mm.mean() >= back[1].levels(begun + 1).least_left_mm.mean()


def test_metal_is_new_from_both_sides_and_nowhere_else() -> None:
    """A replaced face is the back's metal, too; a replaced edge is not, and a zone in part new keeps its worst cell."""
    found = bank_of(plate(), (event("replacement", 5.0, "face"),))
    back, edge = zone_of(found, "back"), zone_of(found, "edge")
    assert back.renewals[0].own[:-SPOTS].mean() > 0.95
    assert not any(renewal.own[-SPOTS:].any() for renewal in edge.renewals if not renewal.own.all())
    other = bank_of(plate(), (event("replacement", 5.0, "edge"),))
    for name in ("face", "back"):
        zone = zone_of(other, name)
        new = zone.renewals[0].own[: len(zone.texel)] if zone.renewals else np.zeros(len(zone.texel), dtype=bool)
        assert new.mean() < 0.2
        assert not new[zone.cell_place].any()


def test_a_changing_rate_goes_on_through_a_replacement() -> None:
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.standard_normal((20000, 1000)) * np.sqrt(0.01), axis=1)
    lost = steps[:, 400:].sum(axis=1) * 0.01
    assert float(lost.std()) == pytest.approx(float(drift_scale(process(), 10.0, 4.0)), rel=0.03)


# --- readings


@pytest.fixture(scope="module")
def line() -> TwinState:
    return process_pipe(12.0)


@pytest.fixture(scope="module")
def surface(line: TwinState) -> tuple[AssetGeometry, Texels]:
    built = twin_state.asset(line)
    return built, assets.texels(built)


def reading(years: float, value: float, place: str = "CML-1") -> Record:
    return Record(date=day(years), zone="body", kind="ultrasonic", tool="UT", place=place, value=value, scatter_sd=0.08)


@pytest.mark.parametrize("kind", ["replacement", "repair"])
def test_the_likelihood_across_a_renewal_is_that_of_one_large_normal_distribution(
    line: TwinState, surface: tuple[AssetGeometry, Texels], kind: str
) -> None:
    """By hand: two places, five visits; the wall, its thickness when new and what it lost begin again in year 6."""
    renewed = event(kind, 6.0, "body", "CML-1" if kind == "repair" else "")
    found = bank(
        line, *surface, years=40, prior=prior_of(line, measured=False), seed=0, draws=2, seeds=2, events=(renewed,)
    )  # fmt: skip
    begun = renewed.years(line)
    records = [
        reading(year, 8.2 - 0.1 * (year % 6), place) for year in (1, 3, 6, 8, 11) for place in ("CML-1", "CML-2")
    ]
    items = [sighting(record, found, 0) for record in records]
    readings = arrange(items, (), found)
    state = replace(prior_particles(found, 0, 3, 4, 1.0, frozenset()), readings=readings)
    spots = draw_spots(found, readings.places, 4, np.random.default_rng(1))
    growth = state.growth()
    model = ThicknessModel(bank=found, readings=readings, growth=growth, spots=spots)
    when, where = np.array([item.years for item in items]), np.array([record.place == "CML-1" for record in records])
    visit = np.array([record.date for record in records])
    is_new = (when >= begun) & (where | (kind == "replacement"))
    since = np.where(is_new, begun, 0.0)

    def walk(a: float, b: float) -> float:
        return float(min(a, b) ** 2 * (3 * max(a, b) - min(a, b)) / 6)

    count, ours, expected = len(records), model.log_likelihood(), []
    for number in range(4):
        rate = float(growth.mechanism_rate[number, 0])
        same_place, same_visit = where[:, None] == where, visit[:, None] == visit
        wander = np.array([
            [walk(when[i], when[j]) - walk(when[i], since[j]) - walk(since[i], when[j]) + walk(since[i], since[j])
             for j in range(count)] for i in range(count)
        ])  # fmt: skip
        lost = when - since
        covariance = 0.08**2 * np.eye(count) + 0.1**2 * same_visit
        covariance += (LOCAL_NEW * 8.18) ** 2 * (same_place & (is_new[:, None] == is_new))
        covariance += (rate * float(growth.shared_drift[number, 0])) ** 2 * wander
        covariance += (rate * float(growth.mechanism_spread[number, 0])) ** 2 * np.outer(lost, lost) * same_place
        covariance += (rate * float(growth.local_drift[number, 0])) ** 2 * wander * same_place
        piece = 8.18 * growth.new[number, is_new.astype(int)]
        history = found.zones[[zone.name for zone in found.zones].index("body")]
        seed, place = np.divmod(spots[number], len(history.texel))
        rows = np.where(where, 0, 1)
        face = history.own
        air = [
            float(growth.rate[number]) * category_um("C3") / 1000 * years ** float(growth.exponent[number])
            * float(face.local[seed[row], place[row]] * face.factor[place[row]])
            for years, row in zip(lost, rows, strict=True)
        ]  # fmt: skip
        given = np.array([record.value for record in records])
        expected.append(multivariate_normal(piece - air - rate * lost, covariance).logpdf(given))
    np.testing.assert_allclose(np.diff(ours), np.diff(expected), rtol=1e-3, atol=5e-3)  # but for a constant


def test_readings_before_and_after_a_renewal_are_never_averaged(
    line: TwinState, surface: tuple[AssetGeometry, Texels]
) -> None:
    """Forty visits in eight windows: the one in which the wall was replaced is two."""
    found = bank(
        line, *surface, years=40, prior=prior_of(line, measured=False), seed=0, draws=1, seeds=2,
        events=(event("replacement", 6.1, "body"),),
    )  # fmt: skip
    records = [reading(0.1 + 0.25 * number, 8.2 if 0.1 + 0.25 * number >= 6.1 else 6.0) for number in range(40)]
    readings = arrange([sighting(record, found, 0) for record in records], (), found)
    values = readings.value_mm[readings.read]
    assert set(np.round(values, 6)) == {6.0, 8.2}
    np.testing.assert_array_equal(readings.metal[readings.read] == 1, values > 7)


@pytest.mark.ci
def test_a_replaced_wall_is_forecast_by_the_rate_that_earlier_readings_taught(
    line: TwinState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.3 mm a year for nine years, then a new pipe: full walls that lose as much, though nothing was read since."""
    monkeypatch.setattr("corrotwin.twin.bayes.session.RUNS", 2)
    monkeypatch.setattr(result, "MOST_RUNS", 2)
    old = [reading(year, 8.18 - 0.3 * year, f"CML-{place}") for year in (0.1, 3, 6, 9) for place in range(4)]
    replaced = event("replacement", 10.0, "body")

    def forecast(records: list[Record]) -> result.Forecast:
        known = session_of(
            line, records, lambda *_: np.zeros(0, dtype=bool), ahead_years=20, seed=0, events=(replaced,)
        )
        return result.make(known, years=8, required={"body": 4.0})

    made = forecast(old)
    assert made.known.conflicts == ()
    assert made.planned is not None
    now = made.known.now_years
    left = made.zones["body"].general_left_mm[:, made.years.index(now)]
    # Two years of 0.3 mm off a new wall, which is as uncertain as any: 4.5 % of 8.18 mm.
    assert np.percentile(left, (5, 50, 95)) == pytest.approx([6.95, 7.55, 8.2], abs=0.25)
    place, years = made.planned.places[0].left_mm, made.planned.years
    rate = (place[:, years.index(now)] - place[:, -1]) / (years[-1] - now)
    assert np.median(rate) == pytest.approx(0.3, abs=0.06)
    row = {row.place: row for row in made.cmls}["CML-1"]
    assert (row.readings, row.api_life_years) == (0, None)
    assert "has not been read since" in row.remarks
    new = [reading(year, 8.18 - 0.3 * (year - 10), f"CML-{place}") for year in (10.1, 11.9) for place in range(4)]
    read = forecast([*old, *new])
    codes = {row.place: row for row in read.cmls}["CML-1"]
    assert codes.readings == 2  # of the new wall alone
    assert codes.long_term_mm_year == pytest.approx(0.3, abs=0.02)
    assert read.known.conflicts == ()


def test_old_metal_of_the_other_side_is_no_wall_of_what_was_replaced(line: TwinState) -> None:
    """A new body between old welds: the bore behind the welds has lost 3.3 mm, the body 0.3."""
    spool = replace(
        line, parameters={**line.parameters, "pieces": 2}, mechanisms=(process(rate_mm_year=0.3, spread=0.01),)
    )
    built = twin_state.asset(spool)
    found = bank(
        spool, built, assets.texels(built), years=20, prior=prior_of(spool, measured=False), seed=0, draws=1, seeds=4,
        events=(event("replacement", 10.0, "body"),),
    )  # fmt: skip
    zones = projection.forecast_zones(prior_particles(found, 0, 0, 80, 1.0, frozenset()), [9.0, 11.0])
    body, bore, weld = (np.median(zones[name].least_left_mm, axis=0) for name in ("body", "bore", "weld"))
    assert body[0] < 6
    assert bore[1] < 6
    assert weld[1] < 6
    assert body[1] > 6.5


@pytest.mark.ci
def test_a_repair_renews_its_place_alone(line: TwinState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corrotwin.twin.bayes.session.RUNS", 2)
    records = [reading(year, 8.18 - 0.3 * year, f"CML-{place}") for year in (0.1, 4, 8) for place in range(2)]
    repaired = event("repair", 9.0, "body", "CML-1")
    known = session_of(
        line, records, lambda *_: np.zeros(0, dtype=bool), ahead_years=20, seed=0, events=(repaired,), particles=60
    )
    found = projection.project(known.now, [8.0, repaired.years(line), 12.0])
    untouched, new = (place.left_mm for place in found.places)
    assert np.median(new[:, 0]) == pytest.approx(8.18 - 2.4, abs=0.2)
    assert 7.5 < np.median(new[:, 1]) < 8.8
    assert np.median(untouched[:, 2]) < 5.2
    assert np.median(found.zones["body"].least_left_mm[:, 2]) < 5.2  # the other places are as they were


def test_paths_rise_on_the_day_of_a_renewal_and_fall_otherwise(
    line: TwinState, surface: tuple[AssetGeometry, Texels]
) -> None:
    replaced = event("replacement", 6.4, "body")
    found = bank(
        line, *surface, years=40, prior=prior_of(line, measured=False), seed=0, draws=1, seeds=2, events=(replaced,)
    )
    records = [reading(year, 8.18 - 0.4 * (year % 6.4)) for year in (0.1, 3, 6, 7, 9)]
    readings = arrange([sighting(record, found, 0) for record in records], (), found)
    spots = draw_spots(found, readings.places, 40, np.random.default_rng(1))
    state = replace(prior_particles(found, 0, 3, 40, 1.0, frozenset()), readings=readings, spots=spots)
    paths = draw_paths(state, 20.0, np.random.default_rng(0))
    begun = int(np.searchsorted(paths.years, replaced.years(line)))
    steps = np.diff(paths.left_mm[:, 0], axis=1)
    assert (np.delete(steps, begun - 1, axis=1) <= 1e-9).all()
    assert np.median(steps[:, begun - 1]) > 1
    longer = draw_paths(state, 30.0, np.random.default_rng(0))
    np.testing.assert_allclose(longer.left_mm[..., : len(paths.years)], paths.left_mm, atol=1e-6)


# --- remaining life


def test_the_rate_of_a_replaced_wall_counts_since_it_is_new() -> None:
    """10 mm lost 4 in 8 years, new in year 8, 0.5 lost since: (9.5 - 5) / 0.25 years by hand, not by the older wall."""
    years = [0.0, 8.0, 9.0, 10.0, 30.0]
    left = np.array([[10.0, 10.0, 9.75, 9.5, 9.5]])
    since = rates_since([ZoneRenewal(years=8.0, metal=True, whole=True)])
    assert since == [8.0]
    assert float(life_years(left, 5.0, years, 10.0, since)[0]) == pytest.approx(18.0)
    part = rates_since([ZoneRenewal(years=8.0, metal=True, whole=False)])
    assert part == [0.0, 8.0]
    assert float(life_years(left, 5.0, years, 10.0, part)[0]) == pytest.approx(18.0)
    assert rates_since([ZoneRenewal(years=8.0, metal=False, whole=False)]) == [0.0]
