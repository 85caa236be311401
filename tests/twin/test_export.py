import csv
from pathlib import Path

import numpy as np
import pytest
import trimesh

from twin import assets, export
from twin.assets import Asset, Texels
from twin.corrosion import Coating, Exposure, Fields, grow
from twin.files import InputError


@pytest.fixture(scope="module")
def grown() -> tuple[Asset, Texels, Fields]:
    asset = assets.build("pipe", assets.sample("pipe", np.random.default_rng(1)), texel_mm=6.0)
    texels = assets.texels(asset)
    coating = Coating(life_years=4.0)
    return asset, texels, grow(asset, texels, exposure=Exposure(category="C5"), coating=coating, years=12, seed=2)


def test_table_adds_up(grown: tuple[Asset, Texels, Fields], tmp_path: Path) -> None:
    asset, texels, fields = grown
    export.write(tmp_path / "zones.csv", *grown, look="rust")
    rows = list(csv.DictReader((tmp_path / "zones.csv").read_text().splitlines()))
    zones, total = rows[:-1], rows[-1]
    assert {row["zone"] for row in zones} == set(asset.zone_names) - {"covered"}
    area = np.array([float(row["area_m2"]) for row in zones])
    hidden = assets.mesh(asset).area_faces[asset.face_zone == asset.zone_names.index("covered")].sum()
    assert area.sum() == pytest.approx(assets.mesh(asset).area - hidden, rel=1e-3)
    for column in ("rusted_percent", "mean_loss_mm"):
        values = np.array([float(row[column]) for row in zones])
        assert (area * values).sum() / area.sum() == pytest.approx(float(total[column]), rel=1e-4)
    assert float(total["max_loss_mm"]) == pytest.approx(fields.wall_loss_mm[texels.area_mm2 > 0].max(), rel=1e-5)
    assert 0 < float(total["rusted_percent"]) < 100


@pytest.mark.parametrize("look", ["rust", "loss"])
def test_glb_opens_with_the_rust_where_it_is(grown: tuple[Asset, Texels, Fields], tmp_path: Path, look: str) -> None:
    asset, texels, fields = grown
    export.write(tmp_path / "pipe.glb", *grown, look=look)
    (shape,) = trimesh.load_scene(tmp_path / "pipe.glb").geometry.values()
    assert len(shape.faces) == len(asset.faces)
    assert shape.area == pytest.approx(assets.mesh(asset).area, rel=1e-4)
    size = asset.vertices.max(axis=0) - asset.vertices.min(axis=0)
    np.testing.assert_allclose(shape.extents, size[[0, 2, 1]], rtol=1e-4)  # y is up there
    picture = np.asarray(shape.visual.material.baseColorTexture.convert("RGB")).astype(int)
    assert picture.shape[:2] == asset.atlas_shape
    # Look each corner up as a viewer does (trimesh counts v from the bottom), against the field at that place.
    u, v = shape.visual.uv.T
    row = np.floor((1 - v) * asset.atlas_shape[0]).astype(int).clip(0, asset.atlas_shape[0] - 1)
    column = np.floor(u * asset.atlas_shape[1]).astype(int).clip(0, asset.atlas_shape[1] - 1)
    place = shape.vertices @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    assert np.median(np.linalg.norm(texels.position_m[row, column] - place, axis=1)) < 0.006
    redness = picture[..., 0] - picture[..., 2]
    field = fields.rust_cover if look == "rust" else fields.wall_loss_mm
    assert redness[field > 0.5 * field.max()].min() > redness[field == 0].max()


def test_other_suffixes_are_refused(grown: tuple[Asset, Texels, Fields], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.obj.*choose \.glb or \.csv"):
        export.write(tmp_path / "pipe.obj", *grown, look="rust")
    assert not list(tmp_path.iterdir())
