"""Values of parameters that make renders look like photographs, by approximate Bayesian computation.

Renders of widely drawn designs are summarised by numbers. A linear regression from these to a parameter gives the
single summary that is most informative about it (semi-automatic summaries: P. Fearnhead, D. Prangle, Journal of the
Royal Statistical Society B 74, 2012). For each photograph the renders with the nearest summaries are kept, with their
true values of the parameter (rejection: M. A. Beaumont, W. Zhang, D. J. Balding, Genetics 162, 2002). If the numbers
are not informative about a parameter, all summaries are similar, and the kept values span the full range. Choices
without a scale, such as the kind of a structure, are taken from the renders that look most similar as a whole.
"""

import numpy as np
from numpy.typing import NDArray

NEAREST = 12  # renders that are kept for each photograph
RIDGE = 30.0  # penalty of the regression, in units of one render of standardised numbers
_BEYOND = 0.02  # quantile of renders at which photographs' numbers are clipped: the regression holds only within

Table = NDArray[np.float64]


class Summaries:
    """Numbers of renders (n, d) and of photographs (m, d), standardised by the renders; NaN becomes the median."""

    def __init__(self, renders: Table, photos: Table) -> None:
        low, middle, high = np.nanquantile(renders, (_BEYOND, 0.5, 1 - _BEYOND), axis=0)
        spread = np.maximum(np.nanstd(renders, axis=0), 1e-6)
        self.renders = np.nan_to_num((np.where(np.isnan(renders), middle, renders) - middle) / spread)
        self.photos = np.nan_to_num((np.where(np.isnan(photos), middle, photos.clip(low, high)) - middle) / spread)

    def nearest(self, values: Table) -> NDArray[np.intp]:
        """Return the nearest renders of each photograph, (m, NEAREST), for a parameter with values (n,)."""
        weights = np.linalg.solve(
            self.renders.T @ self.renders + RIDGE * np.eye(self.renders.shape[1]),
            self.renders.T @ (values - values.mean()),
        )
        return closest((self.renders @ weights)[:, None], (self.photos @ weights)[:, None], NEAREST)


def closest(renders: Table, photos: Table, count: int) -> NDArray[np.intp]:
    """Return the renders (m, count) with the numbers (n, d) nearest to those of each photograph (m, d), in order."""
    distances = np.linalg.norm(photos[:, None] - renders[None], axis=-1)
    return np.argsort(distances, axis=1, kind="stable")[:, :count]
