"""Frames of video files, one per second."""

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data.archive import CHANGED, ChangedError, Hashed, hashed, is_unchanged, made_once
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import new_file, open_file, read_json, reading, write_json

SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".wmv", ".3gp",
})  # fmt: skip
INTERVAL_SECONDS = 1.0  # suits a walk of 1 m/s past a pipe in frames 1 to 2 m wide; similar frames are dropped
FRAME_RATE = 25.0  # frames per second, for files that state no rate
# First bytes of lists of other files or addresses, which FFmpeg would open to get frames.
_LISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"[playlist", b"<MPD", b"<smil")
_RECIPE = 3  # increase when decoding or the choice of frames changes, so that old caches are not used
_QUALITY = 95  # JPEG quality of the frames in the cache
_TROUBLE = "trouble.json"
_ROUNDING = 1e-9  # seconds by which the time of a frame may fall short of a whole second
_MOST_BOXES = 100  # boxes of an MP4 among which its header is searched for
_MOST_BYTES = 1024**4  # size of a video, which is read piece by piece


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The frames of a video as JPEG files named after their time, and what is wrong with the video ("" if nothing)."""

    frames: tuple[Path, ...]
    trouble: str


def kept(path: Path, *, cache: Path) -> Kept:
    """Return the frames of a video as files in the cache; decode the video if they are not there.

    If the video disappears or changes meanwhile, there are no frames, and the next call decodes it again.

    Raises
    ------
    InputError
        The file cannot be read, or the cache cannot be written.
    """
    content = hashed(path)
    folder = cache / f"frames-{_RECIPE}-{content.sha256[:32]}"
    try:
        made_once(folder, partial(_keep, path, content))
    except ChangedError:
        return Kept(frames=(), trouble=CHANGED)
    trouble = read_json(folder / _TROUBLE)
    return Kept(frames=tuple(sorted(folder.glob("*.jpg"))), trouble=str(trouble))


def _keep(path: Path, content: Hashed, folder: Path) -> None:
    """Write the frames of a video, and a note of what is wrong with it, to a new folder."""
    from PIL import Image

    folder.mkdir()
    trouble = ""
    try:
        for second, frame in frames(path):
            minutes, seconds = divmod(int(second + _ROUNDING), 60)
            with new_file(folder / f"{minutes:04d}m{seconds:02d}s.jpg") as stream:
                Image.fromarray(frame).save(stream, "JPEG", quality=_QUALITY)
    except InputError as error:
        trouble = str(error).removeprefix(f"{path}: ")
    if not is_unchanged(path, content, is_read=not trouble):
        raise ChangedError(path)
    write_json(folder / _TROUBLE, trouble)


def frames(path: Path) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Yield one frame of a video file every `INTERVAL_SECONDS`, upright, with its time.

    Yields
    ------
    Seconds from the start, and (height, width, 3) uint8 RGB.

    Raises
    ------
    InputError
        The file cannot be read, is not a video, or is cut off; frames that were yielded before are good.
    """
    check(path)
    capture = _opened(path)
    try:
        yield from _taken(capture, path)
    finally:
        capture.release()


def check(path: Path) -> None:
    """Raise InputError if a file is a list of other files, whatever its name.

    Raises
    ------
    InputError
        The file is such a list, or cannot be read.
    """
    with reading(path), open_file(path, most_bytes=_MOST_BYTES) as stream:
        start = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(_LISTS):
        raise InputError(f"{path}: a list of other files, not a video; give the video itself")


def _opened(path: Path) -> Any:
    """Return OpenCV's reader of a video, with the messages of FFmpeg silenced."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet
    import cv2

    former_level = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    finally:
        cv2.setLogLevel(former_level)
    if not capture.isOpened():
        raise InputError(f"{path}: not a video that FFmpeg reads; convert it to MP4, or remove it")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # phones store portrait videos on their side
    return capture


def _taken(capture: Any, path: Path) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Yield the second and the RGB image (h, w, 3) of the first frame in each interval of `INTERVAL_SECONDS`."""
    import cv2

    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if math.isfinite(rate) and 0 < rate < 1000 else FRAME_RATE
    announced = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    number, next_second = 0, 0.0
    seconds = -1 / rate
    while capture.grab():
        number += 1
        timestamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        seconds = timestamp if timestamp > seconds else seconds + 1 / rate  # some have no times, or times that restart
        if seconds + _ROUNDING < next_second:
            continue
        is_decoded, frame = capture.retrieve()
        if not is_decoded or frame is None:
            break
        next_second = (seconds + _ROUNDING) // INTERVAL_SECONDS * INTERVAL_SECONDS + INTERVAL_SECONDS
        yield seconds, np.ascontiguousarray(frame[..., ::-1])
    if not number:
        raise InputError(f"{path}: no frame can be decoded; record or convert it again")
    end, expected_end = seconds + 1 / rate, min(announced / rate, _shown_seconds(path))
    # Both are estimates: a trimmed video has hidden frames, and a video of variable rate has no single rate.
    lacks_frames = math.isfinite(announced) and announced - number > max(rate, 0.02 * announced)
    if lacks_frames and expected_end - end > max(1.0, 0.02 * expected_end):
        raise InputError(f"{path}: ends after {end:.0f} of {expected_end:.0f} s; copy the file again")


def _shown_seconds(path: Path) -> float:
    """Return the duration in the header of an MP4 or MOV (ISO 14496-12: `mvhd`, first in `moov`), inf if unknown.

    Trimmed parts of a video may remain in the file, hidden by an edit list; FFmpeg counts their frames, too.
    """
    with reading(path), open_file(path, most_bytes=_MOST_BYTES) as stream:
        start = 0
        for _ in range(_MOST_BOXES):
            stream.seek(min(start, _MOST_BYTES))
            head, header = stream.read(16), stream.read(32)
            if len(header) < 32:
                break
            size, kind, size_of_large = struct.unpack(">I4sQ", head)
            if kind == b"moov":
                layout, times = (">IQ", header[20:]) if header[0] else (">II", header[12:20])
                scale, count = struct.unpack(layout, times)
                return count / scale if head.endswith(b"mvhd") and scale and count else math.inf
            start += size_of_large if size == 1 else size
    return math.inf
