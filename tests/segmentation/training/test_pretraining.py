"""An encoder that learns without labels: its resume, what it refuses, and runs that start from it."""

import csv
import json
import re
import shutil
import sys

import numpy as np
import pytest
import torch
from curves import curves
from PIL import Image
from safetensors.torch import load_file
from small_runs import KilledError

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.commands.pretrain import pretrain as command
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.models.network import build
from corrotwin.segmentation.training import initial_weights, pretraining
from corrotwin.segmentation.training.pretraining import PretrainConfig, pretrain
from corrotwin.segmentation.training.train import train
from corrotwin.segmentation.unlabelled.pictures import gather
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import photos, video

BACKBONE = "tu-test_resnet"


def config_of(**changes):
    tiny = {"backbone": BACKBONE, "encoder_weights": None, "size": 64, "epochs": 3, "batch_size": 4, "threads": 1}
    return PretrainConfig(**{**tiny, **changes})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    photos(folder, range(12))
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROTWIN_CACHE", str(folder := tmp_path_factory.mktemp("cache")))
        yield folder


@pytest.fixture(scope="module")
def pictures(site, cache):
    return gather([site], size=64, framing="resize", cache=cache)


@pytest.fixture(scope="module")
def pretrained(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    pretrain(folder, config_of(), pictures)
    return folder


@pytest.fixture(scope="module")
def data(roboflow, cache):
    real = coco.read(roboflow)
    return {"real": real, "split": splits.split(real, how="own", seed=0), "renders": None}


def fine_tuned(init, **changes):
    tiny = {"size": 64, "epochs": 1, "batch_size": 4, "threads": 1, "max_train_images": None, "max_eval_images": None}
    digest = initial_weights.digest_of(init, backbone=BACKBONE, architecture="Unet")
    changes = {**tiny, "encoder_weights": None, "init": digest, **changes}
    return configure("quick", backbone=BACKBONE, arm=REAL, seed=5, **changes)


@pytest.mark.ci
def test_a_killed_pretraining_resumes_to_the_same_bits(pictures, pretrained, tmp_path):
    def kill(_row):
        raise KilledError

    for _ in range(2):
        with pytest.raises(KilledError):
            pretrain(tmp_path, config_of(), pictures, checkpoint_seconds=0.0, on_epoch=kill)
    pretrain(tmp_path, config_of(), pictures)
    assert (tmp_path / runs.WEIGHTS).read_bytes() == (pretrained / runs.WEIGHTS).read_bytes()
    tables = [
        [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(text.splitlines())]
        for text in ((folder / "history.csv").read_text() for folder in (tmp_path, pretrained))
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 3
    (shown,) = curves(tmp_path).values()
    assert set(shown) == {"loss/train", "spread", "learning_rate"}
    assert all([step for step, _ in points] == [1, 2, 3] for points in shown.values())
    assert not (tmp_path / "last.safetensors").exists()
    before = (tmp_path / runs.WEIGHTS).stat().st_mtime_ns
    pretrain(tmp_path, config_of(), pictures, on_epoch=lambda row: pytest.fail("trained again"))
    assert (tmp_path / runs.WEIGHTS).stat().st_mtime_ns == before


@pytest.mark.ci
def test_blocks_that_an_encoder_leaves_out_at_random_follow_from_seed_and_step(site, cache, tmp_path):
    pictures = gather([site], size=32, framing="resize", cache=cache)
    config = config_of(backbone="efficientnet-b0", size=32, epochs=2, batch_size=6)
    pretrain(tmp_path / "whole", config, pictures)

    def kill(_row):
        raise KilledError

    with pytest.raises(KilledError):
        pretrain(tmp_path / "cut", config, pictures, checkpoint_seconds=0.0, on_epoch=kill)
    torch.manual_seed(1)  # what the process drew before is not a part of a pretraining
    pretrain(tmp_path / "cut", config, pictures)
    assert (tmp_path / "cut" / runs.WEIGHTS).read_bytes() == (tmp_path / "whole" / runs.WEIGHTS).read_bytes()


@pytest.mark.ci
def test_views_of_a_picture_come_nearer_and_the_encoder_changes(pictures, tmp_path):
    rows = []
    pretrain(tmp_path, config_of(epochs=40, learning_rate=2e-3), pictures, on_epoch=rows.append)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"] - 0.02
    assert all(-1 <= row["train_loss"] <= 0.2 for row in rows)
    before = build(BACKBONE, encoder_weights=None, seed=0).get_submodule("encoder").state_dict()
    after = load_file(tmp_path / runs.WEIGHTS)
    assert after.keys() == before.keys()
    assert any(not torch.equal(after[name], before[name]) for name in after if name.endswith("weight"))


@pytest.mark.ci
def test_a_run_starts_from_the_encoder_and_its_own_decoder(pretrained, data, tmp_path):
    config = fine_tuned(pretrained)
    network = initial_weights.network_of(config, weights=None, init=pretrained)
    plain = build(BACKBONE, encoder_weights=None, seed=5)
    encoder = load_file(pretrained / runs.WEIGHTS)
    for name, tensor in network.state_dict().items():
        part, _, rest = name.partition(".")
        assert torch.equal(tensor, encoder[rest] if part == "encoder" else plain.state_dict()[name])
    train(tmp_path / "run", config, **data, init=pretrained)
    manifest = runs.load(tmp_path / "run").manifest
    assert manifest["config"]["init"] == config.init
    encoder_manifest = json.loads((pretrained / "pretrained.json").read_text())
    assert manifest["seen_unlabelled"] == encoder_manifest["seen"]
    assert sorted(manifest["seen_looks"]) == sorted(re.findall(r"\w{64}", encoder_manifest["hashes"]))
    photos = {photo.file_name: photo.sha256 for photo in data["real"].photos}
    used = (*data["split"].train, *data["split"].valid)
    assert manifest["seen"] == sorted(photos[name] for name in used)


def copied(photos, folder):
    for path in photos.glob("*.png"):
        shutil.copy(path, folder)


def turned_and_larger(photos, folder):
    for path in photos.glob("*.png"):
        with Image.open(path) as picture:
            picture.transpose(Image.Transpose.ROTATE_90).resize((144, 160)).save(folder / f"{path.stem}.jpg")


def shown_in_a_video(photos, folder):
    video(folder / "walk.mp4", [np.asarray(Image.open(path).resize((96, 80))) for path in photos.glob("*.png")])


@pytest.mark.ci
@pytest.mark.parametrize("given", [copied, turned_and_larger, shown_in_a_video])
def test_test_photos_among_the_pictures_are_refused(given, data, roboflow, site, cache, tmp_path):
    (tmp_path / "archive").mkdir()
    given(roboflow / "test", tmp_path / "archive")
    pictures = gather([site, tmp_path / "archive"], size=64, framing="resize", cache=cache)
    pretrain(tmp_path / "encoder", config_of(epochs=1), pictures)
    message = r"has seen 5 test photos of this run or similar pictures \(among its pictures.*\); pretrain without them"
    with pytest.raises(InputError, match=message):
        train(tmp_path / "run", fine_tuned(tmp_path / "encoder"), **data, init=tmp_path / "encoder")
    assert not (tmp_path / "run").exists()


def test_an_encoder_of_another_kind_is_refused(pretrained):
    with pytest.raises(
        InputError, match=rf"is {BACKBONE}, this run is vgg16; `init` takes an encoder of the same kind"
    ):
        initial_weights.digest_of(pretrained, backbone="vgg16", architecture="Unet")


@pytest.mark.parametrize("damage", [{"seen": 3}, {"config": {}}])
def test_a_damaged_pretraining_is_one_line(damage, pretrained, tmp_path):
    content = json.loads((pretrained / "pretrained.json").read_text()) | damage
    (tmp_path / "pretrained.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"pretrained\.json: damaged; pretrain again"):
        initial_weights.digest_of(tmp_path, backbone=BACKBONE, architecture="Unet")


@pytest.mark.parametrize("damage", [{"hashes": None}, {"hashes": "0a"}], ids=["of an earlier version", "damaged"])
def test_a_pretraining_without_perceptual_hashes_gets_them_when_repeated(damage, pretrained, pictures, tmp_path):
    encoder = shutil.copytree(pretrained, tmp_path / "encoder")
    whole = (encoder / "pretrained.json").read_text()
    (encoder / "pretrained.json").write_text(json.dumps(json.loads(whole) | damage))
    with pytest.raises(InputError, match=r"no perceptual hashes of its pictures, .* repeat its `segmentation"):
        initial_weights.digest_of(encoder, backbone=BACKBONE, architecture="Unet")
    pretrain(encoder, config_of(), pictures, on_epoch=lambda row: pytest.fail("trained again"))
    assert json.loads((encoder / "pretrained.json").read_text()) == json.loads(whole)
    assert initial_weights.digest_of(encoder, backbone=BACKBONE, architecture="Unet") == runs.digest_of_weights(
        pretrained / runs.WEIGHTS
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 1}, "`batch_size` 1 is below 2"),
        ({"batch_size": 99}, "there are only 12 pictures; choose a smaller one"),
        ({"size": 65}, "`size` 65 is not divisible by 32"),
        ({"learning_rate": float("nan")}, "`learning_rate` nan"),
        ({"epochs": 0}, "`epochs` 0 is below 1"),
    ],
)
def test_settings_that_are_not_valid_are_refused(changes, message, pictures, tmp_path):
    with pytest.raises(InputError, match=message):
        pretrain(tmp_path / "out", config_of(**changes), pictures)
    assert not (tmp_path / "out").exists()


def test_without_lightly_the_command_says_how_to_get_it(pictures, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightly.models.modules.heads", None)
    with pytest.raises(InputError, match=r"needs the package lightly: pip install"):
        pretrain(tmp_path / "out", config_of(), pictures)


def test_a_collapse_is_said(site, cache, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pretraining, "COLLAPSED", 2.0)
    command(
        (site,), out=tmp_path / "out", backbone=BACKBONE, size=64, epochs=1, batch_size=4, threads=1,
    )  # fmt: skip
    said = capsys.readouterr()
    assert "the encoder has collapsed: all pictures look the same to it" in said.err
    assert "pretrained on 12 pictures" in said.out
    spread = [
        float(row["spread"]) for row in csv.DictReader((tmp_path / "out" / "history.csv").read_text().splitlines())
    ]
    assert np.isfinite(spread).all()
