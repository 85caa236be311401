"""Places where dirt gathers and water stands: upward faces, and the foot of surfaces that rise from them.

Between their supports, girders rust there first: on the upper side of the lower flange and along the lowest part of the
web (Kayser & Nowak, Capacity loss due to corrosion in steel-girder bridges, J. Struct. Eng. 115, 1989).
"""

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import AssetGeometry, Floats

REACH_M = 0.07  # height above a ledge at which its effect has fallen to 1 / e; by eye, from photographs of girders
UP = 0.7  # least z of the normal of a face on which dirt lies: slopes up to 46 degrees
OFF_M = 0.0005  # distance from the surface at which rays down begin


def dampness(asset: AssetGeometry, position_m: Floats, normal: Floats) -> NDArray[np.float64]:
    """Return how much of a ledge's dirt and water reaches each place, (n,): 1 on a ledge, less above it.

    The ledge of a place is the place itself if it faces upward, else the face straight below it, or the ground at the
    asset's lowest point. A place with a crevice under it counts as on a ledge.

    Parameters
    ----------
    asset : the surface; z is up.
    position_m, normal : (n, 3) places on its surface, and the normals there.
    """
    height = position_m[:, 2] - asset.welded.bounds[0, 2]
    rising = np.flatnonzero(normal[:, 2] < UP)
    origins = position_m[rising] + OFF_M * normal[rising]
    directions = np.broadcast_to([0.0, 0.0, -1.0], origins.shape)
    hits, ray, face = asset.welded.ray.intersects_location(origins, directions, multiple_hits=False)
    has_hit = rising[ray]
    # A face that is hit from inside touches the place, or nearly does.
    outside = asset.welded.face_normals[face][:, 2] > 0
    height[has_hit] = np.where(outside, position_m[has_hit, 2] - hits[:, 2], 0.0)
    height[normal[:, 2] >= UP] = 0.0
    return np.asarray(np.exp(-np.maximum(height, 0) / REACH_M))
