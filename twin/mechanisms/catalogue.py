"""Kinds of mechanisms by name, and a parser of words such as ``co2 zone=bore temperature_c=60 co2_bar=2``."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, get_type_hints

from corrotwin.twin.core.arguments import check
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.mechanisms.co2 import co2
from corrotwin.twin.mechanisms.insulation import insulation
from corrotwin.twin.mechanisms.mechanism import BORE, OUTSIDE, Mechanism, check_zones
from corrotwin.twin.mechanisms.process import own, process
from corrotwin.twin.mechanisms.seawater import immersion, splash
from corrotwin.twin.mechanisms.soil import soil

MECHANISMS: dict[str, Callable[..., Mechanism]] = {
    "process": process, "co2": co2, "insulation": insulation, "soil": soil, "splash": splash, "immersion": immersion,
    "own": own,
}  # fmt: skip
NONE = "none"  # in place of a kind: no mechanism, not even the usual one inside a pipe
HOLLOW = ("pipe", "vessel")  # kinds of assets that hold a fluid


def build(kind: str, zones: Sequence[str] = (), /, **inputs: Any) -> Mechanism:
    """Return a mechanism of a kind.

    Parameters
    ----------
    kind : key of `MECHANISMS`.
    zones : zones on which it acts; by default those usual for the kind.
    inputs : inputs of the kind, by name.

    Raises
    ------
    InputError
        The kind or an input is unknown, an input is missing, or a value is out of the range in which the law holds.
    """
    builder = _maker(kind)
    hints = _hints(builder)
    input_names = [name for name in hints if name not in ("zones", "return")]
    if unknown := [name for name in inputs if name not in input_names]:
        raise InputError(
            f"`mechanism` {kind}: unknown input {unknown[0]}; its inputs are zone, {', '.join(input_names)}"
        )
    parameters = inspect.signature(builder).parameters
    needed = [name for name in input_names if parameters[name].default is inspect.Parameter.empty]
    if missing := [name for name in needed if name not in inputs]:
        raise InputError(f"`mechanism` {kind}: {missing[0]} is missing; its inputs are zone, {', '.join(input_names)}")
    if not zones and parameters["zones"].default is inspect.Parameter.empty:
        raise InputError(f"`mechanism` {kind}: zone is missing; state where it acts, such as zone=body,weld")
    try:
        values = {name: check(name, value, hints[name]) for name, value in inputs.items()}
    except InputError as error:
        raise InputError(f"`mechanism` {kind}: {as_read(error)}") from error
    return builder(tuple(zones), **values) if zones else builder(**values)


def parse(words: Sequence[str]) -> tuple[Mechanism, ...]:
    """Return the mechanisms that words state: a kind, then its name=value; the next kind begins the next mechanism.

    Parameters
    ----------
    words : words such as ("co2", "zone=bore", "temperature_c=60", "co2_bar=2", "process", "zone=weld"). A string may
        contain several words, separated by spaces. Several values of a name are separated by commas.

    Raises
    ------
    InputError
        As for `build`; or a word is neither a kind nor name=value, or a name occurs twice.
    """
    stated: list[tuple[str, dict[str, str]]] = []
    for word in " ".join(words).split():
        name, equals, value = word.partition("=")
        if not equals:
            _maker(name)
            stated.append((name, {}))
        elif not stated or not name or not value:
            raise InputError(f"`mechanism` {word}: give a kind, then name=value; kinds are {', '.join(MECHANISMS)}")
        elif name in stated[-1][1]:
            raise InputError(f"`mechanism` {stated[-1][0]}: {name} is given twice; give it once")
        else:
            stated[-1][1][name] = value
    return tuple(_built(kind, values) for kind, values in stated)


def resolved(
    given: Sequence[str | Mechanism] | None, asset_kind: str, zone_names: Sequence[str]
) -> tuple[Mechanism, ...]:
    """Return the mechanisms of an asset that the user states, completed with the usual one.

    Parameters
    ----------
    given : mechanisms, or words as `parse` accepts them; "none" or an empty sequence for no mechanism. Otherwise an
        unknown process fluid corrodes the bore of a pipe or vessel, unless another mechanism acts on all of the bore.
    asset_kind : kind of the asset, such as "pipe".
    zone_names : names of the asset's zones.

    Raises
    ------
    InputError
        As for `parse`; or a zone is unknown.
    """
    words = " ".join(item for item in given or () if isinstance(item, str)).split()
    built = [item for item in given or () if isinstance(item, Mechanism)]
    if NONE in words and (len(words) > 1 or built):
        raise InputError(f"`mechanism` {NONE}: means that no mechanism acts; give it alone")
    if NONE in words or (given is not None and not words and not built):
        return ()
    mechanisms = [*built, *parse(words)]
    mechanisms = [_expanded(mechanism, zone_names) for mechanism in mechanisms]
    check_zones(mechanisms, zone_names)
    if not any(BORE in mechanism.zones and mechanism.heights_m is None for mechanism in mechanisms):
        mechanisms += usual(asset_kind)
    return tuple(mechanisms)


def usual(asset_kind: str) -> tuple[Mechanism, ...]:
    """Return the default mechanisms of a kind of asset: an unknown fluid inside a pipe or vessel."""
    return (process((BORE,)),) if asset_kind in HOLLOW else ()


def _expanded(mechanism: Mechanism, zone_names: Sequence[str]) -> Mechanism:
    if OUTSIDE not in mechanism.zones:
        return mechanism
    others = [name for name in zone_names if name not in (BORE, COVERED, *mechanism.zones)]
    return replace(mechanism, zones=(*(zone for zone in mechanism.zones if zone != OUTSIDE), *others))


def check_kinds(mechanisms: Sequence[Mechanism]) -> None:
    """Raise InputError if an object is not a mechanism, or is a mechanism of an unknown kind."""
    for mechanism in mechanisms:
        if not isinstance(mechanism, Mechanism):
            raise InputError(f"{mechanism!r:.60}: not a mechanism; create one with twin.mechanisms.catalogue.build")
        _maker(mechanism.kind)


def _built(kind: str, texts: Mapping[str, str]) -> Mechanism:
    inputs: dict[str, Any] = {name: _value(text) for name, text in texts.items() if name != "zone"}
    zones = texts["zone"].split(",") if "zone" in texts else ()
    return build(kind, zones, **inputs)


def _value(text: str) -> Any:
    """Return text as a number or a truth value if it is one, as a tuple if it contains commas, else unchanged."""
    if "," in text:
        return tuple(map(_value, text.split(",")))
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _maker(kind: str) -> Callable[..., Mechanism]:
    if kind not in MECHANISMS:
        raise InputError(f"`mechanism` {kind}: unknown; choose from {', '.join(MECHANISMS)}")
    return MECHANISMS[kind]


@cache
def _hints(maker: Callable[..., Mechanism]) -> dict[str, Any]:
    return get_type_hints(maker)
