"""Checks that list all problems of a dataset, not only the first, and measure its labels.

An *error* would stop a reader or mislead a training; a *warning* deserves a look. docs/synth.md says which is which.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.synth.config import BOTH, EXACT
from corrotwin.synth.labels import label_statistics, maps
from corrotwin.synth.labels.label_statistics import ImageLabels
from corrotwin.synth.spec import MAPS
from corrotwin.synth.validation.annotation_checks import check_annotation
from corrotwin.synth.validation.documents import (
    DocumentEntries,
    entries_from_masks,
    names_in_several_splits,
    read_entries,
    restricted_to,
)
from corrotwin.synth.validation.report import WARNING, Notes, ValidationReport, problem_and_advice
from corrotwin.twin.core.console import tracked
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest

DARK_MEAN = 8  # of 255: a frame of less mean luminance is near-black
DARK_PIXEL, DARK_SHARE = 12, 0.98  # so is a frame in which at least this share of pixels is below this luminance
BRIGHT_PIXEL, BRIGHT_SHARE = 254, 0.60  # blown out: more than this share of pixels is at this luminance or above


def check(folder: Path, *, label: str = "", classes: tuple[str, ...] = ()) -> ValidationReport:
    """Check everything in a dataset and measure its labels.

    Parameters
    ----------
    folder : COCO dataset, photos with PNG masks, or a zip archive of either.
    label : name in the line of progress; no progress is shown if it is empty.
    classes : names of the categories whose annotations count; all if empty.

    Raises
    ------
    InputError
        The folder does not exist, holds no COCO json or lists no images, a mask is unusable, or a class is unknown.
    """
    with coco.unpacked(folder) as inside:
        return replace(_check(inside, label, classes), folder=folder)


def _check(folder: Path, label: str, classes: tuple[str, ...]) -> ValidationReport:
    """Check the dataset in an unpacked folder."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder of a COCO dataset")
    own = (folder / "dataset.json").is_file()
    documents = [
        entries_from_masks(content, Notes(folder=folder, own=own, source=source))
        for source, _, content in coco.from_masks(folder)
    ]
    if not documents:
        documents = [read_entries(Notes(folder=folder, own=own, source=source)) for source, _ in coco.sources(folder)]
    if classes:
        documents = [restricted_to(document, classes) for document in documents]
        known = {name for document in documents for name in document.categories.values()}
        if unknown := sorted(set(classes) - known):
            raise InputError(
                f"{folder}: no class {', '.join(unknown)}; its classes are {', '.join(sorted(known)) or 'none'}"
            )
    entries = [(document, key) for document in documents for key in document.images]
    labels: list[ImageLabels] = []
    shown = tracked(entries, label, len(entries), unit="images") if label else entries
    for document, key in shown:
        mask = _check_image(document, key)
        if mask is not None:
            labels.append(label_statistics.measure(mask))
    count = sum(len(annotations) for document in documents for annotations in document.of_image.values())
    all_notes = [document.notes for document in documents]
    if own:
        card = _check_card(all_notes[0], len(entries), count)
        _check_maps(card, documents[0])
        all_notes.append(_check_beside(documents[0], "instances.json"))
        configuration = card.get("configuration")
        if isinstance(configuration, dict) and configuration.get("labels") == BOTH:
            all_notes.append(_check_beside(documents[0], EXACT))
    findings = [finding for notes in all_notes for finding in notes.findings]
    if not (entries or findings):
        raise InputError(f"{folder}: lists no images; there is nothing to check")
    return ValidationReport(
        folder=folder, images=len(entries), annotations=count,
        findings=(*findings, *names_in_several_splits(documents)), labels=tuple(labels),
    )  # fmt: skip


def _check_card(notes: Notes, images: int, annotations: int) -> Mapping[str, Any]:
    """Compare the counts in dataset.json with the dataset; return its content, empty if it cannot be read."""
    try:
        card = read_manifest(notes.folder, "dataset") or {}
    except InputError as error:
        notes.add("card", *problem_and_advice(error, f"{notes.folder / 'dataset.json'}: "))
        return {}
    for name, count in (("images", images), ("annotations", annotations)):
        if card.get(name) != count:
            what = f"dataset.json says {card.get(name)!r:.20} {name}, but there are {count}"
            notes.add("card", what, "render the set again")
    return card


def _check_maps(card: Mapping[str, Any], document: DocumentEntries) -> None:
    """Check that each image has all maps that dataset.json lists, in the size of the image."""
    notes, configuration = document.notes, card.get("configuration")
    names = configuration.get("maps") if isinstance(configuration, dict) else None
    for name in names if isinstance(names, list) else ():
        if name not in MAPS:
            notes.add("card", f"dataset.json lists a map {name!r:.40}, which does not exist", "render the set again")
            continue
        for key, entry in document.images.items():
            path = maps.path(notes.folder, name, key - 1)
            note = partial(notes.add, file=path, image=key)
            if not path.is_file():
                note("missing map", f"the map of {name} is missing", "run the same command to render its image again")
                continue
            try:
                height, width = coco.decoded(path, inside=notes.folder).shape[:2]
            except InputError as error:
                note("undecodable map", *problem_and_advice(error, f"{path}: "))
                continue
            if (width, height) != (entry.get("width"), entry.get("height")):
                size = f"{entry.get('width')!r:.20}x{entry.get('height')!r:.20}"
                what = f"{width}x{height} pixels, but its image has {size}"
                note("map size", what, "delete it, then run the same command to render its image again")


def _check_beside(regions: DocumentEntries, name: str) -> Notes:
    """Check instances.json or exact.json, which must list the same images as annotations.json; return its notes."""
    notes = Notes(folder=regions.notes.folder, own=True, source=regions.notes.folder / name)
    document = read_entries(notes)
    if not notes.findings:
        for key in sorted(regions.images.keys() | document.images.keys()):
            if document.images.get(key) != regions.images.get(key):
                notes.add("other images", "differs from annotations.json", "render the set again", image=key)
    for key, entry in document.images.items():
        if size := _size(entry, key, notes):
            for annotation in document.of_image[key]:
                check_annotation(annotation, *size, notes)
    return notes


def _check_image(document: DocumentEntries, key: int) -> NDArray[np.bool_] | None:
    """Check one image and its annotations; return the union of its masks, or None if one cannot be decoded."""
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
    usable = [check_annotation(annotation, width, height, notes) for annotation in annotations]
    if not all(usable):
        return None
    try:
        coco.check_outlines(annotations, f"{notes.source}: image {key}")
    except InputError as error:
        notes.add("segmentation", *problem_and_advice(error, f"{notes.source}: image {key}"), image=key)
        return None
    return coco.mask(
        coco.Photo(
            id=key, file_name="", path=notes.source, width=width, height=height, split=None,
            annotations=tuple(annotations),
        )
    )  # fmt: skip


def _size(entry: Mapping[str, Any], key: int, notes: Notes) -> tuple[int, int] | None:
    """Return the stated width and height of an image, or None if they are invalid."""
    width, height = entry.get("width"), entry.get("height")
    if not isinstance(width, int) or not isinstance(height, int) or min(width, height) < 1:
        notes.add("size", f"no width and height in pixels ({width!r:.20}, {height!r:.20})", "add them", image=key)
        return None
    if width * height > (Image.MAX_IMAGE_PIXELS or np.inf):
        notes.add("size", f"{width}x{height} pixels cannot be a photo's size", "give the size of the file", image=key)
        return None
    return width, height


def _check_file(entry: Mapping[str, Any], key: int, notes: Notes) -> NDArray[np.uint8] | None:
    """Decode an image file and check that it is neither black nor blown out; return its pixels, (H, W, 3)."""
    try:
        name = coco.file_name(entry, notes.source)
    except InputError as error:
        notes.add("file name", *problem_and_advice(error, f"{notes.source}: image {key}"), image=key)
        return None
    try:
        path = coco.locate(name, notes.source)
    except OSError:  # a name that the file system does not allow
        path = None
    if path is None:
        notes.add("missing image", f"{name!r} is missing", "add the file or remove the entry", image=key)
        return None
    try:
        pixels = coco.decoded(path, inside=coco.root(notes.source))
    except InputError as error:
        notes.add("undecodable image", *problem_and_advice(error, f"{path}: "), file=path, image=key)
        return None
    warn = partial(notes.add, file=path, image=key, severity=WARNING)
    histogram = np.array(Image.fromarray(pixels).convert("L").histogram())
    share = histogram / histogram.sum()
    mean = float(share @ np.arange(256))
    if mean < DARK_MEAN or share[:DARK_PIXEL].sum() >= DARK_SHARE:
        what = f"mean luminance {mean:.1f} of 255, {share[:DARK_PIXEL].sum():.0%} of the pixels below {DARK_PIXEL}"
        warn("near-black frame", what, "look at it; leave it out if nothing can be seen")
    if share[BRIGHT_PIXEL:].sum() > BRIGHT_SHARE:
        what = f"{share[BRIGHT_PIXEL:].sum():.0%} of the pixels at {BRIGHT_PIXEL} of 255 or above"
        warn("blown-out frame", what, "look at it; leave it out if nothing can be seen")
    return pixels
