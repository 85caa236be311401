"""Prior-predictive checks: whether an inspection agrees with earlier knowledge."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import ndtri

from corrotwin.twin.bayes.agreement import CONFLICT, Agreement
from corrotwin.twin.bayes.likelihood import replicate
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.sightings import Sighting, by_zone
from corrotwin.twin.bayes.thickness.paths import replicate_thickness
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.inspection.records import Record

LEAST_REACH = 1e-3  # mm, degrees or share: smaller differences count as none


def check_agreement(
    state: Particles, before: Sequence[Sighting], new: Sequence[Sighting], rng: np.random.Generator
) -> Agreement:
    """Compare an inspection with replicates drawn from earlier knowledge.

    Every record, and every mean of a tool's readings in a zone, gets a score of how odd it is among its replicates. The
    highest score is compared with the highest of each replicate, so that many records raise no false alarm.

    Parameters
    ----------
    state : earlier knowledge.
    before, new : sightings of earlier inspections, and of this one.
    """
    drawn, real, names, kinds = [], [], [], []
    for items, values in _replicates(state, before, new, rng):
        measured = np.array([item.record.value for item in items])
        for index, item in enumerate(items):
            drawn.append(values[:, index])
            real.append(measured[index])
            names.append(_in_words(item.record))
            kinds.append(item.record.kind)
        groups = {(item.record.kind, item.record.tool) for item in items}
        for kind, tool in sorted(groups):
            same_tool = np.array([(item.record.kind, item.record.tool) == (kind, tool) for item in items])
            if same_tool.sum() > 1:
                drawn.append(values[:, same_tool].mean(axis=1))
                real.append(measured[same_tool].mean())
                first = items[int(np.argmax(same_tool))].record
                kinds.append(kind)
                names.append(
                    f"mean of {same_tool.sum()} {kind} readings on {first.zone} by {tool}: {real[-1]:.3g} {first.unit}"
                )
    odd = _oddness(np.column_stack([real, drawn]), rng)
    oddest = odd.max(axis=0)

    def chance(own: float) -> float:
        return float((oddest[1:] >= own).sum() + 1) / len(oddest)

    return Agreement(
        date=min(item.record.date for item in new),
        until=max(item.record.date for item in new),
        chance=chance(oddest[0]),
        record=names[int(np.argmax(odd[:, 0]))],
        odd=frozenset(kind for kind, score in zip(kinds, odd[:, 0], strict=True) if chance(score) < CONFLICT),
    )


def _replicates(
    state: Particles, before: Sequence[Sighting], new: Sequence[Sighting], rng: np.random.Generator
) -> Iterator[tuple[list[Sighting], Floats]]:
    """Yield the records of an inspection zone by zone, with replicates of them, (n, k)."""
    bias = state.tool_biases()
    for zone, items in by_zone(new).items():
        yield items, replicate(state.trajectory(zone), items, bias, rng)
    read = [item for item in new if item.record.kind == "ultrasonic"]
    if read:
        values = replicate_thickness(state, before, read, rng)
        for zone in dict.fromkeys(item.record.zone for item in read):
            numbers = [number for number, item in enumerate(read) if item.record.zone == zone]
            yield [read[number] for number in numbers], values[:, numbers]


def _oddness(values: Floats, rng: np.random.Generator) -> Floats:
    """Return the absolute normal score of each value's rank in its row, ties broken at random; shape (k, n).

    Ranks cannot express how far out the first and the last value lie: with many records, some replicate would always be
    as odd as any value could be. So these two are scored by their distance from the median relative to that of
    their neighbour.

    Parameters
    ----------
    values : (k, n) a record, or a mean of several, in each row.
    rng : source of randomness.
    """
    order = np.lexsort((rng.random(values.shape), values))
    count = values.shape[1]
    by_rank = np.tile(np.abs(ndtri((np.arange(count) + 0.5) / count)), (len(values), 1))
    off = np.abs(np.take_along_axis(values, order, axis=1) - np.median(values, axis=1, keepdims=True))
    for end, inner in ((0, 1), (-1, -2)):
        further = by_rank[:, inner] * off[:, end] / np.maximum(off[:, inner], LEAST_REACH)
        by_rank[:, end] = np.maximum(by_rank[:, end], further)
    score = np.empty(values.shape)
    np.put_along_axis(score, order, by_rank, axis=1)
    return score


def _in_words(record: Record) -> str:
    place = f" at {record.place}" if record.place else f" at uv {record.uv}" if record.uv else ""
    return f"{record.kind} on {record.zone}{place} by {record.tool}: {record.value:.3g} {record.unit}"
