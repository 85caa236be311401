"""The maps beside the images, and the two COCO files: from what Blender gives to the files, without Blender."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from views import save_view

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.labels import maps
from corrotwin.synth.rendering import assembly, batch
from corrotwin.synth.rendering.job import Task
from corrotwin.twin.core.errors import InputError

SIZE = 24
Arrays = dict[str, np.ndarray]
VISIBLE = {1: 0.75, 300: None}  # shares of the assets
POSE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 2.0), (0.0, 0.0, 0.0, 1.0))


def photographed(index: int) -> tuple[spec.Scene, spec.View]:
    """The scene and the view of an image; nothing is known of what image 3 shows."""

    def body(number: int, kind: str, thickness_mm: float) -> spec.Body:
        return spec.Body(file="", pose=POSE, finish=None, instance=number, kind=kind, thickness_mm=thickness_mm)

    bodies = () if index == 3 else (body(1, "pipe", 8.0), body(300, "chain", 20.0))
    view = spec.View(
        index=index, pose=POSE, lens=spec.Lens.wide(SIZE, SIZE, 1.0), visible=tuple(VISIBLE.values()) if bodies else ()
    )
    return spec.Scene(samples=1, seed=0, bodies=bodies, props=(), light=None, views=(view,)), view


def seen(seed: int) -> Arrays:
    """What Blender gives of a made-up view: two assets, rust in blots, sky in the upper rows."""
    rng = np.random.default_rng(seed)
    instance = np.zeros((SIZE, SIZE), np.float32)
    instance[6:20, 2:11], instance[8:22, 13:22] = 1, 300
    blots = np.kron(rng.random((SIZE // 4, SIZE // 4)), np.ones((4, 4))) * (instance > 0)
    depth = rng.uniform(0.5, 60, (SIZE, SIZE)).astype(np.float32)
    depth[:4] = 1e10
    uv = rng.random((SIZE, SIZE, 2)) * (instance > 0)[..., None]
    normals = rng.normal(size=(SIZE, SIZE, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    normals[:4] = 0  # the sky
    return {
        "label": np.stack([blots, 4 * blots, instance, blots**2], -1).astype(np.float32),
        "depth": depth, "uv": uv.astype(np.float32), "age": 40 * blots.astype(np.float32), "normals": normals,
    }  # fmt: skip


def read(path: Path) -> np.ndarray:
    content = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return content[..., ::-1] if content.ndim == 3 else content


def test_light_is_kept_from_a_thousandth_to_sixty_times_a_white_surface() -> None:
    """The sun on wet paint is some fifty times as bright as what a camera meters."""
    light = np.array([0.001, 0.2, 1.0, 60.0], np.float32)
    found = maps.light_of(maps._light({"light": light}))
    np.testing.assert_allclose(found, light, rtol=0.01)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Arrays, Arrays]:
    """What was seen, and the maps of it."""
    view = seen(1)
    view["label"][6, 2:6, 1] = 0.0004, 0.0006, 65.535, 80.0
    view["depth"][23, :3] = 65.535, 70.0, 1e8
    view["light"] = np.random.default_rng(2).uniform(0, 4, (SIZE, SIZE, 3)).astype(np.float32) ** 3
    view["light"][0, 0], view["light"][0, 1] = 63.9, 200.0
    maps.write(tmp_path, 17, view, spec.MAPS)
    assert maps.path(tmp_path, "uv", 17) == tmp_path / "maps" / "uv" / "000017.png"
    return view, {name: read(maps.path(tmp_path, name, 17)) for name in spec.MAPS}


def test_values_come_back_to_half_a_count(written: tuple[Arrays, Arrays]) -> None:
    view, found = written
    label, assets = view["label"], view["label"][..., 2] > 0
    assert {name: content.dtype for name, content in found.items()} == {
        name: "uint8" if name == "severity" else "uint16" for name in spec.MAPS
    }
    for name, values, sky in (("wall_loss", label[..., 1], ~assets), ("depth", view["depth"], view["depth"] > 1e9)):
        inside = (values < 65) & ~sky
        assert np.abs(found[name][inside] / 1000 - values[inside]).max() <= 0.0005 + 1e-6
        assert (found[name][sky] == 0).all()
    assert found["wall_loss"][6, 2:6].tolist() == [0, 1, 65535, 65535]
    assert found["depth"][23, :3].tolist() == [65535] * 3
    assert (found["instances"] == label[..., 2]).all()
    assert np.abs(found["uv"][..., :2] / 65535 - view["uv"]).max() <= 0.5 / 65535 + 1e-7
    assert (found["uv"][..., 2] == label[..., 2]).all()
    assert found["severity"].max() == 4
    for name, values in (("rust_cover", label[..., 0]), ("stain", label[..., 3])):
        assert np.abs(found[name] / 65535 - values).max() <= 0.5 / 65535 + 1e-7
    assert np.abs(found["age"] / 100 - view["age"]).max() <= 0.005 + 1e-5
    assert np.abs(found["normals"][4:] / 65535 * 2 - 1 - view["normals"][4:]).max() <= 1 / 65535 + 1e-6
    assert (found["normals"][:4] == 0).all()
    light = view["light"].clip(0, (maps.MOST / maps.LIGHT_COUNTS) ** 2)
    error = np.abs(np.sqrt(maps.light_of(found["light"])) - np.sqrt(light))
    assert error.max() < 0.51 / maps.LIGHT_COUNTS
    assert maps.light_of(found["light"]) == pytest.approx(light, abs=0.002)
    assert found["light"][0, 1].tolist() == [maps.MOST] * 3


def test_every_count_of_16_bits_comes_back(tmp_path: Path) -> None:
    counts = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    path = tmp_path / "all.png"
    path.write_bytes(maps.png(counts))
    assert (read(path) == counts).all()
    assert (np.asarray(Image.open(path)) == counts).all()  # another reader


def test_nothing_is_written_that_was_not_asked_for(tmp_path: Path) -> None:
    maps.write(tmp_path, 0, {"label": seen(2)["label"]}, ())
    assert not (tmp_path / "maps").exists()
    maps.write(tmp_path, 0, {"label": seen(2)["label"]}, ("severity",))
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["severity"]


def dataset(out: Path, order: list[int], **options: object) -> dict[str, bytes]:
    """A dataset folder of made-up views, recorded in this order; its files."""
    config = RenderConfig(preset="balanced", size=SIZE, seed=0, **options)
    (out / "images").mkdir(parents=True)
    for index in order:
        view = out.parent / f"view-{index}.npz"
        save_view(view, np.full((SIZE, SIZE, 3), 0.5, np.float16), **seen(index))
        batch.record(out, config, None, index // 6, *photographed(index), view, {})
    for name in config.maps:
        (out / "maps" / name / ".000001.png.x.tmp").touch()  # of a writer that was killed
    assembly.assemble(out, Task(config=config, shown=None, count=len(order)))
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_an_image_that_is_recorded_again_is_listed_once(tmp_path: Path) -> None:
    dataset(tmp_path / "out", [0, 1, 2])
    before = batch.read_part(tmp_path / "out", 0)
    view = tmp_path / "view.npz"
    save_view(view, np.full((SIZE, SIZE, 3), 0.5, np.float16), **seen(2))
    config = RenderConfig(preset="balanced", size=SIZE, seed=0)
    batch.record(tmp_path / "out", config, None, 0, *photographed(2), view, {})  # the last: the order is the same
    assert batch.read_part(tmp_path / "out", 0) == before


@pytest.mark.parametrize("polygons", [False, True])
def test_both_coco_files_load_and_agree(polygons: bool, tmp_path: Path) -> None:
    files = dataset(tmp_path / "out", [0, 1, 2, 3], polygons=polygons, maps=spec.MAPS)
    assert {name for name in files if name.startswith("maps/")} == {
        f"maps/{name}/{index:06d}.png" for name in spec.MAPS for index in range(4)
    }
    regions, instances = COCO(tmp_path / "out" / "annotations.json"), COCO(tmp_path / "out" / "instances.json")
    assert regions.getImgIds() == instances.getImgIds() == [1, 2, 3, 4]
    assert [each["name"] for each in regions.dataset["categories"]] == ["corrosion"]
    found = instances.loadAnns(instances.getAnnIds())
    assert [one["id"] for one in found] == list(range(1, 7))
    assert [instances.cats[one["category_id"]]["name"] for one in found] == ["pipe", "chain"] * 3
    assert instances.getAnnIds(imgIds=[4]) == []
    for one in found:
        mask, attributes = instances.annToMask(one).astype(bool), one["attributes"]
        label = seen(one["image_id"] - 1)["label"]
        assert (mask == (label[..., 2] == attributes["asset_id"])).all()
        assert attributes["rusted_percent"] == round(100 * float((label[..., 0][mask] > 0.5).mean()), 4)
        assert attributes["iso_4628_3"] == "Ri 5"
        assert attributes.get("visible_share") == VISIBLE[attributes["asset_id"]]
    for one in regions.loadAnns(regions.getAnnIds()):
        mask = regions.annToMask(one).astype(bool)
        assert mask.sum() == one["area"]
        assert one["attributes"]["severity"] in {"CS2", "CS3", "CS4"}
        assert ("polygon_iou" in one) == isinstance(one["segmentation"], list) == polygons
    card = json.loads(files["dataset.json"])
    assert set(card["maps"]) == set(spec.MAPS)
    assert "4 severe (from 3 mm)" in card["maps"]["severity"]


def test_files_do_not_depend_on_the_order_of_the_images_of_different_batches(tmp_path: Path) -> None:
    one = dataset(tmp_path / "a" / "out", [*range(8)], maps=("wall_loss", "uv"))
    assert one == dataset(tmp_path / "b" / "out", [6, 7, *range(6)], maps=("wall_loss", "uv"))


def test_unknown_map_is_named() -> None:
    with pytest.raises(
        InputError, match="`maps` heat: no such map; choose from rust_cover, stain, age, wall_loss, severity, inst"
    ):
        RenderConfig(preset="balanced", size=8, seed=0, maps=("heat",))


def test_unknown_map_on_the_command_line_writes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "corrotwin", "synth", "render", "--out", str(tmp_path / "out"), "--maps", "depth",
        "heat"], capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "heat" in done.stderr
    assert not (tmp_path / "out").exists()
