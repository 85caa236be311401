import io
from dataclasses import replace

import numpy as np
from PIL import Image

from synth import sensor
from synth.config import Sensor

PLAIN = Sensor(
    exposure_stops=(0, 0), white_balance=(1, 1), contrast=(0, 0), noise=(0, 0), sharpening=(0, 0), jpeg_quality=(90, 90)
)


def edge() -> np.ndarray:
    light = np.full((40, 40, 3), 0.05, np.float32)
    light[:, 17:] = 0.6
    return light


def test_photograph_is_a_function_of_the_generator() -> None:
    first, second, other = (sensor.develop(edge(), Sensor(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()


def test_exposure_is_automatic() -> None:
    dim, bright = (sensor.develop(edge() * scale, PLAIN, np.random.default_rng(0)) for scale in (0.01, 50))
    assert np.abs(dim.astype(int) - bright).max() <= 1


def test_black_frame_does_not_fail() -> None:
    assert sensor.develop(np.zeros((8, 8, 3)), PLAIN, np.random.default_rng(0)).max() == 0


def test_no_pixel_moves() -> None:
    photograph = sensor.develop(edge(), replace(PLAIN, sharpening=(0.9, 0.9)), np.random.default_rng(0)).astype(int)
    assert (np.abs(np.diff(photograph[..., 0], axis=1)).argmax(axis=1) == 16).all()


def test_a_stop_more_is_brighter_and_a_warmer_balance_redder() -> None:
    plain, more, warm = (
        sensor.develop(edge(), changed, np.random.default_rng(0)).astype(int)
        for changed in (PLAIN, replace(PLAIN, exposure_stops=(1, 1)), replace(PLAIN, white_balance=(1.2, 1.2)))
    )
    assert (more > plain).all()
    assert (warm[..., 0] > plain[..., 0]).all()
    assert (warm[..., 2] < plain[..., 2]).all()


def test_jpeg_keeps_size_and_quality() -> None:
    photograph = sensor.develop(edge(), PLAIN, np.random.default_rng(0))
    fine, coarse = (
        sensor.jpeg(photograph, replace(PLAIN, jpeg_quality=(quality, quality)), np.random.default_rng(0))
        for quality in (95, 30)
    )
    assert len(fine) > len(coarse)
    assert np.asarray(Image.open(io.BytesIO(fine))).shape == photograph.shape
