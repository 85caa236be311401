"""Dates in many formats; the whole column decides whether day or month comes first."""

import datetime
import re
from collections.abc import Iterable
from typing import Literal

from corrotwin.twin.workbooks.sheets import Value

Order = Literal["day", "month"]

_TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AP]M|Z|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}", re.IGNORECASE)
_LOCAL = re.compile(rf"(\d{{1,2}})([-/. ])(\d{{1,2}})\2(\d{{4}}){_TIME}", re.IGNORECASE)
_NAMED = (
    "%d-%b-%Y",
    "%d %b %Y",
    "%d. %b %Y",
    "%d %B %Y",
    "%d. %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%d-%B-%Y",
)
_EARLIEST = 1900


def order_of(values: Iterable[Value]) -> Order | None:
    """Return whether day or month comes first in a column; None if every day could be read either way.

    In days with points, the day comes first.

    Raises
    ------
    TwoOrdersError
        Some texts can only have the day first, others only the month.
    TwoKindsError
        Texts fix an order, but a spreadsheet may have read all of the date cells in the other order.
    """
    examples: dict[Order, str] = {}
    values = list(values)
    for value in values:
        if not isinstance(value, str) or not (match := _LOCAL.fullmatch(value)):
            continue
        first, second = int(match[1]), int(match[3])
        if match[2] == "." or (first > 12 >= second):
            examples.setdefault("day", value)
        elif second > 12 >= first:
            examples.setdefault("month", value)
    if len(examples) == 2:
        raise TwoOrdersError(*examples.values())
    cells = [value for value in values if isinstance(value, datetime.date)]
    if examples and cells and all(cell.day <= 12 for cell in cells):
        raise TwoKindsError(next(iter(examples.values())), cells[0])
    return next(iter(examples), None)


class TwoOrdersError(Exception):
    """Days of a column are written in two orders; the arguments are one day in each order."""


class TwoKindsError(Exception):
    """Some days remained text, and the spreadsheet may have read the others in the wrong order.

    This happens if a spreadsheet expects the month first and days were written with the day first: a day up to 12
    becomes the month, and all others remain text. The arguments are one text and one date.
    """


class AmbiguousDayError(Exception):
    """A text could mean either of two days."""


def day_of(value: Value, order: Order | None) -> datetime.date:
    """Return the day in a cell.

    Raises
    ------
    ValueError
        It is no day.
    AmbiguousDayError
        It could be either of two days, and `order` does not decide.
    """
    if isinstance(value, datetime.date):
        return _plausible(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a day")
    if match := _ISO.fullmatch(value):
        return _plausible(datetime.date(int(match[1]), int(match[2]), int(match[3])))
    if match := _LOCAL.fullmatch(value):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if order is None and match[2] != "." and first != second and max(first, second) <= 12:
            raise AmbiguousDayError
        day, month = (second, first) if order == "month" or (order is None and second > 12) else (first, second)
        return _plausible(datetime.date(year, month, day))
    for pattern in _NAMED:
        try:
            return _plausible(datetime.datetime.strptime(value, pattern).date())
        except ValueError:
            continue
    raise ValueError(f"{value!r} is not a day")


def _plausible(day: datetime.date) -> datetime.date:
    if not _EARLIEST <= day.year < 2200:
        raise ValueError(f"{day} is not a day of an inspection")
    return day
