"""Statistics of batch normalisation from the photos that are predicted: how much they weigh, and that it is said."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import SMALLEST

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation import adaptation, evaluate
from corrotwin.segmentation.evaluation.assessment import assess, describe
from corrotwin.segmentation.models.network import build
from corrotwin.segmentation.prediction import folder
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.search import search
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import photos as drawn


def config_of(**changes):
    tiny = {"backbone": "mobilenet_v2", "seed": 5, "size": 64, "epochs": 1, "batch_size": 4, "threads": 1}
    limits = {"max_train_images": None, "max_eval_images": None, "encoder_weights": None, "precision": "exact"}
    return configure("quick", arm=REAL, **{**tiny, **limits, **changes})


@pytest.fixture(scope="module")
def data(roboflow, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROTWIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield coco.read(roboflow)


@pytest.fixture(scope="module", params=["resize", "crop"])
def run(request, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    config = config_of(framing=request.param)
    train(out, config, real=data, split=splits.split(data, how="own", seed=0), renders=None)
    return out


@pytest.mark.parametrize(("count", "batch_size"), [(1, 16), (4, 16), (9, 16), (9, 4)])
def test_statistics_of_training_weigh_sixteen_images_and_each_image_the_same(count, batch_size):
    layer = torch.nn.BatchNorm2d(3)
    layer.running_mean[:] = torch.tensor([1.0, 2.0, 3.0])
    layer.running_var[:] = torch.tensor([4.0, 5.0, 6.0])
    layer.weight.data[:] = 7.0
    images = np.random.default_rng(0).integers(0, 128, (count, 32, 64, 3), dtype=np.uint8)
    images[4:8] += 127  # so that batches differ
    config = config_of(batch_size=batch_size)
    assert adaptation.adapt(layer, config, iter(images)) == count
    mean, spread = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of ImageNet
    seen = (images / 255 - mean) / spread
    share = 16 / (16 + count)
    expected = share * np.array([1.0, 2.0, 3.0]) + (1 - share) * seen.mean(axis=(0, 1, 2))
    assert layer.running_mean.numpy() == pytest.approx(expected, abs=1e-5)
    batches = [seen[:4], seen[4:]] if batch_size < count else [seen]  # none of one image
    variance = sum(len(batch) * batch.var(axis=(0, 1, 2), ddof=1) for batch in batches) / count
    expected = share * np.array([4.0, 5.0, 6.0]) + (1 - share) * variance
    assert layer.running_var.numpy() == pytest.approx(expected, rel=1e-4)
    assert layer.weight.data.tolist() == [7.0] * 3
    assert not layer.training


@pytest.mark.parametrize(
    ("size", "counts"), [(1, [2, 3, 2, 1]), (2, [2, 3, 2, 1]), (3, [3, 2, 2, 1]), (4, [5, 2, 1]), (8, [5, 2, 1])]
)
def test_images_of_one_shape_pass_together_all_of_them_and_none_alone_that_has_company(size, counts):
    shapes = [(32, 32), (32, 64), (32, 32), (64, 64), (32, 32), (32, 64), (32, 32), (32, 32)]
    images = [np.full((*shape, 3), number, np.uint8) for number, shape in enumerate(shapes)]
    batches = list(adaptation._batches(iter(images), size))
    assert [len(batch) for batch in batches] == counts
    assert sorted(int(image[0, 0, 0]) for batch in batches for image in batch) == list(range(8))


@pytest.mark.ci
@pytest.mark.parametrize("architecture", ["DeepLabV3", "DeepLabV3Plus"])
def test_a_network_that_pools_an_image_to_one_value_takes_nine_photos_but_not_one(architecture):
    config = config_of(architecture=architecture, backbone=SMALLEST, batch_size=8)
    images = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)

    def adapted(given):
        network = build(SMALLEST, architecture=architecture, encoder_weights=None, seed=0)
        return adaptation.adapt(network, config, given)

    assert adapted(images) == 9
    with pytest.raises(InputError, match="tu-test_resnet needs more than one photo that it sees at 64 x 64 pixels"):
        adapted(images[:1])


def test_a_network_without_batch_normalisation_is_refused():
    with pytest.raises(InputError, match="no batch normalisation"):
        adaptation.adapt(torch.nn.Conv2d(3, 1, 1), config_of(), [])


def predicted(run, photos, out, **settings):
    folder.predict(RunPredictor(run, Settings(**settings)), search([photos]).photos, out)
    return json.loads((out / "annotations.json").read_text())["info"]["description"]


@pytest.mark.ci
@pytest.mark.parametrize("tiling", ["auto", "never"])
def test_a_prediction_says_that_it_was_adapted_and_to_which_photos(run, tmp_path, tiling):
    photos = tmp_path / "photos"
    drawn(photos, range(6))
    (photos / "broken.png").write_bytes(b"no picture")
    plain = predicted(run, photos, tmp_path / "plain", tiling=tiling)
    adapted = predicted(run, photos, tmp_path / "adapted", tiling=tiling, adapt=True)
    assert "statistics" not in plain
    assert "statistics of batch normalisation were taken from these photos" in adapted
    assert "adapt" not in json.loads((tmp_path / "plain" / "claim.json").read_text())["configuration"]
    claim = json.loads((tmp_path / "adapted" / "claim.json").read_text())["configuration"]
    assert claim["adapt"] is True
    masks = [
        np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / out / "masks").glob("*.png"))])
        for out in ("plain", "adapted")
    ]
    assert len(masks[0]) == 6
    before = {path: path.read_bytes() for path in (tmp_path / "adapted").rglob("*.*")}
    predicted(run, photos, tmp_path / "adapted", tiling=tiling, adapt=True)
    assert {path: path.read_bytes() for path in (tmp_path / "adapted").rglob("*.*")} == before
    drawn(photos, range(20, 22))
    with pytest.raises(InputError, match="adapted to"):
        predicted(run, photos, tmp_path / "adapted", tiling=tiling, adapt=True)


@pytest.mark.ci
def test_scores_and_predictions_take_statistics_from_the_same_images(run, tmp_path, monkeypatch):
    """Of a photo that is cut into tiles, eight tiles: ten of 1,024 pixels cover it."""
    pixels = np.resize(np.random.default_rng(3).integers(0, 256, 997, dtype=np.uint8), (1100, 2600, 3))
    Image.fromarray(pixels).save(tmp_path / "large.png")
    images = [{"id": 1, "file_name": "large.png", "width": 2600, "height": 1100}]
    (tmp_path / "annotations.json").write_text(json.dumps(coco.document(images, [], description="drawn")))
    taken = []

    def take(network, config, images):
        taken.append([np.array(image) for image in images])

    monkeypatch.setattr(adaptation, "adapt", take)
    predictor = RunPredictor(run, Settings())
    predictor.adapt([("any", pixels)])
    data = coco.read(tmp_path, allow_unannotated=True)
    arrays = evaluate.decoded_arrays(data, predictor.config)
    take(None, None, adaptation.shown_photos(arrays, ["large.png"]))
    assert len(taken[0]) == (8 if predictor.framing == "crop" else 1)
    assert all(np.array_equal(one, other) for one, other in zip(*taken, strict=True))


@pytest.mark.ci
def test_photos_none_of_which_can_be_read_are_refused(run, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="`adapt`: no photo can be read"):
        predicted(run, tmp_path / "photos", tmp_path / "out", adapt=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.ci
def test_scores_with_adapted_statistics_are_called_transductive(run, data, tmp_path):
    plain = assess(run, data, threshold=0.5)
    adapted = assess(run, data, threshold=0.5, adapt=True, out=tmp_path / "out")
    assert plain.per_image.image == adapted.per_image.image
    assert "transductive" in describe(adapted.summary)
    assert "transductive" not in describe(plain.summary)
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["adapted"] is True
    assert "adapted" not in plain.summary
    assert adapted.summary["brier_score"] != plain.summary["brier_score"]
    shutil.rmtree(tmp_path / "out")
