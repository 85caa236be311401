"""Where metal is used up: through the sheet and at its edges, never where some is left, and for good."""

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy import ndimage
from scipy.spatial import cKDTree

from corrotwin.twin import assets
from corrotwin.twin.export import left_mm
from corrotwin.twin.geometry import charts
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.geometry.opposite import texels_behind
from corrotwin.twin.meshes.conversion import MeshOptions, convert
from corrotwin.twin.model import corrosion, perforation
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.model.pits import Pits

SHEET = {
    "length_m": 0.3, "width_m": 0.24, "thickness_mm": 2.0, "edge": "sheared", "opening_mm": 0.0, "stiffeners": 0,
    "stiffener": "flat", "stiffener_height_mm": 60.0, "fasteners": "none", "butt_weld": False, "upright": True,
}  # fmt: skip
TEXEL_MM = 1.5
AGES = (15, 18, 20, 22)
SEED = 5


@cache
def plate(thickness_mm: float) -> tuple[AssetGeometry, Texels]:
    asset = assets.build("plate", {**SHEET, "thickness_mm": thickness_mm}, texel_mm=TEXEL_MM)
    return asset, assets.texels(asset)


@cache
def grown(years: float, thickness_mm: float = 2.0) -> corrosion.Fields:
    asset, texels = plate(thickness_mm)
    coating = Paint(life_years=8.0, defects_per_m2=60.0)
    return corrosion.grow(
        asset, texels, exposure=at("CX"), coating=coating, years=years, seed=SEED, pits=Pits()
    )  # fmt: skip


@cache
def holes(years: float) -> np.ndarray:
    asset, texels = plate(2.0)
    found = perforation.gone(asset, texels, grown(years).wall_loss_mm, SEED)
    assert found is not None
    return found


def test_nothing_is_gone_from_new_steel_nor_from_thick_steel() -> None:
    assert perforation.gone(*plate(2.0), grown(0).wall_loss_mm, SEED) is None
    old = grown(60, 25.0).wall_loss_mm
    assert old.max() > 3
    assert perforation.gone(*plate(25.0), old, SEED) is None


@pytest.mark.ci
def test_holes_grow_with_age_and_never_close() -> None:
    _, texels = plate(2.0)
    shares = [holes(years)[texels.area_mm2 > 0].mean() for years in AGES]
    assert shares[0] > 0.001
    assert shares[-1] < 0.999
    assert shares == sorted(shares)
    assert len(set(shares)) == len(shares)
    for before, after in itertools.pairwise(AGES):
        assert not (holes(before) & ~holes(after)).any()


@pytest.mark.parametrize("years", AGES)
def test_metal_is_gone_where_none_is_left_and_else_only_near_by(years: float) -> None:
    asset, texels = plate(2.0)
    air = texels.area_mm2 > 0
    left = left_mm(asset, texels, grown(years))
    sheet = air & (texels.zone != asset.zone_names.index("edge"))
    assert holes(years)[sheet & (left <= 0)].all()
    film = air & (left <= perforation.FILM * 2.0)
    # Strands break, scraps fall and rims follow: all of that lies about places where a film at most was left.
    distance, _ = cKDTree(texels.position_m[film]).query(texels.position_m[holes(years) & air])
    assert np.quantile(distance, 0.9) <= (perforation.STRAND_MM / 2 + 2 * TEXEL_MM) / 1000


@pytest.mark.parametrize("years", AGES)
def test_a_hole_in_the_front_is_one_in_the_back(years: float) -> None:
    asset, texels = plate(2.0)
    faces = {name: (texels.area_mm2 > 0) & (texels.zone == asset.zone_names.index(name)) for name in ("face", "back")}
    for one, other in (("face", "back"), ("back", "face")):
        # By place alone: what lies nearest on the other face, 2 mm away.
        _, nearest = cKDTree(texels.position_m[faces[other]]).query(texels.position_m[faces[one]])
        here, there = holes(years)[faces[one]], holes(years)[faces[other]][nearest]
        assert here.any()
        assert (here != there).mean() <= 0.002
        assert there[here].mean() >= 0.99


def test_the_rim_goes_with_the_sheet_beside_it() -> None:
    asset, texels = plate(2.0)
    air = texels.area_mm2 > 0
    rim = air & (texels.zone == asset.zone_names.index("edge"))
    gone = holes(20)
    assert 0.02 < gone[rim].mean() < 0.98
    reach = 3 * TEXEL_MM / 1000
    for state in (True, False):
        distance, _ = cKDTree(texels.position_m[air & ~rim & (gone != state)]).query(texels.position_m[rim])
        assert (gone[rim][distance > reach] == state).mean() > 0.99


@pytest.mark.parametrize("years", AGES)
def test_no_scrap_hangs_in_the_air(years: float) -> None:
    asset, texels = plate(2.0)
    kept = (texels.area_mm2 > 0) & ~holes(years)
    for island in asset.islands:
        part = kept[island.row : island.row + island.shape[0], island.column : island.column + island.shape[1]]
        pieces, _ = ndimage.label(part)
        for number, place in enumerate(ndimage.find_objects(pieces), start=1):
            inside = all(cut.start > 0 and cut.stop < size for cut, size in zip(place, part.shape, strict=True))
            assert not inside or (pieces == number).sum() * TEXEL_MM**2 > perforation.SCRAP * 2 * 300 * 240


def test_gutters_repeat_the_texel_beside_them() -> None:
    asset, _ = plate(2.0)
    gone = holes(20)
    for island in asset.islands:
        height, width = island.shape
        rows = slice(island.row - 2, island.row + height + 2), slice(island.column - 2, island.column + width + 2)
        inner = gone[island.row : island.row + height, island.column : island.column + width]
        assert (gone[rows] == np.pad(inner, 2, mode="edge")).all()


def test_loss_from_one_side_alone_opens_both() -> None:
    asset = assets.build("pipe", assets.sample("pipe", np.random.default_rng(2)), texel_mm=6.0)
    texels = assets.texels(asset)
    bore = (texels.area_mm2 > 0) & (texels.zone == asset.zone_names.index("bore"))
    middle = texels.position_m[bore][int(bore.sum()) // 2]
    near = np.linalg.norm(texels.position_m - middle, axis=-1) < 0.04
    gone = perforation.gone(asset, texels, np.where(bore & near, texels.thickness_mm, 0).astype(np.float32), SEED)
    assert gone is not None
    outside = (texels.area_mm2 > 0) & ~bore
    assert gone[bore & near].all()
    assert gone[outside].any()
    wall_m = texels.thickness_mm[bore].max() / 1000
    distance, _ = cKDTree(texels.position_m[bore & near]).query(texels.position_m[gone & outside])
    assert distance.max() < wall_m + 0.02


def worn(where: np.ndarray, share: float) -> np.ndarray | None:
    """What is gone of a plate of 2 mm of which each face has lost so much of half its thickness where `where` is."""
    asset, texels = plate(2.0)
    loss = np.where(where & (texels.zone != asset.zone_names.index("edge")), share, 0.0)
    return perforation.gone(asset, texels, loss.astype(np.float32), SEED)


def test_a_film_of_a_tenth_of_the_thickness_breaks_out_and_a_thicker_one_holds() -> None:
    everywhere = plate(2.0)[1].area_mm2 > 0
    assert worn(everywhere, 0.895) is None
    found = worn(everywhere, 0.93)
    assert found is not None
    assert 0.05 < found[everywhere].mean() < 0.95
    assert worn(everywhere, 1.0)[everywhere].all()  # type: ignore[index]


def test_a_cut_of_three_texels_severs_a_piece_which_falls() -> None:
    _, texels = plate(2.0)
    air, along = texels.area_mm2 > 0, texels.position_m[..., 0]
    cut = 0.125  # the rest, 25 of 300 mm, is less than the tenth that would stay
    found = worn(air & (np.abs(along - cut) < 1.5 * TEXEL_MM / 1000), 1.0)
    assert found is not None
    beyond = 3 * TEXEL_MM / 1000
    assert found[air & (along > cut + beyond)].all()
    assert not found[air & (along < cut - beyond)].any()


@pytest.mark.ci
def test_steel_with_nothing_behind_it_outlasts_the_sheet_that_it_continues() -> None:
    """Where a flange lies over a web, no face is behind it, and it is no narrow rim of the flange beside."""
    asset = assets.build("girder", assets.sample("girder", np.random.default_rng(2)), texel_mm=10.0)
    texels = assets.texels(asset)
    place, normal = texels.position_m.reshape(-1, 3), texels.normal.reshape(-1, 3)
    thickness = texels.thickness_mm.reshape(-1)
    air = np.flatnonzero(texels.area_mm2.reshape(-1) > 0)
    has_back = texels_behind(asset, texels, air) >= 0
    sheet, single = air[has_back], air[~has_back]
    distance, nearest = cKDTree(place[sheet]).query(place[single])
    level = np.abs((normal[single] * normal[sheet[nearest]]).sum(axis=1)) > 0.95
    beside = single[(distance < thickness[single] / 2000 + 0.0015) & level]
    near = np.linalg.norm(place - place[beside[len(beside) // 2]], axis=1) < 0.1
    loss = np.zeros(len(place), dtype=np.float32)
    loss[sheet] = np.where(near[sheet], thickness[sheet], 0)
    found = perforation.gone(asset, texels, loss.reshape(texels.zone.shape), SEED)
    assert found is not None
    assert found.reshape(-1)[sheet][near[sheet]].all()
    assert near[beside].sum() > 400
    assert found.reshape(-1)[beside][near[beside]].mean() < 0.1  # narrow strands of it break


def test_the_same_seed_gives_the_same_holes_and_another_another_outline() -> None:
    asset, texels = plate(2.0)
    loss = grown(20).wall_loss_mm
    again, other = (perforation.gone(asset, texels, loss, seed) for seed in (SEED, SEED + 1))
    assert again is not None
    assert other is not None
    assert (again == holes(20)).all()
    assert 0 < (other != again).mean() < 0.05


def test_a_hole_in_one_body_of_a_mesh_leaves_bodies_beside_it_alone(tmp_path: Path) -> None:
    """They are one solid as far as charts say."""
    sheet = trimesh.creation.box((0.3, 0.3, 0.002))
    cube = trimesh.creation.box((0.04, 0.04, 0.04)).apply_translation((0.3, 0, 0))
    file = tmp_path / "both.stl"
    trimesh.util.concatenate([sheet, cube]).export(file)
    made = convert(file, MeshOptions(units="m"))
    asset = charts.assemble("mesh", {}, made.charts, texel_mm=2.0)
    texels = assets.texels(asset)
    on_cube = (texels.area_mm2 > 0) & (texels.position_m[..., 0] > asset.vertices[:, 0].max() - 0.041)
    worn = (
        np.linalg.norm(texels.position_m[..., :2] - texels.position_m[~on_cube][:, :2].mean(axis=0), axis=-1) < 0.03
    ) & ~on_cube
    found = perforation.gone(asset, texels, np.where(worn, 1.5, 0.0).astype(np.float32), SEED)
    assert found is not None
    assert found[worn & (texels.area_mm2 > 0)].mean() > 0.9
    assert not found[on_cube].any()
