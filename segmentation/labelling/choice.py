"""Order photos by what their labels would teach: little sure, unlike those before, one of each spot first.

References
----------
The distance to what is chosen already is that of O. Sener & S. Savarese, Active learning for convolutional neural
networks: a core-set approach, ICLR 2018.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from corrotwin.segmentation.labelling.scores import Doubt


def values(scored: Sequence[Doubt]) -> npt.NDArray[np.float64]:
    """Return how little sure the networks are of each photo, (n,) from 0 to 1: the mean of its ranks by both scores."""
    if len(scored) < 2:
        return np.ones(len(scored))
    ranks = [rankdata([getattr(each, name) for each in scored]) for name in ("disagreement", "entropy")]
    return np.asarray((np.mean(ranks, axis=0) - 1) / (len(scored) - 1))


def order(value: npt.NDArray[np.float64], features: npt.NDArray[np.float32], spots: Sequence[str]) -> list[int]:
    """Return the indices of photos in the order in which to label them.

    Each next photo is that of the greatest value times its distance, by features, to the nearest photo before it. While
    there are spots of which no photo has been taken, it is of such a spot.

    Parameters
    ----------
    value : (n,), 0 or more.
    features : (n, c); their directions from the mean count.
    spots : of each photo.
    """
    apart = features - features.mean(axis=0)
    apart /= np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-12)
    left = np.ones(len(value), dtype=np.bool_)
    nearest = np.full(len(value), np.inf)
    spot = np.unique(np.asarray(spots, dtype=np.str_), return_inverse=True)[1]
    fresh = np.ones(len(value), dtype=np.bool_)
    chosen: list[int] = []
    while left.any():
        if not (left & fresh).any():
            fresh = np.ones(len(value), dtype=np.bool_)  # a second photo of each spot
        distance = np.ones(len(value)) if not chosen else nearest / max(float(nearest[left].max()), 1e-12)
        gain = np.where(left & fresh, value * distance + 1e-9 * value, -np.inf)  # where all are alike, the values alone
        best = int(gain.argmax())
        chosen.append(best)
        left[best] = False
        fresh &= spot != spot[best]
        nearest = np.minimum(nearest, np.maximum(1 - apart @ apart[best], 0))  # equal photos: -1e-7, as rounded
    return chosen
