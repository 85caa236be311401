"""Geometry shared by all kinds of asset: welded triangles, and one texture atlas over them.

A parametric asset is a list of patches. A patch is a grid of points; each of its quads is two triangles of the mesh and
a rectangle of texels in the atlas. A mesh of the user's own comes in flat charts of triangles (`geometry.charts`).
Texels are evaluated on exactly these triangles, so that what the renderer draws, what the labels say and what the
statistics sum are one surface.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.packing import check_memory, pack

if TYPE_CHECKING:
    import trimesh

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]

GUTTER = 2  # texels round each island, so that linear lookups at its border never reach a neighbour
WELD_M = 1e-7  # points of one solid closer than this are one vertex


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """A grid of points on the surface of a solid.

    Parameters
    ----------
    solid : name of the solid that the patch helps to close; patches of one solid share their border points.
    zone : name of the zone, such as "weld".
    points : (nv + 1, nu + 1, 3) float, metres; du x dv points out of the solid. A row or column may collapse.
    wrap_u, wrap_v : whether the last column (row) repeats the first.
    thickness_mm : thickness of the metal behind the surface, or None for the asset's nominal thickness.
    """

    solid: str
    zone: str
    points: Floats
    wrap_u: bool = False
    wrap_v: bool = False
    thickness_mm: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Island:
    """Place of a patch in the atlas: its first texel, and the texel coordinates of its grid lines."""

    patch: Patch
    zone: int
    row: int
    column: int
    row_edges: Floats  # (nv + 1,), from 0 to the height in texels
    column_edges: Floats  # (nu + 1,), from 0 to the width in texels

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in texels, without the gutter."""
        return round(self.row_edges[-1]), round(self.column_edges[-1])

    def holds(self, texel: tuple[int, int]) -> bool:
        """Return whether a texel (row, column) is one of the island or its gutter."""
        return all(
            first - GUTTER <= place < first + length + GUTTER
            for place, first, length in zip(texel, (self.row, self.column), self.shape, strict=True)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class AssetGeometry:
    """An asset: welded triangles with atlas coordinates. z is up; the origin is the asset's own.

    `uv` is (m, 3, 2) per face corner in [0, 1]: texel (row, column) = (floor(v H), floor(u W)), row 0 at v = 0. A
    parametric asset has `islands`; one of charts has none, but the chart and the thickness of each face.
    """

    kind: str
    parameters: Mapping[str, Any]
    texel_mm: float
    vertices: Floats  # (n, 3) metres, shared within a solid and never between solids
    faces: Integers  # (m, 3), normals out
    uv: Floats  # (m, 3, 2)
    face_zone: Integers  # (m,) index into zone_names
    face_solid: Integers  # (m,) index into solid_names
    zone_names: tuple[str, ...]
    solid_names: tuple[str, ...]
    nominal_thickness_mm: float
    atlas_shape: tuple[int, int]
    islands: tuple[Island, ...] = ()
    face_chart: Integers | None = None  # (m,)
    named_as: tuple[str, ...] = ()  # of each zone that the user named, the zone as which it corrodes
    face_thickness_mm: Floats | None = None  # (m,)

    @property
    def zone_kinds(self) -> tuple[str, ...]:
        """The zone as which each zone corrodes: itself, unless the user named it."""
        return self.named_as or self.zone_names

    @cached_property
    def triangles(self) -> tuple[Floats, Floats, Floats]:
        """Corners of the faces, (m, 3, 3), normals times twice their areas, (m, 3), and those doubled areas, (m,)."""
        corners = self.vertices[self.faces]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return corners, cross, np.linalg.norm(cross, axis=1)

    @cached_property
    def welded(self) -> "trimesh.Trimesh":
        """Welded mesh of the asset, for ray casting."""
        return mesh(self)

    def wall_mm(self, zone: int, texel: tuple[int, int] | None = None) -> float:
        """Return the nominal thickness at a texel, mm; without one, or off the surface, the greatest of a zone."""
        own: list[float]
        if self.face_thickness_mm is not None:
            own = self.face_thickness_mm[self.face_zone == zone].tolist()
            if texel is not None and (face := self._face_at(texel)) >= 0:
                own = [float(self.face_thickness_mm[face])]
        else:
            held = [each for each in self.islands if (each.zone == zone if texel is None else each.holds(texel))]
            own = [each.thickness_mm for each in (island.patch for island in held) if each.thickness_mm is not None]
            own += [self.nominal_thickness_mm] if len(own) < len(held) else []
        return float(np.float32(max(own, default=self.nominal_thickness_mm)))

    def _face_at(self, texel: tuple[int, int]) -> int:
        """Return the face on whose chart the centre of a texel lies, or -1."""
        centre = (np.array(texel[::-1]) + 0.5) / np.array(self.atlas_shape[::-1])
        box = (self.uv.min(axis=1) <= centre) & (self.uv.max(axis=1) >= centre)
        inside = np.flatnonzero(box.all(axis=1))
        a, b, c = (self.uv[inside, corner] - centre for corner in range(3))
        turns = np.stack([one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0] for one, other in ((a, b), (b, c), (c, a))])
        held = (turns >= 0).all(axis=0) | (turns <= 0).all(axis=0)
        return int(inside[held][0]) if held.any() else -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Texels:
    """Surface under each texel of the atlas, (H, W) arrays. Gutters repeat the nearest or wrapped texel, area 0."""

    position_m: Singles  # (H, W, 3)
    normal: Singles  # (H, W, 3) unit normal of the triangle
    area_mm2: Singles  # (H, W), 0 outside islands
    zone: NDArray[np.int16]  # (H, W), -1 where neither island nor gutter is
    thickness_mm: Singles  # (H, W) of the metal behind, 0 outside islands and gutters


def assemble(
    kind: str, parameters: Mapping[str, Any], patches: Sequence[Patch], *, thickness_mm: float, texel_mm: float
) -> AssetGeometry:
    """Weld patches into solids and lay them out in one atlas.

    Parameters
    ----------
    kind, parameters : kind and parameters of the asset, kept for the record.
    patches : all patches, each solid closed.
    thickness_mm : nominal thickness (wall, bar diameter or plate).
    texel_mm : wanted side of a texel on the surface.

    Raises
    ------
    InputError
        The atlas would need more memory than is available.
    """
    zone_names = tuple(dict.fromkeys(patch.zone for patch in patches))
    solid_names = tuple(dict.fromkeys(patch.solid for patch in patches))
    islands, shape = _pack(patches, zone_names, texel_mm / 1000)
    faces: list[Integers] = []
    uv: list[Floats] = []
    points, face_zone, face_solid, point_solid = [], [], [], []
    offset = 0
    for island in islands:
        grid = island.patch.points
        index = offset + np.arange(grid.shape[0] * grid.shape[1]).reshape(grid.shape[:2])
        u = (island.column + island.column_edges) / shape[1]
        v = (island.row + island.row_edges) / shape[0]
        coordinates = np.stack(np.meshgrid(u, v), axis=-1)
        solid = solid_names.index(island.patch.solid)
        faces.extend(_corners(index))
        uv.extend(_corners(coordinates))
        count = 2 * (grid.shape[0] - 1) * (grid.shape[1] - 1)
        face_zone.append(np.full(count, island.zone))
        face_solid.append(np.full(count, solid))
        points.append(grid.reshape(-1, 3))
        point_solid.append(np.full(len(points[-1]), solid))
        offset += len(points[-1])
    vertices, vertex_of = weld(np.concatenate(points), np.concatenate(point_solid))
    welded = vertex_of[np.concatenate(faces)]
    whole = (welded[:, 0] != welded[:, 1]) & (welded[:, 1] != welded[:, 2]) & (welded[:, 2] != welded[:, 0])
    return AssetGeometry(
        kind=kind,
        parameters=dict(parameters),
        texel_mm=texel_mm,
        vertices=vertices,
        faces=welded[whole],
        uv=np.concatenate(uv)[whole],
        face_zone=np.concatenate(face_zone)[whole],
        face_solid=np.concatenate(face_solid)[whole],
        zone_names=zone_names,
        solid_names=solid_names,
        nominal_thickness_mm=thickness_mm,
        atlas_shape=shape,
        islands=tuple(islands),
    )


def mesh(asset: AssetGeometry) -> "trimesh.Trimesh":
    """Return a welded mesh without texture, for checks and measurements."""
    import trimesh

    return trimesh.Trimesh(asset.vertices, asset.faces, process=False)


def patch_area_m2(patch: Patch) -> float:
    """Return the area of a patch's triangles, m²."""
    total = 0.0
    for corners in _corners(patch.points):
        cross = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        total += float(np.sqrt((cross * cross).sum(axis=1)).sum())
    return total / 2


def crossed(a: list[Floats], b: list[Floats]) -> list[Floats]:
    """Return cross products, axis by axis."""
    (x, y, z), (u, v, w) = a, b
    return [y * w - z * v, z * u - x * w, x * v - y * u]


def _cross(a: Floats, b: Floats) -> Floats:
    """Return cross products, (..., 3); numpy's own takes ten times as long for the few points of a patch."""
    return np.stack(crossed([a[..., axis] for axis in range(3)], [b[..., axis] for axis in range(3)]), axis=-1)


def _corners(grid: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return corners, (quads, 3, ...), of the two triangles of each quad of a grid, split along (0, 0) to (1, 1)."""
    quads = (-1, *grid.shape[2:])
    a, b = grid[:-1, :-1].reshape(quads), grid[:-1, 1:].reshape(quads)
    c, d = grid[1:, 1:].reshape(quads), grid[1:, :-1].reshape(quads)
    return np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)


def weld(points: Floats, solid: Integers) -> tuple[Floats, Integers]:
    """Return unique vertices, and the vertex of each point; only points of the same solid are welded."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    apart = 1.0 + 2 * np.abs(points).max()  # metres: a fourth coordinate keeps solids from meeting
    pairs = cKDTree(np.column_stack([points, solid * apart])).query_pairs(WELD_M, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, group = connected_components(graph, directed=False)
    _, first, vertex_of = np.unique(group, return_index=True, return_inverse=True)
    return points[first], vertex_of.reshape(-1).astype(np.int64)


def _edges(points: Floats, texel_m: float) -> Floats:
    """Return texel coordinates of grid lines along the second axis: proportional to mean arc length, whole ends."""
    arcs = np.linalg.norm(np.diff(points, axis=1), axis=2).mean(axis=0)
    lines = np.concatenate([[0.0], np.cumsum(np.maximum(arcs, 1e-9))])
    return np.asarray(lines / lines[-1] * max(2, int(np.ceil(lines[-1] / texel_m - 1e-6))))


def _pack(
    patches: Sequence[Patch], zone_names: tuple[str, ...], texel_m: float
) -> tuple[list[Island], tuple[int, int]]:
    """Lay the patches out in an atlas."""
    lines = [(_edges(patch.points.transpose(1, 0, 2), texel_m), _edges(patch.points, texel_m)) for patch in patches]
    sizes = np.array([(rows[-1] + 2 * GUTTER, columns[-1] + 2 * GUTTER) for rows, columns in lines]).round().astype(int)
    corner, shape = pack(sizes)
    check_memory(shape, texel_m)
    islands = [
        Island(
            patch=patch,
            zone=zone_names.index(patch.zone),
            row=int(corner[index, 0]) + GUTTER,
            column=int(corner[index, 1]) + GUTTER,
            row_edges=lines[index][0],
            column_edges=lines[index][1],
        )
        for index, patch in enumerate(patches)
    ]
    return islands, shape
