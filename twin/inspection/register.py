"""Condition monitoring locations (CML) of a twin, and the file `register.json` that keeps them in its folder."""

import difflib
import functools
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from corrotwin.twin.core import files, locks
from corrotwin.twin.core.arguments import check_fields
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.text import place_name
from corrotwin.twin.inspection.events import ALL, Event
from corrotwin.twin.inspection.records import Record, check_text, spoken

NAME = "register"
KINDS = (
    "straight", "bend", "branch", "reducer", "nozzle", "injection point", "dead leg", "support", "soil to air", "other",
)  # fmt: skip
INJECTION = "injection point"  # measured within three years by API 570
ASSUMED = 0.5  # of its wall when new, required of a place too thin for what its zone requires; by judgement


class Requirement(NamedTuple):
    """Thickness that must be left at a place, mm; assumed where neither its CML nor its zone tells it."""

    mm: float
    is_assumed: bool = False


@dataclass(frozen=True, kw_only=True)
class Cml:
    """A condition monitoring location.

    Parameters
    ----------
    id : its name, which readings give as their place; points of it are called ID/POINT.
    zone : of the twin.
    uv : place on the atlas, each in [0, 1]; None where only the zone is known.
    nominal_mm : thickness when new; None where that of the twin's geometry stands for it.
    required_mm : thickness that must be left; None where that of the zone stands for it.
    circuit : corrosion circuit that it belongs to.
    kind : one of `KINDS`, or empty.
    formerly : names that it had before; readings that give one of these are its own.
    """

    id: str
    zone: str
    uv: tuple[float, float] | None = None
    nominal_mm: float | None = None
    required_mm: float | None = None
    circuit: str = ""
    kind: str = ""
    formerly: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("id", "zone", "circuit", "kind", *self.formerly):
            check_text(name, getattr(self, name, name))
        if not self.id or not self.zone:
            raise InputError(f"CML {self.id!r:.60}: give an id and a zone")
        if self.kind and self.kind not in KINDS:
            raise InputError(f"CML {self.id}: kind {self.kind!r:.60}: choose from {', '.join(KINDS)}")
        if self.uv is not None and not all(0 <= value <= 1 for value in self.uv):
            raise InputError(f"CML {self.id}: uv {self.uv}: each must be from 0 to 1")
        for name in ("nominal_mm", "required_mm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"CML {self.id}: {name} {value:g}: must be above 0")
        if self.nominal_mm is not None and self.required_mm is not None and self.required_mm >= self.nominal_mm:
            raise InputError(
                f"CML {self.id}: {self.required_mm:g} mm are required of a wall of {self.nominal_mm:g} mm when new; "
                "correct either"
            )
        if self.id in self.formerly:
            raise InputError(f"CML {self.id}: was formerly called what it is called now; remove that name")


@dataclass(frozen=True, kw_only=True)
class Register:
    """The CML of a twin by their ids; empty where there is no register."""

    cmls: Mapping[str, Cml] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        known: dict[str, str] = {}
        for cml in self.cmls.values():
            for name in (cml.id, *cml.formerly):
                if (other := known.setdefault(name, cml.id)) != cml.id:
                    raise InputError(f"CML {cml.id}: {name!r:.60} is or was the name of {other}, too; keep one")

    def __bool__(self) -> bool:
        return bool(self.cmls)

    def find(self, place: str) -> Cml | None:
        """Return the CML that a reading's place means, by its name now or before, with a point of it or without."""
        known, name = self._by_name, place_name(place)
        return known.get(place) or known.get(name) or known.get(name.rpartition("/")[0])

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Cml]:
        named = {name: cml for cml in self.cmls.values() for name in (*cml.formerly, cml.id)}
        return {place_name(name): cml for name, cml in named.items()} | named

    def required_by_zone(self) -> dict[str, float]:
        """Return the greatest thickness that a CML of each zone requires, mm; zones without any are left out."""
        found: dict[str, float] = {}
        for cml in self.cmls.values():
            if cml.required_mm is not None:
                found[cml.zone] = max(found.get(cml.zone, 0.0), cml.required_mm)
        return found

    def required_with(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return what the register and a user require together, mm by zone: the greater, where both do.

        Parameters
        ----------
        given : of the user; "all" stands for the zones not named in it, those of the register, too.
        """
        found = self.required_by_zone()
        asked = {**(dict.fromkeys(found, given[ALL]) if ALL in given else {}), **given}
        return found | {zone: max(value, found.get(zone, 0.0)) for zone, value in asked.items()}

    def check(self, records: Iterable[Record]) -> None:
        """Refuse readings of places that the register does not have, or on another zone than their CML.

        Raises
        ------
        InputError
            There is one, and the register is not empty.
        """
        for record in records if self else ():
            cml = self.find(record.place) if record.place and record.kind == "ultrasonic" else None
            if record.place and record.kind == "ultrasonic" and cml is None:
                raise InputError(
                    f"{spoken(record)}: {record.place!r:.60} is not in the twin's register of CML"
                    f"{self.meant(record.place)}; correct it, or add it by corrotwin twin register"
                )
            if cml is not None and cml.zone != record.zone:
                raise InputError(
                    f"{spoken(record)}: {cml.id} is on {cml.zone} by the register, not on {record.zone}; correct either"
                )

    def meant(self, place: str) -> str:
        """Return in words which CML a wrong name may mean; empty where none is near."""
        near = difflib.get_close_matches(place.partition("/")[0], self.cmls, n=3)
        return f"; {' or '.join(near)} may be meant" if near else ""

    def requirement(self, place: str, nominal_mm: float, of_zone: float, given: Mapping[str, float]) -> Requirement:
        """Return what a place requires, by its CML or else its zone: half of its wall if that was no thicker when new.

        Parameters
        ----------
        place, nominal_mm : name and thickness when new.
        of_zone : what register and user require of its zone together.
        given : what the user requires, by zone, "all" for those not named; the greater counts, where the place was
            thicker when new.
        """
        cml = self.find(place)
        if cml is None or cml.required_mm is None:
            new = max(nominal_mm, (cml and cml.nominal_mm) or 0.0)  # the safe side, where the register has more
            return Requirement(of_zone) if new > of_zone else Requirement(ASSUMED * nominal_mm, is_assumed=True)
        asked = given.get(cml.zone, given.get(ALL, 0.0))
        is_asked = asked < (cml.nominal_mm or nominal_mm)
        return Requirement(max(cml.required_mm, asked) if is_asked else cml.required_mm)

    def is_injection_point(self, place: str) -> bool:
        """Return whether a place is an injection point, which is measured more often."""
        cml = self.find(place)
        return cml is not None and cml.kind == INJECTION

    def never_read(self, records: Iterable[Record], zones: Container[str]) -> list[Cml]:
        """Return the CML on these zones that no thickness reading is of."""
        read = {self.find(record.place) for record in records if record.kind == "ultrasonic" and record.place}
        return [cml for cml in self.cmls.values() if cml not in read and cml.zone in zones]

    def named(self, events: Iterable[Event]) -> list[Event]:
        """Return events with the present names of their places."""
        return [replace(event, place=self._named(event.place)) if event.place else event for event in events]

    def _named(self, place: str) -> str:
        cml = self.find(place)
        if cml is None:
            return place_name(place)
        is_point = place_name(place) not in map(place_name, (cml.id, *cml.formerly))
        return f"{cml.id}/{place_name(place).rpartition('/')[2]}" if is_point else cml.id

    def applied(self, records: Iterable[Record]) -> list[Record]:
        """Return records with the present names of their places, and on the surface where the register knows where."""
        return [self._applied(record) for record in records]

    def _applied(self, record: Record) -> Record:
        cml = self.find(record.place) if record.place and record.kind == "ultrasonic" else None
        place, uv = place_name(record.place), record.uv
        if cml is not None and cml.zone == record.zone:
            place = self._named(record.place)
            uv = cml.uv if uv is None and place == cml.id else uv  # where around it a point is, nobody says
        return record if (place, uv) == (record.place, record.uv) else replace(record, place=place, uv=uv)


NO_REGISTER = Register()


def read(folder: Path) -> Register:
    """Return the register of a twin; an empty one where it has none.

    Raises
    ------
    InputError
        The file is damaged or from a newer version.
    """
    content = files.read_manifest(folder, NAME)
    if content is None:
        return NO_REGISTER
    path = folder / f"{NAME}.json"
    try:
        return of_plain(content["cmls"])
    except (InputError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise InputError(f"{path}: is not a register ({as_read(error)}); import it again") from error


def update(folder: Path, change: Callable[[Register], Register]) -> Register:
    """Change the register in a twin's folder under its lock, so that no other change is lost, and return it.

    Raises
    ------
    InputError
        Another process is writing there, nothing can be written, or `change` raises it. Nothing has changed then.
    """
    with locks.hold(folder, "twin", {}), files.writing(folder):
        before = read(folder)
        after = change(before)
        if after != before:
            write(folder, after)
    return after


def write(folder: Path, register: Register) -> None:
    """Keep a register in a twin's folder, whose lock the caller holds, atomically."""
    files.write_manifest(folder, NAME, {"cmls": plain(register)})


def plain(register: Register) -> list[dict[str, Any]]:
    """Return the CML as JSON holds them, without empty fields."""
    return [
        {name: value for name, value in asdict(cml).items() if value not in ("", None, ())}
        for cml in register.cmls.values()
    ]


def of_plain(values: Sequence[Mapping[str, Any]]) -> Register:
    """Return the register that JSON holds.

    Raises
    ------
    InputError
        A value is impossible, or an id appears twice.
    TypeError
        A field is missing or unknown.
    """
    cmls = [
        Cml(**check_fields(Cml, {**each, **{name: tuple(each[name]) for name in ("uv", "formerly") if name in each}}))
        for each in values
    ]
    if len({cml.id for cml in cmls}) < len(cmls):
        raise InputError("an id appears twice")
    return Register(cmls={cml.id: cml for cml in cmls})
