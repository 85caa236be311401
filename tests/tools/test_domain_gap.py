import numpy as np
import pytest
from scipy.linalg import sqrtm

from tools.nearness import domain_gap
from tools.nearness.domain_gap import FEATURES, features, frechet


def test_the_distance_is_that_of_the_matrix_root_and_a_shift_counts_in_standard_deviations() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(60, 4)), rng.normal(0.5, 2, size=(50, 4)) @ rng.normal(size=(4, 4))
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    shift = one.mean(axis=0) - other.mean(axis=0)
    squared = shift @ shift + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet(one, other) == pytest.approx(np.sqrt(squared / 4))
    assert frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet(one, one + 2) == pytest.approx(2)


def test_features_say_what_they_are_called() -> None:
    rng = np.random.default_rng(2)

    def named(image: np.ndarray) -> dict[str, float]:
        return dict(zip(FEATURES, features(image.astype(np.uint8)), strict=True))

    flat = named(np.full((300, 400, 3), (150, 80, 40)))
    noisy = named(np.clip(np.full((256, 256, 3), (150, 80, 40)) + rng.normal(0, 40, (256, 256, 3)), 0, 255))
    grey = named(np.full((256, 256, 3), 128))
    assert flat["rusty"] == 1
    assert grey["rusty"] == 0
    assert grey["chroma"] == pytest.approx(0, abs=0.1)
    assert grey["lightness"] == pytest.approx(53.6, abs=0.1)  # L* of sRGB 128
    assert flat["edges"] == pytest.approx(0, abs=1e-6)
    assert noisy["band_finest"] > 10 * max(flat["band_finest"], noisy["band_broad"] / 10)
    lit = np.zeros((256, 256, 3))
    lit[64:192, 64:192] = 255
    assert named(lit)["falloff"] == pytest.approx(-100, abs=1)


@pytest.mark.ci
def test_sets_that_differ_are_told_apart_and_alike_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_gap, "TREES", 20)
    rng, count = np.random.default_rng(3), len(FEATURES)
    spots, scenes = [f"spot-{place // 2}" for place in range(40)], [f"scene-{place}" for place in range(30)]
    photos = np.repeat(rng.normal(size=(20, count)), 2, axis=0) + rng.normal(0, 0.1, (40, count))
    renders = rng.normal(size=(30, count))
    apart, alike = (domain_gap.compare(photos, spots, renders + shift, scenes) for shift in (2.0, 0.0))
    halves = domain_gap.compare(photos[:20], spots[:20], photos[20:], spots[20:])
    assert apart is not None
    assert alike is not None
    assert halves is not None
    assert apart.separation.auc > 0.95 > alike.separation.auc
    assert apart.separation.low <= apart.separation.auc <= apart.separation.high
    assert apart.distance > alike.distance + 1
    assert halves.separation.auc < 0.9  # pictures of one spot are never on both sides


def test_too_few_groups_are_not_compared() -> None:
    values = np.zeros((12, len(FEATURES)))
    assert domain_gap.compare(values, ["one"] * 12, values, [str(place) for place in range(12)]) is None
