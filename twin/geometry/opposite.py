"""The surface behind a place: what lies on the other side of the metal, found by rays through the solid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles
from corrotwin.twin.geometry.solids import COVERED

INSIDE_M = 1e-5  # rays begin so far below the surface
DEEPEST = 2.0  # of the nominal thickness: metal farther behind belongs to another part


@dataclass(frozen=True, kw_only=True, eq=False)
class OppositeSurface:
    """What lies behind n places; where nothing does, the face is -1 and position and normal are those of the place."""

    position_m: Floats  # (n, 3)
    normal: Floats  # (n, 3)
    face: Integers  # (n,) of the asset, or -1

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether there is an open surface behind each place, (n,)."""
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
