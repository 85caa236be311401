"""Find the photos to predict and name their masks."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.segmentation.data import photo_files
from corrotwin.twin.core.errors import InputError

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
    """Find photos in files and folders and name their masks.

    The mask of a file has its name, that of a photo in a folder the photo's path in the folder. Names too long for a
    mask are shortened and end with a digest. What is a photo in a folder, `photo_files` decides; files are taken as
    they are.

    Raises
    ------
    InputError
        A path is absent, a folder has no photos, or two photos would get one mask.
    """
    found: dict[str, Path] = {}
    left_out: list[photo_files.LeftOut] = []
    for path in given:
        if path.is_dir():
            listing = photo_files.listing(path)
            left_out += listing.left_out
            photos = list(listing.photos)
            if not photos:
                why = "".join(f"; left out are {line}" for line in photo_files.lines(listing.left_out))
                raise InputError(f"{path}: no photos in this folder ({', '.join(sorted(photo_files.SUFFIXES))}){why}")
            names = [str(each.relative_to(path).with_suffix("").as_posix()) for each in photos]
        elif path.exists():
            photos, names = [path], [path.stem]
        else:
            raise InputError(f"{path}: no such file or folder")
        for full, photo in zip(names, photos, strict=True):
            name = _short(full)
            if found.setdefault(name, photo) != photo:
                raise InputError(f"{photo} and {found[name]} would get one mask, {name}.png; give them one `out` each")
    return Search(photos=found, left_out=tuple(left_out))


def _short(name: str) -> str:
    """Return a name whose last part a system takes with an ending and while it is written."""
    last = os.fsencode(Path(name).name)
    if len(last) <= MOST_NAME_BYTES:
        return name
    mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    start = last[: MOST_NAME_BYTES - len(mark) - 1].decode(errors="ignore")
    return Path(name).with_name(f"{start}-{mark}").as_posix()
