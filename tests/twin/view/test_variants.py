import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from corrotwin.twin import export
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.view import variants
from corrotwin.twin.view.surface import SurfaceHistory


@pytest.mark.parametrize(("last", "count"), [(10.0, 11), (10.5, 12), (200.0, 68)])
def test_years_begin_with_the_first_and_end_with_the_last(last: float, count: int) -> None:
    years = variants.variant_years(last)
    assert (years[0], years[-1], len(years)) == (0.0, last, count)
    assert (np.diff(years) > 0).all()


def test_a_glb_has_a_look_for_each_year_and_opens_without(
    tmp_path: Path, made: Forecast, surface: SurfaceHistory
) -> None:
    twin, now = made.known.twin, made.known.now_years
    path = tmp_path / "spool.glb"
    assert variants.write(path, twin, surface, now, 20.0) == 21
    content = path.read_bytes()
    magic, version, length, size, _ = struct.unpack_from("<4sIIII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    document, binary = json.loads(content[20 : 20 + size]), content[28 + size :]
    names = [variant["name"] for variant in document["extensions"][variants.VARIANTS]["variants"]]
    assert names[0] == "2000-01-01"
    assert names == sorted(set(names))
    (primitive,) = document["meshes"][0]["primitives"]
    brown = []
    for number, mapping in enumerate(primitive["extensions"][variants.VARIANTS]["mappings"]):
        assert mapping["variants"] == [number]
        texture = document["materials"][mapping["material"]]["pbrMetallicRoughness"]["baseColorTexture"]["index"]
        view = document["bufferViews"][document["images"][document["textures"][texture]["source"]]["bufferView"]]
        picture = Image.open(io.BytesIO(binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]))
        shown = np.asarray(picture, dtype=float) / 255
        ideal = export.rust_look(surface.fields(float(number)), export.ground_of(twin))
        assert np.abs(shown - ideal)[surface.texels.area_mm2 > 0].mean() < 0.03
        brown.append(float((shown[..., 0] - shown[..., 2]).mean()))
    assert brown[-1] > brown[0] + 0.1
    (shape,) = trimesh.load_scene(path).geometry.values()
    assert len(shape.faces) == len(surface.asset.faces)


def test_other_suffixes_are_refused(tmp_path: Path, made: Forecast, surface: SurfaceHistory) -> None:
    with pytest.raises(InputError, match=r"spool\.gltf: .*end its name in \.glb"):
        variants.write(tmp_path / "spool.gltf", made.known.twin, surface, 10.0, 20.0)
    assert not list(tmp_path.iterdir())
