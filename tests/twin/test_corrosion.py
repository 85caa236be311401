from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from twin import assets, corrosion
from twin.assets import Asset, Texels
from twin.corrosion import ZONE_FACTORS, Coating, Exposure, Fields, birth_places, grow
from twin.exposure import first_year_loss_um, loss_um
from twin.files import InputError

C5 = Exposure(category="C5")
PAINT = Coating(life_years=6.0)
FIELDS = ("start_years", "age_years", "wall_loss_mm", "rust_cover")
PLATE = {
    "length_m": 0.6,
    "width_m": 0.5,
    "thickness_mm": 10.0,
    "stiffeners": 1,
    "stiffener": "flat",
    "stiffener_height_mm": 80.0,
    "fasteners": "rivets",
    "butt_weld": True,
    "upright": True,
}


@cache
def plate(texel_mm: float = 5.0) -> tuple[Asset, Texels]:
    asset = assets.build("plate", PLATE, texel_mm=texel_mm)
    return asset, assets.texels(asset)


def grown(years: float, *, coating: Coating | None = PAINT, seed: int = 3, texel_mm: float = 5.0) -> Fields:
    return grow(*plate(texel_mm), exposure=C5, coating=coating, years=years, seed=seed)


def share(fields: Fields, texels: Texels) -> float:
    return float(texels.area_mm2[fields.rust_cover > 0.5].sum() / texels.area_mm2.sum())


@pytest.mark.parametrize("coating", [PAINT, None])
def test_zero_years_change_nothing(coating: Coating | None) -> None:
    fields = grown(0, coating=coating)
    assert np.isinf(fields.start_years).all()
    for name in FIELDS[1:]:
        assert not getattr(fields, name).any()


@pytest.mark.parametrize("coating", [PAINT, None])
def test_nothing_ever_shrinks(coating: Coating | None) -> None:
    history = [grown(years, coating=coating) for years in (0.5, 2, 5, 5.5, 12, 19, 21, 40)]
    for before, after in pairwise(history):
        started = np.isfinite(before.start_years)
        np.testing.assert_array_equal(after.start_years[started], before.start_years[started])
        for name in FIELDS[1:]:
            assert (getattr(after, name) >= getattr(before, name)).all(), name
    assert share(history[-1], plate()[1]) > share(history[0], plate()[1])


def test_fields_are_in_range_and_agree() -> None:
    fields = grown(15)
    assert 0.02 < share(fields, plate()[1]) < 0.9
    assert fields.rust_cover.min() == 0
    assert fields.rust_cover.max() == 1
    assert all(getattr(fields, name).dtype == np.float32 for name in FIELDS)
    started = fields.start_years < 15
    np.testing.assert_array_equal(started, fields.age_years > 0)
    np.testing.assert_array_equal(started, fields.wall_loss_mm > 0)
    assert not fields.rust_cover[~started].any()


def test_same_seed_same_history_and_another_seed_another() -> None:
    first, again, other = grown(10), grown(10), grown(10, seed=4)
    for name in FIELDS:
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.rust_cover.tobytes() != other.rust_cover.tobytes()


def test_result_depends_on_the_place_and_not_on_the_layout() -> None:
    """The same texels in another order, so in other tiles, have the same history bit for bit."""
    asset, texels = plate()
    order = np.random.default_rng(0).permutation(texels.zone.size)

    def shuffled(field: np.ndarray) -> np.ndarray:
        return field.reshape(texels.zone.size, -1)[order].reshape(field.shape)

    mixed = Texels(
        position_m=shuffled(texels.position_m),
        normal=shuffled(texels.normal),
        area_mm2=shuffled(texels.area_mm2),
        zone=shuffled(texels.zone),
        thickness_mm=shuffled(texels.thickness_mm),
    )
    plain = grown(9)
    again = grow(asset, mixed, exposure=C5, coating=PAINT, years=9, seed=3)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(again, name), shuffled(getattr(plain, name)), err_msg=name)


def test_arrival_is_the_least_over_all_defects() -> None:
    """Against every defect at every texel in double precision, without the noise, tiles or reach of the real one."""
    asset, texels = plate(8.0)
    defects = birth_places(asset, C5, PAINT, np.random.SeedSequence(1))
    years = 12.0
    factor = np.full(texels.zone.shape, 1.3, dtype=np.float32)
    found = corrosion._arrival(texels, factor, defects, years)
    offset = texels.position_m.reshape(-1, 1, 3).astype(float) - defects.position_m
    gravity = np.array([0.0, 0.0, -1.0])
    tangent = gravity - defects.normal * (defects.normal @ gravity)[:, None]
    slope = np.linalg.norm(tangent, axis=1)
    unit = tangent / np.maximum(slope, 1e-9)[:, None]
    downhill = np.maximum(np.einsum("tdk,dk->td", offset, unit), 0)
    shrink = 1 - 1 / (1 + (defects.stretch - 1) * slope)
    squeezed = offset - (downhill * shrink)[..., None] * unit
    turned = np.minimum(texels.normal.reshape(-1, 3).astype(float) @ defects.normal.T, 0)
    distance = np.linalg.norm(squeezed, axis=2) * (1 + 8 * turned**2) * 1.3
    expected = (defects.birth_years + distance / defects.speed_m).min(axis=1).reshape(found.shape)
    reached = expected < years
    assert 0.05 < reached.mean() < 0.95
    np.testing.assert_allclose(found[reached], expected[reached], rtol=2e-4)
    assert (found[~reached] > years * 0.999).all()


def test_bare_steel_loses_what_iso_9224_says() -> None:
    texels, ratios = plate()[1], []
    for seed in range(6):
        fields = grown(20, coating=None, seed=seed)
        area = np.where(np.isfinite(fields.start_years), texels.area_mm2, 0).astype(float)
        expected = loss_um(fields.age_years.astype(float), first_year_loss_um("C5") / 1000)
        ratios.append((area * fields.wall_loss_mm).sum() / (area * expected).sum())
        assert (fields.rust_cover[area > 0] == 1).all()
    assert np.mean(ratios) == pytest.approx(1, abs=0.01)


def test_texel_size_moves_the_statistics_little() -> None:
    coarse, fine = grown(12, texel_mm=6.0), grown(12, texel_mm=3.0)
    assert share(coarse, plate(6.0)[1]) == pytest.approx(share(fine, plate(3.0)[1]), abs=0.02)
    assert coarse.wall_loss_mm.max() == pytest.approx(fine.wall_loss_mm.max(), rel=0.15)


def test_faces_in_contact_never_rust() -> None:
    asset, texels = plate()
    hidden = texels.zone == asset.zone_names.index("covered")
    assert hidden.any()
    for coating in (PAINT, None):
        assert not grown(30, coating=coating).rust_cover[hidden].any()


def test_every_zone_of_every_kind_has_a_factor() -> None:
    for kind in assets.KINDS:
        for seed in range(12):
            patches, _ = assets.KINDS[kind].build(**assets.sample(kind, np.random.default_rng(seed)))
            assert {patch.zone for patch in patches} <= {*ZONE_FACTORS, "body", "face"}


def test_births_follow_area_zone_and_coating_life() -> None:
    asset, texels = plate()
    dense = Coating(life_years=8.0, defects_per_m2=2000.0)
    defects = birth_places(asset, C5, dense, np.random.SeedSequence(0))
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
    sparse = birth_places(asset, C5, replace(dense, defects_per_m2=20.0), np.random.SeedSequence(0))
    assert len(sparse.birth_years) == pytest.approx(len(defects.birth_years) / 100, rel=0.3)


def test_rust_forms_patches_and_not_specks() -> None:
    asset, texels = plate(2.0)
    face = texels.zone == asset.zone_names.index("face")
    labels, _ = ndimage.label((grown(12, texel_mm=2.0).rust_cover > 0.5) & face)
    sizes = np.bincount(labels.ravel())[1:]
    assert len(sizes) > 3
    assert sizes[sizes > 100].sum() > 0.9 * sizes.sum()  # 100 texels are 4 cm²


def test_runoff_draws_rust_down_a_wall() -> None:
    """Around defects on an upright face the front reaches further down than up."""
    asset, texels = plate()
    defects = birth_places(asset, C5, Coating(life_years=1.0), np.random.SeedSequence(2))
    upright = np.flatnonzero((np.abs(defects.normal[:, 2]) < 0.1) & (defects.stretch > 2))[:1]
    one = corrosion.Defects(**{name: getattr(defects, name)[upright] for name in defects.__dataclass_fields__})
    one = replace(one, position_m=np.array([[0.1, texels.position_m[..., 1].min(), 0.3]]), speed_m=np.array([0.004]))
    one = replace(one, normal=np.array([[0.0, -1.0, 0.0]]), birth_years=np.array([0.0]))
    arrival = corrosion._arrival(texels, np.ones(texels.zone.shape, dtype=np.float32), one, 20.0)
    height = texels.position_m[arrival < 20][:, 2] - 0.3
    assert -height.min() > 1.5 * height.max() > 0


def test_sampled_histories_show_rust_without_drowning_in_it() -> None:
    shares = []
    for seed in range(12):
        exposure, coating, years = corrosion.sample_history(np.random.default_rng(seed), "plate")
        fields = grow(*plate(8.0), exposure=exposure, coating=coating, years=years, seed=seed)
        shares.append(share(fields, plate(8.0)[1]))
    assert 0.02 < np.median(shares) < 0.5


@pytest.mark.parametrize("years", [-1.0, float("nan"), float("inf")])
def test_impossible_years_are_refused(years: float) -> None:
    with pytest.raises(InputError, match="years"):
        grown(years)


@pytest.mark.parametrize("change", [{"life_years": 0.0}, {"shape": -1.0}, {"defects_per_m2": -2.0}])
def test_impossible_coatings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match="coating"):
        replace(PAINT, **change)
