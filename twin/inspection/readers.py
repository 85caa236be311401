"""Readers of inspections: turn tables of readings, and masks of photographs, into records."""

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
from corrotwin.twin.core.text import counted, place_name
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection import footprints
from corrotwin.twin.inspection.events import EVENTS, Event
from corrotwin.twin.inspection.footprints import PixelMap
from corrotwin.twin.inspection.positions import Point, on_atlas
from corrotwin.twin.inspection.records import KINDS, UNITS_MM, Record
from corrotwin.twin.twin_state import TwinState

FEWEST_SEEN = 0.02  # share of a zone in view below which a photograph gives no record of it
_PNG_DEPTH = 24  # byte of a PNG that holds the bits per channel (ISO/IEC 15948, 11.2.2)
COLUMNS = ("date", "zone", "kind", "value", "tool")  # columns that a table of readings must have
TEXTS = ("zone", "kind", "tool", "unit", "place", "echo")
NUMBERS = ("value", "scatter_sd", "bias_sd", "detection", "false_calls")
AXES = ("x", "y", "z")
ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}  # of the column `coated`


def photo_records(
    pattern: Record, asset: AssetGeometry, texels: Texels, seen: NDArray[np.bool_], rusted: NDArray[np.bool_]
) -> tuple[list[Record], bytes]:
    """Return records of a photograph from a known camera, one per zone in view, and the content of the file they name.

    Parameters
    ----------
    pattern : a record of kind "photo" with date, tool and errors; its zone and value do not count.
    asset, texels : the surface.
    seen, rusted : (H, W) on the atlas: texels that the photograph shows, and those that it shows as rusted.

    Raises
    ------
    InputError
        The arrays have a size other than the atlas, or too little of every zone is in view.
    """
    for name, array in (("seen", seen), ("rusted", rusted)):
        if array.shape != asset.atlas_shape:
            raise InputError(
                f"photo of {pattern.date}: {name} has the shape {array.shape}, but the atlas of this {asset.kind} "
                f"has {asset.atlas_shape}; make it with this twin"
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
        extent = f"less than {FEWEST_SEEN:.0%} of each zone of" if texels.area_mm2[seen].any() else "nothing of"
        raise InputError(f"photo of {pattern.date}: shows {extent} the {asset.kind}; check the camera")
    return records, content


def rusted_share(mask: Path) -> float:
    """Return the share of a mask that is rust, rounded to six decimals."""
    return round(float(read_mask(mask).mean()), 6)


def from_photos(
    photo: Sequence[Path], uvmap: Sequence[Path], pattern: Record, twin: TwinState
) -> tuple[list[Record], bytes]:
    """Return joint records of all photographs of a day, from masks of rust and maps of the texel that each pixel shows.

    A texel counts as rusted if more than half of the pixels centred in it are, over all photographs. A texel without
    any such pixel takes the value of the nearest texel with one, if it lies in the footprint of that pixel. Thus the
    share of a zone is a share of its area in view, however many texels a pixel covers.

    Parameters
    ----------
    photo : PNG masks, one per photograph: 0 is no rust, any other value rust.
    uvmap : map of texels of each photograph, as written by ``corrotwin synth uvmap``.
    pattern : as for `photo_records`.
    twin : twin that the photographs show.

    Raises
    ------
    InputError
        A file cannot be read, a mask differs in size from its map, a map belongs to another twin, or as for
        `photo_records`.
    """
    if len(photo) != len(uvmap):
        raise InputError(
            f"{counted(len(photo), 'mask')} and {counted(len(uvmap), 'texel map')}: give one `uvmap` for each `photo`"
        )
    asset = twin_state.asset(twin)
    texels = assets.texels(asset)
    pixel_count, rusted_count, centre = np.zeros((3, texels.zone.size), dtype=np.int64)
    away_m = np.full(texels.zone.size, np.inf)
    for mask, texel_map in zip(photo, uvmap, strict=True):
        rust = read_mask(mask)
        pixels = _pixel_map(texel_map, twin, asset, mask, rust.shape)
        texel = pixels.texel
        pixel_count += np.bincount(texel[texel >= 0], minlength=pixel_count.size)
        rusted_count += np.bincount(texel[(texel >= 0) & rust], minlength=pixel_count.size)
        nearest, nearest_away_m = footprints.centres(pixels, texels, asset.texel_mm)
        nearer = nearest_away_m < away_m
        centre[nearer], away_m[nearer] = nearest[nearer], nearest_away_m[nearer]
    in_view, is_rusted = np.isfinite(away_m), (2 * rusted_count > pixel_count)[centre]
    return photo_records(pattern, asset, texels, *(flat.reshape(asset.atlas_shape) for flat in (in_view, is_rusted)))


def _pixel_map(path: Path, twin: TwinState, asset: AssetGeometry, mask: Path, wanted: tuple[int, ...]) -> PixelMap:
    """Return the map of texels for a mask of shape `wanted`; without footprints if an older version wrote it."""
    limits = {"texel": 8 * wanted[0] * wanted[1], "atlas_shape": 64, "asset": 4096}
    footprint = {"reach_m": limits["texel"], "eye_m": 24}
    try:
        with reading(path, "make one with corrotwin synth uvmap"), open_file(path) as stream:
            shape = npz.shape(stream, "texel")
            if len(shape) == 2 and shape != wanted:
                raise InputError(
                    f"{mask}: {wanted[1]} x {wanted[0]} pixels, but its texel map {path} has {shape[1]} x {shape[0]}; "
                    "give a mask of the whole photograph at full size"
                )
            arrays = {"reach_m": np.zeros(shape), "eye_m": np.zeros(3)}
            arrays |= npz.read(stream, limits | (footprint if npz.holds(stream, "reach_m") else {}))
    except npz.DamagedError as error:
        raise InputError(f"{path}: not a texel map ({error}); make one with corrotwin synth uvmap") from error
    texel, atlas_shape, key = arrays["texel"], tuple(arrays["atlas_shape"].ravel().tolist()), str(arrays["asset"])
    keys = (asset_key(twin), _key(twin, twin.parameters))  # the latter for older maps of a mesh, with its file's path
    if atlas_shape != asset.atlas_shape or key not in keys:
        raise InputError(f"{path}: belongs to a twin other than {twin.id}; make one with this twin")
    whole = texel.ndim == 2 and texel.dtype.kind == "i" and texel.max(initial=-1) < atlas_shape[0] * atlas_shape[1]
    lengths = [arrays["reach_m"], arrays["eye_m"]]
    fits = [array.shape for array in lengths] == [texel.shape, (3,)] and all(
        array.dtype.kind == "f" for array in lengths
    )
    if not (whole and fits and all(np.isfinite(array).all() for array in lengths)):
        raise InputError(f"{path}: not a texel map; make one with corrotwin synth uvmap")
    return PixelMap(texel=texel.astype(np.int64), reach_m=arrays["reach_m"], eye_m=arrays["eye_m"].astype(np.float64))


def asset_key(twin: TwinState) -> str:
    """Return a key of the geometry and atlas of a twin that does not depend on the location of its folder."""
    return _key(twin, store.plain_parameters(twin))


def _key(twin: TwinState, parameters: Mapping[str, Any]) -> str:
    return digest({"kind": twin.kind, "parameters": dict(parameters), "texel_mm": twin.texel_mm})


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Return the mask in a PNG file, (height, width), True for values other than 0.

    Raises
    ------
    InputError
        The file cannot be read; it is a colour picture, which does not say what is rust; or it is 16-bit RGB, of which
        Pillow drops the lower 8 bits.
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
        raise InputError(f"{path}: cannot be read as a mask ({error}); save it as PNG") from error
    values = np.asarray(opened)
    if opened.mode == "RGB" and content[_PNG_DEPTH] == 16:
        raise InputError(f"{path}: 16-bit RGB; give a mask with one channel, 0 where there is no rust")
    if opened.mode == "RGB" and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2:
        raise InputError(f"{path}: a colour picture; give its mask, with one channel, 0 where there is no rust")
    return np.asarray(values != 0)


def seen_texels(folder: Path, record: Record, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of texels that the photograph of a record shows, (H, W) on the atlas.

    Raises
    ------
    InputError
        The file is missing, damaged, or does not have the size of the atlas.
    """
    return seen_in(photo_content(folder, record), folder / record.seen, record, shape)


def photo_content(folder: Path, record: Record) -> bytes:
    """Return the content of the file that the record of a photograph names.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    path = folder / record.seen
    try:
        return read_bytes(path, inside=folder)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); restore the original file") from error


def seen_in(content: bytes, path: Path, record: Record, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of texels that the photograph of a record shows, (H, W), from the content of its file.

    Raises
    ------
    InputError
        The content is damaged, or does not have the size of the atlas.
    """
    try:
        if path.name != f"photo-{hashlib.sha256(content).hexdigest()[:16]}.npz":
            raise InputError(f"{path}: damaged (its content does not match its name); restore the original file")
        in_view = npz.read(io.BytesIO(content), {"seen": shape[0] * shape[1]})["seen"]
    except (OSError, npz.DamagedError) as error:
        raise InputError(f"{path}: cannot be read ({error}); restore the original file") from error
    if in_view.shape != shape or in_view.dtype != bool:
        raise InputError(f"{path}: does not fit the atlas, {shape[0]} x {shape[1]}")
    return in_view


def from_csv(path: Path, twin: TwinState | None = None) -> list[Record | Event]:
    """Return the records and events of a CSV file, each with its file and line, so that later errors can name them.

    Columns are date, zone, kind, value, tool, other fields of `Record`, and u and v for `uv`; instead of u and v, also
    x, y and z on the surface of the twin (`positions.on_atlas`; ignored without a twin). A row with one of `EVENTS` as
    its kind is an event, with a date, a zone and, optionally, `place` and `why`.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, unknown or duplicated, or a row is wrong (its line is named).
    """
    optional = [name for name in (*TEXTS, *NUMBERS, "coated", "u", "v", *AXES, "why") if name not in COLUMNS]
    table = read_table(path, required=COLUMNS, optional=optional, others=False)
    if not table.rows:
        raise InputError(f"{path}: no readings; give one line for each")
    by_point = twin is not None and any(row["x"] for row in table.rows)
    place = partial(on_atlas, twin, twin_state.asset(twin)) if twin is not None and by_point else None
    return [_event(row) if row["kind"].lower() in EVENTS else _from_row(row, place) for row in table.rows]


def _event(row: Row) -> Event:
    """Return the event in a row of a table."""
    allowed = ("date", "zone", "kind", "place", "why")
    for name in (*COLUMNS, *TEXTS, *NUMBERS, "coated", "u", "v", *AXES):
        if name not in allowed and row[name]:
            raise row.wrong("applies only to readings; leave it empty in the row of an event", name)
    if not row["date"] or not row["zone"]:
        raise row.wrong("no date or no zone; fill in the row or remove it")
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
        raise row.wrong("applies only to events; leave it empty in the row of a reading", "why")
    lacking = [name for name in COLUMNS if not row[name]]
    if lacking or bool(row["u"]) != bool(row["v"]):
        raise row.wrong(f"no {', '.join(lacking) or 'u and v together'}; fill in the row or remove it")
    if len({bool(row[name]) for name in AXES}) != 1 or (row["x"] and row["u"]):
        raise row.wrong("needs x, y and z together, or u and v; fill in the row or remove it")
    values: dict[str, Any] = {name: " ".join(row[name].split()) for name in TEXTS if row[name]}  # as in a workbook
    values["place"] = place_name(row["place"])
    values |= {name: values[name].lower() for name in ("kind", "echo") if name in values}
    if row["unit"].lower() in UNITS_MM:
        values["unit"] = row["unit"].lower()
    if row["coated"]:
        if row["coated"].lower() not in ANSWERS:
            raise row.wrong("is neither yes nor no; give yes if the reading was taken through paint", "coated")
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
