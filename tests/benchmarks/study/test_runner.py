import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from studies import small, snapshot, write_spots

import corrotwin as ct
from corrotwin.benchmarks.commands import study as commands
from corrotwin.benchmarks.data import background_fp, external_sets
from corrotwin.benchmarks.report import build
from corrotwin.benchmarks.study import config as configuration
from corrotwin.benchmarks.study import dispatch, results, runner
from corrotwin.benchmarks.study.config import STUDIES, choose
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import ARMS
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.sampling import plan_batches, subset
from corrotwin.synth.rendering import fanout, provenance
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, read_manifest

Maker = Callable[..., Any]
Command = Callable[..., subprocess.CompletedProcess[str]]


def test_without_data_a_standin_of_other_scenes_is_split_like_photos(tmp_path: Path, log: dict[str, Any]) -> None:
    assert runner.run(tmp_path / "out", small(), Sources()) == []
    standin, renders = log["rendered"]
    assert standin[:4] == ("standin", "standin", 20, 32)
    assert renders[:4] == ("renders", "balanced", 8, 32)  # a draw of four for each of two runs
    assert standin[4] != renders[4]
    split = splits.load(tmp_path / "out" / "split.json")
    assert (split.how, len(split.train), len(split.valid), len(split.test)) == ("published", 14, 3, 3)
    assert all(name.startswith("standin") for name in (*split.train, *split.valid, *split.test))
    manifest = read_manifest(tmp_path / "out", "study")
    assert manifest is not None
    assert manifest["data"]["folder"] == "standin"
    assert manifest["data"]["counts"]["images"] == 20
    assert configuration.from_json(manifest["config"]) == small()


@pytest.mark.parametrize(("without", "status"), [((), 0), (("mixed-vgg16-01",), 1)])
def test_exit_status_says_whether_runs_are_missing(
    tmp_path: Path, fake_study: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    without: tuple[str, ...], status: int,
) -> None:  # fmt: skip
    fake_study(tmp_path, backbones=("vgg16",), without=without)
    monkeypatch.setattr(build, "write", lambda out: out / "index.html")
    assert commands.report(tmp_path) == status
    monkeypatch.setattr(runner, "run", lambda *_, **__: list(without))
    capsys.readouterr()
    assert commands.run(out=tmp_path) == status
    assert ("1 run failed: mixed-vgg16-01; the same command tries again" in capsys.readouterr().err) == status


def test_python_raises_what_failed_after_the_report_is_written(
    tmp_path: Path, log: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    monkeypatch.setattr(build, "write", lambda out: written.append(out) or out / "report" / "index.html")
    given = {"out": tmp_path / "out", "arms": "real", "backbones": "vgg16", "runs": 2}
    log["fail"] = {"real-vgg16-00", "real-vgg16-01"}
    said = r"out: 2 runs failed \(real-vgg16-00, real-vgg16-01\); .* again; .*index\.html has the others$"
    with pytest.raises(ct.WorkError, match=said):
        ct.study(data, **given)
    assert written == [tmp_path / "out"]
    log["fail"] = set()
    assert not ct.study(data, **given).missing


def test_what_is_complete_is_not_made_again(tmp_path: Path, log: dict[str, Any]) -> None:
    log["fail"] = {"mixed-vgg16-01"}
    assert runner.run(tmp_path, small(), Sources()) == ["mixed-vgg16-01"]
    assert read_json(tmp_path / "study.json")["failed"] == {"mixed-vgg16-01": "boom"}
    assert log["trained"] == ["real-vgg16-00", "mixed-vgg16-00", "real-vgg16-01"]
    log["fail"], log["trained"] = set(), []
    assert runner.run(tmp_path, small(), Sources()) == []
    assert log["trained"] == ["mixed-vgg16-01"]
    assert read_json(tmp_path / "study.json")["failed"] == {}
    whole = (tmp_path / "study.json").read_bytes()
    log["trained"] = []
    runner.run(tmp_path, small(), Sources())
    assert log["trained"] == []
    assert (tmp_path / "study.json").read_bytes() == whole


def test_a_run_has_as_many_workers_as_its_task_s_cores_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from corrotwin.segmentation.training import inputs, train

    found = []
    monkeypatch.setattr(inputs, "augmentation_workers", lambda cores: 10 * cores)
    monkeypatch.setattr(train, "train", lambda *_, workers, **__: found.append(workers))
    config = replace(next(iter(small().grid.values())), threads=3)
    dispatch.train_run(str(tmp_path), config, *(None,) * 4)  # type: ignore[arg-type]
    assert found == [30]


@pytest.mark.parametrize("packed", [False, True], ids=["folders", "archives"])
def test_workers_in_folders_and_with_caches_of_their_own_find_all_data(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    for seed, name in enumerate(("renders", "yard"), start=1):
        fake_dataset(tmp_path / name, 8, name=name, seed=seed)
    if packed:
        for name in ("photos", "renders", "yard"):
            shutil.make_archive(str(tmp_path / name), "zip", tmp_path, name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "driver"))
    fan_out, train_run, seen = fanout.fan_out, dispatch.train_run, []

    def elsewhere(*arguments: Any, **options: Any) -> list[fanout.Failure]:
        shutil.rmtree(tmp_path / "driver")
        (tmp_path / "worker").mkdir()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path / "worker")
            patch.setenv("CORROTWIN_CACHE", str(tmp_path / "worker" / "cache"))
            return fan_out(*arguments, **options)

    def look(*sets: coco.CocoDataset) -> None:
        assert all(photo.path.is_file() for each in sets for photo in each.photos)
        seen.extend(each.digest for each in sets)

    def train(folder: str, config: Any, real: Any, split: Any, renders: Any, weights: Any) -> None:
        look(real, renders)
        train_run(folder, config, real, split, renders, weights)

    monkeypatch.setattr(fanout, "fan_out", elsewhere)
    monkeypatch.setattr(dispatch, "train_run", train)
    monkeypatch.setattr(external_sets, "measure", lambda run, name, each: look(each))
    monkeypatch.setattr(background_fp, "measure", lambda run, real: look(real))
    photos, renders, yard = (Path(f"{name}.zip" if packed else name) for name in ("photos", "renders", "yard"))
    sources = Sources(data=photos, renders=renders, across=(yard,), false_alarms=True)
    assert runner.run(tmp_path / "out", small(kinds=("mixed",), runs=2), sources) == []
    found = read_json(tmp_path / "out" / "study.json")
    real, other = found["data"]["digest"], found["across"][yard.name]["digest"]
    draws = [draw["digest"] for draw in found["renders"]["draws"]]
    assert seen == [digest for draw in draws for digest in (real, draw, other, real)]


def test_a_machine_with_other_versions_makes_no_run(
    tmp_path: Path, log: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Builds of one version are one, as of PyTorch for CPUs and for cards."""
    fan_out, here = fanout.fan_out, runs.versions

    def elsewhere(*arguments: Any, **options: Any) -> list[fanout.Failure]:
        with monkeypatch.context() as patch:
            patch.setattr(runs, "versions", lambda *names: {**here(*names), "torch": "2.9.0+cu126"})
            return fan_out(*arguments, **options)

    monkeypatch.setattr(fanout, "fan_out", elsewhere)
    config = small(kinds=("real",), runs=1)
    monkeypatch.setattr(runs, "versions", lambda *names: {**here(*names), "torch": "2.8.0+cpu"})
    said = r"has another version of the program \(torch 2\.8\.0, now 2\.9\.0\)"
    with pytest.raises(provenance.OtherVersionError, match=said):
        runner.run(tmp_path / "out", config, Sources(data=data))
    assert log["trained"] == []
    monkeypatch.setattr(runs, "versions", lambda *names: {**here(*names), "torch": "2.9.0+cpu"})
    assert runner.run(tmp_path / "out", config, Sources(data=data)) == []
    assert log["trained"] == ["real-vgg16-00"]


def test_study_json_is_there_while_runs_train(
    tmp_path: Path, log: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fanout, "fan_out", killed)
    with pytest.raises(KeyboardInterrupt):
        runner.run(tmp_path, small(), Sources())
    found = results.load(tmp_path)
    assert set(found.missing.values()) == {"not trained yet"}
    assert len(found.missing) == 4


def test_bad_photos_or_a_strange_folder_write_nothing(tmp_path: Path, log: dict[str, Any], fake_dataset: Maker) -> None:
    for data, said in ((tmp_path / "absent", "absent: no such folder"), (tmp_path, "no COCO json and no masks")):
        with pytest.raises(InputError, match=said):
            runner.run(tmp_path / "out", small(), Sources(data=data))
        assert not (tmp_path / "out").exists()
    fake_dataset(tmp_path / "few", 2)
    with pytest.raises(InputError, match="too few"):
        runner.run(tmp_path / "out", small(), Sources(data=tmp_path / "few"))
    assert not (tmp_path / "out").exists()
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds something else"):
        runner.run(strange, small(), Sources())
    assert [path.name for path in strange.iterdir()] == ["letter.txt"]
    assert log["rendered"] == []


def test_both_arms_of_a_run_share_the_photos_and_runs_redraw_them() -> None:
    config = choose("small", kinds=tuple(ARMS), real_fractions=(0.1, 1.0), backbones=("vgg16", "mobilenet_v2"), runs=3)
    names = [f"photo-{index}" for index in range(60)]
    spots = [f"spot-{index // 2}" for index in range(60)]
    drawn: dict[tuple[float, int], set[tuple[str, ...]]] = {}
    for key, each in config.grid.items():
        photos = subset(names, spots, each.arm.real_fraction, each.seed)
        drawn.setdefault((each.arm.real_fraction, int(key[-2:])), set()).add(photos)
    assert len(drawn) == 6
    assert all(len(found) == 1 for found in drawn.values())
    tenths = [next(iter(found)) for (fraction, _), found in drawn.items() if fraction == 0.1]
    assert [len(found) for found in tenths] == [6, 6, 6]
    assert len(set(tenths)) == 3


@pytest.mark.parametrize("profile", STUDIES)
def test_every_arm_takes_equally_many_optimiser_steps(profile: Any) -> None:
    config = choose(profile, kinds=tuple(ARMS), real_fractions=(0.1, 0.5, 1.0), runs=1)
    steps: dict[str, set[tuple[int, int]]] = {}
    for each in config.grid.values():
        names = [f"photo-{index}" for index in range(61)]
        photos = subset(names, names, each.arm.real_fraction, each.seed)
        made = plan_batches(
            each.arm, seed=each.seed, epochs=each.epochs, batch_size=each.batch_size, all_photos=61,
            photos=len(photos), renders=30 if each.arm.takes_renders else 0,
        )  # fmt: skip
        real, rendered = made.batch(made.steps_per_epoch - 1)
        assert len(real) + len(rendered) == each.batch_size
        assert (len(rendered) > 0) == each.arm.takes_renders
        steps.setdefault(each.backbone, set()).add((made.steps_per_epoch * each.epochs, made.pretrain_steps))
    assert all(len(of_backbone) == 1 for of_backbone in steps.values())


def test_a_study_grows_by_runs_backbones_arms_and_fractions_and_drops_nothing(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    runner.run(out, small(kinds=("real",), runs=1), sources)
    assert log["trained"] == ["real-vgg16-00"]
    assert log["rendered"] == []
    runner.run(out, small(kinds=("real",), runs=2), sources)
    assert log["trained"][1:] == ["real-vgg16-01"]
    before = snapshot(out / "runs")
    del log["trained"][:]
    runner.run(
        out, small(kinds=("mixed",), real_fractions=(0.1, 1.0), backbones=("mobilenet_v2", "vgg16"), runs=1), sources
    )
    assert set(log["trained"]) == {
        f"{arm}-{backbone}-00" for arm in ("mixed", "mixed-10pct") for backbone in ("mobilenet_v2", "vgg16")
    }
    del log["trained"][:]
    runner.run(out, small(kinds=("real",), runs=1), sources)
    assert log["trained"] == []
    found = results.load(out)
    assert not found.missing
    assert {(cell.arm.name, cell.backbone, cell.runs) for cell in found.cells} == {
        ("real", "vgg16", 2), ("mixed", "vgg16", 1), ("mixed", "mobilenet_v2", 1), ("mixed-10pct", "vgg16", 1),
        ("mixed-10pct", "mobilenet_v2", 1),
    }  # fmt: skip
    assert {name: snapshot(out / "runs")[name] for name in before} == before


def test_the_order_of_growth_does_not_show(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    steps = [
        small(kinds=("real",), runs=1),
        small(real_fractions=(0.1,), runs=1),
        small(backbones=("resnet152",), runs=1),
    ]
    for name, order in (("one", steps), ("other", steps[::-1])):
        for config in order:
            runner.run(tmp_path / name, config, Sources(data=data))
    assert (tmp_path / "one" / "study.json").read_bytes() == (tmp_path / "other" / "study.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"profile": "small"}, "profile: 'quick' in the folder, 'small' requested"),
        ({"threads": 2}, "threads: 1 in the folder, 2 requested"),
        ({"data": None}, "data: .* in the folder, None requested"),
        ({"data": "others"}, "data: '.*' in the folder, '.*' requested"),
        ({"split": "published", "groups_file": "spots.csv"}, "split: published with 20 groups .* with 10 groups"),
        ({"renders": "others"}, r"renders: draw 1: renders \(.*\) there, .*others \(.*\) requested"),
        (
            {"arms": "changed"},
            "mixed-vgg16: the study has the arm .*pretrain=0.0.*, but .*pretrain=0.5.* was requested",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_all_runs_share_cannot_change_and_the_difference_is_named(
    tmp_path: Path,
    log: dict[str, Any],
    data: Path,
    fake_dataset: Maker,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    message: str,
) -> None:
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data))
    fake_dataset(tmp_path / "others", 20, seed=7)
    write_spots(tmp_path / "spots.csv", data)
    before = snapshot(out)
    if change.pop("arms", None):
        monkeypatch.setitem(ARMS, "mixed", replace(ARMS["mixed"], pretrain=0.5))
    paths = {name: tmp_path / value for name, value in change.items() if value in ("others", "spots.csv")}
    sources = Sources(**{"data": data, **{k: v for k, v in change.items() if k in ("data", "split")}, **paths})
    config = small(threads=change.get("threads"))
    if "profile" in change:
        config = replace(config, profile=change["profile"])
    with pytest.raises(InputError, match=message) as caught:
        runner.run(out, config, sources)
    assert "\n" not in str(caught.value)
    assert snapshot(out) == before
