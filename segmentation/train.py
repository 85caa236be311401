"""Training: one loop for all backbones, data arms and precisions.

A run is a function of its configuration and its data: every batch, augmentation and learning rate follows from the seed
and the number of the step, so that a run that was killed and resumed ends with the bits of one left alone (on one type
of CPU).
"""

import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from segmentation import augment, checkpoint, dataset, runs
from segmentation.coco import SPLITS, Dataset
from segmentation.config import TrainConfig
from segmentation.draws import Plan, plan, subset, thin
from segmentation.evaluate import dice_loss, measure, scores
from segmentation.model import (
    autocast,
    bf16_supported,
    build,
    device,
    memory_format,
    normalise,
    place,
    save_tensors,
    torch_settings,
)
from segmentation.splits import Split
from twin.files import InputError, WorkError, hold, versions, write_manifest

WARM_UP = 0.05  # part of all steps
VERSIONED = ("torch", "segmentation-models-pytorch", "albumentations", "opencv-python-headless", "numpy")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Data:
    """Decoded images, which of them take which part, and the plan of the batches."""

    real: dataset.Arrays
    renders: dataset.Arrays | None
    train: npt.NDArray[np.intp]  # rows of `real` that the arm may use
    valid: Sequence[str]
    test: Sequence[str]
    plan: Plan


def train(
    folder: Path,
    config: TrainConfig,
    *,
    real: Dataset,
    split: Split,
    renders: Dataset | None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> None:
    """Train one U-Net and leave a complete run in `folder`; resume one that was cut off, leave alone one complete.

    Parameters
    ----------
    folder : absent, empty, or holding this same run.
    config, real, split, renders : what to learn and from what. `renders` is used only where the arm's synth_share is
        above 0.
    on_epoch : called after each epoch with its row of the history and epochs, images_per_second, seconds_left.

    Raises
    ------
    InputError
        The data, the configuration or the folder do not fit together; the folder is left as it was then.
    WorkError
        The loss stopped being a number.
    """
    if runs.is_complete(folder, config, real, split, renders):
        return
    data = _prepare(config, real, split, renders)
    network = build(config.backbone, encoder_weights=config.encoder_weights, seed=config.seed)
    identity = runs.identity(config, real, split, renders)
    settings = {**identity["config"], **{f"data {key}": value for key, value in identity["data"].items()}}
    with hold(folder, runs.KIND, settings, patience_seconds=30), torch_settings(config.threads):
        where = device()
        network = place(network, config.precision)
        optimizer = torch.optim.AdamW(
            network.parameters(), weight_decay=config.weight_decay, fused=config.precision == "fast"
        )
        progress = checkpoint.restore(folder, network, optimizer)
        _epochs(folder, config, data, network, optimizer, progress, on_epoch)

        network.load_state_dict(progress.best_weights)
        _, table = measure(network, config, data.real, data.test)
        save_tensors(folder / runs.WEIGHTS, progress.best_weights, {"config_digest": config.digest})
        runs.write_per_image(folder / "per_image.csv", table)
        content = {
            **identity,
            "config_digest": config.digest,
            "counts": {
                "train_photos": len(data.train),
                "train_renders": data.plan.renders,
                "valid": len(data.valid),
                "test": len(data.test),
                "steps": config.epochs * data.plan.steps_per_epoch,
            },
            "best_epoch": progress.best_epoch,
            "train_seconds": sum(row["seconds"] for row in progress.history),
            "seed": config.seed,
            "threads": config.threads,
            "device": _describe(where),
            "bfloat16": config.precision == "fast" and bf16_supported(where.type),
            "versions": versions(*VERSIONED),
        }
        write_manifest(folder, runs.KIND, content)
        checkpoint.remove(folder)


def _prepare(config: TrainConfig, real: Dataset, split: Split, renders: Dataset | None) -> _Data:
    known = {photo.file_name for photo in real.photos}
    for part in SPLITS:
        if unknown := [name for name in getattr(split, part) if name not in known]:
            raise InputError(f"{real.folder}: photo {unknown[0]!r} of the split's {part} part is absent; split again")
    if config.arm.synth_share > 0 and renders is None:
        raise InputError(f"data arm {config.arm.name}: takes renders, but none were given; name their folder")
    cache = dataset.cache_folder()
    photos = dataset.arrays(real, config.size, cache=cache)
    rendered = dataset.arrays(renders, config.size, cache=cache) if renders and config.arm.synth_share > 0 else None
    every = thin(split.train, config.max_train_images)
    chosen = subset(every, config.arm.real_fraction, config.seed)
    return _Data(
        real=photos,
        renders=rendered,
        train=photos.rows(chosen),
        valid=thin(split.valid, config.max_eval_images),
        test=thin(split.test, config.max_eval_images),
        plan=plan(
            config.arm,
            seed=config.seed,
            batch_size=config.batch_size,
            all_photos=len(every),
            photos=len(chosen),
            renders=len(rendered.row) if rendered else 0,
        ),
    )


def _epochs(
    folder: Path,
    config: TrainConfig,
    data: _Data,
    network: torch.nn.Module,
    optimizer: torch.optim.AdamW,
    progress: checkpoint.Progress,
    on_epoch: Callable[[dict[str, float]], None] | None,
) -> None:
    """Train from the epoch that `progress` has reached to the last, and keep the weights of the best in it."""
    saved = time.monotonic()
    for epoch in range(len(progress.history), config.epochs):
        started = time.monotonic()
        train_loss = _one_epoch(config, data, network, optimizer, epoch)
        trained = time.monotonic()
        if not math.isfinite(train_loss):
            raise WorkError(f"{folder}: the loss is not a number in epoch {epoch + 1}; take a lower learning_rate")
        valid_loss, table = measure(network, config, data.real, data.valid)
        f1, iou = (float(values.mean()) for values in scores(table.tp, table.fp, table.fn, table.tn))
        if f1 > progress.best_f1:
            progress.best_epoch, progress.best_f1 = epoch + 1, f1
            progress.best_weights = {
                name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
                for name, tensor in network.state_dict().items()
            }
        row = {
            "epoch": epoch + 1,
            "train_loss": train_loss,
            "valid_loss": valid_loss,
            "valid_f1": f1,
            "valid_iou": iou,
            "seconds": time.monotonic() - started,
        }
        progress.history.append(row)
        runs.write_history(folder, progress.history)
        if time.monotonic() - saved >= config.checkpoint_seconds:
            checkpoint.save(folder, network, optimizer, progress)
            saved = time.monotonic()
        if on_epoch is not None:
            seconds_left = row["seconds"] * (config.epochs - epoch - 1)
            speed = data.plan.steps_per_epoch * config.batch_size / (trained - started)
            on_epoch({**row, "epochs": config.epochs, "images_per_second": speed, "seconds_left": seconds_left})


def _one_epoch(
    config: TrainConfig, data: _Data, network: torch.nn.Module, optimizer: torch.optim.AdamW, epoch: int
) -> float:
    """Take the optimiser steps of one epoch and return the mean of their losses."""
    network.train()
    where = device()
    steps = data.plan.steps_per_epoch
    losses = torch.zeros(steps, device=where)
    for step in range(steps):
        images, masks = _batch(config, data, epoch, step, where)
        optimizer.param_groups[0]["lr"] = learning_rate(config, epoch * steps + step, config.epochs * steps)
        with autocast(config.precision, where.type):
            logits = network(normalise(images, config.backbone))
        loss = dice_loss(logits.float(), masks)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses[step] = loss.detach()
    return float(losses.mean())


def _batch(
    config: TrainConfig, data: _Data, epoch: int, step: int, where: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """The augmented batch of one step on the training device, images not yet normalised."""
    photos, renders = data.plan.batch(epoch * data.plan.steps_per_epoch + step)
    parts = [(data.real, data.train[photos])]
    if data.renders is not None:
        parts.append((data.renders, renders))
    images = np.concatenate([arrays.images[rows] for arrays, rows in parts])
    masks = np.concatenate([arrays.masks[rows] for arrays, rows in parts])
    key = {"seed": config.seed, "epoch": epoch, "first": step * config.batch_size}
    if config.precision == "exact":
        images, masks = augment.exact(images, masks, **key)
    pictures, truth = augment.image_tensor(images, where), augment.mask_tensor(masks, where)
    if config.precision == "fast":
        pictures, truth = augment.fast(pictures, truth, **key)
    return pictures.contiguous(memory_format=memory_format(config.precision)), truth


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """The rate of optimiser step `step` of `steps`: linear warm-up over `WARM_UP` of them, then a cosine to zero."""
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return config.learning_rate * (step + 1) / warm_up
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _describe(where: torch.device) -> str:
    """The class of device that results depend on, such as ``cpu (Intel Xeon, AVX512)``."""
    if where.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(where)})"
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"cpu ({name}, {torch.backends.cpu.get_cpu_capability()})"
