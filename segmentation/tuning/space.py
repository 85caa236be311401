"""Search space of a sweep, the values of each trial, and the plan of the search."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any, Literal

import numpy as np

from corrotwin.segmentation.arms import Augmentation, DataArm
from corrotwin.segmentation.config import TrainConfig
from corrotwin.twin.core.errors import InputError

PARAMETERS = ("learning_rate", "batch_size", "augmentation", "render_share", "render_count")
DIGITS = 3  # significant digits of a drawn number

Search = Literal["random", "optuna"]
Scheduler = Literal["asha", "none"]


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """Ranges and choices of the settings. A single choice, or a range with equal limits, is fixed.

    Parameters
    ----------
    learning_rate : range, sampled uniformly in the logarithm.
    batch_size, augmentation : choices.
    render_share : range of the share of each batch that is renders.
    render_count : choices of the number of renders to use; empty for all.
    """

    learning_rate: tuple[float, float]
    batch_size: tuple[int, ...]
    augmentation: tuple[Augmentation, ...]
    render_share: tuple[float, float] = (0.0, 0.0)
    render_count: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.learning_rate
        if not 0 < low <= high:
            raise InputError(f"`learning_rate` from {low:g} to {high:g}: give two above 0, the lower first")
        low, high = self.render_share
        if not 0 <= low <= high <= 1:
            raise InputError(f"`render_share` from {low:g} to {high:g}: give two from 0 to 1, the lower first")
        for name in ("batch_size", "augmentation"):
            if not getattr(self, name):
                raise InputError(f"`{name}`: give at least one")
        for name in ("batch_size", "render_count"):
            if low_choices := [number for number in getattr(self, name) if number < 1]:
                raise InputError(f"`{name}` {low_choices[0]} is below 1")
        if self.render_count and self.render_share[1] == 0:
            raise InputError("`render_count` needs a `render_share` above 0")

    def varies(self) -> tuple[str, ...]:
        """Return the names of the settings that vary."""
        limits = {"learning_rate": self.learning_rate, "render_share": self.render_share}
        is_varied = {name: len(set(values)) > 1 for name, values in limits.items()}
        is_varied |= {name: len(set(getattr(self, name))) > 1 for name in PARAMETERS if name not in limits}
        return tuple(name for name in PARAMETERS if is_varied[name])

    def draw(self, seed: int, number: int) -> dict[str, Any]:
        """Draw the values of trial `number`; they do not depend on the number of trials."""
        rng = np.random.default_rng([seed, number])
        low, high = self.learning_rate
        return self.rounded(
            {
                "learning_rate": exp(rng.uniform(log(low), log(high))),
                "batch_size": int(rng.choice(self.batch_size)),
                "augmentation": str(rng.choice(self.augmentation)),
                "render_share": rng.uniform(*self.render_share),
                "render_count": int(rng.choice(self.render_count)) if self.render_count else None,
            }
        )

    def rounded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Round the drawn numbers to three significant digits, within their ranges."""
        limits = {"learning_rate": self.learning_rate, "render_share": self.render_share}
        ranges = {
            name: min(max(float(f"{values[name]:.{DIGITS}g}"), low), high) for name, (low, high) in limits.items()
        }
        return {**values, **ranges}


def trial_config(base: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """Return the training settings of a trial.

    Raises
    ------
    InputError
        A value is invalid.
    """
    share = values["render_share"]
    arm = DataArm(
        name="mixed" if share else "real",
        real_fraction=base.arm.real_fraction,
        render_share=share,
        render_count=values["render_count"] if share else None,
        augmentation=values["augmentation"],
    )
    return replace(base, arm=arm, learning_rate=values["learning_rate"], batch_size=values["batch_size"])


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """Number of trials, search algorithm, early stopping and resources of a sweep.

    Parameters
    ----------
    trials : total number, including those of earlier commands on the same folder.
    search : random, or optuna for Optuna's tree-structured Parzen estimator.
    scheduler : asha stops two thirds of the trials at each rung (Li et al., A System for Massively Parallel
        Hyperparameter Tuning, MLSys 2020); none trains all to the end.
    grace : epochs before the first rung.
    seed : seed of the sampled settings.
    gpus : fraction of a GPU per trial; with 0 a trial sees no GPU. None: a fraction that fits the backbone, if the
        machines have GPUs.
    """

    trials: int
    search: Search
    scheduler: Scheduler
    grace: int
    seed: int
    gpus: float | None

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("grace", 1), ("seed", 0), ("gpus", 0)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise InputError(f"`{name}` {value} is below {least}")
        if self.gpus is not None and self.gpus > 1:
            raise InputError(f"`gpus` {self.gpus:g}: a trial trains on one GPU; give 1 or a fraction of it")
