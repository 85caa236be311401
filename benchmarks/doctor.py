"""What works on this machine: each thing with what was found and, where that does not do, the command that mends it.

Slow or fragile things (Blender, torch, Ray) are tried in processes of their own, all at once, each with a time-out.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from segmentation.cache import cache_folder
from segmentation.config import BACKBONES

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 60.0  # for a process; on a machine at rest the slowest takes 3
LATE = f"no answer in {PATIENCE_SECONDS:.0f} s"
GIB = 1024**3
LIBRARIES = "libgl1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1"
EXTRAS = ("rendering", "training", "export", "study", "development")  # what `make setup` installs
INSTALL = f".venv/bin/python -m pip install -c constraints.txt -e '.[{','.join(EXTRAS)}]'"
SHARED = Path("/dev/shm")  # noqa: S108  where Ray keeps what its processes share; only its size is asked
BLENDER_PYTHON = (3, 11)

State = Literal["ok", "warning", "missing"]
Places = Mapping[str, Path]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing: `missing` stops `make benchmark` or `make test`, `warning` does not. `fix` is a command or a step."""

    name: str
    state: State
    found: str
    fix: str = ""


# What a process of its own runs; each prints one line of JSON at its end.
BLENDER = """
import json
from synth.blender.session import load_blenderproc
import bpy
load_blenderproc()
print(json.dumps({"bpy": bpy.app.version_string}))
"""
TORCH = """
import json, sys, torch
from huggingface_hub import try_to_load_from_cache
from segmentation.encoders import source
names = [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
names += ["Apple MPS"] if torch.backends.mps.is_available() else []
lacking = []
for name in sys.argv[1:]:
    place = source(name)
    cached = try_to_load_from_cache(place.repository, "model.safetensors", revision=place.revision)
    if not isinstance(cached, str):
        lacking.append(name)
print(json.dumps({"gpus": names, "torch": torch.__version__, "lacking": lacking}))
"""
RAY = "import json, ray; print(json.dumps({'ray': ray.__version__}))"


def examine(places: Places, weights: Path | None) -> list[Check]:
    """All checks of this machine.

    Parameters
    ----------
    places : folders that will be written to, by what they are for.
    weights : folder of prepared ImageNet weights; None looks into the hub's cache.
    """
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(_tried, *each) for each in ((BLENDER,), (TORCH, *BACKBONES), (RAY,))]
        checks = [python(sys.version_info[:2]), packages(*_declared(), _installed)]
        blender_says, torch_says, ray_says = (each.result() for each in asked)
    return [
        *checks,
        blender(blender_says),
        gpu(torch_says),
        processor(_read(Path("/proc/cpuinfo"))),
        ray(ray_says),
        memory(_memory_bytes()),
        *(disk(name, path, _free_bytes(path)) for name, path in places.items()),
        shared_memory(_free_bytes(SHARED) if SHARED.is_dir() else None),
        imagenet(torch_says, weights),
    ]


def python(version: tuple[int, ...]) -> Check:
    """Blender's Python, or one that trains without it."""
    found, fix = ".".join(map(str, version)), "install Python 3.11, then: make setup PYTHON=/path/to/python3.11"
    if version[:2] == BLENDER_PYTHON:
        return Check(name="Python", state="ok", found=found)
    if BLENDER_PYTHON < version[:2] < (3, 14):
        return Check(name="Python", state="missing", found=f"{found}: trains, but Blender needs 3.11", fix=fix)
    return Check(name="Python", state="missing", found=f"{found}: not one of 3.11 to 3.13", fix=fix)


def packages(wanted: Iterable[str], pinned: Mapping[str, str], installed: Callable[[str], str | None]) -> Check:
    """What pyproject.toml asks for is there, and everything in the versions that were tested together."""
    absent = sorted(name for name in wanted if installed(name) is None)
    if absent:
        return Check(name="packages", state="missing", found=f"not installed: {', '.join(absent)}", fix=INSTALL)
    versions = {name: installed(name) for name in pinned}
    others = [
        f"{name} {there} (tested: {pinned[name]})"
        for name, there in versions.items()
        if there not in (None, pinned[name])
    ]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        found = f"other versions: {', '.join(others[:5])}{more}"
        return Check(name="packages", state="warning", found=found, fix=INSTALL)
    if not pinned:
        found = "constraints.txt is not beside the packages, so versions are not compared"
        return Check(name="packages", state="warning", found=found, fix="run this in the source folder")
    return Check(name="packages", state="ok", found=f"{len(pinned)} in the tested versions")


def blender(said: Mapping[str, Any]) -> Check:
    """Whether Blender and BlenderProc start."""
    if "bpy" in said:
        return Check(name="Blender", state="ok", found=f"bpy {said['bpy']} and BlenderProc start")
    check = _lacking("Blender", said)
    return replace(check, fix=f"apt-get install {LIBRARIES}") if re.search(r"\.so\b", check.found) else check


def gpu(said: Mapping[str, Any]) -> Check:
    """torch, and a GPU that it can use."""
    if "torch" not in said:
        return _lacking("torch", said)
    if said["gpus"]:
        return Check(name="GPU", state="ok", found=f"{', '.join(said['gpus'])}; torch {said['torch']}")
    found = f"none; torch {said['torch']} trains on the CPU: quick and small do, paper takes weeks"
    fix = "for profile paper a machine with a GPU, and torch for it: https://pytorch.org/get-started/locally"
    return Check(name="GPU", state="warning", found=found, fix=fix)


def processor(cpuinfo: str) -> Check:
    """Whether the CPU computes in bfloat16, which `precision fast` makes use of."""
    flags = set(re.findall(r"\b(amx_bf16|avx512_bf16|bf16)\b", cpuinfo))
    units = [name for flag, name in (("amx_bf16", "AMX"), ("avx512_bf16", "AVX512"), ("bf16", "Arm")) if flag in flags]
    if units:
        return Check(name="bfloat16", state="ok", found=f"on the CPU by {', '.join(units)}")
    found = "not on this CPU: training takes about twice as long"
    return Check(name="bfloat16", state="warning", found=found, fix="nothing has to be done")


def ray(said: Mapping[str, Any]) -> Check:
    """Whether Ray, over which renders and runs are spread, can be imported."""
    if "ray" in said:
        return Check(name="Ray", state="ok", found=str(said["ray"]))
    return _lacking("Ray", said)


def _lacking(name: str, said: Mapping[str, Any]) -> Check:
    """A thing that did not start, with what it said."""
    why = str(said["trouble"])
    fix = "let the machine come to rest, then ask again" if why == LATE else INSTALL
    return Check(name=name, state="missing", found=why, fix=fix)


def memory(available: int | None) -> Check:
    """Memory for a Blender process or a training beside Ray."""
    if available is None:
        return Check(name="memory", state="warning", found="not known on this system", fix="see that 4 GiB are free")
    found = f"{available / GIB:.1f} GiB available"
    if available < 4 * GIB:
        fix = "end other programs, or give the container more (docker run --memory=8g); 4 GiB at least"
        return Check(name="memory", state="missing", found=found, fix=fix)
    return Check(name="memory", state="ok", found=found)


def disk(name: str, path: Path, free: int | None) -> Check:
    """Room in a folder that will be written to: a quick study takes 2.4 GB, a small one about 20."""
    what = f"disk, {name}"
    fix = f"make room in {path}, or choose another folder with " + (
        "CORROTWIN_CACHE=..." if name == "cache" else "--out"
    )
    if free is None:
        return Check(name=what, state="missing", found=f"{path} cannot be written", fix=fix)
    found, least = f"{free / GIB:.1f} GiB free in {path}", 1 if name == "cache" else 3
    if free < least * GIB:
        return Check(name=what, state="missing", found=found, fix=fix)
    if free < 10 * least * GIB:
        return Check(name=what, state="warning", found=f"{found}: enough for profile quick", fix=fix)
    return Check(name=what, state="ok", found=found)


def shared_memory(free: int | None) -> Check:
    """Room for Ray's object store (128 MiB) and for the batches of training."""
    if free is None:
        return Check(name=str(SHARED), state="ok", found="absent here; Ray uses the disk")
    found = f"{free / GIB:.2f} GiB free"
    if free < GIB // 4:
        return Check(name=str(SHARED), state="warning", found=found, fix="in a container: docker run --shm-size=1g")
    return Check(name=str(SHARED), state="ok", found=found)


def imagenet(said: Mapping[str, Any], weights: Path | None) -> Check:
    """ImageNet weights of the four encoders, in a prepared folder or the hub's cache; for profile paper alone."""
    if weights is not None:
        lacking = [name for name in BACKBONES if not (weights / f"{name}.safetensors").is_file()]
        where = str(weights)
    else:
        lacking, where = list(said.get("lacking", BACKBONES)), "the hub's cache"
    if not lacking:
        return Check(name="ImageNet weights", state="ok", found=f"of all four encoders, in {where}")
    fix = f"where there is internet: python -m segmentation weights --to {weights or 'weights'}"
    found = f"not in {where}: {', '.join(lacking)}; profile paper takes them"
    return Check(name="ImageNet weights", state="warning", found=found, fix=fix)


def works(checks: Iterable[Check]) -> bool:
    """Whether `make benchmark` and `make test` have all that they need."""
    return all(check.state != "missing" for check in checks)


def show(checks: Iterable[Check]) -> None:
    """Print a line for each check, and below it what mends it."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    checks = list(checks)
    colours = {"ok": "green", "warning": "yellow", "missing": "red"}
    for check in checks:
        console.print(f"[{colours[check.state]}]{check.state:8}[/]{escape(f'{check.name:17} {check.found}')}")
        if check.fix:
            console.print(escape(f"{'':25} -> {check.fix}"))
    verdict = "make benchmark and make test have what they need"
    console.print(f"\n{verdict if works(checks) else 'mend what is missing, then ask again'}")


def as_json(checks: Iterable[Check]) -> str:
    """The checks as JSON."""
    return json.dumps([asdict(check) for check in checks], indent=1)


def _tried(program: str, *arguments: str) -> dict[str, Any]:
    """The last line of what a Python program prints, as JSON; or its trouble, in one line."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS,
            check=False, cwd=ROOT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"trouble": LATE}
    try:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        lines = done.stderr.strip().splitlines()
        return {"trouble": lines[-1] if lines else f"ended with status {done.returncode}"}


def _declared() -> tuple[list[str], dict[str, str]]:
    """The packages that pyproject.toml asks for on this Python, and the versions in constraints.txt."""
    project, constraints = ROOT / "pyproject.toml", ROOT / "constraints.txt"
    if not project.is_file() or not constraints.is_file():
        return [], {}
    about = tomllib.loads(project.read_text())["project"]
    lines = [*about["dependencies"], *(line for extra in EXTRAS for line in about["optional-dependencies"][extra])]
    if sys.version_info[:2] != BLENDER_PYTHON:
        lines = [line for line in lines if "python_version" not in line]
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in lines]
    return names, dict(re.findall(r"^([\w.-]+)==([^\s;]+)", constraints.read_text(), re.MULTILINE))


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory_bytes() -> int | None:
    """Memory that is available, or what the container may still take where that is less."""
    free = re.search(r"^MemAvailable:\s+(\d+) kB", _read(Path("/proc/meminfo")), re.MULTILINE)
    limit, used = (_read(Path("/sys/fs/cgroup") / name).strip() for name in ("memory.max", "memory.current"))
    known = [int(free[1]) * 1024] if free else []
    known += [int(limit) - int(used)] if limit.isdecimal() and used.isdecimal() else []
    return min(known, default=None)


def _free_bytes(path: Path) -> int | None:
    """Free bytes where `path` is or will be; None where nothing can be written."""
    there = next((each for each in (path.absolute(), *path.absolute().parents) if each.exists()), Path("/"))
    return shutil.disk_usage(there).free if there.is_dir() and os.access(there, os.W_OK) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def doctor(out: Path = Path("out"), weights: Path | None = None, json: bool = False) -> int:
    """Say what works on this machine, and how to mend what does not; a few seconds, nothing is written.

    Exits 0 where `make benchmark` and `make test` have all that they need, else 1.

    Args:
        out: folder below which studies and datasets will lie.
        weights: folder that `python -m segmentation weights` prepared; by default the hub's cache is looked into.
        json: as JSON, for programs.
    """
    checks = examine({"output": out, "cache": cache_folder()}, weights)
    if json:
        print(as_json(checks))  # noqa: T201
    else:
        show(checks)
    return 0 if works(checks) else 1
