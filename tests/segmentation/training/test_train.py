import csv
import errno
import hashlib
import importlib.metadata
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from curves import curves
from PIL import Image
from safetensors.torch import load_file
from scipy import ndimage
from small_runs import COUNTED, PASTED, SYNTHETIC, TENTH, TUNED, KilledError, config_of
from torch.nn.modules.module import register_module_forward_pre_hook

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import MIXED
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.evaluation.assessment import assess, describe
from corrotwin.segmentation.training import checkpoint, events
from corrotwin.segmentation.training import train as train_module
from corrotwin.segmentation.training.loop import learning_rate
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.locks import CLAIM

PAPER = {"backbone": "mobilenet_v2"}


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    rows = []
    train(folder, config_of(MIXED, **PAPER), **data, on_epoch=rows.append)
    return folder, rows


def result_of(folder):
    """Every byte that a run's data and seed decide; seconds they do not."""
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    history = [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
    return (folder / "best.safetensors").read_bytes(), (folder / "per_image.csv").read_bytes(), history


def test_a_run_on_disk(undisturbed, data):
    folder, rows = undisturbed
    names = {path.name for path in folder.iterdir() if not path.name.startswith((".", events.PREFIX))}
    assert names == {CLAIM, "run.json", "split.json", "history.csv", "per_image.csv", "best.safetensors"}
    assert splits.load(folder / runs.SPLIT) == data["split"]
    run = runs.load(folder)
    assert run.per_image.image == data["split"].test
    pixels = run.per_image.tp + run.per_image.fp + run.per_image.fn + run.per_image.tn
    assert (pixels == 64 * 64).all()
    assert run.history["epoch"].tolist() == [1, 2]
    assert run.manifest["best_epoch"] == 1 + int(np.argmax(run.history["valid_f1"]))
    assert run.manifest["train_seconds"] == pytest.approx(run.history["seconds"].sum())
    assert run.manifest["data"]["renders"] == data["renders"].digest
    assert run.manifest["counts"] == {"train_photos": 12, "train_renders": 7, "valid": 4, "test": 5, "steps": 6}
    assert run.manifest["scale"] == pytest.approx(64 / np.sqrt(72 * 80))
    assert run.manifest["photo_side"] == pytest.approx(np.sqrt(72 * 80))
    assert run.manifest["beyond_paper"] is False
    assert run.manifest["versions"]["corrotwin"] == importlib.metadata.version("corrotwin")
    paths = {photo.file_name: photo.path for photo in data["real"].photos}
    assert run.manifest["seen"] == [
        hashlib.sha256(paths[name].read_bytes()).hexdigest()[:16]
        for name in (*data["split"].train, *data["split"].valid)
    ]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[1]["seconds_left"] == 0
    assert rows[1]["images_per_second"] > 0


@pytest.mark.ci
def test_the_weights_that_are_kept_are_those_of_the_best_epoch(data, tmp_path, monkeypatch):
    real, weights = train_module.measure, []

    def measure(network, config, photos, names):
        loss, table = real(network, config, photos, names)
        if list(names) != list(data["split"].valid):
            return loss, table
        weights.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        few = np.ones_like(table.tp)
        return loss, replace(table, tp=few * (50 if len(weights) == 2 else 1), fp=few, fn=few)

    monkeypatch.setattr(train_module, "measure", measure)
    train(tmp_path / "run", config_of(epochs=3), **data)
    saved = load_file(tmp_path / "run" / "best.safetensors")
    assert runs.load(tmp_path / "run").manifest["best_epoch"] == 2
    assert len(weights) == 3
    for epoch, same in enumerate((False, True, False)):
        assert all(torch.equal(saved[name], weights[epoch][name]) for name in saved) == same


@pytest.mark.parametrize(
    "arm", [TUNED, *(pytest.param(arm, marks=pytest.mark.slow) for arm in (PASTED, TENTH))], ids=lambda arm: arm.name
)
def test_test_photos_do_not_touch_the_weights(data, roboflow, tmp_path, arm):
    shutil.copytree(roboflow, tmp_path / "other")
    rng = np.random.default_rng(0)
    for path in (tmp_path / "other" / "test").glob("*.png"):
        Image.fromarray(rng.integers(0, 256, (72, 80, 3), dtype=np.uint8)).save(path)
    document = tmp_path / "other" / "test" / "_annotations.coco.json"
    parts = json.loads(document.read_text())
    for one in parts["annotations"]:
        one |= coco.region(rng.random((72, 80)) < 0.5)
    document.write_text(json.dumps(parts))
    other = {**data, "real": coco.read(tmp_path / "other")}
    assert other["real"].digest != data["real"].digest
    for name, given in (("as they are", data), ("of noise", other)):
        train(tmp_path / name, config_of(arm), **given)
    (weights, counts, history), (other_weights, other_counts, other_history) = (
        result_of(tmp_path / name) for name in ("as they are", "of noise")
    )
    assert (weights, history) == (other_weights, other_history)
    assert counts != other_counts


def test_masks_lie_where_the_photo_shows_what_they_mark(undisturbed, tmp_path, monkeypatch):
    """Enlarged from the working size without a shift, and neither mirrored nor turned."""

    def redness(network, config, images):
        return torch.from_numpy(np.where(images[..., 0] > 128, 10.0, -10.0)[:, None].astype(np.float32))

    monkeypatch.setattr(evaluate, "logits_of", redness)
    for height, width in ((72, 80), (80, 72), (160, 90)):
        truth = np.zeros((height, width), bool)
        truth[height // 8 : height // 2, width // 8 : width // 4] = True  # an L that no turn or mirror gives back
        truth[height // 2 : height // 2 + 8, width // 8 : 3 * width // 4] = True
        path = tmp_path / f"{height}.png"
        Image.fromarray((truth[..., None] * np.array([255, 0, 0])).astype(np.uint8)).save(path)
        photo = coco.Photo(id=1, file_name=path.name, path=path, width=width, height=height, split=None, annotations=())
        (mask,) = evaluate.predict_masks(undisturbed[0], [photo])
        outline = truth & ~ndimage.binary_erosion(truth)
        assert (mask != truth).sum() < 0.5 * outline.sum() * max(1, height / 64, width / 64)


@pytest.mark.ci
def test_the_counts_of_the_disk_are_the_counts_of_the_weights(undisturbed, data):
    folder, _ = undisturbed
    stored = runs.load(folder).per_image
    again = evaluate.measure_run(folder, data["real"])
    assert again.image == stored.image
    assert all(np.array_equal(getattr(again, key), getattr(stored, key)) for key in ("tp", "fp", "fn", "tn"))
    # A mask enlarged to the photo's size covers the part of the image that was counted at the working size.
    photos = [photo for photo in data["real"].photos if photo.split == "test"]
    for photo, mask in zip(photos, evaluate.predict_masks(folder, photos), strict=True):
        index = stored.image.index(photo.file_name)
        assert mask.shape == (photo.height, photo.width)
        assert mask.mean() == pytest.approx((stored.tp[index] + stored.fp[index]) / 64**2, abs=0.02)
    elsewhere = evaluate.measure_run(folder, data["renders"])
    assert len(elsewhere.image) == 7
    summary = assess(folder, data["renders"], threshold=0.5).summary
    assert describe(summary).startswith("all images; these are the renders that the run was trained with; threshold")


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "exact"},
        pytest.param({"precision": "fast"}, marks=pytest.mark.ci),
        pytest.param({"keep": "averaged"}, marks=pytest.mark.slow),
        pytest.param({"framing": "crop", "loss": "dice_bce"}, marks=pytest.mark.slow),
        pytest.param({"architecture": "FPN"}, marks=pytest.mark.ci),  # has dropout
        pytest.param({"architecture": "PSPNet", **PAPER}, marks=pytest.mark.slow),  # leaves layers of its encoder out
    ],
    ids=lambda changes: "-".join(changes.values()),
)
def test_a_killed_run_resumes_to_the_same_bits(changes, data, tmp_path):
    config = config_of(MIXED, epochs=3, **changes)
    train(tmp_path / "whole", config, **data)

    def kill(_row):
        raise KilledError

    for _ in range(2):
        with pytest.raises(KilledError):
            train(tmp_path / "cut", config, **data, checkpoint_seconds=0.0, on_epoch=kill)
        assert not runs.is_complete(tmp_path / "cut", config, **data)
        with pytest.raises(InputError, match="no complete training run"):
            runs.load(tmp_path / "cut")
    rows = []
    torch.manual_seed(0)  # what the process drew before is not a part of a run
    train(tmp_path / "cut", config, **data, on_epoch=rows.append)
    assert [row["epoch"] for row in rows] == [3]
    assert result_of(tmp_path / "cut") == result_of(tmp_path / "whole")
    assert not (tmp_path / "cut" / checkpoint.NAME).exists()
    shown = curves(tmp_path)
    assert shown["cut"] == shown["whole"]
    assert [step for step, _ in shown["cut"]["F1/valid"]] == [1, 2, 3]


def test_tensorboard_reads_loss_rate_and_scores_of_each_epoch(undisturbed):
    folder, rows = undisturbed
    (shown,) = curves(folder).values()
    assert set(shown) == {"loss/train", "loss/valid", "F1/valid", "IoU/valid", "learning_rate"}
    for name in ("train_loss", "valid_loss", "valid_f1", "valid_iou"):
        assert shown[events.TAGS[name]] == [(row["epoch"], pytest.approx(row[name], rel=1e-6)) for row in rows]
    config = config_of(MIXED)
    assert shown["learning_rate"] == [
        (epoch, pytest.approx(learning_rate(config, 3 * epoch - 1, 6), rel=1e-6)) for epoch in (1, 2)
    ]


def test_epochs_that_are_trained_again_after_a_crash_stand_once_in_the_curves(tmp_path):
    """The process died after its third epoch, its last checkpoint is of the first."""
    rows = [{"epoch": epoch, "train_loss": 0.1 * epoch, "seconds": 60.0} for epoch in range(1, 5)]
    before = events.EventFile(tmp_path)
    for count in (1, 2, 3):
        before.add(rows[:count])
    (torn,) = tmp_path.iterdir()
    torn.write_bytes(torn.read_bytes()[:-5])
    after = events.EventFile(tmp_path)
    for count in (2, 3, 4):
        after.add(rows[:count])
    (shown,) = curves(tmp_path).values()
    assert shown == {"loss/train": [(row["epoch"], pytest.approx(row["train_loss"])) for row in rows]}


def test_a_complete_run_is_left_alone(undisturbed, data):
    folder, _ = undisturbed
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()}
    (folder / checkpoint.NAME).write_bytes(b"left by a kill between the manifest and its removal")
    rows = []
    train(folder, config_of(MIXED, **PAPER), **data, on_epoch=rows.append)
    assert rows == []
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()} == before


def test_complete_means_this_configuration_and_these_data(undisturbed, data):
    folder, _ = undisturbed
    assert runs.is_complete(folder, config_of(MIXED, **PAPER), **data)
    assert not runs.is_complete(folder, config_of(MIXED, seed=6, **PAPER), **data)
    other = splits.split(data["real"], how="published", seed=0)
    assert not runs.is_complete(folder, config_of(MIXED, **PAPER), **{**data, "split": other})
    assert not runs.is_complete(folder, config_of(MIXED, **PAPER), **{**data, "renders": data["real"]})


@pytest.mark.ci
@pytest.mark.parametrize("arm", [SYNTHETIC, COUNTED, TUNED], ids=lambda arm: arm.name)
def test_a_run_takes_the_steps_that_it_is_given(arm, data, tmp_path, monkeypatch):
    taken, shapes = [], []
    step = torch.optim.AdamW.step

    def counted(self, *arguments, **options):
        taken.append(1)
        return step(self, *arguments, **options)

    def watched(module, arguments):
        if type(module).__name__ == "Unet" and module.training and not arguments[0].is_meta:
            shapes.append(len(arguments[0]))

    monkeypatch.setattr(torch.optim.AdamW, "step", counted)
    watching = register_module_forward_pre_hook(watched)
    try:
        train(tmp_path / "run", config_of(arm, size=32, epochs=1, batch_size=5), **data)
    finally:
        watching.remove()
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert len(taken) == manifest["counts"]["steps"] == 3
    assert shapes == [5, 5, 5]
    assert manifest["counts"]["train_photos"] == {"synthetic": 0}.get(arm.name, 12)
    assert manifest["counts"]["train_renders"] == {"counted": 3}.get(arm.name, 7)
    assert set(runs.load(tmp_path / "run").per_image.image) == set(data["split"].test)


@pytest.mark.ci
def test_seed_and_arm_change_the_result(data, tmp_path):
    for name, config in {
        "one": config_of(size=32, epochs=1),
        "again": config_of(size=32, epochs=1),
        "seed": config_of(size=32, epochs=1, seed=6),
        "mixed": config_of(MIXED, size=32, epochs=1),
    }.items():
        train(tmp_path / name, config, **data)
    one = result_of(tmp_path / "one")
    assert result_of(tmp_path / "again") == one
    assert result_of(tmp_path / "seed")[0] != one[0]
    assert result_of(tmp_path / "mixed")[0] != one[0]


def test_a_net_learns_what_can_be_learned(data, tmp_path):
    config = config_of(epochs=16, learning_rate=3e-3)
    train(tmp_path / "run", config, **data)
    table = runs.load(tmp_path / "run").per_image
    f1, _ = evaluate.scores(table.tp, table.fp, table.fn, table.tn)
    corroded = table.tp + table.fn > 0
    assert f1[corroded].mean() > 0.9


def test_a_folder_of_another_run_says_what_differs(undisturbed, data):
    folder, _ = undisturbed
    with pytest.raises(InputError, match=r"other settings \(seed: 5 in the folder, 6 requested\)"):
        train(folder, config_of(MIXED, seed=6, **PAPER), **data)


def test_a_full_disk_is_one_line_and_nothing_is_lost(data, tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    config = config_of(size=32, epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr("corrotwin.segmentation.training.completion.save_tensors", full)
        with pytest.raises(InputError, match=r"run: cannot be written \(No space left on device\); make room"):
            train(tmp_path / "run", config, **data)
    assert not runs.is_complete(tmp_path / "run", config, **data)
    train(tmp_path / "run", config, **data)
    assert runs.is_complete(tmp_path / "run", config, **data)


def test_a_damaged_checkpoint_is_named(data, tmp_path):
    config = config_of(size=32)

    def kill(_row):
        raise KilledError

    with pytest.raises(KilledError):
        train(tmp_path / "run", config, **data, checkpoint_seconds=0.0, on_epoch=kill)
    path = tmp_path / "run" / checkpoint.NAME
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"last\.safetensors: damaged.*delete it"):
        train(tmp_path / "run", config, **data)


@pytest.mark.ci
def test_a_loss_that_is_not_a_number_stops_the_run(data, tmp_path):
    with pytest.raises(WorkError, match="not a number in epoch 1; choose a lower `learning_rate`"):
        train(tmp_path / "run", config_of(learning_rate=1e30), **data)


def test_torch_is_left_as_it_was(undisturbed, data, tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    train(tmp_path / "run", config_of(size=32, epochs=1), **data)
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)


@pytest.mark.ci
def test_averaged_weights_are_chosen_by_no_photo(data, tmp_path):
    for name, config in {"best": config_of(epochs=3), "averaged": config_of(epochs=3, keep="averaged")}.items():
        train(tmp_path / name, config, **data)
    other = {**data, "split": replace(data["split"], valid=data["split"].valid[:1], group={})}
    train(tmp_path / "other", config_of(epochs=3, keep="averaged"), **other)
    averaged = result_of(tmp_path / "averaged")
    assert result_of(tmp_path / "other")[:2] == averaged[:2]
    assert result_of(tmp_path / "best")[0] != averaged[0]
    assert runs.load(tmp_path / "averaged").manifest["best_epoch"] == 3


def test_crops_are_measured_on_whole_photos_at_their_own_scale(data, tmp_path):
    train(tmp_path / "run", config_of(size=32, epochs=1, framing="crop"), **data)
    run = runs.load(tmp_path / "run")
    assert run.manifest["scale"] == 1
    table = run.per_image
    assert (table.tp + table.fp + table.fn + table.tn == 72 * 80).all()
    truth = {photo.file_name: coco.mask(photo).sum() for photo in data["real"].photos}
    assert (table.tp + table.fn).tolist() == [truth[name] for name in table.image]
    [mask, *_] = evaluate.predict_masks(tmp_path / "run", [p for p in data["real"].photos if p.split == "test"])
    assert mask.sum() == table.tp[0] + table.fp[0]


@pytest.mark.ci
def test_another_architecture_and_encoder(data, tmp_path):
    train(tmp_path / "run", config_of(size=32, epochs=1, architecture="FPN"), **data)
    assert runs.load(tmp_path / "run").manifest["beyond_paper"] is True
    assert len(evaluate.measure_run(tmp_path / "run", data["real"]).image) == 5
    with pytest.raises(InputError, match="resnet19"):
        train(tmp_path / "other", config_of(size=32, backbone="resnet19"), **data)
    assert not (tmp_path / "other").exists()


@pytest.mark.ci
def test_workers_do_not_change_the_result(data, tmp_path):
    config = config_of(MIXED, size=32, epochs=1, precision="exact")
    for workers in (0, 2):
        train(tmp_path / str(workers), config, **data, workers=workers)
    assert result_of(tmp_path / "0") == result_of(tmp_path / "2")


def test_learning_rate_warms_up_and_falls_to_nothing():
    config = config_of()
    rates = [learning_rate(config, step, 200) for step in range(200)]
    assert np.argmax(rates) in (9, 10)
    assert max(rates) == config.learning_rate
    assert all(np.diff(rates[:10]) > 0)
    assert all(np.diff(rates[10:]) < 0)
    assert 0 < rates[-1] < 1e-3 * config.learning_rate
    assert rates[105] == pytest.approx(config.learning_rate / 2)
    assert learning_rate(config, 0, 1) == config.learning_rate


@pytest.mark.ci
@pytest.mark.photos
def test_training_on_real_photos(photos, tmp_path):
    real = coco.read(photos / "painted-steel")
    split = splits.split(real, how="own", seed=0)
    config = config_of(size=32, epochs=1, max_train_images=16, max_eval_images=8, batch_size=8)
    train(tmp_path / "run", config, real=real, split=split, renders=None)
    assert len(runs.load(tmp_path / "run").per_image.image) == 8
