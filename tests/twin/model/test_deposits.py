from dataclasses import replace

import numpy as np
import pytest

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.model import deposits, zones
from corrotwin.twin.model.coating import Defects, Paint, paint_defects
from corrotwin.twin.model.exposure import at

DENSE = Paint(life_years=8.0, defects_per_m2=400.0)
# HEB 300 on blocks of 80 mm (EN 10365): flanges of 19 mm, a web of 11 mm.
LEDGE, HALF_WEB, ROOT = 0.080 + 0.019, 0.0055, 0.027
FILLET = ROOT - np.sqrt(ROOT**2 - (ROOT - deposits.OFF_M) ** 2)  # height above the flange at which rays meet the root


@pytest.fixture(scope="module")
def girder() -> AssetGeometry:
    given = {
        "section": "HEB 300", "length_m": 1.5, "stance": "beam", "joint": "none", "joint_m": 0.7, "stiffeners": 0,
        "end_plate": False,
    }  # fmt: skip
    return assets.build("beam", given, texel_mm=20.0)


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("above", [0.03, 0.10, 0.20])
def test_the_foot_of_a_web_is_damp_and_its_head_less(girder: AssetGeometry, side: float, above: float) -> None:
    place, facing = np.array([[0.1, side * HALF_WEB, LEDGE + above]]), np.array([[0.0, side, 0.0]])
    found = float(deposits.dampness(girder, place, facing)[0])
    assert found == pytest.approx(np.exp(-(above - FILLET) / deposits.REACH_M), rel=0.05)  # the root is a polygon


def test_half_of_a_ledges_effect_reaches_the_lowest_quarter_of_the_web(girder: AssetGeometry) -> None:
    """And not much more: Kayser & Nowak found webs wasted in their lowest quarter; dirt wets what is above, too."""
    clear = 0.300 - 2 * (0.019 + ROOT)
    above = ROOT + (np.arange(100) + 0.5) / 100 * clear
    places = np.column_stack([np.full(100, 0.1), np.full(100, HALF_WEB), LEDGE + above])
    found = deposits.dampness(girder, places, np.tile([0.0, 1.0, 0.0], (100, 1)))
    assert 0.5 < found[:25].sum() / found.sum() < 0.7


def test_what_faces_up_is_a_ledge_and_what_hangs_over_the_ground_is_as_high_as_it_is(girder: AssetGeometry) -> None:
    places = np.array([[0.1, 0.1, LEDGE], [0.1, 0.0, 0.38], [0.1, 0.1, 0.08], [0.1, 0.1, 0.361]])
    facing = np.array([[0, 0, 1.0], [0, 0, 1.0], [0, 0, -1.0], [0, 0, -1.0]])
    heights = np.array([0, 0, 0.08, 0.361 - LEDGE])  # the upper flange hangs over the lower one
    np.testing.assert_allclose(
        deposits.dampness(girder, places, facing), np.exp(-heights / deposits.REACH_M), rtol=1e-6
    )


def test_crevices_on_plates_are_as_damp_as_ledges() -> None:
    """Rims of the bed plate, and of the rocker's foot beside the line on which it stands."""
    given = {
        **assets.sample("bearing", np.random.default_rng(2)), "design": "rocker", "height_m": 0.35, "travel_mm": 0.0
    }  # fmt: skip
    asset = assets.build("bearing", given, texel_mm=20.0)
    corners, cross, twice = asset.triangles
    middle, facing = corners.mean(axis=1), cross / twice[:, None]
    solid = np.array(asset.solid_names)[asset.face_solid]
    crevice = (asset.face_zone == asset.zone_names.index("crevice")) & (facing[:, 2] < -0.1)
    for name in ("bed plate", "rocker foot"):
        here = crevice & (solid == name)
        assert here.any()
        assert (deposits.dampness(asset, middle[here], facing[here]) > 0.95).all()


def test_debris_only_adds_and_by_the_density_stated(girder: AssetGeometry) -> None:
    """On the front of the web, against the density there without debris, whose count is known (`Zone.defects` of 1)."""
    factor = 10.0
    seeds = [np.random.SeedSequence(seed) for seed in range(6)]
    before = [paint_defects(girder, at("C4"), DENSE, seed) for seed in seeds]
    after = [paint_defects(girder, at("C4", debris=factor), DENSE, seed) for seed in seeds]
    for one, other in zip(before, after, strict=True):
        count = len(one.speed)
        for name in ("position_m", "normal", "birth_years", "speed", "stretch"):
            np.testing.assert_array_equal(getattr(other, name)[:count], getattr(one, name))
    more = np.concatenate([b.position_m[len(a.speed) :] for a, b in zip(before, after, strict=True)])

    def count(low: float, high: float) -> int:
        x, y, z = more.T
        return int(((np.abs(y + HALF_WEB) < 1e-6) & (np.abs(x) < 0.7) & (z > LEDGE + low) & (z <= LEDGE + high)).sum())

    with_satellites = 1 + 7 / 3
    for low, high in ((0.04, 0.09), (0.15, 0.23)):
        share = np.exp(-(np.linspace(low, high, 100) - FILLET) / deposits.REACH_M).mean()
        area = 1.4 * (high - low)
        expected = len(seeds) * with_satellites * DENSE.defects_per_m2 * zones.ZONES["web"].defects * area
        # Satellites stray by some centimetres.
        assert count(low, high) == pytest.approx(expected * (factor - 1) * share, rel=0.3)


def test_debris_on_paint_without_weak_spots_opens_none(girder: AssetGeometry) -> None:
    perfect = replace(DENSE, defects_per_m2=0.0)
    found = paint_defects(girder, at("C4", debris=50.0), perfect, np.random.SeedSequence(0))
    assert isinstance(found, Defects)
    assert found.position_m.shape == (0, 3)


@pytest.mark.parametrize("debris", [0.5, 1e6, float("nan")])
def test_an_impossible_factor_is_refused(debris: float) -> None:
    with pytest.raises(InputError, match="debris"):
        at("C5", debris=debris)


def test_more_defects_than_can_be_held_are_refused(girder: AssetGeometry) -> None:
    with pytest.raises(InputError, match="adds over 100000 per m²"):
        paint_defects(girder, at("C5", debris=50.0), replace(DENSE, defects_per_m2=1e4), np.random.SeedSequence(0))
