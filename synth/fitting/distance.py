"""Distance between renders and photographs, by the features of a pretrained encoder and by their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corrotwin.segmentation.models.features import FeatureExtractor
from corrotwin.synth.fitting import appearance
from corrotwin.synth.fitting.appearance import Shot

REGIONS = ("whole picture", "rust", "around rust")
LABELS = "labels"
FEWEST, FARTHEST = 3, 1000.0  # pictures with rust, below which renders are as far as can be
Features = NDArray[np.float64]  # (n, regions, channels)


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureFeatures:
    """Features (n, 3, c) of some pictures, and habits (k, 4) of those masks that are not empty."""

    features: Features
    habits: NDArray[np.float64]


def see(shots: Sequence[Shot], extractor: FeatureExtractor) -> PictureFeatures:
    """Look at the pictures whose masks hold anything."""
    marked = [shot for shot in shots if shot.mask is not None and shot.mask.any()]
    if not marked:
        return PictureFeatures(features=np.empty((0, len(REGIONS), 1)), habits=np.empty((0, len(appearance.HABITS))))
    features = extractor.over([shot.picture for shot in marked], [appearance.regions_of(shot) for shot in marked])
    return PictureFeatures(
        features=features.astype(np.float64),
        habits=np.array([appearance.habits(shot.mask) for shot in marked if shot.mask is not None]),
    )


def by_region(
    renders: PictureFeatures, photos: PictureFeatures, *, scale: PictureFeatures | None = None
) -> dict[str, float]:
    """Return the distance of renders from photographs in each of `REGIONS`, and of `LABELS`.

    Parameters
    ----------
    scale : what features are standardised by; by default the photographs.

    Notes
    -----
    Regions: the kernel distance of features, standardised by those of the photographs: the unbiased estimate of the
    squared maximum mean discrepancy for the kernel (x y / c + 1)^3 (M. Binkowski et al., Demystifying MMD GANs, ICLR
    2018), which may be below 0 for sets that are alike. Labels: the mean over `appearance.HABITS` of the squared
    difference of means, in variances of the photographs, and of the logarithm of the ratio of the standard deviations.
    """
    if len(renders.features) < FEWEST:
        return dict.fromkeys((*REGIONS, LABELS), FARTHEST)
    scale = scale or photos
    middle, spread = scale.features.mean(axis=0), scale.features.std(axis=0) + 1e-3
    ours, theirs = ((one.features - middle) / spread for one in (renders, photos))
    found = {name: _kernel_distance(ours[:, place], theirs[:, place]) for place, name in enumerate(REGIONS)}
    means, spreads = (
        (renders.habits.mean(axis=0), photos.habits.mean(axis=0)),
        (renders.habits.std(axis=0) + 0.05, photos.habits.std(axis=0) + 0.05),
    )
    apart = ((means[0] - means[1]) / spreads[1]) ** 2 + np.log(spreads[0] / spreads[1]) ** 2
    return {**found, LABELS: float(apart.mean())}


def _kernel_distance(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    def kernel(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        clipped = first.clip(-4, 4) @ second.clip(-4, 4).T / first.shape[1]
        return np.asarray((clipped + 1) ** 3)

    def within(one: NDArray[np.float64]) -> float:
        every, count = kernel(one, one), len(one)
        return float((every.sum() - np.trace(every)) / (count * (count - 1)))

    return within(ours) + within(theirs) - 2 * float(kernel(ours, theirs).mean())


def relative(found: Mapping[str, float], base: Mapping[str, float]) -> float:
    """Return a distance as a mean over regions and labels of its share of another, with a floor for what is alike."""
    return float(np.mean([max(value, 0.0) / max(base[name], 0.02) for name, value in found.items()]))
