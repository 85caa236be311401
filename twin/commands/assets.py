"""``corrotwin twin new``, ``grow``, ``show`` and ``export``: make a twin, let it age, show it, export it."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from corrotwin.twin.commands.forecasts import busy, check_seed, load_session
from corrotwin.twin.commands.options import check_stated, describe_coating, dimensions_of, in_words
from corrotwin.twin.core.text import counted, printable, say

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE_IT = "unknown: state it with --mechanism process rate_mm_year=0.1, or as co2, or say --mechanism none"


def new(
    kind: Positional[str],
    out: Path,
    seed: int = 0,
    set: tuple[str, ...] = (),  # noqa: A002  the name of the option
    years: float | None = None,
    built: str | None = None,
    category: str | None = None,
    climate: tuple[float, float, float, float] | None = None,
    splash: tuple[float, float] | None = None,
    debris: float = 1.0,
    coating_life: float | None = None,
    zinc_um: float | None = None,
    bare: bool = False,
    mechanism: tuple[str, ...] = (),
    random: bool = False,
    texel_mm: float = 2.0,
) -> None:
    """Make a twin of an asset from its main dimensions, its place and its coating; or draw what is not given.

    Example: corrotwin twin new pipe --out spool --set nps=8 schedule=40 run_m=3 --built 2010-05-31 --category C4
    --coating-life 8, or: corrotwin twin new pipe --out spool --random --seed 7

    Parameters
    ----------
    kind
        pipe, vessel, chain, plate, bolt, bar, beam, bearing, railing or stair.
    out
        folder for the twin; new or empty.
    seed
        decides where corrosion starts and how it spreads, and with --random what is drawn.
    set
        dimensions and features as name=value; a wrong name lists those of the kind. Main dimensions must be given;
        features such as branches and supports are left out unless given.
    years
        of service so far; by default those from --built to today, and without either none.
    built
        date on which service began, as 2004-05-31; by default so many years ago.
    category
        ISO 9223 corrosivity, C1 to CX; it or --climate must be given.
    climate
        instead of --category: mean temperature in °C, relative humidity in %, deposition of SO2 and of chloride in
        mg/(m² d).
    splash
        heights in m above the lowest point, from and to, between which sea water splashes.
    debris
        times as many weak spots of the paint on ledges, where dirt and water lie, 1 to 100.
    coating_life
        painted: years by which most weak spots of the paint have opened.
    zinc_um
        galvanised: thickness of the zinc in µm.
    bare
        neither painted nor galvanised; this, --coating-life or --zinc-um must be given.
    mechanism
        corrosion beside the open air: process, co2, insulation, soil, splash, immersion or own, then its name=value,
        then the next, as in co2 zone=bore temperature_c=60 co2_bar=2 ph=5; a wrong name lists those of the kind. By
        default an unknown process fluid corrodes the bore of a pipe; none for no mechanism.
    random
        draw from the seed what is not given: dimensions, features, place, coating and, without --built, the years; what
        was drawn is printed.
    texel_mm
        resolution on the surface.
    """
    import numpy as np

    from corrotwin.twin import creation, defaults, store, twin_state
    from corrotwin.twin.mechanisms.process import is_unknown

    check_seed(seed)
    sampled = twin_state.sample_twin(kind, np.random.default_rng(seed), texel_mm=texel_mm)
    dimensions = dimensions_of(sampled, set)
    history = defaults.history_missing(
        category=category, climate=climate, coating_life=coating_life, zinc_um=zinc_um, bare=bare
    )
    if not random:
        check_stated(kind, dimensions, history)
    twin = creation.specify(
        creation.shaped(kind, dimensions, seed=seed, texel_mm=texel_mm, random=random),
        years=years, built=built, category=category, climate=climate, splash=splash, debris=debris,
        coating_life=coating_life, zinc_um=zinc_um, bare=bare, mechanisms=mechanism or None,
        random=random,
    )  # fmt: skip
    with busy(f"growing {kind}"):
        store.save(twin, out, new=True)
    say(f"{printable(twin.id)}: {kind} of {twin.years:.6g} years on {twin.clock:%Y-%m-%d} in {out}")
    for one in twin.mechanisms:
        say(f"{one}; {STATE_IT}" if is_unknown(one) else str(one))
    if random:
        _print_drawn(defaults.drawn(twin, dimensions, history, age=years is None and built is None), seed)
    elif plain := {
        name: value
        for name, value in twin.parameters.items()
        if name not in dimensions and not (value == 0 and name in ("od_mm", "wall_mm"))  # those of the table
    }:
        say(f"not given, so plain: {in_words(plain)}")


def _print_drawn(drawn: "Mapping[str, object]", seed: int) -> None:
    """Print a table of what was drawn."""
    from rich.table import Table

    from corrotwin.twin.core.console import rich_console

    table = Table("drawn", "value", title=f"drawn from seed {seed}")
    for name, value in drawn.items():
        table.add_row(name, in_words({name: value}).partition("=")[2])
    if drawn:
        rich_console().print(table)


def grow(
    folder: Positional[Path],
    years: float | None = None,
    until: str | None = None,
    category: str | None = None,
    climate: tuple[float, float, float, float] | None = None,
    splash: tuple[float, float] | None = None,
) -> None:
    """Let years pass, at the same place or at another.

    Example: corrotwin twin grow spool --years 5, or: corrotwin twin grow spool --until 2031-01-01 --category CX

    Parameters
    ----------
    folder
        of the twin.
    years
        to add, at least 0.
    until
        date to go on to, instead of --years.
    category
        ISO 9223 corrosivity of the place where it stands from now on, if another.
    climate
        of that place, instead: mean temperature in °C, relative humidity in %, deposition of SO2 and of chloride in
        mg/(m² d).
    splash
        heights in m above the lowest point, from and to, between which sea water splashes at that place; none unless
        given, and no debris.
    """
    from corrotwin.twin import creation, store

    to, move = creation.growth(years=years, until=until, category=category, climate=climate, splash=splash)
    with busy("growing"):
        twin = store.advance(folder, to, move=move)
    say(f"{printable(twin.id)}: now {twin.years:.6g} years, {twin.clock:%Y-%m-%d}, {twin.exposure.periods[-1]}")


def show(folder: Positional[Path]) -> None:
    """Print a table of the twin: area, rusted share and its ISO 4628-3 grade, wall loss, remaining thickness.

    It is one history, which the seed draws. Where there are inspections, a second table has the estimate from them.

    Example: corrotwin twin show spool

    Parameters
    ----------
    folder
        of the twin.
    """
    from rich.table import Table

    from corrotwin.twin import assets, export, store, twin_state
    from corrotwin.twin.core.console import rich_console
    from corrotwin.twin.forecast import result, tables
    from corrotwin.twin.inspection import log

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
    if count := len(log.read(folder)[0]):
        known = load_session(folder, 0.0, 0, category_measured=False)
        made = result.make(known, years=0.0)
        now = [row for row in made.rows if row.years == known.now_years]
        say("above: one history that the seed draws; below: the estimate from the inspections, P5 to P95")
        rich_console().print(tables.shown(now, f"{printable(twin.id)}: estimate from {counted(count, 'record')}"))


def export(folder: Positional[Path], out: Path, look: Literal["rust", "loss"] = "rust") -> None:
    """Write the twin as a textured mesh (.glb) or as a table of zones (.csv).

    Example: corrotwin twin export spool --out spool.glb

    Parameters
    ----------
    folder
        of the twin.
    out
        file to write; its suffix chooses the format.
    look
        texture of the mesh: rust as it looks, or wall loss.
    """
    from corrotwin.twin import assets, store, twin_state
    from corrotwin.twin.export import check_suffix, write

    check_suffix(out)
    with busy("exporting"):
        twin, fields = store.load(folder)
        built = twin_state.asset(twin)
        write(out, built, assets.texels(built), twin, fields, look=look)
    say(f"{printable(twin.id)}: written to {out}")
