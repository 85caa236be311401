"""Spread keyed items over Ray tasks: skip what is done, retry, report, show progress.

Ray starts by itself on the local cores, or joins a cluster by its address. State lives in the folders that the tasks
write, never in Ray: losing the whole cluster loses only what was in flight.
"""

import sys
import time
from collections import Counter as Amounts
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from corrotwin.twin.core import cluster
from corrotwin.twin.core.cluster import one_line
from corrotwin.twin.core.errors import InputError, WorkError

_CALLS = 16  # tasks of one worker; what it holds by then goes with it (docs/rendering-speed.md)
_CARD = "accelerator_type:"  # begins the resource by which Ray names a machine's type of card


@dataclass(frozen=True, kw_only=True)
class Item:
    """One piece of work: its key names it in `is_done` and in failures; its arguments go to the task."""

    key: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An item that failed after all retries, and the last error in one line."""

    key: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What one task occupies: CPU cores (its OMP_NUM_THREADS, too), a fraction of a GPU, tagged resources."""

    cpus: int = 1
    gpus: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def wanted(self) -> dict[str, float]:
        """Amounts of Ray's resources, those above 0."""
        every = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return {name: amount for name, amount in every.items() if amount}


@dataclass(frozen=True, kw_only=True)
class Counter:
    """What the progress bar counts: `done()` of `total`, each a `unit`. Polled twice a second."""

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
    counter: Counter | None = None,
) -> list[Failure]:
    """Run ``task(*item.arguments)`` in a Ray worker for each item that is not done.

    Parameters
    ----------
    task : a function of an installed module; it leaves its result on disk, where `is_done` sees it.
    is_done : whether the item of this key is complete; such items are skipped.
    label : what the progress bar says.
    workers : most tasks at a time; None for as many as the machines hold.
    retries : how often a crashed or raising task is tried again.
    address : of a running cluster ("auto", or "host:port"); None for this machine alone.
    cards : graphics cards of this machine, where it is alone; None for those that Ray finds.
    counter : what the bar counts; by default the items.

    Returns
    -------
    The failures, in the order of `items`; empty when all went well.
    """
    waiting = [item for item in items if not is_done(item.key)]
    if not waiting:
        return []
    import ray

    cluster.connect(address, gpus=cards)
    _warn_if_nowhere(needs)
    # Ray restarts crashed workers and retries raised errors; bad input stays bad and comes back as a value.
    # A worker that holds a card is not used again, as Ray has it for functions that are declared with one.
    remote = ray.remote(max_calls=1 if needs.gpus else _CALLS)(_attempt).options(
        num_cpus=needs.cpus, num_gpus=needs.gpus, resources=dict(needs.resources), max_retries=retries,
        retry_exceptions=True,
    )  # fmt: skip
    queue = list(reversed(waiting))
    running: dict[Any, Item] = {}
    failed: dict[str, Failure] = {}
    if counter is None:
        counter = Counter(
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
    """Run one item in a Ray worker; the message of what no second try would mend, or None."""
    try:
        task(*arguments)
    except (InputError, WorkError) as error:
        return str(error)
    return None


def _warn_if_nowhere(needs: Needs) -> None:
    """Say so where no machine of the cluster can hold a task now; one may still join."""
    if not at_a_time(needs):
        asked = ", ".join(f"{name} {amount:g}" for name, amount in needs.wanted.items())
        print(f"no machine of the cluster has {asked}; waiting for one to join", file=sys.stderr)  # noqa: T201


def at_a_time(needs: Needs) -> int:
    """How many tasks the machines of the cluster can hold at a time."""
    wanted = needs.wanted.items()
    return sum(min(int(machine.get(name, 0) / amount) for name, amount in wanted) for machine in cluster.machines())


def most_cores(resource: str) -> int:
    """Cores of the largest machine of the cluster that has a resource; 1 where none has it yet."""
    return max((int(machine.get("CPU", 0)) for machine in cluster.machines() if resource in machine), default=1)


def cards(*, where: str) -> dict[str, int]:
    """Graphics cards by make, as Ray counts them, of those machines of the cluster that have a resource."""
    found: Amounts[str] = Amounts()
    for machine in cluster.machines():
        if where in machine and machine.get("GPU"):
            found[_make(machine)] += int(machine["GPU"])
    return dict(found)


def _make(machine: Mapping[str, float]) -> str:
    """The make of a machine's cards: Ray's names for the types of AMD's and Intel's begin with it."""
    kinds = [name.removeprefix(_CARD).lower() for name in machine if name.startswith(_CARD)]
    return next((make for make in ("amd", "intel") if any(kind.startswith(make) for kind in kinds)), "nvidia")


@contextmanager
def _progress(label: str, counter: Counter) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr with items done, rate and time left; on no terminal, a line every ten seconds."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
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

    told = 0.0

    def tell() -> None:
        nonlocal told
        if time.monotonic() - told >= 10:
            told = time.monotonic()
            done = counter.done()
            left = (counter.total - done) * (told - begun) / (done - first) if done > first else None
            console.print(
                f"{label}: {done}/{counter.total} {counter.unit}, {rate()}" + (f", {left:.0f} s left" if left else ""),
                highlight=False,
            )

    yield tell
    console.print(
        f"{label}: {counter.done()}/{counter.total} {counter.unit} in {time.monotonic() - begun:.0f} s", highlight=False
    )
