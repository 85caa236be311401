import copy
import socket
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch

from corrotwin.segmentation.config import BACKBONES
from corrotwin.segmentation.models import encoders, tensor_files
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file

OTHERS = (
    ("resnet18", "DeepLabV3Plus"),
    ("mobilenet_v2", "FPN"),
    ("tu-tf_efficientnet_lite0", "Linknet"),
    ("mit_b0", "Segformer"),
    ("tu-test_resnet", "UnetPlusPlus"),
    ("tu-test_efficientnet", "MAnet"),
    ("tu-test_convnext.r160_in1k", "UPerNet"),
    ("tu-test_byobnet", "PSPNet"),
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a test asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


NETWORKS = [*((backbone, "Unet") for backbone in BACKBONES), *OTHERS]
LARGE = NETWORKS[1:4]


@pytest.fixture(
    scope="module",
    params=[pytest.param(one, marks=pytest.mark.slow if one in LARGE else (), id="-".join(one)) for one in NETWORKS],
)
def names(request):
    return request.param


def build(names, seed):
    backbone, architecture = names
    return network_module.build(backbone, architecture=architecture, encoder_weights=None, seed=seed)


@pytest.fixture(scope="module")
def network(names):
    return build(names, 1).eval()


@pytest.mark.ci
def test_one_logit_a_pixel_at_every_size(network, names):
    for height, width in ((32, 32), (64, 96)):
        image = network_module.normalise(torch.rand(2, 3, height, width), names[0])
        with torch.no_grad():
            assert network(image).shape == (2, 1, height, width)


@pytest.mark.ci
def test_a_trial_leaves_the_network_as_it_is(network):
    before = {name: tensor.clone() for name, tensor in network.named_buffers()}
    state = torch.get_rng_state()
    network_module.check_images(network, 64, 96, batch_size=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.named_buffers())
    assert not network.training


@pytest.mark.ci
def test_the_seed_decides_the_weights_and_nothing_else_changes(network, names):
    before = torch.get_rng_state()
    again = build(names, 1).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(again[name], tensor) for name, tensor in network.state_dict().items())
    other = build(names, 2).state_dict()
    assert any(not torch.equal(other[name], tensor) for name, tensor in again.items())


@pytest.mark.ci
def test_weights_survive_the_disk(network, names, tmp_path):
    path = tmp_path / "w.safetensors"
    save_tensors(path, network.state_dict(), {})
    loaded = network_module.load_weights(path, *names)
    assert not loaded.training
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_convolutions_of_exact_are_not_in_tf32(precision):
    convolutions = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    assert before != "ieee"
    with suppress(KeyboardInterrupt), network_module.torch_settings(1, precision):
        assert convolutions.fp32_precision == ("ieee" if precision == "exact" else before)
        raise KeyboardInterrupt
    assert convolutions.fp32_precision == before


def test_tensors_are_written_one_by_one_as_the_library_writes_all(tmp_path, monkeypatch):
    network = network_module.build("tu-test_resnet", encoder_weights=None, seed=0).to(memory_format=torch.channels_last)
    rest = {"é": torch.tensor([True]), "half": torch.ones(3).bfloat16(), "none": torch.empty(0), "n": torch.tensor(5)}
    tensors = {**network.state_dict(), **rest}
    pieces = []

    @contextmanager
    def watched(path):
        with atomic_file(path) as stream:
            yield SimpleNamespace(write=lambda piece: pieces.append(stream.write(piece)))

    monkeypatch.setattr(tensor_files, "atomic_file", watched)
    for metadata in ({}, {"progress": '{"a": "é"}'}):
        save_tensors(tmp_path / "w.safetensors", tensors, metadata)
        plain = {name: tensor.contiguous() for name, tensor in tensors.items()}
        assert (tmp_path / "w.safetensors").read_bytes() == safetensors.torch.save(plain, metadata)
    assert len(pieces) == 2 * (1 + len(tensors))


def test_the_papers_networks_are_four(names):
    assert network_module.beyond_paper(*names) == (names in OTHERS)


# Parameters of the U-Nets in smp 0.6 and operations of U-Net and encoder, GMACs at 224 px: vgg16 and resnet152 without
# their classifiers (published: 138.4 M and 15.5 G; 60.2 M and 11.5 G), counted elsewhere than here.
SIZES = {
    "mobilenet_v2": (6.6, 2.6, 2.2, 0.3),
    "resnet152": (67.2, 15.6, 58.1, 11.5),
    "inceptionv4": (48.8, 11.7, 41.1, 8.1),
    "vgg16": (23.7, 18.9, 14.7, 15.3),
}


def multiplied(network, image):
    """Multiply-accumulates of all convolutions and linear layers, from the shapes that pass through them."""
    total = 0

    def count(layer, inputs, output):
        nonlocal total
        turned = isinstance(layer, torch.nn.ConvTranspose2d)  # each weight meets each pixel of its input
        total += layer.weight[0].numel() * (inputs[0] if turned else output).numel()

    kinds = torch.nn.Conv2d | torch.nn.ConvTranspose2d | torch.nn.Linear
    hooks = [layer.register_forward_hook(count) for layer in network.modules() if isinstance(layer, kinds)]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return total / 1e9


@pytest.mark.ci
def test_complexity_agrees_with_an_independent_count(network, names):
    backbone, architecture = names
    counted = network_module.complexity(backbone, 224, architecture)
    trial = copy.deepcopy(network).to("meta")
    encoder = trial.get_submodule("encoder")
    image = torch.empty(1, 3, 224, 224, device="meta")
    assert counted.unet_params == sum(tensor.numel() for tensor in network.parameters())
    assert counted.encoder_params == sum(tensor.numel() for tensor in encoder.parameters())
    # Attention multiplies outside of layers, a little.
    more = {"mit_b0": 0.3, "MAnet": 0.01}.get(backbone if backbone == "mit_b0" else architecture, 1e-9)
    pairs = (counted.unet_gmacs, multiplied(trial, image)), (counted.encoder_gmacs, multiplied(encoder, image))
    for of_counter, of_layers in pairs:
        assert of_layers * (1 - 1e-9) <= of_counter <= of_layers * (1 + more)
    if architecture == "Unet":
        unet_millions, unet_gmacs, encoder_millions, encoder_gmacs = SIZES[backbone]
        assert counted.unet_params / 1e6 == pytest.approx(unet_millions, abs=0.051)
        assert counted.encoder_params / 1e6 == pytest.approx(encoder_millions, abs=0.051)
        assert counted.unet_gmacs == pytest.approx(unet_gmacs, abs=0.051)
        assert counted.encoder_gmacs == pytest.approx(encoder_gmacs, abs=0.051)
    # 13 convolutions without the 3 linear layers of the classifier; 152 less the classifier, and 4 projections.
    assert counted.depth == {"vgg16": 13, "resnet152": 155}.get(backbone, counted.depth)


def test_normalisation_is_the_one_of_the_weights():
    grey = torch.full((1, 3, 2, 2), 0.5)
    assert torch.equal(network_module.normalise(grey, "inceptionv4"), torch.zeros(1, 3, 2, 2))
    assert network_module.normalise(grey, "vgg16")[0, :, 0, 0].tolist() == pytest.approx(
        [0.0655, 0.1964, 0.4178], abs=1e-3
    )
    assert torch.equal(network_module.normalise(grey, "tu-test_resnet"), torch.zeros(1, 3, 2, 2))


# The same weights, or of the same training, as timm names them.
TWINS = {
    "vgg16": "vgg16.tv_in1k",
    "resnet152": "resnet152.tv_in1k",
    "inceptionv4": "inception_v4.tf_in1k",
    "inceptionresnetv2": "inception_resnet_v2.tf_in1k",
    "xception": "legacy_xception.tf_in1k",
    "dpn68": "dpn68.mx_in1k",
    "dpn107": "dpn107.mx_in1k",
    "densenet121": "densenet121.tv_in1k",
    "senet154": "legacy_senet154.in1k",
    "efficientnet-b0": "tf_efficientnet_b0.in1k",
    "timm-efficientnet-b8": "tf_efficientnet_b8.ra_in1k",
    "timm-skresnet18": "skresnet18.ra_in1k",
}


@pytest.mark.parametrize("backbone", TWINS)
def test_normalisation_agrees_with_timm(backbone):
    ours, theirs = encoders.normalisation(backbone), encoders.normalisation(f"tu-{TWINS[backbone]}")
    assert ours[0] == pytest.approx(theirs[0])
    assert ours[1] == pytest.approx(theirs[1])


def test_every_encoder_of_smp_has_a_normalisation_and_a_source_or_a_line():
    from segmentation_models_pytorch.encoders import encoders as smp

    for backbone, known in smp.items():
        if backbone.startswith("timm-tf_efficientnet_lite"):
            continue
        encoders.check(backbone)
        assert [len(values) for values in encoders.normalisation(backbone)] == [3, 3]
        if "imagenet" in known["pretrained_settings"]:
            assert len(encoders.weights_source(backbone).revision) == 40
        else:
            with pytest.raises(InputError, match=f"{backbone}: smp has no ImageNet weights of it, only "):
                encoders.weights_source(backbone)
    assert set(encoders.NORMALISATION) <= set(smp)


@pytest.mark.parametrize("number", range(5))
def test_lite_encoders_that_smp_builds_wrongly_are_refused_with_the_reason(number):
    right = f"tf_efficientnet_lite{number}"
    with pytest.raises(InputError, match=rf"epsilon 1e-5 for 1e-3.* keep their class\); choose tu-{right}$") as caught:
        network_module.build(f"timm-{right}", encoder_weights=None, seed=0)
    assert "\n" not in str(caught.value)
    encoders.check(f"tu-{right}")


def test_finished_runs_of_an_encoder_that_is_refused_now_are_loaded(tmp_path):
    from segmentation_models_pytorch import create_model

    backbone = "timm-tf_efficientnet_lite0"
    with encoders.quiet():
        trained = create_model("Unet", backbone, encoder_weights=None, classes=1)
    save_tensors(tmp_path / "best.safetensors", trained.state_dict(), {})
    loaded = network_module.load_weights(tmp_path / "best.safetensors", backbone).state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in trained.state_dict().items())
    assert encoders.normalisation(backbone) == ((0.5,) * 3, (0.5,) * 3)


@pytest.mark.parametrize(
    ("backbone", "architecture", "message"),
    [
        ("timm-tf_efficientnet-lite0", "Unet", "is unknown; the nearest: tu-tf_efficientnet_lite0"),
        ("resnet1522", "Unet", "backbone 'resnet1522' is unknown; the nearest: resnet152, "),
        ("MobileNet_V2", "Unet", "the nearest: mobilenet_v2"),
        ("§", "Unet", "choose one of mobilenet_v2, resnet152, inceptionv4, vgg16"),
        ("tu-resnet18.a1_in1", "Unet", "the nearest: tu-resnet18.a1_in1k"),
        ("vgg16", "unet++", "architecture 'unet..' is unknown; the nearest: Unet"),
        ("vgg16", "DTP", "architecture 'DTP' is unknown; the nearest: DPT"),
        ("vgg16", "DPT", "vgg16 does not work in DPT .Only Timm encoders are supported for DPT"),
        ("inceptionv4", "PAN", "inceptionv4 does not work in PAN .InceptionV4 encoder does not support dilated mode"),
        ("tu-test_vit", "Unet", "tu-test_vit does not work in Unet .Unsupported model downsampling pattern"),
    ],
)
def test_names_that_do_not_work(backbone, architecture, message):
    with pytest.raises(InputError, match=message) as caught:
        network_module.build(backbone, architecture=architecture, encoder_weights=None, seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("backbone", "architecture", "size", "batch_size", "message"),
    [
        ("resnet18", "PAN", 96, 2, "2 images of 96 x 96 pixels .*too small"),
        ("resnet18", "DeepLabV3Plus", 96, 1, "1 image of 96 x 96 pixels .*more than 1 value per channel"),
    ],
)
def test_images_that_do_not_fit_are_one_line(backbone, architecture, size, batch_size, message):
    network = network_module.build(backbone, architecture=architecture, encoder_weights=None, seed=0)
    with pytest.raises(InputError, match=message) as caught:
        network_module.check_images(network, size, size, batch_size=batch_size)
    assert "\n" not in str(caught.value)


def test_a_network_of_two_classes_is_refused():
    with pytest.raises(InputError, match=r"network makes \(2, 2, 32, 32\) of 2 images of 32 x 32 pixels"):
        network_module.check_images(torch.nn.Conv2d(3, 2, 1), 32, 32, batch_size=2)


@pytest.mark.ci
def test_an_encoder_of_one_size_takes_that_one():
    network = network_module.build("tu-swin_tiny_patch4_window7_224", encoder_weights=None, seed=0)
    network_module.check_images(network, 224, 224, batch_size=2)
    with pytest.raises(
        InputError, match=r"tu-swin_tiny.* 160 x 160 .*Input height \(160\) doesn't match model \(224\)"
    ):
        network_module.check_images(network, 160, 160, batch_size=2)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("backbone", "sizes", "others"),
    [
        ("tu-test_vit", ((160, 160), (96, 128)), ()),
        ("tu-vit_tiny_patch16_224", ((224, 224),), ((96, 96), (224, 256))),  # of one fixed size
        ("tu-vit_small_patch16_dinov3", ((96, 96), (64, 160)), ()),
        ("tu-vit_small_patch14_dinov2", (), ((224, 224), (448, 448))),  # patches of 14 do not divide multiples of 32
    ],
)
def test_vision_transformers_have_a_decoder_in_dpt(backbone, sizes, others):
    network = network_module.build(backbone, architecture="DPT", encoder_weights=None, seed=0).eval()
    for height, width in sizes:
        network_module.check_images(network, height, width, batch_size=2)
        with torch.no_grad():
            images = network_module.normalise(torch.rand(1, 3, height, width), backbone)
            assert network(images).shape == (1, 1, height, width)
    for height, width in others:
        with pytest.raises(InputError, match=f"cannot be trained on 2 images of {height} x {width} pixels"):
            network_module.check_images(network, height, width, batch_size=2)


def test_bad_weights(tmp_path):
    with pytest.raises(InputError, match=r"none\.safetensors: weights cannot be read"):
        network_module.load_weights(tmp_path / "none.safetensors", "mobilenet_v2")
    (tmp_path / "torn.safetensors").write_bytes(b"123")
    with pytest.raises(InputError, match=r"torn\.safetensors: weights cannot be read"):
        network_module.load_weights(tmp_path / "torn.safetensors", "mobilenet_v2")
    network = network_module.build("tu-test_resnet", encoder_weights=None, seed=0)
    save_tensors(tmp_path / "w.safetensors", network.state_dict(), {})
    for names in (("mobilenet_v2",), ("tu-test_resnet", "FPN"), ("tu-test_byobnet", "Unet")):
        with pytest.raises(
            InputError, match=f"of another network than .* with {names[0]}; delete the run's folder and"
        ) as caught:
            network_module.load_weights(tmp_path / "w.safetensors", *names)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="encoder_weights 'tmp': choose imagenet or None"):
        network_module.build("mobilenet_v2", encoder_weights="tmp", seed=0)
