"""The surface behind a place: what lies on the other side of the metal, found by rays through the solid."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles, Texels
from corrotwin.twin.geometry.solids import COVERED

INSIDE_M = 1e-5  # rays begin this far below the surface
DEEPEST = 2.0  # times the nominal thickness: metal farther behind belongs to another part


@dataclass(frozen=True, kw_only=True, eq=False)
class OppositeSurface:
    """Surface behind n places; where there is none, the face is -1 and position and normal are those of the place."""

    position_m: Floats  # (n, 3)
    normal: Floats  # (n, 3)
    face: Integers  # (n,) face of the asset, or -1

    @property
    def found(self) -> NDArray[np.bool_]:
        """True where there is an open surface behind a place, (n,)."""
        return np.asarray(self.face >= 0)


def opposite_surface(
    asset: AssetGeometry,
    position_m: Floats | Singles,
    normal: Floats | Singles,
    thickness_mm: Floats | Singles,
) -> OppositeSurface:
    """Return the surface on the other side of the metal at places, along minus their normals.

    A ray that leaves a solid where it is pressed on another one goes on through that one: from the cap of a weld
    through the pipe under it to the bore.

    Parameters
    ----------
    asset : the surface.
    position_m, normal : (n, 3) places on it, and the unit normals there.
    thickness_mm : (n,) nominal thickness of the metal there.
    """
    place, facing = np.asarray(position_m, dtype=float), np.asarray(normal, dtype=float)
    hits, ray, face = asset.welded.ray.intersects_location(place - INSIDE_M * facing, -facing, multiple_hits=True)
    depth = ((place[ray] - hits) * facing[ray]).sum(axis=1)
    leaves = (asset.welded.face_normals[face] * facing[ray]).sum(axis=1) < 0
    covered = asset.zone_names.index(COVERED) if COVERED in asset.zone_names else -1
    open_air = asset.face_zone[face] != covered
    reached = leaves & open_air & (depth <= DEEPEST * np.asarray(thickness_mm)[ray] / 1000)
    order = np.flatnonzero(reached)[np.lexsort((depth[reached], ray[reached]))]
    rays, nearest = np.unique(ray[order], return_index=True)
    chosen = order[nearest]
    behind, seen, away = np.full(len(place), -1, dtype=np.int64), place.copy(), facing.copy()
    behind[rays], seen[rays] = face[chosen], hits[chosen]
    away[rays] = asset.welded.face_normals[face[chosen]]
    return OppositeSurface(position_m=seen, normal=away, face=behind)


@lru_cache(maxsize=2)  # it is asked again and again about one asset
def opposite_texel(asset: AssetGeometry, texels: Texels) -> Integers:
    """Return the texel on the other side of the metal (`twin.geometry.opposite`), (N,) flat index; -1 without one."""
    air = np.flatnonzero(texels.area_mm2.reshape(-1) > 0)
    behind = np.full(texels.zone.size, -1, dtype=np.int64)
    behind[air] = texels_behind(asset, texels, air)
    return behind


def texels_behind(asset: AssetGeometry, texels: Texels, places: Integers) -> Integers:
    """Return the texel on the other side of the metal for some texels, flat indices (n,); -1 where there is none."""
    place, normal = texels.position_m.reshape(-1, 3)[places], texels.normal.reshape(-1, 3)[places]
    opposite = opposite_surface(asset, place, normal, texels.thickness_mm.reshape(-1)[places])
    face = opposite.face[opposite.found]
    corners = asset.welded.triangles[face]
    first, second, inside = (
        point - corners[:, 0] for point in (corners[:, 1], corners[:, 2], opposite.position_m[opposite.found])
    )
    pairs = ((first, first), (first, second), (second, second), (inside, first), (inside, second))
    dots = [(a * b).sum(axis=1) for a, b in pairs]
    spread = dots[0] * dots[2] - dots[1] ** 2
    along = np.stack([dots[2] * dots[3] - dots[1] * dots[4], dots[0] * dots[4] - dots[1] * dots[3]]) / spread
    uv = np.einsum("cn,ncd->nd", [1 - along.sum(axis=0), *along], asset.uv[face])
    height, width = asset.atlas_shape
    column, row = (np.clip((uv * (width, height)).astype(int), 0, (width - 1, height - 1))).T
    behind = np.full(len(places), -1, dtype=np.int64)
    behind[opposite.found] = row * width + column
    return behind
