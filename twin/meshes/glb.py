"""Checks of a GLB by its JSON, before any geometry is read: files it names, number of triangles, size."""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable
from corrotwin.twin.geometry.atlas import Floats

LEAST_M, MOST_M = 0.005, 10.0  # longest side of a prop
MOST_FACES = 2_000_000
MOST_PARTS = 100_000  # nodes, meshes and their primitives
MOST_FILE_BYTES, MOST_JSON_BYTES = 256 * 1024**2, 16 * 1024**2
COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression")
_JSON = 0x4E4F534A
_TRIANGLES, _STRIPS = 4, (5, 6)  # modes of a primitive: triangles; strips and fans of them
_STRUCTURE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def document(path: Path) -> dict[str, Any]:
    """Return the JSON of a GLB.

    Raises
    ------
    InputError
        The file cannot be read, or is no GLB.
    """
    try:
        with files.open_file(path, most_bytes=MOST_FILE_BYTES) as stream:
            magic, version, total, length, kind = struct.unpack("<4sIIII", stream.read(20))
            if (magic, version, kind) != (b"glTF", 2, _JSON) or path.stat().st_size < total:
                raise ValueError("no glTF 2.0, or not all of it")
            if length > MOST_JSON_BYTES:
                raise ValueError("much more JSON than a prop needs")
            content = json.loads(stream.read(length), parse_constant=_refused)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (struct.error, *_STRUCTURE) as error:
        raise InputError(f"{path}: is not a readable GLB (it is broken or cut off); export it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not a readable GLB (its JSON is not an object); export it again")
    return content


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is not a number of JSON")


def check(path: Path) -> None:
    """Refuse a GLB that cannot be a prop, by what its JSON states.

    Raises
    ------
    InputError
        The file is no GLB, names other files, is compressed, or has too many triangles or an implausible size.
    """
    content = document(path)
    try:
        for entry in (*content.get("buffers", ()), *content.get("images", ())):
            if not entry.get("uri", "data:").startswith("data:"):
                name = printable(entry["uri"])
                raise InputError(f"{path}: refers to another file, {name:.60}; export a .glb that holds everything")
        for name in content.get("extensionsRequired", ()):
            if name in COMPRESSED:
                raise InputError(f"{path}: needs {name}, which is not supported; export it without compression")
        low, high = _measured(path, content)
    except InputError:
        raise
    except _STRUCTURE as error:
        raise InputError(
            f"{path}: is not a readable GLB ({type(error).__name__} in its JSON); export it again"
        ) from error
    check_size(path, float(max(high - low)))


def check_size(path: Path, side_m: float) -> None:
    """Refuse a prop whose longest side cannot be right."""
    if not LEAST_M <= side_m <= MOST_M:
        raise InputError(
            f"{path}: its longest side is {side_m:.4g} m; props are {LEAST_M:g} to {MOST_M:g} m, and glTF is in "
            "metres; scale it"
        )


@np.errstate(all="ignore")  # poses with infinite numbers, which are refused
def _measured(path: Path, content: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Return the corners of the box about the triangles of the scene, (3,) each; refuse too many of them."""
    meshes = content.get("meshes", [])
    if len(meshes) + len(content.get("nodes", [])) + sum(len(mesh["primitives"]) for mesh in meshes) > MOST_PARTS:
        raise InputError(f"{path}: has more than {MOST_PARTS:,} nodes and parts; join them in a mesh editor")
    measured: dict[int, tuple[int, Floats]] = {}
    faces, low, high = 0, np.full(3, np.inf), np.full(3, -np.inf)
    for pose, number in _placed(content):
        if number not in measured:
            measured[number] = _of_mesh(content["accessors"], meshes[number])
        count, corners = measured[number]
        faces += count
        if faces > MOST_FACES:
            raise InputError(f"{path}: has more than {MOST_FACES:,} triangles; simplify it in a mesh editor")
        if len(corners):
            places = corners @ pose[:3, :3].T + pose[:3, 3]
            low, high = np.minimum(low, places.min(axis=0)), np.maximum(high, places.max(axis=0))
    if not (np.isfinite(low) & np.isfinite(high)).all():
        raise ValueError("no triangles")
    return low, high


def _of_mesh(accessors: Sequence[Mapping[str, Any]], mesh: Mapping[str, Any]) -> tuple[int, Floats]:
    """Return the number of triangles of a mesh, and the corners (8, 3) of the box about them, or none."""
    faces, low, high = 0, np.full(3, np.inf), np.full(3, -np.inf)
    for primitive in mesh["primitives"]:
        mode = primitive.get("mode", _TRIANGLES)
        if mode not in (_TRIANGLES, *_STRIPS):
            continue
        place = accessors[primitive["attributes"]["POSITION"]]
        points = int(accessors[primitive["indices"]]["count"] if "indices" in primitive else place["count"])
        if points < 0:
            raise ValueError("a negative count")
        faces += points // 3 if mode == _TRIANGLES else max(0, points - 2)
        ends = np.array([place["min"], place["max"]], dtype=float)
        if ends.shape != (2, 3):
            raise ValueError("positions that are not in space")
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
    if not faces:
        return 0, np.zeros((0, 3))
    return faces, np.array(list(product(*np.stack([low, high], axis=-1))))


def _placed(content: Mapping[str, Any]) -> Iterator[tuple[Floats, int]]:
    """Yield the pose (4, 4) and the number of each mesh of the scene."""
    nodes, scenes = content.get("nodes", []), content.get("scenes")
    roots = scenes[content.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
    waiting, seen = [(int(root), np.eye(4)) for root in roots], set()
    while waiting:
        number, above = waiting.pop()
        if number in seen:
            raise ValueError("a node is twice in the tree")
        seen.add(number)
        node = nodes[number]
        pose = above @ _pose(node)
        if "mesh" in node:
            yield pose, node["mesh"]
        waiting += [(int(child), pose) for child in node.get("children", ())]


def _pose(node: Mapping[str, Any]) -> Floats:
    """Return the pose (4, 4) of a node in the node above it."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=float).reshape(4, 4).T
    pose = np.eye(4)
    if "rotation" in node:  # as the reader takes it, even if it is not of unit length
        from trimesh.transformations import quaternion_matrix

        pose = quaternion_matrix(np.reshape(node["rotation"], 4)[[3, 0, 1, 2]])
    pose[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), dtype=float)
    pose[:3, 3] = node.get("translation", (0, 0, 0))
    return pose
