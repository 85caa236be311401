"""Decode all of the user's files that a preset names before rendering, so that damaged ones are found at once."""

from pathlib import Path

from corrotwin.synth.presets import own_files
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.props import models
from corrotwin.synth.textures import picture_files, texture_sets


def check(preset: Preset) -> None:
    """Read every light map, backdrop, texture set and prop of a preset once.

    Raises
    ------
    InputError
        A file is damaged; the message names its field and file.
    """
    for kind, read in (
        (own_files.WORLDS, picture_files.check_light), (own_files.BACKDROPS, picture_files.check_picture)
    ):  # fmt: skip
        with own_files.naming(kind.field):
            for path in map(own_files.path_of, getattr(preset, kind.field)):
                if path is not None:
                    read(path)
    for textures in own_files.SETS:
        with own_files.naming(textures.field):
            for word, _ in getattr(preset, textures.field):
                folder, _, digest = word.rpartition("#")
                texture_sets.load(Path(folder), digest)
    for word in preset.props:
        models.read(word)
