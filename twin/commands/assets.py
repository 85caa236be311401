"""``corrotwin twin grow``, ``show`` and ``export``: let a twin age, show it, export it."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from corrotwin.twin.commands.forecasts import load_session, read_required
from corrotwin.twin.core.arguments import check_seed
from corrotwin.twin.core.console import progress, rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, printable, say, say_next


def grow(
    folder: Positional[Path],
    years: float | None = None,
    until: str | None = None,
    category: str | None = None,
    climate: tuple[float, float, float, float] | None = None,
    splash: tuple[float, float] | None = None,
) -> None:
    """Advance a twin in time, in the same place or in another.

    Example: corrotwin twin grow spool --years 5, or: corrotwin twin grow spool --until 2031-01-01 --category CX

    Parameters
    ----------
    folder
        folder of the twin.
    years
        years to add, at least 0.
    until
        date to advance to, instead of --years.
    category
        ISO 9223 corrosivity of the new place, if the asset is moved.
    climate
        climate of the new place, instead of --category: mean temperature in °C, relative humidity in %,
        deposition of SO2 and of chloride in mg/(m² d).
    splash
        lower and upper height of the splash zone in the new place, in m above the lowest point; by default
        there is none, and no debris either.
    """
    from corrotwin.twin import creation, store

    to, move = creation.growth(years=years, until=until, category=category, climate=climate, splash=splash)
    with progress("growing", to=folder):
        twin = store.advance(folder, to, move=move)
    say(f"{printable(twin.id)}: now {twin.years:.6g} years, {twin.clock:%Y-%m-%d}, {twin.exposure.periods[-1]}")
    say_next("twin", "show", folder)


def show(folder: Positional[Path]) -> None:
    """Print a table of the twin: area, rusted share and its ISO 4628-3 grade, wall loss, remaining thickness.

    The table shows the one history that the seed draws. If there are inspections, a second table shows the estimate
    from them.

    Example: corrotwin twin show spool

    Parameters
    ----------
    folder
        folder of the twin.
    """
    from rich.table import Table

    from corrotwin.twin import assets, export, store, twin_state
    from corrotwin.twin.forecast import result, tables
    from corrotwin.twin.inspection import log
    from corrotwin.twin.model.coating import describe_coating

    twin, fields = store.load(folder)
    built = twin_state.asset(twin)
    places = ", then ".join(
        f"{period} from year {period.from_years:.3g}" if period.from_years else f"{period}"
        for period in twin.exposure.periods
    )
    name, coating = printable(twin.id), describe_coating(twin.coating)
    title = f"{name}: {twin.years:.6g} years on {twin.clock:%Y-%m-%d}, {places}, {coating}"
    table = Table(title=title)
    for name in ("by", "name", "grade"):
        table.add_column(name, no_wrap=True)
    for number in ("area m²", "rusted %", "mean loss mm", "max loss mm", "least left mm"):
        table.add_column(number, justify="right")
    rows = export.zone_table(built, assets.texels(built), fields, twin.exposure.periods[-1].splash_m)
    for row in rows:
        values = (row.mean_loss_mm, row.max_loss_mm, row.least_left_mm)
        table.add_row(
            row.by, row.name, row.iso_4628_3, f"{row.area_m2:.4f}", f"{row.rusted_percent:.2f}",
            *(f"{value:.3f}" for value in values),
        )  # fmt: skip
    rich_console().print(table)
    for mechanism in twin.mechanisms:
        say(str(mechanism))
    listed = log.read_log(folder)
    count, happened = len(log.read(folder, built, listed)[0]), len(listed.events_in_force)
    if count or happened:
        known = load_session(folder, 0.0, 0, category_measured=False)
        estimate = result.make(known, years=0.0)
        now = [row for row in estimate.rows if row.years == known.now_years]
        say("above: one history that the seed draws; below: the estimate from the inspections, P5 to P95")
        sources = counted(count, "record")
        if happened:
            say("replacements, repairs and recoatings are in the estimate only")
            sources += f" and {counted(happened, 'event')}"
        rich_console().print(tables.shown(now, f"{printable(twin.id)}: estimate from {sources}"))
    say_next("twin", "forecast", folder, "--years", 10)


def export(
    folder: Positional[Path],
    out: Path,
    look: Literal["rust", "loss", "zones"] = "rust",
    years: float = 10.0,
    required: tuple[str, ...] = (),
    rule: Literal["api510", "api570-class1", "api570-class2", "api570-class3"] = "api510",
    category_measured: bool = False,
    seed: int = 0,
    asset_id: str = "",
) -> None:
    """Export the twin as a textured mesh, a table of zones, or an Asset Administration Shell with its forecast.

    Example: corrotwin twin export spool --out spool.glb, or: corrotwin twin export spool --out spool.aasx --required
    body=6

    Parameters
    ----------
    folder
        folder of the twin.
    out
        file to write; its suffix chooses the format: .glb for a mesh, .csv for a table of zones, .aasx for an
        Asset Administration Shell with the mesh, .json for the shell without it.
    look
        texture of the mesh: rust as it looks, wall loss, or one colour for each zone.
    years
        years that the forecast in a shell looks ahead; this and the options below apply to shells only.
    required
        thickness in mm that must remain, as zone=mm; the requirements in the twin's register of CML apply as
        well.
    rule
        inspection code that limits the interval between thickness measurements.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226) rather than estimated.
    seed
        random seed of the simulated histories.
    asset_id
        global id of the asset, such as a URL; by default derived from the folder's name and the twin.
    """
    from corrotwin.twin import assets, store, twin_state
    from corrotwin.twin.export import SHELLS, check_suffix, mesh, write
    from corrotwin.twin.fleets import making

    check_suffix(out)
    check_seed(seed)
    settings = making.OutlookSettings.of(
        years, read_required(required), rule, category_measured=category_measured, seed=seed
    )
    if out.suffix not in SHELLS and (settings != making.OutlookSettings() or asset_id):
        raise InputError(
            f"{out}: only a shell, {' or '.join(SHELLS)}, has a forecast and an id; leave out their options"
        )
    if out.suffix in SHELLS:
        from corrotwin.twin.aas import package

        package.check_id(asset_id)
        making.check_zones([folder], settings)
    with progress("exporting", to=out):
        twin, fields = store.load(folder)
        built = twin_state.asset(twin)
        texels = assets.texels(built)
        if out.suffix in SHELLS:
            source = package.ShellSource(
                twin=twin, outlook=making.outlook_of(folder, settings), name=folder.absolute().name, asset_id=asset_id
            )
            package.write(out, source, lambda: mesh(built, texels, twin, fields, look=look))
        else:
            write(out, built, texels, twin, fields, look=look)
    say(f"{printable(twin.id)}: written to {out}")
