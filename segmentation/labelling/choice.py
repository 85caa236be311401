"""Order photos by what their labels would teach: unsure ones, unlike those before, one of each spot first.

References
----------
The distance to the photos already chosen is that of O. Sener & S. Savarese, Active learning for convolutional neural
networks: a core-set approach, ICLR 2018.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from corrotwin.segmentation.labelling.scores import Doubt


def values(scored: Sequence[Doubt]) -> npt.NDArray[np.float64]:
    """Return how unsure the networks are of each photo, (n,) from 0 to 1: the mean of its ranks by both scores."""
    if len(scored) < 2:
        return np.ones(len(scored))
    ranks = [rankdata([getattr(doubt, name) for doubt in scored]) for name in ("disagreement", "entropy")]
    return np.asarray((np.mean(ranks, axis=0) - 1) / (len(scored) - 1))


def order(value: npt.NDArray[np.float64], features: npt.NDArray[np.float32], spots: Sequence[str]) -> list[int]:
    """Return the indices of photos in the order in which to label them.

    The next photo always has the greatest product of its value and its distance, by features, to the nearest photo
    before it. As long as some spots have no photo in the order, it comes from one of them.

    Parameters
    ----------
    value : (n,), 0 or more.
    features : (n, c); only their directions from the mean count.
    spots : the spot of each photo.
    """
    directions = features - features.mean(axis=0)
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    remaining = np.ones(len(value), dtype=np.bool_)
    nearest = np.full(len(value), np.inf)
    spot_number = np.unique(np.asarray(spots, dtype=np.str_), return_inverse=True)[1]
    fresh = np.ones(len(value), dtype=np.bool_)
    chosen: list[int] = []
    while remaining.any():
        if not (remaining & fresh).any():
            fresh = np.ones(len(value), dtype=np.bool_)  # a second photo of each spot
        distance = np.ones(len(value)) if not chosen else nearest / max(float(nearest[remaining].max()), 1e-12)
        gain = np.where(remaining & fresh, value * distance + 1e-9 * value, -np.inf)  # if all are alike, values decide
        best = int(gain.argmax())
        chosen.append(best)
        remaining[best] = False
        fresh &= spot_number != spot_number[best]
        nearest = np.minimum(nearest, np.maximum(1 - directions @ directions[best], 0))  # equal photos: -1e-7, rounded
    return chosen
