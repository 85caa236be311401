import numpy as np
import pytest

from corrotwin.segmentation.augmentation.domain_adaptation import adapt

WAYS = ("fourier", "histogram", "colours")


def scene(seed, mean, spread):
    """Two-coloured noise, (128, 128, 3) uint8."""
    rng = np.random.default_rng(seed)
    grey = rng.normal(0, 1, (128, 128, 1)) + np.linspace(-1, 1, 128)[:, None, None]
    pixels = np.array(mean) + grey * np.array(spread) + rng.normal(0, 4, (128, 128, 3))
    return pixels.clip(0, 255).astype(np.uint8)


RENDERS = np.stack([scene(seed, (90, 110, 120), (12, 10, 8)) for seed in range(8)])
PHOTOS = np.stack([scene(seed + 50, (150, 120, 90), (20, 22, 24)) for seed in range(8)])


def moments(images):
    pixels = images.reshape(len(images), -1, 3).astype(float)
    return pixels.mean(axis=1), pixels.std(axis=1)


@pytest.mark.parametrize("how", WAYS)
def test_colours_move_towards_the_photo(how):
    changed = adapt(RENDERS, PHOTOS, how=how, seed=1, epoch=0, first=0)
    assert changed.shape == RENDERS.shape
    assert changed.dtype == np.uint8
    for before, after, wanted in zip(*map(moments, (RENDERS, changed, PHOTOS)), strict=True):
        assert (np.abs(after - wanted).mean(axis=1) < 0.95 * np.abs(before - wanted).mean(axis=1)).all()


@pytest.mark.parametrize("how", WAYS)
def test_an_item_depends_on_seed_epoch_and_index_alone(how):
    whole = adapt(RENDERS, PHOTOS, how=how, seed=1, epoch=2, first=10)
    alone = adapt(RENDERS[5:6], PHOTOS[5:6], how=how, seed=1, epoch=2, first=15)
    assert np.array_equal(whole[5], alone[0])
    assert not np.array_equal(whole, adapt(RENDERS, PHOTOS, how=how, seed=2, epoch=2, first=10))


@pytest.mark.parametrize("how", WAYS)
def test_structure_stays(how):
    changed = adapt(RENDERS, PHOTOS, how=how, seed=1, epoch=0, first=0)
    for before, after in zip(RENDERS.mean(axis=3), changed.mean(axis=3), strict=True):
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.8


def test_flat_and_black_images_do_not_break():
    flat = np.full((2, 32, 32, 3), 7, dtype=np.uint8)
    for how in WAYS:
        for one, other in ((flat, PHOTOS[:2, :32, :32]), (RENDERS[:2, :32, :32], flat), (flat, flat * 0)):
            assert adapt(one, other, how=how, seed=0, epoch=0, first=0).shape == flat.shape
