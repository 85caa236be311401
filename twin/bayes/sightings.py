"""Records prepared for a bank of histories: their time, tool and what they show of their zone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.histories.zone_histories import SPOTS, ZoneHistories
from corrotwin.twin.geometry.atlas import Singles
from corrotwin.twin.inspection.records import Record

FEWEST_PLACES = 12  # sample places that a photograph must have seen for its own view of the zone to count


@dataclass(frozen=True, kw_only=True, eq=False)
class Sighting:
    """A record prepared for one zone of a bank.

    Parameters
    ----------
    record, years : the observation, and its years after the asset was built.
    tool : number of the tool whose bias it shares; thickness readings share theirs by visit instead.
    weight : (P + spots,) share of each place in the area in view, summing to 1.
    places : number of sample places that carry weight.
    """

    record: Record
    years: float
    tool: int
    weight: Singles
    places: int


def sighting(record: Record, bank: Bank, tool: int, seen: NDArray[np.bool_] | None = None) -> Sighting:
    """Prepare a record; `seen` is (H, W), the texels that a photograph saw, or None for all of its zone."""
    zone = zone_of(bank, record.zone)
    weight = zone.weight
    count = len(zone.texel)
    if seen is not None:
        inside = seen.reshape(-1)[zone.texel]
        count = max(int(inside.sum()), 1)
        if count >= FEWEST_PLACES:  # else, the zone as a whole stands for the little that was seen
            weight = np.zeros_like(zone.weight)
            weight[:-SPOTS][inside] = 1 / count
    return Sighting(record=record, years=record.years(bank.twin), tool=tool, weight=weight, places=count)


def zone_of(bank: Bank, name: str) -> ZoneHistories:
    """Return the zone of this name."""
    return next(zone for zone in bank.zones if zone.name == name)


def by_zone(sightings: Iterable[Sighting]) -> dict[str, list[Sighting]]:
    """Group sightings of other kinds than thickness by the name of their zone."""
    zones: dict[str, list[Sighting]] = {}
    for item in sightings:
        if item.record.kind != "ultrasonic":
            zones.setdefault(item.record.zone, []).append(item)
    return zones


def apart(records: Sequence[Record]) -> list[Record]:
    """Return the records with errors that may be taken as independent.

    The errors of a photograph are the same in all zones in view: its n records carry the information of one if each has
    sqrt(n) times the scatter.
    """
    zones = Counter((record.date, record.seen) for record in records if record.seen)
    return [
        replace(record, scatter_sd=record.scatter_sd * float(np.sqrt(zones[record.date, record.seen])))
        if record.seen
        else record
        for record in records
    ]
