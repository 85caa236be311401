"""What there is on this machine, as `doctor` asks it.

Slow or fragile things (Blender, torch, Ray) are tried in processes of their own, each with a time-out.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 60.0  # for a process; on a machine at rest the slowest takes 3
LATE = f"no answer in {PATIENCE_SECONDS:.0f} s"
EXTRAS = ("rendering", "training", "export", "study", "development")  # what `make setup` installs
BLENDER_PYTHON = (3, 11)

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


def tried(program: str, *arguments: str) -> dict[str, Any]:
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


def declared() -> tuple[list[str], dict[str, str]]:
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


def installed(name: str) -> str | None:
    """The version of an installed package."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def memory_bytes() -> int | None:
    """Memory that is available, or what the container may still take where that is less."""
    free = re.search(r"^MemAvailable:\s+(\d+) kB", read(Path("/proc/meminfo")), re.MULTILINE)
    limit, used = (read(Path("/sys/fs/cgroup") / name).strip() for name in ("memory.max", "memory.current"))
    known = [int(free[1]) * 1024] if free else []
    known += [int(limit) - int(used)] if limit.isdecimal() and used.isdecimal() else []
    return min(known, default=None)


def free_bytes(path: Path) -> int | None:
    """Free bytes where `path` is or will be; None where nothing can be written."""
    there = next((each for each in (path.absolute(), *path.absolute().parents) if each.exists()), Path("/"))
    return shutil.disk_usage(there).free if there.is_dir() and os.access(there, os.W_OK) else None


def read(path: Path) -> str:
    """A text file, empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
