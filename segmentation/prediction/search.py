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
MOST_NAME_BYTES = 200  # of a mask's name; systems allow 255, and a file has a longer name while it is written


@dataclass(frozen=True, kw_only=True)
class Search:
    """Photos by the name of their mask, without ending, and the files that were left out of the search."""

    photos: dict[str, Path]
    left_out: tuple[photo_files.LeftOut, ...]

    @property
    def has_losses(self) -> bool:
        """Return whether a file was left out that the user may have meant."""
        return any(item.reason.is_loss for item in self.left_out)


def search(given: Sequence[Path]) -> Search:
    """Find photos in files, folders, zip archives and videos, and name their masks.

    A mask has the name of its file. In a folder, the name is the photo's path in it; in an archive, that path after the
    archive's name; for a frame, the video's name and the time. Names too long for a mask are shortened and end with a
    digest. `photo_files` decides which files of a folder are photos; files that are named are taken as they are.

    Archives are unpacked, and frames kept, in the cache.

    Raises
    ------
    InputError
        A path is absent, a folder or a video has no photos, or two photos would have one name.
    """
    photos: dict[str, Path] = {}
    sources: dict[str, Path] = {}
    left_out: list[photo_files.LeftOut] = []
    for path in given:
        for full_name, photo in _named(path, cache_folder(), left_out):
            name = _short(full_name)
            if photos.setdefault(name, photo) != photo:
                first, second = (path, sources[name]) if path != sources[name] else (photo, photos[name])
                advice = "give a folder that holds both" if first.is_dir() and second.is_dir() else "rename one"
                raise InputError(f"{first} and {second}: two photos named {name}; {advice}")
            sources.setdefault(name, path)
    if not photos:
        raise InputError(f"{given[0]}: {'; '.join(photo_files.lines(left_out)) or 'no photos'}")
    return Search(photos=photos, left_out=tuple(left_out))


def _named(path: Path, cache: Path, left_out: list[photo_files.LeftOut]) -> Iterator[tuple[str, Path]]:
    """Yield the photos of a path with the names of their masks, and add what is left out to `left_out`."""
    is_archive = archive.is_archive(path)
    folder = archive.extracted(path, cache=cache) if is_archive else path
    if folder.is_dir():
        listing = photo_files.listing(folder)
        left_out += listing.left_out
        videos = files.videos_below(folder)
        if not listing.photos and not videos:
            why = "".join(f"; left out are {line}" for line in photo_files.lines(listing.left_out))
            place = "archive" if is_archive else "folder"
            raise InputError(f"{path}: no photos in this {place} ({', '.join(sorted(photo_files.SUFFIXES))}){why}")
        inside = Path(path.stem) if is_archive else Path()
        for photo in listing.photos:
            _tell_further(photo, folder, left_out)
            yield (inside / photo.relative_to(folder).with_suffix("")).as_posix(), photo
        for video_path in videos:
            yield from _frames(video_path, inside / video_path.relative_to(folder), cache, left_out)
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
    """Add a photo to `left_out` if its file holds further pictures."""
    if image_io.holds_more(photo):
        left_out.append(photo_files.LeftOut(path=photo, folder=folder, reason=photo_files.FURTHER))


def _frames(path: Path, within: Path, cache: Path, left_out: list[photo_files.LeftOut]) -> Iterator[tuple[str, Path]]:
    """Yield the frames of a video from the cache, and add the video to `left_out` if it cannot be read to its end."""
    extracted = video.kept(path, cache=cache)
    if extracted.trouble:
        reason = photo_files.Reason(what="videos that cannot be read to their end", advice=extracted.trouble)
        left_out.append(photo_files.LeftOut(path=path, folder=path.parent, reason=reason))
    for frame in extracted.frames:
        yield (within / frame.stem).as_posix(), frame


def _short(name: str) -> str:
    """Return a name, with its last part shortened if it is longer than `MOST_NAME_BYTES`."""
    last = os.fsencode(Path(name).name)
    if len(last) <= MOST_NAME_BYTES:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    start = last[: MOST_NAME_BYTES - len(digest) - 1].decode(errors="ignore")
    return Path(name).with_name(f"{start}-{digest}").as_posix()
