"""Malformed twins: their fields and records, readings, photographs and cameras."""

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import small_inputs
from malformed import GIGAPIXELS, Case, Line, edited, encoded, npy, npz, pickled, placed

from corrotwin.twin import store, twin_state
from corrotwin.twin.inspection.readers import asset_key

TABLE = "date,zone,kind,value,tool\n"


# Twins, their fields and their records.


def twin(change: Callable[[Path], object], says: str, *command: object) -> Case:
    """A twin's folder that is changed, and then shown or what `command` says."""

    def make(folder: Path) -> Line:
        small_inputs.make_twin(folder / "twin")
        change(folder / "twin")
        return ("twin", *(command or ("show",)), folder / "twin")

    return Case(make=make, says=says)


def told(*way: str | int, value: Any) -> Callable[[Path], None]:
    """A change of what twin.json says."""
    return lambda folder: edited(folder / "twin.json", placed(*way, value=value))


def grown(make: Callable[[Path, tuple[int, int]], dict[str, bytes]]) -> Callable[[Path], None]:
    """Other fields, under the name that their hash gives them: twin.json vouches for them."""

    def change(folder: Path) -> None:
        (old,) = folder.glob("fields-*.npz")
        shape = twin_state.asset(store.load(folder)[0]).atlas_shape
        npz(old, make(folder, shape))
        new = f"fields-{hashlib.sha256(old.read_bytes()).hexdigest()[:16]}.npz"
        old.rename(folder / new)
        told("fields", value=new)(folder)

    return change


def recorded(line: str) -> Callable[[Path], None]:
    """One line more in the records."""

    def change(folder: Path) -> None:
        with (folder / "inspections.jsonl").open("a") as stream:
            stream.write(line + "\n")

    return change


def all_fields(content: bytes) -> dict[str, bytes]:
    """The same .npy for every field."""
    return dict.fromkeys(store.FIELD_NAMES, content)


TWINS = {
    "a twin that is no JSON": twin(lambda folder: (folder / "twin.json").write_bytes(b"\xff\xfe"), r"not valid JSON"),
    "a twin of a newer version": twin(told("format_version", value=99), "format_version 99"),
    "a word for a length": twin(told("twin", "parameters", "length_m", value="long"), "not a twin of this version"),
    "a plate of a million kilometres": twin(
        told("twin", "parameters", "length_m", value=1e9), r"plate length_m 1000000000\.0: give 0\.05 to 20 m"
    ),
    "texels of a nanometre": twin(told("twin", "texel_mm", value=1e-6), r"choose 0\.05 to 100 mm"),
    "a thousand million pits": twin(told("twin", "pits", "per_m2", value=1e9), "at most 100000 per"),
    "a seed that is not a whole number": twin(told("twin", "seed", value=1.5), "seed a whole number"),
    "a clock without a zone": twin(told("twin", "clock", value="2030-01-01T00:00:00"), r"twin\.json: "),
    "fields outside the folder": twin(told("fields", value="../../etc/fields-0.npz"), "which is not a file of a twin"),
    "fields that were changed": twin(
        lambda folder: next(folder.glob("fields-*")).write_bytes(b"x"), "content does not match its name"
    ),
    "fields of pickled objects": twin(grown(lambda f, shape: all_fields(pickled(f.parent))), "not a plain array"),
    "fields that announce 40 GB": twin(
        grown(lambda f, shape: all_fields(npy((100_000, 100_000), "<f4", b""))), "more than it can have"
    ),
    "fields with 50 MB behind their end": twin(
        grown(lambda f, shape: all_fields(npy(shape, "<f4", bytes(50_000_000)))), "not have the .* bytes stated"
    ),
    "a record whose tool is half a character": twin(
        recorded('{"date":"2013-05-31","zone":"bar","kind":"ultrasonic","value":13.8,"tool":"\\ud800"}'),
        r"inspections\.jsonl: line 2 is not a record", "forecast",
    ),
    "records nested without end": twin(
        recorded("[" * 100_000), r"inspections\.jsonl: line 2 is not a record", "forecast"
    ),
    "a withdrawal of a line to come": twin(
        recorded('{"withdraws": 3, "of": "0", "date": "2026-05-31"}'), "line 2 refers to line 3, which", "forecast"
    ),
    "a withdrawal of line 10^400": twin(
        recorded(json.dumps({"withdraws": 10**400, "of": "0", "date": "2026-05-31"})),
        r"line 2 (is no record|refers to line)", "forecast",
    ),
    "a withdrawal of another record": twin(
        recorded('{"withdraws": 1, "of": "0123456789abcdef", "date": "2026-05-31"}'),
        "line 2 refers to line 1, which does not hold its record", "forecast",
    ),
    "a reading of 10^400 mm": twin(
        recorded(json.dumps({"date": "2016-05-31", "zone": "face", "kind": "pit", "value": 10**400, "tool": "x"})),
        r"inspections\.jsonl: line 2 is not a record", "forecast",
    ),
    "a record that names a file outside": twin(
        recorded(
            json.dumps({
                "date": "2030-05-31", "zone": "face", "kind": "photo", "value": 0.1, "tool": "x",
                "seen": "../../etc/passwd",
            })
        ),
        "not the file of a photograph", "forecast",
    ),
}  # fmt: skip


def readings(content: str | bytes, says: str) -> Case:
    """A table of readings for a whole twin."""

    def make(folder: Path) -> Line:
        small_inputs.make_twin(folder / "twin")
        path = folder / "readings.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ("twin", "inspect", folder / "twin", "--csv", path)

    return Case(make=make, says=rf"readings\.csv: .*{says}")


READINGS = {
    "readings that are no text": readings(b"\xff\xfe\x00", "save it as CSV UTF-8"),
    "a cell of 200 KB": readings(TABLE + "x" * 200_000, "field larger than field limit"),
    "a quote that never ends": readings(TABLE + '"' + "2016-05-31," * 20_000, "field larger than field limit"),
    "columns of another table": readings("name,salary\n", "no column 'date'; it has name, salary"),
    "a table without rows": readings(TABLE, "no readings; give"),
    "a reading of infinity": readings(TABLE + "2016-05-31,face,pit,inf,x\n", "line 2, column 'value': 'inf' is not"),
    "a reading of no day": readings(TABLE + "2016-02-30,face,pit,0.1,x\n", "line 2, column 'date': .*give a day"),
    "zero bytes in a cell": readings(TABLE + "2016-05-31\0,face,pit,0.1,x\n", "line 2: "),
    "a reading with cells to spare": readings(TABLE + "2016-05-31,face,pit,0.1,x,rm -rf\n", "more cells than columns"),
}


def uvmap(change: Callable[[Path, dict[str, bytes]], object], says: str, seen: bytes | None = None) -> Case:
    """A photograph's mask and which texel each of its pixels sees, changed by `change(path of the map, arrays)`."""

    def make(folder: Path) -> Line:
        small_inputs.make_twin(folder / "twin")
        known, _ = store.load(folder / "twin")
        arrays = {
            "texel": npy((6, 8), "<i4", bytes(4 * 48)),
            "atlas_shape": npy((2,), "<i8", struct.pack("<qq", *twin_state.asset(known).atlas_shape)),
            "asset": npy((), f"<U{len(asset_key(known))}", asset_key(known).encode("utf-32-le")),
        }
        path = folder / "map.npz"
        npz(path, arrays)
        change(path, arrays)
        (folder / "mask.png").write_bytes(encoded("PNG", "L") if seen is None else seen)
        return (
            "twin", "inspect", folder / "twin", "--date", "2030-01-01", "--tool", "phone",
            "--photo", folder / "mask.png", "--uvmap", path,
        )  # fmt: skip

    return Case(make=make, says=says)


def replaced(name: str, content: bytes) -> Callable[[Path, dict[str, bytes]], None]:
    """Another array of this name."""
    return lambda path, arrays: npz(path, {**arrays, name: content})


MAPS = {
    "a map of pickled objects": uvmap(
        lambda path, arrays: npz(path, {**arrays, "texel": pickled(path.parent)}), r"map\.npz: not a texel map"
    ),
    "a map that announces terabytes": uvmap(
        replaced("texel", npy((10**6, 10**6), "<i8", b"")), r"its texel map .* has 1000000 x 1000000"
    ),
    "a key that announces gigabytes": uvmap(
        replaced("asset", npy((), "<U1000000000", b"")), r"map\.npz: not a texel map .*not a plain array"
    ),
    "a map with a damaged byte": uvmap(
        lambda path, arrays: path.write_bytes(path.read_bytes()[:60] + b"\xff" * 9 + path.read_bytes()[69:]),
        r"map\.npz: not a texel map",
    ),
    "a map of no bytes": uvmap(lambda path, arrays: path.write_bytes(b""), r"map\.npz: not a texel map"),
    "an array named .npz": uvmap(lambda path, arrays: path.write_bytes(arrays["texel"]), r"map\.npz: not a texel map"),
    "a mask of a photograph of 10 gigapixels": uvmap(
        lambda path, arrays: None, r"mask\.png: cannot be read as a mask", GIGAPIXELS
    ),
}


# Cameras.


def camera(change: Callable[[Any], object], says: str, shot: bytes | None = None) -> Case:
    """A camera found by a marker in its photograph; `shot` is another photograph."""

    def make(folder: Path) -> Line:
        small_inputs.make_twin(folder / "twin")
        small_inputs.make_marker_camera(folder)
        edited(folder / "camera.json", change)
        if shot is not None:
            (folder / "photo.png").write_bytes(shot)
        return ("synth", "uvmap", "--twin", folder / "twin", "--camera", folder / "camera.json")

    return Case(make=make, says=says)


def same(document: Any) -> None:
    """No change."""


def cameras(value: Any, says: str) -> Case:
    """Cameras for renders."""

    def make(folder: Path) -> Line:
        small_inputs.make_twin(folder / "twin")
        (folder / "cameras.json").write_text(json.dumps(value))
        return (
            "synth", "render", "--twin", folder / "twin", "--cameras", folder / "cameras.json", "--out", folder / "out",
        )  # fmt: skip

    return Case(make=make, says=rf"cameras\.json: {says}")


CAMERAS = {
    "a camera of 10^18 pixels": camera(placed("width", value=10**18), r"camera\.json: width .*at most 1e"),
    "a number beyond every float": camera(placed("fx", value=10**400), r"camera\.json: .*at most 1e"),
    "a distortion of 10^308": camera(placed("distortion", value=[1e308] * 4), r"camera\.json: .*at most 1e\+09"),
    "a dictionary that is not a dictionary": camera(
        placed("markers", 0, "dictionary", value="DICT_x.__class__"), "such as"
    ),
    "a photograph that is absent": camera(placed("photo", value="none.png"), r"none\.png: cannot be decoded"),
    "a photograph of 10 gigapixels": camera(same, r"photo\.png: cannot be decoded .*exceeds limit", GIGAPIXELS),
    "a photograph of another size": camera(
        same, r"photo\.png: 8 x 6 pixels, but the camera has 200 x 200", encoded("PNG")
    ),
    "cameras that are words": cameras(["here"], r"camera 0 .*is not an object"),
    "a camera at 10^400 m": cameras(
        [{"eye_m": [0, 0, 10**400], "look_at_m": [0, 0, 0], "field_of_view_deg": 50}], "camera 0 .*at most 1e"
    ),
}
