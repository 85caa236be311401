"""Reading of mesh files: STL, OBJ, PLY, GLB and glTF with its scene tree, STEP by the extra `cad`."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable
from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.meshes.surface import Frame, Surface

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}
IN_METRES = (".glb", ".gltf", ".step", ".stp")  # glTF by its standard; STEP states its unit, which the reader applies
FORMATS = (".stl", ".obj", ".ply", *IN_METRES)
UPRIGHT = (".glb", ".gltf")  # formats whose y points up
LEAST_M, MOST_M = 0.002, 300.0  # longest side of an asset that units can be right for
MOST_FACES = 500_000  # without `simplify`
MOST_FILE_BYTES = 1024**3
NAME_CHARACTERS = 40
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".ktx2", ".bmp", ".tga")


class _Beside(Mapping[str, bytes]):
    """The files beside a glTF that it may name: none outside its folder, and no URL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> bytes:
        path = self.folder / name
        if "://" in name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"names {printable(name):.60} outside its folder; give a .glb, which holds all")
        if path.suffix.lower() in PICTURES:  # no use is made of what it was painted with
            return b""
        try:
            return files.read_bytes(path, inside=self.folder, most_bytes=MOST_FILE_BYTES)
        except OSError as error:
            raise InputError(f"names {printable(name):.60}, which cannot be read ({error.strerror})") from error

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read(path: Path, *, units: str | None, up: str | None) -> Surface:
    """Read a mesh.

    Parameters
    ----------
    path : the file; its suffix says its format.
    units : of its coordinates, a key of `METRES`; None where the format states them.
    up : the axis that points up, y or z; None is y for glTF, else z.

    Raises
    ------
    InputError
        It cannot be read, is not a mesh, has no units or implausible ones, or coordinates that are no numbers.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: its suffix is none of {', '.join(FORMATS)}; convert it")
    if units is None and suffix not in IN_METRES:
        raise InputError(f"{path}: {suffix[1:].upper()} has no units; give `units`, one of {', '.join(METRES)}")
    if units is not None and units not in METRES:
        raise InputError(f"`units` {units}: choose from {', '.join(METRES)}")
    try:
        content = files.read_bytes(path, most_bytes=MOST_FILE_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        surface = _surface(scene_of(content, suffix, path), path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if not np.isfinite(surface.vertices).all():
        raise InputError(f"{path}: has coordinates that are not finite numbers; repair it in a mesh editor")
    frame = Frame(metres=METRES[units or "m"], up=up or ("y" if suffix in UPRIGHT else "z"))
    turned = frame.to_asset(surface.vertices)
    side = float(np.ptp(turned, axis=0).max())
    if not LEAST_M <= side <= MOST_M:
        raise InputError(
            f"{path}: its longest side is {side:.4g} m, if its units are {units or 'm'}; give the right `units`, one "
            f"of {', '.join(METRES)} (assets are {LEAST_M:g} to {MOST_M:g} m)"
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
    suffix : that of its name, such as .glb, which says the format.
    path : the file, beside which others that it names are looked for.

    Raises
    ------
    InputError
        The content cannot be read as a file of this kind.
    """
    import trimesh

    if suffix in (".step", ".stp"):
        content, suffix = _from_step(content), ".glb"
    options: dict[str, Any] = {"split_objects": True, "group_material": False} if suffix == ".obj" else {}
    try:
        return trimesh.load_scene(
            io.BytesIO(content),
            file_type=suffix[1:],
            resolver=_Beside(path.parent),
            process=False,
            **options,
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
            raise InputError(f"is not a STEP file that OpenCASCADE reads ({_short(error)})") from error


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:80]}".rstrip(": ")


def placed(scene: Any) -> Iterator[tuple[Any, str, Floats, Integers]]:
    """Yield each mesh of a trimesh scene: its node, its name, its vertices (n, 3) in the scene, its faces (m, 3).

    Faces of a mesh that its node mirrors are turned, so that they look out as before.

    Raises
    ------
    InputError
        Faces name vertices that there are not.
    """
    import trimesh

    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        geometry = scene.geometry[name]
        if not isinstance(geometry, trimesh.Trimesh) or not len(geometry.faces):
            continue
        faces = np.asarray(geometry.faces, dtype=np.int64)
        if faces.min() < 0 or faces.max() >= len(geometry.vertices):
            raise InputError("its faces name vertices that it lacks")
        if np.linalg.det(np.asarray(transform)[:3, :3]) < 0:
            faces = faces[:, ::-1]
        yield node, name, trimesh.transform_points(geometry.vertices, transform), faces


def _surface(scene: Any, stem: str) -> Surface:
    """Return all triangles of a scene in its own coordinates, with the names of nodes and materials."""
    vertices, faces, parts, materials = [], [], [], []
    part_names: dict[str, int] = {}
    material_names: dict[str, int] = {}
    offset = 0
    for node, name, moved, own in placed(scene):
        label = stem if len(scene.geometry) == 1 and str(node).startswith("geometry") else str(node)
        part = part_names.setdefault(clean_name(label), len(part_names))
        material = material_names.setdefault(clean_name(_material(scene.geometry[name])), len(material_names))
        vertices.append(moved)
        faces.append(own + offset)
        parts.append(np.full(len(own), part))
        materials.append(np.full(len(own), material))
        offset += len(moved)
    if not faces:
        raise InputError("holds no triangles")
    count = sum(map(len, faces))
    used, every = np.unique(np.concatenate(faces), return_inverse=True)
    return Surface(
        vertices=np.concatenate(vertices).astype(float)[used],
        faces=every.reshape(-1, 3),
        part=np.concatenate(parts),
        part_names=tuple(part_names),
        material=np.concatenate(materials),
        material_names=tuple(material_names),
        zone=np.zeros(count, dtype=np.int64),
        zone_names=("body",),
    )


def _material(geometry: Any) -> str:
    material = getattr(geometry.visual, "material", None)
    return str(getattr(material, "name", None) or "none")


def clean_name(text: str) -> str:
    """Return a name from a file as a zone can have it: short, printable, without what separates names."""
    return " ".join(printable(text).replace(",", " ").replace("=", " ").split())[:NAME_CHARACTERS] or "part"
