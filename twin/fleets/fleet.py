"""The twins below a folder, each with its outlook, ranked by urgency."""

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

NEXT = 10  # places to measure that are shown
_IN_PARALLEL = 3  # outlooks to make, from which on processes are worth their start
# A table of what the failure of each twin would cost.
COLUMNS: Usual = {
    "twin": ("twin", "asset", "asset id", "equipment", "name", "id"),
    "consequence": ("consequence", "consequence of failure", "cof", "criticality", "severity", "cost"),
}


@dataclass(frozen=True, kw_only=True)
class FleetMember:
    """A twin of a fleet.

    Parameters
    ----------
    name : of its folder, below that of the fleet.
    folder : of the twin.
    outlook : None where it cannot be made.
    error : why; else empty.
    consequence : of its failure, as the user has stated it; None where no table was given.
    assumed : the table does not have it, so that the greatest of the table stands for it.
    """

    name: str
    folder: Path
    outlook: TwinOutlook | None = None
    error: str = ""
    consequence: float | None = None
    assumed: bool = False

    @property
    def chance(self) -> float:
        """Chance that some place is thinner than required at the end of the years; NaN where it is not known."""
        found = None if self.outlook is None else self.outlook.chance(at_end=True)
        return math.nan if found is None else found

    @property
    def risk(self) -> float | None:
        """The chance, times the consequence where there is one; None where it is not known."""
        if math.isnan(self.chance):
            return None
        return self.chance if self.consequence is None else self.chance * self.consequence


@dataclass(frozen=True, kw_only=True)
class PlaceToMeasure:
    """A CML that a measurement would tell most of: its twin, its zone and name.

    `chance` is that of being thinner than required at the end of the years; `life_years` is by the codes or the P5 by
    the twin, whichever is shorter; `least_mm` is its least reading; `measure_by` is by the codes, empty where they give
    no date.
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
    """Return the CML of a fleet that should be measured next.

    First those of which it is least certain whether they will be thinner than required at the end of the years: p (1 -
    p) of the chance p is greatest. CML that read too thin already need no measurement, but a decision.

    Parameters
    ----------
    fleet : its twins with their outlooks, as `corrotwin.fleet` returns them.
    count : most CML to return, at least 1.

    Raises
    ------
    InputError
        The count is below 1.
    """
    if count < 1:
        raise InputError(f"`count` {count}: give at least 1")
    found = [
        _place(member.name, row)
        for member in fleet
        if member.outlook is not None
        for row in member.outlook.cmls
        if row["place"] and row["chance_below_required"] is not None and not _is_too_thin(row)
    ]

    def order(place: PlaceToMeasure) -> tuple[float, float, str, str]:
        return -place.chance * (1 - place.chance), place.life_years, place.twin, place.cml

    return sorted(found, key=order)[:count]


def twins_in(folder: Path) -> list[Path]:
    """Return the folders of the twins below a folder, by name; those in hidden folders do not count.

    Raises
    ------
    InputError
        There is no such folder, or no twin below it; or it is a twin itself.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one that holds the folders of twins")
    if store.is_twin(folder):
        raise InputError(f"{folder}: is a twin; give the folder that holds it, or see corrotwin twin report")
    there = {
        *(path for path in files.below(folder) if path.name == "twin.json"),
        *folder.glob("*/twin.json"),
    }  # the latter follows links to folders
    found = sorted(
        path.parent for path in there if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise InputError(f"{folder}: no twin below it; corrotwin twin new makes one")
    return found


def members(folder: Path, found: Sequence[Path], settings: OutlookSettings, *, workers: int) -> Iterator[FleetMember]:
    """Yield twins with their outlooks, as they are made; one that fails says why and stops no other.

    Parameters
    ----------
    folder : of the fleet.
    found : folders of its twins, as of `twins_in`.
    settings : what is asked of each.
    workers : processes that make outlooks; 1 for this one.

    Raises
    ------
    InputError
        There is no worker.
    WorkError
        A process that made an outlook was killed.
    """
    if workers < 1:
        raise InputError(f"`workers` {workers}: at least 1")
    open_ = []
    for path in found:
        if (kept := making.kept_of(path, settings)) is None:
            open_.append(path)
        else:
            yield FleetMember(name=_name(folder, path), folder=path, outlook=kept)
    workers = min(workers, len(open_))
    if workers < 2 or len(open_) < _IN_PARALLEL:
        for path in open_:
            yield _member(folder, path, settings)
        return
    try:
        for _, member in by_completion(_member, {path: (folder, path, settings) for path in open_}, workers):
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
    """Return the consequence of failure of twins by their names, from a workbook or a CSV file.

    Raises
    ------
    InputError
        The file cannot be read, has no columns twin and consequence, or a row is wrong.
    """
    chosen = [header for header in headers_in(path, ColumnMap(), COLUMNS) if set(COLUMNS) <= set(header.columns)]
    if len(chosen) != 1:
        raise InputError(f"{path}: needs one sheet with the columns twin and consequence")
    header, found = chosen[0], dict[str, float]()
    sheets.check(header.sheet, header.row)
    for row, cells in filled_rows(header):
        if set(cells) != set(COLUMNS):
            raise InputError(f"{header.sheet.where(row)}: give both twin and consequence")
        name, value = key_of(cells["twin"].value), ungrouped_number_of(cells["consequence"], ".,")
        if name in found:
            raise InputError(f"{cells['twin'].where}: {name!r:.60} is in two rows; keep one")
        _check_value(cells["consequence"].where, value)
        found[name] = value
    if not found:
        raise InputError(f"{path}: no twin in it; give a row for each")
    return found


def check_consequences(folder: Path, twins: Iterable[Path], given: Mapping[str, float]) -> None:
    """Refuse consequences that are impossible or of twins that are not in a fleet, before any is forecast.

    Raises
    ------
    InputError
        A twin is named that the fleet does not have, or a consequence is not a number of at least 0.
    """
    for name, value in given.items():
        _check_value(f"`consequence` of {name!r:.60}", value)
    names = {_name(folder, path) for path in twins}
    if unknown := sorted(set(given) - names):
        raise InputError(
            f"`consequence`: no twin {first_of(unknown)} in the fleet; it has {first_of(sorted(names), 8)}"
        )


def _check_value(where: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise InputError(f"{where}: {value:g}: give a number of at least 0")


def with_consequences(fleet: Sequence[FleetMember], given: Mapping[str, float]) -> list[FleetMember]:
    """Return the members with their consequences; one that is not given has the greatest of all, the safe side."""
    greatest = max(given.values())
    return [
        replace(member, consequence=given.get(member.name, greatest), assumed=member.name not in given)
        for member in fleet
    ]


def ranked(fleet: Sequence[FleetMember]) -> list[FleetMember]:
    """Return the members in the order in which they should be opened.

    First those of which nothing can be said, by name; then by risk (chance below required at the end, times the
    consequence), greatest first; of equal ones first the shorter life, then the earlier date.
    """

    def order(member: FleetMember) -> tuple[float, float, float, str, str]:
        if member.outlook is None or member.risk is None:
            return (0.0, 0.0, 0.0, "", member.name)
        life = member.outlook.life_p5
        return (
            1.0, -member.risk, -1.0 if life is None else life, member.outlook.measure_by or "0000", member.name
        )  # fmt: skip

    return sorted(fleet, key=order)
