import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from corrotwin.synth import sensor
from corrotwin.synth.presets.schema import BRIDGES_SENSOR, PAINTED_SENSOR, Sensor

PLAIN = Sensor(
    softness=(0, 0), motion_share=0, veil=(0, 0), vignetting=(0, 0), exposure_stops=(0, 0), white_balance=(1, 1),
    tint=(1, 1), noise=(0, 0), shoulder=(1, 1), contrast=(0, 0), saturation=(1, 1), equalise_share=0, stamp_share=0,
    sharpening=(0, 0), jpeg_quality=(90, 90), second_jpeg_share=0,
)  # fmt: skip


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


@pytest.mark.parametrize(
    "habit",
    [
        {"sharpening": (0.9, 0.9)},
        {"softness": (0.02, 0.02)},
        {"equalise_share": 1.0, "equalise_clip": (4, 4)},
    ],
    ids=lambda habit: next(iter(habit)),
)
def test_no_pixel_moves(habit: dict[str, Any]) -> None:
    changed = replace(PLAIN, **habit)
    rows = sensor.develop(edge(), changed, np.random.default_rng(0)).astype(int)[..., 0]
    assert (np.abs(np.diff(rows, axis=1)).argmax(axis=1) == 16).all()
    columns = sensor.develop(edge().swapaxes(0, 1), changed, np.random.default_rng(0)).astype(int)[..., 0]
    assert (np.abs(np.diff(columns, axis=0)).argmax(axis=0) == 16).all()


def test_a_moved_camera_draws_a_dot_out_both_ways() -> None:
    light = np.full((41, 41, 3), 0.02, np.float32)
    light[20, 20] = 1
    for seed in range(5):
        changed = replace(PLAIN, motion_share=1.0, motion=(0.15, 0.15))
        seen = sensor.develop(light, changed, np.random.default_rng(seed)).astype(int)[..., 0]
        drawn = seen - seen[0, 0]
        assert (drawn > 0).sum() > 5
        assert np.abs(np.argwhere(drawn > 0).mean(axis=0) - 20).max() < 0.01


def scene() -> np.ndarray:
    """Coloured light with a dark and a bright half and detail, (96, 96, 3)."""
    light = np.random.default_rng(5).random((96, 96, 3)) ** 2 * (0.5, 0.3, 0.2)
    light[:, 48:] *= 4
    return light.astype(np.float32)


def test_two_generators_give_clearly_different_photographs() -> None:
    for chosen in (Sensor(), BRIDGES_SENSOR, PAINTED_SENSOR):
        light = scene()
        kept = light.copy()
        taken = [sensor.develop(light, chosen, np.random.default_rng(seed)).astype(float) for seed in range(4)]
        apart = [np.abs(one - other).mean() for place, one in enumerate(taken) for other in taken[:place]]
        assert min(apart) > 3
        assert (light == kept).all()


@pytest.mark.parametrize("preset", [BRIDGES_SENSOR, PAINTED_SENSOR], ids=["bridges", "painted"])
def test_switching_one_habit_off_rerolls_no_other(preset: Sensor) -> None:
    for change in ({"motion_share": 0.0}, {"stamp_share": 0.0}, {"equalise_share": 0.0}, {"noise": (0.0, 0.0)}):
        one, other = np.random.default_rng(3), np.random.default_rng(3)
        sensor.develop(scene(), preset, one)
        sensor.develop(scene(), replace(preset, **change), other)
        assert one.bit_generator.state == other.bit_generator.state


def test_noise_grows_with_the_root_of_light_and_colour_adds_its_share() -> None:
    """Black has half of the noise of 0.75; half as much in colour as in brightness adds a quarter to the variance."""
    noisy = replace(PLAIN, noise=(0.01, 0.01), chroma_noise=(0.5, 0.5), grain=(0, 0))

    def spread(light: float, chosen: Sensor = noisy) -> float:
        flat = np.full((200, 200, 3), light, np.float32)
        seen = sensor._noise(flat, chosen, sensor._Draws(np.random.default_rng(0)), np.random.default_rng(1))
        return float(seen.std())

    assert spread(0.75) == pytest.approx(2 * spread(0.0), rel=0.02)
    assert spread(0.75) == pytest.approx(0.01 * np.sqrt(1.25), rel=0.02)
    assert spread(0.75, replace(noisy, chroma_noise=(0, 0))) == pytest.approx(0.01, rel=0.02)


def test_sharpening_of_one_is_an_unsharp_mask_of_a_hundred_percent() -> None:
    plain, sharp = (
        sensor.develop(scene(), replace(PLAIN, sharpening=(amount, amount)), np.random.default_rng(0))
        for amount in (0.0, 1.0)
    )
    expected = Image.fromarray(plain).filter(ImageFilter.UnsharpMask(radius=1.2, percent=100, threshold=2))
    assert (sharp == np.asarray(expected)).all()
    assert (sharp != plain).any()


def test_equalising_stretches_to_the_full_range() -> None:
    """Two of a hundred places become black and eight white, whatever the contrast of the picture was."""
    dull = (0.4 + 0.2 * scene() / scene().max()).astype(np.float32)
    chosen = replace(PLAIN, equalise_share=1.0, equalise_clip=(2, 2), equalise_strength=(1, 1))
    value = sensor._equalise(dull, chosen, sensor._Draws(np.random.default_rng(0))).max(axis=-1)
    assert (value < 0.004).mean() == pytest.approx(0.02, abs=0.01)
    assert (value > 0.996).mean() == pytest.approx(0.08, abs=0.02)
    assert value.max() == pytest.approx(1)  # brighter than white would be clipped by channel, and lose its hue


def test_date_stamp_is_orange_and_changes_little_else() -> None:
    light = np.full((256, 256, 3), 0.2, np.float32)
    for seed in range(6):
        without, stamped = (
            sensor.develop(light, replace(PLAIN, stamp_share=share), np.random.default_rng(seed)).astype(int)
            for share in (0.0, 1.0)
        )
        changed = np.abs(stamped - without).max(axis=-1) > 60
        assert 0.0005 < changed.mean() < 0.03
        red, green, blue = stamped[changed].mean(axis=0)
        assert red > green > blue
        rows, columns = np.nonzero(changed)
        assert min(rows.max(), columns.max()) > 0.6 * 256  # near the bottom right


def test_dark_background_of_a_flash_picture_stays_dark() -> None:
    light = np.full((128, 128, 3), 1e-4, np.float32)
    light[30:100, 20:110] = 1.0
    for seed in range(8):
        photograph = sensor.develop(
            light, replace(BRIDGES_SENSOR, equalise_share=0, stamp_share=0), np.random.default_rng(seed)
        )
        assert np.median(photograph[:20]) < 70
        assert photograph[40:90, 30:100].mean() > 100


def test_vignetting_darkens_corners_and_equalising_widens_contrast() -> None:
    flat = np.full((64, 64, 3), 0.3, np.float32)
    corners = sensor.develop(flat, replace(PLAIN, vignetting=(1, 1)), np.random.default_rng(0))
    assert corners[0, 0, 0] < corners[32, 32, 0] - 10
    dull = 0.3 + 0.05 * scene()
    before, after = (
        sensor.develop(dull, replace(PLAIN, equalise_share=share), np.random.default_rng(0)) for share in (0.0, 1.0)
    )
    assert after.std() > 1.5 * before.std()


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
