"""Rendering on a card and on the processor: time to the first picture and between pictures, and how pictures differ.

Blender runs as `corrotwin.synth.rendering` runs it, except that each process is ended when its time is up.
"""

import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.labels import masks
from corrotwin.synth.rendering import blender_process
from corrotwin.synth.scene import sampling
from corrotwin.twin.core.errors import WorkError
from tools.speed.rendering import psnr_db


@dataclass(frozen=True, kw_only=True)
class RenderTiming:
    """Time of several Blender processes started at once, each rendering the same pictures.

    Parameters
    ----------
    first_s : seconds until the slowest process had its first picture: start, kernels, labels and photograph.
    images_per_minute : rate of all processes together, start and labels included.
    next_s : seconds from one picture of a process to its next, median; NaN if no process rendered two.
    whole : whether every picture was ready before the time was up.
    """

    device: str
    processes: int
    first_s: float
    next_s: float
    images_per_minute: float
    whole: bool


@dataclass(frozen=True, kw_only=True)
class PictureAgreement:
    """Agreement between two devices' pictures of one scene.

    Parameters
    ----------
    psnr_db : PSNR of the photographs, lowest and mean over the pictures.
    differ, inside : share of pixels whose mask differs, and share of pixels where it does so away from its border.
    wall_loss_mm : greatest difference of the wall loss where both show the same instance.
    """

    psnr_db: tuple[float, float]
    differ: float
    inside: float
    wall_loss_mm: float


def sample(folder: Path, *, preset: str, size: int, count: int) -> spec.Batch:
    """Sample the scenes of the first `count` pictures of a preset into a folder; return them as a batch."""
    config = RenderConfig(preset=preset, size=size, seed=0)
    views = config.content().views_per_scene
    numbers = range(-(-count // views))
    scenes = [sampling.sample_scene(config, number, range(count), folder) for number in numbers]
    return spec.Batch(scenes=tuple(scenes), threads=1)


def render(
    base: Path, batch: spec.Batch, *, device: str, processes: int, threads: int, deadline: float, place: Path
) -> tuple[RenderTiming, Path]:
    """Render the batch of `base` in processes that start at once; return their timing and a folder with the pictures.

    Parameters
    ----------
    base : folder that `sample` filled.
    threads : threads of each process.
    deadline : time, by `time.monotonic`, when pictures that are not ready are given up.
    place : folder to make, with a folder for each process.

    Raises
    ------
    WorkError
        A process had no picture in time, or failed; the message has the last line that it printed.
    """
    folders = [place / str(number) for number in range(processes)]
    for folder in folders:
        shutil.copytree(base, folder)
        (folder / "batch.json").write_text(spec.dump(replace(batch, threads=threads, device=device)))
    started = time.monotonic()
    children = [_start(folder) for folder in folders]
    times: list[list[float]] = [[] for _ in children]
    readers = [
        threading.Thread(target=_follow, args=(child, ready)) for child, ready in zip(children, times, strict=True)
    ]
    try:
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
    finally:
        late = [child.poll() is None and reader.is_alive() for child, reader in zip(children, readers, strict=True)]
        for child in children:
            child.kill() if any(late) else child.wait()
        for reader in readers:
            reader.join()
    failed = [] if any(late) else [
        folder for child, folder in zip(children, folders, strict=True) if child.wait() != 0
    ]  # fmt: skip
    if failed or not all(times):
        log_lines = (failed or folders)[0].joinpath("blender.log").read_text(errors="replace").strip().splitlines()
        reason = f"no picture in {time.monotonic() - started:.0f} s" if any(late) else "Blender failed"
        raise WorkError(f"{device}: {reason}" + (f": {log_lines[-1]}" if log_lines else ""))
    count = sum(len(scene.views) for scene in batch.scenes)
    return timing(device, [[moment - started for moment in ready] for ready in times], count), folders[0]


def timing(device: str, times: Sequence[Sequence[float]], count: int) -> RenderTiming:
    """Return the timing of processes with `count` pictures each, by the seconds from the start to each picture."""
    between = [later - earlier for ready in times for earlier, later in pairwise(ready)]
    return RenderTiming(
        device=device,
        processes=len(times),
        first_s=max(ready[0] for ready in times),
        next_s=float(np.median(between)) if between else float("nan"),
        images_per_minute=60 * sum(map(len, times)) / max(ready[-1] for ready in times),
        whole=all(len(ready) == count for ready in times),
    )


def _start(folder: Path) -> "subprocess.Popen[str]":
    with (folder / "blender.log").open("w") as log:
        return subprocess.Popen(blender_process.command_of(folder), stdout=subprocess.PIPE, stderr=log, text=True)


def _follow(child: "subprocess.Popen[str]", times: list[float]) -> None:
    """Note when each picture is ready."""
    assert child.stdout is not None  # noqa: S101  it is a pipe
    with child.stdout:
        times.extend(time.monotonic() for line in child.stdout if not line.startswith(spec.PROGRESS))


def compare(one: Path, other: Path) -> PictureAgreement:
    """Compare the pictures that are in both folders of `render`."""
    names = sorted(path.name for path in one.glob("view-*[0-9].npz") if (other / path.name).exists())
    rows, threshold = [], RenderConfig(preset="balanced", size=32, seed=0).rule().threshold
    for name in names:
        label = f"{Path(name).stem}-labels.npz"
        first, second = (_array(folder / label, "label") for folder in (one, other))
        psnr = psnr_db(*(_array(folder / name, "photograph") for folder in (one, other)))
        rows.append((psnr, *label_differences(first, second, threshold)))
    psnrs, differ, inside, loss = (list(column) for column in zip(*rows, strict=True))
    return PictureAgreement(
        psnr_db=(min(psnrs), float(np.mean(psnrs))),
        differ=float(np.mean(differ)),
        inside=float(np.mean(inside)),
        wall_loss_mm=max(loss),
    )


def label_differences(
    one: NDArray[np.float32], other: NDArray[np.float32], threshold: float
) -> tuple[float, float, float]:
    """Return `differ`, `inside` and `wall_loss_mm` of `PictureAgreement` for two labels (H, W, 3 or more)."""
    mask, other_mask = masks.exact(one, threshold), masks.exact(other, threshold)
    differs = mask != other_mask
    neighbours = np.ones((3, 3), bool)
    border = ndimage.binary_dilation(mask, neighbours) & ~ndimage.binary_erosion(mask, neighbours, border_value=1)
    same = one[..., 2] == other[..., 2]
    loss = np.abs(one[..., 1] - other[..., 1])[same]
    return float(differs.mean()), float((differs & ~border).mean()), float(loss.max(initial=0.0))


def _array(path: Path, name: str) -> NDArray[np.float32]:
    with np.load(path) as arrays:
        return np.asarray(arrays[name], np.float32)


def kernels_s(first: RenderTiming, again: RenderTiming) -> float:
    """Return the seconds that compiling kernels took: by how much the first start was slower than a later one."""
    return max(0.0, first.first_s - again.first_s)
