"""Sample places of each zone: texels at equal steps of area along a curve, each for an equal part of its zone."""

import numpy as np

from corrotwin.twin.geometry.atlas import AssetGeometry, Integers, Texels
from corrotwin.twin.geometry.solids import COVERED

PLACES = 900  # sample places on an asset, shared out by the square roots of the zones' areas
FEWEST_PLACES, MOST_PLACES = 48, 320  # of a zone


def sample_places(asset: AssetGeometry, texels: Texels, rng: np.random.Generator) -> dict[str, Integers]:
    """Return sample places by zone, flat indices into the atlas: equal steps of area along a Morton curve."""
    area, zone = texels.area_mm2.reshape(-1).astype(np.float64), texels.zone.reshape(-1)
    of_zone = {name: np.flatnonzero((zone == index) & (area > 0)) for index, name in enumerate(asset.zone_names)}
    of_zone = {name: own for name, own in of_zone.items() if name != COVERED and len(own)}
    roots = {name: np.sqrt(area[own].sum()) for name, own in of_zone.items()}
    places = {}
    for name, own in of_zone.items():
        count = int(np.clip(PLACES * roots[name] / sum(roots.values()), FEWEST_PLACES, MOST_PLACES))
        own = own[np.argsort(_morton(own // texels.zone.shape[1], own % texels.zone.shape[1]))]
        along = np.cumsum(area[own])
        at = (np.arange(count) + rng.random()) * along[-1] / count
        places[name] = own[np.searchsorted(along, at).clip(0, len(own) - 1)]
    return places


def _morton(row: Integers, column: Integers) -> Integers:
    """Return the order along a curve on which neighbours stay together: bits of row and column in turn."""
    code = np.zeros_like(row)
    for bit in range(16):
        code |= ((row >> bit) & 1) << (2 * bit + 1) | ((column >> bit) & 1) << (2 * bit)
    return code
