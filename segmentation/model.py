"""The four U-Nets of segmentation-models-pytorch: normalisation, precision, weights on disk, size."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from segmentation.config import BACKBONES, Precision
from segmentation.draws import Stream, generator
from twin.files import InputError, atomic_file

# Mean and standard deviation per channel with which the ImageNet weights were trained: torchvision's, but for
# inceptionv4 (Cadene's port of TensorFlow's weights). A table, since smp's own lookup asks the network.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
NORMALISATION = {
    "mobilenet_v2": _IMAGENET,
    "resnet152": _IMAGENET,
    "inceptionv4": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "vgg16": _IMAGENET,
}


def build(backbone: str, *, encoder_weights: str | None, seed: int) -> torch.nn.Module:
    """A U-Net from (b, 3, s, s) normalised images to (b, 1, s, s) logits, s divisible by 32.

    Parameters
    ----------
    backbone : one of `BACKBONES`.
    encoder_weights : "imagenet" fetches them through the hub's cache; None draws them.
    seed : of the weights that are drawn. torch's global generator is left as it was.

    Raises
    ------
    InputError
        The backbone is unknown, or the ImageNet weights cannot be had.
    """
    import segmentation_models_pytorch

    if backbone not in BACKBONES:
        raise InputError(f"backbone {backbone!r} is unknown; choose one of {', '.join(BACKBONES)}")
    with torch.random.fork_rng(devices=[]), _without_warnings():
        torch.manual_seed(int(generator(seed, Stream.WEIGHTS).integers(2**63)))
        try:
            model = segmentation_models_pytorch.Unet(backbone, encoder_weights=encoder_weights, classes=1)
        except Exception as error:
            if encoder_weights is None:
                raise
            # The hub's client raises its own, requests', urllib's and OS errors, by version.
            raise InputError(
                f"{backbone}: ImageNet weights cannot be had ({type(error).__name__}: {error!s:.100}); connect to the "
                "internet once, copy a filled hub cache (HF_HOME) here, or start from scratch with encoder_weights None"
            ) from error
    assert isinstance(model, torch.nn.Module)  # noqa: S101  smp is untyped
    return model


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep the hub's client from logging each of its retries; what came of them is reported once."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def normalise(images: torch.Tensor, backbone: str) -> torch.Tensor:
    """(b, 3, s, s) in [0, 1] to the scale that the encoder was trained on."""
    mean, deviation = (images.new_tensor(values)[:, None, None] for values in NORMALISATION[backbone])
    return (images - mean) / deviation


def device() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def bf16_supported(kind: str) -> bool:
    """Whether a kind of device ("cpu", "cuda") computes in bfloat16 itself; emulation would be slower than float32."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())


def autocast(precision: Precision, kind: str) -> AbstractContextManager[Any]:
    """The context of a forward pass: bfloat16 where precision is fast and the device has it, else float32."""
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "fast" and bf16_supported(kind))


def memory_format(precision: Precision) -> torch.memory_format:
    """Channels last where precision is fast: the layout that convolutions are quick in."""
    return torch.channels_last if precision == "fast" else torch.contiguous_format


def place(network: torch.nn.Module, precision: Precision) -> torch.nn.Module:
    """Move a U-Net to the device that it will work on, in the layout of its precision."""
    network = network.to(device())
    return network.to(memory_format=memory_format(precision))  # type: ignore[call-overload,no-any-return]


@contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Fix what the bits of a result depend on, and put torch's global settings back afterwards.

    Deterministic algorithms are asked for on the CPU only: on a GPU some operations of the backbones have none.
    """
    threads_before, deterministic_before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device().type == "cpu")
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(deterministic_before)


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write tensors as safetensors, atomically."""
    from safetensors.torch import save

    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, metadata)
    with atomic_file(path) as stream:
        stream.write(content)


def load_weights(path: Path, backbone: str) -> torch.nn.Module:
    """A U-Net with the weights that a run left in `path`; nothing is downloaded, nothing unpickled.

    Raises
    ------
    InputError
        The file is absent, damaged, or of another backbone.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    model = build(backbone, encoder_weights=None, seed=0)
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: weights cannot be read ({error}); train again") from error
    except RuntimeError as error:
        raise InputError(f"{path}: holds the weights of another network than {backbone}; train again") from error
    return model.eval()


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """How large a U-Net is.

    GMACs are 1e9 multiply-accumulates for one image. `depth` counts the encoder's convolutions and linear layers, the
    classifier's head not included: it is not part of the U-Net.
    """

    encoder_params: int
    unet_params: int
    encoder_gmacs: float
    unet_gmacs: float
    depth: int


def complexity(backbone: str, size: int) -> Complexity:
    """Count parameters, operations and depth of a U-Net at `size` x `size` pixels.

    Operations are counted by torch's FlopCounterMode on tensors without storage; it counts a multiply-accumulate as
    two operations.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        model = build(backbone, encoder_weights=None, seed=0).eval()
        image = torch.empty(1, 3, size, size)
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
