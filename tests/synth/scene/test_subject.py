"""Photographs of a saved twin: its own state, from stated cameras, under light that its age does not change."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import cos, radians, sin, tan
from pathlib import Path

import numpy as np
import pytest
import trimesh
from alignment import agreement, displaced
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from corrotwin.synth import spec
from corrotwin.synth.cameras.camera_model import Camera
from corrotwin.synth.commands import render as command
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.labels import masks
from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.rendering import batch, dataset
from corrotwin.synth.scene import sampling, subject
from corrotwin.synth.scene.camera import stated_views
from corrotwin.synth.scene.visibility import prop_mesh
from corrotwin.twin import store, twin_state
from corrotwin.twin.assets import texels
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.model import perforation
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.exposure import at

SIZE = 96
CONFIG = RenderConfig(preset="balanced", size=SIZE, seed=4)
FRONT = {"name": "front", "eye_m": [0.5, -1.4, 0.9], "look_at_m": [0.0, 0.0, 0.3], "field_of_view_deg": 50}
SIDE = {"eye_m": [-1.5, -0.2, 0.6], "look_at_m": [0.0, 0.1, 0.2], "field_of_view_deg": 40}


def cameras(*entries: Mapping[str, object]) -> tuple[Camera, ...]:
    return subject.cameras("cameras", entries, size=(SIZE, SIZE))


def in_years(years: float) -> twin_state.TwinState:
    drawn = twin_state.sample_twin("plate", np.random.default_rng(3), texel_mm=8.0)
    coating = Paint(life_years=6, defects_per_m2=60)
    return replace(drawn, exposure=at("C5"), coating=coating, clock=twin_state.later(drawn.built, years))


@pytest.fixture(scope="module")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A twin of 12 years whose stored rust is stripes, which no growth would give."""
    folder, twin = tmp_path_factory.mktemp("saved") / "twin", in_years(12)
    store.save(twin, folder)
    stripes = (np.indices(twin_state.asset(twin).atlas_shape).sum(axis=0) // 9 % 2).astype(np.float32)
    drawn = Fields(start_years=12 - 3 * stripes, age_years=3 * stripes, wall_loss_mm=stripes / 10, rust_cover=stripes)
    store.write(twin, drawn, folder)
    return folder


@pytest.fixture
def folder(striped: Path, tmp_path: Path) -> Path:
    """A copy of it to do with as a test likes."""
    return shutil.copytree(striped, tmp_path / "twin")


def write_cameras(path: Path, *entries: Mapping[str, object]) -> Path:
    path.write_text(json.dumps(entries))
    return path


def test_cameras_come_back_from_their_file(tmp_path: Path) -> None:
    """And as dataset.json states them, by intrinsics and pose."""
    found = subject.read_cameras(write_cameras(tmp_path / "c.json", FRONT, SIDE), size=(SIZE, SIZE))
    assert found == cameras(FRONT, SIDE)
    stated = json.loads(json.dumps([camera.plain() for camera in found]))
    assert subject.cameras("again", stated, size=(1, 1)) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eye_m": [1, 1]}, "eye_m [1, 1]: give 3 finite numbers"),
        ({"eye_m": [1, float("nan"), 1]}, "eye_m [1, nan, 1]: give 3 finite numbers"),
        ({"look_at_m": [1, 2, float("inf")]}, "look_at_m [1, 2, inf]: give 3 finite numbers"),
        ({"look_at_m": "there"}, "look_at_m 'there': give numbers"),
        ({"eye_m": [0, -1400, 900]}, "give metres, at most 500 from the asset"),
        ({"eye_m": [0, -400, 400]}, "give metres, at most 500 from the asset"),
        ({"eye_m": [0, -1, 10**400]}, "give 3 finite numbers, at most 1e+09"),
        ({"eye_m": [0, -1, -0.1]}, "is at (0.0, -1.0, -0.1), which is not above the ground, z = 0"),
        ({"eye_m": [0, 1, 2], "look_at_m": [0, 1.0, 2]}, "eye_m and look_at_m are the same point"),
        ({"field_of_view_deg": 0.9}, "a field of view of 0.9 degrees: give at least 1"),
        ({"field_of_view_deg": 155}, "a corner of the picture is 81.1 degrees off the axis, more than the limit of 80"),
        ({"width": 64, "height": 48, "K": [[60, 0, 1e5], [0, 60, 24], [0, 0, 1]]}, "give one of fx and fy"),
        ({"field_of_view_deg": 180}, "field_of_view_deg 180: give an angle from 0.1 to 170"),
        ({"field_of_view_deg": None}, "field_of_view_deg None: give one of finite numbers"),
        ({"roll_deg": "left"}, "roll_deg 'left': give numbers"),
        ({"tilt_deg": 3}, "unknown fields: tilt_deg; choose from name, width"),
        ({"width": 9000, "height": 10}, "9000 x 10 pixels: give sides of at most 8192"),
        ({"width": 640}, "give width and height of the picture"),
        ({"distortion": [-2.0, 0, 0, 0]}, "distortion: these coefficients fold the picture: a share of "),
        ({"name": 3}, "name 3: give a name that a file can have"),
        ({"name": "../front"}, "name '../front': give a name that a file can have"),
    ],
)
def test_wrong_camera_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps([FRONT, {**SIDE, **change}]))
    with pytest.raises(InputError) as raised:
        subject.read_cameras(path, size=(SIZE, SIZE))
    assert str(raised.value).startswith(f"{path}: camera 1 (counted from 0): ")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("eye: [1, 2, 3]", "not valid JSON"),
        ("[]", "lists no camera; give at least one"),
        ("7", "give a camera, a JSON object, or a list of cameras"),
        ('{"eye_m": [1, 2, 3], "field_of_view_deg": 40}', "missing: look_at_m; eye_m and look_at_m go together"),
        ('{"eye_m": [1, 2, 3], "look_at_m": [0, 0, 0]}', "give one of fx and fy (with cx and cy), K, or field_of_view"),
        ("[3]", "camera 0 (counted from 0): 3 is not an object"),
        ("[{}]", "give one of fx and fy (with cx and cy), K, or field_of_view_deg"),
        (json.dumps([FRONT, SIDE, FRONT]), "2 cameras are called 'front'; give each its own name"),
    ],
)
def test_wrong_file_of_cameras_writes_nothing(text: str | None, message: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=re.escape(str(path))) as raised:
        command(out=tmp_path / "out", twin=folder, cameras=path)
    assert message in str(raised.value)
    assert not (tmp_path / "out").exists()


def shorten(folder: Path) -> None:
    (path,) = folder.glob("fields-*.npz")
    path.write_bytes(path.read_bytes()[:-9])


def rename(folder: Path) -> None:
    path = folder / "twin.json"
    content = json.loads(path.read_text())
    content["twin"]["id"] = "../elsewhere"
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (shutil.rmtree, "holds no twin.json; choose a folder that Twin.save or corrotwin twin new wrote"),
        (lambda folder: (folder / "twin.json").write_text("{"), "twin.json: not valid JSON"),
        (shorten, "damaged (its content does not match its name)"),
        (rename, "'../elsewhere' cannot name a folder"),
    ],
)
def test_damaged_twin_writes_nothing(
    harm: Callable[[Path], object], message: str, folder: Path, tmp_path: Path
) -> None:
    harm(folder)
    with pytest.raises(InputError) as raised:
        command(out=tmp_path / "out", twin=folder)
    assert message in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.ci
def test_cameras_without_a_twin_are_one_line_and_exit_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "corrotwin", "synth", "render", "--out", tmp_path / "out", "--cameras", "c.json"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "corrotwin synth: error: --cameras c.json: cameras need a twin; give its folder with --twin\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "images"), [({}, 2), ({"count": 5}, 5), ({"cameras": None}, 24)], ids=["stated", "counted", "drawn"]
)
def test_number_of_images_and_folder_follow_the_request(
    options: dict[str, object], images: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int, subject.Subject]] = []
    monkeypatch.setattr(
        dataset, "render", lambda out, config, *, count, shown, **rest: asked.append((out, count, shown)) or count
    )
    command(**{"twin": folder, "cameras": write_cameras(tmp_path / "c.json", FRONT, SIDE), "size": "64", **options})
    ((out, count, shown),) = asked
    assert out == Path("out/synth") / f"{in_years(12).id}-64px-seed0"
    assert (count, shown.folder.is_absolute()) == (images, True)


def test_camera_looks_where_it_is_told_and_stands_upright() -> None:
    above = {"eye_m": (0.2, 0.1, 3.0), "look_at_m": (0.2, 0.1, 0.0), "field_of_view_deg": 30}
    for entry in (FRONT, SIDE, above):
        (view,) = stated_views(cameras(entry), [7])
        pose = np.array(view.pose)
        assert (view.index, view.lens) == (7, spec.Lens.wide(SIZE, SIZE, radians(entry["field_of_view_deg"])))
        assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3))
        assert np.linalg.det(pose[:3, :3]) > 0
        seen = np.linalg.inv(pose) @ [*entry["look_at_m"], 1]
        assert np.allclose(seen[:2], 0)
        assert np.isclose(-seen[2], np.linalg.norm(np.subtract(entry["eye_m"], entry["look_at_m"])))
        assert abs(pose[2, 0]) < 1e-15  # the horizon is level
        assert pose[2, 1] > 0 or (entry is above and np.allclose(pose[:3, 1], [0, 1, 0]))


@pytest.mark.ci
def test_stored_state_is_photographed_and_not_grown_anew(folder: Path, tmp_path: Path) -> None:
    twin, stored = store.load(folder)
    made = sampling.sample_scene(CONFIG, 0, [0], tmp_path, subject.saved(folder, cameras(FRONT)))
    body = np.load(tmp_path / made.bodies[0].file)
    for channel, name in enumerate(("rust_cover", "age_years", "wall_loss_mm")):
        assert (body["fields"][..., channel] == getattr(stored, name)).all()
    assert 0 <= body["fields"][..., 3].min() < body["fields"][..., 3].max() <= 1
    assert (body["vertices"] == twin_state.asset(twin).vertices.astype(np.float32)).all()
    assert (np.array(made.bodies[0].pose) == np.eye(4)).all()
    assert made.bodies[0].finish.kind == "paint"


@pytest.mark.ci
def test_age_changes_nothing_but_the_rust(tmp_path: Path) -> None:
    made = []
    for years in (0, 6, 20):
        (tmp_path / f"{years}").mkdir()
        store.save(in_years(years), tmp_path / f"{years}" / "twin")
        shown = subject.saved(tmp_path / f"{years}" / "twin", cameras(FRONT, SIDE))
        made.append(
            [sampling.sample_scene(CONFIG, index, range(9), tmp_path / f"{years}", shown) for index in range(3)]
        )
    assert made[0] == made[1] == made[2]
    assert made[0][0].light != made[0][1].light
    covers = [np.load(tmp_path / years / "body-0-1.npz")["fields"][..., 0].mean() for years in ("0", "6", "20")]
    assert covers[0] == 0 < covers[1] < covers[2]


@pytest.mark.ci
def test_holes_are_written_where_metal_is_gone_and_cost_other_bodies_nothing(tmp_path: Path) -> None:
    thin = {
        "thickness_mm": 2.0,
        "length_m": 0.5,
        "width_m": 0.4,
        "stiffeners": 0,
        "fasteners": "none",
        "opening_mm": 0.0,
    }
    held = {}
    for years in (0, 20, 60):
        drawn = in_years(years)
        sheet = replace(drawn, parameters={**drawn.parameters, **thin}, exposure=at("CX"), texel_mm=4.0)
        store.save(sheet, tmp_path / f"{years}" / "twin")
        stated = cameras(FRONT) if years < 60 else ()  # nothing is left to look at then
        made = sampling.sample_scene(
            CONFIG, 0, [0], tmp_path / f"{years}", subject.saved(tmp_path / f"{years}" / "twin", stated)
        )
        held[years] = np.load(tmp_path / f"{years}" / made.bodies[0].file)
    assert set(held[0]) == {"vertices", "faces", "uv", "fields", "edges", "treads"}
    assert set(held[20]) == set(held[60]) == {*held[0], "gone"}
    twin, stored = store.load(tmp_path / "20" / "twin")
    asset = twin_state.asset(twin)
    gone = perforation.gone(asset, texels(asset), stored.wall_loss_mm, twin.seed)
    assert held[20]["gone"].dtype == bool
    assert (held[20]["gone"] == gone).all()
    assert held[20]["gone"].mean() < held[60]["gone"].mean()


@pytest.mark.ci
def test_images_take_the_cameras_in_turn_whatever_is_rendered(folder: Path, tmp_path: Path) -> None:
    shown = subject.saved(folder, cameras(FRONT, SIDE))
    whole = sampling.sample_scene(CONFIG, 3, range(6, 8), tmp_path, shown)
    assert [replace(view, visible=()) for view in whole.views] == stated_views(cameras(FRONT, SIDE), (6, 7))
    assert all(0.5 < view.visible[0] <= 1 for view in whole.views)
    assert sampling.sample_scene(CONFIG, 3, [7], tmp_path, shown) == replace(whole, views=whole.views[1:])


def test_a_twin_of_more_texels_than_a_picture_takes_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MOST_TEXELS", 1000)
    with pytest.raises(InputError, match=r"its atlas has [0-9,]+ texels, but at most 1,000") as refused:
        subject.saved(folder)
    assert len(str(refused.value).splitlines()) == 1


def test_drawn_cameras_see_the_twin_where_it_stands(folder: Path, tmp_path: Path) -> None:
    shown = subject.saved(folder)
    first, again = (sampling.sample_scene(CONFIG, 1, range(2, 4), tmp_path, shown) for _ in range(2))
    assert first == again
    assert len(first.views) == 2
    assert (np.array(first.bodies[0].pose) == np.eye(4)).all()
    assert sampling.sample_scene(CONFIG, 2, range(4, 6), tmp_path, shown).views[0] != first.views[0]


@pytest.mark.ci
def test_nothing_stands_between_a_stated_camera_and_the_asset(folder: Path, tmp_path: Path) -> None:
    """A ring of cameras: through no pixel is a prop nearer than the asset that is behind it."""
    asset = twin_state.asset(store.load(folder)[0])
    turns = [radians(degrees) for degrees in (90, 200, 330)]
    ring = cameras(*({**FRONT, "name": "", "eye_m": (2 * cos(turn), 2 * sin(turn), 0.3)} for turn in turns))
    shown, behind = (subject.saved(folder, stated) for stated in (ring, cameras(FRONT)))
    steel = trimesh.Trimesh(asset.vertices, asset.faces, process=False)
    left = dropped = 0
    (tmp_path / "behind").mkdir()
    for index in range(12):
        made = sampling.sample_scene(CONFIG, index, [3 * index], tmp_path, shown)
        left += len(made.props) - 1
        dropped += len(sampling.sample_scene(CONFIG, index, [index], tmp_path / "behind", behind).props) - len(
            made.props
        )
        for view in stated_views(ring, range(3)):
            origins, ways = pixel_rays(view, 64)
            distances = [
                nearest(solid, origins, ways) for solid in (steel, *(prop_mesh(prop, tmp_path) for prop in made.props))
            ]
            there = np.isfinite(distances[0])
            assert (np.min(distances[1:], axis=0)[there] >= distances[0][there] - 1e-6).all()
    assert left > 0
    assert dropped > 0


def nearest(solid: trimesh.Trimesh, origins: np.ndarray, ways: np.ndarray) -> np.ndarray:
    hits, ray, _ = solid.ray.intersects_location(origins, ways, multiple_hits=False)
    found = np.full(len(ways), np.inf)
    found[ray] = np.linalg.norm(hits - origins[ray], axis=1)
    return found


def pixel_rays(view: spec.View, size: int) -> tuple[np.ndarray, np.ndarray]:
    pose, row, column = np.array(view.pose), *np.divmod(np.arange(size**2), size)
    focal = view.lens.fx * size / view.lens.width
    ways = np.stack([(column + 0.5 - size / 2) / focal, (size / 2 - row - 0.5) / focal, -np.ones(size**2)], 1)
    ways = ways @ pose[:3, :3].T
    return np.tile(pose[:3, 3], (len(ways), 1)), ways / np.linalg.norm(ways, axis=1, keepdims=True)


def cast_label(folder: Path, camera: Mapping[str, object]) -> np.ndarray:
    """The label pass by other means: rays from the stated eye at the twin as saved, its cover read at each hit."""
    twin, stored = store.load(folder)
    asset = twin_state.asset(twin)
    solid = trimesh.Trimesh(asset.vertices, asset.faces, process=False)
    forward = np.subtract(camera["look_at_m"], camera["eye_m"])
    right = np.cross(forward, [0, 0, 1])
    axes = np.array([axis / np.linalg.norm(axis) for axis in (right, np.cross(right, forward), forward)])
    row, column = np.divmod(np.arange(SIZE**2), SIZE)
    half = tan(radians(camera["field_of_view_deg"]) / 2)
    plane = np.stack([(2 * column + 1) / SIZE - 1, 1 - (2 * row + 1) / SIZE, np.full(SIZE**2, 1 / half)], 1)
    hits, ray, face = solid.ray.intersects_location(np.tile(camera["eye_m"], (SIZE**2, 1)), plane @ axes, False)
    weights = trimesh.triangles.points_to_barycentric(solid.triangles[face], hits)
    at_hit = (asset.uv[face] * weights[..., None]).sum(axis=1) * asset.atlas_shape[::-1]
    texel = at_hit.astype(int).clip(0, np.array(asset.atlas_shape[::-1]) - 1)
    label = np.zeros((SIZE**2, 3), np.float32)
    label[ray] = np.column_stack([stored.rust_cover[texel[:, 1], texel[:, 0]], np.zeros(len(ray)), np.ones(len(ray))])
    return label.reshape(SIZE, SIZE, 3)


@pytest.mark.ci
@pytest.mark.blender
def test_exact_mask_is_the_stored_rust_through_the_stated_camera(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = replace(PRESETS["balanced"], samples=1)
    monkeypatch.setitem(PRESETS, "balanced", exact)
    out = tmp_path / "out"
    (out / "images").mkdir(parents=True)
    batch.render_batch(
        out, replace(CONFIG, labels="exact"), subject.saved(folder, cameras(FRONT, SIDE)), 0, range(2), 2, "cpu", {}
    )
    part = json.loads((out / "parts" / "000000.json").read_text())
    assert [(image["scene"], image["asset_kind"]) for image in part["images"]] == [(0, "plate")] * 2
    for number, camera in enumerate((FRONT, SIDE)):
        regions = [one["segmentation"] for one in part["annotations"] if one["image_id"] == number + 1]
        drawn = coco_mask.decode(coco_mask.merge(regions)).astype(bool)
        assert agreement(drawn, masks.exact(cast_label(folder, camera), 0.5)) >= 0.999
        picture = np.asarray(Image.open(out / "images" / f"{number:06d}.jpg"), float)
        steel = cast_label(folder, camera)[..., 2] > 0  # beside it the ground, and on it paint or rust
        assert displaced(picture, steel.astype(int) + drawn) == (0, 0)


@pytest.mark.slow
@pytest.mark.blender
def test_command_photographs_a_twin_and_refuses_another_state_or_other_cameras(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = write_cameras(tmp_path / "c.json", FRONT, SIDE)
    words = ["render", "--twin", folder, "--cameras", file, "--out", out, "--size", str(SIZE), "--seed", "4"]
    done = subprocess.run(
        [sys.executable, "-m", "corrotwin", "synth", *words], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    card = json.loads((out / "dataset.json").read_text())
    twin = in_years(12)
    assert card["images"] == 2
    assert card["shows"] == f"one twin, {twin.id}, 12 years old"
    assert (card["twin"]["id"], card["twin"]["years"]) == (twin.id, 12)
    assert card["twin"]["cameras"] == [camera.plain() for camera in cameras(FRONT, SIDE)]
    assert str(folder) not in (out / "dataset.json").read_text() + (out / "claim.json").read_text()
    found = COCO(out / "annotations.json")
    for number, camera in enumerate((FRONT, SIDE)):
        regions = [found.annToMask(one) for one in found.imgToAnns[number + 1]]
        expected = masks.annotated(cast_label(folder, camera), PRESETS["balanced"].labels)
        assert agreement(np.any(regions, axis=0), expected) >= 0.99

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    write_cameras(file, FRONT)
    with pytest.raises(InputError, match=r"other settings \(cameras: '2 stated, \w+' in the folder, '1 stated, "):
        command(out=out, size=str(SIZE), seed=4, twin=folder, cameras=file)
    write_cameras(file, FRONT, SIDE)
    subprocess.run(
        [sys.executable, "-m", "corrotwin", "twin", "grow", folder, "--years", "1"], check=True, capture_output=True
    )
    with pytest.raises(
        InputError, match=r"started with other settings \(twin clock: .*, twin content: .*, twin fields: "
    ):
        command(out=out, size=str(SIZE), seed=4, twin=folder, cameras=file, count=4)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_twin_that_changes_meanwhile_is_refused_by_the_worker(folder: Path, tmp_path: Path) -> None:
    shown = subject.saved(folder, cameras(FRONT))
    store.advance(folder, lambda clock: twin_state.later(clock, 1))
    with pytest.raises(InputError, match="has changed since rendering started"):
        sampling.sample_scene(CONFIG, 0, [0], tmp_path, shown)
