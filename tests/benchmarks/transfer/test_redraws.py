"""Transfers of redraws alone, of all photos alone, and of few photos with a number of steps of their own."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from transfers import FEW, WHOLE, by_spot, f1, give, ids, section, spread

from corrotwin.benchmarks.study import planning
from corrotwin.benchmarks.transfer import layout
from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json


@pytest.mark.ci
@pytest.mark.parametrize(("redraws", "runs", "arms"), [(3, 0, FEW), (0, 2, WHOLE)])
def test_redraws_and_cross_validation_stand_alone_too(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], redraws: int, runs: int, arms: tuple[str, ...]
) -> None:
    assert give(home, redraws=redraws, runs=runs) == 0
    said = capsys.readouterr().out
    rows = re.findall(r"^\| (\S+) \| [\d to]+ \| [\d to]+ \| 0\.", section(said, "Arms"), re.MULTILINE)
    assert sorted(rows) == sorted(arms)
    goals = section(said, "The goals")
    assert ("SD between redraws" in goals) == (arms == FEW)
    assert ("renders only / all real, above everything called rust" in goals) == (arms == WHOLE)


@pytest.mark.ci
def test_few_photos_alone_are_trained_for_another_number_of_steps_beside_the_others(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, redraws=3)
    trained.clear()
    capsys.readouterr()
    assert give(home, redraws=3, photo_steps=9) == 0  # an arm more in the same folder
    best = "real-10pct-9-steps"
    assert {Path(each).name for each in trained} == {f"{best}-mobilenet_v2-00"}
    assert len(trained) == 3
    epochs = {Path(each).name: read_json(Path(each) / "run.json")["config"]["epochs"] for each in trained}
    assert set(epochs.values()) == {9}
    said = capsys.readouterr().out
    for row in (
        f"{best}",
        f"mixed50-10pct − {best}",
        f"{best} − real-10pct",
        f"mixed50-10pct − {best}, each after its",
    ):
        assert f"| {row}" in said
    (figure,) = (home / "out" / "tables").glob("*.svg")
    assert "10 % photos, 9 steps" in figure.read_text()
    give(home, redraws=3)
    assert best not in section(capsys.readouterr().out, "Arms")


@pytest.mark.ci
def test_photos_without_labels_teach_in_arms_of_their_own(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"redraws": 3, "runs": 0, "unlabelled": 0.4}
    assert give(home, **given) == 0
    said = capsys.readouterr().out
    assert "3 redraws of 10 % with 40 % unlabelled of photos (20 photos)" in said
    taught = ("teacher-10pct", "taught-real-10pct", "real-50pct", "taught-mixed50-10pct")
    rows = re.findall(r"^\| (\S+) \| [\d to]+ \| [\d to]+ \| 0\.", section(said, "Arms"), re.MULTILINE)
    assert sorted(rows) == sorted([*FEW, *taught])
    arms = [read_json(Path(each) / "run.json")["config"]["arm"] for each in trained]
    assert {(arm["name"], arm["real_fraction"], arm.get("self_training")) for arm in arms} == {
        *((name, 0.2, None) for name in FEW), ("teacher-10pct", 0.2, "photos"), ("real-50pct", 1.0, None),
        ("taught-real-10pct", 0.2, "unlabelled"), ("taught-mixed50-10pct", 0.2, "unlabelled"),
    }  # fmt: skip
    goal = (
        r"\| share of the gap from real-10pct to real-50pct that taught-mixed50-10pct closes \| .* \| at least 40 % \|"
    )
    assert re.search(goal, section(said, "The goals"))
    trained.clear()
    give(home, **given)
    assert trained == []
    with pytest.raises(InputError, match="unlabelled"):
        give(home, **{**given, "unlabelled": 0.3})
    with pytest.raises(InputError, match="labels --unlabelled hides"):
        give(home, **{**given, "fits": 1})


@pytest.mark.ci
@pytest.mark.parametrize("redraws", [2, 0])
def test_with_one_fold_all_photos_train_and_other_sets_alone_are_tested(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], redraws: int
) -> None:
    given = {"redraws": redraws, "runs": 3, "folds": 1, "across": (home / "yard",), "clean": home / "clean"}
    assert give(home, **given) == 0
    said = capsys.readouterr().out
    assert "3 runs of all photos of photos (20 photos)" in said
    assert "all photos but those of two spots train in each run, and other sets are tested" in said
    names = [each.split("/") for each in ids(trained, home)]
    assert len([each for each in names if each[2] == "whole"]) == 3 * 3
    assert {each[2] for each in names} == {"whole", *(["few"] if redraws else [])}
    arms = section(said, "Arms")
    for arm in WHOLE:
        assert f"\n| {arm} |" not in arms
        assert f"| {arm} | photos, far from masks |" not in said
        assert f"| {arm} | clean, without rust |" in said
    on_yard = section(said, "On yard")
    spots = {photo.file_name: photo.file_name for photo in coco.read(home / "yard").photos}
    found = by_spot(home, "across/yard.csv", f1, spots)
    assert found.keys() == {*WHOLE, *(FEW if redraws else ())}
    for arm, values in found.items():
        assert f"| {arm} | {spread(values)} | {len(values)} |" in on_yard
    assert re.search(r"\| mixed50 − real \| .* \| at least \+0\.050, interval above 0 \|", on_yard)
    (table,) = (home / "out").glob("tables/*-per-image.csv")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["arm"] for row in rows if row["set"] == "photos"} == {*(FEW if redraws else ())}
    for arm, values in found.items():
        on_other = [float(row["f1"]) for row in rows if row["set"] == "yard" and row["arm"] == arm]
        assert len(on_other) == len(spots) * len(values)
        assert np.mean(on_other) == pytest.approx(values.mean())
    trained.clear()
    give(home, **given)
    assert trained == []


@pytest.mark.ci
def test_a_set_of_hardly_more_spots_than_a_redraw_takes_has_scores_and_no_test(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Three spots: each redraw tests one, so that redraws cannot be compared."""
    rows = [f"photo-{place:02d}.png,{place // 7}" for place in range(20)]
    (home / "photos" / "spots.csv").write_text("\n".join(["file_name,spot", *rows]) + "\n")
    assert give(home, redraws=4, runs=0) == 0
    said = capsys.readouterr().out
    spots = layout.read_photos(home / "photos").spots
    for arm, values in by_spot(home, "per_image.csv", f1, spots).items():
        assert re.search(rf"^\| {arm} \| .* \| {spread(values)} \| .* \| 4 \|$", said, re.MULTILINE)
    verdicts = re.findall(r"^\| \S+ − .* \| ([a-z ]+) \|$", section(said, "Differences"), re.MULTILINE)
    assert verdicts == ["not tested"] * 5


def test_the_plan_counts_the_steps_of_every_run_alike_in_redraws_and_folds(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redraw takes many epochs of few steps, a fold few of many."""
    monkeypatch.setattr(planning, "probe", lambda configs: (0, [(60.0, 0.0)] * len(configs)))
    for counts in ({"redraws": 1, "runs": 1}, {"redraws": 1, "runs": 0}, {"redraws": 0, "runs": 1}):
        give(home, **counts, folds=4, steps=8, dry_run=True)
        assert "minutes a run: mobilenet_v2 8.0 (probed)" in capsys.readouterr().out
