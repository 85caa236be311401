"""Meshes and props of the user's own in sampled scenes; and that scenes without them are what they were."""

from pathlib import Path

import foreign
import models
import numpy as np
import pytest
import trimesh

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene import sampling, visibility
from corrotwin.synth.scene.placement import corners
from corrotwin.synth.scene.props import placing
from corrotwin.twin import store, twin_state

pytestmark = pytest.mark.ci  # each test takes seconds

MESHES = ("axle_nut", "oil_barrel", "padlock", "propeller_01", "tram_rail", "valve_wheel_01")


def space_of(scene: spec.Scene, folder: Path) -> visibility.ViewingSpace:
    """Return what rays can hit in a scene, from its files."""
    targets = []
    for body in scene.bodies:
        with np.load(folder / body.file) as arrays:
            vertices = trimesh.transform_points(arrays["vertices"], np.array(body.pose))
            faces, uv, cover = arrays["faces"], arrays["uv"], arrays["fields"][..., 0]
        outside = np.ones(len(faces), bool)
        targets.append(visibility.Target(vertices=vertices, faces=faces, uv=uv, cover=cover, outside=outside))
    solid = visibility.combined_mesh(targets, [visibility.prop_mesh(prop, folder) for prop in scene.props])
    return visibility.ViewingSpace(targets=tuple(targets), solid=solid, around=(0, 0), height=(0, 0), floor_m=0)


@pytest.mark.parametrize("name", MESHES)
def test_a_foreign_mesh_stands_on_the_ground_upright_and_is_seen_with_its_rust(name: str, tmp_path: Path) -> None:
    folder = foreign.saved(name, tmp_path / name)
    preset = Preset.like(
        "balanced", kinds=(str(folder),), company=(1, 1), clean_every=0, aging=(1.2, 1.2), grounds=("concrete",)
    )
    config = RenderConfig(preset=preset, size=96, seed=1)
    seen = []
    for index in range(2):
        scene = sampling.sample_scene(config, index, [2 * index, 2 * index + 1], tmp_path)
        space = space_of(scene, tmp_path)
        for body, target in zip(scene.bodies, space.targets, strict=True):
            pose = np.array(body.pose)
            np.testing.assert_allclose(pose[2, :3], [0, 0, 1], atol=1e-12)
            assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
            assert target.vertices[:, 2].min() == pytest.approx(0.001, abs=1e-5)
            assert (body.kind, body.asset) == ("mesh", name)
            assert np.ptp(target.vertices[:, 2]) == pytest.approx(np.ptp(foreign.built(name).vertices[:, 2]), rel=1e-5)
        seen += [visibility.look(space, np.array(view.pose), view.lens) for view in scene.views]
        assert all(view.visible[0] > 0.02 for view in scene.views)
    assert np.median([sight.first for sight in seen]) > 0.12
    assert max(sight.rust for sight in seen) > 0.01


def test_an_asset_keeps_its_parameters_and_draws_its_history(tmp_path: Path) -> None:
    state = twin_state.sample_twin("pipe", np.random.default_rng(4), texel_mm=50.0)
    store.save(state, tmp_path / "spool")
    preset = Preset.like("balanced", kinds=(str(tmp_path / "spool"),), arrangements=(("rack", 1.0),))
    config = RenderConfig(preset=preset, size=64, seed=0)
    stands = [sampling._arranged(config, number, preset).placed[0].specimen.twin for number in range(2)]
    assert all(twin.parameters == state.parameters for twin in stands)
    assert len({twin.seed for twin in (state, *stands)}) == 3


def test_scenes_of_presets_that_name_nothing_of_their_own_are_what_they_were(tmp_path: Path) -> None:
    """Cameras too, which see everything: the numbers are those of presets without props and meshes."""
    scene = sampling.sample_scene(RenderConfig(preset="balanced", size=64, seed=5), 0, [0, 1], tmp_path)
    found = {
        "kinds": [body.kind for body in scene.bodies], "props": [prop.material for prop in scene.props],
        "pose": np.round(scene.bodies[0].pose[0], 4).tolist(), "world": scene.light.world,
        "eye": np.round([row[3] for row in scene.views[0].pose[:3]], 4).tolist(),
        "years": round(float(np.load(tmp_path / scene.bodies[0].file)["fields"][..., 1].max()), 2),
    }  # fmt: skip
    assert found == {
        "kinds": ["panel", "column", "column"],
        "props": ["stained concrete", "stone", "rubble", "brick", "worn"],
        "pose": [0.9939, 0.1099, 0.0, -0.004], "world": "forest", "eye": [-0.0638, -0.5358, 0.7133], "years": 18.89,
    }  # fmt: skip


def stands(preset: Preset, count: int) -> list[tuple[int, placing.Arrangement]]:
    config = RenderConfig(preset=preset, size=64, seed=3)
    return [(number, sampling._arranged(config, number, preset)) for number in range(count)]


def test_props_take_the_place_of_clutter_clear_of_assets_walls_and_each_other(tmp_path: Path) -> None:
    crate = models.crate(tmp_path / "crate.glb")
    usual = Preset.like("balanced", kinds=("bolt",), arrangements=(("yard", 1.0),), clutter=(4, 4))
    own = Preset.like(
        "balanced", kinds=("bolt",), arrangements=(("yard", 1.0),), clutter=(4, 4), props=(str(crate),), props_share=1.0
    )
    placed, pieces = 0, 0
    for (number, stand), (_, before) in zip(stands(own, 4), stands(usual, 4), strict=True):
        assert stand.clutter == before.clutter  # nothing else is drawn again
        assert stand.props == before.props
        assert placing.with_models(before, usual, tmp_path, sampling.stream(3, "prop", number)) == list(before.clutter)
        found = placing.with_models(stand, own, tmp_path, sampling.stream(3, "prop", number))
        mine = [prop for prop in found if prop.shape == "model"]
        boxes = [corners([one]) for one in stand.placed]
        boxes += [visibility.prop_mesh(prop, tmp_path).bounds for prop in (*stand.props, *mine)]
        for prop in mine:
            mesh = visibility.prop_mesh(prop, tmp_path)
            assert mesh.volume == pytest.approx(0.4**3, rel=1e-4)
            assert mesh.bounds[0, 2] == pytest.approx(0, abs=1e-6)
            apart = [(mesh.bounds[0] > high).any() or (mesh.bounds[1] < low).any() for low, high in boxes]
            assert apart.count(False) == 1  # itself
        placed, pieces = placed + len(mine), pieces + len(found)
    assert placed > 0.7 * pieces
