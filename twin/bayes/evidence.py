"""Evidence for particles from the records up to an inspection, the latest one at full or reduced weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.histories.trajectories import Trajectory
from corrotwin.twin.bayes.likelihood import log_likelihood
from corrotwin.twin.bayes.particles import Particles, growth_samples, tool_biases, zone_trajectories
from corrotwin.twin.bayes.sightings import Sighting, by_zone
from corrotwin.twin.bayes.thickness.model import ThicknessModel
from corrotwin.twin.bayes.thickness.readings import Readings
from corrotwin.twin.geometry.atlas import Floats, Integers, Singles


@dataclass(frozen=True, kw_only=True, eq=False)
class Position:
    """Positions of n particles in parameter space."""

    normal: Singles  # (n, C)
    number: Integers  # (n,)
    pit_number: Integers  # (n,)
    spots: Integers  # (n, J)

    def taken(self, rows: Integers) -> "Position":
        """Return the positions of these particles."""
        return Position(
            normal=self.normal[rows], number=self.number[rows], pit_number=self.pit_number[rows], spots=self.spots[rows]
        )

    def up_to(self, places: int) -> "Position":
        """Return the positions with only the first measured places."""
        return Position(
            normal=self.normal, number=self.number, pit_number=self.pit_number, spots=self.spots[:, :places]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """Log-likelihoods of positions: of earlier and of all records of other kinds, and the model of thickness."""

    earlier: Floats  # (n,)
    all: Floats  # (n,)
    model: ThicknessModel | None

    def log_likelihood(self, share: float) -> Floats:
        """Return the log-likelihood, (n,), with the latest inspection at this share of its weight."""
        others = (1 - share) * self.earlier + share * self.all
        return others if self.model is None else others + self.model.weakened(share).log_likelihood()

    def taken(self, rows: Integers, model: ThicknessModel | None) -> "Judgement":
        """Return the judgement of these particles; `model` is of their positions."""
        if model is not None and self.model is not None:
            model = model.knowing(self.model.without_mechanisms_mm[rows])
        return Judgement(earlier=self.earlier[rows], all=self.all[rows], model=model)

    def merged(self, other: "Judgement", take: NDArray[np.bool_], model: ThicknessModel | None) -> "Judgement":
        """Return the judgement with that of another where `take`, (n,); `model` is of the positions there and here."""
        if model is not None and self.model is not None and other.model is not None:
            there, here = other.model.without_mechanisms_mm, self.model.without_mechanisms_mm
            model = model.knowing(np.where(take[:, None, None], there, here))
        return Judgement(
            earlier=np.where(take, other.earlier, self.earlier), all=np.where(take, other.all, self.all), model=model
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Records up to an inspection.

    Parameters
    ----------
    state : particles whose bank, prior and tools count, not where they are.
    earlier, latest : sightings before the inspection and of it.
    readings : those of thickness among all, or None.
    power : exponent of the likelihood of rusted shares.
    """

    state: Particles
    earlier: Sequence[Sighting]
    latest: Sequence[Sighting]
    readings: Readings | None
    power: float
    _by_zone: dict[str, tuple[list[Sighting], list[Sighting]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        before, every = by_zone(self.earlier), by_zone([*self.earlier, *self.latest])
        object.__setattr__(self, "_by_zone", {name: (before.get(name, []), own) for name, own in every.items()})

    @property
    def kinds(self) -> set[str]:
        """Kinds of records."""
        return {item.record.kind for item in (*self.earlier, *self.latest)}

    def judged(self, at: Position) -> Judgement:
        """Return the log-likelihoods of positions."""
        trajectories = zone_trajectories(self.state, at.normal, at.number, at.pit_number, self._by_zone)
        bias = tool_biases(self.state, at.normal)
        earlier, every = (
            marginal(trajectories, {name: pair[index] for name, pair in self._by_zone.items()}, bias, self.power)
            for index in (0, 1)
        )
        return Judgement(earlier=earlier, all=every, model=self.thickness_model(at))

    def thickness_model(self, at: Position) -> ThicknessModel | None:
        """Return the model of the thickness readings at positions; None without any."""
        if self.readings is None or not self.readings.places:
            return None
        return ThicknessModel(
            bank=self.state.bank, readings=self.readings, spots=at.spots,
            growth=growth_samples(self.state, at.normal, at.number, at.pit_number),
        )  # fmt: skip

    def seed_scores(self, at: Position) -> dict[str, Floats]:
        """Return the log-likelihood of the records in each zone by seed of the bank, (n, S)."""
        trajectories = zone_trajectories(self.state, at.normal, at.number, at.pit_number, self._by_zone)
        bias = tool_biases(self.state, at.normal)
        return {
            name: log_likelihood(trajectories[name], every, bias, self.power)
            for name, (_, every) in self._by_zone.items()
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
