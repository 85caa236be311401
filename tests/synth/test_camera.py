from dataclasses import replace
from math import pi, radians
from pathlib import Path

import numpy as np
import trimesh

from synth import camera
from synth.config import PRESETS
from synth.spec import Prop

PRESET = PRESETS["balanced"]


def plate(*, cover: float) -> camera.Target:
    """A square metre facing -y, all of it rusted to `cover`, with its atlas upright."""
    vertices = np.array([[-0.5, 0, 0.2], [0.5, 0, 0.2], [0.5, 0, 1.2], [-0.5, 0, 1.2]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)[faces]
    return camera.Target(
        vertices=vertices,
        faces=faces,
        uv=uv,
        cover=np.full((4, 4), cover, np.float32),
        outside=np.ones(2, bool),
        obstacles=(),
    )


def head_on(distance: float) -> np.ndarray:
    """A camera at (0, -distance, 0.7) that looks along +y."""
    pose = trimesh.transformations.rotation_matrix(pi / 2, [1, 0, 0])
    pose[:3, 3] = [0, -distance, 0.7]
    return pose


def see(target: camera.Target, distance: float) -> camera.Sight:
    solid, faces = camera._solid(target)
    return camera.look(solid, faces, target, head_on(distance), radians(90))


def test_share_of_the_picture_is_the_share_of_the_plate() -> None:
    sight = see(plate(cover=1), 1.0)  # 90 degrees at 1 m: the picture is 2 m across
    assert sight.asset == sight.rust == 0.25
    assert sight.nearest == np.hypot(1, np.hypot(1 / 36, 1 / 36))


def test_clean_plate_shows_no_rust() -> None:
    assert see(plate(cover=0.2), 1.0).rust == 0


def test_obstacle_hides_the_plate(tmp_path: Path) -> None:
    pose = np.diag([3.0, 0.1, 3.0, 1.0])
    pose[1, 3] = -0.5
    block = Prop(shape="box", pose=camera.as_matrix(pose), material="concrete", color=(0.3, 0.3, 0.3), seed=0)
    sight = see(replace(plate(cover=1), obstacles=(camera.shape(block, tmp_path),)), 1.0)
    assert sight.asset == 0
    assert sight.nearest < 0.5


def test_chosen_views_show_the_rust_and_keep_their_distance() -> None:
    target = plate(cover=1)
    solid, faces = camera._solid(target)
    for view in camera.sample_views(target, PRESET, range(6), np.random.default_rng(0), clean=False):
        sight = camera.look(solid, faces, target, np.array(view.pose), view.field_of_view)
        assert sight.rust >= 0.03
        assert sight.asset >= 0.12
        assert sight.nearest >= 0.06
        assert np.allclose(np.array(view.pose)[:3, :3] @ np.array(view.pose)[:3, :3].T, np.eye(3))
