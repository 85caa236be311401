"""Errors and help texts of all commands speak of options, as their users write them."""

import importlib
import inspect
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corrotwin.benchmarks.demo import demo
from corrotwin.segmentation.commands.predict import predict
from corrotwin.segmentation.commands.tune import tune
from corrotwin.twin.core.cli import in_options
from tests.helpers.fakes import write_dataset

Run = Callable[..., subprocess.CompletedProcess[str]]
PACKAGES = ("twin", "synth", "segmentation", "benchmarks")
COMMANDS: dict[str, Callable[..., Any]] = {
    f"{package} {name}": command
    for package in PACKAGES
    for name, command in importlib.import_module(f"corrotwin.{package}.commands").COMMANDS.items()
} | {"predict": predict, "demo": demo}
# The words that each command needs, and values out of the range of each of its options that take numbers. The folder
# `twin` holds a plate, `photos` a dataset; of other files none exists, so that a command that began its work would fail
# by another message.
READING = "--date 2020-05-31 --zone face --tool UT-1"
WRONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "twin new": (
        "plate --random --out new",
        (
            "--seed -1", "--years -1", "--years nan", "--years 1e12", "--climate 99 50 10 10", "--climate 10 50 10 -1",
            "--splash 3 1", "--debris 0", "--coating-life -3", "--zinc-um -1", "--texel-mm 0",
            "--simplify 3",
            "--mechanism own zone=face rate_mm_year=-1", "--mechanism insulation driver=dry temperature_c=999",
        ),
    ),
    "twin grow": (
        "twin",
        ("--years -1", "--years 1e12", "--climate 99 50 10 10 --years 1", "--splash 3 1 --category C2 --years 1"),
    ),
    "twin inspect": (
        "twin",
        (
            "--withdraw 99", "--restore -1", "--accept 99 --why so", "--seed -1",
            f"--value -1 --kind ultrasonic {READING}", f"--value 9 --kind grade {READING}",
            f"--value 2 --kind photo {READING}",
            *(
                f"{option} --kind ultrasonic --value 8 {READING}"
                for option in ("--uv 3 3", "--at 99 99 99", "--scatter -1", "--bias -1")
            ),
            *(f"{option} --kind photo --value 0.1 {READING}" for option in ("--detection 2", "--false-calls 2")),
        ),
    ),
    "twin watch": ("twin none", ("--settle -1",)),
    "twin forecast": (
        "twin",
        (
            "--years -1", "--years 1e9", "--seed -1", "--smys-mpa -1 --length-mm 9", "--length-mm -1 --smys-mpa 300",
            "--safety-factor 0 --smys-mpa 300 --length-mm 9",
        ),
    ),
    "twin export": (
        "twin --out new.json",
        ("--years -1", "--years nan", "--years 1e9", "--seed -1", "--required face=x", "--required face=inf"),
    ),
    "twin fleet": (".", ("--years -1", "--years 1e9", "--seed -1", "--required all=x", "--required all=nan")),
    "twin report": ("twin", ("--years -1", "--years 1e9", "--seed -1", "--required face=x")),
    "twin scan": ("twin none.csv --place A --date 2020-05-31 --tool UT --unit mm --zone face", ("--seed -1",)),
    "twin view": ("twin --out new.html", ("--years -1", "--years 1e9", "--seed -1")),
    "twin compare": ("twin 2040-01-01 2041-01-01", ("--seed -1",)),
    "twin calibrate": ("new", ("--assets 0", "--seed -1", "--runs 0")),
    "synth render": (
        "--out new",
        (
            "--count 2000000000", "--only 999999999999", "--count 0", "--size 0", "--size 64x", "--seed -1",
            "--only -1", "--workers 0",
        ),
    ),
    "synth fit": ("--photos photos --out new.json", ("--seed -1", "--workers 0")),
    "synth validate": ("photos", ("--verify 0",)),
    "synth locate": ("photos/images/photo-01.png --points none.csv", ("--focal-px -1", "--distortion 1")),
    "segmentation train": (
        "--data none --renders none --out new",
        (
            "--seed -1", "--real-fraction 2", "--render-share 2", "--render-count 0", "--pretrain -1", "--copy-paste 2",
            "--size 31", "--size 99968", "--epochs 0", "--batch-size 0", "--learning-rate -1", "--threads 0",
            "--checkpoint-seconds -1", "--encoder-rate -1", "--freeze 1",
        ),
    ),
    "segmentation split": ("--data photos --out new.json", ("--seed -1",)),
    "segmentation evaluate": ("none --data photos", ("--threshold 2",)),
    "segmentation tune": (
        "--data none --split none --out new",
        (
            "--epochs 0", "--size 31", "--real-fraction 2", "--learning-rate 2 1", "--batch-size 8 0",
            "--render-share 0.5 2", "--render-count 0 --render-share 0.1 0.5", "--trials 0", "--grace 0", "--seed -1",
            "--threads 0", "--gpus -1", "--workers 0",
        ),
    ),
    "predict": (
        "photos --out new",
        ("--threshold 2", "--scale 0", "--overlap 1", "--frame 0 0 2 1", "--frame 1 0 0 1"),
    ),
    "segmentation rank": ("none photos --out new", ("--count 0", "--scale 0")),
    "segmentation pretrain": (
        "photos --out new",
        (
            "--size 31", "--epochs 0", "--batch-size 1", "--learning-rate 0", "--seed -1", "--threads 0",
            "--checkpoint-seconds -1",
        ),
    ),
    "segmentation latency": ("", ("--size 31", "--threads 0", "--repeats 0")),
    "benchmarks run": (
        "--out new",
        (
            "--render-share 5", "--real-fractions 2", "--real-fractions 0.5 0.5", "--runs 0", "--threads 0",
            "--size 31", "--epochs 0", "--batch-size 0", "--learning-rate -1", "--backbones vgg16 vgg16",
            "--arms real real", "--renders-per-run 0",
        ),
    ),
    "benchmarks screen": (
        "--renders photos --data photos --out new",
        ("--real-fraction 2", "--render-share 2", "--pretrain 2", "--folds 0", "--steps 0", "--size 31"),
    ),
    "benchmarks transfer": (
        "--renders photos --data photos --out new",
        (
            "--runs -1", "--redraws -1", "--fits -1", "--renders-of-fit 0", "--photo-steps 0", "--folds 0",
            "--unlabelled 0.9", "--real-fraction 2", "--render-share 2", "--pretrain 2", "--render-counts 0",
            "--renders-goal 0", "--steps 0", "--size 31", "--seed -1", "--renders-per-run 0",
        ),
    ),
}  # fmt: skip
ELSEWHERE = {"segmentation fetch"}  # it asks for the network first


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_module: Run) -> Path:
    """A folder that holds a twin and a dataset of photos."""
    folder = tmp_path_factory.mktemp("options")
    assert (
        run_module(
            "twin", "new", "plate", "--random", "--out", folder / "twin", "--seed", 1, "--texel-mm", 20
        ).returncode
        == 0
    )
    write_dataset(folder / "photos", 6)
    return folder


@pytest.mark.parametrize(
    ("command", "words"), [(command, words) for command, (_, lines) in WRONG.items() for words in lines]
)
def test_a_number_out_of_range_is_refused_by_the_name_of_its_option(
    command: str, words: str, folder: Path, run_module: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(path for path in folder.rglob("*") if not path.name.startswith("."))
    done = run_module(*command.split(), *WRONG[command][0].split(), *words.split())
    option = words.split()[0]
    assert done.returncode == 2, done.stderr
    assert re.search(rf"{option}(?![\w-])", done.stderr), done.stderr
    assert "`" not in done.stderr
    assert sorted(path for path in folder.rglob("*") if not path.name.startswith(".")) == before


def numeric_options(command: Callable[..., Any]) -> set[str]:
    """Return the options of a command that take numbers."""
    return {
        f"--{parameter.name.replace('_', '-')}"
        for parameter in inspect.signature(command).parameters.values()
        if re.search(r"\b(int|float)\b", str(parameter.annotation))
    }


def test_every_option_that_takes_numbers_is_tried() -> None:
    tried = {command: {line.split()[0] for line in lines} for command, (_, lines) in WRONG.items()}
    missing = {name: numeric_options(command) - tried.get(name, set()) for name, command in COMMANDS.items()}
    assert {name: options for name, options in missing.items() if options and name not in ELSEWHERE} == {}
    assert numeric_options(tune) >= {"--trials", "--gpus", "--learning-rate", "--render-count"}


PARAMETERS = {
    name for command in COMMANDS.values() for name in inspect.signature(command).parameters if "_" in name
}  # fmt: skip


def underscored(text: str, names: set[str]) -> list[str]:
    """Return the parameters that a help text names as Python does."""
    return [word for word in re.findall(r"(?<![\w-])[a-z]+(?:_[a-z0-9]+)+(?![\w-])", text) if word in names]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_options_as_they_are_written(name: str) -> None:
    helped = inspect.getdoc(COMMANDS[name]) or ""
    # The lines that name the parameter that the next ones describe become the option's own; columns keep their names.
    prose = re.sub(r"(?m)^[a-z_]+(, [a-z_]+)*$", "", helped)
    prose = re.sub(r"columns? [^;.:]*", "", prose)
    assert underscored(prose, PARAMETERS) == []
    assert in_options(prose, COMMANDS[name]).count("--") == prose.count("--"), "a parameter stands in backticks"


@pytest.mark.parametrize(
    ("text", "found"), [("unless render_share is given", 1), ("unless --render-share is given", 0), ("a file_name", 0)]
)
def test_an_underscored_parameter_is_found(text: str, found: int) -> None:
    assert len(underscored(text, PARAMETERS)) == found
