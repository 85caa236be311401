"""Tables of a fleet and of a twin, written as CSV or as sheets of a workbook, with values instead of formulas."""

import datetime
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, writing
from corrotwin.twin.core.text import escape_csv
from corrotwin.twin.fleets.fleet import FleetMember, PlaceToMeasure
from corrotwin.twin.fleets.outlook import Cell, life_of
from corrotwin.twin.fleets.units import ThicknessUnit
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import Register
from corrotwin.twin.workbooks.readings import UNNAMED

_THICKNESSES = {
    "least_left_mm", "mean_loss_mm", "max_loss_mm", "required_mm", "least_read_mm", "left_mm", "nominal_mm",
    "long_term_mm_year", "short_term_mm_year",
}  # fmt: skip
_DAYS = {
    "built", "forecast from", "measure by", "look by", "Date", "date", "last_date", "api_half_life_date",
    "api_measure_by",
}  # fmt: skip
_WIDEST = 60  # characters of the widest column


@dataclass(frozen=True, kw_only=True)
class OutSheet:
    """A table: its name, the names of its columns, and its rows of values."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def fleet_sheet(fleet: Sequence[FleetMember], unit: ThicknessUnit, years: float) -> OutSheet:
    """Return a table with a row per twin, in the order of `fleet`; chances are in percent, lives in years."""
    has_consequence = any(member.consequence is not None for member in fleet)
    columns = (
        "rank", "twin", "kind", "built", "forecast from", "chance below required now, %",
        f"chance below required in {years:g} years, %", *(("consequence", "risk") if has_consequence else ()),
        f"least left P5 now, {unit.name}", "life P5, years", "weakest zone", "worst CML", "its life, years",
        "measure by", "because", "look by", "to do first", "error",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for rank, member in enumerate(fleet, start=1):
        outlook, risk_cells = member.outlook, (member.consequence, member.risk) if has_consequence else ()
        if outlook is None:
            rows.append((rank, member.name, *(None,) * 5, *risk_cells, *(None,) * 9, member.error))
            continue
        worst = outlook.worst_cml
        row: tuple[Cell, ...] = (
                rank, member.name, outlook.kind, outlook.built, outlook.now, _percent(outlook.chance()),
                _percent(outlook.chance(at_end=True)), *risk_cells,
                unit.of(_number(outlook.zone()["least_left_mm_p5"])), outlook.life_p5, outlook.weakest,
                "" if worst is None else f"{worst['zone']} {worst['place']}",
                None if worst is None else life_of(worst), outlook.measure_by, outlook.because, outlook.look_by,
                outlook.tasks[0] if outlook.tasks else "", "",
        )  # fmt: skip
        rows.append(row)
    return OutSheet(name="Fleet", columns=columns, rows=tuple(rows))


def places_sheet(places: Iterable[PlaceToMeasure], unit: ThicknessUnit) -> OutSheet:
    """Return a table with a row per place to measure."""
    columns = (
        "twin",
        "zone",
        "CML",
        "chance below required, %",
        "life, years",
        f"least read, {unit.name}",
        "measure by",
    )
    rows = tuple(
        (
            place.twin,
            place.zone,
            place.cml,
            _percent(place.chance),
            place.life_years,
            unit.of(place.least_mm),
            place.measure_by,
        )
        for place in places
    )
    return OutSheet(name="Measure next", columns=columns, rows=rows)


def rows_sheet(name: str, of: Iterable[tuple[str, Mapping[str, Cell]]], unit: ThicknessUnit) -> OutSheet:
    """Return a table with rows of outlooks, each with the name of its twin; thicknesses are in `unit`."""
    rows: list[dict[str, Cell]] = [{**({"twin": twin} if twin else {}), **_in_unit(row, unit)} for twin, row in of]
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    return OutSheet(
        name=name, columns=columns, rows=tuple(tuple(row.get(column) for column in columns) for row in rows)
    )


def readings_sheet(records: Iterable[Record], unit: ThicknessUnit) -> OutSheet:
    """Return a table with a row per thickness reading, under headings that ``corrotwin twin inspect --readings`` knows.

    Errors are stated only if they differ from the usual ones.
    """
    columns = (
        "CML", "Zone", "Date", f"Thickness ({unit.name})", "Instrument", "Technician", "Calibration", "Procedure",
        "Echo", "Coated", "U", "V", f"Scatter ({unit.name})", f"Bias ({unit.name})",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for record in records:
        if record.kind == "ultrasonic":
            usual = record.usual_errors
            scatter = None if record.scatter_sd == usual["scatter_sd"] else unit.of(record.scatter_sd)
            bias = None if record.bias_sd == usual["bias_sd"] else unit.of(record.bias_sd)
            row: tuple[Cell, ...] = (
                record.place or UNNAMED, record.zone, record.date, unit.of(record.value), record.tool,
                record.technician, record.calibration, record.procedure, record.echo, "yes" if record.coated else "",
                *(record.uv or (None, None)), scatter, bias,
            )  # fmt: skip
            rows.append(row)
    return OutSheet(name="Readings", columns=columns, rows=tuple(rows))


def register_sheet(register: Register, unit: ThicknessUnit) -> OutSheet:
    """Return a table with a row per CML, under headings that ``corrotwin twin register`` knows."""
    columns = (
        "CML", "Zone", "U", "V", f"Nominal ({unit.name})", f"Required ({unit.name})", "Circuit", "Kind", "Formerly",
    )  # fmt: skip
    rows = tuple(
        (
            cml.id, cml.zone, *((None, None) if cml.uv is None else cml.uv), unit.of(cml.nominal_mm),
            unit.of(cml.required_mm), cml.circuit, cml.kind, "; ".join(cml.formerly),
        )
        for cml in register.cmls.values()
    )  # fmt: skip
    return OutSheet(name="CML", columns=columns, rows=rows)


def write(path: Path, sheets: Sequence[OutSheet]) -> None:
    """Write the first table as .csv, or all tables as the sheets of an .xlsx workbook, completely or not at all.

    Raises
    ------
    InputError
        The path has another suffix, or the file cannot be written.
    """
    check(path)
    with writing(path):
        if path.suffix == ".csv":
            tables.write_own(path, sheets[0].columns, ([_csv(cell) for cell in row] for row in sheets[0].rows))
            return
        content = _workbook(sheets)
        with atomic_file(path) as stream:
            stream.write(content)


def check(path: Path) -> None:
    """Raise InputError if a file name ends in neither .csv nor .xlsx."""
    if path.suffix not in (".csv", ".xlsx"):
        raise InputError(f"{path}: a table is CSV or XLSX; end its name in .csv or .xlsx")


def _csv(cell: Cell) -> object:
    return f"{cell:.6g}" if isinstance(cell, float) else escape_csv(cell)


def _workbook(sheets: Sequence[OutSheet]) -> bytes:
    import xlsxwriter

    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(stream, options) as book:
        book.set_properties({"created": datetime.datetime(2000, 1, 1)})  # equal content gives equal files
        heading_format = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        day_format = book.add_format({"num_format": "yyyy-mm-dd"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 1)
            for column, name in enumerate(sheet.columns):
                page.write_string(0, column, name, heading_format)
                cells = [row[column] for row in sheet.rows]
                page.set_column(column, column, min(max([len(str(cell)) for cell in cells] + [9]) + 1, _WIDEST))
                for row, cell in enumerate(cells, start=1):
                    if name in _DAYS and isinstance(cell, str) and (date := _date(cell)) is not None:
                        page.write_datetime(row, column, date, day_format)
                    elif isinstance(cell, str):
                        page.write_string(row, column, cell)
                    elif cell is not None:
                        finite_or_text = cell if math.isfinite(cell) else "beyond"
                        page.write(row, column, finite_or_text)
            if sheet.rows:
                page.autofilter(0, 0, len(sheet.rows), len(sheet.columns) - 1)
    return stream.getvalue()


def _date(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d") if len(text) == 10 else None
    except ValueError:
        return None


def _in_unit(row: Mapping[str, Cell], unit: ThicknessUnit) -> dict[str, Cell]:
    converted: dict[str, Cell] = {}
    for name, value in row.items():
        base_name = name.rpartition("_p")[0] if name.endswith(("_p5", "_p50", "_p95")) else name
        if base_name in _THICKNESSES and unit.name != "mm":
            converted[name.replace("_mm", f"_{unit.name}")] = unit.of(_number(value))
        else:
            converted[name] = value
    return converted


def _number(value: Cell) -> float | None:
    return None if value is None else float(value)


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 6)
