import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transfers import (
    FEW,
    SETTINGS,
    WHOLE,
    by_spot,
    counted,
    f1,
    false_alarms,
    give,
    give_screen,
    ids,
    in_percent,
    section,
    snapshot,
    spread,
)

from corrotwin.benchmarks.data import background_fp
from corrotwin.benchmarks.formatting.wording import span
from corrotwin.benchmarks.stats.power import describe_power
from corrotwin.benchmarks.study import dispatch, draws
from corrotwin.benchmarks.transfer import evaluation_log, layout, resampling
from corrotwin.benchmarks.transfer.protocol import ProtocolSettings
from corrotwin.segmentation import runs
from corrotwin.segmentation.data import coco
from corrotwin.synth.rendering import fanout
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json

Maker = Callable[..., Any]


def test_few_photos_are_trained_in_every_redraw_and_all_in_every_fold(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert give(home, redraws=3, runs=2) == 0
    wanted = [f"photos/run-0{run}/few/{arm}" for run in (1, 2, 3) for arm in FEW]
    wanted += [f"photos/run-0{run}/fold-{fold}/{arm}" for run in (1, 2) for fold in (1, 2) for arm in WHOLE]
    parts = [name.split("/") for name in ids(trained, home)]
    assert sorted("/".join([*each[:3], each[5].removesuffix("-mobilenet_v2-00")]) for each in parts) == sorted(wanted)
    said = capsys.readouterr().out
    assert "3 redraws of 10 %, 2 runs of 2 folds of photos (20 photos): 24 runs, 0 complete, 24 to do" in said
    assert "20 photos, 10 spots. Each run selects few photos (10 %) at random and tests all others; " in said
    assert "all photos are tested once a run, in 2 folds that each run draws for itself" in said
    assert "detectable" in said


@pytest.mark.ci
def test_each_photo_that_does_not_train_has_a_row_for_each_run_and_arm(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, redraws=3, runs=2)
    said = capsys.readouterr().out
    (table,) = (home / "out" / "tables").glob("photos-renders-*-per-image.csv")
    photos = layout.read_photos(home / "photos")
    spots = photos.spots
    rows = list(csv.DictReader(table.read_text().splitlines()))
    by_photo = {(row["arm"], int(row["run"]), row["image"]): row for row in rows}
    assert len(rows) == len(by_photo)
    for arm in WHOLE:
        assert sorted(key[1:] for key in by_photo if key[0] == arm) == [
            (run, name) for run in (1, 2) for name in sorted(spots)
        ]
    for number in range(3):
        fold = resampling.redraw(photos.data, spots, ProtocolSettings(**SETTINGS), number)
        for arm in FEW:
            assert {image for of, run, image in by_photo if (of, run) == (arm, number + 1)} == {*fold.split.test}
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
    found = by_spot(home, "per_image.csv", f1, spots)
    assert found.keys() == {*FEW, *WHOLE}
    for arm, values in found.items():
        trainings = [read_json(path) for path in home.glob(f"out/photos/run-*/*/*/runs/{arm}-mobilenet_v2-00/run.json")]
        photos_of, renders = (
            span([each["counts"][name] for each in trainings]) for name in ("train_photos", "train_renders")
        )
        rates = f"{np.nanmean(precision[arm]):.3f} | {np.nanmean(recall[arm]):.3f}"
        assert f"| {arm} | {photos_of} | {renders} | {spread(values)} | {rates} | {3 if arm in FEW else 2} |" in said
        assert f">{spread(values)[:5]}</text>" in drawn
    assert figure.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.ci
@pytest.mark.parametrize(("redraws", "runs"), [(2, 2), (2, 1), (0, 2)])
def test_each_run_trains_on_a_draw_of_its_own_in_its_redraw_and_all_its_folds_and_arms(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], redraws: int, runs: int
) -> None:
    give(home, redraws=redraws, runs=runs)
    assert (
        "  renders: 2 draws of 3 out of 6; no two runs share a scene; few: render 240 for 120 each"
        in capsys.readouterr().out
    )
    found = draws.deal(coco.read(home / "renders"), runs=2, size=3, seed=0)
    trainings = [read_json(Path(folder) / "run.json") for folder in trained]
    of_run: dict[str, set[str]] = {"run-01": set(), "run-02": set()}
    for name, training in zip(ids(trained, home), trainings, strict=True):
        if "/photos/runs/" not in name:
            of_run[name.split("/")[1]].add(training["data"]["renders"])
    assert of_run == {"run-01": {found[0].digest}, "run-02": {found[1].digest}}
    (logged,) = evaluation_log.read(home / "out")
    assert logged["renders"]["draws"] == [draw.digest for draw in found]


@pytest.mark.ci
@pytest.mark.parametrize(
    ("options", "fractions", "comparisons"),
    [
        ({}, (0.1, 1.0), 7),
        ({"mixed_only": True}, (0.1,), 3),
        ({"render_counts": (1,)}, (0.1, 1.0), 9),
        ({"photo_steps": 9}, (0.1, 1.0), 9),
        ({"folds": 1}, (0.1,), 5),
    ],
)
def test_the_plan_says_the_power_of_the_comparisons_that_its_tables_make(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], options: dict[str, Any],
    fractions: tuple[float, ...], comparisons: int,
) -> None:  # fmt: skip
    def planned() -> list[str]:
        return [line for line in capsys.readouterr().out.splitlines() if ": power with" in line]

    def lines(count: int) -> list[str]:
        return [
            "  photos: " + describe_power(runs=runs, units=10, unit="spot", real_fraction=fraction, comparisons=count)
            for fraction, runs in ((0.1, 3), (1.0, 2))
            if fraction in fractions
        ]

    give(home, redraws=3, runs=2, **options)
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if ": power with" in line] == lines(comparisons)
    rows = [line for line in said.splitlines() if re.match(r"\| \S.* − .*\|", line) and line.count("|") == 10]
    assert len(rows) == comparisons  # in the tables
    if options == {}:
        give(home, redraws=3, runs=2, mixed_only=True, render_share=0.25, dry_run=True)  # beside those of 50 % there
        assert planned() == [lines(5)[0]]


@pytest.mark.ci
def test_another_way_of_mixing_trains_its_own_arms_alone(home: Path, trained: list[str]) -> None:
    give(home)
    trained.clear()
    give(home, render_share=0.25)
    names = {Path(each).name for each in trained}
    assert names == {f"{arm}-mobilenet_v2-00" for arm in ("mixed25", "mixed25-10pct", "shuffled-mixed25-10pct")}


@pytest.mark.ci
def test_a_mix_of_few_photos_alone_costs_one_arm_and_stands_beside_all_others_in_tables_of_its_own(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, redraws=2)
    tables = snapshot(home / "out" / "tables")
    trained.clear()
    capsys.readouterr()
    assert give(home, redraws=2, mixed_only=True, copy_paste=True) == 0
    assert [Path(each).name for each in trained] == ["mixed50-copy-paste-10pct-mobilenet_v2-00"] * 2
    arms = {read_json(Path(each) / "run.json")["config"]["arm"]["copy_paste"] for each in trained}
    assert arms == {0.5}
    said = capsys.readouterr().out
    for row in ("renders", "mixed50-10pct", "mixed50-copy-paste-10pct", "copy-paste-10pct", "real"):
        assert re.search(rf"^\| {row} \| [\d to]+ \| [\d to]+ \| 0\.", said, re.MULTILINE)
    assert "| mixed50-copy-paste-10pct − mixed50-10pct | " in said
    assert "| mixed50-copy-paste-10pct − copy-paste-10pct | " in said
    after = snapshot(home / "out" / "tables")
    assert {name: after.pop(name) for name in tables} == tables
    assert {name.partition("-mixed50-copy-paste")[2] for name in after} == {
        "-per-image.csv",
        ".html",
        ".md",
        ".png",
        ".svg",
    }


def test_few_photos_with_renders_may_be_all_that_is_trained_with_renders(home: Path, trained: list[str]) -> None:
    give(home, mixed_only=True)
    assert {Path(each).name.removesuffix("-mobilenet_v2-00") for each in trained} == {
        "real", "real-10pct", "copy-paste-10pct", "mixed50-10pct",
    }  # fmt: skip


@pytest.mark.ci
def test_an_arm_counts_in_the_runs_that_have_all_folds_and_in_the_redraws_that_are_complete(
    home: Path, trained: list[str], failing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    second = draws.deal(coco.read(home / "renders"), runs=2, size=3, seed=0)[1]
    lost = {
        f"run-02/{split}/renders-{second.digest[:8]}": f"{arm}-mobilenet_v2-00"
        for split, arm in (("fold-2", "mixed50"), ("few", "mixed50-10pct"))
    }
    failing += [f"{study}/runs/{key}" for study, key in lost.items()]
    assert give(home, redraws=2, runs=2) == 1
    said, errors = capsys.readouterr()
    for study, key in lost.items():
        assert f"failed: photos/{study}/{key}; the same command tries it again" in errors
    rows = re.findall(r"^\| (\S+) \| [\d to]+ \| [\d to]+ \| (0\.[\d ±.]+) \|.* \| (\d) \|$", said, re.MULTILINE)
    found = by_spot(home, "per_image.csv", f1, layout.read_photos(home / "photos").spots)
    half = {arm: found[arm][:1] for arm in ("mixed50", "mixed50-10pct")}
    assert {arm: count for arm, _, count in rows} == {arm: "1" if arm in half else "2" for arm in found}
    for arm, score, _ in rows:
        values = half.get(arm, found[arm])
        assert score == spread(values[:, np.isfinite(values).any(axis=0)])
    failing.clear()
    trained.clear()
    assert give(home, redraws=2, runs=2) == 0
    assert sorted(ids(trained, home)) == sorted(f"photos/{study}/runs/{key}" for study, key in lost.items())
    unequal = "Goals and differences are of those runs that both of their arms have."
    assert unequal in said
    assert unequal not in capsys.readouterr().out


@pytest.mark.ci
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
    give(home, redraws=3, runs=2, across=(home / "yard",), clean=home / "clean")
    said = capsys.readouterr().out
    on_yard = section(said, "On yard")
    assert on_yard.startswith("\n5 photos, 3 spots")
    for arm, values in by_spot(home, "across/yard.csv", f1, spots["yard"]).items():
        assert np.isfinite(values).all()
        assert f"| {arm} | {spread(values)} | {3 if arm in FEW else 2} |" in on_yard
    gain = r"\| mixed50 − real \| [+−]0\.\d+ \| none \| {} \| not tested \|"
    assert re.search(gain.format(r"at least \+0\.050, interval above 0"), on_yard)
    assert re.search(gain.format(r"at least −0\.010"), section(said, "The goals"))
    for name, which, table in (
        ("photos", "far from masks", "clean.csv"),
        ("clean", "without rust", "across/clean.csv"),
    ):
        for arm, values in by_spot(home, table, false_alarms, spots[name]).items():
            number, between = in_percent(values)
            between = between if len(values) > 2 else "none"  # too few runs for a verdict
            assert f"| {arm} | {name}, {which} | {number} | {between} |" in said
            goal = f"| false alarms of {arm}: {name}, {which} | {number} | {between} | under 2 % | "
            assert (goal in said) == (arm in {"renders", "mixed50"})


@pytest.mark.ci
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
    give_screen(home, clean=home / "clean")
    assert "of the pixels of clean called rust (95 % interval none)" in capsys.readouterr().out


@pytest.mark.ci
def test_the_curve_takes_the_first_renders_each_within_the_next(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, render_counts=(4, 2))
    (draw,) = draws.deal(coco.read(home / "renders"), runs=1, size=6, seed=0)
    whole = [photo.file_name for photo in draw.photos]
    masks = {photo.file_name: coco.mask(photo) for photo in coco.read(home / "renders").photos}
    for folder in (home / "out" / "first").iterdir():
        some = coco.read(folder).photos
        count = int(folder.name.rpartition("-")[2])
        assert [photo.file_name for photo in some] == whole[:count]
        assert all((coco.mask(photo) == masks[photo.file_name]).all() for photo in some)
        assert all(coco.image(photo).any() for photo in some)
    assert len(trained) == 4 + 2 + 2 * (3 + 2)
    said = capsys.readouterr().out
    for count in (2, 4):
        assert f"| renders − renders (first {count}) | " in said
        assert f"| mixed50-10pct − mixed50-10pct (first {count}) | " in said


@pytest.mark.slow
def test_a_real_screen_and_a_confirmation_killed_in_the_middle(home: Path) -> None:
    def start(command: str, *more: str) -> "subprocess.Popen[str]":
        given = (
            f"--renders {home / 'renders'} --data {home / 'photos'} --out {home / 'out'} --steps 3 --size 32 --folds 2"
        )
        line = [sys.executable, "-m", "corrotwin", "benchmarks", command, *given.split()]
        return subprocess.Popen([*line, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    child = start("screen", "--reference")
    said, errors = child.communicate(timeout=600)
    assert child.returncode == 0, errors
    assert "all real: 0." in said
    (sheet,) = (home / "out").glob("photos/screen/renders-*/failures/worst.png")
    assert sheet.stat().st_size > 1000

    whole = ("--redraws", "1", "--runs", "1", "--clean", str(home / "clean"), "--across", str(home / "yard"))
    child = start("transfer", *whole)
    deadline = time.monotonic() + 600
    while len(list((home / "out").glob("photos/run-01/*/*/runs/*/run.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    second = start("transfer", *whole)
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 2
    assert "is writing here" in errors
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    time.sleep(2)  # the Ray processes die with their driver
    finished = {path: path.stat().st_mtime_ns for path in (home / "out").glob("photos/run-01/*/*/runs/*/run.json")}
    assert 4 <= len(finished) < 10

    child = start("transfer", *whole)
    said, errors = child.communicate(timeout=900)
    assert child.returncode == 0, errors
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert len(list((home / "out").glob("photos/run-01/*/*/runs/*/run.json"))) == 10
    assert len(list((home / "out").glob("photos/run-01/few/*/runs/*/run.json"))) == 4
    assert "false alarms of renders: photos, far from masks" in said
    assert "false alarms of renders: clean, without rust" in said
    assert len(evaluation_log.read(home / "out")) == 2
    for run in (home / "out").glob("photos/run-01/*/*/runs/*"):
        own, far = runs.read_per_image(run / "per_image.csv"), background_fp.read(run)
        assert far is not None
        assert (far.fp <= own.fp).all()
        assert (far.fp + far.tn <= own.fp + own.tn).all()


@pytest.mark.ci
def test_all_parts_are_handed_out_at_once_and_tables_come_with_the_first_whole_run(
    home: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    tables: dict[str, list[str]] = {}
    faked = fanout.fan_out

    def watched(task: Any, items: Any, *, on_end: Any, **rest: Any) -> Any:
        calls.append([item.key for item in items])

        def ended(key: str) -> None:
            on_end(key)
            tables[key] = [path.name for path in (home / "out").glob("tables/*.md")]

        return faked(task, items, on_end=ended, **rest)

    monkeypatch.setattr(fanout, "fan_out", watched)
    give(home, redraws=3, runs=2)
    (handed,) = calls
    assert len(handed) == len(set(handed)) == 2 * (4 + 2 * 3) + 4
    assert [key.split("/")[1] for key in handed] == ["run-01"] * 10 + ["run-02"] * 10 + ["run-03"] * 4
    assert not any(tables[key] for key in handed[:9])
    assert all(tables[key] for key in handed[9:])


def test_prepared_weights_reach_every_run(home: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    train, weights = dispatch.train_run, set()

    def train_run(folder: str, *rest: Any) -> None:
        weights.add(rest[-1])
        train(folder, *rest)

    monkeypatch.setattr(dispatch, "train_run", train_run)
    (home / "weights").mkdir()
    give(home, runs=1, weights=home / "weights", encoder_weights="imagenet")
    assert weights == {home / "weights"}
    with pytest.raises(InputError, match=r"`weights` .*: initial weights are random here; choose `enc"):
        give(home, runs=1, weights=home / "weights")
