"""Training: one loop for all backbones, data arms and precisions.

A run is a function of its configuration and its data: every batch, augmentation and learning rate follows from the seed
and the number of the step, so that a run that was killed and resumed ends with the bits of one left alone (on one type
of CPU).
"""

import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import SIZE_STEP, TrainConfig
from corrotwin.segmentation.data import decoded as dataset
from corrotwin.segmentation.data import splits
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.evaluation.evaluate import decoded, measure, scores
from corrotwin.segmentation.models import encoders
from corrotwin.segmentation.models.loss import loss
from corrotwin.segmentation.models.network import (
    autocast,
    beyond_paper,
    bf16_supported,
    build,
    check_images,
    device,
    normalise,
    place,
    save_tensors,
    torch_settings,
)
from corrotwin.segmentation.sampling import Stream, generator, plan, render_subset, subset, thin
from corrotwin.segmentation.training import checkpoint
from corrotwin.segmentation.training.batches import Feed, Pool
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import versions, write_manifest, writing
from corrotwin.twin.core.locks import OUTLIVING_SECONDS, check_claim, hold

WARM_UP = 0.05  # part of all steps
AVERAGED = 0.05  # part of all steps over which the moving average of the weights reaches back
AVERAGE_EVERY = 4  # steps; a moving average gains nothing from each of them
MAX_WORKERS = 8  # processes that augment ahead for a GPU
VERSIONED = (
    "corrotwin", "torch", "segmentation-models-pytorch", "timm", "albumentations", "opencv-python-headless", "numpy",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _Data:
    """Decoded images, the batches made of them, the photos that are measured, and hashes of those that are seen.

    `photo_side` is the median of the sides of squares as large as the training photos, in pixels.
    """

    feed: Feed
    photos: dataset.Arrays | dataset.Natives
    valid: Sequence[str]
    test: Sequence[str]
    seen: Sequence[str]
    scale: float
    photo_side: float


def train(
    folder: Path,
    config: TrainConfig,
    *,
    real: CocoDataset,
    split: splits.Split,
    renders: CocoDataset | None,
    weights: Path | None = None,
    checkpoint_seconds: float = 300.0,
    workers: int | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> None:
    """Train one U-Net and leave a complete run in `folder`; resume one that was cut off, leave alone one complete.

    Parameters
    ----------
    folder : absent, empty, or holding this same run.
    config, real, split, renders : what to learn and from what. `renders` is used only where the arm takes renders.
    weights : folder of prepared ImageNet weights; None asks the hub, where the configuration wants them.
    checkpoint_seconds : at the end of an epoch, save the state when the last save is at least this long ago.
    workers : processes that augment ahead where precision is exact; None: as `workers_of` all cores but one. The result
        does not depend on it.
    on_epoch : called after each epoch with its row of the history and epochs, images_per_second, seconds_left.

    Raises
    ------
    InputError
        The data, the configuration or the folder do not fit together; the folder is left as it was then.
    WorkError
        The loss stopped being a number.
    """
    if runs.is_complete(folder, config, real, split, renders):
        checkpoint.remove(folder)  # killed just before it would have been
        return
    encoders.check(config.backbone, config.architecture)
    identity = runs.identity(config, real, split, renders)
    settings = {**identity["config"], **{f"data {key}": value for key, value in identity["data"].items()}}
    check_claim(folder, runs.KIND, settings)
    data = _prepare(config, real, split, renders, workers)
    network = build(
        config.backbone,
        architecture=config.architecture,
        encoder_weights=config.encoder_weights,
        weights=weights,
        seed=config.seed,
    )
    # Whole photos are measured where crops train, and not all of them are square.
    widths = (config.size, config.size + SIZE_STEP) if config.framing == "crop" else (config.size,)
    for width in widths:
        check_images(network, config.size, width, batch_size=config.batch_size)
    alone = hold(folder, runs.KIND, settings, patience_seconds=OUTLIVING_SECONDS)
    with writing(folder), alone, torch_settings(config.threads, config.precision):
        splits.save(split, folder / runs.SPLIT)
        state = _begin(network, config, data)
        checkpoint.restore(folder, state)
        _epochs(folder, config, data, state, checkpoint_seconds, on_epoch)

        kept = state.best_weights if state.average is None else state.average.module.state_dict()
        state.network.load_state_dict(kept)
        _, table = measure(state.network, config, data.photos, data.test)
        save_tensors(folder / runs.WEIGHTS, kept, {"config_digest": config.digest})
        runs.write_per_image(folder / "per_image.csv", table)
        plan = data.feed.plan
        content = {
            **identity,
            "config_digest": config.digest,
            "counts": {
                "train_photos": plan.photos if config.arm.takes_photos else 0,
                "train_renders": plan.renders,
                "valid": len(data.valid),
                "test": len(data.test),
                "steps": config.epochs * plan.steps_per_epoch,
            },
            "classes": None if real.classes is None else list(real.classes),
            "best_epoch": state.best_epoch if state.average is None else config.epochs,
            "train_seconds": sum(row["seconds"] for row in state.history),
            "scale": data.scale,
            "photo_side": data.photo_side,
            "seen": list(data.seen),
            "beyond_paper": beyond_paper(config.backbone, config.architecture),
            "seed": config.seed,
            "threads": config.threads,
            "device": _describe(data.feed.where),
            "bfloat16": config.precision == "fast" and bf16_supported(data.feed.where.type),
            "versions": versions(*VERSIONED),
        }
        write_manifest(folder, runs.KIND, content)
        checkpoint.remove(folder)


def _prepare(
    config: TrainConfig, real: CocoDataset, split: splits.Split, renders: CocoDataset | None, workers: int | None
) -> _Data:
    splits.check(split, real)
    known = {photo.file_name: photo for photo in real.photos}
    arm = config.arm
    if arm.takes_renders and renders is None:
        raise InputError(f"data arm {arm.name}: takes renders, but none were given; name their folder")
    every = thin(split.train, config.max_train_images)
    chosen = subset(every, split.groups_of(every), arm.real_fraction, config.seed)
    photos = decoded(real, config)
    pool = None
    if arm.takes_renders and renders is not None:
        splits.check_renders(split, real, renders, count=arm.synth_count)
        pool = Pool(
            images=decoded(renders, config), rows=render_subset(len(renders.photos), arm.synth_count, config.seed)
        )
    where = device()
    valid = thin(split.valid, config.max_eval_images)
    photo_side = float(np.median([math.sqrt(known[name].width * known[name].height) for name in chosen]))
    return _Data(
        feed=Feed(
            config=config,
            plan=plan(
                arm,
                seed=config.seed,
                epochs=config.epochs,
                batch_size=config.batch_size,
                all_photos=len(every),
                photos=len(chosen),
                renders=len(pool.rows) if pool else 0,
            ),
            photos=Pool(images=photos, rows=photos.rows(chosen)),
            renders=pool,
            where=where,
            workers=workers_of(available_cores() - 1) if workers is None else workers,
        ),
        photos=photos,
        valid=valid,
        test=thin(split.test, config.max_eval_images),
        seen=[known[name].sha256 for name in (*(chosen if arm.takes_photos or arm.adaptation else ()), *valid)],
        scale=1.0 if config.framing == "crop" else config.size / photo_side,
        photo_side=photo_side,
    )


def workers_of(cores: int) -> int:
    """Processes that augment ahead on so many cores: up to `MAX_WORKERS` beside a GPU; none on a CPU, which trains."""
    return min(MAX_WORKERS, cores) if device().type == "cuda" else 0


def _begin(network: torch.nn.Module, config: TrainConfig, data: _Data) -> checkpoint.State:
    """A run before its first step."""
    network = place(network, config.precision)
    optimizer = torch.optim.AdamW(
        network.parameters(), weight_decay=config.weight_decay, fused=config.precision == "fast"
    )
    average = None
    if config.keep == "averaged":
        reach = max(AVERAGE_EVERY, AVERAGED * config.epochs * data.feed.plan.steps_per_epoch)
        average = AveragedModel(
            network,
            multi_avg_fn=get_ema_multi_avg_fn(1 - AVERAGE_EVERY / reach),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
    return checkpoint.State(network=network, optimizer=optimizer, average=average)


def _epochs(
    folder: Path,
    config: TrainConfig,
    data: _Data,
    state: checkpoint.State,
    checkpoint_seconds: float,
    on_epoch: Callable[[dict[str, float]], None] | None,
) -> None:
    """Train from the epoch that `state` has reached to the last."""
    saved = time.monotonic()
    reached = len(state.history)
    steps = data.feed.plan.steps_per_epoch
    batches = data.feed.batches(reached * steps, config.epochs * steps)
    for epoch in range(reached, config.epochs):
        started = time.monotonic()
        train_loss = _one_epoch(config, batches, steps, state)
        trained = time.monotonic()
        if not math.isfinite(train_loss):
            raise WorkError(f"{folder}: the loss is not a number in epoch {epoch + 1}; take a lower learning_rate")
        measured = state.network if state.average is None else state.average.module
        valid_loss, table = measure(measured, config, data.photos, data.valid)
        f1, iou = (float(values.mean()) for values in scores(table.tp, table.fp, table.fn, table.tn))
        if state.average is None and f1 > state.best_f1:
            state.best_epoch, state.best_f1 = epoch + 1, f1
            state.best_weights = {
                name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
                for name, tensor in state.network.state_dict().items()
            }
        row = {
            "epoch": epoch + 1,
            "train_loss": train_loss,
            "valid_loss": valid_loss,
            "valid_f1": f1,
            "valid_iou": iou,
            "seconds": time.monotonic() - started,
        }
        state.history.append(row)
        runs.write_history(folder, state.history)
        if time.monotonic() - saved >= checkpoint_seconds:
            checkpoint.save(folder, state)
            saved = time.monotonic()
        if on_epoch is not None:
            seconds_left = row["seconds"] * (config.epochs - epoch - 1)
            speed = steps * config.batch_size / (trained - started)
            on_epoch({**row, "epochs": config.epochs, "images_per_second": speed, "seconds_left": seconds_left})


def _one_epoch(
    config: TrainConfig, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], steps: int, state: checkpoint.State
) -> float:
    """Take the optimiser steps of one epoch and return the mean of their losses."""
    state.network.train()
    where = next(state.network.parameters()).device
    losses = []
    first = len(state.history) * steps
    for step in range(first, first + steps):
        images, masks = next(batches)
        state.optimizer.param_groups[0]["lr"] = learning_rate(config, step, config.epochs * steps)
        with torch.random.fork_rng([where] if where.type == "cuda" else []):  # dropout, which some decoders have
            torch.manual_seed(int(generator(config.seed, Stream.DROPOUT, step).integers(2**63)))
            value = step_loss(config, state.network, images, masks)
        state.optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        losses.append(value.detach())
        if state.average is not None and step % AVERAGE_EVERY == 0:
            state.average.update_parameters(state.network)
    return float(torch.stack(losses).mean())


def step_loss(config: TrainConfig, network: torch.nn.Module, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The loss of one batch, as `Feed.batches` gives it, in the precision of the configuration."""
    with autocast(config.precision, images.device.type):
        logits = network(normalise(images, config.backbone))
    return loss(config.loss, logits.float(), masks)


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
