"""What inspections teach: the parameters of growth given all records.

The posterior is carried by particles that are moved from inspection to inspection (sequential Monte Carlo with
tempering and Metropolis moves: Del Moral, Doucet & Jasra, J. R. Statist. Soc. B 68, 2006). Particles and not a grid:
delay, rate, exponent, pits, thickness when new, the bank's draw and one bias for each tool are seven dimensions and
more, likelihoods have several modes (a thin reading: a fast rate or an early start), and a forecast needs whole
histories.

A bank has only so many histories. Many photographs, each taken at its word, would leave the one or two that come
nearest, and their spread would pass for what is not known. So rusted shares tell no more than the bank can tell apart:
their likelihood is raised to a power below one where else too few draws would remain (a coarsened posterior: Miller &
Dunson, J. Am. Stat. Assoc. 114, 2019).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.ensemble import Bank, split
from corrotwin.twin.bayes.likelihood import Sighting, by_zone, log_likelihood, sighting, zone_of
from corrotwin.twin.bayes.predictive_check import Agreement, conflicts, held_against
from corrotwin.twin.bayes.trajectories import Course, Draw
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles, Texels
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.model.corrosion import AS_STANDARD
from corrotwin.twin.model.exposure import METALS

PARTICLES = 800
KEEP = 0.5  # share of effective particles that a step of tempering leaves
LEAST_STEP = 0.01  # of the likelihood, however few particles it leaves
MOVES = 3  # Metropolis moves after each step
LEAST_DRAWS, LEAST_SHARE = 16.0, 1 / 16  # of the bank's draws that must stay effective: the lesser of both
COARSER = 0.5  # factor on the power of the likelihood of rusted shares, until they do
LEAST_POWER = 1 / 64
OTHER_DRAW = 0.3  # share of moves that also propose another draw of the bank
GROWTH = ("delay", "rate", "exponent", "pits")  # the first columns of `Particles.normal`
SHARES = {"photo", "grade"}  # kinds of record that tell a rusted share
# Kinds of record that tell of a part of growth; of the delay all do.
TOLD_BY = {"rate": {"ultrasonic", "pit"}, "exponent": {"ultrasonic", "pit"}, "pits": {"pit"}}
WIDENINGS = (1.0, 2.0, 4.0)  # of the prior, tried in turn until no inspection conflicts


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

    def draw(self) -> Draw:
        """Growth of each particle."""
        return _draw(self, self.normal, self.number, self.pit_number)

    def course(self, zone: str) -> Course:
        """History of a zone in each particle; s is 1."""
        return Course(bank=self.bank, zone=zone_of(self.bank, zone), draw=self.draw(), seed=self.seeds[zone][:, None])


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """What is known after all inspections.

    Parameters
    ----------
    particles : before any inspection and after each, first to last.
    agreement : of each inspection with what was known before it, under the prior as given.
    widened : the same under the prior that was used, which may be wider.
    power : to which the likelihood of rusted shares was raised; 1 where they were taken at their word.
    """

    particles: tuple[Particles, ...]
    agreement: tuple[Agreement, ...]
    widened: tuple[Agreement, ...]
    power: float

    @property
    def now(self) -> Particles:
        """After the last inspection."""
        return self.particles[-1]

    @property
    def conflicts(self) -> tuple[Agreement, ...]:
        """Inspections that disagree with what was known before, under the prior as given."""
        return conflicts(self.agreement)


def learn(
    histories: Bank,
    asset: AssetGeometry,
    texels: Texels,
    records: Sequence[Record],
    seen: Mapping[str, NDArray[np.bool_]],
    *,
    seed: int,
    particles: int = PARTICLES,
    widenings: Sequence[float] = WIDENINGS,
) -> Knowledge:
    """Take in all records, inspection by inspection.

    Each inspection (the records of one day) is first held against what was known before it. Where one conflicts, the
    whole is repeated from a prior that is wider in the delay and in what the kinds of record in conflict tell of (a
    photograph says nothing of how deep rust goes); the conflict stays reported. A wider prior is kept only if fewer
    conflict with it: what is odd under any prior would else cost all that inspections taught.

    Parameters
    ----------
    histories : of the asset, from `twin.bayes.ensemble.bank`.
    asset, texels : its surface.
    records : oldest first.
    seen : (H, W) arrays of the texels that photographs saw, by the name of the file in `Record.seen`.
    seed : of the particles; one seed gives one result.
    particles : how many.
    widenings : factors on the prior's standard deviations, narrowest first, tried until no inspection conflicts.
    """
    tools = sorted({(record.kind, record.tool) for record in records})
    items = [
        sighting(record, histories, asset, texels, tools.index((record.kind, record.tool)), seen.get(record.seen))
        for record in _apart(records)
    ]
    inspections = [list(group) for _, group in groupby(items, key=lambda item: item.record.date)]
    tried: list[tuple[tuple[Particles, ...], tuple[Agreement, ...], float]] = []
    odd: set[str] = set()
    for widening in widenings:
        widened = frozenset(name for name in GROWTH if name not in TOLD_BY or TOLD_BY[name] & odd)
        tried.append(_run(histories, inspections, len(tools), seed, particles, widening, widened))
        found = conflicts(tried[-1][1])
        if not found:
            break
        odd.update(*(item.odd for item in found))
    states, agreement, power = min(tried, key=lambda one: len(conflicts(one[1])))
    return Knowledge(particles=states, agreement=tried[0][1], widened=agreement, power=power)


def _apart(records: Sequence[Record]) -> list[Record]:
    """Records whose errors may be taken as independent.

    A photograph errs alike in all zones that it shows: n records of one say no more than one does if each has sqrt(n)
    times the scatter.
    """
    zones = Counter((record.date, record.seen) for record in records if record.seen)
    return [
        replace(record, scatter_sd=record.scatter_sd * float(np.sqrt(zones.get((record.date, record.seen), 1))))
        for record in records
    ]


def _run(
    bank: Bank,
    inspections: Sequence[Sequence[Sighting]],
    tools: int,
    seed: int,
    count: int,
    widening: float,
    widened: frozenset[str],
) -> tuple[tuple[Particles, ...], tuple[Agreement, ...], float]:
    rng = np.random.default_rng([seed, 10])
    draws, seeds = bank.draws, bank.seeds
    pit_draws = len(bank.zones[0].pit_factor)
    normal = rng.standard_normal((count, _tools_from(bank) + tools)).astype(np.float32)
    number = rng.permutation(np.arange(count) % draws)
    together = rng.integers(seeds, size=count)  # rust creeps from zone to zone: before any record, one history for all
    chosen = {zone.name: together for zone in bank.zones}
    first = Particles(
        bank=bank, widening=widening, widened=widened, normal=normal, number=number,
        pit_number=rng.permutation(np.arange(count) % pit_draws), seeds=chosen,
    )  # fmt: skip
    states, agreement = [first], []
    before: list[Sighting] = []
    power = 1.0
    for found in inspections:
        agreement.append(held_against(states[-1].course, _bias(states[-1], states[-1].normal), before, found, rng))
        after, power = _taught(states, before, found, power, rng)
        before += found
        states.append(after)
    return tuple(states), tuple(agreement), power


def _draw(state: Particles, normal: Singles, number: Integers, pit_number: Integers) -> Draw:
    """Growth and thickness when new by standard normal numbers, (n, 4 + K + tools).

    No widening brings the rate above what ISO 9223 has for CX.
    """
    prior = state.bank.prior
    widening = np.array([state.widening if name in state.widened else 1 for name in GROWTH], dtype=np.float32)
    delay, rate, exponent, pits = normal[:, : len(GROWTH)].T * widening[:, None]
    most = np.float32(METALS["steel"].upper_um[-1] / state.bank.twin.exposure.first_year_um().max())
    narrow = split(normal[:, GROWTH.index("rate")], prior.rate)
    return Draw(
        delay=np.exp(np.float32(prior.delay) * delay),
        rate=np.minimum(split(rate, prior.rate), np.maximum(narrow, most)),
        exponent=np.clip(AS_STANDARD.exponent + np.float32(prior.exponent) * exponent, 0.2, 1.0).astype(np.float32),
        pits=np.exp(np.float32(prior.pits) * pits),
        new=np.exp(np.float32(prior.new) * normal[:, len(GROWTH) : _tools_from(state.bank)]),
        number=number,
        pit_number=pit_number,
    )


def _tools_from(bank: Bank) -> int:
    """Column of `Particles.normal` at which the tools' biases begin."""
    return len(GROWTH) + len(bank.pieces_mm)


def _bias(state: Particles, normal: Singles) -> Singles:
    """Bias of each tool, (n, tools), in the standard deviations that its records state."""
    return normal[:, _tools_from(state.bank) :] * np.float32(state.widening)


def _zone_courses(
    state: Particles, normal: Singles, number: Integers, pit_number: Integers, zones: Iterable[str]
) -> dict[str, Course]:
    """Zones in every seed of the bank."""
    draw = _draw(state, normal, number, pit_number)
    return {name: Course(bank=state.bank, zone=zone_of(state.bank, name), draw=draw) for name in zones}


def _marginal(
    courses: Mapping[str, Course], found: Mapping[str, Sequence[Sighting]], bias: Singles, power: float
) -> Floats:
    """Log-likelihood of what was found, with the seeds averaged out zone by zone, (n,).

    The logarithm of a mean over few seeds is too small on average, by half the relative variance of that mean to second
    order. Uncorrected, growth whose seeds all agree (no rust anywhere) would be preferred to growth whose seeds differ.
    """
    total = np.zeros(len(bias))
    for name, items in found.items():
        values = log_likelihood(courses[name], items, bias, power)
        most = values.max(axis=1)
        chance = np.exp(values - most[:, None])
        mean = chance.mean(axis=1)
        total += most + np.log(mean)
        if chance.shape[1] > 1:
            total += chance.var(axis=1, ddof=1) / mean**2 / (2 * chance.shape[1])
    return total


def _taught(
    states: Sequence[Particles],
    before: Sequence[Sighting],
    new: Sequence[Sighting],
    power: float,
    rng: np.random.Generator,
) -> tuple[Particles, float]:
    """Particles after an inspection, and the power of the likelihood of rusted shares; given is that before it.

    At another power all is learned anew: what is left of particles that had learned more than they should is too few.
    Where no power leaves enough draws, that which leaves most is taken.
    """
    found = [*before, *new]
    tried = [(_updated(states[-1], before, new, power, rng), power)]
    least = min(LEAST_DRAWS, LEAST_SHARE * states[0].bank.draws)

    def left(one: tuple[Particles, float]) -> float:
        return _effective(np.bincount(one[0].number))

    if any(item.record.kind in SHARES for item in found):
        while left(tried[-1]) < least and (lower := COARSER * tried[-1][1]) >= LEAST_POWER:
            tried.append((_updated(states[0], (), found, lower, rng), lower))
    return max(tried, key=left)


def _updated(
    state: Particles,
    before: Sequence[Sighting],
    new: Sequence[Sighting],
    power: float,
    rng: np.random.Generator,
) -> Particles:
    """Particles after an inspection: its likelihood is let in by steps, with moves after each."""
    old, both = by_zone(before), by_zone([*before, *new])
    normal, number, pits = state.normal, state.number, state.pit_number
    count = len(number)
    draws, all_seeds = state.bank.draws, state.bank.seeds
    pit_draws = len(state.bank.zones[0].pit_factor)
    kinds = {item.record.kind for item in (*before, *new)}
    measured = _pieces_measured(state.bank, (*before, *new))
    untold = [GROWTH.index(name) for name, told_by in TOLD_BY.items() if not kinds & told_by]
    untold += [len(GROWTH) + piece for piece in range(len(state.bank.pieces_mm)) if piece not in measured]
    told = [index for index in range(normal.shape[1]) if index not in untold]

    def target(normal: Singles, number: Integers, pits: Integers) -> tuple[Floats, Floats]:
        """Log-likelihoods without the inspection and with it, (n,) each."""
        courses = _zone_courses(state, normal, number, pits, both)
        bias = _bias(state, normal)
        return _marginal(courses, old, bias, power), _marginal(courses, both, bias, power)

    base, full = target(normal, number, pits)
    share = 0.0
    while share < 1:
        gain = full - base
        step = _step(gain, 1 - share)
        share = share + step
        kept = _resampled(np.exp(step * (gain - gain.max())), rng)
        normal, number, pits, base, full = normal[kept], number[kept], pits[kept], base[kept], full[kept]
        spread = np.cov(normal[:, told].T) + 1e-6 * np.eye(len(told))
        stride = 2.38 / np.sqrt(len(told)) * np.linalg.cholesky(spread)
        for _ in range(MOVES):
            there = normal.copy()
            there[:, told] += (rng.standard_normal((count, len(told))) @ stride.T).astype(np.float32)
            other = np.where(rng.random(count) < OTHER_DRAW, rng.integers(draws, size=count), number)
            other_pits = np.where(rng.random(count) < OTHER_DRAW, rng.integers(pit_draws, size=count), pits)
            base_there, full_there = target(there, other, other_pits)
            odds = (1 - share) * (base_there - base) + share * (full_there - full)
            odds += 0.5 * ((normal**2).sum(axis=1) - (there**2).sum(axis=1))
            take = np.log(rng.random(count)) < odds
            normal, number = np.where(take[:, None], there, normal), np.where(take, other, number)
            pits = np.where(take, other_pits, pits)
            base, full = np.where(take, base_there, base), np.where(take, full_there, full)
    # What no record tells of is drawn afresh: it has no part in the likelihood, and copies of few values would stay.
    normal = normal.copy()
    normal[:, untold] = rng.standard_normal((count, len(untold)))
    if "pit" not in kinds:
        pits = rng.integers(pit_draws, size=count)
    # One noise for all zones: where records do not say otherwise they keep to one history, as rust creeps between them.
    noise = rng.gumbel(size=(count, all_seeds))
    together = np.argmax(noise, axis=1)
    seeds = {zone.name: together for zone in state.bank.zones}
    for name, course in _zone_courses(state, normal, number, pits, both).items():
        values = log_likelihood(course, both[name], _bias(state, normal), power)
        seeds[name] = np.argmax(values + noise, axis=1)
    return replace(state, normal=normal, number=number, pit_number=pits, seeds=seeds)


def _pieces_measured(bank: Bank, found: Sequence[Sighting]) -> set[int]:
    """Pieces of metal that thickness readings may be of."""
    read = [item for item in found if item.record.kind == "ultrasonic"]
    known = {item.piece for item in read if item.piece is not None}
    anywhere = {item.record.zone for item in read if item.piece is None}
    return known.union(*(zone_of(bank, name).piece.tolist() for name in anywhere))


def _effective(weight: Floats | Integers) -> float:
    """How many equal weights tell as much as these, (n,)."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def _step(gain: Floats, most: float) -> float:
    """How much of a log-likelihood, (n,), can be let in, at most `most`, so that enough particles stay effective."""

    def kept(step: float) -> float:
        return _effective(np.exp(step * (gain - gain.max()))) / len(gain)

    if kept(most) >= KEEP:
        return most
    low, high = 0.0, most
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if kept(middle) >= KEEP else (low, middle)
    return max(low, min(LEAST_STEP, most))


def _resampled(weight: Floats, rng: np.random.Generator) -> Integers:
    """Particles by systematic resampling, (n,)."""
    along = np.cumsum(weight / weight.sum())
    at = (np.arange(len(weight)) + rng.random()) / len(weight)
    return np.searchsorted(along, at).clip(0, len(weight) - 1)
