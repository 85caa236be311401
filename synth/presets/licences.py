"""Licences of the user's own files that a preset names, as stated in the files or in a file beside them."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from corrotwin.synth.presets import own_files, own_props
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin.core.files import open_file
from corrotwin.twin.core.text import printable

NOT_STATED = "licence not stated"
_NAMES = re.compile(r"(licen[cs]e|copying).*", re.IGNORECASE)
_MOST_BYTES, _MOST_LETTERS = 4096, 100  # read from the beginning of a licence file, and kept of its first line
_MOST_NAMES = 20  # most files listed for each licence of a field


def listed(preset: Preset) -> str:
    """Return the user's own files that a preset names, by field, each with the first line of its licence.

    An example is "worlds yard.exr (licence not stated); rust_textures Rust004 (CC0 1.0 Universal)"; the text is empty
    if the preset names no files.
    """
    return "; ".join(f"{field} {', '.join(_groups(places))}" for field, places in _own(preset) if places)


def _own(preset: Preset) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each field of a preset with the names and licences of the user's files that it names."""
    for files in own_files.FILES:
        paths = [path for path in map(own_files.path_of, getattr(preset, files.field)) if path is not None]
        stated = {folder: beside(folder) for folder in {path.parent for path in paths}}
        yield files.field, [(path.name, stated[path.parent]) for path in paths]
    props = [path for path in map(own_files.path_of, preset.props) if path is not None]
    yield own_files.PROPS.field, [(path.name, own_props.copyright_of(path) or beside(path.parent)) for path in props]
    for sets in own_files.SETS:
        folders = [path for word, _ in getattr(preset, sets.field) if (path := own_files.path_of(word)) is not None]
        yield sets.field, [(path.name, beside(path)) for path in folders]


def _groups(places: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the names of consecutive files of one licence, with that licence."""
    for licence, group in groupby(dict.fromkeys(places), key=lambda place: place[1]):
        names = [printable(name) for name, _ in group]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        yield f"{', '.join(names[:_MOST_NAMES])}{more} ({licence})"


def beside(folder: Path) -> str:
    """Return the first line of a folder's LICENSE, LICENCE or COPYING file, or `NOT_STATED`."""
    try:
        for path in sorted(folder.iterdir()):
            if _NAMES.fullmatch(path.name):
                with open_file(path) as stream:
                    text = stream.read(_MOST_BYTES).decode("utf-8", errors="replace")
                if line := next((bare for line in text.splitlines() if (bare := line.strip(" \t\ufeff#*=-"))), ""):
                    return printable(line[:_MOST_LETTERS])
    except OSError:  # the folder was removed, or may not be read
        pass
    return NOT_STATED
