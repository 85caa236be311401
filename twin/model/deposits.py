"""Places where dirt gathers and water stands: upward faces, and the foot of surfaces that rise from them.

Between their supports girders rust there first: on the upper side of the lower flange and along the lowest part of the
web (Kayser & Nowak, Capacity loss due to corrosion in steel-girder bridges, J. Struct. Eng. 115, 1989).
"""

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import AssetGeometry, Floats

REACH_M = 0.07  # height above a ledge at which its effect has fallen to 1 / e; by eye, from photographs of girders
UP = 0.7  # z of the normal from which dirt lies on a face: slopes up to 46 degrees
OFF_M = 0.0005  # rays down begin this far off the surface


def dampness(asset: AssetGeometry, position_m: Floats, normal: Floats) -> NDArray[np.float64]:
    """Return how much of a ledge's dirt and water reaches each place, (n,): 1 on a ledge, less above it.

    A ledge is an upward face, the face straight below a place, a crevice under it (1), or else the ground at the
    asset's lowest point.

    Parameters
    ----------
    asset : the surface; z is up.
    position_m, normal : (n, 3) places on its surface, and the normals there.
    """
    height = position_m[:, 2] - asset.welded.bounds[0, 2]
    rising = np.flatnonzero(normal[:, 2] < UP)
    begin = position_m[rising] + OFF_M * normal[rising]
    down = np.broadcast_to([0.0, 0.0, -1.0], begin.shape)
    hits, ray, face = asset.welded.ray.intersects_location(begin, down, multiple_hits=False)
    below = rising[ray]
    # A face hit from inside touches the place, or nearly.
    outside = asset.welded.face_normals[face][:, 2] > 0
    height[below] = np.where(outside, position_m[below, 2] - hits[:, 2], 0.0)
    height[normal[:, 2] >= UP] = 0.0
    return np.asarray(np.exp(-np.maximum(height, 0) / REACH_M))
