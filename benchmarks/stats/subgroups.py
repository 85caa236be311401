"""Gains of one arm over another on subsets of the test photos, by properties of the photos.

Each interval is that of the primary test (`crossed_effects`: runs and spots both random) on the photos of one bin
alone. The bins are examined after the fact and not adjusted: they suggest where to look, but prove nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.tukey import CONFIDENCE, RunScores

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import Photo

BINS = 4
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear R, G, B: ITU-R BT.709


@dataclass(frozen=True, kw_only=True)
class Property:
    """A number that describes a photo; it is shown times `scale`, with `unit`."""

    name: str
    scale: float
    unit: str


PROPERTIES = {
    "share": Property(name="Corroded share of the photo", scale=100, unit="%"),
    "region": Property(name="Median region, share of the photo", scale=100, unit="%"),
    "brightness": Property(name="Mean brightness (0 black, 100 white)", scale=100, unit=""),
}


@dataclass(frozen=True, kw_only=True)
class Gain:
    """The gain on a subset of the test photos; without an interval if there is only one run or one unit.

    `low` and `high` are the ends of its 95 % interval, `floor` and `ceiling` those of the values in the bin.
    """

    floor: float
    ceiling: float
    photos: int
    units: int
    runs: int
    difference: float
    low: float | None
    high: float | None


def describe(photo: "Photo") -> dict[str, float]:
    """Return the numbers of `PROPERTIES` for one photo: its own pixels and its annotated mask.

    Regions are 8-connected; the median region of a photo without corrosion is 0. Brightness is the mean of the coded
    (gamma) values, weighted as luminance.
    """
    from corrotwin.segmentation.data import coco

    mask, image = coco.mask(photo), coco.image(photo)
    regions, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(regions.ravel())[1:]
    return {
        "share": float(mask.mean()),
        "region": float(np.median(areas) / mask.size) if areas.size else 0.0,
        "brightness": float((image.reshape(-1, 3).mean(axis=0) / 255) @ LUMINANCE),
    }


def differences(scores: Sequence[RunScores], *, base: str, arm: str, backbone: str, score: str) -> FloatArray:
    """Return the scores in `arm` minus those in `base`, (runs, photos), for the runs that both have."""
    cells = {
        name: {run.run: run for run in scores if (run.arm, run.backbone) == (name, backbone)} for name in (base, arm)
    }
    shared = sorted(cells[base].keys() & cells[arm].keys())
    rows = [getattr(cells[arm][run], score) - getattr(cells[base][run], score) for run in shared]
    return np.array(rows) if rows else np.empty((0, 0))


def by_quarter(gains: FloatArray, values: FloatArray, units: Sequence[str]) -> list[Gain]:
    """Return the gain in each quarter of the photos by a property; quarters that are empty because of ties are omitted.

    Parameters
    ----------
    gains : (runs, photos), at least one run.
    values : (photos,) the property.
    units : (photos,) the spot of each photo, or its name. A spot with photos in two quarters counts in both.
    """
    edges = np.quantile(values, np.arange(1, BINS) / BINS)
    quarter = np.searchsorted(edges, values, side="left")
    return [_gain(gains, values, units, quarter == index) for index in range(BINS) if (quarter == index).any()]


def _gain(
    gains: FloatArray, values: FloatArray, units: Sequence[str], chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
) -> Gain:
    names = [unit for unit, is_in in zip(units, chosen, strict=True) if is_in]
    means = crossed_effects.unit_means(gains[:, chosen], names)
    runs, count = means.shape
    low, high = None, None
    if runs > 1 and count > 1:
        low, high = crossed_effects.interval(crossed_effects.paired(crossed_effects.moments(means)), 1 - CONFIDENCE)
    return Gain(
        floor=float(values[chosen].min()),
        ceiling=float(values[chosen].max()),
        photos=int(chosen.sum()),
        units=count,
        runs=runs,
        difference=float(means.mean()),
        low=low,
        high=high,
    )


def unit_names(images: Sequence[str], groups: Mapping[str, str] | None) -> list[str]:
    """Return the spot of each photo, or its own name where spots are not known."""
    return list(images) if groups is None else [groups[name] for name in images]
