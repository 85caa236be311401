"""Values of parameters that make renders look like photographs, by approximate Bayesian computation.

Renders of widely drawn designs are summarised by numbers. A linear regression from these to a parameter makes the
one summary that says most about it (semi-automatic summaries: P. Fearnhead, D. Prangle, Journal of the Royal
Statistical Society B 74, 2012). Of each photograph the renders whose summary is nearest are kept, with their true
values of the parameter (rejection: M. A. Beaumont, W. Zhang, D. J. Balding, Genetics 162, 2002). Where the numbers say
nothing of a parameter, the summaries are all alike, and the values that are kept span the full range. What has no
scale, such as the kind of a structure, goes with the renders that look most alike as a whole.
"""

import numpy as np
from numpy.typing import NDArray

NEAREST = 12  # renders that are kept of each photograph
RIDGE = 30.0  # penalty of the regression, in units of one render of standardised numbers
_BEYOND = 0.02  # quantile of renders beyond which photographs' numbers are cut, as a line says nothing there

Table = NDArray[np.float64]


class Summaries:
    """The numbers of renders (n, d) and of photographs (m, d), on one scale."""

    def __init__(self, renders: Table, photos: Table) -> None:
        low, middle, high = np.nanquantile(renders, (_BEYOND, 0.5, 1 - _BEYOND), axis=0)
        spread = np.maximum(np.nanstd(renders, axis=0), 1e-6)
        self.renders = np.nan_to_num((np.where(np.isnan(renders), middle, renders) - middle) / spread)
        self.photos = np.nan_to_num((np.where(np.isnan(photos), middle, photos.clip(low, high)) - middle) / spread)

    def nearest(self, values: Table) -> NDArray[np.intp]:
        """Return, for each photograph, `NEAREST` renders that tell most about a parameter, by its values (n,)."""
        weights = np.linalg.solve(
            self.renders.T @ self.renders + RIDGE * np.eye(self.renders.shape[1]),
            self.renders.T @ (values - values.mean()),
        )
        return closest((self.renders @ weights)[:, None], (self.photos @ weights)[:, None], NEAREST)


def closest(renders: Table, photos: Table, count: int) -> NDArray[np.intp]:
    """Return, for each photograph by its numbers (m, d), the renders (m, count) whose numbers (n, d) are nearest."""
    away = np.linalg.norm(photos[:, None] - renders[None], axis=-1)
    return np.argsort(away, axis=1, kind="stable")[:, :count]
