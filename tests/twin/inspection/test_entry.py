"""Rates of photographs: measured by an evaluation, given, or assumed and then said."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from corrotwin.twin import store, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import entry, log

Command = Callable[..., subprocess.CompletedProcess[str]]
# Of 1,000 corroded pixels 820 were called so; of 9,000 sound ones 270.
EVALUATION = {
    "format_version": 1, "kind": "evaluation", "recall": 820 / 1000, "false_calls": 270 / 9000, "images": 12,
    "threshold": 0.4,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small plate beside a mask, of which a quarter is rust, and an evaluation."""
    store.save(twin_state.sample_twin("plate", np.random.default_rng(1), texel_mm=20.0), tmp_path / "t")
    Image.fromarray(np.pad(np.full((4, 4), 255, np.uint8), 2)).save(tmp_path / "mask.png")
    (tmp_path / "evaluation.json").write_text(json.dumps(EVALUATION))
    return tmp_path


def photographed(folder: Path, command: Command, *options: object) -> str:
    """Enter the mask, and return what is printed."""
    given = ("--photo", folder / "mask.png", "--zone", "face", "--tool", "phone", "--date", "2000-05-31")
    done = command("inspect", folder / "t", *given, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.ci
def test_an_evaluation_sets_the_rates_of_its_masks(folder: Path, command: Command) -> None:
    said = photographed(folder, command, "--evaluation", folder / "evaluation.json")
    assert "detection 0.82, false calls 0.03: measured on 12 images at threshold 0.4" in said
    assert "assumed," not in said
    (record,), _ = log.read(folder / "t")
    assert (record.detection, record.false_calls) == (0.82, 0.03)


@pytest.mark.ci
def test_what_is_assumed_is_said(folder: Path, command: Command) -> None:
    said = "detection 0.9 and false calls 0.01 of photos: assumed, not measured"
    assert said in photographed(folder, command)
    (record,), _ = log.read(folder / "t")
    assert (record.detection, record.false_calls) == (0.9, 0.01)
    table = folder / "r.csv"
    head = "date,zone,kind,value,tool,detection,false_calls\n2001-05-31,face,photo,0.2,phone"
    table.write_text(f"{head},,\n")
    assert said in command("inspect", folder / "t", "--csv", table).stdout
    table.write_text(f"{head},0.8,0.02\n")
    assert "assumed," not in command("inspect", folder / "t", "--csv", table).stdout


@pytest.mark.ci
def test_given_rates_stand_before_evaluated_ones(folder: Path, command: Command) -> None:
    content = EVALUATION | {"recall": None}  # no corroded pixel in its photos
    (folder / "evaluation.json").write_text(json.dumps(content))
    assert "detection 0.9 of photos: assumed" in photographed(
        folder, command, "--evaluation", folder / "evaluation.json"
    )
    said = photographed(folder, command, "--evaluation", folder / "evaluation.json", "--detection", 0.7)
    assert "assumed," not in said
    last = log.read(folder / "t")[0][-1]
    assert (last.detection, last.false_calls) == (0.7, 0.03)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "not an evaluation of a model; give the evaluation.json"),
        ("{", "not valid JSON"),
        (json.dumps(EVALUATION | {"kind": "run"}), "not an evaluation of a model"),
        (json.dumps({"format_version": 1, "kind": "evaluation", "recall": 0.8}), "not an evaluation of a model"),
        (json.dumps(EVALUATION | {"recall": 1.2}), "recall 1.2 is not a share from 0 to 1"),
        (json.dumps(EVALUATION | {"false_calls": "few"}), "false_calls 'few' is not a share"),
    ],
)
def test_what_is_no_evaluation_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        entry.measured_rates(path)


def test_an_evaluation_goes_with_a_photo_and_must_be_able(folder: Path, command: Command) -> None:
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION | {"recall": 0.02}))
    given = ("--zone", "face", "--tool", "x", "--date", "2000-05-31", "--evaluation", folder / "evaluation.json")
    for options, message in (
        (("--kind", "grade", "--value", 2), "--evaluation requires --photo"),
        (
            ("--kind", "photo", "--value", 0.2),
            "--detection 0.02, --false-calls 0.03: must be from 0 to 1, detection above",
        ),
    ):
        done = command("inspect", folder / "t", *given, *options)
        assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
        assert message in done.stderr
    assert not (folder / "t" / "inspections.jsonl").exists()


@pytest.mark.ci
def test_masks_in_a_folder_of_predictions_have_the_rates_that_lie_beside_them(folder: Path, command: Command) -> None:
    (folder / "evaluation.json").rename(folder / "elsewhere.json")
    predictions = folder / "predictions"
    (predictions / "masks" / "north").mkdir(parents=True)
    mask = predictions / "masks" / "north" / "mask.png"
    mask.write_bytes((folder / "mask.png").read_bytes())
    assert entry.evaluation_beside([mask]) is None
    (predictions / "evaluation.json").write_text(json.dumps({**EVALUATION, "recall_sd": 0.25, "of": "sheds"}))
    assert entry.evaluation_beside([mask]) == predictions / "evaluation.json"
    assert entry.evaluation_beside([mask, folder / "mask.png"]) is None
    assert entry.evaluation_beside([folder / "mask.png"]) is None
    given = ("--zone", "face", "--tool", "x", "--date", "2000-05-31")
    said = command("inspect", folder / "t", "--photo", mask, *given)
    assert "detection 0.82 ± 0.25, false calls 0.03: measured on 12 images of sheds" in said.stdout
    (record,), _ = log.read(folder / "t")
    assert (record.detection, record.false_calls, record.bias_sd) == (0.82, 0.03, 0.25)


@pytest.mark.ci
def test_rates_of_whole_photos_are_no_measurement_of_long_ones(folder: Path, command: Command) -> None:
    for name, low in (("long", None), ("square", 1.5)):
        for sub, ending in ((entry.MASKS, "png"), (entry.PARTS, "json")):
            (folder / sub).mkdir(exist_ok=True)
            (folder / sub / f"{name}.{ending}").write_bytes((folder / "mask.png").read_bytes())
        (folder / entry.PARTS / f"{name}.json").write_text(json.dumps({"rusted_percent_low": low}))
        given = ("--zone", "face", "--tool", "x", "--date", "2000-05-31")
        done = command("inspect", folder / "t", "--photo", folder / "masks" / f"{name}.png", *given)
        assert "detection 0.82, false calls 0.03: measured on 12 images" in done.stdout
        assert ("the evaluation has no photos as long as long.png: its rates are a guess there" in done.stdout) == (
            name == "long"
        )
