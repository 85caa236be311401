import numpy as np
import pytest

from corrotwin.twin.model.noise import LIMIT, fractal

WAVES = (40.0, 20.0, 10.0)
SEED = np.random.SeedSequence(5)
PLACES = np.random.default_rng(0).uniform(-2, 2, (50_000, 3)).astype(np.float32)


def test_noise_is_standardised() -> None:
    noise = fractal(PLACES, WAVES, 0.6, SEED)
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.05)
    assert np.abs(noise).max() <= LIMIT


def test_one_place_in_eighty_is_clipped() -> None:
    """Where normal noise passes two and a half standard deviations."""
    noise = np.abs(fractal(PLACES, WAVES, 0.6, SEED))
    assert (noise == noise.max()).mean() == pytest.approx(1 / 80, rel=0.4)


def test_waves_are_as_long_as_stated() -> None:
    """Between lattice values noise has half forgotten itself after half a wavelength, and wholly after two."""
    wave = np.float32(0.04)
    noise = fractal(PLACES, (40.0,), 1.0, SEED)
    for share, low, high in ((0.1, 0.9, 1.0), (0.5, 0.4, 0.75), (2.0, -0.03, 0.03)):
        moved = PLACES + np.array([share, 0, 0], dtype=np.float32) * wave
        assert low < np.corrcoef(noise, fractal(moved, (40.0,), 1.0, SEED))[0, 1] < high


def test_noise_depends_on_the_place_alone() -> None:
    noise = fractal(PLACES, WAVES, 0.6, SEED)
    order = np.random.default_rng(1).permutation(len(PLACES))[:777]
    np.testing.assert_array_equal(fractal(PLACES[order], WAVES, 0.6, SEED), noise[order])


def test_noise_is_continuous_and_forgets_over_a_wavelength() -> None:
    noise = fractal(PLACES, WAVES, 0.6, SEED)
    assert np.abs(fractal(PLACES + np.float32(1e-5), WAVES, 0.6, SEED) - noise).max() < 0.05
    far = fractal(PLACES + np.float32(0.1), WAVES, 0.6, SEED)
    assert abs(np.corrcoef(noise, far)[0, 1]) < 0.03


def test_seeds_differ() -> None:
    other = fractal(PLACES, WAVES, 0.6, np.random.SeedSequence(6))
    assert abs(np.corrcoef(fractal(PLACES, WAVES, 0.6, SEED), other)[0, 1]) < 0.05
