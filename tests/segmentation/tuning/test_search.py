"""A sweep: what it draws, what it leaves, and that nothing is trained twice."""

import csv
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import drill
import pytest
import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.commands.split import split as write_split
from corrotwin.segmentation.commands.tune import tune as tune_command
from corrotwin.segmentation.config import TrainConfig, configure
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.training import inputs, train
from corrotwin.segmentation.tuning import ray_tune, search, trials
from corrotwin.segmentation.tuning.space import SearchSpace, SweepPlan, trial_config
from corrotwin.segmentation.tuning.trials import Trial
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import read_json, write_json
from corrotwin.twin.core.locks import CLAIM

SPACE = SearchSpace(learning_rate=(1e-4, 1e-2), batch_size=(4, 8), augmentation=("standard", "strong"))
BASE = configure("quick", backbone="mobilenet_v2", arm=REAL, seed=3, size=32, epochs=3, threads=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": (1e-2, 1e-3)}, "the lower first"),
        ({"learning_rate": (0.0, 1e-3)}, "above 0"),
        ({"batch_size": ()}, "`batch_size`: give at least one"),
        ({"batch_size": (0,)}, "`batch_size` 0"),
        ({"render_share": (0.1, 0.5)}, "needs `renders`"),
        ({"render_share": (0.5, 1.5)}, "from 0 to 1"),
        ({"render_count": (3,)}, "needs a `render_share`"),
        ({"trials": 0}, "`trials` 0 is below 1"),
        ({"grace": 0}, "`grace` 0 is below 1"),
        ({"gpus": 1.5}, "`gpus` 1.5: a trial trains on one GPU"),
        ({"search": "optuna", "learning_rate": (1e-3, 1e-3)}, "needs a range"),
        ({"split": Path("nowhere.json")}, r"nowhere\.json"),
        ({"backbone": "mobilenet_v9"}, "mobilenet_v9"),
        (
            {"profile": "paper", "weights": Path("w"), "backbone": "mobilenet_v2"},
            "w: no prepared weights of mobilenet_v2; run corrotwin",
        ),
        (
            {"weights": Path("w"), "backbone": "mobilenet_v2"},
            "`weights` w: initial weights are random here; choose `profile` paper, or leave out `weights`",
        ),
    ],
)
def test_bad_input_writes_nothing(
    numbers: tuple[Path, Path], tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    data, split = numbers
    given = {"data": data, "split": split, "out": tmp_path / "sweep", "profile": "quick", "epochs": 2, **changes}
    with pytest.raises(InputError, match=message):
        tune_command(**given)
    assert not (tmp_path / "sweep").exists()


def test_a_split_of_other_photos_writes_nothing(numbers: tuple[Path, Path], rendered: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"photo 'train/.*' of the split's train part is missing; split again"):
        tune_command(data=rendered, split=numbers[1], out=tmp_path / "sweep", profile="quick")
    assert not (tmp_path / "sweep").exists()


def test_the_advised_training_has_the_settings_of_the_trials(
    numbers: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    run_module: Callable[..., subprocess.CompletedProcess[str]],
) -> None:  # fmt: skip
    best, configs = SPACE.draw(0, 0), []

    def found(out: Path, base: TrainConfig, *_: object, **__: object) -> list[Trial]:
        configs.append(trial_config(base, best))
        return [Trial(values=best, ended="complete", epochs=3, valid_f1=0.5, folder="a")]

    monkeypatch.setattr(search, "run", found)
    monkeypatch.setattr(train, "train", lambda folder, config, *_, **__: configs.append(config))
    tune_command(data=numbers[0], split=numbers[1], out=tmp_path, profile="quick", threads=3, size=96, epochs=7)
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    run_module("segmentation", *words[2:])
    trial, advised = configs
    assert advised == replace(trial, seed=trial.seed + 1)


def test_optuna_is_an_extra(numbers: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'corrotwin\[sweep\]'"):
        tune_command(data=numbers[0], split=numbers[1], out=tmp_path / "sweep", search="optuna")


@pytest.fixture(scope="session")
def numbers(roboflow: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A dataset and its split as a file."""
    split = tmp_path_factory.mktemp("split") / "split.json"
    write_split(data=roboflow, out=split, how="own", by=("names",))
    return roboflow, split


def go(numbers: tuple[Path, Path], out: Path, *more: object, workers: int = 1) -> list[str]:
    """A sweep of tiny trainings, as a command."""
    return [
        sys.executable, "-m", "corrotwin", "segmentation", "tune", "--data", str(numbers[0]), "--split",
        str(numbers[1]), "--out", str(out), "--profile", "quick", "--size", "32", "--epochs", "3", "--grace", "1",
        "--workers", str(workers), *map(str, more),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_sweep_goes_on_after_its_driver_was_killed(numbers: tuple[Path, Path], tmp_path: Path, cache: Path) -> None:
    """Killed with -9 after its first trial; then it is finished, then lengthened. No trial is trained twice."""
    out = tmp_path / "sweep"
    begun = subprocess.Popen(
        go(numbers, out, "--trials", 3), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip
    drill.until(lambda: list(out.glob(f"trials/*/{trials.RESULT}")), seconds=240)
    drill.kill_session(begun)
    first = drill.times(out, trials.RESULT)
    assert first
    assert not (out / "sweep.json").exists()
    done = subprocess.run(go(numbers, out, "--trials", 3), capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("3 trials, the best first")  # nothing of Ray's before it
    assert {path: path.stat().st_mtime_ns for path in first} == first
    rows = list(csv.DictReader((out / "trials.csv").read_text().splitlines()))
    assert len(rows) == 3
    assert {row["ended"] for row in rows} <= {"complete", "stopped early"}
    assert "complete" in {row["ended"] for row in rows}
    best = read_json(out / "sweep.json")["best"]
    assert best["folder"] == rows[0]["folder"]
    assert f"--learning-rate {rows[0]['learning_rate']}" in done.stdout
    assert not list(out.rglob("*.safetensors"))
    assert not (out / "ray").exists()


@pytest.mark.ci
def test_what_is_wrong_with_the_input_is_told_and_tried_again(
    numbers: tuple[Path, Path], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo that opens and breaks off: found when it is decoded, in the trials. Ray itself is played."""
    from ray import tune

    from corrotwin.twin.core import cluster

    data = Path(shutil.copytree(numbers[0], tmp_path / "data"))
    photo = coco.read(data).photos[0].path
    photo.write_bytes(photo.read_bytes()[:-300])
    reported: list[dict[str, Any]] = []

    def fit(
        shared: ray_tune.SharedInputs, draws: list[dict[str, Any]], plan: SweepPlan,
        workers: int | None, on_end: object, refused: list[str], no_room: list[str],
    ) -> int:  # fmt: skip
        notes = ray_tune._recorder(shared, None, refused, no_room)
        for values in draws:
            with monkeypatch.context() as patch:
                patch.setattr(coco, "read", None)  # the driver has read the data
                ray_tune.run_trial({"values": values}, shared)
            trial = SimpleNamespace(config={"values": values}, last_result=reported[-1])
            notes.on_trial_complete(0, [], trial)
        return 0

    monkeypatch.setattr(tune, "report", reported.append)
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(cluster, "has_gpus", lambda: True)
    monkeypatch.setattr(cluster, "machines", lambda: [{"CPU": 2.0, "GPU": 1.0}])
    monkeypatch.setattr(ray_tune, "fit", fit)
    out = tmp_path / "sweep"
    for _ in range(2):
        with pytest.raises(WorkError) as caught:
            tune_command(data=data, split=numbers[1], out=out, profile="quick", size=32, epochs=3, trials=2)
        assert f"{out}: 2 trials failed ({photo}: cannot be decoded (" in str(caught.value)
        assert "the same command tries them again" in str(caught.value)
        assert not list(out.glob(f"trials/*/{trials.RESULT}"))
    assert len(reported) == 4  # tried again by the second command
    assert [each[ray_tune.TIME] for each in reported] == [3] * 4


@pytest.mark.ci
def test_a_trial_out_of_memory_is_tried_again_on_a_larger_share(
    numbers: tuple[Path, Path], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """One trial needs the whole GPU, the other more than there is. Ray and the GPU are played."""
    from ray import tune

    from corrotwin.twin.core import cluster

    reported: list[dict[str, Any]] = []
    shares: list[float] = []
    ended: list[trials.Trial] = []
    greedy: list[float] = []

    def play(*arguments: Any, on_epoch: Callable[[dict[str, float]], None], **_: object) -> None:
        folder, config = arguments[:2]
        greedy[:] = greedy or [config.learning_rate]
        if shares[-1] < 1 or config.learning_rate == greedy[0]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore.")
        folder.mkdir(parents=True)
        row = {**dict.fromkeys(runs.HISTORY_COLUMNS, 0.0), "valid_f1": 0.5, "epoch": 3}
        runs.write_history(folder, [row])
        on_epoch(row)

    def fit(
        shared: ray_tune.SharedInputs, draws: list[dict[str, Any]], plan: SweepPlan,
        workers: int | None, on_end: Callable[[trials.Trial], None], refused: list[str], no_room: list[str],
    ) -> int:  # fmt: skip
        shares.append(shared.gpus)
        notes = ray_tune._recorder(shared, ended.append, refused, no_room)
        for values in draws:
            ray_tune.run_trial({"values": values}, shared)
            notes.on_trial_complete(0, [], SimpleNamespace(config={"values": values}, last_result=reported[-1]))
        return 0

    monkeypatch.setattr(tune, "report", reported.append)
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(cluster, "has_gpus", lambda: True)
    monkeypatch.setattr(cluster, "machines", lambda: [{"CPU": 2.0, "GPU": 1.0}])
    monkeypatch.setattr(ray_tune, "fit", fit)
    monkeypatch.setattr(train, "train", play)
    out = tmp_path / "sweep"
    tune_command(data=numbers[0], split=numbers[1], out=out, profile="quick", size=32, epochs=3, trials=2)
    assert shares == [0.25, 0.5, 1.0]
    assert sorted(trial.ended for trial in ended) == ["complete", "failed"]
    [failed] = [trial for trial in ended if trial.ended == "failed"]
    assert failed.error == "CUDA out of memory. Tried to allocate 2 GiB."
    assert "2 trials ran out of memory on 0.25 of a GPU" in caplog.text
    assert "trying again on 0.5" in caplog.text


def shared_in(out: Path, *, gpus: float = 0.0) -> ray_tune.SharedInputs:
    write_json(out / CLAIM, {})
    data: Any = SimpleNamespace(extracted=None)  # no archive
    inputs = {"real": data, "split": None, "renders": None, "weights": None}
    return ray_tune.SharedInputs(out=out, base=BASE, space=SPACE, gpus=gpus, **inputs)


@pytest.mark.parametrize(("gpus", "seen"), [(0.0, ""), (0.25, "0,1")])
def test_a_trial_without_a_gpu_sees_none(
    gpus: float, seen: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(inputs, "augmentation_workers", lambda cores: 10 * cores)

    def play(*_: object, workers: int, **__: object) -> None:
        found.append((os.environ["CUDA_VISIBLE_DEVICES"], workers))

    monkeypatch.setattr(train, "train", play)
    ray_tune.run_trial({"values": SPACE.draw(0, 0)}, shared_in(tmp_path, gpus=gpus))
    assert found == [(seen, 10)]  # as many workers as the trial's one core gives


@pytest.mark.ci
@pytest.mark.parametrize(
    ("machines", "given", "share"),
    [({"CPU": 8.0, "GPU": 2.0}, None, 0.25), ({"CPU": 8.0}, None, 0.0), ({"CPU": 8.0, "GPU": 2.0}, 0.0, 0.0)],
)
def test_a_trial_has_the_share_of_a_gpu_that_fits_its_backbone(
    numbers: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    machines: dict[str, float], given: float | None, share: float,
) -> None:  # fmt: skip
    import ray

    from corrotwin.twin.core import cluster

    shares = []
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(ray, "cluster_resources", lambda: machines)
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": machines}])
    monkeypatch.setattr(ray_tune, "fit", lambda shared, *_: shares.append(shared.gpus))
    plan = SweepPlan(trials=1, search="random", scheduler="asha", grace=1, seed=0, gpus=given)
    assert search.run(tmp_path / "out", BASE, SPACE, plan, data=numbers[0], split=numbers[1]) == []
    assert shares == [share]


@pytest.mark.ci
@pytest.mark.parametrize("f1", [0.5, None])
def test_where_all_trials_failed_none_is_advised(
    numbers: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, f1: float | None
) -> None:
    from corrotwin.twin.core import cluster

    out, why = tmp_path / "out", "the loss is not a number"
    failed = Trial(values=SPACE.draw(0, 0), ended="failed", epochs=2, valid_f1=f1, folder="a", error=why)

    def fit(*_: object) -> int:
        write_json(out / trials.TRIALS / failed.folder / trials.RESULT, trials.as_json(failed))
        return 0

    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(cluster, "machines", lambda: [{"CPU": 1.0}])
    monkeypatch.setattr(ray_tune, "fit", fit)
    plan = SweepPlan(trials=1, search="random", scheduler="asha", grace=1, seed=0, gpus=0.0)
    with pytest.raises(WorkError, match=rf"out: all trials failed \({why}\); .*trials\.csv lists them$"):
        search.run(out, BASE, SPACE, plan, data=numbers[0], split=numbers[1])
    assert read_json(out / "sweep.json")["best"] is None
    assert "# 1 trial\n\nAll failed.\n" in (out / "sweep.md").read_text()
    assert f"{f1 or ''},a" in (out / "trials.csv").read_text()
    assert f1 or not (out / "sweep.png").exists()


@pytest.mark.ci
@pytest.mark.parametrize(
    ("threads", "gpus", "asked"),
    [(1, 0.25, "1 cores and 0.25 of a GPU"), (3, 0.0, "3 cores and 0 of a GPU"), (9, 1.0, "9 cores and 1 of a GPU")],
)
def test_a_trial_that_no_machine_can_hold_is_refused_or_told(
    numbers: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    threads: int, gpus: float, asked: str,
) -> None:  # fmt: skip
    """One that has the cores and another that has the card are none; of a cluster one that has both may join."""
    import ray

    from corrotwin.twin.core import cluster

    here, dead = {"CPU": 2.0, "memory": 1e9}, {"CPU": 64.0, "GPU": 8.0}
    nodes = [{"Alive": True, "Resources": here}, {"Alive": False, "Resources": dead}]
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(ray_tune, "fit", lambda *_: 0)
    plan = SweepPlan(trials=1, search="random", scheduler="asha", grace=1, seed=0, gpus=gpus)
    base = replace(BASE, threads=threads)
    with pytest.raises(
        InputError, match=rf"{asked} \(`threads`, `gpus`\), but this machine has 2 cores and 0 GPUs; reduce them"
    ):
        search.run(tmp_path / "out", base, SPACE, plan, data=numbers[0], split=numbers[1])
    assert not (tmp_path / "out").exists()
    nodes += [{"Alive": True, "Resources": {"CPU": 8.0}}, {"Alive": True, "Resources": {"CPU": 0.5, "GPU": 1.0}}]
    search.run(tmp_path / "out", base, SPACE, plan, data=numbers[0], split=numbers[1], address="auto")
    told = f"no machine of the cluster has {asked} (--threads, --gpus); waiting for one to join\n"
    assert capsys.readouterr().err == ("" if threads == 3 else told)


@pytest.mark.parametrize("copied", [False, True], ids=["absent", "a copy"])
def test_a_trial_on_a_machine_that_does_not_share_the_folder_is_not_finished(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, copied: bool
) -> None:
    """Nothing is trained there, but where a copy of the folder lies there; and nothing is recorded here."""
    from ray import tune

    reported: list[dict[str, Any]] = []
    trained: list[Path] = []

    def play(folder: Path, *_: object, on_epoch: Callable[[dict[str, float]], None], **__: object) -> None:
        trained.append(folder)
        on_epoch({**dict.fromkeys(runs.HISTORY_COLUMNS, 0.0), "epoch": BASE.epochs, "valid_f1": 0.5})

    monkeypatch.setattr(tune, "report", reported.append)
    monkeypatch.setattr(train, "train", play)
    here, there = shared_in(tmp_path / "here"), tmp_path / "there"
    refused: list[str] = []
    values = SPACE.draw(0, 0)
    ray_tune.run_trial({"values": values}, shared_in(there) if copied else replace(here, out=there))
    trial = SimpleNamespace(config={"values": values}, last_result={"hostname": os.uname().nodename, **reported[-1]})
    ray_tune._recorder(here, None, refused, []).on_trial_complete(0, [], trial)
    assert (len(trained), there.exists()) == (copied, copied)
    (why,) = refused
    assert why.startswith(f"{os.uname().nodename} does not write to the same {tmp_path}")
    assert [path.name for path in here.out.iterdir()] == [CLAIM]


def test_a_trial_of_other_versions_is_not_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reported: list[dict[str, Any]] = []
    monkeypatch.setattr("ray.tune.report", reported.append)
    monkeypatch.setattr(train, "train", pytest.fail)
    ray_tune.run_trial({"values": SPACE.draw(0, 0)}, replace(shared_in(tmp_path), begun_by={"torch": "1.0"}))
    other = f"{os.uname().nodename} has another version of the program (torch 1.0, now "
    assert [row[ray_tune.REFUSED].startswith(other) for row in reported] == [True]


def test_a_trial_that_failed_before_its_first_epoch_reports_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Tune ends with an error of its own where a trial returns without a word."""
    from ray import tune

    reported: list[dict[str, Any]] = []
    monkeypatch.setattr(tune, "report", reported.append)
    shared, values = shared_in(tmp_path), SPACE.draw(0, 0)
    folder = trials.trial_folder(tmp_path, trial_config(BASE, values))
    failed = Trial(values=values, ended="failed", epochs=0, valid_f1=None, folder=folder.name, error="out of memory")
    write_json(folder / trials.RESULT, trials.as_json(failed))
    ray_tune.run_trial({"values": values}, shared)
    assert reported == [{ray_tune.TIME: BASE.epochs, ray_tune.METRIC: 0.0}]


class Asha:
    """Ray's scheduler alone, given what a trial reports: a trial that it stops reports no more."""

    def __init__(self) -> None:
        from ray.tune.schedulers import ASHAScheduler

        self.scheduler = ASHAScheduler(time_attr=ray_tune.TIME, max_t=9, grace_period=1, reduction_factor=3)
        self.scheduler.set_search_properties(ray_tune.METRIC, "max")

    def give(self, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of a trial, one by one; those that it was let report."""
        trial = SimpleNamespace(trial_id=name)
        self.scheduler.on_trial_add(None, trial)
        for count, row in enumerate(rows, start=1):
            if self.scheduler.on_trial_result(None, trial, row) == self.scheduler.STOP:
                return rows[:count]
        return rows

    def rungs(self) -> list[tuple[float, dict[str, float]]]:
        (bracket,) = self.scheduler._brackets
        return [(milestone, dict(recorded)) for milestone, recorded in bracket._rungs]


@pytest.mark.parametrize("checkpoint", [4, 2, 0])
def test_a_trial_that_was_cut_off_enters_the_rungs_as_an_undisturbed_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, checkpoint: int
) -> None:
    """Its history has four epochs, its last checkpoint as many or fewer, so that some are trained again."""
    from ray import tune

    scores = [0.1, 0.2, 0.15, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    history = [
        {**dict.fromkeys(runs.HISTORY_COLUMNS, 0.0), "epoch": epoch, "valid_f1": score}
        for epoch, score in enumerate(scores, start=1)
    ]
    shared = shared_in(tmp_path, gpus=0.5)
    values = SPACE.draw(0, 0)
    folder = trials.trial_folder(tmp_path, trial_config(BASE, values)) / trials.RUN
    reported: list[dict[str, Any]] = []
    monkeypatch.setattr(tune, "report", reported.append)

    def trained_from(epoch: int) -> list[dict[str, Any]]:
        def play(*_: object, on_epoch: Callable[[dict[str, float]], None], **__: object) -> None:
            for row in history[epoch:]:
                on_epoch(row)

        monkeypatch.setattr(train, "train", play)
        reported.clear()
        ray_tune.run_trial({"values": values}, shared)
        return list(reported)

    undisturbed = trained_from(0)
    folder.mkdir()
    runs.write_history(folder, history[:4])
    resumed = trained_from(checkpoint)
    both = Asha(), Asha()
    for asha, rows in zip(both, (undisturbed, resumed), strict=True):
        assert asha.give("cut off", rows) == rows
        fresh = [{ray_tune.TIME: epoch, ray_tune.METRIC: 0.3} for epoch in range(1, 4)]
        assert asha.give("fresh", fresh) == fresh  # better than the other was by then
    assert both[0].rungs() == both[1].rungs()


@pytest.mark.slow
def test_optuna_learns_from_earlier_trials(numbers: tuple[Path, Path], tmp_path: Path, cache: Path) -> None:
    pytest.importorskip("optuna")
    out = tmp_path / "sweep"
    for count in (2, 4):
        before = drill.times(out, trials.RESULT)
        done = subprocess.run(
            go(numbers, out, "--trials", count, "--search", "optuna"), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        after = drill.times(out, trials.RESULT)
        assert (len(after), before.items() <= after.items()) == (count, True)
        assert len((out / "trials.csv").read_text().splitlines()) == 1 + count


@pytest.mark.slow
def test_a_sweep_survives_the_loss_of_a_node(numbers: tuple[Path, Path], tmp_path: Path, cache: Path) -> None:
    """A cluster of two nodes beside the head; one is killed while both train."""
    from ray.cluster_utils import Cluster

    out = tmp_path / "sweep"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        more = ("--trials", 4, "--scheduler", "none", "--address", cluster.address)
        running = subprocess.Popen(
            go(numbers, out, *more, workers=2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        drill.until(lambda: len(list(out.glob("trials/*/run/history.csv"))) >= 2, seconds=240)
        cluster.remove_node(nodes[0], allow_graceful=False)
        _, said = running.communicate(timeout=600)
    finally:
        cluster.shutdown()
    assert running.returncode == 0, said
    rows = list(csv.DictReader((out / "trials.csv").read_text().splitlines()))
    assert [row["ended"] for row in rows] == ["complete"] * 4
    assert [row["epochs"] for row in rows] == ["3"] * 4
