"""Folders on disk that are whole or visibly unfinished: atomic writes, manifests, one holder at a time.

Standard library only; every package may import it.
"""

import fcntl
import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

FORMAT_VERSION = 1
CLAIM = "claim.json"
LOCK = ".lock"


class InputError(Exception):
    """Something the user gave is wrong. The message says what, where, and what to do, in one line; exit status 2."""


class WorkError(Exception):
    """The input was right and the work failed all the same, after retries; the same command may succeed. Status 1."""


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
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        os.fchmod(descriptor, 0o666 & ~_umask())
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON from `path`.

    Raises
    ------
    InputError
        The file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from error


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


@contextmanager
def hold(folder: Path, kind: str, configuration: Mapping[str, Any], *, patience_seconds: float = 0.0) -> Iterator[None]:
    """Make `folder` ours, alone, for writing a `kind` with this configuration, for the length of the block.

    An absent or empty folder is claimed by writing `claim.json`; one claimed before by the same kind and
    configuration is resumed. Temporary files that a killed writer left are removed: those in the folder at once, those
    in its subfolders when the block has ended well, but for subfolders that are held themselves.
    The lock is released by the system if we die. Where another process has it, we wait for `patience_seconds`: workers
    outlive a killed command by a moment.

    Raises
    ------
    InputError
        The folder holds something else, or the same kind begun with other settings (the message names them): nothing
        is written then. Or another process is writing there, or the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            check_claim(folder, kind, configuration)
            folder.mkdir(parents=True, exist_ok=True)
            stream = stack.enter_context((folder / LOCK).open("a+"))
            _lock(stream, folder, patience_seconds)
            check_claim(folder, kind, configuration)  # again: another command may have claimed it in between
            for left in folder.glob(".*.tmp"):
                left.unlink(missing_ok=True)
            if not (folder / CLAIM).exists():
                write_json(folder / CLAIM, _claim_of(kind, configuration))
        except OSError as error:
            raise InputError(f"{error.filename or folder}: cannot be written ({error.strerror})") from error
        try:
            yield
            for left in folder.glob("*/.*.tmp"):
                if not (left.parent / LOCK).exists():
                    left.unlink(missing_ok=True)
        finally:
            stream.truncate(0)


def _claim_of(kind: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "configuration": json.loads(json.dumps(configuration))}


def check_claim(folder: Path, kind: str, configuration: Mapping[str, Any]) -> None:
    """Refuse a folder that `hold` would refuse for what it holds; nothing is written."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, not a folder; choose another folder")
    mark, wanted = folder / CLAIM, _claim_of(kind, configuration)
    if mark.exists():
        found = read_json(mark)
        if not isinstance(found, dict) or found.get("kind") != kind:
            raise InputError(f"{folder}: holds another kind of folder ({found!r:.60}); choose another folder")
        if found != wanted:
            different = _difference(found.get("configuration"), wanted["configuration"])
            raise InputError(
                f"{folder}: was begun with other settings ({different}); choose another folder or delete the folder"
            )
        return
    # A command killed before its claim was written leaves a lock or a part of the claim: still an empty folder.
    strange = [path for path in folder.glob("*") if path.name != LOCK and not path.name.startswith(f".{CLAIM}.")]
    if strange:
        raise InputError(f"{folder}: holds something else and is not a {kind} folder; choose another folder")


def _lock(stream: TextIO, folder: Path, patience_seconds: float) -> None:
    """Lock an open file against other processes and write our process id into it."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                stream.seek(0)
                holder = stream.read().strip() or "?"
                raise InputError(f"{folder}: process {holder} is writing here; wait for it") from error
            time.sleep(0.1)
        except OSError as error:
            reason = f"this file system has no locks ({error.strerror})"
            raise InputError(f"{folder}: {reason}; choose another folder") from error
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()


def _difference(found: Any, wanted: Mapping[str, Any]) -> str:
    if not isinstance(found, dict):
        return f"unreadable in {CLAIM}"
    names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    return ", ".join(f"{name}: {found.get(name)!r} there, {wanted.get(name)!r} asked" for name in names)


def versions(*packages: str) -> dict[str, str]:
    """Python and those of `packages` that are installed, with their versions."""
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
