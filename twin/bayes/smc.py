"""Sequential Monte Carlo: growth parameters given all records.

Particles represent the posterior; they move from inspection to inspection by tempering and Metropolis steps (Del Moral,
Doucet & Jasra, J. R. Statist. Soc. B 68, 2006). A grid would not do: delay, rate, exponent, pits, thickness when new,
four parameters of each mechanism, the bank's draw and one bias for each tool make seven dimensions or more,
likelihoods have several modes (a thin reading means a fast rate or an early start), and a forecast needs whole
histories. What is Gaussian given these is integrated exactly (`twin.bayes.thickness.model`); the position of each
measured place in its zone and the values that all places share are drawn in turn (Metropolis within Gibbs).

A bank has a limited number of histories. Many photographs at full weight would leave only the nearest one or two, and
their spread would understate the uncertainty. So the likelihood of rusted shares is raised to a power below one where
too few draws would remain (a coarsened posterior: Miller & Dunson, J. Am. Stat. Assoc. 114, 2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.agreement import Agreement, conflicts, pooled
from corrotwin.twin.bayes.cache import Snapshot
from corrotwin.twin.bayes.evidence import Evidence
from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.moves import INFORMED_BY, effective
from corrotwin.twin.bayes.particles import GROWTH, Knowledge, Particles, first_tool_column
from corrotwin.twin.bayes.predictive_check import check_agreement
from corrotwin.twin.bayes.resumption import fitting, restored
from corrotwin.twin.bayes.sightings import Sighting, apart, sighting
from corrotwin.twin.bayes.tempering import settle, temper
from corrotwin.twin.bayes.thickness.readings import arrange
from corrotwin.twin.core.machine import one_blas_thread
from corrotwin.twin.inspection.records import Record

PARTICLES = 200
LEAST_DRAWS, LEAST_SHARE = 16.0, 1 / 16  # of the bank's draws that must stay effective: the lesser of both
COARSER = 0.5  # factor that lowers the power of the likelihood of rusted shares until enough do
LEAST_POWER = 1 / 64
SHARES = {"photo", "grade"}  # kinds of record that state a rusted share
WIDENINGS = (1.0, 2.0, 4.0)  # of the prior, tried in turn until no inspection conflicts
APART = 2  # an inspection of so many days is also checked day against day; longer ones only as a whole
TOGETHER_YEARS = 0.25  # days this near to the first day of an inspection belong to it
MANY, TOGETHER_SHARE = 10, 0.2  # after so many inspections, more days form one: see `group_inspections`


@dataclass(frozen=True, kw_only=True, eq=False)
class Attempt:
    """Particles before and after each inspection under one prior, and its agreement with earlier knowledge."""

    states: tuple[Particles, ...]
    agreement: tuple[Agreement, ...]
    power: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningRun:
    """An independent run: a bank of histories, a seed for its particles, and snapshots kept earlier, latest first."""

    histories: Bank
    seed: int
    kept: tuple[Snapshot, ...] = ()


def learn(
    histories: Bank,
    records: Sequence[Record],
    seen: Mapping[str, NDArray[np.bool_]],
    *,
    seed: int,
    particles: int = PARTICLES,
    widenings: Sequence[float] = WIDENINGS,
) -> Knowledge:
    """Update the prior by all records in one run; parameters as for `learn_in_runs`.

    Parameters
    ----------
    histories : bank of the asset, from `twin.bayes.histories.ensemble.bank`.
    seed : random seed of the particles; one seed gives one result.
    """
    runs = [LearningRun(histories=histories, seed=seed)]
    return learn_in_runs(runs, records, seen, particles=particles, widenings=widenings)[0]


@one_blas_thread()
def learn_in_runs(
    runs: Sequence[LearningRun],
    records: Sequence[Record],
    seen: Mapping[str, NDArray[np.bool_]],
    *,
    particles: int = PARTICLES,
    widenings: Sequence[float] = WIDENINGS,
) -> tuple[Knowledge, ...]:
    """Update the prior by all records, inspection by inspection, in independent runs.

    Each inspection (the records of one day, or of a few weeks) is first compared with earlier knowledge. If one
    conflicts, the update is repeated from a prior that is wider in the delay and in the parameters that the conflicting
    kinds of record inform (a photograph does not inform the depth of rust); the conflict is still reported. A wider
    prior is kept only if fewer inspections conflict with it: otherwise one odd record would cost the knowledge from all
    others. What conflicts is decided by all runs together.

    Parameters
    ----------
    runs : banks of the asset, with equally many draws, and seeds. Inspections in a kept snapshot are not learned
        again.
    records : oldest first.
    seen : (H, W) arrays of the texels that photographs saw, by the file name in `Record.seen`.
    particles : number of particles of a run.
    widenings : factors on the prior's standard deviations, narrowest first, tried until no inspection conflicts.
    """
    tools = sorted({_tool(record) for record in records if record.kind != "ultrasonic"})
    numbers = [tools.index(_tool(record)) if _tool(record) in tools else 0 for record in records]
    by_run = [
        group_inspections(
            [sighting(record, run.histories, number, seen.get(record.seen))
             for record, number in zip(apart(records), numbers, strict=True)]
        )
        for run in runs
    ]  # fmt: skip
    known = [fitting(run.kept, inspections, tools) for run, inspections in zip(runs, by_run, strict=True)]
    whole = all(kept is not None and kept.inspections == len(by_run[0]) for kept in known)  # nothing left to decide
    tried: list[list[Attempt]] = []
    odd: set[str] = set()
    for widening in widenings:
        widened = frozenset(name for name in GROWTH if name not in INFORMED_BY or INFORMED_BY[name] & odd)
        attempts = []
        for run, inspections, snapshot in zip(runs, by_run, known, strict=True):
            first = prior_particles(run.histories, len(tools), run.seed, particles, widening, widened)
            begin = Attempt(states=(first,), agreement=(), power=1.0)
            if snapshot is not None and not tried:
                begin = _begin(snapshot, first, inspections, tools) or begin
            attempts.append(_run(begin, inspections, run.seed))
        tried.append(attempts)
        conflicting = conflicts(pooled([attempt.agreement for attempt in attempts]))
        if whole or not conflicting:
            break
        odd.update(*(item.odd for item in conflicting))
    best = min(tried, key=lambda attempts: len(conflicts(pooled([attempt.agreement for attempt in attempts]))))
    as_given = [
        snapshot.as_given if whole and snapshot is not None else attempt.agreement
        for snapshot, attempt in zip(known, tried[0], strict=True)
    ]
    return tuple(
        Knowledge(
            particles=attempt.states,
            now=_settled(attempt, inspections, run.seed),
            agreement=agreement,
            widened=attempt.agreement,
            power=attempt.power,
            records=tuple(np.cumsum([0, *(len(items) for items in inspections)]).tolist()),
            tools=tuple(tools),
        )
        for run, agreement, attempt, inspections in zip(runs, as_given, best, by_run, strict=True)
    )


def _tool(record: Record) -> str:
    return f"{record.kind} {record.tool}"


def _begin(
    known: Snapshot, first: Particles, inspections: Sequence[Sequence[Sighting]], tools: Sequence[str]
) -> Attempt | None:
    """Return the attempt that resumes from a snapshot; None if the snapshot does not fit."""
    state = restored(known, first, inspections, tools)
    if state is None:
        return None
    return Attempt(states=(*(first,) * known.inspections, state), agreement=known.agreement, power=known.power)


def group_inspections(items: Sequence[Sighting]) -> list[list[Sighting]]:
    """Group sightings, oldest first, into inspections: days within `TOGETHER_YEARS` of the first count as one.

    After more than `MANY` inspections, so do days within `TOGETHER_SHARE` of the time since the very first.
    """
    inspections: list[list[Sighting]] = []
    for item in items:
        together = TOGETHER_YEARS
        if len(inspections) > MANY:
            together = max(together, TOGETHER_SHARE * (inspections[-1][0].years - inspections[0][0].years))
        if inspections and item.years - inspections[-1][0].years <= together:
            inspections[-1].append(item)
        else:
            inspections.append([item])
    return inspections


def prior_particles(
    bank: Bank, tools: int, seed: int, count: int, widening: float, widened: frozenset[str]
) -> Particles:
    """Return particles before any inspection."""
    rng = np.random.default_rng([seed, 10])
    normal = rng.standard_normal((count, first_tool_column(bank) + tools)).astype(np.float32)
    number = rng.permutation(np.arange(count) % bank.draws)
    together = rng.integers(bank.seeds, size=count)  # rust creeps from zone to zone: one history for all
    return Particles(
        bank=bank, widening=widening, widened=widened, normal=normal, number=number,
        pit_number=rng.permutation(np.arange(count) % len(bank.zones[0].pit_factor)),
        seeds={zone.name: together for zone in bank.zones}, spots=np.zeros((count, 0), dtype=np.int64),
        lineage=np.arange(count),
    )  # fmt: skip


def _run(begin: Attempt, inspections: Sequence[Sequence[Sighting]], seed: int) -> Attempt:
    """Take in the inspections that an attempt has not taken in yet."""
    states, agreement, power = [*begin.states], [*begin.agreement], begin.power
    for number in range(len(states) - 1, len(inspections)):
        rng = np.random.default_rng([seed, 11, number])
        before, latest = [item for inspection in inspections[:number] for item in inspection], inspections[number]
        agreement.append(_agreement(states[-1], before, latest, rng))
        after, power = update(states, before, latest, power, rng)
        states.append(after)
    return Attempt(states=tuple(states), agreement=tuple(agreement), power=power)


def _agreement(
    state: Particles, before: Sequence[Sighting], latest: Sequence[Sighting], rng: np.random.Generator
) -> Agreement:
    """Return an inspection's agreement with earlier knowledge; of two days, check the second against the first, too."""
    days = sorted({item.record.date for item in latest})
    if len(days) != APART:
        return check_agreement(state, before, latest, rng)
    first, second = ([item for item in latest if item.record.date == day] for day in days)
    pair = (
        check_agreement(state, before, first, rng),
        check_agreement(state, [*before, *first], second, rng),
    )
    odder = min(pair, key=lambda own: own.chance)
    return replace(
        odder, date=days[0], until=days[1], chance=min(len(pair) * odder.chance, 1.0), odd=pair[0].odd | pair[1].odd
    )


def update(
    states: Sequence[Particles],
    before: Sequence[Sighting],
    latest: Sequence[Sighting],
    power: float,
    rng: np.random.Generator,
) -> tuple[Particles, float]:
    """Return the particles after an inspection, and the power to which the likelihood of rusted shares is raised.

    `power` is the one in use before the inspection. A lower one starts again from the prior: too few of the particles
    updated at the higher one would be left. If no power leaves enough draws, the one that leaves most is used.
    """
    bank = states[0].bank
    earlier = Evidence(earlier=before, latest=(), power=power)
    both = Evidence(earlier=before, latest=latest, power=power)
    tried = [(temper(states[-1], arrange(before, latest, bank), earlier, both, rng), power)]
    least = min(LEAST_DRAWS, LEAST_SHARE * bank.draws)

    def left(attempt: tuple[Particles, float]) -> float:
        return effective(np.bincount(attempt[0].number))

    if both.kinds & SHARES:
        everything = arrange((), [*before, *latest], bank)
        nothing = Evidence(earlier=(), latest=(), power=1.0)
        while left(tried[-1]) < least and (lower := COARSER * tried[-1][1]) >= LEAST_POWER:
            whole = Evidence(earlier=(), latest=[*before, *latest], power=lower)
            tried.append((temper(states[0], everything, nothing, whole, rng), lower))
    return max(tried, key=left)


def _settled(attempt: Attempt, inspections: Sequence[Sequence[Sighting]], seed: int) -> Particles:
    """Return the last particles of an attempt after more moves: resampling has left duplicates."""
    state = attempt.states[-1]
    if not inspections:
        return state
    before, latest = [item for inspection in inspections[:-1] for item in inspection], inspections[-1]
    evidence = Evidence(earlier=before, latest=latest, power=attempt.power)
    return settle(state, evidence, np.random.default_rng([seed, 12]))
