"""A dataset of meshes and props of the user's own, through a real Blender."""

import json
from dataclasses import replace
from pathlib import Path

import foreign
import models
import numpy as np
import pytest
import trimesh
from scipy import ndimage
from views import view

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.rendering import assembly, batch, provenance
from corrotwin.synth.rendering.blender_process import run_blender
from corrotwin.synth.rendering.job import Task
from corrotwin.synth.scene import sampling, visibility
from corrotwin.twin.meshes.conversion import MeshOptions, convert

SIZE = 64
INDEX = 1  # in whose picture both meshes and a crate are seen


@pytest.fixture
def config(tmp_path: Path) -> RenderConfig:
    """Two meshes, one beside the other, and crates of a texture behind them."""
    made = {"drum": trimesh.creation.cylinder(0.2, 0.5, sections=32), "block": trimesh.creation.box((0.3, 0.2, 0.2))}
    for name, mesh in made.items():
        mesh.export(tmp_path / f"{name}.stl")
        foreign.saved_charts(convert(tmp_path / f"{name}.stl", MeshOptions(units="m")).charts, tmp_path / name)
    preset = Preset.like(
        "balanced", kinds=tuple(str(tmp_path / name) for name in made), company=(1, 1), clutter=(4, 4), walls=("none",),
        props=(str(models.crate(tmp_path / "crate.glb", copyright_text="CC0, A. Maker")),), props_share=1.0,
        grounds=("concrete",), clean_every=0, views_per_scene=1, samples=4, arrangements=(("yard", 1.0),),
        flash_share=0.0, work_share=0.0, worlds=("city",), field_of_view_deg=(60, 64),
    )  # fmt: skip
    return RenderConfig(preset=preset, size=SIZE, seed=2)


@pytest.mark.slow
@pytest.mark.blender
def test_a_mesh_beside_a_mesh_before_a_prop(config: RenderConfig, tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "dataset"
    work.mkdir()
    scene = sampling.sample_scene(config, INDEX, [INDEX], work)
    assert sorted(body.asset for body in scene.bodies) == ["block", "drum"]
    mine = [prop for prop in scene.props if prop.shape == "model"]
    without = replace(
        scene, props=tuple(prop for prop in scene.props if prop.shape != "model"),
        views=tuple(replace(view, index=99) for view in scene.views),
    )  # fmt: skip
    (work / "batch.json").write_text(spec.dump(spec.Batch(scenes=(scene, without), threads=2)))
    assert list(run_blender(work, budget=300)) == [INDEX, 99]
    with_prop, plain = (view(work, number) for number in (INDEX, 99))
    hit = prop_pixels(scene, mine, work)
    away, hit = ~ndimage.binary_dilation(hit), ndimage.binary_erosion(hit)  # a ray may graze an edge
    assert hit.mean() > 0.02
    assert (with_prop["label"][hit, 2] == 0).all()
    assert set(np.unique(with_prop["label"][..., 2])) >= {0, 1}
    np.testing.assert_array_equal(with_prop["label"][away, 2], plain["label"][away, 2])
    changed = np.abs(with_prop["photograph"].astype(float) - plain["photograph"]).max(axis=-1)
    assert np.median(changed[hit]) > 5 * np.median(changed[away])
    red, _, blue = np.moveaxis(with_prop["photograph"][hit].astype(float), -1, 0)
    assert np.quantile(np.abs(np.log((red + 0.01) / (blue + 0.01))), 0.6) > 0.5  # its two colours

    batch.render_batch(out, config, None, 0, range(INDEX, INDEX + 1), 2, "cpu", provenance.made_by())
    assembly.assemble(out, Task(config=config, shown=None, count=INDEX + 1, only=INDEX))
    document = json.loads((out / "instances.json").read_text())
    kinds = {category["id"]: category["name"] for category in document["categories"]}
    listed = [(kinds[entry["category_id"]], entry["attributes"]["asset"]) for entry in document["annotations"]]
    assert ("mesh", scene.bodies[0].asset) in listed
    assert [(image["asset_kind"], image["asset"]) for image in document["images"]] == [("mesh", scene.bodies[0].asset)]
    about = json.loads((out / "dataset.json").read_text())
    assert about["images_by_kind"] == {scene.bodies[0].asset: 1}
    assert "props crate.glb (CC0, A. Maker)" in about["licence"]


def prop_pixels(scene: spec.Scene, mine: list[spec.Prop], work: Path) -> np.ndarray:
    """Return which pixels' centres see a model, (size, size), by rays."""
    view = scene.views[0]
    bodies = []
    for body in scene.bodies:
        with np.load(work / body.file) as arrays:
            moved = trimesh.transform_points(arrays["vertices"], np.array(body.pose))
            bodies.append(trimesh.Trimesh(moved, arrays["faces"], process=False))
    own = [visibility.prop_mesh(prop, work) for prop in mine]
    others = [visibility.prop_mesh(prop, work) for prop in scene.props if prop not in mine]
    solid = trimesh.util.concatenate([*own, *bodies, *others])
    origins, ways = visibility.rays(np.array(view.pose), view.lens, SIZE)
    _, ray, face = solid.ray.intersects_location(origins, ways, multiple_hits=False)
    hit = np.zeros(SIZE**2, bool)
    hit[ray[face < sum(len(mesh.faces) for mesh in own)]] = True
    return hit.reshape(SIZE, SIZE)
