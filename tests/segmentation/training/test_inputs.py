"""What a run is given: photos, renders and steps of every arm; and what is refused before anything is written."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import COUNTED, PASTED, SYNTHETIC, TENTH, TUNED, config_of

from corrotwin.segmentation.arms import MIXED, REAL
from corrotwin.segmentation.commands import tune as tune_command
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.training import inputs
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError


def prepared(data, arm=REAL, **changes):
    return inputs.prepare(config_of(arm, **changes), data["real"], data["split"], data["renders"], workers=0)


@pytest.mark.parametrize(
    ("arm", "trained", "taught"),
    [
        (REAL, 12, 0),
        (TENTH, 1, 0),
        (SYNTHETIC, 0, 0),
        (replace(SYNTHETIC, adaptation="colours"), 12, 0),
        (replace(REAL, self_training="photos"), 12, 0),
        (replace(SYNTHETIC, self_training="photos"), 0, 12),
        (replace(SYNTHETIC, self_training="photos", real_fraction=0.1), 0, 1),
    ],
    ids=["real", "tenth", "synthetic", "adapted", "control", "control of renders", "tenth of that"],
)
def test_only_photos_that_a_run_has_learned_from_are_seen(arm, trained, taught, data):
    found = prepared(data, arm, max_eval_images=2)
    parts = {photo.sha256: photo.split for photo in data["real"].photos}
    assert sorted(parts[each] for each in set(found.seen)) == ["train"] * trained + ["valid"] * 2
    assert [parts[each] for each in found.unlabelled] == ["train"] * taught


@pytest.mark.parametrize("arm", [REAL, MIXED, SYNTHETIC, TENTH, COUNTED, TUNED, PASTED], ids=lambda arm: arm.name)
def test_every_arm_is_given_the_same_steps(arm, data):
    loader = prepared(data, arm, size=32, epochs=1, batch_size=5).loader
    assert loader.plan.steps_per_epoch == 3  # 12 photos in batches of 5
    assert loader.plan.photos == {"tenth": 1}.get(arm.name, 12)
    assert loader.plan.renders == {"real": 0, "counted": 3}.get(arm.name, 7)
    assert [len(images) for images, _ in loader.batches(0, 3)] == [5, 5, 5]


def test_limits_thin_out_the_parts(data):
    found = prepared(data, max_train_images=6, max_eval_images=3)
    assert (found.loader.plan.photos, found.loader.plan.steps_per_epoch) == (6, 2)
    for part in ("valid", "test"):
        assert len(getattr(found, part)) == 3
        assert set(getattr(found, part)) < set(getattr(data["split"], part))
    assert sorted(found.tested) == sorted(photo.sha256 for photo in data["real"].photos if photo.split == "test")


def test_what_does_not_fit_is_refused_before_anything_is_written(data, tmp_path):
    with pytest.raises(InputError, match="mixed: uses renders"):
        train(tmp_path / "run", config_of(MIXED), **{**data, "renders": None})
    foreign = splits.Split(how="own", seed=0, train=("a",), valid=("b",), test=("c",))
    with pytest.raises(InputError, match=r"photo 'a'.*split again"):
        train(tmp_path / "run", config_of(), **{**data, "split": foreign})
    assert not (tmp_path / "run").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds something else"):
        train(tmp_path / "full", config_of(), **data)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_more_renders_than_there_are_are_refused(data, tmp_path):
    message = "renders: has 7 renders, but the render_count is 8; lower it or render more"
    with pytest.raises(InputError, match=message):
        train(tmp_path / "run", config_of(replace(COUNTED, render_count=8)), **data)
    splits.save(data["split"], tmp_path / "split.json")
    options = {"data": data["real"].folder, "split": tmp_path / "split.json", "renders": data["renders"].folder}
    with pytest.raises(InputError, match=message):
        tune_command.tune(**options, render_share=(0.1, 0.2), render_count=(3, 8), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_renders_that_hold_a_photo_of_validation_or_test_are_refused(data, rendered, tmp_path):
    folder = Path(shutil.copytree(rendered, tmp_path / "renders"))
    photos = {photo.file_name: photo for photo in data["real"].photos}
    name, other = sorted(path.name for path in (folder / "images").iterdir())[:2]
    document = json.loads((folder / "annotations.json").read_text())
    for image in document["images"]:
        if image["file_name"] in (name, other):
            image |= {"height": 72, "width": 80}
    for one in document["annotations"]:
        one |= coco.region(np.ones((72, 80) if one["image_id"] < 2 else (64, 64), dtype=bool))
    (folder / "annotations.json").write_text(json.dumps(document))
    shutil.copy(photos[data["split"].train[0]].path, folder / "images" / other)  # of training: no matter
    for part in ("valid", "test"):
        photo = getattr(data["split"], part)[0]
        shutil.copy(photos[photo].path, folder / "images" / name)
        given = {**data, "renders": coco.read(folder)}
        message = f"renders: 1 renders are photos of validation or test, such as {name}, which is '{photo}' of"
        with pytest.raises(InputError, match=message):
            train(tmp_path / "run", config_of(MIXED), **given)
        splits.save(data["split"], tmp_path / "split.json")
        options = {"data": data["real"].folder, "split": tmp_path / "split.json", "profile": "quick"}
        with pytest.raises(InputError, match=message):
            tune_command.tune(**options, renders=folder, render_share=(0.1, 0.2), out=tmp_path / "run")
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("kind", "counts"), [("cuda", (1, 8)), ("cpu", (0, 0))])
def test_workers_are_as_many_as_the_cores_beside_a_gpu(monkeypatch, kind, counts):
    monkeypatch.setattr(inputs, "device", lambda: torch.device(kind))
    assert (inputs.augmentation_workers(1), inputs.augmentation_workers(64)) == counts
