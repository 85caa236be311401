import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corrotwin.benchmarks.study import draws, placement, planning, runner
from corrotwin.benchmarks.study.config import STUDIES, choose
from corrotwin.benchmarks.study.planning import Progress, Speed, StudyPlan
from corrotwin.benchmarks.study.preparation import prepare
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE, to_json
from corrotwin.twin.core import cluster
from corrotwin.twin.core.files import write_json

Maker = Callable[..., Any]


def run_of(backbone: str, seconds: float) -> Any:
    return SimpleNamespace(manifest={"config": {"backbone": backbone}, "train_seconds": seconds, "device": "cpu"})


def plan_of(
    *, complete: dict[str, Any] | None = None, slots: int = 2, speeds: dict[str, float], **changes: Any
) -> StudyPlan:
    config = choose("small", kinds=("real",), real_fractions=(1.0,), **changes)
    done = complete or {}
    return StudyPlan(
        config=config,
        complete=done,
        todo={key: each for key, each in config.grid.items() if key not in done},
        blocked={},
        speeds={name: Speed(seconds=seconds, source="probed") for name, seconds in speeds.items()},
        slots=dict.fromkeys(config.backbones, slots),
        free_bytes=10**10,
    )


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replace the probe, which says 2 s a step and 0.1 s an image; what it was asked is recorded."""
    asked: list[list[str]] = []

    def answer(configs: Any) -> tuple[int, list[tuple[float, float]]]:
        asked.append([each.backbone for each in configs])
        return 0, [(2.0, 0.1)] * len(configs)

    monkeypatch.setattr(planning, "probe", answer)
    return asked


def test_a_dry_run_says_runs_hours_and_disk_and_writes_nothing(
    tmp_path: Path, fake_dataset: Maker, probed: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_dataset(tmp_path / "photos", 20)
    config = choose(
        "small", kinds=("real", "mixed"), real_fractions=(1.0,), backbones=("vgg16", "mobilenet_v2"), runs=5, threads=64
    )
    before = sorted(tmp_path.rglob("*"))
    assert runner.run(tmp_path / "out", config, Sources(data=tmp_path / "photos"), dry_run=True) == []
    assert sorted(tmp_path.rglob("*")) == before
    said = capsys.readouterr().out
    assert "20 runs, 0 complete, 20 to do" in said
    assert "  real: mobilenet_v2 5, vgg16 5\n  mixed (50 % renders): mobilenet_v2 5, vgg16 5\n" in said
    # 60 epochs of 2 steps and 3 validation images, then 3 test images, one run at a time
    seconds = 60 * (2 * 2.0 + 3 * 0.1) + 3 * 0.1
    assert f"about {20 * seconds / 60:.0f} min, one at a time" in said
    assert f"mobilenet_v2 {seconds / 60:.1f} (probed), vgg16 {seconds / 60:.1f} (probed)" in said
    weights = 10 * (26.660660 + 95.009188) + 4 * 95.009188
    assert f"disk: {weights / 1000:.1f} GB needed" in said
    assert "rendered first, not in that time: renders, 5 draws of 120 of preset balanced at 320 px" in said
    assert probed == [["mobilenet_v2", "vgg16"]]


def test_a_dry_run_without_photos_counts_those_of_the_standin(
    tmp_path: Path, probed: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    runner.run(tmp_path / "out", choose("quick"), Sources(), dry_run=True)
    assert not (tmp_path / "out").exists()
    said = capsys.readouterr().out
    assert "20 runs, 0 complete, 20 to do" in said
    assert "a stand-in for photos, 72 of preset standin at 192 px" in said


def test_complete_runs_tell_their_time_and_only_others_are_probed(
    tmp_path: Path, fake_study: Maker, probed: list[list[str]]
) -> None:
    config = fake_study(tmp_path / "out", data=tmp_path / "photos", backbones=("vgg16",), kinds=("real",))
    wanted = choose("quick", kinds=("real",), backbones=("vgg16", "resnet152"), runs=3)
    made = prepare(tmp_path / "new", config, Sources(data=tmp_path / "photos"))  # of the same split
    write_json(tmp_path / "out" / "claim.json", {"kind": "study", "configuration": made.shared})
    grown = prepare(tmp_path / "out", wanted, Sources(data=tmp_path / "photos"))
    plan = planning.plan_study(grown, None)
    assert (len(plan.complete), len(plan.todo)) == (2, 4)
    assert plan.speeds["vgg16"] == Speed(seconds=60.5, source="measured")
    assert plan.speeds["resnet152"].source == "probed"
    assert probed == [["resnet152"]]


def test_on_a_cluster_this_machine_is_not_probed(probed: list[list[str]]) -> None:
    config = choose("small", kinds=("real",), backbones=("vgg16", "mobilenet_v2"), runs=1)
    photos = {"train": 70, "valid": 15, "test": 15}
    complete = {"real-vgg16-00": run_of("vgg16", 100.0)}
    found, _ = planning.speeds(complete, config.grid, photos, may_probe=False)
    assert set(found) == {"vgg16"}
    assert probed == []


def test_what_is_unknown_is_said(tmp_path: Path) -> None:
    some = plan_of(speeds={"vgg16": 600}, backbones=("vgg16", "resnet152"), runs=2)
    here = SimpleNamespace(out=tmp_path, photos=1, renders=None, renders_before=None, config=some.config, split=None)
    said = planning.describe(some, here)  # type: ignore[arg-type]
    assert (
        "time: at least 10 min, 2 at a time in 2 waves; minutes a run: vgg16 10.0 (probed), resnet152 unknown" in said
    )
    none = plan_of(speeds={}, backbones=("vgg16",), runs=2)
    assert "time: unknown until runs are complete" in planning.describe(none, here)  # type: ignore[arg-type]
    short = replace(none, free_bytes=10**6)
    assert "(NOT ENOUGH)" in planning.describe(short, here)  # type: ignore[arg-type]
    done = replace(none, todo={}, complete=dict.fromkeys(none.todo))
    assert planning.describe(done, here).splitlines() == [  # type: ignore[arg-type]
        f"{tmp_path}: 2 runs, 2 complete, 0 to do", "  real: vgg16 2"
    ]  # fmt: skip


def test_progress_counts_all_runs_and_tells_the_time_left_by_measured_runs(tmp_path: Path) -> None:
    plan = plan_of(
        complete={"real-vgg16-00": run_of("vgg16", 100)}, speeds={"vgg16": 600, "mobilenet_v2": 60},
        backbones=("vgg16", "mobilenet_v2"), runs=3,
    )  # fmt: skip
    folders = {key: tmp_path / key for key in plan.config.grid}
    progress = Progress(plan=plan, folders=folders)
    assert (progress.done(), progress.last()) == (1, "")
    assert progress.seconds_left() == 600 + 60 + 60  # two at a time: vgg16 and mobilenet_v2, whose three are short
    progress.end("real-vgg16-02")  # failed: it left nothing
    assert progress.done() == 1
    write_json(folders["real-vgg16-01"] / "run.json", {"train_seconds": 6000.0})
    progress.end("real-vgg16-01")
    assert progress.done() == 2
    assert progress.seconds_left() == 6000 + 60  # the other vgg16, once there is room beside it
    assert progress.last() == "real-vgg16-01 in 1.7 hours"
    unknown = Progress(plan=replace(plan, speeds={}), folders=folders)
    unknown.end("real-vgg16-01")
    assert unknown.seconds_left() is None


def test_a_probe_that_takes_too_long_leaves_the_rest_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Done:
        stdout = b"1\n[2.5, 0.5]\n"

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: Done())
    grid = choose("small", kinds=("real",), backbones=BACKBONES, real_fractions=(1.0,), runs=1).grid
    found, gpus = planning.speeds({}, grid, {"train": 8, "valid": 1, "test": 1}, may_probe=True)
    assert gpus == 1
    assert found == {"mobilenet_v2": Speed(seconds=60 * (2.5 + 0.5) + 0.5, source="probed")}
    Done.stdout = b""
    assert planning.speeds({}, grid, {"train": 8, "valid": 1, "test": 1}, may_probe=True) == ({}, 0)


def test_the_cards_are_counted_also_where_the_runs_there_tell_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study on a machine with two cards trains on both when it goes on."""
    asked: list[list[Any]] = []

    def probe(configs: list[Any]) -> tuple[int, list[tuple[float, float]]]:
        asked.append(configs)
        return 2, []

    monkeypatch.setattr(planning, "probe", probe)
    run = SimpleNamespace(
        manifest={"config": {"backbone": "vgg16"}, "train_seconds": 5.0, "device": "cuda: NVIDIA H100"}
    )
    grid = choose("quick", kinds=("real",), backbones=("vgg16",), runs=2).grid
    photos = {"train": 8, "valid": 1, "test": 1}
    found, gpus = planning.speeds({"real-vgg16-00": run}, grid, photos, may_probe=True)  # type: ignore[dict-item]
    assert (found["vgg16"], gpus, asked) == (Speed(seconds=5.0, source="measured"), 2, [[]])
    run.manifest["device"] = "cpu: EPYC"
    assert planning.speeds({"real-vgg16-00": run}, grid, photos, may_probe=True)[1] == 0  # type: ignore[dict-item]
    assert len(asked) == 1


def cluster_of(monkeypatch: pytest.MonkeyPatch, *machines: dict[str, float]) -> list[str | None]:
    """Replace the cluster; return the addresses at which it is joined."""
    joined: list[str | None] = []
    monkeypatch.setattr(cluster, "connect", joined.append)
    monkeypatch.setattr(cluster, "machines", lambda: machines if joined else pytest.fail("not joined yet"))
    monkeypatch.setattr(cluster, "has_gpus", lambda: any("GPU" in each for each in machines))
    return joined


@pytest.mark.parametrize(
    ("machines", "threads", "backbone", "slots"),
    [
        (({"CPU": 16.0},), 1, "vgg16", 16),
        (({"CPU": 7.0}, {"CPU": 3.0}), 2, "vgg16", 3 + 1),  # a run does not stretch over machines
        (({"CPU": 16.0, "GPU": 2.0}, {"CPU": 8.0}), 1, "vgg16", 4),  # half a GPU each; no run goes where none is
        (({"CPU": 3.0, "GPU": 2.0},), 1, "mobilenet_v2", 3),
        (({"CPU": 16.0, "GPU": 2.0},), 1, "resnet34", 2),
    ],
)
def test_a_plan_places_runs_as_the_scheduler_would(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machines: Any, threads: int, backbone: str, slots: int
) -> None:
    joined = cluster_of(monkeypatch, *machines)
    config = choose("small", kinds=("real",), backbones=(backbone,), real_fractions=(1.0,), threads=threads)
    photos = {"train": 8, "valid": 1, "test": 1}
    plan = planning.plan_runs(config, ({}, config.grid, {}), photos, tmp_path, "head:6379")
    assert plan.slots == {backbone: slots}
    assert joined == ["head:6379"]
    found = replace(plan, speeds={backbone: Speed(seconds=600, source="measured")})
    waves = -(-10 // slots)
    assert found.seconds == 600 * waves
    in_waves = f" in {waves} waves" if waves > 1 else ""
    assert f"about {10 * waves} min, {slots} at a time{in_waves}; minutes a run" in planning.time_line(found)


def test_a_probe_alone_on_a_card_says_too_little_of_runs_that_share_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(planning, "probe", lambda configs: (1, [(2.0, 0.1)] * len(configs)))
    monkeypatch.setattr(placement, "available_cores", lambda: 16)
    config = choose("small", kinds=("real",), backbones=("vgg16",), real_fractions=(1.0,), runs=2)
    photos = {"train": 8, "valid": 1, "test": 1}
    plan = planning.plan_runs(config, ({}, config.grid, {}), photos, tmp_path, None)
    alone = 60 * (2.0 + 0.1) + 0.1
    assert plan.slots == {"vgg16": 2}
    assert plan.seconds == pytest.approx(2 * alone)


def test_makespan_starts_each_run_as_soon_as_there_is_room() -> None:
    assert placement.makespan([]) == 0
    assert placement.makespan([(10, 8)] * 17) == 30
    assert placement.makespan([(10, 2), (4, 2), (4, 2)]) == 10
    assert placement.makespan([(10, 1), (1, 4), (1, 4)]) == 11  # a whole machine, then quarters of it


@pytest.mark.slow
def test_the_probe_answers_line_by_line_and_weights_are_as_large_as_stated() -> None:
    from corrotwin.segmentation.models.network import build

    grid = choose("quick", kinds=("real",), runs=1, changes={"encoder_weights": "none"}).grid
    asked = {"configs": [to_json(each) for each in grid.values()], "seconds": 1, "patience": 500}
    done = subprocess.run(
        [sys.executable, "-m", "corrotwin.benchmarks.study.probe"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    gpus, *answers = done.stdout.splitlines()
    assert int(gpus) >= 0
    assert len(answers) == 5
    assert all(0 < image < step for step, image in map(json.loads, answers))
    for name in (*BACKBONES, DEFAULT_BACKBONE):
        tensors = build(name, encoder_weights=None, weights=None, seed=0).state_dict().values()
        assert planning.WEIGHTS[name] == sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_a_plan_says_how_many_renders_a_run_should_have_where_the_folder_holds_fewer() -> None:
    wanted = STUDIES["small"].renders.count
    few = draws.describe([30] * 10, 300)
    assert few.endswith(
        f"10 draws of 30 out of 300; no two runs share a scene; few: render {10 * wanted} for {wanted} each"
    )
    assert "few" not in draws.describe([wanted] * 10, 10 * wanted)
    assert "few" not in draws.describe([30] * 10, 10 * wanted)  # as many as were asked for
    assert "few" not in draws.describe([36] * 2, 72, STUDIES["quick"].renders.count)
