"""Datasets merged into one: photos linked or copied, labels taken over, copies reported."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from corrotwin.segmentation.data import coco, groups
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import link_or_copy, remove, writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import counted, first_of

KIND = "merged dataset"
IMAGES, ANNOTATIONS = "images", "annotations.json"
KEPT = ("segmentation", "area", "bbox", "iscrowd")  # fields of an annotation


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The outcome of a merge: the number of `photos`, and the names of those whose labels later ones `replaced`.

    `alike` has pairs of names of photos in different datasets that look alike by perceptual hash. `differing` has pairs
    of names of copies of a file in one dataset with different labels; the labels of the first copy are kept. `classes`
    has the names of all categories whose annotations were taken.
    """

    photos: int
    replaced: tuple[str, ...]
    alike: tuple[tuple[str, str], ...]
    differing: tuple[tuple[str, str], ...]
    classes: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return a line each on merged categories, replaced labels, and copies, where there are any."""
        messages = []
        if len(self.classes) > 1:
            messages.append(f"categories merged into corrosion: {', '.join(self.classes)}")
        if self.replaced:
            found = f"{counted(len(self.replaced), 'photo')} ({first_of(self.replaced)})"
            messages.append(f"labels of {found} replaced by those of a later dataset")
        if self.differing:
            pairs = [f"{first} and {second}" for first, second in self.differing]
            messages.append(
                f"{counted(len(pairs), 'pair')} of copies in one dataset with different labels ({first_of(pairs)}); "
                "those of the first are kept: delete the copy whose labels are wrong, and merge again"
            )
        if self.alike:
            pairs = [f"{first} and {second}" for first, second in self.alike]
            messages.append(
                f"{counted(len(pairs), 'pair')} of photos that look alike ({first_of(pairs)}); each pair shares a spot"
            )
        return messages


@dataclass(kw_only=True)
class _Entry:
    """A photo with the labels of the last dataset that has it; `names` has its file names by dataset number."""

    name: str
    photo: coco.Photo
    names: dict[int, list[str]]
    spot: str = ""


def read(paths: Sequence[Path], classes: tuple[str, ...]) -> list[coco.CocoDataset]:
    """Read datasets to merge, each as `read_one` does.

    Raises
    ------
    InputError
        See `read_one`; or a class is in no dataset.
    """
    names = [_category_names(path, classes) for path in paths]
    all_names = set[str]().union(*names)
    if unknown := ", ".join(sorted(set(classes) - all_names)):
        raise InputError(f"`classes`: no dataset has {unknown}; choose from {', '.join(sorted(all_names))}")
    return [_read(path, classes, own_names) for path, own_names in zip(paths, names, strict=True)]


def read_one(path: Path, classes: tuple[str, ...]) -> coco.CocoDataset:
    """Read a dataset to merge, with those of the `classes` that it has, or all its categories if none are given.

    Raises
    ------
    InputError
        The dataset cannot be read, or has annotations but none of the classes.
    """
    return _read(path, classes, _category_names(path, classes))


def _category_names(path: Path, classes: tuple[str, ...]) -> set[str]:
    """Return the names of a dataset's categories; empty if no classes are given, when nobody needs them."""
    return coco.category_names(path) if classes else set()


def _read(path: Path, classes: tuple[str, ...], own: set[str]) -> coco.CocoDataset:
    chosen = tuple(name for name in classes if name in own)
    return coco.read(path, classes=chosen or classes or None, allow_unannotated=True)


def merge(datasets: Sequence[coco.CocoDataset], out: Path) -> Merged:
    """Write datasets as one, with ``spots.csv``: photos that show one spot, or look alike, share a spot.

    A file in two datasets becomes one photo with the labels of the later dataset, so put corrected labels after those
    that they correct. Names stay, except that a second photo of the same name gets a number.

    Parameters
    ----------
    datasets : two or more; what was read as corrosion is written as the category corrosion.
    out : absent, empty, or holding this same merged dataset.

    Raises
    ------
    InputError
        There are fewer than two datasets, or the folder holds something else.
    """
    if len(datasets) < 2:
        raise InputError("a merged dataset needs two datasets or more; name their folders")
    entries, replaced, differing = _entries(datasets)
    claim = {"datasets": [dataset.digest for dataset in datasets]}
    with writing(out), hold(out, KIND, claim):
        remove(out / ANNOTATIONS, missing_ok=True)  # written last
        (out / IMAGES).mkdir(exist_ok=True)
        for entry in entries:
            link_or_copy(entry.photo.path, out / IMAGES / entry.name)
        alike = _spots(entries, datasets)
        tables.write_own(
            out / groups.SPOTS,
            (groups.FILE_NAME, groups.SPOT),
            ((entry.name, entry.spot) for entry in entries),  # not escaped, since they are read back
        )
        coco.write_document(
            out / ANNOTATIONS,
            (
                {"id": number, "file_name": entry.name, "width": entry.photo.width, "height": entry.photo.height}
                for number, entry in enumerate(entries, start=1)
            ),
            _annotations(entries),
            description=f"{len(datasets)} datasets merged",
        )
    classes = {
        name
        for dataset in datasets
        for name in dataset.categories
        if dataset.classes is None or name in dataset.classes
    }
    return Merged(
        photos=len(entries), replaced=tuple(replaced), alike=tuple(alike), differing=tuple(differing),
        classes=tuple(sorted(classes)),
    )  # fmt: skip


def _entries(datasets: Sequence[coco.CocoDataset]) -> tuple[list[_Entry], list[str], list[tuple[str, str]]]:
    """Return an entry for each file, the names of photos whose labels were replaced, and pairs of differing copies.

    Such a pair names one file that is in one dataset twice, with different masks.
    """
    by_content: dict[str, _Entry] = {}
    replaced: list[str] = []
    differing: list[tuple[str, str]] = []
    taken: set[str] = set()
    for number, dataset in enumerate(datasets):
        for photo in dataset.photos:
            entry = by_content.get(photo.sha256)
            if entry is None:
                name = _free(photo.file_name, taken)
                by_content[photo.sha256] = _Entry(name=name, photo=photo, names={number: [photo.file_name]})
                continue
            is_relabelled = not np.array_equal(coco.mask(entry.photo), coco.mask(photo))
            if number in entry.names:  # a file that appears twice in one dataset is one photo
                entry.names[number].append(photo.file_name)
                if is_relabelled:
                    differing.append((entry.photo.file_name, photo.file_name))
            else:
                entry.photo, entry.names[number] = photo, [photo.file_name]
                if is_relabelled:
                    replaced.append(entry.name)
    return list(by_content.values()), replaced, differing


def _free(file_name: str, taken: set[str]) -> str:
    """Return the last part of a name, with a number if another photo has it."""
    path = PurePosixPath(file_name)
    name, number = path.name, 2
    while name.lower() in taken:
        name, number = f"{path.stem}-{number}{path.suffix}", number + 1
    taken.add(name.lower())
    return name


def _annotations(entries: Sequence[_Entry]) -> Iterator[dict[str, Any]]:
    number = 0
    for image, entry in enumerate(entries, start=1):
        for annotation in entry.photo.annotations:
            number += 1
            kept = {name: annotation[name] for name in KEPT if name in annotation}
            yield {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, **kept}


def _spots(entries: Sequence[_Entry], datasets: Sequence[coco.CocoDataset]) -> list[tuple[str, str]]:
    """Set the spot of each photo, and return pairs of photos from different datasets that look alike."""
    owners = {  # a node for each file of each dataset, since copies of a photo may belong to several spots
        f"{entry.name}\0{number}\0{name}": (entry, number, name)
        for entry in entries
        for number, names in entry.names.items()
        for name in names
    }
    own = [groups.beside(dataset) or groups.by_source_name(dataset) for dataset in datasets]
    merged = coco.CocoDataset(
        folder=datasets[0].folder,
        photos=tuple(replace(entry.photo, file_name=entry.name) for entry in entries),
        digest="",
    )
    looks, sources = groups.by_perceptual_hash(merged), groups.by_source_name(merged)
    label_names = {  # names under which photos are handed out; they hold a digest, since file names of cameras repeat
        entry.name: groups.source_name(groups.name_to_label(1, entry.photo.sha256, entry.photo.file_name))
        for entry in entries
    }
    source_names = set(sources.values())
    to_label = {
        name: label_names[name] if label_names[name] in source_names else source for name, source in sources.items()
    }
    joined = groups.join(
        {node: f"{number} {own[number][name]}" for node, (_, number, name) in owners.items()},
        *(
            {node: grouping[entry.name] for node, (entry, _, _) in owners.items()}
            for grouping in (sources, to_label, looks)
        ),
    )
    for node, (entry, _, _) in owners.items():
        entry.spot = owners[joined[node]][0].name
    of_look: dict[str, dict[int, str]] = defaultdict(dict)
    for entry in entries:
        of_look[looks[entry.name]].setdefault(max(entry.names), entry.name)
    return [(names[0], names[1]) for by_dataset in of_look.values() if len(names := list(by_dataset.values())) > 1]
