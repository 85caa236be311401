"""Find the files of unlabelled pictures: photos and videos, in folders and archives, each known by its content."""

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
    """A photo or video: its path, its name for people, and its content."""

    path: Path
    name: str
    content: archive.Hashed

    @property
    def sha256(self) -> str:
        """The first 16 hex digits of the SHA-256."""
        return self.content.sha256[: coco.HASH_DIGITS]


def is_video(path: Path) -> bool:
    """Return True if a file is a video by its name."""
    return path.suffix.lower() in video.SUFFIXES


def find(given: Sequence[Path], *, cache: Path, left_out: dict[str, list[str]]) -> Iterator[UnlabelledFile]:
    """Yield the photos and videos of files, folders and archives, with their hashes.

    The names of what cannot be read, of what is left out of folders and archives (`photo_files.listing`), and of files
    with pictures behind the first, each content once, are added to `left_out` by reason.

    Raises
    ------
    InputError
        A path is absent, or an archive cannot be unpacked.
    """
    seen = set[str]()
    for path in given:
        for file, name in _named(path, cache, left_out):
            try:
                content = archive.hashed(file)
            except InputError:
                left_out.setdefault(UNREADABLE, []).append(name)
                continue
            if content.sha256 not in seen and not is_video(file) and image_io.holds_more(file):
                left_out.setdefault(_said(photo_files.FURTHER), []).append(name)
            seen.add(content.sha256)
            yield UnlabelledFile(path=file, name=name, content=content)


def _named(path: Path, cache: Path, left_out: dict[str, list[str]]) -> Iterator[tuple[Path, str]]:
    """Yield the files of a path that a user gave, and a name for each; add what is left out."""
    in_archive = archive.is_archive(path)
    folder = archive.extracted(path, cache=cache) if in_archive else path
    if folder.is_dir():
        listing = photo_files.listing(folder)
        before = f"{path.name}/" if in_archive else ""
        for left in listing.left_out:
            left_out.setdefault(_said(left.reason), []).append(f"{before}{left.name}")
        for file in sorted([*listing.photos, *videos_below(folder)]):
            yield file, f"{before}{file.relative_to(folder).as_posix()}"
    elif path.exists():
        yield path, path.name
    else:
        raise InputError(f"{path}: no such file or folder")


def _said(reason: photo_files.Reason) -> str:
    return ": ".join(filter(None, (reason.what, reason.advice)))


def videos_below(folder: Path) -> list[Path]:
    """Return the videos of a folder and below, sorted, but hidden ones."""
    return sorted(
        file
        for file in below(folder)
        if is_video(file) and file.is_file() and not any(part[0] == "." for part in file.relative_to(folder).parts)
    )
