"""``corrotwin twin fleet`` and ``report``: many twins ranked, and a twin as a page or a workbook."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from corrotwin.twin.commands.forecasts import read_required
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.console import progress, rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import check_writable, writing
from corrotwin.twin.core.text import counted, printable, say

if TYPE_CHECKING:
    from corrotwin.twin.fleets.fleet import FleetMember
    from corrotwin.twin.fleets.pages import TwinHistory

_SHOWN = 20  # rows on a terminal
_FAILED = 1  # status where something of some twin could not be said


def fleet(
    folder: Positional[Path],
    years: float = 10.0,
    required: tuple[str, ...] = (),
    rule: Literal["api510", "api570-class1", "api570-class2", "api570-class3"] = "api510",
    consequence: Path | None = None,
    html: Path | None = None,
    out: tuple[Path, ...] = (),
    units: Literal["mm", "inch"] = "mm",
    category_measured: bool = False,
    seed: int = 0,
) -> int:
    """Rank the twins in a folder by the chance that some place is thinner than required.

    Results are cached in each twin's folder, so that next time only twins with new readings are computed again.

    Example: corrotwin twin fleet unit-100 --required all=5 --consequence costs.csv --html out/unit-100 --out
    unit-100.xlsx

    Parameters
    ----------
    folder
        folder that holds the folders of twins, at any depth.
    years
        years to look ahead.
    required
        thickness in mm that must remain, as zone=mm; all=mm sets it for zones that are not named. If a twin's
        register requires more of a zone, that applies.
    rule
        inspection code that limits the interval between thickness measurements.
    html
        folder for index.html and one page for each twin.
    out
        tables to write: .csv with a row for each twin, or .xlsx, which also lists all CML, the most urgent
        first.
    units
        unit of thicknesses.

    Other Parameters
    ----------------
    consequence
        workbook or CSV file with the columns twin and consequence (a number, such as 1 to 5, or a cost), by
        which the chance is multiplied. A twin that is missing from it gets the greatest consequence.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226) rather than estimated.
    seed
        random seed of the simulated histories.
    """
    from corrotwin.twin.fleets import fleet as fleets
    from corrotwin.twin.fleets import making, pages, sheets_out
    from corrotwin.twin.fleets.units import UNITS

    settings = making.OutlookSettings.of(
        years, read_required(required), rule, category_measured=category_measured, seed=seed
    )
    given = None if consequence is None else fleets.consequences(consequence)
    for path in out:
        sheets_out.check(path)
    if html is not None:
        with writing(html, "choose another folder"):
            check_writable(html)
    forecasts: list[FleetMember] = []
    twins = fleets.twins_in(folder)
    making.check_zones(twins, settings)
    if given is not None:
        fleets.check_consequences(folder, twins, given)
    with progress("forecasting", len(twins), unit="twins", to=html or next(iter(out), None)) as line:
        for member in fleets.members(folder, twins, settings, workers=available_cores()):
            forecasts.append(member)
            line.advance()
    if given is not None:
        forecasts = fleets.with_consequences(forecasts, given)
    ranked, unit = fleets.ranked(forecasts), UNITS[units]
    _show(ranked, years)
    if out:
        outlooks = [(member.name, member.outlook) for member in ranked if member.outlook is not None]
        rows = [(name, row) for name, outlook in outlooks for row in outlook.cmls if row["place"]]
        tables = [
            sheets_out.fleet_sheet(ranked, unit, years),
            sheets_out.places_sheet(fleets.measure_next(ranked, max(len(rows), 1)), unit),
            sheets_out.rows_sheet("CML", rows, unit),
        ]
        for path in out:
            sheets_out.write(path, tables)
            say(f"{path}: written")
    if html is not None:
        with writing(html):
            histories = {member.name: _history(member.folder) for member in ranked if member.outlook is not None}
            index = pages.write_fleet(html, ranked, unit, years, histories)
        say(f"{index}: written; open it in a browser")
    for member in ranked:
        if member.outlook is None:
            say(printable(f"{member.name}: no forecast: {member.error}"))
        elif member.risk is None:
            say(
                printable(f"{member.name}: no required thickness; give --required, or a register of CML that states it")
            )
    return _FAILED if any(member.risk is None for member in ranked) else 0


def report(
    folder: Positional[Path],
    out: Path | None = None,
    years: float = 10.0,
    required: tuple[str, ...] = (),
    rule: Literal["api510", "api570-class1", "api570-class2", "api570-class3"] = "api510",
    units: Literal["mm", "inch"] = "mm",
    category_measured: bool = False,
    seed: int = 0,
) -> None:
    """Write a report about a twin, as a page or a workbook: actions and dates, zones, CML, readings.

    Example: corrotwin twin report spool --out spool.html

    Parameters
    ----------
    folder
        folder of the twin.
    out
        .html for a page; .xlsx for a workbook of readings, CML and zones, which twin inspect --readings and
        twin register accept; by default the folder's name with .html, in the current folder.
    years
        years to look ahead.
    required
        thickness in mm that must remain, as zone=mm; the requirements in the twin's register of CML apply as
        well.
    rule
        inspection code that limits the interval between thickness measurements.
    units
        unit of thicknesses.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226) rather than estimated.
    seed
        random seed of the simulated histories.
    """
    from corrotwin.twin.fleets import making, pages, sheets_out
    from corrotwin.twin.fleets.units import UNITS
    from corrotwin.twin.inspection import register as registers

    out = Path(f"{folder.absolute().name}.html") if out is None else out
    if out.suffix not in (".html", ".xlsx"):
        raise InputError(f"{out}: a report is a page or a workbook; end its name in .html or .xlsx")
    settings = making.OutlookSettings.of(
        years, read_required(required), rule, category_measured=category_measured, seed=seed
    )
    making.check_zones([folder], settings)
    with progress("forecasting", to=out):
        outlook = making.outlook_of(folder, settings)
    unit, history = UNITS[units], _history(folder)
    if out.suffix == ".html":
        with writing(out):
            called = folder.absolute().name
            name = called if called == outlook.id else f"{called} ({outlook.id})"
            pages.write_twin(out, outlook, history, unit, name=name)
    else:
        sheets_out.write(
            out,
            [
                sheets_out.readings_sheet(history.records, unit),
                sheets_out.register_sheet(registers.read(folder), unit),
                sheets_out.rows_sheet("Zones", [("", row) for row in outlook.zones], unit),
                sheets_out.rows_sheet("Both answers", [("", row) for row in outlook.cmls], unit),
            ],
        )
    say(f"{out}: written")


def _history(folder: Path) -> "TwinHistory":
    from corrotwin.twin.fleets.pages import TwinHistory
    from corrotwin.twin.inspection import log

    listed = log.read_log(folder)
    return TwinHistory(records=log.read(folder, listed=listed)[0], events=tuple(listed.events_in_force.values()))


def _show(ranked: "Sequence[FleetMember]", years: float) -> None:
    """Print the first rows of the table."""
    from rich.table import Table

    from corrotwin.twin.fleets.fleet import NEXT, measure_next
    from corrotwin.twin.fleets.pages import due_text, life_text, percent

    days = sorted({member.outlook.now for member in ranked if member.outlook is not None})
    since = f", forecast from {' to '.join(dict.fromkeys((days[0], days[-1])))}" if days else ""
    table = Table(title=f"{counted(len(ranked), 'twin')} ranked by risk{since}")
    for name in ("twin", "weakest zone, worst CML"):
        table.add_column(name, overflow="fold")
    for name in ("below now", f"in {years:g} years", "risk", "life P5 y", "measure by"):
        table.add_column(name, justify="right", no_wrap=name == "measure by")
    for member in ranked[:_SHOWN]:
        seen = member.outlook
        if seen is None:
            table.add_row(printable(member.name), "no forecast, see below", *[""] * 5)
            continue
        worst = "" if seen.worst_cml is None else f", {seen.worst_cml['place']}"
        risk = "" if member.consequence is None or member.risk is None else f"{member.risk:.3g}"
        table.add_row(
            printable(member.name), printable(f"{seen.weakest}{worst}"), percent(seen.chance()),
            percent(seen.chance(at_end=True)), risk, life_text(seen.life_p5, seen.ahead_years),
            due_text(seen.measure_by),
        )  # fmt: skip
    rich_console().print(table)
    for member in ranked[:_SHOWN]:
        if (seen := member.outlook) and seen.measure_by and seen.undated:
            say(printable(f"{member.name}: no date can be given for {seen.undated}; the date above is for other zones"))
    if places := measure_next(ranked, NEXT):
        listed = "; ".join(f"{place.twin} {place.cml} ({percent(place.chance)})" for place in places)
        say(f"measure next (least certain whether they will be too thin): {printable(listed)}")
    if len(ranked) > _SHOWN:
        say(f"and {len(ranked) - _SHOWN} more; --html or --out lists all")
