"""Losses of a batch, from logits in float32, since sums over pixels would overflow half precision."""

import torch

from corrotwin.segmentation.config import Loss


def loss(name: Loss, logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Compute the loss of a batch.

    Parameters
    ----------
    name : ``dice``, as published, or ``dice_bce``, the sum of Dice loss and mean binary cross-entropy.
    logits, masks : (b, 1, h, w) float32.
    """
    value = dice_loss(logits, masks)
    if name == "dice_bce":
        value = value + torch.nn.functional.binary_cross_entropy_with_logits(logits, masks)
    return value


def dice_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Compute 1 - Dice over all pixels of a batch, as published, by smp; it is 0 for a batch without corrosion."""
    from segmentation_models_pytorch.losses import DiceLoss

    value: torch.Tensor = DiceLoss("binary")(logits, masks)
    return value
