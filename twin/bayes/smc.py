"""Sequential Monte Carlo: growth parameters given all records.

Particles represent the posterior; they move from inspection to inspection by tempering and Metropolis steps (Del Moral,
Doucet & Jasra, J. R. Statist. Soc. B 68, 2006). A grid would not do: delay, rate, exponent, pits, thickness when new,
four parameters of each mechanism, the bank's draw and one bias for each tool make seven dimensions or more,
likelihoods have several modes (a thin reading means a fast rate or an early start), and a forecast needs whole
histories. What is Gaussian given these is integrated exactly (`twin.bayes.thickness`); where in its zone each measured
place lies is drawn in turn with what all places share (a Gibbs step).

A bank has a limited number of histories. Many photographs at full weight would leave only the nearest one or two, whose
spread would understate the uncertainty. So the likelihood of rusted shares is raised to a power below one where too few
draws would remain (a coarsened posterior: Miller & Dunson, J. Am. Stat. Assoc. 114, 2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.agreement import Agreement, conflicts
from corrotwin.twin.bayes.cache import Snapshot
from corrotwin.twin.bayes.evidence import Evidence, Judgement, Position
from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.moves import INFORMED_BY, effective, informed_columns, move, resampled
from corrotwin.twin.bayes.particles import GROWTH, Knowledge, Particles, first_tool_column
from corrotwin.twin.bayes.predictive_check import check_agreement
from corrotwin.twin.bayes.readings import arrange, draw_spots
from corrotwin.twin.bayes.resumption import restored
from corrotwin.twin.bayes.sightings import Sighting, apart, sighting
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Texels
from corrotwin.twin.inspection.records import Record

PARTICLES = 200
KEEP = 0.5  # share of effective particles after a step of tempering
LEAST_STEP = 0.01  # of the likelihood, however few particles it leaves
MOVES = 3  # after each step
DISTINCT = 0.7  # share of distinct particles from which none are moved
LEAST_DRAWS, LEAST_SHARE = 16.0, 1 / 16  # of the bank's draws that must stay effective: the lesser of both
COARSER = 0.5  # factor on the power of the likelihood of rusted shares, until they do
LEAST_POWER = 1 / 64
SHARES = {"photo", "grade"}  # kinds of record that state a rusted share
WIDENINGS = (1.0, 2.0, 4.0)  # of the prior, tried in turn until no inspection conflicts
TOGETHER_YEARS = 0.25  # days so near to the first of an inspection are taken in with it


@dataclass(frozen=True, kw_only=True, eq=False)
class Attempt:
    """Particles before and after each inspection under one prior, and how well each day agreed with what was known."""

    states: tuple[Particles, ...]
    agreement: tuple[Agreement, ...]
    days: tuple[int, ...]  # of agreement that each of the states has taken in
    power: float


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
    known: Snapshot | None = None,
) -> Knowledge:
    """Update the prior by all records, inspection by inspection.

    Each inspection (the records of one day, or of a few weeks) is first compared with earlier knowledge. If one
    conflicts, the update is repeated from a prior that is wider in the delay and in the parameters that the conflicting
    kinds of record inform (a photograph does not inform the depth of rust); the conflict is still reported. A wider
    prior is kept only if fewer inspections conflict with it: otherwise one odd record would cost the knowledge from all
    others.

    Parameters
    ----------
    histories : bank of the asset, from `twin.bayes.histories.ensemble.bank`.
    asset, texels : surface of the asset.
    records : oldest first.
    seen : (H, W) arrays of the texels that photographs saw, by the file name in `Record.seen`.
    seed : random seed of the particles; one seed gives one result.
    particles : number of particles.
    widenings : factors on the prior's standard deviations, narrowest first, tried until no inspection conflicts.
    known : what the first inspections taught in an earlier call; they are not learned anew.
    """
    tools = sorted({_tool(record) for record in records if record.kind != "ultrasonic"})
    items = [
        sighting(record, histories, tools.index(own) if (own := _tool(record)) in tools else 0, seen.get(record.seen))
        for record in apart(records)
    ]
    inspections = group_inspections(items)
    tried: list[Attempt] = []
    odd: set[str] = set()
    for widening in widenings:
        widened = frozenset(name for name in GROWTH if name not in INFORMED_BY or INFORMED_BY[name] & odd)
        first = prior_particles(histories, len(tools), seed, particles, widening, widened)
        begin = Attempt(states=(first,), agreement=(), days=(0,), power=1.0)
        if known is not None and not tried:
            state = restored(known, first, inspections, tools, asset, texels)
            if state is not None and known.inspections == len(inspections):
                return _knowledge(_resumed(known, first, state, known.as_given), _resumed(
                    known, first, state, known.agreement), inspections, tools)  # fmt: skip
            if state is not None:
                begin = _resumed(known, first, state, known.agreement)
        tried.append(_run(begin, inspections, asset, texels, seed))
        conflicting = conflicts(tried[-1].agreement)
        if not conflicting:
            break
        odd.update(*(item.odd for item in conflicting))
    best = min(tried, key=lambda attempt: len(conflicts(attempt.agreement)))
    return _knowledge(tried[0], best, inspections, tools)


def _tool(record: Record) -> str:
    return f"{record.kind} {record.tool}"


def _resumed(known: Snapshot, first: Particles, state: Particles, agreement: tuple[Agreement, ...]) -> Attempt:
    before = known.inspections
    return Attempt(
        states=(*(first,) * before, state), agreement=agreement, days=(0,) * before + (len(agreement),),
        power=known.power,
    )  # fmt: skip


def _knowledge(
    as_given: Attempt, best: Attempt, inspections: Sequence[Sequence[Sighting]], tools: Sequence[str]
) -> Knowledge:
    records = np.cumsum([0, *(len(own) for own in inspections)]).tolist()
    return Knowledge(
        particles=best.states, agreement=as_given.agreement, widened=best.agreement, power=best.power, days=best.days,
        records=tuple(records), tools=tuple(tools),
    )  # fmt: skip


def group_inspections(items: Sequence[Sighting]) -> list[list[Sighting]]:
    """Group sightings, oldest first, into inspections: days within `TOGETHER_YEARS` of the first count as one."""
    inspections: list[list[Sighting]] = []
    for item in items:
        if inspections and item.years - inspections[-1][0].years <= TOGETHER_YEARS:
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


def _run(
    begin: Attempt, inspections: Sequence[Sequence[Sighting]], asset: AssetGeometry, texels: Texels, seed: int
) -> Attempt:
    """Take in the inspections that an attempt has not taken in yet."""
    states, agreement, days, power = [*begin.states], [*begin.agreement], [*begin.days], begin.power
    for number in range(len(states) - 1, len(inspections)):
        rng = np.random.default_rng([seed, 11, number])
        before, latest = [item for own in inspections[:number] for item in own], inspections[number]
        for day in dict.fromkeys(item.record.date for item in latest):
            own = [item for item in latest if item.record.date == day]
            agreement.append(check_agreement(states[-1], before, own, asset, texels, rng))
        after, power = _update(states, before, latest, asset, texels, power, rng)
        states.append(after)
        days.append(len(agreement))
    return Attempt(states=tuple(states), agreement=tuple(agreement), days=tuple(days), power=power)


def _update(
    states: Sequence[Particles],
    before: Sequence[Sighting],
    latest: Sequence[Sighting],
    asset: AssetGeometry,
    texels: Texels,
    power: float,
    rng: np.random.Generator,
) -> tuple[Particles, float]:
    """Return the particles after an inspection, and the power to which the likelihood of rusted shares is raised.

    `power` is that before the inspection. A lower one starts again from the prior: too few particles would be left of
    those updated at the higher one. If no power leaves enough draws, the one that leaves most is used.
    """
    bank = states[0].bank
    old, new = arrange(before, (), bank, asset, texels), arrange(before, latest, bank, asset, texels)
    state = replace(states[-1], readings=new)
    earlier = Evidence(
        state=replace(states[-1], readings=old), earlier=before, latest=(), readings=old, power=power
    )  # fmt: skip
    both = Evidence(state=state, earlier=before, latest=latest, readings=new, power=power)
    tried = [(_temper(states[-1], earlier, both, rng), power)]
    least = min(LEAST_DRAWS, LEAST_SHARE * bank.draws)

    def left(attempt: tuple[Particles, float]) -> float:
        return effective(np.bincount(attempt[0].number))

    if both.kinds & SHARES:
        everything = arrange((), [*before, *latest], bank, asset, texels)
        nothing = Evidence(state=states[0], earlier=(), latest=(), readings=None, power=1.0)
        while left(tried[-1]) < least and (lower := COARSER * tried[-1][1]) >= LEAST_POWER:
            whole = Evidence(
                state=replace(states[0], readings=everything), earlier=(), latest=[*before, *latest],
                readings=everything, power=lower,
            )  # fmt: skip
            tried.append((_temper(states[0], nothing, whole, rng), lower))
    return max(tried, key=left)


def _temper(state: Particles, earlier: Evidence, both: Evidence, rng: np.random.Generator) -> Particles:
    """Return the particles after an inspection: its likelihood enters in steps, each followed by moves."""
    count = len(state.number)
    places = () if both.readings is None else both.readings.places
    spots = np.concatenate(
        [state.spots, draw_spots(both.state.bank, places[state.spots.shape[1] :], count, rng)], axis=1
    )
    at = Position(normal=state.normal, number=state.number, pit_number=state.pit_number, spots=spots)
    base = earlier.judged(at.up_to(0 if earlier.readings is None else len(earlier.readings.places))).log_likelihood(1.0)
    share, lineage = 0.0, state.lineage
    while share < 1:
        judged = both.judged(at)
        share = _next_share(judged, base, share)
        gain = judged.log_likelihood(share) - base
        kept = resampled(np.exp(gain - gain.max()), rng)
        at, lineage = at.taken(kept), lineage[kept]
        if len(np.unique(lineage)) < DISTINCT * count or share < 1:
            for _ in range(MOVES):
                at = move(at, both, share, rng)
            lineage = np.arange(count)
        base = both.judged(at).log_likelihood(share)
    return _completed(replace(both.state, lineage=lineage), at, both, rng)


def _next_share(judged: Judgement, base: Floats, share: float) -> float:
    """Return the largest share of the latest inspection's weight that keeps enough particles effective.

    Parameters
    ----------
    judged : the particles where they are.
    base : (n,) their log-likelihood at the present share.
    share : the present share.
    """

    def kept(step: float) -> float:
        own = judged.log_likelihood(step) - base
        return effective(np.exp(own - own.max())) / len(own)

    if kept(1.0) >= KEEP:
        return 1.0
    low, high = share, 1.0
    for _ in range(7):
        middle = low + (high - low) / 4  # the first steps of an inspection are small
        low, high = (middle, high) if kept(middle) >= KEEP else (low, middle)
    return min(max(low, share + LEAST_STEP * (1 - share)), 1.0)


def _completed(state: Particles, at: Position, evidence: Evidence, rng: np.random.Generator) -> Particles:
    """Return particles at positions, with what no record informs redrawn, and a seed of the bank for each zone."""
    count, bank = len(at.number), state.bank
    uninformed = np.setdiff1d(np.arange(at.normal.shape[1]), informed_columns(evidence))
    # These do not enter the likelihood, and few values would be left.
    normal = at.normal.copy()
    normal[:, uninformed] = rng.standard_normal((count, len(uninformed)))
    pits = at.pit_number if "pit" in evidence.kinds else rng.integers(len(bank.zones[0].pit_factor), size=count)
    at = replace(at, normal=normal, pit_number=pits)
    # One noise for all zones: where records do not say otherwise they keep to one history, as rust creeps between them.
    noise = rng.gumbel(size=(count, bank.seeds))
    seeds = {zone.name: np.argmax(noise, axis=1) for zone in bank.zones}
    for name, values in evidence.seed_scores(at).items():
        seeds[name] = np.argmax(values + noise, axis=1)
    return replace(
        state, normal=at.normal, number=at.number, pit_number=at.pit_number, spots=at.spots, seeds=seeds,
        readings=evidence.readings,
    )  # fmt: skip
