"""Sequential Monte Carlo: growth parameters given all records.

Particles represent the posterior; they move from inspection to inspection by tempering and Metropolis steps (Del Moral,
Doucet & Jasra, J. R. Statist. Soc. B 68, 2006). A grid would not do: delay, rate, exponent, pits, thickness when new,
the bank's draw and one bias for each tool make seven dimensions or more, likelihoods have several modes (a thin reading
means a fast rate or an early start), and a forecast needs whole histories.

A bank has a limited number of histories. Many photographs at full weight would leave only the nearest one or two, whose
spread would understate the uncertainty. So the likelihood of rusted shares is raised to a power below one where too few
draws would remain (a coarsened posterior: Miller & Dunson, J. Am. Stat. Assoc. 114, 2019).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.ensemble import Bank
from corrotwin.twin.bayes.likelihood import Sighting, by_zone, log_likelihood, sighting, zone_of
from corrotwin.twin.bayes.particles import (
    GROWTH,
    Knowledge,
    Particles,
    first_tool_column,
    tool_biases,
    zone_trajectories,
)
from corrotwin.twin.bayes.predictive_check import Agreement, check_agreement, conflicts
from corrotwin.twin.bayes.trajectories import Trajectory
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles, Texels
from corrotwin.twin.inspection.records import Record

PARTICLES = 800
KEEP = 0.5  # share of effective particles after a step of tempering
LEAST_STEP = 0.01  # of the likelihood, however few particles it leaves
MOVES = 3  # Metropolis moves after each step
LEAST_DRAWS, LEAST_SHARE = 16.0, 1 / 16  # of the bank's draws that must stay effective: the lesser of both
COARSER = 0.5  # factor on the power of the likelihood of rusted shares, until they do
LEAST_POWER = 1 / 64
OTHER_DRAW = 0.3  # share of moves that also propose another draw of the bank
SHARES = {"photo", "grade"}  # kinds of record that state a rusted share
# Kinds of record that inform a growth parameter; all of them inform the delay.
INFORMED_BY = {"rate": {"ultrasonic", "pit"}, "exponent": {"ultrasonic", "pit"}, "pits": {"pit"}}
WIDENINGS = (1.0, 2.0, 4.0)  # of the prior, tried in turn until no inspection conflicts


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
    """Update the prior by all records, inspection by inspection.

    Each inspection (the records of one day) is first compared with earlier knowledge. If one conflicts, the update is
    repeated from a prior that is wider in the delay and in the parameters that the conflicting kinds of record inform
    (a photograph does not inform the depth of rust); the conflict is still reported. A wider prior is kept only if
    fewer inspections conflict with it: otherwise one odd record would cost the knowledge from all others.

    Parameters
    ----------
    histories : bank of the asset, from `twin.bayes.ensemble.bank`.
    asset, texels : surface of the asset.
    records : oldest first.
    seen : (H, W) arrays of the texels that photographs saw, by the file name in `Record.seen`.
    seed : random seed of the particles; one seed gives one result.
    particles : number of particles.
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
        widened = frozenset(name for name in GROWTH if name not in INFORMED_BY or INFORMED_BY[name] & odd)
        tried.append(_run(histories, inspections, len(tools), seed, particles, widening, widened))
        conflicting = conflicts(tried[-1][1])
        if not conflicting:
            break
        odd.update(*(item.odd for item in conflicting))
    states, agreement, power = min(tried, key=lambda attempt: len(conflicts(attempt[1])))
    return Knowledge(particles=states, agreement=tried[0][1], widened=agreement, power=power)


def _apart(records: Sequence[Record]) -> list[Record]:
    """Return the records with errors that may be taken as independent.

    The errors of a photograph are the same in all zones in view: its n records carry the information of one if each has
    sqrt(n) times the scatter.
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
    normal = rng.standard_normal((count, first_tool_column(bank) + tools)).astype(np.float32)
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
    for inspection in inspections:
        agreement.append(
            check_agreement(states[-1].trajectory, tool_biases(states[-1], states[-1].normal), before, inspection, rng)
        )
        after, power = _update(states, before, inspection, power, rng)
        before += inspection
        states.append(after)
    return tuple(states), tuple(agreement), power


def _marginal(
    trajectories: Mapping[str, Trajectory], sightings: Mapping[str, Sequence[Sighting]], bias: Singles, power: float
) -> Floats:
    """Return the log-likelihood of the sightings, with the seeds averaged out zone by zone, (n,).

    The logarithm of a mean over few seeds is too small on average, by half the relative variance of that mean to second
    order. Uncorrected, growth whose seeds all agree (no rust anywhere) would be preferred to growth whose seeds differ.
    """
    total = np.zeros(len(bias))
    for name, items in sightings.items():
        values = log_likelihood(trajectories[name], items, bias, power)
        most = values.max(axis=1)
        chance = np.exp(values - most[:, None])
        mean = chance.mean(axis=1)
        total += most + np.log(mean)
        if chance.shape[1] > 1:
            total += chance.var(axis=1, ddof=1) / mean**2 / (2 * chance.shape[1])
    return total


def _update(
    states: Sequence[Particles],
    before: Sequence[Sighting],
    new: Sequence[Sighting],
    power: float,
    rng: np.random.Generator,
) -> tuple[Particles, float]:
    """Return the particles after an inspection, and the power to which the likelihood of rusted shares is raised.

    `power` is that before the inspection. A lower one starts again from the prior: too few particles would be left of
    those updated at the higher one. If no power leaves enough draws, the one that leaves most is used.
    """
    sightings = [*before, *new]
    tried = [(_temper(states[-1], before, new, power, rng), power)]
    least = min(LEAST_DRAWS, LEAST_SHARE * states[0].bank.draws)

    def left(attempt: tuple[Particles, float]) -> float:
        return _effective(np.bincount(attempt[0].number))

    if any(item.record.kind in SHARES for item in sightings):
        while left(tried[-1]) < least and (lower := COARSER * tried[-1][1]) >= LEAST_POWER:
            tried.append((_temper(states[0], (), sightings, lower, rng), lower))
    return max(tried, key=left)


def _temper(
    state: Particles,
    before: Sequence[Sighting],
    new: Sequence[Sighting],
    power: float,
    rng: np.random.Generator,
) -> Particles:
    """Return the particles after an inspection: its likelihood enters in steps, each followed by Metropolis moves."""
    old, both = by_zone(before), by_zone([*before, *new])
    normal, number, pits = state.normal, state.number, state.pit_number
    count = len(number)
    draws, all_seeds = state.bank.draws, state.bank.seeds
    pit_draws = len(state.bank.zones[0].pit_factor)
    kinds = {item.record.kind for item in (*before, *new)}
    measured = _pieces_measured(state.bank, (*before, *new))
    uninformed = [GROWTH.index(name) for name, informed_by in INFORMED_BY.items() if not kinds & informed_by]
    uninformed += [len(GROWTH) + piece for piece in range(len(state.bank.pieces_mm)) if piece not in measured]
    informed = [index for index in range(normal.shape[1]) if index not in uninformed]

    def target(normal: Singles, number: Integers, pits: Integers) -> tuple[Floats, Floats]:
        """Log-likelihoods without the inspection and with it, (n,) each."""
        trajectories = zone_trajectories(state, normal, number, pits, both)
        bias = tool_biases(state, normal)
        return _marginal(trajectories, old, bias, power), _marginal(trajectories, both, bias, power)

    base, full = target(normal, number, pits)
    share = 0.0
    while share < 1:
        gain = full - base
        step = _step(gain, 1 - share)
        share = share + step
        kept = _resampled(np.exp(step * (gain - gain.max())), rng)
        normal, number, pits, base, full = normal[kept], number[kept], pits[kept], base[kept], full[kept]
        spread = np.cov(normal[:, informed].T) + 1e-6 * np.eye(len(informed))
        stride = 2.38 / np.sqrt(len(informed)) * np.linalg.cholesky(spread)
        for _ in range(MOVES):
            there = normal.copy()
            there[:, informed] += (rng.standard_normal((count, len(informed))) @ stride.T).astype(np.float32)
            other = np.where(rng.random(count) < OTHER_DRAW, rng.integers(draws, size=count), number)
            other_pits = np.where(rng.random(count) < OTHER_DRAW, rng.integers(pit_draws, size=count), pits)
            base_there, full_there = target(there, other, other_pits)
            odds = (1 - share) * (base_there - base) + share * (full_there - full)
            odds += 0.5 * ((normal**2).sum(axis=1) - (there**2).sum(axis=1))
            take = np.log(rng.random(count)) < odds
            normal, number = np.where(take[:, None], there, normal), np.where(take, other, number)
            pits = np.where(take, other_pits, pits)
            base, full = np.where(take, base_there, base), np.where(take, full_there, full)
    # Parameters that no record informs are redrawn: they do not enter the likelihood, and few values would be left.
    normal = normal.copy()
    normal[:, uninformed] = rng.standard_normal((count, len(uninformed)))
    if "pit" not in kinds:
        pits = rng.integers(pit_draws, size=count)
    # One noise for all zones: where records do not say otherwise they keep to one history, as rust creeps between them.
    noise = rng.gumbel(size=(count, all_seeds))
    together = np.argmax(noise, axis=1)
    seeds = {zone.name: together for zone in state.bank.zones}
    for name, trajectory in zone_trajectories(state, normal, number, pits, both).items():
        values = log_likelihood(trajectory, both[name], tool_biases(state, normal), power)
        seeds[name] = np.argmax(values + noise, axis=1)
    return replace(state, normal=normal, number=number, pit_number=pits, seeds=seeds)


def _pieces_measured(bank: Bank, sightings: Sequence[Sighting]) -> set[int]:
    """Return the pieces of metal on which thickness readings may have been taken."""
    read = [item for item in sightings if item.record.kind == "ultrasonic"]
    known = {item.piece for item in read if item.piece is not None}
    anywhere = {item.record.zone for item in read if item.piece is None}
    return known.union(*(zone_of(bank, name).piece.tolist() for name in anywhere))


def _effective(weight: Floats | Integers) -> float:
    """Return the effective number of weights, (n,)."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def _step(gain: Floats, most: float) -> float:
    """Return the largest step of a log-likelihood, (n,), up to `most`, that keeps enough particles effective."""

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
    """Return indices of particles by systematic resampling, (n,)."""
    along = np.cumsum(weight / weight.sum())
    at = (np.arange(len(weight)) + rng.random()) / len(weight)
    return np.searchsorted(along, at).clip(0, len(weight) - 1)
