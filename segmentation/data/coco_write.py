"""Writing COCO json: masks as regions, their extents and outlines, and the document that holds them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from corrotwin.twin.core.files import atomic_file


def rle(segmentation: Any, height: int, width: int) -> Mapping[str, Any]:
    """Encode a checked segmentation (`coco_check.check_segmentation`) as one compressed RLE, uniting its polygons."""
    if isinstance(segmentation, list):
        polygons = [[float(value) for value in polygon] for polygon in segmentation]
        return dict(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width)))
    if isinstance(segmentation["counts"], list):
        return dict(coco_mask.frPyObjects(segmentation, height, width))
    return dict(segmentation)


def region(
    mask: npt.NDArray[np.bool_], *, left: int = 0, top: int = 0, of: tuple[int, ...] | None = None
) -> dict[str, Any]:
    """Return the mask fields of a COCO annotation for `mask` (height, width): compressed RLE, area and bounding box.

    Parameters
    ----------
    mask : (h, w) bool. If it covers only a part of an image, its first and last row and column must hold a pixel.
    left, top : column and row, in the image, of the mask's top left corner.
    of : height and width of the image; None if the mask covers all of it.

    Returns
    -------
    ``{"segmentation": {"size": [height, width], "counts": str}, "area": pixels, "bbox": [x, y, width, height]}``
    """
    if of is None:
        encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    else:
        encoded = coco_mask.frPyObjects({"size": list(of), "counts": _run_lengths(mask, left, top, of)}, *of)
    size = [int(side) for side in encoded["size"]]
    return {"segmentation": {"size": size, "counts": encoded["counts"].decode("ascii")}, **extent(encoded)}


def _run_lengths(mask: npt.NDArray[np.bool_], left: int, top: int, of: tuple[int, ...]) -> list[int]:
    """Return the lengths of the runs of 0 and 1 in turn, down the columns of the image of size `of` (height, width)."""
    steps = np.diff(np.pad(mask.T, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    # `flatnonzero`, since `nonzero` of two axes takes ten times as long
    places = (np.flatnonzero(steps == 1), np.flatnonzero(steps == -1))
    begin, end = (top + place % steps.shape[1] + (left + place // steps.shape[1]) * of[0] for place in places)
    is_separate = end[:-1] != begin[1:]  # a run may continue from one column to the next
    begin, end = np.append(begin[:1], begin[1:][is_separate]), np.append(end[:-1][is_separate], end[-1:])
    edges = np.stack([begin, end], axis=1).ravel()
    runs: list[int] = np.diff(edges, prepend=0, append=of[0] * of[1]).tolist()
    return runs if runs[-1] else runs[:-1]


def extent(rle: Mapping[str, Any]) -> dict[str, Any]:
    """Return area in pixels and bounding box of a compressed RLE: ``{"area": int, "bbox": [x, y, width, height]}``."""
    return {"area": int(coco_mask.area(rle)), "bbox": [int(side) for side in coco_mask.toBbox(rle)]}


def polygons(mask: npt.NDArray[np.bool_]) -> list[list[float]]:
    """Trace the outlines of `mask` (height, width) along pixel edges: x and y in turn, one list per connected part.

    Parts are 8-connected. pycocotools turns the outlines back into the same pixels, except that holes are filled, since
    COCO unites polygons.
    """
    import cv2

    # OpenCV traces the centres of border pixels. In a doubled mask, each side of a pixel has centres of its own, which
    # stand for that edge.
    doubled = mask.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = []
    for contour in contours[::-1]:  # from the top down
        edges = (contour[:, 0] + 1) // 2
        edges = edges[(edges != np.roll(edges, 1, axis=0)).any(axis=1)]
        corners = (edges - np.roll(edges, 1, axis=0) != np.roll(edges, -1, axis=0) - edges).any(axis=1)
        outlines.append(edges[corners].astype(float).ravel().tolist())
    return outlines


def outlined(mask: npt.NDArray[np.bool_], *, left: int = 0, top: int = 0) -> dict[str, Any]:
    """Return the fields of `region`, with `polygons` in place of RLE; area and box are those of the polygons' pixels.

    Parameters
    ----------
    mask : (height, width) bool, not empty; it may be a part of an image.
    left, top : position of that part in the image, pixels.

    Returns
    -------
    The dictionary also holds ``polygon_iou``, the intersection over union of these pixels and the mask.
    """
    outlines = polygons(mask)
    filled = rle(outlines, *mask.shape)
    overlap = coco_mask.iou([filled], [region(mask)["segmentation"]], [False])
    size = extent(filled)
    x, y, width, height = size["bbox"]
    corner = np.array([left, top])
    return {
        "segmentation": [(np.reshape(outline, (-1, 2)) + corner).ravel().tolist() for outline in outlines],
        "area": size["area"], "bbox": [x + left, y + top, width, height],
        "polygon_iou": round(float(overlap[0, 0]), 4),
    }  # fmt: skip


def document(
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    *,
    description: str,
    categories: Sequence[tuple[str, str]] = (("corrosion", "corrosion"),),
) -> dict[str, Any]:
    """Return a COCO document ready for json. `categories` are pairs of name and supercategory; their ids begin at 1."""
    return {
        "info": {"description": description, "version": "1.0"},
        "licenses": [],
        "categories": [
            {"id": number, "name": name, "supercategory": supercategory}
            for number, (name, supercategory) in enumerate(categories, start=1)
        ],
        "images": images,
        "annotations": annotations,
    }


def write_document(
    path: Path,
    images: Iterable[dict[str, Any]],
    annotations: Iterable[dict[str, Any]],
    *,
    description: str,
    categories: Sequence[tuple[str, str]] = (("corrosion", "corrosion"),),
) -> None:
    """Write a COCO `document` to `path` atomically, entry by entry, so that it is never held in memory as a whole.

    The bytes are those of `twin.core.files.write_json`. `images` is exhausted before `annotations` is started.
    """
    empty_document = json.dumps(document([], [], description=description, categories=categories), indent=2)
    head, middle, tail = empty_document.rsplit("[]", 2)
    with atomic_file(path) as stream:
        for text, entries in ((head, images), (middle, annotations)):
            stream.write(f"{text}[".encode())
            closing = "]"
            for number, entry in enumerate(entries):
                lines = json.dumps(entry, indent=2, allow_nan=False).replace("\n", "\n    ")
                stream.write(f"{',' if number else ''}\n    {lines}".encode())
                closing = "\n  ]"
            stream.write(closing.encode())
        stream.write(f"{tail}\n".encode())
