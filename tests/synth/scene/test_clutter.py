"""Clutter around the steel: closed, in muted colours, a function of its generator, and clear of all assets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene import sampling, specimen, surroundings, visibility
from corrotwin.synth.scene.clutter import catalogue, crushed_stone, far, fixtures, furnishing, looks, plants, shapes
from corrotwin.synth.scene.clutter.litter import litter
from corrotwin.synth.scene.clutter.shapes import Shape
from corrotwin.synth.scene.ground_cover import Pieces, site
from corrotwin.synth.scene.placement import Arrangement, corners
from corrotwin.synth.spec import Prop

LOW, HIGH = np.array([-2.0, 0.0]), np.array([2.0, 2.5])
Rng = np.random.Generator


def pieces_of_wall(build: Callable[..., Shape]) -> Callable[[Rng], Shape]:
    return lambda rng: build(rng, LOW, HIGH)


def far_things(rng: Rng) -> Shape:
    found = [shape for _ in range(3) for shape in far.behind(rng, 0.0, 2.0, -0.5)[0]]
    return shapes.joined(found)


BUILDERS: dict[str, Callable[[Rng], Shape]] = {
    **catalogue.SAMPLERS,
    **{f"wall: {name}": pieces_of_wall(build) for name, build in fixtures.FIXTURES.items()},
    "wall: ties": pieces_of_wall(fixtures.ties), "wall: sheeting": pieces_of_wall(fixtures.sheeting),
    "litter": lambda rng: litter(rng, np.column_stack([rng.normal(size=(12, 2)), np.zeros(12)])),
    "far": far_things,
}  # fmt: skip
every = pytest.mark.parametrize("name", BUILDERS)


def made(name: str, seed: int = 1) -> Shape:
    return BUILDERS[name](np.random.default_rng(seed))


@every
def test_a_shape_is_a_function_of_its_generator(name: str) -> None:
    first, second, other = made(name), made(name), made(name, 2)
    for field in ("vertices", "faces", "color"):
        assert (getattr(first, field) == getattr(second, field)).all()
    assert first.vertices.shape != other.vertices.shape or (first.vertices != other.vertices).any()


@every
@pytest.mark.parametrize("seed", range(3))
def test_a_shape_is_closed_and_wound_outward(name: str, seed: int) -> None:
    shape = made(name, seed)
    assert np.isfinite(shape.vertices).all()
    assert shape.color.shape == shape.vertices.shape
    for part in trimesh.Trimesh(shape.vertices, shape.faces, process=False).split(only_watertight=False):
        assert part.is_watertight
        assert part.is_winding_consistent
        assert part.volume > 0


@pytest.mark.parametrize("name", catalogue.SAMPLERS)
def test_objects_stand_on_the_ground_and_are_small_meshes(name: str) -> None:
    for seed in range(4):
        low, high = made(name, seed).corners
        assert low[2] == pytest.approx(0, abs=1e-9)
        assert np.allclose((low + high)[:2], 0)
        assert 0.01 < (high - low).max() < 5
        assert len(made(name, seed).faces) < 4000


@pytest.mark.parametrize("name", fixtures.FIXTURES)
def test_what_hangs_on_a_wall_stays_in_its_stretch_before_it(name: str) -> None:
    for seed in range(4):
        low, high = fixtures.FIXTURES[name](np.random.default_rng(seed), LOW, HIGH).corners
        assert high[1] < 0.003
        assert low[1] > -0.25
        assert low[0] > LOW[0] - 0.7
        assert high[0] < HIGH[0] + 0.7


@every
def test_colours_are_muted_and_differ_within_a_thing(name: str) -> None:
    for seed in range(4):
        color = made(name, seed).color
        assert color.min() > 0
        assert color.max() <= 0.85
        assert looks.chroma(color).max() <= looks.MOST_CHROMA
    assert len(np.unique(np.concatenate([made(name, seed).color for seed in range(4)]), axis=0)) > 1


def test_chroma_is_that_of_opencv() -> None:
    linear = np.random.default_rng(0).random((200, 3))
    _, a, b = cv2.cvtColor(_encoded(linear).astype(np.float32)[None], cv2.COLOR_RGB2LAB)[0].T
    assert looks.chroma(linear) == pytest.approx(np.hypot(a, b), abs=0.6)


def test_the_older_palettes_are_as_muted() -> None:
    for ends in surroundings.MATERIAL_COLORS.values():
        assert looks.chroma(np.array(ends)).max() <= looks.MOST_CHROMA
    for _, color in surroundings.LOOK_ALIKES:
        assert color is None or looks.chroma(np.array(color)) <= looks.MOST_CHROMA


def test_shrubs_keep_to_their_budget_their_size_and_the_ground() -> None:
    places, sizes = np.array([[0.0, 0.0, 0.3], [3.0, 1.0, 0.2]]), np.array([0.7, 0.4])
    grown, again = (
        plants.shrubs(np.random.default_rng(5), places, sizes, leaf_m=0.04, budget=900, level=0.0) for _ in range(2)
    )
    assert (grown.vertices == again.vertices).all()
    assert 300 < len(grown.faces) <= 900
    assert grown.vertices[:, 2].min() > 0
    away = np.linalg.norm(grown.vertices[:, None] - places, axis=2).min(axis=1)
    assert away.max() < 0.7
    assert (np.unique(grown.faces) == np.arange(len(grown.vertices))).all()


def test_gravel_covers_the_ground_about_the_centre_and_rises_above_it() -> None:
    where = site((-0.9, 0.9, -0.9, 0.9), z=0.1, centre=(0, 0))
    bed = crushed_stone.crushed(np.random.default_rng(2), where, size_m=(0.03, 0.06), budget=40_000)
    mesh = trimesh.Trimesh(bed.vertices, bed.faces, process=False)
    down = np.column_stack([np.random.default_rng(0).uniform(-0.7, 0.7, (800, 2)), np.ones(800)])
    hits, _, face = mesh.ray.intersects_location(down, np.tile([0.0, 0, -1], (800, 1)), multiple_hits=False)
    above = hits[:, 2] > 0.1
    assert above.sum() > 0.5 * 800  # more than half of it is stone, the rest gaps
    assert 0.006 < hits[above, 2].mean() - 0.1 < 0.05
    assert (mesh.face_normals[face][:, 2] > 0).all()  # seen from above, never from inside
    grazing = np.column_stack([np.full(200, -0.85), np.linspace(-0.6, 0.6, 200), np.full(200, 0.1 + 0.012)])
    blocked = mesh.ray.intersects_any(grazing, np.tile([1.0, 0, 0], (200, 1)))
    assert blocked.all()  # at a grazing angle it is no plane


def test_no_stone_reaches_over_what_stands_there() -> None:
    taken = np.stack(np.meshgrid(np.arange(-0.3, 0.3, 0.02), np.arange(-0.2, 0.2, 0.02)), -1).reshape(-1, 2)
    where = site((-0.9, 0.9, -0.9, 0.9), z=0.0, centre=(0, 0), occupied=taken)
    bed = crushed_stone.crushed(np.random.default_rng(2), where, size_m=(0.03, 0.06), budget=40_000)
    inside = (np.abs(bed.vertices[:, 0]) < 0.25) & (np.abs(bed.vertices[:, 1]) < 0.15)
    assert len(bed.faces) > 5000
    assert not inside.any()


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUBJECT_TEXELS", "OTHER_TEXELS"):
        monkeypatch.setattr(specimen, name, (6.0, 3_000, 6_000))


def furnished(preset: Preset, number: int, folder: Path) -> tuple[Arrangement, list[Prop]]:
    config = RenderConfig(preset=preset, size=16, seed=4)
    stand = sampling._arranged(config, number, preset)
    draw = sampling.stream(4, "clutter", number)
    return stand, furnishing.furnish(stand, stand.clutter, preset, folder, f"clutter-{number}", draw)


@pytest.mark.ci
@pytest.mark.parametrize("name", ["balanced", "bridges", "painted"])
def test_nothing_that_is_placed_meets_an_asset(name: str, coarse: None, tmp_path: Path) -> None:
    meshes = 0
    for number in range(4):
        stand, props = furnished(PRESETS[name], number, tmp_path)
        for prop in props:
            if prop.shape != "mesh":
                continue
            meshes += 1
            mesh = visibility.prop_mesh(prop, tmp_path)
            for placed in stand.placed:
                low, high = corners([placed])
                near = ((mesh.vertices > low) & (mesh.vertices < high)).all(axis=1)
                assert not near.any(), (number, prop.file, placed.specimen.twin.kind)
    assert meshes >= 4


@pytest.mark.ci
def test_of_the_blocks_only_those_stay_that_meet_no_asset(
    coarse: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(furnishing, "REPLACED", 0.0)
    chosen, rng = replace(PRESETS["balanced"], clutter=(0, 1)), np.random.default_rng(0)
    stand, _ = furnished(chosen, 1, tmp_path)
    low, high = corners(stand.placed[-1:])
    met = surroundings.prop("box", "wood", (low + high) / 2, (0.1, 0.1, 0.1), rng)
    clear = surroundings.prop("box", "wood", high + 5, (0.1, 0.1, 0.1), rng)
    props = furnishing.furnish(stand, [met, clear], chosen, tmp_path, "blocks", rng)
    assert [met in props, clear in props] == [False, True]


@pytest.mark.ci
def test_furnishing_repeats_and_a_preset_without_clutter_has_none(coarse: None, tmp_path: Path) -> None:
    (_, first), (_, second) = (furnished(PRESETS["balanced"], 1, tmp_path) for _ in range(2))
    assert first == second
    stand, bare = furnished(replace(PRESETS["balanced"], clutter=(0, 0)), 1, tmp_path)
    assert bare == [*stand.props, *stand.clutter]


@pytest.mark.ci
def test_most_scenes_have_things_of_several_sorts_and_other_kinds_of_assets(coarse: None, tmp_path: Path) -> None:
    full = several = 0
    for number in range(8):
        stand, props = furnished(PRESETS["balanced"], number, tmp_path)
        things = [prop for prop in props if prop.material == "worn"]
        full += bool(things and len(visibility.prop_mesh(things[0], tmp_path).faces) > 100)
        several += len({placed.specimen.twin.kind for placed in stand.placed}) > 1
    assert full >= 6
    assert several >= 5


def test_leaves_are_dropped_where_an_asset_stands() -> None:
    grown = plants.shrubs(
        np.random.default_rng(0), np.array([[0.0, 0.0, 0.3]]), np.array([0.8]), leaf_m=0.03, budget=800
    )
    box = (np.array([-0.1, -0.1, 0.0]), np.array([0.1, 0.1, 1.0]))
    where = furnishing.Occupied(assets=(box,), others=(), reach=1.0, middle=np.zeros(3))
    kept = furnishing._clear_of(grown, where)
    assert 0 < len(kept.faces) < len(grown.faces)
    assert not ((kept.vertices > box[0]) & (kept.vertices < box[1])).all(axis=1).any()
    assert isinstance(kept, Pieces)


def _encoded(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.clip(linear, 0, None) ** (1 / 2.4) - 0.055)
