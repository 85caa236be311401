"""Custom presets: JSON files that name a built-in preset and the values that differ from it.

Example: {"like": "painted", "rust_tone": [0.3, 1.2], "sensor": {"saturation": [0.7, 1.1]}, "labels": {"stain": 0.4}}.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from corrotwin.synth.presets import own_files, own_props, own_twins
from corrotwin.synth.presets.builtin import preset
from corrotwin.synth.presets.schema import GROUNDS, SUITS, LabelRule, Preset, Range, Sensor
from corrotwin.synth.spec import Color
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from corrotwin.twin.model.corrosion import MOST_YEARS

LIKE = "like"
_Part = TypeVar("_Part", Preset, Sensor, LabelRule)
_WORDS: Mapping[str, tuple[str, ...]] = {
    "arrangements": tuple(SUITS), "grounds": GROUNDS, "beds": GROUNDS,
    "walls": ("brick", "concrete", "none", "plain", "stained concrete"),
}  # fmt: skip
# Limits of the numbers of a field. Without an entry, those of a field ending in "_share" are 0 to 1, others 0 to 1e6.
_SHARE = (0.0, 1.0)
_TEXTURES = tuple(sets.field for sets in own_files.SETS)
_MAY_BE_EMPTY = (*_TEXTURES, own_files.BACKDROPS.field, own_files.PROPS.field)
_LIMITS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("rusted", "paints", "dirt", "wear", "fraying", "grime", "rulers", "heaps"), _SHARE),
    **dict.fromkeys(("equalise_strength", "shoulder", "veil", "noise", "threshold", "stain"), _SHARE),
    **dict.fromkeys(("softness", "motion", "grain", "closing_radius", "smallest_region"), (0, 0.1)),
    **dict.fromkeys(("vignetting", "chroma_noise", "contrast", "saturation", "sharpening"), (0, 10)),
    **dict.fromkeys(("company", "clutter"), (0, 100)),
    **dict.fromkeys(("debris", "samples", "views_per_scene", "equalise_clip", "equalise_grid"), (1, 1e4)),
    **dict.fromkeys(("rust_tone", "framing", "aging", "f_number"), (1e-3, 1e3)),
    **dict.fromkeys(("white_balance", "tint"), (0.1, 10)),
    **dict.fromkeys(_TEXTURES, (1e-3, 1e3)),  # metres
    "bleeding": (-10, 10), "border": (-0.1, 0.1), "exposure_stops": (-10, 10), "field_of_view_deg": (5, 120),
    "jpeg_quality": (1, 100), "timelapse": (0, MOST_YEARS),
}  # fmt: skip


def read(path: Path) -> Preset:
    """Read a custom preset from a JSON file that names a built-in preset and the fields that differ.

    Raises
    ------
    InputError
        The file cannot be read, or is not an object that names a preset; or see `changed`.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get(LIKE), str):
        raise InputError(
            f'{path}: give an object with "{LIKE}", the name of a built-in preset, and the fields that differ'
        )
    like = content.pop(LIKE)
    try:
        return changed(preset(like), content, folder=path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def changed(chosen: Preset, changes: Mapping[str, Any], *, folder: Path = Path()) -> Preset:
    """Return a preset with changes to its fields, its sensor and its label rule.

    Parameters
    ----------
    chosen : preset to change.
    changes : values by name of the field; of the sensor and the label rule, mappings of their fields.
    folder : folder to which relative paths in the changes refer.

    Raises
    ------
    InputError
        There is no such field, or a value is invalid; the message names the field, the value and what to give.
    """
    if not changes:
        return chosen
    try:
        result = _changed(chosen, changes, "")
        own: dict[str, Any] = {
            files.field: files.resolved(getattr(result, files.field), folder) for files in own_files.FILES
        }
        own |= {sets.field: sets.resolved(getattr(result, sets.field), folder) for sets in own_files.SETS}
        result = replace(result, **own)
        result = replace(result, kinds=own_twins.resolved(result.kinds, folder))
        result = replace(result, props=own_props.resolved(result.props, folder))
    except InputError:
        raise
    except ValueError as error:  # from `Preset`, on fields that contradict each other
        raise InputError(str(error)) from error
    drawn = [name for name, weight in result.arrangements if weight > 0]
    for kind in result.kinds:
        if not any(own_twins.suits(name, kind) for name in drawn):
            listed, shown = ", ".join(drawn) or "none", own_files.path_of(kind) or kind
            raise InputError(
                f"kinds: {shown} fits none of the arrangements ({listed}); add yard, which takes every kind"
            )
    return result


def _changed(part: _Part, changes: Mapping[str, Any], inside: str) -> _Part:
    """Return a preset or a part of it with changes; `inside` begins the names of its fields in errors."""
    known = [field.name for field in fields(part) if field.name not in ("name", "policy")]  # `--labels` sets the policy
    values: dict[str, Any] = {}
    for name, value in changes.items():
        where = f"{inside}{name}"
        if name not in known:
            near = get_close_matches(name, known)
            raise InputError(
                f"{where}: no such field; {'the nearest' if near else 'choose from'}: {', '.join(near or known)}"
            )
        current = getattr(part, name)
        if is_dataclass(current):
            if not isinstance(value, Mapping):
                raise InputError(f"{where}: give an object with its fields")
            values[name] = _changed(current, value, f"{inside}{name}.")  # type: ignore[type-var]
        else:
            values[name] = _value(type(part), name, value, where)
    return replace(part, **values)


@cache
def _adapters(kind: type) -> dict[str, tuple[Any, TypeAdapter[Any]]]:
    """Return the type and the type adapter of each field of a dataclass."""
    return {name: (hint, TypeAdapter(hint)) for name, hint in get_type_hints(kind).items()}


def _value(kind: type, name: str, value: Any, where: str) -> Any:
    """Return a value converted to the type of a field, after checking its limits."""
    hint, adapter = _adapters(kind)[name]
    try:
        converted = adapter.validate_json(json.dumps(value), strict=True)
    except TypeError as error:  # an object of Python that JSON cannot hold
        raise InputError(f"{where}: {value!r:.60}: give {_wanted(name, hint)}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{where}: {value!r:.60}: {first['msg'].lower()}; give {_wanted(name, hint)}") from error
    leaves = list(_leaves(converted))
    low, high = _SHARE if name.endswith("_share") else _LIMITS.get(name, (0, 1e6))
    if not all(isinstance(leaf, str) or (isfinite(leaf) and low <= leaf <= high) for leaf in leaves):
        raise InputError(f"{where}: {value!r:.60}: give numbers from {low:g} to {high:g}")
    if hint in (Range, tuple[int, int]) and converted[0] > converted[1]:
        raise InputError(f"{where}: {value!r:.60}: give the lower end first")
    if isinstance(converted, tuple) and not converted and name not in _MAY_BE_EMPTY:
        raise InputError(f"{where}: is empty; give at least one")
    for word in leaves:
        if name in _WORDS and isinstance(word, str) and word not in _WORDS[name]:
            raise InputError(f"{where}: {word!r}: choose from {', '.join(_WORDS[name])}")
    return converted


def _leaves(value: Any) -> Iterator[str | float]:
    """Yield the numbers and words in a value, at any depth of nesting."""
    if isinstance(value, tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _wanted(name: str, hint: Any) -> str:
    """Return what a field takes, for errors."""
    if name in _TEXTURES:
        return "a list of texture sets, or folders of them, with the metres that one picture shows, [folder, metres]"
    return {
        Range: "two numbers, [low, high]", tuple[int, int]: "two whole numbers, [low, high]", float: "a number",
        int: "a whole number", str: "a text", tuple[str, ...]: "a list of names",
        tuple[Color, ...]: "a list of colours, [red, green, blue]",
        tuple[tuple[str, float], ...]: "a list of names with their weights, [name, weight]",
    }[hint]  # fmt: skip
