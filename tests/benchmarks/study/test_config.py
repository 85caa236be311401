import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from studies import small, snapshot

from corrotwin.benchmarks.report.sections import method
from corrotwin.benchmarks.study import config as configuration
from corrotwin.benchmarks.study import results, runner
from corrotwin.benchmarks.study.config import STUDIES, RenderPlan, choose
from corrotwin.benchmarks.study.preparation import kept_config
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.benchmarks.transfer.protocol import weights_of
from corrotwin.segmentation.arms import ARMS
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE, PACKAGED, PROFILES, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json

Maker = Callable[..., Any]
Command = Callable[..., subprocess.CompletedProcess[str]]


def test_the_grid_pairs_arms_by_seed() -> None:
    for profile, config in STUDIES.items():
        assert config.profile == profile
        assert len(config.grid) == len(config.arms) * len(config.backbones) * config.runs
        for key, each in config.grid.items():
            begin, run = key.rsplit("-", 1)
            assert begin == f"{each.arm.name}-{each.backbone}"
            assert each.seed == config.seed + int(run)
            of_cell = next(cell.changes for cell in config.cells if cell.key == begin)
            weights = "imagenet" if each.backbone == DEFAULT_BACKBONE else PROFILES[profile]["encoder_weights"]
            expected = {**PROFILES[profile], "encoder_weights": weights, **of_cell}
            assert {name: getattr(each, name) for name in expected} == expected
    assert STUDIES["paper"].runs == 10
    assert STUDIES["quick"].runs == 2
    assert STUDIES["quick"].kinds == ("real", "mixed")
    assert STUDIES["quick"].backbones == (*BACKBONES, DEFAULT_BACKBONE)
    assert STUDIES["quick"].smoke_backbones == BACKBONES
    small_study = STUDIES["small"]
    assert (small_study.kinds, small_study.real_fractions, small_study.runs) == (("real", "mixed"), (0.1, 1.0), 10)
    assert small_study.backbones == (DEFAULT_BACKBONE,)
    assert small_study.smoke_backbones == ()


def test_arms_at_a_fraction_have_a_name_of_their_own() -> None:
    config = choose("small", kinds=("copy-paste", "real"), real_fractions=(1, 0.1, 0.025), backbones=("vgg16",), runs=1)
    assert list(config.grid) == [
        f"{arm}-vgg16-00"
        for arm in ("real", "copy-paste", "real-10pct", "copy-paste-10pct", "real-2.5pct", "copy-paste-2.5pct")
    ]
    assert config.real_fractions == (0.025, 0.1, 1.0)
    assert config.kinds == ("real", "copy-paste")
    assert {cell.arm.copy_paste for cell in config.cells if cell.kind == "copy-paste"} == {0.5}


def test_configuration_round_trip_and_refusals() -> None:
    for config in STUDIES.values():
        assert configuration.from_json(configuration.to_json(config)) == config
    for changes, message in (
        ({"runs": 0}, "`runs` 0"),
        ({"threads": 0}, "`threads` 0"),
        ({"backbones": ("vgg16", "vgg16")}, "`backbones`: needs at least one, each once"),
        ({"backbones": ("../vgg16",)}, "backbone '../vgg16' cannot name a folder"),
        ({"kinds": ("dreamt",)}, "`arms` 'dreamt' is unknown; choose from real, mixed, copy-paste, strong, shuffled"),
        ({"real_fractions": (0.0,)}, r"`real_fractions` 0 is not in \(0, 1\]"),
        ({"real_fractions": (0.1, 0.1 + 1e-12)}, "each once, not mixed-10pct-"),
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
        "quick shows within minutes", "folder of real photos", "by default out/benchmark/", "address of a Ray cluster",
        "folder of renders", "fractions of the real training photos", "CSV file with the spot", "print the plan",
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
    done = command("run", "--weights", tmp_path, "--backbones", "vgg16", "xception", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "initial weights are random here; choose --encoder-weights imagenet, or leave out --weights" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("others", [("mobilenet_v2", "vgg16"), ()])
def test_weights_are_for_some_of_the_backbones(
    others: tuple[str, ...], tmp_path: Path, log: dict[str, Any], data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small(backbones=(*others, DEFAULT_BACKBONE))
    runner.run(tmp_path / "out", config, Sources(data=data), weights=tmp_path / "w", dry_run=True)
    said = [f"--weights {tmp_path / 'w'}: not used by mobilenet_v2, vgg16; they start from random weights"]
    assert [line for line in caplog.messages if "--weights" in line] == (said if others else [])


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
    with pytest.raises(InputError, match="training epochs: 2 in the folder, 6 requested"):
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
    tuned = [line for line in method.unproven(found) if "all have the same settings" in line]
    assert len(tuned) == 1
    assert "(learning rate 0.0036, size 64)" in tuned[0]
    for others in ({}, {**changes, "keep": "averaged"}):
        other = replace(found, config=replace(found.config, changes=others))
        assert not any("all have the same settings" in line for line in method.unproven(other))
    before, size, rate = snapshot(tmp_path / "out"), PROFILES["quick"]["size"], PROFILES["quick"]["learning_rate"]
    for kept, told, given in (
        ({"learning_rate": 0.0036}, f"training size: 64 there, {size} requested", "`size` 64"),
        (
            {},
            f"training size: 64 there, {size} requested, training learning_rate: 0.0036 there, {rate} requested",
            "`size` 64 `learning_rate` 0.0036",
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
    assert "--size 100 is not divisible by 32" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_split_is_taken_as_it_is(tmp_path: Path, log: dict[str, Any], data: Path) -> None:
    names = sorted(photo.file_name for photo in coco.read(data).photos)
    asked = splits.Split(how="mine", seed=0, train=tuple(names[:6]), valid=tuple(names[6:8]), test=tuple(names[8:11]))
    assert runner.run(tmp_path / "out", small(), Sources(data=data, split=asked)) == []
    assert splits.load(tmp_path / "out" / "split.json") == asked


def test_an_encoder_that_nobody_offers_is_refused_and_others_are_taken(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    with pytest.raises(InputError, match="backbone 'resnet35' is unknown; the nearest: ") as caught:
        runner.run(tmp_path / "out", small(backbones=("vgg16", "resnet35")), Sources(data=data))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    config = small(backbones=("resnet34",), kinds=("real",), changes={"encoder_weights": "imagenet"})
    assert {each.encoder_weights for each in config.grid.values()} == {"imagenet"}
    assert config.smoke_backbones == ()


def test_a_pretrained_network_stands_beside_those_of_the_paper_from_random_weights(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    out, config = tmp_path / "out", small(backbones=("vgg16", DEFAULT_BACKBONE), kinds=("real",))
    runner.run(out, config, Sources(data=data))
    made = {path.parent.name: read_json(path)["config"] for path in out.glob("runs/*/run.json")}
    first = {key: (each["encoder_weights"], each["epochs"]) for key, each in made.items()}
    usual = PROFILES["quick"]["epochs"]
    assert first["real-vgg16-00"] == (None, usual)
    weights, epochs = first[f"real-{DEFAULT_BACKBONE}-00"]
    assert weights == "imagenet"
    assert epochs > usual
    found = results.load(out)
    assert not found.missing
    assert found.config == config
    assert found.smoke_backbones == ("vgg16",)
    assert read_json(out / "study.json")["first_weights"] == {"vgg16": None, DEFAULT_BACKBONE: "imagenet"}
    assert choose("quick", earlier=kept_config(out)).cells == config.cells
    assert choose("quick", changes={"epochs": 3}).grid[f"real-{DEFAULT_BACKBONE}-00"].epochs == 3
    assert choose("quick", changes={"encoder_weights": "none"}).first_weights[DEFAULT_BACKBONE] is None
    with pytest.raises(
        InputError, match="weights of vgg16: none there, imagenet requested; leave out `encoder_weights`, or"
    ):
        runner.run(out, small(changes={"encoder_weights": "imagenet"}), Sources(data=data))


@pytest.mark.parametrize(
    ("begun", "asked", "backbone", "message"),
    [
        (None, "none", "resnet18", "imagenet there, none requested; leave out `encoder_weights`, or"),
        ("none", None, "resnet18", "none there, imagenet requested; give `encoder_weights` none as before, or"),
        (None, "imagenet", DEFAULT_BACKBONE, None),
        ("imagenet", None, DEFAULT_BACKBONE, None),
        (None, "imagenet", "resnet18", "imagenet requested; leave out `encoder_weights`, or"),
        ("imagenet", None, "resnet18", "none requested; give `encoder_weights` imagenet as before, or"),
    ],
)
def test_a_study_keeps_the_first_weights_that_it_was_begun_with(
    tmp_path: Path, log: dict[str, Any], data: Path, begun: str | None, asked: str | None, backbone: str,
    message: str | None,
) -> None:  # fmt: skip
    out, kinds = tmp_path / "out", ("real",)
    first = small(kinds=kinds, backbones=(DEFAULT_BACKBONE,), changes={"encoder_weights": begun})
    runner.run(out, first, Sources(data=data))
    before, trained = snapshot(out), list(log["trained"])
    again = small(kinds=kinds, backbones=(backbone,), changes={"encoder_weights": asked})
    if message is None:
        assert runner.run(out, again, Sources(data=data)) == []
        assert log["trained"] == trained
        assert not results.load(out).missing
    else:
        with pytest.raises(InputError, match=message) as caught:
            runner.run(out, again, Sources(data=data))
        assert "\n" not in str(caught.value)
    assert snapshot(out) == before


def test_a_study_from_before_its_encoders_had_packaged_weights_goes_on_where_that_is_said(
    tmp_path: Path, log: dict[str, Any], data: Path
) -> None:
    out, sources = tmp_path / "out", Sources(data=data)
    random = small(kinds=("real",), backbones=(PACKAGED[1],), changes={"encoder_weights": "none"})
    runner.run(out, random, sources)
    content = read_json(out / "study.json")
    write_json(out / "study.json", {**content, "config": {**content["config"], "changes": {}}})
    with pytest.raises(InputError, match="none there, imagenet requested; give `encoder_weights` none as before"):
        runner.run(out, small(kinds=("real",), backbones=(PACKAGED[1],)), sources)
    del log["trained"][:]
    assert runner.run(out, random, sources) == []
    assert log["trained"] == []


def test_first_weights_of_a_study_are_those_of_a_training() -> None:
    backbones = (*PACKAGED, "vgg16")
    expected = {name: configure("small", backbone=name, arm=ARMS["real"], seed=0).encoder_weights for name in backbones}
    assert expected[PACKAGED[2]] == "imagenet"
    assert choose("small", backbones=backbones).first_weights == expected
    assert {name: weights_of(name, None) for name in backbones} == expected


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


def test_what_a_command_leaves_out_is_as_the_study_has_it() -> None:
    kept = choose("small", kinds=("real",), real_fractions=(0.5,), backbones=("vgg16",), runs=3)
    assert choose("small", earlier=kept).cells == kept.cells
    more = choose("small", kinds=("mixed",), earlier=kept)
    assert [(cell.kind, cell.real_fraction, cell.backbone, cell.runs) for cell in more.cells] == [
        ("mixed", 0.5, "vgg16", 3)
    ]
    assert choose("small", runs=4, earlier=kept).runs == 4
    assert choose("quick", earlier=kept).cells == STUDIES["quick"].cells  # refused later, as of another profile
