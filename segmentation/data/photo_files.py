"""Decide which files of a folder are photos, by one rule for every command.

A photo is a file whose name ends as the formats end that `image_io` decodes, or has no ending and holds one of them.
Nothing that looks like a picture, or may hold some, is passed over in silence: what is left out has a `Reason`.
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
    """Why files are left out, what to do, and whether it is a loss: a photo may be among them that was meant."""

    what: str
    advice: str = ""
    is_loss: bool = True


NO_PICTURE = Reason(what="files that are no pictures, which nobody will miss among photos", is_loss=False)
OTHER_KIND = Reason(what="pictures of kinds that are not read", advice="convert them to JPEG")
OTHER_ENDING = Reason(what="pictures whose names end otherwise", advice="rename those that are photos to end as usual")
ARCHIVED = Reason(what="archives inside folders", advice="name them in the command, too")
FURTHER = Reason(what="pictures behind the first of a file", advice="save those that are photos as files of their own")
NO_FILE = Reason(what="no regular files", advice="replace or remove them")
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
        """Return the path in the folder that was searched; the folder's own path where it is that one."""
        return str(self.path if self.path == self.folder else self.path.relative_to(self.folder))


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The photos in a folder and below, sorted, and what is left out."""

    photos: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]


def judge(path: Path) -> Reason | None:
    """Return why a file by its name and content is not a photo that can be read; None for a photo."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return None if _holds(path.is_file) or not _holds(path.exists) else NO_FILE  # the reader reports broken links
    if suffix in OTHER_SUFFIXES:
        return OTHER_KIND
    if not _holds(path.is_file) or image_io.kind(path) is None:
        return NO_PICTURE
    return OTHER_ENDING if suffix else None


def _holds(question: Callable[[], bool]) -> bool:
    """Return what the system answers; False where it gives no answer."""
    try:
        return question()
    except OSError:
        return False


def listing(folder: Path) -> Listing:
    """Search a folder and all below it for photos.

    Hidden files, what this program wrote, and masks and contact sheets of datasets are not photos. Folders that are
    links are not entered, unless they lead to a place that is searched anyway.

    Raises
    ------
    InputError
        The folder itself cannot be read.
    """
    failed: list[OSError] = []
    photos: list[Path] = []
    left_out: list[LeftOut] = []

    def leave(path: Path, reason: Reason) -> None:
        left_out.append(LeftOut(path=path, folder=folder, reason=reason))

    written: dict[Path, Reason] = {}  # folders of which all pictures are left out
    if (reason := _above(folder)) is not None:
        written[folder] = reason
    for here, folders, files in walk(folder, onerror=failed.append):
        hidden = any(part.startswith(".") for part in here.relative_to(folder).parts)
        reason = written.get(here) or _written(here)
        for name in folders:
            path = here / name
            if not _holds(path.is_symlink):
                if below := reason or _written_below(here, name, folders):
                    written[path] = below
            elif not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
                leave(path, reason or (HIDDEN if hidden or name.startswith(".") else LINKED))
        for name in files:
            path = here / name
            if reason or hidden or name.startswith("."):
                if path.suffix.lower() in SUFFIXES | OTHER_SUFFIXES:
                    leave(path, reason or HIDDEN)
            elif name == "preview.jpg" and _is_dataset(files):
                leave(path, SHEET)
            elif _holds(partial(archive.is_archive, path)):
                leave(path, ARCHIVED)
            elif (wrong := judge(path)) is None:
                photos.append(path)
            elif wrong is not NO_PICTURE:
                leave(path, wrong)
    for error in failed:
        path = Path(error.filename)
        if path == folder:
            raise InputError(f"{folder}: cannot be read ({error.strerror}); check who may read it") from error
        leave(path, Reason(what=f"folders that cannot be read ({error.strerror})", advice="check who may read them"))
    return Listing(photos=tuple(sorted(photos)), left_out=tuple(sorted(left_out, key=lambda left: left.path)))


def lines(left_out: Iterable[LeftOut]) -> list[str]:
    """Return a line for each reason: how many files, the first names, and what to do."""
    by_reason: dict[Reason, list[str]] = {}
    for left in left_out:
        by_reason.setdefault(left.reason, []).append(left.name)
    said = []
    for reason, names in by_reason.items():
        said.append(
            f"{reason.what}: {len(names)} ({first_of(names)})" + (f"; {reason.advice}" if reason.advice else "")
        )
    return said


_PREDICTIONS = "predictions"
# By the kinds of our folders in which photos may lie, the subfolders in which none do.
_OURS_IN: Mapping[str, tuple[str, ...]] = {
    _PREDICTIONS: ("masks", "overlays", "parts"),
    "dataset": ("maps", "parts"),
    "merged dataset": (),
    "accepted masks": ("to-label",),  # photos whose masks were rejected, which lie elsewhere, too
}


def _claimed(folder: Path) -> str | None:
    """Return what this program began a folder as; None where it did not, or cannot be known."""
    claim = folder / CLAIM
    try:
        content = read_json(claim) if _holds(claim.is_file) else None
    except InputError:
        return None
    return str(content["kind"]) if isinstance(content, dict) and isinstance(content.get("kind"), str) else None


def _written(folder: Path) -> Reason | None:
    """Return the reason for all pictures of a folder that this program began: a run, a study, a report."""
    return OURS if _claimed(folder) not in (None, *_OURS_IN) else None


def _written_below(folder: Path, name: str, folders: Sequence[str]) -> Reason | None:
    """Return the reason for all pictures in the subfolder `name` of a folder that has these subfolders."""
    if name in _OURS_IN.get(_claimed(folder) or "", ()):
        return OURS
    return TRUTH if name == "masks" and "images" in folders else None


def _above(folder: Path) -> Reason | None:
    """Return the reason for all pictures of a folder that lies among what a prediction wrote."""
    whole = Path(os.path.realpath(folder))
    for parent in whole.parents:
        if whole.relative_to(parent).parts[0] in _OURS_IN[_PREDICTIONS] and _claimed(parent) == _PREDICTIONS:
            return OURS
    return None


def _is_dataset(files: Sequence[str]) -> bool:
    return "card.md" in files or "dataset.json" in files
