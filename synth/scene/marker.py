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

SIDES_M = (0.04, 0.1)  # of a marker
CELLS = 4  # of the pattern, each way; a border of one more cell is black (as ArUco's 4x4 dictionaries have it)
THICK_M, PROUD_M = 0.0006, 0.00015  # thickness of the plate, and height of its white cells above it
TRIES = 60
FLAT_M = 0.004  # largest deviation of the surface below a marker from its plane
BELOW = 17  # rays each way that look at that surface, which find what is broader than 8 mm
ABOVE_M = 0.3  # from where they are cast: what stands out that far is in the way, too


def on_surface(
    space: ViewingSpace, views: Sequence[View], chosen: Preset, folder: Path, name: str, rng: np.random.Generator
) -> list[Prop]:
    """Place markers on flat parts of the assets, one for each view that shows none yet, in a share of the scenes.

    Meshes in their two colours are written into `folder`, under names that begin with `name`.
    """
    share, side = rng.random(), float(rng.uniform(*SIDES_M))
    frames: list[Array] = []
    props: list[Prop] = []
    for number, view in enumerate(views):
        turn = trimesh.transformations.rotation_matrix(rng.uniform(0, 2 * pi), [0, 0, 1])
        pattern, places = rng.random((CELLS, CELLS)) < 0.5, rng.uniform(0.12, 0.88, (TRIES, 2))
        if share >= chosen.marker_share or any(_shown(space, view, frame) for frame in frames):
            continue
        tried = (_frame(space, view, place, side) for place in places)
        frame = next((flat for flat in tried if flat is not None), None)
        if frame is not None:
            frames.append(frame)
            props += _props(frame @ turn, side, pattern, folder, f"{name}-{number}")
    return props


def _shown(space: ViewingSpace, view: View, frame: Array) -> bool:
    """Return True if a view shows the middle of a marker, which is not part of `space.solid`."""
    pose = np.array(view.pose)
    if not in_picture(view, frame[None, :3, 3])[0]:
        return False
    way = frame[:3, 3] - pose[:3, 3]
    far = float(np.linalg.norm(way))
    hits, _, _ = first_hits(space, pose[None, :3, 3], way[None] / far)
    return not len(hits) or float(np.linalg.norm(hits[0] - pose[:3, 3])) > far - FLAT_M


def _frame(space: ViewingSpace, view: View, place: Array, side: float) -> Array | None:
    """Return a frame (4, 4) with z out of the surface at a place in the picture, or None off flat parts of assets."""
    looked = rays(np.array(view.pose), view.lens, 256)
    row, column = (place * 256).astype(int)
    eye, way = looked[0][0], looked[1][row * 256 + column]
    hit, _, face = first_hits(space, eye[None], way[None])
    if not len(hit) or face[0] >= space.firsts[-1]:
        return None
    normal = space.solid.face_normals[face[0]]
    if normal @ way > -0.25:  # seen too much from the side
        return None
    across = np.cross(normal, [0.0, 0.0, 1.0] if abs(normal[2]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = np.column_stack([across, np.cross(normal, across), normal]), hit[0]
    # The marker may be turned: look at the whole circle that it fits in, and a little beyond.
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, BELOW)]), -1).reshape(-1, 2)
    below = 0.75 * side * grid[np.linalg.norm(grid, axis=1) <= 1]
    above = trimesh.transform_points(np.column_stack([below, np.full(len(below), ABOVE_M)]), frame)
    hits, ray, _ = first_hits(space, above, np.tile(-normal, (len(above), 1)))
    heights = (hits - hit[0]) @ normal
    if len(set(ray.tolist())) < len(below) or np.abs(heights).max() > FLAT_M:
        return None
    local = (space.solid.vertices - frame[:3, 3]) @ frame[:3, :3]
    over = (np.linalg.norm(local[:, :2], axis=1) < 0.75 * side) & (local[:, 2] > FLAT_M) & (local[:, 2] < ABOVE_M)
    if over.any():  # a point of something slender, between the rays
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
    props = []
    for which, solid, tone in parts:
        pieces = Pieces.of(solid.vertices, solid.faces, np.full(len(solid.vertices), 0.5))
        prop = write_pieces(pieces, "plain", (tone, tone, tone), 0.0, folder, f"{name}-{which}.npz")
        props.append(replace(prop, pose=as_matrix(frame)))
    return props
