from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.model import coating, zones
from corrotwin.twin.model.coating import Defects, Paint, Zinc, paint_defects, scale_with_category, zinc_gone_years
from corrotwin.twin.model.exposure import CATEGORIES, METALS, Exposure, Period, at, category_um
from corrotwin.twin.model.loss import loss_um

Plate = Callable[..., tuple[AssetGeometry, Texels]]
C5 = at("C5")
PAINT = Paint(life_years=6.0)


def arrivals(texels: Texels, ragged: float, defects: Defects, years: float, exposure: Exposure = C5) -> np.ndarray:
    factor = np.full(texels.zone.shape, ragged, dtype=np.float32)
    clock = coating.front_clock(exposure)
    return clock.years(coating.arrival(texels.position_m, texels.normal, factor, defects, clock, years))


@pytest.mark.parametrize(
    "exposure", [C5, Exposure(periods=(Period(category="C3"), Period(from_years=4.0, category="CX")))]
)
def test_arrival_is_the_least_over_all_defects(plate: Plate, exposure: Exposure) -> None:
    """Against every defect at every texel in double precision, without the noise, tiles or reach of the real one."""
    asset, texels = plate(8.0)
    paint = Paint(life_years=6.0, defects_per_m2=40.0)
    defects = paint_defects(asset, exposure, paint, np.random.SeedSequence(1))
    years = 12.0
    found = arrivals(texels, 1.3, defects, years, exposure)
    offset = texels.position_m.reshape(-1, 1, 3).astype(float) - defects.position_m
    gravity = np.array([0.0, 0.0, -1.0])
    tangent = gravity - defects.normal * (defects.normal @ gravity)[:, None]
    slope = np.linalg.norm(tangent, axis=1)
    unit = tangent / np.maximum(slope, 1e-9)[:, None]
    downhill = np.maximum(np.einsum("tdk,dk->td", offset, unit), 0)
    shrink = 1 - 1 / (1 + (defects.stretch - 1) * slope)
    squeezed = offset - (downhill * shrink)[..., None] * unit
    turned = np.minimum(texels.normal.reshape(-1, 3).astype(float) @ defects.normal.T, 0)
    way_mm = np.linalg.norm(squeezed, axis=2) * (1 + 8 * turned**2) * 1.3 * 1000 / defects.speed
    # The front has come so far by each year, by steps of a hundredth of one.
    grid = np.arange(0, 30, 0.01)
    pace = scale_with_category(coating.SPEED_MM, exposure.first_year_um())
    here = np.searchsorted(exposure.starts(), grid, side="right") - 1
    front = np.concatenate([[0.0], np.cumsum(pace[here] * 0.01)])[:-1]
    born = np.interp(defects.birth_years, grid, front)
    expected = np.interp((born + way_mm).min(axis=1), front, grid).reshape(found.shape)
    reached = expected < years
    assert 0.05 < reached.mean() < 0.95
    np.testing.assert_allclose(found[reached], expected[reached], rtol=3e-3)
    assert (found[~reached] > years * 0.998).all()


def test_births_follow_area_zone_and_coating_life(plate: Plate) -> None:
    asset, texels = plate()
    dense = Paint(life_years=8.0, defects_per_m2=2000.0)
    defects = paint_defects(asset, C5, dense, np.random.SeedSequence(0))
    inside = texels.area_mm2 > 0
    zone = texels.zone[inside][cKDTree(texels.position_m[inside]).query(defects.position_m)[1]]
    density = {
        name: (zone == index).sum() / texels.area_mm2[texels.zone == index].sum()
        for index, name in enumerate(asset.zone_names)
    }
    # Six times as many parents, but a bead is narrower than the spread of their satellites.
    assert density["weld"] > 1.25 * density["face"] > 0
    assert density["edge"] > 2 * density["face"]
    # Satellites come later than the Weibull law of their parents.
    assert 0.3 < (defects.birth_years < 8.0).mean() < 1 - np.exp(-1)
    sparse = paint_defects(asset, C5, replace(dense, defects_per_m2=20.0), np.random.SeedSequence(0))
    assert len(sparse.birth_years) == pytest.approx(len(defects.birth_years) / 100, rel=0.3)


def test_as_many_defects_as_area_and_zones_ask_for(plate: Plate) -> None:
    """Parents by area times factor of their zone, and 7/3 satellites (geometric, p = 0.3) to each."""
    asset, _ = plate()
    dense = Paint(life_years=8.0, defects_per_m2=1000.0)
    corners = asset.vertices[asset.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    expected = 1000 * (area * np.array([zones.ZONES[n].defects for n in asset.zone_names])[asset.face_zone]).sum()
    counts = [len(paint_defects(asset, C5, dense, np.random.SeedSequence(seed)).speed) for seed in range(5)]
    assert np.mean(counts) == pytest.approx(expected * (1 + 7 / 3), rel=0.03)


def test_salt_water_opens_more_defects_where_it_splashes(plate: Plate) -> None:
    asset, _ = plate()
    dense = Paint(life_years=8.0, defects_per_m2=2000.0)
    wet = paint_defects(asset, at("C5", splash_m=(0.1, 0.2)), dense, np.random.SeedSequence(0))
    dry = paint_defects(asset, C5, dense, np.random.SeedSequence(0))
    inside = [((d.position_m[:, 2] > 0.1) & (d.position_m[:, 2] < 0.2)).sum() for d in (wet, dry)]
    above = [(d.position_m[:, 2] > 0.35).sum() for d in (wet, dry)]
    assert inside[0] > 2 * inside[1]
    assert above[0] == pytest.approx(above[1], rel=0.1)


def test_what_splash_and_debris_add_opens_while_it_stands_there(plate: Plate) -> None:
    """And nothing of a later place changes what has opened before."""
    asset, _ = plate()
    dense, seed = Paint(life_years=8.0, defects_per_m2=500.0), np.random.SeedSequence(0)
    wet, dry = Period(category="C5", splash_m=(0.0, 0.5), debris=5.0), Period(category="C5")

    def births(*places: Period) -> np.ndarray:
        stays = tuple(replace(place, from_years=4.0 * index) for index, place in enumerate(places))
        return np.sort(paint_defects(asset, Exposure(periods=stays), dense, seed).birth_years)

    alone = {place: births(place) for place in (wet, dry)}
    assert len(alone[wet]) > 2 * len(alone[dry])
    np.testing.assert_array_equal(births(wet, wet, wet), alone[wet])
    for first, then in ((wet, dry), (dry, wet)):
        moved = births(first, then)
        parents_before = alone[first] < 4
        np.testing.assert_array_equal(moved[moved < 4], alone[first][parents_before])
        again = births(first, then, first)
        np.testing.assert_array_equal(again[again < 8], moved[moved < 8])
        late = [(each > 4).sum() for each in (alone[dry], moved, alone[wet])]
        assert late == sorted(late)


def test_runoff_draws_rust_down_a_wall(plate: Plate) -> None:
    """Around a defect on an upright face the front reaches further down than up."""
    _, texels = plate()
    one = Defects(
        position_m=np.array([[0.1, texels.position_m[..., 1].min(), 0.3]]), normal=np.array([[0.0, -1.0, 0.0]]),
        birth_years=np.array([0.0]), speed=np.array([4 / 6]), stretch=np.array([2.5]),
    )  # fmt: skip
    reached = arrivals(texels, 1.0, one, 20.0) < 20
    height = texels.position_m[reached][:, 2] - 0.3
    assert -height.min() > 1.5 * height.max() > 0


def test_zinc_lasts_as_iso_9224_says() -> None:
    thickness = np.array([10.0, 85.0, 300.0], dtype=np.float32)
    years = zinc_gone_years(thickness, np.zeros_like(thickness), C5)
    rate, exponent = category_um("C5", "zinc"), METALS["zinc"].exponent
    np.testing.assert_allclose(loss_um(np.zeros(1), years[1], [0.0], [rate], exponent), 85.0, rtol=1e-4)
    assert years[0] < years[1] < years[2]
    assert 20 < years[1] < 30  # 85 µm, the least for steel over 6 mm by ISO 1461, in the middle of C5
    harsher = zinc_gone_years(thickness, np.zeros_like(thickness), at("CX"))
    assert (harsher < years).all()


def test_values_between_categories_lie_between() -> None:
    middles = np.array([category_um(name) for name in CATEGORIES])
    np.testing.assert_allclose(scale_with_category(coating.SPEED_MM, middles), list(coating.SPEED_MM.values()))
    assert 4.0 < scale_with_category(coating.SPEED_MM, np.array([90.0]))[0] < 6.0


@pytest.mark.parametrize("change", [{"life_years": 0.0}, {"shape": -1.0}, {"defects_per_m2": -2.0}])
def test_impossible_paints_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match="paint"):
        replace(PAINT, **change)


@pytest.mark.parametrize("thickness", [0.0, -5.0, float("nan"), 5000.0])
def test_impossible_zinc_is_refused(thickness: float) -> None:
    with pytest.raises(InputError, match=r"`thickness_um` .* zinc thickness"):
        Zinc(thickness_um=thickness)
