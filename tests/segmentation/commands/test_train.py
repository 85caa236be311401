import inspect
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL, DataArm, arm_of
from corrotwin.segmentation.commands import train as main
from corrotwin.segmentation.data import coco, leakage, splits
from corrotwin.segmentation.training import train
from corrotwin.twin.core.errors import InputError


@pytest.mark.ci
def test_train_then_evaluate(call, roboflow, rendered, cache, tmp_path):
    settings = ("--profile", "quick", "--size", 32, "--epochs", 1, "--split", "own", "--threads", 1)
    out = tmp_path / "run"
    done = call("train", "--data", roboflow, "--renders", rendered, "--out", out, *settings)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no terminal, and soon done
    assert "5 images, mean F1" in done.stdout
    again = call("evaluate", out, "--data", roboflow)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[0].split(":", 1)[1] == done.stdout.splitlines()[0].split(":", 1)[1]
    assert done.stdout.splitlines()[1:] == [
        f"{out}: the trained run", f"next: corrotwin segmentation evaluate {out} --data {roboflow} --out {out}-test"
    ]  # fmt: skip


SYNTH = {"renders": Path("renders")}


@pytest.mark.parametrize(
    ("options", "arm"),
    [
        ({}, REAL),
        ({"real_fraction": 0.1}, replace(REAL, real_fraction=0.1)),
        ({"copy_paste": 0.5}, DataArm(name="real-copy-paste", copy_paste=0.5)),
        (SYNTH, DataArm(name="mixed", render_share=0.5)),
        (SYNTH | {"render_share": 0.25}, DataArm(name="mixed", render_share=0.25)),
        (SYNTH | {"render_share": 1.0}, DataArm(name="synthetic", render_share=1.0)),
        (SYNTH | {"render_count": 5}, DataArm(name="mixed", render_share=None, render_count=5)),
        (SYNTH | {"render_count": 5, "render_share": 0.5}, DataArm(name="mixed", render_share=0.5, render_count=5)),
        (SYNTH | {"pretrain": 0.3}, DataArm(name="pretrained", render_share=0.0, pretrain=0.3)),
        (SYNTH | {"pretrain": 0.3, "render_share": 0.0}, DataArm(name="pretrained", render_share=0.0, pretrain=0.3)),
        (SYNTH | {"pretrain": 0.3, "render_share": 0.5}, DataArm(name="pretrained", render_share=0.5, pretrain=0.3)),
        (
            SYNTH | {"pretrain": 0.3, "render_count": 5},
            DataArm(name="pretrained", render_share=0.0, render_count=5, pretrain=0.3),
        ),
        (
            SYNTH | {"adaptation": "colours", "augmentation": "strong"},
            DataArm(name="mixed-strong", render_share=0.5, adaptation="colours", augmentation="strong"),
        ),
    ],
)
def test_options_of_train_make_the_arm_that_they_promise(options, arm):
    defaults = {name: each.default for name, each in inspect.signature(main.train).parameters.items()}
    given = defaults | options
    names = set(inspect.signature(arm_of).parameters) - {"with_renders"}
    assert arm_of(with_renders=given["renders"] is not None, **{name: given[name] for name in names}) == arm


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "nowhere: no such folder"),
        (("--data", ".", "--adaptation", "fourier"), "need --renders"),
        (("--data", ".", "--renders", ".", "--render-share", "0"), "uses no render"),
        (("--data", ".", "--size", "100"), "nearest that is: 96"),
        (("--data", ".", "--render-share", "0.5"), "need --renders"),
        (
            ("--data", ".", "--weights", "w", "--backbone", "mobilenet_v2"),
            "--weights w: initial weights are random here; choose --encoder-weights imagenet, or",
        ),
        (
            ("--data", ".", "--weights", "w", "--profile", "paper", "--encoder-weights", "none"),
            "initial weights are random here",
        ),
        (("--data", ".", "--weights", "w", "--encoder-weights", "none"), "initial weights are random here"),
        (("--data", ".", "--weights", "w", "--encoder-weights", "imagenet"), "no COCO json"),
        (("--data", ".", "--weights", "w"), "no COCO json"),  # the default backbone has ImageNet weights
        (("--data", "."), "no COCO json"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, run_module):
    monkeypatch.chdir(tmp_path)
    done = run_module("segmentation", "train", "--out", "out", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("corrotwin segmentation: error: ")
    assert message in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ci
def test_a_folder_that_holds_something_else_is_one_line(call, roboflow, cache, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    done = call("train", "--data", roboflow, "--out", out, "--profile", "quick", "--size", 32)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "holds something else" in line


def test_train_says_what_a_split_leaves_out_and_tears(rename, roboflow, tmp_path, monkeypatch, run_module):
    """The training itself is played: it refuses."""
    data = Path(shutil.copytree(roboflow, tmp_path / "data"))
    rename(data / "test", {"test_000.png": "train_000.png", "test_001.png": "train_001.png"})  # as copies are called
    split = splits.split(coco.read(data), how="own", seed=0)
    splits.save(replace(split, train=split.train[1:], group={}), tmp_path / "split.json")

    def refuse(*_, **__):
        raise InputError("enough")

    monkeypatch.setattr(train, "train", refuse)
    done = run_module("segmentation", "train", "--data", data, "--split", tmp_path / "split.json", "--out", "o")
    left, torn, end = done.stderr.splitlines()
    assert f"{data}: 1 photo is in no part of the split and will not be used (first: train/train_000.png)" in left
    assert "1 of 9 photos of validation and test are, by their names, copies of training photos" in torn
    assert "enough" in end


def test_a_table_of_spots_beside_the_photos_is_taken_by_split_and_told_by_train(
    roboflow, tmp_path, monkeypatch, run_module
):
    data = Path(shutil.copytree(roboflow, tmp_path / "data"))
    photos = coco.read(data).photos
    rows = [f"{photo.file_name},{place // 3}" for place, photo in enumerate(sorted(photos, key=lambda one: one.sha256))]
    (data / "spots.csv").write_text("\n".join(["file_name,spot", *rows]) + "\n")
    done = run_module("segmentation", "split", "--data", data, "--out", tmp_path / "split.json")
    assert done.returncode == 0, done.stderr
    assert f"{data / 'spots.csv'}: photos with equal values of spot stay together" in done.stdout
    made = splits.load(tmp_path / "split.json")
    parts = [{made.group[name] for name in getattr(made, part)} for part in ("train", "valid", "test")]
    assert len(set.union(*parts)) == sum(map(len, parts)) == -(-len(photos) // 3)
    monkeypatch.setattr(train, "train", lambda *_, **__: (_ for _ in ()).throw(InputError("enough")))
    line = ("segmentation", "train", "--data", data, "--out", tmp_path / "run", "--split")
    [_] = run_module(*line, tmp_path / "split.json").stderr.splitlines()
    told, _ = run_module(*line, "own").stderr.splitlines()
    assert "photos of validation and test show, by spots.csv, a spot of the training photos" in told


def test_train_keeps_spots_together_unless_told_otherwise(roboflow, tmp_path, monkeypatch, run_module):
    data = Path(shutil.copytree(roboflow, tmp_path / "data"))
    photos = sorted(coco.read(data).photos, key=lambda one: one.sha256)
    rows = [f"{photo.file_name},{place // 3}" for place, photo in enumerate(photos)]
    (data / "spots.csv").write_text("\n".join(["file_name,spot", *rows]) + "\n")
    taken = []

    def played(*_, split, **__):
        taken.append(split)
        raise InputError("enough")

    monkeypatch.setattr(train, "train", played)
    line = ("segmentation", "train", "--data", data, "--out", tmp_path / "run", "--encoder-weights", "none")
    for options in ((), ("--split", "grouped"), ("--profile", "paper"), ("--split", "published"), ("--split", "own")):
        assert "enough" in run_module(*line, *options).stderr
    assert [split.how for split in taken] == ["grouped", "grouped", "published", "published", "own"]
    assert taken[0] == taken[1] == splits.without_leaks(coco.read(data))
    assert leakage.spots_warning(taken[0], coco.read(data)) == ""
    (tmp_path / "run").mkdir()
    splits.save(taken[4], tmp_path / "run" / runs.SPLIT)  # as a run that was begun leaves it
    assert "enough" in run_module(*line).stderr
    assert taken[-1] == taken[4]


def test_photos_without_a_table_of_spots_are_split_by_name_and_look(rename, roboflow, tmp_path):
    data = Path(shutil.copytree(roboflow, tmp_path / "data"))
    rename(data / "train", {"train_000.png": "a_png.rf.00.png"})
    rename(data / "test", {"test_000.png": "a_png.rf.11.png"})
    made = splits.without_leaks(coco.read(data))
    assert made.group["train/a_png.rf.00.png"] == made.group["test/a_png.rf.11.png"]
    assert made.how == "grouped"


def test_a_complete_run_whose_weights_are_gone_is_not_said_to_be_trained(roboflow, tmp_path, monkeypatch, run_module):
    monkeypatch.setattr(runs, "is_complete", lambda *_: True)
    monkeypatch.setattr(train, "train", None)
    done = run_module("segmentation", "train", "--data", roboflow, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert f"{tmp_path / 'run'}: complete, but its weights are missing; delete the folder to train it" in done.stderr
