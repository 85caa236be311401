import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrotwin.benchmarks.data import external_sets
from corrotwin.benchmarks.report.context import gather
from corrotwin.benchmarks.report.sections import renders
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.study.config import choose
from corrotwin.benchmarks.study.preparation import prepare, spots_of
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.segmentation import runs
from corrotwin.segmentation.data import coco, groups
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json

Maker = Callable[..., Any]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the networks: all photos of a set are measured with made-up counts; the runs are recorded."""
    asked: list[str] = []

    def measure_run(folder: Path, data: coco.CocoDataset) -> runs.PerImage:
        asked.append(folder.name)
        count = np.arange(len(data.photos)) + 1
        names = tuple(photo.file_name for photo in data.photos)
        return runs.PerImage(image=names, tp=count, fp=count, fn=count * 0, tn=count)

    monkeypatch.setattr(evaluate, "measure_run", measure_run)
    return asked


def test_the_counts_of_another_set_are_kept_and_read(tmp_path: Path, fake_study: Maker, measured: list[str]) -> None:
    fake_study(tmp_path / "out", kinds=("real",), backbones=("vgg16",), across=("yard",))
    found = results.load(tmp_path / "out")
    assert [each.id for each in found.across["yard"]] == ["real-vgg16-00", "real-vgg16-01"]
    one = found.across["yard"][0]
    assert len(one.images) == 12
    tables = csv.DictReader((tmp_path / "out" / "runs" / one.id / "across" / "yard.csv").read_text().splitlines())
    counts = [[int(row[name]) for name in ("tp", "fp", "fn")] for row in tables]
    assert one.f1.tolist() == pytest.approx([2 * tp / (2 * tp + fp + fn) for tp, fp, fn in counts])
    assert (one.kind, one.real_fraction, one.backbone, one.run) == ("real", 1.0, "vgg16", 0)
    assert one.images != found.test_images
    folder = tmp_path / "out" / "runs" / "real-vgg16-00"
    own = (folder / "per_image.csv").read_text().splitlines()[0]
    assert (folder / "across" / "yard.csv").read_text().splitlines()[0] == own == "image,tp,fp,fn,tn"


def test_the_spots_of_an_archive_are_found(tmp_path: Path, fake_dataset: Maker) -> None:
    photos = fake_dataset(tmp_path / "yard", 6)
    rows = [f"{photo.file_name},{place // 2}" for place, photo in enumerate(photos.photos)]
    table = tmp_path / "yard" / "spots.csv"
    table.write_text("file_name,spot\n" + "\n".join(rows) + "\n")
    expected = groups.beside(coco.read(tmp_path / "yard"))
    archive = shutil.make_archive(str(tmp_path / "whole"), "zip", tmp_path, "yard")
    assert expected is not None
    assert groups.beside(coco.read(Path(archive))) == expected
    table.write_text("file_name,spot\n" + "\n".join(rows[1:]) + "\n")
    archive = shutil.make_archive(str(tmp_path / "short"), "zip", tmp_path, "yard")
    with pytest.raises(InputError, match=r"^[^:]*short\.zip/spots\.csv: "):
        groups.beside(coco.read(Path(archive)))


def test_a_changed_set_or_run_is_measured_again(
    tmp_path: Path, fake_study: Maker, fake_dataset: Maker, measured: list[str]
) -> None:
    fake_study(tmp_path / "out", kinds=("real",), backbones=("vgg16",), across=("yard",))
    yard = coco.read(tmp_path / "yard")
    run = tmp_path / "out" / "runs" / "real-vgg16-00"
    assert external_sets.is_measured(run, "yard", yard.digest)
    changed = fake_dataset(tmp_path / "changed", 5, seed=11)
    assert not external_sets.is_measured(run, "yard", changed.digest)
    assert external_sets.read(run, "yard", changed.digest) is None
    external_sets.measure(str(run), "yard", changed)
    found = external_sets.read(run, "yard", changed.digest)
    assert found is not None
    assert found.tp.tolist() == [1, 2, 3, 4, 5]
    # a run that was trained again has other pixels on its own photos
    table = run / "per_image.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    assert not external_sets.is_measured(run, "yard", changed.digest)


def test_a_set_with_photos_that_trained_the_run_is_refused(
    tmp_path: Path, fake_study: Maker, fake_dataset: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_study(tmp_path / "out", kinds=("real",), backbones=("vgg16",))
    run = tmp_path / "out" / "runs" / "real-vgg16-00"
    larger = fake_dataset(tmp_path / "larger", 8, seed=11)
    stated = read_json(run / "run.json")
    write_json(run / "run.json", {**stated, "seen": [photo.sha256 for photo in larger.photos[:2]]})
    monkeypatch.setattr(evaluate, "measure_run", lambda folder, data: pytest.fail("measured for nothing"))
    with pytest.raises(InputError, match="larger: 2 of its photos trained or validated real-vgg16-00, or were seen"):
        external_sets.measure(str(run), "larger", larger)
    assert not (run / "across").exists()


def test_a_table_cut_off_between_its_files_is_not_taken(
    tmp_path: Path, fake_study: Maker, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_study(tmp_path / "out", kinds=("real",), backbones=("vgg16",), across=("yard",))
    run = tmp_path / "out" / "runs" / "real-vgg16-00"
    yard = coco.read(tmp_path / "yard")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(external_sets, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        external_sets.measure(str(run), "yard", yard)
    assert not external_sets.is_measured(run, "yard", yard.digest)
    assert results.load(tmp_path / "out").across_missing == {"yard": {"real-vgg16-00": "its weights are missing"}}


def test_a_damaged_table_is_named_and_costs_only_itself(tmp_path: Path, fake_study: Maker, measured: list[str]) -> None:
    fake_study(tmp_path / "out", kinds=("real",), backbones=("vgg16",), across=("yard",))
    run = tmp_path / "out" / "runs" / "real-vgg16-00"
    (run / "best.safetensors").touch()
    for content in (
        "image,tp\na,1\n",
        "image,tp,fp,fn,tn\n",
        "image,tp,fp,fn,tn\na,1,2,x,4\n",
        "image,tp,fp,fn,tn\na,1\n",
        "",
    ):
        (run / "across" / "yard.csv").write_text(content)
        found = results.load(tmp_path / "out")
        assert len(found.across["yard"]) == 1
        assert "runs/real-vgg16-00/across/yard.csv: damaged" in found.across_missing["yard"]["real-vgg16-00"]
    assert not found.missing


def test_sets_that_cannot_be_are_refused(tmp_path: Path, fake_dataset: Maker) -> None:
    fake_dataset(tmp_path / "photos", 20)
    fake_dataset(tmp_path / "one" / "yard", 5, seed=1)
    fake_dataset(tmp_path / "two" / "yard", 5, seed=2)
    fake_dataset(tmp_path / ".yard", 5, seed=3)
    fake_dataset(tmp_path / "pier", 5, seed=4)
    copies = fake_dataset(tmp_path / "copies", 4, seed=5)  # of four photos one at least is not in the test
    for photo in copies.photos:
        shutil.copy(tmp_path / "photos" / "images" / photo.file_name, photo.path)
    (tmp_path / "pier" / "spots.csv").write_text("file_name,spot\nanother.png,1\n")
    for sets, message in (
        (("photos",), "these are the photos of the study"),
        (("one/yard", "two/yard"), "two sets are called yard"),
        (("absent",), "absent"),
        ((".yard",), "'.yard' cannot name a set"),
        (("pier",), "spots.csv"),
        (("copies",), "of its photos train or validate the study's runs, such as photo-"),
    ):
        sources = Sources(data=tmp_path / "photos", across=tuple(tmp_path / name for name in sets))
        with pytest.raises(InputError, match=message):
            prepare(tmp_path / "out", choose("quick"), sources)


def test_another_set_of_the_same_name_takes_nothing_from_the_one_there(
    tmp_path: Path, fake_study: Maker, fake_dataset: Maker
) -> None:
    out = tmp_path / "out"
    config = fake_study(out, data=tmp_path / "photos", backbones=("vgg16",), across=("yard",))
    sources = Sources(data=tmp_path / "photos", renders=out / "renders")
    claim = prepare(tmp_path / "new", config, sources).shared
    write_json(out / "claim.json", {"kind": "study", "configuration": claim})
    fake_dataset(tmp_path / "other" / "yard", 5, name="other", seed=9)
    with pytest.raises(InputError, match=r"another set called yard \(.*/yard\); rename the folder"):
        prepare(out, config, replace(sources, across=(tmp_path / "other" / "yard",)))
    shutil.copytree(tmp_path / "yard", tmp_path / "moved" / "yard")
    moved = prepare(out, config, replace(sources, across=(tmp_path / "moved" / "yard",)))
    assert moved.across["yard"].path == tmp_path / "moved" / "yard"
    shutil.rmtree(tmp_path / "yard")
    fake_dataset(tmp_path / "yard", 5, name="other", seed=9)
    prepare(out, config, replace(sources, across=(tmp_path / "yard",)))  # one that has changed where it was


def test_spots_of_another_set_are_kept_though_its_folder_goes(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path / "out", data=tmp_path / "photos", backbones=("vgg16",), across=("yard",), spot_size=3)
    earlier = read_json(tmp_path / "out" / "study.json")
    about = earlier["across"]["yard"]
    kept = about.pop("spots")
    assert spots_of(about, tmp_path / "yard") == kept  # of a study that an earlier version made
    shutil.rmtree(tmp_path / "yard")
    assert spots_of(about, tmp_path / "yard") is None
    blocks = renders.section(gather(results.load(tmp_path / "out"))).blocks
    (table,) = (block for block in blocks if block.kind == "table" and block.name == "across")
    assert {(row["units"], row["unit"]) for row in table.rows} == {(4, "spot")}


def test_sets_of_before_are_kept_and_measured_where_they_still_are(tmp_path: Path, fake_study: Maker) -> None:
    config = fake_study(tmp_path / "out", data=tmp_path / "photos", backbones=("vgg16",), across=("yard", "pier"))
    sources = Sources(data=tmp_path / "photos")
    claim = prepare(tmp_path / "new", config, sources).shared
    write_json(tmp_path / "out" / "claim.json", {"kind": "study", "configuration": claim})
    assert set(prepare(tmp_path / "out", config, sources).across) == {"yard", "pier"}
    shutil.rmtree(tmp_path / "yard")
    grown = prepare(tmp_path / "out", config, sources)
    assert set(grown.across) == {"pier"}
    assert set(grown.gone) == {"yard"}
