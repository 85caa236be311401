"""Spread keyed items over Ray tasks: skip what is done, retry, report, show progress.

Ray starts by itself on the local cores, or joins a cluster by its address. State lives in the folders that the tasks
write, never in Ray: losing the whole cluster loses only the tasks that were running.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from corrotwin.synth.rendering.capacity import Needs as Needs
from corrotwin.synth.rendering.capacity import at_a_time, room
from corrotwin.synth.rendering.provenance import OtherVersionError
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cluster import one_line
from corrotwin.twin.core.errors import InputError, WorkError

_log = logging.getLogger(__name__)

CALLS = 16  # tasks of one worker process; its memory is then freed with it (docs/rendering-speed.md)
WAITING = 8  # most tasks handed to Ray, or twice as many as the machines can run if that is more
POLL_SECONDS = 0.5
VISIBLE_SECONDS = 60.0  # within which NFS shows what another machine has written, unless mounted otherwise
_NODE = "ray.io/node-id"  # label that Ray gives to every machine


@dataclass(frozen=True, eq=False)
class Shared:
    """An argument of many items, such as a dataset: it goes to Ray's object store once, not with every task."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """Result of a task: the node and the machine that it ran on, and an error in one line, "" for none.

    `needs` is what may help against the error: a larger share of a card, another machine, or nothing.
    """

    node: str = ""
    machine: str = ""
    error: str = ""
    needs: Literal["memory", "machine", ""] = ""


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

    `seconds_left`, if it is known better than from the mean rate, and `note` are those of `ProgressLine`.
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
    A machine of a cluster that has another version of the program, or that does not write to `to` as this one sees it,
    is named and gets no more tasks; others do its items.

    Parameters
    ----------
    task : a function of an installed module; it writes its result to disk, where `is_done` finds it.
    is_done : returns True if the item with this key is complete; such items are skipped.
    label : what the work is, for the line of progress.
    needs : needs of each task, or a function of its key. A function is called when the task is handed to Ray, which
        then gets only a few more tasks than the machines have room for, so that a machine that joins later counts.
    workers : most tasks at a time; None for as many as the machines can run.
    retries : how often a crashed or raising task is tried again.
    address : address of a running cluster ("auto", or "host:port"); None for this machine alone.
    cards : graphics cards of this machine, without a cluster; None for those that Ray finds.
    counter : what the line of progress counts; by default the items.
    to : folder of the results, for that line; it must exist, and be the same on all machines of a cluster.
    on_end : called with the key of each item that has ended, done or failed.

    Returns
    -------
    The failures, in the order of `items`; empty if all items succeeded.

    Raises
    ------
    WorkError
        Ray ended on this machine, with all its workers; or no machine is left that has this version of the program and
        writes to `to`.
    """
    waiting = [item for item in items if not is_done(item.key)]
    if not waiting:
        return []
    import ray

    from corrotwin.twin.core.console import progress

    cluster.connect(address, gpus=cards)
    needs_of = needs if callable(needs) else lambda _: needs
    _warn_if_nowhere(needs_of(waiting[0].key))
    tasks = _Tasks(task, needs_of, retries, to, is_cluster=address is not None)
    queue = list(reversed(waiting))
    running: dict[Any, tuple[Item, Needs]] = {}
    unseen: dict[str, tuple[Item, Needs, _Outcome, float]] = {}  # items that ended well, and how long to look for them
    failed: dict[str, Failure] = {}
    if counter is None:
        counter = ProgressCounter(
            unit="items",
            total=len(items),
            done=lambda: len(items) - sum(map(len, (queue, running, unseen, failed))),
        )

    def end(item: Item, error: str = "") -> None:
        if error:
            failed[item.key] = Failure(key=item.key, error=error)
        if on_end is not None:
            on_end(item.key)

    try:
        with progress(label, counter.total, unit=counter.unit, to=to, done=counter.done()) as line:
            while queue or running or unseen:
                cluster.check()
                while queue:
                    limit = workers
                    if limit is None and callable(needs):
                        limit = max(WAITING, 2 * at_a_time(needs(queue[-1].key)))
                    if limit is not None and len(running) >= limit:
                        break
                    reference, held = tasks.start(queue[-1])
                    running[reference] = queue.pop(), held
                if not running:
                    time.sleep(POLL_SECONDS)
                for reference in ray.wait(list(running), timeout=POLL_SECONDS)[0] if running else ():
                    item, held = running.pop(reference)
                    try:
                        outcome: _Outcome = ray.get(reference)
                    except ray.exceptions.RayError as error:
                        outcome = _Outcome(error=one_line(error))
                    if outcome.needs == "machine":
                        tasks.avoid(outcome, held)
                        queue.append(item)
                    elif outcome.needs == "memory" and tasks.enlarge(item, held):
                        queue.append(item)
                    elif outcome.error:
                        end(item, outcome.error)
                    else:
                        unseen[item.key] = item, held, outcome, time.monotonic() + VISIBLE_SECONDS
                for item, held, outcome, deadline in list(unseen.values()):
                    if address is None or _is_visible(is_done, item.key):
                        end(unseen.pop(item.key)[0])
                    elif time.monotonic() > deadline:
                        tasks.avoid(outcome, held)
                        queue.append(unseen.pop(item.key)[0])
                line.update(counter.done(), seconds_left=counter.seconds_left(), note=counter.note())
    finally:
        for reference in running if not cluster.has_ended() else ():  # left by an interruption
            ray.cancel(reference, force=True)
    return [failed[item.key] for item in items if item.key in failed]


class _Tasks:
    """Tasks handed to Ray, each with its needs at that time; values that they share are stored once."""

    def __init__(
        self, task: Callable[..., None], needs_of: Callable[[str], Needs], retries: int, to: Path | None, *,
        is_cluster: bool,
    ) -> None:  # fmt: skip
        import ray

        self._task, self._needs_of, self._is_cluster = task, needs_of, is_cluster
        self._to = to if is_cluster else None  # this machine sees what its own tasks write
        # Ray restarts crashed workers and retries raised errors; bad input stays bad and comes back as a value.
        # A worker that holds a card is not reused, which is also Ray's default for functions declared with one.
        self._remotes = {
            on_card: ray.remote(max_calls=1 if on_card else CALLS, max_retries=retries, retry_exceptions=True)(_attempt)
            for on_card in (True, False)
        }
        self._stored: dict[int, Any] = {}
        self._least_gpus: dict[str, float] = {}
        self._avoided: set[str] = set()

    def start(self, item: Item) -> tuple[Any, Needs]:
        """Hand an item to Ray; return the reference to its result, and its needs."""
        import ray

        needs = self._needs_of(item.key)
        if needs.gpus:
            needs = replace(needs, gpus=max(needs.gpus, self._least_gpus.get(item.key, 0.0)))
        arguments = []
        for argument in item.arguments:
            if isinstance(argument, Shared):
                if id(argument.value) not in self._stored:
                    self._stored[id(argument.value)] = ray.put(argument.value)
                arguments.append(self._stored[id(argument.value)])
            else:
                arguments.append(argument)
        elsewhere = {"label_selector": {_NODE: f"!in({','.join(sorted(self._avoided))})"}} if self._avoided else {}
        remote = self._remotes[needs.gpus > 0].options(
            num_cpus=needs.cpus, num_gpus=needs.gpus, resources=dict(needs.resources), **elsewhere
        )
        return remote.remote(self._task, self._to, *arguments), needs

    def enlarge(self, item: Item, needs: Needs) -> bool:
        """Double the share of a card that an item asks for; return False if it had none, or a whole one."""
        if not 0 < needs.gpus < 1:
            return False
        share = self._least_gpus[item.key] = min(1.0, 2 * needs.gpus)
        _log.warning(f"{item.key}: too little memory in {needs.gpus:g} of a graphics card; trying again with {share:g}")
        return True

    def avoid(self, outcome: _Outcome, needs: Needs) -> None:
        """Give a machine no more tasks, and say why, once; raise WorkError if no other has room for such a task."""
        import ray

        error = outcome.error or cluster.not_shared(outcome.machine, self._to)
        is_new = outcome.node not in self._avoided
        self._avoided.add(outcome.node)
        if not any(
            node["Alive"] and node["NodeID"] not in self._avoided and room(node["Resources"], needs)
            for node in ray.nodes()  # type: ignore[no-untyped-call]
        ):
            raise WorkError(f"{error}; no other machine is left" if self._is_cluster else error)
        if is_new:
            _log.warning(f"{error}; it gets no more tasks")


def _attempt(task: Callable[..., None], to: Path | None, *arguments: Any) -> _Outcome:
    """Run one item in a Ray worker, where the folder `to` must exist unless it is None.

    An error that another try would not fix is returned; any other is raised.
    """
    import ray

    machine = os.uname().nodename
    outcome = partial(_Outcome, node=ray.get_runtime_context().get_node_id(), machine=machine)
    if to is not None and not to.is_dir():
        return outcome(error=cluster.not_shared(machine, to), needs="machine")
    try:
        task(*arguments)
    except OtherVersionError as error:
        return outcome(error=str(error), needs="machine")
    except (InputError, WorkError) as error:
        return outcome(error=str(error))
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, without importing torch
            return outcome(error=one_line(error), needs="memory")
        raise
    return outcome()


def _is_visible(is_done: Callable[[str], bool], key: str) -> bool:
    """Return whether the result of an item that ended well is seen from here."""
    try:
        return is_done(key)
    except InputError:  # it is there, damaged: the caller will say so
        return True


def _warn_if_nowhere(needs: Needs) -> None:
    """Print a warning if no machine of the cluster can run a task now; one may still join."""
    if not at_a_time(needs):
        needed = ", ".join(f"{name} {amount:g}" for name, amount in needs.wanted.items())
        _log.warning(f"no machine of the cluster has {needed}; waiting for one to join")
