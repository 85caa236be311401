"""Cast rays at a scene's meshes: what a camera would see, and which surfaces are lit or hidden."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import trimesh
from numpy.typing import NDArray

from corrotwin.synth.cameras.camera_model import project
from corrotwin.synth.scene.surroundings import Array
from corrotwin.synth.spec import MOST_SKINS, Lens, Prop, View
from corrotwin.twin.core.files import open_file

GRID = 36  # rays across the picture in a check
FACING = 3000  # points on the surface from which the visible share is estimated
BEYOND_M = 1e-5  # rays continue this far behind a place where the metal is gone

Integers = NDArray[np.int64]
Number = TypeVar("Number", np.float32, np.bool_)


@dataclass(frozen=True, kw_only=True)
class Target:
    """An asset to photograph, in world space.

    ``vertices (n, 3)`` metres, ``faces (m, 3)``, ``uv (m, 3, 2)``, ``cover (H, W)`` rust cover on the atlas.
    ``outside (m,)`` marks the faces a camera may aim at, which excludes bores. ``gone (H, W)`` is true where no metal
    is left; None if some is left everywhere.
    """

    vertices: Array
    faces: NDArray[np.int64]
    uv: Array
    cover: NDArray[np.float32]
    outside: NDArray[np.bool_]
    gone: NDArray[np.bool_] | None = None


@dataclass(frozen=True, kw_only=True)
class ViewingSpace:
    """Everything that rays can hit, and the region in which cameras may stand.

    ``solid`` is one mesh of the targets, in their order, followed by all other objects. ``around`` and ``height`` are
    ranges in degrees of the direction from the first target to a camera: about the vertical, -90 in front, and above
    the horizontal; no camera is below ``floor_m``.
    """

    targets: tuple[Target, ...]
    solid: trimesh.Trimesh
    around: tuple[float, float]
    height: tuple[float, float]
    floor_m: float

    @property
    def firsts(self) -> NDArray[np.int64]:
        """Index in ``solid`` of each target's first face, then of the first face beyond all targets; (n + 1,)."""
        return np.cumsum([0, *(len(target.faces) for target in self.targets)])


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The view of a camera: shares of the picture, and the distance in metres to the nearest object.

    ``asset`` and ``rust`` count all targets, ``first`` only the first one.
    """

    asset: float
    first: float
    rust: float
    nearest: float


def look(space: ViewingSpace, pose: Array, lens: Lens) -> Sight:
    """Cast `GRID` x `GRID` rays from a camera and measure what it would see.

    `pose` is (4, 4); the camera looks along its -z.
    """
    origins, directions = rays(pose, lens, GRID)
    points, ray, face = first_hits(space, origins, directions)
    distances = np.linalg.norm(points - origins[ray], axis=1)
    counts, rust = [], 0
    for target, first, end in zip(space.targets, space.firsts[:-1], space.firsts[1:], strict=True):
        on_target = (face >= first) & (face < end)
        counts.append(int(on_target.sum()))
        rust += int((lookup(target.cover, uv_at(target, face[on_target] - first, points[on_target])) > 0.5).sum())
    return Sight(
        asset=sum(counts) / GRID**2, first=counts[0] / GRID**2, rust=rust / GRID**2,
        nearest=float(distances.min(initial=np.inf)),
    )  # fmt: skip


def first_hits(space: ViewingSpace, origins: Array, directions: Array) -> tuple[Array, Integers, Integers]:
    """Return where rays first meet anything, through places where the metal is gone.

    Parameters
    ----------
    origins, directions : (n, 3) of each ray; unit directions.

    Returns
    -------
    For the k rays that hit: points (k, 3), number of the ray (k,), face of ``space.solid`` (k,).
    """
    points, ray, face = space.solid.ray.intersects_location(origins, directions, multiple_hits=False)
    through = _gone_at(space, points, face)
    for _ in range(MOST_SKINS):
        if not through.any():
            break
        continuing, onward = ray[through], points[through] + BEYOND_M * directions[ray[through]]
        further, index, hit = space.solid.ray.intersects_location(onward, directions[continuing], multiple_hits=False)
        points, face = np.concatenate([points[~through], further]), np.concatenate([face[~through], hit])
        ray = np.concatenate([ray[~through], continuing[index]])
        through = np.concatenate([np.zeros((~through).sum(), dtype=bool), _gone_at(space, further, hit)])
    return points, ray, face


def _gone_at(space: ViewingSpace, points: Array, face: Integers) -> NDArray[np.bool_]:
    """Return for points (k, 3) on faces (k,) of ``space.solid`` whether the metal there is gone."""
    through = np.zeros(len(face), dtype=bool)
    for target, first, end in zip(space.targets, space.firsts[:-1], space.firsts[1:], strict=True):
        if target.gone is not None:
            on_target = np.flatnonzero((face >= first) & (face < end))
            through[on_target] = lookup(target.gone, uv_at(target, face[on_target] - first, points[on_target]))
    return through


def lit_share(space: ViewingSpace, place: Array) -> float:
    """Return the share of the first target's surface facing a place, (3,) metres, that a lamp there would light.

    Targets count as whole: where a lamp stands must not depend on their age.
    """
    space = replace(space, targets=tuple(replace(target, gone=None) for target in space.targets))
    points, facing = _facing(space.targets[0], place, 300)
    return int(_reached(space, place, points[facing]).sum()) / max(int(facing.sum()), 1)


def visible_shares(space: ViewingSpace, view: View) -> tuple[float, ...]:
    """Return for each target the share of its camera-facing surface that is in the picture and unobstructed."""
    pose = np.array(view.pose)
    eye = pose[:3, 3]
    shares = []
    for target in space.targets:
        points, facing = _facing(target, eye, FACING)
        framed = facing & in_picture(view, points)
        seen = int(_reached(space, eye, points[framed]).sum())
        shares.append(round(seen / max(int(facing.sum()), 1), 4))
    return tuple(shares)


def _facing(target: Target, place: Array, count: int) -> tuple[Array, NDArray[np.bool_]]:
    """Return points on a target's outside, (count, 3), and whether there is a surface that faces a place, (count,)."""
    mesh = trimesh.Trimesh(target.vertices, target.faces, process=False)
    points, face = trimesh.sample.sample_surface(mesh, count, face_weight=mesh.area_faces * target.outside, seed=0)
    facing = (mesh.face_normals[face] * (points - place)).sum(axis=1) < 0
    if target.gone is not None:
        facing &= ~lookup(target.gone, uv_at(target, face, points))
    return np.asarray(points), facing


def _reached(space: ViewingSpace, place: Array, points: Array) -> NDArray[np.bool_]:
    """Return, for each ray from a place to points (n, 3) that hits anything, whether it reaches its point."""
    offset = points - place
    distance = np.linalg.norm(offset, axis=1)
    hits, ray, _ = first_hits(space, np.tile(place, (len(points), 1)), offset / distance[:, None])
    return np.asarray(np.linalg.norm(hits - place, axis=1) > distance[ray] - 0.002)


def in_picture(view: View, points: Array) -> NDArray[np.bool_]:
    """Return for each point (n, 3) whether it lies in front of the camera and within the picture."""
    framed = np.ones(len(points), bool)
    # A distortion may fold points from far outside back into the picture; those lie outside the larger picture.
    for lens, distortion in ((view.frame, ()), (view.lens, view.distortion)):
        if lens is not None:
            column, row = project(lens, view.pose, points, distortion).T
            framed &= (column >= -0.5) & (column <= lens.width - 0.5) & (row >= -0.5) & (row <= lens.height - 0.5)
    return framed


def rays(pose: Array, lens: Lens, size: int) -> tuple[Array, Array]:
    """Return the origins and directions of rays through a grid over the picture, (size * size, 3) each.

    They go through the middles of `size` x `size` equal parts of the picture, from the top left.
    """
    y, x = np.mgrid[0:size, 0:size]
    across = ((x + 0.5) / size * lens.width - 0.5 - lens.cx) / lens.fx
    up = (lens.cy + 0.5 - (y + 0.5) / size * lens.height) / lens.fy
    local = np.stack([across, up, -np.ones_like(across)], -1).reshape(-1, 3)
    directions = local @ pose[:3, :3].T
    return np.repeat(pose[None, :3, 3], len(directions), 0), directions / np.linalg.norm(
        directions, axis=1, keepdims=True
    )


def uv_at(target: Target, face: NDArray[np.int64], points: Array) -> Array:
    """Return the atlas coordinates (k, 2) of points (k, 3) on faces (k,) of the target."""
    if not len(face):
        return np.empty((0, 2))
    corners = trimesh.triangles.points_to_barycentric(target.vertices[target.faces[face]], points)
    return np.asarray((target.uv[face] * corners[..., None]).sum(axis=1))


def lookup(field: NDArray[Number], uv: Array) -> NDArray[Number]:
    """Return the values (k,) of an atlas field (H, W) in the texels that coordinates (k, 2) fall in."""
    height, width = field.shape
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip((uv[:, 1] * height).astype(int), 0, height - 1)
    return np.asarray(field[row, column])


def combined_mesh(targets: Sequence[Target], others: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Combine targets and other meshes into one mesh to cast rays at; the targets' faces come first."""
    meshes = [trimesh.Trimesh(target.vertices, target.faces, process=False) for target in targets]
    solid = trimesh.util.concatenate([*meshes, *others])
    assert isinstance(solid, trimesh.Trimesh)  # noqa: S101  meshes are joined to a mesh
    return solid


def prop_mesh(prop: Prop, folder: Path) -> trimesh.Trimesh:
    """Return the mesh of a prop in world space; its mesh file, if it has one, is in `folder`."""
    if prop.shape in ("mesh", "model"):
        with open_file(folder / prop.file) as stream, np.load(stream) as arrays:
            solid = trimesh.Trimesh(arrays["vertices"], arrays["faces"], process=False)
    elif prop.shape == "box":
        solid = trimesh.creation.box((1, 1, 1))
    else:
        solid = trimesh.creation.cylinder(0.5, 1, sections=64)
    solid.apply_transform(np.array(prop.pose))
    return solid
