"""Scores against calculations by hand, and against the properties that define them."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from corrotwin.twin.calibration import scoring


def test_failure_rates_and_their_interval() -> None:
    rate = scoring.failure_rate([True, False, False, False])
    assert (rate.failures, rate.count, rate.share) == (1, 4, 0.25)
    for failures, count in ((0, 15), (9, 15), (15, 15)):
        ours = scoring.failure_rate(np.arange(count) < failures)
        theirs = binomtest(failures, count).proportion_ci(0.95, "exact")
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    nothing = scoring.failure_rate([])
    assert np.isnan(nothing.share)


def test_the_interval_score_by_hand_and_at_its_least() -> None:
    assert scoring.interval_score([5.0, 0.5, 12.0], 1.0, 11.0).tolist() == pytest.approx([10, 10 + 10, 10 + 20])
    truth, spread = norm.ppf((np.arange(9999) + 0.5) / 9999), norm.ppf(0.95)
    score = {
        factor: float(scoring.interval_score(truth, -factor * spread, factor * spread).mean())
        for factor in (0.7, 1.0, 1.4)
    }
    assert score[1.0] < min(score[0.7], score[1.4]), "the right interval scores best"


def test_chances_that_come_true_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    assert scoring.brier([0.2, 1.0], [True, True]) == pytest.approx(0.32)
    chance = rng.random(20_000)
    bins = scoring.reliability(chance, rng.random(20_000) < chance)
    assert [one.happened.count for one in bins] == np.histogram(chance, scoring.BIN_EDGES)[0].tolist()
    error = [np.sqrt(one.predicted * (1 - one.predicted) / one.happened.count) for one in bins]
    assert all(abs(one.happened.share - one.predicted) < 3.5 * sd for one, sd in zip(bins, error, strict=True))
    edge = scoring.reliability([0.0, 0.05, 1.0], [False, False, True])
    assert [one.happened.count for one in edge] == [2, 0, 0, 0, 1]
    assert np.isnan(edge[1].predicted)
