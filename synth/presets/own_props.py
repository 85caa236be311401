"""Props of a preset: GLB files of the user's own, of things that stand about and do not rust."""

from functools import lru_cache
from pathlib import Path

from corrotwin.synth.presets import own_files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable
from corrotwin.twin.meshes import glb

MOST_CHARACTERS = 80  # of a licence, in a card


def resolved(words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return the words of a preset, each file by its path and digest, once what each states of itself is checked.

    Raises
    ------
    InputError
        As of `own_files.OwnFiles.resolved` and `glb.check`.
    """
    found = own_files.PROPS.resolved(words, folder)
    for path in map(own_files.path_of, found):
        if path is not None:
            _check(path, path.stat().st_mtime_ns)
    return found


def copyright_of(path: Path) -> str:
    """Return what a GLB states as its `asset.copyright`, or ""."""
    try:
        stated = glb.document(path).get("asset", {}).get("copyright")
    except (InputError, OSError, AttributeError):
        return ""
    return " ".join(printable(str(stated or "")).split())[:MOST_CHARACTERS]


@lru_cache(maxsize=own_files.MOST_FILES)
def _check(path: Path, _: int) -> None:
    with own_files.naming(own_files.PROPS.field):
        glb.check(path)
