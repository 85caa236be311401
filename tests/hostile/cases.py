"""Malformed and malicious inputs, each with the command line that meets it and what that command then says."""

import hashlib
import io
import json
import os
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import readers
from PIL import Image

from corrotwin.segmentation import runs
from corrotwin.synth.config import RenderConfig
from corrotwin.twin import store, twin_state
from corrotwin.twin.core.files import write_manifest
from corrotwin.twin.inspection.readers import asset_key

Line = tuple[object, ...]
TABLE = "date,zone,kind,value,tool\n"
FIELD = (store.FIELD_NAMES, np.dtype(np.float32))


@dataclass(frozen=True, kw_only=True)
class Case:
    """How an input is made in a folder, the command that meets it, and what its one line on stderr must match.

    `status` is 2 unless the input is one of several and listed: then 1, and the list is on stdout or stderr.
    """

    make: Callable[[Path], Line]
    says: str
    status: int = 2


class Evil:
    """An object whose unpickling creates `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def edited(path: Path, change: Callable[[Any], object]) -> None:
    """Change the JSON in a file; what `change` returns takes its place unless that is None."""
    document = json.loads(path.read_text())
    changed = change(document)
    path.write_text(json.dumps(document if changed is None else changed))


def placed(*way: str | int, value: Any) -> Callable[[Any], None]:
    """A change that puts a value at a place of a document."""

    def change(document: Any) -> None:
        for key in way[:-1]:
            document = document[key]
        document[way[-1]] = value

    return change


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of a few bytes that announces any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, inside in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")):
        content += struct.pack(">I", len(inside)) + kind + inside + struct.pack(">I", zlib.crc32(kind + inside))
    return content


GIGAPIXELS = png(100_000, 100_000)
TEXT_BOMB = png(8, 6, (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 1)))
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\n(owned) (w) file closefile\n%%EOF\n"


def npy(shape: tuple[int, ...], kind: str, content: bytes) -> bytes:
    """An .npy with any header."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def npz(path: Path, arrays: dict[str, bytes]) -> None:
    """An .npz of any .npy files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)


def pickled(folder: Path) -> bytes:
    """An .npy of one object whose unpickling creates the file `owned`."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([Evil(folder / "owned")], dtype=object), allow_pickle=True)
    return stream.getvalue()


# COCO and photos: read for a split.


def split(data: Path, folder: Path, *options: object) -> Line:
    """The command that reads a dataset and decides who trains."""
    return ("segmentation", "split", "--data", data, "--out", folder / "out" / "split.json", *options)


def document(change: Callable[[Any], object], says: str) -> Case:
    """A dataset whose json is changed."""

    def make(folder: Path) -> Line:
        readers.make_coco(folder / "data")
        edited(folder / "data" / "annotations.json", change)
        return split(folder / "data", folder)

    return Case(make=make, says=says)


def text(content: str | bytes, says: str) -> Case:
    """A dataset whose json is something else."""

    def make(folder: Path) -> Line:
        readers.make_coco(folder / "data")
        (folder / "data" / "annotations.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        return split(folder / "data", folder)

    return Case(make=make, says=says)


def segmentation(value: Any, says: str) -> Case:
    """A dataset with another segmentation."""
    return document(placed("annotations", 0, "segmentation", value=value), says)


def photo(content: bytes | None, says: str) -> Case:
    """A dataset with another file in place of a photo; None for a pipe. All photos are decoded, for their likeness."""

    def make(folder: Path) -> Line:
        readers.make_coco(folder / "data")
        path = folder / "data" / "1.png"
        path.unlink()
        if content is None:
            os.mkfifo(path)
        else:
            path.write_bytes(content)
        return split(folder / "data", folder, "--by", "hash")

    return Case(make=make, says=says)


def encoded(kind: str, mode: str = "RGB", cut: int | None = None) -> bytes:
    """A small picture of the size that the dataset states."""
    stream = io.BytesIO()
    Image.new(mode, (readers.WIDTH, readers.HEIGHT)).save(stream, kind)
    return stream.getvalue()[:cut]


COCO = {
    "json cut off": text('{"images": [', r"annotations\.json: not valid JSON"),
    "json nested without end": text("[" * 200_000, r"annotations\.json: not valid JSON"),
    "json in UTF-16": text('{"images": []}'.encode("utf-16"), r"annotations\.json: not valid JSON"),
    "a number of 5,000 digits": text(f'{{"images": [{"9" * 5000}]}}', r"annotations\.json: not valid JSON"),
    "a pickle named annotations.json": text(pickle.dumps({"images": []}), r"annotations\.json: not valid JSON"),
    "half a character in a name": text('{"images": [{"file_name": "\\ud800"}]}', r"annotations\.json: not valid JSON"),
    "lists of numbers": document(
        lambda each: {"images": [1], "annotations": [], "categories": []}, r"not COCO; it needs"
    ),
    "a path out of the folder": document(placed("images", 0, "file_name", value="../../0.png"), "leaves the folder"),
    "a name that steers terminals": document(
        placed("images", 0, "file_name", value="\x1b]0;owned\x07\x1b[2J.png"), r"\\x1b\]0;owned\\x07.*is absent"
    ),
    "a name that no file system takes": document(placed("images", 0, "file_name", value="x" * 5000), "is absent; add"),
    "an image_id that is a list": document(placed("annotations", 0, "image_id", value=[0]), "unknown image"),
    "two images of one id": document(lambda each: each["images"].append(each["images"][0]), "occurs twice"),
    "a size of a billion pixels": document(placed("images", 0, "width", value=10**9), "1000000000x6.*export"),
    "a polygon of NaN": segmentation([[1, 1, 4, 1, float("nan"), 4]], "NaN, infinity"),
    "a polygon of huge numbers": segmentation([[1, 1, 4, 1, 10**400, 4]], "too large; draw it again"),
    "a polygon of words": segmentation([["x"] * 6], "needs at least 6 numbers"),
    "a million points that jump from side to side": segmentation(
        [[0, 0, 16, 12, 0, 12, 16, 0] * 250_000], "outlines of"
    ),
    "run lengths without bound": segmentation({"size": [6, 8], "counts": [2**62, -(2**62) + 48]}, "do not add up"),
    "a compressed run of 2^34 pixels": segmentation({"size": [6, 8], "counts": "P" * 7 + "0"}, "damaged RLE string"),
    "run lengths for another size": segmentation({"size": [10**6, 10**6], "counts": [10**12]}, "RLE of size"),
    "a photo of no bytes": photo(b"", r"1\.png: not a readable image"),
    "a photo of 10 gigapixels": photo(GIGAPIXELS, r"1\.png: not a readable image .*exceeds limit"),
    "a photo with a text that unpacks to 200 MB": photo(TEXT_BOMB, r"1\.png: not a readable image"),
    "PostScript named .png": photo(EPS, r"1\.png: not a readable image \(no known image format\)"),
    "a script named .png": photo(b"#!/bin/sh\ntouch owned\n", r"1\.png: not a readable image"),
    "a JPEG that breaks off": photo(encoded("JPEG", cut=-3), r"1\.png: cannot be decoded"),
    "a PNG that breaks off": photo(encoded("PNG", cut=-30), r"1\.png: (cannot be decoded|not a readable)"),
    "floating-point pixels": photo(encoded("TIFF", "F"), r"1\.png: floating-point pixels; convert"),
    "a pipe in place of a photo": photo(None, r"1\.png: image 1 .* is absent"),
}


# Archives.


def archive(fill: Callable[[zipfile.ZipFile, Path], object], says: str, end: Callable[[bytes], bytes] = bytes) -> Case:
    """A zip archive, its bytes changed by `end`."""

    def make(folder: Path) -> Line:
        readers.make_coco(folder / "data")
        path = folder / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for each in sorted((folder / "data").iterdir()):
                made.write(each, each.name)
            fill(made, folder)
        path.write_bytes(end(path.read_bytes()))
        return split(path, folder)

    return Case(make=make, says=says)


def entry(name: str, *, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """An entry of any name and kind."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def overlapping(content: bytes) -> bytes:
    """The last entry of the directory 2,000 times under other names: one small file that unpacks to gigabytes."""
    end = content.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HLL", content, end + 10)
    directory = content[offset : offset + size]
    last = directory[directory.rindex(b"PK\1\2") :]
    more = b"".join(last.replace(b"zeros-0000", f"zeros-{number:04d}".encode()) for number in range(1, 2000))
    tail = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count + 1999, count + 1999, size + len(more), offset, 0)
    return content[:offset] + directory + more + tail


ARCHIVES = {
    "an archive's path to the parent": archive(lambda z, f: z.writestr("../owned", "x"), "would leave the folder"),
    "an archive's absolute path": archive(lambda z, f: z.writestr("/tmp/owned", "x"), "would leave the folder"),
    "an archive's link": archive(
        lambda z, f: z.writestr(entry("link", mode=stat.S_IFLNK | 0o777), "/etc/passwd"), "is a link or a device"
    ),
    "a zip bomb": archive(lambda z, f: z.writestr("zeros", bytes(300_000_000)), "would grow more than 200-fold"),
    "a bomb of entries that overlap": archive(
        lambda z, f: z.writestr("zeros-0000", bytes(5_000_000)), "would grow more than 200-fold", overlapping
    ),
    "an archive cut off": archive(lambda z, f: None, "damaged or not a zip archive", lambda content: content[:200]),
    "an archive with a damaged byte": archive(
        lambda z, f: None, "damaged or not a zip archive", lambda content: content[:60] + b"\xff" * 4 + content[64:]
    ),
    "a pickle named .zip": archive(lambda z, f: None, "damaged or not a zip archive", lambda content: pickle.dumps(0)),
    "an archive whose json is damaged": archive(
        lambda z, f: z.writestr("train/_annotations.coco.json", "{"), r"export\.zip.*not valid JSON"
    ),
}


# Photos and PNG masks.


def mask(name: str, content: bytes | None, says: str) -> Case:
    """A folder of photos and masks with one file more or another; None removes it."""

    def make(folder: Path) -> Line:
        data = folder / "data"
        for kind in ("images", "masks"):
            (data / kind).mkdir(parents=True)
            for stem in "abc":
                (data / kind / f"{stem}.png").write_bytes(encoded("PNG", "L"))
        if content is None:
            (data / name).unlink()
        else:
            (data / name).write_bytes(content)
        return split(data, folder)

    return Case(make=make, says=says)


MASKS = {
    "a mask of 10 gigapixels": mask("masks/a.png", GIGAPIXELS, r"masks/a\.png: not a readable mask .*exceeds limit"),
    "a mask in colour": mask("masks/a.png", encoded("PNG", "RGBA"), r"masks/a\.png: a mask .*save it with one"),
    "a mask cut off": mask("masks/a.png", encoded("PNG", "L", -30), r"masks/a\.png: not a readable mask"),
    "a mask of another kind": mask("masks/a.png", encoded("JPEG", "L"), r"masks/a\.png: not a readable mask"),
    "a mask of no photo": mask("images/b.png", None, r"masks/b\.png: has no image"),
}


# Twins, their fields and their records.


def twin(change: Callable[[Path], object], says: str, *command: object) -> Case:
    """A twin's folder that is changed, and then shown or what `command` says."""

    def make(folder: Path) -> Line:
        readers.make_twin(folder / "twin")
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
        told("twin", "parameters", "length_m", value=1e9), r"twin\.json: plate length_m 1000000000\.0: 0\.05 to 20 m"
    ),
    "texels of a nanometre": twin(told("twin", "texel_mm", value=1e-6), r"choose 0\.05 to 100 mm"),
    "a thousand million pits": twin(told("twin", "pits", "per_m2", value=1e9), "at most 100000 per"),
    "a seed that is no whole number": twin(told("twin", "seed", value=1.5), "seed a whole number"),
    "a clock without a zone": twin(told("twin", "clock", value="2030-01-01T00:00:00"), r"twin\.json: "),
    "fields outside the folder": twin(told("fields", value="../../etc/fields-0.npz"), "which is no file of a twin"),
    "fields that were changed": twin(
        lambda folder: next(folder.glob("fields-*")).write_bytes(b"x"), "content does not match its name"
    ),
    "fields of pickled objects": twin(grown(lambda f, shape: all_fields(pickled(f.parent))), "no plain array"),
    "fields that announce 40 GB": twin(
        grown(lambda f, shape: all_fields(npy((100_000, 100_000), "<f4", b""))), "more than it can have"
    ),
    "fields with 50 MB behind their end": twin(
        grown(lambda f, shape: all_fields(npy(shape, "<f4", bytes(50_000_000)))), "not of the .* bytes announced"
    ),
    "a record whose tool is half a character": twin(
        recorded('{"date":"2013-05-31","zone":"bar","kind":"ultrasonic","value":13.8,"tool":"\\ud800"}'),
        r"inspections\.jsonl: line 2 is no record", "forecast",
    ),
    "records nested without end": twin(recorded("[" * 100_000), r"inspections\.jsonl: line 2 is no record", "forecast"),
    "a withdrawal of a line to come": twin(
        recorded('{"withdraws": 3, "of": "0", "date": "2026-05-31"}'), "line 2 is about line 3, where", "forecast"
    ),
    "a withdrawal of line 10^400": twin(
        recorded(json.dumps({"withdraws": 10**400, "of": "0", "date": "2026-05-31"})),
        r"line 2 is (no record|about line)", "forecast",
    ),
    "a withdrawal of another record": twin(
        recorded('{"withdraws": 1, "of": "0123456789abcdef", "date": "2026-05-31"}'),
        "line 2 is about line 1, where its record does not stand", "forecast",
    ),
    "a reading of 10^400 mm": twin(
        recorded(json.dumps({"date": "2016-05-31", "zone": "face", "kind": "pit", "value": 10**400, "tool": "x"})),
        r"inspections\.jsonl: line 2 is no record", "forecast",
    ),
    "a record that names a file outside": twin(
        recorded(
            json.dumps({
                "date": "2030-05-31", "zone": "face", "kind": "photo", "value": 0.1, "tool": "x",
                "seen": "../../etc/passwd",
            })
        ),
        "no file of a photograph", "forecast",
    ),
}  # fmt: skip


def readings(content: str | bytes, says: str) -> Case:
    """A table of readings for a whole twin."""

    def make(folder: Path) -> Line:
        readers.make_twin(folder / "twin")
        path = folder / "readings.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ("twin", "inspect", folder / "twin", "--csv", path)

    return Case(make=make, says=rf"readings\.csv: .*{says}")


READINGS = {
    "readings that are no text": readings(b"\xff\xfe\x00", "save it as CSV UTF-8"),
    "a cell of 200 KB": readings(TABLE + "x" * 200_000, "field larger than field limit"),
    "a quote that never ends": readings(TABLE + '"' + "2016-05-31," * 20_000, "field larger than field limit"),
    "columns of another table": readings("name,salary\n", "no column 'date'; it has name, salary"),
    "a table without rows": readings(TABLE, "no readings in it; give"),
    "a reading of infinity": readings(TABLE + "2016-05-31,face,pit,inf,x\n", "line 2, column 'value': 'inf' is not"),
    "a reading of no day": readings(TABLE + "2016-02-30,face,pit,0.1,x\n", "line 2, column 'date': .*give a day"),
    "zero bytes in a cell": readings(TABLE + "2016-05-31\0,face,pit,0.1,x\n", "line 2: "),
    "a reading with cells to spare": readings(TABLE + "2016-05-31,face,pit,0.1,x,rm -rf\n", "more cells than columns"),
}


def uvmap(change: Callable[[Path, dict[str, bytes]], object], says: str, seen: bytes | None = None) -> Case:
    """A photograph's mask and which texel each of its pixels sees, changed by `change(path of the map, arrays)`."""

    def make(folder: Path) -> Line:
        readers.make_twin(folder / "twin")
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
        lambda path, arrays: npz(path, {**arrays, "texel": pickled(path.parent)}), r"map\.npz: no map of texels"
    ),
    "a map that announces terabytes": uvmap(
        replaced("texel", npy((10**6, 10**6), "<i8", b"")), r"its camera 1000000 x 1000000"
    ),
    "a key that announces gigabytes": uvmap(
        replaced("asset", npy((), "<U1000000000", b"")), r"map\.npz: no map of texels .*no plain array"
    ),
    "a map with a damaged byte": uvmap(
        lambda path, arrays: path.write_bytes(path.read_bytes()[:60] + b"\xff" * 9 + path.read_bytes()[69:]),
        r"map\.npz: no map of texels",
    ),
    "a map of no bytes": uvmap(lambda path, arrays: path.write_bytes(b""), r"map\.npz: no map of texels"),
    "an array named .npz": uvmap(lambda path, arrays: path.write_bytes(arrays["texel"]), r"map\.npz: no map of texels"),
    "a mask of a photograph of 10 gigapixels": uvmap(lambda path, arrays: None, r"mask\.png: no mask", GIGAPIXELS),
}


# Cameras.


def camera(change: Callable[[Any], object], says: str, shot: bytes | None = None) -> Case:
    """A camera found by a marker in its photograph; `shot` is another photograph."""

    def make(folder: Path) -> Line:
        readers.make_twin(folder / "twin")
        readers.make_marker_camera(folder)
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
        readers.make_twin(folder / "twin")
        (folder / "cameras.json").write_text(json.dumps(value))
        return (
            "synth", "render", "--twin", folder / "twin", "--cameras", folder / "cameras.json", "--out", folder / "out",
        )  # fmt: skip

    return Case(make=make, says=rf"cameras\.json: {says}")


CAMERAS = {
    "a camera of 10^18 pixels": camera(placed("width", value=10**18), r"camera\.json: width .*at most 1e"),
    "a number beyond every float": camera(placed("fx", value=10**400), r"camera\.json: .*at most 1e"),
    "a distortion of 10^308": camera(placed("distortion", value=[1e308] * 4), r"camera\.json: .*at most 1e\+09"),
    "a dictionary that is no dictionary": camera(
        placed("markers", 0, "dictionary", value="DICT_x.__class__"), "such as"
    ),
    "a photograph that is absent": camera(placed("photo", value="none.png"), r"none\.png: cannot be decoded"),
    "a photograph of 10 gigapixels": camera(same, r"photo\.png: cannot be decoded .*exceeds limit", GIGAPIXELS),
    "a photograph of another size": camera(same, r"photo\.png: 8 x 6 pixels, the camera 200 x 200", encoded("PNG")),
    "cameras that are words": cameras(["here"], r"camera 0 .*is no object"),
    "a camera at 10^400 m": cameras(
        [{"eye_m": [0, 0, 10**400], "look_at_m": [0, 0, 0], "field_of_view_deg": 50}], "camera 0 .*at most 1e"
    ),
}


# Runs, their weights, and what is made of them.


def run(change: Callable[[Path], object], says: str) -> Case:
    """A run that is to predict a photo."""

    def make(folder: Path) -> Line:
        readers.make_run(folder / "run")
        change(folder / "run")
        (folder / "photo.png").write_bytes(encoded("PNG"))
        return ("predict", folder / "photo.png", "--run", folder / "run", "--out", folder / "out")

    return Case(make=make, says=says)


def stated(*way: str | int, value: Any) -> Callable[[Path], None]:
    """A change of what run.json says."""
    return lambda folder: edited(folder / "run.json", placed(*way, value=value))


def filed(name: str, content: Callable[[Path], bytes]) -> Callable[[Path], None]:
    """Another file in a folder."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes(content(folder))

    return change


RUNS = {
    "a run at a billion pixels": run(stated("config", "size", value=32 * 10**9), "is above 8192"),
    "a run of half a thread": run(stated("config", "threads", value=0.5), "is no whole number"),
    "a run of an encoder from the internet": run(
        stated("config", "backbone", value="tu-hf-hub:someone/evil"), "is unknown"
    ),
    "a run at an absurd scale": run(stated("scale", value=1e9), r"is not above 0 and at most|weights cannot be read"),
    "a run whose classes are numbers": run(stated("classes", value=[1]), "classes are no names"),
    "a run without a configuration": run(stated("config", value={}), "missing or unknown"),
    "counts beyond all integers": run(
        filed("per_image.csv", lambda f: b"image,tp,fp,fn,tn\na.png,9999999999999999999999,0,0,0\n"), "damaged"
    ),
    "counts below zero": run(
        filed("per_image.csv", lambda f: b"image,tp,fp,fn,tn\na.png,-1,0,0,0\n"), "a count below 0"
    ),
    "a history of other columns": run(filed("history.csv", lambda f: b"a,b\n1,2\n"), "expected the columns"),
    "weights that are a pickle": run(
        filed(runs.WEIGHTS, lambda f: pickle.dumps(Evil(f.parent / "owned"))), "weights cannot be read"
    ),
    "weights whose header has 2^60 bytes": run(
        filed(runs.WEIGHTS, lambda f: struct.pack("<Q", 2**60) + b"{}"), "weights cannot be read"
    ),
    "weights that announce terabytes": run(
        filed(
            runs.WEIGHTS,
            lambda f: safetensors({"x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}),
        ),
        "weights cannot be read",
    ),
    "weights of another network": run(
        filed(
            runs.WEIGHTS, lambda f: safetensors({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))
        ),
        "holds the weights of another network",
    ),
}


def safetensors(header: dict[str, Any], content: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + content


def prepared(change: Callable[[Path], object], says: str) -> Case:
    """A prepared folder of ImageNet weights, for a training."""

    def make(folder: Path) -> Line:
        readers.make_coco(folder / "data")
        readers.make_weights(folder / "weights")
        change(folder / "weights")
        return (
            "segmentation", "train", "--data", folder / "data", "--out", folder / "out", "--profile", "quick",
            "--split", "published", "--backbone", "mobilenet_v2", "--encoder-weights", "imagenet",
            "--weights", folder / "weights",
        )  # fmt: skip

    return Case(make=make, says=says)


def vouched(content: Callable[[Path], bytes]) -> Callable[[Path], None]:
    """Other weights, with their hash in the manifest."""

    def change(folder: Path) -> None:
        path = folder / "mobilenet_v2.safetensors"
        path.write_bytes(content(folder))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        edited(folder / "weights.json", placed("encoders", "mobilenet_v2", "sha256", value=sha256))

    return change


WEIGHTS = {
    "a list of weights that is no list": prepared(
        lambda f: edited(f / "weights.json", placed("encoders", value=[1])), r"weights\.json: damaged"
    ),
    "weights that were changed": prepared(filed("mobilenet_v2.safetensors", lambda f: b"x"), "SHA-256 differs"),
    "a pickle that the list vouches for": prepared(
        vouched(lambda f: pickle.dumps(Evil(f.parent / "owned"))), "weights cannot be read"
    ),
}


# Studies.


def study(change: Callable[[Path], object], says: str) -> Case:
    """A study whose report is written."""

    def make(folder: Path) -> Line:
        (folder / "study").mkdir()
        readers.make_study(folder / "study")
        change(folder / "study")
        return ("benchmarks", "report", "--out", folder / "study")

    return Case(make=make, says=says)


def planned(*way: str | int, value: Any) -> Callable[[Path], None]:
    """A change of what study.json says."""
    return lambda folder: edited(folder / "study.json", placed(*way, value=value))


STUDIES = {
    "a study of 10^12 runs": study(
        planned("config", "cells", 0, "runs", value=10**12), r"study\.json: .*no whole number from 1 to"
    ),
    "an arm whose name leads out": study(
        planned("config", "cells", 0, "arm", "name", value="../../../owned"), r"study\.json: .*cannot name a folder"
    ),
    "a set whose name leads out": study(
        lambda f: edited(f / "study.json", lambda d: d["across"].update({"../../owned": d["across"]["other"]})),
        r"study\.json: a set called",
    ),
    "a study without a configuration": study(planned("config", value=[]), r"study\.json: .*damaged"),
    "counts that are words": study(planned("data", "counts", "train", value="many"), r"study\.json: .*damaged"),
    "a split with an infinite seed": study(
        lambda f: edited(f / "split.json", placed("seed", value=float("inf"))), r"split\.json: not a split"
    ),
    "a split whose parts are words": study(
        lambda f: edited(f / "split.json", placed("train", value="abc")), r"split\.json: not a split"
    ),
}


# Tables and cards that stand beside.


def beside(make: Callable[[Path], Line], says: str, status: int = 2) -> Case:
    """Any other case."""
    return Case(make=make, says=says, status=status)


def spots(folder: Path) -> Line:
    """A table of spots with a cell that is too long."""
    readers.make_coco(folder / "data")
    (folder / "spots.csv").write_text("file_name,spot\n0.png," + "x" * 200_000 + "\n")
    return split(folder / "data", folder, "--groups-file", folder / "spots.csv")


def means(folder: Path) -> Line:
    """Printed means with an exponent beyond all floats."""
    (folder / "means.csv").write_text("group,mean,sd,n\na,1e99999999,0.1,3\nb,0.5,0.1,3\n")
    return ("benchmarks", "from-summary", folder / "means.csv")


def rendered(folder: Path) -> Line:
    """The card of a rendered dataset that lacks what it is made from."""
    readers.make_coco(folder / "data")
    (folder / "data" / "dataset.json").write_text('{"format_version": 1, "kind": "dataset"}')
    return ("synth", "preview", folder / "data")


def fetched(folder: Path) -> Line:
    """A card of Roboflow's that lacks all but its source."""
    readers.make_fetched(folder)
    edited(folder / "roboflow.json", lambda card: {key: card[key] for key in ("format_version", "kind", "source")})
    return ("segmentation", "fetch", "a/b/1", "--out", folder)


def evaluated(folder: Path) -> Line:
    """An evaluation whose threshold is a word."""
    readers.make_evaluation(folder)
    edited(folder / "evaluation" / "evaluation.json", placed("threshold", value="high"))
    return (
        "segmentation", "export", folder / "run", "--out", folder / "out", "--evaluations", folder / "evaluation",
    )  # fmt: skip


def claimed(folder: Path) -> Line:
    """A claim that is a list."""
    (folder / "out").mkdir()
    (folder / "out" / "claim.json").write_text("[]")
    return ("synth", "render", "--out", folder / "out", "--count", 1)


def begun(folder: Path) -> Line:
    """A dataset that seems to be ours, with a card of words for numbers."""
    from corrotwin.synth.rendering.job import Task
    from corrotwin.twin.core.files import write_json

    settings = Task(config=RenderConfig(preset="quick", size=8, seed=0), shown=None, count=1).settings
    write_json(folder / "out" / "claim.json", {"kind": "dataset", "configuration": settings})
    write_manifest(folder / "out", "dataset", {"images": "many"})
    (folder / "out" / ".lock").touch()
    return ("synth", "render", "--out", folder / "out", "--count", 1, "--preset", "quick", "--size", 8)


def many_faults(folder: Path) -> Line:
    """A dataset with a fault of each kind: validation lists them all."""
    readers.make_coco(folder / "data")
    (folder / "data" / "0.png").write_bytes(GIGAPIXELS)

    Image.new("RGB", (readers.WIDTH, readers.HEIGHT)).save(folder / "data" / "\x1b[2J.png")

    def change(content: Any) -> None:
        content["images"].append({**content["images"][1], "id": 3, "file_name": "\x1b[2J.png"})
        content["images"][1]["file_name"] = "../../\x1b[2J"
        content["annotations"][2]["segmentation"] = [[0, 0, 16, 12, 0, 12, 16, 0] * 250_000]
        content["annotations"].append({"id": 9, "image_id": {}, "category_id": "[red]x"})

    edited(folder / "data" / "annotations.json", change)
    return ("synth", "validate", folder / "data")


def verified(content: bytes) -> Case:
    """A rendered dataset of which a sample is to be rendered again, with another list of what is seen of its assets."""

    def make(folder: Path) -> Line:
        readers.make_coco(folder / "data")
        edited(folder / "data" / "annotations.json", lambda each: each["annotations"].__delitem__(slice(2)))
        config = RenderConfig(preset="quick", size=8, seed=0)
        card = {"configuration": asdict(config), "preset": config.preset_stated(), "device": "CPU"}
        counts = {"images": 3, "annotations": 1, "images_without_corrosion": 2}
        write_manifest(folder / "data", "dataset", {**card, **counts})
        (folder / "data" / "instances.json").write_bytes(content)
        return ("synth", "validate", folder / "data", "--verify", 1)

    return Case(make=make, says=r"\d errors? found; see the list", status=1)


BESIDE = {
    "a list of assets that breaks off": verified(b'{"images": ['),
    "a list of assets nested without end": verified(b"[" * 200_000),
    "a list of assets of nothing": verified(
        b'{"images": [], "annotations": [{"id": 1, "image_id": 7, "category_id": 1}], "categories": []}'
    ),
    "a spot of 200 KB": beside(spots, r"spots\.csv: line 2: not a csv file"),
    "a mean of 1e99999999": beside(means, r"means\.csv: line 2, column 'mean': .*at most 30 digits"),
    "a card that lacks everything": beside(rendered, r"dataset\.json: damaged"),
    "a card of Roboflow's that lacks everything": beside(fetched, r"roboflow\.json: damaged"),
    "an evaluation with a word for a threshold": beside(evaluated, r"evaluation\.json: damaged"),
    "a claim that is a list": beside(claimed, "holds another kind of folder"),
    "a dataset of ours with words for numbers": beside(begun, r"dataset\.json: damaged"),
    "a dataset with a fault of each kind": beside(many_faults, r"\d+ errors found; see the list", status=1),
}

CASES = {**COCO, **ARCHIVES, **MASKS, **TWINS, **READINGS, **MAPS, **CAMERAS, **RUNS, **WEIGHTS, **STUDIES, **BESIDE}

# What announces or unpacks much, is nested deep or pickled meets the command as a process of its own, its memory
# measured: one of each kind at least.
MEASURED = (
    "json nested without end",
    "a list of assets nested without end",
    "a million points that jump from side to side",
    "run lengths without bound",
    "a photo of 10 gigapixels",
    "a mask of 10 gigapixels",
    "a photo with a text that unpacks to 200 MB",
    "a zip bomb",
    "a bomb of entries that overlap",
    "fields that announce 40 GB",
    "fields with 50 MB behind their end",
    "fields of pickled objects",
    "texels of a nanometre",
    "a thousand million pits",
    "records nested without end",
    "a map that announces terabytes",
    "a key that announces gigabytes",
    "a mask of a photograph of 10 gigapixels",
    "a camera of 10^18 pixels",
    "a photograph of 10 gigapixels",
    "a study of 10^12 runs",
    "weights that are a pickle",
    "weights that announce terabytes",
)

# What stays in the cache: a whole archive, unpacked, and photos that a training decoded before it read the weights.
KEPT = ("an archive whose json is damaged", *WEIGHTS)
