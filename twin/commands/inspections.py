"""``corrotwin twin inspect``: add, list, withdraw, restore and accept records of inspections."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from corrotwin.twin.commands.forecasts import check_seed, describe_agreement, load_session, warn
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, printable, say

if TYPE_CHECKING:
    from corrotwin.twin.inspection.log import Verb
    from corrotwin.twin.inspection.records import Record

_SHOWN = 20  # readings that a dry run prints


def inspect(
    folder: Positional[Path],
    csv: Path | None = None,
    readings: Path | None = None,
    column_map: Annotated[Path | None, arg(name="map")] = None,
    asset: str = "",
    dates: Literal["day", "month"] | None = None,
    dry_run: bool = False,
    withdraw: tuple[int, ...] = (),
    restore: tuple[int, ...] = (),
    accept: tuple[int, ...] = (),
    why: str = "",
    date: str = "",
    kind: str = "",
    zone: str = "",
    value: float | None = None,
    unit: str = "",
    tool: str = "",
    place: str = "",
    uv: tuple[float, float] | None = None,
    at: tuple[float, float, float] | None = None,
    photo: tuple[Path, ...] = (),
    uvmap: tuple[Path, ...] = (),
    scatter: float | None = None,
    bias: float | None = None,
    echo: str = "",
    coated: bool = False,
    evaluation: Path | None = None,
    detection: float | None = None,
    false_calls: float | None = None,
    category_measured: bool = False,
    seed: int = 0,
) -> None:
    """Record an inspection and report whether it agrees with earlier knowledge; or list all records.

    Example: corrotwin twin inspect spool --date 2016-05-31 --kind ultrasonic --zone body --value 7.9 --tool UT-3
    --place TML-1, or: corrotwin twin inspect spool --csv readings.csv, or: corrotwin twin inspect spool --date
    2016-05-31 --tool phone --photo front-mask.png --uvmap front.npz

    Parameters
    ----------
    folder
        of the twin.
    csv
        table of readings with columns date, zone, kind, value, tool and, if wanted, unit, place, u, v (or x, y, z),
        echo, coated, scatter_sd, bias_sd, detection, false_calls; instead of all other options.
    readings
        workbook (XLSX, XLSM, XLS, XLSB, ODS) or CSV file of thickness readings as a contractor sends it: one row a
        reading, one row a place with a column a survey, or sheets of assets, groups, places and readings; instead of
        --csv. With it --unit, --zone and --tool say what no column says.
    column_map
        JSON that says which column holds what, for headings that are not usual: {"place": "Loc.", "value": "Rdg",
        "unit": "inch", "zones": {"Elbow": "elbow-1"}, "dates": "day", "sheet": "UT", "header": 4}.
    asset
        which of the assets in --readings this twin is, by its name there.
    dates
        what comes first in the days of --readings such as 05/06/2016: day or month.
    dry_run
        print how --readings is understood and what would be stored, and stop.
    withdraw
        lines of records that were wrong, as the list without options numbers them: they stay in the file and count no
        more; all records of one day of a photograph go together.
    restore
        lines of withdrawn records that shall count again.
    accept
        lines of suspect readings, thicker than tolerance or than before, that forecasts shall take as they are.
    why
        of --withdraw, --restore or --accept; kept beside it. --accept needs it.
    date
        day of the inspection, as 2016-05-31.
    kind
        ultrasonic (remaining thickness), pit (depth of the deepest pit of the zone), grade (ISO 4628-3, 0 to 5)
        or photo (rusted share of the zone, 0 to 1).
    zone
        of the asset; corrotwin twin show lists them.
    value
        what was found.
    unit
        of a thickness or a pit: mm, inch or mil; mm unless given.
    tool
        its name; readings of one tool on one day share its unknown bias.
    place
        name of a spot that is measured again and again.
    uv
        where on the atlas, each from 0 to 1.
    at
        instead of --uv, and of --zone if that is not given: x, y and z on the surface, in metres in the coordinates of
        the asset, which rests on z = 0 with its middle at x = y = 0; of a mesh in those of its file and in its units,
        of glTF and STEP in metres.
    photo
        instead of --kind and --value: masks (PNG, 0 where there is no rust) of the photographs of a day; without
        --uvmap one mask, of a photograph that shows nothing but --zone.
    uvmap
        of each mask, from corrotwin synth uvmap.
    scatter
        standard deviation from reading to reading, instead of what is usual for the kind.
    bias
        standard deviation of the tool's bias, instead of what is usual.
    echo
        of an ultrasonic gauge: single or multiple (echo to echo); unknown unless given.
    coated
        the ultrasonic reading was taken through paint, which a single echo reads as steel.
    evaluation
        evaluation.json of the model that made the masks: its recall and false calls stand for --detection and
        --false-calls.
    detection
        of a photograph: the chance that rust is called rust; 0.9 unless given or evaluated.
    false_calls
        of a photograph: the chance that sound surface is called rust; 0.01 unless given or evaluated.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226), not estimated; give it to forecast too.
    seed
        of the update that holds the new records against the old.
    """
    from corrotwin.twin import store
    from corrotwin.twin.inspection import entry, log

    check_seed(seed)
    if readings is not None:
        others = (
            csv, *(withdraw, restore, accept), why, date, kind, value, place, uv, at, photo, uvmap, scatter, bias,
            echo, coated or None, evaluation, detection, false_calls,
        )  # fmt: skip
        if any(given not in ("", None, ()) for given in others):
            raise InputError("inspect: --readings goes with --map, --asset, --dates, --unit, --zone, --tool, --dry-run")
        _take_in(
            folder, readings, column_map, unit=unit, zone=zone, tool=tool, asset=asset, dates=dates, dry_run=dry_run,
            seed=seed, category_measured=category_measured,
        )  # fmt: skip
        return
    if column_map is not None or asset or dates or dry_run:
        raise InputError("inspect: --map, --asset, --dates and --dry-run go with --readings")
    single = (
        date, kind, zone, value, unit, tool, place, uv, at, photo, uvmap, scatter, bias, echo, coated or None,
        evaluation, detection, false_calls,
    )  # fmt: skip
    singly = any(given not in ("", None, ()) for given in single)
    rulings: dict[Verb, tuple[int, ...]] = {"withdraws": withdraw, "restores": restore, "accepts": accept}
    if any(rulings.values()) or why:
        if csv is not None or singly:
            raise InputError("inspect: --withdraw, --restore, --accept and --why go with no other option")
        given = [(verb, lines) for verb, lines in rulings.items() if lines]
        if len(given) != 1:
            raise InputError("inspect: give one of --withdraw, --restore and --accept, with the lines of records")
        if accept and not why:
            raise InputError("inspect: --accept needs --why; the reason is kept beside the reading")
        _rule(folder, given[0][1], given[0][0], why)
        return
    if csv is None and not singly:
        _list(folder)
        return
    before = log.read_log(folder)
    warn(before.note)  # the next line written removes what is torn
    found = entry.records_of(
        store.read(folder),
        csv=csv, date=date, kind=kind, zone=zone, value=value, unit=unit, tool=tool, place=place, uv=uv, at=at,
        photo=photo, uvmap=uvmap, scatter=scatter, bias=bias, echo=echo, coated=coated, evaluation=evaluation,
        detection=detection, false_calls=false_calls,
    )  # fmt: skip
    store_records(folder, found.records, found.photo, found.note, seed=seed, category_measured=category_measured)


def _take_in(
    folder: Path, path: Path, column_map: Path | None, *, unit: str, zone: str, tool: str, asset: str,
    dates: Literal["day", "month"] | None, dry_run: bool, seed: int, category_measured: bool,
) -> None:  # fmt: skip
    """Store the readings of a contractor's file, or print what would be stored."""
    from corrotwin.twin import store, twin_state
    from corrotwin.twin.inspection import log, plausibility
    from corrotwin.twin.inspection import register as registers
    from corrotwin.twin.workbooks.columns import ColumnMap, read_map
    from corrotwin.twin.workbooks.readings import Defaults, intake

    twin, before = store.read(folder), log.read_log(folder)
    warn(before.note)
    given = ColumnMap() if column_map is None else read_map(column_map)
    given = given if dates is None else replace(given, dates=dates)
    defaults = Defaults.of(
        before.in_force.values(), registers.read(folder), unit=unit, zone=zone, tool=tool, asset=asset
    )  # fmt: skip
    found = intake(path, given, defaults, twin_state.asset(twin))
    for line in (*found.columns, *found.notes):
        say(printable(line))
    if not dry_run:
        store_records(folder, found.records, b"", "", seed=seed, category_measured=category_measured)
        return
    new = plausibility.admit(found.records, before.records.values(), before.in_force.values(), twin)
    say(_summary(new, len(found.records)))


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
    return "\n".join([*map(printable, lines), f"would store {len(new)} of {all_} readings; nothing was stored"])


def store_records(
    folder: Path, records: "Sequence[Record]", photo: bytes, note: str, *, seed: int, category_measured: bool
) -> None:
    """Add records to a twin, and print what is to be known of them."""
    from corrotwin.twin.inspection import log

    before = log.read_log(folder)
    last = max((record.date for record in before.in_force.values()), default="")
    new = log.append(folder, records, photo)
    were_there = "" if len(new) == len(records) else ", the others were there"
    say(f"{len(new)} of {len(records)} records added{were_there}")
    if note:
        say(note)
    after = log.read_log(folder)
    added = list(after.records.items())[len(after.records) - len(new) :]
    early = {line: record.date for line, record in added if record.date < last}
    if early:
        days, lines = ", ".join(sorted(set(early.values()))), " ".join(map(str, early))
        say(f"{days}: before the last inspection, of {last}; --withdraw {lines} if that is wrong")
    if gone := [line for line, record in after.gone.items() if record in records]:
        say(f"withdrawn and not counted: line {', '.join(map(str, gone))}; --restore counts them again")
    new_lines = {line for line, _ in added}
    for line, reason in log.suspects(after, folder).items():
        if line in new_lines:
            say(f"line {line} is suspect and left out: {reason}; --accept {line} --why ... takes it as it is")
    days_given = {record.date for record in records}
    known = load_session(folder, 0.0, seed, category_measured)
    for item in known.agreement:
        shaken = early and item.until > min(early.values()) and item in known.conflicts
        if shaken or any(item.date <= day <= item.until for day in days_given):
            say(describe_agreement(item, known.widening))


def _rule(folder: Path, lines: Sequence[int], verb: "Verb", why: str) -> None:
    """Withdraw, restore or accept records, and print which."""
    from corrotwin.twin.inspection import log

    warn(log.read_log(folder).note)  # the next line written removes what is torn
    changed = log.rule(folder, lines, verb, why=why)
    what = {"withdraws": "withdrawn", "restores": "counts again", "accepts": "accepted"}[verb]
    for line, record in changed.items():
        said = f"line {line}, {record.kind} of {record.date} on {record.zone}, {record.value:g} {record.unit}: {what}"
        say(printable(said))
    if not changed:
        say("nothing changed: none of them is suspect" if verb == "accepts" else "nothing changed: it was so before")


def _list(folder: Path) -> None:
    """Print a twin's records as a table, including withdrawn and suspect ones, and why they are suspect."""
    from rich.table import Table

    from corrotwin.twin import store
    from corrotwin.twin.core.console import rich_console
    from corrotwin.twin.inspection import log

    twin, listed = store.read(folder), log.read_log(folder)
    warn(listed.note)
    if not listed.records:
        say(f"{printable(twin.id)}: no inspection recorded")
        return
    withdrawn, accepted, suspect = listed.withdrawn, listed.accepted, log.suspects(listed, folder)
    count = len(listed.in_force) - len(suspect)
    table = Table(title=f"{printable(twin.id)}: {count} of {len(listed.records)} records count")
    state = {
        **dict.fromkeys(suspect, "suspect"),
        **{line: f"accepted {ruling.date} {ruling.why}".strip() for line, ruling in accepted.items()},
        **{line: f"withdrawn {ruling.date} {ruling.why}".strip() for line, ruling in withdrawn.items()},
    }
    for name in ("line", "date", "kind", "zone", "value", "tool", "place", *(["state"] if state else [])):
        right, whole = name in ("line", "value"), name in ("line", "date", "kind", "value")
        table.add_column(name, justify="right" if right else "left", no_wrap=whole, overflow="fold")
    for line, record in listed.records.items():
        cells = (
            record.date, record.kind, record.zone, f"{record.value:g} {record.unit}", record.tool, record.place,
            *([state.get(line, "")] if state else []),
        )  # fmt: skip
        table.add_row(str(line), *map(printable, cells))
    rich_console().print(table)
    for line, reason in suspect.items():
        say(f"line {line} is suspect and left out: {reason}; --accept {line} --why ... takes it as it is")
