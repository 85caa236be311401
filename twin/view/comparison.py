"""Comparison of two dates: the forecast of each zone at both, and the difference, with uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from corrotwin.twin import twin_state
from corrotwin.twin.bayes.session import Session
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.projection import Levels, ZoneForecast, chance_below, levels, project, required_by_zone
from corrotwin.twin.inspection.dates import moment
from corrotwin.twin.twin_state import SECONDS_PER_YEAR, TwinState

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class ZoneChange:
    """A zone at two dates. The fields are the columns of the table; three levels become _p5, _p50 and _p95.

    Differences are taken within each history, so their P5 is not the later P5 minus the earlier one.
    """

    zone: str
    from_date: str
    to_date: str
    rusted_percent_from: Levels
    rusted_percent_to: Levels
    rusted_percent_more: Levels
    mean_loss_mm_from: Levels
    mean_loss_mm_to: Levels
    mean_loss_mm_more: Levels
    least_left_mm_from: Levels
    least_left_mm_to: Levels
    least_left_mm_lost: Levels
    chance_below_required_from: float | None
    chance_below_required_to: float | None


def years_of(twin: TwinState, days: Sequence[str]) -> list[float]:
    """Return the years of service on days such as 2030-05-31.

    Raises
    ------
    InputError
        A text is not a day, or the day is before the twin was built.
    """
    years_of_days = []
    for day in days:
        try:
            date.fromisoformat(day)
            years = (moment(day) - twin.built).total_seconds() / SECONDS_PER_YEAR
        except ValueError as error:
            raise InputError(f"date {day!r:.40}: give a day such as 2030-05-31") from error
        if years < 0 and day != f"{twin.built:%Y-%m-%d}":
            raise InputError(f"date {day}: the twin was built on {twin.built:%Y-%m-%d}; give that day or a later one")
        years_of_days.append(max(years, 0.0))
    return years_of_days


def compare(
    known: Session, from_years: float, to_years: float, required: Mapping[str, float] = MappingProxyType({})
) -> list[ZoneChange]:
    """Return each zone, and all zones together, at two times, with the difference.

    Parameters
    ----------
    known : session from `twin.bayes.session` that reaches to the later time.
    from_years, to_years : years of service; the later second.
    required : thickness in mm that must be left, by zone; "all" for the zones not named. Requirements of the CML
        register hold as well.

    Raises
    ------
    InputError
        The second time is not the later one, or a required thickness is impossible.
    """
    if not from_years < to_years:
        raise InputError("`from_date` and `to_date`: give two different dates, the earlier one first")
    by_zone = required_by_zone(known.now[0].bank, known.register.required_with(required))
    zones = project(known.now, [from_years, to_years], by_zone).zones
    chance = chance_below(zones, by_zone)
    dates = [f"{twin_state.later(known.twin.built, years):%Y-%m-%d}" for years in (from_years, to_years)]
    return [
        _change(name, dates, zone, None if name not in chance else [float(value) for value in chance[name]])
        for name, zone in zones.items()
    ]


def _change(name: str, dates: Sequence[str], zone: ZoneForecast, chance: Sequence[float] | None) -> ZoneChange:
    rusted, loss, left = 100 * zone.rusted_share, zone.mean_loss_mm, zone.least_left_mm
    return ZoneChange(
        zone=name, from_date=dates[0], to_date=dates[1],
        rusted_percent_from=levels(rusted[:, 0]), rusted_percent_to=levels(rusted[:, 1]),
        rusted_percent_more=levels(rusted[:, 1] - rusted[:, 0]),
        mean_loss_mm_from=levels(loss[:, 0]), mean_loss_mm_to=levels(loss[:, 1]),
        mean_loss_mm_more=levels(loss[:, 1] - loss[:, 0]),
        least_left_mm_from=levels(left[:, 0]), least_left_mm_to=levels(left[:, 1]),
        least_left_mm_lost=levels(left[:, 0] - left[:, 1]),
        chance_below_required_from=None if chance is None else chance[0],
        chance_below_required_to=None if chance is None else chance[1],
    )  # fmt: skip


def shown(table: Sequence[ZoneChange], title: str) -> "Table":
    """Return the table for a terminal, with P5 to P95 below each P50."""
    from rich.table import Table

    output = Table(
        title=f"{title}: {table[0].from_date}, {table[0].to_date} and the difference; P50, below it P5 to P95"
    )
    output.add_column("zone", no_wrap=True)
    for name in ("rusted %", "mean loss mm", "thinnest place mm", "% below required"):
        output.add_column(name, justify="right", overflow="fold")
    for row in table:
        cells = [
            "\n".join(_cell(values, digits) for values in triple)
            for triple, digits in (
                ((row.rusted_percent_from, row.rusted_percent_to, row.rusted_percent_more), 1),
                ((row.mean_loss_mm_from, row.mean_loss_mm_to, row.mean_loss_mm_more), 2),
                ((row.least_left_mm_from, row.least_left_mm_to, _minus(row.least_left_mm_lost)), 2),
            )
        ]
        both = (row.chance_below_required_from, row.chance_below_required_to)
        chance = "\n\n".join("" if value is None else f"{100 * value:.1f}" for value in both)
        output.add_row(row.zone, *cells, chance, end_section=True)
    return output


def _minus(values: Levels) -> Levels:
    return -values[2] + 0.0, -values[1] + 0.0, -values[0] + 0.0


def _cell(values: Levels, digits: int) -> str:
    low, middle, high = (f"{value:.{digits}f}" for value in values)
    return f"{middle}\n{low}–{high}"
