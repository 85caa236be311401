"""Columns of tables from elsewhere, matched by the user's map or by usual headings."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from corrotwin.twin.core.text import first_of
from corrotwin.twin.inspection.records import UNITS_MM
from corrotwin.twin.workbooks import days, sheets
from corrotwin.twin.workbooks.sheets import Value, WorkbookSheet

Usual = Mapping[str, tuple[str, ...]]
"""Usual headings of each kind of column, without case, units and punctuation."""

USUAL: Usual = {  # of readings
    "asset": ("asset", "asset id", "equipment", "equipment id", "line", "line number", "unit id", "vessel", "twin"),
    "group": ("group", "group id", "tml group", "tml group id", "circuit", "circuit id", "corrosion circuit"),
    "place": (
        "place", "cml", "cml id", "cml no", "cml number", "cml name", "tml", "tml id", "tml no", "tml number",
        "tml name", "location id", "measurement location", "measurement point", "examination point", "point id",
    ),
    "point": ("point", "position", "clock position", "clock", "orientation", "quadrant", "grid point"),
    "zone": ("zone", "component", "component type", "part", "fitting", "cml type", "tml type"),
    "date": (
        "date", "inspection date", "reading date", "survey date", "measurement date", "date taken", "date measured",
        "datum", "examination date",
    ),
    "value": (
        "value", "reading", "thickness", "measured thickness", "measured", "wall thickness", "actual thickness",
        "t actual", "minimum reading", "min reading", "thickness reading", "ut reading",
        "measurement value", "wanddicke", "messwert",
    ),
    "unit": ("unit", "units", "uom", "unit of measure", "einheit"),
    "technician": ("technician", "inspector", "examiner", "operator", "measured by", "performed by", "taken by"),
    "instrument": ("instrument", "gauge", "gauge id", "instrument id", "instrument serial", "equipment used", "tool"),
    "calibration": ("calibration", "calibration date", "calibration block", "cal block", "calibration id"),
    "procedure": ("procedure", "procedure no", "procedure number", "technique", "method"),
    "echo": ("echo", "echo mode"),
    "coated": ("coated", "through paint", "through coating", "painted"),
    "u": ("u",),
    "v": ("v",),
    "scatter": ("scatter", "scatter sd"),
    "bias": ("bias", "bias sd"),
}  # fmt: skip
_NAMED = r"mm|millimet(?:er|re)s?|in|inch|inches|\"|mils?|thou"  # units of thickness
IN_HEADING = re.compile(rf"[\(\[]\s*({_NAMED})\.?\s*[\)\]]|(?<=\s)(mm|in|inch|mils?)$")
_UNITS = {'"': "inch", "inches": "inch", "in": "inch", "thou": "mil", "mils": "mil"}
_SETTINGS = ("unit", "dates", "zones", "sheet", "header")
MOST_COLUMNS = 16_384  # of any spreadsheet
_FEWEST = 2  # known columns that make a row a header


@dataclass(frozen=True, kw_only=True)
class ColumnMap:
    """The user's description of a file: the heading of each column by its content, and settings that no column states.

    `zones` translates names of parts in the file into zones of the twin; `dates` says whether day or month comes first;
    `header` is the number of the row with the headings, and `sheet` the name of its sheet.
    """

    headings: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    dates: days.Order | None = None
    zones: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""
    header: int | None = None

    def is_of(self, sheet: WorkbookSheet) -> bool:
        """Return whether a sheet is the one that the map names, if it names any; a CSV file always is."""
        return self.sheet in ("", sheet.name) or not sheet.name


@dataclass(frozen=True, kw_only=True)
class Header:
    """The row of a sheet that names its columns: their content and index, the units in headings, and surveys.

    `surveys` are columns with a day as their heading, which hold the readings of that day.
    """

    sheet: WorkbookSheet
    row: int
    columns: Mapping[str, int]
    headings: Mapping[int, str]
    units: Mapping[int, str]
    surveys: Mapping[int, Value]


def unit_of(text: str) -> str:
    """Return the name that records use for a unit of thickness; empty if the unit is unknown."""
    name = text.strip().lower().rstrip(".")
    name = "mm" if name.startswith("millim") else _UNITS.get(name, name)
    return name if name in UNITS_MM else ""


def given_unit(unit: str) -> str:
    """Return the name that records use for a caller's unit of thickness; empty if the caller states none.

    Raises
    ------
    InputError
        It is not a unit of thickness.
    """
    if unit and not unit_of(unit):
        raise InputError(f"`unit` {unit:.60}: give mm, inch or mil")
    return unit_of(unit)


def read_map(path: Path, usual: Usual = USUAL) -> ColumnMap:
    """Read a column map: JSON with the heading of each column by its content (a key of `usual`), and `_SETTINGS`.

    Raises
    ------
    InputError
        The file cannot be read, or has an unknown key or a wrong value.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f'{path}: give a JSON object, such as {{"place": "TML", "value": "Reading", "unit": "inch"}}')
    if unknown := sorted(set(content) - {*usual, *_SETTINGS}):
        raise InputError(f"{path}: unknown key {unknown[0]!r}; choose from {', '.join((*usual, *_SETTINGS))}")
    headings = {name: _text(path, name, content[name]) for name in usual if name in content and name not in _SETTINGS}
    unit = _text(path, "unit", content.get("unit", ""))
    if unit and not unit_of(unit):  # the heading of a column of units
        headings["unit"] = unit
    dates = content.get("dates")
    if dates not in (None, "day", "month"):
        raise InputError(f"{path}: dates {dates!r:.40}: give day or month, whichever comes first")
    zones = content.get("zones", {})
    if not isinstance(zones, dict) or not all(isinstance(zone, str) for zone in zones.values()):
        raise InputError(f'{path}: zones: give a JSON object, such as {{"Elbow": "elbow-1"}}')
    translated: dict[str, str] = {}
    for name, zone in zones.items():
        if translated.setdefault(canonical(name), zone) != zone or not canonical(name):
            raise InputError(
                f"{path}: zones: {name!r:.40} is empty or, without case and punctuation, equals another name; rename it"
            )
    header = content.get("header")
    if header is not None and (not isinstance(header, int) or isinstance(header, bool) or header < 1):
        raise InputError(f"{path}: header {header!r:.40}: give the number of the row with the headings")
    return ColumnMap(
        headings={name: heading for name, heading in headings.items() if name != "unit" or not unit_of(heading)},
        unit=unit_of(unit), dates=dates, zones=translated,
        sheet=_text(path, "sheet", content.get("sheet", "")), header=header,
    )  # fmt: skip


def _text(path: Path, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{path}: {name} {value!r:.40}: give text")
    return value


def canonical(text: str) -> str:
    """Return a heading without case, units in brackets and punctuation."""
    return " ".join(re.sub(r"[\W_]+", " ", IN_HEADING.sub(" ", f" {text}".casefold())).split())


def _folded(heading: str) -> str:
    """Return a heading on one line and without case, for comparison with a map."""
    return " ".join(heading.split()).casefold()


def header_of(sheet: WorkbookSheet, given: ColumnMap, usual: Usual = USUAL) -> Header | None:
    """Return the row that names the columns of a sheet; None if no row has enough known headings.

    Raises
    ------
    InputError
        The row that the map states is empty, a row has too many columns, or two columns have headings for the same
        content.
    """
    if given.header is not None:
        rows = [row for row in sheet.rows if row.number == given.header]
        if not rows:
            raise InputError(f"{sheet.where(given.header)}: is empty; give the row with the headings")
        return _header(sheet, rows[0].number, rows[0].cells, given, usual)
    best, most_known = None, _FEWEST - 1
    for row in sheet.rows[:30]:
        if len(row.cells) > MOST_COLUMNS:
            raise InputError(
                f"{sheet.where(row.number)}: {len(row.cells)} columns, over {MOST_COLUMNS}; remove the unused ones"
            )
        known_columns = _known(row.cells, given, usual)
        count = len(known_columns) + sum(_is_survey(cell) for cell in row.cells if cell is not None) * bool(
            known_columns
        )
        if known_columns and count > most_known:
            best, most_known = row, count
    return None if best is None else _header(sheet, best.number, best.cells, given, usual)


def _known(cells: Sequence[Value], given: ColumnMap, headings: Usual) -> dict[int, str]:
    """Return the content of known columns, by index."""
    from_map = {_folded(heading): name for name, heading in given.headings.items()}
    stated = {*given.headings, *(["unit"] if given.unit else [])}  # by the map, instead of usual headings
    usual = {heading: name for name, aliases in headings.items() if name not in stated for heading in aliases}
    known = {}
    for index, cell in enumerate(cells):
        if isinstance(cell, str):
            name = from_map.get(_folded(cell)) or usual.get(canonical(cell))
            if name is not None:
                known[index] = name
    return known


def _header(sheet: WorkbookSheet, row: int, cells: Sequence[Value], given: ColumnMap, usual: Usual) -> Header:
    contents = _known(cells, given, usual)
    headings = {index: str(cell) for index, cell in enumerate(cells) if cell is not None}
    columns: dict[str, int] = {}
    for index, name in contents.items():
        if (other := columns.setdefault(name, index)) != index:
            raise InputError(
                f"{sheet.where(row)}: columns {headings[other]!r} and {headings[index]!r} could both be the {name}; "
                f'say which in a column map: {{"{name}": "..."}}'
            )
    return Header(
        sheet=sheet,
        row=row,
        columns=columns,
        headings=headings,
        units={index: unit for index, heading in headings.items() if (unit := _unit_in(heading))},
        surveys={
            index: _without_unit(cell) for index, cell in enumerate(cells) if index not in contents and _is_survey(cell)
        },
    )


def _unit_in(heading: str) -> str:
    match = IN_HEADING.search(f" {heading}".casefold())
    return unit_of(match[1] or match[2]) if match else ""


def _without_unit(cell: Value) -> Value:
    return IN_HEADING.sub("", cell).strip() if isinstance(cell, str) else cell


def _is_survey(cell: Value) -> bool:
    """Return whether a heading is a day in any format, with or without a unit."""
    try:
        days.day_of(_without_unit(cell), None)
    except ValueError:
        return False
    except days.AmbiguousDayError:
        return True
    return True


def names(listed: Iterable[object]) -> str:
    """Return the first names of a list, quoted, with long ones cut."""
    return first_of([repr(str(name))[:40] for name in listed], 8)


def headers_in(path: Path, given: ColumnMap, usual: Usual) -> list[Header]:
    """Return the header of each sheet of a file that has one.

    Raises
    ------
    InputError
        The file cannot be read, or the map names a heading that no sheet has.
    """
    headers = [header for sheet in sheets.read(path) if (header := header_of(sheet, given, usual)) is not None]
    check_map(path, headers, given)
    return headers


def check_map(path: Path, headers: Iterable[Header], given: ColumnMap) -> None:
    """Raise InputError if a map names a heading that no sheet has.

    Raises
    ------
    InputError
        The map names such a heading.
    """
    known_headings = {_folded(heading) for header in headers for heading in header.headings.values()}
    for name, heading in given.headings.items():
        if _folded(heading) not in known_headings:
            raise InputError(f"{path}: no column {heading!r:.60}, which the column map gives for {name}")


def described(header: Header) -> list[str]:
    """Return a line on each used column."""
    name = f"sheet {header.sheet.name!r}: " if header.sheet.name else ""
    lines = [
        f"{name}{content} from {header.headings[index]!r}"
        + (f" ({header.units[index]})" if index in header.units else "")
        for content, index in header.columns.items()
    ]
    if header.surveys and "date" not in header.columns:
        lines.append(f"{name}surveys from {names(header.headings[index] for index in header.surveys)}")
    return lines


def unused(header: Header) -> list[str]:
    """Return a line on the unused columns; no line if all are used."""
    name = f"sheet {header.sheet.name!r}: " if header.sheet.name else ""
    ignored = [
        heading
        for index, heading in header.headings.items()
        if index not in header.columns.values() and index not in header.surveys
    ]
    return [f"{name}not used: {names(ignored)}"] if ignored else []
