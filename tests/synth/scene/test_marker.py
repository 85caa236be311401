"""Markers lie on flat, free steel: no rivet, bolt or edge reaches through one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from corrotwin.synth.cameras.camera_model import looking
from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.scene import marker, visibility
from corrotwin.synth.scene.surroundings import as_matrix
from corrotwin.synth.scene.visibility import Target, ViewingSpace
from corrotwin.synth.spec import Lens, Prop, View

CHOSEN = replace(PRESETS["painted"], marker_share=1.0)
THICK_M = 0.01


def riveted(pitch_m: float) -> tuple[trimesh.Trimesh, np.ndarray]:
    """Return a plate of 1.2 m with rivets of 24 mm at a pitch, and where these are."""
    places = np.stack(np.meshgrid(*2 * [np.arange(-0.55, 0.56, pitch_m)]), -1).reshape(-1, 2)
    heads = [trimesh.creation.icosphere(2, 0.012).apply_translation([*place, THICK_M]) for place in places]
    plate = trimesh.creation.box((1.2, 1.2, THICK_M)).apply_translation([0, 0, THICK_M / 2])
    return trimesh.util.concatenate([plate, *heads]), places


def view(rng: np.random.Generator) -> View:
    eye = np.array([*rng.uniform(-0.2, 0.2, 2), rng.uniform(0.5, 0.9)])
    pose = looking(eye, np.array([*rng.uniform(-0.1, 0.1, 2), 0.0]))
    return View(index=0, pose=as_matrix(pose), lens=Lens.wide(96, 96, 0.9))


def placed(pitch_m: float, seed: int, folder: Path) -> tuple[list[Prop], np.ndarray]:
    solid, places = riveted(pitch_m)
    steel = Target(
        vertices=solid.vertices, faces=solid.faces, uv=np.zeros((len(solid.faces), 3, 2)),
        cover=np.zeros((4, 4), np.float32), outside=np.ones(len(solid.faces), bool),
    )  # fmt: skip
    space = ViewingSpace(targets=(steel,), solid=solid, around=(0, 0), height=(0, 0), floor_m=0)
    rng = np.random.default_rng(seed)
    return marker.on_surface(space, [view(rng)], CHOSEN, folder, "marker", rng), places


@pytest.mark.parametrize("seed", range(12))
def test_a_marker_is_clear_of_all_rivets(seed: int, tmp_path: Path) -> None:
    props, rivets = placed(0.18, seed, tmp_path)
    assert props  # between rivets 18 cm apart there is room for all sizes
    corners = visibility.prop_mesh(props[0], tmp_path).vertices
    middle, axes = np.array(props[0].pose)[:3, 3], np.array(props[0].pose)[:3, :3]
    half = np.abs((corners - middle) @ axes).max(axis=0)[:2]
    for rivet in rivets:
        local = (np.array([*rivet, THICK_M]) - middle) @ axes
        outside = np.maximum(np.abs(local[:2]) - half, 0)
        assert np.hypot(*outside) > 0.0115, (rivet, local)
    assert THICK_M < corners[:, 2].min() < THICK_M + 0.005


@pytest.mark.ci
def test_where_there_is_no_free_place_there_is_no_marker(tmp_path: Path) -> None:
    assert not any(placed(0.045, seed, tmp_path)[0] for seed in range(6))
    assert not list(tmp_path.iterdir())


def test_a_slender_stud_between_the_rays_is_found(tmp_path: Path) -> None:
    plate = trimesh.creation.box((1, 1, THICK_M)).apply_translation([0, 0, THICK_M / 2])
    stud = trimesh.creation.cylinder(0.0008, 0.2).apply_translation([0.013, 0.0171, 0.1])
    looked = View(index=0, pose=as_matrix(looking(np.array([0, -0.01, 0.8]), np.zeros(3))), lens=Lens.wide(96, 96, 0.9))
    found = []
    for solid in (plate, trimesh.util.concatenate([plate, stud])):
        steel = Target(
            vertices=solid.vertices, faces=solid.faces, uv=np.zeros((len(solid.faces), 3, 2)),
            cover=np.zeros((4, 4), np.float32), outside=np.ones(len(solid.faces), bool),
        )  # fmt: skip
        space = ViewingSpace(targets=(steel,), solid=solid, around=(0, 0), height=(0, 0), floor_m=0)
        found.append(marker._frame(space, looked, np.array([0.5, 0.5]), 0.06) is not None)
    assert found == [True, False]
