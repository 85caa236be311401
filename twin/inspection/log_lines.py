"""Lines of the log of inspections: records, events, and rulings on either, with their form in JSON."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection.dates import moment
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record

RULINGS = ("withdraws", "restores", "accepts")  # what a line may do to the record or event of an earlier line
Verb = Literal["withdraws", "restores", "accepts"]
EVENT = "event"  # key with the kind of an event, by which its line is recognised
_LEFT_OUT = ("source", "accepted")  # not stored: the source table, and acceptance, which has a line of its own


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A line that withdraws, restores or accepts the record or event of an earlier line: when, and why.

    `of` is the digest of that record or event, so that a file with moved or removed lines is refused.
    """

    line: int
    of: str
    verb: str
    date: str
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Log:
    """Complete lines of the log, their length in bytes, and a note about a torn end, empty if there is none."""

    lines: tuple[Record | Event | Ruling, ...] = ()
    length: int = 0
    note: str = ""

    @property
    def records(self) -> dict[int, Record]:
        """All records by line, from 1, including withdrawn ones; spaces in names of tools are normalised."""
        accepted = self.accepted
        return {
            number: with_usual_spaces(replace(line, accepted=True) if number in accepted else line)
            for number, line in enumerate(self.lines, start=1)
            if isinstance(line, Record)
        }

    @property
    def events(self) -> dict[int, Event]:
        """All events by line, from 1, including withdrawn ones."""
        return {number: line for number, line in enumerate(self.lines, start=1) if isinstance(line, Event)}

    @property
    def accepted(self) -> dict[int, Ruling]:
        """Latest acceptance of each accepted record, by the line of the record."""
        return {line.line: line for line in self.lines if isinstance(line, Ruling) and line.verb == "accepts"}

    @property
    def withdrawn(self) -> dict[int, Ruling]:
        """Latest withdrawal of each withdrawn record or event, by its line."""
        last = {line.line: line for line in self.lines if isinstance(line, Ruling) and line.verb != "accepts"}
        return {number: ruling for number, ruling in last.items() if ruling.verb == "withdraws"}

    @property
    def gone(self) -> dict[int, Record]:
        """Withdrawn records, by line."""
        records = self.records
        return {number: records[number] for number in sorted(self.withdrawn) if number in records}

    @property
    def in_force(self) -> dict[int, Record]:
        """Records that were not withdrawn, by line, oldest first; those of one day in the order of their lines.

        They include suspect records (see `log.suspects`).
        """
        withdrawn = self.withdrawn
        remaining = [(number, record) for number, record in self.records.items() if number not in withdrawn]
        return dict(sorted(remaining, key=lambda item: item[1].date))

    @property
    def events_in_force(self) -> dict[int, Event]:
        """Events that were not withdrawn, by line, oldest first; those of one day in the order of their lines."""
        withdrawn = self.withdrawn
        remaining = [(number, event) for number, event in self.events.items() if number not in withdrawn]
        return dict(sorted(remaining, key=lambda item: item[1].date))


def with_usual_spaces(record: Record) -> Record:
    """Return a record with single spaces in the name of its tool, as tables have it; older versions kept all spaces."""
    tool = " ".join(record.tool.split())
    return record if tool in ("", record.tool) else replace(record, tool=tool)


def line_of(values: Any) -> Record | Event | Ruling:
    """Return the record, event or ruling that a parsed line of JSON holds.

    Raises
    ------
    InputError, TypeError, ValueError, LookupError
        It holds none.
    """
    if not isinstance(values, dict):
        raise InputError("not an object")
    for name in RULINGS:
        if name in values:
            remaining = dict(values)
            ruling = Ruling(line=remaining.pop(name), verb=name, **remaining)
            if type(ruling.line) is not int or not isinstance(ruling.why, str):
                raise InputError(f"{name}: needs a line number, and why as text")
            moment(ruling.date)
            return ruling
    for name in _LEFT_OUT:
        if name in values:
            raise InputError(f"{name} is not a field of a record")
    if EVENT in values:
        remaining = dict(values)
        return Event(kind=remaining.pop(EVENT), **remaining)
    uv = values.get("uv")
    return Record(**{**values, "value": float(values["value"]), "uv": tuple(uv) if isinstance(uv, list) else uv})


def plain(line: Record | Event) -> dict[str, Any]:
    """Return a record or an event as JSON holds it, without empty fields."""
    values = {field.name: getattr(line, field.name) for field in fields(line) if field.name not in _LEFT_OUT}
    if isinstance(line, Event):
        values = {EVENT: values.pop("kind"), **values}
    return {name: value for name, value in values.items() if value not in ("", None) and value is not False}


def digest_of(line: Record | Event) -> str:
    """Return the digest by which a ruling names a record or an event."""
    if isinstance(line, Event):
        return files.digest([line.date, line.zone, line.kind, line.place])
    return files.digest([line.date, line.zone, line.kind, line.value, line.tool, line.place])
