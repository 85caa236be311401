import csv
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from corrotwin.benchmarks.commands import study as commands
from corrotwin.benchmarks.data import photo_groups, scenes
from corrotwin.benchmarks.report import build
from corrotwin.benchmarks.report.context import gather
from corrotwin.benchmarks.report.sections import data as parts_data
from corrotwin.benchmarks.report.sections import method
from corrotwin.benchmarks.study import config as configuration
from corrotwin.benchmarks.study import manifest, planning, results, runner
from corrotwin.benchmarks.study.config import STUDIES, RenderPlan, StudyConfig, choose
from corrotwin.benchmarks.study.sources import Sources, prepare
from corrotwin.benchmarks.study.splitting import split_of
from corrotwin.segmentation.config import ARMS, PROFILES
from corrotwin.segmentation.data import coco, groups, leakage, splits
from corrotwin.segmentation.sampling import plan_batches, subset
from corrotwin.synth.rendering import dataset, fanout
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, read_manifest, write_json, write_manifest

Maker = Callable[..., Any]
Command = Callable[..., subprocess.CompletedProcess[str]]
PLAN = RenderPlan(preset="balanced", count=4, size=32)


def small(**changes: Any) -> StudyConfig:
    """A quick study of one backbone and a handful of images."""
    config = choose("quick", **{"kinds": ("real", "mixed"), "backbones": ("vgg16",), "runs": 2, **changes})
    return replace(config, renders=PLAN, standin=replace(PLAN, preset="standin", count=20))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, fake_dataset: Maker, fake_run: Maker) -> dict[str, Any]:
    """Replace Ray, Blender and the probe: what was rendered and trained is recorded; `fail` names runs that fail."""
    log: dict[str, Any] = {"rendered": [], "trained": [], "fail": set()}

    def fake_render(out: Path, config: Any, *, count: int, workers: Any = None, address: Any = None) -> None:
        log["rendered"].append((out.name, config.preset, count, config.size, config.seed))
        if not out.exists():
            fake_dataset(out, count, name=config.preset)

    def fake_fan_out(task: Any, items: Any, *, is_done: Any, **_: Any) -> list[fanout.Failure]:
        waiting = [item for item in items if not is_done(item.key)]
        for item in waiting:
            if item.key not in log["fail"]:
                log["trained"].append(item.key)
                if task is runner.train_run:
                    fake_run(Path(item.arguments[0]), *item.arguments[1:])
                else:
                    task(*item.arguments)
        return [fanout.Failure(key=item.key, error="boom") for item in waiting if item.key in log["fail"]]

    monkeypatch.setattr(dataset, "render", fake_render)
    monkeypatch.setattr(fanout, "fan_out", fake_fan_out)
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(runner, "_gpu_share", lambda backbone: 0.0)
    monkeypatch.setattr(planning, "_probe", lambda configs: (0, [(2.0, 0.1)] * len(configs)))
    return log


@pytest.fixture
def data(tmp_path: Path, fake_dataset: Maker) -> Path:
    fake_dataset(tmp_path / "photos", 20)
    return tmp_path / "photos"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- a study from nothing


def test_without_data_a_standin_of_other_scenes_is_split_like_photos(tmp_path: Path, log: dict[str, Any]) -> None:
    assert runner.run(tmp_path / "out", small(), Sources()) == []
    standin, renders = log["rendered"]
    assert standin[:4] == ("standin", "standin", 20, 32)
    assert renders[:4] == ("renders", "balanced", 4, 32)
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
    assert ("1 runs failed: mixed-vgg16-01; the same command tries them again" in capsys.readouterr().out) == status


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
    runner.train_run(str(tmp_path), config, *(None,) * 4)  # type: ignore[arg-type]
    assert found == [30]


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


# --- the same for all runs: photos of a run, optimiser steps


def test_both_arms_of_a_run_share_the_photos_and_runs_redraw_them() -> None:
    config = choose("small", kinds=tuple(ARMS), fractions=(0.1, 1.0), backbones=("vgg16", "mobilenet_v2"), runs=3)
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
    config = choose(profile, kinds=tuple(ARMS), fractions=(0.1, 0.5, 1.0), runs=1)
    steps = set()
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
        steps.add((made.steps_per_epoch * each.epochs, made.pretrain_steps))
    assert len(steps) == 1


# --- growing


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
    runner.run(out, small(kinds=("mixed",), fractions=(0.1, 1.0), backbones=("mobilenet_v2", "vgg16"), runs=1), sources)
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
    steps = [small(kinds=("real",), runs=1), small(fractions=(0.1,), runs=1), small(backbones=("resnet152",), runs=1)]
    for name, order in (("one", steps), ("other", steps[::-1])):
        for config in order:
            runner.run(tmp_path / name, config, Sources(data=data))
    assert (tmp_path / "one" / "study.json").read_bytes() == (tmp_path / "other" / "study.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"profile": "small"}, "profile: 'quick' there, 'small' asked"),
        ({"threads": 2}, "threads: 1 there, 2 asked"),
        ({"data": None}, "data: .* there, None asked"),
        ({"data": "others"}, "data: '.*' there, '.*' asked"),
        ({"split": "published", "groups_file": "spots.csv"}, "split: published with 20 groups .* with 10 groups"),
        ({"synth": "others"}, r"renders: renders \(.*\) there, .*others \(.*\) asked"),
        ({"arms": "changed"}, "mixed-vgg16: the study has the arm .*synth_share=0.25.*, asked is .*synth_share=0.5"),
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
        monkeypatch.setitem(ARMS, "mixed", replace(ARMS["mixed"], synth_share=0.5))
    paths = {name: tmp_path / value for name, value in change.items() if value in ("others", "spots.csv")}
    sources = Sources(**{"data": data, **{k: v for k, v in change.items() if k in ("data", "split")}, **paths})
    config = small(threads=change.get("threads"))
    if "profile" in change:
        config = replace(config, profile=change["profile"])
    with pytest.raises(InputError, match=message) as caught:
        runner.run(out, config, sources)
    assert "\n" not in str(caught.value)
    assert snapshot(out) == before


def write_spots(path: Path, data: Path) -> None:
    """Two photos a spot."""
    names = sorted(photo.file_name for photo in coco.read(data).photos)
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("file_name", "spot"))
        rows.writerows((name, index // 2) for index, name in enumerate(names))


# --- renders, split and spots that are given


def test_renders_of_a_folder_take_the_place_of_rendering(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    renders = fake_dataset(tmp_path / "renders", 5, name="r", seed=3)
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data, synth=tmp_path / "renders"))
    assert log["rendered"] == []
    manifest = read_json(out / "study.json")
    assert (manifest["renders"]["digest"], manifest["renders"]["plan"]) == (renders.digest, None)
    assert manifest["renders"]["folder"] == "../renders"
    # left out, they are those of before; gone, only what needs them asks for them
    runner.run(out, small(runs=3), Sources(data=data))
    assert read_json(out / "runs" / "mixed-vgg16-02" / "run.json")["data"]["renders"] == renders.digest
    shutil.rmtree(tmp_path / "renders")
    runner.run(out, small(kinds=("real",), runs=4), Sources(data=data))
    assert log["trained"][-1] == "real-vgg16-03"
    before = snapshot(out)
    with pytest.raises(InputError, match=r"give --synth, since .*renders: no such"):
        runner.run(out, small(kinds=("mixed",), runs=4), Sources(data=data))
    assert snapshot(out) == before
    assert log["rendered"] == []


def test_renders_that_hold_a_test_photo_are_refused_and_photos_beside_the_split_are_told(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.run(tmp_path / "out", small(kinds=("real",)), Sources(data=data), dry_run=True)
    assert "no part of the split" not in capsys.readouterr().err
    photos = coco.read(data)
    parts = splits.split(photos, how="published", seed=0)
    shutil.copytree(data, tmp_path / "mixed")  # "renders" that are the photos, but for one
    document = read_json(tmp_path / "mixed" / "annotations.json")
    write_json(tmp_path / "mixed" / "annotations.json", {**document, "annotations": document["annotations"][1:]})
    with pytest.raises(InputError, match=r"mixed: 6 renders are photos of validation or test, such as .*; take them"):
        runner.run(tmp_path / "out", small(), Sources(data=data, synth=tmp_path / "mixed"))
    fewer = replace(parts, train=parts.train[1:], group={name: name for name in parts.group if name != parts.train[0]})
    splits.save(fewer, tmp_path / "split.json")
    runner.run(
        tmp_path / "out", small(kinds=("real",)), Sources(data=data, split=tmp_path / "split.json"), dry_run=True
    )
    said = capsys.readouterr().err
    assert f"1 photo stands in no part of the split and will not be used (first: {parts.train[0]}); split again" in said
    assert not (tmp_path / "out").exists()


def test_renders_given_from_the_studys_own_folder_are_not_added_to(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    out = tmp_path / "out"
    runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    renders = fake_dataset(out / "renders", 3, name="r", seed=7)
    runner.run(out, small(), Sources(data=data, synth=out / "renders"))
    runner.run(out, small(runs=3), Sources(data=data))
    assert log["rendered"] == []
    manifest = read_json(out / "study.json")["renders"]
    assert (manifest["folder"], manifest["plan"], manifest["digest"]) == ("renders", None, renders.digest)


def test_renders_that_come_out_otherwise_train_nothing(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    runner.run(tmp_path / "out", small(), Sources(data=data))
    shutil.rmtree(tmp_path / "out" / "renders")
    fake_dataset(tmp_path / "out" / "renders", 4, seed=9)
    with pytest.raises(InputError, match="not the renders of the study"):
        runner.run(tmp_path / "out", small(runs=3), Sources(data=data))
    assert len(log["trained"]) == 4


def test_renders_that_are_whole_are_taken_as_they_are(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    """Also where the program could no longer make them; a lost one is made again."""
    runner.run(tmp_path / "out", small(), Sources(data=data))
    write_manifest(tmp_path / "out" / "renders", "dataset", {})
    del log["rendered"][:]
    runner.run(tmp_path / "out", small(runs=3), Sources(data=data))
    assert "mixed-vgg16-02" in log["trained"]
    assert log["rendered"] == []
    next((tmp_path / "out" / "renders" / "images").iterdir()).unlink()
    with pytest.raises(InputError, match="is absent"):
        runner.run(tmp_path / "out", small(runs=4), Sources(data=data))
    assert log["rendered"] != []


def test_a_run_from_before_a_setting_was_added_has_its_default(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data))
    for path in (*out.glob("runs/*/run.json"), out / "study.json"):
        content = read_json(path)
        cells = [content["config"]] if path.name == "run.json" else content["config"]["cells"]
        for cell in cells:
            del cell["arm"]["shuffled_masks"]
        if path.name == "run.json":
            del content["config"]["loss"]
        write_json(path, content)
    del log["trained"][:]
    assert runner.run(out, small(), Sources(data=data)) == []
    assert log["trained"] == []
    assert not results.load(out).missing


def with_cracks(folder: Path) -> None:
    """Make every second annotation one of a crack."""
    content = read_json(folder / "annotations.json")
    content["categories"].append({"id": 2, "name": "crack"})
    for each in content["annotations"][::2]:
        each["category_id"] = 2
    write_json(folder / "annotations.json", content)


def test_names_of_categories_cannot_steer_a_terminal(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_cracks(data)
    content = read_json(data / "annotations.json")
    content["categories"][-1]["name"] = "crack\x1b[2J"
    write_json(data / "annotations.json", content)
    runner.run(tmp_path / "out", small(kinds=("real",), runs=1), Sources(data=data), dry_run=True)
    assert r"corrosion (10), crack\x1b[2J (10); --classes chooses" in capsys.readouterr().err


def test_categories_that_count_are_chosen_kept_and_told(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    with_cracks(data)
    fake_dataset(tmp_path / "yard", 4, name="yard", seed=3)
    with_cracks(tmp_path / "yard")
    config, told = small(kinds=("real",), runs=1), "2 categories all count as corrosion: corrosion (10), crack (10)"
    runner.run(tmp_path / "all", config, Sources(data=data))
    assert told in capsys.readouterr().err
    assert "classes" not in read_json(tmp_path / "all" / "study.json")["data"]
    out, chosen = tmp_path / "out", Sources(data=data, across=(tmp_path / "yard",), classes=("crack",))
    runner.run(out, config, chosen)
    assert told not in capsys.readouterr().err
    kept = read_json(out / "study.json")
    assert kept["data"]["classes"] == ["crack"]
    assert [each["counts"]["annotations"] for each in (kept["data"], kept["across"]["yard"])] == [10, 2]
    assert read_json(out / "claim.json")["configuration"]["classes"] == ["crack"]
    assert prepare(out, config, Sources(data=data)).classes == ("crack",)
    assert runner.run(out, config, Sources(data=data)) == []
    found = gather(results.load(out))
    assert found.dataset is not None
    assert sum(len(photo.annotations) for photo in found.dataset.photos) == 10
    assert "--classes crack" in method.command(found.results)
    for name, message in (("corrosion", "classes: .'crack'. there, .'corrosion'. asked"), ("rust", "no class rust")):
        with pytest.raises(InputError, match=message):
            runner.run(out, config, replace(chosen, classes=(name,)))


def as_copies(folder: Path) -> None:
    """Name photos as Roboflow does, each two as copies of one."""
    content = read_json(folder / "annotations.json")
    for place, image in enumerate(content["images"]):
        name = f"p{place // 2:02d}_png.rf.{place:04x}.png"
        (folder / "images" / image["file_name"]).rename(folder / "images" / name)
        image["file_name"] = name
    write_json(folder / "annotations.json", content)


def test_copies_stay_together_and_are_one_unit(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_copies(data)
    config = small(kinds=("real",), runs=2)
    runner.run(tmp_path / "out", config, Sources(data=data))
    assert "20 photos of 10 source photos by their names (.rf.)" in capsys.readouterr().err
    split = splits.load(tmp_path / "out" / "split.json")
    assert split.how == "grouped"
    assert leakage.leaks(split, groups.by_source_name(coco.read(data))).split_groups == 0
    found = gather(results.load(tmp_path / "out"))
    assert len(set(found.results.groups or ())) == 20
    assert len(set((found.results.groups or {}).values())) == 10
    assert any("Spots are not known" in each for each in method.unproven(found.results))


def test_a_photo_that_roboflow_did_not_rename_is_a_copy_of_those_that_it_did(data: Path) -> None:
    as_copies(data)
    content = read_json(data / "annotations.json")
    first = content["images"][0]
    (data / "images" / first["file_name"]).rename(data / "images" / "p00.png")
    first["file_name"] = "p00.png"
    write_json(data / "annotations.json", content)
    found = photo_groups.by_name(coco.read(data))
    assert found is not None
    assert [name for name, source in found.items() if source == "p00_png"] == ["p00.png", "p00_png.rf.0001.png"]
    assert photo_groups.are_alone({**found, "lone.png": "lone.png"})
    assert not photo_groups.are_alone({**found, "lone.png": "pier"})


def test_equal_files_are_copies_whatever_their_names(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [photo.path for photo in coco.read(data).photos]
    shutil.copyfile(files[0], files[9])
    runner.run(tmp_path / "out", small(kinds=("real",), runs=1), Sources(data=data))
    assert "20 photos of 19 source photos by their names (.rf.) or equal files" in capsys.readouterr().err
    found = results.load(tmp_path / "out").groups
    assert found is not None
    assert len(set(found.values())) == 19
    assert found[files[0].name] == found[files[9].name]
    assert photo_groups.are_alone(found)


def test_copies_of_equal_files_are_of_one_photo(data: Path) -> None:
    as_copies(data)
    before = photo_groups.of(coco.read(data))
    assert before == photo_groups.by_name(coco.read(data))
    files = [photo.path for photo in coco.read(data).photos]
    shutil.copyfile(files[0], files[1])  # of one source by name, too
    assert photo_groups.of(coco.read(data)) == before
    shutil.copyfile(files[0], files[5])
    found = photo_groups.of(coco.read(data)) or {}
    assert len({found[files[place].name] for place in (0, 1, 4, 5)}) == 1
    assert len(set(found.values())) == 9
    assert photo_groups.are_alone(found)


def test_copies_that_a_published_split_tears_are_counted_and_named(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    """Also in a study from before copies were told, which goes on."""
    as_copies(data)
    config = replace(small(kinds=("real",), runs=1), profile="paper")
    for name in ("now", "before"):
        out = tmp_path / name
        if name == "before":
            out.mkdir()
            bare = splits.split(coco.read(data), how="published", seed=0)
            splits.save(bare, out / "split.json")
            (out / "runs").mkdir()
        runner.run(out, config, Sources(data=data))
        runner.run(out, config, Sources(data=data, split="published"))
        material = gather(results.load(out))
        split = splits.load(out / "split.json")
        assert split.how == "published"
        assert (len(set(split.group.values())) == 10) == (name == "now")
        text, table = parts_data._leaks(material, split)
        expected = len(leakage.leaks(split, groups.by_source_name(coco.read(data))).test.leaked)
        assert expected > 0
        assert f"{expected} of 3 test photos are copies of photos that train" in text.text
        assert [row["test"] for row in table.rows if ".rf." in row["split"]] == [expected]


def test_comparisons_of_runs_on_other_machines_are_named(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    out = tmp_path / "out"
    runner.run(out, small(runs=1), Sources(data=data))
    assert not any("device or precision" in each for each in method.unproven(results.load(out)))
    path = out / "runs" / "mixed-vgg16-00" / "run.json"
    write_json(path, {**read_json(path), "device": "cuda (a card)", "bfloat16": True})
    (told,) = (each for each in method.unproven(results.load(out)) if "device or precision" in each)
    assert told.endswith("in mixed − real (vgg16, 100 %): cpu, cuda with bfloat16.")


def test_a_zip_of_our_renders_is_told_from_photographs(tmp_path: Path, fake_dataset: Maker) -> None:
    fake_dataset(tmp_path / "renders", 4)
    write_manifest(tmp_path / "renders", "dataset", {})
    archive = shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path, "renders")
    assert not manifest.of_photos(tmp_path, Path(archive), coco.read(Path(archive)))["photographs"]
    content = read_json(tmp_path / "renders" / "annotations.json")
    for image in content["images"]:
        image["scene"] = 7
    write_json(tmp_path / "renders" / "annotations.json", content)
    archive = shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path, "renders")
    assert set((scenes.of(coco.read(Path(archive))) or {}).values()) == {"scene 7"}


def test_spots_reach_the_results_and_the_split(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    write_spots(tmp_path / "spots.csv", data)
    out = tmp_path / "out"
    runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    assert results.load(out).groups is None
    for name, how in (("grouped", None), ("asked", "grouped"), ("published", "published")):
        sources = Sources(data=data, split=how, groups_file=tmp_path / "spots.csv")  # type: ignore[arg-type]
        runner.run(tmp_path / name, small(kinds=("real",), runs=1), sources)
        assert splits.load(tmp_path / name / "split.json").how == (how or "grouped")
        groups = results.load(tmp_path / name).groups
        assert groups is not None
        assert len(set(groups.values())) == 10
    begun = (tmp_path / "published" / "split.json").read_bytes()  # as studies were begun before spots decided
    runner.run(
        tmp_path / "published", small(kinds=("real",), runs=2), Sources(data=data, groups_file=tmp_path / "spots.csv")
    )
    assert (tmp_path / "published" / "split.json").read_bytes() == begun
    split = splits.load(tmp_path / "grouped" / "split.json")
    spots = [{split.group[name] for name in part} for part in (split.train, split.valid, split.test)]
    assert len(set.union(*spots)) == sum(map(len, spots))
    # a file is taken as it is, and what is left out later stays
    runner.run(tmp_path / "file", small(kinds=("real",), runs=1), Sources(data=data, split=out / "split.json"))
    assert (tmp_path / "file" / "split.json").read_bytes() == (out / "split.json").read_bytes()
    runner.run(tmp_path / "grouped", small(kinds=("real",), runs=2), Sources(data=data))
    assert splits.load(tmp_path / "grouped" / "split.json") == split


def test_a_table_of_spots_beside_the_photos_is_taken_and_said_unless_a_study_was_begun_without(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.run(tmp_path / "before", small(kinds=("real",), runs=1), Sources(data=data))
    begun = (tmp_path / "before" / "split.json").read_bytes()
    write_spots(data / "spots.csv", data)
    capsys.readouterr()
    for how in (None, "published"):
        runner.run(tmp_path / str(how), small(kinds=("real",), runs=1), Sources(data=data, split=how))
        assert "20 photos of 10 spots, by spots.csv there" in capsys.readouterr().err
        split = splits.load(tmp_path / str(how) / "split.json")
        assert split.how == (how or "grouped")
        assert len(set(split.group.values())) == 10
    with pytest.raises(InputError, match=r"split: published with 20 groups .* there, grouped with 10 groups .* asked"):
        runner.run(tmp_path / "before", small(kinds=("real",), runs=2), Sources(data=data, split="grouped"))
    runner.run(tmp_path / "before", small(kinds=("real",), runs=2), Sources(data=data, split="published"))
    assert (tmp_path / "before" / "split.json").read_bytes() == begun
    assert "spots" not in capsys.readouterr().err


def test_a_split_that_cannot_be_is_refused(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker
) -> None:
    write_spots(tmp_path / "spots.csv", data)
    runner.run(tmp_path / "out", small(kinds=("real",), runs=1), Sources(data=data))
    other = tmp_path / "other"
    fake_dataset(other, 20, name="other")
    file = tmp_path / "out" / "split.json"
    for sources, message in (
        (Sources(data=data, split="grouped"), "needs spots: .*--groups-file"),
        (Sources(data=data, split="own"), "no split of its own"),
        (Sources(data=data, split=file, groups_file=tmp_path / "spots.csv"), "has its own groups"),
        (Sources(data=other, split=file), "'photo-00.png' is not in"),
        (Sources(data=data, split=tmp_path / "spots.csv"), "not valid JSON"),
    ):
        with pytest.raises(InputError, match=message):
            runner.run(tmp_path / "new", small(), sources)
        assert not (tmp_path / "new").exists()


@pytest.mark.photos
def test_a_roboflow_export_keeps_its_split_except_in_paper(photos: Path, tmp_path: Path) -> None:
    folder = photos / "steel-bridges"
    sources = Sources(data=folder, groups_file=folder / "spots.csv")
    own = prepare(tmp_path, choose("quick"), sources).split
    assert own is not None
    assert (own.how, len(own.train), len(own.valid), len(own.test)) == ("own", 231, 50, 49)
    assert len(set(own.group.values())) == 313
    published = prepare(tmp_path, choose("paper"), Sources(data=folder)).split
    assert published is not None
    assert (published.how, len(published.train), len(published.valid), len(published.test)) == (
        "published",
        230,
        50,
        50,
    )


# --- runs that come from elsewhere, damaged runs, absent weights


@pytest.mark.parametrize("when", ["before", "after"])
def test_runs_trained_elsewhere_count_whatever_their_arm_is_called(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_run: Maker, when: str
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    config = small(kinds=("real", "copy-paste"), fractions=(0.1, 1.0), runs=1)
    real = coco.read(data)
    split = split_of(out, config, real)
    if when == "after":
        runner.run(out, small(kinds=("real",), runs=1), sources)
    for key, name in (("copy-paste-10pct-vgg16-00", "real-copy-paste"), ("real-10pct-vgg16-00", "real")):
        each = config.grid[key]
        named = replace(each, arm=replace(each.arm, name=name))  # as `corrotwin segmentation train` calls it
        fake_run(out / "runs" / key, named, real, split, None, None)
    splits.save(split, out / "split.json")
    assert runner.run(out, config, sources) == []
    assert sorted(log["trained"]) == ["copy-paste-vgg16-00", "real-vgg16-00"]
    found = results.load(out)
    assert not found.missing
    assert {each.arm for each in found.scores} == {"real", "copy-paste", "real-10pct", "copy-paste-10pct"}
    assert runner.run(out, config, sources) == []


def test_runs_put_beside_a_stranger_are_not_taken(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    out = tmp_path / "out"
    runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    for name in ("claim.json", "study.json"):
        (out / name).unlink()
    (out / "letter.txt").write_text("dear")
    before = snapshot(out)
    with pytest.raises(InputError, match="holds something else"):
        runner.run(out, small(kinds=("real",), runs=1), Sources(data=data))
    assert snapshot(out) == before


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_runs_in_the_way_are_named_left_alone_and_the_others_go_on(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    runner.run(out, small(), sources)
    runs = out / "runs"
    epochs = PROFILES["quick"]["epochs"]
    edit(runs / "real-vgg16-00" / "run.json", f'"epochs": {epochs}', '"epochs": 77')
    edit(runs / "mixed-vgg16-00" / "run.json", '"renders": "', '"renders": "0')
    (runs / "mixed-vgg16-01" / "per_image.csv").write_text("image,tp\n")
    (runs / "real-vgg16-01" / "run.json").unlink()
    shutil.rmtree(runs / "real-vgg16-01")
    before = snapshot(runs)
    del log["trained"][:]
    capsys.readouterr()
    failed = runner.run(out, small(runs=3), sources)
    assert set(failed) == {"real-vgg16-00", "mixed-vgg16-00", "mixed-vgg16-01"}
    assert log["trained"] == ["real-vgg16-01", "real-vgg16-02", "mixed-vgg16-02"]
    assert {name: snapshot(runs)[name] for name in before} == before
    said = capsys.readouterr()
    assert "6 runs, 0 complete, 3 in the way, 3 to do" in said.out
    missing = results.load(out).missing
    assert f"epochs is 77, the study's is {epochs}; delete runs/real-vgg16-00 to train it again" in said.err
    assert f"epochs is 77, the study's is {epochs}" in missing["real-vgg16-00"]
    assert "made with other renders" in missing["mixed-vgg16-00"]
    assert "per_image.csv: damaged" in missing["mixed-vgg16-01"]
    shutil.rmtree(runs / "mixed-vgg16-01")
    assert set(runner.run(out, small(), sources)) == {"real-vgg16-00", "mixed-vgg16-00"}


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("history.csv", "\n2,", "\n", "damaged"),
        ("history.csv", None, "", "history.csv has 0 of"),
        ("per_image.csv", None, "", "per_image.csv has 0 of"),
        ("run.json", '"train_seconds": 60.0', '"train_seconds": "soon"', "train_seconds is 'soon'"),
        ("run.json", '"train_seconds": 60.0', '"train_seconds": NaN', "train_seconds is nan"),
        ("run.json", '"train_photos"', '"train_pictures"', "run.json: counts lack train_photos"),
        ("run.json", '"counts"', '"numbers"', "run.json: counts lack train_photos"),
    ],
)
def test_a_run_whose_tables_are_short_is_damaged_and_the_others_are_reported(
    file: str, old: str | None, new: str, said: str, tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data))
    path = out / "runs" / "real-vgg16-00" / file
    if old is None:  # only the header is left
        path.write_text(path.read_text().splitlines()[0] + "\n")
    else:
        edit(path, old, new)
    found = results.load(out)
    assert list(found.missing) == ["real-vgg16-00"]
    assert said in found.missing["real-vgg16-00"]
    assert len(found.scores) == 3


def test_half_written_runs_are_named_and_finished(
    tmp_path: Path, log: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    log["fail"] = {"real-vgg16-00"}
    runner.run(out, small(kinds=("real",), runs=1), sources)
    half = out / "runs" / "real-vgg16-00"
    half.mkdir(parents=True)
    (half / "history.csv").write_text("epoch\n1\n2\n")
    manifest = read_json(out / "study.json")
    write_json(out / "study.json", {**manifest, "failed": {}})
    epochs = PROFILES["quick"]["epochs"]
    assert results.load(out).missing == {"real-vgg16-00": f"unfinished: 2 of {epochs} epochs"}
    shutil.rmtree(half)
    log["fail"] = set()
    assert runner.run(out, small(kinds=("real",), runs=1), sources) == []


def test_a_study_without_weights_and_renders_is_read_extended_and_not_trained_again(
    tmp_path: Path, log: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str], fake_dataset: Maker
) -> None:
    out = tmp_path / "out"
    fake_dataset(tmp_path / "other", 6, name="other", seed=4)
    runner.run(out, small(), Sources(data=data))
    assert not list(out.rglob("*.safetensors"))  # the fake runs have none
    shutil.rmtree(out / "renders")
    shutil.copytree(out, tmp_path / "kept")
    del log["trained"][:], log["rendered"][:]
    sources = Sources(data=data, across=(tmp_path / "other",))
    assert runner.run(tmp_path / "kept", small(kinds=("real",), runs=3), sources) == []
    assert log["trained"] == ["real-vgg16-02"]
    assert log["rendered"] == []
    assert "across other: not measured, since their weights are absent" in capsys.readouterr().err
    found = results.load(tmp_path / "kept")
    assert not found.missing
    assert len(found.scores) == 5
    assert set(found.across_missing["other"].values()) == {"its weights are absent"}
    assert found.manifest["renders"]["digest"] == read_json(out / "study.json")["renders"]["digest"]


# --- configuration and command line


def test_the_grid_pairs_arms_by_seed() -> None:
    for profile, config in STUDIES.items():
        assert config.profile == profile
        assert len(config.grid) == len(config.arms) * len(config.backbones) * config.runs
        for key, each in config.grid.items():
            begin, run = key.rsplit("-", 1)
            assert begin == f"{each.arm.name}-{each.backbone}"
            assert each.seed == config.seed + int(run)
            assert {name: getattr(each, name) for name in PROFILES[profile]} == PROFILES[profile]
    assert STUDIES["paper"].runs == 10
    assert STUDIES["quick"].runs == 2
    assert STUDIES["quick"].kinds == ("real", "mixed")
    assert STUDIES["small"].kinds == ("real", "mixed", "copy-paste")


def test_arms_at_a_fraction_have_a_name_of_their_own() -> None:
    config = choose("small", kinds=("copy-paste", "real"), fractions=(1, 0.1, 0.025), backbones=("vgg16",), runs=1)
    assert list(config.grid) == [
        f"{arm}-vgg16-00"
        for arm in ("real", "copy-paste", "real-10pct", "copy-paste-10pct", "real-2.5pct", "copy-paste-2.5pct")
    ]
    assert config.fractions == (0.025, 0.1, 1.0)
    assert config.kinds == ("real", "copy-paste")
    assert {cell.arm.copy_paste for cell in config.cells if cell.kind == "copy-paste"} == {0.5}


def test_configuration_round_trip_and_refusals() -> None:
    for config in STUDIES.values():
        assert configuration.from_json(asdict(config)) == config
    for changes, message in (
        ({"runs": 0}, "runs 0"),
        ({"threads": 0}, "threads 0"),
        ({"backbones": ("vgg16", "vgg16")}, "backbones: needs at least one, each once"),
        ({"backbones": ("vgg19",)}, "choose one of mobilenet_v2, resnet152, inceptionv4, vgg16"),
        ({"kinds": ("dreamt",)}, "choose among real, mixed, copy-paste, strong, shuffled"),
        ({"fractions": (0.0,)}, r"real_fraction 0.0 is not in \(0, 1\]"),
        ({"fractions": (0.1, 0.1 + 1e-12)}, "each once, not mixed-10pct-"),
    ):
        with pytest.raises(InputError, match=message):
            choose("quick", **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at least 1"):
        RenderPlan(preset="balanced", count=0, size=32)
    with pytest.raises(InputError, match="missing or unknown"):
        configuration.from_json({"profile": "quick"})


@pytest.fixture
def command(run_module: Command) -> Command:
    return partial(run_module, "benchmarks")


def test_help_explains_every_option(command: Command) -> None:
    shown = " ".join(command("run", "--help").stdout.replace("│", " ").split())
    for words in (
        "quick shows in minutes", "folder of real photos", "by default out/benchmark/", "of a Ray cluster",
        "folder of renders", "parts of the real training photos", "csv file with the spot", "print the plan",
    ):  # fmt: skip
        assert words in shown


@pytest.mark.parametrize("data", ["absent", "empty"])
def test_bad_input_is_one_line_and_status_2(tmp_path: Path, data: str, command: Command) -> None:
    (tmp_path / "empty").mkdir()
    done = command("run", "--data", tmp_path / data, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / data) in done.stderr
    assert not (tmp_path / "out").exists()


def test_weights_that_no_run_would_take_are_refused(tmp_path: Path, command: Command) -> None:
    done = command("run", "--weights", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "first weights are random here; add --profile paper, or leave out --weights" in done.stderr
    assert not (tmp_path / "out").exists()


def test_report_of_no_study_is_bad_input(tmp_path: Path) -> None:
    line = [
        sys.executable,
        "-m",
        "corrotwin",
        "benchmarks",
        "report",
        "--out",
        str(tmp_path),
    ]  # one refusal as a process
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []


# --- a study made by another program


def test_settings_in_place_of_the_profiles_are_those_of_all_runs_and_of_the_folder(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    config = replace(small(), changes={"epochs": 2, "size": 64, "keep": "averaged"})
    assert {(each.epochs, each.size, each.keep, each.batch_size) for each in config.grid.values()} == {
        (2, 64, "averaged", PROFILES["quick"]["batch_size"])
    }
    assert runner.run(tmp_path / "out", config, Sources(data=data)) == []
    found = results.load(tmp_path / "out")
    assert found.config == config
    assert {each.epochs for each in found.grid.values()} == {2}
    assert not found.missing
    assert "benchmarks transfer" in method.command(found)
    assert "--profile quick" in method.command(replace(found, config=small()))
    with pytest.raises(InputError, match="training epochs: 2 there, 6 asked"):
        runner.run(tmp_path / "out", small(), Sources(data=data))


def test_settings_that_the_command_may_change_stand_in_the_command_of_the_report(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    given = {"size": 64, "epochs": None, "batch_size": PROFILES["quick"]["batch_size"], "learning_rate": 0.0036}
    config = small(changes=given)
    assert config.changes == {"size": 64, "learning_rate": 0.0036}  # the rest is as in the profile
    assert {(each.size, each.learning_rate) for each in config.grid.values()} == {(64, 0.0036)}
    assert runner.run(tmp_path / "out", config, Sources(data=data)) == []
    line = method.command(results.load(tmp_path / "out"))
    assert line.startswith("corrotwin benchmarks run --profile quick")
    assert "--size 64 --learning-rate 0.0036 --arms real mixed" in line
    found = results.load(tmp_path / "out")
    assert found.profile_label == "quick with learning rate 0.0036, size 64: smoke, not results"
    changes = found.config.changes
    at_small = replace(found, config=replace(found.config, profile="small"))
    assert at_small.profile_label == "small with learning rate 0.0036, size 64"
    tuned = [line for line in method.unproven(found) if "whatever these were tuned on" in line]
    assert len(tuned) == 1
    assert "(learning rate 0.0036, size 64)" in tuned[0]
    for others in ({}, {**changes, "keep": "averaged"}):
        other = replace(found, config=replace(found.config, changes=others))
        assert not any("tuned on" in line for line in method.unproven(other))
    before, size, rate = snapshot(tmp_path / "out"), PROFILES["quick"]["size"], PROFILES["quick"]["learning_rate"]
    for kept, told, given in (
        ({"learning_rate": 0.0036}, f"training size: 64 there, {size} asked", "--size 64"),
        (
            {},
            f"training size: 64 there, {size} asked, training learning_rate: 0.0036 there, {rate} asked",
            "--size 64 --learning-rate 0.0036",
        ),
    ):
        with pytest.raises(InputError, match=f": {told}; give {given} as before, or choose another folder$"):
            runner.run(tmp_path / "out", small(changes=kept), Sources(data=data))
    assert snapshot(tmp_path / "out") == before
    log["trained"].clear()
    again = small(changes={"size": 64, "learning_rate": 0.0036}, runs=3)
    assert runner.run(tmp_path / "out", again, Sources(data=data)) == []
    assert sorted(log["trained"]) == ["mixed-vgg16-02", "real-vgg16-02"]


def test_a_size_that_no_network_takes_is_bad_input(tmp_path: Path, data: Path, command: Command) -> None:
    done = command("run", "--data", data, "--size", "100", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "size 100 is not divisible by 32" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_split_is_taken_as_it_is_and_a_plan_that_was_told_is_not_told_again(
    tmp_path: Path, log: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def probed(*_: Any) -> None:
        raise AssertionError("probed all the same")

    monkeypatch.setattr(planning, "_probe", probed)
    names = sorted(photo.file_name for photo in coco.read(data).photos)
    asked = splits.Split(how="mine", seed=0, train=tuple(names[:6]), valid=tuple(names[6:8]), test=tuple(names[8:11]))
    told = planning.Plan(
        config=small(), complete={}, todo={}, blocked={}, slots=2, free_bytes=10**9,
        speeds={"vgg16": planning.Speed(seconds=60, source="measured")},
    )  # fmt: skip
    assert runner.run(tmp_path / "out", small(), Sources(data=data, split=asked), whole=told) == []
    assert splits.load(tmp_path / "out" / "split.json") == asked
    assert capsys.readouterr().out == ""


def test_runs_are_measured_on_pictures_without_any_corrosion_too(
    tmp_path: Path, log: dict[str, Any], data: Path, fake_dataset: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.evaluation import evaluate

    fake_dataset(tmp_path / "clean", 3, seed=3)
    bare = read_json(tmp_path / "clean" / "annotations.json")
    write_json(tmp_path / "clean" / "annotations.json", {**bare, "annotations": []})

    def measure_run(folder: Path, found: coco.CocoDataset) -> runs.PerImage:
        home = runs.load(folder).per_image
        names = tuple(photo.file_name for photo in found.photos)
        return replace(home, image=names, **{name: getattr(home, name)[:3] for name in ("tp", "fp", "fn", "tn")})

    monkeypatch.setattr(evaluate, "measure_run", measure_run)
    out = tmp_path / "out"
    runner.run(out, small(), Sources(data=data, across=(tmp_path / "clean",)))
    for key in small().grid:
        (out / "runs" / key / runs.WEIGHTS).touch()  # measured where there are weights
    assert runner.run(out, small(), Sources(data=data)) == []
    assert len(results.load(out).across["clean"]) == 4
