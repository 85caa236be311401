"""Props of a preset: GLB files of the user's own, of objects around the asset that do not rust."""

from functools import lru_cache
from pathlib import Path

from corrotwin.synth.presets import own_files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable
from corrotwin.twin.meshes import glb

MOST_CHARACTERS = 80  # kept of a licence in a card


def resolved(words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return a preset's entries for props with each file given by its path and digest, after checking the files.

    Raises
    ------
    InputError
        See `own_files.OwnFiles.resolved` and `glb.check`.
    """
    entries = own_files.PROPS.resolved(words, folder)
    for path in map(own_files.path_of, entries):
        if path is not None:
            _check(path, path.stat().st_mtime_ns)
    return entries


def copyright_of(path: Path) -> str:
    """Return the `asset.copyright` that a GLB file states; empty if it states none or cannot be read."""
    try:
        stated = glb.document(path).get("asset", {}).get("copyright")
    except (InputError, OSError, AttributeError):
        return ""
    return " ".join(printable(str(stated or "")).split())[:MOST_CHARACTERS]


@lru_cache(maxsize=own_files.MOST_FILES)
def _check(path: Path, _: int) -> None:
    """Check a GLB file, again only if its modification time differs."""
    with own_files.naming(own_files.PROPS.field):
        glb.check(path)
