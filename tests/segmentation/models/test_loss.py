import pytest
import torch

from corrotwin.segmentation.models.loss import dice_loss, loss


def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 8, 8, generator=generator)
    return logits, (torch.rand(3, 1, 8, 8, generator=generator) < 0.3).float()


def test_dice_is_that_of_the_whole_batch():
    logits, masks = batch()
    probability = torch.sigmoid(logits)
    expected = 1 - 2 * (probability * masks).sum() / (probability.sum() + masks.sum())
    assert float(loss("dice", logits, masks)) == pytest.approx(float(expected), abs=1e-6)
    assert float(dice_loss(logits, masks)) == pytest.approx(float(expected), abs=1e-6)
    assert float(dice_loss(logits, torch.zeros_like(masks))) == 0


def test_dice_bce_is_their_sum():
    logits, masks = batch()
    probability = torch.sigmoid(logits)
    entropy = -(masks * probability.log() + (1 - masks) * (1 - probability).log()).mean()
    assert float(loss("dice_bce", logits, masks) - loss("dice", logits, masks)) == pytest.approx(
        float(entropy), abs=1e-6
    )
    assert float(loss("dice_bce", logits, torch.zeros_like(masks))) > 0  # clean batches teach, too
