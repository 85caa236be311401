"""Spread keyed items over Ray tasks: skip what is done, retry, report, show progress.

Ray starts by itself on the local cores, or joins a cluster by its address. State lives in the folders that the tasks
write, never in Ray: losing the whole cluster loses only the tasks that were running.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corrotwin.synth.rendering.capacity import Needs as Needs
from corrotwin.synth.rendering.capacity import at_a_time
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cluster import one_line
from corrotwin.twin.core.errors import InputError, WorkError

_log = logging.getLogger(__name__)

CALLS = 16  # tasks of one worker process; its memory is then freed with it (docs/rendering-speed.md)
WAITING = 8  # tasks handed to Ray beyond which those that fit the machines twice are enough


@dataclass(frozen=True, eq=False)
class Shared:
    """An argument of many items, such as a dataset: it goes to Ray's object store once, not with every task."""

    value: Any


@dataclass(frozen=True)
class _NoMemory:
    """Result of a task that found too little memory on its card: the error in one line."""

    error: str


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
class ProgressCounter:
    """The count behind the line of progress: `done()` of `total` in `unit`. Polled twice a second.

    `seconds_left`, where it is known better than by the mean rate, and `note` are those of `ProgressLine`.
    """

    unit: str
    total: int
    done: Callable[[], int]
    seconds_left: Callable[[], float | None] = lambda: None
    note: Callable[[], str] = str


def fan_out(
    task: Callable[..., None],
    items: Sequence[Item],
    *,
    is_done: Callable[[str], bool],
    label: str,
    needs: Needs | Callable[[str], Needs],
    workers: int | None = None,
    retries: int = 2,
    address: str | None = None,
    cards: int | None = None,
    counter: ProgressCounter | None = None,
    to: Path | None = None,
    on_end: Callable[[str], None] | None = None,
) -> list[Failure]:
    """Run ``task(*item.arguments)`` in a Ray worker for each item that is not done.

    A task that shares a card and finds too little memory there is tried again with twice the share, up to a whole card.

    Parameters
    ----------
    task : a function of an installed module; it writes its result to disk, where `is_done` finds it.
    is_done : returns True if the item with this key is complete; such items are skipped.
    label : what the work is, for the line of progress.
    needs : of each task; a function of its key is asked when the task is handed to Ray, which is then given only a few
        more tasks than the machines have room for, so that a machine that joins later counts.
    workers : most tasks at a time; None for as many as the machines can run.
    retries : how often a crashed or raising task is tried again.
    address : of a running cluster ("auto", or "host:port"); None for this machine alone.
    cards : graphics cards of this machine, without a cluster; None for those that Ray finds.
    counter : what the line of progress counts; by default the items.
    to : where the results will be, for that line.
    on_end : called with the key of each item that has ended, done or failed.

    Returns
    -------
    The failures, in the order of `items`; empty if all items succeeded.

    Raises
    ------
    WorkError
        Ray ended on this machine, with all its workers.
    """
    waiting = [item for item in items if not is_done(item.key)]
    if not waiting:
        return []
    import ray

    from corrotwin.twin.core.console import progress

    cluster.connect(address, gpus=cards)
    needs_of = needs if callable(needs) else lambda _: needs
    _warn_if_nowhere(needs_of(waiting[0].key))
    tasks = _Tasks(task, needs_of, retries)
    queue = list(reversed(waiting))
    running: dict[Any, tuple[Item, Needs]] = {}
    failed: dict[str, Failure] = {}
    if counter is None:
        counter = ProgressCounter(
            unit="items", total=len(items), done=lambda: len(items) - len(queue) - len(running) - len(failed)
        )
    try:
        with progress(label, counter.total, unit=counter.unit, to=to, done=counter.done()) as line:
            while queue or running:
                cluster.check()
                while queue:
                    most = workers
                    if most is None and callable(needs):
                        most = max(WAITING, 2 * at_a_time(needs(queue[-1].key)))
                    if most is not None and len(running) >= most:
                        break
                    reference, given = tasks.start(queue[-1])
                    running[reference] = queue.pop(), given
                ended, _ = ray.wait(list(running), timeout=0.5)
                for reference in ended:
                    item, given = running.pop(reference)
                    try:
                        refused = ray.get(reference)
                    except ray.exceptions.RayError as error:
                        refused = one_line(error)
                    if isinstance(refused, _NoMemory):
                        if tasks.enlarge(item, given):
                            queue.append(item)
                            continue
                        refused = refused.error
                    if refused is not None:
                        failed[item.key] = Failure(key=item.key, error=refused)
                    if on_end is not None:
                        on_end(item.key)
                line.update(counter.done(), seconds_left=counter.seconds_left(), note=counter.note())
    finally:
        for reference in running if not cluster.has_ended() else ():  # left by an interruption
            ray.cancel(reference, force=True)
    return [failed[item.key] for item in items if item.key in failed]


class _Tasks:
    """Tasks handed to Ray, each with the needs that it has then; values that they share are stored once."""

    def __init__(self, task: Callable[..., None], needs_of: Callable[[str], Needs], retries: int) -> None:
        import ray

        self._task, self._needs_of = task, needs_of
        # Ray restarts crashed workers and retries raised errors; bad input stays bad and comes back as a value.
        # A worker that holds a card is not reused, which is also Ray's default for functions declared with one.
        self._remotes = {
            on_card: ray.remote(max_calls=1 if on_card else CALLS, max_retries=retries, retry_exceptions=True)(_attempt)
            for on_card in (True, False)
        }
        self._stored: dict[int, Any] = {}
        self._least_gpus: dict[str, float] = {}

    def start(self, item: Item) -> tuple[Any, Needs]:
        """Hand an item to Ray; return the reference to its result, and its needs."""
        import ray

        needs = self._needs_of(item.key)
        if needs.gpus:
            needs = replace(needs, gpus=max(needs.gpus, self._least_gpus.get(item.key, 0.0)))
        arguments = []
        for each in item.arguments:
            if isinstance(each, Shared):
                if id(each.value) not in self._stored:
                    self._stored[id(each.value)] = ray.put(each.value)
                arguments.append(self._stored[id(each.value)])
            else:
                arguments.append(each)
        remote = self._remotes[needs.gpus > 0].options(
            num_cpus=needs.cpus, num_gpus=needs.gpus, resources=dict(needs.resources)
        )
        return remote.remote(self._task, *arguments), needs

    def enlarge(self, item: Item, needs: Needs) -> bool:
        """Double the share of a card that an item asks for; return False where it had none, or all of one."""
        if not 0 < needs.gpus < 1:
            return False
        share = self._least_gpus[item.key] = min(1.0, 2 * needs.gpus)
        _log.warning(f"{item.key}: too little memory in {needs.gpus:g} of a card; tried again with {share:g}")
        return True


def _attempt(task: Callable[..., None], *arguments: Any) -> "str | _NoMemory | None":
    """Run one item in a Ray worker; return the message of an error that the same again would not fix, or None."""
    try:
        task(*arguments)
    except (InputError, WorkError) as error:
        return str(error)
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, without importing torch
            return _NoMemory(one_line(error))
        raise
    return None


def _warn_if_nowhere(needs: Needs) -> None:
    """Print a warning if no machine of the cluster can run a task now; one may still join."""
    if not at_a_time(needs):
        asked = ", ".join(f"{name} {amount:g}" for name, amount in needs.wanted.items())
        _log.warning(f"no machine of the cluster has {asked}; waiting for one to join")
