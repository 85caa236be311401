"""Read a message, a JSON object, as a sheet with one row and its names as headings, like a row of a file."""

import json
from dataclasses import replace
from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import parsed
from corrotwin.twin.workbooks.columns import ColumnMap
from corrotwin.twin.workbooks.found import FoundReadings, find
from corrotwin.twin.workbooks.sheets import SheetRow, Value, WorkbookSheet, value_of

MOST_BYTES = 64 * 1024  # of a message, which has one reading
EXAMPLE = '{"twin": "spool", "date": "2024-05-31", "zone": "body", "place": "TML-1", "value": 7.8, "unit": "mm"}'


class _ObjectSheet(WorkbookSheet):
    """The sheet of a JSON object; error messages name no row."""

    def where(self, row: int, column: str = "") -> str:
        return str(self.path) + (f": {column!r}" if column else "")


def reading_in(name: str, payload: bytes, given: ColumnMap) -> FoundReadings:
    """Return the reading of a message, or several if its names are days, like the headings of surveys.

    Parameters
    ----------
    name : name of the message, for error messages.
    payload : UTF-8 text of a JSON object with `date` and `value`, and any other heading of a table.
    given : the user's description of columns; headings that the message lacks are ignored.

    Raises
    ------
    InputError
        The message is too long, is no such object, or has no reading.
    """
    if len(payload) > MOST_BYTES:
        raise InputError(f"{name}: {len(payload):,} bytes, more than the limit of {MOST_BYTES:,}; send one reading")
    try:
        text = payload.decode("utf-8-sig")
        if not isinstance(parsed(text), dict):
            raise InputError(f"{name}: not a JSON object; write a reading as {EXAMPLE}")
        pairs = json.loads(text, object_pairs_hook=list)  # keeps duplicate names, which `find` refuses
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: not JSON in UTF-8 ({error!s:.80}); write a reading as {EXAMPLE}") from error
    sheet = _ObjectSheet(
        path=Path(name), name="",
        rows=(
            SheetRow(number=1, cells=tuple(heading for heading, _ in pairs)),
            SheetRow(number=2, cells=tuple(_cell(name, heading, value) for heading, value in pairs)),
        ),
    )  # fmt: skip
    present = {heading.casefold() for heading, _ in pairs}
    headings = {column: heading for column, heading in given.headings.items() if heading.casefold() in present}
    result = find(sheet.path, [sheet], replace(given, headings=headings, sheet="", header=1), may_name_places=False)
    if not result.readings:
        raise InputError(f"{name}: has a date but no value; write a reading as {EXAMPLE}")
    return result


def _cell(name: str, heading: str, value: object) -> Value:
    """Return a JSON value as the value of a cell; a list or object becomes text, refused only if it is needed."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, list):  # an object is a list of pairs
        return "(a list or an object)"
    try:
        return value_of(value)
    except OverflowError as error:
        raise InputError(f"{name}: {heading!r:.60}: too large a number; write it as 7.9") from error
