"""Runs that start from another run, averages of runs, and unfinished runs that are used."""

import inspect
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from photographs import write_folder
from safetensors.torch import load_file
from small_runs import SMALLEST, config_of

import corrotwin as ct
from corrotwin.segmentation import runs, shipped
from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.commands import average as average_command
from corrotwin.segmentation.commands import evaluate as evaluate_command
from corrotwin.segmentation.commands import predict as predict_command
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.data.perceptual_hash import hashes, to_hex
from corrotwin.segmentation.deployment import model_card
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.training import averaging, checkpoint, completion, initial_weights, inputs
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError


@pytest.fixture(scope="module")
def data(data):
    return {**data, "renders": None}


@pytest.fixture(scope="module")
def two(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in (5, 6):
        train(folder / str(seed), config_of(seed=seed), **data)
    return folder / "5", folder / "6"


@pytest.fixture
def unfinished(data, tmp_path):
    """A run of three epochs that was cut off after the second."""

    def kill(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", config_of(epochs=3), **data, checkpoint_seconds=0.0, on_epoch=kill)
    return tmp_path / "cut"


def files(folder):
    """All but TensorBoard's curves, whose name and lines say when they were written."""
    kept = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith("events.")]
    return {path.name: path.read_bytes() for path in kept}


@pytest.mark.ci
def test_a_run_starts_from_the_weights_of_another(two, data, tmp_path):
    digest = initial_weights.digest_of(two[0], backbone=SMALLEST, architecture="Unet")
    config = config_of(init=digest, encoder_rate=0.0, weight_decay=0.0, batch_norm="frozen", epochs=1)
    train(tmp_path / "run", config, **data, init=two[0])
    before, after = (load_file(folder / runs.WEIGHTS) for folder in (two[0], tmp_path / "run"))
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("encoder"))
    assert not all(torch.equal(before[name], after[name]) for name in before)
    assert runs.load(tmp_path / "run").manifest["config"]["init"] == digest
    assert f"initial weights of another run ({digest})" in model_card.text(tmp_path / "run").replace("`", "")


@pytest.mark.ci
def test_weights_to_start_from_are_part_of_the_identity(two, data, tmp_path):
    folder = shutil.copytree(two[0], tmp_path / "first")
    config = config_of(init=runs.weights_digest(folder), epochs=1)
    train(tmp_path / "run", config, **data, init=folder)
    with pytest.raises(InputError, match=r"other settings .init: "):
        train(tmp_path / "run", config_of(init=runs.weights_digest(two[1]), epochs=1), **data, init=two[1])
    shutil.copy(two[1] / runs.WEIGHTS, folder)
    with pytest.raises(InputError, match="has other weights than this run starts from"):
        train(tmp_path / "other", config, **data, init=folder)
    with pytest.raises(InputError, match="`init`: this run starts from the weights"):
        train(tmp_path / "other", config, **data)
    assert not (tmp_path / "other").exists()


@pytest.mark.ci
@pytest.mark.parametrize("wanted", [("resnet18", "Unet"), (SMALLEST, "FPN")])
def test_a_run_of_another_network_is_no_start(wanted, two):
    backbone, architecture = wanted
    with pytest.raises(InputError, match=f"is Unet with {SMALLEST}, this run is {architecture} with {backbone}"):
        initial_weights.digest_of(two[0], backbone=backbone, architecture=architecture)


def test_the_api_starts_from_a_run(two, roboflow, tmp_path):
    photos = ct.Dataset(roboflow).split(by="folder")
    settings = {"profile": "quick", "backbone": SMALLEST, "size": 32, "epochs": 1, "threads": 1}
    run = ct.train(photos, out=tmp_path / "run", init=ct.Run(two[0]), **settings)
    assert run.settings["init"] == ct.Run(two[0]).digest
    assert run.settings["encoder_weights"] is None


def test_a_run_starts_from_the_model_that_ships(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = initial_weights.start_of(Path("shipped"))
    assert start.labelled
    assert all(len(each) == coco.HASH_DIGITS for each in start.labelled)
    digest = initial_weights.digest_of(Path("shipped"), backbone=start.backbone, architecture="Unet")
    network = initial_weights.network_of(
        config_of(init=digest, backbone=start.backbone), weights=None, init=Path("shipped")
    )
    stored = load_file(shipped.WEIGHTS)
    state = network.state_dict()
    assert stored.keys() == state.keys()
    assert all(torch.equal(stored[name].to(state[name].dtype), state[name]) for name in stored)
    given = inputs.prepare(config_of(init=digest, backbone=start.backbone), **data, workers=0)
    assert start.labelled < set(initial_weights.with_photos_of(Path("shipped"), given, data["real"]).seen)
    known = tuple(
        replace(photo, sha256=min(start.labelled)) if photo.file_name == given.test[0] else photo
        for photo in data["real"].photos
    )
    with pytest.raises(InputError, match=r"has seen 1 test photo of this run .*; start from ImageNet"):
        initial_weights.with_photos_of(Path("shipped"), given, replace(data["real"], photos=known))
    with pytest.raises(InputError, match="shipped: is Unet with tu-tf_efficientnet_lite0, this run is Unet with vgg16"):
        initial_weights.digest_of(Path("shipped"), backbone="vgg16", architecture="Unet")
    (tmp_path / "shipped").mkdir()  # a folder of that name comes first
    with pytest.raises(InputError, match=r"shipped: no complete training run"):
        initial_weights.start_of(Path("shipped"))


@pytest.mark.ci
@pytest.mark.parametrize("how", ["re-estimated", "averaged"])
def test_an_average_of_runs_is_a_run(how, two, roboflow, data, tmp_path, capsys):
    out = tmp_path / "average"
    average_command.average(two, data=roboflow, out=out, batch_norm=how)
    assert "5 images, mean F1" in capsys.readouterr().out
    one, other, mean = (load_file(folder / runs.WEIGHTS) for folder in (*two, out))
    statistics = {name for name in mean if "running" in name}
    for name in mean:
        if mean[name].is_floating_point() and (how == "averaged" or name not in statistics):
            assert torch.allclose(mean[name], (one[name] + other[name]) / 2, atol=1e-6), name
    is_mean = [torch.allclose(mean[name], (one[name] + other[name]) / 2, atol=1e-6) for name in statistics]
    assert all(is_mean) == (how == "averaged")
    run = runs.load(out)
    assert run.manifest["averaged"]["batch_norm"] == how
    assert run.manifest["averaged"]["weights"] == [runs.weights_digest(folder) for folder in two]
    assert not runs.is_complete(out, config_of(), **data)  # it is not the first of them
    evaluate_command.evaluate(out, data=roboflow, verify=True)
    assert predict_command.predict((roboflow / "test",), run=(out,), out=tmp_path / "masks") == 0
    model_card.text(out)
    before = files(out)
    average_command.average(two, data=roboflow, out=out, batch_norm=how)
    assert files(out) == before


def test_an_average_of_equal_weights_is_them(two, data, tmp_path):
    twin = shutil.copytree(two[0], tmp_path / "twin")
    averaging.average((two[0], twin), tmp_path / "out", data=data["real"], batch_norm="averaged")
    before, after = (load_file(folder / runs.WEIGHTS) for folder in (two[0], tmp_path / "out"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    again, first = (runs.load(folder).per_image for folder in (tmp_path / "out", two[0]))
    assert np.array_equal(again.tp, first.tp)


@pytest.mark.ci
def test_runs_that_do_not_fit_together_have_no_average(two, data, roboflow, rendered, tmp_path):
    other = tmp_path / "other"
    train(other, config_of(size=32, epochs=1, backbone="resnet18"), **data)
    with pytest.raises(InputError, match=rf"other: backbone is resnet18, but {SMALLEST} in .*5;"):
        average_command.average((two[0], other), data=roboflow, out=tmp_path / "out")
    elsewhere = tmp_path / "elsewhere"
    train(elsewhere, config_of(epochs=1), **{**data, "split": splits.split(data["real"], how="published", seed=0)})
    with pytest.raises(InputError, match="elsewhere: split is "):
        average_command.average((two[0], elsewhere), data=roboflow, out=tmp_path / "out")
    for folders in ((two[0],), (two[0], two[0])):
        with pytest.raises(InputError, match="two different runs"):
            average_command.average(folders, data=roboflow, out=tmp_path / "out")
    with pytest.raises(InputError, match="is not the dataset"):
        average_command.average(two, data=rendered, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.ci
def test_an_unfinished_run_predicts_and_is_measured_with_its_best_weights(unfinished, data, roboflow, tmp_path, capsys):
    best = 1 + int(np.argmax(runs.read_history(unfinished / runs.HISTORY)["valid_f1"]))
    note = f"cut: unfinished, 2 of 3 epochs trained; its weights are those of epoch {best}"
    assert predict_command.predict((roboflow / "test",), run=(unfinished,), out=tmp_path / "masks") == 0
    assert note in capsys.readouterr().err
    evaluate_command.evaluate(unfinished, data=roboflow)
    shown = capsys.readouterr()
    assert note in shown.err
    assert "5 images, mean F1" in shown.out
    with pytest.raises(InputError, match="no complete training run"):
        evaluate_command.evaluate(unfinished, data=roboflow, verify=True)
    run = ct.Run(unfinished)
    assert (dict(run.scores), "unfinished" in repr(run)) == ({}, True)
    train(tmp_path / "whole", config_of(epochs=best), **data)
    train(tmp_path / "next", config_of(init=run.digest), **data, init=unfinished)


@pytest.mark.ci
def test_an_unfinished_run_goes_on_to_the_bits_of_an_undisturbed_one(unfinished, data, tmp_path):
    train(tmp_path / "whole", config_of(epochs=3), **data)
    train(unfinished, config_of(epochs=3), **data)
    assert files(unfinished)[runs.WEIGHTS] == files(tmp_path / "whole")[runs.WEIGHTS]
    assert set(files(unfinished)) == set(files(tmp_path / "whole"))
    assert runs.load_usable(unfinished).note == ""


@pytest.mark.ci
def test_weights_are_written_as_often_as_checkpoints_at_most(data, tmp_path, monkeypatch):
    written, publish = [], checkpoint.publish

    def counted(folder, state, digest):
        made = publish(folder, state, digest)
        written.append(made)
        return made

    monkeypatch.setattr(checkpoint, "publish", counted)
    train(tmp_path / "run", config_of(epochs=4), **data, checkpoint_seconds=1000.0)
    assert written == [True]  # after the first epoch, for there were none
    assert not (tmp_path / "run" / f"{runs.UNFINISHED}.json").exists()


@pytest.mark.ci
def test_a_run_without_weights_yet_is_one_line(unfinished, tmp_path, roboflow):
    (unfinished / runs.WEIGHTS).unlink()
    with pytest.raises(InputError, match="no complete training run"):
        predict_command.predict((roboflow / "test",), run=(unfinished,), out=tmp_path / "masks")
    (unfinished / runs.WEIGHTS).write_bytes(b"torn")
    with pytest.raises(InputError, match=r"best\.safetensors: damaged"):
        predict_command.predict((roboflow / "test",), run=(unfinished,), out=tmp_path / "masks")
    assert "init" in inspect.signature(ct.train).parameters


def test_photos_that_trained_the_first_weights_test_no_run(two, data, tmp_path, caplog):
    config = config_of(init=runs.weights_digest(two[0]), epochs=1)
    other = splits.split(data["real"], how="published", seed=0)
    hashes = {photo.file_name: photo.sha256 for photo in data["real"].photos}
    theirs = set(runs.load(two[0]).manifest["seen"])
    both = [name for name in other.test if hashes[name] in theirs]
    with pytest.raises(InputError, match=rf"has seen {len(both)} test photos of this run .*split\.json"):
        train(tmp_path / "run", config, **{**data, "split": other}, init=two[0])
    assert not (tmp_path / "run").exists()
    old = shutil.copytree(two[0], tmp_path / "old")
    manifest = json.loads((old / "run.json").read_text())
    del manifest["seen"]
    (old / "run.json").write_text(json.dumps(manifest))
    train(tmp_path / "run", config, **{**data, "split": other}, init=old)
    assert f"{old}: does not record its photos" in caplog.text


@pytest.fixture
def taught(two, tmp_path):
    """The two runs, as if each had seen pictures without labels as well."""
    folders = []
    one, other = (
        {"seen_unlabelled": pictures, "seen_looks": [digits * 32 for digits in pictures]}
        for pictures in (["0a", "0b"], ["0b", "0c"])
    )
    for source, pictures in zip(two, (one, other), strict=True):
        folders.append(shutil.copytree(source, tmp_path / source.name))
        manifest = json.loads((source / "run.json").read_text())
        (folders[-1] / "run.json").write_text(json.dumps({**manifest, **pictures}))
    return folders


def test_pictures_seen_without_labels_stay_such_in_runs_that_follow(taught, data, tmp_path):
    labelled = runs.load(taught[0]).manifest["seen"]
    given = inputs.prepare(config_of(init=runs.weights_digest(taught[0])), **data, workers=0)
    after = initial_weights.with_photos_of(taught[0], given, data["real"])
    assert (after.seen, after.unlabelled) == (sorted(labelled), ["0a", "0b"])
    assert after.looks == ["0a" * 32, "0b" * 32]
    known = tuple(replace(photo, sha256="0b") for photo in data["real"].photos)
    message = r"has seen 5 test photos of this run .*without labels; first: .*\); give its split"
    with pytest.raises(InputError, match=message):
        initial_weights.with_photos_of(taught[0], given, replace(data["real"], photos=known))
    averaging.average(taught, tmp_path / "average", data=data["real"], batch_norm="averaged")
    manifest = runs.load(tmp_path / "average").manifest
    assert (manifest["seen"], manifest["seen_unlabelled"]) == (sorted(labelled), ["0a", "0b", "0c"])
    assert manifest["seen_looks"] == ["0a" * 32, "0b" * 32, "0c" * 32]


@pytest.mark.parametrize("is_averaged", [False, True])
def test_test_photos_that_look_like_pictures_of_earlier_runs_are_refused(is_averaged, taught, data, tmp_path):
    photo = next(photo for photo in data["real"].photos if photo.file_name == data["split"].test[0])
    path = taught[1] / "run.json"
    manifest = json.loads(path.read_text())
    look = to_hex(hashes(coco.image(photo))[3])  # turned
    path.write_text(json.dumps({**manifest, "seen_looks": [*manifest["seen_looks"], look]}))
    start = taught[1]
    if is_averaged:
        averaging.average(taught, start := tmp_path / "average", data=data["real"], batch_norm="averaged")
    given = inputs.prepare(config_of(init=runs.weights_digest(start)), **data, workers=0)
    with pytest.raises(InputError, match=r"has seen 1 test photo of this run or similar pictures .*or other w"):
        initial_weights.with_photos_of(start, given, data["real"])


def test_damaged_perceptual_hashes_of_earlier_pictures_are_one_line(taught, data):
    path = taught[0] / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seen_looks": ["0a"]}))
    given = inputs.prepare(config_of(init=runs.weights_digest(taught[0])), **data, workers=0)
    with pytest.raises(InputError, match="seen_looks are not perceptual hashes"):
        initial_weights.with_photos_of(taught[0], given, data["real"])


def test_a_run_has_seen_the_photos_of_the_run_that_it_starts_from(two, data, tmp_path):
    write_folder(tmp_path / "photos", count=9, seed=30, size=(64, 64), json_name="annotations.json", images="images")
    elsewhere = coco.read(tmp_path / "photos")
    split = splits.split(elsewhere, how="published", seed=0)
    train(
        tmp_path / "run", config_of(init=runs.weights_digest(two[0]), epochs=1), real=elsewhere, split=split,
        renders=None, init=two[0],
    )  # fmt: skip
    left = evaluate.measured_photos(runs.load(tmp_path / "run"), data["real"])
    assert sorted(left) == sorted(data["split"].test)


@pytest.mark.ci
def test_an_average_states_what_its_runs_learned_from(data, rendered, tmp_path):
    arm, folders = DataArm(name="few", real_fraction=0.25, render_share=0.5), []
    renders = coco.read(rendered)
    for seed in (5, 6):
        folders.append(tmp_path / str(seed))
        train(folders[-1], config_of(arm=arm, seed=seed, epochs=1), **{**data, "renders": renders})
    averaging.average(folders, tmp_path / "out", data=data["real"], batch_norm="averaged")
    whole, *parts = (runs.load(folder).manifest for folder in (tmp_path / "out", *folders))
    chosen = set(whole["seen"]) & {p.sha256 for p in data["real"].photos if p.file_name in data["split"].train}
    assert 3 < len(chosen) <= 6  # the runs drew three photos each, and not the same
    assert whole["counts"] == {**parts[0]["counts"], "train_photos": len(chosen)}
    assert (whole["counts"]["train_renders"], whole["data"]) == (7, parts[0]["data"])
    for name in ("scale", "photo_side"):
        assert whole[name] == pytest.approx(sum(part[name] for part in parts) / 2)
    card = model_card.text(tmp_path / "out").replace("`", "")
    digests = ", ".join(runs.weights_digest(folder) for folder in folders)
    assert f"The average of the weights of 2 runs ({digests}), batch-norm statistics averaged." in card
    assert f"{len(chosen)} photographs and 7 renders; 4 photographs chose the epoch of each run" in card
    assert f"- Renders {renders.digest}." in card
    assert "initial weights" not in card.split("## Performance")[0]


def test_weights_can_be_used_while_a_run_is_being_completed(data, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(completion, "write_manifest", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", config_of(epochs=1), **data)
    assert runs.load_usable(tmp_path / "run").unfinished_epoch == 1
