"""Positions of readings: conversion of a point in space to a place on the atlas."""

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.meshes.surface import Frame
from corrotwin.twin.twin_state import TwinState

Point = tuple[float, float, float]
FARTHEST_SHARE = 0.02  # of the asset's diagonal; a point farther from the surface is in other coordinates or mistyped


def on_atlas(twin: TwinState, asset: AssetGeometry, point: Point, zone: str = "") -> tuple[str, tuple[float, float]]:
    """Return the zone of the surface nearest to a point, and the place (u, v) on the atlas.

    Parameters
    ----------
    twin, asset : twin that was inspected, and its geometry.
    point : x, y and z in the coordinates of the asset, metres; for a mesh, in the coordinates and units of its file
        (glTF and STEP: metres).
    zone : the zone on which the point lies; empty for any except hidden surface.

    Raises
    ------
    InputError
        The zone is unknown, or the point is far from it.
    """
    import trimesh

    names = [name for name in asset.zone_names if name != COVERED]
    if zone and zone not in names:
        raise InputError(f"no zone {zone!r}; this {asset.kind} has {', '.join(names)}")
    indices = [index for index, name in enumerate(asset.zone_names) if name == (zone or name) and name != COVERED]
    faces = np.flatnonzero(np.isin(asset.face_zone, indices))
    frame = twin.parameters.get("frame")
    where = np.asarray(point, dtype=float) if frame is None else Frame(**frame).to_asset(np.asarray(point))
    corners = asset.vertices[asset.faces[faces]]
    points = trimesh.triangles.closest_point(corners, np.broadcast_to(where, (len(faces), 3)))
    distance = np.linalg.norm(points - where, axis=1)
    index = int(np.argmin(distance))
    away_m = float(distance[index])
    limit = FARTHEST_SHARE * float(np.linalg.norm(np.ptp(asset.vertices, axis=0)))
    if not away_m <= limit:
        on_zone = f" of {zone}" if zone else ""
        units = "metres" if frame is None or frame["metres"] == 1 else "the units of its file"
        raise InputError(
            f"`at` {' '.join(f'{value:g}' for value in point)}: is {away_m:.3g} m from the surface{on_zone}, more "
            f"than {limit:.2g} m; give x, y and z in {units}"
        )
    face = int(faces[index])
    weights = trimesh.triangles.points_to_barycentric(corners[index][None], points[index][None])[0].clip(0, 1)
    u, v = (weights[:, None] * asset.uv[face]).sum(axis=0) / weights.sum()
    return asset.zone_names[asset.face_zone[face]], (float(u), float(v))
