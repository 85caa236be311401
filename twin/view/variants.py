"""A GLB with an appearance for each year, by the glTF extension KHR_materials_variants."""

import io
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin import export, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, writing
from corrotwin.twin.geometry.atlas import Singles
from corrotwin.twin.twin_state import TwinState
from corrotwin.twin.view.surface import SurfaceHistory

VARIANTS = "KHR_materials_variants"
MOST_VARIANTS = 80  # years beyond which every second, third, ... has a variant
JPEG_QUALITY = 88
_JSON, _BIN = 0x4E4F534A, 0x004E4942


def check(path: Path) -> None:
    """Refuse a file name that is not that of a GLB."""
    if path.suffix != ".glb":
        raise InputError(f"{path}: the mesh with a look for each year is binary glTF; end its name in .glb")


def variant_years(last_years: float) -> list[float]:
    """Return the years of service that have a variant: each year from built on, and the last."""
    step = max(1.0, np.ceil(last_years / MOST_VARIANTS))
    return [*(float(year) for year in np.arange(0, last_years - 1e-6, step)), last_years]


def write(path: Path, twin: TwinState, surface: SurfaceHistory, now_years: float, last_years: float) -> int:
    """Write the look of each year as a material variant named by its date, and return how many there are.

    Viewers without the extension show the present look.

    Raises
    ------
    InputError
        Another suffix, or a place that cannot be written.
    """
    check(path)
    years = variant_years(last_years)
    ground = export.ground_of(twin)
    plain = export.glb(surface.asset, export.rust_look(surface.fields(now_years), ground))
    looks = {
        f"{twin_state.later(twin.built, year):%Y-%m-%d}": _jpeg(export.rust_look(surface.fields(year), ground))
        for year in years
    }
    with writing(path), atomic_file(path) as stream:
        stream.write(with_variants(plain, looks))
    return len(looks)


def with_variants(glb: bytes, looks: Mapping[str, bytes]) -> bytes:
    """Return a GLB of one primitive with a material variant for each look.

    Parameters
    ----------
    glb : file with one mesh of one primitive, one material and one texture.
    looks : JPEG pictures on the same texture coordinates, by name of the variant.
    """
    document, content = _chunks(glb)
    pieces = [content]
    (mesh,) = document["meshes"]
    (primitive,) = mesh["primitives"]
    mappings = []
    for number, picture in enumerate(looks.values()):
        view = {"buffer": 0, "byteOffset": sum(map(len, pieces)), "byteLength": len(picture)}
        pieces.append(picture + b"\0" * (-len(picture) % 4))
        document["bufferViews"].append(view)
        document["images"].append({"bufferView": len(document["bufferViews"]) - 1, "mimeType": "image/jpeg"})
        document["textures"].append({**document["textures"][0], "source": len(document["images"]) - 1})
        material = json.loads(json.dumps(document["materials"][0]))
        material["pbrMetallicRoughness"]["baseColorTexture"]["index"] = len(document["textures"]) - 1
        document["materials"].append(material)
        mappings.append({"material": len(document["materials"]) - 1, "variants": [number]})
    primitive["extensions"] = {VARIANTS: {"mappings": mappings}}
    document["extensions"] = {VARIANTS: {"variants": [{"name": name} for name in looks]}}
    document["extensionsUsed"] = [*document.get("extensionsUsed", ()), VARIANTS]
    document["buffers"] = [{"byteLength": sum(map(len, pieces))}]
    return _glb(document, pieces)


def _chunks(glb: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of a GLB and its binary content."""
    length = struct.unpack_from("<I", glb, 12)[0]
    begin = 20 + length
    size = struct.unpack_from("<I", glb, begin)[0]
    return json.loads(glb[20:begin]), glb[begin + 8 : begin + 8 + size]


def _glb(document: Mapping[str, Any], pieces: Sequence[bytes]) -> bytes:
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    content = b"".join(pieces)
    chunks = struct.pack("<II", len(text), _JSON) + text + struct.pack("<II", len(content), _BIN) + content
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _jpeg(picture: Singles) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()
