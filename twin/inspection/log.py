"""Append-only log of inspections in a twin's folder.

`inspections.jsonl` holds one record or event a line and only ever grows: a later line withdraws a wrong one, which
remains readable, or accepts a suspect record. A command killed while it writes can leave a torn last line: reading
skips and reports it, and the next append removes it.
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
    """Return the records of a twin that a fit takes, oldest first, and a note about what is left out, empty if nothing.

    Neither withdrawn records are among them nor suspect ones that nobody has accepted. Places have the names and, where
    a record says nothing of it, the position that the twin's register gives them.

    Parameters
    ----------
    folder : of the twin.
    asset : geometry of the twin, where the caller has built it.
    listed : its log, where the caller has read it.

    Raises
    ------
    InputError
        As for `read_log`.
    """
    log = read_log(folder) if listed is None else listed
    left_out = suspects(log, folder, asset)
    count_left_out = counted(len(left_out), "suspect reading")
    said = f"{folder}: {count_left_out} left out; corrotwin twin inspect {quoted(folder)} says why"
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
    built = twin_state.asset(store.read(folder)) if asset is None else asset
    known = register.read(folder)
    named = dict(zip(in_force, known.applied(in_force.values()), strict=True))
    return plausibility.suspects(named, built, known.named(log.events_in_force.values()))


def read_log(folder: Path) -> Log:
    """Read the log of a twin's inspections; a folder without one has an empty log.

    Raises
    ------
    InputError
        A line other than the last is not a record, or a ruling names another record than the one at its line.
    """
    path = folder / RECORDS
    try:
        content = files.read_bytes(path, inside=folder)
    except FileNotFoundError:
        return Log()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); put the twin's own file there") from error
    lines: list[Record | Event | Ruling] = []
    length, note = 0, ""
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            lines.append(line_of(files.parsed(line.decode())))
        except (ValueError, TypeError, LookupError, OverflowError, InputError) as error:
            if not line.endswith(b"\n"):
                note = f"{path}: line {number} is torn and left out; enter that inspection again"
                break
            raise InputError(
                f"{path}: line {number} is not a record ({as_read(error)}); correct or remove it"
            ) from error
        length += len(line)
    for number, entry in enumerate(lines, start=1):
        if isinstance(entry, Ruling):
            about = lines[entry.line - 1] if 1 <= entry.line < number else None
            if about is None or isinstance(about, Ruling) or digest_of(about) != entry.of:
                raise InputError(
                    f"{path}: line {number} is about line {entry.line}, where its record does not stand; put all lines "
                    "back as they were"
                )
    return Log(lines=tuple(lines), length=length, note=note)


def append(folder: Path, records: Sequence[Record], photo: bytes = b"") -> list[Record]:
    """Add records to a twin's folder, and return those that are new; as `add` does without events."""
    return add(folder, records, (), photo)[0]


def add(
    folder: Path, records: Sequence[Record], events: Sequence[Event], photo: bytes = b""
) -> tuple[list[Record], list[Event]]:
    """Add records and events to a twin's folder, and return those that are new.

    A record that equals an existing one, even a withdrawn one, is skipped, so that an interrupted or corrected import
    can be repeated; each existing record absorbs one equal record, and one in force also a reading of its place that
    only leaves errors or position unstated. Distinct readings with equal values differ by `place`. Events likewise,
    under the present name of their place. Everything is checked before anything is written.

    Parameters
    ----------
    folder : folder of the twin.
    records, events : new ones, in any order.
    photo : content of the file that records of a photograph name, from `photo_records`.

    Raises
    ------
    InputError
        The folder holds no twin, a record or an event is refused (see `plausibility.admit` and `events.admit_events`),
        or another process is writing to the folder. The folder is then unchanged.
    """
    twin = store.read(folder)  # before the lock, which would create the folder
    with locks.hold(folder, "twin", {}):
        before = read_log(folder)
        new = admitted(before, records, events, twin, register.read(folder))
        write(folder, before, *new, {record.seen: photo for record in records})
    return new


def would_add(folder: Path, records: Sequence[Record]) -> list[Record]:
    """Return the records that `append` would add, having refused what it refuses; nothing is written.

    Raises
    ------
    InputError
        As of `append`.
    """
    return admitted(read_log(folder), records, (), store.read(folder), register.read(folder))[0]


def admitted(
    before: Log, records: Sequence[Record], events: Sequence[Event], twin: TwinState, known: register.Register, *,
    are_placed: bool = False,
) -> tuple[list[Record], list[Event]]:  # fmt: skip
    """Return the records and events that a log does not have yet, having refused what cannot be.

    Parameters
    ----------
    before : the log.
    records, events, are_placed : as for `plausibility.admit` and `events.admit_events`.
    twin, known : to which they belong, and its register.

    Raises
    ------
    InputError
        As of those two.
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
    """Write records and events that were admitted behind those of a log, and the files of photographs that they name.

    The caller holds the lock of the folder.
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
    lines : lines of the records and events, from 1.
    verb : "withdraws", "restores" or "accepts".
    why : reason, stored with the ruling.

    Raises
    ------
    InputError
        The folder holds no twin, a line has no record, one that is restored contradicts another of its day, the
        reason is not in UTF-8, or another process is writing. The folder is then unchanged.
    """
    check_text("why", why)
    store.read(folder)  # before the lock, which would create the folder
    with locks.hold(folder, "twin", {}):
        before = read_log(folder)
        records, events = before.records, before.events
        for number in lines:
            if number not in records and number not in events:
                argument = verb.removesuffix("s")
                raise InputError(
                    f"`{argument}`: line {number}: no record there; corrotwin twin inspect {quoted(folder)} lists them"
                )
        photos = {
            (records[number].date, records[number].seen)
            for number in lines
            if number in records and records[number].seen
        }
        eligible: dict[int, Record | Event] = {**before.in_force, **before.events_in_force}
        if verb == "restores":
            eligible = {number: records[number] if number in records else events[number] for number in before.withdrawn}
        if verb == "accepts":
            eligible = {line: records[line] for line in suspects(before, folder)}
        changed = {
            number: line
            for number, line in sorted(eligible.items())
            if number in lines or (isinstance(line, Record) and (line.date, line.seen) in photos)
        }
        if verb == "restores":
            back, known = changed.values(), register.read(folder)
            read = [*before.in_force.values(), *(one for one in back if isinstance(one, Record))]
            happened = [*before.events_in_force.values(), *(one for one in back if isinstance(one, Event))]
            plausibility.check_surveys(read, known)
            check_days(known.named(happened))
        said = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **({"why": why} if why else {})}
        rulings = [
            {verb: number, "of": digest_of(line), **said}
            for number, line in enumerate(before.lines, start=1)  # as they stand there
            if number in changed and not isinstance(line, Ruling)
        ]
        _extend(folder / RECORDS, before.length, _encoded(rulings))
    return changed


def _encoded(values: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(value, allow_nan=False) + "\n" for value in values).encode()


def _extend(path: Path, whole: int, lines: bytes) -> None:
    """Append lines after the first `whole` bytes of a file and sync it; if that fails, keep those bytes only."""
    if lines:
        with files.writing(path):
            files.append(path, lines, whole=whole)
