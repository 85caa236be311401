"""Fiducial markers that an inspector placed on the steel: they give scale, and are not rust."""

from collections.abc import Sequence
from dataclasses import replace
from math import pi
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.ground import write_pieces
from corrotwin.synth.scene.ground_cover import Pieces
from corrotwin.synth.scene.surroundings import Array, as_matrix
from corrotwin.synth.scene.visibility import ViewingSpace, first_hits, in_picture, rays
from corrotwin.synth.spec import Prop, View

SIDES_M = (0.04, 0.1)  # smallest and largest side of a marker
CELLS = 4  # of the pattern, each way; a black border one cell wide surrounds them (as in ArUco's 4x4 dictionaries)
THICK_M, PROUD_M = 0.0006, 0.00015  # thickness of the plate, and height of its white cells above it
TRIES = 60
FLAT_M = 0.004  # largest deviation of the surface below a marker from its plane
BELOW = 17  # rays each way that examine that surface; they find anything broader than 8 mm
ABOVE_M = 0.3  # height from which they are cast; anything that protrudes below it is in the way, too


def on_surface(
    space: ViewingSpace, views: Sequence[View], chosen: Preset, folder: Path, name: str, rng: np.random.Generator
) -> list[Prop]:
    """Place markers on flat parts of the assets, one for each view that shows none yet, in a share of the scenes.

    A mesh for each of their two colours is written into `folder`, under a name that begins with `name`.
    """
    share, side = rng.random(), float(rng.uniform(*SIDES_M))
    frames: list[Array] = []
    props: list[Prop] = []
    for number, view in enumerate(views):
        turn = trimesh.transformations.rotation_matrix(rng.uniform(0, 2 * pi), [0, 0, 1])
        pattern, places = rng.random((CELLS, CELLS)) < 0.5, rng.uniform(0.12, 0.88, (TRIES, 2))
        if share >= chosen.marker_share or any(_shown(space, view, frame) for frame in frames):
            continue
        candidates = (_frame(space, view, place, side) for place in places)
        frame = next((candidate for candidate in candidates if candidate is not None), None)
        if frame is not None:
            frames.append(frame)
            props += _props(frame @ turn, side, pattern, folder, f"{name}-{number}")
    return props


def _shown(space: ViewingSpace, view: View, frame: Array) -> bool:
    """Return True if a view shows the middle of a marker, which is not part of `space.solid`."""
    pose = np.array(view.pose)
    if not in_picture(view, frame[None, :3, 3])[0]:
        return False
    sight_line = frame[:3, 3] - pose[:3, 3]
    distance = float(np.linalg.norm(sight_line))
    hits, _, _ = first_hits(space, pose[None, :3, 3], sight_line[None] / distance)
    return not len(hits) or float(np.linalg.norm(hits[0] - pose[:3, 3])) > distance - FLAT_M


def _frame(space: ViewingSpace, view: View, place: Array, side: float) -> Array | None:
    """Return a frame (4, 4) at a place in the picture, its z out of the surface; None off flat parts of assets."""
    picture_rays = rays(np.array(view.pose), view.lens, 256)
    row, column = (place * 256).astype(int)
    eye, direction = picture_rays[0][0], picture_rays[1][row * 256 + column]
    hit, _, face = first_hits(space, eye[None], direction[None])
    if not len(hit) or face[0] >= space.firsts[-1]:
        return None
    normal = space.solid.face_normals[face[0]]
    if normal @ direction > -0.25:  # seen too obliquely
        return None
    across = np.cross(normal, [0.0, 0.0, 1.0] if abs(normal[2]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = np.column_stack([across, np.cross(normal, across), normal]), hit[0]
    # The marker may be turned: examine the whole circle that it fits in, and a little beyond.
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, BELOW)]), -1).reshape(-1, 2)
    below = 0.75 * side * grid[np.linalg.norm(grid, axis=1) <= 1]
    above = trimesh.transform_points(np.column_stack([below, np.full(len(below), ABOVE_M)]), frame)
    hits, ray, _ = first_hits(space, above, np.tile(-normal, (len(above), 1)))
    heights = (hits - hit[0]) @ normal
    if len(set(ray.tolist())) < len(below) or np.abs(heights).max() > FLAT_M:
        return None
    local = (space.solid.vertices - frame[:3, 3]) @ frame[:3, :3]
    protruding = (np.linalg.norm(local[:, :2], axis=1) < 0.75 * side) & (local[:, 2] > FLAT_M) & (local[:, 2] < ABOVE_M)
    if protruding.any():  # a point of a slender object, between the rays
        return None
    frame[:3, 3] += normal * (max(float(heights.max()), 0.0) + 0.0003)
    return frame


def _props(frame: Array, side: float, pattern: NDArray[np.bool_], folder: Path, name: str) -> list[Prop]:
    cell = side / (CELLS + 2)
    plate = trimesh.creation.box((side, side, THICK_M))
    plate.apply_translation([0, 0, THICK_M / 2])
    cells = []
    for row, column in np.argwhere(pattern):
        white_cell = trimesh.creation.box((cell, cell, PROUD_M))
        middle = (np.array([column, row]) - (CELLS - 1) / 2) * cell
        white_cell.apply_translation([*middle, THICK_M + PROUD_M / 2])
        cells.append(white_cell)
    parts = [("dark", plate, 0.012)]
    if cells:
        parts.append(("white", trimesh.util.concatenate(cells), 0.75))
    props = []
    for color_name, solid, grey in parts:
        pieces = Pieces.of(solid.vertices, solid.faces, np.full(len(solid.vertices), 0.5))
        prop = write_pieces(pieces, "plain", (grey, grey, grey), 0.0, folder, f"{name}-{color_name}.npz")
        props.append(replace(prop, pose=as_matrix(frame)))
    return props
