"""Sample places of each zone: texels at equal steps of area along a curve, each standing for an equal part."""

import numpy as np

from corrotwin.twin.geometry.atlas import AssetGeometry, Integers, Texels
from corrotwin.twin.geometry.solids import COVERED

PLACES = 900  # sample places on an asset, shared out by the square roots of the zones' areas
FEWEST_PLACES, MOST_PLACES = 48, 320  # of a zone


def sample_places(asset: AssetGeometry, texels: Texels, rng: np.random.Generator) -> dict[str, Integers]:
    """Return sample places by zone, flat indices into the atlas: equal steps of area along a Morton curve."""
    area, zone = texels.area_mm2.reshape(-1).astype(np.float64), texels.zone.reshape(-1)
    by_zone = {name: np.flatnonzero((zone == index) & (area > 0)) for index, name in enumerate(asset.zone_names)}
    by_zone = {name: indices for name, indices in by_zone.items() if name != COVERED and len(indices)}
    roots = {name: np.sqrt(area[indices].sum()) for name, indices in by_zone.items()}
    places = {}
    for name, indices in by_zone.items():
        count = int(np.clip(PLACES * roots[name] / sum(roots.values()), FEWEST_PLACES, MOST_PLACES))
        indices = indices[np.argsort(_morton(indices // texels.zone.shape[1], indices % texels.zone.shape[1]))]
        cumulative = np.cumsum(area[indices])
        at = (np.arange(count) + rng.random()) * cumulative[-1] / count
        places[name] = indices[np.searchsorted(cumulative, at).clip(0, len(indices) - 1)]
    return places


def _morton(row: Integers, column: Integers) -> Integers:
    """Return the order along a curve on which neighbours stay together: bits of row and column in turn."""
    code = np.zeros_like(row)
    for bit in range(16):
        code |= ((row >> bit) & 1) << (2 * bit + 1) | ((column >> bit) & 1) << (2 * bit)
    return code
