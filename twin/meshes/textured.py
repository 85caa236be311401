"""Props that do not rust, read from GLB files: triangles with the colours of their textures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.meshes import glb, reading, repair, simplifying
from corrotwin.twin.meshes.surface import Frame, Surface

MOST_FACES = 20_000  # most triangles that are kept
MOST_PIXELS = 512  # greatest side of a texture that is kept
BEYOND = 0.5  # how far outside a triangle, in shares of it, a simplified one may read its picture
PLAIN = (0.5, 0.5, 0.5, 0.7, 0.0)  # factors of a mesh without material


@dataclass(frozen=True, kw_only=True, eq=False)
class Textured:
    """Triangles with materials, metres, z up, resting on z = 0 over the origin.

    ``vertices (n, 3)``, ``faces (m, 3)``, ``uv (m, 3, 2)`` from the lower left, ``face_material (m,)``,
    ``materials (k, 5)``: factors of red, green, blue (linear), roughness, metallic; ``texture (k,)`` the number of each
    one's texture, or -1; `textures` (height, width, 3) sRGB bytes, the top row first.
    """

    vertices: Floats
    faces: Integers
    uv: Floats
    face_material: Integers
    materials: Floats
    texture: Integers
    textures: tuple[NDArray[np.uint8], ...]


def read(path: Path) -> Textured:
    """Read a GLB, simplified to `MOST_FACES` triangles.

    Raises
    ------
    InputError
        The file cannot be read, names other files, has too many triangles, none, or an implausible size.
    """
    glb.check(path)
    try:
        content = files.read_bytes(path, most_bytes=glb.MOST_FILE_BYTES)
        prop = _simplified(_gathered(reading.scene_of(content, ".glb", path)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    glb.check_size(path, float(np.ptp(prop.vertices, axis=0).max()))
    return prop


def save(made: Textured, folder: Path) -> Path:
    """Write a prop as ``prop.npz`` of plain arrays, which Blender's process reads, and return the path."""
    target = folder / "prop.npz"
    pictures = {f"texture-{number}": picture for number, picture in enumerate(made.textures)}
    with files.new_file(target, replace=True) as stream:
        np.savez(
            stream, vertices=made.vertices.astype(np.float32), faces=made.faces.astype(np.int32),
            uv=made.uv.astype(np.float32), face_material=made.face_material.astype(np.int32),
            materials=made.materials.astype(np.float32), texture=made.texture.astype(np.int32), **pictures,
        )  # fmt: skip
    return target


def _gathered(scene: Any) -> Textured:
    """Return all triangles of a trimesh scene."""
    vertices, faces, uv, face_materials = [], [], [], []
    looks: dict[int, int] = {}  # the material of each mesh, which may be placed several times
    materials: list[tuple[float, ...]] = []
    texture: list[int] = []
    textures: list[NDArray[np.uint8]] = []
    offset = 0
    for _, geometry, moved, triangles in reading.placed(scene):
        if id(geometry) not in looks:
            looks[id(geometry)] = len(materials)
            factors, picture = _look(geometry.visual)
            materials.append(factors)
            texture.append(-1 if picture is None else len(textures))
            textures += [] if picture is None else [picture]
        places = getattr(geometry.visual, "uv", None)
        has_uv = places is not None and np.shape(places) == (len(geometry.vertices), 2) and np.isfinite(places).all()
        uv.append(np.asarray(places, dtype=float)[triangles] if has_uv else np.zeros((len(triangles), 3, 2)))
        vertices.append(moved)
        faces.append(triangles + offset)
        face_materials.append(np.full(len(triangles), looks[id(geometry)]))
        offset += len(moved)
    if not faces:
        raise InputError("holds no triangles")
    points = Frame(up="y").to_asset(np.concatenate(vertices))
    used, renumbered = np.unique(np.concatenate(faces), return_inverse=True)
    points = points[used]
    if not np.isfinite(points).all():
        raise InputError("has coordinates that are not finite numbers; repair it in a mesh editor")
    low, high = points.min(axis=0), points.max(axis=0)
    return Textured(
        vertices=points - [*(low + high)[:2] / 2, low[2]], faces=renumbered.reshape(-1, 3), uv=np.concatenate(uv),
        face_material=np.concatenate(face_materials), materials=np.array(materials), texture=np.array(texture),
        textures=tuple(textures),
    )  # fmt: skip


def _look(visual: Any) -> tuple[tuple[float, ...], NDArray[np.uint8] | None]:
    """Return the factors of a material, (5,), and its texture."""
    material = getattr(visual, "material", None)
    if material is None:
        colors = np.asarray(visual.vertex_colors, dtype=float) if getattr(visual, "kind", None) == "vertex" else None
        return PLAIN if colors is None else (*(colors[:, :3].mean(axis=0) / 255).tolist(), *PLAIN[3:]), None
    base_color = getattr(material, "baseColorFactor", None)
    color = [1.0, 1.0, 1.0] if base_color is None else (np.asarray(base_color, dtype=float)[:3] / 255).tolist()
    rough, metal = (
        1.0 if (value := getattr(material, name, None)) is None else float(value)
        for name in ("roughnessFactor", "metallicFactor")
    )
    rough_metal = getattr(material, "metallicRoughnessTexture", None)
    if rough_metal is not None:  # its mean stands for it
        shares = _pixels(rough_metal).mean(axis=(0, 1)) / 255
        rough, metal = rough * float(shares[1]), metal * float(shares[2])
    picture = getattr(material, "baseColorTexture", None)
    factors = (*color, rough, metal)
    return tuple(float(np.clip(value, 0, 1)) for value in factors), None if picture is None else _pixels(picture)


def _pixels(picture: Any) -> NDArray[np.uint8]:
    """Return a picture, reduced, as (height, width, 3) bytes."""
    try:
        reduced = picture.convert("RGB")
        reduced.thumbnail((MOST_PIXELS, MOST_PIXELS))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"has a texture that cannot be read ({error!s:.60}); export it again") from error
    return np.asarray(reduced, dtype=np.uint8)


def _simplified(made: Textured) -> Textured:
    """Return a prop with at most about `MOST_FACES` triangles, coloured as the nearest original ones."""
    count = len(made.faces)
    if count <= MOST_FACES:
        return made
    zeros = np.zeros(count, dtype=np.int64)
    before = Surface(
        vertices=made.vertices, faces=made.faces, part=zeros, part_names=("all",), material=zeros,
        material_names=("all",), zone=np.arange(count), zone_names=(),
    )  # fmt: skip
    after = simplifying.reduced(repair.welded(before), MOST_FACES)
    nearest = after.zone
    a, b, c = np.moveaxis(made.vertices[made.faces[nearest]], 1, 0)[:, :, None]
    across, up, to = b - a, c - a, after.corners - a
    uu, uv, vv = ((p * q).sum(axis=-1) for p, q in ((across, across), (across, up), (up, up)))
    wu, wv = (to * across).sum(axis=-1), (to * up).sum(axis=-1)
    size = np.maximum(uu * vv - uv * uv, 1e-30)
    shares = np.stack([(vv * wu - uv * wv) / size, (uu * wv - uv * wu) / size], axis=-1).clip(-BEYOND, 1 + BEYOND)
    weights = np.concatenate([1 - shares.sum(axis=-1, keepdims=True), shares], axis=-1)  # (m, 3 corners, 3 shares)
    return Textured(
        vertices=after.vertices, faces=after.faces, uv=np.einsum("mcs,msx->mcx", weights, made.uv[nearest]),
        face_material=made.face_material[nearest], materials=made.materials, texture=made.texture,
        textures=made.textures,
    )  # fmt: skip
