"""Pages of a fleet and of its twins: plain HTML that browsers show and print offline."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from corrotwin.twin.core.files import digest
from corrotwin.twin.fleets.fleet import NEXT, FleetMember, measure_next
from corrotwin.twin.fleets.outlook import Cell, TwinOutlook, life_of
from corrotwin.twin.fleets.units import ThicknessUnit
from corrotwin.twin.forecast.result import ahead_of
from corrotwin.twin.inspection.events import Event, is_removed
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.pages.rendering import write_page

REMOVED = "*"  # follows readings of steel that was replaced later
_MOST_SURVEYS = 12  # columns of the table of readings, for the latest surveys


@dataclass(frozen=True, kw_only=True)
class SurveyTable:
    """Readings with a row per place and a column per survey; `left_out` counts earlier surveys.

    Readings of steel that was replaced later end in `REMOVED`; `has_removed` is True if there are any.
    """

    days: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    left_out: int
    has_removed: bool


@dataclass(frozen=True, kw_only=True)
class TwinHistory:
    """The `records` in force of a twin, oldest first, and the `events` that changed it."""

    records: Sequence[Record] = ()
    events: Sequence[Event] = ()


def page_name(member: str) -> str:
    """Return the file name of a twin's page, which is unique in its fleet.

    A digest distinguishes names that differ only in characters that are replaced or cut off.
    """
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '-', member)[:60].strip('.-')}-{digest(member)[:8]}.html"


def write_fleet(
    out: Path, fleet: Sequence[FleetMember], unit: ThicknessUnit, years: float, history: Mapping[str, TwinHistory]
) -> Path:
    """Write index.html with a row per twin, and a page for each twin below ``twins``; return the path of index.html.

    Parameters
    ----------
    out : folder of the pages.
    fleet : twins in the order of the table.
    unit, years : unit of thicknesses, and years of the forecast.
    history : records and events by the name of the twin.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    pages = out / "twins"
    pages.mkdir(parents=True, exist_ok=True)
    for member in fleet:
        if member.outlook is not None:
            write_twin(
                pages / page_name(member.name), member.outlook, history.get(member.name, TwinHistory()), unit,
                name=member.name, up="../index.html",
            )  # fmt: skip
    index = out / "index.html"
    write_page(
        index, Path(__file__).parent / "fleet.html.j2", title="Twins ranked by risk", fleet=fleet,
        places=measure_next(fleet, NEXT), unit=unit, years=years,
        life_text=partial(life_text, ahead_years=ahead_of(years)), percent=percent, life_of=life_of, href=_href,
        due_text=due_text, has_consequence=any(member.consequence is not None for member in fleet),
    )  # fmt: skip
    return index


def write_twin(
    path: Path, outlook: TwinOutlook, history: TwinHistory, unit: ThicknessUnit, *, name: str, up: str = ""
) -> None:
    """Write the page of a twin.

    Parameters
    ----------
    path : file of the page.
    outlook : outlook of the twin.
    history : records and events of the twin.
    unit : unit of thicknesses.
    name : name of the twin, for the title.
    up : link to the page of the fleet; empty for none.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_page(
        path, Path(__file__).parent / "twin.html.j2", title=name, name=name, outlook=outlook, unit=unit, up=up,
        surveys=survey_table(history, unit), percent=percent, due_text=due_text,
        life_text=partial(life_text, ahead_years=outlook.ahead_years),
        through_paint=any(record.thick_bias_mm for record in history.records),
        others=[
            (record, REMOVED if is_removed(record, history.events) else "")
            for record in history.records
            if record.kind != "ultrasonic"
        ],
    )  # fmt: skip


def survey_table(history: TwinHistory, unit: ThicknessUnit) -> SurveyTable:
    """Return a table of steel thickness: a row per place, a column per survey, and the least reading of each day."""
    read = [record for record in history.records if record.kind == "ultrasonic"]
    days = sorted({record.date for record in read})
    shown = days[-_MOST_SURVEYS:]
    places = dict.fromkeys((record.zone, record.place) for record in read)
    least: dict[tuple[str, str, str], float] = {}
    for record in read:
        key = (record.zone, record.place, record.date)
        least[key] = min(least.get(key, math.inf), max(record.read_mm, 0.0))
    removed = {(record.zone, record.place, record.date) for record in read if is_removed(record, history.events)}
    marked = {key: unit.text(mm) + (REMOVED if key in removed else "") for key, mm in least.items()}
    rows = tuple(
        (zone, place or "unnamed", tuple(marked.get((zone, place, day), unit.text(None)) for day in shown))
        for zone, place in places
    )
    has_removed = any(day in shown for _, _, day in removed)
    return SurveyTable(days=tuple(shown), rows=rows, left_out=len(days) - len(shown), has_removed=has_removed)


def life_text(years: Cell, ahead_years: float) -> str:
    """Return a remaining life in years as text; `ahead_years` are the years examined for its end."""
    if years is None:
        return "no date"
    value = float(years)
    return f"beyond {ahead_years:.3g}" if math.isinf(value) else f"{value:.1f}"


def percent(chance: Cell) -> str:
    """Return a chance as a percentage in text; a small one is never rounded to 0."""
    if chance is None:
        return "–"
    value = 100 * float(chance)
    return "< 0.1 %" if 0 < value < 0.1 else f"{value:.1f} %"


def due_text(day: str) -> str:
    """Return the text of a due date, marked if it has passed."""
    passed = day and day < datetime.now(UTC).date().isoformat()
    return f"{day} (overdue)" if passed else day or "no date"


def _href(name: str) -> str:
    return f"twins/{page_name(name)}"
