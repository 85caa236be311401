"""Precision `fast` against `exact`: one step must go the same way.

The statistics of BatchNorm are held at what the network has seen before, as they are when a network is used. With those
of a batch of four instead, gradients through a deep encoder of random weights are chaotic: rounding the weights to
bfloat16 turns them just as wildly, in float32 alone.
"""

import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity, interpolate

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.augmentation import augment
from corrotwin.segmentation.config import BACKBONES, configure
from corrotwin.segmentation.data import decoded
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.models.network import build, normalise, place
from corrotwin.segmentation.sampling import plan_batches
from corrotwin.segmentation.training.batches import BatchLoader, Pool
from corrotwin.segmentation.training.train import step_loss

LIKE = {"resnet152": 0.94}  # cosine of all gradients in bfloat16; 152 layers add up their rounding
PASSES = 12


@pytest.fixture(autouse=True)
def plainly_fed(monkeypatch):
    """Both precisions get the same pictures: their augmentations are two."""
    for name in ("exact", "fast"):
        monkeypatch.setattr(augment, name, lambda images, masks, **_: (images, masks))


def batch(config):
    """Four pictures and masks, as training gets them."""
    generator = torch.Generator().manual_seed(0)
    images = interpolate(torch.rand(4, 3, 8, 8, generator=generator), 96, mode="bicubic").clamp(0, 1)
    pixels = (255 * images).byte().permute(0, 2, 3, 1).numpy()
    arrays = decoded.Arrays(images=pixels, masks=(pixels[..., 0] > 153).astype(np.uint8), row={})
    loader = BatchLoader(
        config=config,
        plan=plan_batches(REAL, seed=0, epochs=1, batch_size=4, all_photos=4, photos=4, renders=0),
        photos=Pool(images=arrays, rows=np.arange(4)),
        renders=None,
        where=torch.device("cpu"),
    )
    return next(loader.batches(0, 1))


def gradient(backbone, precision):
    """Loss and gradients of one step of a U-Net with drawn weights."""
    config = configure("small", backbone=backbone, arm=REAL, seed=0, precision=precision, size=96, batch_size=4)
    images, masks = batch(config)
    network = build(backbone, encoder_weights=None, seed=1).train()
    with torch.no_grad():
        for _ in range(PASSES):
            network(normalise(images, backbone))
    network = place(network, precision)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    loss = step_loss(config, network, images, masks)
    loss.backward()
    return float(loss.detach()), {name: each.grad.double().ravel() for name, each in network.named_parameters()}


def whole(gradients, part=""):
    """The gradients of the parameters whose names begin with `part`, as one vector."""
    return torch.cat([each for name, each in gradients.items() if name.startswith(part)])


@pytest.mark.ci
@pytest.mark.parametrize(
    "backbone",
    [pytest.param(name, marks=[] if name in ("mobilenet_v2", "vgg16") else pytest.mark.slow) for name in BACKBONES],
)
def test_one_step_of_fast_goes_the_way_of_exact(backbone, monkeypatch):
    exact_loss, exact = gradient(backbone, "exact")
    with monkeypatch.context() as patch:  # whatever this CPU would choose
        patch.setattr(network_module, "bf16_supported", lambda kind: True)
        fast_loss, fast = gradient(backbone, "fast")
        patch.setattr(network_module, "bf16_supported", lambda kind: False)
        layout_loss, layout = gradient(backbone, "fast")
    assert not torch.equal(whole(fast), whole(layout))
    assert layout_loss == pytest.approx(exact_loss, abs=1e-5)
    assert cosine_similarity(whole(layout), whole(exact), dim=0) > 0.9999
    assert fast_loss == pytest.approx(exact_loss, abs=2e-3)
    for part, bar in (("", LIKE.get(backbone, 0.99)), ("decoder", 0.99), ("segmentation_head", 0.999)):
        assert cosine_similarity(whole(fast, part), whole(exact, part), dim=0) > bar
        assert whole(fast, part).norm() == pytest.approx(float(whole(exact, part).norm()), rel=0.1)


@pytest.mark.ci
@pytest.mark.parametrize(("backbone", "count"), [("mobilenet_v2", 4), ("vgg16", 0)])
def test_depthwise_convolutions_with_a_stride_stay_in_float32(backbone, count, monkeypatch):
    """In bfloat16 their way back is slow; nothing else of the network changes."""
    monkeypatch.setattr(network_module, "bf16_supported", lambda kind: True)
    monkeypatch.setattr(network_module, "device", lambda: torch.device("cpu"))
    plain = network_module.build(backbone, encoder_weights=None, seed=0)
    names = list(plain.state_dict())
    exact = place(copy.deepcopy(plain), "exact")
    network = place(plain, "fast")
    spared = [layer for layer in network.modules() if isinstance(layer, network_module._StridedDepthwise)]
    assert len(spared) == count
    assert not [layer for layer in exact.modules() if isinstance(layer, network_module._StridedDepthwise)]
    assert list(network.state_dict()) == names
    for layer in spared:
        image = torch.rand(2, layer.in_channels, 8, 8)
        with network_module.autocast("fast", "cpu"):
            half = layer(image.bfloat16())
        assert half.dtype == torch.bfloat16
        whole = torch.nn.functional.conv2d(
            image.bfloat16().float(), layer.weight, None, layer.stride, layer.padding, groups=layer.groups
        )
        assert torch.equal(half, whole.bfloat16())
