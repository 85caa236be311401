"""Lines of the log of inspections: records, events, and rulings on either, as JSON holds them."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection.dates import moment
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record

RULINGS = ("withdraws", "restores", "accepts")  # what a line may do to the record or event of an earlier one
Verb = Literal["withdraws", "restores", "accepts"]
EVENT = "event"  # by which a line is of an event: its kind
_LEFT_OUT = ("source", "accepted")  # of the table that it came from, and of another line


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A line that withdraws, restores or accepts the record or event of an earlier line: when, and why.

    `of` is the digest of that record: a file whose lines were moved or removed is refused.
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
        """All records by line, from 1, including withdrawn ones, with the usual spaces."""
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

        Suspect ones are among them (see `suspects`).
        """
        gone = self.withdrawn
        count = [(number, record) for number, record in self.records.items() if number not in gone]
        return dict(sorted(count, key=lambda item: item[1].date))

    @property
    def events_in_force(self) -> dict[int, Event]:
        """Events that were not withdrawn, by line, oldest first; those of one day in the order of their lines."""
        gone = self.withdrawn
        count = [(number, event) for number, event in self.events.items() if number not in gone]
        return dict(sorted(count, key=lambda item: item[1].date))


def with_usual_spaces(record: Record) -> Record:
    """Return a record whose tool is named as in a table, without further spaces, which older versions kept."""
    tool = " ".join(record.tool.split())
    return record if tool in ("", record.tool) else replace(record, tool=tool)


def line_of(values: Any) -> Record | Event | Ruling:
    """Return a line from JSON.

    Raises
    ------
    InputError, TypeError, ValueError, LookupError
        It is none.
    """
    if not isinstance(values, dict):
        raise InputError("not an object")
    for name in RULINGS:
        if name in values:
            given = dict(values)
            ruling = Ruling(line=given.pop(name), verb=name, **given)
            if type(ruling.line) is not int or not isinstance(ruling.why, str):
                raise InputError(f"{name} no line")
            moment(ruling.date)
            return ruling
    for name in _LEFT_OUT:
        if name in values:
            raise InputError(f"{name} is not a part of a record")
    if EVENT in values:
        given = dict(values)
        return Event(kind=given.pop(EVENT), **given)
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
