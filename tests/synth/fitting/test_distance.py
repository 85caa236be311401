import cv2
import numpy as np
import pytest

from corrotwin.segmentation.models.features import FeatureExtractor
from corrotwin.synth.fitting import distance
from corrotwin.synth.fitting.appearance import SIDE, Shot


def shots(count: int, *, red: float, spots: int, seed: int) -> list[Shot]:
    """Pictures of blurred noise with spots of another colour, which are labelled."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        picture = 120 + cv2.GaussianBlur(rng.normal(0, 120, (SIDE, SIDE, 3)).astype(np.float32), (0, 0), 3)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for _ in range(spots):
            cv2.circle(
                mask, tuple(int(each) for each in rng.integers(20, SIDE - 20, 2)), int(rng.integers(6, 14)), 1, -1
            )
        picture[mask > 0] = picture[mask > 0] * 0.5 + np.array([red, 40, 20])
        found.append(Shot(picture=np.clip(picture, 0, 255).astype(np.uint8), mask=mask > 0))
    return found


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return FeatureExtractor()


@pytest.mark.ci
def test_alike_is_nearer_than_another_colour_and_other_labels(extractor: FeatureExtractor) -> None:
    photos = distance.see(shots(24, red=90, spots=3, seed=0), extractor)
    alike, green, many = (
        distance.by_region(distance.see(of, extractor), photos)
        for of in (
            shots(24, red=90, spots=3, seed=1),
            shots(24, red=0, spots=3, seed=2),
            shots(24, red=90, spots=12, seed=3),
        )
    )
    assert abs(alike["rust"]) < 0.3 * green["rust"]
    assert green["rust"] > green["around rust"]
    assert many["labels"] > 10 * alike["labels"]
    assert distance.relative(alike, green) < 0.5
    assert distance.relative(green, green) == pytest.approx(1.0, abs=0.3)


def test_the_kernel_distance_is_the_unbiased_mean_over_pairs() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0, 1, (5, 7)), rng.normal(0.5, 1, (6, 7))

    def mean(first: np.ndarray, second: np.ndarray, *, same: bool) -> float:
        pairs = [
            (float(one @ other) / 7 + 1) ** 3
            for place, one in enumerate(first)
            for number, other in enumerate(second)
            if not (same and place == number)
        ]
        return float(np.mean(pairs))

    expected = mean(ours, ours, same=True) + mean(theirs, theirs, same=True) - 2 * mean(ours, theirs, same=False)
    assert distance._kernel_distance(ours, theirs) == pytest.approx(expected)


def test_features_of_a_region_are_those_of_its_pixels(extractor: FeatureExtractor) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
    left = np.zeros((64, 64), np.float32)
    left[:, :32] = 1
    whole = np.ones((64, 64), np.float32)
    (found,) = extractor.over([picture], [np.stack([whole, left, 1 - left, 0 * whole])])
    assert found[0] == pytest.approx((found[1] + found[2]) / 2, abs=1e-4)
    assert found[3] == pytest.approx(found[0], abs=1e-5)  # of a region without weight
