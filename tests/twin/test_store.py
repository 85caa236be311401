import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrotwin.twin import store, twin_state
from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.catalogue import build, usual
from corrotwin.twin.model.coating import Coating, Paint, Zinc
from corrotwin.twin.model.exposure import Climate, Exposure, Period, at
from corrotwin.twin.store import FIELD_NAMES
from corrotwin.twin.twin_state import EPOCH, TwinState, later

TO_C1 = Period(from_years=5.0, category="C1")
MILD = Climate(temperature_c=15, humidity_percent=70, so2_mg_m2_d=4, chloride_mg_m2_d=3)


@pytest.fixture
def twin() -> TwinState:
    drawn = twin_state.sample_twin("chain", np.random.default_rng(1), texel_mm=8.0)
    few = {**drawn.parameters, "links": 2}
    return replace(drawn, parameters=few, exposure=at("C5"), coating=Paint(life_years=5.0), clock=later(EPOCH, 10))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_round_trip_is_exact(twin: TwinState, tmp_path: Path) -> None:
    store.save(twin, tmp_path / "t")
    found, fields = store.load(tmp_path / "t")
    assert found == twin
    expected = twin_state.fields(twin)
    for name in FIELD_NAMES:
        np.testing.assert_array_equal(getattr(fields, name), getattr(expected, name))
    assert fields.rust_cover.any()


@pytest.mark.parametrize("coating", [None, Zinc(thickness_um=40.0), Paint(life_years=3.0, shape=2.0)])
def test_every_history_survives_the_round_trip(twin: TwinState, coating: Coating, tmp_path: Path) -> None:
    places = (Period(climate=MILD, splash_m=(0.1, 0.5)), Period(from_years=4.25, category="CX", debris=4.0))
    exposure = Exposure(periods=places)
    other = replace(twin, coating=coating, exposure=exposure, pits=None)
    store.save(other, tmp_path / "t")
    assert store.load(tmp_path / "t")[0] == other


def test_mechanisms_survive_the_round_trip(twin: TwinState, tmp_path: Path) -> None:
    zone = twin_state.asset(twin).zone_names[0]
    laws = (
        build("own", (zone,), rate_mm_year=0.1, exponent=0.8, localised=True, heights_m=(0.0, 0.5), after_years=2.0),
        build("insulation", (zone,), driver="mild", temperature_c=60.0),
    )
    store.save(replace(twin, mechanisms=laws), tmp_path / "t")
    assert store.load(tmp_path / "t")[0].mechanisms == laws


def test_in_older_files_an_unknown_fluid_flows_in_a_pipe(twin: TwinState, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    store.save(twin, folder)
    kept = json.loads((folder / "twin.json").read_text())["twin"]
    assert kept.pop("mechanisms") == []
    edit(folder, twin=kept)
    assert store.load(folder)[0].mechanisms == ()
    pipe = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=40.0)
    store.save(pipe, tmp_path / "pipe")
    inside = json.loads((tmp_path / "pipe" / "twin.json").read_text())["twin"]
    assert inside.pop("mechanisms") == []
    edit(tmp_path / "pipe", twin=inside)
    assert store.load(tmp_path / "pipe")[0].mechanisms == usual("pipe")
    law = {"kind": "own", "zones": ["face"], "rate_mm_year": 0.1, "spread": 0.5, "heights_m": None}
    for wrong in ({"rate_mm_year": -1}, {"kind": "rust"}, {"zones": ["roof"]}, {"speed": 1}, {"rate_mm_year": "much"}):
        edit(folder, twin={**kept, "mechanisms": [law | wrong]})
        with pytest.raises(InputError, match=r"twin\.json: "):
            store.load(folder)


def test_saving_twice_gives_the_same_files(twin: TwinState, tmp_path: Path) -> None:
    for name in "ab":
        store.save(twin, tmp_path / name)
    names = [sorted(path.name for path in (tmp_path / name).glob("[!.]*")) for name in "ab"]
    assert names[0] == names[1]
    assert len(names[0]) == 3  # claim, fields, twin


def test_in_older_files_splash_and_debris_hold_for_life(twin: TwinState, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    store.save(replace(twin, exposure=replace(at("C3"), periods=(*at("C3").periods, TO_C1))), folder)
    kept = json.loads((folder / "twin.json").read_text())["twin"]
    for period in kept["exposure"]["periods"]:
        assert (period.pop("splash_m"), period.pop("debris")) == (None, 1)
    for for_life in ({"splash_m": None}, {"splash_m": [0.1, 0.5]}, {"splash_m": [0.1, 0.5], "debris": 4}):
        edit(folder, twin={**kept, "exposure": {**kept["exposure"], **for_life}})
        splash = for_life["splash_m"] and tuple(for_life["splash_m"])
        for period in store.load(folder)[0].exposure.periods:
            assert (period.splash_m, period.debris) == (splash, for_life.get("debris", 1))
    for wrong in ({"debris": "much"}, {"debris": 0.5}, {"splash_m": [0, 1, 2]}, {"splash_m": "12"}):
        edit(folder, twin={**kept, "exposure": {**kept["exposure"], **wrong}})
        with pytest.raises(InputError, match=r"twin\.json: "):
            store.load(folder)


@pytest.mark.ci
@pytest.mark.parametrize("debris", [1.0, 6.0])
def test_ten_steps_equal_one_bit_for_bit(twin: TwinState, debris: float, tmp_path: Path) -> None:
    small = replace(twin, clock=EPOCH, texel_mm=20.0, exposure=at("C5", debris=debris))
    for name, count in (("one", 1), ("many", 10)):
        store.save(small, tmp_path / name)
        for _ in range(count):
            store.advance(tmp_path / name, lambda clock, count=count: later(clock, 20 / count))
    one, many = (store.load(tmp_path / name) for name in ("one", "many"))
    assert one[0] == many[0]
    files = [list((tmp_path / name).glob("fields-*.npz")) for name in ("one", "many")]
    assert [path.name for path in files[0]] == [path.name for path in files[1]]
    assert len(files[1]) == 1


def test_the_twin_moves_when_it_is_told_to(twin: TwinState, tmp_path: Path) -> None:
    store.save(twin, tmp_path / "t")
    moved = store.advance(tmp_path / "t", lambda clock: later(clock, 5), move=Period(category="CX"))
    assert moved.exposure.periods == (Period(category="C5"), Period(from_years=10.0, category="CX"))
    assert moved.years == 15
    again = store.advance(tmp_path / "t", lambda clock: later(clock, 1))
    assert again.exposure == moved.exposure


def test_splash_and_debris_stay_where_they_are(twin: TwinState, tmp_path: Path) -> None:
    """Indoors nothing splashes; what has been stays; the same category again is not a move."""
    wet = replace(twin, exposure=at("C5", splash_m=(0.0, 0.4), debris=6.0), coating=None)
    store.save(wet, tmp_path / "t")
    _, before = store.load(tmp_path / "t")
    stayed = store.advance(tmp_path / "t", lambda clock: clock, move=Period(category="C5"))
    assert stayed.exposure == wet.exposure
    moved = store.advance(tmp_path / "t", lambda clock: later(clock, 10), move=TO_C1)
    assert moved.exposure.periods == (*wet.exposure.periods, replace(TO_C1, from_years=10.0))
    _, after = store.load(tmp_path / "t")
    more = after.wall_loss_mm - before.wall_loss_mm
    assert 0 < more.max() < 0.01
    back = store.advance(tmp_path / "t", lambda clock: clock, move=Period(category="C3", splash_m=(0.1, 0.2)))
    assert back.exposure.periods[-1].splash_m == (0.1, 0.2)


def test_a_move_before_any_time_replaces_the_place(twin: TwinState, tmp_path: Path) -> None:
    store.save(replace(twin, clock=EPOCH), tmp_path / "t")
    moved = store.advance(tmp_path / "t", lambda clock: clock, move=Period(category="C2"))
    assert moved.exposure.periods == (Period(category="C2"),)


def test_a_clock_that_runs_backwards_leaves_the_state_unchanged(twin: TwinState, tmp_path: Path) -> None:
    store.save(twin, tmp_path / "t")
    before = content(tmp_path / "t")
    with pytest.raises(InputError, match="2009-12-31 and cannot run back to 2009-07"):
        store.advance(tmp_path / "t", lambda clock: later(clock, -0.5))
    with pytest.raises(InputError, match="calendar"):
        store.advance(tmp_path / "t", lambda clock: later(clock, 1e7))
    with pytest.raises(InputError, match="more than 1000"):
        store.advance(tmp_path / "t", lambda clock: later(clock, 5000))
    assert content(tmp_path / "t") == before


def test_reading_at_any_moment_of_a_write_sees_one_state_or_the_other(
    twin: TwinState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "t"
    young = replace(twin, clock=EPOCH, texel_mm=20.0)
    store.save(young, folder)
    known = {float(years): twin_state.fields(replace(young, clock=later(EPOCH, years))).rust_cover for years in (0, 10)}
    seen = []

    def look() -> None:
        found, fields = store.load(folder)
        np.testing.assert_array_equal(fields.rust_cover, known[found.years])
        seen.append(found.years)

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **options: Any) -> Any:
            look()
            result = real(*arguments, **options)
            look()
            return result

        return act

    for place, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
        monkeypatch.setattr(place, name, watched(getattr(place, name)))
    store.advance(folder, lambda clock: later(clock, 10))
    assert seen == sorted(seen)
    assert set(seen) == set(known)


def test_a_state_that_is_replaced_as_it_is_read_is_read_again(
    twin: TwinState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(twin, tmp_path / "t")
    real = files.read_bytes

    def late(path: Path, **options: Any) -> bytes:
        if path.suffix == ".npz":  # the manifest, which names it, has been read
            monkeypatch.setattr(files, "read_bytes", real)
            store.advance(path.parent, lambda clock: later(clock, 1))  # another process
        return real(path, **options)

    monkeypatch.setattr(files, "read_bytes", late)
    found, fields = store.load(tmp_path / "t")
    assert found.years == twin.years + 1
    np.testing.assert_array_equal(fields.rust_cover, twin_state.fields(found).rust_cover)


def test_a_writer_that_dies_leaves_a_whole_twin(
    twin: TwinState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the new fields are written and before the manifest names them."""
    folder = tmp_path / "t"
    store.save(twin, folder)
    before = store.load(folder)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.files, "write_manifest", dies)
        with pytest.raises(KeyboardInterrupt):
            store.advance(folder, lambda clock: later(clock, 1))
    after = store.load(folder)
    assert after[0] == before[0]
    np.testing.assert_array_equal(after[1].rust_cover, before[1].rust_cover)
    store.advance(folder, lambda clock: later(clock, 2))
    assert len(list(folder.glob("fields-*.npz"))) == 1  # what the dead one left is gone


def test_two_writers_do_not_meet(twin: TwinState, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    store.save(twin, folder)
    inside, go_on = threading.Event(), threading.Event()

    def slowly(clock: datetime) -> datetime:
        inside.set()
        go_on.wait(20)
        return later(clock, 1)

    first = threading.Thread(target=store.advance, args=(folder, slowly))
    first.start()
    assert inside.wait(20)
    with pytest.raises(InputError, match=str(folder)):
        store.advance(folder, lambda clock: later(clock, 1))
    go_on.set()
    first.join()
    assert store.load(folder)[0].years == 11


def test_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    for action in (store.load, lambda folder: store.advance(folder, lambda clock: clock)):
        with pytest.raises(InputError, match=r"nowhere: holds no twin\.json"):
            action(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_foreign_folder_is_refused_and_kept(twin: TwinState, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="something else"):
        store.save(twin, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def edit(folder: Path, **changes: object) -> None:
    path = folder / "twin.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PK")])
def test_fields_that_are_gone_are_made_again(twin: TwinState, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = tmp_path / "t"
    store.save(twin, folder)
    before = content(folder)
    damage(next(folder.glob("fields-*.npz")))
    with pytest.raises(InputError, match=r"create the fields again with corrotwin twin grow .* --years 0"):
        store.load(folder)
    assert store.advance(folder, lambda clock: later(clock, 0)) == twin
    assert content(folder) == before


def test_damage_is_reported_with_its_place(twin: TwinState, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    store.save(twin, folder)
    manifest = json.loads((folder / "twin.json").read_text())
    npz = folder / manifest["fields"]
    content = npz.read_bytes()

    npz.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"{npz.name}: damaged"):
        store.load(folder)
    npz.unlink()
    with pytest.raises(InputError, match="missing"):
        store.load(folder)
    npz.write_bytes(content)

    edit(folder, twin={**manifest["twin"], "texel_mm": 4.0})
    with pytest.raises(InputError, match="does not fit the atlas"):
        store.load(folder)
    edit(folder, twin={**manifest["twin"], "clock": "1990-01-01T00:00:00Z"})
    with pytest.raises(InputError, match=r"twin\.json: .*is before the day it was built"):
        store.load(folder)
    edit(folder, twin={**manifest["twin"], "clock": "1990-01-01T00:00:00"})
    with pytest.raises(InputError, match="UTC"):
        store.load(folder)
    edit(folder, twin={**manifest["twin"], "coating": {"kind": "gold", "thickness_um": 1.0}})
    with pytest.raises(InputError, match="gold"):
        store.load(folder)
    edit(folder, twin={**manifest["twin"], "exposure": {"periods": [], "splash_m": None}})
    with pytest.raises(InputError, match=r"twin\.json: exposure periods"):
        store.load(folder)
    edit(folder, twin={**manifest["twin"], "colour": "red"})
    with pytest.raises(InputError, match=r"twin\.json: not a twin of this version"):
        store.load(folder)
    edit(folder, twin=manifest["twin"], fields="../other.npz")
    with pytest.raises(InputError, match=r"\.\./other\.npz"):
        store.load(folder)
    edit(folder, fields=manifest["fields"], format_version=99)
    with pytest.raises(InputError, match="format_version 99"):
        store.load(folder)
    (folder / "twin.json").write_text('{"kind": "tw')
    with pytest.raises(InputError, match="not valid JSON"):
        store.load(folder)
