import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from twin import assets, state
from twin.corrosion import Coating, Exposure
from twin.files import InputError
from twin.state import FIELD_NAMES, Twin


@pytest.fixture
def twin() -> Twin:
    drawn = state.sample_twin("chain", np.random.default_rng(1), texel_mm=8.0)
    return replace(drawn, exposure=Exposure(category="C5"), coating=Coating(life_years=5.0), years=10.0)


def test_round_trip_is_exact(twin: Twin, tmp_path: Path) -> None:
    state.save(twin, tmp_path / "t")
    found, fields = state.load(tmp_path / "t")
    assert found == twin
    expected = state.fields(twin)
    for name in FIELD_NAMES:
        np.testing.assert_array_equal(getattr(fields, name), getattr(expected, name))
    assert fields.rust_cover.any()


def test_bare_steel_survives_the_round_trip(twin: Twin, tmp_path: Path) -> None:
    bare = replace(twin, coating=None)
    state.save(bare, tmp_path / "t")
    assert state.load(tmp_path / "t")[0] == bare


def test_saving_twice_gives_the_same_files(twin: Twin, tmp_path: Path) -> None:
    for name in "ab":
        state.save(twin, tmp_path / name)
    names = [sorted(path.name for path in (tmp_path / name).glob("[!.]*")) for name in "ab"]
    assert names[0] == names[1]
    assert len(names[0]) == 3  # claim, fields, twin


def test_ten_steps_equal_one_bit_for_bit(twin: Twin, tmp_path: Path) -> None:
    young = replace(twin, years=0.0)
    for name, steps in (("one", 1), ("ten", 10)):
        state.save(young, tmp_path / name)
        for _ in range(steps):
            state.advance(tmp_path / name, 20 / steps)
    one, ten = (list((tmp_path / name).glob("fields-*.npz")) for name in ("one", "ten"))
    assert [path.name for path in one] == [path.name for path in ten]
    assert len(ten) == 1


def test_negative_years_leave_the_state_unchanged(twin: Twin, tmp_path: Path) -> None:
    state.save(twin, tmp_path / "t")
    before = {path: path.read_bytes() for path in (tmp_path / "t").iterdir()}
    with pytest.raises(InputError, match="backwards"):
        state.advance(tmp_path / "t", -1)
    assert {path: path.read_bytes() for path in (tmp_path / "t").iterdir()} == before


def test_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    for action in (state.load, lambda folder: state.advance(folder, 1)):
        with pytest.raises(InputError, match=r"nowhere: holds no twin\.json"):
            action(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_foreign_folder_is_refused_and_kept(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="something else"):
        state.save(twin, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def edit(folder: Path, **changes: object) -> None:
    path = folder / "twin.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_damage_is_reported_with_its_place(twin: Twin, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    state.save(twin, folder)
    manifest = json.loads((folder / "twin.json").read_text())
    npz = folder / manifest["fields"]
    content = npz.read_bytes()

    npz.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"{npz.name}: damaged"):
        state.load(folder)
    npz.unlink()
    with pytest.raises(InputError, match="missing"):
        state.load(folder)
    npz.write_bytes(content)

    edit(folder, twin={**manifest["twin"], "texel_mm": 4.0})
    with pytest.raises(InputError, match="does not fit the atlas"):
        state.load(folder)
    edit(folder, twin={**manifest["twin"], "years": -4})
    with pytest.raises(InputError, match="years -4"):
        state.load(folder)
    edit(folder, twin={**manifest["twin"], "colour": "red"})
    with pytest.raises(InputError, match=r"twin\.json: not a twin of this version"):
        state.load(folder)
    edit(folder, twin=manifest["twin"], fields="../other.npz")
    with pytest.raises(InputError, match=r"\.\./other\.npz"):
        state.load(folder)
    edit(folder, fields=manifest["fields"], format_version=99)
    with pytest.raises(InputError, match="format_version 99"):
        state.load(folder)
    (folder / "twin.json").write_text('{"kind": "tw')
    with pytest.raises(InputError, match="not valid JSON"):
        state.load(folder)


def test_sampled_twins_are_json_and_reproducible() -> None:
    for kind in assets.KINDS:
        first, second = (state.sample_twin(kind, np.random.default_rng(9), texel_mm=10.0) for _ in range(2))
        assert first == second
        assert json.loads(json.dumps(first.parameters)) == first.parameters


@pytest.mark.parametrize("kind", assets.KINDS)
def test_clean_twins_have_no_rust_at_all(kind: str) -> None:
    twin = state.sample_twin(kind, np.random.default_rng(2), texel_mm=15.0, clean=True)
    assert twin.coating is not None
    assert not state.fields(twin).rust_cover.any()


@pytest.mark.parametrize("change", [{"years": -1.0}, {"years": float("nan")}, {"seed": -1}])
def test_impossible_twins_are_refused(twin: Twin, change: dict[str, float]) -> None:
    with pytest.raises(InputError):
        replace(twin, **change)
