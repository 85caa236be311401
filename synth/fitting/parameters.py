"""Parameters of a fit, of scenes and of cameras: their search ranges, and the fields of presets made from values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.presets import custom
from corrotwin.synth.presets.own_twins import suits
from corrotwin.synth.presets.schema import SUITS, Preset, Range, Sensor

Values = Mapping[str, float]
KEPT = (0.1, 0.9)  # quantiles of the kept values that a fitted range spans
PRIOR = 0.25  # weight of the base's shares in those of a fitted preset's words


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number that a design has, and its search range.

    `spread` is the half-width of a design's own range about its value: a share of the value on a logarithmic scale,
    else absolute.
    """

    low: float
    high: float
    log: bool = False
    spread: float = 0.0

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a value from the whole search range."""
        if self.log:
            return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(rng.uniform(self.low, self.high))

    def about(self, value: float) -> Range:
        """Return a design's own range about a value, within the search range."""
        low, high = (
            (value / (1 + self.spread), value * (1 + self.spread)) if self.log else
            (value - self.spread, value + self.spread)
        )  # fmt: skip
        return rounded(max(self.low, low)), rounded(min(self.high, high))

    def scale(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values on the scale on which they are compared, logarithmic if `log`."""
        return np.log(values) if self.log else values


SCENE: Mapping[str, Parameter] = {
    "rust_tone": Parameter(low=0.1, high=1.8, log=True, spread=0.15),
    "bleeding": Parameter(low=-0.4, high=1.4, spread=0.1),
    "framing": Parameter(low=0.2, high=1.3, log=True, spread=0.15),
    "aging": Parameter(low=0.5, high=1.8, log=True, spread=0.1),
    "debris": Parameter(low=1.0, high=30.0, log=True),
    "dirt": Parameter(low=0.0, high=1.0, spread=0.1),
    "wear": Parameter(low=0.0, high=1.0, spread=0.1),
}
DEFECTS = Parameter(low=0.15, high=1.5, log=True)  # one number for all scenes of a preset
RUSTED = Parameter(low=0.002, high=0.8, log=True, spread=0.25)
LIGHTS = ("flash", "sun", "none")
LIGHT = {"flash": "flash_share", "sun": "sun_share"}
# Parameters of the camera. Noise and sharpening depend on the size in pixels, and differ between 128 pixels and the
# size of the renders, so the base's are kept.
CAMERA: Mapping[str, Parameter] = {
    "softness": Parameter(low=0.0002, high=0.006, log=True),
    "vignetting": Parameter(low=0.0, high=1.0),
    "exposure_stops": Parameter(low=-0.8, high=1.1),
    "white_balance": Parameter(low=0.8, high=1.25, log=True),
    "tint": Parameter(low=0.94, high=1.06),
    "shoulder": Parameter(low=0.0, high=1.0),
    "contrast": Parameter(low=0.0, high=1.6),
    "saturation": Parameter(low=0.4, high=1.6),
    "equalise_clip": Parameter(low=1.0, high=4.0),
    "equalise_strength": Parameter(low=0.4, high=1.0),
}
EQUALISED = "equalised"  # among the values of a camera: 1 if it equalises, else 0


@dataclass(frozen=True, kw_only=True)
class Design:
    """A preset of narrow ranges, and the values and words at their middle."""

    preset: Preset
    values: Values
    words: Mapping[str, str]


def draw_design(base: Preset, shares: Sequence[float], paints: Any, rng: np.random.Generator) -> Design:
    """Draw a design from the full ranges of `SCENE`.

    Parameters
    ----------
    shares : share of rust in each photograph, one of which is drawn.
    paints : colours of coats, linear RGB.
    """
    values = {name: parameter.draw(rng) for name, parameter in SCENE.items()} | {"defects": DEFECTS.draw(rng)}
    rusted_share = float(np.clip(shares[rng.integers(len(shares))], RUSTED.low, RUSTED.high))
    arrangement = str(rng.choice([*SUITS]))
    words = {
        "arrangement": arrangement,
        "kind": str(rng.choice([kind for kind in base.kinds if suits(arrangement, kind)] or SUITS[arrangement])),
        "light": str(rng.choice(LIGHTS)),
        "ground": str(rng.choice(sorted(set(base.grounds)))),
    }
    ranges = {name: parameter.about(values[name]) for name, parameter in SCENE.items()}
    changes = {
        **ranges, "defects": rounded(values["defects"]), "rusted": RUSTED.about(rusted_share), "paints": paints,
        "arrangements": [(arrangement, 1.0)], "kinds": [words["kind"]], "grounds": [words["ground"]],
        "beds": [_bed(words["ground"])], "work_share": 0.0, "clean_every": 0, "focus_share": 0.0,
        **{field: float(words["light"] == light) for light, field in LIGHT.items()},
    }  # fmt: skip
    return Design(preset=custom.changed(base, changes), values=values, words=words)


def _bed(ground: str) -> str:
    return ground if ground in ("soil", "gravel") else "concrete"


def draw_camera(rng: np.random.Generator) -> dict[str, float]:
    """Draw a camera from the full ranges of `CAMERA`."""
    values = {name: parameter.draw(rng) for name, parameter in CAMERA.items()}
    return {**values, EQUALISED: float(rng.random() < 0.5)}


def sensor_of(values: Values, base: Sensor) -> Sensor:
    """Return the sensor of one camera, from its values by name of `CAMERA` and `EQUALISED`."""
    return _replaced(
        base,
        {name: (value, value) for name, value in values.items() if name in CAMERA},
        equalise_share=values[EQUALISED], equalise_grid=(1, 3), stamp_share=0.0, motion_share=0.0,
    )  # fmt: skip


def sensor_between(found: Mapping[str, NDArray[np.float64]], base: Sensor) -> Sensor:
    """Return the sensor whose ranges span the values (n,) in `found`, by name of `CAMERA` and `EQUALISED`."""
    equalised = float(np.round(found[EQUALISED].mean(), 2))
    ranges = {name: span(parameter, found[name]) for name, parameter in CAMERA.items()}
    return _replaced(base, ranges, equalise_share=equalised, equalise_grid=(1, 3))


def _replaced(base: Sensor, ranges: Mapping[str, Range], **others: Any) -> Sensor:
    base_fields = {field.name: getattr(base, field.name) for field in fields(Sensor)}
    return Sensor(**{**base_fields, **ranges, **others})


def span(parameter: Parameter, values: NDArray[np.float64]) -> Range:
    """Return the range of a fitted preset: the quantiles `KEPT` of values (n,), within the search range."""
    low, high = np.quantile(values, KEPT).clip(parameter.low, parameter.high)
    return rounded(float(low)), rounded(float(high))


def weights_of(found: Sequence[str], base: Mapping[str, float]) -> dict[str, float]:
    """Return the shares of words: a mean of their shares in `found` and in the base, the latter weighted by `PRIOR`."""
    total, count = sum(base.values()), max(1, len(found))
    return {
        word: PRIOR * base.get(word, 0.0) / total + (1 - PRIOR) * found.count(word) / count
        for word in dict.fromkeys([*base, *found])
    }


def repeated(weights: Mapping[str, float], length: int = 20) -> tuple[str, ...]:
    """Return a list of about `length` words, each as often as its share; at least once if that is above 0."""
    return tuple(word for word, share in weights.items() if share > 0 for _ in range(max(1, round(share * length))))


def rounded(value: float) -> float:
    """Return a number with three significant digits, as in a preset's file."""
    return float(f"{value:.3g}")
