"""Small COCO datasets made of numbers."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from photographs import write_folder
from PIL import Image

from corrotwin.segmentation.data import coco


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


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """A trial of a sweep hides the cards from its process, which in tests is theirs."""
    with patch.dict(os.environ):
        yield
