"""Values of the options of ``corrotwin twin new`` and ``grow``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np

    from corrotwin.twin.model.coating import Coating
    from corrotwin.twin.model.exposure import Period
    from corrotwin.twin.twin_state import TwinState

DRAWS = 12  # of the dimensions that were not given, until they fit those that were


def _changed(kind: str, parameters: Mapping[str, Any], changes: tuple[str, ...]) -> dict[str, Any]:
    """Return parameters changed by options of the form name=value, each read as the type of the old value."""
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
    """Return True if this is a number that is not NaN and within any dimension."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def place_of(category: str | None, climate: tuple[float, float, float, float] | None) -> "Period | None":
    """Return the place that the options name, or None."""
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


def coating_of(life_years: float | None, zinc_um: float | None, *, bare: bool) -> "Coating":
    """Return the one coating that the options name."""
    from corrotwin.twin.model.coating import Paint, Zinc

    if bare + (life_years is not None) + (zinc_um is not None) > 1:
        raise InputError("give only one of --coating-life, --zinc-um and --bare")
    if life_years is not None:
        return Paint(life_years=life_years)
    return None if zinc_um is None else Zinc(thickness_um=zinc_um)


def describe_coating(coating: "Coating") -> str:
    """Describe a coating in a few words, for a title."""
    from corrotwin.twin.model.coating import Paint

    if coating is None:
        return "bare steel"
    if isinstance(coating, Paint):
        return f"paint of {coating.life_years:g} years"
    return f"{coating.thickness_um:g} µm of zinc"


def with_dimensions(twin: "TwinState", dimensions: tuple[str, ...], rng: "np.random.Generator") -> "TwinState":
    """Return the twin with the given dimensions; random values that do not fit them, such as a support, are redrawn."""
    from dataclasses import replace

    from corrotwin.twin import twin_state

    trouble: list[InputError] = []
    for _ in range(DRAWS):
        changed = replace(twin, parameters=_changed(twin.kind, twin.parameters, dimensions))
        try:
            twin_state.asset(changed)
        except InputError as error:
            trouble.append(error)
            twin = twin_state.sample_twin(twin.kind, rng, texel_mm=twin.texel_mm)
        else:
            return changed
    raise trouble[0]


def moment_of(option: str, text: str) -> "datetime":
    """Return a date, or a time with its zone, as UTC."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} {text}: give a date such as 2031-01-31") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
