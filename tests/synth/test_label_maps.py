"""Depth and atlas coordinates of the label pass against rays cast by trimesh, and what must not change any label."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from views import view

from corrotwin.synth import spec
from corrotwin.synth.scene import visibility
from corrotwin.twin import assets

pytestmark = [pytest.mark.ci, pytest.mark.blender]

Rendered = tuple[spec.Scene, list[dict[str, np.ndarray]], Path]

SIZE = 72
MATT = spec.Finish(
    kind="paint", color=(0.4, 0.5, 0.4), primer=(0.3, 0.3, 0.3), rust=(1.0, 1.0, 1.0), roughness=0.5, dirt=0.0,
    wear=0.5, scale=0.5, seed=1.0,
)  # fmt: skip


def matrix(pose: np.ndarray) -> spec.Matrix:
    return tuple(tuple(row) for row in pose.tolist())


def looking(eye: list[float], target: list[float]) -> spec.Matrix:
    """Pose of a camera: along its -z from `eye` to `target`, z of the world up."""
    back = np.array(eye) - target
    back /= np.linalg.norm(back)
    right = np.cross([0, 0, 1], back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.column_stack([right, np.cross(back, right), back, eye])
    return matrix(pose)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Two assets of one mesh on the ground under the sky: with maps, with another seed, without maps; and the files."""
    folder = tmp_path_factory.mktemp("maps")
    asset = assets.build("plate", assets.sample("plate", np.random.default_rng(5)), texel_mm=12.0)
    stripes = (np.indices(asset.atlas_shape).sum(axis=0) // 7 % 2).astype(np.float32)
    loss_mm = stripes * np.linspace(0, 4, stripes.size, dtype=np.float32).reshape(stripes.shape)
    stain = (1 - stripes) * np.linspace(0, 1, stripes.size, dtype=np.float32).reshape(stripes.shape)
    fields = np.stack([stripes, 3 * stripes, loss_mm, stain], -1)
    np.savez(
        folder / "body.npz", vertices=asset.vertices.astype(np.float32), faces=asset.faces.astype(np.int32),
        uv=asset.uv.astype(np.float32), fields=fields,
    )  # fmt: skip
    size = float(np.ptp(asset.vertices, axis=0).max())
    poses = [trimesh.transformations.translation_matrix([side * 0.55 * size, -side * 0.3, 0.002]) for side in (-1, 1)]
    poses[1] = poses[1] @ trimesh.transformations.rotation_matrix(0.7, [0, 0, 1])
    scene = spec.Scene(
        samples=1, seed=1,
        bodies=tuple(
            spec.Body(file="body.npz", pose=matrix(pose), finish=MATT, instance=number)
            for number, pose in enumerate(poses, start=1)
        ),
        props=(
            spec.Prop(
                shape="box", pose=((9, 0, 0, 0), (0, 9, 0, 0), (0, 0, 1, -0.5), (0, 0, 0, 1)), material="concrete",
                color=(0.4, 0.4, 0.4), seed=1.0,
            ),
        ),
        light=spec.Light(
            world="courtyard", world_turn=0.0, world_strength=1.0, lamp="none", lamp_from=(0.0, 0.0, 1.0),
            lamp_strength=0.0, lamp_color=(1.0, 1.0, 1.0),
        ),
        views=(
            spec.View(
                index=0, pose=looking([0.8 * size, -1.6 * size, 0.9 * size], [0, 0, 0.2 * size]),
                lens=spec.Lens.wide(SIZE, SIZE, 1.1),
                focus_m=size, f_number=2.0,  # the photograph is blurred, the labels are not
            ),
        ),
        maps=("depth", "uv"),
    )  # fmt: skip
    others = (replace(scene, seed=2), replace(scene, maps=()))
    scenes = [replace(one, views=(replace(one.views[0], index=at),)) for at, one in enumerate((scene, *others))]
    (folder / "batch.json").write_text(spec.dump(spec.Batch(scenes=tuple(scenes), threads=2)))
    subprocess.run(
        [sys.executable, "-m", "corrotwin.synth.blender", str(folder / "batch.json"), str(os.getpid())],
        check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return scene, [view(folder, at) for at in range(3)], folder


def test_labels_do_not_depend_on_the_seed_of_the_sampling(rendered: Rendered) -> None:
    _, (one, other, _), _ = rendered
    assert one.keys() == other.keys() == {"photograph", "label", "depth", "uv"}
    assert (one["photograph"] != other["photograph"]).any()
    for name in ("label", "depth", "uv"):
        assert (one[name] == other[name]).all()


def test_maps_change_nothing_else(rendered: Rendered) -> None:
    _, (one, _, without), _ = rendered
    assert without.keys() == {"photograph", "label"}
    for name in without:
        assert (one[name] == without[name]).all()


def test_each_pixel_is_what_a_ray_through_its_centre_meets(rendered: Rendered) -> None:
    scene, (one, _, _), folder = rendered
    cast = cast_labels(scene, folder)
    instance = cast["label"][..., 2]
    assert set(np.unique(instance)) == {0, 1, 2}
    assert (cast["depth"] > 1e9).any()
    # At outlines and at borders of texels two roundings of one ray may part.
    assert (np.abs(one["label"] - cast["label"]) <= [0, 0, 0, 2e-6]).all(axis=-1).mean() > 0.998
    same = one["label"][..., 2] == instance
    assert same.mean() > 0.999
    assert (np.abs(one["depth"] - cast["depth"]) <= 2e-4 * cast["depth"])[same].mean() > 0.999
    assert (np.abs(one["uv"] - cast["uv"]).max(axis=-1) < 2e-4)[same].mean() > 0.998
    assert (one["uv"][one["label"][..., 2] == 0] == 0).all()


def cast_labels(scene: spec.Scene, folder: Path) -> dict[str, np.ndarray]:
    """What `synth.blender.passes.labels` should give, by casting rays at the assets and the ground."""
    body = np.load(folder / "body.npz")
    one, faces = trimesh.Trimesh(body["vertices"], body["faces"], process=False), len(body["faces"])
    solid = trimesh.util.concatenate(
        [one.copy().apply_transform(np.array(each.pose)) for each in scene.bodies]
        + [visibility.prop_mesh(prop, folder) for prop in scene.props]
    )
    pose, focal = np.array(scene.views[0].pose), scene.views[0].lens.fx
    row, column = np.divmod(np.arange(SIZE * SIZE), SIZE)
    along = np.stack([(column + 0.5 - SIZE / 2) / focal, (SIZE / 2 - row - 0.5) / focal, -np.ones(SIZE * SIZE)], 1)
    eyes = np.tile(pose[:3, 3], (len(along), 1))
    hit, ray, face = solid.ray.intersects_location(eyes, along @ pose[:3, :3].T, multiple_hits=False)
    depth, label, uv = np.full(SIZE * SIZE, 1e10), np.zeros((SIZE * SIZE, 4), np.float32), np.zeros((SIZE * SIZE, 2))
    depth[ray] = (pose[:3, 3] - hit) @ pose[:3, 2]
    mine = face < faces * len(scene.bodies)
    weights = trimesh.triangles.points_to_barycentric(solid.triangles[face[mine]], hit[mine])
    uv[ray[mine]] = at = (body["uv"][face[mine] % faces] * weights[..., None]).sum(axis=1)
    texel = (at[:, ::-1] * body["fields"].shape[:2]).astype(int)
    cover, _, loss, stain = body["fields"][texel[:, 0], texel[:, 1]].T
    label[ray[mine]] = np.column_stack([cover, loss, face[mine] // faces + 1, stain])
    shape = (SIZE, SIZE)
    return {"depth": depth.reshape(shape), "label": label.reshape(*shape, 4), "uv": uv.reshape(*shape, 2)}
