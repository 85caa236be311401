"""Files of the user's own that a preset names: light maps (HDRIs), photographs and texture sets, or folders of them.

In a preset that is made they stand as ``/path/to/map.exr#0123456789abcdef``, with the digest of their content, so that
a dataset that goes on later is refused where a file has changed.
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

MOST_FILES = 1000  # that a field of a preset may name
_MADE = re.compile(r"(.+)#([0-9a-f]{16})")


class LostFileError(InputError):
    """A file that a preset names has changed, or cannot be read any more."""


@contextmanager
def naming(field: str) -> Iterator[None]:
    """Begin the errors within with the name of a field."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{field}: {error}") from error


@contextmanager
def kept() -> Iterator[None]:
    """Raise the errors within as `LostFileError`: what is read there, a preset that was made names."""
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
    magic : suffixes of its files, each with the ways in which such a file begins.
    built_in : names that are no files.
    pictures : True for pictures, whose headers are checked, too.
    """

    field: str
    magic: Mapping[str, tuple[bytes, ...]]
    built_in: tuple[str, ...] = ()
    pictures: bool = False

    def resolved(self, words: tuple[str, ...], folder: Path) -> tuple[str, ...]:
        """Return the words of a preset, each file of the user's own by its path and digest.

        Parameters
        ----------
        words : names of `built_in`, files, folders of files, or what this function made of them.
        folder : that relative paths are in.

        Raises
        ------
        InputError
            A word is none of these, a file is of another kind or cannot be read, or one has changed since.
        """
        with naming(self.field):
            found = tuple(name for word in words for name in self._of(word, folder))
            if len(found) > MOST_FILES:
                raise InputError(f"{len(found)} files, over {MOST_FILES}; give fewer")
        return found

    def _of(self, word: str, folder: Path) -> Iterator[str]:
        if word in self.built_in:
            yield word
        elif made := _MADE.fullmatch(word):
            with kept():
                if self._digest(Path(made[1])) != made[2]:
                    raise InputError(f"{made[1]}: has changed since this preset was made; give another `out`")
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
        return f"{path}#{self._digest(path)}"

    def _digest(self, path: Path) -> str:
        known = path.suffix.lower() in self.magic
        if known and self.pictures:
            return picture_files.examined(path).digest
        try:
            start, digest = _read(path, path.stat().st_mtime_ns if path.exists() else 0)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        if not start.startswith(self.magic.get(path.suffix.lower(), ())):
            kind = path.suffix[1:].upper() if known else self._suffixes
            raise InputError(f"{path}: is no {kind}, whatever its name says; convert it")
        return digest


@dataclass(frozen=True, kw_only=True)
class OwnSets:
    """The PBR texture sets that a field of a preset may name; `field` is the name of the field."""

    field: str

    def resolved(self, pairs: tuple[tuple[str, float], ...], folder: Path) -> tuple[tuple[str, float], ...]:
        """Return the pairs of a preset, each set by its path and digest, with its metres.

        Parameters
        ----------
        pairs : folders, each a set or a folder of sets, or what this function made of them, with metres.
        folder : that relative paths are in.

        Raises
        ------
        InputError
            A folder holds no set, a set cannot be used, or one has changed since.
        """
        with naming(self.field):
            found = tuple((name, metres) for word, metres in pairs for name in self._of(word, folder))
            if len(found) > MOST_FILES:
                raise InputError(f"{len(found)} texture sets; give fewer")
        return found

    def _of(self, word: str, folder: Path) -> Iterator[str]:
        made = _MADE.fullmatch(word)
        where = Path(made[1]) if made else place(word, folder)
        with kept() if made else nullcontext():
            names = [f"{one.folder}#{one.digest}" for one in texture_sets.found(where)]
            if made and names != [word]:
                raise InputError(f"{made[1]}: has changed since this preset was made; give another `out`")
        yield from names


WORLDS = OwnFiles(
    field="worlds",
    magic={".exr": (b"\x76\x2f\x31\x01",), ".hdr": (b"#?RADIANCE", b"#?RGBE")},
    # A clear sky with the sun's place, and the light maps in the bpy wheel.
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
    """Return the absolute path of a word of a preset; `folder` is the one that relative words are in.

    Raises
    ------
    InputError
        It cannot be a path.
    """
    try:
        if not word.isprintable():
            raise ValueError("unprintable characters")
        path = (folder / Path(word).expanduser()).resolve()
        path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{word!r:.60}: cannot be a path ({error!s:.60})") from error
    return path


def path_of(word: str) -> Path | None:
    """Return the file of a word that `OwnFiles.resolved` made of one of the user's own; None for built-in names."""
    made = _MADE.fullmatch(word)
    return Path(made[1]) if made else None


@lru_cache(maxsize=MOST_FILES)
def _read(path: Path, _: int) -> tuple[bytes, str]:
    """Return how a file begins and the digest of its content, which is read again where its time of change differs."""
    content = read_bytes(path)
    return content[:16], sha256(content).hexdigest()[:16]
