import csv
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transfers import SETTINGS, give_screen, in_percent

from corrotwin.benchmarks.stats import crossed_effects, subgroups
from corrotwin.benchmarks.transfer import cv_pooling, error_analysis, layout, resampling, screening
from corrotwin.benchmarks.transfer.protocol import ProtocolSettings
from corrotwin.segmentation import runs
from corrotwin.twin.core.files import read_json, write_json

Maker = Callable[..., Any]


def test_a_screen_trains_on_renders_alone_and_shows_where_they_fail(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert give_screen(home) == 0
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
    five = _folds(home, resampling.SCREEN_FOLDS)[0].split
    assert shown.split.test == five.valid
    assert not {*shown.split.train, *shown.split.valid, *shown.split.test} & set(five.test)


def _folds(home: Path, count: int = SETTINGS["folds"]) -> tuple[resampling.Fold, ...]:
    return resampling.folds(*_given(home, count), 0)


def _screen(home: Path, count: int) -> resampling.Fold:
    return resampling.screen(*_given(home, count))


def _given(home: Path, count: int) -> tuple[Any, Any, ProtocolSettings]:
    photos = layout.read_photos(home / "photos")
    return photos.data, photos.spots, ProtocolSettings(**{**SETTINGS, "folds": count})


@pytest.mark.ci
def test_the_reference_of_a_screen_is_trained_once_for_all_renders(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give_screen(home, reference=True)
    assert len(trained) == 4
    trained.clear()
    capsys.readouterr()
    give_screen(home, renders=home / "better")
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
    give_screen(home, out=home / "new")
    shutil.copytree(next((home / "out").glob("photos/screen/renders-*")), home / "new/photos/screen/renders-0")
    capsys.readouterr()
    give_screen(home, out=home / "new")
    assert "other renders" not in capsys.readouterr().out


def test_what_the_gap_to_all_real_photos_is_made_of_stands_beside_each_number() -> None:
    few = np.array([0.01, 0.02, 0.3, 0.4])
    plain = error_analysis.PhotoErrors(
        images=("a", "b", "c", "d"), units=("a", "b", "c", "d"), f1=few, by_run=few[None], precision=few,
        recall=few + 0.1, missed=np.array([1, 0, 0, 2]), invented=np.array([0, 4, 0, 0]), all_rust=few,
        false_alarms=few, properties=dict.fromkeys(subgroups.PROPERTIES, few),
    )  # fmt: skip
    real = replace(plain, by_run=plain.by_run + 0.5, precision=few + 0.2, recall=few + 0.3, false_alarms=few / 2)
    first, *quarters, alarms = error_analysis.describe(plain, real).splitlines()
    rates = "precision 0.182, all real 0.383; recall 0.282, all real 0.482 (means over photos)"
    assert first == f"{rates}; by pixels of all photos, it invents more than it misses"
    for line in quarters:
        assert re.findall(r": (0\.\d+), all real (0\.\d+) \(1\)", line) == [
            ("0.010", "0.510"), ("0.020", "0.520"), ("0.300", "0.800"), ("0.400", "0.900")
        ]  # fmt: skip
    assert "18.2 %, all real 9.1 % of all photos; 1.0 %, all real 0.5 % of the quarter" in alarms
    assert "all real" not in error_analysis.describe(plain)
    even = replace(plain, invented=plain.missed, properties=dict.fromkeys(subgroups.PROPERTIES, few / 0.4006))
    first, second, *_ = error_analysis.describe(even).splitlines()
    assert first.endswith("(means over photos)")
    assert "; 100 to 100 %: " in second


def test_a_model_that_calls_nothing_misses_more_than_it_invents(tmp_path: Path, fake_dataset: Maker) -> None:
    fake_dataset(tmp_path / "three", 3)
    photos = layout.read_photos(tmp_path / "three")
    names = tuple(photo.file_name for photo in photos.data.photos)
    table = runs.PerImage(
        image=names, tp=np.zeros(3, int), fp=np.array([0, 0, 5]), fn=np.array([90, 80, 0]), tn=np.full(3, 500)
    )
    found = error_analysis.photo_errors(photos, [table, table], [np.zeros(3)] * 2, np.zeros(3))
    assert (found.missed.tolist(), found.invented.tolist()) == ([180, 160, 0], [0, 0, 10])
    first, *_ = error_analysis.describe(found).splitlines()
    assert first == (
        "precision 0.000; recall 0.000 (means over photos); by pixels of all photos, it misses more than it invents"
    )


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
    found = error_analysis.photo_errors(photos, [one, other], alarms, np.zeros(3))
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
    give_screen(home, mixed=True)
    names = ["renders", "real-10pct", "mixed50-10pct"]
    made = {f"{arm}-mobilenet_v2-{run:02d}" for arm in names for run in (0, 1)}
    assert {Path(each).name for each in trained} == made
    assert len(trained) == len(made)
    trained.clear()
    capsys.readouterr()
    give_screen(home, mixed=True, render_share=0.25, pretrain=0.5)
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


@pytest.mark.ci
def test_a_screen_counts_false_alarms_on_clean_pictures_even_of_runs_that_are_complete(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give_screen(home, reference=True)
    assert "called rust (" not in capsys.readouterr().out
    trained.clear()

    def line(arm: str) -> str:
        tables = sorted((home / "out").glob(f"photos/screen/*/runs/{arm}-mobilenet_v2-0*/across/clean.csv"))
        rows = [csv.DictReader(path.read_text().splitlines()) for path in tables]
        number, between = in_percent(np.array([[int(row["fp"]) / 1024 for row in of_run] for of_run in rows]))
        return f"{arm}: {number} of the pixels of clean called rust (95 % interval {between})"

    give_screen(home, clean=home / "clean")
    assert trained == []
    said = capsys.readouterr().out.splitlines()
    assert [each for each in said if "called rust (" in each] == [line("renders"), line("real")]
    give_screen(home, mixed=True, clean=home / "clean")
    assert {Path(each).name.partition("-mobilenet")[0] for each in trained} == {"real-10pct", "mixed50-10pct"}
    said = capsys.readouterr().out.splitlines()
    for arm in ("renders", "real", "real-10pct", "mixed50-10pct"):  # all real, since it is known
        assert line(arm) in said
