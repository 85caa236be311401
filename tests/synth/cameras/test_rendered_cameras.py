"""Renders by stated cameras of any aspect, roll and distortion, against rays and OpenCV; and one render on the twin."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
from alignment import displaced
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from corrotwin.synth import spec
from corrotwin.synth.cameras import texel_map
from corrotwin.synth.cameras.camera_file import cameras
from corrotwin.synth.cameras.locate import locate
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.rendering import dataset
from corrotwin.synth.scene import subject
from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.inspection import log
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at

pytestmark = [pytest.mark.slow, pytest.mark.blender]

PLATE = {
    "length_m": 0.9, "width_m": 0.7, "thickness_mm": 12.0, "opening_mm": 120.0, "stiffeners": 2, "stiffener": "flat",
    "stiffener_height_mm": 80.0, "fasteners": "none", "butt_weld": False, "edge": "rolled", "upright": True,
}  # fmt: skip
# Pixels wider than high, off the middle, rolled; upright and barrel-shaped; wide and far.
ENTRIES: tuple[dict[str, Any], ...] = (
    {"name": "rolled", "width": 150, "height": 90, "fx": 110.0, "fy": 128.0, "cx": 61.0, "cy": 52.5, "roll_deg": 25,
     "eye_m": [0.4, -1.3, 0.8], "look_at_m": [0.0, 0.0, 0.3]},
    {"name": "barrel", "width": 96, "height": 128, "fx": 92.0, "fy": 92.0, "cx": 49.0, "cy": 61.0,
     "distortion": [-0.28, 0.09, 0.003, -0.002, 0.0], "eye_m": [-0.7, -1.0, 0.7], "look_at_m": [0.0, 0.0, 0.25]},
    {"name": "pincushion", "width": 110, "height": 80, "field_of_view_deg": 55, "distortion": [0.22, 0.04, 0, 0],
     "eye_m": [0.9, -0.9, 1.0], "look_at_m": [0.0, 0.0, 0.2]},
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Rendered:
    """A dataset of one twin by these cameras, and the twin."""

    out: Path
    twin: Path
    images: list[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cast:
    """The hits on the asset of the rays through all pixels of a picture; arrays (H, W) or (H, W, 3)."""

    hit: np.ndarray
    place: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    texel: np.ndarray


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    folder = tmp_path_factory.mktemp("cameras")
    drawn = twin_state.sample_twin("plate", np.random.default_rng(3), texel_mm=4.0)
    twin = replace(
        drawn, parameters={**drawn.parameters, **PLATE}, exposure=at("C5"), clock=twin_state.later(drawn.built, 12),
        coating=Paint(life_years=5, defects_per_m2=60),
    )  # fmt: skip
    store.save(twin, folder / "twin")
    shown = subject.saved(folder / "twin", subject.cameras("cameras", ENTRIES, size=(1, 1)))
    config = RenderConfig(
        preset=Preset.like("balanced", samples=2, clutter=(0, 0)), size=64, seed=4, labels="both", maps=spec.MAPS
    )
    dataset.render(folder / "out", config, count=len(ENTRIES), shown=shown)
    images = json.loads((folder / "out" / "annotations.json").read_text())["images"]
    return Rendered(out=folder / "out", twin=folder / "twin", images=images)


def cast(rendered: Rendered, image: Mapping[str, Any]) -> Cast:
    """Cast rays by the camera that the dataset states; OpenCV removes the distortion."""
    twin, _ = store.load(rendered.twin)
    asset = twin_state.asset(twin)
    solid = trimesh.Trimesh(asset.vertices, asset.faces, process=False)
    camera = image["camera"]
    width, height = camera["width"], camera["height"]
    row, column = np.divmod(np.arange(width * height), width)
    matrix = np.array([[camera["fx"], 0, camera["cx"]], [0, camera["fy"], camera["cy"]], [0, 0, 1]])
    pixels = np.column_stack([column, row]).astype(float)[:, None]
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-9)
    straight = cv2.undistortPointsIter(pixels, matrix, np.array(camera["distortion"]), np.eye(3), np.eye(3), criteria)[
        :, 0
    ]
    rotation, shift = np.array(camera["rotation"]), np.array(camera["translation_m"])
    ways = np.column_stack([straight, np.ones(len(straight))]) @ rotation
    eye = -rotation.T @ shift
    hits, ray, face = solid.ray.intersects_location(np.tile(eye, (len(ways), 1)), ways, multiple_hits=False)
    weights = trimesh.triangles.points_to_barycentric(solid.triangles[face], hits)
    at_hit = (asset.uv[face] * weights[..., None]).sum(axis=1) * asset.atlas_shape[::-1]
    found = at_hit.astype(int).clip(0, np.array(asset.atlas_shape[::-1]) - 1)
    hit, place = np.zeros(len(ways), bool), np.zeros((len(ways), 3))
    normal, texel, depth = np.zeros((len(ways), 3)), np.zeros(len(ways), int), np.zeros(len(ways))
    hit[ray], place[ray], normal[ray] = True, hits, solid.face_normals[face]
    texel[ray], depth[ray] = found[:, 1] * asset.atlas_shape[1] + found[:, 0], (hits @ rotation.T + shift)[:, 2]
    shape = (height, width)
    return Cast(
        hit=hit.reshape(shape), place=place.reshape(*shape, 3), depth=depth.reshape(shape),
        normal=normal.reshape(*shape, 3), texel=texel.reshape(shape),
    )  # fmt: skip


def read(rendered: Rendered, name: str, image: Mapping[str, Any]) -> np.ndarray:
    content = cv2.imread(str(rendered.out / "maps" / name / f"{image['id'] - 1:06d}.png"), cv2.IMREAD_UNCHANGED)
    return content[..., ::-1] if content.ndim == 3 else content


def test_images_have_the_size_and_the_entries_those_of_the_cameras(rendered: Rendered) -> None:
    stated = cameras("cameras", ENTRIES)
    for image, camera in zip(rendered.images, stated, strict=True):
        stated_as, entry = camera.plain(), image["camera"]
        assert entry.keys() == stated_as.keys()
        for name, value in stated_as.items():
            assert entry[name] == value if isinstance(value, str) else np.allclose(entry[name], value), name
        assert (image["width"], image["height"]) == (camera.lens.width, camera.lens.height)
        with Image.open(rendered.out / "images" / image["file_name"]) as picture:
            assert picture.size == (camera.lens.width, camera.lens.height)
        (asset,) = image["assets"]
        assert (asset["asset_id"], asset["kind"], np.array(asset["pose"]).tolist()) == (1, "plate", np.eye(4).tolist())
        for name in spec.MAPS:
            assert read(rendered, name, image).shape[:2] == (camera.lens.height, camera.lens.width)


@pytest.mark.parametrize("number", range(len(ENTRIES)))
def test_labels_and_picture_are_where_rays_meet_the_asset(rendered: Rendered, number: int) -> None:
    """Of a lens that distorts, labels lie within an eighth of a pixel: a little differs along outlines."""
    image = rendered.images[number]
    seen = cast(rendered, image)
    instance = read(rendered, "instances", image)
    assert 0.15 < seen.hit.mean() < 0.95
    assert ((instance == 1) != seen.hit).mean() < 0.012  # some is hidden by what lies or grows on the ground
    _, fields = store.load(rendered.twin)
    both = seen.hit & (instance == 1)
    cover = fields.rust_cover.reshape(-1)[seen.texel]
    rusted = both & (cover > 0.5)
    exact = COCO(rendered.out / "exact.json")
    drawn = np.zeros_like(both)
    for one in exact.imgToAnns[image["id"]]:
        drawn |= coco_mask.decode(one["segmentation"]).astype(bool)
    assert rusted.sum() > 300
    share = ((drawn != rusted) & both).sum() / both.sum()
    assert share < (0.002 if "distortion" not in ENTRIES[number] else 0.04)
    picture = np.asarray(Image.open(rendered.out / "images" / image["file_name"]), float)
    assert displaced(picture, seen.hit.astype(int) + rusted) == (0, 0)


@pytest.mark.parametrize("number", range(len(ENTRIES)))
def test_depth_unprojects_to_the_surface_within_a_millimetre(rendered: Rendered, number: int) -> None:
    """By K, distortion and pose of the image's entry alone; a count of depth is a millimetre."""
    image = rendered.images[number]
    seen = cast(rendered, image)
    camera = image["camera"]
    row, column = np.nonzero(read(rendered, "instances", image) == 1)
    matrix = np.array([[camera["fx"], 0, camera["cx"]], [0, camera["fy"], camera["cy"]], [0, 0, 1]])
    straight = cv2.undistortPoints(
        np.column_stack([column, row]).astype(float)[:, None], matrix, np.array(camera["distortion"])
    )[:, 0]
    depth = read(rendered, "depth", image)[row, column] / 1000
    local = np.column_stack([straight, np.ones(len(straight))]) * depth[:, None]
    places = (local - camera["translation_m"]) @ np.array(camera["rotation"])
    met = seen.hit[row, column]
    assert met.mean() > 0.99
    normals, hits = seen.normal[row, column], seen.place[row, column]
    away = np.abs((normals * (places - hits)).sum(axis=1))[met]  # from the plane of the face
    if camera["distortion"]:  # along outlines and folds the sample of the nearest of the finer pixels is taken
        assert np.quantile(away, 0.95) < 0.001
    else:
        assert away.max() < 0.001


def test_maps_are_the_fields_of_the_twin_and_the_normals_of_its_mesh(rendered: Rendered) -> None:
    image = rendered.images[0]
    seen = cast(rendered, image)
    _, fields = store.load(rendered.twin)
    both = seen.hit & (read(rendered, "instances", image) == 1)
    texel = seen.texel[both]
    for name, values, count in (("rust_cover", fields.rust_cover, 65535), ("age", fields.age_years, 100)):
        wanted = (
            values.reshape(-1)[texel]
            if name == "rust_cover"
            else np.where(fields.rust_cover.reshape(-1)[texel] > 0, values.reshape(-1)[texel], 0)
        )
        found = read(rendered, name, image)[both] / count
        assert (np.abs(found - wanted) > 1.01 / count).mean() < 0.002  # texels whose border a ray meets
        assert found.max() > 0.5
    stain = read(rendered, "stain", image)
    assert stain[both].max() > 0
    assert (stain[read(rendered, "instances", image) == 0] == 0).all()
    normal = read(rendered, "normals", image)[both] / 65535 * 2 - 1
    assert np.allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-3)
    agree = (normal * seen.normal[both]).sum(axis=1)
    assert (agree > 0.9999).mean() > 0.995  # the rest lies on edges
    ground = read(rendered, "normals", image)[read(rendered, "instances", image) == 0] / 65535 * 2 - 1
    assert (ground[:, 2] > 0.9).mean() > 0.1


def test_annotator_masks_stand_beside_exact_ones(rendered: Rendered) -> None:
    """The same rust, outlined as people do: fewer regions."""
    both = [COCO(rendered.out / name) for name in ("annotations.json", "exact.json")]
    assert both[0].getImgIds() == both[1].getImgIds() == [1, 2, 3]
    for key in both[0].getImgIds():
        people, exact = (
            np.any([coco_mask.decode(one["segmentation"]) for one in document.imgToAnns[key]], axis=0)
            for document in both
        )
        assert (people & exact).sum() / (people | exact).sum() > 0.7
        assert len(both[0].imgToAnns[key]) < len(both[1].imgToAnns[key])


def test_a_photograph_that_is_located_shows_its_rust_to_another_twin(rendered: Rendered, tmp_path: Path) -> None:
    """From points picked within a pixel, by its exact mask: the rusted area of what is seen, without the true pose.

    The other twin is the same plate, new: it learns from the photograph how much of its face has rusted.
    """
    number = 1
    image = rendered.images[number]
    seen = cast(rendered, image)
    saved, fields = store.load(rendered.twin)
    asset = twin_state.asset(saved)
    chosen = [np.unravel_index(one, seen.hit.shape) for one in np.flatnonzero(seen.hit)[:: seen.hit.sum() // 11]]
    rng = np.random.default_rng(0)
    rows = [[column + rng.normal(0, 0.4), row + rng.normal(0, 0.4), *seen.place[row, column]] for row, column in chosen]
    (tmp_path / "points.csv").write_text("px,py,x,y,z\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    entry = ENTRIES[number]
    found = locate(
        rendered.out / "images" / image["file_name"], tmp_path / "points.csv", tmp_path / "front.json",
        focal_px=entry["fx"], distortion=tuple(entry["distortion"]),
    )  # fmt: skip
    assert np.linalg.norm(np.subtract(found.eye_m, entry["eye_m"])) < 0.03
    other = replace(saved, id="other", clock=twin_state.later(saved.built, 1))
    store.save(other, tmp_path / "other")
    texel_map.write(tmp_path / "other", tmp_path / "front.json", tmp_path / "front.npz")
    mask = np.zeros(seen.hit.shape, np.uint8)
    for one in COCO(rendered.out / "exact.json").imgToAnns[image["id"]]:
        mask |= coco_mask.decode(one["segmentation"])
    Image.fromarray(255 * mask).save(tmp_path / "front.png")
    words = [
        "inspect",
        "other",
        "--date",
        "2012-01-01",
        "--tool",
        "camera",
        "--photo",
        "front.png",
        "--uvmap",
        "front.npz",
    ]
    subprocess.run([sys.executable, "-m", "corrotwin", "twin", *words], cwd=tmp_path, check=True, capture_output=True)
    (record,) = (one for one in log.read(tmp_path / "other")[0] if one.zone == "face")
    texels = np.unique(seen.texel[seen.hit])
    face = assets.texels(asset).zone.reshape(-1)[texels] == asset.zone_names.index("face")
    area = assets.texels(asset).area_mm2.reshape(-1)[texels][face]
    true = (area * (fields.rust_cover.reshape(-1)[texels][face] > 0.5)).sum() / area.sum()
    assert record.value == pytest.approx(true, abs=0.04)
    assert 0.05 < true < 0.95


def test_a_camera_alone_gives_the_same_picture_and_labels(rendered: Rendered, tmp_path: Path) -> None:
    """Whatever else is rendered beside it, of whatever size."""
    shown = subject.saved(rendered.twin, subject.cameras("cameras", ENTRIES, size=(1, 1)))
    manifest = json.loads((rendered.out / "dataset.json").read_text())
    config = RenderConfig.from_plain(manifest["configuration"])
    dataset.render(tmp_path / "one", config, count=1, shown=shown, only=1)
    for file in ("images/000001.jpg", "maps/depth/000001.png", "maps/uv/000001.png", "maps/normals/000001.png"):
        assert (tmp_path / "one" / file).read_bytes() == (rendered.out / file).read_bytes()
