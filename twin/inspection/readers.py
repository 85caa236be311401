"""Readers of inspections: tables of readings, and what photographs saw, as records."""

import hashlib
import io
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin import assets, npz, store, twin_state
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.files import digest, open_file, read_bytes, reading
from corrotwin.twin.core.table_rows import Row
from corrotwin.twin.core.tables import read as read_table
from corrotwin.twin.core.text import place_name
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection import footprints
from corrotwin.twin.inspection.events import EVENTS, Event
from corrotwin.twin.inspection.footprints import PixelMap
from corrotwin.twin.inspection.positions import Point, on_atlas
from corrotwin.twin.inspection.records import KINDS, UNITS_MM, Record
from corrotwin.twin.twin_state import TwinState

FEWEST_SEEN = 0.02  # share of a zone below which a photograph says nothing of it
_PNG_DEPTH = 24  # place of the bits a channel in a PNG (ISO/IEC 15948, 11.2.2)
COLUMNS = ("date", "zone", "kind", "value", "tool")  # that a table of readings must have
TEXTS = ("zone", "kind", "tool", "unit", "place", "echo")
NUMBERS = ("value", "scatter_sd", "bias_sd", "detection", "false_calls")
AXES = ("x", "y", "z")
ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}  # of the column `coated`


def photo_records(
    pattern: Record, asset: AssetGeometry, texels: Texels, seen: NDArray[np.bool_], rusted: NDArray[np.bool_]
) -> tuple[list[Record], bytes]:
    """Return records of a photograph from a known camera, one for each zone in view, and the content of their file.

    Parameters
    ----------
    pattern : a record of kind "photo" with date, tool and errors; its zone and value do not count.
    asset, texels : the surface.
    seen, rusted : (H, W) on the atlas: which texels the photograph shows, and which of them as rusted.

    Raises
    ------
    InputError
        Arrays of another size than the atlas, or too little seen of each zone.
    """
    for name, array in (("seen", seen), ("rusted", rusted)):
        if array.shape != asset.atlas_shape:
            raise InputError(
                f"photo of {pattern.date}: {name} is {array.shape}, the atlas of this {asset.kind} "
                f"{asset.atlas_shape}; make it with this twin"
            )
    stream = io.BytesIO()
    np.savez_compressed(stream, seen=seen.astype(bool), rusted=(rusted & seen).astype(bool))
    content = stream.getvalue()
    name = f"photo-{hashlib.sha256(content).hexdigest()[:16]}.npz"
    records = []
    for index, zone in enumerate(asset.zone_names):
        area = np.where(texels.zone == index, texels.area_mm2, 0).astype(np.float64)
        in_view = float(area[seen].sum())
        if zone != COVERED and in_view > FEWEST_SEEN * area.sum():
            share = min(float(area[seen & rusted].sum()) / in_view, 1.0)
            records.append(replace(pattern, zone=zone, value=round(share, 6), seen=name))
    if not records:
        little = f"less than {FEWEST_SEEN:.0%} of each zone of" if texels.area_mm2[seen].any() else "nothing of"
        raise InputError(f"photo of {pattern.date}: shows {little} the {asset.kind}; check the camera")
    return records, content


def rusted_share(mask: Path) -> float:
    """Return the share of a mask that is rust, to six digits."""
    return round(float(read_mask(mask).mean()), 6)


def from_photos(
    photo: Sequence[Path], uvmap: Sequence[Path], pattern: Record, twin: TwinState
) -> tuple[list[Record], bytes]:
    """Return joint records of all photographs of a day, from masks of rust and maps of the texel that each pixel sees.

    A texel counts as rusted where most of the pixels are that have their centre in it, whichever photographs they are
    of. One without any counts as the nearest texel that has some, if it is in the footprint of that pixel: shares of a
    zone are shares of its area in view, however many texels a pixel covers.

    Parameters
    ----------
    photo : masks, PNG, 0 where there is no rust, anything else where there is.
    uvmap : of each, as ``corrotwin synth uvmap`` writes them.
    pattern : as for `photo_records`.
    twin : that they show.

    Raises
    ------
    InputError
        A file cannot be read, a mask has another size than its camera, a map belongs to another twin, or as for
        `photo_records`.
    """
    if len(photo) != len(uvmap):
        raise InputError(f"{len(photo)} masks and {len(uvmap)} maps of texels: give one `uvmap` for each `photo`")
    asset = twin_state.asset(twin)
    texels = assets.texels(asset)
    seen, rusted, centre = np.zeros((3, texels.zone.size), dtype=np.int64)
    away_m = np.full(texels.zone.size, np.inf)
    for mask, texel_map in zip(photo, uvmap, strict=True):
        rust = read_mask(mask)
        pixels = _pixel_map(texel_map, twin, asset, mask, rust.shape)
        texel = pixels.texel
        seen += np.bincount(texel[texel >= 0], minlength=seen.size)
        rusted += np.bincount(texel[(texel >= 0) & rust], minlength=seen.size)
        own, own_away_m = footprints.centres(pixels, texels, asset.texel_mm)
        nearer = own_away_m < away_m
        centre[nearer], away_m[nearer] = own[nearer], own_away_m[nearer]
    in_view, rust_there = np.isfinite(away_m), (2 * rusted > seen)[centre]
    return photo_records(pattern, asset, texels, *(each.reshape(asset.atlas_shape) for each in (in_view, rust_there)))


def _pixel_map(path: Path, twin: TwinState, asset: AssetGeometry, mask: Path, wanted: tuple[int, ...]) -> PixelMap:
    """Return what each pixel of a mask of shape `wanted` sees; a map of an older version has no footprints."""
    most = {"texel": 8 * wanted[0] * wanted[1], "atlas_shape": 64, "asset": 4096}
    footprint = {"reach_m": most["texel"], "eye_m": 24}
    try:
        with reading(path, "make it with corrotwin synth uvmap"), open_file(path) as stream:
            seen = npz.shape(stream, "texel")
            if len(seen) == 2 and seen != wanted:
                raise InputError(
                    f"{mask}: {wanted[1]} x {wanted[0]} pixels, its camera {seen[1]} x {seen[0]} ({path}); give a mask "
                    "of the whole photograph, at its own size"
                )
            arrays = {"reach_m": np.zeros(seen), "eye_m": np.zeros(3)}
            arrays |= npz.read(stream, most | (footprint if npz.holds(stream, "reach_m") else {}))
    except npz.DamagedError as error:
        raise InputError(f"{path}: no map of texels ({error}); make it with corrotwin synth uvmap") from error
    texel, shape, key = arrays["texel"], tuple(arrays["atlas_shape"].ravel().tolist()), str(arrays["asset"])
    known = (asset_key(twin), _key(twin, twin.parameters))  # older maps of a mesh were made with the path of its file
    if shape != asset.atlas_shape or key not in known:
        raise InputError(f"{path}: belongs to another twin than {twin.id}; make it with this one")
    whole = texel.ndim == 2 and texel.dtype.kind == "i" and texel.max(initial=-1) < shape[0] * shape[1]
    lengths = [arrays["reach_m"], arrays["eye_m"]]
    fits = [each.shape for each in lengths] == [texel.shape, (3,)] and all(each.dtype.kind == "f" for each in lengths)
    if not (whole and fits and all(np.isfinite(each).all() for each in lengths)):
        raise InputError(f"{path}: no map of texels; make it with corrotwin synth uvmap")
    return PixelMap(texel=texel.astype(np.int64), reach_m=arrays["reach_m"], eye_m=arrays["eye_m"].astype(np.float64))


def asset_key(twin: TwinState) -> str:
    """Return a key of the geometry and the atlas of a twin, which stays the same wherever its folder lies."""
    return _key(twin, store.plain_parameters(twin))


def _key(twin: TwinState, parameters: Mapping[str, Any]) -> str:
    return digest({"kind": twin.kind, "parameters": dict(parameters), "texel_mm": twin.texel_mm})


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask from PNG, (height, width), true where its value is not 0.

    Raises
    ------
    InputError
        It cannot be read, or is a picture in colour: what is rust in it cannot be known; or in RGB of 16 bits, of which
        Pillow drops the lower 8.
    """
    from PIL import Image

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            content = read_bytes(path)
            with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
                opened.load()
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError, struct.error, *bombs) as error:
        raise InputError(f"{path}: no mask that can be read ({error}); save it as PNG") from error
    values = np.asarray(opened)
    if opened.mode == "RGB" and content[_PNG_DEPTH] == 16:
        raise InputError(f"{path}: in RGB of 16 bits; give a mask of one channel, 0 where there is no rust")
    if opened.mode == "RGB" and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2:
        raise InputError(f"{path}: a picture in colour; give its mask, one channel, 0 where there is no rust")
    return np.asarray(values != 0)


def seen_texels(folder: Path, record: Record, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the texels that the photograph of a record saw, (H, W).

    Raises
    ------
    InputError
        The file is missing, damaged, or of another size.
    """
    return seen_in(photo_content(folder, record), folder / record.seen, record, shape)


def photo_content(folder: Path, record: Record) -> bytes:
    """Return the content of the file that the record of a photograph names.

    Raises
    ------
    InputError
        It cannot be read.
    """
    path = folder / record.seen
    try:
        return read_bytes(path, inside=folder)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); put back the one that was beside it") from error


def seen_in(content: bytes, path: Path, record: Record, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which texels the photograph of a record saw, (H, W), from the content of its file.

    Raises
    ------
    InputError
        The content is damaged, or of another size than the atlas.
    """
    try:
        if path.name != f"photo-{hashlib.sha256(content).hexdigest()[:16]}.npz":
            raise InputError(f"{path}: damaged (its content does not match its name); take {record.date} again")
        seen = npz.read(io.BytesIO(content), {"seen": shape[0] * shape[1]})["seen"]
    except (OSError, npz.DamagedError) as error:
        raise InputError(f"{path}: cannot be read ({error}); put back the one that was beside it") from error
    if seen.shape != shape or seen.dtype != bool:
        raise InputError(f"{path}: does not fit the atlas, {shape[0]} x {shape[1]}")
    return seen


def from_csv(path: Path, twin: TwinState | None = None) -> list[Record | Event]:
    """Read records and events from a table: date, zone, kind, value, tool, other fields of `Record`, u and v for `uv`.

    A row whose kind is one of `EVENTS` is an event, with a date, a zone and, if wanted, `place` and `why`.

    In place of `u` and `v` it may have x, y and z on the surface of the twin, see `positions.on_atlas`. Each record
    knows its file and line, so that what is refused later names them too.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, unknown or there twice, or a row is wrong (its line is named).
    """
    optional = [name for name in (*TEXTS, *NUMBERS, "coated", "u", "v", *AXES, "why") if name not in COLUMNS]
    table = read_table(path, required=COLUMNS, optional=optional, others=False)
    if not table.rows:
        raise InputError(f"{path}: no readings in it; give a line for each")
    by_point = twin is not None and any(row["x"] for row in table.rows)
    place = partial(on_atlas, twin, twin_state.asset(twin)) if twin is not None and by_point else None
    return [_event(row) if row["kind"].lower() in EVENTS else _from_row(row, place) for row in table.rows]


def _event(row: Row) -> Event:
    """Return the event of a row."""
    known = ("date", "zone", "kind", "place", "why")
    for name in (*COLUMNS, *TEXTS, *NUMBERS, "coated", "u", "v", *AXES):
        if name not in known and row[name]:
            raise row.wrong("is of a reading; leave it empty in the row of an event", name)
    if not row["date"] or not row["zone"]:
        raise row.wrong("no date and zone; fill the row in or remove it")
    day = row.date("date").isoformat()
    try:
        return Event(
            date=day, kind=row["kind"].lower(), zone=row["zone"], place=place_name(row["place"]), why=row["why"],
            source=f"{row.path}: line {row.line}",
        )  # fmt: skip
    except InputError as error:
        raise row.wrong(as_read(error)) from error


def _from_row(row: Row, place: Callable[[Point, str], tuple[str, tuple[float, float]]] | None) -> Record:
    if row["kind"] and row["kind"].lower() not in KINDS:
        raise row.wrong(f"is not a kind of inspection or event; choose from {', '.join((*KINDS, *EVENTS))}", "kind")
    if row["why"]:
        raise row.wrong("is of an event; leave it empty in the row of a reading", "why")
    lacking = [name for name in COLUMNS if not row[name]]
    if lacking or bool(row["u"]) != bool(row["v"]):
        raise row.wrong(f"no {', '.join(lacking) or 'u and v together'}; fill the row in or remove it")
    if len({bool(row[name]) for name in AXES}) != 1 or (row["x"] and row["u"]):
        raise row.wrong("needs x, y and z together, or u and v; fill the row in or remove it")
    values: dict[str, Any] = {name: " ".join(row[name].split()) for name in TEXTS if row[name]}  # as in a workbook
    values["place"] = place_name(row["place"])
    values |= {name: values[name].lower() for name in ("kind", "echo") if name in values}
    if row["unit"].lower() in UNITS_MM:
        values["unit"] = row["unit"].lower()
    if row["coated"]:
        if row["coated"].lower() not in ANSWERS:
            raise row.wrong("is neither yes nor no; was the reading taken through paint?", "coated")
        values["coated"] = ANSWERS[row["coated"].lower()]
    day = row.date("date").isoformat()
    values |= {name: row.number(name) for name in NUMBERS if row[name]}
    uv = (row.number("u"), row.number("v")) if row["u"] else None
    try:
        if place is not None and row["x"]:
            x, y, z = (row.number(name) for name in AXES)
            _, uv = place((x, y, z), values["zone"])
        return Record(**values, date=day, uv=uv, source=f"{row.path}: line {row.line}")
    except InputError as error:
        raise row.wrong(as_read(error)) from error
