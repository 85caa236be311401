"""Steps of sequential Monte Carlo: resampling, Metropolis moves of growth, Gibbs moves of places within zones."""

from dataclasses import replace

import numpy as np

from corrotwin.twin.bayes.evidence import Evidence, Judgement
from corrotwin.twin.bayes.particles import GROWTH, MECHANISM, Particles, first_mechanism_column, first_tool_column
from corrotwin.twin.bayes.sightings import zone_of
from corrotwin.twin.bayes.thickness.readings import draw_spots
from corrotwin.twin.geometry.atlas import Floats, Integers

OTHER_DRAW = 0.3  # share of moves that also propose another draw of the bank
# Kinds of record that inform a growth parameter; all of them inform the delay.
INFORMED_BY = {"rate": {"ultrasonic", "pit"}, "exponent": {"ultrasonic"}, "pits": {"pit"}}


def move(
    at: Particles, judged: Judgement, evidence: Evidence, share: float, rng: np.random.Generator
) -> tuple[Particles, Judgement]:
    """Move particles without changing their distribution, with the latest inspection at a share of its weight.

    Growth, tools' biases and draws of the bank move together by Metropolis; then each measured place by itself.

    Parameters
    ----------
    at, judged : the particles, and their log-likelihoods.
    evidence, share : records, and the weight of the latest inspection.
    rng : source of randomness.
    """
    at, judged = _move_growth(at, judged, evidence, share, rng)
    return _move_spots(at, judged, share, rng)


def _move_growth(
    at: Particles, judged: Judgement, evidence: Evidence, share: float, rng: np.random.Generator
) -> tuple[Particles, Judgement]:
    bank, count = at.bank, len(at.number)
    informed = informed_columns(at, evidence)
    spread = np.cov(at.normal[:, informed].T) + 1e-6 * np.eye(len(informed))
    stride = 2.38 / np.sqrt(len(informed)) * np.linalg.cholesky(spread)
    proposed_normal = at.normal.copy()
    proposed_normal[:, informed] += (rng.standard_normal((count, len(informed))) @ stride.T).astype(np.float32)
    pit_draws = len(bank.zones[0].pit_factor)
    proposed = replace(
        at,
        normal=proposed_normal,
        number=np.where(rng.random(count) < OTHER_DRAW, rng.integers(bank.draws, size=count), at.number),
        pit_number=np.where(rng.random(count) < OTHER_DRAW, rng.integers(pit_draws, size=count), at.pit_number),
    )
    proposed_judgement = evidence.judged(proposed)
    odds = proposed_judgement.log_likelihood(share) - judged.log_likelihood(share)
    odds += 0.5 * ((at.normal**2).sum(axis=1) - (proposed_normal**2).sum(axis=1))
    take = np.log(rng.random(count)) < odds
    moved = replace(
        at,
        normal=np.where(take[:, None], proposed_normal, at.normal),
        number=np.where(take, proposed.number, at.number),
        pit_number=np.where(take, proposed.pit_number, at.pit_number),
    )
    return moved, judged.merged(proposed_judgement, take, moved.thickness_model())


def _move_spots(
    at: Particles, judged: Judgement, share: float, rng: np.random.Generator
) -> tuple[Particles, Judgement]:
    if judged.model is None:
        return at, judged
    model = judged.model.weakened(share)
    shared = model.draw_shared(rng)
    spots = draw_spots(at.bank, model.readings.places, len(at.number), rng)
    proposed = replace(model, spots=spots)
    odds = proposed.log_likelihood_of_places(shared) - model.log_likelihood_of_places(shared)
    take = np.log(rng.random(odds.shape)) < odds
    spots = np.where(take, spots, at.spots)
    known = np.where(take[..., None], proposed.without_mechanisms_mm, model.without_mechanisms_mm)
    return replace(at, spots=spots), replace(judged, model=replace(judged.model, spots=spots).knowing(known))


def informed_columns(at: Particles, evidence: Evidence) -> Integers:
    """Return the columns of `Particles.normal` that any record informs; the others keep their prior."""
    bank, kinds = at.bank, evidence.kinds
    informed = [number for number, name in enumerate(GROWTH) if INFORMED_BY.get(name, kinds) & kinds]
    places = () if at.readings is None else at.readings.places
    pieces: set[int] = set()
    for row, place in enumerate(places):
        assert at.readings is not None  # noqa: S101  it has places
        candidates = zone_of(bank, place.zone).piece if place.piece is None else np.array([place.piece])
        for metal in set(at.readings.metal[row, at.readings.read[row]].tolist()):
            pieces.update((candidates + len(bank.pieces_mm) * metal).tolist())
    informed += sorted(len(GROWTH) + piece for piece in pieces)
    acts = np.zeros(len(bank.twin.mechanisms))
    for place in places:
        acts += place.acts
    for name in bank.pitted:
        acts += zone_of(bank, name).own.acts.sum(axis=0)
    first = first_mechanism_column(bank)
    for mechanism in np.flatnonzero(acts):
        informed += range(first + len(MECHANISM) * mechanism, first + len(MECHANISM) * (mechanism + 1))
    return np.array([*informed, *range(first_tool_column(bank), at.normal.shape[1])], dtype=np.int64)


def effective(weight: Floats | Integers) -> float:
    """Return the effective sample size of weights, (n,)."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def resampled(weight: Floats, rng: np.random.Generator) -> Integers:
    """Return indices of particles by systematic resampling, (n,)."""
    cumulative = np.cumsum(weight / weight.sum())
    points = (np.arange(len(weight)) + rng.random()) / len(weight)
    return np.searchsorted(cumulative, points).clip(0, len(weight) - 1)
