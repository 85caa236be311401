import numpy as np
import pytest

from corrotwin.synth.fitting import parameters
from corrotwin.synth.presets import custom
from corrotwin.synth.presets.schema import SUITS, Preset


def test_designs_are_presets_of_narrow_ranges_about_their_values() -> None:
    base = Preset.like("balanced")
    rng = np.random.default_rng(0)
    drawn = [parameters.draw_design(base, [0.004, 0.1, 0.5], base.paints, rng) for _ in range(60)]
    for one in drawn:
        for name in parameters.SCENE:
            low, high = getattr(one.preset, name)
            assert low - 0.01 * abs(low) <= one.values[name] <= high + 0.01 * abs(high)  # three digits are stated
            assert high - low < 0.8 * (parameters.SCENE[name].high - parameters.SCENE[name].low)
        (kind,) = one.preset.kinds
        ((arrangement, _),) = one.preset.arrangements
        assert kind in SUITS[arrangement]
        assert one.preset.flash_share + one.preset.sun_share in (0, 1)
        assert custom.changed(base, one.preset.changes()) == one.preset
    for name in ("arrangement", "light", "ground"):
        assert len({one.words[name] for one in drawn}) >= 3
    assert len({one.words["kind"] for one in drawn}) > 10


def test_a_camera_that_is_drawn_is_a_sensor_of_no_width() -> None:
    base = Preset.like("balanced").sensor
    camera = parameters.draw_camera(np.random.default_rng(1))
    sensor = parameters.sensor_of(camera, base)
    for name in parameters.CAMERA:
        low, high = getattr(sensor, name)
        assert low == high == camera[name]
    assert sensor.equalise_share in (0, 1)
    assert sensor.jpeg_quality == base.jpeg_quality


def test_ranges_span_most_of_what_was_found_and_words_keep_some_of_the_base() -> None:
    one = parameters.Parameter(low=0.0, high=1.0)
    assert parameters.span(one, np.linspace(0.2, 0.4, 101)) == (0.22, 0.38)
    weights = parameters.weights_of(["flash"] * 9 + ["sun"], {"flash": 1, "none": 1})
    assert weights == pytest.approx({"flash": 0.125 + 0.675, "none": 0.125, "sun": 0.075})
    listed = parameters.repeated(weights, 20)
    assert [listed.count(word) for word in ("flash", "none", "sun")] == [16, 2, 2]
    assert parameters.repeated({"a": 0.999, "b": 0.001}, 10).count("b") == 1
