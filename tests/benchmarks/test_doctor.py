"""What the doctor says of machines that lack something: the thing, and the command that mends it."""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from corrotwin.benchmarks import doctor, machine
from corrotwin.benchmarks.doctor import GIB, Check
from corrotwin.segmentation.config import BACKBONES
from corrotwin.segmentation.models.encoders import weights_source

ROOT = Path(__file__).resolve().parents[2]
Runner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("version", "state"), [((3, 9), "missing"), ((3, 11), "ok"), ((3, 12), "missing"), ((3, 14), "missing")]
)
def test_another_python_is_missing_the_one_that_blender_needs(version: tuple[int, int], state: str) -> None:
    check = doctor.python(version)
    assert check.state == state
    assert ("make setup PYTHON=" in check.fix) == (state != "ok")
    assert ("can train" in check.found) == (version == (3, 12))


def test_absent_and_other_packages_are_named_with_the_command() -> None:
    pinned = {"numpy": "1.26.4", "torch-like": "2"}
    there = {"numpy": "1.26.4", "torch-like": "2"}
    assert doctor.packages(pinned, pinned, there.get).state == "ok"
    absent = doctor.packages([*pinned, "bpy"], pinned, there.get)
    assert (absent.state, absent.found) == ("missing", "not installed: bpy")
    other = doctor.packages(pinned, pinned, {**there, "numpy": "2.0"}.get)
    assert other.state == "warning"
    assert "numpy 2.0 (tested: 1.26.4)" in other.found
    assert "-c constraints.txt" in absent.fix
    assert absent.fix == other.fix


def test_what_is_asked_for_is_what_make_setup_installs() -> None:
    names, pinned = machine.declared()
    assert {"numpy", "torch", "ray", "pytest", "bpy", "jinja2", "onnx"} <= set(names)
    assert pinned["bpy"].startswith("4.5.")
    makefile = (ROOT / "Makefile").read_text()
    assert f"EXTRAS := {','.join(machine.EXTRAS)}\n" in makefile
    assert f"apt-get install {doctor.LIBRARIES}" in makefile


def test_blender_without_its_libraries_names_them() -> None:
    trouble = "ImportError: libXxf86vm.so.1: cannot open shared object file: No such file or directory"
    check = doctor.blender({"trouble": trouble}, is_started=True)
    assert (check.state, check.found) == ("missing", trouble)
    assert check.fix.startswith("apt-get install libgl1 ")
    absent = doctor.blender({"trouble": "ModuleNotFoundError: No module named 'bpy'"}, is_started=True)
    assert "pip install" in absent.fix
    started, seen = (doctor.blender({"bpy": "4.5.1"}, is_started=is_started) for is_started in (True, False))
    assert started.state == seen.state == "ok"
    assert ("start" in started.found, "start" in seen.found) == (True, False)


def test_a_gpu_is_named_and_none_is_no_error() -> None:
    assert doctor.gpu({"gpus": ["H100"], "torch": "2.8"}) == Check(name="GPU", state="ok", found="H100; torch 2.8")
    assert doctor.gpu({"gpus": [], "torch": "2.8"}).state == "warning"
    assert doctor.gpu({"trouble": "ModuleNotFoundError: No module named 'torch'"}).state == "missing"


def test_a_machine_that_does_not_answer_is_to_be_asked_again() -> None:
    for check in (doctor.ray({"trouble": machine.LATE}), doctor.blender({"trouble": machine.LATE}, is_started=True)):
        assert check.state == "missing"
        assert "run this again" in check.fix


@pytest.mark.parametrize(("gib", "state"), [(0.5, "missing"), (3.9, "missing"), (4.1, "ok"), (64, "ok")])
def test_little_memory_is_missing(gib: float, state: str) -> None:
    check = doctor.memory(int(gib * GIB))
    assert check.state == state
    assert ("docker run --memory" in check.fix) == (state == "missing")


@pytest.mark.parametrize(
    ("name", "gib", "state"),
    [
        ("output", 2.9, "missing"),
        ("output", 4, "warning"),
        ("output", 20, "warning"),
        ("output", 40, "ok"),
        ("cache", 0.5, "missing"),
        ("cache", 40, "ok"),
    ],
)
def test_little_disk_names_the_folder_and_the_option(name: str, gib: float, state: str, tmp_path: Path) -> None:
    check = doctor.disk(name, tmp_path, int(gib * GIB))
    assert check.state == state
    if state != "ok":
        assert str(tmp_path) in check.fix
        assert ("CORROTWIN_CACHE" if name == "cache" else "--out") in check.fix


def test_a_folder_that_is_not_there_yet_is_measured_where_it_will_be(tmp_path: Path) -> None:
    assert machine.free_bytes(tmp_path / "a" / "b") == pytest.approx(machine.free_bytes(tmp_path), rel=0.1)
    (tmp_path / "file").write_text("")
    assert machine.free_bytes(tmp_path / "file" / "a") is None
    assert doctor.disk("output", tmp_path / "file", None).state == "missing"


def test_little_shared_memory_names_dockers_option() -> None:
    assert "--shm-size" in doctor.shared_memory(64 * 2**20).fix
    assert doctor.shared_memory(None).state == doctor.shared_memory(GIB).state == "ok"


def test_weights_are_looked_for_where_they_will_be_taken_from(tmp_path: Path) -> None:
    assert "resnet152" in doctor.imagenet({"lacking": ["resnet152"]}, None).found
    assert "corrotwin segmentation weights --to" in doctor.imagenet({"lacking": ["resnet152"]}, None).fix
    assert doctor.imagenet({"lacking": []}, None).state == "ok"
    assert doctor.imagenet({"lacking": []}, tmp_path).state == "warning"
    for name in BACKBONES:
        (tmp_path / f"{name}.safetensors").touch()
    assert doctor.imagenet({"lacking": list(BACKBONES)}, tmp_path).state == "ok"


def test_weights_of_the_default_encoder_are_whole_or_named_with_the_command() -> None:
    whole = doctor.pretrained({"torch": "2.8", "pretrained": {"tensors": 288}})
    assert (whole.state, "288 tensors" in whole.found) == ("ok", True)
    assert "19 MB" in doctor.pretrained({"pretrained": {"bytes": 19_000_000}}).found
    for said in ({"pretrained": {"trouble": "lite0.pth: cut off"}}, {"trouble": "lite0.pth: cut off"}):
        assert doctor.pretrained(said) == Check(
            name="pretrained", state="missing", found="lite0.pth: cut off", fix=doctor.INSTALL
        )


def test_bfloat16_is_found_among_a_processors_flags() -> None:
    assert doctor.processor("flags : sse avx512_bf16 amx_bf16 amx_tile").found == "on the CPU by AMX, AVX512"
    assert doctor.processor("flags : sse avx2").state == "warning"


def test_a_program_that_hangs_or_fails_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.tried("print('noise'); print('{\"a\": 1}')") == {"a": 1}
    assert machine.tried("raise ImportError('libX.so: no')") == {"trouble": "ImportError: libX.so: no"}
    assert machine.tried("import os; os._exit(7)") == {"trouble": "ended with status 7"}
    monkeypatch.setattr(machine, "PATIENCE_SECONDS", 0.1)
    assert machine.tried("import time; time.sleep(30)") == {"trouble": machine.LATE}


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("lacking", [True, False])
def test_the_page_has_a_line_for_each_check_and_the_status_follows(
    lacking: bool, deep: bool, run_module: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = machine.MachineAnswers(
        blender={"trouble": "ImportError: libGL.so.1: [red] no"} if lacking else {"bpy": "4.5"},
        torch={"gpus": [], "torch": "2.8", "lacking": [], "pretrained": {"tensors": 288}},
        ray={"ray": "2"},
        are_started=deep,
    )
    monkeypatch.setattr(machine, "start" if deep else "look", lambda: answers)
    monkeypatch.setattr(doctor, "available_bytes", lambda: 8 * GIB)
    monkeypatch.setattr(machine, "free_bytes", lambda path: 90 * GIB)
    monkeypatch.setattr(doctor, "python", lambda version: Check(name="Python", state="ok", found="3.11"))
    monkeypatch.setattr(doctor, "packages", lambda *_: Check(name="packages", state="ok", found="all"))
    words = ("--deep",) if deep else ()
    done = run_module("doctor", *words)
    assert done.returncode == int(lacking), done.stderr
    lines = done.stdout.splitlines()
    for name in (
        "Python",
        "packages",
        "Blender",
        "GPU",
        "bfloat16",
        "Ray",
        "memory",
        "disk, output",
        "disk, cache",
        "pretrained",
        "ImageNet",
    ):
        assert any(re.match(rf"(ok|warning|missing) +{name}", line) for line in lines), name
    assert ("[red] no" in done.stdout) == lacking
    assert ("-> apt-get install libgl1" in done.stdout) == lacking
    as_json = run_module("doctor", "--json", *words)
    assert as_json.returncode == int(lacking)
    found = {each["name"]: each["state"] for each in json.loads(as_json.stdout)}
    assert found["Blender"] == ("missing" if lacking else "ok")


def test_a_library_of_blender_s_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.look().blender["bpy"].startswith("4.5.")
    monkeypatch.setattr(machine, "SHARED_LIBRARIES", ("libc.so.6", "libNever.so.1"))
    assert "libNever.so.1" in machine.look().blender["trouble"]
    monkeypatch.setattr(machine, "installed", {"bpy": "4.5"}.get)
    assert machine.look().blender == {"trouble": "blenderproc is not installed"}
    assert machine.look().torch == {"trouble": "torch is not installed"}


def test_a_look_sees_where_the_hub_keeps_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert machine.look().torch["lacking"] == list(BACKBONES)
    source = weights_source("vgg16")
    folder = tmp_path / f"models--{source.repository.replace('/', '--')}" / "snapshots" / str(source.revision)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    assert machine.look().torch["lacking"] == [name for name in BACKBONES if name != "vgg16"]


@pytest.mark.parametrize("deep", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_it_answers_here(deep: bool) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "corrotwin", "doctor", "--json", *(["--deep"] if deep else [])],
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr == ""
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert found["Blender"]["state"] == "ok", found
    assert ("start" in found["Blender"]["found"]) == deep
    assert found["pretrained"]["state"] == "ok", found
    assert done.returncode == int(any(each["state"] == "missing" for each in found.values()))
    assert deep or after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.5  # of 5 s; others work too
