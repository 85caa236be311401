"""Safe reading of NumPy's .npz files: headers are checked before any data is read; never a pickle."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

# What zipfile, zlib and NumPy's reader of headers raise on damaged files.
_DAMAGED = (
    ArithmeticError, AttributeError, EOFError, KeyError, MemoryError, NotImplementedError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class DamagedError(Exception):
    """A file is not an .npz of plain arrays, lacks one of them, or is damaged; the message is short."""


def shape(source: IO[bytes], name: str) -> tuple[int, ...]:
    """Return the shape of the array of this name, reading its header only.

    Raises
    ------
    DamagedError
        The array is absent, or its header is invalid.
    """
    with _trouble(), zipfile.ZipFile(source) as archive, archive.open(f"{name}.npy") as stream:
        return _header(stream)[0]


def holds(source: IO[bytes], name: str) -> bool:
    """Return whether there is an array of this name.

    Raises
    ------
    DamagedError
        The file is no .npz.
    """
    with _trouble(), zipfile.ZipFile(source) as archive:
        return f"{name}.npy" in archive.namelist()


def read(source: IO[bytes], most_bytes: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """Return the arrays of these names, each of at most the given number of bytes.

    Raises
    ------
    DamagedError
        An array is absent, too large, of Python objects, or truncated.
    """
    with _trouble(), zipfile.ZipFile(source) as archive:
        arrays = {}
        for name, most in most_bytes.items():
            with archive.open(f"{name}.npy") as stream:
                shape, kind, order = _header(stream)
                size = math.prod(shape) * kind.itemsize
                if size > most:
                    raise ValueError(f"{name} announces {size} bytes, more than it can have")
                content = stream.read(size)
                if len(content) < size or stream.read(1):  # at the end its checksum is compared
                    raise ValueError(f"{name} is not of the {size} bytes announced")
            arrays[name] = np.frombuffer(content, kind).reshape(shape, order=order).copy()
        return arrays


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], Literal["C", "F"]]:
    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of .npy")
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, in_columns, kind = reader(stream)  # type: ignore[no-untyped-call]
    if kind.hasobject or kind.itemsize < 1 or min(shape, default=0) < 0:
        raise ValueError("Python objects or nothing at all, no plain array")
    return shape, kind, "F" if in_columns else "C"


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise DamagedError(" ".join(str(error).split())[:100] or type(error).__name__) from error
