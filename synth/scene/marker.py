"""A fiducial marker that an inspector has laid on the steel: a scale, and something that is not rust."""

from collections.abc import Sequence
from math import pi, tan
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.camera import Outlook, rays
from corrotwin.synth.scene.surroundings import Array, as_matrix, write_mesh
from corrotwin.synth.spec import Prop, View

SIDES_M = (0.04, 0.1)  # of a marker
CELLS = 4  # of the pattern, each way; a border of one more cell is black (as ArUco's 4x4 dictionaries have it)
THICK_M, PROUD_M = 0.0006, 0.00015  # of the plate, and of its white cells over it
TRIES = 60
FLAT_M = 0.004  # by so much the surface below a marker may leave its plane


def on_surface(
    outlook: Outlook, views: Sequence[View], chosen: Preset, folder: Path, name: str, rng: np.random.Generator
) -> list[Prop]:
    """Markers on flat places of the assets, in a share of the scenes: one for each view that shows none yet.

    Mesh files of their two colours are written into `folder` under names that begin with `name`.
    """
    share, side = rng.random(), float(rng.uniform(*SIDES_M))
    frames: list[Array] = []
    props: list[Prop] = []
    for number, view in enumerate(views):
        turn = trimesh.transformations.rotation_matrix(rng.uniform(0, 2 * pi), [0, 0, 1])
        pattern, places = rng.random((CELLS, CELLS)) < 0.5, rng.uniform(0.12, 0.88, (TRIES, 2))
        if share >= chosen.marker_share or any(_shown(outlook, view, frame) for frame in frames):
            continue
        tried = (_frame(outlook, np.array(view.pose), view.field_of_view, place, side) for place in places)
        frame = next((each for each in tried if each is not None), None)
        if frame is not None:
            frames.append(frame)
            props += _props(frame @ turn, side, pattern, folder, f"{name}-{number}")
    return props


def _shown(outlook: Outlook, view: View, frame: Array) -> bool:
    """Whether a view shows the middle of a marker, which is not in the outlook itself."""
    pose = np.array(view.pose)
    x, y, z = (frame[:3, 3] - pose[:3, 3]) @ pose[:3, :3]
    if z >= 0 or max(abs(x), abs(y)) > -z * tan(view.field_of_view / 2):
        return False
    way = frame[:3, 3] - pose[:3, 3]
    far = float(np.linalg.norm(way))
    found, _, _ = outlook.solid.ray.intersects_location(pose[None, :3, 3], way[None] / far, multiple_hits=False)
    return not len(found) or float(np.linalg.norm(found[0] - pose[:3, 3])) > far - FLAT_M


def _frame(outlook: Outlook, pose: Array, angle: float, place: Array, side: float) -> Array | None:
    """Coordinates, z out of the surface, at a place in the picture; None where it is not flat or no asset's."""
    grid = rays(pose, angle, 256)
    row, column = (place * 256).astype(int)
    eye, way = grid[0][0], grid[1][row * 256 + column]
    found, _, face = outlook.solid.ray.intersects_location(eye[None], way[None], multiple_hits=False)
    if not len(found) or face[0] >= outlook.firsts[-1]:
        return None
    normal = outlook.solid.face_normals[face[0]]
    if normal @ way > -0.25:  # seen too much from the side
        return None
    across = np.cross(normal, [0.0, 0.0, 1.0] if abs(normal[2]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = np.column_stack([across, np.cross(normal, across), normal]), found[0]
    corners = 0.75 * side * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1], [1, 0], [0, 1], [-1, 0], [0, -1]])
    above = trimesh.transform_points(np.column_stack([corners, np.full(len(corners), 0.05)]), frame)
    hits, ray, _ = outlook.solid.ray.intersects_location(above, np.tile(-normal, (len(above), 1)), multiple_hits=False)
    heights = (hits - found[0]) @ normal
    if len(set(ray.tolist())) < len(corners) or np.abs(heights).max() > FLAT_M:
        return None
    frame[:3, 3] += normal * (max(float(heights.max()), 0.0) + 0.0003)
    return frame


def _props(frame: Array, side: float, pattern: NDArray[np.bool_], folder: Path, name: str) -> list[Prop]:
    cell = side / (CELLS + 2)
    plate = trimesh.creation.box((side, side, THICK_M))
    plate.apply_translation([0, 0, THICK_M / 2])
    cells = []
    for row, column in np.argwhere(pattern):
        one = trimesh.creation.box((cell, cell, PROUD_M))
        middle = (np.array([column, row]) - (CELLS - 1) / 2) * cell
        one.apply_translation([*middle, THICK_M + PROUD_M / 2])
        cells.append(one)
    parts = [("dark", plate, 0.012)]
    if cells:
        parts.append(("white", trimesh.util.concatenate(cells), 0.75))
    return [
        Prop(
            shape="mesh", pose=as_matrix(frame), material="plain", color=(tone, tone, tone), seed=0.0,
            file=write_mesh(folder, f"{name}-{which}.npz", solid),
        )
        for which, solid, tone in parts
    ]  # fmt: skip
