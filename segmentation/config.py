"""Settings of a training run (learning rate, epochs, loss, data arm ...), validated on creation, and named profiles.

Standard library only, so that the command line and Ray's driver load it quickly.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import ceil, isfinite
from pathlib import Path
from typing import Any, Literal, get_args

from corrotwin.segmentation.arms import DataArm, choices, from_file, to_file
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest

BACKBONES = ("mobilenet_v2", "resnet152", "inceptionv4", "vgg16")
# Encoders beyond the paper whose ImageNet weights come as Python packages (`segmentation.models.packaged`).
PACKAGED = ("tu-tf_efficientnet_lite0", "tu-tf_efficientnet_lite1", "tu-tf_efficientnet_lite2")
DEFAULT_BACKBONE = PACKAGED[0]  # for trainings that name none
THRESHOLD = 0.5  # on the corrosion probability; the paper does not state its own
SIZE_STEP = 32  # the U-Nets halve the image five times
# Larger values are mistakes, or attempts to exhaust the machine.
MOST: Mapping[str, int] = {"size": 8192, "epochs": 1_000_000, "batch_size": 65_536, "threads": 4096}

# Fraction of a GPU for one run: a U-Net at 224 px does not fill one. Runs of other encoders get a whole GPU.
GPU_SHARE: Mapping[str, float] = {
    "mobilenet_v2": 0.25, "inceptionv4": 0.5, "resnet152": 0.5, "vgg16": 0.5,
    DEFAULT_BACKBONE: 0.25,
}  # fmt: skip

Precision = Literal["exact", "fast"]
Framing = Literal["resize", "crop"]
Crops = Literal["foreground", "uniform"]
Tiling = Literal["auto", "always", "never"]
Loss = Literal["dice", "dice_bce"]
Kept = Literal["best", "averaged"]
BatchNorm = Literal["train", "frozen", "re-estimated", "own"]
CHOICES: Mapping[str, Any] = {
    "precision": Precision, "framing": Framing, "loss": Loss, "keep": Kept, "batch_norm": BatchNorm,
    "crops": Crops,
}  # fmt: skip
# Fields that files of runs state only if they differ from what earlier runs did, so that those keep their digests.
LATER: Mapping[str, Any] = {
    "encoder_rate": 1.0, "freeze": 0.0, "batch_norm": "train", "init": None, "crops": "uniform",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All settings of one training run. With the data they determine the result, bit for bit, on one type of CPU."""

    backbone: str
    """Encoder: one of `BACKBONES`, or, beyond the paper, any of segmentation-models-pytorch (``tu-``: of timm)."""
    architecture: str = "Unet"
    """Architecture: Unet as published, or, beyond the paper, any other of segmentation-models-pytorch."""
    arm: DataArm
    """Images to train on."""
    seed: int
    """Seed of the initial weights, the subset of photos, the order of the images and the augmentation."""
    size: int
    """Side of the square training image in pixels, divisible by 32."""
    framing: Framing = "resize"
    """resize: the whole photo squeezed to the square, as published. crop: random squares at the photo's original scale,
    and evaluation on whole photos at that scale."""
    epochs: int
    """Passes over as many images as there are real training photos."""
    batch_size: int
    """Images per optimiser step. An epoch has ceil(real training photos / batch_size) steps in every data arm."""
    learning_rate: float
    """Peak learning rate, after linear warm-up over the first 5 % of all steps; a cosine to zero follows."""
    weight_decay: float
    """Decoupled weight decay of AdamW."""
    encoder_weights: Literal["imagenet"] | None
    """Initial weights of the encoder: imagenet, or None for random ones."""
    loss: Loss = "dice"
    """Loss: dice as published, or dice_bce, the sum of Dice and binary cross-entropy."""
    keep: Kept = "best"
    """Weights to keep: best, of the epoch with the best validation F1; or averaged, the moving average at the end,
    independent of the validation photos and preferable with few real photos."""
    precision: Precision
    """exact: albumentations and float32, as published. fast: augmentation by batch, bfloat16, channels_last."""
    threads: int = 2
    """CPU threads of torch; they affect the result, since sums in another order differ in their last bits."""
    max_train_images: int | None = None
    """Upper limit on real training photos, evenly spaced over the split, for smoke runs; None uses all."""
    max_eval_images: int | None = None
    """Upper limit on validation and on test photos; None uses all."""
    encoder_rate: float = 1.0
    """Learning rate of the encoder, as a factor of `learning_rate`, which is that of the decoder."""
    freeze: float = 0.0
    """Fraction of the steps, at the start, in which the encoder is frozen: its weights and batch-norm statistics."""
    batch_norm: BatchNorm = "train"
    """Statistics of batch normalisation. train: moving averages over the training batches. frozen: the encoder keeps
    those of its initial weights. re-estimated: all are computed again after training, over the training images without
    augmentation. own: photos and renders of a batch pass the network separately, and only photos enter the averages.
    """
    init: str | None = None
    """Digest of the weights to start from: those of another run, or of runs that were averaged."""
    crops: Crops = "foreground"
    """Where framing crop cuts its squares. foreground: a third of them hold corrosion if the photo has any. uniform:
    anywhere, as in earlier versions. Files state it only with framing crop."""

    def __post_init__(self) -> None:
        if not self.backbone or not self.architecture:
            raise InputError("a run needs the names of a backbone and an architecture")
        if self.size < 1 or self.size % SIZE_STEP:
            nearest = max(SIZE_STEP, (self.size + SIZE_STEP // 2) // SIZE_STEP * SIZE_STEP)
            raise InputError(f"`size` {self.size} is not divisible by {SIZE_STEP}; the nearest that is: {nearest}")
        for name in ("epochs", "batch_size", "threads", "max_train_images", "max_eval_images"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"`{name}` {value} is below 1")
        for name, most in MOST.items():
            if getattr(self, name) > most:
                raise InputError(f"`{name}` {getattr(self, name)} is above {most}")
        if self.seed < 0:
            raise InputError(f"`seed` {self.seed} is negative")
        if not (isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"`learning_rate` {self.learning_rate} is not above 0")
        if not (isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise InputError(f"`weight_decay` {self.weight_decay} is not 0 or more")
        if self.encoder_weights not in ("imagenet", None):
            raise InputError(f"`encoder_weights` {self.encoder_weights!r}: choose imagenet or None")
        for name, literal in CHOICES.items():
            if getattr(self, name) not in get_args(literal):
                raise InputError(f"`{name}` {getattr(self, name)!r}: {choices(literal)}")
        self._check_fine_tuning()

    def _check_fine_tuning(self) -> None:
        if not 0 <= self.encoder_rate <= 10:
            raise InputError(f"`encoder_rate` {self.encoder_rate} is not between 0 and 10")
        if not 0 <= self.freeze < 1:
            raise InputError(f"`freeze` {self.freeze} is not 0 or more and below 1")
        if self.batch_norm == "own" and not (self.arm.takes_photos and self.arm.takes_renders):
            raise InputError("`batch_norm` own needs photos and renders to train on; choose train")
        if self.init is not None and self.encoder_weights is not None:
            raise InputError("`init` takes all weights from a run; leave out `encoder_weights`")

    @property
    def digest(self) -> str:
        """Hash of all settings, 16 hex digits."""
        return digest(to_json(self))


def to_json(config: TrainConfig) -> dict[str, Any]:
    """Return a configuration as it is stored in `run.json`."""
    content = {**asdict(config), "arm": to_file(asdict(config.arm))}
    if config.framing != "crop":
        del content["crops"]
    return {name: value for name, value in content.items() if name not in LATER or value != LATER[name]}


def from_json(value: Mapping[str, Any]) -> TrainConfig:
    """Rebuild a configuration from the result of `to_json`.

    Raises
    ------
    InputError
        A field is missing, unknown or invalid.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"run configuration: {value!r:.40} is not a mapping of fields")
    known = {field.name for field in fields(TrainConfig)}
    defaults = {**LATER, "crops": LATER["crops"] if value.get("framing") == "crop" else TrainConfig.crops}
    value = {**defaults, **value}
    if set(value) != known or not isinstance(value["arm"], Mapping):
        raise InputError(f"run configuration: fields {sorted(set(value) ^ known)} are missing or unknown")
    if not isinstance(value["init"], str | None):
        raise InputError(f"run configuration: init {value['init']!r:.40} is not a digest")
    optional = ("max_train_images", "max_eval_images")
    for name in ("seed", *MOST, *optional):
        if not isinstance(value[name], int) and not (value[name] is None and name in optional):
            raise InputError(f"run configuration: {name} {value[name]!r:.40} is not a whole number")
    try:
        return TrainConfig(**{**value, "arm": DataArm(**from_file(value["arm"]))})
    except TypeError as error:
        raise InputError(f"run configuration: {error}") from error


Profile = Literal["quick", "small", "paper"]

# `encoder_weights` None means random in these, unless a package brings the backbone's weights: see `first_weights`.
PROFILES: dict[Profile, dict[str, Any]] = {
    # Takes minutes and shows that everything works. Its scores mean nothing.
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
    # Takes an hour on a CPU, without internet, and learns something real from a few hundred photos.
    "small": {
        "size": 128,
        "epochs": 60,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "weight_decay": 1e-2,
        "encoder_weights": None,
        "precision": "fast",
    },
    # As published (Table II of the paper). Values that it does not state are marked.
    "paper": {
        "size": 224,
        "epochs": 150,
        "framing": "resize",
        "batch_size": 16,  # not stated; 16 images at 224 px fit every GPU of the last ten years with all four backbones
        "learning_rate": 1e-4,  # not stated; a common value for fine-tuning ImageNet encoders with Adam
        "weight_decay": 1e-2,  # not stated, nor is the optimiser: AdamW with its usual decay
        "encoder_weights": "imagenet",
        "loss": "dice",
        "keep": "best",  # not stated which epoch is evaluated; the best on validation is the common choice
        "precision": "exact",  # not stated; float32 is the type of every framework's tensors
    },
}


# Defaults of runs from ImageNet weights, except in profile paper, which is as published. They were chosen by a limited
# study of short runs on validation photos, `tools/fine_tuning.py`.
FINE_TUNING: Mapping[str, Any] = {"encoder_rate": 0.3}


def first_weights(profile: Profile, backbone: str) -> Literal["imagenet"] | None:
    """Return the initial weights of an encoder in a profile: imagenet, or None for random ones.

    Profile paper starts from ImageNet weights as published, from the hub or a prepared folder. The others need no
    internet: they take ImageNet weights if a package brings them (`PACKAGED`), else random ones. The choice does not
    depend on what is installed, so that a configuration means the same on every machine.
    """
    if backbone in PACKAGED:
        return "imagenet"
    weights: Literal["imagenet"] | None = PROFILES[profile]["encoder_weights"]
    return weights


def check_weights(
    weights: str | Path | None, *first: str | None, init: object = None, instead: str = "`encoder_weights` imagenet"
) -> None:
    """Raise InputError if a folder of ImageNet weights is given, but nothing starts from them.

    Parameters
    ----------
    weights : the folder, or None.
    first : the initial weights of each network: imagenet, or None for random ones.
    init : the run whose weights replace them, if any.
    instead : the argument that makes a network start from ImageNet weights.
    """
    if weights is not None and init is not None:
        raise InputError(f"`weights` {weights}: `init` takes all weights from a run; leave one out")
    if weights is not None and not any(first):
        raise InputError(
            f"`weights` {weights}: initial weights are random here; choose {instead}, or leave out `weights`"
        )


def epochs_of(steps: int, photos: int, batch_size: int) -> int:
    """Return the number of whole epochs over `photos` training photos that is nearest to `steps` steps, at least 1."""
    return max(1, round(steps / ceil(photos / batch_size)))


def configure(profile: Profile, *, backbone: str, arm: DataArm, seed: int, **changes: Any) -> TrainConfig:
    """Return the settings of a named profile for one run, with `changes` to single fields of `TrainConfig`.

    Unless `changes` name `encoder_weights`, they are those of `first_weights`. With ImageNet weights the settings of
    `FINE_TUNING` are the defaults, except in profile paper.

    Raises
    ------
    InputError
        The profile or a value is not valid.
    """
    if profile not in PROFILES:
        raise InputError(f"`profile` {profile!r} is unknown; choose one of {', '.join(PROFILES)}")
    settings = {**PROFILES[profile], "encoder_weights": first_weights(profile, backbone), **changes}
    if settings["encoder_weights"] is not None and profile != "paper":
        settings = {**FINE_TUNING, **settings}
    return TrainConfig(**{**settings, "backbone": backbone, "arm": arm, "seed": seed})
