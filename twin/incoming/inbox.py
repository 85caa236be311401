"""A watched folder for files of readings, and the folders to which they are moved."""

import itertools
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from corrotwin.twin.core import files, locks
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable_lines
from corrotwin.twin.incoming.storing import MESSAGE_SUFFIX
from corrotwin.twin.workbooks.sheets import SUFFIXES

TAKEN = (*SUFFIXES, ".csv", MESSAGE_SUFFIX)
DONE, QUARANTINE = "done", "quarantine"
STATE = ".watch"  # folder of the lock and of the broker's session
# Suffixes of files that programs are still writing; they rename them when complete.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download")
_LONGEST_STEM, _LONGEST_SUFFIX = 220, 12  # bytes; file systems allow names of 255
_HIDDEN = (".", "~$")  # hidden files on most systems; lock files of workbooks that are open in Excel


@dataclass(frozen=True, kw_only=True)
class _Look:
    """State of a file, and when it was first seen in that state (`time.monotonic`)."""

    like: tuple[int, int, int]
    since: float


class Inbox:
    """A watched folder. It is listed every second, since notifications do not work on network drives.

    Parameters
    ----------
    folder : existing folder; `done` and `quarantine` are made in it.
    settle_seconds : a file is complete once its size and time have not changed for so many seconds.
    """

    def __init__(self, folder: Path, *, settle_seconds: float) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: is not a folder; create it, or check that its drive is connected")
        self.folder, self.settle_seconds = folder, settle_seconds
        self.done, self.quarantine, self.state = (folder / name for name in (DONE, QUARANTINE, STATE))
        for own_folder in (self.done, self.quarantine, self.state):
            # Files moved into a link would leave the watched folder.
            if own_folder.is_symlink() or (own_folder.exists() and not own_folder.is_dir()):
                raise InputError(
                    f"{own_folder}: is a link or a file, but the watcher needs a folder there; remove or rename it"
                )
        self._status = folder.stat()
        self._seen: dict[Path, _Look] = {}
        self.folders: frozenset[Path] = frozenset()  # other folders at the last look; their files are not read

    @contextmanager
    def held(self) -> Iterator[None]:
        """Prevent other processes from watching the folder while the block runs.

        Raises
        ------
        InputError
            Another process watches it, or the folder was deleted meanwhile.
        """
        try:
            with locks.hold(self.state, "watched folder", {}):
                if not os.path.samestat(self._status, self.folder.stat()):  # else a new, empty folder would be watched
                    raise InputError(f"{self.folder}: was just deleted or replaced; try again once it is back")
                yield
        except locks.HeldError as error:
            if str(error).startswith(f"{self.state}:"):
                holder = (
                    str(error).removeprefix(f"{self.state}: ").replace("is writing here", "is watching this folder")
                )
                raise InputError(f"{self.folder}: {holder}, or end it") from error
            raise

    def look(self) -> list[Path]:
        """Return the complete files, oldest first, and remember the state of all files.

        Raises
        ------
        OSError
            The folder cannot be read.
        """
        now, looks, complete, folders = time.monotonic(), {}, [], set()
        for path in self.folder.iterdir():
            if path.name.startswith(_HIDDEN) or path.name.lower().endswith(_UNFINISHED):
                continue
            try:
                status = path.lstat()
            except FileNotFoundError:  # just removed
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.add(path)
                continue
            state = (status.st_size, status.st_mtime_ns, status.st_ino)
            previous = self._seen.get(path)
            look = previous if previous is not None and previous.like == state else _Look(like=state, since=now)
            looks[path] = look
            if now - look.since >= self.settle_seconds:
                complete.append((status.st_mtime_ns, path))
        self._seen, self.folders = looks, frozenset(folders - {self.done, self.quarantine})
        return [path for _, path in sorted(complete)]

    @property
    def left(self) -> list[Path]:
        """The files that were present at the last look and have not been moved since, by name."""
        return sorted(self._seen)

    def is_as_seen(self, path: Path) -> bool:
        """Return whether a file is unchanged since the last look.

        Raises
        ------
        OSError
            The file is gone.
        """
        status = path.lstat()
        return path in self._seen and self._seen[path].like == (status.st_size, status.st_mtime_ns, status.st_ino)

    def check(self, path: Path) -> None:
        """Raise InputError if a path is not a regular file with a suffix in `TAKEN`.

        Raises
        ------
        InputError
            It is a link or no file, or has another suffix.
        """
        if not stat.S_ISREG(path.lstat().st_mode):
            raise InputError(f"{path}: is a link or not a file; put the file itself there")
        if path.suffix.lower() not in TAKEN:
            raise InputError(f"{path}: not a workbook or a table; the formats are {', '.join(TAKEN)}")

    def finish(self, path: Path) -> Path:
        """Move a file to `done`, as its readings are stored, and return its new path.

        Raises
        ------
        InputError
            It cannot be moved.
        """
        return self._move(path, next(_free(self.done / path.name)))

    def refuse(self, path: Path, reason: str) -> Path:
        """Move a file to quarantine, beside a text file with the reason, and return its new path.

        Raises
        ------
        InputError
            It cannot be moved.
        """
        candidates = _free(self.quarantine / path.name)
        target = next(candidate for candidate in candidates if _may_be_explained(candidate, path.name))
        _explain(target, path.name, reason.replace(f"{self.folder}{os.sep}", ""))
        return self._move(path, target)

    def refuse_message(self, topic: str, payload: bytes, reason: str) -> Path:
        """Write a message to quarantine, beside a text file with the reason, and return its path.

        The file is named after topic and content, so that a repeated message is not stored twice.

        Raises
        ------
        InputError
            It cannot be written.
        """
        key = files.digest([topic, payload.hex()])
        target = self.quarantine / f"message-{key}{MESSAGE_SUFFIX}"
        if not target.exists():
            _explain(target, f"A message on {topic}", reason)
            with files.writing(target), files.atomic_file(target) as stream:
                stream.write(payload)
        return target

    def _move(self, path: Path, target: Path) -> Path:
        with files.writing(target):
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
        self._seen.pop(path, None)
        return target


def _explain(target: Path, what: str, reason: str) -> None:
    text = (
        f"{_beginning(what)}\n\n{reason}\n\nCorrect it and put it back into the watched folder. Readings that are "
        "already stored are not stored twice.\n"
    )
    path = _reason_of(target)
    with files.writing(path):
        files.write_text(path, printable_lines(text))  # names of files may contain any bytes


def _beginning(what: str) -> str:
    return printable_lines(f"{what} was refused:")


def _reason_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.txt")


def _may_be_explained(target: Path, what: str) -> bool:
    """Return whether no text is beside a file, or only one about the same file from a watcher that was killed."""
    path = _reason_of(target)
    if not os.path.lexists(path):
        return True
    try:
        beginning = _beginning(what).encode()
        with files.open_file(path, inside=path.parent) as stream:
            return stream.read(len(beginning)) == beginning
    except OSError:  # a link, a pipe
        return False


def _free(path: Path) -> Iterator[Path]:
    """Yield unused names in the order survey.xlsx, survey-2.xlsx, survey-3.xlsx ...; long names are cut.

    They are short enough that a suffix can still be added.
    """
    suffix = path.suffix if len(path.suffix) < _LONGEST_SUFFIX else ""
    stem = path.name.removesuffix(suffix)
    if len(os.fsencode(stem)) > _LONGEST_STEM:
        stem = os.fsencode(stem)[:_LONGEST_STEM].decode(errors="ignore")
    for number in itertools.count(1):
        free = path.with_name(f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        if not os.path.lexists(free):
            yield free
