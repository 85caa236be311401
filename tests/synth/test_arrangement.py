from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synth import arrangement, scene, specimen
from synth.arrangement import ARRANGEMENTS, SUITS, Placed
from synth.config import Preset, RenderConfig
from synth.presets import PRESETS
from synth.spec import Matrix
from twin.assets import KINDS
from twin.assets.section_sizes import BEAMS


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUBJECT_TEXELS", "OTHER_TEXELS"):
        monkeypatch.setattr(specimen, name, (3_000, 6_000))


def boxes(placed: tuple[Placed, ...]) -> np.ndarray:
    return np.array([(one.vertices.min(axis=0), one.vertices.max(axis=0)) for one in placed])


def box_of(pose: Matrix) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array(pose) @ np.array([[-0.5, -0.5, -0.5, 1], [0.5, 0.5, 0.5, 1]]).T
    return corners[:3].min(axis=1), corners[:3].max(axis=1)


def made(name: str, kind: str, seed: int, chosen: Preset = PRESETS["balanced"]) -> arrangement.Arrangement:
    rng, twins = np.random.default_rng(seed), np.random.default_rng([seed, 1])

    def draw(kind: str, **how: object) -> specimen.Specimen:
        return specimen.draw(kind, twins, size=16, clean=False, **how)

    return ARRANGEMENTS[name](draw, kind, chosen, rng)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in ARRANGEMENTS for kind in SUITS.get(name, tuple(KINDS))]
)
def test_assets_stand_clear_of_each_other_on_what_there_is(name: str, kind: str, coarse: None) -> None:
    stand = made(name, kind, 0)
    placed = boxes(stand.placed)
    assert (placed[:, 0, 2] > -1e-6).all()
    for i in range(len(placed)):
        for j in range(i):
            overlap = np.minimum(placed[i, 1], placed[j, 1]) - np.maximum(placed[i, 0], placed[j, 0])
            # Tiles are turned, and struts reach between the flanges of girders: their boxes overlap though they do not.
            assert (overlap < 0.002).any() or name in ("floor", "deck"), (i, j)
    assert stand.placed[0].specimen.twin.kind == kind
    assert stand.ground or stand.props


def test_bridges_stand_on_the_beds_of_their_preset_and_are_as_grimy(coarse: None) -> None:
    chosen = replace(PRESETS["bridges"], beds=("soil",), company=(0, 0))
    brown = []
    for seed in range(8):
        for grime in (0.0, 1.0):
            stand = made("bridge", "bolt", seed, replace(chosen, grime=grime))
            boxes = [one for one in stand.props if one.shape == "box"][1:]  # the ground below is the first
            assert stand.ground in ("", "soil")
            assert bool(stand.ground) != any(one.material == "soil" for one in boxes)
            cast = [one.color for one in boxes if one.material != "soil"]
            brown += [(grime, red / blue) for red, _, blue in cast]
    assert {grime for grime, _ in brown} == {0.0, 1.0}
    assert all((ratio > 1.55) == (grime == 1.0) for grime, ratio in brown), brown


def test_girders_of_a_deck_are_alike_braced_borne_by_walls_and_covered_by_a_slab(coarse: None) -> None:
    struts = 0
    for seed in range(6):
        stand = made("deck", "beam", seed)
        shapes = [str(one.specimen.twin.parameters) for one in stand.placed]
        girders = boxes(tuple(one for one, shape in zip(stand.placed, shapes, strict=True) if shape == shapes[0]))
        assert 2 <= len(girders) <= 3
        assert (np.diff(girders[:, 0, 1]) > np.ptp(girders[0, :, 1])).all()
        webs = girders.mean(axis=1)[:, 1]
        half_web = BEAMS[stand.placed[0].specimen.twin.parameters["section"]][2] / 2000
        for one, shape in zip(stand.placed, shapes, strict=True):
            low, high = one.vertices.min(axis=0), one.vertices.max(axis=0)
            if shape != shapes[0]:
                struts += 1
                near, far = webs[webs < low[1]].max(), webs[webs > high[1]].min()
                assert low[1] - near - half_web == pytest.approx(0.002, abs=1e-6)
                assert far - half_web - high[1] == pytest.approx(0.002, abs=1e-6)
                assert girders[0, 0, 2] < low[2]
                assert high[2] < girders[0, 1, 2]
        assert len({one.specimen.twin.coating for one in stand.placed}) == 1
        _, *around = [box_of(one.pose) for one in stand.props]
        walls, slab = around[:2], around[2]
        for low, high in girders:
            assert low[2] == pytest.approx(walls[0][1][2], abs=0.002)
            assert all(wall[0][1] < low[1] and high[1] < wall[1][1] for wall in walls)
            assert (slab[0][:2] < low[:2]).all()
            assert (slab[1][:2] > high[:2]).all()
            assert slab[0][2] >= high[2]
        # Between the walls a camera has room above the ground.
        assert stand.floor_m == pytest.approx(walls[0][0][2] + 0.3)
        assert walls[0][1][0] + 1 < walls[1][0][0]
    assert struts


def test_tiles_of_a_floor_do_not_overlap(coarse: None) -> None:
    for seed in range(1, 3):
        stand = made("floor", "plate", seed)
        tiles = [one for one in stand.placed if one.specimen.twin.kind == "plate"]
        turn = tiles[0].pose[:3, :3]
        across = np.array([[(one.vertices @ turn)[:, 1].min(), (one.vertices @ turn)[:, 1].max()] for one in tiles])
        ordered = across[np.argsort(across[:, 0])]
        gaps = ordered[1:, 0] - ordered[:-1, 1]
        assert len(tiles) == 3
        assert (gaps > 0).all()
        assert (gaps < 0.012).all()


def test_assets_of_one_structure_share_place_coating_and_age(coarse: None) -> None:
    twins = [one.specimen.twin for one in made("rack", "pipe", 3).placed]
    assert len(twins) > 1
    assert len({(twin.exposure, twin.coating, twin.clock) for twin in twins}) == 1
    assert len({twin.seed for twin in twins}) == len(twins)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_scene_after_scene(name: str, coarse: None, tmp_path: Path) -> None:
    config, per_scene = RenderConfig(preset=name, size=16, seed=9), PRESETS[name].views_per_scene
    for index in range(60):
        one = scene.sample_scene(config, index, range(per_scene * index, per_scene * (index + 1)), tmp_path)
        assert len(one.views) == per_scene
        for file in tmp_path.iterdir():
            file.unlink()
