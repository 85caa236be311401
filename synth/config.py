"""The configuration of a rendered dataset, and the streams of random numbers."""

import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from corrotwin.synth.presets.builtin import preset
from corrotwin.synth.presets.schema import POLICIES, LabelRule, Preset
from corrotwin.synth.spec import MAPS
from corrotwin.twin.core.errors import InputError

MOST_SIDE = 8192  # pixels: what training takes


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """The settings that determine every bit of a rendered image, together with its index."""

    preset: str
    changes: str = (
        ""  # of it, by a file of one's own: a JSON object, as `synth.presets.custom.read` has it; none where empty
    )
    size: int  # pixels, square
    seed: int
    labels: str = "annotator"  # policy of the masks: as people draw them, or "exact"
    maps: tuple[str, ...] = ()  # names in `synth.spec.MAPS`, written beside the images
    polygons: bool = False  # outlines instead of run lengths in the COCO files

    def __post_init__(self) -> None:
        self.content()
        if self.labels not in POLICIES:
            raise InputError(f"--labels {self.labels}: choose from {', '.join(POLICIES)}")
        for name in self.maps:
            if name not in MAPS:
                raise InputError(f"--maps {name}: no such map; choose from {', '.join(MAPS)}")
        if not 1 <= self.size <= MOST_SIDE:
            raise InputError(f"--size {self.size}: give a picture side of 1 to {MOST_SIDE} pixels")
        if self.seed < 0:
            raise InputError(f"--seed {self.seed}: give a seed of 0 or more")

    def content(self) -> Preset:
        """Return the preset, with the changes of a custom preset.

        Raises
        ------
        InputError
            There is no such preset, or a change is invalid.
        """
        return _content(self.preset, self.changes)

    def rule(self) -> LabelRule:
        """Return the preset's rule for masks, with the requested policy."""
        return replace(self.content().labels, policy=self.labels)

    def preset_stated(self) -> dict[str, Any]:
        """Return the preset with that rule, as dataset.json records it."""
        stated: dict[str, Any] = json.loads(json.dumps(asdict(replace(self.content(), labels=self.rule()))))
        return stated


@cache
def _content(name: str, changes: str) -> Preset:
    if not changes:
        return preset(name)
    from corrotwin.synth.presets import custom  # needs much that a preset alone does not

    return custom.changed(preset(name), changes)


# Streams of random numbers: a change in what one of them draws leaves the others as they are. Never renumber.
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
}
