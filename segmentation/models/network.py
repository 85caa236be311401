"""Networks of segmentation-models-pytorch (smp): building, loading, placing on a device, counting of operations.

The paper uses four U-Nets, `BACKBONES`; every other encoder and architecture of smp is available by name.
"""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import BACKBONES, Precision
from corrotwin.segmentation.models import encoders
from corrotwin.segmentation.models import weights as imagenet
from corrotwin.segmentation.models.constants import constant
from corrotwin.segmentation.sampling import Stream, generator
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import checked
from corrotwin.twin.core.text import counted


def beyond_paper(backbone: str, architecture: str) -> bool:
    """Return True unless the network is one of the paper's four."""
    return architecture != "Unet" or backbone not in BACKBONES


def build(
    backbone: str,
    *,
    architecture: str = "Unet",
    encoder_weights: str | None,
    weights: Path | None = None,
    seed: int,
) -> torch.nn.Module:
    """Build a network from (b, 3, s, s) normalised images to (b, 1, s, s) logits; s must be divisible by 32.

    Parameters
    ----------
    backbone : one of `BACKBONES`, or another encoder of smp or, with the prefix ``tu-``, of timm.
    architecture : "Unet", or another architecture of smp.
    encoder_weights : "imagenet", or None for random weights.
    weights : folder of prepared ImageNet weights, the only place searched if it is given; None takes them through the
        hub's cache. Both give the same network, bit for bit. Ignored if `encoder_weights` is None.
    seed : seed of random weights. torch's global generator is left unchanged.

    Raises
    ------
    InputError
        A name is unknown, the two do not fit together, or the ImageNet weights are unavailable.
    """
    encoders.check(backbone, architecture)
    if encoder_weights not in ("imagenet", None):
        raise InputError(f"encoder_weights {encoder_weights!r}: choose imagenet or None")
    trained = None
    if encoder_weights == "imagenet":
        trained = imagenet.load(weights, backbone) if weights is not None else imagenet.fetch(backbone)
    model = _created(backbone, architecture, seed)
    if trained is not None:
        _fill(model.get_submodule("encoder"), trained, backbone)
    return model


def _created(backbone: str, architecture: str, seed: int) -> torch.nn.Module:
    """Return a network with random weights; its names have been checked."""
    from segmentation_models_pytorch import create_model

    with seeded(torch.device("cpu"), seed, Stream.WEIGHTS), encoders.quiet():
        try:
            model = create_model(architecture, backbone, encoder_weights=None, classes=1)
        except Exception as error:
            if not beyond_paper(backbone, architecture):
                raise
            # For parts that do not fit together smp and timm raise ValueError, KeyError, RuntimeError and many others.
            raise InputError(f"{backbone} does not work in {architecture} ({_first_line(error)}); {_OTHER}") from error
    assert isinstance(model, torch.nn.Module)  # noqa: S101  smp is untyped
    return model


_OTHER = "choose another backbone or architecture"


def _first_line(error: Exception) -> str:
    return f"{(str(error).strip() or type(error).__name__).splitlines()[0]:.120}"


def _fill(encoder: torch.nn.Module, trained: dict[str, torch.Tensor], backbone: str) -> None:
    """Load trained weights into an encoder, or only those that a network with fewer stages (PSPNet) needs."""
    try:
        # Module's own method: encoders override it to drop the classifier's weights, and some overrides return nothing.
        torch.nn.Module.load_state_dict(encoder, {name: trained[name] for name in encoder.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise InputError(
            f"{backbone}: the weights are of another encoder; prepare, fetch or pretrain them again"
        ) from error


def check_images(network: torch.nn.Module, height: int, width: int, *, batch_size: int) -> None:
    """Raise InputError if a network cannot be trained on batches of images of `height` x `width` pixels.

    Some encoders take only one size, some architectures no small images or no batch of one. The check uses a copy
    without storage, so the network stays unchanged.

    Raises
    ------
    InputError
        The network does not accept such batches.
    """
    name, images = getattr(network, "name", "network"), f"{counted(batch_size, 'image')} of {height} x {width} pixels"
    trial = copy.deepcopy(network).to("meta").train()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = trial(torch.empty(batch_size, 3, height, width, device="meta"))
    except Exception as error:
        raise InputError(
            f"{name} cannot be trained on {images} ({_first_line(error)}); change these or {_OTHER}"
        ) from error
    if logits.shape != (batch_size, 1, height, width):
        raise InputError(f"{name} makes {tuple(logits.shape)} of {images}; {_OTHER}")


def normalise(images: torch.Tensor, backbone: str) -> torch.Tensor:
    """Scale images (b, 3, s, s) in [0, 1] as the encoder's pretraining did, for random weights too."""
    mean, deviation = (constant(values, images.device, images.dtype) for values in encoders.normalisation(backbone))
    return (images - mean) / deviation


def device() -> torch.device:
    """Return the first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def seeded(where: torch.device, seed: int, stream: Stream, *key: int) -> Iterator[None]:
    """Seed torch's global generators, on the CPU and on `where`, from one place of a stream of `seed`.

    Layers such as dropout draw from them. Their former states are restored afterwards.
    """
    with torch.random.fork_rng([where] if where.type == "cuda" else []):
        torch.manual_seed(int(generator(seed, stream, *key).integers(2**63)))
        yield


@cache
def bf16_supported(kind: str) -> bool:
    """Return True if a kind of device ("cpu", "cuda") has native bfloat16; emulation is slower than float32."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())


def autocast(precision: Precision, kind: str) -> AbstractContextManager[Any]:
    """Return the context of a forward pass: bfloat16 if precision is fast and the device supports it, else float32."""
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "fast" and bf16_supported(kind))


def memory_format(precision: Precision) -> torch.memory_format:
    """Return the memory layout of a precision: channels last, which is faster for convolutions, if it is fast."""
    return torch.channels_last if precision == "fast" else torch.contiguous_format


class _StridedDepthwise(torch.nn.Conv2d):
    """A strided depthwise convolution in float32, since its backward pass takes 4 to 60 times as long in bfloat16."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  torch's own name
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)


def place(network: torch.nn.Module, precision: Precision, where: torch.device | None = None) -> torch.nn.Module:
    """Move a U-Net to its device, in the memory layout of its precision, avoiding operations that are slow there.

    `where` is `device()` by default.
    """
    where = device() if where is None else where
    network = network.to(where)
    if precision == "fast" and where.type == "cpu" and bf16_supported("cpu"):
        for layer in network.modules():
            # Not for subclasses: one with a padding of its own, like TensorFlow's, would lose its forward pass.
            if type(layer) is torch.nn.Conv2d and layer.groups == layer.in_channels > 1 and max(layer.stride) > 1:
                layer.__class__ = _StridedDepthwise
    return network.to(memory_format=memory_format(precision))  # type: ignore[call-overload,no-any-return]


@contextmanager
def torch_settings(threads: int, precision: Precision) -> Iterator[None]:
    """Fix the torch settings that the bits of a result depend on; restore the former ones afterwards.

    Deterministic algorithms are requested on the CPU only: on a GPU some operations of the backbones have none. GPUs
    since Ampere would compute convolutions of `exact` in TF32, with only 10 bits of mantissa.
    """
    threads_before, deterministic_before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    convolutions = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    convolutions_before = convolutions.fp32_precision
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device().type == "cpu")
    if precision == "exact":
        convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = convolutions_before
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(deterministic_before)


def load_encoder(network: torch.nn.Module, path: Path, backbone: str) -> None:
    """Load the weights of an encoder from `path` into the encoder of a network.

    Raises
    ------
    InputError
        The file is absent, damaged, or of another encoder.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        trained = load_file(checked(path, inside=path.parent, most_bytes=runs.MOST_BYTES))
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error!s:.100}); pretrain again") from error
    _fill(network.get_submodule("encoder"), trained, backbone)


def load_weights(path: Path, backbone: str, architecture: str = "Unet") -> torch.nn.Module:
    """Build a network and load the weights of a run from `path`, without downloads and without pickle.

    Raises
    ------
    InputError
        The file is absent, damaged, or belongs to another backbone or architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    encoders.check_known(backbone, architecture)  # earlier versions trained networks that `check` refuses
    model = _created(backbone, architecture, seed=0)
    again = "delete the run's folder and train it again"
    try:
        model.load_state_dict(load_file(checked(path, inside=path.parent, most_bytes=runs.MOST_BYTES)))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: weights cannot be read ({error}); {again}") from error
    except RuntimeError as error:
        raise InputError(
            f"{path}: holds the weights of another network than {architecture} with {backbone}; {again}"
        ) from error
    return model.eval()


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """Size of a U-Net.

    GMACs are 1e9 multiply-accumulates for one image. `depth` counts the encoder's convolutions and linear layers,
    without the classifier's head, which is not part of the U-Net.
    """

    encoder_params: int
    unet_params: int
    encoder_gmacs: float
    unet_gmacs: float
    depth: int


def complexity(backbone: str, size: int, architecture: str = "Unet") -> Complexity:
    """Count parameters, operations and depth of a network at `size` x `size` pixels.

    Operations are counted by torch's FlopCounterMode, which counts a multiply-accumulate as two, on tensors without
    storage.

    Raises
    ------
    InputError
        A name is unknown, or backbone and architecture do not fit together.
    """
    from torch.utils.flop_counter import FlopCounterMode

    # Moved to meta after building: while they are built, some encoders compute with tensors, which need storage.
    model = build(backbone, architecture=architecture, encoder_weights=None, seed=0).to("meta").eval()
    image = torch.empty(1, 3, size, size, device="meta")
    encoder = model.get_submodule("encoder")

    def gmacs(network: torch.nn.Module) -> float:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(image)
        return float(counter.get_total_flops()) / 2 / 1e9

    return Complexity(
        encoder_params=sum(parameter.numel() for parameter in encoder.parameters()),
        unet_params=sum(parameter.numel() for parameter in model.parameters()),
        encoder_gmacs=gmacs(encoder),
        unet_gmacs=gmacs(model),
        depth=sum(isinstance(module, torch.nn.Conv2d | torch.nn.Linear) for module in encoder.modules()),
    )
