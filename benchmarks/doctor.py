"""``corrotwin doctor``: check this machine and installation, and print a fix for every problem.

`machine` collects the facts; this module judges them.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from corrotwin.benchmarks import machine
from corrotwin.benchmarks.formatting.wording import listed
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE
from corrotwin.twin import plugins
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import available_bytes, cache_folder, system_text
from corrotwin.twin.core.text import quoted, say

GIB = 1024**3
# Disk space that a study of each profile needs, nearly all of it for weights; decoded photos are cached elsewhere.
STUDY_GIB = {"quick": 3, "small": 6, "paper": 24}
CACHE_GIB = {"quick": 1, "paper": 10}
LIBRARIES = "libgl1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1"
INSTALL = (
    f".venv/bin/python -m pip install -c constraints.txt -e '.[{','.join(machine.WANTED)}]'"
    if machine.IN_SOURCE
    else f"python -m pip install 'corrotwin[{','.join(machine.WANTED)}]'"
)
SHARED = Path("/dev/shm")  # noqa: S108  holds Ray's object store; only its size is read

State = Literal["ok", "warning", "missing"]
Places = Mapping[str, Path]


@dataclass(frozen=True, kw_only=True)
class Check:
    """Result of a check. `missing` stops `make benchmark` or `make test`, `warning` does not. `fix` says what to do."""

    name: str
    state: State
    found: str
    fix: str = ""


def examine(places: Places, weights: Path | None, *, deep: bool = False) -> list[Check]:
    """Run all checks of this machine.

    Parameters
    ----------
    places : folders that will be written to, by purpose.
    weights : folder of prepared ImageNet weights; None looks into the hub's cache.
    deep : start Blender, torch and Ray instead of only looking for their files.
    """
    answers = machine.start() if deep else machine.look()
    return [
        python(sys.version_info[:2]),
        packages(*machine.declared(), machine.installed),
        blender(answers.blender, is_started=answers.are_started),
        gpu(answers.torch),
        processor(system_text(Path("/proc/cpuinfo"))),
        ray(answers.ray),
        memory(available_bytes()),
        *(disk(name, path, machine.free_bytes(path)) for name, path in places.items()),
        shared_memory(machine.free_bytes(SHARED) if SHARED.is_dir() else None),
        pretrained(answers.torch),
        imagenet(answers.torch, weights),
        *added_kinds(),
    ]


def python(version: tuple[int, ...]) -> Check:
    """Check for the Python version that Blender needs, or one that can train without Blender."""
    set_up = (
        "make setup PYTHON=/path/to/python3.11" if machine.IN_SOURCE else f"python3.11 -m venv, and in it {INSTALL}"
    )
    text, fix = ".".join(map(str, version)), f"install Python 3.11, then: {set_up}"
    if version[:2] == machine.BLENDER_PYTHON:
        return Check(name="Python", state="ok", found=text)
    if machine.BLENDER_PYTHON < version[:2] < (3, 14):
        return Check(name="Python", state="missing", found=f"{text}: can train, but Blender needs 3.11", fix=fix)
    return Check(name="Python", state="missing", found=f"{text}: not one of 3.11 to 3.13", fix=fix)


def packages(wanted: Iterable[str], pinned: Mapping[str, str], installed: Callable[[str], str | None]) -> Check:
    """Check that the declared packages are installed in the versions that were tested together."""
    absent = sorted(name for name in wanted if installed(name) is None)
    if absent:
        return Check(name="packages", state="missing", found=f"not installed: {', '.join(absent)}", fix=INSTALL)
    versions = {name: installed(name) for name in pinned}
    differing = [
        f"{name} {version} (tested: {pinned[name]})"
        for name, version in versions.items()
        if version not in (None, pinned[name])
    ]
    if differing:
        more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
        text = f"other versions: {', '.join(differing[:5])}{more}"
        return Check(name="packages", state="warning", found=text, fix=INSTALL)
    return Check(name="packages", state="ok", found=f"{len(pinned)} in the tested versions")


def blender(said: Mapping[str, Any], *, is_started: bool) -> Check:
    """Check that Blender and BlenderProc start, or that everything they need is installed."""
    if "bpy" in said:
        detail = "and BlenderProc start" if is_started else "with BlenderProc and the system's libraries"
        return Check(name="Blender", state="ok", found=f"bpy {said['bpy']} {detail}")
    check = _lacking("Blender", said)
    return replace(check, fix=f"apt-get install {LIBRARIES}") if re.search(r"\.so\b", check.found) else check


def gpu(said: Mapping[str, Any]) -> Check:
    """Check torch and whether it can use a GPU."""
    if "torch" not in said:
        return _lacking("torch", said)
    if said["gpus"]:
        return Check(name="GPU", state="ok", found=f"{', '.join(said['gpus'])}; torch {said['torch']}")
    text = f"none; torch {said['torch']} trains on the CPU; profile paper needs a GPU"
    fix = "for profile paper a machine with a GPU, and torch for it: https://pytorch.org/get-started/locally"
    return Check(name="GPU", state="warning", found=text, fix=fix)


def processor(cpuinfo: str) -> Check:
    """Check whether the CPU computes in bfloat16, which `precision fast` uses."""
    flags = set(re.findall(r"\b(amx_bf16|avx512_bf16|bf16)\b", cpuinfo))
    units = [name for flag, name in (("amx_bf16", "AMX"), ("avx512_bf16", "AVX512"), ("bf16", "Arm")) if flag in flags]
    if units:
        return Check(name="bfloat16", state="ok", found=f"on the CPU by {', '.join(units)}")
    text = "not on this CPU: training is slower"
    return Check(name="bfloat16", state="warning", found=text, fix="no action needed")


def ray(said: Mapping[str, Any]) -> Check:
    """Check that Ray, which spreads renders and runs, can be imported."""
    if "ray" in said:
        return Check(name="Ray", state="ok", found=str(said["ray"]))
    return _lacking("Ray", said)


def _lacking(name: str, said: Mapping[str, Any]) -> Check:
    """Return a failed check with the reason that the program gave."""
    trouble = str(said["trouble"])
    fix = "wait until the machine is idle, then run this again" if trouble == machine.LATE else INSTALL
    return Check(name=name, state="missing", found=trouble, fix=fix)


def memory(available: int | None) -> Check:
    """Check that there is memory for a Blender process or a training run in addition to Ray."""
    if available is None:
        return Check(
            name="memory", state="warning", found="not known on this system", fix="make sure that 4 GiB are free"
        )
    text = f"{available / GIB:.1f} GiB available"
    if available < 4 * GIB:
        fix = "end other programs, or give the container more (docker run --memory=8g); 4 GiB at least"
        return Check(name="memory", state="missing", found=text, fix=fix)
    return Check(name="memory", state="ok", found=text)


def disk(name: str, path: Path, free: int | None) -> Check:
    """Check the free space in an output folder; docs/benchmarks.md says how much studies need."""
    label = f"disk, {name}"
    fix = f"make room in {path}, or choose another folder with " + (
        "CORROTWIN_CACHE=..." if name == "cache" else "--out"
    )
    if free is None:
        return Check(name=label, state="missing", found=f"{path} cannot be written", fix=fix)
    text, needs = f"{free / GIB:.1f} GiB free in {path}", CACHE_GIB if name == "cache" else STUDY_GIB
    affordable = [profile for profile, least in needs.items() if free >= least * GIB]
    if not affordable:
        return Check(name=label, state="missing", found=text, fix=fix)
    if len(affordable) < len(needs):
        profiles = f"profile{'s' * (len(affordable) > 1)} {listed(affordable)}"
        return Check(name=label, state="warning", found=f"{text}: enough for {profiles}", fix=fix)
    return Check(name=label, state="ok", found=text)


def shared_memory(free: int | None) -> Check:
    """Check the space for Ray's object store (128 MiB) and for training batches."""
    if free is None:
        return Check(name=str(SHARED), state="ok", found="not present; Ray uses the disk")
    text = f"{free / GIB:.2f} GiB free"
    if free < GIB // 4:
        return Check(name=str(SHARED), state="warning", found=text, fix="in a container: docker run --shm-size=2g")
    return Check(name=str(SHARED), state="ok", found=text)


def pretrained(said: Mapping[str, Any]) -> Check:
    """Check the package that contains the ImageNet weights of the default encoder."""
    answer = said.get("pretrained", said)
    if "trouble" in answer:
        return _lacking("pretrained", answer)
    size = f"{answer['tensors']} tensors" if "tensors" in answer else f"{answer['bytes'] / 1e6:.0f} MB"
    text = f"ImageNet weights of {DEFAULT_BACKBONE}, {size}, as they were published"
    return Check(name="pretrained", state="ok", found=text)


def imagenet(said: Mapping[str, Any], weights: Path | None) -> Check:
    """Check a prepared folder or the hub's cache for ImageNet weights of the four encoders; profile paper only."""
    if weights is not None:
        lacking = [name for name in BACKBONES if not (weights / f"{name}.safetensors").is_file()]
        where = str(weights)
    else:
        lacking, where = list(said.get("lacking", BACKBONES)), "the hub's cache"
    if not lacking:
        return Check(name="ImageNet weights", state="ok", found=f"of all four encoders, in {where}")
    fix = f"on a machine with internet access: corrotwin segmentation weights --to {quoted(weights or 'weights')}"
    text = f"missing from {where}: {', '.join(lacking)}; profile paper needs them"
    return Check(name="ImageNet weights", state="warning", found=text, fix=fix)


def added_kinds() -> list[Check]:
    """Check the kinds of assets that other packages add, if there are any."""
    if not (names := ", ".join(plugins.installed())):
        return []
    try:
        import corrotwin.twin.assets  # noqa: F401  importing it loads them
    except InputError as error:
        text, _, fix = str(error).rpartition("; ")
        return [Check(name="kinds of assets", state="missing", found=text, fix=fix)]
    return [Check(name="kinds of assets", state="ok", found=f"of other packages: {names}")]


def works(checks: Iterable[Check]) -> bool:
    """Return whether `make benchmark` and `make test` have everything they need."""
    return all(check.state != "missing" for check in checks)


def show(checks: Iterable[Check], *, deep: bool) -> None:
    """Print a line for each check with its fix below, and then what to type next."""
    from corrotwin.twin.core.console import rich_console

    console = rich_console(wrap=False)
    checks = list(checks)
    colours = {"ok": "green", "warning": "yellow", "missing": "red"}
    for check in checks:
        console.print(f"{check.state:8}", style=colours[check.state], end="")
        console.print(f"{check.name:17} {check.found}")
        if check.fix:
            console.print(f"{'':25} -> {check.fix}")
    if not works(checks):
        console.print("\nfix what is missing, then run corrotwin doctor again")
    elif deep:
        console.print("\nmake benchmark and make test have what they need; next: corrotwin demo")
    else:
        console.print(
            "\nall files are present; next: corrotwin demo, or corrotwin doctor --deep, which also starts Blender"
        )


def as_json(checks: Iterable[Check]) -> str:
    """Return the checks as JSON."""
    return json.dumps([asdict(check) for check in checks], indent=1)


def doctor(out: Path = Path("out"), weights: Path | None = None, deep: bool = False, json: bool = False) -> int:
    """Check this installation and print a fix for every problem; takes a second and writes nothing.

    Exits with 0 if `make benchmark` and `make test` have all they need, else with 1.

    Parameters
    ----------
    out
        folder for studies and datasets.
    weights
        folder prepared by `corrotwin segmentation weights`; by default the hub's cache is checked.
    deep
        also start Blender, torch and Ray, which takes 10 seconds or more, instead of only looking for their
        files.
    json
        print JSON, for programs.
    """
    checks = examine({"output": out, "cache": cache_folder()}, weights, deep=deep)
    if json:
        say(as_json(checks))
    else:
        show(checks, deep=deep)
    return 0 if works(checks) else 1
