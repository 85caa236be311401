"""The fixed recipe by which renders are judged: settings, data arms and folds that stay the same while renders change.

Every fold of every run is an ordinary study (`benchmarks.study.runner`) with a split of its own and one run of each
arm. Standard library only, so that the command line pays nothing for it.
"""

from dataclasses import dataclass, replace
from itertools import count
from math import ceil
from typing import TYPE_CHECKING

from corrotwin.benchmarks.study.config import STUDIES, Cell, StudyConfig, arm_at, in_order
from corrotwin.segmentation.config import COPY_PASTE, Adaptation, DataArm
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

BACKBONE = "mobilenet_v2"
SCREEN = "screen"  # the fold of screens, and its folder
SCREEN_RUNS = 2
PROOF_RUNS = 5
RENDERS_GOAL = 0.95  # of the all-real score, for renders alone
SCREEN_FOLDS = 5  # or as many as there are spots: a screen shows the same photos whatever the folds of the proof
FIRST = " (first "  # in the name of an arm that takes the first so many renders
MIXED = "mixed"  # begins the name of an arm of photos and renders
RENDERS = "renders"  # the arm of renders only
SHUFFLED = "shuffled-"  # before the name of an arm whose renders carry each other's masks


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all runs of a transfer folder share; the rest is that of profile small, with the weights averaged.

    Such a run took 6 to 7 minutes of one core (docs/transfer.md), and two runs train side by side on two cores.
    """

    steps: int = 1000
    """Optimiser steps of a run, rounded to whole epochs: the same in every arm of a fold."""
    batch_size: int = 8
    size: int = 128
    threads: int = 1
    """Of a run. Two runs with a thread each do more on two cores than one with two."""
    folds: int = 5
    fraction: float = 0.1
    """The small part of the real training photos, drawn anew by each run and fold, by whole spots."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch_size", 1), ("size", 32), ("threads", 1), ("folds", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"--{name.replace('_', '-')} {getattr(self, name)} is below {least}")
        if self.size % 32:
            raise InputError(f"--size {self.size} is not divisible by 32")
        if not 0 < self.fraction < 1:
            raise InputError(f"--fraction {self.fraction:g} is not between 0 and 1")

    @property
    def small(self) -> str:
        """What the names of arms with the small part of the photos end with, such as ``-10pct``."""
        return arm_at("real", self.fraction).name.removeprefix("real")


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How photos and renders are mixed: see `segmentation.config.DataArm`."""

    share: float = 0.5
    pretrain: float = 0.0
    adaptation: Adaptation | None = None
    copy_paste: bool = False
    """Whether photos get corrosion of one another pasted in, too, as in the arm copy-paste."""

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise InputError(f"--share {self.share:g} is not in [0, 1)")
        if not 0 <= self.pretrain < 1:
            raise InputError(f"--pretrain {self.pretrain:g} is not in [0, 1)")
        if self.share == self.pretrain == 0:
            raise InputError("--share and --pretrain are both 0: no batch would hold a render")

    @property
    def name(self) -> str:
        """Says how, so that several ways of mixing have their runs in one folder, such as ``mixed50``."""
        parts = [f"{MIXED}{100 * self.share:g}"]
        parts += [f"pretrain{100 * self.pretrain:g}"] if self.pretrain else []
        parts += [self.adaptation] if self.adaptation else []
        return "-".join([*parts, *([COPY_PASTE.name] if self.copy_paste else [])])

    def arm(self, recipe: Recipe, *, small: bool, shuffled: bool = False) -> DataArm:
        """The arm of photos, all or the small part, with renders, whose masks may be shuffled."""
        return DataArm(
            name=f"{SHUFFLED if shuffled else ''}{self.name}{recipe.small if small else ''}",
            real_fraction=recipe.fraction if small else 1.0,
            synth_share=self.share,
            pretrain=self.pretrain,
            adaptation=self.adaptation,
            copy_paste=COPY_PASTE.copy_paste if self.copy_paste else 0.0,
            shuffled_masks=shuffled,
        )


def of_photos(recipe: Recipe) -> tuple[Cell, ...]:
    """The arms that no render touches: their runs serve all renders that are tried."""
    return all_real() + few_real(recipe) + _cells({"copy-paste": arm_at("copy-paste", recipe.fraction)})


def all_real() -> tuple[Cell, ...]:
    """The arm of all real training photos, which renders alone are held against."""
    return _cells({"real": arm_at("real", 1.0)})


def few_real(recipe: Recipe) -> tuple[Cell, ...]:
    """The arm of the small part of the real training photos."""
    return _cells({"real": arm_at("real", recipe.fraction)})


def of_renders(recipe: Recipe, mix: Mix) -> tuple[Cell, ...]:
    """The arms with renders, and the control whose masks are shuffled."""
    shuffled = mix.arm(recipe, small=True, shuffled=True)
    return curve(recipe, mix) + _cells({mix.name: mix.arm(recipe, small=False), f"{SHUFFLED}{mix.name}": shuffled})


def curve(recipe: Recipe, mix: Mix) -> tuple[Cell, ...]:
    """The arms whose score is followed over the number of renders."""
    return renders_only() + few_mixed(recipe, mix)


def few_mixed(recipe: Recipe, mix: Mix) -> tuple[Cell, ...]:
    """The arm of the small part of the photos with renders."""
    return _cells({mix.name: mix.arm(recipe, small=True)})


def renders_only() -> tuple[Cell, ...]:
    """The arm that sees no photo in training."""
    return _cells({RENDERS: DataArm(name=RENDERS, synth_share=1.0)})


def _cells(arms: "Mapping[str, DataArm]") -> tuple[Cell, ...]:
    return tuple(
        Cell(kind=kind, fraction=arm.real_fraction, arm=arm, backbone=BACKBONE, runs=1) for kind, arm in arms.items()
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """A split of a set's photos, its number in its run, and the seed of the trainings on it."""

    name: str
    run: int
    split: "Split"
    seed: int

    def study(self, recipe: Recipe, cells: tuple[Cell, ...], runs: int = 1) -> StudyConfig:
        """The study of some arms on this fold. Epochs follow from the steps, so that folds cost the same."""
        epochs = max(1, round(recipe.steps / ceil(len(self.split.train) / recipe.batch_size)))
        changes = {"size": recipe.size, "epochs": epochs, "batch_size": recipe.batch_size, "keep": "averaged"}
        return replace(
            STUDIES["small"],
            cells=in_order(replace(cell, runs=runs) for cell in cells),
            threads=recipe.threads,
            seed=self.seed,
            changes=changes,
        )


def folds(data: "CocoDataset", spots: "Mapping[str, str]", recipe: Recipe, run: int) -> tuple[Fold, ...]:
    """The folds of a run, dealt anew by whole spots for each: every photo is tested exactly once.

    A deal that all runs share would give all photos of a fold one more error in common, which no test could see.

    Raises
    ------
    InputError
        As of `segmentation.data.splits.folds`.
    """
    from corrotwin.segmentation.data import splits

    dealt = splits.folds(data, groups=spots, count=recipe.folds, seed=recipe.seed + run)
    return tuple(
        Fold(
            name=f"{_run_name(run)}/fold-{number + 1}",
            run=run,
            split=split,
            seed=recipe.seed + run * recipe.folds + number,
        )
        for number, split in enumerate(dealt)
    )


def runs_in(folder: "Path") -> int:
    """How many runs of the proof a set's folder holds, complete or not."""
    return next(run for run in count() if not (folder / _run_name(run)).is_dir())


def _run_name(run: int) -> str:
    return f"run-{run + 1:02d}"


def screen(data: "CocoDataset", spots: "Mapping[str, str]", recipe: Recipe) -> Fold:
    """A fold in which the validation photos of the first of `SCREEN_FOLDS` are measured; its test photos are left out.

    Of its training photos one spot takes the place of validation, which chooses nothing.
    """
    number = max(2, min(SCREEN_FOLDS, len(set(spots.values()))))
    first = folds(data, spots, replace(recipe, folds=number), 0)[0].split
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
    return Fold(name=SCREEN, run=0, split=split, seed=recipe.seed)
