"""Resources of this machine: what it says of itself, memory, threads and processes, and a cache folder."""

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from corrotwin.twin.core.errors import InputError, WorkError

Key = TypeVar("Key")
Result = TypeVar("Result")

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")  # version 2


def available_bytes() -> int | None:
    """Return the available memory, or what the container may still take where that is less; None if unknown."""
    free = re.search(r"^MemAvailable:\s+(\d+) kB", system_text(_MEMINFO), re.MULTILINE)
    limit, used = (system_text(_CGROUP / name).strip() for name in ("memory.max", "memory.current"))
    known = [int(free[1]) * 1024] if free else []
    known += [int(limit) - int(used)] if limit.isdecimal() and used.isdecimal() else []
    return min(known, default=None)


def system_text(path: Path) -> str:
    """Return what a file of /proc or /sys says; empty where it is absent or says nothing."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def cache_folder() -> Path:
    """Return the folder of decoded datasets, archives and meshes: CORROTWIN_CACHE, else ``~/.cache/corrotwin``."""
    return Path(os.environ.get("CORROTWIN_CACHE") or "~/.cache/corrotwin").expanduser()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let linear algebra use one thread, as decorator or in a `with` block.

    OpenBLAS shares even the inverse of a matrix of six rows among its threads, which takes longer, and gives bits that
    depend on their number: results would depend on the number of cores. The number is one for the whole process: where
    several of its threads forecast at once, some may use another, and it may stay at one afterwards.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def by_completion(
    task: Callable[..., Result], calls: Mapping[Key, tuple[Any, ...]], workers: int
) -> Iterator[tuple[Key, Result]]:
    """Yield the key and the result of each call as it ends; when this generator ends, no other call begins.

    Calls that run then end first, unless a terminal's Ctrl-C reaches them, too.

    Parameters
    ----------
    task : a function of a module, called once for each of `calls`.
    calls : arguments by key, in the order in which they begin.
    workers : calls at a time, each in a process.

    Raises
    ------
    InputError
        There is no worker.
    WorkError
        A process was killed.
    """
    from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    if workers < 1:
        raise InputError(f"`workers` {workers}: must be at least 1")
    waiting = [*calls.items()][::-1]
    running: dict[Future[Result], Key] = {}
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_DFL)
    ) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    key, arguments = waiting.pop()
                    running[pool.submit(task, *arguments)] = key
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(done), done.result()
        except BrokenProcessPool as error:
            raise WorkError(f"a process was killed ({error}); the same command resumes") from error
