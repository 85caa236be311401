import numpy as np
import pytest

from synth import runoff, specimen
from synth.specimen import Specimen


@pytest.fixture(scope="module")
def plate() -> Specimen:
    where = {"upright": True, "fasteners": "none"}
    rng = np.random.default_rng(4)
    return specimen.draw("plate", rng, size=64, clean=False, where=where)


def stain_at(plate: Specimen, years: float) -> tuple[np.ndarray, Specimen]:
    aged = specimen.aged(plate, years)
    return aged.stain, aged


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


def test_dry_faces_stay_clean(plate: Specimen) -> None:
    stain, aged = stain_at(plate, 25)
    level = np.abs(aged.texels.normal[..., 2]) >= runoff.STEEP
    assert stain[level].max(initial=0) == 0
