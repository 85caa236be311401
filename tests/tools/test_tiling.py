from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data.coco import Photo, region
from tools import tiling


def photos(folder: Path) -> list[Photo]:
    """Seven photos of two sizes, each with a bright corner that is annotated."""
    made = []
    for number in range(7):
        height, width = (90, 120) if number % 2 else (100, 80)
        mask = np.zeros((height, width), dtype=bool)
        mask[: 20 + 5 * number, :30] = True
        image = np.where(mask[..., None], 220, 40 + number).repeat(3, axis=2).astype(np.uint8)
        path = folder / f"{number}.png"
        Image.fromarray(image).save(path)
        made.append(
            Photo(
                id=number, file_name=path.name, path=path, width=width, height=height, split=None,
                annotations=({"iscrowd": 0, **region(mask)},),
            )
        )  # fmt: skip
    return made


def test_composites_hold_every_photo_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "LEAST_SIDE", 200)
    made = photos(tmp_path)
    found = list(tiling.composites(made))
    assert [(canvas.shape, len(places)) for canvas, places in found] == [((240, 240, 3), 4), ((240, 240, 3), 3)]
    cut = [canvas[place] for canvas, places in found for place in places]
    assert [part.shape[:2] for part in cut] == [(photo.height, photo.width) for photo in made]
    assert all(part[0, 0, 0] == 220 and part[-1, -1, 0] == 40 + number for number, part in enumerate(cut))


def test_photos_are_scored_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that calls bright pixels rusted is right; one that also calls the photos' ground rusted is not."""
    monkeypatch.setattr(tiling, "LEAST_SIDE", 200)
    made = photos(tmp_path)

    def predictor(least: int) -> SimpleNamespace:
        return SimpleNamespace(
            threshold=0.5,
            settings=SimpleNamespace(overlap=0.5),
            probability=lambda image: ((image[..., 0] >= least).astype(np.float32), 9),
        )

    right, tiles = tiling.tiled(predictor(200), made)  # type: ignore[arg-type]
    assert (right == 1).all()
    assert tiles == 18
    wrong, _ = tiling.tiled(predictor(43), made)  # type: ignore[arg-type]
    alone = tiling.whole(predictor(43), made)  # type: ignore[arg-type]
    assert (wrong == alone).all()
    assert (wrong[:3] == 1).all()
    assert (wrong[3:] < 1).all()
