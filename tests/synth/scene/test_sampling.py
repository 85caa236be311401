from dataclasses import replace
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
import pytest

from corrotwin.synth import spec
from corrotwin.synth.config import STREAMS, RenderConfig
from corrotwin.synth.presets import schema
from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.preview.look_alikes import is_rust_colored
from corrotwin.synth.scene import arrangement, sampling, specimen
from corrotwin.synth.scene.subject import MOST_TEXELS
from corrotwin.twin import twin_state
from corrotwin.twin.assets import KINDS
from corrotwin.twin.model.coating import Coating, Paint, Zinc

CONFIG = RenderConfig(preset="balanced", size=64, seed=5)


def test_streams_differ_and_repeat() -> None:
    draws = {name: sampling.stream(3, name, 17).random() for name in STREAMS}
    assert len(set(draws.values())) == len(STREAMS)
    assert draws == {name: sampling.stream(3, name, 17).random() for name in reversed(STREAMS)}
    assert sampling.stream(3, "scene", 18).random() != draws["scene"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_block_holds_each_kind_as_often_as_the_preset_says_and_one_clean_scene(name: str) -> None:
    config, chosen = RenderConfig(preset=name, size=64, seed=2), PRESETS[name]
    step = chosen.timelapse + 1
    for block in range(4):
        dealt = [
            sampling.kind_of(config, step * (len(chosen.kinds) * block + place)) for place in range(len(chosen.kinds))
        ]
        assert sorted(dealt) == sorted(chosen.kinds)
    every = chosen.clean_every
    for block in range(4):
        dealt_clean = sum(sampling.is_clean(config, step * (every * block + place)) for place in range(every))
        assert dealt_clean == (1 if every else 0)


def test_the_presets_know_the_kinds_there_are() -> None:
    assert set(schema.KINDS) == set(KINDS)
    assert set(PRESETS["balanced"].kinds) == set(schema.SHOWN)  # a new kind would change what its seeds draw
    assert {kind for chosen in PRESETS.values() for kind in chosen.kinds} <= set(KINDS)


@pytest.mark.ci
@pytest.mark.parametrize("index", range(3))
def test_scene_is_the_same_alone_or_with_others(index: int, tmp_path: Path) -> None:
    first, last = 2 * index, 2 * index + 1
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    both = sampling.sample_scene(CONFIG, index, [first, last], tmp_path / "a")
    one = sampling.sample_scene(CONFIG, index, [last], tmp_path / "b")
    assert one.views == both.views[1:]
    assert one.props == both.props
    for body, again in zip(both.bodies, one.bodies, strict=True):
        assert (tmp_path / "a" / body.file).read_bytes() == (tmp_path / "b" / again.file).read_bytes()


@pytest.mark.ci
def test_batch_survives_the_way_to_blender(tmp_path: Path) -> None:
    batch = spec.Batch(scenes=(sampling.sample_scene(CONFIG, 0, [0, 1], tmp_path),), threads=2)
    path = tmp_path / "batch.json"
    path.write_text(spec.dump(batch))
    assert spec.dump(spec.load(path)) == spec.dump(batch)


@pytest.mark.ci
@pytest.mark.parametrize("index", range(6))
def test_clean_scenes_are_clean_and_the_others_are_not(index: int, tmp_path: Path) -> None:
    made = sampling.sample_scene(CONFIG, index, [2 * index], tmp_path)
    covers = [np.load(tmp_path / body.file)["fields"][..., 0] for body in made.bodies]
    assert (max(cover.max() for cover in covers) == 0) == sampling.is_clean(CONFIG, index)


@pytest.mark.ci
@pytest.mark.parametrize("kind", KINDS)
def test_asset_is_turned_about_the_vertical_and_raised_only_where_it_may_be(kind: str) -> None:
    lifts = set()
    for number in range(12):
        twin = twin_state.sample_twin(kind, np.random.default_rng(number), texel_mm=50.0)
        patches, _ = KINDS[kind].build(**twin.parameters)
        vertices = np.concatenate([patch.points.reshape(-1, 3) for patch in patches])
        pose, supported = arrangement.stand(twin, vertices, np.random.default_rng(number))
        turned = vertices @ pose[:3, :3].T + pose[:3, 3]
        assert np.allclose(pose[2, :3], [0, 0, 1])
        assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3))
        assert np.allclose(turned[:, :2].min(axis=0) + turned[:, :2].max(axis=0), 0)
        lift = turned[:, 2].min() - 0.001
        given = twin.parameters
        lies = kind == "pipe" and not given["upright"] and not given["supports_at_m"]
        lies |= kind == "bar" and given["shape"] == "straight" and given["arrangement"] != "mat"
        hangs = kind == "chain" and given["layout"] in ("hanging", "spanning")
        leans = bool(given.get("lean_degrees"))  # on a block behind it, but on the ground
        founded = kind == "tank"
        least = 0.055 if founded else 0.14
        assert lift > least if supported and not leans else lift == pytest.approx(0) or hangs
        assert lies or leans or founded or not supported
        lifts.add(lift > least)
    assert lifts == ({True, False} if kind in ("bar", "chain", "pipe", "tank") else {False})


def finish(chosen: schema.Preset, coating: Coating, seed: int = 8) -> spec.Finish:
    return sampling._finish(chosen, coating, "pipe", np.random.default_rng(seed), np.random.default_rng([seed, 1]))


@pytest.mark.parametrize(
    ("coating", "kind"), [(Paint(life_years=9), "paint"), (Zinc(thickness_um=85), "galvanised"), (None, "bare")]
)
def test_finish_is_that_of_the_coating_and_draws_the_same_for_each(coating: Coating, kind: str) -> None:
    preset = PRESETS["balanced"]
    finishes = [finish(preset, one) for one in (coating, Paint(life_years=1))]
    assert finishes[0].kind == kind
    assert len({(finish.roughness, finish.dirt, finish.seed) for finish in finishes}) == 1


def test_rust_is_as_bright_as_the_preset_says_and_all_else_stays() -> None:
    dark, pale = (finish(replace(PRESETS["painted"], rust_tone=(tone, tone)), None) for tone in (0.2, 0.8))
    assert dark.rust == pytest.approx([channel / 4 for channel in pale.rust])
    assert replace(dark, rust=pale.rust) == pale


def test_primers_look_like_rust_as_often_as_the_preset_says_and_all_else_stays() -> None:
    drawn = {
        share: [finish(replace(PRESETS["bridges"], red_primer_share=share), Paint(life_years=9), n) for n in range(200)]
        for share in (0.0, 0.1, 1.0)
    }
    red = {share: [is_rust_colored(one.primer) for one in finishes] for share, finishes in drawn.items()}
    assert not any(red[0.0])
    assert all(red[1.0])
    assert 8 <= sum(red[0.1]) <= 35  # of 200, 20 expected
    for finishes in zip(*drawn.values(), strict=True):
        assert len({replace(one, primer=(0, 0, 0)) for one in finishes}) == 1


@pytest.mark.ci
def test_timelapse_shows_one_scene_from_one_camera_year_after_year(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SUBJECT_TEXELS", "OTHER_TEXELS"):
        monkeypatch.setattr(specimen, name, (6.0, 20_000, 20_000))
    config, years = RenderConfig(preset="timelapse", size=64, seed=5), PRESETS["timelapse"].timelapse
    shown = (0, 8, 16, years)
    made = [sampling.sample_scene(config, year, [year], tmp_path) for year in shown]
    for one in made[1:]:
        assert (one.light, one.seed) == (made[0].light, made[0].seed)
        assert [prop.pose for prop in one.props] == [prop.pose for prop in made[0].props]
        assert [replace(view, index=0) for view in one.views] == [replace(view, index=0) for view in made[0].views]
    covers = [[np.load(tmp_path / body.file)["fields"][..., 0] for body in one.bodies] for one in made]
    assert max(cover.max() for cover in covers[0]) == 0
    for before, after in pairwise(covers):
        for earlier, later in zip(before, after, strict=True):
            assert (later >= earlier).all()  # so masks are nested: exact, and through closing and the smallest region
    assert max(cover.max() for cover in covers[-1]) > 0.5
    following = sampling.sample_scene(config, years + 1, [years + 1], tmp_path)
    assert following.light != made[0].light


@pytest.mark.parametrize(("name", "number"), [("bridges", 4), ("balanced", 3), ("stress", 1)])
def test_a_scene_of_640_px_stays_within_its_budget_of_texels(
    name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bridges have girders by the half dozen. Nothing is grown: only the atlases count."""
    monkeypatch.setattr(specimen.assets, "texels", lambda asset: None)
    monkeypatch.setattr(specimen.twin_state, "fields", lambda *rest: None)
    config = RenderConfig(preset=name, size=640, seed=0)
    placed = sampling._arranged(config, number, PRESETS[name]).placed
    sizes = [prod(one.specimen.asset.atlas_shape) for one in placed]
    assert sum(sizes) < MOST_TEXELS, [one.specimen.twin.kind for one in placed]
    assert max(sizes) < 2.5 * 6 * 640**2  # the gaps of the atlas come on top
