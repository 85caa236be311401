from dataclasses import replace
from math import radians
from pathlib import Path

import numpy as np
import trimesh
from targets import head_on, plate, space

from corrotwin.synth.scene import visibility
from corrotwin.synth.scene.surroundings import as_matrix
from corrotwin.synth.spec import Lens, Prop, View

RIGHT_ANGLE = Lens.wide(100, 100, radians(90))


def see(target: visibility.Target, distance: float, *others: trimesh.Trimesh) -> visibility.Sight:
    return visibility.look(space(target, others=others), head_on(distance), RIGHT_ANGLE)


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


def moved(target: visibility.Target, by: tuple[float, float, float]) -> visibility.Target:
    return replace(target, vertices=target.vertices + by)


def test_rust_of_every_target_is_seen_and_the_first_alone_is_counted_apart() -> None:
    one, other = plate(cover=0), moved(plate(cover=1), (-1, 0, 0))
    sight = visibility.look(space(one, other), head_on(1.0), RIGHT_ANGLE)
    assert sight.first == 0.25
    assert sight.asset == sight.first + sight.rust
    assert sight.rust == 0.125  # half of it is in the picture


def test_visible_share_counts_what_faces_the_camera_and_is_neither_hidden_nor_cut_off() -> None:
    view = View(index=0, pose=as_matrix(head_on(1.0)), lens=RIGHT_ANGLE)
    half = plate(cover=0)
    behind = moved(plate(cover=0), (0, 0.5, 0))
    turned = replace(behind, faces=behind.faces[:, ::-1])
    shares = visibility.visible_shares(space(half, moved(half, (-1, 0, 0)), behind, turned), view)
    assert shares[0] == 1
    assert abs(shares[1] - 0.5) < 0.05
    assert shares[2] == 0
    assert shares[3] == 0


def test_rays_pass_where_metal_is_gone() -> None:
    left = np.zeros((4, 4), dtype=bool)
    left[:, :2] = True
    holed, behind = replace(plate(cover=1), gone=left), moved(plate(cover=0), (0, 0.5, 0))
    both = space(holed, behind)
    sight = visibility.look(both, head_on(1.0), RIGHT_ANGLE)
    assert sight.first == sight.rust == 0.125
    assert sight.asset > sight.first + 0.04  # a quarter of the picture over 1.5 squared, half of it seen
    view = View(index=0, pose=as_matrix(head_on(1.0)), lens=RIGHT_ANGLE)
    shares = visibility.visible_shares(both, view)
    assert shares[0] == 1  # of what is there
    assert abs(shares[1] - 0.5) < 0.05
    everywhere = replace(holed, gone=np.ones((4, 4), dtype=bool))
    skins = tuple(moved(everywhere, (0, number / 1000, 0)) for number in range(20))
    assert visibility.look(space(*skins, behind), head_on(1.0), RIGHT_ANGLE).asset == see(behind, 1.0).asset
    assert visibility.look(space(*skins), head_on(1.0), RIGHT_ANGLE).nearest == np.inf
    # A lamp stands where it stood when the steel was whole.
    lamp = np.array([0.1, -1.0, 0.7])
    assert visibility.lit_share(both, lamp) == visibility.lit_share(space(plate(cover=1), behind), lamp) > 0.9
