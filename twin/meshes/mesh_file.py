"""The file of an asset that is a mesh: its charts, zones and thickness, all that geometry is built from."""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin import npz
from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.charts import Charts
from corrotwin.twin.meshes.reading import MOST_M
from corrotwin.twin.meshes.thickness import LEAST_MM, MOST_MM
from corrotwin.twin.meshes.zoning import SHAPES

KIND = "mesh"
FILE = "file"  # the parameter that names the file
MOST_FACES = 4_000_000
_NAME = re.compile(r"mesh-[0-9a-f]{16}\.npz")
_KINDS: Mapping[str, tuple[str, int]] = {  # type, and numbers per face
    "vertices": ("f8", 9), "faces": ("i4", 3), "flat": ("f8", 6), "face_chart": ("i4", 1), "face_zone": ("i4", 1),
    "face_solid": ("i4", 1), "face_thickness_mm": ("f8", 1),
}  # fmt: skip
_BOUNDS = (("vertices", -MOST_M, MOST_M), ("flat", 0, 2 * MOST_M), ("face_thickness_mm", LEAST_MM, MOST_MM))


def save(charts: Charts, folder: Path) -> Path:
    """Write charts into a folder, under a name that carries their digest, and return the path."""
    names = json.dumps({"zones": charts.zone_names, "kinds": charts.zone_kinds, "solids": charts.solid_names}).encode()
    stream = io.BytesIO()
    arrays = {name: np.ascontiguousarray(getattr(charts, name)).astype(kind) for name, (kind, _) in _KINDS.items()}
    np.savez_compressed(stream, **arrays, names=np.frombuffer(names, dtype=np.uint8))
    return _write(stream.getvalue(), folder)


def copy(source: Path, folder: Path) -> None:
    """Copy the file into another folder, if it is not there.

    Raises
    ------
    InputError
        The file cannot be read, or is damaged.
    """
    if not (folder / source.name).exists():
        _write(_content(source), folder)


def _write(content: bytes, folder: Path) -> Path:
    path = folder / f"mesh-{hashlib.sha256(content).hexdigest()[:16]}.npz"
    if not path.exists():
        with files.atomic_file(path) as stream:
            stream.write(content)
    return path


def is_name(text: object) -> bool:
    """Return whether a text is the name of a mesh file."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def _content(path: Path) -> bytes:
    with files.reading(path, "make the twin again from its mesh"):
        content = files.read_bytes(path, inside=path.parent)
    if path.name != f"mesh-{hashlib.sha256(content).hexdigest()[:16]}.npz":
        raise InputError(f"{path}: damaged (its content does not match its name); make the twin again from its mesh")
    return content


@lru_cache(maxsize=4)  # it is asked again and again about one asset
def load(path: Path) -> Charts:
    """Read charts.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, or its arrays do not match.
    """
    content = _content(path)
    most = {name: MOST_FACES * width * np.dtype(kind).itemsize for name, (kind, width) in _KINDS.items()}
    try:
        arrays = npz.read(io.BytesIO(content), {**most, "names": 1 << 24})
        names = json.loads(arrays["names"].tobytes())
        zones, kinds, solids = (tuple(str(name) for name in names[key]) for key in ("zones", "kinds", "solids"))
    except (npz.DamagedError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: not the mesh of a twin ({error}); make the twin again from its mesh") from error
    valid_names = len(kinds) == len(zones) and set(kinds) <= set(SHAPES) and all(map(str.isprintable, zones + solids))
    if (
        any(arrays[name].dtype != kind for name, (kind, _) in _KINDS.items())
        or not valid_names
        or not _fits(arrays, len(zones), len(solids))
    ):
        raise InputError(f"{path}: its arrays contradict each other; make the twin again from its mesh")
    numbers = {name: arrays[name].astype(np.int64) for name in ("faces", "face_chart", "face_zone", "face_solid")}
    return Charts(
        vertices=arrays["vertices"], flat=arrays["flat"], face_thickness_mm=arrays["face_thickness_mm"],
        zone_names=zones, zone_kinds=kinds, solid_names=solids, **numbers,
    )  # fmt: skip


def _fits(arrays: Mapping[str, Any], zones: int, solids: int) -> bool:
    count, points = len(arrays["faces"]), len(arrays["vertices"])
    shapes = {
        "vertices": (points, 3), "faces": (count, 3), "flat": (count, 3, 2), "face_chart": (count,),
        "face_zone": (count,), "face_solid": (count,), "face_thickness_mm": (count,),
    }  # fmt: skip
    below = {"faces": points, "face_chart": count, "face_zone": zones, "face_solid": solids}
    return (
        count > 0
        and all(arrays[name].shape == shape for name, shape in shapes.items())
        and all(arrays[name].min() >= 0 and arrays[name].max() < most for name, most in below.items())
        and all(bool((low <= arrays[name]).all() and (arrays[name] <= high).all()) for name, low, high in _BOUNDS)
    )
