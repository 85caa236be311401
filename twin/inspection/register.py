"""Condition monitoring locations (CML) of a twin, and the file `register.json` that stores them in its folder."""

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
INJECTION = "injection point"  # API 570 requires a measurement within three years
ASSUMED = 0.5  # of the wall when new: assumed requirement where the wall never met that of its zone; by judgement


class Requirement(NamedTuple):
    """Thickness required at a place, mm; assumed if neither its CML nor its zone states a usable one."""

    mm: float
    is_assumed: bool = False


@dataclass(frozen=True, kw_only=True)
class Cml:
    """A condition monitoring location.

    Parameters
    ----------
    id : its name, which readings state as their place; its points are called ID/POINT.
    zone : zone of the twin.
    uv : position on the atlas, each in [0, 1]; None if only the zone is known.
    nominal_mm : thickness when new; None for that of the twin's geometry.
    required_mm : required thickness; None for that of the zone.
    circuit : corrosion circuit that it belongs to.
    kind : one of `KINDS`, or empty.
    formerly : former names; readings that state one of these belong to it.
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
                f"CML {self.id}: required_mm {self.required_mm:g} is not below nominal_mm {self.nominal_mm:g}; "
                "correct one of them"
            )
        if self.id in self.formerly:
            raise InputError(f"CML {self.id}: its present name is also among its former names; remove it there")


@dataclass(frozen=True, kw_only=True)
class Register:
    """The CML of a twin by id; empty if there is no register."""

    cmls: Mapping[str, Cml] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        owners: dict[str, str] = {}
        for cml in self.cmls.values():
            for name in (cml.id, *cml.formerly):
                if (other := owners.setdefault(name, cml.id)) != cml.id:
                    raise InputError(f"CML {cml.id}: {name!r:.60} is or was also the name of {other}; keep one")

    def __bool__(self) -> bool:
        return bool(self.cmls)

    def find(self, place: str) -> Cml | None:
        """Return the CML with this present or former name, with or without a point after it; None if there is none."""
        by_name, name = self._by_name, place_name(place)
        return by_name.get(place) or by_name.get(name) or by_name.get(name.rpartition("/")[0])

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Cml]:
        by_name = {name: cml for cml in self.cmls.values() for name in (*cml.formerly, cml.id)}
        return {place_name(name): cml for name, cml in by_name.items()} | by_name

    def required_by_zone(self) -> dict[str, float]:
        """Return the greatest required thickness of the CML of each zone, mm; zones without any are left out."""
        required: dict[str, float] = {}
        for cml in self.cmls.values():
            if cml.required_mm is not None:
                required[cml.zone] = max(required.get(cml.zone, 0.0), cml.required_mm)
        return required

    def required_with(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return the required thickness by zone, mm, from the register and a user: the greater if both state one.

        Parameters
        ----------
        given : required thickness that the user states, mm by zone; "all" stands for the zones not named in it,
            including those of the register.
        """
        required = self.required_by_zone()
        stated = {**(dict.fromkeys(required, given[ALL]) if ALL in given else {}), **given}
        return required | {zone: max(value, required.get(zone, 0.0)) for zone, value in stated.items()}

    def check(self, records: Iterable[Record]) -> None:
        """Raise InputError if a reading names a place not in the register, or a zone other than that of its CML.

        Raises
        ------
        InputError
            There is such a reading, and the register is not empty.
        """
        for record in records if self else ():
            cml = self.find(record.place) if record.place and record.kind == "ultrasonic" else None
            if record.place and record.kind == "ultrasonic" and cml is None:
                raise InputError(
                    f"{spoken(record)}: {record.place!r:.60} is not in the twin's register of CML"
                    f"{self.meant(record.place)}; correct it, or add it with corrotwin twin register"
                )
            if cml is not None and cml.zone != record.zone:
                raise InputError(
                    f"{spoken(record)}: the register has {cml.id} on {cml.zone}, not on {record.zone}; "
                    "correct one of them"
                )

    def meant(self, place: str) -> str:
        """Return a phrase for error messages with the CML that a wrong name may mean; empty if none is similar."""
        near = difflib.get_close_matches(place.partition("/")[0], self.cmls, n=3)
        return f" (did you mean {' or '.join(near)}?)" if near else ""

    def requirement(self, place: str, nominal_mm: float, of_zone: float, given: Mapping[str, float]) -> Requirement:
        """Return the requirement of a place: that of its CML, else of its zone, else half of its wall when new.

        That of the zone does not apply if the wall was no thicker when new.

        Parameters
        ----------
        place, nominal_mm : name of the place, and its thickness when new.
        of_zone : required thickness of its zone, mm, as `required_with` returns it.
        given : required thickness that the user states, mm by zone, "all" for zones not named. It applies if greater
            than that of the CML, but only if the place was thicker when new.
        """
        cml = self.find(place)
        if cml is None or cml.required_mm is None:
            nominal = max(nominal_mm, (cml and cml.nominal_mm) or 0.0)  # the greater: the safe side
            return Requirement(of_zone) if nominal > of_zone else Requirement(ASSUMED * nominal_mm, is_assumed=True)
        stated = given.get(cml.zone, given.get(ALL, 0.0))
        applies = stated < (cml.nominal_mm or nominal_mm)
        return Requirement(max(cml.required_mm, stated) if applies else cml.required_mm)

    def is_injection_point(self, place: str) -> bool:
        """Return whether a place is an injection point, which must be measured more often."""
        cml = self.find(place)
        return cml is not None and cml.kind == INJECTION

    def never_read(self, records: Iterable[Record], zones: Container[str]) -> list[Cml]:
        """Return the CML on these zones without any thickness reading."""
        read = {self.find(record.place) for record in records if record.kind == "ultrasonic" and record.place}
        return [cml for cml in self.cmls.values() if cml not in read and cml.zone in zones]

    def named(self, events: Iterable[Event]) -> list[Event]:
        """Return the events with the present names of their places."""
        return [replace(event, place=self._named(event.place)) if event.place else event for event in events]

    def _named(self, place: str) -> str:
        cml = self.find(place)
        if cml is None:
            return place_name(place)
        is_point = place_name(place) not in map(place_name, (cml.id, *cml.formerly))
        return f"{cml.id}/{place_name(place).rpartition('/')[2]}" if is_point else cml.id

    def applied(self, records: Iterable[Record]) -> list[Record]:
        """Return the records with the present names of their places, and with positions that the register knows."""
        return [self._applied(record) for record in records]

    def _applied(self, record: Record) -> Record:
        cml = self.find(record.place) if record.place and record.kind == "ultrasonic" else None
        place, uv = place_name(record.place), record.uv
        if cml is not None and cml.zone == record.zone:
            place = self._named(record.place)
            uv = cml.uv if uv is None and place == cml.id else uv  # the position of a single point of a CML is unknown
        return record if (place, uv) == (record.place, record.uv) else replace(record, place=place, uv=uv)


NO_REGISTER = Register()


def read(folder: Path) -> Register:
    """Return the register of a twin; it is empty if the twin has none.

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
    """Apply a change to the register in a twin's folder under its lock, so that no other is lost; return the result.

    Raises
    ------
    InputError
        Another process is writing there, the file cannot be written, or `change` raises it. Nothing changes then.
    """
    with locks.hold(folder, "twin", {}), files.writing(folder):
        before = read(folder)
        after = change(before)
        if after != before:
            write(folder, after)
    return after


def write(folder: Path, register: Register) -> None:
    """Write a register to a twin's folder atomically; the caller holds the lock of the folder."""
    files.write_manifest(folder, NAME, {"cmls": plain(register)})


def plain(register: Register) -> list[dict[str, Any]]:
    """Return the CML as JSON holds them, without empty fields."""
    return [
        {name: value for name, value in asdict(cml).items() if value not in ("", None, ())}
        for cml in register.cmls.values()
    ]


def of_plain(values: Sequence[Mapping[str, Any]]) -> Register:
    """Return the register in parsed JSON.

    Raises
    ------
    InputError
        A value is impossible, or an id appears twice.
    TypeError
        A field is missing or unknown.
    """
    cmls = [
        Cml(**check_fields(Cml, {**item, **{name: tuple(item[name]) for name in ("uv", "formerly") if name in item}}))
        for item in values
    ]
    if len({cml.id for cml in cmls}) < len(cmls):
        raise InputError("an id appears twice")
    return Register(cmls={cml.id: cml for cml in cmls})
