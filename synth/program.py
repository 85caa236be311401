"""What decides a picture beside its settings: the sources of the program and the libraries that it renders with."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from twin.files import versions

LIBRARIES = ("bpy", "blenderproc", "numpy", "scipy", "opencv-python-headless", "pillow")
SOURCES = "sources"  # under this name stands a digest of the modules of synth and twin


@cache
def made_by() -> dict[str, str]:
    """Python, this project and libraries with their versions, and SHA-256, 16 hex digits, of the sources."""
    root = Path(__file__).resolve().parents[1]
    found = hashlib.sha256()
    for path in sorted(path for package in ("synth", "twin") for path in (root / package).rglob("*.py")):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return {**versions("corrotwin", *LIBRARIES), SOURCES: found.hexdigest()[:16]}


def changes(before: Mapping[str, str]) -> str:
    """What is not as `before` states it, such as "bpy 4.5.15, now 4.5.16"; "" for nothing."""
    now = made_by()
    return ", ".join(
        f"{name} {before[name]}, now {now[name]}" for name in now if before.get(name, now[name]) != now[name]
    )
