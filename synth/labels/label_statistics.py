"""Statistics of the labels of a dataset that are comparable between datasets of different picture sizes.

Every mask is first scaled to `WORKING_SIDE` pixels on its longer side, nearest pixel, so that a boundary or a gap of a
given width in pixels is the same share of the picture in each set. Regions are 8-connected, in the union of all
annotations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from corrotwin.synth.labels.morphology import Mask, closed

WORKING_SIDE = 512  # pixels
CLOSING_RADIUS = 5  # pixels at the working size
SMALL_REGION = 0.001  # share of the picture
TINY_REGION = 16  # pixels of the picture in its own size
ALIKE = 1.5  # two sets differ in a number if one's is more than this many times the other's


@dataclass(frozen=True, kw_only=True, slots=True)  # one is kept for each image of a dataset
class ImageLabels:
    """Counts of one mask; all but `native_regions` and `tiny_regions` are counted at the working size.

    `boundary` counts the pixels of the mask with one of their four neighbours in the picture outside the mask;
    `closing` counts those that a morphological closing adds.
    """

    share: float
    area: int
    regions: int
    small_regions: int
    boundary: int
    closing: int
    native_regions: int
    tiny_regions: int


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Statistics of the labels of a dataset; a value is None if there is no image to compute it from.

    Shares of the picture are over all images, all other values over the images with corrosion at the size at
    which they are counted: specks may vanish at the working size.
    """

    images: int
    share_lower_quartile: float | None
    share_median: float | None
    share_upper_quartile: float | None
    share_mean: float | None
    empty_images: float | None
    regions_median: float | None
    regions_mean: float | None
    small_regions: float | None
    tiny_regions: float | None
    boundary_to_area: float | None
    closing_gain: float | None


# The label of each field of `Statistics`, and whether it is shown in per cent.
NAMES = {
    "share_lower_quartile": ("corrosion share of the picture, lower quartile", True),
    "share_median": ("corrosion share of the picture, median", True),
    "share_upper_quartile": ("corrosion share of the picture, upper quartile", True),
    "share_mean": ("corrosion share of the picture, mean", True),
    "empty_images": ("images without corrosion", True),
    "regions_median": ("regions per image, median", False),
    "regions_mean": ("regions per image, mean", False),
    "small_regions": (f"regions below {100 * SMALL_REGION:g} % of the picture", True),
    "tiny_regions": (f"regions below {TINY_REGION} pixels, as annotated", True),
    "boundary_to_area": ("boundary / area, median", False),
    "closing_gain": (f"area added by closing, radius {CLOSING_RADIUS} px, median", True),
}


@dataclass(frozen=True, kw_only=True)
class LabelComparison:
    """One statistic of a dataset and of the reference; `ratio` is None if it is undefined."""

    name: str
    value: float | None
    reference: float | None
    ratio: float | None
    differs: bool


def measure(mask: Mask) -> ImageLabels:
    """Measure a mask, (H, W) bool at the annotated size."""
    native = _region_areas(mask)
    scaled = at_working_size(mask)
    areas = _region_areas(scaled)
    return ImageLabels(
        share=float(mask.mean()),
        area=int(scaled.sum()),
        regions=len(areas),
        small_regions=int((areas < SMALL_REGION * scaled.size).sum()),
        boundary=int((scaled & ~ndimage.binary_erosion(scaled, border_value=1)).sum()),
        closing=int((closed(scaled, CLOSING_RADIUS) & ~scaled).sum()),
        native_regions=len(native),
        tiny_regions=int((native < TINY_REGION).sum()),
    )


def _region_areas(mask: Mask) -> NDArray[np.int_]:
    """Return the number of pixels of each 8-connected region, (n,)."""
    regions, _ = ndimage.label(mask, np.ones((3, 3)))
    return np.bincount(regions.ravel())[1:]


def at_working_size(mask: Mask) -> Mask:
    """Scale `mask` to `WORKING_SIDE` pixels on its longer side, nearest pixel."""
    scale = WORKING_SIDE / max(mask.shape)
    height, width = (max(1, round(side * scale)) for side in mask.shape)
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST), dtype=bool)


def summarise(images: Sequence[ImageLabels]) -> Statistics:
    """Summarise the measurements of all images of a dataset."""
    shares = [image.share for image in images]
    marked = [image for image in images if image.area]
    regions = [image.regions for image in marked]
    return Statistics(
        images=len(images),
        share_lower_quartile=_quantile(shares, 0.25),
        share_median=_quantile(shares, 0.5),
        share_upper_quartile=_quantile(shares, 0.75),
        share_mean=_ratio(sum(shares), len(shares)),
        empty_images=_ratio(sum(share == 0 for share in shares), len(shares)),
        regions_median=_quantile(regions, 0.5),
        regions_mean=_ratio(sum(regions), len(regions)),
        small_regions=_ratio(sum(image.small_regions for image in marked), sum(regions)),
        tiny_regions=_ratio(sum(image.tiny_regions for image in images), sum(image.native_regions for image in images)),
        boundary_to_area=_quantile([image.boundary / image.area for image in marked], 0.5),
        closing_gain=_quantile([image.closing / image.area for image in marked], 0.5),
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def compare(own: Statistics, reference: Statistics | None) -> list[LabelComparison]:
    """Compare each statistic with the reference's.

    Two zeros are alike; a zero and another number differ, and have no ratio.
    """
    rows = []
    for name in NAMES:
        value: float | None = getattr(own, name)
        reference_value: float | None = None if reference is None else getattr(reference, name)
        ratio, differs = None, False
        if value is not None and reference_value is not None:
            ratio = 1.0 if value == reference_value else _ratio(value, reference_value)
            differs = ratio is None or not 1 / ALIKE <= ratio <= ALIKE
        rows.append(LabelComparison(name=name, value=value, reference=reference_value, ratio=ratio, differs=differs))
    return rows


def table(rows: Sequence[LabelComparison], *, beside_reference: bool) -> list[list[str]]:
    """Return the rows as text, headings first: name and value, and with a reference its value, the ratio and a flag."""
    lines = [["", "this set", *(["reference", "ratio", ""] if beside_reference else [])]]
    for row in rows:
        label, per_cent = NAMES[row.name]
        line = [label, format_value(row.value, per_cent=per_cent)]
        if beside_reference:
            ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
            line += [format_value(row.reference, per_cent=per_cent), ratio, "differs" if row.differs else ""]
        lines.append(line)
    return lines


def format_value(value: float | None, *, per_cent: bool) -> str:
    """Format a number with three significant digits, None as a dash."""
    if value is None:
        return "–"
    return f"{100 * value:.3g} %" if per_cent else f"{value:.3g}"
