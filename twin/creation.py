"""Creation of twins from a stated shape and history; the rest is drawn at random only on request."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from corrotwin.twin import defaults, twin_state
from corrotwin.twin.core.arguments import check_seed, naming, renaming
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import is_portable_name
from corrotwin.twin.mechanisms.catalogue import HOLLOW, resolved
from corrotwin.twin.mechanisms.mechanism import Mechanism
from corrotwin.twin.meshes import mesh_file
from corrotwin.twin.meshes.child import MeshAsset
from corrotwin.twin.model import corrosion
from corrotwin.twin.model.coating import Coating, Paint, Zinc
from corrotwin.twin.model.exposure import Climate, Exposure, Period
from corrotwin.twin.twin_state import TwinState

_ARGUMENTS = {"splash_m": "splash", "life_years": "coating_life", "thickness_um": "zinc_um"}  # argument by model field
DRAWS = 12  # most attempts at drawing dimensions that fit the stated ones

ClimateValues = tuple[float, float, float, float]  # mean °C, relative humidity %, SO2 and chloride in mg/(m² d)


def shaped(kind: str, dimensions: Mapping[str, Any], *, seed: int, texel_mm: float, random: bool = False) -> TwinState:
    """Return a twin of the stated dimensions, with a history that the seed draws and `specify` replaces.

    Parameters
    ----------
    kind : kind of the asset, one of `twin.assets.KINDS`.
    dimensions : stated dimensions and features by name.
    seed : seed of everything that is drawn.
    texel_mm : side of a texel on the surface.
    random : draw the dimensions and features that are not stated, and draw again if they do not fit the stated ones.
        Otherwise the main dimensions must be stated, and features are plain (`twin.defaults`).

    Raises
    ------
    InputError
        The kind or a dimension is unknown, a value is impossible for the kind, or a main dimension is missing.
    """
    check_seed(seed)
    rng = np.random.default_rng(seed)
    with naming("kind"):
        twin = twin_state.sample_twin(kind, rng, texel_mm=float(texel_mm))
    if not random:
        all_values = _changed(kind, twin.parameters, dimensions)
        stated = {name: all_values[name] for name in dimensions}
        if lacking := defaults.missing(kind, stated):
            raise InputError(f"{kind}: give {', '.join(lacking)}; or `random` to draw what is not given")
        return replace(twin, parameters=defaults.filled(kind, stated))
    if not dimensions:
        return twin
    errors: list[InputError] = []
    for _ in range(DRAWS):
        changed = replace(twin, parameters=_changed(twin.kind, twin.parameters, dimensions))
        try:
            twin_state.asset(changed)
        except InputError as error:
            errors.append(error)
            twin = twin_state.sample_twin(kind, rng, texel_mm=twin.texel_mm)
        else:
            return changed
    raise errors[0]


def of_mesh(made: MeshAsset, *, seed: int, texel_mm: float) -> TwinState:
    """Return a twin of a mesh of the user's own, with a history that the seed draws and `specify` replaces.

    Parameters
    ----------
    made : mesh from `twin.meshes.child`; its file is copied into the folder of the twin.
    seed, texel_mm : as for `shaped`.

    Raises
    ------
    InputError
        The file is damaged, or its atlas would need too much memory.
    """
    check_seed(seed)
    rng = np.random.default_rng(seed)
    twin = twin_state.with_history(mesh_file.KIND, made.parameters, rng, texel_mm=float(texel_mm))
    twin_state.asset(twin)
    return twin


def with_seed(twin: TwinState, seed: int) -> TwinState:
    """Return a twin of the same asset with the history that another seed draws."""
    if twin.kind == mesh_file.KIND:
        rng = np.random.default_rng(seed)
        return twin_state.with_history(twin.kind, twin.parameters, rng, texel_mm=twin.texel_mm)
    drawn = shaped(twin.kind, {}, seed=seed, texel_mm=twin.texel_mm, random=True)
    return replace(drawn, parameters=twin.parameters)


@renaming(_ARGUMENTS)
def specify(
    drawn: TwinState,
    *,
    name: str = "",
    years: float | None = None,
    built: str | date | None = None,
    category: str | None = None,
    climate: ClimateValues | None = None,
    splash: tuple[float, float] | None = None,
    debris: float = 1.0,
    coating_life: float | None = None,
    zinc_um: float | None = None,
    bare: bool = False,
    mechanisms: Sequence[str | Mechanism] | None = None,
    random: bool = False,
) -> TwinState:
    """Replace the drawn history of a twin with the stated one.

    Parameters
    ----------
    drawn : twin from `shaped`.
    name : name of the twin; by default its kind and the drawn seed.
    years : years of service so far; by default those from `built` to today. Without either, service begins today.
    random : keep the drawn place, coating and, without `built`, years if none are stated.

    All other parameters are as for `twin.api.twin.Twin`.

    Raises
    ------
    InputError
        A value is impossible, two contradict each other, or the place or the coating is missing.
    """
    if name and not is_portable_name(name):
        raise InputError(
            f"`name` {name!r:.80}: cannot be used as a folder name, and renders are named after it; choose another"
        )
    now = datetime.now(UTC).replace(microsecond=0)
    start = moment("built", built) if built else None
    if start is not None and start > now:
        raise InputError(f"`built` {built}: is in the future; give the date on which service began")
    if years is None and start is not None:  # to midnight, so that a command repeated today gives the same twin
        clock = max(start, now.replace(hour=0, minute=0, second=0))
        years = (clock - start).total_seconds() / twin_state.SECONDS_PER_YEAR
    age = years if years is not None else drawn.years if random else 0.0
    _check_age(age)
    start = twin_state.later(now, -age) if start is None else start
    period = place(category, climate) or drawn.exposure.periods[0]
    period = replace(period, splash_m=splash and (float(splash[0]), float(splash[1])))
    with naming("debris"):
        period = replace(period, debris=float(debris))
    coating = drawn.coating
    if bare or coating_life is not None or zinc_um is not None:
        coating = _coating(coating_life, zinc_um, bare=bare)
    lacking = defaults.history_missing(
        category=category, climate=climate, coating_life=coating_life, zinc_um=zinc_um, bare=bare
    )
    if lacking and not random:
        raise InputError(f"{drawn.kind}: give {', and '.join(lacking)}; or `random` to draw what is not given")
    twin = replace(
        drawn, built=start, clock=twin_state.later(start, age), exposure=Exposure(periods=(period,)), coating=coating
    )
    if debris > 1 and not isinstance(twin.coating, Paint):
        raise InputError(
            f"`debris` {debris:g}: applies only to paint, and this {twin.kind} has none; give `coating_life`"
        )
    zone_names = twin_state.asset(twin).zone_names if mechanisms or twin.kind in HOLLOW else ()
    return replace(twin, id=name or twin.id, mechanisms=resolved(mechanisms, twin.kind, zone_names))


@renaming(_ARGUMENTS)
def growth(
    *,
    years: float | None = None,
    until: str | date | None = None,
    category: str | None = None,
    climate: ClimateValues | None = None,
    splash: tuple[float, float] | None = None,
) -> tuple[Callable[[datetime], datetime], Period | None]:
    """Return a function from the old time of a clock to the new one, and the place to which the twin moves, if any.

    Parameters
    ----------
    years : years to add, at least 0.
    until : date up to which to grow, instead of `years`.
    category, climate, splash : exposure at the place where the twin stands from now on, as for `specify`.

    Raises
    ------
    InputError
        Not exactly one of `years` and `until` is given, or a value is impossible.
    """
    if (years is None) == (until is None):
        raise InputError("grow: give either `years` or `until`")
    if years is not None:
        _check_age(years)
    end = moment("until", until) if until else None
    period = place(category, climate)
    if splash is not None:
        if period is None:
            raise InputError(
                "`splash` describes the place that the twin moves to: also give its `category` or `climate`"
            )
        period = replace(period, splash_m=(float(splash[0]), float(splash[1])))
    return lambda clock: end if end is not None else twin_state.later(clock, years or 0.0), period


def place(category: str | None, climate: ClimateValues | None) -> Period | None:
    """Return the place that a category or a climate describes; None if neither is given.

    Raises
    ------
    InputError
        Both are given, or a value is impossible.
    """
    if category is not None and climate is not None:
        raise InputError("give either `category` or `climate`")
    if climate is not None:
        temperature, humidity, so2, chloride = map(float, climate)
        with naming("climate"):
            return Period(
                climate=Climate(
                    temperature_c=temperature, humidity_percent=humidity, so2_mg_m2_d=so2, chloride_mg_m2_d=chloride
                )
            )
    with naming("category"):
        return None if category is None else Period(category=category)


def moment(name: str, given: str | date) -> datetime:
    """Return a date, or a time with its zone, as UTC; `name` is the name of the argument, for errors.

    Raises
    ------
    InputError
        The text is not a date.
    """
    try:
        if isinstance(given, date) and not isinstance(given, datetime):
            given = given.isoformat()
        time = datetime.fromisoformat(given) if isinstance(given, str) else given
        if time != time:  # NaT of pandas
            raise ValueError(given)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"`{name}` {given}: give a date such as 2031-01-31") from error


def is_number(value: object) -> bool:
    """Return whether a value is a number that a dimension can have: finite and below 1e12."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def fitting(old: Any, value: Any) -> Any:
    """Return a value, converted to the type of the value that it replaces.

    Raises
    ------
    InputError
        The value has another type.
    """
    if isinstance(old, str) and is_number(value):
        value = f"{value:g}"  # a nominal pipe size is a name, such as "8" or "1/2"
    if isinstance(old, float) and is_number(value):
        value = float(value)
    if isinstance(old, list) and isinstance(value, list | tuple):
        value = list(value)  # a copy, not the caller's list
    if type(value) is not type(old) or (isinstance(old, list) and not all(map(is_number, value))):
        raise InputError(f"{value!r:.60} is not a value like {json.dumps(old)}")
    return value


def _changed(kind: str, parameters: Mapping[str, Any], dimensions: Mapping[str, Any]) -> dict[str, Any]:
    changed = defaults.example(kind, parameters)
    for name, value in dimensions.items():
        if name not in changed:
            raise InputError(f"{kind}: no dimension {name}; a {kind} has {', '.join(changed)}")
        try:
            changed[name] = fitting(changed[name], value)
        except InputError as error:
            raise InputError(f"{kind}: {name}: {error}") from error
    return changed


def _check_age(years: float) -> None:
    if not years >= 0:
        raise InputError(f"`years` {years}: the clock cannot run backwards; give a number of at least 0")
    if years > corrosion.MOST_YEARS:
        raise InputError(f"`years` {years:g}: must be at most {corrosion.MOST_YEARS:g}")


def _coating(life_years: float | None, zinc_um: float | None, *, bare: bool) -> Coating:
    if bare + (life_years is not None) + (zinc_um is not None) > 1:
        raise InputError("give only one of `coating_life`, `zinc_um` and `bare`")
    if life_years is not None:
        return Paint(life_years=float(life_years))
    return None if zinc_um is None else Zinc(thickness_um=float(zinc_um))
