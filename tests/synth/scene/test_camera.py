from dataclasses import replace

import numpy as np
from targets import plate, space

from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.scene import camera, visibility

PRESET = PRESETS["balanced"]
SIDES = (320, 240)  # pixels


def test_chosen_views_show_the_rust_and_keep_their_distance() -> None:
    what = space(plate(cover=1))
    for view in camera.sample_views(what, PRESET, range(6), np.random.default_rng(0), clean=False, sides=SIDES):
        sight = visibility.look(what, np.array(view.pose), view.lens)
        assert sight.rust >= 0.03
        assert sight.asset >= 0.12
        assert sight.nearest >= 0.06
        assert np.allclose(np.array(view.pose)[:3, :3] @ np.array(view.pose)[:3, :3].T, np.eye(3))


def test_camera_focuses_on_what_is_in_the_middle() -> None:
    preset = replace(PRESET, focus_share=1.0)
    what = space(plate(cover=1))
    for view in camera.sample_views(what, preset, range(3), np.random.default_rng(1), clean=False, sides=SIDES):
        eye = np.array(view.pose)[:3, 3]
        assert view.focus_m == 0 or 0.05 < view.focus_m < np.linalg.norm(eye - [0, 0, 0.7]) + 1
        assert view.focus_m == 0 or preset.f_number[0] <= view.f_number <= preset.f_number[1]
    assert any(
        view.focus_m
        for view in camera.sample_views(what, preset, range(3), np.random.default_rng(1), clean=False, sides=SIDES)
    )
