"""What to label next: doubt that counts, one photo of each spot first, a folder that goes on where it was cut off."""

import csv
import hashlib
import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from browser import check_page
from PIL import Image

from corrotwin.segmentation import shipped
from corrotwin.segmentation.api.run import Run
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.commands.rank import rank as command
from corrotwin.segmentation.config import DEFAULT_BACKBONE, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.labelling import choice, folder, scores
from corrotwin.segmentation.labelling.scores import Doubt
from corrotwin.segmentation.models.network import load_weights
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.search import search
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import photos as drawn
from tests.helpers.unlabelled import picture


@pytest.fixture(scope="module")
def data(roboflow, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROTWIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield coco.read(roboflow)


def trained(out, data, seed):
    tiny = {"backbone": "mobilenet_v2", "size": 64, "epochs": 1, "batch_size": 4, "threads": 1, "precision": "exact"}
    limits = {"max_train_images": None, "max_eval_images": None, "encoder_weights": None}
    config = configure("quick", arm=REAL, seed=seed, **tiny, **limits)
    train(out, config, real=data, split=splits.split(data, how="own", seed=0), renders=None)
    return out


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return trained(tmp_path_factory.mktemp("run"), data, 5)


def ranked(runs, photos, out, count=3, on_photo=None):
    predictors = [RunPredictor(run, Settings(tiling="never")) for run in runs]
    return folder.rank(predictors, search([photos]).photos, out, count=count, on_photo=on_photo)


class Judge:
    """Stands for a predictor whose probability is a function of the photo."""

    def __init__(self, function, threshold=0.5):
        self.function, self.threshold = function, threshold

    def probability(self, image):
        return np.asarray(self.function(image), np.float32), 0


@pytest.fixture
def no_features(monkeypatch):
    monkeypatch.setattr(scores, "features_of", lambda predictor, image: np.ones(1, np.float32))


@pytest.mark.usefixtures("no_features")
def test_doubt_counts_where_corrosion_is_likely_and_disagreement_where_views_differ():
    image = picture(0, 64, 64)

    def score(*functions):
        return scores.score([Judge(function) for function in functions], image)

    half = score(lambda image: np.full(image.shape[:2], 0.5))
    assert half.entropy == pytest.approx(1.0, abs=1e-5)
    assert half.disagreement == pytest.approx(0.0, abs=1e-6)
    sure = score(lambda image: np.full(image.shape[:2], 0.999))
    assert sure.entropy < 0.02
    assert sure.corroded == 1.0
    far = score(lambda image: np.full(image.shape[:2], 0.04))
    assert (far.entropy, far.corroded) == (0.0, 0.0)
    apart = score(lambda image: np.full(image.shape[:2], 1e-6), lambda image: np.full(image.shape[:2], 1 - 1e-6))
    assert apart.disagreement == pytest.approx(1.0, abs=1e-3)

    def left(image):
        """Corrosion on the left of whatever view: mirror images contradict each other."""
        return np.where(np.arange(image.shape[1]) < image.shape[1] / 2, 1 - 1e-6, 1e-6) * np.ones(image.shape[:2])

    assert score(left).disagreement == pytest.approx(1.0, abs=0.05)
    # one run that sees the same in all views agrees with itself
    assert score(lambda image: image[..., 0] / 255).disagreement == pytest.approx(0.0, abs=0.01)


def test_values_are_mean_ranks():
    made = [
        Doubt(disagreement=d, entropy=e, corroded=0.0, features=np.ones(1, np.float32))
        for d, e in ((0.1, 0.9), (0.2, 0.5), (0.3, 0.7))
    ]
    assert choice.values(made) == pytest.approx([0.5, 0.25, 0.75])
    assert choice.values(made[:1]).tolist() == [1.0]


def test_the_next_photo_is_unlike_those_before_and_of_another_spot():
    features = np.array([[2, 0], [2, 0], [0, 2], [-0.6, -0.8], [-3.4, -1.2]], np.float32)  # about the middle
    value = np.array([1.0, 0.99, 0.5, 0.2, 0.1])
    spots = list("abcde")
    assert choice.order(value, features, spots)[:2] == [0, 2]  # 0.99 looks like the first
    assert sorted(choice.order(value, features, spots)) == [0, 1, 2, 3, 4]
    # a spot of three photos has its second only when all others have had their first
    assert choice.order(value, features, list("aabbc"))[:3] == [0, 2, 4]
    alike = np.ones((4, 1), np.float32)
    assert choice.order(np.array([0.1, 0.9, 0.5, 0.7]), alike, list("abcd")) == [1, 3, 2, 0]


def test_photos_of_equal_pixels_are_each_chosen_once():
    for seed in range(20):  # rounding decides whether the distance of equal photos is below 0
        features = np.abs(np.random.default_rng(seed).normal(size=(6, 320))).astype(np.float32)
        features = np.concatenate([features, features[:1]])
        value = np.array([0.9, 0.5, 0.4, 0.3, 0.2, 0.1, 0.9])
        assert sorted(choice.order(value, features, list("abcdefa"))) == list(range(7))


@pytest.mark.ci
def test_a_ranking_on_disk(run, tmp_path, roboflow):
    photos = tmp_path / "photos"
    drawn(photos, range(6))
    Image.open(photos / "0003.png").save(photos / "twice.jpg", quality=95)
    shutil.copy(photos / "0003.png", photos / "copy.png")
    for part in ("train", "test"):
        for path in sorted((roboflow / part).glob("*.png"))[:2]:
            shutil.copy(path, photos)
    (photos / "broken.png").write_bytes(b"no picture")
    shutil.copy(photos / "0001.png", os.fsencode(photos) + b"/br\xfccke.png")
    wrong = []
    ranking = ranked([run], photos, tmp_path / "out", on_photo=lambda error: wrong.append(error) if error else None)
    rows = list(csv.DictReader((tmp_path / "out" / "ranking.csv").read_text().splitlines()))
    assert [int(row["rank"]) for row in rows] == list(range(1, 8))
    assert sorted("is not UTF-8; rename the file" in str(error) for error in wrong) == [False, True]
    assert ranking.labelled == 4
    spots = {row["photo"]: row["spot"] for row in rows}
    assert "copy" not in spots
    assert spots["0003"] == spots["twice"]
    assert len(set(spots.values())) == 6
    assert {rows[-1]["photo"]} <= {"0003", "twice"}  # the second of its spot
    labelled = tmp_path / "out" / "to-label"
    digests = [hashlib.sha256((photos / f"{row['photo']}.png").read_bytes()).hexdigest() for row in rows[:3]]
    names = [f"{place + 1:03d}-{digests[place][:8]}-{row['photo']}.png" for place, row in enumerate(rows[:3])]
    assert sorted(path.name for path in (labelled / "images").iterdir()) == names
    assert [photo.file_name for photo in coco.read(labelled, allow_unannotated=True).photos] == names
    check_page(tmp_path / "out" / "index.html")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "3 of 7 photos" in page
    assert page.count("<img") == 7
    assert "4 photos that have labels already" in page


@pytest.mark.ci
def test_a_ranking_goes_on_where_it_was_cut_off(run, tmp_path, monkeypatch):
    photos = tmp_path / "photos"
    drawn(photos, range(5))
    ranked([run], photos, tmp_path / "whole")
    calls = []
    real = folder.score

    def counted(predictors, image):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(predictors, image)

    monkeypatch.setattr(folder, "score", counted)
    with pytest.raises(KeyboardInterrupt):
        ranked([run], photos, tmp_path / "cut")
    table = tmp_path / "cut" / "scores.jsonl"
    table.write_bytes(table.read_bytes()[:-20])  # the last line is torn
    ranked([run], photos, tmp_path / "cut")
    assert len(calls) == 4 + 3
    for name in ("ranking.csv", "index.html", "to-label/annotations/instances_default.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    drawn(photos, [7])
    assert len(ranked([run], photos, tmp_path / "cut", count=1).photos) == 6
    assert len(calls) == 8
    table.write_bytes(b'{"sha256": 1}\n' + table.read_bytes())
    with pytest.raises(InputError, match=r"scores\.jsonl: line 1 is damaged; delete the file"):
        ranked([run], photos, tmp_path / "cut")


@pytest.mark.ci
def test_a_name_stays_that_of_one_photo_and_corrected_labels_stay(run, tmp_path):
    out, seen = tmp_path / "out", {}
    for seed in range(3):  # cameras number photos anew in each folder
        (path,) = drawn(tmp_path / "photos" / f"{seed}", [seed])
        path.rename(path.with_name("IMG_0001.png"))
    for _ in range(2):
        ranked([run], tmp_path / "photos", out, count=1)
        for path in (out / "to-label" / "images").iterdir():
            assert seen.setdefault(path.name, path.read_bytes()) == path.read_bytes()
        for path in (tmp_path / "photos").rglob("*.png"):  # the first is labelled, and another comes first
            if path.read_bytes() in seen.values():
                path.unlink()
    assert len(seen) > 1
    labels = out / "to-label" / "annotations" / "instances_default.json"
    corrected = json.loads(labels.read_text()) | {"annotations": [], "info": {"description": "by a person"}}
    labels.write_text(json.dumps(corrected))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"instances_default\.json: has other labels than were drawn.*`out`"):
        ranked([run], tmp_path / "photos", out, count=5)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.ci
def test_photos_that_were_labelled_since_are_left_out(run, tmp_path):
    """As the documentation says: merge the labels of the first, delete `to-label`, and repeat the command."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    drawn(photos, range(5))
    command(run, (photos,), out=out, count=2)
    first = {path.read_bytes() for path in (out / "to-label" / "images").iterdir()}
    shutil.move(out / "to-label", tmp_path / "corrected")
    command(run, (photos,), out=out, count=2, labelled=(tmp_path / "corrected",))
    second = {path.read_bytes() for path in (out / "to-label" / "images").iterdir()}
    assert (len(first), len(second), first & second) == (2, 2, set())
    assert "2 photos that have labels already were left" in (out / "index.html").read_text()
    left = Run(run).rank(photos, out=tmp_path / "again", labelled=tmp_path / "corrected")
    assert {path.read_bytes() for path in left} & first == set()
    assert len(left) == 3


@pytest.mark.ci
def test_runs_that_differ_tell_more(run, data, tmp_path):
    photos = tmp_path / "photos"
    drawn(photos, range(4))
    other = trained(tmp_path / "other", data, 6)
    alone = ranked([run], photos, tmp_path / "alone")
    both = ranked([run, other], photos, tmp_path / "both")
    doubt = [sum(each.scores.disagreement for each in ranking.photos) for ranking in (alone, both)]
    assert doubt[1] > doubt[0]
    with pytest.raises(InputError, match="was started with other settings"):
        ranked([other], photos, tmp_path / "both")


@pytest.mark.ci
@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda photos, train: drawn(photos, [1]), {}, "1 can be ranked, at least 2 are needed; give more"),
        (lambda photos, train: drawn(photos, [1, 2]), {"count": 0}, "`?(--)?count`? 0 is below 1"),
        (
            lambda photos, train: [shutil.copy(path, photos) for path in train],
            {},
            "0 can be ranked, at least 2 are needed; 3 have labels already; give more",
        ),
        (lambda photos, train: None, {}, "no photos in this folder"),
        (
            lambda photos, train: [*drawn(photos, [1]), *drawn(photos / "day-2", [1])],
            {},
            "two photos named 0001; give a folder that holds both",
        ),
    ],
    ids=["one photo", "none to label", "all labelled", "none", "one name"],
)
def test_what_cannot_be_ranked_is_one_line(make, options, message, run, roboflow, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    make(photos, sorted((roboflow / "train").glob("*.png"))[:3])
    with pytest.raises(InputError, match=message):
        command(run, (photos, *photos.glob("day-*")), out=tmp_path / "out", **options)
    assert not (tmp_path / "out" / "ranking.csv").exists()


@pytest.mark.ci
def test_features_tell_pictures_apart():
    config = configure("small", backbone=DEFAULT_BACKBONE, arm=REAL, seed=0)
    network = load_weights(shipped.WEIGHTS, config.backbone, config.architecture)
    predictor = SimpleNamespace(config=config, network=network)
    one, other = (scores.features_of(predictor, picture(seed)) for seed in (1, 2))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, scores.features_of(predictor, picture(1)))
    assert np.array_equal(one, one.astype(np.float16))
    assert torch.is_grad_enabled()


@pytest.mark.ci
@pytest.mark.parametrize("before", [{"tiling": "never"}, {"scale": 0.5}], ids=["tiling", "scale"])
def test_photos_taken_in_otherwise_are_another_ranking(before, run, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    drawn(photos, range(2))
    command(run, (photos,), out=out, **before)
    scores_before = (out / "scores.jsonl").read_bytes()
    for other in ({}, {"tiling": "always"}, {"scale": 0.25}):
        with pytest.raises(InputError, match=r"was started with other settings.*(tiling|scale)"):
            command(run, (photos,), out=out, **other)
    command(run, (photos,), out=out, **before)
    assert (out / "scores.jsonl").read_bytes() == scores_before


@pytest.mark.ci
def test_the_command_says_where_to_look(run, tmp_path, capsys):
    drawn(tmp_path / "photos", range(3))
    Image.fromarray(picture(9)).save(tmp_path / "photos" / "ninth.png")
    assert command(run, (tmp_path / "photos",), out=tmp_path / "out", count=2, tiling="never") == 0
    said = capsys.readouterr()
    assert "4 photos ranked, the first 2 of them in" in said.out
    assert json.loads((tmp_path / "out" / "to-label" / "label-studio.json").read_text())
    images = tmp_path / "out" / "to-label" / "images"
    assert "earlier" not in said.err
    assert command(run, (tmp_path / "photos",), out=tmp_path / "out", count=1, tiling="never") == 0
    said = capsys.readouterr().err
    assert f"{images}: also holds 1 photo of earlier commands, which CVAT would return as clean; once" in said
    shutil.rmtree(images)
    assert command(run, (tmp_path / "photos",), out=tmp_path / "out", count=1, tiling="never") == 0
    assert "earlier" not in capsys.readouterr().err
    assert len(list(images.iterdir())) == 1
