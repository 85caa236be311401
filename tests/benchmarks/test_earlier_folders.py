"""Folders that version 0.1 wrote are read: their keys, their digests and the render share they were trained with.

A transfer of then is read, not continued: its few photos were drawn otherwise.
"""

import inspect
import json
import shutil
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

PUBLISHED = Path(__file__).parents[2] / "docs" / "results"
STUDY, TRANSFER = PUBLISHED / "steel-bridges", PUBLISHED / "transfer"
RUNS = [*STUDY.rglob("run.json"), *TRANSFER.rglob("run.json")]


def test_a_study_is_read_with_the_share_that_it_was_trained_with() -> None:
    study = results.load(STUDY)
    assert len(study.scores) == 36
    assert not study.missing
    assert study.config.render_share == 0.25 != MIXED_SHARE
    assert study.config.real_fractions == (0.1, 1.0)
    assert study.label.endswith("Arm mixed: 25 % renders in each batch.")


def test_a_study_is_written_as_it_was() -> None:
    kept = read_json(STUDY / "study.json")["config"]
    assert json.dumps(configuration.to_json(configuration.from_json(kept))) == json.dumps(kept)


def test_runs_are_read_and_keep_their_digests() -> None:
    assert len(RUNS) > 200
    shares = set()
    for path in RUNS:
        kept = read_json(path)["config"]
        config = from_json(kept)
        assert json.dumps(to_json(config)) == json.dumps(kept), path
        assert config.digest == digest(kept), path
        shares.add(config.arm.render_share)
    assert shares == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_folds_of_a_transfer_are_read() -> None:
    for path in TRANSFER.glob("*/run-01/fold-1/*/study.json"):
        study = results.load(path.parent)
        assert study.scores, path
        assert not study.missing, path
        kept = read_json(path)["config"]
        assert json.dumps(configuration.to_json(configuration.from_json(kept))) == json.dumps(kept), path


def test_a_transfer_that_drew_its_few_photos_within_folds_is_not_continued(tmp_path: Path) -> None:
    shutil.copy(TRANSFER / "claim.json", tmp_path)
    settings = ProtocolSettings(steps=1000, folds=3, backbone="mobilenet_v2", encoder_weights=None)
    with pytest.raises(InputError, match=r"an earlier version drew its few photos within folds; .* choose another"):
        layout.check(tmp_path, settings)
    assert read_json(tmp_path / "claim.json") == read_json(TRANSFER / "claim.json")


def test_a_transfer_goes_on_by_the_settings_of_its_claim(tmp_path: Path) -> None:
    settings = ProtocolSettings(folds=3, backbone="mobilenet_v2", encoder_weights=None)
    with hold(tmp_path, layout.KIND, layout.claim(settings)):
        pass
    layout.check(tmp_path, settings)
    with pytest.raises(InputError, match=r"runs are of mobilenet_v2 with first weights none, not of tu-tf_\w+ with"):
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
