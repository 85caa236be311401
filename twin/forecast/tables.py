"""Forecast tables: one row per zone and year, as CSV or for the terminal."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields
from typing import TYPE_CHECKING, Any

from corrotwin.twin.core.text import escape_csv
from corrotwin.twin.forecast.projection import LEVELS, Levels, ZoneForecast, chance_below, levels

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """A zone in a year. Its fields are the columns of the table; three levels become _p5, _p50 and _p95."""

    zone: str
    date: str
    years: float  # after the asset was built
    rusted_percent: Levels
    mean_loss_mm: Levels
    max_loss_mm: Levels
    least_left_mm: Levels
    required_mm: float | None
    chance_below_required: float | None


def rows(
    forecasts: Mapping[str, ZoneForecast], years: Sequence[float], dates: Sequence[str], required: Mapping[str, float]
) -> list[ForecastRow]:
    """Return a row for each zone and year."""
    chance = chance_below(forecasts, required)
    return [
        ForecastRow(
            zone=name,
            date=date,
            years=year,
            rusted_percent=levels(100 * zone.rusted_share[:, index]),
            mean_loss_mm=levels(zone.mean_loss_mm[:, index]),
            max_loss_mm=levels(zone.max_loss_mm[:, index]),
            least_left_mm=levels(zone.least_left_mm[:, index]),
            required_mm=required.get(name),
            chance_below_required=float(chance[name][index]) if name in chance else None,
        )
        for name, zone in forecasts.items()
        for index, (year, date) in enumerate(zip(years, dates, strict=True))
    ]


def to_csv(table: Sequence["DataclassInstance"], kind: type["DataclassInstance"]) -> str:
    """Return rows of a kind as CSV; cells are empty where nothing is known or required, inf beyond what was examined.

    Parameters
    ----------
    table : the rows, maybe none.
    kind : their class, whose fields are the columns.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns(kind))
    for row in table:
        writer.writerow(
            "" if value is None else f"{value:.6g}" if isinstance(value, float) else escape_csv(value)
            for value in by_column(row).values()
        )
    return text.getvalue()


def by_column(row: "DataclassInstance") -> dict[str, Any]:
    """Return the cells of a row by the names of their columns; three levels become _p5, _p50 and _p95."""
    cells: dict[str, Any] = {}
    for field in fields(row):
        value, names = getattr(row, field.name), _columns(field)
        cells |= zip(names, (value or (None,) * len(names)) if len(names) > 1 else (value,), strict=True)
    return cells


def columns(kind: type["DataclassInstance"]) -> list[str]:
    """Return the names of the columns of a kind of rows."""
    return [name for field in fields(kind) for name in _columns(field)]


def _columns(field: "Field[Any]") -> list[str]:
    return [f"{field.name}_p{level}" for level in LEVELS] if field.type in (Levels, Levels | None) else [field.name]


def shown(table: Sequence[ForecastRow], title: str) -> "Table":
    """Return the table for a terminal, with P5 to P95 below each P50; it fits into 80 columns."""
    from rich.table import Table

    drawn = Table(title=f"{title}: P50, and below it P5 to P95")
    drawn.add_column("zone", no_wrap=True)
    for name, width in (
        ("rusted %", 11), ("mean loss mm", 10), ("max loss mm", 10), ("least left mm", 11), ("% below required", 8)
    ):  # fmt: skip
        drawn.add_column(name, justify="right", width=width, overflow="fold")
    for row in table:
        cells = [_cell(row.rusted_percent, 1)]
        cells += [_cell(loss, 2) for loss in (row.mean_loss_mm, row.max_loss_mm, row.least_left_mm)]
        chance = "" if row.chance_below_required is None else f"{100 * row.chance_below_required:.1f}"
        drawn.add_row(f"{row.zone}\n{row.date}", *cells, chance)
    return drawn


def _cell(values: Levels, digits: int) -> str:
    low, middle, high = (f"{value:.{digits}f}" for value in values)
    return f"{middle}\n{low}–{high}"
