"""``corrotwin twin inspect``: add, list, withdraw, restore and accept records of inspections."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from corrotwin.twin.commands import readings_files, record_lines
from corrotwin.twin.commands.forecasts import describe_agreement, load_session, warn
from corrotwin.twin.core.arguments import check_seed
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, printable, say, say_next

if TYPE_CHECKING:
    from corrotwin.twin.inspection.events import Event
    from corrotwin.twin.inspection.log_lines import Verb
    from corrotwin.twin.inspection.records import Record


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
    event: Literal["replacement", "repair", "recoating"] | None = None,
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
    """Record an inspection or an event and report whether it agrees with what was known; or list all records.

    Example: corrotwin twin inspect spool --date 2016-05-31 --kind ultrasonic --zone body --value 7.9 --tool UT-3
    --place TML-1, or: corrotwin twin inspect spool --csv readings.csv, or: corrotwin twin inspect spool --date
    2016-05-31 --tool phone --photo front-mask.png --uvmap front.npz, or: corrotwin twin inspect spool --event
    replacement --date 2016-05-31 --zone elbow

    Parameters
    ----------
    folder
        folder of the twin; with --readings also a folder of twins, each named after its asset in the file.
    csv
        table of readings with the columns date, zone, kind, value, tool and optionally unit, place, u, v (or x,
        y, z), echo, coated, scatter_sd, bias_sd, detection, false_calls, why; replaces all other options.
    readings
        workbook (XLSX, XLSM, XLS, XLSB, ODS) or CSV file of thickness readings as a contractor sends it, with a
        row for each reading, or a row for each place and a column for each survey, or sheets of assets, groups,
        places and readings; instead of --csv. --unit, --zone and --tool fill in what no column states.
    asset
        name of this twin's asset in --readings.
    dry_run
        print how --readings is understood and what would be stored, and stop.
    withdraw
        numbers of records or events that were wrong, as listed without options: they stay in the file but no
        longer count. The records of one day's photographs are withdrawn together.
    restore
        numbers of withdrawn records or events that should count again.
    accept
        numbers of suspect readings (thicker than the tolerance or than earlier ones) that forecasts should use
        as they are.
    why
        reason for --withdraw, --restore, --accept or --event, stored with it; required by --accept.
    date
        date of the inspection or event, such as 2016-05-31.
    kind
        ultrasonic (remaining thickness), pit (depth of the deepest pit of the zone), grade (ISO 4628-3, 0 to 5)
        or photo (rusted share of the zone, 0 to 1).
    event
        instead of --kind, --value and --tool: replacement of a zone, whose steel and coating are new from
        --date on; recoating of a zone; or repair of a --place, whose wall is new.
    zone
        zone of the asset; corrotwin twin show lists the zones. An event may also give all.
    value
        value that was measured.
    unit
        unit of a thickness or pit depth: mm (the default), inch or mil.
    tool
        name of the instrument; readings by one instrument on one day share an unknown bias.
    place
        name of a place that is measured repeatedly.
    at
        position instead of --uv (and of --zone, unless it is given): x, y and z on the surface, in metres, in
        the asset's coordinates, where it rests on z = 0 and is centred on x = y = 0. For a mesh: in the
        coordinates and units of its file; for glTF and STEP in metres.
    photo
        instead of --kind and --value: masks (PNG, 0 where there is no rust) of the photographs taken on one
        day; without --uvmap a single mask, of a photograph that shows only --zone.
    uvmap
        one file for each mask, from corrotwin synth uvmap.
    echo
        mode of the ultrasonic gauge: single or multiple (echo to echo); unknown by default.
    coated
        the reading was taken through paint, which a single-echo gauge counts as steel.

    Other Parameters
    ----------------
    column_map
        JSON file that says which column holds what, for unusual headings: {"place": "Loc.", "value": "Rdg",
        "unit": "inch", "zones": {"Elbow": "elbow-1"}, "dates": "day", "sheet": "UT", "header": 4}.
    dates
        whether the day or the month comes first in dates such as 05/06/2016 in --readings.
    uv
        position on the texture atlas, each coordinate from 0 to 1.
    scatter
        standard deviation of single readings, instead of the usual one for the kind.
    bias
        standard deviation of the instrument's bias, instead of the usual one.
    evaluation
        evaluation.json of the model that drew the masks: its recall and false calls are used for --detection
        and --false-calls.
    detection
        for photographs: probability that rust is marked as rust; 0.9 by default, unless evaluated.
    false_calls
        for photographs: probability that a sound surface is marked as rust; 0.01 by default, unless evaluated.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226) rather than estimated; give this option to
        forecast as well.
    seed
        random seed of the update that compares new records with earlier ones.
    """
    from corrotwin.twin import store
    from corrotwin.twin.inspection import entry, log

    check_seed(seed)
    if readings is not None:
        others = (
            csv, *(withdraw, restore, accept), why, date, kind, event, value, place, uv, at, photo, uvmap, scatter,
            bias, echo, coated or None, evaluation, detection, false_calls,
        )  # fmt: skip
        if any(given not in ("", None, ()) for given in others):
            raise InputError(
                "inspect: --readings can be combined only with --map, --asset, --dates, --unit, --zone, --tool, "
                "--dry-run, --category-measured and --seed"
            )
        taken = readings_files.take_in(
            folder, readings, column_map, unit=unit, zone=zone, tool=tool, asset=asset, dates=dates, dry_run=dry_run
        )
        if taken is not None:
            store_records(folder, taken, b"", "", seed=seed, category_measured=category_measured)
        return
    if column_map is not None or asset or dates or dry_run:
        raise InputError("inspect: --map, --asset, --dates and --dry-run require --readings")
    of_readings = (
        kind, value, unit, tool, uv, at, photo, uvmap, scatter, bias, echo, coated or None, evaluation, detection,
        false_calls,
    )  # fmt: skip
    if event is not None:
        if any(given not in ("", None, ()) for given in (csv, *(withdraw, restore, accept), *of_readings)):
            raise InputError("inspect: --event can be combined only with --date, --zone, --place and --why")
        record_lines.happened(folder, event, date=date, zone=zone, place=place, why=why)
        return
    single = (date, zone, place, *of_readings)
    singly = any(given not in ("", None, ()) for given in single)
    rulings: dict[Verb, tuple[int, ...]] = {"withdraws": withdraw, "restores": restore, "accepts": accept}
    if any(rulings.values()) or why:
        if csv is not None or singly:
            raise InputError("inspect: --withdraw, --restore, --accept and --why cannot be combined with other options")
        given = [(verb, lines) for verb, lines in rulings.items() if lines]
        if len(given) != 1:
            raise InputError("inspect: give one of --withdraw, --restore and --accept, with line numbers of records")
        if accept and not why:
            raise InputError("inspect: --accept needs --why; the reason is stored with the reading")
        record_lines.rule(folder, given[0][1], given[0][0], why)
        return
    if csv is None and not singly:
        record_lines.show(folder)
        return
    before = log.read_log(folder)
    warn(before.note)  # the next line written removes what is torn
    entered = entry.records_of(
        store.read(folder),
        csv=csv, date=date, kind=kind, zone=zone, value=value, unit=unit, tool=tool, place=place, uv=uv, at=at,
        photo=photo, uvmap=uvmap, scatter=scatter, bias=bias, echo=echo, coated=coated, evaluation=evaluation,
        detection=detection, false_calls=false_calls,
    )  # fmt: skip
    store_records(
        folder, entered.records, entered.photo, entered.note, seed=seed, category_measured=category_measured,
        events=entered.events,
    )  # fmt: skip


def store_records(
    folder: Path, records: "Sequence[Record]", photo: bytes, note: str, *, seed: int, category_measured: bool,
    events: "Sequence[Event]" = (),
) -> None:  # fmt: skip
    """Add records and events to a twin, and print what they change."""
    from corrotwin.twin.inspection import log
    from corrotwin.twin.inspection.repeats import said_of_repeated

    before = log.read_log(folder)
    last = max((record.date for record in before.in_force.values()), default="")
    new, happened = log.add(folder, records, events, photo)
    were_there = "" if len(new) == len(records) else ", the others were already there"
    say(f"{len(new)} of {counted(len(records), 'record')} added{were_there}")
    if events:
        record_lines.tell_added(happened, events)
    if note:
        say(note)
    after = log.read_log(folder)
    added = list(after.records.items())[len(after.records) - len(new) :]
    early = {line: record.date for line, record in added if record.date < last}
    if early:
        days, lines = ", ".join(sorted(set(early.values()))), " ".join(map(str, early))
        say(f"{days}: earlier than the last inspection, {last}; --withdraw {lines} if that is wrong")
    if gone := [line for line, record in after.gone.items() if record in records]:
        say(f"withdrawn and not counted: line {', '.join(map(str, gone))}; to count them again, give --restore")
    new_lines = {line for line, _ in added}
    for line, reason in log.suspects(after, folder).items():
        if line in new_lines:
            say(f"line {line} is suspect and left out: {reason}; to use it as it is, give --accept {line} --why ...")
    if said := said_of_repeated(after, folder, new_lines):
        say(printable(said))
    if not records:
        return
    days_given = {record.date for record in records}
    known = load_session(folder, 0.0, seed, category_measured)
    for item in known.agreement:
        shaken = early and item.until > min(early.values()) and item in known.conflicts
        if shaken or any(item.date <= day <= item.until for day in days_given):
            say(describe_agreement(item, known.widening))
    say_next("twin", "forecast", folder, "--years", 10)
