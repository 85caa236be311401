"""Resources of this machine: what it says of itself, memory that the program may still take, and a cache folder."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

    OpenBLAS shares even the inverse of a matrix of two rows among its threads, which takes ten times as long, and the
    bits of a larger one depend on their number: results would depend on the number of cores.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
