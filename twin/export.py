"""Exports of a twin: a table of its zones, and a textured mesh for any glTF viewer."""

import csv
import io
from dataclasses import astuple, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, writing
from corrotwin.twin.core.rust_grade import rust_grade
from corrotwin.twin.core.text import escape_csv
from corrotwin.twin.geometry.atlas import AssetGeometry, Singles, Texels
from corrotwin.twin.geometry.opposite import opposite_texel
from corrotwin.twin.model import zones
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.twin_state import TwinState

SHELLS = (".aasx", ".json")  # Asset Administration Shells, which `twin.aas` writes
SEEN = 0.5  # least rust cover of a place that counts as rusted

Colour = NDArray[np.float32]  # (3,) red, green, blue
PAINTED: Colour = np.array([0.47, 0.53, 0.56], dtype=np.float32)
GALVANISED: Colour = np.array([0.62, 0.64, 0.65], dtype=np.float32)
BARE: Colour = np.array([0.33, 0.33, 0.34], dtype=np.float32)
YOUNG_RUST: Colour = np.array([0.66, 0.33, 0.10], dtype=np.float32)  # lepidocrocite, orange
OLD_RUST: Colour = np.array([0.24, 0.12, 0.07], dtype=np.float32)  # goethite and magnetite, dark brown
NO_LOSS: Colour = np.array([0.93, 0.93, 0.90], dtype=np.float32)
MOST_LOSS: Colour = np.array([0.50, 0.00, 0.05], dtype=np.float32)
DARKENING_YEARS = 12.0


@dataclass(frozen=True, kw_only=True)
class ZoneRow:
    """A region of the surface; means and shares are by area. Its fields are the columns of the CSV table."""

    by: str  # "part", "facing", "height" or "all"
    name: str
    area_m2: float
    rusted_percent: float
    iso_4628_3: str  # degree of rusting, Ri 0 to Ri 5
    mean_loss_mm: float
    max_loss_mm: float
    least_left_mm: float  # least remaining thickness, through the wall


def zone_table(
    asset: AssetGeometry, texels: Texels, fields: Fields, splash_m: tuple[float, float] | None
) -> list[ZoneRow]:
    """Return a row for each of `model.zones.regions`: by part, by facing, by height, and all surface in the air.

    The remaining thickness at a place is the thickness when new minus the losses of its face and the face behind it.
    """
    remaining = left_mm(asset, texels, fields)
    rows = []
    for by, name, in_region in zones.regions(asset, texels, splash_m):
        area, loss = texels.area_mm2[in_region].astype(np.float64), fields.wall_loss_mm[in_region]
        rusted = 100 * float(area[fields.rust_cover[in_region] > SEEN].sum() / area.sum())
        rows.append(
            ZoneRow(
                by=by,
                name=name,
                area_m2=float(area.sum()) / 1e6,
                rusted_percent=rusted,
                iso_4628_3=rust_grade(rusted),
                mean_loss_mm=float((area * loss).sum() / area.sum()),
                max_loss_mm=float(loss.max()),
                least_left_mm=float(remaining[in_region].min()),
            )
        )
    return rows


def left_mm(asset: AssetGeometry, texels: Texels, fields: Fields) -> Singles:
    """Return the remaining thickness through the wall at each texel, (H, W) mm, at least 0."""
    loss = fields.wall_loss_mm.reshape(-1)
    behind = opposite_texel(asset, texels)
    lost = loss + np.where(behind >= 0, loss[behind], 0)
    remaining = np.maximum(texels.thickness_mm - lost.reshape(texels.thickness_mm.shape), 0)
    return np.asarray(remaining, dtype=np.float32)


def check_suffix(path: Path) -> None:
    """Raise InputError if a suffix belongs to no format, here or in `twin.aas`, or the format's package is missing."""
    if path.suffix not in (".csv", ".glb", *SHELLS):
        choices = "choose .glb, .csv, .aasx or .json"
        raise InputError(f"{path}: cannot export {path.suffix or 'a name without suffix'!r}; {choices}")
    if path.suffix in SHELLS and find_spec("basyx") is None:
        raise InputError(f"{path}: needs basyx-python-sdk; pip install 'corrotwin[aas]'")


def write(path: Path, asset: AssetGeometry, texels: Texels, twin: TwinState, fields: Fields, *, look: str) -> None:
    """Write a zone table (``.csv``) or a textured mesh (``.glb``), by the suffix of the file name.

    Raises
    ------
    InputError
        The suffix is another, or the file cannot be written.
    """
    check_suffix(path)
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(ZoneRow.__dataclass_fields__)
        for row in zone_table(asset, texels, fields, twin.exposure.periods[-1].splash_m):
            writer.writerow(f"{value:.6g}" if isinstance(value, float) else escape_csv(value) for value in astuple(row))
        content = text.getvalue().encode()
    else:
        content = mesh(asset, texels, twin, fields, look=look)
    with writing(path), atomic_file(path) as stream:
        stream.write(content)


def mesh(asset: AssetGeometry, texels: Texels, twin: TwinState, fields: Fields, *, look: str) -> bytes:
    """Return a twin as binary glTF with a texture that shows rust, loss or zones, as `look` says."""
    looks = {"rust": partial(rust_look, fields, ground_of(twin)), "loss": partial(_loss_look, fields)}
    return glb(asset, looks.get(look, partial(_zone_look, texels))())


def glb(asset: AssetGeometry, picture: Singles) -> bytes:
    """Return the asset as binary glTF with one texture, (H, W, 3) in [0, 1] on its atlas."""
    import trimesh
    from PIL import Image
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    corners = np.column_stack([asset.faces.reshape(-1), asset.uv.reshape(-1, 2)])
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    uv = unique[:, 1:] * [1, -1] + [0, 1]  # trimesh measures v from the bottom of the picture
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


def ground_of(twin: TwinState) -> Colour:
    """Return the colour of a twin's surface without rust."""
    return PAINTED if isinstance(twin.coating, Paint) else BARE if twin.coating is None else GALVANISED


def rust_look(fields: Fields, ground: Colour) -> Singles:
    """Return the visible colours, (H, W, 3) in [0, 1]: the coating, or rust by its age."""
    cover = fields.rust_cover[..., None]
    age = np.minimum(fields.age_years / np.float32(DARKENING_YEARS), 1)[..., None]
    rust = YOUNG_RUST * (1 - age) + OLD_RUST * age
    return np.asarray(ground * (1 - cover) + rust * cover)


def _zone_look(texels: Texels) -> Singles:
    """Return a colour for each zone, with hues at golden steps of the circle, so that neighbours in the list differ."""
    from colorsys import hsv_to_rgb

    count = int(texels.zone.max()) + 1
    colours = [hsv_to_rgb((number * 0.618034) % 1, 0.55 + 0.4 * (number % 2), 0.9) for number in range(count)]
    return np.asarray(np.array([*colours, (0, 0, 0)], dtype=np.float32)[texels.zone])


def _loss_look(fields: Fields) -> Singles:
    """Return wall loss as colours from pale to dark red; the darkest is the greatest loss of this asset."""
    share = (fields.wall_loss_mm / max(float(fields.wall_loss_mm.max()), 1e-6))[..., None]
    return np.asarray(NO_LOSS * (1 - share) + MOST_LOSS * share)
