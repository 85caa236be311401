"""A step of training brings no constant from the host's memory to its device."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.augmentation import augment
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.models import encoders
from corrotwin.segmentation.models.constants import constant
from corrotwin.segmentation.models.network import build, normalise, place
from corrotwin.segmentation.training.train import step_loss

DRAWN = 1  # tensor of one batch of `augment.fast`: its affine maps and its colour factors, packed


class HostTensors(TorchDispatchMode):
    """Counts tensors that are made of numbers of the host, as `torch.tensor`, `new_tensor` and `from_numpy` do."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.count += function in (torch.ops.aten.lift_fresh.default, torch.ops.aten.lift_fresh_copy.default)
        return function(*arguments, **(options or {}))


def test_what_is_counted_is_what_would_be_copied():
    images = torch.rand(1, 3, 2, 2)
    with HostTensors() as made:
        images.new_tensor((1.0, 2.0, 3.0))
        torch.tensor([1.0])
        torch.from_numpy(images.numpy())
        images * 2 + torch.zeros(1)
    assert made.count == 3


@pytest.mark.ci
@pytest.mark.parametrize("precision", ["exact", "fast"])
@pytest.mark.parametrize("loss", ["dice", "dice_bce"])
def test_after_the_first_step_no_constant_is_made(precision, loss):
    config = configure("quick", backbone="tu-test_resnet", arm=REAL, seed=0, precision=precision, loss=loss)
    network = place(build(config.backbone, encoder_weights=None, seed=0), precision, torch.device("cpu")).train()
    optimizer = torch.optim.AdamW(network.parameters())
    images, masks = torch.rand(2, 3, 64, 64), (torch.rand(2, 1, 64, 64) < 0.5).float()

    def step(first):
        changed = augment.fast(images, masks, seed=0, epoch=0, first=first) if precision == "fast" else (images, masks)
        optimizer.zero_grad()
        step_loss(config, network, *changed).backward()
        optimizer.step()

    step(0)
    for first in (2, 4):
        with HostTensors() as made:
            step(first)
        assert made.count == (DRAWN if precision == "fast" else 0)


def test_constants_have_the_bits_that_they_had():
    for images in (torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8, dtype=torch.float64)):
        for backbone in ("mobilenet_v2", "inceptionv4", "dpn68"):
            mean, deviation = (images.new_tensor(values)[:, None, None] for values in encoders.normalisation(backbone))
            assert torch.equal(normalise(images, backbone), (images - mean) / deviation)
        weights = images.new_tensor((0.299, 0.587, 0.114))[:, None, None]
        assert torch.equal(augment._grey(images), (images * weights).sum(dim=1, keepdim=True))


def test_constants_made_while_predicting_serve_training():
    constant.cache_clear()
    weight = torch.ones(3, 1, 1, requires_grad=True)
    with torch.inference_mode():
        constant((1.0, 2.0, 3.0), torch.device("cpu"), torch.float32)
    (weight * constant((1.0, 2.0, 3.0), torch.device("cpu"), torch.float32)).sum().backward()
    assert weight.grad.flatten().tolist() == [1.0, 2.0, 3.0]
