"""What may lie where a file is expected: pipes, devices, folders, huge files, links into and out of the folder."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HUGE_BYTES = 2**43  # of a sparse file; nothing could read it
SECRET = b"what a victim has\nand no line break at its end"
KINDS = (
    "pipe", "socket", "folder", "device", "device that never ends", "huge", "link to a pipe", "link to itself",
    "link to nothing",
)  # fmt: skip


def put(kind: str, path: Path) -> None:
    """Put something odd in the place of `path`, which may be a file."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.beside")
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            here = Path.cwd()
            os.chdir(path.parent)  # a socket's address is short
            try:
                with socket.socket(socket.AF_UNIX) as made:
                    made.bind(path.name)
            finally:
                os.chdir(here)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/full")  # only root could make one
        case "device that never ends":
            path.symlink_to("/dev/zero")
        case "huge":
            path.touch()
            os.truncate(path, HUGE_BYTES)
        case "link to a pipe":
            os.mkfifo(beside)
            path.symlink_to(beside)
        case "link to itself":
            path.symlink_to(path.name)
        case "link to nothing":
            path.symlink_to(beside)
        case _:
            raise ValueError(kind)


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail the test, rather than hang, where the block takes longer."""

    def late(*_: object) -> None:
        raise AssertionError(f"not done in {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def linked(path: Path, elsewhere: Path) -> Path:
    """Move a file to another folder, leave a link in its place, and return where it is now."""
    elsewhere.mkdir(exist_ok=True)
    target = elsewhere / path.name
    path.rename(target)
    path.symlink_to(target)
    return target


def hard_linked(path: Path, elsewhere: Path) -> Path:
    """Give a file a second name in another folder, and return that."""
    elsewhere.mkdir(exist_ok=True)
    target = elsewhere / path.name
    target.hardlink_to(path)
    return target


LINKS: dict[str, Callable[[Path, Path], Path]] = {"link": linked, "hard link": hard_linked}
