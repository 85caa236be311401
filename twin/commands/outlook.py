"""Lines of ``corrotwin twin forecast`` below its tables: error, life, dates, failure pressure and MAWP."""

from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np

from corrotwin.twin import twin_state
from corrotwin.twin.commands.forecasts import describe_agreement
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable
from corrotwin.twin.forecast.failure import Pressure, outside_mm
from corrotwin.twin.forecast.lives import without_dates
from corrotwin.twin.forecast.pipe_design import PipeDesign, mawp
from corrotwin.twin.forecast.projection import Levels, levels
from corrotwin.twin.forecast.renewals import event_lines
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.forecast.strength import allowable_mpa


def read_design(words: Sequence[str]) -> PipeDesign | None:
    """Read a design from options of the form name=value; None where there are none."""
    if not words:
        return None
    known = {field.name for field in fields(PipeDesign)}
    values: dict[str, float] = {}
    for word in words:
        name, _, number = word.partition("=")
        if name not in known:
            raise InputError(f"--design {word}: give name=value; names are {', '.join(sorted(known))}")
        if name in values:
            raise InputError(f"--design {word}: {name} is given twice; give it once")
        try:
            values[name] = float(number)
        except ValueError as error:
            raise InputError(f"--design {word}: {number!r} is not a number") from error
    if missing := [name for name in ("pressure_mpa", "stress_mpa", "efficiency") if name not in values]:
        raise InputError(f"--design: {missing[0]} is missing; give pressure_mpa, stress_mpa and efficiency")
    return PipeDesign(**values)


def check_strength(smys_mpa: float | None, length_mm: float | None, safety_factor: float | None) -> None:
    """Refuse options of B31G that do not go together."""
    if smys_mpa is None and (length_mm is not None or safety_factor is not None):
        raise InputError("B31G: --length-mm and --safety-factor require --smys-mpa")
    for option, value in (("--smys-mpa", smys_mpa), ("--length-mm", length_mm)):
        if value is not None and not 0 < value < np.inf:
            raise InputError(f"{option} {value:g}: must be above 0")
    if smys_mpa is not None and safety_factor is None:
        raise InputError("--smys-mpa: give --safety-factor as well; a failure pressure is not an allowable pressure")
    if safety_factor is not None and not 1 <= safety_factor < np.inf:
        raise InputError(f"--safety-factor {safety_factor:g}: must be at least 1")


def lines(forecast: Forecast) -> Iterable[str]:
    """Yield the lines on a forecast: conflicts, errors, remaining life and dates."""
    known, plan = forecast.known, forecast.plan
    for item in known.conflicts:
        yield describe_agreement(item, known.widening)
    if known.power < 1:
        yield known.power_note
    yield from event_lines(known)
    yield from forecast.not_judged
    for row in forecast.cmls:
        if row.remarks:
            yield f"{printable(f'{row.zone} {row.place}'.strip())}: {row.remarks}"
    yield _error_line(forecast)
    if plan is None:
        return
    if plan.life_years is None or plan.interval_years is None:
        zones = ", ".join(plan.undated)
        yield f"the asset has no remaining life and no date, since none can be given for {zones}"
        if plan.first_years is not None:
            yield f"for the other zones, {_due(forecast, 'next thickness measurement', plan.first_years, plan.because)}"
    else:
        life, share = _life(plan.life_years, forecast.ahead_years), 100 * plan.weakest_share
        yield f"remaining life: {life}; the weakest zone is {plan.zone} in {share:.0f} % of the histories"
        yield _due(forecast, "next thickness measurement", plan.interval_years, plan.because)
    yield _due(forecast, "external visual inspection", plan.visual_years, f"rule {forecast.rule}")


def _due(forecast: Forecast, what: str, within_years: float, because: str) -> str:
    day = twin_state.later(forecast.known.twin.built, forecast.known.now_years + within_years)
    return f"{what} by {day:%Y-%m-%d} ({f'{within_years:.3g} years' if within_years > 0 else 'now'}; {because})"


def _error_line(forecast: Forecast) -> str:
    error = forecast.error
    parts = [f"least left P5 ± {error.left_mm:.2f} mm" if error.left_mm else "least left P5 0 mm in all runs"]
    if error.chance is not None:
        parts.append(f"chance below required ± {100 * error.chance:.1f} %")
    if error.life_years is not None:
        parts.append(
            f"remaining life P5 ± {error.life_years:.2f} years" if error.life_years else "life P5 the same in all runs"
        )
    more = "" if error.within else "; larger than it should be: use the lower values"
    return f"Monte Carlo error of {error.runs} runs: {', '.join(parts)}{more}"


def _life(values: Levels, ahead_years: float) -> str:
    names = ("P5", "P50", "P95")
    texts = (f"{life:.3g}" if life < np.inf else f"beyond {ahead_years:.3g}" for life in values)
    return ", ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True)) + " years"


def strength_lines(forecast: Forecast, pressure: Pressure, safety_factor: float) -> Iterable[str]:
    """Yield the failure pressure by B31G over a safety factor, now and at the end of the years shown."""
    known = forecast.known
    unseen = without_dates(
        known.now[0].bank.zones,
        known.twin.mechanisms,
        known.records,
        known.twin,
        known.now_years,
        forecast.rule,
        known.events,
    )
    if hidden := [why for name, why in unseen.items() if name in pressure.zones]:
        yield f"no failure pressure is given: {hidden[0]}"
        return
    for year in (known.now_years, forecast.years[-1]):
        spread = levels(pressure.failure_mpa(forecast.zones, forecast.years.index(year)))
        allowed = allowable_mpa(np.array(spread), safety_factor)
        yield (
            f"failure pressure divided by {safety_factor:g}, year {year:.3g}, {pressure.method} B31G: "
            f"{_pressures(allowed)}"
        )
    if pressure.length_mm is None:
        yield "  length of the corroded area unknown: Barlow's formula with the least remaining wall"


def mawp_lines(forecast: Forecast, design: PipeDesign) -> Iterable[str]:
    """Yield the required thickness, and the MAWP by the codes and by the twin."""
    needed = design.required(outside_mm(forecast.known.asset))
    yield (
        f"required thickness by B31.3: {needed.required_mm:.2f} mm ({needed.pressure_mm:.2f} mm for pressure, "
        f"{needed.structural_mm:.2f} mm structural minimum)"
    )
    mawps = mawp(forecast, design)
    if mawps is None:
        is_dated = forecast.plan is not None and forecast.plan.interval_years is not None
        over = "the remaining life (P5) is over: measure the pipe and assess its fitness for service"
        yield f"no MAWP is given: {over if is_dated else 'the next measurement has no date'}"
        return
    if mawps.code_mpa is not None:
        note = f" ({printable(mawps.code_note)})" if mawps.code_note else ""
        yield f"MAWP by API 570 at the weakest measured place: {mawps.code_mpa:.2f} MPa{note}"
    yield f"MAWP by the twin, all zones: {_pressures(mawps.twin_mpa)}"
    yield (
        f"  valid for {mawps.interval_years:.3g} years, if it is measured now: for the wall minus twice the loss until "
        "then (API 570), by the codes since it was last measured; flanges and branches may permit less"
    )


def _pressures(values: Iterable[float]) -> str:
    low, middle, high = values
    return f"P5 {low:.2f}, P50 {middle:.2f}, P95 {high:.2f} MPa"
