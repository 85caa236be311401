"""Outlines of rust under paint, and where a zinc coat is used up first."""

import numpy as np
import pytest
from scipy import ndimage

from corrotwin.twin.model.coating import Defects, Paint, Zinc, zinc_gone_years
from corrotwin.twin.model.exposure import at
from corrotwin.twin.model.onset import bare_lag, first_years, ragged_noise

C4 = at("C4")
SIDE = np.arange(-0.2, 0.2, 0.002)


def square(upright: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Places of a square of 0.4 m, lying or upright, and their normals."""
    first, second = np.meshgrid(SIDE, SIDE)
    parts = [first, 0 * first, second] if upright else [first, second, 0 * first]
    position = np.stack(parts, axis=-1).astype(np.float32)
    return position, np.broadcast_to(np.array([0, -1, 0] if upright else [0, 0, 1], np.float32), position.shape)


def test_rust_round_a_defect_is_ragged_with_islands_and_still_a_patch() -> None:
    """After ten years in C4 a front of 4 mm a year: neither a disc of 4 cm nor specks all over."""
    position, normal = square()
    present = np.ones(position.shape[:2], dtype=bool)
    defect = Defects(position_m=np.zeros((1, 3)), normal=np.array([[0, 0, 1.0]]), birth_years=np.zeros(1),
                     speed=np.ones(1), stretch=np.ones(1))  # fmt: skip
    ahead, islands = [], []
    for seed in range(8):
        noise = ragged_noise(position[present], np.random.SeedSequence(seed))
        start = first_years(position, normal, present, noise, defect, C4, Paint(life_years=8.0), 10.0, 1.0)
        reached = start < 10
        sizes = np.bincount(ndimage.label(reached)[0][reached])
        ahead.append(reached[np.hypot(position[..., 0], position[..., 1]) > 0.04].sum() / reached.sum())
        islands.append(1 - sizes.max() / reached.sum())
    assert 0.3 < np.mean(ahead) < 0.6
    assert 0.03 < np.mean(islands) < 0.2


def test_outlines_are_drawn_out_down_a_wall() -> None:
    """Two to three times as far down as across: how far apart places are whose noise differs as much on the average."""
    position, _ = square(upright=True)
    steps, differing = (4, 8, 10, 12), {0: np.zeros(4), 1: np.zeros(4)}
    for seed in range(12):
        noise = ragged_noise(position.reshape(-1, 3), np.random.SeedSequence(seed)).reshape(position.shape[:2])
        for axis, total in differing.items():
            moved = np.moveaxis(noise, axis, 0)
            total += [((moved[step:] - moved[:-step]) ** 2).mean() for step in steps]
    down, across = differing[0], differing[1]
    assert down[1] < across[0] < down[3]  # 16 mm down, 8 mm across, 24 mm down


def test_a_galvanised_coat_is_as_uneven_as_iso_1461_allows() -> None:
    """On steel over 6 mm a coat of 85 µm on the mean may have 70 µm locally: one place in 14 or so is thinner."""
    noise = np.random.default_rng(0).standard_normal(20_000).clip(-2.5, 2.5).astype(np.float32)
    position = np.zeros((100, 200, 3), dtype=np.float32)
    present = np.ones(position.shape[:2], dtype=bool)
    start = first_years(position, position, present, noise, None, C4, Zinc(thickness_um=85.0), 50.0, 1.0)
    least = zinc_gone_years(np.array([70.0], dtype=np.float32), np.zeros(1, dtype=np.float32), C4)
    assert (start < least).mean() == pytest.approx(0.07, abs=0.03)


def test_bare_steel_shows_rust_within_half_the_time_to_full_cover() -> None:
    noise = ragged_noise(square()[0].reshape(-1, 3), np.random.SeedSequence(1))
    lag = bare_lag(noise)
    assert 0 <= lag.min() < 0.05 < 0.45 < lag.max() <= 0.5
