"""Initial weights of a network: ImageNet, random, those of another run or encoder, or of the model that ships."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from corrotwin.segmentation import runs, shipped
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.data.perceptual_hash import alike, from_hex, hashes, to_hex
from corrotwin.segmentation.evaluation.loading import config_of
from corrotwin.segmentation.models.network import build, load_encoder, load_weights
from corrotwin.segmentation.training.inputs import RunInputs
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest
from corrotwin.twin.core.text import counted

_log = logging.getLogger(__name__)

PRETRAINED = "pretrained"  # kind of the folder that `pretraining` writes


@dataclass(frozen=True, kw_only=True)
class Start:
    """Initial weights of a run: those of a run, of a pretrained encoder, or of the model that ships.

    `architecture` is None for an encoder alone. `labelled` has the hashes of the photos whose labels made the weights,
    None if they are not known; `unlabelled` has those of pictures seen without labels; `looks` has perceptual hashes of
    the latter, as `to_hex` writes them. `advice` says how to keep the test photos of a run out of them.
    """

    weights: Path
    backbone: str
    architecture: str | None
    labelled: frozenset[str] | None
    unlabelled: frozenset[str] = frozenset()
    looks: frozenset[str] = frozenset()
    advice: str


def start_of(init: Path) -> Start:
    """Return the weights that a run is to start from: those in a folder, or ``shipped`` for the model that ships.

    A run may be unfinished; a pretraining may not.

    Raises
    ------
    InputError
        There is no such run or pretraining, or it has no weights yet.
    """
    if init == Path(shipped.NAME) and not init.exists():
        return _shipped()
    pretrained = read_manifest(init, PRETRAINED)
    weights = init / runs.WEIGHTS
    if pretrained is not None:
        config, picture_hashes = pretrained.get("config"), pretrained.get("seen")
        if (
            not isinstance(config, dict)
            or not isinstance(config.get("backbone"), str)
            or not isinstance(picture_hashes, list)
        ):
            raise InputError(f"{init / PRETRAINED}.json: damaged; pretrain again")
        try:
            bits = from_hex(str(pretrained.get("hashes")))
        except ValueError as error:
            raise InputError(
                f"{init / PRETRAINED}.json: no perceptual hashes of its pictures, which earlier versions did not keep; "
                "repeat its `segmentation pretrain`, which adds them without training"
            ) from error
        return Start(
            weights=weights, backbone=config["backbone"], architecture=None, labelled=frozenset(),
            unlabelled=frozenset(picture_hashes), looks=frozenset(map(to_hex, bits)), advice="pretrain without them",
        )  # fmt: skip
    run = runs.load_usable(init)
    run_config = config_of(init, run)
    labelled, unlabelled, looks = (run.manifest.get(name) for name in ("seen", "seen_unlabelled", "seen_looks"))
    return Start(
        weights=weights, backbone=run_config.backbone, architecture=run_config.architecture,
        labelled=None if labelled is None else frozenset(labelled), unlabelled=frozenset(unlabelled or ()),
        looks=frozenset(looks or ()), advice=f"give its split, {init / runs.SPLIT}, or other weights",
    )  # fmt: skip


def _shipped() -> Start:
    manifest = read_manifest(shipped.FOLDER, shipped.KIND) or {}
    photo_hashes = manifest.get("seen")
    if not isinstance(photo_hashes, list) or not isinstance(manifest.get("backbone"), str):
        raise InputError(
            f"{shipped.FOLDER}: the model that comes with corrotwin is missing or damaged; install corrotwin again"
        )
    return Start(
        weights=shipped.WEIGHTS, backbone=manifest["backbone"], architecture=str(manifest["architecture"]),
        labelled=frozenset(photo_hashes), advice="start from ImageNet weights",
    )  # fmt: skip


def digest_of(init: Path, *, backbone: str, architecture: str) -> str:
    """Return the digest of the weights to start from, as `TrainConfig.init` takes it.

    Raises
    ------
    InputError
        There are no such weights (see `start_of`), or they are those of another network.
    """
    return runs.digest_of_weights(_fitting(init, backbone=backbone, architecture=architecture).weights)


def _fitting(init: Path, *, backbone: str, architecture: str) -> Start:
    start = start_of(init)
    if start.architecture is None and start.backbone != backbone:
        raise InputError(
            f"{init}: is {start.backbone}, this run is {backbone}; `init` takes an encoder of the same kind"
        )
    if start.architecture is not None and (start.backbone, start.architecture) != (backbone, architecture):
        raise InputError(
            f"{init}: is {start.architecture} with {start.backbone}, this run is {architecture} with {backbone}; "
            "`init` takes a run of the same network"
        )
    return start


def network_of(config: TrainConfig, *, weights: Path | None, init: Path | None) -> torch.nn.Module:
    """Return the network that a run starts from.

    Parameters
    ----------
    weights : folder of prepared ImageNet weights; see `segmentation.models.network.build`.
    init : folder of the run whose weights `config.init` is the digest of.

    Raises
    ------
    InputError
        The weights cannot be read, or the digest of those of `init` is not `config.init`.
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
    start = _fitting(init, backbone=config.backbone, architecture=config.architecture)
    if start.architecture is None:
        network = build(
            config.backbone, architecture=config.architecture, encoder_weights=None, weights=None, seed=config.seed
        )
        load_encoder(network, start.weights, config.backbone)
    else:
        network = load_weights(start.weights, config.backbone, config.architecture)
    if (current := runs.digest_of_weights(start.weights)) != config.init:  # a run that still trains replaces them
        raise InputError(f"{init}: has other weights than this run starts from ({current}, not {config.init})")
    return network


def with_photos_of(init: Path, inputs: RunInputs, real: coco.CocoDataset) -> RunInputs:
    """Return the inputs of a run that starts from `init` (`start_of`), with the photos that those weights have seen.

    Raises
    ------
    InputError
        Test photos of this run are among those that made the weights, or are like a picture seen without labels by
        perceptual hash, in any orientation; or those hashes are damaged.
    """
    start = start_of(init)
    if start.labelled is None:
        _log.warning(f"{init}: does not record its photos; test photos of this run may have trained it")
        return inputs
    by_name = {photo.file_name: photo for photo in real.photos}
    test_photos = [by_name[name] for name in inputs.test]
    is_alike = [False] * len(test_photos)
    if start.looks:
        try:
            seen_hashes = from_hex("".join(sorted(start.looks)))
        except ValueError as error:
            raise InputError(f"{init}: damaged (seen_looks are not perceptual hashes); train again") from error
        is_alike = alike(np.stack([hashes(coco.image(photo)) for photo in test_photos]), seen_hashes)
    leaked = [
        photo.file_name
        for photo, like_seen in zip(test_photos, is_alike, strict=True)
        if like_seen or photo.sha256 in start.labelled | start.unlabelled
    ]
    if leaked:
        how = "in training, in validation or without labels" if start.architecture is not None else "among its pictures"
        found = f"{counted(len(leaked), 'test photo')} of this run or similar pictures"
        raise InputError(f"{init}: has seen {found} ({how}; first: {leaked[0]}); {start.advice}")
    return replace(
        inputs,
        seen=sorted(start.labelled.union(inputs.seen)),
        unlabelled=sorted(start.unlabelled.union(inputs.unlabelled)),
        looks=sorted(start.looks.union(inputs.looks)),
    )
