"""Folders of predictions: of photos made of numbers, by a predictor that calls red what is red; and read."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from photographs import picture
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.segmentation.prediction import folder
from corrotwin.segmentation.prediction.predictor import Predictor, Settings
from corrotwin.segmentation.prediction.search import search
from corrotwin.twin.core.files import write_json

HOSTILE = '"><img src=x onerror=alert(1)>.png'  # a file name
NAMES = ("a.png", "b.png", "north/c.png", HOSTILE, "clean.png", *(f"x{number:02d}.png" for number in range(13)))


class Red(Predictor):
    """Calls corrosion what is redder than blue."""

    folder, settings, threshold, scale, framing = Path("red"), Settings(), 0.5, 1.0, "resize"
    pixels_at_once = 0

    def __init__(self, weights: str) -> None:
        self.run = {"weights": weights}

    def probability(self, image: np.ndarray) -> tuple[np.ndarray, int]:
        redder = image[..., 0].astype(np.float32) - image[..., 2]
        return np.clip(redder / 160, 0, 1).astype(np.float32), 0

    def adapt(self, photos: object) -> int:
        raise NotImplementedError


def write_photos(home: Path) -> Mapping[str, np.ndarray]:
    """Photos of `NAMES`, of which the one that is called clean shows none, and their true masks by name."""
    rng = np.random.default_rng(5)
    true = {}
    for name in NAMES:
        image, true[name] = picture(rng, 60, 80)
        if name == "clean.png":
            image, true[name] = image[..., ::-1], np.zeros_like(true[name])
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(home / name)
    return true


def write_truth(home: Path, true: Mapping[str, np.ndarray]) -> Path:
    """A COCO json beside photos, with true masks that are larger than what is predicted, and without the last photo."""
    images, annotations = [], []
    for number, (name, mask) in enumerate(list(true.items())[:-1], start=1):
        images.append({"id": number, "file_name": name, "width": mask.shape[1], "height": mask.shape[0]})
        if mask.any():
            wider = mask | np.roll(mask, 4, axis=1)
            annotations.append({"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, **coco.region(wider)})
    write_json(home / "annotations.json", coco.document(images, annotations, description="numbers"))
    return home


def predict(photos: Path, out: Path, *, weights: str = "red") -> Path:
    """Predict photos into a folder, and return it."""
    assert folder.predict(Red(weights), search([photos]).photos, out, overlays=False, workers=1) == []
    return out


def mask_of(out: Path, name: str) -> np.ndarray:
    """The mask of a photo, by its name without the ending."""
    values = np.asarray(Image.open(out / "masks" / f"{name}.png"))
    assert set(np.unique(values)) <= {0, 255}
    return np.asarray(values > 0)


def rows(out: Path) -> dict[str, dict[str, str]]:
    """The rows of the table by photo."""
    return {row["photo"]: row for row in csv.DictReader((out / "predictions.csv").read_text().splitlines())}
