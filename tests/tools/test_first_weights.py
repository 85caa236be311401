"""The comparison of first weights: its runs are paired, test photos are the export's own, and it goes on run by run."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from photographs import write_folder

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.data.splits import Split
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from tools import first_weights
from tools.first_weights import PairedRun


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An export of 13 photos to train, 4 to validate and 4 to test, two of a spot but for one."""
    folder, rows = tmp_path / "photos", []
    for seed, (part, count) in enumerate({"train": 13, "valid": 4, "test": 4}.items()):
        write_folder(
            folder / part, count=count, seed=seed, size=(48, 48), json_name="_annotations.coco.json", images=""
        )
    for place, photo in enumerate(coco.read(folder).photos):
        rows.append(f"{photo.file_name},{photo.file_name.partition('/')[0]}-{place // 2}")
    (folder / "spots.csv").write_text("\n".join(["file_name,spot", *rows]) + "\n")
    return folder


def test_every_run_has_its_pair_of_the_same_photos_and_steps() -> None:
    planned = list(first_weights.cells(None))
    assert len(planned) == len({cell.key for cell in planned}) == 20
    for cell in planned:
        other = replace(cell, weights="random" if cell.weights == "imagenet" else "imagenet")
        assert other in planned
        one, its = (first_weights.config_of(each, 280, None) for each in (cell, other))
        assert replace(its, encoder_weights=one.encoder_weights) == one
        assert one.epochs * 35 == pytest.approx(cell.steps, rel=0.06)
        assert one.keep == "averaged"  # so that no photo chooses an epoch


def test_the_test_photos_are_the_exports_own_and_all_others_train_but_one_spot(photos: Path) -> None:
    data = coco.read(photos)
    split = first_weights.own_test(data)
    assert set(split.test) == {photo.file_name for photo in data.photos if photo.split == "test"}
    assert len(split.valid) == 1
    assert len(split.train) == 16
    of_parts = [{split.group[name] for name in part} for part in (split.train, split.valid, split.test)]
    assert not of_parts[0] & of_parts[1]
    assert not (of_parts[0] | of_parts[1]) & of_parts[2]


def test_the_table_compares_pairs_that_are_complete() -> None:
    scores = {}
    for run, (low, high) in enumerate([((0.3, 0.5), (0.5, 0.6)), ((0.4, 0.4), (0.6, 0.7))]):
        scores[PairedRun(steps=300, real_fraction=1.0, weights="random", run=run)] = np.array(low)
        scores[PairedRun(steps=300, real_fraction=1.0, weights="imagenet", run=run)] = np.array(high)
    scores[PairedRun(steps=300, real_fraction=0.1, weights="random", run=0)] = np.array([0.1, 0.2])
    (line,) = first_weights.table(scores, None).splitlines()[2:]
    assert line.startswith("| 300 | 100 % | 0.400 ± 0.000 | 0.600 ± 0.071 | +0.200 | ")
    assert line.endswith("| 2 |")


@pytest.mark.ci
def test_the_comparison_goes_on_run_by_run(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(first_weights, "DEFAULT_BACKBONE", "mobilenet_v2")
    monkeypatch.setattr(first_weights, "STEPS", (2,))
    out = tmp_path / "out"
    for count in (1, 2):
        found = first_weights.study(out, photos, most=1, size=64, encoder_weights=None)
        assert len(found) == count
        rows = list(csv.DictReader((out / "runs.csv").read_text().splitlines()))
        assert [row["first_weights"] for row in rows] == ["random", "imagenet"][:count]
        assert [int(row["photos"]) for row in rows] == [2] * count
    assert (out / "table.md").read_text().count("\n") == 3  # a pair of random weights both, here: a row
    assert len(list((out / "runs").glob("*/run.json"))) == 2


@pytest.mark.ci
def test_a_twin_is_compared_with_imagenet_weights(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(first_weights, "DEFAULT_BACKBONE", "mobilenet_v2")
    monkeypatch.setattr(first_weights, "STEPS", (2,))
    monkeypatch.setattr(first_weights, "PAIRS", 1)
    other = tmp_path / "other"
    for seed, part in enumerate(("train", "test"), 9):
        write_folder(other / part, count=6, seed=seed, size=(48, 48), json_name="_annotations.coco.json", images="")
    first, second, *rest = (photo.file_name for photo in coco.read(other).photos)
    split = Split(how="own", seed=0, train=tuple(rest), valid=(first,), test=(second,))
    config = configure("quick", backbone="mobilenet_v2", arm=REAL, seed=0, epochs=1, size=64, encoder_weights=None)
    twin = tmp_path / "twin"
    train(twin, config, real=coco.read(other), split=split, renders=None)
    out = tmp_path / "out"
    found = first_weights.study(out, photos, twin=twin, size=64, encoder_weights=None)
    assert [cell.weights for cell in found] == ["imagenet", "twin"]
    assert all(cell.real_fraction == 0.1 for cell in found)
    started = [read_json(out / "runs" / cell.key / "run.json")["config"].get("init") for cell in found]
    assert started == [None, runs.digest_of_weights(twin / runs.WEIGHTS)]
    assert (out / "table.md").read_text().startswith("| steps | real photos | ImageNet | twin | twin − ImageNet | ")
    with pytest.raises(InputError, match=r"has seen .* test photos? of this run"):
        first_weights.study(tmp_path / "again", other, twin=twin, size=64, encoder_weights=None)
