"""A pipeline as coarse sections: one twin per section, made from a register of sections, without a mesh."""

import datetime
import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from corrotwin.twin import creation, store
from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.inspection import register as registers
from corrotwin.twin.inspection.register import Cml, Register
from corrotwin.twin.mechanisms.catalogue import NONE
from corrotwin.twin.mechanisms.mechanism import BORE
from corrotwin.twin.mechanisms.soil import LAWS
from corrotwin.twin.twin_state import TwinState
from corrotwin.twin.workbooks import days, sheets
from corrotwin.twin.workbooks.cells import SourceCell, filled_rows, in_mm, key_of, ungrouped_number_of
from corrotwin.twin.workbooks.columns import ColumnMap, Header, Usual, headers_in
from corrotwin.twin.workbooks.surveys import day_in, order_in

# Content of the columns of a register of sections, and their usual headings.
COLUMNS: Usual = {
    "section": ("section", "section id", "segment", "segment id", "id"),
    "from": ("from", "from km", "start", "start km", "kp from", "kp start"),
    "to": ("to", "to km", "end", "end km", "kp to", "kp end"),
    "outside": ("od", "outside diameter", "outside", "diameter"),
    "wall": ("wall", "wall thickness", "nominal", "nominal thickness", "wt"),
    "required": ("required", "required thickness", "t min", "tmin", "minimum thickness"),
    "built": ("built", "in service", "in service since", "commissioned", "installed"),
    "soil": ("soil", "soil class"),
    "coating": ("coating life", "coating life years", "coating years"),
    "inside": ("inside", "mechanism", "mechanisms", "service"),
    "unit": ("unit", "units"),
}
NEEDED = ("section", "from", "to", "outside", "wall", "built", "soil")
TEXEL_MM = 100.0
ZONE = "body"
_YEAR = re.compile(r"(?:19|20)\d\d")
CATEGORY = "C1"  # of air, which does not reach buried pipe; it adds a micrometre of loss per year, the safe side


@dataclass(frozen=True, kw_only=True)
class PipelineSection:
    """A section: its name, its begin and end along the line in km, its twin, and its register with one CML."""

    name: str
    from_km: float
    to_km: float
    twin: TwinState
    register: Register


def read_sections(path: Path, given: ColumnMap, unit: str) -> list[PipelineSection]:
    """Read a register of sections, and return them in order along the line.

    Each section has a row, in any order; gaps are allowed.

    Parameters
    ----------
    path : workbook or CSV file.
    given : the user's description of its columns.
    unit : unit of diameters and thicknesses if no heading states one: mm or inch.

    Raises
    ------
    InputError
        The file cannot be read, a row is wrong (the message has file, sheet, row, column, value and remedy), or two
        sections overlap.
    """
    headers = headers_in(path, given, COLUMNS)
    chosen = [header for header in headers if {"section", "from", "to"} <= set(header.columns)]
    if len(chosen) != 1:
        raise InputError(f"{path}: must have exactly one sheet with the columns {', '.join(NEEDED)}")
    header = chosen[0]
    if lacking := [name for name in NEEDED if name not in header.columns]:
        raise InputError(
            f"{header.sheet.where(header.row)}: no column {lacking[0]}; give the columns {', '.join(NEEDED)}"
        )
    sheets.check(header.sheet, header.row)
    column = header.columns["built"]
    built_cells = [
        row.cells[column] for row in header.sheet.rows if row.number > header.row and column < len(row.cells)
    ]  # fmt: skip
    order = order_in(header, given, built_cells)
    by_key: dict[str, PipelineSection] = {}
    for row, cells in filled_rows(header):
        section = _section(header, row, cells, given, order, unit)
        key = unicodedata.normalize("NFC", section.name).casefold()  # readings and some file systems ignore case
        if (other := by_key.setdefault(key, section)) is not section:
            problem = "is in two rows" if other.name == section.name else f"is the same name as {other.name!r:.60}"
            raise InputError(f"{cells['section'].where}: {section.name!r:.60} {problem}; keep one, or rename it")
    if not by_key:
        raise InputError(f"{path}: lists no section; add a row for each section")
    in_line = sorted(by_key.values(), key=lambda section: section.from_km)
    for earlier, other in itertools.pairwise(in_line):
        if other.from_km < earlier.to_km - 1e-9:
            raise InputError(
                f"{path}: {earlier.name} ends at {earlier.to_km:g} km, and {other.name} begins at {other.from_km:g} "
                "km; correct one of them"
            )
    return in_line


def _section(
    header: Header, number: int, cells: Mapping[str, SourceCell], given: ColumnMap, order: days.Order | None, unit: str
) -> PipelineSection:  # fmt: skip
    """Return the section in a row."""
    where = header.sheet.where(number)
    if lacking := [name for name in NEEDED if name not in cells]:
        raise InputError(f"{where}: {header.headings[header.columns[lacking[0]]]!r:.60} is empty; fill it in")
    name = key_of(cells["section"].value)
    if not files.can_name_a_file(name):
        raise InputError(f"{cells['section'].where}: {name!r:.60} cannot be the name of a folder; choose another name")
    # 1.250 is a position to the metre, so only a comma may be between thousands.
    begin, end = (ungrouped_number_of(cells[column], ",") for column in ("from", "to"))
    if not end > begin:
        raise InputError(f"{cells['to'].where}: {end:g} km: must be beyond {begin:g} km, where the section begins")
    soil = key_of(cells["soil"].value).casefold().replace(" ", "_")
    if soil not in LAWS:
        raise InputError(
            f"{cells['soil'].where}: {soil!r:.60} is not a soil class of EN 1993-5; write one of {', '.join(LAWS)}"
        )
    life = ungrouped_number_of(cells["coating"], ",") if "coating" in cells else 0.0
    outside, wall = (in_mm(cells, cells[column], given, unit) for column in ("outside", "wall"))
    inside = key_of(cells["inside"].value) if "inside" in cells else ""
    day = _day(cells["built"], order)
    try:
        asset = creation.shaped(
            "pipe", {"od_mm": outside, "wall_mm": wall, "run_m": 1000 * (end - begin)}, seed=_seed(name),
            texel_mm=TEXEL_MM, random=False,
        )  # fmt: skip
        twin = creation.specify(
            asset, built=day, category=CATEGORY, bare=True,
            mechanisms=[f"soil soil={soil} after_years={life:g}", "" if inside == NONE else inside],
        )  # fmt: skip
        if inside == NONE:  # also without the default mechanism for an unknown fluid
            mechanisms = tuple(mechanism for mechanism in twin.mechanisms if BORE not in mechanism.zones)
            twin = replace(twin, mechanisms=mechanisms)
        required = in_mm(cells, cells["required"], given, unit) if "required" in cells else None
        cml = Cml(id=name, zone=ZONE, nominal_mm=wall, required_mm=required, kind="straight")
    except InputError as error:
        raise InputError(f"{where}: {as_read(error)}".replace(f"{where}: {where}", where)) from error
    return PipelineSection(
        name=name, from_km=begin, to_km=end, twin=replace(twin, id=name), register=Register(cmls={name: cml})
    )


def _seed(name: str) -> int:
    """Return a seed derived from a section's name, so that it does not depend on the other sections."""
    return int(files.digest(name)[:8], 16) // 2


def _day(cell: SourceCell, order: days.Order | None) -> datetime.date:
    if _YEAR.fullmatch(key_of(cell.value)):
        return datetime.date(int(key_of(cell.value)), 1, 1)  # only a year: its first day, the safe side
    return day_in(cell, order)


def write_sections(out: Path, sections: list[PipelineSection], *, on_twin: Callable[[], None] = lambda: None) -> int:
    """Write one twin per section into folders below `out`, and return the number of new ones.

    Existing twins stay as they are; the CML of the table replace those of their register.

    Parameters
    ----------
    out : folder of the twins.
    sections : sections of the pipeline.
    on_twin : function that is called after each section.

    Raises
    ------
    InputError
        A folder holds another twin. Nothing is written then.
    """
    new = set()
    for section in sections:
        folder = out / section.name
        if not store.is_twin(folder):
            new.add(section.name)
        elif replace(store.read(folder), clock=section.twin.clock) != section.twin:
            raise InputError(f"{folder}: holds a twin that differs from the table; choose another folder")
    for section in sections:
        if section.name in new:
            store.save(section.twin, out / section.name, new=True)
        cmls = section.register.cmls
        registers.update(out / section.name, lambda known, cmls=cmls: Register(cmls={**known.cmls, **cmls}))  # type: ignore[misc]
        on_twin()
    return len(new)
