import numpy as np
import pytest

from corrotwin.segmentation.augmentation.copy_paste import paste


@pytest.fixture
def scene():
    """A grey photo with corrosion on the left, and a red donor with four regions."""
    image, mask = np.full((64, 64, 3), 90, np.uint8), np.zeros((64, 64), np.uint8)
    mask[:, :4] = 1
    donor, regions = np.full((64, 64, 3), (10, 200, 10), np.uint8), np.zeros((64, 64), np.uint8)
    for row, column in ((8, 8), (8, 40), (40, 8), (40, 40)):
        regions[row : row + 12, column : column + 12] = 1
        donor[row : row + 12, column : column + 12] = (220, 30, 20)
    return image, mask, donor, regions


def many(scene, probability=1.0, count=200):
    return [paste(*scene, probability=probability, rng=np.random.default_rng(seed)) for seed in range(count)]


def test_what_is_pasted_is_labelled_and_nothing_else_changes(scene):
    image, mask, *_ = scene
    for mixed, label in many(scene):
        assert (mixed.dtype, mixed.shape, label.dtype) == (np.uint8, (64, 64, 3), np.uint8)
        assert set(np.unique(label)) <= {0, 1}
        assert (label[mask == 1] == 1).all()
        red = mixed[..., 0] > 160
        assert not (red & (label == 0)).any()
        far = np.ones_like(label, bool)
        far[:, :9] = False  # something may lie on what was there
        for row, column in np.argwhere((label == 1) & (mask == 0)):
            far[max(0, row - 5) : row + 6, max(0, column - 5) : column + 6] = False
        assert (mixed[far] == image[far]).all()  # the donor's sound surface stays behind


def test_a_random_subset_at_random_places_and_sizes(scene):
    added = np.array([int(label.sum()) - 4 * 64 for _, label in many(scene)])
    assert (added > 0).mean() > 0.98  # else on what was there
    assert added.std() > 50
    assert len(np.unique(added)) > 50
    middles = np.array([np.argwhere((label == 1) & (scene[1] == 0)).mean(0) for _, label in many(scene)])
    assert (middles.min(0) < 12).all()
    assert (middles.max(0) > 52).all()


def test_as_often_as_asked(scene):
    changed = [not np.array_equal(label, scene[1]) for _, label in many(scene, 0.4, 400)]
    assert np.mean(changed) == pytest.approx(0.4, abs=0.08)
    assert not any(not np.array_equal(mixed, scene[0]) for mixed, _ in many(scene, 0.0, 20))


def test_a_donor_without_corrosion_gives_nothing(scene):
    image, mask, donor, _ = scene
    mixed, label = paste(image, mask, donor, np.zeros_like(mask), probability=1.0, rng=np.random.default_rng(0))
    assert mixed is image
    assert label is mask
