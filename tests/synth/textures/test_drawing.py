"""Scenes draw the user's own pictures, and draw everything else as they do without them."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from texture_files import ambient_cg, hills, plain, poly_haven, save

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene import sampling, subject
from corrotwin.synth.textures import drawing
from corrotwin.twin import store, twin_state

OWN = ("role", "texture", "coat", "rust_texture", "backdrop")  # fields of a scene that speak of them
ROLES = ("ground_textures", "wall_textures", "paint_textures", "rust_textures")
SCENE = 4
LIGHT: dict[str, Any] = {"kinds": ("plate",), "company": (1, 1), "arrangements": (("yard", 1.0), ("bridge", 1.0))}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two texture sets and two photographs."""
    folder = tmp_path_factory.mktemp("own")
    ambient_cg(folder / "sets", "one", plain((0.8, 0.2, 0.1), 16), hills(16))
    poly_haven(folder / "sets", "two", plain((0.1, 0.2, 0.8), 16), hills(16))
    for name in ("dock", "yard"):
        save(folder / "photos" / f"{name}.jpg", plain((0.4, 0.5, 0.6), 32))
    return folder


def scene(folder: Path, **changes: Any) -> spec.Scene:
    """A scene of plates, as `balanced` draws it with these changes."""
    return sampling.sample_scene(configured(**changes), SCENE, [2 * SCENE, 2 * SCENE + 1], folder)


def configured(**changes: Any) -> RenderConfig:
    return RenderConfig(preset=Preset.like("balanced", **(LIGHT | changes)), size=32, seed=4)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> spec.Scene:
    return scene(tmp_path_factory.mktemp("bare"))


def without_own(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_own(part) for name, part in value.items() if name not in OWN}
    return [without_own(part) for part in value] if isinstance(value, list | tuple) else value


def test_without_pictures_nothing_is_textured(bare: spec.Scene) -> None:
    assert all(prop.texture is None for prop in bare.props)
    assert all(body.finish.coat is None and body.finish.rust_texture is None for body in bare.bodies)
    assert all(view.backdrop is None for view in bare.views)


@pytest.mark.ci
def test_pictures_that_no_scene_takes_change_nothing(own: Path, bare: spec.Scene, tmp_path: Path) -> None:
    pairs = dict.fromkeys(ROLES, ((str(own / "sets"), 0.5),))
    unused = {"textured_share": 0.0, "backdrops": (str(own / "photos"),), "backdrop_share": 0.0}
    assert scene(tmp_path, **pairs, **unused) == bare


@pytest.mark.ci
def test_textures_leave_all_else_of_a_scene_as_it_was(own: Path, bare: spec.Scene, tmp_path: Path) -> None:
    dressed = scene(tmp_path, **dict.fromkeys(ROLES[1:], ((str(own / "sets"), 0.5),)))
    assert any(body.finish.rust_texture for body in dressed.bodies)
    coats = [body.finish.coat for body in dressed.bodies if body.finish.kind == "paint"]
    assert all(coats)
    assert all(body.finish.coat is None for body in dressed.bodies if body.finish.kind != "paint")
    assert all(body.finish.color == body.finish.coat.mean for body in dressed.bodies if body.finish.coat)
    unpainted = replace(
        dressed, bodies=tuple(
            replace(body, finish=replace(body.finish, color=before.finish.color))
            for body, before in zip(dressed.bodies, bare.bodies, strict=True)
        ),
    )  # fmt: skip
    assert without_own(asdict(unpainted)) == without_own(asdict(bare))


@pytest.mark.ci
def test_grounds_and_walls_take_textures_and_no_grass_grows_on_them(own: Path, tmp_path: Path) -> None:
    one = scene(
        tmp_path, ground_textures=((str(own / "sets" / "one"), 1.5),), arrangements=(("yard", 1.0),),
        wall_textures=((str(own / "sets" / "two"), 2.0),), walls=("brick",), grounds=("grass",),
    )  # fmt: skip
    textures = {prop.role: prop.texture for prop in one.props if prop.texture}
    assert {role: texture.metres for role, texture in textures.items()} == {"ground": 1.5, "wall": 2.0}
    assert textures["ground"].mean[0] > textures["ground"].mean[2]
    assert textures["wall"].mean[0] < textures["wall"].mean[2]
    assert "blade" not in {prop.material for prop in one.props}
    with np.load(tmp_path / textures["ground"].file) as arrays:
        assert {name: (arrays[name].shape, arrays[name].dtype.name) for name in arrays} == {
            "color": ((16, 16, 3), "uint8"), "roughness": ((16, 16), "uint8"), "height": ((16, 16), "float32"),
        }  # fmt: skip


def test_a_share_of_surfaces_takes_a_texture(own: Path, tmp_path: Path) -> None:
    sets = Preset.like("balanced", rust_textures=((str(own / "sets"), 0.5),)).rust_textures
    rng = np.random.default_rng(1)
    taken = [drawing.texture(sets, 0.3, rng, tmp_path) for _ in range(300)]
    assert sum(texture is not None for texture in taken) == pytest.approx(90, abs=24)
    assert sorted({texture.file for texture in taken if texture}) == sorted(path.name for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.ci
def test_before_a_photograph_stands_the_subject_alone(own: Path, bare: spec.Scene, tmp_path: Path) -> None:
    before = {"backdrops": (str(own / "photos"),), "backdrop_share": 1.0}
    one = scene(tmp_path, **before)
    assert len(one.bodies) == 1
    assert one.bodies[0].kind == bare.bodies[0].kind
    assert not any(prop.role for prop in one.props)
    assert one.light.world == bare.light.world
    shown = [view.backdrop for view in one.views]
    assert len(shown) == len(set(shown)) == 2
    assert all(0.6 <= backdrop.zoom <= 1 for backdrop in shown)
    each = sampling.sample_scene(configured(**before), SCENE, [2 * SCENE + 1], tmp_path)
    assert [view.backdrop for view in each.views] == shown[1:]  # whichever views are asked for


@pytest.mark.ci
@pytest.mark.parametrize("of_a_twin", [False, True], ids=["drawn", "saved"])
def test_before_a_photograph_cameras_look_level_or_somewhat_down(own: Path, tmp_path: Path, of_a_twin: bool) -> None:
    """From 10 degrees up to 30 down, and a few more where the aim is not in the middle of the picture."""
    before = {"backdrops": (str(own / "photos"),), "backdrop_share": 1.0, "field_of_view_deg": (20.0, 25.0)}
    config, shown = configured(**before), None
    if of_a_twin:
        store.save(twin_state.sample_twin("plate", np.random.default_rng(3), texel_mm=20.0), tmp_path / "twin")
        shown = subject.saved(tmp_path / "twin")
    scenes = [sampling.sample_scene(config, index, [2 * index, 2 * index + 1], tmp_path, shown) for index in range(3)]
    down = [np.degrees(np.arcsin(view.pose[2][2])) for one in scenes for view in one.views]
    assert len(down) == 6
    assert -18 < min(down) < max(down) < 38


def test_a_share_of_scenes_stands_before_photographs(own: Path) -> None:
    photos = Preset.like("balanced", backdrops=(str(own / "photos"),)).backdrops
    rng = np.random.default_rng(1)
    drawn = [drawing.backdrops(photos, 0.3, rng, 2) for _ in range(300)]
    assert {len(one) for one in drawn} == {0, 2}
    assert sum(map(bool, drawn)) == pytest.approx(90, abs=24)
    assert {one[0].photo for one in drawn if one} == set(photos)


@pytest.mark.ci
def test_a_scene_with_pictures_is_the_same_read_from_json(own: Path, tmp_path: Path) -> None:
    pairs = ((str(own / "sets"), 0.5),)
    for more in ({}, {"backdrops": (str(own / "photos"),), "backdrop_share": 1.0}):
        one = scene(tmp_path, **dict.fromkeys(ROLES, pairs), **more)
        (tmp_path / "batch.json").write_text(spec.dump(spec.Batch(scenes=(one,), threads=1)))
        (read,) = spec.load(tmp_path / "batch.json").scenes
        assert spec.dump(spec.Batch(scenes=(read,), threads=1)) == (tmp_path / "batch.json").read_text()
        assert [type(body.finish.rust_texture) for body in read.bodies] == [spec.Texture] * len(read.bodies)
