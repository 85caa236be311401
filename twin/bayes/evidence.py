"""Log-likelihood of particles given the records up to an inspection, the latest one at full or reduced weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.histories.trajectories import Trajectory
from corrotwin.twin.bayes.likelihood import log_likelihood
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.sightings import Sighting, by_zone
from corrotwin.twin.bayes.thickness.model import ThicknessModel
from corrotwin.twin.geometry.atlas import Floats, Integers, Singles


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """Log-likelihoods of particles given earlier and all records except thickness, and their thickness model."""

    earlier: Floats  # (n,)
    all: Floats  # (n,)
    model: ThicknessModel | None

    def log_likelihood(self, share: float) -> Floats:
        """Return the log-likelihood, (n,), with the latest inspection at this share of its weight."""
        other_kinds = (1 - share) * self.earlier + share * self.all
        return other_kinds if self.model is None else other_kinds + self.model.weakened(share).log_likelihood()

    def taken(self, rows: Integers, model: ThicknessModel | None) -> "Judgement":
        """Return the judgement of the particles in `rows`; `model` is their thickness model."""
        if model is not None and self.model is not None:
            model = model.knowing(self.model.without_mechanisms_mm[rows])
        return Judgement(earlier=self.earlier[rows], all=self.all[rows], model=model)

    def merged(self, other: "Judgement", take: NDArray[np.bool_], model: ThicknessModel | None) -> "Judgement":
        """Replace the judgement by `other` where `take`, (n,), is true; `model` is that of the merged particles."""
        if model is not None and self.model is not None and other.model is not None:
            proposed_mm, current_mm = other.model.without_mechanisms_mm, self.model.without_mechanisms_mm
            model = model.knowing(np.where(take[:, None, None], proposed_mm, current_mm))
        return Judgement(
            earlier=np.where(take, other.earlier, self.earlier), all=np.where(take, other.all, self.all), model=model
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Records up to an inspection; thickness readings count through the `readings` of the particles.

    Parameters
    ----------
    earlier, latest : sightings from before the inspection, and from it.
    power : exponent of the likelihood of rusted shares.
    """

    earlier: Sequence[Sighting]
    latest: Sequence[Sighting]
    power: float
    _by_zone: dict[str, tuple[list[Sighting], list[Sighting]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        before, combined = by_zone(self.earlier), by_zone([*self.earlier, *self.latest])
        object.__setattr__(self, "_by_zone", {name: (before.get(name, []), items) for name, items in combined.items()})

    @property
    def kinds(self) -> set[str]:
        """Kinds of records."""
        return {item.record.kind for item in (*self.earlier, *self.latest)}

    def judged(self, state: Particles) -> Judgement:
        """Return the log-likelihoods of particles."""
        trajectories, bias = state.trajectories(self._by_zone), state.tool_biases()
        earlier, total = (
            marginal(trajectories, {name: pair[index] for name, pair in self._by_zone.items()}, bias, self.power)
            for index in (0, 1)
        )
        return Judgement(earlier=earlier, all=total, model=state.thickness_model())

    def seed_scores(self, state: Particles) -> dict[str, Floats]:
        """Return, by zone, the log-likelihood of its records for each seed of the bank, (n, S)."""
        trajectories, bias = state.trajectories(self._by_zone), state.tool_biases()
        return {
            name: log_likelihood(trajectories[name], items, bias, self.power)
            for name, (_, items) in self._by_zone.items()
        }


def marginal(
    trajectories: Mapping[str, Trajectory], sightings: Mapping[str, Sequence[Sighting]], bias: Singles, power: float
) -> Floats:
    """Return the log-likelihood of the sightings, with the seeds averaged out zone by zone, (n,).

    The logarithm of a mean over few seeds is too small on average, by half the relative variance of that mean to second
    order. Uncorrected, growth whose seeds all agree (no rust anywhere) would be preferred to growth whose seeds differ.
    """
    total = np.zeros(len(bias))
    for name, items in sightings.items():
        if not items:
            continue
        values = log_likelihood(trajectories[name], items, bias, power)
        most = values.max(axis=1)
        chance = np.exp(values - most[:, None])
        mean = chance.mean(axis=1)
        total += most + np.log(mean)
        if chance.shape[1] > 1:
            total += chance.var(axis=1, ddof=1) / mean**2 / (2 * chance.shape[1])
    return total
