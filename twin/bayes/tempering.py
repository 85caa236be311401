"""Tempering: the latest inspection enters the likelihood in steps, each followed by moves of the particles."""

from dataclasses import replace

import numpy as np

from corrotwin.twin.bayes.evidence import Evidence, Judgement, Position
from corrotwin.twin.bayes.moves import effective, informed_columns, move, resampled
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.thickness.readings import draw_spots
from corrotwin.twin.geometry.atlas import Floats

KEEP = 0.5  # share of effective particles after a step of tempering
LEAST_STEP = 0.01  # of the likelihood, however few particles it leaves
MOVES = 3  # after each step
SETTLING = 6  # moves after the last inspection
DISTINCT = 0.7  # share of distinct particles from which none are moved


def temper(state: Particles, earlier: Evidence, both: Evidence, rng: np.random.Generator) -> Particles:
    """Return the particles after an inspection: its likelihood enters in steps, each followed by moves."""
    count = len(state.number)
    places = () if both.readings is None else both.readings.places
    spots = np.concatenate(
        [state.spots, draw_spots(both.state.bank, places[state.spots.shape[1] :], count, rng)], axis=1
    )
    at = Position(normal=state.normal, number=state.number, pit_number=state.pit_number, spots=spots)
    base = earlier.judged(at.up_to(0 if earlier.readings is None else len(earlier.readings.places))).log_likelihood(1.0)
    share, lineage = 0.0, state.lineage
    judged = both.judged(at)
    while share < 1:
        share = _next_share(judged, base, share)
        gain = judged.log_likelihood(share) - base
        kept = resampled(np.exp(gain - gain.max()), rng)
        at, lineage = at.taken(kept), lineage[kept]
        judged = judged.taken(kept, both.thickness_model(at))
        if len(np.unique(lineage)) < DISTINCT * count or share < 1:
            for _ in range(MOVES):
                at, judged = move(at, judged, both, share, rng)
            lineage = np.arange(count)
        if share < 1:
            base = judged.log_likelihood(share)
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


def settle(state: Particles, evidence: Evidence, rng: np.random.Generator) -> Particles:
    """Return particles after more moves: resampling has left some of them alike."""
    at = Position(normal=state.normal, number=state.number, pit_number=state.pit_number, spots=state.spots)
    judged = evidence.judged(at)
    for _ in range(SETTLING):
        at, judged = move(at, judged, evidence, 1.0, rng)
    return _completed(state, at, evidence, rng)
