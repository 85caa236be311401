"""A register of CML as plants keep it: a row each, in a workbook or a CSV file, in their own columns and units."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corrotwin.twin import assets, twin_state
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.text import counted
from corrotwin.twin.inspection import plausibility
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import INJECTION, KINDS, NO_REGISTER, Cml, Register
from corrotwin.twin.twin_state import TwinState
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import SourceCell, check_asset, filled_rows, in_mm, key_of
from corrotwin.twin.workbooks.columns import (
    USUAL,
    ColumnMap,
    Header,
    Usual,
    canonical,
    described,
    given_unit,
    headers_in,
    names,
    unused,
)
from corrotwin.twin.workbooks.surface import TwinSurface

# What a column of a register may hold, and headings by which it is usually called.
COLUMNS: Usual = {
    "place": (*USUAL["place"], "id"),
    "asset": USUAL["asset"],
    "circuit": USUAL["group"],
    "zone": ("zone", "component", "part"),
    "kind": (
        "kind", "type", "cml type", "tml type", "component type", "fitting", "fitting type", "feature", "location type",
    ),
    "nominal": (
        "nominal", "nominal thickness", "t nominal", "tnom", "t nom", "nom thickness", "nominal wall",
        "original thickness",
    ),
    "required": (
        "required", "required thickness", "t required", "t min", "tmin", "minimum thickness", "min thickness",
        "retirement thickness", "t retirement", "alert thickness",
    ),
    "unit": USUAL["unit"],
    "x": ("x", "x m"),
    "y": ("y", "y m"),
    "z": ("z", "z m"),
    "u": ("u",),
    "v": ("v",),
    "formerly": ("formerly", "former id", "former name", "old id", "previous id", "renamed from"),
}  # fmt: skip
# What registers call the kinds, beside the names in `KINDS`.
SYNONYMS: Mapping[str, str] = {
    "pipe": "straight", "straight pipe": "straight", "straight run": "straight", "elbow": "bend", "ell": "bend",
    "el": "bend", "tee": "branch", "olet": "branch", "weldolet": "branch", "red": "reducer", "injection": INJECTION,
    "mix point": INJECTION, "mixing point": INJECTION, "deadleg": "dead leg", "dead end": "dead leg", "cap": "dead leg",
    "shoe": "support", "saddle": "support", "soil air interface": "soil to air", "soil to air interface": "soil to air",
    "shell": "other", "head": "other", "valve": "other", "flange": "other",
}  # fmt: skip


_TELLING = {"nominal", "required", "zone", "kind", "x", "u", "formerly"}  # columns of which a register has at least one
_LOCATING = {"zone", "x", "y", "z", "u", "v"}  # columns that say where a CML is
_SAME_UV = 1e-6


@dataclass(frozen=True, kw_only=True)
class RegisterChange:
    """A register with the rows of a file, which of them are new and which change what was there, and notes."""

    register: Register
    new: tuple[Cml, ...]
    changed: tuple[Cml, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def read_file(
    path: Path, given: ColumnMap, before: Register, twin: TwinState, records: Sequence[Record], *, unit: str = "",
    asset_name: str = "",
) -> RegisterChange:  # fmt: skip
    """Read CML from a file and join them to a register: rows are new, or take the place of the CML of their id.

    Parameters
    ----------
    path : workbook or CSV file with a row each.
    given : what the user says of its columns.
    before : the twin's register so far.
    twin : whose surface they lie on.
    records : readings of the twin, which must be of the zones of their CML.
    unit : of thicknesses where no heading and no row says it: mm, inch or mil.
    asset_name : which asset of the file the twin is; empty where the file has one.

    Raises
    ------
    InputError
        The unit is none of thickness, the file cannot be read, or a row is wrong: file, sheet, row, column, value and
        what would be right. Nothing is returned then.
    """
    unit, header = given_unit(unit), _header(path, given)
    sheets.check(header.sheet, header.row)
    asset = twin_state.asset(twin)
    surface = TwinSurface(twin=twin, asset=asset, texels=assets.texels(asset))
    rows = list(filled_rows(header))
    check_asset(path, asset_name, sorted({key_of(cells["asset"].value) for _, cells in rows if "asset" in cells}))
    found: dict[str, Cml] = {}
    others = 0
    for row, cells in rows:
        if "place" not in cells:
            raise InputError(f"{header.sheet.where(row)}: names no CML; fill it in or remove the row")
        if asset_name and ("asset" not in cells or key_of(cells["asset"].value) != asset_name):
            others += 1
            continue
        cml = _cml(cells, given, unit, surface, before if _LOCATING.isdisjoint(header.columns) else NO_REGISTER)
        if cml.id in found:
            raise InputError(f"{cells['place'].where}: {cml.id!r:.60} is in two rows; keep one")
        found[cml.id] = cml
    if not found:
        raise InputError(f"{path}: no CML in it; give a row for each")
    notes = [f"{counted(others, 'row')} of other assets left out"] if others else []
    return _joined(header, before, found, records, notes)


def _header(path: Path, given: ColumnMap) -> Header:
    """Return the one sheet of a file that is a register."""
    headers = headers_in(path, given, COLUMNS)
    found = [
        header
        for header in headers
        if "place" in header.columns and _TELLING & set(header.columns) and given.is_of(header.sheet)
    ]
    most = max((len(_TELLING & set(header.columns)) for header in found), default=0)
    chosen = [header for header in found if len(_TELLING & set(header.columns)) == most]  # it tells most of CML
    if len(chosen) != 1:
        seen = f"in {names(header.sheet.name for header in chosen)}" if chosen else "none"
        raise InputError(
            f"{path}: needs one sheet with a column of CML and what is to be known of them, such as their zone or "
            f'nominal thickness; found {seen}; say which by a map: {{"sheet": "...", "place": "..."}}'
        )
    return chosen[0]


def _cml(
    cells: Mapping[str, SourceCell], given: ColumnMap, unit: str, surface: TwinSurface, located: Register
) -> Cml:  # fmt: skip
    """Return the CML of a row, checked against the surface of the twin.

    It is where `located` has it, or had it by its former name; else where the row says.
    """
    where = cells["place"].where
    text = {name: key_of(cells[name].value) for name in ("place", "circuit", "formerly") if name in cells}
    values = {f"{name}_mm": in_mm(cells, cells[name], given, unit) for name in ("nominal", "required") if name in cells}
    former = tuple(name.strip() for name in text.get("formerly", "").split(";") if name.strip())
    known = next((located.cmls[name] for name in (text["place"], *former) if name in located.cmls), None)
    zone, uv = surface.place(cells, given) if known is None else (known.zone, known.uv)
    kind = _kind(cells.get("kind"))
    try:
        cml = Cml(
            id=text["place"], zone=zone, uv=uv, circuit=text.get("circuit", ""), kind=kind, formerly=former,
            **{name: values[name] for name in values},
        )  # fmt: skip
    except InputError as error:
        raise InputError(f"{where}: {as_read(error)}") from error
    surface.check_thickness(cml, cells)
    return cml


def _kind(cell: SourceCell | None) -> str:
    if cell is None:
        return ""
    kind = kind_of(key_of(cell.value))
    if not kind:
        raise InputError(
            f"{cell.where}: {key_of(cell.value)!r:.60} is not a kind of CML; write one of {', '.join(KINDS)}"
        )
    return kind


def kind_of(text: str) -> str:
    """Return the kind of CML, one of `KINDS`, that a text names as registers do; empty for none that is known."""
    called = canonical(text)
    bare = re.sub(r"\s*\d+( deg(ree)?s?)?\b", "", called).strip()  # of "elbow 90"
    found = next((name for name in (called, bare) if name in KINDS or name in SYNONYMS), "")
    return SYNONYMS.get(found, found)


def _joined(
    header: Header, before: Register, found: Mapping[str, Cml], records: Sequence[Record], notes: Sequence[str]
) -> RegisterChange:
    """Return the register with the rows of a file, having held them against the readings and against renaming."""
    renamed = {name for cml in found.values() for name in cml.formerly}
    kept = {
        name: cml for name, cml in before.cmls.items() if name not in renamed or name in found
    }  # the row of its new name stands for it
    absent = [cml for name, cml in kept.items() if name not in found]
    for cml in found.values():
        if cml.id in before.cmls or cml.uv is None:
            continue
        for other in absent:
            if other.uv is not None and max(abs(a - b) for a, b in zip(cml.uv, other.uv, strict=True)) < _SAME_UV:
                raise InputError(
                    f"{header.sheet.path}: {cml.id!r:.60} is where {other.id!r:.60} was, which the file lacks; if it "
                    "has a new name, say so in a column formerly, else leave both in"
                )
    # A row that says nothing of former names keeps those that were known.
    merged = {
        name: _over(before.cmls[name], cml, header)
        if name in before.cmls
        else replace(cml, formerly=_inherited(cml, before))
        for name, cml in found.items()
    }
    try:
        register = Register(cmls={**kept, **merged})
    except InputError as error:
        raise InputError(f"{header.sheet.path}: {as_read(error)}") from error
    for record in records:
        cml_of = register.find(record.place) if record.place and record.kind == "ultrasonic" else None
        if cml_of is not None and cml_of.zone != record.zone:
            raise InputError(
                f"{header.sheet.path}: {cml_of.id} is on {cml_of.zone}, where it has a reading of {record.date} on "
                f"{record.zone}; correct the row, or withdraw the reading"
            )
    pair = plausibility.contradicting(records, register)
    if pair is not None and plausibility.contradicting(records, before) is None:
        first, second = pair
        raise InputError(
            f"{header.sheet.path}: makes one place of {first.place} and {second.place}, whose readings of {first.date} "
            f"by {first.tool} are {first.value:g} and {second.value:g} {first.unit}; correct the row, or withdraw the "
            "wrong reading by its line, which corrotwin twin inspect lists"
        )
    if absent:
        listed = names(cml.id for cml in absent)
        notes = [*notes, f"{counted(len(absent), 'CML')} of before, not in the file, kept: {listed}"]
    return RegisterChange(
        register=register,
        new=tuple(cml for name, cml in merged.items() if name not in before.cmls),
        changed=tuple(cml for name, cml in merged.items() if name in before.cmls and cml != before.cmls[name]),
        columns=(*described(header), *unused(header)),
        notes=tuple(notes),
    )


def _over(known: Cml, cml: Cml, header: Header) -> Cml:
    """Return a CML of a file with what was known of it and the file has no column for."""
    columns = {"nominal_mm": "nominal", "required_mm": "required", "circuit": "circuit", "kind": "kind"}
    kept: dict[str, Any] = {
        field: getattr(known, field) for field, column in columns.items() if column not in header.columns
    }
    if cml.zone == known.zone and not {"x", "u"} & set(header.columns):
        kept["uv"] = known.uv
    return replace(cml, **kept, formerly=tuple(dict.fromkeys((*known.formerly, *cml.formerly))))


def _inherited(cml: Cml, before: Register) -> tuple[str, ...]:
    """Return the former names of a renamed CML, and those that its former name had before."""
    earlier = [name for former in cml.formerly for name in (former, *_formerly(before.cmls.get(former)))]
    return tuple(dict.fromkeys(earlier))


def _formerly(cml: Cml | None) -> tuple[str, ...]:
    return () if cml is None else cml.formerly
