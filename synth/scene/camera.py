"""Choose cameras that show the subject and its rust, by casting rays before anything is rendered."""

from collections.abc import Sequence
from dataclasses import replace
from math import cos, radians, sin, tan
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage

from corrotwin.segmentation.data import coco
from corrotwin.synth.cameras import distortion
from corrotwin.synth.cameras.camera_model import Camera, looking, project
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.surroundings import Array, as_matrix
from corrotwin.synth.scene.visibility import Sight, ViewingSpace, first_hits, look, lookup, prop_mesh, rays
from corrotwin.synth.spec import Lens, Prop, View
from corrotwin.twin.core.files import new_file, open_file

MIDDLE = 4  # views focus on the middle 1 / 4 of the picture, across and down
TRIES = 30  # cameras tried for a view; then the best of them is used
SIGHTS = 3000  # points of the surface to which a stated camera's lines of sight are kept clear
SIGHT, MARGIN = 192, 4  # pixels: side of the pictures in which pieces that hide the asset are found, and margin
MOST_CLEARED = 24  # most cameras for which props are cleared away, about 0.3 s each
MOST_SIGHTS = 200_000  # most lines of sight of all cameras together, but each has at least 100


def sample_views(
    space: ViewingSpace, preset: Preset, indices: Sequence[int], rng: np.random.Generator, *, clean: bool,
    sides: tuple[int, int],
) -> list[View]:  # fmt: skip
    """Draw one camera for each image index, for pictures of `sides`, (width, height) pixels.

    The draws do not depend on which of the images are rendered. `clean` scenes need not show rust.
    """
    target = space.targets[0]
    centres = target.vertices[target.faces].mean(axis=1)
    areas = trimesh.triangles.area(target.vertices[target.faces]) * target.outside
    rusted = (lookup(target.cover, target.uv.mean(axis=1)) > 0.5) & target.outside
    views = []
    for index in indices:
        best, best_score = None, -np.inf
        for _ in range(TRIES):
            weights = areas * (rusted if rusted.any() and rng.random() < 0.85 else 1)
            aim = centres[rng.choice(len(centres), p=weights / weights.sum())]
            pose, angle = _candidate(space, preset, aim, rng)
            lens = Lens.wide(*sides, angle)
            score = _score(look(space, pose, lens), preset, clean=clean)
            if score > best_score:
                best, best_score = View(index=index, pose=as_matrix(pose), lens=lens), score
            if score >= 0:
                break
        assert best is not None  # noqa: S101  TRIES is at least 1
        views.append(_focused(best, space, preset, rng))
    return views


def _focused(view: View, space: ViewingSpace, preset: Preset, rng: np.random.Generator) -> View:
    """Focus a share of the views on the first target in the middle of the picture; the others stay sharp throughout."""
    share, f_number = rng.random(), float(np.exp(rng.uniform(*np.log(preset.f_number))))
    if share >= preset.focus_share:
        return view
    pose = np.array(view.pose)
    middle = replace(view.lens, fx=MIDDLE * view.lens.fx, fy=MIDDLE * view.lens.fy)
    origins, directions = rays(pose, middle, 5)
    points, _, face = first_hits(space, origins, directions)
    on_target = face < space.firsts[1]
    if not on_target.any():
        return view
    depth = float(np.median((points[on_target] - pose[:3, 3]) @ -pose[:3, 2]))
    return replace(view, focus_m=depth, f_number=f_number)


def stated_views(cameras: Sequence[Camera], indices: Sequence[int]) -> list[View]:
    """Return the view of each stated camera, numbered by `indices`."""
    views = []
    for camera, index in zip(cameras, indices, strict=True):
        frame, finer = distortion.frame(camera.lens, camera.distortion) if camera.distortion else (None, 1)
        views.append(
            View(
                index=index, pose=as_matrix(camera.pose), lens=camera.lens, distortion=camera.distortion, frame=frame,
                label_finer=finer, name=camera.name,
            )
        )  # fmt: skip
    return views


def clear_sight_lines(
    props: Sequence[Prop], folder: Path, cameras: Sequence[Camera], vertices: Array, faces: NDArray[np.int64]
) -> list[Prop]:
    """Return the props that do not hide the asset from any of the stated cameras.

    If there are more than `MOST_CLEARED` cameras, only that many of them are checked. From a mesh of many pieces, such
    as blades of grass, only the pieces that hide the asset are removed; its file in `folder` is rewritten.

    Parameters
    ----------
    vertices, faces : mesh of the asset in world space, (n, 3) metres and (m, 3).
    """
    cameras = coco.evenly(cameras, MOST_CLEARED)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    count = int(np.clip(MOST_SIGHTS // len(cameras), 100, SIGHTS))
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=0)
    origins = np.repeat([camera.eye_m for camera in cameras], len(points), axis=0)
    sight_lines = np.tile(points, (len(cameras), 1)) - origins
    lengths = np.linalg.norm(sight_lines, axis=1)
    kept = []
    for prop in props:
        if prop.shape == "mesh":
            if _remove_hiding_pieces(mesh, cameras, folder / prop.file):
                kept.append(prop)
            continue
        hits, ray, _ = prop_mesh(prop, folder).ray.intersects_location(
            origins, sight_lines / lengths[:, None], multiple_hits=False
        )
        if not (np.linalg.norm(hits - origins[ray], axis=1) < lengths[ray]).any():
            kept.append(prop)
    return kept


def _remove_hiding_pieces(asset: trimesh.Trimesh, cameras: Sequence[Camera], file: Path) -> bool:
    """Remove from a mesh file the connected pieces that hide the asset; return False if no piece remains.

    A piece hides the asset in a picture of `SIGHT` x `SIGHT` pixels if one of 28 points on a face is nearer to the
    camera than the asset within `MARGIN` pixels of it, or if a ray through a pixel meets the piece first: a large face
    can hide the asset between its points.
    """
    with open_file(file) as stream, np.load(stream) as arrays:
        contents = dict(arrays)
    vertices, faces = contents["vertices"], contents.pop("faces")
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    piece = trimesh.graph.connected_component_labels(edges, len(vertices))
    weights = [(a / 6, b / 6, 1 - (a + b) / 6) for a in range(7) for b in range(7 - a)]
    points = np.concatenate([np.einsum("c,ncx->nx", weight, vertices[faces].astype(float)) for weight in weights])
    owner = np.tile(piece[faces[:, 0]], len(weights))
    hiding, sights = np.zeros(len(points), bool), []
    for view in stated_views(cameras, range(len(cameras))):
        pose, lens = np.array(view.pose), view.frame or view.lens
        origins, directions = rays(pose, lens, SIGHT)
        hits, ray, _ = asset.ray.intersects_location(origins, directions, multiple_hits=False)
        asset_distance = np.zeros(SIGHT**2)
        asset_distance[ray] = np.linalg.norm(hits - pose[:3, 3], axis=1)
        asset_distance = ndimage.maximum_filter(asset_distance.reshape(SIGHT, SIGHT), 2 * MARGIN + 1)
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        shares = (project(lens, pose, points) + 0.5) / [lens.width, lens.height]
        seen = ((shares >= 0) & (shares < 1)).all(axis=1)  # NaN for points behind the camera
        column, row = (shares[seen] * SIGHT).astype(int).T
        hiding[seen] |= np.linalg.norm(local[seen], axis=1) < asset_distance[row, column]
        sights.append((origins, directions, asset_distance.ravel()))
    kept = ~np.isin(piece[faces[:, 0]], np.unique(owner[hiding]))
    for origins, directions, reach in sights:
        while kept.any():
            mesh, remaining = trimesh.Trimesh(vertices, faces[kept], process=False), piece[faces[kept, 0]]
            hits, ray, face = mesh.ray.intersects_location(origins, directions, multiple_hits=False)
            nearer = np.linalg.norm(hits - origins[ray], axis=1) < reach[ray]
            if not nearer.any():
                break
            kept &= ~np.isin(piece[faces[:, 0]], remaining[face[nearer]])
    if kept.any():
        with new_file(file, replace=True) as output:
            np.savez(output, faces=faces[kept], **contents)
    return bool(kept.any())


def _candidate(space: ViewingSpace, preset: Preset, aim: Array, rng: np.random.Generator) -> tuple[Array, float]:
    """Draw the pose and field of view of a camera above the ground that looks roughly at `aim` from the open side."""
    extents = np.sort(np.ptp(space.targets[0].vertices, axis=0))
    angle = radians(rng.uniform(*preset.field_of_view_deg))
    close, far = preset.framing
    width = np.exp(rng.uniform(*np.log(np.sort([close * max(extents[1], 0.15 * extents[2]), far * extents[2]]))))
    around, height = radians(rng.uniform(*space.around)), radians(rng.uniform(*space.height))
    outward = np.array([cos(height) * cos(around), cos(height) * sin(around), sin(height)])
    eye = aim + outward * width / 2 / tan(angle / 2)
    eye[2] = max(eye[2], space.floor_m)
    pose = looking(eye, aim + rng.normal(size=3) * 0.12 * width)
    return pose @ trimesh.transformations.rotation_matrix(radians(rng.normal() * 4), [0, 0, 1]), angle


def _score(sight: Sight, preset: Preset, *, clean: bool) -> float:
    """Return 0 for an acceptable picture, and less for a worse one."""
    score = 0.0
    score -= max(0.0, 0.12 - sight.first) * 5 + max(0.0, sight.first - 0.97)
    score -= max(0.0, 0.06 - sight.nearest) * 50  # no object intersects the lens
    if not clean:
        low, high = preset.rusted
        score -= max(0.0, low - sight.rust) * 20 + max(0.0, sight.rust - high)
    return score
