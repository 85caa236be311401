"""Decode all that a preset names of the user's own before anything is rendered, so that damage is found at once."""

from collections.abc import Callable
from pathlib import Path

from corrotwin.synth.presets import own_files
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.props import models
from corrotwin.synth.textures import picture_files, texture_sets
from corrotwin.twin.core.errors import InputError


def check(preset: Preset) -> None:
    """Read every light map, backdrop, texture set and prop of a preset once.

    Raises
    ------
    InputError
        One is damaged; the message names its field and file.
    """
    for world in preset.worlds:
        if (path := own_files.path_of(world)) is not None:
            _named(own_files.WORLDS.field, path, picture_files.check_light)
    for photo in preset.backdrops:
        if (path := own_files.path_of(photo)) is not None:
            _named(own_files.BACKDROPS.field, path, picture_files.check_picture)
    for of in own_files.SETS:
        for word, _ in getattr(preset, of.field):
            folder, _, digest = word.rpartition("#")
            try:
                texture_sets.load(Path(folder), digest)
            except InputError as error:
                raise InputError(f"{of.field}: {error}") from error
    for word in preset.props:
        models.read(word)


def _named(field: str, path: Path, read: Callable[[Path], None]) -> None:
    try:
        read(path)
    except InputError as error:
        raise InputError(f"{field}: {error}") from error
