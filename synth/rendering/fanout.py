"""Spread keyed items over Ray tasks: skip what is done, retry, report, show progress.

Ray starts by itself on the local cores, or joins a cluster by its address. State lives in the folders that the tasks
write, never in Ray: losing the whole cluster loses only the tasks that were running.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from corrotwin.twin.core import cluster
from corrotwin.twin.core.cluster import one_line
from corrotwin.twin.core.errors import InputError, WorkError

_log = logging.getLogger(__name__)

_CALLS = 16  # tasks of one worker process; its memory is then freed with it (docs/rendering-speed.md)
_CARD = "accelerator_type:"  # prefix of the resource with which Ray names a machine's type of card


@dataclass(frozen=True, kw_only=True)
class Item:
    """One piece of work: its key identifies it in `is_done` and in failures; its arguments are passed to the task."""

    key: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An item that failed after all retries, and the last error in one line."""

    key: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The needs of one task: CPU cores (also its OMP_NUM_THREADS), a fraction of a GPU, tagged resources."""

    cpus: int = 1
    gpus: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def wanted(self) -> dict[str, float]:
        """The amounts of Ray's resources that are above 0."""
        every = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return {name: amount for name, amount in every.items() if amount}


@dataclass(frozen=True, kw_only=True)
class ProgressCounter:
    """The count of the progress bar: `done()` of `total` in `unit`. Polled twice a second."""

    unit: str
    total: int
    done: Callable[[], int]


def fan_out(
    task: Callable[..., None],
    items: Sequence[Item],
    *,
    is_done: Callable[[str], bool],
    label: str,
    needs: Needs,
    workers: int | None = None,
    retries: int = 2,
    address: str | None = None,
    cards: int | None = None,
    counter: ProgressCounter | None = None,
) -> list[Failure]:
    """Run ``task(*item.arguments)`` in a Ray worker for each item that is not done.

    Parameters
    ----------
    task : a function of an installed module; it writes its result to disk, where `is_done` finds it.
    is_done : returns True if the item with this key is complete; such items are skipped.
    label : the text of the progress bar.
    needs : of each task.
    workers : most tasks at a time; None for as many as the machines can run.
    retries : how often a crashed or raising task is tried again.
    address : of a running cluster ("auto", or "host:port"); None for this machine alone.
    cards : graphics cards of this machine, without a cluster; None for those that Ray finds.
    counter : the count of the progress bar; by default the items.

    Returns
    -------
    The failures, in the order of `items`; empty if all items succeeded.
    """
    waiting = [item for item in items if not is_done(item.key)]
    if not waiting:
        return []
    import ray

    cluster.connect(address, gpus=cards)
    _warn_if_nowhere(needs)
    # Ray restarts crashed workers and retries raised errors; bad input stays bad and comes back as a value.
    # A worker that holds a card is not reused, which is also Ray's default for functions declared with one.
    remote = ray.remote(max_calls=1 if needs.gpus else _CALLS)(_attempt).options(
        num_cpus=needs.cpus, num_gpus=needs.gpus, resources=dict(needs.resources), max_retries=retries,
        retry_exceptions=True,
    )  # fmt: skip
    queue = list(reversed(waiting))
    running: dict[Any, Item] = {}
    failed: dict[str, Failure] = {}
    if counter is None:
        counter = ProgressCounter(
            unit="items", total=len(items), done=lambda: len(items) - len(queue) - len(running) - len(failed)
        )
    try:
        with _progress(label, counter) as update:
            while queue or running:
                while queue and (workers is None or len(running) < workers):
                    item = queue.pop()
                    running[remote.remote(task, item.arguments)] = item
                ended, _ = ray.wait(list(running), timeout=0.5)
                for reference in ended:
                    item = running.pop(reference)
                    try:
                        refused = ray.get(reference)
                    except ray.exceptions.RayError as error:
                        refused = one_line(error)
                    if refused is not None:
                        failed[item.key] = Failure(key=item.key, error=refused)
                update()
    finally:
        for reference in running:  # left by an interruption
            ray.cancel(reference, force=True)
    return [failed[item.key] for item in items if item.key in failed]


def _attempt(task: Callable[..., None], arguments: tuple[Any, ...]) -> str | None:
    """Run one item in a Ray worker; return the message of an error that a retry would not fix, or None."""
    try:
        task(*arguments)
    except (InputError, WorkError) as error:
        return str(error)
    return None


def _warn_if_nowhere(needs: Needs) -> None:
    """Print a warning if no machine of the cluster can run a task now; one may still join."""
    if not at_a_time(needs):
        asked = ", ".join(f"{name} {amount:g}" for name, amount in needs.wanted.items())
        _log.warning(f"no machine of the cluster has {asked}; waiting for one to join")


def at_a_time(needs: Needs) -> int:
    """Return how many tasks the machines of the cluster can run at a time."""
    wanted = needs.wanted.items()
    return sum(min(int(machine.get(name, 0) / amount) for name, amount in wanted) for machine in cluster.machines())


def most_cores(resource: str) -> int:
    """Return the cores of the largest machine of the cluster that has a resource, or 1 if none has it yet."""
    return max((int(machine.get("CPU", 0)) for machine in cluster.machines() if resource in machine), default=1)


def cards(*, where: str) -> dict[str, int]:
    """Count the graphics cards by make, as Ray reports them, on the machines of the cluster that have a resource."""
    counts: Counter[str] = Counter()
    for machine in cluster.machines():
        if where in machine and machine.get("GPU"):
            counts[_make(machine)] += int(machine["GPU"])
    return dict(counts)


def _make(machine: Mapping[str, float]) -> str:
    """Return the make of a machine's cards: Ray's names for types of AMD and Intel cards begin with it."""
    kinds = [name.removeprefix(_CARD).lower() for name in machine if name.startswith(_CARD)]
    return next((make for make in ("amd", "intel") if any(kind.startswith(make) for kind in kinds)), "nvidia")


@contextmanager
def _progress(label: str, counter: ProgressCounter) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr with count, rate and time left, or off a terminal a line every ten seconds."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from corrotwin.twin.core.console import rich_console

    console = rich_console(stderr=True)
    begun, first = time.monotonic(), counter.done()

    def rate() -> str:
        seconds = time.monotonic() - begun
        return f"{(counter.done() - first) / max(seconds, 1e-9) * 60:.1f} {counter.unit}/min"

    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=console) as bar:
            row = bar.add_task(label, total=counter.total, completed=first, rate="")
            yield lambda: bar.update(row, completed=counter.done(), rate=rate())
            bar.update(row, completed=counter.done(), rate=rate())
        return

    last_report = 0.0

    def report_progress() -> None:
        nonlocal last_report
        if time.monotonic() - last_report >= 10:
            last_report = time.monotonic()
            done = counter.done()
            left = (counter.total - done) * (last_report - begun) / (done - first) if done > first else None
            console.print(
                f"{label}: {done}/{counter.total} {counter.unit}, {rate()}" + (f", {left:.0f} s left" if left else "")
            )

    yield report_progress
    console.print(f"{label}: {counter.done()}/{counter.total} {counter.unit} in {time.monotonic() - begun:.0f} s")
