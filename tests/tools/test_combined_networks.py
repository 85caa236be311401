"""Means of a network of photographs and one of renders: computed here from the networks themselves."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from photographs import write_folder

from corrotwin.segmentation.arms import REAL, DataArm
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.data.splits import Split
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.evaluation.assessment import assess
from corrotwin.segmentation.evaluation.loading import load_run
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError
from tools import combined_networks
from tools.result_tables.pooled import Place

ALONE = DataArm(name="renders", render_share=1.0)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another set of four photos to train and three to validate."""
    for seed, (part, count) in enumerate({"train": 4, "valid": 3}.items(), 5):
        folder = tmp_path / "other" / part
        write_folder(folder, count=count, seed=seed, size=(64, 64), json_name="_annotations.coco.json", images="")
    return tmp_path / "other"


@pytest.fixture
def transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A transfer folder with one run: a network of photos and one of renders."""
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    for seed, name in enumerate(("photos", "renders"), 1):
        write_folder(tmp_path / name, count=6, seed=seed, size=(64, 64), json_name="annotations.json", images="images")
    photos, renders = (coco.read(tmp_path / name) for name in ("photos", "renders"))
    first, second, *rest = (photo.file_name for photo in photos.photos)
    split = Split(how="whole", seed=4, train=tuple(rest), valid=(first,), test=(second,))
    for arm, where, given in ((REAL, "photos", None), (ALONE, "renders-1a2b3c4d", renders)):
        config = configure("quick", backbone="mobilenet_v2", arm=arm, seed=4, epochs=2, size=64, encoder_weights=None)
        run = tmp_path / "transfer" / "photos" / "run-01" / "whole" / where / "runs" / f"{arm.name}-mobilenet_v2-00"
        train(run, config, real=photos, split=split, renders=given)
    return tmp_path / "transfer"


@pytest.mark.ci
def test_both_means_are_those_of_the_two_networks(transfer: Path, other: Path) -> None:
    found = combined_networks.measure(transfer, other, "valid")
    places = {
        arm: Place("photos", "other", 5, arm)
        for arm in ("real", "renders", "real-adapted", "renders-adapted", "mean-weights", "mean-probabilities")
    }
    assert set(found) == set(places.values())
    photos = [photo for photo in coco.read(other).photos if photo.split == "valid"]
    assert found[places["mean-weights"]].image == tuple(photo.file_name for photo in photos)
    images = np.stack([coco.image(photo) for photo in photos])
    truth = np.stack([coco.mask(photo) for photo in photos]) > 0
    first, second = (load_run(path.parent) for path in sorted(transfer.rglob("run.json")))
    one, two, config = first.network, second.network, first.config
    each = [evaluate.logits_of(network, config, images)[:, 0].sigmoid().numpy() for network in (one, two)]
    state = {
        name: (value + two.state_dict()[name]) / 2 if value.is_floating_point() else value
        for name, value in one.state_dict().items()
    }
    one.load_state_dict(state)
    halfway = evaluate.logits_of(one, config, images)[:, 0].sigmoid().numpy()
    for arm, probability in (("mean-probabilities", sum(each) / 2), ("mean-weights", halfway)):
        expected = (np.asarray(probability > 0.5) & truth).sum((1, 2))
        assert found[places[arm]].tp == pytest.approx(expected, abs=3)  # rounding at the threshold
    assert not torch.equal(torch.from_numpy(each[0]), torch.from_numpy(each[1]))


@pytest.mark.ci
def test_each_network_is_measured_as_an_evaluation_that_adapts_it(transfer: Path, other: Path) -> None:
    found = combined_networks.measure(transfer, other)
    for path in transfer.rglob("run.json"):
        arm = load_run(path.parent).config.arm.name
        adapted = assess(path.parent, coco.read(other), threshold=0.5, adapt=True).per_image
        measured = found[Place("photos", "other", 5, f"{arm}-adapted")]
        assert measured.image == adapted.image
        assert measured.tp.tolist() == adapted.tp.tolist()
        assert measured.fp.tolist() == adapted.fp.tolist()
        assert measured.fp.tolist() != found[Place("photos", "other", 5, arm)].fp.tolist()


@pytest.mark.ci
def test_what_cannot_be_combined_is_refused(transfer: Path, other: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no part test"):
        combined_networks.measure(transfer, other, "test")
    with pytest.raises(InputError, match="no run of `transfer --folds 1` is here"):
        combined_networks.measure(tmp_path, other)
    with pytest.raises(InputError, match="is here, trained on another set than photos"):
        combined_networks.measure(transfer, tmp_path / "photos")
    renders = next(transfer.glob("*/*/whole/renders-*"))
    shutil.copytree(renders, renders.with_name("renders-first-50"))
    said = (
        r"whole: has two runs of renders, renders-1a2b3c4d/runs/.*-00 and renders-first-50/runs/.*-00; give a transfer"
    )
    with pytest.raises(InputError, match=said):
        combined_networks.measure(transfer, other)
    shutil.rmtree(renders.with_name("renders-first-50"))
    renders.rename(tmp_path / "away")
    with pytest.raises(InputError, match="has no complete run of renders"):
        combined_networks.measure(transfer, other)
    with pytest.raises(InputError, match="holds whole sets"):
        combined_networks.combined_networks(transfer, other, part="valid", table=tmp_path / "table.csv")
