"""Particles: equally likely states of knowledge of how an asset corrodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from corrotwin.twin.bayes.ensemble import Bank
from corrotwin.twin.bayes.likelihood import zone_of
from corrotwin.twin.bayes.predictive_check import Agreement, conflicts
from corrotwin.twin.bayes.prior import split
from corrotwin.twin.bayes.trajectories import GrowthSamples, Trajectory
from corrotwin.twin.geometry.atlas import Integers, Singles
from corrotwin.twin.model.corrosion import AS_STANDARD
from corrotwin.twin.model.exposure import METALS

GROWTH = ("delay", "rate", "exponent", "pits")  # the first columns of `Particles.normal`


@dataclass(frozen=True, kw_only=True, eq=False)
class Particles:
    """n equally likely states of knowledge: growth, tools' biases, and a seed of the bank for each zone."""

    bank: Bank
    widening: float  # factor on the standard deviations of the tools' biases, and of what `widened` names
    widened: frozenset[str]  # parts of `GROWTH`
    normal: Singles  # (n, 4 + K + tools) standard normal before any inspection: growth, thickness when new, biases
    number: Integers  # (n,) draw of the bank
    pit_number: Integers  # (n,) draw of the bank that the pits are of
    seeds: Mapping[str, Integers]  # (n,) for each zone

    def growth(self) -> GrowthSamples:
        """Return the growth parameters of each particle."""
        return growth_samples(self, self.normal, self.number, self.pit_number)

    def trajectory(self, zone: str) -> Trajectory:
        """Return the history of a zone in each particle; s is 1."""
        return Trajectory(
            bank=self.bank, zone=zone_of(self.bank, zone), growth=self.growth(), seed=self.seeds[zone][:, None]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """Result of all inspections: particles, and how well each inspection agreed with the previous ones.

    Parameters
    ----------
    particles : states before any inspection and after each, first to last.
    agreement : agreement of each inspection with earlier knowledge, under the prior as given.
    widened : the same under the prior in use, which may be wider.
    power : exponent of the likelihood of rusted shares; 1 at full weight.
    """

    particles: tuple[Particles, ...]
    agreement: tuple[Agreement, ...]
    widened: tuple[Agreement, ...]
    power: float

    @property
    def now(self) -> Particles:
        """Particles after the last inspection."""
        return self.particles[-1]

    @property
    def conflicts(self) -> tuple[Agreement, ...]:
        """Inspections that disagree with earlier knowledge, under the prior as given."""
        return conflicts(self.agreement)


def growth_samples(state: Particles, normal: Singles, number: Integers, pit_number: Integers) -> GrowthSamples:
    """Return growth and thickness when new for standard normal numbers, (n, 4 + K + tools).

    No widening brings the rate above what ISO 9223 has for CX.
    """
    prior = state.bank.prior
    widening = np.array([state.widening if name in state.widened else 1 for name in GROWTH], dtype=np.float32)
    delay, rate, exponent, pits = normal[:, : len(GROWTH)].T * widening[:, None]
    most = np.float32(METALS["steel"].upper_um[-1] / state.bank.twin.exposure.first_year_um().max())
    narrow = split(normal[:, GROWTH.index("rate")], prior.rate)
    return GrowthSamples(
        delay=np.exp(np.float32(prior.delay) * delay),
        rate=np.minimum(split(rate, prior.rate), np.maximum(narrow, most)),
        exponent=np.clip(AS_STANDARD.exponent + np.float32(prior.exponent) * exponent, 0.2, 1.0).astype(np.float32),
        pits=np.exp(np.float32(prior.pits) * pits),
        new=np.exp(np.float32(prior.new) * normal[:, len(GROWTH) : first_tool_column(state.bank)]),
        number=number,
        pit_number=pit_number,
    )


def first_tool_column(bank: Bank) -> int:
    """Return the column of `Particles.normal` at which the tools' biases begin."""
    return len(GROWTH) + len(bank.pieces_mm)


def tool_biases(state: Particles, normal: Singles) -> Singles:
    """Return the bias of each tool, (n, tools), in the standard deviations that its records state."""
    return normal[:, first_tool_column(state.bank) :] * np.float32(state.widening)


def zone_trajectories(
    state: Particles, normal: Singles, number: Integers, pit_number: Integers, zones: Iterable[str]
) -> dict[str, Trajectory]:
    """Return the trajectories of zones in every seed of the bank."""
    growth = growth_samples(state, normal, number, pit_number)
    return {name: Trajectory(bank=state.bank, zone=zone_of(state.bank, name), growth=growth) for name in zones}
