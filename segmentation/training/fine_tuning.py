"""Fine-tuning of a trained encoder: its own learning rate, frozen first steps, statistics of batch normalisation."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.models.network import autocast, normalise, seeded
from corrotwin.segmentation.sampling import BatchPlan, Stream
from corrotwin.segmentation.training.batches import BatchLoader
from corrotwin.twin.core.errors import InputError


def check(network: torch.nn.Module, config: TrainConfig) -> None:
    """Raise InputError for settings that would harm a new run, or have no effect.

    Raises
    ------
    InputError
        Random weights or statistics would be frozen, own statistics meet pictures that are neither photos nor renders,
        or the network has no batch normalisation.
    """
    is_frozen = config.batch_norm == "frozen"
    if (config.freeze or is_frozen) and config.encoder_weights is None and config.init is None:
        name = "`batch_norm` frozen" if is_frozen else f"`freeze` {config.freeze:g}"
        raise InputError(f"{name}: keeps what the encoder starts with, here random; give `encoder_weights` or `init`")
    if config.batch_norm == "own" and config.arm.self_training:
        raise InputError("`batch_norm` own: a teacher's pictures are neither photos nor renders; choose train")
    affected = network.get_submodule("encoder") if is_frozen else network
    if config.batch_norm != "train" and next(_batch_norms(affected), None) is None:
        where = f"encoder {config.backbone}" if is_frozen else f"{config.architecture} with {config.backbone}"
        raise InputError(f"`batch_norm` {config.batch_norm}: {where} has no batch normalisation; choose train")


def parameter_groups(network: torch.nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Return the parameters of the encoder and of the rest as groups of an optimiser.

    `factor` in each group is the ratio of its learning rate to that of the schedule.
    """
    encoder = list(network.get_submodule("encoder").parameters())
    known = {id(parameter) for parameter in encoder}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [{"params": encoder, "factor": config.encoder_rate}, {"params": rest, "factor": 1.0}]


def frozen_steps(config: TrainConfig, steps: int) -> int:
    """Return the number of steps, at the start of a run of `steps`, in which the encoder is frozen."""
    return round(config.freeze * steps)


def set_modes(network: torch.nn.Module, config: TrainConfig, step: int, steps: int) -> None:
    """Set what is frozen and what trains in a network from `step` of a run of `steps`."""
    network.train()
    encoder = network.get_submodule("encoder")
    is_frozen = step < frozen_steps(config, steps)
    encoder.requires_grad_(not is_frozen)
    if is_frozen:
        encoder.eval()
    elif config.batch_norm == "frozen":
        for layer in _batch_norms(encoder):
            layer.eval()


def smallest_batch(config: TrainConfig, plan: BatchPlan) -> int:
    """Return the smallest number of images that pass the network together in training."""
    share = min(plan.render_share, 1 - plan.render_share)
    if config.batch_norm != "own" or share <= 0:
        return plan.batch_size
    return max(1, int(plan.batch_size * share))


def logits(network: torch.nn.Module, images: torch.Tensor, photos: int | None) -> torch.Tensor:
    """Compute logits (b, 1, s, s) of a batch of normalised images (b, 3, s, s).

    Parameters
    ----------
    photos : number of photos at the start of the batch. They and the renders after them pass the network separately, so
        each kind is normalised by its own statistics, and only those of the photos enter the moving averages. (C. Xie
        et al., Adversarial Examples Improve Image Recognition, CVPR 2020, keep two sets of averages; here only photos
        are ever measured.) A batch of renders alone therefore leaves the averages unchanged. None: all images pass
        together and enter the averages.
    """
    if photos is None or photos == len(images):
        result: torch.Tensor = network(images)
        return result
    of_photos = [network(images[:photos])] if photos else []
    layers = [layer for layer in _batch_norms(network) if layer.training]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        of_renders = network(images[photos:])
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    return torch.cat([*of_photos, of_renders])


def re_estimate(network: torch.nn.Module, config: TrainConfig, loader: BatchLoader) -> None:
    """Replace all statistics of batch normalisation by those of the training images without augmentation.

    Averaged weights get theirs in the same way (P. Izmailov et al., Averaging Weights Leads to Wider Optima, UAI 2018).
    """
    images = (normalise(batch, config.backbone) for batch in loader.plain())
    where = loader.where
    with seeded(where, config.seed, Stream.DROPOUT), autocast(config.precision, where.type):
        update_bn(images, network)


def _batch_norms(network: torch.nn.Module) -> Iterator[_BatchNorm]:
    return (layer for layer in network.modules() if isinstance(layer, _BatchNorm))
