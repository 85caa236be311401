"""Safe reading of NumPy's .npz files: headers are checked before any data is read, and pickles are refused."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

# Errors that zipfile, zlib and NumPy's reader of headers raise for damaged files.
_DAMAGED = (
    ArithmeticError, AttributeError, EOFError, KeyError, MemoryError, NotImplementedError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class DamagedError(Exception):
    """A file is not an .npz of plain arrays, lacks one of them, or is damaged; the message is short."""


def shape(source: IO[bytes], name: str) -> tuple[int, ...]:
    """Return the shape of the array `name`, reading only its header.

    Raises
    ------
    DamagedError
        The array is absent, or its header is invalid.
    """
    with _trouble(), zipfile.ZipFile(source) as archive, archive.open(f"{name}.npy") as stream:
        return _header(stream)[0]


def holds(source: IO[bytes], name: str) -> bool:
    """Return whether there is an array `name`.

    Raises
    ------
    DamagedError
        The file is not an .npz.
    """
    with _trouble(), zipfile.ZipFile(source) as archive:
        return f"{name}.npy" in archive.namelist()


def read(source: IO[bytes], most_bytes: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """Return arrays by name.

    Parameters
    ----------
    source : the .npz file.
    most_bytes : names of the arrays, and the greatest size of each in bytes.

    Raises
    ------
    DamagedError
        An array is absent, too large or truncated, or contains Python objects.
    """
    with _trouble(), zipfile.ZipFile(source) as archive:
        arrays = {}
        for name, limit in most_bytes.items():
            with archive.open(f"{name}.npy") as stream:
                shape, dtype, order = _header(stream)
                size = math.prod(shape) * dtype.itemsize
                if size > limit:
                    raise ValueError(f"{name} states {size} bytes, more than it can have")
                content = stream.read(size)
                if len(content) < size or stream.read(1):  # reading to the end compares the checksum
                    raise ValueError(f"{name} does not have the {size} bytes stated")
            arrays[name] = np.frombuffer(content, dtype).reshape(shape, order=order).copy()
        return arrays


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], Literal["C", "F"]]:
    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of .npy")
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = reader(stream)  # type: ignore[no-untyped-call]
    if dtype.hasobject or dtype.itemsize < 1 or min(shape, default=0) < 0:
        raise ValueError("Python objects or nothing, not a plain array")
    return shape, dtype, "F" if is_fortran else "C"


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise DamagedError(" ".join(str(error).split())[:100] or type(error).__name__) from error
