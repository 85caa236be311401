"""Placing a network for `fast` changes no network: every family of encoders, with random weights, in float32."""

import copy

import pytest
import torch

from corrotwin.segmentation.models import encoders
from corrotwin.segmentation.models import network as network_module

# The smallest member of each class of encoder in smp.
FAMILIES = {
    "ResNetEncoder": "resnet18",
    "DPNEncoder": "dpn68",
    "VGGEncoder": "vgg11",
    "SENetEncoder": "se_resnet50",
    "DenseNetEncoder": "densenet121",
    "InceptionResNetV2Encoder": "inceptionresnetv2",
    "InceptionV4Encoder": "inceptionv4",
    "EfficientNetEncoder": "efficientnet-b0",
    "MobileNetV2Encoder": "mobilenet_v2",
    "XceptionEncoder": "xception",
    "EfficientNetEncoder of timm": "timm-efficientnet-b0",
    "EfficientNetLiteEncoder of timm": "timm-tf_efficientnet_lite0",  # refused by `encoders.check`; built by smp here
    "SkNetEncoder of timm": "timm-skresnet18",
    "MixVisionTransformerEncoder": "mit_b0",
    "MobileOne": "mobileone_s0",
}
OF_TIMM = (
    "tu-tf_efficientnet_lite0", "tu-mobilenetv3_small_050", "tu-tf_mixnet_s", "tu-test_convnext",
    "tu-test_efficientnet", "tu-test_resnet", "tu-test_byobnet", "tu-regnety_002", "tu-mobilevit_xxs",
)  # fmt: skip
FAST = ("mobilenet_v2", "efficientnet-b0", "mit_b0", "tu-tf_efficientnet_lite0", "tu-test_efficientnet")


@pytest.fixture
def forced(monkeypatch):
    """Layers are exchanged whatever the processor."""
    monkeypatch.setattr(network_module, "bf16_supported", lambda _kind: True)


def exchanged(network):
    return [name for name, layer in network.named_modules() if isinstance(layer, network_module._StridedDepthwise)]


def make(backbone):
    from segmentation_models_pytorch import create_model

    with encoders.quiet(), torch.random.fork_rng():
        torch.manual_seed(0)
        return create_model("Unet", backbone, encoder_weights=None, classes=1).eval()


def test_the_list_holds_every_family():
    from segmentation_models_pytorch.encoders import encoders as smp

    assert {smp[name]["encoder"] for name in FAMILIES.values()} == {known["encoder"] for known in smp.values()}


@pytest.mark.ci
@pytest.mark.parametrize(
    "backbone",
    [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in (*FAMILIES.values(), *OF_TIMM)],
)
@torch.no_grad()
def test_placed_and_unplaced_networks_agree_in_float32(backbone, forced):
    # 96 is halved to odd sizes, where padding at one side or both tells.
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    network = make(backbone)
    expected = network(images)
    placed = network_module.place(copy.deepcopy(network), "fast", torch.device("cpu"))
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in placed.state_dict().items())
    # Layout alone changes the order of sums; with it put back, the bits are the same.
    torch.testing.assert_close(placed(images), expected, rtol=0, atol=1e-5 * max(1, float(expected.abs().max())))
    assert torch.equal(placed.to(memory_format=torch.contiguous_format)(images.contiguous()), expected)


def test_strided_depthwise_convolutions_stay_in_float32_where_bfloat16_is_used(forced):
    placed = network_module.place(make("mobilenet_v2"), "fast", torch.device("cpu"))
    assert len(exchanged(placed)) == 4
    assert exchanged(network_module.place(make("mobilenet_v2"), "exact", torch.device("cpu"))) == []


@pytest.mark.parametrize("backbone", ["tu-tf_efficientnet_lite0", "efficientnet-b0"])
def test_convolutions_that_pad_by_themselves_keep_their_class(backbone, forced):
    network = make(backbone)
    kinds = [type(layer) for layer in network.modules()]
    assert [type(layer) for layer in network_module.place(network, "fast", torch.device("cpu")).modules()] == kinds
