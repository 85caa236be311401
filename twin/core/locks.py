"""Folder ownership: the configuration a folder was started with, and an exclusive write lock.

Standard library only; every package may import it.
"""

import errno
import fcntl
import json
import os
import platform
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from corrotwin.twin.core import opening
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json
from corrotwin.twin.core.opening import CLAIM as CLAIM

LOCK = ".lock"
BEAT_SECONDS = 15.0  # a holder shows that often that it lives
LEASE_SECONDS = 120.0  # after so long without a sign, a holder on another machine counts as dead
OUTLIVING_SECONDS = 30.0  # patience with the worker of a killed command, which outlives it by a moment
_MOST_BYTES = 4096  # of a lock file: a process, a machine's name and its boot
_OURS = re.compile(r"(\d+( [^\n]*)?)?")  # what `_lock` writes, whole or torn


class HeldError(InputError):
    """Another process is writing to the folder; once it has ended, the same call may succeed."""


@contextmanager
def hold(folder: Path, kind: str, configuration: Mapping[str, Any], *, patience_seconds: float = 0.0) -> Iterator[None]:
    """Make `folder` ours, alone, for writing a `kind` with this configuration, for the length of the block.

    An absent or empty folder is claimed by writing `claim.json`; one claimed before by the same kind and
    configuration is resumed. Temporary files that a killed writer left are removed: those in the folder at once, those
    in its subfolders when the block has ended well, but for subfolders that are held themselves.
    The lock is released by the system if we die. A holder on another machine, whose death this one's system may not
    see, has a lease: it touches the lock every `BEAT_SECONDS`, and `LEASE_SECONDS` after the last time the folder is
    free. A holder that finds its lock taken so, having stood still, ends itself by SIGTERM. Where another process has
    the folder, we wait for `patience_seconds`: workers outlive a killed command by a moment.

    Raises
    ------
    InputError
        The folder holds something else, or the same kind begun with other settings (the message names them): nothing
        is written then. Or another process is writing there (`HeldError`), or the folder cannot be written, or it was
        deleted before the block had ended.
    """
    with ExitStack() as stack:
        try:
            opening.check_claimed_folder(folder)
            check_claim(folder, kind, configuration)
            folder.mkdir(parents=True, exist_ok=True)
            stream = stack.enter_context(_lock(folder, patience_seconds))
            stack.enter_context(_beating(stream, folder))
            check_claim(folder, kind, configuration)  # again: another command may have claimed it in between
            for left in folder.glob(".*.tmp"):
                left.unlink(missing_ok=True)
            if not (folder / CLAIM).exists():
                write_json(folder / CLAIM, _claim_of(kind, configuration))
        except OSError as error:
            raise InputError(f"{error.filename or folder}: cannot be written ({error.strerror})") from error
        try:
            yield
            if folder.exists() and not _same(stream, folder):  # the block itself may have removed it
                raise InputError(
                    f"{folder}: was deleted while it was being written; delete what is left and start again"
                )
            for left in folder.glob("*/.*.tmp"):
                if not (left.parent / LOCK).exists() and not left.parent.is_symlink():
                    left.unlink(missing_ok=True)
        finally:
            stream.truncate(0)  # nobody's: the next holder, on whatever machine, need not wait


def _claim_of(kind: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "configuration": json.loads(json.dumps(configuration))}


def check_claim(folder: Path, kind: str, configuration: Mapping[str, Any]) -> None:
    """Refuse a folder that `hold` would refuse for what it holds; nothing is written."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, not a folder; choose another folder")
    mark, wanted = folder / CLAIM, _claim_of(kind, configuration)
    if mark.exists():
        held = read_json(mark, inside=folder)
        if not isinstance(held, dict) or held.get("kind") != kind:
            raise InputError(f"{folder}: is a folder of another kind ({held!r:.60}); choose another folder")
        if held != wanted:
            different = _difference(held.get("configuration"), wanted["configuration"])
            raise InputError(
                f"{folder}: was started with other settings ({different}); choose another folder or delete the folder"
            )
        return
    # A command killed before its claim was written leaves a lock or a part of the claim: still an empty folder.
    strange = [path for path in folder.glob("*") if path.name != LOCK and not path.name.startswith(f".{CLAIM}.")]
    if strange:
        raise InputError(f"{folder}: holds something else and is not a {kind} folder; choose another folder")


def _lock(folder: Path, patience_seconds: float) -> BinaryIO:
    """Lock the folder against other processes, write who we are into the lock file, and return it open.

    Who has patience waits for the lease of a holder elsewhere, too: its machine may be lost.
    """
    begun = time.monotonic()
    while True:
        stream = _open_lock(folder / LOCK)
        try:
            holder, is_elsewhere = _holder(stream, folder)
            if holder is None and os.fstat(stream.fileno()).st_nlink > 1:
                (folder / LOCK).unlink(missing_ok=True)  # of a copy by hard links: the other name keeps its content
            elif holder is None:
                stream.truncate(0)
                stream.write(f"{os.getpid()} {platform.node() or '?'} {machine()}".encode())
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()
        patience = patience_seconds + (LEASE_SECONDS if patience_seconds and is_elsewhere else 0.0)
        if holder is not None and time.monotonic() >= begun + patience and (folder / LOCK).exists():
            # Where the lock is gone, it was just taken from the dead.
            lease = f"; if it shows no activity, the folder is free after {LEASE_SECONDS:.0f} s" if is_elsewhere else ""
            raise HeldError(f"{folder}: process {holder} is writing here; wait for it{lease}")
        time.sleep(0.1)


def _open_lock(path: Path) -> BinaryIO:
    """Open a lock file, unbuffered; one that is a link, no regular file, or not written by `_lock` is refused.

    Nothing is written to such a file: a folder may come from a stranger, and the file be another one's.
    """
    try:
        stream = os.fdopen(opening.open_in_place(path), "a+b", buffering=0)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EISDIR, errno.ELOOP):
            raise InputError(f"{path}: {error.strerror}, so it cannot be a lock; delete it") from error
        raise
    if not _OURS.fullmatch(_content(stream)):
        stream.close()
        raise InputError(f"{path}: is not a lock; delete it, or choose another folder")
    return stream


def _content(stream: BinaryIO) -> str:
    return os.pread(stream.fileno(), _MOST_BYTES, 0).decode(errors="replace")


def _holder(stream: BinaryIO, folder: Path) -> tuple[str | None, bool]:
    """Return the holder of an open lock file, None if it is now ours, and True if it is on another machine."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = True
    except BlockingIOError:
        locked = False
    except OSError as error:
        reason = f"this file system does not support locks ({error.strerror})"
        raise InputError(f"{folder}: {reason}; choose another folder") from error
    said = _content(stream).split()
    if len(said) == 3 and said[2] != machine():
        # The lock of a file system may not reach over machines, or outlive one: the lease decides.
        silent = _now(folder) - os.fstat(stream.fileno()).st_mtime
        if silent < -BEAT_SECONDS:
            # A sign from the future is none, and would count for as long as that is away. The lease begins now: one
            # who lives will show it again.
            os.utime(stream.fileno())
            silent = 0.0
        if silent < LEASE_SECONDS:
            return f"{said[0]} on {said[1]} (last active {max(silent, 0):.0f} s ago)", True
        if not locked and _same(stream, folder):
            (folder / LOCK).unlink(missing_ok=True)
            return " on ".join(said[:2]), True
    return (None if locked and _same(stream, folder) else said[0] if said else "?"), False


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process of this machine at a time into the block; others wait. `path` is a file of the block's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with os.fdopen(opening.open_in_place(path), "ab") as stream:
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


@contextmanager
def _beating(stream: BinaryIO, folder: Path) -> Iterator[None]:
    """Show every `BEAT_SECONDS` that we live; end this process where another has taken the lock."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            if (folder / LOCK).exists() and not _same(stream, folder):  # of a folder that was deleted `hold` tells
                os.kill(os.getpid(), signal.SIGTERM)
                return
            with suppress(OSError):  # a full disk or a file system that is away for a moment: the next may succeed
                os.utime(stream.fileno())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _same(stream: BinaryIO, folder: Path) -> bool:
    """Return True if an open lock file is still the one in the folder, or the folder cannot be read."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), (folder / LOCK).lstat())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _now(folder: Path) -> float:
    """Return the time by the clock of the file system that holds `folder`, seconds."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        return os.fstat(probe.fileno()).st_mtime


def machine() -> str:
    """Return an id of this machine since its start, unlike that of all others on its file systems."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()  # no file, so not by way of `files`
    except OSError:
        return platform.node() or "?"


def _difference(found: Any, wanted: Mapping[str, Any]) -> str:
    if not isinstance(found, dict):
        return f"unreadable in {CLAIM}"
    names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    return ", ".join(f"{name}: {found.get(name)!r} in the folder, {wanted.get(name)!r} requested" for name in names)
