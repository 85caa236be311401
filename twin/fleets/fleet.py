"""Fleet of the twins below a folder, each with its outlook, ranked by urgency."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corrotwin.twin import store
from corrotwin.twin.core import files
from corrotwin.twin.core.arguments import checked
from corrotwin.twin.core.errors import InputError, WorkError, as_read
from corrotwin.twin.core.machine import by_completion
from corrotwin.twin.core.text import first_of
from corrotwin.twin.fleets import making
from corrotwin.twin.fleets.making import OutlookSettings
from corrotwin.twin.fleets.outlook import Cell, TwinOutlook, life_of
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import filled_rows, key_of, ungrouped_number_of
from corrotwin.twin.workbooks.columns import ColumnMap, Usual, headers_in

NEXT = 10  # places to measure that the page shows
_IN_PARALLEL = 3  # least number of outlooks that justifies starting processes
# Columns of a table with the consequence of failure of each twin, and their usual headings.
COLUMNS: Usual = {
    "twin": ("twin", "asset", "asset id", "equipment", "name", "id"),
    "consequence": ("consequence", "consequence of failure", "cof", "criticality", "severity", "cost"),
}


@dataclass(frozen=True, kw_only=True)
class FleetMember:
    """A twin of a fleet.

    Parameters
    ----------
    name : path of its folder, relative to that of the fleet.
    folder : folder of the twin.
    outlook : its outlook; None if it cannot be made.
    error : why it cannot be made; else empty.
    consequence : consequence of its failure, as the user states it; None if no table is given.
    assumed : True if the table does not have the twin, so that the greatest consequence of the table is assumed.
    """

    name: str
    folder: Path
    outlook: TwinOutlook | None = None
    error: str = ""
    consequence: float | None = None
    assumed: bool = False

    @property
    def chance(self) -> float:
        """Chance that some place is thinner than required at the end of the years; NaN if unknown."""
        chance = None if self.outlook is None else self.outlook.chance(at_end=True)
        return math.nan if chance is None else chance

    @property
    def risk(self) -> float | None:
        """The chance, multiplied by the consequence if there is one; None if unknown."""
        if math.isnan(self.chance):
            return None
        return self.chance if self.consequence is None else self.chance * self.consequence


@dataclass(frozen=True, kw_only=True)
class PlaceToMeasure:
    """A CML whose measurement would be most informative: its twin, zone and name.

    `chance` is the chance that it is thinner than required at the end of the years; `life_years` is the life by the
    codes or the P5 by the twin, whichever is shorter; `least_mm` is its least reading; `measure_by` is the date by the
    codes, empty if they give none.
    """

    twin: str
    zone: str
    cml: str
    chance: float
    life_years: float
    least_mm: float | None
    measure_by: str


def _place(twin: str, row: Mapping[str, Cell]) -> PlaceToMeasure:
    least = row["least_read_mm"]
    return PlaceToMeasure(
        twin=twin, zone=str(row["zone"]), cml=str(row["place"]), chance=float(row["chance_below_required"] or 0.0),
        life_years=life_of(row), least_mm=None if least is None else float(least),
        measure_by=str(row["api_measure_by"] or ""),
    )  # fmt: skip


def _is_too_thin(row: Mapping[str, Cell]) -> bool:
    least, required = row["least_read_mm"], row["required_mm"]
    return least is not None and required is not None and float(least) <= float(required)


@checked(fleet="ct.fleet(folder)")
def measure_next(fleet: Sequence[FleetMember], count: int) -> list[PlaceToMeasure]:
    """Return the CML of a fleet that should be measured next, the most uncertain first.

    Uncertainty is p (1 - p), where p is the probability of being thinner than required at the end of the years. CML
    whose least reading is already at or below the required thickness are left out, since they need a decision, not a
    measurement; so are those that were never measured, which the tasks of a fleet name.

    Parameters
    ----------
    fleet : twins with their outlooks, as `corrotwin.fleet` returns them.
    count : greatest number of CML to return, at least 1.

    Raises
    ------
    InputError
        The count is below 1.
    """
    if count < 1:
        raise InputError(f"`count` {count}: give at least 1")
    places = [
        _place(member.name, row)
        for member in fleet
        if member.outlook is not None
        for row in member.outlook.cmls
        if row["place"] and row["chance_below_required"] is not None and not _is_too_thin(row)
    ]

    def order(place: PlaceToMeasure) -> tuple[float, float, str, str]:
        return -place.chance * (1 - place.chance), place.life_years, place.twin, place.cml

    return sorted(places, key=order)[:count]


def twins_in(folder: Path) -> list[Path]:
    """Return the folders of the twins below a folder, sorted by path; hidden folders are ignored.

    Raises
    ------
    InputError
        There is no such folder, it has no twin below it, or it is a twin itself.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found; give the folder that contains the twins")
    if store.is_twin(folder):
        raise InputError(f"{folder}: is a single twin; give the folder that contains it, or use corrotwin twin report")
    paths = {
        *(path for path in files.below(folder) if path.name == "twin.json"),
        *folder.glob("*/twin.json"),
    }  # `glob` follows links to folders
    twins = sorted(
        path.parent for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not twins:
        raise InputError(f"{folder}: contains no twin; create one with corrotwin twin new")
    return twins


def members(folder: Path, found: Sequence[Path], settings: OutlookSettings, *, workers: int) -> Iterator[FleetMember]:
    """Yield twins with their outlooks as these are made; a twin that fails has an error and does not stop the others.

    Parameters
    ----------
    folder : folder of the fleet.
    found : folders of its twins, as returned by `twins_in`.
    settings : settings of each outlook.
    workers : number of processes that make outlooks; 1 for the current process.

    Raises
    ------
    InputError
        `workers` is below 1.
    WorkError
        A process that made an outlook was killed.
    """
    if workers < 1:
        raise InputError(f"`workers` {workers}: give at least 1")
    uncached = []
    for path in found:
        if (cached := making.cached_outlook_of(path, settings)) is None:
            uncached.append(path)
        else:
            yield FleetMember(name=_name(folder, path), folder=path, outlook=cached)
    workers = min(workers, len(uncached))
    if workers < 2 or len(uncached) < _IN_PARALLEL:
        for path in uncached:
            yield _member(folder, path, settings)
        return
    try:
        for _, member in by_completion(_member, {path: (folder, path, settings) for path in uncached}, workers):
            yield member
    except WorkError as error:
        raise WorkError(f"{folder}: {error}") from error


def _member(fleet: Path, folder: Path, settings: OutlookSettings) -> FleetMember:
    name = _name(fleet, folder)
    try:
        return FleetMember(name=name, folder=folder, outlook=making.outlook_of(folder, settings))
    except InputError as error:
        return FleetMember(name=name, folder=folder, error=as_read(error))


def _name(fleet: Path, folder: Path) -> str:
    return str(folder.relative_to(fleet))


def consequences(path: Path) -> dict[str, float]:
    """Return the consequence of failure of each twin by name, from a workbook or a CSV file.

    Raises
    ------
    InputError
        The file cannot be read, has no columns twin and consequence, or a row is wrong.
    """
    chosen = [header for header in headers_in(path, ColumnMap(), COLUMNS) if set(COLUMNS) <= set(header.columns)]
    if len(chosen) != 1:
        raise InputError(f"{path}: must have exactly one sheet with the columns twin and consequence")
    header, by_name = chosen[0], dict[str, float]()
    sheets.check(header.sheet, header.row)
    for row, cells in filled_rows(header):
        if set(cells) != set(COLUMNS):
            raise InputError(f"{header.sheet.where(row)}: give both twin and consequence")
        name, value = key_of(cells["twin"].value), ungrouped_number_of(cells["consequence"], ".,")
        if name in by_name:
            raise InputError(f"{cells['twin'].where}: {name!r:.60} is in two rows; keep one")
        _check_value(cells["consequence"].where, value)
        by_name[name] = value
    if not by_name:
        raise InputError(f"{path}: lists no twin; add a row for each twin")
    return by_name


def check_consequences(folder: Path, twins: Iterable[Path], given: Mapping[str, float]) -> None:
    """Raise InputError if a consequence is impossible or names no twin of a fleet, before any forecast is made.

    Raises
    ------
    InputError
        The fleet lacks a named twin, or a consequence is not a number of at least 0.
    """
    for name, value in given.items():
        _check_value(f"`consequence` of {name!r:.60}", value)
    names = {_name(folder, path) for path in twins}
    if unknown := sorted(set(given) - names):
        raise InputError(
            f"`consequence`: not in the fleet: {first_of(unknown)}; its twins are {first_of(sorted(names), 8)}"
        )


def _check_value(where: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise InputError(f"{where}: {value:g}: give a number of at least 0")


def with_consequences(fleet: Sequence[FleetMember], given: Mapping[str, float]) -> list[FleetMember]:
    """Return the members with their consequences; a missing one is taken as the greatest of all, the safe side."""
    greatest = max(given.values())
    return [
        replace(member, consequence=given.get(member.name, greatest), assumed=member.name not in given)
        for member in fleet
    ]


def ranked(fleet: Sequence[FleetMember]) -> list[FleetMember]:
    """Return the members in the order in which an inspector should look at them.

    Members of unknown risk come first, by name. The others follow by risk (chance below required at the end, times the
    consequence), greatest first; ties are broken by the shorter life, then by the earlier date to measure.
    """

    def order(member: FleetMember) -> tuple[float, float, float, str, str]:
        if member.outlook is None or member.risk is None:
            return (0.0, 0.0, 0.0, "", member.name)
        life = member.outlook.life_p5
        return (
            1.0, -member.risk, -1.0 if life is None else life, member.outlook.measure_by or "0000", member.name
        )  # fmt: skip

    return sorted(fleet, key=order)
