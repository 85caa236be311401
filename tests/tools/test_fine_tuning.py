"""The study of fine-tuning: its runs are few and paired, it leaves test photos alone, and it goes on run by run."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from photographs import write_folder

from corrotwin.segmentation.data import coco, splits
from tools import fine_tuning
from tools.fine_tuning import Cell


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty photos of ten spots."""
    folder = tmp_path / "photos"
    write_folder(folder, count=20, seed=3, size=(48, 48), json_name="annotations.json", images="images")
    names = [photo.file_name for photo in coco.read(folder).photos]
    rows = [f"{name},{place // 2}" for place, name in enumerate(names)]
    (folder / "spots.csv").write_text("\n".join(["file_name,spot", *rows]) + "\n")
    return folder


def test_the_study_is_bounded_and_every_run_has_its_pair() -> None:
    planned = list(fine_tuning.cells(with_renders=True))
    assert len(planned) == len({cell.key for cell in planned}) == 60
    assert len(list(fine_tuning.cells(with_renders=False))) == 48
    for cell in planned:
        for name, today in fine_tuning.TODAY.items():
            assert replace(cell, **{name: today}) in planned
    steps = {(config.epochs, config.batch_size, config.size) for config in map(config_of, planned)}
    assert len(steps) == 1


def config_of(cell: Cell) -> object:
    return fine_tuning.config_of(cell, encoder_weights="imagenet")


def test_test_photos_are_left_out(photos: Path) -> None:
    data = coco.read(photos)
    whole, made = splits.without_leaks(data), fine_tuning.split_without_test(data)
    assert not set(whole.test) & set(made.group)
    assert made.valid == whole.valid
    assert set(made.train) | set(made.test) == set(whole.train)
    assert {made.group[name] for name in made.test}.isdisjoint({made.group[name] for name in made.train})


def test_the_table_compares_pairs() -> None:
    base = Cell(renders=False, real_fraction=0.1, encoder_rate=1.0, freeze=0.0, batch_norm="train", seed=0)
    rows = [(base, 0.5), (replace(base, encoder_rate=0.1), 0.53), (replace(base, seed=1), 0.4)]
    rows += [(replace(base, encoder_rate=0.1, seed=1), 0.45), (replace(base, encoder_rate=0.3, seed=2), 0.9)]
    lines = fine_tuning.table(rows).splitlines()[2:]
    assert "| encoder_rate | 0.1 | 10 % | 0.4500 | 2 | +0.0400 ± 0.0100 |" in lines
    assert not any("| 0.3 |" in line for line in lines)  # it has no pair


@pytest.mark.ci
def test_the_study_goes_on_run_by_run(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fine_tuning, "BACKBONE", "mobilenet_v2")
    usual = [cell for cell in fine_tuning.cells(with_renders=False) if cell.batch_norm == "train" and not cell.freeze]
    monkeypatch.setattr(fine_tuning, "cells", lambda *, with_renders: usual)  # of random weights nothing is kept
    tiny = {"size": 64, "epochs": 1, "batch_size": 4, "threads": 1}
    out = tmp_path / "out"
    for count in (1, 2):
        found = fine_tuning.study(out, photos, encoder_weights=None, most=1, **tiny)
        assert len(found) == count
        rows = list(csv.DictReader((out / "runs.csv").read_text().splitlines()))
        assert [float(row["valid_f1"]) for row in rows] == [f1 for _, f1 in found]
        assert (out / "table.md").exists()
    assert len(list((out / "runs").glob("*/run.json"))) == 2
