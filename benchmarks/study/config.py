"""What a study consists of: cells of equal runs, the settings that all runs share, and the named profiles.

Standard library only, so that the command line pays nothing for it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType
from typing import Any

from corrotwin.segmentation.config import ARMS, BACKBONES, PROFILES, DataArm, Profile, TrainConfig, configure
from corrotwin.twin.core.errors import InputError

MOST_RUNS = 10_000  # of a cell; more is a mistake
TUNED = ("size", "epochs", "batch_size", "learning_rate")  # settings that the command of a study may change


def options(settings: Mapping[str, Any]) -> str:
    """Those of `TUNED` that some settings have, as options of the command, such as ``--size 64``."""
    return " ".join(f"--{name.replace('_', '-')} {settings[name]!s:.40}" for name in TUNED if name in settings)


def is_name(text: Any) -> bool:
    """Whether a text from a file can name a folder or file in ours, and leads to no other."""
    return isinstance(text, str) and re.fullmatch(r"[^./\\\s\x00-\x1f][^/\\\x00-\x1f]{0,99}", text) is not None


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """A rendered dataset: preset of the scenes, number of images, side of an image in pixels."""

    preset: str
    count: int
    size: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.size < 1:
            raise InputError(f"renders: count {self.count} and size {self.size} must be at least 1")

    def __str__(self) -> str:
        return f"{self.count} of preset {self.preset} at {self.size} px"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The runs of one backbone in one data arm at one fraction of the real training photos.

    `kind` is the arm's name in `segmentation.config.ARMS`. `arm` is that arm at the fraction, with a name of its own
    where the fraction is below 1, such as ``real-10pct``. The arm is kept, not looked up, so that a study outlives a
    change of `ARMS`.
    """

    kind: str
    fraction: float
    arm: DataArm
    backbone: str
    runs: int

    def __post_init__(self) -> None:
        if not isinstance(self.runs, int) or not 1 <= self.runs <= MOST_RUNS:
            raise InputError(f"runs {self.runs!r:.40} is no whole number from 1 to {MOST_RUNS}")
        if not is_name(self.arm.name):
            raise InputError(f"arm {self.arm.name!r:.60} cannot name a folder")
        if self.backbone not in BACKBONES:
            raise InputError(f"backbone {self.backbone!r} is not the paper's; choose one of {', '.join(BACKBONES)}")
        if self.arm.real_fraction != self.fraction:
            raise InputError(f"cell {self.key}: fraction {self.fraction}, but its arm has {self.arm.real_fraction}")

    @property
    def key(self) -> str:
        """What the ids of its runs begin with, such as ``mixed-10pct-vgg16``."""
        return f"{self.arm.name}-{self.backbone}"


def cells(kinds: Sequence[str], fractions: Sequence[float], backbones: Sequence[str], runs: int) -> tuple[Cell, ...]:
    """All cells of some arms, fractions of the real training photos and backbones, with equally many runs.

    Raises
    ------
    InputError
        A name is unknown or stands twice, a fraction is not in (0, 1], or there is nothing to train.
    """
    for what, values in (("arms", kinds), ("fractions", fractions), ("backbones", backbones)):
        if not values or len(set(values)) != len(values):
            raise InputError(f"{what}: needs at least one, each once, not {', '.join(map(str, values)) or 'none'}")
    if unknown := [kind for kind in kinds if kind not in ARMS]:
        raise InputError(f"arm {unknown[0]!r} is unknown; choose among {', '.join(ARMS)}")
    return in_order(
        Cell(kind=kind, fraction=float(fraction), arm=arm_at(kind, float(fraction)), backbone=backbone, runs=runs)
        for kind, fraction, backbone in product(kinds, fractions, backbones)
    )


def arm_at(kind: str, fraction: float) -> DataArm:
    """An arm of `segmentation.config.ARMS` at a fraction of the real training photos."""
    if fraction == 1:
        return ARMS[kind]
    return replace(ARMS[kind], name=f"{kind}-{100 * fraction:g}pct", real_fraction=fraction)


def in_order(found: Iterable[Cell]) -> tuple[Cell, ...]:
    """Cells as a study lists them, however it grew: all photos first, then by arm, then by backbone."""
    kinds = list(ARMS)

    def place(cell: Cell) -> tuple[float, int, str, int]:
        known = kinds.index(cell.kind) if cell.kind in kinds else len(kinds)
        return (-cell.fraction, known, cell.kind, BACKBONES.index(cell.backbone))

    return tuple(sorted(found, key=place))


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What a study consists of. Training settings are the profile's in `segmentation.config`, but for `changes`."""

    profile: Profile
    """quick: minutes, smoke. small: honest, on a CPU over night. paper: as published."""
    cells: tuple[Cell, ...]
    """Run r of every cell has seed `seed` + r, so that arms can be compared in pairs."""
    renders: RenderPlan
    """The images that arms with renders train on beside the photos, where no folder of renders is given."""
    standin: RenderPlan
    """Rendered in place of the photos where none are given."""
    threads: int
    """CPU threads of one training run."""
    seed: int = 0
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Training settings in place of the profile's."""

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise InputError(f"threads {self.threads} is below 1")
        if self.seed < 0:
            raise InputError(f"seed {self.seed} is negative")
        keys = [cell.key for cell in self.cells]
        if not keys or len(set(keys)) != len(keys):
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise InputError(f"study: needs at least one cell, each once{f', not {twice[0]} twice' if twice else ''}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The arms, whatever the fraction, in the order of `segmentation.config.ARMS`."""
        found = dict.fromkeys(cell.kind for cell in self.cells)
        return tuple(sorted(found, key=lambda kind: list(ARMS).index(kind) if kind in ARMS else len(ARMS)))

    @property
    def fractions(self) -> tuple[float, ...]:
        """The fractions of the real training photos, largest last."""
        return tuple(sorted({cell.fraction for cell in self.cells}))

    @property
    def arms(self) -> tuple[DataArm, ...]:
        """The data arms at their fractions, all photos first, then in the order of `segmentation.config.ARMS`."""
        return tuple(dict.fromkeys(cell.arm for cell in self.cells))

    @property
    def backbones(self) -> tuple[str, ...]:
        """The backbones of all cells, in the order of `BACKBONES`."""
        return tuple(name for name in BACKBONES if name in {cell.backbone for cell in self.cells})

    @property
    def runs(self) -> int:
        """The runs of the cell that has most."""
        return max(cell.runs for cell in self.cells)

    @property
    def training(self) -> dict[str, Any]:
        """The training settings that all runs share."""
        return {**PROFILES[self.profile], **self.changes}

    @property
    def changed(self) -> str:
        """The changed settings in words, such as ``learning rate 0.0036, size 64``; empty where there are none."""
        return ", ".join(f"{name.replace('_', ' ')} {self.changes[name]}" for name in sorted(self.changes))

    @property
    def by_command(self) -> bool:
        """Whether `corrotwin benchmarks run` can make it: at most `TUNED` settings are changed."""
        return set(self.changes) <= set(TUNED)

    @property
    def grid(self) -> dict[str, TrainConfig]:
        """The runs by id, such as ``mixed-vgg16-02``; the first run of every cell first."""
        return {
            f"{cell.key}-{run:02d}": configure(
                self.profile,
                backbone=cell.backbone,
                arm=cell.arm,
                seed=self.seed + run,
                threads=self.threads,
                **self.changes,
            )
            for run in range(self.runs)
            for cell in self.cells
            if run < cell.runs
        }

    def joined(self, earlier: "StudyConfig") -> "StudyConfig":
        """The study with all cells of an earlier one of the same settings; of a cell in both, the larger one.

        Raises
        ------
        InputError
            A cell of the same name was made with another arm.
        """
        found = {cell.key: cell for cell in earlier.cells}
        for cell in self.cells:
            known = found.setdefault(cell.key, cell)
            if known.arm != cell.arm:
                raise InputError(f"{cell.key}: the study has the arm {known.arm}, asked is {cell.arm}")
            found[cell.key] = max(known, cell, key=lambda each: each.runs)
        return replace(self, cells=in_order(found.values()), renders=earlier.renders)


_REAL_AND_MIXED = ("real", "mixed")
STUDIES: Mapping[Profile, StudyConfig] = {
    "quick": StudyConfig(
        profile="quick",
        cells=cells(_REAL_AND_MIXED, (1.0,), BACKBONES, 2),
        threads=1,
        renders=RenderPlan(preset="balanced", count=36, size=192),
        standin=RenderPlan(preset="standin", count=72, size=192),
    ),
    "small": StudyConfig(
        profile="small",
        cells=cells((*_REAL_AND_MIXED, "copy-paste"), (1.0,), BACKBONES, 3),
        threads=1,
        renders=RenderPlan(preset="balanced", count=120, size=320),
        standin=RenderPlan(preset="standin", count=240, size=320),
    ),
    "paper": StudyConfig(
        profile="paper",
        cells=cells((*_REAL_AND_MIXED, "copy-paste", "strong"), (1.0,), BACKBONES, 10),
        threads=2,
        renders=RenderPlan(preset="balanced", count=1000, size=640),
        standin=RenderPlan(preset="standin", count=1000, size=640),
    ),
}


def choose(
    profile: Profile,
    *,
    kinds: Sequence[str] = (),
    fractions: Sequence[float] = (),
    backbones: Sequence[str] = (),
    runs: int | None = None,
    threads: int | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> StudyConfig:
    """The study of a profile with other arms, fractions, backbones, runs or threads; what is left out is the profile's.

    Parameters
    ----------
    changes : training settings in place of the profile's; None leaves that one.

    Raises
    ------
    InputError
        As of `cells`.
    """
    usual = STUDIES[profile]
    chosen = cells(
        kinds or usual.kinds,
        fractions or usual.fractions,
        backbones or usual.backbones,
        usual.runs if runs is None else runs,
    )
    others = {
        name: value for name, value in changes.items() if value is not None and value != PROFILES[profile].get(name)
    }
    return replace(usual, cells=chosen, threads=usual.threads if threads is None else threads, changes=others)


def from_json(value: Mapping[str, Any]) -> StudyConfig:
    """The configuration that `dataclasses.asdict` turned into `value`.

    Raises
    ------
    InputError
        A field is missing, unknown or invalid.
    """
    try:
        plans = {name: RenderPlan(**value[name]) for name in ("renders", "standin")}
        found = tuple(Cell(**{**cell, "arm": DataArm(**cell["arm"])}) for cell in value["cells"])
        return StudyConfig(**{**value, **plans, "cells": found})
    except (KeyError, TypeError) as error:
        raise InputError(f"study configuration: a field is missing or unknown ({error})") from error
