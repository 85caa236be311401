import numpy as np
import pytest
import torch

from corrotwin.segmentation.augmentation import augment

CPU = torch.device("cpu")


def run(way, images, masks, *, seed=1, epoch=2, first=0, strength="standard"):
    if way == "exact":
        images, masks = augment.exact(images, masks, seed=seed, epoch=epoch, first=first, strength=strength)
        return augment.image_tensor(images, CPU), augment.mask_tensor(masks, CPU)
    pair = augment.image_tensor(images, CPU), augment.mask_tensor(masks, CPU)
    return augment.fast(*pair, seed=seed, epoch=epoch, first=first, strength=strength)


@pytest.fixture
def batch():
    """Eight coloured 64-pixel images whose masks are where the red channel is high."""
    rng = np.random.default_rng(0)
    masks = np.zeros((8, 64, 64), dtype=np.uint8)
    for mask in masks:
        row, column = rng.integers(16, 36, 2)
        mask[row : row + 14, column : column + 20] = 1
    images = np.stack([np.where(masks == 1, 220, 60), np.full_like(masks, 90), np.full_like(masks, 120)], axis=-1)
    return images.astype(np.uint8), masks


@pytest.mark.parametrize("way", ["exact", "fast"])
def test_an_item_depends_on_seed_epoch_and_index_alone(way, batch):
    images, masks = batch
    whole = run(way, images, masks, first=10)
    run(way, images, masks, seed=9)
    alone = run(way, images[5:6], masks[5:6], first=15)
    assert torch.allclose(whole[0][5], alone[0][0], atol=1e-6)
    assert torch.equal(whole[1][5], alone[1][0])
    for other in ({"seed": 2}, {"epoch": 3}, {"first": 1}):
        assert not torch.equal(run(way, images, masks, **other)[0], run(way, images, masks)[0])


@pytest.mark.parametrize("way", ["exact", "fast"])
def test_masks_move_with_their_images(way, batch):
    pictures, truth = run(way, *batch)
    assert pictures.shape == (8, 3, 64, 64)
    assert truth.shape == (8, 1, 64, 64)
    assert set(truth.unique().tolist()) == {0.0, 1.0}
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert not torch.equal(truth[:, 0], torch.from_numpy(batch[1]).float())
    red = pictures[:, :1] > (pictures[:, :1].amin((2, 3), True) + pictures[:, :1].amax((2, 3), True)) / 2
    overlap = (red & (truth > 0)).sum() / (red | (truth > 0)).sum()
    assert overlap > 0.93


@pytest.mark.parametrize("strength", augment.RANGES)
def test_both_ways_have_one_distribution(strength):
    # Areas of a centred square (scaling), first moments of a corner blob (flips, rotation, shift), colour means.
    masks = np.zeros((400, 32, 32), dtype=np.uint8)
    masks[:, 8:24, 8:24] = 1
    images = np.full((400, 32, 32, 3), (150, 100, 60), dtype=np.uint8)
    images[:, 4:12, 4:12] = (30, 60, 90)
    summary = {}
    for way in ("exact", "fast"):
        pictures, truth = run(way, images, masks, strength=strength)
        dark = (pictures[:, 0] < pictures[:, 0].mean((1, 2), True) * 0.6).float()
        place = torch.linspace(-1, 1, 32)
        rows = (dark.sum(2) * place).sum(1) / 64
        columns = (dark.sum(1) * place).sum(1) / 64
        summary[way] = torch.stack([truth.mean((1, 2, 3)), rows, columns, *pictures.mean((2, 3)).T])
    means, deviations = (torch.stack([f(s, 1) for s in summary.values()]) for f in (torch.mean, torch.std))
    error = deviations.amax(0) * (2 / 400) ** 0.5
    assert ((means[0] - means[1]).abs() < 4 * error + 0.01).all()
    assert (deviations[0] / deviations[1]).tolist() == pytest.approx([1] * 6, rel=0.3)


@pytest.mark.parametrize("way", ["exact", "fast"])
def test_strong_changes_more(way, batch):
    def spread(strength):
        pictures, truth = run(way, *(np.repeat(each, 20, axis=0) for each in batch), strength=strength)
        return [float(each.std()) for each in (truth.mean((1, 2, 3)), pictures.mean((1, 2, 3)))]

    assert all(strong > 1.5 * standard for strong, standard in zip(spread("strong"), spread("standard"), strict=True))
