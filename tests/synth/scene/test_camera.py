from dataclasses import replace
from math import pi, radians
from pathlib import Path

import numpy as np
import trimesh

from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.scene import camera, visibility
from corrotwin.synth.scene.surroundings import as_matrix
from corrotwin.synth.spec import Prop, View

PRESET = PRESETS["balanced"]


def plate(*, cover: float) -> visibility.Target:
    """A square metre facing -y, all of it rusted to `cover`, with its atlas upright."""
    vertices = np.array([[-0.5, 0, 0.2], [0.5, 0, 0.2], [0.5, 0, 1.2], [-0.5, 0, 1.2]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)[faces]
    return visibility.Target(
        vertices=vertices,
        faces=faces,
        uv=uv,
        cover=np.full((4, 4), cover, np.float32),
        outside=np.ones(2, bool),
    )


def space(*targets: visibility.Target, others: tuple[trimesh.Trimesh, ...] = ()) -> visibility.ViewingSpace:
    return visibility.ViewingSpace(
        targets=targets,
        solid=visibility.combined_mesh(targets, others),
        around=(-150, -30),
        height=(-8, 65),
        floor_m=0.05,
    )


def head_on(distance: float) -> np.ndarray:
    """A camera at (0, -distance, 0.7) that looks along +y."""
    pose = trimesh.transformations.rotation_matrix(pi / 2, [1, 0, 0])
    pose[:3, 3] = [0, -distance, 0.7]
    return pose


def see(target: visibility.Target, distance: float, *others: trimesh.Trimesh) -> visibility.Sight:
    return visibility.look(space(target, others=others), head_on(distance), radians(90))


def test_share_of_the_picture_is_the_share_of_the_plate() -> None:
    sight = see(plate(cover=1), 1.0)  # 90 degrees at 1 m: the picture is 2 m across
    assert sight.asset == sight.rust == 0.25
    assert sight.nearest == np.hypot(1, np.hypot(1 / 36, 1 / 36))


def test_clean_plate_shows_no_rust() -> None:
    assert see(plate(cover=0.2), 1.0).rust == 0


def test_obstacle_hides_the_plate(tmp_path: Path) -> None:
    pose = np.diag([3.0, 0.1, 3.0, 1.0])
    pose[1, 3] = -0.5
    block = Prop(shape="box", pose=as_matrix(pose), material="concrete", color=(0.3, 0.3, 0.3), seed=0)
    sight = see(plate(cover=1), 1.0, visibility.prop_mesh(block, tmp_path))
    assert sight.asset == 0
    assert sight.nearest < 0.5


def test_chosen_views_show_the_rust_and_keep_their_distance() -> None:
    what = space(plate(cover=1))
    for view in camera.sample_views(what, PRESET, range(6), np.random.default_rng(0), clean=False):
        sight = visibility.look(what, np.array(view.pose), view.field_of_view)
        assert sight.rust >= 0.03
        assert sight.asset >= 0.12
        assert sight.nearest >= 0.06
        assert np.allclose(np.array(view.pose)[:3, :3] @ np.array(view.pose)[:3, :3].T, np.eye(3))


def moved(target: visibility.Target, by: tuple[float, float, float]) -> visibility.Target:
    return replace(target, vertices=target.vertices + by)


def test_rust_of_every_target_is_seen_and_the_first_alone_is_counted_apart() -> None:
    one, other = plate(cover=0), moved(plate(cover=1), (-1, 0, 0))
    sight = visibility.look(space(one, other), head_on(1.0), radians(90))
    assert sight.first == 0.25
    assert sight.asset == sight.first + sight.rust
    assert sight.rust == 0.125  # half of it is in the picture


def test_visible_share_counts_what_faces_the_camera_and_is_neither_hidden_nor_cut_off() -> None:
    view = View(index=0, pose=as_matrix(head_on(1.0)), field_of_view=radians(90))
    half = plate(cover=0)
    behind = moved(plate(cover=0), (0, 0.5, 0))
    turned = replace(behind, faces=behind.faces[:, ::-1])
    shares = visibility.visible_shares(space(half, moved(half, (-1, 0, 0)), behind, turned), view)
    assert shares[0] == 1
    assert abs(shares[1] - 0.5) < 0.05
    assert shares[2] == 0
    assert shares[3] == 0


def test_camera_focuses_on_what_is_in_the_middle() -> None:
    preset = replace(PRESET, focus_share=1.0)
    what = space(plate(cover=1))
    for view in camera.sample_views(what, preset, range(3), np.random.default_rng(1), clean=False):
        eye = np.array(view.pose)[:3, 3]
        assert view.focus_m == 0 or 0.05 < view.focus_m < np.linalg.norm(eye - [0, 0, 0.7]) + 1
        assert view.focus_m == 0 or preset.f_number[0] <= view.f_number <= preset.f_number[1]
    assert any(
        view.focus_m for view in camera.sample_views(what, preset, range(3), np.random.default_rng(1), clean=False)
    )
