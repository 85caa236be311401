"""What MLflow is sent of a run, into a real database: once each, whatever is cut off, repeated or away."""

import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import configure, to_json
from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.segmentation.training.tracking import Tracking
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_manifest

MANIFEST = {
    "config": to_json(configure("quick", backbone="mobilenet_v2", arm=REAL, seed=3)),
    "data": {"real": "abc", "renders": None},
    "best_epoch": 2,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database, whose tables take a second to make."""
    pytest.importorskip("mlflow", reason="no MLflow: pip install 'corrotwin[mlflow]'")
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/runs.db"


def trained(folder: Path, epochs: int, *, complete: bool = False) -> None:
    """Leave a run as a training does after so many epochs."""
    folder.mkdir(exist_ok=True)
    rows = [
        dict(zip(runs.HISTORY_COLUMNS, (epoch, 0.5 / epoch, 0.6, 0.1 * epoch, 0.05, 2.0), strict=True))
        for epoch in range(1, epochs + 1)
    ]
    write_manifest(folder, runs.KIND if complete else runs.UNFINISHED, MANIFEST)
    runs.write_history(folder, rows)
    tp, fp, fn, tn = np.array([[3], [1], [1], [5]])
    runs.write_per_image(folder / "per_image.csv", runs.PerImage(image=("a.jpg",), tp=tp, fp=fp, fn=fn, tn=tn))


def stored(address: str, folder: Path) -> tuple[Any, dict[str, list[tuple[int, float]]]]:
    """What the database has of a run, asked by MLflow's own client: the run, and every point of its metrics."""
    from mlflow import MlflowClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(tracking_uri=address)
        experiment = client.get_experiment_by_name("corrotwin")
        found = client.search_runs([experiment.experiment_id], f"tags.`corrotwin.folder` = '{folder}'")
        (run,) = found
        names = run.data.metrics
        return run, {
            name: [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
            for name in names
        }


@pytest.mark.ci
def test_a_run_that_is_cut_off_and_goes_on_is_one_run_with_each_epoch_once(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def interrupted() -> None:
        with Tracking(address) as tracked:
            for epoch in (1, 2):
                trained(folder, epoch)
                tracked.send(folder, "mine")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    run, points = stored(address, folder)
    assert (run.info.run_name, run.info.status) == ("mine", "KILLED")
    assert points["valid_f1"] == [(1, 0.1), (2, 0.2)]
    assert run.data.params["seed"] == "3"
    assert run.data.params["arm.name"] == "real"
    assert run.data.params["data.real"] == "abc"
    for _ in range(2):  # it goes on from an earlier epoch; then the command is given once more
        with Tracking(address) as tracked:
            for epoch in (2, 3):
                trained(folder, epoch, complete=epoch == 3)
                tracked.send(folder, "mine")
    run, points = stored(address, folder)
    assert run.info.status == "FINISHED"
    assert [step for step, _ in points["train_loss"]] == [1, 2, 3]
    assert points["test_f1"] == [(0, 0.75)]
    assert str(folder) in run.data.tags["mlflow.note.content"]
    assert "per_image.csv" in run.data.tags["mlflow.note.content"]


@pytest.mark.ci
def test_the_command_sends_a_real_training(
    address: str, roboflow: Path, cache: Path, tmp_path: Path, run_module: Callable[..., CompletedProcess[str]]
) -> None:
    out = tmp_path / "real"
    settings = ("--profile", "quick", "--size", 32, "--epochs", 2, "--split", "own", "--threads", 1)
    done = run_module("segmentation", "train", "--data", roboflow, "--out", out, *settings, "--mlflow", address)
    assert (done.returncode, done.stderr) == (0, "")
    run, points = stored(address, out)
    assert run.info.status == "FINISHED"
    found = runs.load(out)
    assert points["valid_f1"] == list(enumerate(found.history["valid_f1"].tolist(), 1))
    table = found.per_image
    assert points["test_f1"] == [(0, pytest.approx(scores(table.tp, table.fp, table.fn, table.tn)[0].mean()))]
    assert "best.safetensors" in run.data.tags["mlflow.note.content"]
    refused = run_module("segmentation", "train", "--data", roboflow, "--out", tmp_path / "no", "--mlflow", "mlruns")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--mlflow mlruns: MLflow no longer keeps runs in folders" in refused.stderr
    assert not (tmp_path / "no").exists()


@pytest.mark.ci
def test_a_server_that_is_away_is_one_warning_and_gets_what_it_missed(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    folder = tmp_path / "run"
    with Tracking(away) as tracked:
        for epoch in (1, 2):
            trained(folder, epoch)
            tracked.send(folder, "mine")
    assert len(caplog.records) == 1
    assert "MLflow accepts no data (" in caplog.text
    with Tracking(away) as tracked:
        tracked.send(folder, "mine")
        tracked.uri = address  # it comes back
    _, points = stored(address, folder)
    assert [step for step, _ in points["train_loss"]] == [1, 2]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("out/mlruns", "MLflow no longer keeps runs in folders; give sqlite:///"),
        ("file:///tmp/mlruns", "MLflow no longer keeps runs in folders"),
        ("sqlite:////nowhere/at/all/runs.db", "/nowhere/at/all is missing or not writable"),
    ],
)
def test_an_address_that_cannot_do_is_refused_at_once(uri: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Tracking(uri)


def test_without_mlflow_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(InputError, match=r"pip install 'corrotwin\[mlflow\]'"):
        Tracking("http://localhost:5000")
    Tracking(None).send(Path("no-run"), "nothing")  # which needs it not
