"""Decoding of unlabelled photos and videos: each picture at the size of a network, or the reason to leave it out."""

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
AT_ONCE = 32  # photos in memory at once
_FLAT_SIDE = 128  # side in pixels at which `FLAT` is measured

SMALL = f"smaller than {SMALLEST} pixels"
DRAWN = "drawings or blank pictures"
CUT_OFF = "videos that end early"
CHANGED = "removed or changed while they were read: repeat the command once they are complete"


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """The upright perceptual hash of a picture, (bits,), and its rows, (k, s, s, 3)."""

    hash: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.uint8]


Outcome = Decoded | str  # a string is the reason to leave the picture out


def read(
    found: Sequence[UnlabelledFile],
    size: int,
    framing: Framing,
    squares: int,
    on_file: Callable[[int, int], None] | None,
) -> Iterator[tuple[UnlabelledFile, float | None, Outcome]]:
    """Decode files a few at a time and yield the outcome of each photo and frame, in the order of the files.

    Parameters
    ----------
    found : photos and videos. If one is gone or has changed since it was hashed, its last outcome is `CHANGED`, and the
        frames yielded for it before must be discarded.
    size : side of the square that the network sees, in pixels.
    framing : resize makes each whole picture a square; crop cuts random squares at the original scale.
    squares : number of squares from each picture.
    on_file : called with the number of files done, and of all files.

    Yields
    ------
    The file, the second of the frame in its video (None for a photo or a whole video), and the outcome.
    """
    done = 0

    def outcome_of(file: UnlabelledFile) -> Outcome:
        outcome: Outcome = UNREADABLE
        with suppress(InputError):
            # A JPEG is decoded at a reduced size if only a small picture is kept, which is ten times as fast.
            least = None if framing == "crop" else max(2 * size, SMALLEST)
            outcome = _sorted(image_io.decoded(file.path, least_side=least), file, 0, size, framing, squares)
        return outcome if is_unchanged(file.path, file.content, is_read=outcome is not UNREADABLE) else CHANGED

    with ThreadPoolExecutor(available_cores()) as pool:
        for first in range(0, len(found), AT_ONCE):
            block = found[first : first + AT_ONCE]
            outcomes = pool.map(outcome_of, [file for file in block if not files.is_video(file.path)])
            for file in block:
                if files.is_video(file.path):
                    yield from _frames(file, size, framing, squares)
                else:
                    yield file, None, next(outcomes)
                done += 1
                if on_file is not None:
                    on_file(done, len(found))


def _frames(
    file: UnlabelledFile, size: int, framing: Framing, squares: int
) -> Iterator[tuple[UnlabelledFile, float | None, Outcome]]:
    """Yield the outcome of each frame of a video, and of the video itself if it cannot be read to its end."""
    number, reason = 0, ""
    try:
        for second, frame in video.frames(file.path):
            yield file, second, _sorted(frame, file, number, size, framing, squares)
            number += 1
    except InputError:
        reason = CUT_OFF if number else UNREADABLE
    if not is_unchanged(file.path, file.content, is_read=not reason):
        reason = CHANGED
    if reason:
        yield file, None, reason


def _sorted(
    image: npt.NDArray[np.uint8], file: UnlabelledFile, number: int, size: int, framing: Framing, squares: int
) -> Outcome:
    """Return the hash and the rows of a picture, or the reason to leave it out."""
    if min(image.shape[:2]) < SMALLEST:
        return SMALL
    small = decoded.resize_image(image, _FLAT_SIDE)
    if (small[:, 1:] == small[:, :-1]).all(axis=2).mean() > FLAT:
        return DRAWN
    if framing == "resize":
        rows = decoded.resize_image(image, size)[None]
    else:
        key = int(file.sha256[:8], 16)
        no_mask = np.zeros(image.shape[:2], np.uint8)
        crops = (
            crop(image, no_mask, size, generator(0, Stream.UNLABELLED_SQUARE, key, number, place), 0.0)[0]
            for place in range(squares)
        )
        rows = np.stack(list(crops))
    return Decoded(hash=hashes(image, turned=False)[0], rows=rows)
