"""The training loop of every task: optimiser steps, learning rate, moving average, history and checkpoints.

A `LearningTask` defines what is learned: the loss of a step, the measurement after an epoch, and the tables of both.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from corrotwin.segmentation.training import checkpoint
from corrotwin.segmentation.training.events import EventFile
from corrotwin.twin.core.errors import WorkError

WARM_UP = 0.05  # fraction of all steps
AVERAGED = 0.05  # fraction of all steps over which the weights are averaged
AVERAGE_EVERY = 4  # steps between updates; a moving average gains nothing from more

OnEpoch = Callable[[dict[str, float]], None]


class Schedule(Protocol):
    """The settings that the loop needs, from any configuration."""

    @property
    def epochs(self) -> int:
        """Number of epochs."""

    @property
    def batch_size(self) -> int:
        """Images per step."""

    @property
    def learning_rate(self) -> float:
        """Peak of the learning rate."""

    @property
    def digest(self) -> str:
        """Hash of all settings."""


@dataclass(frozen=True, kw_only=True)
class LearningTask:
    """A task for the training loop: its loss, its measurement and its tables.

    `loss` returns the loss of a step, for differentiation; steps are counted over the whole run. `measure` is called
    after each epoch and returns the columns of the history between ``train_loss`` and ``seconds``. `record` writes the
    history.
    """

    steps_per_epoch: int
    loss: Callable[[int], torch.Tensor]
    measure: Callable[[], Mapping[str, float]]
    record: Callable[[Sequence[Mapping[str, float]]], None]


def moving_average(network: torch.nn.Module, reach: float) -> AveragedModel:
    """Return a moving average of a network's weights and buffers over `reach` steps, to be updated while it trains."""
    return AveragedModel(
        network,
        multi_avg_fn=get_ema_multi_avg_fn(1 - AVERAGE_EVERY / max(AVERAGE_EVERY, reach)),  # type: ignore[no-untyped-call]
        use_buffers=True,
    )


def train(
    folder: Path,
    schedule: Schedule,
    task: LearningTask,
    state: checkpoint.State,
    *,
    checkpoint_seconds: float,
    on_epoch: OnEpoch | None,
) -> None:
    """Train from the epoch that `state` has reached to the last.

    Parameters
    ----------
    folder : folder of the run, for checkpoints and TensorBoard's curves.
    checkpoint_seconds : save the state, and the weights for users of an unfinished run, if the last save is at least
        this old.
    on_epoch : called after each epoch with its row of the history and epochs, images_per_second, seconds_left.

    Raises
    ------
    WorkError
        The loss is no longer a number.
    """
    saved_at, published_at, events = time.monotonic(), -math.inf, EventFile(folder)
    for epoch in range(len(state.history), schedule.epochs):
        started_at = time.monotonic()
        train_loss = _one_epoch(schedule, task, state)
        trained_at = time.monotonic()
        if not math.isfinite(train_loss):
            raise WorkError(f"{folder}: the loss is not a number in epoch {epoch + 1}; choose a lower `learning_rate`")
        measured = task.measure()
        row = {"epoch": epoch + 1, "train_loss": train_loss, **measured, "seconds": time.monotonic() - started_at}
        state.history.append(row)
        task.record(state.history)
        events.add(_curves(schedule, task, state))
        if time.monotonic() - published_at >= checkpoint_seconds and checkpoint.publish(folder, state, schedule.digest):
            published_at = time.monotonic()
        if time.monotonic() - saved_at >= checkpoint_seconds:
            checkpoint.save(folder, state)
            saved_at = time.monotonic()
        if on_epoch is not None:
            seconds_left = row["seconds"] * (schedule.epochs - epoch - 1)
            speed = task.steps_per_epoch * schedule.batch_size / (trained_at - started_at)
            on_epoch({**row, "epochs": schedule.epochs, "images_per_second": speed, "seconds_left": seconds_left})


def _curves(schedule: Schedule, task: LearningTask, state: checkpoint.State) -> list[dict[str, float]]:
    """Return the history with the learning rate at the end of each epoch, and with the statistics of a teacher."""
    teaching = {row["epoch"]: row for row in state.teaching}
    steps = task.steps_per_epoch
    return [
        {
            **teaching.get(row["epoch"], {}),
            **row,
            "learning_rate": learning_rate(schedule, int(row["epoch"]) * steps - 1, schedule.epochs * steps),
        }
        for row in state.history
    ]


def _one_epoch(schedule: Schedule, task: LearningTask, state: checkpoint.State) -> float:
    """Take the optimiser steps of one epoch and return the mean of their losses."""
    losses = []
    steps = task.steps_per_epoch
    first, total_steps = len(state.history) * steps, schedule.epochs * steps
    for step in range(first, first + steps):
        for group in state.optimizer.param_groups:
            group["lr"] = group["factor"] * learning_rate(schedule, step, total_steps)
        value = task.loss(step)
        state.optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        losses.append(value.detach())
        if state.average is not None and step % AVERAGE_EVERY == 0:
            state.average.update_parameters(state.network)
    return float(torch.stack(losses).mean())


def learning_rate(schedule: Schedule, step: int, steps: int) -> float:
    """Return the learning rate of a step: linear warm-up over the fraction `WARM_UP`, then a cosine to zero."""
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return schedule.learning_rate * (step + 1) / warm_up
    return schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
