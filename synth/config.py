"""Configuration of a rendered dataset, and the numbers of its random streams."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from corrotwin.synth.presets.builtin import preset
from corrotwin.synth.presets.schema import POLICIES, LabelRule, Preset, stated
from corrotwin.synth.spec import MAPS
from corrotwin.twin.core.arguments import naming
from corrotwin.twin.core.errors import InputError

MOST_SIDE = 8192  # longest side that training reads, pixels
BOTH = "both"  # value of `labels` for both policies
EXACT = "exact.json"  # file of the exact masks beside annotations.json, with `BOTH`


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """Settings that, together with an image's index, determine every bit of the image."""

    preset: str | Preset  # name of a built-in preset, or a preset of the user's own
    size: int | tuple[int, int]  # side of a square picture, or width and height, pixels
    seed: int
    labels: str = "annotator"  # policy of the masks: as people draw them, "exact", or "both" in two files
    maps: tuple[str, ...] = ()  # names in `synth.spec.MAPS`, written beside the images
    polygons: bool = False  # write polygons instead of run lengths into the COCO files

    def __post_init__(self) -> None:
        object.__setattr__(self, "preset", _checked(self.preset))
        if self.labels not in (*POLICIES, BOTH):
            raise InputError(f"`labels` {self.labels}: choose from {', '.join((*POLICIES, BOTH))}")
        for name in self.maps:
            if name not in MAPS:
                raise InputError(f"`maps` {name}: no such map; choose from {', '.join(MAPS)}")
        object.__setattr__(self, "size", _size(self.size))
        if self.seed < 0:
            raise InputError(f"`seed` {self.seed}: give a seed of 0 or more")

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height of a picture, in pixels."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    def content(self) -> Preset:
        """Return the preset as an object."""
        return preset(self.preset) if isinstance(self.preset, str) else self.preset

    @property
    def name(self) -> str:
        """Name of the built-in preset that is used, or that the user's own is based on."""
        return self.content().name

    @property
    def is_changed(self) -> bool:
        """True if the preset differs from the built-in one of its name."""
        return self.content() != preset(self.name)

    def plain(self) -> dict[str, Any]:
        """Return the configuration as claims and dataset.json hold it, with changes of the preset as a JSON text."""
        changes = self.content().changes()
        text = json.dumps(changes, sort_keys=True) if changes else ""
        others = asdict(replace(self, preset=self.name))
        return {"preset": others.pop("preset"), "changes": text, **others}

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> "RenderConfig":
        """Return the configuration that `plain` wrote.

        Raises
        ------
        InputError
            There is no such preset, or a value is invalid.
        AttributeError, KeyError, TypeError
            `plain` cannot have written this.
        """
        size = plain["size"]
        values = {**plain, "maps": tuple(plain["maps"]), "size": tuple(size) if isinstance(size, list) else size}
        values["preset"] = preset_of(values["preset"], values.pop("changes", ""))
        return RenderConfig(**values)

    def rule(self) -> LabelRule:
        """Return the preset's label rule with the chosen policy."""
        return replace(self.content().labels, policy=POLICIES[0] if self.labels == BOTH else self.labels)

    def preset_stated(self) -> dict[str, Any]:
        """Return the preset with the label rule of `rule`, as dataset.json records it."""
        return stated(replace(self.content(), labels=self.rule()))


def size_of(text: str) -> int | tuple[int, int]:
    """Return the size of a picture from its text, such as "320" or "640x480", for `RenderConfig`.

    Raises
    ------
    InputError
        The text is neither a side nor two sides.
    """
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() and len(side) < 9 for side in sides):
        raise InputError(f"`size` {text!r:.60}: give the side of a square picture, or width x height, as 640x480")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def _size(given: Any) -> int | tuple[int, int]:
    """Return the size of a picture, one number if it is square; raise InputError if it is not a size."""
    sides = given if isinstance(given, tuple) and len(given) == 2 else (given, given)
    if not all(isinstance(side, int) and not isinstance(side, bool) and 1 <= side <= MOST_SIDE for side in sides):
        raise InputError(f"`size` {given!r:.60}: give a picture side of 1 to {MOST_SIDE} pixels, or width and height")
    return sides[0] if sides[0] == sides[1] else sides


def preset_of(name: str, changes: str) -> str | Preset:
    """Return the preset that a claim or dataset.json states, by its name and a JSON text of changes.

    Raises
    ------
    InputError
        There is no such preset, or a change is invalid.
    """
    if not changes:
        return name
    from corrotwin.synth.presets import custom  # imports heavy modules that a built-in preset does not need

    return custom.changed(preset(name), json.loads(changes))


def _checked(chosen: Any) -> str | Preset:
    """Return a preset, a built-in one by its name; raise InputError if a field is invalid."""
    if isinstance(chosen, str):
        with naming("preset"):
            return preset(chosen).name
    if not isinstance(chosen, Preset):
        raise InputError(f"`preset` {chosen!r:.60}: give the name of a preset or a Preset")
    from corrotwin.synth.presets import custom

    checked = custom.changed(preset(chosen.name), chosen.changes())
    return chosen.name if checked == preset(chosen.name) else checked


# Random streams by number: a change in the draws of one leaves the others unchanged. Never renumber them.
STREAMS = {
    "kind": 0,
    "clean": 1,
    "twin": 2,
    "material": 3,
    "scene": 4,
    "light": 5,
    "camera": 6,
    "sensor": 7,
    "marker": 8,
    "ground": 9,
    "grain": 10,
    "debris": 11,
    "heap": 12,
    "primer": 13,
    "texture": 14,
    "prop": 15,
    "clutter": 16,
    "shade": 17,
}
