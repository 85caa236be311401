"""The study of photos without labels where no photo of their set has any: who sees which photos, and what is kept."""

from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import write_folder

from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.runs import PerImage, RunRecord
from corrotwin.segmentation.training import train as training
from corrotwin.segmentation.unlabelled.pictures import Pictures
from corrotwin.twin.core.errors import InputError
from tools import without_labels
from tools.result_tables import pooled
from tools.result_tables.pooled import Place
from tools.result_tables.transfer import PIXELS
from tools.without_labels import RENDERS, PhotoSet, StudyNetwork

SETS = ("bridge", "tank")
PHOTOS = 20


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    """Sets of twenty and of forty photos, two of each spot."""
    for seed, name in enumerate(SETS, 3):
        folder = tmp_path / name
        write_folder(
            folder, count=PHOTOS * (seed - 2), seed=seed, size=(64, 64), json_name="annotations.json", images="images"
        )
        names = [photo.file_name for photo in coco.read(folder).photos]
        rows = [f"{photo},{name} {place // 2}" for place, photo in enumerate(names)]
        (folder / "spots.csv").write_text("\n".join(["file_name,spot", *rows]) + "\n")
    return {name: tmp_path / name for name in SETS}


def test_each_network_is_measured_where_it_saw_no_labels() -> None:
    arms = {network.key: network.places(SETS) for network in without_labels.networks_of(SETS, 4)}
    assert arms == {
        "04-renders-and-bridge": {
            "bridge": Place("tank", "bridge", 5, "taught-renders"),
            "tank": Place("bridge", "tank", 5, "taught-renders-elsewhere"),
        },
        "04-renders-and-tank": {
            "bridge": Place("tank", "bridge", 5, "taught-renders-elsewhere"),
            "tank": Place("bridge", "tank", 5, "taught-renders"),
        },
        "04-bridge-and-tank": {"tank": Place("bridge", "tank", 5, "taught-real")},
        "04-tank-and-bridge": {"bridge": Place("tank", "bridge", 5, "taught-real")},
        "04-renders": {
            "bridge": Place("tank", "bridge", 5, "renders"), "tank": Place("bridge", "tank", 5, "renders"),
        },
        "04-bridge-and-bridge": {"tank": Place("bridge", "tank", 5, "taught-real-elsewhere")},
        "04-tank-and-tank": {"bridge": Place("tank", "bridge", 5, "taught-real-elsewhere")},
        "04-bridge": {"tank": Place("bridge", "tank", 5, "real")},
        "04-tank": {"bridge": Place("tank", "bridge", 5, "real")},
    }  # fmt: skip


def test_hidden_photos_and_those_that_test_share_no_spot_and_change_with_the_seed(sets: dict[str, Path]) -> None:
    photos = without_labels.read_set(sets["bridge"])
    hidden = set()
    for seed in range(4):
        split = photos.draw(seed).split
        spots = [{photos.spots[name] for name in part} for part in (split.train, split.valid, split.test)]
        assert sum(map(len, spots)) == len(set.union(*spots)) == PHOTOS / 2
        assert len(split.train) == 0.4 * PHOTOS
        hidden.add(split.train)
    assert len(hidden) > 1


def test_networks_take_the_steps_of_the_protocol() -> None:
    taught = without_labels.config_of(StudyNetwork(labels=RENDERS, unlabelled="tank", seed=2), 80)
    assert (taught.epochs * 10, taught.size, taught.keep, taught.encoder_weights) == (400, 128, "averaged", "imagenet")
    assert (taught.arm.render_share, taught.arm.augmentation, taught.arm.self_training) == (1, "strong", "unlabelled")
    photos = without_labels.config_of(StudyNetwork(labels="tank", unlabelled=None, seed=2), 320)
    assert (photos.epochs * 40, photos.arm.render_share, photos.arm.self_training) == (400, 0, None)
    assert photos.seed == taught.seed == 2


@pytest.mark.ci
def test_networks_are_trained_measured_and_kept(
    sets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    small = replace(
        without_labels.SETTINGS, backbone="mobilenet_v2", encoder_weights=None, steps=8, batch_size=4, size=32
    )
    monkeypatch.setattr(without_labels, "SETTINGS", small)
    write_folder(tmp_path / "renders", count=8, seed=9, size=(48, 48), json_name="annotations.json", images="images")
    renders = coco.read(tmp_path / "renders")
    given, steps, train = {}, {}, training.train

    def watched(folder: Path, config: TrainConfig, **options: Any) -> RunRecord:
        given[folder.parent.name] = options
        steps[folder.parent.name] = config.epochs * ceil(len(options["split"].train) / config.batch_size)
        return train(folder, config, **options)

    monkeypatch.setattr(training, "train", watched)
    found = {
        network.key: without_labels.measured(network, sets, renders, tmp_path / "out")
        for network in without_labels.networks_of(SETS, 0)
    }
    photos = {name: without_labels.read_set(folder) for name, folder in sets.items()}
    tested = {name: each.draw(0).split.test for name, each in photos.items()}
    for counts in found.values():
        assert all(table.image == tested[name] for name, table in counts.items())
    assert _differ(found["00-renders-and-tank"]["tank"], found["00-renders"]["tank"])
    assert _differ(found["00-bridge-and-tank"]["tank"], found["00-bridge"]["tank"])
    assert _differ(found["00-renders-and-tank"]["tank"], found["00-renders-and-bridge"]["tank"])
    assert _differ(found["00-bridge-and-tank"]["tank"], found["00-bridge-and-bridge"]["tank"])
    assert steps["00-renders"] == steps["00-renders-and-bridge"] == steps["00-renders-and-tank"]
    assert steps["00-tank"] == steps["00-tank-and-bridge"] == steps["00-tank-and-tank"]
    for key, options in given.items():
        labels, _, unlabelled = key.removeprefix("00-").partition("-and-")
        assert (options["renders"] is renders) == (labels == RENDERS)
        assert labels in (RENDERS, options["real"].folder.name)
        assert _contents(options["unlabelled"]) == (_hidden(photos[unlabelled]) if unlabelled else set())
    folder = tmp_path / "out" / "networks" / "00-renders"
    assert not (folder / "run").exists()
    monkeypatch.delattr(training, "train")  # nothing is trained again
    (again,) = (network for network in without_labels.networks_of(SETS, 0) if network.key == "00-renders")
    kept = without_labels.measured(again, sets, renders, tmp_path / "out")
    assert not any(_differ(kept[name], found["00-renders"][name]) for name in SETS)
    (sets["tank"] / "spots.csv").unlink()
    with pytest.raises(InputError, match=r"tank: has no spots\.csv"):
        without_labels.measured(again, sets, renders, tmp_path / "out")


def test_networks_of_a_finished_table_are_not_trained_again(
    sets: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path / "renders", count=150, seed=9, size=(32, 32), json_name="annotations.json", images="images")
    found = {}
    of_photos = {}
    for network in without_labels.networks_of(SETS, 0):
        for name, place in network.places(SETS).items():
            split = without_labels.read_set(sets[name]).draw(0).split
            found[place] = PerImage(image=split.test, **dict.fromkeys(PIXELS, np.ones(len(split.test), np.int64)))
            if network.labels != RENDERS:
                of_photos[place] = found[place]
    (tmp_path / "spots").mkdir()
    for name, folder in sets.items():
        (tmp_path / "spots" / f"{name}.csv").write_text((folder / "spots.csv").read_text())
    for table, renders in ((found, tmp_path / "renders"), (of_photos, None)):
        pooled.write(tmp_path / "before.csv", table)
        without_labels.without_labels(
            (*sets.values(),), tmp_path / "out", seeds=(0,), renders=renders, finished=tmp_path / "before.csv",
            spots=tmp_path / "spots",
        )  # fmt: skip
        assert capsys.readouterr().out == pooled.markdown(table, tmp_path / "spots")
    assert not (tmp_path / "out").exists()


def test_what_would_be_noticed_after_hours_is_refused_at_once(sets: dict[str, Path], tmp_path: Path) -> None:
    spots = tmp_path / "spots"
    spots.mkdir()
    for name, folder in sets.items():
        (spots / f"{name}.csv").write_text((folder / "spots.csv").read_text())
    without_labels.check(sets, (0, 3), spots)
    for data in ({"tank": sets["tank"]}, {"tank": sets["tank"], "renders": sets["bridge"]}):
        with pytest.raises(InputError, match="give two sets"):
            without_labels.check(data, (0,), spots)
    for seeds in ((), (1, 1), (-1, 2)):
        with pytest.raises(InputError, match="--seeds: give one or more"):
            without_labels.check(sets, seeds, spots)
    (spots / "tank.csv").write_text((spots / "tank.csv").read_text().replace("tank 3", "tank 4"))
    with pytest.raises(InputError, match=r"tank\.csv: has other spots than"):
        without_labels.check(sets, (0,), spots)


def _differ(one: PerImage, other: PerImage) -> bool:
    return any((getattr(one, name) != getattr(other, name)).any() for name in PIXELS)


def _contents(pictures: Pictures | None) -> set[str]:
    return set() if pictures is None else {picture.sha256 for picture in pictures.used}


def _hidden(photos: PhotoSet) -> set[str]:
    """Return the hashes of the files whose labels a repeat hides."""
    names = photos.draw(0).split.train
    return {str(photo.sha256) for photo in photos.data.photos if photo.file_name in names}
