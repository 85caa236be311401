"""Choose cameras that see what they should, by casting rays before anything is rendered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import cos, radians, sin, tan
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.subject import StatedCamera
from corrotwin.synth.scene.surroundings import Array, as_matrix
from corrotwin.synth.spec import Prop, View

GRID = 36  # rays across the picture in a check
TRIES = 30  # cameras tried for a view before the best of them is taken
SIGHTS = 3000  # points of the surface to which a stated camera's lines of sight are kept free
SIGHT, MARGIN = 192, 4  # pixels of the pictures in which small things before the asset are found, and about it
FACING = 3000  # points of the surface from which the visible share is worked out
MOST_SIGHTS = 200_000  # lines of sight of all cameras together, while each has 100


@dataclass(frozen=True, kw_only=True)
class Target:
    """An asset to be photographed, in world space.

    ``vertices (n, 3)`` metres, ``faces (m, 3)``, ``uv (m, 3, 2)``, ``cover (H, W)`` rust cover on the atlas.
    ``outside (m,)`` says which faces a camera may aim at: not those of a bore.
    """

    vertices: Array
    faces: NDArray[np.int64]
    uv: Array
    cover: NDArray[np.float32]
    outside: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """All that rays can meet, and where cameras may be.

    ``solid`` is one mesh of the targets, in their order, and of what else stands around. ``around`` and ``height`` are
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
        """First face of each target in ``solid``, and the first that is of none, (n + 1,)."""
        return np.cumsum([0, *(len(target.faces) for target in self.targets)])


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a camera would see: shares of the picture, and the nearest thing's distance in metres.

    ``asset`` and ``rust`` are of all targets, ``first`` of the first.
    """

    asset: float
    first: float
    rust: float
    nearest: float


def sample_views(
    outlook: Outlook, preset: Preset, indices: Sequence[int], rng: np.random.Generator, *, clean: bool
) -> list[View]:
    """One camera for each image index, the same whatever subset is rendered."""
    target = outlook.targets[0]
    centres = target.vertices[target.faces].mean(axis=1)
    areas = trimesh.triangles.area(target.vertices[target.faces]) * target.outside
    rusted = (lookup(target.cover, target.uv.mean(axis=1)) > 0.5) & target.outside
    views = []
    for index in indices:
        best, best_score = None, -np.inf
        for _ in range(TRIES):
            weights = areas * (rusted if rusted.any() and rng.random() < 0.85 else 1)
            aim = centres[rng.choice(len(centres), p=weights / weights.sum())]
            pose, angle = _candidate(outlook, preset, aim, rng)
            score = _score(look(outlook, pose, angle), preset, clean=clean)
            if score > best_score:
                best, best_score = View(index=index, pose=as_matrix(pose), field_of_view=angle), score
            if score >= 0:
                break
        assert best is not None  # noqa: S101  TRIES is at least 1
        views.append(_focused(best, outlook, preset, rng))
    return views


def _focused(view: View, outlook: Outlook, preset: Preset, rng: np.random.Generator) -> View:
    """The view sharp at what is nearest to the middle of the picture alone, in a share of the pictures."""
    share, stop = rng.random(), float(np.exp(rng.uniform(*np.log(preset.f_number))))
    if share >= preset.focus_share:
        return view
    pose = np.array(view.pose)
    origins, directions = rays(pose, view.field_of_view / 4, 5)
    points, _, face = outlook.solid.ray.intersects_location(origins, directions, multiple_hits=False)
    mine = face < outlook.firsts[1]
    if not mine.any():
        return view
    depth = float(np.median((points[mine] - pose[:3, 3]) @ -pose[:3, 2]))
    return replace(view, focus_m=depth, f_number=stop)


def lit(outlook: Outlook, place: Array) -> float:
    """Share of the first target's surface facing a place, (3,) metres, that a lamp there reaches."""
    points, facing = _facing(outlook.targets[0], place, 300)
    return int(_reached(outlook, place, points[facing]).sum()) / max(int(facing.sum()), 1)


def visible(outlook: Outlook, view: View) -> tuple[float, ...]:
    """Of each target, the share of the surface facing the camera that is in the picture and hidden by nothing."""
    pose = np.array(view.pose)
    eye, half = pose[:3, 3], tan(view.field_of_view / 2)
    shares = []
    for target in outlook.targets:
        points, facing = _facing(target, eye, FACING)
        local = (points - eye) @ pose[:3, :3]
        framed = facing & (local[:, 2] < 0) & (np.abs(local[:, :2]) <= half * -local[:, 2:]).all(axis=1)
        seen = int(_reached(outlook, eye, points[framed]).sum())
        shares.append(round(seen / max(int(facing.sum()), 1), 4))
    return tuple(shares)


def _facing(target: Target, place: Array, count: int) -> tuple[Array, NDArray[np.bool_]]:
    """Points of a target's outside, (count, 3), and whether the surface there faces a place, (count,)."""
    mesh = trimesh.Trimesh(target.vertices, target.faces, process=False)
    points, face = trimesh.sample.sample_surface(mesh, count, face_weight=mesh.area_faces * target.outside, seed=0)
    return np.asarray(points), (mesh.face_normals[face] * (points - place)).sum(axis=1) < 0


def _reached(outlook: Outlook, place: Array, points: Array) -> NDArray[np.bool_]:
    """For each ray from a place to points (n, 3) on surfaces that meets something: whether it comes to its point."""
    way = points - place
    distance = np.linalg.norm(way, axis=1)
    hits, ray, _ = outlook.solid.ray.intersects_location(
        np.tile(place, (len(points), 1)), way / distance[:, None], multiple_hits=False
    )
    return np.asarray(np.linalg.norm(hits - place, axis=1) > distance[ray] - 0.002)


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
    """Those props that stand on no line from a stated camera to the surface of the asset.

    Of meshes of many pieces, such as blades of grass, the pieces on such lines are left out of the file in `folder`.
    """
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    count = int(np.clip(MOST_SIGHTS // len(cameras), 100, SIGHTS))
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=0)
    origins = np.repeat([camera.eye_m for camera in cameras], len(points), axis=0)
    ways = np.tile(points, (len(cameras), 1)) - origins
    lengths = np.linalg.norm(ways, axis=1)
    free = []
    for prop in props:
        if prop.shape == "mesh":
            if _without_what_hides(mesh, cameras, folder / prop.file):
                free.append(prop)
            continue
        hits, ray, _ = shape(prop, folder).ray.intersects_location(
            origins, ways / lengths[:, None], multiple_hits=False
        )
        if not (np.linalg.norm(hits - origins[ray], axis=1) < lengths[ray]).any():
            free.append(prop)
    return free


def _without_what_hides(asset: trimesh.Trimesh, cameras: Sequence[StatedCamera], file: Path) -> bool:
    """Take the connected pieces of a mesh that stand before the asset out of its file; whether any are left.

    A piece stands before it if one of 28 points of a face is nearer to a camera than the asset is within `MARGIN`
    pixels of a picture of `SIGHT` x `SIGHT`.
    """
    with np.load(file) as arrays:
        vertices, faces, tone = (arrays[name] for name in ("vertices", "faces", "tone"))
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(len(vertices), len(vertices)))
    _, piece = connected_components(graph, directed=False)
    steps = [(a / 6, b / 6, 1 - (a + b) / 6) for a in range(7) for b in range(7 - a)]
    points = np.concatenate([np.einsum("c,ncx->nx", step, vertices[faces].astype(float)) for step in steps])
    owner = np.tile(piece[faces[:, 0]], len(steps))
    hiding = np.zeros(len(points), bool)
    for view in stated_views(cameras, range(len(cameras))):
        pose, half = np.array(view.pose), tan(view.field_of_view / 2)
        origins, ways = rays(pose, view.field_of_view, SIGHT)
        hits, ray, _ = asset.ray.intersects_location(origins, ways, multiple_hits=False)
        behind = np.zeros(SIGHT**2)
        behind[ray] = np.linalg.norm(hits - pose[:3, 3], axis=1)
        behind = ndimage.maximum_filter(behind.reshape(SIGHT, SIGHT), 2 * MARGIN + 1)
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        ahead = np.maximum(-local[:, 2], 1e-9)
        column = ((local[:, 0] / ahead / half + 1) / 2 * SIGHT).clip(-1, SIGHT).astype(int)
        row = ((1 - local[:, 1] / ahead / half) / 2 * SIGHT).clip(-1, SIGHT).astype(int)
        seen = (local[:, 2] < 0) & (row >= 0) & (row < SIGHT) & (column >= 0) & (column < SIGHT)
        hiding[seen] |= np.linalg.norm(local[seen], axis=1) < behind[row[seen], column[seen]]
    kept = ~np.isin(piece[faces[:, 0]], np.unique(owner[hiding]))
    if kept.any():
        np.savez(file, vertices=vertices, faces=faces[kept], tone=tone)
    return bool(kept.any())


def look(outlook: Outlook, pose: Array, angle: float) -> Sight:
    """Cast `GRID` x `GRID` rays."""
    origins, directions = rays(pose, angle, GRID)
    points, ray, face = outlook.solid.ray.intersects_location(origins, directions, multiple_hits=False)
    distances = np.linalg.norm(points - origins[ray], axis=1)
    counts, rust = [], 0
    for target, first, end in zip(outlook.targets, outlook.firsts[:-1], outlook.firsts[1:], strict=True):
        mine = (face >= first) & (face < end)
        counts.append(int(mine.sum()))
        rust += int((lookup(target.cover, uv_at(target, face[mine] - first, points[mine])) > 0.5).sum())
    return Sight(
        asset=sum(counts) / GRID**2, first=counts[0] / GRID**2, rust=rust / GRID**2,
        nearest=float(distances.min(initial=np.inf)),
    )  # fmt: skip


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


def one_solid(targets: Sequence[Target], others: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Targets and other things as one mesh to cast rays at; its first faces are the targets'."""
    parts = [trimesh.Trimesh(target.vertices, target.faces, process=False) for target in targets]
    solid = trimesh.util.concatenate([*parts, *others])
    assert isinstance(solid, trimesh.Trimesh)  # noqa: S101  of meshes, a mesh
    return solid


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


def _candidate(outlook: Outlook, preset: Preset, aim: Array, rng: np.random.Generator) -> tuple[Array, float]:
    """A camera pose and its field of view, looking about at `aim` from the open side, above the ground."""
    extents = np.sort(np.ptp(outlook.targets[0].vertices, axis=0))
    angle = radians(rng.uniform(*preset.field_of_view_deg))
    close, far = preset.framing
    width = np.exp(rng.uniform(*np.log(np.sort([close * max(extents[1], 0.15 * extents[2]), far * extents[2]]))))
    around, height = radians(rng.uniform(*outlook.around)), radians(rng.uniform(*outlook.height))
    outward = np.array([cos(height) * cos(around), cos(height) * sin(around), sin(height)])
    eye = aim + outward * width / 2 / tan(angle / 2)
    eye[2] = max(eye[2], outlook.floor_m)
    pose = _looking(eye, aim + rng.normal(size=3) * 0.12 * width)
    return pose @ trimesh.transformations.rotation_matrix(radians(rng.normal() * 4), [0, 0, 1]), angle


def _score(sight: Sight, preset: Preset, *, clean: bool) -> float:
    """0 for a picture that will do; below, the further off the lower."""
    score = 0.0
    score -= max(0.0, 0.12 - sight.first) * 5 + max(0.0, sight.first - 0.97)
    score -= max(0.0, 0.06 - sight.nearest) * 50  # nothing cuts through the lens
    if not clean:
        low, high = preset.rusted
        score -= max(0.0, low - sight.rust) * 20 + max(0.0, sight.rust - high)
    return score
