"""Reading of mesh files: STL, OBJ, PLY, GLB and glTF with its scene tree, STEP by the extra `cad`."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable
from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.meshes import obj, polygons
from corrotwin.twin.meshes.surface import Frame, Surface

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}
STEP = (".step", ".stp")  # states its unit, which the reader applies
IN_METRES = (".glb", ".gltf", *STEP)  # glTF by its standard
FORMATS = (".stl", ".obj", ".ply", *IN_METRES)
UPRIGHT = (".glb", ".gltf")  # formats whose y points up
LEAST_M, MOST_M = 0.002, 300.0  # limits of an asset's longest side within which units can be right
MOST_FACES = 500_000  # most triangles without `simplify`
MOST_FILE_BYTES = 1024**3
NAME_CHARACTERS = 40
PLY_FACES = ("vertex_index", "vertex_indices")  # names of the list of a face's corners
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".ktx2", ".bmp", ".tga")


class _Beside(Mapping[str, bytes]):
    """The files beside a glTF that it may name: none outside its folder, and no URL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> bytes:
        path = self.folder / name
        if "://" in name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"refers to {printable(name):.60} outside its folder; give a .glb, which holds everything")
        if path.suffix.lower() in PICTURES:  # pictures are not used
            return b""
        try:
            return files.read_bytes(path, inside=self.folder, most_bytes=MOST_FILE_BYTES)
        except OSError as error:
            raise InputError(f"refers to {printable(name):.60}, which cannot be read ({error.strerror})") from error

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read(path: Path, *, units: str | None, up: str | None) -> Surface:
    """Read a mesh.

    Parameters
    ----------
    path : the file; its suffix says its format.
    units : units of its coordinates, a key of `METRES`; None if the format states them. For glTF they replace the
        metres of its standard; a STEP file states its own and takes no others.
    up : the axis that points up, y or z; None is y for glTF, else z.

    Raises
    ------
    InputError
        The file cannot be read, is not a mesh, has no units or implausible ones, or coordinates that are no numbers,
        or `units` are given for a STEP file.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: its format is not supported; convert it to one of {', '.join(FORMATS)}")
    if units is None and suffix not in IN_METRES:
        raise InputError(f"{path}: {suffix[1:].upper()} has no units; give `units`, one of {', '.join(METRES)}")
    if units is not None and units not in METRES:
        raise InputError(f"`units` {units}: choose from {', '.join(METRES)}")
    if units not in (None, "m") and suffix in STEP:
        raise InputError(f"{path}: `units` {units}: a STEP file states its unit, which is applied; leave `units` out")
    try:
        content = files.read_bytes(path, most_bytes=MOST_FILE_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        if suffix == ".obj":
            meshes = obj.bodies(content, path.stem)
        else:
            meshes = bodies(scene_of(content, suffix, path), path.stem)
        surface = surface_of(meshes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if not np.isfinite(surface.vertices).all():
        raise InputError(f"{path}: has coordinates that are not finite numbers; repair it in a mesh editor")
    frame = Frame(metres=METRES[units or "m"], up=up or ("y" if suffix in UPRIGHT else "z"))
    turned = frame.to_asset(surface.vertices)
    side = float(np.ptp(turned, axis=0).max())
    if not LEAST_M <= side <= MOST_M:
        stated, remedy = f"if its units are {units or 'm'}", f"give the right `units`, one of {', '.join(METRES)}"
        if suffix in STEP:
            stated, remedy = "by the unit that it states", "export it again in the right unit"
        raise InputError(
            f"{path}: its longest side is {side:.4g} m, {stated}; {remedy} (assets are {LEAST_M:g} to {MOST_M:g} m)"
        )
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = (low + high)[:2] / 2
    frame = replace(frame, shift_m=(float(x), float(y), float(low[2])))
    return replace(surface, vertices=frame.to_asset(surface.vertices), frame=frame)


def scene_of(content: bytes, suffix: str, path: Path) -> Any:
    """Return the trimesh scene of a file's content.

    Parameters
    ----------
    content : bytes of the file.
    suffix : suffix of its name, such as .glb, which says the format.
    path : the file; other files that it names are looked for beside it.

    Raises
    ------
    InputError
        The content cannot be read as a file of this kind.
    """
    import trimesh

    if suffix in STEP:
        content, suffix = _from_step(content), ".glb"
    try:
        return trimesh.load_scene(
            io.BytesIO(content), file_type=suffix[1:], resolver=_Beside(path.parent), process=False
        )
    except InputError:
        raise
    except Exception as error:  # readers raise whatever the bytes lead them to
        inner = error.__cause__ or error
        if isinstance(inner, InputError):
            raise inner from error
        raise InputError(f"is not a readable {suffix[1:].upper()} ({_short(error)})") from error


def _from_step(content: bytes) -> bytes:
    """Return a STEP file as GLB, tessellated to a tenth of a millimetre."""
    import tempfile

    try:
        import cascadio
    except ImportError as error:
        raise InputError("STEP needs cascadio; pip install 'corrotwin[cad]', or export a GLB") from error
    if b"ISO-10303-21" not in content[:1000]:
        raise InputError("is not a STEP file (ISO-10303-21 is missing at its start)")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.step"), Path(folder, "out.glb")
        with files.atomic_file(source) as stream:
            stream.write(content)
        try:
            cascadio.step_to_glb(str(source), str(target), 0.1, 0.5)
            return files.read_bytes(target, most_bytes=MOST_FILE_BYTES)
        except Exception as error:
            raise InputError(f"is not a STEP file that OpenCASCADE can read ({_short(error)})") from error


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:80]}".rstrip(": ")


def placed(scene: Any) -> Iterator[tuple[str, Any, Floats, Integers]]:
    """Yield each mesh of a trimesh scene: its node's name, the mesh, its vertices (n, 3) in the scene, faces (m, 3).

    Faces of a mesh that its node mirrors are turned, so that they still face outwards.

    Raises
    ------
    InputError
        Faces name vertices that do not exist.
    """
    import trimesh

    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        geometry = scene.geometry[name]
        if not isinstance(geometry, trimesh.Trimesh) or not len(geometry.faces):
            continue
        vertices, faces = _whole(geometry)
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise InputError("its faces refer to vertices that do not exist")
        if np.linalg.det(np.asarray(transform)[:3, :3]) < 0:
            faces = faces[:, ::-1]
        parent = str(scene.graph.transforms.parents.get(node))
        # trimesh puts each material of a glTF's node into a child whose name ends at random
        of_node = geometry.metadata.get("from_gltf_primitive") and re.fullmatch(
            re.escape(parent) + "_[0-9a-f]{6}", str(node)
        )
        yield parent if of_node else str(node), geometry, trimesh.transform_points(vertices, transform), faces


def _whole(geometry: Any) -> tuple[Floats, Integers]:
    """Return the vertices (n, 3) and triangles (m, 3) of a mesh.

    The polygons of a PLY are cut again: the fans of triangles that trimesh makes of them reach outside those that are
    not convex.
    """
    raw = geometry.metadata.get("_ply_raw")
    if raw is not None:
        data = raw["face"]["data"]
        names = data if isinstance(data, dict) else data.dtype.names
        name = next((name for name in names if name in PLY_FACES), next(iter(names)))
        rows = data[name] if isinstance(data, dict) else data[name]["f1"]
        rows = [row for row in rows if len(row) > 2] if np.shape(rows)[1:] != (3,) else []
        if rows:
            points = np.column_stack([raw["vertex"]["data"][axis] for axis in "xyz"]).astype(float)
            counts = np.array([len(row) for row in rows])
            return points, polygons.triangles(points, np.concatenate(rows).astype(np.int64), counts)[0]
    return np.asarray(geometry.vertices), np.asarray(geometry.faces, dtype=np.int64)


def bodies(scene: Any, stem: str) -> Iterator[tuple[str, str, Floats, Integers]]:
    """Yield each mesh of a trimesh scene: names of its part and material, vertices (n, 3), faces (m, 3).

    Parameters
    ----------
    scene : as `scene_of` returns it.
    stem : the name of a single mesh that has none.

    Raises
    ------
    InputError
        As in `placed`.
    """
    for node, geometry, points, faces in placed(scene):
        single = len(scene.geometry) == 1 and node.startswith("geometry")
        material = getattr(getattr(geometry.visual, "material", None), "name", None)
        yield stem if single else node, str(material or obj.UNNAMED), points, faces


def surface_of(found: Iterable[tuple[str, str, Floats, Integers]]) -> Surface:
    """Return the surface of all meshes of a file, as `bodies` yields them, in its own coordinates.

    Raises
    ------
    InputError
        There are no triangles.
    """
    vertices, faces, parts, materials = [], [], [], []
    part_names: dict[str, int] = {}
    material_names: dict[str, int] = {}
    offset = 0
    for part, material, points, triangles in found:
        vertices.append(points)
        faces.append(triangles + offset)
        parts.append(np.full(len(triangles), part_names.setdefault(clean_name(part), len(part_names))))
        materials.append(np.full(len(triangles), material_names.setdefault(clean_name(material), len(material_names))))
        offset += len(points)
    if not faces:
        raise InputError("holds no triangles")
    count = sum(map(len, faces))
    used, renumbered = np.unique(np.concatenate(faces), return_inverse=True)
    return Surface(
        vertices=np.concatenate(vertices).astype(float)[used],
        faces=renumbered.reshape(-1, 3),
        part=np.concatenate(parts),
        part_names=tuple(part_names),
        material=np.concatenate(materials),
        material_names=tuple(material_names),
        zone=np.zeros(count, dtype=np.int64),
        zone_names=("body",),
    )


def clean_name(text: str) -> str:
    """Return a name from a file in a form fit for a zone: short, printable, without separators of names."""
    return " ".join(printable(text).replace(",", " ").replace("=", " ").split())[:NAME_CHARACTERS] or "part"
