"""Validation of COCO json: its lists, ids and file names, and the segmentation of each annotation.

Whatever passes is safe for pycocotools, which silently misreads some damaged segmentations and crashes on others.
"""

import math
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote

import numpy as np

from corrotwin.twin.core.errors import InputError

# pycocotools needs 100 bytes for each pixel of an outline and crashes when memory runs out: a million points that jump
# from side to side need terabytes. Outlines of 100,000 corners drawn with a tool are far below this limit.
MOST_OUTLINE_PX = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Document:
    """A COCO json with unique ids: images, annotations and categories in file order."""

    images: Mapping[int, Mapping[str, Any]]
    annotations: Mapping[int, Mapping[str, Any]]
    categories: Mapping[int, Mapping[str, Any]]

    def of_image(self, classes: Sequence[str] | None) -> dict[int, list[Mapping[str, Any]]]:
        """Return the annotations by image id, only those of the named categories unless `classes` is None."""
        category_ids = {
            key for key, category in self.categories.items() if classes is None or category.get("name") in classes
        }
        table: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for annotation in self.annotations.values():
            if annotation["category_id"] in category_ids:
                table[annotation["image_id"]].append(annotation)
        return table


def check_document(content: Any, source: Path) -> Document:
    """Check a COCO json and index it by id: lists, unique integer ids, and references that exist.

    Raises
    ------
    InputError
        The json is not COCO, or an id is missing, repeated or unknown. The message names `source` and the id.
    """
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) and all(isinstance(entry, dict) for entry in content[key])
        for key in ("images", "annotations", "categories")
    ):
        raise InputError(f"{source}: json, but not COCO; it needs lists of images, annotations and categories")
    images = _by_id(content["images"], "image", source)
    annotations = _by_id(content["annotations"], "annotation", source)
    categories = _by_id(content["categories"], "category", source)
    for key, annotation in annotations.items():
        for kind, known in (("image", images), ("category", categories)):
            target = annotation.get(f"{kind}_id")
            if not isinstance(target, int) or target not in known:
                raise InputError(
                    f"{source}: annotation {key} is of unknown {kind} {target!r:.40}; list it or remove the annotation"
                )
    return Document(images=images, annotations=annotations, categories=categories)


def _by_id(entries: Sequence[dict[str, Any]], what: str, source: Path) -> dict[int, dict[str, Any]]:
    table: dict[int, dict[str, Any]] = {}
    for entry in entries:
        key = entry.get("id")
        if not isinstance(key, int):
            raise InputError(f"{source}: an entry of the {what} list has no integer id ({entry!r:.80})")
        if key in table:
            raise InputError(f"{source}: {what} id {key} occurs twice; ids must be unique")
        table[key] = entry
    return table


LABEL_STUDIO = "/data/local-files/?d="  # precedes the path of a locally stored photo in its exports


def file_name(entry: Mapping[str, Any], source: Path) -> str:
    """Return the file_name of an image entry in its plain spelling.

    Raises
    ------
    InputError
        There is none, or it could lead out of the dataset's folder.
    """
    name = entry.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name:
        raise InputError(f"{source}: image {entry['id']} has no file_name")
    if name.startswith(LABEL_STUDIO):
        name = unquote(name.removeprefix(LABEL_STUDIO))
    if leaves(name):
        raise InputError(
            f"{source}: image {entry['id']}: file_name {name!r} points outside the folder; use a path within it"
        )
    return plain_name(name)


def plain_name(name: str) -> str:
    """Return a relative path without redundant parts: ``a/b.png`` for ``./a//b.png``."""
    return posixpath.normpath(name) if name else ""


def leaves(name: str) -> bool:
    """Return True if a relative path could leave its folder on any system: absolute, with a drive or with ``..``."""
    return any(
        path.is_absolute() or path.drive or path.root or ".." in path.parts
        for path in (PurePosixPath(name), PureWindowsPath(name))
    )


def check_segmentation(annotation: Mapping[str, Any], width: int, height: int, source: Path) -> None:
    """Raise InputError for a segmentation that pycocotools would silently misread or crash on."""
    segmentation = annotation.get("segmentation")
    where = f"{source}: annotation {annotation['id']} of image {annotation['image_id']}"
    if isinstance(segmentation, dict):
        _check_rle(segmentation, width, height, where)
    elif isinstance(segmentation, list) and segmentation:
        for polygon in segmentation:
            _check_polygon(polygon, width, height, where)
        check_outlines([annotation], where)
    else:
        raise InputError(f"{where} has no segmentation; export masks, not boxes")


def _check_polygon(polygon: Any, width: int, height: int, where: str) -> None:
    """Check one polygon, which may reach one image size beyond the border; pycocotools clips it to the image."""
    is_numeric = isinstance(polygon, list) and {*map(type, polygon)} <= {int, float}  # the types of json numbers
    if not is_numeric or len(polygon) < 6 or len(polygon) % 2:
        raise InputError(
            f"{where}: a polygon needs at least 6 numbers, x and y in turn ({polygon!r:.60}); draw it again"
        )
    try:
        is_finite = all(map(math.isfinite, polygon))
    except OverflowError:  # an integer too large for a float
        is_finite = False
    if not is_finite:
        raise InputError(f"{where}: a polygon holds NaN, infinity or a number too large; draw it again")
    x, y = polygon[0::2], polygon[1::2]
    if min(x) < -width or max(x) > 2 * width or min(y) < -height or max(y) > 2 * height:
        raise InputError(f"{where}: a polygon lies far outside the {width}x{height} image; draw it again")
    if max(x) <= 0 or min(x) >= width or max(y) <= 0 or min(y) >= height:
        raise InputError(f"{where}: no part of a polygon lies in the {width}x{height} image; draw it again")


def _outline_px(polygon: Sequence[float]) -> float:
    """Return the number of pixels on the outline of a polygon plus the number of its corners."""
    points = np.reshape(np.asarray(polygon, dtype=np.float64), (-1, 2))
    return float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum()) + len(points)


def check_outlines(annotations: Iterable[Mapping[str, Any]], where: str) -> None:
    """Raise InputError for polygons whose total length would exhaust the memory of pycocotools."""
    polygons = (
        polygon
        for annotation in annotations
        if isinstance(annotation["segmentation"], list)
        for polygon in annotation["segmentation"]
    )
    if sum(map(_outline_px, polygons)) > MOST_OUTLINE_PX:
        raise InputError(
            f"{where}: its outlines are longer than the limit of {MOST_OUTLINE_PX:,} pixels; export it as RLE"
        )


def _check_rle(rle: Mapping[str, Any], width: int, height: int, where: str) -> None:
    size, counts = rle.get("size"), rle.get("counts")
    if size != [height, width]:
        raise InputError(f"{where}: RLE of size {size!r:.40}, but the image is {[height, width]} (height, width)")
    if isinstance(counts, str):
        runs = run_lengths(counts, where)
    elif isinstance(counts, list) and {*map(type, counts)} <= {int}:
        runs = counts
    else:
        raise InputError(f"{where}: RLE counts are neither a string nor a list of integers")
    if min(runs, default=0) < 0 or sum(runs) != width * height:
        raise InputError(f"{where}: RLE counts do not add up to the {width * height} pixels of the image")


def run_lengths(text: str, where: str) -> list[int]:
    """Decode the run lengths of a compressed RLE string; raise InputError if it is damaged, before C code reads it.

    The encoding is that of `rleFrString` in pycocotools' maskApi.c: each character, less 48, holds 5 bits of a number,
    lowest first; bit 5 means that more follow, and bit 4 of the last character is the sign. From the fourth run on,
    numbers are differences from the run two before.
    """
    bits = np.frombuffer(text.encode(errors="surrogatepass"), dtype=np.uint8).astype(np.int64) - 48
    last = np.flatnonzero((bits & 32) == 0)  # characters that end a run
    lengths = np.diff(last, prepend=-1)
    if bits.min(initial=0) < 0 or bits.max(initial=0) >= 64 or lengths.sum() != len(bits) or lengths.max(initial=0) > 7:
        raise InputError(f"{where}: damaged RLE string; export the dataset again")
    first = last - lengths + 1
    position = np.arange(len(bits)) - np.repeat(first, lengths)
    runs = np.add.reduceat((bits & 31) << (5 * position), first) if text else bits
    runs -= ((bits[last] & 16) > 0) * (np.int64(1) << (5 * lengths))
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return list(runs.tolist())
