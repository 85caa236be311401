"""Precision `fast` against `exact`: the same step must go the same way.

With random weights and the statistics of a small batch, the gradient of deep encoders is no stable thing: rounding the
weights turns it, in float32 alone. So the layout is held against `exact` in float32, and rounding to bfloat16 where the
gradient is stable (near the output), and elsewhere against what rounding the weights does.
"""

import pytest
import torch
from torch.nn.functional import cosine_similarity

from segmentation import model
from segmentation.config import BACKBONES, REAL, configure
from segmentation.model import build, memory_format, place
from segmentation.train import step_loss


def gradient(backbone, precision, *, rounded=False):
    """Loss and gradients of one step of a U-Net whose weights are drawn; `rounded` to bfloat16 before."""
    generator = torch.Generator().manual_seed(0)
    images = torch.nn.functional.interpolate(torch.rand(4, 3, 8, 8, generator=generator), 96, mode="bicubic").clamp(
        0, 1
    )
    masks = (images[:, :1] > 0.6).float()
    config = configure("small", backbone=backbone, arm=REAL, seed=0, precision=precision)
    network = place(build(backbone, encoder_weights=None, seed=1), precision).train()
    if rounded:
        network.load_state_dict({name: tensor.bfloat16() for name, tensor in network.state_dict().items()})
    loss = step_loss(config, network, images.contiguous(memory_format=memory_format(precision)), masks)
    loss.backward()
    return float(loss.detach()), {name: each.grad.double().ravel() for name, each in network.named_parameters()}


def alike(one, other, part=""):
    """Cosine of the angle between two gradients, of the parameters whose names begin with `part`."""
    names = [name for name in one if name.startswith(part)]
    return float(cosine_similarity(*(torch.cat([each[name] for name in names]) for each in (one, other)), dim=0))


@pytest.mark.parametrize(
    "backbone",
    [pytest.param(name, marks=[] if name in ("mobilenet_v2", "vgg16") else pytest.mark.slow) for name in BACKBONES],
)
def test_one_step_of_fast_goes_the_way_of_exact(backbone, monkeypatch):
    exact_loss, exact = gradient(backbone, "exact")
    fast_loss, fast = gradient(backbone, "fast")
    _, rounded = gradient(backbone, "exact", rounded=True)
    with monkeypatch.context() as patch:
        patch.setattr(model, "bf16_supported", lambda kind: False)
        layout_loss, layout = gradient(backbone, "fast")
    assert layout_loss == pytest.approx(exact_loss, abs=1e-4)
    assert alike(layout, exact) > 0.98
    assert fast_loss == pytest.approx(exact_loss, abs=1e-2)
    assert alike(fast, exact, "segmentation_head") > 0.99
    assert alike(fast, exact, "decoder.blocks.4") > 0.98
    for part in ("decoder", ""):
        assert alike(fast, exact, part) > alike(rounded, exact, part) - 0.25
