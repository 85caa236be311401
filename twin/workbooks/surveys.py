"""Readings in the rows of a sheet: one per row, or one per column of a survey."""

import calendar
import datetime
import re
from collections.abc import Iterator, Sequence

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.workbooks import days
from corrotwin.twin.workbooks.cells import SourceCell, cell_at, cells_of, is_number
from corrotwin.twin.workbooks.columns import IN_HEADING, ColumnMap, Header, names
from corrotwin.twin.workbooks.sheets import SheetRow, Value

# A heading with a year, or the number with which a spreadsheet stores a day of 1954 to 2064; or with a day or month and
# a year of two digits, such as 31/05/16 or May-16. Section 3.1.10, Row 1 2 10 or MAR 10 may mean something else.
_NAME = "|".join(filter(None, (*calendar.month_name, "Sept", *calendar.month_abbr)))
_DAY, _MONTH = "(?:0?[1-9]|[12]\\d|3[01])", "(?:0?[1-9]|1[0-2])"
_YEAR = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|^[2-5]\d{4}(?:\.\d+)?$"
    rf"|(?<![\d/.-])(?:{_DAY}[-/]{_MONTH}|{_MONTH}[-/]{_DAY})[-/]\d\d(?![\d/.-])|^{_DAY}\.{_MONTH}\.\d\d$"
    r"|^(?:0[1-9]|1[0-2])/\d\d$"
    rf"|(?i:(?<![^\W\d_])(?:{_NAME})(?:[-/]| ?')\d\d(?!\d)|\b\d\d-(?:{_NAME})\b)|(?<![^\W\d_])(?:{_NAME})[. ]*\d\d$"
)


def has_readings(header: Header) -> bool:
    """Return whether a sheet has readings: columns of days and values, or places and columns of surveys."""
    return _is_long(header) or ("place" in header.columns and bool(header.surveys))


def _is_long(header: Header) -> bool:
    return {"date", "value"} <= set(header.columns)


def readings_in(header: Header, given: ColumnMap) -> Iterator[tuple[dict[str, SourceCell], datetime.date]]:
    """Yield the cells of each reading, including its value, and its day.

    Parameters
    ----------
    header : header of the sheet.
    given : the user's description of its columns.

    Raises
    ------
    InputError
        A heading or a day cannot be read, or the sheet has readings of both kinds.
    """
    rows = [row for row in header.sheet.rows if row.number > header.row]
    if _is_long(header):
        if header.surveys:
            raise InputError(
                f"{header.sheet.where(header.row)}: has both a column of readings and columns of surveys "
                f"({names(header.headings[index] for index in header.surveys)}); keep one kind"
            )
        yield from _long(header, rows, given)
        return
    _check_years(header, rows)
    order = order_in(header, given, list(header.surveys.values()))
    surveyed = {
        index: day_in(SourceCell(value=heading, where=header.sheet.where(header.row)), order)
        for index, heading in header.surveys.items()
    }
    for row in rows:
        for index, day in surveyed.items():
            if (value := cell_at(row, index)) is not None:
                where = header.sheet.where(row.number, header.headings[index])
                unit = header.units.get(index, "")
                yield cells_of(header, row) | {"value": SourceCell(value=value, where=where, unit=unit)}, day


def _long(
    header: Header, rows: Sequence[SheetRow], given: ColumnMap
) -> Iterator[tuple[dict[str, SourceCell], datetime.date]]:
    """Yield the readings of a sheet with one reading per row."""
    date, value = header.columns["date"], header.columns["value"]
    order = order_in(header, given, [cell_at(row, date) for row in rows])
    for row in rows:
        cells = cells_of(header, row)
        if "value" in cells and "date" not in cells:
            raise InputError(f"{header.sheet.where(row.number, header.headings[date])}: is empty; give the date")
        if "value" in cells:
            yield cells, day_in(cells["date"], order)
        elif "date" in cells and "place" in cells:
            where = header.sheet.where(row.number, header.headings[value])
            raise InputError(f"{where}: is empty; fill it in, write n/a, or remove the row")


def _check_years(header: Header, rows: Sequence[SheetRow]) -> None:
    """Raise InputError if a column of numbers has a year in its heading but no day: its survey would be ignored."""
    for index, heading in header.headings.items():
        is_used = index in header.columns.values() or index in header.surveys
        if is_used or not _YEAR.search(IN_HEADING.sub("", heading).strip()):
            continue
        if any(is_number(cell_at(row, index)) for row in rows):
            raise InputError(
                f"{header.sheet.where(header.row)}: {heading!r:.60} may be a survey but is not a date; write it as "
                "2016-05-31, or remove the column"
            )


def order_in(header: Header, given: ColumnMap, values: Sequence[Value]) -> days.Order | None:
    """Return whether day or month comes first in the days of a column, from the map or the days themselves.

    Raises
    ------
    InputError
        The days are in two orders, or a spreadsheet seems to have read some in another order.
    """
    if given.dates is not None:
        return given.dates
    try:
        return days.order_of(values)
    except days.TwoOrdersError as error:
        first, second = error.args
        raise InputError(
            f"{header.sheet.where(header.row)}: dates in two orders, {first!r} and {second!r}; write all as 2016-05-31"
        ) from error
    except days.TwoKindsError as error:
        text, day = error.args
        raise InputError(
            f"{header.sheet.where(header.row)}: {text!r} is text but {day} is a date, so a spreadsheet may have "
            "swapped day and month; check both, then state with `dates` whether day or month comes first in those that "
            "are text"
        ) from error


def day_in(cell: SourceCell, order: days.Order | None) -> datetime.date:
    """Return the day in a cell.

    Raises
    ------
    InputError
        It is no day, or could be either of two days.
    """
    try:
        return days.day_of(cell.value, order)
    except days.AmbiguousDayError as error:
        raise InputError(
            f"{cell.where}: {cell.value!r} could be either of two dates; state whether day or month comes first "
            '(`dates`, or {"dates": "day"} in the column map)'
        ) from error
    except ValueError as error:
        raise InputError(f"{cell.where}: {cell.value!r:.60} is not a date; write it as 2016-05-31") from error
