"""Which zones were made new, in part or whole, so that their forecast begins anew."""

from dataclasses import dataclass

from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.histories.renewals import Renewal
from corrotwin.twin.inspection.events import ALL


@dataclass(frozen=True, kw_only=True)
class ZoneRenewal:
    """A year in which some of a zone was made new: its metal or only coating, all of its wall or a part."""

    years: float
    metal: bool
    whole: bool


def renewals_by_zone(bank: Bank) -> dict[str, tuple[ZoneRenewal, ...]]:
    """Return what was made new, by zone: a wall counts as that of both zones between whose faces it lies."""
    found: dict[str, tuple[ZoneRenewal, ...]] = {}
    for zone in bank.zones:
        walls = [zone, *(other for other in bank.zones if other.mostly_before == zone.name)]
        happened: dict[float, list[Renewal]] = {}
        for renewal in sorted((own for wall in walls for own in wall.renewals), key=lambda own: own.years):
            happened.setdefault(renewal.years, []).append(renewal)
        found[zone.name] = tuple(
            ZoneRenewal(
                years=years, metal=any(own.metal for own in same),
                whole=len(same) >= len(walls) and all(own.metal and own.own.all() for own in same),
            )
            for years, same in happened.items()
        )  # fmt: skip
    every = sorted({(own.years, own.metal) for renewals in found.values() for own in renewals})
    found[ALL] = tuple(ZoneRenewal(years=years, metal=metal, whole=False) for years, metal in every)
    return {name: renewals for name, renewals in found.items() if renewals}
