"""Read and write files: the only module of the four packages that may do so, which a test enforces.

What may be opened is decided in `opening`. A folder on disk is whole or visibly unfinished: writes are atomic, and its
manifest comes last. Standard library only; every package may import it.
"""

import errno
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from corrotwin.twin.core import opening
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.opening import MOST_BYTES as MOST_BYTES
from corrotwin.twin.core.opening import below as below
from corrotwin.twin.core.opening import check_inside as check_inside
from corrotwin.twin.core.opening import checked as checked
from corrotwin.twin.core.opening import new_file as new_file
from corrotwin.twin.core.opening import open_file as open_file
from corrotwin.twin.core.opening import walk as walk
from corrotwin.twin.core.temporary import atomic_file as atomic_file
from corrotwin.twin.core.temporary import remove_left as remove_left
from corrotwin.twin.core.temporary import temporary_folder as temporary_folder

FORMAT_VERSION = 1
ROOM = "make room, then run the same command again"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # of a character beyond the first 65,536: Python would take it alone


@contextmanager
def writing(path: Path, advice: str = "") -> Iterator[None]:
    """Turn an operating system's error about writing `path` into one line (`InputError`) with advice."""
    try:
        yield
    except OSError as error:
        advice = advice or (ROOM if error.errno in _FULL else "choose another place, or make this one writable")
        raise InputError(f"{path}: cannot be written ({error.strerror}); {advice}") from error


@contextmanager
def reading(path: Path, advice: str = "check the path and its permissions") -> Iterator[None]:
    """Turn an operating system's error about reading `path` into one line (`InputError`) with advice."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {advice}") from error


def read_bytes(path: Path, *, inside: Path | None = None, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the content of a file; see `opening.open_file`.

    Raises
    ------
    OSError
        The file is absent, may not be read, or is refused; `strerror` says why.
    """
    with open_file(path, inside=inside, most_bytes=most_bytes) as stream:
        return stream.read()


def read_text(path: Path, *, errors: str = "strict", inside: Path | None = None, most_bytes: int = MOST_BYTES) -> str:
    """Return the text of a file in UTF-8; see `opening.open_file`.

    Raises
    ------
    OSError
        The file is absent, may not be read, or is refused; `strerror` says why.
    UnicodeDecodeError
        It is not in UTF-8.
    """
    with (
        open_file(path, inside=inside, most_bytes=most_bytes) as stream,
        io.TextIOWrapper(stream, encoding="utf-8", errors=errors) as text,
    ):
        return text.read()


def append(path: Path, lines: bytes, *, whole: int | None = None, of_lines: bool = True) -> None:
    """Append lines to a file, created if absent, and flush them to disk; if that fails, the file stays as it was.

    A link is refused: its target would change. A file with a second name (a hard link, as backups make) is replaced,
    so that the other name keeps its content.

    Parameters
    ----------
    path : the file.
    lines : lines, each with its line break.
    whole : bytes of the file to keep; the rest, the torn line of a killed writer, is removed. None keeps all. Lines
        begin on a line of their own.
    of_lines : False for a file of another kind, to which the bytes are added unchanged.

    Raises
    ------
    OSError
        The file is a link or no regular file, or cannot be written; `strerror` says why.
    """
    with os.fdopen(opening.open_in_place(path), "a+b", buffering=0) as stream:
        status = os.fstat(stream.fileno())
        whole = status.st_size if whole is None else whole
        if of_lines and whole and os.pread(stream.fileno(), 1, whole - 1) != b"\n":
            lines = b"\n" + lines
        if status.st_nlink > 1:
            stream.seek(0)
            with atomic_file(path) as copy:
                copy.write(stream.readall()[:whole] + lines)
            return
        try:
            stream.truncate(whole)
            while lines:
                lines = lines[stream.write(lines) :]
            os.fsync(stream.fileno())
        except BaseException:  # a full disk, Ctrl-C
            stream.truncate(whole)
            raise


def remove(path: Path, *, missing_ok: bool = False) -> None:
    """Remove a file or a link, never anything outside the folder of ours that it lies in.

    Raises
    ------
    OSError
        It cannot be removed, or a link leads out of that folder.
    """
    opening.check_claimed(path)
    path.unlink(missing_ok=missing_ok)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or make a copy of it where the file system cannot; `target` is replaced.

    Raises
    ------
    OSError
        The source cannot be read, or the target cannot be made.
    """
    remove(target, missing_ok=True)
    try:
        target.hardlink_to(source.resolve())
    except OSError:  # another file system
        with open_file(source) as content, new_file(target) as copy:
            shutil.copyfileobj(content, copy)


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
    """Return the value of a JSON text; ValueError if invalid, nested too deep, with a key twice or half a character."""
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    if _HALF.search(text):
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r:.60} appears twice")
    return value


def read_json(path: Path, *, inside: Path | None = None, most_bytes: int = MOST_BYTES) -> Any:
    """Read JSON from `path`; see `opening.open_file`.

    Raises
    ------
    InputError
        The file is missing, unreadable, refused or not JSON, or holds half a character, which no file could.
    """
    with reading(path):
        content = read_bytes(path, inside=inside, most_bytes=most_bytes)
    try:
        return parsed(content.decode("utf-8-sig"))  # some editors write a byte order mark
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); correct the file or make it again") from error


def can_name_a_file(name: str) -> bool:
    """Return True for a name that a file or folder can have here: printable, not hidden, at most 200 bytes."""
    is_plain = name.isprintable() and "/" not in name and not name.startswith(".")
    return is_plain and 0 < len(name.encode()) <= 200


def is_portable_name(name: str) -> bool:
    """Return True for a name of at most 100 characters that a file or folder can have on any system."""
    is_whole = name == name.strip() and not name.startswith("-") and not set(name) & set('\\:*?"<>|')
    return is_whole and len(name) <= 100 and can_name_a_file(name)


def digest(value: Any) -> str:
    """Return the SHA-256, 16 hex digits, of a JSON-able value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()[:16]


def write_manifest(folder: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write `folder/<kind>.json`, the file that makes a folder complete. Write it last."""
    write_json(folder / f"{kind}.json", {"format_version": FORMAT_VERSION, "kind": kind, **content})


def read_manifest(folder: Path, kind: str) -> dict[str, Any] | None:
    """Read `folder/<kind>.json`; None if it does not exist, that is, the folder is unfinished.

    Raises
    ------
    InputError
        The manifest is not JSON, is of another kind, or was written by a newer version.
    """
    path = folder / f"{kind}.json"
    if not path.exists():
        return None
    manifest = read_json(path, inside=folder)
    if not isinstance(manifest, dict) or manifest.get("kind") != kind:
        raise InputError(f"{path}: not a {kind} manifest; choose another folder")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path}: format_version {manifest.get('format_version')!r} is not {FORMAT_VERSION}; "
            "update the program or make the folder again"
        )
    return manifest


def check_writable(folder: Path) -> None:
    """Make a folder and try to write there, before the work that needs it.

    Raises
    ------
    OSError
        Nothing can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


def free_bytes(path: Path) -> int:
    """Return the free disk space, in bytes, where a file or folder lies or will lie."""
    folder = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.is_dir())
    return shutil.disk_usage(folder).free


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of those of `packages` that are installed."""
    installed = {"python": platform.python_version()}
    for name in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            installed[name] = importlib.metadata.version(name)
    return installed


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the differences of versions, such as "bpy 4.5.15, now 4.5.16", or "" for none.

    Entries that only one of the two has are ignored.
    """
    return ", ".join(
        f"{name} {before[name]}, now {now[name]}" for name in now if before.get(name, now[name]) != now[name]
    )


def other_version(begun_by: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Return a note if this machine has other versions than the program that began the work; else ""."""
    different = changes(begun_by, here)
    return f"{os.uname().nodename} has another version of the program ({different})" if different else ""
