"""How photos come to the network: whole or in tiles, at which scale, and flipped; and the threshold."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from predicted import mask_of, rows

from corrotwin.segmentation.commands import predict as predict_command
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.twin.core.errors import InputError


def with_manifest(run: Path, folder: Path, **changes: object) -> Path:
    """A copy of a run with other entries in its manifest; None leaves one out."""
    made = Path(shutil.copytree(run, folder))
    manifest = {**json.loads((run / "run.json").read_text()), **changes}
    (made / "run.json").write_text(json.dumps({name: value for name, value in manifest.items() if value is not None}))
    return made


@pytest.mark.ci
@pytest.mark.usefixtures("by_brightness")
def test_photos_much_larger_than_those_of_training_need_a_choice(
    run: Path, photos: Path, tmp_path: Path, run_module: Any
) -> None:
    newer = with_manifest(run, tmp_path / "newer", photo_side=64.0)
    older = with_manifest(run, tmp_path / "older", photo_side=None)  # 64 px at scale 1
    for folder in (newer, older):
        done = run_module("predict", photos, "--run", folder, "--out", tmp_path / "out")
        [line] = done.stderr.splitlines()
        assert done.returncode == 2
        assert "1 of 3 photos are much larger than those of training (186 pixels a side, those of training 64; " in line
        assert line.endswith(
            "large.png): if they show a larger area, give --tiling always; if the same area on more pixels, give "
            "--tiling never"
        )
        assert not (tmp_path / "out").exists()
    for number, (choice, tiled) in enumerate({"always": True, "never": False}.items()):
        predict_command.predict((photos,), run=(newer,), out=tmp_path / str(number), tiling=choice)  # type: ignore[arg-type]
        assert (int(rows(tmp_path / str(number))["large.png"]["tiles"]) > 4) == tiled
    predict_command.predict((photos,), run=(newer,), out=tmp_path / "scaled", scale=1.0)
    assert int(rows(tmp_path / "scaled")["large.png"]["tiles"]) > 4
    predict_command.predict((photos / "a.jpg",), run=(newer,), out=tmp_path / "small")
    assert rows(tmp_path / "small")["a.jpg"]["tiles"] == "0"


def test_a_run_on_crops_needs_a_scale_for_photos_much_larger_than_those_of_training(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    config = json.loads((run / "run.json").read_text())["config"]
    crops = with_manifest(run, tmp_path / "crops", photo_side=64.0, config={**config, "framing": "crop"})
    with pytest.raises(InputError, match=r"larger area, give `scale` 1; if the same .* give `scale` 0\.34"):
        predict_command.predict((photos,), run=(crops,), out=tmp_path / "out")
    assert predict_command.predict((photos,), run=(crops,), out=tmp_path / "out", scale=1.0) == 0


def test_small_photos_are_predicted_as_the_run_was_measured(run: Path, photos: Path, tmp_path: Path) -> None:
    """The report's overlays come from `evaluate.predict_masks`."""
    predict_command.predict((photos / "a.jpg",), run=(run,), out=tmp_path / "out", overlays=False)
    photo = coco.Photo(id=1, file_name="a.jpg", path=photos / "a.jpg", width=70, height=64, split=None, annotations=())
    (expected,) = evaluate.predict_masks(run, [photo])
    assert 0.05 < expected.mean() < 0.95
    assert (mask_of(tmp_path / "out", "a") == expected).mean() > 0.99  # enlarged by OpenCV here, by torch there
    assert not (tmp_path / "out" / "overlays").exists()


@pytest.mark.usefixtures("by_brightness")
@pytest.mark.parametrize(("scale", "least"), [(1.0, 1.0), (0.5, 0.9)])
def test_tiles_have_the_scale_of_training_and_leave_no_seam(
    run: Path, tmp_path: Path, scale: float, least: float
) -> None:
    y, x = np.mgrid[:301, :421]
    disc = (y - 150) ** 2 + (x - 200) ** 2 < 90**2
    image = np.where(disc[..., None], 200, 60).repeat(3, axis=2).astype(np.uint8)
    predictor = RunPredictor(run, Settings(scale=scale))
    probability, tiles = predictor.probability(image)
    size = (round(301 * scale), round(421 * scale))
    steps = [1 + -(-(side - 64) // 32) for side in size]
    assert tiles == steps[0] * steps[1]
    found = probability > 0.5
    assert (found & disc).sum() / (found | disc).sum() >= least


@pytest.mark.parametrize("is_stated", [True, False])
@pytest.mark.parametrize(("scale", "tiles"), [(0.5, 1), (1.0, 1), (2.0, 9)])
def test_a_scale_that_is_given_is_that_of_every_photo(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: float, tiles: int, is_stated: bool
) -> None:
    """Also of a photo that is small enough to be squeezed whole; a run on whole photos gets it in tiles then.

    The manifest of the run need not state the scale of training.
    """
    if not is_stated:
        run = with_manifest(run, tmp_path / "older", scale=None, photo_side=None)
    shapes = []

    def predict(self: RunPredictor, images: np.ndarray) -> np.ndarray:
        shapes.append(images.shape[1:3])
        return np.zeros(images.shape[:3], dtype=np.float32)

    monkeypatch.setattr(RunPredictor, "network_output", predict)
    image = np.zeros((60, 64, 3), dtype=np.uint8)
    whole = RunPredictor(run, Settings(scale=scale))
    assert whole.probability(image)[1] == tiles
    assert set(shapes) == {(64, 64)}
    shapes.clear()
    whole.framing = "crop"
    assert whole.probability(image)[1] == 0
    assert shapes == [(60 * scale, 64 * scale)]


def test_a_scale_for_photos_that_are_squeezed_is_refused(run: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`tiling` never squeezes every photo to 64 x 64 pixels, whatever `scale`"):
        predict_command.predict((photos,), run=(run,), out=tmp_path / "out", tiling="never", scale=0.5)
    assert not (tmp_path / "out").exists()


@pytest.mark.ci
@pytest.mark.parametrize("axis", [0, 1])
def test_flips_make_a_mirrored_photo_give_the_mirrored_mask(run: Path, axis: int) -> None:
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for flips in (False, True):
        predictor = RunPredictor(run, Settings(flips=flips))
        mask, mirrored = predictor.probability(image)[0], predictor.probability(np.flip(image, axis))[0]
        assert np.allclose(mask, np.flip(mirrored, axis), atol=1e-4) == flips


def test_flips_change_nothing_where_each_pixel_is_judged_alone(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        evaluate, "logits_of", lambda network, config, images: torch.from_numpy(images[:, None, :, :, 0] / 64 - 2)
    )
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    plain, turned = (RunPredictor(run, Settings(flips=flips)).probability(image)[0] for flips in (False, True))
    assert turned == pytest.approx(plain, abs=1e-6)


@pytest.mark.ci
@pytest.mark.usefixtures("by_brightness")
def test_threshold_and_overlap_are_those_that_were_given(run: Path, tmp_path: Path) -> None:
    image = np.full((128, 128, 3), 100, dtype=np.uint8)  # 0.39
    image[:, 64:] = 180  # 0.71
    Image.fromarray(image).save(tmp_path / "a.png")
    bright = image[..., 0] == 180
    for overlap, tiles in ((0.0, "4"), (0.5, "9")):
        for threshold, expected in ((0.3, bright | True), (0.5, bright), (0.8, bright & False)):
            out = tmp_path / f"{overlap} {threshold}"
            options = {"tiling": "always", "threshold": threshold, "overlap": overlap}
            predict_command.predict((tmp_path / "a.png",), run=(run,), out=out, **options)  # type: ignore[arg-type]
            np.testing.assert_array_equal(mask_of(out, "a"), expected)
            assert float(rows(out)["a.png"]["rusted_percent"]) == 100 * expected.mean()
            assert rows(out)["a.png"]["tiles"] == tiles


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 1.0}, "threshold"), ({"scale": 0.0}, "scale"), ({"scale": float("nan")}, "scale"),
        ({"overlap": 1.0}, "overlap"),
    ],
)  # fmt: skip
def test_settings_are_checked(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Settings(**changes)  # type: ignore[arg-type]
