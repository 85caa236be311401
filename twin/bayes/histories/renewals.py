"""Renewal of a part of an asset: when its steel or coating became new, and loss in the stages before and after.

Metal and coating are followed separately. New metal has lost nothing and begins with a coating of its own. Under a
new coating the earlier loss remains; once the coating fails, more is added by the law of new steel, which is fastest at
first. A mechanism acts whatever the coating: on new metal its law begins again, while its rate wanders on from its last
value, since the fluid is the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.twin.geometry.atlas import Floats, Integers, Singles
from corrotwin.twin.inspection.events import ALL, Event
from corrotwin.twin.mechanisms.mechanism import Mechanism

SAME_DAY_YEARS = 1e-6  # by which the mean time of a day's readings may come out before that day


@dataclass(frozen=True, kw_only=True, eq=False)
class Renewal:
    """An event as the histories of a zone know it: B draws, S seeds, Q places, as in `ZoneHistories`.

    Parameters
    ----------
    event, years : what happened, and its years after the asset was built.
    metal : number of the new metal among all that the asset was given, from 1: its thickness when new is its own; 0
        where the coating alone is new.
    own, behind : (Q,) where it renews the zone's own face, and the one behind; nowhere for a repair, which concerns
        a measured place.
    own_start_years, behind_start_years : (B, S, Q) start of corrosion in air after it, before any delay.
    """

    event: Event
    years: float
    metal: int
    own: NDArray[np.bool_]
    behind: NDArray[np.bool_]
    own_start_years: Singles
    behind_start_years: Singles


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A renewal at places of any shape: its year, whether metal is new, where, and the start of corrosion after it."""

    years: float
    metal: bool
    here: NDArray[np.bool_]
    start_years: Singles


def start_in_stage(start_years: Singles, stages: Iterable[Stage], years: float) -> Singles:
    """Return the start of corrosion under the coating in place in a year, in the shape of the places."""
    for stage in stages:
        if has_happened(stage.years, years):
            start_years = np.where(stage.here, stage.start_years, start_years)
    return start_years


def loss_in_stages(
    start_years: Singles, stages: Iterable[Stage], years: float, loss_mm: Callable[[Singles, float], Singles]
) -> Singles:
    """Return the loss of the metal in place in a year, mm, in the shape of the places.

    Parameters
    ----------
    start_years : start of corrosion under the first coating.
    stages : renewals, oldest first.
    years : now.
    loss_mm : function of a start of corrosion and a year: loss between them, mm.
    """
    before: Singles | None = None
    for stage in stages:
        if has_happened(stage.years, years):
            kept = np.zeros((), dtype=np.float32) if before is None else before
            lost = np.zeros_like(kept) if stage.metal else kept + loss_mm(start_years, stage.years)
            before = np.where(stage.here, lost, kept)
            start_years = np.where(stage.here, stage.start_years, start_years)
    loss = loss_mm(start_years, years)
    return loss if before is None else before + loss


def exposed_years(mechanism: Mechanism, years: ArrayLike, since_years: ArrayLike = 0.0) -> Floats:
    """Return how long a mechanism has acted by `years` on metal installed in `since_years`, any shapes."""
    begin = np.maximum(mechanism.after_years, np.asarray(since_years, dtype=float))
    return np.asarray(np.maximum(np.asarray(years, dtype=float) - begin, 0))


def law_mm(mechanism: Mechanism, years: ArrayLike, since_years: ArrayLike = 0.0) -> Floats:
    """Return the loss by a mechanism's law at rate 1 of metal installed in `since_years`, mm, any shapes."""
    return np.asarray(exposed_years(mechanism, years, since_years) ** mechanism.exponent)


def drift_scale(mechanism: Mechanism, years: ArrayLike, since_years: ArrayLike = 0.0) -> Floats:
    """Return the standard deviation of the loss by a changing rate, divided by rate and yearly drift, any shapes.

    The rate moves as a Brownian motion b from the first day on; its integral from s to t has the variance
    (t - s)² (t + 2 s) / 3.
    """
    until = exposed_years(mechanism, years)
    since = np.minimum(exposed_years(mechanism, since_years), until)
    return np.asarray(np.sqrt((until - since) ** 2 * (until + 2 * since) / 3))


def has_happened(at: float, years: float) -> bool:
    """Return whether an event in the year `at` has happened by `years`."""
    return at - SAME_DAY_YEARS <= years


def renews(event: Event, zone: str) -> bool:
    """Return whether an event renews a whole zone."""
    return event.kind != "repair" and event.zone in (ALL, zone)


def latest_metal(years: Floats, renewed: Iterable[tuple[float, int]]) -> tuple[Floats, Integers]:
    """Return installation year and number of the metal in place in each year, (T,) each; 0 for the first metal.

    Parameters
    ----------
    years : (T,) of service.
    renewed : years and numbers of new metal, oldest first.
    """
    since, number = np.zeros(len(years)), np.zeros(len(years), dtype=np.int64)
    for at, metal in renewed:
        new = years >= at - SAME_DAY_YEARS
        since, number = np.where(new, at, since), np.where(new, metal, number)
    return since, number
