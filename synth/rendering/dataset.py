"""Render a dataset folder: fan batches of images out to Blender processes, then write annotations, card and preview.

An image is the same whenever, in whatever order and by however many workers it is rendered.
"""

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering import batch, capacity, devices, fanout, own_content, provenance
from corrotwin.synth.rendering.job import Task, check_program, claim, extended, finished
from corrotwin.synth.scene.subject import Subject
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.locks import hold

# Least number of processes, and cores for each: while one samples its scenes, on one core, another renders.
LEAST_WORKERS, CORES_A_WORKER = 2, 4
THREADS_ON_A_CLUSTER = 4  # threads of a Blender process, on machines with at least as many cores each
RETRIES = 2  # retries of a failed batch


def render(
    out: Path,
    config: RenderConfig,
    *,
    count: int,
    shown: Subject | None = None,
    only: int | None = None,
    device: str = devices.CPU,
    workers: int | None = None,
    address: str | None = None,
) -> int:
    """Render a dataset of at least `count` images into `out`, or complete one.

    A finished folder stays unchanged. An image is rendered again if its file or one of its maps is missing.

    Parameters
    ----------
    out : dataset folder: absent, empty, or started with the same preset, size, seed, twin and cameras. A larger count
        appends images, for which the content of the preset must not have changed.
    count : images, at least 1.
    shown : a saved twin to photograph (`synth.scene.subject.saved`); None for twins that are drawn for each scene.
    only : the number of one image, as in its file name, to render alone in place of `count`; its files are the same as
        in a larger dataset.
    device : one of `synth.rendering.devices.DEVICES`; all images of a folder are rendered on one device.
    workers : number of Blender processes, which share the cores; None for one per four cores, but at least two (on one
        core, one), or for one per graphics card; on a cluster, for as many as fit.
    address : address of a Ray cluster; None for this machine.

    Returns
    -------
    The number of images in the folder.

    Raises
    ------
    InputError
        The count or the number of workers is below 1, the folder holds something else, or it was started with another
        version of the program and images are missing.
    WorkError
        Batches failed after their retries, all others are finished; the message names the lost images and an error.
    """
    from corrotwin.synth.rendering import assembly  # imports much that a dry run does not need

    count = count if only is None else only + 1
    resources = render_resources(device, workers, address)  # before anything is written
    task = Task(config=config, shown=shown, count=count, only=only, device=resources.device)
    out = out.resolve()
    task = extended(out, task)
    if finished(out, task) is None:
        own_content.check(config.content())
    with hold(out, "dataset", claim(out, task)):
        if (images := finished(out, task)) is not None:
            return images
        _render_missing(out, task, resources, address)
        with writing(out):
            assembly.assemble(out, task)
    return task.images


@dataclass(frozen=True, kw_only=True)
class RenderResources:
    """The device to render on, the needs of each Blender process, and how many run at a time.

    `workers` is None for as many as the cluster can run; `cards` is the number of this machine's graphics cards that
    Ray shares out, None for none or on a cluster.
    """

    device: str
    needs: capacity.Needs
    workers: int | None
    cards: int | None


def render_resources(device: str, workers: int | None, address: str | None) -> RenderResources:
    """Find the resources to render on; join the cluster if an address is given.

    Raises
    ------
    InputError
        The number of workers is below 1, no cluster answers, there is no such device, or the rendering machines of the
        cluster have cards of several makes.
    """
    if workers is not None and workers < 1:
        raise InputError(f"`workers` {workers}: give at least 1")
    if address is not None:
        cluster.connect(address)
    fault = devices.fault_here if address is None else devices.fault_on_a_cluster
    device, card_count = devices.choose(device, {} if device == devices.CPU else _cards(device, address), fault)
    gpus = float(device != devices.CPU)
    if address is None:
        cores = available_cores()
        default = card_count if gpus else max(min(cores, LEAST_WORKERS), cores // CORES_A_WORKER)
        workers = workers or default
        threads = max(1, cores // workers)
        if gpus:
            gpus = 1 / ceil(workers / card_count)  # processes may share a card, which a single one does not keep busy
    else:
        threads = max(1, min(THREADS_ON_A_CLUSTER, capacity.least_cores(cluster.BLENDER)))
    return RenderResources(
        device=device, needs=capacity.Needs(cpus=threads, gpus=gpus, resources={cluster.BLENDER: 1}), workers=workers,
        cards=card_count if gpus and address is None else None,
    )  # fmt: skip


def _cards(device: str, address: str | None) -> dict[str, int]:
    """Count graphics cards by make, on this machine or on the rendering machines of the cluster."""
    if address is None:
        return devices.cards_here()
    cards = capacity.cards(where=cluster.BLENDER)
    if len(cards) > 1:  # Ray assigns cards regardless of their make
        listed = ", ".join(f"{count} {make}" for make, count in sorted(cards.items()))
        raise InputError(
            f"`device` {device}: the rendering machines have graphics cards of several makes ({listed}); give the "
            f"resource {cluster.BLENDER} only to machines with one make, or choose cpu"
        )
    return cards


def _render_missing(out: Path, task: Task, resources: RenderResources, address: str | None) -> None:
    """Render the batches that are missing or lack images."""
    batches, names, made_by = task.batches, task.config.maps, provenance.made_by()
    check_program(out, task, made_by)
    (out / "images").mkdir(exist_ok=True)
    shown = fanout.Shared(task.shown)  # it may list thousands of cameras
    items = [
        fanout.Item(
            key=str(number),
            arguments=(out, task.config, shown, number, images, resources.needs.cpus, task.device, made_by),
        )
        for number, images in batches.items()
    ]
    failures = fanout.fan_out(
        batch.render_batch, items, is_done=lambda key: not batch.missing(out, int(key), batches[int(key)], names),
        label="rendering", needs=resources.needs, workers=resources.workers, retries=RETRIES,
        address=address, cards=resources.cards, to=out,
        counter=fanout.ProgressCounter(
            unit="images", total=task.images,
            done=lambda: sum(name.endswith(".jpg") for name in os.listdir(out / "images")),  # noqa: PTH208  fast
        ),
    )  # fmt: skip
    lost_by_batch = [  # a worker may fail although all of its images are finished
        batch.missing(out, int(failure.key), batches[int(failure.key)], names) for failure in failures
    ]
    if lost := [index for images in lost_by_batch for index in images]:
        error = next(failure.error for failure, images in zip(failures, lost_by_batch, strict=True) if images)
        raise WorkError(
            f"{out}: {_listed(lost)} of seed {task.config.seed} failed {1 + RETRIES} times, with {error}; all others "
            f"are finished; repeat the command to try again, or render one image alone with `only` {lost[0]} in place "
            "of `count`, and another `out`"
        )


def _listed(numbers: list[int]) -> str:
    """List images by number, consecutive ones as "3 to 5"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    spans = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"image{'' if len(numbers) == 1 else 's'} {', '.join(spans)}"
