"""Safe extraction of zip archives: all or nothing, never outside the target folder, and only once into the cache."""

import hashlib
import lzma
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from corrotwin.segmentation.data.coco_check import leaves
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import new_file, open_file, reading, remove_left, temporary_folder, writing
from corrotwin.twin.core.locks import one_at_a_time

SUFFIX = ".zip"
MOST_ENTRIES = 1_000_000
MOST_BYTES = 100 * 1024**3
MOST_RATIO = 200  # of unpacked to packed size: photos reach 1, json 20, zip bombs 1,000
SMALL_BYTES = 10 * 1024**2  # up to this size the ratio does not matter
_MOST_PACKED = MOST_BYTES  # size of an archive, which is read piece by piece
_MOST_HASHED = 1024**4
CHANGED = "was removed or changed while it was read; repeat the command once the file is complete"
_CHUNK_BYTES = 1024**2
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # bits 0, 6 and 13 of an entry's flags (PKWARE's APPNOTE, 4.4.4)
_UTF8 = 0x800  # bit 11

# What zipfile raises on damaged archives and on compression methods that it does not know.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Return True for a zip archive: a file with its suffix, or one without a suffix but with its content."""
    return path.is_file() and (path.suffix.lower() == SUFFIX or (not path.suffix and zipfile.is_zipfile(path)))


def extracted(path: Path, *, cache: Path) -> Path:
    """Return the folder in `cache` with the contents of the archive `path`; extract the archive if it is not there.

    The folder is named after the archive's hash and appears complete or not at all.

    Raises
    ------
    InputError
        See `hashed`, `extract` and `made_once`; or the archive changes during extraction.
    """
    content = hashed(path, most_bytes=_MOST_PACKED)

    def make(place: Path) -> None:
        extract(path, place)
        if not is_unchanged(path, content, is_read=True):
            raise ChangedError(path)

    folder = cache / f"zip-{content.sha256[:32]}"
    made_once(folder, make)
    return folder


@dataclass(frozen=True, kw_only=True)
class Hashed:
    """The SHA-256 of a file in hex digits, its key in the cache, and the state of the file when it was hashed.

    `state` has its inode, its size in bytes and its modification time in ns.
    """

    sha256: str
    state: tuple[int, int, int]


class ChangedError(InputError):
    """Error for a file that was gone or had changed once it was read, so that the result must not enter the cache."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: {CHANGED}")


def hashed(path: Path, *, most_bytes: int = _MOST_HASHED) -> Hashed:
    """Return the hash of a file, and the state of the file before it was read.

    Raises
    ------
    InputError
        The file cannot be read, or is larger than `most_bytes`.
    """
    with reading(path), open_file(path, most_bytes=most_bytes) as stream:
        state = _state(os.fstat(stream.fileno()))
        return Hashed(sha256=hashlib.file_digest(stream, "sha256").hexdigest(), state=state)


def is_unchanged(path: Path, before: Hashed, *, is_read: bool) -> bool:
    """Return True if a file still is as it was when hashed; False also if it cannot be read now.

    Parameters
    ----------
    before : its hash and state at that time.
    is_read : whether it has been read without an error. Then an equal state is enough; else, or if the state differs,
        as after a copy, the file is hashed again.
    """
    try:
        same_state = _state(path.stat()) == before.state
        return (is_read and same_state) or hashed(path).sha256 == before.sha256
    except (OSError, InputError):
        return False


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def made_once(folder: Path, make: Callable[[Path], Path | None]) -> Path:
    """Make a folder of the cache, unless it exists, and return it; one process makes it while others wait.

    Parameters
    ----------
    folder : folder in the cache; the cache is made if it is absent.
    make : writes the content into a folder that does not exist yet, given its path. If the content turns out to be that
        of another folder of the cache, it returns that folder's path, else None.

    Raises
    ------
    InputError
        The cache cannot be written.
    """
    if folder.is_dir():
        return folder
    advice = "make room, or set CORROTWIN_CACHE elsewhere"
    with writing(folder.parent, advice), one_at_a_time(folder.parent / f".{folder.name}.lock"):
        if folder.is_dir():  # another process was faster
            return folder
        remove_left(folder)  # left by a killed process: as large as the content
        with temporary_folder(folder) as temporary:
            final = make(temporary / "content") or folder
            try:
                (temporary / "content").rename(final)
            except OSError:
                if not final.is_dir():  # else another process or machine was faster
                    raise
    return final


def extract(path: Path, folder: Path) -> None:
    """Check all entries of the archive `path`, then extract it into the new folder `folder`.

    Raises
    ------
    InputError
        The archive is damaged, encrypted or a zip bomb, or the disk is full; or an entry is neither file nor folder,
        would lie outside `folder`, or repeats a name. `folder` may be left half-written; the caller removes it.
    """
    try:
        with open_file(path, most_bytes=_MOST_PACKED) as stream, zipfile.ZipFile(stream) as archive:
            entries = _checked(archive, path)
            folder.mkdir(parents=True)
            total = sum(entry.file_size for entry in entries.values())
            if total > (free := shutil.disk_usage(folder).free):
                raise InputError(f"{path}: needs {_gib(total)}, but {folder.parent} has {_gib(free)} free; make room")
            for name, entry in entries.items():
                _write(archive, entry, folder / name, path)
    except _DAMAGED as error:
        raise InputError(f"{path}: damaged or not a zip archive ({_one_line(error)}); download it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be extracted ({error.strerror or _one_line(error)})") from error


def _checked(archive: zipfile.ZipFile, path: Path) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Return the entries of an archive by path; raise InputError for any that could do harm."""
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        raise InputError(f"{path}: {len(infos)} entries, more than {MOST_ENTRIES}; pack the dataset again")
    entries: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for info in infos:
        name = _name(info)
        where = f"{path}: entry {name!r:.200}"
        if not name or "\0" in name or "\\" in name or leaves(name):
            raise InputError(f"{where} would leave the folder; pack the dataset again, with relative paths")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InputError(f"{where} is a link or a device; pack the files themselves")
        if info.flag_bits & _ENCRYPTED:
            raise InputError(f"{where} is encrypted; pack the dataset without a password")
        if PurePosixPath(name) in entries:
            raise InputError(f"{where} occurs twice; pack the dataset again")
        if _is_bomb(info.file_size, info.compress_size):
            raise InputError(f"{where} would grow more than {MOST_RATIO}-fold when unpacked; pack it uncompressed")
        entries[PurePosixPath(name)] = info
    total = sum(info.file_size for info in infos)
    if _is_bomb(total, path.stat().st_size):
        raise InputError(f"{path}: would grow more than {MOST_RATIO}-fold when unpacked; pack it uncompressed")
    if total > MOST_BYTES:
        raise InputError(f"{path}: would unpack to {_gib(total)}, more than is allowed; unpack it yourself")
    return entries


def _name(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry, decoded as UTF-8 where possible, even without the UTF-8 flag (macOS omits it)."""
    name = info.orig_filename  # `filename` is cut at a zero byte
    if info.flag_bits & _UTF8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")  # zipfile decoded it as cp437
    except UnicodeError:
        return name


def _is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > SMALL_BYTES and unpacked > MOST_RATIO * packed


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, path: Path) -> None:
    """Write one entry, counting its bytes, since the size in its header cannot be trusted."""
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, new_file(target) as stream:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > entry.file_size:
                break
            stream.write(chunk)
    if written != entry.file_size:
        raise InputError(
            f"{path}: entry {entry.filename!r} has another size than the archive states; download the archive again"
        )


def _gib(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
