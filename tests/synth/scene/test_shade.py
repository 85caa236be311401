"""Objects that cast shadows into a picture stay out of it, touch nothing, and darken what it shows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from corrotwin.synth.cameras.camera_model import looking
from corrotwin.synth.scene import visibility
from corrotwin.synth.scene.clutter import shade
from corrotwin.synth.scene.surroundings import as_matrix
from corrotwin.synth.scene.visibility import Target, ViewingSpace, rays
from corrotwin.synth.spec import Lens, Light, Prop, View

SUN = np.array([0.3, -0.6, 0.9])


def space() -> ViewingSpace:
    plate = trimesh.creation.box((2, 2, 0.02)).apply_translation([0, 0, 0.01])
    steel = Target(
        vertices=plate.vertices, faces=plate.faces, uv=np.zeros((len(plate.faces), 3, 2)),
        cover=np.zeros((4, 4), np.float32), outside=np.ones(len(plate.faces), bool),
    )  # fmt: skip
    return ViewingSpace(targets=(steel,), solid=plate, around=(0, 0), height=(0, 0), floor_m=0)


def light(lamp: str) -> Light:
    x, y, z = SUN.tolist()
    return Light(
        world="city", world_turn=0.0, world_strength=1.0, lamp=lamp, lamp_from=(x, y, z), lamp_strength=3.0,
        lamp_color=(1.0, 1.0, 1.0),
    )  # fmt: skip


def view() -> View:
    pose = looking(np.array([-0.9, -0.5, 0.9]), np.array([0.0, 0.1, 0.02]))
    return View(index=0, pose=as_matrix(pose), lens=Lens.wide(64, 64, 0.8))


def thrown(seed: int, folder: Path, lamp: str = "sun") -> list[Prop]:
    return shade.thrown(light(lamp), space(), [view()], folder, f"shade-{seed}", np.random.default_rng(seed))


def test_a_shadow_falls_on_what_is_seen_and_what_throws_it_is_not_seen(tmp_path: Path) -> None:
    origins, ways = rays(np.array(view().pose), view().lens, 64)
    points, _, _ = space().solid.ray.intersects_location(origins, ways, multiple_hits=False)
    sun = SUN / np.linalg.norm(SUN)
    shaded = []
    for seed in range(16):
        for prop in thrown(seed, tmp_path):
            mesh = visibility.prop_mesh(prop, tmp_path)
            assert not mesh.ray.intersects_any(origins, ways).any()
            assert mesh.bounds[0, 2] > 0.02
            shaded.append(mesh.ray.intersects_any(points + 1e-3 * sun, np.tile(sun, (len(points), 1))).mean())
    assert 3 <= len(shaded) <= 14  # half of the scenes, less those without room
    assert np.median(shaded) > 0.03
    assert max(shaded) < 1


@pytest.mark.parametrize("lamp", ["flash", "work", "none"])
def test_without_the_sun_there_is_none(lamp: str, tmp_path: Path) -> None:
    assert not any(thrown(seed, tmp_path, lamp) for seed in range(6))


def test_it_repeats(tmp_path: Path) -> None:
    assert [thrown(seed, tmp_path) for seed in range(6)] == [thrown(seed, tmp_path) for seed in range(6)]


def test_what_throws_a_shadow_stays_out_of_the_larger_frame_of_a_lens_that_distorts(tmp_path: Path) -> None:
    wide = Lens.wide(96, 96, 1.3)
    seen = replace(view(), frame=wide, distortion=(-0.2, 0.0, 0.0, 0.0))
    found = 0
    for seed in range(16):
        for prop in shade.thrown(light("sun"), space(), [seen], tmp_path, f"f-{seed}", np.random.default_rng(seed)):
            mesh = visibility.prop_mesh(prop, tmp_path)
            assert not mesh.ray.intersects_any(*rays(np.array(seen.pose), seen.lens, 224)).any()
            found += 1
    assert found
