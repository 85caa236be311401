"""Folders on disk that are whole or visibly unfinished: atomic writes, manifests, one holder at a time.

Standard library only; every package may import it.
"""

import fcntl
import glob
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from corrotwin.twin.core.errors import InputError

FORMAT_VERSION = 1
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # of a character beyond the first 65,536: Python would take it alone


@contextmanager
def writing(path: Path, advice: str = "make room, then run the same command again") -> Iterator[None]:
    """Turn what an operating system says when `path` cannot be written into one line (`InputError`) with advice."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); {advice}") from error


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing and rename it to `path` when the block ends well.

    A reader sees the old content or the new, never a part; after an exception the old content stays. The data reach
    the disk (fsync) before the name does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = _temporary(path)
    try:
        os.fchmod(descriptor, 0o666 & ~_umask())
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            Path(temporary).replace(path)  # while it is locked
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _temporary(path: Path) -> tuple[int, str]:
    """A new file beside `path`, open and locked: `remove_left` leaves it alone while we live."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with suppress(OSError):  # no locks here; then nobody takes what is left for dead
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if Path(name).exists():  # else it was taken for dead before it was locked
            return descriptor, name
        os.close(descriptor)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path` for the length of the block, locked: `remove_left` leaves it alone while we live."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # it was taken for dead
            continue
        try:
            with suppress(OSError):  # no locks here; then nobody takes what is left for dead
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():  # else it was taken for dead before it was locked
                yield folder
                return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process of this machine at a time into the block; others wait. `path` is a file of the block's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a") as stream:
            with suppress(OSError):  # no locks here; then nobody waits
                fcntl.flock(stream, fcntl.LOCK_EX)
            try:
                if not os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                    continue
            except FileNotFoundError:  # whoever had it removed it
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def remove_left(path: Path) -> None:
    """Remove the temporary files and folders of `path` whose writers were killed: those that nobody has locked.

    For what lies in no folder that `hold` tidies: a single file, the cache.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
            finally:
                os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_file(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, atomically. NaN and infinity are refused (ValueError)."""
    with atomic_file(path) as stream:
        for piece in json.JSONEncoder(indent=2, allow_nan=False).iterencode(value):  # a large text is never held whole
            stream.write(piece.encode())
        stream.write(b"\n")


def parsed(text: str) -> Any:
    """The value of a JSON text; ValueError where it is none, is nested too deep, or holds half a character."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    if _HALF.search(text):
        json.dumps(value, ensure_ascii=False).encode()
    return value


def read_json(path: Path) -> Any:
    """Read JSON from `path`.

    Raises
    ------
    InputError
        The file is missing, unreadable or not JSON, or holds half a character, which no file could.
    """
    try:
        return parsed(path.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and who may read it") from error
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); mend the file or make it again") from error


def digest(value: Any) -> str:
    """SHA-256, 16 hex digits, of a JSON-able value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()[:16]


def write_manifest(folder: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write `folder/<kind>.json`, the file that makes a folder complete. Write it last."""
    write_json(folder / f"{kind}.json", {"format_version": FORMAT_VERSION, "kind": kind, **content})


def read_manifest(folder: Path, kind: str) -> dict[str, Any] | None:
    """Read `folder/<kind>.json`; None where there is none, which says that the folder is unfinished.

    Raises
    ------
    InputError
        The manifest is not JSON, is of another kind, or was written by a newer version.
    """
    path = folder / f"{kind}.json"
    if not path.exists():
        return None
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("kind") != kind:
        raise InputError(f"{path}: not a {kind} manifest; choose another folder")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path}: format_version {manifest.get('format_version')!r} is not {FORMAT_VERSION}; "
            "update the program or make the folder again"
        )
    return manifest


def free_bytes(path: Path) -> int:
    """Free disk where a file or folder lies or will lie."""
    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.is_dir())
    return shutil.disk_usage(there).free


def versions(*packages: str) -> dict[str, str]:
    """Python and those of `packages` that are installed, with their versions."""
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
