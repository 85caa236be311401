"""Training of one network on photos, renders and unlabelled pictures: all backbones, data arms and precisions.

A run is a function of its configuration and its data: every batch, augmentation and learning rate depends on the seed
and the number of the step, so a run that is killed and resumed ends bit for bit like an uninterrupted one (on one
type of CPU).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import SIZE_STEP, TrainConfig
from corrotwin.segmentation.data import splits
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.evaluation.evaluate import measure, scores
from corrotwin.segmentation.models import encoders
from corrotwin.segmentation.models.loss import loss
from corrotwin.segmentation.models.network import (
    autocast,
    check_images,
    normalise,
    place,
    seeded,
    torch_settings,
)
from corrotwin.segmentation.sampling import Stream
from corrotwin.segmentation.training import checkpoint, completion, fine_tuning, loop, self_training
from corrotwin.segmentation.training.initial_weights import network_of, with_photos_of
from corrotwin.segmentation.training.inputs import RunInputs, prepare
from corrotwin.segmentation.unlabelled.pictures import Pictures
from corrotwin.twin.core.files import write_manifest, writing
from corrotwin.twin.core.locks import OUTLIVING_SECONDS, check_claim, hold


def train(
    folder: Path,
    config: TrainConfig,
    *,
    real: CocoDataset,
    split: splits.Split,
    renders: CocoDataset | None,
    unlabelled: Pictures | None = None,
    weights: Path | None = None,
    init: Path | None = None,
    checkpoint_seconds: float = 300.0,
    workers: int | None = None,
    on_epoch: loop.OnEpoch | None = None,
) -> runs.RunRecord:
    """Train one U-Net and write a complete run to `folder`; resume an interrupted run, keep a complete one.

    Parameters
    ----------
    folder : absent, empty, or holding this same run.
    config, real, split, renders : settings and data. `renders` is used only if the arm includes them.
    unlabelled : pictures without labels, for `self_training` and for re-estimated statistics of batch normalisation.
        None of them may show a spot of a test photo (`Pictures.apart_from`).
    weights : folder of prepared ImageNet weights; None for those of the hub. Used only if the configuration says so.
    init : folder of the run to start from. The configuration has the digest of its weights
        (`initial_weights.digest_of`).
    checkpoint_seconds : least time between two saves of the state, which are made at the end of an epoch, and between
        two saves of the best weights so far, with which an unfinished run can be used.
    workers : processes that augment in advance if precision is exact; None for `inputs.augmentation_workers` of all
        cores but one. The result does not depend on it.
    on_epoch : called after each epoch with its row of the history, and epochs, images_per_second and seconds_left.

    Returns
    -------
    The run, as the folder holds it.

    Raises
    ------
    InputError
        The data, the configuration and the folder do not fit together; the folder is left unchanged.
    WorkError
        The loss is no longer a number.
    """
    pictures = None if unlabelled is None else unlabelled.digest
    if runs.is_complete(folder, config, real, split, renders, pictures):
        checkpoint.remove(folder)  # there if the run was killed just before removing it
        return runs.load(folder)
    encoders.check(config.backbone, config.architecture)
    identity = runs.identity(config, real, split, renders, pictures)
    settings = {**identity["config"], **{f"data {key}": value for key, value in identity["data"].items()}}
    check_claim(folder, runs.KIND, settings)
    inputs = prepare(config, real, split, renders, workers, unlabelled)
    network = network_of(config, weights=weights, init=init)
    fine_tuning.check(network, config)
    if init is not None:
        inputs = with_photos_of(init, inputs, real)
    # Training on crops evaluates whole photos, and not all of them are square.
    widths = (config.size, config.size + SIZE_STEP) if config.framing == "crop" else (config.size,)
    for width in widths:
        check_images(network, config.size, width, batch_size=fine_tuning.smallest_batch(config, inputs.loader.plan))
    lock = hold(folder, runs.KIND, settings, patience_seconds=OUTLIVING_SECONDS)
    with writing(folder), lock, torch_settings(config.threads, config.precision):
        splits.save(split, folder / runs.SPLIT)
        state = _begin(network, config, inputs)
        checkpoint.restore(folder, state)
        known_from_start = completion.known_from_start(identity, config, inputs)
        write_manifest(folder, runs.UNFINISHED, {**known_from_start, "test": list(inputs.test)})
        task = _task(folder, config, inputs, state)
        loop.train(folder, config, task, state, checkpoint_seconds=checkpoint_seconds, on_epoch=on_epoch)
        best_epoch, kept = state.kept
        state.network.load_state_dict(kept)
        if config.batch_norm == "re-estimated":
            fine_tuning.re_estimate(state.network, config, inputs.loader)
        seconds = sum(row["seconds"] for row in state.history)
        content = {**known_from_start, "best_epoch": best_epoch, "train_seconds": seconds}
        if state.teaching:
            content["self_training"] = self_training.summary(state.teaching)
        completion.complete(folder, state.network, config, inputs, split=split, content=content)
        checkpoint.remove(folder)
    return runs.load(folder)


def _begin(network: torch.nn.Module, config: TrainConfig, inputs: RunInputs) -> checkpoint.State:
    """Return the state of a run before its first step."""
    network = place(network, config.precision)
    optimizer = torch.optim.AdamW(
        fine_tuning.parameter_groups(network, config),
        weight_decay=config.weight_decay,
        # None: on a GPU, few operations for all parameters; on a CPU, one by one, bit for bit as with False.
        fused=True if config.precision == "fast" else None,
    )
    is_averaged = config.keep == "averaged" or config.arm.self_training is not None
    reach = self_training.REACH if config.arm.self_training else loop.AVERAGED
    steps = config.epochs * inputs.loader.plan.steps_per_epoch if is_averaged else 0
    average = loop.moving_average(network, reach * steps) if is_averaged else None
    return checkpoint.State(network=network, optimizer=optimizer, average=average)


def _task(folder: Path, config: TrainConfig, inputs: RunInputs, state: checkpoint.State) -> loop.LearningTask:
    """Return the task of a run from the epoch that `state` has reached: its loss, its validation, its tables."""
    loader, plan = inputs.loader, inputs.loader.plan
    steps = plan.steps_per_epoch
    total_steps = config.epochs * steps
    batches = loader.batches(len(state.history) * steps, total_steps)
    device = next(state.network.parameters()).device
    lessons = self_training.LessonRecord()

    def loss_of(step: int) -> torch.Tensor:
        images, masks = next(batches)
        if step % steps == 0 or step == fine_tuning.frozen_steps(config, total_steps):
            fine_tuning.set_modes(state.network, config, step, total_steps)
        is_separate = config.batch_norm == "own" and step >= plan.pretrain_steps  # pretraining batches have no photos
        photos = len(plan.batch(step)[0]) if is_separate else None
        lesson = None
        if config.arm.self_training and state.average is not None and self_training.weight(step, total_steps):
            lesson = self_training.lesson(loader, state.average.module, config, step)
        with seeded(device, config.seed, Stream.DROPOUT, step):
            if lesson is None:
                return step_loss(config, state.network, images, masks, photos=photos)
            value, pictures_loss = taught_loss(config, state.network, images, masks, lesson)
        lessons.add(pictures_loss.detach(), lesson)
        return value + self_training.weight(step, total_steps) * pictures_loss

    def validate() -> dict[str, float]:
        network = state.network if state.average is None else state.average.module
        valid_loss, table = measure(network, config, inputs.photos, inputs.valid)
        f1, iou = (float(values.mean()) for values in scores(table.tp, table.fp, table.fn, table.tn))
        if config.keep == "best" and f1 > state.best_f1:
            state.best_epoch, state.best_f1 = len(state.history) + 1, f1
            state.best_weights = {
                name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
                for name, tensor in network.state_dict().items()
            }
        if config.arm.self_training:
            state.teaching += lessons.epoch_ends(len(state.history), steps, total_steps)
        return {"valid_loss": valid_loss, "valid_f1": f1, "valid_iou": iou}

    def record(history: Sequence[Mapping[str, float]]) -> None:
        runs.write_history(folder, history)
        if state.teaching:
            self_training.report(folder, state.teaching)

    return loop.LearningTask(steps_per_epoch=steps, loss=loss_of, measure=validate, record=record)


def step_loss(
    config: TrainConfig,
    network: torch.nn.Module,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    photos: int | None = None,
) -> torch.Tensor:
    """Compute the loss of one batch from `BatchLoader.batches`, in the precision of the configuration.

    `photos` is the number of photos at the start of the batch if they pass the network separately from the renders.
    """
    with autocast(config.precision, images.device.type):
        logits = fine_tuning.logits(network, normalise(images, config.backbone), photos)
    return loss(config.loss, logits.float(), masks)


def taught_loss(
    config: TrainConfig,
    network: torch.nn.Module,
    images: torch.Tensor,
    masks: torch.Tensor,
    lesson: self_training.Lesson,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the losses of a labelled batch and of the unlabelled pictures of its step, in one forward pass."""
    together = torch.cat([images, lesson.images])
    with autocast(config.precision, images.device.type):
        logits = network(normalise(together, config.backbone)).float()
    return loss(config.loss, logits[: len(images)], masks), self_training.loss(logits[len(images) :], lesson)
