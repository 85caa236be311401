"""Readers of the COCO documents of a dataset that keep usable entries and note problems of lists and ids."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from corrotwin.segmentation.data import coco
from corrotwin.synth.validation.report import WARNING, Finding, Notes, error_text
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json


@dataclass(frozen=True, kw_only=True)
class DocumentEntries:
    """Usable entries of a COCO document: those with unique integer ids.

    `images` maps ids to entries, `of_image` the id of each image to its annotations, and `categories` ids to names.
    """

    images: Mapping[int, Mapping[str, Any]]
    of_image: Mapping[int, list[Mapping[str, Any]]]
    categories: Mapping[int, str]
    notes: Notes


def read_entries(notes: Notes) -> DocumentEntries:
    """Read the COCO document `notes.source`, and note problems of its lists and references."""
    try:
        content = read_json(notes.source, inside=notes.folder)
    except (InputError, RecursionError) as error:
        notes.add("json", error_text(error, f"{notes.source}: "), "export the dataset again")
        content = {}
    if not isinstance(content, dict):
        notes.add("json", "json, but not COCO: it is not an object", "export the dataset again")
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
    return DocumentEntries(images=images, of_image=of_image, categories=names, notes=notes)


def entries_from_masks(document: coco.Document, notes: Notes) -> DocumentEntries:
    """Return the entries of a document that was made from photos with PNG masks."""
    of_image = document.of_image(None)
    return DocumentEntries(
        images=document.images, of_image={key: of_image.get(key, []) for key in document.images},
        categories={key: str(category["name"]) for key, category in document.categories.items()}, notes=notes,
    )  # fmt: skip


def restricted_to(document: DocumentEntries, classes: tuple[str, ...]) -> DocumentEntries:
    """Return a document with only the annotations of the categories named in `classes`."""
    chosen = {key for key, name in document.categories.items() if name in classes}
    of_image = {
        key: [
            annotation
            for annotation in annotations
            if isinstance(category := annotation.get("category_id"), int) and category in chosen
        ]
        for key, annotations in document.of_image.items()
    }
    return replace(document, of_image=of_image)


def _by_id(content: Mapping[str, Any], name: str, notes: Notes) -> dict[int, Mapping[str, Any]]:
    """Return the entries of a list by integer id, and note entries without one; for a repeated id, keep the first."""
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
    """Note images that have the file name of an earlier one."""
    first: dict[Any, int] = {}
    for key, entry in images.items():
        name = _spelled(entry.get("file_name"))
        if name and first.setdefault(name, key) != key:
            what = f"file_name {entry['file_name']!r} is also that of image {first[name]}"
            notes.add("repeated file", what, "keep one", image=key)


def _spelled(name: Any) -> str:
    """Return the normalised spelling of a file name, equal for all spellings of one name; empty if it is not a text."""
    return unicodedata.normalize("NFC", coco.plain_name(name.replace("\\", "/"))) if isinstance(name, str) else ""


def names_in_several_splits(documents: list[DocumentEntries]) -> Iterator[Finding]:
    """Yield a finding for each file name that occurs in two splits: often one photo in both, which leaks test data."""
    seen: dict[str, str] = {}
    for document in documents:
        notes = Notes(folder=document.notes.folder, own=False, source=document.notes.source)
        for key, entry in document.images.items():
            name = _spelled(entry.get("file_name"))
            if name and seen.setdefault(name, notes.source.parent.name) != notes.source.parent.name:
                notes.add(
                    "file in two splits", f"{name!r} is also in {seen[name]}",
                    "check whether it is the same photo; a photo may be in only one split", image=key, severity=WARNING,
                )  # fmt: skip
        yield from notes.findings
