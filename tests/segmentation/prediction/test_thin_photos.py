"""Photos much longer than wide: what a network is given, and what is said of them; and its runtime keeps to itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from predicted import rows

from corrotwin.segmentation.prediction import folder
from corrotwin.segmentation.prediction.measured import Measured, ShareTable
from corrotwin.segmentation.prediction.predictor import MOST_SCALE, NetworkPredictor, Settings


class Grey(NetworkPredictor):
    """Predicts the brightness of what it is given, and remembers how many pixels that was."""

    folder, settings, threshold, scale, framing = Path("grey"), Settings(), 0.5, 1.0, "resize"
    size, batch_size = 64, 4
    run: ClassVar = {"weights": "grey"}

    def __init__(self) -> None:
        self.pixels = 0

    def network_output(self, images: np.ndarray) -> np.ndarray:
        self.pixels += images[..., 0].size
        return np.asarray(images.mean(axis=3) / 255, dtype=np.float32)

    def adapt(self, photos: object) -> int:
        raise NotImplementedError


@pytest.mark.parametrize("shape", [(1, 30_000), (30_000, 1), (3, 20_000), (16, 4_000), (64, 2_000), (1, 1)])
def test_a_photo_is_not_magnified_without_bound(shape: tuple[int, int]) -> None:
    predictor = Grey()
    image = np.full((*shape, 3), 102, dtype=np.uint8)
    found, _ = predictor.probability(image)
    assert found.shape == shape
    np.testing.assert_allclose(found, 0.4, atol=0.01)
    most = shape[0] * shape[1] * MOST_SCALE**2 * 4  # tiles overlap by a half each way
    assert predictor.pixels <= max(most, 4 * predictor.size**2)


def test_a_scale_is_stated_where_it_was_that_of_the_photo(tmp_path: Path) -> None:
    photos = {}
    for name, shape in {"long": (64, 200), "square": (64, 64)}.items():
        photos[name] = tmp_path / f"{name}.png"
        Image.fromarray(np.full(shape, 102, np.uint8)).save(photos[name])
    for tiling, scale in (("auto", ""), ("always", "1.0")):
        predictor = Grey()
        predictor.settings = Settings(tiling=tiling)
        assert folder.predict(predictor, photos, tmp_path / tiling, workers=1) == []
        found = rows(tmp_path / tiling)
        assert int(found["long.png"]["tiles"]) > 1
        assert {row["scale"] for row in found.values()} == {scale}


def test_ranges_of_shares_are_those_of_photos_like_the_measured_ones(tmp_path: Path) -> None:
    """A thin photo is squeezed and a long one cut into squares: nothing was measured so. The page speaks of ranges."""
    predictor, photos = Grey(), {}
    table = ShareTable(chance=0.9, predicted=(0.0, 1.0), low=(0.0, 0.5), high=(0.5, 1.0))
    predictor.measured = Measured(
        photos=571, recall=0.8, recall_sd=0.2, false_calls=0.1, share=table, held=0.8, frame=table, frame_held=0.7
    )
    for name, shape in {"long": (200, 64), "thin": (4, 300), "square": (64, 64)}.items():
        photos[name] = tmp_path / f"{name}.png"
        Image.fromarray(np.full(shape, 102, np.uint8)).save(photos[name])
        folder.predict(predictor, photos, tmp_path / "out", workers=1)
        said = "is made to hold the share that people outline in 90 % of photos" in (
            tmp_path / "out" / "index.html"
        ).read_text().replace("\n", " ")
        assert said == (name == "square")
    found = rows(tmp_path / "out")
    assert {name for name, row in found.items() if row["rusted_percent_low"]} == {"square.png"}
    assert found["thin.png"]["tiles"] == "0"


def test_the_runtime_tells_nobody_of_models(tmp_path: Path) -> None:
    program = (
        "from importlib.resources import files\n"
        "from corrotwin.segmentation.prediction.exported_predictor import runner\n"
        "shipped = files('corrotwin.segmentation') / 'shipped'\n"
        "runner(next(each for each in shipped.iterdir() if each.name.endswith('.onnx')).read_bytes())\n"
    )
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**kept, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert not list(tmp_path.rglob("*deviceid*"))
