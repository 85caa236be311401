"""The domain gap between renders and photographs, in colours and textures that a person could name.

The features are simple on purpose. Features of a trained encoder would change with the weights, would need them in the
folder, and would have been shaped by the very renders that are judged; those of an ImageNet network need a download.
Simple ones can be read, and whatever a classifier tells apart by them alone, a network tells apart too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from corrotwin.benchmarks.stats.crossed_effects import FloatArray

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

SIDE = 256  # pixels: pictures of all sizes are squeezed to this square first, as for training
FOLDS, TREES, HALVINGS, DRAWS = 5, 100, 4, 1000
MOST = 150  # most pictures of a set, spread evenly over it
# Standard deviations of the two blurs whose difference is a band, in pixels of the square.
BANDS = {"finest": (0.0, 1.0), "fine": (1.0, 2.0), "middle": (2.0, 4.0), "coarse": (4.0, 8.0), "broad": (8.0, 16.0)}

FEATURES = (
    "lightness", "lightness_sd", "darkest", "brightest", "red_green", "red_green_sd", "blue_yellow", "blue_yellow_sd",
    "chroma", "rusty", *(f"band_{name}" for name in BANDS), "edges", "edge_tail", "falloff",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSet:
    """Pictures of one kind: the groups (spots, scenes) of a sample and its features (n, f)."""

    groups: list[str]
    features: FloatArray


@dataclass(frozen=True, kw_only=True)
class Separation:
    """Separability of two sets by a classifier: area under the ROC curve (0.5: none), 95 % interval."""

    auc: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class DomainGap:
    """The comparison of photos and renders.

    Parameters
    ----------
    separation : separability of photos and renders.
    distance : Fréchet distance of the standardised features, photos to renders, mean over halves of the photos.
    """

    separation: Separation
    distance: float


def image_set(dataset: "CocoDataset", groups: Mapping[str, str]) -> ImageSet:
    """Sample up to `MOST` pictures of a dataset, spread evenly over it; one without a group is a group of its own."""
    from corrotwin.segmentation.data import coco

    photos = coco.evenly(sorted(dataset.photos, key=lambda photo: photo.file_name), MOST)
    return ImageSet(
        groups=[groups.get(photo.file_name, photo.file_name) for photo in photos],
        features=np.array([features(coco.image(photo)) for photo in photos]),
    )


def features(image: npt.NDArray[np.uint8]) -> FloatArray:
    """Return the numbers of `FEATURES` for an RGB picture (h, w, 3): colours in CIE Lab (D65), textures."""
    import cv2

    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    light, red, yellow = np.moveaxis(cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float64), -1, 0)
    chroma, hue = np.hypot(red, yellow), np.degrees(np.arctan2(yellow, red))
    blurred = {0.0: light, **{high: cv2.GaussianBlur(light, (0, 0), high) for _, high in BANDS.values()}}
    gradient = np.hypot(cv2.Sobel(light, -1, 1, 0), cv2.Sobel(light, -1, 0, 1)) / 8
    quarter = slice(SIDE // 4, -SIDE // 4)
    middle = light[quarter, quarter].mean()
    border = (light.sum() - light[quarter, quarter].sum()) / (light.size * 3 / 4)
    values = {
        "lightness": light.mean(),
        "lightness_sd": light.std(),
        "darkest": np.quantile(light, 0.05),
        "brightest": np.quantile(light, 0.95),
        "red_green": red.mean(),
        "red_green_sd": red.std(),
        "blue_yellow": yellow.mean(),
        "blue_yellow_sd": yellow.std(),
        "chroma": chroma.mean(),
        "rusty": ((hue > 20) & (hue < 80) & (chroma > 12)).mean(),
        **{f"band_{name}": (blurred[low] - blurred[high]).std() for name, (low, high) in BANDS.items()},
        "edges": gradient.mean(),
        "edge_tail": np.quantile(gradient, 0.99) / max(gradient.mean(), 1e-6),
        "falloff": border - middle,
    }
    return np.array([float(values[name]) for name in FEATURES])


def compare(
    photos: FloatArray, photo_groups: Sequence[str], renders: FloatArray, render_groups: Sequence[str]
) -> DomainGap | None:
    """Compare (n, f) features of photos and (m, f) of renders; None with fewer than 2 `FOLDS` groups of either.

    Areas are cross-validated by whole groups, spots and scenes, which are drawn again for the interval.
    """
    spots, scenes = _numbered(photo_groups), _numbered(render_groups)
    if min(spots.max(), scenes.max()) + 1 < 2 * FOLDS:
        return None
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], [len(photos), len(renders)])
    group = np.concatenate([spots, scenes + spots.max() + 1])
    combined = np.concatenate([photos, renders])
    score = _out_of_fold(combined, label, group)
    areas = [_auc(score, label, _redrawn(group, label, rng)) for _ in range(DRAWS)]
    low, high = np.nanquantile(areas, [0.025, 0.975])
    centre, scale = photos.mean(axis=0), np.maximum(photos.std(axis=0), 1e-9)
    real, synthetic = (photos - centre) / scale, (renders - centre) / scale
    distances = []
    for _ in range(HALVINGS):
        half = _half(spots, rng)
        size = min(int(half.sum()), int((~half).sum()), len(renders))
        sampled, _ = (rng.choice(np.flatnonzero(members), size, replace=False) for members in (half, ~half))
        distances.append(frechet(real[sampled], synthetic[rng.choice(len(renders), size, replace=False)]))
    return DomainGap(
        separation=Separation(auc=_auc(score, label), low=float(low), high=float(high)),
        distance=float(np.mean(distances)),
    )


def frechet(first: FloatArray, second: FloatArray) -> float:
    """Return the Fréchet distance of two normal distributions fitted to (n, f) and (m, f) features.

    |m1 - m2|² + trace(S1 + S2 - 2 (S1 S2)^(1/2)), whose root is the distance (D. C. Dowson, B. V. Landau, Journal of
    Multivariate Analysis 12, 1982), here divided by the root of f: 1 is a shift of every feature by one SD.
    """
    means = first.mean(axis=0) - second.mean(axis=0)
    first_covariance, second_covariance = (np.cov(values, rowvar=False) for values in (first, second))
    # The trace of the root is the sum of the roots of the eigenvalues, which are real and not negative.
    roots = np.sqrt(np.maximum(np.linalg.eigvals(first_covariance @ second_covariance).real, 0)).sum()
    squared = means @ means + np.trace(first_covariance) + np.trace(second_covariance) - 2 * roots
    return float(np.sqrt(max(squared, 0.0) / first.shape[1]))


def _numbered(groups: Sequence[str]) -> npt.NDArray[np.int_]:
    numbers: npt.NDArray[np.int_] = np.unique(np.array(groups, dtype=str), return_inverse=True)[1]
    return numbers


def _half(groups: npt.NDArray[np.int_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return a mask (n,) of the pictures in a random half of the groups."""
    count = int(groups.max()) + 1
    return np.isin(groups, rng.permutation(count)[: count // 2])


def _out_of_fold(values: FloatArray, label: npt.NDArray[np.int_], group: npt.NDArray[np.int_]) -> FloatArray:
    """Return the probability of label 1 by a random forest that has not seen the picture's group."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    result = np.empty(len(label))
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(values, label, group):
        forest = RandomForestClassifier(
            TREES, min_samples_leaf=2, class_weight="balanced", random_state=0, n_jobs=1, bootstrap=True
        )
        result[test] = forest.fit(values[train], label[train]).predict_proba(values[test])[:, 1]
    return result


def _redrawn(
    group: npt.NDArray[np.int_], label: npt.NDArray[np.int_], rng: np.random.Generator
) -> npt.NDArray[np.int_]:
    """Count each picture in a bootstrap sample of as many groups of its kind."""
    count = np.zeros(int(group.max()) + 1, dtype=int)
    for kind in (0, 1):
        kind_groups = np.unique(group[label == kind])
        np.add.at(count, rng.choice(kind_groups, len(kind_groups)), 1)
    return count[group]


def _auc(score: FloatArray, label: npt.NDArray[np.int_], weight: npt.NDArray[np.int_] | None = None) -> float:
    """Return the area under the ROC curve: the chance that label 1 scores above label 0, ties half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label, score, sample_weight=weight))
