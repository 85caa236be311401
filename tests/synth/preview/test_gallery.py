"""The page of a dataset's pictures, with masks and label maps."""

import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from browser import shown
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.synth.labels import maps
from corrotwin.synth.preview.map_colours import SHADINGS, filled
from corrotwin.synth.spec import MAPS
from corrotwin.twin.core.files import write_json, write_manifest
from corrotwin.twin.pages import pictures

SIDE = 40
SEEN = {
    "label": np.zeros((SIDE, SIDE, 4), np.float32), "depth": np.full((SIDE, SIDE), 1e9, np.float32),
    "uv": np.zeros((SIDE, SIDE, 2), np.float32), "age": np.zeros((SIDE, SIDE), np.float32),
    "normals": np.zeros((SIDE, SIDE, 3), np.float32), "light": np.full((SIDE, SIDE, 3), 0.25, np.float32),
}  # fmt: skip
INSIDE = np.zeros((SIDE, SIDE), bool)
INSIDE[8:30, 8:30] = True
SEEN["label"][INSIDE] = (1, 1.5, 1, 0.5)
SEEN["depth"][INSIDE] = np.linspace(1, 3, INSIDE.sum())
SEEN["age"][INSIDE], SEEN["normals"][INSIDE], SEEN["uv"][INSIDE] = 25, (0, 0, 1), 0.5


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    """A rendered dataset of two pictures, the first of which has all maps."""
    folder, images, annotations = tmp_path / "renders", [], []
    (folder / "images").mkdir(parents=True)
    for key in (1, 2):
        name = f"{key - 1:06d}.png"
        Image.new("RGB", (SIDE, SIDE), (60 * key, 60 * key, 60 * key)).save(folder / "images" / name)
        images.append({"id": key, "file_name": name, "width": SIDE, "height": SIDE, "asset_kind": "<script>plate"})
        annotations.append({"id": key, "image_id": key, "category_id": 1, "iscrowd": 0, **coco.region(INSIDE)})
    write_json(folder / "annotations.json", coco.document(images, annotations, description="made"))
    write_json(folder / "exact.json", coco.document(images, annotations[:1], description="made"))
    write_manifest(folder, "dataset", {"images": 2, "annotations": 2})
    maps.write(folder, 0, SEEN, MAPS)
    return folder


def content(page: Path) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


@pytest.mark.parametrize("name", MAPS)
def test_a_map_is_painted_where_it_says_something(renders: Path, name: str) -> None:
    counts = cv2.imread(str(maps.path(renders, name, 0)), cv2.IMREAD_UNCHANGED)
    layer = SHADINGS[name].layer(counts[..., ::-1] if counts.ndim == 3 else counts, (SIDE, SIDE))
    assert layer.shape == (SIDE, SIDE, 4)
    np.testing.assert_array_equal(layer[..., 3] == 255, INSIDE | (name == "light"))
    if name == "depth":
        assert (layer[8, 8] != layer[29, 29]).any()  # near and far
    for other in (None, counts[1:], counts[..., None]):
        assert not SHADINGS[name].layer(other, (SIDE, SIDE)).any()


def test_what_is_transparent_lends_no_colour() -> None:
    layer = filled(np.repeat(np.arange(8) % 2 == 0, 8).reshape(8, 8), (200, 40, 10))
    small = np.asarray(Image.open(io.BytesIO(pictures.colour_layers([layer], 4).content)).convert("RGBA"))
    assert np.abs(small[..., :3].astype(int) - (200, 40, 10)).max() <= 12  # WebP loses little
    assert np.abs(small[..., 3].astype(int) - 128).max() <= 2


@pytest.mark.parametrize(("options", "page"), [((), "preview/mine.txt"), (("--single",), "preview.html")])
def test_a_page_of_a_stranger_stays_and_nothing_is_written(
    options: tuple[str, ...], page: str, renders: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (renders / "dataset.json").unlink()
    (renders / page).parent.mkdir(exist_ok=True)
    (renders / page).write_text("<html>my own page</html>")
    done = run_module("synth", "preview", renders, "--html", *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert (renders / page).read_text() == "<html>my own page</html>"
    assert not (renders / "card.md").exists()
    assert not (renders / "preview.jpg").exists()
    (renders / page).unlink()
    for _ in range(2):  # ours is written again
        done = run_module("synth", "preview", renders, "--html", *options)
        assert done.returncode == 0, done.stderr


@pytest.mark.ci
def test_a_browser_switches_maps_on_and_off(
    renders: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_module("synth", "preview", renders, "--html", "--single")
    assert done.returncode == 2, "dataset.json of this test is no render's, and the card needs all of it"
    (renders / "dataset.json").unlink()
    done = run_module("synth", "preview", renders, "--html")
    assert done.returncode == 0, done.stderr
    page_file = renders / "preview" / "index.html"
    assert str(page_file) in done.stdout
    labels = [layer["label"] for layer in content(page_file)["layers"]]
    assert labels == ["mask", "exact mask", *(name.replace("_", " ") for name in MAPS)]
    with shown(page_file) as page:
        layer = page.locator("#stack .layer")
        offset = "element => getComputedStyle(element).backgroundPositionY"
        assert layer.evaluate(offset) == "0px" or layer.evaluate(offset) == "0%"
        page.get_by_label("wall loss").check()
        place = float(str(layer.evaluate(offset)).rstrip("%"))
        assert place == pytest.approx(100 * labels.index("wall loss") / (len(labels) - 1), abs=0.01)
        assert "1 mm or more" in page.locator("#legend").inner_text()
        page.get_by_label("none").check()
        assert not layer.is_visible()
        assert page.get_by_role("button", name="Accept").count() == 0
    assert len(coco.read(renders).photos) == 2  # still a dataset
