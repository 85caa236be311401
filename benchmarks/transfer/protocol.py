"""The fixed protocol by which renders are judged: settings, data arms and folds that stay while renders change.

Every fold of every run is an ordinary study (`benchmarks.study.runner`) with a split of its own and one run of each
arm. Standard library only, so that the command line pays nothing for it.
"""

from dataclasses import dataclass, replace
from itertools import count
from math import ceil
from typing import TYPE_CHECKING, Literal

from corrotwin.benchmarks.study.config import RANDOM, STUDIES, StudyConfig
from corrotwin.benchmarks.study.grid import GridCell, arm_at, in_order
from corrotwin.segmentation.arms import COPY_PASTE, MIXED_SHARE, Adaptation, DataArm
from corrotwin.segmentation.config import DEFAULT_BACKBONE, first_weights
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

SCREEN = "screen"  # the fold of screens, and its folder
SCREEN_RUNS = 2
PROOF_RUNS = 5
RENDERS_GOAL = 0.95  # of the all-real score, for renders alone
SCREEN_FOLDS = 5  # or as many as there are spots: a screen shows the same photos whatever the folds of the transfer
FIRST = " (first "  # in the name of an arm that takes the first so many renders
MIXED = "mixed"  # begins the name of an arm of photos and renders
RENDERS = "renders"  # the arm of renders only
SHUFFLED = "shuffled-"  # before the name of an arm whose renders carry each other's masks


@dataclass(frozen=True, kw_only=True)
class ProtocolSettings:
    """Settings that all runs of a transfer folder share; the rest is that of profile small, weights averaged."""

    backbone: str = DEFAULT_BACKBONE
    encoder_weights: Literal["imagenet"] | None = "imagenet"

    steps: int = 1000
    """Optimiser steps of a run, rounded to whole epochs: the same in every arm of a fold."""
    batch_size: int = 8
    size: int = 128
    threads: int = 1
    """Of a run. Two runs with a thread each do more on two cores than one with two."""
    folds: int = 5
    real_fraction: float = 0.1
    """The small part of the real training photos, drawn anew by each run and fold, by whole spots."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch_size", 1), ("size", 32), ("threads", 1), ("folds", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"`{name}` {getattr(self, name)} is below {least}")
        if self.size % 32:
            raise InputError(f"`size` {self.size} is not divisible by 32")
        if not 0 < self.real_fraction < 1:
            raise InputError(f"`real_fraction` {self.real_fraction:g} is not between 0 and 1")

    @property
    def small(self) -> str:
        """The end of the names of arms with few photos, such as ``-10pct``."""
        return arm_at("real", self.real_fraction).name.removeprefix("real")


def weights_of(backbone: str, asked: Literal["imagenet", "none"] | None) -> Literal["imagenet"] | None:
    """Return the first weights of an encoder as `ProtocolSettings` has them: asked for, or those of profile small."""
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
        """A name for this way of mixing, such as ``mixed50``, so that several have their runs in one folder."""
        parts = [f"{MIXED}{100 * self.render_share:g}"]
        parts += [f"pretrain{100 * self.pretrain:g}"] if self.pretrain else []
        parts += [self.adaptation] if self.adaptation else []
        return "-".join([*parts, *([COPY_PASTE.name] if self.copy_paste else [])])

    def arm(self, settings: ProtocolSettings, *, small: bool, shuffled: bool = False) -> DataArm:
        """Return the arm of all or few photos with renders, whose masks may be shuffled."""
        return DataArm(
            name=f"{SHUFFLED if shuffled else ''}{self.name}{settings.small if small else ''}",
            real_fraction=settings.real_fraction if small else 1.0,
            render_share=self.render_share,
            pretrain=self.pretrain,
            adaptation=self.adaptation,
            copy_paste=COPY_PASTE.copy_paste if self.copy_paste else 0.0,
            shuffled_masks=shuffled,
        )


def of_photos(settings: ProtocolSettings) -> tuple[GridCell, ...]:
    """Return the arms without renders: their runs serve all renders that are tried."""
    pasted = {"copy-paste": arm_at("copy-paste", settings.real_fraction)}
    return all_real(settings) + few_real(settings) + _cells(settings, pasted)


def all_real(settings: ProtocolSettings) -> tuple[GridCell, ...]:
    """Return the arm of all real training photos, the reference for renders alone."""
    return _cells(settings, {"real": arm_at("real", 1.0)})


def few_real(settings: ProtocolSettings) -> tuple[GridCell, ...]:
    """Return the arm of few real training photos."""
    return _cells(settings, {"real": arm_at("real", settings.real_fraction)})


def of_renders(settings: ProtocolSettings, mix: Mix) -> tuple[GridCell, ...]:
    """Return the arms with renders, and the control whose masks are shuffled."""
    shuffled = mix.arm(settings, small=True, shuffled=True)
    arms = {mix.name: mix.arm(settings, small=False), f"{SHUFFLED}{mix.name}": shuffled}
    return curve(settings, mix) + _cells(settings, arms)


def curve(settings: ProtocolSettings, mix: Mix) -> tuple[GridCell, ...]:
    """Return the arms whose score is followed over the number of renders."""
    return renders_only(settings) + few_mixed(settings, mix)


def few_mixed(settings: ProtocolSettings, mix: Mix) -> tuple[GridCell, ...]:
    """Return the arm of few photos with renders."""
    return _cells(settings, {mix.name: mix.arm(settings, small=True)})


def renders_only(settings: ProtocolSettings) -> tuple[GridCell, ...]:
    """Return the arm that sees no photo in training."""
    return _cells(settings, {RENDERS: DataArm(name=RENDERS, render_share=1.0)})


def compared_pairs(names: "Collection[str]", settings: ProtocolSettings, mix: Mix) -> list[tuple[str, str]]:
    """Return the pairs of arms that a transfer compares, one family of tests, of those that are there.

    Parameters
    ----------
    names : of the arms, with the number of renders where they train on the first so many.
    """
    small = settings.small
    real, few, pasted = "real", f"real{small}", f"copy-paste{small}"
    mixed, full, shuffled = f"{mix.name}{small}", mix.name, f"{SHUFFLED}{mix.name}{small}"
    pairs = [
        (first, second)
        for first, second in (
            (real, RENDERS), (few, RENDERS), (few, mixed), (RENDERS, mixed), (pasted, mixed), (real, mixed),
            (real, full), (few, shuffled), (shuffled, mixed), (few, pasted), (few, real),
            (f"{Mix().name}{small}", mixed),
        )
        if first in names and second in names and first != second
    ]  # fmt: skip
    return pairs + [(arm, whole) for arm in names if (whole := arm.partition(FIRST)[0]) != arm and whole in names]


def _cells(settings: ProtocolSettings, arms: "Mapping[str, DataArm]") -> tuple[GridCell, ...]:
    return tuple(
        GridCell(kind=kind, real_fraction=arm.real_fraction, arm=arm, backbone=settings.backbone, runs=1)
        for kind, arm in arms.items()
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """A split of a set's photos, its number in its run, and the seed of the trainings on it."""

    name: str
    run: int
    split: "Split"
    seed: int

    def study(self, settings: ProtocolSettings, cells: tuple[GridCell, ...], runs: int = 1) -> StudyConfig:
        """Return the study of some arms on this fold. Epochs follow from the steps, so that folds cost the same."""
        epochs = max(1, round(settings.steps / ceil(len(self.split.train) / settings.batch_size)))
        changes = {
            "size": settings.size,
            "epochs": epochs,
            "batch_size": settings.batch_size,
            "keep": "averaged",
            "encoder_weights": settings.encoder_weights,
        }
        return replace(
            STUDIES["small"],
            cells=in_order(replace(cell, runs=runs) for cell in cells),
            threads=settings.threads,
            seed=self.seed,
            changes=changes,
        )


def folds(data: "CocoDataset", spots: "Mapping[str, str]", settings: ProtocolSettings, run: int) -> tuple[Fold, ...]:
    """Return the folds of a run, drawn anew by whole spots for each run: every photo is tested exactly once.

    Folds that all runs share would give all photos of a fold one more error in common, which no test could see.

    Raises
    ------
    InputError
        As of `segmentation.data.splits.folds`.
    """
    from corrotwin.segmentation.data import splits

    splits_of_run = splits.folds(data, groups=spots, count=settings.folds, seed=settings.seed + run)
    return tuple(
        Fold(
            name=f"{_run_name(run)}/fold-{number + 1}",
            run=run,
            split=split,
            seed=settings.seed + run * settings.folds + number,
        )
        for number, split in enumerate(splits_of_run)
    )


def runs_in(folder: "Path") -> int:
    """Count the runs of the transfer in a set's folder, complete or not."""
    return next(run for run in count() if not (folder / _run_name(run)).is_dir())


def _run_name(run: int) -> str:
    return f"run-{run + 1:02d}"


def screen(data: "CocoDataset", spots: "Mapping[str, str]", settings: ProtocolSettings) -> Fold:
    """Return a fold that measures the validation photos of the first of `SCREEN_FOLDS`, without its test photos.

    Of its training photos one spot takes the place of validation, which chooses nothing.
    """
    number = max(2, min(SCREEN_FOLDS, len(set(spots.values()))))
    first = folds(data, spots, replace(settings, folds=number), 0)[0].split
    aside = first.group[first.train[-1]]
    train = tuple(name for name in first.train if first.group[name] != aside)
    valid = tuple(name for name in first.train if first.group[name] == aside)
    if not train:
        raise InputError(f"{data.folder}: all training photos of a fold show one spot; more spots are needed")
    names = (*train, *valid, *first.valid)
    split = replace(
        first,
        how="screen",
        train=train,
        valid=valid,
        test=first.valid,
        group={name: first.group[name] for name in names},
    )
    return Fold(name=SCREEN, run=0, split=split, seed=settings.seed)
