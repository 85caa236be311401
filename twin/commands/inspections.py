"""``corrotwin twin inspect``: add, list, withdraw, restore and accept records of inspections."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from corrotwin.twin.commands.forecasts import check_seed, describe_agreement, load_session, warn
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say

if TYPE_CHECKING:
    from corrotwin.twin.inspection.log import Verb


def inspect(
    folder: Positional[Path],
    csv: Path | None = None,
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
    records = found.records
    last = max((record.date for record in before.in_force.values()), default="")
    new = log.append(folder, records, found.photo)
    were_there = "" if len(new) == len(records) else ", the others were there"
    say(f"{len(new)} of {len(records)} records added{were_there}")
    if found.note:
        say(found.note)
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
