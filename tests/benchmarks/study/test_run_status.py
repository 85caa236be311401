import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from studies import small, snapshot

from corrotwin.benchmarks.study import results, runner
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.benchmarks.study.split_choice import split_of
from corrotwin.segmentation.config import PROFILES
from corrotwin.segmentation.data import coco, splits
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json

Maker = Callable[..., Any]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("when", ["before", "after"])
def test_runs_trained_elsewhere_count_whatever_their_arm_is_called(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_run: Maker, when: str
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    config = small(kinds=("real", "copy-paste"), real_fractions=(0.1, 1.0), runs=1)
    real = coco.read(data)
    split = split_of(out, config, real)
    if when == "after":
        runner.run(out, small(kinds=("real",), runs=1), sources)
    for key, name in (("copy-paste-10pct-vgg16-00", "real-copy-paste"), ("real-10pct-vgg16-00", "real")):
        each = config.grid[key]
        named = replace(each, arm=replace(each.arm, name=name))  # as `corrotwin segmentation train` calls it
        fake_run(out / "runs" / key, named, real, split, None, None)
    splits.save(split, out / "split.json")
    assert runner.run(out, config, sources) == []
    assert sorted(log["trained"]) == ["copy-paste-vgg16-00", "real-vgg16-00"]
    found = results.load(out)
    assert not found.missing
    assert {each.arm for each in found.scores} == {"real", "copy-paste", "real-10pct", "copy-paste-10pct"}
    assert runner.run(out, config, sources) == []


def test_runs_put_beside_a_stranger_are_not_taken(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    out = tmp_path / "out"
    runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    for name in ("claim.json", "study.json"):
        (out / name).unlink()
    (out / "letter.txt").write_text("dear")
    before = snapshot(out)
    with pytest.raises(InputError, match="holds something else"):
        runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    assert snapshot(out) == before


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_runs_in_the_way_are_named_left_alone_and_the_others_go_on(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    runner.run(out, small(), sources)
    runs = out / "runs"
    epochs = PROFILES["quick"]["epochs"]
    edit(runs / "real-vgg16-00" / "run.json", f'"epochs": {epochs}', '"epochs": 77')
    edit(runs / "mixed-vgg16-00" / "run.json", '"renders": "', '"renders": "0')
    (runs / "mixed-vgg16-01" / "per_image.csv").write_text("image,tp\n")
    (runs / "real-vgg16-01" / "run.json").unlink()
    shutil.rmtree(runs / "real-vgg16-01")
    before = snapshot(runs)
    del log["trained"][:]
    capsys.readouterr()
    failed = runner.run(out, small(runs=3), sources)
    assert set(failed) == {"real-vgg16-00", "mixed-vgg16-00", "mixed-vgg16-01"}
    assert log["trained"] == ["real-vgg16-01", "real-vgg16-02", "mixed-vgg16-02"]
    assert {name: snapshot(runs)[name] for name in before} == before
    said = capsys.readouterr()
    assert "6 runs, 0 complete, 3 blocked, 3 to do" in said.out
    missing = results.load(out).missing
    assert f"epochs is 77, the study's is {epochs}; delete runs/real-vgg16-00 to train it again" in said.err
    assert f"epochs is 77, the study's is {epochs}" in missing["real-vgg16-00"]
    assert "made with other renders" in missing["mixed-vgg16-00"]
    assert "per_image.csv: damaged" in missing["mixed-vgg16-01"]
    shutil.rmtree(runs / "mixed-vgg16-01")
    assert set(runner.run(out, small(), sources)) == {"real-vgg16-00", "mixed-vgg16-00"}


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("history.csv", "\n2,", "\n", "damaged"),
        ("history.csv", None, "", "history.csv has 0 of"),
        ("per_image.csv", None, "", "per_image.csv has 0 of"),
        ("run.json", '"train_seconds": 60.0', '"train_seconds": "soon"', "train_seconds is 'soon'"),
        ("run.json", '"train_seconds": 60.0', '"train_seconds": NaN', "train_seconds is nan"),
        ("run.json", '"train_photos"', '"train_pictures"', "run.json: counts lack train_photos"),
        ("run.json", '"counts"', '"numbers"', "run.json: counts lack train_photos"),
    ],
)
def test_a_run_whose_tables_are_short_is_damaged_and_the_others_are_reported(
    file: str, old: str | None, new: str, said: str, tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data))
    path = out / "runs" / "real-vgg16-00" / file
    if old is None:  # only the header is left
        path.write_text(path.read_text().splitlines()[0] + "\n")
    else:
        edit(path, old, new)
    found = results.load(out)
    assert list(found.missing) == ["real-vgg16-00"]
    assert said in found.missing["real-vgg16-00"]
    assert len(found.scores) == 3


def test_half_written_runs_are_named_and_finished(
    tmp_path: Path, log: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    log["fail"] = {"real-vgg16-00"}
    runner.run(out, small(kinds=("real",), runs=1), sources)
    half = out / "runs" / "real-vgg16-00"
    half.mkdir(parents=True)
    (half / "history.csv").write_text("epoch\n1\n2\n")
    manifest = read_json(out / "study.json")
    write_json(out / "study.json", {**manifest, "failed": {}})
    epochs = PROFILES["quick"]["epochs"]
    assert results.load(out).missing == {"real-vgg16-00": f"unfinished: 2 of {epochs} epochs"}
    shutil.rmtree(half)
    log["fail"] = set()
    assert runner.run(out, small(kinds=("real",), runs=1), sources) == []


def test_a_study_without_weights_and_renders_is_read_extended_and_not_trained_again(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str], fake_dataset: Maker
) -> None:
    out = tmp_path / "out"
    fake_dataset(tmp_path / "other", 6, name="other", seed=4)
    runner.run(out, small(), Sources(data=data))
    assert not list(out.rglob("*.safetensors"))  # the fake runs have none
    shutil.rmtree(out / "renders")
    shutil.copytree(out, tmp_path / "kept")
    del log["trained"][:], log["rendered"][:]
    sources = Sources(data=data, across=(tmp_path / "other",))
    assert runner.run(tmp_path / "kept", small(kinds=("real",), runs=3), sources) == []
    assert log["trained"] == ["real-vgg16-02"]
    assert log["rendered"] == []
    assert "across other: not measured, since their weights are missing" in capsys.readouterr().err
    found = results.load(tmp_path / "kept")
    assert not found.missing
    assert len(found.scores) == 5
    assert set(found.across_missing["other"].values()) == {"its weights are missing"}
    assert found.manifest["renders"]["digest"] == read_json(out / "study.json")["renders"]["digest"]
