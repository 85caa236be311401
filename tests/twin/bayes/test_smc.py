"""Histories, what inspections are likely to say under them, and what they teach."""

from dataclasses import fields, replace

import numpy as np
import pytest

from corrotwin.twin import assets, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.bayes import moves, particles, predictive_check, smc
from corrotwin.twin.bayes.agreement import CONFLICT
from corrotwin.twin.bayes.histories.ensemble import Bank, bank
from corrotwin.twin.bayes.histories.trajectories import GrowthSamples, Trajectory
from corrotwin.twin.bayes.likelihood import log_likelihood, replicate
from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.bayes.sightings import Sighting, sighting, zone_of
from corrotwin.twin.bayes.smc import learn
from corrotwin.twin.bayes.thickness.model import ThicknessModel
from corrotwin.twin.bayes.thickness.paths import replicate_thickness
from corrotwin.twin.bayes.thickness.readings import arrange, draw_spots
from corrotwin.twin.forecast import projection
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.model import corrosion
from corrotwin.twin.model.coating import Paint, Zinc
from corrotwin.twin.model.exposure import Exposure, Period, at, category_um
from corrotwin.twin.model.pits import Pits, mean_pit_mm
from corrotwin.twin.twin_state import TwinState

KNOWN = Prior(rate=(0, 0), exponent=0, delay=0, front=(0, 0), defects=0, pits=0, new=0)
DATES = ("2005-01-01", "2010-01-01")


@pytest.fixture(scope="module")
def surface(twin: TwinState) -> tuple[AssetGeometry, Texels]:
    built = twin_state.asset(twin)
    return built, assets.texels(built)


@pytest.fixture(scope="module")
def histories(twin: TwinState, surface: tuple[AssetGeometry, Texels]) -> Bank:
    return bank(twin, *surface, years=20, prior=Prior(), seed=0, draws=16, seeds=6)


def ones(count: int, draws: int) -> GrowthSamples:
    """Growth as the standard has it."""
    one, none = np.ones(count, dtype=np.float32), np.zeros((count, 0), dtype=np.float32)
    return GrowthSamples(delay=one, rate=one, exponent=np.float32(0.523) * one, pits=one, new=one[:, None],
                mechanism_rate=none, mechanism_spread=none, shared_drift=none, local_drift=none,
                number=np.arange(count) % draws, pit_number=np.arange(count) % draws)  # fmt: skip


@pytest.mark.parametrize("kind", ["paint", "zinc", pytest.param("bare", marks=pytest.mark.slow), "moved"])
def test_histories_are_those_of_the_twins_own_model(
    twin: TwinState, surface: tuple[AssetGeometry, Texels], kind: str
) -> None:
    """Means over many seeds agree within four standard errors; and of plates that are splashed, and have moved."""
    asset, texels = surface
    change: dict[str, object] = {
        "paint": {},
        "zinc": {"coating": Zinc(thickness_um=110.0), "exposure": at("C3", splash_m=(0.005, 0.02))},
        "bare": {"coating": None},
        "moved": {
            "exposure": Exposure(
                periods=(
                    Period(category="C3", splash_m=(0.0, 0.004)),
                    Period(from_years=7.0, category="C5", splash_m=(0.002, 0.01)),
                )
            )
        },
    }[kind]
    twin = replace(twin, **change)
    grown = [twin_state.fields(replace(twin, seed=seed), asset, texels) for seed in range(10)]
    here = texels.zone == asset.zone_names.index("face")
    area = texels.area_mm2[here] / texels.area_mm2[here].sum()
    expected = np.array(
        [
            (
                float((area * (fields.rust_cover[here] > 0.5)).sum()),
                float((area * fields.wall_loss_mm[here]).sum()),
                float(fields.wall_loss_mm[here].max()),
            )
            for fields in grown
        ]
    )
    found = bank(twin, asset, texels, years=12, prior=KNOWN, seed=3, draws=8, seeds=8)
    trajectory = Trajectory(bank=found, zone=zone_of(found, "face"), growth=ones(8, found.draws))
    levels = trajectory.levels(twin.years)
    ours = np.stack(
        [values.reshape(-1) for values in (levels.rusted_share, levels.mean_loss_mm, levels.max_loss_mm)], axis=1
    )
    error = np.sqrt(expected.var(axis=0) / len(expected) + ours.var(axis=0) / len(ours))
    gap = np.abs(ours.mean(axis=0) - expected.mean(axis=0))
    # Texels of 4 mm do not always meet the middle of a pit; two histories of bare steel differ in pits only.
    assert (gap <= 4 * error + 0.03 * expected.mean(axis=0)).all(), (ours.mean(axis=0), expected.mean(axis=0), error)


@pytest.mark.parametrize("length_m", [0.5, 8.0])
def test_a_large_face_keeps_more_of_its_pits(twin: TwinState, length_m: float) -> None:
    """Those with the largest factors; of M exponential ones the k-th largest has the mean 1 / k + ... + 1 / M."""
    size = {"length_m": length_m, "width_m": length_m / 2, "thickness_mm": 10.0}
    twin = replace(twin, parameters={**twin.parameters, **size}, texel_mm=12.5 * length_m, coating=None)
    asset = twin_state.asset(twin)
    found = bank(twin, asset, assets.texels(asset), years=5, prior=KNOWN, seed=0, draws=8, seeds=8)
    zone = zone_of(found, "face")
    kept = {0.5: 64, 8.0: int(16 * zone.area_mm2 / 1e6)}[length_m]
    assert zone.pit_factor.shape == (64, 8, kept) == zone.pit_place.shape == zone.pit_delay_years.shape
    every = round(Pits().per_m2 * zone.area_mm2 / 1e6)
    if every < kept:  # of so few pits none is left out
        assert np.count_nonzero(zone.pit_factor, axis=2).mean() == pytest.approx(every, rel=0.2)
    else:
        assert (np.diff(zone.pit_factor, axis=2) <= 0).all()
        for k in (1, 20, kept):
            mean = Pits().factor * (1 / np.arange(k, every + 1)).sum()
            assert zone.pit_factor[..., k - 1].mean() == pytest.approx(mean, rel=0.1)


def test_nothing_shrinks(histories: Bank) -> None:
    for zone in histories.zones:
        trajectory = Trajectory(bank=histories, zone=zone, growth=ones(16, 16))
        found = [trajectory.levels(float(year)) for year in range(0, 21, 4)]
        for name in ("rusted_share", "max_loss_mm", "mean_loss_mm"):
            assert (np.diff([getattr(level, name) for level in found], axis=0) >= 0).all()
        for name in ("least_left_mm", "judged_left_mm", "general_left_mm"):
            assert (np.diff([getattr(level, name) for level in found], axis=0) <= 0).all()
        assert not np.any(found[0].rusted_share)


def reading(value: float, date: str = DATES[1], place: str = "A", **other: object) -> Record:
    given = {"zone": "face", "kind": "ultrasonic", "tool": "UT"} | other
    return Record(date=date, value=value, place=place, **given)


def judged(histories: Bank, growth: GrowthSamples, records: list[Record], seed: int = 0) -> np.ndarray:
    """Log-likelihood of thickness readings, with the places drawn anywhere in their zones."""
    readings = arrange([], [sighting(record, histories, 0) for record in records], histories)
    spots = draw_spots(histories, readings.places, len(growth.rate), np.random.default_rng(seed))
    model = ThicknessModel(bank=histories, readings=readings, growth=growth, spots=spots)
    return model.log_likelihood()


def test_an_earlier_start_or_faster_rate_makes_thin_readings_likelier(histories: Bank) -> None:
    growth = ones(2000, 16)

    def mean(value: float, **change: float) -> float:
        stretched = replace(growth, **{name: getattr(growth, name) * np.float32(by) for name, by in change.items()})
        return float(np.log(np.exp(judged(histories, stretched, [reading(value)])).mean()))

    assert mean(9.3, rate=2) > mean(9.3) > mean(9.3, rate=0.5)
    assert mean(9.3, delay=0.5) > mean(9.3) > mean(9.3, delay=2)
    assert mean(10.0, rate=2) < mean(10.0) < mean(10.0, delay=2)


@pytest.mark.parametrize("kind", ["pit", "photo", "grade"])
def test_what_is_drawn_is_as_likely_as_the_likelihood_says(histories: Bank, kind: str) -> None:
    """Of one history: replicates' shares in bins against the likelihood's, chi-squared."""
    value = {"pit": 0.1, "photo": 0.2, "grade": 4.0}[kind]
    item = sighting(reading(value, kind=kind, place=""), histories, 0)
    zone, count = zone_of(histories, "face"), 4000
    growth = replace(ones(count, 16), number=np.full(count, 5), pit_number=np.full(count, 5))
    bias = np.full((count, 1), 0.5, dtype=np.float32)
    trajectory = Trajectory(bank=histories, zone=zone, growth=growth, seed=np.full((count, 1), 2))
    drawn = replicate(trajectory, [item], bias, np.random.default_rng(0))[:, 0]
    drawn = drawn[drawn >= 0]  # a record has no negative value
    single = Trajectory(bank=histories, zone=zone, growth=first(growth), seed=np.array([[2]]))

    def likelihood(value: float) -> float:
        found = replace(item, record=replace(item.record, value=value))
        return float(np.exp(log_likelihood(single, [found], bias[:1])[0, 0]))

    if kind == "grade":
        observed = np.array([(drawn == grade).sum() for grade in range(6)])
        chance = np.array([likelihood(grade) for grade in range(6)])
        assert chance.sum() == pytest.approx(1, abs=1e-6)
    else:
        edges = np.quantile(drawn, np.linspace(0, 1, 13)[1:-1])
        grid = np.linspace(0, min(2 * drawn.max(), 1.0 if kind == "photo" else np.inf), 2000)
        along = np.cumsum([likelihood(value) for value in grid])
        chance = np.diff([0, *np.interp(edges, grid, along / along[-1]), 1])
        observed = np.full(12, len(drawn) / 12)
    expected = len(drawn) * chance
    keep = expected > 5
    assert keep.sum() > 1
    assert ((observed - expected)[keep] ** 2 / expected[keep]).sum() < 45  # 11 degrees of freedom: p < 1e-5


def first(growth: GrowthSamples) -> GrowthSamples:
    return GrowthSamples(**{field.name: getattr(growth, field.name)[:1] for field in fields(growth)})


def test_particles_agree_with_weighting_the_prior(histories: Bank) -> None:
    """An independent answer: 40,000 draws from the prior, weighted by the likelihood."""
    records = [
        reading(0.10, zone="face", kind="photo", tool="camera", place="", date=DATES[0]),
        reading(0.45, zone="face", kind="photo", tool="camera", place=""),
        reading(9.7),
    ]
    known = learn(histories, records, {}, seed=4, particles=1500, widenings=(1.0,))
    rng = np.random.default_rng(1)
    weights, values = [], []
    photos = [sighting(record, histories, 0) for record in records[:2]]
    for batch in range(20):
        normal = rng.standard_normal((2000, 6)).astype(np.float32)
        state = replace(smc.prior_particles(histories, 1, 0, 2000, 1.0, frozenset()), normal=normal,
                        number=rng.integers(16, size=2000), pit_number=rng.integers(16, size=2000))  # fmt: skip
        seen = log_likelihood(
            Trajectory(bank=histories, zone=zone_of(histories, "face"), growth=state.growth()), photos, normal[:, 5:]
        )
        thin = judged(histories, state.growth(), records[2:], seed=batch)
        weights.append(np.exp(seen - 10).mean(axis=1) * np.exp(thin))
        values.append(normal)
    weight, value = np.concatenate(weights), np.concatenate(values)
    weight /= weight.sum()
    effective = 1 / (weight**2).sum()
    mean = weight @ value
    spread = np.sqrt(weight @ (value - mean) ** 2)
    assert effective > 100
    error = spread * np.sqrt(1 / effective + 1 / 300)
    assert (np.abs(known.now.normal.mean(axis=0) - mean) < 4 * error).all()
    np.testing.assert_allclose(known.now.normal.std(axis=0), spread, rtol=0.25)
    assert spread[0] < 0.7  # the photographs do say when the paint failed


def test_one_seed_gives_one_result(histories: Bank) -> None:
    records = [reading(9.8), reading(2, zone="edge", kind="grade", tool="eye", place="")]
    first, second, other = (learn(histories, records, {}, seed=seed, particles=100) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.now.normal, second.now.normal)
    assert first.agreement == second.agreement
    assert (first.now.normal != other.now.normal).any()


def test_without_inspections_knowledge_is_the_prior(histories: Bank) -> None:
    known = learn(histories, [], {}, seed=0, particles=4000)
    assert known.agreement == known.conflicts == ()
    assert len(known.particles) == 1
    np.testing.assert_allclose(np.log(known.now.growth().rate).std(), Prior().rate[0], rtol=0.05)


def test_each_inspection_narrows(histories: Bank) -> None:
    records = [
        reading(share, zone=zone, kind="photo", tool="camera", place="", date=date)
        for date, share in zip(DATES, (0.05, 0.35), strict=True)
        for zone in ("face", "back")
    ]
    known = learn(histories, records, {}, seed=0, particles=400, widenings=(1.0,))
    shares = [each.trajectory("face").rusted(20.0) @ zone_of(histories, "face").weight for each in known.particles]
    spreads = [np.ptp(np.percentile(share, (5, 95))) for share in shares]
    assert spreads[0] > spreads[1] > spreads[2]


@pytest.mark.ci
def test_many_photographs_leave_more_than_one_draw_of_the_bank(
    twin: TwinState, surface: tuple[AssetGeometry, Texels], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve sharp photographs of a history that is not in the bank: taken at their word, few of its draws fit."""
    histories, hidden = (
        bank(twin, *surface, years=20, prior=Prior(), seed=seed, draws=draws, seeds=4)
        for seed, draws in ((0, 64), (1, 1))
    )
    records = []
    for zone in ("face", "back"):
        trajectory = Trajectory(
            bank=hidden, zone=zone_of(hidden, zone), growth=ones(1, 1), seed=np.zeros((1, 1), dtype=int)
        )
        for year in range(1, 13):
            share = float((trajectory.rusted(float(year)) @ trajectory.zone.weight)[0, 0])
            records.append(
                reading(share, f"{2000 + year}-01-01", "", zone=zone, kind="photo", tool="camera",
                        detection=0.98, false_calls=0.001, scatter_sd=0.03, bias_sd=0.01)
            )  # fmt: skip

    def learned() -> tuple[float, float, float]:
        known = learn(histories, records, {}, seed=0, particles=300, widenings=(1.0,))
        share = known.now.trajectory("face").rusted(20.0) @ zone_of(histories, "face").weight
        return (
            moves.effective(np.bincount(known.now.number)),
            float(np.ptp(np.percentile(share, (5, 95)))),
            known.power,
        )

    draws, width, power = learned()
    monkeypatch.setattr(smc, "LEAST_DRAWS", 0.0)
    draws_at_their_word, width_at_their_word, word = learned()
    assert draws_at_their_word < 2 < 64 / 16 <= draws
    assert width > 1.3 * width_at_their_word
    assert smc.LEAST_POWER <= power < word == 1


def test_a_power_weakens_photographs_and_grades_alone(histories: Bank) -> None:
    zone, bias = zone_of(histories, "face"), np.zeros((16, 1), dtype=np.float32)
    trajectory = Trajectory(bank=histories, zone=zone, growth=ones(16, 16))
    for record, weakened in (
        (reading(0.3, kind="photo", tool="camera", place=""), True),
        (reading(3, kind="grade", tool="eye", place=""), True),
        (reading(0.4, kind="pit", tool="gauge", place=""), False),
    ):
        found = [sighting(record, histories, 0)]
        whole, quarter = log_likelihood(trajectory, found, bias), log_likelihood(trajectory, found, bias, 0.25)
        assert np.ptp(whole) > 0.1
        np.testing.assert_allclose(quarter, 0.25 * whole if weakened else whole, rtol=1e-6)


def test_readings_of_thickness_alone_are_taken_at_their_word(histories: Bank) -> None:
    """However few draws they leave: asking for more than there are changes nothing."""
    records = [reading(9.5 - 0.1 * number, place=f"P{number}") for number in range(6)]
    with pytest.MonkeyPatch.context() as patch:
        plain = learn(histories, records, {}, seed=0, particles=100, widenings=(1.0,))
        patch.setattr(smc, "LEAST_DRAWS", 1e9)
        patch.setattr(smc, "LEAST_SHARE", 1e9)
        asked = learn(histories, records, {}, seed=0, particles=100, widenings=(1.0,))
    assert asked.power == plain.power == 1
    np.testing.assert_array_equal(asked.now.normal, plain.now.normal)


@pytest.mark.ci
def test_a_conflict_is_reported_and_widens_the_prior(histories: Bank) -> None:
    agreeing = [reading(10.02 - 0.02 * number, place=f"P{number}", date=DATES[0]) for number in range(4)]
    known = learn(histories, agreeing, {}, seed=0, particles=300)
    assert known.conflicts == ()
    assert known.now.widening == 1
    thin = [reading(9.2, place=f"P{number}") for number in range(4)]
    known = learn(histories, [*agreeing, *thin], {}, seed=0, particles=300)
    assert [item.date for item in known.conflicts] == [DATES[1]]
    assert known.conflicts[0].chance < CONFLICT
    assert "UT" in known.conflicts[0].record
    assert known.now.widening > 1


def test_a_photograph_in_conflict_widens_nothing_that_it_does_not_tell_of(histories: Bank) -> None:
    """A tenth of paint of two years has rusted: it fails sooner than was thought, but rusts no deeper than usual."""
    record = Record(date="2002-01-01", zone="face", kind="photo", value=0.1, tool="phone")
    known = learn(histories, [record], {}, seed=0, particles=400)
    assert known.conflicts[0].odd == {"photo"}
    assert known.now.widening > 1
    assert known.now.widened == {"delay"}
    found = projection.forecast_zones(known.now, [2.0])["face"]
    assert np.median(found.rusted_share) == pytest.approx(0.1, abs=0.02)
    assert np.percentile(found.max_loss_mm, 95) < 1
    before, after = (np.log(each.growth().rate).std() for each in known.particles)
    assert after < 1.2 * before


def test_no_widening_makes_steel_rust_faster_than_any_category_has(histories: Bank) -> None:
    usual = learn(histories, [], {}, seed=0, particles=400).now
    wide = replace(usual, widening=4.0, widened=frozenset(particles.GROWTH))
    most = 700 / category_um("C4")
    assert usual.growth().rate.max() < most
    assert wide.growth().rate.max() == pytest.approx(most)
    assert (np.abs(np.log(wide.growth().rate)) >= np.abs(np.log(usual.growth().rate)) - 1e-6).all()
    assert wide.growth().delay.max() > 2 * usual.growth().delay.max()


def test_a_conflict_that_no_wider_prior_explains_leaves_it_narrow(histories: Bank) -> None:
    """Rust that goes away: reported, but what was learned of the rate is not thrown away."""
    records = [
        reading(share, zone="face", kind="photo", tool="camera", place="", date=date)
        for date, share in zip(DATES, (0.05, 0.0), strict=True)
    ]
    known = learn(histories, records, {}, seed=0, particles=300)
    assert [item.date for item in known.conflicts] == [DATES[1]]
    assert known.now.widening == 1
    assert known.widened == known.agreement


@pytest.mark.ci
def test_many_honest_readings_raise_no_alarm(histories: Bank) -> None:
    """Readings drawn from the prior itself: conflicts are as rare as they should be."""
    template = [reading(9.0, place=f"P{number}") for number in range(6)]
    items: list[Sighting] = [sighting(record, histories, 0) for record in template]
    prior = smc.prior_particles(histories, 0, 7, 40, 1.0, frozenset())
    drawn = replicate_thickness(prior, [], items, np.random.default_rng(2))
    chances = []
    for trial in range(40):
        records = [replace(record, value=float(value)) for record, value in zip(template, drawn[trial], strict=True)]
        known = learn(histories, records, {}, seed=trial, particles=120, widenings=(1.0,))
        chances.append(known.agreement[0].chance)
    assert np.mean(np.array(chances) < 0.2) < 0.4  # 8 of 40 are expected; 16 or more by chance once in 500
    assert np.mean(np.array(chances) < CONFLICT) <= 0.1


@pytest.mark.parametrize("heavy", [False, True])
def test_one_wrong_reading_among_twenty_is_odd_and_honest_ones_are_not(heavy: bool) -> None:
    """Each record has a replicate that is odd, too: an error of 4.5 standard deviations stands out all the same."""
    rng = np.random.default_rng(8)
    chances: dict[str, list[float]] = {"honest": [], "wrong": []}
    for _ in range(60):
        drawn = rng.standard_normal((501, 20))
        for name, error in (("honest", drawn[0, 3]), ("wrong", 4.5)):
            drawn[0, 3] = error
            values = np.exp(drawn) if heavy else drawn
            odd = predictive_check._oddness(values.T, rng).max(axis=0)
            chances[name].append(((odd[1:] >= odd[0]).sum() + 1) / len(odd))
    assert np.mean(np.array(chances["honest"]) < CONFLICT) <= 0.1
    assert np.mean(np.array(chances["honest"]) < 0.2) < 0.4
    assert np.mean(np.array(chances["wrong"]) < CONFLICT) > 0.9


def test_growth_as_the_standard_has_it_changes_no_bit(twin: TwinState, surface: tuple[AssetGeometry, Texels]) -> None:
    asset, texels = surface

    def grown(**growth: float) -> corrosion.Fields:
        return corrosion.grow(
            asset, texels, exposure=twin.exposure, coating=twin.coating, years=12, seed=5, pits=None,
            growth=corrosion.Growth(**growth),
        )  # fmt: skip

    plain = twin_state.fields(replace(twin, seed=5, pits=None), asset, texels)
    np.testing.assert_array_equal(grown().wall_loss_mm, plain.wall_loss_mm)
    np.testing.assert_array_equal(grown().rust_cover, plain.rust_cover)
    np.testing.assert_allclose(grown(rate=2.0).wall_loss_mm, 2 * plain.wall_loss_mm, rtol=1e-5)
    np.testing.assert_array_equal(grown(rate=2.0).start_years, plain.start_years)
    assert (grown(front=2.0).start_years <= plain.start_years).all()
    old = plain.age_years > 1
    assert (grown(exponent=0.7).wall_loss_mm[old] > plain.wall_loss_mm[old]).all()


def test_scaled_delay_is_longer_life_and_slower_fronts(twin: TwinState, surface: tuple[AssetGeometry, Texels]) -> None:
    """What `GrowthSamples.delay` does to a bank is what the model does with life and speed."""
    asset, texels = surface
    streams = {"exposure": at("C4"), "years": 30.0, "seed": 5, "pits": None}
    plain = corrosion.grow(asset, texels, coating=Paint(life_years=6.0), **streams)
    later = corrosion.grow(
        asset, texels, coating=Paint(life_years=9.0), growth=corrosion.Growth(front=1 / 1.5), **streams
    )
    both = np.isfinite(plain.start_years) & np.isfinite(later.start_years)
    assert both.any()
    np.testing.assert_allclose(later.start_years[both], 1.5 * plain.start_years[both], rtol=1e-4)


@pytest.mark.parametrize("mean_mm", [0.3, 1.0])
def test_mean_loss_by_pits_is_that_of_scattered_bowls(mean_mm: float) -> None:
    pits, side, rng = Pits(), 300.0, np.random.default_rng(0)
    means = []
    for _ in range(60):
        place = rng.uniform(0, side, (rng.poisson(pits.per_m2 / 1e6 * side**2), 2))
        depth = rng.exponential(mean_mm, len(place))
        radius = depth * pits.aspect * np.exp(rng.normal(0, 0.3, len(place)))
        at = rng.uniform(60, side - 60, (500, 2))
        square = ((at[:, None] - place) ** 2).sum(axis=2)
        means.append(np.maximum(depth * (1 - square / radius**2), 0).max(axis=1).mean())
    error = np.std(means) / np.sqrt(len(means))
    assert abs(np.mean(means) - float(mean_pit_mm(pits, np.array(mean_mm)))) < 4 * error
