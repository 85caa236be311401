"""A colour model of labelled rust: how much more often a colour occurs in it than in what is not labelled."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BINS = (25, 24, 24)  # bins of CIELAB's L*, a* and b*
LOW, HIGH = np.array([0.0, -30.0, -40.0]), np.array([100.0, 60.0, 80.0])  # colours beyond count in the outermost bins
SPREAD = 1.0  # bins: sigma by which both histograms are smoothed
FEW = 1e-6  # share of pixels added to each bin, so that a colour that neither class has tells nothing
SOFTNESS = 0.004  # of the side: sigma of the blur before colours are read, against noise and JPEG
MARGIN = 0.02  # of the side: pixels this close to an outline are of neither class
FEWEST = 50  # least pixels of a class for a picture to count

Labelled = tuple[NDArray[np.uint8], NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True, eq=False)
class ColorModel:
    """Ratio of likelihoods, `ratio` (`BINS`) float: how often rust has a colour over how often all else has it."""

    ratio: NDArray[np.float64]
    pictures: int  # from which it was fitted

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the ratio at each pixel of an image (H, W, 3) RGB; (H, W)."""
        return np.asarray(self.ratio[tuple(np.moveaxis(_bins(image), -1, 0))])


def fit(pictures: Iterable[Labelled]) -> ColorModel:
    """Fit the model to labelled pictures, each with the same weight in both classes.

    Parameters
    ----------
    pictures : images (H, W, 3) RGB, each with its mask (H, W).

    Raises
    ------
    ValueError
        No picture has enough pixels of rust, or none has enough of all else.
    """
    counts = np.zeros((2, *BINS))
    used, classes = 0, np.zeros(2, dtype=int)
    for image, mask in pictures:
        bins = _bins(image)
        margin = round(MARGIN * max(mask.shape))
        rust = ndimage.distance_transform_edt(mask) > margin
        other = ~mask if not mask.any() else ndimage.distance_transform_edt(~mask) > margin
        for kind, members in enumerate((rust, other)):
            if members.sum() >= FEWEST:
                np.add.at(counts[kind], tuple(bins[members].T), 1 / members.sum())
                classes[kind] += 1
        used += 1
    if not classes.all():
        raise ValueError(f"of {used} pictures {classes[0]} have enough labelled rust and {classes[1]} enough all else")
    smooth = np.stack(
        [ndimage.gaussian_filter(count / number, SPREAD) for count, number in zip(counts, classes, strict=True)]
    )
    return ColorModel(ratio=(smooth[0] + FEW) / (smooth[1] + FEW), pictures=used)


def _bins(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the bin of each pixel's colour, (H, W, 3)."""
    soft = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), max(SOFTNESS * max(image.shape[:2]), 0.3))
    lab = cv2.cvtColor(soft, cv2.COLOR_RGB2LAB)
    scaled = (lab - LOW) / (HIGH - LOW) * BINS
    return np.asarray(np.clip(scaled.astype(np.int64), 0, np.array(BINS) - 1))
