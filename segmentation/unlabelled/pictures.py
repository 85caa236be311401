"""Unlabelled pictures at the size that a network sees: decoded once, sorted out, kept in the cache.

Files are read a few at a time and written as they come, so that memory does not grow with their number. What is no
photograph, or alike to a picture that is there already, is left out and counted.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.augmentation.crop import crop
from corrotwin.segmentation.config import Framing
from corrotwin.segmentation.data import decoded, image_io
from corrotwin.segmentation.data.archive import check_unchanged, made_once
from corrotwin.segmentation.data.perceptual_hash import HashIndex, alike, from_hex, hashes, to_hex
from corrotwin.segmentation.sampling import Stream, generator
from corrotwin.segmentation.unlabelled import files, video
from corrotwin.segmentation.unlabelled.files import UnlabelledFile
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, new_file, read_json, write_json
from corrotwin.twin.core.text import first_of

_RECIPE = 3  # increase when decoding or sorting changes, so that old caches are not used
LEAST = 8  # pictures: fewer say nothing about what photos look like
SMALLEST = 64  # pixels of the shorter side
FLAT = 0.6  # share of pixels equal to their right neighbour: photographs reach 0.27, drawings and logos 0.7 and more
SQUARES = 8  # of each picture, where squares are cut at the original scale
MOST_SQUARES = 20_000  # of all; where pictures are many, fewer of each, but one
AT_ONCE = 32  # photos in memory
_FLAT_SIDE = 128  # pixels, for `FLAT`

DUPLICATE = "alike to another"
SMALL = f"smaller than {SMALLEST} pixels"
DRAWN = "drawn or empty"
UNREADABLE = "unreadable"
CUT_OFF = "videos that end early"
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
        A path is absent, a file changes or goes away meanwhile, there are too few pictures, or the cache cannot be
        written.
    """
    known: dict[str, UnlabelledFile] = {}
    left_out: dict[str, list[str]] = {}
    for file in files.find(given, cache=cache, left_out=left_out):
        if not file.sha256:
            left_out.setdefault(UNREADABLE, []).append(file.name)
        elif known.setdefault(file.sha256, file) is not file:
            left_out.setdefault(DUPLICATE, []).append(file.name)
    folder = cache / f"unlabelled-{digest([_RECIPE, size, framing, sorted(known)])}"
    contents = [known[sha256] for sha256 in sorted(known)]
    made_once(folder, lambda place: _store(contents, place, size, framing, on_file))
    return _enough(_loaded(folder, size, known, left_out))


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
    on_file: Callable[[int, int], None] | None,
) -> None:
    """Decode files into a new folder: pixels of all rows, and an index, written last."""
    folder.mkdir()
    squares = 1 if framing == "resize" else max(1, min(SQUARES, MOST_SQUARES // max(1, len(found))))
    seen, bits = HashIndex(), list[str]()
    pictures: list[tuple[str, float | None]] = []
    of_row: list[int] = []
    left_out: dict[str, list[tuple[str, float | None]]] = {}
    with new_file(folder / _PIXELS) as stream:
        decoded.write_header(stream, (0, size, size, 3))  # how many come is known at the end
        for file, second, outcome in _read(found, size, framing, squares, on_file):
            reason = outcome if isinstance(outcome, str) else DUPLICATE if seen.finds(outcome.hash[None]) else None
            if reason is not None or isinstance(outcome, str):
                left_out.setdefault(str(reason), []).append((file.sha256, second))
                continue
            seen.add(outcome.hash)
            bits.append(to_hex(outcome.hash))
            of_row += [len(pictures)] * len(outcome.rows)
            pictures.append((file.sha256, second))
            stream.write(outcome.rows.tobytes())
        stream.seek(0)
        decoded.write_header(stream, (len(of_row), size, size, 3))
    index = {"pictures": pictures, "of_row": of_row, "hashes": "".join(bits), "left_out": left_out}
    write_json(folder / _INDEX, index)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Decoded:
    """The upright perceptual hash of a picture, and its rows (k, s, s, 3)."""

    hash: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.uint8]


_Outcome = _Decoded | str  # a reason to leave it out


def _read(
    found: Sequence[UnlabelledFile],
    size: int,
    framing: Framing,
    squares: int,
    on_file: Callable[[int, int], None] | None,
) -> Iterator[tuple[UnlabelledFile, float | None, _Outcome]]:
    """Yield what becomes of each photo and of each frame, in the order of the files."""
    done = 0

    def photo(file: UnlabelledFile) -> _Outcome:
        try:
            # JPEGs are decoded smaller where only a smaller picture is kept: ten times as fast.
            least = None if framing == "crop" else max(2 * size, SMALLEST)
            return _sorted(image_io.decoded(file.path, least_side=least), file, 0, size, framing, squares)
        except InputError:
            check_unchanged(file.path, file.sha256)
            return UNREADABLE

    with ThreadPoolExecutor(available_cores()) as pool:
        for first in range(0, len(found), AT_ONCE):
            block = found[first : first + AT_ONCE]
            read = pool.map(photo, [file for file in block if not files.is_video(file.path)])
            for file in block:
                if files.is_video(file.path):
                    yield from _frames(file, size, framing, squares)
                else:
                    yield file, None, next(read)
                done += 1
                if on_file is not None:
                    on_file(done, len(found))


def _frames(
    file: UnlabelledFile, size: int, framing: Framing, squares: int
) -> Iterator[tuple[UnlabelledFile, float | None, _Outcome]]:
    """Yield what becomes of each frame of a video, and of the video where it cannot be read to its end."""
    number = 0
    try:
        for second, frame in video.frames(file.path):
            yield file, second, _sorted(frame, file, number, size, framing, squares)
            number += 1
    except InputError:
        check_unchanged(file.path, file.sha256)
        yield file, None, CUT_OFF if number else UNREADABLE


def _sorted(
    image: npt.NDArray[np.uint8], file: UnlabelledFile, number: int, size: int, framing: Framing, squares: int
) -> _Outcome:
    """Return a picture's hash and rows, or why it is left out."""
    if min(image.shape[:2]) < SMALLEST:
        return SMALL
    small = decoded.resize_image(image, _FLAT_SIDE)
    if (small[:, 1:] == small[:, :-1]).all(axis=2).mean() > FLAT:
        return DRAWN
    if framing == "resize":
        rows = decoded.resize_image(image, size)[None]
    else:
        key = int(file.sha256[:8], 16)
        none = np.zeros(image.shape[:2], np.uint8)
        drawn = (
            crop(image, none, size, generator(0, Stream.UNLABELLED_SQUARE, key, number, place), 0.0)[0]
            for place in range(squares)
        )
        rows = np.stack(list(drawn))
    return _Decoded(hash=hashes(image, turned=False)[0], rows=rows)
