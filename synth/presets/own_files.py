"""The user's own files that a preset names: light maps (HDRIs), photographs and texture sets, or folders of them.

A resolved preset names them as ``/path/to/map.exr#0123456789abcdef``, with a digest of their content, so that a dataset
cannot be resumed after a file has changed.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from corrotwin.synth.textures import picture_files, texture_sets
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes

MOST_FILES = 1000  # most files that a field of a preset may name
_MADE = re.compile(r"(.+)#([0-9a-f]{16})")


class LostFileError(InputError):
    """Error: a file that a resolved preset names has changed, or can no longer be read."""


@contextmanager
def naming(field: str) -> Iterator[None]:
    """Prefix the messages of errors raised inside with the name of a field."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{field}: {error}") from error


@contextmanager
def kept() -> Iterator[None]:
    """Raise errors from inside as `LostFileError`, since files of a resolved preset are read there."""
    try:
        yield
    except InputError as error:
        raise LostFileError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class OwnFiles:
    """The files and built-in names that a field of a preset may name.

    Parameters
    ----------
    field : name of the field, for errors.
    magic : allowed suffixes, each with the bytes that such a file may begin with.
    built_in : allowed names that are not files.
    pictures : True if the files are pictures, whose headers are checked too.
    """

    field: str
    magic: Mapping[str, tuple[bytes, ...]]
    built_in: tuple[str, ...] = ()
    pictures: bool = False

    def resolved(self, words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
        """Return the entries of the field with each of the user's own files given by its path and digest.

        Parameters
        ----------
        words : names in `built_in`, files, folders of files, or entries that this function returned.
        folder : folder to which relative paths refer.

        Raises
        ------
        InputError
            A word is none of these, a file is of another kind or cannot be read, or a resolved one has changed.
        """
        with naming(self.field):
            entries = tuple(entry for word in words for entry in self._of(word, folder))
            if len(entries) > MOST_FILES:
                raise InputError(f"{len(entries)} files; give at most {MOST_FILES}")
        return entries

    def _of(self, word: str, folder: Path) -> Iterator[str]:
        """Yield the entries for one word, which may name a folder of files."""
        if word in self.built_in:
            yield word
        elif resolved := _MADE.fullmatch(word):
            with kept():
                if self._digest(Path(resolved[1])) != resolved[2]:
                    raise InputError(f"{resolved[1]}: has changed since this preset was made; give another `out`")
            yield word
        elif word.lower().endswith(tuple(self.magic)):
            yield self._made(place(word, folder))
        elif (inside := place(word, folder)).is_dir():
            files = sorted(path for path in inside.iterdir() if path.suffix.lower() in self.magic)
            if not files:
                raise InputError(f"{inside}: holds no {self._suffixes} file")
            yield from map(self._made, files)
        else:
            names = f"choose from {', '.join(self.built_in)}, or " if self.built_in else ""
            raise InputError(f"{word!r}: {names}give a file or a folder of {self._suffixes}")

    @property
    def _suffixes(self) -> str:
        return " or ".join(self.magic)

    def _made(self, path: Path) -> str:
        """Return the entry of a file: its path and digest."""
        return f"{path}#{self._digest(path)}"

    def _digest(self, path: Path) -> str:
        """Return the digest of a file's content, after checking that the file is of its suffix's kind."""
        is_known = path.suffix.lower() in self.magic
        if is_known and self.pictures:
            return picture_files.examined(path).digest
        try:
            start, digest = _read(path, path.stat().st_mtime_ns if path.exists() else 0)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        if not start.startswith(self.magic.get(path.suffix.lower(), ())):
            kind = path.suffix[1:].upper() if is_known else self._suffixes
            raise InputError(f"{path}: is not {kind} despite its name; convert it")
        return digest


@dataclass(frozen=True, kw_only=True)
class OwnSets:
    """The PBR texture sets that a field of a preset may name; `field` is its name."""

    field: str

    def resolved(self, pairs: tuple[tuple[str, float], ...], folder: Path) -> tuple[tuple[str, float], ...]:
        """Return the pairs of the field with each set given by its path and digest.

        Parameters
        ----------
        pairs : folders with metres of surface that one picture shows; each folder is a set, a folder of sets, or an
            entry that this function returned.
        folder : folder to which relative paths refer.

        Raises
        ------
        InputError
            A folder holds no set, a set cannot be used, or a resolved one has changed.
        """
        with naming(self.field):
            entries = tuple((entry, metres) for word, metres in pairs for entry in self._of(word, folder))
            if len(entries) > MOST_FILES:
                raise InputError(f"{len(entries)} texture sets; give at most {MOST_FILES}")
        return entries

    def _of(self, word: str, folder: Path) -> Iterator[str]:
        """Yield the entries for one word, which may name a folder of sets."""
        resolved = _MADE.fullmatch(word)
        where = Path(resolved[1]) if resolved else place(word, folder)
        with kept() if resolved else nullcontext():
            entries = [f"{texture_set.folder}#{texture_set.digest}" for texture_set in texture_sets.found(where)]
            if resolved and entries != [word]:
                raise InputError(f"{resolved[1]}: has changed since this preset was made; give another `out`")
        yield from entries


WORLDS = OwnFiles(
    field="worlds",
    magic={".exr": (b"\x76\x2f\x31\x01",), ".hdr": (b"#?RADIANCE", b"#?RGBE")},
    # A clear sky with a sun, and the light maps in the bpy wheel.
    built_in=("sky", "city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset"),
)

PROPS = OwnFiles(field="props", magic={".glb": (b"glTF",)})
BACKDROPS = OwnFiles(
    field="backdrops",
    magic={".jpg": (b"\xff\xd8\xff",), ".jpeg": (b"\xff\xd8\xff",), ".png": (b"\x89PNG\r\n\x1a\n",)},
    pictures=True,
)
FILES: tuple[OwnFiles, ...] = (WORLDS, BACKDROPS)
SETS = tuple(OwnSets(field=field) for field in ("ground_textures", "wall_textures", "paint_textures", "rust_textures"))


def place(word: str, folder: Path) -> Path:
    """Return the absolute path that a word of a preset names; relative paths refer to `folder`.

    Raises
    ------
    InputError
        The word cannot be a path.
    """
    try:
        if not word.isprintable():
            raise ValueError("unprintable characters")
        path = (folder / Path(word).expanduser()).resolve()
        path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{word!r:.60}: not a valid path ({error!s:.60})") from error
    return path


def path_of(word: str) -> Path | None:
    """Return the path in an entry that `OwnFiles.resolved` returned; None for built-in names."""
    resolved = _MADE.fullmatch(word)
    return Path(resolved[1]) if resolved else None


@lru_cache(maxsize=MOST_FILES)
def _read(path: Path, _: int) -> tuple[bytes, str]:
    """Return the first bytes of a file and a digest of its content; reread only if its modification time differs."""
    content = read_bytes(path)
    return content[:16], sha256(content).hexdigest()[:16]
