"""Append-only log of inspections in a twin's folder.

`inspections.jsonl` holds one record a line and only ever grows: a later line withdraws a wrong record, which remains
readable, or accepts a suspect one. A command killed while it writes can leave a torn last line: reading skips and
reports it, and the next append removes it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from corrotwin.twin import store, twin_state
from corrotwin.twin.core import files, locks
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.text import counted
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.inspection import plausibility, register
from corrotwin.twin.inspection.records import Record, check_text, moment

RECORDS = "inspections.jsonl"
RULINGS = ("withdraws", "restores", "accepts")  # what a line may do to the record of an earlier one
Verb = Literal["withdraws", "restores", "accepts"]


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A line that withdraws, restores or accepts the record of an earlier line: when, and why.

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

    lines: tuple[Record | Ruling, ...] = ()
    length: int = 0
    note: str = ""

    @property
    def records(self) -> dict[int, Record]:
        """All records by line, from 1, including withdrawn ones."""
        accepted = self.accepted
        return {
            number: replace(line, accepted=True) if number in accepted else line
            for number, line in enumerate(self.lines, start=1)
            if isinstance(line, Record)
        }

    @property
    def accepted(self) -> dict[int, Ruling]:
        """Latest acceptance of each accepted record, by the line of the record."""
        return {line.line: line for line in self.lines if isinstance(line, Ruling) and line.verb == "accepts"}

    @property
    def withdrawn(self) -> dict[int, Ruling]:
        """Latest withdrawal of each withdrawn record, by the line of the record."""
        last = {line.line: line for line in self.lines if isinstance(line, Ruling) and line.verb != "accepts"}
        return {number: ruling for number, ruling in last.items() if ruling.verb == "withdraws"}

    @property
    def gone(self) -> dict[int, Record]:
        """Withdrawn records, by line."""
        records = self.records
        return {number: records[number] for number in sorted(self.withdrawn)}

    @property
    def in_force(self) -> dict[int, Record]:
        """Records that were not withdrawn, by line, oldest first; those of one day in the order of their lines.

        Suspect ones are among them (see `suspects`).
        """
        gone = self.withdrawn
        count = [(number, record) for number, record in self.records.items() if number not in gone]
        return dict(sorted(count, key=lambda item: item[1].date))


def read(folder: Path, asset: AssetGeometry | None = None) -> tuple[list[Record], str]:
    """Return the records of a twin that a fit takes, oldest first, and a note about what is left out, empty if nothing.

    Neither withdrawn records are among them nor suspect ones that nobody has accepted. Places have the names and, where
    a record says nothing of it, the position that the twin's register gives them.

    Parameters
    ----------
    folder : of the twin.
    asset : geometry of the twin, where the caller has built it.

    Raises
    ------
    InputError
        As for `read_log`.
    """
    log = read_log(folder)
    left_out = suspects(log, folder, asset)
    said = f"{folder}: {counted(len(left_out), 'suspect reading')} left out; corrotwin twin inspect {folder} says why"
    note = "; ".join(filter(None, (log.note, said if left_out else "")))
    count = [record for line, record in log.in_force.items() if line not in left_out]
    return register.read(folder).applied(count), note


def suspects(log: Log, folder: Path, asset: AssetGeometry | None = None) -> dict[int, str]:
    """Return the lines of suspect records in force that nobody has accepted, each with the reason.

    They are left out of the fit (`plausibility.suspects`); they follow from the twin and the log alone.

    Parameters
    ----------
    log : of the twin.
    folder, asset : as for `read`.

    Raises
    ------
    InputError
        The folder holds no twin.
    """
    in_force = log.in_force
    if not any(record.kind == "ultrasonic" for record in in_force.values()):
        return {}
    return plausibility.suspects(in_force, twin_state.asset(store.read(folder)) if asset is None else asset)


def read_log(folder: Path) -> Log:
    """Read the log of a twin's inspections; a folder without one has an empty log.

    Raises
    ------
    InputError
        A line other than the last is no record, or a ruling names another record than the one at its line.
    """
    path = folder / RECORDS
    try:
        content = files.read_bytes(path, inside=folder)
    except FileNotFoundError:
        return Log()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); put the twin's own file there") from error
    lines: list[Record | Ruling] = []
    length, note = 0, ""
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            lines.append(_line(files.parsed(line.decode())))
        except (ValueError, TypeError, LookupError, OverflowError, InputError) as error:
            if not line.endswith(b"\n"):
                note = f"{path}: line {number} is torn and left out; enter that inspection again"
                break
            raise InputError(f"{path}: line {number} is no record ({as_read(error)}); correct or remove it") from error
        length += len(line)
    for number, entry in enumerate(lines, start=1):
        if isinstance(entry, Ruling):
            record = lines[entry.line - 1] if 1 <= entry.line < number else None
            if not isinstance(record, Record) or _digest(record) != entry.of:
                raise InputError(
                    f"{path}: line {number} is about line {entry.line}, where its record does not stand; put all lines "
                    "back as they were"
                )
    return Log(lines=tuple(lines), length=length, note=note)


def _digest(record: Record) -> str:
    return files.digest([record.date, record.zone, record.kind, record.value, record.tool, record.place])


def _line(values: Any) -> Record | Ruling:
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
    for name in ("source", "accepted"):
        if name in values:
            raise InputError(f"{name} is no part of a record")
    uv = values.get("uv")
    return Record(**{**values, "value": float(values["value"]), "uv": tuple(uv) if isinstance(uv, list) else uv})


def append(folder: Path, records: Sequence[Record], photo: bytes = b"") -> list[Record]:
    """Add records to a twin's folder, and return those that are new.

    A record that equals an existing one, even a withdrawn one, is skipped, so that an interrupted or corrected import
    can be repeated; each existing record absorbs one equal record. Distinct readings with equal values differ by
    `place`. Everything is checked before anything is written.

    Parameters
    ----------
    folder : folder of the twin.
    records : new records, in any order.
    photo : content of the file that records of a photograph name, from `photo_records`.

    Raises
    ------
    InputError
        The folder holds no twin, a record is refused (see `plausibility.admit`), or another process is writing to the
        folder. The folder is then unchanged.
    """
    twin = store.read(folder)  # before the lock, which would create the folder
    with locks.hold(folder, "twin", {}):
        before = read_log(folder)
        new = plausibility.admit(records, before.records.values(), before.in_force.values(), twin)
        for name in {record.seen for record in new if record.seen}:
            with files.writing(folder / name), files.atomic_file(folder / name) as target:
                target.write(photo)
        _extend(folder / RECORDS, before.length, _encoded([plain(record) for record in new]))
    return new


def rule(folder: Path, lines: Sequence[int], verb: Verb, *, why: str = "") -> dict[int, Record]:
    """Withdraw records, restore them, or accept suspect ones, and return those that changed, by line.

    All records of one photograph of one day change together.

    Parameters
    ----------
    folder : folder of the twin.
    lines : lines of the records, from 1.
    verb : "withdraws", "restores" or "accepts".
    why : reason, stored with the ruling.

    Raises
    ------
    InputError
        The folder holds no twin, a line has no record, a record that is restored contradicts another of its day, the
        reason is not in UTF-8, or another process is writing. The folder is then unchanged.
    """
    check_text("why", why)
    store.read(folder)  # before the lock, which would create the folder
    with locks.hold(folder, "twin", {}):
        before = read_log(folder)
        records = before.records
        for number in lines:
            if number not in records:
                argument = verb.removesuffix("s")
                raise InputError(
                    f"`{argument}`: line {number}: no record there; corrotwin twin inspect {folder} lists them"
                )
        photos = {(records[number].date, records[number].seen) for number in lines if records[number].seen}
        eligible = before.gone if verb == "restores" else before.in_force
        if verb == "accepts":
            eligible = {line: records[line] for line in suspects(before, folder)}
        changed = {
            number: record
            for number, record in eligible.items()
            if number in lines or (record.date, record.seen) in photos
        }
        if verb == "restores":
            plausibility.check_surveys([*before.in_force.values(), *changed.values()])
        said = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **({"why": why} if why else {})}
        rulings = [{verb: number, "of": _digest(record), **said} for number, record in changed.items()]
        _extend(folder / RECORDS, before.length, _encoded(rulings))
    return changed


def plain(record: Record) -> dict[str, Any]:
    """Return a record as JSON holds it, without empty fields."""
    values = ((field.name, getattr(record, field.name)) for field in fields(record))
    left_out = ("source", "accepted")  # of the table that it came from, and of another line
    return {
        name: value for name, value in values if name not in left_out and value not in ("", None) and value is not False
    }


def _encoded(values: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(value, allow_nan=False) + "\n" for value in values).encode()


def _extend(path: Path, whole: int, lines: bytes) -> None:
    """Append lines after the first `whole` bytes of a file and sync it; if that fails, keep those bytes only."""
    if lines:
        with files.writing(path):
            files.append(path, lines, whole=whole)
