"""Find the photos to predict and name their masks."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.segmentation.data import archive, image_io, photo_files
from corrotwin.segmentation.unlabelled import files, video
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import cache_folder

_NO_PHOTOS = photo_files.OTHER_SUFFIXES | {".pdf"}  # kinds that are not read
MOST_NAME_BYTES = 200  # of a mask's name; systems take 255, and a file that is being written has a longer one


@dataclass(frozen=True, kw_only=True)
class Search:
    """Photos by the name of their mask, without ending, and what was left out of the folders that were searched."""

    photos: dict[str, Path]
    left_out: tuple[photo_files.LeftOut, ...]

    @property
    def has_losses(self) -> bool:
        """Return whether anything was left out that may have been meant."""
        return any(left.reason.is_loss for left in self.left_out)


def search(given: Sequence[Path]) -> Search:
    """Find photos in files, folders, zip archives and videos, and name their masks.

    The mask of a file has its name, that of a photo in a folder the photo's path there, in an archive behind the
    archive's name; that of a frame has the video's name and the time. Names too long for a mask are shortened and end
    with a digest. What is a photo in a folder, `photo_files` decides; files are taken as they are.

    Archives are unpacked, and frames kept, in the cache.

    Raises
    ------
    InputError
        A path is absent, a folder or a video has no photos, or two photos would have one name.
    """
    found: dict[str, Path] = {}
    source: dict[str, Path] = {}
    left_out: list[photo_files.LeftOut] = []
    for path in given:
        for full, photo in _named(path, cache_folder(), left_out):
            name = _short(full)
            if found.setdefault(name, photo) != photo:
                one, other = (path, source[name]) if path != source[name] else (photo, found[name])
                advice = "give a folder that holds both" if one.is_dir() and other.is_dir() else "rename one"
                raise InputError(f"{one} and {other}: two photos named {name}; {advice}")
            source.setdefault(name, path)
    if not found:
        raise InputError(f"{given[0]}: {'; '.join(photo_files.lines(left_out)) or 'no photos'}")
    return Search(photos=found, left_out=tuple(left_out))


def _named(path: Path, cache: Path, left_out: list[photo_files.LeftOut]) -> Iterator[tuple[str, Path]]:
    """Yield the photos of a path with the names of their masks, and add to what is left out."""
    is_archive = archive.is_archive(path)
    folder = archive.extracted(path, cache=cache) if is_archive else path
    if folder.is_dir():
        listing = photo_files.listing(folder)
        left_out += listing.left_out
        videos = files.videos_below(folder)
        if not listing.photos and not videos:
            why = "".join(f"; left out are {line}" for line in photo_files.lines(listing.left_out))
            what = "archive" if is_archive else "folder"
            raise InputError(f"{path}: no photos in this {what} ({', '.join(sorted(photo_files.SUFFIXES))}){why}")
        inside = Path(path.stem) if is_archive else Path()
        for photo in listing.photos:
            _tell_further(photo, folder, left_out)
            yield (inside / photo.relative_to(folder).with_suffix("")).as_posix(), photo
        for film in videos:
            yield from _frames(film, inside / film.relative_to(folder), cache, left_out)
    elif not path.exists():
        raise InputError(f"{path}: no such file or folder")
    elif files.is_video(path):
        yield from _frames(path, Path(path.name), cache, left_out)
    elif path.suffix.lower() in _NO_PHOTOS:
        left_out.append(photo_files.LeftOut(path=path, folder=path.parent, reason=photo_files.OTHER_KIND))
    elif not path.stem.strip("."):
        raise InputError(f"{path}: no name before its ending; rename the photo")
    else:
        _tell_further(path, path.parent, left_out)
        yield path.stem, path


def _tell_further(photo: Path, folder: Path, left_out: list[photo_files.LeftOut]) -> None:
    """Add a photo to what is left out if its file has further pictures."""
    if image_io.holds_more(photo):
        left_out.append(photo_files.LeftOut(path=photo, folder=folder, reason=photo_files.FURTHER))


def _frames(path: Path, within: Path, cache: Path, left_out: list[photo_files.LeftOut]) -> Iterator[tuple[str, Path]]:
    """Yield the frames of a video, kept in the cache, and add to what is left out if it cannot be read to its end."""
    kept = video.kept(path, cache=cache)
    if kept.trouble:
        reason = photo_files.Reason(what="videos that cannot be read to their end", advice=kept.trouble)
        left_out.append(photo_files.LeftOut(path=path, folder=path.parent, reason=reason))
    for frame in kept.frames:
        yield (within / frame.stem).as_posix(), frame


def _short(name: str) -> str:
    """Return a name whose last part a system takes with an ending and while it is written."""
    last = os.fsencode(Path(name).name)
    if len(last) <= MOST_NAME_BYTES:
        return name
    mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    start = last[: MOST_NAME_BYTES - len(mark) - 1].decode(errors="ignore")
    return Path(name).with_name(f"{start}-{mark}").as_posix()
