"""``corrotwin twin view`` and ``compare``: a twin on a page in 3D, and two dates side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from corrotwin.twin.commands.forecasts import load_session, read_required
from corrotwin.twin.core.console import progress, rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, printable, say

if TYPE_CHECKING:
    from corrotwin.twin.forecast.result import Forecast
    from corrotwin.twin.view.surface import SurfaceHistory


def view(
    folder: Positional[Path],
    out: Path | None = None,
    years: float = 20.0,
    required: tuple[str, ...] = (),
    rule: Literal["api510", "api570-class1", "api570-class2", "api570-class3"] = "api510",
    units: Literal["mm", "inch"] = "mm",
    glb: Path | None = None,
    category_measured: bool = False,
    seed: int = 0,
) -> None:
    """Write a page that shows the twin in 3D over the years, with its forecast and inspections, in any browser.

    The page is a single file that needs neither a server nor a network. Its numbers are those of twin forecast with
    the same options.

    Example: corrotwin twin view spool --out spool.html --required body=6 weld=6

    Parameters
    ----------
    folder
        folder of the twin.
    out
        page to write, .html.
    years
        years to look ahead, from the twin's clock or its last inspection, whichever is later.
    required
        thickness in mm that must remain, as zone=mm; all=mm sets it for zones that are not named.
    rule
        inspection code that limits the interval between thickness measurements.
    units
        unit of lengths when the page opens; the page can switch it.
    glb
        .glb file to write as well, or instead: the shape with one material variant for each year, for any glTF
        viewer.
    category_measured
        as for twin forecast.
    seed
        random seed of the simulated histories.
    """
    from corrotwin.twin import store
    from corrotwin.twin.forecast import result
    from corrotwin.twin.inspection import log
    from corrotwin.twin.view import page, surface, variants

    if out is None and glb is None:
        raise InputError("view: give --out, an .html page, or --glb")
    if out is not None:
        page.check(out, units)
    if glb is not None:
        variants.check(glb)
    ahead, limits = result.ahead_of(years), read_required(required)
    history = None
    if out is not None:
        known = load_session(folder, ahead, seed, category_measured)
        with progress("forecasting", to=out):
            made = result.make(known, years=years, required=limits, rule=rule)
        with progress("drawing the surface over the years", to=out):
            history = surface.surface_history(known.twin, known.now_years, made.years[-1])
            _write(out, made, history, units)
    if glb is not None:
        twin, records, events = store.read(folder), log.read(folder)[0], log.read_log(folder).events_in_force.values()
        now = max([twin.years, *(entry.years(twin) for entry in records), *(entry.years(twin) for entry in events)])
        with progress("painting the surface for each year", to=glb):
            history = history or surface.surface_history(twin, now, now + years)
            count = variants.write(glb, twin, history, now, now + years)
        say(f"{printable(twin.id)}: written to {glb}, with {counted(count, 'variant')} by date")


def compare(
    folder: Positional[Path],
    from_date: Positional[str],
    to_date: Positional[str],
    required: tuple[str, ...] = (),
    out: Path | None = None,
    page: Path | None = None,
    units: Literal["mm", "inch"] = "mm",
    category_measured: bool = False,
    seed: int = 0,
) -> None:
    """Compare a twin at two dates, past or future: rust, wall loss and remaining thickness.

    Example: corrotwin twin compare spool 2020-01-01 2035-01-01 --page change.html

    Parameters
    ----------
    folder
        folder of the twin.
    from_date, to_date
        two dates such as 2030-05-31, the later one second, neither before the twin was built.
    required
        thickness in mm that must remain, as zone=mm; all=mm sets it for zones that are not named.
    out
        .csv file with every zone.
    page
        .html file to write, as by twin view; it opens with the difference.
    units
        unit of lengths when the page opens.
    category_measured
        as for twin forecast.
    seed
        random seed of the simulated histories.
    """
    from corrotwin.twin import store
    from corrotwin.twin.core.files import write_text, writing
    from corrotwin.twin.forecast import result, tables
    from corrotwin.twin.view import comparison, surface
    from corrotwin.twin.view import page as pages

    if out is not None:
        result.check_csv(out)
    if page is not None:
        pages.check(page, units)
    limits, twin = read_required(required), store.read(folder)
    first, last = comparison.years_of(twin, (from_date, to_date))
    if not first < last:
        raise InputError("`from_date` and `to_date`: give two different dates, the earlier one first")
    if last - twin.years > result.MOST_AHEAD_YEARS:
        raise InputError(
            f"`to_date` {to_date}: is more than {result.MOST_AHEAD_YEARS} years ahead; give an earlier one"
        )
    ahead = result.ahead_of(max(last - twin.years, 0.0))
    known = load_session(folder, ahead, seed, category_measured)
    with progress("forecasting", to=out or page):
        rows = comparison.compare(known, first, last, limits)
    if out is not None:
        with writing(out):
            write_text(out, tables.to_csv(rows, comparison.ZoneChange))
    if page is not None:
        with progress("drawing the surface over the years", to=page):
            made = result.make(known, years=max(last - known.now_years, 0.0), required=limits)
            history = surface.surface_history(known.twin, known.now_years, made.years[-1])
            _write(page, made, history, units, compared=(first, last))
    rich_console().print(comparison.shown(rows, printable(known.twin.id)))


def _write(
    out: Path, made: "Forecast", history: "SurfaceHistory", units: str,
    compared: tuple[float, float] | None = None,
) -> None:  # fmt: skip
    from corrotwin.twin.view import page

    size = page.write(out, made, history, units=units, compared=compared)
    say(f"{printable(made.known.twin.id)}: written to {out} ({size / 1e6:.1f} MB); open it in a browser")
