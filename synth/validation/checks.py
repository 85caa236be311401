"""Check a dataset: every problem in it, not the first alone, and how it is labelled beside a reference set.

An *error* is what a reader would stumble on or a training be misled by; a *warning* what deserves a look. docs/synth.md
says which is which.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.synth.labels import label_statistics, maps
from corrotwin.synth.labels.label_statistics import ImageLabels
from corrotwin.synth.spec import MAPS
from corrotwin.synth.validation.annotation_checks import check_annotation
from corrotwin.synth.validation.report import WARNING, Finding, Notes, Report, said, told
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, read_manifest

DARK_MEAN = 8  # of 255: a frame of less mean luminance is near-black
DARK_PIXEL, DARK_SHARE = 12, 0.98  # so is one with so large a share of its pixels below this luminance
BRIGHT_PIXEL, BRIGHT_SHARE = 254, 0.60  # blown out: a larger share of the pixels at this luminance or above


@dataclass(frozen=True, kw_only=True)
class _Document:
    """A json as far as it can be used: entries with unique ids, annotations by their image."""

    images: Mapping[int, Mapping[str, Any]]
    of_image: Mapping[int, list[Mapping[str, Any]]]
    categories: Mapping[int, str]
    notes: Notes


def check(folder: Path, *, label: str = "", classes: tuple[str, ...] = ()) -> Report:
    """Look at everything in a dataset; on a terminal, with a progress bar called `label` on stderr.

    Parameters
    ----------
    folder : of a COCO dataset, or of photos with PNG masks, or a zip archive of one.
    classes : names of the categories whose annotations count; all where empty.

    Raises
    ------
    InputError
        There is no folder, or no json in it that could be a dataset's, or a mask is unusable, or a class is unknown.
    """
    with coco.unpacked(folder) as inside:
        return replace(_check(inside, label, classes), folder=folder)


def _check(folder: Path, label: str, classes: tuple[str, ...]) -> Report:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder of a COCO dataset")
    own = (folder / "dataset.json").is_file()
    documents = [
        _of_masks(content, Notes(folder=folder, own=own, source=source))
        for source, _, content in coco.from_masks(folder)
    ]
    if not documents:
        documents = [_document(Notes(folder=folder, own=own, source=source)) for source, _ in coco.sources(folder)]
    if classes:
        documents = [_of_classes(document, classes) for document in documents]
        known = {name for document in documents for name in document.categories.values()}
        if unknown := sorted(set(classes) - known):
            raise InputError(f"{folder}: no class {', '.join(unknown)}; there are {', '.join(sorted(known)) or 'none'}")
    entries = [(document, key) for document in documents for key in document.images]
    labels: list[ImageLabels] = []
    for document, key in _progress(entries, label):
        mask = _check_image(document, key)
        if mask is not None:
            labels.append(label_statistics.measure(mask))
    count = sum(len(found) for document in documents for found in document.of_image.values())
    noted = [document.notes for document in documents]
    if own:
        card = _check_card(noted[0], len(entries), count)
        _check_maps(card, documents[0])
        noted.append(_check_assets(documents[0]))
    findings = [finding for notes in noted for finding in notes.findings]
    if not (entries or findings):
        raise InputError(f"{folder}: lists no images; there is nothing to check")
    return Report(
        folder=folder, images=len(entries), annotations=count,
        findings=(*findings, *_names_in_several_splits(documents)), labels=tuple(labels),
    )  # fmt: skip


def _document(notes: Notes) -> _Document:
    """Read one json, noting what is wrong with its lists and references."""
    try:
        content = read_json(notes.source)
    except (InputError, RecursionError) as error:
        notes.add("json", said(error, f"{notes.source}: "), "export the dataset again")
        content = {}
    if not isinstance(content, dict):
        notes.add("json", "json, but not COCO: not an object", "export the dataset again")
        content = {}
    elif content:
        for name in ("images", "annotations", "categories"):
            if not isinstance(content.get(name), list):
                notes.add("json", f"no list of {name}", "export the dataset again")
    elif not notes.findings:
        notes.add("json", "an empty object", "export the dataset again")
    images, annotations, categories = (_by_id(content, name, notes) for name in ("images", "annotations", "categories"))
    _check_names(images, notes)
    of_image: dict[int, list[Mapping[str, Any]]] = {key: [] for key in images}
    for key, annotation in annotations.items():
        image, category = annotation.get("image_id"), annotation.get("category_id")
        if not isinstance(category, int) or category not in categories:
            notes.add(
                "unknown category", f"category {category!r:.40} is not in the list of categories", "add it there",
                annotation=key,
            )  # fmt: skip
        if not isinstance(image, int) or image not in images:
            notes.add(
                "unknown image", f"image {image!r:.40} is not in the list of images",
                "add the image or remove the annotation", annotation=key,
            )  # fmt: skip
        else:
            of_image[image].append(annotation)
    names = {key: str(category.get("name")) for key, category in categories.items()}
    return _Document(images=images, of_image=of_image, categories=names, notes=notes)


def _of_masks(found: coco.Document, notes: Notes) -> _Document:
    of_image = found.of_image(None)
    return _Document(
        images=found.images, of_image={key: of_image.get(key, []) for key in found.images},
        categories={key: str(category["name"]) for key, category in found.categories.items()}, notes=notes,
    )  # fmt: skip


def _of_classes(document: _Document, classes: tuple[str, ...]) -> _Document:
    """A document with the annotations of some categories alone."""
    chosen = {key for key, name in document.categories.items() if name in classes}
    found = {
        key: [each for each in annotations if isinstance(number := each.get("category_id"), int) and number in chosen]
        for key, annotations in document.of_image.items()
    }
    return replace(document, of_image=found)


def _by_id(content: Mapping[str, Any], name: str, notes: Notes) -> dict[int, Mapping[str, Any]]:
    """The entries of a list that have an integer id, the first of each id."""
    table: dict[int, Mapping[str, Any]] = {}
    listed = content.get(name)
    for number, entry in enumerate(listed if isinstance(listed, list) else ()):
        key = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(key, int):
            notes.add("no id", f"entry {number} of {name} has no integer id", "number the entries")
        elif key in table:
            notes.add(
                "repeated id", f"id {key} occurs twice in {name}; the first is used", "make ids unique",
                image=key if name == "images" else None, annotation=key if name == "annotations" else None,
            )  # fmt: skip
        else:
            table[key] = entry
    return table


def _check_names(images: Mapping[int, Mapping[str, Any]], notes: Notes) -> None:
    first: dict[Any, int] = {}
    for key, entry in images.items():
        name = entry.get("file_name")
        if isinstance(name, str) and first.setdefault(name, key) != key:
            what = f"file_name {name!r} is also that of image {first[name]}"
            notes.add("repeated file", what, "keep one", image=key)


def _names_in_several_splits(documents: list[_Document]) -> Iterator[Finding]:
    """One file name in two splits is often one photo in both: a leak."""
    seen: dict[str, str] = {}
    for document in documents:
        notes = Notes(folder=document.notes.folder, own=False, source=document.notes.source)
        for key, entry in document.images.items():
            name = entry.get("file_name")
            if isinstance(name, str) and seen.setdefault(name, notes.source.parent.name) != notes.source.parent.name:
                notes.add(
                    "file in two splits", f"{name!r} is also in {seen[name]}",
                    "see whether it is the same photo; a photo may be in one split only", image=key, severity=WARNING,
                )  # fmt: skip
        yield from notes.findings


def _check_card(notes: Notes, images: int, annotations: int) -> Mapping[str, Any]:
    """Compare the counts of dataset.json with those found. Returns what it says, empty where it cannot be read."""
    try:
        card = read_manifest(notes.folder, "dataset") or {}
    except InputError as error:
        notes.add("card", *told(error, f"{notes.folder / 'dataset.json'}: "))
        return {}
    for name, found in (("images", images), ("annotations", annotations)):
        if card.get(name) != found:
            what = f"dataset.json says {card.get(name)!r:.20} {name}, there are {found}"
            notes.add("card", what, "render the set again")
    return card


def _check_maps(card: Mapping[str, Any], document: _Document) -> None:
    """Check that each map of which dataset.json speaks is there for each image, and of its size."""
    notes, configuration = document.notes, card.get("configuration")
    names = configuration.get("maps") if isinstance(configuration, dict) else None
    for name in names if isinstance(names, list) else ():
        if name not in MAPS:
            notes.add(
                "card", f"dataset.json speaks of a map {name!r:.40}; there is no such map", "render the set again"
            )
            continue
        for key, entry in document.images.items():
            path = maps.path(notes.folder, name, key - 1)
            note = partial(notes.add, file=path, image=key)
            if not path.is_file():
                note("missing map", f"the map of {name} is absent", "the same command renders its image again")
                continue
            try:
                height, width = coco.decoded(path).shape[:2]
            except InputError as error:
                note("undecodable map", *told(error, f"{path}: "))
                continue
            if (width, height) != (entry.get("width"), entry.get("height")):
                what = f"{width}x{height} pixels, its image {entry.get('width')!r:.20}x{entry.get('height')!r:.20}"
                note("map size", what, "delete it, and the same command renders its image again")


def _check_assets(regions: _Document) -> Notes:
    """Check instances.json, which lists the images that annotations.json does."""
    notes = Notes(folder=regions.notes.folder, own=True, source=regions.notes.folder / "instances.json")
    assets = _document(notes)
    if not notes.findings:
        for key in sorted(regions.images.keys() | assets.images.keys()):
            if assets.images.get(key) != regions.images.get(key):
                notes.add("other images", "not as annotations.json has it", "render the set again", image=key)
    for key, entry in assets.images.items():
        if size := _size(entry, key, notes):
            for each in assets.of_image[key]:
                check_annotation(each, *size, notes)
    return notes


def _check_image(document: _Document, key: int) -> NDArray[np.bool_] | None:
    """Check one image and its annotations. Returns the union of its masks, or None where one cannot be decoded."""
    entry, notes = document.images[key], document.notes
    pixels, size = _check_file(entry, key, notes), _size(entry, key, notes)
    if size is None:
        return None
    width, height = size
    if pixels is not None and pixels.shape[:2] != (height, width):
        notes.add(
            "size", f"the file is {pixels.shape[1]}x{pixels.shape[0]} pixels (after EXIF rotation), the json says "
            f"{width}x{height}", "export the dataset again", image=key,
        )  # fmt: skip
    annotations = document.of_image[key]
    usable = [check_annotation(each, width, height, notes) for each in annotations]
    if not all(usable):
        return None
    try:
        coco.check_outlines(annotations, f"{notes.source}: image {key}")
    except InputError as error:
        notes.add("segmentation", *told(error, f"{notes.source}: image {key}"), image=key)
        return None
    return coco.mask(
        coco.Photo(
            id=key, file_name="", path=notes.source, width=width, height=height, split=None,
            annotations=tuple(annotations),
        )
    )  # fmt: skip


def _size(entry: Mapping[str, Any], key: int, notes: Notes) -> tuple[int, int] | None:
    """Width and height that an image is said to have; None where they cannot be."""
    width, height = entry.get("width"), entry.get("height")
    if not isinstance(width, int) or not isinstance(height, int) or min(width, height) < 1:
        notes.add("size", f"no width and height in pixels ({width!r:.20}, {height!r:.20})", "state them", image=key)
        return None
    if width * height > (Image.MAX_IMAGE_PIXELS or np.inf):
        notes.add("size", f"{width}x{height} pixels cannot be a photo's size", "state the size of the file", image=key)
        return None
    return width, height


def _check_file(entry: Mapping[str, Any], key: int, notes: Notes) -> NDArray[np.uint8] | None:
    """Decode an image file and see whether it shows anything. Returns its pixels, (H, W, 3)."""
    try:
        name = coco.file_name(entry, notes.source)
    except InputError as error:
        notes.add("file name", *told(error, f"{notes.source}: image {key}"), image=key)
        return None
    try:
        path = coco.locate(name, notes.source)
    except OSError:  # a name that no file system takes
        path = None
    if path is None:
        notes.add("missing image", f"{name!r} is absent", "add the file or remove the entry", image=key)
        return None
    try:
        pixels = coco.decoded(path)
    except InputError as error:
        notes.add("undecodable image", *told(error, f"{path}: "), file=path, image=key)
        return None
    look = partial(notes.add, file=path, image=key, severity=WARNING)
    histogram = np.array(Image.fromarray(pixels).convert("L").histogram())
    share = histogram / histogram.sum()
    mean = float(share @ np.arange(256))
    if mean < DARK_MEAN or share[:DARK_PIXEL].sum() >= DARK_SHARE:
        what = f"mean luminance {mean:.1f} of 255, {share[:DARK_PIXEL].sum():.0%} of the pixels below {DARK_PIXEL}"
        look("near-black frame", what, "look at it; leave it out if nothing can be seen")
    if share[BRIGHT_PIXEL:].sum() > BRIGHT_SHARE:
        what = f"{share[BRIGHT_PIXEL:].sum():.0%} of the pixels at {BRIGHT_PIXEL} of 255 or above"
        look("blown-out frame", what, "look at it; leave it out if nothing can be seen")
    return pixels


def _progress(entries: Sequence[tuple[_Document, int]], label: str) -> Iterator[tuple[_Document, int]]:
    """The entries one after another, with a bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(entries, label, console=console, transient=True, disable=not (label and console.is_terminal))
