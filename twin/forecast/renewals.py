"""Zones that were renewed, in part or whole, so that their forecast starts again, and what is said of it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.histories.zone_histories import ZoneHistories
from corrotwin.twin.bayes.session import Session
from corrotwin.twin.core.text import printable
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection.events import ALL
from corrotwin.twin.model.coating import Paint


@dataclass(frozen=True, kw_only=True)
class ZoneRenewal:
    """A year in which some of a zone was made new: its metal or only coating, all of its wall or a part."""

    years: float
    metal: bool
    whole: bool


def renewed_years(renewals: Iterable[ZoneRenewal]) -> float:
    """Return the years of service after which all metal of a zone was last made new; 0 where it never was."""
    return max((renewal.years for renewal in renewals if renewal.whole), default=0.0)


def renewals_by_zone(bank: Bank) -> dict[str, tuple[ZoneRenewal, ...]]:
    """Return what was made new, by zone: a wall counts as that of both zones between whose faces it lies."""
    found: dict[str, tuple[ZoneRenewal, ...]] = {}
    for zone in bank.zones:
        others = [own for other in bank.zones if other.mostly_before == zone.name for own in other.renewals]
        of_others = {own.years: own.metal > 0 for own in others}
        of_zone = {own.years: own for own in zone.renewals}
        found[zone.name] = tuple(
            ZoneRenewal(
                years=years,
                metal=of_others.get(years, False) or (years in of_zone and of_zone[years].metal > 0),
                whole=years in of_zone and of_zone[years].metal > 0 and bool(of_zone[years].own.all()),
            )
            for years in sorted({*of_zone, *of_others})
        )
    every = sorted({(own.years, own.metal) for renewals in found.values() for own in renewals})
    found[ALL] = tuple(ZoneRenewal(years=years, metal=metal, whole=False) for years, metal in every)
    return {name: renewals for name, renewals in found.items() if renewals}


def new_metal_shared(zone: ZoneHistories, other: ZoneHistories) -> tuple[float, NDArray[np.bool_]] | None:
    """Return since when all of a zone's metal is new, and where in another zone it is, (Q,); None if it is not all new.

    The other zone lies on the other side of the first: from then on its older metal is not a wall of the first.
    """
    whole = [renewal for renewal in zone.renewals if renewal.metal and renewal.own.all()]
    shared = [renewal for renewal in other.renewals if whole and renewal.event is whole[-1].event]
    return (shared[0].years, shared[0].own) if shared else None


def event_lines(known: Session) -> Iterable[str]:
    """Yield what a forecast makes of each event, and where it takes the safe side because the model has no better."""
    painted = isinstance(known.twin.coating, Paint)
    zones = {name for name in known.asset.zone_names if name != COVERED}
    for event in known.events:
        what = f"{event.kind} of {f'{event.zone} {event.place}'.strip()} on {event.date}"
        acting = [
            mechanism for mechanism in known.twin.mechanisms if event.zone == ALL or event.zone in mechanism.zones
        ]
        if event.kind == "repair":
            said = [
                "its wall is new, what was read there before teaches rates alone",
                "nothing beside it counts as new",
            ]
        elif event.kind == "recoating":
            said = ["lost metal stays lost; once the new paint fails, rust begins as fast as on new steel"]
            said += [f"{mechanism.kind} goes on below it" for mechanism in acting]
        else:
            said = ["its metal is new, what was read before teaches rates alone, and mechanisms go on at their rates"]
            said += [
                f"{mechanism.kind} counts from that day, not again after {mechanism.after_years:g} years"
                for mechanism in acting if 0 < mechanism.after_years <= event.years(known.twin)
            ]  # fmt: skip
        if painted and event.kind != "repair" and event.zone != ALL and len(zones) > 1:
            said.append("rust of older paint beside it counts as creeping in at once")
        yield printable(f"{what}: {'; '.join(said)}")
