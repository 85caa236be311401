"""Texels evaluated on an asset's triangles: position, facing and size of each."""

from collections.abc import Sequence

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
    patch_areas_m2,
)

CHUNK = 1 << 13  # texels evaluated at a time, so that intermediate results stay in the cache


def texels(asset: AssetGeometry) -> Texels:
    """Return position, normal, area and zone of every texel, evaluated at its centre on the asset's triangles.

    Areas of an island or chart are scaled to sum to the area of its triangles: the centre of a texel that several
    triangles share stands for all of it, and the scaling corrects that rounding.
    """
    if asset.face_chart is not None:
        return charts.texels(asset)
    position = np.zeros((*asset.atlas_shape, 3), dtype=np.float32)
    normal = np.zeros((*asset.atlas_shape, 3), dtype=np.float32)
    area = np.zeros(asset.atlas_shape, dtype=np.float32)
    zone = np.full(asset.atlas_shape, -1, dtype=np.int16)
    thickness = np.zeros(asset.atlas_shape, dtype=np.float32)
    areas_m2 = patch_areas_m2([island.patch for island in asset.islands])
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, island in enumerate(asset.islands):
        patch = island.patch
        alike.setdefault((patch.points.shape, island.shape, patch.wrap_u, patch.wrap_v), []).append(number)
        height, width = island.shape
        outer = (
            slice(island.row - GUTTER, island.row + height + GUTTER),
            slice(island.column - GUTTER, island.column + width + GUTTER),
        )
        zone[outer] = island.zone
        thickness[outer] = asset.nominal_thickness_mm if patch.thickness_mm is None else patch.thickness_mm
    for numbers in alike.values():
        height, width = asset.islands[numbers[0]].shape
        together = max(1, CHUNK // ((height + 2 * GUTTER) * (width + 2 * GUTTER)))
        for start in range(0, len(numbers), together):
            batch = numbers[start : start + together]
            _evaluate([asset.islands[number] for number in batch], areas_m2[batch], position, normal, area)
    return Texels(position_m=position, normal=normal, area_mm2=area, zone=zone, thickness_mm=thickness)


def _evaluate(islands: Sequence[Island], areas_m2: Floats, position: Singles, normal: Singles, area: Singles) -> None:
    """Fill in position and normal of the texels of k islands with gutters, and area without, in arrays of the atlas.

    Parameters
    ----------
    islands : islands with the same numbers of grid lines and of texels along each axis, which wrap alike.
    areas_m2 : (k,) areas of their triangles.
    position, normal, area : (H, W, 3), (H, W, 3), (H, W).
    """
    patch, atlas_width = islands[0].patch, area.shape[1]
    row, t, row_extent = _along(np.stack([island.row_edges for island in islands]), patch.wrap_v)
    column, s, column_extent = _along(np.stack([island.column_edges for island in islands]), patch.wrap_u)
    grids = np.stack([island.patch.points for island in islands])
    lines = grids.shape[2]  # points of one grid row
    axes = [np.ascontiguousarray(grids[..., axis]).reshape(-1) for axis in range(3)]  # numpy is slow along short axes
    first = (np.arange(len(islands)) * grids.shape[1])[:, None]
    corner = np.array([(island.row - GUTTER) * atlas_width + island.column - GUTTER for island in islands])
    areas = np.empty((len(islands), row.shape[1], column.shape[1]))
    step = max(1, CHUNK // column.size)
    for start in range(0, row.shape[1], step):
        rows = slice(start, min(start + step, row.shape[1]))
        node = ((first + row[:, rows]) * lines)[:, :, None] + column[:, None, :]
        places, facings, length = _between(axes, lines, node, t[:, rows, None], s[:, None, :])
        areas[:, rows] = length * row_extent[:, rows, None] * column_extent[:, None, :]
        texel = np.arange(rows.start, rows.stop)[:, None] * atlas_width + np.arange(column.shape[1])
        texel = corner[:, None, None] + texel
        position.reshape(-1, 3)[texel], normal.reshape(-1, 3)[texel] = places, facings
    inner = slice(GUTTER, -GUTTER)
    areas = areas[:, inner, inner]
    total = areas.sum(axis=(1, 2))
    areas[total == 0] = 1.0  # a few coarse texels, all centred in the empty halves of collapsed quads
    areas = areas * (1e6 * areas_m2 / areas.sum(axis=(1, 2)))[:, None, None]
    for island, island_areas in zip(islands, areas, strict=True):
        height, width = island_areas.shape
        area[island.row : island.row + height, island.column : island.column + width] = island_areas


def _along(edges: Floats, wrap: bool) -> tuple[Integers, Floats, Floats]:
    """Return quad, place within it in [0, 1), and extent in quads of each texel along one axis, with gutters.

    Each is (k, n + 2 `GUTTER`), for k islands of n texels with grid lines at `edges` (k, m).
    """
    count = round(edges[0, -1])
    index = np.arange(-GUTTER, count + GUTTER)
    centre = (index % count if wrap else index.clip(0, count - 1)) + 0.5
    quad = np.stack([np.searchsorted(lines, centre, side="right") for lines in edges]) - 1
    first = np.take_along_axis(edges, quad, axis=1)
    length = np.take_along_axis(edges, quad + 1, axis=1) - first
    return quad, (centre - first) / length, 1 / length


def _between(axes: list[Floats], lines: int, node: Integers, t: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """Return position (k, h, w, 3), normal (k, h, w, 3) and length of the product of the quad's sides (k, h, w).

    Parameters
    ----------
    axes : x, y and z of all points of the grids, whose rows have `lines` points.
    node : (k, h, w) the first corner of each texel's quad.
    t, s : (k, h, 1) and (k, 1, w) place within it, by row and by column.
    """
    first = s >= t
    sign = np.where(first, 1.0, -1.0)
    position, du, dv, across, along = [], [], [], [], []
    for values in axes:
        a, b, c, d = (values.take(node + corner) for corner in (0, 1, lines + 1, lines))
        du.append(np.where(first, b - a, c - d))
        dv.append(np.where(first, c - b, d - a))
        position.append(a + s * du[-1] + t * dv[-1])
        across.append(c - a)
        along.append(np.where(first, d - a, b - a) * sign)
    cross, fallback = crossed(du, dv), crossed(across, along)
    length = _long(cross)
    # A quad collapsed to a triangle has one empty half: its texels, of area 0, take the normal of the other half.
    has_area = length > 1e-6 * _long(fallback)
    cross = [np.where(has_area, value, instead) for value, instead in zip(cross, fallback, strict=True)]
    norm = np.maximum(_long(cross), 1e-30)
    return np.stack(position, axis=-1), np.stack([component / norm for component in cross], axis=-1), length


def _long(vector: list[Floats]) -> Floats:
    """Return lengths of vectors given axis by axis."""
    x, y, z = vector
    return np.asarray(np.sqrt(x * x + y * y + z * z))
