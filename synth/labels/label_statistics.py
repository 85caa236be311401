"""How a dataset is labelled, in numbers that can be compared between datasets of different picture sizes.

Every mask is first brought to `WORKING_SIDE` pixels on its longer side, nearest pixel, so that a boundary or a gap of
so many pixels is the same share of the picture in each set. Regions are 8-connected, of the union of all annotations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from corrotwin.synth.labels.morphology import Mask, closed

WORKING_SIDE = 512  # pixels
CLOSING_RADIUS = 5  # pixels at the working size
SMALL_REGION = 0.001  # share of the picture
TINY_REGION = 16  # pixels of the picture as it is
ALIKE = 1.5  # two sets differ where a number is more than this many times the other


@dataclass(frozen=True, kw_only=True, slots=True)  # one is kept for each image of a dataset
class ImageLabels:
    """What one mask says. All but `native_regions` and `tiny_regions` is counted at the working size.

    `boundary` are the pixels of the mask with one of their four neighbours in the picture outside the mask; `closing`
    those that a closing adds.
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
    """The labels of a dataset. What is None has no image, or no image with corrosion, to be taken from.

    Shares of the picture are over all images, and all else over those with corrosion.
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


# Each number of `Statistics`: what it is called, and whether it is shown in per cent.
NAMES = {
    "share_lower_quartile": ("corrosion share of the picture, lower quartile", True),
    "share_median": ("corrosion share of the picture, median", True),
    "share_upper_quartile": ("corrosion share of the picture, upper quartile", True),
    "share_mean": ("corrosion share of the picture, mean", True),
    "empty_images": ("images without corrosion", True),
    "regions_median": ("regions an image, median", False),
    "regions_mean": ("regions an image, mean", False),
    "small_regions": (f"regions below {100 * SMALL_REGION:g} % of the picture", True),
    "tiny_regions": (f"regions below {TINY_REGION} pixels, as annotated", True),
    "boundary_to_area": ("boundary / area, median", False),
    "closing_gain": (f"area added by closing, radius {CLOSING_RADIUS} px, median", True),
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One number of a set beside that of the reference; `ratio` is None where it cannot be formed."""

    name: str
    value: float | None
    reference: float | None
    ratio: float | None
    differs: bool


def measure(mask: Mask) -> ImageLabels:
    """Count what `mask`, (H, W) at the size annotated, says."""
    native = _region_areas(mask)
    seen = at_working_size(mask)
    areas = _region_areas(seen)
    return ImageLabels(
        share=float(mask.mean()),
        area=int(seen.sum()),
        regions=len(areas),
        small_regions=int((areas < SMALL_REGION * seen.size).sum()),
        boundary=int((seen & ~ndimage.binary_erosion(seen, border_value=1)).sum()),
        closing=int((closed(seen, CLOSING_RADIUS) & ~seen).sum()),
        native_regions=len(native),
        tiny_regions=int((native < TINY_REGION).sum()),
    )


def _region_areas(mask: Mask) -> NDArray[np.int_]:
    """Pixels of each 8-connected region, (N,)."""
    regions, _ = ndimage.label(mask, np.ones((3, 3)))
    return np.bincount(regions.ravel())[1:]


def at_working_size(mask: Mask) -> Mask:
    """`mask` with `WORKING_SIDE` pixels on its longer side, nearest pixel."""
    scale = WORKING_SIDE / max(mask.shape)
    height, width = (max(1, round(side * scale)) for side in mask.shape)
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST), dtype=bool)


def summarise(images: Sequence[ImageLabels]) -> Statistics:
    """The numbers of a dataset from those of its images."""
    shares = [each.share for each in images]
    marked = [each for each in images if each.area]
    regions = [each.regions for each in marked]
    return Statistics(
        images=len(images),
        share_lower_quartile=_quantile(shares, 0.25),
        share_median=_quantile(shares, 0.5),
        share_upper_quartile=_quantile(shares, 0.75),
        share_mean=_ratio(sum(shares), len(shares)),
        empty_images=_ratio(sum(share == 0 for share in shares), len(shares)),
        regions_median=_quantile(regions, 0.5),
        regions_mean=_ratio(sum(regions), len(regions)),
        small_regions=_ratio(sum(each.small_regions for each in marked), sum(regions)),
        tiny_regions=_ratio(sum(each.tiny_regions for each in marked), sum(each.native_regions for each in marked)),
        boundary_to_area=_quantile([each.boundary / each.area for each in marked], 0.5),
        closing_gain=_quantile([each.closing / each.area for each in marked], 0.5),
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def compare(own: Statistics, reference: Statistics | None) -> list[Comparison]:
    """Each number beside the reference's. Two zeros are alike; a zero and another number are not, without a ratio."""
    rows = []
    for name in NAMES:
        value: float | None = getattr(own, name)
        other: float | None = None if reference is None else getattr(reference, name)
        ratio, differs = None, False
        if value is not None and other is not None:
            ratio = 1.0 if value == other else _ratio(value, other)
            differs = ratio is None or not 1 / ALIKE <= ratio <= ALIKE
        rows.append(Comparison(name=name, value=value, reference=other, ratio=ratio, differs=differs))
    return rows


def table(rows: Sequence[Comparison], *, beside_reference: bool) -> list[list[str]]:
    """The rows as text, headings first: name and value, and beside a reference its value, the ratio and a flag."""
    lines = [["", "this set", *(["reference", "ratio", ""] if beside_reference else [])]]
    for row in rows:
        what, per_cent = NAMES[row.name]
        line = [what, shown(row.value, per_cent=per_cent)]
        if beside_reference:
            ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
            line += [shown(row.reference, per_cent=per_cent), ratio, "differs" if row.differs else ""]
        lines.append(line)
    return lines


def shown(value: float | None, *, per_cent: bool) -> str:
    """A number with three significant digits, a dash for None."""
    if value is None:
        return "–"
    return f"{100 * value:.3g} %" if per_cent else f"{value:.3g}"


def as_json(row: Comparison) -> dict[str, Any]:
    """A row for a JSON report."""
    return {"value": row.value, "reference": row.reference, "ratio": row.ratio, "differs": row.differs}
