"""Which texel each pixel sees, against OpenCV's projection and against Blender's own map."""

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from corrotwin.synth.cameras.camera_file import read_camera
from corrotwin.synth.cameras.camera_model import Camera, pixel_directions
from corrotwin.synth.cameras.texel_map import pixel_map, texel_map, write
from corrotwin.synth.spec import Lens
from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

PLATE = {
    "length_m": 0.6, "width_m": 0.4, "thickness_mm": 10.0, "opening_mm": 120.0, "stiffeners": 1,
    "stiffener": "flat", "stiffener_height_mm": 80.0, "fasteners": "none", "butt_weld": False, "edge": "rolled",
    "upright": True,
}  # fmt: skip
LENS = {"width": 160, "height": 120, "fx": 170.0, "fy": 165.0, "cx": 81.0, "cy": 58.0}


def plate() -> TwinState:
    drawn = twin_state.sample_twin("plate", np.random.default_rng(1), texel_mm=5.0)
    return replace(
        drawn, parameters={**drawn.parameters, **PLATE}, exposure=at("C4"), coating=Paint(life_years=4.0),
        clock=later(EPOCH, 12),
    )  # fmt: skip


@pytest.fixture(scope="module")
def surface() -> tuple[AssetGeometry, Texels]:
    built = twin_state.asset(plate())
    return built, assets.texels(built)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uvmap") / "plate"
    store.save(plate(), folder)
    return folder


def looking(eye: tuple[float, ...], at_m: tuple[float, ...]) -> dict[str, Any]:
    """Rotation and translation of a camera that looks from one point to another, z of the world up."""
    forward = np.array(at_m) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return {"rotation": rotation.tolist(), "translation_m": (-rotation @ np.array(eye)).tolist()}


POSE = looking((0.3, -1.0, 0.5), (0.0, 0.0, 0.2))


def camera(pose: Mapping[str, Any] = POSE, **changes: object) -> Camera:
    turned = {"rotation": tuple(map(tuple, pose["rotation"])), "translation_m": tuple(pose["translation_m"])}
    lens = Lens(**{name: changes.pop(name, value) for name, value in LENS.items()})
    return Camera(lens=lens, **turned, **changes)


def projected(places: np.ndarray, pose: Mapping[str, Any] = POSE, distortion: tuple[float, ...] = ()) -> np.ndarray:
    """Pixels of places by OpenCV, (n, 2)."""
    matrix = np.array([[LENS["fx"], 0, LENS["cx"]], [0, LENS["fy"], LENS["cy"]], [0, 0, 1]])
    turn = cv2.Rodrigues(np.array(pose["rotation"]))[0]
    shift = np.array(pose["translation_m"])
    return cv2.projectPoints(places, turn, shift, matrix, np.array(distortion))[0][:, 0]


@pytest.mark.parametrize("distortion", [(), (-0.2, 0.05, 0.002, -0.001, 0.0)])
def test_texels_lie_where_opencv_projects_them(
    surface: tuple[AssetGeometry, Texels], distortion: tuple[float, ...]
) -> None:
    """Each texel that a pixel sees is projected to within its own size of that pixel."""
    asset, texels = surface
    found = texel_map(camera(distortion=distortion), asset)
    row, column = np.nonzero(found >= 0)
    assert 0.1 < len(row) / found.size < 0.9
    places = texels.position_m.reshape(-1, 3)[found[row, column]].astype(float)
    away = np.linalg.norm(projected(places, distortion=distortion) - np.column_stack([column, row]), axis=1)
    # Half the diagonal of a texel of 5 mm, at 0.8 m and more by a focal length of 170 pixels, is 0.75 pixels.
    assert np.quantile(away, 0.99) < 0.9
    assert away.max() < 1.6  # islands stretch round the opening


def test_what_is_behind_is_not_seen(surface: tuple[AssetGeometry, Texels]) -> None:
    """No texel that is projected onto a pixel lies nearer to the camera than the one the pixel sees."""
    asset, texels = surface
    found = texel_map(camera(), asset)
    air = texels.area_mm2.reshape(-1) > 0
    places = texels.position_m.reshape(-1, 3).astype(float)
    depth = places @ np.array(POSE["rotation"])[2] + POSE["translation_m"][2]
    column, row = np.round(projected(places[air])).astype(int).T
    framed = (column >= 0) & (column < LENS["width"]) & (row >= 0) & (row < LENS["height"])
    texel = found[row[framed], column[framed]]
    nearer = (texel >= 0) & (depth[air][framed] < depth[np.maximum(texel, 0)] - 0.02)
    assert nearer.mean() < 0.01  # outlines, within a pixel
    hidden = (texel >= 0) & (depth[air][framed] > depth[np.maximum(texel, 0)] + 0.02)
    assert hidden.mean() > 0.02  # what the rib hides of the plate is among them


def test_a_camera_that_looks_away_sees_nothing(surface: tuple[AssetGeometry, Texels]) -> None:
    assert (texel_map(camera(looking((0.3, -1.0, 0.5), (0.3, -3.0, 0.5))), surface[0]) == -1).all()


def test_directions_lead_back_to_their_pixels_through_a_strong_wide_lens() -> None:
    lens = {"width": 4000, "height": 3000, "fx": 1800.0, "fy": 1800.0, "cx": 2000.0, "cy": 1500.0}
    wide = camera(distortion=(-0.2, 0.05, 0.0, 0.0, -0.005), **lens)
    pixels = np.stack(np.meshgrid(np.arange(0, 4000, 40), np.arange(0, 3000, 40)), -1).reshape(-1, 2)
    ways, led = pixel_directions(wide, pixels)
    assert led.all()
    matrix = np.array([[1800.0, 0, 2000], [0, 1800, 1500], [0, 0, 1]])
    shown = cv2.projectPoints(ways, np.zeros(3), np.zeros(3), matrix, np.array(wide.distortion))[0][:, 0]
    assert np.abs(shown - pixels).max() < 0.01


@pytest.mark.ci
def test_pixels_to_which_the_lens_leads_nothing_see_nothing(
    surface: tuple[AssetGeometry, Texels], folder: Path, tmp_path: Path
) -> None:
    """By k1 alone nothing is seen beyond 2 / 3 / sqrt(-3 k1) of the focal length, where the lens folds the picture."""
    row, column = np.indices((LENS["height"], LENS["width"]))
    radius = np.hypot((column - LENS["cx"]) / LENS["fx"], (row - LENS["cy"]) / LENS["fy"])
    near = looking((0.0, -0.3, 0.2), (0.0, 0.0, 0.2))
    found = texel_map(camera(near, distortion=(-0.5, 0.0, 0.0, 0.0)), surface[0])
    assert (found[radius > 0.55] == -1).all()
    assert (texel_map(camera(near), surface[0])[radius > 0.55] >= 0).mean() > 0.5
    given = written(tmp_path / "c.json", **near, distortion=[-2.0, 0, 0, 0])
    with pytest.raises(InputError, match=r"c\.json: distortion: .* 6\d% of the picture shows nothing"):
        write(folder, given, tmp_path / "uv.npz")
    assert not (tmp_path / "uv.npz").exists()


def written(path: Path, **content: object) -> Path:
    path.write_text(json.dumps({**LENS, **content}))
    return path


PLACES = np.array([[-0.3, 0, 0.4], [0.3, 0, 0.4], [0.28, 0, 0.02], [-0.25, 0, 0.05], [0.0, -0.08, 0.3], [0.1, 0, 0.2]])


def picked(places: np.ndarray, noise: float = 0.0, **other: object) -> list[dict[str, object]]:
    pixels = projected(places, **other) + noise * np.random.default_rng(3).standard_normal((len(places), 2))
    return [{"pixel": pixel, "place_m": place} for pixel, place in zip(pixels.tolist(), places.tolist(), strict=True)]


@pytest.mark.parametrize("count", [4, 5, 6])
def test_points_give_the_pose_back(tmp_path: Path, count: int) -> None:
    """Four in a plane, or more that leave it."""
    found = read_camera(written(tmp_path / "c.json", points=picked(PLACES[:count])))
    np.testing.assert_allclose(found.rotation, POSE["rotation"], atol=1e-4)
    np.testing.assert_allclose(found.translation_m, POSE["translation_m"], atol=1e-4)
    assert found.error_px is not None
    assert found.error_px < 1e-2


def test_lens_distortion_is_taken_out(tmp_path: Path) -> None:
    lens = (-0.2, 0.05, 0.002, -0.001, 0.0)
    path = written(tmp_path / "c.json", points=picked(PLACES, distortion=lens), distortion=lens)
    np.testing.assert_allclose(read_camera(path).translation_m, POSE["translation_m"], atol=1e-4)


def test_reprojection_error_is_that_of_the_picks(tmp_path: Path) -> None:
    found = read_camera(written(tmp_path / "c.json", points=picked(PLACES, noise=0.3)))
    assert found.error_px is not None
    assert 0.05 < found.error_px < 0.6  # of sqrt(2) 0.3, less what six degrees of freedom take up
    with pytest.raises(InputError, match=r"miss their pixels by .* px .*at most 0\.8"):
        read_camera(written(tmp_path / "c.json", points=picked(PLACES, noise=6.0)))
    swapped = picked(PLACES)
    swapped[0]["pixel"], swapped[1]["pixel"] = swapped[1]["pixel"], swapped[0]["pixel"]
    with pytest.raises(InputError, match=r"miss their pixels|no camera"):
        read_camera(written(tmp_path / "c.json", points=swapped))


def test_a_small_flat_group_of_points_far_away_is_ambiguous(tmp_path: Path) -> None:
    square = np.array([[-0.02, 0, 0.18], [0.02, 0, 0.18], [0.02, 0, 0.22], [-0.02, 0, 0.22]])
    points = picked(square)
    for point in points:
        point["pixel"] = np.round(point["pixel"]).tolist()
    with pytest.raises(InputError, match="two cameras fit"):
        read_camera(written(tmp_path / "c.json", points=points))


def photograph_of_markers(tmp_path: Path) -> dict[str, object]:
    """A picture of two markers by a larger camera, and what the camera's file says of them."""
    lens = {"width": 640, "height": 480, "fx": 680.0, "fy": 660.0, "cx": 324.0, "cy": 232.0}
    matrix = np.array([[lens["fx"], 0, lens["cx"]], [0, lens["fy"], lens["cy"]], [0, 0, 1]])
    picture = np.full((480, 640), 200, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    markers = []
    for number, (centre, right, up) in enumerate(
        [((-0.15, 0, 0.25), (1, 0, 0), (0, 0, 1)), ((0.2, -0.1, 0.0), (0, 1, 0), (-1, 0, 0))]
    ):
        tile = cv2.copyMakeBorder(
            cv2.aruco.generateImageMarker(dictionary, number, 120), 30, 30, 30, 30, cv2.BORDER_CONSTANT, value=255
        )
        half, aside, above = 0.06 * 180 / 120, np.array(right, float), np.array(up, float)
        corners = np.array(centre) + half * np.array([above - aside, above + aside, aside - above, -aside - above])
        turn = cv2.Rodrigues(np.array(POSE["rotation"]))[0]
        there = cv2.projectPoints(corners, turn, np.array(POSE["translation_m"]), matrix, None)[0][:, 0]
        whole = np.array([[0, 0], [180, 0], [180, 180], [0, 180]]) - 0.5
        warp = cv2.getPerspectiveTransform(whole.astype(np.float32), there.astype(np.float32))
        shown = cv2.warpPerspective(tile, warp, (640, 480), flags=cv2.INTER_AREA, borderValue=0)
        inside = cv2.warpPerspective(np.full_like(tile, 255), warp, (640, 480))
        picture = np.where(inside > 127, shown, picture)
        markers.append(
            {"dictionary": "DICT_4X4_50", "id": number, "size_m": 0.12, "centre_m": centre, "right": right, "up": up}
        )
    cv2.imwrite(str(tmp_path / "photo.png"), picture)
    return {**lens, "photo": "photo.png", "markers": markers}


def test_markers_give_the_pose_back(tmp_path: Path) -> None:
    found = read_camera(written(tmp_path / "c.json", **photograph_of_markers(tmp_path)))
    np.testing.assert_allclose(found.rotation, POSE["rotation"], atol=0.02)
    np.testing.assert_allclose(found.translation_m, POSE["translation_m"], atol=0.02)
    assert found.error_px is not None
    assert found.error_px < 1.5


# How a camera that was held so stores what is upright (EXIF 2.32, tag 274): the inverse of what a viewer does.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip


@pytest.mark.parametrize("orientation", STORED)
def test_markers_are_seen_upright_as_masks_are(tmp_path: Path, orientation: int) -> None:
    """`predict` marks photographs upright; a map of texels must lie as its masks do."""
    given = photograph_of_markers(tmp_path)
    expected = read_camera(written(tmp_path / "c.json", **given))
    upright = Image.open(tmp_path / "photo.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    upright.transpose(STORED[orientation]).save(tmp_path / "turned.png", exif=exif)
    found = read_camera(written(tmp_path / "d.json", **{**given, "photo": "turned.png"}))
    assert (found.rotation, found.translation_m) == (expected.rotation, expected.translation_m)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fx": 0}, "focal lengths 0"),
        ({"width": 1.5}, "width 1.5: give a whole number"),
        ({"width": -3}, "picture of -3"),
        ({"colour": "red"}, "unknown fields: colour"),
        ({"cx": None}, "cx"),
        ({"distortion": [0.1]}, "distortion has 1"),
        ({}, "give one pose"),
        ({"rotation": POSE["rotation"]}, "missing: translation_m"),
        ({**POSE, "points": picked(PLACES)}, "give one pose"),
        ({**POSE, "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 2]]}, "rotation: its rows must be at right angles"),
        ({**POSE, "translation_m": [0, float("nan"), 0]}, "translation_m"),
        ({"points": picked(PLACES[:3])}, "3 points; a pose needs at least 4"),
        ({"points": [{"pixel": [1, 2]}]}, "entry 0 .*give pixel and place_m"),
        ({"points": [{"pixel": [1], "place_m": [1, 2, 3]}]}, "entry 0"),
        ({"points": picked(np.linspace([-0.3, 0, 0], [0.3, 0, 0.4], 5))}, "on one line"),
        ({"points": [{"pixel": [500, 2], "place_m": [0, 0, 1]}] * 4}, "outside the picture of 160 x 120"),
        ({"markers": []}, "name the photograph"),
        ({"markers": [{"id": 1}], "photo": "none.png"}, "list of objects with"),
    ],
)
def test_bad_cameras_are_one_line_and_write_nothing(
    change: dict[str, object], message: str, folder: Path, tmp_path: Path
) -> None:
    path = written(tmp_path / "c.json", **change)
    with pytest.raises(InputError, match=message):
        write(folder, path, tmp_path / "uv.npz")
    assert [one.name for one in tmp_path.iterdir()] == ["c.json"]


def test_markers_that_are_not_there_are_named(tmp_path: Path) -> None:
    given = photograph_of_markers(tmp_path)
    marker = given["markers"][0]
    for change, message in (
        ({"markers": [{**marker, "id": 7}]}, "marker 7 of DICT_4X4_50 0 times"),
        ({"markers": [{**marker, "dictionary": "DICT_9X9"}]}, "no dictionary 'DICT_9X9'"),
        ({"markers": [{**marker, "up": [1, 0, 0]}]}, "right angles"),
        ({"photo": "other.png"}, "other.png: cannot be decoded .No such file or directory."),
        ({"width": 600}, "640 x 480 pixels, but the camera has 600 x 480"),
    ):
        with pytest.raises(InputError, match=message):
            read_camera(written(tmp_path / "c.json", **{**given, **change}))


def test_what_is_no_camera_at_all_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("[]")
    with pytest.raises(InputError, match="lists no camera"):
        read_camera(tmp_path / "c.json")
    away = written(tmp_path / "c.json", **looking((0.3, -1.0, 0.5), (0.3, -3.0, 0.5)))
    with pytest.raises(InputError, match="sees nothing of the plate"):
        write(folder, away, tmp_path / "uv.npz")
    with pytest.raises(InputError, match=r"written as \.npz"):
        write(folder, away, tmp_path / "uv.png")


def truth(texel: np.ndarray, rusted: np.ndarray) -> np.ndarray:
    """The mask that a perfect eye draws, (height, width) of 0 and 255."""
    return np.where(texel >= 0, 255 * rusted.reshape(-1)[np.maximum(texel, 0)], 0).astype(np.uint8)


def in_view(asset: AssetGeometry, texels: Texels, pose: Mapping[str, Any]) -> np.ndarray:
    """Which texels a camera at this pose sees, (H * W,), by a ray to the middle of each."""
    rotation, shift = np.array(pose["rotation"]), np.array(pose["translation_m"])
    eye = -rotation.T @ shift
    places = texels.position_m.reshape(-1, 3).astype(float)
    pixels = projected(places, pose)
    framed = ((pixels > -0.5) & (pixels < [LENS["width"] - 0.5, LENS["height"] - 0.5])).all(axis=1)
    asked = np.flatnonzero(framed & (texels.area_mm2.reshape(-1) > 0))
    ways = places[asked] - eye
    hits, ray, _ = asset.welded.ray.intersects_location(np.tile(eye, (len(ways), 1)), ways, multiple_hits=False)
    seen = np.zeros(len(places), bool)
    seen[asked[ray]] = np.linalg.norm(hits - places[asked[ray]], axis=1) < 1e-3
    return seen


@pytest.mark.parametrize("side", [640, 200, 60])
@pytest.mark.parametrize("eye", [(0.0, -3.6, 0.5), (-3.0, -1.2, 0.9)])
def test_a_zone_in_view_counts_in_full_however_small_the_picture(
    tmp_path: Path, side: int, eye: tuple[float, ...]
) -> None:
    """A face of 3 x 1 m, all in view: the share of its area that is rusted, though a pixel covers up to 1000 texels.

    From aside its near half fills two thirds of the picture, and is no more of its area for that.
    """
    shape = {"length_m": 3.0, "width_m": 1.0, "opening_mm": 0.0, "stiffeners": 0}
    large = replace(plate(), parameters={**plate().parameters, **shape}, texel_mm=2.0)
    asset = twin_state.asset(large)
    texels = assets.texels(asset)
    x, _, z = texels.position_m.transpose(2, 0, 1)
    rusted = (np.floor(x / 0.25) % 2 == 0) & (x < 0.6) | (z > 0.7)
    face = (texels.zone == asset.zone_names.index("face")) & (texels.area_mm2 > 0)
    lens = {name: value * side / 160 for name, value in LENS.items()} | {"width": side, "height": side * 3 // 4}
    pixels = pixel_map(camera(looking(eye, (-0.3 * (eye[0] < 0), 0.0, 0.5)), **lens), asset)
    known = {"atlas_shape": asset.atlas_shape, "asset": readers.asset_key(large)}
    np.savez(tmp_path / "uv.npz", **vars(pixels), **known)
    cv2.imwrite(str(tmp_path / "mask.png"), truth(pixels.texel, rusted))
    pattern = Record(date="2012-01-01", zone="all", kind="photo", value=0, tool="phone")
    records, photo = readers.from_photos([tmp_path / "mask.png"], [tmp_path / "uv.npz"], pattern, large)
    (record,) = (record for record in records if record.zone == "face")
    assert record.value == pytest.approx(rusted[face].mean(), abs=0.006 if side > 60 else 0.03)
    older = {"texel": pixels.texel, **known}  # without footprints it can still be read, and far less is seen
    np.savez(tmp_path / "uv.npz", **older)
    with pytest.raises(InputError, match="less than 2% of each zone") if side < 640 else nullcontext():
        readers.from_photos([tmp_path / "mask.png"], [tmp_path / "uv.npz"], pattern, large)
    with np.load(io.BytesIO(photo)) as stored:
        assert stored["seen"][face].mean() > 0.95
        assert not stored["seen"][texels.zone == asset.zone_names.index("back")].any()


def test_a_mask_becomes_records_of_an_inspection(
    folder: Path, surface: tuple[AssetGeometry, Texels], tmp_path: Path
) -> None:
    """By the command line: two true masks give back the rusted share of what they see; their size is checked."""
    asset, texels = surface
    _, fields = store.load(folder)
    rusted = fields.rust_cover > 0.5
    seen = np.zeros(rusted.size, bool)
    poses = [POSE, looking((-0.4, -0.9, 0.4), (0.0, 0.0, 0.2))]
    for name, pose in zip("ab", poses, strict=True):
        path = written(tmp_path / f"{name}.json", **pose)
        assert "fills" in write(folder, path, tmp_path / f"{name}.npz")
        texel = np.load(tmp_path / f"{name}.npz")["texel"]
        cv2.imwrite(str(tmp_path / f"{name}.png"), truth(texel, rusted))
        seen |= in_view(asset, texels, pose)
    seen = seen.reshape(rusted.shape)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((60, 80), np.uint8))
    cv2.imwrite(str(tmp_path / "colour.png"), np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8))
    pattern = Record(date="2012-01-01", zone="all", kind="photo", value=0, tool="phone")
    maps = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for masks, message in (
        (["small.png", "b.png"], r"small.png: 80 x 60 pixels, but its texel map .* has 160 x 120"),
        (["colour.png", "b.png"], "a colour picture"),
        (["a.json", "b.png"], "cannot be read as a mask"),
        (["a.png"], "and 2 texel maps"),
    ):
        with pytest.raises(InputError, match=message):
            readers.from_photos([tmp_path / name for name in masks], maps, pattern, store.read(folder))
    records, photo = readers.from_photos([tmp_path / "a.png", tmp_path / "b.png"], maps, pattern, store.read(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    for record in records:
        here = seen & (texels.zone == asset.zone_names.index(record.zone)) & (texels.area_mm2 > 0)
        area = texels.area_mm2[here].astype(float)
        assert record.value == pytest.approx((area * rusted[here]).sum() / area.sum(), abs=0.02)
    assert max(record.value for record in records) > 0.05
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in before.items():
        (copy / name).write_bytes(content)
    log.append(copy, records, photo)
    assert log.read(copy)[0] == records


def test_a_map_of_another_twin_is_refused(folder: Path, tmp_path: Path) -> None:
    other = replace(plate(), parameters={**plate().parameters, "opening_mm": 130.0})
    store.save(other, tmp_path / "other")
    write(folder, written(tmp_path / "c.json", **POSE), tmp_path / "uv.npz")
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros((120, 160), np.uint8))
    pattern = Record(date="2012-01-01", zone="all", kind="photo", value=0, tool="phone")
    with pytest.raises(InputError, match="belongs to a twin other than"):
        readers.from_photos([tmp_path / "mask.png"], [tmp_path / "uv.npz"], pattern, store.read(tmp_path / "other"))
    (tmp_path / "uv.npz").write_bytes(b"torn")
    with pytest.raises(InputError, match="not a texel map"):
        readers.from_photos([tmp_path / "mask.png"], [tmp_path / "uv.npz"], pattern, store.read(folder))


@pytest.mark.ci
def test_the_command_says_what_it_saw_or_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "front.json", points=picked(PLACES))
    line = [sys.executable, "-m", "corrotwin", "synth", "uvmap", "--twin", str(folder), "--camera"]
    done = subprocess.run([*line, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "front.npz: the plate fills" in done.stdout
    assert "error of the points 0.0" in done.stdout
    assert (tmp_path / "front.npz").exists()
    bad = subprocess.run([*line, str(folder / "twin.json")], capture_output=True, text=True, check=False)
    assert (bad.returncode, len(bad.stderr.splitlines()), bad.stdout) == (2, 1, "")


@pytest.mark.blender
@pytest.mark.slow
def test_pixels_see_what_blenders_map_says(folder: Path, surface: tuple[AssetGeometry, Texels], tmp_path: Path) -> None:
    """The uv map of `synth render --maps uv`, from the same camera: the same texel, or one beside it, nearly always."""
    size, eye, at_m, angle = 128, (0.3, -1.0, 0.5), (0.0, 0.0, 0.2), 50.0
    cameras = tmp_path / "cameras.json"
    cameras.write_text(json.dumps([{"eye_m": eye, "look_at_m": at_m, "field_of_view_deg": angle}]))
    line = [
        sys.executable,
        "-m",
        "corrotwin",
        "synth",
        "render",
        "--twin",
        str(folder),
        "--cameras",
        str(cameras),
        "--maps",
        "uv",
    ]
    line += ["--size", str(size), "--out", str(tmp_path / "renders")]
    subprocess.run(line, check=True, capture_output=True, timeout=600)
    blue, green, red = cv2.imread(str(tmp_path / "renders/maps/uv/000000.png"), cv2.IMREAD_UNCHANGED).transpose(2, 0, 1)
    focal = size / 2 / np.tan(np.radians(angle) / 2)
    lens = {"width": size, "height": size, "fx": focal, "fy": focal, "cx": (size - 1) / 2, "cy": (size - 1) / 2}
    found = texel_map(camera(looking(eye, at_m), **lens), surface[0])
    height, width = surface[0].atlas_shape
    assert ((blue == 1) == (found >= 0)).mean() > 0.995
    both = (blue == 1) & (found >= 0)
    row, column = np.floor(green / 65535 * height), np.floor(red / 65535 * width)
    away = np.maximum(abs(row - found // width), abs(column - found % width))[both]
    assert (away == 0).mean() > 0.97
    assert (away <= 1).mean() > 0.995
