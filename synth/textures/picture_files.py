"""Readers of the user's pictures: JPEG, PNG, OpenEXR and HDR files of limited size, whose headers are checked first."""

import os
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes, reading

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # weights of linear sRGB (IEC 61966-2-1)
MOST_PIXELS = 8192**2  # most pixels of a picture
MOST_FILES = 4000  # most files of which size and digest are cached
_EXR = b"\x76\x2f\x31\x01"
_STARTS = {
    ".jpg": (b"\xff\xd8\xff",), ".jpeg": (b"\xff\xd8\xff",), ".png": (b"\x89PNG\r\n\x1a\n",), ".exr": (_EXR,)
}  # fmt: skip
_HDR_SIZE = re.compile(rb"-Y *(\d{1,9}) *\+X *(\d{1,9})\n")  # after the first empty line (Radiance, file formats)
_SEVERAL_PARTS, _DEEP = 0x1000, 0x800  # flags of an OpenEXR file's version (openexr.com, file layout)


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """Width and height of a picture when upright, in pixels, and the digest of its file."""

    size: tuple[int, int]
    digest: str


def examined(path: Path) -> PictureFile:
    """Return size and digest of a picture without decoding it, cached until the file changes.

    Raises
    ------
    InputError
        The file cannot be read, is not a picture of the format in its name, or has more than `MOST_PIXELS` pixels.
    """
    with reading(path):
        modified_ns = path.stat().st_mtime_ns
    return _examined(path, modified_ns)


@lru_cache(maxsize=MOST_FILES)
def _examined(path: Path, _: int) -> PictureFile:
    with reading(path):
        content = read_bytes(path)
    suffix = path.suffix.lower()
    if not content.startswith(_STARTS[suffix]):
        raise InputError(f"{path}: is not {suffix[1:].upper()} despite its name; convert it")
    size = _exr_size(path, content) if suffix == ".exr" else coco.header(path)[0]
    _check_size(path, size)
    return PictureFile(size=size, digest=sha256(content).hexdigest()[:16])


def in_color(path: Path, most_side: int) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG to (H, W, 3) sRGB, upright by its EXIF orientation, its longer side at most `most_side`.

    Raises
    ------
    InputError
        The picture is damaged.
    """
    return np.asarray(_reduced(coco.decoded(path), most_side), np.uint8)


def in_numbers(path: Path, most_side: int) -> NDArray[np.float32]:
    """Decode a picture of numbers to (H, W, 3) float32, its longer side at most `most_side`.

    Values of JPEG and PNG become shares of full scale; 16-bit grey keeps its precision. Values of an EXR file are kept,
    except that those that are not finite become 0. Grey pictures get three equal channels.

    Raises
    ------
    InputError
        The picture is damaged.
    """
    pixels = _exr(path) if path.suffix.lower() == ".exr" else coco.decoded_deep(path)
    full = np.float32(1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max)
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        pixels = np.broadcast_to(pixels.reshape(*pixels.shape[:2], -1)[..., :1], (*pixels.shape[:2], 3))
    channels = [_reduced(pixels[..., channel].astype(np.float32), most_side) for channel in range(3)]
    return np.asarray(np.stack(channels, axis=-1) / full, np.float32)


def check_picture(path: Path) -> None:
    """Decode a JPEG or PNG; raise InputError if it is damaged."""
    coco.decoded(path)


def check_light(path: Path) -> None:
    """Decode a light map, EXR or HDR; raise InputError if it is damaged, too large or black."""
    with reading(path):
        content = read_bytes(path)
    pixels: NDArray[Any] | None = None
    if path.suffix.lower() == ".exr":
        _check_size(path, _exr_size(path, content))
        pixels = _exr(path)
    elif size := _HDR_SIZE.match(content.partition(b"\n\n")[2]):
        _check_size(path, (int(size[2]), int(size[1])))
        try:
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            pixels = None
    if pixels is None or not np.isfinite(pixels).all() or not (pixels > 0).any():
        raise InputError(f"{path}: cannot be decoded, or is black; save it again")


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise InputError(f"{path}: {size[0]} x {size[1]} pixels; give at most {MOST_PIXELS} pixels, 8192 x 8192")


def linear(encoded: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return 8-bit sRGB of any shape as linear light in [0, 1] (IEC 61966-2-1)."""
    share = np.arange(256) / 255
    table = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(table.astype(np.float32)[encoded])


def _exr(path: Path) -> NDArray[Any]:
    """Decode an OpenEXR file to (H, W) or (H, W, channels) float32, red first."""
    os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"  # OpenCV reads it when it decodes its first such file
    with reading(path):
        content = read_bytes(path)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{path}: cannot be decoded; save it as PNG")
    pixels = np.nan_to_num(pixels.astype(np.float32, copy=False), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(pixels if pixels.ndim == 2 else pixels[..., 2::-1])


def _reduced(pixels: NDArray[Any], most_side: int) -> NDArray[Any]:
    """Return a picture reduced until its longer side is at most `most_side`."""
    height, width = pixels.shape[:2]
    share = most_side / max(height, width)
    if share >= 1:
        return pixels
    small = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels), small, interpolation=cv2.INTER_AREA))


def _exr_size(path: Path, content: bytes) -> tuple[int, int]:
    """Return width and height of the data window in an OpenEXR file's header."""
    damaged = InputError(f"{path}: damaged; replace the file or save it as PNG")
    if int.from_bytes(content[4:8], "little") & (_SEVERAL_PARTS | _DEEP):
        raise InputError(f"{path}: an EXR with several parts or deep data; save it as one flat picture")
    try:
        offset, attributes = 8, {}
        while content[offset] != 0:
            name, kind, _ = content[offset : offset + 600].split(b"\0", 2)
            offset += len(name) + len(kind) + 2
            (length,) = struct.unpack_from("<i", content, offset)
            if not 0 <= length <= len(content):
                raise damaged
            attributes[name] = content[offset + 4 : offset + 4 + length]
            offset += 4 + length
        left, top, right, bottom = struct.unpack("<4i", attributes[b"dataWindow"])
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise damaged from error
    size = right - left + 1, bottom - top + 1
    if min(size) < 1:
        raise damaged
    return size
