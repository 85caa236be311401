"""Reading of untrusted image files: size and hash without decoding, pixels, and PNG masks."""

import hashlib
import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import open_file, read_bytes

# Pillow would also pass EPS to Ghostscript, an interpreter, and reads dozens of formats that hold no photographs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# Transposition that makes a picture upright, by its EXIF orientation (EXIF 2.32, tag 274).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_QUARTER_TURNS = tuple(_UPRIGHT[orientation] for orientation in (5, 6, 7, 8))  # swap width and height

_SUBFILE = 254  # TIFF tag of a page; bit 0 marks a smaller copy of another page (TIFF 6.0)
_PNG_DEPTH = 24  # offset of the bits per channel in a PNG file (ISO/IEC 15948, 11.2.2)

# Exceptions of PIL for broken, hostile or exotic files.
_UNREADABLE = (
    OSError, ValueError, SyntaxError, EOFError, struct.error, OverflowError, MemoryError,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


class _Filters:
    """Warning filters, which belong to the whole process, set while any thread reads an image."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("error", Image.DecompressionBombWarning)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)


_filters = _Filters()


@contextmanager
def _trouble(path: Path, what: str) -> Iterator[None]:
    """Turn the exceptions of PIL into an InputError; refuse oversized headers and ignore odd metadata."""
    try:
        with _filters:
            yield
    except InputError:  # already explains itself
        raise
    except _UNREADABLE as error:
        # UnidentifiedImageError is an OSError whose text names an object.
        reason = "no known image format" if isinstance(error, UnidentifiedImageError) else str(error)
        reason = (isinstance(error, OSError) and error.strerror) or reason
        raise InputError(f"{path}: {what} ({reason or type(error).__name__}); replace the file") from error


def header(path: Path, *, inside: Path | None = None) -> tuple[tuple[int, int], str]:
    """Return the size (width, height), upright by EXIF orientation, and SHA-256 of an image file; do not decode it.

    `inside` is the folder that the file belongs to: a link that leads out of it is refused.

    Raises
    ------
    InputError
        The file is not an image, or has more than `PIL.Image.MAX_IMAGE_PIXELS` (89 million) pixels.
    """
    with _trouble(path, "not a readable image"):
        content = read_bytes(path, inside=inside)
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            size = picture.size
            if _turn(picture) in _QUARTER_TURNS:
                size = size[::-1]
    return size, hashlib.sha256(content).hexdigest()


def size(path: Path) -> tuple[int, int]:
    """Return width and height of an image file, upright by EXIF orientation, from its header alone.

    Raises
    ------
    InputError
        See `header`.
    """
    with (
        _trouble(path, "not a readable image"),
        open_file(path) as stream,
        Image.open(stream, formats=FORMATS) as picture,
    ):
        width, height = picture.size
        return (height, width) if _turn(picture) in _QUARTER_TURNS else (width, height)


def kind(path: Path) -> str | None:
    """Return the format of an image file by its content, one of `FORMATS`; None if the file cannot be read."""
    try:
        with (
            _trouble(path, "not a readable image"),
            open_file(path) as stream,
            Image.open(stream, formats=FORMATS) as picture,
        ):
            return picture.format
    except InputError:
        return None


def holds_more(path: Path) -> bool:
    """Return True if an image file has pictures after the first, the only one read; False if it cannot be read.

    Further pictures of a JPEG do not count, since they show the first in other brightness or depth; nor do pages of a
    TIFF that are smaller copies.
    """
    try:
        with (
            _trouble(path, "not a readable image"),
            open_file(path) as stream,
            Image.open(stream, formats=FORMATS) as picture,
        ):
            if not isinstance(picture, TiffImagePlugin.TiffImageFile):
                return picture.format != "MPO" and getattr(picture, "is_animated", False)
            for page in range(1, picture.n_frames):
                picture.seek(page)
                if not picture.tag_v2.get(_SUBFILE, 0) & 1:
                    return True
    except InputError:
        pass
    return False


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """Return the transposition that turns a picture, not loaded yet, upright as browsers show it; None if none is due.

    Browsers turn JPEG and PNG if EXIF comes before the pixels. They do not turn WebP, and ignore XMP, which Pillow's
    `getexif` reads, too. They do not show TIFF, which Pillow turns itself.
    """
    if picture.format in ("TIFF", "WEBP"):
        return None
    exif = Image.Exif()
    exif.load(picture.info.get("exif", b""))
    return _UPRIGHT.get(exif.get(ExifTags.Base.Orientation, 1))


def _upright(picture: Image.Image) -> Image.Image:
    """Decode a picture and make it upright by its EXIF orientation."""
    turn = _turn(picture)  # before loading, which adds EXIF from behind the pixels of a PNG
    picture.load()
    return picture if turn is None else picture.transpose(turn)


def decoded(path: Path, *, inside: Path | None = None, least_side: int | None = None) -> npt.NDArray[np.uint8]:
    """Decode an image file to (height, width, 3) uint8 RGB, upright by its EXIF orientation.

    Grey, palette and CMYK images become RGB, transparency is dropped, 16 bits become the upper 8.

    Parameters
    ----------
    inside : as for `header`.
    least_side : decode a JPEG at an eighth, a quarter or half of its size if no side then falls below this many pixels;
        None: at full size.

    Raises
    ------
    InputError
        The file is truncated, damaged, or in a pixel format that photographs do not have.
    """
    # From memory: Pillow maps the file of an uncompressed TIFF, and then garbles it if it has to be turned.
    with (
        _trouble(path, "cannot be decoded"),
        Image.open(io.BytesIO(content := read_bytes(path, inside=inside)), formats=FORMATS) as opened,
    ):
        if opened.format in ("JPEG", "MPO"):  # MPO, from phones, has further pictures after the first
            _check_jpeg(content)
            if least_side is not None:
                opened.draft(None, (least_side, least_side))
        picture = _upright(opened)
        if picture.mode.startswith("I"):  # 16-bit grey, which some formats report as "I"
            picture = Image.fromarray((np.asarray(picture).clip(0, 65535) >> 8).astype(np.uint8))
        elif picture.mode == "F":
            raise InputError(f"{path}: floating-point pixels; convert the image to 8 bits")
        elif picture.mode == "P":  # through RGBA, since a palette may have transparent entries
            picture = picture.convert("RGBA")
        return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def decoded_deep(path: Path) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Decode an image file as `decoded` does, but 16-bit grey to (height, width) uint16.

    Raises
    ------
    InputError
        See `decoded`.
    """
    with _trouble(path, "cannot be decoded"), Image.open(io.BytesIO(read_bytes(path)), formats=FORMATS) as opened:
        if opened.mode.startswith("I;16"):
            return np.asarray(_upright(opened), np.uint16)
    return decoded(path)


def _check_jpeg(content: bytes) -> None:
    """Raise ValueError if libjpeg reports damage, which Pillow ignores and turns into garbled pixels."""
    import simplejpeg

    simplejpeg.decode_jpeg(content, colorspace="GRAY", strict=True)


def decoded_mask(path: Path, *, inside: Path | None = None) -> npt.NDArray[np.bool_]:
    """Decode a PNG mask to (height, width) bool, true where the value is above 0, upright by its EXIF orientation.

    The mask may have one channel of 1, 2, 4, 8 or 16 bits, a palette (whose indices are the values), or 8-bit grey
    stored as RGB. `inside` is as for `header`.

    Raises
    ------
    InputError
        The file is damaged or not a PNG; or it is in colour or has transparency, so that corrosion is not defined; or
        it is 16-bit RGB, of which Pillow would drop the lower 8 bits.
    """
    with (
        _trouble(path, "not a readable mask"),
        Image.open(io.BytesIO(content := read_bytes(path, inside=inside)), formats=["PNG"]) as opened,
    ):
        picture = _upright(opened)
        values = np.asarray(picture)
    if picture.mode in ("1", "L", "P") or picture.mode.startswith("I"):
        return values > 0
    is_deep = content[_PNG_DEPTH] == 16
    if picture.mode == "RGB" and not is_deep and (values == values[..., :1]).all():
        return np.asarray(values[..., 0] > 0)
    fault = "with transparency" if picture.mode != "RGB" else "in RGB of 16 bits" if is_deep else "in colour"
    raise InputError(f"{path}: a mask {fault}; save it with one channel: 0 is clean, any other value is corrosion")
