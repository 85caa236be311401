"""Places where paint wears and dirt gathers: outward edges of assets, chequer-plate treads and their feet."""

from math import radians

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from corrotwin.synth.spec import EDGE_REACH_M
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.geometry.atlas import Floats

SHARP = radians(35)  # least angle between two faces at a sharp edge; beyond it, Blender does not shade smoothly
# A rolled edge is an arc of small facets. One below this radius, with more than this angle between two facets, is
# sharp too.
ROUND_M, FACET = 0.003, radians(10)
STEP_M, MOST_POINTS = 0.003, 200_000  # distance between points on edges, and most points
TREAD = "tear"  # zone of the treads of chequer plate


def nearness(asset: AssetGeometry, texels: Texels) -> NDArray[np.uint8]:
    """Return how near each texel's centre is to an outward edge, (H, W): 255 on it, 0 from `EDGE_REACH_M` on."""
    near = np.zeros(asset.atlas_shape, dtype=np.uint8)
    points, on_surface = _points(asset), texels.zone >= 0
    if len(points):
        # Fast to build, and queried only once.
        tree = cKDTree(points, leafsize=32, balanced_tree=False, compact_nodes=False)
        distance, _ = tree.query(texels.position_m[on_surface], distance_upper_bound=EDGE_REACH_M)
        near[on_surface] = np.rint(255 * np.clip(1 - distance / EDGE_REACH_M, 0, 1))
    return near


def worn(asset: AssetGeometry, texels: Texels) -> dict[str, NDArray[np.uint8]]:
    """Return the maps of a painted asset for the renderer, each (H, W): ``edges`` and ``treads``."""
    near = nearness(asset, texels)
    return {"edges": near, "treads": treads(asset, texels, near)}


def treads(asset: AssetGeometry, texels: Texels, near: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return where the treads of chequer plate are, (H, W): 255 on one, below 128 beside it, 0 where there are none.

    Beside them it is half of `near`, (H, W), the nearness to an outward edge of a tread or of the plate.
    """
    raised = np.array([kind == TREAD for kind in asset.zone_kinds])[texels.zone] & (texels.zone >= 0)
    if not raised.any():
        return np.zeros_like(near)
    return np.where(raised, np.uint8(255), near // 2)


def _points(asset: AssetGeometry) -> Floats:
    """Return points along the outward edges, (n, 3) metres, about `STEP_M` apart."""
    mesh = asset.welded
    pairs, angle = mesh.face_adjacency, mesh.face_adjacency_angles
    ends = asset.vertices[mesh.face_adjacency_edges]
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    height = 2 * mesh.area_faces[pairs].min(axis=1) / np.maximum(length, 1e-9)  # of the narrower face over the edge
    rolled = (angle > FACET) & (height < ROUND_M * angle)
    ends = ends[mesh.face_adjacency_convex & ((angle > SHARP) | rolled)]
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    step = max(STEP_M, float(length.sum()) / MOST_POINTS)
    counts = np.ceil(length / step).astype(int) + 1
    start = np.repeat(counts.cumsum() - counts, counts)
    share = (np.arange(counts.sum()) - start) / np.repeat(np.maximum(counts - 1, 1), counts)
    first, last = (np.repeat(ends[:, end], counts, axis=0) for end in (0, 1))
    return np.asarray(first + (last - first) * share[:, None])
