"""Splits of photos: a new draw of a few for each redraw, cross-validation of all in each run, one fold for screens."""

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from corrotwin.benchmarks.study.config import STUDIES, StudyConfig
from corrotwin.benchmarks.study.grid import GridCell, in_order
from corrotwin.benchmarks.transfer.protocol import OTHER_STEPS, SCREEN, ProtocolSettings
from corrotwin.segmentation.config import epochs_of
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

SCREEN_FOLDS = 5  # or as many as there are spots: a screen shows the same photos whatever the folds of the transfer
FEW, WHOLE = "few", "whole"  # folders of a redraw, and of a run in which all photos train
FEWEST_SPOTS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """A split of a set's photos: a redraw, or a fold of a run; the number of its run, and the seed of the trainings.

    `of` is the number of splits that make up its run.
    """

    name: str
    run: int
    split: "Split"
    seed: int
    of: int = 1

    @property
    def is_few(self) -> bool:
        """True if it is a redraw of few photos."""
        return self.name.endswith(f"/{FEW}")

    @property
    def tests_others_only(self) -> bool:
        """True if all photos train: of its own set it tests one spot, which means nothing."""
        return self.name.endswith(f"/{WHOLE}")

    def study(self, settings: ProtocolSettings, cells: tuple[GridCell, ...], runs: int = 1) -> StudyConfig:
        """Return the study of some arms on this split. Epochs follow from the steps, so that splits cost the same."""

        def epochs(steps: int) -> int:
            return epochs_of(steps, len(self.split.train), settings.batch_size)

        other = {"epochs": epochs(settings.photo_steps or settings.steps)}
        changes = {
            "size": settings.size,
            "epochs": epochs(settings.steps),
            "batch_size": settings.batch_size,
            "keep": "averaged",
            "encoder_weights": settings.encoder_weights,
        }
        return replace(
            STUDIES["small"],
            cells=in_order(
                replace(cell, runs=runs, changes=other if cell.arm.name.endswith(OTHER_STEPS) else {}) for cell in cells
            ),
            threads=settings.threads,
            seed=self.seed,
            changes=changes,
        )


def redraw(data: "CocoDataset", spots: "Mapping[str, str]", settings: ProtocolSettings, number: int) -> Fold:
    """Return a draw of few photos, by whole spots, which train; all others are tested.

    With `settings.unlabelled` more photos are drawn; arms draw the few of them that have labels. One more spot takes
    the place of validation, which chooses nothing.

    Raises
    ------
    InputError
        There are too few spots.
    """
    from corrotwin.segmentation.data.splits import Split
    from corrotwin.segmentation.sampling import subset

    seed, fraction = settings.seed + number, settings.real_fraction + settings.unlabelled
    names = sorted(photo.file_name for photo in data.photos)
    train = subset(names, [spots[name] for name in names], fraction, seed)
    rest = [name for name in names if name not in {*train}]
    spots_left = [spots[name] for name in rest]
    aside = {*subset(rest, spots_left, 1 / len(rest), seed)} if rest else set()
    test = tuple(name for name in rest if name not in aside)
    if not test:
        raise InputError(
            f"{data.folder}: {100 * fraction:g} % of {len(names)} photos of {len(set(spots.values()))} "
            "spots leave none to test; more spots are needed"
        )
    split = Split(
        how=FEW, seed=seed, train=train, valid=tuple(name for name in rest if name in aside), test=test,
        group={name: spots[name] for name in names},
    )  # fmt: skip
    return Fold(name=f"{_run_name(number)}/{FEW}", run=number, split=split, seed=seed)


def folds(data: "CocoDataset", spots: "Mapping[str, str]", settings: ProtocolSettings, run: int) -> tuple[Fold, ...]:
    """Draw the folds of a run at random, in whole spots: every photo is tested exactly once.

    Folds that all runs share would give all photos of a fold one more error in common, which no test could see.

    With one fold all photos train, but for two spots that stand in for validation and test.

    Raises
    ------
    InputError
        As of `segmentation.data.splits.folds`; or there are too few spots.
    """
    from corrotwin.segmentation.data import splits

    if settings.folds == 1:
        return (_whole(data, spots, settings, run),)
    splits_of_run = splits.folds(data, groups=spots, count=settings.folds, seed=settings.seed + run)
    return tuple(
        Fold(
            name=f"{_run_name(run)}/fold-{number + 1}",
            run=run,
            split=split,
            seed=(settings.seed + run) * settings.folds + number,
            of=settings.folds,
        )
        for number, split in enumerate(splits_of_run)
    )


def _whole(data: "CocoDataset", spots: "Mapping[str, str]", settings: ProtocolSettings, run: int) -> Fold:
    from corrotwin.segmentation.data.splits import Split
    from corrotwin.segmentation.sampling import Stream, generator

    seed = settings.seed + run
    names = sorted(photo.file_name for photo in data.photos)
    all_spots = sorted({spots[name] for name in names})
    if len(all_spots) < FEWEST_SPOTS:
        raise InputError(f"{data.folder}: shows {len(all_spots)} spots; at least {FEWEST_SPOTS} are needed")
    aside = [all_spots[place] for place in generator(seed, Stream.SUBSET).permutation(len(all_spots))[:2]]
    valid, test = (tuple(name for name in names if spots[name] == spot) for spot in aside)
    train = tuple(name for name in names if spots[name] not in aside)
    split = Split(
        how=WHOLE, seed=seed, train=train, valid=valid, test=test, group={name: spots[name] for name in names}
    )
    return Fold(name=f"{_run_name(run)}/{WHOLE}", run=run, split=split, seed=seed)


def runs_in(folder: "Path", name: str) -> int:
    """Count the runs of the transfer in a set's folder that have a split of this name, complete or not."""
    return next(run for run in count() if not (folder / _run_name(run) / name).is_dir())


def _run_name(run: int) -> str:
    return f"run-{run + 1:02d}"


def screen(data: "CocoDataset", spots: "Mapping[str, str]", settings: ProtocolSettings) -> Fold:
    """Return a fold that measures the validation photos of the first of `SCREEN_FOLDS`, without its test photos.

    Of its training photos one spot takes the place of validation, which chooses nothing.

    Raises
    ------
    InputError
        All training photos of a fold show one spot.
    """
    number = min(SCREEN_FOLDS, len(set(spots.values())))
    first = folds(data, spots, replace(settings, folds=max(2, number)), 0)[0].split
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


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Repeats of a transfer: redraws of a few photos, runs on all, redraws with a preset fitted to their photos."""

    redraws: int
    runs: int
    fits: int
    renders_of_fit: int

    def __post_init__(self) -> None:
        for name in ("redraws", "runs", "fits"):
            if getattr(self, name) < 0:
                raise InputError(f"`{name}` {getattr(self, name)} is below 0")
        if not self.redraws + self.runs:
            raise InputError("`redraws` and `runs` are both 0: nothing to train")
        if self.fits > self.redraws:
            raise InputError(f"`fits` {self.fits} is above `redraws` {self.redraws}")
        if self.renders_of_fit < 1:
            raise InputError(f"`renders_of_fit` {self.renders_of_fit} is below 1")


def splits_of(
    folder: "Path", data: "CocoDataset", spots: "Mapping[str, str]", settings: ProtocolSettings, counts: Counts
) -> list[Fold]:
    """Return the redraws and folds of a set that are wanted, or were made before."""
    whole = WHOLE if settings.folds == 1 else "fold-1"
    redraws = max(counts.redraws, runs_in(folder, FEW))
    runs = max(counts.runs, runs_in(folder, whole))
    splits = [redraw(data, spots, settings, number) for number in range(redraws)]
    for run in range(runs):
        splits += folds(data, spots, settings, run)
    return splits


def describe(settings: ProtocolSettings, counts: Counts) -> str:
    """Return in a few words how often a transfer trains."""
    few = f"{counts.redraws} redraws of {100 * settings.real_fraction:g} %"
    if settings.unlabelled:
        few += f" with {100 * settings.unlabelled:g} % unlabelled"
    how = "all photos" if settings.folds == 1 else f"{settings.folds} folds"
    return ", ".join([*([few] if counts.redraws else []), *([f"{counts.runs} runs of {how}"] if counts.runs else [])])
