"""Latency of U-Nets on the CPU for one image, and their size.

All networks are timed in turn, round by round, in one process, so that other load on the machine affects all alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.config import SIZE_STEP, Precision
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import writing

if TYPE_CHECKING:
    import torch
    from rich.table import Table

    from corrotwin.segmentation.models.network import Complexity

Onnx = Literal["onnxruntime"]
ONNX: Onnx = "onnxruntime"
WARM_UP = 5  # uncounted rounds, in which threads start, memory is allocated and convolutions choose an algorithm


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Time from a normalised image (1, 3, size, size) in memory to its logits, in milliseconds.

    For onnxruntime (float32), time from the photograph to its probabilities, in the form in which
    `segmentation.deployment.onnx_export` writes a network. `bfloat16` is true if the CPU computes in it natively;
    otherwise precision fast is float32 in another memory layout. p50 and p95 are linearly interpolated percentiles of
    `repeats` calls.
    """

    backbone: str
    precision: Precision | Onnx
    bfloat16: bool
    size: int
    threads: int
    repeats: int
    p50_ms: float
    p95_ms: float


def measure(
    backbones: Sequence[str],
    size: int,
    *,
    threads: int,
    repeats: int,
    precisions: Sequence[Precision] = get_args(Precision),
    onnx: bool = False,
) -> tuple[Latency, ...]:
    """Time the U-Net of each backbone in each precision on the CPU: batches of one image, random weights.

    As in a run, precision fast converts float32 weights in each call.

    Parameters
    ----------
    backbones : names for `segmentation.models.network.build`.
    size : side of the image in pixels, divisible by 32.
    threads : torch's number of threads; its setting is restored afterwards.
    repeats : timed calls of each network, after `WARM_UP` rounds.
    precisions : exact, fast.
    onnx : also time onnxruntime.

    Raises
    ------
    InputError
        A backbone is unknown, a number makes no sense, or onnx is not installed.
    """
    import torch

    from corrotwin.segmentation.models.network import bf16_supported

    if not backbones:
        raise InputError("latency: no backbones; name at least one")
    if size < 1 or size % SIZE_STEP:
        raise InputError(f"latency: `size` {size} is not divisible by {SIZE_STEP}")
    for name, value in (("threads", threads), ("repeats", repeats)):
        if value < 1:
            raise InputError(f"latency: `{name}` {value} is below 1")
    pairs: list[tuple[str, Precision | Onnx]] = list(product(backbones, [*precisions, *([ONNX] if onnx else [])]))
    calls = [
        _onnx_forward(backbone, size, threads) if precision == ONNX else _forward(backbone, precision, size)
        for backbone, precision in pairs
    ]
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            milliseconds = timed(calls, rounds=repeats, warm_up=WARM_UP)
    finally:
        torch.set_num_threads(threads_before)
    return tuple(
        Latency(
            backbone=backbone,
            precision=precision,
            bfloat16=precision == "fast" and bf16_supported("cpu"),
            size=size,
            threads=threads,
            repeats=repeats,
            p50_ms=float(np.percentile(times, 50)),
            p95_ms=float(np.percentile(times, 95)),
        )
        for (backbone, precision), times in zip(pairs, milliseconds, strict=True)
    )


def timed(calls: Sequence[Callable[[], object]], *, rounds: int, warm_up: int) -> npt.NDArray[np.float64]:
    """Time all calls in turn, round by round, and return milliseconds, (calls, rounds)."""
    nanoseconds = np.empty((len(calls), rounds))
    for index in range(-warm_up, rounds):
        for row, call in enumerate(calls):
            start = time.perf_counter_ns()
            call()
            if index >= 0:
                nanoseconds[row, index] = time.perf_counter_ns() - start
    return nanoseconds / 1e6


def _forward(backbone: str, precision: Precision, size: int) -> Callable[[], torch.Tensor]:
    import torch

    from corrotwin.segmentation.models.network import autocast, build, memory_format, place

    network = place(build(backbone, encoder_weights=None, seed=0).eval(), precision, torch.device("cpu"))
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    image = image.contiguous(memory_format=memory_format(precision))

    def forward() -> torch.Tensor:
        with autocast(precision, "cpu"):
            logits: torch.Tensor = network(image)
        return logits

    return forward


def _onnx_forward(backbone: str, size: int, threads: int) -> Callable[[], npt.NDArray[np.float32]]:
    from corrotwin.segmentation.deployment.onnx_export import check_installed, photographs_to_probability, to_onnx
    from corrotwin.segmentation.models.network import build
    from corrotwin.segmentation.prediction.exported_predictor import runner

    check_installed()
    network = photographs_to_probability(build(backbone, encoder_weights=None, seed=0).eval(), backbone)
    run = runner(to_onnx(network, size)[0], threads=threads)
    photo = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    return lambda: run(photo)


def write(path: Path, measured: Sequence[Latency], sizes: Mapping[str, Complexity]) -> None:
    """Write a csv file: one row per backbone and precision, with the network's size (`sizes`, by backbone).

    Raises
    ------
    InputError
        The file cannot be written.
    """
    rows = [{**asdict(row), **asdict(sizes[row.backbone])} for row in measured]
    with writing(path):
        tables.write_own(path, list(rows[0]), (row.values() for row in rows))


def table(measured: Sequence[Latency], sizes: Mapping[str, Complexity]) -> Table:
    """Return the measurements as a table for the terminal."""
    from rich import box
    from rich.table import Table

    first = measured[0]
    shown = Table(
        box=box.SIMPLE_HEAD,
        title=f"{first.size} x {first.size} px, threads: {first.threads}, timed calls: {first.repeats}",
        caption="parameters and operations: encoder / U-Net",
        pad_edge=False,  # 80 columns hold it
    )
    shown.add_column("backbone", no_wrap=True)
    shown.add_column("precision", no_wrap=True)
    for heading in ("params M", "depth", "GMACs", "p50 ms", "p95 ms"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in measured:
        size = sizes[row.backbone]
        shown.add_row(
            row.backbone,
            f"{row.precision} bf16" if row.bfloat16 else row.precision,
            f"{size.encoder_params / 1e6:.1f} / {size.unet_params / 1e6:.1f}",
            str(size.depth),
            f"{size.encoder_gmacs:.1f} / {size.unet_gmacs:.1f}",
            f"{row.p50_ms:.1f}",
            f"{row.p95_ms:.1f}",
        )
    return shown
