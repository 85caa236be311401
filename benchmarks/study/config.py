"""Configuration of a study: cells of equal runs, the settings that all runs share, and the named profiles.

Standard library only, so that the command line pays nothing for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from corrotwin.benchmarks.study.grid import GridCell, backbone_place, cells, in_order
from corrotwin.segmentation.arms import ARMS, DataArm, from_file, to_file
from corrotwin.segmentation.config import (
    BACKBONES,
    DEFAULT_BACKBONE,
    PROFILES,
    Profile,
    TrainConfig,
    configure,
    first_weights,
)
from corrotwin.twin.core.errors import InputError

_CELL_KEYS: Mapping[str, str] = {"real_fraction": "fraction"}  # fields of `GridCell` with another name in study.json
TUNED = (
    "size",
    "epochs",
    "batch_size",
    "learning_rate",
    "encoder_weights",
)  # settings that a study's command may change
RANDOM = "none"  # name of random initial weights of an encoder in commands and tables


def shown(value: Any) -> str:
    """Return a setting as written in a command."""
    return RANDOM if value is None else f"{value!s:.40}"


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
class StudyConfig:
    """The grid of a study and its settings. Training settings are the profile's, but for `changes`."""

    profile: Profile
    """quick: a smoke test, in minutes. small: real results, on a CPU overnight. paper: as published."""
    cells: tuple[GridCell, ...]
    """Run r of every cell has seed `seed` + r, so that arms can be compared in pairs."""
    renders: RenderPlan
    """The draw of each run in arms with renders, where no folder of renders is given."""
    standin: RenderPlan
    """Rendered in place of the photos where none are given."""
    threads: int
    """CPU threads of one training run."""
    seed: int = 0
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Training settings in place of the profile's."""

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise InputError(f"`threads` {self.threads} is below 1")
        if self.seed < 0:
            raise InputError(f"`seed` {self.seed} is negative")
        keys = [cell.key for cell in self.cells]
        if not keys or len(set(keys)) != len(keys):
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise InputError(f"study: needs at least one cell, each once{f', not {twice[0]} twice' if twice else ''}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The arms, whatever the fraction, in the order of `segmentation.arms.ARMS`."""
        kinds = dict.fromkeys(cell.kind for cell in self.cells)
        return tuple(sorted(kinds, key=lambda kind: list(ARMS).index(kind) if kind in ARMS else len(ARMS)))

    @property
    def real_fractions(self) -> tuple[float, ...]:
        """The fractions of the real training photos, largest last."""
        return tuple(sorted({cell.real_fraction for cell in self.cells}))

    @property
    def render_share(self) -> float | None:
        """Share of renders in each batch of the arms that mix; None without such an arm."""
        return next((cell.arm.render_share for cell in self.cells if cell.mixes), None)

    def at_render_share(self, share: float) -> "StudyConfig":
        """Return the study with another share of renders in the batches of its arms with photos and renders.

        Raises
        ------
        InputError
            The share is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise InputError(f"`render_share` {share:g} is not between 0 and 1")
        changed = (
            replace(cell, arm=replace(cell.arm, render_share=share)) if cell.mixes else cell for cell in self.cells
        )
        return replace(self, cells=tuple(changed))

    @property
    def arms(self) -> tuple[DataArm, ...]:
        """The data arms at their fractions, all photos first, then in the order of `segmentation.arms.ARMS`."""
        return tuple(dict.fromkeys(cell.arm for cell in self.cells))

    @property
    def backbones(self) -> tuple[str, ...]:
        """The backbones of all cells: the paper's in their order, then others by name."""
        return tuple(sorted({cell.backbone for cell in self.cells}, key=backbone_place))

    @property
    def runs(self) -> int:
        """The number of runs of the largest cell."""
        return max(cell.runs for cell in self.cells)

    @property
    def render_runs(self) -> int:
        """The number of runs of the largest cell with renders; 0 without any."""
        return max((cell.runs for cell in self.cells if cell.arm.takes_renders), default=0)

    @property
    def training(self) -> dict[str, Any]:
        """The training settings that all runs share."""
        return {**PROFILES[self.profile], **self.changes}

    @property
    def changed(self) -> str:
        """The changed settings in words, such as ``learning rate 0.0036, size 64``; empty if there are none."""
        return ", ".join(f"{name.replace('_', ' ')} {shown(self.changes[name])}" for name in sorted(self.changes))

    @property
    def first_weights(self) -> dict[str, Literal["imagenet"] | None]:
        """The initial weights of each backbone's encoder: imagenet, or None for random ones."""
        return {name: self.changes.get("encoder_weights", first_weights(self.profile, name)) for name in self.backbones}

    @property
    def smoke_backbones(self) -> tuple[str, ...]:
        """Backbones whose runs are too short to say anything: those from random weights in profile quick."""
        weights = self.first_weights
        return tuple(name for name in self.backbones if self.profile == "quick" and weights[name] is None)

    @property
    def by_command(self) -> bool:
        """True if `corrotwin benchmarks run` can make it: only `TUNED` settings are changed."""
        return set(self.changes) <= set(TUNED)

    @property
    def grid(self) -> dict[str, TrainConfig]:
        """The runs by id, such as ``mixed-vgg16-02``; the first run of every cell first."""
        weights = self.first_weights
        return {
            f"{cell.key}-{run:02d}": configure(
                self.profile,
                backbone=cell.backbone,
                arm=cell.arm,
                seed=self.seed + run,
                threads=self.threads,
                **{"encoder_weights": weights[cell.backbone], **self.changes, **cell.changes},
            )
            for run in range(self.runs)
            for cell in self.cells
            if run < cell.runs
        }

    def joined(self, earlier: "StudyConfig") -> "StudyConfig":
        """Return the study with all cells of an earlier one of the same settings; of two equal cells, the larger.

        Raises
        ------
        InputError
            A cell of the same name was made with another arm or other settings.
        """
        merged = {cell.key: cell for cell in earlier.cells}
        for cell in self.cells:
            known = merged.setdefault(cell.key, cell)
            if known.arm != cell.arm:
                raise InputError(f"{cell.key}: the study has the arm {known.arm}, but {cell.arm} was requested")
            if known.changes != cell.changes:
                raise InputError(
                    f"{cell.key}: the study has the settings {known.changes}, but {cell.changes} were requested"
                )
            merged[cell.key] = max(known, cell, key=lambda each: each.runs)
        return replace(self, cells=in_order(merged.values()), renders=earlier.renders)


_REAL_AND_MIXED = ("real", "mixed")
# The first scores that a newcomer sees: longer than the paper's four, which from random weights show that they train.
_QUICK_CHANGES: Mapping[str, Mapping[str, Any]] = {DEFAULT_BACKBONE: {"epochs": 40}}
STUDIES: Mapping[Profile, StudyConfig] = {
    "quick": StudyConfig(
        profile="quick",
        cells=cells(_REAL_AND_MIXED, (1.0,), (*BACKBONES, DEFAULT_BACKBONE), 2, _QUICK_CHANGES),
        threads=1,
        renders=RenderPlan(preset="quick", count=24, size=192),
        standin=RenderPlan(preset="standin", count=72, size=192),
    ),
    "small": StudyConfig(
        profile="small",
        cells=cells(_REAL_AND_MIXED, (0.1, 1.0), (DEFAULT_BACKBONE,), 10),
        threads=1,
        renders=RenderPlan(preset="balanced", count=120, size=320),
        standin=RenderPlan(preset="standin", count=240, size=320),
    ),
    "paper": StudyConfig(
        profile="paper",
        cells=cells((*_REAL_AND_MIXED, "copy-paste", "strong"), (1.0,), BACKBONES, 10),
        threads=2,
        renders=RenderPlan(preset="balanced", count=300, size=640),
        standin=RenderPlan(preset="standin", count=1000, size=640),
    ),
}


def choose(
    profile: Profile,
    *,
    kinds: Sequence[str] = (),
    real_fractions: Sequence[float] = (),
    backbones: Sequence[str] = (),
    runs: int | None = None,
    threads: int | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
    earlier: StudyConfig | None = None,
) -> StudyConfig:
    """Return a profile's study with other arms, real fractions, backbones, runs or threads if they are given.

    Parameters
    ----------
    earlier : the study in the folder; its arms, real fractions, backbones and runs are used where none are given.
    changes : training settings in place of the profile's; None keeps the profile's, and encoder_weights "none" means
        random weights.

    Raises
    ------
    InputError
        As for `cells`.
    """
    usual = STUDIES[profile]
    known = usual if earlier is None or earlier.profile != profile else earlier
    chosen = known.cells
    if known is usual or kinds or real_fractions or backbones or runs is not None:
        chosen = cells(
            kinds or known.kinds,
            real_fractions or known.real_fractions,
            backbones or known.backbones,
            known.runs if runs is None else runs,
            _QUICK_CHANGES if profile == "quick" and changes.get("epochs") is None else {},
        )
    settings = {name: None if value == RANDOM else value for name, value in changes.items() if value is not None}
    settings = {
        name: value
        for name, value in settings.items()
        if name == "encoder_weights" or value != PROFILES[profile].get(name)
    }
    return replace(usual, cells=chosen, threads=usual.threads if threads is None else threads, changes=settings)


def to_json(config: StudyConfig) -> dict[str, Any]:
    """Return a configuration as `study.json` holds it."""
    grid = [
        {
            _CELL_KEYS.get(name, name): value
            for name, value in {**asdict(cell), "arm": to_file(asdict(cell.arm))}.items()
            if name != "changes" or value
        }
        for cell in config.cells
    ]
    return {**asdict(config), "cells": grid}


def from_json(value: Mapping[str, Any]) -> StudyConfig:
    """Return the configuration that `to_json` turned into `value`.

    Raises
    ------
    InputError
        A field is missing, unknown or invalid.
    """
    try:
        plans = {name: RenderPlan(**value[name]) for name in ("renders", "standin")}
        names = {key: name for name, key in _CELL_KEYS.items()}
        grid = tuple(
            GridCell(**{names.get(key, key): of_cell for key, of_cell in {**cell, "arm": _arm(cell)}.items()})
            for cell in value["cells"]
        )
        return StudyConfig(**{**value, **plans, "cells": grid})
    except (KeyError, TypeError) as error:
        raise InputError(f"study configuration: a field is missing or unknown ({error})") from error


def _arm(cell: Mapping[str, Any]) -> DataArm:
    """Return the data arm of a cell of `study.json`."""
    return DataArm(**from_file(cell["arm"]))
