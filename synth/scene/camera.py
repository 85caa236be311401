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

MIDDLE = 4  # part of the picture, across and down, that is put in focus
TRIES = 30  # cameras tried for a view; then the best of them is used
SIGHTS = 3000  # points of the surface to which a stated camera's lines of sight are kept clear
SIGHT, MARGIN = 192, 4  # pixels: side of the pictures in which pieces that hide the asset are found, and margin
MOST_CLEARED = 24  # cameras before which props are cleared away, some 0.3 s each
MOST_SIGHTS = 200_000  # lines of sight of all cameras together, while each has 100


def sample_views(
    space: ViewingSpace, preset: Preset, indices: Sequence[int], rng: np.random.Generator, *, clean: bool,
    sides: tuple[int, int],
) -> list[View]:  # fmt: skip
    """Draw one camera for each image index, whose pictures are `sides`, width and height, pixels.

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
    share, stop = rng.random(), float(np.exp(rng.uniform(*np.log(preset.f_number))))
    if share >= preset.focus_share:
        return view
    pose = np.array(view.pose)
    middle = replace(view.lens, fx=MIDDLE * view.lens.fx, fy=MIDDLE * view.lens.fy)
    origins, directions = rays(pose, middle, 5)
    points, _, face = first_hits(space, origins, directions)
    mine = face < space.firsts[1]
    if not mine.any():
        return view
    depth = float(np.median((points[mine] - pose[:3, 3]) @ -pose[:3, 2]))
    return replace(view, focus_m=depth, f_number=stop)


def stated_views(cameras: Sequence[Camera], indices: Sequence[int]) -> list[View]:
    """Return the view of each stated camera, numbered by `indices`."""
    views = []
    for camera, index in zip(cameras, indices, strict=True):
        larger, finer = distortion.frame(camera.lens, camera.distortion) if camera.distortion else (None, 1)
        views.append(
            View(
                index=index, pose=as_matrix(camera.pose), lens=camera.lens, distortion=camera.distortion, frame=larger,
                label_finer=finer, name=camera.name,
            )
        )  # fmt: skip
    return views


def clear_sight_lines(
    props: Sequence[Prop], folder: Path, cameras: Sequence[Camera], vertices: Array, faces: NDArray[np.int64]
) -> list[Prop]:
    """Return the props that do not hide the asset from any of the stated cameras, or of `MOST_CLEARED` among more.

    From meshes of many pieces, such as blades of grass, the pieces that hide it are removed from the file in `folder`.

    Parameters
    ----------
    vertices, faces : mesh of the asset in world space, (n, 3) metres and (m, 3).
    """
    cameras = coco.evenly(cameras, MOST_CLEARED)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    count = int(np.clip(MOST_SIGHTS // len(cameras), 100, SIGHTS))
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=0)
    origins = np.repeat([camera.eye_m for camera in cameras], len(points), axis=0)
    ways = np.tile(points, (len(cameras), 1)) - origins
    lengths = np.linalg.norm(ways, axis=1)
    free = []
    for prop in props:
        if prop.shape == "mesh":
            if _remove_hiding_pieces(mesh, cameras, folder / prop.file):
                free.append(prop)
            continue
        hits, ray, _ = prop_mesh(prop, folder).ray.intersects_location(
            origins, ways / lengths[:, None], multiple_hits=False
        )
        if not (np.linalg.norm(hits - origins[ray], axis=1) < lengths[ray]).any():
            free.append(prop)
    return free


def _remove_hiding_pieces(asset: trimesh.Trimesh, cameras: Sequence[Camera], file: Path) -> bool:
    """Remove the connected pieces that hide the asset from a mesh file; return False if no piece remains.

    A piece hides the asset if one of 28 points of a face is nearer to a camera than the asset within `MARGIN` pixels of
    it, in a picture of `SIGHT` x `SIGHT`; or if a ray through a pixel meets it first, as large faces may be met between
    their points.
    """
    with open_file(file) as stream, np.load(stream) as arrays:
        others = dict(arrays)
    vertices, faces = others["vertices"], others.pop("faces")
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    piece = trimesh.graph.connected_component_labels(edges, len(vertices))
    steps = [(a / 6, b / 6, 1 - (a + b) / 6) for a in range(7) for b in range(7 - a)]
    points = np.concatenate([np.einsum("c,ncx->nx", step, vertices[faces].astype(float)) for step in steps])
    owner = np.tile(piece[faces[:, 0]], len(steps))
    hiding, sights = np.zeros(len(points), bool), []
    for view in stated_views(cameras, range(len(cameras))):
        pose, lens = np.array(view.pose), view.frame or view.lens
        origins, ways = rays(pose, lens, SIGHT)
        hits, ray, _ = asset.ray.intersects_location(origins, ways, multiple_hits=False)
        behind = np.zeros(SIGHT**2)
        behind[ray] = np.linalg.norm(hits - pose[:3, 3], axis=1)
        behind = ndimage.maximum_filter(behind.reshape(SIGHT, SIGHT), 2 * MARGIN + 1)
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        shares = (project(lens, pose, points) + 0.5) / [lens.width, lens.height]
        seen = ((shares >= 0) & (shares < 1)).all(axis=1)  # not a number where it is behind the camera
        column, row = (shares[seen] * SIGHT).astype(int).T
        hiding[seen] |= np.linalg.norm(local[seen], axis=1) < behind[row, column]
        sights.append((origins, ways, behind.ravel()))
    kept = ~np.isin(piece[faces[:, 0]], np.unique(owner[hiding]))
    for origins, ways, reach in sights:
        while kept.any():
            mesh, left = trimesh.Trimesh(vertices, faces[kept], process=False), piece[faces[kept, 0]]
            hits, ray, face = mesh.ray.intersects_location(origins, ways, multiple_hits=False)
            before = np.linalg.norm(hits - origins[ray], axis=1) < reach[ray]
            if not before.any():
                break
            kept &= ~np.isin(piece[faces[:, 0]], left[face[before]])
    if kept.any():
        with new_file(file, replace=True) as changed:
            np.savez(changed, faces=faces[kept], **others)
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
    """Return 0 for an acceptable picture, and less the further a picture is from that."""
    score = 0.0
    score -= max(0.0, 0.12 - sight.first) * 5 + max(0.0, sight.first - 0.97)
    score -= max(0.0, 0.06 - sight.nearest) * 50  # no object intersects the lens
    if not clean:
        low, high = preset.rusted
        score -= max(0.0, low - sight.rust) * 20 + max(0.0, sight.rust - high)
    return score
