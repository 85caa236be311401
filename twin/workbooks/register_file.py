"""Read a plant's register of CML: a workbook or CSV file with a row per CML, in its own columns and units."""

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

# Content of the columns of a register, and their usual headings.
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
# Names of kinds in registers, in addition to those in `KINDS`.
SYNONYMS: Mapping[str, str] = {
    "pipe": "straight", "straight pipe": "straight", "straight run": "straight", "elbow": "bend", "ell": "bend",
    "el": "bend", "tee": "branch", "olet": "branch", "weldolet": "branch", "red": "reducer", "injection": INJECTION,
    "mix point": INJECTION, "mixing point": INJECTION, "deadleg": "dead leg", "dead end": "dead leg", "cap": "dead leg",
    "shoe": "support", "saddle": "support", "soil air interface": "soil to air", "soil to air interface": "soil to air",
    "shell": "other", "head": "other", "valve": "other", "flange": "other",
}  # fmt: skip


_TELLING = {"nominal", "required", "zone", "kind", "x", "u", "formerly"}  # a register has at least one of these columns
_LOCATING = {"zone", "x", "y", "z", "u", "v"}  # columns that say where a CML is
_SAME_UV = 1e-6


@dataclass(frozen=True, kw_only=True)
class RegisterChange:
    """A register with the rows of a file, the new and the changed CML among them, how columns were used, and notes."""

    register: Register
    new: tuple[Cml, ...]
    changed: tuple[Cml, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def read_file(
    path: Path, given: ColumnMap, before: Register, twin: TwinState, records: Sequence[Record], *, unit: str = "",
    asset_name: str = "",
) -> RegisterChange:  # fmt: skip
    """Read the CML in a file and merge them into a register: a row adds a CML, or replaces the CML with its id.

    Parameters
    ----------
    path : workbook or CSV file with a row per CML.
    given : the user's description of its columns.
    before : the twin's register so far.
    twin : twin with the surface on which the CML lie.
    records : readings of the twin, which must be on the zones of their CML.
    unit : unit of thicknesses if neither heading nor row states one: mm, inch or mil.
    asset_name : name of the twin's asset in the file; empty if the file has only one.

    Raises
    ------
    InputError
        The unit is not a unit of thickness, the file cannot be read, or a row is wrong (the message has file, sheet,
        row, column, value and remedy).
    """
    unit, header = given_unit(unit), _header(path, given)
    sheets.check(header.sheet, header.row)
    asset = twin_state.asset(twin)
    surface = TwinSurface(twin=twin, asset=asset, texels=assets.texels(asset))
    rows = list(filled_rows(header))
    check_asset(path, asset_name, sorted({key_of(cells["asset"].value) for _, cells in rows if "asset" in cells}))
    by_id: dict[str, Cml] = {}
    others = 0
    for row, cells in rows:
        if "place" not in cells:
            raise InputError(f"{header.sheet.where(row)}: names no CML; fill it in, or remove the row")
        if asset_name and ("asset" not in cells or key_of(cells["asset"].value) != asset_name):
            others += 1
            continue
        cml = _cml(cells, given, unit, surface, before if _LOCATING.isdisjoint(header.columns) else NO_REGISTER)
        if cml.id in by_id:
            raise InputError(f"{cells['place'].where}: {cml.id!r:.60} is in two rows; keep one")
        by_id[cml.id] = cml
    if not by_id:
        raise InputError(f"{path}: lists no CML; add a row for each CML")
    notes = [f"{counted(others, 'row')} of other assets left out"] if others else []
    return _joined(header, before, by_id, records, notes)


def _header(path: Path, given: ColumnMap) -> Header:
    """Return the header of the only sheet of a file that is a register."""
    headers = headers_in(path, given, COLUMNS)
    candidates = [
        header
        for header in headers
        if "place" in header.columns and _TELLING & set(header.columns) and given.is_of(header.sheet)
    ]
    most_columns = max((len(_TELLING & set(header.columns)) for header in candidates), default=0)
    # The register is the sheet with most of these columns.
    chosen = [header for header in candidates if len(_TELLING & set(header.columns)) == most_columns]
    if len(chosen) != 1:
        result = f"in {names(header.sheet.name for header in chosen)}" if chosen else "none"
        raise InputError(
            f"{path}: must have exactly one sheet with a column of CML and at least one about them, such as zone or "
            f'nominal thickness; found {result}; name it in a column map: {{"sheet": "...", "place": "..."}}'
        )
    return chosen[0]


def _cml(
    cells: Mapping[str, SourceCell], given: ColumnMap, unit: str, surface: TwinSurface, located: Register
) -> Cml:  # fmt: skip
    """Return the CML in a row, checked against the surface of the twin.

    Its position is that in `located`, by its present or former name, else that in the row.
    """
    where = cells["place"].where
    text = {name: key_of(cells[name].value) for name in ("place", "circuit", "formerly") if name in cells}
    values = {f"{name}_mm": in_mm(cells, cells[name], given, unit) for name in ("nominal", "required") if name in cells}
    former_names = tuple(name.strip() for name in text.get("formerly", "").split(";") if name.strip())
    located_cml = next((located.cmls[name] for name in (text["place"], *former_names) if name in located.cmls), None)
    zone, uv = surface.place(cells, given) if located_cml is None else (located_cml.zone, located_cml.uv)
    kind = _kind(cells.get("kind"))
    try:
        cml = Cml(
            id=text["place"], zone=zone, uv=uv, circuit=text.get("circuit", ""), kind=kind, formerly=former_names,
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
    """Return the kind of CML, one of `KINDS`, that a text in a register names; empty if it is unknown."""
    label = canonical(text)
    without_angle = re.sub(r"\s*\d+( deg(ree)?s?)?\b", "", label).strip()  # "elbow 90" becomes "elbow"
    match = next((name for name in (label, without_angle) if name in KINDS or name in SYNONYMS), "")
    return SYNONYMS.get(match, match)


def _joined(
    header: Header, before: Register, found: Mapping[str, Cml], records: Sequence[Record], notes: Sequence[str]
) -> RegisterChange:
    """Return the register merged with the rows of a file, after checks against readings and unstated renaming."""
    renamed = {name for cml in found.values() for name in cml.formerly}
    kept = {
        name: cml for name, cml in before.cmls.items() if name not in renamed or name in found
    }  # the row with the new name replaces it
    absent = [cml for name, cml in kept.items() if name not in found]
    for cml in found.values():
        if cml.id in before.cmls or cml.uv is None:
            continue
        for other in absent:
            if other.uv is not None and max(abs(a - b) for a, b in zip(cml.uv, other.uv, strict=True)) < _SAME_UV:
                raise InputError(
                    f"{header.sheet.path}: {cml.id!r:.60} is at the position of {other.id!r:.60}, which the file "
                    f"lacks; if {other.id!r:.60} was renamed, say so in a column formerly, otherwise list both"
                )
    # A row without former names keeps the known ones.
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
                f"{header.sheet.path}: {cml_of.id} is on {cml_of.zone}, but its reading of {record.date} is on "
                f"{record.zone}; correct the row, or withdraw the reading"
            )
    pair = plausibility.contradicting(records, register)
    if pair is not None and plausibility.contradicting(records, before) is None:
        first, second = pair
        raise InputError(
            f"{header.sheet.path}: makes {first.place} and {second.place} one place, but their readings of "
            f"{first.date} by {first.tool} are {first.value:g} and {second.value:g} {first.unit}; correct the row, or "
            "withdraw the wrong reading, whose line corrotwin twin inspect shows"
        )
    if absent:
        listed = names(cml.id for cml in absent)
        notes = [*notes, f"kept {counted(len(absent), 'CML')} of the register, not in the file: {listed}"]
    return RegisterChange(
        register=register,
        new=tuple(cml for name, cml in merged.items() if name not in before.cmls),
        changed=tuple(cml for name, cml in merged.items() if name in before.cmls and cml != before.cmls[name]),
        columns=(*described(header), *unused(header)),
        notes=tuple(notes),
    )


def _over(known: Cml, cml: Cml, header: Header) -> Cml:
    """Return a CML of a file, with the known values for which the file has no column."""
    columns = {"nominal_mm": "nominal", "required_mm": "required", "circuit": "circuit", "kind": "kind"}
    kept: dict[str, Any] = {
        field: getattr(known, field) for field, column in columns.items() if column not in header.columns
    }
    if cml.zone == known.zone and not {"x", "u"} & set(header.columns):
        kept["uv"] = known.uv
    return replace(cml, **kept, formerly=tuple(dict.fromkeys((*known.formerly, *cml.formerly))))


def _inherited(cml: Cml, before: Register) -> tuple[str, ...]:
    """Return the former names of a renamed CML, including the former names of these."""
    former_names = [name for former in cml.formerly for name in (former, *_formerly(before.cmls.get(former)))]
    return tuple(dict.fromkeys(former_names))


def _formerly(cml: Cml | None) -> tuple[str, ...]:
    return () if cml is None else cml.formerly
