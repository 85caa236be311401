"""Positions of readings: a point in space as a place on the atlas."""

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.meshes.surface import Frame
from corrotwin.twin.twin_state import TwinState

Point = tuple[float, float, float]
FARTHEST_SHARE = 0.02  # of the asset's diagonal: a point farther from the surface is in other coordinates, or a slip


def on_atlas(twin: TwinState, asset: AssetGeometry, point: Point, zone: str = "") -> tuple[str, tuple[float, float]]:
    """Return the zone and the place on the atlas of the surface nearest to a point.

    Parameters
    ----------
    twin, asset : that was inspected.
    point : in the coordinates of the asset, metres; for a mesh in those of its file, of glTF and STEP in metres.
    zone : whose surface counts; empty for any that air reaches.

    Raises
    ------
    InputError
        The zone is unknown, or the point is far from it.
    """
    import trimesh

    names = [name for name in asset.zone_names if name != COVERED]
    if zone and zone not in names:
        raise InputError(f"no zone {zone!r}; this {asset.kind} has {', '.join(names)}")
    wanted = [index for index, name in enumerate(asset.zone_names) if name == (zone or name) and name != COVERED]
    faces = np.flatnonzero(np.isin(asset.face_zone, wanted))
    frame = twin.parameters.get("frame")
    where = np.asarray(point, dtype=float) if frame is None else Frame(**frame).to_asset(np.asarray(point))
    corners = asset.vertices[asset.faces[faces]]
    points = trimesh.triangles.closest_point(corners, np.broadcast_to(where, (len(faces), 3)))
    distance = np.linalg.norm(points - where, axis=1)
    index = int(np.argmin(distance))
    away = float(distance[index])
    most = FARTHEST_SHARE * float(np.linalg.norm(np.ptp(asset.vertices, axis=0)))
    if not away <= most:
        of = f" of {zone}" if zone else ""
        units = "metres" if frame is None or frame["metres"] == 1 else "the units of its file"
        raise InputError(
            f"`at` {' '.join(f'{value:g}' for value in point)}: is {away:.3g} m from the surface{of}, over {most:.2g} "
            f"m; give x, y and z in {units}"
        )
    face = int(faces[index])
    weights = trimesh.triangles.points_to_barycentric(corners[index][None], points[index][None])[0].clip(0, 1)
    u, v = (weights[:, None] * asset.uv[face]).sum(axis=0) / weights.sum()
    return asset.zone_names[asset.face_zone[face]], (float(u), float(v))
