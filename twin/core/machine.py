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
    depend on their number: results would depend on the number of cores. The number is one for the whole process: if
    several threads of a program forecast at once, it may be another for some of them.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def by_completion(
    task: Callable[..., Result], calls: Mapping[Key, tuple[Any, ...]], workers: int
) -> Iterator[tuple[Key, Result]]:
    """Yield the key and the result of each call as it ends; whatever ends this generator cancels those that wait.

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
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    if workers < 1:
        raise InputError(f"--workers {workers}: at least 1")
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_DFL)
    ) as pool:
        try:
            todo = {pool.submit(task, *arguments): key for key, arguments in calls.items()}
            for done in as_completed(todo):
                yield todo[done], done.result()
        except BrokenProcessPool as error:
            raise WorkError(f"a process was killed ({error}); the same command resumes") from error
        finally:
            pool.shutdown(cancel_futures=True)
