import socket

import pytest
import torch

from segmentation import model
from segmentation.config import BACKBONES
from twin.files import InputError


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a test asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module", params=BACKBONES)
def backbone(request):
    return request.param


@pytest.fixture(scope="module")
def network(backbone):
    return model.build(backbone, encoder_weights=None, seed=1).eval()


def test_one_logit_a_pixel_at_every_size(network, backbone):
    for height, width in ((32, 32), (64, 96)):
        image = model.normalise(torch.rand(2, 3, height, width), backbone)
        with torch.no_grad():
            assert network(image).shape == (2, 1, height, width)


def test_the_seed_decides_the_weights_and_nothing_else_changes(network, backbone):
    before = torch.get_rng_state()
    again = model.build(backbone, encoder_weights=None, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(again[name], tensor) for name, tensor in network.state_dict().items())
    if backbone == "mobilenet_v2":
        other = model.build(backbone, encoder_weights=None, seed=2).state_dict()
        assert any(not torch.equal(other[name], tensor) for name, tensor in again.items())


def test_weights_survive_the_disk(network, backbone, tmp_path):
    path = tmp_path / "w.safetensors"
    model.save_tensors(path, network.state_dict(), {})
    loaded = model.load_weights(path, backbone).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in network.state_dict().items())


# Parameters of the U-Nets in smp 0.6 and operations of U-Net and encoder, GMACs at 224 px: vgg16 and resnet152 without
# their classifiers (published: 138.4 M and 15.5 G; 60.2 M and 11.5 G), counted elsewhere than here.
SIZES = {
    "mobilenet_v2": (6.6, 2.6, 2.2, 0.3),
    "resnet152": (67.2, 15.6, 58.1, 11.5),
    "inceptionv4": (48.8, 11.7, 41.1, 8.1),
    "vgg16": (23.7, 18.9, 14.7, 15.3),
}


def test_complexity_agrees_with_known_numbers(backbone):
    counted = model.complexity(backbone, 224)
    unet_millions, unet_gmacs, encoder_millions, encoder_gmacs = SIZES[backbone]
    assert counted.unet_params / 1e6 == pytest.approx(unet_millions, abs=0.051)
    assert counted.encoder_params / 1e6 == pytest.approx(encoder_millions, abs=0.051)
    assert counted.unet_gmacs == pytest.approx(unet_gmacs, abs=0.051)
    assert counted.encoder_gmacs == pytest.approx(encoder_gmacs, abs=0.051)


def test_depth_counts_layers_that_multiply():
    # 13 convolutions without the 3 linear layers of the classifier; 152 less the classifier, and 4 projections.
    assert model.complexity("vgg16", 32).depth == 13
    assert model.complexity("resnet152", 32).depth == 155


def test_normalisation_is_the_one_of_the_weights():
    grey = torch.full((1, 3, 2, 2), 0.5)
    assert torch.equal(model.normalise(grey, "inceptionv4"), torch.zeros(1, 3, 2, 2))
    assert model.normalise(grey, "vgg16")[0, :, 0, 0].tolist() == pytest.approx([0.0655, 0.1964, 0.4178], abs=1e-3)


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="mobilenet_v2, resnet152, inceptionv4, vgg16"):
        model.build("resnet18", encoder_weights=None, seed=0)
    with pytest.raises(InputError, match=r"none\.safetensors: weights cannot be read"):
        model.load_weights(tmp_path / "none.safetensors", "mobilenet_v2")
    (tmp_path / "torn.safetensors").write_bytes(b"123")
    with pytest.raises(InputError, match=r"torn\.safetensors: weights cannot be read"):
        model.load_weights(tmp_path / "torn.safetensors", "mobilenet_v2")
    model.save_tensors(tmp_path / "w.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(InputError, match="another network than vgg16"):
        model.load_weights(tmp_path / "w.safetensors", "vgg16")


def test_imagenet_weights_that_cannot_be_had(monkeypatch):
    import segmentation_models_pytorch

    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(segmentation_models_pytorch, "Unet", offline)
    with pytest.raises(InputError, match=r"vgg16: ImageNet weights.*OSError: no route to host.*scratch"):
        model.build("vgg16", encoder_weights="imagenet", seed=0)
