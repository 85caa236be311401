"""Outlook of a twin for people: its zones, CML, chances and dates, in plain values that a file can store."""

import base64
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from corrotwin.twin import twin_state
from corrotwin.twin.core.arguments import check_fields
from corrotwin.twin.core.text import counted
from corrotwin.twin.fleets import figures
from corrotwin.twin.fleets.tasks import requirement, tasks
from corrotwin.twin.forecast import tables
from corrotwin.twin.forecast.cml import CmlRow, assumed, unread_injection_points
from corrotwin.twin.forecast.projection import ALL
from corrotwin.twin.forecast.renewals import event_lines
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.forecast.tables import ForecastRow
from corrotwin.twin.inspection.register import Cml
from corrotwin.twin.model.coating import describe_coating
from corrotwin.twin.twin_state import TwinState

Cell = str | float | None
"""Cell of a stored table: text, a number (inf if beyond the years examined), or None."""

_ABOUT = ("circuit", "kind", "chance_below_required")  # columns of a CML in addition to those of `CmlRow`
_TEXTS = {
    "zone",
    "place",
    "date",
    "last_date",
    "governing",
    "api_half_life_date",
    "api_measure_by",
    "remarks",
    *_ABOUT[:2],
}


@dataclass(frozen=True, kw_only=True)
class TwinOutlook:
    """A twin's forecast for people.

    Parameters
    ----------
    id, kind, built : name and kind of the twin, and the day on which it was built, as 2010-05-31.
    now, until : days on which the forecast begins and ends.
    service : its places of service, its coating, and the mechanisms that act in addition to the open air.
    rule : bounds on the time until thickness is measured again.
    zones : a row for each zone and for all of them together, now and at the end; columns of
        `forecast.tables.ForecastRow`.
    cmls : a row for each zone with a required thickness and for each of its CML; columns of `forecast.cml.CmlRow`, with
        circuit, kind and the chance that a CML is thinner than required at the end.
    ahead_years : years examined for the end of life, at least 20.
    life_p5, life_p50 : remaining life in years from now; inf if beyond `ahead_years`, None if no date can be given.
    weakest : zone with the least P5 of life; empty without a requirement.
    measure_by, because : day of the next thickness measurement, and its reason, with the zones that have no date. Empty
        if no zone has a date.
    undated : zones for which no date can be given, separated by commas.
    look_by : day of the next external visual inspection.
    tasks : things to do, one sentence each, the most urgent first.
    notes : further remarks, one sentence each.
    plot, places : figures as SVG in base64: the forecast of the weakest zone, and the positions of the CML; empty if
        they cannot be drawn.
    """

    id: str
    kind: str
    built: str
    now: str
    until: str
    service: tuple[str, ...]
    rule: str
    zones: tuple[Mapping[str, Cell], ...]
    cmls: tuple[Mapping[str, Cell], ...]
    ahead_years: float
    life_p5: float | None
    life_p50: float | None
    weakest: str
    measure_by: str
    because: str
    undated: str
    look_by: str
    tasks: tuple[str, ...]
    notes: tuple[str, ...]
    plot: str
    places: str

    def zone(self, name: str = ALL, *, at_end: bool = False) -> Mapping[str, Cell]:
        """Return the row of a zone, or of all zones together, now or at the end."""
        day = self.until if at_end else self.now
        return next(row for row in self.zones if row["zone"] == name and row["date"] == day)

    def chance(self, *, at_end: bool = False) -> float | None:
        """Return the chance that some place is thinner than required; None without a requirement."""
        value = self.zone(at_end=at_end)["chance_below_required"]
        return None if value is None else float(value)

    @property
    def worst_cml(self) -> Mapping[str, Cell] | None:
        """The CML with the shortest life (`life_of`); None if none has a finite life."""
        named = [row for row in self.cmls if row["place"] and life_of(row) < math.inf]
        return min(named, key=lambda row: (life_of(row), str(row["zone"]), str(row["place"])), default=None)


def life_of(row: Mapping[str, Cell]) -> float:
    """Return the shorter life of a CML in years: by the codes, or the P5 by the twin; inf if neither is known."""
    lives = [row[name] for name in ("api_life_years", "twin_life_years_p5")]
    return min((float(value) for value in lives if value is not None), default=math.inf)


def of_forecast(made: Forecast, suspects: Mapping[str, str]) -> TwinOutlook:
    """Return the outlook of a forecast, in plain values for people.

    Parameters
    ----------
    made : the forecast.
    suspects : suspect readings that the forecast leaves out, such as "in line 3", each with the reason.
    """
    session, plan = made.known, made.plan
    twin, register = session.twin, session.register
    ends = (session.now_years, made.years[-1])
    shown = [row for row in made.rows if row.years in ends]
    life = None if plan is None else plan.life_years
    measure_by, because, look_by, undated = "", "", "", ""
    if plan is not None:
        look_by, undated = _day(twin, session.now_years + plan.visual_years), ", ".join(plan.undated)
        if plan.first_years is not None:
            measure_by = _day(twin, session.now_years + plan.first_years)
            because = f"{plan.because}; no date can be given for {undated}" if undated else plan.because
    cmls = []
    left_mm = {(place.zone, place.name): place.left_mm[:, -1] for place in made.places}
    for row in made.cmls:
        cml = register.find(row.place) if row.place else None
        extra: dict[str, Cell] = {"circuit": cml.circuit, "kind": cml.kind} if cml else {"circuit": "", "kind": ""}
        extra["chance_below_required"] = None  # the chance of a zone is in its own row
        if row.place:
            extra["chance_below_required"] = float((left_mm[row.zone, row.place] < row.required_mm).mean())
        cmls.append({**tables.by_column(row), **extra})
    due = {cml.id: years for cml, years in _unread_injection_points(made)}
    cmls += [_unread(cml, made, due.get(cml.id)) for cml in register.never_read(made.known.records, made.required)]
    plot, places = figures.both(made)
    return TwinOutlook(
        id=twin.id, kind=twin.kind, built=f"{twin.built:%Y-%m-%d}", now=_day(twin, ends[0]), until=_day(twin, ends[1]),
        service=_service(twin), rule=made.rule, zones=tuple(tables.by_column(row) for row in shown), cmls=tuple(cmls),
        ahead_years=made.ahead_years, life_p5=None if life is None else life[0],
        life_p50=None if life is None else life[1],
        weakest="" if plan is None else plan.zone, measure_by=measure_by, because=because, undated=undated,
        look_by=look_by, tasks=tuple(tasks(made, suspects, look_by)), notes=tuple(_notes(made)), plot=_encoded(plot),
        places=_encoded(places),
    )  # fmt: skip


def _unread_injection_points(made: Forecast) -> list[tuple[Cml, float]]:
    if made.planned is None:
        return []
    session = made.known
    return unread_injection_points(
        session.twin, session.records, made.planned, session.register, made.required, made.rule
    )


def _unread(cml: Cml, made: Forecast, due_years: float | None) -> dict[str, Cell]:
    """Return the row of a CML that was never measured, due at `due_years` of service (None without a date)."""
    row: dict[str, Cell] = dict.fromkeys((*tables.columns(CmlRow), *_ABOUT))
    wall, required = requirement(made, cml.zone, cml.uv, cml.id)
    remark = "never measured: nothing is known about it beyond the forecast of its zone"
    if required.is_assumed:
        remark += f"; {assumed(wall, cml.zone, made.required[cml.zone])}: state its required thickness"
    row |= {"zone": cml.zone, "place": cml.id, "readings": 0, "required_mm": required.mm, "remarks": remark}
    if due_years is not None and made.plan is not None and cml.zone not in made.plan.undated:
        now = made.known.now_years
        row |= {"api_measure_by": _day(made.known.twin, due_years), "api_measure_years": due_years - now}
    return row | {"circuit": cml.circuit, "kind": cml.kind}


def _day(twin: TwinState, years: float) -> str:
    return f"{twin_state.later(twin.built, years):%Y-%m-%d}"


def _encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _service(twin: TwinState) -> tuple[str, ...]:
    places = [str(period) for period in twin.exposure.periods]
    return (*places, describe_coating(twin.coating), *(str(mechanism) for mechanism in twin.mechanisms))


def _notes(made: Forecast) -> list[str]:
    session = made.known
    read = [record for record in session.records if record.kind == "ultrasonic"]
    notes = [f"{counted(len(read), 'thickness reading')}, {counted(len(session.records) - len(read), 'other record')}"]
    notes += [*event_lines(session), *made.not_judged]
    unlimited = [zone.name for zone in session.now[0].bank.zones if zone.name not in made.required]
    if made.required and unlimited:
        notes.append(f"no required thickness was given for {', '.join(unlimited)}")
    if session.power < 1:
        notes.append(session.power_note)
    if not made.error.within:
        notes.append("the Monte Carlo error exceeds its limit: use the lower values")
    return notes


def plain(outlook: TwinOutlook) -> dict[str, Any]:
    """Return an outlook as JSON holds it; infinity becomes the text "inf"."""
    return {name: _plain(value) for name, value in asdict(outlook).items()}


def of_plain(values: Mapping[str, Any]) -> TwinOutlook:
    """Return the outlook in parsed JSON.

    Raises
    ------
    InputError, TypeError, ValueError, LookupError, StopIteration
        It is no outlook of this version.
    """
    names = {field.name for field in fields(TwinOutlook)}
    if set(values) != names:
        raise TypeError("no outlook of this version")
    parsed = {name: _of_plain(value) for name, value in values.items()}
    outlook = TwinOutlook(**check_fields(TwinOutlook, parsed))
    columns = {*tables.columns(ForecastRow)}, {*tables.columns(CmlRow), *_ABOUT}
    for rows, expected in zip((outlook.zones, outlook.cmls), columns, strict=True):
        if any(set(row) != expected for row in rows):
            raise TypeError("no outlook of this version")
        for row in rows:
            _check_row(row)
    outlook.zone(), outlook.zone(at_end=True)
    return outlook


def _check_row(row: Mapping[str, Cell]) -> None:
    """Raise TypeError or ValueError if a cell has the wrong type for its column."""
    for name, value in row.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and (not isinstance(value, str) if name in _TEXTS else not is_number):
            raise TypeError(f"{name} {value!r}")
    chance = row["chance_below_required"]
    if chance is not None and not 0 <= float(chance) <= 1:
        raise ValueError(f"chance {chance}")
    if "rusted_percent_p50" in row and any(
        row[name] is None for name in row if name not in _TEXTS and name not in ("required_mm", "chance_below_required")
    ):
        raise TypeError("a zone lacks a number")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return "inf"
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _of_plain(value: Any) -> Any:
    if value == "inf":
        return math.inf
    if isinstance(value, dict):
        return {name: _of_plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return tuple(_of_plain(item) for item in value)
    return value
