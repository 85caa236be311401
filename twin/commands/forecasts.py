"""``corrotwin twin forecast`` and ``calibrate``, and functions that they share with ``inspect``."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import check_writable, writing
from corrotwin.twin.core.text import printable, say, say_error

if TYPE_CHECKING:
    from corrotwin.twin.bayes.predictive_check import Agreement
    from corrotwin.twin.bayes.session import Session


def forecast(
    folder: Positional[Path],
    years: float = 20.0,
    required: tuple[str, ...] = (),
    rule: Literal["api510", "api570-class1", "api570-class2", "api570-class3"] = "api510",
    out: Path | None = None,
    plot: Path | None = None,
    zone: str = "",
    smys_mpa: float | None = None,
    length_mm: float | None = None,
    method: Literal["original", "modified"] = "modified",
    safety_factor: float | None = None,
    category_measured: bool = False,
    seed: int = 0,
) -> None:
    """Forecast rust, wall loss and remaining thickness (P5, P50, P95) and the next inspection.

    Example: corrotwin twin forecast spool --required body=6 weld=6 --out spool.csv --plot spool.svg

    Parameters
    ----------
    folder
        of the twin.
    years
        to look ahead, from the twin's clock or its last inspection, whichever is later; when to look again
        follows from 20 at least.
    required
        thickness in mm that must be left, as zone=mm; all=mm for the zones not named. It judges the places that were
        thicker than it when new: of a header, not of its thinner branch.
    rule
        bounds on the time until thickness is measured again, and to the next external visual inspection.
    out
        .csv with every zone and year.
    plot
        .png or .svg; needs matplotlib.
    zone
        drawn; by default the one that needs inspection first, else the whole asset.
    smys_mpa
        of a pipe: specified minimum yield strength; gives its failure pressure by B31G, which is not a permissible one.
    length_mm
        of a pipe: length along it of the corroded area that B31G takes.
    method
        of B31G.
    safety_factor
        of at least 1, by which B31G's failure pressure is divided; as your code asks.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226), not estimated: how fast steel is lost is known
        better.
    seed
        of the histories.
    """
    import numpy as np

    from corrotwin.twin import twin_state
    from corrotwin.twin.core.console import rich_console
    from corrotwin.twin.export import ONE_FACE
    from corrotwin.twin.forecast import plots, projection, result, tables

    ahead = result.ahead_of(years)
    if out is not None:
        result.check_csv(out)
    if plot is not None:
        plots.check(plot)
    if (smys_mpa is None) != (length_mm is None):
        raise InputError("B31G: give both --smys-mpa and --length-mm")
    for option, value in (("--smys-mpa", smys_mpa), ("--length-mm", length_mm)):
        if value is not None and not value > 0:
            raise InputError(f"{option} {value:g}: must be above 0")
    if safety_factor is not None and (smys_mpa is None or not 1 <= safety_factor < np.inf):
        raise InputError(f"--safety-factor {safety_factor:g}: at least 1, beside --smys-mpa and --length-mm")
    limits_given = _required(required)
    known = load_session(folder, ahead, seed, category_measured)
    twin, particles = known.twin, known.knowledge.now
    pressure = None
    if smys_mpa is not None and length_mm is not None:
        pressure = projection.Pressure.of(known.asset, smys_mpa=smys_mpa, length_mm=length_mm, method=method)
    with busy("forecasting"):
        made = result.make(known, years=years, required=limits_given, rule=rule)
    made.check_zone(zone)
    now, grid, forecasts, limits, plan = known.now_years, made.years, made.zones, made.required, made.plan
    if out is not None:
        made.to_csv(out)
    ends = [row for row in made.rows if row.years == grid[-1] or (row.years == now and row.zone == projection.ALL)]
    rich_console().print(tables.shown(ends, printable(twin.id)))
    say(ONE_FACE + ("; % below required and remaining life go by it" if limits else ""))
    for item in known.knowledge.conflicts:
        say(describe_agreement(item, particles.widening))
    if (power := known.knowledge.power) < 1:
        say(f"photographs and grades count {100 * power:.2g} %: few histories fit more of what they say")
    if pressure is not None:
        for year in (now, grid[-1]):
            spread = np.array(projection.levels(pressure.failure_mpa(forecasts, grid.index(year))))
            say(f"failure pressure at year {year:.3g}, {method} B31G: {_pressures(spread)}")
            if safety_factor is not None:
                say(f"  divided by {safety_factor:g}: {_pressures(spread / safety_factor)}")
        if safety_factor is None:
            say("  at which it fails, not which is permitted: B31G divides it by a --safety-factor")
    for name, value in limits.items():
        if thin := projection.not_judged_mm(particles.bank, name, value):
            say(f"{name}: {value:g} mm does not judge its places of up to {thin:.4g} mm when new")
    if plan is not None:
        p5, p50, p95 = (f"{life:.3g}" if life < np.inf else f"beyond {ahead:.3g}" for life in plan.life_years)
        say(f"remaining life on {plan.zone}: P5 {p5}, P50 {p50}, P95 {p95} years")
        for what, within in (
            ("next thickness measurement", plan.interval_years),
            ("external visual inspection", plan.visual_years),
        ):
            due = twin_state.later(twin.built, now + within)
            say(f"{what} by {due:%Y-%m-%d} ({within:.3g} years; rule {rule})")
    if plot is not None:
        made.plot(plot, zone=zone)


def calibrate(out: Positional[Path], assets: int = 200, seed: int = 0, arms: tuple[str, ...] = ()) -> None:
    """Forecast assets whose future is known, and write how often the truth lay within P5 to P95.

    Example: corrotwin twin calibrate out/calibration

    Parameters
    ----------
    out
        folder for calibration.csv, calibration.md and, with matplotlib, calibration.png.
    assets
        simulated, for each arm.
    seed
        of the simulated assets.
    arms
        ways in which the truth may differ from the assumptions, by name; all by default.
    """
    from corrotwin.twin.calibration import coverage, report

    if assets < 1 or seed < 0:
        raise InputError(f"--assets {assets}, --seed {seed}: at least 1, and at least 0")
    unknown = [arm for arm in arms if arm not in coverage.ARMS]
    if unknown:
        raise InputError(f"--arms {', '.join(unknown)}: choose from {'; '.join(coverage.ARMS)}")
    with writing(out, "choose another folder"):  # now, not after all the simulating
        check_writable(out)
    scores = []
    for arm in arms or coverage.ARMS:
        with busy(f"{arm}: {assets} assets"):
            scores += list(coverage.scores(arm, assets, seed=seed))
    with writing(out):
        report.report(out, scores)
    say(f"written to {out}")


def _pressures(levels_mpa: Iterable[float]) -> str:
    low, middle, high = levels_mpa
    return f"P5 {low:.2f}, P50 {middle:.2f}, P95 {high:.2f} MPa"


def _required(given: Sequence[str]) -> dict[str, float]:
    """Return the required thickness by zone from options of the form zone=mm."""
    required = {}
    for text in given:
        zone, _, number = text.partition("=")
        if zone in required:
            raise InputError(f"--required {text}: {zone} is given twice; give it once")
        try:
            required[zone] = float(number)
        except ValueError as error:
            raise InputError(f"--required {text}: give zone=mm, such as body=6.0 or all=6.0") from error
    return required


def check_seed(seed: int) -> None:
    """Raise InputError if numpy would not take this seed."""
    if seed < 0:
        raise InputError(f"--seed {seed}: must be at least 0")


def load_session(folder: Path, years: float, seed: int, category_measured: bool) -> "Session":
    """Open a twin's session, with a warning if its records end in a torn line."""
    from corrotwin.twin.bayes.session import open_session

    check_seed(seed)
    with busy("learning from inspections"):
        known = open_session(folder, ahead_years=years, seed=seed, category_measured=category_measured)
    warn(known.note)
    return known


def warn(note: str) -> None:
    """Print a warning about a torn end of the records on stderr; nothing if there is none."""
    if note:
        say_error(f"warning: {note}")


def describe_agreement(item: "Agreement", widening: float) -> str:
    """Describe in one line whether an inspection agrees with earlier knowledge."""
    from corrotwin.twin.bayes.predictive_check import CONFLICT

    if item.chance < CONFLICT:
        done = f"The prior was widened {widening:g} times" if widening > 1 else "No wider prior agrees better"
        return (
            f"CONFLICT on {item.date}: {item.record}; as odd in {100 * item.chance:.2g} % of cases under what "
            f"was known before. {done}; check tool, place and exposure"
        )
    return f"{item.date} agrees with what was known before (p = {item.chance:.2g})"


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a spinner on the terminal while the block runs."""
    from corrotwin.twin.core.console import rich_console

    with rich_console(stderr=True).status(f"{what} ..."):
        yield
