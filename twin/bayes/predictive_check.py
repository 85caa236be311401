"""Prior-predictive checks: whether an inspection agrees with earlier knowledge."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from corrotwin.twin.bayes.likelihood import Sighting, by_zone, replicate
from corrotwin.twin.bayes.trajectories import Trajectory
from corrotwin.twin.geometry.atlas import Floats, Singles
from corrotwin.twin.inspection.records import Record

LEAST_REACH = 1e-3  # mm, degrees, share: differences below it are none
CONFLICT = 0.02  # p-value of an inspection under earlier knowledge below which it is called a conflict


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of an inspection with earlier knowledge.

    Parameters
    ----------
    date : day of the inspection.
    chance : prior-predictive p-value: how often a replicate would be at least as odd as this inspection.
    record : description of its oddest record, or of the oddest mean of a tool's readings in a zone.
    odd : kinds of its records that conflict by themselves.
    """

    date: str
    chance: float
    record: str
    odd: frozenset[str] = frozenset()


def conflicts(agreement: Iterable[Agreement]) -> tuple[Agreement, ...]:
    """Return the inspections whose probability is below `CONFLICT`."""
    return tuple(item for item in agreement if item.chance < CONFLICT)


def check_agreement(
    trajectory: Callable[[str], Trajectory],
    bias: Singles,
    before: Sequence[Sighting],
    new: Sequence[Sighting],
    rng: np.random.Generator,
) -> Agreement:
    """Compare an inspection with replicates drawn from earlier knowledge.

    Every record, and every mean of a tool's readings in a zone, gets a score of how odd it is among its replicates. The
    highest score is compared with the highest of each replicate, so that many records raise no false alarm.

    Parameters
    ----------
    trajectory : function from the name of a zone to its history in n states of knowledge; s is 1.
    bias : (n, tools), bias of each tool in standard deviations.
    before, new : sightings of earlier inspections, and of this one.
    """
    old = by_zone(before)
    drawn, real, names, kinds = [], [], [], []
    for zone, items in by_zone(new).items():
        values = replicate(trajectory(zone), old.get(zone, ()), items, bias, rng)
        given = np.array([item.record.value for item in items])
        for index, item in enumerate(items):
            drawn.append(values[:, index])
            real.append(given[index])
            names.append(_in_words(item.record))
            kinds.append(item.record.kind)
        for tool in sorted({item.tool for item in items}):
            own = np.array([item.tool == tool for item in items])
            if own.sum() > 1:
                drawn.append(values[:, own].mean(axis=1))
                real.append(given[own].mean())
                one = items[int(np.argmax(own))].record
                kinds.append(one.kind)
                names.append(
                    f"mean of {own.sum()} {one.kind} readings on {zone} by {one.tool}: {real[-1]:.3g} {one.unit}"
                )
    odd = np.column_stack([_oddness(np.append(one, values), rng) for one, values in zip(real, drawn, strict=True)])
    oddest = odd.max(axis=1)

    def chance(own: float) -> float:
        return float((oddest[1:] >= own).sum() + 1) / len(oddest)

    return Agreement(
        date=new[0].record.date,
        chance=chance(oddest[0]),
        record=names[int(np.argmax(odd[0]))],
        odd=frozenset(kind for kind, own in zip(kinds, odd[0], strict=True) if chance(own) < CONFLICT),
    )


def _oddness(values: Floats, rng: np.random.Generator) -> Floats:
    """Return the absolute normal score of each value's rank, ties broken at random; shape (n,).

    Ranks cannot express how far out the first and the last value lie: with many records, some replicate would always be
    as odd as any value could be. So these two are scored by their distance from the median over that of their
    neighbour.
    """
    order = np.lexsort((rng.random(len(values)), values))
    score = np.empty(len(values))
    score[order] = np.abs(ndtri((np.arange(len(values)) + 0.5) / len(values)))
    middle = np.median(values)
    for end, inner in ((order[0], order[1]), (order[-1], order[-2])):
        reach = max(abs(values[inner] - middle), LEAST_REACH)
        score[end] = max(score[end], score[inner] * abs(values[end] - middle) / reach)
    return score


def _in_words(record: Record) -> str:
    place = f" at {record.place}" if record.place else f" at uv {record.uv}" if record.uv else ""
    return f"{record.kind} on {record.zone}{place} by {record.tool}: {record.value:.3g} {record.unit}"
