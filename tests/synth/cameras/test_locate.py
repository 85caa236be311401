"""A photograph is located from points whose true camera is known; what cannot be located is refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
from PIL import Image

from corrotwin.synth.cameras.camera_file import read_camera
from corrotwin.synth.cameras.locate import FOCAL_35MM, locate
from corrotwin.twin.core.errors import InputError

WIDTH, HEIGHT, FOCAL = 1600, 1200, 1500.0
PLACES = np.array([
    [0, 0, 0], [0.6, 0, 0], [0.6, 0.4, 0], [0, 0.4, 0], [0, 0, 0.5], [0.6, 0, 0.5], [0.3, 0.2, 0.7], [0.1, 0.4, 0.3],
])  # fmt: skip
TURN, SHIFT = np.array([1.9, 0.3, -0.2]), np.array([-0.3, 0.1, 2.2])


def shown(distortion: tuple[float, ...] = ()) -> np.ndarray[Any, Any]:
    """The pixels of the places in the true camera."""
    matrix = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1]])
    return np.asarray(cv2.projectPoints(PLACES, TURN, SHIFT, matrix, np.array(distortion))[0][:, 0])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "front.jpg"
    Image.new("RGB", (WIDTH, HEIGHT), "grey").save(path)
    return path


def table(folder: Path, pixels: np.ndarray[Any, Any], places: np.ndarray[Any, Any] = PLACES) -> Path:
    path = folder / "points.csv"
    rows = [",".join(f"{value:.6f}" for value in (*pixel, *place)) for pixel, place in zip(pixels, places, strict=True)]
    path.write_text("\n".join(["px,py,x,y,z", *rows]))
    return path


def away(out: Path) -> tuple[float, float]:
    """Return by how many metres and degrees a camera file is away from the truth."""
    camera = read_camera(out)
    rotation, truth = np.array(camera.rotation), cv2.Rodrigues(TURN)[0]
    eye, true_eye = -rotation.T @ np.array(camera.translation_m), -truth.T @ SHIFT
    turned = np.degrees(np.arccos(np.clip((np.trace(rotation.T @ truth) - 1) / 2, -1, 1)))
    return float(np.linalg.norm(eye - true_eye)), float(turned)


@pytest.mark.parametrize("distortion", [(), (-0.2, 0.05, 0.001, -0.001), (-0.2, 0.05, 0.001, -0.001, *[0.0] * 10)])
def test_the_true_camera_is_found(photo: Path, tmp_path: Path, distortion: tuple[float, ...]) -> None:
    points = table(tmp_path, shown(distortion))
    found = locate(photo, points, tmp_path / "front.json", focal_px=FOCAL, distortion=distortion)
    assert found.error_px < 0.01
    assert max(away(tmp_path / "front.json")) < 0.001


def test_points_picked_by_hand_give_it_within_a_centimetre(photo: Path, tmp_path: Path) -> None:
    points = table(tmp_path, shown() + np.random.default_rng(0).normal(scale=1.5, size=(len(PLACES), 2)))
    found = locate(photo, points, tmp_path / "front.json", focal_px=FOCAL)
    metres, degrees = away(tmp_path / "front.json")
    assert 0.5 < found.error_px < 3
    assert metres < 0.02
    assert degrees < 0.5


def test_the_focal_length_is_that_of_the_exif_or_found_from_the_points(photo: Path, tmp_path: Path) -> None:
    points = table(tmp_path, shown())
    found = locate(photo, points, tmp_path / "front.json")
    assert found.focal_from == "estimated from the points"
    assert found.focal_px == pytest.approx(FOCAL, rel=0.01)
    equivalent = FOCAL * 43.267 / np.hypot(WIDTH, HEIGHT)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[FOCAL_35MM] = round(equivalent)
    Image.new("RGB", (WIDTH, HEIGHT), "grey").save(photo, exif=exif)
    found = locate(photo, points, tmp_path / "front.json")
    assert "mm in its Exif data" in found.focal_from
    assert found.focal_px == pytest.approx(FOCAL, rel=0.03)


@pytest.mark.ci
def test_points_of_a_mesh_are_in_the_coordinates_of_its_file(photo: Path, tmp_path: Path, run_module: Any) -> None:
    """In millimetres, about another origin than the twin's."""
    box = trimesh.creation.box((600, 400, 700)).apply_translation([1300, 200, 350])
    box.export(tmp_path / "box.stl")
    words = ("--mesh", tmp_path / "box.stl", "--units", "mm", "--out", tmp_path / "twin", "--texel-mm", 20)
    assert run_module("twin", "new", *words, "--category", "C4", "--bare").returncode == 0
    in_file = PLACES + np.array([1.0, 0.0, 0.0])  # where the middle of the box is at 1.3, 0.2
    points = table(tmp_path, shown(), 1000 * in_file)
    done = run_module("synth", "locate", photo, "--points", points, "--twin", tmp_path / "twin", "--focal-px", FOCAL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "camera at" in done.stdout
    camera = read_camera(tmp_path / "front.json")
    moved = in_file - np.array([1.3, 0.2, 0])  # in the twin's coordinates
    matrix = np.array([[FOCAL, 0, camera.lens.cx], [0, FOCAL, camera.lens.cy], [0, 0, 1]])
    turn, shift = cv2.Rodrigues(np.array(camera.rotation))[0], np.array(camera.translation_m)
    np.testing.assert_allclose(cv2.projectPoints(moved, turn, shift, matrix, np.empty(0))[0][:, 0], shown(), atol=0.1)
    done = run_module("synth", "uvmap", "--twin", tmp_path / "twin", "--camera", tmp_path / "front.json")
    assert done.returncode == 0, done.stderr


WRONG: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "three": (lambda: (shown()[:3], PLACES[:3]), {"focal_px": FOCAL}, "3 points; a pose needs at least 4"),
    "line": (
        lambda: (shown()[:4], np.eye(3)[0] * np.arange(4)[:, None]),
        {"focal_px": FOCAL},
        "on one line",
    ),
    "outside": (
        lambda: (shown() + np.array([2000, 0]), PLACES),
        {"focal_px": FOCAL},
        "line 2: is outside",
    ),
    "mixed up": (lambda: (shown()[::-1], PLACES), {"focal_px": FOCAL}, "points miss their pixels|no camera"),
    "negative": (lambda: (shown(), PLACES), {"focal_px": -5.0}, "`focal_px` -5"),
    "five": (lambda: (shown()[:5], PLACES[:5]), {}, "no focal length is given or in the photo's Exif data"),
    "flat": (lambda: (np.tile(shown()[:4], (2, 1)), np.tile(PLACES[:4], (2, 1))), {}, "in one plane, which leaves"),
    "distortion": (lambda: (shown(), PLACES), {"focal_px": FOCAL, "distortion": (0.1,)}, "OpenCV takes 4, 5"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_what_cannot_be_located_is_refused_and_nothing_written(photo: Path, tmp_path: Path, name: str) -> None:
    points, options, message = WRONG[name]
    with pytest.raises(InputError, match=message) as refused:
        locate(photo, table(tmp_path, *points()), tmp_path / "front.json", **options)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "front.json").exists()


def test_what_is_written_is_plain_json(photo: Path, tmp_path: Path) -> None:
    locate(photo, table(tmp_path, shown()), tmp_path / "front.json", focal_px=FOCAL)
    assert set(json.loads((tmp_path / "front.json").read_text())) == {
        "width", "height", "fx", "fy", "cx", "cy", "distortion", "rotation", "translation_m",
    }  # fmt: skip


@pytest.mark.ci
def test_what_another_program_keeps_beside_the_photograph_is_not_replaced(
    photo: Path, tmp_path: Path, run_module: Any
) -> None:
    """LabelMe keeps the outlines of a photo in a JSON of its name; what `locate` wrote itself is replaced."""
    labels, points = photo.with_suffix(".json"), table(tmp_path, shown())
    words = ("synth", "locate", photo, "--points", points, "--focal-px", FOCAL)
    for content in ('{"version": "5.5", "shapes": []}', "no json"):
        labels.write_text(content)
        done = run_module(*words)
        assert done.returncode == 2
        assert (
            f"{labels.name}: already exists and was not written by this command; give another file as --out"
            in done.stderr
        )
        assert labels.read_text() == content
    assert run_module(*words, "--out", tmp_path / "camera.json").returncode == 0
    assert run_module(*words, "--out", tmp_path / "camera.json").returncode == 0
    pipe = ("--set", "nps=8", "schedule=40", "run_m=1", "--category", "C4", "--bare", "--texel-mm", 20)
    assert run_module("twin", "new", "pipe", *pipe, "--out", tmp_path / "twin").returncode == 0
    words = ("synth", "uvmap", "--twin", tmp_path / "twin", "--camera", tmp_path / "camera.json")
    np.savez(tmp_path / "camera.npz", mine=np.arange(3))
    before = (tmp_path / "camera.npz").read_bytes()
    done = run_module(*words)
    assert (done.returncode, "camera.npz: already exists and is not a map of texels" in done.stderr) == (2, True)
    assert (tmp_path / "camera.npz").read_bytes() == before
    (tmp_path / "camera.npz").unlink()
    assert run_module(*words).returncode == 0
    assert run_module(*words).returncode == 0
