"""Checks of one annotation of a dataset: mask, bounding box and area."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from corrotwin.segmentation.data import coco
from corrotwin.synth.validation.report import ERROR, WARNING, Notes, problem_and_advice
from corrotwin.twin.core.errors import InputError


def check_annotation(annotation: Mapping[str, Any], width: int, height: int, notes: Notes) -> bool:
    """Check one annotation and note findings; return False if its segmentation cannot be decoded.

    Parameters
    ----------
    annotation : entry of a COCO json, with integer `id` and `image_id`.
    width, height : size of its image, in pixels.
    notes : collector to which findings are added.
    """
    key, image = annotation["id"], annotation["image_id"]
    note = partial(notes.add, image=image, annotation=key)
    segmentation, box = annotation.get("segmentation"), _numbers(annotation.get("bbox"), 4)
    if box and (min(box) < -1 or box[0] + box[2] > width + 1 or box[1] + box[3] > height + 1):
        what = f"bbox {annotation['bbox']} extends outside the {width}x{height} picture"
        note("out of bounds", what, "export the dataset again")
    inexact = ERROR if notes.own else WARNING
    try:
        coco.check_segmentation(annotation, width, height, notes.source)
        rle = coco.rle(segmentation, height, width)
    except (InputError, ValueError, TypeError, OverflowError) as error:
        note("segmentation", *problem_and_advice(error, f"{notes.source}: annotation {key} of image {image}"))
        return False
    extent = coco.extent(rle)
    boxes, slack_px = [extent["bbox"]], 0.0
    if isinstance(segmentation, list):
        drawn, length_px = _outline(segmentation)
        if not notes.own:
            boxes, slack_px = [*boxes, drawn], length_px
        if min(drawn[:2]) < -1 or drawn[0] + drawn[2] > width + 1 or drawn[1] + drawn[3] > height + 1:
            what = f"polygons in the box {drawn} extend outside the {width}x{height} picture"
            note("out of bounds", what, "draw them again")
    if not extent["area"]:
        note("empty mask", "the mask has no pixels", "remove the annotation", severity=inexact)
        return True
    area = _numbers([annotation.get("area")], 1)
    if not area or abs(area[0] - extent["area"]) > slack_px:
        what = f"area {annotation.get('area')!r:.40}, but the mask has {extent['area']} pixels"
        note("area", what, "compute it from the mask", severity=inexact)
    if not box or not any(_same_box(box, possible, tolerance=min(slack_px, 1.0)) for possible in boxes):
        what = f"bbox {annotation.get('bbox')!r:.60}, but the mask has {extent['bbox']}"
        note("bbox", what, "compute it from the mask", severity=inexact)
    return True


def _outline(polygons: Sequence[Sequence[float]]) -> tuple[list[float], float]:
    """Return the box [x, y, width, height] around polygons and the length of their outlines, in pixels.

    Rasterisers disagree by up to a pixel along an outline, so areas may differ by its length times one pixel.
    """
    points = [np.reshape(np.asarray(polygon, dtype=float), (-1, 2)) for polygon in polygons]
    low, high = np.min(np.concatenate(points), axis=0), np.max(np.concatenate(points), axis=0)
    length = sum(float(np.linalg.norm(outline - np.roll(outline, 1, axis=0), axis=1).sum()) for outline in points)
    return [*low.tolist(), *(high - low).tolist()], length


def _numbers(value: Any, count: int) -> list[float]:
    """Return `value` as a list of floats if it is a list of `count` numbers below 1e9 in size, else an empty list."""
    if not isinstance(value, list) or len(value) != count:
        return []
    if not all(isinstance(item, int | float) and not isinstance(item, bool) and abs(item) < 1e9 for item in value):
        return []
    return [float(item) for item in value]


def _same_box(one: Sequence[float], other: Sequence[float], *, tolerance: float) -> bool:
    """Return True if two boxes [x, y, width, height] have the same edges to within `tolerance` pixels."""
    edges = [(x, y, x + width, y + height) for x, y, width, height in (one, other)]
    return all(abs(a - b) <= tolerance + 1e-6 for a, b in zip(*edges, strict=True))
