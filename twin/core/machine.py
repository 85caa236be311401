"""Resources of this machine: what it says of itself, memory that the program may still take, and a cache folder."""

import os
import re
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
