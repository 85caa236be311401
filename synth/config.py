"""What a rendered dataset is made from: its configuration, and the streams of randomness."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from synth.preset import POLICIES, LabelRule, Preset
from synth.presets import PRESETS
from synth.spec import MAPS
from twin.files import InputError


def preset(name: str) -> Preset:
    """The preset of this name.

    Raises
    ------
    InputError
        There is none; the message lists those there are.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """What decides every bit of a rendered image, besides its index."""

    preset: str
    size: int  # pixels, square
    seed: int
    labels: str = "annotator"  # policy of the masks: as people draw them, or "exact"
    maps: tuple[str, ...] = ()  # names in `synth.spec.MAPS`, written beside the images
    polygons: bool = False  # outlines instead of run lengths in the COCO files

    def __post_init__(self) -> None:
        preset(self.preset)
        if self.labels not in POLICIES:
            raise InputError(f"--labels {self.labels}: choose from {', '.join(POLICIES)}")
        for name in self.maps:
            if name not in MAPS:
                raise InputError(f"--maps {name}: no such map; choose from {', '.join(MAPS)}")
        if self.size < 1:
            raise InputError(f"--size {self.size}: give a picture side of at least 1 pixel")
        if self.seed < 0:
            raise InputError(f"--seed {self.seed}: give a seed of 0 or more")

    def rule(self) -> LabelRule:
        """The preset's rule for masks, with the policy that is wanted."""
        return replace(preset(self.preset).labels, policy=self.labels)

    def preset_stated(self) -> dict[str, Any]:
        """The preset with that rule, as dataset.json states it."""
        stated: dict[str, Any] = json.loads(json.dumps(asdict(replace(preset(self.preset), labels=self.rule()))))
        return stated


# Streams of randomness: changing what one draws does not reroll the others. Never renumber.
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
