"""Search for unlabelled photos and videos in folders and archives; each file is identified by its content."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.segmentation.data import archive, coco, image_io, photo_files
from corrotwin.segmentation.unlabelled import video
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import below

UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class UnlabelledFile:
    """A photo or video: its path, its name for messages, and the hash of its content."""

    path: Path
    name: str
    content: archive.Hashed

    @property
    def sha256(self) -> str:
        """The first 16 hex digits of the SHA-256 of the content."""
        return self.content.sha256[: coco.HASH_DIGITS]


def is_video(path: Path) -> bool:
    """Return True if the name of a file is that of a video."""
    return path.suffix.lower() in video.SUFFIXES


def find(given: Sequence[Path], *, cache: Path, left_out: dict[str, list[str]]) -> Iterator[UnlabelledFile]:
    """Yield the photos and videos of files, folders and archives, with their hashes.

    Parameters
    ----------
    given : the files, folders and archives.
    cache : folder into which archives are extracted.
    left_out : names by reason, to which this adds the files that cannot be read, those that are left out of folders and
        archives (`photo_files.listing`), and, once for each content, files with pictures after the first.

    Raises
    ------
    InputError
        A path is absent, or an archive cannot be unpacked.
    """
    known_hashes = set[str]()
    for path in given:
        for file, name in _named(path, cache, left_out):
            try:
                content = archive.hashed(file)
            except InputError:
                left_out.setdefault(UNREADABLE, []).append(name)
                continue
            if content.sha256 not in known_hashes and not is_video(file) and image_io.holds_more(file):
                left_out.setdefault(_said(photo_files.FURTHER), []).append(name)
            known_hashes.add(content.sha256)
            yield UnlabelledFile(path=file, name=name, content=content)


def _named(path: Path, cache: Path, left_out: dict[str, list[str]]) -> Iterator[tuple[Path, str]]:
    """Yield the files of a path that the user named, and a name for each; add to `left_out` as `find` does."""
    in_archive = archive.is_archive(path)
    folder = archive.extracted(path, cache=cache) if in_archive else path
    if folder.is_dir():
        listing = photo_files.listing(folder)
        prefix = f"{path.name}/" if in_archive else ""
        for entry in listing.left_out:
            left_out.setdefault(_said(entry.reason), []).append(f"{prefix}{entry.name}")
        for file in sorted([*listing.photos, *videos_below(folder)]):
            yield file, f"{prefix}{file.relative_to(folder).as_posix()}"
    elif path.exists():
        yield path, path.name
    else:
        raise InputError(f"{path}: no such file or folder")


def _said(reason: photo_files.Reason) -> str:
    return ": ".join(filter(None, (reason.what, reason.advice)))


def videos_below(folder: Path) -> list[Path]:
    """Return the videos in a folder and its subfolders, sorted, except hidden ones."""
    return sorted(
        file
        for file in below(folder)
        if is_video(file) and file.is_file() and not any(part[0] == "." for part in file.relative_to(folder).parts)
    )
