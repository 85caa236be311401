"""Tempering: the latest inspection enters the likelihood in steps, each followed by moves of the particles."""

from dataclasses import replace

import numpy as np

from corrotwin.twin.bayes.evidence import Evidence, Judgement
from corrotwin.twin.bayes.moves import effective, informed_columns, move, resampled
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.thickness.readings import Readings, draw_spots
from corrotwin.twin.geometry.atlas import Floats

KEEP = 0.5  # share of effective particles after a step of tempering
LEAST_STEP = 0.01  # of the likelihood, however few particles it leaves
MOVES = 3  # after each step
SETTLING = 6  # moves after the last inspection
DISTINCT = 0.7  # share of distinct particles at or above which the last step moves none


def temper(
    state: Particles, readings: Readings, earlier: Evidence, both: Evidence, rng: np.random.Generator
) -> Particles:
    """Return the particles after an inspection: its likelihood enters in steps, each followed by moves.

    Parameters
    ----------
    state, earlier : the particles before the inspection, and the records that they know.
    readings, both : all readings of thickness, and all records.
    rng : source of randomness.
    """
    count = len(state.number)
    spots = draw_spots(state.bank, readings.places[state.spots.shape[1] :], count, rng)
    at = replace(state, readings=readings, spots=np.concatenate([state.spots, spots], axis=1))
    base, share = earlier.judged(state).log_likelihood(1.0), 0.0
    judged = both.judged(at)
    while share < 1:
        share = _next_share(judged, base, share)
        gain = judged.log_likelihood(share) - base
        kept = resampled(np.exp(gain - gain.max()), rng)
        at = at.taken(kept)
        judged = judged.taken(kept, at.thickness_model())
        if len(np.unique(at.lineage)) < DISTINCT * count or share < 1:
            for _ in range(MOVES):
                at, judged = move(at, judged, both, share, rng)
            at = replace(at, lineage=np.arange(count))
        if share < 1:
            base = judged.log_likelihood(share)
    return _completed(at, both, rng)


def _next_share(judged: Judgement, base: Floats, share: float) -> float:
    """Return the largest share of the latest inspection's weight that keeps enough particles effective.

    Parameters
    ----------
    judged : log-likelihoods of the particles.
    base : (n,) log-likelihood at the present share.
    share : the present share.
    """

    def kept(step: float) -> float:
        gain = judged.log_likelihood(step) - base
        return effective(np.exp(gain - gain.max())) / len(gain)

    if kept(1.0) >= KEEP:
        return 1.0
    low, high = share, 1.0
    for _ in range(7):
        middle = low + (high - low) / 4  # the first steps of an inspection are small
        low, high = (middle, high) if kept(middle) >= KEEP else (low, middle)
    return min(max(low, share + LEAST_STEP * (1 - share)), 1.0)


def _completed(at: Particles, evidence: Evidence, rng: np.random.Generator) -> Particles:
    """Redraw what no record informs, and draw a seed of the bank for each zone."""
    count, bank = len(at.number), at.bank
    uninformed = np.setdiff1d(np.arange(at.normal.shape[1]), informed_columns(at, evidence))
    # These do not enter the likelihood, and resampling has left few values of them.
    normal = at.normal.copy()
    normal[:, uninformed] = rng.standard_normal((count, len(uninformed)))
    pits = at.pit_number if "pit" in evidence.kinds else rng.integers(len(bank.zones[0].pit_factor), size=count)
    at = replace(at, normal=normal, pit_number=pits)
    # One noise for all zones: unless records say otherwise they keep to one history, as rust creeps between them.
    noise = rng.gumbel(size=(count, bank.seeds))
    seeds = {zone.name: np.argmax(noise, axis=1) for zone in bank.zones}
    for name, values in evidence.seed_scores(at).items():
        seeds[name] = np.argmax(values + noise, axis=1)
    return replace(at, seeds=seeds)


def settle(state: Particles, evidence: Evidence, rng: np.random.Generator) -> Particles:
    """Return particles after more moves: resampling has left duplicates."""
    judged = evidence.judged(state)
    for _ in range(SETTLING):
        state, judged = move(state, judged, evidence, 1.0, rng)
    return _completed(state, evidence, rng)
