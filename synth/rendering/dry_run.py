"""Estimate what rendering a dataset will take, in batches, hours and disk space, from one batch rendered as a probe."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from corrotwin.synth.rendering import batch, capacity, provenance
from corrotwin.synth.rendering.dataset import render_resources
from corrotwin.synth.rendering.job import Task, check_program, claim, extended, finished
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import WorkError
from corrotwin.twin.core.files import free_bytes
from corrotwin.twin.core.locks import check_claim
from corrotwin.twin.core.text import counted


def estimate(out: Path, task: Task, *, workers: int | None, address: str | None) -> str:
    """Return a summary of what is left to render into `out` and what it will take; nothing is written there.

    The first missing batch is rendered on this machine into a temporary folder, at the speed of one of `workers`; on a
    cluster of other machines its time is a rough guess.

    Raises
    ------
    InputError
        The folder holds something else or was started with another version of the program, or an option is wrong.
    WorkError
        The batch could not be rendered.
    """
    resources = render_resources(task.device, workers, address)
    task = extended(out, replace(task, device=resources.device))
    check_claim(out, "dataset", claim(out, task))
    free = free_bytes(out)
    missing = {number: batch.missing(out, number, images, task.config.maps) for number, images in task.batches.items()}
    missing = {number: images for number, images in missing.items() if images}
    if finished(out, task) is not None or not missing:
        return f"{out}: nothing is left to render"
    made_by = provenance.made_by()
    check_program(out, task, made_by)
    first = next(iter(missing))
    seconds, size = _probe(task, first, resources.needs.cpus, made_by)
    room = available_cores() // resources.needs.cpus if address is None else capacity.at_a_time(resources.needs)
    at_a_time = max(1, min(resources.workers or room, room, len(missing)))
    images = sum(map(len, missing.values()))
    count = len(task.batches[first])
    hours = max(seconds, seconds / count * images / at_a_time) / 3600
    needed = size / count * images
    warning = "" if needed < free else " (NOT ENOUGH)"
    return (
        f"{out}: {images} of {counted(task.images, 'image')} to render; batches: {len(missing)}, {at_a_time} at a "
        "time, "
        f"with {counted(resources.needs.cpus, 'thread')} each\n"
        f"one batch of {counted(count, 'image')} here: {seconds:.0f} s, {size / 1e6:.1f} MB; in total about "
        f"{hours:.2g} hours and "
        f"{needed / 1e9:.2g} GB of disk space, with {free / 1e9:.0f} GB free{warning}"
    )


def _probe(task: Task, number: int, threads: int, made_by: Mapping[str, str]) -> tuple[float, int]:
    """Render a whole batch into a temporary folder; return the seconds and the bytes on disk."""
    start = time.monotonic()
    with TemporaryDirectory() as name:
        folder = Path(name) / "probe"
        try:
            batch.render_batch(
                folder, task.config, task.shown, number, task.batches[number], threads, task.device, made_by
            )
        except RuntimeError as error:
            raise WorkError(f"the batch for the dry run failed: {error}") from error
        shutil.rmtree(folder / "work")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return time.monotonic() - start, size
