from pathlib import Path

import numpy as np
import pytest

from synth import scene, spec
from synth.config import PRESETS, STREAMS, RenderConfig
from twin.assets import KINDS

CONFIG = RenderConfig(preset="balanced", size=64, seed=5)


def test_streams_differ_and_repeat() -> None:
    draws = {name: scene.stream(3, name, 17).random() for name in STREAMS}
    assert len(set(draws.values())) == len(STREAMS)
    assert draws == {name: scene.stream(3, name, 17).random() for name in reversed(STREAMS)}
    assert scene.stream(3, "scene", 18).random() != draws["scene"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_block_holds_every_kind_and_one_clean_scene(name: str) -> None:
    config = RenderConfig(preset=name, size=64, seed=2)
    for block in range(4):
        assert {scene.kind_of(config, 3 * block + place) for place in range(3)} == set(KINDS)
    every = PRESETS[name].clean_every
    for block in range(4):
        assert sum(scene.is_clean(config, every * block + place) for place in range(every)) == 1


@pytest.mark.parametrize("index", range(3))
def test_scene_is_the_same_alone_or_with_others(index: int, tmp_path: Path) -> None:
    first, last = 2 * index, 2 * index + 1
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    both = scene.sample_scene(CONFIG, index, [first, last], tmp_path / "a")
    one = scene.sample_scene(CONFIG, index, [last], tmp_path / "b")
    assert one.views == both.views[1:]
    assert one.props == both.props
    assert (tmp_path / "a" / both.bodies[0].file).read_bytes() == (tmp_path / "b" / one.bodies[0].file).read_bytes()


def test_batch_survives_the_way_to_blender(tmp_path: Path) -> None:
    batch = spec.Batch(scenes=(scene.sample_scene(CONFIG, 0, [0, 1], tmp_path),), threads=2)
    path = tmp_path / "batch.json"
    path.write_text(spec.dump(batch))
    assert spec.dump(spec.load(path)) == spec.dump(batch)


@pytest.mark.parametrize("index", range(6))
def test_clean_scenes_are_clean_and_the_others_are_not(index: int, tmp_path: Path) -> None:
    made = scene.sample_scene(CONFIG, index, [2 * index], tmp_path)
    cover = np.load(tmp_path / made.bodies[0].file)["fields"][..., 0]
    assert (cover.max() == 0) == scene.is_clean(CONFIG, index)
