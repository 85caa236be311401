"""Lines of a twin's log for ``corrotwin twin inspect``: list them, add an event, withdraw, restore and accept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.twin.commands.forecasts import warn
from corrotwin.twin.core.text import counted, printable, say

if TYPE_CHECKING:
    from corrotwin.twin.inspection.events import Event
    from corrotwin.twin.inspection.log_lines import Verb


def happened(folder: Path, kind: str, *, date: str, zone: str, place: str, why: str) -> None:
    """Add an event to a twin's log, and print what it means."""
    from corrotwin.twin.inspection import log
    from corrotwin.twin.inspection.events import Event

    warn(log.read_log(folder).note)  # the next line written removes what is torn
    events = [Event(date=date, kind=kind, zone=zone, place=place, why=why)]
    tell_added(log.add(folder, (), events)[1], events)


def tell_added(new: "Sequence[Event]", given: "Sequence[Event]") -> None:
    """Print how many events are new, and their effect."""
    from corrotwin.twin.inspection.events import EVENTS

    were_there = "" if len(new) == len(given) else ", the others were already there"
    say(f"{len(new)} of {counted(len(given), 'event')} added{were_there}")
    for event in new:
        say(printable(f"{event.kind} of {f'{event.zone} {event.place}'.strip()} on {event.date}: {EVENTS[event.kind]}"))


def rule(folder: Path, lines: Sequence[int], verb: "Verb", why: str) -> None:
    """Withdraw, restore or accept records and events, and print which."""
    from corrotwin.twin.inspection import log
    from corrotwin.twin.inspection.events import Event

    warn(log.read_log(folder).note)  # the next line written removes what is torn
    changed = log.rule(folder, lines, verb, why=why)
    what = {"withdraws": "withdrawn", "restores": "counts again", "accepts": "accepted"}[verb]
    for line, entry in changed.items():
        value = "" if isinstance(entry, Event) else f", {entry.value:g} {entry.unit}"
        say(printable(f"line {line}, {entry.kind} of {entry.date} on {entry.zone}{value}: {what}"))
    if not changed:
        say(f"nothing changed: {'none of them is suspect' if verb == 'accepts' else 'this was already the case'}")


def show(folder: Path) -> None:
    """Print a twin's records and events as a table, withdrawn and suspect ones, too, and why they are suspect."""
    from rich.table import Table

    from corrotwin.twin import store
    from corrotwin.twin.core.console import rich_console
    from corrotwin.twin.inspection import log
    from corrotwin.twin.inspection.events import Event
    from corrotwin.twin.inspection.records import Record
    from corrotwin.twin.inspection.repeats import said_of_repeated

    twin, listed = store.read(folder), log.read_log(folder)
    warn(listed.note)
    if not listed.records and not listed.events:
        say(f"{printable(twin.id)}: no inspection recorded")
        return
    withdrawn, accepted, suspect = listed.withdrawn, listed.accepted, log.suspects(listed, folder)
    count = len(listed.in_force) - len(suspect)
    happened = f", {counted(len(listed.events_in_force), 'event')}" if listed.events else ""
    table = Table(title=f"{printable(twin.id)}: {count} of {counted(len(listed.records), 'record')} in use{happened}")
    state = {
        **dict.fromkeys(suspect, "suspect"),
        **{line: f"accepted {ruling.date} {ruling.why}".strip() for line, ruling in accepted.items()},
        **{line: f"withdrawn {ruling.date} {ruling.why}".strip() for line, ruling in withdrawn.items()},
    }
    tool = "tool, why" if listed.events else "tool"
    for name in ("line", "date", "kind", "zone", "value", tool, "place", *(["state"] if state else [])):
        is_number, is_short = name in ("line", "value"), name in ("line", "date", "kind", "value")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=is_short, overflow="fold")
    lines: dict[int, Record | Event] = {**listed.records, **listed.events}
    for line, entry in sorted(lines.items()):
        texts = ("", entry.why) if isinstance(entry, Event) else (f"{entry.value:g} {entry.unit}", entry.tool)
        cells = (entry.date, entry.kind, entry.zone, *texts, entry.place, *([state.get(line, "")] if state else []))
        table.add_row(str(line), *map(printable, cells))
    rich_console().print(table)
    for line, reason in suspect.items():
        say(f"line {line} is suspect and left out: {reason}; to use it as it is, give --accept {line} --why ...")
    if said := said_of_repeated(listed, folder):
        say(printable(said))
