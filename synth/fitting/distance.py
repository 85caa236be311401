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
FEWEST, FARTHEST = 3, 1000.0  # renders with fewer rusty pictures than 3 get the largest distance
Features = NDArray[np.float64]  # (n, regions, channels)


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureFeatures:
    """Features (n, 3, c) of pictures with rust, and the logarithms `appearance.HABITS` (n, 4) of their masks."""

    features: Features
    habits: NDArray[np.float64]


def see(shots: Sequence[Shot], extractor: FeatureExtractor) -> PictureFeatures:
    """Return the features of the pictures whose masks are not empty."""
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
    """Return the distance of renders from photographs, for each of `REGIONS` and for `LABELS`.

    Parameters
    ----------
    scale : pictures by whose mean and standard deviation features are standardised; by default the photographs.

    Notes
    -----
    Regions: the kernel distance of standardised features, which is the unbiased estimate of the squared maximum mean
    discrepancy for the kernel (x y / c + 1)^3 (M. Binkowski et al., Demystifying MMD GANs, ICLR 2018). It may be below
    0 for sets that are alike. Labels: the mean over `appearance.HABITS` of two terms: the squared difference of the
    means, in variances of the photographs, plus the squared logarithm of the ratio of the standard deviations.
    """
    if len(renders.features) < FEWEST:
        return dict.fromkeys((*REGIONS, LABELS), FARTHEST)
    scale = scale or photos
    middle, spread = scale.features.mean(axis=0), scale.features.std(axis=0) + 1e-3
    ours, theirs = ((pictures.features - middle) / spread for pictures in (renders, photos))
    distances = {name: _kernel_distance(ours[:, place], theirs[:, place]) for place, name in enumerate(REGIONS)}
    means, spreads = (
        (renders.habits.mean(axis=0), photos.habits.mean(axis=0)),
        (renders.habits.std(axis=0) + 0.05, photos.habits.std(axis=0) + 0.05),
    )
    label_distances = ((means[0] - means[1]) / spreads[1]) ** 2 + np.log(spreads[0] / spreads[1]) ** 2
    return {**distances, LABELS: float(label_distances.mean())}


def _kernel_distance(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    def kernel(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        products = first.clip(-4, 4) @ second.clip(-4, 4).T / first.shape[1]
        return np.asarray((products + 1) ** 3)

    def within(features: NDArray[np.float64]) -> float:
        values, count = kernel(features, features), len(features)
        return float((values.sum() - np.trace(values)) / (count * (count - 1)))

    return within(ours) + within(theirs) - 2 * float(kernel(ours, theirs).mean())


def relative(found: Mapping[str, float], base: Mapping[str, float]) -> float:
    """Return the mean, over regions and labels, of distances divided by those of a base, taken as 0.02 at least."""
    return float(np.mean([max(value, 0.0) / max(base[name], 0.02) for name, value in found.items()]))
