"""``corrotwin twin forecast`` and ``calibrate``, and functions that they share with ``inspect``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from corrotwin.twin.core.arguments import check_seed, naming
from corrotwin.twin.core.console import progress, rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import check_writable, writing
from corrotwin.twin.core.text import printable, say, say_error, say_next

if TYPE_CHECKING:
    from corrotwin.twin.bayes.agreement import Agreement
    from corrotwin.twin.bayes.session import Session


def forecast(
    folder: Positional[Path],
    years: float = 20.0,
    required: tuple[str, ...] = (),
    design: tuple[str, ...] = (),
    rule: Literal["api510", "api570-class1", "api570-class2", "api570-class3"] = "api510",
    basis: Literal["long-term", "short-term"] | None = None,
    chosen_by: str = "",
    out: Path | None = None,
    cml: Path | None = None,
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
        folder of the twin.
    years
        years to look ahead, from the twin's clock or its last inspection, whichever is later; the next
        inspection is planned from at least 20.
    required
        thickness in mm that must remain, as zone=mm; all=mm sets it for zones that are not named. If the
        twin's register of CML requires more of a zone, that applies. A requirement applies to places that were
        thicker when new: to a header, but not to its thinner branch.
    rule
        inspection code that limits the interval between thickness measurements, and between external visual
        inspections.
    out
        .csv file with every zone and year.
    cml
        .csv file with every zone that has a required thickness and every named place measured in it, by the API
        codes and by the twin.
    plot
        .png or .svg file; requires matplotlib.
    zone
        zone to plot; by default the one that needs inspection first, else the whole asset.

    Other Parameters
    ----------------
    design
        design of a process pipe: pressure_mpa=, stress_mpa= (allowable, from your code), efficiency= and
        optionally y=, weld_reduction= and structural_mm=; gives the required thickness of its wall by ASME
        B31.3, and its MAWP.
    basis
        corrosion rate to use for measured places, as chosen by --chosen-by; by default the one that gives the
        shorter life.
    chosen_by
        name of the person who chose --basis.
    smys_mpa
        specified minimum yield strength of a pipe; gives its failure pressure by B31G, divided by
        --safety-factor.
    length_mm
        axial length of a pipe's corroded area, for B31G; by default the length of the pipe, since it is
        unknown.
    method
        method of B31G.
    safety_factor
        divisor of B31G's failure pressure, at least 1, as your code requires.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226) rather than estimated, so that the rate of
        loss is better known.
    seed
        random seed of the simulated histories.
    """
    from corrotwin.twin.commands import outlook
    from corrotwin.twin.forecast import cml as cml_table
    from corrotwin.twin.forecast import plots, result, tables
    from corrotwin.twin.forecast.failure import Pressure
    from corrotwin.twin.forecast.projection import ALL
    from corrotwin.twin.inspection import register as registers

    ahead = result.ahead_of(years)
    for path in (out, cml):
        if path is not None:
            result.check_csv(path)
    if plot is not None:
        plots.check(plot)
    outlook.check_strength(smys_mpa, length_mm, safety_factor)
    limits_given, wall = read_required(required), outlook.read_design(design)
    result.check_choice(basis, chosen_by)
    if by_zone := registers.read(folder).required_by_zone():
        say(f"required by the register: {', '.join(f'{zone} {mm:.4g} mm' for zone, mm in by_zone.items())}")
    if cml is not None and not limits_given and not by_zone and wall is None:
        raise InputError("--cml: give the required thickness with --required or --design")
    known = load_session(folder, ahead, seed, category_measured)
    pressure = None
    if smys_mpa is not None:
        pressure = Pressure.of(known.asset, smys_mpa=smys_mpa, length_mm=length_mm, method=method)
    if wall is not None:
        with naming("design"):
            limits_given = wall.limits(known.asset, limits_given)
    with progress("forecasting", to=out or plot):
        made = result.make(
            known, years=years, required=limits_given, rule=rule, basis=basis, chosen_by=chosen_by
        )  # fmt: skip
    made.check_zone(zone)
    if out is not None:
        made.to_csv(out)
    if cml is not None:
        made.cmls_to_csv(cml)
    now, last = known.now_years, made.years[-1]
    ends = [row for row in made.rows if row.years == last or (row.years == now and row.zone == ALL)]
    console = rich_console()
    console.print(tables.shown(ends, printable(known.twin.id)))
    if made.cmls:
        console.print(cml_table.shown(made.cmls, made.ahead_years))
    for line in outlook.lines(made):
        say(line)
    if pressure is not None and safety_factor is not None:
        for line in outlook.strength_lines(made, pressure, safety_factor):
            say(line)
    if wall is not None:
        for line in outlook.mawp_lines(made, wall):
            say(line)
    if plot is not None:
        made.plot(plot, zone=zone)
    for path in (out, cml, plot):
        if path is not None:
            say(f"written to {path}")
    options: list[object] = ["--years", f"{years:g}"] if years != 20.0 else []
    options += ["--required", *(f"{name}={mm:g}" for name, mm in limits_given.items())] if limits_given else []
    options += ["--rule", rule] if rule != "api510" else []
    options += ["--category-measured"] if category_measured else []
    options += ["--seed", seed] if seed else []
    say_next("twin", "report", folder, "--out", f"{folder}.html", *options)


def calibrate(
    out: Positional[Path],
    assets: int = 200,
    seed: int = 0,
    arms: tuple[str, ...] = (),
    runs: int = 1,
    published: bool = False,
) -> None:
    """Forecast assets whose future is known, and report how often the forecast failed.

    Simulated assets show whether forecasts agree with the twin's own model; published exposure tests of bare steel
    in the open air, of up to 16 years, show whether its prior agrees with reality.

    Example: corrotwin twin calibrate out/calibration

    Parameters
    ----------
    out
        folder for calibration.csv, calibration.md and, with matplotlib, calibration.png; also for published.csv
        and published.md.
    assets
        number of simulated assets in each arm.
    seed
        random seed of the simulated assets.
    arms
        names of the ways in which the truth differs from the assumptions; by default all.
    runs
        independent runs combined in each forecast: 1 is fast, 4 is what twin forecast uses.
    published
        only the published series, without simulating anything; takes a second.
    """
    from corrotwin.twin.bayes.session import MOST_RUNS
    from corrotwin.twin.calibration import coverage, report
    from corrotwin.twin.calibration.arms import ARMS

    if assets < 1 or seed < 0 or not 1 <= runs <= MOST_RUNS:
        raise InputError(
            f"--assets {assets}, --seed {seed}, --runs {runs}: give at least 1 asset, a seed of at least 0 and 1 to "
            f"{MOST_RUNS} runs"
        )
    unknown = [arm for arm in arms if arm not in ARMS]
    if unknown:
        raise InputError(f"--arms {', '.join(unknown)}: choose from {'; '.join(ARMS)}")
    with writing(out, "choose another folder"):  # now, not after all the simulating
        check_writable(out)
    with writing(out):
        report.report_published(out)
    if not published:
        scores, chosen = [], arms or tuple(ARMS)
        with progress("calibrating", len(chosen) * assets, unit="assets", to=out) as line:
            for number, arm in enumerate(chosen):
                line.update(what=f"calibrating: {arm}")
                for score in coverage.scores(arm, assets, seed=seed, runs=runs):
                    scores.append(score)
                    line.update(number * assets + score.asset)
        with writing(out):
            report.report(out, scores)
    say(f"written to {out}")


def read_required(given: Sequence[str]) -> dict[str, float]:
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


def load_session(folder: Path, years: float, seed: int, category_measured: bool) -> "Session":
    """Open a twin's session, with a warning if its records end in a torn line."""
    from corrotwin.twin.bayes.session import open_session

    check_seed(seed)
    with progress("learning from inspections"):
        known = open_session(folder, ahead_years=years, seed=seed, category_measured=category_measured)
    warn(known.note)
    return known


def warn(note: str) -> None:
    """Print a warning about a torn end of the records on stderr; nothing if there is none."""
    if note:
        say_error(f"warning: {note}")


def describe_agreement(item: "Agreement", widening: float) -> str:
    """Describe in one line whether an inspection agrees with earlier knowledge."""
    from corrotwin.twin.bayes.agreement import CONFLICT

    days = item.date if item.date == item.until else f"{item.date} to {item.until}"
    if item.chance < CONFLICT:
        done = f"The prior was widened by a factor of {widening:g}" if widening > 1 else "No wider prior agrees better"
        return (
            f"CONFLICT on {days}: {item.record}; given what was known before, the chance of a result at least "
            f"this unusual was {100 * item.chance:.2g} %. {done}; check tool, place and exposure"
        )
    return f"{days} agrees with what was known before (p = {item.chance:.2g})"
