from pathlib import Path
from types import SimpleNamespace
from typing import cast

import foreign
import numpy as np
import pytest
import trimesh

from corrotwin.synth.fitting import page, parameters
from corrotwin.synth.fitting.fit import Fit
from corrotwin.synth.presets import custom
from corrotwin.synth.presets.schema import SUITS, Preset
from corrotwin.twin.meshes.conversion import MeshOptions, convert


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


def test_the_users_own_twins_are_drawn_where_they_may_stand(tmp_path: Path) -> None:
    source = tmp_path / "valve.stl"
    trimesh.creation.box((0.2, 0.2, 0.2)).export(source)
    twin = foreign.saved_charts(convert(source, MeshOptions(units="m")).charts, tmp_path / "valve")
    base = Preset.like("balanced", kinds=("pipe", str(twin)))
    rng = np.random.default_rng(0)
    drawn = [parameters.draw_design(base, [0.1], base.paints, rng).words for _ in range(60)]
    of_yard = [words["kind"] for words in drawn if words["arrangement"] == "yard"]
    assert set(of_yard) == set(base.kinds)
    assert not any(twin.name in words["kind"] for words in drawn if words["arrangement"] != "yard")


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.6, "are 40 % closer to"), (1.0, "are no closer to"), (1.004, "are no closer to"), (1.1, "are 10 % farther")],
)
def test_the_answer_says_how_near_renders_came(share: float, said: str) -> None:
    fit = SimpleNamespace(relative=share, photos=SimpleNamespace(labelled=range(12)), base=Preset.like("balanced"))
    assert f"Renders of this preset {said}" in page.answer(cast(Fit, fit))


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
