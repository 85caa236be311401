import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from corrotwin.twin import assets, export, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.model.coating import Paint, Zinc
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

Grown = tuple[AssetGeometry, Texels, TwinState, Fields]


@pytest.fixture(scope="module")
def grown() -> Grown:
    drawn = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=6.0)
    place = at("C5", splash_m=(0.0, 0.1))
    twin = replace(drawn, exposure=place, coating=Paint(life_years=4.0), clock=later(EPOCH, 9))
    asset = twin_state.asset(twin)
    return asset, assets.texels(asset), twin, twin_state.fields(twin)


@pytest.mark.parametrize("by", ["part", "facing"])
def test_table_adds_up(grown: Grown, tmp_path: Path, by: str) -> None:
    asset, texels, _, fields = grown
    export.write(tmp_path / "zones.csv", *grown, look="rust")
    rows = list(csv.DictReader((tmp_path / "zones.csv").read_text().splitlines()))
    zones, total = [row for row in rows if row["by"] == by], rows[-1]
    assert total["name"] == "all"
    if by == "part":
        assert {row["name"] for row in zones} == set(asset.zone_names) - {"covered"}
    area = np.array([float(row["area_m2"]) for row in zones])
    hidden = assets.mesh(asset).area_faces[asset.face_zone == asset.zone_names.index("covered")].sum()
    assert area.sum() == pytest.approx(assets.mesh(asset).area - hidden, rel=1e-3)
    for column in ("rusted_percent", "mean_loss_mm"):
        values = np.array([float(row[column]) for row in zones])
        assert (area * values).sum() / area.sum() == pytest.approx(float(total[column]), rel=1e-4)
    assert float(total["max_loss_mm"]) == pytest.approx(fields.wall_loss_mm[texels.area_mm2 > 0].max(), rel=1e-5)
    assert 0 < float(total["rusted_percent"]) < 100
    assert total["iso_4628_3"] == export.rust_grade(float(total["rusted_percent"]))
    wall = next(row for row in rows if row["name"] == "body")
    body = (texels.zone == asset.zone_names.index("body")) & (texels.area_mm2 > 0)
    left = (texels.thickness_mm - fields.wall_loss_mm)[body].min()
    assert float(wall["least_left_mm"]) == pytest.approx(left, rel=1e-4)
    assert sum(row["by"] == "height" for row in rows) == 1


@pytest.mark.parametrize(
    ("percent", "grade"),
    [
        (0, "Ri 0"),
        (0.01, "Ri 1"),
        (0.05, "Ri 1"),
        (0.2, "Ri 2"),
        (1, "Ri 3"),
        (7.9, "Ri 4"),
        (8.1, "Ri 5"),
        (90, "Ri 5"),
    ],
)
def test_degree_of_rusting_is_that_of_the_first_picture_with_as_much(percent: float, grade: str) -> None:
    assert export.rust_grade(percent) == grade


@pytest.mark.parametrize("look", ["rust", "loss"])
def test_glb_opens_with_the_rust_where_it_is(grown: Grown, tmp_path: Path, look: str) -> None:
    asset, texels, _, fields = grown
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


def test_glb_shows_what_protects_the_steel(grown: Grown, tmp_path: Path) -> None:
    asset, texels, twin, fields = grown
    grey = []
    for number, coating in enumerate((twin.coating, Zinc(thickness_um=85.0), None)):
        path = tmp_path / f"{number}.glb"
        export.write(path, asset, texels, replace(twin, coating=coating), fields, look="rust")
        (shape,) = trimesh.load_scene(path).geometry.values()
        picture = np.asarray(shape.visual.material.baseColorTexture.convert("RGB"))
        grey.append(tuple(picture[fields.rust_cover == 0][0]))
    assert len(set(grey)) == 3


def test_other_suffixes_are_refused(grown: Grown, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.obj.*choose \.glb, \.csv, \.aasx or \.json"):
        export.write(tmp_path / "pipe.obj", *grown, look="rust")
    assert not list(tmp_path.iterdir())
