"""Training speed in images a second: segmentation-models-pytorch's own example and our loops, at the same work.

The example is from its notebook "Binary segmentation": a `CocoDataset` that reads and resizes each photo when it is
requested, a `DataLoader` with a worker for each core, float32, Dice. It gets our augmentation and our optimiser's
settings, so that both train in the same way.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.augmentation import augment
from corrotwin.segmentation.config import Precision, TrainConfig, configure
from corrotwin.segmentation.data import coco, decoded
from corrotwin.segmentation.models.network import build, device, place, torch_settings
from corrotwin.segmentation.sampling import plan_batches
from corrotwin.segmentation.training.batches import BatchLoader, Pool
from corrotwin.segmentation.training.train import step_loss
from corrotwin.twin.core import tables
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.console import rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.machine import cache_folder

LOOPS = {
    "example": "the library's example: decoding, albumentations and float32",
    "exact": "ours, exact: decoded once, albumentations, float32",
    "fast": "ours, fast: decoded once, augmented by batch, bfloat16",
    "model, float32": "the model's step alone, as exact takes it, always the same batch",
    "model, fast": "the model's step alone, as fast takes it, always the same batch",
    "batches, exact": "our batches alone, without a model, exact",
    "batches, fast": "our batches alone, without a model, fast",
}
_Loop = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class LoopTiming:
    """Images a second of one loop (a key of `LOOPS`) in each round."""

    backbone: str
    loop: str
    images_per_second: tuple[float, ...]


def measure(
    data: coco.CocoDataset,
    *,
    backbones: Sequence[str],
    size: int,
    batch_size: int,
    steps: int,
    rounds: int,
    threads: int,
    on_round: Callable[[str], None] = lambda _: None,
) -> list[LoopTiming]:
    """Time every loop with every backbone, in turn within each round, after one round that does not count.

    Raises
    ------
    InputError
        There are fewer photos than a batch takes.
    """
    if len(data.photos) < batch_size:
        raise InputError(
            f"{data.folder}: {len(data.photos)} photos do not fill a batch of {batch_size}; take smaller ones"
        )
    timings = []
    with torch_settings(threads, "exact"):
        for backbone in backbones:
            loops = _loops(data, backbone, size, batch_size, rounds * steps + steps)
            seconds: dict[str, list[float]] = {name: [] for name in loops}
            for count in range(rounds + 1):
                on_round(f"{backbone}, round {count} of {rounds}" if count else f"{backbone}, warming up")
                for name, loop in loops.items():
                    started = time.perf_counter()
                    loop(steps)
                    if torch.cuda.is_available():
                        torch.cuda.synchronize()
                    if count:
                        seconds[name].append(time.perf_counter() - started)
            timings += [
                LoopTiming(
                    backbone=backbone,
                    loop=name,
                    images_per_second=tuple(steps * batch_size / duration for duration in durations),
                )
                for name, durations in seconds.items()
            ]
    return timings


def _loops(data: coco.CocoDataset, backbone: str, size: int, batch_size: int, steps: int) -> dict[str, _Loop]:
    exact, fast = (_config(backbone, size, batch_size, precision) for precision in ("exact", "fast"))
    return {
        "example": _train(exact, _example_batches(data, exact)),
        "exact": _train(exact, _loader(data, exact).batches(0, steps)),
        "fast": _train(fast, _loader(data, fast).batches(0, steps)),
        "model, float32": _train(exact, _same(next(_loader(data, exact).batches(0, 1)))),
        "model, fast": _train(fast, _same(next(_loader(data, fast).batches(0, 1)))),
        "batches, exact": _drain(_loader(data, exact).batches(0, steps)),
        "batches, fast": _drain(_loader(data, fast).batches(0, steps)),
    }


def _config(backbone: str, size: int, batch_size: int, precision: Precision) -> TrainConfig:
    changes: dict[str, Any] = {"size": size, "batch_size": batch_size, "precision": precision}
    return configure("small", backbone=backbone, arm=REAL, seed=0, **changes)


def _loader(data: coco.CocoDataset, config: TrainConfig) -> BatchLoader:
    count = len(data.photos)
    target = device()
    return BatchLoader(
        config=config,
        plan=plan_batches(
            REAL, seed=0, epochs=1, batch_size=config.batch_size, all_photos=count, photos=count, renders=0
        ),
        photos=Pool(images=decoded.arrays(data, config.size, cache=cache_folder()), rows=np.arange(count)),
        renders=None,
        where=target,
        workers=available_cores() if target.type == "cuda" else 0,
    )


def _train(config: TrainConfig, batches: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> _Loop:
    network = place(build(config.backbone, encoder_weights=None, seed=0), config.precision).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=config.precision == "fast")

    def loop(steps: int) -> None:
        for _ in range(steps):
            images, masks = next(batches)
            loss = step_loss(config, network, images, masks)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return loop


def _drain(batches: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> _Loop:
    def loop(steps: int) -> None:
        for _ in range(steps):
            next(batches)

    return loop


def _same(batch: tuple[torch.Tensor, torch.Tensor]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    while True:
        yield batch


class _Photos(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Photos as in the example: read, resized and augmented when requested."""

    def __init__(self, data: coco.CocoDataset, size: int) -> None:
        self._data, self._size = data, size

    def __len__(self) -> int:
        return len(self._data.photos)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        photo = self._data.photos[index]
        picture = np.asarray(cv2.cvtColor(cv2.imread(str(photo.path)), cv2.COLOR_BGR2RGB), dtype=np.uint8)
        image = decoded.resize_image(picture, self._size)
        mask = decoded.resize_mask(coco.mask(photo), (self._size, self._size))
        images, masks = augment.exact(image[None], mask[None], seed=0, epoch=0, first=index)
        return torch.from_numpy(images[0]).permute(2, 0, 1).float() / 255, torch.from_numpy(masks[0])[None].float()


def _example_batches(data: coco.CocoDataset, config: TrainConfig) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    target = device()
    loader = torch.utils.data.DataLoader(
        _Photos(data, config.size),
        batch_size=config.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=available_cores(),
        persistent_workers=True,
        generator=torch.Generator().manual_seed(0),
    )
    while True:
        for images, masks in loader:
            yield images.to(target), masks.to(target)


def write(path: Path, timings: Sequence[LoopTiming]) -> None:
    """Write one row for each backbone, loop and round."""
    rows = (
        (timing.backbone, timing.loop, number, f"{value:.3f}")
        for timing in timings
        for number, value in enumerate(timing.images_per_second, start=1)
    )
    with writing(path):
        tables.write_own(path, ("backbone", "loop", "round", "images_per_second"), rows)


def show(timings: Sequence[LoopTiming], *, size: int, batch_size: int, threads: int) -> None:
    """Print the medians of the rounds, and the ratios that matter."""
    from rich.table import Table

    rates = {(timing.backbone, timing.loop): median(timing.images_per_second) for timing in timings}
    backbones = list(dict.fromkeys(timing.backbone for timing in timings))
    table = Table(title=f"images a second, median of rounds; {size} px, batches of {batch_size}, {threads} threads")
    table.add_column("loop")
    for backbone in backbones:
        table.add_column(backbone, justify="right")
    for loop in LOOPS:
        table.add_row(loop, *(f"{rates[backbone, loop]:.1f}" for backbone in backbones))
    for title, numerator, denominator in (
        ("fast / example", "fast", "example"),
        ("exact / example", "exact", "example"),
        ("fast / model, fast", "fast", "model, fast"),
        ("exact / model, float32", "exact", "model, float32"),
    ):
        table.add_row(title, *(f"{ratio(timings, backbone, numerator, denominator):.2f}" for backbone in backbones))
    rich_console(wrap=False).print(table)


def ratio(timings: Sequence[LoopTiming], backbone: str, one: str, other: str) -> float:
    """Return how many times faster loop `one` is than `other`: the median over rounds of the ratio within a round."""
    first, second = (
        next(timing.images_per_second for timing in timings if (timing.backbone, timing.loop) == (backbone, loop))
        for loop in (one, other)
    )
    return median(a / b for a, b in zip(first, second, strict=True))
