"""The rule by which every command decides which files of a folder are photos.

A photo is a file with the suffix of a format that `image_io` decodes, or without a suffix but in such a format. Nothing
that looks like a picture, or may hold some, is skipped silently: whatever is left out has a `Reason`.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corrotwin.segmentation.data import archive, image_io
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, walk
from corrotwin.twin.core.locks import CLAIM
from corrotwin.twin.core.text import first_of

SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif", ".ppm", ".pgm",
    ".pbm", ".pnm", ".pfm", ".mpo",
})  # fmt: skip
OTHER_SUFFIXES = frozenset({
    ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".jpf", ".jpx", ".jxr", ".wdp", ".psd", ".exr", ".hdr",
    ".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".3fr", ".iiq", ".gpr",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why files are left out, what to do about it, and whether it is a loss: they may include wanted photos."""

    what: str
    advice: str = ""
    is_loss: bool = True


NO_PICTURE = Reason(what="files other than pictures", is_loss=False)
OTHER_KIND = Reason(what="pictures in formats that are not read", advice="convert them to JPEG")
OTHER_ENDING = Reason(what="pictures with an unusual file extension", advice="give those that are photos the usual one")
ARCHIVED = Reason(what="archives inside folders", advice="name them in the command, too")
FURTHER = Reason(what="pictures after the first in a file", advice="save those that are photos as files of their own")
NO_FILE = Reason(what="special files, such as devices or pipes", advice="replace or remove them")
LINKED = Reason(what="folders that are links", advice="name them in the command, too")
HIDDEN = Reason(what="hidden files", is_loss=False)
OURS = Reason(what="pictures that corrotwin wrote", is_loss=False)
SHEET = Reason(what="contact sheets of datasets", is_loss=False)
TRUTH = Reason(what="masks of datasets", is_loss=False)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file or folder that is left out, with the folder that was searched."""

    path: Path
    folder: Path
    reason: Reason

    @property
    def name(self) -> str:
        """The path relative to the searched folder; that folder's own path if it is left out itself."""
        return str(self.path if self.path == self.folder else self.path.relative_to(self.folder))


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The photos in a folder and its subfolders, sorted, and what is left out."""

    photos: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]


def judge(path: Path) -> Reason | None:
    """Return why a file, judged by name and content, is not a readable photo; None if it is one."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return None if _holds(path.is_file) or not _holds(path.exists) else NO_FILE  # the reader reports broken links
    if suffix in OTHER_SUFFIXES:
        return OTHER_KIND
    if not _holds(path.is_file) or image_io.kind(path) is None:
        return NO_PICTURE
    return OTHER_ENDING if suffix else None


def _holds(question: Callable[[], bool]) -> bool:
    """Return the file system's answer to a question; False if it raises an error instead."""
    try:
        return question()
    except OSError:
        return False


def listing(folder: Path) -> Listing:
    """Search a folder and all its subfolders for photos.

    Hidden files, files that this program wrote, and masks and contact sheets of datasets are not photos. Linked folders
    are not entered; they are listed as left out unless they lead to a place that is searched anyway.

    Raises
    ------
    InputError
        The folder itself cannot be read.
    """
    errors: list[OSError] = []
    photos: list[Path] = []
    left_out: list[LeftOut] = []

    def omit(path: Path, reason: Reason) -> None:
        left_out.append(LeftOut(path=path, folder=folder, reason=reason))

    folder_reasons: dict[Path, Reason] = {}  # for folders whose pictures are all left out
    if (reason := _above(folder)) is not None:
        folder_reasons[folder] = reason
    for current, folders, files in walk(folder, onerror=errors.append):
        is_hidden = any(part.startswith(".") for part in current.relative_to(folder).parts)
        reason = folder_reasons.get(current) or _written(current)
        for name in folders:
            path = current / name
            if not _holds(path.is_symlink):
                if reason_below := reason or _written_below(current, name, folders):
                    folder_reasons[path] = reason_below
            elif not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
                omit(path, reason or (HIDDEN if is_hidden or name.startswith(".") else LINKED))
        for name in files:
            path = current / name
            if reason or is_hidden or name.startswith("."):
                if path.suffix.lower() in SUFFIXES | OTHER_SUFFIXES:
                    omit(path, reason or HIDDEN)
            elif name == "preview.jpg" and _is_dataset(files):
                omit(path, SHEET)
            elif _holds(partial(archive.is_archive, path)):
                omit(path, ARCHIVED)
            elif (fault := judge(path)) is None:
                photos.append(path)
            elif fault is not NO_PICTURE:
                omit(path, fault)
    for error in errors:
        path = Path(error.filename)
        if path == folder:
            raise InputError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from error
        omit(path, Reason(what=f"folders that cannot be read ({error.strerror})", advice="check their permissions"))
    return Listing(photos=tuple(sorted(photos)), left_out=tuple(sorted(left_out, key=lambda entry: entry.path)))


def lines(left_out: Iterable[LeftOut]) -> list[str]:
    """Return a line for each reason: the number of files, the first names, and what to do."""
    by_reason: dict[Reason, list[str]] = {}
    for entry in left_out:
        by_reason.setdefault(entry.reason, []).append(entry.name)
    result = []
    for reason, names in by_reason.items():
        result.append(
            f"{reason.what}: {len(names)} ({first_of(names)})" + (f"; {reason.advice}" if reason.advice else "")
        )
    return result


_PREDICTIONS = "predictions"
# Kinds of our folders that may hold photos, each with the subfolders that hold none.
_OURS_IN: Mapping[str, tuple[str, ...]] = {
    _PREDICTIONS: ("masks", "overlays", "parts"),
    "dataset": ("maps", "parts"),
    "merged dataset": (),
    "accepted masks": ("to-label",),  # copies of the photos whose masks were rejected
}


def _claimed(folder: Path) -> str | None:
    """Return the kind of folder that this program began; None if it did not begin it, or the claim is unreadable."""
    claim = folder / CLAIM
    try:
        content = read_json(claim) if _holds(claim.is_file) else None
    except InputError:
        return None
    return str(content["kind"]) if isinstance(content, dict) and isinstance(content.get("kind"), str) else None


def _written(folder: Path) -> Reason | None:
    """Return the reason to leave out all pictures of a folder that this program began: a run, a study, a report."""
    return OURS if _claimed(folder) not in (None, *_OURS_IN) else None


def _written_below(folder: Path, name: str, folders: Sequence[str]) -> Reason | None:
    """Return the reason to leave out all pictures in `name`, one of the subfolders `folders` of `folder`."""
    if name in _OURS_IN.get(_claimed(folder) or "", ()):
        return OURS
    return TRUTH if name == "masks" and "images" in folders else None


def _above(folder: Path) -> Reason | None:
    """Return the reason to leave out all pictures of a folder that lies in the output of a prediction."""
    resolved = Path(os.path.realpath(folder))
    for parent in resolved.parents:
        if resolved.relative_to(parent).parts[0] in _OURS_IN[_PREDICTIONS] and _claimed(parent) == _PREDICTIONS:
            return OURS
    return None


def _is_dataset(files: Sequence[str]) -> bool:
    return "card.md" in files or "dataset.json" in files
