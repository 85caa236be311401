"""A forecast as one object: made from the knowledge of a twin, shown as a table, a data frame or a plot."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING

import numpy as np

from corrotwin.twin import twin_state
from corrotwin.twin.bayes.session import MOST_RUNS, Session, with_more_runs
from corrotwin.twin.core.arguments import checked
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_text, writing
from corrotwin.twin.core.text import counted
from corrotwin.twin.forecast import plots, projection, tables
from corrotwin.twin.forecast.cml import CmlRow, cml_rows
from corrotwin.twin.forecast.due import brought_forward
from corrotwin.twin.forecast.lives import (
    LEAST_AHEAD_YEARS,
    InspectionPlan,
    last_known,
    last_looked_years,
    plan_inspection,
    plan_years,
    without_dates,
)
from corrotwin.twin.forecast.precision import MonteCarloError, judge
from corrotwin.twin.forecast.projection import ALL, PlaceForecast, Projection, ZoneForecast
from corrotwin.twin.forecast.rates import RateBasis
from corrotwin.twin.forecast.remaining_life import MOST_YEARS, Rule, check_required
from corrotwin.twin.forecast.tables import ForecastRow

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST_AHEAD_YEARS = 200
MOST_STEPS = 60  # of the table


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Forecast:
    """Wall loss, rust and remaining thickness to come, by zone and year, and when to inspect again.

    Parameters
    ----------
    known : the twin with all that was learned from inspections.
    years : (T,) of the table, after the asset was built; the past, now and what is ahead.
    ahead_years : how far the plan looks.
    zones : the histories of each zone, and of all of them as zone "all".
    places : the histories of each measured place.
    required : thickness in mm that must be left, by zone.
    given : what the user asked for in `required`; "all" for the zones not named.
    plan : remaining life and when to inspect again; None where nothing is required.
    rows : a row for each zone and year.
    cmls : a row for each zone with a required thickness and for each named place that was measured in it, by the codes
        and by the twin.
    planned : the projection behind the plan and the measured places; None where nothing is required.
    error : Monte Carlo error of the results that decisions rest on.
    rule : bounds on the time until the next inspection.
    """

    known: Session
    years: tuple[float, ...]
    ahead_years: float
    zones: Mapping[str, ZoneForecast]
    places: tuple[PlaceForecast, ...]
    required: Mapping[str, float]
    given: Mapping[str, float]
    plan: InspectionPlan | None
    rows: tuple[ForecastRow, ...]
    cmls: tuple[CmlRow, ...]
    planned: Projection | None
    error: MonteCarloError
    rule: Rule

    def __repr__(self) -> str:
        ahead = self.years[-1] - self.known.now_years
        life = ""
        if self.plan is not None:
            least = None if self.plan.life_years is None else self.plan.life_years[0]
            beyond = f"beyond {self.ahead_years:.3g}"
            said = "not known" if least is None else beyond if least == np.inf else f"{least:.3g}"
            life = f", remaining life P5 {said}{' years' if least is not None else ''}, weakest {self.plan.zone}"
        zones = counted(len(self.zones) - 1, "zone")
        return f"Forecast({self.known.twin.id!r}, {counted(ahead, 'year')} ahead, {zones}{life})"

    @property
    def not_judged(self) -> list[str]:
        """A sentence for each zone with places that were too thin when new for its requirement."""
        bank = self.known.now[0].bank
        return [
            f"{name}: {value:.3g} mm is not applied to its places that were at most {thin:.4g} mm when new"
            for name, value in self.required.items()
            if (thin := projection.not_judged_mm(bank, name, value))
        ]

    @checked()
    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the table as CSV text, and write it to a file if one is given.

        Raises
        ------
        InputError
            The name does not end in .csv, or the file cannot be written.
        """
        text = tables.to_csv(self.rows, ForecastRow)
        if path is not None:
            path = Path(path)
            check_csv(path)
            with writing(path):
                write_text(path, text)
        return text

    @checked()
    def cmls_to_csv(self, path: str | Path | None = None) -> str:
        """Return the table of zones and their measured places as CSV text, and write it to a file if one is given.

        Raises
        ------
        InputError
            The name does not end in .csv, or the file cannot be written.
        """
        text = tables.to_csv(self.cmls, CmlRow)
        if path is not None:
            check_csv(Path(path))
            with writing(Path(path)):
                write_text(Path(path), text)
        return text

    def to_frame(self) -> "pd.DataFrame":
        """Return the table as a pandas data frame: a row for each zone and year, columns as in the CSV file.

        Raises
        ------
        InputError
            pandas is not installed.
        """
        if find_spec("pandas") is None:
            raise InputError("a data frame needs pandas; pip install 'corrotwin[study]', or use to_csv")
        import pandas as pd

        return pd.DataFrame([tables.by_column(row) for row in self.rows])

    @checked()
    def plot(self, path: str | Path, *, zone: str = "") -> None:
        """Draw a zone's least remaining thickness and the rusted area over the years.

        Parameters
        ----------
        path : .png or .svg; needs matplotlib.
        zone : to draw; by default the one that needs inspection first, else the whole asset.

        Raises
        ------
        InputError
            There is no such zone, the suffix is neither, or matplotlib is not installed.
        """
        plots.check(Path(path))
        self.check_zone(zone)
        with plots.canvas(Path(path), *plots.SIZE_IN) as figure:
            self._draw(figure, zone)

    def draw(self, stream: IO[bytes], *, zone: str = "") -> None:
        """Write the same picture as SVG to a stream."""
        self.check_zone(zone)
        with plots.sheet(stream, ".svg", *plots.SIZE_IN) as figure:
            self._draw(figure, zone)

    def _draw(self, figure: "Figure", zone: str) -> None:
        chosen = zone or (ALL if self.plan is None else self.plan.due_zone)
        now, bank = self.known.now_years, self.known.now[0].bank
        dues = {} if self.plan is None else self.plan.dues
        within = [due.years for name, due in dues.items() if chosen in (name, ALL)]
        plots.forecast(
            figure, self.known.twin, self.zones, self.years,
            zone=chosen,
            nominal_mm=projection.nominal_mm(bank, chosen, self.required.get(chosen, 0.0)),
            required_mm=self.required.get(chosen),
            chance=projection.chance_below(self.zones, self.required).get(chosen),
            records=self.known.records,
            events=self.known.events,
            now_years=now,
            next_years=now + max(min(within), 0.0) if within else None,
        )  # fmt: skip

    def check_zone(self, zone: str) -> None:
        """Refuse a zone that the asset does not have; an empty name stands for the default."""
        if zone and zone not in self.zones:
            raise InputError(f"`zone` {zone}: choose from {', '.join(self.zones)}")


def check_csv(path: Path) -> None:
    """Refuse a file name that does not end in .csv."""
    if path.suffix != ".csv":
        raise InputError(f"{path}: a forecast is written as .csv; choose such a name")


def ahead_of(years: float) -> float:
    """Return how many years the plan of a forecast must look ahead.

    Raises
    ------
    InputError
        The years are below 0 or above `MOST_AHEAD_YEARS`.
    """
    if not 0 <= years <= MOST_AHEAD_YEARS:
        raise InputError(f"`years` {years}: choose 0 to {MOST_AHEAD_YEARS}")
    return max(years, LEAST_AHEAD_YEARS)


def check_choice(basis: RateBasis | None, chosen_by: str) -> None:
    """Refuse a chosen rate without a name, or a name without a chosen rate."""
    if (basis is None) != (not chosen_by.strip()):
        raise InputError("`basis` and `chosen_by`: a rate is chosen by a named person; give both, or neither")


def make(
    known: Session,
    *,
    years: float,
    required: Mapping[str, float] = MappingProxyType({}),
    rule: Rule = "api510",
    basis: RateBasis | None = None,
    chosen_by: str = "",
) -> Forecast:
    """Forecast a twin with as many runs as its Monte Carlo error demands, up to `MOST_RUNS`.

    Parameters
    ----------
    known : from `twin.bayes.session`, learned with `ahead_of(years)`.
    years : to look ahead from now, 0 to `MOST_AHEAD_YEARS`.
    required : thickness in mm that must be left, by zone; "all" for the zones not named. The register's requirement
        for a zone or a CML holds, too: the greater of both counts.
    rule : bounds on the time until thickness is measured again.
    basis, chosen_by : rate of measured places chosen in place of the shorter life, and the person who chose it.

    Raises
    ------
    InputError
        An unknown zone or rule, a thickness that no place of the zone ever had, or a rate that nobody chose.
    """
    if rule not in MOST_YEARS:
        raise InputError(f"`rule` {rule}: choose from {', '.join(MOST_YEARS)}")
    check_choice(basis, chosen_by)
    check_required(required)
    asked = known.register.required_with(required)
    if basis is not None and not asked:
        raise InputError("`basis`: a rate gives a life only with a required thickness; also give `required`")
    by_zone = projection.required_by_zone(known.now[0].bank, asked)
    while True:
        forecast = _made(known, years, by_zone, required, rule, basis, chosen_by)
        if forecast.error.within or 2 * len(known.runs) > MOST_RUNS:
            return forecast
        known = with_more_runs(known)


def _made(
    known: Session, years: float, required: Mapping[str, float], given: Mapping[str, float], rule: Rule,
    basis: RateBasis | None, chosen_by: str,
) -> Forecast:  # fmt: skip
    ahead, now, runs = ahead_of(years), known.now_years, len(known.runs)
    happened = {event.years(known.twin): event.renews_metal for event in known.events}
    grid = sorted({*_grid(now, years), *happened})
    planned = plan_years(now, now + ahead, [year for year, renewed in happened.items() if renewed])
    outlook = projection.project(known.now, sorted({*grid, *(planned if required else ())}), required)
    shown = outlook.at(grid)
    plan, looked_at, cmls = None, None, []
    if required:
        looked_at = outlook.at(planned)
        undated = without_dates(
            known.now[0].bank.zones, known.twin.mechanisms, known.records, known.twin, now, rule, known.events
        )
        plan = plan_inspection(
            looked_at, required, now, rule, undated, register=known.register, given=given,
            known=last_known(required, known.now[0].bank.zones, known.records, known.twin, looked_at.renewals),
            looked_years=last_looked_years(known.records, known.twin),
        )  # fmt: skip
        cmls = cml_rows(
            known.twin, known.records, looked_at, plan, required, now, rule=rule, register=known.register, basis=basis,
            chosen_by=chosen_by,
        )  # fmt: skip
        plan = brought_forward(plan, cmls, known.twin, known.records, looked_at, known.register, required, now)
    below = projection.is_below(shown.zones, required).get(ALL)
    error = judge(
        runs, shown.zones[ALL].least_left_mm[:, [grid.index(now), -1]], known.asset.nominal_thickness_mm,
        None if below is None else below[:, -1], None if plan is None else plan.asset, ahead,
    )  # fmt: skip
    dates = [f"{twin_state.later(known.twin.built, year):%Y-%m-%d}" for year in grid]
    return Forecast(
        known=known, years=tuple(grid), ahead_years=ahead, zones=shown.zones, places=shown.places,
        required=required, given=given, plan=plan,
        rows=tuple(tables.rows(shown.zones, grid, dates, required)), cmls=tuple(cmls), planned=looked_at,
        error=error, rule=rule,
    )  # fmt: skip


def _grid(now: float, ahead: float) -> list[float]:
    """Return the years of the table: from the start of service to now and to the end, at most `MOST_STEPS` steps."""
    step = max(1.0, np.ceil((now + ahead) / MOST_STEPS))
    past = np.arange(0, now, step)
    return [
        float(year) for year in [*past, now, *(now + np.arange(step, ahead, step)), *([now + ahead] if ahead else [])]
    ]
