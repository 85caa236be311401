"""The file that keeps what inspections found.

`inspections.jsonl` in a twin's folder has one record a line and only ever grows. A command killed while it writes can
leave a torn last line: reading leaves it out and says so, the next append removes it.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twin import assets, files, holding, state
from twin.files import InputError
from twin.inspection import Record, check
from twin.state import Twin

RECORDS = "inspections.jsonl"


def read(folder: Path) -> tuple[list[Record], str]:
    """Records of a twin, oldest first, and a line on a torn end, empty where there is none.

    Raises
    ------
    InputError
        A line other than the last that is no record.
    """
    records, _, note = _read(folder / RECORDS)
    return records, note


def _read(path: Path) -> tuple[list[Record], int, str]:
    """Records, the length in bytes of what is whole, and a note on what is not."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0, ""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    records: list[Record] = []
    whole = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            values = files.parsed(line.decode())
            records.append(_record(values))
        except (ValueError, TypeError, LookupError, OverflowError, InputError) as error:
            if not line.endswith(b"\n"):
                return records, whole, f"{path}: line {number} is torn and left out; enter that inspection again"
            raise InputError(f"{path}: line {number} is no record ({error}); mend or remove it") from error
        if len(records) > 1 and records[-1].date < records[-2].date:
            raise InputError(f"{path}: line {number} is of {values['date']}, before the line above it; mend the order")
        whole += len(line)
    return records, whole, ""


def _record(values: Any) -> Record:
    if not isinstance(values, dict):
        raise InputError("not an object")
    uv = values.get("uv")
    return Record(**{**values, "value": float(values["value"]), "uv": None if uv is None else (uv[0], uv[1])})


def _check_not_yet_to_come(record: Record, twin: Twin) -> None:
    """Refuse a date after both the twin's clock and today, which is a day ahead of this machine's in some places."""
    today = datetime.now(UTC).date()
    if record.date > max(today + timedelta(days=1), twin.clock.date()).isoformat():
        raise InputError(
            f"{record.kind} of {record.date}: is yet to come, for today is {today} and the twin's clock "
            f"{twin.clock:%Y-%m-%d}; correct the date, or grow the twin first"
        )


def append(folder: Path, records: Sequence[Record], photo: bytes = b"") -> list[Record]:
    """Add records to a twin's folder, and return those that were not there yet.

    For each record that is there one equal to it is left out, so that an import that was cut off can be given again;
    readings that are equal, not the same and given one after the other differ by `place`. Everything is checked before
    anything is written.

    Parameters
    ----------
    folder : of the twin.
    records : in any order.
    photo : the file that records of a photograph name, from `photo_records`.

    Raises
    ------
    InputError
        No twin there, a record that cannot be of it (see `check`), a date before the last or yet to come, or another
        process is writing there. Nothing has changed then.
    """
    twin = state.read(folder)  # before the lock, which would create the folder
    asset = state.asset(twin)
    texels = assets.texels(asset)
    for record in records:
        check(record, twin, asset, texels)
    path = folder / RECORDS
    with holding.hold(folder, "twin", {}):
        before, whole, _ = _read(path)
        there = Counter(before)
        new = []
        for record in sorted(records, key=lambda record: record.date):
            if there[record]:
                there[record] -= 1
            else:
                new.append(record)
        if new:
            _check_not_yet_to_come(new[-1], twin)
        if before and new and new[0].date < before[-1].date:
            raise InputError(
                f"date {new[0].date}: the last inspection was on {before[-1].date}; give that day or a later one"
            )
        names = {record.seen for record in new if record.seen}
        try:
            for name in names:
                with files.atomic_file(folder / name) as target:
                    target.write(photo)
            lines = "".join(json.dumps(_plain(record), allow_nan=False) + "\n" for record in new).encode()
            if lines:
                _extend(path, whole, lines)
        except OSError as error:
            raise InputError(f"{error.filename or path}: cannot be written ({error.strerror})") from error
    return new


def _plain(record: Record) -> dict[str, Any]:
    """A record as JSON holds it: without what says nothing."""
    content = asdict(record)
    if record.kind != "photo":
        del content["detection"], content["false_calls"]
    return {name: value for name, value in content.items() if value not in ("", None)}


def _extend(path: Path, whole: int, lines: bytes) -> None:
    """Write lines behind the first `whole` bytes of a file, and to the disk; or, if that fails, leave these alone."""
    with path.open("ab", buffering=0) as stream:
        if whole and not path.read_bytes()[:whole].endswith(b"\n"):
            lines = b"\n" + lines
        try:
            stream.truncate(whole)
            while lines:
                lines = lines[stream.write(lines) :]
            os.fsync(stream.fileno())
        except BaseException:  # a full disk, Ctrl-C
            stream.truncate(whole)
            raise
