import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from corrotwin.segmentation.data import coco, splits


@pytest.fixture
def copies(rename, roboflow, tmp_path):
    """The export with a photo of training and one of test that are, by their names, copies of a.png."""
    data = Path(shutil.copytree(roboflow, tmp_path / "data"))
    rename(data / "train", {"train_000.png": "a_png.rf.00.png"})
    rename(data / "test", {"test_000.png": "a_png.rf.11.png"})
    return data


@pytest.mark.ci
def test_split_then_train_by_names(call, copies, tmp_path):
    command = ("split", "--data", copies, "--out", tmp_path / "split.json", "--by", "names")
    done = call(*command)
    assert done.returncode == 0, done.stderr
    assert "| grouped, seed 0 | 0 of 3 (0.0%) | 0 of 3 (0.0%) | 0 |" in done.stdout
    assert "| the export's own | 0 of 4 (0.0%) | 1 of 5 (20.0%) | 1 |" in done.stdout
    assert re.search(r"\| published, 20 seeds: mean \(range\) \| 0\.[1-9] of 3, ", done.stdout)
    assert call(*command).returncode == 0
    other = call(*command, "--seed", 1)
    assert other.returncode == 2
    assert "holds something other" in other.stderr
    settings = ("--profile", "quick", "--size", 32, "--epochs", 1, "--threads", 1)
    done = call("train", "--data", copies, "--out", tmp_path / "run", "--split", tmp_path / "split.json", *settings)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "split.json").read_text())["how"] == "grouped"


def test_split_keeps_photos_together_by_name_and_look_unless_told(copies, tmp_path, run_module):
    with Image.open(copies / "train" / "train_001.png") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(copies / "valid" / "valid_000.png")
    done = run_module("segmentation", "split", "--data", copies, "--out", tmp_path / "split.json")
    assert "Pairs of photos in one group: names 1, hash 1; by names and by hash 0." in done.stdout
    made = splits.load(tmp_path / "split.json")
    of_one_photo = ({"train/a_png.rf.00.png", "test/a_png.rf.11.png"}, {"train/train_001.png", "valid/valid_000.png"})
    for pair in of_one_photo:
        assert len({made.group[name] for name in pair}) == 1
        assert any(pair <= set(getattr(made, part)) for part in coco.SPLITS)


def test_split_options_that_do_not_go_together(call, roboflow, tmp_path):
    done = call("split", "--data", roboflow, "--out", tmp_path / "split.json", "--by", "column")
    assert done.returncode == 2
    assert "go together" in done.stderr
    assert list(tmp_path.iterdir()) == []
