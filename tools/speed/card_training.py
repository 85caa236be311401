"""Training on a card: images a second, memory, and whether bfloat16 finds the same masks, by backbone and precision."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import Precision, TrainConfig, configure
from corrotwin.segmentation.data import decoded
from corrotwin.segmentation.models.network import autocast, bf16_supported, build, normalise, place, torch_settings
from corrotwin.segmentation.sampling import plan_batches
from corrotwin.segmentation.training.batches import BatchLoader, Pool
from corrotwin.segmentation.training.train import step_loss
from corrotwin.twin.core.cli import available_cores

PICTURES = 64  # made up: what they show does not change how long a step takes
WARM_UP = 3  # steps that do not count


@dataclass(frozen=True, kw_only=True)
class StepTiming:
    """Timing of the training of one backbone in one precision.

    Parameters
    ----------
    steps : number of timed steps, after the warm-up.
    images_per_second : rate in these steps.
    memory_mib : most memory that torch held on the card; None on the processor.
    loss : loss of the first and the last step.
    agreement : share of the pixels whose mask is the same in bfloat16 and float32, after the training; None if the
        precision or the device computes in float32.
    """

    backbone: str
    precision: Precision
    steps: int
    images_per_second: float
    memory_mib: float | None
    loss: tuple[float, float]
    agreement: float | None


def pictures(rng: np.random.Generator, *, count: int, size: int) -> decoded.Arrays:
    """Make up pictures of smooth noise, brown where their masks are 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal((count, size, size)), (0, size / 20, size / 20))
    masks = noise > np.quantile(noise, 0.8, axis=(1, 2), keepdims=True)
    colors = np.where(masks[..., None], (120, 70, 40), (110, 115, 120)) + rng.integers(-40, 40, (*noise.shape, 3))
    names = {f"{number}.jpg": number for number in range(count)}
    return decoded.Arrays(images=colors.astype(np.uint8), masks=masks.astype(np.uint8), row=names)


def measure(
    backbone: str, precision: Precision, *, size: int, batch_size: int, deadline: float, where: torch.device,
    threads: int,
) -> StepTiming:  # fmt: skip
    """Train a backbone from random weights until the deadline, with at least one timed step.

    Parameters
    ----------
    deadline : end of the training, by `time.monotonic`.

    Raises
    ------
    torch.OutOfMemoryError
        The card has too little memory.
    """
    changes: dict[str, Any] = {"size": size, "batch_size": batch_size, "precision": precision, "encoder_weights": None}
    config = configure("small", backbone=backbone, arm=REAL, seed=0, **changes)
    on_card = where.type == "cuda"
    if on_card:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with torch_settings(threads, precision):
        network = place(build(backbone, encoder_weights=None, seed=0), precision, where).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, fused=precision == "fast")
        losses: list[float] = []
        started, steps = time.monotonic(), 0
        for images, masks in _batches(config, where):
            loss = step_loss(config, network, images, masks)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())  # waits for the card
            if len(losses) <= WARM_UP and time.monotonic() < deadline:
                started = time.monotonic()
                continue
            steps += 1
            if time.monotonic() >= deadline:
                break
        seconds = time.monotonic() - started
        agreement = None
        if precision == "fast" and bf16_supported(where.type):
            agreement = same_masks(config, network.eval(), images)
    return StepTiming(
        backbone=backbone, precision=precision, steps=steps, images_per_second=steps * batch_size / seconds,
        memory_mib=torch.cuda.max_memory_allocated() / 2**20 if on_card else None,
        loss=(losses[0], losses[-1]), agreement=agreement,
    )  # fmt: skip


def _batches(config: TrainConfig, where: torch.device) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield batches of made-up pictures without end, put together and augmented as in a run."""
    epochs = 10_000
    plan = plan_batches(
        REAL, seed=0, epochs=epochs, batch_size=config.batch_size, all_photos=PICTURES, photos=PICTURES, renders=0
    )
    arrays = pictures(np.random.default_rng(0), count=PICTURES, size=config.size)
    loader = BatchLoader(
        config=config, plan=plan, photos=Pool(images=arrays, rows=np.arange(PICTURES)), renders=None, where=where,
        workers=min(8, available_cores()) if where.type == "cuda" else 0,
    )  # fmt: skip
    yield from loader.batches(0, epochs * plan.steps_per_epoch)


def same_masks(config: TrainConfig, network: torch.nn.Module, images: torch.Tensor) -> float:
    """Return the share of pixels to which a network gives the same mask in bfloat16 and in float32."""
    with torch.no_grad():
        masks = []
        for precision in ("fast", "exact"):
            with autocast(precision, images.device.type):
                masks.append(network(normalise(images, config.backbone)).float() > 0)
    return float((masks[0] == masks[1]).float().mean())
