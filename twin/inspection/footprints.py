"""The area in view of a photograph: which texels lie in the footprints of its pixels on the surface."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import Floats, Integers, Texels

BATCH = 1_000_000  # texels at a time
FACING = 0.5  # least cosine between the normals of texels in one footprint


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelMap:
    """The texels at the centres of the pixels of a photograph, and the footprints of the pixels.

    Parameters
    ----------
    texel : (h, w), the texel at the centre of each pixel, flat indices, -1 for none.
    reach_m : (h, w), how far the footprint of each pixel reaches from its centre; 0 where pixels are finer than texels.
    eye_m : (3,), position of the camera.
    """

    texel: NDArray[np.int32] | NDArray[np.int64]
    reach_m: NDArray[np.floating[Any]]
    eye_m: Floats


def centres(pixels: PixelMap, texels: Texels, texel_mm: float) -> tuple[Integers, Floats]:
    """Return, for each texel in view, the texel at the centre of the pixel that shows it, and how far away that is.

    A pixel that covers many texels has its centre in one of them. The others in its footprint are those that are nearer
    to that one than to any other centre, in the same zone, and face alike and the camera.

    Parameters
    ----------
    pixels : of the photograph.
    texels : the surface.
    texel_mm : side of a texel.

    Returns
    -------
    Flat indices (H * W,) of texels, -1 for those out of view, and distances (H * W,) in metres, infinity for those out
    of view. A texel at the centre of a pixel has its own, 0 m away.
    """
    from scipy.spatial import cKDTree

    place, normal = texels.position_m.reshape(-1, 3), texels.normal.reshape(-1, 3)
    zone, real = texels.zone.reshape(-1), texels.area_mm2.reshape(-1) > 0
    centre, away_m = np.full(zone.shape, -1), np.full(zone.shape, np.inf)
    texel = pixels.texel
    hit = np.unique(texel[texel >= 0])
    centre[hit], away_m[hit] = hit, 0.0
    coarse = (texel >= 0) & (pixels.reach_m > 0)
    reach = np.zeros(zone.size)
    # A centre is known to within half the diagonal of a texel.
    np.maximum.at(reach, texel[coarse], pixels.reach_m[coarse] + texel_mm / 1000 / np.sqrt(2))
    for index in np.unique(zone[texel[coarse]]):
        own = hit[zone[hit] == index]
        tree, most = cKDTree(place[own]), float(reach[own].max())
        others = np.flatnonzero(real & (zone == index) & (centre < 0))
        others = others[((pixels.eye_m - place[others]) * normal[others]).sum(axis=1) > 0]
        for some in np.array_split(others, len(others) // BATCH + 1):
            away, nearest = tree.query(place[some], distance_upper_bound=most)
            some, away, nearest = (array[np.isfinite(away)] for array in (some, away, nearest))
            alike = (normal[some] * normal[own[nearest]]).sum(axis=1) > FACING
            covered = alike & (away <= reach[own[nearest]])
            centre[some[covered]], away_m[some[covered]] = own[nearest[covered]], away[covered]
    return centre, away_m
