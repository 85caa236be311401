"""Camera files: every way to state a lens and a pose, lists, trajectories, and what is refused."""

import json
from math import radians, tan
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.synth.cameras import distortion
from corrotwin.synth.cameras.camera_file import cameras, read_camera, read_cameras
from corrotwin.synth.cameras.camera_model import Camera, from_pose, looking, pixel_directions, project
from corrotwin.synth.spec import Lens
from corrotwin.twin.core.errors import InputError

LENS = {"width": 640, "height": 480, "fx": 500.0, "fy": 510.0}
UPRIGHT = {"eye_m": [1.0, -2.0, 1.5], "look_at_m": [0.0, 0.1, 0.2]}
BARREL = (-0.25, 0.08, 0.002, -0.001, 0.0)


def one(**entry: object) -> Camera:
    (found,) = cameras("file", [entry])
    return found


def test_a_lens_is_the_same_by_its_focal_lengths_its_matrix_and_its_angle() -> None:
    wide = one(width=640, height=480, field_of_view_deg=60, **UPRIGHT)
    focal = 320 / tan(radians(30))
    assert wide == one(width=640, height=480, fx=focal, fy=focal, **UPRIGHT)
    assert wide == one(width=640, height=480, K=[[focal, 0, 319.5], [0, focal, 239.5], [0, 0, 1]], **UPRIGHT)
    assert (wide.lens.cx, wide.lens.cy) == (319.5, 239.5)


def test_a_size_that_is_not_stated_is_that_of_the_pictures() -> None:
    (found,) = cameras("file", [{"field_of_view_deg": 50, **UPRIGHT}], size=(300, 200))
    assert (found.lens.width, found.lens.height) == (300, 200)


def test_eye_and_target_are_those_of_the_pose_and_the_horizon_is_level() -> None:
    found = one(**LENS, **UPRIGHT)
    assert np.allclose(found.eye_m, UPRIGHT["eye_m"])
    ahead = np.array(found.rotation) @ UPRIGHT["look_at_m"] + found.translation_m
    assert np.allclose(ahead[:2], 0)
    assert ahead[2] > 0
    assert abs(found.rotation[0][2]) < 1e-15  # the camera's right has no height
    assert found.rotation[1][2] < 0  # its down leads down


def test_a_roll_turns_the_camera_clockwise_and_the_picture_the_other_way() -> None:
    """A point above the middle moves to the left where the camera turns clockwise."""
    turned = one(**LENS, **UPRIGHT, roll_deg=30)
    above = np.array([0.0, 0.1, 0.4])
    upright, rolled = (project(each.lens, each.pose, above[None])[0] for each in (one(**LENS, **UPRIGHT), turned))
    assert upright[0] == pytest.approx(319.5)
    assert upright[1] < 239.5
    assert rolled[0] < 310
    # By OpenCV: the same point, turned by 30 degrees about the axis.
    axis, _ = cv2.Rodrigues(np.array([0, 0, -radians(30)]))
    shown, _ = cv2.projectPoints(
        (axis @ (np.array(one(**LENS, **UPRIGHT).rotation) @ above + one(**LENS, **UPRIGHT).translation_m))[None],
        np.zeros(3), np.zeros(3), np.array([[500.0, 0, 319.5], [0, 510, 239.5], [0, 0, 1]]), None,
    )  # fmt: skip
    assert np.allclose(rolled, shown[0, 0])


def test_a_file_holds_one_camera_or_many_and_one_is_read_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({**LENS, **UPRIGHT, "name": "front"}))
    front = read_camera(path)
    assert front.name == "front"
    path.write_text(json.dumps([{**LENS, **UPRIGHT, "name": "front"}, {**LENS, **UPRIGHT, "name": "back"}]))
    assert [camera.name for camera in read_cameras(path)] == ["front", "back"]
    assert read_camera(path, name="front") == front
    path.write_text(
        json.dumps([{"field_of_view_deg": 40, **UPRIGHT, "name": "of any size"}, {**LENS, **UPRIGHT, "name": "front"}])
    )
    assert read_camera(path, name="front") == front
    path.write_text(json.dumps([{**LENS, **UPRIGHT, "name": "front"}, {**LENS, **UPRIGHT, "name": "back"}]))
    with pytest.raises(InputError, match=r"cameras\.json: has 2 cameras; choose one with `name`"):
        read_camera(path)
    with pytest.raises(InputError, match=r"cameras\.json: has no camera 'top'"):
        read_camera(path, name="top")


def test_a_trajectory_passes_its_points_and_looks_where_it_is_told() -> None:
    eyes = [[2.0, -2.0, 1.0], [0.0, -3.0, 1.2], [-2.0, -2.0, 1.4], [-3.0, 0.0, 1.6], [-2.0, 2.0, 1.8]]
    path = {"frames": 81, "eye_m": eyes, "look_at_m": [0, 0, 0.3]}
    found = cameras("file", [{**LENS, "name": "flight", "trajectory": path}])
    assert [camera.name for camera in (found[0], found[-1])] == ["flight-0000", "flight-0080"]
    places = np.array([camera.eye_m for camera in found])
    assert np.allclose(places[[0, -1]], np.array(eyes)[[0, -1]])
    for eye in eyes:
        assert np.linalg.norm(places - eye, axis=1).min() < 0.08
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 1.01 * steps.min()
    for camera in found:
        assert np.allclose(project(camera.lens, camera.pose, np.array([[0, 0, 0.3]])), [319.5, 239.5])
    straight = cameras("file", [{**LENS, "trajectory": {**path, "frames": 3, "eye_m": eyes[:2], "roll_deg": [0, 90]}}])
    assert np.allclose(straight[1].eye_m, np.mean(eyes[:2], axis=0))
    assert [camera.name for camera in straight] == [""] * 3
    turned, each = (
        cameras("file", [{**LENS, "trajectory": {**path, "roll_deg": roll}}]) for roll in (20, [20.0] * len(eyes))
    )
    assert np.allclose([camera.pose for camera in turned], [camera.pose for camera in each])
    assert np.allclose(turned[0].pose, one(**LENS, eye_m=eyes[0], look_at_m=[0, 0, 0.3], roll_deg=20).pose)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**LENS}, "give one pose"),
        ({**LENS, **UPRIGHT, "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}, "give one pose"),
        ({**UPRIGHT, "fx": 3, "fy": 3}, "give width and height"),
        ({**LENS, **UPRIGHT, "fx": -500}, "focal lengths -500, 510 px: give some above 0"),
        ({**LENS, **UPRIGHT, "width": 0}, "a picture of 0 x 480 pixels"),
        ({**LENS, **UPRIGHT, "width": 10**18}, "give a whole number of at most 1e+09"),
        ({**LENS, **UPRIGHT, "width": True}, "width True: give a whole number"),
        ({**LENS, **UPRIGHT, "field_of_view_deg": 40}, "give one of fx and fy"),
        ({"width": 64, "height": 48, "fx": 50, **UPRIGHT}, "missing: fy"),
        ({"width": 64, "height": 48, "K": [[50, 1, 32], [0, 50, 24], [0, 0, 1]], **UPRIGHT}, "K [[50, 1, 32]"),
        ({"width": 64, "height": 48, "K": [50, 50], **UPRIGHT}, "K [50, 50]: give 3 x 3 finite numbers"),
        ({**LENS, **UPRIGHT, "distortion": [0.1]}, "distortion has 1 numbers"),
        ({**LENS, "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}, "missing: translation_m"),
        (
            {**LENS, "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 2]], "translation_m": [0, 0, 1]},
            "rotation: its rows must be at right angles",
        ),
        ({**LENS, "trajectory": 3}, "trajectory: give an object with frames, eye_m and look_at_m"),
        ({**LENS, "trajectory": {"frames": 1, "eye_m": [[0, 0, 1], [0, 0, 2]], "look_at_m": [0, 0, 0]}}, "frames 1:"),
        (
            {**LENS, "trajectory": {"frames": 9, "eye_m": [[0, 0, 1]], "look_at_m": [0, 0, 0]}},
            "give two or more points",
        ),
        (
            {**LENS, "trajectory": {"frames": 9, "eye_m": [[0, 0, 1], [0, 0, 1]], "look_at_m": [0, 0, 0]}},
            "no two consecutive ones the same",
        ),
        (
            {**LENS, "trajectory": {"frames": 9, "eye_m": [[0, 0, 1], [0, 0, 2]], "look_at_m": [[0, 0, 0]]}},
            "eye_m has 2 entries, look_at_m 1, roll_deg 2; give equal numbers",
        ),
        (
            {**LENS, "trajectory": {"frames": 9, "eye_m": [[0, 0, 1], [0, 0, -1]], "look_at_m": [0, 0, 0]}},
            "the camera passes through the point it looks at",
        ),
        (
            {**LENS, "trajectory": {"frames": 9, "eye_m": [[0, -2, 2], [0, 0, 3], [0, 2, 2]], "look_at_m": [0, 0, 0]}},
            "passes over the point it looks at",
        ),
        ({**LENS, **UPRIGHT, "fx": "60"}, "fx '60': give numbers"),
        ({**LENS, **UPRIGHT, "eye_m": [1, 2, True, 3]}, "eye_m [1, 2, True, 3]: give 3 finite"),
        ({**LENS, **UPRIGHT, "fx": 10**5000}, "fx a number of thousands of digits: give one of finite numbers"),
        ({**LENS, **UPRIGHT, "width": 10**5000}, "width a number of thousands of digits: give a whole number"),
        ({**LENS, **UPRIGHT, "name": "a/b"}, "name 'a/b': give a name that a file can have"),
        ({**LENS, "photo": "a.jpg"}, "names a photo, but neither points nor markers"),
    ],
)
def test_a_wrong_entry_is_named_in_one_line(entry: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as refused:
        cameras("file", [{**LENS, **UPRIGHT}, entry])
    assert str(refused.value).startswith("file: camera 1 (counted from 0): ")
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.ci
@given(
    st.tuples(st.floats(-0.3, 0.3), st.floats(-0.05, 0.05), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)),
    st.integers(40, 200), st.integers(40, 200),
)  # fmt: skip
def test_the_larger_picture_shows_all_of_the_distorted_one(
    coefficients: tuple[float, ...], width: int, height: int
) -> None:
    lens = Lens.wide(width, height, radians(60))
    try:
        larger, finer = distortion.frame(lens, coefficients)
    except InputError:  # the lens folds its picture
        return
    at = distortion.places(lens, coefficients, larger)
    assert ((at >= 0) & (at <= [larger.width - 1, larger.height - 1])).all()
    assert finer == distortion.FINEST
    # By the pinhole lens and by the distorted one, a place in space is at the same pixel.
    row, column = height // 3, width // 5
    camera = from_pose(looking(np.array([2.0, -1.0, 1.0]), np.zeros(3)), lens, distortion=coefficients)
    ways, _ = pixel_directions(camera, np.array([[column, row]], float))
    place = camera.eye_m + 3 * ways @ np.array(camera.rotation)
    assert np.allclose(project(larger, camera.pose, place)[0], at[row, column], atol=0.02)
    assert np.allclose(project(lens, camera.pose, place, coefficients)[0], [column, row], atol=0.02)


def test_labels_are_those_of_the_nearest_of_the_finer_pixels() -> None:
    """A label that states its own place comes back within an eighth of a pixel of where the lens looks."""
    lens = Lens.wide(90, 60, radians(70))
    larger, finer = distortion.frame(lens, BARREL)
    at = distortion.places(lens, BARREL, larger)
    rows, columns = np.indices((larger.height * finer, larger.width * finer))
    own = np.stack([(columns + 0.5) / finer - 0.5, (rows + 0.5) / finer - 0.5], axis=-1).astype(np.float32)
    assert np.abs(distortion.nearest(own, at, finer) - at).max() <= 0.125 + 1e-4
    rows, columns = np.indices((larger.height, larger.width))
    light = np.stack([columns, rows, rows], axis=-1).astype(np.float32)
    assert np.abs(distortion.warped(light, at)[..., :2] - at).max() < 0.02  # of a ramp, linear is exact


def test_a_lens_that_would_need_too_large_a_picture_is_refused() -> None:
    for lens, coefficients, message in (
        (Lens.wide(900, 900, radians(120)), (-0.3, 0.1, 0, 0, -0.01), "fold the picture"),
        (Lens.wide(4200, 4200, radians(40)), (-0.1, 0, 0, 0), "and 16,000,000 in all are possible"),
    ):
        with pytest.raises(InputError, match=message):
            distortion.frame(lens, coefficients)


@pytest.mark.ci
def test_lenses_that_fold_outside_their_picture_alone_are_taken() -> None:
    """Radial ones, of 100 degrees, where OpenCV's iteration gives up: against the polynomial itself."""
    focal = 320 / tan(radians(50))
    lens = Lens(width=640, height=480, fx=focal, fy=focal, cx=319.5, cy=239.5)
    corner = np.hypot(320, 240) / focal
    radii = np.linspace(0, 5, 5000)
    taken = {}
    for k1 in (-0.35, -0.3, -0.25, 0.2):
        for k2 in (-0.05, 0.0, 0.05, 0.1, 0.15):
            rises = 1 + 3 * k1 * radii**2 + 5 * k2 * radii**4 > 0
            shown = (radii * (1 + k1 * radii**2 + k2 * radii**4))[: len(radii) if rises.all() else rises.argmin()].max()
            if abs(shown / corner - 1) > 0.02:
                try:
                    distortion.frame(lens, (k1, k2, 0, 0))
                    taken[k1, k2] = (True, shown > corner)
                except InputError as error:
                    taken[k1, k2] = ("fold" not in str(error), shown > corner)
    assert len(taken) > 15
    assert all(found == wanted for found, wanted in taken.values()), taken
    assert {wanted for _, wanted in taken.values()} == {True, False}
    directions, exists = pixel_directions(from_pose(np.eye(4), lens, distortion=(-0.3, 0.1, 0, 0)), np.zeros((1, 2)))
    shown, _ = cv2.projectPoints(
        directions, np.zeros(3), np.zeros(3), np.array([[focal, 0, 319.5], [0, focal, 239.5], [0, 0, 1]]),
        np.array([-0.3, 0.1, 0, 0]),
    )  # fmt: skip
    assert exists.all()
    assert np.abs(shown).max() < 0.01


def test_a_step_in_depth_is_not_smeared_and_a_slope_is_interpolated() -> None:
    """A flange 15 mm before a plate, at 1.5 m; and a plane whose inverse depth is linear in the picture."""
    lens = Lens.wide(90, 60, radians(60))
    larger, finer = distortion.frame(lens, BARREL)
    at = distortion.places(lens, BARREL, larger)
    rows, columns = np.indices((larger.height * finer, larger.width * finer)).astype(np.float32)
    step = np.where(columns < columns.max() / 2.3, np.float32(1.5), np.float32(1.515))
    found = distortion.depth(step, at, finer)
    assert np.minimum(np.abs(found - 1.5), np.abs(found - 1.515)).max() < 1e-6
    slope = 1 / (0.5 + 0.0004 * columns + 0.0007 * rows)
    across, down = np.moveaxis((at + 0.5) * finer - 0.5, -1, 0)
    assert np.abs(distortion.depth(slope, at, finer) - 1 / (0.5 + 0.0004 * across + 0.0007 * down)).max() < 1e-4


def test_a_rotation_of_rounded_numbers_is_the_nearest_one() -> None:
    exact = np.array(one(**LENS, **UPRIGHT).rotation)
    found = np.array(one(**LENS, rotation=exact.round(3).tolist(), translation_m=[0, 0, 2]).rotation)
    assert np.allclose(found @ found.T, np.eye(3), atol=1e-12)
    assert np.abs(found - exact).max() < 0.001


def test_coefficients_of_zero_are_none() -> None:
    assert one(**LENS, **UPRIGHT, distortion=[0, 0, 0, 0]).distortion == ()
