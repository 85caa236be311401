"""The network before its first step: with ImageNet or random weights, or with those of another run."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.evaluation.evaluate import config_of
from corrotwin.segmentation.models.network import build, load_encoder, load_weights
from corrotwin.segmentation.training.inputs import RunInputs
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest

_log = logging.getLogger(__name__)

PRETRAINED = "pretrained"  # kind of the folder that `pretraining` writes


def digest_of(init: Path, *, backbone: str, architecture: str) -> str:
    """Return the digest of the weights of a run or a pretrained encoder to start from, as `TrainConfig.init` takes it.

    A run may be unfinished, a pretraining not.

    Raises
    ------
    InputError
        There is no such run, it has no weights yet, or it is of another network.
    """
    if (pretrained := _pretrained(init)) is not None:
        if (theirs := pretrained["config"]["backbone"]) != backbone:
            raise InputError(f"{init}: is {theirs}, this run is {backbone}; `init` takes an encoder of the same kind")
        return runs.weights_digest(init)
    run = runs.load_usable(init)
    theirs = config_of(init, run)
    if (theirs.backbone, theirs.architecture) != (backbone, architecture):
        raise InputError(
            f"{init}: is {theirs.architecture} with {theirs.backbone}, this run is {architecture} with {backbone}; "
            "`init` takes a run of the same network"
        )
    return runs.weights_digest(init)


def network_of(config: TrainConfig, *, weights: Path | None, init: Path | None) -> torch.nn.Module:
    """Return the network that a run starts from.

    Parameters
    ----------
    weights : folder of prepared ImageNet weights; see `segmentation.models.network.build`.
    init : folder of the run whose weights `config.init` is the digest of.

    Raises
    ------
    InputError
        The weights cannot be read, or those of `init` are others.
    """
    if config.init is None:
        return build(
            config.backbone,
            architecture=config.architecture,
            encoder_weights=config.encoder_weights,
            weights=weights,
            seed=config.seed,
        )
    if init is None:
        raise InputError("`init`: this run starts from the weights of another one; name its folder")
    digest_of(init, backbone=config.backbone, architecture=config.architecture)
    if _pretrained(init) is not None:
        network = build(
            config.backbone, architecture=config.architecture, encoder_weights=None, weights=None, seed=config.seed
        )
        load_encoder(network, init / runs.WEIGHTS, config.backbone)
    else:
        network = load_weights(init / runs.WEIGHTS, config.backbone, config.architecture)
    if (now := runs.weights_digest(init)) != config.init:  # a running run replaces them
        raise InputError(f"{init}: has other weights than this run starts from ({now}, not {config.init})")
    return network


def with_photos_of(init: Path, inputs: RunInputs, real: CocoDataset) -> RunInputs:
    """Return the inputs of a run that starts from the run or the encoder `init`, whose photos it has seen, too.

    Raises
    ------
    InputError
        Photos that would test this run trained or validated `init`.
    """
    pretrained = _pretrained(init)
    seen = runs.load_usable(init).seen if pretrained is None else pretrained["seen"]
    if seen is None:
        _log.warning(f"{init}: does not record its photos; test photos of this run may have trained it")
        return inputs
    theirs = set(seen)
    hashes = {photo.file_name: photo.sha256 for photo in real.photos}
    both = [name for name in inputs.test if hashes[name] in theirs]
    if both and pretrained is not None:
        raise InputError(
            f"{init}: {len(both)} test photos of this run are among its pictures ({both[0]}); pretrain without them"
        )
    if both:
        raise InputError(
            f"{init}: {len(both)} test photos of this run trained or validated it ({both[0]}); give its split, "
            f"{init / runs.SPLIT}"
        )
    return replace(inputs, seen=sorted(theirs.union(inputs.seen)))


def _pretrained(init: Path) -> Mapping[str, Any] | None:
    """Return what a complete pretraining in `init` says of itself; None where there is none."""
    content = read_manifest(init, PRETRAINED)
    if content is None:
        return None
    config, seen = content.get("config"), content.get("seen")
    if not isinstance(config, dict) or not isinstance(config.get("backbone"), str) or not isinstance(seen, list):
        raise InputError(f"{init / PRETRAINED}.json: damaged; pretrain again")
    return content
