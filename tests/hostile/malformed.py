"""What hostile cases are made of: files of any content, and the command that meets them."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import small_inputs
from PIL import Image

Line = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """How an input is made in a folder, the command that meets it, and what its one line on stderr must match.

    `status` is 2 unless the input is one of several and listed: then 1, and the list is on stdout or stderr.
    """

    make: Callable[[Path], Line]
    says: str
    status: int = 2


class Evil:
    """An object whose unpickling creates `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def edited(path: Path, change: Callable[[Any], object]) -> None:
    """Change the JSON in a file; what `change` returns takes its place unless that is None."""
    document = json.loads(path.read_text())
    changed = change(document)
    path.write_text(json.dumps(document if changed is None else changed))


def placed(*way: str | int, value: Any) -> Callable[[Any], None]:
    """A change that puts a value at a place of a document."""

    def change(document: Any) -> None:
        for key in way[:-1]:
            document = document[key]
        document[way[-1]] = value

    return change


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of a few bytes that announces any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, inside in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")):
        content += struct.pack(">I", len(inside)) + kind + inside + struct.pack(">I", zlib.crc32(kind + inside))
    return content


GIGAPIXELS = png(100_000, 100_000)


def npy(shape: tuple[int, ...], kind: str, content: bytes) -> bytes:
    """An .npy with any header."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def npz(path: Path, arrays: dict[str, bytes]) -> None:
    """An .npz of any .npy files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)


def pickled(folder: Path) -> bytes:
    """An .npy of one object whose unpickling creates the file `owned`."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([Evil(folder / "owned")], dtype=object), allow_pickle=True)
    return stream.getvalue()


def encoded(kind: str, mode: str = "RGB", cut: int | None = None) -> bytes:
    """A small picture of the size that the dataset states."""
    stream = io.BytesIO()
    Image.new(mode, (small_inputs.WIDTH, small_inputs.HEIGHT)).save(stream, kind)
    return stream.getvalue()[:cut]


def filed(name: str, content: Callable[[Path], bytes]) -> Callable[[Path], None]:
    """Another file in a folder."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes(content(folder))

    return change


def safetensors(header: dict[str, Any], content: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + content
