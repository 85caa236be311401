"""Charts of triangles: a surface cut into flat pieces, their place in an atlas, and the texels on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from corrotwin.twin.geometry.atlas import (
    GUTTER,
    AssetGeometry,
    Floats,
    Integers,
    Texels,
)
from corrotwin.twin.geometry.packing import check_memory, pack

PAIRS = 1 << 21  # pairs of a face and a texel that are evaluated together
NEAR = GUTTER * np.sqrt(2) + 1e-6  # texels: how far the gutter reaches


@dataclass(frozen=True, kw_only=True, eq=False)
class Charts:
    """A surface of triangles, each on a flat chart that shows it in its true size.

    Parameters
    ----------
    vertices : (n, 3) metres; z is up.
    faces : (m, 3), normals out.
    flat : (m, 3, 2) metres, the corners of each face on its chart, which begins at (0, 0).
    face_chart : (m,) number of the chart; each chart is in one zone.
    face_zone, face_solid : (m,) index into the names.
    face_thickness_mm : (m,) thickness of the metal behind.
    zone_kinds : for each zone name, the zone as which it corrodes.
    """

    vertices: Floats
    faces: Integers
    flat: Floats
    face_chart: Integers
    face_zone: Integers
    face_solid: Integers
    face_thickness_mm: Floats
    zone_names: tuple[str, ...]
    zone_kinds: tuple[str, ...]
    solid_names: tuple[str, ...]

    @property
    def areas_m2(self) -> Floats:
        """The area of each face, (m,)."""
        corners = self.vertices[self.faces]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return np.asarray(np.linalg.norm(cross, axis=1) / 2)

    @property
    def nominal_thickness_mm(self) -> float:
        """The median thickness by area: half of the surface has metal of this thickness behind it, or thinner."""
        order = np.argsort(self.face_thickness_mm)
        below = np.cumsum(self.areas_m2[order])
        return float(self.face_thickness_mm[order][np.searchsorted(below, below[-1] / 2)])


def assemble(kind: str, parameters: Mapping[str, Any], charts: Charts, *, texel_mm: float) -> AssetGeometry:
    """Lay charts out in one atlas.

    Parameters
    ----------
    kind, parameters : kind and parameters of the asset, kept for the record.
    charts : the surface.
    texel_mm : wanted side of a texel on the surface.

    Raises
    ------
    InputError
        The atlas would need more memory than is available.
    """
    count = int(charts.face_chart.max()) + 1
    extent = np.zeros((count, 2))
    np.maximum.at(extent, charts.face_chart, charts.flat.max(axis=1))
    sizes = np.maximum(2, np.ceil(extent[:, ::-1] * 1000 / texel_mm - 1e-6)).astype(int) + 2 * GUTTER
    corner, shape = pack(sizes)
    check_memory(shape, texel_mm / 1000)
    texel = charts.flat * 1000 / texel_mm + (corner[charts.face_chart, ::-1] + GUTTER)[:, None, :]
    return AssetGeometry(
        kind=kind,
        parameters=dict(parameters),
        texel_mm=texel_mm,
        vertices=charts.vertices,
        faces=charts.faces,
        uv=texel / (shape[1], shape[0]),
        face_zone=charts.face_zone,
        face_solid=charts.face_solid,
        zone_names=charts.zone_names,
        named_as=charts.zone_kinds,
        solid_names=charts.solid_names,
        nominal_thickness_mm=charts.nominal_thickness_mm,
        atlas_shape=shape,
        face_chart=charts.face_chart,
        face_thickness_mm=charts.face_thickness_mm,
    )


def texels(asset: AssetGeometry) -> Texels:
    """Return the texels of an asset of charts, each evaluated at its centre on the face there (`geometry.texels`)."""
    from scipy.ndimage import distance_transform_edt

    if asset.face_chart is None or asset.face_thickness_mm is None:
        raise ValueError("an asset of charts has the chart and the thickness of each face")
    height, width = asset.atlas_shape
    corners = asset.uv * (width, height)
    face = np.full(height * width, -1, dtype=np.int64)
    for numbers, rows, columns in _covered(corners):
        face[rows * width + columns] = numbers
    inside = np.flatnonzero(face >= 0)
    centre = np.column_stack([inside % width, inside // width]) + 0.5
    touched, on_sides = _touched(face, corners, width)
    surface = np.concatenate([inside, touched])
    weights = np.concatenate([_barycentric(corners[face[inside]], centre), on_sides])
    of_texel = face[surface]
    points, cross, doubled = asset.triangles
    position = np.zeros((height * width, 3), dtype=np.float32)
    normal, area = np.zeros_like(position), np.zeros(height * width, dtype=np.float32)
    position[surface] = (weights[:, :, None] * points[of_texel]).sum(axis=1)
    normal[surface] = (cross / np.maximum(doubled, 1e-30)[:, None])[of_texel]
    chart = asset.face_chart[of_texel]
    of_chart = np.bincount(asset.face_chart, weights=doubled / 2)
    area[surface] = 1e6 * (of_chart / np.maximum(np.bincount(chart, minlength=len(of_chart)), 1))[chart]
    distance, nearest = distance_transform_edt((face < 0).reshape(height, width), return_indices=True)
    gutter = np.flatnonzero((distance.reshape(-1) <= NEAR) & (face < 0))
    source = (nearest[0].reshape(-1) * width + nearest[1].reshape(-1))[gutter]
    position[gutter], normal[gutter], face[gutter] = position[source], normal[source], face[source]
    zone, thickness = np.full(height * width, -1, dtype=np.int16), np.zeros(height * width, dtype=np.float32)
    held = face >= 0
    zone[held], thickness[held] = asset.face_zone[face[held]], asset.face_thickness_mm[face[held]]
    shape = asset.atlas_shape
    return Texels(
        position_m=position.reshape(*shape, 3),
        normal=normal.reshape(*shape, 3),
        area_mm2=area.reshape(shape),
        zone=zone.reshape(shape),
        thickness_mm=thickness.reshape(shape),
    )


def _covered(corners: Floats) -> "list[tuple[Integers, Integers, Integers]]":
    """Return faces, rows and columns of the texels whose centres lie on a face; `corners` in texels, (m, 3, 2)."""
    low = np.ceil(corners.min(axis=1) - 0.5).astype(np.int64)
    spans = (np.floor(corners.max(axis=1) - 0.5).astype(np.int64) - low + 1).clip(0)
    counts = spans.prod(axis=1)
    portions = []
    for face, place in _in_portions(counts):
        column, row = low[face, 0] + place % spans[face, 0], low[face, 1] + place // spans[face, 0]
        centre = np.column_stack([column, row]) + 0.5
        inside = (_barycentric(corners[face], centre) >= -1e-9).all(axis=1)
        portions.append((face[inside], row[inside], column[inside]))
    return portions


def spread(counts: Integers) -> tuple[Integers, Integers]:
    """Return the owner of each place, and its number among the owner's places; `counts` says how many each has."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _in_portions(counts: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield owners and places as `spread` returns them, about `PAIRS` at a time."""
    start, ends = 0, np.cumsum(counts)
    while start < len(counts):
        stop = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + PAIRS, side="right")))
        owner, place = spread(counts[start:stop])
        yield start + owner, place
        start = stop


def _barycentric(corners: Floats, points: Floats) -> Floats:
    """Return the weights (n, 3) of the corners (n, 3, 2) at points (n, 2); finite even on a face without area."""
    first, second, inside = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    second_weight = (inside[:, 0] * second[:, 1] - inside[:, 1] * second[:, 0]) / area
    third_weight = (first[:, 0] * inside[:, 1] - first[:, 1] * inside[:, 0]) / area
    return np.stack([1 - second_weight - third_weight, second_weight, third_weight], axis=1)


def _touched(face: Integers, corners: Floats, width: int) -> tuple[Integers, Floats]:
    """Assign texels whose centre lies on no face, but on which a side lies, to the face of that side.

    Returns
    -------
    Those texels, and the weights of the corners of the face at a point of the side that lies on each, (n, 3).
    """
    touched, on_sides = [np.empty(0, dtype=np.int64)], [np.empty((0, 3))]
    for side in range(3):
        begin, along = corners[:, side], corners[:, (side + 1) % 3] - corners[:, side]
        counts = np.ceil(2 * np.abs(along).max(axis=1)).astype(np.int64) + 1
        for number, step in _in_portions(counts):
            share = step / (counts[number] - 1).clip(1)
            column, row = np.floor(begin[number] + share[:, None] * along[number]).astype(np.int64).T
            texel = row * width + column
            new, first = np.unique(texel, return_index=True)
            free = face[new] < 0
            new, first = new[free], first[free]
            face[new] = number[first]
            weights = np.zeros((len(new), 3))
            weights[:, side], weights[:, (side + 1) % 3] = 1 - share[first], share[first]
            touched.append(new)
            on_sides.append(weights)
    return np.concatenate(touched), np.concatenate(on_sides)
