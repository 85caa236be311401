"""Events that change an asset: replaced or recoated zones, and repaired places."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection.dates import check_not_yet_to_come, is_day, service_years
from corrotwin.twin.inspection.records import Record, check_text
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.corrosion import MOST_YEARS
from corrotwin.twin.model.zones import ZONES
from corrotwin.twin.twin_state import TwinState

ALL = "all"  # stands for every zone
EVENTS = {
    "replacement": "steel and coating of a zone are new from that day",
    "recoating": "the coating of a zone is new from that day; the metal that was lost stays lost",
    "repair": "the wall at a place is new from that day, as by a patch or weld overlay",
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """A day on which a part of the asset was made new.

    Readings of the same day count as taken afterwards.

    Parameters
    ----------
    date : day, as 2016-05-31.
    kind : one of `EVENTS`.
    zone : zone of the asset, or "all"; both sides of a wall share its metal, so that it counts for both.
    place : for a repair, the name of the place where the wall was renewed; else empty.
    why : remark; stored, but not compared.
    source : file and line that it was read from, for error messages; neither stored nor compared.
    """

    date: str
    kind: str
    zone: str
    place: str = ""
    why: str = field(default="", compare=False)
    source: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("date", "kind", "zone", "place", "why"):
            if not isinstance(text := getattr(self, name), str):
                raise InputError(f"{name} {text!r:.60}: must be text")
            check_text(name, text)
        if self.kind not in EVENTS:
            raise InputError(f"`event` {self.kind!r:.60}: choose from {', '.join(EVENTS)}")
        if not is_day(self.date):
            raise InputError(f"{self.kind}: `date` {self.date!r:.60}: give a day such as 2016-05-31")
        if not self.zone:
            raise InputError(f"{self}: give the `zone`")
        if self.kind == "repair" and (not self.place or self.zone == ALL):
            raise InputError(f"{self}: a repair is at one place; give `zone`, and `place` as its readings name it")
        if self.kind != "repair" and self.place:
            raise InputError(f"{self}: applies to a whole zone; leave `place` out, or enter a repair of the place")

    def __str__(self) -> str:
        where = f"{self.zone} {self.place}".strip()
        return f"{self.source}: {self.kind} of {where} on {self.date}".removeprefix(": ")

    @property
    def renews_metal(self) -> bool:
        """True if the steel is new, not only its coating."""
        return self.kind != "recoating"

    def years(self, twin: TwinState) -> float:
        """Return the day as years since the twin was built."""
        return service_years(self.date, twin)


def admit_events(
    events: Sequence[Event],
    there: Iterable[Event],
    in_force: Iterable[Event],
    records: Iterable[Record],
    twin: TwinState,
    asset: AssetGeometry,
) -> list[Event]:
    """Return the events that are not stored yet, oldest first, after checking that all are possible.

    Parameters
    ----------
    events : new events, in any order.
    there : all stored events, withdrawn ones too; each absorbs one equal event.
    in_force : stored events that were not withdrawn.
    records : records in force, including those that are added together with the events.
    twin, asset : the twin and its geometry.

    Raises
    ------
    InputError
        An event is impossible for this twin (`check_event`), is in the future, or names a place that no reading names;
        or two events of one day concern the same metal.
    """
    unmatched = Counter(there)
    new = []
    for event in sorted(events, key=lambda event: event.date):
        check_event(event, twin, asset)
        if unmatched[event]:
            unmatched[event] -= 1
        else:
            check_not_yet_to_come(event.date, str(event), twin)
            new.append(event)
    known_places = {(record.zone, record.place) for record in records}
    for event in new:
        if event.place and (event.zone, event.place) not in known_places:
            raise InputError(
                f"{event}: no reading on {event.zone} names that place; enter its readings first, or correct the name"
            )
    check_days([*in_force, *new])
    return new


def check_event(event: Event, twin: TwinState, asset: AssetGeometry) -> None:
    """Raise InputError if an event is impossible for this twin.

    Raises
    ------
    InputError
        The zone is unknown or has no paint that could be renewed, or the day is not after the start of service.
    """
    kinds = {name: kind for name, kind in zip(asset.zone_names, asset.zone_kinds, strict=True) if name != COVERED}
    if event.zone not in (ALL, *kinds):
        raise InputError(f"{event}: no zone {event.zone!r}; choose from {', '.join(kinds)}, {ALL}")
    if event.date <= f"{twin.built:%Y-%m-%d}" or event.years(twin) > MOST_YEARS:
        raise InputError(f"{event}: the twin was built new on {twin.built:%Y-%m-%d}; give a later day")
    if event.kind == "recoating":
        if not isinstance(twin.coating, Paint):
            state = "bare" if twin.coating is None else "galvanised"
            raise InputError(
                f"{event}: this twin is {state}, so it has no paint to renew, and paint applied later is not modelled; "
                "leave the event out, which is conservative"
            )
        if event.zone != ALL and not ZONES[kinds[event.zone]].loss:
            raise InputError(f"{event}: {event.zone} is not exposed to the air and has no coating; name another zone")


def check_days(events: Iterable[Event]) -> None:
    """Raise InputError if two events of one day concern the same metal, unless they are repairs of two places.

    Raises
    ------
    InputError
        There are two such events: which came last cannot be known.
    """
    by_day: dict[str, list[Event]] = {}
    for event in events:
        for other in by_day.setdefault(event.date, []):
            is_separate = event.zone != other.zone and ALL not in (event.zone, other.zone)
            if not is_separate and (not event.place or not other.place or event.place == other.place):
                raise InputError(
                    f"{event}: there is also a {other.kind} of {other.zone} on that day; withdraw one of them"
                )
        by_day[event.date].append(event)


def renewed_on(zone: str, place: str, events: Iterable[Event], until: str = "9999-12-31") -> str:
    """Return the last day on which the wall of a place was made new; empty if there is none.

    Only events of that zone count: this function does not know which other zones share its metal.

    Parameters
    ----------
    zone, place : the zone, and the name of the place or an empty one.
    events : events in force.
    until : last day that counts.
    """
    days = [
        event.date
        for event in events
        if event.renews_metal and event.date <= until and event.zone in (ALL, zone) and event.place in ("", place)
    ]
    return max(days, default="")


def is_removed(record: Record, events: Iterable[Event]) -> bool:
    """Return whether a reading or a pit is of metal that was made new afterwards."""
    return record.kind in ("ultrasonic", "pit") and record.date < renewed_on(record.zone, record.place, events)
