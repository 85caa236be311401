"""Condition monitoring locations (CML) of a twin, and the file `register.json` that keeps them in its folder."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from corrotwin.twin.core import files, locks
from corrotwin.twin.core.arguments import check_fields
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.inspection.records import Record, check_text

NAME = "register"
KINDS = (
    "straight", "bend", "branch", "reducer", "nozzle", "injection point", "dead leg", "support", "soil to air", "other",
)  # fmt: skip
INJECTION = "injection point"  # measured within three years by API 570


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
        return self._by_name.get(place) or self._by_name.get(place.rpartition("/")[0])

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Cml]:
        return {name: cml for cml in self.cmls.values() for name in (*cml.formerly, cml.id)}

    def required_by_zone(self) -> dict[str, float]:
        """Return the greatest thickness that a CML of each zone requires, mm; zones without any are left out."""
        found: dict[str, float] = {}
        for cml in self.cmls.values():
            if cml.required_mm is not None:
                found[cml.zone] = max(found.get(cml.zone, 0.0), cml.required_mm)
        return found

    def required_at(self, place: str, of_zone: float) -> float:
        """Return the thickness that a place requires, mm: that of its CML, else that of its zone."""
        cml = self.find(place)
        return of_zone if cml is None or cml.required_mm is None else cml.required_mm

    def is_injection_point(self, place: str) -> bool:
        """Return whether a place is an injection point, which is measured more often."""
        cml = self.find(place)
        return cml is not None and cml.kind == INJECTION

    def applied(self, records: Iterable[Record]) -> list[Record]:
        """Return records with the present names of their places, and on the surface where the register knows where."""
        return [self._applied(record) for record in records]

    def _applied(self, record: Record) -> Record:
        cml = self.find(record.place) if record.place and record.kind == "ultrasonic" else None
        if cml is None or cml.zone != record.zone:
            return record
        is_point = record.place not in (cml.id, *cml.formerly)
        place = f"{cml.id}/{record.place.rpartition('/')[2]}" if is_point else cml.id
        uv = cml.uv if record.uv is None and not is_point else record.uv  # where around it a point is, nobody says
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
        raise InputError(f"{path}: is no register ({as_read(error)}); import it again") from error


def write(folder: Path, register: Register) -> None:
    """Keep a register in a twin's folder, atomically.

    Raises
    ------
    InputError
        Another process is writing there, or nothing can be written.
    """
    with locks.hold(folder, "twin", {}), files.writing(folder):
        files.write_manifest(folder, NAME, {"cmls": plain(register)})


def plain(register: Register) -> list[dict[str, Any]]:
    """Return the CML as JSON holds them, without empty fields."""
    return [
        {name: value for name, value in asdict(cml).items() if value not in ("", None, ())}
        for cml in register.cmls.values()
    ]


def of_plain(values: Sequence[Mapping[str, Any]]) -> Register:
    """Return the register that JSON holds; raises as `Cml` does, or TypeError, for what is none."""
    cmls = [
        Cml(**check_fields(Cml, {**each, **{name: tuple(each[name]) for name in ("uv", "formerly") if name in each}}))
        for each in values
    ]
    if len({cml.id for cml in cmls}) < len(cmls):
        raise InputError("an id stands twice")
    return Register(cmls={cml.id: cml for cml in cmls})
