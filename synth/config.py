"""What a rendered dataset is made from: presets as dataclasses of ranges, and the streams of randomness."""

from dataclasses import dataclass

from synth.spec import Color
from twin.files import InputError

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """How a mask is made from the rust that a camera sees.

    ``exact`` is the field through the pixel centres. ``annotator`` is then treated as people outline: gaps are
    bridged (closing) and specks skipped. Radii are shares of the picture's side, areas of its area.
    """

    policy: str = "annotator"  # or "exact"
    threshold: float = 0.5  # of rust cover
    closing_radius: float = 0.008
    smallest_region: float = 0.0004


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """A camera's photometric habits; sampled once a photograph. None of them moves a pixel."""

    exposure_stops: Range = (-0.5, 0.6)  # about middle grey
    white_balance: Range = (0.92, 1.09)  # gain of red; blue gets its inverse
    contrast: Range = (0.0, 0.55)
    noise: Range = (0.002, 0.011)  # of full scale, in the shadows
    sharpening: Range = (0.0, 0.9)
    jpeg_quality: tuple[int, int] = (72, 95)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named distribution of scenes, light, cameras and labels."""

    description: str
    views_per_scene: int = 2
    samples: int = 8  # Cycles samples per pixel, denoised afterwards
    clean_every: int = 6  # one scene in so many is freshly coated: a negative
    paints: tuple[Color, ...]  # colours of painted assets; whether one is painted, galvanised or bare its twin says
    dirt: Range = (0.0, 0.8)
    grounds: tuple[str, ...] = ("concrete", "gravel", "soil", "grass")
    walls: tuple[str, ...] = ("concrete", "brick", "plain", "none")
    clutter: tuple[int, int] = (0, 4)
    worlds: tuple[str, ...] = ("city", "courtyard", "forest", "sunrise", "sunset", "interior")
    sun_share: float = 0.35
    flash_share: float = 0.2
    field_of_view_deg: Range = (34, 64)
    framing: Range = (0.45, 1.15)  # picture width: from so much of the asset's middle extent to so much of its length
    sensor: Sensor = Sensor()
    labels: LabelRule = LabelRule()


PRESETS: dict[str, Preset] = {
    "balanced": Preset(
        description="plants, yards and bridges by day and by flash; to train on beside real photographs",
        paints=(
            (0.62, 0.66, 0.62), (0.30, 0.42, 0.33), (0.42, 0.47, 0.50), (0.75, 0.74, 0.69), (0.55, 0.42, 0.08),
            (0.05, 0.12, 0.30), (0.33, 0.05, 0.035), (0.20, 0.22, 0.23), (0.48, 0.60, 0.50),
        ),
    ),
    "standin": Preset(
        description="stands in for real photographs where none are given: other paints, light, framing and sensor",
        views_per_scene=3,
        paints=((0.10, 0.20, 0.12), (0.70, 0.60, 0.40), (0.16, 0.30, 0.42), (0.80, 0.80, 0.78), (0.50, 0.14, 0.03)),
        dirt=(0.2, 1.0),
        grounds=("soil", "concrete", "gravel"),
        walls=("plain", "brick", "concrete"),
        worlds=("studio", "night", "interior", "city"),
        sun_share=0.15,
        flash_share=0.5,
        field_of_view_deg=(48, 72),
        framing=(0.6, 1.4),
        sensor=Sensor(contrast=(0.3, 1.0), noise=(0.006, 0.02), jpeg_quality=(60, 85), exposure_stops=(-0.8, 0.4)),
    ),
}  # fmt: skip


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

    def __post_init__(self) -> None:
        preset(self.preset)
        if self.size < 1:
            raise InputError(f"--size {self.size}: give a picture side of at least 1 pixel")
        if self.seed < 0:
            raise InputError(f"--seed {self.seed}: give a seed of 0 or more")


# Streams of randomness: changing what one draws does not reroll the others. Never renumber.
STREAMS = {"kind": 0, "clean": 1, "twin": 2, "material": 3, "scene": 4, "light": 5, "camera": 6, "sensor": 7}
