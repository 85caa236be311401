"""What single photographs and grades say, and how far particles move; on small banks, within a second or two."""

from types import SimpleNamespace

import numpy as np
import pytest

from corrotwin.twin import assets, twin_state
from corrotwin.twin.bayes import likelihood, moves, predictive_check, smc, tempering
from corrotwin.twin.bayes.evidence import Evidence
from corrotwin.twin.bayes.histories.ensemble import Bank, bank
from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.bayes.sightings import sighting
from corrotwin.twin.bayes.thickness.readings import arrange
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.twin_state import TwinState

COUNT = 200


@pytest.fixture(scope="module")
def histories(twin: TwinState) -> Bank:
    built = twin_state.asset(twin)
    return bank(twin, built, assets.texels(built), years=20, prior=Prior(), seed=0, draws=4, seeds=2)


def odd(value: float, share: float, *, places: int = 10**6, **record: float) -> float:
    """Standard deviations between the share that a photograph calls rusted and that of a history."""
    given = Record(date="2010-01-01", zone="face", kind="photo", tool="camera", value=value, **record)
    item = SimpleNamespace(record=given, places=places)
    mean, spread = likelihood._called(item, np.array([[share]]), np.zeros((1, 1)))
    return float(abs(value - mean[0, 0]) / spread[0, 0])


def test_twice_the_usual_false_calls_are_no_rust_and_four_times_are() -> None:
    assert odd(0.04, 0.0, false_calls=0.02) < 2.5
    assert odd(0.08, 0.0, false_calls=0.02) > 4


def test_false_calls_are_of_sound_surface_alone() -> None:
    """A tenth of the surface is sound: what is called in vain there varies by a tenth of what it does on new paint."""
    sharp = {"detection": 1.0, "false_calls": 0.2, "scatter_sd": 1e-6, "bias_sd": 0.0}
    assert odd(0.92 + 0.1 * 0.1, 0.9, **sharp) == pytest.approx(odd(0.2 + 0.1, 0.0, **sharp), rel=0.02)


def test_a_photograph_without_false_calls_tells_rust_from_a_few_thousandths_on() -> None:
    assert odd(0.0009, 0.0, false_calls=0.0) < 1
    assert odd(0.005, 0.0, false_calls=0.0) > 4


def test_a_history_is_known_to_one_of_its_places() -> None:
    """One place more is two standard deviations, however sharp the photograph."""
    sharp = {"detection": 1.0, "false_calls": 0.0, "scatter_sd": 1e-6, "bias_sd": 0.0, "places": 20}
    assert odd(11 / 20, 10 / 20, **sharp) == pytest.approx(2, abs=0.1)


def test_what_is_missed_and_what_is_called_in_vain_both_count() -> None:
    """A fifth of 0.4 is missed, and a tenth of 0.6 called rust: 0.38."""
    assert odd(0.38, 0.4, detection=0.8, false_calls=0.1) < 1e-6


def test_a_tenth_of_the_least_rust_of_iso_4628_3_is_seen_by_every_other_inspector() -> None:
    """Ri 1 begins to be seen there; its own picture, 0.05 %, is hardly ever called clean, nor 1 % anything but Ri 3."""

    def chance(grade: int, percent: float) -> float:
        return float(np.exp(likelihood._grade_log_chance(grade, np.log(np.array(percent / 100)), np.array(0.3))))

    assert chance(0, 0.005) == pytest.approx(0.5, abs=0.1)
    assert chance(0, 0.05) < 1e-6
    assert max(range(6), key=lambda grade: chance(grade, 0.99)) == 3


def moved(histories: Bank, seed: int) -> tuple[float, float]:
    """Shares of particles that are distinct after three thin readings, and that then settle elsewhere."""
    records = [
        Record(
            date="2010-01-01", zone="face", kind="ultrasonic", tool="UT", value=9.3 - 0.02 * number, place=f"P{number}"
        )
        for number in range(3)
    ]
    items = [sighting(record, histories, 0) for record in records]
    state, readings = (
        smc.prior_particles(histories, 0, seed, COUNT, 1.0, frozenset()),
        arrange((), items, histories),
    )
    earlier = Evidence(earlier=(), latest=(), power=1.0)
    both = Evidence(earlier=(), latest=items, power=1.0)
    known = tempering.temper(state, readings, earlier, both, np.random.default_rng(seed))
    settled = tempering.settle(known, both, np.random.default_rng(seed))
    columns = moves.informed_columns(known, both)
    distinct = len(np.unique(known.normal[:, columns], axis=0)) / COUNT
    return distinct, float((settled.normal[:, columns] != known.normal[:, columns]).any(axis=1).mean())


def test_particles_move_as_often_as_metropolis_lets_them(histories: Bank) -> None:
    """Of steps of 2.38 / sqrt(d) standard deviations a quarter or more is taken (Gelman, Roberts & Gilks, 1996).

    After three, three of four particles are distinct again; after six, three of four have left where they were.
    """
    distinct, settled = np.mean([moved(histories, seed) for seed in range(6)], axis=0)
    assert distinct > 0.75
    assert 0.75 < settled < 0.95


def test_resampling_keeps_every_particle_as_often_as_its_weight() -> None:
    weight, rng = np.array([0.05, 0.4, 0.1, 0.3, 0.15]), np.random.default_rng(0)
    counts = np.mean([np.bincount(moves.resampled(weight, rng), minlength=5) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(counts, 5 * weight, atol=0.03)


def test_readings_inform_the_metal_and_the_mechanisms_of_their_places_alone() -> None:
    """Of two pieces and two mechanisms, a reading on the second piece, where the second mechanism acts."""
    place = SimpleNamespace(zone="face", piece=1, acts=np.array([0.0, 1.0]))
    readings = SimpleNamespace(places=(place,), metal=np.array([[0]]), read=np.array([[True]]))
    found = SimpleNamespace(twin=SimpleNamespace(mechanisms=("one", "other")), pieces_mm=(8.0, 6.0), renewed_years=(),
                            pitted=())  # fmt: skip
    state = SimpleNamespace(bank=found, normal=np.zeros((1, 4 + 2 + 2 * 4 + 1)), readings=readings)
    columns = moves.informed_columns(state, SimpleNamespace(kinds={"ultrasonic"}))
    delay, rate, exponent, piece, tool = 0, 1, 2, 5, 14
    assert columns.tolist() == [delay, rate, exponent, piece, 10, 11, 12, 13, tool]


def test_how_odd_a_record_is_does_not_depend_on_its_unit() -> None:
    values = np.random.default_rng(0).standard_normal((3, 201)) * 5
    scores = [predictive_check._oddness(unit * values, np.random.default_rng(1)) for unit in (1.0, 1000.0)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-9)
