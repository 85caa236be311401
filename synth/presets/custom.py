"""Custom presets: JSON files that name a built-in preset and the values that differ from it.

Such as {"like": "painted", "rust_tone": [0.3, 1.2], "sensor": {"saturation": [0.7, 1.1]}, "labels": {"stain": 0.4}}.
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
# The least and the most that numbers of a field may be, where that is not 0 and no end; what ends in "_share" is one.
_SHARE = (0.0, 1.0)
_TEXTURES = tuple(of.field for of in own_files.SETS)
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
    """Read a custom preset from a file that names its base and the fields that differ.

    Raises
    ------
    InputError
        The file cannot be read, or is not an object that names a preset; or as of `changed`.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get(LIKE), str):
        raise InputError(f'{path}: give an object with "{LIKE}", the preset it is like, and what differs from it')
    like = content.pop(LIKE)
    try:
        return changed(preset(like), content, folder=path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def changed(chosen: Preset, changes: Mapping[str, Any], *, folder: Path = Path()) -> Preset:
    """Apply changes, fields by name, to a preset, its sensor and its label rule; `folder` is that of relative paths.

    Raises
    ------
    InputError
        There is no such field, or a value is not what it may be; the message says which, what, and what to give.
    """
    if not changes:
        return chosen
    try:
        found = _changed(chosen, changes, "")
        own: dict[str, Any] = {of.field: of.resolved(getattr(found, of.field), folder) for of in own_files.FILES}
        own |= {of.field: of.resolved(getattr(found, of.field), folder) for of in own_files.SETS}
        found = replace(found, **own)
        found = replace(found, kinds=own_twins.resolved(found.kinds, folder))
        found = replace(found, props=own_props.resolved(found.props, folder))
    except InputError:
        raise
    except ValueError as error:  # of `Preset`, on fields that do not go together
        raise InputError(str(error)) from error
    taken = [name for name, weight in found.arrangements if weight > 0]
    for kind in found.kinds:
        if not any(own_twins.suits(name, kind) for name in taken):
            listed, shown = ", ".join(taken) or "none", own_files.path_of(kind) or kind
            raise InputError(f"kinds: {shown} stands in no arrangement of {listed}; add yard, which takes every kind")
    return found


def _changed(part: _Part, changes: Mapping[str, Any], inside: str) -> _Part:
    known = [field.name for field in fields(part) if field.name not in ("name", "policy")]  # that is `labels`
    values: dict[str, Any] = {}
    for name, value in changes.items():
        where = f"{inside}{name}"
        if name not in known:
            near = get_close_matches(name, known)
            raise InputError(
                f"{where}: no such field; {'the nearest' if near else 'choose from'}: {', '.join(near or known)}"
            )
        now = getattr(part, name)
        if is_dataclass(now):
            if not isinstance(value, Mapping):
                raise InputError(f"{where}: give an object of its fields")
            values[name] = _changed(now, value, f"{inside}{name}.")  # type: ignore[type-var]
        else:
            values[name] = _value(type(part), name, value, where)
    return replace(part, **values)


@cache
def _adapters(kind: type) -> dict[str, tuple[Any, TypeAdapter[Any]]]:
    return {name: (hint, TypeAdapter(hint)) for name, hint in get_type_hints(kind).items()}


def _value(kind: type, name: str, value: Any, where: str) -> Any:
    hint, adapter = _adapters(kind)[name]
    try:
        found = adapter.validate_json(json.dumps(value), strict=True)
    except TypeError as error:  # from Python
        raise InputError(f"{where}: {value!r:.60}: give {_wanted(name, hint)}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{where}: {value!r:.60}: {first['msg'].lower()}; give {_wanted(name, hint)}") from error
    leaves = list(_leaves(found))
    low, high = _SHARE if name.endswith("_share") else _LIMITS.get(name, (0, 1e6))
    if not all(isinstance(one, str) or (isfinite(one) and low <= one <= high) for one in leaves):
        raise InputError(f"{where}: {value!r:.60}: give numbers from {low:g} to {high:g}")
    if hint in (Range, tuple[int, int]) and found[0] > found[1]:
        raise InputError(f"{where}: {value!r:.60}: give the lower end first")
    if isinstance(found, tuple) and not found and name not in _MAY_BE_EMPTY:
        raise InputError(f"{where}: is empty; give at least one")
    for word in leaves:
        if name in _WORDS and isinstance(word, str) and word not in _WORDS[name]:
            raise InputError(f"{where}: {word!r}: choose from {', '.join(_WORDS[name])}")
    return found


def _leaves(value: Any) -> Iterator[str | float]:
    """Yield the numbers and words of a value, however nested."""
    if isinstance(value, tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _wanted(name: str, hint: Any) -> str:
    if name in _TEXTURES:
        return "a list of texture sets, or folders of them, with the metres that one picture shows, [folder, metres]"
    return {
        Range: "two numbers, [low, high]", tuple[int, int]: "two whole numbers, [low, high]", float: "a number",
        int: "a whole number", str: "a text", tuple[str, ...]: "a list of names",
        tuple[Color, ...]: "a list of colours, [red, green, blue]",
        tuple[tuple[str, float], ...]: "a list of names with their weights, [name, weight]",
    }[hint]  # fmt: skip
