"""Temporary files and folders beside their targets, locked so that those of dead writers can be recognised.

Standard library only; `files` offers what is here to every package.
"""

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from corrotwin.twin.core import opening

_LONGEST_NAME = 200  # bytes of a name that its temporary file repeats; file systems take 255


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing and rename it to `path` when the block ends well.

    A reader sees the old content or the new, never a part; after an exception the old content stays. The data reach
    the disk (fsync) before the name does. A link at `path` is replaced, and what it leads to stays as it is.

    Raises
    ------
    OSError
        The file cannot be written, a folder or a device is there, or a link leads out of the folder of ours that it
        would lie in (see `opening.check_target`).
    """
    opening.check_target(path)
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
    """Open and lock a new file beside `path`; `remove_left` keeps it while this process lives."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=".tmp")
        with suppress(OSError):  # no locks here; then nobody takes what is left for dead
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if Path(name).exists():  # else it was taken for dead before it was locked
            return descriptor, name
        os.close(descriptor)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new locked folder beside `path`, removed at the end; `remove_left` keeps it while this process lives."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=".tmp"))
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


def _prefix(path: Path) -> str:
    """Return the start of the names of temporary files for `path`; short enough for any file system."""
    return f".{os.fsencode(path.name)[:_LONGEST_NAME].decode(errors='ignore')}."


def remove_left(path: Path) -> None:
    """Remove the temporary files and folders of `path` whose writers were killed: those that nobody has locked.

    For what lies in no folder that `hold` tidies: a single file, the cache. Links and pipes stay.
    """
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.tmp"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
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
