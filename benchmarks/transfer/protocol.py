"""Fixed protocol by which renders are judged: settings, data arms and splits that stay while renders change.

Each redraw selects few photos at random and tests all others; all photos are cross-validated in each run. Every
redraw and every fold of every run is an ordinary study (`benchmarks.study.runner`) with a split of its own and one run
of each arm. Standard library only, so that the command line pays nothing for it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from corrotwin.benchmarks.study.config import RANDOM
from corrotwin.benchmarks.study.grid import GridCell, arm_at
from corrotwin.segmentation.arms import COPY_PASTE, MIXED_SHARE, Adaptation, Augmentation, DataArm
from corrotwin.segmentation.config import DEFAULT_BACKBONE, first_weights
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SCREEN = "screen"  # the fold of screens, and its folder
SCREEN_RUNS = 2
REDRAWS, WHOLE_RUNS = 12, 3
STEPS, FOLDS = 400, 3
RENDERS_GOAL = 0.7  # of the distance of all real photos from everything called rust, for renders alone
FIRST = " (first "  # in the name of an arm that takes the first so many renders
MIXED = "mixed"  # begins the name of an arm of photos and renders
RENDERS = "renders"  # the arm of renders only
SHUFFLED = "shuffled-"  # before the name of an arm whose renders carry each other's masks
TAUGHT = "taught-"  # before the name of an arm that also learns from photos without their labels
TEACHER = "teacher"  # the control of these: the teacher labels the few photos themselves
FITTED = "fitted-"  # before the name of an arm whose renders are of a preset fitted to its own photos
MOST_FEW = 0.5  # fraction of the photos that a redraw may take
MOST_WITH_UNLABELLED = 0.8  # and with those that teach without labels
OTHER_STEPS = "-steps"  # ends the name of an arm that is trained for another number of steps than the others


@dataclass(frozen=True, kw_only=True)
class ProtocolSettings:
    """Settings that all runs of a transfer folder share; the rest is that of profile small, weights averaged."""

    backbone: str = DEFAULT_BACKBONE
    encoder_weights: Literal["imagenet"] | None = "imagenet"

    steps: int = STEPS
    """Optimiser steps of a run, rounded to whole epochs: the same in every arm of a split."""
    photo_steps: int | None = None
    """Another number of steps, if few photos alone are best after it: they are trained for it, too."""
    augmentation: Augmentation = "standard"
    """Strength of the random changes to every image, in all arms."""
    batch_size: int = 8
    size: int = 128
    threads: int = 1
    """Threads of a run. On two cores, two runs with a thread each do more than one with two."""
    folds: int = FOLDS
    """Folds of the cross-validation of all photos; with 1 all photos train, and only other sets are tested."""
    real_fraction: float = 0.1
    """The few photos of a redraw, as a share of all, by whole spots."""
    unlabelled: float = 0.0
    """Photos of a redraw that teach without their labels, as a share of all, by whole spots; they are not tested."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch_size", 1), ("size", 32), ("threads", 1), ("folds", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"`{name}` {getattr(self, name)} is below {least}")
        if self.size % 32:
            raise InputError(f"`size` {self.size} is not divisible by 32")
        if not 0 < self.real_fraction <= MOST_FEW:
            raise InputError(f"`real_fraction` {self.real_fraction:g} is not above 0 and at most {MOST_FEW:g}")
        if not (self.unlabelled >= 0 and self.real_fraction + self.unlabelled <= MOST_WITH_UNLABELLED):
            raise InputError(
                f"`unlabelled` {self.unlabelled:g} is below 0, or above {MOST_WITH_UNLABELLED:g} with `real_fraction` "
                f"{self.real_fraction:g}"
            )
        if self.photo_steps is not None and self.photo_steps < 1:
            raise InputError(f"`photo_steps` {self.photo_steps} is below 1")

    @property
    def small(self) -> str:
        """The end of the names of arms with few photos, such as ``-10pct``."""
        return arm_at("real", self.real_fraction).name.removeprefix("real")

    @property
    def labelled(self) -> str:
        """The name of the arm in which the photos that teach without labels have theirs, too."""
        return arm_at("real", self.real_fraction + self.unlabelled).name


def weights_of(backbone: str, asked: Literal["imagenet", "none"] | None) -> Literal["imagenet"] | None:
    """Return the initial weights of an encoder for `ProtocolSettings`: as requested, or those of profile small."""
    if asked is None:
        return first_weights("small", backbone)
    return None if asked == RANDOM else "imagenet"


@dataclass(frozen=True, kw_only=True)
class Mix:
    """A way of mixing photos and renders: see `segmentation.arms.DataArm`."""

    render_share: float = MIXED_SHARE
    pretrain: float = 0.0
    adaptation: Adaptation | None = None
    copy_paste: bool = False
    """True if corrosion of one photo is pasted into another, as in the arm copy-paste."""

    def __post_init__(self) -> None:
        if not 0 <= self.render_share < 1:
            raise InputError(f"`render_share` {self.render_share:g} is not in [0, 1)")
        if not 0 <= self.pretrain < 1:
            raise InputError(f"`pretrain` {self.pretrain:g} is not in [0, 1)")
        if self.render_share == self.pretrain == 0:
            raise InputError("`render_share` and `pretrain` are both 0: no batch would hold a render")

    @property
    def name(self) -> str:
        """A name for this way of mixing, such as ``mixed50``, so that the runs of several fit in one folder."""
        parts = [f"{MIXED}{100 * self.render_share:g}"]
        parts += [f"pretrain{100 * self.pretrain:g}"] if self.pretrain else []
        parts += [self.adaptation] if self.adaptation else []
        return "-".join([*parts, *([COPY_PASTE.name] if self.copy_paste else [])])

    def arm(self, settings: ProtocolSettings, *, small: bool, before: str = "") -> DataArm:
        """Return the arm of all or few photos with renders; `before` is the prefix of its name, such as `SHUFFLED`."""
        return DataArm(
            name=f"{before}{self.name}{settings.small if small else ''}",
            render_share=self.render_share,
            pretrain=self.pretrain,
            adaptation=self.adaptation,
            augmentation=settings.augmentation,
            copy_paste=COPY_PASTE.copy_paste if self.copy_paste else 0.0,
            shuffled_masks=before == SHUFFLED,
            self_training="unlabelled" if before == TAUGHT else None,
        )


def photos_of(settings: ProtocolSettings, *, small: bool) -> tuple[GridCell, ...]:
    """Return the arms without renders, of few or of all photos; their runs serve for all renders that are tried."""
    alone = DataArm(name=f"real{settings.small if small else ''}", augmentation=settings.augmentation)
    if not small:
        return _cells(settings, [alone])
    pasted = replace(alone, name=f"{COPY_PASTE.name}{settings.small}", copy_paste=COPY_PASTE.copy_paste)
    arms = [alone, pasted]
    if settings.photo_steps not in (None, settings.steps):
        arms.append(replace(alone, name=best_few(settings)))
    if not settings.unlabelled:
        return _few(settings, arms)
    arms.append(replace(alone, name=f"{TEACHER}{settings.small}", self_training="photos"))
    arms.append(replace(alone, name=f"{TAUGHT}real{settings.small}", self_training="unlabelled"))
    return _few(settings, arms) + _cells(settings, [replace(alone, name=settings.labelled)])


def best_few(settings: ProtocolSettings) -> str:
    """Return the name of the arm of few photos alone, trained for the number of steps that is best for it."""
    other = settings.photo_steps not in (None, settings.steps)
    return f"real{settings.small}" + (f"-{settings.photo_steps}{OTHER_STEPS}" if other else "")


def renders_of(settings: ProtocolSettings, mix: Mix, *, small: bool) -> tuple[GridCell, ...]:
    """Return the arms with renders: beside few photos, with its shuffled control; or alone, and beside all photos."""
    if small:
        kinds = ("", SHUFFLED, *([TAUGHT] if settings.unlabelled else []))
        return _few(settings, [mix.arm(settings, small=True, before=before) for before in kinds])
    return _cells(settings, [_alone(settings), mix.arm(settings, small=False)])


def fitted(settings: ProtocolSettings, mix: Mix) -> tuple[GridCell, ...]:
    """Return the arm of few photos with renders of a preset that was fitted to them."""
    return _few(settings, [mix.arm(settings, small=True, before=FITTED)])


def few_mixed(settings: ProtocolSettings, mix: Mix) -> tuple[GridCell, ...]:
    """Return the arm of few photos with renders."""
    return _few(settings, [mix.arm(settings, small=True)])


def renders_only(settings: ProtocolSettings) -> tuple[GridCell, ...]:
    """Return the arm that sees no photo in training."""
    return _cells(settings, [_alone(settings)])


def _alone(settings: ProtocolSettings) -> DataArm:
    return DataArm(name=RENDERS, render_share=1.0, augmentation=settings.augmentation)


def _few(settings: ProtocolSettings, arms: "Iterable[DataArm]") -> tuple[GridCell, ...]:
    """Return arms of the few photos of a redraw: all its training photos, or a part if others teach without labels."""
    cells = _cells(settings, arms)
    if not settings.unlabelled:
        return cells
    return drawn(cells, settings.real_fraction / (settings.real_fraction + settings.unlabelled))


def drawn(cells: "Iterable[GridCell]", fraction: float) -> tuple[GridCell, ...]:
    """Return arms of few photos that draw these themselves from the training photos, by the seed of each run."""
    return tuple(replace(cell, real_fraction=fraction, arm=replace(cell.arm, real_fraction=fraction)) for cell in cells)


def compared_pairs(names: "Collection[str]", settings: ProtocolSettings, mix: Mix) -> list[tuple[str, str]]:
    """Return the pairs of existing arms that a transfer compares: one family of tests.

    Arms of few photos and of all photos are tested on different photos, so no pair has one of each.

    Parameters
    ----------
    names : names of the arms, with the number of renders if they train only on the first of them.
    """
    small = settings.small
    real, few, pasted, best = "real", f"real{small}", f"copy-paste{small}", best_few(settings)
    mixed, full = f"{mix.name}{small}", mix.name
    shuffled, fit = f"{SHUFFLED}{mixed}", f"{FITTED}{mixed}"
    teacher, taught, both = f"{TEACHER}{small}", f"{TAUGHT}{few}", f"{TAUGHT}{mixed}"
    pairs = [
        (first, second)
        for first, second in (
            (real, RENDERS), (real, full), (few, mixed), (best, mixed), (pasted, mixed), (few, fit), (mixed, fit),
            (few, shuffled), (shuffled, mixed), (few, pasted), (few, best), (f"{Mix().name}{small}", mixed),
            (few, teacher), (teacher, taught), (few, taught), (mixed, both), (few, both), (both, settings.labelled),
        )
        if first in names and second in names and first != second
    ]  # fmt: skip
    pairs = list(dict.fromkeys(pairs))
    return pairs + [(arm, whole) for arm in names if (whole := arm.partition(FIRST)[0]) != arm and whole in names]


def _cells(settings: ProtocolSettings, arms: "Iterable[DataArm]") -> tuple[GridCell, ...]:
    return tuple(
        GridCell(
            kind="real" if arm.name.startswith("real") else arm.name.removesuffix(settings.small),
            real_fraction=1.0, arm=arm, backbone=settings.backbone, runs=1,
        )
        for arm in arms
    )  # fmt: skip
