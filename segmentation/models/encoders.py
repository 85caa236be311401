"""Encoders of segmentation-models-pytorch (smp) and timm: valid names, normalisation, and where weights come from."""

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from corrotwin.segmentation.config import BACKBONES
from corrotwin.segmentation.models.packaged import PACKAGES
from corrotwin.twin.core.errors import InputError

TIMM = "tu-"  # smp's mark of encoders that timm builds
# smp's own EfficientNet-Lite has an epsilon of 1e-5 in batch normalisation where training had 1e-3, and pads both sides
# alike where TensorFlow pads one more at the end: with the ImageNet weights 38 % of photos keep their class.
_REFUSED = "timm-tf_efficientnet_lite"

# Mean and standard deviation per channel with which the ImageNet weights were trained; a table, since smp's own lookup
# goes online. It agrees with the settings that smp shipped before it moved them to the hub.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # ported from TensorFlow
_DPN = ((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3)
NORMALISATION = {
    "mobilenet_v2": _IMAGENET,
    "resnet152": _IMAGENET,
    "inceptionv4": _HALF,
    "vgg16": _IMAGENET,
    # Beyond the paper: smp's other encoders whose values differ from torchvision's.
    "inceptionresnetv2": _HALF,
    "xception": _HALF,
    **dict.fromkeys((f"{_REFUSED}{number}" for number in range(5)), _HALF),  # of runs of earlier versions
    **dict.fromkeys(("dpn68", "dpn68b", "dpn92", "dpn98", "dpn107", "dpn131"), _DPN),
}


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """Origin of an encoder's ImageNet weights: a repository of the Hugging Face hub, a URL, or a Python package."""

    repository: str
    revision: str | None
    """The commit that smp pins, or the package's version; None where timm takes the newest commit."""
    licence: str | None = None
    """Of a package; what the hub holds, only the hub knows."""


def check(backbone: str, architecture: str = "Unet") -> None:
    """Raise InputError for networks that no run may start with.

    Raises
    ------
    InputError
        A name is unknown (`check_known`), or smp builds this encoder wrongly.
    """
    if backbone.startswith(_REFUSED):
        raise InputError(
            f"backbone {backbone!r} is not the network of its ImageNet weights (batch-norm epsilon 1e-5 for 1e-3, "
            f"symmetric padding: 38 % of photos keep their class); take {TIMM}{backbone.removeprefix('timm-')}"
        )
    check_known(backbone, architecture)


def check_known(backbone: str, architecture: str) -> None:
    """Raise InputError for names that smp does not know.

    Raises
    ------
    InputError
        A name is unknown, and the message suggests the closest known names that `check` accepts.
    """
    if backbone not in BACKBONES:
        import timm
        from segmentation_models_pytorch.encoders import get_encoder_names

        of_smp = get_encoder_names()
        if backbone not in of_smp:
            of_timm = (f"{TIMM}{name}" for name in (*timm.list_models(), *timm.list_pretrained()))
            accepted = (name for name in of_smp if not name.startswith(_REFUSED))
            _choose("backbone", backbone, [*BACKBONES, *accepted, *of_timm], BACKBONES)
    if architecture != "Unet":
        from segmentation_models_pytorch import MODEL_ARCHITECTURES_MAPPING

        known = sorted(kind.__name__ for kind in MODEL_ARCHITECTURES_MAPPING.values())
        _choose("architecture", architecture, known, known)


def _choose(kind: str, name: str, known: Collection[str], usual: Collection[str]) -> None:
    if name in known:
        return
    spelt = {known_name.lower(): known_name for known_name in known}
    if near := [spelt[known_name] for known_name in get_close_matches(name.lower(), spelt)]:
        raise InputError(f"{kind} {name!r} is unknown; the nearest: {', '.join(near)}")
    raise InputError(f"{kind} {name!r} is unknown; choose one of {', '.join(usual)}")


@cache
def normalisation(backbone: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation, three channels each, of the images that the encoder was trained on.

    Random weights get the same values, so that runs from random and from ImageNet weights see the same numbers.
    """
    if backbone.startswith(TIMM):
        import timm

        config = timm.models.get_pretrained_cfg(backbone.removeprefix(TIMM))
        return (tuple(config.mean), tuple(config.std)) if config is not None else _IMAGENET
    return NORMALISATION.get(backbone, _IMAGENET)


def weights_source(backbone: str) -> WeightsSource:
    """Return the origin of a known encoder's ImageNet weights. timm's may be of other data, as their tag says.

    Raises
    ------
    InputError
        The encoder has no ImageNet weights.
    """
    if package := PACKAGES.get(backbone):
        return WeightsSource(repository=package.name, revision=package.version, licence=package.licence)
    if backbone.startswith(TIMM):
        import timm

        config = timm.models.get_pretrained_cfg(backbone.removeprefix(TIMM))
        if config is not None and (place := config.hf_hub_id or config.url):
            return WeightsSource(repository=str(place), revision=None)
        raise InputError(
            f"{backbone}: timm has no pretrained weights of it; take another, or random weights (`encoder_weights`)"
        )
    from segmentation_models_pytorch.encoders import encoders

    pinned = encoders[backbone]["pretrained_settings"]
    if "imagenet" not in pinned:
        raise InputError(
            f"{backbone}: smp has no ImageNet weights of it, only {', '.join(pinned)}; "
            "take another backbone, or random weights (`encoder_weights`)"
        )
    return WeightsSource(repository=pinned["imagenet"]["repo_id"], revision=pinned["imagenet"]["revision"])


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and logged retries of smp, timm and the hub's client; the outcome is reported once."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
