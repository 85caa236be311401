"""Geometry shared by all kinds of asset: welded triangles, and one texture atlas over them.

A parametric asset is a list of patches. A patch is a grid of points; each of its quads is two triangles of the mesh and
a rectangle of texels in the atlas. A mesh of the user's own comes in flat charts of triangles (`geometry.charts`).
Texels are evaluated on exactly these triangles, so that what the renderer draws, what the labels say and what the
statistics sum are one surface.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    named_as: tuple[str, ...] = ()  # for each zone, if the user named them, the zone as which it corrodes
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

    def texel_at(self, uv: tuple[float, float]) -> tuple[int, int]:
        """Return row and column of the texel at a place on the atlas, each of whose coordinates is in [0, 1]."""
        height, width = self.atlas_shape
        return min(int(uv[1] * height), height - 1), min(int(uv[0] * width), width - 1)

    def wall_mm(self, zone: str, uv: tuple[float, float] | None = None) -> float:
        """Return the nominal thickness at a place, mm; without one, or off the surface, the greatest of a zone."""
        walls: list[float]
        index, texel = self.zone_names.index(zone), None if uv is None else self.texel_at(uv)
        if self.face_thickness_mm is not None:
            walls = self.face_thickness_mm[self.face_zone == index].tolist()
            if texel is not None and (face := self._face_at(texel)) >= 0:
                walls = [float(self.face_thickness_mm[face])]
        else:
            held = [piece for piece in self.islands if (piece.zone == index if texel is None else piece.holds(texel))]
            walls = [patch.thickness_mm for patch in (piece.patch for piece in held) if patch.thickness_mm is not None]
            walls += [self.nominal_thickness_mm] if len(walls) < len(held) else []
        return float(np.float32(max(walls, default=self.nominal_thickness_mm)))

    def _face_at(self, texel: tuple[int, int]) -> int:
        """Return the face nearest to the centre of a texel on the atlas, or -1 if none is within the gutter."""
        from trimesh.triangles import closest_point

        size, centre = np.array(self.atlas_shape[::-1]), np.array(texel[::-1]) + 0.5
        box = (self.uv.min(axis=1) * size - GUTTER <= centre) & (self.uv.max(axis=1) * size + GUTTER >= centre)
        near = np.flatnonzero(box.all(axis=1))
        flat = np.pad(self.uv[near] * size - centre, ((0, 0), (0, 0), (0, 1)))  # the centre is the origin; z is 0
        distance = np.linalg.norm(closest_point(flat, np.zeros((len(near), 3))), axis=1)
        return int(near[distance.argmin()]) if distance.min(initial=np.inf) <= GUTTER else -1


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
    zone = np.array([island.zone for island in islands])
    number = {name: index for index, name in enumerate(solid_names)}
    solid = np.array([number[patch.solid] for patch in patches])
    sizes = np.array([patch.points.shape[:2] for patch in patches])
    point_counts, face_counts = sizes.prod(axis=1), 2 * (sizes - 1).prod(axis=1)
    first_point, first_face = np.cumsum(point_counts) - point_counts, np.cumsum(face_counts) - face_counts
    corner = np.array([(island.column, island.row) for island in islands])
    faces = np.empty((face_counts.sum(), 3), dtype=np.int64)
    uv = np.empty((len(faces), 3, 2))
    for members, grids in alike(patches):
        rows, columns = grids.shape[1:3]
        index = first_point[members, None, None] + np.arange(rows * columns).reshape(rows, columns)
        u = corner[members, 0, None] + np.stack([islands[member].column_edges for member in members])
        v = corner[members, 1, None] + np.stack([islands[member].row_edges for member in members])
        across, down = np.broadcast_arrays((u / shape[1])[:, None, :], (v / shape[0])[:, :, None])
        place = first_face[members, None] + np.arange(face_counts[members[0]])
        faces[place] = np.concatenate(_corners(index[..., None]), axis=1)[..., 0]
        uv[place] = np.concatenate(_corners(np.stack([across, down], axis=-1)), axis=1)
    points = np.concatenate([patch.points.reshape(-1, 3) for patch in patches])
    face_zone, face_solid = np.repeat(zone, face_counts), np.repeat(solid, face_counts)
    vertices, vertex_of = weld(points, np.repeat(solid, point_counts))
    welded = vertex_of[faces]
    valid = (welded[:, 0] != welded[:, 1]) & (welded[:, 1] != welded[:, 2]) & (welded[:, 2] != welded[:, 0])
    return AssetGeometry(
        kind=kind, parameters=dict(parameters), texel_mm=texel_mm, vertices=vertices, faces=welded[valid], uv=uv[valid],
        face_zone=face_zone[valid], face_solid=face_solid[valid], zone_names=zone_names, solid_names=solid_names,
        nominal_thickness_mm=thickness_mm, atlas_shape=shape, islands=tuple(islands),
    )  # fmt: skip


def mesh(asset: AssetGeometry) -> "trimesh.Trimesh":
    """Return a welded mesh without texture, for checks and measurements."""
    import trimesh

    return trimesh.Trimesh(asset.vertices, asset.faces, process=False)


def alike(patches: Sequence[Patch]) -> Iterator[tuple[Integers, Floats]]:
    """Yield patches whose grids have the same shape: their indices (k,), and points (k, nv + 1, nu + 1, 3).

    Thousands of tears or rivets have few shapes, and numpy is slow on many small arrays.
    """
    shapes: dict[tuple[int, ...], list[int]] = {}
    for index, patch in enumerate(patches):
        shapes.setdefault(patch.points.shape, []).append(index)
    for indices in shapes.values():
        yield np.array(indices), np.stack([patches[index].points for index in indices])


def patch_areas_m2(patches: Sequence[Patch]) -> Floats:
    """Return the area of the triangles of each patch, (n,) m²."""
    areas = np.zeros(len(patches))
    for members, grids in alike(patches):
        for corners in _corners(grids):
            cross = _cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
            areas[members] += np.sqrt((cross * cross).sum(axis=-1)).sum(axis=-1) / 2
    return areas


def crossed(a: list[Floats], b: list[Floats]) -> list[Floats]:
    """Return cross products, axis by axis."""
    (x, y, z), (u, v, w) = a, b
    return [y * w - z * v, z * u - x * w, x * v - y * u]


def _cross(a: Floats, b: Floats) -> Floats:
    """Return cross products, (..., 3); numpy's own takes ten times as long for the few points of a patch."""
    return np.stack(crossed([a[..., axis] for axis in range(3)], [b[..., axis] for axis in range(3)]), axis=-1)


def _corners(grids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return corners, (k, quads, 3, d), of the two triangles of each quad of k grids (k, nv + 1, nu + 1, d).

    Quads are split along (0, 0) to (1, 1).
    """
    quads = (len(grids), -1, grids.shape[3])
    a, b = grids[:, :-1, :-1].reshape(quads), grids[:, :-1, 1:].reshape(quads)
    c, d = grids[:, 1:, 1:].reshape(quads), grids[:, 1:, :-1].reshape(quads)
    return np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)


def weld(points: Floats, solid: Integers) -> tuple[Floats, Integers]:
    """Return unique vertices, and the vertex of each point; only points of the same solid are welded."""
    from scipy.spatial import cKDTree
    from trimesh.graph import connected_component_labels

    apart = 1.0 + 2 * np.abs(points).max()  # metres: a fourth coordinate keeps solids from meeting
    pairs = cKDTree(np.column_stack([points, solid * apart])).query_pairs(WELD_M, output_type="ndarray")
    group = connected_component_labels(pairs, len(points))
    _, first, vertex_of = np.unique(group, return_index=True, return_inverse=True)
    return points[first], vertex_of.reshape(-1).astype(np.int64)


def _edges(grids: Floats, texel_m: float) -> Floats:
    """Return texel coordinates (k, nu + 1) of the grid lines along the second axis of k grids (k, nv + 1, nu + 1, 3).

    They are proportional to mean arc length, with whole ends.
    """
    arcs = np.linalg.norm(np.diff(grids, axis=2), axis=3).mean(axis=1)
    lines = np.concatenate([np.zeros((len(grids), 1)), np.cumsum(np.maximum(arcs, 1e-9), axis=1)], axis=1)
    extent = np.maximum(2, np.ceil(lines[:, -1:] / texel_m - 1e-6))
    return np.asarray(lines / lines[:, -1:] * extent)


def _pack(
    patches: Sequence[Patch], zone_names: tuple[str, ...], texel_m: float
) -> tuple[list[Island], tuple[int, int]]:
    """Lay the patches out in an atlas."""
    lines: dict[int, tuple[Floats, Floats]] = {}
    for members, grids in alike(patches):
        rows, columns = _edges(grids.transpose(0, 2, 1, 3), texel_m), _edges(grids, texel_m)
        lines |= dict(zip(members.tolist(), zip(rows, columns, strict=True), strict=True))
    sizes = np.array([[along[-1] + 2 * GUTTER for along in lines[index]] for index in range(len(patches))])
    corner, shape = pack(sizes.round().astype(int))
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
