"""Unlabelled pictures at the size that a network sees: decoded once, sorted out, kept in the cache.

Files are read a few at a time and written as they come, so that memory does not grow with their number. What is no
photograph, or alike to a picture that is there already, is left out and counted.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.config import Framing
from corrotwin.segmentation.data import decoded
from corrotwin.segmentation.data.archive import made_once
from corrotwin.segmentation.data.perceptual_hash import HashIndex, alike, from_hex, to_hex
from corrotwin.segmentation.unlabelled import decoding, files
from corrotwin.segmentation.unlabelled.decoding import CHANGED
from corrotwin.segmentation.unlabelled.files import UnlabelledFile
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, new_file, read_json, write_json
from corrotwin.twin.core.text import first_of

_RECIPE = 3  # increase when decoding or sorting changes, so that old caches are not used
LEAST = 8  # pictures: fewer say nothing about what photos look like
SQUARES = 8  # of each picture, where squares are cut at the original scale
MOST_SQUARES = 20_000  # of all; where pictures are many, fewer of each, but one

DUPLICATE = "alike to another"
OF_TEST = "alike to a test photo or its spot"

_INDEX, _PIXELS = "index.json", "pictures.npy"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture: the hash of its file (`UnlabelledFile`), its second in a video (None: a photo), a name for people."""

    sha256: str
    second: float | None
    name: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """Unlabelled pictures, a row each, or several squares of each, one after the other.

    `images` is (n, s, s, 3) uint8, `of_row` (n,) the index of each row's picture, `hashes` (pictures, bits) bool their
    upright perceptual hashes. `left_out` has the names of what was left out by reason.
    """

    images: npt.NDArray[np.uint8]
    of_row: npt.NDArray[np.intp]
    pictures: tuple[Picture, ...]
    hashes: npt.NDArray[np.bool_]
    left_out: Mapping[str, Sequence[str]]
    is_used: npt.NDArray[np.bool_]
    """Of each picture, whether it may be drawn."""

    @property
    def rows(self) -> npt.NDArray[np.intp]:
        """The rows of `images` that may be drawn."""
        return np.flatnonzero(self.is_used[self.of_row])

    @property
    def used(self) -> tuple[Picture, ...]:
        """The pictures that may be drawn."""
        return tuple(self.pictures[place] for place in np.flatnonzero(self.is_used))

    @property
    def digest(self) -> str:
        """Hash of the pictures that may be drawn, 16 hex digits; their names and places do not matter."""
        return digest([[picture.sha256, picture.second] for picture in self.used])

    def apart_from(self, other: npt.NDArray[np.bool_], sha256: Collection[str]) -> "Pictures":
        """Return the pictures without those that are test photos or alike to one.

        Parameters
        ----------
        other : perceptual hashes of the photos to keep apart from, in all orientations: (m, 8, bits).
        sha256 : the hashes of their files, as `segmentation.data.coco.Photo` has them.

        Raises
        ------
        InputError
            Too few are left.
        """
        looks = alike(self.hashes[:, None], other.reshape(-1, other.shape[-1]))
        out = [picture.sha256 in sha256 or look for picture, look in zip(self.pictures, looks, strict=True)]
        names = [picture.name for picture, is_out in zip(self.pictures, out, strict=True) if is_out]
        left = {**self.left_out, **({OF_TEST: names} if names else {})}
        return _enough(replace(self, is_used=self.is_used & ~np.array(out, dtype=np.bool_), left_out=left))

    def line(self) -> str:
        """Return a line on how many there are, and what was left out and why."""
        counted = [f"{len(self.used)} unlabelled pictures"]
        for reason, names in self.left_out.items():
            counted.append(f"{len(names)} left out, {reason} ({first_of(names)})")
        return "; ".join(counted)


def gather(
    given: Sequence[Path],
    *,
    size: int,
    framing: Framing,
    cache: Path,
    on_file: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Return the pictures of photos, folders, zip archives and videos, from the cache or decoded into it.

    Parameters
    ----------
    given : photos, videos, and folders or archives of them.
    size : side of the square that the network sees, in pixels.
    framing : resize makes each whole picture a square; crop cuts random squares at the original scale.
    on_file : called with the number of files done, and of all.

    Raises
    ------
    InputError
        A path is absent, there are too few pictures, or the cache cannot be written.
    """
    known: dict[str, UnlabelledFile] = {}
    left_out: dict[str, list[str]] = {}
    for file in files.find(given, cache=cache, left_out=left_out):
        if known.setdefault(file.sha256, file) is not file:
            left_out.setdefault(DUPLICATE, []).append(file.name)
    squares = 1 if framing == "resize" else max(1, min(SQUARES, MOST_SQUARES // max(1, len(known))))
    contents = [known[sha256] for sha256 in sorted(known)]

    def folder() -> Path:
        return cache / f"unlabelled-{digest([_RECIPE, size, framing, squares, sorted(known)])}"

    def make(place: Path) -> Path:
        for sha256 in sorted(_store(contents, place, size, framing, squares, on_file)):
            left_out.setdefault(CHANGED, []).append(known.pop(sha256).name)
        return folder()  # of the files that did not change

    return _enough(_loaded(made_once(folder(), make), size, known, left_out))


def _enough(pictures: Pictures) -> Pictures:
    if len(pictures.used) < LEAST:
        raise InputError(
            f"`unlabelled`: too few pictures, {LEAST} are needed at least ({pictures.line()}); give more photos"
        )
    return pictures


def _loaded(
    folder: Path, size: int, known: Mapping[str, UnlabelledFile], left_out: Mapping[str, Sequence[str]]
) -> Pictures:
    """Read what `_store` wrote, under the names that the files have now."""
    index = read_json(folder / _INDEX)

    def named(sha256: str, second: float | None) -> Picture:
        at = "" if second is None else f"#{int(second) // 60}:{int(second) % 60:02d}"
        return Picture(sha256=sha256, second=second, name=f"{known[sha256].name}{at}")

    pictures = tuple(named(*row) for row in index["pictures"])
    sorted_out = {
        reason: [named(*row).name for row in rows] for reason, rows in sorted(index["left_out"].items()) if rows
    }
    both = {
        reason: [*left_out.get(reason, ()), *sorted_out.get(reason, ())] for reason in sorted({*left_out, *sorted_out})
    }
    return Pictures(
        images=decoded.mapped(folder / _PIXELS),
        of_row=np.array(index["of_row"], dtype=np.intp),
        pictures=pictures,
        hashes=from_hex(index["hashes"]),
        left_out=both,
        is_used=np.ones(len(pictures), dtype=np.bool_),
    )


def _store(
    found: Sequence[UnlabelledFile],
    folder: Path,
    size: int,
    framing: Framing,
    squares: int,
    on_file: Callable[[int, int], None] | None,
) -> set[str]:
    """Decode files into a new folder: pixels of all rows, and an index, written last.

    Return the hashes of the files that changed meanwhile, of which nothing is stored.
    """
    folder.mkdir()
    seen, bits = HashIndex(), list[str]()
    pictures: list[tuple[str, float | None]] = []
    left_out: dict[str, list[tuple[str, float | None]]] = {}
    with new_file(folder / _PIXELS) as stream:
        decoded.write_header(stream, (0, size, size, 3))  # how many come is known at the end
        for file, second, outcome in decoding.read(found, size, framing, squares, on_file):
            if outcome == CHANGED:
                while pictures and pictures[-1][0] == file.sha256:  # its frames, if it is a video
                    seen.drop_last()
                    bits.pop()
                    pictures.pop()
                    stream.seek(-squares * size * size * 3, os.SEEK_CUR)
            reason = outcome if isinstance(outcome, str) else DUPLICATE if seen.finds(outcome.hash[None]) else None
            if reason is not None or isinstance(outcome, str):
                left_out.setdefault(str(reason), []).append((file.sha256, second))
                continue
            seen.add(outcome.hash)
            bits.append(to_hex(outcome.hash))
            pictures.append((file.sha256, second))
            stream.write(outcome.rows.tobytes())
        stream.truncate()
        stream.seek(0)
        decoded.write_header(stream, (len(pictures) * squares, size, size, 3))
    changed = {sha256 for sha256, _ in left_out.pop(CHANGED, [])}
    index = {
        "pictures": pictures,
        "of_row": np.repeat(np.arange(len(pictures)), squares).tolist(),
        "hashes": "".join(bits),
        "left_out": {reason: [row for row in rows if row[0] not in changed] for reason, rows in left_out.items()},
    }
    write_json(folder / _INDEX, index)
    return changed
