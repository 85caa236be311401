"""Encoders of segmentation-models-pytorch (smp) and timm: valid names, normalisation, and origin of their weights."""

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

TIMM = "tu-"  # smp's prefix for encoders that timm builds
# smp's own EfficientNet-Lite has an epsilon of 1e-5 in batch normalisation (1e-3 in training) and pads both sides
# equally (TensorFlow pads one more at the end): with the ImageNet weights only 38 % of photos keep their class.
_REFUSED = "timm-tf_efficientnet_lite"

# Mean and standard deviation per channel with which the ImageNet weights were trained. It is a table because smp's own
# lookup goes online; it agrees with the settings that smp shipped before it moved them to the hub.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # of networks ported from TensorFlow
_DPN = ((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3)
NORMALISATION = {
    "mobilenet_v2": _IMAGENET,
    "resnet152": _IMAGENET,
    "inceptionv4": _HALF,
    "vgg16": _IMAGENET,
    # Beyond the paper: smp's other encoders whose values differ from torchvision's.
    "inceptionresnetv2": _HALF,
    "xception": _HALF,
    **dict.fromkeys((f"{_REFUSED}{number}" for number in range(5)), _HALF),  # for runs of earlier versions
    **dict.fromkeys(("dpn68", "dpn68b", "dpn92", "dpn98", "dpn107", "dpn131"), _DPN),
}


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """Origin of an encoder's ImageNet weights: a repository of the Hugging Face hub, a URL, or a Python package."""

    repository: str
    revision: str | None
    """The commit that smp pins, or the package's version; None if timm takes the newest commit."""
    licence: str | None = None
    """Licence of a package; None for weights of the hub, which states their licence itself."""


def check(backbone: str, architecture: str = "Unet") -> None:
    """Raise InputError for networks that no new run may use.

    Raises
    ------
    InputError
        A name is unknown (`check_known`), or smp builds this encoder wrongly.
    """
    if backbone.startswith(_REFUSED):
        raise InputError(
            f"backbone {backbone!r} is not the network of its ImageNet weights (batch-norm epsilon 1e-5 for 1e-3, "
            f"symmetric padding: 38 % of photos keep their class); choose {TIMM}{backbone.removeprefix('timm-')}"
        )
    check_known(backbone, architecture)


def check_known(backbone: str, architecture: str) -> None:
    """Raise InputError for names that smp does not know.

    Raises
    ------
    InputError
        A name is unknown; the message suggests the closest known names that `check` accepts.
    """
    if backbone not in BACKBONES:
        import timm
        from segmentation_models_pytorch.encoders import get_encoder_names

        smp_names = get_encoder_names()
        if backbone not in smp_names:
            timm_names = (f"{TIMM}{name}" for name in (*timm.list_models(), *timm.list_pretrained()))
            accepted = (name for name in smp_names if not name.startswith(_REFUSED))
            _choose("backbone", backbone, [*BACKBONES, *accepted, *timm_names], BACKBONES)
    if architecture != "Unet":
        from segmentation_models_pytorch import MODEL_ARCHITECTURES_MAPPING

        known = sorted(kind.__name__ for kind in MODEL_ARCHITECTURES_MAPPING.values())
        _choose("architecture", architecture, known, known)


def _choose(kind: str, name: str, known: Collection[str], usual: Collection[str]) -> None:
    if name in known:
        return
    by_lower_case = {known_name.lower(): known_name for known_name in known}
    if nearest := [by_lower_case[known_name] for known_name in get_close_matches(name.lower(), by_lower_case)]:
        raise InputError(f"{kind} {name!r} is unknown; the nearest: {', '.join(nearest)}")
    raise InputError(f"{kind} {name!r} is unknown; choose one of {', '.join(usual)}")


@cache
def normalisation(backbone: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation, per channel, of the images that the encoder was trained on.

    Random weights get the same values, so that runs from random and from ImageNet weights get the same inputs.
    """
    if backbone.startswith(TIMM):
        import timm

        config = timm.models.get_pretrained_cfg(backbone.removeprefix(TIMM))
        return (tuple(config.mean), tuple(config.std)) if config is not None else _IMAGENET
    return NORMALISATION.get(backbone, _IMAGENET)


def weights_source(backbone: str) -> WeightsSource:
    """Return the origin of a known encoder's ImageNet weights; some of timm's are of other data, named in their tag.

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
        if config is not None and (origin := config.hf_hub_id or config.url):
            return WeightsSource(repository=str(origin), revision=None)
        raise InputError(
            f"{backbone}: timm has no pretrained weights of it; choose another, or random weights (`encoder_weights`)"
        )
    from segmentation_models_pytorch.encoders import encoders

    pretrained_settings = encoders[backbone]["pretrained_settings"]
    if "imagenet" not in pretrained_settings:
        raise InputError(
            f"{backbone}: smp has no ImageNet weights of it, only {', '.join(pretrained_settings)}; "
            "choose another backbone, or random weights (`encoder_weights`)"
        )
    return WeightsSource(
        repository=pretrained_settings["imagenet"]["repo_id"], revision=pretrained_settings["imagenet"]["revision"]
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and logged retries of smp, timm and the hub's client; the outcome is reported once."""
    former_level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(former_level)
