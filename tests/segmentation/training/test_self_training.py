"""A teacher labels pictures that nobody has labelled: its views, its labels, what of them counts, and its resume."""

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_runs
import torch
from curves import curves
from safetensors.torch import load_file
from small_runs import KilledError

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import MIXED, REAL, DataArm, taught_by
from corrotwin.segmentation.augmentation import augment
from corrotwin.segmentation.config import from_json, to_json
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.data.perceptual_hash import to_hex
from corrotwin.segmentation.evaluation.evaluate import measured_photos
from corrotwin.segmentation.models.network import normalise
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.training import fine_tuning, inputs, self_training
from corrotwin.segmentation.training.apart import gathered
from corrotwin.segmentation.training.train import taught_loss, train
from corrotwin.segmentation.unlabelled.pictures import OF_TEST
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import photos

TAUGHT = DataArm(name="taught", self_training="unlabelled")
CONTROL = DataArm(name="control", self_training="photos")
RENDERS_TAUGHT = DataArm(name="renders", render_share=1.0, self_training="unlabelled")


def config_of(arm=TAUGHT, **changes):
    return small_runs.config_of(arm, **{"epochs": 3, **changes})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    photos(folder, range(10))
    return folder


@pytest.fixture(scope="module")
def pictures(data, site):
    return gathered([site], config_of(), data["real"], data["split"])


def weights_after(folder, config, data, **options):
    train(folder, config, **data, **options)
    return load_file(folder / "best.safetensors")


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def result_of(folder):
    tables = [list(csv.DictReader((folder / name).read_text().splitlines())) for name in ("history.csv", "teacher.csv")]
    rows = [[{name: cell for name, cell in row.items() if name != "seconds"} for row in table] for table in tables]
    return (folder / "best.safetensors").read_bytes(), (folder / "per_image.csv").read_bytes(), rows


@pytest.mark.ci
@pytest.mark.parametrize(
    "changes",
    [
        {},
        pytest.param({"precision": "exact", "keep": "averaged"}, marks=pytest.mark.slow),
        pytest.param({"framing": "crop"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_killed_run_with_a_teacher_resumes_to_the_same_bits(changes, data, site, tmp_path):
    config = config_of(**changes)
    pictures = gathered([site], config, data["real"], data["split"])
    train(tmp_path / "whole", config, **data, unlabelled=pictures)

    def kill(_row):
        raise KilledError

    for _ in range(2):
        with pytest.raises(KilledError):
            train(tmp_path / "cut", config, **data, unlabelled=pictures, checkpoint_seconds=0.0, on_epoch=kill)
    train(tmp_path / "cut", config, **data, unlabelled=pictures)
    assert result_of(tmp_path / "cut") == result_of(tmp_path / "whole")
    shown = curves(tmp_path)
    assert shown["cut"] == shown["whole"]
    said = list(csv.DictReader((tmp_path / "cut" / "teacher.csv").read_text().splitlines()))
    labelled = [(int(row["epoch"]), pytest.approx(float(row["sure"]), rel=1e-6)) for row in said]
    assert shown["cut"]["teacher/share_of_pixels_labelled"] == labelled
    run = runs.load(tmp_path / "cut")
    assert run.manifest["data"]["unlabelled"] == pictures.digest
    assert set(run.manifest["self_training"]) == {"sure", "called", "collapsed"}
    assert [row["epoch"] for row in result_of(tmp_path / "cut")[2][1]] == ["2", "3"]  # labels alone teach the first


@pytest.mark.ci
def test_pictures_the_control_and_no_teacher_are_three_results(data, pictures, tmp_path):
    taught = weights_after(tmp_path / "taught", config_of(), data, unlabelled=pictures)
    control = weights_after(tmp_path / "control", config_of(CONTROL), data)
    alone = weights_after(tmp_path / "alone", config_of(REAL), data)
    assert not same(taught, control)
    assert not same(control, alone)
    assert not (tmp_path / "alone" / "teacher.csv").exists()
    assert not runs.is_complete(tmp_path / "taught", config_of(), **data)
    assert runs.is_complete(tmp_path / "taught", config_of(), **data, unlabelled=pictures.digest)
    assert not runs.is_complete(tmp_path / "alone", config_of(REAL), **data, unlabelled=pictures.digest)


@pytest.mark.ci
def test_renders_are_labelled_and_photos_are_not(data, pictures, tmp_path):
    train(tmp_path / "run", config_of(RENDERS_TAUGHT), **data, unlabelled=pictures)
    manifest = runs.load(tmp_path / "run").manifest
    assert (manifest["counts"]["train_photos"], manifest["counts"]["train_renders"]) == (0, 7)
    assert manifest["seen_looks"] == sorted(to_hex(bits) for bits in pictures.hashes[pictures.is_used])


def test_labels_of_photos_have_no_part_in_what_a_teacher_says_of_pictures(data, pictures):
    """The pictures of a step follow from seed and step, come in turn, and hold no test photo."""
    loader = inputs.prepare(config_of(), data["real"], data["split"], None, 0, pictures).loader
    drawn = torch.cat([loader.unlabelled(step) for step in range(5)]).permute(0, 2, 3, 1).numpy()
    found = [int(np.flatnonzero((np.abs(pictures.images / 255 - one) < 1e-6).all(axis=(1, 2, 3)))[0]) for one in drawn]
    assert sorted(found) == sorted([*range(10)] * 2)
    again = inputs.prepare(config_of(), data["real"], data["split"], None, 0, pictures).loader
    assert torch.equal(again.unlabelled(3), loader.unlabelled(3))


def test_views_show_the_same_places_in_other_colours():
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.random((6, 3, 32, 32), dtype=np.float32) * 0.2 + 0.4)
    weak, strong = augment.views(images, seed=1, first=0)
    assert not torch.equal(weak, strong)
    # luma goes with luma, place by place: no view is turned or moved against the other
    for one, other in zip(weak.mean(dim=1).flatten(1), strong.mean(dim=1).flatten(1), strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.8
    later = augment.views(images[2:], seed=1, first=2)
    assert torch.allclose(later[0], weak[2:])
    assert torch.allclose(later[1], strong[2:])
    spread = torch.stack(
        [view.std(dim=0).mean() for view in augment.views(images.repeat(30, 1, 1, 1), seed=1, first=0)[1]]
    )
    assert 0.1 < float((spread < 1e-4).float().mean()) < 0.3  # a fifth is grey


class Brightness(torch.nn.Module):
    """A teacher that calls what is bright corrosion, and is sure where it is very bright or dark."""

    def forward(self, images):
        return 20 * images.mean(dim=1, keepdim=True)


def test_a_lesson_is_what_the_teacher_says_of_the_weak_view(data, pictures):
    config = config_of()
    loader = inputs.prepare(config, data["real"], data["split"], None, 0, pictures).loader
    taught = self_training.lesson(loader, Brightness(), config, 3)
    weak, strong = augment.views(loader.unlabelled(3), seed=config.seed, first=12)
    boxes = self_training.rectangles(4, 64, config.seed, 3)
    assert boxes.any()
    bright = (normalise(weak, config.backbone).mean(dim=1, keepdim=True) > 0).float()
    expected = torch.where(boxes, bright.roll(-1, 0), bright)
    assert torch.equal(taught.labels, expected)
    assert torch.equal(taught.images, torch.where(boxes, strong.roll(-1, 0), strong))
    assert 0 < float(taught.sure.mean()) < 1


def test_what_the_teacher_is_not_sure_of_counts_for_nothing():
    labels = torch.ones(1, 1, 2, 2)
    sure = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    taught = self_training.Lesson(images=torch.zeros(1, 3, 2, 2), labels=labels, sure=sure)
    logits = torch.full((1, 1, 2, 2), -2.0)
    assert float(self_training.loss(logits, taught)) == pytest.approx(math.log(1 + math.exp(2)) / 4)
    logits[0, 0, 1, 1] = 50.0
    assert float(self_training.loss(logits, taught)) == pytest.approx(math.log(1 + math.exp(2)) / 4)


def test_labelled_images_and_pictures_pass_together_and_only_their_own_loss_counts():
    class Fixed(torch.nn.Module):
        def forward(self, images):
            return images[:, :1]

    config = config_of(precision="exact")
    images, masks = torch.zeros(2, 3, 4, 4), torch.ones(2, 1, 4, 4)
    pictures = self_training.Lesson(
        images=torch.ones(2, 3, 4, 4), labels=torch.zeros(2, 1, 4, 4), sure=torch.ones(2, 1, 4, 4)
    )
    of_labels, of_pictures = taught_loss(config, Fixed(), images, masks, pictures)
    other = self_training.Lesson(images=pictures.images, labels=1 - pictures.labels, sure=pictures.sure)
    same_labels, of_others = taught_loss(config, Fixed(), images, masks, other)
    assert of_labels == same_labels
    assert of_pictures > of_others


def test_rectangles_cover_a_tenth_to_a_half_of_half_of_the_pictures():
    boxes = torch.cat([self_training.rectangles(8, 64, 0, step) for step in range(100)])
    shares = boxes.float().mean(dim=(1, 2, 3))
    mixed = shares[shares > 0]
    assert 0.45 < len(mixed) / len(boxes) < 0.55
    assert 0.09 < float(mixed.min()) < 0.13
    assert 0.45 < float(mixed.max()) < 0.52


def test_the_ramp():
    assert self_training.weight(0, 400) == self_training.weight(99, 400) == 0.0
    assert self_training.weight(100, 400) == pytest.approx(math.exp(-5))
    assert self_training.weight(150, 400) == pytest.approx(math.exp(-1.25))
    assert self_training.weight(200, 400) == self_training.weight(399, 400) == 1.0


def test_a_teacher_that_collapses_is_said_with_the_epoch(tmp_path, caplog):
    row = {"weight": 1.0, "loss": 0.1, "sure": 0.9}
    called = [0.5, 0.2, 0.0, 0.0]
    rows = [{"epoch": epoch, **row, "called": share} for epoch, share in enumerate(called, start=1)]
    rows[0] |= {"weight": 0.01, "called": 1.0}
    for count in (1, 2, 3, 4):
        self_training.report(tmp_path, rows[:count])
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}: in epoch 3 the teacher has collapsed: it calls 0.0% of the unlabelled pixels corrosion; use "
        "more labelled photos or renders, or leave the unlabelled ones out"
    ]
    assert self_training.summary(rows) == {"sure": 0.9, "called": 0.0, "collapsed": 3}
    assert self_training.collapsed([*rows, {"epoch": 5, **row, "called": 0.1}]) is None


@pytest.mark.ci
def test_statistics_are_re_estimated_over_unlabelled_pictures(data, pictures, tmp_path):
    config = config_of(REAL, batch_norm="re-estimated")
    over_pictures = weights_after(tmp_path / "pictures", config, data, unlabelled=pictures)
    over_photos = weights_after(tmp_path / "photos", config, data)
    for name, tensor in over_pictures.items():
        is_statistic = "running" in name or "num_batches" in name
        assert is_statistic or torch.equal(tensor, over_photos[name])
    assert not same(over_pictures, over_photos)


def test_what_shows_a_test_photo_is_left_out(data, site, roboflow):
    found = gathered([site, roboflow / "test", roboflow / "train"], config_of(), data["real"], data["split"])
    assert len(found.left_out[OF_TEST]) == len(data["split"].test)
    tested = {photo.sha256 for photo in data["real"].photos if photo.file_name in data["split"].test}
    assert not any(each.sha256 in tested for each in found.used)


def test_another_photo_of_a_test_spot_is_left_out_though_the_split_lacks_it(data, site, roboflow, tmp_path):
    whole = data["split"]
    later, *train_photos = whole.train  # as if it had joined the dataset after the split was made
    split = splits.Split(how="own", seed=0, train=tuple(train_photos), valid=whole.valid, test=whole.test)
    export = Path(shutil.copytree(roboflow, tmp_path / "export"))
    same = {later: whole.test[0], whole.valid[0]: whole.test[0]}
    names = [*whole.train, *whole.valid, *whole.test]
    rows = [f"{name},{same.get(name, name)}\n" for name in names]
    (export / "spots.csv").write_text("".join(["file_name,spot\n", *rows]))
    real = coco.read(export)
    found = gathered([site, roboflow / "test", roboflow / "train", roboflow / "valid"], config_of(), real, split)
    out = {photo.sha256 for photo in real.photos} - {picture.sha256 for picture in found.used}
    assert out == {photo.sha256 for photo in real.photos if photo.file_name in {later, *whole.test}}
    copied = {later: "pier_png.rf.1.png", whole.test[0]: "pier_png.rf.2.png"}  # by Roboflow, and no table tells of it
    names = {name: copied.get(name, name) for name in names}
    real = replace(
        data["real"], photos=tuple(replace(each, file_name=names[each.file_name]) for each in data["real"].photos)
    )
    split = splits.Split(
        how="own", seed=0, train=tuple(train_photos), valid=whole.valid, test=tuple(names[name] for name in whole.test)
    )
    found = gathered([site, roboflow / "test", roboflow / "train", roboflow / "valid"], config_of(), real, split)
    assert out == {photo.sha256 for photo in real.photos} - {picture.sha256 for picture in found.used}
    with pytest.raises(InputError, match="of the split's train part is missing; split again"):
        gathered([site], config_of(), coco.read(roboflow / "train"), split)


@pytest.mark.ci
def test_photos_that_a_fraction_leaves_out_teach_without_their_labels(data, tmp_path):
    arm = DataArm(name="few", real_fraction=0.5, self_training="unlabelled")
    train(tmp_path / "run", config_of(arm), **data)
    run = runs.load(tmp_path / "run")
    hidden, seen = set(run.manifest["seen_unlabelled"]), set(run.manifest["seen"])
    parts = {photo.sha256: photo.split for photo in data["real"].photos}
    assert {parts[each] for each in hidden} == {"train"}
    assert not hidden & seen
    assert len([each for each in seen if parts[each] == "train"]) + len(hidden) == 12
    assert run.seen == hidden | seen
    tested = {each for each, part in parts.items() if part == "test"}
    # a ranking may ask for the labels of the others
    assert RunPredictor(tmp_path / "run", Settings()).labelled == seen | tested
    message = "each of the 12 photos trained or validated the run, or was seen without labels; give others"
    with pytest.raises(InputError, match=message):
        measured_photos(run, replace(data["real"], digest="other", photos=data["real"].photos[:12]))


@pytest.mark.parametrize(
    ("arm", "changes", "has_pictures", "message"),
    [
        (TAUGHT, {}, False, "learns from unlabelled pictures, but none were given"),
        (REAL, {}, True, "nothing uses these pictures"),
        (DataArm(name="x", render_share=0.5, self_training="photos"), {"batch_norm": "own"}, False, "choose train"),
    ],
)
def test_what_does_not_go_together_is_refused(arm, changes, has_pictures, message, data, pictures, tmp_path):
    with pytest.raises(InputError, match=message):
        train(tmp_path / "run", config_of(arm, **changes), **data, unlabelled=pictures if has_pictures else None)
    assert not (tmp_path / "run" / "run.json").exists()


def test_files_state_a_teacher_only_where_there_is_one():
    assert "self_training" not in to_json(config_of(MIXED))["arm"]
    taught = to_json(config_of(TAUGHT))
    assert taught["arm"]["self_training"] == "unlabelled"
    assert from_json(json.loads(json.dumps(taught))) == config_of(TAUGHT)
    with pytest.raises(InputError, match="choose unlabelled or photos"):
        DataArm(name="x", self_training="renders")
    assert [taught_by(*given) for given in ((True, None), (True, False), (False, None), (False, True))] == [
        "unlabelled", None, None, "photos",
    ]  # fmt: skip
    assert fine_tuning.frozen_steps(config_of(TAUGHT, freeze=0.5), 10) == 5
