"""Reading and checking of datasets in every supported layout.

The supported layouts are: a Roboflow COCO-segmentation export (``{train,valid,test}/_annotations.coco.json`` beside the
images); one COCO json with its images beside it or in ``images/``, which is also the layout of our rendered datasets;
CVAT's COCO export (``annotations/instances_default.json`` and ``images/`` or ``images/default/``); photos with PNG
masks (``images/`` and ``masks/``); and a zip archive of any of these.

Everything is checked on reading, so that the rest of the program can trust a `CocoDataset`. `coco_layout` finds the
files, `coco_check` and `image_io` check them, and `coco_write` writes. Other packages import what they need of these
from here.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from corrotwin.segmentation.data import archive, image_io
from corrotwin.segmentation.data.coco_check import (
    Document,
    check_document,
    check_outlines,
    check_segmentation,
    file_name,
    plain_name,
)
from corrotwin.segmentation.data.coco_layout import (
    ROBOFLOW_JSON,
    SPLITS,
    from_masks,
    locate,
    resolved_name,
    root,
    sources,
    unwrapped,
)
from corrotwin.segmentation.data.coco_write import document, extent, outlined, polygons, region, rle, write_document
from corrotwin.segmentation.data.image_io import decoded, decoded_deep, header
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_json
from corrotwin.twin.core.machine import cache_folder

__all__ = [
    "ROBOFLOW_JSON", "SPLITS", "CocoDataset", "Document", "Photo", "category_names", "check_document", "check_outlines",
    "check_segmentation", "decoded", "decoded_deep", "document", "evenly", "extent", "file_name", "from_masks",
    "header", "image", "locate", "mask", "on_this_machine", "outlined", "plain_name", "polygons", "read", "read_json",
    "region", "rle", "root", "sources", "unpacked", "unwrapped", "write_document",
]  # fmt: skip

_T = TypeVar("_T")
HASH_DIGITS = 16  # hex digits of its SHA-256 that identify a file


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One image of a dataset and its annotations.

    `id` is unique within one json only; `file_name` is unique in the dataset (``train/x.jpg`` in a Roboflow export).
    `width` and `height` are in pixels, after EXIF rotation. `sha256` holds the first 16 hex digits of the file's hash;
    it is empty for a photo that was not read from a dataset.
    """

    id: int
    file_name: str
    path: Path
    width: int
    height: int
    split: str | None
    annotations: tuple[Mapping[str, Any], ...]
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class CocoDataset:
    """A checked dataset. `digest` depends on names, image bytes and masks, not on the folder's location.

    `folder` is the folder or the archive; the content of an archive lies in the cache, in `extracted`.
    """

    folder: Path
    photos: tuple[Photo, ...]
    digest: str
    classes: tuple[str, ...] | None = None
    """Names of the categories that were read as corrosion; None for all."""
    extracted: Path | None = None
    categories: Mapping[str, int] = field(default_factory=dict)
    """The number of annotations of each category that has any, whether it was read as corrosion or not."""

    @property
    def inside(self) -> Path:
        """The folder that holds the files; for an archive, the folder it was extracted to."""
        return self.extracted or self.folder


def read(path: Path, *, classes: tuple[str, ...] | None = None, allow_unannotated: bool = False) -> CocoDataset:
    """Read and check the dataset at `path`: a folder, a COCO json, or a zip archive, which is extracted to the cache.

    Images are opened (header, size, orientation) but not decoded; a truncated one is only reported by `image`.

    Parameters
    ----------
    path : the folder, json or archive.
    classes : names of the categories that count as corrosion; None for all. Annotations of others are ignored.
    allow_unannotated : accept a dataset without annotations, which then need not have the classes. By default it is
        refused, since nothing can be learned from it.

    Raises
    ------
    InputError
        The folder, the json, an image or an annotation is unusable, or a class is unknown. The message names the file
        and the id.
    """
    path = Path(path)
    with unpacked(path) as inside:
        if inside != path:
            dataset = read(inside, classes=classes, allow_unannotated=allow_unannotated)
            return replace(dataset, folder=path, extracted=dataset.folder)

    parts = _parts(path)
    if allow_unannotated and not any(part.annotations for _, _, part in parts):
        classes = None
    names = _category_names(parts)
    if classes is not None and (not classes or not names.issuperset(classes)):
        unknown = ", ".join(sorted(set(classes) - names)) or "chosen"
        raise InputError(f"{path}: no class {unknown}; choose from {', '.join(sorted(names))}")
    photos: list[Photo] = []
    contents: list[Any] = []
    for source, split, part in parts:
        annotations_of = part.of_image(classes)
        first_keys: dict[tuple[str, int], int] = {}
        for key, name in _names(part, source).items():
            photo, content = _photo(part.images[key], name, source, split, annotations_of.get(key, ()))
            # One file may have several spellings: accents, images/ in front, capitals where the system ignores them.
            same_file = unicodedata.normalize("NFC", str(photo.path)).casefold(), photo.path.stat().st_ino
            if (other := first_keys.setdefault(same_file, key)) != key:
                raise _listed_twice(source, part, other, key)
            photos.append(photo)
            contents.append(
                [photo.file_name, content, [annotation["segmentation"] for annotation in photo.annotations]]
            )
    if not allow_unannotated and not any(photo.annotations for photo in photos):
        of_classes = f" of {', '.join(classes)}" if classes is not None else " at all"
        raise InputError(f"{path}: no annotations{of_classes}; export the dataset again with its segmentation masks")
    categories = Counter(
        str(part.categories[annotation["category_id"]].get("name"))
        for _, _, part in parts
        for annotation in part.annotations.values()
    )
    return CocoDataset(
        folder=path if path.is_dir() else path.parent, photos=tuple(photos), digest=digest(contents), classes=classes,
        categories=categories,
    )  # fmt: skip


def category_names(path: Path) -> set[str]:
    """Return the names of all categories of the dataset at `path`, used or not; no image is opened.

    Raises
    ------
    InputError
        The folder, the archive or the json is unusable.
    """
    with unpacked(Path(path)) as inside:
        return _category_names(_parts(inside))


def _category_names(parts: Iterable[tuple[Path, str | None, Document]]) -> set[str]:
    return {str(category.get("name")) for _, _, part in parts for category in part.categories.values()}


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the cached folder of a zip archive, or any other `path` unchanged; errors name the archive.

    Raises
    ------
    InputError
        See `archive.extracted`.
    """
    if not archive.is_archive(path):
        yield path
        return
    folder = archive.extracted(path, cache=cache_folder())
    try:
        yield unwrapped(folder)
    except InputError as error:  # users know the archive, not our cache
        raise InputError(str(error).replace(str(folder), str(path))) from error


def on_this_machine(data: CocoDataset) -> CocoDataset:
    """Return a dataset, or part of one, that another machine has read; paths of an archive are moved to our cache.

    Raises
    ------
    InputError
        The archive cannot be extracted here, or was changed since it was read.
    """
    if data.extracted is None or data.extracted.is_dir():  # the cache names a folder after its content
        return data
    with unpacked(data.folder) as inside:
        if inside == data.folder:
            raise InputError(f"{data.folder}: the archive is missing; put it back and repeat the command")
        below_cache = inside.relative_to(cache_folder()).parts
        if data.extracted.parts[-len(below_cache) :] != below_cache:
            raise InputError(f"{data.folder}: changed since it was read; repeat the command once it is complete")
        moved = [replace(photo, path=inside / photo.path.relative_to(data.extracted)) for photo in data.photos]
        return replace(data, photos=tuple(moved), extracted=inside)


def _parts(path: Path) -> list[tuple[Path, str | None, Document]]:
    """Return the files that describe the dataset (each json or folder of masks), with the split and content of each."""
    jsons: list[tuple[Path, str | None]]
    if path.is_dir():
        if drawn := from_masks(path):
            return drawn
        jsons = sources(path)
    elif path.suffix.lower() == ".json" and path.is_file():
        jsons = [(path, None)]
    elif path.exists():
        raise InputError(f"{path}: neither a folder, a .zip nor a .json; give the folder of a dataset")
    else:
        raise InputError(f"{path}: no such folder; give the folder of a COCO dataset")
    return [(source, split, check_document(read_json(source, inside=root(source)), source)) for source, split in jsons]


def _names(part: Document, source: Path) -> dict[int, str]:
    """Return the file names of a json's images by id; raise InputError if two are the same."""
    table = {key: resolved_name(file_name(entry, source), source) for key, entry in part.images.items()}
    first_keys: dict[str, int] = {}
    for key, name in table.items():
        if (other := first_keys.setdefault(name, key)) != key:
            raise _listed_twice(source, part, other, key)
    return table


def _listed_twice(source: Path, part: Document, first: int, second: int) -> InputError:
    """Return the error for two images of a json that are the same file."""
    name, spelling = (part.images[key]["file_name"] for key in (first, second))
    problem = "listed twice" if name == spelling else f"the file of image {first}, {name!r}"
    return InputError(f"{source}: image {second}: file_name {spelling!r} is {problem}; keep one")


def _photo(
    entry: Mapping[str, Any], name: str, source: Path, split: str | None, annotations: Sequence[Mapping[str, Any]]
) -> tuple[Photo, str]:
    """Find an image and check its size and annotations. Return the photo and the SHA-256 of its file."""
    path = locate(name, source)
    if path is None:
        raise InputError(
            f"{source.parent / name}: image {entry['id']} of {source} is missing; add the file or remove its entry"
        )
    (width, height), content = image_io.header(path, inside=root(source))
    stated = (entry.get("width"), entry.get("height"))
    is_unknown = stated == (None, None) and not annotations  # Label Studio leaves out the size of a photo without any
    if stated != (width, height) and not is_unknown:
        raise InputError(
            f"{path}: is {width}x{height} pixels (after EXIF rotation), but {source} says "
            f"{entry.get('width')}x{entry.get('height')} for image {entry['id']}; export the dataset again"
        )
    for annotation in annotations:
        check_segmentation(annotation, width, height, source)
    if len(annotations) > 1:  # a single one has been checked above
        check_outlines(annotations, f"{source}: image {entry['id']}")
    photo = Photo(
        id=entry["id"],
        file_name=name if split is None else f"{split}/{name}",
        path=path,
        width=width,
        height=height,
        split=split,
        annotations=tuple(annotations),
        sha256=content[:HASH_DIGITS],
    )
    return photo, content


def mask(photo: Photo) -> npt.NDArray[np.bool_]:
    """Return the corrosion mask of a photo, the union of its annotations: (height, width) bool."""
    parts = [rle(annotation["segmentation"], photo.height, photo.width) for annotation in photo.annotations]
    if not parts:
        return np.zeros((photo.height, photo.width), dtype=bool)
    return np.asarray(coco_mask.decode(coco_mask.merge(parts)), dtype=bool)


def evenly(items: Sequence[_T], most: int) -> list[_T]:
    """Return at most `most` of `items`, evenly spaced and in order, including the first and the last if two or more."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round()
    return [items[int(place)] for place in places]


def image(photo: Photo) -> npt.NDArray[np.uint8]:
    """Decode a photo, (height, width, 3) uint8 RGB, upright by its EXIF orientation; see `decoded`.

    Raises
    ------
    InputError
        See `decoded`; also if the size of the image has changed since the dataset was read.
    """
    pixels = decoded(photo.path)
    if pixels.shape != (photo.height, photo.width, 3):
        raise InputError(f"{photo.path}: its size differs from its header (after EXIF rotation); save it again")
    return pixels
