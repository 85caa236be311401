"""Light maps (HDRIs) of the user's own, which a preset may name beside those of Blender: files, or folders of them.

In a preset that is made they stand as ``/path/to/map.exr#0123456789abcdef``, with the digest of their content, so that
a dataset that goes on later is refused where a map has changed.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes

BUILT_IN = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")  # in the bpy wheel
SKY = "sky"
MAGIC = {".exr": (b"\x76\x2f\x31\x01",), ".hdr": (b"#?RADIANCE", b"#?RGBE")}  # how files of each suffix begin
MOST_MAPS = 1000
_MADE = re.compile(r"(.+)#([0-9a-f]{16})")


def resolved(words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return the worlds of a preset, each map of one's own by its path and digest.

    Parameters
    ----------
    words : names of `BUILT_IN`, `SKY`, files, folders of files, or what this function made of them.
    folder : that relative paths are in.

    Raises
    ------
    InputError
        A word is none of these, a file is no light map or cannot be read, or one has changed since.
    """
    found = tuple(world for word in words for world in _of(word, folder))
    if len(found) > MOST_MAPS:
        raise InputError(f"worlds: {len(found)} light maps, over {MOST_MAPS}; give fewer")
    return found


def path_of(world: str) -> Path | None:
    """Return the file of a world that is a light map of one's own; None for others."""
    made = _MADE.fullmatch(world)
    return Path(made[1]) if made else None


def _of(word: str, folder: Path) -> Iterator[str]:
    if word in (SKY, *BUILT_IN):
        yield word
    elif made := _MADE.fullmatch(word):
        path, digest = Path(made[1]), made[2]
        if _digest(path, path.stat().st_mtime_ns if path.exists() else 0) != digest:
            raise InputError(f"worlds: {path}: has changed since this preset was made; give another `out`")
        yield word
    elif word.lower().endswith(tuple(MAGIC)):
        yield _made((folder / word).expanduser().resolve())
    elif (inside := (folder / word).expanduser().resolve()).is_dir():
        maps = sorted(path for path in inside.iterdir() if path.suffix.lower() in MAGIC)
        if not maps:
            raise InputError(f"worlds: {inside}: holds no {' or '.join(MAGIC)} file")
        yield from map(_made, maps)
    else:
        names = ", ".join((SKY, *BUILT_IN))
        raise InputError(f"worlds: {word!r}: choose from {names}, or give a file or a folder of {' or '.join(MAGIC)}")


def _made(path: Path) -> str:
    return f"{path}#{_digest(path, path.stat().st_mtime_ns if path.exists() else 0)}"


@lru_cache(maxsize=MOST_MAPS)
def _digest(path: Path, _: int) -> str:
    """Return the digest of a map's content, which is read again where its time of change differs."""
    try:
        content = read_bytes(path)
    except OSError as error:
        raise InputError(f"worlds: {path}: cannot be read ({error.strerror})") from error
    if not content.startswith(MAGIC[path.suffix.lower()]):
        raise InputError(f"worlds: {path}: is no {path.suffix[1:].upper()}, whatever its name says; convert it")
    return sha256(content).hexdigest()[:16]
