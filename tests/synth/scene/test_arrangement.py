from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.presets.schema import SUITS, Preset
from corrotwin.synth.scene import sampling, specimen
from corrotwin.synth.scene.arrangement import ARRANGEMENTS
from corrotwin.synth.scene.placement import Arrangement, Placed
from corrotwin.synth.spec import Matrix
from corrotwin.twin.geometry.section_sizes import BEAMS


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUBJECT_TEXELS", "OTHER_TEXELS"):
        monkeypatch.setattr(specimen, name, (6.0, 3_000, 6_000))


def boxes(placed: tuple[Placed, ...]) -> np.ndarray:
    return np.array([(one.vertices.min(axis=0), one.vertices.max(axis=0)) for one in placed])


def box_of(pose: Matrix) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array(pose) @ np.array([[-0.5, -0.5, -0.5, 1], [0.5, 0.5, 0.5, 1]]).T
    return corners[:3].min(axis=1), corners[:3].max(axis=1)


def made(name: str, kind: str, seed: int, chosen: Preset = PRESETS["balanced"]) -> Arrangement:
    rng, twins = np.random.default_rng(seed), np.random.default_rng([seed, 1])

    def draw(kind: str, **how: object) -> specimen.Specimen:
        return specimen.draw(kind, twins, size=16, clean=False, **how)

    return ARRANGEMENTS[name](draw, kind, chosen, rng)


def test_every_arrangement_says_which_kinds_it_takes() -> None:
    assert set(ARRANGEMENTS) == set(SUITS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=pytest.mark.slow if place else ())
        for name in ARRANGEMENTS
        for place, kind in enumerate(SUITS[name])
    ],
)
def test_assets_stand_clear_of_each_other_on_what_there_is(name: str, kind: str, coarse: None) -> None:
    stand = made(name, kind, 0)
    placed = boxes(stand.placed)
    assert (placed[:, 0, 2] > -1e-6).all()
    for i in range(len(placed)):
        for j in range(i):
            overlap = np.minimum(placed[i, 1], placed[j, 1]) - np.maximum(placed[i, 0], placed[j, 0])
            tilted = name == "floor"  # tiles are turned, so that their boxes overlap though they do not
            one, other = (stand.placed[k].specimen.twin.parameters for k in (i, j))
            framed = name == "deck" and one != other  # struts reach between the flanges of girders
            assert (overlap < 0.002).any() or tilted or framed, (i, j)
    assert stand.placed[0].specimen.twin.kind == kind
    assert stand.ground or stand.props


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["panel", pytest.param("tank", marks=pytest.mark.slow)])
def test_no_support_runs_into_another_asset_and_a_foundation_bears_the_whole_foot(kind: str, coarse: None) -> None:
    chosen = replace(PRESETS["balanced"], kinds=(kind, "panel", "bolt"), company=(2, 2), walls=("none",))
    supports = 0
    for seed in range(10):
        stand = made("yard", kind, seed, chosen)
        for prop in stand.props:
            low, high = box_of(prop.pose)
            supports += 1
            meet = [
                ((low < there[1]) & (high > there[0]))[:2].all() and one.specimen.twin.kind not in ("panel", "tank")
                for one, there in zip(stand.placed, boxes(stand.placed), strict=True)
            ]
            assert not any(meet)
            if prop.shape == "cylinder":
                vertices = stand.placed[0].vertices
                foot = vertices[vertices[:, 2] < vertices[:, 2].min() + 0.002, :2]
                away = np.linalg.norm(foot - (low + high)[:2] / 2, axis=1)
                assert away.max() < (high - low)[0] / 2
    assert supports > 2


@pytest.mark.slow
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


@pytest.mark.ci
def test_girders_of_a_deck_lie_on_walls_close_under_a_slab(coarse: None) -> None:
    joints = set()
    for seed in range(6):
        stand = made("deck", "beam", seed)
        given = stand.placed[0].specimen.twin.parameters
        joints.add(given["joint"])
        girders = [one for one in stand.placed if one.specimen.twin.parameters == given]
        assert 2 <= len(girders) <= 3
        assert len({one.specimen.twin.seed for one in girders}) == len(girders)
        assert len({one.specimen.twin.coating for one in stand.placed}) == 1
        walls, slab = [box_of(one.pose) for one in stand.props[:2]], box_of(stand.props[2].pose)
        for one in girders:
            ends = one.vertices[np.abs(one.vertices[:, 0]) > 0.45 * given["length_m"]]
            assert ends[:, 2].min() == pytest.approx(walls[0][1][2], abs=0.002)
            assert 0 <= slab[0][2] - ends[:, 2].max() < 0.04
            assert all(wall[0][1] < ends[:, 1].min() and ends[:, 1].max() < wall[1][1] for wall in walls)
            assert (slab[0][:2] < one.vertices[:, :2].min(axis=0)).all()
            assert (slab[1][:2] > one.vertices[:, :2].max(axis=0)).all()
        # Between the walls a camera has room, and the girders are borne at both ends.
        assert walls[0][1][0] + 1 < walls[1][0][0]
        assert walls[0][0][2] == walls[1][0][2] == pytest.approx(0)
    assert joints == {"none", "end plates", "splice"}


@pytest.mark.slow
def test_struts_of_a_deck_reach_from_web_to_web_clear_of_stiffeners_and_of_each_other(coarse: None) -> None:
    seen = 0
    for seed in range(8):
        stand = made("deck", "beam", seed)
        given = stand.placed[0].specimen.twin.parameters
        is_strut = [one.specimen.twin.parameters != given for one in stand.placed]
        girders = boxes(tuple(one for one, strut in zip(stand.placed, is_strut, strict=True) if not strut))
        struts = boxes(tuple(one for one, strut in zip(stand.placed, is_strut, strict=True) if strut))
        assert not len(struts) or given["joint"] == "none"
        webs = girders.mean(axis=1)[:, 1]
        _, _, web, flange, root = np.array(BEAMS[given["section"]]) / 1000
        pieces = given["stiffeners"]
        plates = given["length_m"] * (0.76 * (np.arange(pieces) + 0.5) / max(pieces, 1) - 0.38)
        for number, (low, high) in enumerate(struts):
            seen += 1
            near, far = webs[webs < low[1]].max(), webs[webs > high[1]].min()
            assert low[1] - near == pytest.approx(far - high[1], abs=1e-6)
            assert low[1] - near - web / 2 == pytest.approx(0.002, abs=1e-6)
            assert girders[0, 0, 2] + flange + root < low[2]
            assert high[2] < girders[0, 1, 2] - flange - root
            assert not ((low[0] - 0.01 < plates) & (plates < high[0] + 0.01)).any()
            for other_low, other_high in struts[:number]:
                assert high[0] < other_low[0] or other_high[0] < low[0] or abs(other_low[1] - low[1]) > 0.5
    assert seen > 3


@pytest.mark.ci
def test_nothing_on_a_pier_stands_in_the_slab_above_it(coarse: None) -> None:
    tops = []
    for seed in range(4):
        stand = made("bridge", "bolt", seed, replace(PRESETS["bridges"], company=(2, 2)))
        slabs = [box_of(one.pose) for one in stand.props if one.pose[2][2] == pytest.approx(0.3)]
        tops += [low[2] - boxes(stand.placed)[:, 1, 2].max() for low, _ in slabs]
    assert len(tops) > 2
    assert min(tops) > 0


@pytest.mark.ci
def test_rulers_lie_on_concrete_before_all_that_stands_on_a_pier(coarse: None) -> None:
    chosen = replace(PRESETS["bridges"], beds=("concrete",), rulers=1.0, company=(0, 1))
    found = 0
    for seed in range(10):
        stand, without = made("bridge", "bolt", seed, chosen), made("bridge", "bolt", seed, replace(chosen, rulers=0.0))
        rulers = [one for one in stand.props if one.material == "plain"]
        assert np.allclose(boxes(stand.placed), boxes(without.placed))
        assert not any(one.material == "plain" for one in without.props)
        for one in rulers:
            found += 1
            low, high = box_of(one.pose)
            assert low[2] > 0
            assert high[2] < 0.01
            assert high[1] < min(float(each.vertices[:, 1].min()) for each in stand.placed)
            if not stand.ground:
                bed = box_of(next(one.pose for one in stand.props[1:] if one.shape == "box"))
                assert bed[0][1] < low[1]
        assert len(rulers) <= 1
    assert found > 1


@pytest.mark.ci
def test_dirt_is_heaped_on_the_bed_of_a_pier_and_changes_nothing_else(coarse: None) -> None:
    for seed in range(6):
        chosen = replace(PRESETS["bridges"], heaps=1.0)
        stand, without = made("bridge", "bearing", seed, chosen), made("bridge", "bearing", seed, PRESETS["balanced"])
        bare = made("bridge", "bearing", seed, replace(chosen, heaps=0.0))
        assert bare.heaped is None
        assert without.heaped is None
        assert bare.props == stand.props
        assert np.allclose(boxes(stand.placed), boxes(bare.placed))
        assert stand.heaped is not None
        x0, x1, y0, y1 = stand.heaped
        low, high = boxes(stand.placed[:1])[0]
        assert x0 < low[0] < high[0] < x1
        assert y0 < low[1] < high[1] < y1
        if not stand.ground:
            bed = box_of(stand.props[1].pose)
            assert bed[1][2] == pytest.approx(0)
            assert (bed[0][0], bed[1][0], bed[0][1], bed[1][1]) == pytest.approx(stand.heaped)


@pytest.mark.ci
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


@pytest.mark.ci
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
        one = sampling.sample_scene(config, index, range(per_scene * index, per_scene * (index + 1)), tmp_path)
        assert len(one.views) == per_scene
        for file in tmp_path.iterdir():
            file.unlink()
