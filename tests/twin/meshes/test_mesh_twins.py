"""Twins of meshes: made by the command and in Python, grown, moved, exported, inspected and forecast."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image
from step_file import write_box

import corrotwin as ct
from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_json, write_json
from corrotwin.twin.inspection import log, readers, records
from corrotwin.twin.meshes import child, mesh_file
from corrotwin.twin.meshes.conversion import MeshOptions

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def valve(tmp_path: Path) -> Path:
    """A flange with a hub, in millimetres."""
    flange = trimesh.creation.annulus(50, 150, 20, sections=48)
    hub = trimesh.creation.annulus(50, 70, 120, sections=48).apply_translation([0, 0, 70])
    path = tmp_path / "valve.stl"
    trimesh.util.concatenate([flange, hub]).export(path)
    return path


def new(command: Command, valve: Path, out: Path, *more: object) -> subprocess.CompletedProcess[str]:
    words = ("--units", "mm", "--texel-mm", 4, "--category", "C4", "--bare", "--years", 12)
    return command("new", "--mesh", valve, "--out", out, *words, *more)


@pytest.mark.ci
def test_a_mesh_goes_the_whole_way(command: Command, valve: Path, tmp_path: Path) -> None:
    done = new(command, valve, tmp_path / "twin")
    assert (done.returncode, done.stderr) == (0, "")
    assert "valve.stl: 768 triangles in 2 pieces" in done.stdout
    assert "metal " in done.stdout
    assert "body" in done.stdout
    assert sorted(path.suffix for path in (tmp_path / "twin").glob("[!.]*")) == [".json", ".json", ".npz", ".npz"]
    before = store.load(tmp_path / "twin")[1]
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "twin", moved)
    assert command("grow", moved, "--years", 5).returncode == 0
    twin, after = store.load(moved)
    assert (after.wall_loss_mm >= before.wall_loss_mm).all()
    assert 12 < twin.years < 18
    shown = command("show", moved).stdout
    assert "edge" in shown
    assert command("export", moved, "--out", tmp_path / "valve.glb").returncode == 0
    scene = trimesh.load(tmp_path / "valve.glb")
    assert scene.area == pytest.approx(twin_state.asset(twin).welded.area, rel=0.01)
    reading = ("--date", "2026-01-01", "--kind", "ultrasonic", "--zone", "body", "--value", 19.2, "--tool", "UT")
    assert command("inspect", moved, *reading).returncode == 0
    forecast = command("forecast", moved, "--years", 5, "--required", "all=10", "--out", tmp_path / "forecast.csv")
    assert forecast.returncode == 0, forecast.stderr
    assert "body" in (tmp_path / "forecast.csv").read_text()


@pytest.mark.ci
def test_the_same_mesh_and_seed_are_the_same_twin(command: Command, valve: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        new(command, valve, tmp_path / name, "--built", "2010-01-01", "--seed", 3)
    files = [sorted(path.name for path in (tmp_path / name).glob("*.npz")) for name in ("one", "other")]
    assert files[0] == files[1]  # their names carry digests
    assert store.plain(store.read(tmp_path / "one")) == store.plain(store.read(tmp_path / "other"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pipe",), "leave out pipe"),
        (("--set", "nps=8"), "leave out --set nps=8"),
        (("--thickness", "thick"), "--thickness thick: give mm"),
        (("--thickness", "1", "2"), "--thickness 1: give one value for all"),
        (("--simplify", 3), "--simplify 3: give 100 to 500,000 triangles"),
        (("--zones", "absent.csv"), "absent.csv"),
    ],
)
def test_wrong_options_end_in_one_line_and_leave_nothing(
    command: Command, valve: Path, tmp_path: Path, words: tuple[object, ...], message: str
) -> None:
    done = new(command, valve, tmp_path / "twin", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "twin").exists()


def test_options_of_a_mesh_need_one(command: Command, tmp_path: Path) -> None:
    rest = ("--out", tmp_path / "twin", "--category", "C4", "--bare")
    done = command("new", "pipe", "--set", "nps=8", "schedule=40", "run_m=1", "--units", "mm", *rest)
    assert (done.returncode, "--units: applies only to a mesh; give --mesh as well" in done.stderr) == (2, True)
    done = command("new", *rest)
    assert (done.returncode, "give a kind of asset" in done.stderr) == (2, True)


@pytest.mark.ci
def test_python_makes_the_same_asset_and_saves_it(valve: Path, tmp_path: Path) -> None:
    asset = ct.Asset.from_file(valve, units="mm", texel_mm=4.0)
    assert asset.kind == "mesh"
    assert set(asset.zones) >= {"body", "edge"}
    assert asset.area_m2 == pytest.approx(trimesh.load(valve).area * 1e-6, rel=1e-3)
    twin = ct.Twin(asset, years=10, category="C5", bare=True)
    folder = twin.save(tmp_path / "twin")
    again = ct.Twin.load(folder)
    assert again.years == twin.years
    np.testing.assert_array_equal(again.fields.wall_loss_mm, twin.fields.wall_loss_mm)
    other = ct.Twin(asset, years=10, category="C5", bare=True, seed=5)
    assert (other.fields.wall_loss_mm != twin.fields.wall_loss_mm).any()
    shutil.rmtree(Path(os.environ["CORROTWIN_CACHE"]) / "meshes")  # the folder of the twin has its own copy
    assert ct.Twin.load(folder).years == twin.years


@pytest.mark.ci
def test_a_twin_is_the_same_asset_in_memory_and_wherever_its_folder_lies(valve: Path, tmp_path: Path) -> None:
    """Maps of texels fit it, since they do not depend on the path of its mesh."""
    asset = ct.Asset.from_file(valve, units="mm", thickness_mm=10, texel_mm=8.0)
    twin = ct.Twin(asset, years=1, category="C5", bare=True)
    folder = twin.save(tmp_path / "here" / "twin")
    moved = shutil.copytree(folder, tmp_path / "there" / "twin")
    states = [twin._state, store.read(folder), store.read(moved)]
    assert len({state.parameters[mesh_file.FILE] for state in states}) == 3
    assert len({readers.asset_key(state) for state in states}) == 1
    older = digest({"kind": "mesh", "parameters": dict(states[1].parameters), "texel_mm": 8.0})
    body = twin_state.asset(states[0])
    texel = np.flatnonzero(assets.texels(body).area_mm2.reshape(-1) > 0)
    Image.fromarray(np.ones((1, len(texel)), bool)).save(tmp_path / "mask.png")
    pattern = records.Record(date="2030-01-01", zone="all", kind="photo", value=0, tool="camera")
    for key, fitting in ((readers.asset_key(states[0]), states), (older, states[1:2])):
        np.savez(tmp_path / "uv.npz", texel=texel[None].astype(np.int32), atlas_shape=body.atlas_shape, asset=key)
        for state in fitting:
            found, _ = readers.from_photos([tmp_path / "mask.png"], [tmp_path / "uv.npz"], pattern, state)
            assert {record.value for record in found} == {1.0}
    other = ct.Asset.from_file(valve, units="mm", thickness_mm=12, texel_mm=8.0).drawn
    with pytest.raises(InputError, match="belongs to a twin other than"):
        readers.from_photos([tmp_path / "mask.png"], [tmp_path / "uv.npz"], pattern, other)


def test_the_keys_of_parametric_twins_are_what_they_were() -> None:
    """So that maps of texels which were saved still fit."""
    twin = replace(twin_state.sample_twin("chain", np.random.default_rng(1), texel_mm=9.0), parameters={"links": 3})
    assert readers.asset_key(twin) == "991c10b949df77d0"


@pytest.mark.ci
def test_a_damaged_or_foreign_mesh_file_is_refused(command: Command, valve: Path, tmp_path: Path) -> None:
    folder = tmp_path / "twin"
    new(command, valve, folder)
    (path,) = folder.glob("mesh-*.npz")
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    mesh_file.load.cache_clear()
    done = command("show", folder)
    assert (done.returncode, "damaged" in done.stderr) == (2, True)
    path.write_bytes(content)
    manifest = read_json(folder / "twin.json")
    for name in ("../mesh-0123456789abcdef.npz", "/etc/passwd", "fields.npz"):
        changed = {**manifest, "twin": {**manifest["twin"], "parameters": {"file": name}}}
        write_json(folder / "twin.json", changed)
        done = command("show", folder)
        assert (done.returncode, "which is not a file of a twin" in done.stderr) == (2, True)


def test_a_reader_that_hangs_is_ended(valve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SECONDS", 0.01)
    with pytest.raises(InputError, match=r"valve.stl: could not be read within 0\.01 s; simplify it"):
        child.convert(valve, MeshOptions(units="mm"), tmp_path / "work")
    assert not list(tmp_path.glob("work/*"))


def test_a_reader_that_breaks_off_says_its_last_word(
    valve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "asdict", lambda _: {"surprise": 1})
    with pytest.raises(InputError, match=r"valve.stl: its reader crashed \(TypeError: .*surprise"):
        child.convert(valve, MeshOptions(units="mm"), tmp_path / "work")


@pytest.mark.ci
def test_a_reading_at_a_point_of_the_file_is_of_the_surface_there(
    command: Command, valve: Path, tmp_path: Path
) -> None:
    """In millimetres of the file, whose middle lies 10 mm below the flange's face."""
    folder = tmp_path / "twin"
    new(command, valve, folder)
    reading = ("--date", "2025-06-01", "--kind", "ultrasonic", "--tool", "UT", "--value", 19.5)
    assert command("inspect", folder, *reading, "--at", 110, 0, 10).returncode == 0
    twin = store.read(folder)
    asset = twin_state.asset(twin)
    (record,) = log.read(folder)[0]
    assert record.zone == "body"
    row, column = records.texel_of(record, asset) or (0, 0)
    np.testing.assert_allclose(assets.texels(asset).position_m[row, column], [0.11, 0, 0.02], atol=0.004)
    assert records.wall_mm(record, asset) == pytest.approx(20, rel=0.01)
    table = tmp_path / "readings.csv"
    table.write_text("date;zone;kind;value;tool;x;y;z\n2025-07-01;body;ultrasonic;19.4;UT;0;110;-10\n")
    assert command("inspect", folder, "--csv", table).returncode == 0
    far = command("inspect", folder, *reading, "--at", 0.11, 0, 900)
    assert (far.returncode, "m from the surface" in far.stderr) == (2, True)
    both = command("inspect", folder, *reading, "--at", 1, 2, 3, "--uv", 0.5, 0.5)
    assert (both.returncode, "give either --uv or --at" in both.stderr) == (2, True)
    table.write_text("date;zone;kind;value;tool;x;y\n2025-07-01;body;ultrasonic;19.4;UT;0;110\n")
    short = command("inspect", folder, "--csv", table)
    assert (short.returncode, "needs x, y and z together" in short.stderr) == (2, True)


@pytest.mark.ci
def test_a_step_file_goes_to_a_forecast_with_readings_where_they_were_taken(command: Command, tmp_path: Path) -> None:
    """A block of 200 x 100 x 10 mm, its thickness by rays, two readings at a place of its top."""
    pytest.importorskip("cascadio", reason="the extra cad is not installed")
    drawing = write_box(tmp_path / "block.step", (200, 100, 10))
    words = ("--texel-mm", 4, "--category", "C4", "--bare", "--built", "2010-01-01", "--years", 14)
    done = command("new", "--mesh", drawing, "--out", tmp_path / "twin", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "block.step: 0.2 x 0.1 x 0.01 m" in done.stdout
    assert "mm thick, 10 behind half of the surface" in done.stdout
    for day, value in (("2018-06-01", 9.7), ("2023-06-01", 9.4)):
        reading = ("--date", day, "--kind", "ultrasonic", "--tool", "UT", "--value", value, "--at", 0.05, 0.05, 0.01)
        assert command("inspect", tmp_path / "twin", *reading).returncode == 0
    asset = twin_state.asset(store.read(tmp_path / "twin"))
    assert np.ptp(asset.vertices, axis=0) == pytest.approx([0.2, 0.1, 0.01])
    first, second = log.read(tmp_path / "twin")[0]
    assert records.texel_of(first, asset) == records.texel_of(second, asset)
    assert records.wall_mm(first, asset) == pytest.approx(10, rel=0.01)
    forecast = command("forecast", tmp_path / "twin", "--years", 5, "--required", "body=6")
    assert (forecast.returncode, forecast.stderr) == (0, "")
    assert "body" in forecast.stdout


@pytest.mark.ci
def test_zones_can_be_looked_at(command: Command, valve: Path, tmp_path: Path) -> None:
    new(command, valve, tmp_path / "twin")
    assert command("export", tmp_path / "twin", "--look", "zones", "--out", tmp_path / "zones.glb").returncode == 0
    (shape,) = trimesh.load(tmp_path / "zones.glb").geometry.values()
    picture = np.asarray(shape.visual.material.baseColorTexture.convert("RGB")).reshape(-1, 3)
    asset = twin_state.asset(store.read(tmp_path / "twin"))
    assert len(np.unique(picture, axis=0)) == len(asset.zone_names) + 1  # and where no surface is


CRAFTED: dict[str, Callable[[dict[str, Any]], None]] = {
    "deep names": lambda arrays: arrays.update(names=np.frombuffer(b"[" * 100_000, dtype=np.uint8)),
    "far chart": lambda arrays: arrays.update(flat=arrays["flat"] + 1e17),
    "thick": lambda arrays: arrays.update(face_thickness_mm=np.full_like(arrays["face_thickness_mm"], np.inf)),
    "far points": lambda arrays: arrays.update(vertices=arrays["vertices"] * 1e200),
    "no number": lambda arrays: arrays.update(vertices=arrays["vertices"] * np.nan),
    "zone beyond": lambda arrays: arrays.update(face_zone=arrays["face_zone"] + 99),
    "control characters": lambda arrays: arrays.update(names=names_of(("\x1b[31mbody", "edge"), ("body", "edge"))),
    "unknown kind": lambda arrays: arrays.update(names=names_of(("body", "edge"), ("bore", "edge"))),
}


def names_of(zones: tuple[str, ...], kinds: tuple[str, ...]) -> np.ndarray[Any, Any]:
    return np.frombuffer(json.dumps({"zones": zones, "kinds": kinds, "solids": ["piece 1"]}).encode(), dtype=np.uint8)


@pytest.mark.ci
@pytest.mark.parametrize("name", list(CRAFTED))
def test_a_crafted_mesh_file_in_a_twin_from_elsewhere_is_refused_in_one_line(
    command: Command, valve: Path, tmp_path: Path, name: str
) -> None:
    """Its name carries the digest of its content, whoever made it."""
    new(command, valve, tmp_path / "twin")
    (path,) = (tmp_path / "twin").glob("mesh-*.npz")
    with np.load(path) as stored:
        arrays = dict(stored)
    CRAFTED[name](arrays)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    path.unlink()
    other = f"mesh-{hashlib.sha256(stream.getvalue()).hexdigest()[:16]}.npz"
    (tmp_path / "twin" / other).write_bytes(stream.getvalue())
    manifest = read_json(tmp_path / "twin" / "twin.json")
    manifest["twin"]["parameters"]["file"] = other
    write_json(tmp_path / "twin" / "twin.json", manifest)
    done = command("show", tmp_path / "twin")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "make the twin again from its mesh" in done.stderr


@pytest.mark.ci
def test_a_reader_that_is_ended_leaves_nothing_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A STEP reader that hangs holds a copy of the drawing there."""
    fake, scratch = tmp_path / "site", tmp_path / "tmp"
    fake.mkdir()
    scratch.mkdir()
    (fake / "cascadio.py").write_text("import time\n\ndef step_to_glb(*_):\n    time.sleep(60)\n")
    drawing = tmp_path / "part.step"
    drawing.write_bytes(b"ISO-10303-21;")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(fake), *filter(None, sys.path)]))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(child, "SECONDS", 5)
    with pytest.raises(InputError, match=r"part.step: could not be read within 5 s"):
        child.convert(drawing, MeshOptions(), tmp_path / "work")
    assert list(scratch.iterdir()) == []
