"""The user's own models, each converted once per process, in a child process with limits, and written for Blender."""

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from corrotwin.synth.presets import own_files
from corrotwin.synth.scene.surroundings import Array
from corrotwin.twin.core.files import new_file, read_bytes
from corrotwin.twin.meshes import child

MOST_KEPT = 50  # most models in memory


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A model: the name and the content of its file, and its vertices, (n, 3) metres, resting on z = 0."""

    file: str
    content: bytes
    vertices: Array

    def write(self, folder: Path) -> str:
        """Write the file into a folder, once, and return its name."""
        if not (folder / self.file).exists():
            with new_file(folder / self.file) as stream:
                stream.write(self.content)
        return self.file


@lru_cache(maxsize=MOST_KEPT)
def read(word: str) -> Model:
    """Return the model that a word of a preset's props names.

    Raises
    ------
    InputError
        The file has changed since the preset was made, cannot be read, or took too much time or memory.
    """
    own_files.PROPS.resolved((word,), Path())
    path = own_files.path_of(word)
    assert path is not None  # noqa: S101  a valid preset's props name nothing else
    with TemporaryDirectory() as scratch, own_files.naming(own_files.PROPS.field):
        content = read_bytes(child.convert_prop(path, Path(scratch)))
    with np.load(io.BytesIO(content)) as arrays:
        vertices = arrays["vertices"].astype(float)
    return Model(file=f"model-{word.rpartition('#')[2]}.npz", content=content, vertices=vertices)
