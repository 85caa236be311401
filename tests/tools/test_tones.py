import numpy as np
import pytest

from tools import tones

SIDE = tones.SHADE_SIDE


def picture(rust_sd: float, fine_sd: float, halo: tuple[int, int, int]) -> tones.Picture:
    """A square of rust with noise of pixels on grey with noise of pixels, and a halo of one colour between them."""
    rng = np.random.default_rng(5)
    across, down = (np.abs(axis - SIDE // 2) for axis in np.indices((SIDE, SIDE)))
    away = np.maximum(across, down) - 40  # pixels from the square, along its sides
    shown = np.repeat((128 + rng.normal(0, fine_sd, (SIDE, SIDE)))[..., None], 3, axis=2)
    shown[away <= 12] = halo
    shown[away <= 0] = (100 + rng.normal(0, rust_sd, (SIDE, SIDE)))[away <= 0][:, None]
    return shown.clip(0, 255).round().astype(np.uint8), (away <= 0).astype(np.float32)


def test_shades_are_those_that_a_picture_was_made_with() -> None:
    rust, fine, halo, rest = next(tones.shades([picture(20, 10, (150, 120, 100))]))
    assert rust == pytest.approx(20, rel=0.03)
    # Of white noise a blur by s pixels leaves 1 / (4 pi s²) of the variance, and 1 / (2 pi s²) of each pixel's own.
    left = np.sqrt(1 - 2 / (2 * np.pi * tones.FINE**2) + 1 / (4 * np.pi * tones.FINE**2))
    assert fine == pytest.approx(10 * left, rel=0.1)
    assert halo == pytest.approx(1.5)
    assert 1 < rest < 1.05  # grey, but for the rest of the halo

    rough = next(tones.shades([picture(40, 10, (150, 120, 100))]))
    assert rough[0] == pytest.approx(2 * rust, rel=0.05)
    assert rough[1:] == pytest.approx((fine, halo, rest), rel=0.02)


def test_pictures_without_rust_or_without_anything_else_have_no_shades() -> None:
    shown, _ = picture(20, 10, (150, 120, 100))
    assert not list(tones.shades([(shown, np.full((SIDE, SIDE), share, np.float32)) for share in (0, 1)]))
