"""`Agreement`: how well an inspection agrees with earlier knowledge, and when that is called a conflict."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONFLICT = 0.02  # p-value of an inspection under earlier knowledge below which it is called a conflict


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of an inspection with earlier knowledge.

    Parameters
    ----------
    date, until : first and last day of the inspection.
    chance : prior-predictive p-value: how often a replicate would be at least as odd as this inspection.
    record : description of its oddest record, or of the oddest mean of a tool's readings in a zone.
    odd : kinds of its records that conflict by themselves.
    """

    date: str
    until: str
    chance: float
    record: str
    odd: frozenset[str] = frozenset()


def conflicts(agreement: Iterable[Agreement]) -> tuple[Agreement, ...]:
    """Return the inspections whose probability is below `CONFLICT`."""
    return tuple(item for item in agreement if item.chance < CONFLICT)


def pooled(runs: Sequence[Sequence[Agreement]]) -> tuple[Agreement, ...]:
    """Combine the agreement of each inspection over several runs that all took it in."""
    return tuple(
        Agreement(
            date=by_run[0].date,
            until=by_run[0].until,
            chance=sum(item.chance for item in by_run) / len(by_run),
            record=min(by_run, key=lambda item: item.chance).record,
            odd=frozenset().union(*(item.odd for item in by_run)),
        )
        for by_run in zip(*runs, strict=True)
    )
