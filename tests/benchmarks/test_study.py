import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import study
from segmentation import coco, splits
from segmentation.config import PROFILES
from synth import fanout, render
from twin.files import InputError, read_json, read_manifest

Maker = Callable[..., Any]


@pytest.fixture
def shortcut(monkeypatch: pytest.MonkeyPatch, fake_dataset: Maker) -> dict[str, Any]:
    """Replace Ray and Blender: what was rendered and trained is recorded; `fail` names runs that fail."""
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
                log["write"](Path(item.arguments[0]), *item.arguments[1:])
        return [fanout.Failure(key=item.key, error="boom") for item in waiting if item.key in log["fail"]]

    monkeypatch.setattr(render, "render", fake_render)
    monkeypatch.setattr(fanout, "fan_out", fake_fan_out)
    monkeypatch.setattr(fanout, "connect", lambda address: None)
    monkeypatch.setattr(study, "_gpu_share", lambda backbone: 0.0)
    return log


@pytest.fixture
def small(shortcut: dict[str, Any], fake_run: Maker) -> study.StudyConfig:
    shortcut["write"] = fake_run
    plan = study.RenderPlan(preset="balanced", count=4, size=32)
    return replace(
        study.STUDIES["quick"], renders=plan, standin=replace(plan, preset="standin", count=20), backbones=("vgg16",)
    )


def test_the_grid_pairs_arms_by_seed() -> None:
    for profile, config in study.STUDIES.items():
        assert config.profile == profile
        assert len(config.grid) == len(config.arms) * len(config.backbones) * config.runs
        for key, each in config.grid.items():
            arm, backbone, run = key.split("-")
            assert (each.arm.name, each.backbone, each.seed) == (arm, backbone, config.seed + int(run))
            assert {name: getattr(each, name) for name in PROFILES[profile]} == PROFILES[profile]
    assert study.STUDIES["paper"].runs == 10
    assert study.STUDIES["quick"].runs == 2


def test_configuration_round_trip_and_refusals() -> None:
    for config in study.STUDIES.values():
        assert study.config_from_json(asdict(config)) == config
    with pytest.raises(InputError, match="runs 0"):
        replace(study.STUDIES["quick"], runs=0)
    with pytest.raises(InputError, match="backbones"):
        replace(study.STUDIES["quick"], backbones=("vgg16", "vgg16"))
    with pytest.raises(InputError, match="choose one of mobilenet_v2, resnet152, inceptionv4, vgg16"):
        _ = replace(study.STUDIES["quick"], backbones=("vgg19",)).grid
    with pytest.raises(InputError, match="at least 1"):
        study.RenderPlan(preset="balanced", count=0, size=32)
    with pytest.raises(InputError, match="missing or unknown"):
        study.config_from_json({"profile": "quick"})


def test_without_data_a_standin_of_other_scenes_is_split_like_photos(
    tmp_path: Path, shortcut: dict[str, Any], small: study.StudyConfig
) -> None:
    assert study.run(tmp_path / "out", small, data=None, address=None) == []
    standin, renders = shortcut["rendered"]
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
    assert manifest["config"] == asdict(small) | {"backbones": ["vgg16"], "arms": [asdict(arm) for arm in small.arms]}


def test_what_is_complete_is_not_made_again(tmp_path: Path, shortcut: dict[str, Any], small: study.StudyConfig) -> None:
    shortcut["fail"] = {"mixed-vgg16-01"}
    assert study.run(tmp_path, small, data=None, address=None) == ["mixed-vgg16-01"]
    assert read_json(tmp_path / "study.json")["failed"] == {"mixed-vgg16-01": "boom"}
    assert shortcut["trained"] == ["real-vgg16-00", "mixed-vgg16-00", "real-vgg16-01"]
    shortcut["fail"], shortcut["trained"] = set(), []
    assert study.run(tmp_path, small, data=None, address=None) == []
    assert shortcut["trained"] == ["mixed-vgg16-01"]
    assert read_json(tmp_path / "study.json")["failed"] == {}
    whole = (tmp_path / "study.json").read_bytes()
    shortcut["trained"] = []
    study.run(tmp_path, small, data=None, address=None)
    assert shortcut["trained"] == []
    assert (tmp_path / "study.json").read_bytes() == whole


def test_other_settings_or_data_do_not_resume(
    tmp_path: Path, shortcut: dict[str, Any], small: study.StudyConfig, fake_dataset: Maker
) -> None:
    fake_dataset(tmp_path / "photos", 20)
    study.run(tmp_path / "out", small, data=tmp_path / "photos", address=None)
    with pytest.raises(InputError, match="runs: 2 there, 3 asked"):
        study.run(tmp_path / "out", replace(small, runs=3), data=tmp_path / "photos", address=None)
    with pytest.raises(InputError, match=r"data: .* there, None asked"):
        study.run(tmp_path / "out", small, data=None, address=None)


def test_bad_photos_or_a_strange_folder_write_nothing(
    tmp_path: Path, shortcut: dict[str, Any], small: study.StudyConfig, fake_dataset: Maker
) -> None:
    for data in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError):
            study.run(tmp_path / "out", small, data=data, address=None)
        assert not (tmp_path / "out").exists()
    fake_dataset(tmp_path / "few", 2)
    with pytest.raises(InputError, match="too few"):
        study.run(tmp_path / "out", small, data=tmp_path / "few", address=None)
    assert not (tmp_path / "out").exists()
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds something else"):
        study.run(strange, small, data=None, address=None)
    assert [path.name for path in strange.iterdir()] == ["letter.txt"]
    assert shortcut["rendered"] == []


@pytest.mark.photos
def test_a_roboflow_export_keeps_its_split_except_in_paper(photos: Path) -> None:
    real = coco.read(photos / "steel-bridges")
    own = study.split_of(real, study.STUDIES["quick"])
    assert (own.how, len(own.train), len(own.valid), len(own.test)) == ("own", 231, 50, 49)
    published = study.split_of(real, study.STUDIES["paper"])
    assert (published.how, len(published.train), len(published.valid), len(published.test)) == (
        "published",
        230,
        50,
        50,
    )


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_help_explains_every_option() -> None:
    shown = " ".join(command("run", "--help").stdout.replace("│", " ").split())
    for words in ("quick shows in minutes", "folder of real photos", "by default out/benchmark/", "of a Ray cluster"):
        assert words in shown


@pytest.mark.parametrize("data", ["absent", "empty"])
def test_bad_input_is_one_line_and_status_2(tmp_path: Path, data: str) -> None:
    (tmp_path / "empty").mkdir()
    done = command("run", "--data", tmp_path / data, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / data) in done.stderr
    assert not (tmp_path / "out").exists()


def test_report_of_no_study_is_bad_input(tmp_path: Path) -> None:
    done = command("report", "--out", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []
