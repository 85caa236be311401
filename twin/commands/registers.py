"""``corrotwin twin register`` and ``sections``: the CML of a twin, and a pipeline as coarse sections."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from corrotwin.twin.commands.forecasts import warn
from corrotwin.twin.core.console import progress, rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, printable, quoted, say, say_next

if TYPE_CHECKING:
    from corrotwin.twin.inspection.register import Cml, Register
    from corrotwin.twin.workbooks.register_file import RegisterChange

_SHOWN = 20  # CML that a dry run prints


def register(
    folder: Positional[Path],
    file: Positional[Path | None] = None,
    column_map: Annotated[Path | None, arg(name="map")] = None,
    asset: str = "",
    unit: str = "",
    dry_run: bool = False,
) -> None:
    """Import the register of condition monitoring locations (CML), or list it.

    Once a twin has a register, readings of unknown places are refused, each reading takes the zone and position of
    its CML, and forecasts use the required thickness of each CML.

    Example: corrotwin twin register spool cmls.xlsx --unit inch --dry-run

    Parameters
    ----------
    folder
        folder of the twin.
    file
        workbook or CSV file with a row for each CML: its id, its zone or x, y, z (in metres) or u, v;
        optionally nominal and required thickness, circuit, kind (straight, bend, injection point, dead leg,
        support ...) and formerly (its old names). Rows are added to the register, or replace the CML of the
        same id. Without a file the register is listed.
    column_map
        JSON file that says which column holds what, for unusual headings: {"place": "Loc.", "required":
        "T-ret", "zones": {"Elbow": "elbow-1"}, "sheet": "CML", "header": 4}.
    asset
        name of this twin's asset in the file.
    unit
        unit of thicknesses whose headings do not state one: mm, inch or mil.
    dry_run
        print what would be stored, and stop.
    """
    from corrotwin.twin import store
    from corrotwin.twin.inspection import log
    from corrotwin.twin.inspection import register as registers
    from corrotwin.twin.workbooks.columns import ColumnMap, read_map, unit_of
    from corrotwin.twin.workbooks.register_file import COLUMNS, read_file

    twin = store.read(folder)
    if file is None:
        if column_map is not None or asset or unit or dry_run:
            raise InputError("register: --map, --asset, --unit and --dry-run require a file")
        _list(list(registers.read(folder).cmls.values()), twin.id)
        return
    if unit and not unit_of(unit):
        raise InputError(f"--unit {unit}: give mm, inch or mil")
    listed = log.read_log(folder)
    warn(listed.note)
    given = ColumnMap() if column_map is None else read_map(column_map, COLUMNS)

    def changed(before: "Register") -> "RegisterChange":
        return read_file(
            file, given, before, twin, list(listed.in_force.values()), unit=unit_of(unit), asset_name=asset
        )  # fmt: skip

    change = changed(registers.read(folder))
    for line in (*change.columns, *change.notes):
        say(printable(line))
    said = f"{counted(len(change.new), 'new CML')}, {len(change.changed)} changed, {len(change.register.cmls)} in all"
    if dry_run:
        _list([*change.new, *change.changed][:_SHOWN], twin.id)
        say(f"{said}; nothing was stored")
        return
    if change.new or change.changed:
        registers.update(folder, lambda before: changed(before).register)  # which may have changed meanwhile
    say(f"{said}; corrotwin twin register {quoted(folder)} lists them")


def sections(
    file: Positional[Path],
    out: Positional[Path],
    column_map: Annotated[Path | None, arg(name="map")] = None,
    unit: Literal["", "mm", "inch"] = "",
    dry_run: bool = False,
) -> None:
    """Create twins of the sections of a buried pipeline from one table, without a mesh.

    twin inspect assigns readings to the twin of their section; twin fleet ranks the sections.

    Example: corrotwin twin sections line.csv line-7, and then: corrotwin twin fleet line-7

    Parameters
    ----------
    file
        workbook or CSV file with a row for each section: section, from km, to km, od, wall, built, soil
        (natural, polluted, aggressive, fill or aggressive_fill, by EN 1993-5); optionally required thickness,
        coating life in years, after which the soil acts, and inside: what corrodes the bore, written as for
        twin new --mechanism.
    out
        folder for the twins, one subfolder for each section; existing sections are not changed.
    column_map
        JSON file that says which column holds what, for unusual headings.
    unit
        unit of diameters and thicknesses whose headings do not state one.
    dry_run
        print what would be created, and stop.
    """
    from corrotwin.twin.fleets.sections import COLUMNS, read_sections, write_sections
    from corrotwin.twin.workbooks.columns import ColumnMap, read_map

    given = ColumnMap() if column_map is None else read_map(column_map, COLUMNS)
    sections = read_sections(file, given, unit)
    length = sum(section.to_km - section.from_km for section in sections)
    summary = f"{counted(len(sections), 'section')} of {length:.6g} km"
    if dry_run:
        for section in sections[:_SHOWN]:
            pipe = section.twin.parameters
            say(
                f"{printable(section.name)}: {section.from_km:g} to {section.to_km:g} km, {pipe['od_mm']:g} x "
                f"{pipe['wall_mm']:g} mm, since {section.twin.built:%Y-%m-%d}"
            )
        say(f"{summary}; nothing was created")
        return
    with progress("sections", len(sections), unit="twins", to=out) as line:
        new = write_sections(out, sections, on_twin=line.advance)
    say(f"{summary}, {new} new in {out}")
    say_next("twin", "fleet", out)


def _list(cmls: "list[Cml]", of: str) -> None:
    from rich.table import Table

    if not cmls:
        say(f"{printable(of)}: no CML; corrotwin twin register imports them from a file")
        return
    table = Table(title=f"{printable(of)}: {counted(len(cmls), 'CML')}")
    for name in ("CML", "zone", "u, v", "nominal mm", "required mm", "circuit", "kind", "formerly"):
        table.add_column(name, justify="right" if name.endswith("mm") else "left", overflow="fold")
    for cml in cmls:
        at = "" if cml.uv is None else f"{cml.uv[0]:.3f}, {cml.uv[1]:.3f}"
        walls = ("" if value is None else f"{value:.4g}" for value in (cml.nominal_mm, cml.required_mm))
        cells = (cml.id, cml.zone, at, *walls, cml.circuit, cml.kind, ", ".join(cml.formerly))
        table.add_row(*map(printable, cells))
    rich_console().print(table)
