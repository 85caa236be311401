"""Inputs of screens and transfers: photos, renders, other sets, checked for leakage between training and test."""

import fnmatch
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data.classes import report_unnamed
from corrotwin.benchmarks.study.grid import is_name
from corrotwin.benchmarks.transfer import layout, render_draws, tables
from corrotwin.benchmarks.transfer.layout import Photos, Renders
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

_UNWRITABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, bytes that are no text, ends of lines


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """The datasets of a screen or transfer, read and checked.

    `renders` are all of them, of which each run draws `renders_per_run` (None: equal shares), or the first `counts` of
    these. `seen` are photos with which they were tuned, of any set. `weights` is a folder of prepared ImageNet weights.
    """

    out: Path
    sets: tuple[Photos, ...]
    renders: Renders
    renders_per_run: int | None
    counts: tuple[int, ...]
    others: Mapping[str, Photos]
    clean: Photos | None
    seen: frozenset[str]
    address: str | None
    weights: Path | None
    dry_run: bool

    @property
    def external_sets(self) -> dict[str, Photos]:
        """The sets, by name, on which every run is measured and none trains."""
        return {**self.others, **({self.clean.name: self.clean} if self.clean else {})}


def read(
    out: Path,
    *,
    renders: Path,
    renders_per_run: int | None = None,
    data: Sequence[Path],
    across: Sequence[Path] = (),
    clean: Path | None = None,
    seen: Sequence[str] = (),
    classes: tuple[str, ...] | None = None,
    counts: Sequence[int] = (),
    address: str | None = None,
    weights: Path | None = None,
    dry_run: bool = False,
) -> Inputs:
    """Read and check all datasets that a command names.

    Raises
    ------
    InputError
        Something is unusable, or appears twice. Nothing is written.
    """
    from corrotwin.segmentation.data import coco

    if renders_per_run is not None and renders_per_run < 1:
        raise InputError(f"`renders_per_run` {renders_per_run} is below 1")
    if counts and min(counts) < 1:
        raise InputError(f"`render_counts` {min(counts)}: give fewer renders than a draw has, at least 1")
    if not data:
        raise InputError("`data`: give at least one folder of real photos")
    for path in (out, renders, *data, *across, *([clean] if clean else [])):
        if any(unicodedata.category(character) in _UNWRITABLE for character in path.resolve().as_posix()):
            raise InputError(f"{path}: cannot name a set in a table; rename the folder")
    try:
        rendered = coco.read(renders.resolve())
    except InputError as error:
        raise InputError(f"`renders` {error}") from error
    sets = tuple(layout.read_photos(path, classes) for path in data)
    others = tuple(layout.read_photos(path, classes) for path in across)
    without_rust = None if clean is None else layout.read_clean(clean)
    every = [*sets, *others, *([without_rust] if without_rust else [])]
    for kind in ("name", "path"):
        values = [str(getattr(photo_set, kind)) for photo_set in every]
        if twice := [value for value in values if values.count(value) > 1]:
            raise InputError(f"{twice[0]}: given twice, or two sets have this name; each needs its own folder name")
    for photo_set in every:
        if photo_set not in sets and not is_name(photo_set.name):
            raise InputError(
                f"{photo_set.path}: {photo_set.name!r:.60} cannot name a set in a table; rename the folder"
            )
        if photo_set.name in (render_draws.FOLDER, tables.TABLES):
            raise InputError(
                f"{photo_set.path}: the transfer folder keeps something else under this name; rename the set"
            )
        if photo_set.data.digest == rendered.digest:
            raise InputError(f"{photo_set.path}: these are the renders themselves; they cannot judge themselves")
    pictures = [("renders", rendered), *(("across", photo_set.data) for photo_set in others)]
    for photo_set in sets:
        _check_equal(photo_set)
        _check_unseen(photo_set, [*pictures, *([("clean", without_rust.data)] if without_rust else [])])
    for photo_set in others:
        _check_unseen(photo_set, [("renders", rendered)])
    measured = [("data", sets), ("across", others), ("clean", [without_rust] if without_rust else [])]
    for argument, of in measured:
        for photo_set in of:
            _check_apart(rendered, argument, photo_set)
            if photo_set is not without_rust:
                report_unnamed(photo_set.data, f"--{argument}")
    return Inputs(
        out=out.resolve(),
        sets=sets,
        renders=Renders(path=renders.resolve(), whole=rendered, data=rendered),
        renders_per_run=renders_per_run,
        counts=tuple(sorted(set(counts))),
        others={photo_set.name: photo_set for photo_set in others},
        clean=without_rust,
        seen=_seen(sets, seen),
        address=address,
        weights=weights and weights.resolve(),
        dry_run=dry_run,
    )


def _seen(sets: Sequence[Photos], patterns: Sequence[str]) -> frozenset[str]:
    """Return the photos whose file name matches one of some patterns."""
    names = {photo.file_name for photo_set in sets for photo in photo_set.data.photos}
    by_pattern = {pattern: fnmatch.filter(names, pattern) for pattern in patterns}
    if empty := [pattern for pattern, matches in by_pattern.items() if not matches]:
        raise InputError(f"`seen` {empty[0]}: matches no photo of `data`; one is called {min(names)}")
    return frozenset(name for matches in by_pattern.values() for name in matches)


def _check_equal(photos: Photos) -> None:
    """Raise InputError if equal files have two spots in the table: one could train, the other test."""
    from corrotwin.segmentation.data import groups

    spots = groups.beside(photos.data) or {}
    first_of: dict[str, str] = {}
    for name, content in ((photo.file_name, photo.sha256) for photo in photos.data.photos):
        other = first_of.setdefault(content or name, name)
        if spots.get(other) != spots.get(name):
            raise InputError(
                f"{photos.path}: {other} and {name} are one photo, of spot {spots[other]} and of spot {spots[name]} "
                f"by {groups.SPOTS}; take one out, or give both one spot"
            )


def _check_unseen(photos: Photos, others: "Sequence[tuple[str, CocoDataset]]") -> None:
    """Raise InputError if a photo also occurs in another input (train/test leakage)."""
    known = {photo.sha256 for photo in photos.data.photos}
    for argument, other in others:
        if shared := [photo.file_name for photo in other.photos if photo.sha256 in known]:
            raise InputError(
                f"`{argument}` {other.folder}: photos of {photos.path} are among them, such as {shared[0]}; "
                "take them out"
            )


def _check_apart(renders: "CocoDataset", argument: str, pictures: Photos) -> None:
    """Raise InputError if pictures show the scenes of the renders that train.

    Presets that differ in nothing but how many scenes are clean make the same scenes of one seed.
    """
    trained = {photo.sha256 for photo in renders.photos}
    shared = [photo.file_name for photo in pictures.data.photos if photo.sha256 in trained]
    scenes = [_scenes(data) for data in (renders, pictures.data)]
    if shared or (scenes[0] is not None and scenes[0] == scenes[1]):
        overlap = f"pictures such as {shared[0]} are among" if shared else "its scenes are those of"
        raise InputError(f"`{argument}` {pictures.path}: {overlap} the renders that train; render it with another seed")


def _scenes(data: "CocoDataset") -> object:
    """Return what decides the scenes of a rendered dataset, clean or not; None of any other dataset."""
    try:
        card = read_manifest(data.inside, "dataset") or {}
    except InputError:
        return None
    preset = card.get("preset")
    if not isinstance(preset, dict) or "twin" in card:
        return None
    ignored = ("clean_every", "description", "labels", "samples")
    return card.get("seed"), {name: value for name, value in preset.items() if name not in ignored}
