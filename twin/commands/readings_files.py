"""``corrotwin twin inspect --readings``: a contractor's file, for one twin or for all twins of a folder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from corrotwin.twin.commands.forecasts import warn
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, printable, say, say_next

if TYPE_CHECKING:
    from corrotwin.twin.incoming.known_twins import KnownTwins
    from corrotwin.twin.inspection.records import Record
    from corrotwin.twin.workbooks.columns import ColumnMap

_SHOWN = 20  # readings that a dry run prints


def take_in(
    folder: Path, path: Path, column_map: Path | None, *, unit: str, zone: str, tool: str, asset: str,
    dates: Literal["day", "month"] | None, dry_run: bool,
) -> "tuple[Record, ...] | None":  # fmt: skip
    """Return the readings of a contractor's file for one twin, having printed how it was understood.

    None where nothing is left to do: after a dry run, which prints what would be stored, and after a file for all twins
    of a folder, in which they are stored.
    """
    from corrotwin.twin import store, twin_state
    from corrotwin.twin.incoming.known_twins import known_twins
    from corrotwin.twin.inspection import log
    from corrotwin.twin.inspection import register as registers
    from corrotwin.twin.workbooks.columns import ColumnMap, read_map
    from corrotwin.twin.workbooks.readings import Defaults, intake

    given = ColumnMap() if column_map is None else read_map(column_map)
    given = given if dates is None else replace(given, dates=dates)
    if folder.is_dir() and not store.is_twin(folder):
        twins = known_twins(folder)
        if asset:
            raise InputError(
                f"--asset {asset}: {folder} holds several twins, each of which takes the asset of its own name; "
                "leave it out"
            )
        _to_many(twins, path, given, unit=unit, zone=zone, tool=tool, dry_run=dry_run)
        return None
    twin, before = store.read(folder), log.read_log(folder)
    warn(before.note)
    defaults = Defaults.of(
        before.in_force.values(), registers.read(folder), unit=unit, zone=zone, tool=tool, asset=asset
    )  # fmt: skip
    readings = intake(path, given, defaults, twin_state.asset(twin))
    for line in (*readings.columns, *readings.notes):
        say(printable(line))
    if not dry_run:
        return readings.records
    say(_summary(log.would_add(folder, readings.records), len(readings.records)))
    return None


def _to_many(
    twins: "KnownTwins", path: Path, given: "ColumnMap", *, unit: str, zone: str, tool: str, dry_run: bool
) -> None:
    """Store the readings of a file in the twins named as their assets; all are checked before any is stored."""
    from corrotwin.twin.incoming.storing import Intent, TwinReader, remarks_on, stored
    from corrotwin.twin.inspection import log

    checked = TwinReader(
        Intent(twins=twins, given=given, unit=unit, zone=zone, tool=tool)
    ).of_file(path)  # fmt: skip
    for note in checked.notes:
        say(printable(note))
    if dry_run:
        for twin, records in checked.by_twin.items():
            new = len(log.would_add(twin, records))
            say(printable(f"{twin.name}: would store {new} of {counted(len(records), 'reading')}"))
        say("nothing was stored")
        return
    new_in = {}
    for outcome in stored(checked):
        say(printable(str(outcome)))
        new_in[outcome.folder] = outcome.new
    for folder, new in new_in.items():  # after all is stored, so that an error here hinders nothing
        for remark in remarks_on(folder, new):
            say(printable(remark))
    say_next("twin", "fleet", twins.folder)


def _summary(new: "Sequence[Record]", all_: int) -> str:
    """Return what would be stored: numbers by day and zone, and the first records."""
    by_day = Counter((record.date, record.zone) for record in new)
    lines = [f"{day} {zone}: {counted(count, 'reading')}" for (day, zone), count in sorted(by_day.items())]
    lines += [
        f"{record.date} {record.place or '-'} on {record.zone}: {record.value:.4g} mm"
        + (f" ({record.stated})" if record.stated else "") + f" by {record.tool}"
        for record in new[:_SHOWN]
    ]  # fmt: skip
    lines += [f"and {len(new) - _SHOWN} more"] if len(new) > _SHOWN else []
    total = f"would store {len(new)} of {counted(all_, 'reading')}; nothing was stored"
    return "\n".join([*map(printable, lines), total])
