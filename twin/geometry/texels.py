"""Texels evaluated on an asset's triangles: position, facing and size of each."""

import numpy as np

from corrotwin.twin.geometry import charts
from corrotwin.twin.geometry.atlas import (
    GUTTER,
    AssetGeometry,
    Floats,
    Integers,
    Island,
    Singles,
    Texels,
    crossed,
    patch_area_m2,
)

CHUNK = 1 << 13  # texels evaluated at a time, so that what lies between two steps stays in the cache


def texels(asset: AssetGeometry) -> Texels:
    """Return position, normal, area and zone of every texel, evaluated at its centre on the asset's triangles.

    Areas of an island or chart are scaled to sum to the area of its triangles: the centre of a texel that several
    triangles share stands for all of it, and the scaling takes back what that rounding costs.
    """
    if asset.face_chart is not None:
        return charts.texels(asset)
    position = np.zeros((*asset.atlas_shape, 3), dtype=np.float32)
    normal = np.zeros((*asset.atlas_shape, 3), dtype=np.float32)
    area = np.zeros(asset.atlas_shape, dtype=np.float32)
    zone = np.full(asset.atlas_shape, -1, dtype=np.int16)
    thickness = np.zeros(asset.atlas_shape, dtype=np.float32)
    for island in asset.islands:
        height, width = island.shape
        outer = (
            slice(island.row - GUTTER, island.row + height + GUTTER),
            slice(island.column - GUTTER, island.column + width + GUTTER),
        )
        inner = (slice(island.row, island.row + height), slice(island.column, island.column + width))
        areas = _evaluate(island, position[outer], normal[outer])[GUTTER:-GUTTER, GUTTER:-GUTTER]
        if areas.sum() == 0:  # a few coarse texels, all centred in the empty halves of collapsed quads
            areas = np.ones_like(areas)
        area[inner] = areas * (1e6 * patch_area_m2(island.patch) / areas.sum())
        zone[outer] = island.zone
        own = island.patch.thickness_mm
        thickness[outer] = asset.nominal_thickness_mm if own is None else own
    return Texels(position_m=position, normal=normal, area_mm2=area, zone=zone, thickness_mm=thickness)


def _along(edges: Floats, wrap: bool) -> tuple[Integers, Floats, Floats]:
    """Return quad, place within it in [0, 1), and extent in quads of each texel along one axis, with gutters."""
    count = round(edges[-1])
    index = np.arange(-GUTTER, count + GUTTER)
    centre = (index % count if wrap else index.clip(0, count - 1)) + 0.5
    quad = np.searchsorted(edges, centre, side="right") - 1
    length = edges[quad + 1] - edges[quad]
    return quad, (centre - edges[quad]) / length, 1 / length


def _evaluate(island: Island, position: Singles, normal: Singles) -> Floats:
    """Fill in position (h, w, 3) and normal (h, w, 3) of an island's texels with gutter; area (h, w) in m²."""
    row, t, row_extent = _along(island.row_edges, island.patch.wrap_v)
    column, s, column_extent = _along(island.column_edges, island.patch.wrap_u)
    area = np.empty((len(row), len(column)))
    step = max(1, CHUNK // len(column))
    for start in range(0, len(row), step):
        part = slice(start, start + step)
        position[part], normal[part], length = _between(island.patch.points, row[part], t[part], column, s)
        area[part] = length * row_extent[part, None] * column_extent[None, :]
    return area


def _between(grid: Floats, row: Integers, t: Floats, column: Integers, s: Floats) -> tuple[Floats, Floats, Floats]:
    """Return position (h, w, 3), normal (h, w, 3) and length of the product of the quad's sides (h, w), by row."""
    first = s[None, :] >= t[:, None]
    sign = np.where(first, 1.0, -1.0)
    position, du, dv, across, along = [], [], [], [], []
    for axis in range(3):  # numpy is slow along short last axes
        low, high = grid[row, :, axis], grid[row + 1, :, axis]
        a, b, c, d = low[:, column], low[:, column + 1], high[:, column + 1], high[:, column]
        du.append(np.where(first, b - a, c - d))
        dv.append(np.where(first, c - b, d - a))
        position.append(a + s[None, :] * du[-1] + t[:, None] * dv[-1])
        across.append(c - a)
        along.append(np.where(first, d - a, b - a) * sign)
    cross, other = crossed(du, dv), crossed(across, along)
    length = _long(cross)
    # A quad collapsed to a triangle has one empty half: its texels, of area 0, take the normal of the other half.
    whole = length > 1e-6 * _long(other)
    cross = [np.where(whole, one, instead) for one, instead in zip(cross, other, strict=True)]
    norm = np.maximum(_long(cross), 1e-30)
    return np.stack(position, axis=-1), np.stack([component / norm for component in cross], axis=-1), length


def _long(vector: list[Floats]) -> Floats:
    """Return lengths of vectors given axis by axis."""
    x, y, z = vector
    return np.asarray(np.sqrt(x * x + y * y + z * z))
