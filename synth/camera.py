"""Choose cameras that see what they should, by casting rays before anything is rendered."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin, tan
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from synth.config import Preset
from synth.spec import Matrix, Prop, View
from synth.subject import StatedCamera

Array = NDArray[np.float64]

GRID = 36  # rays across the picture in a check
TRIES = 30  # cameras tried for a view before the best of them is taken
SIGHTS = 3000  # points of the surface to which a stated camera's lines of sight are kept free
MOST_SIGHTS = 200_000  # lines of sight of all cameras together, while each has 100


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is photographed, in world space.

    ``vertices (n, 3)`` metres, ``faces (m, 3)``, ``uv (m, 3, 2)``, ``cover (H, W)`` rust cover on the atlas, and what
    may stand in the way. ``outside (m,)`` says which faces a camera may aim at: not those of a bore.
    """

    vertices: Array
    faces: NDArray[np.int64]
    uv: Array
    cover: NDArray[np.float32]
    outside: NDArray[np.bool_]
    obstacles: tuple[trimesh.Trimesh, ...]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a camera would see: shares of the picture, and the nearest thing's distance in metres."""

    asset: float
    rust: float
    nearest: float


def sample_views(
    target: Target, preset: Preset, indices: Sequence[int], rng: np.random.Generator, *, clean: bool
) -> list[View]:
    """One camera for each image index, the same whatever subset is rendered."""
    solid, asset_faces = _solid(target)
    centres = target.vertices[target.faces].mean(axis=1)
    areas = trimesh.triangles.area(target.vertices[target.faces]) * target.outside
    rusted = (lookup(target.cover, target.uv.mean(axis=1)) > 0.5) & target.outside
    views = []
    for index in indices:
        best, best_score = None, -np.inf
        for _ in range(TRIES):
            weights = areas * (rusted if rusted.any() and rng.random() < 0.85 else 1)
            aim = centres[rng.choice(len(centres), p=weights / weights.sum())]
            pose, angle = _candidate(target, preset, aim, rng)
            score = _score(look(solid, asset_faces, target, pose, angle), clean=clean)
            if score > best_score:
                best, best_score = View(index=index, pose=as_matrix(pose), field_of_view=angle), score
            if score >= 0:
                break
        assert best is not None  # noqa: S101  TRIES is at least 1
        views.append(best)
    return views


def stated_views(cameras: Sequence[StatedCamera], indices: Sequence[int]) -> list[View]:
    """The view of each stated camera, numbered by `indices`."""
    return [
        View(
            index=index,
            pose=as_matrix(_looking(np.array(camera.eye_m), np.array(camera.look_at_m))),
            field_of_view=radians(camera.field_of_view_deg),
        )
        for camera, index in zip(cameras, indices, strict=True)
    ]


def out_of_the_way(
    props: Sequence[Prop], folder: Path, cameras: Sequence[StatedCamera], vertices: Array, faces: NDArray[np.int64]
) -> list[Prop]:
    """Those props that stand on no line from a stated camera to the surface of the asset."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    count = int(np.clip(MOST_SIGHTS // len(cameras), 100, SIGHTS))
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=0)
    origins = np.repeat([camera.eye_m for camera in cameras], len(points), axis=0)
    ways = np.tile(points, (len(cameras), 1)) - origins
    lengths = np.linalg.norm(ways, axis=1)
    free = []
    for prop in props:
        hits, ray, _ = shape(prop, folder).ray.intersects_location(
            origins, ways / lengths[:, None], multiple_hits=False
        )
        if not (np.linalg.norm(hits - origins[ray], axis=1) < lengths[ray]).any():
            free.append(prop)
    return free


def look(solid: trimesh.Trimesh, asset_faces: int, target: Target, pose: Array, angle: float) -> Sight:
    """Cast `GRID` x `GRID` rays. The first `asset_faces` faces of `solid` are the target's."""
    origins, directions = rays(pose, angle, GRID)
    points, ray, face = solid.ray.intersects_location(origins, directions, multiple_hits=False)
    on_asset = face < asset_faces
    at = uv_at(target, face[on_asset], points[on_asset])
    distances = np.linalg.norm(points - origins[ray], axis=1)
    return Sight(
        asset=float(on_asset.sum() / GRID**2),
        rust=float((lookup(target.cover, at) > 0.5).sum() / GRID**2),
        nearest=float(distances.min(initial=np.inf)),
    )


def rays(pose: Array, angle: float, size: int) -> tuple[Array, Array]:
    """Origins and directions, (size * size, 3) each, through pixel centres, row by row from the top left."""
    half = tan(angle / 2)
    y, x = np.mgrid[0:size, 0:size]
    across, up = ((x + 0.5) / size * 2 - 1) * half, (1 - (y + 0.5) / size * 2) * half
    local = np.stack([across, up, -np.ones_like(across)], -1).reshape(-1, 3)
    directions = local @ pose[:3, :3].T
    return np.repeat(pose[None, :3, 3], len(directions), 0), directions / np.linalg.norm(
        directions, axis=1, keepdims=True
    )


def uv_at(target: Target, face: NDArray[np.int64], points: Array) -> Array:
    """Atlas coordinates (k, 2) of points (k, 3) on faces (k,) of the target."""
    if not len(face):
        return np.empty((0, 2))
    corners = trimesh.triangles.points_to_barycentric(target.vertices[target.faces[face]], points)
    return np.asarray((target.uv[face] * corners[..., None]).sum(axis=1))


def lookup(field: NDArray[np.float32], uv: Array) -> NDArray[np.float32]:
    """Values of an atlas field (H, W) at coordinates (k, 2): the texel they fall in."""
    height, width = field.shape
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip((uv[:, 1] * height).astype(int), 0, height - 1)
    return np.asarray(field[row, column])


def as_matrix(pose: Array) -> Matrix:
    """A (4, 4) array as plain numbers."""
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in pose)


def _solid(target: Target) -> tuple[trimesh.Trimesh, int]:
    """The asset and its surroundings as one mesh to cast rays at; its first faces are the asset's."""
    parts = [trimesh.Trimesh(target.vertices, target.faces, process=False), *target.obstacles]
    solid = trimesh.util.concatenate(parts)
    assert isinstance(solid, trimesh.Trimesh)  # noqa: S101  of meshes, a mesh
    return solid, len(target.faces)


def shape(prop: Prop, folder: Path) -> trimesh.Trimesh:
    """A prop where it stands; its mesh file, if it has one, lies in `folder`."""
    if prop.shape == "mesh":
        with np.load(folder / prop.file) as arrays:
            solid = trimesh.Trimesh(arrays["vertices"], arrays["faces"], process=False)
    elif prop.shape == "box":
        solid = trimesh.creation.box((1, 1, 1))
    else:
        solid = trimesh.creation.cylinder(0.5, 1, sections=64)
    solid.apply_transform(np.array(prop.pose))
    return solid


def _looking(eye: Array, look_at: Array) -> Array:
    """Pose of a camera at one point that looks at another, its picture upright."""
    backward = eye - look_at
    backward /= np.linalg.norm(backward)
    right = np.cross([0, 0, 1], backward)
    if np.linalg.norm(right) < 1e-6:  # straight down or up: the picture's top is towards +y
        right = np.array([np.sign(backward[2]), 0.0, 0.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(backward, right), backward, eye
    return pose


def _candidate(target: Target, preset: Preset, aim: Array, rng: np.random.Generator) -> tuple[Array, float]:
    """A camera pose and its field of view, looking about at `aim` from the open side, above the ground."""
    extents = np.sort(np.ptp(target.vertices, axis=0))
    angle = radians(rng.uniform(*preset.field_of_view_deg))
    close, far = preset.framing
    width = np.exp(rng.uniform(*np.log(np.sort([close * max(extents[1], 0.15 * extents[2]), far * extents[2]]))))
    around, height = rng.uniform(-pi * 0.85, -pi * 0.15), radians(rng.uniform(-8, 65))
    outward = np.array([cos(height) * cos(around), cos(height) * sin(around), sin(height)])
    eye = aim + outward * width / 2 / tan(angle / 2)
    eye[2] = max(eye[2], 0.05)
    pose = _looking(eye, aim + rng.normal(size=3) * 0.12 * width)
    return pose @ trimesh.transformations.rotation_matrix(radians(rng.normal() * 4), [0, 0, 1]), angle


def _score(sight: Sight, *, clean: bool) -> float:
    """0 for a picture that will do; below, the further off the lower."""
    score = 0.0
    score -= max(0.0, 0.12 - sight.asset) * 5 + max(0.0, sight.asset - 0.97)
    score -= max(0.0, 0.06 - sight.nearest) * 50  # nothing cuts through the lens
    if not clean:
        score -= max(0.0, 0.03 - sight.rust) * 20 + max(0.0, sight.rust - 0.75)
    return score
