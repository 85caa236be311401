"""Opening of files: regular files only, of a bounded size, and through no link that leads out of their folder; walks.

A folder may come from a stranger, and what lies in it may be anything: a pipe that never answers, a device, a sparse
file of terabytes, a link to a file of the user's. The rules:

- Reading follows links that the user named. A file that belongs to a folder (a dataset, a twin, a run) may be a link
  to another file of that folder, since the folder reads the same when it is copied; a link out of it is refused.
- Writing in place (a lock, a log) follows no link: the content of another file would change.
- Nothing is written or removed below a folder of ours (one with a `claim.json`) through a link to a folder outside it.

What is refused is an `OSError` whose text says why, as for a file that may not be read: who opens a file knows what
the user can do about it. Standard library only; `files` offers what is here to every package.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path

MOST_BYTES = 1024**3  # of a file that is read whole, unless the reader says otherwise: 1 GiB
CLAIM = "claim.json"  # what a folder of ours was begun as; see `locks`
_KINDS = {
    stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device",
    stat.S_IFBLK: "device", stat.S_IFLNK: "link",
}  # fmt: skip


def open_file(path: Path, *, inside: Path | None = None, most_bytes: int = MOST_BYTES) -> BufferedReader:
    """Open a regular file for reading; a pipe, a device or a folder is refused at once, and never waited for.

    Parameters
    ----------
    path : the file, or a link to it.
    inside : the folder that the file belongs to; a link that leads out of it is refused. The folder itself may be a
        link. None for a file that the user named.
    most_bytes : larger files are refused before anything is read.

    Raises
    ------
    OSError
        The file is absent, may not be read, or is refused; `strerror` says why.
    """
    real = path if inside is None else check_inside(path, inside)
    _check_regular(path, real.stat())  # before it is opened: a device may act on that
    # O_NONBLOCK: should a pipe take the file's place in between, opening it does not wait either.
    follow = 0 if inside is None else os.O_NOFOLLOW
    descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | follow)
    try:
        status = os.fstat(descriptor)
        _check_regular(path, status)
        if status.st_size > most_bytes:
            reason = f"is {_size(status.st_size)}, more than the limit of {_size(most_bytes)}"
            raise OSError(errno.EFBIG, reason, str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_in_place(path: Path) -> int:
    """Open a file for reading and appending, made where it is absent, and return its descriptor; no link is followed.

    Raises
    ------
    OSError
        The file is a link or no regular file, or cannot be opened; `strerror` says why.
    """
    check_claimed(path)
    with suppress(FileNotFoundError):
        _check_regular(path, path.lstat())
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    try:
        _check_regular(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def new_file(path: Path, *, replace: bool = False) -> BufferedWriter:
    """Open a new file for writing, without the care of `files.atomic_file`: for folders that are not yet in use.

    Parameters
    ----------
    path : the file; its folder is there.
    replace : whether a file of that name is removed first. Else it is refused, as is a link.

    Raises
    ------
    OSError
        The file cannot be made; `strerror` says why.
    """
    check_claimed(path)
    if replace:
        path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "wb")


def checked(path: Path, *, inside: Path | None = None, most_bytes: int = MOST_BYTES) -> Path:
    """Return `path` when `open_file` opens it: for libraries that map a file to memory and take only its name.

    Raises
    ------
    OSError
        As of `open_file`.
    """
    with open_file(path, inside=inside, most_bytes=most_bytes):
        return path


def check_inside(path: Path, folder: Path) -> Path:
    """Return the file that `path` stands for, all links followed, if it lies in `folder`.

    Raises
    ------
    OSError
        It is absent, or lies elsewhere.
    """
    real = Path(os.path.realpath(path, strict=True))
    if not real.is_relative_to(os.path.realpath(folder)):
        raise OSError(errno.ELOOP, f"leads out of {folder} through a link", str(path))
    return real


def check_target(path: Path) -> None:
    """Refuse a place for a new file where something else than a file is, or one outside the folder it belongs to.

    A link to a file may be there: the new file takes the place of the link.

    Raises
    ------
    OSError
        A folder, pipe or device is there, or a link to one; or as of `check_claimed`.
    """
    check_claimed(path)
    with suppress(FileNotFoundError):
        _check_regular(path, path.stat())


def check_claimed(path: Path) -> None:
    """Refuse a file below a folder of ours whose own folder lies outside of that, by a link.

    Raises
    ------
    OSError
        It does.
    """
    place = _absolute(path).parent
    _check_below_claim(path, place, (place, *place.parents))


def check_claimed_folder(folder: Path) -> None:
    """Refuse a folder below one of ours that lies outside of that, by a link.

    Raises
    ------
    OSError
        It does.
    """
    place = _absolute(folder)
    _check_below_claim(folder, place, place.parents)


def _check_below_claim(path: Path, place: Path, folders: Iterable[Path]) -> None:
    """Refuse `place` where it is not inside the nearest of `folders` that has a claim. None need have one."""
    claimed = next((folder for folder in folders if os.path.lexists(folder / CLAIM)), None)
    if claimed is not None and not Path(os.path.realpath(place)).is_relative_to(os.path.realpath(claimed)):
        raise OSError(errno.ELOOP, f"leads out of {claimed} through a link", str(path))


def _absolute(path: Path) -> Path:
    """Return an absolute path without ``..``; links stay, since the name says which folder was meant."""
    return Path(os.path.abspath(path))  # noqa: PTH100  `resolve` would follow links


def _check_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "special file")
    code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
    raise OSError(code, f"is a {kind}, not a file", str(path))


def _size(count: int) -> str:
    """Format a number of bytes with a unit."""
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"


def walk(
    folder: Path, *, onerror: Callable[[OSError], object] = lambda _: None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield each folder below one, itself first, with the names of its folders and of its other entries, sorted.

    As by `os.walk`, links to folders are listed among the folders and not entered. `os.walk` and `Path.rglob` of Python
    3.11 call themselves for each level, and end with RecursionError some hundred folders deep.

    Parameters
    ----------
    folder : to begin at.
    onerror : is told of folders that cannot be read, which are passed over, and of those too deep for a path.
    """
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        folders: list[str] = []
        others: list[str] = []
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    (folders if _is_folder(entry) else others).append(entry.name)
        except OSError as error:
            onerror(error)
            continue
        folders.sort()
        yield here, folders, sorted(others)
        waiting += [here / name for name in reversed(folders) if not (here / name).is_symlink()]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def below(folder: Path) -> Iterator[Path]:
    """Yield all that is below a folder but folders, in order; what cannot be read is passed over."""
    for here, _, others in walk(folder):
        yield from (here / name for name in others)
