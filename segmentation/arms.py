"""Data arms, which state the images that a run learns from (photos, renders or both), and the named arms of studies.

Standard library only, so that the command line and Ray's driver load it quickly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from corrotwin.twin.core.errors import InputError

Adaptation = Literal["fourier", "histogram", "colours"]
Augmentation = Literal["standard", "strong"]
SelfTraining = Literal["unlabelled", "photos"]


@dataclass(frozen=True, kw_only=True)
class DataArm:
    """The training images of a run. Every arm takes the same number of optimiser steps.

    Renders enter only training; validation and test are real photos. The defaults are real photos alone. For other
    arms: mixed by ratio, `render_share`; mixed by count, `render_count` with `render_share` None; renders alone,
    `render_share` 1; pretrained on renders, then fine-tuned on photos, `pretrain`. Controls that renders have to beat
    are `augmentation` and `copy_paste`, which get more out of the photos alone, and `shuffled_masks`.
    """

    name: str
    real_fraction: float = 1.0
    """Fraction of the real training photos that the run uses, drawn by whole groups (spots) with the run's seed."""
    render_share: float | None = 0.0
    """Share of each batch that is renders: 0 is real photos only, 1 is renders only. With None, every image, photo or
    render, is drawn equally often."""
    render_count: int | None = None
    """Number of renders to use, drawn by the run's seed; None uses all."""
    pretrain: float = 0.0
    """Fraction of the optimiser steps, at the start of the run, whose batches hold renders only."""
    adaptation: Adaptation | None = None
    """Domain adaptation of the pixels of each render towards a real training photo: `fourier` copies low frequencies,
    `histogram` each channel's histogram, `colours` mean and covariance of the colours; None changes nothing."""
    augmentation: Augmentation = "standard"
    """Strength of the random changes to every image of a batch; see `segmentation.augmentation.augment.RANGES`."""
    copy_paste: float = 0.0
    """Fraction of the photos in the batches that get corrosion of another training photo pasted in; see
    `segmentation.augmentation.copy_paste`."""
    shuffled_masks: bool = False
    """Control: each render gets the mask of another render, so that only its appearance can teach anything."""
    self_training: SelfTraining | None = None
    """Add to each batch as many pictures again, labelled by a teacher, the moving average of the network. `unlabelled`:
    pictures without labels or, if there are none, the training photos that `real_fraction` leaves out. `photos`, the
    control: the labelled photos once more. See `segmentation.training.self_training`."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("data arm: needs a name")
        if not 0 < self.real_fraction <= 1:
            raise InputError(f"data arm {self.name}: `real_fraction` {self.real_fraction} is not in (0, 1]")
        if self.render_share is not None and not 0 <= self.render_share <= 1:
            raise InputError(f"data arm {self.name}: `render_share` {self.render_share} is not in [0, 1]")
        if self.render_count is not None and self.render_count < 1:
            raise InputError(f"data arm {self.name}: `render_count` {self.render_count} is below 1")
        if not 0 <= self.pretrain <= 1:
            raise InputError(f"data arm {self.name}: `pretrain` {self.pretrain} is not in [0, 1]")
        if self.adaptation not in (None, *get_args(Adaptation)):
            raise InputError(f"data arm {self.name}: `adaptation` {self.adaptation!r}; {choices(Adaptation)} or None")
        if self.augmentation not in get_args(Augmentation):
            raise InputError(f"data arm {self.name}: `augmentation` {self.augmentation!r}; {choices(Augmentation)}")
        if self.self_training not in (None, *get_args(SelfTraining)):
            raise InputError(
                f"data arm {self.name}: `self_training` {self.self_training!r}; {choices(SelfTraining)} or None"
            )
        if not 0 <= self.copy_paste <= 1:
            raise InputError(f"data arm {self.name}: `copy_paste` {self.copy_paste} is not in [0, 1]")
        if self.copy_paste and self.render_share == 1:
            raise InputError(f"data arm {self.name}: `copy_paste` needs photos in the batches, but `render_share` is 1")
        if self.shuffled_masks and self.render_count == 1:
            raise InputError(
                f"data arm {self.name}: shuffled_masks needs at least two renders, but `render_count` is 1"
            )
        render_fields = ("render_count", "adaptation", "shuffled_masks")
        if not self.takes_renders and any(getattr(self, name) for name in render_fields):
            raise InputError(
                f"data arm {self.name}: {', '.join(render_fields)} need `render_share` or `pretrain` above 0"
            )

    @property
    def takes_renders(self) -> bool:
        """Return True if any batch of the run holds renders."""
        return self.render_share != 0 or self.pretrain > 0

    @property
    def takes_photos(self) -> bool:
        """Return True if any batch of the run holds photos."""
        return self.render_share != 1 and self.pretrain < 1


def choices(literal: Any) -> str:
    """Return the advice to choose one of the values of a literal type."""
    return f"choose {' or '.join(get_args(literal))}"


REAL = DataArm(name="real")
MIXED_SHARE = 0.5  # share of renders in each batch: the one measured in docs/results/transfer (decision 45)
MIXED = DataArm(name="mixed", render_share=MIXED_SHARE)
COPY_PASTE = DataArm(name="copy-paste", copy_paste=0.5)
STRONG = DataArm(name="strong", augmentation="strong")
SHUFFLED = DataArm(name="shuffled", render_share=MIXED_SHARE, shuffled_masks=True)
ARMS = {arm.name: arm for arm in (REAL, MIXED, COPY_PASTE, STRONG, SHUFFLED)}

# Fields of `DataArm` that files, and digests of settings, know by the names of version 0.1.
FILE_KEYS: Mapping[str, str] = {"render_share": "synth_share", "render_count": "synth_count"}
LATER: Mapping[str, Any] = {"self_training": None}  # stated only if different, so that earlier digests hold


def to_file(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values, given by field of `DataArm`, under the keys of files, in the same order."""
    return {
        FILE_KEYS.get(name, name): value for name, value in values.items() if name not in LATER or value != LATER[name]
    }


def from_file(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values, given by the keys of a file, by field of `DataArm`, in the same order."""
    names = {key: name for name, key in FILE_KEYS.items()}
    return {names.get(key, key): value for key, value in values.items()}


def taught_by(has_unlabelled: bool, wanted: bool | None) -> SelfTraining | None:
    """Return what a teacher labels: the unlabelled pictures if there are any; None for no teacher.

    Parameters
    ----------
    has_unlabelled : whether there are unlabelled pictures.
    wanted : whether to have a teacher; None: only if there are unlabelled pictures. With True and no such pictures, the
        teacher labels the labelled photos.
    """
    if wanted is False or (wanted is None and not has_unlabelled):
        return None
    return "unlabelled" if has_unlabelled else "photos"


def arm_of(
    *,
    with_renders: bool,
    real_fraction: float = 1.0,
    render_share: float | None = None,
    render_count: int | None = None,
    pretrain: float = 0.0,
    adaptation: Adaptation | None = None,
    augmentation: Augmentation = "standard",
    copy_paste: float = 0.0,
    self_training: SelfTraining | None = None,
) -> DataArm:
    """Return the data arm of one training, named after what it takes.

    Parameters
    ----------
    with_renders : whether renders are given; without `render_share`, `render_count` and `pretrain` the arm is `MIXED`.
    real_fraction, render_share, render_count, pretrain, adaptation, augmentation, copy_paste, self_training : as for
        `DataArm`.

    Raises
    ------
    InputError
        There are settings for renders but no renders, or no render would be used.
    """
    if not with_renders and (render_share or render_count or pretrain or adaptation):
        raise InputError(
            "`render_share`, `render_count`, `pretrain` and `adaptation` need `renders`, a rendered dataset"
        )
    if with_renders and render_share == 0 and not pretrain:
        raise InputError("`renders` with `render_share` 0 uses no render; leave out one of them")
    share: float | None = 0.0
    if render_share is not None:
        share = render_share
    elif with_renders and not pretrain:
        share = MIXED_SHARE if render_count is None else None
    name = "pretrained" if pretrain else "real" if share == 0 else "synthetic" if share == 1 else "mixed"
    name += "-copy-paste" if copy_paste else ""
    name += "-strong" if augmentation == "strong" else ""
    name += f"-taught-{self_training}" if self_training else ""
    return DataArm(
        name=name,
        real_fraction=real_fraction,
        render_share=share,
        render_count=render_count,
        pretrain=pretrain,
        adaptation=adaptation,
        augmentation=augmentation,
        copy_paste=copy_paste,
        self_training=self_training,
    )
