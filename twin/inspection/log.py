"""Append-only log of inspections in a twin's folder.

`inspections.jsonl` holds one record or event per line and only grows: a later line withdraws a wrong one, which remains
readable, or accepts a suspect record. A command killed while writing can leave an incomplete last line: reading skips
and reports it, and the next append removes it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corrotwin.twin import store, twin_state
from corrotwin.twin.core import files, locks
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.text import counted, quoted
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.inspection import plausibility, register
from corrotwin.twin.inspection.events import Event, admit_events, check_days
from corrotwin.twin.inspection.log_lines import Log, Ruling, Verb, digest_of, line_of, plain
from corrotwin.twin.inspection.records import Record, check_text
from corrotwin.twin.twin_state import TwinState

RECORDS = "inspections.jsonl"


def read(folder: Path, asset: AssetGeometry | None = None, listed: Log | None = None) -> tuple[list[Record], str]:
    """Return the records of a twin that a fit uses, oldest first, and a note on what is left out, empty if nothing is.

    Withdrawn records are left out, as are suspect records that nobody has accepted. Places have the names that the
    twin's register gives them and, if a record states no position, the position in the register.

    Parameters
    ----------
    folder : folder of the twin.
    asset : geometry of the twin, if the caller has built it.
    listed : its log, if the caller has read it.

    Raises
    ------
    InputError
        As for `read_log`.
    """
    log = read_log(folder) if listed is None else listed
    left_out = suspects(log, folder, asset)
    count_left_out = counted(len(left_out), "suspect reading")
    left_out_note = f"{folder}: {count_left_out} left out; to see why: corrotwin twin inspect {quoted(folder)}"
    note = "; ".join(filter(None, (log.note, left_out_note if left_out else "")))
    used = [record for line, record in log.in_force.items() if line not in left_out]
    return register.read(folder).applied(used), note


def suspects(log: Log, folder: Path, asset: AssetGeometry | None = None) -> dict[int, str]:
    """Return the lines of suspect records in force that nobody has accepted, each with the reason.

    A fit leaves them out (`plausibility.suspects`). They depend only on the twin, its register and its log.

    Parameters
    ----------
    log : log of the twin.
    folder, asset : as for `read`.

    Raises
    ------
    InputError
        The folder holds no twin.
    """
    in_force = log.in_force
    if not any(record.kind == "ultrasonic" for record in in_force.values()):
        return {}
    built = twin_state.asset(store.read(folder)) if asset is None else asset
    cml_register = register.read(folder)
    named = dict(zip(in_force, cml_register.applied(in_force.values()), strict=True))
    return plausibility.suspects(named, built, cml_register.named(log.events_in_force.values()))


def read_log(folder: Path) -> Log:
    """Return the log of a twin's inspections; it is empty if the folder has none.

    Raises
    ------
    InputError
        A line other than the last is not a record, or a ruling does not match the record at the line that it names.
    """
    path = folder / RECORDS
    try:
        content = files.read_bytes(path, inside=folder)
    except FileNotFoundError:
        return Log()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); restore the twin's own file") from error
    lines: list[Record | Event | Ruling] = []
    length, note = 0, ""
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            lines.append(line_of(files.parsed(line.decode())))
        except (ValueError, TypeError, LookupError, OverflowError, InputError) as error:
            if not line.endswith(b"\n"):
                note = f"{path}: line {number} is incomplete and was left out; enter that inspection again"
                break
            raise InputError(
                f"{path}: line {number} is not a record ({as_read(error)}); correct or remove it"
            ) from error
        length += len(line)
    for number, ruling in enumerate(lines, start=1):
        if isinstance(ruling, Ruling):
            target = lines[ruling.line - 1] if 1 <= ruling.line < number else None
            if target is None or isinstance(target, Ruling) or digest_of(target) != ruling.of:
                raise InputError(
                    f"{path}: line {number} refers to line {ruling.line}, which does not hold its record; restore "
                    "all lines as they were"
                )
    return Log(lines=tuple(lines), length=length, note=note)


def append(folder: Path, records: Sequence[Record], photo: bytes = b"") -> list[Record]:
    """Add records to a twin's folder as `add` does, and return those that are new."""
    return add(folder, records, (), photo)[0]


def add(
    folder: Path, records: Sequence[Record], events: Sequence[Event], photo: bytes = b""
) -> tuple[list[Record], list[Event]]:
    """Add records and events to a twin's folder, and return those that are new.

    A record that equals an existing one, even a withdrawn one, is skipped, so that an interrupted or corrected import
    can be repeated. Each existing record absorbs one equal record; a record in force also absorbs a reading of its
    place that differs only in leaving errors or position unstated. Distinct readings with equal values differ by
    `place`. The same holds for events, under the present name of their place. Everything is checked before anything is
    written.

    Parameters
    ----------
    folder : folder of the twin.
    records, events : records and events to add, in any order.
    photo : content of the file that records of a photograph name, as returned by `photo_records`.

    Raises
    ------
    InputError
        The folder holds no twin, a record or an event is refused (see `plausibility.admit` and `events.admit_events`),
        or another process is writing to the folder. The folder is then unchanged.
    """
    twin = store.read(folder)  # before the lock, which would create the folder
    with locks.hold(folder, "twin", {}):
        log = read_log(folder)
        new = admitted(log, records, events, twin, register.read(folder))
        write(folder, log, *new, {record.seen: photo for record in records})
    return new


def would_add(folder: Path, records: Sequence[Record]) -> list[Record]:
    """Return the records that `append` would add, after the same checks; nothing is written.

    Raises
    ------
    InputError
        As for `append`.
    """
    return admitted(read_log(folder), records, (), store.read(folder), register.read(folder))[0]


def admitted(
    before: Log, records: Sequence[Record], events: Sequence[Event], twin: TwinState, known: register.Register, *,
    are_placed: bool = False,
) -> tuple[list[Record], list[Event]]:  # fmt: skip
    """Return the records and events that a log does not have yet, after checking that all are possible.

    Parameters
    ----------
    before : log so far.
    records, events, are_placed : as for `plausibility.admit` and `events.admit_events`.
    twin, known : the twin and its register.

    Raises
    ------
    InputError
        As for those two functions.
    """
    new = plausibility.admit(
        records, before.records.values(), before.in_force.values(), twin, known, are_placed=are_placed
    ) if records else []  # fmt: skip
    happened = admit_events(
        known.named(events), known.named(before.events.values()), known.named(before.events_in_force.values()),
        known.applied([*before.in_force.values(), *new]), twin, twin_state.asset(twin),  # one place may have two names
    ) if events else []  # fmt: skip
    return new, happened


def write(
    folder: Path, before: Log, records: Sequence[Record], events: Sequence[Event], photos: Mapping[str, bytes]
) -> None:
    """Append admitted records and events to a log, and write the files of photographs that they name.

    The caller holds the lock of the folder.

    Parameters
    ----------
    folder : folder of the twin.
    before : log so far.
    records, events : records and events from `admitted`.
    photos : content of the files that records of photographs name, by file name.
    """
    for name in {record.seen for record in records if record.seen}:
        with files.writing(folder / name), files.atomic_file(folder / name) as target:
            target.write(photos[name])
    _extend(folder / RECORDS, before.length, _encoded([*map(plain, records), *map(plain, events)]))


def rule(folder: Path, lines: Sequence[int], verb: Verb, *, why: str = "") -> dict[int, Record | Event]:
    """Withdraw records and events, restore them, or accept suspect ones, and return those that changed, by line.

    All records of one photograph of one day change together.

    Parameters
    ----------
    folder : folder of the twin.
    lines : line numbers of the records and events, from 1.
    verb : "withdraws", "restores" or "accepts".
    why : reason, stored with the ruling.

    Raises
    ------
    InputError
        The folder holds no twin, a line has no record, a restored one contradicts another of its day, the
        reason is not in UTF-8, or another process is writing. The folder is then unchanged.
    """
    check_text("why", why)
    store.read(folder)  # before the lock, which would create the folder
    with locks.hold(folder, "twin", {}):
        log = read_log(folder)
        records, events = log.records, log.events
        for number in lines:
            if number not in records and number not in events:
                argument = verb.removesuffix("s")
                raise InputError(
                    f"`{argument}`: line {number} has no record; to list them: corrotwin twin inspect {quoted(folder)}"
                )
        photos = {
            (records[number].date, records[number].seen)
            for number in lines
            if number in records and records[number].seen
        }
        eligible: dict[int, Record | Event] = {**log.in_force, **log.events_in_force}
        if verb == "restores":
            eligible = {number: records[number] if number in records else events[number] for number in log.withdrawn}
        if verb == "accepts":
            eligible = {line: records[line] for line in suspects(log, folder)}
        changed = {
            number: line
            for number, line in sorted(eligible.items())
            if number in lines or (isinstance(line, Record) and (line.date, line.seen) in photos)
        }
        if verb == "restores":
            restored, cml_register = changed.values(), register.read(folder)
            readings = [*log.in_force.values(), *(entry for entry in restored if isinstance(entry, Record))]
            happened = [*log.events_in_force.values(), *(entry for entry in restored if isinstance(entry, Event))]
            plausibility.check_surveys(readings, cml_register)
            check_days(cml_register.named(happened))
        reason = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **({"why": why} if why else {})}
        rulings = [
            {verb: number, "of": digest_of(line), **reason}
            for number, line in enumerate(log.lines, start=1)  # as stored, without their rulings
            if number in changed and not isinstance(line, Ruling)
        ]
        _extend(folder / RECORDS, log.length, _encoded(rulings))
    return changed


def _encoded(values: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(value, allow_nan=False) + "\n" for value in values).encode()


def _extend(path: Path, whole: int, lines: bytes) -> None:
    """Append lines after the first `whole` bytes of a file and sync it; if that fails, keep only those bytes."""
    if lines:
        with files.writing(path):
            files.append(path, lines, whole=whole)
