import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco, decoded, splits
from corrotwin.segmentation.evaluation import evaluate, tiles
from corrotwin.segmentation.evaluation.tiles import blended, starts, window
from corrotwin.segmentation.prediction import predictor
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.training.train import train
from tests.helpers.unlabelled import picture


@given(length=st.integers(32, 900), overlap=st.floats(0, 0.9))
def test_tiles_cover_every_pixel_and_share_what_was_asked(length: int, overlap: float) -> None:
    tile = 32
    found = starts(length, tile, overlap)
    assert (found[0], found[-1]) == (0, length - tile)
    steps = np.diff(found)
    assert (steps >= 0).all()
    assert (steps <= max(1, round(tile * (1 - overlap)) + 1)).all()
    assert (steps <= tile).all()  # no gap


@pytest.mark.ci
@given(height=st.integers(1, 130), width=st.integers(1, 130), overlap=st.sampled_from([0.0, 0.25, 0.5, 0.75]))
def test_what_does_not_depend_on_the_tile_has_no_seams(height: int, width: int, overlap: float) -> None:
    image = np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    sizes = []

    def brightness(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        assert batch.shape[1:] == (32, 32, 3)
        return np.asarray(batch.mean(axis=3) / 255, dtype=np.float32)

    found, count = blended(image, 32, overlap, 6 * 32**2 - 1, brightness)
    assert found.shape == (height, width)
    assert found == pytest.approx(image.mean(axis=2) / 255, abs=1e-5)
    assert sum(sizes) == count
    assert max(sizes) <= 5


def test_the_middle_of_a_tile_outweighs_its_border() -> None:
    weight = window(64)
    assert weight.min() > 0
    assert weight[32, 32] > 0.99
    assert weight[0].max() < 0.01
    # One half overlap: neighbours' weights add up to the same everywhere.
    row = weight[32]
    assert row[:32] + row[32:] == pytest.approx(np.full(32, row[31] + row[63]), abs=1e-3)


def test_what_only_the_border_of_a_tile_says_does_not_count() -> None:
    def rings(batch: np.ndarray) -> np.ndarray:
        ring = np.ones((len(batch), 32, 32), np.float32)
        ring[:, 1:-1, 1:-1] = 0
        return ring

    found, _ = blended(np.zeros((96, 96, 3), np.uint8), 32, 0.5, 5 * 32**2, rings)
    assert found[1:-1, 1:-1].max() < 0.01
    assert found[0].min() == pytest.approx(1)  # there no other tile says anything


@pytest.mark.ci
def test_a_run_on_crops_is_measured_by_the_tiles_that_predict(roboflow, tmp_path, monkeypatch):
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    for module in (tiles, predictor):
        monkeypatch.setattr(module, "NATIVE_TILE", 64)
    real = coco.read(roboflow)
    config = configure(
        "quick", backbone="mobilenet_v2", arm=REAL, seed=0, size=64, epochs=1, batch_size=4, threads=1, framing="crop",
        encoder_weights=None, precision="exact",
    )  # fmt: skip
    train(tmp_path / "run", config, real=real, split=splits.split(real, how="own", seed=0), renders=None)
    ready = RunPredictor(tmp_path / "run", predictor.Settings())
    for shape, count in (((90, 96), 0), ((100, 160), 12)):
        image = picture(1, *shape)
        arrays = decoded.Natives(
            pixels=image.reshape(-1, 3), truth=np.zeros(image[..., 0].size, np.uint8), shapes=np.array([shape]),
            row={"photo": 0},
        )  # fmt: skip
        [(measured, _)] = evaluate.probabilities(ready.network, config, arrays, ["photo"])
        predicted, cut = ready.probability(image)
        assert cut == count
        assert measured == pytest.approx(predicted, abs=1e-5)
        Image.fromarray(image).save(tmp_path / "photo.png")
        photo = coco.Photo(
            id=1, file_name="photo.png", path=tmp_path / "photo.png", width=shape[1], height=shape[0], split=None,
            annotations=(),
        )  # fmt: skip
        [mask] = evaluate.predict_masks(tmp_path / "run", [photo])
        assert (mask == (predicted > 0.5))[np.abs(predicted - 0.5) > 1e-5].all()
