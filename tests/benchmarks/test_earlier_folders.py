"""Folders that version 0.1 wrote are read: their keys, their digests and the render share they were trained with.

A transfer of then is read, not continued: its few photos were drawn otherwise.
"""

import inspect
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from corrotwin.benchmarks.commands import COMMANDS
from corrotwin.benchmarks.study import config as configuration
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.transfer import layout
from corrotwin.benchmarks.transfer.protocol import ProtocolSettings
from corrotwin.segmentation.arms import MIXED_SHARE
from corrotwin.segmentation.config import from_json, to_json
from corrotwin.segmentation.tuning import trials
from corrotwin.segmentation.tuning.space import SearchSpace
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_json
from corrotwin.twin.core.locks import hold
from tools.result_tables import study, transfer

PUBLISHED = Path(__file__).parents[2] / "docs" / "results"
FOLDS = Path(__file__).with_name("folds-of-0.1.zip")  # the first folds of the first runs of a transfer, and its claim


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of docs/results, whose README gives this command and the next."""
    folder = tmp_path_factory.mktemp("published") / "steel-bridges"
    study.unpack(PUBLISHED / "steel-bridges", folder)
    return folder


@pytest.fixture(scope="module")
def transfer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transfer")
    with zipfile.ZipFile(FOLDS) as folds:
        folds.extractall(folder)
    return folder


def test_a_study_is_read_with_the_share_that_it_was_trained_with(study_folder: Path) -> None:
    found = results.load(study_folder)
    assert len(found.scores) == 36
    assert not found.missing
    assert found.config.render_share == 0.25 != MIXED_SHARE
    assert found.config.real_fractions == (0.1, 1.0)
    assert found.label.endswith("Arm mixed: 25 % renders in each batch.")


def test_a_study_is_written_as_it_was(study_folder: Path) -> None:
    kept = read_json(study_folder / "study.json")["config"]
    assert json.dumps(configuration.to_json(configuration.from_json(kept))) == json.dumps(kept)


def test_runs_are_read_and_keep_their_digests(study_folder: Path) -> None:
    settings = transfer.read_settings(PUBLISHED / "transfer")
    kept = {each.folder: settings[each.settings] for each in transfer.read_trainings(PUBLISHED / "transfer")}
    digests = {each.folder: each.settings for each in transfer.read_trainings(PUBLISHED / "transfer")}
    for path in study_folder.rglob("run.json"):
        kept[str(path)], digests[str(path)] = read_json(path)["config"], read_json(path)["config_digest"]
    assert len(kept) == 354 + 36
    shares = set()
    for run, of_run in kept.items():
        config = from_json(of_run)
        assert json.dumps(to_json(config)) == json.dumps(of_run), run
        assert config.digest == digest(of_run) == digests[run], run
        shares.add(config.arm.render_share)
    assert shares == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_folds_of_a_transfer_are_read(transfer_folder: Path) -> None:
    paths = list(transfer_folder.glob("*/run-01/fold-1/*/study.json"))
    assert len(paths) == 6
    for path in paths:
        found = results.load(path.parent)
        assert found.scores, path
        assert not found.missing, path
        kept = read_json(path)["config"]
        assert json.dumps(configuration.to_json(configuration.from_json(kept))) == json.dumps(kept), path


def test_a_transfer_that_drew_its_few_photos_within_folds_is_not_continued(
    tmp_path: Path, transfer_folder: Path
) -> None:
    shutil.copy(transfer_folder / "claim.json", tmp_path)
    settings = ProtocolSettings(steps=1000, folds=3, backbone="mobilenet_v2", encoder_weights=None)
    with pytest.raises(InputError, match=r"an earlier version drew its few photos within folds; .* choose another"):
        layout.check(tmp_path, settings)
    assert read_json(tmp_path / "claim.json") == read_json(transfer_folder / "claim.json")


def test_a_transfer_goes_on_by_the_settings_of_its_claim(tmp_path: Path) -> None:
    settings = ProtocolSettings(folds=3, backbone="mobilenet_v2", encoder_weights=None)
    with hold(tmp_path, layout.KIND, layout.claim(settings)):
        pass
    layout.check(tmp_path, settings)
    with pytest.raises(InputError, match=r"runs are of mobilenet_v2 with initial weights none, not of tu-tf_\w+ with"):
        layout.check(tmp_path, ProtocolSettings(folds=3))


def test_a_sweep_keeps_the_keys_of_its_tables(tmp_path: Path) -> None:
    header = (PUBLISHED / "sweep" / "trials.csv").read_text().splitlines()[0]
    space = SearchSpace(
        learning_rate=(1e-3, 1e-2), batch_size=(8,), augmentation=("standard",), render_share=(0.1, 0.5)
    )
    trial = trials.Trial(values=space.draw(0, 0), ended="complete", epochs=1, valid_f1=0.5, folder="a")
    trials.write_table(tmp_path / "trials.csv", [trial])
    assert (tmp_path / "trials.csv").read_text().splitlines()[0] == header
    assert {"synth_share", "synth_count"} <= trials.as_json(trial)["values"].keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_has_an_earlier_spelling(name: str) -> None:
    options = set(inspect.signature(COMMANDS[name]).parameters)
    assert not options & {"synth", "fraction", "fractions", "share", "confirm"}
