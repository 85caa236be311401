"""A watched folder for files of readings, and the folders that they move to."""

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
STATE = ".watch"  # folder of the lock, and of what is remembered of a broker
# What programs call a file while they still write it; they rename it once it is whole.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download")
_LONGEST_STEM, _LONGEST_SUFFIX = 220, 12  # bytes; file systems take names of 255
_HIDDEN = (".", "~$")  # of most systems; of a workbook that Excel has open


@dataclass(frozen=True, kw_only=True)
class _Look:
    """State of a file, and when it was first seen in that state (`time.monotonic`)."""

    like: tuple[int, int, int]
    since: float


class Inbox:
    """A watched folder. It is listed each second, which works on network drives, where notifications do not.

    Parameters
    ----------
    folder : that is there; `done` and `quarantine` are made in it.
    settle_seconds : a file is whole once its size and its time have not changed for so long.
    """

    def __init__(self, folder: Path, *, settle_seconds: float) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: is not a folder; make it, or check that its drive is there")
        self.folder, self.settle_seconds = folder, settle_seconds
        self.done, self.quarantine, self.state = (folder / name for name in (DONE, QUARANTINE, STATE))
        for own in (self.done, self.quarantine, self.state):
            if own.is_symlink() or (own.exists() and not own.is_dir()):  # what is moved there would leave the folder
                raise InputError(f"{own}: is a link or no folder, where the watcher keeps files; remove or rename it")
        self._status = folder.stat()
        self._seen: dict[Path, _Look] = {}
        self.folders: frozenset[Path] = frozenset()  # of others, seen at the last look; what is in them is not read

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no other process watch the folder for the length of the block.

        Raises
        ------
        InputError
            Another one does, or the folder was deleted meanwhile.
        """
        try:
            with locks.hold(self.state, "watched folder", {}):
                if not os.path.samestat(self._status, self.folder.stat()):  # else an empty one would be watched
                    raise InputError(f"{self.folder}: was deleted or replaced just now; try again once it is there")
                yield
        except locks.HeldError as error:
            if str(error).startswith(f"{self.state}:"):
                holder = str(error).removeprefix(f"{self.state}: ").replace("is writing here", "watches this folder")
                raise InputError(f"{self.folder}: {holder}, or end it") from error
            raise

    def look(self) -> list[Path]:
        """Return the files that are whole, oldest first, and remember what the others are like.

        Raises
        ------
        OSError
            The folder cannot be read.
        """
        now, seen, whole, folders = time.monotonic(), {}, [], set()
        for path in self.folder.iterdir():
            if path.name.startswith(_HIDDEN) or path.name.lower().endswith(_UNFINISHED):
                continue
            try:
                status = path.lstat()
            except FileNotFoundError:  # just taken away
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.add(path)
                continue
            like = (status.st_size, status.st_mtime_ns, status.st_ino)
            before = self._seen.get(path)
            look = before if before is not None and before.like == like else _Look(like=like, since=now)
            seen[path] = look
            if now - look.since >= self.settle_seconds:
                whole.append((status.st_mtime_ns, path))
        self._seen, self.folders = seen, frozenset(folders - {self.done, self.quarantine})
        return [path for _, path in sorted(whole)]

    @property
    def left(self) -> list[Path]:
        """The files that the last look saw and that were not moved since, by name."""
        return sorted(self._seen)

    def is_as_seen(self, path: Path) -> bool:
        """Return whether a file is still what it was at the last look.

        Raises
        ------
        OSError
            It is gone.
        """
        status = path.lstat()
        return path in self._seen and self._seen[path].like == (status.st_size, status.st_mtime_ns, status.st_ino)

    def check(self, path: Path) -> None:
        """Refuse what is not a file of readings by its kind or name.

        Raises
        ------
        InputError
            It is.
        """
        if not stat.S_ISREG(path.lstat().st_mode):
            raise InputError(f"{path}: is a link or no file; put the file itself there")
        if path.suffix.lower() not in TAKEN:
            raise InputError(f"{path}: no workbook and no table; taken are {', '.join(TAKEN)}")

    def finish(self, path: Path) -> Path:
        """Move a file whose readings are stored to `done`, and return where it is.

        Raises
        ------
        InputError
            It cannot be moved.
        """
        return self._move(path, next(_free(self.done / path.name)))

    def refuse(self, path: Path, reason: str) -> Path:
        """Move a file to quarantine beside a text file with the reason, and return where it is.

        Raises
        ------
        InputError
            It cannot be moved.
        """
        free = _free(self.quarantine / path.name)
        target = next(each for each in free if _may_be_explained(each, path.name))
        _explain(target, path.name, reason.replace(f"{self.folder}{os.sep}", ""))
        return self._move(path, target)

    def refuse_message(self, topic: str, payload: bytes, reason: str) -> Path:
        """Keep a message in quarantine beside a text file with the reason, and return where it is.

        Its name follows from topic and content: one that comes again is not kept twice.

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
        "stored already are not stored twice.\n"
    )
    path = _reason_of(target)
    with files.writing(path):
        files.write_text(path, printable_lines(text))  # names of files may be of any bytes


def _beginning(what: str) -> str:
    return printable_lines(f"{what} was refused:")


def _reason_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.txt")


def _may_be_explained(target: Path, what: str) -> bool:
    """Return whether the reason beside a file would replace nothing but the same, left by a watcher that was killed."""
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
    """Yield the names that no file has yet of survey.xlsx, survey-2.xlsx, survey-3.xlsx ...; a long one is cut.

    A few letters can still be added to them.
    """
    suffix = path.suffix if len(path.suffix) < _LONGEST_SUFFIX else ""
    stem = path.name.removesuffix(suffix)
    if len(os.fsencode(stem)) > _LONGEST_STEM:
        stem = os.fsencode(stem)[:_LONGEST_STEM].decode(errors="ignore")
    for number in itertools.count(1):
        free = path.with_name(f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        if not os.path.lexists(free):
            yield free
