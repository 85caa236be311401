"""Required thickness of a process pipe, and its MAWP to the next measurement, by the API codes and by the twin."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from corrotwin.twin.core.arguments import check_fields
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import first_of
from corrotwin.twin.forecast.due import not_listed
from corrotwin.twin.forecast.failure import outside_mm, wall_zones
from corrotwin.twin.forecast.pressure_design import (
    RequiredThickness,
    pipe_mawp_mpa,
    required_pipe_mm,
    structural_minimum_mm,
    wall_for_mawp_mm,
)
from corrotwin.twin.forecast.projection import Levels, levels
from corrotwin.twin.forecast.remaining_life import interval_years
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.geometry.atlas import AssetGeometry


@dataclass(frozen=True, kw_only=True)
class PipeDesign:
    """Design of a process pipe as its user states it, for B31.3 (`twin.forecast.pressure_design`).

    Parameters
    ----------
    pressure_mpa, stress_mpa, efficiency, y, weld_reduction : as `required_pipe_mm` accepts them.
    structural_mm : structural minimum thickness; by default that of API 574 for the diameter.
    """

    pressure_mpa: float
    stress_mpa: float
    efficiency: float
    y: float = 0.0
    weld_reduction: float = 1.0
    structural_mm: float | None = None

    def __post_init__(self) -> None:
        check_fields(PipeDesign, asdict(self))
        if self.structural_mm is not None and not 0 < self.structural_mm < 1e3:
            raise InputError(f"`structural_mm` {self.structural_mm:g}: must be above 0 and below 1000")

    def required(self, outside_mm: float) -> RequiredThickness:
        """Return the thickness that a pipe of this diameter must have."""
        return RequiredThickness(
            pressure_mm=required_pipe_mm(
                self.pressure_mpa, outside_mm=outside_mm, stress_mpa=self.stress_mpa, efficiency=self.efficiency,
                y=self.y, weld_reduction=self.weld_reduction,
            ),
            structural_mm=structural_minimum_mm(outside_mm) if self.structural_mm is None else self.structural_mm,
        )  # fmt: skip

    def limits(self, asset: AssetGeometry, given: Mapping[str, float]) -> dict[str, float]:
        """Return the required thickness of each zone of a pipe's wall, mm; values in `given` take precedence.

        Raises
        ------
        InputError
            The asset is not a pipe.
        """
        if asset.kind != "pipe":
            raise InputError(f"`design`: B31.3 applies to pipes only, and this is a {asset.kind}; give `required`")
        value = self.required(outside_mm(asset)).required_mm
        return {**dict.fromkeys(sorted(wall_zones(asset)), value), **given}


@dataclass(frozen=True, kw_only=True)
class Mawp:
    """MAWP of a pipe after subtracting twice the loss expected until the next measurement (API 570, Annex C).

    Parameters
    ----------
    interval_years : years to the planned measurement or, if later, to the one that follows a measurement made now.
    code_mpa : MAWP of the weakest measured place by its governing rate, MPa, and at most that of any other reading;
        None if no named place was measured.
    code_note : why `code_mpa` is only an upper limit; empty if it is not.
    twin_mpa : P5, P50, P95 over histories of the MAWP of the weakest zone of the wall, MPa.
    """

    interval_years: float
    code_mpa: float | None
    code_note: str
    twin_mpa: Levels


def mawp(made: Forecast, design: PipeDesign) -> Mawp | None:
    """Return the MAWP of a pipe; None if the next measurement has no date, or if no P5 life is left.

    Parameters
    ----------
    made : forecast of the pipe for the thickness that the design requires.
    design : design of the pipe.
    """
    if made.plan is None or made.plan.interval_years is None or made.planned is None:
        return None
    asset, now = made.known.asset, made.known.now_years
    life = 0.0 if made.plan.life_years is None else made.plan.life_years[0]
    # Without this, no loss would be subtracted if the measurement is overdue.
    interval = max(made.plan.interval_years, interval_years(life, made.rule))
    if interval == 0:
        return None

    inputs = {
        "outside_mm": outside_mm(asset), "stress_mpa": design.stress_mpa, "efficiency": design.efficiency,
        "y": design.y, "weld_reduction": design.weld_reduction,
    }  # fmt: skip
    wall_names = wall_zones(asset)
    by_code: list[float] = []
    without_rate: list[str] = []
    for row in made.cmls:
        rate = row.short_term_mm_year if row.governing == "short-term" else row.long_term_mm_year
        if row.place and row.least_read_mm is not None and row.zone in wall_names:
            since = max(row.read_years_ago or 0.0, 0.0)  # Annex C counts twice the loss from the measurement on
            wall = wall_for_mawp_mm(row.least_read_mm, rate or 0.0, since + interval)
            by_code.append(float(pipe_mawp_mpa(wall, **inputs)))
            if rate is None:
                without_rate.append(f"{row.zone} {row.place}")
    without_row: list[str] = []
    for record in not_listed(made.cmls, made.known.twin, made.known.records, made.planned) if by_code else ():
        if record.zone in wall_names:
            by_code.append(float(pipe_mawp_mpa(max(record.read_mm, 0.0), **inputs)))
            without_row.append(f"{record.zone} {record.place or 'without a place'}")
    notes = [f"one survey gives no rate for {first_of(without_rate)}"] if without_rate else []
    if without_row:
        notes.append(f"no loss is subtracted from the readings of {first_of(list(dict.fromkeys(without_row)))}")
    years = np.asarray(made.planned.years)
    weakest = []
    for name in wall_names & set(made.planned.zones):
        left = made.planned.zones[name].least_left_mm
        at_now = left[:, int(np.searchsorted(years, now))]
        then = np.array([np.interp(now + interval, years, row) for row in left])
        weakest.append(wall_for_mawp_mm(at_now, (at_now - then) / interval, interval))
    return Mawp(
        interval_years=interval,
        code_mpa=min(by_code, default=None),
        code_note=f"at most: {'; '.join(notes)}" if notes else "",
        twin_mpa=levels(pipe_mawp_mpa(np.min(weakest, axis=0), **inputs)),
    )
