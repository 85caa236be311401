"""What a training run is: frozen settings, checked when they are made, and the named profiles.

Standard library only, so that the command line and Ray's driver pay nothing for it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Literal

from twin.files import InputError, digest

BACKBONES = ("mobilenet_v2", "resnet152", "inceptionv4", "vgg16")
SIZE_STEP = 32  # the U-Nets halve the image five times

Precision = Literal["exact", "fast"]


@dataclass(frozen=True, kw_only=True)
class DataArm:
    """Which images a run learns from. Validation and test are always real photos."""

    name: str
    real_fraction: float = 1.0
    """Part of the real training photos that the run may use; which ones is drawn by the run's seed."""
    synth_share: float = 0.0
    """Part of each batch that is renders; 0 is real photos only, 1 renders only."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("data arm: needs a name")
        if not 0 < self.real_fraction <= 1:
            raise InputError(f"data arm {self.name}: real_fraction {self.real_fraction} is not in (0, 1]")
        if not 0 <= self.synth_share <= 1:
            raise InputError(f"data arm {self.name}: synth_share {self.synth_share} is not in [0, 1]")


REAL = DataArm(name="real")
MIXED = DataArm(name="mixed", synth_share=0.25)  # one render for three photos: inside the 0.2 to 0.5 reported as best


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run. Together with the data it decides every bit of the result on one type of CPU."""

    backbone: str
    """The U-Net's encoder, one of `BACKBONES`."""
    arm: DataArm
    seed: int
    """Drives the first weights, the subset of photos, the order of the draws and the augmentation."""
    size: int
    """Side of the square that photos and masks are resized to, pixels, divisible by 32."""
    epochs: int
    batch_size: int
    """Images per step. An epoch has ceil(real training photos / batch_size) steps in every data arm."""
    learning_rate: float
    """Peak of the schedule: linear warm-up over the first 5 % of all steps, then a cosine down to zero."""
    weight_decay: float
    encoder_weights: Literal["imagenet"] | None
    """Where the encoder starts: ImageNet weights from the hub, or random."""
    precision: Precision
    """exact: albumentations and float32, as published. fast: augmentation by batch, bfloat16, channels_last."""
    threads: int = 2
    """CPU threads of torch; part of the result, since sums in another order differ in their last bits."""
    checkpoint_seconds: float = 300.0
    """At the end of an epoch, save the state when the last save is at least this long ago."""
    max_train_images: int | None = None
    """Use only so many of the real training photos, spread evenly over the split; for smoke runs."""
    max_eval_images: int | None = None
    """The same for validation and for test."""

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise InputError(f"backbone {self.backbone!r} is unknown; choose one of {', '.join(BACKBONES)}")
        if self.size < 1 or self.size % SIZE_STEP:
            nearest = max(SIZE_STEP, (self.size + SIZE_STEP // 2) // SIZE_STEP * SIZE_STEP)
            raise InputError(f"size {self.size} is not divisible by {SIZE_STEP}; the nearest that is: {nearest}")
        for name in ("epochs", "batch_size", "threads", "max_train_images", "max_eval_images"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} {value} is below 1")
        if self.seed < 0:
            raise InputError(f"seed {self.seed} is negative")
        if not (isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning_rate {self.learning_rate} is not above 0")
        for name in ("weight_decay", "checkpoint_seconds"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise InputError(f"{name} {value} is not 0 or more")
        if self.encoder_weights not in ("imagenet", None):
            raise InputError(f"encoder_weights {self.encoder_weights!r}: choose imagenet or None")
        if self.precision not in ("exact", "fast"):
            raise InputError(f"precision {self.precision!r}: choose exact or fast")

    @property
    def digest(self) -> str:
        """A hash of all settings, 16 hex digits."""
        return digest(asdict(self))


def from_json(value: Mapping[str, Any]) -> TrainConfig:
    """The configuration that `dataclasses.asdict` turned into `value`.

    Raises
    ------
    InputError
        A field is missing, unknown or invalid.
    """
    known = {field.name for field in fields(TrainConfig)}
    if set(value) != known or not isinstance(value["arm"], Mapping):
        raise InputError(f"run configuration: fields {sorted(set(value) ^ known)} are missing or unknown")
    try:
        return TrainConfig(**{**value, "arm": DataArm(**value["arm"])})
    except TypeError as error:
        raise InputError(f"run configuration: {error}") from error


Profile = Literal["quick", "small", "paper"]

PROFILES: dict[Profile, dict[str, Any]] = {
    # Minutes, to see that everything works. Its numbers mean nothing.
    "quick": {
        "size": 96,
        "epochs": 6,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "weight_decay": 1e-2,
        "encoder_weights": None,
        "precision": "fast",
        "max_train_images": 64,
        "max_eval_images": 40,
    },
    # A night on a CPU, without internet: learns something real from a few hundred photos.
    "small": {
        "size": 160,
        "epochs": 60,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "weight_decay": 1e-2,
        "encoder_weights": None,
        "precision": "fast",
    },
    # As published (Table II of the paper). What it leaves unsaid is marked.
    "paper": {
        "size": 224,
        "epochs": 150,
        "batch_size": 16,  # not stated; 16 images at 224 px fit every GPU of the last ten years with all four backbones
        "learning_rate": 1e-4,  # not stated; a common value for fine-tuning ImageNet encoders with Adam
        "weight_decay": 1e-2,  # not stated, nor is the optimiser: AdamW with its usual decay
        "encoder_weights": "imagenet",
        "precision": "exact",  # not stated; float32 is the default of every framework
    },
}


def configure(profile: Profile, *, backbone: str, arm: DataArm, seed: int, **changes: Any) -> TrainConfig:
    """The settings of a named profile for one run, with `changes` to single fields of `TrainConfig`.

    Raises
    ------
    InputError
        The profile or a value is not valid.
    """
    if profile not in PROFILES:
        raise InputError(f"profile {profile!r} is unknown; choose one of {', '.join(PROFILES)}")
    return TrainConfig(**{**PROFILES[profile], **changes, "backbone": backbone, "arm": arm, "seed": seed})
