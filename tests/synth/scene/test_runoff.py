from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from corrotwin.synth.scene import runoff, specimen
from corrotwin.synth.scene.specimen import Specimen
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.zones import ZONES


@pytest.fixture(scope="module")
def plate() -> Specimen:
    where = {"upright": True, "fasteners": "none"}
    rng = np.random.default_rng(4)
    return specimen.draw("plate", rng, size=64, clean=False, where=where)


def stain_at(plate: Specimen, years: float) -> tuple[np.ndarray, Specimen]:
    aged = specimen.aged(plate, years)
    return aged.stain((0.0, 0.0)), aged


def bleeding(aged: Specimen, seed: int) -> np.ndarray:
    return runoff.bleeding(aged.texels, aged.fields, np.random.default_rng(seed), strength=(-0.2, 1.1))


def test_run_off_never_fades_and_new_steel_has_none(plate: Specimen) -> None:
    assert stain_at(plate, 0)[0].max() == 0
    before = np.zeros(plate.asset.atlas_shape, np.float32)
    for years in (8, 12, 13, 20, 30):
        stain, _ = stain_at(plate, years)
        assert (stain >= before - 1e-6).all()
        before = stain
    assert before.max() > 0.3


def test_run_off_lies_below_rust_within_reach(plate: Specimen) -> None:
    stain, aged = stain_at(plate, 20)
    place = aged.texels.position_m
    wet = stain > 0.05
    rusted = aged.fields.rust_cover > runoff.SEEN
    assert wet.any()
    assert (wet & ~rusted).any()
    for x, _, z in place[wet & ~rusted][::50]:
        above = rusted & (np.abs(place[..., 0] - x) < 0.13) & (place[..., 2] > z - 0.05) & (place[..., 2] < z + 0.85)
        assert above.any()


def bolted() -> Specimen:
    """An upright plate with bolts."""
    where = {"upright": True, "fasteners": "bolts"}
    return specimen.draw("plate", np.random.default_rng(4), size=64, clean=False, where=where)


def rusted(plate: Specimen, here: np.ndarray, years: float) -> Fields:
    """Fields of a plate that has been rusty for so many years where it is said to be."""
    cover, age = here.astype(np.float32), np.float32(years) * here
    return replace(plate.fields, rust_cover=cover, age_years=age)


@pytest.mark.ci
def test_water_from_a_joint_runs_over_the_face_below_and_sooner_than_from_a_face() -> None:
    plate = bolted()
    kinds, zone, air = plate.asset.zone_kinds, plate.texels.zone, plate.texels.area_mm2 > 0
    weak = np.array([ZONES[kind].defects for kind in kinds])[zone]
    joint, face = air & (weak >= runoff.JOINT), air & (weak < runoff.JOINT)
    bolts = air & np.isin(zone, np.flatnonzero([kind == "bolt" for kind in kinds]))
    assert bolts.any()

    def stain(here: np.ndarray, years: float) -> np.ndarray:
        return runoff.stain(plate.asset, plate.texels, rusted(plate, here, years), np.random.default_rng(3))

    stained = stain(bolts, 20) > 0.05
    place = plate.texels.position_m
    assert (stained & face).any()
    for at in place[stained & face][::40]:
        above = bolts & (np.linalg.norm((place - at)[..., :2], axis=-1) < 0.13)
        assert (place[above][:, 2] > at[2] - 0.05).any()
    # Streaks of joints are as long after three years as ever, those of faces only after six.
    joints, faces = ([stain(here, years) for years in (1, 3, 6, 20)] for here in (joint, face))
    assert (joints[0] < joints[1]).any()
    assert (joints[1] == joints[3]).all()
    assert (faces[1] < faces[2]).any()
    assert (faces[2] == faces[3]).all()


def test_joints_bleed_more_than_faces_do_by_area() -> None:
    plate = bolted()
    air = plate.texels.area_mm2 > 0
    drawn = np.random.default_rng(3)
    weak = np.array([ZONES[kind].defects for kind in plate.asset.zone_kinds])[plate.texels.zone]
    joint = air & (weak >= runoff.JOINT)
    area = [float(plate.texels.area_mm2[part].sum()) for part in (joint, air & ~joint)]
    water = [
        float(runoff.stain(plate.asset, plate.texels, rusted(plate, part, 20), drawn).sum())
        for part in (joint, air & ~joint)
    ]
    assert water[0] / area[0] > 2 * water[1] / area[1] > 0


def test_columns_find_all_that_is_in_reach() -> None:
    rng = np.random.default_rng(3)
    place = rng.uniform((-1, 5, 0), (0.4, 5.3, 1.7), (4000, 3)).astype(np.float32)
    columns = runoff._Columns.of(place)
    for at in place[::100]:
        near = columns.order[columns.near(at, 0.13, below=0.6, above=0.05)]
        away = place - at
        wanted = (np.hypot(away[:, 0], away[:, 1]) <= 0.13) & (away[:, 2] >= -0.6) & (away[:, 2] <= 0.05)
        assert len(set(near)) == len(near) < 600
        assert set(np.flatnonzero(wanted)) <= set(near)


@pytest.mark.parametrize(("height_m", "found"), [(1.9, 0), (1.71, 1), (-0.04, 1), (-0.2, 0)])
def test_columns_are_asked_from_above_and_below_all_their_points(height_m: float, found: int) -> None:
    place = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.7], [0.05, 0.0, 0.9]], dtype=np.float32)
    columns = runoff._Columns.of(place)
    near = columns.near(np.array([0.0, 0.0, height_m]), 0.005, below=0.1, above=0.05)
    assert len(near) == found


def test_dry_faces_stay_clean(plate: Specimen) -> None:
    stain, aged = stain_at(plate, 25)
    level = np.abs(aged.texels.normal[..., 2]) >= runoff.STEEP
    assert stain[level].max(initial=0) == 0


def test_bleeding_lies_about_rust_on_its_own_side_and_fades_away_from_it(plate: Specimen) -> None:
    aged = specimen.aged(plate, 14)
    place, normal, air = aged.texels.position_m, aged.texels.normal, aged.texels.area_mm2 > 0
    rusted = air & (aged.fields.rust_cover > runoff.SEEN)
    paint = air & ~rusted
    assert rusted.any()
    assert paint.any()
    means = []
    for seed in (1, 5, 7, 12, 19, 25):
        stain = bleeding(aged, seed)
        assert ((stain >= 0) & (stain <= 1)).all()
        assert not stain[~air].any()
        means.append(float(stain[paint].mean()))
        reach = np.exp(np.random.default_rng(seed).uniform(*np.log(runoff.REACH_M)))  # the first that it draws
        stained = stain > 0.1
        for at, facing in zip(place[paint & stained][::200], normal[paint & stained][::200], strict=True):
            near = rusted & (np.linalg.norm(place - at, axis=-1) < 3.0 * reach) & (normal @ facing > -0.5)
            assert near.any()  # 1.1 times 1.3 of noise has fallen to 0.1 after 2.7 reaches
    assert min(means) == 0  # some assets do not bleed
    assert max(means) > 0.01
    stain = bleeding(aged, 5)
    distance, _ = cKDTree(place[rusted]).query(place[paint])
    close, far = stain[paint][distance < 0.005], stain[paint][(distance > 0.03) & (distance < 0.05)]
    assert close.mean() > 2 * far.mean()


@pytest.mark.ci
def test_bleeding_never_fades(plate: Specimen) -> None:
    for seed in range(6):
        before = np.zeros(plate.asset.atlas_shape, np.float32)
        for years in (0, 8, 10, 14, 20):
            stain = bleeding(specimen.aged(plate, years), seed)
            assert (stain >= before - 1e-6).all()
            before = stain


def test_a_stain_is_of_both_and_bleeds_only_where_the_preset_says_so(plate: Specimen) -> None:
    aged = specimen.aged(plate, 14)
    without, with_halo = aged.stain((0.0, 0.0)), aged.stain((1.0, 1.0))
    assert (with_halo >= without).all()
    assert (with_halo > without + 0.2).any()


@pytest.mark.ci
def test_a_scene_may_thin_the_weak_spots_of_paint_and_open_them_on_ledges() -> None:
    def drawn(seed: int, **how: float) -> Specimen:
        return specimen.draw("beam", np.random.default_rng(seed), size=32, clean=False, **how)

    for seed in range(40):
        plain, other = drawn(seed).twin, drawn(seed, defects=0.25, debris=8.0).twin
        if not isinstance(plain.coating, Paint):
            assert other == plain
            continue
        assert other.exposure.periods[0].debris == 8
        assert isinstance(other.coating, Paint)
        assert other.coating.defects_per_m2 == pytest.approx(plain.coating.defects_per_m2 / 4, abs=0.051)
        beside = specimen.draw("beam", np.random.default_rng(1), size=32, clean=False, beside=other).twin
        assert beside.exposure is other.exposure
        break
    else:
        pytest.fail("no beam was painted")
