"""Renewals of zones, in part or whole, from which their forecast starts again, and how a forecast reports them."""

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
    """A renewal of a zone in some year: of its metal or only of its coating, of all of its wall or of a part."""

    years: float
    metal: bool
    whole: bool


def renewed_years(renewals: Iterable[ZoneRenewal]) -> float:
    """Return the years of service after which all metal of a zone was last made new; 0 where it never was."""
    return max((renewal.years for renewal in renewals if renewal.whole), default=0.0)


def renewals_by_zone(bank: Bank) -> dict[str, tuple[ZoneRenewal, ...]]:
    """Return the renewals by zone; those of a wall count for both zones between which it lies."""
    by_zone: dict[str, tuple[ZoneRenewal, ...]] = {}
    for zone in bank.zones:
        others = [event for behind in bank.zones if behind.mostly_before == zone.name for event in behind.renewals]
        of_others = {event.years: event.metal > 0 for event in others}
        of_zone = {event.years: event for event in zone.renewals}
        by_zone[zone.name] = tuple(
            ZoneRenewal(
                years=years,
                metal=of_others.get(years, False) or (years in of_zone and of_zone[years].metal > 0),
                whole=years in of_zone and of_zone[years].metal > 0 and bool(of_zone[years].own.all()),
            )
            for years in sorted({*of_zone, *of_others})
        )
    dated = sorted({(event.years, event.metal) for renewals in by_zone.values() for event in renewals})
    by_zone[ALL] = tuple(ZoneRenewal(years=years, metal=metal, whole=False) for years, metal in dated)
    return {name: renewals for name, renewals in by_zone.items() if renewals}


def new_metal_shared(zone: ZoneHistories, other: ZoneHistories) -> tuple[float, NDArray[np.bool_]] | None:
    """Return when all of a zone's metal was renewed, and where in `other` it lies, (Q,); None if it never was.

    The other zone lies on the other side of the wall: from then on its older metal is not a wall of the first.
    """
    whole = [renewal for renewal in zone.renewals if renewal.metal and renewal.own.all()]
    shared = [renewal for renewal in other.renewals if whole and renewal.event is whole[-1].event]
    return (shared[0].years, shared[0].own) if shared else None


def event_lines(known: Session) -> Iterable[str]:
    """Yield how a forecast treats each event, and where it takes the safe side for lack of a better model."""
    painted = isinstance(known.twin.coating, Paint)
    zones = {name for name in known.asset.zone_names if name != COVERED}
    for event in known.events:
        what = f"{event.kind} of {f'{event.zone} {event.place}'.strip()} on {event.date}"
        acting = [
            mechanism for mechanism in known.twin.mechanisms if event.zone == ALL or event.zone in mechanism.zones
        ]
        if event.kind == "repair":
            remarks = [
                "its wall is new; earlier readings there inform only the rates",
                "the wall beside it does not count as new",
            ]
        elif event.kind == "recoating":
            remarks = ["lost metal stays lost; once the new paint fails, rust begins as fast as on new steel"]
            remarks += [f"{mechanism.kind} continues below it" for mechanism in acting]
        else:
            remarks = [
                "its metal is new; earlier readings inform only the rates, and mechanisms continue at their rates"
            ]
            remarks += [
                f"{mechanism.kind} counts from that day, without waiting {mechanism.after_years:g} years again"
                for mechanism in acting if 0 < mechanism.after_years <= event.years(known.twin)
            ]  # fmt: skip
        if painted and event.kind != "repair" and event.zone != ALL and len(zones) > 1:
            remarks.append("rust from older paint beside it is assumed to creep in at once")
        yield printable(f"{what}: {'; '.join(remarks)}")
