"""Particles: equally likely states of knowledge of how an asset corrodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from corrotwin.twin.bayes.agreement import Agreement, conflicts
from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.histories.trajectories import GrowthSamples, Trajectory
from corrotwin.twin.bayes.prior import EXPONENTS, split
from corrotwin.twin.bayes.sightings import zone_of
from corrotwin.twin.bayes.thickness.model import ThicknessModel
from corrotwin.twin.bayes.thickness.readings import Readings
from corrotwin.twin.geometry.atlas import Integers, Singles
from corrotwin.twin.model.corrosion import AS_STANDARD
from corrotwin.twin.model.exposure import METALS

GROWTH = ("delay", "rate", "exponent", "pits")  # the first columns of `Particles.normal`
MECHANISM = ("rate", "spread", "shared drift", "local drift")  # per mechanism, after the thicknesses when new


MOST_CHANGE = 3.0  # limit on a rate's spread between places and drift in a year, relative to the rate


@dataclass(frozen=True, kw_only=True, eq=False)
class Particles:
    """n equally likely states of knowledge: growth, tools' biases, and a seed of the bank for each zone."""

    bank: Bank
    widening: float  # factor on the standard deviations of biases, except of thickness, and of parts in `widened`
    widened: frozenset[str]  # parts of `GROWTH`
    normal: Singles  # (n, 4 + K + 4 M + tools) standard normal before any inspection
    number: Integers  # (n,) draw of the bank
    pit_number: Integers  # (n,) draw of the bank for the pits
    seeds: Mapping[str, Integers]  # (n,) for each zone
    spots: Integers  # (n, J) where in its zone each measured place lies: seed times P plus sample place
    lineage: Integers  # (n,) index that each particle had after the last moves
    readings: Readings | None = None  # of thickness

    def taken(self, rows: Integers) -> "Particles":
        """Return some of the particles."""
        return replace(
            self, normal=self.normal[rows], number=self.number[rows], pit_number=self.pit_number[rows],
            seeds={name: zone_seeds[rows] for name, zone_seeds in self.seeds.items()}, spots=self.spots[rows],
            lineage=self.lineage[rows],
        )  # fmt: skip

    def growth(self) -> GrowthSamples:
        """Return growth, thickness when new and mechanisms of each particle.

        Widening never raises the rate in air above the ISO 9223 limit of CX.
        """
        bank, prior, mechanisms = self.bank, self.bank.prior, self.bank.twin.mechanisms
        widening = np.array([self.widening if name in self.widened else 1 for name in GROWTH], dtype=np.float32)
        delay, rate, exponent, pits = self.normal[:, : len(GROWTH)].T * widening[:, None]
        most = np.float32(METALS["steel"].upper_um[-1] / bank.twin.exposure.first_year_um().max())
        narrow = split(self.normal[:, GROWTH.index("rate")], prior.rate)
        columns = self.normal[:, first_mechanism_column(bank) : first_tool_column(bank)]
        columns = columns.reshape(len(columns), len(mechanisms), len(MECHANISM)) * widening[GROWTH.index("rate")]
        read = self.readings is not None and any(place.acts.any() for place in self.readings.places)
        rates = np.empty(columns.shape[:2], dtype=np.float32)
        for index, mechanism in enumerate(mechanisms):
            above = max(mechanism.spread, prior.measured_rate) if read else mechanism.spread
            rates[:, index] = mechanism.rate_mm_year * split(columns[:, index, 0], (mechanism.spread, above))
        return GrowthSamples(
            delay=np.exp(np.float32(prior.delay) * delay),
            rate=np.minimum(split(rate, prior.rate), np.maximum(narrow, most)),
            exponent=np.clip(AS_STANDARD.exponent + np.float32(prior.exponent) * exponent, *EXPONENTS).astype(
                np.float32
            ),
            pits=np.exp(np.float32(prior.pits) * pits),
            new=np.exp(np.float32(prior.new) * self.normal[:, len(GROWTH) : first_mechanism_column(bank)]),
            mechanism_rate=rates,
            mechanism_spread=_log_normal(prior.place_spread, columns[:, :, 1]),
            shared_drift=_log_normal(prior.rate_drift, columns[:, :, 2]),
            local_drift=_log_normal(prior.rate_drift, columns[:, :, 3]),
            number=self.number,
            pit_number=self.pit_number,
        )

    def tool_biases(self) -> Singles:
        """Return the bias of each tool, (n, tools), in the standard deviations that its records state."""
        return self.normal[:, first_tool_column(self.bank) :] * np.float32(self.widening)

    def trajectories(self, zones: Iterable[str]) -> dict[str, Trajectory]:
        """Return the histories of zones in each particle, in every seed of the bank."""
        growth = self.growth()
        return {name: Trajectory(bank=self.bank, zone=zone_of(self.bank, name), growth=growth) for name in zones}

    def trajectory(self, zone: str) -> Trajectory:
        """Return the history of a zone in each particle; s is 1."""
        return Trajectory(
            bank=self.bank, zone=zone_of(self.bank, zone), growth=self.growth(), seed=self.seeds[zone][:, None]
        )

    def thickness_model(self) -> ThicknessModel | None:
        """Return the model of the thickness readings; None without any."""
        if self.readings is None or not self.readings.places:
            return None
        return ThicknessModel(bank=self.bank, readings=self.readings, growth=self.growth(), spots=self.spots)


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """Result of all inspections: particles, and how well each inspection agreed with the previous ones.

    Parameters
    ----------
    particles : states before any inspection and after each, first to last; if learning resumed from a snapshot, the
        states before it are the prior.
    now : the last state after more moves, which make its particles nearly independent.
    agreement : agreement of each inspection with earlier knowledge, under the prior as given.
    widened : the same under the prior in use, which may be wider.
    power : exponent of the likelihood of rusted shares; 1 at full weight.
    records : number of records that each state has taken in.
    tools : tools with a bias column in `Particles.normal`.
    """

    particles: tuple[Particles, ...]
    now: Particles
    agreement: tuple[Agreement, ...]
    widened: tuple[Agreement, ...]
    power: float
    records: tuple[int, ...]
    tools: tuple[str, ...]

    @property
    def conflicts(self) -> tuple[Agreement, ...]:
        """Inspections that disagree with earlier knowledge, under the prior as given."""
        return conflicts(self.agreement)


def _log_normal(prior: tuple[float, float], normal: Singles) -> Singles:
    median, spread = prior
    return np.asarray(np.minimum(median * np.exp(spread * normal), MOST_CHANGE), dtype=np.float32)


def first_mechanism_column(bank: Bank) -> int:
    """Return the column of `Particles.normal` at which the mechanisms begin."""
    return len(GROWTH) + len(bank.pieces_mm) * (1 + len(bank.renewed_years))


def first_tool_column(bank: Bank) -> int:
    """Return the column of `Particles.normal` at which the tools' biases begin."""
    return first_mechanism_column(bank) + len(MECHANISM) * len(bank.twin.mechanisms)
