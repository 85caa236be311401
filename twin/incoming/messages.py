"""A message as a sheet of one row: a JSON object whose names are headings, so that it is read as a file's row is."""

import json
from dataclasses import replace
from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import parsed
from corrotwin.twin.workbooks.columns import ColumnMap
from corrotwin.twin.workbooks.found import FoundReadings, find
from corrotwin.twin.workbooks.sheets import SheetRow, Value, WorkbookSheet, value_of

MOST_BYTES = 64 * 1024  # of a message, which is one reading
EXAMPLE = '{"twin": "spool", "date": "2024-05-31", "zone": "body", "place": "TML-1", "value": 7.8, "unit": "mm"}'


class _ObjectSheet(WorkbookSheet):
    """The sheet of a JSON object, in which no place has a row."""

    def where(self, row: int, column: str = "") -> str:
        return str(self.path) + (f": {column!r}" if column else "")


def reading_in(name: str, payload: bytes, given: ColumnMap) -> FoundReadings:
    """Return the reading of a message; several where its names are days, as the headings of surveys may be.

    Parameters
    ----------
    name : of the message, for errors.
    payload : UTF-8 text of a JSON object with `date` and `value`, and what else headings of a table may say.
    given : what the user says of columns; of headings that the message lacks, it says nothing.

    Raises
    ------
    InputError
        It is too long, no such object, or holds no reading.
    """
    if len(payload) > MOST_BYTES:
        raise InputError(f"{name}: {len(payload):,} bytes, more than the {MOST_BYTES:,} of a reading; send one reading")
    try:
        text = payload.decode("utf-8-sig")
        if not isinstance(parsed(text), dict):
            raise InputError(f"{name}: no JSON object; write a reading as {EXAMPLE}")
        pairs = json.loads(text, object_pairs_hook=list)  # a name that appears twice is seen by `find`
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: no JSON in UTF-8 ({error!s:.80}); write a reading as {EXAMPLE}") from error
    sheet = _ObjectSheet(
        path=Path(name), name="",
        rows=(
            SheetRow(number=1, cells=tuple(heading for heading, _ in pairs)),
            SheetRow(number=2, cells=tuple(_cell(name, heading, value) for heading, value in pairs)),
        ),
    )  # fmt: skip
    has = {heading.casefold() for heading, _ in pairs}
    headings = {what: heading for what, heading in given.headings.items() if heading.casefold() in has}
    found = find(sheet.path, [sheet], replace(given, headings=headings, sheet="", header=1), may_name_places=False)
    if not found.readings:
        raise InputError(f"{name}: has a day and no value; write a reading as {EXAMPLE}")
    return found


def _cell(name: str, heading: str, value: object) -> Value:
    """Return a value of JSON as that of a cell; a list or an object has none, and `find` may need it or not."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, list):  # of pairs, where it is an object
        return "(a list or an object)"
    try:
        return value_of(value)
    except OverflowError as error:
        raise InputError(f"{name}: {heading!r:.60}: larger than any number; write it as 7.9") from error
