"""Area in view of a photograph: the texels within the footprints of its pixels on the surface."""

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
    texel : (h, w), flat index of the texel at the centre of each pixel, -1 for none.
    reach_m : (h, w), how far the footprint of each pixel reaches from its centre; 0 where pixels are finer than texels.
    eye_m : (3,), position of the camera, metres.
    """

    texel: NDArray[np.int32] | NDArray[np.int64]
    reach_m: NDArray[np.floating[Any]]
    eye_m: Floats


def centres(pixels: PixelMap, texels: Texels, texel_mm: float) -> tuple[Integers, Floats]:
    """Return, for each texel in view, the texel at the centre of the pixel that shows it, and the distance to it.

    A pixel that covers many texels has its centre in one of them. A texel belongs to the footprint if this centre is
    nearer than any other, both are in the same zone and face a similar direction, and the texel faces the camera.

    Parameters
    ----------
    pixels : texels and footprints of the pixels of the photograph.
    texels : the surface.
    texel_mm : side of a texel, mm.

    Returns
    -------
    Flat indices (H * W,) of the central texels, -1 for texels out of view; and distances (H * W,) in metres, infinite
    for texels out of view. A texel at the centre of a pixel has its own index and distance 0.
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
        zone_centres = hit[zone[hit] == index]
        tree, furthest = cKDTree(place[zone_centres]), float(reach[zone_centres].max())
        others = np.flatnonzero(real & (zone == index) & (centre < 0))
        others = others[((pixels.eye_m - place[others]) * normal[others]).sum(axis=1) > 0]
        for batch in np.array_split(others, len(others) // BATCH + 1):
            away, nearest = tree.query(place[batch], distance_upper_bound=furthest)
            batch, away, nearest = (array[np.isfinite(away)] for array in (batch, away, nearest))
            is_alike = (normal[batch] * normal[zone_centres[nearest]]).sum(axis=1) > FACING
            is_covered = is_alike & (away <= reach[zone_centres[nearest]])
            centre[batch[is_covered]], away_m[batch[is_covered]] = zone_centres[nearest[is_covered]], away[is_covered]
    return centre, away_m
