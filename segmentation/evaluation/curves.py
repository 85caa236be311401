"""Threshold curves and calibration from one pass, through histograms of the predicted probability.

Corrosion is predicted where the probability is strictly above a threshold. A cell of a histogram includes its upper
edge and excludes its lower one, so that the counts at an edge are exactly those of the masks thresholded there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.segmentation.runs import PerImage
from corrotwin.twin.core.errors import InputError

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

STEPS = 256  # uniform edges; a power of two, so that they and 0.5 are exact
# Edges in the tails, where networks trained with Dice put most pixels, up to the last float32 below 1.
LOGIT_STEP, LOGIT_REACH = 0.125, 17.0
CALIBRATION_BINS = 16  # of equal width; a divisor of STEPS


@dataclass(frozen=True, kw_only=True, eq=False)
class Histograms:
    """Histograms of the predicted probabilities p of n photos in e cells.

    `edges` (e,) float32 ascend from 0 to 1. `cells` (n, 2, e) int64 counts the pixels of each photo, clean ones in
    [:, 0], corroded ones in [:, 1]: cell j holds edges[j - 1] < p <= edges[j], cell 0 holds p = 0. `sums` (2, e)
    float64 adds up p over the pixels of all photos in each cell.
    """

    image: tuple[str, ...]
    edges: npt.NDArray[np.float32]
    cells: Counts
    sums: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Scores at each threshold, (e,) each: precision, recall and F1 pooled over pixels, and mean F1 over photos.

    Recall is NaN where no pixel is corroded; precision is 1 where nothing is predicted, as in scikit-learn.
    """

    threshold: npt.NDArray[np.float32]
    precision: Floats
    recall: Floats
    f1_mean: Floats
    f1_pooled: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """The reliability curve in `CALIBRATION_BINS` bins of equal width; both shares are NaN in a bin without pixels."""

    mean_predicted: Floats
    observed_share: Floats
    pixels: Counts


def edges(*extra: float) -> npt.NDArray[np.float32]:
    """Return the cell edges, (e,) float32 from 0 to 1: uniform in probability, uniform in logit, and `extra`."""
    uniform = np.arange(STEPS + 1) / STEPS
    logits = np.arange(-LOGIT_REACH, LOGIT_REACH + LOGIT_STEP / 2, LOGIT_STEP)
    all_edges = np.concatenate([uniform, 1 / (1 + np.exp(-logits)), np.array(extra, dtype=np.float64)])
    unique: npt.NDArray[np.float32] = np.unique(all_edges.astype(np.float32))
    return unique


def histograms(
    image: Sequence[str],
    predictions: Iterable[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]],
    cell_edges: npt.NDArray[np.float32],
) -> Histograms:
    """Collect the predictions of photos, one photo at a time.

    Parameters
    ----------
    image : names of the n photos.
    predictions : for each photo its probabilities (h, w) float32 in [0, 1] and its mask (h, w) bool; sizes may differ.
    cell_edges : (e,) float32, from `edges`.

    Raises
    ------
    InputError
        A probability is not a number.
    """
    count = len(cell_edges)
    cells, sums = [], np.zeros(2 * count)
    for name, (probability, truth) in zip(image, predictions, strict=True):
        if np.isnan(probability).any():
            raise InputError(f"{name}: the network's predictions are not numbers; train again")
        cell = np.searchsorted(cell_edges, probability.ravel()) + count * truth.ravel()
        cells.append(np.bincount(cell, minlength=2 * count).reshape(2, count))
        sums += np.bincount(cell, weights=probability.ravel(), minlength=2 * count)
    return Histograms(
        image=tuple(image), edges=cell_edges, cells=np.array(cells, dtype=np.int64), sums=sums.reshape(2, count)
    )


def counts(cells: Counts) -> tuple[Counts, Counts, Counts, Counts]:
    """Return tp, fp, fn, tn with each edge as the threshold, (..., e) each, from cells (..., 2, e)."""
    below = cells.cumsum(axis=-1)
    above = below[..., -1:] - below
    return above[..., 1, :], above[..., 0, :], below[..., 1, :], below[..., 0, :]


def per_image(gathered: Histograms, threshold: float) -> PerImage:
    """Return the pixel counts of each photo at a threshold, which must be an edge (in float32), else ValueError."""
    [place] = np.flatnonzero(gathered.edges == np.float32(threshold))
    tp, fp, fn, tn = (column[:, place] for column in counts(gathered.cells))
    return PerImage(image=gathered.image, tp=tp, fp=fp, fn=fn, tn=tn)


def curve(gathered: Histograms) -> Curve:
    """Return the scores at every threshold.

    Precision is tp / (tp + fp), recall tp / (tp + fn) (van Rijsbergen, Information Retrieval, 1979, chapter 7); F1 is
    that of `segmentation.evaluation.evaluate.scores`.
    """
    tp, fp, fn, tn = counts(gathered.cells.sum(axis=0))
    f1_sum = np.zeros(len(gathered.edges))
    for cells in gathered.cells:  # photo by photo: all at once would be gigabytes for a large dataset
        f1_sum += scores(*counts(cells))[0]
    return Curve(
        threshold=gathered.edges,
        precision=_ratio(tp, tp + fp, otherwise=1.0),
        recall=_ratio(tp, tp + fn, otherwise=np.nan),
        f1_mean=f1_sum / len(gathered.cells),
        f1_pooled=scores(tp, fp, fn, tn)[0],
    )


def average_precision(gathered: Histograms) -> float:
    """Return the average precision over the pixels of all photos; NaN if no pixel is corroded.

    AP = sum over n of (R_n - R_(n-1)) P_n, the area under the steps of the precision-recall curve, without
    interpolation, as in `sklearn.metrics.average_precision_score` (Manning, Raghavan, Schütze, Introduction to
    Information Retrieval, 2008, section 8.4). Pixels of one cell count as tied.
    """
    clean, corroded = gathered.cells.sum(axis=0)[:, ::-1]
    tp, fp = corroded.cumsum(), clean.cumsum()
    return float((_ratio(corroded, tp[-1], otherwise=np.nan) * _ratio(tp, tp + fp, otherwise=1.0)).sum())


def calibration(gathered: Histograms) -> Calibration:
    """Return the reliability curve over the pixels of all photos.

    It holds, for each bin of equal width (with its upper edge, without its lower one), the mean predicted probability
    and the share of corroded pixels (DeGroot and Fienberg, The Statistician 32, 1983), as in
    `sklearn.calibration.calibration_curve`.
    """
    upper = np.arange(1, CALIBRATION_BINS + 1) / CALIBRATION_BINS
    place = np.searchsorted(upper, gathered.edges)

    def binned(values: npt.NDArray[Any]) -> Floats:
        return np.bincount(place, weights=values, minlength=CALIBRATION_BINS).astype(np.float64)

    cells = gathered.cells.sum(axis=0)
    pixels = binned(cells.sum(axis=0))
    return Calibration(
        mean_predicted=_ratio(binned(gathered.sums.sum(axis=0)), pixels, otherwise=np.nan),
        observed_share=_ratio(binned(cells[1]), pixels, otherwise=np.nan),
        pixels=pixels.astype(np.int64),
    )


def expected_calibration_error(bins: Calibration) -> float:
    """Return the pixel-weighted mean distance |observed - predicted| over the bins.

    Naeini, Cooper, Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015.
    """
    distance = np.abs(bins.observed_share - bins.mean_predicted)
    return float(np.nansum(distance * bins.pixels) / bins.pixels.sum())


def brier_score(gathered: Histograms) -> float:
    """Return the mean of (p - truth)² over the pixels of all photos (Brier, Monthly Weather Review 78, 1950).

    Each pixel counts with the mean p of its class in its cell; cells are at most 1 / 256 wide, so that the score is at
    most 1 / 512² = 4e-6 too low.
    """
    cells = gathered.cells.sum(axis=0)
    mean = _ratio(gathered.sums, cells, otherwise=0.0)
    return float((cells * (mean - np.array([[0], [1]])) ** 2).sum() / cells.sum())


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any], *, otherwise: float) -> Floats:
    """Return `part` / `whole`, and `otherwise` where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.equal(whole, 0), otherwise, np.divide(part, whole))
