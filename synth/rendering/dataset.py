"""Render a dataset folder: batches of images fanned out to Blender processes, then annotations, card and preview.

Nothing here depends on time, order or the number of workers: image 17 is the same whoever renders it, and when.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering import batch, devices, fanout, provenance
from corrotwin.synth.rendering.job import Task, check_program, claim, finished, whole
from corrotwin.synth.scene.subject import Subject
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.locks import hold

THREADS_ON_A_CLUSTER = 4  # of a Blender process, where a machine has so many
RETRIES = 2  # of a batch that failed


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
    """Make `out` a dataset of at least `count` images, resuming what is there; a finished folder is left as it is.

    An image of it is rendered again whose file, or one of whose maps, is gone.

    Parameters
    ----------
    out : dataset folder, absent, empty, or begun with the same preset, size, seed, twin and cameras. A larger count
        appends, and then the preset must still have the same content, too.
    count : images, at least 1.
    shown : a saved twin to photograph (`synth.scene.subject.saved`); None for one drawn anew for each scene.
    only : the number of one image, as its file is named, to render alone in place of `count`; its files are those that
        a larger dataset has.
    device : one of `synth.rendering.devices.DEVICES`; a folder is of one device.
    workers : Blender processes at a time, sharing the cores; None for one here or one a card, and on a cluster for as
        many as there is room.
    address : of a Ray cluster; None for this machine.

    Returns
    -------
    The number of images in the folder.

    Raises
    ------
    InputError
        The count or the number of workers is below 1, the folder holds something else, or another version of the
        program began it and images are missing.
    WorkError
        Batches failed after their retries, while all others were done; the message names their images and an error.
    """
    from corrotwin.synth.rendering import assembly  # needs much that a dry run does not

    count = count if only is None else only + 1
    place = room(device, workers, address)  # before anything is written
    task = Task(config=config, shown=shown, count=count, only=only, device=place.device)
    out = out.resolve()
    task = whole(out, task)
    with hold(out, "dataset", claim(out, task)):
        if (images := finished(out, task)) is not None:
            return images
        _render_missing(out, task, place, address)
        with writing(out):
            assembly.assemble(out, task)
    return task.images


@dataclass(frozen=True, kw_only=True)
class Room:
    """On what to render, what each Blender process occupies, and how many run at a time.

    `workers` is None for as many as the cluster holds; `cards` are this machine's that Ray is to share out, None for
    none or on a cluster.
    """

    device: str
    needs: fanout.Needs
    workers: int | None
    cards: int | None


def room(device: str, workers: int | None, address: str | None) -> Room:
    """What there is to render on; a cluster is joined.

    Raises
    ------
    InputError
        The number of workers is below 1, no cluster answers, there is no such device, or the cluster's machines that
        render have cards of several makes.
    """
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: give at least 1")
    if address is not None:
        cluster.connect(address)
    device, found = devices.choose(device, {} if device == devices.CPU else _cards(device, address))
    if address is None:
        workers = workers or max(1, found)
        threads = max(1, available_cores() // workers)
    else:
        threads = max(1, min(THREADS_ON_A_CLUSTER, fanout.most_cores(cluster.BLENDER)))
    gpus = int(device != devices.CPU)
    return Room(
        device=device, needs=fanout.Needs(cpus=threads, gpus=gpus, resources={cluster.BLENDER: 1}), workers=workers,
        cards=found if gpus and address is None else None,
    )  # fmt: skip


def _cards(device: str, address: str | None) -> dict[str, int]:
    """Graphics cards by make, of this machine or of those of the cluster that render."""
    if address is None:
        return devices.cards_here()
    found = fanout.cards(where=cluster.BLENDER)
    if len(found) > 1:  # Ray hands out cards, whatever their make
        listed = ", ".join(f"{count} {make}" for make, count in sorted(found.items()))
        raise InputError(
            f"--device {device}: the machines that render have cards of several makes ({listed}); give the resource "
            f"{cluster.BLENDER} to those of one make alone, or choose cpu"
        )
    return found


def _render_missing(out: Path, task: Task, place: Room, address: str | None) -> None:
    """Render the batches whose part is absent or lacks images."""
    batches, names, made_by = task.batches, task.config.maps, provenance.made_by()
    check_program(out, task, made_by)
    (out / "images").mkdir(exist_ok=True)
    items = [
        fanout.Item(
            key=str(number),
            arguments=(out, task.config, task.shown, number, images, place.needs.cpus, task.device, made_by),
        )
        for number, images in batches.items()
    ]
    failures = fanout.fan_out(
        batch.render_batch, items, is_done=lambda key: not batch.missing(out, int(key), batches[int(key)], names),
        label="rendering", needs=place.needs, workers=place.workers, retries=RETRIES,
        address=address, cards=place.cards,
        counter=fanout.Counter(
            unit="images", total=task.images,
            done=lambda: sum(name.endswith(".jpg") for name in os.listdir(out / "images")),  # noqa: PTH208  fast
        ),
    )  # fmt: skip
    lost = [index for each in failures for index in batch.missing(out, int(each.key), batches[int(each.key)], names)]
    if lost:  # a worker may fail when all of its images are there
        raise WorkError(
            f"{out}: {_listed(lost)} of seed {task.config.seed} failed, tried {1 + RETRIES} times, with "
            f"{failures[0].error}; all others are done; the same command tries again, with --only {lost[0]} and "
            f"another --out one image alone"
        )


def _listed(numbers: list[int]) -> str:
    """Images by their numbers, those in a row as "3 to 5"."""
    rows: list[list[int]] = []
    for number in sorted(numbers):
        if rows and number == rows[-1][-1] + 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    spans = [str(row[0]) if len(row) == 1 else f"{row[0]} to {row[-1]}" for row in rows]
    return f"image{'' if len(numbers) == 1 else 's'} {', '.join(spans)}"
