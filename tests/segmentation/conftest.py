"""Small COCO datasets made of numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segmentation import coco


def picture(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey noise with a rust-coloured ellipse, and the ellipse."""
    y, x = np.mgrid[:height, :width]
    centre = rng.uniform(0.3, 0.7, 2) * (height, width)
    radii = rng.uniform(0.15, 0.3, 2) * (height, width)
    mask = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 < 1
    image = rng.integers(100, 160, (height, width, 1)).repeat(3, axis=2)
    image[mask] = image[mask] // 4 + np.array((140, 50, 10))
    return image.astype(np.uint8), mask


def write_folder(folder: Path, *, count: int, seed: int, size: tuple[int, int], json_name: str, images: str) -> None:
    rng = np.random.default_rng(seed)
    (folder / images).mkdir(parents=True)
    entries, annotations = [], []
    for index in range(count):
        image, mask = picture(rng, *size)
        name = f"{folder.name}_{index:03d}.png"
        Image.fromarray(image).save(folder / images / name)
        entries.append({"id": index, "file_name": name, "height": size[0], "width": size[1]})
        if index % 5 != 4:  # every fifth is clean
            annotations.append({"id": index, "image_id": index, "category_id": 1, "iscrowd": 0, **coco.region(mask)})
    document = coco.document(entries, annotations, description="numbers")
    (folder / json_name).write_text(json.dumps(document))


@pytest.fixture(scope="session")
def roboflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with 12 training, 4 validation and 5 test photos."""
    folder = tmp_path_factory.mktemp("roboflow")
    for seed, (part, count) in enumerate({"train": 12, "valid": 4, "test": 5}.items()):
        write_folder(
            folder / part, count=count, seed=seed, size=(72, 80), json_name="_annotations.coco.json", images="."
        )
    return folder


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder as synth makes them, with 7 images."""
    folder = tmp_path_factory.mktemp("renders") / "renders"
    write_folder(folder, count=7, seed=9, size=(64, 64), json_name="annotations.json", images="images")
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own for a test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CORROTWIN_CACHE", str(folder))
    return folder


@pytest.fixture
def flat(tmp_path: Path) -> Callable[..., Path]:
    """Write one 6x8 image and one COCO json beside it, changed by `change(document, folder)`."""

    def write(change: Callable[[dict[str, Any], Path], object] = lambda document, folder: None) -> Path:
        folder = tmp_path / "flat"
        folder.mkdir()
        pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
        Image.fromarray(pixels).save(folder / "photo.png")
        mask = np.zeros((6, 8), dtype=bool)
        mask[1:4, 2:6] = True
        document = coco.document(
            [{"id": 3, "file_name": "photo.png", "width": 8, "height": 6}],
            [{"id": 5, "image_id": 3, "category_id": 1, "iscrowd": 0, **coco.region(mask)}],
            description="one photo",
        )
        change(document, folder)
        (folder / "labels.json").write_text(json.dumps(document))
        return folder

    return write
