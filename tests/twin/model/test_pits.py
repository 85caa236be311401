from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.model.exposure import category_um
from corrotwin.twin.model.loss import loss_um
from corrotwin.twin.model.pits import LEAST_MM, PitPlaces, Pits, pit_loss_mm, pit_places

Plate = Callable[..., tuple[AssetGeometry, Texels]]
BAR = {"length_m": 1.0, "width_m": 1.0, "thickness_mm": 20.0, "stiffeners": 0, "fasteners": "none", "butt_weld": False}


def deepest(asset: AssetGeometry, pits: Pits, age_years: float, seed: int, within: float) -> float:
    """Deepest pit on the part of a unit plate's face with x below `within`, at one age of all pits."""
    places = pit_places(asset, pits, np.random.SeedSequence(seed))
    here = (places.normal[:, 2] > 0.99) & (places.position_m[:, 0] + 0.5 < within)
    loss = loss_um(0.0, age_years, [0.0], [category_um("C5") / 1000], 0.523)
    return float((places.factor[here] * loss).max(initial=0.0))


@pytest.mark.parametrize("area_m2", [0.25, 1.0])
def test_the_deepest_pit_follows_the_extreme_value_law_in_area(area_m2: float) -> None:
    """P(deepest < d) = exp(-n exp(-d / s)), n pits expected on the area: Gumbel, location s ln n, scale s."""
    sampled = assets.sample("plate", np.random.default_rng(0))
    asset = assets.build("plate", {**sampled, **BAR, "upright": False}, texel_mm=50.0)
    pits = Pits(per_m2=300.0, factor=0.5)
    found = np.array([deepest(asset, pits, 10.0, seed, area_m2) for seed in range(400)])
    scale = 0.5 * float(loss_um(0.0, 10.0, [0.0], [category_um("C5") / 1000], 0.523))
    area = area_m2 - 0.002 * 2  # the rounded edges are not face
    law = stats.gumbel_r(loc=scale * np.log(300 * area), scale=scale)
    assert stats.kstest(found, law.cdf).pvalue > 0.01
    wrong = stats.gumbel_r(loc=scale * np.log(300 * area * 4), scale=scale)
    assert stats.kstest(found, wrong.cdf).pvalue < 1e-6  # the test would see another area


def one(depth_factor: float = 1.0, aspect: float = 10.0) -> PitPlaces:
    return PitPlaces(
        position_m=np.array([[0.1, 0.0, 0.25]]), normal=np.array([[0.0, -1.0, 0.0]]), face=np.array([0]),
        delay_years=np.zeros(1), factor=np.array([depth_factor]), aspect=np.array([aspect]),
    )  # fmt: skip


def flat(texel_m: float) -> Texels:
    """A square in the plane y = 0 that faces -y."""
    x, z = np.meshgrid(np.arange(0.05, 0.15, texel_m), np.arange(0.2, 0.3, texel_m))
    position = np.stack([x, np.zeros_like(x), z], -1).astype(np.float32)
    normal = np.broadcast_to(np.array([0, -1, 0], dtype=np.float32), position.shape)
    ones = np.ones(x.shape, dtype=np.float32)
    return Texels(position_m=position, normal=normal, area_mm2=ones, zone=ones.astype(np.int16), thickness_mm=ones)


def bowl(texel_m: float, depth: float, normal_sign: float = 1.0) -> np.ndarray:
    texels = flat(texel_m)
    present = np.ones(texels.zone.shape, dtype=bool)
    return pit_loss_mm(texels.position_m, normal_sign * texels.normal, present, one(), np.array([depth]))


def test_a_pit_is_a_bowl_of_its_depth_and_width() -> None:
    loss = bowl(0.0005, 1.0)
    assert loss.max() == pytest.approx(1.0, abs=0.01)
    area_mm2 = (loss > 0).sum() * 0.25
    assert area_mm2 == pytest.approx(np.pi * 10.0**2, rel=0.02)  # aspect 10: radius 10 mm
    assert loss.sum() * 0.25 == pytest.approx(np.pi * 10.0**2 * 1.0 / 2, rel=0.02)  # a paraboloid is half its cylinder


def test_a_pit_deepens_and_widens() -> None:
    shallow, deep = bowl(0.001, 0.3), bowl(0.001, 0.6)
    assert (deep >= shallow).all()
    assert (deep > 0).sum() > 3 * (shallow > 0).sum()


def test_nineteen_pits_of_twenty_are_within_a_factor_of_two_of_the_usual_shape(plate: Plate) -> None:
    """And not all alike: one in six is beyond a factor of 1.5."""
    aspect = pit_places(plate()[0], Pits(per_m2=20_000.0), np.random.SeedSequence(0)).aspect / Pits().aspect
    off = np.exp(np.abs(np.log(aspect)))
    assert (off < 2).mean() > 0.95
    assert (off > 1.5).mean() == pytest.approx(1 / 6, abs=0.04)


def test_a_pit_does_not_come_out_at_the_other_side() -> None:
    assert not bowl(0.001, 1.0, normal_sign=-1.0).any()


def test_a_pit_is_the_same_whatever_the_texels() -> None:
    coarse, fine = bowl(0.002, 1.0), bowl(0.001, 1.0)
    assert coarse.sum() * 4 == pytest.approx(fine.sum(), rel=0.02)


def test_shallow_roughness_is_no_pit() -> None:
    assert not bowl(0.001, 0.9 * LEAST_MM).any()


def test_pits_are_poisson_in_area(plate: Plate) -> None:
    asset, _ = plate()
    area = assets.mesh(asset).area
    counts = [len(pit_places(asset, Pits(per_m2=50.0), np.random.SeedSequence(seed)).factor) for seed in range(300)]
    assert np.mean(counts) == pytest.approx(50 * area, rel=0.03)
    assert np.var(counts) == pytest.approx(50 * area, rel=0.25)


def test_pits_stay_with_the_same_seed(plate: Plate) -> None:
    coarse, fine = (pit_places(plate(size)[0], Pits(), np.random.SeedSequence(3)) for size in (8.0, 5.0))
    np.testing.assert_array_equal(coarse.position_m, fine.position_m)


@pytest.mark.parametrize("change", [{"per_m2": -1.0}, {"factor": float("nan")}, {"delay_years": -1.0}, {"aspect": 0.0}])
def test_impossible_pits_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match="pits"):
        replace(Pits(), **change)
