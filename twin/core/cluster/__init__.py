"""Join a Ray cluster or start Ray on this machine, and show Ray's messages as plain lines.

Standard library and Ray only; every package may import it.
"""

import logging
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.cluster import joining
from corrotwin.twin.core.errors import InputError, WorkError

BLENDER = "blender"  # resource tag of machines that can render: ray start --resources '{"blender": 4}'

REPEAT_SECONDS = 60.0  # before a line about Ray is said again
ENDED = "Ray has ended on this machine (killed, or out of memory); run the same command again to continue"
# Ray's errors of tasks whose processes were lost; its own messages name log files and settings of Ray.
_LOST = {
    "WorkerCrashedError": "its worker process was killed or crashed",
    "LocalRayletDiedError": "Ray ended on its machine",
    "NodeDiedError": "its machine was lost",
}
_STARTS = 5  # tries to start Ray
_joined: dict[str, joining.Joined | None] = {}  # cluster that this process has joined, None for its own, by node

_log = logging.getLogger(__name__)


def connect(address: str | None = None, *, gpus: int | None = None) -> None:
    """Join the cluster at `address`, or start Ray on this machine's cores; once per process.

    `gpus` are this machine's graphics cards, None for those that Ray finds: it waits for ever for one that it does not.
    The local start is small: no dashboard, no usage reports, an object store that a container's /dev/shm holds.

    Raises
    ------
    InputError
        No cluster that this machine may join answers at the address, Ray runs in this process already and did not join
        it there, or the temporary folder does not suit Ray.
    WorkError
        Ray does not start on this machine, after several tries.
    """
    import ray

    if ray.is_initialized():
        if not has_ended():
            _check_joined(address)
            return
        ray.shutdown()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's coming default; it warns until it is set
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # tracebacks of tasks that an interruption has ended
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    is_main, on_sigterm = threading.current_thread() is threading.main_thread(), signal.getsignal(signal.SIGTERM)
    if address is not None:
        joining.require_cluster(address)
        try:
            ray.init(address=address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"`address` {address}: no Ray cluster answers there ({one_line(error)})") from error
    else:
        cores = available_cores()
        start = partial(
            ray.init, address="local", num_cpus=cores, num_gpus=gpus, resources={BLENDER: cores},
            include_dashboard=False, object_store_memory=128 * 2**20, **quiet,
        )  # fmt: skip
        if is_main:
            _start_patiently(start)
        else:
            _in_lasting_thread(partial(_start_patiently, start))
    _note_joined(address)
    if is_main and on_sigterm is not None:
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray puts its own in place, which knows nothing of our exit status
    # Ray prints the errors of tasks and machines on stdout, whatever `log_to_driver` says, and has no option for it.
    ray._private.worker.print_to_stdstream = messages(_log.warning)


def _note_joined(address: str | None) -> None:
    """Note what this process has just joined or started, and where it listens."""
    import ray

    context = ray.get_runtime_context()
    here = context.get_node_id()
    _joined[here] = None
    if address is not None:
        [node] = [machine for machine in ray.nodes() if machine["NodeID"] == here]  # type: ignore[no-untyped-call]
        _joined[here] = joining.Joined(
            address=address, head=context.gcs_address, node=f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
        )


def _check_joined(address: str | None) -> None:
    """Refuse an address that is not of the Ray in this process, which a user may have started or joined."""
    import ray

    context = ray.get_runtime_context()
    node = context.get_node_id()
    cluster = _joined.get(node)
    if address is None:  # this machine alone
        is_there = cluster is None
    elif address == "auto":
        is_there = cluster is not None or node not in _joined
    else:
        is_there = address in (context.gcs_address, cluster and cluster.address)
    if not is_there:
        raise InputError(
            f"`address` {address}: Ray is already running in this process, at {context.gcs_address}; "
            "start a new process"
        )


def _start_patiently(start: Callable[[], object]) -> None:
    """Start Ray, again where its processes are not up in the 30 s that it gives them: the machine may be busy."""
    import psutil

    for attempt in range(1, _STARTS + 1):
        before = set(psutil.Process().children(recursive=True))
        try:
            start()
        except Exception as error:
            if "AF_UNIX path length" in str(error):
                raise InputError(
                    f"TMPDIR {tempfile.gettempdir()}: path too long for Ray's sockets; set a shorter one, such as /tmp"
                ) from error
            if "timed out during startup" not in str(error):
                raise
            for child in set(psutil.Process().children(recursive=True)) - before:  # Ray leaves them running
                with suppress(psutil.Error):
                    child.kill()
            if attempt == _STARTS:
                raise WorkError(
                    f"Ray did not start in {_STARTS} tries; try again when the machine is less busy"
                ) from error
        else:
            return


def _in_lasting_thread(start: Callable[[], None]) -> None:
    """Start Ray in a thread that lasts as long as this process: Ray's processes end with the thread that began them."""
    started: Future[None] = Future()

    def last() -> None:
        try:
            start()
        except Exception as error:  # noqa: BLE001  the thread that waits raises it
            started.set_exception(error)
        else:
            started.set_result(None)
            threading.Event().wait()

    threading.Thread(target=last, daemon=True).start()
    started.result()


def messages(say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> Callable[..., None]:
    """Return a function that Ray may call with its messages in place of printing them.

    It says what matters of them in a line of ours, the same line at most once in `REPEAT_SECONDS`.
    """
    said: dict[str, float] = {}

    def hear(data: Mapping[str, Any], *_: Any, **__: Any) -> None:
        for message in data["lines"]:
            line = in_our_words(message)
            if line and clock() - said.get(line, -REPEAT_SECONDS) >= REPEAT_SECONDS:
                said[line] = clock()
                say(line)

    return hear


def in_our_words(message: str) -> str:
    """Return what a message of Ray's tells a user, in a line, or "" where it is said elsewhere or tells nothing."""
    if "worker reached max_calls" in message:  # an end that we asked for
        return ""
    if "low on memory" in message:
        used = re.search(r"was ([\d.]+ ?[KMGT]?B) used / ([\d.]+ ?[KMGT]?B) limit", message)
        room = f" ({used[1]} of {used[2]} in use)" if used else ""
        return f"memory is low{room}: a task was stopped and will be retried; process less at a time, or free some"
    if found := (
        re.match(r"The node with node id: \S+ and address: (\S+) .*marked dead", message, re.DOTALL)
        or re.search(r"node it was running on is dead.*?Node IP: ([^,\s]+)", message, re.DOTALL)
    ):
        return f"machine {found[1]} was lost; its tasks will be retried"
    if re.match(r"Task \S+ failed.* will be retried", message):
        lines = [line for line in message.partition("Error:")[2].splitlines() if line.strip()]
        return f"a task failed and will be retried: {lines[-1].strip() if lines else _LOST['WorkerCrashedError']}"
    if "has not been registered" in message or re.search(r"version mismatch", message, re.IGNORECASE):
        return "machines of the cluster have different versions of Python, Ray or this program; install the same on all"
    _log.debug("Ray: %s", message.strip())
    return ""


def _cluster() -> joining.Joined | None:
    """Return the cluster that this process has joined, or None where it started Ray by itself."""
    import ray

    return _joined.get(ray.get_runtime_context().get_node_id())


def has_ended() -> bool:
    """Return True if Ray, which runs the workers, has ended on this machine since this process started or joined it."""
    import ray

    node: Any = ray._private.worker._global_node
    if node is None:
        return False
    cluster = _cluster()
    return any(kind == "raylet" for kind, _ in node.dead_processes()) or (cluster is not None and cluster.has_ended())


def check() -> None:
    """Raise WorkError if Ray has ended here, or the head of the cluster is gone: Ray would soon end this process.

    Where the head does not answer, return when it does again: until then, a question to Ray would hang.
    """
    cluster = _cluster()
    if has_ended():
        raise WorkError(ENDED if cluster is None else joining.ENDED)
    if cluster is not None:
        cluster.wait_for_head()


def has_gpus() -> bool:
    """Return True if any machine of the cluster has a graphics card."""
    import ray

    resources: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources.get("GPU", 0) > 0


def machines() -> list[Mapping[str, float]]:
    """Return the resources of each live machine of the cluster."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def not_shared(machine: str, folder: Path | None) -> str:
    """Say that a machine of the cluster writes to another file system than this one."""
    return (
        f"{machine} does not write to the same {folder} as this machine; all machines need a shared file system, "
        "mounted at the same path"
    )


def one_line(error: Exception) -> str:
    """Return an error, or its cause, as one line: its type and last line; for a lost worker, an explanation."""
    cause = getattr(error, "cause", None) or error
    if type(cause).__module__.startswith("ray.") and type(cause).__name__ in _LOST:
        return _LOST[type(cause).__name__]
    lines = [line for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1].strip() if lines else 'no message'}"
