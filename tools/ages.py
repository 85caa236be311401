"""Make docs/images/ages.jpg: one asset of each kind at four ages, each row under one light from one camera.

    .venv/bin/python -m tools.ages              # every kind
    .venv/bin/python -m tools.ages pipe chain   # these rows alone
    .venv/bin/python -m tools.ages valve.glb anvil.glb --years 0 10 20    # meshes

The metal of an open mesh counts as 5 mm thick. Twins and photographs are kept in out/ages; photographs of the same
state are not rendered again. A sheet of only some rows is written there, too.
"""

import argparse
import io
from dataclasses import replace
from functools import cache
from math import cos, radians, sin, tan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from corrotwin.synth.cameras.camera_model import Camera, from_pose, looking
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering.dataset import render
from corrotwin.synth.scene.specimen import LEAST_DEFECTS
from corrotwin.synth.scene.subject import saved
from corrotwin.synth.spec import Lens
from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, digest
from corrotwin.twin.meshes import child, reading
from corrotwin.twin.meshes.conversion import MeshOptions
from corrotwin.twin.model.coating import Coating, Paint, Zinc
from corrotwin.twin.model.exposure import at
from corrotwin.twin.model.pits import Pits

ROOT = Path(__file__).resolve().parents[1]
WORK, SHEET = ROOT / "out" / "ages", ROOT / "docs" / "images" / "ages.jpg"
YEARS = (0, 5, 10, 20)
CATEGORY = "C5"
SEED = 170  # seed of the scene: a grey day with sun on a concrete yard
PICTURE = 320  # pixels, rendered
WIDE, HIGH = 256, 192  # pixels, on the sheet: the middle of the picture
MOST_BYTES = 400_000
FIELD_OF_VIEW_DEG = 32.0
TEXELS = 800_000  # for PICTURE pixels
OPEN_MM = 5.0  # thickness of a mesh that is open

# The asset of each kind: seed of the sampler, and parameters to change.
CHOSEN: dict[str, tuple[int, dict[str, Any]]] = {
    "pipe": (5, {}),
    "chain": (13, {"layout": "pile"}),
    "plate": (8, {"upright": True}),
    "bolt": (4, {}),
    "beam": (7, {}),
    "bearing": (11, {}),
    "railing": (11, {}),
    "stair": (11, {}),
    "bar": (45, {}),
    "truss": (0, {
        "length_m": 2.6, "height_m": 1.2, "panels": 2, "pattern": "x", "chord": "L 100x10", "brace": "L 70x7",
        "braces": "single", "fastener": "rivets", "stance": "beam", "bow_mm": 40.0,
    }),
    "column": (0, {
        "height_m": 1.7, "width_m": 0.36, "form": "box", "section": "UPE 220", "lacing": "double", "depth_m": 0.0,
        "base": True,
    }),
    "girder": (0, {
        "length_m": 1.5, "depth_m": 0.56, "flange": "L 100x10", "web_mm": 10.0, "covers": 1, "cover_mm": 10.0,
        "pitch_mm": 100.0, "stiffeners": 2, "pack_rust_mm": 14.0, "dent_mm": 0.0,
    }),
    "cladding": (2, {"stance": "wall"}),
    "hull": (0, {"bow_mm": 18.0, "keel": True}),
    "panel": (2, {"sill": True, "lean_degrees": 0.0}),
    "tank": (3, {}),
}  # fmt: skip
COATINGS: dict[str, Coating] = {
    "chain": Zinc(thickness_um=40.0),
    "bar": None,
    "bolt": Zinc(thickness_um=42.0),
    "cladding": Zinc(thickness_um=20.0),
}
PAINT = Paint(life_years=6.0, defects_per_m2=20.0)


def twin_of(kind: str, years: float, size: int) -> twin_state.TwinState:
    """Return the chosen twin of a kind, or that of a mesh by its path, at an age, for a picture of `size` pixels."""
    name, coating = Path(kind).stem, COATINGS.get(kind, PAINT)
    seed, changes = CHOSEN.get(kind, (0, {}))
    if is_mesh(kind):
        kind, parameters = assets.MESH, mesh_parameters(Path(kind))
        least_density = LEAST_DEFECTS / assets.area_m2(kind, parameters)
        coating = replace(PAINT, defects_per_m2=max(PAINT.defects_per_m2, least_density))
    else:
        parameters = {**assets.sample(kind, np.random.default_rng(seed)), **changes}
    return twin_state.TwinState(
        id=f"{name}-{years:g}-years",
        kind=kind,
        parameters=parameters,
        texel_mm=float(np.sqrt(1e6 * assets.area_m2(kind, parameters) / TEXELS) * PICTURE / size),
        exposure=at(CATEGORY),
        coating=coating,
        pits=Pits(),
        built=twin_state.EPOCH,
        clock=twin_state.later(twin_state.EPOCH, years),
        seed=seed,
    )


def is_mesh(word: str) -> bool:
    """Return whether a word names a mesh that states its unit."""
    return word.endswith(reading.IN_METRES)


@cache
def mesh_parameters(path: Path) -> dict[str, Any]:
    """Convert a mesh and return the parameters of its asset."""
    folder = WORK / "meshes"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return child.convert(path, MeshOptions(), folder).parameters
    except InputError as error:
        if "`thickness`" not in str(error):
            raise
    return child.convert(path, MeshOptions(thickness=OPEN_MM), folder).parameters


def three_quarter_view(vertices: NDArray[np.float64], size: int) -> Camera:
    """Return a camera from the front right, a little above, whose square picture of `size` pixels the asset fills.

    Parameters
    ----------
    vertices : (n, 3) metres; the front is -y.
    """
    azimuth, height = radians(-58), radians(20)
    outward = np.array([cos(height) * cos(azimuth), cos(height) * sin(azimuth), sin(height)])
    right = np.array([-sin(azimuth), cos(azimuth), 0.0])
    axes = np.array([right, np.cross(outward, right), outward])
    slopes = tan(radians(FIELD_OF_VIEW_DEG) / 2) * 0.92 * np.array([1, HIGH / WIDE])  # the rest is margin
    local = vertices @ axes.T
    middle, distance = (local.min(axis=0) + local.max(axis=0)) / 2, 0.0
    for _ in range(4):  # near parts look larger: move the middle of the view to that of the picture
        centred = local - middle
        distance = float(((np.abs(centred[:, :2]) / slopes).max(axis=1) + centred[:, 2]).max())
        shares = centred[:, :2] / (distance - centred[:, 2:])
        middle[:2] += (shares.min(axis=0) + shares.max(axis=0)) / 2 * distance
    look_at = middle @ axes
    pose = looking((look_at + distance * outward).round(4), look_at.round(4))
    return from_pose(pose, Lens.wide(size, size, radians(FIELD_OF_VIEW_DEG)))


def photograph(kind: str, years: float, size: int) -> Image.Image:
    """Save and photograph the chosen twin of a kind at an age."""
    twin = twin_of(kind, years, size)
    folder = WORK / f"{twin.id}-{digest(repr(twin))}"
    store.save(twin, folder / "twin")
    subject = saved(folder / "twin", (three_quarter_view(twin_state.asset(twin).vertices, size),))
    config = RenderConfig(preset="balanced", size=size, seed=SEED)
    out = folder / digest({**subject.claim(), **config.plain(), "content": config.preset_stated()})
    render(out, config, count=1, shown=subject)
    return Image.open(out / "images" / "000000.jpg")


def sheet(kinds: list[str], ages: list[int], size: int) -> Image.Image:
    """Return a row for each kind or mesh, a column for each age, of photographs of `size` pixels."""
    font, head, cut = ImageFont.load_default(size=17), 28, size * (1 - HIGH / WIDE) / 2
    picture = Image.new("RGB", (WIDE * len(ages), head + HIGH * len(kinds)), "white")
    pen = ImageDraw.Draw(picture)
    for column, years in enumerate(ages):
        pen.text((WIDE * (column + 0.5), head / 2), f"{years} years", "black", font, anchor="mm")
    for row, kind in enumerate(kinds):
        for column, years in enumerate(ages):
            crop = (0, cut, size, size - cut)
            tile = photograph(kind, years, size).resize((WIDE, HIGH), Image.Resampling.LANCZOS, crop)
            picture.paste(tile, (WIDE * column, head + HIGH * row))
        pen.text((8, head + HIGH * row + 5), Path(kind).stem, "white", font, stroke_width=2, stroke_fill="black")
    return picture


def main() -> None:
    """Write the sheet of the kinds on the command line, or of all kinds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "kinds", nargs="*", metavar="kind", help=f"all by default: {', '.join(assets.KINDS)}, or a mesh"
    )
    parser.add_argument("--years", nargs="+", type=int, default=list(YEARS))
    parser.add_argument("--size", type=int, default=PICTURE, help="pixels, rendered")
    arguments = parser.parse_args()
    kinds = arguments.kinds
    if unknown := [kind for kind in kinds if kind not in assets.KINDS and not is_mesh(kind)]:
        parser.error(f"{unknown[0]}: no kind of asset; choose from {', '.join(assets.KINDS)}")
    picture = sheet(kinds or list(assets.KINDS), arguments.years, arguments.size)
    for quality in range(88, 30, -4):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if len(buffer.getvalue()) <= MOST_BYTES:
            break
    with atomic_file(WORK / SHEET.name if kinds else SHEET) as stream:
        stream.write(buffer.getvalue())


if __name__ == "__main__":
    main()
