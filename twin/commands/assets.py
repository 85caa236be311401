"""``corrotwin twin new``, ``grow``, ``show`` and ``export``: make a twin, let years pass, look at it, export it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from corrotwin.twin.commands.forecasts import busy
from corrotwin.twin.core.errors import InputError

DRAWS = 12  # of the dimensions that were not given, until they fit those that were

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np

    from corrotwin.twin.model.coating import Coating
    from corrotwin.twin.model.exposure import Period
    from corrotwin.twin.store import TwinState


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
    texel_mm: float = 2.0,
) -> None:
    """Make a twin with random shape and history; what is given here replaces what would be drawn.

    Example: corrotwin twin new pipe --out spool --seed 7 --set nps=8 schedule=40 --category C5 --years 12

    Args:
        kind: pipe, chain, plate, bolt, bar, beam, bearing, railing or stair.
        out: folder for the twin; new or empty.
        seed: decides everything that is drawn.
        set: dimensions and features as name=value; a wrong name lists those of the kind.
        years: of service so far.
        built: date on which service began, as 2004-05-31; by default so many years ago.
        category: ISO 9223 corrosivity, C1 to CX.
        climate: instead of a category: mean temperature in °C, relative humidity in %, deposition of SO2 and of
            chloride in mg/(m² d).
        splash: heights in m above the lowest point, from and to, between which sea water splashes.
        debris: times as many weak spots of the paint on ledges, where dirt and water lie, 1 to 100.
        coating_life: painted: years by which most weak spots of the paint have opened.
        zinc_um: galvanised: thickness of the zinc in µm.
        bare: neither painted nor galvanised.
        texel_mm: resolution on the surface.
    """
    from dataclasses import replace
    from datetime import UTC, datetime

    import numpy as np

    from corrotwin.twin import store
    from corrotwin.twin.core import files
    from corrotwin.twin.model.coating import Paint
    from corrotwin.twin.model.exposure import Exposure

    if seed < 0:
        raise InputError(f"--seed {seed}: must be at least 0")
    rng = np.random.default_rng(seed)
    twin = store.sample_twin(kind, rng, texel_mm=texel_mm)
    if set:
        twin = _with_dimensions(twin, set, rng)
    age = twin.years if years is None else years
    if not age >= 0:
        raise InputError(f"--years {age}: must be a number of at least 0")
    now = datetime.now(UTC).replace(microsecond=0)
    begin = _moment("--built", built) if built else store.later(now, -age)
    if begin > now:
        raise InputError(f"--built {built}: lies in the future; give the date on which service began")
    twin = replace(twin, built=begin, clock=store.later(begin, age))
    place = _place(category, climate) or twin.exposure.periods[0]
    twin = replace(twin, exposure=Exposure(periods=(replace(place, splash_m=splash, debris=debris),)))
    if bare or coating_life is not None or zinc_um is not None:
        twin = replace(twin, coating=_coating(coating_life, zinc_um, bare=bare))
    if debris > 1 and not isinstance(twin.coating, Paint):
        raise InputError(f"--debris {debris:g}: concerns paint, and this {kind} has none; give --coating-life")
    if files.read_manifest(out, "twin") is not None:
        raise InputError(f"{out}: holds a twin already; grow it, or choose another --out")
    with busy(f"growing {kind}"):
        store.save(twin, out)
    print(f"{twin.id}: {kind} of {twin.years:.6g} years in {out}")  # noqa: T201


def grow(
    folder: Positional[Path],
    years: float | None = None,
    until: str | None = None,
    category: str | None = None,
    climate: tuple[float, float, float, float] | None = None,
    splash: tuple[float, float] | None = None,
) -> None:
    """Let years pass, here or at another place.

    Example: corrotwin twin grow spool --years 5, or: corrotwin twin grow spool --until 2031-01-01 --category CX

    Args:
        folder: of the twin.
        years: to add, at least 0.
        until: date to go on to, instead of years.
        category: ISO 9223 corrosivity of the place where it stands from now on, if another.
        climate: of that place, instead: mean temperature in °C, relative humidity in %, deposition of SO2 and of
            chloride in mg/(m² d).
        splash: heights in m above the lowest point, from and to, between which sea water splashes at that place; none
            unless given, and no debris.
    """
    from dataclasses import replace

    from corrotwin.twin import store

    if (years is None) == (until is None):
        raise InputError("grow: give either --years or --until")
    if years is not None and not years >= 0:
        raise InputError(f"--years {years}: a clock does not run backwards; give a number of at least 0")
    end = _moment("--until", until) if until else None
    place = _place(category, climate)
    if splash is not None:
        if place is None:
            raise InputError("--splash is of the place it moves to: give its --category or --climate, too")
        place = replace(place, splash_m=splash)
    with busy("growing"):
        twin = store.advance(
            folder,
            lambda clock: end if end is not None else store.later(clock, years or 0.0),
            move=place,
        )
    print(f"{twin.id}: now {twin.years:.6g} years, {twin.clock:%Y-%m-%d}, {twin.exposure.periods[-1]}")  # noqa: T201


def show(folder: Positional[Path]) -> None:
    """Print a table of the twin: area, rusted share and its ISO 4628-3 grade, wall loss, remaining thickness.

    Example: corrotwin twin show spool

    Args:
        folder: of the twin.
    """
    from rich.console import Console
    from rich.table import Table

    from corrotwin.twin import assets, export, store

    twin, fields = store.load(folder)
    built = store.asset(twin)
    places = ", then ".join(
        f"{period} from year {period.from_years:.3g}" if period.from_years else f"{period}"
        for period in twin.exposure.periods
    )
    title = f"{twin.id}: {twin.years:.6g} years on {twin.clock:%Y-%m-%d}, {places}, {_described(twin.coating)}"
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
    Console().print(table)
    if any(row.max_loss_mm for row in rows):
        print(export.ONE_FACE)  # noqa: T201


def export(folder: Positional[Path], out: Path, look: Literal["rust", "loss"] = "rust") -> None:
    """Write the twin as a textured mesh (.glb) or as a table of zones (.csv).

    Example: corrotwin twin export spool --out spool.glb

    Args:
        folder: of the twin.
        out: file to write; its suffix chooses the format.
        look: texture of the mesh: rust as it looks, or wall loss.
    """
    from corrotwin.twin import assets, store
    from corrotwin.twin import export as exporter

    exporter.check_suffix(out)
    with busy("exporting"):
        twin, fields = store.load(folder)
        built = store.asset(twin)
        exporter.write(out, built, assets.texels(built), twin, fields, look=look)
    print(f"{twin.id}: written to {out}")  # noqa: T201


def _changed(kind: str, parameters: Mapping[str, Any], changes: tuple[str, ...]) -> dict[str, Any]:
    """Parameters with changes of the form name=value, each read as the type of what it replaces."""
    import json

    changed = dict(parameters)
    given = set()
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or name not in changed:
            raise InputError(f"--set {change}: give name=value; a {kind} has {', '.join(changed)}")
        if name in given:
            raise InputError(f"--set {change}: {name} is given twice; give it once")
        given.add(name)
        old = changed[name]
        try:
            value = text if isinstance(old, str) else json.loads(text.lower() if isinstance(old, bool) else text)
        except ValueError as error:
            raise InputError(f"--set {change}: {text!r} is not a value like {json.dumps(old)}") from error
        if isinstance(old, float) and _number(value):
            value = float(value)
        if type(value) is not type(old) or (isinstance(old, list) and not all(map(_number, value))):
            raise InputError(f"--set {change}: {text!r} is not a value like {json.dumps(old)}")
        changed[name] = value
    return changed


def _number(value: object) -> bool:
    """Whether it is a number, neither NaN nor beyond any dimension."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _place(category: str | None, climate: tuple[float, float, float, float] | None) -> "Period | None":
    """The place that the options name, or None."""
    from corrotwin.twin.model.exposure import Climate, Period

    if category is not None and climate is not None:
        raise InputError("give either --category or --climate")
    if climate is not None:
        temperature, humidity, so2, chloride = climate
        return Period(
            climate=Climate(
                temperature_c=temperature, humidity_percent=humidity, so2_mg_m2_d=so2, chloride_mg_m2_d=chloride
            )
        )
    return None if category is None else Period(category=category)


def _coating(life_years: float | None, zinc_um: float | None, *, bare: bool) -> "Coating":
    """The one coating that the options name."""
    from corrotwin.twin.model.coating import Paint, Zinc

    if bare + (life_years is not None) + (zinc_um is not None) > 1:
        raise InputError("give only one of --coating-life, --zinc-um and --bare")
    if life_years is not None:
        return Paint(life_years=life_years)
    return None if zinc_um is None else Zinc(thickness_um=zinc_um)


def _described(coating: "Coating") -> str:
    from corrotwin.twin.model.coating import Paint

    if coating is None:
        return "bare steel"
    if isinstance(coating, Paint):
        return f"paint of {coating.life_years:g} years"
    return f"{coating.thickness_um:g} µm of zinc"


def _with_dimensions(twin: "TwinState", dimensions: tuple[str, ...], rng: "np.random.Generator") -> "TwinState":
    """The twin with dimensions as asked; what was drawn and does not fit them, such as a support, is drawn again."""
    from dataclasses import replace

    from corrotwin.twin import store

    trouble: list[InputError] = []
    for _ in range(DRAWS):
        changed = replace(twin, parameters=_changed(twin.kind, twin.parameters, dimensions))
        try:
            store.asset(changed)
        except InputError as error:
            trouble.append(error)
            twin = store.sample_twin(twin.kind, rng, texel_mm=twin.texel_mm)
        else:
            return changed
    raise trouble[0]


def _moment(option: str, text: str) -> "datetime":
    """A date, or a time with its zone, as UTC."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} {text}: give a date such as 2031-01-31") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
