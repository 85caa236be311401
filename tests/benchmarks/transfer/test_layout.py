import csv
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from corrotwin.benchmarks.commands.transfer import transfer as command
from corrotwin.benchmarks.data import background_fp
from corrotwin.benchmarks.formatting.wording import span
from corrotwin.benchmarks.stats import crossed_effects, subgroups
from corrotwin.benchmarks.study import planning, runner
from corrotwin.benchmarks.transfer import cv_pooling, error_analysis, layout, protocol, screening, test_access_log
from corrotwin.benchmarks.transfer.protocol import Recipe
from corrotwin.segmentation import runs
from corrotwin.segmentation.config import REAL, TrainConfig, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering import fanout
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_manifest
from corrotwin.twin.core.locks import hold

Maker = Callable[..., Any]
SETTINGS = {"steps": 3, "size": 32, "folds": 2}


@pytest.fixture
def failing() -> list[str]:
    """Ends of the folders of runs whose training fails."""
    return []


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, fake_run: Maker, failing: list[str]) -> list[str]:
    """Replace Ray, the networks and the probe; the folders of the runs are recorded as they are trained."""
    done: list[str] = []

    def fake_fan_out(task: Any, items: Any, *, is_done: Any, **_: Any) -> list[fanout.Failure]:
        lost = []
        for item in items:
            if not is_done(item.key):
                if task is runner.train_run and item.arguments[0].endswith(tuple(failing)):
                    lost.append(fanout.Failure(key=item.key, error="RuntimeError: out of memory"))
                elif task is runner.train_run:
                    done.append(item.arguments[0])
                    fake_run(Path(item.arguments[0]), *item.arguments[1:])
                    (Path(item.arguments[0]) / runs.WEIGHTS).touch()
                else:
                    task(*item.arguments)
        return lost

    def measure_run(folder: Path, found: coco.CocoDataset) -> runs.PerImage:
        """Of each run, fold and photo its own."""
        rng = np.random.default_rng(list("/".join(folder.parts[-5:]).encode()))
        rust = np.array([300 if photo.annotations else 0 for photo in found.photos])
        tp, fp = (rust * rng.random(len(rust))).astype(int), rng.integers(0, 200, len(rust))
        names = tuple(photo.file_name for photo in found.photos)
        return runs.PerImage(image=names, tp=tp, fp=fp, fn=rust - tp, tn=1024 - rust - fp)

    def clean_counts(run: Path, data: coco.CocoDataset) -> None:
        table = runs.load(run).per_image
        nothing = np.zeros_like(table.tp)
        runs.write_per_image(run / background_fp.TABLE, replace(table, tp=nothing, fn=nothing))

    monkeypatch.setattr(fanout, "fan_out", fake_fan_out)
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(runner, "_gpu_share", lambda backbone: 0.0)
    monkeypatch.setattr(planning, "_probe", lambda configs: (0, [(2.0, 0.1)] * len(configs)))
    monkeypatch.setattr(evaluate, "measure_run", measure_run)
    monkeypatch.setattr(evaluate, "predict_masks", lambda run, photos: [coco.mask(photo) for photo in photos])
    monkeypatch.setattr(background_fp, "measure", clean_counts)
    return done


@pytest.fixture
def home(tmp_path: Path, fake_dataset: Maker) -> Path:
    """A folder with photos of 10 spots, two sets of renders, another set, and clean pictures."""
    photos = fake_dataset(tmp_path / "photos", 20)
    rows = [f"{photo.file_name},{place // 2}" for place, photo in enumerate(photos.photos)]
    (tmp_path / "photos" / "spots.csv").write_text("file_name,spot\n" + "\n".join(rows) + "\n")
    for seed, name, count in ((1, "renders", 6), (2, "better", 6), (3, "yard", 5), (4, "clean", 4)):
        fake_dataset(tmp_path / name, count, name=name, seed=seed)
    fake_dataset(tmp_path / "tables", 10, seed=5)
    bare = read_json(tmp_path / "clean" / "annotations.json")
    (tmp_path / "clean" / "annotations.json").write_text(json.dumps({**bare, "annotations": []}))
    return tmp_path


def give(home: Path, **changes: Any) -> int:
    asked = {"synth": home / "renders", "data": (home / "photos",), "out": home / "out", **SETTINGS}
    runs = {} if changes.get("screen") else {"runs": 1}
    return command(**{**asked, **runs, **changes})


def ids(trained: list[str], home: Path) -> list[str]:
    return [str(Path(folder).relative_to(home / "out")) for folder in trained]


def counted(home: Path, table: str) -> Iterator[tuple[str, int, str, tuple[int, ...]]]:
    """Arm, run, photo and its tp, fp, fn, tn, of all that the runs of the proof keep in a table."""
    for path in sorted((home / "out" / "photos").glob(f"run-*/fold-*/*/runs/*/{table}")):
        run, _, _, _, key, *_ = path.relative_to(home / "out" / "photos").parts
        for row in csv.DictReader(path.read_text().splitlines()):
            counts = tuple(int(row[name]) for name in ("tp", "fp", "fn", "tn"))
            yield key.partition("-mobilenet_v2-")[0], int(run[-2:]), row["image"], counts


def by_spot(
    home: Path, table: str, score: Callable[..., float], spots: Mapping[str, str]
) -> dict[str, np.ndarray[Any, Any]]:
    """(runs, spots) means for each arm of what is `counted`, all folds together, of the photos that have a spot."""
    found: dict[str, dict[int, dict[str, list[float]]]] = {}
    for arm, run, image, counts in counted(home, table):
        if image in spots:
            found.setdefault(arm, {}).setdefault(run, {}).setdefault(spots[image], []).append(score(*counts))
    assert found
    return {
        arm: np.array([[np.mean(of_run[spot]) for spot in sorted(of_run)] for of_run in of_arm.values()])
        for arm, of_arm in found.items()
    }


def f1(tp: int, fp: int, fn: int, tn: int) -> float:
    return 2 * tp / (2 * tp + fp + fn)


def false_alarms(tp: int, fp: int, fn: int, tn: int) -> float:
    return fp / (fp + tn)


def in_percent(shares: np.ndarray[Any, Any]) -> tuple[str, str]:
    """The mean of (runs, units) shares and its interval, as they are read."""
    low, high = crossed_effects.interval(crossed_effects.paired(crossed_effects.moments(shares)), 0.05)
    return f"{100 * shares.mean():.1f} %", f"{100 * max(low, 0):.1f} % to {100 * high:.1f} %"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- confirmation


def test_every_arm_is_trained_in_every_fold_and_each_photo_counts_once(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert give(home, runs=2) == 0
    assert len(trained) == 2 * 2 * 7
    said = capsys.readouterr().out
    assert "28 runs, 0 complete, 28 to do" in said
    assert "20 photos, 10 spots; each tested once a run" in said
    assert "detectable" in said
    (table,) = (home / "out" / "tables").glob("photos-renders-*-per-image.csv")
    spots = layout.read_photos(home / "photos").spots
    rows = list(csv.DictReader(table.read_text().splitlines()))
    by_photo = {(row["arm"], int(row["run"]), row["image"]): row for row in rows}
    assert len(rows) == len(by_photo) == 7 * 2 * 20
    for arm, run, image, (tp, fp, fn, tn) in counted(home, "per_image.csv"):
        row = by_photo.pop((arm, run, image))
        assert row["spot"] == spots[image]
        assert float(row["f1"]) == pytest.approx(f1(tp, fp, fn, tn))
        assert float(row["iou"]) == pytest.approx(tp / (tp + fp + fn))
    assert not by_photo
    precision, recall, all_rust = (
        by_spot(home, "per_image.csv", score, {name: name for name in spots})
        for score in (
            lambda tp, fp, fn, tn: tp / (tp + fp),
            lambda tp, fp, fn, tn: tp / (tp + fn),
            lambda tp, fp, fn, tn: f1(tp + fn, fp + tn, 0, 0),
        )
    )
    assert f"| everything called rust | – | – | {all_rust['real'].mean():.3f} | – | – | – |" in said
    (figure,) = (home / "out" / "tables").glob("photos-renders-*.svg")
    drawn = figure.read_text()
    for arm, values in by_spot(home, "per_image.csv", f1, spots).items():
        trainings = [read_json(path) for path in home.glob(f"out/photos/run-*/*/*/runs/{arm}-mobilenet_v2-00/run.json")]
        photos, renders = (
            span([each["counts"][name] for each in trainings]) for name in ("train_photos", "train_renders")
        )
        score = f"{values.mean():.3f} ± {values.mean(axis=1).std(ddof=1):.3f}"
        rates = f"{precision[arm].mean():.3f} | {recall[arm].mean():.3f}"
        assert f"| {arm} | {photos} | {renders} | {score} | {rates} | 2 |" in said
        assert f"<!-- {values.mean():.3f} -->" in drawn
    assert figure.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_the_same_command_repeats_nothing_and_more_runs_add_to_it(home: Path, trained: list[str]) -> None:
    give(home)
    before = snapshot(home / "out")
    trained.clear()
    give(home)
    assert trained == []
    after = snapshot(home / "out")
    log, page = after.pop(test_access_log.LOG), [name for name in after if name.endswith("-per-image.csv")]
    assert log.startswith(before.pop(test_access_log.LOG))
    assert all(after[name] == before[name] for name in after if "/run-01/" in name or name in page)
    give(home, runs=2)
    assert {each.split("/")[1] for each in ids(trained, home)} == {"run-02"}


def test_fewer_runs_than_are_there_take_none_out_of_the_tables(home: Path, trained: list[str]) -> None:
    give(home, runs=2)
    tables = snapshot(home / "out" / "tables")
    give(home, runs=1)
    after = snapshot(home / "out" / "tables")
    said = [each.pop(name) for each in (tables, after) for name in list(each) if name.endswith(".md")]
    assert said[0].replace(b"opened 1 time ", b"opened 2 times ") == said[1]
    assert {name: after[name] for name in tables if not name.endswith(".png")} == {
        name: content for name, content in tables.items() if not name.endswith(".png")
    }


def test_runs_of_photos_alone_serve_all_renders_of_a_folder(home: Path, trained: list[str]) -> None:
    give(home)
    trained.clear()
    give(home, synth=home / "better")
    assert len(trained) == 2 * 4
    assert not [each for each in ids(trained, home) if "/photos/runs" in each]
    assert len(list((home / "out" / "tables").glob("*.md"))) == 2


def test_another_way_of_mixing_trains_its_own_arms_alone(home: Path, trained: list[str]) -> None:
    give(home)
    trained.clear()
    give(home, share=0.25)
    names = {Path(each).name for each in trained}
    assert names == {f"{arm}-mobilenet_v2-00" for arm in ("mixed25", "mixed25-10pct", "shuffled-mixed25-10pct")}


def test_a_mix_of_few_photos_alone_costs_one_arm_and_stands_beside_all_others_in_tables_of_its_own(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, runs=2)
    tables = snapshot(home / "out" / "tables")
    trained.clear()
    capsys.readouterr()
    assert give(home, runs=2, mixed=True, copy_paste=True) == 0
    assert [Path(each).name for each in trained] == ["mixed50-copy-paste-10pct-mobilenet_v2-00"] * 4
    arms = {read_json(Path(each) / "run.json")["config"]["arm"]["copy_paste"] for each in trained}
    assert arms == {0.5}
    said = capsys.readouterr().out
    for row in ("renders", "mixed50-10pct", "mixed50-copy-paste-10pct", "copy-paste-10pct", "real"):
        assert re.search(rf"^\| {row} \| [\d to]+ \| [\d to]+ \| 0\.", said, re.MULTILINE)
    assert "| mixed50-copy-paste-10pct − mixed50-10pct | " in said
    assert "| mixed50-copy-paste-10pct − copy-paste-10pct | " in said
    after = snapshot(home / "out" / "tables")
    assert {name: after.pop(name) for name in tables} == tables
    assert {name.partition("-mixed50-copy-paste")[2] for name in after} == {"-per-image.csv", ".md", ".png", ".svg"}


def test_few_photos_with_renders_may_be_all_that_is_trained_with_renders(home: Path, trained: list[str]) -> None:
    give(home, mixed=True)
    assert {Path(each).name.removesuffix("-mobilenet_v2-00") for each in trained} == {
        "real", "real-10pct", "copy-paste-10pct", "mixed50-10pct",
    }  # fmt: skip


def test_an_arm_counts_in_the_runs_that_have_all_folds(
    home: Path, trained: list[str], failing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    study = f"run-02/fold-2/renders-{coco.read(home / 'renders').digest[:8]}"
    failing.append(f"{study}/runs/mixed50-10pct-mobilenet_v2-00")
    assert give(home, runs=2) == 1
    said, errors = capsys.readouterr()
    assert f"failed: photos/{study}/mixed50-10pct-mobilenet_v2-00; the same command tries it again" in errors
    found: dict[tuple[str, int], list[float]] = {}
    for arm, run, _, counts in counted(home, "per_image.csv"):
        found.setdefault((arm, run), []).append(f1(*counts))
    rows = re.findall(r"^\| (\S+) \| [\d to]+ \| [\d to]+ \| (0\.\d+).* \| (\d) \|$", said, flags=re.MULTILINE)
    assert {arm: count for arm, _, count in rows} == {arm: "2" for arm, _ in found} | {"mixed50-10pct": "1"}
    for arm, score, _ in rows:  # each spot has two photos, so that means over spots are means over photos
        assert score == f"{np.mean([found[arm, run] for run in (1, 2) if len(found[arm, run]) == 20]):.3f}"
    failing.clear()
    trained.clear()
    assert give(home, runs=2) == 0
    assert ids(trained, home) == [f"photos/{study}/runs/mixed50-10pct-mobilenet_v2-00"]
    unequal = "Goals and differences are of those runs that both of their arms have."
    assert unequal in said
    assert unequal not in capsys.readouterr().out


def test_other_sets_and_clean_pictures_are_measured_and_shown(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What they show are means over folds, and a spot or a scene counts once however many pictures it has."""
    spots = {}
    for name in ("photos", "yard", "clean"):
        content = read_json(home / name / "annotations.json")
        for place, image in enumerate(content["images"]):
            image["scene"] = max(0, place - 2)
        spots[name] = {image["file_name"]: str(image["scene"]) for image in content["images"]}
        if name == "clean":
            write_json(home / name / "annotations.json", content)
        else:
            rows = [f"{image},{spot}\n" for image, spot in spots[name].items()]
            (home / name / "spots.csv").write_text("".join(["file_name,spot\n", *rows]))
    give(home, runs=2, across=(home / "yard",), clean=home / "clean")
    said = capsys.readouterr().out
    assert "## On yard\n\n5 photos, 3 spots" in said
    on_yard = said.partition("## On yard\n")[2].partition("## ")[0]
    for arm, values in by_spot(home, "across/yard.csv", f1, spots["yard"]).items():
        assert f"| {arm} | {values.mean():.3f} ± {values.mean(axis=1).std(ddof=1):.3f} | 2 |" in on_yard
    for name, which, table in (
        ("photos", "far from masks", "clean.csv"),
        ("clean", "without rust", "across/clean.csv"),
    ):
        for arm, values in by_spot(home, table, false_alarms, spots[name]).items():
            number, between = in_percent(values)
            assert f"| {arm} | {name}, {which} | {number} | {between} |" in said
            goal = f"| false alarms of {arm}: {name}, {which} | {number} | {between} | under 2 % | "
            assert (goal in said) == (arm in {"renders", "mixed50"})


def test_views_of_one_clean_scene_are_no_sample_of_scenes(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    content = read_json(home / "clean" / "annotations.json")
    for image in content["images"]:
        image["scene"] = 0
    write_json(home / "clean" / "annotations.json", content)
    give(home, runs=2, clean=home / "clean")
    said = capsys.readouterr().out
    assert re.search(r"\| false alarms of renders: clean, without rust \| \d\.\d % \| none \| under 2 % \|", said)
    give(home, screen=True, clean=home / "clean")
    assert "of the pixels of clean called rust (95 % interval none)" in capsys.readouterr().out


def test_the_curve_takes_the_first_renders_each_within_the_next(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, render_counts=(4, 2))
    whole = [photo.file_name for photo in coco.read(home / "renders").photos]
    masks = {photo.file_name: coco.mask(photo) for photo in coco.read(home / "renders").photos}
    for folder in (home / "out" / "first").iterdir():
        some = coco.read(folder).photos
        count = int(folder.name.rpartition("-")[2])
        assert [photo.file_name for photo in some] == whole[:count]
        assert all((coco.mask(photo) == masks[photo.file_name]).all() for photo in some)
        assert all(coco.image(photo).any() for photo in some)
    assert len(trained) == 2 * (7 + 2 * 2)
    assert "renders (first 2)" in capsys.readouterr().out


def test_goals_are_given_again_without_the_photos_that_screens_have_shown(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home)
    assert "that tuning has seen" not in capsys.readouterr().out
    give(home, screen=True)
    give(home)
    shown = splits.load(next((home / "out").glob("photos/screen/renders-*/split.json"))).test
    said = capsys.readouterr().out
    without = said.partition(f"## Without the {len(shown)} photos that tuning has seen\n")[2].partition("## ")[0]
    unseen = {name: spot for name, spot in layout.read_photos(home / "photos").spots.items() if name not in shown}
    for arm, values in by_spot(home, "per_image.csv", f1, unseen).items():
        assert f"| {arm} | {values.mean():.3f} | 1 |" in without


@pytest.mark.parametrize(("patterns", "taken"), [(("photo-1*.png",), 10), (("photo-1*", "photo-03.png"), 12)])
def test_goals_are_given_again_without_photos_that_tuning_has_seen_otherwise(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], patterns: tuple[str, ...], taken: int
) -> None:
    give(home, seen=patterns)
    said = capsys.readouterr().out
    without = said.partition(f"## Without the {taken} photos that tuning has seen\n")[2].partition("## ")[0]
    spots = layout.read_photos(home / "photos").spots
    seen = {spot for name, spot in spots.items() if any(fnmatch.fnmatch(name, each) for each in patterns)}
    unseen = {name: spot for name, spot in spots.items() if spot not in seen}  # with all photos of their spots
    assert len(unseen) == 20 - taken
    assert f"{len(unseen)} photos of {len(set(unseen.values()))} spots are left" in without
    for arm, values in by_spot(home, "per_image.csv", f1, unseen).items():
        assert f"| {arm} | {values.mean():.3f} | 1 |" in without


def test_where_tuning_has_seen_all_photos_nothing_is_left(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, seen=("*",))
    assert "## Without the 20 photos that tuning has seen\n\nNo other is left.\n" in capsys.readouterr().out


# --- what is opened


def test_each_confirmation_is_logged_before_anything_is_trained_and_screens_and_plans_are_not(
    home: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    give(home, dry_run=True)
    assert not (home / "out").exists()
    give(home, screen=True)
    assert test_access_log.read(home / "out") == []

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fanout, "fan_out", killed)
        with pytest.raises(KeyboardInterrupt):
            give(home)
    give(home)
    first_time, second = test_access_log.read(home / "out")
    assert first_time["renders"]["digests"]["all"] == coco.read(home / "renders").digest
    assert first_time["sets"] == {"photos": coco.read(home / "photos").digest}
    assert {"date", "command", "version", "runs"} <= second.keys()


def test_a_torn_line_of_the_log_spoils_no_other(tmp_path: Path) -> None:
    test_access_log.log(tmp_path, "first", {})
    with (tmp_path / test_access_log.LOG).open("a") as stream:
        stream.write('{"date": "20')
    test_access_log.log(tmp_path, "second", {})
    assert [each["command"] for each in test_access_log.read(tmp_path)] == ["first", "second"]


def test_the_version_is_that_of_the_program_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of a repository around an installed program."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.setattr(test_access_log, "__file__", str(tmp_path / "openings.py"))
    (tmp_path / "openings.py").touch()
    assert test_access_log.version() is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=me", "-c", "user.email=me@here"]
    subprocess.run([*git, "add", "openings.py"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "one"], check=True)
    clean_version = test_access_log.version()
    assert clean_version is not None
    (tmp_path / "openings.py").write_text("changed")
    assert test_access_log.version() == f"{clean_version}-dirty"


# --- screens


def test_a_screen_trains_on_renders_alone_and_shows_where_they_fail(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert give(home, screen=True) == 0
    assert [Path(each).name for each in trained] == ["renders-mobilenet_v2-00", "renders-mobilenet_v2-01"]
    said = capsys.readouterr().out
    for part in ("everything called rust", "--reference", "precision", "corroded share", "brightness", "least rust"):
        assert part in said
    (sheet,) = (home / "out").glob("photos/screen/renders-*/failures/worst.png")
    assert sheet.stat().st_size > 1000
    rows = (sheet.parent / "photos.csv").read_text().splitlines()[1:]
    f1 = [float(row.split(",")[2]) for row in rows]
    assert f1 == sorted(f1)
    tested = {name for fold in _folds(home) for name in fold.split.test}
    assert len(tested) == 20
    shown, other = (_screen(home, count) for count in (2, 3))
    assert {row.split(",")[0] for row in rows} == set(shown.split.test) == set(other.split.test)  # for any proof
    five = _folds(home, protocol.SCREEN_FOLDS)[0].split
    assert shown.split.test == five.valid
    assert not {*shown.split.train, *shown.split.valid, *shown.split.test} & set(five.test)


def _folds(home: Path, count: int = SETTINGS["folds"]) -> tuple[protocol.Fold, ...]:
    return protocol.folds(*_given(home, count), 0)


def _screen(home: Path, count: int) -> protocol.Fold:
    return protocol.screen(*_given(home, count))


def _given(home: Path, count: int) -> tuple[Any, Any, Recipe]:
    photos = layout.read_photos(home / "photos")
    return photos.data, photos.spots, Recipe(**{**SETTINGS, "folds": count})


def test_the_reference_of_a_screen_is_trained_once_for_all_renders(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, screen=True, reference=True)
    assert len(trained) == 4
    trained.clear()
    capsys.readouterr()
    give(home, screen=True, synth=home / "better")
    assert {Path(each).name for each in trained} == {"renders-mobilenet_v2-00", "renders-mobilenet_v2-01"}
    said = capsys.readouterr().out
    assert "all real: 0." in said
    assert str(home / "renders") in said  # what was screened before
    ((other, added),) = re.findall(r"^  ([0-9.]+)  (\S+ .+)  /", said, flags=re.MULTILINE)
    assert f"per-image F1 of renders only {other}" in said  # the same counts, the same mean over spots
    assert added == "+0.000 (of one run or spot: no interval)"
    assert re.search(r"^precision 0\.\d+, all real 0\.\d+; recall 0\.\d+, all real 0", said, flags=re.MULTILINE)
    document = read_json(home / "photos" / "annotations.json")  # another mask: what was before is of other photos
    write_json(home / "photos" / "annotations.json", {**document, "annotations": document["annotations"][1:]})
    give(home, screen=True, out=home / "new")
    shutil.copytree(next((home / "out").glob("photos/screen/renders-*")), home / "new/photos/screen/renders-0")
    capsys.readouterr()
    give(home, screen=True, out=home / "new")
    assert "other renders" not in capsys.readouterr().out


def test_what_the_gap_to_all_real_photos_is_made_of_stands_beside_each_number() -> None:
    few = np.array([0.01, 0.02, 0.3, 0.4])
    plain = error_analysis.Causes(
        images=("a", "b", "c", "d"), units=("a", "b", "c", "d"), f1=few, by_run=few[None], precision=few,
        recall=few + 0.1, all_rust=few, false_alarms=few, properties=dict.fromkeys(subgroups.PROPERTIES, few),
    )  # fmt: skip
    real = replace(plain, by_run=plain.by_run + 0.5, precision=few + 0.2, recall=few + 0.3, false_alarms=few / 2)
    first, *quarters, alarms = error_analysis.described(plain, real).splitlines()
    rates = "precision 0.182, all real 0.383; recall 0.282, all real 0.482 (means over photos)"
    assert first == f"{rates}: it invents more than it misses"
    for line in quarters:
        assert re.findall(r": (0\.\d+), all real (0\.\d+) \(1\)", line) == [
            ("0.010", "0.510"), ("0.020", "0.520"), ("0.300", "0.800"), ("0.400", "0.900")
        ]  # fmt: skip
    assert "18.2 %, all real 9.1 % of all photos; 1.0 %, all real 0.5 % of the quarter" in alarms
    assert "all real" not in error_analysis.described(plain)


def test_precision_and_recall_are_of_photos_where_something_was_called_or_is_rust(
    tmp_path: Path, fake_dataset: Maker
) -> None:
    fake_dataset(tmp_path / "three", 3)
    photos = layout.read_photos(tmp_path / "three")

    def table(tp: list[int], fp: list[int], fn: list[int]) -> runs.PerImage:
        names = tuple(photo.file_name for photo in photos.data.photos)
        return runs.PerImage(image=names, tp=np.array(tp), fp=np.array(fp), fn=np.array(fn), tn=np.full(3, 500))

    one = table([6, 0, 0], [2, 0, 5], [4, 10, 0])  # seen in part; not called; called where there is none
    other = table([8, 5, 0], [0, 5, 0], [2, 5, 0])
    rates = cv_pooling.precision_and_recall({("real", 0): one, ("real", 1): other, ("renders", 0): one})
    precision, recall = (0.75 + 0 + 1 + 0.5) / 4, (0.6 + 0 + 0.8 + 0.5) / 4
    assert rates["real"] == pytest.approx((precision, recall))
    assert rates["renders"] == pytest.approx(((0.75 + 0) / 2, (0.6 + 0) / 2))
    alarms = [np.array([0.1, np.nan, 0.3]), np.array([0.3, np.nan, np.nan])]
    found = error_analysis.causes(photos, [one, other], alarms, np.zeros(3))
    assert found.precision.tolist() == pytest.approx([0.875, 0.5, 0])
    assert found.recall.tolist() == pytest.approx([0.7, 0.25, np.nan], nan_ok=True)
    assert found.f1.tolist() == pytest.approx([(12 / 18 + 16 / 18) / 2, (0 + 0.5) / 2, (0 + 1) / 2])
    assert found.false_alarms.tolist() == pytest.approx([0.2, np.nan, 0.3], nan_ok=True)


def test_renders_are_set_beside_others_by_the_test_of_the_study() -> None:
    apart = np.random.default_rng(0).normal(0.03, 0.1, size=(2, 40))
    low, high = crossed_effects.interval(crossed_effects.paired(crossed_effects.moments(apart)), 0.05)
    assert screening._added(apart) == f"+{apart.mean():.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−")
    assert screening._added(apart[:1]).endswith("no interval)")
    assert screening._added(None) == "no run in common"


def test_a_screen_of_mixtures_tells_them_apart_and_keeps_those_before(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "photos" / "spots.csv").unlink()  # so that the validation photos are of more than one spot
    give(home, screen=True, mixed=True)
    names = ["renders", "real-10pct", "mixed50-10pct"]
    assert [Path(each).name for each in trained] == [f"{arm}-mobilenet_v2-{run:02d}" for arm in names for run in (0, 1)]
    trained.clear()
    capsys.readouterr()
    give(home, screen=True, mixed=True, share=0.25, pretrain=0.5)
    arm = "mixed25-pretrain50-10pct"
    assert [Path(each).name for each in trained] == [f"{arm}-mobilenet_v2-{run:02d}" for run in (0, 1)]
    said = capsys.readouterr().out.splitlines()
    starts = ("real-10pct: 0.", f"{arm}: 0.", "mixed50-10pct: 0.")
    first, second, third = (next(at for at, line in enumerate(said) if line.startswith(start)) for start in starts)
    assert first + 1 == second == third - 1
    assert "interval" not in said[first]
    for line in (said[second], said[third]):
        number = r"([+−]\d\.\d{3})"
        told = re.fullmatch(rf"[\w-]+: 0\.\d{{3}} ± 0\.\d{{3}}, {number} \(95 % interval {number} to {number}\)", line)
        assert told is not None, line
        gain, low, high = (float(each.replace("−", "-")) for each in told.groups())
        assert low <= gain <= high
    assert not any(line.startswith("renders: 0.") for line in said)


def test_a_screen_counts_false_alarms_on_clean_pictures_even_of_runs_that_are_complete(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, screen=True, reference=True)
    assert "called rust (" not in capsys.readouterr().out
    trained.clear()

    def line(arm: str) -> str:
        tables = sorted((home / "out").glob(f"photos/screen/*/runs/{arm}-mobilenet_v2-0*/across/clean.csv"))
        rows = [csv.DictReader(path.read_text().splitlines()) for path in tables]
        number, between = in_percent(np.array([[int(row["fp"]) / 1024 for row in of_run] for of_run in rows]))
        return f"{arm}: {number} of the pixels of clean called rust (95 % interval {between})"

    give(home, screen=True, clean=home / "clean")
    assert trained == []
    said = capsys.readouterr().out.splitlines()
    assert [each for each in said if "called rust (" in each] == [line("renders"), line("real")]
    give(home, screen=True, mixed=True, clean=home / "clean")
    assert {Path(each).name.partition("-mobilenet")[0] for each in trained} == {"real-10pct", "mixed50-10pct"}
    said = capsys.readouterr().out.splitlines()
    for arm in ("renders", "real", "real-10pct", "mixed50-10pct"):  # all real, since it is known
        assert line(arm) in said


def test_clean_pictures_that_train_are_refused(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (coco.read(home / name, allow_unannotated=True).photos[0].path for name in ("renders", "clean"))
    shutil.copyfile(one, other)
    with pytest.raises(InputError, match=rf"clean: pictures such as {other.name} are among the renders that train"):
        give(home, screen=True, clean=home / "clean")
    assert not (home / "out").exists()
    assert trained == []


@pytest.mark.parametrize(("option", "name"), [("synth", "renders"), ("across", "yard"), ("clean", "clean")])
def test_photos_among_renders_other_sets_or_clean_pictures_are_refused(
    home: Path, trained: list[str], option: str, name: str
) -> None:
    """Before anything is opened or trained: each photo trains in some fold, and is tested in another."""
    photo, other = (coco.read(home / each, allow_unannotated=True).photos[-1].path for each in ("photos", name))
    shutil.copyfile(photo, other)
    given = (home / name,) if option == "across" else home / name
    with pytest.raises(
        InputError, match=rf"--{option} .*{name}: photos of .*photos are among them, such as {other.name}"
    ):
        give(home, **{option: given})
    assert not (home / "out").exists()
    assert trained == []


def test_photos_of_another_set_that_lie_among_the_renders_are_refused(home: Path, trained: list[str]) -> None:
    one, other = (coco.read(home / name).photos[0].path for name in ("yard", "renders"))
    shutil.copyfile(one, other)
    with pytest.raises(InputError, match=rf"--synth .*renders: photos of .*yard are among them, such as {other.name}"):
        give(home, across=(home / "yard",))
    assert not (home / "out").exists()


@pytest.mark.parametrize(
    ("name", "preset", "seed", "size", "same"),
    [
        ("clean", "clean", 0, 64, True), ("clean", "clean", 0, 32, True), ("clean", "clean", 1, 64, False),
        ("clean", "stress", 0, 64, False), ("photos", "balanced", 0, 32, True), ("photos", "balanced", 1, 32, False),
        ("yard", "balanced", 0, 32, True), ("yard", "stress", 0, 64, False),
    ],
)  # fmt: skip
def test_pictures_of_scenes_that_train_are_refused(
    home: Path, trained: list[str], name: str, preset: str, seed: int, size: int, same: bool
) -> None:
    """Whatever their bytes: another size or processor gives the same scenes in other bytes."""
    for folder, config in (
        ("renders", RenderConfig(preset="balanced", size=64, seed=0)),
        (name, RenderConfig(preset=preset, size=size, seed=seed)),
    ):
        write_manifest(home / folder, "dataset", {"seed": config.seed, "preset": config.preset_stated()})
    given = {"photos": {}, "yard": {"across": (home / "yard",)}, "clean": {"clean": home / "clean"}}[name]
    if same:
        with pytest.raises(InputError, match=rf"{name}: its scenes are those of the renders that train"):
            give(home, **given)
        assert not (home / "out").exists()
    else:
        assert give(home, **given) == 0


def test_copies_are_dealt_together_where_no_spots_are_given(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "photos" / "spots.csv").unlink()
    content = read_json(home / "photos" / "annotations.json")
    for place, image in enumerate(content["images"]):
        name = f"p{place // 2}_png.rf.{place:04x}.png"
        (home / "photos" / "images" / image["file_name"]).rename(home / "photos" / "images" / name)
        image["file_name"] = name
    write_json(home / "photos" / "annotations.json", content)
    photos = layout.read_photos(home / "photos")
    assert photos.copies
    assert len(set((photos.groups or {}).values())) == 10
    for fold in protocol.folds(photos.data, photos.spots, protocol.Recipe(**SETTINGS), 0):
        sides = [{fold.split.group[name] for name in part} for part in (fold.split.train, fold.split.test)]
        assert not sides[0] & sides[1]


def test_equal_files_are_dealt_together_where_no_spots_are_given(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "photos" / "spots.csv").unlink()
    files = [photo.path for photo in coco.read(home / "photos").photos]
    for one, other in ((0, 7), (7, 19), (3, 4)):
        shutil.copyfile(files[one], files[other])
    photos = layout.read_photos(home / "photos")
    spots = photos.groups or {}
    assert len(set(spots.values())) == 17
    assert (
        len({spots[files[place].name] for place in (0, 7, 19)})
        == len({spots[files[place].name] for place in (3, 4)})
        == 1
    )
    for fold in protocol.folds(photos.data, photos.spots, protocol.Recipe(**SETTINGS), 0):
        trains = {photo.sha256 for photo in photos.data.photos if photo.file_name in fold.split.train}
        assert not [each for each in photos.data.photos if each.file_name in fold.split.test and each.sha256 in trains]
    give(home)
    said = capsys.readouterr().out
    assert "20 photos of 17 source photos by their names (.rf.) or equal files" in said
    assert "each of 17 source photos of copies by their names (.rf.) or equal files a spot" in said


def test_one_photo_of_two_spots_is_refused(home: Path, trained: list[str]) -> None:
    files = [photo.path for photo in coco.read(home / "photos").photos]
    shutil.copyfile(files[0], files[1])  # of one spot
    assert layout.read_photos(home / "photos").has_spots
    files = [photo.path for photo in coco.read(home / "yard").photos]
    shutil.copyfile(files[0], files[1])
    (home / "yard" / "spots.csv").write_text(
        "\n".join(["file_name,spot", *(f"{each.name},{each.name}" for each in files)])
    )
    assert give(home, across=(home / "yard",), out=home / "other") == 0  # nothing of it trains
    files = [photo.path for photo in coco.read(home / "photos").photos]
    shutil.copyfile(files[0], files[5])
    with pytest.raises(InputError, match=f"{files[0].name} and {files[5].name} are one photo, of spot 0 and of spot 2"):
        give(home)
    assert not (home / "out").exists()


def test_categories_that_count_reach_every_run(home: Path, trained: list[str]) -> None:
    """Clean pictures need not list the name."""
    content = read_json(home / "photos" / "annotations.json")
    content["categories"].append({"id": 2, "name": "crack"})
    for each in content["annotations"][::2]:
        each["category_id"] = 2
    write_json(home / "photos" / "annotations.json", content)
    assert give(home, classes=("crack",), clean=home / "clean") == 0
    kept = [read_json(path)["data"] for path in (home / "out").glob("photos/*/*/*/study.json")]
    assert kept
    assert all((each["classes"], each["counts"]["annotations"]) == (["crack"], 10) for each in kept)


# --- what a later command finds


def test_what_a_later_command_was_not_asked_for_is_said_before_its_tables_lose_it(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    every = {"render_counts": (2, 4), "across": (home / "yard",), "clean": home / "clean"}
    give(home, **every)
    give(home, **every, dry_run=True)
    assert "tables will be without" not in capsys.readouterr().out
    give(home, render_counts=(2,), across=(home / "yard",), dry_run=True)
    said = capsys.readouterr().out
    assert "without the first 4 renders, tried before: give --render-counts 4, too" in said
    assert "without clean, measured before and not named now" in said
    for other_arms in ({"mixed": True}, {"share": 0.25}):  # they would be refused, or trained
        give(home, **other_arms, dry_run=True)
        assert "without the first 2 4 renders, tried before\n" in capsys.readouterr().out
    give(home, dry_run=True)
    said = capsys.readouterr().out
    assert "--render-counts 2 4, too" in said
    assert "without clean, yard, measured" in said
    give(home, synth=home / "better", dry_run=True)
    assert "--render-counts" not in capsys.readouterr().out


@pytest.mark.parametrize("screen", [True, False])
def test_photos_that_were_dealt_otherwise_are_refused_before_anything_is_opened(
    home: Path, trained: list[str], screen: bool
) -> None:
    give(home, screen=screen)
    before = snapshot(home / "out")
    table = home / "photos" / "spots.csv"
    table.write_text(table.read_text().replace(",1\n", ",0\n"))
    with pytest.raises(InputError, match=r"split\.json: deals the photos of .*photos otherwise; put the photos and"):
        give(home, screen=screen)
    assert snapshot(home / "out") == before


# --- bad input


@pytest.mark.parametrize(
    ("screen", "name"),
    [
        (True, "photos"), (True, "renders"), (True, "clean"),
        (False, "photos"), (False, "renders"), (False, "clean"), (False, "yard"),
    ],
)  # fmt: skip
def test_a_picture_that_cannot_be_decoded_is_named_before_anything_is_opened(
    home: Path, trained: list[str], name: str, screen: bool
) -> None:
    broken = coco.read(home / name, allow_unannotated=True).photos[-1].path
    broken.write_bytes(broken.read_bytes()[:-40])
    others = {"clean": home / "clean", **({} if screen else {"across": (home / "yard",)})}
    with pytest.raises(InputError, match=rf"{broken.name}.* cannot be decoded"):
        give(home, screen=screen, **others)
    assert not (home / "out").exists()
    assert trained == []


@pytest.mark.parametrize(
    ("option", "name"), [("out", "out"), ("data", "photos"), ("across", "yard"), ("clean", "clean")]
)
def test_a_folder_whose_name_is_no_text_is_refused(home: Path, trained: list[str], option: str, name: str) -> None:
    path = home / os.fsdecode(b"br\xfccke")
    if option != "out":
        (home / name).rename(path)
    with pytest.raises(InputError, match="its name cannot stand in a table; rename it"):
        give(home, **{option: (path,) if option in ("data", "across") else path})
    assert not (home / "out").exists()


def test_a_folder_may_have_any_name_that_can_be_written(home: Path, trained: list[str]) -> None:
    folder = home / "錆\u3000調査\u00a0\u200d"
    folder.mkdir()
    for name in ("photos", "renders", "yard"):
        (home / name).rename(folder / f"{name} é")
    given = {"synth": folder / "renders é", "data": (folder / "photos é",), "across": (folder / "yard é",)}
    assert give(home, **given, out=folder / "out") == 0
    assert "# photos é-renders" in next(folder.glob("out/tables/*.md")).read_text()


def test_another_set_whose_name_would_hide_its_table_is_refused(home: Path, trained: list[str]) -> None:
    (home / "yard").rename(home / ".yard")
    with pytest.raises(InputError, match=r"'\.yard' cannot name a set in a table"):
        give(home, across=(home / ".yard",))
    assert not (home / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"screen": True, "confirm": True}, "give one of the two"),
        ({"screen": True, "render_counts": (2,)}, "goes with --confirm"),
        ({"reference": True}, "--reference goes with --screen"),
        ({"mixed": True, "render_counts": (2,)}, "--mixed leaves out"),
        ({"screen": True, "runs": 4}, "makes 2 runs; --runs goes with --confirm"),
        ({"screen": True, "renders_goal": 0.8}, "--renders-goal goes with --confirm"),
        ({"screen": True, "share": 0.25}, "give --mixed"),
        ({"screen": True, "copy_paste": True}, "give --mixed"),
        ({"synth": Path("absent")}, "--synth .*absent"),
        ({"data": ()}, "at least one folder"),
        ({"data": (Path("absent"),)}, "absent"),
        ({"data": (Path("photos"), Path("photos"))}, "given twice"),
        ({"across": (Path("photos"),)}, "given twice"),
        ({"data": (Path("renders"),)}, "renders themselves"),
        ({"data": (Path("tables"),)}, "rename the set"),
        ({"clean": Path("yard")}, "has annotations"),
        ({"screen": True, "seen": ("*",)}, "--seen goes with --confirm"),
        ({"seen": ("*.png", "trian/*")}, r"--seen trian/\*: no photo of --data is called so; one is called photo-"),
        ({"render_counts": (6,)}, "has 6; give fewer"),
        ({"render_counts": (0,)}, "give fewer, at least 1"),
        ({"folds": 11}, "10 groups do not make 11 folds"),
        ({"runs": 0}, "--runs 0"),
        ({"renders_goal": 0.0}, "--renders-goal 0 must be a number above 0"),
        ({"renders_goal": float("nan")}, "--renders-goal nan must be"),
        ({"renders_goal": float("inf")}, "--renders-goal inf must be"),
        ({"share": 1.0}, "--share 1"),
        ({"steps": 0}, "--steps 0"),
    ],
)
def test_bad_input_writes_nothing(home: Path, trained: list[str], change: dict[str, Any], message: str) -> None:
    def placed(value: Any) -> Any:
        return home / value if isinstance(value, Path) else value

    full = {
        name: tuple(map(placed, value)) if isinstance(value, tuple) else placed(value) for name, value in change.items()
    }
    with pytest.raises(InputError, match=message):
        give(home, **full)
    assert not (home / "out").exists()
    assert trained == []


def test_another_recipe_and_a_second_command_are_refused(home: Path, trained: list[str]) -> None:
    give(home)
    before = snapshot(home / "out")
    with pytest.raises(InputError, match="steps: 3 there, 9 asked"):
        give(home, steps=9)
    with pytest.raises(InputError, match="steps: 3 there, 9 asked"):
        give(home, steps=9, screen=True)
    with (
        hold(home / "out", layout.KIND, layout.claim(Recipe(**SETTINGS))),
        pytest.raises(InputError, match="is writing here"),
    ):
        give(home, runs=2)
    assert {name: content for name, content in snapshot(home / "out").items() if name != ".lock"} == {
        name: content for name, content in before.items() if name != ".lock"
    }


# --- clean pixels


def test_clean_pixels_are_far_from_every_mask() -> None:
    mask = np.zeros((64, 64), dtype=bool)
    assert background_fp.far(mask).all()
    mask[10, 20] = True
    found = background_fp.far(mask)
    away = np.hypot(*np.indices(mask.shape) - np.array([10, 20])[:, None, None])
    assert (found == (away > 4)).all()


def test_false_alarms_are_counted_far_from_masks_alone(
    tmp_path: Path, fake_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that calls bright pixels rust, on a test photo with a mask and on one without."""
    images = np.random.default_rng(4).integers(0, 256, (4, 64, 64), dtype=np.uint8)
    mask = np.zeros((64, 64), dtype=bool)
    mask[10:30, 20:50] = True
    entries = [{"id": place, "file_name": f"{place}.png", "width": 64, "height": 64} for place in range(4)]
    for entry, image in zip(entries, images, strict=True):
        Image.fromarray(image).save(tmp_path / entry["file_name"])
    annotation = {"id": 0, "image_id": 0, "category_id": 1, "iscrowd": 0, **coco.region(mask)}
    write_json(tmp_path / "annotations.json", coco.document(entries, [annotation], description="four"))
    data, run = coco.read(tmp_path), tmp_path / "run"
    split = splits.Split(how="own", seed=0, train=("2.png",), valid=("3.png",), test=("0.png", "1.png"))
    config = configure("quick", backbone="mobilenet_v2", arm=REAL, seed=0, size=64, threads=1)
    fake_run(run, config, data, split, None, None)
    (run / runs.WEIGHTS).touch()

    def logits_of(network: None, config: TrainConfig, images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(images[:, None, :, :, 0] - 199.5)

    monkeypatch.setattr(evaluate, "load_network", lambda folder: (None, config))
    monkeypatch.setattr(evaluate, "logits_of", logits_of)
    background_fp.measure(run, data)
    bright = images[:2] >= 200
    far = np.stack([ndimage.distance_transform_edt(~mask) > 64 / 16, np.ones_like(mask)])
    found = background_fp.read(run)
    assert found is not None
    assert found.image == split.test
    assert found.fp.tolist() == (bright & far).sum(axis=(1, 2)).tolist()
    assert found.tn.tolist() == (~bright & far).sum(axis=(1, 2)).tolist()
    assert not found.tp.any()
    assert not found.fn.any()


def test_the_share_of_false_alarms_needs_a_patch_to_be_a_share_of() -> None:
    counts = runs.PerImage(
        image=("a", "b", "c"), tp=np.zeros(3), fp=np.array([10, 3, 0]), fn=np.zeros(3), tn=np.array([90, 5, 0])
    )
    found = background_fp.shares(counts, 64)
    assert found[0] == pytest.approx(0.1)
    assert np.isnan(found[1:]).all()


# --- the real thing


@pytest.mark.slow
def test_a_real_screen_and_a_confirmation_killed_in_the_middle(home: Path) -> None:
    def start(*more: str) -> "subprocess.Popen[str]":
        given = (
            f"--synth {home / 'renders'} --data {home / 'photos'} --out {home / 'out'} --steps 3 --size 32 --folds 2"
        )
        line = [sys.executable, "-m", "corrotwin", "benchmarks", "transfer", *given.split()]
        return subprocess.Popen([*line, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    child = start("--screen", "--reference")
    said, errors = child.communicate(timeout=600)
    assert child.returncode == 0, errors
    assert "all real: 0." in said
    (sheet,) = (home / "out").glob("photos/screen/renders-*/failures/worst.png")
    assert sheet.stat().st_size > 1000

    whole = ("--runs", "1", "--clean", str(home / "clean"), "--across", str(home / "yard"))
    child = start(*whole)
    deadline = time.monotonic() + 600
    while len(list((home / "out").glob("photos/run-01/*/*/runs/*/run.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    second = start(*whole)
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 2
    assert "is writing here" in errors
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    time.sleep(2)  # the Ray processes die with their driver
    finished = {path: path.stat().st_mtime_ns for path in (home / "out").glob("photos/run-01/*/*/runs/*/run.json")}
    assert 4 <= len(finished) < 14

    child = start(*whole)
    said, errors = child.communicate(timeout=900)
    assert child.returncode == 0, errors
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert len(list((home / "out").glob("photos/run-01/*/*/runs/*/run.json"))) == 14
    assert "false alarms of renders: photos, far from masks" in said
    assert "false alarms of renders: clean, without rust" in said
    assert len(test_access_log.read(home / "out")) == 2
    for run in (home / "out").glob("photos/run-01/*/*/runs/*"):
        own, far = runs.read_per_image(run / "per_image.csv"), background_fp.read(run)
        assert far is not None
        assert (far.fp <= own.fp).all()
        assert (far.fp + far.tn <= own.fp + own.tn).all()
