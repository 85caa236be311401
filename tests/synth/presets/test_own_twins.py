"""Assets of the user's own in presets: found, named with their digests, refused where they are none or have changed."""

import json
import shutil
from pathlib import Path

import foreign
import numpy as np
import pytest
import trimesh

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets import own_files, own_twins
from corrotwin.synth.presets.schema import Preset
from corrotwin.twin import store, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.meshes.conversion import MeshOptions, convert


def twin_of(side_m: float, out: Path) -> Path:
    """Save a twin of a box that is a mesh."""
    source = out.parent / f"{out.name}.stl"
    trimesh.creation.box((side_m, side_m, side_m)).export(source)
    return foreign.saved_charts(convert(source, MeshOptions(units="m")).charts, out)


@pytest.fixture
def valve(tmp_path: Path) -> Path:
    (tmp_path / "twins").mkdir()
    return twin_of(0.2, tmp_path / "twins" / "valve")


def test_a_folder_stands_beside_built_in_kinds_with_its_path_and_digest(
    valve: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = valve.parent.parent / "own.json"
    file.write_text(json.dumps({"like": "balanced", "kinds": ["pipe", "twins/valve"]}))
    kinds = Preset.read(file).kinds
    assert kinds[0] == "pipe"
    assert own_files.path_of(kinds[1]) == valve
    assert own_twins.described(kinds[1], kinds) == ("mesh", {"asset": "valve"})
    monkeypatch.chdir(valve.parent.parent)
    assert Preset.like("balanced", kinds=("pipe", "twins/valve")).kinds == kinds
    assert own_twins.suits("yard", kinds[1])
    assert not any(own_twins.suits(name, kinds[1]) for name in ("bridge", "deck", "floor", "rack"))


def test_a_dataset_goes_on_where_the_twin_has_grown_and_is_refused_where_its_geometry_is_another(
    valve: Path, tmp_path: Path
) -> None:
    config = RenderConfig(preset=Preset.like("balanced", kinds=(str(valve),)), size=64, seed=0)
    store.advance(valve, lambda clock: twin_state.later(clock, 5))
    assert RenderConfig.from_plain(config.plain()) == config
    shutil.rmtree(valve)
    twin_of(0.3, valve)
    with pytest.raises(InputError, match=r"^kinds: .*valve: its asset has changed since this preset was made"):
        RenderConfig.from_plain(config.plain())
    shutil.rmtree(valve)
    with pytest.raises(InputError, match=r"^kinds: .*valve: holds no twin.json"):
        RenderConfig.from_plain(config.plain())


def test_what_is_no_twin_is_one_line(valve: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    mesh = next(valve.glob("mesh-*.npz"))
    for word, said in (("moon", "'moon': choose from bar, beam"), ("empty", "empty: holds no twin.json")):
        with pytest.raises(InputError, match=f"^kinds: .*{said}.*$"):
            Preset.like("balanced", kinds=(str(tmp_path / word) if word == "empty" else word,))
    mesh.write_bytes(mesh.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"^kinds: .*twin.json: .*damaged .*make the twin again from its mesh$"):
        Preset.like("balanced", kinds=(str(valve),))
    mesh.unlink()
    with pytest.raises(InputError, match=r"^kinds: .*cannot be read .*$"):
        Preset.like("quick", kinds=(str(valve),))


def test_a_parametric_asset_stands_where_its_kind_does_but_where_dimensions_are_stated(tmp_path: Path) -> None:
    store.save(twin_state.sample_twin("beam", np.random.default_rng(3), texel_mm=50.0), tmp_path / "girder")
    word = Preset.like("balanced", kinds=(str(tmp_path / "girder"),)).kinds[0]
    assert [name for name in ("yard", "bridge", "deck", "floor", "rack") if own_twins.suits(name, word)] == [
        "yard", "bridge",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"kinds: .*girder fits none of the arrangements \(deck\); add yard"):
        Preset.like("balanced", kinds=(str(tmp_path / "girder"),), arrangements=(("deck", 1.0),))


def test_names_are_those_of_folders_with_as_many_above_as_tell_them_apart() -> None:
    words = [f"{path}#{16 * '0'}" for path in ("/a/valve", "/b/valve", "/b/pipe", "/b/drum")]
    assert own_twins.names(("pipe", *words)) == dict(zip(words, ("a/valve", "b/valve", "b/pipe", "drum"), strict=True))
