"""Unlabelled pictures at the size that a network sees: decoded once, filtered, and kept in the cache.

Files are read a few at a time, and their pictures are written as they come, so that memory use does not grow with the
number of files. Pictures that are not photographs, or look like an earlier picture, are left out and counted.
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
from corrotwin.twin.core.text import counted, first_of

_RECIPE = 4  # increase when decoding, filtering or a reason changes, so that old caches are not used
LEAST = 8  # pictures; fewer do not show what photos look like
SQUARES = 8  # squares of each picture, if they are cut at the original scale
MOST_SQUARES = 20_000  # of all pictures together; if there are many, fewer of each, but at least one

DUPLICATE = "similar to another"
OF_TEST = "similar to a test photo or its spot"

_INDEX, _PIXELS = "index.json", "pictures.npy"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture: the hash of its file (`UnlabelledFile`), its second in a video (None: a photo), and a name to show."""

    sha256: str
    second: float | None
    name: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """Unlabelled pictures, with one row of pixels for each, or several rows (squares) for each in succession.

    `images` is (n, s, s, 3) uint8, `of_row` (n,) the index of the picture of each row, and `hashes` (pictures, bits)
    bool the upright perceptual hashes. `left_out` has the names of the pictures that were left out, by reason.
    """

    images: npt.NDArray[np.uint8]
    of_row: npt.NDArray[np.intp]
    pictures: tuple[Picture, ...]
    hashes: npt.NDArray[np.bool_]
    left_out: Mapping[str, Sequence[str]]
    is_used: npt.NDArray[np.bool_]
    """Whether each picture may be drawn, (pictures,)."""

    @property
    def rows(self) -> npt.NDArray[np.intp]:
        """The indices of the rows of `images` that may be drawn."""
        return np.flatnonzero(self.is_used[self.of_row])

    @property
    def used(self) -> tuple[Picture, ...]:
        """The pictures that may be drawn."""
        return tuple(self.pictures[place] for place in np.flatnonzero(self.is_used))

    @property
    def digest(self) -> str:
        """Hash of the pictures that may be drawn, 16 hex digits; it does not depend on their names or folders."""
        return digest([[picture.sha256, picture.second] for picture in self.used])

    def apart_from(self, other: npt.NDArray[np.bool_], sha256: Collection[str]) -> "Pictures":
        """Return the pictures except those that are test photos or look like one.

        Parameters
        ----------
        other : perceptual hashes of the photos to keep apart from, in all orientations, (m, 8, bits) bool.
        sha256 : the hashes of the files of these photos, as in `segmentation.data.coco.Photo`.

        Raises
        ------
        InputError
            Too few pictures remain.
        """
        is_alike_to_test = alike(self.hashes[:, None], other.reshape(-1, other.shape[-1]))
        of_test = [
            picture.sha256 in sha256 or is_alike
            for picture, is_alike in zip(self.pictures, is_alike_to_test, strict=True)
        ]
        names = [picture.name for picture, is_of_test in zip(self.pictures, of_test, strict=True) if is_of_test]
        left_out = {**self.left_out, **({OF_TEST: names} if names else {})}
        return _enough(replace(self, is_used=self.is_used & ~np.array(of_test, dtype=np.bool_), left_out=left_out))

    def line(self) -> str:
        """Return a line with the number of pictures, and with what was left out and why."""
        parts = [counted(len(self.used), "unlabelled picture")]
        for reason, names in self.left_out.items():
            parts.append(f"{len(names)} left out, {reason} ({first_of(names)})")
        return "; ".join(parts)


def gather(
    given: Sequence[Path],
    *,
    size: int,
    framing: Framing,
    cache: Path,
    on_file: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Return the pictures in photos, folders, zip archives and videos, read from the cache or decoded into it.

    Parameters
    ----------
    given : photos, videos, and folders or archives of them.
    size : side of the square that the network sees, in pixels.
    framing : resize makes each whole picture a square; crop cuts random squares at the original scale.
    on_file : called with the number of files done, and of all files.

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
    distinct_files = [known[sha256] for sha256 in sorted(known)]

    def folder() -> Path:
        return cache / f"unlabelled-{digest([_RECIPE, size, framing, squares, sorted(known)])}"

    def make(target: Path) -> Path:
        for sha256 in sorted(_store(distinct_files, target, size, framing, squares, on_file)):
            left_out.setdefault(CHANGED, []).append(known.pop(sha256).name)
        return folder()  # the name depends on the files, now without those that changed

    return _enough(_loaded(made_once(folder(), make), size, known, left_out))


def _enough(pictures: Pictures) -> Pictures:
    if len(pictures.used) < LEAST:
        raise InputError(
            f"`unlabelled`: too few pictures, at least {LEAST} are needed ({pictures.line()}); give more photos"
        )
    return pictures


def _loaded(
    folder: Path, size: int, known: Mapping[str, UnlabelledFile], left_out: Mapping[str, Sequence[str]]
) -> Pictures:
    """Read the folder that `_store` wrote; pictures are named after the current names of the files."""
    index = read_json(folder / _INDEX)

    def picture_of(sha256: str, second: float | None) -> Picture:
        time_mark = "" if second is None else f"#{int(second) // 60}:{int(second) % 60:02d}"
        return Picture(sha256=sha256, second=second, name=f"{known[sha256].name}{time_mark}")

    pictures = tuple(picture_of(*row) for row in index["pictures"])
    left_out_in_decoding = {
        reason: [picture_of(*row).name for row in rows] for reason, rows in sorted(index["left_out"].items()) if rows
    }
    all_left_out = {
        reason: [*left_out.get(reason, ()), *left_out_in_decoding.get(reason, ())]
        for reason in sorted({*left_out, *left_out_in_decoding})
    }
    return Pictures(
        images=decoded.mapped(folder / _PIXELS),
        of_row=np.array(index["of_row"], dtype=np.intp),
        pictures=pictures,
        hashes=from_hex(index["hashes"]),
        left_out=all_left_out,
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
    """Decode files into a new folder: the pixels of all rows, and an index, which is written last.

    Return the hashes of the files that changed meanwhile; nothing of these is stored.
    """
    folder.mkdir()
    hash_index, hex_hashes = HashIndex(), list[str]()
    pictures: list[tuple[str, float | None]] = []
    left_out: dict[str, list[tuple[str, float | None]]] = {}
    with new_file(folder / _PIXELS) as stream:
        decoded.write_header(stream, (0, size, size, 3))  # the number of rows is known only at the end
        for file, second, outcome in decoding.read(found, size, framing, squares, on_file):
            if outcome == CHANGED:
                while pictures and pictures[-1][0] == file.sha256:  # its frames, if it is a video
                    hash_index.drop_last()
                    hex_hashes.pop()
                    pictures.pop()
                    stream.seek(-squares * size * size * 3, os.SEEK_CUR)
            reason = (
                outcome if isinstance(outcome, str) else DUPLICATE if hash_index.finds(outcome.hash[None]) else None
            )
            if reason is not None or isinstance(outcome, str):
                left_out.setdefault(str(reason), []).append((file.sha256, second))
                continue
            hash_index.add(outcome.hash)
            hex_hashes.append(to_hex(outcome.hash))
            pictures.append((file.sha256, second))
            stream.write(outcome.rows.tobytes())
        stream.truncate()
        stream.seek(0)
        decoded.write_header(stream, (len(pictures) * squares, size, size, 3))
    changed = {sha256 for sha256, _ in left_out.pop(CHANGED, [])}
    index = {
        "pictures": pictures,
        "of_row": np.repeat(np.arange(len(pictures)), squares).tolist(),
        "hashes": "".join(hex_hashes),
        "left_out": {reason: [row for row in rows if row[0] not in changed] for reason, rows in left_out.items()},
    }
    write_json(folder / _INDEX, index)
    return changed
