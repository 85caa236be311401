"""From the label pass to masks and annotations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from segmentation import coco
from synth.config import LabelRule

Mask = NDArray[np.bool_]


def exact(label: NDArray[np.float32], threshold: float) -> Mask:
    """Pixels whose centre sees rust.

    Parameters
    ----------
    label : (H, W, 3) rust cover, wall loss in mm, instance.
    threshold : rust cover above which a spot counts as corroded.
    """
    return np.asarray((label[..., 0] > threshold) & (label[..., 2] > 0))


def annotated(label: NDArray[np.float32], rule: LabelRule) -> Mask:
    """The mask that `rule` makes of the rust in view, (H, W).

    The annotator's mask bridges gaps no wider than twice the closing radius and drops regions below the smallest
    area; it never leaves the assets.
    """
    mask = exact(label, rule.threshold)
    if rule.policy == "exact":
        return mask
    side = min(mask.shape)
    radius = round(rule.closing_radius * side)
    if radius:
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        padded = np.pad(mask, radius, mode="edge")
        closed = ndimage.binary_closing(padded, y**2 + x**2 <= radius**2)
        mask = closed[radius:-radius, radius:-radius] & (label[..., 2] > 0)
    return keep_larger(mask, rule.smallest_region * mask.size)


def keep_larger(mask: Mask, smallest_area: float) -> Mask:
    """`mask` without its 8-connected regions of fewer than `smallest_area` pixels."""
    regions, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(regions.ravel(), minlength=count + 1)
    areas[0] = 0
    return np.asarray((areas >= max(smallest_area, 1))[regions] & mask)


def annotations(mask: Mask, instance: NDArray[np.floating[Any]], image_id: int) -> list[dict[str, Any]]:
    """COCO annotations without ids: one for each 8-connected region of each asset, in reading order."""
    found = []
    for number in np.unique(instance[mask]).astype(int):
        regions, _ = ndimage.label(mask & (instance == number), np.ones((3, 3)))
        for index, place in enumerate(ndimage.find_objects(regions), start=1):
            region = np.zeros_like(mask)
            region[place] = regions[place] == index
            found.append(
                {"image_id": image_id, "category_id": 1, "iscrowd": 0, **coco.region(region), "asset": int(number)}
            )
    return found
