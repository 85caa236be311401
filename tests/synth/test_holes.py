"""Holes in wasted steel: what pictures and labels show through them, against rays that pass where metal is gone."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from views import view

from corrotwin.synth import spec
from corrotwin.synth.cameras.camera_model import looking
from corrotwin.synth.scene import visibility
from corrotwin.synth.scene.surroundings import as_matrix
from corrotwin.twin import assets
from corrotwin.twin.model import corrosion, perforation
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.model.pits import Pits

pytestmark = [pytest.mark.ci, pytest.mark.blender]

SIZE = 96
SEED = 5
SHEET = {
    "length_m": 0.6, "width_m": 0.5, "thickness_mm": 2.0, "edge": "sheared", "opening_mm": 0.0, "stiffeners": 0,
    "stiffener": "flat", "stiffener_height_mm": 60.0, "fasteners": "none", "butt_weld": False, "upright": True,
}  # fmt: skip
TUBE = {
    "nps": "4", "schedule": "40", "run_m": 0.6, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "leg_degrees": 0.0, "branch_nps": "none", "branch_at_m": 0.3, "branch_m": 0.2, "branch_degrees": 0.0,
    "branch_end": "cut", "support": "saddle", "supports_at_m": [], "support_m": 0.3, "upright": False, "od_mm": 114.3,
    "wall_mm": 2.0,
}  # fmt: skip
# Kind, parameters, years by the sea, and where the camera stands.
CASES: Mapping[str, tuple[str, Mapping[str, object], float, list[float]]] = {
    "sheet": ("plate", SHEET, 16.0, [0.3, -0.9, 0.5]), "tube": ("pipe", TUBE, 22.0, [0.25, -0.8, 0.5]),
}  # fmt: skip
MAPS = ("depth", "uv", "normals", "age")
MATT = spec.Finish(
    kind="paint", color=(0.4, 0.5, 0.4), primer=(0.3, 0.3, 0.3), rust=(1.0, 1.0, 1.0), roughness=0.5, dirt=0.0,
    wear=0.5, scale=0.5, seed=1.0,
)  # fmt: skip
SKY = spec.Light(
    world="courtyard", world_turn=0.0, world_strength=1.0, lamp="none", lamp_from=(0.0, 0.0, 1.0), lamp_strength=0.0,
    lamp_color=(1.0, 1.0, 1.0),
)  # fmt: skip
GROUND = spec.Prop(
    shape="box", pose=((9, 0, 0, 0), (0, 9, 0, 0), (0, 0, 1, -0.5), (0, 0, 0, 1)), material="plain",
    color=(0.4, 0.4, 0.4), seed=1.0,
)  # fmt: skip
BEHIND = spec.Prop(
    shape="box", pose=((0.4, 0, 0, 0), (0, 0.1, 0, 0.5), (0, 0, 0.4, 0.2), (0, 0, 0, 1)), material="plain",
    color=(0.1, 0.2, 0.7), seed=2.0,
)  # fmt: skip
Arrays = dict[str, np.ndarray]


def body(folder: Path, name: str, *, gone: np.ndarray | None = None) -> spec.Body:
    """Write a thin asset after its years by the sea, and return its body; `gone` in place of its own holes."""
    kind, parameters, years, _ = CASES[name]
    asset = assets.build(kind, parameters, texel_mm=3.0)
    texels = assets.texels(asset)
    grown = corrosion.grow(
        asset, texels, exposure=at("CX"), coating=Paint(life_years=8.0, defects_per_m2=60.0), years=years, seed=SEED,
        pits=Pits(),
    )  # fmt: skip
    own = perforation.gone(asset, texels, grown.wall_loss_mm, SEED)
    assert own is not None
    wasted = own if gone is None else np.broadcast_to(gone, own.shape)
    file = f"{name}-{'own' if gone is None else int(wasted.any())}.npz"
    packed = [grown.rust_cover, grown.age_years, grown.wall_loss_mm, grown.rust_cover / 2]
    np.savez(
        folder / file, vertices=asset.vertices.astype(np.float32), faces=asset.faces.astype(np.int32),
        uv=asset.uv.astype(np.float32), fields=np.stack(packed, axis=-1), **({"gone": wasted} if wasted.any() else {}),
    )  # fmt: skip
    lifted = as_matrix(trimesh.transformations.translation_matrix([0.0, 0.0, 0.002]))
    return spec.Body(file=file, pose=lifted, finish=MATT, instance=1)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, spec.Scene], dict[str, Arrays]]:
    """The sheet and the tube with their holes, the sheet whole and all gone, and no asset: scenes and views by name."""
    folder = tmp_path_factory.mktemp("holes")
    bodies = {
        "sheet": (body(folder, "sheet"),), "tube": (body(folder, "tube"),), "none": (),
        "whole": (body(folder, "sheet", gone=np.array(False)),), "air": (body(folder, "sheet", gone=np.array(True)),),
    }  # fmt: skip
    scenes = {}
    for number, (name, held) in enumerate(bodies.items()):
        eye = CASES[name if name in CASES else "sheet"][3]
        pose = as_matrix(looking(np.array(eye), np.array([0.0, 0.0, 0.2])))
        scenes[name] = spec.Scene(
            samples=4, seed=1, bodies=held, props=(GROUND, BEHIND), light=SKY, maps=MAPS,
            views=(spec.View(index=number, pose=pose, lens=spec.Lens.wide(SIZE, SIZE, 0.8)),),
        )  # fmt: skip
    (folder / "batch.json").write_text(spec.dump(spec.Batch(scenes=tuple(scenes.values()), threads=2)))
    subprocess.run(
        [sys.executable, "-m", "corrotwin.synth.blender", str(folder / "batch.json"), str(os.getpid())],
        check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return folder, scenes, {name: view(folder, one.views[0].index) for name, one in scenes.items()}


@pytest.mark.parametrize("name", CASES)
def test_each_pixel_is_what_a_ray_meets_that_passes_where_metal_is_gone(
    name: str, rendered: tuple[Path, dict[str, spec.Scene], dict[str, Arrays]]
) -> None:
    folder, scenes, seen = rendered
    cast = cast_labels(scenes[name], folder)
    blind = cast_labels(scenes[name], folder, through=False)
    drawn = seen[name]
    # Many pixels look through a hole, at what is behind or at the far wall from within; without holes the test fails.
    assert (np.abs(blind["depth"] - cast["depth"]) > 0.01).mean() > 0.02
    mine = cast["label"][..., 2] == 1
    assert (mine & (cast["skins"] % 2 == 1)).mean() > 0.002  # the far skin of a sheet or a wall, from within
    assert name == "sheet" or (mine & (cast["skins"] == 2)).mean() > 0.01  # through both, at the far wall's bore
    assert ((cast["label"][..., 2] == 0) & (blind["label"][..., 2] == 1)).mean() > 0.005
    # At outlines, of holes too, and at borders of texels two roundings of one ray may part.
    assert (drawn["label"][..., 2] == cast["label"][..., 2]).mean() > 0.998
    assert (np.abs(drawn["label"] - cast["label"]) <= [0, 0, 0, 2e-6]).all(axis=-1).mean() > 0.996
    assert (np.abs(drawn["depth"] - cast["depth"]) <= 2e-4 * cast["depth"]).mean() > 0.997
    assert (np.abs(drawn["uv"] - cast["uv"]).max(axis=-1) < 2e-4).mean() > 0.996
    assert (np.abs(drawn["age"] - cast["age"]) < 1e-5).mean() > 0.996
    # Blender turns the normal of what is seen from within.
    apart = [np.abs(drawn["normals"] + sign * cast["normals"]).max(axis=-1) for sign in (-1, 1)]
    assert (np.minimum(*apart) < 1e-3).mean() > 0.996


def test_rays_before_rendering_see_the_same(
    rendered: tuple[Path, dict[str, spec.Scene], dict[str, Arrays]],
) -> None:
    folder, scenes, seen = rendered
    for name in CASES:
        one = scenes[name]
        arrays = np.load(folder / one.bodies[0].file)
        target = visibility.Target(
            vertices=trimesh.transform_points(arrays["vertices"], np.array(one.bodies[0].pose)), faces=arrays["faces"],
            uv=arrays["uv"], cover=arrays["fields"][..., 0], outside=np.ones(len(arrays["faces"]), dtype=bool),
            gone=arrays["gone"],
        )  # fmt: skip
        solid = visibility.combined_mesh([target], [visibility.prop_mesh(prop, folder) for prop in one.props])
        space = visibility.ViewingSpace(targets=(target,), solid=solid, around=(0, 0), height=(0, 0), floor_m=0)
        origins, directions = visibility.rays(np.array(one.views[0].pose), one.views[0].lens, SIZE)
        _, ray, face = visibility.first_hits(space, origins, directions)
        mine = np.zeros(SIZE * SIZE, dtype=bool)
        mine[ray] = face < len(arrays["faces"])
        assert (mine.reshape(SIZE, SIZE) == (seen[name]["label"][..., 2] == 1)).mean() > 0.998
        sight = visibility.look(space, np.array(one.views[0].pose), one.views[0].lens)
        whole = visibility.look(
            replace(space, targets=(replace(target, gone=None),)), np.array(one.views[0].pose), one.views[0].lens
        )
        assert sight.first < whole.first - 0.01


def test_steel_that_is_all_gone_is_air(rendered: tuple[Path, dict[str, spec.Scene], dict[str, Arrays]]) -> None:
    _, _, seen = rendered
    for name in ("label", *MAPS):
        assert (seen["air"][name] == seen["none"][name]).all()
    assert (seen["whole"]["label"] != seen["none"]["label"]).any()
    # In its light as well: no shadow and no reflection of what is not there.
    apart = np.abs(seen["air"]["photograph"] - seen["none"]["photograph"]) / seen["none"]["photograph"].mean()
    cast = np.abs(seen["whole"]["photograph"] - seen["none"]["photograph"]) / seen["none"]["photograph"].mean()
    assert apart.mean() < 0.02 < 0.1 * cast.mean()


def test_the_photograph_shows_what_is_behind(
    rendered: tuple[Path, dict[str, spec.Scene], dict[str, Arrays]],
) -> None:
    _, _, seen = rendered
    blue = seen["none"]["photograph"]
    block = blue[..., 2] > 2 * blue[..., 0]
    hidden = block & (seen["whole"]["label"][..., 2] == 1)
    open_air = hidden & (seen["sheet"]["label"][..., 2] == 0)
    assert open_air.sum() > 20
    assert (hidden & ~open_air).sum() > 20
    picture = seen["sheet"]["photograph"]
    ratio = picture[..., 2] / picture[..., 0]
    assert np.median(ratio[open_air]) > 1.5 * np.median(ratio[hidden & ~open_air])


def cast_labels(scene: spec.Scene, folder: Path, *, through: bool = True) -> Arrays:
    """What `synth.blender.passes.labels` should give, from all hits of each ray: the first where there is metal."""
    (one,) = scene.bodies
    arrays = np.load(folder / one.file)
    faces, fields, gone = arrays["faces"], arrays["fields"], arrays["gone"]
    mesh = trimesh.Trimesh(arrays["vertices"], faces, process=False).apply_transform(np.array(one.pose))
    solid = trimesh.util.concatenate([mesh, *(visibility.prop_mesh(prop, folder) for prop in scene.props)])
    pose, focal = np.array(scene.views[0].pose), scene.views[0].lens.fx
    row, column = np.divmod(np.arange(SIZE * SIZE), SIZE)
    along = np.stack([(column + 0.5 - SIZE / 2) / focal, (SIZE / 2 - row - 0.5) / focal, -np.ones(SIZE * SIZE)], 1)
    eyes = np.tile(pose[:3, 3], (len(along), 1))
    hit, ray, face = solid.ray.intersects_location(eyes, along @ pose[:3, :3].T, multiple_hits=True)
    mine = face < len(faces)
    weights = trimesh.triangles.points_to_barycentric(solid.triangles[face[mine]], hit[mine])
    uv = np.zeros((len(face), 2))
    uv[mine] = (arrays["uv"][face[mine]] * weights[..., None]).sum(axis=1)
    texel = (uv[:, ::-1] * gone.shape).astype(int)
    passed = mine & gone[texel[:, 0], texel[:, 1]] & through
    far = np.linalg.norm(hit - pose[:3, 3], axis=1)
    order = np.flatnonzero(~passed)[np.lexsort((far[~passed], ray[~passed]))]
    rays, first = np.unique(ray[order], return_index=True)
    chosen = order[first]
    made: Arrays = {
        "depth": np.full(SIZE * SIZE, 1e10), "label": np.zeros((SIZE * SIZE, 4), np.float32),
        "uv": np.zeros((SIZE * SIZE, 2)), "age": np.zeros(SIZE * SIZE), "normals": np.zeros((SIZE * SIZE, 3)),
        "skins": np.zeros(SIZE * SIZE, dtype=int),
    }  # fmt: skip
    made["depth"][rays] = (pose[:3, 3] - hit[chosen]) @ pose[:3, 2]
    made["normals"][rays] = solid.face_normals[face[chosen]]
    of_asset = mine[chosen]
    on, at_texel = rays[of_asset], texel[chosen[of_asset]]
    cover, age, loss, stain = fields[at_texel[:, 0], at_texel[:, 1]].T
    made["uv"][on], made["age"][on] = uv[chosen[of_asset]], age
    made["label"][on] = np.column_stack([cover, loss, np.ones(len(on)), stain])
    nearer = passed & (far < np.bincount(rays, weights=far[chosen], minlength=SIZE * SIZE)[ray])
    made["skins"] = np.bincount(ray[nearer], minlength=SIZE * SIZE)
    return {name: values.reshape(SIZE, SIZE, *values.shape[1:]) for name, values in made.items()}
