"""What leaves a twin: a table of its zones, and a mesh that any glTF viewer shows."""

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.assets.shapes import COVERED
from twin.assets.surface import Asset, Texels
from twin.corrosion import Fields
from twin.files import InputError, atomic_file

COLUMNS = ("zone", "area_m2", "rusted_percent", "mean_loss_mm", "max_loss_mm")
SEEN = 0.5  # rust cover from which a place counts as rusted

Colour = NDArray[np.float32]  # (3,) red, green, blue
PAINT: Colour = np.array([0.47, 0.53, 0.56], dtype=np.float32)
YOUNG_RUST: Colour = np.array([0.66, 0.33, 0.10], dtype=np.float32)  # lepidocrocite, orange
OLD_RUST: Colour = np.array([0.24, 0.12, 0.07], dtype=np.float32)  # goethite and magnetite, dark brown
NO_LOSS: Colour = np.array([0.93, 0.93, 0.90], dtype=np.float32)
MOST_LOSS: Colour = np.array([0.50, 0.00, 0.05], dtype=np.float32)
DARKENING_YEARS = 12.0


def zone_table(asset: Asset, texels: Texels, fields: Fields) -> list[tuple[str, float, float, float, float]]:
    """Rows of `COLUMNS`, one a zone that the air reaches, and one for all of them; means are by area."""
    rows = []
    exposed = np.zeros(asset.atlas_shape, dtype=bool)
    for index, name in enumerate(asset.zone_names):
        if name != COVERED:
            here = texels.zone == index
            exposed |= here
            rows.append(_row(name, here, texels, fields))
    return [*rows, _row("all", exposed, texels, fields)]


def _row(name: str, here: NDArray[np.bool_], texels: Texels, fields: Fields) -> tuple[str, float, float, float, float]:
    area = texels.area_mm2[here].astype(np.float64)
    loss = fields.wall_loss_mm[here]
    rusted = area[fields.rust_cover[here] > SEEN].sum()
    total = area.sum()
    return name, total / 1e6, 100 * rusted / total, float((area * loss).sum() / total), float(loss[area > 0].max())


def check_suffix(path: Path) -> None:
    """Refuse a file name whose suffix names no format that we write."""
    if path.suffix not in (".csv", ".glb"):
        raise InputError(f"{path}: cannot export {path.suffix or 'a name without suffix'!r}; choose .glb or .csv")


def write(path: Path, asset: Asset, texels: Texels, fields: Fields, *, look: str) -> None:
    """Write a zone table (``.csv``) or a textured mesh (``.glb``), as the name of the file says.

    Raises
    ------
    InputError
        Another suffix, or a place that cannot be written.
    """
    check_suffix(path)
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(
            (name, *(f"{value:.6g}" for value in values)) for name, *values in zone_table(asset, texels, fields)
        )
        content = text.getvalue().encode()
    else:
        content = glb(asset, fields, look=look)
    try:
        with atomic_file(path) as stream:
            stream.write(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def glb(asset: Asset, fields: Fields, *, look: str) -> bytes:
    """Binary glTF of the asset with one texture: "rust", as it looks, or "loss", wall loss from pale to dark red."""
    import trimesh
    from PIL import Image
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    picture = _rust_look(fields) if look == "rust" else _loss_look(fields)
    corners = np.column_stack([asset.faces.reshape(-1), asset.uv.reshape(-1, 2)])
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    uv = unique[:, 1:] * [1, -1] + [0, 1]  # trimesh counts v from the bottom of the picture
    material = PBRMaterial(
        baseColorTexture=Image.fromarray((picture * 255).round().astype(np.uint8)),
        metallicFactor=0.0,
        roughnessFactor=0.8,
    )
    vertices = asset.vertices[unique[:, 0].astype(int)]
    shape = trimesh.Trimesh(
        vertices @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]),  # glTF has y up
        inverse.reshape(-1, 3),
        visual=TextureVisuals(uv=uv, material=material),
        process=False,
    )
    content = shape.export(file_type="glb")
    assert isinstance(content, bytes)  # noqa: S101 -- trimesh's type covers its text formats too
    return content


def _rust_look(fields: Fields) -> NDArray[np.float32]:
    cover = fields.rust_cover[..., None]
    age = np.minimum(fields.age_years / np.float32(DARKENING_YEARS), 1)[..., None]
    rust = YOUNG_RUST * (1 - age) + OLD_RUST * age
    return np.asarray(PAINT * (1 - cover) + rust * cover)


def _loss_look(fields: Fields) -> NDArray[np.float32]:
    share = (fields.wall_loss_mm / max(float(fields.wall_loss_mm.max()), 1e-6))[..., None]
    return np.asarray(NO_LOSS * (1 - share) + MOST_LOSS * share)
