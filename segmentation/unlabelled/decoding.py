"""Decode unlabelled photos and videos, a few at a time: each picture at a network's size, or why it is left out."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.augmentation.crop import crop
from corrotwin.segmentation.config import Framing
from corrotwin.segmentation.data import decoded, image_io
from corrotwin.segmentation.data.archive import is_unchanged
from corrotwin.segmentation.data.perceptual_hash import hashes
from corrotwin.segmentation.sampling import Stream, generator
from corrotwin.segmentation.unlabelled import files, video
from corrotwin.segmentation.unlabelled.files import UNREADABLE, UnlabelledFile
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError

SMALLEST = 64  # pixels of the shorter side
FLAT = 0.6  # share of pixels equal to their right neighbour: photographs reach 0.27, drawings and logos 0.7 and more
AT_ONCE = 32  # photos in memory
_FLAT_SIDE = 128  # pixels, for `FLAT`

SMALL = f"smaller than {SMALLEST} pixels"
DRAWN = "drawn or empty"
CUT_OFF = "videos that end early"
CHANGED = "gone or changed while they were read: repeat the command when they are whole"


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """The upright perceptual hash of a picture, and its rows (k, s, s, 3)."""

    hash: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.uint8]


Outcome = Decoded | str  # a reason to leave it out


def read(
    found: Sequence[UnlabelledFile],
    size: int,
    framing: Framing,
    squares: int,
    on_file: Callable[[int, int], None] | None,
) -> Iterator[tuple[UnlabelledFile, float | None, Outcome]]:
    """Yield what becomes of each photo and of each frame, in the order of the files, with the frame's second.

    Parameters
    ----------
    found : photos and videos. Of one that has changed since it was hashed, or is gone, the last outcome is `CHANGED`;
        frames of it that came before are not to be kept.
    size : side of the square that the network sees, in pixels.
    framing : resize makes each whole picture a square; crop cuts random squares at the original scale.
    squares : their number for each picture.
    on_file : called with the number of files done, and of all.
    """
    done = 0

    def photo(file: UnlabelledFile) -> Outcome:
        outcome: Outcome = UNREADABLE
        with suppress(InputError):
            # JPEGs are decoded smaller where only a smaller picture is kept: ten times as fast.
            least = None if framing == "crop" else max(2 * size, SMALLEST)
            outcome = _sorted(image_io.decoded(file.path, least_side=least), file, 0, size, framing, squares)
        return outcome if is_unchanged(file.path, file.content, is_read=outcome is not UNREADABLE) else CHANGED

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
) -> Iterator[tuple[UnlabelledFile, float | None, Outcome]]:
    """Yield what becomes of each frame of a video, and of the video where it cannot be read to its end."""
    number, trouble = 0, ""
    try:
        for second, frame in video.frames(file.path):
            yield file, second, _sorted(frame, file, number, size, framing, squares)
            number += 1
    except InputError:
        trouble = CUT_OFF if number else UNREADABLE
    if not is_unchanged(file.path, file.content, is_read=not trouble):
        trouble = CHANGED
    if trouble:
        yield file, None, trouble


def _sorted(
    image: npt.NDArray[np.uint8], file: UnlabelledFile, number: int, size: int, framing: Framing, squares: int
) -> Outcome:
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
    return Decoded(hash=hashes(image, turned=False)[0], rows=rows)
